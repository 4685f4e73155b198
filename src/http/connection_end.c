/* How a connection ends: at once, after what its peer still sends, or with a refusal. */
#include <errno.h>
#include "base/mem.h"
#include "http/connection.h"
#include "http/front.h"
#include "http/h2.h"
#include "task/job.h"

enum {
    REJECTED_MAX = 256,
    LINGER_BYTES_MAX = 16 << 20          /* of a body nobody wants, dropped so that its answer arrives */
};

void weft__connection_close(connection *c)
{
    weft__server *s = c->server;
    if (c->state == CONNECTION_H2) weft__h2_free(c);
    weft__patience_stop(c);
    weft__connection_unmark(c);
    if (c->breaks) weft__stream_reset(&c->stream);
    else weft__stream_close(&c->stream);
    weft__inbuf_give(c);
    weft__connection_forget_partial(c);
    weft__buf_free(&c->out);
    if (s->front) weft__front_left(s->front, c);
    s->connections--;
    __atomic_store_n(s->told_connections, s->connections, __ATOMIC_RELAXED);
    s->rejected -= c->rejected;
    weft__free(c);
    if (s->stopping && s->runner) weft__wake(s->runner, 0);
}

/* Drop what comes. False: the peer has ended too, or has gone on for too long. */
static bool linger_read(connection *c)
{
    bool goes_on = weft__connection_in(c);
    inbuf *in = c->in;
    while (goes_on) {
        ssize_t n = weft__stream_try_recv(&c->stream, in->bytes, in->room);
        if (n == -EAGAIN) break;
        c->lingered += n > 0 ? (size_t)n : 0;
        goes_on = n > 0 && c->lingered < LINGER_BYTES_MAX;
    }
    weft__inbuf_give(c);
    return goes_on;
}

/* Closing while the peer still sends would make the kernel break the connection off and lose the
 * answer on its way: so end our side, and read what comes until the peer ends its own. What has
 * come already brings no edge, and a peer whose window is full sends nothing that would. RFC
 * 9112, 9.6. */
void weft__connection_linger(connection *c)
{
    weft__server *s = c->server;
    weft__inbuf_give(c);
    weft__connection_forget_partial(c);
    if (c->state == CONNECTION_UPGRADED) {
        c->partial = NULL;
        c->partial_len = c->partial_room = c->scanned = 0;
    }
    c->state = CONNECTION_LINGER;
    c->lingered = 0;
    bool gone = c->left || c->ended || c->stream.fd < 0;
    if (gone || (!c->shut && weft__stream_shutdown(&c->stream) < 0) || !linger_read(c))
        weft__connection_close(c);
    else (void)weft__connection_waits(c, &s->lingers);
}

void weft__connection_lingers(connection *c)
{
    if (!linger_read(c)) weft__connection_close(c);
}

/* ---- refusals ---- */

/* The end of a refusal that did not fit one send. */
static int send_and_linger(void *arg)
{
    connection *c = arg;
    if (weft__connection_send(c, (weft_str){ 0 }) < 0) weft__connection_close(c);
    else weft__connection_linger(c);
    return 0;
}

void weft__connection_refuse(connection *c, int status, const char *why)
{
    if (c->veiled) {                                 /* it would not be understood */
        weft__connection_close(c);
        return;
    }
    c->state = CONNECTION_BUSY;
    c->closing = true;
    (void)weft__connection_waits(c, NULL);
    weft__server_write_error(c->server, &c->out, status, why, true);
    bool sent = weft__connection_flush(c);
    if (sent && !c->out.len) weft__connection_linger(c);
    else if (!sent || weft__start(&c->server->scope, "a refusal", send_and_linger, c) < 0)
        weft__connection_close(c);
}

void weft__connection_turn_away(connection *c, int status, const char *why)
{
    if (c->server->rejected >= REJECTED_MAX) {
        weft__connection_close(c);
        return;
    }
    c->rejected = true;
    c->server->rejected++;
    weft__connection_refuse(c, status, why);
}

/* Refused ones linger too, or a client that has sent its request already would lose the answer; in
 * a crowd of them the later ones are turned away as well as it goes. */
void weft__connection_reject(weft__port *p, int fd, const weft__addr *peer, int status, const char *why)
{
    weft__server *s = p->server;
    if (s->rejected < REJECTED_MAX) {
        connection *c = weft__connection_open(p, fd, peer);
        if (c) weft__connection_turn_away(c, status, why);
        return;
    }
    weft__os *os = weft__loop_os(s->loop);
    weft__buf out;
    weft__buf_init(&out, 4096);
    weft__server_write_error(s, &out, status, why, true);
    struct iovec iov = { out.ptr, out.len };
    if (!out.failed && (!s->tls || p->redirects)) (void)os->ops->send(os, fd, &iov, 1);
    weft__buf_free(&out);
    os->ops->close(os, fd);
}
