/* One connection of a test's: bytes out, an answer back. */
#include <string.h>
#include "io/stream.h"
#include "testing/client.h"
#include "wire/chunk.h"
#include "wire/http1.h"
#include "wire/trailer.h"

enum { ANSWER_BYTES_MAX = 64 << 20, ANSWER_HEADERS_MAX = 128 };

static int64_t now_ns(void)
{
    weft__os *os = weft__test_os();
    return os->ops->now_ns(os);
}

typedef struct client {
    weft__shot *shot;
    weft__buf in;                    /* all bytes that came */
    weft__stream stream;
} client;

static void keep_trailers(client *c, weft_str lines)
{
    weft_arena *a = weft__test_arena();
    weft_str rest = lines, name, value;
    size_t n = 0;
    while (weft__trailer_next(&rest, &name, &value)) n++;
    weft_header *trailers = n ? weft__arena_alloc(a, n * sizeof *trailers) : NULL;
    for (size_t i = 0; trailers && i < n && weft__trailer_next(&lines, &name, &value); i++)
        trailers[i] = (weft_header){ weft__arena_dup(a, name), weft__arena_dup(a, value) };
    c->shot->answer.trailers = trailers;
    c->shot->answer.trailer_count = trailers ? n : 0;
}

static bool keep_answer(client *c, const weft__http_head *head, weft_str body, weft_str trailers)
{
    weft_arena *a = weft__test_arena();
    weft_header *headers = weft__arena_alloc(a, (head->count + 1) * sizeof *headers);
    body = weft__arena_dup(a, body);
    for (unsigned i = 0; headers && i < head->count; i++)
        headers[i] = (weft_header){ weft__arena_dup(a, head->headers[i].name),
            weft__arena_dup(a, head->headers[i].value) };
    c->shot->answer = (weft_response){ .status = head->status, .body = body, .headers = headers, .header_count = head->count };
    keep_trailers(c, trailers);
    WEFT_NEED(headers && body.ptr && !a->exceeded && !a->starved);
    return true;
}

/* The body, when all of it is there: 1; 0 when more is needed, < 0 when it is none. */
static int whole_body(
    const weft__http_head *head, weft_str rest, bool ended, weft__buf *joined, weft__buf *trailers, weft_str *body)
{
    *body = rest;
    if (head->body == WEFT__BODY_NONE) body->len = 0;
    if (head->body == WEFT__BODY_CLOSE) return ended;
    if (head->body == WEFT__BODY_LENGTH) {
        body->len = (size_t)head->content_length;
        return rest.len >= body->len;
    }
    weft__chunk chunk = { .kept = trailers };
    for (int event = WEFT__CHUNK_DATA;
         head->body == WEFT__BODY_CHUNKED && event != WEFT__CHUNK_END;) {
        size_t used;
        weft_str piece;
        event = weft__chunk_next(&chunk, rest.ptr, rest.len, &used, &piece);
        if (event <= 0) return event;
        if (event == WEFT__CHUNK_DATA) weft__buf_add_str(joined, piece);
        rest = (weft_str){ rest.ptr + used, rest.len - used };
        *body = weft__buf_str(joined);
    }
    return 1;
}

/* 1 when the answer is complete, 0 when more bytes are needed, < 0 when they are no HTTP. */
static int read_answer(client *c, bool ended)
{
    weft__http_header headers[ANSWER_HEADERS_MAX];
    weft__http_limits limits = { .head_bytes_max = 1 << 20, .target_bytes_max = 1 << 20 };
    for (weft_str rest = weft__buf_str(&c->in);;) {
        weft__http_head head = { .headers = headers, .room = ANSWER_HEADERS_MAX };
        size_t scanned = 0;
        weft__buf joined, trailers;
        weft_str body;
        int n = weft__http_parse_response(
            rest.ptr, rest.len, &scanned, c->shot->to_head, &limits, &head);
        if (n <= 0) return n;
        rest = (weft_str){ rest.ptr + n, rest.len - (size_t)n };
        if (head.status < 200 && head.status != 101) continue;
        weft__buf_init(&joined, ANSWER_BYTES_MAX);
        weft__buf_init(&trailers, ANSWER_BYTES_MAX);
        int rc = whole_body(&head, rest, ended, &joined, &trailers, &body);
        if (rc == 1) keep_answer(c, &head, body, weft__buf_str(&trailers));
        weft__buf_free(&trailers);
        weft__buf_free(&joined);
        return rc;
    }
}

static int receive(client *c)
{
    for (;;) {
        char *to = weft__buf_reserve(&c->in, 16 * 1024);
        if (!to) return c->in.failed;
        ssize_t n = weft__stream_recv(&c->stream, to, 16 * 1024, INT64_MAX);
        if (n < 0) return (int)n;
        c->in.len += (size_t)n;
        int rc = read_answer(c, n == 0);
        if (rc) return rc;
        if (n == 0) return WEFT_EOF;
    }
}

static int talk(client *c, int port)
{
    weft__addr to;
    struct iovec iov = { (void *)(uintptr_t)c->shot->bytes.ptr, c->shot->bytes.len };
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), port, &to));
    WEFT_TRY(weft__stream_connect(&c->stream, weft__test_loop(), &to, INT64_MAX));
    int sent = weft__stream_send(&c->stream, &iov, 1, INT64_MAX);
    bool left = sent == WEFT_ECANCELED || sent == WEFT_ETIMEDOUT;
    int rc = left ? sent : receive(c);       /* who refuses a body may have answered */
    return rc > 0 ? 0 : rc;
}

int weft__shot_go(const weft__going *in)
{
    client c = { .shot = in->shot, .stream = { .fd = -1 } };
    weft__buf_init(&c.in, ANSWER_BYTES_MAX);
    if (in->shot->start_ms) WEFT_TRY(weft_sleep_ms(in->shot->start_ms));
    int64_t began = now_ns();
    {
        WEFT_SCOPE(patience, .timeout_ms = in->shot->leave_ms);
        (void)talk(&c, in->port);
        weft__stream_close(&c.stream);
    }
    in->shot->took_ms = (now_ns() - began) / 1000000;
    weft__buf_free(&c.in);
    return 0;
}

