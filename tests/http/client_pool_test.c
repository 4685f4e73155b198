#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "http/client_world.h"
#include "weft/task.h"

WEFT_MODEL(Quote, field(double, price));

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"price\":1}"
#define URL "GET http://127.0.0.1:PORT/price/7: "

static void pause_ms(int ms) { WEFT_CHECK_EQ(weft_sleep_ms(ms), 0); }

/* How many connections the client has, busy and idle. */
static int conns(void) { return (int)net_client()->conns; }

typedef struct ask_in { const char *base; int id; } ask_in;
static int ask(const ask_in *in, Quote *out) { return weft_fetch(Quote, out, "{+}/price/{}", in->base, in->id); }

/* Ask for n prices at once; each must be its own. */
static int ask_many(const char *const *bases, int base_count, int n)
{
    static Quote got[512];
    WEFT_SCOPE(s);
    for (int i = 0; i < n; i++) {
        got[i].price = -1;
        weft_spawn(s, ask, (&(ask_in){ bases[i % base_count], i }), &got[i]);
    }
    WEFT_TRY(weft_join(s));
    for (int i = 0; i < n; i++) {
        if (got[i].price != i) weft__check_fail(__FILE__, __LINE__, "call %d was answered %f", i, got[i].price);
    }
    return 0;
}

/* ---- many calls at once ---- */

NET_TEST(calls_at_once_get_each_their_own_answer)
{
    NET_UPSTREAM(up, { .bytes = NULL, .slice = 7 }, { .bytes = NULL });
    WEFT_TRY(ask_many(&up_base, 1, 60));
    WEFT_CHECK_EQ(up.requests, 60);
    return 0;
}

NET_TEST(a_hundred_calls_share_the_connections_that_the_limit_allows)
{
    net_client()->limits.origin_max = 7;
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(ask_many(&up_base, 1, 100));
    WEFT_CHECK_EQ(up.accepted, 7);
    WEFT_CHECK_EQ(up.open_max, 7);
    WEFT_TRY(ask_many(&up_base, 1, 100));
    WEFT_CHECK_EQ(up.accepted, 7);
    return 0;
}

NET_TEST(connections_that_close_make_room_for_those_who_wait)
{
    net_client()->limits.origin_max = 3;
    static const net_answer answer[] = { { .bytes = NULL, .then = NET_CLOSE } };
    WEFT_SCOPE(s, .forget = true);
    net_upstream up;
    net_upstream_start(&up, s, answer, 1);
    const char *base = up.base;
    /* The answer says keep-alive, and the close comes behind it: the next in line may get it, find it dead, and try
     * again. */
    WEFT_TRY(ask_many(&base, 1, 40));
    WEFT_CHECK(up.accepted >= 40);
    WEFT_CHECK(up.open_max <= 6);
    return 0;
}

NET_TEST(the_limit_in_total_holds_over_all_origins)
{
    net_client()->limits.total_max = 4;
    NET_UPSTREAM(a, { .bytes = NULL });
    NET_UPSTREAM(b, { .bytes = NULL });
    NET_UPSTREAM(c, { .bytes = NULL });
    const char *const bases[] = { a_base, b_base, c_base };
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(ask_many(bases, 3, 50));
        WEFT_CHECK(conns() <= 4);
    }
    WEFT_CHECK_EQ(a.requests + b.requests + c.requests, 150);
    return 0;
}

NET_TEST(an_idle_connection_makes_room_for_another_origin)
{
    net_client()->limits.total_max = 1;
    NET_UPSTREAM(a, { .bytes = NULL });
    NET_UPSTREAM(b, { .bytes = NULL });
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(ask_many(&a_base, 1, 1));
        WEFT_TRY(ask_many(&b_base, 1, 1));
        WEFT_CHECK_EQ(conns(), 1);
    }
    WEFT_CHECK_EQ(a.accepted, 3);
    WEFT_CHECK_EQ(b.accepted, 3);
    return 0;
}

/* Both limits reached at once, by calls that come and go. */
NET_TEST(both_limits_hold_together)
{
    net_client()->limits.total_max = 5;
    net_client()->limits.origin_max = 2;
    NET_UPSTREAM(a, { .bytes = NULL });
    NET_UPSTREAM(b, { .bytes = NULL, .then = NET_CLOSE });
    NET_UPSTREAM(c, { .bytes = NULL, .slice = 5 });
    const char *const bases[] = { a_base, b_base, c_base };
    WEFT_TRY(ask_many(bases, 3, 90));
    WEFT_CHECK(conns() <= 5);
    WEFT_CHECK(a.open_max <= 2);
    WEFT_CHECK(c.open_max <= 2);
    return 0;
}

typedef struct in_turn { const char *base; int id; int *ended; } in_turn;
static int ask_in_turn(const in_turn *in)
{
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", in->base, in->id));
    WEFT_CHECK_EQ(*in->ended, in->id);
    ++*in->ended;
    return 0;
}

NET_SIM_TEST(who_waits_longest_is_next)
{
    net_client()->limits.origin_max = 1;
    NET_UPSTREAM(up, { .bytes = NULL });
    int ended = 0;
    WEFT_SCOPE(s);
    for (int i = 0; i < 20; i++) weft_spawn(s, ask_in_turn, (&(in_turn){ up_base, i, &ended }));
    WEFT_TRY(weft_join(s));
    WEFT_CHECK_EQ(ended, 20);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

static int hang_here(const ask_in *in)
{
    Quote q;
    return ask(in, &q);
}

NET_SIM_TEST(a_wait_for_a_connection_ends_with_who_holds_them)
{
    net_client()->limits.origin_max = 2;
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    WEFT_SCOPE(s);
    for (int i = 0; i < 2; i++) weft_spawn(s, hang_here, (&(ask_in){ up_base, i }));
    pause_ms(50);
    weft_response r;
    int rc = weft_exchange(&r, (.connect_ms = 100), "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no connection became free within # ms (connect deadline): all 2 connections to 127.0.0.1:PORT"
        " (limit per origin) are in use, by hang_here (2), for up to # ms");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "within 100 ms") && strstr(weft_error_of(rc)->text, "for up to 150 ms"));
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 503);
    weft_cancel(s);
    return 0;
}

NET_SIM_TEST(a_wait_for_the_total_limit_names_it)
{
    net_client()->limits.total_max = 2;
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    NET_UPSTREAM(other, { .bytes = OK });
    WEFT_SCOPE(s);
    for (int i = 0; i < 2; i++) weft_spawn(s, hang_here, (&(ask_in){ up_base, i }));
    pause_ms(50);
    weft_response r;
    int rc = weft_exchange(&r, (.connect_ms = 100), "{+}/price/7", other_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no connection became free within # ms (connect deadline): all 2 connections of this loop"
        " (limit in total) are in use, by hang_here (2), for up to # ms");
    weft_cancel(s);
    return 0;
}

/* Waiters that are cancelled as connections are handed to them lose none. */
NET_TEST(cancelled_waiters_lose_no_connection)
{
    net_client()->limits.origin_max = 2;
    NET_UPSTREAM(up, { .bytes = NULL, .pause_ms = 1 });
    for (int ms = 1; ms <= 12; ms++) {
        WEFT_SCOPE(s);
        static Quote got[12];
        static weft_error errors[12];
        for (int i = 0; i < 12; i++) {
            ask_in in = { up_base, i };
            weft_spawn(s, ask, &in, &got[i], .timeout_ms = 1 + (i * 7 + ms) % 9, .error = &errors[i]);
        }
        WEFT_TRY(weft_join(s));
        for (int i = 0; i < 12; i++) WEFT_CHECK(errors[i].code == 0 || errors[i].code == WEFT_ETIMEDOUT);
        WEFT_CHECK(conns() <= 2);
    }
    net_client()->limits.origin_max = 100;
    return ask_many(&up_base, 1, 30);
}

NET_SIM_TEST(origins_without_connections_are_forgotten_for_new_ones)
{
    net_client()->limits.origins_max = 3;
    Quote q;
    for (int port = 2001; port < 2020; port++) WEFT_CHECK_EQ(weft_fetch(Quote, &q, "{+}/x", weft_format("http://127.0.0.1:%d", port).ptr), WEFT_ECONNREFUSED);
    WEFT_CHECK_EQ(net_client()->origins, 3);
    NET_UPSTREAM(a, { .bytes = OK });
    NET_UPSTREAM(b, { .bytes = OK });
    NET_UPSTREAM(c, { .bytes = OK });
    NET_UPSTREAM(d, { .bytes = OK });
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", a_base));
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", b_base));
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", c_base));
    int rc = weft_fetch(Quote, &q, "{+}/price/7", d_base);
    NET_CHECK_ERROR(rc, WEFT_ELIMIT, URL "connections to 3 hosts are in use (limit)");
    return 0;
}

/* ---- keep-alive ---- */

NET_TEST(a_connection_the_peer_has_closed_is_not_used_again)
{
    NET_UPSTREAM(up, { .bytes = OK });
    up.idle_ms = 5;
    Quote q;
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, i));
        pause_ms(50);
        WEFT_CHECK_EQ(conns(), 0);
    }
    WEFT_CHECK_EQ(up.accepted, 3);
    WEFT_CHECK_EQ(net_client()->retried, 0);
    return 0;
}

NET_TEST(a_call_whose_kept_connection_turns_out_closed_is_made_anew)
{
    NET_UPSTREAM(up, { .bytes = OK }, { .bytes = "", .then = NET_CLOSE }, { .bytes = OK });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, 1));
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, 2));
    WEFT_CHECK_EQ(up.accepted, 2);
    WEFT_CHECK_EQ(up.requests, 3);
    WEFT_CHECK_EQ(net_client()->retried, 1);
    WEFT_CHECK(strstr(up.last, "GET /2 ") == up.last);
    return 0;
}

NET_TEST(a_call_is_made_anew_once_only)
{
    NET_UPSTREAM(up, { .bytes = OK }, { .bytes = "", .then = NET_CLOSE });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/price/7", up_base));
    int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET, URL "closed without an answer after # ms");
    WEFT_CHECK_EQ(up.requests, 3);
    WEFT_CHECK_EQ(conns(), 0);
    return 0;
}

NET_TEST(a_first_call_is_not_made_anew)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_CLOSE }, { .bytes = OK });
    Quote q;
    WEFT_CHECK_EQ(weft_fetch(Quote, &q, "{+}/price/7", up_base), WEFT_ECONNRESET);
    WEFT_CHECK_EQ(up.requests, 1);
    return 0;
}

NET_TEST(a_post_is_never_sent_twice)
{
    NET_UPSTREAM(up, { .bytes = OK }, { .bytes = "", .then = NET_CLOSE }, { .bytes = OK });
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.method = "POST"), "{+}/", up_base));
    int rc = weft_exchange(&r, (.method = "POST", .body = WEFT_S("x")), "{+}/", up_base);
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET, "POST http://127.0.0.1:PORT/: closed without an answer after # ms, and POST must not be sent twice");
    WEFT_CHECK_EQ(up.requests, 2);
    WEFT_TRY(weft_exchange(&r, (.method = "POST"), "{+}/", up_base));
    return 0;
}

NET_TEST(an_answer_cut_after_its_first_byte_is_not_asked_again)
{
    NET_UPSTREAM(up, { .bytes = OK }, { .bytes = "H", .then = NET_CLOSE }, { .bytes = OK });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/price/7", up_base));
    int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET, URL "closed in the middle of the answer's head, after 1 bytes and # ms");
    WEFT_CHECK_EQ(up.requests, 2);
    return 0;
}

static int sends_more_than_asked(const char *bytes, size_t first, int slice_ms)
{
    net_answer answer = { .bytes = bytes, .first = first, .slice_ms = slice_ms };
    WEFT_SCOPE(s, .forget = true);
    net_upstream up;
    net_upstream_start(&up, s, &answer, 1);
    Quote q;
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up.base, i));
        WEFT_CHECK(q.price == 1);
        pause_ms(60);
        WEFT_CHECK_EQ(conns(), 0);
    }
    WEFT_CHECK_EQ(up.accepted, 3);
    return 0;
}

NET_TEST(a_connection_with_bytes_behind_the_answer_is_closed)
{
    WEFT_TRY(sends_more_than_asked(OK "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"price\":9}", 0, 0));
    WEFT_TRY(sends_more_than_asked(OK "\n", 0, 0));
    WEFT_TRY(sends_more_than_asked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n{\"price\":1}\r\n0\r\n\r\nX", 0, 0));
    return 0;
}

NET_TEST(a_connection_that_speaks_unasked_is_closed) { return sends_more_than_asked(OK "HTTP/1.1 408 Request Timeout\r\n\r\n", sizeof OK - 1, 20); }

NET_TEST(connection_close_and_http_1_0_are_heeded)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{\"price\":1}" },
        { .bytes = "HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n{\"price\":1}" },
        { .bytes = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 11\r\n\r\n{\"price\":1}" });
    Quote q;
    for (int i = 0; i < 4; i++) WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, i));
    WEFT_CHECK_EQ(up.accepted, 3);
    return 0;
}

NET_SIM_TEST(an_idle_connection_is_closed_after_half_a_minute)
{
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(ask_many(&up_base, 1, 10));
    pause_ms(20000);
    WEFT_TRY(ask_many(&up_base, 1, 4));
    WEFT_CHECK_EQ(up.accepted, 10);
    pause_ms(10001);
    WEFT_CHECK_EQ(conns(), 4);
    pause_ms(20000);
    WEFT_CHECK_EQ(conns(), 0);
    WEFT_CHECK_EQ(up.open, 0);
    return 0;
}

NET_SIM_TEST(the_peers_own_idle_timeout_is_heeded)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 11\r\n\r\n{\"price\":1}" });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    pause_ms(3900);
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    WEFT_CHECK_EQ(up.accepted, 1);
    pause_ms(4100);
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    WEFT_CHECK_EQ(up.accepted, 2);
    return 0;
}

NET_SIM_TEST(the_most_recently_used_connection_is_used_first)
{
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(ask_many(&up_base, 1, 8));
    Quote q;
    for (int i = 0; i < 20; i++) {
        pause_ms(2000);
        WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, i));
    }
    WEFT_CHECK_EQ(up.accepted, 8);
    WEFT_CHECK_EQ(conns(), 1);
    return 0;
}

/* ---- deadlines and cancels ---- */

NET_SIM_TEST(the_read_deadline_ends_a_call)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 200 OK\r\n", .then = NET_HANG });
    weft_response r;
    int rc = weft_exchange(&r, (.read_ms = 2500), "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no answer after # ms (read deadline, while the answer's head came)");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "after 2500 ms") != NULL);
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 504);
    WEFT_CHECK_EQ(conns(), 0);
    pause_ms(1);
    WEFT_CHECK_EQ(up.open, 0);
    return 0;
}

NET_SIM_TEST(without_deadlines_of_its_own_a_call_waits_half_a_minute)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    Quote q;
    int64_t began = weft_now_ns();
    int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no answer after # ms (read deadline, while waiting for the answer)");
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 30000);
    return 0;
}

static int waits_half_a_minute(const ask_in *in)
{
    pause_ms(in->id * 700);
    int64_t began = weft_now_ns();
    Quote q;
    WEFT_CHECK_EQ(ask(in, &q), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 30000);
    return 0;
}

NET_SIM_TEST(each_of_many_calls_has_its_own_half_a_minute)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    NET_UPSTREAM(other, { .bytes = NULL, .pause_ms = 29000 });
    WEFT_SCOPE(s);
    for (int i = 0; i < 50; i++) weft_spawn(s, waits_half_a_minute, (&(ask_in){ up_base, i }));
    for (int i = 0; i < 3; i++) WEFT_TRY(ask_many(&other_base, 1, 40));
    return weft_join(s);
}

NET_SIM_TEST(the_total_deadline_ends_a_call_that_trickles)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n....................................................................", .slice = 1, .slice_ms = 1000 });
    weft_response r;
    int rc = weft_exchange(&r, (.total_ms = 60500), "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no answer after # ms (total deadline, while the body came)");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "after 60500 ms") != NULL);
    return 0;
}

NET_SIM_TEST(the_deadline_of_a_call_around_names_itself)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    Quote q;
    weft_error e;
    WEFT_TRY(weft_gather(weft_call(ask, (&(ask_in){ up_base, 7 }), &q, .timeout_ms = 300, .error = &e)));
    WEFT_CHECK_EQ(e.code, WEFT_ETIMEDOUT);
    WEFT_CHECK(strstr(e.text, "/price/7: no answer after 300 ms (deadline of the call or scope around it)") != NULL);
    WEFT_CHECK_EQ(e.status, 504);
    return 0;
}

static int fail_soon(const int *code)
{
    WEFT_TRY(weft_sleep_ms(5));
    return weft_fail(*code, "the sibling's own failure");
}

/* What cancels a call may carry any code, also one that a broken connection has. */
NET_TEST(a_failing_sibling_is_not_taken_for_a_broken_connection)
{
    NET_UPSTREAM(up, { .bytes = OK }, { .bytes = "", .then = NET_HANG });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/price/7", up_base));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, fail_soon, &(int){ WEFT_ECONNRESET });
        int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
        NET_CHECK_ERROR(rc, WEFT_ECONNRESET, "the sibling's own failure");
    }
    WEFT_CHECK_EQ(net_client()->retried, 0);
    WEFT_CHECK_EQ(up.requests, 2);
    return 0;
}

NET_TEST(a_cancelled_task_sends_nothing)
{
    NET_UPSTREAM(up, { .bytes = OK });
    WEFT_SCOPE(s);
    weft_cancel(s);
    Quote q;
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_fetch(Quote, &q, "{+}/", up_base), WEFT_ECANCELED);
    WEFT_CHECK_EQ(conns(), 0);
    WEFT_CHECK_EQ(net_client()->opened, 0);
    return 0;
}

/* A deadline at each moment of a call: while the name resolves, the connection opens, the request goes, and the
 * answer's head and body come. */
static int cut_everywhere(void)
{
    static char body[9000];
    static const net_answer answers[] = {
        { .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n{\"price\":1}\r\n0\r\n\r\n", .slice = 9, .slice_ms = 1 },
        { .bytes = OK, .slice = 4, .slice_ms = 2 }, { .bytes = OK, .pause_ms = 3, .then = NET_CLOSE },
    };
    weft_str bytes = { body, sizeof body };
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.1"));
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.2"));
    WEFT_SCOPE(s, .forget = true);
    net_upstream up;
    net_upstream_start(&up, s, answers, 3);
    int fds = net_fds(), ended = 0;
    for (int ms = 1; ms < 200; ms += 1 + ms / 40) {
        weft_response r;
        WEFT_SCOPE(cut, .timeout_ms = ms);
        int rc = weft_exchange(&r, (.method = "PUT", .body = bytes), "{+}/x", weft_format("http://shop.example:%d", up.port).ptr);
        WEFT_CHECK(rc == 0 || rc == WEFT_ETIMEDOUT);
        ended += rc == 0;
        if (rc < 0) WEFT_CHECK(!net_client()->idle.first && !net_client()->asking.first);
    }
    WEFT_CHECK(ended > 5);
    pause_ms(31000);
    WEFT_CHECK_EQ(conns(), 0);
    WEFT_CHECK_EQ(net_fds(), fds);
    return 0;
}

WEFT_TEST(a_cut_in_any_phase_of_a_call_leaks_nothing__sim)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        net_sim(&(weft__sim_opts){ .seed = seed, .resolve_ns = 3000000, .delay_min_ns = 1000000, .delay_max_ns = 1900000,
            .window = 700, .short_io_percent = seed * 10 }, weft_call(cut_everywhere));
    }
}

/* ---- connecting ---- */

static int slow_connect(void)
{
    NET_UPSTREAM(up, { .bytes = OK });
    Quote q;
    int fds = net_fds();
    int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no connection after # ms (connect deadline)");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "after 5000 ms") != NULL);
    WEFT_CHECK_EQ(net_fds(), fds);
    return 0;
}

WEFT_TEST(the_connect_deadline_ends_a_call__sim)
{
    net_sim(&(weft__sim_opts){ .delay_min_ns = 6000000000, .delay_max_ns = 6000000000 }, weft_call(slow_connect));
}

NET_SIM_TEST(the_second_address_of_a_host_is_tried_when_the_first_refuses)
{
    NET_UPSTREAM(up, { .bytes = OK });
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "::1"));
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.1"));
    Quote q;
    int64_t began = weft_now_ns();
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", weft_format("http://shop.example:%d", up.port).ptr));
    WEFT_CHECK((weft_now_ns() - began) < 200 * 1000000);
    WEFT_CHECK_EQ(conns(), 1);
    return 0;
}

/* A listener whose queue is full: connects to it stay open and get no answer. */
static int silent_listener(const char *address, int port, int *fill)
{
    weft__addr at;
    WEFT_NEED(weft__addr_parse(weft_str_of(address), port, &at) == 0);
    int fd = net_os->ops->listen(net_os, &at, 1);
    WEFT_NEED(fd >= 0);
    for (int i = 0; i < 3; i++) fill[i] = net_os->ops->connect(net_os, &at);
    return fd;
}

NET_SIM_TEST(the_second_address_of_a_host_is_tried_when_the_first_is_silent)
{
    NET_UPSTREAM(up, { .bytes = OK });
    int fill[3], silent = silent_listener("127.0.0.7", up.port, fill);
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.7"));
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.1"));
    pause_ms(10);
    Quote q;
    int64_t began = weft_now_ns();
    int fds = net_fds();
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", weft_format("http://shop.example:%d", up.port).ptr));
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 250);
    WEFT_CHECK_EQ(net_fds(), fds + 2);
    for (int i = 0; i < 3; i++) net_os->ops->close(net_os, fill[i]);
    net_os->ops->close(net_os, silent);
    return 0;
}

NET_SIM_TEST(a_host_all_of_whose_addresses_refuse_is_refused)
{
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "::1"));
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.1"));
    Quote q;
    int rc = weft_fetch(Quote, &q, "http://shop.example:9999/x");
    NET_CHECK_ERROR(rc, WEFT_ECONNREFUSED, "GET http://shop.example:PORT/x: connection refused after # ms");
    return 0;
}


NET_TEST(localhost_is_called_by_name)
{
    NET_UPSTREAM(up, { .bytes = OK });
    Quote q;
    for (int i = 0; i < 3; i++) WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", weft_format("http://localhost:%d", up.port).ptr));
    WEFT_CHECK_EQ(conns(), 1);
    return 0;
}

/* ---- faults of the system and of memory ---- */

static int with_fault(const char *op, int code)
{
    WEFT_SCOPE(s, .forget = true);
    net_upstream up;
    static const net_answer answer[] = { { .bytes = OK, .slice = 20 } };
    net_upstream_start(&up, s, answer, 1);
    int failed = 0;
    for (unsigned nth = 1; nth < 12; nth++) {
        Quote q = { .price = 5 };
        weft__sim_fail(net_os, op, nth, code);
        int rc = weft_fetch(Quote, &q, "{+}/price/7", up.base);
        if (rc < 0) WEFT_CHECK(q.price == 5);
        if (rc < 0) WEFT_CHECK(strstr(weft_error_of(rc)->text, "/price/7: ") != NULL);
        failed += rc < 0;
        pause_ms(100);
    }
    WEFT_CHECK(failed > 0);
    for (int i = 0; i < 12; i++) {
        Quote q;
        if (weft_fetch(Quote, &q, "{+}/price/7", up.base) == 0) return 0;
    }
    weft__check_fail(__FILE__, __LINE__, "no call succeeds after failures of %s", op);
    return 0;
}

NET_SIM_TEST(failing_receives_are_survived) { return with_fault("recv", WEFT_ECONNRESET); }
NET_SIM_TEST(failing_sends_are_survived) { return with_fault("send", WEFT_ECONNRESET); }
NET_SIM_TEST(failing_connects_are_survived) { return with_fault("connect", -EMFILE); }
NET_SIM_TEST(failing_watches_are_survived) { return with_fault("watch", WEFT_ENOMEM); }

NET_SIM_TEST(running_out_of_descriptors_says_so)
{
    weft__sim_fail(net_os, "connect", 1, -EMFILE);
    Quote q;
    int rc = weft_fetch(Quote, &q, "http://127.0.0.1:9999/x");
    NET_CHECK_ERROR(rc, -EMFILE, "GET http://127.0.0.1:PORT/x: no connection after # ms: Too many open files");
    return 0;
}

/* Each allocation of a call fails in turn, also those of opening a connection. */
NET_SIM_TEST(a_call_without_memory_fails_cleanly)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nB\r\n{\"price\":1}\r\n0\r\n\r\n", .first = 60, .slice_ms = 1, .then = NET_CLOSE });
    int failures = 0;
    for (long n = 0; n < 60; n++) {
        WEFT_TEMP;
        Quote q = { .price = 5 };
        net_fail_after = n;
        int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
        net_fail_after = -1;
        WEFT_CHECK(rc == 0 ? q.price == 1 : q.price == 5);
        failures += rc < 0;
        pause_ms(10);
        WEFT_CHECK_EQ(conns(), 0);
    }
    WEFT_CHECK(failures > 5);
    Quote q;
    return weft_fetch(Quote, &q, "{+}/price/7", up_base);
}

/* An upstream that refuses a large body before it has read it. */
NET_TEST(an_answer_before_the_whole_request_has_gone_is_taken_or_told)
{
    static char body[1024 * 1024];
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno", .unread = true });
    for (int i = 0; i < 4; i++) {
        weft_response r = { 0 };
        int rc = weft_exchange(&r, (.method = "PUT", .body = { body, sizeof body }), "{+}/price/7", up_base);
        if (rc == 0) WEFT_CHECK_EQ(r.status, 413);
        else WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
        WEFT_CHECK_EQ(conns(), 0);
    }
    return 0;
}
