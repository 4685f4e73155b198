#include <errno.h>
#include <string.h>
#include "os/sim_world.h"

static int take_error(weft__sim_sock *sock)
{
    int error = sock->error;
    sock->error = 0;
    return -error;
}

/* Now and then less than could be, but something: only for counts above 1. */
static size_t shortened(weft__sim *s, size_t n)
{
    if (n < 2 || !weft__sim_chance(s, s->opts.short_io_percent, 100)) return n;
    return 1 + (size_t)(weft__sim_draw(s) % (n - 1));
}

/* A spurious EAGAIN must be followed by an edge, or the caller would wait for ever. */
static int fault(weft__sim *s, weft__sim_op op, int fd)
{
    int code = weft__sim_fault(s, op);
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (code != -EAGAIN || !sock) return code;
    if (op == WEFT__SIM_OP_SEND) sock->blocked = true;
    weft__sim_wake(s, sock);
    return code;
}

/* ---- receiving ---- */

static void consume(weft__sim_sock *sock, void *to, size_t n)
{
    memcpy(to, sock->in.ptr + sock->start, n);
    sock->start += n;
    sock->readable -= n;
    if (sock->start <= sock->in.len / 2) return;
    sock->in.len -= sock->start;
    memmove(sock->in.ptr, sock->in.ptr + sock->start, sock->in.len);
    sock->start = 0;
}

static ssize_t nothing_to_read(weft__sim_sock *sock)
{
    if (sock->state == WEFT__SIM_LISTENING) return -ENOTCONN;
    if (sock->state == WEFT__SIM_CONNECTING) return -EAGAIN;
    if (sock->fin_in) return 0;
    if (sock->error) return take_error(sock);
    if (sock->state == WEFT__SIM_OPEN) return -EAGAIN;
    return sock->was_open ? 0 : -ENOTCONN;
}

static ssize_t receive(weft__sim *s, int fd, void *to, size_t n)
{
    int code = fault(s, WEFT__SIM_OP_RECV, fd);
    if (code) return code;
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (!sock) return -EBADF;
    if (!sock->readable) return nothing_to_read(sock);
    size_t could = n < sock->readable ? n : sock->readable;
    if (!could) return 0;
    if (!weft__sim_queue_reserve(&s->queue, 1)) return WEFT_ENOMEM;
    size_t moved = shortened(s, could);
    consume(sock, to, moved);
    if (moved < could) weft__sim_wake(s, sock);
    if (weft__sim_find(s, sock->peer)) weft__sim_to(s, WEFT__SIM_ACK, sock->peer, fd, moved);
    return (ssize_t)moved;
}

ssize_t weft__sim_recv(weft__os *os, int fd, void *to, size_t n)
{
    weft__sim *s = weft__sim_of(os);
    ssize_t got = receive(s, fd, to, n);
    weft__sim_note(s, WEFT__SIM_OP_RECV, fd, got);
    return got;
}

/* A peer that is gone takes nothing, and answers with a reset. */
void weft__sim_on_bytes(weft__sim *s, int to, int from, uint64_t n)
{
    weft__sim_sock *sock = weft__sim_find(s, to);
    if (!sock) {
        weft__sim_to(s, WEFT__SIM_RST, from, to, 0);
        return;
    }
    if (sock->state == WEFT__SIM_BROKEN) return;
    sock->readable += n;
    weft__sim_wake(s, sock);
}

/* ---- sending ---- */

static size_t bytes_in(const struct iovec *v, int n)
{
    size_t total = 0;
    for (int i = 0; i < n; i++) total += v[i].iov_len;
    return total;
}

void weft__sim_note_content(weft__sim *s, const char *bytes, size_t n)
{
    for (; n >= 8; bytes += 8, n -= 8) {
        int64_t word;
        memcpy(&word, bytes, 8);
        weft__sim_note(s, WEFT__SIM_OP_CONTENT, word, 8);
    }
    if (!n) return;
    int64_t rest = 0;
    memcpy(&rest, bytes, n);
    weft__sim_note(s, WEFT__SIM_OP_CONTENT, rest, (int64_t)n);
}

/* The first n bytes of the pieces; `room` is NULL when nobody is there to get them. */
static void copy_out(weft__sim *s, char *room, const struct iovec *v, size_t n)
{
    for (; n; v++) {
        size_t part = v->iov_len < n ? v->iov_len : n;
        weft__sim_note_content(s, v->iov_base, part);
        if (room && part) memcpy(room, v->iov_base, part);
        if (room) room += part;
        n -= part;
    }
}

static bool deliver(weft__sim *s, weft__sim_sock *sock, const struct iovec *v, size_t n)
{
    weft__sim_sock *peer = weft__sim_find(s, sock->peer);
    if (!weft__sim_queue_reserve(&s->queue, 1)) return false;
    char *room = peer ? weft__buf_reserve(&peer->in, n) : NULL;
    if (peer && !room) {
        peer->in.failed = 0;
        return false;
    }
    copy_out(s, room, v, n);
    if (peer) peer->in.len += n;
    sock->out_used += n;
    weft__sim_to(s, WEFT__SIM_BYTES, sock->peer, sock->fd, n);
    return true;
}

static ssize_t broken_by_chance(weft__sim *s, weft__sim_sock *sock)
{
    weft__sim_to(s, WEFT__SIM_RST, sock->peer, sock->fd, 0);
    sock->state = WEFT__SIM_BROKEN;
    weft__sim_wake(s, sock);
    return WEFT_ECONNRESET;
}

static ssize_t transmit(weft__sim *s, int fd, const struct iovec *v, int n)
{
    int code = fault(s, WEFT__SIM_OP_SEND, fd);
    if (code) return code;
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (!sock) return -EBADF;
    if (n < 1 || n > 1024) return WEFT_EINVAL;
    if (sock->state == WEFT__SIM_CONNECTING) return -EAGAIN;
    if (sock->error) return take_error(sock);
    if (sock->state != WEFT__SIM_OPEN || sock->fin_out) return -EPIPE;

    size_t total = bytes_in(v, n), left = s->opts.window - sock->out_used;
    if (!total) return 0;
    if (weft__sim_chance(s, s->opts.reset_permille, 1000)) return broken_by_chance(s, sock);
    size_t could = total < left ? total : left, moved = could ? shortened(s, could) : 0;
    if (moved && !deliver(s, sock, v, moved)) return WEFT_ENOMEM;
    if (moved < total) sock->blocked = true;
    if (moved < could) weft__sim_wake(s, sock);
    return moved ? (ssize_t)moved : -EAGAIN;
}

ssize_t weft__sim_send(weft__os *os, int fd, const struct iovec *v, int n)
{
    weft__sim *s = weft__sim_of(os);
    ssize_t sent = transmit(s, fd, v, n);
    weft__sim_note(s, WEFT__SIM_OP_SEND, fd, sent);
    return sent;
}

void weft__sim_on_ack(weft__sim *s, int to, uint64_t n)
{
    weft__sim_sock *sock = weft__sim_find(s, to);
    if (!sock) return;
    sock->out_used -= n;
    if (!sock->blocked || !weft__sim_writable(s, sock)) return;
    sock->blocked = false;
    weft__sim_wake(s, sock);
}
