/* Bodies of requests: read whole, in chunks, too large, too late, not at all; and 100 Continue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"

#define CHUNKED "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
#define EXPECTING(path, length) \
    "POST " path " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " length \
    "\r\n\r\n"

/* `n` bytes of a body; freed by the caller. */
static char *bytes_of(size_t n)
{
    char *bytes = malloc(n + 1);
    for (size_t i = 0; i < n; i++) bytes[i] = pattern_byte(n, i);
    bytes[n] = 0;
    return bytes;
}

static void say_post(peer *p, const char *path, size_t length)
{
    char head[160];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", path,
        length);
    peer_say(p, head);
}

/* ---- whole bodies ---- */

SERVER_TEST(bodies_of_every_size_come_back)
{
    static const size_t sizes[] = { 0, 1, 100, 16000, 16384, 20000, 70000, 300000 };
    peer *p = peer_open(s);
    answer a;
    for (size_t i = 0; i < weft_count(sizes); i++) {
        char *bytes = bytes_of(sizes[i]);
        say_post(p, "/echo", sizes[i]);
        WEFT_CHECK_EQ(peer_send(p, bytes, sizes[i]), 0);
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, 200);
        WEFT_CHECK(is_pattern(a.body, sizes[i]));
        free(bytes);
    }
    peer_close(p);
}

SERVER_TEST(chunked_bodies_are_joined)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, CHUNKED);
    for (size_t i = 0; i < 300; i++) {
        char chunk[400];
        int n = snprintf(chunk, sizeof chunk, "%zx;a=\"b\"\r\n%.*s\r\n", i + 1, (int)(i + 1),
            "......................................................................................"
            ".........................."
            "......................................................................................"
            ".........................."
            "......................................................................................"
            "..........................");
        WEFT_CHECK_EQ(peer_send(p, chunk, (size_t)n), 0);
    }
    peer_say(p, "0\r\nTrailer: dropped\r\n\r\n" GET("/hello"));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 200);
    WEFT_CHECK_EQ(a.body.len, 300 * 301 / 2);
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(a_body_behind_a_pipelined_head_is_not_mixed_with_the_next)
{
    peer *p = peer_open(s);
    peer_say(p,
        POST("/echo", "3", "abc") POST_CHUNKED("/echo", "3\r\ndef\r\n0\r\n\r\n")
            POST("/echo", "3", "ghi") GET("/hello"));
    PEER_GETS(p, 200, "abc");
    PEER_GETS(p, 200, "def");
    PEER_GETS(p, 200, "ghi");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

/* ---- chunks that are none ---- */

SERVER_TEST(a_faulty_chunk_is_400_and_the_end)
{
    static const char *const faults[] = { "x\r\n", "-1\r\n", "0x3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n", "1000000000000000\r\n", " 3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n", "0\r\nbad\x01: x\r\n\r\n", "\r\n", "3;\x01\r\nabc\r\n" };
    for (size_t i = 0; i < weft_count(faults); i++) {
        peer *p = peer_open(s);
        answer a;
        s->log[0] = 0;
        peer_say(p, CHUNKED);
        peer_say(p, faults[i]);
        (void)peer_send(p, GET("/smuggled"), strlen(GET("/smuggled")));
        WEFT_NEED(peer_answer(p, &a));
        if (!WEFT_CHECK_EQ(a.status, 400)) fprintf(stderr, "  (%s)\n", faults[i]);
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        PEER_ENDS(p);
        WEFT_CHECK_STR(weft_str_of(s->log), "/echo ");
        peer_close(p);
    }
}

/* ---- too large ---- */

SERVER_TEST(a_length_over_the_limit_is_413_before_the_body, .body_bytes_max = 1000)
{
    peer *p = peer_open(s);
    answer a;
    say_post(p, "/echo", 1001);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 413);
    WEFT_CHECK_STR(a.body, "the body is larger than body_bytes_max");
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    PEER_ENDS(p);
    peer_close(p);
    p = peer_open(s);
    char *bytes = bytes_of(1000);
    say_post(p, "/echo", 1000);
    WEFT_CHECK_EQ(peer_send(p, bytes, 1000), 0);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 200);
    free(bytes);
    peer_close(p);
}

SERVER_TEST(chunks_over_the_limit_are_413, .body_bytes_max = 1000)
{
    for (size_t n = 1000; n <= 1001; n++) {
        peer *p = peer_open(s);
        answer a;
        peer_say(p, CHUNKED);
        for (size_t i = 0; i < n; i++) WEFT_CHECK_EQ(peer_send(p, "1\r\nx\r\n", 6), 0);
        if (n == 1000) peer_say(p, "0\r\n\r\n");
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, n == 1000 ? 200 : 413);
        if (n > 1000) WEFT_CHECK_STR(a.body, "the body is larger than body_bytes_max");
        if (n > 1000) PEER_ENDS(p);
        peer_close(p);
    }
}

SERVER_TEST(a_body_over_the_memory_of_a_request_is_413, .body_bytes_max = 1 << 20,
    .request_bytes_max = 64 * 1024)
{
    peer *p = peer_open(s);
    answer a;
    say_post(p, "/echo", 100000);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 413);
    WEFT_CHECK_STR(a.body, "the body is larger than request_bytes_max");
    peer_close(p);
}

/* Who writes all of its body before it reads must be able to: else its write fails, and the answer
 * is lost. */
SERVER_TEST(a_client_that_first_sends_all_of_a_too_large_body_gets_its_413, .body_bytes_max = 1000)
{
    bool narrow
        = server_os->ops->virtual_time && !server_calm(); /* 512 bytes each way take their time */
    size_t n = narrow ? 400 * 1024 : 8 << 20;
    peer *p = peer_open(s);
    answer a;
    char *bytes = bytes_of(n);
    say_post(p, "/echo", n);
    WEFT_CHECK_EQ(peer_send_blindly(p, bytes, n), 0);
    server_settle();
    if (!WEFT_CHECK(peer_answer(p, &a))) WEFT_CHECK_EQ(p->rc, 0);
    WEFT_CHECK_EQ(a.status, 413);
    PEER_ENDS(p);
    free(bytes);
    peer_close(p);
}

SERVER_TEST(a_client_that_sends_for_ever_is_cut_off, .body_bytes_max = 1000)
{
    peer *p = peer_open(s);
    static char bytes[64 * 1024];
    int64_t began = server_ms();
    size_t sent = 0;
    say_post(p, "/echo", 1 << 30);
    while (peer_send_blindly(p, bytes, sizeof bytes) == 0 && sent < (size_t)1 << 28)
        sent += sizeof bytes;
    WEFT_CHECK(sent < (size_t)64 << 20);
    WEFT_CHECK(server_ms() <= began + 5000);
    SERVER_UNTIL(s->server->connections == 0);
    peer_close(p);
}

SERVER_TEST(a_client_that_stays_after_its_413_is_closed_after_two_seconds, .body_bytes_max = 1000)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    say_post(p, "/echo", 5000);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(server_ms() >= began + 1900);
    WEFT_CHECK(server_ms() <= began + 4000);
    peer_close(p);
}

/* ---- too late, and broken off ---- */

SERVER_TEST(a_slow_body_is_408, .body_timeout_ms = 300)
{
    static const char *const starts[]
        = { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n1", CHUNKED "5\r\nab" };
    for (size_t i = 0; i < weft_count(starts); i++) {
        peer *p = peer_open(s);
        answer a;
        peer_say(p, starts[i]);
        int64_t began = server_ms();
        for (int k = 0; k < 5; k++) { /* the whole body has this time, not each byte */
            server_sleep(40);
            peer_say(p, i ? "" : "2");
        }
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, 408);
        WEFT_CHECK_STR(a.body, "the body did not arrive within body_timeout_ms");
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        WEFT_CHECK(server_ms() >= began + 290);
        WEFT_CHECK(server_ms() < began + 2000);
        PEER_ENDS(p);
        peer_close(p);
    }
}

SERVER_TEST(a_body_that_breaks_off_is_told_to_its_handler)
{
    static const char *const starts[]
        = { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n1", CHUNKED "5\r\nab" };
    for (size_t i = 0; i < weft_count(starts); i++) {
        peer *p = peer_open(s);
        s->last_rc = 0;
        peer_say_end(p, starts[i]);
        PEER_GETS(p, 400, "broken off"); /* its other side may still listen */
        PEER_ENDS(p);
        WEFT_CHECK_EQ(s->last_rc, WEFT_EOF);
        peer_close(p);
        p = peer_open(s);
        s->last_rc = 0;
        peer_say(p, starts[i]);
        peer_close(p);
        SERVER_UNTIL(s->server->connections == 0);
        WEFT_CHECK(s->last_rc < 0);
    }
}

/* ---- 100 Continue ---- */

SERVER_TEST(continue_is_said_when_the_body_is_asked_for)
{
    peer *p = peer_open(s);
    peer_say(p, EXPECTING("/echo", "5"));
    while (!strstr(p->got, "\r\n\r\n") && peer_more(p, 5000)) continue;
    WEFT_CHECK_STR(weft_str_of(p->got), "HTTP/1.1 100 Continue\r\n\r\n");
    p->at = p->have;
    peer_say(p, "12345" GET("/hello"));
    PEER_GETS(p, 200, "12345");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(continue_is_not_said_when_the_body_is_not_asked_for)
{
    peer *p = peer_open(s);
    peer_say(p, EXPECTING("/ignore", "5"));
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\nConnection: "
        "close\r\nDate: #\r\n\r\nignored");
    peer_close(p);
}

/* The client may send the body or not: what lies behind the head is neither a body nor a request.
 */
SERVER_TEST(what_follows_an_expecting_head_is_not_executed)
{
    peer *p = peer_open(s);
    peer_say(p, EXPECTING("/ignore", "5") GET("/smuggled"));
    PEER_GETS(p, 200, "ignored");
    PEER_ENDS(p);
    WEFT_CHECK_STR(weft_str_of(s->log), "/ignore ");
    peer_close(p);
}

SERVER_TEST(a_too_large_body_is_refused_instead_of_continued, .body_bytes_max = 1000)
{
    peer *p = peer_open(s);
    peer_say(p, EXPECTING("/echo", "2000"));
    PEER_GETS(p, 413, "the body is larger than body_bytes_max");
    PEER_ENDS(p);
    peer_close(p);
}

SERVER_TEST(a_body_that_is_there_needs_no_continue)
{
    peer *p = peer_open(s);
    peer_say(p,
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n" GET(
            "/hello"));
    PEER_GETS(p, 200, "");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
    p = peer_open(s);
    peer_say(p, "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab");
    PEER_GETS(p, 200, "ab"); /* 1.0 knows of no 100 */
    PEER_ENDS(p);
    peer_close(p);
}

SERVER_CALM_TEST(a_body_in_the_same_packet_needs_no_continue, )
{
    peer *p = peer_open(s);
    peer_say(p, EXPECTING("/echo", "2") "ab" GET("/hello"));
    PEER_GETS(p, 200, "ab");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(continue_comes_behind_the_answers_before_it)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/hello") EXPECTING("/echo", "2"));
    PEER_GETS(p, 200, "hello");
    while (p->have - p->at < 25 && peer_more(p, 5000)) continue;
    WEFT_CHECK_STR(weft_str_of(p->got + p->at), "HTTP/1.1 100 Continue\r\n\r\n");
    p->at = p->have;
    peer_say(p, "ab");
    PEER_GETS(p, 200, "ab");
    peer_close(p);
}

/* ---- unread bodies ---- */

SERVER_TEST(a_short_body_that_nobody_read_is_dropped)
{
    static const size_t sizes[] = { 1, 1000, 16384, 50000, 64 * 1024 };
    peer *p = peer_open(s);
    for (size_t i = 0; i < weft_count(sizes); i++) {
        char *bytes = bytes_of(sizes[i]);
        say_post(p, "/ignore", sizes[i]);
        WEFT_CHECK_EQ(peer_send(p, bytes, sizes[i]), 0);
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "ignored");
        PEER_GETS(p, 200, "hello");
        free(bytes);
    }
    peer_close(p);
}

SERVER_TEST(the_answer_does_not_wait_for_an_unread_body)
{
    peer *p = peer_open(s);
    say_post(p, "/ignore", 1000);
    PEER_GETS(p, 200, "ignored");
    WEFT_CHECK_EQ(s->server->connections, 1);
    peer_close(p);
}

SERVER_TEST(a_long_or_chunked_body_that_nobody_read_ends_the_connection)
{
    static const char *const heads[] = {
        "POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n",
        "POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    };
    for (size_t i = 0; i < weft_count(heads); i++) {
        peer *p = peer_open(s);
        answer a;
        peer_say(p, heads[i]);
        (void)peer_send(p, GET("/smuggled"), strlen(GET("/smuggled")));
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, 200);
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        PEER_ENDS(p);
        peer_close(p);
    }
    WEFT_CHECK_STR(weft_str_of(s->log), "/ignore /ignore ");
}

SERVER_TEST(an_unread_body_that_never_comes_ends_the_connection, .body_timeout_ms = 200)
{
    peer *p = peer_open(s);
    say_post(p, "/ignore", 1000);
    PEER_GETS(p, 200, "ignored");
    peer_say(p, "only this");
    PEER_ENDS(p);
    peer_close(p);
}

SERVER_TEST(an_unread_body_that_breaks_off_still_has_its_answer)
{
    peer *p = peer_open(s);
    peer_say_end(p, "POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");
    PEER_GETS(p, 200, "ignored");
    PEER_ENDS(p);
    peer_close(p);
}
