/* A socket that was accepted becomes a connection. */
#include <netinet/in.h>
#include <string.h>
#include "base/mem.h"
#include "http/connection.h"
#include "http/front.h"

/* An idle connection is to be small: the address without what stands around it. A listener for both families, as service managers open them, tells IPv4
 * in IPv6: one address of that is one client, not a network's. */
static void keep_peer(connection *c, const weft__addr *peer)
{
    const struct sockaddr_in *v4 = (const void *)&peer->sa;
    const struct sockaddr_in6 *v6 = (const void *)&peer->sa;
    bool mapped = peer->sa.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    c->peer.family = mapped ? AF_INET : (uint8_t)peer->sa.ss_family;
    if (mapped) memcpy(c->peer.bytes, v6->sin6_addr.s6_addr + 12, 4);
    else if (c->peer.family == AF_INET) memcpy(c->peer.bytes, &v4->sin_addr, 4);
    else if (c->peer.family == AF_INET6) memcpy(c->peer.bytes, &v6->sin6_addr, 16);
}

/* Who the peer is says whether it speaks TLS from its first byte on. */
static int open_stream(connection *c, int fd, bool secure)
{
    const weft__front *f = c->server->front;
    int rc = weft__stream_open(&c->stream, c->server->loop, fd);
    c->proxied = f && weft__front_has_proxy(f, &c->peer);
    c->veiled = secure && c->proxied;
    return rc == 0 && secure && !c->veiled ? weft__tls_accept(&c->stream, c->server->tls) : rc;
}

/* A handshake has the time of a head. */
connection *weft__connection_open(weft__port *p, int fd, const weft__addr *peer)
{
    weft__server *s = p->server;
    connection *c = weft__calloc(sizeof *c);
    weft__os *os = weft__loop_os(s->loop);
    bool secure = s->tls && !p->redirects;
    if (!c) {
        os->ops->close(os, fd);
        return NULL;
    }
    c->server = s;
    keep_peer(c, peer);
    if (open_stream(c, fd, secure) < 0) {
        weft__free(c);
        return NULL;
    }
    c->stream.idle = weft__connection_edge;
    c->redirects = p->redirects;
    c->state = secure ? CONNECTION_HEAD : CONNECTION_IDLE;
    weft__buf_init(&c->out, WEFT__OUT_BYTES_MAX);
    s->connections++;
    __atomic_store_n(s->told_connections, s->connections, __ATOMIC_RELAXED);
    return weft__patience_start(secure ? &s->heads : &s->idle, c) ? c : NULL;
}
