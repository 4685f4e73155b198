/* Clients that leave: with a request running, half of the way, or with answers unread. */
#include <stdio.h>
#include <string.h>
#include "http/server_world.h"

SERVER_TEST(a_client_that_leaves_cancels_a_handler_that_asked_for_it)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/watch/60000"));
    SERVER_UNTIL(s->began == 1);
    int64_t began = server_ms();
    peer_close(p);
    SERVER_UNTIL(s->cut == 1);
    WEFT_CHECK_EQ(s->last_rc, WEFT_ECANCELED);
    WEFT_CHECK(server_ms() < began + 1000);
    SERVER_UNTIL(s->server->connections == 0);
}

/* The turn that brings the news runs the handler too: nothing else has to happen first. */
SERVER_CALM_TEST(the_cancel_comes_in_the_turn_of_the_news, )
{
    peer *p = peer_open(s);
    peer_say(p, GET("/watch/60000"));
    SERVER_UNTIL(s->began == 1);
    long before = server_count.wait;
    peer_close(p);
    for (int i = 0; i < 10 && !s->cut; i++) WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK_EQ(s->cut, 1);
    WEFT_CHECK(server_count.wait - before <= 2); /* the packet's way, and the turn it comes in */
}

SERVER_TEST(a_client_that_leaves_does_not_cancel_any_other_handler)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/200"));
    SERVER_UNTIL(s->began == 1);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->cut, 0);
    WEFT_CHECK_EQ(s->last_rc, 0);
}

SERVER_TEST(leaving_cancels_the_handler_of_one_connection_alone)
{
    peer *p = peer_open(s), *q = peer_open(s);
    peer_say(p, GET("/watch/60000"));
    peer_say(q, GET("/watch/300"));
    SERVER_UNTIL(s->began == 2);
    peer_close(p);
    SERVER_UNTIL(s->cut == 1);
    PEER_GETS(q, 200, "slept");
    WEFT_CHECK_EQ(s->cut, 1);
    peer_close(q);
}

SERVER_TEST(the_handler_of_a_client_that_left_before_it_began_is_cancelled)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/sleep/100") GET("/watch/60000") GET("/hello"));
    SERVER_UNTIL(s->began == 1);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(s->began < 2 || s->cut == 1);
}

/* Pipelined requests of a handler that waits keep their buffer: the end of the client is seen
 * behind them. */
SERVER_TEST(leaving_is_seen_behind_pipelined_requests)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/watch/60000") GET("/hello"));
    SERVER_UNTIL(s->began == 1);
    server_settle();
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->cut, 1);
}

/* Its kernel says so at the first answer that it gets. */
SERVER_EPOLL_TEST(who_has_left_is_not_served_to_the_end)
{
    static char all[200 * sizeof GET("/safe")] = GET("/watch/60000");
    peer *p = peer_open(s);
    for (int i = 0; i < 100; i++) strcat(all, GET("/safe"));
    peer_say(p, all);
    SERVER_UNTIL(s->began == 1);
    server_settle();
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->cut, 1);
    WEFT_CHECK(s->began < 20);
}

/* ---- only its own side ---- */

SERVER_TEST(who_ends_only_its_own_side_gets_all_its_answers)
{
    peer *p = peer_open(s);
    answer a;
    peer_say_end(p,
        GET("/hello") POST("/echo", "3", "abc") GET("/sleep/100") GET("/large/300000")
            GET("/hello"));
    PEER_GETS(p, 200, "hello");
    PEER_GETS(p, 200, "abc");
    PEER_GETS(p, 200, "slept");
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK(is_pattern(a.body, 300000));
    PEER_GETS(p, 200, "hello");
    PEER_ENDS(p);
    peer_close(p);
}

/* Whether it still listens cannot be known; a handler that need not wait answers, one that would is
 * cancelled. */
SERVER_TEST(a_handler_that_asked_for_it_is_cancelled_by_an_end_of_one_side_and_says_so)
{
    peer *p = peer_open(s);
    peer_say_end(p, GET("/watch/60000"));
    PEER_GETS(p, 503, "cut");
    PEER_ENDS(p);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
}

/* Also when the end came with the requests, and whoever stands between them. */
SERVER_TEST(the_cancel_of_one_request_is_not_that_of_those_behind_it)
{
    peer *p = peer_open(s);
    peer_say_end(p,
        GET("/safe") GET("/safe") GET("/watch/60000") POST("/echo", "3", "abc") GET("/sleep/50")
            GET("/watch/60000") GET("/safe"));
    PEER_GETS(p, 200, "safe");
    PEER_GETS(p, 200, "safe");
    PEER_GETS(p, 503, "cut");
    PEER_GETS(p, 200, "abc");
    PEER_GETS(p, 200, "slept");
    PEER_GETS(p, 503, "cut");
    PEER_GETS(p, 200, "safe");
    PEER_ENDS(p);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
}

SERVER_TEST(who_ends_its_side_gets_a_hundred_answers_that_need_no_wait)
{
    static char all[100 * sizeof GET("/safe")];
    peer *p = peer_open(s);
    all[0] = 0;
    for (int i = 0; i < 100; i++) strcat(all, GET("/safe"));
    peer_say_end(p, all);
    for (int i = 0; i < 100; i++) PEER_GETS(p, 200, "safe");
    PEER_ENDS(p);
    peer_close(p);
}

SERVER_TEST(nothing_comes_of_half_a_head)
{
    peer *p = peer_open(s);
    peer_say_end(p, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    PEER_ENDS(p);
    WEFT_CHECK_EQ(s->began, 0);
    peer_close(p);
    p = peer_open(s);
    peer_say(p, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    server_settle();
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
}

SERVER_TEST(who_ends_its_side_in_silence_is_closed_at_once)
{
    peer *p = peer_open(s);
    peer_say_end(p, "");
    int64_t began = server_ms();
    PEER_ENDS(p);
    WEFT_CHECK(server_ms() < began + 1000);
    peer_close(p);
}

/* ---- with answers unread ---- */

SERVER_TEST(a_client_that_leaves_a_large_answer_unread_costs_nothing_more)
{
    peer *p = peer_open(s);
    peer_say(p, GET("/large/20000000") GET("/hello"));
    SERVER_UNTIL(s->began == 1);
    server_settle();
    peer_close(p);
    int64_t began = server_ms();
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK(server_ms() < began + 5000);
    WEFT_CHECK_STR(weft_str_of(s->log), "/large/20000000 ");
}

SERVER_TEST(answers_for_a_client_that_left_go_nowhere)
{
    for (int i = 0; i < 5; i++) {
        peer *p = peer_open(s);
        peer_say(p, GET("/hello") GET("/sleep/50") GET("/hello"));
        SERVER_UNTIL(s->began >= 2 * (i + 1));
        peer_close(p);
        SERVER_UNTIL(s->server->connections == 0);
        s->began = 2 * (i + 1);
    }
    WEFT_CHECK_EQ(ask(s, GET("/hello"), NULL), 200);
}

/* ---- storms ---- */

/* A client in a storm: what it gets is right, or nothing. */
static int stormy_client(served *const *in)
{
    served *s = *in;
    for (int i = 0; i < 6; i++) {
        peer *p = peer_open(s);
        answer a;
        if (p->rc == 0
            && peer_send(p,
                   GET("/hello") POST("/echo", "5", "12345") GET("/large/20000") GET("/watch/3"),
                   strlen(GET("/hello") POST("/echo", "5", "12345") GET("/large/20000")
                           GET("/watch/3")))
                == 0) {
            if (peer_answer(p, &a)) WEFT_CHECK_STR(a.body, "hello");
            if (peer_answer(p, &a)) WEFT_CHECK_STR(a.body, "12345");
            if (peer_answer(p, &a)) WEFT_CHECK(is_pattern(a.body, 20000));
            if (i % 2 && peer_answer(p, &a)) WEFT_CHECK(a.status == 200);
        }
        peer_close(p);
    }
    return 0;
}

static void storm(served *s)
{
    served *const in = s;
    {
        WEFT_SCOPE(clients, .forget = true);
        for (int i = 0; i < 8; i++) (void)weft_spawn(clients, stormy_client, &in);
        WEFT_CHECK_EQ(weft_join(clients), 0);
    }
    SERVER_UNTIL(s->server->connections == 0);
}

WEFT_TEST(in_a_storm_of_resets_no_answer_is_wrong_and_nothing_is_left__sim)
{
    static const server_test test = { .body = storm, .opts = { .idle_timeout_ms = 5000 } };
    for (uint64_t seed = 1; seed <= server_seed_count(40); seed++) {
        server_sim(&test,
            &(weft__sim_opts){ .seed = seed,
                .short_io_percent = seed % 5 * 20,
                .delay_max_ns = 500 * 1000,
                .reset_permille = 5 + seed % 60,
                .refuse_permille = 50,
                .window = seed % 3 ? 0 : 3000 });
    }
}
