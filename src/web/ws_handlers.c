/* WebSockets whose messages are handled by functions: a task from the pool runs while there is something to handle, and nothing waits in
 * between. */
#include "web/ws.h"
#include "io/log.h"

typedef int open_fn(const void *in, weft_ws *ws, void *state);
typedef int message_fn(weft_ws *ws, void *state, weft_str msg);
typedef void close_fn(weft_ws *ws, void *state);

void weft__ws_handler(void) {}

static void *state_of(weft_ws *ws) { return ws + 1; }
static const weft_route *route_of(const weft_ws *ws) { return weft__ws_route_of(ws)->endpoint->route; }

int weft__ws_handlers_open(weft_ws *ws, const void *in)
{
    open_fn *open = (open_fn *)route_of(ws)->ws_handlers->open;
    return open ? open(in, ws, state_of(ws)) : 0;
}

/* ---- in a task ---- */

static int handle(weft_ws *ws, weft_str msg, bool *late)
{
    message_fn *message = (message_fn *)route_of(ws)->ws_handlers->message;
    if (!message) return 0;
    WEFT_SCOPE(handler, .timeout_ms = route_of(ws)->timeout_ms);
    ws->scope = handler;
    int rc = message(ws, state_of(ws), msg);
    ws->scope = NULL;
    *late = rc == WEFT_ETIMEDOUT && weft_scope_caught(handler);
    return rc;
}

/* Whatever is cancelled: it says goodbye to others. */
static void say_closed(weft_ws *ws)
{
    close_fn *closed = (close_fn *)route_of(ws)->ws_handlers->close;
    int ms = route_of(ws)->timeout_ms;
    if (!closed) return;
    WEFT_SCOPE(closing, .shield = true, .timeout_ms = ms ? ms : 5000);
    closed(ws, state_of(ws));
}

static void handle_all(weft_ws *ws, weft_arena *arena)
{
    while (ws->waits) {
        bool late = false;
        int rc = handle(ws, weft__ws_take(ws), &late);
        if (rc == 0 && arena->lost) rc = weft__fail_as(NULL, WEFT_ENOMEM, 0, "it needs more memory than request_bytes_max, or there is none");
        weft__ws_give_back(ws);
        weft__arena_free(arena);
        if (rc != 0) {
            weft__ws_ending end = weft__ws_ending_of(ws, rc, late);
            weft__ws_say_close(ws, (unsigned)end.code, end.reason);
            weft__ws_skip(ws);
            weft__ws_tell_ended(ws);
            return;
        }
        weft__task_renew();
        if (weft__checkpoint() < 0) return;
        if (!ws->waits) weft__ws_pump(ws);
    }
}

/* Messages, and behind the last one its end. */
static int serve(void *arg)
{
    weft_ws *ws = arg;
    const weft__ws_route *route = weft__ws_route_of(ws);
    weft_arena arena;
    weft__arena_init(&arena, weft__loop_blocks(ws->hub->loop), route->request_bytes_max);
    weft_arena *before = weft__arena_swap(&arena);
    weft__task_label(route->endpoint->name.ptr);
    handle_all(ws, &arena);
    bool over = ws->told && !ws->waits;
    if (over) say_closed(ws);
    weft__task_label(NULL);
    weft__arena_swap(before);
    weft__arena_free(&arena);
    ws->busy = false;
    if (over) weft__ws_release(ws, 1000, (weft_str){ "", 0 });
    else if (ws->waits || ws->told) weft__ws_handlers_arrived(ws);       /* its task was cancelled */
    return 0;
}

/* ---- on the loop's own stack ---- */

static void start(weft_ws *ws)
{
    weft_scope *scope = ws->owner;
    if (ws->busy) return;
    ws->busy = true;
    if (weft__start(scope, "a WebSocket's messages", serve, ws) == 0) return;
    ws->busy = false;
    weft__log(WEFT_LOG_ERROR, "%.*s: no memory for a task, or the server has stopped: a WebSocket is broken off", WEFT_FMT(weft__ws_route_of(ws)->endpoint->name));
    ws->told = true;
    weft__ws_release(ws, 1011, (weft_str){ "", 0 });
}

void weft__ws_handlers_arrived(weft_ws *ws)
{
    if (ws->detached && ws->held) start(ws);
}

void weft__ws_handlers_ended(weft_ws *ws)
{
    if (ws->detached && ws->held) start(ws);
}

void weft__ws_handlers_begin(weft_ws *ws, weft__exchange *x)
{
    ws->owner = weft__exchange_scope(x);
    ws->detached = true;
    if (ws->waits || ws->told) start(ws);
    else weft__ws_wake(ws);
}
