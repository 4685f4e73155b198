#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "http/client_world.h"
#include "scratch.h"
#include "weft/task.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define ONE "Content-Length: 11\r\n\r\n{\"price\":1}"
#define OK OK_HEAD ONE
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\nB\r\n{\"price\":1}\r\n0\r\n\r\n"
#define URL "GET http://127.0.0.1:PORT/price/7: "

/* ---- deadlines and cancels ---- */

NET_SIM_TEST(the_read_deadline_ends_a_call)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 200 OK\r\n", .then = NET_HANG });
    weft_response r;
    int rc = weft_exchange(&r, (.read_ms = 2500), "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT,
        URL "no answer after # ms (read deadline, while the answer's head came)");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "after 2500 ms") != NULL);
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 504);
    WEFT_CHECK_EQ(net_conns(), 0);
    net_pause(1);
    WEFT_CHECK_EQ(up.open, 0);
    return 0;
}

NET_SIM_TEST(without_deadlines_of_its_own_a_call_waits_half_a_minute)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    Quote q;
    int64_t began = weft_now_ns();
    int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT,
        URL "no answer after # ms (read deadline, while waiting for the answer)");
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 30000);
    return 0;
}

/* A loop that stood still may tell the deadline before the task has come to wait. */
NET_SIM_TEST(who_comes_late_to_wait_for_its_answer_does_not_wait_for_ever)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 11\r\n\r\n{\"price\":1}" });
    Quote q;
    weft__origin *origin;
    weft__url url;
    const char *wrong;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    WEFT_NEED(weft__url_parse(weft_str_of(up_base), &url, &wrong) == 0);
    WEFT_TRY(weft__origin_find(net_client(), &url, NULL, WEFT_HTTP2_DEFAULT, &origin));
    weft__conn *c = weft__conn_take(origin);
    WEFT_NEED(c && weft__conn_asks(c));
    net_pause(31000);
    char byte;
    WEFT_SCOPE(s, .timeout_ms = 60000);
    int64_t began = weft_now_ns();
    WEFT_CHECK_EQ(weft__stream_recv(&c->stream, &byte, 1, INT64_MAX), WEFT_ETIMEDOUT);
    WEFT_CHECK((weft_now_ns() - began) / 1000000 < 1000);
    weft__conn_answered(c);
    weft__conn_drop(c);
    return 0;
}

static int waits_half_a_minute(const net_ask_in *in)
{
    net_pause(in->id * 700);
    int64_t began = weft_now_ns();
    Quote q;
    WEFT_CHECK_EQ(net_ask(in, &q), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 30000);
    return 0;
}

NET_SIM_TEST(each_of_many_calls_has_its_own_half_a_minute)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    NET_UPSTREAM(other, { .bytes = NULL, .pause_ms = 29000 });
    WEFT_SCOPE(s);
    for (int i = 0; i < 50; i++) weft_spawn(s, waits_half_a_minute, (&(net_ask_in){ up_base, i }));
    for (int i = 0; i < 3; i++) WEFT_TRY(net_ask_many(&other_base, 1, 40));
    return weft_join(s);
}

NET_SIM_TEST(the_total_deadline_ends_a_call_that_trickles)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 100\r\n\r\n"
        "....................................................................",
        .slice = 1, .slice_ms = 1000 });
    weft_response r;
    int rc = weft_exchange(&r, (.total_ms = 60500), "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT,
        URL "no answer after # ms (total deadline, while the body came)");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "after 60500 ms") != NULL);
    return 0;
}

NET_SIM_TEST(the_deadline_of_a_call_around_names_itself)
{
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    Quote q;
    weft_error e;
    WEFT_TRY(weft_gather(weft_call(net_ask, (&(net_ask_in){ up_base, 7 }), &q, .timeout_ms = 300,
        .error = &e)));
    WEFT_CHECK_EQ(e.code, WEFT_ETIMEDOUT);
    WEFT_CHECK(strstr(e.text,
        "/price/7: no answer after 300 ms (deadline of the call or scope around it)") != NULL);
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
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_fetch(Quote, &q, "{+}/", up_base),
        WEFT_ECANCELED);
    WEFT_CHECK_EQ(net_conns(), 0);
    WEFT_CHECK_EQ(net_client()->opened, 0);
    return 0;
}

/* A deadline at each moment of a call: while the name resolves, the connection opens, the request
 * goes, and the answer's head and body come. */
static int cut_everywhere(void)
{
    static char body[9000];
    static const net_answer answers[] = {
        { .bytes = CHUNKED, .slice = 9, .slice_ms = 1 },
        { .bytes = OK, .slice = 4, .slice_ms = 2 }, { .bytes = OK, .pause_ms = 3,
            .then = NET_CLOSE },
    };
    weft_str bytes = { body, sizeof body };
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.1"));
    WEFT_TRY(weft__sim_name(net_os, "shop.example", "127.0.0.2"));
    net_upstream up;
    WEFT_SCOPE(s, .forget = true);
    net_upstream_start(&up, s, answers, 3);
    int fds = net_fds(), ended = 0;
    for (int ms = 1; ms < 200; ms += 1 + ms / 40) {
        weft_response r;
        WEFT_SCOPE(cut, .timeout_ms = ms);
        int rc = weft_exchange(&r, (.method = "PUT", .body = bytes), "{+}/x",
            weft_format("http://shop.example:%d", up.port).ptr);
        WEFT_CHECK(rc == 0 || rc == WEFT_ETIMEDOUT);
        ended += rc == 0;
        if (rc < 0) WEFT_CHECK(!net_client()->idle.first && !net_client()->asking.first);
    }
    WEFT_CHECK(ended > 5);
    net_pause(31000);
    WEFT_CHECK_EQ(net_conns(), 0);
    WEFT_CHECK_EQ(net_fds(), fds);
    return 0;
}

WEFT_TEST(a_cut_in_any_phase_of_a_call_leaks_nothing__sim)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        net_sim(&(weft__sim_opts){ .seed = seed, .resolve_ns = 3000000, .delay_min_ns = 1000000,
            .delay_max_ns = 1900000,
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
    net_sim(&(weft__sim_opts){ .delay_min_ns = 6000000000, .delay_max_ns = 6000000000 },
        weft_call(slow_connect));
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
    WEFT_CHECK_EQ(net_conns(), 1);
    WEFT_CHECK_EQ(up.accepted, 1); /* what answered is what is used */
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
    net_pause(10);
    Quote q;
    int64_t began = weft_now_ns();
    int fds = net_fds();
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", weft_format("http://shop.example:%d", up.port).ptr));
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 250);
    WEFT_CHECK_EQ(net_fds(), fds + 2);
    WEFT_CHECK_EQ(up.accepted, 1);
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
    NET_CHECK_ERROR(rc, WEFT_ECONNREFUSED,
        "GET http://shop.example:PORT/x: connection refused after # ms");
    return 0;
}


NET_TEST(localhost_is_called_by_name)
{
    NET_UPSTREAM(up, { .bytes = OK });
    Quote q;
    for (int i = 0; i < 3; i++) WEFT_TRY(weft_fetch(Quote, &q, "{+}/x",
        weft_format("http://localhost:%d", up.port).ptr));
    WEFT_CHECK_EQ(net_conns(), 1);
    return 0;
}

/* ---- faults of the system and of memory ---- */

static int with_fault(const char *op, int code)
{
    net_upstream up;
    WEFT_SCOPE(s, .forget = true);
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
        net_pause(100);
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
    NET_CHECK_ERROR(rc, -EMFILE,
        "GET http://127.0.0.1:PORT/x: no connection after # ms: Too many open files");
    return 0;
}

/* Each allocation of a call fails in turn, also those of opening a connection. A head that cannot be kept is no failure. */
NET_SIM_TEST(a_call_without_memory_fails_cleanly)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED, .first = 60, .slice_ms = 1,
        .then = NET_CLOSE });
    int failures = 0;
    for (long n = 0; n < 60; n++) {
        WEFT_TEMP;
        Quote q = { .price = 5 };
        net_fail_after = n;
        int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
        net_fail_after = -1;
        WEFT_CHECK(rc == 0 ? q.price == 1 : q.price == 5);
        failures += rc < 0;
        net_pause(10);
        WEFT_CHECK_EQ(net_conns(), 0);
    }
    WEFT_CHECK(failures > 3);
    Quote q;
    return weft_fetch(Quote, &q, "{+}/price/7", up_base);
}

/* An upstream that refuses a large body before it has read it. */
NET_TEST(an_answer_before_the_whole_request_has_gone_is_taken_or_told)
{
    enum { LARGE = 1024 * 1024 };
    char *body = scratch(LARGE);
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno",
        .unread = true });
    for (int i = 0; i < 4; i++) {
        weft_response r = { 0 };
        int rc = weft_exchange(&r, (.method = "PUT", .body = { body, LARGE }), "{+}/price/7",
            up_base);
        if (rc == 0) WEFT_CHECK_EQ(r.status, 413);
        else WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
        WEFT_CHECK_EQ(net_conns(), 0);
    }
    return 0;
}

/* ---- chance ---- */

static uint64_t chance(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return (*state >> 33) % below;
}

/* Good answers with a few bytes changed, cut, doubled: some still are answers. */
static size_t mangled(uint64_t *state, char to[1024])
{
    static const char *const good[] = { OK, CHUNKED,
        OK_HEAD "Connection: close\r\n\r\n{\"price\":1}", OK OK,
        "HTTP/1.1 100 Continue\r\n\r\n" OK, "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: /x\r\nKeep-Alive: timeout=3\r\n\r\n" };
    size_t n = (size_t)snprintf(to, 1024, "%s", good[chance(state, weft_count(good))]);
    for (uint64_t changes = chance(state, 4); changes; changes--) {
        size_t at = chance(state, n);
        switch (chance(state, 4)) {
        case 0: to[at] = (char)chance(state, 256); break;
        case 1: to[at] = "\r\n: 0;9"[chance(state, 7)]; break;
        case 2: n = at + 1; break;
        default: if (n < 500) memmove(to + at + 1, to + at, n - at), n++;
        }
    }
    return n;
}

static int mangled_answers(void)
{
    uint64_t state = 7;
    int answered = 0;
    for (int i = 0; i < 400; i++) {
        WEFT_TEMP;
        net_upstream up;
        char bytes[1024];
        net_answer a = { .bytes = bytes, .len = mangled(&state, bytes) };
        a.slice = chance(&state, 3) ? chance(&state, 40) : 0;
        a.then = (net_then)chance(&state, 3);
        WEFT_SCOPE(s, .forget = true);
        net_upstream_start(&up, s, &a, 1);
        for (int k = 0; k < 3; k++) {
            weft_response r;
            int rc = weft_exchange(&r, (.read_ms = 50, .body_bytes_max = 600), "{+}/x", up.base);
            answered += rc == 0;
            WEFT_CHECK(rc == 0 || rc == WEFT_ETIMEDOUT || rc == WEFT_EPROTO
                || rc == WEFT_ECONNRESET || rc == WEFT_ELIMIT);
        }
        WEFT_CHECK(net_conns() <= 1 && !net_client()->asking.first);
    }
    WEFT_CHECK(answered > 100 && answered < 1100);
    return 0;
}

WEFT_TEST(whatever_is_answered_ends_well__sim)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        net_sim(&(weft__sim_opts){ .seed = seed, .short_io_percent = seed * 15,
            .reset_permille = seed > 2 ? 20 : 0 }, weft_call(mangled_answers));
    }
}
