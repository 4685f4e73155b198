#include "io/stream.h"
#include <errno.h>
#include "io/tls.h"
#include "task/stack.h"

static const weft__os_ops *ops(weft__stream *s) { return weft__loop_os(s->loop)->ops; }

/* An edge, or several at once. Whoever waits looks for itself; `idle` is told when nobody does, and of room when nobody waits to write. */
static void edge(weft__watch *w, uint32_t events)
{
    weft__stream *s = (weft__stream *)w;
    if (events & (WEFT__IN | WEFT__HUP)) s->may_read = true;
    if (events & (WEFT__OUT | WEFT__HUP)) s->may_write = true;
    if (events & WEFT__HUP) s->hup = true;
    if (__builtin_expect(s->tls != NULL, 0)) events = weft__tls_edge(s, events);
    bool told = false, writes = s->writer && (s->may_write || weft__stream_shaking(s));
    if (s->may_read && s->reader) told = weft__wake(s->reader, 0);
    if (writes) told |= weft__wake(s->writer, 0);
    if (!s->idle) return;
    if (!told) s->idle(s, events);
    else if (!writes && events & WEFT__OUT) s->idle(s, WEFT__OUT);
}

int weft__stream_open(weft__stream *s, weft__loop *loop, int fd)
{
    *s = (weft__stream){ .watch = { edge }, .loop = loop, .fd = fd, .may_write = true };
    int rc = ops(s)->watch(weft__loop_os(loop), fd, s, false);
    if (rc < 0) weft__stream_close(s);
    return rc;
}

/* Wait in one of the two places, `who`, until an edge or the deadline. */
static int wait_edge(weft__stream *s, weft__fiber **who, const char *what, int64_t deadline_ns)
{
    if (*who) return WEFT_EBUSY;
    *who = weft__self();
    int rc = weft__park(what, deadline_ns);
    *who = NULL;
    return s->fd < 0 ? WEFT_ECLOSED : rc;
}

int weft__stream_wait(weft__stream *s, const char *what, int64_t deadline_ns)
{
    if (s->writer) return WEFT_EBUSY;
    s->writer = weft__self();
    int rc = wait_edge(s, &s->reader, what, deadline_ns);
    s->writer = NULL;
    return rc;
}

int weft__stream_connect(weft__stream *s, weft__loop *loop, const weft__addr *to, int64_t deadline_ns)
{
    int fd = weft__loop_os(loop)->ops->connect(weft__loop_os(loop), to);
    if (fd < 0) return fd;
    int rc = weft__stream_open(s, loop, fd);
    if (rc < 0) return rc;
    s->may_write = false;
    while (!s->may_write && rc == 0) rc = wait_edge(s, &s->writer, "a connection", deadline_ns);
    if (rc == 0) rc = ops(s)->connect_result(weft__loop_os(loop), fd);
    if (rc < 0) weft__stream_close(s);
    return rc;
}

/* A read that came back short has emptied the socket: the next bytes bring an edge of their own. Not so when
 * the peer has ended: that edge has come already. */
ssize_t weft__stream_try_recv(weft__stream *s, void *to, size_t n)
{
    if (s->fd < 0) return WEFT_ECLOSED;
    if (!s->may_read) return -EAGAIN;
    if (__builtin_expect(s->tls != NULL, 0)) return weft__tls_recv(s, to, n);
    ssize_t got = ops(s)->recv(weft__loop_os(s->loop), s->fd, to, n);
    if (got == -EAGAIN || (got > 0 && (size_t)got < n && !s->hup)) s->may_read = false;
    return got;
}

ssize_t weft__stream_recv(weft__stream *s, void *to, size_t n, int64_t deadline_ns)
{
    if (s->reader) return WEFT_EBUSY;
    int stop = weft__checkpoint();                   /* before any byte is taken: what is taken is given */
    if (stop < 0) return stop;
    for (;;) {
        ssize_t got = weft__stream_try_recv(s, to, n);
        if (got != -EAGAIN) return got;
        int rc = wait_edge(s, &s->reader, "a read", deadline_ns);
        if (rc < 0) return rc;
    }
}

/* Somebody is slow. Of a crowd of those each holds no more of its stack than it stands on. */
static void hold_little(const weft__stream *s)
{
    if (weft__loop_crowded(s->loop)) weft__stack_shed();
}

int weft__stream_await(weft__stream *s, int64_t deadline_ns)
{
    if (s->reader) return WEFT_EBUSY;
    int rc = s->fd < 0 ? WEFT_ECLOSED : weft__checkpoint();
    if (rc == 0 && !s->may_read) hold_little(s);
    while (rc == 0 && !s->may_read) rc = wait_edge(s, &s->reader, "a read", deadline_ns);
    return rc;
}

ssize_t weft__stream_try_send(weft__stream *s, const struct iovec *iov, int n)
{
    if (s->fd < 0) return WEFT_ECLOSED;
    if (__builtin_expect(s->tls != NULL, 0)) return weft__tls_send(s, iov, n);
    if (!s->may_write) return 0;
    ssize_t went = ops(s)->send(weft__loop_os(s->loop), s->fd, iov, n);
    if (went == -EAGAIN) {
        s->may_write = false;
        return 0;
    }
    return went;
}

static void skip(struct iovec *iov, int *first, int n, size_t went)
{
    while (*first < n && went >= iov[*first].iov_len) went -= iov[(*first)++].iov_len;
    if (*first == n) return;
    iov[*first].iov_base = (char *)iov[*first].iov_base + went;
    iov[*first].iov_len -= went;
}

/* Until when the peer must take some more: nobody stays for ever by taking a byte now and then. */
static int64_t pace_ends(const weft__pace *p, int64_t now_ns)
{
    if (p->none_ns == INT64_MAX) return INT64_MAX;
    int64_t ends = now_ns + p->none_ns;
    if (!p->per_byte_ns || p->taken > (uint64_t)(INT64_MAX / 4 / p->per_byte_ns)) return ends;
    int64_t all = ends + (int64_t)p->taken * p->per_byte_ns - p->waited_ns;
    return all < ends ? all : ends;
}

static int wait_to_write(weft__stream *s, int64_t deadline_ns) { return wait_edge(s, &s->writer, "a slow peer to take bytes", deadline_ns); }

static __attribute__((noinline)) int wait_shielded(weft__stream *s, int64_t deadline_ns)
{
    WEFT_SCOPE(sending, .shield = true);
    return wait_to_write(s, deadline_ns);
}

static int wait_for_room(weft__stream *s, weft__pace *p)
{
    int64_t began_ns = weft__loop_clock(s->loop), until_ns = pace_ends(p, began_ns);
    hold_little(s);
    int rc = p->stays ? wait_shielded(s, until_ns) : wait_to_write(s, until_ns);
    p->waited_ns += weft__loop_clock(s->loop) - began_ns;
    return rc;
}

int weft__stream_await_room(weft__stream *s, weft__pace *p)
{
    if (s->writer) return WEFT_EBUSY;
    int rc = s->fd < 0 ? WEFT_ECLOSED : 0;
    while (rc == 0 && !s->may_write) rc = wait_for_room(s, p);
    return rc;
}

int weft__stream_send_to(weft__stream *s, const struct iovec *iov, int n, weft__pace *p)
{
    struct iovec left[8];
    if (s->writer) return WEFT_EBUSY;
    if (n < 1 || n > (int)weft_count(left)) return WEFT_EINVAL;
    for (int i = 0; i < n; i++) left[i] = iov[i];
    for (int first = 0;;) {
        ssize_t went = weft__stream_try_send(s, left + first, n - first);
        if (went < 0) return (int)went;
        if (p->waited_ns) p->taken += (uint64_t)went;
        skip(left, &first, n, (size_t)went);
        if (first == n) {
            weft__give_way();
            return 0;
        }
        if (s->may_write) continue;
        int rc = wait_for_room(s, p);
        if (rc < 0) return rc;
    }
}

int weft__stream_send(weft__stream *s, const struct iovec *iov, int n, int64_t timeout_ns)
{
    return weft__stream_send_to(s, iov, n, &(weft__pace){ .none_ns = timeout_ns });
}

int weft__stream_shutdown(weft__stream *s)
{
    if (s->fd < 0) return WEFT_ECLOSED;
    return s->tls ? weft__tls_shutdown(s) : ops(s)->shutdown(weft__loop_os(s->loop), s->fd);
}

void weft__stream_keep_alive(weft__stream *s)
{
    weft__os *os = weft__loop_os(s->loop);
    if (s->fd >= 0 && os->ops->keep_alive) os->ops->keep_alive(os, s->fd);
}

void weft__stream_look(weft__stream *s)
{
    s->may_read = true;
    if (s->tls) weft__tls_look(s->tls);
}

weft_str weft__stream_alpn(const weft__stream *s) { return s->tls ? weft__tls_alpn(s->tls) : (weft_str){ "", 0 }; }
bool weft__stream_shaking(const weft__stream *s) { return s->tls && weft__tls_shaking(s->tls); }

static void end(weft__stream *s, bool breaks)
{
    if (s->fd < 0) return;
    int fd = s->fd;
    s->fd = -1;
    weft__loop_forget(s->loop, &s->watch);
    if (!s->tls || !weft__tls_close(s, fd, breaks)) (breaks ? ops(s)->reset : ops(s)->close)(weft__loop_os(s->loop), fd);
    if (s->reader) weft__wake(s->reader, WEFT_ECLOSED);
    if (s->writer) weft__wake(s->writer, WEFT_ECLOSED);
}

void weft__stream_close(weft__stream *s) { end(s, false); }
void weft__stream_reset(weft__stream *s) { end(s, true); }
