#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "http/client.h"
#include "io/trace.h"
#include "wire/bytes.h"
#include "wire/number.h"

/* ---- options ---- */

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

static bool method_known(const char *method)
{
    for (size_t i = 0; i < weft_count(methods); i++) {
        if (strcmp(methods[i], method) == 0) return true;
    }
    return false;
}

/* Headers that say how the message is framed, or that the client writes itself. */
static bool header_is_ours(weft_str name)
{
    static const char *const ours[] = { "Host", "Content-Length", "Content-Type", "Connection",
        "User-Agent", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Expect" };
    for (size_t i = 0; i < weft_count(ours); i++) {
        if (weft__same_nocase(weft_str_of(ours[i]), name)) return true;
    }
    return false;
}

static int header_check(weft__call *c, const weft_header *h)
{
    if (!weft__http_name_valid(h->name)) {
        return weft__call_fail(c, WEFT_EINVAL,
            "a header's name must be letters, digits and -_.!#$%%&'*+^`|~, not \"%.*s\"",
            WEFT_FMT(h->name));
    }
    if (!weft__http_value_valid(h->value)) {
        return weft__call_fail(c, WEFT_EINVAL,
            "the value of header %.*s holds a control character", WEFT_FMT(h->name));
    }
    if (!header_is_ours(h->name)) return 0;
    return weft__call_fail(c, WEFT_EINVAL, "header %.*s is written by the client itself",
        WEFT_FMT(h->name));
}

/* What a plain fetch says is right. */
static bool plain(const weft_exchange_opts *o)
{
    return !o->method && !o->content_type && !o->header_count && !o->trailer_count;
}

int weft__call_check(weft__call *c)
{
    const weft_exchange_opts *o = c->opts;
    if (plain(o)) return 0;
    if (!method_known(c->method)) {
        return weft__call_fail(c, WEFT_EINVAL,
            "the method must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS");
    }
    if (o->content_type && !weft__http_value_valid(weft_str_of(o->content_type))) {
        return weft__call_fail(c, WEFT_EINVAL, "content_type holds a control character");
    }
    for (size_t i = 0; i < o->header_count; i++) {
        int rc = header_check(c, &o->headers[i]);
        if (rc < 0) return rc;
    }
    return o->trailer_count ? weft__call_check_trailers(c) : 0;
}

/* ---- the URL ---- */

enum { NUMBER_MAX = 32 };
typedef struct value_texts {
    weft_str text[WEFT__CALL_VALUES_MAX];
    char room[WEFT__CALL_VALUES_MAX][NUMBER_MAX];
} value_texts;

static weft_str value_text(const weft_val *v, char room[NUMBER_MAX])
{
    switch (v->kind) {
    case WEFT__VAL_INT: return (weft_str){ room, weft__int64_write(room, v->i) };
    case WEFT__VAL_UINT: return (weft_str){ room, (size_t)snprintf(room, NUMBER_MAX, "%" PRIu64, v->u) };
    case WEFT__VAL_BOOL: return v->i ? WEFT_S("true") : WEFT_S("false");
    case WEFT__VAL_DOUBLE: return (weft_str){ room, weft__double_write(room, v->d) };
    default: return v->s;
    }
}

static int faulty(char fault[WEFT__URL_FAULT], const char *text)
{
    snprintf(fault, WEFT__URL_FAULT, "%s", text);
    return WEFT_EINVAL;
}

/* 0, or WEFT_EINVAL with `fault`. */
static int url_format(const weft__call *c, weft__buf *out, char fault[WEFT__URL_FAULT])
{
    value_texts t;
    if (c->value_count > WEFT__CALL_VALUES_MAX) return faulty(fault, "more than 16 values");
    for (size_t i = 0; i < c->value_count; i++) {
        const weft_val *v = &c->values[i];
        if (v->kind == WEFT__VAL_DOUBLE && !isfinite(v->d)) {
            return faulty(fault, "a value that is no finite number");
        }
        if (v->kind > WEFT__VAL_BOOL) return faulty(fault, "a value that is for SQL alone");
        t.text[i] = value_text(v, t.room[i]);
    }
    return weft__url_format(out, c->url, t.text, c->value_count, fault);
}

int weft__url_fill(const char *url, const weft_val *values, size_t count, weft__buf *out, char fault[WEFT__URL_FAULT])
{
    const weft__call c = { .url = url, .values = values, .value_count = count };
    int rc = url_format(&c, out, fault);
    return rc < 0 || !out->failed ? rc : faulty(fault, "it is too long, or no memory is left");
}

void weft__call_url(const weft__call *c, weft__buf *out)
{
    char fault[WEFT__URL_FAULT];
    if (url_format(c, out, fault) < 0) weft__buf_add_str(out, weft_str_of(c->url));
}

static int url_refused(weft__call *c, int code, const char *fault)
{
    return weft__call_fail(c, code, "no URL to call: %s", fault);
}

/* The usual URL, whose origin is known: nothing before its path needs to be looked at again. */
static bool locate_known(weft__call *c, weft_str text)
{
    static const char scheme[] = "http://";
    size_t n = sizeof scheme - 1;
    if (text.len <= n || memcmp(text.ptr, scheme, n) != 0) return false;
    const char *slash = memchr(text.ptr + n, '/', text.len - n);
    if (!slash || memchr(slash, '%', (size_t)(text.ptr + text.len - slash))) return false;
    weft_str authority = { text.ptr + n, (size_t)(slash - text.ptr) - n };
    weft__origin *o = weft__origin_known(c->client, authority, NULL);
    if (!o) return false;
    c->origin = o;
    c->client->path = (weft_str){ slash, (size_t)(text.ptr + text.len - slash) };
    c->client->query = (weft_str){ 0 };
    return true;
}

static int no_origin(weft__call *c, int rc)
{
    if (rc != WEFT_ELIMIT) return weft__call_fail(c, rc, "no memory for another host");
    return weft__call_fail_busy(c, rc, "connections to %u hosts are in use (limit)",
        c->client->origins);
}

static int find_tls(weft__call *c, weft_http2 http2, weft__tls_client **out)
{
    char why[WEFT__TLS_WHY];
    int rc = weft__client_tls(c->client, &c->opts->tls, http2, out, why);
    if (rc == WEFT_ELIMIT) return weft__call_fail_busy(c, rc, "%s", why);
    return rc < 0 ? weft__call_fail(c, rc, "%s", why) : 0;
}

static int locate_new(weft__call *c, weft_str text)
{
    const char *wrong;
    weft__url url;
    if (weft__url_parse(text, &url, &wrong) < 0) return url_refused(c, WEFT_EINVAL, wrong);
    weft__tls_client *tls = NULL;
    weft_http2 http2 = c->opts->http2 ? c->opts->http2 : c->client->http2;
    if ((unsigned)http2 > WEFT_HTTP2_ALWAYS) return url_refused(c, WEFT_EINVAL, "the option http2 makes no sense");
    int rc = url.tls ? find_tls(c, http2, &tls) : 0;
    if (rc < 0) return rc;
    bool whole = url.bare && !url.query.ptr && strcmp(c->method, "OPTIONS") == 0;    /* the server's: RFC 9112, 3.2.4; RFC 9113, 8.3.1 */
    c->client->path = whole ? WEFT_S("*") : url.path;
    c->client->query = url.query;
    rc = weft__origin_find(c->client, &url, tls, http2, &c->origin);
    return rc < 0 ? no_origin(c, rc) : 0;
}

int weft__call_locate(weft__call *c)
{
    char fault[WEFT__URL_FAULT];
    weft__buf *out = &c->client->out;
    weft__buf_clear(out);
    if (url_format(c, out, fault) < 0) return url_refused(c, WEFT_EINVAL, fault);
    /* Room for the request line and Host as well: the path points into the buffer, which must not
     * move before those are written. */
    weft__buf_reserve(out, 2 * out->len + 256);
    if (out->failed) return url_refused(c, out->failed, "it is too long, or no memory is left");
    return locate_known(c, weft__buf_str(out)) ? 0 : locate_new(c, weft__buf_str(out));
}

/* ---- writing ---- */

static bool wants_length(const weft__call *c)
{
    return c->opts->body.len || c->method[0] == 'P';     /* POST, PUT, PATCH */
}

static void body_lines(const weft__call *c, weft__buf *out)
{
    if (__builtin_expect(c->streams, 0)) {
        weft__upload_lines(c, out);
        return;
    }
    const char *type = c->opts->content_type ? c->opts->content_type : "application/json";
    if (c->opts->body.len) {
        weft__buf_lit(out, "Content-Type: ");
        weft__buf_add_str(out, weft_str_of(type));
        weft__buf_lit(out, "\r\n");
    }
    if (wants_length(c)) weft__http_add_length(out, c->opts->body.len);
}

/* Who passes a trace on by hand has the last word. */
static bool names_trace(const weft_exchange_opts *o)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (weft__same_nocase(o->headers[i].name, WEFT_S("traceparent"))) return true;
    return false;
}

static int head_too_large(weft__call *c)
{
    return weft__call_fail(c, c->client->out.failed,
        "a request head of more than %zu bytes (limit), or no memory", c->client->out.bytes_max);
}

/* The head, behind the URL in client->out. */
static weft_str write_head(weft__call *c)
{
    weft__buf *out = &c->client->out;
    size_t from = out->len;
    weft__buf_add_str(out, weft_str_of(c->method));
    weft__buf_add_char(out, ' ');
    weft__buf_add_str(out, c->client->path);
    if (c->client->query.ptr) {
        weft__buf_add_char(out, '?');
        weft__buf_add_str(out, c->client->query);
    }
    weft__buf_add_str(out, c->origin->lines);
    body_lines(c, out);
    if (__builtin_expect(c->opts->takes_trailers, 0)) weft__buf_lit(out, "TE: trailers\r\nConnection: TE\r\n");
    for (size_t i = 0; i < c->opts->header_count; i++) {
        const weft_header *h = &c->opts->headers[i];
        if (weft__http_add_header(out, h->name, h->value) < 0) out->failed = WEFT_EINVAL;
    }
    if (!names_trace(c->opts)) {
        char trace[WEFT__TRACE_LINES];
        weft__buf_add_str(out, weft__trace_lines(trace));
    }
    weft__buf_lit(out, "\r\n");
    return (weft_str){ out->ptr + from, out->len - from };
}

/* The same, kept: for a lane, which may have to be waited for. */
int weft__call_head(weft__call *c, weft_str *out)
{
    weft_str head = c->kept.ptr ? c->kept : write_head(c);
    if (!c->kept.ptr && c->client->out.failed) return head_too_large(c);
    if (!c->kept.ptr) c->kept = weft__arena_dup(weft__arena_here(), head);
    *out = c->kept;
    return c->kept.ptr ? 0 : weft__call_fail(c, WEFT_ENOMEM, "no memory for the request");
}

/* ---- sending ---- */

static bool broken_off(ssize_t rc) { return rc == -EPIPE || rc == WEFT_ECONNRESET; }

/* Wait until the peer has taken the rest. The total deadline becomes a scope's: a peer that takes a
 * byte now and then passes every deadline between two of them. */
static int send_slowly(weft__call *c, const struct iovec *iov, int n)
{
    int64_t left_ms = (c->total_ns - weft__loop_now(c->client->loop)) / 1000000;
    WEFT_SCOPE(total, .timeout_ms = left_ms > 0 ? (int)left_ms : -1);
    return weft__stream_send(&c->conn->stream, iov, n, weft__call_read_ms(c) * 1000000LL);
}

/* What is left of the head must be kept over the wait. */
int weft__call_send_rest(weft__call *c)
{
    weft_str head = c->head;
    size_t went = c->gone;
    weft_str body = c->opts->body, rest = { "", 0 };
    if (went < head.len) {
        rest = weft__arena_dup(weft__arena_here(), (weft_str){ head.ptr + went, head.len - went });
        if (!rest.ptr) return weft__call_fail(c, WEFT_ENOMEM, "no memory for the request");
    } else {
        body = (weft_str){ body.ptr + (went - head.len), body.len - (went - head.len) };
    }
    struct iovec iov[2] = { { (void *)rest.ptr, rest.len }, { (void *)body.ptr, body.len } };
    int first = rest.len ? 0 : 1, n = body.len ? 2 : 1;
    c->went = true; /* what fails behind a part of it does not tell how much */
    int rc = send_slowly(c, iov + first, n - first);
    if (rc == 0) return 0;
    c->cut_short = true;
    if (broken_off(rc)) return 0;
    return weft__call_fail_io(c, rc, "sending the request");
}

/* One that is too large is not kept, and refused when it is sent. */
void weft__call_keep(weft__call *c)
{
    weft_str head = write_head(c);
    if (!c->client->out.failed) c->kept = weft__arena_dup(weft__arena_here(), head);
}

int weft__call_send(weft__call *c)
{
    weft_str head = c->kept.ptr ? c->kept : write_head(c), body = c->opts->body;
    if (!c->kept.ptr && c->client->out.failed) return head_too_large(c);
    struct iovec iov[2] = { { (void *)head.ptr, head.len }, { (void *)body.ptr, body.len } };
    ssize_t went = weft__stream_try_send(&c->conn->stream, iov, body.len ? 2 : 1);
    c->went = went > 0;
    if (__builtin_expect(went == (ssize_t)(head.len + body.len), 1)) return 0;
    c->cut_short = broken_off(went);
    if (c->cut_short) return 0;
    if (went < 0) return weft__call_fail_io(c, (int)went, "sending the request");
    c->head = head;
    c->gone = (size_t)went;
    return WEFT__CALL_UNSENT;
}
