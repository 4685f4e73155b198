/* A request's body as its handler reads it piece by piece. Bytes come into the connection's receive
 * buffer, where those of the next request stay, and go on into the body's own. */
#include <stdio.h>
#include "http/body.h"
#include "http/connection.h"
#include "task/job.h"

enum { LINE_BYTES_MAX = 64 * 1024, READ_BYTES = 4096 };

struct weft__intake {
    struct request *request;
    weft__body body;
    uint64_t lines;                  /* given */
    weft_arena item;                 /* what the item that was read last holds */
    int64_t waited_ns;               /* for the client, in all */
    const char *reading;             /* the name of the task that does; NULL: none */
    bool rated;                      /* the last wait was bounded by the rate that is asked */
    int failed;                      /* the code of what ended it too early */
    char why[160];
};

int weft__exchange_intake(weft__exchange *x, size_t max, weft__intake **out, const char **fault)
{
    struct request *r = (struct request *)x;
    if (r->body == WEFT__BODY_LENGTH && (uint64_t)r->body_left > max) {
        *fault = "the body is larger than body_bytes_max";
        r->keep_alive = false;
        return WEFT_STATUS(413);
    }
    weft__intake *i = weft__arena_zalloc(x->arena, sizeof *i);
    /* The bytes that the head lies in are about to be overwritten. */
    bool room = i && (r->body_done || weft__exchange_keep_head(x) == 0);
    if (!room) {
        *fault = "no memory is left for the body";
        r->keep_alive = false;
        return WEFT_STATUS(503);
    }
    (void)weft__request_name(r);
    i->request = r;
    bool until_end = x->ops && r->body != WEFT__BODY_NONE;             /* trailers come behind a length, too; nghttp2 sees to the length */
    weft__body_init(&i->body, until_end ? WEFT__BODY_CLOSE : r->body, r->body_left, LINE_BYTES_MAX + 2);
    i->body.bytes_max = max;
    weft__request_take_trailers(r, &i->body.chunk, &i->body.trailers);
    const weft__server *s = r->c->server;
    weft__arena_init(&i->item, weft__loop_blocks(s->loop), s->opts.request_bytes_max);
    *out = i;
    return 0;
}

void weft__intake_end(weft__intake *i)
{
    if (!i) return;
    weft__body_free(&i->body);
    weft__arena_free(&i->item);
}

weft_arena *weft__intake_item(weft__intake *i)
{
    weft__arena_free(&i->item);
    return &i->item;
}

/* ---- failures ---- */

/* From here on the connection is of no use to another request. */
static int fail(weft__intake *i, int code, int status, const char *why)
{
    snprintf(i->why, sizeof i->why, "%s", why);
    i->failed = code;
    i->request->keep_alive = false;
    return weft__fail_as(NULL, code, status, "%s", why);
}

static int fail_status(weft__intake *i, int status, const char *why)
{
    return fail(i, WEFT_STATUS(status), status, why);
}

static int fail_recv(weft__intake *i, ssize_t code)
{
    char text[64];
    int cut = weft__cancelled();
    if (cut) return cut;
    if (code == WEFT_ENOMEM) return fail_status(i, 503, "no memory is left for the body");
    if (code == WEFT_STATUS(431)) return fail_status(i, 431, WEFT__TRAILERS_TOO_LARGE);
    if (code == WEFT_ETIMEDOUT && i->rated) return fail_status(i, 408, "the body came more slowly than rate_min");
    if (code == WEFT_ETIMEDOUT) return fail_status(i, 408, "the body did not arrive within body_timeout_ms");
    snprintf(text, sizeof text, "the body broke off after %llu bytes",
        (unsigned long long)i->body.came);
    return fail(i, WEFT_ECONNRESET, 400, text);
}

/* ---- bytes ---- */

/* What is left of the time that the client may be waited for, at the rate that is asked of it: who sends a byte now and then does not
 * keep a task for ever. */
static int64_t rate_left_ns(const weft__intake *i)
{
    const weft__server *s = i->request->c->server;
    int grace_ms = s->opts.rate_grace_ms < s->opts.body_timeout_ms ? s->opts.rate_grace_ms : s->opts.body_timeout_ms;
    return weft__server_rated_ns(s, grace_ms, i->body.came) - i->waited_ns;
}

static int64_t patience_ns(weft__intake *i)
{
    int64_t once_ns = i->request->c->server->opts.body_timeout_ms * 1000000LL, left_ns = rate_left_ns(i);
    i->rated = left_ns < once_ns;
    return i->rated ? left_ns : once_ns;
}

/* Straight into the body's own buffer, from what keeps requests apart by itself. */
static int take_over(weft__intake *i, char *to, size_t room)
{
    weft__exchange *x = &i->request->x;
    weft__loop *loop = i->request->c->server->loop;
    int64_t began_ns = weft__loop_clock(loop);
    ssize_t n = x->ops->recv(x, to, room, began_ns + patience_ns(i));
    i->waited_ns += weft__loop_clock(loop) - began_ns;
    if (n < 0) return fail_recv(i, n);
    if (n > 0) (void)weft__body_feed(&i->body, to, (size_t)n);
    else i->body.ended = true;
    return 1;
}

/* The receive buffer is used up, or lent out: fill it. */
static int refill(weft__intake *i)
{
    struct request *r = i->request;
    weft__loop *loop = r->c->server->loop;
    int64_t began_ns = weft__loop_clock(loop);
    ssize_t n = weft__request_refill(r, began_ns + patience_ns(i));
    i->waited_ns += weft__loop_clock(loop) - began_ns;
    return n < 0 ? fail_recv(i, n) : 0;
}

static int over(weft__intake *i)
{
    if (i->body.chunk.fault) return fail_status(i, i->body.chunk.too_much ? 431 : 400, i->body.chunk.fault);
    if (i->body.over) return fail_status(i, 413, "the body is larger than body_bytes_max");
    bool kept = i->request->trailers.ptr || weft__request_keep_trailers(i->request, &i->body.trailers);
    return kept ? 0 : fail_status(i, 503, "no memory is left for the trailers");
}

/* More of the body, or of what is around it: 1; 0 at its end; < 0, recorded. */
static int more(weft__intake *i)
{
    struct request *r = i->request;
    inbuf *in = r->c->in;
    weft__body *b = &i->body;
    size_t room, there;
    if (b->ended || b->chunk.fault || b->over) return over(i);
    int rc = !r->x.ops && (!in || in->at == in->have) ? refill(i) : 0;
    if (rc < 0) return rc;
    in = r->c->in;
    there = r->x.ops ? READ_BYTES : in->have - in->at;
    char *to = weft__body_room(b, there, &room);     /* not before: who waits is to hold little */
    if (!to) return fail_status(i, 503, "no memory is left for the body");
    if (r->x.ops) return take_over(i, to, room);
    size_t used = weft__body_feed(b, in->bytes + in->at, there < room ? there : room);
    in->at += used;
    if (b->kind == WEFT__BODY_LENGTH) r->body_left = (int64_t)b->left;
    r->body_done = b->ended;
    if (b->ended) weft__exchange_detach(&r->x);
    return 1;
}

/* ---- calls ---- */

static int enter(weft__intake *i)
{
    if (!weft__self()) return weft__no_task("a read of a body");
    if (i->failed) {
        int status = i->failed == WEFT_ECONNRESET ? 400 : -i->failed - 10000;
        return weft__fail_as(NULL, i->failed, status, "%s", i->why);
    }
    if (i->reading) {
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "task %s reads the body already, and one at a time may", i->reading);
    }
    i->reading = weft_task_name(weft_task_self());
    weft__body_take_back(&i->body);
    return 0;
}

static int leave(weft__intake *i, int rc)
{
    i->reading = NULL;
    return rc;
}

/* What is there already is no reason never to wait. */
static int checkpoint(const weft__intake *i)
{
    int rc = weft__body_have(&i->body) ? weft__checkpoint() : 1;
    return rc < 0 ? rc : 1;
}

uint64_t weft__intake_lines(const weft__intake *i) { return i->lines; }

int weft__intake_read(weft__intake *i, weft_str *out)
{
    int rc = enter(i);
    if (rc < 0) return rc;
    rc = checkpoint(i);
    while (rc > 0 && !weft__body_have(&i->body)) rc = more(i);
    if (rc > 0) *out = weft__body_give(&i->body, weft__body_have(&i->body), 0);
    return leave(i, rc);
}

int weft__intake_line(weft__intake *i, size_t line_max, weft_str *out)
{
    size_t seen = 0;
    int rc = enter(i), line = 0;
    if (rc < 0) return rc;
    if (line_max > LINE_BYTES_MAX) line_max = LINE_BYTES_MAX;
    for (rc = checkpoint(i); rc > 0; rc = more(i)) {
        line = weft__body_line(&i->body, line_max, false, &seen, out);
        if (line != 0) break;
    }
    if (rc == 0) line = weft__body_line(&i->body, line_max, true, &seen, out);
    i->lines += line == 1;
    if (line == WEFT_ELIMIT) {
        rc = weft__fail_as(NULL, WEFT_ELIMIT, 413, "a line of the body has more than %zu bytes",
            line_max);
    }
    return leave(i, rc < 0 ? rc : line);
}
