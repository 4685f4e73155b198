/* A stream that was opened by an extended CONNECT, as a pipe: a WebSocket over HTTP/2. Its owner is told when nothing of the session is
 * being worked on, and before what it then has to send is gathered: at the beginning of a turn. RFC 8441 */
#include <errno.h>
#include <string.h>
#include "http/h2_inside.h"

static h2_stream *of(weft__pipe *p) { return (h2_stream *)(void *)((char *)p - offsetof(h2_stream, pipe)); }
static const h2_stream *looked_at(const weft__pipe *p) { return (const h2_stream *)(const void *)((const char *)p - offsetof(h2_stream, pipe)); }

static size_t there(const h2_stream *st) { return st->in.len - st->in_at; }
static bool has_ended(const h2_stream *st) { return st->in_ended || st->h2->c->ended; }

/* ---- what the owner calls ---- */

static ssize_t try_recv(weft__pipe *p, void *to, size_t n)
{
    h2_stream *st = of(p);
    if (n > there(st)) n = there(st);
    if (!n) return has_ended(st) ? 0 : st->left || st->closed ? -ECONNRESET : -EAGAIN;
    memcpy(to, st->in.ptr + st->in_at, n);
    st->in_at += n;
    weft__h2_credit(st, n);
    return (ssize_t)n;
}

static ssize_t try_send(weft__pipe *p, const struct iovec *iov, int n)
{
    h2_stream *st = of(p);
    size_t before = weft__h2_unsent(st), room = before < H2_PIPE_OUT ? H2_PIPE_OUT - before : 0, went = 0;
    if (st->left || st->closed || st->out_last) return -ECONNRESET;
    for (int i = 0; i < n && room; i++) {
        size_t most = iov[i].iov_len < room ? iov[i].iov_len : room;
        int rc = weft__h2_add(st, (weft_str){ iov[i].iov_base, most });
        if (rc < 0) {                                /* no edge would tell of it: the stream ends, which one does */
            weft__h2_reset(st, NGHTTP2_INTERNAL_ERROR, true);
            return -ECONNRESET;
        }
        went += most;
        room -= most;
    }
    st->pipe_full = !room;
    if (went) weft__h2_go_on(st);
    return (ssize_t)went;
}

static bool may_read(const weft__pipe *p)
{
    const h2_stream *st = looked_at(p);
    return there(st) || has_ended(st) || st->left || st->closed;
}

static bool hup(const weft__pipe *p)
{
    const h2_stream *st = looked_at(p);
    return has_ended(st) || st->left || st->closed;
}

/* ---- its end ---- */

static void forget(h2_stream *st)
{
    h2_stream **at = &st->h2->to_tell;
    while (*at && *at != st) at = &(*at)->told_next;
    if (*at) *at = st->told_next;
    st->events = 0;
}

/* What came and was not read makes room for others. */
static void give_room(h2_stream *st)
{
    st->in_at = st->in.len;
    weft__h2_credit(st, st->in_held);
}

static void gone(h2_stream *st)
{
    weft__h2 *h = st->h2;
    forget(st);
    give_room(st);
    st->piped = st->pipe_full = false;
    h->pipes--;
    if (st->closed && !st->runs) weft__h2_stream_free(st);
    weft__h2_settle(h);
}

static void end(weft__pipe *p)
{
    h2_stream *st = of(p);
    st->out_last = true;
    if (!st->left && !st->closed) {
        (void)weft__h2_add(st, (weft_str){ "", 0 });     /* the client's time to take the end begins */
        weft__h2_go_on(st);
    }
    gone(st);
}

static void reset(weft__pipe *p)
{
    h2_stream *st = of(p);
    weft__h2_reset(st, NGHTTP2_CANCEL, true);
    gone(st);
}

/* ---- what the owner is told ---- */

void weft__h2_pipe_tell(h2_stream *st, uint32_t events)
{
    weft__h2 *h = st->h2;
    if (!st->piped) return;
    if (!st->events) {
        st->told_next = h->to_tell;
        h->to_tell = st;
    }
    st->events |= events;
}

static void tell(h2_stream *st, uint32_t events)
{
    if (events & WEFT__OUT) st->pipe_full = false;
    if (st->piped && st->pipe.edge) st->pipe.edge(st->pipe.owner, events);
}

void weft__h2_pipes_told(weft__h2 *h)
{
    h->tells = true;
    for (h2_stream *st; (st = h->to_tell);) {
        uint32_t events = st->events;
        h->to_tell = st->told_next;
        st->events = 0;
        tell(st, events);
    }
    h->tells = false;
}

/* Who is told may end his own stream, and no other. */
static void tell_each(weft__h2 *h, uint32_t event)
{
    h->tells = true;
    for (h2_stream *st = h->first, *next; st; st = next) {
        next = st->next;
        tell(st, event);
    }
    h->tells = false;
}

void weft__h2_tell_pipes(connection *c, uint32_t event)
{
    weft__h2 *h = c->h2;
    if (!h->pipes) return;
    tell_each(h, event);
    weft__h2_settle(h);
}

void weft__h2_pipes_over(weft__h2 *h)
{
    if (h->pipes) tell_each(h, WEFT__PIPE_OVER);
}

/* ---- its beginning ---- */

static const weft__pipe_ops ops = { try_recv, try_send, may_read, hup, end, reset, NULL, NULL };

void weft__h2_upgrade(weft__exchange *x, weft__pipe **out)
{
    h2_stream *st = (h2_stream *)(void *)x;
    st->pipe = (weft__pipe){ .ops = &ops };
    if (st->in_held && !st->h2->over && !st->h2->lost) (void)nghttp2_session_consume_connection(st->h2->session, st->in_held);
    st->piped = true;
    st->cancels = false;
    st->h2->pipes++;
    *out = &st->pipe;
}
