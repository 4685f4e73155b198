/* A connection: commands gathered and sent once a turn, replies given to those who asked in their order. All of it is fed and emptied on
 * the loop's own stack. */
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "redis/inside.h"

enum { RING_FIRST = 64, RECEIVES_AT_ONCE = 16, KEPT = 64 * 1024, KEPT_MOST = 1 << 20 };
static const int64_t KEPT_NS = 1000000000;
static const char NO_MEMORY[] = "broken off for want of memory", SILENT[] = "broken off, as nothing came from it for too long",
    ENDED[] = "ended by the server", BROKEN[] = "broken off";

/* ---- life ---- */

static void due_over(weft__timer *t);
static void again_over(weft__timer *t);

weft__rconn *weft__rconn_new(weft__rnode *node, bool shared)
{
    weft__rconn *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    *c = (weft__rconn){ .root = node->root, .node = node, .stream.fd = -1, .shared = shared, .due.fire = due_over, .again.fire = again_over };
    weft__buf_init(&c->out, WEFT__REDIS_BYTES_MAX);
    weft__buf_init(&c->in, WEFT__REDIS_BYTES_MAX);
    return c;
}

static weft__rcall **entry_of(weft__rconn *c, uint64_t at) { return &c->ring[at & (c->room - 1)]; }

/* A call has all that it will have. */
static void tell(weft__rcall *call, int rc)
{
    if (rc < 0 && call->rc == 0) call->rc = rc;
    call->told = true;
    call->conn = NULL;
    weft__wake(call->fiber, 0);
}

static void unlist(weft__rconn *c)
{
    weft__rconn **at = &c->root->unsent;
    while (c->unsent && *at != c) at = &(*at)->next_unsent;
    if (c->unsent) *at = c->next_unsent;
    c->unsent = false;
}

void weft__rconn_lose(weft__rconn *c, const char *why)
{
    if (c->state == WEFT__RCONN_CLOSED) return;
    bool idle = !c->shared && c->state == WEFT__RCONN_READY && c->head == c->tail;
    c->state = WEFT__RCONN_CLOSED;
    c->why = why;
    weft__stream_close(&c->stream);
    weft__timer_stop(c->root->loop, &c->due);
    weft__timer_stop(c->root->loop, &c->again);
    unlist(c);
    for (; c->head < c->tail; c->head++) {
        weft__rcall *call = *entry_of(c, c->head);
        if (!call || call->told) continue;
        call->why = why;
        call->unsent = call->from >= c->gone && !call->came;
        tell(call, WEFT_ECONNRESET);
    }
    c->head = c->tail = 0;
    c->out_at = 0;
    c->gone = 0;
    weft__buf_free(&c->out);
    weft__buf_free(&c->in);
    c->scan = (weft__resp_scan){ 0 };
    c->dropping = c->too_large = false;
    if (idle) weft__rnode_idle_lost(c->node, c);
    else if (c->shared) weft__rnode_room(c->node, true);
}

void weft__rconn_free(weft__rconn *c)
{
    if (!c) return;
    c->dead = true;
    weft__rconn_lose(c, "closed");
    if (c->busy) return;
    weft__tls_session_drop(&c->session);
    weft__free(c->ring);
    weft__free(c);
}

/* Behind what was done on the loop's stack. */
static void settle(weft__rconn *c)
{
    c->busy = false;
    if (c->dead) weft__rconn_free(c);
}

void weft__redis_spare(weft__buf *b, int64_t *large_ns, int64_t now_ns)
{
    if (b->len > KEPT) *large_ns = now_ns;
    if (b->room > KEPT_MOST || (b->room > KEPT && now_ns - *large_ns > KEPT_NS)) weft__buf_free(b);
    weft__buf_clear(b);
}

/* ---- sending ---- */

static void send_some(weft__rconn *c)
{
    while (c->out_at < c->out.len && c->stream.may_write) {
        struct iovec iov = { c->out.ptr + c->out_at, c->out.len - c->out_at };
        ssize_t went = weft__stream_try_send(&c->stream, &iov, 1);
        if (went < 0) {
            weft__rconn_lose(c, BROKEN);
            return;
        }
        if (went == 0) break;
        c->out_at += (size_t)went;
        c->gone += (uint64_t)went;
    }
    if (c->out_at == c->out.len) {
        weft__redis_spare(&c->out, &c->out_large_ns, weft__loop_now(c->root->loop));
        c->out_at = 0;
    } else if (c->out_at > c->out.len / 2) {
        memmove(c->out.ptr, c->out.ptr + c->out_at, c->out.len - c->out_at);
        c->out.len -= c->out_at;
        c->out_at = 0;
    }
    if (c->shared && weft__rconn_has_room(c)) weft__rnode_room(c->node, false);
}

static void flush_all(weft__hook *h)
{
    weft_redis *r = (weft_redis *)((char *)h - offsetof(weft_redis, flush));
    for (weft__rconn *c; (c = r->unsent);) {
        unlist(c);
        c->busy = true;
        send_some(c);
        settle(c);
    }
}

void weft__rconn_mark(weft__rconn *c)
{
    weft_redis *r = c->root;
    if (c->unsent || c->state == WEFT__RCONN_CLOSED) return;
    if (!r->flush.run) {
        r->flush.run = flush_all;
        weft__loop_hook(r->loop, &r->flush);
    }
    c->unsent = true;
    c->next_unsent = r->unsent;
    r->unsent = c;
}

static bool make_room(weft__rconn *c, uint32_t n)
{
    uint32_t room = c->room ? c->room : RING_FIRST;
    while (room - weft__rconn_waiting(c) < n) room *= 2;
    if (room == c->room) return true;
    weft__rcall **ring = weft__malloc(room * sizeof *ring);
    if (!ring) return false;
    for (uint64_t at = c->head; at < c->tail; at++) ring[at & (room - 1)] = *entry_of(c, at);
    weft__free(c->ring);
    c->ring = ring;
    c->room = room;
    return true;
}

int weft__rconn_put(weft__rconn *c, weft_str bytes, uint32_t skipped, weft__rcall *call)
{
    size_t before = c->out.len;
    if (!make_room(c, skipped + call->expected)) return WEFT_ENOMEM;
    if (c->shared && call->until_ns != INT64_MAX && !c->due.place && weft__timer_start(c->root->loop, &c->due, call->until_ns) < 0) return WEFT_ENOMEM;
    weft__buf_add_str(&c->out, bytes);
    if (c->out.failed) {
        int rc = c->out.failed;
        c->out.failed = 0;
        c->out.len = before;
        return rc;
    }
    call->conn = c;
    call->sent = true;
    call->from = c->gone + (before - c->out_at);
    for (; skipped; skipped--) *entry_of(c, c->tail++) = NULL;
    call->entry = c->tail;
    for (uint32_t i = 0; i < call->expected; i++) *entry_of(c, c->tail++) = call;
    weft__rconn_mark(c);
    return 0;
}

/* ---- replies ---- */

static int keep_reply(weft__rcall *call, weft_str reply)
{
    bool small = call->expected == 1 && reply.len <= sizeof call->small;
    char *to = small ? call->small : weft__arena_alloc(call->arena, reply.len);
    if (!to) return call->arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
    memcpy(to, reply.ptr, reply.len);
    call->replies[call->came] = (weft_str){ to, reply.len };
    return 0;
}

static void answered(weft__rconn *c, weft_str reply)
{
    bool was_full = c->shared && c->node->waiting.first;
    weft__rcall *call = *entry_of(c, c->head++);
    if (call) {
        int rc = c->too_large ? WEFT_ELIMIT : c->dropping ? WEFT_ENOMEM : keep_reply(call, reply);
        if (rc < 0 && call->missing == 0) call->missing = rc;
        if (rc < 0) call->replies[call->came] = (weft_str){ "", 0 };
        if (++call->came == call->expected) tell(call, 0);
    }
    if (was_full && weft__rconn_has_room(c)) weft__rnode_room(c->node, false);
}

static void reply_ended(weft__rconn *c, weft_str reply)
{
    bool unasked = c->scan.first == '>';             /* nobody subscribes here: it is of no interest */
    if (!unasked && c->head == c->tail) weft__rconn_lose(c, "broken off for a reply that nobody asked for");
    else if (!unasked) answered(c, reply);
    if (c->state == WEFT__RCONN_CLOSED) return;
    c->scan = (weft__resp_scan){ 0 };
    c->dropping = c->too_large = false;
    weft__redis_spare(&c->in, &c->in_large_ns, weft__loop_now(c->root->loop));
}

/* A part of a reply: kept, unless it is nobody's, or more than there may be. */
static void keep_part(weft__rconn *c, const char *bytes, size_t n)
{
    bool nobodys = c->scan.first != '>' && c->head < c->tail && !*entry_of(c, c->head);
    bool too_large = c->in.len + n > c->root->opts.reply_bytes_max;
    if (!c->dropping && !nobodys && !too_large) weft__buf_add(&c->in, bytes, n);
    if (nobodys || too_large || c->in.failed) c->dropping = true;
    c->too_large |= too_large;
    if (c->dropping) weft__buf_free(&c->in);
}

static void feed(weft__rconn *c, const char *bytes, size_t n)
{
    while (n && c->state != WEFT__RCONN_CLOSED) {
        size_t used = 0;
        const char *fault;
        int rc = weft__resp_scan_on(&c->scan, bytes, n, &used, &fault);
        if (rc < 0) {
            weft__rconn_lose(c, fault);
            return;
        }
        bool whole = rc == 1 && !c->in.len && !c->dropping && used <= c->root->opts.reply_bytes_max;
        if (!whole) keep_part(c, bytes, used);
        if (rc == 1) reply_ended(c, whole ? (weft_str){ bytes, used } : weft__buf_str(&c->in));
        bytes += used;
        n -= used;
    }
}

static void receive(weft__rconn *c)
{
    weft_redis *r = c->root;
    int times = 0;
    for (; times < RECEIVES_AT_ONCE && c->state != WEFT__RCONN_CLOSED && c->stream.may_read; times++) {
        ssize_t n = weft__stream_try_recv(&c->stream, r->in, WEFT__REDIS_IN);
        if (n == -EAGAIN) return;
        if (n > 0) {
            c->heard_ns = weft__loop_now(r->loop);
            feed(c, r->in, (size_t)n);
        } else {
            weft__rconn_lose(c, n == 0 ? ENDED : BROKEN);
        }
    }
    if (c->state == WEFT__RCONN_CLOSED || !c->stream.may_read || c->again.place) return;
    if (weft__timer_start(r->loop, &c->again, weft__loop_now(r->loop)) < 0) weft__rconn_lose(c, NO_MEMORY);
}

static void again_over(weft__timer *t)
{
    weft__rconn *c = (weft__rconn *)((char *)t - offsetof(weft__rconn, again));
    c->busy = true;
    receive(c);
    settle(c);
}

static void told(weft__stream *s, uint32_t events)
{
    weft__rconn *c = (weft__rconn *)s;
    c->busy = true;
    if (events & WEFT__OUT) weft__rconn_mark(c);
    if (events & (WEFT__IN | WEFT__HUP)) receive(c);
    settle(c);
}

void weft__rconn_begin(weft__rconn *c)
{
    c->stream.idle = told;
    c->heard_ns = weft__loop_now(c->root->loop);
    c->busy = true;
    if (c->stream.may_read) receive(c);
    settle(c);
}

/* ---- waiting ---- */

/* The first that still waits is due: calls of one connection have the same time, so they are due in their order. A server from which nothing
 * has come since it was asked is gone, as far as others can tell. */
static void due_over(weft__timer *t)
{
    weft__rconn *c = (weft__rconn *)((char *)t - offsetof(weft__rconn, due));
    int64_t now_ns = weft__loop_now(c->root->loop), asked_ns = INT64_MIN, next_ns = INT64_MAX;
    for (uint64_t at = c->head; at < c->tail; at++) {
        weft__rcall *call = *entry_of(c, at);
        if (!call) continue;
        if (call->until_ns > now_ns) {
            next_ns = call->until_ns;
            break;
        }
        asked_ns = call->until_ns - c->root->opts.command_ms * INT64_C(1000000);
        weft__rcall_leave(call);
        tell(call, WEFT_ETIMEDOUT);
    }
    if (asked_ns != INT64_MIN && c->heard_ns <= asked_ns) {
        c->busy = true;
        weft__rconn_lose(c, SILENT);
        settle(c);
        return;
    }
    if (next_ns != INT64_MAX && weft__timer_start(c->root->loop, &c->due, next_ns) < 0) weft__rconn_lose(c, NO_MEMORY);
}

int weft__rcall_begin(weft__rcall *call, uint32_t expected)
{
    *call = (weft__rcall){ .fiber = weft__self(), .arena = weft__arena_here(), .expected = expected };
    call->replies = expected == 1 ? &call->one : weft__arena_zalloc(call->arena, expected * sizeof *call->replies);
    if (call->replies) return 0;
    return call->arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
}

void weft__rcall_leave(weft__rcall *call)
{
    weft__rconn *c = call->conn;
    if (!c) return;
    for (uint64_t at = call->entry + call->came; at < call->entry + call->expected; at++) *entry_of(c, at) = NULL;
    call->conn = NULL;
}

int weft__rcall_wait(weft__rcall *call, int64_t deadline_ns)
{
    while (!call->told) {
        int rc = weft__park("a reply of Redis", deadline_ns);
        if (call->told || rc == 0) continue;
        weft__rcall_leave(call);
        return rc;
    }
    return call->rc < 0 || call->each ? call->rc : call->missing;
}
