/* A validated body, a status of its own, a header on the answer. */
#include <weft.h>

WEFT_ENUM(Status, value(STATUS_OPEN, "open"), value(STATUS_SENT, "sent"));

WEFT_MODEL(NewOrder,
    field(weft_str, email,    .pattern = "^[^@ ]+@[^@ ]+$", .max_len = 100),
    field(int,      quantity, .range = { 1, 100 }),
    list (weft_str, notes,    .max_items = 5));

WEFT_MODEL(Order,
    field(int64_t,  id),
    embed(NewOrder, order),
    field(Status,   status));

WEFT_INPUT(create_in,
    body (NewOrder, order),
    reply(reply));

static int create_order(const create_in *in, Order *out)
{
    static int64_t last_id;

    if (weft_str_equal(in->order.email, WEFT_S("blocked@example.com")))
        return weft_fail(403, "%.*s may not order", WEFT_FMT(in->order.email));

    *out = (Order){ .id = ++last_id, .order = in->order, .status = STATUS_OPEN };
    return weft_reply_header(in->reply, "Location", "/orders/%lld", (long long)out->id);
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_POST("/orders", create_order, create_in, Order, .status = 201)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
