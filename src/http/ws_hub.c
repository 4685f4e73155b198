/* What the WebSockets of a loop share: lines of those that wait equally long, spare memory, and the hook that sends what was gathered. */
#include <string.h>
#include "base/mem.h"
#include "http/ws.h"

enum { SPARES_KEPT = 64, KEPT_BYTES = 4096, OVER_AT_ONCE = 64, MESSAGE_ROOM = 1 << 30 };

/* ---- the hub ---- */

static void flush_all(weft__hook *h)
{
    weft__ws_hub *hub = (weft__ws_hub *)((char *)h - offsetof(weft__ws_hub, flush));
    if ((hub->todo && !hub->fresh) || hub->late) hub->start_rest(hub);
    /* One that is over may take others with it (a room is left): always the first one, which is none of the unsent afterwards. */
    for (weft__ws_io *io; (io = hub->unsent);) {
        weft__ws_unmark(io);
        (void)weft__ws_flush(io->ws);
    }
    weft__ws_end_broken(hub);
    weft__ws_free_dead(hub);
}

static void io_free(weft__ws_io *io)
{
    weft__buf_free(&io->given);
    weft__buf_free(&io->coming);
    weft__buf_free(&io->out);
    weft__free(io->rest);
    weft__free(io);
}

static void read_again(weft__timer *t)
{
    weft__ws_hub *hub = (weft__ws_hub *)((char *)t - offsetof(weft__ws_hub, again_timer));
    weft__ws_io *all = hub->again;
    hub->again = NULL;
    while (all) {                    /* one that is woken may end others, whose places here stay until their turn */
        weft__ws_io *io = all;
        all = io->next_again;
        io->next_again = NULL;
        io->in_again = false;
        weft_ws *ws = io->ws;
        if (!ws) {
            io_free(io);
            continue;
        }
        if (ws->pipe && weft__ws_unsent(ws)) weft__ws_mark(ws);
        weft__ws_wake(ws);
        if (ws->io == io) weft__ws_io_done(ws);      /* whoever waits for a message may have been through with it before */
    }
}

static void hub_free(void *arg)
{
    weft__ws_hub *hub = arg;
    weft__ws_clients_end(hub);
    weft__ws_end_broken(hub);
    *weft__loop_slot(hub->loop, WEFT__SLOT_WS) = NULL;
    weft__ws_free_dead(hub);
    if (hub->free_rooms) hub->free_rooms(hub);
    for (weft__ws_io *io; (io = hub->spares);) {
        hub->spares = io->next;
        io_free(io);
    }
    for (weft__ws_line *l; (l = hub->lines);) {
        hub->lines = l->next;
        weft__timer_stop(hub->loop, &l->line.timer);
        weft__free(l);
    }
    for (weft__ws_io *io; (io = hub->again);) {
        hub->again = io->next_again;
        if (!io->ws) io_free(io);
    }
    weft__timer_stop(hub->loop, &hub->again_timer);
    weft__loop_unhook(hub->loop, &hub->flush);
    weft__buf_free(&hub->packed);
    weft__inflater_free(hub->inflater);
    for (size_t i = 0; i < weft_count(hub->deflaters); i++) weft__deflater_free(hub->deflaters[i]);
    weft__free(hub->input);
    weft__free(hub);
}

weft__ws_hub *weft__ws_hub_here(void)
{
    weft__loop *loop = weft__loop_here();
    void **slot = loop ? weft__loop_slot(loop, WEFT__SLOT_WS) : NULL;
    if (!slot || *slot) return slot ? *slot : NULL;
    weft__ws_hub *hub = weft__calloc(sizeof *hub);
    if (!hub) return NULL;
    hub->loop = loop;
    hub->input = weft__malloc(WEFT__WS_INPUT);
    hub->again_timer.fire = read_again;
    hub->todo_end = &hub->todo;
    weft__buf_init(&hub->packed, MESSAGE_ROOM);
    if (!hub->input || weft__loop_on_free(loop, hub_free, hub) < 0) {
        weft__free(hub->input);
        weft__free(hub);
        return NULL;
    }
    hub->flush = (weft__hook){ flush_all, NULL };
    weft__loop_hook(loop, &hub->flush);
    return *slot = hub;
}

/* Whoever could not be told yet that it is over has its last chance, and else is not. */
void weft__ws_server_over(const weft_scope *scope)
{
    weft__loop *loop = weft__loop_here();
    weft__ws_hub *hub = *weft__loop_slot(loop, WEFT__SLOT_WS);
    if (!hub || !hub->late) return;
    hub->start_rest(hub);
    for (weft_ws **at = &hub->late, *ws; (ws = *at);) {
        if (ws->owner != scope) {
            at = &ws->next_todo;
            continue;
        }
        *at = ws->next_todo;
        weft__ws_release(ws, 1011, (weft_str){ "", 0 });
    }
}

void weft__ws_mask_new(weft__ws_hub *hub, uint8_t mask[4])
{
    weft__os *os = weft__loop_os(hub->loop);
    if (!hub->masks_left) {
        for (unsigned i = 0; i < WEFT__WS_MASKS; i++) hub->masks[i] = os->ops->random(os);
        hub->masks_left = 2 * WEFT__WS_MASKS;
    }
    memcpy(mask, (const char *)hub->masks + 4 * --hub->masks_left, 4);
}

/* ---- what is under way ---- */

weft__ws_io *weft__ws_io_of(weft_ws *ws)
{
    weft__ws_hub *hub = ws->hub;
    weft__ws_io *io = ws->io ? ws->io : hub->spares;
    if (ws->io) return io;
    if (io) {
        hub->spares = io->next;
        hub->spares_count--;
    } else if (!(io = weft__calloc(sizeof *io))) {
        return NULL;
    }
    io->next = NULL;
    io->out.bytes_max = io->given.bytes_max = MESSAGE_ROOM;
    io->coming.bytes_max = ws->kind->message_bytes_max;
    io->out_at = io->went = io->stuck = 0;
    io->seen_bytes = io->slow_looks = 0;
    io->ws = ws;
    return ws->io = io;
}

static void keep_small(weft__buf *b)
{
    if (b->room > KEPT_BYTES) weft__buf_free(b);
    weft__buf_clear(b);
}

static bool is_used(const weft_ws *ws, const weft__ws_io *io)
{
    return ws->waits || ws->in.op || io->given_used || io->rest || io->out.len > io->out_at || io->inflater || io->senders.first || io->in_again;
}

void weft__ws_io_done(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    weft__ws_hub *hub = ws->hub;
    if (!io || is_used(ws, io)) return;
    weft__ws_unmark(io);
    ws->io = NULL;
    io->ws = NULL;
    if (hub->spares_count >= SPARES_KEPT) {
        io_free(io);
        return;
    }
    keep_small(&io->given);
    keep_small(&io->coming);
    keep_small(&io->out);
    io->next = hub->spares;
    hub->spares = io;
    hub->spares_count++;
}

void weft__ws_io_drop(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    if (!io) return;
    weft__ws_forget_input(ws);
    ws->waits = false;
    ws->in.op = 0;
    io->given_used = false;
    weft__buf_clear(&io->out);
    io->out_at = 0;
    weft__ws_unmark(io);
    if (io->in_again) {              /* it is freed when its turn has come */
        ws->io = NULL;
        io->ws = NULL;
    }
    weft__ws_io_done(ws);
}

/* ---- sending before the loop waits ---- */

void weft__ws_mark(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    if (io->unsent) return;
    io->unsent = true;
    io->prev = NULL;
    io->next = ws->hub->unsent;
    if (io->next) io->next->prev = io;
    ws->hub->unsent = io;
}

void weft__ws_unmark(weft__ws_io *io)
{
    if (!io->unsent) return;
    io->unsent = false;
    if (io->prev) io->prev->next = io->next;
    else io->ws->hub->unsent = io->next;
    if (io->next) io->next->prev = io->prev;
    io->next = io->prev = NULL;
}

void weft__ws_again(weft_ws *ws)
{
    weft__ws_hub *hub = ws->hub;
    weft__ws_io *io = weft__ws_io_of(ws);
    if (io && io->in_again) return;
    bool runs = io && (hub->again_timer.place || weft__timer_start(hub->loop, &hub->again_timer, weft__loop_now(hub->loop)) == 0);
    if (!runs) {                     /* no edge would tell of what is there */
        weft__ws_over(ws, WEFT_ENOMEM, true);
        return;
    }
    io->in_again = true;
    io->next_again = hub->again;
    hub->again = io;
}

/* ---- waiting ---- */

static weft_ws *ws_of(weft__due *d) { return (weft_ws *)(void *)((char *)d - offsetof(weft_ws, due)); }

static void line_over(weft__timer *t)
{
    weft__ws_line *l = (weft__ws_line *)((char *)t - offsetof(weft__ws_line, line.timer));
    weft__loop *loop = l->hub->loop;
    int64_t now = weft__loop_now(loop);
    l->line.runs = false;
    for (int i = 0; i < OVER_AT_ONCE && l->line.first && l->line.first->at_ns <= now; i++) {     /* as of connections */
        weft_ws *ws = ws_of(l->line.first);
        weft__ws_wait_stop(ws);
        weft__ws_due(ws);
    }
    if (l->line.first && !l->line.runs) weft__line_again(loop, &l->line, l->line.first->at_ns);
}

static weft__ws_line *line_of(weft__ws_hub *hub, int ms)
{
    for (weft__ws_line *l = hub->lines; l; l = l->next)
        if (l->ms == ms) return l;
    weft__ws_line *l = weft__calloc(sizeof *l);
    if (!l) return NULL;
    *l = (weft__ws_line){ .next = hub->lines, .hub = hub, .ms = ms, .line.timer.fire = line_over };
    return hub->lines = l;
}

void weft__ws_wait_stop(weft_ws *ws)
{
    if (!ws->line) return;
    weft__line_remove(&ws->line->line, &ws->due);
    ws->line = NULL;
}

bool weft__ws_wait(weft_ws *ws, int ms)
{
    if (ws->broken) return true;     /* it will be over before */
    weft__ws_wait_stop(ws);
    weft__ws_line *l = line_of(ws->hub, ms);
    if (!l) return false;
    ws->line = l;
    if (weft__line_add(ws->hub->loop, &l->line, &ws->due, ms)) return true;
    weft__ws_wait_stop(ws);
    return false;
}
