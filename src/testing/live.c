#define _GNU_SOURCE
/* Answers that a test reads piece by piece, while the application serves on. */
#include <stdlib.h>
#include <string.h>
#include "io/stream.h"
#include "testing/client.h"
#include "wire/chunk.h"
#include "wire/http1.h"

enum { BYTES_MAX = 64 << 20, HEADERS_MAX = 128, READ_BYTES = 16 * 1024 };

struct weft_test_stream {
    weft_test_stream *next;
    const weft_app *app;
    weft_response head;
    weft__stream stream;
    weft__buf in, text;              /* bytes that came and were not read; of events that have not ended */
    weft__http_body body;
    weft__chunk chunk;
    int64_t left;                    /* of a body with a length */
    int over;                        /* 0: it goes on; 1: it has ended; < 0: it broke off */
    bool open;
};

static weft_test_stream *all;        /* of this test */

static void drop(weft__buf *b, size_t n)
{
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}

/* ---- in the task that does what the test asks for ---- */

/* > 0; 0: it has ended; < 0. */
static int more(weft_test_stream *s)
{
    char *to = weft__buf_reserve(&s->in, READ_BYTES);
    if (!to) return WEFT_ENOMEM;
    ssize_t n = weft__stream_recv(&s->stream, to, READ_BYTES, INT64_MAX);
    if (n > 0) s->in.len += (size_t)n;
    return n > 0 ? 1 : (int)n;
}

static void keep_head(weft_test_stream *s, const weft__http_head *head)
{
    weft_arena *a = weft__test_arena();
    weft_header *headers = weft__arena_alloc(a, (head->count + 1) * sizeof *headers);
    WEFT_NEED(headers != NULL);
    for (unsigned i = 0; i < head->count; i++)
        headers[i] = (weft_header){ weft__arena_dup(a, head->headers[i].name), weft__arena_dup(a, head->headers[i].value) };
    s->head = (weft_response){ .status = head->status, .body = { "", 0 }, .headers = headers, .header_count = head->count };
    s->body = head->body;
    s->left = head->body == WEFT__BODY_LENGTH ? head->content_length : 0;
    if (head->body == WEFT__BODY_NONE || (head->body == WEFT__BODY_LENGTH && !s->left)) s->over = 1;
}

/* 1 when the head is there, 0 when more is needed, < 0 when it is none. */
static int read_head(weft_test_stream *s, bool to_head)
{
    weft__http_header headers[HEADERS_MAX];
    weft__http_limits limits = { .head_bytes_max = 1 << 20, .target_bytes_max = 1 << 20 };
    for (;;) {
        weft__http_head head = { .headers = headers, .room = HEADERS_MAX };
        size_t scanned = 0;
        int n = s->in.len ? weft__http_parse_response(s->in.ptr, s->in.len, &scanned, to_head, &limits, &head) : 0;
        if (n <= 0) return n;
        if (head.status >= 200) keep_head(s, &head);
        drop(&s->in, (size_t)n);
        if (head.status >= 200) return 1;
    }
}

typedef struct opening { weft_test_stream *s; weft_str bytes; const int *port; bool to_head; } opening;

static int open_it(const opening *in)
{
    weft_test_stream *s = in->s;
    weft__addr to;
    struct iovec iov = { (void *)(uintptr_t)in->bytes.ptr, in->bytes.len };
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), *in->port, &to));
    WEFT_TRY(weft__stream_connect(&s->stream, weft__loop_here(), &to, INT64_MAX));
    s->open = true;
    WEFT_TRY(weft__stream_send(&s->stream, &iov, 1, INT64_MAX));
    for (int rc; (rc = read_head(s, in->to_head)) != 1;) {
        if (rc == 0) rc = more(s);
        if (rc <= 0) return rc < 0 ? rc : WEFT_EOF;
    }
    return 0;
}

/* What is there of the body; len 0: nothing yet. 1; 0 at its end; < 0 when it is none. */
static int take(weft_test_stream *s, weft_str *out)
{
    size_t used;
    *out = weft__buf_str(&s->in);
    if (s->body == WEFT__BODY_LENGTH && out->len > (uint64_t)s->left) out->len = (size_t)s->left;
    if (s->body == WEFT__BODY_LENGTH) s->left -= (int64_t)out->len;
    if (s->body != WEFT__BODY_CHUNKED) {
        *out = weft__arena_dup(weft__test_arena(), *out);
        drop(&s->in, out->len);
        return s->body == WEFT__BODY_LENGTH && !s->left && !out->len ? 0 : 1;
    }
    for (;;) {
        int event = weft__chunk_next(&s->chunk, s->in.ptr, s->in.len, &used, out);
        if (event == WEFT__CHUNK_DATA) *out = weft__arena_dup(weft__test_arena(), *out);
        else out->len = 0;
        if (event >= 0) drop(&s->in, used);
        if (event == WEFT__CHUNK_DATA && !out->len) continue;
        return event == WEFT__CHUNK_END ? 0 : event < 0 ? event : 1;
    }
}

typedef struct reading { weft_test_stream *s; int within_ms; } reading;

static int read_it(const reading *in, weft_str *out)
{
    weft_test_stream *s = in->s;
    WEFT_SCOPE(patience, .timeout_ms = in->within_ms);
    for (;;) {
        int rc = take(s, out);
        if (rc == 0) s->over = 1;
        if (rc < 0) s->over = WEFT_EPROTO;
        if (rc <= 0 || out->len) return rc;
        rc = more(s);
        if (rc > 0) continue;
        if (rc == WEFT_ETIMEDOUT || rc == WEFT_ECANCELED) return rc;
        s->over = rc == 0 && s->body == WEFT__BODY_CLOSE ? 1 : WEFT_ECONNRESET;
        return s->over == 1 ? 0 : s->over;
    }
}

static int close_it(weft_test_stream *const *s)
{
    weft__stream_close(&(*s)->stream);
    return 0;
}

static int sleep_it(const int *ms) { return weft_sleep_ms(*ms); }

/* ---- weft/test.h ---- */

weft_test_stream *weft_test_open_with(const weft_app *app, const char *method, const char *path, const weft_header *headers, size_t count,
    const char *body)
{
    weft_test_stream *s = weft__arena_zalloc(weft__test_arena(), sizeof *s);
    weft_str text = weft_str_of(body);
    weft__buf request;
    int port = 0;
    WEFT_NEED(s != NULL);
    s->next = all;
    all = s;
    s->app = app;
    s->stream.fd = -1;
    s->over = WEFT_ECONNRESET;
    weft__buf_init(&s->in, BYTES_MAX);
    weft__buf_init(&s->text, BYTES_MAX);
    weft__buf_init(&request, BYTES_MAX);
    int rc = weft__test_request(&request, app, method, path, headers, count, body ? &text : NULL);
    weft__live_begin();
    if (rc == 0) {
        s->over = 0;
        opening how = { s, weft__buf_str(&request), &port, strcmp(method, "HEAD") == 0 };
        rc = weft__live_call(app, &weft_call(open_it, &how), &port);
    }
    weft__buf_free(&request);
    if (rc < 0) s->over = WEFT_ECONNRESET;
    if (rc < 0) weft__check_fail("weft_test", 0, "%s %.200s: was not answered, or not in HTTP: %s", method, path, weft_error_of(rc)->text);
    else weft__test_keep_cookies(app, path, &s->head);
    return s;
}

weft_test_stream *weft_test_open(const weft_app *app, const char *path) { return weft_test_open_with(app, "GET", path, NULL, 0, NULL); }
const weft_response *weft_test_head(const weft_test_stream *s) { return &s->head; }

int weft_test_read_with(weft_test_stream *s, weft_str *out, const weft_test_read_opts *opts)
{
    int port;
    *out = (weft_str){ "", 0 };
    if (s->over == 1) return 0;
    if (s->over < 0 || !weft__live()) return WEFT_ECONNRESET;
    return weft__live_call(s->app, &weft_call(read_it, (&(reading){ s, opts->within_ms }), out), &port);
}

/* ---- events. HTML Living Standard, 9.2.6, for those that end in "\n" ---- */

static void add_line(weft_test_message *m, weft_str line, weft__buf *data)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    size_t n = colon ? (size_t)(colon - line.ptr) : line.len;
    weft_str name = { line.ptr, n }, value = { colon ? colon + 1 : "", colon ? line.len - n - 1 : 0 };
    if (value.len && *value.ptr == ' ') value = (weft_str){ value.ptr + 1, value.len - 1 };
    if (weft_str_equal(name, WEFT_S("data"))) {
        weft__buf_add_str(data, value);
        weft__buf_add_char(data, '\n');
    }
    if (weft_str_equal(name, WEFT_S("event"))) m->type = value;
    if (weft_str_equal(name, WEFT_S("id"))) m->id = value;
    if (weft_str_equal(name, WEFT_S("retry"))) m->retry_ms = strtoll(value.ptr, NULL, 10);
}

/* One whole block off the text; false: it has none that says anything. */
static bool event_next(weft__buf *text, weft_test_message *out)
{
    for (const char *end; text->len && (end = memmem(text->ptr, text->len, "\n\n", 2));) {
        weft_str block = weft__arena_dup(weft__test_arena(), (weft_str){ text->ptr, (size_t)(end - text->ptr) });
        weft__buf data;
        weft__buf_init(&data, BYTES_MAX);
        drop(text, block.len + 2);
        *out = (weft_test_message){ .type = WEFT_S("message"), .data = WEFT_S(""), .id = WEFT_S("") };
        while (block.len) {
            const char *stop = memchr(block.ptr, '\n', block.len);
            weft_str line = { block.ptr, stop ? (size_t)(stop - block.ptr) : block.len };
            block = stop ? (weft_str){ stop + 1, block.len - line.len - 1 } : (weft_str){ "", 0 };
            add_line(out, line, &data);
        }
        bool says = data.len || out->retry_ms || out->id.len;
        if (data.len) out->data = weft__arena_dup(weft__test_arena(), (weft_str){ data.ptr, data.len - 1 });
        weft__buf_free(&data);
        if (says) return true;
    }
    return false;
}

int weft_test_event_with(weft_test_stream *s, weft_test_message *out, const weft_test_read_opts *opts)
{
    while (!event_next(&s->text, out)) {
        weft_str piece;
        int rc = weft_test_read_with(s, &piece, opts);
        if (rc <= 0) return rc;
        weft__buf_add_str(&s->text, piece);
    }
    return 1;
}

void weft_test_leave(weft_test_stream *s)
{
    int port;
    weft__buf_free(&s->in);
    weft__buf_free(&s->text);
    if (s->over == 0) s->over = WEFT_ECONNRESET;
    if (s->open && !weft__live()) weft__stream_close(&s->stream);
    if (s->open && weft__live()) {
        (void)weft__live_call(s->app, &weft_call(close_it, (&(weft_test_stream *const){ s })), &port);
        weft__live_end();
    }
    s->open = false;
}

void weft__live_leave_all(void)
{
    for (; all; all = all->next) weft_test_leave(all);
    weft__test_ws_leave_all();
}

void weft_test_serve(void) { weft__live_begin(); }

void weft_test_sleep(int ms)
{
    int rc = weft_test_run(sleep_it, &ms);
    if (rc < 0) weft__check_fail("weft_test", 0, "weft_test_sleep: %s", weft_error_of(rc)->text);
}
