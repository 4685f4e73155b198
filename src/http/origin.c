#include "http/origin.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/planted.h"
#include "http/lane.h"

static const char WAITS_FOR[] = "a connection of the client's pool";
static const char AGENT[] = "\r\nUser-Agent: weft/0.1\r\n";

/* On its own stack while it waits. */
struct weft__slot_waiter {
    weft__slot_waiter *next, *prev;
    weft__slot_queue *queue;            /* NULL: in none */
    weft__origin *origin;
    weft__conn *conn;                /* what it was given, before it was woken */
    weft__due due;                   /* with the usual deadline */
    weft__fiber *fiber;
    const weft_task *task;
};

/* ---- waiters ---- */

static void queue_add(weft__slot_queue *q, weft__slot_waiter *w)
{
    w->queue = q;
    w->next = NULL;
    w->prev = q->last;
    if (q->last) q->last->next = w;
    else q->first = w;
    q->last = w;
}

static void queue_remove(weft__slot_waiter *w)
{
    weft__slot_queue *q = w->queue;
    if (!q) return;
    if (w->next) w->next->prev = w->prev;
    else q->last = w->prev;
    if (w->prev) w->prev->next = w->next;
    else q->first = w->next;
    w->queue = NULL;
}

/* ---- lists of connections ---- */

static int64_t now_of(const weft__client *client) { return weft__loop_now(client->loop); }

static weft__conn *conn_of(weft__due *d) { return d ? (weft__conn *)((char *)d - offsetof(weft__conn, due)) : NULL; }

static void busy_add(weft__conn *c, const weft_task *holder)
{
    c->state = WEFT__CONN_BUSY;
    c->holder = holder;
    c->since_ns = now_of(c->origin->client);
}

/* Without memory for a timer it stays open; that it is too old is seen when it is taken. */
static void idle_add(weft__conn *c)
{
    weft__origin *o = c->origin;
    c->state = WEFT__CONN_IDLE;
    c->prev = NULL;
    c->next = o->idle;
    if (o->idle) o->idle->prev = c;
    o->idle = c;
    (void)weft__line_add(o->client->loop, &o->client->idle, &c->due, o->client->limits.idle_ms);
}

static void idle_remove(weft__conn *c)
{
    if (c->next) c->next->prev = c->prev;
    if (c->prev) c->prev->next = c->next;
    else c->origin->idle = c->next;
    weft__line_remove(&c->origin->client->idle, &c->due);
}

/* ---- giving back ---- */

/* Closed and out of every list. */
static void spare_add(weft__conn *c)
{
    weft__client *client = c->origin->client;
    c->state = WEFT__CONN_SPARE;
    c->origin->conns--;
    client->conns--;
    c->next = client->spare;
    client->spare = c;
}

void weft__conn_close(weft__conn *c)
{
    weft__stream_close(&c->stream);
    c->used = false;
    c->link = NULL;
}

/* The place that c takes goes to another origin. */
static void conn_move(weft__conn *c, weft__origin *to)
{
    if (c->origin == to) return;
    weft__conn_close(c);
    c->origin->conns--;
    to->conns++;
    c->origin = to;
}

/* Who is next to get c. Those who wait for the loop's limit come second: c is of use to its own
 * origin as it is. One of them whose origin has since filled up waits there instead. */
static weft__slot_waiter *next_waiter(const weft__conn *c)
{
    weft__origin *own = c->origin;
    weft__client *client = own->client;
    if (own->waiters.first) return own->waiters.first;
    for (weft__slot_waiter *w; (w = client->starved.first);) {
        if (w->origin == own || w->origin->conns < client->limits.origin_max) return w;
        queue_remove(w);
        queue_add(&w->origin->waiters, w);
    }
    return NULL;
}

/* c is open or closed, and in no list. */
static void give(weft__conn *c)
{
    for (weft__slot_waiter *w; (w = next_waiter(c));) {
        queue_remove(w);
        w->conn = c;
        if (weft__wake(w->fiber, 0)) {
            conn_move(c, w->origin);
            busy_add(c, w->task);
            return;
        }
        w->conn = NULL;              /* it was cancelled a moment ago and has not run since */
        if (weft__planted(WEFT__LEAKED_SLOT) && w->origin != c->origin) return;
    }
    if (c->stream.fd >= 0) idle_add(c);
    else spare_add(c);
}

void weft__conn_drop(weft__conn *c)
{
    if (c->lane) {
        weft__lane_end(c->lane);
        return;
    }
    weft__conn_close(c);
    give(c);
}

/* True when the peer has said nothing that was not read. Only after a full buffer or an event is
 * that unknown. */
static bool quiet(weft__conn *c)
{
    char byte;
    if (c->stream.fd < 0 || c->stream.hup) return false;
    return !c->stream.may_read || weft__stream_try_recv(&c->stream, &byte, 1) == -EAGAIN;
}

void weft__conn_keep(weft__conn *c, int keep_ms)
{
    weft__client *client = c->origin->client;
    if (c->lane || !quiet(c)) {
        weft__conn_drop(c);
        return;
    }
    int most_ms = client->limits.idle_ms;
    c->used = true;
    c->since_ns = now_of(client);
    int ms = keep_ms && keep_ms < most_ms ? keep_ms : most_ms;
    c->idle_until_ns = c->since_ns + (int64_t)ms * 1000000;
    give(c);
}

/* ---- idle connections ---- */

static void idle_drop(weft__conn *c)
{
    idle_remove(c);
    weft__conn_close(c);
    give(c);
}

static void idle_told(weft__stream *s, uint32_t events)
{
    weft__conn *c = (weft__conn *)s;
    if (c->state != WEFT__CONN_IDLE || !(events & (WEFT__IN | WEFT__HUP))) return;
    if (s->tls && quiet(c)) return;                  /* a ticket for the next session, and no byte of HTTP */
    idle_drop(c);
}

static void idle_over(weft__timer *t)
{
    weft__client *client = (weft__client *)((char *)t - offsetof(weft__client, idle.timer));
    weft__line *line = &client->idle;
    line->runs = false;
    while (line->first && line->first->at_ns <= now_of(client)) idle_drop(conn_of(line->first));
    if (line->first) weft__line_again(client->loop, line, line->first->at_ns);
}

/* ---- waiting for an answer ---- */

enum { ASK_AGAIN_NS = 10 * 1000000 };

/* Who is not parked just now, and looks for itself, may still come to wait: it is told again. */
static void asking_over(weft__timer *t)
{
    weft__client *client = (weft__client *)((char *)t - offsetof(weft__client, asking.timer));
    weft__line *line = &client->asking;
    weft__conn *c = conn_of(line->first);
    bool again = false;
    for (; c && c->due.at_ns <= now_of(client); c = conn_of(c->due.behind)) {
        again |= !c->stream.reader || !weft__wake(c->stream.reader, WEFT_ETIMEDOUT);
    }
    line->runs = false;
    if (again) weft__line_again(client->loop, line, now_of(client) + ASK_AGAIN_NS);
    else if (c) weft__line_again(client->loop, line, c->due.at_ns);
}

bool weft__conn_asks(weft__conn *c)
{
    weft__client *client = c->origin->client;
    if (__builtin_expect(weft__line_add(client->loop, &client->asking, &c->due, WEFT__CLIENT_READ_MS), 1)) return true;
    weft__line_remove(&client->asking, &c->due);
    return false;
}

void weft__conn_answered(weft__conn *c) { weft__line_remove(&c->origin->client->asking, &c->due); }

/* ---- taking ---- */

weft__conn *weft__conn_take(weft__origin *o)
{
    int64_t now_ns = now_of(o->client);
    for (weft__conn *c; (c = o->idle);) {
        if (__builtin_expect(c->idle_until_ns <= now_ns, 0)) {
            idle_drop(c);
            continue;
        }
        idle_remove(c);
        busy_add(c, weft_task_self());
        return c;
    }
    return NULL;
}

static weft__conn *conn_new(weft__client *client)
{
    weft__conn *c = client->spare;
    if (c) {
        client->spare = c->next;
        return c;
    }
    c = weft__malloc(sizeof *c);
    if (!c) return NULL;
    *c = (weft__conn){ .stream.fd = -1, .all = client->all };
    client->all = c;
    return c;
}

/* A place in both limits, at the cost of the oldest idle connection if need be; NULL: none, or no
 * memory. */
static weft__conn *place_take(weft__origin *o, bool *full)
{
    weft__client *client = o->client;
    if (client->conns >= client->limits.total_max && !client->idle.first) (void)weft__links_make_room(client);
    bool all = client->conns >= client->limits.total_max;
    *full = o->conns >= client->limits.origin_max || (all && !client->idle.first);
    if (*full) return NULL;
    if (all) idle_drop(conn_of(client->idle.first));
    weft__conn *c = conn_new(client);
    if (!c) return NULL;
    c->origin = o;
    o->conns++;
    client->conns++;
    busy_add(c, weft_task_self());
    return c;
}

/* In which queue a call to o must wait; those before it there keep their turn. */
static weft__slot_queue *queue_of(weft__origin *o)
{
    return o->conns >= o->client->limits.origin_max ? &o->waiters : &o->client->starved;
}

static void waiting_over(weft__timer *t)
{
    weft__client *client = (weft__client *)((char *)t - offsetof(weft__client, waiting.timer));
    weft__line *line = &client->waiting;
    weft__due *d = line->first;
    for (; d && d->at_ns <= now_of(client); d = d->behind) {
        /* One that is awake already has a connection, or was cancelled: it leaves by itself. */
        (void)weft__wake(((weft__slot_waiter *)((char *)d - offsetof(weft__slot_waiter, due)))->fiber, WEFT_ETIMEDOUT);
    }
    line->runs = false;
    if (d) weft__line_again(client->loop, line, d->at_ns);
}

static int park_usual(weft__client *client, weft__slot_waiter *w)
{
    bool told = weft__line_add(client->loop, &client->waiting, &w->due, WEFT__CLIENT_CONNECT_MS);
    int rc = told ? weft__park(WAITS_FOR, INT64_MAX) : WEFT_ENOMEM;
    weft__line_remove(&client->waiting, &w->due);
    return rc;
}

int weft__conn_wait(weft__origin *o, int64_t deadline_ns, weft__conn **out)
{
    bool full;
    *out = weft__conn_take(o);
    if (!*out) *out = place_take(o, &full);
    if (*out) return 0;
    if (!full) return WEFT_ENOMEM;
    weft__slot_waiter w = { .origin = o, .fiber = weft__self(), .task = weft_task_self() };
    queue_add(queue_of(o), &w);
    o->waiting++;
    int rc = deadline_ns == INT64_MAX ? park_usual(o->client, &w) : weft__park(WAITS_FOR, deadline_ns);
    o->waiting--;
    queue_remove(&w);
    *out = w.conn;
    return w.conn ? 0 : rc < 0 ? rc : WEFT_ECANCELED;
}

int weft__conn_open(weft__conn *c, int64_t deadline_ns, const char **why)
{
    weft__origin *o = c->origin;
    weft__loop *loop = o->client->loop;
    const char *host = o->host.ptr;
    int rc = weft__stream_connect_host(&c->stream, loop, host, o->port, deadline_ns, why);
    if (rc == 0 && o->tls) rc = weft__tls_connect(&c->stream, o->tls, host, &o->session, deadline_ns, why);
    if (rc < 0) return rc;
    c->stream.idle = idle_told;
    o->client->opened++;
    return 0;
}

/* ---- origins ---- */

/* Seeded, so that whoever chooses the hosts cannot choose the buckets. */
static uint64_t hash_of(uint64_t seed, weft_str s)
{
    uint64_t h = seed ^ s.len;
    for (size_t i = 0; i < s.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, s.ptr + i, s.len - i < 8 ? s.len - i : 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15;
        h ^= h >> 32;
    }
    return h;
}

static weft__origin **bucket_of(weft__client *client, weft_str authority)
{
    return &client->buckets[hash_of(client->seed, authority) % WEFT__ORIGIN_BUCKETS];
}

static bool forgettable(const weft__origin *o) { return !o->conns && !o->waiting && !o->links; }

static void origin_free(weft__origin *o)
{
    weft__tls_session_drop(&o->session);
    weft__tls_client_drop(o->tls);
    weft__free(o);
}

/* One that nobody uses goes; false when all are in use. */
static bool forget_one(weft__client *client)
{
    weft__origin **end = client->buckets + WEFT__ORIGIN_BUCKETS;
    for (weft__origin **bucket = client->buckets; bucket < end; bucket++) {
        for (weft__origin **at = bucket; *at; at = &(*at)->next) {
            weft__origin *o = *at;
            if (!forgettable(o)) continue;
            *at = o->next;
            origin_free(o);
            client->origins--;
            return true;
        }
    }
    return false;
}

static char *append(char *to, const char *bytes, size_t n)
{
    return (char *)memcpy(to, bytes, n) + n;
}

static weft__origin *origin_new(weft__client *client, const weft__url *url, weft__tls_client *tls)
{
    static const char version[] = " HTTP/1.1\r\nHost: ";
    size_t lines = sizeof version - 1 + url->authority.len + sizeof AGENT - 1;
    weft__origin *o = weft__malloc(sizeof *o + url->host.len + 1 + lines);
    if (!o) return NULL;
    *o = (weft__origin){ .client = client, .port = url->port, .tls = tls };
    if (tls) weft__tls_client_keep(tls);
    char *to = append(o->text, url->host.ptr, url->host.len);
    *to++ = 0;
    o->host = (weft_str){ o->text, url->host.len };
    o->lines = (weft_str){ to, lines };
    to = append(to, version, sizeof version - 1);
    o->authority = (weft_str){ to, url->authority.len };
    to = append(to, url->authority.ptr, url->authority.len);
    append(to, AGENT, sizeof AGENT - 1);
    return o;
}

weft__origin *weft__origin_known(const weft__client *client, weft_str authority, const weft__tls_client *tls)
{
    weft__origin *o = *bucket_of((weft__client *)client, authority);
    while (o && (o->tls != tls || !weft_str_equal(o->authority, authority))) o = o->next;
    return o;
}

static bool says_nothing(const weft_tls_client *o)
{
    return !o->unverified && !o->ca_file && !o->cert_file && !o->key_file && !o->name && !o->version_min;
}

/* Before what TLS has for the loop is gone. */
static void part_from_peers(void *arg)
{
    weft__client *client = arg;
    for (weft__conn *c = client->all; c; c = c->all)
        if (c->stream.tls) weft__stream_close(&c->stream);
}

static int prepare_parting(weft__client *client)
{
    if (client->parts) return 0;
    int rc = weft__loop_on_free(client->loop, part_from_peers, client);
    client->parts = rc == 0;
    return rc;
}

int weft__client_tls(weft__client *client, const weft_tls_client *opts, weft_http2 http2, weft__tls_client **out, char why[WEFT__TLS_WHY])
{
    static const char *const protocols[] = { [WEFT_HTTP2_DEFAULT] = WEFT__HAS_HTTP2 ? "h2, http/1.1" : "http/1.1",
        [WEFT_HTTP2_NEVER] = "http/1.1", [WEFT_HTTP2_ALWAYS] = "h2" };
    bool usual = says_nothing(opts);
    if (usual && client->tls[http2]) {
        *out = client->tls[http2];
        return 0;
    }
    int rc = weft__tls_client_of(client->loop, usual ? &weft__client_settings()->tls : opts, protocols[http2], out, why);
    if (rc == 0) rc = prepare_parting(client);
    if (rc < 0 || !usual) return rc;
    client->tls[http2] = *out;
    weft__tls_client_keep(*out);
    return 0;
}

static uint8_t speaks_first(weft_http2 http2)
{
    if (http2 == WEFT_HTTP2_ALWAYS) return WEFT__SPEAKS_TWO_ALONE;
    return WEFT__HAS_HTTP2 && http2 == WEFT_HTTP2_DEFAULT ? WEFT__SPEAKS_ANY : WEFT__SPEAKS_ONE;
}

int weft__origin_find(weft__client *client, const weft__url *url, weft__tls_client *tls, weft_http2 http2, weft__origin **out)
{
    *out = weft__origin_known(client, url->authority, tls);
    if (*out) return 0;
    if (client->origins >= client->limits.origins_max && !forget_one(client)) return WEFT_ELIMIT;
    weft__origin *o = origin_new(client, url, tls);
    if (!o) return WEFT_ENOMEM;
    if (tls) o->speaks = speaks_first(http2);
    weft__origin **bucket = bucket_of(client, url->authority);
    o->next = *bucket;
    *bucket = o;
    client->origins++;
    *out = o;
    return 0;
}

/* ---- the client of a loop ---- */

static void client_free(void *arg)
{
    weft__client *client = arg;
    weft__links_free(client);
    weft__timer_stop(client->loop, &client->idle.timer);
    weft__timer_stop(client->loop, &client->asking.timer);
    weft__timer_stop(client->loop, &client->waiting.timer);
    for (weft__conn *c; (c = client->all);) {
        client->all = c->all;
        weft__stream_close(&c->stream);
        weft__free(c);
    }
    for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++) {
        for (weft__origin *o; (o = client->buckets[i]);) {
            client->buckets[i] = o->next;
            origin_free(o);
        }
    }
    *weft__loop_slot(client->loop, WEFT__SLOT_CLIENT) = NULL;
    for (size_t i = 0; i < weft_count(client->tls); i++) weft__tls_client_drop(client->tls[i]);
    weft__buf_free(&client->out);
    weft__free(client->in);
    weft__free(client);
}

enum { REQUEST_HEAD_MAX = 64 * 1024 };

static weft__client *client_new(weft__loop *loop)
{
    weft__client *client = weft__calloc(sizeof *client);
    if (!client) return NULL;
    weft__os *os = weft__loop_os(loop);
    client->loop = loop;
    client->limits = weft__client_limits_set();
    client->http2 = weft__client_settings()->http2;
    client->seed = os->ops->random(os);
    client->idle.timer.fire = idle_over;
    client->asking.timer.fire = asking_over;
    client->waiting.timer.fire = waiting_over;
    weft__buf_init(&client->out, REQUEST_HEAD_MAX);
    client->in = weft__malloc(WEFT__CLIENT_IN);
    if (client->in && weft__loop_on_free(loop, client_free, client) == 0) return client;
    weft__free(client->in);
    weft__free(client);
    return NULL;
}

int weft__client_of(weft__loop *loop, weft__client **out)
{
    void **slot = weft__loop_slot(loop, WEFT__SLOT_CLIENT);
    if (__builtin_expect(!*slot, 0)) *slot = client_new(loop);
    *out = *slot;
    return *slot ? 0 : WEFT_ENOMEM;
}

/* ---- telling who holds them ---- */

enum { NAMES = 6 };
typedef struct holders {
    const char *name[NAMES];
    unsigned count[NAMES], named, others;
    int64_t since_ns;                /* of the one that has held on for longest */
} holders;

static void holders_add(holders *h, const weft__conn *c)
{
    const char *name = c->holder ? weft_task_name(c->holder) : c->held_by ? c->held_by : "nobody";
    unsigned i = 0;
    while (i < h->named && strcmp(h->name[i], name) != 0) i++;
    if (c->since_ns < h->since_ns) h->since_ns = c->since_ns;
    if (i == NAMES) {
        h->others++;
        return;
    }
    if (i == h->named) h->name[h->named++] = name;
    h->count[i]++;
}

static void holders_write(const holders *h, int64_t now_ns, weft__buf *out)
{
    for (unsigned i = 0; i < h->named; i++) {
        weft__buf_printf(out, "%s%s (%u)", i ? ", " : ", by ", h->name[i], h->count[i]);
    }
    if (h->others) weft__buf_printf(out, " and others (%u)", h->others);
    if (!h->named) return;
    weft__buf_printf(out, ", for up to %lld ms", (long long)((now_ns - h->since_ns) / 1000000));
}

void weft__origin_describe(const weft__origin *o, weft__buf *out)
{
    const weft__client *client = o->client;
    holders h = { .since_ns = INT64_MAX };
    bool own = o->conns >= client->limits.origin_max;
    weft__buf_printf(out, "all %u connections ", own ? o->conns : client->conns);
    if (own) weft__buf_printf(out, "to %.*s (limit per origin)", WEFT_FMT(o->authority));
    else weft__buf_lit(out, "of this loop (limit in total)");
    weft__buf_lit(out, " are in use");
    for (const weft__conn *c = client->all; c; c = c->all) {
        if (c->state == WEFT__CONN_BUSY && (!own || c->origin == o)) holders_add(&h, c);
    }
    holders_write(&h, now_of(client), out);
}
