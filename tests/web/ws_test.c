/* Straight-line WebSockets: what they say, and how they end. */
#include <stdio.h>
#include <string.h>
#include "faults.h"
#include "ws_peer.h"

/* ---- the application ---- */

static struct { int began, ended, last_rc; int64_t ended_ms; } seen;

static int done(int rc)
{
    seen.ended++;
    seen.last_rc = rc;
    seen.ended_ms = weft_test_ms();
    return rc;
}

WEFT_INPUT(echo_in, query(weft_str, greeting, .initial = ""));
static int echo(const echo_in *in, weft_ws *ws)
{
    weft_str said;
    int rc;
    seen.began++;
    if (in->greeting.len) WEFT_TRY(weft_ws_send(ws, in->greeting));
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        WEFT_CHECK_EQ(said.ptr[said.len], 0);
        rc = weft_ws_is_text(ws) ? weft_ws_send(ws, said) : weft_ws_send_binary(ws, said);
        if (rc < 0) break;
    }
    return done(rc);
}

/* It never receives. */
static int ticks(const weft_none *in, weft_ws *ws)
{
    (void)in;
    seen.began++;
    for (;;) {
        int rc = weft_ws_send(ws, WEFT_S("tick"));
        if (rc == 0) rc = weft_sleep_ms(100);
        if (rc < 0) return done(rc);
    }
}

/* It does neither, once it is accepted. */
static int sleeps(const weft_none *in, weft_ws *ws)
{
    (void)in;
    seen.began++;
    WEFT_TRY(weft_ws_accept(ws));
    return done(weft_sleep_ms(3600 * 1000));
}

WEFT_INPUT(refusing_in, path(weft_str, how));
static int refusing(const refusing_in *in, weft_ws *ws)
{
    if (weft_str_equal(in->how, WEFT_S("403"))) return weft_fail(403, "not you");
    if (weft_str_equal(in->how, WEFT_S("code"))) return WEFT_ENOMEM;
    if (weft_str_equal(in->how, WEFT_S("reply"))) {
        WEFT_TRY(weft_reply_status(weft_ws_reply(ws), 409));
        return weft_reply_text(weft_ws_reply(ws), WEFT_S("taken"));
    }
    if (weft_str_equal(in->how, WEFT_S("later"))) {
        WEFT_TRY(weft_ws_send(ws, WEFT_S("hi")));
        return weft_fail(403, "enough of that");
    }
    if (weft_str_equal(in->how, WEFT_S("close"))) {
        WEFT_TRY(weft_ws_accept(ws));
        WEFT_CHECK_EQ(weft_ws_close(ws, 1005, NULL), WEFT_EINVAL);
        WEFT_CHECK_EQ(weft_ws_close(ws, 4000, "that is all"), 0);
        WEFT_CHECK_EQ(weft_ws_close(ws, 4001, "again"), 0);
        WEFT_CHECK_EQ(weft_ws_send(ws, WEFT_S("late")), WEFT_ECLOSED);
        weft_str msg;
        WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 0);
    }
    return 0;
}

WEFT_MODEL(Move, field(int, x), field(int, y));
static int moves(const weft_none *in, weft_ws *ws)
{
    (void)in;
    Move m = { 0 };
    int rc;
    while ((rc = weft_ws_recv_json(Move, ws, &m)) != 0) {
        if (rc == WEFT_STATUS(422)) {
            WEFT_TRY(weft_ws_send(ws, weft_str_of(weft_error_of(rc)->text)));
            continue;
        }
        if (rc < 0) return rc;
        m.x *= 2;
        WEFT_TRY(weft_ws_send_json(Move, ws, &m));
    }
    return 0;
}

/* Sends as fast as it can, from two tasks, to who does not read. */
static int shout(weft_ws *const *ws)
{
    char big[10000];
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 100; i++) WEFT_TRY(weft_ws_send(*ws, (weft_str){ big, sizeof big }));
    return 0;
}

static size_t most_unsent;
static int floods(const weft_none *in, weft_ws *ws)
{
    (void)in;
    WEFT_TRY(weft_ws_accept(ws));
    int rc = 0;
    {
        WEFT_SCOPE(s);
        weft_spawn(s, shout, &ws);
        weft_spawn(s, shout, &ws);
        weft_task *self = weft_spawn(s, shout, &ws);
        while (!weft_task_done(self)) {
            size_t n = weft_ws_unsent(ws);
            if (n > most_unsent) most_unsent = n;
            if (weft_sleep_ms(1) < 0) break;
        }
        rc = weft_join(s);
    }
    return done(rc);
}

static int says_headers(const weft_none *in, weft_ws *ws)
{
    (void)in;
    WEFT_TRY(weft_reply_header(weft_ws_reply(ws), "X-Room", "kitchen"));
    WEFT_TRY(weft_reply_cookie(weft_ws_reply(ws), "seat", WEFT_S("7")));
    WEFT_TRY(weft_ws_send(ws, weft_ws_protocol(ws)));
    WEFT_CHECK_EQ(weft_reply_header(weft_ws_reply(ws), "X-Late", "1"), WEFT_EINVAL);
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, echo_in),
    WEFT_WS("/small", echo, echo_in, .ws = WEFT_WS_WITH(.message_bytes_max = 10, .fragments_max = 3)),
    WEFT_WS("/ticks", ticks, weft_none),
    WEFT_WS("/kept", ticks, weft_none, .keep_when_client_leaves = true),
    WEFT_WS("/sleeps", sleeps, weft_none),
    WEFT_WS("/pings", sleeps, weft_none, .ws = WEFT_WS_WITH(.ping_ms = 1000)),
    WEFT_WS("/late", sleeps, weft_none, .timeout_ms = 300),
    WEFT_WS("/refusing/{how}", refusing, refusing_in),
    WEFT_WS("/moves", moves, weft_none),
    WEFT_WS("/floods", floods, weft_none),
    WEFT_WS("/headers", says_headers, weft_none, .ws = WEFT_WS_WITH(.protocols = "chat.v2, chat.v1")),
    WEFT_WS("/pages", echo, echo_in, .ws = WEFT_WS_WITH(.origins = "https://example.com, https://*.example.org")),
    WEFT_WS("/any", echo, echo_in, .ws = WEFT_WS_WITH(.origins = "*"))) };

/* ---- messages ---- */

WEFT_TEST(ws_messages_come_back_as_they_were_sent)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/echo");
    WEFT_CHECK_EQ(weft_test_ws_status(w), 101);
    WEFT_CHECK_EQ(weft_test_ws_send(w, "hello"), 0);
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "hello");
    WEFT_CHECK(weft_test_ws_is_text(w));
    WEFT_CHECK_EQ(weft_test_ws_send_binary(w, WEFT_S("\x00\xff\x80")), 0);
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK(!weft_test_ws_is_text(w) && msg.len == 3 && memcmp(msg.ptr, "\x00\xff\x80", 3) == 0);
    WEFT_CHECK_EQ(weft_test_ws_send(w, ""), 0);
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_EQ(msg.len, 0);
    WEFT_CHECK_EQ(weft_test_ws_send(w, "\xff"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_test_ws_close(w, 1000), 1000);
    WEFT_CHECK_EQ(seen.last_rc, 0);
    WEFT_CHECK(weft_test_ms() <= 2);
}

WEFT_TEST(ws_many_messages_at_once_come_in_order)
{
    weft_str msg;
    char text[32];
    weft_test_ws *w = weft_test_ws_open(&app, "/echo?greeting=hi");
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "message %d", i);
        WEFT_CHECK_EQ(weft_test_ws_send(w, text), 0);
    }
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "hi");
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "message %d", i);
        WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
        WEFT_CHECK_STR(msg, text);
    }
    WEFT_CHECK_EQ(weft_test_ws_close(w, 4321), 4321);
}

WEFT_TEST(ws_messages_are_models)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/moves");
    weft_test_ws_send(w, "{\"x\": 3, \"y\": 4}");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_JSON(msg, { "x": 6, "y": 4 });
    weft_test_ws_send(w, "{\"x\": 3}");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "a message is no Move: message.y: Field required");
    weft_test_ws_send(w, "{\"x\": 1, \"y\": 1}");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    weft_test_ws_close(w, 1000);
}

WEFT_TEST(ws_headers_cookies_and_the_subprotocol_go_with_the_handshake)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/headers", .ws = WEFT_WS_WITH(.protocols = "chat.v1, chat.v2"));
    WEFT_CHECK_STR(weft_test_ws_protocol(w), "chat.v2");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "chat.v2");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 1000);
    w = weft_test_ws_open(&app, "/headers");
    WEFT_CHECK_STR(weft_test_ws_protocol(w), "");
    ws_peer p = { .path = "/headers", .patience_ms = 10 };
    ws_peer_run(&app, &p);
    WEFT_CHECK(strstr(p.got, "HTTP/1.1 101 Switching Protocols\r\n") == p.got);
    WEFT_CHECK(strstr(p.got, "\r\nX-Room: kitchen\r\n") && strstr(p.got, "\r\nSet-Cookie: seat=7; ") && strstr(p.got, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    WEFT_CHECK(strstr(p.got, "\r\nConnection: Upgrade\r\n") && !strstr(p.got, "Content-Length") && !strstr(p.got, "close\r\n"));
}

/* ---- refusals ---- */

WEFT_TEST(ws_a_handler_that_does_not_accept_is_answered_as_any_other)
{
    static const struct { const char *path; int status; const char *detail; } rows[] = {
        { "/refusing/403", 403, "not you" }, { "/refusing/nothing", 403, "the WebSocket is not accepted" }, { "/refusing/reply", 409, "taken" },
        { "/refusing/code", 500, NULL }, { "/echo?greeting=a&greeting=b", 101, NULL }, { "/nowhere", 404, NULL },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        ws_peer p = { .path = rows[i].path, .patience_ms = 10 };
        char line[32];
        snprintf(line, sizeof line, "HTTP/1.1 %d ", rows[i].status);
        ws_peer_run(&app, &p);
        WEFT_CHECK(strncmp(p.got, line, strlen(line)) == 0);
        WEFT_CHECK(!rows[i].detail || strstr(p.got, rows[i].detail));
    }
    weft_test_ws *w = weft_test_ws_open(&app, "/refusing/403");
    weft_str msg;
    WEFT_CHECK_EQ(weft_test_ws_status(w), 403);
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), WEFT_ECLOSED);
}

WEFT_TEST(ws_a_request_that_is_no_handshake_is_told_so)
{
    weft_response r = weft_test_get(&app, "/echo");
    WEFT_CHECK_EQ(r.status, 426);
    WEFT_CHECK_STR(weft_response_header(&r, "Upgrade"), "websocket");
    WEFT_CHECK_STR(weft_response_header(&r, "Connection"), "upgrade");
    WEFT_CHECK_STR(weft_response_header(&r, "Sec-WebSocket-Version"), "13");
    WEFT_CHECK_JSON(r.body, { "detail": "this is a WebSocket: expected Connection: Upgrade and Upgrade: websocket" });
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/echo", NULL, 0, NULL).status, 405);
}

WEFT_TEST(ws_pages_of_other_origins_are_refused_unless_the_route_names_them)
{
    static const struct { const char *path, *lines; int status; } rows[] = {
        { "/echo", "", 101 },
        { "/echo", "Origin: http://testserver\r\n", 101 },
        { "/echo", "Origin: https://TESTSERVER\r\n", 101 },
        { "/echo", "Origin: http://testserver:81\r\n", 403 },
        { "/echo", "Origin: https://evil.example\r\n", 403 },
        { "/echo", "Origin: http://testserver.evil.example\r\n", 403 },
        { "/echo", "Origin: null\r\n", 403 },
        { "/echo", "Origin: \r\n", 403 },
        { "/echo", "Origin: http://testserver\r\nOrigin: http://evil.example\r\n", 403 },
        { "/pages", "Origin: https://example.com\r\n", 101 },
        { "/pages", "Origin: https://a.example.org\r\n", 101 },
        { "/pages", "Origin: http://example.com\r\n", 403 },
        { "/pages", "Origin: http://testserver\r\n", 403 },
        { "/pages", "", 101 },
        { "/any", "Origin: null\r\n", 101 },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        ws_peer p = { .path = rows[i].path, .lines = rows[i].lines, .patience_ms = 10 };
        char line[32];
        snprintf(line, sizeof line, "HTTP/1.1 %d ", rows[i].status);
        ws_peer_run(&app, &p);
        if (strncmp(p.got, line, strlen(line)) != 0) weft__check_fail(__FILE__, __LINE__, "%s with %s: expected %d, came %.40s", rows[i].path, rows[i].lines, rows[i].status, p.got);
    }
}

WEFT_TEST(ws_a_failure_behind_the_accept_is_a_close)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/refusing/later");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 1008);
    WEFT_CHECK_STR(weft_test_ws_reason(w), "enough of that");
    w = weft_test_ws_open(&app, "/refusing/close");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 4000);
    WEFT_CHECK_STR(weft_test_ws_reason(w), "that is all");
}

/* ---- who leaves ---- */

WEFT_TEST(ws_a_client_that_breaks_off_cancels_a_handler_that_only_sends)
{
    weft_str msg;
    weft_test_serve();
    weft_test_ws *w = weft_test_ws_open(&app, "/ticks");
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    int64_t left = weft_test_ms();
    weft_test_ws_leave(w);
    weft_test_sleep(1000);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, WEFT_ECANCELED);
    WEFT_CHECK(seen.ended_ms - left <= 1);
}

WEFT_TEST(ws_a_client_that_breaks_off_cancels_a_handler_that_waits_for_something_else)
{
    weft_test_serve();
    weft_test_ws *w = weft_test_ws_open(&app, "/sleeps");
    weft_test_ws_leave(w);
    weft_test_sleep(10);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, WEFT_ECANCELED);
}

WEFT_TEST(ws_a_client_that_says_close_gets_its_answer_at_once_and_the_handler_half_a_second)
{
    weft_test_serve();
    weft_test_ws *w = weft_test_ws_open(&app, "/sleeps");
    int64_t before = weft_test_ms();
    WEFT_CHECK_EQ(weft_test_ws_close(w, 1001), 1001);
    WEFT_CHECK(weft_test_ms() - before <= 2);
    weft_test_sleep(400);
    WEFT_CHECK_EQ(seen.ended, 0);
    weft_test_sleep(200);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, WEFT_ECANCELED);
}

WEFT_TEST(ws_a_handler_that_is_kept_learns_of_it_by_its_sends)
{
    weft_str msg;
    weft_test_serve();
    weft_test_ws *w = weft_test_ws_open(&app, "/kept");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    weft_test_ws_close(w, 1000);
    weft_test_sleep(1000);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, WEFT_ECLOSED);
}

WEFT_TEST(ws_one_that_answers_no_ping_is_gone)
{
    ws_peer p = { .path = "/pings" };
    ws_peer_run(&app, &p);
    WEFT_CHECK(p.broken || p.ended);
    WEFT_CHECK_EQ(p.have - p.head, 2);
    WEFT_CHECK(memcmp(p.got + p.head, "\x89\x00", 2) == 0);
    WEFT_CHECK_EQ(p.ended_ms, 3000);
    WEFT_CHECK_EQ(seen.last_rc, WEFT_ECANCELED);
    weft_test_ws *w = weft_test_ws_open(&app, "/pings");             /* this one does */
    weft_str msg;
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg, .within_ms = 30000), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_test_ws_close(w, 1000), 1000);
}

WEFT_TEST(ws_a_handler_has_the_time_of_its_route)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/late");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ms(), 300);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 1011);
    WEFT_CHECK_STR(weft_test_ws_reason(w), "no end within timeout_ms");
}

WEFT_TEST(ws_a_server_that_stops_says_1001_and_ends)
{
    weft_str msg;
    static const char *const paths[] = { "/echo", "/ticks", "/sleeps" };
    weft_test_ws *all[weft_count(paths)];
    for (size_t i = 0; i < weft_count(paths); i++) all[i] = weft_test_ws_open(&app, paths[i]);
    WEFT_CHECK_EQ(weft_test_ws_recv(all[1], &msg), 1);
    for (size_t i = 0; i < weft_count(paths); i++) weft_test_ws_leave(all[i]);
    WEFT_CHECK_EQ(seen.began, 3);
}

/* ---- bounds ---- */

WEFT_TEST(ws_whoever_sends_faster_than_is_taken_waits)
{
    ws_peer p = { .path = "/floods", .lazy_ms = 100, .patience_ms = 100 };
    most_unsent = 0;
    ws_peer_run(&app, &p);
    WEFT_CHECK_EQ(p.have - p.head - 4 * 300 - 4, 300 * 10000);
    WEFT_CHECK(most_unsent > 0 && most_unsent <= 64 * 1024);
    WEFT_CHECK_EQ(seen.last_rc, 0);
}

WEFT_TEST(ws_whoever_takes_nothing_is_left)
{
    ws_peer p = { .path = "/floods", .lazy_ms = 100000, .patience_ms = 100 };
    ws_peer_run(&app, &p);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK_EQ(seen.last_rc, WEFT_ECANCELED);
    WEFT_CHECK(seen.ended_ms >= 20000 && seen.ended_ms <= 41000);
}

/* ---- faults of routes ---- */

WEFT_INPUT(bodied, body(weft_str, text));
static int takes_body(const bodied *in, weft_ws *ws) { (void)in; return weft_ws_accept(ws); }
static int plain(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S(""); return 0; }
WEFT_INPUT(replied, reply(reply));
static int has_reply(const replied *in, weft_ws *ws) { (void)in; return weft_ws_accept(ws); }
static const weft_app faulty = { .routes = WEFT_ROUTES(
    WEFT_WS("/a", takes_body, bodied),
    WEFT_WS("/b", sleeps, weft_none, .run = WEFT_IN_THREAD),
    WEFT_WS("/c", sleeps, weft_none, .ws = WEFT_WS_WITH(.deflate_bits = 8, .protocols = "a b", .origins = "https://a/")),
    WEFT_GET("/d", plain, weft_none, weft_str, .ws = WEFT_WS_WITH(.deflate = true)),
    WEFT_WS("/e", sleeps, weft_none, .ws = WEFT_WS_WITH(.fragments_max = -1, .deflate_level = 10)),
    WEFT_WS("/f", has_reply, replied)) };

WEFT_TEST(ws_faults_of_routes_are_told_at_the_start)
{
    FAULTS(faulty,
        "route GET /a: input bodied takes a body, which a WebSocket's handshake has not\n"
        "route GET /b: a weft_ws is written while the handler waits, which it can on the loop alone\n"
        "route GET /c: .deflate_bits 8; expected 9 to 15\n"
        "route GET /c: its WebSocket: origin 'https://a/': an origin has no path, and no '/' at its end\n"
        "route GET /c: subprotocol 'a b' is no token\n"
        "route GET /d: ws; expected it with WEFT_WS or WEFT_WS_HANDLERS\n"
        "route GET /e: an option of its WebSocket is negative; expected 0 for the default, and -1 for .ping_ms alone\n"
        "route GET /e: .deflate_level 10; expected 1 to 9\n"
        "route GET /f: input replied has reply(reply); expected weft_ws_reply\n");
}

/* ---- middleware that makes another answer of it ---- */

static void to_200(weft_reply *reply, void *ctx)
{
    (void)ctx;
    (void)!weft_reply_status(reply, 200);
}
static int spoils(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(weft_reply_on_head(reply, to_200, NULL));
    return weft_next_run(next);
}
static int greets(const weft_none *in, weft_ws *ws)
{
    (void)in;
    return weft_ws_send(ws, WEFT_S("hi"));
}
static const weft_app spoiled = { .middleware = WEFT_MIDDLEWARE(spoils), .routes = WEFT_ROUTES(WEFT_WS("/echo", greets, weft_none)) };

WEFT_TEST(ws_an_answer_that_is_no_101_any_more_is_broken_off_and_no_frame_follows_it)
{
    ws_peer p = { .path = "/echo", .bytes = WEFT_S("\x81\x82\0\0\0\0hi"), .patience_ms = 100 };
    ws_peer_run(&spoiled, &p);
    WEFT_CHECK(p.ended || p.broken);
    WEFT_CHECK(!strstr(p.got, "101"));
    WEFT_CHECK(!strstr(p.got, "hi"));
}
