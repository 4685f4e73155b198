/* The server over TLS: handshakes and their deadline, who speaks plain HTTP to it, the port that redirects, and that all is as
 * without TLS. (WEFT_TEST_TLS=1 runs all tests of the server so.) */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "http/server_world.h"
#include "weft/client.h"

#define SECURE_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_tls = true; server_seeds(&name##_test); } \
    WEFT_TEST(name##__epoll) { server_tls = true; server_epoll(&name##_test); } \
    static void name(served *s)
#define SECURE_CALM_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_tls = true; server_sim(&name##_test, &(weft__sim_opts){ 0 }); } \
    static void name(served *s)

/* One that connects and speaks no TLS. */
static peer *plain_peer(const served *s, int port)
{
    served there = *s;
    there.port = port ? port : s->port;
    server_tls = false;
    peer *p = peer_open(&there);
    server_tls = true;
    return p;
}

SECURE_TEST(requests_over_tls_are_answered_one_after_the_other)
{
    peer *p = peer_open(s);
    WEFT_NEED(p->rc == 0);
    WEFT_CHECK_STR(weft__stream_alpn(&p->stream), "");           /* nobody asked */
    for (int i = 0; i < 3; i++) {
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 200, "hello");
    }
    peer_say(p, POST("/echo", "5", "tea?\n") GET("/hello") GET_CLOSE("/large/70000"));
    PEER_GETS(p, 200, "tea?\n");
    PEER_GETS(p, 200, "hello");
    answer a;
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK(is_pattern(a.body, 70000));
    PEER_ENDS(p);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
}

/* Everything that TLS has decrypted is looked at, although its socket says nothing any more. */
SECURE_TEST(requests_that_came_in_one_record_are_all_answered)
{
    peer *p = peer_open(s);
    char text[4096] = "";
    for (int i = 0; i < 40; i++) strcat(text, i % 2 ? GET("/sleep/1") : GET("/hello"));
    peer_say(p, text);
    for (int i = 0; i < 40; i++) PEER_GETS(p, 200, i % 2 ? "slept" : "hello");
    peer_close(p);
}

SECURE_TEST(a_large_body_goes_both_ways)
{
    enum { N = 300000 };
    peer *p = peer_open(s);
    static char body[N + 100];
    int head = snprintf(body, sizeof body, "POST /count/0 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", N);
    memset(body + head, 'x', sizeof body - (size_t)head);
    WEFT_CHECK_EQ(peer_send(p, body, (size_t)head + N), 0);
    PEER_GETS(p, 200, "300000");
    peer_say(p, GET("/arena/200000"));
    answer a;
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK(is_pattern(a.body, 200000));
    peer_close(p);
}

/* ---- who is not welcome ---- */

SECURE_TEST(plain_http_is_told_that_the_port_speaks_https)
{
    peer *p = plain_peer(s, 0);
    peer_say(p, GET("/hello"));
    PEER_GETS(p, 400, "{\"detail\":\"this port speaks HTTPS: ask for https:// instead of http://\"}");
    PEER_ENDS(p);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->began, 0);
}

SECURE_TEST(what_is_neither_is_closed_without_a_word, .head_timeout_ms = 500)
{
    static const char *const said[] = { "\x80\x2e\x01", "\x16\x02\x00\x00\x01x", "\n\n", "\xff\xff\xff\xff\xff", "\x16\x03\x01\x00\x05hello" };
    for (size_t i = 0; i < weft_count(said); i++) {
        peer *p = plain_peer(s, 0);
        (void)peer_send_blindly(p, said[i], i == 1 || i == 4 ? 6 : 3);
        (void)peer_rest(p);
        WEFT_CHECK(p->have == 0 || p->got[0] == 21);             /* at most an alert */
        peer_close(p);
    }
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->began, 0);
}

SECURE_TEST(a_handshake_has_the_time_of_a_head, .head_timeout_ms = 300, .idle_timeout_ms = 100000)
{
    peer *silent = plain_peer(s, 0), *half = plain_peer(s, 0), *good = peer_open(s);
    int64_t began = server_ms();
    WEFT_CHECK_EQ(peer_send_blindly(half, "\x16\x03\x01\x02\x00\x01\x00", 7), 0);
    WEFT_CHECK_STR(weft_str_of(peer_rest(silent)), "");
    WEFT_CHECK_STR(weft_str_of(peer_rest(half)), "");
    WEFT_CHECK(server_ms() - began < 2000);
    server_sleep(600);
    WEFT_CHECK_EQ(s->server->connections, 1);                    /* who has made it may be idle for longer */
    peer_say(good, GET("/hello"));
    PEER_GETS(good, 200, "hello");
    peer_close(silent);
    peer_close(half);
    peer_close(good);
}

/* ---- behind a proxy that tells of its client first ---- */

#define EVERYBODY "0.0.0.0/0, ::/0, unix"
#define WHO "GET /who HTTP/1.1\r\nHost: inside\r\n\r\n"
static const char line[] = "PROXY TCP4 198.51.100.1 10.0.0.1 56324 443\r\n";
static const char binary[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x07\xdc\x04\x01\xbb";

SECURE_TEST(tls_begins_behind_a_header_of_the_proxy_protocol, .trusted_proxies = EVERYBODY, .proxy_protocol = true)
{
    for (int i = 0; i < 4; i++) {
        bool two = i & 1, apart = i & 2;
        peer *p = two ? peer_open_behind(s, binary, sizeof binary - 1, apart) : peer_open_behind(s, line, sizeof line - 1, apart);
        WEFT_NEED(p->rc == 0);
        peer_say(p, WHO WHO);
        for (int k = 0; k < 2; k++) PEER_GETS(p, 200, two ? "203.0.113.9 inside -" : "198.51.100.1 inside -");
        peer_close(p);
    }
    SERVER_UNTIL(s->server->connections == 0);
}

SECURE_TEST(a_header_that_is_wrong_or_lacks_before_tls_ends_the_connection, .trusted_proxies = EVERYBODY, .proxy_protocol = true, .head_timeout_ms = 300,
    .idle_timeout_ms = 100000)
{
    static const char *const wrong[] = { "PROXY NONE\r\n", GET("/hello"), "\x16\x03\x01\x02\x00\x01\x00", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2", "", "\r\n\r\n" };
    for (size_t i = 0; i < weft_count(wrong); i++) {
        peer *p = plain_peer(s, 0);
        (void)peer_send_blindly(p, wrong[i], strlen(wrong[i]));
        (void)peer_rest(p);
        WEFT_CHECK_EQ(p->have, 0);
        peer_close(p);
    }
    peer *p = peer_open(s);                                      /* TLS at once */
    WEFT_CHECK(p->rc < 0);
    peer_close(p);
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->began, 0);
}

SECURE_TEST(plain_http_behind_that_header_is_told_of_https, .trusted_proxies = EVERYBODY, .proxy_protocol = true)
{
    for (int i = 0; i < 2; i++) {
        peer *p = plain_peer(s, 0);
        WEFT_CHECK_EQ(peer_send_blindly(p, line, sizeof line - 1), 0);
        if (i) server_settle();
        peer_say(p, GET("/hello"));
        PEER_GETS(p, 400, "{\"detail\":\"this port speaks HTTPS: ask for https:// instead of http://\"}");
        PEER_ENDS(p);
        peer_close(p);
    }
    SERVER_UNTIL(s->server->connections == 0);
    WEFT_CHECK_EQ(s->began, 0);
}

SECURE_TEST(who_is_one_too_many_behind_a_proxy_is_closed, .trusted_proxies = EVERYBODY, .proxy_protocol = true, .connections_max = 1)
{
    peer *p = peer_open_behind(s, line, sizeof line - 1, false);
    peer *q = plain_peer(s, 0);
    (void)peer_rest(q);
    WEFT_CHECK_EQ(q->have, 0);
    peer_close(q);
    peer_say(p, WHO);
    PEER_GETS(p, 200, "198.51.100.1 inside -");
    peer_close(p);
}

/* ---- the other port ---- */

SECURE_TEST(the_other_port_sends_to_https, .tls = { .redirect_port = -1 })
{
    char expected[128];
    peer *p = plain_peer(s, weft__server_redirect_port(s->server));
    answer a;
    peer_say(p, "GET /a%20b?c=d HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n" "POST /x HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 2\r\n\r\nhi");
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 308);
    snprintf(expected, sizeof expected, "https://shop.example:%d/a%%20b?c=d", s->port);
    WEFT_CHECK_STR(answer_header(&a, "Location"), expected);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 308);
    snprintf(expected, sizeof expected, "https://[::1]:%d/x", s->port);
    WEFT_CHECK_STR(answer_header(&a, "Location"), expected);
    peer_say(p, "GET http://other.example/y HTTP/1.1\r\nHost: other.example\r\n\r\n" "GET / HTTP/1.0\r\n\r\n");
    WEFT_NEED(peer_answer(p, &a));
    snprintf(expected, sizeof expected, "https://other.example:%d/y", s->port);
    WEFT_CHECK_STR(answer_header(&a, "Location"), expected);
    PEER_GETS(p, 400, "{\"detail\":\"this port only redirects to https, and the request names no host\"}");
    PEER_ENDS(p);
    peer_close(p);
    WEFT_CHECK_EQ(s->began, 0);
}

SERVER_CALM_TEST(settings_of_tls_that_make_no_sense_are_refused_by_name)
{
    const struct { weft_tls_server tls; const char *why; } all[] = {
        { { .redirect_port = 80 }, "tls.redirect_port without tls.certs: there is no https to go to" },
        { { .client_ca_file = "ca.pem" }, "tls.client_ca_file without tls.certs" },
        { { .certs = WEFT_TLS_CERTS({ .cert_file = "/none.pem", .key_file = "/none.key" }) }, "TLS: cannot read '/none.pem': no such thing" },
        { { .certs = WEFT_TLS_CERTS({ .cert_file = "/none.pem", .key_file = "/none.key" }), .redirect_port = 70000 }, "tls.redirect_port: expected -1 to 65535" },
    };
    (void)s;
    for (size_t i = 0; i < weft_count(all); i++) {
        char why[256] = "";
        weft__server *server = NULL;
        WEFT_CHECK_EQ(weft__server_open(&server, &(weft_serve_opts){ .port = -1, .tls = all[i].tls }, NULL, NULL, why), WEFT_EINVAL);
        WEFT_CHECK_STR(weft_str_of(why), all[i].why);
    }
}

/* ---- our own client ---- */

SECURE_TEST(our_client_asks_over_tls_and_keeps_its_connection)
{
    weft_response a;
    char url[64];
    const weft_exchange_opts trusting = { .tls = { .unverified = true } };
    snprintf(url, sizeof url, "https://127.0.0.1:%d/hello", s->port);
    for (int i = 0; i < 5; i++) {
        int rc = weft_exchange_with(&a, &trusting, url, NULL, 0);
        WEFT_CHECK_EQ(rc, 0);
        if (rc == 0) WEFT_CHECK_STR(a.body, "hello");
        server_settle();                             /* tickets come, and the connection is kept all the same */
    }
    WEFT_CHECK_EQ(s->server->connections, 1);
    WEFT_CHECK_EQ(weft_exchange_with(&a, &(weft_exchange_opts){ 0 }, url, NULL, 0), WEFT_ECERT_SELF);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hello", s->port);
    WEFT_NEED(weft_exchange_with(&a, &trusting, url, NULL, 0) == 0);
    WEFT_CHECK_EQ(a.status, 400);
}
