/* The HTTP benchmark as one writes it with weft: a typed path parameter, and a validated JSON body.
 * Usage: weft_http PORT [watched | tls CERT KEY]     watched: with request ids, an access log on stdout and metrics  */
#include <stdlib.h>
#include <string.h>
#include "weft.h"

WEFT_MODEL(Item, field(int64_t, item_id));
WEFT_MODEL(NewItem,
    field(weft_str, name,  .min_len = 1, .max_len = 100),
    field(double,   price, .range = { 0, WEFT_NO_END }),
    list (weft_str, tags,  .max_items = 16));

WEFT_INPUT(read_item_in, path(int64_t, item_id));
WEFT_INPUT(create_item_in, body(NewItem, item));

static int read_item(const read_item_in *in, Item *out)
{
    out->item_id = in->item_id;
    return 0;
}

static int create_item(const create_item_in *in, NewItem *out)
{
    *out = in->item;
    return 0;
}

#define ROUTES WEFT_GET("/items/{item_id}", read_item, read_item_in, Item), WEFT_POST("/items", create_item, create_item_in, NewItem)

const weft_app app = { .routes = WEFT_ROUTES(ROUTES) };

static const weft_app watched = {
    .middleware = WEFT_MIDDLEWARE(weft_request_ids(), weft_access_log()),
    .routes = WEFT_ROUTES(ROUTES, WEFT_METRICS("/metrics")),
};

int main(int argc, char **argv)
{
    bool is_watched = argc > 2 && strcmp(argv[2], "watched") == 0;
    if (argc > 4 && strcmp(argv[2], "tls") == 0)
        return weft_serve(&app, .port = atoi(argv[1]), .connections_max = 12000,
            .tls = { .certs = WEFT_TLS_CERTS({ .cert_file = argv[3], .key_file = argv[4] }) });
    /* More connections than the default of 10 000: that many stay idle while others are served. */
    return weft_serve(is_watched ? &watched : &app, .port = argc > 1 ? atoi(argv[1]) : 8000, .connections_max = 12000);
}
