/* A server that takes a stream of HTTP/2 and says that it wants HTTP/1.1 for it (HTTP_1_1_REQUIRED; RFC 9113, 7): a WebSocket asks once more over HTTP/1.1, and whatever
 * it says there is the end of it. */
#include "io/tls_world.h"
#undef SERVER
#include "http/ws_h2_server.h"
#include "wire/ws_handshake.h"
#include "weft/client.h"

typedef enum over_http1 { ACCEPTS, FORBIDS, CLOSES, IS_SILENT } over_http1;
typedef struct unwilling {
    weft_listener *l;
    over_http1 how;
    bool for_calls;                  /* it wants HTTP/1.1 for these, too */
    int connections, calls, streams, handshakes;     /* streams: of HTTP/2, for WebSockets */
} unwilling;

/* ---- the server ---- */

static int over_http2(unwilling *u, server *s)
{
    if (!greet(s, takes_them, 6)) return 0;
    while (until(s, NGHTTP2_HEADERS)) {
        bool connects = strstr(s->head, ":method: CONNECT\n");
        *(connects ? &u->streams : &u->calls) += 1;
        int rc = connects || u->for_calls ? frame(s, NGHTTP2_RST_STREAM, 0, s->id, "\0\0\0\15", 4) : HEADERS(s, s->id, true, "\x88");
        if (rc < 0) return 0;
    }
    return 0;
}

static int answer_handshake(const unwilling *u, weft_conn *c, weft_str key)
{
    char accept[WEFT__WS_ACCEPT];
    weft_str line;
    if (u->how == FORBIDS) return weft_conn_write(c, WEFT_S("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    if (u->how == ACCEPTS) {
        WEFT_NEED(weft__ws_accept(key, accept));
        weft_str head = weft_format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n\r\n", (int)sizeof accept, accept);
        WEFT_TRY(weft_conn_write_n(c, (const weft_str[]){ head, WEFT_S("\x81\5hello") }, 2));
    }
    while (u->how != CLOSES && weft_conn_read(c, &line) > 0) continue;
    return 0;
}

static int over_http1_1(unwilling *u, weft_conn *c)
{
    char key[64] = "";
    weft_str line;
    int rc;
    while ((rc = weft_conn_line(c, &line)) == 1 && line.len)
        if (sscanf(line.ptr, "Sec-WebSocket-Key: %60s", key) == 1) u->handshakes++;
    return rc == 1 ? answer_handshake(u, c, weft_str_of(key)) : 0;
}

static int speak(weft_conn *c, void *ctx)
{
    unwilling *u = ctx;
    weft_tls_peer peer;
    if (weft_conn_tls(c, &peer) != 1) return 0;
    u->connections++;
    if (!weft_str_equal(peer.protocol, WEFT_S("h2"))) return over_http1_1(u, c);
    server s = { .c = c, .room_all = 65535 };
    WEFT_NEED(nghttp2_hd_inflate_new(&s.inflater) == 0);
    int rc = over_http2(u, &s);
    nghttp2_hd_inflate_del(s.inflater);
    free(s.data);
    return rc;
}

static int serve(unwilling *const *u) { return weft_listener_serve((*u)->l, speak, .ctx = *u); }

/* ---- the client ---- */

static const weft_tls_client good = { .ca_file = "ca.pem" };

static int call(const unwilling *u)
{
    weft_response a;
    return weft_exchange(&a, (.tls = good), "https://127.0.0.1:{+}/x", weft_listener_port(u->l));
}

static int connect_beside(const unwilling *u, weft_ws **ws, int *status)
{
    return weft_ws_connect(ws, (.tls = good, .status = status, .connect_ms = u->how == IS_SILENT ? 2000 : 20000), "wss://127.0.0.1:{+}/chat", weft_listener_port(u->l));
}

#define UNWILLING(u, ...) \
    unwilling u = { .l = NULL, __VA_ARGS__ }; \
    WEFT_SCOPE(scope); \
    WEFT_NEED(weft_listen(&u.l, "127.0.0.1", 0, .conn = { .read_ms = 30000 }, .tls = { SERVER_CERT, .protocols = "h2, http/1.1" }) == 0); \
    weft_spawn(scope, serve, (&(unwilling *const){ &u }))
#define UNWILLING_END(u) do { weft_cancel(scope); (void)!weft_join(scope); weft_listener_free(u.l); tls_settle(); } while (0)

TLS_TEST(a_websocket_whose_stream_is_not_wanted_goes_over_http1_beside_calls_that_go_on)
{
    tls_files();
    UNWILLING(u, .how = ACCEPTS);
    for (int i = 1; i <= 3; i++) {
        WEFT_WS_OPEN(ws);
        weft_str msg = { "", 0 };
        int status = 0;
        WEFT_NEED(call(&u) == 0);
        WEFT_NEED(connect_beside(&u, &ws, &status) == 0);
        WEFT_CHECK_EQ(status, 101);
        WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 1);
        WEFT_CHECK_STR(msg, "hello");
        WEFT_CHECK_EQ(call(&u), 0);
        WEFT_CHECK(u.streams == i && u.handshakes == i && u.calls == 2 * i);
        WEFT_CHECK_EQ(u.connections, 1 + i);         /* that of the calls goes on */
    }
    UNWILLING_END(u);
    return 0;
}

TLS_TEST(a_server_that_wants_http1_and_refuses_that_is_asked_once_each_way)
{
    static const struct { over_http1 how; int code, status; const char *text; } all[] = {
        { FORBIDS, WEFT_STATUS(502), 403, "answered 403" },
        { CLOSES, WEFT_ECONNRESET, 0, "closed" },
        { IS_SILENT, WEFT_ETIMEDOUT, 0, "while waiting for the handshake's answer" },
    };
    tls_files();
    for (size_t i = 0; i < weft_count(all); i++) {
        UNWILLING(u, .how = all[i].how);
        weft_ws *ws = NULL;
        int status = 0;
        WEFT_NEED(call(&u) == 0);
        int rc = connect_beside(&u, &ws, &status);
        if (rc != all[i].code || status != all[i].status || ws || !strstr(weft_error_of(rc)->text, all[i].text))
            weft__check_fail(__FILE__, __LINE__, "%zu: status %d, code %d, expected \"%s\" in \"%s\"", i, status, rc, all[i].text, rc < 0 ? weft_error_of(rc)->text : "");
        WEFT_CHECK(u.streams == 1 && u.handshakes == 1 && u.connections == 2);
        rc = call(&u);
        if (rc < 0) weft__check_fail(__FILE__, __LINE__, "%zu: %s", i, weft_error_of(rc)->text);
        UNWILLING_END(u);
    }
    return 0;
}

/* It has answered HTTP/2 with ALPN: what it does not want over that, it says of one call. */
TLS_TEST(a_call_whose_stream_is_not_wanted_fails_by_name_and_is_not_asked_for_ever)
{
    tls_files();
    UNWILLING(u, .for_calls = true);
    for (int i = 1; i <= 3; i++) {
        int rc = call(&u);
        WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
        WEFT_CHECK(rc < 0 && strstr(weft_error_of(rc)->text, "HTTP_1_1_REQUIRED") != NULL);
        WEFT_CHECK(u.calls >= i && u.calls <= 2 * i);
        WEFT_CHECK(u.connections <= 2 * i);
    }
    UNWILLING_END(u);
    return 0;
}
