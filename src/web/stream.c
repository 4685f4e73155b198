/* A handler that writes its answer while it runs. */
#include "web/stream.h"
#include <string.h>
#include "io/log.h"
#include "model/json.h"
#include "task/job.h"
#include "web/background.h"
#include "web/provider.h"
#include "web/ws.h"
#include "weft/web.h"

enum { TEXT_BYTES_MAX = 16 << 20, TEXT_KEPT = 64 * 1024 };

const weft_schema weft_schema_weft_stream = {
    .name = "weft_stream", .kind = WEFT__special, .size = sizeof(weft_stream)
};

static const weft_str bytes_type = WEFT_S("application/octet-stream");
static const weft_str lines_type = WEFT_S("application/jsonl");
static const weft_str events_type = WEFT_S("text/event-stream");

static const char has_left[] = "the client has left";

static bool is_events(const weft__endpoint *e) { return e->answer == WEFT__ANSWER_EVENTS; }

/* ---- the head ---- */

/* Nobody takes the answer: that ends the handler, unless its route says that it goes on without a client. */
static int nobody_there(weft_stream *s, int rc, const char *why)
{
    s->failed = rc;
    if (!s->endpoint->route->keep_when_client_leaves) weft_cancel(s->scope);
    return weft__fail_as(NULL, rc, 0, "%s", why);
}

static int begin_failed(weft_stream *s, int rc)
{
    if (rc == WEFT_ECONNRESET) return nobody_there(s, rc, has_left);
    return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for the head of the answer (request_bytes_max is %zu)",
        s->exchange->arena->bytes_max);
}

/* Whoever asks for the head alone wants nothing of what follows. */
static void head_is_all(weft_stream *s)
{
    if (s->scope) weft_cancel(s->scope);
}

int weft__stream_begin(weft_stream *s, weft_str type)
{
    weft__exchange *x = s->exchange;
    weft_reply *r = &s->reply;
    if (weft__exchange_begun(x)) return 0;
    if (r->has_body) return weft_fail(WEFT_EINVAL, "a part is written, but the body was set by a weft_reply function");
    int status = r->status ? r->status : s->endpoint->status;
    bool bare = weft__http_bodiless(status);
    if (r->content_type.len) type = r->content_type;
    weft_str more = is_events(s->endpoint) ? weft__events_lines((weft_events *)s) : weft__trailers_line(s);
    weft_str lines = weft__reply_lines(x->arena, r, bare ? (weft_str){ 0 } : type, more);
    int rc = lines.ptr ? weft__exchange_begin(x, status, lines, s->length) : WEFT_ENOMEM;
    if (rc < 0) return begin_failed(s, rc);
    r->sent = true;
    if (weft__exchange_is_bare(x)) head_is_all(s);
    else if (is_events(s->endpoint)) weft__events_begin((weft_events *)s);
    return 0;
}

weft_reply *weft_stream_reply(weft_stream *s) { return &s->reply; }

int weft_stream_length(weft_stream *s, int64_t bytes)
{
    if (bytes < 0) return weft_fail(WEFT_EINVAL, "weft_stream_length: %lld bytes", (long long)bytes);
    if (s->reply.sent) return weft_fail(WEFT_EINVAL, "weft_stream_length: the head of the answer has been sent");
    s->length = bytes;
    return 0;
}

/* ---- parts ---- */

static int write_failed(weft_stream *s, int rc)
{
    int cut = weft__cancelled();
    if (rc == WEFT_EINVAL)
        return weft_fail(rc, "more is written than the %lld bytes that weft_stream_length said", (long long)s->length);
    if (cut) return cut;
    if (rc == WEFT_ETIMEDOUT) return nobody_there(s, rc, "the client took nothing of the answer for write_timeout_ms");
    return nobody_there(s, rc, rc == WEFT_ECONNRESET ? has_left : "no memory for a part of the answer");
}

/* Something found no room and was left out: what is made of it must not be sent. */
static int gave_out(const weft_stream *s)
{
    const weft_arena *here = weft__arena_here(), *whole = s->exchange->arena;
    if (!here->lost && !whole->lost) return 0;
    if (!here->exceeded && !whole->exceeded) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory left");
    return weft__fail_as(NULL, WEFT_ELIMIT, 0, "it needs more memory than request_bytes_max, %zu bytes", whole->bytes_max);
}

static int enter(weft_stream *s, const char *call)
{
    if (!weft__self()) return weft__no_task(call);
    if (s->writing)
        return weft__fail_as(NULL, WEFT_EBUSY, 0, "task %s writes to this answer already, and one at a time may", s->writing);
    int rc = weft__checkpoint();
    if (rc == 0) rc = gave_out(s);
    if (rc < 0) return rc;
    s->writing = weft_task_name(weft_task_self());
    return 0;
}

static int leave(weft_stream *s, int rc)
{
    s->writing = NULL;
    return rc;
}

static int put(weft_stream *s, weft_str bytes)
{
    int rc = weft__exchange_write(s->exchange, bytes);
    if (rc < 0) return write_failed(s, rc);
    s->written += bytes.len;
    return 0;
}

int weft_write(weft_stream *s, weft_str bytes)
{
    int rc = enter(s, "weft_write");
    if (rc < 0) return rc;
    rc = weft__stream_begin(s, bytes_type);
    return leave(s, rc < 0 ? rc : put(s, bytes));
}

/* ---- items ---- */

int weft__stream_take(weft_stream *s)
{
    int rc = enter(s, "a write to an answer");
    if (rc < 0) return rc;
    if (!s->text.bytes_max) weft__buf_init(&s->text, TEXT_BYTES_MAX);
    weft__buf_clear(&s->text);
    return 0;
}

int weft__stream_give(weft_stream *s, int rc)
{
    if (rc == 0 && s->text.failed)
        rc = weft__fail_as(NULL, s->text.failed, 0, "%s", s->text.failed == WEFT_ENOMEM
            ? "no memory for a part of the answer" : "an item of the answer is larger than 16 MiB");
    if (rc == 0) rc = weft__stream_begin(s, is_events(s->endpoint) ? events_type : lines_type);
    if (rc == 0) rc = put(s, weft__buf_str(&s->text));
    if (s->text.room > TEXT_KEPT) weft__buf_free(&s->text);      /* the next one may be long in coming */
    return leave(s, rc);
}

/* What a program gives as JSON (a weft_json) may have lines of its own, between its values: in its texts they are escaped. */
static void blank(char *at, const char *end, char what)
{
    while (at < end && (at = memchr(at, what, (size_t)(end - at)))) *at++ = ' ';
}

int weft__stream_json(weft_stream *s, const weft_schema *schema, const void *value)
{
    weft__fault fault = { "" };
    size_t from = s->text.len;
    int rc = weft__json_write(schema, value, &s->text, &fault);
    if (rc == 0 && !s->text.failed) {
        const char *end = s->text.ptr + s->text.len;
        blank(s->text.ptr + from, end, '\n');
        blank(s->text.ptr + from, end, '\r');
    }
    if (rc == 0) return 0;
    return weft__fail_as(NULL, rc, 0, "an item cannot be written as JSON: %s", fault.text[0] ? fault.text : "no memory");
}

int weft_write_item_with(weft_stream *s, const weft_schema *schema, const void *value)
{
    int rc = weft__stream_take(s);
    if (rc < 0) return rc;
    rc = weft__stream_json(s, schema, value);
    if (rc == 0) weft__buf_add_char(&s->text, '\n');
    return weft__stream_give(s, rc);
}

/* ---- one request ---- */

weft_reply *weft__stream_init(const weft__endpoint *e, weft__exchange *x, void *out)
{
    weft_stream *s = out;
    if (e->answer == WEFT__ANSWER_WS) return weft__ws_init(e, x, out);
    s->exchange = x;
    s->endpoint = e;
    s->length = -1;
    if (is_events(e)) weft__events_init(out, x);
    return &s->reply;
}

weft_str weft__stream_type(const weft__endpoint *e)
{
    if (e->answer == WEFT__ANSWER_WS) return (weft_str){ "", 0 };
    return is_events(e) ? events_type : bytes_type;
}

/* Apart: its text is not to lie beneath a handler that waits. */
static __attribute__((noinline)) void say(const weft_stream *s, const char *why, const char *trace)
{
    char line[1024];
    trace = weft__failure_trace(trace, line, sizeof line);
    weft__log(WEFT_LOG_ERROR, "%.*s: broke off after %llu bytes: %s%s%s%s", WEFT_FMT(s->endpoint->name),
        (unsigned long long)s->written, why, *trace ? " [" : "", trace, *trace ? "]" : "");
}

/* A client that has left, or takes nothing, and a server that stops are nobody's fault. */
static void say_failure(const weft_stream *s, int rc, bool late)
{
    const weft_error *error = weft_error_of(rc);
    bool abandoned = rc == WEFT_ECANCELED && weft__cancelled();
    if (late) say(s, "its handler did not end within timeout_ms", "");
    else if (rc > 0) say(s, "its handler returned a positive number; expected 0 or what weft_fail returns", "");
    else if (!abandoned && (!s->failed || s->failed == WEFT_ENOMEM)) say(s, error->text, error->trace);
}

static void end_failed(const weft_stream *s, int rc)
{
    s->exchange->failed = rc;
    say(s, rc == WEFT_EINVAL ? "weft_stream_length said that there are more" : "no memory left for its end", "");
}

/* Whoever waits for its trailers is not to take it for whole. */
static void end_without(weft_stream *s)
{
    s->exchange->failed = WEFT_ENOMEM;
    say(s, "no memory left for its trailers", "");
    weft__exchange_break(s->exchange);
}

static void end_begun(weft_stream *s, int rc, bool late)
{
    weft__exchange *x = s->exchange;
    if (rc != 0) weft__background_drop(&x->afterwards);
    if (weft__exchange_is_bare(x)) return;
    bool stopped = is_events(s->endpoint) && rc == WEFT_ECANCELED && weft__exchange_stops(x);
    if (rc == 0 && x->arena->lost) {
        say(s, x->arena->exceeded ? "it needs more memory than request_bytes_max" : "no memory left", "");
        rc = WEFT_ENOMEM;
    } else if (rc != 0 && !stopped) {
        say_failure(s, rc, late);
    }
    if (rc != 0 && !stopped) x->failed = rc < 0 ? rc : WEFT_EINVAL;
    if (rc != 0 && !stopped) weft__exchange_break(x);
    else if (rc == 0 && weft__trailers_end(s) < 0) end_without(s);
    else if ((rc = weft__exchange_end(x)) < 0) end_failed(s, rc);
}

/* A handler that returned 0 without a write: events are events all the same, and what was announced must come. */
static int end_unwritten(weft_stream *s)
{
    weft_reply *r = &s->reply;
    if (r->has_body || s->exchange->arena->lost) return 0;
    if (is_events(s->endpoint) && !(r->status ? r->status == 204 : s->endpoint->status == 204))
        return weft__stream_begin(s, events_type);
    if (s->trailers) return weft__stream_begin(s, bytes_type);
    if (s->length <= 0) return 0;
    return weft_fail(WEFT_EINVAL, "weft_stream_length said %lld bytes, and none was written", (long long)s->length);
}

static __attribute__((noinline)) bool run(
    const weft__endpoint *e, const void *in, void *out, int timeout_ms, weft__given *given, int *rc, bool *late)
{
    weft_stream *s = out;
    {
        WEFT_SCOPE(handler, .timeout_ms = timeout_ms);
        s->scope = handler;
        if (is_events(e)) weft__exchange_until_stop(s->exchange);
        *rc = weft__endpoint_run(e, in, out);
        *late = *rc == WEFT_ETIMEDOUT && weft_scope_caught(handler) && !s->failed;
        if (given) {
            *rc = weft__given_close(given, weft__given_outcome(given, *rc, *late));
            *late = false;
        }
        if (*rc == 0 && !weft__exchange_begun(s->exchange)) *rc = end_unwritten(s);
    }
    if (is_events(e)) weft__events_end(out);
    weft__buf_free(&s->text);
    if (!weft__exchange_begun(s->exchange)) return false;
    end_begun(s, *rc, *late);
    return true;
}

/* Nothing of this one stays on the stack below a WebSocket's handler. */
bool weft__stream_run(const weft__endpoint *e, const void *in, void *out, int timeout_ms, weft__given *given, int *rc, bool *late)
{
    if (e->answer == WEFT__ANSWER_WS) return weft__ws_run(e, in, out, timeout_ms, given, rc, late);
    return run(e, in, out, timeout_ms, given, rc, late);
}
