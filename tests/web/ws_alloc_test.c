/* A conversation of WebSockets, rooms and compression in which each allocation fails in turn: it ends, and nothing is lost. */
#include <stdio.h>
#include "base/mem.h"
#include "io/stream.h"
#include "model/plan.h"
#include "os/sim.h"
#include "support/failing.h"
#include "http/ws.h"
#include "weft.h"
#include "web/app.h"
#include "ws_peer.h"

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
static int seen_off;
static int opened(const room_in *in, weft_ws *ws, counter *c)
{
    c->room = weft_room_join(ws, in->room, .id = WEFT_S("counter"));
    return weft_room_failed(c->room);
}
static int said(weft_ws *ws, counter *c, weft_str msg) { (void)ws; c->count++; return weft_room_send(c->room, msg); }
static void closed(weft_ws *ws, counter *c)
{
    (void)ws;
    (void)!weft_room_send(c->room, WEFT_S("bye"));
    seen_off++;
}

static const weft_app app = { .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none, .ws = WEFT_WS_WITH(.deflate = true, .deflate_context = true, .protocols = "a")),
    WEFT_WS("/fresh", echo, weft_none, .ws = WEFT_WS_WITH(.deflate = true)),
    WEFT_WS("/rooms/{room}", talk, room_in),
    WEFT_WS_HANDLERS("/count/{room}", room_in, counter, opened, said, closed)) };

static struct {
    weft__app *app;
    weft__server *server;
    const char *path, *text;
    bool compressed;
    bool breaks_off;                 /* it says some messages and breaks off */
    bool over_h2;
    bool accepted;
    int echoes;
} now;

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
    WEFT_TRY(weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.deflate = now.compressed, .deflate_context = true, .protocols = "a"),
        .http2 = now.over_h2 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_DEFAULT), "ws://127.0.0.1:{+}{+}", weft__server_port(now.server), now.path));
    for (int i = 0; i < 3; i++) {
        WEFT_TRY(weft_ws_send(ws, text));
        int rc = weft_ws_recv(ws, &msg);
        if (rc <= 0) return rc;
        now.echoes++;
    }
    return weft_ws_close(ws, 1000, "done");
}

/* Of raw bytes: all at once, then nothing but a reset. */
static int break_off(void)
{
    char frames[256];
    static char *answer;
    weft__stream s;
    weft__addr at;
    size_t n = 0;
    WEFT_SCOPE(patience, .timeout_ms = 2000);
    if (!answer) answer = scratch(WS_PEER_MOST);
    ws_peer p = { .path = now.path, .got = answer, .over_h2 = now.over_h2 };
    for (int i = 0; i < 3; i++) n += ws_frame(frames + n, 0x81, "x", 1);
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), weft__server_port(now.server), &at));
    WEFT_TRY(weft__stream_connect(&s, weft__loop_here(), &at, INT64_MAX));
    int rc = ws_peer_ask(&p, &s);
    if (rc == 0) rc = ws_peer_say(&p, &s, frames, n);
    for (ssize_t came = 1; rc == 0 && came > 0; p.have += came > 0 ? (size_t)came : 0)
        came = ws_peer_recv(&p, &s, weft__loop_clock(weft__loop_here()) + 3000000);
    now.accepted = p.have > 12 && (memcmp(answer, "HTTP/1.1 101", 12) == 0 || memcmp(answer, "HTTP/2 200", 10) == 0);
    ws_peer_free(&p);
    weft__stream_reset(&s);
    return 0;
}

/* Of those that are over nothing hangs on in the loop. */
static void expect_nothing_under_way(void)
{
    const weft__ws_hub *hub = *weft__loop_slot(weft__loop_here(), WEFT__SLOT_WS);
    if (hub) WEFT_CHECK(!hub->again && !hub->unsent && !hub->todo && !hub->late && !hub->broken && !hub->dead && !hub->fresh);
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
        (void)!(now.breaks_off ? break_off() : converse());
        (void)!weft_sleep_ms(10);
        fails.fail_at = 0;
        (void)!weft_sleep_ms(6000);                  /* for the goodbyes */
        expect_nothing_under_way();
        weft__server_stop(now.server);
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(now.server);
    return 0;
}

static void each_in_turn(const char *path, const char *text, bool compressed)
{
    long fail_at = 1;
    now.breaks_off = !text && !compressed && strstr(path, "/count") != NULL;
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
        now.echoes = seen_off = 0;
        now.accepted = false;
        WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(ask, &fail_at)), 0);
        if (!fails.failed && !now.breaks_off) WEFT_CHECK_EQ(now.echoes, 3);
        if (now.accepted) WEFT_CHECK_EQ(seen_off, 1);
        if (!fails.failed && now.breaks_off) WEFT_CHECK(now.accepted);
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

WEFT_TEST(ws_message_handlers_without_memory_are_told_of_a_client_that_breaks_off_all_the_same) { each_in_turn("/count/kitchen", NULL, false); }

WEFT_TEST(ws_over_http2_without_memory_ends_and_nothing_is_lost)
{
    if (!WEFT__HAS_HTTP2) return;
    now.over_h2 = true;
    each_in_turn("/count/kitchen", NULL, false);
    each_in_turn("/echo", "hello", false);
    each_in_turn("/echo", NULL, weft__ws_deflate_built());
    now.over_h2 = false;
}
