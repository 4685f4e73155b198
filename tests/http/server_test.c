/* The server's answers: order, cuts, refusals, the head of an answer, and how a connection goes on
 * or ends. */
#include <stdio.h>
#include <string.h>
#include "http/server_world.h"

/* ---- answers ---- */

SERVER_TEST(a_request_is_answered_and_the_connection_stays)
{
    peer *p = peer_open(s);
    for (int i = 0; i < 3; i++) {
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "hello");
    }
    WEFT_CHECK_EQ(s->server->connections, 1);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
}

SERVER_CALM_TEST(the_head_of_an_answer_is_exactly_this, )
{
    weft__sim_set_wall(server_os, 784111777LL * 1000000);
    peer *p = peer_open(s);
    peer_say(p, GET("/hello"));
    answer a;
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(a.head,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    peer_close(p);
}

SERVER_CALM_TEST(the_date_follows_the_wall_clock, )
{
    peer *p = peer_open(s);
    answer a;
    weft__sim_set_wall(server_os, 784111777LL * 1000000 + 400000);
    server_sleep(2000);
    peer_say(p, GET("/hello"));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Date"), "Sun, 06 Nov 1994 08:49:39 GMT");
    server_sleep(600); /* less than a second, but the second has changed */
    peer_say(p, GET("/hello"));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Date"), "Sun, 06 Nov 1994 08:49:40 GMT");
    weft__sim_set_wall(server_os, 1000000LL);
    server_sleep(1000); /* set back: true again within a second */
    peer_say(p, GET("/hello"));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Date"), "Thu, 01 Jan 1970 00:00:02 GMT");
    peer_close(p);
}

SERVER_TEST(an_unregistered_status_has_a_line_of_its_own)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/status/299"));
    answer a;
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK(strncmp(a.head.ptr, "HTTP/1.1 299 \r\n", 15) == 0);
    WEFT_CHECK_STR(a.body, "body");
    peer_close(p);
}

SERVER_TEST(an_answer_to_head_has_the_length_and_no_body)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p,
        "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nHEAD /large/70000 HTTP/1.1\r\nHost: x\r\n\r\n" GET(
            "/hello"));
    WEFT_NEED(peer_answer_to_head(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Content-Length"), "5");
    WEFT_NEED(peer_answer_to_head(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Content-Length"), "70000");
    PEER_GETS(p, 200, "hello"); /* at once behind: there was no body */
    peer_close(p);
}

SERVER_TEST(statuses_without_a_body_have_neither_body_nor_length)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, GET("/status/205") GET("/status/204") GET("/status/304") GET("/parts/205/w/5") GET("/hello"));
    PEER_GETS(p, 205, "");
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 204);
    WEFT_CHECK_STR(answer_header(&a, "Content-Length"), "");
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 304);
    WEFT_CHECK_STR(answer_header(&a, "Content-Length"), "");
    WEFT_NEED(peer_answer(p, &a));               /* which has a length: that it has none is told */
    WEFT_CHECK_EQ(a.status, 205);
    WEFT_CHECK_STR(answer_header(&a, "Content-Length"), "0");
    WEFT_CHECK_STR(answer_header(&a, "Transfer-Encoding"), "");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(a_handler_that_says_nothing_is_500_and_the_end)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, GET("/none") GET("/hello"));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 500);
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    PEER_ENDS(p);
    peer_close(p);
    p = peer_open(s);
    peer_say(p, "HEAD /none HTTP/1.1\r\nHost: x\r\n\r\n");
    WEFT_NEED(peer_answer_to_head(p, &a));
    WEFT_CHECK_EQ(a.status, 500);
    PEER_ENDS(p);
    WEFT_CHECK_STR(weft_str_of(s->log), "/none /none ");
    peer_close(p);
}

SERVER_TEST(the_second_of_two_replies_is_dropped)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/twice") GET("/hello"));
    PEER_GETS(p, 200, "first");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(header_lines_of_any_length_arrive)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, GET("/lines/7") GET("/lines/300") GET("/lines/100000") GET("/hello"));
    for (size_t i = 0, n[] = { 7, 300, 100000 }; i < 3; i++) {
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(answer_header(&a, "X-L").len, n[i] - 7);
        WEFT_CHECK_STR(a.body, "lines");
    }
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(a_kept_head_outlives_the_receive_buffer)
{
    peer *p = peer_open(s), *q = peer_open(s);
    peer_say(p, "PATCH /keep/20 HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n");
    server_settle();
    peer_say(q, GET("/hello")); /* takes the buffer that was given back */
    PEER_GETS(q, 200, "hello");
    PEER_GETS(p, 200, "PATCH /keep/20");
    peer_close(p);
    peer_close(q);
}

/* ---- cuts ---- */

static const char *const conversation
    = GET("/hello") POST("/echo", "5", "12345") POST_CHUNKED("/echo",
        "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: t\r\n\r\n") "\r\nHEAD /hello HTTP/1.1\r\nHost: "
                                                        "x\r\n\r\n" POST("/ignore", "4", "wxyz")
                                                            GET_CLOSE("/keep/0") GET("/never");

static const char *const answers
    = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nDate: #\r\n\r\nhello"
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: #\r\n\r\n12345HTTP/1.1 200 "
      "OK\r\nContent-Length: 5\r\nDate: #\r\n\r\nabcde"
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nDate: #\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\nDate: #\r\n\r\nignored"
      "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\nDate: #\r\n\r\nGET /keep/0";

static void converse_cut_at(const served *s, size_t first, size_t second)
{
    peer *p = peer_open(s);
    size_t n = strlen(conversation);
    (void)peer_send(p, conversation, first);
    server_settle();
    (void)peer_send(p, conversation + first, second - first);
    server_settle();
    (void)peer_send(p, conversation + second, n - second);
    if (!WEFT_CHECK_STR(weft_str_of(peer_rest(p)), answers))
        fprintf(stderr, "  (cut at %zu and %zu)\n", first, second);
    WEFT_CHECK(p->ended);
    peer_close(p);
}

SERVER_SEEDS_TEST(every_cut_of_the_bytes_gives_the_same_answers, )
{
    size_t n = strlen(conversation);
    for (size_t i = 0; i <= n; i += server_calm() ? 1 : 13) converse_cut_at(s, i, i);
    for (size_t i = 0; i + 7 <= n; i += server_calm() ? 5 : 31)
        converse_cut_at(s, i, i + 1 + i % 7);
    WEFT_CHECK(!strstr(s->log, "never"));
}

SERVER_SEEDS_TEST(byte_by_byte_gives_the_same_answers, )
{
    peer *p = peer_open(s);
    for (const char *at = conversation; *at; at++) {
        if (peer_send(p, at, 1) < 0) break; /* behind the last one the server no longer listens */
        server_sleep(1);
    }
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)), answers);
    peer_close(p);
}

/* ---- pipelines ---- */

SERVER_TEST(pipelined_requests_are_answered_in_order)
{
    peer *p = peer_open(s);
    char text[8192] = "";
    for (int i = 0; i < 40; i++) strcat(text, i % 2 ? POST("/echo", "3", "odd") : GET("/hello"));
    peer_say(p, text);
    for (int i = 0; i < 40; i++) PEER_GETS(p, 200, i % 2 ? "odd" : "hello");
    peer_close(p);
}

SERVER_TEST(a_fast_answer_waits_for_the_slow_one_before_it)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/30") GET("/hello"));
    server_settle();
    WEFT_CHECK_STR(weft_str_of(s->log), "/sleep/30 ");
    PEER_GETS(p, 200, "slept");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(an_answer_does_not_wait_for_the_slow_one_behind_it)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, GET("/hello") GET("/sleep/2000"));
    PEER_GETS(p, 200, "hello");
    WEFT_CHECK(server_ms() < began + 1000);
    PEER_GETS(p, 200, "slept");
    WEFT_CHECK(server_ms() >= began + 2000);
    peer_close(p);
}

SERVER_TEST(more_answers_than_fit_one_send_arrive_in_order)
{
    peer *p = peer_open(s);
    char text[4096] = "";
    answer a;
    for (int i = 0; i < 30; i++) strcat(text, i % 3 ? GET("/arena/15000") : GET("/large/40000"));
    peer_say(p, text);
    for (int i = 0; i < 30; i++) {
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK(is_pattern(a.body, i % 3 ? 15000 : 40000));
    }
    peer_close(p);
}

SERVER_TEST(pipelined_batches_cost_one_send_each, .idle_timeout_ms = 1000)
{
    peer *p = peer_open(s);
    if (!server_calm()) {
        peer_close(p);
        return;
    }
    peer_say(p, GET("/hello") GET("/hello") GET("/hello") GET("/hello"));
    long before = server_count.send;
    for (int i = 0; i < 4; i++) PEER_GETS(p, 200, "hello");
    WEFT_CHECK_EQ(server_count.send - before, server_tls ? 2 : 1);   /* TLS's tickets have one of their own */
    peer_close(p);
}

SERVER_CALM_TEST(a_warm_request_costs_one_recv_one_send_and_no_allocation, )
{
    peer *p = peer_open(s);
    for (int i = 0; i < 3; i++) {
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "hello");
    }
    server_calls before = server_count;
    long calls = server_mem.calls;
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    server_settle();
    WEFT_CHECK_EQ(server_mem.calls, calls);
    WEFT_CHECK_EQ(server_count.send - before.send, 2); /* the peer's, and the server's */
    WEFT_CHECK_EQ(
        server_count.recv - before.recv, 2); /* edges tell when to read: nobody asks in vain */
    peer_close(p);
}

/* ---- how a connection goes on ---- */

static void check_connection(
    const served *s, const char *request, const char *connection, bool ends)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, request);
    WEFT_NEED(peer_answer(p, &a));
    if (!WEFT_CHECK_STR(answer_header(&a, "Connection"), connection))
        fprintf(stderr, "  (%s)\n", request);
    if (ends) {
        PEER_ENDS(p);
    } else {
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "hello");
    }
    peer_close(p);
}

SERVER_TEST(a_connection_goes_on_as_its_version_and_header_say)
{
    check_connection(s, GET("/hello"), "", false);
    check_connection(
        s, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "", false);
    check_connection(s, GET_CLOSE("/hello"), "close", true);
    check_connection(
        s, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: x, CLOSE\r\n\r\n", "close", true);
    check_connection(s, "GET /hello HTTP/1.0\r\n\r\n", "close", true);
    check_connection(s, "GET /hello HTTP/1.0\r\nConnection: close\r\n\r\n", "close", true);
    check_connection(
        s, "GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "keep-alive", false);
}

SERVER_TEST(nothing_behind_a_close_is_executed)
{
    peer *p = peer_open(s);
    peer_say(p, GET_CLOSE("/hello") GET("/smuggled"));
    PEER_GETS(p, 200, "hello");
    PEER_ENDS(p);
    WEFT_CHECK_STR(weft_str_of(s->log), "/hello ");
    peer_close(p);
}

/* ---- refusals ---- */

typedef struct refusal {
    const char *head;
    int status;
} refusal;
static const refusal refusals[] = {
    { "GET / HTTP/1.1\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\nHost: a\n\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400 },
    { "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
    { "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", 400 },
    { "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
        400 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        400 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n12345", 400 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
        400 },
    { "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
    { "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: gold\r\n\r\n", 417 },
    { "\x16\x03\x01\x02 a TLS hello \r\n\r\n", 400 },
    { " \r\n\r\n", 400 },
};

/* Whatever the server could take the bytes behind for, it must not. */
static void check_refusal(served *s, const refusal *r, const char *before)
{
    peer *p = peer_open(s);
    answer a;
    s->log[0] = 0;
    peer_say(p, before);
    peer_say(p, r->head);
    (void)peer_send(p, GET("/smuggled"), strlen(GET("/smuggled")));
    if (*before) PEER_GETS(p, 200, "hello");
    WEFT_NEED(peer_answer(p, &a));
    bool good = WEFT_CHECK_EQ(a.status, r->status);
    good &= WEFT_CHECK(strncmp(a.body.ptr, "{\"detail\":\"", 11) == 0);
    good &= WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    good &= WEFT_CHECK_STR(answer_header(&a, "Content-Type"), "application/json");
    good &= WEFT_CHECK_STR(weft_str_of(s->log), *before ? "/hello " : "");
    PEER_ENDS(p);
    if (!good) fprintf(stderr, "  (%s)\n", r->head);
    peer_close(p);
}

SERVER_TEST(a_refused_request_is_answered_and_nothing_behind_it_is_executed)
{
    for (size_t i = 0; i < weft_count(refusals); i++) {
        check_refusal(s, &refusals[i], "");
        check_refusal(s, &refusals[i], GET("/hello"));
    }
}

SERVER_TEST(an_empty_line_before_a_request_is_skipped)
{
    peer *p = peer_open(s);
    peer_say(p, "\r\n" GET("/hello") "\r\n" GET("/hello"));
    PEER_GETS(p, 200, "hello");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}
