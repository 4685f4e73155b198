/* WebSockets whose messages are handled by functions: a task from the pool runs while there is something to handle, and nothing waits in
 * between. What comes in one turn of the loop is handled by one task, one WebSocket after the other; whose handler waits keeps that task,
 * and the rest get tasks of their own before the loop waits. */
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

void weft__ws_handlers_failed(weft_ws *ws, const weft__ws_ending *end)
{
    weft__ws_say_close(ws, (unsigned)end->code, end->reason);
    weft__ws_skip(ws);
    weft__ws_tell_ended(ws);
    say_closed(ws);
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
            return;                  /* the last one follows */
        }
        weft__task_renew();
        if (weft__checkpoint() < 0) return;
        if (weft__ws_may_pump(ws)) weft__ws_pump(ws);
    }
}

/* Messages, and behind the last one its end. */
static void serve(weft_ws *ws, weft_arena *arena)
{
    const weft__ws_route *route = weft__ws_route_of(ws);
    arena->bytes_max = route->request_bytes_max;
    weft__task_label(route->endpoint->name.ptr);
    handle_all(ws, arena);
    bool over = ws->told && !ws->waits;
    if (over) {
        say_closed(ws);
        weft__task_renew();
        weft__arena_free(arena);
    }
    ws->busy = false;
    if (over) weft__ws_release(ws, 1000, (weft_str){ "", 0 });
    else if (ws->waits || ws->told) weft__ws_handlers_arrived(ws);       /* its task was cancelled */
}

static weft_ws *next_of(weft__ws_hub *hub, const weft_scope *scope)
{
    weft_ws *ws = hub->todo;
    if (!ws || ws->owner != scope) return NULL;
    hub->todo = ws->next_todo;
    if (!hub->todo) hub->todo_end = &hub->todo;
    return ws;
}

static int serve_all(void *arg)
{
    weft_ws *ws = arg;
    weft__ws_hub *hub = ws->hub;
    const weft_scope *scope = ws->owner;
    weft_arena arena;
    weft__arena_init(&arena, weft__loop_blocks(hub->loop), 0);
    weft_arena *before = weft__arena_swap(&arena);
    if (hub->fresh == scope) hub->fresh = NULL;
    for (; ws; ws = next_of(hub, scope)) serve(ws, &arena);
    weft__task_label(NULL);
    weft__arena_swap(before);
    return 0;
}

/* ---- on the loop's own stack ---- */

static bool begin(weft_ws *ws) { return weft__start(ws->owner, "messages of WebSockets", serve_all, ws) == 0; }

/* Its peer is broken off at once; its last handler runs when there is memory for that. */
static void break_off(weft_ws *ws)
{
    weft__ws_hub *hub = ws->hub;
    weft__log(WEFT_LOG_ERROR, "%.*s: no memory for a task: a WebSocket is broken off", WEFT_FMT(weft__ws_route_of(ws)->endpoint->name));
    weft__ws_skip(ws);
    weft__ws_over(ws, WEFT_ENOMEM, true);
    weft__ws_tell_ended(ws);
    ws->next_todo = hub->late;
    hub->late = ws;
}

/* Those that a task left because a handler of it waits, or has had its share: each gets a task of its own, as it may wait too. */
static void start_rest(weft__ws_hub *hub)
{
    for (weft_ws *ws; (ws = hub->late) && begin(ws);) hub->late = ws->next_todo;
    for (weft_ws *ws; !hub->fresh && (ws = hub->todo) && (ws = next_of(hub, ws->owner));)
        if (!begin(ws)) break_off(ws);
}

/* Invariant: those in `todo` are all of one scope, and a task of that has not ended, which looks at them when it is done with its own. */
static void start(weft_ws *ws)
{
    weft__ws_hub *hub = ws->hub;
    if (ws->busy) return;
    ws->busy = true;
    hub->start_rest = start_rest;
    if (hub->fresh && hub->fresh == ws->owner) {
        ws->next_todo = NULL;
        *hub->todo_end = ws;
        hub->todo_end = &ws->next_todo;
    } else if (!begin(ws)) {
        break_off(ws);
    } else if (!hub->todo || hub->todo->owner == ws->owner) {
        hub->fresh = ws->owner;
    }
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
