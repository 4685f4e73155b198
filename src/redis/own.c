/* Connections of one's own: for commands that block, sessions and subscriptions. First come, first served. */
#include <string.h>
#include "base/mem.h"
#include "redis/inside.h"

enum { HOLDERS_SHOWN = 8, MS = 1000000 };

static void hold(weft__rnode *node, weft__rholder *h, const char *what)
{
    weft__fiber *f = weft__self();
    *h = (weft__rholder){ .next = node->holders, .task = weft_task_name(f->task), .label = weft__task_label_around(), .what = what, .since_ns = weft__loop_clock(node->root->loop) };
    if (h->next) h->next->prev = h;
    node->holders = h;
}

static void unhold(weft__rnode *node, weft__rholder *h)
{
    *(h->prev ? &h->prev->next : &node->holders) = h->next;
    if (h->next) h->next->prev = h->prev;
    h->next = h->prev = NULL;
    h->conn = NULL;
}

/* Who has them, and for how long: what to look at when none becomes free. */
static int none_free(weft__rnode *node, const char *place, const char *text)
{
    const weft_redis *r = node->root;
    int64_t now_ns = weft__loop_clock(r->loop);
    weft__buf who;
    int n = 0;
    weft__buf_init(&who, 800);
    for (const weft__rholder *h = node->holders; h && n < HOLDERS_SHOWN; h = h->next, n++)
        weft__buf_printf(&who, "%s %s%s%s%s has one for %.40s, for %lld ms", n ? "," : ":", h->task, h->label ? " (" : "", h->label ? h->label : "", h->label ? ")" : "", h->what,
            (long long)((now_ns - h->since_ns) / MS));
    weft__buf_add_char(&who, 0);
    int rc = weft__fail(place, WEFT_EDB_BUSY, "no connection of one's own (.own_max is %d) became free within %d ms%s; for: %.*s", r->opts.own_max, r->opts.acquire_ms,
        who.ptr ? who.ptr : "", WEFT__REDIS_SHOWN, text);
    weft__buf_free(&who);
    weft__redis_retry_after(rc);
    return rc;
}

/* A place among own_max. 1: *out is an open one; 0: one may be opened; or a code, recorded. */
static int take_place(weft__rnode *node, const char *place, const char *text, weft__rconn **out)
{
    weft_redis *r = node->root;
    if (node->idle) {
        *out = node->idle;
        node->idle = (*out)->next;
        return 1;
    }
    if (node->own < r->opts.own_max) return node->own++, 0;
    weft__waiter w = { .fiber = weft__self() };
    weft__waiters_add(&node->own_waiting, &w);
    int rc = weft__park_until("a connection to Redis of its own", NULL, weft__redis_until(r, r->opts.acquire_ms));
    if (!w.served) weft__waiters_remove(&node->own_waiting, &w);
    if (w.served && rc == WEFT_ECLOSED) return rc;
    if (!w.served) return rc == WEFT__DEADLINE ? none_free(node, place, text) : rc;
    weft__rconn *c = w.item;
    if (!c || c->state == WEFT__RCONN_READY) return *out = c, c != NULL;
    weft__rconn_free(c);                             /* it was lost on the way here */
    return 0;
}

/* Given to who waits longest: the connection, or its place. */
static void pass_on(weft__rnode *node, weft__rconn *c)
{
    weft__waiter *w = weft__waiters_serve(&node->own_waiting, 0);
    if (w) {
        w->item = c;
        return;
    }
    if (!c) {
        node->own--;
        return;
    }
    c->next = node->idle;
    node->idle = c;
}

static int open_own(weft__rnode *node, weft__rholder *h, const char *place, const char *text)
{
    weft_redis *r = node->root;
    if (r->closing) return weft__redis_closed(place, text);
    if (weft__loop_clock(r->loop) < node->down_until_ns) return weft__rnode_fail_down(node, place, text);
    h->conn = weft__rconn_new(node, false);
    if (!h->conn) return weft__fail(place, WEFT_ENOMEM, "no memory for a connection to Redis: %.*s", WEFT__REDIS_SHOWN, text);
    int rc = weft__rconn_open(h->conn, weft__redis_until(r, r->opts.connect_ms));
    if (rc == 0) {
        node->failures = 0;
        node->down_until_ns = 0;
        return 0;
    }
    weft__rconn_free(h->conn);
    if (r->closing) return weft__redis_closed(place, text);
    if (weft__cancelled()) return weft__checkpoint();
    weft__rnode_down(node, node->why);
    return weft__rnode_fail_down(node, place, text);
}

int weft__rnode_own(weft__rnode *node, weft__rholder *h, const char *place, const char *text)
{
    weft__rconn *c = NULL;
    int rc = take_place(node, place, text, &c);
    if (rc == WEFT_ECLOSED) return weft__redis_closed(place, text);
    if (rc < 0) return rc;
    hold(node, h, text);
    h->conn = c;
    if (!c) rc = open_own(node, h, place, text);
    if (rc >= 0) return 0;
    unhold(node, h);
    pass_on(node, NULL);
    return rc;
}

void weft__rnode_give_back(weft__rnode *node, weft__rholder *h, bool clean)
{
    weft__rconn *c = h->conn;
    unhold(node, h);
    bool kept = clean && !node->root->closing && c->state == WEFT__RCONN_READY && c->head == c->tail;
    if (!kept) weft__rconn_free(c);
    pass_on(node, kept ? c : NULL);
}

void weft__rnode_idle_lost(weft__rnode *node, weft__rconn *c)
{
    weft__rconn **at = &node->idle;
    while (*at && *at != c) at = &(*at)->next;
    if (!*at) return;
    *at = c->next;
    node->own--;
    weft__rconn_free(c);
}
