#ifndef WEFT_METRICS_H
#define WEFT_METRICS_H
/* What others watch a server by: numbers for Prometheus, and whether it is alive and ready.
 *
 *     static weft_metric orders = WEFT_COUNTER("shop_orders_total", "Orders taken, by kind.", .labels = "kind");
 *     weft_counter_add(&orders, 1, "web");
 *
 *     .metrics = WEFT_OWN_METRICS(&orders),
 *     .routes = WEFT_ROUTES(WEFT_METRICS("/metrics"), WEFT_HEALTH("/healthz"), WEFT_READY("/readyz"), ...)
 *                                                                     Example: examples/watched.c  */
#include "weft/web.h"

/* ---- routes ---- */

/* The numbers, in Prometheus's text format 0.0.4. A route like others: in a router, behind middleware and dependencies, and out of the
 * documentation. With one of them the application counts (some 40 ns a request), without it does not:
 *
 *   weft_requests_total{method,route,status}        status as it was sent, or "2xx" and so on for rare ones; route "" for what no route fits
 *   weft_request_seconds{method,route}              a histogram, from the turn of the loop in which the request was read to its answer;
 *                                                   without answers that are written over time, and what is closed behind the answer
 *   weft_request_memory_bytes{method,route}         of the request's arena: _sum, _count
 *   weft_request_memory_max_bytes{method,route}     the largest of them
 *   weft_requests_in_flight, weft_connections, weft_tasks, weft_tasks_started_total
 *   weft_loop_lag_seconds                           a histogram: how much later than it should a timer of 250 ms fired
 *   weft_loop_blocked_total{work,place}, weft_loop_blocked_seconds_total{work,place}        what the watchdog saw
 *   weft_pool_threads_max{pool}, weft_pool_running{pool}, weft_pool_waiting{pool}
 *   weft_processes, weft_processes_busy, weft_processes_waiting         once there are some
 *   weft_background_tasks, weft_background_started_total, weft_background_failed_total      the first: those that wait to start or run
 *   weft_workers, weft_worker_restarts_total        of a server with workers: that serve, and those that were started in the place of one that ended
 *   weft_log_lines_total{level}, weft_log_dropped_total
 *   weft_series_dropped_total                       values of yours that found no room
 *   process_cpu_seconds_total, process_resident_memory_bytes, process_start_time_seconds
 *
 * and what you count yourself. Routes of hosts have a label host, too. */
#define WEFT_METRICS(path_, ...) WEFT__WATCHING(path_, "metrics", weft__metrics_answer, __VA_ARGS__)
/* 200 as long as the loop turns. */
#define WEFT_HEALTH(path_, ...) WEFT__WATCHING(path_, "health", weft__health_answer, __VA_ARGS__)
/* 200 when the server takes requests and all .ready checks of the application succeed, else 503, with each check's name: {"status":"not ready",
 * "checks":{"database":"failed"}}; why is for the log. From SIGTERM on it is 503. */
#define WEFT_READY(path_, ...) WEFT__WATCHING(path_, "ready", weft__ready_answer, __VA_ARGS__)
#define WEFT__WATCHING(path_, name_, f, ...) { .method = "GET", .path = path_, .name = name_, .handler = (weft__fn *)(f), .in = &weft_schema_weft_none, \
    .out = &weft_schema_weft_reply, .undocumented = true, __VA_ARGS__ }
int weft__metrics_answer(const weft_none *in, weft_reply *out);
int weft__health_answer(const weft_none *in, weft_reply *out);
int weft__ready_answer(const weft_none *in, weft_reply *out);

/* ---- your own numbers ---- */

/* A metric: a static object, of the program or of a library that stays loaded (in a process that has not loaded it, it is not on the page). Names and labels as Prometheus wants them (letters, digits, _); labels: their names, with commas between. A name does not begin with
 * weft_ or process_, nor end with _bucket, _sum or _count (that of a counter should end with _total), and has 200 bytes at most. At most 6 labels, each once, none of them le, quantile or __...;
 * a value is cut at 100 bytes, at the end of a character, and what is no UTF-8 in it becomes '?'. At most 1024 series in a process: what comes beyond is counted in
 * weft_series_dropped_total, so no user's input should be a label.
 * .buckets of a histogram: WEFT_BUCKETS(0.1, 1, 10), finite, rising, 20 at most; without them 0.005 to 10, for seconds. */
typedef struct weft_metric {
    const char *name, *help;
    enum { WEFT__COUNTER, WEFT__GAUGE, WEFT__HISTOGRAM } kind;
    const char *labels;
    const double *buckets;
    size_t bucket_count;
    struct weft__series *only;           /* of one without labels, once it was used */
    bool faulty, checked;
} weft_metric;
#define WEFT_COUNTER(name_, help_, ...)   { .name = name_, .help = help_, .kind = WEFT__COUNTER, __VA_ARGS__ }
#define WEFT_GAUGE(name_, help_, ...)     { .name = name_, .help = help_, .kind = WEFT__GAUGE, __VA_ARGS__ }
#define WEFT_HISTOGRAM(name_, help_, ...) { .name = name_, .help = help_, .kind = WEFT__HISTOGRAM, __VA_ARGS__ }
#define WEFT_BUCKETS(...) (const double[]){ __VA_ARGS__ }, .bucket_count = sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double)

/* .metrics = WEFT_OWN_METRICS(&orders, &stock) of an application: what is wrong with one of them is told when the program starts, and those without labels
 * are on the page from the start, with 0. One that is not listed is there once it was counted. */
#define WEFT_OWN_METRICS(...) (weft_metric *const[]){ __VA_ARGS__, 0 }

/* Count: label values stand behind, texts (weft_str or C strings), as many as there are labels. A counter never falls: less than 0 is
 * left out. From any thread. A mistake (another kind, another number of labels; of one that is not listed all that a start refuses) is logged once, and nothing is counted. Wait: never. */
#define weft_counter_add(m, value, ...)       weft__metric_add((m), WEFT__COUNTER, (value), WEFT__LABELS(__VA_ARGS__))
#define weft_gauge_add(m, value, ...)         weft__metric_add((m), WEFT__GAUGE, (value), WEFT__LABELS(__VA_ARGS__))
#define weft_gauge_set(m, value, ...)         weft__metric_set((m), (value), WEFT__LABELS(__VA_ARGS__))
#define weft_histogram_observe(m, value, ...) weft__metric_observe((m), (value), WEFT__LABELS(__VA_ARGS__))
#define WEFT__LABELS(...) WEFT__LABELS_##__VA_OPT__(1)(__VA_ARGS__)
#define WEFT__LABELS_() NULL, 0
#define WEFT__LABELS_1(...) (const weft_str[]){ WEFT__LIST(WEFT__LABEL, __VA_ARGS__) }, WEFT__COUNT(__VA_ARGS__)
#define WEFT__LABEL(x) _Generic((x), weft_str: weft__same, char *: weft_str_of, const char *: weft_str_of)(x)
static inline weft_str weft__same(weft_str s) { return s; }
void weft__metric_add(weft_metric *m, int kind, double value, const weft_str *labels, size_t count);
void weft__metric_set(weft_metric *m, double value, const weft_str *labels, size_t count);
void weft__metric_observe(weft_metric *m, double value, const weft_str *labels, size_t count);
#endif
