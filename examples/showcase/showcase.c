/* The showcase: the programs of the tutorial joined into one application, with the services it asks running as
 * processes of their own. `make run` starts it; the page at / explains it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "before.h"
#include "chat.h"
#include "login.h"
#include "page.h"
#include "services.h"
#include "users.h"
#include "weft.h"

enum { STORES = STORE5 - STORE1 + 1, STORE_TIMEOUT_MS = 2500 };

/* ---- GET / ---- */

static int index_page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S(PAGE));
}

/* ---- GET /items/{item_id}, POST /items/: try them at /docs ---- */

WEFT_MODEL(ItemId, field(int64_t, item_id));
WEFT_INPUT(item_in, path(int64_t, item_id, .doc = "Any whole number", .example = "42"));

static int read_item(const item_in *in, ItemId *out)
{
    out->item_id = in->item_id;
    return 0;
}

WEFT_MODEL(Item,
    field(weft_str, name,        .min_len = 1, .max_len = 80, .doc = "What it is called"),
    opt  (weft_str, description),
    field(double,   price,       .range = { 0, WEFT_NO_END }, .above = true),
    opt  (double,   tax,         .range = { 0, WEFT_NO_END }),
    list (weft_str, tags,        .max_items = 10, .initial = "[]"));

WEFT_INPUT(create_item_in,
    body(Item, item, .example = "{\"name\":\"Loom\",\"price\":450.0,\"tax\":85.5,\"tags\":[\"wood\"]}"));

static int create_item(const create_item_in *in, Item *out)
{
    *out = in->item;
    return 0;
}

/* ---- GET /async-task ---- */

WEFT_MODEL(Message, field(weft_str, message));

static int async_task(const weft_none *in, Message *out)
{
    (void)in;
    WEFT_TRY(weft_sleep_ms(2000));
    out->message = WEFT_S("This task was executed asynchronously!");
    return 0;
}

/* ---- POST /send-message/, /submit-task/, /items/{item_id}: answered at once, done behind it ---- */

WEFT_INPUT(send_in, query(weft_str, message, .max_len = 1000, .doc = "Two seconds later it is a line of the file WEFT_SHOWCASE_LOG"));

/* One line each, whatever is in it. */
static weft_str one_line(weft_str text)
{
    char *copy = weft_alloc(text.len + 1);
    if (!copy) return WEFT_S("");
    for (size_t i = 0; i < text.len; i++) copy[i] = (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i];
    return (weft_str){ copy, text.len };
}

static int write_message(const Message *in)
{
    const char *path = getenv("WEFT_SHOWCASE_LOG");
    WEFT_TRY(weft_sleep_ms(2000));
    if (path && *path) return weft_file_append(path, weft_format("%.*s\n", WEFT_FMT(one_line(in->message))));
    printf("message: %.*s\n", WEFT_FMT(one_line(in->message)));
    return 0;
}

static int send_message(const send_in *in, Message *out)
{
    out->message = WEFT_S("Message sent!");
    return weft_background(Message, write_message, (&(Message){ in->message }));
}

static int long_task(const weft_none *in)
{
    (void)in;
    return weft_sleep_ms(5000);
}

static int submit_task(const weft_none *in, Message *out)
{
    (void)in;
    out->message = WEFT_S("Task submitted");
    return weft_background(weft_none, long_task, NULL);
}

static int take_item(const ItemId *in) { return weft_sleep_ms(in->item_id < 5000 ? 500 : 1000); }

static int receive_item(const item_in *in, Message *out)
{
    out->message = WEFT_S("Item received");
    return weft_background(ItemId, take_item, (&(ItemId){ in->item_id }));
}

/* ---- GET /sync-task: a call that blocks, on a thread ---- */

static int sync_task(const weft_none *in, Message *out)
{
    (void)in;
    sleep(2);
    out->message = WEFT_S("This task was executed synchronously!");
    return 0;
}

/* ---- POST /upload: what a form sent ---- */

WEFT_INPUT(upload_in, form(weft_str, note, .initial = "", .max_len = 200), file(WEFT_LIST(weft_upload), files, .initial = "[]", .max_items = 10));
WEFT_MODEL(Received, field(weft_str, name), field(int64_t, bytes), field(int64_t, lines));
WEFT_MODEL(Upload, field(weft_str, note), list(Received, files));

static int count_lines(const weft_upload *file, int64_t *out)
{
    weft_str bytes;
    for (int rc; (rc = weft_upload_read(file, &bytes)) != 0;) {
        WEFT_TRY(rc);
        for (size_t i = 0; i < bytes.len; i++) *out += bytes.ptr[i] == '\n';
    }
    return 0;
}

static int upload(const upload_in *in, Upload *out)
{
    out->note = in->note;
    for (uint32_t i = 0; i < in->files.count; i++) {
        const weft_upload *file = &in->files.items[i];
        Received received = { .name = file->filename, .bytes = file->size };
        WEFT_TRY(count_lines(file, &received.lines));
        weft_push(&out->files, received);
    }
    return 0;
}

/* ---- GET /fibonacci/{n} in a process; /fibonacci-blocking/{n} on the loop, which the watchdog tells of ---- */

WEFT_INPUT(fibonacci_in, path(int, n, .range = { 0, 45 }));

static int64_t fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int fibonacci(const fibonacci_in *in, int64_t *out)
{
    *out = fib(in->n);
    return 0;
}

/* ---- GET /events: one a second; whoever comes back goes on behind the last one it got ---- */

WEFT_MODEL(Tick, field(int64_t, n), field(weft_str, says));
WEFT_INPUT(events_in, header(WEFT_OPT(int64_t), last_event_id, .range = { 0, 1e9 }, .doc = "What the client got last"));

static int events(const events_in *in, weft_events *out)
{
    static const char *const says[] = { "warp", "weft", "shuttle", "heddle", "reed" };
    WEFT_TRY(weft_event(out, .retry_ms = 1000));
    for (int64_t n = in->last_event_id.set ? in->last_event_id.value + 1 : 1;; n++) {
        WEFT_TEMP;
        Tick tick = { n, weft_str_of(says[(uint64_t)n % weft_count(says)]) };
        WEFT_TRY(weft_event_item(Tick, out, &tick, .id = weft_format("%lld", (long long)n)));
        WEFT_TRY(weft_sleep_ms(1000));
    }
}

/* ---- GET /compare-prices/{product_id}: five stores at once; one may fail alone ---- */

WEFT_MODEL(Price, field(double, price, .range = { 0, 1e9 }));
WEFT_MODEL(Offer, field(weft_str, store), field(double, price));
WEFT_MODEL(Failure, field(weft_str, store), field(weft_str, error));
WEFT_MODEL(Comparison, field(Offer, best_price), list(Offer, prices), list(Failure, failed));
WEFT_INPUT(compare_in, path(int64_t, product_id));

typedef struct ask_in { const service *store; int64_t product_id; } ask_in;

static int ask(const ask_in *in, Price *out)
{
    return weft_fetch(Price, out, "{+}/price/{}", in->store->url, in->product_id);
}

static int compare_prices(const compare_in *in, Comparison *out)
{
    ask_in asks[STORES];
    Price prices[STORES];
    weft_error errors[STORES];
    weft_call calls[STORES];

    for (int i = 0; i < STORES; i++) {
        asks[i] = (ask_in){ &services[STORE1 + i], in->product_id };
        calls[i] = weft_call(ask, &asks[i], &prices[i], .error = &errors[i], .timeout_ms = STORE_TIMEOUT_MS);
    }
    WEFT_TRY(weft_gather_n(calls, STORES));

    for (int i = 0; i < STORES; i++) {
        weft_str store = weft_str_of(services[STORE1 + i].name);
        if (errors[i].code < 0) {
            weft_push(&out->failed, (Failure){ store, weft_str_of(errors[i].text) });
            continue;
        }
        Offer offer = { store, prices[i].price };
        weft_push(&out->prices, offer);
        if (out->prices.count == 1 || offer.price < out->best_price.price) out->best_price = offer;
    }
    if (!out->prices.count) return weft_fail(502, "no store answered in time");
    return 0;
}

/* ---- GET /search/?destination=Rome: flights and hotels at once; both must answer ---- */

WEFT_MODEL(Flight, field(weft_str, number), field(double, price));
WEFT_MODEL(Hotel, field(weft_str, name), field(int, stars));
WEFT_MODEL(Trip, field(weft_str, destination), list(Flight, flights), list(Hotel, hotels));
WEFT_INPUT(search_in, query(weft_str, destination, .min_len = 1, .max_len = 64));

static int fetch_flights(const search_in *in, weft_list_Flight *out)
{
    return weft_fetch(weft_list_Flight, out, "{+}/flights?to={}", services[FLIGHTS].url, in->destination);
}

static int fetch_hotels(const search_in *in, weft_list_Hotel *out)
{
    return weft_fetch(weft_list_Hotel, out, "{+}/hotels?to={}", services[HOTELS].url, in->destination);
}

static int search(const search_in *in, Trip *out)
{
    out->destination = in->destination;
    return weft_gather(
        weft_call(fetch_flights, in, &out->flights),
        weft_call(fetch_hotels, in, &out->hotels));
}

/* ---- GET /dashboard/: three lists at once, passed on as they are ---- */

WEFT_MODEL(Dashboard, list(weft_json, users), list(weft_json, products), list(weft_json, sales));
typedef struct list_in { const char *path; } list_in;

static int fetch_list(const list_in *in, weft_list_weft_json *out)
{
    return weft_fetch(weft_list_weft_json, out, "{+}{+}", services[DASHBOARD].url, in->path);
}

static int dashboard(const weft_none *in, Dashboard *out)
{
    (void)in;
    return weft_gather(
        weft_call(fetch_list, (&(list_in){ "/users" }), &out->users),
        weft_call(fetch_list, (&(list_in){ "/products" }), &out->products),
        weft_call(fetch_list, (&(list_in){ "/sales" }), &out->sales));
}

/* ---- GET /proxy/{item_id} and GET /external: an upstream's answer, its status included ---- */

static int proxy(const item_in *in, weft_reply *out)
{
    weft_response answer;
    WEFT_TRY(weft_exchange(&answer, (), "{+}/items/{}", services[CATALOG].url, in->item_id));
    return weft_reply_response(out, &answer);
}

static int external(const weft_none *in, weft_reply *out)
{
    (void)in;
    weft_response answer;
    WEFT_TRY(weft_exchange(&answer, (), "{+}/", services[CATALOG].url));
    return weft_reply_response(out, &answer);
}

/* ---- GET /readyz: what the service that others need says ---- */

static int catalog_answers(void)
{
    weft_response answer;
    WEFT_TRY(weft_exchange(&answer, (.total_ms = 500), "{+}/health", services[CATALOG].url));
    return answer.status == 200 ? 0 : weft_fail(WEFT_EPROTO, "the catalog answers its health check with %d", answer.status);
}

#define NO_ITEM .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "The catalog has no such item"))
#define A_PAGE .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "The page", .content_type = "text/html"))
#define A_TEXT .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "What the service says", .content_type = "text/plain"))

const weft_app app = {
    .title = "showcase",
    .description = "The programs of weft's tutorial, joined into one application. Each answer can be tried here.",
    .tag_docs = WEFT_TAG_DOCS(
        { "items", "What is typed goes in and comes out" },
        { "waiting", "What waits for others, while others are served" },
        { "later", "What is done when the client has its answer" },
        { "computing", "What blocks or computes, elsewhere than on the loop" },
        { "upstreams", "What asks other services, several at once" },
        { "users", "What is kept in a database, by way of a dependency: opened before, closed behind" },
        { "login", "A token for a name and a password, and what it opens: press Authorize" }),
    .routers = WEFT_ROUTERS(&users, &login_routes, &chat),
    .routes = WEFT_ROUTES(
        WEFT_GET("/", index_page, weft_none, weft_reply, A_PAGE),
        WEFT_GET("/items/{item_id}", read_item, item_in, ItemId, .tags = WEFT_TAGS("items")),
        WEFT_POST("/items/", create_item, create_item_in, Item, .tags = WEFT_TAGS("items"),
            .description = "Answers the item as it was understood: what was left out is `null`."),
        WEFT_POST("/upload", upload, upload_in, Upload, .body_bytes_max = 64 << 20),
        WEFT_GET("/async-task", async_task, weft_none, Message, .tags = WEFT_TAGS("waiting")),
        WEFT_GET("/events", events, events_in, weft_events, .tags = WEFT_TAGS("waiting"),
            .description = "Server-sent events without an end: `curl -N` shows them, and a browser's `EventSource` comes back by itself."),
        WEFT_POST("/send-message/", send_message, send_in, Message, .tags = WEFT_TAGS("later")),
        WEFT_POST("/submit-task/", submit_task, weft_none, Message, .tags = WEFT_TAGS("later")),
        WEFT_POST("/items/{item_id}", receive_item, item_in, Message, .tags = WEFT_TAGS("later")),
        WEFT_GET("/sync-task", sync_task, weft_none, Message, .run = WEFT_IN_THREAD, .tags = WEFT_TAGS("computing")),
        WEFT_GET("/fibonacci/{n}", fibonacci, fibonacci_in, int64_t, .run = WEFT_IN_PROCESS, .tags = WEFT_TAGS("computing")),
        WEFT_GET("/fibonacci-blocking/{n}", fibonacci, fibonacci_in, int64_t, .tags = WEFT_TAGS("computing"),
            .description = "On the loop on purpose: nobody else is served meanwhile, and the log says so."),
        WEFT_GET("/compare-prices/{product_id}", compare_prices, compare_in, Comparison, .tags = WEFT_TAGS("upstreams"),
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(502, "No store answered in time"))),
        WEFT_GET("/search/", search, search_in, Trip, .tags = WEFT_TAGS("upstreams")),
        WEFT_GET("/dashboard/", dashboard, weft_none, Dashboard, .tags = WEFT_TAGS("upstreams")),
        WEFT_GET("/proxy/{item_id}", proxy, item_in, weft_reply, .tags = WEFT_TAGS("upstreams"), NO_ITEM),
        WEFT_GET("/external", external, weft_none, weft_reply, .tags = WEFT_TAGS("upstreams"), A_TEXT),
        WEFT_METRICS("/metrics"),
        WEFT_HEALTH("/healthz"),
        WEFT_READY("/readyz")),
    .ready = WEFT_READY_WHEN({ "catalog", catalog_answers }),
};

/* ---- starting: nothing is served before the services answer ---- */

static bool answers_on_purpose_badly(const service *s) { return s->fault[0] != 0; }

static int wait_for_one(const service *s)
{
    weft_response answer;
    int rc = 0;
    for (int tries = 0; tries < 50; tries++) {
        rc = weft_exchange(&answer, (.total_ms = 1000), "{+}/health", s->url);
        if (rc == 0 && answer.status == 200) return 0;
        WEFT_TRY(weft_sleep_ms(100));
    }
    return rc < 0 ? rc : weft_fail(WEFT_EPROTO, "%s answers its health check with %d", s->name, answer.status);
}

static int wait_for_services(void)
{
    WEFT_TRY(login_prepare());
    WEFT_TRY(users_prepare(), "while preparing the database");
    for (int i = 0; i < SERVICES; i++) {
        if (!answers_on_purpose_badly(&services[i])) WEFT_TRY(wait_for_one(&services[i]), "while waiting for %s", services[i].name);
    }
    return 0;
}

/* ---- the database: a file for this run alone, unless DATABASE_URL names one that stays ---- */

static char folder[256], file[300];
static const char FOLDER[] = "WEFT_SHOWCASE_FOLDER";

static void database_is_ours(const char *where)
{
    if (where != folder) snprintf(folder, sizeof folder, "%s", where);
    snprintf(file, sizeof file, "%s/showcase.db", folder);
}

static bool database_choose(void)
{
    char url[320];
    bool ours;
    const char *temp = getenv("TMPDIR"), *before = before_find(FOLDER, &ours);
    if (before && ours) database_is_ours(before);
    if (getenv("DATABASE_URL")) return true;
    int n = snprintf(folder, sizeof folder, "%s/weft-showcase-XXXXXX", temp && *temp == '/' ? temp : "/tmp");
    if (n < 0 || (size_t)n >= sizeof folder || !mkdtemp(folder)) {
        fprintf(stderr, "showcase: no folder for the database can be made below %s\n", temp ? temp : "/tmp");
        *folder = 0;
        return false;
    }
    database_is_ours(folder);
    snprintf(url, sizeof url, "sqlite:///%s", file);
    return setenv("DATABASE_URL", url, 1) == 0 && before_leave(FOLDER, folder);
}

static void database_forget(void)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
    char path[320];
    if (!*folder) return;
    for (size_t i = 0; i < weft_count(ends); i++) {
        snprintf(path, sizeof path, "%s%s", file, ends[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void say_what_runs(void)
{
    if (*folder) printf("The database is %s, for this run alone; DATABASE_URL=sqlite:///users.db keeps one here.\n", file);
    printf("Behind the showcase, each a process of its own:\n");
    for (int i = 0; i < SERVICES; i++) {
        const service *s = &services[i];
        printf("  %-10s %s  answers after %d ms%s%s\n", s->name, s->url, s->delay_ms, *s->fault ? ", broken: " : "", s->fault);
    }
    printf("Ctrl-C ends the showcase and all of these.\n");
    fflush(stdout);
}

static int usage(const char *wrong)
{
    if (wrong) fprintf(stderr, "showcase: '%s' is no option of mine\n", wrong);
    fprintf(wrong ? stderr : stdout, "usage: showcase [--port N] [--tls]\n"
        "  --tls                                 https, with a certificate made on the spot that nobody else has signed\n"
        "  WEFT_SHOWCASE_DELAY_MS=N              every service answers after N ms\n"
        "  WEFT_SHOWCASE_FAULTS=store2:500,...   breaks stores: a status, hang, refuse, garbage, cut\n"
        "  DATABASE_URL=sqlite:///users.db       where users are kept (or postgresql://, mysql://); without it, in a file that goes with the showcase\n"
        "  WEFT_SHOWCASE_LOG=FILE                where POST /send-message/ writes its messages\n");
    return wrong ? 2 : 0;
}

static int read_port(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (!*text || *end || port < 1 || port > 65535) {
        fprintf(stderr, "showcase: the port is '%s': expected a number from 1 to 65535\n", text);
        return -1;
    }
    return (int)port;
}

/* For this run alone: a browser warns of it, and curl wants -k. */
static const weft_tls_cert *made_on_the_spot(void)
{
    static weft_tls_made made;
    static weft_tls_cert certs[2];
    if (weft_tls_self_signed(&made, "localhost, 127.0.0.1, ::1", 30) < 0) return NULL;
    certs[0] = (weft_tls_cert){ .cert_pem = weft_str_of(made.cert), .key_pem = weft_str_of(made.key) };
    return certs;
}

int main(int argc, char **argv)
{
    int port = 8000;
    bool tls = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return usage(NULL);
        if (strcmp(argv[i], "--tls") == 0) {
            tls = true;
            continue;
        }
        if (strncmp(argv[i], "--port", 6) != 0 || (argv[i][6] && argv[i][6] != '=')) return usage(argv[i]);
        const char *value = argv[i][6] ? argv[i] + 7 : i + 1 < argc ? argv[++i] : "";
        if ((port = read_port(value)) < 0) return 2;
    }
    bool again = services_were_there();
    if (!database_choose() || !services_start()) {
        database_forget();
        return 1;
    }
    int status = weft_run(wait_for_services);
    if (status == 0) {
        if (!again) say_what_runs();
        const weft_tls_cert *certs = tls ? made_on_the_spot() : NULL;
        if (tls && !certs) fprintf(stderr, "showcase: no certificate can be made\n");
        status = tls && !certs ? 1 : weft_serve(&app, .port = port, .tls = { .certs = certs });
    }
    services_stop();
    database_forget();
    return status;
}
