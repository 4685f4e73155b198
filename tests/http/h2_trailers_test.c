/* Fields behind a body, over HTTP/2: RFC 9113, 8.1. Over HTTP/1.1: trailers_test.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/h2_peer.h"
#include "io/log.h"

static const char *const both[] = { "/trail/whole", "/trail/pieces" };

/* "abc" is to follow, to each path; from the third one on its length is said. */
static void post(h2_peer *h, uint32_t id, uint32_t i)
{
    const char *path = both[i % 2];
    h2_headers(h, id, false, i < 2 ? H2_POST(path) : H2_POST(path, "content-length", "3"));
}

/* ---- what deceives ---- */

SERVER_TEST(malformed_trailers_reset_their_stream_and_harm_no_other)
{
    const char *const *const rows[] = {
        H2_HEAD(":path", "/hello"), H2_HEAD(":status", "200"), H2_HEAD("x-sum", "1", ":method", "GET"), H2_HEAD(":else", "1"),
        H2_HEAD("X-Sum", "1"), H2_HEAD("x sum", "1"), H2_HEAD("", "1"),
        H2_HEAD("x-sum", "1\r\nset-cookie: a=b"), H2_HEAD("x-sum", "1\n"), H2_HEAD("x-sum", " 1"),
        H2_HEAD("connection", "close"), H2_HEAD("transfer-encoding", "chunked"), H2_HEAD("upgrade", "h2c"), H2_HEAD("te", "gzip"),
    };
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < weft_count(rows); i++) {
        uint32_t id = i * 2 + 1;
        h2_headers(h, id, false, H2_POST(both[i % 2]));
        h2_data(h, id, false, "abc", 3);
        h2_headers(h, id, true, rows[i]);
        h2_got *g = h2_answer(h, id);
        WEFT_CHECK(g->reset && !g->ended);
        WEFT_CHECK_EQ(g->code, NGHTTP2_PROTOCOL_ERROR);
        if (!g->reset) fprintf(stderr, "  (row %u, status %d)\n", i, g->status);
    }
    h2_headers(h, 199, true, H2_GET("/hello"));
    H2_GETS(h, 199, 200, "hello");
    h2_close(h);
}

SERVER_TEST(trailers_in_the_middle_of_a_body_or_without_an_end_reset_it)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/trail/whole"));
    h2_data(h, 1, false, "abc", 3);
    h2_headers(h, 1, false, H2_HEAD("x-sum", "1"));
    H2_RESETS(h, 1, NGHTTP2_PROTOCOL_ERROR);
    h2_headers(h, 3, false, H2_POST("/trail/pieces"));
    h2_headers(h, 3, false, H2_HEAD("x-sum", "1"));
    h2_data(h, 3, true, "abc", 3);
    H2_RESETS(h, 3, NGHTTP2_PROTOCOL_ERROR);
    h2_headers(h, 5, false, H2_POST("/trail/whole", "content-length", "5"));
    h2_data(h, 5, false, "abc", 3);
    h2_headers(h, 5, true, H2_HEAD("x-sum", "1"));                     /* and the body is shorter than it says */
    H2_RESETS(h, 5, NGHTTP2_PROTOCOL_ERROR);
    h2_headers(h, 7, true, H2_GET("/hello"));
    H2_GETS(h, 7, 200, "hello");
    h2_close(h);
}

SERVER_TEST(trailers_that_are_too_many_are_refused_as_over_http1, .headers_max = 5, .head_bytes_max = 400)
{
    static char large[500];
    const char *const *const rows[] = { H2_HEAD("a", "1", "b", "1", "c", "1", "d", "1", "e", "1", "f", "1"), H2_HEAD("x-large", large) };
    memset(large, 'x', 450);
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 8; i++) {
        post(h, i * 2 + 1, i / 2);
        h2_data(h, i * 2 + 1, false, "abc", 3);
        h2_headers(h, i * 2 + 1, true, rows[i % 2]);
        H2_GETS(h, i * 2 + 1, 431, "the trailers are more, or larger, than a head's fields may be");
    }
    h2_headers(h, 17, false, H2_POST("/trail/whole"));
    h2_headers(h, 17, true, H2_HEAD("a", "1", "b", "1", "c", "1", "d", "1", "e", "1"));
    H2_GETS(h, 17, 200, "");
    WEFT_CHECK_STR(weft_str_of(h2_of(h, 17)->head), "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\n");
    h2_close(h);
}

SERVER_TEST(trailers_that_belong_into_the_head_are_given_to_nobody_over_http2)
{
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 2; i++) {
        h2_headers(h, i * 2 + 1, false, H2_POST(both[i]));
        h2_data(h, i * 2 + 1, false, "abc", 3);
        h2_headers(h, i * 2 + 1, true, H2_HEAD("host", "evil", "cookie", "a=b", "authorization", "x", "content-type", "a/b", "x-sum", "1", "x-forwarded-for", "y"));
        H2_GETS(h, i * 2 + 1, 200, "abc");
        WEFT_CHECK_STR(weft_str_of(h2_of(h, i * 2 + 1)->head), "x-sum: 1\n");
    }
    h2_close(h);
}

/* A length of 0 is no end of the request: that comes with the trailers, or never. */
SERVER_TEST(a_request_of_no_bytes_is_waited_for_to_its_end_and_no_longer, .body_timeout_ms = 200)
{
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 2; i++) {
        h2_headers(h, i * 4 + 1, false, H2_POST(both[i], "content-length", "0"));
        h2_headers(h, i * 4 + 3, false, H2_POST(both[i], "content-length", "0"));
        server_settle();
        h2_headers(h, i * 4 + 1, true, H2_HEAD("x-sum", "1"));
        H2_GETS(h, i * 4 + 1, 200, "");
        WEFT_CHECK_STR(weft_str_of(h2_of(h, i * 4 + 1)->head), "x-sum: 1\n");
        h2_got *g = h2_answer(h, i * 4 + 3);
        WEFT_CHECK(g->status == 408 || g->status == 400);
    }
    h2_headers(h, 11, false, H2_POST("/trail/whole", "content-length", "0"));
    h2_data(h, 11, true, "a", 1);
    H2_RESETS(h, 11, NGHTTP2_PROTOCOL_ERROR);
    h2_close(h);
}

/* What nghttp2 does not take would leave its client without an end. */
SERVER_TEST(a_head_or_trailers_of_more_than_may_be_sent_reset_their_stream, .write_timeout_ms = 60000)
{
    static const char *const paths[] = { "/trail/many/140/8000", "/trail/own", "/fields/140/8000", "/fields/3/10" };
    uint64_t logged = weft__log_count(WEFT_LOG_ERROR);
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 4; i++) h2_headers(h, i * 2 + 1, true, H2_GET(paths[i]));
    H2_RESETS(h, 1, NGHTTP2_INTERNAL_ERROR);
    WEFT_CHECK_EQ(h2_of(h, 1)->bytes, 3);
    H2_GETS(h, 3, 200, "own");
    H2_RESETS(h, 5, NGHTTP2_INTERNAL_ERROR);
    WEFT_CHECK_EQ(h2_of(h, 5)->status, 0);
    H2_GETS(h, 7, 204, "");                              /* and harms no other */
    WEFT_CHECK(!h->away);
    WEFT_CHECK_EQ(weft__log_count(WEFT_LOG_ERROR) - logged, 2);
    h2_close(h);
    SERVER_UNTIL(s->server->connections == 0);
}

/* ---- what comes and goes ---- */

SERVER_CALM_TEST(a_head_and_trailers_as_large_as_weft_takes_them_arrive)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/trail/many/64/8190"));
    h2_headers(h, 3, true, H2_GET("/fields/64/8190"));
    H2_GETS(h, 1, 200, "own");
    WEFT_CHECK_EQ(h2_of(h, 1)->fields, 64);
    WEFT_CHECK_EQ(h2_of(h, 1)->field_bytes, 64 * (8190 + 5));
    H2_GETS(h, 3, 204, "");
    WEFT_CHECK(h2_of(h, 3)->field_bytes > 64 * (8190 + 5));
    h2_headers(h, 5, true, H2_GET("/hello"));
    H2_GETS(h, 5, 200, "hello");
    h2_close(h);
}

SERVER_TEST(trailers_come_and_go_over_http2)
{
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 4; i++) {
        post(h, i * 4 + 1, i);
        h2_data(h, i * 4 + 1, false, "abc", 3);
        h2_headers(h, i * 4 + 1, true, H2_HEAD("x-sum", "1", "x-two", "b"));
        H2_GETS(h, i * 4 + 1, 200, "abc");
        WEFT_CHECK_STR(weft_str_of(h2_of(h, i * 4 + 1)->head), "x-sum: 1\nx-two: b\n");
        post(h, i * 4 + 3, i);
        h2_data(h, i * 4 + 3, true, "abc", 3);
        H2_GETS(h, i * 4 + 3, 200, "abc");
        WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, i * 4 + 3), "content-type")), "text/plain");    /* the head came last */
    }
    h2_headers(h, 101, true, H2_GET("/trail/own/length"));
    H2_GETS(h, 101, 200, "own");
    WEFT_CHECK_STR(weft_str_of(h2_of(h, 101)->head), "x-own: yes\n");
    h2_headers(h, 103, true, H2_HEAD(":method", "HEAD", ":scheme", "http", ":authority", "x", ":path", "/trail/own"));
    H2_GETS(h, 103, 200, "");
    WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, 103), "x-own")), "");
    h2_headers(h, 105, true, H2_GET("/trail/own/204"));
    H2_GETS(h, 105, 204, "");
    WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, 105), "x-own")), "");
    h2_close(h);
}

/* Its handler has ended long before. */
SERVER_TEST(trailers_wait_behind_a_body_that_its_client_takes_slowly)
{
    h2_peer *h = h2_open(s, 5);
    h->keeps_windows = true;
    h2_headers(h, 1, false, H2_POST("/trail/whole"));
    h2_data(h, 1, false, "abcdefghijkl", 12);
    h2_headers(h, 1, true, H2_HEAD("x-sum", "1"));
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 1)->bytes == 5));
    server_settle();
    WEFT_CHECK(!h2_of(h, 1)->ended);
    WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, 1), "x-sum")), "");
    h2_window(h, 1, 6);
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 1)->bytes == 11));
    WEFT_CHECK(!h2_of(h, 1)->ended);
    h2_window(h, 1, 1);
    H2_GETS(h, 1, 200, "abcdefghijkl");
    WEFT_CHECK_STR(weft_str_of(h2_of(h, 1)->head), "x-sum: 1\n");
    /* One that is reset before they have gone leaves nothing behind. */
    h2_headers(h, 3, true, H2_GET("/trail/own"));
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 3)->status == 200));
    h2_reset(h, 3, NGHTTP2_CANCEL);
    h2_headers(h, 5, true, H2_GET("/none"));
    (void)h2_answer(h, 5);
    h2_close(h);
}

/* ---- memory that runs out ---- */

static void converse(const served *s, const char *path)
{
    static char long_one[300];
    memset(long_one, 'v', sizeof long_one - 1);
    h2_peer *h = h2_open(s, 0);
    if (h2_headers(h, 1, false, H2_POST(path)) && h2_data(h, 1, false, "abc", 3) && h2_headers(h, 1, true, H2_HEAD("x-sum", "1", "x-long", long_one))) {
        h2_got *g = h2_answer(h, 1);
        bool whole = g->ended && !g->reset && g->status == 200;
        if (whole) WEFT_CHECK_STR(weft_str_of(h2_header(g, "x-sum")), "1");
    }
    h2_close(h);
}

SERVER_CALM_TEST(each_allocation_may_fail_and_no_trailers_are_lost_unseen_over_http2, .idle_timeout_ms = 500)
{
    for (size_t i = 0; i < weft_count(both); i++) {
        long after = 0;
        for (server_mem.failed = 1; after < 500 && server_mem.failed; after++) {
            server_mem.failed = 0;
            server_mem.fail_after = after;
            converse(s, both[i]);
            server_mem.fail_after = -1;
            SERVER_UNTIL(s->server->connections == 0);
        }
        WEFT_CHECK(after > 1 && after < 500);
    }
}
