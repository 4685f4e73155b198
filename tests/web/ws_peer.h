#ifndef WEFT_TESTS_WEB_WS_PEER_H
#define WEFT_TESTS_WEB_WS_PEER_H
/* A client that sends any bytes to a WebSocket, cut in any way, and keeps what comes. */
#include <stdlib.h>
#include <string.h>
#include "io/stream.h"
#include "scratch.h"
#include "testing/client.h"
#include "weft.h"
#include "wire/ws.h"
#include "wire/ws_deflate.h"
#include "ws_h2_peer.h"

#define WS_KEY_LINE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_LINES "Host: testserver\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" WS_KEY_LINE

enum { WS_PEER_MOST = 4 << 20 };

typedef struct ws_peer {
    const char *path, *lines;        /* more header lines; NULL: none */
    weft_str bytes;                  /* behind the handshake; masked already */
    size_t step;                     /* so many at a time; 0: all at once, with the handshake */
    int lazy_ms;                     /* it reads nothing for so long */
    int patience_ms;                 /* how long it waits for more: 0: a minute */
    bool ends;                       /* it ends its side when all was sent */
    bool over_h2;                    /* HTTP/2 carries it */
    struct ws_h2 *h2;
    const int *port;
    char *got;                       /* all that came, until the next one runs */
    size_t have, head;               /* head: of the handshake's answer */
    bool ended, broken;              /* the server has ended it, or broken it off */
    int64_t ended_ms;
} ws_peer;

static inline ssize_t ws_peer_recv(ws_peer *p, weft__stream *s, int64_t deadline_ns)
{
    char *to = p->got + p->have;
    size_t room = WS_PEER_MOST - p->have - 1;
#if WEFT__HAS_HTTP2
    if (p->h2) return ws_h2_recv(p->h2, to, room, deadline_ns);
#endif
    return weft__stream_recv(s, to, room, deadline_ns);
}

static inline int ws_peer_read(ws_peer *p, weft__stream *s, int ms)
{
    ssize_t n = ws_peer_recv(p, s, weft__loop_clock(weft__loop_here()) + ms * INT64_C(1000000));
    if (n > 0) p->have += (size_t)n;
    p->got[p->have] = 0;
    p->ended |= n == 0;
    p->broken |= n < 0 && n != WEFT_ETIMEDOUT;
    if (p->ended || p->broken) p->ended_ms = weft_test_ms();
    return n > 0 ? 1 : 0;
}

static inline int ws_peer_send(weft__stream *s, const char *bytes, size_t n)
{
    struct iovec iov = { (void *)(uintptr_t)bytes, n };
    return n ? weft__stream_send(s, &iov, 1, INT64_C(60000000000)) : 0;
}

static inline int ws_peer_say(ws_peer *p, weft__stream *s, const char *bytes, size_t n)
{
#if WEFT__HAS_HTTP2
    while (p->h2 && n && !p->ended && !p->broken) {
        ssize_t went = ws_h2_send(p->h2, bytes, n);
        if (went < 0) return (int)went;
        if (!went && !ws_peer_read(p, s, 60000)) return 0;
        bytes += went;
        n -= (size_t)went;
    }
    if (p->h2) return 0;
#endif
    return ws_peer_send(s, bytes, n);
}

static inline int ws_peer_ask(ws_peer *p, weft__stream *s)
{
#if WEFT__HAS_HTTP2
    if (p->over_h2) {
        p->h2 = malloc(sizeof *p->h2);
        return ws_h2_open(p->h2, s, "websocket", p->path, p->lines);
    }
#endif
    char head[4096];
    int n = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n" WS_LINES "%s\r\n", p->path, p->lines ? p->lines : "");
    return n < (int)sizeof head ? ws_peer_say(p, s, head, (size_t)n) : WEFT_ELIMIT;
}

static inline void ws_peer_end_side(ws_peer *p, weft__stream *s)
{
    weft__os *os = weft__loop_os(weft__loop_here());
#if WEFT__HAS_HTTP2
    if (p->h2) (void)!ws_h2_frame(p->h2, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, NULL, 0);
    if (p->h2) return;
#endif
    (void)os->ops->shutdown(os, s->fd);
}

static inline void ws_peer_free(ws_peer *p)
{
#if WEFT__HAS_HTTP2
    if (p->h2) ws_h2_close(p->h2);
    free(p->h2);
#endif
    p->h2 = NULL;
}

static inline int ws_peer_go(ws_peer *const *in)
{
    ws_peer *p = *in;
    weft__stream s;
    weft__addr at;
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), *p->port, &at));
    WEFT_TRY(weft__stream_connect(&s, weft__loop_here(), &at, INT64_MAX));
    static char *got;                /* of the last one that ran */
    if (!got) got = scratch(WS_PEER_MOST);
    p->got = got;
    p->got[0] = 0;
    int rc = ws_peer_ask(p, &s);
    if (p->step) {
        while (rc == 0 && !strstr(p->got, "\r\n\r\n") && ws_peer_read(p, &s, 60000)) continue;
        for (size_t i = 0; rc == 0 && i < p->bytes.len && !p->ended && !p->broken; i += p->step) {
            rc = ws_peer_say(p, &s, p->bytes.ptr + i, p->bytes.len - i < p->step ? p->bytes.len - i : p->step);
            if (rc == 0) rc = weft_yield();
        }
    } else if (rc == 0) {
        rc = ws_peer_say(p, &s, p->bytes.ptr, p->bytes.len);
    }
    if (p->lazy_ms) WEFT_TRY(weft_sleep_ms(p->lazy_ms));
    if (p->ends) ws_peer_end_side(p, &s);
    while (!p->ended && !p->broken && ws_peer_read(p, &s, p->patience_ms ? p->patience_ms : 60000)) continue;
    const char *end = strstr(p->got, "\r\n\r\n");
    p->head = end ? (size_t)(end - p->got) + 4 : p->have;
    ws_peer_free(p);
    weft__stream_close(&s);
    return 0;
}

/* Let it act; the application serves meanwhile. */
static inline void ws_peer_run(const weft_app *app, ws_peer *p)
{
    int port = 0;
    p->port = &port;
    weft__live_begin();
    WEFT_NEED(weft__live_call(app, &weft_call(ws_peer_go, &p), &port) == 0);
    weft__live_end();
}

/* A client's frame: its head, a mask, and the masked payload; how many bytes. */
static inline size_t ws_frame(char *to, unsigned first, const char *payload, size_t n)
{
    uint8_t mask[4] = { 0x11, 0x9a, 0x5c, 0xe7 };
    size_t head = weft__ws_head(to, &(weft__ws_frame){ .op = WEFT__WS_BINARY, .mask = mask }, n);
    to[0] = (char)first;
    memcpy(to + head, payload, n);
    weft__ws_mask(to + head, n, mask);
    return head + n;
}
#endif
