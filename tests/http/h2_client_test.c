/* The client over HTTP/2: with a server of weft's own, and with servers that a test writes frame by frame, which mean no good. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/client_world.h"
#include "http/h2_talk.h"
#include "http/server.h"

#define H2 .http2 = WEFT_HTTP2_ALWAYS

/* ---- a server ---- */

typedef struct upstream { weft__server *server; char base[64]; int requests, cut; } upstream;

static void parts(weft__exchange *x, int n)
{
    char row[32];
    if (weft__exchange_begin(x, 200, WEFT_S("Content-Type: text/plain\r\n"), -1) < 0) return;
    for (int i = 0; i < n; i++)
        if (weft__exchange_write(x, (weft_str){ row, (size_t)snprintf(row, sizeof row, "row %d\n", i) }) < 0) return;
    (void)!weft__exchange_end(x);
}

static void echo(weft__exchange *x)
{
    weft_str body;
    const char *fault = "";
    int rc = weft__exchange_body(x, 16 << 20, &body, &fault);
    if (rc == 0) (void)!weft__exchange_reply(x, 200, WEFT_S("X-Over: h2\r\n"), body);
    else (void)!weft__exchange_reply(x, 400, WEFT_S(""), weft_str_of(fault));
}

static void bytes(weft__exchange *x, size_t n)
{
    char *all = calloc(1, n + 1);
    (void)!weft__exchange_reply(x, 200, WEFT_S(""), (weft_str){ all, n });
    free(all);
}

static void act(void *ctx, weft__exchange *x)
{
    upstream *u = ctx;
    char path[128], text[128];
    snprintf(path, sizeof path, "%.*s", WEFT_FMT(x->head->path));
    const char *slash = strrchr(path, '/');
    int n = atoi(slash + 1);
    u->requests++;
    WEFT_CHECK_STR(weft__exchange_version(x), "HTTP/2");
    weft__exchange_cancel_on_leave(x, true);
    if (strncmp(path, "/sleep/", 7) == 0 && weft_sleep_ms(n) < 0) u->cut++;
    if (strncmp(path, "/rows/", 6) == 0) parts(x, n);
    else if (strcmp(path, "/echo") == 0) echo(x);
    else if (strncmp(path, "/bytes/", 7) == 0) bytes(x, (size_t)n);
    else if (strcmp(path, "/refuse") == 0) (void)!weft__exchange_reply(x, 413, WEFT_S(""), WEFT_S("too much"));
    else if (strncmp(path, "/status/", 8) == 0) (void)!weft__exchange_reply(x, n, WEFT_S("Location: /else\r\n"), WEFT_S("body"));
    else if (strncmp(path, "/break/", 7) == 0) {
        (void)!weft__exchange_begin(x, 200, WEFT_S(""), -1);
        (void)!weft__exchange_write(x, WEFT_S("abc"));
        weft__exchange_break(x);
    } else (void)!weft__exchange_reply(x, 200, WEFT_S("Content-Type: application/json\r\n"), (weft_str){ text, (size_t)snprintf(text, sizeof text, "{\"price\": %d}", n) });
}

static int serve(weft__server *const *s) { return weft__server_run(*s); }

static int upstream_open(upstream *u, const weft_serve_opts *opts)
{
    char why[256] = "";
    weft_serve_opts o = *opts;
    o.port = -1;
    WEFT_TRY(weft__server_open(&u->server, &o, act, u, why));
    snprintf(u->base, sizeof u->base, "http://127.0.0.1:%d", weft__server_port(u->server));
    return 0;
}

/* A test's body between the two. */
#define UPSTREAM(u, ...) \
    upstream u = { 0 }; \
    WEFT_TRY(upstream_open(&u, &(weft_serve_opts){ __VA_ARGS__ })); \
    WEFT_SCOPE(u##_scope); \
    weft_spawn(u##_scope, serve, &u.server)
#define UPSTREAM_END(u) \
    weft__server_stop(u.server); \
    WEFT_TRY(weft_join(u##_scope)); \
    weft__server_free(u.server)

static int ask(const net_ask_in *in, Quote *out)
{
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (H2), "{+}/{}/{}", in->base, in->id % 3 ? "price" : "sleep", in->id));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "content-type"), "application/json");
    out->price = strtod(strchr(r.body.ptr, ':') + 1, NULL);
    return 0;
}

NET_TEST(many_calls_share_one_connection)
{
    enum { CALLS = 60 };
    UPSTREAM(up);
    net_ask_in in[CALLS];
    Quote out[CALLS];
    weft_call calls[CALLS];
    for (int i = 0; i < CALLS; i++) {
        in[i] = (net_ask_in){ up.base, i };
        calls[i] = weft_call(ask, &in[i], &out[i]);
    }
    WEFT_TRY(weft_gather_n(calls, CALLS));
    for (int i = 0; i < CALLS; i++) WEFT_CHECK_EQ(out[i].price, i);
    WEFT_CHECK_EQ(net_client()->opened, 1);
    WEFT_CHECK_EQ(up.requests, CALLS);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(beyond_what_a_connection_carries_others_are_opened)
{
    enum { CALLS = 20 };
    UPSTREAM(up, .streams_max = 5);
    net_ask_in in[CALLS];
    Quote out[CALLS];
    weft_call calls[CALLS];
    in[0] = (net_ask_in){ up.base, 1 };
    WEFT_TRY(ask(&in[0], &out[0]));
    for (int i = 0; i < CALLS; i++) {
        in[i] = (net_ask_in){ up.base, i * 3 };
        calls[i] = weft_call(ask, &in[i], &out[i]);
    }
    WEFT_TRY(weft_gather_n(calls, CALLS));
    for (int i = 0; i < CALLS; i++) WEFT_CHECK_EQ(out[i].price, i * 3);
    WEFT_CHECK(net_client()->opened > 1 && net_client()->opened <= CALLS);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(bodies_go_both_ways)
{
    UPSTREAM(up);
    weft_response r;
    enum { N = 400000 };
    char *large = weft_alloc(N);
    for (int i = 0; i < N; i++) large[i] = (char)('a' + i % 23);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = { large, N }, .content_type = "text/plain", H2), "{+}/echo", up.base));
    WEFT_CHECK(r.body.len == N && memcmp(r.body.ptr, large, N) == 0);
    WEFT_CHECK_STR(weft_response_header(&r, "x-over"), "h2");
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/echo", up.base));
    WEFT_CHECK_STR(r.body, "{}");
    WEFT_TRY(weft_exchange(&r, (.method = "HEAD", H2), "{+}/price/3", up.base));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(r.body, "");
    WEFT_TRY(weft_exchange(&r, (H2), "{+}/status/204", up.base));
    WEFT_CHECK_EQ(r.status, 204);
    WEFT_TRY(weft_exchange(&r, (H2), "{+}/status/404", up.base));
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(r.body, "body");
    UPSTREAM_END(up);
    return 0;
}

typedef struct pieces { int left; char text[5000]; } pieces;
static int next_piece(void *ctx, weft_str *piece)
{
    pieces *p = ctx;
    if (!p->left--) return 0;
    memset(p->text, 'x', sizeof p->text);
    *piece = (weft_str){ p->text, sizeof p->text };
    return 1;
}

NET_TEST(a_body_in_pieces_is_sent_as_the_server_takes_it)
{
    UPSTREAM(up);
    weft_response r;
    pieces p = { .left = 60 };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next_piece, .body_ctx = &p, H2), "{+}/echo", up.base));
    WEFT_CHECK_EQ(r.body.len, 300000);
    p.left = 60;
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next_piece, .body_ctx = &p, .body_length = 300000, H2), "{+}/echo", up.base));
    WEFT_CHECK_EQ(r.body.len, 300000);
    p.left = 1000;
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next_piece, .body_ctx = &p, H2), "{+}/refuse", up.base));
    WEFT_CHECK_EQ(r.status, 413);
    WEFT_CHECK(p.left > 0);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(an_answer_is_read_line_by_line)
{
    UPSTREAM(up);
    weft_str line;
    int n = 0, rc;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (H2), "{+}/rows/20000", up.base));
    while ((rc = weft_download_line(d, &line)) > 0) n++;
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(n, 20000);
    /* One that is left in the middle harms no other. */
    WEFT_DOWNLOAD(left);
    WEFT_TRY(weft_download_open(&left, (H2), "{+}/rows/100000", up.base));
    WEFT_CHECK_EQ(weft_download_line(left, &line), 1);
    weft_download_close(left);
    Quote q;
    WEFT_TRY(ask(&(net_ask_in){ up.base, 7 }, &q));
    WEFT_CHECK_EQ(q.price, 7);
    WEFT_CHECK_EQ(net_client()->opened, 1);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(a_call_that_is_given_up_is_reset_and_others_go_on)
{
    UPSTREAM(up);
    weft_response r;
    int rc = weft_exchange(&r, (.read_ms = 50, H2), "{+}/sleep/60000", up.base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, "GET http://127.0.0.1:PORT/sleep/60000: no answer after # ms (read deadline, while waiting for the answer)");
    {
        WEFT_SCOPE(soon, .timeout_ms = 50);
        rc = weft_exchange(&r, (H2), "{+}/sleep/60000", up.base);
        WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    }
    Quote q;
    WEFT_TRY(ask(&(net_ask_in){ up.base, 7 }, &q));
    for (int i = 0; i < 1000 && up.cut < 2; i++) net_pause(1);
    WEFT_CHECK_EQ(up.cut, 2);
    WEFT_CHECK_EQ(net_client()->opened, 1);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(an_answer_that_breaks_off_is_never_whole)
{
    UPSTREAM(up);
    weft_response r;
    int rc = weft_exchange(&r, (H2), "{+}/break/1", up.base);
    NET_CHECK_ERROR(rc, WEFT_ECONNRESET, "GET http://127.0.0.1:PORT/break/1: stream reset (INTERNAL_ERROR) after 3 bytes of the body and # ms");
    rc = weft_exchange(&r, (.body_bytes_max = 5, H2), "{+}/price/3", up.base);
    WEFT_CHECK_EQ(rc, WEFT_ELIMIT);
    UPSTREAM_END(up);
    return 0;
}

NET_TEST(a_server_that_stops_ends_its_calls_first)
{
    UPSTREAM(up);
    Quote q;
    {
        WEFT_SCOPE(calls);
        weft_spawn(calls, ask, (&(net_ask_in){ up.base, 99 }), &q);
        while (!up.requests) net_pause(1);
        weft__server_stop(up.server);
        WEFT_TRY(weft_join(calls));
    }
    WEFT_CHECK_EQ(q.price, 99);
    UPSTREAM_END(up);
    return 0;
}

NET_SIM_TEST(a_connection_that_nobody_uses_is_closed_in_time)
{
    UPSTREAM(up);
    Quote q;
    WEFT_TRY(ask(&(net_ask_in){ up.base, 1 }, &q));
    WEFT_CHECK_EQ(net_client()->conns, 1);
    net_pause(31000);
    WEFT_CHECK_EQ(net_client()->conns, 0);
    WEFT_TRY(ask(&(net_ask_in){ up.base, 2 }, &q));
    UPSTREAM_END(up);
    return 0;
}

/* ---- servers that mean no good ---- */

/* :status 200 is the eighth of the static table: RFC 7541, A */
static int answer(weft_conn *c, int id, const char *body)
{
    WEFT_TRY(frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (unsigned)id, "\x88", 1));
    return frame(c, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, (unsigned)id, body, strlen(body));
}

static int talks;
static int refuse_once(weft_conn *c, void *ctx)
{
    const char *how = ctx;
    int id = request_of(c, true);
    if (id < 0) return 0;
    if (talks++) return answer(c, id, "second");
    if (how[0] == 'r') (void)!frame(c, NGHTTP2_RST_STREAM, 0, (unsigned)id, "\0\0\0\7", 4);
    if (how[0] == 'g') (void)!frame(c, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    if (how[0] == 'g') return 0;
    id = request_of(c, false);
    return id < 0 ? 0 : answer(c, id, "second");
}

NET_TEST(what_a_server_has_not_looked_at_is_asked_once_more)
{
    static const char *const how[] = { "reset", "goaway" };
    for (int i = 0; i < 2; i++) {
        NET_TALKER(base, refuse_once, (void *)how[i]);
        weft_response r;
        talks = 0;
        WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/x", base));
        WEFT_CHECK_STR(r.body, "second");
        NET_TALKER_END(base);
    }
    return 0;
}

typedef enum { GARBAGE, HTTP1, RESET, CLOSE, HALF_HEAD, HALF_BODY, TOO_LITTLE, TOO_MUCH, PUSH, PINGS, SETTINGS, HEAD_TOO_LARGE, MANY_INTERIM, BAD_HEADER, SCRIPTS } script;

static int large_head(weft_conn *c, unsigned id)
{
    char block[4000] = "\x88";
    size_t n = 1;
    block[n++] = 0x40;
    n += (size_t)(stpcpy(block + n, "\6x-long\x7f\x81\x1d") - (block + n));
    memset(block + n, 'v', 3840);
    n += 3840;
    WEFT_TRY(frame(c, NGHTTP2_HEADERS, 0, id, block, n));
    return frame(c, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, id, "\xbe\xbe\xbe\xbe\xbe\xbe\xbe\xbe", 8);
}

static int misbehave(weft_conn *c, void *ctx)
{
    script what = *(script *)ctx;
    int id = request_of(c, true);
    if (id < 0) return 0;
    unsigned u = (unsigned)id;
    switch (what) {
    case GARBAGE: (void)!weft_conn_write(c, WEFT_S("What is this? It is no frame of HTTP/2, whoever looks at it.")); break;
    case HTTP1: (void)!weft_conn_write(c, WEFT_S("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")); break;
    case RESET: (void)!frame(c, NGHTTP2_RST_STREAM, 0, u, "\0\0\0\13", 4); break;
    case CLOSE: return 0;
    case HALF_HEAD: (void)!frame(c, NGHTTP2_HEADERS, 0, u, "\x88", 1); return 0;
    case HALF_BODY:
        (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\x88", 1);
        (void)!frame(c, NGHTTP2_DATA, 0, u, "abc", 3);
        return 0;
    case TOO_LITTLE: case TOO_MUCH:
        (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\x88\x5c\1" "5", 4);
        (void)!frame(c, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, u, "abcdefgh", what == TOO_MUCH ? 8 : 3);
        break;
    case PUSH:                           /* before its ACK it may: RFC 9113, 6.5.2 */
        (void)!frame(c, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
        (void)!frame(c, NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, u, "\0\0\0\2\x82\x84\x86\x41\1x", 10);
        break;
    case PINGS: case SETTINGS:
        for (int i = 0; i < 20000; i++)
            if ((what == PINGS ? frame(c, NGHTTP2_PING, 0, 0, "12345678", 8) : frame(c, NGHTTP2_SETTINGS, 0, 0, "", 0)) < 0) return 0;
        break;
    case HEAD_TOO_LARGE: (void)!large_head(c, u); break;
    case MANY_INTERIM:
        for (int i = 0; i < 30; i++) (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\x48\3" "103", 5);
        break;
    case BAD_HEADER: (void)!frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, u, "\x88\0\3Bad\1x", 8); break;
    case SCRIPTS: break;
    }
    weft_str rest;
    while (weft_conn_read(c, &rest) > 0) continue;
    return 0;
}

NET_TEST(a_server_that_means_no_good_is_told_of_and_harms_nobody)
{
    static const struct { int code; const char *text; } facts[SCRIPTS] = {
        [GARBAGE] = { WEFT_ECONNRESET, "broken off for what is no HTTP/2 without an answer" },
        [HTTP1] = { WEFT_ECONNRESET, "broken off for what is no HTTP/2 without an answer" },
        [RESET] = { WEFT_ECONNRESET, "stream reset (ENHANCE_YOUR_CALM) without an answer" },
        [CLOSE] = { WEFT_ECONNRESET, "without an answer" },
        [HALF_HEAD] = { WEFT_ECONNRESET, "without an answer" },
        [HALF_BODY] = { WEFT_ECONNRESET, "after 3 bytes of the body" },
        [TOO_LITTLE] = { WEFT_ECONNRESET, "stream reset (PROTOCOL_ERROR) after 3 of 5 bytes" },
        [TOO_MUCH] = { WEFT_ECONNRESET, "stream reset (PROTOCOL_ERROR)" },
        [PUSH] = { WEFT_ECONNRESET, "broken off" },
        [PINGS] = { WEFT_ECONNRESET, "broken off for a flood of frames" },
        [SETTINGS] = { WEFT_ECONNRESET, "broken off for a flood of frames" },
        [HEAD_TOO_LARGE] = { WEFT_ELIMIT, "answered a head of more than 16384 bytes (limit)" },
        [MANY_INTERIM] = { WEFT_ELIMIT, "answered more than 16 interim (1xx) heads (limit)" },
        [BAD_HEADER] = { WEFT_ECONNRESET, "stream reset (PROTOCOL_ERROR)" },
    };
    for (script what = 0; what < SCRIPTS; what++) {
        NET_TALKER(base, misbehave, &what);
        weft_response r;
        int rc = weft_exchange(&r, (.method = "POST", .read_ms = 20000, H2), "{+}/x", base);
        const char *text = net_error(rc);
        WEFT_CHECK_EQ(rc, facts[what].code);
        WEFT_CHECK(rc < 0 && strstr(text, facts[what].text) != NULL);
        if (rc >= 0 || !strstr(text, facts[what].text)) fprintf(stderr, "  (script %d: %s)\n", (int)what, rc < 0 ? text : "no failure");
        NET_TALKER_END(base);
    }
    return 0;
}

/* It has no bound of its own: whoever goes on is left. */
static int interim_written;
static int endless_interim(weft_conn *c, void *ctx)
{
    int id = request_of(c, true);
    (void)ctx;
    for (interim_written = 0; id > 0 && interim_written < 60000; interim_written++)
        if (frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (unsigned)id, "\x48\3" "103", 5) < 0) break;
    return 0;
}

NET_TEST(heads_without_an_end_are_refused_and_their_server_left)
{
    NET_TALKER(base, endless_interim, NULL);
    weft_response r;
    WEFT_CHECK_EQ(weft_exchange(&r, (.read_ms = 20000, H2), "{+}/x", base), WEFT_ELIMIT);
    for (int i = 0; i < 2000 && net_client()->conns; i++) net_pause(10);
    WEFT_CHECK_EQ(net_client()->conns, 0);
    WEFT_CHECK(interim_written < 40000);
    NET_TALKER_END(base);
    return 0;
}

/* After the first it takes no more; pause_ms later, if that is not 0, it does again. */
static int take_none(weft_conn *c, void *ctx)
{
    const int *pause_ms = ctx;
    int id = request_of(c, true);
    if (id < 0 || answer(c, id, "first") < 0) return 0;
    if (frame(c, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\0", 6) < 0) return 0;
    if (*pause_ms && (weft_sleep_ms(*pause_ms) < 0 || frame(c, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\5", 6) < 0)) return 0;
    while ((id = request_of(c, false)) >= 0)
        if (answer(c, id, "later") < 0) return 0;
    return 0;
}

/* RFC 9113, 6.5.2: 0 is what it says for a moment. */
NET_TEST(a_server_that_takes_no_more_for_a_moment_is_waited_for_and_not_dialled_again)
{
    int pause_ms = 100;
    NET_TALKER(base, take_none, &pause_ms);
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", base));
    WEFT_TRY(weft_sleep_ms(20));
    for (int i = 0; i < 12; i++) {
        WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", base));
        WEFT_CHECK_STR(r.body, "later");
    }
    WEFT_CHECK_EQ(net_client()->opened, 1);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(a_server_that_takes_no_more_is_waited_for_no_longer_than_the_call_has_time)
{
    int for_good = 0;
    NET_TALKER(base, take_none, &for_good);
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", base));
    WEFT_TRY(weft_sleep_ms(20));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_exchange(&r, (H2, .total_ms = 50), "{+}/x", base), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(net_client()->opened, 1);
    NET_TALKER_END(base);
    return 0;
}

/* All that it says of a body comes, but never its end. */
static int leave_open(weft_conn *c, void *ctx)
{
    (void)ctx;
    for (bool first = true;; first = false) {
        int id = request_of(c, first);
        if (id < 0) return 0;
        if (first && frame(c, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\5", 6) < 0) return 0;
        if (frame(c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (unsigned)id, "\x88\x5c\1" "5", 4) < 0) return 0;
        if (frame(c, NGHTTP2_DATA, 0, (unsigned)id, "abcde", 5) < 0) return 0;
    }
}

NET_TEST(answers_whose_end_never_comes_do_not_use_up_a_connection)
{
    NET_TALKER(base, leave_open, NULL);
    weft_response r;
    for (int i = 0; i < 30; i++) {
        WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", base));
        WEFT_CHECK_STR(r.body, "abcde");
    }
    WEFT_CHECK_EQ(net_client()->opened, 1);
    NET_TALKER_END(base);
    return 0;
}

/* It is to be lost, and settled, rather than waited for. */
NET_SIM_TEST(for_want_of_memory_no_full_connection_is_waited_for)
{
    NET_TALKER(base, leave_open, NULL);
    weft_response r;
    bool failed = true;
    long after = 0;
    for (; after < 1000 && failed; after++) {
        for (int i = 0; i < 5; i++) WEFT_TRY(weft_exchange(&r, (H2), "{+}/x", base));
        net_pause(1);                                /* what the last one gave back was sent */
        net_fail_after = after;
        for (int i = 0; i < 3; i++) WEFT_CHECK(weft_exchange(&r, (H2, .total_ms = 2000), "{+}/x", base) != WEFT_ETIMEDOUT);
        failed = net_fail_after < 0;
        net_fail_after = -1;
        weft__errors_clear();
    }
    WEFT_CHECK(after > 1 && after < 1000);
    NET_TALKER_END(base);
    return 0;
}

/* Its windows have room for all of it at once. */
static int take_all(weft_conn *c, void *ctx)
{
    size_t *came = ctx;
    int id = request_of(c, true);
    weft_str in;
    if (id < 0) return 0;
    (void)!frame(c, NGHTTP2_SETTINGS, 0, 0, "\0\4\x3f\xff\xff\xff", 6);
    (void)!frame(c, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x3f\xff\xff\xff", 4);
    for (int flags = 0; !(flags & NGHTTP2_FLAG_END_STREAM);) {
        if (weft_conn_exactly(c, 9, &in) <= 0) return 0;
        size_t n = (size_t)(unsigned char)in.ptr[0] << 16 | (size_t)(unsigned char)in.ptr[1] << 8 | (unsigned char)in.ptr[2];
        int type = in.ptr[3];
        if (type == NGHTTP2_DATA) flags = in.ptr[4];
        if (type == NGHTTP2_DATA) *came += n;
        if (n && weft_conn_exactly(c, n, &in) <= 0) return 0;
    }
    return answer(c, id, "thanks");
}

NET_TEST(a_body_larger_than_a_buffer_goes_to_windows_of_any_size)
{
    enum { N = 3000000 };
    size_t came = 0;
    char *body = calloc(1, N);
    NET_TALKER(base, take_all, &came);
    weft_response r;
    int rc = weft_exchange(&r, (.method = "POST", .body = { body, N }, H2), "{+}/x", base);
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(came, N);
    NET_TALKER_END(base);
    free(body);
    return 0;
}

NET_TEST(a_download_that_is_read_slowly_takes_no_more_than_its_window)
{
    UPSTREAM(up);
    WEFT_DOWNLOAD(d);
    weft_str piece;
    size_t all = 0;
    int rc;
    WEFT_TRY(weft_download_open(&d, (H2), "{+}/bytes/9000000", up.base));
    while ((rc = weft_download_read(d, &piece)) > 0) {
        all += piece.len;
        net_pause(1);
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(all, 9000000);
    weft_download_close(d);
    UPSTREAM_END(up);
    return 0;
}

/* ---- what fails ---- */

static int converse(const char *base)
{
    weft_response r;
    weft_str line;
    pieces p = { .left = 3 };
    int rc = weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), H2), "{+}/echo", base);
    if (rc == 0) rc = weft_exchange(&r, (.method = "POST", .body_next = next_piece, .body_ctx = &p, H2), "{+}/echo", base);
    WEFT_DOWNLOAD(d);
    if (rc == 0) rc = weft_download_open(&d, (H2), "{+}/rows/100", base);
    while (rc == 0 && (rc = weft_download_line(d, &line)) > 0) rc = 0;
    return rc;
}

NET_SIM_TEST(each_allocation_of_a_call_may_fail)
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
