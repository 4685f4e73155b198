#define _GNU_SOURCE
/* Who stands in front of a server: proxies that it trusts, addresses that come too often, more requests than it can work on. */
#include <stdlib.h>
#include <string.h>
#include "os/sim.h"
#include "http/front.h"
#include "http/server_world.h"

/* Whoever it is that peers of a test are: they are on this machine, or in a simulator. */
#define EVERYBODY "0.0.0.0/0, ::/0, unix"

#define WHO(lines) "GET /who HTTP/1.1\r\nHost: inside\r\n" lines "\r\n"

#define BEFORE_TLS "its header stands before TLS: server_tls_test.c"

SERVER_TEST(a_trusted_proxy_says_who_the_client_is, .trusted_proxies = EVERYBODY)
{
    peer *p = peer_open(s);
    peer_say(p, WHO("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"));
    PEER_GETS(p, 200, "203.0.113.9 shop.example https");
    peer_say(p, WHO("X-Forwarded-For: 2001:db8::7\r\n"));
    PEER_GETS(p, 200, "2001:db8::7 inside -");
    peer_say(p, WHO("Forwarded: for=198.51.100.1;proto=https;host=evil.example\r\n"));      /* that is not what it says it in */
    answer a = { 0 };
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK(memmem(a.body.ptr, a.body.len, "198.51.100.1", 12) == NULL);
    WEFT_CHECK(memmem(a.body.ptr, a.body.len, "evil", 4) == NULL);
    peer_close(p);
}

SERVER_TEST(a_trusted_proxy_says_it_as_rfc_7239_asks, .trusted_proxies = EVERYBODY, .forwarded = true)
{
    peer *p = peer_open(s);
    peer_say(p, WHO("Forwarded: for=198.51.100.1;proto=https;host=shop.example\r\nX-Forwarded-For: 203.0.113.9\r\n"));
    PEER_GETS(p, 200, "198.51.100.1 shop.example https");
    peer_close(p);
}

SERVER_TEST(who_is_not_trusted_is_not_believed, .trusted_proxies = "203.0.113.0/24")
{
    peer *p = peer_open(s);
    peer_say(p, WHO("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"));
    answer a = { 0 };
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK(memmem(a.body.ptr, a.body.len, " inside -", 9) != NULL);
    WEFT_CHECK(memmem(a.body.ptr, a.body.len, "198.51.100.1", 12) == NULL);
    peer_close(p);
}

SERVER_PLAIN_TEST(a_header_of_the_proxy_protocol_comes_before_the_first_head, BEFORE_TLS, .trusted_proxies = EVERYBODY, .proxy_protocol = true)
{
    static const char two[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x07\xdc\x04\x01\xbb";
    peer *p = peer_open(s);
    peer_say(p, "PROXY TCP4 198.51.100.1 10.0.0.1 56324 443\r\n" WHO("") WHO(""));
    PEER_GETS(p, 200, "198.51.100.1 inside -");
    PEER_GETS(p, 200, "198.51.100.1 inside -");
    peer_close(p);
    p = peer_open(s);
    for (size_t i = 0; i < sizeof two - 1; i++) WEFT_CHECK_EQ(peer_send(p, two + i, 1), 0);
    peer_say(p, WHO(""));
    PEER_GETS(p, 200, "203.0.113.9 inside -");
    peer_close(p);
}

SERVER_PLAIN_TEST(a_connection_that_lacks_its_header_or_has_a_wrong_one_is_left, BEFORE_TLS, .trusted_proxies = EVERYBODY, .proxy_protocol = true)
{
    static const char *const bad[] = { GET("/hello"), "PROXY TCP4 1.2.3.4\r\n" GET("/hello"), "PROXY NONE\r\n", "\r\n\r\n" GET("/hello") };
    for (size_t i = 0; i < weft_count(bad); i++) {
        peer *p = peer_open(s);
        (void)peer_send(p, bad[i], strlen(bad[i]));
        (void)peer_rest(p);
        WEFT_CHECK_EQ(p->have, 0);
        peer_close(p);
    }
    WEFT_CHECK_STR(weft_str_of(s->log), "");
    peer *p = peer_open(s);
    peer_say(p, "PROXY UNKNOWN\r\n" GET("/hello"));
    PEER_GETS(p, 200, "hello");
    peer_close(p);
}

SERVER_TEST(who_is_no_proxy_sends_no_header, .trusted_proxies = "203.0.113.0/24", .proxy_protocol = true)
{
    const char *body;
    WEFT_CHECK_EQ(ask(s, GET_CLOSE("/hello"), &body), 200);
    WEFT_CHECK_EQ(ask(s, "PROXY TCP4 198.51.100.1 10.0.0.1 56324 443\r\n" GET_CLOSE("/hello"), &body), 400);
}

static void tell_who(served *s)
{
    peer *p = peer_open(s);
    peer_say(p, WHO(""));
    PEER_GETS(p, 200, "127.0.0.1 inside -");
    peer_close(p);
    p = peer_open(s);
    peer_say(p, WHO("X-Forwarded-For: ::ffff:203.0.113.9\r\n"));
    PEER_GETS(p, 200, "203.0.113.9 inside -");
    peer_close(p);
}

/* Else all of IPv4 were one network of IPv6, and one client took what all others have. */
WEFT_TEST(a_client_over_ipv4_is_one_also_where_both_families_are_listened_for__epoll)
{
    static const server_test test = { .body = tell_who, .opts = { .trusted_proxies = "127.0.0.1" } };
    server_mapped = true;
    server_epoll(&test);
}

SERVER_TEST(an_address_has_so_many_connections_and_no_more, .connections_per_address_max = 3)
{
    peer *p[3];
    const char *body;
    for (int i = 0; i < 3; i++) {
        p[i] = peer_open(s);
        peer_say(p[i], GET("/hello"));
        PEER_GETS(p[i], 200, "hello");
    }
    for (int i = 0; i < 5; i++) {
        WEFT_CHECK_EQ(ask(s, GET_CLOSE("/hello"), &body), 503);
        WEFT_CHECK(strstr(body, "connections_per_address_max") != NULL);
    }
    peer_close(p[1]);
    server_settle();
    SERVER_UNTIL(s->server->connections - s->server->rejected <= 2);
    WEFT_CHECK_EQ(ask(s, GET_CLOSE("/hello"), &body), 200);
    peer_close(p[0]);
    peer_close(p[2]);
}

SERVER_PLAIN_TEST(clients_behind_a_proxy_are_counted_each_by_his_own_address, BEFORE_TLS, .trusted_proxies = "127.0.0.0/8", .proxy_protocol = true, .connections_per_address_max = 2)
{
    const char *from[] = { "PROXY TCP4 198.51.100.1 10.0.0.1 1 2\r\n", "PROXY TCP4 198.51.100.2 10.0.0.1 1 2\r\n" };
    peer *p[4];
    for (int i = 0; i < 4; i++) {
        p[i] = peer_open(s);
        peer_say(p[i], from[i % 2]);
        peer_say(p[i], GET("/hello"));
        PEER_GETS(p[i], 200, "hello");
    }
    peer *more = peer_open(s);
    peer_say(more, from[0]);
    (void)peer_send(more, GET("/hello"), strlen(GET("/hello")));
    (void)peer_rest(more);
    WEFT_CHECK_EQ(more->have, 0);
    peer_close(more);
    for (int i = 0; i < 4; i++) peer_close(p[i]);
}

SERVER_TEST(more_requests_than_it_may_work_on_are_answered_503_at_once, .concurrency_max = 2)
{
    peer *a = peer_open(s), *b = peer_open(s), *c = peer_open(s);
    answer got = { 0 };
    peer_say(a, GET("/sleep/200"));
    peer_say(b, GET("/sleep/200"));
    SERVER_UNTIL(s->server->front->running == 2);
    peer_say(c, GET("/hello"));
    WEFT_NEED(peer_answer(c, &got));
    WEFT_CHECK_EQ(got.status, 503);
    WEFT_CHECK_STR(answer_header(&got, "Retry-After"), "1");
    WEFT_CHECK(memmem(got.body.ptr, got.body.len, "concurrency_max", 15) != NULL);
    PEER_GETS(a, 200, "slept");
    PEER_GETS(b, 200, "slept");
    peer_say(c, GET("/hello"));                      /* the connection is as good as before */
    PEER_GETS(c, 200, "hello");
    peer_close(a);
    peer_close(b);
    peer_close(c);
}

SERVER_PLAIN_EPOLL_TEST(while_the_loop_is_late_a_part_of_the_requests_is_left_undone, "handshakes of both sides make this loop late", .shed_lag_ms = 20)
{
    const char *body;
    int refused = 0;
    WEFT_CHECK_EQ(ask(s, GET_CLOSE("/hello"), &body), 200);
    for (int i = 0; i < 12; i++) {                   /* the loop is this test's, too: nobody else turns it meanwhile */
        int64_t until = weft__loop_clock(server_loop) + 100 * INT64_C(1000000);
        while (weft__loop_clock(server_loop) < until) continue;
        server_sleep(1);
    }
    WEFT_CHECK(s->server->front->shed_of_1024 >= 500);
    for (int i = 0; i < 40; i++) refused += ask(s, GET_CLOSE("/hello"), &body) == 503;
    WEFT_CHECK(refused > 0);
    for (int i = 0; i < 10; i++) {                   /* others may make it late once more; nobody is refused while it is not */
        int got = 503;
        for (int tries = 0; got == 503 && tries < 100; tries++) {
            SERVER_UNTIL(s->server->front->shed_of_1024 == 0);
            got = ask(s, GET_CLOSE("/hello"), &body);
            if (s->server->front->shed_of_1024 == 0) break;
        }
        WEFT_CHECK_EQ(got, 200);
    }
}

static int wakes_and_works(void)
{
    WEFT_TRY(weft_sleep_ms(500));
    weft__sim_work(server_os, 20 * 1000);
    return 0;
}

/* 4 000 timers take 80 ms of it, a few in each turn: nobody else waits for them. */
SERVER_CALM_TEST(a_crowd_that_is_due_together_is_no_loop_that_is_late, .shed_lag_ms = 20)
{
    const char *body;
    int rounds = 0;
    WEFT_SCOPE(crowd);
    for (int i = 0; i < 4000; i++) weft_spawn(crowd, wakes_and_works);
    for (int64_t end = weft__loop_now(server_loop) + 800 * INT64_C(1000000); weft__loop_now(server_loop) < end; rounds++) {
        WEFT_CHECK_EQ(ask(s, GET_CLOSE("/hello"), &body), 200);
        WEFT_CHECK_EQ(s->server->front->shed_of_1024, 0);
        server_sleep(2);
    }
    WEFT_CHECK(rounds > 100);
    WEFT_CHECK_EQ(weft_join(crowd), 0);
}

static bool enough;
static int computes_on(void)
{
    while (!enough) {
        weft__sim_work(server_os, 2000 * 1000);
        WEFT_TRY(weft_yield());
    }
    return 0;
}

typedef struct comer { served *s; bool slow; int64_t *took_ns; } comer;
static int comes(const comer *in)
{
    answer got = { 0 };
    int64_t since = weft__loop_clock(server_loop);
    peer *p = peer_open(in->s);
    peer_say(p, in->slow ? "GET /hello HTTP/1.1\r\nX-Slow: " : GET("/hello"));
    WEFT_NEED(peer_answer(p, &got));
    WEFT_CHECK_EQ(got.status, in->slow ? 408 : 200);
    *in->took_ns = weft__loop_clock(server_loop) - since;
    peer_close(p);
    return 0;
}

/* A turn is 128 ms: four in each would be thirty a second. */
SERVER_CALM_TEST(who_comes_is_accepted_and_who_is_slow_is_cut_in_time_beside_tasks_that_compute, .head_timeout_ms = 1000)
{
    enum { COUNT = 200 };
    static int64_t took_ns[COUNT];
    WEFT_SCOPE(busy);
    WEFT_SCOPE(crowd);
    enough = false;
    for (int i = 0; i < 64; i++) weft_spawn(busy, computes_on);
    for (int i = 0; i < COUNT; i++) weft_spawn(crowd, comes, (&(comer){ s, i % 2, &took_ns[i] }));
    WEFT_CHECK_EQ(weft_join(crowd), 0);
    enough = true;
    WEFT_CHECK_EQ(weft_join(busy), 0);
    for (int i = 0; i < COUNT; i++) WEFT_CHECK(took_ns[i] < (i % 2 ? 3 : 2) * INT64_C(1000000000));
}

SERVER_TEST(counts_of_many_addresses_come_and_go_and_none_is_lost, .connections_per_address_max = 2, .connections_max = 40)
{
    enum { COUNT = 60 };
    weft__front *f = s->server->front;
    connection all[COUNT] = { 0 };
    bool in[COUNT] = { false };
    unsigned seed = 7;
    for (int i = 0; i < COUNT; i++) all[i].peer = (weft__peer){ 2, { 198, 51, 100, (uint8_t)(i / 3) } };
    for (int round = 0; round < 5000; round++) {
        seed = seed * 1103515245 + 12345;
        int k = (int)(seed >> 16) % COUNT, same = 0;
        for (int i = k / 3 * 3; i < k / 3 * 3 + 3; i++) same += in[i] && i != k;
        if (in[k]) weft__front_left(f, &all[k]), in[k] = false;
        else {
            bool came = weft__front_came(f, &all[k]);
            WEFT_NEED(came == (same < 2));
            in[k] = came;
        }
    }
    for (int i = 0; i < COUNT; i++) weft__front_left(f, &all[i]);
    for (uint32_t i = 0; i < f->places; i++) WEFT_CHECK_EQ(f->addresses[i].key, 0);
}
