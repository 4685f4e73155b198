/* Metrics, health and readiness. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "task/world.h"
#include "testing/client.h"
#include "weft.h"
#include "web/metrics.h"

WEFT_INPUT(n_in, path(int, n));
WEFT_INPUT(tenant_in, path(weft_str, tenant));

static int waits(const n_in *in, int *out)
{
    *out = in->n;
    if (in->n >= 400) return weft_fail(in->n, "as asked");
    return weft_sleep_ms(in->n);
}

static int ticks(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, WEFT_S("a")));
    WEFT_TRY(weft_sleep_ms(5000));
    return weft_write(out, WEFT_S("b"));
}

static int of_tenant(const tenant_in *in, weft_str *out) { *out = in->tenant; return 0; }

static weft_metric orders = WEFT_COUNTER("shop_orders_total", "Orders\ntaken, by \\kind.", .labels = "kind, country");
static weft_metric stock = WEFT_GAUGE("shop_stock", "What is there.");
static weft_metric sizes = WEFT_HISTOGRAM("shop_order_items", "Items of orders.", .labels = "kind", .buckets = WEFT_BUCKETS(1, 2.5, 10));
static weft_metric took = WEFT_HISTOGRAM("shop_seconds", "Time.");

static int counts(const n_in *in, int *out)
{
    *out = in->n;
    weft_counter_add(&orders, 1, "web", "DE");
    weft_counter_add(&orders, 2.5, "web", WEFT_S("A\"\\\n\xff"));
    weft_counter_add(&orders, -1, "web", "DE");
    weft_gauge_set(&stock, 7);
    weft_gauge_add(&stock, -2.5);
    weft_histogram_observe(&sizes, 1, "web");
    weft_histogram_observe(&sizes, 2, "web");
    weft_histogram_observe(&sizes, 99, "web");
    weft_histogram_observe(&took, 0.02);
    return 0;
}

typedef struct audit { char unused; } audit;
static int audit_open(const weft_none *in, audit **out) { (void)in; *out = weft_new(audit); return *out ? 0 : WEFT_ENOMEM; }
static int audit_close(audit *a, int rc) { (void)a; return weft_sleep_ms(2000) < 0 ? WEFT_EPROTO : rc; }
static const weft_provider audits = WEFT_PROVIDER(audit, weft_none, audit_open, audit_close, .after_reply = true);

static const weft_router tenants = { .prefix = "/t", .host = "{tenant}.example.com", .routes = WEFT_ROUTES(WEFT_GET("", of_tenant, tenant_in, weft_str)) };
static const weft_app app = { .routers = WEFT_ROUTERS(&tenants), .routes = WEFT_ROUTES(
    WEFT_METRICS("/metrics"), WEFT_GET("/wait/{n}", waits, n_in, int), WEFT_GET("/ticks", ticks, weft_none, weft_stream),
    WEFT_GET("/audited/{n}", waits, n_in, int, .depends = WEFT_DEPENDS(&audits)), WEFT_GET("/counts/{n}", counts, n_in, int)) };

static const char *metrics(void)
{
    weft_response r = weft_test_get(&app, "/metrics");
    WEFT_CHECK_EQ(r.status, 200);
    return r.body.ptr;
}

WEFT_TEST(requests_are_counted_by_route_and_status_and_timed)
{
    static const char *const paths[] = { "/wait/0", "/wait/3", "/wait/40", "/wait/404", "/wait/451", "/wait/x", "/none", "/ticks" };
    for (size_t i = 0; i < weft_count(paths); i++) (void)weft_test_get(&app, paths[i]);
    (void)weft_test_send(&app, "PATCH", "/wait/1", NULL, 0, NULL);
    const char *text = metrics();
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"GET\",route=\"/wait/{n}\",status=\"200\"} 3"));
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"GET\",route=\"/wait/{n}\",status=\"404\"} 1"));
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"GET\",route=\"/wait/{n}\",status=\"4xx\"} 1"));
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"GET\",route=\"/wait/{n}\",status=\"422\"} 1"));
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"\",route=\"\",status=\"404\"} 1"));
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"\",route=\"\",status=\"405\"} 1"));
    WEFT_CHECK(has_line(text, "weft_request_seconds_bucket{method=\"GET\",route=\"/wait/{n}\",le=\"0.0001\"} 4"));
    WEFT_CHECK(has_line(text, "weft_request_seconds_bucket{method=\"GET\",route=\"/wait/{n}\",le=\"0.0025\"} 4"));
    WEFT_CHECK(has_line(text, "weft_request_seconds_bucket{method=\"GET\",route=\"/wait/{n}\",le=\"0.005\"} 5"));
    WEFT_CHECK(has_line(text, "weft_request_seconds_bucket{method=\"GET\",route=\"/wait/{n}\",le=\"+Inf\"} 6"));
    WEFT_CHECK(has_line(text, "weft_request_seconds_sum{method=\"GET\",route=\"/wait/{n}\"} 0.043"));
    WEFT_CHECK(has_line(text, "weft_request_memory_bytes_count{method=\"GET\",route=\"/wait/{n}\"} 6"));
    WEFT_CHECK(has_line(text, "weft_requests_total{method=\"GET\",route=\"/ticks\",status=\"200\"} 1"));
    WEFT_CHECK(!strstr(text, "weft_request_seconds_count{method=\"GET\",route=\"/ticks\""));
    WEFT_CHECK(has_line(text, "weft_requests_in_flight 1"));
}

WEFT_TEST(what_is_closed_behind_the_answer_is_not_the_request_s_time)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/audited/3").status, 200);
    const char *text = metrics();
    WEFT_CHECK(has_line(text, "weft_request_seconds_sum{method=\"GET\",route=\"/audited/{n}\"} 0.003"));
    WEFT_CHECK(has_line(text, "weft_requests_in_flight 1"));
}

WEFT_TEST(a_route_of_a_host_names_it)
{
    weft_header host = { WEFT_S("Host"), WEFT_S("acme.example.com") };
    WEFT_CHECK_STR(weft_test_send(&app, "GET", "/t", &host, 1, NULL).body, "\"acme\"");
    WEFT_CHECK(has_line(metrics(), "weft_requests_total{method=\"GET\",route=\"/t\",host=\"{tenant}.example.com\",status=\"200\"} 1"));
}

WEFT_TEST(the_page_is_in_prometheus_s_format_and_no_documentation)
{
    weft_response r = weft_test_get(&app, "/metrics");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    WEFT_CHECK(has_line(r.body.ptr, "# TYPE weft_requests_total counter"));
    WEFT_CHECK(!strstr(weft_test_get(&app, "/openapi.json").body.ptr, "/metrics"));
}

WEFT_TEST(metrics_of_one_s_own_stand_there_with_their_labels)
{
    (void)weft_test_get(&app, "/counts/1");
    (void)weft_test_get(&app, "/counts/2");
    const char *text = metrics();
    WEFT_CHECK(has_line(text, "# HELP shop_orders_total Orders\\ntaken, by \\\\kind."));
    WEFT_CHECK(has_line(text, "shop_orders_total{kind=\"web\",country=\"DE\"} 2"));
    WEFT_CHECK(has_line(text, "shop_orders_total{kind=\"web\",country=\"A\\\"\\\\\\n?\"} 5"));
    WEFT_CHECK(has_line(text, "shop_stock 4.5"));
    WEFT_CHECK(has_line(text, "shop_order_items_bucket{kind=\"web\",le=\"1\"} 2"));
    WEFT_CHECK(has_line(text, "shop_order_items_bucket{kind=\"web\",le=\"2.5\"} 4"));
    WEFT_CHECK(has_line(text, "shop_order_items_bucket{kind=\"web\",le=\"+Inf\"} 6"));
    WEFT_CHECK(has_line(text, "shop_order_items_sum{kind=\"web\"} 204"));
    WEFT_CHECK(has_line(text, "shop_seconds_bucket{le=\"0.025\"} 2"));
    WEFT_CHECK(has_line(text, "shop_seconds_count 2"));
}

static weft_metric bad_name = WEFT_COUNTER("no name", ""), other = WEFT_COUNTER("shop_stock", ""), few = WEFT_COUNTER("few_total", "", .labels = "a, b");
static weft_metric falls = WEFT_HISTOGRAM("falls", "", .buckets = WEFT_BUCKETS(2, 1));

WEFT_TEST(a_mistake_in_a_metric_is_told_once_and_counts_nothing)
{
    weft_gauge_set(&stock, 1);
    world_capture_begin();
    for (int i = 0; i < 3; i++) {
        weft_counter_add(&bad_name, 1);
        weft_counter_add(&other, 1);
        weft_counter_add(&few, 1, "x");
        weft_histogram_observe(&falls, 1);
        weft_gauge_set(&orders, 1, "a", "b");
    }
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "is not counted"), 5);
    WEFT_CHECK(strstr(log, "metric few_total is not counted: it is given another number of labels than it has") != NULL);
    WEFT_CHECK(!strstr(metrics(), "few_total"));
}

WEFT_TEST(series_have_a_bound_and_what_is_beyond_is_counted)
{
    static weft_metric many = WEFT_COUNTER("many_total", "Many.", .labels = "n");
    for (int i = 0; i < 1500; i++) {
        char text[128];
        snprintf(text, sizeof text, "%d %0100d", i, 7);
        weft_counter_add(&many, 1, text);
        weft_counter_add(&many, 1, text);
    }
    const char *text = metrics();
    WEFT_CHECK_EQ(world_count_in(text, "many_total{"), 1024);
    WEFT_CHECK_EQ(world_count_in(text, "} 2\n"), 1024);
    WEFT_CHECK(has_line(text, "weft_series_dropped_total 952"));
}

static weft_metric shared = WEFT_COUNTER("shared_total", "Of threads.", .labels = "n");
static void *count_some(void *arg)
{
    for (int i = 0; i < 2000; i++) weft_counter_add(&shared, 1, i % 2 ? "a" : "b");
    return arg;
}

WEFT_TEST(threads_count_without_losing_any)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) WEFT_NEED(pthread_create(&threads[i], NULL, count_some, NULL) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    const char *text = metrics();
    WEFT_CHECK(has_line(text, "shared_total{n=\"a\"} 4000"));
    WEFT_CHECK(has_line(text, "shared_total{n=\"b\"} 4000"));
}

WEFT_TEST(regions_of_several_processes_are_added_up)
{
    weft__app *compiled;
    weft__buf faults, text;
    weft__buf_init(&faults, 4096);
    weft__buf_init(&text, 1 << 20);
    WEFT_NEED(weft__app_compile(&app, &compiled, &faults) == 0);
    uint32_t routes = compiled->endpoints.count;
    weft__region *other = calloc(1, weft__region_bytes(routes)), *all[] = { compiled->metrics->mine, other };
    WEFT_NEED(other != NULL);
    other->route_count = routes + 1;
    for (int i = 0; i < 2; i++) {
        all[i]->routes[routes].status[5] = (uint64_t)i + 3;
        all[i]->routes[routes].latency[2] = (uint64_t)i + 3;
        all[i]->routes[routes].bytes_max = 100 * (uint64_t)(i + 1);
    }
    weft__metrics both = { .app = compiled, .mine = all[0], .all = all, .count = 2 };
    weft__metrics_write_routes(&text, &both);
    weft__buf_add_char(&text, 0);
    WEFT_CHECK(has_line(text.ptr, "weft_requests_total{method=\"\",route=\"\",status=\"200\"} 7"));
    WEFT_CHECK(has_line(text.ptr, "weft_request_seconds_count{method=\"\",route=\"\"} 7"));
    WEFT_CHECK(has_line(text.ptr, "weft_request_memory_max_bytes{method=\"\",route=\"\"} 200"));
    weft__buf_free(&text);
    weft__buf_free(&faults);
    free(other);
    weft__app_free(compiled);
}

WEFT_TEST(an_application_without_the_route_counts_nothing)
{
    static const weft_route routes[] = { { .method = NULL } };
    static const weft_app plain = { .routes = routes };
    weft__app *compiled;
    weft__buf faults;
    weft__buf_init(&faults, 4096);
    WEFT_NEED(weft__app_compile(&plain, &compiled, &faults) == 0);
    WEFT_CHECK(compiled->metrics == NULL);
    weft__app_free(compiled);
    weft__buf_free(&faults);
}

/* ---- health ---- */

static bool database_is_down;
static int database(void)
{
    WEFT_TRY(weft_sleep_ms(100));
    return database_is_down ? weft_fail(WEFT_ECONNREFUSED, "nobody at db:5432") : 0;
}
static int slow(void) { return weft_sleep_ms(database_is_down ? 5000 : 10); }

static const weft_app watched = { .ready = WEFT_READY_WHEN({ "database", database }, { "queue", slow }),
    .routes = WEFT_ROUTES(WEFT_HEALTH("/healthz"), WEFT_READY("/readyz"), WEFT_GET("/wait/{n}", waits, n_in, int)) };

WEFT_TEST(it_is_ready_when_all_checks_say_so)
{
    weft_response r = weft_test_get(&watched, "/readyz");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "status": "ready", "checks": { "database": "ok", "queue": "ok" } });
    WEFT_CHECK_EQ(weft_test_ms(), 100);
    WEFT_CHECK_JSON(weft_test_get(&watched, "/healthz").body, { "status": "ok" });
    WEFT_CHECK_JSON(weft_test_get(&(weft_app){ .routes = watched.routes }, "/readyz").body, { "status": "ready" });
}

WEFT_TEST(a_check_that_fails_or_takes_too_long_is_named_and_why_is_for_the_log)
{
    database_is_down = true;
    world_capture_begin();
    weft_response r = weft_test_get(&watched, "/readyz");
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(r.status, 503);
    WEFT_CHECK_JSON(r.body, { "status": "not ready", "checks": { "database": "failed", "queue": "failed" } });
    WEFT_CHECK(strstr(log, "not ready: database: nobody at db:5432") != NULL);
    WEFT_CHECK_EQ(weft_test_ms(), 1000);
    WEFT_CHECK_EQ(weft_test_get(&watched, "/healthz").status, 200);
}
