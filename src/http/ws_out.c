/* What goes out: frames gathered for one send a turn, bounded by whoever sends. */
#include "http/ws.h"
#include <string.h>
#include "base/mem.h"

/* Smaller messages are not worth it: what compresses them costs more bytes than it saves. */
enum { DEFLATE_BYTES_MIN = 64, MESSAGE_ROOM = 1 << 30, SENDS_AT_ONCE = 4 };

size_t weft__ws_unsent(const weft_ws *ws) { return ws->io ? ws->io->out.len - ws->io->out_at : 0; }

/* A message that is larger than the queue goes into an empty one. */
bool weft__ws_has_room(const weft_ws *ws, size_t n)
{
    size_t there = weft__ws_unsent(ws);
    return !there || (n <= ws->kind->queue_bytes_max && there <= ws->kind->queue_bytes_max - n);
}

bool weft__ws_put_is_shallow(const weft_ws *ws, size_t n)
{
    return !ws->terms.on && ws->io && ws->io->out.room - ws->io->out.len > WEFT__WS_HEAD_MAX + n;
}

/* ---- frames ---- */

static int put(weft_ws *ws, weft__ws_op op, bool compressed, weft_str payload)
{
    uint8_t mask[4];
    weft__ws_io *io = weft__ws_io_of(ws);
    if (!io) return WEFT_ENOMEM;
    if (ws->kind->client) weft__ws_mask_new(ws->hub, mask);
    char *to = weft__buf_reserve(&io->out, WEFT__WS_HEAD_MAX + payload.len);
    if (!to) {
        int rc = io->out.failed;
        io->out.failed = 0;          /* what is there is whole frames, and goes out */
        weft__ws_io_done(ws);
        return rc;
    }
    size_t head = weft__ws_head(to, &(weft__ws_frame){ .op = op, .compressed = compressed, .mask = ws->kind->client ? mask : NULL }, payload.len);
    if (payload.len) memcpy(to + head, payload.ptr, payload.len);
    if (ws->kind->client) weft__ws_mask(to + head, payload.len, mask);
    io->out.len += head + payload.len;
    weft__ws_mark(ws);
    return 0;
}

int weft__ws_put(weft_ws *ws, weft__ws_op op, weft_str payload) { return put(ws, op, false, payload); }

/* ---- compression ---- */

static bool fresh_out(const weft_ws *ws) { return ws->kind->client ? ws->terms.client_fresh : ws->terms.server_fresh; }
static unsigned bits_out(const weft_ws *ws) { return ws->kind->client ? ws->terms.client_bits : ws->terms.server_bits; }

struct weft__ws_context *weft__ws_context_of(weft_ws *ws)
{
    if (!ws->context) ws->context = weft__calloc(sizeof *ws->context);
    return ws->context;
}

void weft__ws_context_free(weft_ws *ws)
{
    if (!ws->context) return;
    weft__inflater_free(ws->context->in);
    weft__deflater_free(ws->context->out);
    weft__free(ws->context);
    ws->context = NULL;
}

/* One for each size of window serves all that begin anew with each message. */
static weft__deflater *deflater_take(weft_ws *ws)
{
    unsigned bits = bits_out(ws);
    int level = ws->kind->deflate_level;
    struct weft__ws_context *c = fresh_out(ws) ? NULL : weft__ws_context_of(ws);
    if (!fresh_out(ws) && !c) return NULL;
    weft__deflater **d = c ? &c->out : &ws->hub->deflaters[bits];
    if (*d && !c && !weft__deflater_level(*d, level)) {
        weft__deflater_free(*d);
        *d = NULL;
    }
    if (!*d) *d = weft__deflater_new(bits, level);
    return *d;
}

static void deflater_broken(weft_ws *ws)
{
    weft__deflater **d = fresh_out(ws) ? &ws->hub->deflaters[bits_out(ws)] : &ws->context->out;
    weft__deflater_free(*d);
    *d = NULL;
}

static bool is_worth_it(const weft_ws *ws, weft_str payload)
{
    return ws->terms.on && payload.len >= DEFLATE_BYTES_MIN && bits_out(ws) > WEFT__WS_BITS_MIN;
}

/* What cannot be compressed, for want of memory or because the peer's window is too small for zlib, goes as it is: which it always may. */
int weft__ws_put_message(weft_ws *ws, weft__ws_op op, weft_str payload)
{
    weft__buf *packed = &ws->hub->packed;
    weft__deflater *d = is_worth_it(ws, payload) ? deflater_take(ws) : NULL;
    if (!d) return put(ws, op, false, payload);
    weft__buf_clear(packed);
    if (weft__deflate(d, payload, fresh_out(ws), packed) < 0) {
        deflater_broken(ws);
        return WEFT_ENOMEM;
    }
    int rc = put(ws, op, true, weft__buf_str(packed));
    if (rc < 0 && !fresh_out(ws)) deflater_broken(ws);       /* it knows of a message that the peer will never see */
    if (packed->room > WEFT__WS_INPUT) weft__buf_free(packed);
    return rc;
}

bool weft__ws_pack(weft_ws *ws, weft__ws_op op, weft_str payload, weft__ws_packed *p)
{
    weft__buf *packed = &ws->hub->packed, *frame = &p->frame;
    if (!fresh_out(ws) || ws->kind->client || !is_worth_it(ws, payload)) return false;
    if (p->bits) return p->bits == bits_out(ws) && p->level == ws->kind->deflate_level;
    weft__deflater *d = deflater_take(ws);
    weft__buf_clear(packed);
    if (!d || weft__deflate(d, payload, true, packed) < 0) {
        if (d) deflater_broken(ws);
        return false;
    }
    weft__buf_init(frame, MESSAGE_ROOM);
    char *to = weft__buf_reserve(frame, WEFT__WS_HEAD_MAX + packed->len);
    if (to) frame->len = weft__ws_head(to, &(weft__ws_frame){ .op = op, .compressed = true }, packed->len);
    weft__buf_add_str(frame, weft__buf_str(packed));
    if (packed->room > WEFT__WS_INPUT) weft__buf_free(packed);
    if (frame->failed) return false;
    p->bits = (uint8_t)bits_out(ws);
    p->level = ws->kind->deflate_level;
    return true;
}

/* ---- sending ---- */

/* Those that wait for room are woken one by one: each looks for itself, and wakes the next when there is room left. */
static void sent(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    if (io->out_at == io->out.len) {
        weft__buf_clear(&io->out);
        io->out_at = 0;
    }
    (void)weft__waiters_serve(&io->senders, 0);
    if (io->out.len || !ws->said_close) return;
    if (ws->breaks || ws->heard_close) weft__ws_over(ws, ws->failed, false);
    else if (!ws->leaves) (void)weft__ws_wait(ws, ws->kind->close_ms);       /* from now on the peer has that time */
}

/* What has gone is forgotten as soon as that costs less than it saves: a queue that is never empty would grow with all that was ever sent. */
static void forget_sent(weft__ws_io *io)
{
    size_t left = io->out.len - io->out_at;
    if (io->out_at < left) return;
    memmove(io->out.ptr, io->out.ptr + io->out_at, left);
    io->out.len = left;
    io->out_at = 0;
}

/* True: some of it went, and there is more. */
static bool flush_once(weft_ws *ws)
{
    weft__ws_io *io = ws->io;
    struct iovec iov = { io->out.ptr + io->out_at, io->out.len - io->out_at };
    ssize_t went = ws->pipe->ops->try_send(ws->pipe, &iov, 1);
    if (went < 0) {
        weft__ws_over(ws, WEFT_ECONNRESET, true);
        return false;
    }
    io->out_at += (size_t)went;
    io->went += (size_t)went;
    if (went) sent(ws);
    if (ws->io == io && io->out_at) forget_sent(io);
    if (ws->io == io) weft__ws_io_done(ws);
    return went && ws->pipe && weft__ws_unsent(ws);
}

/* TLS takes a part of much, and no edge tells that it would take more: so it is offered until nothing is taken, for so long in the next turn. */
bool weft__ws_flush(weft_ws *ws)
{
    if (!ws->pipe || !weft__ws_unsent(ws)) return ws->pipe;
    int sends = 0;
    while (flush_once(ws))
        if (++sends == SENDS_AT_ONCE) {
            weft__ws_again(ws);
            break;
        }
    return ws->pipe;
}

bool weft__ws_put_frame(weft_ws *ws, weft_str frame)
{
    size_t went = 0;
    if (!weft__ws_has_room(ws, frame.len)) return false;
    if (!weft__ws_unsent(ws)) {
        struct iovec iov = { (char *)(uintptr_t)frame.ptr, frame.len };
        ssize_t n = ws->pipe->ops->try_send(ws->pipe, &iov, 1);
        if (n < 0) return true;      /* its edge tells that it is over */
        went = (size_t)n;
    }
    if (went == frame.len) return true;
    weft__ws_io *io = weft__ws_io_of(ws);
    if (io) weft__buf_add(&io->out, frame.ptr + went, frame.len - went);
    if (io && !io->out.failed) {
        weft__ws_mark(ws);
        return true;
    }
    if (io) io->out.failed = 0;
    if (io) weft__ws_io_done(ws);
    if (went) weft__ws_break(ws, WEFT_ENOMEM);       /* half a frame went */
    return went;
}
