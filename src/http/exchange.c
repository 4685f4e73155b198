/* One request as its handler sees it: the body read when it is asked for, the answer written to the
 * connection's gathered output. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "http/connection.h"

enum { DRAIN_BYTES_MAX = 64 * 1024, BODY_INLINE_MAX = 16 * 1024, BODY_SMALL = 4096, BODY_FEW = 512, HEAD_ROOM = 256, SCRATCH_KEPT = 256 * 1024 };

static struct request *of(weft__exchange *x) { return (struct request *)x; }

/* ---- the body ---- */

static int body_fault(weft__exchange *x, int status, const char *text, const char **fault)
{
    *fault = text;
    of(x)->keep_alive = false;
    return WEFT_STATUS(status);
}

static int no_room(struct request *r, const char **fault)
{
    if (r->x.arena->exceeded)
        return body_fault(&r->x, 413, "the body is larger than request_bytes_max", fault);
    return body_fault(&r->x, 503, "no memory is left for the body", fault);
}

/* Left to the hook, and not waited for: meanwhile another task of the handler may begin the answer, behind it. */
static int go_on(struct request *r)
{
    if (!r->expects) return 0;
    r->expects = false;
    if (r->x.replied) return 0; /* an answer in parts has begun: nothing may stand in it */
    weft__buf *out = weft__connection_out(r->c);
    weft__buf_lit(out, "HTTP/1.1 100 Continue\r\n\r\n");
    if (out->failed) return out->failed;
    weft__connection_mark(r->c);
    return 0;
}

/* A crowd of slow bodies holds no receive buffers: whoever has to wait gives its own back, if nothing lies in it any more. */
static void lend_out(struct request *r)
{
    inbuf *in = r->c->in;
    if (!in || in->at < in->have || weft__exchange_keep_head(&r->x) < 0) return;
    weft__inbuf_give(r->c);
}

/* Into `to`, or, where that is NULL, into the receive buffer, which is there anew. */
static ssize_t recv_or_wait(struct request *r, char *to, size_t n, int64_t deadline_ns)
{
    connection *c = r->c;
    for (;;) {
        int rc = weft__checkpoint();                 /* before any byte is taken: what is taken is given */
        if (rc < 0) return rc;
        if (!to && !c->in && !weft__connection_in(c)) return WEFT_ENOMEM;
        ssize_t got = weft__stream_try_recv(&c->stream, to ? to : c->in->bytes, to ? n : c->in->room);
        if (got != -EAGAIN) return got;
        lend_out(r);
        rc = weft__stream_await(&c->stream, deadline_ns);
        if (rc < 0) return rc;
    }
}

static ssize_t recv_body(struct request *r, void *to, size_t n, int64_t deadline_ns)
{
    int rc = go_on(r);
    ssize_t got = rc < 0 ? rc : recv_or_wait(r, to, n, deadline_ns);
    if (got > 0 || got == WEFT_EBUSY) return got;
    r->keep_alive = false;
    if (got == WEFT_ETIMEDOUT || got == WEFT_ECANCELED || got == WEFT_ENOMEM) return got;
    r->c->ended = true;
    r->c->left |= got < 0;
    return got < 0 ? got : WEFT_EOF;
}

ssize_t weft__request_refill(struct request *r, int64_t deadline_ns)
{
    if (r->c->in) r->c->in->at = r->c->in->have = 0;
    ssize_t got = recv_body(r, NULL, 0, deadline_ns);
    if (got > 0) r->c->in->have = (size_t)got;
    return got;
}

weft__coming weft__body_coming(const weft__server *s)
{
    int64_t now_ns = weft__loop_now(s->loop);
    return (weft__coming){ now_ns, now_ns + (int64_t)s->opts.body_timeout_ms * 1000000, 0 };
}

static int64_t rated_until(const weft__server *s, const weft__coming *b)
{
    const weft_serve_opts *o = &s->opts;
    int grace_ms = o->rate_grace_ms < o->body_timeout_ms ? o->rate_grace_ms : o->body_timeout_ms;
    return b->since_ns + weft__server_rated_ns(s, grace_ms, b->bytes);
}

int64_t weft__coming_until(const weft__server *s, const weft__coming *b)
{
    int64_t until_ns = rated_until(s, b);
    return until_ns < b->until_ns ? until_ns : b->until_ns;
}

const char *weft__coming_late(const weft__server *s, const weft__coming *b)
{
    return rated_until(s, b) < b->until_ns ? "the body came more slowly than rate_min" : "the body did not arrive within body_timeout_ms";
}

static int recv_failed(weft__exchange *x, ssize_t rc, const weft__coming *coming, const char **fault)
{
    if (rc == WEFT_ENOMEM) return no_room(of(x), fault);
    if (rc != WEFT_ETIMEDOUT || weft__cancelled()) return (int)rc;
    return body_fault(x, 408, weft__coming_late(of(x)->c->server, coming), fault);
}

/* `to` NULL: into the receive buffer. */
static ssize_t recv_some(struct request *r, void *to, size_t n, weft__coming *coming)
{
    int64_t until_ns = weft__coming_until(r->c->server, coming);
    ssize_t got = to ? recv_body(r, to, n, until_ns) : weft__request_refill(r, until_ns);
    if (got > 0) coming->bytes += (uint64_t)got;
    return got;
}

/* Until `end` of `to` are there, where `have` are. */
static int recv_until(struct request *r, char *to, size_t have, size_t end, weft__coming *coming, const char **fault)
{
    while (have < end) {
        ssize_t got = recv_some(r, to + have, end - have, coming);
        if (got < 0) return recv_failed(&r->x, got, coming, fault);
        have += (size_t)got;
        r->body_left -= got;
    }
    return 0;
}

/* All of a large body's room is taken as soon as some of it has come: a crowd that announces much and sends hardly anything holds hardly
 * anything. */
static int body_first(struct request *r, weft_str *come, weft__coming *coming, const char **fault)
{
    weft_arena *a = r->x.arena;
    size_t have = come->len;
    a->exceeded |= (size_t)r->body_left > a->bytes_max - a->bytes;       /* refused before it comes */
    char *few = a->exceeded ? NULL : weft__arena_alloc(a, BODY_FEW);
    if (!few) return no_room(r, fault);
    memcpy(few, come->ptr, have);
    r->c->in->at = r->c->in->have;                   /* which may be lent out now */
    *come = (weft_str){ few, BODY_FEW };
    return recv_until(r, few, have, BODY_FEW, coming, fault);
}

static int body_whole(struct request *r, weft_str *body, weft__coming *coming, const char **fault)
{
    inbuf *in = r->c->in;
    size_t n = (size_t)r->body_left, there = in->have - in->at;
    if (there >= n) {
        *body = (weft_str){ in->bytes + in->at, n };
        in->at += n;
        r->body_left = 0;
        r->body_done = true;
        return 0;
    }
    weft_str come = { in->bytes + in->at, there };
    r->body_left -= (int64_t)there;
    int rc = n > BODY_SMALL && there < BODY_FEW ? body_first(r, &come, coming, fault) : 0;
    if (rc < 0) return rc;
    char *all = weft__arena_alloc(r->x.arena, n + 1);
    if (!all) return no_room(r, fault);
    memcpy(all, come.ptr, come.len);
    if (r->c->in) r->c->in->at = r->c->in->have;
    rc = recv_until(r, all, come.len, n, coming, fault);
    if (rc < 0) return rc;
    all[n] = 0;
    *body = (weft_str){ all, n };
    r->body_done = true;
    return 0;
}

/* The bytes of the buffer are used up: fill it, or another one, for the slices in it are done with. */
static int refill(struct request *r, weft__coming *coming, const char **fault)
{
    ssize_t got = recv_some(r, NULL, 0, coming);
    return got < 0 ? recv_failed(&r->x, got, coming, fault) : 0;
}

void weft__request_take_trailers(const struct request *r, weft__chunk *chunk, weft__buf *lines)
{
    weft__buf_init(lines, weft__exchange_trailer_bytes_max(&r->x));
    chunk->kept = lines;
    chunk->trailer_bytes_max = (unsigned)lines->bytes_max;
    chunk->trailers_max = weft__exchange_trailers_max(&r->x);
}

bool weft__request_keep_trailers(struct request *r, const weft__buf *lines)
{
    if (!lines->len && !lines->failed) return true;
    r->trailers = lines->failed ? (weft_str){ 0 } : weft__arena_dup(r->x.arena, weft__buf_str(lines));
    return r->trailers.ptr != NULL;
}

static int body_chunks(struct request *r, weft__buf *all, weft__coming *coming, const char **fault)
{
    for (;;) {
        inbuf *in = r->c->in;
        weft_str data;
        size_t used;
        int event
            = weft__chunk_next(&r->chunk, in->bytes + in->at, in->have - in->at, &used, &data);
        if (event < 0) return body_fault(&r->x, r->chunk.too_much ? 431 : 400, r->chunk.fault, fault);
        in->at += used;
        if (event == WEFT__CHUNK_END) return 0;
        if (event == WEFT__CHUNK_DATA) weft__buf_add_str(all, data);
        if (all->failed == WEFT_ENOMEM) return no_room(r, fault);
        if (all->failed)
            return body_fault(&r->x, 413, "the body is larger than body_bytes_max", fault);
        if (event != WEFT__CHUNK_MORE) continue;
        int rc = refill(r, coming, fault);
        if (rc < 0) return rc;
    }
}

static int body_joined(
    struct request *r, size_t max, weft_str *body, weft__coming *coming, const char **fault)
{
    /* The buffer the head lies in is about to be refilled. */
    if (weft__exchange_keep_head(&r->x) < 0) return no_room(r, fault);
    weft__buf all, lines;
    weft__buf_init(&all, max);
    weft__request_take_trailers(r, &r->chunk, &lines);
    int rc = body_chunks(r, &all, coming, fault);
    if (rc == 0) {
        r->body_done = true;
        *body = weft__arena_dup(r->x.arena, weft__buf_str(&all));
        if (!body->ptr || !weft__request_keep_trailers(r, &lines)) rc = no_room(r, fault);
    }
    r->chunk.kept = NULL;
    weft__buf_free(&lines);
    weft__buf_free(&all);
    return rc;
}

int weft__exchange_body(weft__exchange *x, size_t max, weft_str *body, const char **fault)
{
    struct request *r = of(x);
    if (__builtin_expect(x->ops != NULL, 0)) return x->ops->body(x, max, body, fault);
    *body = (weft_str){ "", 0 };
    if (r->body_done) return 0;
    if (r->body == WEFT__BODY_LENGTH && (uint64_t)r->body_left > max) {
        return body_fault(x, 413, "the body is larger than body_bytes_max", fault);
    }
    weft__coming coming = weft__body_coming(r->c->server);
    if (r->body == WEFT__BODY_LENGTH) return body_whole(r, body, &coming, fault);
    return body_joined(r, max, body, &coming, fault);
}

static bool can_drain(const struct request *r)
{
    return !r->expects && r->body == WEFT__BODY_LENGTH && r->body_left <= DRAIN_BYTES_MAX;
}

/* A body nobody read is dropped when it is short and on its way; otherwise the connection ends. A
 * client that still waits for 100 Continue may or may not send it: nobody can tell where the next
 * request begins. */
bool weft__request_drain(struct request *r)
{
    if (r->body_done) return true;
    if (r->c->left || !can_drain(r) || !r->c->in) return false;
    weft__coming coming = weft__body_coming(r->c->server);
    const char *fault;
    for (;;) {
        inbuf *in = r->c->in;
        size_t there = in->have - in->at,
               n = (int64_t)there < r->body_left ? there : (size_t)r->body_left;
        in->at += n;
        r->body_left -= (int64_t)n;
        if (!r->body_left) return true;
        if (refill(r, &coming, &fault) < 0) return false;
    }
}

size_t weft__exchange_body_max(const weft__exchange *x)
{
    return ((const struct request *)x)->c->server->opts.body_bytes_max;
}

weft_str weft__exchange_trailers(const weft__exchange *x)
{
    const struct request *r = (const struct request *)x;
    return r->body_done ? r->trailers : (weft_str){ "", 0 };
}

size_t weft__exchange_trailer_bytes_max(const weft__exchange *x)
{
    size_t most = ((const struct request *)x)->c->server->opts.head_bytes_max;
    return most < UINT32_MAX ? most : UINT32_MAX;
}

unsigned weft__exchange_trailers_max(const weft__exchange *x) { return (unsigned)((const struct request *)x)->c->server->opts.headers_max; }

/* ---- the head ---- */

/* The bytes that a head's slices lie in: from the method to the end of the last line. */
static weft_str head_bytes(const weft__http_head *head)
{
    const char *end = head->target.ptr + head->target.len;
    const weft__http_header *last = head->count ? &head->headers[head->count - 1] : NULL;
    if (last) end = last->name.ptr + last->name.len;
    if (last && last->value.ptr) end = last->value.ptr + last->value.len;
    return (weft_str){ head->method.ptr, (size_t)(end - head->method.ptr) };
}

/* What a slice of the old bytes is in the new ones. Some are no slices: "*", an empty text. */
static inline void move(weft_str *s, weft_str from, const char *to)
{
    size_t at = (size_t)((uintptr_t)s->ptr - (uintptr_t)from.ptr);
    if (at <= from.len) s->ptr = to + at;
}

/* One piece of memory, one copy: headers and bytes lie behind the head. */
int weft__exchange_keep_head(weft__exchange *x)
{
    const weft__http_head *from = x->head;
    struct request *r = of(x);
    if (r->head_kept) return 0;
    weft_str bytes = head_bytes(from);
    size_t lines = from->count * sizeof *from->headers;
    weft__http_head *head = weft__arena_alloc(x->arena, sizeof *head + lines + bytes.len);
    if (!head) return WEFT_ENOMEM;
    *head = *from;
    head->headers = (weft__http_header *)(head + 1);
    if (lines) memcpy(head->headers, from->headers, lines);
    char *to = (char *)(head + 1) + lines;
    memcpy(to, bytes.ptr, bytes.len);
    for (unsigned i = 0; i < head->count; i++) {
        move(&head->headers[i].name, bytes, to);
        move(&head->headers[i].value, bytes, to);
    }
    weft_str *const others[] = { &head->method, &head->target, &head->path, &head->query, &head->host, &head->content_type,
        &head->upgrade };
    for (size_t i = 0; i < weft_count(others); i++) move(others[i], bytes, to);
    x->head = head;
    r->head_kept = true;
    return 0;
}

weft_str weft__exchange_peek(const weft__exchange *x)
{
    const inbuf *in = ((const struct request *)x)->c->in;
    return in ? (weft_str){ in->bytes + in->at, in->have - in->at } : (weft_str){ "", 0 };
}

const weft__peer *weft__exchange_peer_raw(const weft__exchange *x)
{
    const struct request *r = (const struct request *)x;
    return r->has_peer ? &r->peer : &r->c->peer;
}

bool weft__exchange_tls(const weft__exchange *x) { return ((const struct request *)x)->c->stream.tls != NULL; }

int weft__exchange_tls_peer(const weft__exchange *x, weft_tls_peer *out)
{
    return weft__tls_peer_of(&((const struct request *)x)->c->stream, out, x->arena);
}


size_t weft__exchange_peer(const weft__exchange *x, char to[WEFT__PEER_ROOM]) { return weft__peer_text(weft__exchange_peer_raw(x), to); }

size_t weft__peer_text(const weft__peer *p, char to[WEFT__PEER_ROOM])
{
    char *at = to;
    if (p->family == AF_INET6 && inet_ntop(AF_INET6, p->bytes, to, WEFT__PEER_ROOM)) return strlen(to);
    if (p->family != AF_INET) {
        memcpy(to, "unix", 5);
        return 4;
    }
    for (int i = 0; i < 4; i++) {
        unsigned n = p->bytes[i];
        if (i) *at++ = '.';
        if (n >= 100) *at++ = (char)('0' + n / 100);
        if (n >= 10) *at++ = (char)('0' + n / 10 % 10);
        *at++ = (char)('0' + n % 10);
    }
    *at = 0;
    return (size_t)(at - to);
}

weft_str weft__request_name(struct request *r)
{
    weft_str method = r->x.head->method, path = r->x.head->path;
    if (r->name_len) return (weft_str){ r->name, r->name_len };
    size_t n = method.len, room = sizeof r->name - n - 1;
    memcpy(r->name, method.ptr, n);
    r->name[n++] = ' ';
    if (path.len < room) room = path.len;
    memcpy(r->name + n, path.ptr, room);
    r->name_len = n + room;
    return (weft_str){ r->name, r->name_len };
}

void weft__exchange_detach(weft__exchange *x)
{
    struct request *r = of(x);
    connection *c = r->c;
    if (x->ops || !c->in || c->in->at < c->in->have || !r->body_done) return;
    (void)weft__request_name(r);
    weft__inbuf_give(c);
}

void weft__exchange_cancel_on_leave(weft__exchange *x, bool cancels)
{
    connection *c = of(x)->c;
    if (__builtin_expect(x->ops != NULL, 0)) {
        x->ops->cancel_on_leave(x, cancels);
        return;
    }
    c->cancels = cancels;
    weft__connection_hangup(c);
}

weft_str weft__exchange_version(const weft__exchange *x)
{
    if (x->ops) return x->ops->version;
    return ((const struct request *)x)->minor ? WEFT_S("HTTP/1.1") : WEFT_S("HTTP/1.0");
}

weft_scope *weft__exchange_scope(const weft__exchange *x) { return &((const struct request *)x)->c->server->scope; }

/* ---- the answer ---- */

weft__buf *weft__exchange_scratch(weft__exchange *x)
{
    weft__buf *b = &of(x)->c->server->scratch;
    weft__buf_clear(b);
    return b;
}

static char *put(char *to, const char *bytes, size_t n)
{
    memcpy(to, bytes, n);
    return to + n;
}
#define PUT(to, literal) put((to), "" literal, sizeof(literal) - 1)

static char *put_number(char *to, uint64_t n)
{
    char digits[20];
    int at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return put(to, digits + at, sizeof digits - (size_t)at);
}

void weft__answer_put_head(weft__server *s, weft__buf *out, const weft__answer_head *h)
{
    weft_str line = weft__http_status_line(h->status);
    char *start = weft__buf_reserve(out, HEAD_ROOM + line.len + h->headers.len), *to = start;
    if (!to) return;
    if (line.len) {
        to = put(to, line.ptr, line.len);
    } else {
        to = PUT(to, "HTTP/1.1 ");
        to = put_number(to, (uint64_t)h->status);
        to = PUT(to, " \r\n");
    }
    if (h->headers.len) to = put(to, h->headers.ptr, h->headers.len);
    if (h->length) {
        to = PUT(to, "Content-Length: ");
        to = put_number(to, h->body_bytes);
        to = PUT(to, "\r\n");
    } else if (h->chunked) {
        to = PUT(to, "Transfer-Encoding: chunked\r\n");
    }
    if (h->close) to = PUT(to, "Connection: close\r\n");
    else if (h->keep_alive_10) to = PUT(to, "Connection: keep-alive\r\n");
    to = PUT(to, "Date: ");
    weft_str date = weft__server_date(s);
    to = put(to, date.ptr, date.len);
    to = PUT(to, "\r\n\r\n");
    out->len += (size_t)(to - start);
}

void weft__connection_mark(connection *c)
{
    weft__server *s = c->server;
    if (c->unsent) return;
    c->unsent = true;
    c->prev_unsent = NULL;
    c->next_unsent = s->unsent;
    if (c->next_unsent) c->next_unsent->prev_unsent = c;
    s->unsent = c;
}

weft__buf *weft__connection_out(connection *c)
{
    if (!c->out.ptr && c->server->spare_out.ptr) {
        c->out = c->server->spare_out;
        c->server->spare_out.ptr = NULL;
        c->server->spare_out.room = 0;
    }
    return &c->out;
}

/* A body too large to gather goes out at once, behind what is gathered. While that waits, the
 * scratch buffer it may lie in must not be anybody else's. */
bool weft__scratch_has(const weft__server *s, weft_str body)
{
    const weft__buf *scratch = &s->scratch;
    return scratch->ptr && body.ptr >= scratch->ptr && body.ptr < scratch->ptr + scratch->room;
}

weft__buf weft__scratch_take(weft__server *s)
{
    weft__buf mine = s->scratch;
    weft__buf_init(&s->scratch, mine.bytes_max);
    return mine;
}

void weft__scratch_give(weft__server *s, weft__buf *mine)
{
    mine->bytes_max = s->scratch.bytes_max;
    if (mine->ptr && !s->scratch.ptr && mine->room <= SCRATCH_KEPT) s->scratch = *mine;
    else weft__buf_free(mine);
    mine->ptr = NULL;
}

static int send_large(connection *c, weft_str body)
{
    weft__buf mine = { 0 };
    if (weft__scratch_has(c->server, body)) mine = weft__scratch_take(c->server);
    int rc = weft__connection_send(c, body);
    if (mine.ptr) weft__scratch_give(c->server, &mine);
    return rc;
}

int weft__exchange_keep_body(weft__exchange *x, weft_str *body, weft__buf *kept)
{
    weft__server *s = of(x)->c->server;
    if (!body->len || !weft__scratch_has(s, *body)) return 0;
    if (body->len > BODY_INLINE_MAX) {
        weft__exchange_drop(x, kept);
        *kept = weft__scratch_take(s);
        return 0;
    }
    weft_str mine = weft__arena_dup(x->arena, *body);
    if (!mine.ptr) return WEFT_ENOMEM;
    *body = mine;
    return 0;
}

void weft__exchange_drop(weft__exchange *x, weft__buf *kept)
{
    if (kept->ptr) weft__scratch_give(of(x)->c->server, kept);
}

void weft__request_settle(struct request *r)
{
    if (r->c->server->stopping || (!r->body_done && !can_drain(r))) r->keep_alive = false;
}

int weft__exchange_reply(weft__exchange *x, int status, weft_str headers, weft_str body)
{
    struct request *r = of(x);
    connection *c = r->c;
    weft__server *s = c->server;
    if (__builtin_expect(x->taker != NULL, 0)) return x->taker->reply(x->taker, status, headers, body);
    if (__builtin_expect(x->ops != NULL, 0)) return x->ops->reply(x, status, headers, body);
    if (x->replied) return WEFT_EINVAL;
    x->replied = true;
    x->status = (uint16_t)status;
    if (c->left) return WEFT_EOF;
    bool bodiless = weft__http_bodiless(status);
    weft__request_settle(r);
    if (bodiless) body.len = 0;
    weft__buf *out = weft__connection_out(c);
    weft__answer_put_head(s, out,
        &(weft__answer_head){
            status, headers, body.len, !bodiless || status == 205, !r->keep_alive, r->minor == 0, false });
    if (r->is_head) body.len = 0;
    int rc = 0;
    if (body.len > BODY_INLINE_MAX) {
        rc = out->failed ? out->failed : send_large(c, body);
    } else {
        weft__buf_add_str(out, body);
        rc = out->failed;
        if (!rc) weft__connection_mark(c);
    }
    if (rc < 0) c->left = true;
    x->broken |= rc == WEFT_ENOMEM;
    return rc;
}

void weft__exchange_flush(weft__exchange *x)
{
    connection *c = of(x)->c;
    if (x->ops) x->ops->flush(x);
    else if (!c->left && c->out.len && c->stream.may_write && !c->stream.writer) (void)weft__connection_flush(c);
}

void weft__server_write_error(
    weft__server *s, weft__buf *out, int status, const char *why, bool close)
{
    char body[512];
    size_t n = 0;
    n = (size_t)(PUT(body, "{\"detail\":\"") - body);
    for (const char *p = why; *p && n < sizeof body - 4; p++) {
        if (*p == '"' || *p == '\\') body[n++] = '\\';
        body[n++] = *p;
    }
    body[n++] = '"';
    body[n++] = '}';
    weft__answer_put_head(s, out,
        &(weft__answer_head){ .status = status,
            .headers = WEFT_S("Content-Type: application/json\r\n"),
            .body_bytes = n,
            .length = true,
            .close = close });
    weft__buf_add(out, body, n);
}
