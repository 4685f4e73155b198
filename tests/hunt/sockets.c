/* A house with WebSockets: some echo, some are handled message by message, some talk in rooms; clients come with and without compression, say much at once,
 * close, vanish or lose patience, connections break, bytes come cut. Each hears what was said in its order, whoever was let in is seen off once, and
 * nothing of anybody stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/ws.h"
#include "hunt.h"
#include "weft.h"
#include "web/app.h"

enum { CLIENTS = 7, SAYS = 12, SIZE_MAX_ = 3000, ROOMS = 2 };

static struct {
    weft__app *app;
    weft__server *server;
    int opened, closed;
} house;

/* ---- the house ---- */

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        WEFT_TRY(pause_somehow());
        WEFT_TRY(weft_ws_send(ws, said));
    }
    return rc;
}

typedef struct guest { int inside; bool running; } guest;

static int guest_opened(const weft_none *in, weft_ws *ws, guest *g)
{
    (void)in;
    g->inside = 1;
    WEFT_TRY(pause_somehow());
    WEFT_TRY(weft_ws_accept(ws));
    house.opened++;
    WEFT_TRY(pause_somehow());
    return chance(10) ? weft_fail(409, "rather not") : 0;
}

static int guest_said(weft_ws *ws, guest *g, weft_str msg)
{
    WEFT_CHECK(g->inside && !g->running);
    g->running = true;
    int rc = pause_somehow();
    g->running = false;
    return rc < 0 ? rc : weft_ws_send(ws, msg);
}

static void guest_closed(weft_ws *ws, guest *g)
{
    WEFT_CHECK(g->inside && !g->running);
    WEFT_CHECK(weft_ws_code(ws) != 0);
    g->inside = 0;
    house.closed++;
    (void)pause_somehow();
}

WEFT_INPUT(room_in, path(weft_str, room));

static int talk(const room_in *in, weft_ws *ws)
{
    weft_str said;
    weft_room *room = weft_room_join(ws, in->room, .id = in->room, .slow = chance(50) ? WEFT_ROOM_SKIP_SLOW : WEFT_ROOM_CLOSE_SLOW);
    int rc = weft_room_failed(room);
    if (chance(30)) weft_room_leave(weft_room_join(ws, WEFT_S("0")));
    while (rc >= 0 && (rc = weft_ws_recv(ws, &said)) > 0) {
        rc = weft_room_send(room, said);
        if (rc == 0) rc = pause_somehow();
    }
    return rc;
}

#define SMALL .message_bytes_max = 4096, .queue_bytes_max = 2048, .ping_ms = 50, .close_ms = 20, .leave_ms = 10
static const weft_app app = { .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none, .ws = WEFT_WS_WITH(SMALL, .deflate = true, .deflate_context = true)),
    WEFT_WS_HANDLERS("/guest", weft_none, guest, guest_opened, guest_said, guest_closed, .ws = WEFT_WS_WITH(SMALL, .deflate = true)),
    WEFT_WS("/rooms/{room}", talk, room_in, .ws = WEFT_WS_WITH(SMALL, .deflate = true))) };

/* ---- clients ---- */

/* "3 17 xxxx": who, the how manieth, and something to fill it. */
typedef struct line { char text[SIZE_MAX_ + 32]; } line;

static weft_str write_line(line *l, int who, int i)
{
    int n = snprintf(l->text, sizeof l->text, "%d %d ", who, i);
    size_t more = chance(20) ? roll(SIZE_MAX_) : roll(40);
    memset(l->text + n, 'a' + (who + i) % 26, more);
    return (weft_str){ l->text, (size_t)n + more };
}

static void expect_line(weft_str msg, int last[CLIENTS], bool all)
{
    int who = -1, i = -1, n = 0;
    char head[32];
    snprintf(head, sizeof head, "%.*s", (int)(msg.len < sizeof head ? msg.len : sizeof head - 1), msg.ptr);
    WEFT_CHECK_EQ(sscanf(head, "%d %d %n", &who, &i, &n), 2);
    if (who < 0 || who >= CLIENTS) weft__check_fail(__FILE__, __LINE__, "a line of %d", who);
    else if (all ? i != last[who] + 1 : i <= last[who]) weft__check_fail(__FILE__, __LINE__, "line %d behind line %d", i, last[who]);
    else last[who] = i;
    for (size_t k = (size_t)n; k < msg.len; k++)
        if (msg.ptr[k] != 'a' + (who + i) % 26) weft__check_fail(__FILE__, __LINE__, "a line with another's bytes");
}

static int say_and_hear(weft_ws *ws, int me, bool alone)
{
    int last[CLIENTS], said = 0, heard = 0, rc = 1;
    line l;
    weft_str msg;
    for (int i = 0; i < CLIENTS; i++) last[i] = -1;
    while (said < SAYS && rc > 0) {
        for (unsigned burst = roll(4); burst-- && said < SAYS;) WEFT_TRY(weft_ws_send(ws, write_line(&l, me, said++)));
        WEFT_TRY(pause_somehow());
        while (rc > 0 && heard < said && chance(60)) {
            rc = weft_ws_recv(ws, &msg);
            if (rc > 0) expect_line(msg, last, alone);
            if (rc > 0 && last[me] >= 0) heard = last[me] + 1;
        }
    }
    return rc;
}

static int client(const int *me)
{
    char path[32];
    weft_ws *ws = NULL;
    unsigned where = roll(4);
    if (where < 2) snprintf(path, sizeof path, "%s", where ? "echo" : "guest");
    else snprintf(path, sizeof path, "rooms/%u", roll(ROOMS));
    WEFT_SCOPE(patience, .timeout_ms = 1 + (int)roll(400));
    int rc = weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.deflate = chance(50), .deflate_context = chance(50), .close_ms = 20)), "ws://127.0.0.1:{+}/{+}",
        weft__server_port(house.server), path);
    if (rc == 0) rc = say_and_hear(ws, *me, where < 2);
    if (rc > 0 && chance(50)) rc = weft_ws_close(ws, 1000, "done");
    weft_str msg;
    if (rc == 0 && chance(50)) (void)!weft_ws_recv(ws, &msg);
    weft_ws_free(ws);
    return 0;                        /* whatever became of it: a connection may break */
}

/* ---- a day ---- */

static int serve(void) { return weft__server_run(house.server); }

static void expect_nothing_left(void)
{
    const weft__ws_hub *hub = weft__ws_hub_here();
    WEFT_CHECK(!hub->again && !hub->unsent && !hub->todo && !hub->late && !hub->broken && !hub->dead && !hub->fresh);
    WEFT_CHECK(!hub->clients);
    WEFT_CHECK_EQ(weft_room_count(WEFT_S("0")) + weft_room_count(WEFT_S("1")), 0);
    WEFT_CHECK_EQ(house.opened, house.closed);
}

static int day(void)
{
    char why[256];
    weft__buf faults;
    weft__buf_init(&faults, 4096);
    house.opened = house.closed = 0;
    WEFT_TRY(weft__app_compile(&app, &house.app, &faults));
    WEFT_TRY(weft__server_open(&house.server, &(weft_serve_opts){ .port = -1, .grace_ms = 20 }, weft__app_handle, house.app, why));
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve);
        WEFT_TRY(weft_yield());
        {
            weft_task *tasks[CLIENTS];
            WEFT_SCOPE(clients);
            for (int i = 0; i < CLIENTS; i++) tasks[i] = weft_spawn(clients, client, &i);
            weft_spawn(clients, cancel_some, (&(victims){ tasks, CLIENTS, 3, 60 }));
            if (chance(30)) WEFT_TRY(weft_sleep_ms(roll(100)));
            else WEFT_TRY(weft_join(clients));
            weft__server_stop(house.server);
            WEFT_TRY(weft_join(clients));
        }
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(house.server);
    WEFT_TRY(weft_sleep_ms(100));
    expect_nothing_left();
    weft__app_free(house.app);
    weft__buf_free(&faults);
    return 0;
}

static void run(uint64_t seed)
{
    weft__sim_opts opts = { .seed = seed, .delay_max_ns = roll(2) * 3000000, .short_io_percent = roll(2) * 40, .reset_permille = roll(3) ? 0 : 5,
        .window = roll(2) ? 1000 : 0 };
    hunt_world(&opts, weft_call(day));
}

const scenario hunt_sockets = { "sockets", "WebSockets: echoes, message handlers, rooms; compression, breaks, short reads and writes, stops", run };
