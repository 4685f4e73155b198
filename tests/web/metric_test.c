/* Metrics of one's own: what is refused, and what becomes of values that want to break the page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "faults.h"
#include "task/world.h"
#include "weft.h"

#define COUNTER(name_, ...) WEFT_COUNTER(name_, "Help.", __VA_ARGS__)
#define HISTOGRAM(...) WEFT_HISTOGRAM("h_seconds", "Help.", __VA_ARGS__)

/* ---- refused ---- */

static const char *fault_of(weft_metric *m, weft_metric *second)
{
    return faults_of(&(weft_app){ .metrics = second ? WEFT_OWN_METRICS(m, second) : WEFT_OWN_METRICS(m), .openapi_path = "" });
}
#define REFUSED(metric, text) do { \
    weft_metric m_ = metric; \
    WEFT_CHECK_STR(weft_str_of(fault_of(&m_, NULL)), text); \
} while (0)

WEFT_TEST(names_that_prometheus_or_weft_has_a_use_for_are_refused_at_the_start)
{
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    REFUSED(COUNTER("no name"), "metric no name: its name has letters, digits and _, and begins with no digit\n");
    REFUSED(COUNTER("a:b"), "metric a:b: its name has letters, digits and _, and begins with no digit\n");
    REFUSED(COUNTER("1a"), "metric 1a: its name has letters, digits and _, and begins with no digit\n");
    REFUSED(COUNTER(""), "metric : its name has letters, digits and _, and begins with no digit\n");
    REFUSED(COUNTER(NULL), "metric without a name: its name has letters, digits and _, and begins with no digit\n");
    REFUSED(COUNTER("weft_requests_total"), "metric weft_requests_total: names that begin with weft_ or process_ are weft's own\n");
    REFUSED(COUNTER("process_x"), "metric process_x: names that begin with weft_ or process_ are weft's own\n");
    REFUSED(COUNTER("a_bucket"), "metric a_bucket: names that end with _bucket, _sum or _count are parts of histograms\n");
    REFUSED(COUNTER("a_sum"), "metric a_sum: names that end with _bucket, _sum or _count are parts of histograms\n");
    REFUSED(COUNTER("a_count"), "metric a_count: names that end with _bucket, _sum or _count are parts of histograms\n");
    WEFT_CHECK(strstr(fault_of(&(weft_metric)COUNTER(long_name), NULL), ": its name has more than 200 bytes\n") != NULL);
}

WEFT_TEST(labels_that_would_make_the_page_unreadable_are_refused_at_the_start)
{
    char long_name[70];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    REFUSED(COUNTER("a", .labels = "le"), "metric a: le and quantile are labels of histograms' own\n");
    REFUSED(COUNTER("a", .labels = "x, quantile"), "metric a: le and quantile are labels of histograms' own\n");
    REFUSED(COUNTER("a", .labels = "x,y, x"), "metric a: a label stands there twice\n");
    REFUSED(COUNTER("a", .labels = "__x"), "metric a: names of labels that begin with __ are Prometheus's own\n");
    REFUSED(COUNTER("a", .labels = "x,,y"), "metric a: names of labels have letters, digits and _, and begin with no digit\n");
    REFUSED(COUNTER("a", .labels = "x=\"1\""), "metric a: names of labels have letters, digits and _, and begin with no digit\n");
    REFUSED(COUNTER("a", .labels = "a,b,c,d,e,f,g"), "metric a: more than 6 labels\n");
    REFUSED(COUNTER("a", .labels = long_name), "metric a: a label's name has more than 63 bytes\n");
    REFUSED(COUNTER("a", .labels = "xy, x, y"), "");
}

WEFT_TEST(buckets_that_do_not_rise_to_infinity_are_refused_at_the_start)
{
    static const double many[21] = { 1 };
    REFUSED(HISTOGRAM(.buckets = WEFT_BUCKETS(2, 1)), "metric h_seconds: its buckets do not rise\n");
    REFUSED(HISTOGRAM(.buckets = WEFT_BUCKETS(1, 1)), "metric h_seconds: its buckets do not rise\n");
    REFUSED(HISTOGRAM(.buckets = WEFT_BUCKETS(1, INFINITY)), "metric h_seconds: its buckets are not all finite; the last one, +Inf, is there by itself\n");
    REFUSED(HISTOGRAM(.buckets = WEFT_BUCKETS(NAN)), "metric h_seconds: its buckets are not all finite; the last one, +Inf, is there by itself\n");
    REFUSED(HISTOGRAM(.buckets = many, .bucket_count = 21), "metric h_seconds: more than 20 buckets\n");
    REFUSED(COUNTER("a", .buckets = WEFT_BUCKETS(1)), "metric a: it has buckets, and is no histogram\n");
    REFUSED(((weft_metric){ .name = "a", .kind = 7 }), "metric a: it is no counter, gauge or histogram\n");
}

WEFT_TEST(two_of_one_name_are_refused_at_the_start)
{
    weft_metric a = COUNTER("a"), b = COUNTER("a");
    WEFT_CHECK_STR(weft_str_of(fault_of(&a, &b)), "metric a: another metric has its name\n");
    WEFT_CHECK_STR(weft_str_of(fault_of(&a, &a)), "");
}

static weft_metric own = COUNTER("weft_own"), twice = COUNTER("twice", .labels = "x,x"), never = HISTOGRAM(.buckets = WEFT_BUCKETS(1, INFINITY));

WEFT_TEST(what_is_not_listed_is_refused_when_it_is_counted)
{
    world_capture_begin();
    for (int i = 0; i < 2; i++) {
        weft_counter_add(&own, 1);
        weft_counter_add(&twice, 1, "a", "b");
        weft_histogram_observe(&never, 1);
    }
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "is not counted"), 3);
    WEFT_CHECK(strstr(log, "metric twice is not counted: a label stands there twice") != NULL);
}

/* ---- on the page ---- */

static weft_metric orders = WEFT_COUNTER("shop_orders_total", "Orders.", .labels = "kind, country, c, d, e, f");
static weft_metric stock = WEFT_GAUGE("shop_stock_pieces", "What \\ is\nthere.");
static weft_metric sizes = WEFT_HISTOGRAM("shop_order_items", "Items.", .buckets = WEFT_BUCKETS(1, 2.5, 10));
static const weft_app app = { .metrics = WEFT_OWN_METRICS(&orders, &stock, &sizes), .routes = WEFT_ROUTES(WEFT_METRICS("/metrics")) };

static const char *page(void)
{
    weft_response r = weft_test_get(&app, "/metrics");
    WEFT_CHECK_EQ(r.status, 200);
    return r.body.ptr;
}

WEFT_TEST(those_without_labels_are_there_before_they_were_counted)
{
    const char *text = page();
    WEFT_CHECK(has_line(text, "shop_stock_pieces 0"));
    WEFT_CHECK(has_line(text, "shop_order_items_bucket{le=\"+Inf\"} 0"));
    WEFT_CHECK(has_line(text, "shop_order_items_count 0"));
    WEFT_CHECK(!strstr(text, "shop_orders_total"));
}

/* Six values that differ in their last character alone, of which the last fits or does not. */
WEFT_TEST(each_label_s_value_is_cut_by_itself_at_the_end_of_a_character)
{
    char long_value[200], line[1000];
    memset(long_value, 'a', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = 0;
    memcpy(long_value + 99, "\xc3\xa9\xc3\xa9", 4);
    weft_counter_add(&orders, 1, long_value, "b", long_value, WEFT_S(""), long_value, long_value);
    memcpy(long_value + 98, "\xc3\xa9zz", 4);
    weft_counter_add(&orders, 1, long_value, "b", "c", "d", "e", "f");
    const char *text = page();
    snprintf(line, sizeof line, "shop_orders_total{kind=\"%.99s\",country=\"b\",c=\"%.99s\",d=\"\",e=\"%.99s\",f=\"%.99s\"} 1", long_value, long_value, long_value,
        long_value);
    memset(long_value, 'a', 99);
    for (char *at = line; (at = strstr(at, "a\xc3")); at++) at[1] = 'a';
    WEFT_CHECK(has_line(text, line));
    memcpy(long_value + 98, "\xc3\xa9", 2);
    snprintf(line, sizeof line, "shop_orders_total{kind=\"%.100s\",country=\"b\",c=\"c\",d=\"d\",e=\"e\",f=\"f\"} 1", long_value);
    WEFT_CHECK(has_line(text, line));
}

WEFT_TEST(values_that_come_out_as_one_are_one_series)
{
    weft_counter_add(&orders, 1, WEFT_S("\xff"), "b", "c", "d", "e", "f");
    weft_counter_add(&orders, 2, WEFT_S("\xfe"), "b", "c", "d", "e", "f");
    weft_counter_add(&orders, 4, ((weft_str){ "\0", 1 }), "b", "c", "d", "e", "f");
    WEFT_CHECK(has_line(page(), "shop_orders_total{kind=\"?\",country=\"b\",c=\"c\",d=\"d\",e=\"e\",f=\"f\"} 7"));
}

WEFT_TEST(prometheus_s_own_checker_takes_the_page_whatever_the_values_are)
{
    static const char *const values[] = { "", "\"", "\\", "\n", "\\n", "\xff\xfe", "\xe2\x82", "{}", "a=\"b\"", "\x01\x7f", "# HELP x y", "\xf0\x9f\x98\x80" };
    if (system("command -v promtool > /dev/null") != 0) WEFT_SKIP("no promtool");
    for (size_t i = 0; i < weft_count(values); i++) weft_counter_add(&orders, 1, values[i], values[i], values[i], values[i], values[i], values[i]);
    weft_gauge_set(&stock, -INFINITY);
    weft_histogram_observe(&sizes, 1e300);
    weft_histogram_observe(&sizes, NAN);
    FILE *judge = popen("promtool check metrics 2>&1", "w");
    WEFT_NEED(judge != NULL);
    fputs(page(), judge);
    WEFT_CHECK_EQ(pclose(judge), 0);
}

/* ---- checks of readiness ---- */

static int asked;
static int fine(void) { asked++; return 0; }

static const weft_route ready_routes[] = { WEFT_READY("/readyz"), { 0 } };
static weft_app ready_app(weft_check *checks, int count)
{
    static char names[70][16];
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        checks[i] = (weft_check){ names[i], fine };
    }
    checks[count] = (weft_check){ NULL, NULL };
    return (weft_app){ .ready = checks, .openapi_path = "", .routes = ready_routes };
}

WEFT_TEST(sixty_four_checks_are_asked_and_one_more_is_refused_at_the_start)
{
    static weft_check checks[70];
    static weft_app many;
    many = ready_app(checks, 64);
    WEFT_CHECK_EQ(weft_test_get(&many, "/readyz").status, 200);
    WEFT_CHECK_EQ(asked, 64);
    many = ready_app(checks, 65);
    WEFT_CHECK_STR(weft_str_of(faults_of(&many)), "application: .ready has 65 checks; at most 64 are asked\n");
}

static const weft_app misnamed = { .openapi_path = "", .ready = WEFT_READY_WHEN({ "a", fine }, { "b", fine }, { "a", fine }, { NULL, fine }, { "", fine },
    { "a name of more than one hundred bytes, which nobody reads in an answer of JSON, and which no dashboard has the room for", fine }) };

WEFT_TEST(checks_have_names_of_their_own)
{
    WEFT_CHECK_STR(weft_str_of(faults_of(&misnamed)), "application: .ready has a twice\napplication: .ready has a check without a name\n"
        "application: .ready has a check without a name\napplication: .ready has a name of more than 100 bytes\n");
}
