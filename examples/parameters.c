/* Values of the path and of the query: converted, limited, listed, with names of their own, grouped in a model. */
#include <weft.h>

WEFT_ENUM(Order, value(BY_NAME, "name"), value(BY_PRICE, "price"));

/* What many routes take: declared once. */
WEFT_MODEL(Page,
    field(int, limit,  .range = { 1, 100 },         .initial = "10"),
    field(int, offset, .range = { 0, WEFT_NO_END }, .initial = "0"));

WEFT_INPUT(search_in,
    path (weft_str,            shop,     .pattern = "^[a-z]+$"),
    query(WEFT_OPT(weft_str),  q,        .min_len = 3, .max_len = 50),
    query(WEFT_LIST(weft_str), tags,     .as = "tag", .max_items = 5, .initial = "[]"),
    query(Order,               order,    .as = "order-by", .initial = "name"),
    query(bool,                in_stock, .initial = "false"),
    query(Page,                page));

WEFT_MODEL(Search,
    field(weft_str, shop),
    opt  (weft_str, q),
    list (weft_str, tags),
    field(Order,    order),
    field(bool,     in_stock),
    embed(Page,     page));

static int search(const search_in *in, Search *out)
{
    *out = (Search){ in->shop, in->q, in->tags, in->order, in->in_stock, in->page };
    return 0;
}

WEFT_INPUT(file_in, path(weft_str, name));
WEFT_MODEL(File, field(weft_str, name));

static int read_file(const file_in *in, File *out)
{
    out->name = in->name;
    return 0;
}

WEFT_INPUT(version_in, path(int, major), path(int, minor));
WEFT_MODEL(Version, field(int, major), field(int, minor));

static int read_version(const version_in *in, Version *out)
{
    *out = (Version){ in->major, in->minor };
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_GET("/shops/{shop}/items",  search,       search_in,  Search),
        WEFT_GET("/files/{name:path}",   read_file,    file_in,    File),
        WEFT_GET("/v{major}/from/{minor}", read_version, version_in, Version)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
