#include "http/origin.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"

static const weft__client_limits DEFAULTS = { .origin_max = 100, .total_max = 1000, .origins_max = 1024, .idle_ms = 30000 };
static const char AGENT[] = "\r\nUser-Agent: weft/0.1\r\n";

/* On its own stack while it waits. */
struct weft__waiter {
    weft__waiter *next, *prev;
    weft__waiters *queue;            /* NULL: in none */
    weft__origin *origin;
    weft__conn *conn;                /* what it was given, before it was woken */
    weft__fiber *fiber;
    const weft_task *task;
};

/* ---- waiters ---- */

static void queue_add(weft__waiters *q, weft__waiter *w)
{
    w->queue = q;
    w->next = NULL;
    w->prev = q->last;
    if (q->last) q->last->next = w;
    else q->first = w;
    q->last = w;
}

static void queue_remove(weft__waiter *w)
{
    weft__waiters *q = w->queue;
    if (!q) return;
    if (w->next) w->next->prev = w->prev;
    else q->last = w->prev;
    if (w->prev) w->prev->next = w->next;
    else q->first = w->next;
    w->queue = NULL;
}

/* ---- lists of connections ---- */

static void list_add(weft__conn **list, weft__conn *c)
{
    c->prev = NULL;
    c->next = *list;
    if (*list) (*list)->prev = c;
    *list = c;
}

static void list_remove(weft__conn **list, weft__conn *c)
{
    if (c->next) c->next->prev = c->prev;
    if (c->prev) c->prev->next = c->next;
    else *list = c->next;
}

static int64_t now_of(const weft__client *client) { return weft__loop_now(client->loop); }

static void busy_add(weft__conn *c, const weft_task *holder)
{
    c->holder = holder;
    c->since_ns = now_of(c->origin->client);
    list_add(&c->origin->busy, c);
}

static void idle_remove(weft__conn *c)
{
    weft__client *client = c->origin->client;
    list_remove(&c->origin->idle, c);
    if (c->older) c->older->newer = c->newer;
    else client->oldest = c->newer;
    if (c->newer) c->newer->older = c->older;
    else client->newest = c->older;
    c->is_idle = false;
}

static void idle_timer_start(weft__client *client)
{
    int64_t at_ns = client->oldest->since_ns + (int64_t)client->limits.idle_ms * 1000000;
    /* Without memory for a timer they stay open; that they are too old is seen when one is taken. */
    client->timer_runs = weft__timer_start(client->loop, &client->idle_timer, at_ns) == 0;
}

static void idle_add(weft__conn *c)
{
    weft__client *client = c->origin->client;
    list_add(&c->origin->idle, c);
    c->is_idle = true;
    c->newer = NULL;
    c->older = client->newest;
    if (client->newest) client->newest->newer = c;
    else client->oldest = c;
    client->newest = c;
    if (!client->timer_runs) idle_timer_start(client);
}

/* ---- giving back ---- */

/* Closed and out of every list. */
static void spare_add(weft__conn *c)
{
    weft__client *client = c->origin->client;
    c->origin->conns--;
    client->conns--;
    c->next = client->spare;
    client->spare = c;
}

void weft__conn_close(weft__conn *c)
{
    weft__stream_close(&c->stream);
    c->used = false;
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

/* Who is next to get c. Those who wait for the loop's limit come second: c is of use to its own origin as it is. One
 * of them whose origin has since filled up waits there instead. */
static weft__waiter *next_waiter(const weft__conn *c)
{
    weft__origin *own = c->origin;
    weft__client *client = own->client;
    if (own->waiters.first) return own->waiters.first;
    for (weft__waiter *w; (w = client->starved.first);) {
        if (w->origin == own || w->origin->conns < client->limits.origin_max) return w;
        queue_remove(w);
        queue_add(&w->origin->waiters, w);
    }
    return NULL;
}

/* c is open or closed, and in no list. */
static void give(weft__conn *c)
{
    for (weft__waiter *w; (w = next_waiter(c));) {
        queue_remove(w);
        w->conn = c;
        if (weft__wake(w->fiber, 0)) {
            conn_move(c, w->origin);
            busy_add(c, w->task);
            return;
        }
        w->conn = NULL;              /* it was cancelled a moment ago and has not run since */
    }
    if (c->stream.fd >= 0) idle_add(c);
    else spare_add(c);
}

void weft__conn_drop(weft__conn *c)
{
    list_remove(&c->origin->busy, c);
    weft__conn_close(c);
    give(c);
}

/* True when the peer has said nothing that was not read. Only after a full buffer or an event is that unknown. */
static bool quiet(weft__conn *c)
{
    char byte;
    if (c->stream.fd < 0 || c->stream.hup) return false;
    return !c->stream.may_read || weft__stream_try_recv(&c->stream, &byte, 1) == -EAGAIN;
}

void weft__conn_keep(weft__conn *c, int keep_ms)
{
    weft__client *client = c->origin->client;
    if (!quiet(c)) {
        weft__conn_drop(c);
        return;
    }
    int most_ms = client->limits.idle_ms;
    c->used = true;
    c->since_ns = now_of(client);
    c->idle_until_ns = c->since_ns + (int64_t)(keep_ms && keep_ms < most_ms ? keep_ms : most_ms) * 1000000;
    list_remove(&c->origin->busy, c);
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
    if (c->is_idle && events & (WEFT__IN | WEFT__HUP)) idle_drop(c);
}

static void idle_timer_fired(weft__timer *t)
{
    weft__client *client = (weft__client *)((char *)t - offsetof(weft__client, idle_timer));
    int64_t before_ns = now_of(client) - (int64_t)client->limits.idle_ms * 1000000;
    client->timer_runs = false;
    while (client->oldest && client->oldest->since_ns <= before_ns) idle_drop(client->oldest);
    if (client->oldest && !client->timer_runs) idle_timer_start(client);
}

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
    if (c) client->spare = c->next;
    else c = weft__malloc(sizeof *c);
    if (c) *c = (weft__conn){ .stream.fd = -1 };
    return c;
}

/* A place in both limits, at the cost of the oldest idle connection if need be; NULL: none, or no memory. */
static weft__conn *place_take(weft__origin *o, bool *full)
{
    weft__client *client = o->client;
    *full = o->conns >= client->limits.origin_max || (client->conns >= client->limits.total_max && !client->oldest);
    if (*full) return NULL;
    if (client->conns >= client->limits.total_max) idle_drop(client->oldest);
    weft__conn *c = conn_new(client);
    if (!c) return NULL;
    c->origin = o;
    o->conns++;
    client->conns++;
    busy_add(c, weft_task_self());
    return c;
}

/* In which queue a call to o must wait; those before it there keep their turn. */
static weft__waiters *queue_of(weft__origin *o)
{
    return o->conns >= o->client->limits.origin_max ? &o->waiters : &o->client->starved;
}

int weft__conn_wait(weft__origin *o, int64_t deadline_ns, weft__conn **out)
{
    bool full;
    *out = weft__conn_take(o);
    if (!*out) *out = place_take(o, &full);
    if (*out) return 0;
    if (!full) return WEFT_ENOMEM;
    weft__waiter w = { .origin = o, .fiber = weft__self(), .task = weft_task_self() };
    queue_add(queue_of(o), &w);
    int rc = weft__park("a connection of the client's pool", deadline_ns);
    queue_remove(&w);
    *out = w.conn;
    return w.conn ? 0 : rc < 0 ? rc : WEFT_ECANCELED;
}

int weft__conn_open(weft__conn *c, int64_t deadline_ns, const char **why)
{
    weft__origin *o = c->origin;
    int rc = weft__stream_connect_host(&c->stream, o->client->loop, o->host.ptr, o->port, deadline_ns, why);
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

static bool forgettable(const weft__origin *o) { return !o->conns && !o->waiters.first; }

/* One that nobody uses goes; false when all are in use. */
static bool forget_one(weft__client *client)
{
    for (weft__origin **bucket = client->buckets; bucket < client->buckets + WEFT__ORIGIN_BUCKETS; bucket++) {
        for (weft__origin **at = bucket; *at; at = &(*at)->next) {
            weft__origin *o = *at;
            if (!forgettable(o)) continue;
            *at = o->next;
            weft__free(o);
            client->origins--;
            return true;
        }
    }
    return false;
}

static char *append(char *to, const char *bytes, size_t n) { return (char *)memcpy(to, bytes, n) + n; }

static weft__origin *origin_new(weft__client *client, const weft__url *url)
{
    static const char version[] = " HTTP/1.1\r\nHost: ";
    size_t lines = sizeof version - 1 + url->authority.len + sizeof AGENT - 1;
    weft__origin *o = weft__malloc(sizeof *o + url->host.len + 1 + lines);
    if (!o) return NULL;
    *o = (weft__origin){ .client = client, .port = url->port };
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

weft__origin *weft__origin_known(const weft__client *client, weft_str authority)
{
    weft__origin *o = *bucket_of((weft__client *)client, authority);
    while (o && !weft_str_equal(o->authority, authority)) o = o->next;
    return o;
}

int weft__origin_find(weft__client *client, const weft__url *url, weft__origin **out)
{
    *out = weft__origin_known(client, url->authority);
    if (*out) return 0;
    if (client->origins >= client->limits.origins_max && !forget_one(client)) return WEFT_ELIMIT;
    weft__origin *o = origin_new(client, url);
    if (!o) return WEFT_ENOMEM;
    weft__origin **bucket = bucket_of(client, url->authority);
    o->next = *bucket;
    *bucket = o;
    client->origins++;
    *out = o;
    return 0;
}

/* ---- the client of a loop ---- */

static void origin_free(weft__origin *o)
{
    for (weft__conn *c; (c = o->idle);) {
        o->idle = c->next;
        weft__stream_close(&c->stream);
        weft__free(c);
    }
    weft__free(o);
}

static void client_free(void *arg)
{
    weft__client *client = arg;
    weft__timer_stop(client->loop, &client->idle_timer);
    for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++) {
        for (weft__origin *o; (o = client->buckets[i]);) {
            client->buckets[i] = o->next;
            origin_free(o);
        }
    }
    for (weft__conn *c; (c = client->spare);) {
        client->spare = c->next;
        weft__free(c);
    }
    *weft__loop_slot(client->loop, WEFT__SLOT_CLIENT) = NULL;
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
    client->limits = DEFAULTS;
    client->seed = os->ops->random(os);
    client->idle_timer.fire = idle_timer_fired;
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
typedef struct holders { const char *name[NAMES]; unsigned count[NAMES], named, others; int64_t since_ns; } holders;

static void holders_add(holders *h, const weft__origin *o)
{
    for (const weft__conn *c = o->busy; c; c = c->next) {
        const char *name = c->holder ? weft_task_name(c->holder) : "nobody";
        unsigned i = 0;
        while (i < h->named && strcmp(h->name[i], name) != 0) i++;
        if (c->since_ns < h->since_ns) h->since_ns = c->since_ns;
        if (i == NAMES) {
            h->others++;
            continue;
        }
        if (i == h->named) h->name[h->named++] = name;
        h->count[i]++;
    }
}

void weft__origin_describe(const weft__origin *o, weft__buf *out)
{
    const weft__client *client = o->client;
    holders h = { .since_ns = INT64_MAX };
    if (o->conns >= client->limits.origin_max) {
        weft__buf_printf(out, "all %u connections to %.*s (limit per origin) are in use", o->conns, WEFT_FMT(o->authority));
        holders_add(&h, o);
    } else {
        weft__buf_printf(out, "all %u connections of this loop (limit in total) are in use", client->conns);
        for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++) {
            for (const weft__origin *each = client->buckets[i]; each; each = each->next) holders_add(&h, each);
        }
    }
    for (unsigned i = 0; i < h.named; i++) weft__buf_printf(out, "%s%s (%u)", i ? ", " : ", by ", h.name[i], h.count[i]);
    if (h.others) weft__buf_printf(out, " and others (%u)", h.others);
    if (h.named) weft__buf_printf(out, ", for up to %lld ms", (long long)((now_of(client) - h.since_ns) / 1000000));
}
