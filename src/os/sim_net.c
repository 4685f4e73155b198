#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "os/sim_world.h"

enum { PORT_FIRST = 32768, PORT_LAST = 60999, BACKLOG_MAX = 4096 };

/* ---- addresses ---- */

static bool has_port(const weft__addr *a) { return a->sa.ss_family == AF_INET || a->sa.ss_family == AF_INET6; }

static bool is_any(const weft__addr *a)
{
    if (a->sa.ss_family == AF_INET) return ((const struct sockaddr_in *)&a->sa)->sin_addr.s_addr == INADDR_ANY;
    if (a->sa.ss_family != AF_INET6) return false;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&a->sa)->sin6_addr);
}

/* Whether two listeners cannot both be, or a listener takes what is sent to `b`. */
static bool covers(const weft__addr *a, const weft__addr *b)
{
    if (weft__addr_equal(a, b)) return true;
    return has_port(a) && a->sa.ss_family == b->sa.ss_family && weft__addr_port(a) == weft__addr_port(b)
        && (is_any(a) || is_any(b));
}

static weft__sim_sock *listener_at(const weft__sim *s, const weft__addr *a)
{
    weft__sim_sock *l = s->listeners;
    while (l && !covers(&l->local, a)) l = l->next;
    return l;
}

int weft__sim_port(weft__sim *s)
{
    int port = s->next_port;
    s->next_port = port < PORT_LAST ? port + 1 : PORT_FIRST;
    return port;
}

/* ---- listening ---- */

static int claim(weft__sim *s, weft__addr *a)
{
    if (!has_port(a) || weft__addr_port(a)) return listener_at(s, a) ? -EADDRINUSE : 0;
    for (int i = PORT_FIRST; i <= PORT_LAST; i++) {
        weft__addr_set_port(a, weft__sim_port(s));
        if (!listener_at(s, a)) return 0;
    }
    return -EADDRINUSE;
}

static int start_listening(weft__sim *s, const weft__addr *a, int backlog)
{
    int rc = weft__sim_fault(s, WEFT__SIM_OP_LISTEN);
    if (rc) return rc;
    if (!has_port(a) && a->sa.ss_family != AF_UNIX) return -EAFNOSUPPORT;
    weft__addr at = *a;
    rc = claim(s, &at);
    if (rc) return rc;
    weft__sim_sock *l = weft__sim_sock_new(s, WEFT__SIM_LISTENING, &rc);
    if (!l) return rc;
    l->local = at;
    l->backlog = backlog < 1 ? 1 : backlog < BACKLOG_MAX ? backlog : BACKLOG_MAX;
    l->next = s->listeners;
    s->listeners = l;
    s->open_fds++;
    return l->fd;
}

int weft__sim_listen(weft__os *os, const weft__addr *a, int backlog)
{
    weft__sim *s = weft__sim_of(os);
    int fd = start_listening(s, a, backlog);
    weft__sim_note(s, WEFT__SIM_OP_LISTEN, weft__addr_port(a), fd);
    return fd;
}

static int take(weft__sim *s, int listener, weft__addr *peer)
{
    weft__sim_sock *l = weft__sim_find(s, listener);
    if (!l) return -EBADF;
    if (l->state != WEFT__SIM_LISTENING) return WEFT_EINVAL;
    l->told = false;
    int rc = weft__sim_fault(s, WEFT__SIM_OP_ACCEPT);
    if (rc) return rc;
    weft__sim_sock *sock = l->queue;
    if (!sock) return -EAGAIN;
    l->queue = sock->next;
    if (!l->queue) l->queue_end = &l->queue;
    l->queued--;
    sock->next = NULL;
    s->open_fds++;
    *peer = sock->remote;
    return sock->fd;
}

int weft__sim_accept(weft__os *os, int listener, weft__addr *peer)
{
    weft__sim *s = weft__sim_of(os);
    int fd = take(s, listener, peer);
    weft__sim_note(s, WEFT__SIM_OP_ACCEPT, listener, fd);
    return fd;
}

/* ---- connecting ---- */

static weft__addr own_address(weft__sim *s, const weft__addr *to)
{
    weft__addr a = { .len = sizeof a.sa.ss_family };
    a.sa.ss_family = AF_UNIX;
    if (to->sa.ss_family == AF_INET) weft__addr_parse(WEFT_S("127.0.0.1"), weft__sim_port(s), &a);
    if (to->sa.ss_family == AF_INET6) weft__addr_parse(WEFT_S("::1"), weft__sim_port(s), &a);
    return a;
}

static int start_connecting(weft__sim *s, const weft__addr *a)
{
    int rc = weft__sim_fault(s, WEFT__SIM_OP_CONNECT);
    if (rc) return rc;
    if (!has_port(a) && a->sa.ss_family != AF_UNIX) return -EAFNOSUPPORT;
    weft__sim_sock *sock = weft__sim_sock_new(s, WEFT__SIM_CONNECTING, &rc);
    if (!sock) return rc;
    sock->local = own_address(s, a);
    sock->remote = *a;
    s->open_fds++;
    bool refused = weft__sim_chance(s, s->opts.refuse_permille, 1000);
    if (refused) weft__sim_to(s, WEFT__SIM_RST, sock->fd, 0, 0);
    else weft__sim_to(s, WEFT__SIM_SYN, 0, sock->fd, 0);
    return sock->fd;
}

int weft__sim_connect(weft__os *os, const weft__addr *a)
{
    weft__sim *s = weft__sim_of(os);
    int fd = start_connecting(s, a);
    weft__sim_note(s, WEFT__SIM_OP_CONNECT, weft__addr_port(a), fd);
    return fd;
}

static void break_off(weft__sim *s, weft__sim_sock *sock, int error)
{
    sock->state = WEFT__SIM_BROKEN;
    sock->error = error;
    weft__sim_wake(s, sock);
}

/* A full queue: the client's kernel tries again, and gives up in the end. */
static void try_again(weft__sim *s, weft__sim_sock *client, uint64_t tries)
{
    if (tries >= WEFT__SIM_SYN_TRIES) break_off(s, client, ETIMEDOUT);
    else weft__sim_later(s, WEFT__SIM_SYN, (int64_t)1000000000 << tries, client->fd, tries + 1);
}

void weft__sim_on_syn(weft__sim *s, int from, uint64_t tries)
{
    weft__sim_sock *client = weft__sim_find(s, from);
    if (!client) return;
    weft__sim_sock *l = listener_at(s, &client->remote), *sock = NULL;
    if (l && l->queued >= l->backlog) {
        try_again(s, client, tries);
        return;
    }
    int rc;
    if (l) sock = weft__sim_sock_new(s, WEFT__SIM_OPEN, &rc);
    if (!sock) {
        weft__sim_to(s, WEFT__SIM_RST, from, 0, 0);
        return;
    }
    sock->local = client->remote;
    sock->remote = client->local;
    sock->was_open = true;
    sock->peer = from;
    client->peer = sock->fd;
    *l->queue_end = sock;
    l->queue_end = &sock->next;
    l->queued++;
    l->told = false;
    weft__sim_wake(s, l);
    weft__sim_to(s, WEFT__SIM_SYN_ACK, from, sock->fd, 0);
}

void weft__sim_on_syn_ack(weft__sim *s, int to)
{
    weft__sim_sock *sock = weft__sim_find(s, to);
    if (!sock) return;
    sock->state = WEFT__SIM_OPEN;
    sock->was_open = true;
    weft__sim_wake(s, sock);
}

static int result_of(weft__sim *s, int fd)
{
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (!sock) return -EBADF;
    if (sock->state == WEFT__SIM_CONNECTING) return -EINPROGRESS;
    int error = sock->error;
    sock->error = 0;
    return -error;
}

int weft__sim_connect_result(weft__os *os, int fd)
{
    weft__sim *s = weft__sim_of(os);
    int rc = result_of(s, fd);
    weft__sim_note(s, WEFT__SIM_OP_CONNECT_RESULT, fd, rc);
    return rc;
}

int weft__sim_local(weft__os *os, int fd, weft__addr *out)
{
    weft__sim_sock *sock = weft__sim_find(weft__sim_of(os), fd);
    if (!sock) return -EBADF;
    *out = sock->local;
    return 0;
}

bool weft__sim_peer_ours(weft__os *os, int fd)
{
    weft__sim *s = weft__sim_of(os);
    const weft__sim_sock *sock = weft__sim_find(s, fd);
    return sock && sock->local.sa.ss_family == AF_UNIX && !s->opts.strangers;
}

/* ---- ending ---- */

static int end_sending(weft__sim *s, int fd)
{
    weft__sim_sock *sock = weft__sim_find(s, fd);
    if (!sock) return -EBADF;
    if (sock->state != WEFT__SIM_OPEN) return -ENOTCONN;
    if (!sock->fin_out) weft__sim_to(s, WEFT__SIM_FIN, sock->peer, fd, 0);
    sock->fin_out = true;
    return 0;
}

int weft__sim_shutdown(weft__os *os, int fd)
{
    weft__sim *s = weft__sim_of(os);
    int rc = end_sending(s, fd);
    weft__sim_note(s, WEFT__SIM_OP_SHUTDOWN, fd, rc);
    return rc;
}

static void stop_listening(weft__sim *s, weft__sim_sock *l)
{
    for (weft__sim_sock *sock = l->queue, *next; sock; sock = next) {
        next = sock->next;
        weft__sim_to(s, WEFT__SIM_RST, sock->peer, sock->fd, 0);
        weft__sim_sock_free(s, sock);
    }
    weft__sim_sock **at = &s->listeners;
    while (*at != l) at = &(*at)->next;
    *at = l->next;
}

/* Bytes that arrived and were not read make it a reset, as in TCP: the peer must learn that they are lost. */
static void say_goodbye(weft__sim *s, weft__sim_sock *sock)
{
    bool half_open = sock->state == WEFT__SIM_CONNECTING && sock->peer;
    if (half_open || (sock->state == WEFT__SIM_OPEN && sock->readable))
        weft__sim_to(s, WEFT__SIM_RST, sock->peer, sock->fd, 0);
    else if (sock->state == WEFT__SIM_OPEN && !sock->fin_out)
        weft__sim_to(s, WEFT__SIM_FIN, sock->peer, sock->fd, 0);
}

void weft__sim_close(weft__os *os, int fd)
{
    weft__sim *s = weft__sim_of(os);
    weft__sim_sock *sock = weft__sim_find(s, fd);
    bool file = !sock && weft__sim_disk_close(s, fd);
    weft__sim_note(s, WEFT__SIM_OP_CLOSE, fd, sock || file);
    if (!sock) return;
    if (sock->state == WEFT__SIM_LISTENING) stop_listening(s, sock);
    else if (sock->state == WEFT__SIM_DATAGRAM) weft__sim_udp_closed(s, sock);
    else say_goodbye(s, sock);
    s->open_fds--;
    weft__sim_sock_free(s, sock);
}

/* With nothing of it read, what the peer sends from now on is answered by a reset as well: nobody is there. */
void weft__sim_reset(weft__os *os, int fd)
{
    weft__sim *s = weft__sim_of(os);
    weft__sim_sock *sock = weft__sim_find(s, fd);
    bool tcp = sock && sock->local.sa.ss_family != AF_UNIX;
    if (tcp && sock->state == WEFT__SIM_OPEN) {
        weft__sim_to(s, WEFT__SIM_RST, sock->peer, fd, 0);
        sock->state = WEFT__SIM_BROKEN;      /* it has said goodbye */
    }
    weft__sim_close(os, fd);
}

void weft__sim_on_fin(weft__sim *s, int to)
{
    weft__sim_sock *sock = weft__sim_find(s, to);
    if (!sock || sock->state != WEFT__SIM_OPEN) return;
    sock->fin_in = true;
    weft__sim_wake(s, sock);
}

/* After the peer's end a reset is a broken pipe: what was read is whole. */
void weft__sim_on_rst(weft__sim *s, int to)
{
    weft__sim_sock *sock = weft__sim_find(s, to);
    if (!sock || sock->state == WEFT__SIM_BROKEN) return;
    bool connecting = sock->state == WEFT__SIM_CONNECTING;
    break_off(s, sock, connecting ? ECONNREFUSED : sock->fin_in ? EPIPE : ECONNRESET);
}
