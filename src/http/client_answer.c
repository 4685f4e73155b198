#include <errno.h>
#include <limits.h>
#include <string.h>
#include "http/client.h"
#include "http/lane.h"
#include "wire/bytes.h"
#include "wire/chunk.h"

/* What a whole answer and one read piece by piece share is one function with the rest of either. */
#define INLINED static inline __attribute__((always_inline))

enum { BODY_MAX = 16 * 1024 * 1024 };

static size_t body_max(const weft__call *c)
{
    return c->opts->body_bytes_max ? c->opts->body_bytes_max : BODY_MAX;
}

/* A receive has not brought bytes: 0 when the connection has ended (c->broken: not cleanly); < 0 a
 * code, recorded. A cancel may carry any code, that of a broken connection too. */
static int nothing_came(weft__call *c, int rc, const char *doing)
{
    if (rc == 0) return 0;
    int cut = weft__call_cut(c);
    if (cut) return cut;
    c->broken = rc == WEFT_ECONNRESET || rc == -EPIPE;
    return c->broken ? 0 : weft__call_fail_io(c, rc, doing);
}

/* > 0 bytes, or as above. */
ssize_t weft__call_more(weft__call *c, void *to, size_t n, const char *doing)
{
    weft__lane *lane = c->conn->lane;
    ssize_t got = lane ? weft__lane_recv(lane, to, n, weft__call_deadline(c)) : weft__stream_recv(&c->conn->stream, to, n, weft__call_deadline(c));
    return got > 0 ? got : nothing_came(c, (int)got, doing);
}

static int no_memory(weft__call *c)
{
    return weft__call_fail(c, WEFT_ENOMEM,
        "no memory for the answer, or past the request's limit");
}

/* ---- the head ---- */

static int head_refused(weft__call *c, const weft__http_head *head)
{
    long long ms = weft__call_ms(c);
    if (head->past == WEFT__LIMIT_HEAD) {
        return weft__call_fail(c, WEFT_ELIMIT,
            "answered a head of more than %d bytes (limit) after %lld ms", WEFT__CALL_HEAD_MAX, ms);
    }
    if (head->past == WEFT__LIMIT_HEADERS) {
        return weft__call_fail(c, WEFT_ELIMIT,
            "answered more than %d headers (limit) after %lld ms", WEFT__CLIENT_HEADERS, ms);
    }
    return weft__call_fail(c, WEFT_EPROTO, "answered what is no HTTP after %lld ms: %s", ms,
        head->fault);
}

/* How long the peer means to keep an idle connection: "Keep-Alive: timeout=5". A little less, for
 * what is on its way; INT_MAX: it does not say. */
INLINED int keep_ms_of(const weft__http_head *head)
{
    const weft__http_header *h = weft__http_find(head, WEFT_S("keep-alive"), NULL);
    if (!h || h->value.len < 9) return INT_MAX;
    weft_str name = { h->value.ptr, 8 };
    if (!weft__same_nocase(name, WEFT_S("timeout="))) return INT_MAX;
    int64_t s = 0;
    for (size_t i = 8; i < h->value.len && s < 86400; i++) {
        if (!weft__byte_is(h->value.ptr[i], WEFT__DIGIT)) break;
        s = s * 10 + h->value.ptr[i] - '0';
    }
    return (int)(s > 1 ? (s - 1) * 1000 : s * 250);
}

/* Into the arena, in two pieces: the list, and the head's bytes with a NUL behind each name and
 * value, where a colon or the end of a line was. */
static int headers_copy(weft__call *c, weft__answer *a, const weft__http_head *head, weft_str bytes)
{
    if (!head->count) return 0;
    weft_arena *arena = weft__arena_here();
    weft_header *to = weft__arena_alloc(arena, head->count * sizeof *to);
    char *copy = weft__arena_alloc(arena, bytes.len);
    if (!to || !copy) return no_memory(c);
    memcpy(copy, bytes.ptr, bytes.len);
    for (unsigned i = 0; i < head->count; i++) {
        const weft__http_header *h = &head->headers[i];
        char *name = copy + (h->name.ptr - bytes.ptr), *value = copy + (h->value.ptr - bytes.ptr);
        name[h->name.len] = 0;
        value[h->value.len] = 0;
        to[i] = (weft_header){ { name, h->name.len }, { value, h->value.len } };
    }
    a->headers = to;
    a->header_count = head->count;
    return 0;
}

INLINED int head_done(weft__call *c, weft__answer *a, const weft__http_head *head, weft_str bytes)
{
    int keep_ms = head->keep_alive ? keep_ms_of(head) : 0;
    a->status = head->status;
    a->reusable = keep_ms > 0 && !c->cut_short;
    a->keep_ms = keep_ms;
    if (__builtin_expect(head->status >= 300 && head->status < 400, 0)) {
        const weft__http_header *h = weft__http_find(head, WEFT_S("location"), NULL);
        if (h) a->location = weft__arena_dup(weft__arena_here(), h->value);
    }
    return a->kept_headers ? headers_copy(c, a, head, bytes) : 0;
}

static int interim_refused(weft__call *c, int status, int *interim)
{
    if (status == 101) {
        return weft__call_fail(c, WEFT_EPROTO,
            "answered 101 Switching Protocols, which nobody asked for");
    }
    if (++*interim <= WEFT__CALL_INTERIM_MAX) return 0;
    return weft__call_fail(c, WEFT_ELIMIT, "answered more than %d interim (1xx) heads (limit)",
        WEFT__CALL_INTERIM_MAX);
}

/* The final head at the start of *come, past interim ones; *come then begins with the body. Its
 * length when it is there, 0 when more is needed, < 0 recorded. */
static int head_parse(weft__call *c, weft__http_head *head, weft_str *come, size_t *scanned,
    int *interim)
{
    static const weft__http_limits limits = { .head_bytes_max = WEFT__CALL_HEAD_MAX };
    bool to_head = c->method[0] == 'H';
    for (;;) {
        int n = weft__http_parse_response(come->ptr, come->len, scanned, to_head, &limits, head);
        if (n < 0) return head_refused(c, head);
        if (n == 0) return 0;
        *come = (weft_str){ come->ptr + n, come->len - (size_t)n };
        if (__builtin_expect(head->status >= 200, 1)) return n;
        int rc = interim_refused(c, head->status, interim);
        if (rc < 0) return rc;
    }
}

static int ended_early(weft__call *c, size_t came)
{
    const char *how = weft__call_how_it_ended(c);
    long long ms = weft__call_ms(c);
    if (!came) {
        return weft__call_fail(c, WEFT_ECONNRESET, "%s without an answer after %lld ms", how, ms);
    }
    return weft__call_fail(c, WEFT_ECONNRESET,
        "%s in the middle of the answer's head, after %zu bytes and %lld ms", how, came, ms);
}

/* Gather the head in a->head: it did not come at once. As head_parse, but never 0. Interim heads
 * that are done with take no room from the next. */
static int head_gather(weft__call *c, weft__answer *a, weft__http_head *head, weft_str *come,
    size_t scanned, int interim)
{
    size_t came = come->len;
    weft__buf *b = &a->head;
    weft__buf_init(b, WEFT__CALL_HEAD_MAX + WEFT__CLIENT_IN);
    weft__buf_add_str(b, *come);
    for (;;) {
        ssize_t n = weft__call_more(c, c->client->in, WEFT__CLIENT_IN, "the answer's head came");
        if (n < 0) return (int)n;
        if (n == 0) return ended_early(c, came);
        came += (size_t)n;
        weft__buf_add(b, c->client->in, (size_t)n);
        if (b->failed) return no_memory(c);
        *come = weft__buf_str(b);
        int rc = head_parse(c, head, come, &scanned, &interim);
        if (rc != 0) return rc;
        memmove(b->ptr, come->ptr, come->len);
        b->len = come->len;
    }
}

/* ---- the body ---- */

static int body_too_large(weft__call *c)
{
    return weft__call_fail(c, WEFT_ELIMIT,
        "answered a body of more than %zu bytes (body_bytes_max) after %lld ms", body_max(c),
        weft__call_ms(c));
}

/* `bytes` are good until the next wait: copied, when the answer is to be kept. */
static int body_is(weft__call *c, weft__answer *a, weft_str bytes)
{
    a->body = bytes;
    if (!a->kept) return 0;
    a->body = bytes.len ? weft__arena_dup(weft__arena_here(), bytes) : WEFT_S("");
    return a->body.ptr ? 0 : no_memory(c);
}

/* Memory for all of a body whose length is known. */
static char *body_room(weft__answer *a, size_t length)
{
    if (a->kept) return weft__arena_alloc(weft__arena_here(), length + 1);
    weft__buf_init(&a->own, length + 1);
    return weft__buf_reserve(&a->own, length + 1);
}

/* The rest goes straight to where the body is to be. */
static int length_gather(weft__call *c, weft__answer *a, weft_str come, size_t length)
{
    char *to = body_room(a, length);
    if (!to) return no_memory(c);
    memcpy(to, come.ptr, come.len);
    for (size_t have = come.len; have < length;) {
        ssize_t n = weft__call_more(c, to + have, length - have, "the body came");
        if (n < 0) return (int)n;
        if (n == 0) return weft__call_fail_cut(c, WEFT__BODY_LENGTH, have, length);
        have += (size_t)n;
    }
    to[length] = 0;
    a->body = (weft_str){ to, length };
    return 0;
}

static int body_length(weft__call *c, weft__answer *a, weft_str come, int64_t length)
{
    if ((uint64_t)length > body_max(c)) {
        return weft__call_fail(c, WEFT_ELIMIT,
            "answered a body of %lld bytes; the limit is %zu (body_bytes_max)", (long long)length,
            body_max(c));
    }
    if (come.len < (size_t)length) return length_gather(c, a, come, (size_t)length);
    /* Whatever comes behind it, nobody asked for it. */
    if (come.len > (size_t)length) a->reusable = false;
    return body_is(c, a, (weft_str){ come.ptr, (size_t)length });
}

/* Decode in place. How much of it is body; *ended when that is all. < 0 recorded. */
static ssize_t chunks_decode(weft__call *c, weft__answer *a, weft__chunk *chunk, char *bytes,
    size_t len, bool *ended)
{
    size_t out = 0;
    for (size_t at = 0;;) {
        size_t used;
        weft_str piece;
        int event = weft__chunk_next(chunk, bytes + at, len - at, &used, &piece);
        if (event < 0) return weft__call_fail_chunk(c, chunk);
        at += used;
        if (event == WEFT__CHUNK_DATA) {
            memmove(bytes + out, piece.ptr, piece.len);
            out += piece.len;
            continue;
        }
        *ended = event == WEFT__CHUNK_END;
        if (at < len) a->reusable = false;
        return (ssize_t)out;
    }
}

/* To a body whose length is not known. */
static int body_add(weft__call *c, weft__answer *a, const char *bytes, size_t n)
{
    if (n > body_max(c) - a->own.len) return body_too_large(c);
    weft__buf_add(&a->own, bytes, n);
    return a->own.failed ? no_memory(c) : 0;
}

static int body_chunked(weft__call *c, weft__answer *a, weft_str come)
{
    weft__chunk chunk = { 0 };
    bool ended = false;
    weft__call_keep_trailers(&chunk, &a->trailers);
    if (!a->kept_headers) chunk.kept = NULL;
    char *bytes = (char *)come.ptr;
    ssize_t n = chunks_decode(c, a, &chunk, bytes, come.len, &ended);
    if (ended && (size_t)n <= body_max(c)) return body_is(c, a, (weft_str){ bytes, (size_t)n });
    weft__buf_init(&a->own, body_max(c) + 1);
    for (;;) {
        int rc = n < 0 ? (int)n : body_add(c, a, bytes, (size_t)n);
        if (rc < 0) return rc;
        if (ended) return body_is(c, a, weft__buf_str(&a->own));
        bytes = c->client->in;
        n = weft__call_more(c, bytes, WEFT__CLIENT_IN, "the body came");
        if (n == 0) return weft__call_fail_cut(c, WEFT__BODY_CHUNKED, a->own.len, 0);
        if (n > 0) n = chunks_decode(c, a, &chunk, bytes, (size_t)n, &ended);
    }
}

static int body_until_close(weft__call *c, weft__answer *a, weft_str come)
{
    weft__buf_init(&a->own, body_max(c) + 1);
    int rc = body_add(c, a, come.ptr, come.len);
    while (rc == 0) {
        ssize_t n = weft__call_more(c, c->client->in, WEFT__CLIENT_IN, "the body came");
        if (n < 0) return (int)n;
        if (n == 0 && c->broken) return weft__call_fail_cut(c, WEFT__BODY_CLOSE, a->own.len, 0);
        if (n == 0) return body_is(c, a, weft__buf_str(&a->own));
        rc = body_add(c, a, c->client->in, (size_t)n);
    }
    return rc;
}

/* A length of 0 is one, too, where there could be a body. */
weft__http_body weft__answer_kind(const weft__call *c, const weft__http_head *head)
{
    bool empty = head->body == WEFT__BODY_NONE && head->content_length == 0 && !weft__http_bodiless(head->status) && strcmp(c->method, "HEAD") != 0;
    bool waits = c->conn->lane && (head->body == WEFT__BODY_LENGTH || empty) && weft__http_find(head, WEFT_S("trailer"), NULL);
    return waits ? WEFT__BODY_CLOSE : head->body;
}

static int body_read(weft__call *c, weft__answer *a, const weft__http_head *head, weft_str come)
{
    weft__http_body kind = a->kept_headers ? weft__answer_kind(c, head) : head->body;
    switch (kind) {
    case WEFT__BODY_LENGTH: return body_length(c, a, come, head->content_length);
    case WEFT__BODY_CHUNKED: return body_chunked(c, a, come);
    case WEFT__BODY_CLOSE: return body_until_close(c, a, come);
    case WEFT__BODY_NONE: break;
    }
    if (come.len) a->reusable = false;
    a->body = WEFT_S("");
    return 0;
}

/* ---- all of it ---- */

int weft__call_no_answer(weft__call *c, int rc)
{
    rc = nothing_came(c, rc, "waiting for the answer");
    if (rc < 0) return rc;
    return c->conn->used ? WEFT__CALL_STALE : ended_early(c, 0);
}

INLINED int head_read(weft__call *c, weft__answer *a, weft__http_head *head, weft_str *come)
{
    size_t scanned = 0;
    int interim = 0, rc = head_parse(c, head, come, &scanned, &interim);
    if (rc == 0) rc = head_gather(c, a, head, come, scanned, interim);
    if (rc < 0) return rc;
    return head_done(c, a, head, (weft_str){ come->ptr - rc, (size_t)rc });
}

static bool whole(const weft__http_head *head, size_t come)
{
    return head->body == WEFT__BODY_NONE
        || (head->body == WEFT__BODY_LENGTH && (uint64_t)head->content_length <= come);
}

int weft__answer_now(weft__call *c, weft__answer *a)
{
    weft__http_head head = { .headers = c->client->headers, .room = WEFT__CLIENT_HEADERS };
    weft_str come = { c->client->in, c->came };
    size_t scanned = 0;
    int interim = 0, n = head_parse(c, &head, &come, &scanned, &interim);
    if (n < 0) return n;
    if (n == 0 || !whole(&head, come.len)) return WEFT__CALL_MORE;
    int rc = head_done(c, a, &head, (weft_str){ come.ptr - n, (size_t)n });
    return rc < 0 ? rc : body_read(c, a, &head, come);
}

int weft__answer_head(weft__call *c, weft__answer *a, weft__http_head *head, weft_str *come)
{
    *head = (weft__http_head){ .headers = c->client->headers, .room = WEFT__CLIENT_HEADERS };
    *come = (weft_str){ c->client->in, c->came };
    return head_read(c, a, head, come);
}

int weft__answer_read(weft__call *c, weft__answer *a)
{
    weft__http_head head = { .headers = c->client->headers, .room = WEFT__CLIENT_HEADERS };
    weft_str come = { c->client->in, c->came };
    int rc = head_read(c, a, &head, &come);
    if (rc >= 0) rc = body_read(c, a, &head, come);
    if (rc == 0 && a->kept_headers && c->conn->lane) weft__call_lane_trailers(c, &a->trailers);
    return rc;
}

void weft__answer_free(weft__answer *a)
{
    weft__buf_free(&a->head);
    weft__buf_free(&a->own);
    weft__buf_free(&a->trailers);
}
