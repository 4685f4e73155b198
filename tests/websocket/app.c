/* The server of tests/e2e/websocket.sh: app PORT. And a client before others' servers: app connect URL [CA], which prints what held;
 * app connect-h2 URL: over HTTP/2 whatever is known of it; app connect-beside URL CA: behind a call over HTTP/2 to the same server, whose
 * answer it prints at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft.h"

/* ---- the server ---- */

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        if (weft_str_equal(said, WEFT_S("close me"))) return weft_ws_close(ws, 4001, "as you wish");
        if (weft_str_equal(said, WEFT_S("fail"))) return weft_fail(403, "refused late");
        rc = weft_ws_is_text(ws) ? weft_ws_send(ws, said) : weft_ws_send_binary(ws, said);
        if (rc < 0) return rc;
    }
    return rc;
}

typedef struct counter { int count; } counter;
static int count(weft_ws *ws, counter *c, weft_str said) { return weft_ws_send(ws, weft_format("%d %.*s", ++c->count, WEFT_FMT(said))); }

/* Only sends, and says how it ended. */
static int ended;
static int ticks(const weft_none *in, weft_ws *ws)
{
    (void)in;
    int rc = 0;
    while (rc == 0) {
        rc = weft_ws_send(ws, WEFT_S("tick"));
        if (rc == 0) rc = weft_sleep_ms(50);
    }
    ended++;
    return rc;
}
static int ticks_ended(const weft_none *in, int *out) { (void)in; *out = ended; return 0; }

static int refused(const weft_none *in, weft_ws *ws) { (void)in, (void)ws; return weft_fail(403, "not you"); }

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 16 << 20, .protocols = "second, first")),
    WEFT_WS("/small", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 1000)),
    WEFT_WS("/deflate", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 16 << 20, .deflate = true)),
    WEFT_WS("/context", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 16 << 20, .deflate = true, .deflate_context = true, .deflate_bits = 12)),
    WEFT_WS("/pings", echo, weft_none, .ws = WEFT_WS_WITH(.ping_ms = 100)),
    WEFT_WS_HANDLERS("/count", weft_none, counter, NULL, count, NULL, .ws = WEFT_WS_WITH(.deflate = true)),
    WEFT_WS("/ticks", ticks, weft_none),
    WEFT_GET("/ticks/ended", ticks_ended, weft_none, int),
    WEFT_WS("/refused", refused, weft_none)) };

/* ---- the client ---- */

typedef struct asked { const char *url; bool beside; } asked;

static bool held(const char *name, bool good, const char *why)
{
    if (good) printf("ok websocket/%s\n", name);
    else printf("not ok websocket/%s: %s\n", name, why);
    fflush(stdout);
    return good;
}

static int bounce(weft_ws *ws, const char *name, weft_str bytes, bool text)
{
    weft_str back = { "", 0 };
    int rc = text ? weft_ws_send(ws, bytes) : weft_ws_send_binary(ws, bytes);
    if (rc == 0) rc = weft_ws_recv(ws, &back);
    bool same = rc == 1 && back.len == bytes.len && (!bytes.len || memcmp(back.ptr, bytes.ptr, bytes.len) == 0) && weft_ws_is_text(ws) == text;
    held(name, same, rc < 0 ? weft_error_of(rc)->text : "it came back otherwise");
    return rc < 0 ? rc : 0;
}

static int echoes(const char *url, const weft_ws_opts *o, const char *prefix)
{
    char name[64];
    static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 1000000 };
    WEFT_WS_OPEN(ws);
    WEFT_TRY(weft_ws_connect(&ws, (.ws = o), "{+}", url));
    for (size_t i = 0; i < weft_count(sizes); i++) {
        char *bytes = weft_alloc(sizes[i] + 1);
        for (size_t k = 0; bytes && k < sizes[i]; k++) bytes[k] = (char)('a' + k * k % 23);
        snprintf(name, sizeof name, "client_%s_%zu_bytes", prefix, sizes[i]);
        WEFT_TRY(bounce(ws, name, (weft_str){ bytes, sizes[i] }, i & 1));
    }
    weft_str msg;
    (void)weft_ws_close(ws, 1000, "done");
    snprintf(name, sizeof name, "client_%s_closes", prefix);
    held(name, weft_ws_recv(ws, &msg) == 0, "it did not end");
    return 0;
}

static int before_server(const asked *in)
{
    weft_str msg;
    WEFT_TRY(echoes(in->url, WEFT_WS_WITH(.message_bytes_max = 16 << 20), "plain"));
    WEFT_TRY(echoes(in->url, WEFT_WS_WITH(.message_bytes_max = 16 << 20, .deflate = true), "deflate"));
    WEFT_TRY(echoes(in->url, WEFT_WS_WITH(.message_bytes_max = 16 << 20, .deflate = true, .deflate_context = true, .deflate_bits = 11), "context"));
    WEFT_WS_OPEN(ws);
    WEFT_TRY(weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.protocols = "first, second")), "{+}", in->url));
    held("client_subprotocol", weft_str_equal(weft_ws_protocol(ws), WEFT_S("second")), "another one");
    WEFT_TRY(weft_ws_send(ws, WEFT_S("close me")));
    int rc = weft_ws_recv(ws, &msg);
    held("client_reads_the_code", rc == 0 && weft_ws_code(ws) == 4001, weft_error_of(rc)->text);
    held("client_reads_the_reason", weft_str_equal(weft_ws_reason(ws), WEFT_S("as you wish")), "another one");
    WEFT_WS_OPEN(none);
    rc = weft_ws_connect(&none, (._ = NULL), "{+}/refused", in->url);
    held("client_says_why_it_was_refused", rc == WEFT_STATUS(502) && strstr(weft_error_of(rc)->text, "answered 401"), weft_error_of(rc)->text);
    return 0;
}

/* What it keeps count of: sockets, WebSockets over HTTP/2, and over HTTP/1.1. */
static int counts(const char *url)
{
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.method = "GET"), "http{+}/", url + 2));
    printf("counts %.*s\n", WEFT_FMT(r.body));
    return 0;
}

/* Many at a time, each with its own echo. */
static int one_of_many(const asked *in)
{
    weft_str msg;
    WEFT_WS_OPEN(ws);
    WEFT_TRY(weft_ws_connect(&ws, (._ = NULL), "{+}", in->url));
    for (int i = 0; i < 20; i++) {
        weft_str said = weft_format("%p: %d", (void *)ws, i);
        WEFT_TRY(weft_ws_send(ws, said));
        if (weft_ws_recv(ws, &msg) != 1 || !weft_str_equal(msg, said)) return weft_fail(500, "another echo");
    }
    return 0;
}

static int many(const asked *in)
{
    WEFT_SCOPE(all);
    for (int i = 0; i < 40; i++) weft_spawn(all, one_of_many, in);
    int rc = weft_join(all);
    held("client_forty_at_a_time", rc == 0, rc < 0 ? weft_error_of(rc)->text : "");
    return rc;
}

static int connect_all(const asked *in)
{
    if (in->beside) WEFT_TRY(counts(in->url));
    WEFT_TRY(before_server(in));
    WEFT_TRY(many(in));
    return in->beside ? counts(in->url) : 0;
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        asked in = { argv[2], strcmp(argv[1], "connect-beside") == 0 };
        WEFT_TRY(weft_client_limits(.http2 = strcmp(argv[1], "connect-h2") == 0 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_DEFAULT, .tls = { .ca_file = argc > 3 ? argv[3] : NULL }));
        return weft_run(connect_all, &in);
    }
    return weft_serve(&app, .port = atoi(argv[1]));
}
