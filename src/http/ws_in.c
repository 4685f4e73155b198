/* What comes in: read into the loop's buffer, control frames answered at once, one whole message kept until it is taken. */
#include "http/ws.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"

enum { READS_AT_ONCE = 16 };

/* ---- compression ---- */

static bool fresh_in(const weft_ws *ws) { return ws->kind->client ? ws->terms.server_fresh : ws->terms.client_fresh; }
static unsigned bits_in(const weft_ws *ws) { return ws->kind->client ? ws->terms.server_bits : ws->terms.client_bits; }

/* One for the message that comes: the loop's spare one, or the WebSocket's own when its window goes from message to message. */
static weft__inflater *inflater_of(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    weft__ws_hub *hub = ws->hub;
    if (!fresh_in(ws)) {
        struct weft__ws_context *c = weft__ws_context_of(ws);
        if (c && !c->in) c->in = weft__inflater_new(bits_in(ws));
        return c ? c->in : NULL;
    }
    if (io->inflater) return io->inflater;
    io->inflater = hub->inflater ? hub->inflater : weft__inflater_new(WEFT__WS_BITS_MAX);
    hub->inflater = NULL;
    return io->inflater;
}

static void inflater_back(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    weft__ws_hub *hub = ws->hub;
    if (!hub->inflater) hub->inflater = io->inflater;
    else weft__inflater_free(io->inflater);
    io->inflater = NULL;
}

/* ---- messages ---- */

static bool unpack(weft_ws *ws, const weft__ws_event *e)
{
    weft__inflater *f = inflater_of(ws);
    int rc = f ? weft__inflate(f, e->bytes, e->last, fresh_in(ws), &ws->io->coming) : WEFT_ENOMEM;
    if (rc == WEFT_ELIMIT) weft__ws_fault(ws, 1009, rc, "a message is larger than message_bytes_max when it is decompressed");
    else if (rc == WEFT_ENOMEM) weft__ws_fault(ws, 1011, rc, "no memory for a message");
    else if (rc < 0) weft__ws_fault(ws, 1007, rc, "a message is not compressed as it says");
    else if (e->last && ws->io->inflater) inflater_back(ws);
    return rc == 0;
}

static bool keep(weft_ws *ws, const weft__ws_event *e)
{
    weft__buf *b = &ws->io->coming;
    if (e->compressed) return unpack(ws, e);
    weft__buf_add_str(b, e->bytes);
    if (!b->failed) return true;
    weft__ws_fault(ws, b->failed == WEFT_ELIMIT ? 1009 : 1011, b->failed,
        b->failed == WEFT_ELIMIT ? "a message is larger than message_bytes_max" : "no memory for a message");
    return false;
}

/* As early as can be: also of a text that has only begun. 8.1 */
static bool text_good(weft_ws *ws, size_t from, bool last)
{
    const weft__buf *b = &ws->io->coming;
    if (weft__ws_text_add(&ws->text, b->ptr + from, b->len - from) && !(last && ws->text.len)) return true;
    weft__ws_fault(ws, 1007, WEFT_EPROTO, "a text that is no UTF-8");
    return false;
}

static void take_piece(weft_ws *ws, const weft__ws_event *e)
{
    weft__ws_io *io = weft__ws_io_of(ws);
    if (!io || !weft__buf_reserve(&io->coming, 0)) {
        weft__ws_fault(ws, 1011, WEFT_ENOMEM, "no memory for a message");
        return;
    }
    size_t from = io->coming.len;
    if (!keep(ws, e)) return;
    if (e->op == WEFT__WS_TEXT && !text_good(ws, from, e->last)) return;
    if (!e->last) return;
    io->coming.ptr[io->coming.len] = 0;
    io->coming_text = e->op == WEFT__WS_TEXT;
    io->seen_bytes = io->slow_looks = 0;
    ws->waits = true;
}

/* ---- control frames ---- */

static void take_ping(weft_ws *ws, const weft__ws_event *e)
{
    /* Whoever does not take what is sent gets no answers to its pings either: the last one it reads will do. 5.5.3 */
    if (ws->said_close || !weft__ws_has_room(ws, WEFT__WS_HEAD_MAX + e->bytes.len)) return;
    (void)weft__ws_put(ws, WEFT__WS_PONG, e->bytes);
}

/* The same code goes back. 5.5.1 */
static void take_close(weft_ws *ws, const weft__ws_event *e)
{
    ws->heard_close = true;
    ws->code = e->code;
    if (e->bytes.len) weft__ws_keep_reason(ws, e->bytes);
    if (!ws->said_close) weft__ws_say_close(ws, e->code, (weft_str){ "", 0 });
    weft__ws_tell_ended(ws);
    if (ws->pipe && !weft__ws_unsent(ws)) weft__ws_over(ws, 0, false);
}

static void take(weft_ws *ws, const weft__ws_event *e)
{
    switch (e->op) {
    case WEFT__WS_PING: take_ping(ws, e); return;
    case WEFT__WS_PONG: return;
    case WEFT__WS_CLOSE: take_close(ws, e); return;
    default:
        /* Behind our Close nobody wants it any more. */
        if (!ws->said_close) take_piece(ws, e);
    }
}

/* The beginning of a good ping or pong. */
static bool is_ping(const weft_ws *ws, const char *bytes, size_t len)
{
    if (!len || ((uint8_t)*bytes != (0x80 | WEFT__WS_PING) && (uint8_t)*bytes != (0x80 | WEFT__WS_PONG))) return false;
    return len == 1 || ((uint8_t)bytes[1] ^ (ws->kind->rules.masked ? 0x80 : 0)) <= WEFT__WS_CONTROL_MAX;
}

/* How many of the bytes are done with. While a message waits, pings and pongs behind it are still looked at; a Close is not, as the message
 * may be answered. */
static size_t take_all(weft_ws *ws, char *bytes, size_t len)
{
    size_t at = 0, used;
    weft__ws_rules rules = ws->kind->rules;
    rules.deflate = ws->terms.on;
    while (ws->pipe && (!ws->waits || is_ping(ws, bytes + at, len - at)) && !ws->heard_close && !ws->breaks) {
        weft__ws_event e;
        int rc = weft__ws_next(&ws->in, &rules, bytes + at, len - at, &used, &e);
        at += used;
        if (rc < 0) {
            weft__ws_fault(ws, ws->in.code, ws->in.code == 1009 || ws->in.code == 1008 ? WEFT_ELIMIT : WEFT_EPROTO, ws->in.fault);
            return len;
        }
        if (rc == 0) return at;
        take(ws, &e);
    }
    return ws->waits && !ws->heard_close && !ws->breaks ? at : len;
}

/* ---- reading ---- */

static void rest_free(weft__ws_io *io)
{
    weft__free(io->rest);
    io->rest = NULL;
    io->rest_at = io->rest_len = 0;
}

void weft__ws_forget_input(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    if (!io) return;
    rest_free(io);
    weft__inflater_free(io->inflater);
    io->inflater = NULL;
}

static void keep_rest(weft_ws *ws, const char *bytes, size_t n)
{
    if (!n || !ws->pipe || ws->heard_close || ws->breaks) return;
    weft__ws_io *io = weft__ws_io_of(ws);
    char *rest = io ? weft__malloc(n) : NULL;
    if (!rest) {
        weft__ws_fault(ws, 1011, WEFT_ENOMEM, "no memory for what has come");
        return;
    }
    memcpy(rest, bytes, n);
    io->rest = rest;
    io->rest_at = 0;
    io->rest_len = n;
}

/* What came before and waited for its message to be taken. */
static void take_rest(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    if (!io || !io->rest) return;
    size_t used = take_all(ws, io->rest + io->rest_at, io->rest_len - io->rest_at);
    if (ws->io != io || !io->rest) return;           /* it is over: that is another's now, or nobody's */
    io->rest_at += used;
    if (io->rest_at >= io->rest_len) rest_free(io);
}

/* True: something came. */
static bool read_some(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    char *to = ws->hub->input;
    size_t before = io && io->rest ? io->rest_len - io->rest_at : 0;
    ssize_t n = ws->pipe->ops->try_recv(ws->pipe, to + before, WEFT__WS_INPUT - before);
    if (n == -EAGAIN) return false;
    if (n <= 0) {
        weft__ws_over(ws, ws->heard_close ? 0 : WEFT_ECONNRESET, n < 0);
        return false;
    }
    ws->heard = true;
    if (before) {                    /* a head or a control frame, in part */
        memcpy(to, io->rest + io->rest_at, before);
        rest_free(io);
    }
    size_t all = before + (size_t)n, used = take_all(ws, to, all);
    keep_rest(ws, to + used, all - used);
    return true;
}

bool weft__ws_is_full(const weft_ws *ws)
{
    const weft__ws_io *io = ws->io;
    return ws->waits && io->rest && !is_ping(ws, io->rest + io->rest_at, io->rest_len - io->rest_at);
}

static bool done_reading(const weft_ws *ws) { return !ws->pipe || ws->heard_close || ws->breaks || weft__ws_is_full(ws); }

bool weft__ws_may_pump(const weft_ws *ws)
{
    return !done_reading(ws) && ((ws->io && ws->io->rest) || ws->pipe->ops->may_read(ws->pipe));
}

void weft__ws_pump(weft_ws *ws)
{
    for (int reads = 0; !done_reading(ws); reads++) {
        take_rest(ws);
        if (done_reading(ws) || !ws->pipe->ops->may_read(ws->pipe)) break;
        if (reads == READS_AT_ONCE) {
            weft__ws_again(ws);
            break;
        }
        if (!read_some(ws)) break;
    }
    if (!ws->waits) weft__ws_io_done(ws);
}

/* ---- what waits is given ---- */

weft_str weft__ws_take(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    weft__buf given = io->given;
    size_t max = io->coming.bytes_max;
    io->given = io->coming;
    io->coming = given;
    weft__buf_clear(&io->coming);
    io->coming.bytes_max = max;
    io->given_used = true;
    ws->text_given = io->coming_text;
    ws->waits = false;
    /* What is behind it may be a Close or a ping: it is read whether or not the next message is asked for. */
    if (io->rest || (ws->pipe && ws->pipe->ops->may_read(ws->pipe))) weft__ws_again(ws);
    return weft__buf_str(&io->given);
}

void weft__ws_give_back(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    if (!io || !io->given_used) return;
    io->given_used = false;
    weft__buf_clear(&io->given);
    if (io->given.room > WEFT__WS_INPUT) weft__buf_free(&io->given);
    weft__ws_io_done(ws);
}

void weft__ws_skip(weft_ws *ws)
{
    if (!ws->waits) return;
    weft__buf_clear(&ws->io->coming);
    ws->waits = false;
    weft__ws_io_done(ws);
}
