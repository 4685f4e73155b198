/* Clients that keep every deadline, and are slower than a server bears. */
#include <stdio.h>
#include <string.h>
#include "http/server_world.h"

/* So many bytes each so many ms, until the server has something to say or it is over. How many went. */
static int drip(peer *p, const char *bytes, int n, int ms, int64_t until_ms)
{
    int went = 0;
    while (server_ms() < until_ms && !p->have && !p->ended && p->rc >= 0) {
        if (peer_send_blindly(p, bytes, (size_t)n) < 0) break;
        went += n;
        (void)peer_more(p, ms);
    }
    return went;
}

static void refused(peer *p, const char *why)
{
    char body[128];
    answer a;
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 408);
    snprintf(body, sizeof body, "{\"detail\":\"%s\"}", why);
    if (a.body.ptr[0] == '{') WEFT_CHECK_STR(a.body, body);
    else WEFT_CHECK_STR(a.body, why);
    PEER_ENDS(p);
    peer_close(p);
}

#define SLOW_HEAD "the head came more slowly than rate_min"
#define SLOW_BODY "the body came more slowly than rate_min"

/* ---- heads ---- */

SERVER_CALM_TEST(a_head_that_comes_too_slowly_is_408_long_before_its_deadline, .head_timeout_ms = 600000, .rate_min = 100, .rate_grace_ms = 2000)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, "GET / HTTP/1.1\r\nA: ");
    drip(p, "a", 1, 20, began + 60000);                          /* 50 bytes a second: over after 2 s and what they take at 100 */
    int64_t took = server_ms() - began;
    WEFT_CHECK(took >= 4000 && took <= 5100);
    refused(p, SLOW_HEAD);
    WEFT_CHECK_EQ(s->began, 0);
}

SERVER_CALM_TEST(a_head_that_keeps_the_rate_has_its_whole_time, .head_timeout_ms = 20000, .rate_min = 100, .rate_grace_ms = 2000)
{
    peer *p = peer_open(s), *q = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\nA: ");
    drip(p, "aaa", 3, 20, began + 10000);
    peer_say(p, "\r\n\r\n");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
    began = server_ms();
    peer_say(q, "GET /hello HTTP/1.1\r\nHost: x\r\nA: ");
    drip(q, "aaa", 3, 20, began + 60000);
    WEFT_CHECK(server_ms() - began >= 20000 && server_ms() - began <= 20300);
    refused(q, "the head did not arrive within head_timeout_ms");
}

/* One that has begun behind another answer has its own time, each anew. */
SERVER_CALM_TEST(slow_heads_one_after_the_other_have_each_their_own_time, .head_timeout_ms = 5000, .rate_min = 100, .rate_grace_ms = 1000)
{
    peer *p = peer_open(s);
    for (int i = 0; i < 4; i++) {
        int64_t began = server_ms();
        peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\nA: ");
        drip(p, "aaa", 3, 20, began + 4000);
        peer_say(p, "\r\n\r\n");
        PEER_GETS(p, 200, "hello");
        p->have = p->at = 0;
    }
    peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\nA: ");
    drip(p, "a", 1, 20, server_ms() + 60000);
    refused(p, SLOW_HEAD);
}

SERVER_CALM_TEST(who_asks_for_no_rate_bears_slow_heads, .head_timeout_ms = 60000, .rate_min = -1, .rate_grace_ms = 10)
{
    peer *p = peer_open(s);
    peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\nA: ");
    drip(p, "a", 1, 1000, server_ms() + 50000);
    peer_say(p, "\r\n\r\n");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

/* A stop finds those that were looked at once, too. */
SERVER_CALM_TEST(a_stop_ends_slow_heads_as_well, .head_timeout_ms = 600000, .rate_min = 10, .rate_grace_ms = 100)
{
    peer *p = peer_open(s);
    peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\nA: aaaaaaaaaaaaaaaaaaaaaaaaa");
    server_sleep(1000);
    WEFT_CHECK(weft__patience_first(&s->server->slow_heads.line) != NULL);
    server_stop(s);
    PEER_ENDS(p);
    peer_close(p);
}

/* ---- bodies ---- */

#define CHUNKED(path) "POST " path " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

SERVER_CALM_TEST(a_body_that_comes_too_slowly_is_408_long_before_its_deadline, .body_timeout_ms = 600000, .rate_min = 100, .rate_grace_ms = 2000)
{
    static const struct { const char *head, *bytes; int n; } each[] = {
        { POST("/echo", "100000", ""), "b", 1 }, { CHUNKED("/echo"), "1\r\nb\r\n", 6 },
        { POST("/count/0", "100000", ""), "b", 1 }, { CHUNKED("/count/0"), "1\r\nb\r\n", 6 },
    };
    for (size_t i = 0; i < weft_count(each); i++) {
        peer *p = peer_open(s);
        int64_t began = server_ms();
        peer_say(p, each[i].head);
        drip(p, each[i].bytes, each[i].n, each[i].n * 20, began + 60000);
        int64_t took = server_ms() - began;
        /* 50 bytes a second; in pieces, a chunk's frame is not of the body */
        WEFT_CHECK(took >= 2000 && took <= 4500);
        refused(p, SLOW_BODY);
    }
}

SERVER_CALM_TEST(a_body_that_keeps_the_rate_is_waited_for, .body_timeout_ms = 600000, .rate_min = 100, .rate_grace_ms = 2000, .body_bytes_max = 1000000)
{
    for (int i = 0; i < 2; i++) {
        peer *p = peer_open(s);
        peer_say(p, i ? POST("/count/0", "3000", "") : POST("/echo", "3000", ""));
        for (int k = 0; k < 1000; k++) {                         /* 150 bytes a second */
            peer_say(p, "abc");
            server_sleep(20);
        }
        answer a;
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, 200);
        WEFT_CHECK_EQ(a.body.len, i ? 4 : 3000);
        peer_close(p);
    }
}

SERVER_CALM_TEST(a_body_that_keeps_the_rate_has_its_deadline_all_the_same, .body_timeout_ms = 5000, .rate_min = 100, .rate_grace_ms = 1000)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, POST("/echo", "100000", ""));
    drip(p, "abcdefgh", 8, 20, began + 60000);
    WEFT_CHECK(server_ms() - began >= 5000 && server_ms() - began <= 5100);
    refused(p, "the body did not arrive within body_timeout_ms");
}

/* Nobody reads it: what is left of it is to be dropped, for as long as a body may take. */
SERVER_CALM_TEST(an_unread_body_that_comes_too_slowly_ends_the_connection, .body_timeout_ms = 600000, .rate_min = 100, .rate_grace_ms = 2000)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, POST("/ignore", "60000", ""));
    while (s->server->connections && server_ms() - began < 60000) {
        (void)peer_send_blindly(p, "x", 1);
        server_sleep(50);
    }
    WEFT_CHECK(server_ms() - began <= 5500);
    peer_close(p);
}

/* ---- answers ---- */

/* So many bytes each so many ms, of which there are few on their way (a small window). */
static int64_t sip(served *s, const char *request, size_t bytes, int ms, size_t *got)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    char some[4096];
    peer_say(p, request);
    *got = 0;
    while (server_ms() - began < 600000 && s->server->connections) {
        ssize_t n = weft__stream_recv(&p->stream, some, bytes, weft__loop_clock(server_loop) + INT64_C(1000000));
        *got += n > 0 ? (size_t)n : 0;
        if (n == 0 || n == WEFT_ECONNRESET) break;
        server_sleep(ms);
    }
    int64_t took = server_ms() - began;
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    return took;
}

/* Each part that waits is taken in time, and all of them are not. */
static void sips(served *s)
{
    static const char *const requests[] = { GET_CLOSE("/parts/open/m/200/15000"), GET_CLOSE("/parts/is/3000000/m/200/15000"), GET_CLOSE("/large/1000000") };
    size_t got;
    for (size_t i = 0; i < weft_count(requests); i++) {
        int64_t took = sip(s, requests[i], 1600, 499, &got);     /* 3.1 KiB a second */
        WEFT_CHECK(took > 2000 && took < 60000);
        WEFT_CHECK(got > 4096 && got < 200000);
    }
}

WEFT_TEST(who_takes_an_answer_too_slowly_is_left_however_many_parts_it_has__sim)
{
    static const server_test test = { .body = sips, .opts = { .write_timeout_ms = 2000, .rate_min = 4096 } };
    server_sim(&test, &(weft__sim_opts){ .window = 4096 });
}

static void drinks(served *s)
{
    static const char *const requests[] = { GET_CLOSE("/parts/open/m/20/15000"), GET_CLOSE("/parts/is/300000/m/20/15000"), GET_CLOSE("/large/300000") };
    size_t got;
    for (size_t i = 0; i < weft_count(requests); i++) {
        (void)sip(s, requests[i], 2500, 499, &got);              /* 4.9 KiB a second */
        WEFT_CHECK(got >= 300000);
    }
}

WEFT_TEST(who_takes_it_quickly_enough_has_it_whole__sim)
{
    static const server_test test = { .body = drinks, .opts = { .write_timeout_ms = 2000, .rate_min = 4096 }, .plain = "a record comes whole, and then nothing is taken for seconds" };
    server_sim(&test, &(weft__sim_opts){ .window = 4096 });
}

/* ---- the options ---- */

static void check_refused(served *s, weft_serve_opts opts, const char *expected)
{
    weft__server *server = NULL;
    char why[256] = "";
    (void)s;
    WEFT_CHECK_EQ(weft__server_open(&server, &opts, NULL, NULL, why), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(why), expected);
}

SERVER_CALM_TEST(rates_that_make_no_sense_are_refused)
{
    check_refused(s, (weft_serve_opts){ .port = -1, .rate_min = -2 }, "rate_min is -2: expected 1 to 1000000000, or -1 for none");
    check_refused(s, (weft_serve_opts){ .port = -1, .rate_min = 1000000001 }, "rate_min is 1000000001: expected 1 to 1000000000, or -1 for none");
    check_refused(s, (weft_serve_opts){ .port = -1, .rate_grace_ms = -1 }, "rate_grace_ms is -1: expected 1 to 2147483647, or 0 for 10000");
}
