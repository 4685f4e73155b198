/* The first program: a typed path parameter, an optional query parameter, JSON out. */
#include <weft.h>

WEFT_MODEL(Item,
    field(int64_t,  item_id),
    opt  (weft_str, q));

WEFT_INPUT(read_item_in,
    path (int64_t,            item_id),
    query(WEFT_OPT(weft_str), q));

static int read_item(const read_item_in *in, Item *out)
{
    *out = (Item){ .item_id = in->item_id, .q = in->q };
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_GET("/items/{item_id}", read_item, read_item_in, Item)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
