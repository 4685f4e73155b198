#include "web/metrics.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "http/connection.h"

enum { LAG_MS = 250 };

/* ---- slots ---- */

#define MS 1000000
const int64_t weft__latency_ns[WEFT__LATENCIES] = { MS / 10, MS / 4, MS / 2, MS, 5 * MS / 2, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS,
    250 * MS, 500 * MS, INT64_C(1000) * MS, INT64_C(2500) * MS, INT64_C(5000) * MS, INT64_C(10000) * MS };
const int64_t weft__lag_ns[WEFT__LAGS] = { MS / 10, MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS, 500 * MS, INT64_C(1000) * MS, INT64_C(5000) * MS };

/* Statuses with a slot of their own; the first five slots are the rest of each class. */
static const char *const status_names[WEFT__STATUSES] = { "1xx", "2xx", "3xx", "4xx", "5xx", "200", "201", "202", "204", "206", "301", "302", "303", "304",
    "307", "308", "400", "401", "403", "404", "405", "406", "408", "409", "410", "412", "413", "415", "416", "422", "428", "429", "500", "501", "502", "503", "504" };
static const uint8_t status_slots[600] = { [200] = 5, [201] = 6, [202] = 7, [204] = 8, [206] = 9, [301] = 10, [302] = 11, [303] = 12, [304] = 13,
    [307] = 14, [308] = 15, [400] = 16, [401] = 17, [403] = 18, [404] = 19, [405] = 20, [406] = 21, [408] = 22, [409] = 23, [410] = 24, [412] = 25, [413] = 26,
    [415] = 27, [416] = 28, [422] = 29, [428] = 30, [429] = 31, [500] = 32, [501] = 33, [502] = 34, [503] = 35, [504] = 36 };

const char *weft__status_name(int slot) { return status_names[slot]; }

static int slot_of(int status)
{
    if (status < 100 || status > 599) return 4;
    return status_slots[status] ? status_slots[status] : status / 100 - 1;
}

/* ---- counting ---- */

/* One writer: no lock, and no reader ever sees half a word. */
static inline void add(uint64_t *at, uint64_t n) { __atomic_store_n(at, *at + n, __ATOMIC_RELAXED); }

static inline int bucket_of(const int64_t *bounds, int count, int64_t ns)
{
    int i = 0;
    while (i < count && ns > bounds[i]) i++;
    return i;
}

/* How late the loop is: a timer that should have fired at due_ns does so now. */
static void lag_timer(weft__timer *t)
{
    weft__metrics *m = (weft__metrics *)((char *)t - offsetof(weft__metrics, timer));
    int64_t now = weft__loop_clock(m->loop), late = now - m->due_ns;
    if (late < 0) late = 0;
    add(&m->mine->lag[bucket_of(weft__lag_ns, WEFT__LAGS, late)], 1);
    add(&m->mine->lag_ns, (uint64_t)late);
    add(&m->mine->lag_count, 1);
    m->due_ns = now + LAG_MS * INT64_C(1000000);
    (void)weft__timer_start(m->loop, &m->timer, m->due_ns);
}

static void lag_stop(void *arg)
{
    weft__metrics *m = arg;
    weft__timer_stop(m->loop, &m->timer);
    m->loop = NULL;
}

/* In virtual time nothing is late, and a timer without an end would keep it running. */
static __attribute__((noinline)) void lag_start(weft__metrics *m)
{
    weft__loop *loop = weft__loop_here();
    if (weft__loop_os(loop)->ops->virtual_time || weft__loop_on_free(loop, lag_stop, m) < 0) return;
    m->loop = loop;
    m->timer.fire = lag_timer;
    m->due_ns = weft__loop_clock(loop) + LAG_MS * INT64_C(1000000);
    (void)weft__timer_start(loop, &m->timer, m->due_ns);
}

int64_t weft__metrics_begin(weft__metrics *m)
{
    add(&m->mine->in_flight, 1);
    if (__builtin_expect(!m->loop, 0)) lag_start(m);
    return weft__loop_now(weft__loop_here());
}

void weft__metrics_end(weft__metrics *m, const weft__exchange *x, int route, int64_t began_ns, int64_t ended_ns)
{
    weft__region *r = m->mine;
    bool streams = route >= 0 && m->app->endpoints.items[route].answer >= WEFT__ANSWER_STREAM;
    weft__route_counts *c = &r->routes[route < 0 ? r->route_count - 1 : (uint64_t)route];
    add(&r->in_flight, (uint64_t)-1);
    add(&c->status[slot_of(x->replied ? x->status : 500)], 1);
    add(&c->bytes, x->arena->bytes);
    if (x->arena->bytes > c->bytes_max) __atomic_store_n(&c->bytes_max, x->arena->bytes, __ATOMIC_RELAXED);
    if (streams) return;
    if (!ended_ns && x->told_ns == weft__loop_now(weft__loop_here())) ended_ns = x->told_ns;     /* nobody has waited since then */
    int64_t ns = (ended_ns ? ended_ns : weft__loop_clock(weft__loop_here())) - began_ns;
    add(&c->latency[bucket_of(weft__latency_ns, WEFT__LATENCIES, ns)], 1);
    add(&c->latency_ns, ns > 0 ? (uint64_t)ns : 0);
}

/* ---- one application's ---- */

size_t weft__region_bytes(uint32_t routes) { return sizeof(weft__region) + (routes + 1) * sizeof(weft__route_counts); }

weft__metrics *weft__metrics_new(const struct weft__app *app)
{
    weft__metrics *m = weft__calloc(sizeof *m);
    if (!m) return NULL;
    m->mine = weft__calloc(weft__region_bytes(app->endpoints.count));
    if (!m->mine) {
        weft__free(m);
        return NULL;
    }
    m->app = app;
    m->own = m->mine;
    m->all = &m->mine;
    m->count = 1;
    m->mine->route_count = app->endpoints.count + 1;
    return m;
}

void weft__metrics_free(weft__metrics *m)
{
    if (!m) return;
    if (m->all != &m->mine) weft__free(m->all);
    weft__free(m->own);
    weft__free(m);
}

/* ---- routes ---- */

int weft__metrics_answer(const weft_none *in, weft_reply *out)
{
    weft__buf text;
    (void)in;
    weft__buf_init(&text, 64 << 20);
    weft__metrics_write(&text, out->site->compiled->metrics, out->exchange);
    weft_str copy = weft__arena_dup(out->arena, weft__buf_str(&text));
    int failed = text.failed;
    weft__buf_free(&text);
    if (failed || !copy.ptr) return weft_fail(503, "no memory for the metrics, or more than request_bytes_max");
    WEFT_TRY(weft_reply_header(out, "Cache-Control", "no-store"));
    return weft_reply_bytes(out, "text/plain; version=0.0.4; charset=utf-8", copy);
}
