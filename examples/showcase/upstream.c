/* The services that the showcase asks: a weft program of its own for each.
 *
 *     upstream ROLE [DELAY_MS] [FAULT]
 *
 * ROLE is store1 to store5, flights, hotels, dashboard, catalog or api. It listens on a free port and prints which.
 * FAULT is a status (every answer has it), "hang" (never answers), "garbage" (answers what is no HTTP) or
 * "cut" (ends in the middle of an answer). "refuse" needs no process: nobody listens then.  */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "weft.h"

static int delay_ms, fault_status, store_number;
static const char *role;
static bool hangs;

/* Every answer of a service passes here first. Whoever asked and leaves, or is cancelled, calls it off: nobody computes for nobody. */
static int service(void)
{
    int64_t began_ns = weft_now_ns();
    int rc = weft_sleep_ms(hangs ? 24 * 3600 * 1000 : delay_ms);
    if (rc == WEFT_ECANCELED) weft_log_info("%s: called off after %lld ms", role, (long long)((weft_now_ns() - began_ns) / 1000000));
    WEFT_TRY(rc);
    if (fault_status) return weft_fail(fault_status, "a fault that was switched on");
    return 0;
}

static int health(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_text(out, WEFT_S("ready"));
}

/* ---- a store ---- */

WEFT_MODEL(Price, field(double, price));
WEFT_INPUT(price_in, path(int64_t, product_id));

static int price(const price_in *in, Price *out)
{
    WEFT_TRY(service());
    int64_t cents = 1000 + (in->product_id * 37 + store_number * 211) % 9000;
    out->price = (double)cents / 100;
    return 0;
}

/* ---- flights and hotels ---- */

WEFT_MODEL(Flight, field(weft_str, number), field(double, price));
WEFT_MODEL(Hotel, field(weft_str, name), field(int, stars));
WEFT_INPUT(place_in, query(weft_str, to, .max_len = 64));

static int flights(const place_in *in, weft_list_Flight *out)
{
    WEFT_TRY(service());
    weft_push(out, (Flight){ weft_format("WF 100 to %.*s", WEFT_FMT(in->to)), 89.5 });
    weft_push(out, (Flight){ weft_format("WF 204 to %.*s", WEFT_FMT(in->to)), 120 });
    return 0;
}

static int hotels(const place_in *in, weft_list_Hotel *out)
{
    WEFT_TRY(service());
    weft_push(out, (Hotel){ weft_format("Grand %.*s", WEFT_FMT(in->to)), 5 });
    weft_push(out, (Hotel){ WEFT_S("Station"), 2 });
    return 0;
}

/* ---- the dashboard's three services ---- */

WEFT_MODEL(User, field(int64_t, id), field(weft_str, name));
WEFT_MODEL(Product, field(int64_t, id), field(weft_str, name), field(double, price));
WEFT_MODEL(Sale, field(int64_t, product_id), field(int, quantity));

static int users(const weft_none *in, weft_list_User *out)
{
    (void)in;
    WEFT_TRY(service());
    weft_push(out, (User){ 1, WEFT_S("Ada") });
    weft_push(out, (User){ 2, WEFT_S("Grace") });
    return 0;
}

static int products(const weft_none *in, weft_list_Product *out)
{
    (void)in;
    WEFT_TRY(service());
    weft_push(out, (Product){ 1, WEFT_S("Loom"), 450 });
    weft_push(out, (Product){ 2, WEFT_S("Shuttle"), 12.5 });
    return 0;
}

static int sales(const weft_none *in, weft_list_Sale *out)
{
    (void)in;
    WEFT_TRY(service());
    weft_push(out, (Sale){ 2, 30 });
    return 0;
}

/* ---- the catalog: what /proxy and /external pass on ---- */

WEFT_MODEL(Item, field(int64_t, id), field(weft_str, title));
WEFT_INPUT(item_in, path(int64_t, id));

static int item(const item_in *in, Item *out)
{
    WEFT_TRY(service());
    if (in->id < 1 || in->id > 100) return weft_fail(404, "no item %lld in the catalog", (long long)in->id);
    *out = (Item){ in->id, weft_format("Item number %lld", (long long)in->id) };
    return 0;
}

/* ---- what aggregator.c asks ---- */

WEFT_MODEL(Weather, field(weft_str, city), field(double, celsius));
WEFT_MODEL(Stock, field(weft_str, symbol), field(double, price));

static int weather(const weft_none *in, Weather *out)
{
    (void)in;
    WEFT_TRY(service());
    *out = (Weather){ WEFT_S("Oslo"), -3.5 };
    return 0;
}

static int stock(const weft_none *in, Stock *out)
{
    (void)in;
    WEFT_TRY(service());
    *out = (Stock){ WEFT_S("WEFT"), 12.25 };
    return 0;
}

static int user(const weft_none *in, User *out)
{
    (void)in;
    WEFT_TRY(service());
    *out = (User){ 1, WEFT_S("Ada") };
    return 0;
}

static int greeting(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(service());
    return weft_reply_text(out, WEFT_S("Hello from a service outside.\n"));
}

static const weft_app app = {
    .title = "upstream",
    .routes = WEFT_ROUTES(
        WEFT_GET("/health", health, weft_none, weft_reply),
        WEFT_GET("/price/{product_id}", price, price_in, Price),
        WEFT_GET("/flights", flights, place_in, weft_list_Flight),
        WEFT_GET("/hotels", hotels, place_in, weft_list_Hotel),
        WEFT_GET("/users", users, weft_none, weft_list_User),
        WEFT_GET("/products", products, weft_none, weft_list_Product),
        WEFT_GET("/sales", sales, weft_none, weft_list_Sale),
        WEFT_GET("/items/{id}", item, item_in, Item),
        WEFT_GET("/weather", weather, weft_none, Weather),
        WEFT_GET("/stock", stock, weft_none, Stock),
        WEFT_GET("/user", user, weft_none, User),
        WEFT_GET("/", greeting, weft_none, weft_reply)),
};

/* ---- a service so broken that no HTTP server could play it ---- */

static int break_every_answer(const char *bytes)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) < 0 || listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) < 0) {
        perror("upstream: cannot listen");
        return 1;
    }
    printf("upstream listening on http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        char request[2048];
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno != EINTR) return 1;
        if (fd < 0) continue;
        if (recv(fd, request, sizeof request, 0) > 0) (void)send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
        close(fd);
    }
}

int main(int argc, char **argv)
{
    const char *fault = argc > 3 ? argv[3] : "";
    role = argc > 1 ? argv[1] : "";
    if (argc > 2) delay_ms = atoi(argv[2]);
    if (strncmp(role, "store", 5) == 0) store_number = atoi(role + 5);
    if (strcmp(fault, "garbage") == 0) return break_every_answer("this is no HTTP at all\r\n\r\n");
    if (strcmp(fault, "cut") == 0) {
        return break_every_answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"price\":");
    }
    hangs = strcmp(fault, "hang") == 0;
    fault_status = atoi(fault);
    return weft_serve(&app, .port = -1, .grace_ms = 1);
}
