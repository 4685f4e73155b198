/* A WebSocket's life: listening, looking whether the peer is there, the closing handshake, and what its handlers call. */
#include "http/ws.h"
#include <string.h>
#include "base/mem.h"
#include "task/job.h"
#include "wire/utf8.h"

enum { SEND_BYTES_MAX = 64 << 20 };
enum { MESSAGE_BYTES = 1 << 20, FRAGMENTS = 1024, QUEUE_BYTES = 64 * 1024, PING_MS = 20000, CLOSE_MS = 5000, LEAVE_MS = 500, LEVEL = 6 };

static int or(int given, int otherwise) { return given > 0 ? given : otherwise; }

void weft__ws_kind_make(weft__ws_kind *k, const weft_ws_opts *o)
{
    size_t max = o->message_bytes_max ? o->message_bytes_max : MESSAGE_BYTES;
    uint8_t bits = (uint8_t)or(o->deflate_bits, WEFT__WS_BITS_MAX);
    *k = (weft__ws_kind){
        .rules = { .message_bytes_max = max, .fragments_max = (uint32_t)or(o->fragments_max, FRAGMENTS), .masked = true },
        .message_bytes_max = max,
        .queue_bytes_max = o->queue_bytes_max ? o->queue_bytes_max : QUEUE_BYTES,
        .look_ms = or(o->ping_ms, PING_MS),
        .close_ms = or(o->close_ms, CLOSE_MS),
        .leave_ms = or(o->leave_ms, LEAVE_MS),
        .pings = o->ping_ms >= 0,
        .terms = { o->deflate && weft__ws_deflate_built(), !o->deflate_context, !o->deflate_context, bits, bits },
        .deflate_level = or(o->deflate_level, LEVEL),
    };
}

/* ---- its end ---- */

/* The handler has not learned yet that it is over, and is to be cancelled when its time has come. */
static bool leaving(const weft_ws *ws)
{
    if (!ws->scope || ws->kept || ws->taken_end) return false;
    return ws->told || (ws->waits && ws->pipe && ws->pipe->ops->hup(ws->pipe));
}

static void cancel(weft_ws *ws)
{
    weft_scope *scope = ws->scope;
    ws->taken_end = true;
    if (scope) weft_cancel(scope);
}

/* Nobody is there to be told anything: at once. Whoever has said Close has said all it had to: then the handler may end what it does. */
static void leave(weft_ws *ws)
{
    if (!leaving(ws) || ws->reader || (ws->leaves && !ws->failed)) return;
    ws->leaves = true;               /* once: whatever else comes does not give it more time */
    if (ws->failed || !weft__ws_wait(ws, ws->kind->leave_ms)) cancel(ws);
}

void weft__ws_tell_ended(weft_ws *ws)
{
    if (ws->told) return;
    ws->told = true;
    if (ws->reader) weft__wake(ws->reader, 0);
    if (ws->kind->ended) ws->kind->ended(ws);
    leave(ws);
}

static void drop(weft_ws *ws)
{
    if (ws->broken) return;          /* weft__ws_end_broken will */
    ws->due.behind = (weft__due *)(void *)ws->hub->dead;
    ws->hub->dead = ws;
}

void weft__ws_free_dead(weft__ws_hub *hub)
{
    for (weft_ws *ws; (ws = hub->dead);) {
        hub->dead = (weft_ws *)(void *)ws->due.behind;
        weft__ws_io_drop(ws);
        weft__ws_context_free(ws);
        if (ws->kind->freed) ws->kind->freed(ws);
        weft__free(ws->reason);
        weft__free(ws);
    }
}

/* Whoever is not the one that is at work just now: somebody may stand in it, or go through a list that it is in. */
void weft__ws_break(weft_ws *ws, int failed)
{
    if (ws->broken || !ws->pipe) return;
    if (!ws->failed && !ws->heard_close) ws->failed = failed;
    weft__ws_wait_stop(ws);
    ws->broken = true;
    ws->due.behind = (weft__due *)(void *)ws->hub->broken;
    ws->hub->broken = ws;
}

void weft__ws_end_broken(weft__ws_hub *hub)
{
    for (weft_ws *ws; (ws = hub->broken);) {
        hub->broken = (weft_ws *)(void *)ws->due.behind;
        ws->broken = false;
        if (ws->pipe) weft__ws_over(ws, ws->failed, true);
        else if (!ws->held) drop(ws);
    }
}

void weft__ws_over(weft_ws *ws, int failed, bool reset)
{
    weft__pipe *pipe = ws->pipe;
    weft__ws_io *io = ws->io;
    bool unheld = !ws->held;         /* who is told of the end may let go of it, and has dropped it then */
    if (!pipe) return;
    ws->pipe = NULL;
    if (!ws->failed && !ws->said_close) ws->failed = failed;
    if (!ws->code) ws->code = WEFT__WS_BROKEN;
    weft__ws_wait_stop(ws);
    ws->leaves = false;
    if (io) {
        weft__ws_unmark(io);
        weft__ws_forget_input(ws);
        if (!ws->waits) weft__buf_clear(&io->coming);
        weft__buf_clear(&io->out);
        io->out_at = 0;
        ws->in.op = 0;
        weft__waiters_serve_all(&io->senders, 0);
    }
    if (failed == WEFT_ECONNRESET && !ws->in.fault && pipe->ops->how) ws->in.fault = pipe->ops->how(pipe);
    (reset ? pipe->ops->reset : pipe->ops->end)(pipe);
    weft__ws_tell_ended(ws);
    leave(ws);
    weft__ws_io_done(ws);
    if (unheld) drop(ws);
}

void weft__ws_say_close(weft_ws *ws, unsigned code, weft_str reason)
{
    char payload[WEFT__WS_CONTROL_MAX];
    if (ws->said_close || !ws->pipe) return;
    int rc = weft__ws_put(ws, WEFT__WS_CLOSE, (weft_str){ payload, weft__ws_close_payload(payload, code, reason) });
    ws->said_close = true;
    if (!ws->code) ws->code = (uint16_t)code;
    if (ws->io) weft__waiters_serve_all(&ws->io->senders, 0);
    if (ws->io) ws->io->stuck = ws->io->went + 1;
    if (rc < 0 || !weft__ws_wait(ws, ws->kind->close_ms)) weft__ws_break(ws, WEFT_ENOMEM);
}

void weft__ws_fault(weft_ws *ws, unsigned code, int failed, const char *why)
{
    if (ws->breaks || !ws->pipe) return;
    ws->breaks = true;
    ws->failed = failed;
    ws->in.fault = why;
    ws->code = (uint16_t)code;
    weft__ws_forget_input(ws);
    if (ws->io && !ws->waits) weft__buf_clear(&ws->io->coming);
    ws->in.op = 0;
    if (ws->said_close) {            /* our Close is on its way, or has gone */
        if (!weft__ws_unsent(ws)) weft__ws_over(ws, failed, false);
        return;
    }
    weft__ws_say_close(ws, code, weft_str_of(why));
    weft__ws_tell_ended(ws);
}

void weft__ws_keep_reason(weft_ws *ws, weft_str reason)
{
    ws->reason = weft__malloc(reason.len + 1);
    if (!ws->reason) return;         /* nobody asked for it yet */
    memcpy(ws->reason, reason.ptr, reason.len);
    ws->reason[reason.len] = 0;
}

/* ---- looking after it ---- */

/* A message that has begun comes at this rate at least, or it is not waited for any longer. */
enum { BYTES_PER_S = 1024, SLOW_LOOKS = 3 };

static bool dawdles(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    uint64_t came = ws->in.bytes - ws->in.left, wanted = (uint64_t)ws->kind->look_ms * BYTES_PER_S / 1000;
    if (!io || !ws->in.op || ws->waits) return false;
    io->slow_looks = came < io->seen_bytes + wanted ? io->slow_looks + 1 : 0;
    io->seen_bytes = came;
    return io->slow_looks > SLOW_LOOKS;
}

/* Nothing of what waits was taken since the last look: nobody is there. Nothing came since the last look: ask. Nothing came since that:
 * likewise, unless nothing is read because its messages are not taken. */
static void look(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    size_t unsent = weft__ws_unsent(ws);
    bool takes = io && io->stuck && io->stuck != io->went + 1;
    bool silent = ws->kind->pings && !ws->heard && !takes, gone = silent && ws->pinged && !weft__ws_is_full(ws);
    if (gone || (unsent && io->stuck == io->went + 1)) {
        weft__ws_over(ws, WEFT_ETIMEDOUT, true);
        return;
    }
    if (io) io->stuck = unsent ? io->went + 1 : 0;
    ws->pinged = silent && !unsent && weft__ws_put(ws, WEFT__WS_PING, (weft_str){ "", 0 }) == 0;
    ws->heard = false;
    if (dawdles(ws)) weft__ws_fault(ws, 1008, WEFT_ETIMEDOUT, "a message that has begun comes too slowly");
    else if (!weft__ws_wait(ws, ws->kind->look_ms)) weft__ws_over(ws, WEFT_ENOMEM, true);
}

/* Our Close is queued or sent: as long as what is before it is being taken, it is waited for. */
static void close_due(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    bool moves = weft__ws_unsent(ws) && io->stuck != io->went + 1;
    if (moves) io->stuck = io->went + 1;
    if (!moves || !weft__ws_wait(ws, ws->kind->close_ms)) weft__ws_over(ws, WEFT_ETIMEDOUT, true);
}

void weft__ws_due(weft_ws *ws)
{
    if (leaving(ws)) {
        cancel(ws);
        if (ws->pipe && !weft__ws_wait(ws, ws->said_close ? ws->kind->close_ms : ws->kind->look_ms)) weft__ws_over(ws, WEFT_ENOMEM, true);
        return;
    }
    if (!ws->pipe) return;
    if (ws->said_close) close_due(ws);
    else look(ws);
}

void weft__ws_wake(weft_ws *ws)
{
    if (ws->reader) {
        weft__wake(ws->reader, 0);
        return;
    }
    if (ws->pipe) weft__ws_pump(ws);
    if (!ws->waits) return;
    if (ws->pipe) leave(ws);
    if (ws->kind->arrived) ws->kind->arrived(ws);
}

static void edge(void *owner, uint32_t events)
{
    weft_ws *ws = owner;
    if (events & WEFT__PIPE_OVER) {
        ws->failed = ws->failed ? ws->failed : WEFT_ECLOSED;
        weft__ws_over(ws, WEFT_ECLOSED, true);
        return;
    }
    if (events & WEFT__PIPE_STOP) {
        weft__ws_say_close(ws, 1001, WEFT_S("the server stops"));
        weft__ws_tell_ended(ws);
        return;
    }
    if (events & (WEFT__OUT | WEFT__HUP) && weft__ws_unsent(ws)) weft__ws_mark(ws);
    if (events & (WEFT__IN | WEFT__HUP)) weft__ws_wake(ws);
}

/* ---- its beginning, and when nobody uses it any more ---- */

weft_ws *weft__ws_new(const weft__ws_kind *kind, size_t extra)
{
    weft__ws_hub *hub = weft__ws_hub_here();
    weft_ws *ws = hub ? weft__calloc(sizeof *ws + extra) : NULL;
    if (!ws) return NULL;
    ws->hub = hub;
    ws->kind = kind;
    ws->held = true;
    return ws;
}

void weft__ws_open(weft_ws *ws, weft__pipe *pipe, const weft__ws_terms *terms)
{
    ws->opened = true;
    ws->pipe = pipe;
    ws->terms = *terms;
    ws->heard = true;
    pipe->owner = ws;
    pipe->edge = edge;
    if (!weft__ws_wait(ws, ws->kind->look_ms)) weft__ws_over(ws, WEFT_ENOMEM, true);
    else if (pipe->ops->may_read(pipe)) weft__ws_again(ws);
}

void weft__ws_release(weft_ws *ws, int code, weft_str reason)
{
    ws->scope = NULL;
    ws->reader = NULL;
    if (ws->rooms) ws->hub->leave_rooms(ws);
    ws->held = false;
    weft__ws_give_back(ws);
    weft__ws_skip(ws);
    if (!ws->pipe) {
        weft__ws_wait_stop(ws);
        drop(ws);
        return;
    }
    if (ws->said_close && !ws->line && !weft__ws_wait(ws, ws->kind->close_ms)) {
        weft__ws_over(ws, WEFT_ENOMEM, true);
        return;
    }
    weft__ws_say_close(ws, (unsigned)code, reason);
    if (ws->pipe) weft__ws_wake(ws);
}

/* ---- what handlers call ---- */

static int enter(weft_ws *ws, const char *call)
{
    if (!weft__self()) return weft__no_task(call);
    if (ws->opened) return weft__checkpoint();
    if (!ws->kind->accept) return weft_fail(WEFT_ECLOSED, "%s: it is not connected", call);
    int rc = weft__checkpoint();
    return rc < 0 ? rc : ws->kind->accept(ws);
}

static int fail(const weft_ws *ws)
{
    const char *why = ws->in.fault;
    int rc = ws->failed;
    if (!why && rc == WEFT_ETIMEDOUT) why = "the peer does not answer any more";
    if (!why && rc == WEFT_ENOMEM) why = "no memory";
    if (!why && rc == WEFT_ECLOSED) why = "the server has stopped";
    return weft__fail_as(NULL, rc, 0, "the WebSocket is over: %s", why ? why : "the peer has broken it off");
}

int weft__ws_sendable(const weft_ws *ws)
{
    if (ws->failed) return fail(ws);
    if (ws->pipe && !ws->said_close) return 0;
    return weft__fail_as(NULL, WEFT_ECLOSED, 0, "the WebSocket is over: %s said Close (%d)", ws->heard_close ? "the peer" : "this side", ws->code);
}

static int end_of(weft_ws *ws)
{
    ws->taken_end = true;
    return ws->failed ? fail(ws) : 0;
}

static int pump(void *ws)
{
    weft__ws_pump(ws);
    return 0;
}

int weft_ws_recv(weft_ws *ws, weft_str *msg)
{
    int rc = enter(ws, "weft_ws_recv");
    if (rc < 0) return rc;
    if (ws->reader) return weft__fail_as(NULL, WEFT_EBUSY, 0, "another task receives from this WebSocket already, and one at a time may");
    weft__ws_give_back(ws);
    for (;;) {
        if (weft__ws_may_pump(ws)) (void)weft__leaf(pump, ws);
        if (ws->waits) {
            *msg = weft__ws_take(ws);
            return 1;
        }
        if (!ws->pipe || ws->said_close) return end_of(ws);
        if (!ws->shed) weft__stack_shed();
        ws->shed = true;
        ws->reader = weft__self();
        rc = weft__park("a message", INT64_MAX);
        ws->reader = NULL;
        if (rc == 0) continue;
        if (ws->pipe && ws->pipe->ops->may_read(ws->pipe)) weft__ws_again(ws);   /* its edge has been told to this task alone */
        return rc;
    }
}

bool weft_ws_is_text(const weft_ws *ws) { return ws->text_given; }

/* Behind those that wait already. */
static int wait_for_room(weft_ws *ws, size_t n)
{
    weft__waiter w = { .fiber = weft__self() };
    for (bool served = false;; served = true) {
        int rc = weft__ws_sendable(ws);
        if (rc < 0) return rc;
        bool first = served || !ws->io || !ws->io->senders.first;
        if (first && weft__ws_has_room(ws, n)) return 0;
        if (first && !weft__ws_flush(ws)) continue;
        if (first && weft__ws_has_room(ws, n)) return 0;
        weft__ws_io *io = ws->io;    /* something is unsent */
        (served ? weft__waiters_add_first : weft__waiters_add)(&io->senders, &w);
        rc = weft__waiters_wait(&io->senders, &w, "room in a WebSocket's queue", NULL);
        if (rc < 0 && ws->io) (void)weft__waiters_serve(&ws->io->senders, 0);
        if (rc < 0) return rc;
    }
}

typedef struct putting { weft_ws *ws; weft__ws_op op; weft_str bytes; } putting;

static int put_it(void *arg)
{
    const putting *p = arg;
    return weft__ws_put_message(p->ws, p->op, p->bytes);
}

static int send_message(weft_ws *ws, weft__ws_op op, weft_str bytes)
{
    int rc = enter(ws, "a send of a WebSocket");
    if (rc < 0) return rc;
    if (bytes.len > SEND_BYTES_MAX) return weft_fail(WEFT_ELIMIT, "a message of %zu bytes; expected %d at most", bytes.len, SEND_BYTES_MAX);
    rc = wait_for_room(ws, bytes.len + WEFT__WS_HEAD_MAX);
    if (rc < 0) return rc;
    putting p = { ws, op, bytes };
    rc = weft__ws_put_is_shallow(ws, bytes.len) ? put_it(&p) : weft__leaf(put_it, &p);
    if (ws->io && ws->io->senders.first && weft__ws_has_room(ws, 1)) (void)weft__waiters_serve(&ws->io->senders, 0);
    return rc < 0 ? weft__fail_as(NULL, rc, 0, "no memory for a message of %zu bytes", bytes.len) : 0;
}

int weft_ws_send(weft_ws *ws, weft_str text)
{
    size_t good = weft__utf8_prefix(text.ptr, text.len);
    if (good != text.len) return weft_fail(WEFT_EINVAL, "a text that is no UTF-8 at byte %zu cannot be sent; weft_ws_send_binary sends any bytes", good);
    return send_message(ws, WEFT__WS_TEXT, text);
}

int weft_ws_send_binary(weft_ws *ws, weft_str bytes) { return send_message(ws, WEFT__WS_BINARY, bytes); }

int weft_ws_accept(weft_ws *ws)
{
    if (ws->opened) return 0;
    return ws->kind->accept ? ws->kind->accept(ws) : weft_fail(WEFT_ECLOSED, "weft_ws_accept: it is not connected");
}

int weft_ws_close(weft_ws *ws, int code, const char *reason)
{
    weft_str text = weft_str_of(reason);
    if (code && !weft__ws_code_valid((unsigned)code)) return weft_fail(WEFT_EINVAL, "weft_ws_close: code %d must not be sent; expected 1000 or one of 3000 to 4999, say", code);
    if (!code && text.len) return weft_fail(WEFT_EINVAL, "weft_ws_close: a reason needs a code");
    if (!weft__utf8_valid(text.ptr, text.len)) return weft_fail(WEFT_EINVAL, "weft_ws_close: its reason is no UTF-8");
    if (!ws->opened) return weft_fail(WEFT_EINVAL, "weft_ws_close: it has not been accepted; a failure refuses it");
    ws->taken_end = true;
    weft__ws_say_close(ws, code ? (unsigned)code : WEFT__WS_NO_CODE, text);
    return 0;
}

weft_str weft_ws_protocol(const weft_ws *ws) { return ws->protocol ? ws->kind->protocols[ws->protocol - 1] : (weft_str){ "", 0 }; }
int weft_ws_code(const weft_ws *ws) { return ws->code; }
weft_str weft_ws_reason(const weft_ws *ws) { return weft_str_of(ws->reason ? ws->reason : ""); }
size_t weft_ws_unsent(const weft_ws *ws) { return weft__ws_unsent(ws); }
