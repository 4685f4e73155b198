/* The server over HTTP/2: requests and answers as they should be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/h2_peer.h"

/* ---- the beginning ---- */

SERVER_TEST(a_connection_that_begins_with_the_preface_speaks_http2)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    h2_got *g = h2_of(h, 1);
    WEFT_CHECK_STR(weft_str_of(h2_header(g, "content-type")), "text/plain");
    WEFT_CHECK_STR(weft_str_of(h2_header(g, "content-length")), "5");
    WEFT_CHECK_EQ(strlen(h2_header(g, "date")), 29);
    WEFT_CHECK(h->greeted);
    WEFT_CHECK_EQ(h->settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], 100);
    WEFT_CHECK_EQ(h->settings[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE], 16384);
    h2_close(h);
}

SERVER_TEST(the_preface_may_come_byte_by_byte)
{
    static const char all[] = NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0\0";
    peer *p = peer_open(s);
    for (size_t i = 0; i < sizeof all - 1; i++) {
        WEFT_CHECK_EQ(peer_send(p, all + i, 1), 0);
        if (i % 5 == 0) server_settle();
    }
    while (p->have < 10 && peer_more(p, 10000)) continue;
    WEFT_CHECK(p->have > 9 && p->got[3] == NGHTTP2_SETTINGS);
    peer_close(p);
}

SERVER_TEST(what_is_nearly_the_preface_is_a_bad_request_of_http1)
{
    WEFT_CHECK_EQ(ask(s, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", NULL), 400);
    WEFT_CHECK_EQ(ask(s, "PRI * HTTP/1.1\r\nHost: x\r\n\r\n", NULL), 400);
    peer *p = peer_open(s);
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    peer_say(p, NGHTTP2_CLIENT_MAGIC);
    answer a = { 0 };
    WEFT_CHECK(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 400);
    peer_close(p);
}

SERVER_TEST(http2_can_be_switched_off, .no_http2 = true) { WEFT_CHECK_EQ(ask(s, NGHTTP2_CLIENT_MAGIC, NULL), 400); }

SERVER_TEST(an_upgrade_to_h2c_is_answered_over_http1)
{
    const char *body;
    WEFT_CHECK_EQ(ask(s, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", &body), 200);
    WEFT_CHECK_STR(weft_str_of(body), "hello");
}

/* ---- requests ---- */

SERVER_TEST(many_requests_go_on_one_connection_at_a_time)
{
    h2_peer *h = h2_open(s, 0);
    for (uint32_t i = 0; i < 50; i++) h2_headers(h, 2 * i + 1, true, i % 3 ? H2_GET("/hello") : H2_GET("/sleep/20"));
    for (uint32_t i = 0; i < 50; i++) H2_GETS(h, 2 * i + 1, 200, i % 3 ? "hello" : "slept");
    WEFT_CHECK_EQ(s->server->connections, 1);
    WEFT_CHECK_EQ(s->began, 50);
    h2_close(h);
}

SERVER_CALM_TEST(answers_of_one_turn_go_out_in_one_send)
{
    char all[4096];
    size_t n = 0;
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    server_settle();
    for (uint32_t id = 3; id < 23; id += 2) {
        char block[200];
        size_t len = h2_block(block, H2_GET("/hello"));
        memcpy(all + n, (char[]){ 0, 0, (char)len, NGHTTP2_HEADERS, 5, 0, 0, 0, (char)id }, 9);
        memcpy(all + n + 9, block, len);
        n += 9 + len;
    }
    server_calls before = server_count;
    WEFT_CHECK_EQ(peer_send(h->p, all, n), 0);
    h->keeps_windows = true;
    for (uint32_t id = 3; id < 23; id += 2) H2_GETS(h, id, 200, "hello");
    WEFT_CHECK_EQ(server_count.send - before.send, 2);       /* the client's, and the server's */
    h2_close(h);
}

SERVER_TEST(crumbs_of_a_cookie_are_one_header_and_the_authority_is_the_host)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_HEAD(":method", "GET", ":scheme", "https", ":authority", "shop.example:8000", ":path", "/head", "cookie", "a=1", "accept", "*/*", "cookie", "b=2"));
    H2_GETS(h, 1, 200, "GET /head host=shop.example:8000 cookie=a=1; b=2 HTTP/2");
    h2_headers(h, 3, true, H2_HEAD(":method", "GET", ":scheme", "http", ":path", "/head?q", "host", "x"));
    H2_GETS(h, 3, 200, "GET /head host=x cookie= HTTP/2");
    h2_headers(h, 5, true, H2_HEAD(":method", "GET", ":scheme", "http", ":authority", "X:80", ":path", "/head", "host", "x:80"));
    H2_GETS(h, 5, 200, "GET /head host=X:80 cookie= HTTP/2");
    h2_close(h);
}

/* ---- bodies ---- */

SERVER_TEST(a_body_comes_back)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo"));
    h2_data(h, 1, false, "Hello, ", 7);
    server_settle();
    h2_data(h, 1, false, "", 0);
    h2_data(h, 1, true, "world", 5);
    H2_GETS(h, 1, 200, "Hello, world");
    h2_headers(h, 3, false, H2_POST("/echo", "content-length", "3"));
    h2_data(h, 3, true, "abc", 3);
    H2_GETS(h, 3, 200, "abc");
    h2_headers(h, 5, true, H2_POST("/echo"));
    H2_GETS(h, 5, 200, "");
    h2_close(h);
}

/* As much as the server says that it has room for, and no byte more. */
static void upload(h2_peer *h, uint32_t id, size_t n)
{
    char piece[8000];
    for (size_t at = 0; at < n;) {
        int64_t room = 65535 + (int64_t)h->stream_credit - (int64_t)at, all = 65535 + (int64_t)h->credit - (int64_t)at;
        size_t len = n - at < sizeof piece ? n - at : sizeof piece;
        if (room < (int64_t)len) len = room > 0 ? (size_t)room : 0;
        if (all < (int64_t)len) len = all > 0 ? (size_t)all : 0;
        if (!len) {
            if (!h2_more(h, (int)server_patience_ms())) return;
            continue;
        }
        for (size_t i = 0; i < len; i++) piece[i] = pattern_byte(n, at + i);
        at += len;
        if (!h2_data(h, id, at == n, piece, len)) return;
        while (h2_more(h, 0)) continue;
    }
}

SERVER_TEST(a_large_body_needs_no_more_windows_than_the_server_gives)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo"));
    upload(h, 1, 700000);
    h2_got *g = h2_answer(h, 1);
    WEFT_CHECK_EQ(g->status, 200);
    WEFT_CHECK(is_pattern((weft_str){ g->body, g->bytes }, 700000));
    h2_close(h);
}

SERVER_TEST(a_body_is_read_piece_by_piece_as_its_handler_goes)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/count/1"));
    upload(h, 1, 300000);
    H2_GETS(h, 1, 200, "300000");
    h2_headers(h, 3, false, H2_POST("/rows"));
    h2_data(h, 3, false, "one\ntw", 6);
    server_settle();
    h2_data(h, 3, true, "o\r\nthree", 8);
    H2_GETS(h, 3, 200, "one|two|three|");
    h2_close(h);
}

SERVER_TEST(who_reads_nothing_is_sent_no_more_than_a_window)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/deaf/200"));
    static char window[65535];
    for (int i = 0; i < 5; i++) h2_data(h, 1, false, window + i * 13107, 13107);
    H2_GETS(h, 1, 200, "slept");
    WEFT_CHECK_EQ(h->stream_credit, 0);
    /* Nor do others have to wait for it. */
    for (uint32_t id = 3; id < 53; id += 2) {
        h2_headers(h, id, false, H2_POST("/deaf/5"));
        for (int i = 0; i < 5; i++) h2_data(h, id, false, window + i * 13107, 13107);
        H2_GETS(h, id, 200, "slept");
    }
    h2_headers(h, 99, false, H2_POST("/echo"));
    h2_data(h, 99, true, "abc", 3);
    H2_GETS(h, 99, 200, "abc");
    h2_close(h);
}

SERVER_TEST(a_body_that_is_too_large_is_refused, .body_bytes_max = 1000)
{
    static char many[2000];
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo"));
    h2_data(h, 1, true, many, sizeof many);
    H2_GETS(h, 1, 413, "the body is larger than body_bytes_max");
    h2_headers(h, 3, false, H2_POST("/echo", "content-length", "2000"));
    H2_GETS(h, 3, 413, "the body is larger than body_bytes_max");
    h2_headers(h, 5, false, H2_POST("/count/0"));
    h2_data(h, 5, true, many, sizeof many);
    H2_GETS(h, 5, 413, "the body is larger than body_bytes_max");
    h2_close(h);
}

SERVER_TEST(a_body_that_does_not_come_is_waited_for_no_longer_than_its_time, .body_timeout_ms = 100)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo"));
    h2_data(h, 1, false, "abc", 3);
    H2_GETS(h, 1, 408, "the body did not arrive within body_timeout_ms");
    h2_headers(h, 3, false, H2_POST("/count/0"));
    H2_GETS(h, 3, 408, "the body did not arrive within body_timeout_ms");
    h2_close(h);
}

SERVER_TEST(who_has_its_answer_is_told_that_the_rest_of_its_body_is_not_needed)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/ignore"));
    h2_got *g = h2_answer(h, 1);
    WEFT_CHECK_EQ(g->status, 200);
    SERVER_UNTIL(((void)h2_more(h, 1), g->reset));
    while (h2_more(h, 20)) continue;
    WEFT_CHECK(g->reset && g->code == NGHTTP2_NO_ERROR);
    /* A little that is on its way may come. */
    h2_headers(h, 3, false, H2_POST("/ignore", "content-length", "3"));
    H2_GETS(h, 3, 200, "ignored");
    server_settle();
    h2_data(h, 3, true, "abc", 3);
    h2_headers(h, 5, true, H2_GET("/hello"));
    H2_GETS(h, 5, 200, "hello");
    WEFT_CHECK(!h2_of(h, 3)->reset);
    h2_close(h);
}

SERVER_TEST(expect_is_answered_when_the_body_is_asked_for)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo", "expect", "100-continue"));
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 1)->interim));
    h2_data(h, 1, true, "abc", 3);
    H2_GETS(h, 1, 200, "abc");
    h2_headers(h, 3, false, H2_POST("/ignore", "expect", "100-continue"));
    WEFT_CHECK_EQ(h2_answer(h, 3)->status, 200);
    WEFT_CHECK_EQ(h2_of(h, 3)->interim, 0);
    h2_close(h);
}

SERVER_TEST(trailers_of_a_request_end_its_body)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/echo"));
    h2_data(h, 1, false, "abc", 3);
    h2_headers(h, 1, true, H2_HEAD("x-sum", "1"));
    H2_GETS(h, 1, 200, "abc");
    h2_close(h);
}

/* ---- answers ---- */

SERVER_TEST(large_answers_come_whole_and_beside_each_other)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/large/300000"));
    h2_headers(h, 3, true, H2_GET("/arena/200000"));
    h2_headers(h, 5, true, H2_GET("/hello"));
    H2_GETS(h, 5, 200, "hello");
    h2_got *a = h2_answer(h, 1), *b = h2_answer(h, 3);
    WEFT_CHECK(is_pattern((weft_str){ a->body, a->bytes }, 300000));
    WEFT_CHECK(is_pattern((weft_str){ b->body, b->bytes }, 200000));
    WEFT_CHECK_STR(weft_str_of(h2_header(a, "content-length")), "300000");
    h2_close(h);
}

SERVER_CALM_TEST(small_answers_have_their_turn_beside_a_large_one)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/arena/4000000"));
    SERVER_UNTIL(((void)h2_more(h, 100), h2_of(h, 1)->bytes >= 100000));
    h2_headers(h, 3, true, H2_GET("/hello"));
    H2_GETS(h, 3, 200, "hello");
    WEFT_CHECK(!h2_of(h, 1)->ended);
    WEFT_CHECK(is_pattern((weft_str){ h2_answer(h, 1)->body, h2_of(h, 1)->bytes }, 4000000));
    h2_close(h);
}

SERVER_TEST(an_answer_waits_for_the_windows_of_its_client)
{
    h2_peer *h = h2_open(s, 100);
    h->keeps_windows = true;
    h2_headers(h, 1, true, H2_GET("/large/1000"));
    h2_headers(h, 3, true, H2_GET("/large/90"));
    h2_got *g = h2_answer(h, 3);
    WEFT_CHECK(is_pattern((weft_str){ g->body, g->bytes }, 90));
    server_settle();
    while (h2_more(h, 1)) continue;
    WEFT_CHECK_EQ(h2_of(h, 1)->bytes, 100);
    h2_window(h, 1, 5000);
    g = h2_answer(h, 1);
    WEFT_CHECK(is_pattern((weft_str){ g->body, g->bytes }, 1000));
    h2_close(h);
}

SERVER_TEST(an_answer_in_parts_comes_as_it_is_written)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/parts/open/w/10/s/50/w/10"));
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 1)->bytes == 10));
    WEFT_CHECK(!h2_of(h, 1)->ended);
    WEFT_CHECK_EQ(h2_answer(h, 1)->bytes, 20);
    h2_headers(h, 3, true, H2_GET("/parts/is/50000/m/5/10000"));
    h2_got *g = h2_answer(h, 3);
    WEFT_CHECK(g->ended && g->bytes == 50000);
    WEFT_CHECK_STR(weft_str_of(h2_header(g, "content-length")), "50000");
    h2_headers(h, 5, true, H2_GET("/parts/open/m/50/3000/w/40000"));
    WEFT_CHECK_EQ(h2_answer(h, 5)->bytes, 190000);
    h2_headers(h, 7, true, H2_GET("/parts/open"));
    H2_GETS(h, 7, 200, "");
    h2_headers(h, 9, true, H2_GET("/parts/open/e/1"));
    H2_GETS(h, 9, 200, ":\n\n");
    h2_close(h);
}

SERVER_TEST(an_answer_that_is_not_whole_is_reset_and_others_go_on)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/parts/open/w/10/b"));
    h2_headers(h, 3, true, H2_GET("/parts/is/100/w/10"));
    h2_headers(h, 5, true, H2_GET("/sleep/50"));
    H2_RESETS(h, 1, NGHTTP2_INTERNAL_ERROR);
    WEFT_CHECK_EQ(h2_of(h, 1)->bytes, 10);
    H2_RESETS(h, 3, NGHTTP2_INTERNAL_ERROR);
    H2_GETS(h, 5, 200, "slept");
    h2_close(h);
}

SERVER_TEST(answers_without_a_body_have_none)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_HEAD(":method", "HEAD", ":scheme", "http", ":authority", "x", ":path", "/hello"));
    H2_GETS(h, 1, 200, "");
    WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, 1), "content-length")), "5");
    h2_headers(h, 3, true, H2_GET("/status/204"));
    H2_GETS(h, 3, 204, "");
    WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, 3), "content-length")), "");
    h2_headers(h, 5, true, H2_GET("/status/304"));
    H2_GETS(h, 5, 304, "");
    h2_headers(h, 7, true, H2_GET("/status/205"));
    H2_GETS(h, 7, 205, "");
    WEFT_CHECK_STR(weft_str_of(h2_header(h2_of(h, 7), "content-length")), "0");
    h2_headers(h, 9, true, H2_HEAD(":method", "HEAD", ":scheme", "http", ":authority", "x", ":path", "/parts/is/10/w/10"));
    H2_GETS(h, 9, 200, "");
    h2_headers(h, 11, true, H2_GET("/none"));
    H2_GETS(h, 11, 500, "{\"detail\":\"Internal Server Error\"}");
    h2_headers(h, 13, true, H2_GET("/twice"));
    H2_GETS(h, 13, 200, "first");
    h2_close(h);
}

/* ---- who leaves ---- */

SERVER_TEST(a_reset_cancels_whom_the_clients_leaving_cancels)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/watch/60000"));
    h2_headers(h, 3, false, H2_POST("/sleep/50"));
    h2_headers(h, 5, true, H2_GET("/parts/open/c/w/1/s/60000"));
    SERVER_UNTIL(s->began == 3);
    server_settle();
    h2_reset(h, 1, NGHTTP2_CANCEL);
    h2_reset(h, 3, NGHTTP2_CANCEL);
    h2_reset(h, 5, NGHTTP2_CANCEL);
    SERVER_UNTIL(s->cut == 2);
    h2_headers(h, 7, true, H2_GET("/sleep/100"));
    H2_GETS(h, 7, 200, "slept");
    WEFT_CHECK_EQ(s->cut, 2);
    WEFT_CHECK_EQ(h->away, false);
    h2_close(h);
}

SERVER_TEST(a_connection_that_ends_cancels_them_too)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/watch/60000"));
    h2_headers(h, 3, true, H2_GET("/watch/60000"));
    h2_headers(h, 5, false, H2_POST("/echo"));
    SERVER_UNTIL(s->began == 3);
    server_settle();
    h2_close(h);
    SERVER_UNTIL(s->cut == 2 && s->server->connections == 0);
}

SERVER_TEST(who_ends_its_side_alone_is_answered)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/sleep/50"));
    SERVER_UNTIL(s->began == 1);
    WEFT_CHECK_EQ(server_os->ops->shutdown(server_os, h->p->stream.fd), 0);
    H2_GETS(h, 1, 200, "slept");
    WEFT_CHECK(h2_over(h));
    h2_close(h);
}

/* ---- the stop ---- */

SERVER_TEST(a_stop_lets_requests_end_and_says_which_was_the_last)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/sleep/100"));
    SERVER_UNTIL(s->began == 1);
    weft__server_stop(s->server);
    SERVER_UNTIL(((void)h2_more(h, 1), h->away));
    WEFT_CHECK_EQ(h->first_away_last, INT32_MAX);
    H2_GETS(h, 1, 200, "slept");
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK_EQ(h->aways, 2);
    WEFT_CHECK_EQ(h->away_last, 1);
    WEFT_CHECK_EQ(h->away_code, NGHTTP2_NO_ERROR);
    h2_close(h);
    server_wait(s);
}

SERVER_TEST(a_request_that_crosses_the_stop_is_answered)
{
    h2_peer *h = h2_open(s, 0);
    h->mute = true;
    h2_headers(h, 1, true, H2_GET("/sleep/300"));
    SERVER_UNTIL(s->began == 1);
    weft__server_stop(s->server);
    SERVER_UNTIL(((void)h2_more(h, 1), h->away));
    h2_headers(h, 3, true, H2_GET("/hello"));
    H2_GETS(h, 3, 200, "hello");
    H2_GETS(h, 1, 200, "slept");
    WEFT_CHECK(h2_over(h));
    h2_close(h);
    server_wait(s);
}

SERVER_TEST(a_stop_ends_idle_connections_and_streams_without_an_end, .grace_ms = 2000)
{
    h2_peer *idle = h2_open(s, 0), *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/parts/open/u/w/5/s/60000"));
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 1)->bytes == 5));
    while (h2_more(idle, 5)) continue;
    weft__server_stop(s->server);
    WEFT_CHECK_EQ(h2_answer(h, 1)->bytes, 5);
    WEFT_CHECK(h2_of(h, 1)->ended);
    WEFT_CHECK(h2_over(h) && h2_over(idle));
    WEFT_CHECK_EQ(idle->away_code, NGHTTP2_NO_ERROR);
    h2_close(idle);
    h2_close(h);
    server_wait(s);
}

SERVER_TEST(a_handler_that_outlives_the_grace_is_cancelled_over_http2_too, .grace_ms = 50, .hard_ms = 50)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/sleep/60000"));
    SERVER_UNTIL(s->began == 1);
    weft__server_stop(s->server);
    H2_GETS(h, 1, 503, "cut");
    h2_close(h);
    server_wait(s);
}

SERVER_TEST(an_answer_that_was_on_its_way_before_the_stop_has_the_hard_time_over_http2_too, .grace_ms = 50, .hard_ms = 30000)
{
    h2_peer *h = h2_open(s, 100);
    h->keeps_windows = true;
    h2_headers(h, 1, true, H2_GET("/large/100000"));
    SERVER_UNTIL(((void)h2_more(h, 1), h2_of(h, 1)->bytes == 100));
    weft__server_stop(s->server);
    for (int64_t until = server_ms() + 300; server_ms() < until;)
        if (!h2_more(h, 10)) server_sleep(1);            /* where the connection is lost that waits for nothing */
    WEFT_CHECK_EQ(h2_of(h, 1)->bytes, 100);
    WEFT_CHECK(!h2_of(h, 1)->ended);
    h2_window(h, 1, 200000);
    h2_window(h, 0, 200000);
    h2_got *g = h2_answer(h, 1);
    WEFT_CHECK(g->ended && is_pattern((weft_str){ g->body, g->bytes }, 100000));
    h2_close(h);
    server_wait(s);
}

SERVER_TEST(an_idle_connection_is_closed_in_time, .idle_timeout_ms = 100)
{
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/sleep/150"));
    H2_GETS(h, 1, 200, "slept");
    WEFT_CHECK(h2_over(h));
    WEFT_CHECK_EQ(h->away_code, NGHTTP2_NO_ERROR);
    h2_close(h);
    SERVER_UNTIL(s->server->connections == 0);
}
