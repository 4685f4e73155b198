/* The server over HTTP/2 with clients that mean no good: what is malformed, what is too much, what is too slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/h2_peer.h"

/* ---- malformed requests: RFC 9113, 8 ---- */

#define START ":method", "GET", ":scheme", "http", ":authority", "x"
SERVER_TEST(a_malformed_request_is_reset_and_no_handler_sees_it)
{
    const char *const *const rows[] = {
        H2_HEAD(START, ":path", "/hello", "Accept", "x"),              /* 8.2.1: upper case */
        H2_HEAD(START, ":path", "/hello", "a b", "x"),
        H2_HEAD(START, ":path", "/hello", "a:b", "x"),
        H2_HEAD(START, ":path", "/hello", "", "x"),
        H2_HEAD(START, ":path", "/hello", "a", "x\r\nb: y"),
        H2_HEAD(START, ":path", "/hello", "a", "x\n"),
        H2_HEAD(START, ":path", "/hello", "a", " x"),
        H2_HEAD(START, ":path", "/hello", "a", "x\t"),
        H2_HEAD(START, ":path", "/hello", "connection", "close"),      /* 8.2.2 */
        H2_HEAD(START, ":path", "/hello", "keep-alive", "timeout=5"),
        H2_HEAD(START, ":path", "/hello", "proxy-connection", "close"),
        H2_HEAD(START, ":path", "/hello", "transfer-encoding", "chunked"),
        H2_HEAD(START, ":path", "/hello", "upgrade", "websocket"),
        H2_HEAD(START, ":path", "/hello", "te", "gzip"),
        H2_HEAD(START, ":path", "/hello", ":path", "/hello"),          /* 8.3: twice */
        H2_HEAD(START, ":path", "/hello", "accept", "x", ":method", "GET"),
        H2_HEAD(START, "accept", "x", ":path", "/hello"),              /* behind another */
        H2_HEAD(START, ":path", "/hello", ":else", "x"),
        H2_HEAD(START, ":path", "/hello", ":status", "200"),
        H2_HEAD(START, ":path", ""),
        H2_HEAD(START, ":path", "hello"),
        H2_HEAD(START, ":path", "*"),
        H2_HEAD(START),
        H2_HEAD(":method", "GET", ":authority", "x", ":path", "/hello"),
        H2_HEAD(":scheme", "http", ":authority", "x", ":path", "/hello"),
        H2_HEAD(":method", "GET", ":scheme", "http", ":path", "/hello"),
        H2_HEAD(":method", "G T", ":scheme", "http", ":authority", "x", ":path", "/hello"),
        H2_HEAD(":method", "CONNECT"),                                 /* 8.5 */
        H2_HEAD(":method", "CONNECT", ":authority", "x:80", ":path", "/"),
        H2_HEAD(":method", "CONNECT", ":authority", "x:80", ":scheme", "http"),
        H2_HEAD(START, ":path", "/hello", ":protocol", "websocket"),   /* RFC 8441, 4 */
        H2_HEAD(":method", "CONNECT", ":protocol", "websocket", ":authority", "x", ":scheme", "http"),
        H2_HEAD(":method", "CONNECT", ":protocol", "websocket", ":authority", "x", ":path", "/hello"),
        H2_HEAD(START, ":path", "/hello", "content-length", "3"),      /* 8.1.1: and no body */
        H2_HEAD(START, ":path", "/hello", "content-length", "0", "content-length", "0"),
        H2_HEAD(START, ":path", "/hello", "content-length", "-1"),
        H2_HEAD(START, ":path", "/hello", "content-length", "x"),
    };
    h2_peer *h = h2_open(s, 0);
    for (size_t i = 0; i < weft_count(rows); i++) {
        uint32_t id = (uint32_t)i * 2 + 1;
        h2_headers(h, id, true, rows[i]);
        h2_got *g = h2_answer(h, id);
        WEFT_CHECK(g->reset);
        WEFT_CHECK_EQ(g->code, NGHTTP2_PROTOCOL_ERROR);
        if (!g->reset || g->code != NGHTTP2_PROTOCOL_ERROR) fprintf(stderr, "  (row %zu, status %d)\n", i, g->status);
    }
    WEFT_CHECK_EQ(s->began, 0);
    h2_headers(h, 199, true, H2_GET("/hello"));
    H2_GETS(h, 199, 200, "hello");
    h2_close(h);
}

SERVER_TEST(a_body_that_is_not_as_long_as_it_says_is_reset)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo", "content-length", "5"));
    h2_data(h, 1, true, "abc", 3);
    H2_RESETS(h, 1, NGHTTP2_PROTOCOL_ERROR);
    h2_headers(h, 3, false, H2_POST("/echo", "content-length", "2"));
    h2_data(h, 3, true, "abc", 3);
    H2_RESETS(h, 3, NGHTTP2_PROTOCOL_ERROR);
    h2_headers(h, 5, false, H2_POST("/echo"));
    h2_data(h, 5, false, "abc", 3);
    h2_headers(h, 5, false, H2_HEAD("x-sum", "1"));                    /* trailers that do not end it */
    H2_RESETS(h, 5, NGHTTP2_PROTOCOL_ERROR);
    h2_headers(h, 7, false, H2_POST("/echo"));
    h2_headers(h, 7, true, H2_HEAD(":path", "/hello"));
    H2_RESETS(h, 7, NGHTTP2_PROTOCOL_ERROR);
    h2_close(h);
}

/* What HTTP/1.1 refuses is refused with the same words. */
SERVER_TEST(a_request_past_a_limit_is_refused_as_over_http1, .target_bytes_max = 100, .headers_max = 5, .head_bytes_max = 2000)
{
    static char target[200] = "/", value[2100];
    memset(target + 1, 'a', sizeof target - 2);
    memset(value, 'v', sizeof value - 1);
    const struct { const char *const *head; int status; const char *text; } rows[] = {
        { H2_HEAD(START, ":path", target), 414, "the request target is longer than target_bytes_max" },
        { H2_HEAD(START, ":path", "/hello", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5"), 431, "more header lines than headers_max" },
        { H2_HEAD(START, ":path", "/hello", "a", value), 431, "the head is larger than head_bytes_max" },
        { H2_HEAD(":method", "CONNECT", ":authority", "x:80"), 501, "CONNECT: this is not a proxy" },
        { H2_HEAD(":method", "GET", ":scheme", "ftp", ":authority", "x", ":path", "/hello"), 400, "a scheme other than http and https" },
        { H2_HEAD(START, ":path", "/hello", "host", "y"), 400, "Host and :authority are not the same" },
        { H2_HEAD(":method", "GET", ":scheme", "http", ":authority", "me@x", ":path", "/hello"), 400,
            "the Host header is not a host name with an optional port" },
        { H2_HEAD(START, ":path", "/hello", "expect", "tea"), 417, "an Expect header other than 100-continue" },
        { H2_HEAD(START, ":path", "/hello", "content-type", "a/b", "content-type", "a/b"), 400, "more than one Content-Type header" },
    };
    h2_peer *h = h2_open(s, 0);
    for (size_t i = 0; i < weft_count(rows); i++) {
        char body[200];
        uint32_t id = (uint32_t)i * 2 + 1;
        snprintf(body, sizeof body, "{\"detail\":\"%s\"}", rows[i].text);
        h2_headers(h, id, true, rows[i].head);
        H2_GETS(h, id, rows[i].status, body);
    }
    WEFT_CHECK_EQ(s->began, 0);
    h2_close(h);
}

/* One byte stands for a header of four thousand. */
SERVER_TEST(a_head_that_unpacks_to_far_too_much_is_not_unpacked)
{
    h2_peer *h = h2_open(s, 0);
    char value[3900], block[8000];
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = 0;
    size_t n = h2_block(block, H2_HEAD(START, ":path", "/hello", "x-long", value));
    size_t kept = n - sizeof value - 16;                 /* the last pair is to be kept: RFC 7541, 6.2.1 */
    while (memcmp(block + kept, "\0\6x-long", 8) != 0) kept++;
    block[kept] = 0x40;
    memset(block + n, 0x80 | 62, 4000);
    long before = server_mem.bytes;
    server_mem.peak = before;
    h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block, n + 4000);
    h2_got *g = h2_answer(h, 1);
    WEFT_CHECK(g->reset);
    WEFT_CHECK_EQ(s->began, 0);
    WEFT_CHECK(server_mem.peak - before < 256 * 1024);
    h2_headers(h, 3, true, H2_GET("/hello"));
    H2_GETS(h, 3, 200, "hello");
    h2_close(h);
}

/* ---- frames that none may send: RFC 9113, 4 to 6 ---- */

typedef struct bad_frame { uint8_t type, flags; uint32_t id; const char *payload; size_t n; uint32_t code; } bad_frame;

SERVER_SEEDS_TEST(a_frame_that_none_may_send_ends_the_connection)
{
    static const char zero[20000];
    static const bad_frame rows[] = {
        { NGHTTP2_DATA, 0, 0, zero, 1, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_DATA, 0, 5, zero, 1, NGHTTP2_PROTOCOL_ERROR },                      /* of an idle stream */
        { NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\11abc", 4, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_HEADERS, 4, 0, zero, 0, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_HEADERS, 4, 2, zero, 0, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_HEADERS, 4, 7, "\377\377\377\377\377\377", 6, NGHTTP2_COMPRESSION_ERROR },
        { NGHTTP2_RST_STREAM, 0, 0, zero, 4, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_RST_STREAM, 0, 9, zero, 4, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_RST_STREAM, 0, 1, zero, 3, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_SETTINGS, 0, 1, zero, 0, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_SETTINGS, 0, 0, zero, 5, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_SETTINGS, 1, 0, zero, 6, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_SETTINGS, 0, 0, "\0\2\0\0\0\2", 6, NGHTTP2_PROTOCOL_ERROR },        /* ENABLE_PUSH */
        { NGHTTP2_SETTINGS, 0, 0, "\0\4\377\377\377\377", 6, NGHTTP2_FLOW_CONTROL_ERROR },
        { NGHTTP2_SETTINGS, 0, 0, "\0\5\0\0\0\1", 6, NGHTTP2_PROTOCOL_ERROR },        /* MAX_FRAME_SIZE */
        { NGHTTP2_PUSH_PROMISE, 4, 1, zero, 4, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_PING, 0, 1, zero, 8, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_PING, 0, 0, zero, 7, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_GOAWAY, 0, 1, zero, 8, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_GOAWAY, 0, 0, zero, 7, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_WINDOW_UPDATE, 0, 0, zero, 4, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_WINDOW_UPDATE, 0, 0, "\177\377\377\377", 4, NGHTTP2_FLOW_CONTROL_ERROR },
        { NGHTTP2_WINDOW_UPDATE, 0, 0, zero, 3, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_WINDOW_UPDATE, 0, 11, "\0\0\0\1", 4, NGHTTP2_PROTOCOL_ERROR },
        { NGHTTP2_CONTINUATION, 4, 1, zero, 1, NGHTTP2_PROTOCOL_ERROR },
        { 0xb, 0, 0, zero, 20000, NGHTTP2_FRAME_SIZE_ERROR },
        { NGHTTP2_DATA, 0, 1, zero, 20000, NGHTTP2_FRAME_SIZE_ERROR },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        const bad_frame *f = &rows[i];
        h2_peer *h = h2_open(s, 0);
        h2_headers(h, 1, false, H2_POST("/echo"));
        h2_frame(h, f->type, f->flags, f->id, f->payload, f->n);
        WEFT_CHECK(h2_over(h));
        WEFT_CHECK(h->away);
        WEFT_CHECK_EQ(h->away_code, f->code);
        if (h->away_code != f->code) fprintf(stderr, "  (row %zu)\n", i);
        h2_close(h);
    }
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200);
}

SERVER_TEST(a_header_block_that_another_frame_breaks_into_ends_the_connection)
{
    char block[200];
    h2_peer *h = h2_open(s, 0);
    size_t n = h2_block(block, H2_GET("/hello"));
    h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, n);
    h2_frame(h, NGHTTP2_PING, 0, 0, "12345678", 8);
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK_EQ(h->away_code, NGHTTP2_PROTOCOL_ERROR);
    h2_close(h);
}

static void say_in_pieces(h2_peer *h)
{
    char block[200];
    size_t n = h2_block(block, H2_GET("/hello"));
    h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, 10);
    server_settle();
    h2_frame(h, NGHTTP2_CONTINUATION, 0, 1, block + 10, 0);
    h2_frame(h, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, block + 10, n - 10);
}

SERVER_CALM_TEST(a_header_block_may_come_in_pieces)
{
    h2_peer *h = h2_open(s, 0);
    say_in_pieces(h);
    H2_GETS(h, 1, 200, "hello");
    h2_close(h);
}

/* nghttp2 takes one whose frames trickle in byte by byte for a flood of them: it is said so, and nothing else. */
SERVER_TEST(a_header_block_in_pieces_that_trickle_is_answered_or_told_to_calm_down)
{
    h2_peer *h = h2_open(s, 0);
    say_in_pieces(h);
    h2_got *g = h2_answer(h, 1);
    if (g->ended) WEFT_CHECK_EQ(g->status, 200);
    else WEFT_CHECK(h->away && h->away_code == NGHTTP2_ENHANCE_YOUR_CALM);
    h2_close(h);
}

/* ---- too much ---- */

enum { FLOOD = 6000, TOLD_BEFORE = 2000 };

/* How many the server bore. Over, for a flood. */
static int told_to_calm_down(h2_peer *h, bool (*next)(h2_peer *h, int i))
{
    int i = 0;
    while (i < FLOOD && !h->away && next(h, i)) {
        i++;
        if (i % 50 == 0) server_sleep(1);
        while (h2_more(h, 0)) continue;
    }
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK(h->away);
    WEFT_CHECK_EQ(h->away_code, NGHTTP2_ENHANCE_YOUR_CALM);
    return i;
}

static bool reset_one(h2_peer *h, int i)
{
    char both[300];
    size_t n = h2_block(both + 9, H2_POST("/sleep/1000"));
    uint32_t id = (uint32_t)i * 2 + 1;
    memcpy(both, (char[]){ 0, 0, (char)n, NGHTTP2_HEADERS, 4, 0, 0, (char)(id >> 8), (char)id }, 9);
    memcpy(both + 9 + n, (char[]){ 0, 0, 4, NGHTTP2_RST_STREAM, 0, 0, 0, (char)(id >> 8), (char)id, 0, 0, 0, 8 }, 13);
    h2_forget(h);
    return peer_send(h->p, both, 9 + n + 13) == 0;
}

SERVER_TEST(who_resets_all_that_it_asks_for_is_sent_away)
{
    h2_peer *h = h2_open(s, 0);
    WEFT_CHECK(told_to_calm_down(h, reset_one) < TOLD_BEFORE);
    WEFT_CHECK(s->began < 1000);
    h2_close(h);
    h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    h2_close(h);
}

/* The client resets nothing; it makes the server do so: by a window that is too large. CVE-2025-8671 */
static bool provoke_one(h2_peer *h, int i)
{
    char both[300];
    size_t n = h2_block(both + 9, H2_POST("/sleep/1000"));
    uint32_t id = (uint32_t)i * 2 + 1;
    memcpy(both, (char[]){ 0, 0, (char)n, NGHTTP2_HEADERS, 4, 0, 0, (char)(id >> 8), (char)id }, 9);
    memcpy(both + 9 + n, (char[]){ 0, 0, 4, NGHTTP2_WINDOW_UPDATE, 0, 0, 0, (char)(id >> 8), (char)id, 127, -1, -1, -1 }, 13);
    h2_forget(h);
    return peer_send(h->p, both, 9 + n + 13) == 0;
}

SERVER_TEST(who_makes_the_server_reset_is_sent_away)
{
    h2_peer *h = h2_open(s, 0);
    WEFT_CHECK(told_to_calm_down(h, provoke_one) < TOLD_BEFORE);
    h2_close(h);
}

static bool malformed_one(h2_peer *h, int i)
{
    h2_forget(h);
    return h2_headers(h, (uint32_t)i * 2 + 1, true, H2_HEAD(START, ":path", "nothing"));
}

SERVER_TEST(who_sends_nothing_but_malformed_requests_is_sent_away)
{
    h2_peer *h = h2_open(s, 0);
    WEFT_CHECK(told_to_calm_down(h, malformed_one) < TOLD_BEFORE);
    h2_close(h);
}

#define FLOOD_OF(name, ...) \
    static bool name##_one(h2_peer *h, int i) { (void)i; return h2_frame(h, __VA_ARGS__); } \
    SERVER_CALM_TEST(a_flood_of_##name##_is_borne_for_a_while_only) \
    { \
        h2_peer *h = h2_open(s, 0); \
        h2_headers(h, 1, false, H2_POST("/echo")); \
        WEFT_CHECK(told_to_calm_down(h, name##_one) < FLOOD / 2); \
        h2_close(h); \
        WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200); \
    }
FLOOD_OF(pings, NGHTTP2_PING, 0, 0, "12345678", 8)
FLOOD_OF(settings, NGHTTP2_SETTINGS, 0, 0, NULL, 0)
FLOOD_OF(empty_data, NGHTTP2_DATA, 0, 1, NULL, 0)
FLOOD_OF(padding, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\0", 1)
FLOOD_OF(priorities, NGHTTP2_PRIORITY, 0, 1, "\0\0\0\3\0", 5)
FLOOD_OF(window_updates, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4)
FLOOD_OF(unknown_frames, 0xf0, 0, 0, "?", 1)

SERVER_TEST(a_header_block_without_an_end_is_borne_for_a_while_only)
{
    char block[200];
    h2_peer *h = h2_open(s, 0);
    size_t n = h2_block(block, H2_GET("/hello"));
    long before = server_mem.bytes;
    server_mem.peak = before;
    h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, n);
    bool goes = true;
    for (int i = 0; i < FLOOD && goes && !h->away; i++) {
        goes = h2_frame(h, NGHTTP2_CONTINUATION, 0, 1, "\0\1a\1b", 5);
        while (h2_more(h, 0)) continue;
    }
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK(server_mem.peak - before < 1 << 20);          /* what is on its way in the simulator is in it */
    h2_close(h);
}

/* Resetting must not buy more handlers than waiting does. */
SERVER_TEST(requests_that_were_reset_count_as_long_as_their_handlers_run, .streams_max = 10)
{
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 10; i++) h2_headers(h, 2 * i + 1, false, H2_POST("/deaf/500"));
    SERVER_UNTIL(s->began == 10);
    for (uint32_t i = 0; i < 10; i++) h2_reset(h, 2 * i + 1, NGHTTP2_CANCEL);
    for (uint32_t i = 10; i < 30; i++) h2_headers(h, 2 * i + 1, true, H2_GET("/hello"));
    for (uint32_t i = 10; i < 30; i++) H2_RESETS(h, 2 * i + 1, NGHTTP2_REFUSED_STREAM);
    WEFT_CHECK_EQ(s->began, 10);
    server_sleep(600);
    h2_headers(h, 99, true, H2_GET("/hello"));
    H2_GETS(h, 99, 200, "hello");
    h2_close(h);
}

SERVER_TEST(who_asks_for_more_at_a_time_than_it_was_told_is_sent_away, .streams_max = 5)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    WEFT_CHECK_EQ(h->settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], 5);
    server_settle();
    for (uint32_t i = 0; i < 8; i++) h2_headers(h, 2 * i + 3, true, H2_GET("/sleep/100"));
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK_EQ(h->away_code, NGHTTP2_PROTOCOL_ERROR);
    WEFT_CHECK(s->began <= 6);
    h2_close(h);
}

SERVER_TEST(what_is_refused_unread_of_a_head_is_answered_without_a_body)
{
    static char path[9000];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_HEAD(":method", "HEAD", ":scheme", "http", ":authority", "x", ":path", path));
    h2_got *g = h2_answer(h, 1);
    WEFT_CHECK_EQ(g->status, 414);
    WEFT_CHECK(g->ended && !g->frames);
    h2_close(h);
}

SERVER_EPOLL_TEST(an_idle_connection_does_not_keep_the_room_that_large_heads_took)
{
    static char value[7000];
    memset(value, 'v', sizeof value - 1);
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    server_settle();
    long before = server_mem.bytes;
    for (uint32_t id = 3; id < 9; id += 2) {
        value[0] = '/';
        h2_headers(h, id, true, H2_HEAD(":method", "GET", ":scheme", "http", ":authority", "x", ":path", id == 3 ? value : "/hello", id == 5 ? "cookie" : "x", value));
        WEFT_CHECK(h2_answer(h, id)->ended);
    }
    server_settle();
    WEFT_CHECK(server_mem.bytes - before < 8192);
    h2_close(h);
}

/* ---- too slow ---- */

SERVER_TEST(who_takes_nothing_of_an_answer_is_left_in_time, .write_timeout_ms = 200)
{
    h2_peer *h = h2_open(s, 10);
    h->keeps_windows = true;
    int64_t began = server_ms();
    h2_headers(h, 1, true, H2_GET("/large/100000"));
    h2_headers(h, 3, true, H2_GET("/large/50"));
    h2_headers(h, 5, true, H2_GET("/parts/open/m/100/3000"));
    H2_RESETS(h, 1, NGHTTP2_CANCEL);
    H2_RESETS(h, 3, NGHTTP2_CANCEL);
    WEFT_CHECK(h2_answer(h, 5)->reset);
    WEFT_CHECK(server_ms() - began >= 190);
    if (server_os->ops->virtual_time) WEFT_CHECK(server_ms() - began < 400);
    h2_headers(h, 7, true, H2_GET("/status/204"));
    H2_GETS(h, 7, 204, "");
    h2_close(h);
}

/* Nothing but its end is owed: END_STREAM, trailers, a break. */
SERVER_TEST(who_takes_all_but_the_end_of_an_answer_is_left_in_time, .write_timeout_ms = 200)
{
    static const char *const paths[] = { "/parts/open/w/10/s/50", "/parts/is/10/w/10/s/50", "/parts/open/w/10/s/50/b", "/trail/own/later" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        h2_peer *h = h2_open(s, i == 3 ? 3 : 10);        /* just what its body needs */
        h->keeps_windows = true;
        h2_headers(h, 1, true, H2_GET(paths[i]));
        h2_headers(h, 3, true, H2_GET("/status/204"));
        int64_t began = server_ms();
        h2_got *g = h2_answer(h, 1);
        WEFT_CHECK_EQ(g->bytes, i == 3 ? 3 : 10);
        H2_RESETS(h, 1, NGHTTP2_CANCEL);
        if (!g->reset) fprintf(stderr, "  (%s)\n", paths[i]);
        if (server_os->ops->virtual_time) WEFT_CHECK(server_ms() - began < 450);
        H2_GETS(h, 3, 204, "");
        h2_close(h);
    }
    SERVER_UNTIL(s->server->connections == 0);
}

SERVER_TEST(who_takes_a_byte_now_and_then_is_left_as_well, .write_timeout_ms = 200)
{
    h2_peer *h = h2_open(s, 10);
    h->keeps_windows = true;
    h2_headers(h, 1, true, H2_GET("/large/100000"));
    h2_got *g = h2_of(h, 1);
    for (int i = 0; i < 200 && !g->reset; i++) {
        h2_window(h, 1, 1);
        while (h2_more(h, 0)) continue;
        server_sleep(10);
    }
    WEFT_CHECK(g->reset && g->code == NGHTTP2_CANCEL);
    h2_close(h);
}

SERVER_TEST(who_reads_nothing_of_its_connection_is_left_in_time, .write_timeout_ms = 200)
{
    h2_peer *h = h2_open(s, 1 << 30);
    h2_window(h, 0, 1 << 30);
    server_settle();
    int64_t began = server_ms();
    long before = server_mem.bytes;
    server_mem.peak = before;
    h2_headers(h, 1, true, H2_GET("/arena/3000000"));
    SERVER_UNTIL(s->began == 1);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(server_ms() - began >= 190);
    if (!server_tls) WEFT_CHECK(server_mem.peak - before < 3400000);     /* the answer itself, and what is on its way */
    h2_close(h);
}

/* However much its windows allow, a connection has no more in memory at a time than one send takes. */
SERVER_CALM_TEST(an_answer_larger_than_a_buffer_goes_to_windows_of_any_size)
{
    h2_peer *h = h2_open(s, 1 << 30);
    h2_window(h, 0, 1 << 30);
    h->keeps_windows = true;
    h2_headers(h, 1, true, H2_GET("/arena/3000000"));
    for (uint32_t id = 3; id < 103; id += 2) h2_headers(h, id, true, H2_GET("/arena/16000"));
    h2_got *g = h2_answer(h, 1);
    WEFT_CHECK(g->ended && is_pattern((weft_str){ g->body, g->bytes }, 3000000));
    for (uint32_t id = 3; id < 103; id += 2) {
        g = h2_answer(h, id);
        WEFT_CHECK(g->ended && is_pattern((weft_str){ g->body, g->bytes }, 16000));
    }
    WEFT_CHECK(!h->away);
    h2_close(h);
}

/* Whoever reads a body more slowly than it comes never finds nothing there. */
SERVER_CALM_TEST(a_body_that_is_read_slowly_takes_no_more_memory_than_its_window, .body_bytes_max = 10000000)
{
    enum { N = 3000000, PIECE = 16000 };
    static const char piece[PIECE];
    h2_peer *h = h2_open(s, 0);
    server_settle();
    long before = server_mem.bytes;
    server_mem.peak = before;
    h2_headers(h, 1, false, H2_POST("/count/1"));
    server_sleep(20);                                    /* who has waited for it is given more room */
    int64_t end = server_ms() + server_patience_ms();
    for (size_t at = 0; at < N && server_ms() < end;) {
        size_t n = N - at < PIECE ? N - at : PIECE;
        bool fits = at + n <= 65535 + (h->stream_credit < h->credit ? h->stream_credit : h->credit);
        if (fits && h2_data(h, 1, at + n == N, piece, n)) at += n;
        else if (!h2_more(h, 100) && (h->p->ended || h->p->rc < 0)) break;
    }
    H2_GETS(h, 1, 200, "3000000");
    WEFT_CHECK(server_mem.peak - before < 1 << 20);
    h2_close(h);
}

/* What a connection has to say last is not waited for among those that are idle: a stop works through them until there are none. */
SERVER_TEST(a_client_that_floods_when_the_server_stops_does_not_hold_it_up, .grace_ms = 200, .write_timeout_ms = 500)
{
    enum { PINGS = 2100, FRAME = 17, FIRST = NGHTTP2_CLIENT_MAGIC_LEN + 9 };
    static char all[FIRST + PINGS * FRAME];
    memcpy(all, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    memcpy(all + NGHTTP2_CLIENT_MAGIC_LEN, "\0\0\0\4\0\0\0\0", 9);
    for (size_t i = 0; i < PINGS; i++) memcpy(all + FIRST + i * FRAME, "\0\0\10\6\0\0\0\0\0" "12345678", FRAME);
    server_alpn = "h2";
    peer *p = peer_open(s);
    server_alpn = NULL;
    (void)peer_send_blindly(p, all, sizeof all);
    server_stop(s);
    WEFT_CHECK(s->over);
    peer_close(p);
}

SERVER_TEST(a_head_that_does_not_end_is_waited_for_no_longer_than_its_time, .head_timeout_ms = 100)
{
    char block[200];
    h2_peer *h = h2_open(s, 0);
    size_t n = h2_block(block, H2_GET("/hello"));
    h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block, n);
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK_EQ(s->began, 0);
    h2_close(h);
    SERVER_UNTIL(s->server->connections == 0);
}

SERVER_TEST(the_memory_of_a_connection_is_bounded)
{
    static char piece[16000];
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    long before = server_mem.bytes;
    server_mem.peak = before;
    for (uint32_t id = 3; id < 203; id += 2) h2_headers(h, id, false, H2_POST("/deaf/500"));
    /* All that the connection's window has room for, of bodies that nobody reads. */
    int64_t sent = 0;
    for (uint32_t id = 3; id < 203; id += 2) {
        while (h2_more(h, 0)) continue;
        for (int i = 0; i < 4 && sent + (int64_t)sizeof piece <= 65535 + (int64_t)h->credit; i++, sent += sizeof piece)
            h2_data(h, id, false, piece, sizeof piece);
    }
    server_settle();
    WEFT_CHECK(server_mem.peak - before < 4 << 20);
    for (uint32_t id = 3; id < 203; id += 2) H2_GETS(h, id, 200, "slept");
    h2_close(h);
}

/* ---- what fails ---- */

static void converse(const served *s)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    h2_headers(h, 3, false, H2_POST("/echo"));
    h2_headers(h, 5, true, H2_GET("/large/30000"));
    h2_headers(h, 7, false, H2_POST("/count/1"));
    h2_headers(h, 9, true, H2_GET("/parts/open/m/5/3000/w/20000"));
    h2_headers(h, 11, true, H2_GET("/watch/50000"));
    h2_data(h, 3, true, "abc", 3);
    h2_data(h, 7, true, "abcdefg", 7);
    for (uint32_t id = 1; id < 11; id += 2) {
        h2_got *g = h2_answer(h, id);
        if (!g->ended || g->status >= 500) continue;
        if (id == 3) WEFT_CHECK_STR(((weft_str){ g->body ? g->body : "", g->bytes }), "abc");
        if (id == 5) WEFT_CHECK(is_pattern((weft_str){ g->body, g->bytes }, 30000));
        if (id == 9) WEFT_CHECK_EQ(g->bytes, 35000);
    }
    h2_reset(h, 11, NGHTTP2_CANCEL);
    h2_close(h);
}

static long allocations_until;
static void fail_one(served *s)
{
    server_mem.failed = 0;
    server_mem.fail_after = allocations_until;
    converse(s);
    bool failed = server_mem.failed > 0;
    server_mem.fail_after = -1;
    SERVER_UNTIL(s->server->connections == 0);
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    h2_close(h);
    if (!failed) allocations_until = -1;
}

WEFT_TEST(each_allocation_of_a_conversation_over_http2_may_fail__sim)
{
    static const server_test test = { .body = fail_one, .opts = { .idle_timeout_ms = 5000 } };
    for (allocations_until = 0; allocations_until >= 0 && allocations_until < 3000; allocations_until += allocations_until >= 0)
        server_sim(&test, &(weft__sim_opts){ 0 });
    WEFT_CHECK(allocations_until < 0);
}

SERVER_SEEDS_TEST(bytes_that_mean_nothing_harm_nobody)
{
    unsigned seed = 7;
    for (int i = 0; i < 30; i++) {
        unsigned char bytes[400];
        h2_peer *h = h2_open(s, 0);
        h2_headers(h, 1, true, H2_GET("/hello"));
        for (size_t k = 0; k < sizeof bytes; k++) bytes[k] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
        if (i % 2) memcpy(bytes, (char[]){ 0, 0, 30, (char)(i % 10), 4, 0, 0, 0, 3 }, 9);
        (void)peer_send(h->p, bytes, sizeof bytes);
        while (h2_more(h, 5) && !h->away) continue;
        h2_close(h);
    }
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200);
}
