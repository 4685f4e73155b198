#ifndef WEFT_SRC_HTTP_WS_CLIENT_H
#define WEFT_SRC_HTTP_WS_CLIENT_H
/* A client's WebSocket and its handshake: what ws_client.c, ws_shake.c and ws_answer.c share. */
#include "http/lane.h"
#include "http/origin.h"
#include "http/ws.h"

/* Behind the weft_ws. */
typedef struct weft__ws_client {
    weft__ws_kind kind;
    weft__stream stream;
    weft__pipe pipe;
    weft_ws *ws;
    struct weft__ws_client *next, *prev;             /* of the loop's */
    char *protocols;                 /* what kind.protocols are slices of */
    weft__buf early;                 /* what came behind the answer's head: [early_at, len) */
    size_t early_at;
} ws_client;

/* One handshake, in the caller's task. */
typedef struct ws_handshake {
    const weft_ws_connect_opts *opts;
    ws_client *c;
    weft__buf url, request, text;    /* url: as it was put together; text: the answer's head */
    weft__url at;
    weft__client *client;
    weft_http2 http2;
    weft__conn *conn;                /* over HTTP/2: its lane's; NULL: a connection of its own */
    char key[WEFT__WS_KEY + 4];
    int64_t began_ns, deadline_ns;
} ws_handshake;

/* ---- ws_shake.c ---- */

/* What a try over HTTP/2 comes to besides 0 and codes: it is to be HTTP/1.1; the server has not looked at it. */
enum { SHAKE_OVER_HTTP1 = 1, SHAKE_ONCE_MORE = 2 };

/* Say what to ask, for either protocol. 0 or a code, recorded. Waits: never. */
int weft__shake_write(ws_handshake *h);
/* Ask, on a stream (h->conn) or on a connection of its own (c->stream), and read the answer. 0, and it is accepted on `terms`; or a code,
 * recorded. Waits: always. */
int weft__shake(ws_handshake *h, weft__ws_terms *terms);
/* Record what failed, with the URL; returns the code. */
int weft__shake_failed(const ws_handshake *h, int code, const char *fmt, ...) WEFT_PRINTF(3, 4) WEFT__COLD;
/* ... of a wait: the code of a cancel around it passes as it is. */
int weft__shake_cut(ws_handshake *h, int rc, const char *doing) WEFT__COLD;
/* ... of a wait for a lane's server: or what to do instead, as above. */
int weft__shake_lane_failed(ws_handshake *h, int rc, const char *doing) WEFT__COLD;
long long weft__shake_ms(const ws_handshake *h);

/* ---- ws_answer.c ---- */

/* 0; or a code, recorded; or what a try over HTTP/2 comes to. Waits: always. */
int weft__shake_read(ws_handshake *h, weft__ws_terms *terms);
#endif
