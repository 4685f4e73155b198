/* The body of a request over HTTP/1.1, as its handler asks for it: whole, or what is left of it dropped; and its trailers. */
#include <errno.h>
#include <string.h>
#include "http/connection.h"

enum { DRAIN_BYTES_MAX = 64 * 1024, BODY_SMALL = 4096, BODY_FEW = 512 };

static struct request *of(weft__exchange *x) { return (struct request *)x; }

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

bool weft__request_can_drain(const struct request *r)
{
    return !r->expects && r->body == WEFT__BODY_LENGTH && r->body_left <= DRAIN_BYTES_MAX;
}

/* A body nobody read is dropped when it is short and on its way; otherwise the connection ends. A
 * client that still waits for 100 Continue may or may not send it: nobody can tell where the next
 * request begins. */
bool weft__request_drain(struct request *r)
{
    if (r->body_done) return true;
    if (r->c->left || !weft__request_can_drain(r) || !r->c->in) return false;
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
