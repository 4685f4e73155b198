#ifndef WEFT_TESTS_WEB_WS_H2_PEER_H
#define WEFT_TESTS_WEB_WS_H2_PEER_H
/* What carries a WebSocket over HTTP/2 for a test: one stream, opened by an extended CONNECT; DATA frames out, as far as the server's
 * windows allow, and what comes in them. The head of the answer is written down as one of HTTP/1.1. RFC 8441 */
#include <stdlib.h>
#include <string.h>
#include "http/features.h"
#include "io/stream.h"
#include "weft.h"

#if WEFT__HAS_HTTP2
#include <nghttp2/nghttp2.h>

typedef struct ws_h2 {
    weft__stream *s;
    nghttp2_hd_inflater *inflater;
    unsigned char in[64 * 1024];
    size_t have;
    int64_t room, room_all;          /* in the server's windows: of the stream, of the connection */
    bool offers;                     /* its SETTINGS say that it takes extended CONNECT */
    bool greeted, ended, reset, away;
    bool keeps;                      /* the windows: nothing that comes is given back */
    uint32_t code;                   /* of the reset */
} ws_h2;

static inline void ws_h2_put32(unsigned char *to, uint32_t n)
{
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(n >> (24 - 8 * i));
}

static inline uint32_t ws_h2_get32(const unsigned char *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

static inline int ws_h2_frame(ws_h2 *h, uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t n)
{
    unsigned char head[9];
    struct iovec iov[2] = { { head, sizeof head }, { (void *)(uintptr_t)payload, n } };
    ws_h2_put32(head, (uint32_t)n << 8 | type);
    head[4] = flags;
    ws_h2_put32(head + 5, id);
    return weft__stream_send(h->s, iov, n ? 2 : 1, INT64_C(60000000000));
}

/* A literal that is not kept: RFC 7541, 6.2.2; texts shorter than 127 bytes. */
static inline size_t ws_h2_pair(char *to, const char *name, const char *value)
{
    size_t n = strlen(name), m = strlen(value);
    to[0] = 0;
    to[1] = (char)n;
    memcpy(to + 2, name, n);
    to[2 + n] = (char)m;
    memcpy(to + 3 + n, value, m);
    return 3 + n + m;
}

/* Preface and SETTINGS, and the CONNECT; `lines` are as in HTTP/1.1. */
static inline int ws_h2_open(ws_h2 *h, weft__stream *s, const char *protocol, const char *path, const char *lines)
{
    char block[2048], name[64], value[512];
    size_t n = 0;
    *h = (ws_h2){ .s = s, .room = 65535, .room_all = 65535 };
    if (nghttp2_hd_inflate_new(&h->inflater) != 0) return WEFT_ENOMEM;
    n += ws_h2_pair(block + n, ":method", "CONNECT");
    n += ws_h2_pair(block + n, ":protocol", protocol);
    n += ws_h2_pair(block + n, ":scheme", "http");
    n += ws_h2_pair(block + n, ":path", path);
    n += ws_h2_pair(block + n, ":authority", "testserver");
    n += ws_h2_pair(block + n, "sec-websocket-version", "13");
    for (const char *at = lines; at && *at; at = strstr(at, "\r\n") + 2) {
        if (sscanf(at, "%63[^:]: %511[^\r]", name, value) != 2) return WEFT_EINVAL;
        for (char *c = name; *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        n += ws_h2_pair(block + n, name, value);
    }
    struct iovec preface = { (void *)(uintptr_t)NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN };
    WEFT_TRY(weft__stream_send(s, &preface, 1, INT64_C(60000000000)));
    WEFT_TRY(ws_h2_frame(h, NGHTTP2_SETTINGS, 0, 0, NULL, 0));
    return ws_h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block, n);
}

static inline size_t ws_h2_head(ws_h2 *h, unsigned char *block, size_t n, char *to, size_t room)
{
    size_t len = 0;
    int flags = 0;
    nghttp2_nv nv;
    do {
        ssize_t used = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, block, n, 1);
        if (used < 0) return 0;
        block += used;
        n -= (size_t)used;
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT)) continue;
        const char *form = nv.name[0] == ':' ? "HTTP/2 %.*s%.*s\r\n" : "%.*s: %.*s\r\n";
        len += (size_t)snprintf(to + len, room - len, form, nv.name[0] == ':' ? 0 : (int)nv.namelen, nv.name, (int)nv.valuelen, nv.value);
    } while (!(flags & NGHTTP2_HD_INFLATE_FINAL));
    nghttp2_hd_inflate_end_headers(h->inflater);
    return len + (size_t)snprintf(to + len, room - len, "\r\n");
}

/* What a frame brings for the test, written to `to`: how many bytes. */
static inline size_t ws_h2_take(ws_h2 *h, unsigned char *frame, size_t n, char *to, size_t room)
{
    unsigned char *payload = frame + 9, credit[4];
    uint32_t id = ws_h2_get32(frame + 5);
    uint8_t type = frame[3], flags = frame[4];
    size_t got = 0;
    n -= 9;
    if (type == NGHTTP2_SETTINGS && !(flags & NGHTTP2_FLAG_ACK)) {
        for (size_t i = 0; i + 6 <= n; i += 6) h->offers |= payload[i + 1] == 8 && ws_h2_get32(payload + i + 2) == 1;
        (void)!ws_h2_frame(h, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
        h->greeted = true;
    } else if (type == NGHTTP2_PING && !(flags & NGHTTP2_FLAG_ACK)) {
        (void)!ws_h2_frame(h, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, payload, 8);
    } else if (type == NGHTTP2_WINDOW_UPDATE) {
        *(id ? &h->room : &h->room_all) += ws_h2_get32(payload);
    } else if (type == NGHTTP2_GOAWAY) {
        h->away = true;
    } else if (type == NGHTTP2_RST_STREAM && !h->ended) {
        h->reset = true;
        h->code = ws_h2_get32(payload);
    } else if (type == NGHTTP2_HEADERS) {
        got = ws_h2_head(h, payload, n, to, room);
    } else if (type == NGHTTP2_DATA) {
        memcpy(to, payload, n);
        got = n;
        ws_h2_put32(credit, (uint32_t)n);
        if (n && !h->keeps) (void)!ws_h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, 0, credit, 4);
        if (n && !h->keeps && !(flags & NGHTTP2_FLAG_END_STREAM)) (void)!ws_h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, 1, credit, 4);
    }
    if ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && flags & NGHTTP2_FLAG_END_STREAM) h->ended = true;
    return got;
}

/* As weft__stream_recv of what is in the stream: > 0 bytes, 0 its end, WEFT_ETIMEDOUT, or another code: it was reset. */
static inline ssize_t ws_h2_recv(ws_h2 *h, char *to, size_t room, int64_t deadline_ns)
{
    for (;;) {
        while (h->have >= 9 && h->have >= 9 + (ws_h2_get32(h->in) >> 8)) {
            size_t n = 9 + (ws_h2_get32(h->in) >> 8), got = ws_h2_take(h, h->in, n, to, room);
            memmove(h->in, h->in + n, h->have - n);
            h->have -= n;
            if (got) return (ssize_t)got;
        }
        if (h->ended) return 0;
        if (h->reset) return WEFT_ECONNRESET;
        ssize_t n = weft__stream_recv(h->s, h->in + h->have, sizeof h->in - h->have, deadline_ns);
        if (n <= 0) return n == 0 ? WEFT_ECONNRESET : n;
        h->have += (size_t)n;
    }
}

/* As much as the windows have room for, in one frame: how many bytes; 0: none now. */
static inline ssize_t ws_h2_send(ws_h2 *h, const char *bytes, size_t n)
{
    int64_t most = h->room < h->room_all ? h->room : h->room_all;
    if (most > 16384) most = 16384;
    if (most <= 0) return 0;
    if (n > (size_t)most) n = (size_t)most;
    int rc = ws_h2_frame(h, NGHTTP2_DATA, 0, 1, bytes, n);
    if (rc < 0) return rc;
    h->room -= (int64_t)n;
    h->room_all -= (int64_t)n;
    return (ssize_t)n;
}

static inline void ws_h2_close(ws_h2 *h) { nghttp2_hd_inflate_del(h->inflater); }
#endif
#endif
