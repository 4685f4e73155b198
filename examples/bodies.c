/* Bodies: one model, several of them, one that is named, a list, a map with numbers for keys. */
#include <weft.h>

WEFT_MODEL(Image,
    field(weft_str, url, .format = WEFT_URL),
    field(weft_str, name));

WEFT_MODEL(Item,
    field(weft_str, name),
    opt  (weft_str, description, .max_len = 300),
    field(double,   price,       .range = { 0, WEFT_NO_END }, .above = true),
    list (weft_str, tags,        .unique = true, .initial = "[]"),
    list (Image,    images,      .initial = "[]"));

WEFT_MODEL(User, field(weft_str, username), opt(weft_str, full_name));

WEFT_INPUT(create_in, path(int64_t, id), body(Item, item));
WEFT_MODEL(Created, field(int64_t, id), embed(Item, item));

static int create(const create_in *in, Created *out)
{
    *out = (Created){ in->id, in->item };
    return 0;
}

WEFT_INPUT(sell_in, body(Item, item), body(User, buyer), body(int, pieces, .range = { 1, 100 }, .initial = "1"));
WEFT_MODEL(Sold, field(weft_str, username), field(double, price));

static int sell(const sell_in *in, Sold *out)
{
    *out = (Sold){ in->buyer.username, in->item.price * in->pieces };
    return 0;
}

WEFT_INPUT(rename_in, path(int64_t, id), body(weft_str, name, .embed = true, .min_len = 1));
WEFT_MODEL(Renamed, field(int64_t, id), field(weft_str, name));

static int rename_item(const rename_in *in, Renamed *out)
{
    *out = (Renamed){ in->id, in->name };
    return 0;
}

WEFT_INPUT(images_in, body(WEFT_LIST(Image), images, .max_items = 10));
WEFT_MODEL(Count, field(int, count));

static int add_images(const images_in *in, Count *out)
{
    out->count = (int)in->images.count;
    return 0;
}

WEFT_INPUT(weights_in, body(WEFT_MAP(double), weights, .int_keys = true));

static int weigh(const weights_in *in, weft_map_double *out)
{
    *out = in->weights;
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_PUT ("/items/{id}",      create,      create_in,  Created),
        WEFT_PUT ("/items/{id}/name", rename_item, rename_in,  Renamed),
        WEFT_POST("/sales",           sell,        sell_in,    Sold),
        WEFT_POST("/images",          add_images,  images_in,  Count),
        WEFT_POST("/weights",         weigh,       weights_in, weft_map_double)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
