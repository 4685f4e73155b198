/* Bodies of requests that are read piece by piece: whole, however they are cut; hostile ones; and what becomes of the
 * connection behind them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"

#define CHUNKED(path) "POST " path " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
#define EXPECTING(path, length) \
    "POST " path " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " length "\r\n\r\n"
#define HELLO "hello, world\n"

static const char *const hellos[] = { POST("/count/0", "13", HELLO),
    POST_CHUNKED("/count/0", "5\r\nhello\r\n2;a=\"b\";c\r\n, \r\n006;x\r\nworld\n\r\n0;last\r\nSum: 1\r\n\r\n") };

/* ---- what comes ---- */

SERVER_SEEDS_TEST(a_body_is_the_same_wherever_it_is_cut)
{
    size_t sum = 0;
    for (const char *p = HELLO; *p; p++) sum = sum * 31 + (unsigned char)*p;
    for (size_t i = 0; i < weft_count(hellos); i++) {
        peer *p = peer_open(s);
        for (size_t cut = 1; cut < strlen(hellos[i]); cut++) {
            WEFT_CHECK_EQ(peer_send(p, hellos[i], cut), 0);
            server_settle();
            peer_say(p, hellos[i] + cut);
            PEER_GETS(p, 200, "13");
            WEFT_CHECK_EQ(s->sum, sum);
        }
        peer_close(p);
    }
}

SERVER_TEST(requests_behind_a_body_are_not_mixed_with_it)
{
    peer *p = peer_open(s);
    peer_say(p, POST("/count/0", "13", HELLO) POST_CHUNKED("/count/0", "3\r\nabc\r\n0\r\n\r\n") POST("/count/0", "0", "")
        GET("/count/0") GET("/hello"));
    PEER_GETS(p, 200, "13");
    PEER_GETS(p, 200, "3");
    PEER_GETS(p, 200, "0");
    PEER_GETS(p, 200, "0");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(lines_come_whole)
{
    peer *p = peer_open(s);
    static const char body[] = "18\r\none\ntwo\r\n\nthree\nfour and\r\n05\r\n five\r\n4\r\n\nsix\r\n0\r\n\r\n";
    peer_say(p, CHUNKED("/rows"));
    for (size_t i = 0; i + 1 < sizeof body; i++) {
        WEFT_CHECK_EQ(peer_send(p, body + i, 1), 0);
        if (i % 7 == 0) server_settle();
    }
    PEER_GETS(p, 200, "one|two||three|four and five|six|");
    peer_say(p, POST("/rows", "35", "one\n0123456789012345678901234567890"));
    PEER_GETS(p, 400, "one|a line of the body has more than 20 bytes");
    peer_close(p);
}

SERVER_TEST(large_bodies_need_no_more_than_a_buffer, .body_bytes_max = INT64_MAX)
{
    enum { BYTES = 20 << 20, PIECE = 64 << 10 };
    static char piece[PIECE];
    peer *p = peer_open(s);
    int64_t n = server_calm() || !server_os->ops->virtual_time ? BYTES : 1 << 20;
    char head[160];
    answer a;
    snprintf(head, sizeof head, "POST /count/0 HTTP/1.1\r\nHost: x\r\nContent-Length: %lld\r\n\r\n", (long long)n);
    peer_say(p, head);
    server_settle();
    long before = server_mem.peak = server_mem.bytes;
    for (int64_t at = 0; at < n; at += PIECE) WEFT_NEED(peer_send(p, piece, PIECE) == 0);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(atoll(a.body.ptr), n);
    WEFT_CHECK(server_mem.peak - before < 300 * 1024);
    peer_close(p);
}

/* ---- pressure ---- */

SERVER_TEST(a_client_that_sends_faster_than_is_read_has_to_wait, .body_bytes_max = INT64_MAX, .grace_ms = 50)
{
    enum { PIECE = 64 << 10 };
    static char piece[PIECE];
    peer *p = peer_open(s);
    size_t sent = 0;
    peer_say(p, "POST /count/600000 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    for (int idle = 0; idle < 20;) {
        struct iovec v = { piece, PIECE };
        ssize_t went = weft__stream_try_send(&p->stream, &v, 1);
        WEFT_NEED(went >= 0);
        sent += (size_t)went;
        idle = went ? 0 : idle + 1;
        if (!went) server_sleep(2);
    }
    WEFT_CHECK(sent < (server_os->ops->virtual_time ? 1 << 20 : 32 << 20));
    peer_close(p);
}

SERVER_TEST(continue_is_said_when_the_body_is_first_read)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, EXPECTING("/count/30", "5"));
    WEFT_CHECK(!peer_more(p, 10));
    while (p->have < 25 && peer_more(p, 2000)) continue;
    WEFT_CHECK(strncmp(p->got, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0);
    p->at += 25;
    peer_say(p, "hello");
    PEER_GETS(p, 200, "5");
    peer_say(p, EXPECTING("/sip/0", "5"));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(a.body, "the first 0");
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    peer_close(p);
}

/* ---- hostile ones ---- */

SERVER_TEST(more_than_body_bytes_max_is_413, .body_bytes_max = 1000)
{
    answer a;
    peer *p = peer_open(s);
    peer_say(p, EXPECTING("/count/0", "1001"));
    PEER_GETS(p, 413, "the body is larger than body_bytes_max");
    PEER_ENDS(p);
    peer_close(p);
    for (int n = 1000; n <= 1001; n++) {
        p = peer_open(s);
        peer_say(p, CHUNKED("/count/0"));
        for (int i = 0; i < n; i++) WEFT_CHECK_EQ(peer_send(p, "1\r\nx\r\n", 6), 0);
        if (n == 1000) peer_say(p, "0\r\n\r\n");
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, n == 1000 ? 200 : 413);
        WEFT_CHECK_EQ(s->taken, 1000);
        peer_close(p);
    }
}

SERVER_TEST(chunks_that_are_none_are_400_and_the_end)
{
    static const char *const faults[] = { "x\r\n", "3\r\nabcd\r\n", "3\nabc\r\n", "0\r\nbad\x01: x\r\n\r\n", "3;\x01\r\nabc\r\n" };
    for (size_t i = 0; i < weft_count(faults); i++) {
        peer *p = peer_open(s);
        answer a;
        s->log[0] = 0;
        peer_say(p, CHUNKED("/count/0") "2\r\nok\r\n");
        peer_say(p, faults[i]);
        (void)peer_send(p, GET("/smuggled"), strlen(GET("/smuggled")));
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, 400);
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        PEER_ENDS(p);
        WEFT_CHECK_STR(weft_str_of(s->log), "/count/0 ");
        peer_close(p);
    }
}

SERVER_TEST(a_body_that_breaks_off_is_no_end)
{
    static const char *const halves[] = { POST("/count/0", "13", "hello"), CHUNKED("/count/0") "5\r\nhello\r\n",
        CHUNKED("/count/0") "5\r\nhello\r\n0\r\n" };
    for (size_t i = 0; i < weft_count(halves); i++) {
        peer *p = peer_open(s);
        s->last_rc = 0;
        peer_say_end(p, halves[i]);
        PEER_GETS(p, 400, "the body broke off after 5 bytes");
        WEFT_CHECK_EQ(s->last_rc, WEFT_ECONNRESET);
        peer_close(p);
        p = peer_open(s);
        s->last_rc = 0;
        peer_say(p, halves[i]);
        server_settle();
        peer_close(p);
        SERVER_UNTIL(s->last_rc == WEFT_ECONNRESET);
    }
}

SERVER_CALM_TEST(a_body_that_does_not_come_is_408, .body_timeout_ms = 500)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, POST("/count/0", "13", "hello"));
    PEER_GETS(p, 408, "the body did not arrive within body_timeout_ms");
    WEFT_CHECK_EQ(server_ms() - began, 500);
    PEER_ENDS(p);
    peer_close(p);
}

/* A byte now and then: each comes in time, and all together do not. */
SERVER_CALM_TEST(a_slow_sender_does_not_keep_a_task_for_ever, .body_timeout_ms = 5000)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, POST("/count/0", "1000", ""));
    while (!peer_more(p, 400)) (void)peer_send(p, "x", 1);
    PEER_GETS(p, 408, "the body came more slowly than rate_min");
    WEFT_CHECK(server_ms() - began < 5500);
    peer_close(p);
}

SERVER_CALM_TEST(a_handler_that_takes_its_time_does_not_time_out_its_client, .body_timeout_ms = 500)
{
    peer *p = peer_open(s);
    char *bytes = calloc(1, 300000);
    peer_say(p, "POST /count/2000 HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n");
    WEFT_CHECK_EQ(peer_send(p, bytes, 300000), 0);
    PEER_GETS(p, 200, "300000");
    free(bytes);
    peer_close(p);
}

/* ---- what is left unread ---- */

SERVER_TEST(a_short_rest_is_dropped_and_the_next_request_answered)
{
    peer *p = peer_open(s);
    peer_say(p, "POST /sip/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n");
    char *bytes = calloc(1, 40000);
    WEFT_CHECK_EQ(peer_send(p, bytes, 40000), 0);
    answer a;
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 200);
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    free(bytes);
    peer_close(p);
}

SERVER_TEST(a_rest_without_a_known_end_closes_the_connection)
{
    peer *p = peer_open(s);
    answer a;
    s->log[0] = 0;
    peer_say(p, CHUNKED("/sip/1") "5\r\nhello\r\n");
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    (void)peer_send(p, "0\r\n\r\n" GET("/smuggled"), strlen("0\r\n\r\n" GET("/smuggled")));
    PEER_ENDS(p);
    WEFT_CHECK_STR(weft_str_of(s->log), "/sip/1 ");
    peer_close(p);
}

SERVER_TEST(a_stop_cancels_who_waits_for_a_body, .grace_ms = 50)
{
    peer *p = peer_open(s);
    peer_say(p, POST("/count/0", "13", "hello"));
    SERVER_UNTIL(s->began == 1);
    server_settle();
    server_stop(s);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ECANCELED);
    peer_close(p);
}
