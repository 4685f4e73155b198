/* Fields behind a body, as the client takes and sends them over HTTP/2: with a server of weft's own, and with servers that mean no good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/h2_talk.h"
#include "http/server.h"
#include "wire/trailer.h"

#define H2 .http2 = WEFT_HTTP2_ALWAYS

/* ---- servers that mean no good ---- */

typedef enum { PSEUDO, NO_END, MIDDLE, UPPER, CRLF, CONNECTION, TOO_LARGE, SCRIPTS } script;

static int misbehave(weft_conn *c, void *ctx)
{
    static char block[4000];
    enum { ENDS = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM };
    int id = request_of(c, true);
    if (id < 0) return 0;
    unsigned u = (unsigned)id;
    WEFT_TRY(frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\x88", 1));
    WEFT_TRY(frame(c, NGHTTP2_DATA, 0, u, "abc", 3));
    size_t n = (size_t)(stpcpy(block, "\x40\6x-long\x7f\x81\x1d") - block);
    memset(block + n, 'v', 3840);
    switch (*(script *)ctx) {
    case PSEUDO: (void)!frame(c, NGHTTP2_HEADERS, ENDS, u, "\x88", 1); break;
    case NO_END: (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\0\5x-sum\1" "1", 9); break;
    case MIDDLE:
        (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\0\5x-sum\1" "1", 9);
        (void)!frame(c, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, u, "def", 3);
        break;
    case UPPER: (void)!frame(c, NGHTTP2_HEADERS, ENDS, u, "\0\5X-sum\1" "1", 9); break;
    case CRLF: (void)!frame(c, NGHTTP2_HEADERS, ENDS, u, "\0\5x-sum\6" "1\r\na:b", 14); break;
    case CONNECTION: (void)!frame(c, NGHTTP2_HEADERS, ENDS, u, "\0\12connection\5close", 18); break;
    case TOO_LARGE:
        (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, u, block, n + 3840);
        (void)!frame(c, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, u, "\xbe\xbe\xbe\xbe\xbe\xbe\xbe\xbe", 8);
        break;
    case SCRIPTS: break;
    }
    weft_str rest;
    while (weft_conn_read(c, &rest) > 0) continue;
    return 0;
}

static int read_all(const char *base)
{
    weft_str piece;
    int rc;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (H2), "{+}/x", base));
    while ((rc = weft_download_read(d, &piece)) > 0) continue;
    return rc;
}

static int exchange(const char *base)
{
    weft_response r = { .status = 7 };
    int rc = weft_exchange(&r, (H2), "{+}/x", base);
    if (rc < 0) WEFT_CHECK_EQ(r.status, 7);
    return rc;
}

NET_TEST(malformed_trailers_of_an_answer_fail_the_call)
{
    for (script i = 0; i < 2 * SCRIPTS; i++) {
        script what = i / 2;
        NET_TALKER(base, misbehave, &what);
        int rc = i % 2 ? read_all(base) : exchange(base);
        const char *text = what == TOO_LARGE ? "stream reset, as its head or trailers are too large, after 3 bytes of the body"
                                             : "stream reset (PROTOCOL_ERROR) after 3 bytes of the body";
        WEFT_CHECK_EQ(rc, what == TOO_LARGE ? WEFT_ELIMIT : WEFT_ECONNRESET);
        WEFT_CHECK(rc < 0 && strstr(net_error(rc), text));
        if (rc >= 0 || !strstr(net_error(rc), text)) fprintf(stderr, "  (script %d: %s)\n", (int)what, rc < 0 ? net_error(rc) : "no failure");
        NET_TALKER_END(base);
    }
    return 0;
}

/* 101 of them: each is a byte, of the table. */
static int many(weft_conn *c, void *ctx)
{
    char block[120] = "\x40\1a\1" "1";
    int id = request_of(c, true);
    (void)ctx;
    if (id < 0) return 0;
    memset(block + 5, '\xbe', 100);
    WEFT_TRY(frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (unsigned)id, "\x88", 1));
    WEFT_TRY(frame(c, NGHTTP2_DATA, 0, (unsigned)id, "abc", 3));
    WEFT_TRY(frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, (unsigned)id, block, 105));
    weft_str rest;
    while (weft_conn_read(c, &rest) > 0) continue;
    return 0;
}

NET_TEST(an_answer_with_too_many_trailers_fails_over_http2)
{
    for (int i = 0; i < 2; i++) {
        NET_TALKER(base, many, NULL);
        int rc = i ? read_all(base) : exchange(base);
        NET_CHECK_ERROR(rc, WEFT_ELIMIT, "GET http://127.0.0.1:PORT/x: answered more than 100 trailers, or more than 16384 bytes of them (limits)");
        NET_TALKER_END(base);
    }
    return 0;
}

/* ---- a server ---- */

/* The body, and behind it the trailers that came; /length: with Content-Length; /announced: and the head says that trailers follow; /empty: of 0 bytes, announced. */
typedef struct upstream { weft__server *server; char base[64]; bool told; } upstream;
static void act(void *ctx, weft__exchange *x)
{
    upstream *u = ctx;
    weft_str body, came, name, value;
    const char *fault = "";
    bool empty = weft_str_equal(x->head->path, WEFT_S("/empty")), announced = empty || weft_str_equal(x->head->path, WEFT_S("/announced")), length = announced || weft_str_equal(x->head->path, WEFT_S("/length"));
    const weft__http_header *te = weft__http_find(x->head, WEFT_S("te"), NULL), *trailer = weft__http_find(x->head, WEFT_S("trailer"), NULL);
    weft_str told = trailer ? weft__arena_dup(x->arena, trailer->value) : WEFT_S("none");
    u->told = te && weft_str_equal(te->value, WEFT_S("trailers"));
    if (weft__exchange_body(x, 16 << 20, &body, &fault) < 0) {
        (void)!weft__exchange_reply(x, 400, WEFT_S(""), weft_str_of(fault));
        return;
    }
    if (weft_str_equal(x->head->path, WEFT_S("/count"))) {
        size_t n = 0;
        for (came = weft__exchange_trailers(x); weft__trailer_next(&came, &name, &value);) n++;
        (void)!weft__exchange_reply(x, 200, WEFT_S(""), weft__arena_printf(x->arena, "%u fields, %zu trailers", x->head->count, n));
        return;
    }
    weft__buf lines;
    weft__buf_init(&lines, 1 << 20);
    for (came = weft__exchange_trailers(x); weft__trailer_next(&came, &name, &value);) weft__trailer_add(&lines, name, value);
    weft__trailer_add(&lines, WEFT_S("X-Told"), told);
    x->trailers = weft__arena_dup(x->arena, weft__buf_str(&lines));
    weft__buf_free(&lines);
    if (empty) body.len = 0;
    if (weft__exchange_begin(x, 200, announced ? WEFT_S("Trailer: X-Told\r\n") : WEFT_S(""), length ? (int64_t)body.len : -1) < 0) return;
    if (weft__exchange_write(x, body) < 0) return;
    (void)!weft_sleep_ms(announced ? 5 : 0);         /* all of the body is there before its end is */
    (void)!weft__exchange_end(x);
}

static int serve(weft__server *const *s) { return weft__server_run(*s); }
static int upstream_open(upstream *u)
{
    char why[256] = "";
    WEFT_TRY(weft__server_open(&u->server, &(weft_serve_opts){ .port = -1, .headers_max = 200, .head_bytes_max = 1 << 17 }, act, u, why));
    snprintf(u->base, sizeof u->base, "http://127.0.0.1:%d", weft__server_port(u->server));
    return 0;
}
#define UPSTREAM(u) \
    upstream u = { 0 }; \
    WEFT_TRY(upstream_open(&u)); \
    WEFT_SCOPE(u##_scope); \
    weft_spawn(u##_scope, serve, &u.server)
#define UPSTREAM_END(u) \
    weft__server_stop(u.server); \
    WEFT_TRY(weft_join(u##_scope)); \
    weft__server_free(u.server)

typedef struct source { int left; weft_header *sum; weft_str value; char text[5000]; } source;
static int next(void *ctx, weft_str *piece)
{
    source *s = ctx;
    if (!s->left--) return 0;
    if (!s->left) s->sum->value = s->value;
    memset(s->text, 'x', sizeof s->text);
    *piece = (weft_str){ s->text, sizeof s->text };
    return 1;
}

NET_TEST(trailers_go_both_ways_over_http2)
{
    UPSTREAM(up);
    weft_response r;
    weft_header t[] = { { WEFT_S("X-Sum"), { NULL, 0 } }, { WEFT_S("X-Void"), { NULL, 0 } } };
    source s = { 60, &t[0], WEFT_S("300000"), "" };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = t, .trailer_count = 2, .takes_trailers = true, H2), "{+}/", up.base));
    WEFT_CHECK_EQ(r.body.len, 300000);
    WEFT_CHECK_EQ(r.trailer_count, 2);
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Sum"), "300000");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Told"), "X-Sum, X-Void");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Told"), "");
    WEFT_CHECK(up.told);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/", up.base));
    WEFT_CHECK_STR(r.body, "{}");
    WEFT_CHECK_EQ(r.trailer_count, 1);
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Told"), "none");
    WEFT_CHECK(!up.told);
    WEFT_TRY(weft_exchange(&r, (.method = "HEAD", H2), "{+}/", up.base));
    WEFT_CHECK_EQ(r.trailer_count, 0);
    UPSTREAM_END(up);
    return 0;
}

/* Each is as large as the client takes it, and counts for more in HTTP/2: 12 bytes a field. */
NET_TEST(a_head_and_trailers_of_as_much_as_the_client_takes_go_over_http2)
{
    enum { N = 100, BYTES = 640 };
    static char names[N][8], value[BYTES];
    weft_header all[N];
    weft_response r;
    UPSTREAM(up);
    memset(value, 'v', sizeof value);
    for (int i = 0; i < N; i++) all[i] = (weft_header){ { names[i], (size_t)snprintf(names[i], sizeof names[i], "x-%02d", i) }, { value, BYTES } };
    source s = { 2, &all[0], { value, BYTES }, "" };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = all, .trailer_count = N, H2), "{+}/count", up.base));
    WEFT_CHECK(r.body.len > 13 && memcmp(r.body.ptr + r.body.len - 12, "100 trailers", 12) == 0);
    WEFT_TRY(weft_exchange(&r, (.headers = all, .header_count = N, H2), "{+}/count", up.base));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_EQ(net_client()->opened, 1);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(a_value_that_cannot_be_sent_resets_the_stream)
{
    UPSTREAM(up);
    weft_response r;
    weft_header t = { WEFT_S("X-Sum"), { NULL, 0 } };
    source s = { 3, &t, WEFT_S("1\r\nx: y"), "" };
    int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = &t, .trailer_count = 1, H2), "{+}/", up.base);
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/", up.base));
    WEFT_CHECK_EQ(net_client()->opened, 1);          /* and harms no other call */
    UPSTREAM_END(up);
    return 0;
}

static int check_download(const char *base, const char *path)
{
    weft_str piece;
    size_t all = 0;
    int rc;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.method = "POST", .body = WEFT_S("{\"a\": 1}"), H2), "{+}{+}", base, path));
    while ((rc = weft_download_read(d, &piece)) > 0) all += piece.len;
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(all, 8);
    WEFT_CHECK_STR(weft_download_trailer(d, "x-told"), "none");
    WEFT_CHECK_EQ(weft_download_length(d), path[1] ? 8 : -1);
    return 0;
}

NET_TEST(trailers_are_waited_for_behind_a_length_when_they_are_announced)
{
    UPSTREAM(up);
    weft_response r;
    WEFT_TRY(check_download(up.base, "/"));
    WEFT_TRY(check_download(up.base, "/announced"));
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/announced", up.base));
    WEFT_CHECK_STR(r.body, "{}");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Told"), "none");
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/empty", up.base));
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Told"), "none");
    WEFT_TRY(weft_exchange(&r, (.method = "HEAD", H2), "{+}/empty", up.base));
    WEFT_CHECK_EQ(r.trailer_count, 0);
    /* Else they are taken as they come, and nobody waits for them. */
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/length", up.base));
    WEFT_CHECK_STR(r.body, "{}");
    int rc = weft_exchange(&r, (.method = "POST", .body = WEFT_S("{\"a\": 1}"), .body_bytes_max = 7, H2), "{+}/announced", up.base);
    WEFT_CHECK_EQ(rc, WEFT_ELIMIT);
    WEFT_CHECK_EQ(net_client()->opened, 1);
    UPSTREAM_END(up);
    return 0;
}

/* ---- what fails ---- */

static int converse(const char *base)
{
    weft_response r;
    weft_str piece;
    weft_header t = { WEFT_S("X-Sum"), { NULL, 0 } };
    source s = { 2, &t, WEFT_S("1"), "" };
    int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = &t, .trailer_count = 1, H2), "{+}/", base);
    if (rc == 0 && r.status == 200) WEFT_CHECK_STR(weft_response_trailer(&r, "X-Sum"), "1");
    WEFT_DOWNLOAD(d);
    if (rc == 0) rc = weft_download_open(&d, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/", base);
    bool good = rc == 0 && weft_download_status(d) == 200;
    while (rc == 0 && (rc = weft_download_read(d, &piece)) > 0) rc = 0;
    if (good && rc == 0 && !weft_download_read(d, &piece)) WEFT_CHECK_STR(weft_download_trailer(d, "X-Told"), "none");
    return rc;
}

NET_SIM_TEST(each_allocation_of_a_call_with_trailers_may_fail)
{
    UPSTREAM(up);
    int rc = WEFT_ENOMEM;
    for (long after = 0; after < 2000 && rc < 0; after++) {
        WEFT_SCOPE(round);
        net_fail_after = after;
        rc = converse(up.base);
        if (net_fail_after >= 0) after = 2000;           /* none failed */
        net_fail_after = -1;
        weft__errors_clear();
        rc = after < 2000 ? WEFT_ENOMEM : rc;
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_TRY(converse(up.base));
    UPSTREAM_END(up);
    return 0;
}
