#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "http/client_world.h"
#include "weft/task.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define ONE "Content-Length: 11\r\n\r\n{\"price\":1}"
#define OK OK_HEAD ONE
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\nB\r\n{\"price\":1}\r\n0\r\n\r\n"
#define URL "GET http://127.0.0.1:PORT/price/7: "

/* ---- many calls at once ---- */

NET_TEST(calls_at_once_get_each_their_own_answer)
{
    NET_UPSTREAM(up, { .bytes = NULL, .slice = 7 }, { .bytes = NULL });
    WEFT_TRY(net_ask_many(&up_base, 1, 60));
    WEFT_CHECK_EQ(up.requests, 60);
    return 0;
}

NET_TEST(a_hundred_calls_share_the_connections_that_the_limit_allows)
{
    net_client()->limits.origin_max = 7;
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(net_ask_many(&up_base, 1, 100));
    WEFT_CHECK_EQ(up.accepted, 7);
    WEFT_CHECK_EQ(up.open_max, 7);
    WEFT_TRY(net_ask_many(&up_base, 1, 100));
    WEFT_CHECK_EQ(up.accepted, 7);
    return 0;
}

WEFT_TEST(the_limits_that_users_set_are_those_of_the_next_loop)
{
    weft__client *client;
    weft__os *os = weft__sim_new(&(weft__sim_opts){ .seed = 0 });
    WEFT_CHECK_EQ(weft_client_limits(.connections_max = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_client_limits(.origin_connections_max = 7, .idle_ms = 5000), 0);
    for (int i = 0; i < 2; i++) {
        weft__loop *loop = weft__loop_new(os);
        WEFT_NEED(loop != NULL && weft__client_of(loop, &client) == 0);
        WEFT_CHECK_EQ(client->limits.origin_max, i ? 100 : 7);
        WEFT_CHECK_EQ(client->limits.idle_ms, i ? 30000 : 5000);
        WEFT_CHECK_EQ(client->limits.total_max, 1000);
        weft__loop_free(loop);
        WEFT_CHECK_EQ(weft_client_limits(.idle_ms = 0), 0);
    }
    os->ops->free(os);
}

NET_TEST(limits_set_after_a_call_are_refused)
{
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(net_ask_many(&up_base, 1, 1));
    WEFT_CHECK_EQ(weft_client_limits(.idle_ms = 1), WEFT_EBUSY);
    return 0;
}

NET_TEST(connections_that_close_make_room_for_those_who_wait)
{
    net_client()->limits.origin_max = 3;
    static const net_answer answer[] = { { .bytes = NULL, .then = NET_CLOSE } };
    net_upstream up;
    WEFT_SCOPE(s, .forget = true);
    net_upstream_start(&up, s, answer, 1);
    const char *base = up.base;
    /* The answer says keep-alive, and the close comes behind it: the next in line may get it, find
     * it dead, and try again. */
    WEFT_TRY(net_ask_many(&base, 1, 40));
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
        WEFT_TRY(net_ask_many(bases, 3, 50));
        WEFT_CHECK(net_conns() <= 4);
    }
    WEFT_CHECK_EQ(a.requests, 51);
    WEFT_CHECK_EQ(b.requests, 51);
    WEFT_CHECK_EQ(c.requests, 48);
    return 0;
}

NET_TEST(an_idle_connection_makes_room_for_another_origin)
{
    net_client()->limits.total_max = 1;
    NET_UPSTREAM(a, { .bytes = NULL });
    NET_UPSTREAM(b, { .bytes = NULL });
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(net_ask_many(&a_base, 1, 1));
        WEFT_TRY(net_ask_many(&b_base, 1, 1));
        WEFT_CHECK_EQ(net_conns(), 1);
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
    WEFT_TRY(net_ask_many(bases, 3, 90));
    WEFT_CHECK(net_conns() <= 5);
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

static int hang_here(const net_ask_in *in)
{
    Quote q;
    return net_ask(in, &q);
}

NET_SIM_TEST(a_wait_for_a_connection_ends_with_who_holds_them)
{
    net_client()->limits.origin_max = 2;
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    WEFT_SCOPE(s);
    for (int i = 0; i < 2; i++) weft_spawn(s, hang_here, (&(net_ask_in){ up_base, i }));
    net_pause(50);
    weft_response r;
    int rc = weft_exchange(&r, (.connect_ms = 100), "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no connection became free within # ms (connect "
        "deadline): all 2 connections to 127.0.0.1:PORT (limit per origin) are in use, by "
        "hang_here (2), for up to # ms");
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "within 100 ms") && strstr(weft_error_of(rc)->text,
        "for up to 150 ms"));
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
    for (int i = 0; i < 2; i++) weft_spawn(s, hang_here, (&(net_ask_in){ up_base, i }));
    net_pause(50);
    weft_response r;
    int rc = weft_exchange(&r, (.connect_ms = 100), "{+}/price/7", other_base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no connection became free within # ms (connect "
        "deadline): all 2 connections of this loop (limit in total) are in use, by "
        "hang_here (2), for up to # ms");
    weft_cancel(s);
    return 0;
}

/* Those with the usual deadline share one timer; each still waits for its own five seconds, and a connection that comes
 * free goes to who has not yet given up. */
typedef struct gives_up { const char *base; int after_ms, connect_ms, ended_ms; } gives_up;
static int ask_and_give_up(gives_up *const *in)
{
    gives_up *g = *in;
    weft_response r;
    WEFT_TRY(weft_sleep_ms(g->after_ms));
    int64_t from_ns = weft_now_ns();
    int rc = weft_exchange(&r, (.connect_ms = g->connect_ms), "{+}/price/7", g->base);
    g->ended_ms = (int)((weft_now_ns() - from_ns) / 1000000);
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "no connection became free within") != NULL);
    return 0;
}

NET_SIM_TEST(each_wait_for_a_connection_has_a_deadline_of_its_own)
{
    net_client()->limits.origin_max = 1;
    NET_UPSTREAM(up, { .bytes = "", .then = NET_HANG });
    static gives_up g[] = { { .after_ms = 0 }, { .after_ms = 700 }, { .after_ms = 900, .connect_ms = 50 },
        { .after_ms = 4990 }, { .after_ms = 6000 } };
    WEFT_SCOPE(holder);
    weft_spawn(holder, hang_here, (&(net_ask_in){ up_base, 1 }));
    net_pause(1);
    for (int round = 0; round < 2; round++) {
        WEFT_SCOPE(s);
        for (size_t i = 0; i < weft_count(g); i++) {
            g[i].base = up_base;
            gives_up *at = &g[i];
            weft_spawn(s, ask_and_give_up, &at);
        }
        WEFT_TRY(weft_join(s));
        for (size_t i = 0; i < weft_count(g); i++) WEFT_CHECK_EQ(g[i].ended_ms, g[i].connect_ms ? 50 : 5000);
    }
    weft_cancel(holder);
    return 0;
}

/* What waits has written its request before; what others send meanwhile is in the same buffers. */
typedef struct asks_late { const char *base, *word, *encoded; } asks_late;
static int post_late(const asks_late *in)
{
    weft_header h[] = { { WEFT_S("X-Word"), weft_str_of(in->word) } };
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = weft_str_of(in->word), .content_type = "text/plain",
        .headers = h, .header_count = 1), "{+}/say/{}?w={}", in->base, in->word, in->word));
    WEFT_CHECK_EQ(r.status, 200);
    return 0;
}

NET_TEST(a_request_that_waited_for_its_connection_is_the_one_that_was_asked)
{
    net_client()->limits.origin_max = 1;
    NET_UPSTREAM(up, { .bytes = OK, .pause_ms = 1 });
    asks_late asked[] = { { up_base, "the first one, and a long one", "the%20first%20one%2C%20and%20a%20long%20one" },
        { up_base, "second", "second" }, { up_base, "3rd/?", "3rd%2F%3F" } };
    WEFT_SCOPE(s);
    for (size_t i = 0; i < weft_count(asked); i++) weft_spawn(s, post_late, &asked[i]);
    WEFT_TRY(weft_join(s));
    WEFT_CHECK_EQ(up.requests, 3);
    int found = 0;
    for (size_t i = 0; i < weft_count(asked); i++) {             /* whose turn came last the simulator draws */
        char line[200], rest[200];
        snprintf(line, sizeof line, "POST /say/%s?w=%s HTTP/1.1\r\nHost: 127.0.0.1:", asked[i].encoded, asked[i].encoded);
        snprintf(rest, sizeof rest, "\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nX-Word: %s\r\n\r\n%s",
            strlen(asked[i].word), asked[i].word, asked[i].word);
        const char *at = strstr(up.last, rest);
        found += strstr(up.last, line) == up.last && at && strlen(at) == strlen(rest);
    }
    WEFT_CHECK_EQ(found, 1);
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
            net_ask_in in = { up_base, i };
            weft_spawn(s, net_ask, &in, &got[i], .timeout_ms = 1 + (i * 7 + ms) % 9,
                .error = &errors[i]);
        }
        WEFT_TRY(weft_join(s));
        for (int i = 0; i < 12; i++) WEFT_CHECK(errors[i].code == 0
            || errors[i].code == WEFT_ETIMEDOUT);
        WEFT_CHECK(net_conns() <= 2);
    }
    net_client()->limits.origin_max = 100;
    return net_ask_many(&up_base, 1, 30);
}

NET_SIM_TEST(origins_without_connections_are_forgotten_for_new_ones)
{
    net_client()->limits.origins_max = 3;
    Quote q;
    for (int port = 2001; port < 2020; port++) WEFT_CHECK_EQ(weft_fetch(Quote, &q, "{+}/x",
        weft_format("http://127.0.0.1:%d", port).ptr), WEFT_ECONNREFUSED);
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

static int ask_well(const net_ask_in *in)
{
    Quote q;
    WEFT_CHECK_EQ(net_ask(in, &q), 0);
    return 0;
}

/* The loop's limit is reached, so it has no connection yet: it is in use all the same. */
NET_SIM_TEST(an_origin_that_calls_wait_for_is_not_forgotten)
{
    net_client()->limits.total_max = 1;
    net_client()->limits.origins_max = 2;
    NET_UPSTREAM(a, { .bytes = OK, .pause_ms = 100 });
    NET_UPSTREAM(b, { .bytes = OK });
    NET_UPSTREAM(c, { .bytes = OK });
    WEFT_SCOPE(s);
    weft_spawn(s, ask_well, (&(net_ask_in){ a_base, 1 }));
    weft_spawn(s, ask_well, (&(net_ask_in){ b_base, 2 }));
    net_pause(50);
    Quote q;
    int rc = weft_fetch(Quote, &q, "{+}/price/7", c_base);
    NET_CHECK_ERROR(rc, WEFT_ELIMIT, URL "connections to 2 hosts are in use (limit)");
    WEFT_TRY(weft_join(s));
    WEFT_CHECK_EQ(b.requests, 1);
    return weft_fetch(Quote, &q, "{+}/x", c_base);
}

/* ---- keep-alive ---- */

NET_TEST(a_connection_the_peer_has_closed_is_not_used_again)
{
    NET_UPSTREAM(up, { .bytes = OK });
    up.idle_ms = 5;
    Quote q;
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, i));
        net_pause(50);
        WEFT_CHECK_EQ(net_conns(), 0);
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
    WEFT_CHECK_EQ(net_conns(), 0);
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
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET, "POST http://127.0.0.1:PORT/: closed without an answer "
        "after # ms, and POST must not be sent twice");
    WEFT_CHECK_EQ(up.requests, 2);
    WEFT_TRY(weft_exchange(&r, (.method = "POST"), "{+}/", up_base));
    return 0;
}

/* What the first try met says nothing of the second. */
NET_SIM_TEST(a_call_made_anew_keeps_its_connection)
{
    NET_UPSTREAM(up, { .bytes = OK });
    up.idle_ms = 20;
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, 1));
    WEFT_CHECK_EQ(weft__sim_fail(net_os, "send", 1, -EPIPE), 0);
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, 2));
    WEFT_CHECK_EQ(net_client()->retried, 1);
    WEFT_CHECK_EQ(net_conns(), 1);
    return 0;
}

/* The upstream has read a part of it when it breaks off; that nothing had gone at first is no
 * excuse. */
NET_SIM_TEST(a_post_that_went_slowly_is_not_sent_twice_either)
{
    static char large[200 * 1024];
    NET_UPSTREAM(up, { .bytes = OK });
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.method = "POST"), "{+}/", up_base));
    WEFT_CHECK_EQ(weft__sim_fail(net_os, "send", 1, -EAGAIN), 0);
    weft_str body = { large, sizeof large };
    int rc = weft_exchange(&r, (.method = "POST", .body = body), "{+}/", up_base);
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET, "POST http://127.0.0.1:PORT/: closed without an "
        "answer after # ms, and POST must not be sent twice");
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

NET_TEST(an_answer_cut_after_its_first_byte_is_not_asked_again)
{
    NET_UPSTREAM(up, { .bytes = OK }, { .bytes = "H", .then = NET_CLOSE }, { .bytes = OK });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/price/7", up_base));
    int rc = weft_fetch(Quote, &q, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET,
        URL "closed in the middle of the answer's head, after 1 bytes and # ms");
    WEFT_CHECK_EQ(up.requests, 2);
    return 0;
}

static int sends_more_than_asked(const char *bytes, size_t first, int slice_ms)
{
    net_answer answer = { .bytes = bytes, .first = first, .slice_ms = slice_ms };
    net_upstream up;
    WEFT_SCOPE(s, .forget = true);
    net_upstream_start(&up, s, &answer, 1);
    Quote q;
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up.base, i));
        WEFT_CHECK(q.price == 1);
        net_pause(60);
        WEFT_CHECK_EQ(net_conns(), 0);
    }
    WEFT_CHECK_EQ(up.accepted, 3);
    return 0;
}

NET_TEST(a_connection_with_bytes_behind_the_answer_is_closed)
{
    WEFT_TRY(sends_more_than_asked(OK OK,
        0, 0));
    WEFT_TRY(sends_more_than_asked(OK "\n", 0, 0));
    WEFT_TRY(sends_more_than_asked(CHUNKED "X", 0, 0));
    return 0;
}

NET_TEST(a_connection_that_speaks_unasked_is_closed)
{
    return sends_more_than_asked(OK "HTTP/1.1 408 Request Timeout\r\n\r\n", sizeof OK - 1, 20);
}

NET_TEST(a_connection_whose_body_was_refused_is_not_used_again)
{
    static const char answer[] = OK_HEAD "Content-Length: 40\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!";
    NET_UPSTREAM(up, { .bytes = answer, .first = 39, .slice_ms = 20 }, { .bytes = OK });
    weft_response r;
    WEFT_CHECK_EQ(weft_exchange(&r, (.body_bytes_max = 39), "{+}/", up_base), WEFT_ELIMIT);
    WEFT_TRY(weft_exchange(&r, (.body_bytes_max = 39), "{+}/", up_base));
    WEFT_CHECK_STR(r.body, "{\"price\":1}");
    WEFT_CHECK_EQ(up.accepted, 2);
    return 0;
}

NET_TEST(connection_close_and_http_1_0_are_heeded)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Connection: close\r\n" ONE },
        { .bytes = "HTTP/1.0 200 OK\r\n" ONE },
        { .bytes = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" ONE });
    Quote q;
    for (int i = 0; i < 4; i++) WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, i));
    WEFT_CHECK_EQ(up.accepted, 3);
    return 0;
}

NET_SIM_TEST(an_idle_connection_is_closed_after_half_a_minute)
{
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(net_ask_many(&up_base, 1, 10));
    net_pause(20000);
    WEFT_TRY(net_ask_many(&up_base, 1, 4));
    WEFT_CHECK_EQ(up.accepted, 10);
    net_pause(10001);
    WEFT_CHECK_EQ(net_conns(), 4);
    net_pause(20000);
    WEFT_CHECK_EQ(net_conns(), 0);
    WEFT_CHECK_EQ(up.open, 0);
    return 0;
}

NET_SIM_TEST(the_peers_own_idle_timeout_is_heeded)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Keep-Alive: timeout=5, max=100\r\n" ONE });
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    net_pause(3900);
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    WEFT_CHECK_EQ(up.accepted, 1);
    net_pause(4100);
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/x", up_base));
    WEFT_CHECK_EQ(up.accepted, 2);
    return 0;
}

NET_SIM_TEST(the_most_recently_used_connection_is_used_first)
{
    NET_UPSTREAM(up, { .bytes = NULL });
    WEFT_TRY(net_ask_many(&up_base, 1, 8));
    Quote q;
    for (int i = 0; i < 20; i++) {
        net_pause(2000);
        WEFT_TRY(weft_fetch(Quote, &q, "{+}/{}", up_base, i));
    }
    WEFT_CHECK_EQ(up.accepted, 8);
    WEFT_CHECK_EQ(net_conns(), 1);
    return 0;
}
