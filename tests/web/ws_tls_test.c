/* WebSockets over TLS, of weft's server and client, over either protocol: messages larger than TLS takes in one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/features.h"
#include "http/server.h"
#include "os/sim.h"
#include "weft.h"
#include "web/app.h"

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_ws_send_binary(ws, said));
    return rc;
}

static const weft_app app = { .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 4 << 20, .ping_ms = 2000))) };

static struct { weft__app *app; weft__server *server; weft_http2 http2; } now;

static int serve(void) { return weft__server_run(now.server); }

static int converse(void)
{
    static const size_t sizes[] = { 0, 1, 200000, 300000, 3000000 };
    weft_str msg;
    WEFT_WS_OPEN(ws);
    WEFT_TRY(weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.message_bytes_max = 4 << 20, .ping_ms = 2000), .tls = { .unverified = true }, .http2 = now.http2),
        "wss://127.0.0.1:{+}/echo", weft__server_port(now.server)));
    for (size_t i = 0; i < weft_count(sizes); i++) {
        char *bytes = malloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++) bytes[k] = (char)(k * k % 251);
        int rc = weft_ws_send_binary(ws, (weft_str){ bytes, sizes[i] });
        if (rc == 0) rc = weft_ws_recv(ws, &msg);
        bool same = rc == 1 && msg.len == sizes[i] && memcmp(msg.ptr, bytes, sizes[i]) == 0;
        free(bytes);
        if (rc < 0) return rc;
        WEFT_CHECK(same);
    }
    (void)!weft_ws_close(ws, 1000, "");
    return weft_ws_recv(ws, &msg);
}

static int both(void)
{
    char why[256];
    weft_tls_made made;
    WEFT_TRY(weft_tls_self_signed(&made, "127.0.0.1", 30));
    weft_tls_cert certs[2] = { { .cert_pem = weft_str_of(made.cert), .key_pem = weft_str_of(made.key) } };
    WEFT_TRY(weft__server_open(&now.server, &(weft_serve_opts){ .port = -1, .tls = { .certs = certs } }, weft__app_handle, now.app, why));
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve);
        WEFT_CHECK_EQ(converse(), 0);
        (void)!weft_sleep_ms(100);
        weft__server_stop(now.server);
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(now.server);
    return 0;
}

static void over(weft__os *os, weft_http2 http2)
{
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    weft__buf faults;
    weft__buf_init(&faults, 4096);
    WEFT_NEED(loop != NULL);
    WEFT_NEED(weft__app_compile(&app, &now.app, &faults) == 0);
    now.http2 = http2;
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(both)), 0);
    weft__app_free(now.app);
    weft__loop_free(loop);
    os->ops->free(os);
    weft__buf_free(&faults);
}

WEFT_TEST(ws_large_messages_go_both_ways_over_tls__epoll) { over(weft__os_linux_new(), WEFT_HTTP2_NEVER); }
WEFT_TEST(ws_large_messages_go_both_ways_over_tls__sim) { over(weft__sim_new(&(weft__sim_opts){ 0 }), WEFT_HTTP2_NEVER); }
WEFT_TEST(ws_large_messages_go_both_ways_over_http2_and_tls__epoll) { over(weft__os_linux_new(), WEFT__HAS_HTTP2 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_NEVER); }
WEFT_TEST(ws_large_messages_go_both_ways_over_http2_and_tls__sim) { over(weft__sim_new(&(weft__sim_opts){ 0 }), WEFT__HAS_HTTP2 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_NEVER); }
