/* What loads of tests/e2e are let at: routes that take bodies, answers that are larger than a slow client's patience, an echo of WebSockets.
 *   Usage: e2e-load-server FILE, a large one; the environment's PORT, WORKERS, CONNECTIONS, HEAD_MS, BODY_MS, WRITE_MS and GRACE_MS; KEEPS: a shop instead,
 *   whose numbers, limits and keys are kept; GOODS: a library that it loads  */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

enum { ROWS = 64 * 1024, ROW_BYTES = 1024 };

static const char *path;
static int number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

WEFT_MODEL(Greeting, field(weft_str, text));
static int greet(const weft_none *in, Greeting *out)
{
    (void)in;
    out->text = WEFT_S("hello");
    return 0;
}

WEFT_MODEL(Order, field(weft_str, item, .max_len = 100000), field(int, quantity));
WEFT_INPUT(order_in, body(Order, order));
static int order(const order_in *in, Greeting *out)
{
    out->text = in->order.item;
    return 0;
}

/* Piece by piece, and none of it kept. */
WEFT_INPUT(pour_in, body(weft_body, bytes));
static int pour(const pour_in *in, Greeting *out)
{
    weft_str piece;
    int rc;
    while ((rc = weft_body_read(&in->bytes, &piece)) > 0) continue;
    out->text = WEFT_S("all of it");
    return rc;
}

static int rows(const weft_none *in, weft_stream *out)
{
    static char row[ROW_BYTES];
    (void)in;
    memset(row, 'r', sizeof row);
    for (int i = 0; i < ROWS; i++) WEFT_TRY(weft_write(out, (weft_str){ row, sizeof row }));
    return 0;
}

static int file(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_file(out, path);
}

static int worker(const weft_none *in, int *out)
{
    (void)in;
    *out = getpid();
    return 0;
}

static int echo(const weft_none *in, weft_ws *ws)
{
    weft_str said;
    int rc;
    (void)in;
    while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_ws_send(ws, said));
    return rc;
}

static const weft_app app = { .title = "load", .routes = WEFT_ROUTES(
    WEFT_GET("/", greet, weft_none, Greeting),
    WEFT_POST("/orders", order, order_in, Greeting),
    WEFT_POST("/pour", pour, pour_in, Greeting),
    WEFT_GET("/rows", rows, weft_none, weft_stream),
    WEFT_GET("/file", file, weft_none, weft_reply),
    WEFT_GET("/worker", worker, weft_none, int),
    WEFT_WS("/echo", echo, weft_none)) };

/* What is to outlive a reload: a number of the program's own, a limit, and what a key was answered with. */
static weft_metric bought = WEFT_COUNTER("shop_bought_total", "What was bought.", .labels = "kind");
static weft_metric *(*goods_sold)(void);         /* of the library that GOODS names */
static int buy(const weft_none *in, int *out)
{
    weft_counter_add(&bought, 1, "tea");
    if (goods_sold) weft_counter_add(goods_sold(), 1, "tea");
    return worker(in, out);
}

static const weft_app keeps = { .title = "keeps", .routes = WEFT_ROUTES(
    WEFT_METRICS("/metrics"),
    WEFT_GET("/worker", worker, weft_none, int),
    WEFT_POST("/buy", buy, weft_none, int, .middleware = WEFT_MIDDLEWARE(weft_idempotency())),
    WEFT_GET("/few", worker, weft_none, int, .middleware = WEFT_MIDDLEWARE(weft_rate_limit(.limit = 10, .window_s = 36000))),
    WEFT_WS("/echo", echo, weft_none)) };

static bool load_goods(const char *library)
{
    void *goods = library ? dlopen(library, RTLD_NOW) : NULL;
    void *found = goods ? dlsym(goods, "goods_sold") : NULL;
    memcpy(&goods_sold, &found, sizeof found);
    return !library || goods_sold;
}

int main(int argc, char **argv)
{
    if (argc != 2 || !load_goods(getenv("GOODS"))) return 2;
    path = argv[1];
    return weft_serve(getenv("KEEPS") ? &keeps : &app, .port = number("PORT", 8000), .workers = number("WORKERS", 0), .connections_max = number("CONNECTIONS", 10100), .head_timeout_ms = number("HEAD_MS", 0),
        .body_timeout_ms = number("BODY_MS", 0), .write_timeout_ms = number("WRITE_MS", 0), .grace_ms = number("GRACE_MS", 0), .watchdog_ms = -1);
}
