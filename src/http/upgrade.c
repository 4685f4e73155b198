/* A connection whose bytes are another protocol's. It stays among the busy ones, so that the server counts it and the stop finds it;
 * whoever has the pipe ends it. The task that upgraded it may still stand in its own request then: so it is freed by whoever is last. */
#include <errno.h>
#include <string.h>
#include "http/connection.h"
#include "http/front.h"
#include "http/h2.h"

static connection *of(weft__pipe *p) { return (connection *)(void *)((char *)p - offsetof(connection, pipe)); }
static const connection *looked_at(const weft__pipe *p) { return (const connection *)(const void *)((const char *)p - offsetof(connection, pipe)); }

static ssize_t try_recv(weft__pipe *p, void *to, size_t n)
{
    connection *c = of(p);
    inbuf *in = c->in;
    if (!in) return weft__stream_try_recv(&c->stream, to, n);
    size_t there = in->have - in->at;
    if (there < n) n = there;
    if (n) memcpy(to, in->bytes + in->at, n);
    in->at += n;
    if (in->at == in->have) weft__inbuf_give(c);
    return n ? (ssize_t)n : weft__stream_try_recv(&c->stream, to, n);
}

/* The head of the 101, and answers before it, may still be here. */
static ssize_t send_behind(connection *c, const struct iovec *iov, int n)
{
    enum { MOST = 8 };
    struct iovec all[MOST] = { { c->out.ptr, c->out.len } };
    if (n > MOST - 1) n = MOST - 1;
    memcpy(all + 1, iov, (size_t)n * sizeof *iov);
    size_t first = c->out.len;
    ssize_t went = weft__stream_try_send(&c->stream, all, n + 1);
    if (went < 0) return went;
    if ((size_t)went < first) {
        memmove(c->out.ptr, c->out.ptr + went, first - (size_t)went);
        c->out.len = first - (size_t)went;
        return 0;
    }
    weft__connection_sent(c);
    return went - (ssize_t)first;
}

static ssize_t try_send(weft__pipe *p, const struct iovec *iov, int n)
{
    connection *c = of(p);
    if (__builtin_expect(c->out.len != 0, 0)) return send_behind(c, iov, n);
    return weft__stream_try_send(&c->stream, iov, n);
}

static bool may_read(const weft__pipe *p) { return looked_at(p)->in || looked_at(p)->stream.may_read; }
static bool hup(const weft__pipe *p) { return looked_at(p)->stream.hup; }

static void end(weft__pipe *p)
{
    connection *c = of(p);
    c->pipe_over = true;
    if (!c->task) {
        weft__connection_linger(c);
        return;
    }
    c->shut = true;                  /* the peer learns of it now, whatever the task still does */
    (void)weft__stream_shutdown(&c->stream);
}

static void reset(weft__pipe *p)
{
    connection *c = of(p);
    c->pipe_over = c->breaks = c->left = true;
    weft__stream_reset(&c->stream);
    if (!c->task) weft__connection_close(c);
}

static const weft__pipe_ops ops = { try_recv, try_send, may_read, hup, end, reset, NULL, NULL };

void weft__connection_upgraded(connection *c)
{
    c->task = NULL;
    if (!c->pipe_over) return;
    if (c->left) weft__connection_close(c);
    else weft__connection_linger(c);
}

/* Nothing of the request is left in the receive buffer but what the client has sent behind it. */
static void give_buffer(connection *c)
{
    if (c->in && c->in->at == c->in->have) weft__inbuf_give(c);
}

static weft__pipe *pipe_of(connection *c)
{
    if (c->partial) weft__connection_forget_partial(c);
    c->state = CONNECTION_UPGRADED;
    c->pipe = (weft__pipe){ .ops = &ops };
    c->pipe_over = false;
    c->cancels = false;
    give_buffer(c);
    return &c->pipe;
}

int weft__exchange_upgrade(weft__exchange *x, weft_str headers, weft__pipe **out)
{
    struct request *r = (struct request *)x;
    connection *c = r->c;
    if (x->ops && !x->connects) return WEFT_EINVAL;  /* HTTP/2 has no such thing: RFC 9113, 8.6 */
    int rc = weft__exchange_begin(x, 101, headers, -1);
    if (rc < 0) return rc;
    if (x->status != 101) return WEFT_EINVAL;        /* middleware made another answer of it, which has begun */
    (void)weft__request_name(r);
    if (c->server->front) c->server->front->running--;
    x->upgraded = true;
    x->afterwards.mark = 0;                          /* what comes from here on is not in it */
    if (x->ops) x->ops->upgrade(x, out);
    else *out = pipe_of(c);
    return 0;
}

/* A pipe that is told may end itself, never another one: the next is known before. */
void weft__server_tell_pipes(weft__server *s, uint32_t event)
{
    for (connection *c = weft__patience_first(&s->busy), *next; c; c = next) {
        next = weft__patience_next(c);
        if (c->state == CONNECTION_H2) weft__h2_tell_pipes(c, event);
        else if (c->state == CONNECTION_UPGRADED && !c->pipe_over && c->pipe.edge) c->pipe.edge(c->pipe.owner, event);
    }
}
