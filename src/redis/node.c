/* A server: its shared connections, who opens one, who waits meanwhile, and for how long it is left alone when it is down. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "redis/inside.h"
#include "task/error.h"

enum { BUSY_ENOUGH = 64, MS = 1000000 };

weft__rnode *weft__rnode_new(weft_redis *root, const char *host, int port)
{
    weft__rnode *node = weft__calloc(sizeof *node);
    if (!node) return NULL;
    *node = (weft__rnode){ .root = root, .port = port, .shared = weft__calloc((size_t)root->opts.connections * sizeof *node->shared) };
    snprintf(node->host, sizeof node->host, "%s", host);
    for (int i = 0; node->shared && i < root->opts.connections; i++) {
        node->shared[i] = weft__rconn_new(node, true);
        if (!node->shared[i]) return weft__rnode_free(node), NULL;
    }
    if (!node->shared) return weft__rnode_free(node), NULL;
    return node;
}

void weft__rnode_free(weft__rnode *node)
{
    for (int i = 0; node->shared && i < node->root->opts.connections; i++) weft__rconn_free(node->shared[i]);
    for (weft__rconn *c; (c = node->idle);) weft__rnode_idle_lost(node, c);
    weft__free(node->shared);
    weft__free(node);
}

/* ---- down ---- */

void weft__redis_retry_after(int rc)
{
    weft__record *r = weft__record_here(rc);
    if (r && !r->headers.len) weft__buf_lit(&r->headers, "Retry-After: 1\r\n");
}

/* Twice as long for each attempt, half of it by chance: many programs that lost the same server do not come back at the same moment. */
int64_t weft__redis_backoff_ns(const weft_redis *r, int failures)
{
    int64_t ms = r->opts.retry_ms;
    for (int i = 0; i < failures && ms < WEFT__REDIS_RETRY_MS_MAX; i++) ms *= 2;
    if (ms > WEFT__REDIS_RETRY_MS_MAX) ms = WEFT__REDIS_RETRY_MS_MAX;
    weft__os *os = weft__loop_os(r->loop);
    return ms * MS / 2 + (int64_t)(os->ops->random(os) % (uint64_t)(ms * MS / 2 + 1));
}

void weft__rnode_down(weft__rnode *node, const char *why)
{
    weft_redis *r = node->root;
    node->down_until_ns = weft__loop_clock(r->loop) + weft__redis_backoff_ns(r, node->failures++);
    if (why && why != node->why) snprintf(node->why, sizeof node->why, "%s", why);
}

int weft__rnode_fail_down(const weft__rnode *node, const char *place, const char *text)
{
    char at[WEFT__REDIS_HOST + 16];
    int64_t left_ms = (node->down_until_ns - weft__loop_clock(node->root->loop)) / MS;
    snprintf(at, sizeof at, node->port ? "%s:%d" : "%s", node->host, node->port);
    int rc = weft__fail_as(place, WEFT_EREDIS_DOWN, 0, "Redis at %s cannot be used: %s (attempt %d; the next in %lld ms); for: %.*s", at, node->why, node->failures,
        (long long)(left_ms > 0 ? left_ms : 0), WEFT__REDIS_SHOWN, text);
    weft__redis_retry_after(rc);
    return rc;
}

/* ---- shared connections ---- */

void weft__rnode_room(weft__rnode *node, bool all)
{
    if (all) weft__waiters_serve_all(&node->waiting, 0);
    else (void)weft__waiters_serve(&node->waiting, 0);
}

static weft__rconn *closed_one(const weft__rnode *node, bool *opening)
{
    weft__rconn *closed = NULL;
    *opening = false;
    for (int i = 0; i < node->root->opts.connections; i++) {
        weft__rconn *c = node->shared[i];
        if (c->state == WEFT__RCONN_CLOSED && !c->opening && !closed) closed = c;
        *opening |= c->opening;
    }
    return closed;
}

static bool may_open(const weft__rnode *node) { return weft__loop_clock(node->root->loop) >= node->down_until_ns; }

/* The one with the fewest replies to come. Where all have many, and another may be opened, none: whoever asks opens it. */
weft__rconn *weft__rnode_ready(weft__rnode *node)
{
    weft__rconn *best = NULL;
    bool opening;
    for (int i = 0; i < node->root->opts.connections; i++) {
        weft__rconn *c = node->shared[i];
        if (c->state == WEFT__RCONN_READY && (!best || weft__rconn_waiting(c) < weft__rconn_waiting(best))) best = c;
    }
    if (!best || node->root->opts.connections == 1) return best && weft__rconn_has_room(best) ? best : NULL;
    if (weft__rconn_waiting(best) >= BUSY_ENOUGH && closed_one(node, &opening) && !opening && may_open(node)) return NULL;
    return weft__rconn_has_room(best) ? best : NULL;
}

static int open_shared(weft__rnode *node, weft__rconn *c, const char *place, const char *text)
{
    weft_redis *r = node->root;
    int rc = weft__rconn_open(c, weft__redis_until(r, r->opts.connect_ms));
    if (rc == 0) {
        node->failures = 0;
        node->down_until_ns = 0;
    } else if (!r->closing && !weft__cancelled()) {
        weft__rnode_down(node, node->why);
    }
    weft__rnode_room(node, true);
    if (rc == 0) return 0;
    if (r->closing) return weft__redis_closed(place, text);
    if (weft__cancelled()) return weft__checkpoint();
    return weft__rnode_fail_down(node, place, text);
}

static int no_room(const weft__rnode *node, const char *place, const char *text)
{
    const weft_redis *r = node->root;
    int rc = weft__fail(place, WEFT_EDB_BUSY, "no room within %d ms on the connection%s to Redis at %s, where up to %d commands wait for their replies (.in_flight_max), or the server takes no more: %.*s",
        r->opts.acquire_ms, r->opts.connections > 1 ? "s" : "", node->host, r->opts.in_flight_max, WEFT__REDIS_SHOWN, text);
    weft__redis_retry_after(rc);
    return rc;
}

static int wait_for_room(weft__rnode *node, int64_t deadline_ns)
{
    weft__waiter w = { .fiber = weft__self() };
    weft__waiters_add(&node->waiting, &w);
    int rc = weft__park_until("a connection to Redis", NULL, deadline_ns);
    if (!w.served) weft__waiters_remove(&node->waiting, &w);
    else if (rc < 0) weft__rnode_room(node, false);  /* what it was given is the next one's */
    return rc;
}

static bool any_ready(const weft__rnode *node)
{
    for (int i = 0; i < node->root->opts.connections; i++)
        if (node->shared[i]->state == WEFT__RCONN_READY) return true;
    return false;
}

bool weft__rnode_usable(const weft__rnode *node) { return any_ready(node) || may_open(node); }

int weft__rnode_await(weft__rnode *node, const char *place, const char *text)
{
    weft_redis *r = node->root;
    int64_t deadline_ns = weft__redis_until(r, r->opts.acquire_ms);
    while (!r->closing) {
        bool opening;
        weft__rconn *c = closed_one(node, &opening);
        if (weft__rnode_ready(node)) return 0;
        if (c && !opening && may_open(node)) {
            int opened = open_shared(node, c, place, text);
            if (opened == 0 || r->closing || weft__cancelled() || !any_ready(node)) return opened;
            continue;                                /* another is open: that one more cannot be is no reason to fail */
        }
        if (!any_ready(node) && !opening) return weft__rnode_fail_down(node, place, text);
        int rc = wait_for_room(node, deadline_ns);
        if (rc == WEFT__DEADLINE) return no_room(node, place, text);
        if (rc < 0) return rc;
    }
    return weft__redis_closed(place, text);
}

void weft__rnode_close(weft__rnode *node)
{
    for (int i = 0; i < node->root->opts.connections; i++) weft__rconn_lose(node->shared[i], "closed");
    for (weft__rholder *h = node->holders; h; h = h->next)
        if (h->conn) weft__rconn_lose(h->conn, "closed");
    weft__waiters_serve_all(&node->waiting, 0);
    weft__waiters_serve_all(&node->own_waiting, WEFT_ECLOSED);
}
