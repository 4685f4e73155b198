/* A conversation of WebSockets, rooms and compression in which each allocation fails in turn: it ends, and nothing is lost. */
#include "base/mem.h"
#include "io/stream.h"
#include "model/plan.h"
#include "os/sim.h"
#include "support/failing.h"
#include "weft.h"
#include "web/app.h"
#include "wire/ws_deflate.h"

WEFT_MODEL(Move, field(int, x));
WEFT_INPUT(room_in, path(weft_str, room));

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_ws_send(ws, said));
    return rc;
}

static int talk(const room_in *in, weft_ws *ws)
{
    Move m;
    int rc;
    weft_room *room = weft_room_join(ws, in->room, .id = WEFT_S("somebody"), .announce = true);
    weft_room_join(ws, WEFT_S("another"));
    while ((rc = weft_ws_recv_json(Move, ws, &m)) > 0) WEFT_TRY(weft_room_send_json(Move, room, &m));
    return rc;
}

typedef struct counter { int count; weft_room *room; } counter;
static int opened(const room_in *in, weft_ws *ws, counter *c)
{
    c->room = weft_room_join(ws, in->room, .id = WEFT_S("counter"));
    return weft_room_failed(c->room);
}
static int said(weft_ws *ws, counter *c, weft_str msg) { (void)ws; c->count++; return weft_room_send(c->room, msg); }
static void closed(weft_ws *ws, counter *c) { (void)ws; (void)!weft_room_send(c->room, WEFT_S("bye")); }

static const weft_app app = { .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none, .ws = WEFT_WS_WITH(.deflate = true, .deflate_context = true, .protocols = "a")),
    WEFT_WS("/fresh", echo, weft_none, .ws = WEFT_WS_WITH(.deflate = true)),
    WEFT_WS("/rooms/{room}", talk, room_in),
    WEFT_WS_HANDLERS("/count/{room}", room_in, counter, opened, said, closed)) };

static struct { weft__app *app; weft__server *server; const char *path; const char *text; bool compressed; int echoes; } now;

static int serve(void) { return weft__server_run(now.server); }

/* How many messages came back. */
static int converse(void)
{
    char long_text[4000];
    weft_str msg;
    WEFT_SCOPE(patience, .timeout_ms = 2000);
    WEFT_WS_OPEN(ws);
    for (size_t i = 0; i < sizeof long_text; i++) long_text[i] = (char)('a' + i % 7);
    weft_str text = now.text ? weft_str_of(now.text) : (weft_str){ long_text, sizeof long_text };
    WEFT_TRY(weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.deflate = now.compressed, .deflate_context = true, .protocols = "a")), "ws://127.0.0.1:{+}{+}", weft__server_port(now.server), now.path));
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_ws_send(ws, text));
        int rc = weft_ws_recv(ws, &msg);
        if (rc <= 0) return rc;
        now.echoes++;
    }
    return weft_ws_close(ws, 1000, "done");
}

static int ask(const long *fail_at)
{
    char why[256];
    WEFT_TRY(weft__server_open(&now.server, &(weft_serve_opts){ .port = -1 }, weft__app_handle, now.app, why));
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve);
        WEFT_TRY(weft_yield());
        fails.made = 0;
        fails.fail_at = *fail_at;
        (void)!converse();
        (void)!weft_sleep_ms(10);
        fails.fail_at = 0;
        weft__server_stop(now.server);
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(now.server);
    return 0;
}

static void each_in_turn(const char *path, const char *text, bool compressed)
{
    long fail_at = 1;
    for (;; fail_at++) {
        failing_from(0);
        weft__buf faults;
        weft__os *os = weft__sim_new(&(weft__sim_opts){ 0 });
        weft__loop *loop = os ? weft__loop_new(os) : NULL;
        WEFT_NEED(loop != NULL);
        weft__buf_init(&faults, 4096);
        WEFT_NEED(weft__app_compile(&app, &now.app, &faults) == 0);
        now.path = path;
        now.text = text;
        now.compressed = compressed;
        now.echoes = 0;
        WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(ask, &fail_at)), 0);
        if (!fails.failed) WEFT_CHECK_EQ(now.echoes, 3);
        weft__app_free(now.app);
        weft__loop_free(loop);
        os->ops->free(os);
        weft__buf_free(&faults);
        weft__model_forget();
        if (fails.live) weft__check_fail(__FILE__, __LINE__, "%s: allocation %ld: %ld are left", path, fail_at, fails.live);
        if (!fails.failed || fail_at > 500) break;
    }
    WEFT_CHECK(fail_at > 10 && fail_at < 500);
}

WEFT_TEST(ws_an_echo_without_memory_ends_and_nothing_is_lost)
{
    each_in_turn("/echo", "hello", false);
    each_in_turn("/echo", NULL, false);
}

WEFT_TEST(ws_compression_without_memory_ends_and_nothing_is_lost)
{
    if (!weft__ws_deflate_built()) return;
    each_in_turn("/echo", NULL, true);
    each_in_turn("/fresh", NULL, true);
}

WEFT_TEST(ws_rooms_without_memory_end_and_nothing_is_lost)
{
    each_in_turn("/rooms/kitchen", "{\"x\":1}", false);
    each_in_turn("/count/kitchen", "x", false);
}
