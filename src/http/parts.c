/* An answer whose body comes in parts. Small ones are gathered behind the head in the connection's out, where they make
 * one chunk together; a large one is sent from where it lies. Whoever writes waits as soon as the peer has not taken
 * what was gathered: so an answer of any length needs no more than that. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/poison.h"
#include "http/connection.h"

/* A chunk's size has room for four digits while it grows; a large one has as many as it needs. RFC 9112, 7.1. */
enum { DIGITS = 4, CHUNK_HEAD = DIGITS + 2, CHUNK_TAIL = 2 };
enum { PIECES_KEPT = 16 };
enum { CROWDED_BYTES = 3584, CROWDED_ROOM = 4095 };   /* gathered of each, where there are very many; what that and a head take */

static struct request *of(weft__exchange *x) { return (struct request *)x; }
static const struct request *looked_at(const weft__exchange *x) { return (const struct request *)x; }

/* ---- the head ---- */

static weft__framing framing_of(const struct request *r, int status, int64_t length)
{
    if (r->is_head || weft__http_bodiless(status)) return WEFT__FRAME_NO_BODY;
    if (length >= 0) return WEFT__FRAME_LENGTH;
    return r->minor > 0 ? WEFT__FRAME_CHUNKS : WEFT__FRAME_CLOSE;
}

int weft__exchange_begin(weft__exchange *x, int status, weft_str headers, int64_t length)
{
    struct request *r = of(x);
    connection *c = r->c;
    bool bodiless = weft__http_bodiless(status);
    if (x->taker) return x->taker->begin(x->taker, status, headers, length);
    if (x->ops) return x->ops->begin(x, status, headers, length);
    if (x->replied) return WEFT_EINVAL;
    x->replied = true;
    x->status = (uint16_t)status;
    if (status == 101) r->keep_alive = true;         /* its Connection says what becomes of it */
    else weft__request_settle(r);
    r->parts.framing = framing_of(r, status, length);
    r->parts.length = r->parts.left = length;
    bool in_chunks = length < 0 && r->minor > 0 && !bodiless;
    if (length < 0 && r->minor == 0 && !bodiless) r->keep_alive = false;
    if (c->left) return WEFT_ECONNRESET;
    weft__buf *out = weft__connection_out(c);
    bool crowded = weft__loop_crowded(c->server->loop) && in_chunks;         /* what grows step by step leaves holes between those who wait */
    if (crowded) (void)weft__buf_reserve(out, CROWDED_ROOM);
    weft__answer_put_head(c->server, out,
        &(weft__answer_head){ status, headers, status == 205 ? 0 : (size_t)length, status == 205 || (length >= 0 && !bodiless),
            !r->keep_alive, r->minor == 0, in_chunks });
    if (out->failed) {
        c->left = x->broken = true;
        return out->failed;
    }
    weft__connection_mark(c);
    return 0;
}

bool weft__exchange_begun(const weft__exchange *x) { return looked_at(x)->parts.framing != WEFT__FRAME_NONE; }
bool weft__exchange_is_head(const weft__exchange *x) { return looked_at(x)->is_head; }
bool weft__exchange_is_bare(const weft__exchange *x) { return looked_at(x)->parts.framing == WEFT__FRAME_NO_BODY; }
bool weft__exchange_may_trail(const weft__exchange *x, int64_t length) { return x->ops || (looked_at(x)->minor > 0 && length < 0); }
uint64_t weft__exchange_written(const weft__exchange *x) { return (uint64_t)(looked_at(x)->parts.length - looked_at(x)->parts.left); }
bool weft__exchange_left(const weft__exchange *x) { return x->ops ? x->ops->left(x) : looked_at(x)->c->left; }
bool weft__exchange_cut(const weft__exchange *x) { return x->ops ? x->ops->was_cut(x) : looked_at(x)->c->cancelled; }

/* ---- chunks ---- */

static void put_hex(char *to, size_t n)
{
    for (int i = DIGITS; i-- > 0; n >>= 4) to[i] = "0123456789abcdef"[n & 15];
}

/* There is room for its end: whoever added to it saw to that. */
void weft__chunk_shut(connection *c)
{
    char *head = c->out.ptr + c->chunk - 1;
    put_hex(head, (size_t)(c->out.ptr + c->out.len - head) - CHUNK_HEAD);
    memcpy(c->out.ptr + c->out.len, "\r\n", CHUNK_TAIL);
    c->out.len += CHUNK_TAIL;
    c->chunk = 0;
}

/* Into the chunk that is open, or into a new one. */
static int gather(struct request *r, weft_str bytes)
{
    connection *c = r->c;
    weft__buf *out = weft__connection_out(c);
    bool in_chunks = r->parts.framing == WEFT__FRAME_CHUNKS, opens = in_chunks && !c->chunk;
    char *to = weft__buf_reserve(out, bytes.len + CHUNK_HEAD + CHUNK_TAIL);
    if (!to) return out->failed;
    if (opens) {
        memcpy(to, "0000\r\n", CHUNK_HEAD);
        c->chunk = out->len + 1;
        out->len += CHUNK_HEAD;
        to += CHUNK_HEAD;
    }
    memcpy(to, bytes.ptr, bytes.len);
    out->len += bytes.len;
    weft__connection_mark(c);
    return 0;
}

/* ---- parts ---- */

static int send_all(struct request *r, weft_str body)
{
    connection *c = r->c;
    int rc = weft__connection_send(c, body);
    bool as_it_is = rc == 0 || rc == WEFT_ECANCELED || rc == WEFT_ETIMEDOUT || rc == WEFT_ENOMEM;
    return as_it_is ? rc : WEFT_ECONNRESET;
}

static int send_large(struct request *r, weft_str bytes)
{
    connection *c = r->c;
    char head[20];
    if (r->parts.framing != WEFT__FRAME_CHUNKS) return send_all(r, bytes);
    if (c->chunk) weft__chunk_shut(c);
    weft__buf *out = weft__connection_out(c);
    weft__buf_add(out, head, (size_t)snprintf(head, sizeof head, "%zx\r\n", bytes.len));
    if (out->failed) return out->failed;
    int rc = send_all(r, bytes);
    if (rc < 0) return rc;
    weft__buf_lit(weft__connection_out(c), "\r\n");
    if (c->out.failed) return c->out.failed;
    weft__connection_mark(c);
    return 0;
}

static int write_part(struct request *r, weft_str bytes)
{
    connection *c = r->c;
    size_t most = weft__loop_crowded(c->server->loop) ? CROWDED_BYTES : WEFT__PART_BYTES;
    bool large = bytes.len > most;
    int rc = 0;
    if (!large && c->out.len + bytes.len > most) rc = send_all(r, (weft_str){ 0 });
    if (rc < 0 || !bytes.len) return rc;
    return large ? send_large(r, bytes) : gather(r, bytes);
}

int weft__exchange_write(weft__exchange *x, weft_str bytes)
{
    return x->taker ? x->taker->write(x->taker, bytes) : weft__exchange_write_out(x, bytes);
}

/* Nothing more of the body is sent behind a part that failed. */
static void part_failed(struct request *r, int rc)
{
    r->c->left = r->c->breaks = true;
    r->x.broken |= rc != WEFT_ECONNRESET && (rc != WEFT_ETIMEDOUT || weft__cancelled());
}

int weft__exchange_write_out(weft__exchange *x, weft_str bytes)
{
    struct request *r = of(x);
    weft__parts *p = &r->parts;
    if (x->ops) return x->ops->write(x, bytes);
    if (r->c->left) return WEFT_ECONNRESET;
    if (p->framing == WEFT__FRAME_NO_BODY) return 0;
    if (p->framing == WEFT__FRAME_LENGTH && bytes.len > (uint64_t)p->left) return WEFT_EINVAL;
    int rc = write_part(r, bytes);
    if (rc == 0) p->left -= (int64_t)bytes.len;
    else part_failed(r, rc);
    return rc;
}

/* ---- bytes that their writer can make again ---- */

static bool is_direct(const weft__exchange *x)
{
    const struct request *r = looked_at(x);
    return !x->taker && !x->ops && r->parts.framing == WEFT__FRAME_LENGTH && !r->c->stream.tls;
}

bool weft__exchange_has_room(const weft__exchange *x)
{
    const connection *c = looked_at(x)->c;
    return !is_direct(x) || c->left || c->stream.may_write;
}

static int await_peer(struct request *r)
{
    connection *c = r->c;
    int rc = send_all(r, (weft_str){ 0 });
    if (rc < 0) return rc;
    r->pace.none_ns = (int64_t)c->server->opts.write_timeout_ms * 1000000;
    r->pace.per_byte_ns = c->server->byte_ns;
    rc = weft__stream_await_room(&c->stream, &r->pace);
    return rc == WEFT_ECLOSED ? WEFT_ECONNRESET : rc;
}

/* As for what is sent: a client that has ended its side may still listen. */
static __attribute__((noinline)) int await_shielded(struct request *r)
{
    WEFT_SCOPE(answering, .shield = true);
    return await_peer(r);
}

int weft__exchange_await_room(weft__exchange *x)
{
    struct request *r = of(x);
    if (weft__exchange_has_room(x)) return r->c->left ? WEFT_ECONNRESET : 0;
    int rc = r->c->cancelled ? await_shielded(r) : await_peer(r);
    if (rc < 0) part_failed(r, rc);
    return rc;
}

/* They are used for moments, by one after the other: taken anew each time, their memory would soon lie between that of those who wait. */
struct spare_piece { struct spare_piece *next; };

char *weft__exchange_piece(weft__exchange *x, size_t bytes, size_t *room)
{
    weft__server *s = of(x)->c->server;
    struct spare_piece *piece = s->pieces;
    if (bytes > x->arena->bytes_max - x->arena->bytes) {
        x->arena->exceeded = true;
        return NULL;
    }
    bool small = !piece && weft__loop_crowded(s->loop);
    *room = small ? CROWDED_BYTES : WEFT__PIECE_BYTES;
    if (!piece) return weft__malloc(*room);
    s->pieces = piece->next;
    s->pieces_free--;
    WEFT__UNPOISON(piece, WEFT__PIECE_BYTES);
    return (char *)piece;
}

void weft__exchange_piece_back(weft__exchange *x, char *piece, size_t room)
{
    weft__server *s = of(x)->c->server;
    if (!piece) return;
    if (s->pieces_free >= PIECES_KEPT || room < WEFT__PIECE_BYTES) {
        weft__free(piece);
        return;
    }
    struct spare_piece *spare = (void *)piece;
    spare->next = s->pieces;
    s->pieces = spare;
    s->pieces_free++;
    WEFT__POISON(spare + 1, WEFT__PIECE_BYTES - sizeof *spare);
}

void weft__server_drop_pieces(weft__server *s)
{
    while (s->pieces) {
        struct spare_piece *piece = s->pieces;
        s->pieces = piece->next;
        WEFT__UNPOISON(piece, WEFT__PIECE_BYTES);
        weft__free(piece);
    }
    s->pieces_free = 0;
}

/* What is gathered goes first; how many of `bytes` went behind it, or a code. */
static ssize_t try_send(struct request *r, weft_str bytes)
{
    connection *c = r->c;
    size_t before = c->out.len;
    struct iovec iov[2] = { { c->out.ptr, before }, { (char *)bytes.ptr, bytes.len } };
    ssize_t went = before ? weft__stream_try_send(&c->stream, iov, 2) : weft__stream_try_send(&c->stream, iov + 1, 1);
    if (went < 0) return WEFT_ECONNRESET;
    if (r->pace.waited_ns) r->pace.taken += (uint64_t)went;
    if ((size_t)went < before) {
        memmove(c->out.ptr, c->out.ptr + went, before - (size_t)went);
        c->out.len -= (size_t)went;
        return 0;
    }
    if (c->out.ptr) weft__connection_sent(c);
    return went - (ssize_t)before;
}

ssize_t weft__exchange_write_some(weft__exchange *x, weft_str bytes)
{
    struct request *r = of(x);
    connection *c = r->c;
    bool last = bytes.len == (uint64_t)r->parts.left && c->out.len + bytes.len <= WEFT__PART_BYTES;      /* a small file goes with its head */
    if (!is_direct(x) || last || c->left || bytes.len > (uint64_t)r->parts.left) {
        int rc = weft__exchange_write(x, bytes);
        return rc < 0 ? rc : (ssize_t)bytes.len;
    }
    ssize_t went = try_send(r, bytes);
    if (went < 0) part_failed(r, (int)went);
    else r->parts.left -= went;
    return went;
}

/* Bytes that nobody waits for are stuck when as many of them are there as at the last look. */
static bool takes_nothing(struct request *r)
{
    const connection *c = r->c;
    weft__parts *p = &r->parts;
    int64_t now_ns = weft__loop_now(c->server->loop);
    if (c->stream.may_write) p->stuck_bytes = 0;
    if (c->stream.may_write) return false;
    if (p->stuck_bytes != c->out.len) p->stuck_ns = now_ns;
    p->stuck_bytes = c->out.len;
    return now_ns - p->stuck_ns >= c->server->opts.write_timeout_ms * 1000000LL;
}

void weft__exchange_will_flush(weft__exchange *x)
{
    connection *c = of(x)->c;
    if (x->ops) x->ops->will_flush(x);
    if (x->ops || c->left) return;
    (void)weft__connection_out(c);
    weft__connection_mark(c);
}

void weft__exchange_add(weft__exchange *x, weft_str bytes)
{
    struct request *r = of(x);
    if (x->ops) x->ops->add(x, bytes);
    if (x->ops || !bytes.len || r->c->left) return;
    if (gather(r, bytes) == 0) r->parts.left -= (int64_t)bytes.len;
    else r->c->left = r->c->breaks = x->broken = true;
}

bool weft__exchange_beats(weft__exchange *x)
{
    struct request *r = of(x);
    connection *c = r->c;
    if (x->ops) return x->ops->beats(x);
    if (c->left || c->stream.writer || r->parts.framing == WEFT__FRAME_NO_BODY) return false;
    if (!takes_nothing(r)) return !c->out.len;
    c->left = c->breaks = true;
    if (c->cancels) weft__connection_cut(c);
    return false;
}

void weft__exchange_beat(weft__exchange *x, weft_str bytes)
{
    if (x->taker) x->taker->beat(x->taker, bytes);
    else weft__exchange_beat_out(x, bytes);
}

void weft__exchange_beat_out(weft__exchange *x, weft_str bytes)
{
    struct request *r = of(x);
    if (!weft__exchange_beats(x)) return;
    if (x->ops) x->ops->add(x, bytes);
    else if (gather(r, bytes) == 0) r->parts.left -= (int64_t)bytes.len;
}

/* ---- the end ---- */

void weft__exchange_break(weft__exchange *x)
{
    struct request *r = of(x);
    connection *c = r->c;
    if (x->ops) {
        x->ops->breaks(x);
        return;
    }
    r->keep_alive = false;
    if (r->parts.framing == WEFT__FRAME_NO_BODY) return;     /* all that is to come of it has */
    x->broken |= !c->left;
    if (!c->left) (void)weft__connection_flush(c);
    c->left = c->breaks = true;
}

int weft__exchange_end(weft__exchange *x)
{
    struct request *r = of(x);
    connection *c = r->c;
    if (x->taker) return x->taker->end(x->taker);
    if (x->ops) return x->ops->end(x);
    if (c->left) return 0;
    if (r->parts.framing == WEFT__FRAME_LENGTH && r->parts.left) {
        weft__exchange_break(x);
        return WEFT_EINVAL;
    }
    if (r->parts.framing != WEFT__FRAME_CHUNKS) return 0;
    if (c->chunk) weft__chunk_shut(c);
    weft__buf *out = weft__connection_out(c);
    if (__builtin_expect(x->trailers.len != 0, 0)) {
        weft__buf_lit(out, "0\r\n");
        weft__buf_add_str(out, x->trailers);
        weft__buf_lit(out, "\r\n");
    } else {
        weft__buf_lit(out, "0\r\n\r\n");
    }
    int rc = c->out.failed;
    if (rc == 0) weft__connection_mark(c);
    else weft__exchange_break(x);
    return rc;
}

void weft__exchange_until_stop(weft__exchange *x)
{
    struct request *r = of(x);
    r->parts.until_stop = true;
    if (!r->c->server->stopping) return;
    if (x->ops) x->ops->cut(x);
    else weft__connection_cut(r->c);
}

bool weft__exchange_unready(const weft__exchange *x) { return looked_at(x)->c->server->stopping || looked_at(x)->c->server->unready; }
unsigned weft__exchange_connections(const weft__exchange *x) { return looked_at(x)->c->server->connections; }
bool weft__exchange_retires(const weft__exchange *x) { return looked_at(x)->c->server->stopping && looked_at(x)->c->server->patient; }
bool weft__exchange_stops(const weft__exchange *x) { return looked_at(x)->c->server->stopping; }
