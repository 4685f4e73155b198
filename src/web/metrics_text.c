/* Prometheus's text format, 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "http/connection.h"
#include "io/log.h"
#include "os/usage.h"
#include "task/counts.h"
#include "task/watchdog.h"
#include "web/background.h"
#include "web/metrics.h"
#include "wire/number.h"
#include "wire/utf8.h"

/* ---- words ---- */

/* One byte that is no UTF-8 would make the whole page none. */
static void add_escaped(weft__buf *out, weft_str text, bool quotes)
{
    bool utf8 = weft__utf8_valid(text.ptr, text.len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c >= 0x80 && !utf8) c = '?';
        if (c == '\n') weft__buf_lit(out, "\\n");
        else if (c == '\\') weft__buf_lit(out, "\\\\");
        else if (c == '"' && quotes) weft__buf_lit(out, "\\\"");
        else weft__buf_add_char(out, c);
    }
}

void weft__metric_head(weft__buf *out, const char *name, const char *type, const char *help)
{
    weft__buf_printf(out, "# HELP %s ", name);
    add_escaped(out, weft_str_of(help), false);
    weft__buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

void weft__label_add(weft__buf *out, const char *name, weft_str value)
{
    if (out->len && out->ptr[out->len - 1] != '{') weft__buf_add_char(out, ',');
    weft__buf_add_str(out, weft_str_of(name));
    weft__buf_lit(out, "=\"");
    add_escaped(out, value, true);
    weft__buf_lit(out, "\"");
}

void weft__value_add(weft__buf *out, double value)
{
    char text[WEFT__DOUBLE_PLAIN_MAX];
    weft__buf_add_char(out, ' ');
    if (isnan(value)) weft__buf_lit(out, "NaN");
    else if (isinf(value)) weft__buf_add_str(out, value > 0 ? WEFT_S("+Inf") : WEFT_S("-Inf"));
    else weft__buf_add(out, text, weft__double_write_plain(text, value));
    weft__buf_add_char(out, '\n');
}

static void add_count(weft__buf *out, uint64_t n)
{
    weft__buf_add_char(out, ' ');
    weft__buf_add_int(out, (int64_t)n);
    weft__buf_add_char(out, '\n');
}

static void one(weft__buf *out, const char *name, const char *type, const char *help, double value)
{
    weft__metric_head(out, name, type, help);
    weft__buf_add_str(out, weft_str_of(name));
    weft__value_add(out, value);
}

/* ---- regions, added up ---- */

static uint64_t read_word(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }

/* The sum of one word of each region, which is `offset` bytes into them. */
static uint64_t sum(const weft__metrics *m, const void *of)
{
    size_t offset = (size_t)((const char *)of - (const char *)m->mine);
    uint64_t n = 0;
    for (unsigned i = 0; i < m->count; i++) n += read_word((const uint64_t *)(const void *)((const char *)m->all[i] + offset));
    return n;
}

static uint64_t largest(const weft__metrics *m, const void *of)
{
    size_t offset = (size_t)((const char *)of - (const char *)m->mine);
    uint64_t n = 0;
    for (unsigned i = 0; i < m->count; i++) {
        uint64_t here = read_word((const uint64_t *)(const void *)((const char *)m->all[i] + offset));
        if (here > n) n = here;
    }
    return n;
}

/* ---- by route ---- */

static void begin_route(weft__buf *out, const weft__metrics *m, uint64_t route, const char *name)
{
    const weft__endpoint *e = route + 1 < m->mine->route_count ? &m->app->endpoints.items[route] : NULL;
    weft__buf_printf(out, "%s{", name);
    weft__label_add(out, "method", e ? weft_str_of(e->route->method) : WEFT_S(""));
    weft__label_add(out, "route", e ? e->path : WEFT_S(""));
    if (e && e->host) weft__label_add(out, "host", e->host->pattern.text);
}

static uint64_t requests_of(const weft__metrics *m, const weft__route_counts *c)
{
    uint64_t n = 0;
    for (int s = 0; s < WEFT__STATUSES; s++) n += sum(m, &c->status[s]);
    return n;
}

static void add_requests(weft__buf *out, const weft__metrics *m)
{
    weft__metric_head(out, "weft_requests_total", "counter", "Requests answered, by route and status.");
    for (uint64_t i = 0; i < m->mine->route_count; i++) {
        for (int s = 0; s < WEFT__STATUSES; s++) {
            uint64_t n = sum(m, &m->mine->routes[i].status[s]);
            if (!n) continue;
            begin_route(out, m, i, "weft_requests_total");
            weft__label_add(out, "status", weft_str_of(weft__status_name(s)));
            weft__buf_add_char(out, '}');
            add_count(out, n);
        }
    }
}

static void add_bound(weft__buf *out, int64_t ns)
{
    char text[WEFT__DOUBLE_PLAIN_MAX];
    if (ns < 0) weft__label_add(out, "le", WEFT_S("+Inf"));
    else weft__label_add(out, "le", (weft_str){ text, weft__double_write_plain(text, (double)ns / 1e9) });
    weft__buf_add_char(out, '}');
}

static void add_latency(weft__buf *out, const weft__metrics *m, uint64_t route)
{
    const weft__route_counts *c = &m->mine->routes[route];
    uint64_t all = 0;
    for (int b = 0; b <= WEFT__LATENCIES; b++) all += sum(m, &c->latency[b]);
    if (!all) return;
    all = 0;
    for (int b = 0; b <= WEFT__LATENCIES; b++) {
        all += sum(m, &c->latency[b]);
        begin_route(out, m, route, "weft_request_seconds_bucket");
        add_bound(out, b < WEFT__LATENCIES ? weft__latency_ns[b] : -1);
        add_count(out, all);
    }
    begin_route(out, m, route, "weft_request_seconds_sum");
    weft__buf_add_char(out, '}');
    weft__value_add(out, (double)sum(m, &c->latency_ns) / 1e9);
    begin_route(out, m, route, "weft_request_seconds_count");
    weft__buf_add_char(out, '}');
    add_count(out, all);
}

static void add_latencies(weft__buf *out, const weft__metrics *m)
{
    weft__metric_head(out, "weft_request_seconds", "histogram", "Time from a request to its answer, by route; without answers written over time.");
    for (uint64_t i = 0; i < m->mine->route_count; i++) add_latency(out, m, i);
}

static void add_memory(weft__buf *out, const weft__metrics *m)
{
    weft__metric_head(out, "weft_request_memory_bytes", "summary", "Memory of requests, by route.");
    for (uint64_t i = 0; i < m->mine->route_count; i++) {
        const weft__route_counts *c = &m->mine->routes[i];
        uint64_t n = requests_of(m, c);
        if (!n) continue;
        begin_route(out, m, i, "weft_request_memory_bytes_sum");
        weft__buf_add_char(out, '}');
        add_count(out, sum(m, &c->bytes));
        begin_route(out, m, i, "weft_request_memory_bytes_count");
        weft__buf_add_char(out, '}');
        add_count(out, n);
    }
    weft__metric_head(out, "weft_request_memory_max_bytes", "gauge", "The most that one request took, by route.");
    for (uint64_t i = 0; i < m->mine->route_count; i++) {
        const weft__route_counts *c = &m->mine->routes[i];
        if (!requests_of(m, c)) continue;
        begin_route(out, m, i, "weft_request_memory_max_bytes");
        weft__buf_add_char(out, '}');
        add_count(out, largest(m, &c->bytes_max));
    }
}

static void add_lag(weft__buf *out, const weft__metrics *m)
{
    uint64_t all = 0;
    weft__metric_head(out, "weft_loop_lag_seconds", "histogram", "How much later than it should a timer of the loop fired.");
    for (int b = 0; b <= WEFT__LAGS; b++) {
        all += sum(m, &m->mine->lag[b]);
        weft__buf_lit(out, "weft_loop_lag_seconds_bucket{");
        add_bound(out, b < WEFT__LAGS ? weft__lag_ns[b] : -1);
        add_count(out, all);
    }
    weft__buf_lit(out, "weft_loop_lag_seconds_sum");
    weft__value_add(out, (double)sum(m, &m->mine->lag_ns) / 1e9);
    weft__buf_lit(out, "weft_loop_lag_seconds_count");
    add_count(out, all);
}

/* ---- of this process ---- */

static void add_blocked(weft__buf *out)
{
    weft__blocked seen[WEFT__BLOCKED_MAX];
    size_t n = weft__watchdog_blocked(seen, WEFT__BLOCKED_MAX);
    for (int seconds = 0; seconds < 2; seconds++) {
        const char *name = seconds ? "weft_loop_blocked_seconds_total" : "weft_loop_blocked_total";
        weft__metric_head(out, name, "counter", seconds ? "How long loops were blocked, by work and place." : "How often loops were blocked, by work and place.");
        for (size_t i = 0; i < n; i++) {
            weft__buf_printf(out, "%s{", name);
            weft__label_add(out, "work", weft_str_of(seen[i].work));
            weft__label_add(out, "place", weft_str_of(seen[i].place));
            weft__buf_add_char(out, '}');
            weft__value_add(out, seconds ? (double)seen[i].total_ms / 1e3 : (double)seen[i].count);
        }
    }
}

static void add_pools(weft__buf *out)
{
    static const char *const names[] = { "weft_pool_threads_max", "weft_pool_running", "weft_pool_waiting" };
    static const char *const helps[] = { "Threads that a pool may have.", "Calls that run on threads.", "Calls that wait for a thread." };
    for (int k = 0; k < 3; k++) {
        weft__pool_counts c;
        weft__metric_head(out, names[k], "gauge", helps[k]);
        for (int i = 0; weft__pool_counts_of(weft__loop_here(), i, &c); i++) {
            weft__buf_printf(out, "%s{", names[k]);
            weft__label_add(out, "pool", weft_str_of(c.name));
            weft__buf_add_char(out, '}');
            add_count(out, k == 0 ? (uint64_t)c.threads : k == 1 ? c.running : c.waiting);
        }
    }
}

static void add_processes(weft__buf *out, const weft__vitals *v)
{
    weft__pool_counts c;
    if (!v->words[WEFT__VITAL_PROCESSES] && !weft__process_counts_of(weft__loop_here(), &c)) return;
    one(out, "weft_processes", "gauge", "Processes that run jobs, or may.", (double)v->words[WEFT__VITAL_PROCESSES]);
    one(out, "weft_processes_busy", "gauge", "Processes that run a job.", (double)v->words[WEFT__VITAL_PROCESSES_BUSY]);
    one(out, "weft_processes_waiting", "gauge", "Jobs that wait for a process.", (double)v->words[WEFT__VITAL_PROCESSES_WAITING]);
}

static void add_background(weft__buf *out, const weft__vitals *v)
{
    if (!weft__backgrounds_here()) return;
    one(out, "weft_background_tasks", "gauge", "Background tasks that wait to start or run.", (double)v->words[WEFT__VITAL_BACKGROUND]);
    one(out, "weft_background_started_total", "counter", "Background tasks that were started.", (double)v->words[WEFT__VITAL_BACKGROUND_STARTED]);
    one(out, "weft_background_failed_total", "counter", "Background tasks that failed.", (double)v->words[WEFT__VITAL_BACKGROUND_FAILED]);
}

static void add_log(weft__buf *out, const weft__vitals *v)
{
    static const char *const levels[] = { "error", "warning", "info", "debug" };
    weft__metric_head(out, "weft_log_lines_total", "counter", "Lines of the log, by level.");
    for (int i = 0; i < 4; i++) {
        weft__buf_lit(out, "weft_log_lines_total{");
        weft__label_add(out, "level", weft_str_of(levels[i]));
        weft__buf_add_char(out, '}');
        add_count(out, v->words[WEFT__VITAL_LINES + i]);
    }
    one(out, "weft_log_dropped_total", "counter", "Lines of the log that stderr did not take.", (double)v->words[WEFT__VITAL_LINES_DROPPED]);
}

static void add_process(weft__buf *out, const weft__metrics *m, const weft__vitals *v)
{
    weft__usage u;
    if (!weft__os_usage(&u)) return;
    int64_t began = m->fleet ? m->fleet->head->began_s : u.started_s;
    one(out, "process_cpu_seconds_total", "counter", "User and system time of this process, or of all workers.", (double)v->words[WEFT__VITAL_CPU_US] / 1e6);
    one(out, "process_resident_memory_bytes", "gauge", "Memory of this process, or of all workers.", (double)v->words[WEFT__VITAL_RESIDENT]);
    one(out, "process_start_time_seconds", "gauge", "When this process began, or the first worker, since 1970.", (double)began);
}

/* ---- of a fleet ---- */

static unsigned workers_ready(const weft__fleet *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->slots; i++) {
        uint32_t state = __atomic_load_n(&weft__fleet_slot(f, i)->state, __ATOMIC_RELAXED);
        n += state == WEFT__FLEET_READY || state == WEFT__FLEET_WISHES;
    }
    return n;
}

static double connections_of(const weft__metrics *m, const weft__exchange *x)
{
    double n = 0;
    if (!m->fleet) return weft__exchange_connections(x);
    for (unsigned i = 0; i < m->fleet->slots; i++) n += __atomic_load_n(&weft__fleet_slot(m->fleet, i)->connections, __ATOMIC_RELAXED);
    return n;
}

static void add_workers(weft__buf *out, const weft__fleet *f)
{
    if (!f) return;
    one(out, "weft_workers", "gauge", "Processes that serve.", workers_ready(f));
    one(out, "weft_worker_restarts_total", "counter", "Workers that ended without being asked to, and were started again.",
        (double)__atomic_load_n(&f->head->restarts, __ATOMIC_RELAXED));
}

void weft__metrics_write_routes(weft__buf *out, const weft__metrics *m)
{
    add_requests(out, m);
    add_latencies(out, m);
    add_memory(out, m);
}

void weft__metrics_write(weft__buf *out, weft__metrics *m, const weft__exchange *x)
{
    weft__vitals v = weft__metrics_vitals(m);
    weft__metrics_write_routes(out, m);
    one(out, "weft_requests_in_flight", "gauge", "Requests being answered, this one among them.", weft__metrics_in_flight(m));
    one(out, "weft_connections", "gauge", "Connections of clients.", connections_of(m, x));
    add_workers(out, m->fleet);
    one(out, "weft_tasks", "gauge", "Tasks that have not ended.", (double)v.words[WEFT__VITAL_TASKS]);
    one(out, "weft_tasks_started_total", "counter", "Tasks that were started.", (double)v.words[WEFT__VITAL_STARTED]);
    add_lag(out, m);
    add_blocked(out);
    add_pools(out);
    add_processes(out, &v);
    add_background(out, &v);
    add_log(out, &v);
    add_process(out, m, &v);
    weft__series_write(out);
}
