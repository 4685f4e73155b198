/* gcc:   handler .*read_item.* must be declared: int read_item[(]const read_item_in [*]in, Item [*]out[)]
 * clang: handler .*read_item.* must be declared: int read_item[(]const read_item_in [*]in, Item [*]out[)] */
#include "weft/web.h"

WEFT_MODEL(Item, field(int64_t, id));
WEFT_INPUT(read_item_in, path(int64_t, id));
static int read_item(const Item *in, Item *out) { *out = *in; return 0; }
const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/items/{id}", read_item, read_item_in, Item)) };    /* HERE */
