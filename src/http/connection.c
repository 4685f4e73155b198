/* A server's connection: from the first byte of a head to the last of an answer, and the rest in
 * between, when it holds nothing but itself. What runs here on the loop's own stack never waits; a
 * request that is complete gets a task, which goes on with the requests behind it until there are
 * none. */
#include "http/connection.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/poison.h"
#include "http/front.h"
#include "http/h2.h"
#include "io/log.h"

enum {
    INBUFS_KEPT = 64,
    PARTIAL_ROOM = 512,
    OUT_FULL = 64 * 1024, /* answers gathered for one send, at most */
    OUT_ROOM_KEPT = 128 * 1024,
    OVER_AT_ONCE = 4, /* and as many for each ms that others had of the turn before */
    VEILED_BYTES_MAX = 8 * 1024 /* received at once where TLS is to begin, and has to keep what came of it */
};

/* ---- receive buffers ---- */

static inbuf *inbuf_new(weft__server *s)
{
    size_t room = s->limits.head_bytes_max + 16,
           headers = (size_t)s->opts.headers_max * sizeof(weft__http_header);
    if (room < 16384) room = 16384;
    room = (room + 15) & ~(size_t)15;
    inbuf *in = weft__malloc(sizeof *in + room + headers);
    if (!in) return NULL;
    in->room = room;
    in->headers = (weft__http_header *)(void *)(in->bytes + room);
    return in;
}

static inbuf *inbuf_take(connection *c)
{
    weft__server *s = c->server;
    inbuf *in = s->inbufs;
    if (in) {
        s->inbufs = in->next;
        s->inbufs_free--;
        WEFT__UNPOISON(in->bytes, in->room);
    } else if (!(in = inbuf_new(s))) {
        return NULL;
    }
    in->at = in->have = 0;
    in->head.fault = NULL;
    if (c->partial) {
        memcpy(in->bytes, c->partial, c->partial_len);
        in->have = c->partial_len;
        c->partial_len = 0;
    }
    return c->in = in;
}

bool weft__connection_in(connection *c) { return inbuf_take(c) != NULL; }

void weft__inbuf_give(connection *c)
{
    inbuf *in = c->in;
    weft__server *s = c->server;
    if (!in) return;
    c->in = NULL;
    if (s->inbufs_free >= INBUFS_KEPT) {
        weft__free(in);
        return;
    }
    WEFT__POISON(in->bytes, in->room);               /* slices of a head that was not kept */
    in->next = s->inbufs;
    s->inbufs = in;
    s->inbufs_free++;
}

static void partial_free(connection *c)
{
    if (c->state == CONNECTION_UPGRADED) return;
    weft__free(c->partial);
    c->partial = NULL;
    c->partial_len = c->partial_room = 0;
}

void weft__connection_forget_partial(connection *c) { partial_free(c); }

/* Keep the beginning of a head in memory of its own size, and give the buffer back. */
static bool partial_keep(connection *c)
{
    size_t n = c->in->have - c->in->at;
    if (n > c->partial_room) {
        size_t room = c->partial_room ? c->partial_room : PARTIAL_ROOM;
        while (room < n) room *= 2;
        char *more = weft__realloc(c->partial, room);
        if (!more) return false;
        c->partial = more;
        c->partial_room = room;
    }
    memcpy(c->partial, c->in->bytes + c->in->at, n);
    c->partial_len = n;
    weft__inbuf_give(c);
    return true;
}

/* ---- patience: connections that wait, oldest first ---- */

static connection *connection_of(weft__due *d) { return d ? (connection *)((char *)d - offsetof(connection, due)) : NULL; }

connection *weft__patience_first(const weft__line *line) { return connection_of(line->first); }
connection *weft__patience_next(const connection *c) { return connection_of(c->due.behind); }

/* Ten thousand that came together are over together: some of them in each turn, so that others have theirs in between. */
void weft__patience_over(weft__timer *t)
{
    patience *p = (patience *)((char *)t - offsetof(patience, line.timer));
    weft__loop *loop = p->server->loop;
    int64_t now = weft__loop_now(loop);
    p->line.runs = false;
    for (int i = weft__loop_some(loop, OVER_AT_ONCE, OVER_AT_ONCE); i > 0 && p->line.first && p->line.first->at_ns <= now; i--) p->over(connection_of(p->line.first));
    if (p->line.first && !p->line.runs) weft__line_again(loop, &p->line, p->line.first->at_ns);
}

void weft__patience_stop(connection *c) { weft__line_remove(c->waits ? &c->waits->line : &c->server->busy, &c->due); }

bool weft__patience_start(patience *p, connection *c)
{
    c->waits = p;
    if (weft__line_add(p->server->loop, &p->line, &c->due, p->ms)) return true;
    weft__connection_close(c); /* better than one that waits without an end */
    return false;
}

bool weft__connection_waits(connection *c, patience *p)
{
    if (c->waits == p) return true;
    weft__patience_stop(c);
    if (p) return weft__patience_start(p, c);
    c->waits = NULL;
    weft__line_append(&c->server->busy, &c->due);
    return true;
}

static void waits_in(connection *c, patience *p)
{
    /* A head has its time from its first byte on, and who is idle from when it became so: what TLS says for itself is nothing new. */
    if (p && c->waits == p && (p == &c->server->heads || p == &c->server->idle)) return;
    if (p == &c->server->heads && c->waits == &c->server->slow_heads) return;
    (void)weft__connection_waits(c, p);
}

/* ---- sending ---- */

void weft__connection_unmark(connection *c)
{
    if (!c->unsent) return;
    c->unsent = false;
    if (c->prev_unsent) c->prev_unsent->next_unsent = c->next_unsent;
    else c->server->unsent = c->next_unsent;
    if (c->next_unsent) c->next_unsent->prev_unsent = c->prev_unsent;
}

void weft__connection_sent(connection *c)
{
    weft__server *s = c->server;
    weft__connection_unmark(c);
    weft__buf_clear(&c->out);
    if (c->out.room > OUT_ROOM_KEPT || s->spare_out.ptr) weft__buf_free(&c->out);
    else s->spare_out = c->out;
    weft__buf_init(&c->out, WEFT__OUT_BYTES_MAX);
}

/* Who takes nothing at the moment is not looked at again before there is room: edge(). */
bool weft__connection_flush(connection *c)
{
    if (!c->stream.may_write) {
        weft__connection_unmark(c);
        return true;
    }
    weft__taker *taker = c->request ? c->request->x.taker : NULL;
    if (taker) taker->flush(taker);
    if (!c->out.len) {
        weft__connection_unmark(c);
        return true;
    }
    if (c->chunk) weft__chunk_shut(c);
    struct iovec iov = { c->out.ptr, c->out.len };
    ssize_t went = weft__stream_try_send(&c->stream, &iov, 1);
    if (went < 0) {
        weft__connection_unmark(c);
        c->left = true;
        return false;
    }
    if (c->request) c->request->pace.taken += (uint64_t)went;
    if ((size_t)went == c->out.len) {
        weft__connection_sent(c);
        return true;
    }
    memmove(c->out.ptr, c->out.ptr + went, c->out.len - (size_t)went);
    c->out.len -= (size_t)went;
    return true;
}

/* A peer that has ended its side cancels the handler, not the answer on its way: it may still listen. Nor does a stop, before or behind the answer's beginning: what
 * was answered goes out as long as hard_ms lets it. An answer in parts is made by who is cancelled, and may have no end. */
static bool goes_on(const connection *c) { return c->cancelled || !(c->request && c->request->parts.framing); }

int weft__connection_send(connection *c, weft_str body)
{
    if (c->chunk) weft__chunk_shut(c);
    struct iovec iov[2] = { { c->out.ptr, c->out.len }, { (char *)body.ptr, body.len } };
    int first = c->out.len ? 0 : 1, n = body.len ? 2 : 1;
    if (first >= n) return 0;
    weft__connection_unmark(c); /* it is this task's now, not the hook's */
    weft__pace alone = { 0 }, *p = c->request ? &c->request->pace : &alone;
    p->none_ns = (int64_t)c->server->opts.write_timeout_ms * 1000000;
    p->per_byte_ns = c->server->byte_ns;
    p->stays = goes_on(c);
    c->sends = true;
    int rc = weft__stream_send_to(&c->stream, iov + first, n - first, p);
    p->stays = false;
    c->sends = false;
    if (rc < 0) {
        c->left = true; /* how much of it went is not known: never send it again */
        return rc;
    }
    if (c->out.ptr) weft__connection_sent(c);
    return 0;
}

/* ---- requests ---- */

/* Nearly all requests name the same one. */
static inline void know_host(weft__server *s, weft_str host)
{
    if (!host.len || host.len > sizeof s->known_host || weft_str_equal(host, s->limits.known_host)) return;
    memcpy(s->known_host, host.ptr, host.len);
    s->limits.known_host = (weft_str){ s->known_host, host.len };
}

/* TLS begins behind the header, and some of it may have come with that. */
static int begin_tls(connection *c)
{
    inbuf *in = c->in;
    c->veiled = false;
    int rc = weft__tls_accept(&c->stream, c->server->tls);
    if (rc == 0) rc = weft__tls_begin_with(&c->stream, (weft_str){ in->bytes + in->at, in->have - in->at });
    in->at = in->have;
    return rc;
}

/* False: no head can follow yet, or ever. */
static bool proxy_is_past(connection *c)
{
    int rc = weft__front_take_proxy(c->server->front, c);
    bool took = rc > 0;
    if (took && c->veiled) rc = begin_tls(c);
    if (rc < 0) {
        c->left = true;
        c->stream.may_read = false;
    }
    return took && rc >= 0;
}

static int parse(connection *c)
{
    inbuf *in = c->in;
    if (__builtin_expect(c->proxied, 0) && !proxy_is_past(c)) return 0;
    if (in->have == in->at) return 0;
    in->head.headers = in->headers;
    in->head.room = (unsigned)c->server->opts.headers_max;
    in->head.fault = NULL;
    int used = weft__http_parse_request(
        in->bytes + in->at, in->have - in->at, &c->scanned, &c->server->limits, &in->head);
    if (used <= 0) return used;
    in->at += (size_t)used;
    know_host(c->server, in->head.host);
    return used;
}

static bool agreed_on_h2(const connection *c) { return weft_str_equal(weft__stream_alpn(&c->stream), WEFT_S("h2")); }

/* Does what was refused as a head begin HTTP/2? It may come byte by byte, and only in front of all else. True: it does, or
 * may; c->state tells when it is whole. RFC 9113, 3.3 and 3.4 */
static bool is_preface(connection *c)
{
    inbuf *in = c->in;
    size_t n = in->have - in->at;
    if (!in->head.fault || c->talks || c->redirects || c->server->opts.no_http2 || !WEFT__H2_KNOWN) return false;
    if (c->stream.tls && !agreed_on_h2(c)) return false;
    if (n > WEFT__H2_PREFACE) n = WEFT__H2_PREFACE;
    if (memcmp(in->bytes + in->at, WEFT__H2_PREFACE_TEXT, n) != 0) return false;
    in->head.fault = NULL;
    if (n == WEFT__H2_PREFACE) c->state = CONNECTION_H2;
    return true;
}

/* Look for a head: in what is there, then in what the socket may still have. True: one is complete
 * or refused. Never waits. */
static bool next_head(connection *c)
{
    for (;;) {
        inbuf *in = c->in;
        if (in && in->have > in->at && parse(c) != 0 && !is_preface(c)) return true;
        if (c->state == CONNECTION_H2 || !c->stream.may_read) return false;
        if (!in && !(in = inbuf_take(c))) {
            c->closing = true; /* behind the answers there are */
            return false;
        }
        if (in->at) {
            memmove(in->bytes, in->bytes + in->at, in->have - in->at);
            in->have -= in->at;
            in->at = 0;
        }
        size_t room = in->room - in->have;
        if (__builtin_expect(c->veiled, 0) && room > VEILED_BYTES_MAX) room = VEILED_BYTES_MAX;
        ssize_t n = weft__stream_try_recv(&c->stream, in->bytes + in->have, room);
        if (n == -EAGAIN) return false;
        if (n <= 0) {
            c->ended = true;
            c->left = n < 0;
            return false;
        }
        in->have += (size_t)n;
    }
}

/* The parser knows limits, not what the server's options call them. */
const char *weft__limit_passed(const weft__http_head *head)
{
    switch (head->past) {
    case WEFT__LIMIT_TARGET: return "the request target is longer than target_bytes_max";
    case WEFT__LIMIT_HEADERS: return "more header lines than headers_max";
    case WEFT__LIMIT_HEAD: return "the head is larger than head_bytes_max";
    case WEFT__LIMIT_NONE: break;
    }
    return head->fault;
}

static void refuse(connection *c)
{
    const weft__http_head *head = &c->in->head;
    weft__server_write_error(c->server, &c->out, head->fault_status, weft__limit_passed(head), true);
    c->closing = true;
}

void weft__front_answer(weft__server *s, struct request *r)
{
    const char *why = weft__front_refuses(s->front);
    if (why) {
        (void)weft__exchange_reply(&r->x, 503, WEFT_S("Content-Type: application/json\r\nRetry-After: 1\r\n"),
            weft__arena_printf(r->x.arena, "{\"detail\":\"%s\"}", why));
        return;
    }
    weft__front_forwarded(s->front, r);
    s->front->running++;
    s->handler(s->ctx, &r->x);
    if (!r->x.upgraded) s->front->running--;         /* else it is no request any more since then */
}

/* Answer the request whose head was found. */
static void answer(connection *c, weft_arena *arena)
{
    weft__server *s = c->server;
    const weft__http_head *head = &c->in->head;
    if (head->fault) {
        refuse(c);
        return;
    }
    struct request r = {
        .x = { .head = head, .arena = arena },
        .c = c,
        .body = head->body,
        .body_left = head->body == WEFT__BODY_LENGTH ? head->content_length : 0,
        .body_done = head->body == WEFT__BODY_NONE,
        .is_head = head->verb == WEFT__HEAD,
        .keep_alive = head->keep_alive,
        .expects = head->expect_continue && head->minor > 0,
        .minor = head->minor,
    };
    c->cancels = false;
    c->request = &r;
    if (__builtin_expect(c->redirects, 0)) weft__request_redirect(&r);
    else if (__builtin_expect(s->front != NULL, 0)) weft__front_answer(s, &r);
    else s->handler(s->ctx, &r.x);
    c->request = NULL;
    c->cancels = false;
    if (c->state == CONNECTION_UPGRADED) {
        weft__task_renew();
        return;
    }
    if (!r.x.replied) {
        r.keep_alive = false;
        (void)weft__exchange_reply(&r.x, 500, WEFT_S("Content-Type: application/json\r\n"),
            WEFT_S("{\"detail\":\"Internal Server Error\"}"));
    }
    if (!r.keep_alive || !weft__request_drain(&r)) c->closing = true;
    weft__task_renew();
}

static void answer_all(connection *c, weft_arena *arena)
{
    do {
        answer(c, arena);
        weft__arena_free(arena);
        if (c->state == CONNECTION_UPGRADED) return;
        if (c->left || c->closing) return;
        if (c->cancelled) return;
        if (c->out.len > OUT_FULL && weft__connection_send(c, (weft_str){ 0 }) < 0) return;
        if (weft__checkpoint() < 0) c->closing = true;
    } while (!c->closing && next_head(c));
}

static void rest(connection *c)
{
    weft__server *s = c->server;
    if (c->closing || (s->stopping && !s->patient)) {
        weft__connection_linger(c);
        return;
    }
    if (c->in && c->in->have > c->in->at) {
        if (!partial_keep(c)) {
            weft__connection_close(c);
            return;
        }
        c->state = CONNECTION_HEAD;
        waits_in(c, &s->heads);
        return;
    }
    weft__inbuf_give(c);
    if (c->partial) partial_free(c);
    bool shakes = weft__stream_shaking(&c->stream);
    c->state = shakes ? CONNECTION_HEAD : CONNECTION_IDLE;
    waits_in(c, shakes ? &s->heads : &s->idle);
}

/* Who has agreed on HTTP/2 and then speaks HTTP/1.1 is none to be answered: RFC 9113, 3.4. */
static bool is_out_of_place(connection *c)
{
    if (c->stream.tls && agreed_on_h2(c)) weft__connection_close(c);
    else if (c->server->opts.no_http1 && !c->redirects) weft__connection_refuse(c, 505, "HTTP/2 alone is spoken here (no_http1)");
    else return false;
    return true;
}

static int serve(void *arg);

static void begin(connection *c)
{
    if (!c->talks && is_out_of_place(c)) return;
    c->state = CONNECTION_BUSY;
    c->talks = true;
    c->cancelled = false;
    waits_in(c, NULL);
    if (weft__start(&c->server->scope, "a request", serve, c) < 0) weft__connection_close(c);
}

/* A task's whole life: the request that was found, those behind it, and what comes while answers
 * are sent. The cancel of one request is not that of those behind it, which get a task of their
 * own; each answer is sent before that, so that it is soon known whether anybody still listens. */
static int serve(void *arg)
{
    connection *c = arg;
    bool more;
    weft_arena arena;
    weft__arena_init(&arena, weft__loop_blocks(c->server->loop), c->server->opts.request_bytes_max);
    weft_arena *before = weft__arena_swap(&arena);
    weft__loop_blocks(c->server->loop)->small = weft__loop_crowded(c->server->loop);
    c->task = weft_task_self();
    do {
        answer_all(c, &arena);
        if (c->state == CONNECTION_UPGRADED) {
            weft__arena_swap(before);
            weft__connection_upgraded(c);
            return 0;
        }
        more = !c->left && weft__connection_send(c, (weft_str){ 0 }) == 0 && !c->closing
            && !c->ended && next_head(c);
    } while (more && !c->cancelled);
    weft__arena_swap(before);
    c->task = NULL;
    if (more) begin(c);
    else if (c->left || c->ended) weft__connection_close(c);
    else rest(c);
    return 0;
}

/* ---- edges ---- */

static void begin_h2(connection *c)
{
    partial_free(c);
    c->lingered = 0;
    weft__h2_begin(c);
}

static void say_failure(const connection *c)
{
    char from[WEFT__PEER_ROOM];
    const char *why = weft__tls_why(&c->stream);
    weft__peer_text(&c->peer, from);
    if (*why) weft__log(WEFT_LOG_DEBUG, "TLS with %s failed: %s", from, why);
}

/* The peer has gone, or was never one: who speaks plain HTTP here is told what to do. */
static void part_from(connection *c)
{
    if (c->stream.tls && weft_log_get_level() <= WEFT_LOG_DEBUG) say_failure(c);
    if (!c->left || !weft__tls_give_up(&c->stream)) {
        weft__connection_close(c);
        return;
    }
    c->left = c->ended = false;
    weft__connection_refuse(c, 400, "this port speaks HTTPS: ask for https:// instead of http://");
}

static void receive(connection *c)
{
    if (!c->stream.may_read) return;
    if (!inbuf_take(c)) {
        weft__connection_close(c);
        return;
    }
    bool found = next_head(c);
    if (found) begin(c);
    else if (c->state == CONNECTION_H2) begin_h2(c);
    else if (c->left || c->ended) part_from(c);
    else rest(c);
}

void weft__connection_cut(connection *c)
{
    if (!c->task) return;
    c->cancelled = true;
    weft_task_cancel(c->task);
}

void weft__connection_hangup(connection *c)
{
    if (c->stream.hup && c->cancels) weft__connection_cut(c);
}

void weft__connection_part(connection *c)
{
    if (c->state == CONNECTION_H2) {
        weft__h2_part(c);
        return;
    }
    weft__stream_look(&c->stream); /* its edge may be on its way */
    bool found = inbuf_take(c) && next_head(c);
    if (found) begin(c);
    else if (c->state == CONNECTION_H2) begin_h2(c);
    else weft__connection_close(c);
}

void weft__connection_edge(weft__stream *stream, uint32_t events)
{
    connection *c = (connection *)stream;
    switch (c->state) {
    case CONNECTION_BUSY:
        if ((c->out.len || (c->request && c->request->x.taker)) && !c->sends && !c->left) weft__connection_mark(c);
        if (events & (WEFT__IN | WEFT__HUP)) weft__connection_hangup(c);
        return;
    case CONNECTION_LINGER:
        weft__connection_lingers(c);
        return;
    case CONNECTION_UPGRADED:
        if (c->out.len && !c->left) weft__connection_mark(c);
        if (!c->pipe_over) c->pipe.edge(c->pipe.owner, events);
        return;
    case CONNECTION_H2:
        weft__h2_edge(c, events);
        return;
    default: receive(c);
    }
}
