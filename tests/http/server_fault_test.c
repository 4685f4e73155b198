/* Memory that runs out, calls of the system that fail, and bytes that mean nothing: nothing
 * crashes, nothing is lost, and the server serves on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"

/* A bit of everything on one connection. Answers that come are right; which come is the faults'
 * choice. */
static void converse(const served *s)
{
    static const char chunked[] = POST_CHUNKED("/echo", "3\r\nabc\r\n0\r\n\r\n");
    static const char counted[] = POST_CHUNKED("/count/1", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    peer *p = peer_open(s);
    answer a;
    bool goes_on = p->rc == 0 && peer_send(p, "GET /hello HTTP/1.1\r\nHo", 23) == 0;
    server_settle();
    goes_on = goes_on
        && peer_send(p, "st: x\r\n\r\n" GET("/sleep/1"), 9 + strlen(GET("/sleep/1"))) == 0;
    goes_on = goes_on && peer_answer(p, &a);
    if (goes_on) WEFT_CHECK(weft_str_equal(a.body, WEFT_S("hello")) || a.status >= 500);
    goes_on = goes_on && peer_answer(p, &a);
    if (goes_on) WEFT_CHECK(a.status == 200 || a.status >= 500);
    goes_on = goes_on && peer_send(p, chunked, sizeof chunked - 1) == 0 && peer_answer(p, &a);
    if (goes_on) WEFT_CHECK(weft_str_equal(a.body, WEFT_S("abc")) || a.status >= 500);
    goes_on = goes_on && peer_send(p, counted, sizeof counted - 1) == 0 && peer_answer(p, &a);
    if (goes_on) WEFT_CHECK(weft_str_equal(a.body, WEFT_S("7")) || a.status >= 500);
    goes_on = goes_on
        && peer_send(
               p, GET("/keep/1") GET("/large/30000"), strlen(GET("/keep/1") GET("/large/30000")))
            == 0;
    goes_on = goes_on && peer_answer(p, &a);
    if (goes_on) WEFT_CHECK(weft_str_equal(a.body, WEFT_S("GET /keep/1")) || a.status >= 500);
    goes_on = goes_on && peer_answer(p, &a);
    if (goes_on) WEFT_CHECK(is_pattern(a.body, 30000) || a.status >= 500);
    goes_on = goes_on
        && peer_send(p,
               "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
               "20000\r\n\r\n",
               78)
            == 0;
    if (goes_on) (void)peer_more(p, 1000);
    (void)peer_send(p, "GARBAGE", 7);
    peer_close(p);
}

/* No answer is no harm where something failed; behind it everything works. */
static void check_serves(const served *s)
{
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200);
    WEFT_CHECK_EQ(ask(s, POST_CHUNKED("/echo", "3\r\nabc\r\n0\r\n\r\n"), NULL), 200);
}

SERVER_CALM_TEST(each_allocation_may_fail_cold, .idle_timeout_ms = 5000)
{
    static long fail_after;
    (void)s;
    for (fail_after = 0; fail_after < 2000; fail_after++) {
        served other = { 0 };
        char why[256] = "";
        weft_serve_opts opts = { .port = -1, .idle_timeout_ms = 5000 };
        server_mem.failed = 0;
        server_mem.fail_after = fail_after;
        int rc = weft__server_open(&other.server, &opts, s->server->handler, &other, why);
        server_mem.fail_after = -1;
        if (rc == 0) weft__server_free(other.server);
        else WEFT_CHECK(why[0]);
        if (!server_mem.failed) break;
        WEFT_CHECK(rc < 0);
    }
    WEFT_CHECK(fail_after > 0 && fail_after < 2000);
}

/* Cold: the pools of the loop and the server are empty, as after the start. */
static long allocations_until;
static void fail_one(served *s)
{
    server_mem.failed = 0;
    server_mem.fail_after = allocations_until;
    converse(s);
    bool failed = server_mem.failed > 0;
    server_mem.fail_after = -1;
    check_serves(s);
    if (!failed) allocations_until = -1;
}

WEFT_TEST(each_allocation_of_a_conversation_may_fail__sim)
{
    static const server_test test = { .body = fail_one, .opts = { .idle_timeout_ms = 5000 } };
    long round = 0;
    for (; round < 3000; round++) {
        allocations_until = round;
        server_sim(&test, &(weft__sim_opts){ .seed = (uint64_t)round, .short_io_percent = 20 });
        if (allocations_until < 0) break;
    }
    WEFT_CHECK(round > 10 && round < 3000);
}

SERVER_EPOLL_TEST(each_allocation_of_a_conversation_may_fail_on_epoll, .idle_timeout_ms = 300)
{
    long round = 0;
    for (; round < 500; round++) {
        server_mem.failed = 0;
        server_mem.fail_after = round;
        converse(s);
        server_mem.fail_after = -1;
        if (!server_mem.failed) break;
        check_serves(s);
    }
    check_serves(s);
    WEFT_CHECK(round < 500);
}

static void starve(served *s)
{
    peer *p = peer_open(s), *q = peer_open(s);
    peer_say(p, GET("/sleep/50"));
    SERVER_UNTIL(s->began == 1);
    peer_say(q, POST("/echo", "100000", "abc"));
    SERVER_UNTIL(s->began == 2);
    server_mem.fail_after = 0; /* and everything behind it */
    for (int i = 0; i < 20; i++) {
        server_mem.fail_after = 0;
        if (weft_sleep_ms(5) < 0) server_mem.fail_after = -1;
        (void)peer_send(q, "more", 4);
    }
    server_mem.fail_after = -1;
    peer_close(p);
    peer_close(q);
    check_serves(s);
}

SERVER_SEEDS_TEST(a_time_without_memory_is_survived, .idle_timeout_ms = 5000) { starve(s); }

/* ---- the system ---- */

static const char *op_now;
static unsigned nth_now;
static int code_now;

static void fail_call(served *s)
{
    WEFT_CHECK_EQ(weft__sim_fail(server_os, op_now, nth_now, code_now), 0);
    converse(s);
    server_settle();
    SERVER_UNTIL(s->server->connections == 0);
    for (int i = 0; i < 300;
         i++) { /* uses the failure up, if the conversation did not get that far */
        if (ask(s, GET("/hello"), NULL) == 200 && i > (server_tls ? 24 : 60)) break;
    }
    check_serves(s);
}

WEFT_TEST(each_call_of_the_system_may_fail__sim)
{
    static const struct {
        const char *op;
        int code;
    } faults[] = {
        { "recv", WEFT_ECONNRESET },
        { "recv", -EAGAIN },
        { "recv", WEFT_ETIMEDOUT },
        { "recv", -ENOMEM },
        { "send", WEFT_ECONNRESET },
        { "send", -EAGAIN },
        { "send", -EPIPE },
        { "send", -ENOBUFS },
        { "accept", -EMFILE },
        { "accept", -ENOMEM },
        { "watch", -ENOSPC },
        { "watch", -ENOMEM },
    };
    static const server_test test = { .body = fail_call, .opts = { .idle_timeout_ms = 5000 } };
    for (size_t i = 0; i < weft_count(faults); i++) {
        op_now = faults[i].op;
        code_now = faults[i].code;
        for (nth_now = 1; nth_now <= 24; nth_now += server_tls_everywhere() ? 5 : 1)
            server_sim(&test, &(weft__sim_opts){ .seed = nth_now });
    }
}

SERVER_CALM_TEST(a_listener_that_cannot_be_watched_ends_the_run, )
{
    char why[256] = "";
    weft__server *other;
    weft_serve_opts opts = { .port = -1 };
    WEFT_NEED(weft__server_open(&other, &opts, s->server->handler, s, why) == 0);
    WEFT_CHECK_EQ(weft__sim_fail(server_os, "watch", 1, -ENOSPC), 0);
    WEFT_CHECK_EQ(weft__server_run(other), -ENOSPC);
    weft__server_free(other);
}

/* ---- nonsense ---- */

static uint64_t draw(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* Pieces of requests, so that nonsense gets beyond the first byte. */
static const char *const pieces[] = { "GET /hello HTTP/1.1\r\n", "POST /echo HTTP/1.1\r\n",
    "Host: x\r\n", "\r\n", "\r", "\n", "Content-Length: 5\r\n", "Content-Length: 70000\r\n",
    "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "Expect: 100-continue\r\n",
    "Connection: close\r\n", "HEAD /ignore HTTP/1.0\r\n", "hello", " ", ":",
    "GET http://x/watch/1 HTTP/1.1\r\n", GET("/hello"), POST("/ignore", "5", "12345"),
    GET("/watch/1"), GET("/large/20000"), "ffffffffffffffff\r\n", "Connection: keep-alive\r\n" };

static size_t nonsense(uint64_t *state, char to[2048])
{
    size_t n = 0;
    for (uint64_t left = draw(state) % 12; left; left--) {
        const char *piece = pieces[draw(state) % weft_count(pieces)];
        n += (size_t)snprintf(to + n, 256, "%s", piece);
        if (draw(state) % 8 == 0) to[draw(state) % n] = (char)draw(state);
        for (uint64_t raw = draw(state) % 10 ? 0 : draw(state) % 20; raw; raw--)
            to[n++] = (char)draw(state);
    }
    return n;
}

static uint64_t nonsense_seed;
static void talk_nonsense(served *s)
{
    uint64_t state = nonsense_seed;
    char bytes[4096];
    for (int i = 0; i < 20; i++) {
        peer *p = peer_open(s);
        for (uint64_t parts = 1 + draw(&state) % 3; parts; parts--) {
            (void)peer_send(p, bytes, nonsense(&state, bytes));
            if (draw(&state) % 2) (void)peer_more(p, 1);
        }
        if (draw(&state) % 3 == 0) server_os->ops->shutdown(server_os, p->stream.fd);
        if (draw(&state) % 4 == 0) (void)peer_rest(p);
        peer_close(p);
    }
    SERVER_UNTIL(s->server->connections == 0);
    int status = 0;
    for (int i = 0; i < 20 && !status; i++)
        status = ask(s, GET("/hello"), NULL); /* resets happen to anyone here */
    WEFT_CHECK_EQ(status, 200);
}

WEFT_TEST(nonsense_never_crashes_and_always_ends__sim)
{
    static const server_test test = { .body = talk_nonsense,
        .opts = { .idle_timeout_ms = 2000, .body_timeout_ms = 1000, .head_timeout_ms = 1000 } };
    for (nonsense_seed = 1; nonsense_seed <= server_seed_count(150); nonsense_seed++) {
        server_sim(&test,
            &(weft__sim_opts){ .seed = nonsense_seed,
                .short_io_percent = nonsense_seed % 4 * 25,
                .delay_max_ns = nonsense_seed % 3 * 200000,
                .reset_permille = nonsense_seed % 2 * 10 });
    }
}

SERVER_EPOLL_TEST(nonsense_never_crashes_and_always_ends_on_epoll, .idle_timeout_ms = 100,
    .body_timeout_ms = 50, .head_timeout_ms = 50)
{
    for (nonsense_seed = 1000; nonsense_seed < 1010; nonsense_seed++) talk_nonsense(s);
}
