#include "serve/worker.h"
#include <string.h>
#include "http/connection.h"
#include "io/log.h"
#include "io/spread.h"
#include "os/crash.h"
#include "serve/poison.h"
#include "task/inspect.h"
#include "web/endpoint.h"
#include "web/metrics.h"
#include "web/rooms.h"
#include "wire/bytes.h"

enum { BEAT_MS = 250, JITTER_PART = 10 };

/* ---- what it tells of itself ---- */

static void beat(weft__timer *t)
{
    weft__serving_worker *w = (weft__serving_worker *)((char *)t - offsetof(weft__serving_worker, beat));
    int64_t now = weft__loop_clock(w->loop);
    __atomic_store_n(&w->me->beat_ns, now, __ATOMIC_RELAXED);
    __atomic_store_n(&w->me->beats, w->me->beats + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&w->voice->beats, w->voice->beats + 1, __ATOMIC_RELAXED);
    if (w->app->metrics && w->app->metrics->fleet) weft__metrics_tell(w->app->metrics);
    (void)weft__timer_start(w->loop, &w->beat, now + BEAT_MS * INT64_C(1000000));
}

/* In a signal handler. */
static void describe(weft__black_box *box)
{
    const weft__afterwards *a = weft__running_names(box->work, sizeof box->work, box->task, sizeof box->task);
    if (a) box->mark = a->mark;
}

uint64_t weft__serving_limit(int max, uint64_t random)
{
    uint64_t jitter = (uint64_t)max / JITTER_PART;
    return (uint64_t)max - random % (jitter + 1);
}

/* Only where there are WebSockets: each needs some memory of its own. */
static bool has_sockets(const weft__app *app)
{
    for (uint32_t i = 0; i < app->endpoints.count; i++)
        if (app->endpoints.items[i].answer == WEFT__ANSWER_WS) return true;
    return false;
}

int weft__serving_begin(weft__serving_worker *w, weft__fleet *fleet, weft__app *app, const weft_serve_opts *opts)
{
    unsigned mine = (unsigned)fleet->mine;
    *w = (weft__serving_worker){ .loop = weft__loop_here(), .fleet = fleet, .me = weft__fleet_slot(fleet, mine), .voice = weft__fleet_voice(fleet, mine), .app = app };
    w->beat.fire = beat;
    if (opts->max_requests) w->requests_max = weft__serving_limit(opts->max_requests, weft__fleet_random());
    weft__crash_watch(&w->me->box, w->me->number, describe);
    weft__series_share(fleet);
    int rc = app->metrics ? weft__metrics_share(app->metrics, fleet) : 0;
    if (rc == 0) rc = weft__spread_open(fleet);
    if (rc == 0 && has_sockets(app)) rc = weft__rooms_reach_all();
    beat(&w->beat);
    return rc;
}

static void set_state(weft__serving_worker *w, weft__ship_state state)
{
    __atomic_store_n(&w->me->state, state, __ATOMIC_RELEASE);
    weft__fleet_ring(w->fleet);
}

void weft__serving_ready(weft__serving_worker *w)
{
    set_state(w, WEFT__FLEET_READY);
    __atomic_store_n(&w->voice->state, WEFT__VOICE_THERE, __ATOMIC_RELEASE);
    weft__fleet_ring_all(w->fleet);
}

bool weft__serving_is_replaced(const weft__serving_worker *w)
{
    return __atomic_load_n(&w->me->patient, __ATOMIC_ACQUIRE) && !__atomic_load_n(&w->fleet->head->ending, __ATOMIC_ACQUIRE);
}

bool weft__serving_was_replaced(const weft__serving_worker *w)
{
    return __atomic_load_n(&w->me->replaced, __ATOMIC_ACQUIRE) && __atomic_load_n(&w->fleet->head->ending, __ATOMIC_ACQUIRE);
}

void weft__serving_leaves(weft__serving_worker *w) { set_state(w, WEFT__FLEET_LEAVING); }

void weft__serving_end(weft__serving_worker *w)
{
    weft__timer_stop(w->loop, &w->beat);
    weft__crash_forget();
}

/* ---- requests ---- */

static uint64_t mix(uint64_t h, const char *bytes, size_t n)
{
    uint64_t word;
    for (; n >= sizeof word; bytes += sizeof word, n -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    word = n;
    memcpy(&word, bytes, n);
    h = (h ^ word ^ (uint64_t)n << 56) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 32;
}

/* By which one client is told from another who asks for the same. */
static bool tells_who(weft_str name)
{
    static const weft_str names[] = { WEFT_S("Cookie"), WEFT_S("Content-Type"), WEFT_S("Authorization") };
    for (size_t i = 0; i < weft_count(names); i++)
        if (name.len == names[i].len && weft__same_nocase(name, names[i])) return true;
    return false;
}

/* Nobody is to have a route refused to others by what makes his own requests crash: headers, and bodies that cannot be looked at. */
uint64_t weft__request_mark(const weft__exchange *x)
{
    const weft__http_head *head = x->head;
    const weft__peer *peer = weft__exchange_peer_raw(x);
    weft_str body = { "", 0 };
    uint64_t length = head->body == WEFT__BODY_LENGTH ? (uint64_t)head->content_length : 0;
    if (length && !x->ops) body = weft__exchange_peek(x);
    bool unseen = x->ops ? head->body != WEFT__BODY_NONE : head->body != WEFT__BODY_NONE && head->body != WEFT__BODY_LENGTH;
    if (unseen || body.len < length) return 0;
    uint64_t h = mix(mix(1, head->method.ptr, head->method.len), head->target.ptr, head->target.len);
    h = mix(h, (const char *)peer, sizeof *peer);
    for (unsigned i = 0; i < head->count; i++)
        if (tells_who(head->headers[i].name)) h = mix(h, head->headers[i].value.ptr, head->headers[i].value.len);
    h = mix(h, body.ptr, length);
    return h ? h : 1;
}

static WEFT__COLD void refuse(weft__exchange *x)
{
    weft__log(WEFT_LOG_WARNING, "%.*s %.*s is refused: it has crashed workers twice", WEFT_FMT(x->head->method), WEFT_FMT(x->head->path));
    (void)weft__exchange_reply(x, 503, WEFT_S("Content-Type: application/json\r\nRetry-After: 600\r\n"),
        WEFT_S("{\"detail\":\"This very request has crashed the server twice and is refused for 10 minutes.\"}"));
}

void weft__serving_handle(void *worker, weft__exchange *x)
{
    weft__serving_worker *w = worker;
    uint64_t n = w->me->requests + 1;
    __atomic_store_n(&w->me->requests, n, __ATOMIC_RELAXED);
    if (__builtin_expect(n == w->requests_max, 0) && w->me->state == WEFT__FLEET_READY) set_state(w, WEFT__FLEET_WISHES);
    x->afterwards.mark = weft__request_mark(x);
    if (__builtin_expect(__atomic_load_n(&w->fleet->head->poisons, __ATOMIC_ACQUIRE) != 0, 0) && x->afterwards.mark && weft__poison_is(w->fleet->head, x->afterwards.mark, weft__loop_now(w->loop))) refuse(x);
    else weft__app_handle(w->app, x);
}
