/* Answers that are read piece by piece: a call of the client's whose connection stays with it until
 * the body has come. */
#include "base/mem.h"
#include "http/body.h"
#include "http/client.h"
#include "http/lane.h"
#include "task/job.h"

enum {
    LINE_BYTES = 64 * 1024,
    DRAIN_BYTES = 64 * 1024,
    READ_BYTES = 4096,               /* at a time, as long as no more come */
    OWN_BYTES_MAX = 1 << 20,
    ITEM_BYTES_MAX = 16 << 20, LINE_BYTES_MAX = 1 << 30
};

struct weft_download {
    weft__call call;         /* conn NULL: given back */
    weft_exchange_opts opts; /* without what it pointed to, once the request has gone */
    weft_arena arena;        /* of the head, of the call's texts */
    weft_arena item;         /* what the item that was read last holds */
    weft_response head;
    weft_str location;
    int64_t length; /* -1: not told */
    weft__body body;
    int keep_ms;   /* how long its connection may be kept */
    bool reusable; /* ... when the body has been read to its end */
    bool closed, freed;
    const char *reading; /* the name of the task that reads; NULL: none does */
};

/* ---- giving back ---- */

static void conn_end(weft_download *d, bool keep)
{
    weft__conn *conn = d->call.conn;
    if (conn && conn->lane) weft__call_lane_trailers(&d->call, &d->body.trailers);
    d->call.conn = NULL;
    if (!conn) return;
    if (keep && d->reusable) weft__conn_keep(conn, d->keep_ms);
    else weft__conn_drop(conn);
}

/* A body that has come: nobody needs to read it for others to have the connection. Bytes that
 * nobody asked for came behind it when not all were used. */
static void take(weft_download *d, const char *bytes, size_t n)
{
    size_t used = weft__body_feed(&d->body, bytes, n);
    if (d->body.ended) conn_end(d, used == n);
}

/* What is there of a rest that is small: it costs less than another connection. */
static void drain(weft_download *d)
{
    weft__client *client = d->call.client;
    weft__body *b = &d->body;
    if (!d->call.conn || d->call.conn->lane) return;
    if (b->kind == WEFT__BODY_CLOSE || (b->kind == WEFT__BODY_LENGTH && b->left > DRAIN_BYTES))
        return;
    b->dropping = true;
    for (size_t dropped = 0;
         d->call.conn && dropped < DRAIN_BYTES && !b->chunk.fault && !b->over;) {
        bool rest = b->kind == WEFT__BODY_LENGTH && b->left < WEFT__CLIENT_IN;
        ssize_t n = weft__stream_try_recv(
            &d->call.conn->stream, client->in, rest ? (size_t)b->left : WEFT__CLIENT_IN);
        if (n <= 0) return;
        dropped += (size_t)n;
        take(d, client->in, (size_t)n);
    }
}

/* While a task reads, its connection is its own: nobody else may get it before that has left. */
static void give_back(weft_download *d)
{
    if (d->reusable) drain(d);
    conn_end(d, false);
    weft__body_free(&d->body);
}

static void forget(weft_download *d)
{
    weft__body_free(&d->body);
    weft__arena_free(&d->item);
    weft__arena_free(&d->arena);
    weft__free(d);
}

void weft_download_close(weft_download *d)
{
    if (!d || d->closed) return;
    d->closed = true;
    if (!d->reading) give_back(d);
    else if (d->call.conn && d->call.conn->lane) weft__lane_shut(d->call.conn->lane);
    else if (d->call.conn) weft__stream_close(&d->call.conn->stream);
}

void weft_download_free(weft_download *d)
{
    if (!d) return;
    weft_download_close(d);
    d->freed = true;
    if (!d->reading) forget(d);
}

void weft__download_leave(weft_download **d) { weft_download_free(*d); }

/* ---- opening ---- */

static int no_memory(weft_download *d)
{
    return weft__call_fail(&d->call, WEFT_ENOMEM, "no memory for the answer");
}

/* What messages are made of, now that the caller's texts may go. */
static int keep_texts(weft_download *d)
{
    weft__call *c = &d->call;
    weft__buf url;
    weft__buf_init(&url, OWN_BYTES_MAX / 2);
    weft__call_url(c, &url);
    weft_str kept = weft__arena_dup(&d->arena, weft__buf_str(&url));
    weft_str method = weft__arena_dup(&d->arena, weft_str_of(c->method));
    weft__buf_free(&url);
    if (!kept.ptr || !method.ptr) return no_memory(d);
    c->url = kept.ptr;
    c->method = method.ptr;
    c->values = NULL;
    c->value_count = 0;
    d->opts.method = d->opts.content_type = NULL;
    d->opts.headers = NULL;
    d->opts.body = (weft_str){ 0 };
    d->opts.body_next = NULL;
    d->opts.trailers = NULL;
    d->opts.trailer_count = 0;
    d->opts.body_file = NULL;
    return 0;
}

static int too_long(weft_download *d)
{
    return weft__call_fail(&d->call, WEFT_ELIMIT,
        "answered a body of more than %zu bytes (body_bytes_max) after %lld ms",
        d->opts.body_bytes_max, weft__call_ms(&d->call));
}

static int body_begin(weft_download *d, const weft__http_head *head, weft_str come)
{
    weft__body *b = &d->body;
    size_t line_max = d->opts.line_bytes_max, room = line_max > LINE_BYTES ? line_max : LINE_BYTES;
    weft__body_init(b, weft__answer_kind(&d->call, head), head->content_length, room + 2);
    weft__call_keep_trailers(&b->chunk, &b->trailers);
    if (d->opts.body_bytes_max) b->bytes_max = d->opts.body_bytes_max;
    if (head->body == WEFT__BODY_LENGTH && (uint64_t)head->content_length > b->bytes_max)
        return too_long(d);
    if (b->ended) {
        conn_end(d, !come.len);
        return 0;
    }
    if (come.len && !weft__body_reserve(b, come.len)) return no_memory(d);
    if (come.len) take(d, come.ptr, come.len);
    return 0;
}

/* The head has come; its body follows. */
static int begin(weft_download *d)
{
    weft__call *c = &d->call;
    weft__answer a = { .kept_headers = true };
    weft__http_head head;
    weft_str come;
    weft_arena *before = weft__arena_swap(&d->arena);
    int rc = weft__answer_head(c, &a, &head, &come);
    weft__arena_swap(before);
    d->head = (weft_response){ .status = a.status, .body = WEFT_S(""), .headers = a.headers, .header_count = a.header_count };
    d->location = a.location;
    d->reusable = a.reusable;
    d->keep_ms = a.keep_ms;
    /* The task may end before the download does. */
    c->conn->held_by = weft_task_name(c->conn->holder);
    c->conn->holder = NULL;
    if (rc == 0) rc = keep_texts(d);
    if (rc == 0) d->length = head.content_length;
    if (rc == 0) rc = body_begin(d, &head, come);
    if (!d->opts.total_ms) c->total_ns = INT64_MAX;
    weft__answer_free(&a);
    return rc;
}

int weft_download_open_with(weft_download **out, const weft_exchange_opts *opts, const char *url,
    const weft_val *values, size_t count)
{
    if (!weft__self()) return weft__no_task("weft_download_open");
    weft_download *d = weft__calloc(sizeof *d);
    if (!d) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a download");
    weft__arena_init(&d->arena, weft__loop_blocks(weft__loop_here()), OWN_BYTES_MAX);
    weft__arena_init(&d->item, weft__loop_blocks(weft__loop_here()), ITEM_BYTES_MAX);
    d->opts = *opts;
    if (!d->opts.line_bytes_max) d->opts.line_bytes_max = LINE_BYTES;
    if (d->opts.line_bytes_max > LINE_BYTES_MAX) d->opts.line_bytes_max = LINE_BYTES_MAX;
    d->call = (weft__call){ .opts = &d->opts,
        .method = opts->method ? opts->method : "GET",
        .url = url,
        .values = values,
        .value_count = count };
    int rc = weft__call_may_stream(opts) ? weft__upload_begin(&d->call, &d->opts) : 0;
    if (rc == 0) rc = weft__call_ask(&d->call);
    if (rc == 0) rc = begin(d);
    if (rc == 0) {
        *out = d;
        return 0;
    }
    d->reusable = false;
    weft_download_free(d);
    return rc;
}

/* "answered 503 Service Unavailable after 3 ms: try again later" */
static int refused(weft_download *d)
{
    char text[160];
    weft_str piece;
    size_t n = 0;
    int rc = 1;
    while (n < sizeof text && (rc = weft_download_read(d, &piece)) > 0) {
        size_t fits = piece.len < sizeof text - n ? piece.len : sizeof text - n;
        memcpy(text + n, piece.ptr, fits);
        n += fits;
    }
    if (rc < 0 && weft__cancelled()) return rc;
    return weft__call_fail_status(&d->call,
        &(weft__answer){ .status = d->head.status, .body = { text, n }, .location = d->location });
}

int weft_download_with(weft_download **out, const char *url, const weft_val *values, size_t count)
{
    static const weft_exchange_opts defaults = { .method = NULL };
    weft_download *d = NULL;
    int rc = weft_download_open_with(&d, &defaults, url, values, count);
    if (!d) return rc;
    if (d->head.status >= 200 && d->head.status <= 299) {
        *out = d;
        return 0;
    }
    rc = refused(d);
    weft_download_free(d);
    return rc;
}

/* ---- the head ---- */

int weft_download_status(const weft_download *d) { return d->head.status; }
int64_t weft_download_length(const weft_download *d) { return d->length; }

weft_str weft_download_header(const weft_download *d, const char *name)
{
    return weft_response_header(&d->head, name);
}

weft_str weft_download_trailer(const weft_download *d, const char *name)
{
    return weft_response_trailer(&d->head, name);
}

/* ---- reading ---- */

static int enter(weft_download *d)
{
    const weft__call *c = &d->call;
    if (!weft__self()) return weft__no_task("a read of a download");
    if (d->closed) {
        return weft__call_fail(
            c, WEFT_ECLOSED, "the body is read after the download was closed, or a read failed");
    }
    if (d->reading) {
        return weft__call_fail(
            c, WEFT_EBUSY, "task %s reads the body already, and one at a time may", d->reading);
    }
    d->reading = weft_task_name(weft_task_self());
    weft__body_take_back(&d->body);
    return 0;
}

/* What a later read can go on behind. */
static bool passes(int rc)
{
    return rc >= 0 || rc == WEFT_ECANCELED || rc == WEFT_ETIMEDOUT || rc == WEFT_ENOMEM;
}

/* Who closed it meanwhile left the rest to the reader. */
static int leave(weft_download *d, int rc, bool stays)
{
    d->reading = NULL;
    if (!stays) d->reusable = false;
    if (d->closed || !stays) give_back(d);
    d->closed |= !stays;
    if (d->freed) forget(d);
    return rc;
}

static int in_time(weft_download *d)
{
    weft__call *c = &d->call;
    if (__builtin_expect(weft__loop_now(c->client->loop) < c->total_ns, 1)) return 0;
    return weft__call_fail_io(c, WEFT_ETIMEDOUT, "the body came");
}

/* The trailers, once the body has come. */
static int hand_over(weft_download *d)
{
    weft_arena *before = weft__arena_swap(&d->arena);
    int rc = weft__call_trailers(&d->call, &d->body.trailers, &d->head);
    weft__arena_swap(before);
    return rc;
}

/* Why no more of the body comes; 0: it has ended. */
static int over(weft_download *d)
{
    weft__body *b = &d->body;
    if (b->chunk.fault) return weft__call_fail_chunk(&d->call, &b->chunk);
    if (b->over) return too_long(d);
    bool trails = b->trailers.len || b->trailers.failed;
    return trails && !d->head.trailers ? hand_over(d) : 0;
}

/* The connection has ended: for a body without any other end, and only if cleanly, that is one. */
static int ended(weft_download *d)
{
    weft__body *b = &d->body;
    if (b->kind == WEFT__BODY_CLOSE && !d->call.broken) {
        b->ended = true;
        conn_end(d, false);
        return over(d);
    }
    return weft__call_fail_cut(&d->call, b->kind, b->came, b->came + b->left);
}

/* More bytes of the body, or of what is around them: 1; 0 at its end; < 0, recorded. */
static int more(weft_download *d)
{
    weft__call *c = &d->call;
    size_t room;
    if (d->body.ended || d->body.chunk.fault || d->body.over) return over(d);
    int rc = in_time(d);
    if (rc < 0) return rc;
    char *to = weft__body_room(&d->body, READ_BYTES, &room);
    if (!to) return no_memory(d);
    ssize_t n = weft__call_more(c, to, room, "the body came");
    if (d->closed)
        return weft__call_fail(c, WEFT_ECLOSED, "the download was closed while its body was read");
    if (n < 0) return (int)n;
    if (n == 0) return ended(d);
    take(d, to, (size_t)n);
    return 1;
}

/* What is there already is no reason never to wait. */
static int checkpoint(weft_download *d)
{
    int rc = weft__body_have(&d->body) ? weft__checkpoint() : 1;
    if (rc < 0) {
        int cut = weft__call_cut(&d->call);
        return cut ? cut : rc;
    }
    return d->closed ? weft__call_fail(&d->call, WEFT_ECLOSED, "the download was closed") : 1;
}

int weft_download_read(weft_download *d, weft_str *out)
{
    int rc = enter(d);
    if (rc < 0) return rc;
    rc = checkpoint(d);
    while (rc > 0 && !weft__body_have(&d->body)) rc = more(d);
    if (rc > 0) *out = weft__body_give(&d->body, weft__body_have(&d->body), 0);
    return leave(d, rc, passes(rc));
}

int weft_download_line(weft_download *d, weft_str *out)
{
    size_t seen = 0, most = d->opts.line_bytes_max;
    int rc = enter(d), line = 0;
    if (rc < 0) return rc;
    for (rc = checkpoint(d); rc > 0; rc = more(d)) {
        line = weft__body_line(&d->body, most, false, &seen, out);
        if (line != 0) break;
    }
    if (rc == 0) line = weft__body_line(&d->body, most, true, &seen, out);
    if (line == WEFT_ELIMIT) {
        rc = weft__call_fail(
            &d->call, WEFT_ELIMIT, "answered a line of more than %zu bytes (line_bytes_max)", most);
        return leave(d, rc, true);
    }
    return leave(d, rc < 0 ? rc : line, passes(rc));
}

int weft_download_item_with(weft_download *d, const weft_schema *schema, void *out)
{
    weft_str line;
    int rc;
    do {
        rc = weft_download_line(d, &line);
    } while (rc > 0 && !line.len);
    if (rc <= 0) return rc;
    weft__arena_free(&d->item);
    weft_arena *before = weft__arena_swap(&d->item);
    rc = weft__call_item(&d->call, line, schema, out);
    weft__arena_swap(before);
    return rc < 0 ? rc : 1;
}
