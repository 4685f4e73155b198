/* A program as users write it, built outside the tree. */
#include <weft.h>

WEFT_MODEL(Item,
    field(int64_t,  item_id),
    opt  (weft_str, q, .max_len = 20));

WEFT_INPUT(read_item_in,
    path (int64_t,            item_id, .range = { 1, WEFT_NO_END }),
    query(WEFT_OPT(weft_str), q));

static int read_item(const read_item_in *in, Item *out)
{
    if (in->item_id > 1000) return weft_fail(404, "no item %lld", (long long)in->item_id);
    WEFT_TRY(weft_sleep_ms(5));
    *out = (Item){ .item_id = in->item_id, .q = in->q };
    return 0;
}

const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/items/{item_id}", read_item, read_item_in, Item)) };

int main(void) { return weft_serve(&app, .port = 8000); }
