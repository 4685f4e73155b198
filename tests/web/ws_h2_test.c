/* WebSockets over HTTP/2 (RFC 8441): who may open one, what others are told, slow readers, ends of all kinds. What goes through them is ws_hostile_test.c's. */
#include <stdio.h>
#include "ws_peer.h"

#if WEFT__HAS_HTTP2
static struct { int began, ended, last_rc, status; } seen;

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    seen.began++;
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        rc = weft_ws_send(ws, said);
        if (rc < 0) break;
    }
    seen.ended++;
    seen.last_rc = rc;
    return rc;
}

enum { PIECE = 4000, PIECES = 500 };

static int pours(const weft_none *in, weft_ws *ws)
{
    (void)in;
    static char piece[PIECE];
    int rc = 0;
    memset(piece, 'x', sizeof piece);
    seen.began++;
    for (int i = 0; i < PIECES && rc == 0; i++) rc = weft_ws_send(ws, (weft_str){ piece, sizeof piece });
    seen.ended++;
    seen.last_rc = rc;
    return rc;
}

static int leaves(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    seen.began++;
    seen.last_rc = weft_ws_recv(ws, &said);
    seen.ended++;
    return seen.last_rc < 0 ? seen.last_rc : 0;
}

static int hello(const weft_none *in, weft_str *out)
{
    (void)in;
    *out = WEFT_S("hello");
    return 0;
}

static int lines(const weft_none *in, weft_stream *out)
{
    (void)in;
    return weft_write(out, WEFT_S("a line\n"));
}

static int watches(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    int rc = weft_next_run(next);
    seen.status = weft_reply_status_of(reply);
    return rc;
}

static const weft_app app = { .middleware = WEFT_MIDDLEWARE(watches), .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none, .ws = WEFT_WS_WITH(.protocols = "chat, superchat", .deflate = true)),
    WEFT_WS("/pours", pours, weft_none),
    WEFT_WS("/leaves", leaves, weft_none),
    WEFT_GET("/hello", hello, weft_none, weft_str),
    WEFT_GET("/lines", lines, weft_none, weft_stream)) };

/* ---- who may open one ---- */

static const char *answer_to(const char *path, const char *more_lines)
{
    static char head[4096];
    char frames[64];
    size_t n = ws_frame(frames, 0x81, "hello", 5);
    n += ws_frame(frames + n, 0x88, "\x03\xe8", 2);
    ws_peer p = { .path = path, .lines = more_lines, .bytes = { frames, n }, .patience_ms = 500, .over_h2 = true, .step = 1000 };
    ws_peer_run(&app, &p);
    snprintf(head, sizeof head, "%.*s", (int)(p.have < sizeof head ? p.have : sizeof head - 1), p.got);
    return head;
}
#define HAS(text, words) do { if (!strstr((text), (words))) weft__check_fail(__FILE__, __LINE__, "no '%s' in '%s'", (words), (text)); } while (0)

WEFT_TEST(ws_over_http2_is_accepted_with_200_and_middleware_sees_101_as_over_http1)
{
    const char *head = answer_to("/echo", "Sec-WebSocket-Protocol: superchat, chat\r\nOrigin: http://testserver\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
    HAS(head, "HTTP/2 200\r\n");
    HAS(head, "sec-websocket-protocol: chat\r\n");
    HAS(head, "sec-websocket-extensions: permessage-deflate");
    HAS(head, "\x81\x05hello\x88\x02\x03\xe8");
    WEFT_CHECK(!strstr(head, "sec-websocket-accept") && !strstr(head, "upgrade") && !strstr(head, "connection") && !strstr(head, "content-length"));
    WEFT_CHECK_EQ(seen.status, 101);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, 0);
}

/* A success would be taken for a WebSocket. */
WEFT_TEST(ws_over_http2_is_refused_where_a_route_is_none)
{
    HAS(answer_to("/hello", NULL), "HTTP/2 501\r\n");
    HAS(answer_to("/hello", NULL), "{\"detail\":\"there is no WebSocket here\"}");
    HAS(answer_to("/lines", NULL), "HTTP/2 501\r\n");
    HAS(answer_to("/docs", NULL), "HTTP/2 501\r\n");
    HAS(answer_to("/nope", NULL), "HTTP/2 404\r\n");
    HAS(answer_to("/echo", "Origin: http://evil.example\r\n"), "HTTP/2 403\r\n");
    HAS(answer_to("/echo", "Sec-WebSocket-Version: 8\r\n"), "HTTP/2 426\r\n");
    HAS(answer_to("/echo", "Content-Length: 5\r\n"), "HTTP/2 400\r\n");
    WEFT_CHECK_EQ(seen.began, 0);
}

/* ---- what a client does frame by frame ---- */

typedef struct script { int (*run)(ws_h2 *h); const char *protocol, *path; const int *port; char *got; size_t have; } script;

static ssize_t read_some(script *t, ws_h2 *h, int ms)
{
    ssize_t n = ws_h2_recv(h, t->got + t->have, WS_PEER_MOST - t->have - 1, weft__loop_clock(weft__loop_here()) + ms * INT64_C(1000000));
    if (n > 0) t->have += (size_t)n;
    t->got[t->have] = 0;
    return n;
}

static script *now;

static int go(void)
{
    weft__stream s;
    weft__addr at;
    ws_h2 *h = malloc(sizeof *h);
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), *now->port, &at));
    WEFT_TRY(weft__stream_connect(&s, weft__loop_here(), &at, INT64_MAX));
    int rc = ws_h2_open(h, &s, now->protocol, now->path, NULL);
    while (rc == 0 && !strstr(now->got, "\r\n\r\n") && read_some(now, h, 1000) > 0) continue;
    if (rc == 0) rc = now->run(h);
    ws_h2_close(h);
    free(h);
    weft__stream_close(&s);
    return rc;
}

static script play(int (*run)(ws_h2 *h), const char *protocol, const char *path)
{
    int port = 0;
    script t = { .run = run, .protocol = protocol, .path = path, .port = &port, .got = scratch(WS_PEER_MOST) };
    now = &t;
    weft__live_begin();
    WEFT_CHECK_EQ(weft__live_call(&app, &weft_call(go), &port), 0);
    weft__live_end();
    return t;
}

static int nothing(ws_h2 *h)
{
    WEFT_CHECK(h->offers);           /* before any CONNECT, or nobody would try: RFC 8441, 3 */
    return 0;
}

WEFT_TEST(ws_over_http2_is_offered_and_another_protocol_is_not_known)
{
    script t = play(nothing, "connect-udp", "/echo");
    HAS(t.got, "HTTP/2 501\r\n");
    WEFT_CHECK_EQ(seen.began, 0);
}

static int resets(ws_h2 *h)
{
    char frame[16];
    unsigned char code[4] = { 0, 0, 0, NGHTTP2_CANCEL };
    (void)ws_h2_send(h, frame, ws_frame(frame, 0x81, "a", 1));
    (void)read_some(now, h, 1000);
    WEFT_CHECK_EQ(ws_h2_frame(h, NGHTTP2_RST_STREAM, 0, 1, code, 4), 0);
    return weft_sleep_ms(100);
}

WEFT_TEST(ws_over_http2_that_is_reset_ends_its_handler)
{
    play(resets, "websocket", "/echo");
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK(seen.last_rc < 0);
}

static int ends_without_a_close(ws_h2 *h)
{
    (void)ws_h2_frame(h, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, NULL, 0);
    return weft_sleep_ms(100);
}

WEFT_TEST(ws_over_http2_whose_stream_ends_without_a_close_ends_its_handler)
{
    play(ends_without_a_close, "websocket", "/echo");
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK(seen.last_rc < 0);
}

static int breaks_off(ws_h2 *h)
{
    weft__stream_reset(h->s);
    return weft_sleep_ms(100);
}

WEFT_TEST(ws_over_http2_ends_with_its_connection)
{
    play(breaks_off, "websocket", "/echo");
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK(seen.last_rc < 0);
}

/* ---- slow readers ---- */

static int takes_later(ws_h2 *h)
{
    unsigned char more[4] = { 0, 0x40, 0, 0 };
    h->keeps = true;
    while (read_some(now, h, 200) > 0) continue;
    WEFT_CHECK(now->have > 60000 && now->have < 70000);      /* its window, and no more */
    WEFT_CHECK_EQ(seen.ended, 0);                            /* who waits: it sends no faster than that */
    size_t before = now->have;
    WEFT_CHECK_EQ(ws_h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, 0, more, 4), 0);
    WEFT_CHECK_EQ(ws_h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, 1, more, 4), 0);
    while (!h->ended && !h->reset && read_some(now, h, 1000) > 0) continue;
    WEFT_CHECK(now->have - before > (size_t)(PIECE * (PIECES - 20)));
    return 0;
}

WEFT_TEST(ws_over_http2_a_client_that_takes_nothing_holds_up_its_handler_and_gets_all_later)
{
    script t = play(takes_later, "websocket", "/pours");
    const char *head = strstr(t.got, "\r\n\r\n");
    size_t xs = 0;
    for (const char *at = head; head && at < t.got + t.have; at++) xs += *at == 'x';
    WEFT_CHECK_EQ(xs, (size_t)PIECE * PIECES);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, 0);
}

static int never_takes(ws_h2 *h)
{
    h->keeps = true;
    while (read_some(now, h, 200) > 0) continue;
    return weft_sleep_ms(300 * 1000);
}

WEFT_TEST(ws_over_http2_a_client_that_never_takes_anything_is_left)
{
    play(never_takes, "websocket", "/pours");
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK(seen.last_rc < 0);
}

/* The server's Close fits into its window; the end of the stream, which takes no room, is told when there is some. */
static int takes_all_but_the_end(ws_h2 *h)
{
    char frame[16];
    const unsigned char window[6] = { 0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 4 };
    h->keeps = true;
    WEFT_CHECK_EQ(ws_h2_frame(h, NGHTTP2_SETTINGS, 0, 0, window, sizeof window), 0);
    (void)ws_h2_send(h, frame, ws_frame(frame, 0x81, "a", 1));
    (void)read_some(now, h, 1000);
    WEFT_CHECK_EQ(seen.ended, 1);
    (void)ws_h2_send(h, frame, ws_frame(frame, 0x88, "\x03\xe8", 2));
    (void)read_some(now, h, 100 * 1000);
    WEFT_CHECK(h->reset && !h->ended);
    WEFT_CHECK_EQ(h->code, NGHTTP2_CANCEL);
    return 0;
}

WEFT_TEST(ws_over_http2_a_client_that_takes_all_but_the_end_is_left)
{
    script t = play(takes_all_but_the_end, "websocket", "/leaves");
    WEFT_CHECK(t.have > 4 && memcmp(t.got + t.have - 4, "\x88\2\x03\xe8", 4) == 0);
}
#endif
