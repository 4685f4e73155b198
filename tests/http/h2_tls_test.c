/* HTTP/2 over TLS: what is agreed on is what is spoken, by the server and by our client. RFC 9113, 3.2 to 3.4 and 9.2 */
#include <stdio.h>
#include <string.h>
#include "http/h2_peer.h"
#include "http/link.h"
#include "weft/client.h"
#include "weft/task.h"
#include "weft/ws.h"

#define SECURE_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_tls = true; server_seeds(&name##_test); } \
    WEFT_TEST(name##__epoll) { server_tls = true; server_epoll(&name##_test); } \
    static void name(served *s)

static peer *offering(const served *s, const char *protocols)
{
    server_alpn = protocols;
    peer *p = peer_open(s);
    server_alpn = NULL;
    return p;
}

/* ---- the server ---- */

SECURE_TEST(http2_is_agreed_on_and_spoken)
{
    h2_peer *h = h2_open(s, 1 << 20);
    WEFT_CHECK_STR(weft__stream_alpn(&h->p->stream), "h2");
    h2_headers(h, 1, true, H2_GET("/hello"));
    h2_headers(h, 3, false, H2_POST("/echo"));
    h2_data(h, 3, true, "tea", 3);
    h2_headers(h, 5, true, H2_GET("/arena/300000"));
    H2_GETS(h, 1, 200, "hello");
    H2_GETS(h, 3, 200, "tea");
    h2_got *large = h2_answer(h, 5);
    WEFT_CHECK(large->ended && is_pattern((weft_str){ large->body, large->bytes }, 300000));
    h2_close(h);
}

SECURE_TEST(a_large_body_comes_over_http2_and_tls)
{
    enum { N = 200000, PIECE = 16000 };
    static const char piece[PIECE];
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, false, H2_POST("/count/0"));
    int64_t end = server_ms() + server_patience_ms();
    for (size_t at = 0; at < N && server_ms() < end;) {
        size_t n = N - at < PIECE ? N - at : PIECE;
        bool fits = at + n <= 65535 + (h->stream_credit < h->credit ? h->stream_credit : h->credit);
        if (fits && h2_data(h, 1, at + n == N, piece, n)) at += n;
        else (void)h2_more(h, 100);
    }
    H2_GETS(h, 1, 200, "200000");
    h2_close(h);
}

SECURE_TEST(who_offers_both_gets_http2_and_who_offers_one_that_one)
{
    static const struct { const char *offered, *chosen; } all[] = { { "http/1.1, h2", "h2" }, { "http/1.1", "http/1.1" }, { "h2", "h2" }, { NULL, "" } };
    for (size_t i = 0; i < weft_count(all); i++) {
        peer *p = offering(s, all[i].offered);
        WEFT_NEED(p->rc == 0);
        WEFT_CHECK_STR(weft__stream_alpn(&p->stream), all[i].chosen);
        if (strcmp(all[i].chosen, "h2") != 0) {
            peer_say(p, GET("/hello"));
            PEER_GETS(p, 200, "hello");
        }
        peer_close(p);
    }
}

SECURE_TEST(http1_where_http2_was_agreed_on_is_not_answered)
{
    static const char *const said[] = { GET("/hello"), "nonsense\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r!" };
    for (size_t i = 0; i < weft_count(said); i++) {
        peer *p = offering(s, "h2");
        peer_say(p, said[i]);
        (void)peer_rest(p);
        WEFT_CHECK(!strstr(p->got, "HTTP/1.1"));
        WEFT_CHECK(p->ended || p->rc < 0);
        peer_close(p);
    }
    WEFT_CHECK_EQ(s->began, 0);
}

SECURE_TEST(http2_where_it_was_not_agreed_on_is_no_request)
{
    static const char *const offered[] = { NULL, "http/1.1" };
    for (size_t i = 0; i < weft_count(offered); i++) {
        peer *p = offering(s, offered[i]);
        answer a;
        peer_say(p, NGHTTP2_CLIENT_MAGIC);
        WEFT_NEED(peer_answer(p, &a));
        WEFT_CHECK_EQ(a.status, 400);
        peer_close(p);
    }
    WEFT_CHECK_EQ(s->began, 0);
}

SECURE_TEST(http2_that_is_off_is_not_offered, .no_http2 = true)
{
    peer *p = offering(s, "h2, http/1.1"), *alone = offering(s, "h2");
    WEFT_CHECK_STR(weft__stream_alpn(&p->stream), "http/1.1");
    WEFT_CHECK_EQ(alone->rc, WEFT_ETLS);
    peer_close(p);
    peer_close(alone);
}

SECURE_TEST(http1_that_is_off_is_not_offered, .no_http1 = true)
{
    peer *p = offering(s, "http/1.1"), *silent = offering(s, NULL);
    answer a;
    WEFT_CHECK_EQ(p->rc, WEFT_ETLS);
    peer_say(silent, GET("/hello"));
    WEFT_NEED(peer_answer(silent, &a));
    WEFT_CHECK_EQ(a.status, 505);
    h2_peer *h = h2_open(s, 0);
    h2_headers(h, 1, true, H2_GET("/hello"));
    H2_GETS(h, 1, 200, "hello");
    h2_close(h);
    peer_close(p);
    peer_close(silent);
    WEFT_CHECK_EQ(s->began, 1);
}

SERVER_TEST(http1_that_is_off_is_answered_505_without_tls, .no_http1 = true)
{
    const char *body;
    if (server_tls) return;
    WEFT_CHECK_EQ(ask(s, GET("/hello"), &body), 505);
    WEFT_CHECK_STR(weft_str_of(body), "{\"detail\":\"HTTP/2 alone is spoken here (no_http1)\"}");
    WEFT_CHECK_EQ(s->began, 0);
}

/* Over it nobody may come to what is to be reached by TLS alone. */
SECURE_TEST(the_port_that_redirects_speaks_no_http2, .tls = { .redirect_port = -1 })
{
    served there = *s;
    there.port = weft__server_redirect_port(s->server);
    server_tls = false;
    peer *p = peer_open(&there);
    server_tls = true;
    answer a;
    peer_say(p, NGHTTP2_CLIENT_MAGIC);
    WEFT_NEED(peer_answer(p, &a));
    WEFT_CHECK_EQ(a.status, 400);
    peer_close(p);
    WEFT_CHECK_EQ(s->began, 0);
}

SERVER_TEST(a_server_that_speaks_nothing_is_refused)
{
    char why[256] = "";
    weft__server *server = NULL;
    (void)s;
    WEFT_CHECK_EQ(weft__server_open(&server, &(weft_serve_opts){ .port = -1, .no_http1 = true, .no_http2 = true }, NULL, NULL, why), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(why), "no_http1 and no_http2: nothing is left to speak");
}

/* ---- our client ---- */

static const char *url_of(const served *s, const char *path)
{
    static char url[96];
    snprintf(url, sizeof url, "https://127.0.0.1:%d%s", s->port, path);
    return url;
}

static weft__client *client(void)
{
    weft__client *c = NULL;
    (void)weft__client_of(server_loop, &c);
    return c;
}

static int get(const served *s, weft_http2 http2, const char *path, weft_response *a)
{
    return weft_exchange_with(a, &(weft_exchange_opts){ .tls = { .unverified = true }, .http2 = http2 }, url_of(s, path), NULL, 0);
}

/* Whether the last line of /head is this version. */
static bool spoke(weft_str body, const char *version) { return body.len >= strlen(version) && strstr(body.ptr, version); }

SECURE_TEST(our_client_speaks_what_the_server_chooses)
{
    weft_response a;
    for (int i = 0; i < 3; i++) {
        WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &a) == 0);
        WEFT_CHECK(spoke(a.body, "HTTP/2"));
    }
    WEFT_CHECK_EQ(client()->opened, 1);
    WEFT_NEED(get(s, WEFT_HTTP2_NEVER, "/head", &a) == 0);
    WEFT_CHECK(spoke(a.body, "HTTP/1.1"));
    WEFT_NEED(get(s, WEFT_HTTP2_ALWAYS, "/head", &a) == 0);
    WEFT_CHECK(spoke(a.body, "HTTP/2"));
    WEFT_CHECK_EQ(client()->opened, 3);
    WEFT_CHECK_EQ(s->server->connections, 3);
}

typedef struct asking { const served *s; weft_http2 http2; int n; } asking;
static int ask_one(const asking *in)
{
    char path[32];
    weft_response a;
    snprintf(path, sizeof path, in->n % 3 ? "/arena/%d" : "/large/%d", 1000 + in->n * 3000);
    WEFT_TRY(get(in->s, in->http2, path, &a));
    WEFT_CHECK(is_pattern(a.body, 1000 + (size_t)in->n * 3000));
    return 0;
}

static int ask_many(const served *s, int n)
{
    WEFT_SCOPE(all);
    for (int i = 0; i < n; i++) weft_spawn(all, ask_one, (&(asking){ s, WEFT_HTTP2_DEFAULT, i }));
    return weft_join(all);
}

SECURE_TEST(calls_that_begin_together_make_one_handshake)
{
    WEFT_CHECK_EQ(ask_many(s, 20), 0);
    WEFT_CHECK_EQ(client()->opened, 1);
}

SECURE_TEST(a_server_without_http2_is_spoken_to_as_it_wishes, .no_http2 = true)
{
    weft_response a;
    WEFT_CHECK_EQ(ask_many(s, 20), 0);
    WEFT_CHECK(client()->opened > 1 && client()->opened <= 20);
    uint64_t before = client()->opened;
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &a) == 0);
    WEFT_CHECK(spoke(a.body, "HTTP/1.1"));
    WEFT_CHECK_EQ(client()->opened, before);         /* the one that asked serves on */
    WEFT_CHECK_EQ(get(s, WEFT_HTTP2_ALWAYS, "/head", &a), WEFT_ETLS);
}

static int next_piece(void *ctx, weft_str *piece)
{
    int *left = ctx;
    static const char bytes[20000];
    *piece = (weft_str){ bytes, sizeof bytes };
    return (*left)-- > 0;
}

static int send_pieces(const served *s, weft_response *a)
{
    int left = 10;
    return weft_exchange_with(a, &(weft_exchange_opts){ .method = "POST", .body_next = next_piece, .body_ctx = &left, .tls = { .unverified = true } },
        url_of(s, "/count/0"), NULL, 0);
}

SECURE_TEST(a_body_in_pieces_goes_by_what_was_chosen)
{
    weft_response a;
    for (int i = 0; i < 2; i++) {
        WEFT_NEED(send_pieces(s, &a) == 0);
        WEFT_CHECK_STR(a.body, "200000");
    }
    WEFT_CHECK_EQ(client()->opened, 1);
}

SECURE_TEST(a_body_in_pieces_goes_over_http1_if_that_was_chosen, .no_http2 = true)
{
    weft_response a;
    for (int i = 0; i < 2; i++) {
        WEFT_NEED(send_pieces(s, &a) == 0);
        WEFT_CHECK_STR(a.body, "200000");
    }
}

/* A server of another make, or another version, comes under the same name. */
static weft__origin *is_remembered(const served *s, uint8_t speaks)
{
    weft__tls_client *tls;
    char why[WEFT__TLS_WHY], authority[32];
    snprintf(authority, sizeof authority, "127.0.0.1:%d", s->port);
    WEFT_NEED(weft__client_tls(client(), &(weft_tls_client){ .unverified = true }, WEFT_HTTP2_DEFAULT, &tls, why) == 0);
    weft__origin *o = weft__origin_known(client(), weft_str_of(authority), tls);
    WEFT_NEED(o);
    o->speaks = speaks;
    return o;
}

SECURE_TEST(a_server_that_chooses_http2_of_late_is_followed)
{
    weft_response a;
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &a) == 0);
    server_sleep(100);
    weft__client *c = client();
    weft__links_free(c);
    is_remembered(s, WEFT__SPEAKS_ONE);
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &a) == 0);
    WEFT_CHECK(spoke(a.body, "HTTP/2"));
    WEFT_CHECK_EQ(c->opened, 2);
    is_remembered(s, WEFT__SPEAKS_TWO);
    WEFT_CHECK_EQ(ask_many(s, 10), 0);
    WEFT_CHECK_EQ(c->opened, 2);
}

SECURE_TEST(a_server_that_chooses_http1_of_late_is_followed, .no_http2 = true)
{
    weft_response a;
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &a) == 0);
    for (weft__conn *c = client()->all; c; c = c->all)
        if (c->state == WEFT__CONN_IDLE) weft__conn_drop(weft__conn_take(c->origin));
    is_remembered(s, WEFT__SPEAKS_TWO);
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &a) == 0);
    WEFT_CHECK(spoke(a.body, "HTTP/1.1"));
    WEFT_CHECK_EQ(client()->opened, 2);
}

/* ---- where its WebSockets go: a handler that knows none answers what tells of it ---- */

typedef struct ws_asking { const served *s; weft_http2 http2; const char *said; int status; } ws_asking;
static int ask_ws(ws_asking *const *in)
{
    ws_asking *a = *in;
    weft_ws *ws = NULL;
    int rc = weft_ws_connect(&ws, (.http2 = a->http2, .tls = { .unverified = true }, .status = &a->status), "ws{+}", url_of(a->s, "/hello") + 4);
    bool told = rc == WEFT_STATUS(502) && strstr(weft_error_of(rc)->text, a->said);
    if (!told) weft__check_fail(__FILE__, __LINE__, "code %d, expected \"%s\" in \"%s\"", rc, a->said, rc < 0 ? weft_error_of(rc)->text : "");
    return 0;
}
#define OVER_HTTP1 "answered 200 OK instead of 101 Switching Protocols"
#define OVER_HTTP2 "answered 501 Not Implemented instead of 200 OK"
static void ws_goes(const served *s, weft_http2 http2, const char *said)
{
    ws_asking a = { .s = s, .http2 = http2, .said = said }, *at = &a;
    WEFT_CHECK_EQ(ask_ws(&at), 0);
}

SECURE_TEST(a_websocket_goes_over_http2_where_such_a_connection_is_there_and_else_over_http1)
{
    weft_response r;
    ws_goes(s, WEFT_HTTP2_DEFAULT, OVER_HTTP1);
    WEFT_CHECK_EQ(client()->opened, 0);
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &r) == 0);
    int before = s->began;
    for (int i = 0; i < 3; i++) ws_goes(s, WEFT_HTTP2_DEFAULT, OVER_HTTP2);
    WEFT_CHECK_EQ(client()->opened, 1);
    WEFT_CHECK_EQ(s->began, before + 3);
    ws_goes(s, WEFT_HTTP2_NEVER, OVER_HTTP1);
    WEFT_CHECK_EQ(client()->opened, 1);
    ws_goes(s, WEFT_HTTP2_ALWAYS, OVER_HTTP2);
    WEFT_CHECK_EQ(client()->opened, 2);
}

SECURE_TEST(where_websockets_went_over_http2_before_a_connection_is_opened_for_all_of_them)
{
    enum { ALL = 20 };
    weft_response r;
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &r) == 0);
    server_sleep(100);
    weft__links_free(client());
    WEFT_SCOPE(all);
    ws_asking asks[ALL], *at[ALL];
    for (int i = 0; i < ALL; i++) {
        asks[i] = (ws_asking){ .s = s, .said = OVER_HTTP2 };
        at[i] = &asks[i];
        weft_spawn(all, ask_ws, &at[i]);
    }
    WEFT_CHECK_EQ(weft_join(all), 0);
    WEFT_CHECK_EQ(client()->opened, 2);
}

SECURE_TEST(a_websocket_follows_a_server_that_chooses_http1_of_late, .no_http2 = true)
{
    weft_response r;
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &r) == 0);
    for (weft__conn *c = client()->all; c; c = c->all)
        if (c->state == WEFT__CONN_IDLE) weft__conn_drop(weft__conn_take(c->origin));
    is_remembered(s, WEFT__SPEAKS_TWO)->connects = true;
    ws_goes(s, WEFT_HTTP2_DEFAULT, OVER_HTTP1);
    ws_asking a = { .s = s, .http2 = WEFT_HTTP2_ALWAYS };
    weft_ws *ws = NULL;
    WEFT_CHECK_EQ(weft_ws_connect(&ws, (.http2 = a.http2, .tls = { .unverified = true }), "ws{+}", url_of(s, "/hello") + 4), WEFT_ETLS);
}

/* As if its SETTINGS were still on their way. */
SECURE_TEST(a_server_that_does_not_say_what_it_takes_is_waited_for_a_second_and_asked_over_http1)
{
    weft_response r;
    WEFT_NEED(get(s, WEFT_HTTP2_DEFAULT, "/head", &r) == 0);
    weft__link *k = is_remembered(s, WEFT__SPEAKS_TWO)->links;
    k->greeted = false;
    int64_t before = server_ms();
    ws_goes(s, WEFT_HTTP2_DEFAULT, OVER_HTTP1);
    WEFT_CHECK(server_ms() - before >= 1000);
    k->greeted = true;
    ws_goes(s, WEFT_HTTP2_DEFAULT, OVER_HTTP2);
    WEFT_CHECK_EQ(client()->opened, 1);
}
