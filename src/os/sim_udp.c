#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "base/mem.h"
#include "os/sim_world.h"

/* What UDP over IPv4 can carry. */
enum { SIZE_MAX_UDP = 65507 };

struct weft__sim_datagram {
    weft__sim_datagram *next;
    uint64_t serial;                 /* on its way */
    int sender;
    weft__addr from, to;
    size_t size;
    char bytes[];
};

static bool is_any(const weft__addr *a)
{
    const struct sockaddr_in6 *in6 = (const void *)&a->sa;
    if (a->sa.ss_family == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
    return ((const struct sockaddr_in *)&a->sa)->sin_addr.s_addr == INADDR_ANY;
}

static bool overlap(const weft__addr *a, const weft__addr *b)
{
    if (weft__addr_equal(a, b)) return true;
    return a->sa.ss_family == b->sa.ss_family && weft__addr_port(a) == weft__addr_port(b) && (is_any(a) || is_any(b));
}

static weft__sim_sock *bound_at(const weft__sim *s, const weft__addr *a)
{
    weft__sim_sock *sock = s->udp;
    while (sock && !overlap(&sock->local, a)) sock = sock->next;
    return sock;
}

static int claim(weft__sim *s, weft__addr *a)
{
    if (weft__addr_port(a)) return bound_at(s, a) ? -EADDRINUSE : 0;
    for (int i = 0; i < WEFT__SIM_PORTS; i++) {
        weft__addr_set_port(a, weft__sim_port(s));
        if (!bound_at(s, a)) return 0;
    }
    return -EADDRINUSE;
}

/* ---- opening ---- */

static int open_at(weft__sim *s, weft__addr at)
{
    if (at.sa.ss_family != AF_INET && at.sa.ss_family != AF_INET6) return -EAFNOSUPPORT;
    int rc = claim(s, &at);
    if (rc) return rc;
    weft__sim_sock *sock = weft__sim_sock_new(s, WEFT__SIM_DATAGRAM, &rc);
    if (!sock) return rc;
    sock->local = at;
    sock->mail_end = &sock->mail;
    sock->next = s->udp;
    s->udp = sock;
    s->open_fds++;
    return sock->fd;
}

static int udp(weft__os *os, const weft__addr *at)
{
    weft__sim *s = weft__sim_of(os);
    int fd = open_at(s, *at);
    weft__sim_note(s, WEFT__SIM_OP_LISTEN, weft__addr_port(at), fd);
    return fd;
}

static weft__sim_sock *find(const weft__sim *s, int fd)
{
    weft__sim_sock *sock = weft__sim_find(s, fd);
    return sock && sock->state == WEFT__SIM_DATAGRAM ? sock : NULL;
}

/* Only what this peer sends is told from now on; so it is in the kernel. Bound to any address, it now has one. */
static int udp_connect(weft__os *os, int fd, const weft__addr *to)
{
    weft__sim_sock *sock = find(weft__sim_of(os), fd);
    if (!sock) return -EBADF;
    if (sock->local.sa.ss_family != to->sa.ss_family) return -EAFNOSUPPORT;
    int port = weft__addr_port(&sock->local);
    bool any = is_any(&sock->local);
    sock->remote = *to;
    sock->was_open = true;
    if (any) weft__addr_parse(to->sa.ss_family == AF_INET ? WEFT_S("127.0.0.1") : WEFT_S("::1"), port, &sock->local);
    return 0;
}

/* ---- sending ---- */

static weft__addr sender_of(const weft__sim_sock *sock, const weft__addr *to)
{
    weft__addr from = *to;
    weft__addr_set_port(&from, weft__addr_port(&sock->local));
    return is_any(&sock->local) ? from : sock->local;
}

static int send_one(weft__sim *s, int fd, const void *bytes, size_t n, const weft__addr *to)
{
    int code = weft__sim_fault(s, WEFT__SIM_OP_SEND);
    weft__sim_sock *sock = find(s, fd);
    if (code == -EAGAIN && sock) weft__sim_wake(s, sock);
    if (code) return code;
    if (!sock) return -EBADF;
    if (!to && !sock->was_open) return -EDESTADDRREQ;
    if (!to) to = &sock->remote;
    if (to->sa.ss_family != sock->local.sa.ss_family) return -EAFNOSUPPORT;
    if (n > SIZE_MAX_UDP) return -EMSGSIZE;
    int error = sock->error;
    sock->error = 0;
    if (error) return -error;
    if (weft__sim_chance(s, s->opts.lost_permille, 1000)) return 0;
    weft__sim_datagram *d = weft__sim_queue_reserve(&s->queue, 1) ? weft__malloc(sizeof *d + n) : NULL;
    if (!d) return WEFT_ENOMEM;
    *d = (weft__sim_datagram){ s->flying, ++s->serial, fd, sender_of(sock, to), *to, n };
    if (n) memcpy(d->bytes, bytes, n);
    s->flying = d;
    weft__sim_overtaking(s, WEFT__SIM_MAIL, d->serial);
    return 0;
}

static int udp_send(weft__os *os, int fd, const void *bytes, size_t n, const weft__addr *to)
{
    weft__sim *s = weft__sim_of(os);
    int rc = send_one(s, fd, bytes, n, to);
    weft__sim_note(s, WEFT__SIM_OP_SEND, fd, rc < 0 ? rc : (int64_t)n);
    return rc;
}

/* ---- receiving ---- */

/* Nobody is there, and a sender that is connected learns of it. */
static void refuse(weft__sim *s, const weft__sim_datagram *d)
{
    weft__sim_sock *sender = find(s, d->sender);
    if (!sender || !sender->was_open) return;
    sender->error = ECONNREFUSED;
    weft__sim_wake(s, sender);
}

static bool takes(const weft__sim *s, const weft__sim_sock *sock, const weft__sim_datagram *d)
{
    bool wanted = !sock->was_open || weft__addr_equal(&sock->remote, &d->from);
    return wanted && sock->mail_bytes + d->size <= s->opts.window;
}

void weft__sim_on_mail(weft__sim *s, uint64_t serial)
{
    weft__sim_datagram **at = &s->flying;
    while ((*at)->serial != serial) at = &(*at)->next;
    weft__sim_datagram *d = *at;
    *at = d->next;
    d->next = NULL;
    weft__sim_sock *sock = bound_at(s, &d->to);
    if (!sock) refuse(s, d);
    if (!sock || !takes(s, sock, d)) {
        weft__free(d);
        return;
    }
    *sock->mail_end = d;
    sock->mail_end = &d->next;
    sock->mail_bytes += d->size;
    weft__sim_wake(s, sock);
}

static ssize_t recv_one(weft__sim *s, int fd, void *to, size_t room, weft__addr *from)
{
    int code = weft__sim_fault(s, WEFT__SIM_OP_RECV);
    weft__sim_sock *sock = find(s, fd);
    if (code == -EAGAIN && sock) weft__sim_wake(s, sock);
    if (code) return code;
    if (!sock) return -EBADF;
    int error = sock->error;
    sock->error = 0;
    if (error) return -error;
    weft__sim_datagram *d = sock->mail;
    if (!d) return -EAGAIN;
    sock->mail = d->next;
    if (!sock->mail) sock->mail_end = &sock->mail;
    sock->mail_bytes -= d->size;
    size_t n = d->size;
    if (n) memcpy(to, d->bytes, n < room ? n : room);
    *from = d->from;
    weft__free(d);
    return (ssize_t)n;
}

static ssize_t udp_recv(weft__os *os, int fd, void *to, size_t room, weft__addr *from)
{
    weft__sim *s = weft__sim_of(os);
    ssize_t n = recv_one(s, fd, to, room, from);
    weft__sim_note(s, WEFT__SIM_OP_RECV, fd, n);
    return n;
}

/* ---- ending ---- */

static void mail_free(weft__sim_datagram *d)
{
    for (weft__sim_datagram *next; d; d = next) {
        next = d->next;
        weft__free(d);
    }
}

void weft__sim_udp_closed(weft__sim *s, weft__sim_sock *sock)
{
    weft__sim_sock **at = &s->udp;
    while (*at != sock) at = &(*at)->next;
    *at = sock->next;
    mail_free(sock->mail);
}

void weft__sim_udp_free(weft__sim *s)
{
    for (weft__sim_sock *sock = s->udp; sock; sock = sock->next) mail_free(sock->mail);
    mail_free(s->flying);
}

/* There are no files in this world's network. */
static int listen_anywhere(weft__os *os, const weft__addr *a, int backlog, int mode, weft__net_path *made)
{
    (void)mode;
    *made = (weft__net_path){ .made = false };
    return weft__sim_listen(os, a, backlog);
}

static int unlink_nothing(weft__os *os, const weft__addr *a, const weft__net_path *made)
{
    (void)os;
    (void)a;
    (void)made;
    return 0;
}

const weft__net_ops weft__sim_net = {
    .listen = listen_anywhere, .unlink = unlink_nothing, .udp = udp, .udp_connect = udp_connect,
    .udp_send = udp_send, .udp_recv = udp_recv,
};
