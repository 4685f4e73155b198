/* Items: what stands under /items. */
#include "parts.h"

WEFT_MODEL(Item, field(int64_t, id), field(weft_str, name));
WEFT_INPUT(item_in, path(int64_t, id));

static const Item all[] = { { 1, WEFT_S("Linen") }, { 2, WEFT_S("Wool") } };

static int list_items(const weft_none *in, weft_list_Item *out)
{
    (void)in;
    for (size_t i = 0; i < weft_count(all); i++) weft_push(out, all[i]);
    return 0;
}

static int read_item(const item_in *in, Item *out)
{
    for (size_t i = 0; i < weft_count(all); i++) {
        if (all[i].id != in->id) continue;
        *out = all[i];
        return 0;
    }
    return weft_fail(404, "no item %lld", (long long)in->id);
}

const weft_router items = {
    .prefix = "/items", .tag = "items",
    .routes = WEFT_ROUTES(
        WEFT_GET("/",     list_items, weft_none, weft_list_Item),
        WEFT_GET("/{id}", read_item,  item_in,   Item)),
};
