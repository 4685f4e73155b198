/* The graceful stop: what is in flight ends well, what waits is closed, what hangs is named, and it
 * always ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "http/server_world.h"

SERVER_TEST(a_server_without_connections_stops_at_once)
{
    int64_t began = server_ms();
    server_stop(s);
    WEFT_CHECK(server_ms() < began + 1000);
}

SERVER_TEST(after_the_stop_connects_are_refused, .host = OWN_ADDRESS)
{
    server_stop(s);
    peer *p = peer_open(s);
    WEFT_CHECK_EQ(p->rc, WEFT_ECONNREFUSED);
    peer_close(p);
}

SERVER_TEST(while_requests_end_connects_are_refused, .host = OWN_ADDRESS)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/300"));
    SERVER_UNTIL(s->began == 1);
    weft__server_stop(s->server);
    server_settle();
    peer *q = peer_open(s);
    WEFT_CHECK_EQ(q->rc, WEFT_ECONNREFUSED);
    peer_close(q);
    PEER_GETS(p, 200, "slept");
    peer_close(p);
    server_wait(s);
}

SERVER_TEST(requests_in_flight_end_and_say_close)
{
    peer *p[5];
    answer a;
    for (int i = 0; i < 5; i++) p[i] = peer_open(s);
    for (int i = 0; i < 5; i++) peer_say(p[i], i % 2 ? GET("/sleep/200") : GET("/watch/100"));
    SERVER_UNTIL(s->began == 5);
    weft__server_stop(s->server);
    int64_t began = server_ms();
    for (int i = 0; i < 5; i++) {
        WEFT_NEED(peer_answer(p[i], &a));
        WEFT_CHECK_EQ(a.status, 200);
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        PEER_ENDS(p[i]);
        peer_close(p[i]);
    }
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 3000);
    WEFT_CHECK_EQ(s->cut, 0);
}

SERVER_TEST(a_body_on_its_way_is_still_read)
{
    peer *p = peer_open(s);
    peer_say(p, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12");
    SERVER_UNTIL(s->began == 1);
    weft__server_stop(s->server);
    server_settle();
    peer_say(p, "345");
    PEER_GETS(p, 200, "12345");
    PEER_ENDS(p);
    peer_close(p);
}

SERVER_TEST(what_is_pipelined_behind_a_request_in_flight_is_not_executed)
{
    peer *p = peer_open(s);
    answer a;
    peer_say(p, GET("/sleep/200") GET("/hello"));
    SERVER_UNTIL(s->began == 1);
    server_settle();
    weft__server_stop(s->server);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
    PEER_ENDS(p);
    WEFT_CHECK_STR(weft_str_of(s->log), "/sleep/200 ");
    peer_close(p);
}

SERVER_TEST(idle_connections_and_half_heads_are_closed_at_once)
{
    peer *p = peer_open(s), *q = peer_open(s), *r = peer_open(s);
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 200, "hello");
    peer_say(q, "GET /hel");
    SERVER_UNTIL(s->server->connections == 3);
    server_settle();
    int64_t began = server_ms();
    weft__server_stop(s->server);
    PEER_ENDS(p);
    PEER_ENDS(q);
    PEER_ENDS(r);
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 1000);
    peer_close(p);
    peer_close(q);
    peer_close(r);
}

/* What was sent before the stop began is not lost: the kernel has taken it, so the client thinks it
 * arrived. */
SERVER_EPOLL_TEST(what_has_arrived_when_the_stop_begins_is_answered)
{
    weft__os *os = server_os;
    static const char one[] = GET("/hello"), rest[] = "lo HTTP/1.1\r\nHost: x\r\n\r\n";
    struct iovec v = { (char *)one, sizeof one - 1 }, w = { (char *)rest, sizeof rest - 1 };
    peer *idle = peer_open(s), *half = peer_open(s), *fresh = server_tls ? peer_open(s) : calloc(1, sizeof *fresh);
    weft__addr at;
    answer a;
    peer_say(half, "GET /hel");
    server_settle();
    WEFT_NEED(weft__addr_parse(WEFT_S("127.0.0.1"), s->port, &at) == 0);
    int fd = server_tls ? -1 : os->ops->connect(os, &at); /* from here on nobody else has a turn */
    if (fd >= 0) WEFT_CHECK_EQ(os->ops->send(os, fd, &v, 1), (ssize_t)v.iov_len);
    else WEFT_CHECK_EQ(weft__stream_try_send(&fresh->stream, &v, 1), (ssize_t)v.iov_len);
    WEFT_CHECK_EQ(weft__stream_try_send(&idle->stream, &v, 1), (ssize_t)v.iov_len);
    WEFT_CHECK_EQ(weft__stream_try_send(&half->stream, &w, 1), (ssize_t)w.iov_len);
    weft__server_stop(s->server);
    if (fd >= 0) WEFT_NEED(weft__stream_open(&fresh->stream, server_loop, fd) == 0);
    if (fd >= 0) fresh->got = calloc(1, fresh->room = 100000);
    for (int i = 0; i < 3; i++) {
        peer *p = i == 0 ? idle : i == 1 ? half : fresh;
        if (!WEFT_CHECK(peer_answer(p, &a))) continue;
        WEFT_CHECK_STR(a.body, "hello");
        WEFT_CHECK_STR(answer_header(&a, "Connection"), "close");
        PEER_ENDS(p);
    }
    peer_close(idle);
    peer_close(half);
    peer_close(fresh);
}

SERVER_TEST(b50_what_still_runs_after_the_grace_is_cancelled, .grace_ms = 200, .hard_ms = 60000)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/600000"));
    SERVER_UNTIL(s->began == 1);
    int64_t began = server_ms();
    weft__server_stop(s->server);
    PEER_GETS(p, 503, "cut");
    PEER_ENDS(p);
    peer_close(p);
    server_wait(s);
    WEFT_CHECK(server_ms() >= began + 190);
    WEFT_CHECK(server_ms() < began + 3000);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ECANCELED);
}

SERVER_TEST(b50_what_ignores_its_cancel_loses_its_connection, .grace_ms = 100, .hard_ms = 200)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/deaf/350"));
    SERVER_UNTIL(s->began == 1);
    int64_t began = server_ms();
    weft__server_stop(s->server);
    (void)peer_rest(p);
    WEFT_CHECK_EQ(p->have, 0);
    WEFT_CHECK(server_ms() >= began + 290);
    peer_close(p);
    server_wait(s);
}

/* ---- one that is replaced, and then all stop ---- */

SERVER_TEST(a_server_that_is_patient_closes_who_waits_when_it_is_not_any_more, .grace_ms = 100000)
{
    peer *idle = peer_open(s), *p = peer_open(s), *half = peer_open(s);
    peer_say(idle, GET("/hello"));
    PEER_GETS(idle, 200, "hello");
    peer_say(half, "GET /hello HT");
    peer_say(p, GET("/sleep/500"));
    SERVER_UNTIL(s->began == 2);
    weft__server_unretire(s->server);                /* nothing happens to one that serves */
    server_settle();
    WEFT_CHECK_EQ(s->server->connections, 3);
    weft__server_retire(s->server);
    server_sleep(100);
    WEFT_CHECK_EQ(s->server->connections, 3);
    weft__server_unretire(s->server);
    PEER_ENDS(idle);
    PEER_ENDS(half);
    PEER_GETS(p, 200, "slept");                      /* not cut */
    PEER_ENDS(p);
    peer_close(p);
    peer_close(idle);
    peer_close(half);
    server_wait(s);
}

/* ---- who hangs is told ---- */

SERVER_TEST(b50_run_returns_though_handlers_hang_and_names_them, .grace_ms = 100, .hard_ms = 100)
{
    s->hangs = true;
    peer *p = peer_open(s), *q = peer_open(s), *r = peer_open(s);
    peer_say(p, GET("/deaf/3000"));
    peer_say(q, "DELETE /deaf/2500?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_say(r, GET("/sleep/600000"));
    SERVER_UNTIL(s->began == 3);
    WEFT_NEED(s->began == 3);
    int64_t began = server_ms();
    server_capture();
    weft__server_stop(s->server);
    server_wait(s);
    const char *said = server_captured();
    WEFT_CHECK(server_ms() < began + 2000);
    WEFT_NEED(s->run_rc == WEFT_ETIMEDOUT);
    WEFT_CHECK(strstr(said, "GET /deaf/3000"));
    WEFT_CHECK(strstr(said, "DELETE /deaf/2500"));
    WEFT_CHECK(!strstr(said, "/sleep"));
    weft__server_free(s->server); /* those that hang still use it, and may even end */
    SERVER_UNTIL(s->server->connections == 0);
    SERVER_UNTIL(s->server->scope.running == 0);
    peer_close(p);
    peer_close(q);
    peer_close(r);
}

/* ---- in a hurry ---- */

SERVER_TEST(a_second_stop_skips_the_grace, .grace_ms = 100000, .hard_ms = 100000)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/600000"));
    SERVER_UNTIL(s->began == 1);
    int64_t began = server_ms();
    weft__server_stop(s->server);
    server_sleep(100);
    weft__server_stop(s->server);
    PEER_GETS(p, 503, "cut");
    peer_close(p);
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 3000);
}

SERVER_TEST(two_stops_at_once_skip_the_grace_too, .grace_ms = 100000, .hard_ms = 100000)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/600000"));
    SERVER_UNTIL(s->began == 1);
    int64_t began = server_ms();
    weft__server_stop(s->server);
    weft__server_stop(s->server);
    PEER_GETS(p, 503, "cut");
    peer_close(p);
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 3000);
}

/* What was answered goes out as long as its client takes it and hard_ms is not over: the handlers' time alone is up. */
static void slow_to_take(served *s)
{
    enum { HELLOS = 40 };
    peer *p = peer_open(s);
    for (int i = 0; i < HELLOS; i++) WEFT_CHECK_EQ(peer_send_blindly(p, GET("/hello"), strlen(GET("/hello"))), 0);
    WEFT_CHECK_EQ(peer_send_blindly(p, GET("/sleep/600000"), strlen(GET("/sleep/600000"))), 0);
    SERVER_UNTIL(s->began == HELLOS + 1);
    int64_t began = server_ms();
    weft__server_stop(s->server);
    weft__server_stop(s->server);
    server_sleep(200);
    for (int i = 0; i < HELLOS; i++) PEER_GETS(p, 200, "hello");
    PEER_GETS(p, 503, "cut");
    PEER_ENDS(p);
    peer_close(p);
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 3000);
}

WEFT_TEST(a_stop_cuts_no_answer_that_was_made_before_its_client_could_take_it__sim)
{
    static const server_test test = { .body = slow_to_take, .opts = { .grace_ms = 100000, .hard_ms = 2000 } };
    for (uint64_t seed = 0; seed < 3; seed++) server_sim(&test, &(weft__sim_opts){ .seed = seed, .window = 4096 });
}

/* Its client begins to take it when the time of handlers is over. */
static void begun_before(served *s, int stops)
{
    answer a = { 0 };
    peer *p = peer_open(s);
    peer_say(p, GET("/large/4000000"));
    SERVER_UNTIL(s->began == 1);
    server_settle();
    for (int i = 0; i < stops; i++) weft__server_stop(s->server);
    server_sleep(400);
    WEFT_CHECK(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 200);
    WEFT_CHECK(is_pattern(a.body, 4000000));
    PEER_ENDS(p);
    peer_close(p);
    server_wait(s);
}

SERVER_TEST(an_answer_that_was_on_its_way_before_the_stop_has_the_hard_time_too, .grace_ms = 100, .hard_ms = 30000) { begun_before(s, 1); }
SERVER_TEST(and_so_it_has_when_the_grace_is_skipped, .grace_ms = 100000, .hard_ms = 30000) { begun_before(s, 2); }

SERVER_TEST(a_client_that_lingers_does_not_hold_the_stop_for_long, .body_bytes_max = 10)
{
    peer *p = peer_open(s), *q = peer_open(s);
    peer_say(p, GET_CLOSE("/hello")); /* answered, and does not leave */
    PEER_GETS(p, 200, "hello");
    peer_say(q, POST("/echo", "1000", ""));
    PEER_GETS(q, 413, "the body is larger than body_bytes_max");
    int64_t began = server_ms();
    weft__server_stop(s->server);
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 3000);
    peer_close(p);
    peer_close(q);
}

SERVER_TEST(a_client_that_reads_nothing_does_not_hold_the_stop_beyond_its_times, .grace_ms = 200,
    .hard_ms = 200)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/large/30000000"));
    SERVER_UNTIL(s->began == 1);
    server_settle();
    int64_t began = server_ms();
    weft__server_stop(s->server);
    server_wait(s);
    WEFT_CHECK(server_ms() < began + 3000);
    peer_close(p);
}

SERVER_TEST(a_stop_before_the_start_is_one)
{
    char why[256] = "";
    weft__server *other;
    weft_serve_opts opts = { .port = -1 };
    WEFT_NEED(weft__server_open(&other, &opts, s->server->handler, s, why) == 0);
    weft__server_stop(other);
    WEFT_CHECK_EQ(weft__server_run(other), 0);
    weft__server_free(other);
}

SERVER_TEST(a_server_that_never_ran_is_freed)
{
    char why[256] = "";
    weft__server *other;
    weft_serve_opts opts = { .port = -1 };
    WEFT_NEED(weft__server_open(&other, &opts, s->server->handler, s, why) == 0);
    weft__server_free(other);
}

SERVER_TEST(localhost_is_the_loopback_address)
{
    char why[256] = "";
    weft__server *other = NULL;
    weft_serve_opts opts = { .host = "localhost", .port = s->port };
    WEFT_CHECK_EQ(weft__server_open(&other, &opts, s->server->handler, s, why), -EADDRINUSE);
    opts.port = -1;
    WEFT_NEED(weft__server_open(&other, &opts, s->server->handler, s, why) == 0);
    WEFT_CHECK(weft__server_port(other) > 0);
    weft__server_free(other);
}

SERVER_TEST(a_taken_port_is_told)
{
    char why[256] = "";
    weft__server *other = NULL;
    weft_serve_opts opts = { .port = s->port };
    WEFT_CHECK_EQ(weft__server_open(&other, &opts, s->server->handler, s, why), -EADDRINUSE);
    WEFT_CHECK(strstr(why, "another program has it"));
    WEFT_CHECK(!other);
    opts = (weft_serve_opts){ .host = "no address", .port = -1 };
    WEFT_CHECK_EQ(weft__server_open(&other, &opts, s->server->handler, s, why), WEFT_EINVAL);
    WEFT_CHECK(strstr(why, "host 'no address' is no IP address"));
}

static void check_refused(served *s, weft_serve_opts opts, const char *text)
{
    char why[256] = "";
    weft__server *other = NULL;
    WEFT_CHECK_EQ(weft__server_open(&other, &opts, s->server->handler, s, why), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(why), text);
    WEFT_CHECK(!other);
}

SERVER_CALM_TEST(an_option_that_makes_no_sense_is_refused_by_its_name, )
{
    check_refused(s, (weft_serve_opts){ .port = 70000 }, "port is 70000: expected -1 to 65535");
    check_refused(s, (weft_serve_opts){ .port = -2 }, "port is -2: expected -1 to 65535");
    check_refused(s, (weft_serve_opts){ .port = -1, .headers_max = -1 },
        "headers_max is -1: expected 1 to 1000000, or 0 for 100");
    check_refused(s, (weft_serve_opts){ .port = -1, .idle_timeout_ms = -1 },
        "idle_timeout_ms is -1: expected 1 to 2147483647, or 0 for 75000");
    check_refused(s, (weft_serve_opts){ .port = -1, .connections_max = -5 },
        "connections_max is -5: expected 1 to 2147483647, or 0 for 10000");
    check_refused(s, (weft_serve_opts){ .port = -1, .head_bytes_max = SIZE_MAX },
        "head_bytes_max is 18446744073709551615: expected 1 to 1073741824, or 0 for 16384");
    check_refused(s, (weft_serve_opts){ .port = -1, .body_bytes_max = (size_t)-1 },
        "body_bytes_max is 18446744073709551615: expected 1 to 9223372036854775807, "
        "or 0 for 1048576");
}

/* ---- a cancel around ---- */

typedef struct other {
    weft__server *server;
    int rc;
    bool over;
} other;

static int run_other(other *const *in)
{
    (*in)->rc = weft__server_run((*in)->server);
    (*in)->over = true;
    return 0;
}

SERVER_TEST(a_cancel_around_stops_and_cancels_at_once)
{
    char why[256] = "";
    other o = { 0 }, *const at = &o;
    weft_serve_opts opts = { .port = -1, .tls = s->opts.tls };
    WEFT_NEED(weft__server_open(&o.server, &opts, s->server->handler, s, why) == 0);
    served there = { .port = weft__server_port(o.server) };
    peer *p;
    {
        WEFT_SCOPE(around, .forget = true);
        (void)weft_spawn(around, run_other, &at);
        p = peer_open(&there);
        peer_say(p, GET("/sleep/600000"));
        SERVER_UNTIL(s->began == 1);
        weft_cancel(around);
    }
    WEFT_CHECK(o.over);
    WEFT_CHECK_EQ(o.rc, 0);
    PEER_GETS(p, 503, "cut");
    PEER_ENDS(p);
    peer_close(p);
    weft__server_free(o.server);
}
