/* What stands around handlers: who asks, how often it was answered, how long answers may be kept, and weft's own middleware. Try it:
 *
 *     curl -i localhost:8000/
 *     curl -i localhost:8000/orders/7
 *     curl -i -H 'X-Key: loom' localhost:8000/orders/7
 *     curl -i --compressed localhost:8000/rows  */
#include <weft.h>

/* ---- around a router: who asks ---- */

static weft_local(int) customer;
static const struct { const char *key; int id; } customers[] = { { "loom", 1 }, { "yarn", 2 } };

static int with_key(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)reply;
    weft_str key = weft_request_header(request, "X-Key");
    for (size_t i = 0; i < weft_count(customers); i++) {
        if (!weft_str_equal(key, weft_str_of(customers[i].key))) continue;
        WEFT_TRY(weft_local_set(&customer, customers[i].id));
        return weft_next_run(next);
    }
    return weft_fail(401, "send your key in X-Key");
}

WEFT_MODEL(Order, field(int, id), field(int, customer));
WEFT_INPUT(order_in, path(int, id));
static int read_order(const order_in *in, Order *out)
{
    *out = (Order){ .id = in->id, .customer = weft_local_get(&customer, 0) };
    return 0;
}

static const weft_router orders = {
    .prefix = "/orders",
    .middleware = WEFT_MIDDLEWARE(with_key),
    .routes = WEFT_ROUTES(WEFT_GET("/{id}", read_order, order_in, Order)),
};

/* ---- around everything: how often it was answered ---- */

WEFT_MODEL(Counts, field(int, good), field(int, failed));
static Counts counts;

static int count(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    int rc = weft_next_run(next);
    if (weft_reply_status_of(reply) < 400) counts.good++;
    else counts.failed++;
    return rc;
}

static int read_counts(const weft_none *in, Counts *out)
{
    (void)in;
    *out = counts;
    return 0;
}

/* ---- with a configuration of its own: how long answers may be kept ---- */

typedef struct keep { int seconds; } keep;

static void say_keep(weft_reply *reply, void *arg)
{
    const keep *k = arg;
    if (weft_reply_status_of(reply) == 200) weft_reply_header(reply, "Cache-Control", "max-age=%d", k->seconds);
}

static int keep_for(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(weft_reply_on_head(reply, say_keep, (void *)weft_next_config(next)));
    return weft_next_run(next);
}

static const keep a_minute = { .seconds = 60 };

static int rows(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/csv"));
    for (int i = 0; i < 1000; i++) {
        WEFT_TEMP;
        WEFT_TRY(weft_write(out, weft_format("%d,%d\n", i, i * i)));
    }
    return 0;
}

static int hello(const weft_none *in, weft_str *out)
{
    (void)in;
    *out = WEFT_S("hello");
    return 0;
}

const weft_app app = {
    .title = "Around",
    .middleware = WEFT_MIDDLEWARE(
        weft_access_log(),
        weft_request_ids(),
        weft_cors(.origins = "https://shop.example, https://*.shop.example", .methods = "GET, POST", .headers = "X-Key"),
        weft_security_headers(),
        weft_compression(),
        count),
    .routes = WEFT_ROUTES(
        WEFT_GET("/",       hello,       weft_none, weft_str),
        WEFT_GET("/counts", read_counts, weft_none, Counts),
        WEFT_GET("/rows",   rows,        weft_none, weft_stream, .middleware = WEFT_MIDDLEWARE(weft_with(keep_for, &a_minute)))),
    .routers = WEFT_ROUTERS(&orders),
};

int main(void) { return weft_serve(&app, .port = 8000); }
