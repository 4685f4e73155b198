/* A connection of one's own, from the first command of a block to the block's end. */
#include "base/mem.h"
#include "redis/inside.h"

weft_redis *weft__redis_none(void)
{
    static weft_redis none = { .root = &none };      /* never written */
    return &none;
}

/* Of what is another loop's nothing is touched: the first command says so. */
weft_redis *weft__redis_session_enter(weft_redis *r, const char *place)
{
    const weft__fiber *f = weft__self();
    if (!r || r == weft__redis_none()) return r;
    weft_redis *s = weft__calloc(sizeof *s);
    if (!s) return weft__redis_none();
    *s = (weft_redis){ .root = r->root, .loop = r->loop, .place = place, .kept = f && f->loop == r->loop };
    if (s->kept) weft__redis_keep(s->root);
    return s;
}

/* What is watched is watched no more: a connection that goes to another is as it was when it was opened. */
static bool forget_watches(weft_redis *s)
{
    static const weft_str unwatch[] = { { "UNWATCH", 7 } };
    weft__rcall call;
    weft_str words;
    if (s->ended || s->root->closing || s->holder.conn->state != WEFT__RCONN_READY || weft__cancelled()) return false;
    int rc = weft__rconn_ask(s->holder.conn, &call, unwatch, 1, weft__redis_until(s->root, s->root->opts.command_ms));
    return rc == 0 && !weft__reply_error(call.one, &words);
}

void weft__redis_session_leave(weft_redis *const *leaving)
{
    weft_redis *s = *leaving;
    if (!s || s == weft__redis_none()) return;
    if (s->holder.conn) {
        bool clean = !s->stale && (!s->watched || forget_watches(s));
        weft__rnode_give_back(s->node, &s->holder, clean && !s->ended);
    }
    if (s->kept) weft__redis_drop(s->root);
    weft__free(s);
}
