/* Answers in parts: whole, however they go; bounded, whoever reads; never taken for whole when they are not. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "http/server_world.h"

/* ---- the peer ---- */

/* The next answer's status and body, whatever tells its end; "whole" is false when it broke off. */
typedef struct whole { int status; bool ends; weft_str head, body; int rc; char text[64 << 10]; } whole;

/* 1: all of it, and how many bytes that was; 0: more is needed; < 0: it is none. */
static int body_of(const weft__http_head *head, weft_str rest, bool ended, whole *w, size_t *used)
{
    weft__chunk chunk = { 0 };
    size_t have = 0, at = 0, n;
    weft_str piece;
    if (head->body == WEFT__BODY_NONE) return *used = 0, 1;
    if (head->body == WEFT__BODY_LENGTH && rest.len < (size_t)head->content_length) return 0;
    if (head->body == WEFT__BODY_CLOSE && !ended) return 0;
    if (head->body != WEFT__BODY_CHUNKED) {
        *used = w->body.len = head->body == WEFT__BODY_LENGTH ? (size_t)head->content_length : rest.len;
        w->body.ptr = rest.ptr;
        return 1;
    }
    for (;;) {
        int event = weft__chunk_next(&chunk, rest.ptr + at, rest.len - at, &n, &piece);
        if (event < 0) return event;
        at += n;
        if (event == WEFT__CHUNK_DATA && have + piece.len < sizeof w->text) memcpy(w->text + have, piece.ptr, piece.len);
        if (event == WEFT__CHUNK_DATA) have += piece.len;
        if (event == WEFT__CHUNK_MORE) return 0;
        if (event == WEFT__CHUNK_END) break;
    }
    *used = at;
    w->body = (weft_str){ have < sizeof w->text ? w->text : NULL, have };
    return 1;
}

static bool get_whole(peer *p, whole *w, bool to_head)
{
    memset(w, 0, offsetof(whole, text));
    for (;;) {
        weft__http_header headers[32];
        weft__http_head head = { .headers = headers, .room = 32 };
        weft__http_limits limits = { .head_bytes_max = 1 << 16, .target_bytes_max = 1 << 16 };
        size_t scanned = 0, used = 0;
        int n = weft__http_parse_response(p->got + p->at, p->have - p->at, &scanned, to_head, &limits, &head);
        WEFT_CHECK(n >= 0);
        if (n > 0) {
            size_t at = p->at + (size_t)n;
            int rc = body_of(&head, (weft_str){ p->got + at, p->have - at }, p->ended, w, &used);
            WEFT_CHECK(rc >= 0);
            w->status = head.status;
            if (rc == 1) {
                w->head = (weft_str){ p->got + p->at, (size_t)n };
                p->at = at + used;
                return w->ends = true;
            }
        }
        if (p->ended || (!peer_more(p, (int)server_patience_ms()) && !p->ended)) break;
    }
    w->rc = p->rc;
    return false;
}


static bool pattern0(const whole *w, size_t n)
{
    if (!w->ends || w->body.len != n) return false;
    for (size_t i = 0; w->body.ptr && i < n; i++)
        if (w->body.ptr[i] != pattern_byte(0, i)) return false;
    return true;
}

#define GETS(p, n) do { \
        static whole gets__w; \
        WEFT_CHECK(get_whole((p), &gets__w, false)); \
        WEFT_CHECK_EQ(gets__w.status, 200); \
        WEFT_CHECK(pattern0(&gets__w, (n))); } while (0)

/* ---- whole ---- */

SERVER_TEST(parts_of_any_size_arrive_whole_and_in_order)
{
    static const char *const ways[] = { "open", "is/120000" };
    for (size_t i = 0; i < weft_count(ways); i++) {
        char request[200];
        peer *p = peer_open(s);
        snprintf(request, sizeof request, "GET /parts/%s/m/100/100/w/0/w/20000/m/3/15000/w/1/w/16384/w/16385/w/12230 HTTP/1.1\r\nHost: x\r\n\r\n", ways[i]);
        peer_say(p, request);
        GETS(p, 120000);
        WEFT_CHECK_EQ(s->last_rc, 0);
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "hello");
        peer_close(p);
    }
}

SERVER_TEST(requests_behind_an_answer_in_parts_are_answered_in_order)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/hello") GET("/parts/open/m/3/4") GET("/parts/is/5/w/5") GET("/parts/open") GET("/hello"));
    PEER_GETS(p, 200, "hello");
    GETS(p, 12);
    GETS(p, 5);
    GETS(p, 0);
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_CALM_TEST(small_parts_make_one_chunk_and_one_send)
{
    peer *p = peer_open(s);
    long before = server_count.send;
    peer_say(p, GET_CLOSE("/parts/open/m/3/4"));
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nDate: #\r\n\r\n"
        "000c\r\nahovcjqxelsz\r\n0\r\n\r\n");
    WEFT_CHECK_EQ(server_count.send - before, server_tls ? 4 : 2);   /* the request, and the answer; TLS's tickets, and its end */
    peer_close(p);
}

SERVER_TEST(a_part_goes_out_before_its_handler_waits)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/w/5/s/200/w/6"));
    int64_t began = server_ms();
    while (!strstr(p->got, "\r\n\r\n0005\r\nahovc\r\n")) WEFT_NEED(peer_more(p, 150));
    WEFT_CHECK(server_ms() < began + 190);
    GETS(p, 11);
    peer_close(p);
}

SERVER_TEST(a_head_request_gets_the_head_alone)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, "HEAD /parts/open/m/3/40000 HTTP/1.1\r\nHost: x\r\n\r\nHEAD /parts/is/7/w/7 HTTP/1.1\r\nHost: x\r\n\r\n" GET("/parts/open/204/w/5") GET("/hello"));
    WEFT_CHECK(get_whole(p, &w, true));
    WEFT_CHECK(strstr(p->got, "Transfer-Encoding: chunked\r\n") != NULL);
    WEFT_CHECK(get_whole(p, &w, true));
    WEFT_CHECK(memmem(w.head.ptr, w.head.len, "Content-Length: 7\r\n", 19) != NULL);
    WEFT_CHECK(get_whole(p, &w, false));
    WEFT_CHECK_EQ(w.status, 204);
    WEFT_CHECK(!memmem(w.head.ptr, w.head.len, "chunked", 7));
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(http_1_0_gets_the_body_until_the_close)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, "GET /parts/open/m/30/1000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    WEFT_CHECK(get_whole(p, &w, false));
    WEFT_CHECK(pattern0(&w, 30000));
    WEFT_CHECK(!memmem(w.head.ptr, w.head.len, "chunked", 7));
    WEFT_CHECK(p->ended);
    peer_close(p);
}

/* ---- while the body comes ---- */

#define EXPECTING(path) "POST " path " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

static void answered_while_sending(peer *p)
{
    static whole w;
    WEFT_NEED(get_whole(p, &w, false));
    WEFT_CHECK_EQ(w.status, 100);
    peer_say(p, "abcde");
    WEFT_NEED(get_whole(p, &w, false));
    WEFT_CHECK_EQ(w.status, 200);
    WEFT_CHECK_STR(w.body, "here here here 5");
}

SERVER_TEST(an_answer_may_come_while_another_task_reads_the_body)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, POST("/both/0", "5", "abcde") POST("/both/3", "5", "abcde") POST_CHUNKED("/both/3", "5\r\nabcde\r\n0\r\n\r\n"));
    for (int i = 0; i < 3; i++) {
        WEFT_NEED(get_whole(p, &w, false));
        WEFT_CHECK_STR(w.body, "here here here 5");
        if (memmem(w.head.ptr, w.head.len, "Connection: close", 17)) break;
    }
    peer_close(p);
    p = peer_open(s);
    peer_say(p, EXPECTING("/both/3"));
    answered_while_sending(p);
    peer_close(p);
}

/* What came before it is not taken yet: "100 Continue" has to wait, and the answer begins meanwhile. */
static void continue_behind_what_is_not_taken(served *s)
{
    static char all[4096];
    enum { BEFORE = 90 };
    peer *p = peer_open(s);
    all[0] = 0;
    for (int i = 0; i < BEFORE; i++) strcat(all, GET("/hello"));
    strcat(all, EXPECTING("/both/3"));
    WEFT_CHECK_EQ(peer_send_blindly(p, all, strlen(all)), 0);
    server_settle();
    WEFT_CHECK_EQ(s->began, BEFORE + 1);
    for (int i = 0; i < BEFORE; i++) PEER_GETS(p, 200, "hello");
    answered_while_sending(p);
    peer_close(p);
}

WEFT_TEST(an_answer_that_begins_while_100_continue_waits_stands_behind_it__sim)
{
    static const server_test test = { .body = continue_behind_what_is_not_taken, .opts = { 0 } };
    for (uint64_t seed = 0; seed < 5; seed++) server_sim(&test, &(weft__sim_opts){ .seed = seed, .window = 4096 });
}

/* ---- not whole ---- */

/* The answer to this request breaks off, in a way that no client takes for its end. */
static peer *breaks_off(served *s, const char *request)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, request);
    WEFT_CHECK(!get_whole(p, &w, false));
    WEFT_CHECK_EQ(w.rc, WEFT_ECONNRESET);
    return p;
}

SERVER_TEST(what_breaks_off_is_never_an_end)
{
    static const char *const broken[] = { GET("/parts/open/w/5/b"), GET("/parts/open/m/40/1000/b"), GET("/parts/is/9/w/5/b"),
        "GET /parts/open/w/5/b HTTP/1.0\r\n\r\n", "GET /parts/open/m/40/1000/b HTTP/1.0\r\n\r\n", GET("/parts/is/9/w/5"),
        GET("/parts/open/w/5/s/10/b") GET("/hello") };
    for (size_t i = 0; i < weft_count(broken); i++) {
        peer *p = breaks_off(s, broken[i]);
        WEFT_CHECK(!strstr(p->got, "hello"));
        peer_close(p);
    }
}

SERVER_CALM_TEST(what_was_written_before_a_break_is_sent)
{
    peer *p = breaks_off(s, GET("/parts/open/w/5/b"));
    WEFT_CHECK(strstr(p->got, "0005\r\nahovc\r\n") != NULL);
    peer_close(p);
}

SERVER_TEST(more_than_was_announced_is_refused_and_breaks_off)
{
    peer_close(breaks_off(s, GET("/parts/is/7/w/5/w/3")));
    WEFT_CHECK_EQ(s->last_rc, WEFT_EINVAL);
}

/* ---- slow readers ---- */

/* What the kernel holds is not the process's. */
static void stalls(served *s, const char *request, size_t least)
{
    peer *p = peer_open(s);
    server_settle();
    long before = server_mem.peak = server_mem.bytes;
    peer_say(p, request);
    SERVER_UNTIL(s->taken > 0);
    for (size_t last = 0; last != s->taken;) {
        last = s->taken;
        server_settle();
    }
    WEFT_CHECK(s->taken < 200000000);
    WEFT_CHECK(server_mem.peak - before < 256 * 1024);
    while (p->have < least && peer_more(p, (int)server_patience_ms())) {
        if (p->have > 100000) p->have = 0, least -= 100000;
    }
    WEFT_CHECK(s->taken >= least);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(s->last_rc < 0);
    WEFT_CHECK(server_mem.peak - before < 256 * 1024 + (server_os->ops->virtual_time ? 256 * 1024 : 0));
}

SERVER_TEST(a_reader_that_stops_reading_holds_no_more_than_a_buffer, .request_bytes_max = 1 << 20)
{
    stalls(s, GET("/parts/open/c/m/2000000/100"), 1000000);
    stalls(s, GET("/parts/open/c/m/20000/15000"), 1000000);
    stalls(s, GET("/parts/is/300000000/c/m/5000/60000"), 1000000);
}

/* ASan keeps what was freed, for a while: there nothing is learnt of it. */
static long resident_bytes(void)
{
    long pages = 0;
#ifdef WEFT__ASAN
    return 0;
#endif
    FILE *in = fopen("/proc/self/statm", "r");
    WEFT_NEED(in && fscanf(in, "%*d %ld", &pages) == 1);
    fclose(in);
    return pages * sysconf(_SC_PAGESIZE);
}

/* What the kernel has taken for the busy connections and cannot send. */
static long unsent_bytes(const served *s)
{
    long all = 0;
    for (connection *c = weft__patience_first(&s->server->busy); c; c = weft__patience_next(c)) {
        int bytes = 0;
        WEFT_NEED(ioctl(c->stream.fd, SIOCOUTQ, &bytes) == 0);
        all += bytes;
    }
    return all;
}

/* With the stacks of their tasks, and whatever else is this process's: of several, so that what comes once tells little. And
 * with what waits in the kernel. */
SERVER_EPOLL_TEST(readers_that_stop_reading_hold_less_than_256_kib_each_the_kernels_included, .request_bytes_max = 1 << 20)
{
    enum { READERS = 8 };
    peer *readers[READERS];
    peer_close(peer_open(s));
    server_settle();
    long before = resident_bytes();
    for (int i = 0; i < READERS; i++) {
        readers[i] = peer_open(s);
        peer_say(readers[i], GET("/parts/open/c/m/20000/15000"));
        SERVER_UNTIL(s->taken > 0);
        for (size_t last = 0; last != s->taken; server_settle()) last = s->taken;
    }
    long kernels = unsent_bytes(s);
    WEFT_CHECK(kernels > 0);
    WEFT_CHECK(resident_bytes() - before + kernels < READERS * 256 * 1024);
    for (int i = 0; i < READERS; i++) peer_close(readers[i]);
    SERVER_UNTIL(s->server->connections == 0);
}

SERVER_CALM_TEST(who_takes_nothing_is_left_after_write_timeout_ms, .write_timeout_ms = 500)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, GET("/parts/open/m/20000/1500"));
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(server_ms() >= began + 500 && server_ms() < began + 600);
    peer_close(p);
}

/* Some bytes now and then, so that each wait ends before its time, hold no connection for ever: less than a KiB a second here. */
static void too_slow(served *s)
{
    static const char *const requests[] = { GET("/parts/open/m/20000/1500"), GET("/parts/is/3000000/m/2000/1500"), GET("/large/1000000") };
    for (size_t i = 0; i < weft_count(requests); i++) {
        peer *p = peer_open(s);
        int64_t began = server_ms();
        char some[1400];
        ssize_t got = 1;
        peer_say(p, requests[i]);
        for (int k = 0; k < 20 && s->server->connections; k++) {
            server_sleep(2900);
            got = weft__stream_try_recv(&p->stream, some, sizeof some);
        }
        WEFT_CHECK(got > 0);
        WEFT_CHECK(server_ms() - began > 3000 && server_ms() - began < 9000);
        peer_close(p);
        SERVER_UNTIL(s->server->connections == 0);
    }
}

WEFT_TEST(who_takes_less_than_a_kib_a_second_is_left__sim)
{
    static const server_test test = { .body = too_slow, .opts = { .write_timeout_ms = 3000 }, .plain = "a record that is not whole gives its reader nothing" };
    server_sim(&test, &(weft__sim_opts){ .window = 4096 });
}

/* Whoever takes nothing is not looked at in each turn of the loop; and is sent the rest as soon as there is room, before the handler
 * does anything more. */
static void stuck_for_a_while(served *s)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/m/10/1000/s/20000/w/5"));
    SERVER_UNTIL(s->taken == 10000);
    for (int i = 0; i < 2; i++) {
        server_sleep(50);
        WEFT_CHECK(!s->server->unsent && weft__patience_first(&s->server->busy)->out.len > 5000);
    }
    int64_t began = server_ms();
    peer_say(p, GET("/hello"));                          /* what wakes it besides takes nothing away */
    while (p->have < 10000 && peer_more(p, 5000)) continue;
    WEFT_CHECK(p->have >= 10000 && server_ms() - began < 5000);
    WEFT_CHECK(get_whole(p, &w, false));
    WEFT_CHECK_EQ(w.body.len, 10005);
    WEFT_CHECK(get_whole(p, &w, false));
    WEFT_CHECK_STR(w.body, "hello");
    peer_close(p);
}

WEFT_TEST(an_answer_that_is_stuck_costs_no_turn_and_goes_on_when_there_is_room__sim)
{
    static const server_test test = { .body = stuck_for_a_while, .opts = { 0 } };
    for (uint64_t seed = 0; seed < 8; seed++) server_sim(&test, &(weft__sim_opts){ .seed = seed, .window = 4096 });
}

/* Some now and then is a peer that takes some. */
SERVER_CALM_TEST(who_takes_a_little_is_waited_for, .write_timeout_ms = 500)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/m/40/15000"));
    for (int i = 0; i < 100 && s->taken < 600000; i++) {
        server_sleep(150);
        (void)peer_more(p, 10);
    }
    WEFT_CHECK_EQ(s->taken, 600000);
    peer_close(p);
}

#define STUCK "w/16000/w/16000/s/1/w/16000/s/1/w/16000/s/1/w/16000/s/1/"
SERVER_CALM_TEST(beats_are_left_out_while_the_peer_takes_nothing_and_then_it_is_left, .write_timeout_ms = 500)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, GET("/parts/open/c/" STUCK "e/3/s/300/e/3/s/300/e/3/s/60000"));
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ECANCELED);
    WEFT_CHECK(server_ms() < began + 1000);
    peer_close(p);
}

SERVER_CALM_TEST(a_handler_that_goes_on_without_a_client_is_not_cancelled_by_beats, .write_timeout_ms = 500)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, GET("/parts/open/" STUCK "e/3/s/300/e/3/s/300/e/3/s/3000/w/5"));
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ECONNRESET);
    WEFT_CHECK(server_ms() > began + 3000);
    peer_close(p);
}

SERVER_TEST(a_beat_is_a_part_of_its_own)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/s/5/e/1/s/5/e/2/s/20"));
    WEFT_CHECK(get_whole(p, &w, false));
    WEFT_CHECK_STR(w.body, ":\n\n:\n\n");
    peer_close(p);
}

/* ---- those who leave, and the stop ---- */

SERVER_TEST(a_client_that_leaves_cancels_the_handler_or_fails_its_next_parts)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/w/5/c/s/60000"));
    SERVER_UNTIL(s->taken == 5);
    peer_close(p);
    SERVER_UNTIL(s->cut == 1);
    p = peer_open(s);
    peer_say(p, GET("/parts/open/w/5/s/50/m/1000/1000/s/60000"));
    SERVER_UNTIL(s->taken == 5);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ECONNRESET);
}

SERVER_TEST(a_stop_waits_for_parts_that_still_come, .grace_ms = 5000)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/w/5/s/100/w/6"));
    SERVER_UNTIL(s->taken == 5);
    weft__server_stop(s->server);
    GETS(p, 11);
    server_stop(s);
    peer_close(p);
}

SERVER_TEST(a_stop_breaks_off_what_does_not_end_in_time, .grace_ms = 50)
{
    static whole w;
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/w/5/s/60000/w/6/b"));
    SERVER_UNTIL(s->taken == 5);
    weft__server_stop(s->server);
    s->last_rc = 0;
    SERVER_UNTIL(s->last_rc == WEFT_ECANCELED || s->over);
    server_stop(s);
    (void)get_whole(p, &w, false);
    WEFT_CHECK_EQ(s->cut, 1);
    peer_close(p);
}

SERVER_TEST(an_answer_without_an_end_of_its_own_ends_when_the_server_stops, .grace_ms = 60000)
{
    int64_t began = server_ms();
    peer *p = peer_open(s);
    peer_say(p, GET("/parts/open/u/w/5/s/60000"));
    SERVER_UNTIL(s->taken == 5);
    weft__server_stop(s->server);
    GETS(p, 5);
    peer_close(p);                                   /* the server waits for that, for a while */
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 5000);
}

/* ---- what it costs when something fails ---- */

SERVER_CALM_TEST(whatever_allocation_fails_no_answer_is_taken_for_whole)
{
    for (long at = 0; at < 40; at++) {
        static whole w;
        peer *p = peer_open(s);
        if (p->rc < 0) continue;
        server_settle();
        server_mem.failed = 0;
        server_mem.fail_after = at;
        (void)peer_send(p, GET_CLOSE("/parts/open/m/40/1000/s/1/m/10/5000"), strlen(GET_CLOSE("/parts/open/m/40/1000/s/1/m/10/5000")));
        server_settle();
        bool failed = server_mem.failed > 0;
        server_mem.fail_after = -1;
        bool got = get_whole(p, &w, false);
        if (got) WEFT_CHECK(pattern0(&w, 90000) || w.status != 200);
        else WEFT_CHECK(failed);
        peer_close(p);
    }
}
