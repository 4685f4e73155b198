/* What RFC 9113 demands of a client, and of what a server answers: docs/http2-requirements.md. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>
#include "http/client_world.h"
#include "http/h2_talk.h"
#include "http/link.h"
#include "http/server.h"
#include "weft/ws.h"

#define H2 .http2 = WEFT_HTTP2_ALWAYS

static void stay(weft_conn *c)
{
    weft_str rest;
    while (weft_conn_read(c, &rest) > 0) continue;
}

static int answer(weft_conn *c, int id, const char *body)
{
    WEFT_TRY(frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (unsigned)id, "\x88", 1));
    return frame(c, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, (unsigned)id, body, strlen(body));
}

/* ---- answers that are none: 8.1.1 to 8.3 ---- */

#define BLOCK(literal) literal, sizeof(literal) - 1
typedef struct malformed { const char *block; size_t n; int flags; const char *then; size_t then_n; } malformed;

static int answer_badly(weft_conn *c, void *ctx)
{
    const malformed *m = ctx;
    int id = request_of(c, true);
    if (id < 0) return 0;
    (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | m->flags, (unsigned)id, m->block, m->n);
    if (m->then) (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (unsigned)id, m->then, m->then_n);
    stay(c);
    return 0;
}

NET_TEST(a_malformed_answer_is_none)
{
    static const malformed rows[] = {
        { BLOCK("\0\1a\1b"), 0, NULL, 0 },                                     /* no :status */
        { BLOCK("\x88\x88"), 0, NULL, 0 },
        { BLOCK("\0\1a\1b\x88"), 0, NULL, 0 },                                 /* behind another */
        { BLOCK("\x88\x84"), 0, NULL, 0 },                                     /* :path */
        { BLOCK("\x88\0\5:else\1x"), 0, NULL, 0 },
        { BLOCK("\x88\0\12connection\5close"), 0, NULL, 0 },
        { BLOCK("\x88\0\12keep-alive\1x"), 0, NULL, 0 },
        { BLOCK("\x88\0\20proxy-connection\5close"), 0, NULL, 0 },
        { BLOCK("\x88\0\21transfer-encoding\7chunked"), 0, NULL, 0 },
        { BLOCK("\x88\0\7upgrade\3h2c"), 0, NULL, 0 },
        { BLOCK("\x48\3" "101"), 0, NULL, 0 },
        { BLOCK("\x48\3" "103"), NGHTTP2_FLAG_END_STREAM, NULL, 0 },
        { BLOCK("\x48\2" "20"), 0, NULL, 0 },
        { BLOCK("\x88\0\1A\1b"), 0, NULL, 0 },
        { BLOCK("\x88\0\3a b\1b"), 0, NULL, 0 },
        { BLOCK("\x88\0\3a:b\1b"), 0, NULL, 0 },
        { BLOCK("\x88\0\1a\3x\ny"), 0, NULL, 0 },
        { BLOCK("\x88\0\1a\3x\0y"), 0, NULL, 0 },
        { BLOCK("\x88\0\1a\2 b"), 0, NULL, 0 },
        { BLOCK("\x88\0\1a\2b\t"), 0, NULL, 0 },
        { BLOCK("\x88\x5c\1" "5"), NGHTTP2_FLAG_END_STREAM, NULL, 0 },         /* content-length, and no content */
        { BLOCK("\x88"), 0, BLOCK("\0\1a\1b") },                               /* trailers that do not end it */
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        malformed m = rows[i];
        NET_TALKER(base, answer_badly, &m);
        weft_response r;
        int rc = weft_exchange(&r, (.method = "POST", H2), "{+}/x", base);
        const char *text = net_error(rc);
        WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
        WEFT_CHECK(rc < 0 && strstr(text, "stream reset (PROTOCOL_ERROR)"));
        if (rc >= 0 || !strstr(text, "PROTOCOL_ERROR")) fprintf(stderr, "  (row %zu: %s)\n", i, rc < 0 ? text : "no failure");
        NET_TALKER_END(base);
    }
    return 0;
}

/* ---- what may not be asked twice: 8.7 ---- */

static int looked_at;
static int look_and_go(weft_conn *c, void *ctx)
{
    const char *how = ctx;
    int id = request_of(c, true);
    if (id < 0 || answer(c, id, looked_at++ ? "again" : "first") < 0) return 0;
    id = request_of(c, false);
    if (id < 0) return 0;
    looked_at++;
    char last[8] = { 0, 0, 0, (char)id };
    if (how[0] == 'g') (void)!frame(c, NGHTTP2_GOAWAY, 0, 0, last, 8);
    if (how[0] == 'r') (void)!frame(c, NGHTTP2_RST_STREAM, 0, (unsigned)id, "\0\0\0\2", 4);
    if (how[0] == 'r') stay(c);
    return 0;
}

NET_TEST(what_a_server_may_have_looked_at_is_not_asked_twice_over_http2)
{
    static const char *const how[] = { "closed", "goaway that names it", "reset" };
    for (size_t i = 0; i < weft_count(how); i++) {
        NET_TALKER(base, look_and_go, (void *)how[i]);
        weft_response r;
        looked_at = 0;
        WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", base));
        WEFT_CHECK_STR(r.body, "first");
        WEFT_CHECK_EQ(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/x", base), WEFT_ECONNRESET);
        WEFT_CHECK_EQ(looked_at, 2);
        NET_TALKER_END(base);
    }
    return 0;
}

/* ---- an answer before its request has gone: 8.1 ---- */

static int answer_early(weft_conn *c, void *ctx)
{
    int id = request_of(c, true);
    (void)ctx;
    if (id < 0 || answer(c, id, "enough") < 0) return 0;
    (void)!frame(c, NGHTTP2_RST_STREAM, 0, (unsigned)id, "\0\0\0\0", 4);
    stay(c);
    return 0;
}

static int endless_piece(void *ctx, weft_str *piece)
{
    static const char bytes[5000];
    (void)ctx;
    *piece = (weft_str){ bytes, sizeof bytes };
    return 1;
}

NET_TEST(an_answer_that_came_before_its_request_had_gone_is_kept_though_the_rest_is_not_wanted)
{
    enum { N = 300000 };
    for (int pieces = 0; pieces < 2; pieces++) {
        NET_TALKER(base, answer_early, NULL);
        weft_response r;
        char *body = weft_alloc(N);
        memset(body, 'x', N);
        if (pieces) WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = endless_piece, H2), "{+}/x", base));
        else WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = { body, N }, H2), "{+}/x", base));
        WEFT_CHECK_STR(r.body, "enough");
        NET_TALKER_END(base);
    }
    return 0;
}

/* ---- beside a server of weft's ---- */

typedef struct upstream { weft__server *server; char base[64], other[64], target[64]; int requests; } upstream;

#define OF_A_CONNECTION "Connection: close\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\n"
static void act(void *ctx, weft__exchange *x)
{
    upstream *u = ctx;
    u->requests++;
    snprintf(u->target, sizeof u->target, "%.*s", WEFT_FMT(x->head->target));
    bool all = strcmp(u->target, "/all") == 0;
    (void)!weft__exchange_reply(x, 200, all ? WEFT_S(OF_A_CONNECTION "X-Kept: yes\r\n") : WEFT_S(""), WEFT_S("hello"));
}

static int serve(weft__server *const *s) { return weft__server_run(*s); }

#define UPSTREAM(u) \
    upstream u = { 0 }; \
    char u##_why[256] = ""; \
    WEFT_TRY(weft__server_open(&u.server, &(weft_serve_opts){ .port = -1 }, act, &u, u##_why)); \
    snprintf(u.base, sizeof u.base, "http://127.0.0.1:%d", weft__server_port(u.server)); \
    snprintf(u.other, sizeof u.other, "http://localhost:%d", weft__server_port(u.server)); \
    WEFT_SCOPE(u##_scope); \
    weft_spawn(u##_scope, serve, &u.server)
#define UPSTREAM_END(u) \
    weft__server_stop(u.server); \
    WEFT_TRY(weft_join(u##_scope)); \
    weft__server_free(u.server)

/* Whoever got one of them would take the answer for malformed. 8.2.2 */
NET_TEST(no_answer_says_fields_of_a_connection_over_http2)
{
    static const char *const not_said[] = { "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade" };
    UPSTREAM(up);
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (H2), "{+}/all", up.base));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "x-kept"), "yes");
    for (size_t i = 0; i < weft_count(not_said); i++) WEFT_CHECK(!weft_response_header(&r, not_said[i]).len);
    UPSTREAM_END(up);
    return 0;
}

/* Another name is another origin, though it has the same address. 9.1.1 */
NET_TEST(each_origin_has_its_own_connection_over_http2)
{
    UPSTREAM(up);
    weft_response r;
    for (int i = 0; i < 2; i++) {
        WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", up.base));
        WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", up.other));
    }
    WEFT_CHECK_EQ(net_client()->conns, 2);
    UPSTREAM_END(up);
    return 0;
}

/* 8.3.1, and RFC 9112, 3.2.4 */
NET_TEST(options_of_a_server_as_a_whole_are_asked_for_with_a_star)
{
    static const struct { const char *method, *behind, *target; } rows[] = { { "OPTIONS", "", "*" }, { "OPTIONS", "/", "/" }, { "OPTIONS", "?a=b", "/?a=b" }, { "GET", "", "/" } };
    UPSTREAM(up);
    for (size_t i = 0; i < 2 * weft_count(rows); i++) {
        weft_response r;
        weft_http2 over = i % 2 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_NEVER;
        WEFT_TRY(weft_exchange(&r, (.method = rows[i / 2].method, .http2 = over), "{+}{+}", up.base, rows[i / 2].behind));
        WEFT_CHECK_STR(weft_str_of(up.target), rows[i / 2].target);
    }
    UPSTREAM_END(up);
    return 0;
}

/* A TE that is not "trailers" makes a request malformed. 8.2.2 */
NET_TEST(a_handshake_with_fields_of_a_connection_is_refused_before_it_is_sent)
{
    static const char *const names[] = { "TE", "Keep-Alive", "Proxy-Connection", "Connection", "Upgrade", "Transfer-Encoding" };
    for (size_t i = 0; i < weft_count(names); i++) {
        WEFT_WS_OPEN(ws);
        int rc = weft_ws_connect(&ws, (.headers = &(weft_header){ weft_str_of(names[i]), WEFT_S("gzip") }, .header_count = 1, H2), "ws://127.0.0.1:1/x");
        WEFT_CHECK_EQ(rc, WEFT_EINVAL);
        WEFT_CHECK(rc < 0 && strstr(net_error(rc), "is written by the client itself"));
    }
    WEFT_CHECK_EQ(net_client()->opened, 0);
    return 0;
}

/* ---- identifiers that are used up: 5.1.1 ---- */

static weft__link *only_link(void)
{
    for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++)
        for (weft__origin *o = net_client()->buckets[i]; o; o = o->next)
            if (o->links) return o->links;
    return NULL;
}

static int ask(const char *const *base, Quote *out)
{
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/x", *base));
    out->price = r.status;
    return 0;
}

NET_TEST(a_connection_whose_identifiers_are_used_up_is_followed_by_another)
{
    enum { CALLS = 6 };
    UPSTREAM(up);
    const char *base = up.base;
    Quote out[CALLS];
    weft_call calls[CALLS];
    WEFT_TRY(ask(&base, &out[0]));
    weft__link *k = only_link();
    if (!k) return WEFT_EINVAL;
    WEFT_CHECK_EQ(nghttp2_session_set_next_stream_id(k->session, INT32_MAX - 2), 0);     /* two are left */
    for (int i = 0; i < CALLS; i++) calls[i] = weft_call(ask, &base, &out[i]);
    WEFT_TRY(weft_gather_n(calls, CALLS));
    for (int i = 0; i < CALLS; i++) WEFT_CHECK_EQ(out[i].price, 200);
    WEFT_CHECK_EQ(up.requests, CALLS + 1);
    WEFT_CHECK_EQ(net_client()->opened, 2);
    for (int i = 0; i < 1000 && net_client()->conns > 1; i++) net_pause(1);
    WEFT_CHECK_EQ(net_client()->conns, 1);
    UPSTREAM_END(up);
    return 0;
}
