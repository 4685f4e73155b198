/* Limits: of heads, times, connections and memory; each that a client passes is answered with its
 * name. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "http/server_world.h"

/* ---- heads ---- */

static void fill(char *to, const char *start, size_t n, const char *end)
{
    size_t used = (size_t)(stpcpy(to, start) - to);
    memset(to + used, 'a', n);
    strcpy(to + used + n, end);
}

/* Head and answer; nothing behind it is executed. */
static void check_limit(served *s, const char *head, int status, const char *name)
{
    peer *p = peer_open(s);
    answer a;
    s->log[0] = 0;
    (void)peer_send(p, head, strlen(head));
    if (status != 200) (void)peer_send(p, GET("/smuggled"), strlen(GET("/smuggled")));
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, status);
    if (status == 200) WEFT_CHECK_STR(a.body, "other");
    else if (!WEFT_CHECK(memmem(a.body.ptr, a.body.len, name, strlen(name))))
        fprintf(stderr, "  (%.*s)\n", WEFT_FMT(a.body));
    if (status != 200) {
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        WEFT_CHECK_STR(weft_str_of(s->log), "");
        PEER_ENDS(p);
    }
    peer_close(p);
}

SERVER_TEST(a_head_past_a_limit_is_refused_by_the_name_of_the_limit, .head_bytes_max = 2000,
    .target_bytes_max = 500, .headers_max = 10)
{
    char head[4096], many[1024] = "GET / HTTP/1.1\r\nHost: x\r\n";
    fill(head, "GET /", 499, " HTTP/1.1\r\nHost: x\r\n\r\n");
    check_limit(s, head, 200, "");
    fill(head, "GET /", 500, " HTTP/1.1\r\nHost: x\r\n\r\n");
    check_limit(s, head, 414, "target_bytes_max");
    fill(head, "GET /", 1800, ""); /* refused before its end */
    check_limit(s, head, 414, "target_bytes_max");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 2000 - 32, "\r\n\r\n");
    WEFT_CHECK_EQ(strlen(head), 2000);
    check_limit(s, head, 200, "");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 2001 - 32, "\r\n\r\n");
    check_limit(s, head, 431, "head_bytes_max");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 3000, "");
    check_limit(s, head, 431, "head_bytes_max");
    for (int i = 0; i < 9; i++) strcat(many, "A: b\r\n");
    check_limit(s, strcat(strcpy(head, many), "\r\n"), 200, "");
    check_limit(s, strcat(strcpy(head, many), "A: b\r\n\r\n"), 431, "headers_max");
}

SERVER_TEST(the_limits_are_those_of_the_manual_when_none_is_set)
{
    static char head[40000];
    fill(head, "GET /", 8191, " HTTP/1.1\r\nHost: x\r\n\r\n");
    check_limit(s, head, 200, "");
    fill(head, "GET /", 8192, " HTTP/1.1\r\nHost: x\r\n\r\n");
    check_limit(s, head, 414, "target_bytes_max");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 16384 - 32, "\r\n\r\n");
    check_limit(s, head, 200, "");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 16385 - 32, "\r\n\r\n");
    check_limit(s, head, 431, "head_bytes_max");
    strcpy(head, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 99; i++) strcat(head, "A: b\r\n");
    check_limit(s, strcat(head, "\r\n"), 200, "");
    head[strlen(head) - 2] = 0;
    check_limit(s, strcat(head, "A: b\r\n\r\n"), 431, "headers_max");
}

SERVER_TEST(heads_larger_than_a_buffer_usually_is_are_fine_when_allowed, .head_bytes_max = 100000,
    .target_bytes_max = 50000)
{
    static char head[110000];
    fill(head, "GET /", 49999, " HTTP/1.1\r\nHost: x\r\n\r\n");
    check_limit(s, head, 200, "");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 100000 - 32, "\r\n\r\n");
    check_limit(s, head, 200, "");
    fill(head, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 100001 - 32, "\r\n\r\n");
    check_limit(s, head, 431, "head_bytes_max");
}

/* ---- times ---- */

SERVER_TEST(a_slow_head_is_408_however_busy_it_looks, .head_timeout_ms = 300)
{
    peer *p = peer_open(s);
    answer a;
    server_sleep(400); /* idle is not slow: the time begins with the first byte */
    int64_t began = server_ms();
    for (const char *at = "GET / HTTP/1.1"; *at && server_ms() < began + 250; at++) {
        (void)peer_send(p, at, 1);
        server_sleep(20);
    }
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 408);
    WEFT_CHECK_STR(a.body, "{\"detail\":\"the head did not arrive within head_timeout_ms\"}");
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    WEFT_CHECK(server_ms() >= began + 290);
    WEFT_CHECK(server_ms() < began + 2000);
    PEER_ENDS(p);
    WEFT_CHECK_EQ(s->began, 0);
    peer_close(p);
}

SERVER_TEST(an_idle_connection_is_closed_without_a_word, .idle_timeout_ms = 200)
{
    peer *p = peer_open(s), *q = peer_open(s);
    int64_t began = server_ms();
    peer_say(q, GET("/sleep/150"));
    PEER_ENDS(p);
    WEFT_CHECK(server_ms() >= began + 190);
    WEFT_CHECK(server_ms() < began + 2000);
    PEER_GETS(q, 200, "slept");
    server_sleep(100);
    peer_say(q, GET("/hello")); /* its time began anew with its last answer */
    PEER_GETS(q, 200, "hello");
    began = server_ms();
    PEER_ENDS(q);
    WEFT_CHECK(server_ms() >= began + 190);
    peer_close(p);
    peer_close(q);
}

SERVER_TEST(idle_connections_end_each_at_its_own_time, .idle_timeout_ms = 100)
{
    peer *p[10];
    for (int i = 0; i < 10; i++) {
        p[i] = peer_open(s);
        peer_say(p[i], GET("/hello"));
        PEER_GETS(p[i], 200, "hello");
        server_sleep(15);
    }
    WEFT_CHECK(s->server->connections < 10);
    WEFT_CHECK(s->server->connections > 0);
    for (int i = 0; i < 10; i++) {
        PEER_ENDS(p[i]);
        peer_close(p[i]);
    }
}

SERVER_CALM_TEST(a_crowd_whose_time_is_over_is_ended_a_few_in_each_turn, .idle_timeout_ms = 100)
{
    enum { CROWD = 200, IN_A_TURN = 64 };
    peer *p[CROWD];
    for (int i = 0; i < CROWD; i++) {
        p[i] = peer_open(s);
        peer_say(p[i], GET("/hello"));
    }
    for (int i = 0; i < CROWD; i++) PEER_GETS(p[i], 200, "hello");
    unsigned had = s->server->connections, most = 0;
    WEFT_CHECK_EQ(had, CROWD);
    server_sleep(99);
    while (s->server->connections) {
        unsigned now = s->server->connections;
        if (had - now > most) most = had - now;
        had = now;
        WEFT_CHECK_EQ(weft_yield(), 0);
        if (s->server->connections == CROWD) server_sleep(1);
    }
    WEFT_CHECK(most > 0 && most <= IN_A_TURN);
    for (int i = 0; i < CROWD; i++) peer_close(p[i]);
}

SERVER_TEST(a_client_that_reads_nothing_is_cut_off, .write_timeout_ms = 300)
{
    peer *p = peer_open(s);
    int64_t began = server_ms();
    peer_say(p, GET("/large/30000000"));
    SERVER_UNTIL(s->began == 1);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(server_ms() >= began + 290);
    WEFT_CHECK(server_ms() < began + 5000);
    peer_close(p);
}

SERVER_TEST(a_client_that_pipelines_and_reads_nothing_is_cut_off, .write_timeout_ms = 300)
{
    peer *p = peer_open(s);
    static const char one[] = GET("/arena/15000");
    long before = server_mem.bytes;
    int rc = 0;
    for (int i = 0; i < 3000 && rc == 0; i++) {
        struct iovec v = { (char *)one, sizeof one - 1 };
        rc = weft__stream_send(&p->stream, &v, 1, 2000000000);
    }
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(server_os->ops->virtual_time || server_mem.peak - before < 1 << 20);
    peer_close(p);
}

/* ---- how many ---- */

SERVER_TEST(one_connection_too_many_is_503, .connections_max = 3)
{
    peer *p[3];
    answer a;
    for (int i = 0; i < 3; i++) p[i] = peer_open(s);
    SERVER_UNTIL(s->server->connections == 3);
    peer *q = peer_open(s);
    peer_say(q, GET("/smuggled"));
    WEFT_NEED(peer_answer(q, &a));
    WEFT_CHECK_EQ(a.status, 503);
    WEFT_CHECK(memmem(a.body.ptr, a.body.len, "connections_max", 15));
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    PEER_ENDS(q);
    WEFT_CHECK_EQ(s->began, 0);
    peer_close(q);
    peer_close(p[0]);
    SERVER_UNTIL(s->server->connections <= 2);
    q = peer_open(s);
    peer_say(q, GET("/hello"));
    PEER_GETS(q, 200, "hello");
    peer_close(q);
    for (int i = 1; i < 3; i++) {
        peer_say(p[i], GET("/hello"));
        PEER_GETS(p[i], 200, "hello");
        peer_close(p[i]);
    }
}

SERVER_TEST(a_crowd_of_refused_clients_each_gets_its_503, .connections_max = 1)
{
    enum { CROWD = 30 };
    peer *p = peer_open(s), *q[CROWD];
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    for (int i = 0; i < CROWD; i++) {
        q[i] = peer_open(s);
        peer_say(q[i], POST("/echo", "100", "not all of it"));
    }
    answer a;
    for (int i = 0; i < CROWD; i++) {
        if (WEFT_CHECK(peer_answer(q[i], &a))) WEFT_CHECK_EQ(a.status, 503);
        peer_close(q[i]);
    }
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

/* Refused clients that stay must not keep others out once there is room. */
SERVER_TEST(a_refused_client_that_stays_takes_no_place, .connections_max = 1)
{
    peer *p = peer_open(s), *q;
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    q = peer_open(s);
    peer_say(q, GET("/hello"));
    answer a;
    WEFT_NEED(peer_answer(q, &a));
    WEFT_CHECK_EQ(a.status, 503);
    peer_close(p);
    server_settle();
    p = peer_open(s);
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    peer_close(p);
    peer_close(q);
}

/* ---- memory ---- */

enum { MANY = 200 };

static void open_many(const served *s, peer *p[MANY], const char *bytes)
{
    for (int i = 0; i < MANY; i++) {
        p[i] = peer_open(s);
        if (*bytes) peer_say(p[i], bytes);
        if (strstr(bytes, "\r\n\r\n")) PEER_GETS(p[i], 200, "hello");
    }
    SERVER_UNTIL(s->server->connections == MANY);
    server_settle();
}

static void close_many(const served *s, peer *p[MANY])
{
    for (int i = 0; i < MANY; i++) peer_close(p[i]);
    SERVER_UNTIL(s->server->connections == 0);
}

/* What grows with the descriptors' numbers has grown when the first crowd has gone. */
static long bytes_each(served *s, const char *bytes)
{
    peer *p[MANY];
    open_many(s, p, GET("/hello"));
    close_many(s, p);
    long before = server_mem.bytes;
    open_many(s, p, bytes);
    WEFT_CHECK_EQ(s->server->scope.running, 0); /* no coroutine */
    long each = (server_mem.bytes - before) / MANY;
    close_many(s, p);
    WEFT_CHECK(server_mem.bytes <= before);
    return each;
}

SERVER_EPOLL_TEST(an_idle_connection_holds_at_most_512_bytes_and_no_coroutine)
{
    long each = bytes_each(s, GET("/hello"));
    if (!WEFT_CHECK(each > 0 && each <= 512)) fprintf(stderr, "  (%ld bytes each)\n", each);
}

SERVER_EPOLL_TEST(a_connection_that_said_nothing_holds_at_most_512_bytes)
{
    long each = bytes_each(s, "");
    if (!WEFT_CHECK(each > 0 && each <= 512)) fprintf(stderr, "  (%ld bytes each)\n", each);
}

SERVER_EPOLL_TEST(a_head_that_has_begun_holds_little_more_than_its_bytes)
{
    static char begun[5000];
    long each = bytes_each(s, "GET /");
    if (!WEFT_CHECK(each <= 1024)) fprintf(stderr, "  (%ld bytes each)\n", each);
    fill(begun, "GET / HTTP/1.1\r\nA: ", 4000, "");
    each = bytes_each(s, begun);
    if (!WEFT_CHECK(each <= 9000)) fprintf(stderr, "  (%ld bytes each)\n", each);
}

/* Beside the stacks of their tasks. */
static long body_bytes_each(served *s, const char *begun)
{
    peer *p[MANY];
    open_many(s, p, GET("/hello"));
    close_many(s, p);
    long before = server_mem.bytes;
    for (int i = 0; i < MANY; i++) {
        p[i] = peer_open(s);
        peer_say(p[i], begun);
    }
    SERVER_UNTIL(s->server->scope.running == MANY);
    server_settle();
    long each = (server_mem.bytes - before) / MANY;
    close_many(s, p);
    return each;
}

SERVER_EPOLL_TEST(bodies_that_announce_much_and_send_hardly_anything_hold_hardly_anything, .body_timeout_ms = 60000)
{
    static const long most[] = { 4500, 4500, 2500 };         /* the first ones of a crowd begin with a block of an arena */
    static const char *const begun[] = { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\na few",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\na few",
        "POST /count/0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\na few" };
    for (size_t i = 0; i < weft_count(begun); i++) {
        long each = body_bytes_each(s, begun[i]);
        if (!WEFT_CHECK(each > 0 && each <= most[i])) fprintf(stderr, "  (%ld bytes each, of %s)\n", each, begun[i]);
    }
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double trickle_s(const served *s, size_t n)
{
    peer *p = peer_open(s);
    peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\nA: ");
    double began = cpu_s();
    for (size_t i = 0; i < n; i++) {
        long before = server_count.recv;
        peer_say(p, "a");
        while (server_count.recv == before) WEFT_CHECK_EQ(weft_yield(), 0);
    }
    double took = cpu_s() - began;
    peer_say(p, "\r\n\r\n");
    PEER_GETS(p, 200, "hello");
    peer_close(p);
    return took;
}

/* Ten times the bytes one by one are about ten times the work, not a hundred times. */
SERVER_EPOLL_TEST(a_head_that_comes_byte_by_byte_is_not_quadratic_work, .head_bytes_max = 65536,
    .head_timeout_ms = 60000)
{
    (void)trickle_s(s, 500);
    double little = trickle_s(s, 4000), much = trickle_s(s, 40000);
    if (!WEFT_CHECK(much < 25 * little)) fprintf(stderr, "  (%.4f s and %.4f s)\n", little, much);
}

/* ---- large answers ---- */

SERVER_TEST(a_large_answer_reaches_a_slow_reader_whole_and_memory_stays_bounded)
{
    bool narrow = server_os->ops->virtual_time && !server_calm();
    size_t n = narrow ? 300000 : 5000000;
    char path[64];
    peer *p = peer_open(s);
    answer a;
    for (int scratch = 0; scratch <= 1; scratch++) {
        server_mem.peak = server_mem.bytes;
        long before = server_mem.bytes;
        snprintf(path, sizeof path, "GET /%s/%zu HTTP/1.1\r\nHost: x\r\n\r\n",
            scratch ? "large" : "arena", n);
        peer_say(p, path);
        for (int i = 0; i < 100 && peer_more(p, 1000); i++) server_sleep(10);
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK(is_pattern(a.body, n));
        WEFT_CHECK(
            server_os->ops->virtual_time || server_mem.peak - before < (long)n * 2 + (1 << 20));
        server_settle();
        WEFT_CHECK(server_os->ops->virtual_time
            || server_mem.bytes - before < 512 * 1024); /* and is given back */
    }
    peer_close(p);
}

SERVER_TEST(large_answers_at_once_do_not_mix)
{
    enum { PEERS = 4 };
    peer *p[PEERS];
    answer a;
    for (int i = 0; i < PEERS; i++) {
        char text[64];
        p[i] = peer_open(s);
        snprintf(text, sizeof text, "GET /%s/%d HTTP/1.1\r\nHost: x\r\n\r\n",
            i == 3 ? "arena" : "large", 200000 + i);
        peer_say(p[i], text);
    }
    server_settle();
    WEFT_CHECK_EQ(ask(s, GET("/large/5000"), NULL), 200);
    for (int i = 0; i < PEERS; i++) {
        WEFT_NEED(peer_answer(p[i], &a));
        WEFT_CHECK(is_pattern(a.body, 200000 + (size_t)i));
        peer_close(p[i]);
    }
}

/* ---- descriptors ---- */

SERVER_PLAIN_EPOLL_TEST(without_descriptors_the_loop_does_not_spin_and_clients_are_turned_away, "who is not accepted has no handshake")
{
    struct rlimit was, low;
    peer *p = peer_open(s);
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    getrlimit(RLIMIT_NOFILE, &was);
    low = was;
    int next = dup(p->stream.fd);    /* the lowest that is free, for the next peer; others may be taken above it */
    WEFT_NEED(next >= 0);
    close(next);
    low.rlim_cur = (rlim_t)next + 1;
    WEFT_NEED(setrlimit(RLIMIT_NOFILE, &low) == 0);
    peer *q = peer_open(s);
    WEFT_CHECK_EQ(q->rc, 0);
    server_settle();
    long before = server_count.wait;
    server_sleep(300);
    WEFT_CHECK(server_count.wait - before < 20);
    peer_say(p, GET("/hello")); /* the others are served as before */
    PEER_GETS(p, 200, "hello");
    WEFT_CHECK(!peer_more(q, 5000));
    setrlimit(RLIMIT_NOFILE, &was);
    WEFT_CHECK_EQ(s->server->connections, 1);
    peer_close(q);
    WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200);
    peer_close(p);
}

SERVER_CALM_TEST(an_accept_that_fails_is_tried_again, )
{
    static const int codes[] = { -EMFILE, -ENFILE, -ENOMEM, -EAGAIN, -ECONNABORTED };
    for (size_t i = 0; i < weft_count(codes); i++) {
        WEFT_CHECK_EQ(weft__sim_fail(server_os, "accept", 1, codes[i]), 0);
        WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200);
    }
}

static int lines_in(const char *text)
{
    int n = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++) n++;
    return n;
}

/* It is then asked ten times a second, not in every turn, and says so once. */
SERVER_CALM_TEST(an_accept_that_keeps_failing_is_paused_and_told_once, )
{
    static const int codes[] = { -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM };
    for (size_t i = 0; i < weft_count(codes); i++) {
        for (unsigned nth = 1; nth <= 5; nth++)
            WEFT_CHECK_EQ(weft__sim_fail(server_os, "accept", nth, codes[i]), 0);
        long accepts = server_count.accept;
        int64_t began = server_ms();
        server_capture();
        peer *p = peer_open(s);
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "hello");
        const char *said = server_captured();
        WEFT_CHECK_EQ((server_ms() - began) / 10, 50);
        WEFT_CHECK_EQ(server_count.accept - accepts, 7); /* the 7th finds nobody else */
        WEFT_CHECK_EQ(lines_in(said), 1);
        WEFT_CHECK(strstr(said, strerror(-codes[i])));
        peer_close(p);
    }
}

SERVER_CALM_TEST(a_stop_ends_the_pause_of_the_listener, )
{
    server_capture();
    for (unsigned nth = 1; nth <= 2; nth++)
        WEFT_CHECK_EQ(weft__sim_fail(server_os, "accept", nth, -ENOBUFS), 0);
    peer *p = peer_open(s);
    server_sleep(50);
    server_stop(s);
    server_sleep(200);
    WEFT_CHECK_EQ(lines_in(server_captured()), 1);
    peer_close(p);
}
