#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "http/client.h"
#include "http/lane.h"
#include "task/error.h"

enum { URL_SHOWN_MAX = 300, TEXT_MAX = 1024 };

long long weft__call_ms(const weft__call *c)
{
    return (weft__loop_clock(c->client->loop) - c->started_ns) / 1000000;
}

int weft__call_read_ms(const weft__call *c)
{
    return c->opts->read_ms > 0 ? c->opts->read_ms : WEFT__CLIENT_READ_MS;
}

int64_t weft__call_deadline(const weft__call *c)
{
    weft__loop *loop = c->client->loop;
    int64_t now_ns = c->timed ? weft__loop_clock(loop) : weft__loop_now(loop);
    int64_t read_ns = now_ns + weft__call_read_ms(c) * 1000000LL;
    return read_ns < c->total_ns ? read_ns : c->total_ns;
}

/* What fails is the upstream's doing, but for memory and for what the caller said. */
static int status_of(int code)
{
    if (code == WEFT_ETIMEDOUT) return 504;
    bool misused = code == WEFT_EINVAL || code == WEFT_EBUSY || code == WEFT_ECLOSED;
    return misused || code == WEFT_ENOMEM ? 500 : 502;
}

static int fail(const weft__call *c, int code, int status, const char *fmt, va_list args)
{
    char text[TEXT_MAX];
    weft__buf url;
    weft__buf_init(&url, 256 * 1024);
    weft__call_url(c, &url);
    vsnprintf(text, sizeof text, fmt, args);
    bool cut = url.len > URL_SHOWN_MAX;
    weft_str shown = { weft__buf_str(&url).ptr, cut ? URL_SHOWN_MAX : url.len };
    weft__fail_as(NULL, code, status, "%s %.*s%s: %s", c->method, WEFT_FMT(shown),
        cut ? "..." : "", text);
    weft__buf_free(&url);
    return code;
}

int weft__call_fail(const weft__call *c, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(c, code, status_of(code), fmt, args);
    va_end(args);
    return code;
}

int weft__call_fail_busy(const weft__call *c, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(c, code, 503, fmt, args);
    va_end(args);
    return code;
}

int weft__call_cut(const weft__call *c)
{
    int rc = weft__cancelled();
    if (rc != WEFT_ETIMEDOUT) return rc;
    return weft__call_fail(c, rc,
        "no answer after %lld ms (deadline of the call or scope around it)", weft__call_ms(c));
}

int weft__call_yield(const weft__call *c)
{
    int rc = weft_yield(), cut = weft__call_cut(c);
    return cut ? cut : rc;
}

static const char *deadline_name(const weft__call *c)
{
    return weft__loop_now(c->client->loop) >= c->total_ns ? "total" : "read";
}

static bool is_tls(int rc) { return rc <= WEFT_ETLS && rc >= WEFT_ECERT_REVOKED; }

int weft__call_fail_io(const weft__call *c, int rc, const char *doing)
{
    int cut = weft__call_cut(c);
    if (cut) return cut;
    long long ms = weft__call_ms(c);
    const char *tls = c->conn ? weft__tls_why(&c->conn->stream) : "";
    if (*tls && is_tls(rc)) return weft__call_fail(c, rc, "TLS, after %lld ms, while %s: %s", ms, doing, tls);
    if (rc == WEFT_ETIMEDOUT) {
        return weft__call_fail(c, rc, "no answer after %lld ms (%s deadline, while %s)", ms,
            deadline_name(c), doing);
    }
    if (rc != WEFT_ECONNRESET && rc != -EPIPE) {
        return weft__call_fail(c, rc, "%s after %lld ms, while %s", strerror(-rc), ms, doing);
    }
    return weft__call_fail(c, WEFT_ECONNRESET, "connection broken off after %lld ms, while %s",
        ms, doing);
}

const char *weft__call_how_it_ended(const weft__call *c)
{
    if (c->conn && c->conn->lane) return weft__lane_how(c->conn->lane);
    if (c->broken && c->conn && *weft__tls_why(&c->conn->stream)) return "cut off, without the end that TLS asks for,";
    return c->broken ? "broken off" : "closed";
}

int weft__call_fail_chunk(const weft__call *c, const weft__chunk *chunk)
{
    if (chunk->too_much) return weft__call_fail(c, WEFT_ELIMIT, "answered %s, after %lld ms", chunk->fault, weft__call_ms(c));
    return weft__call_fail(c, WEFT_EPROTO, "answered what is no chunked body after %lld ms: %s",
        weft__call_ms(c), chunk->fault);
}

/* Only a clean end is an end: a reset would otherwise pass for a shorter body. */
int weft__call_fail_cut(const weft__call *c, weft__http_body kind, uint64_t came, uint64_t length)
{
    bool too_large = c->conn && c->conn->lane && weft__lane_too_large(c->conn->lane);
    int code = too_large ? WEFT_ELIMIT : WEFT_ECONNRESET;
    const char *how = weft__call_how_it_ended(c);
    long long ms = weft__call_ms(c), n = (long long)came;
    switch (kind) {
    case WEFT__BODY_LENGTH:
        return weft__call_fail(c, code,
            "%s after %lld of %lld bytes of the body and %lld ms", how, n, (long long)length, ms);
    case WEFT__BODY_CHUNKED:
        return weft__call_fail(c, code,
            "%s in the middle of a chunked body, after %lld bytes of it and %lld ms", how, n, ms);
    default:
        return weft__call_fail(c, code,
            "%s after %lld bytes of the body and %lld ms", how, n, ms);
    }
}

int weft__call_fail_wait(const weft__call *c, int rc)
{
    int cut = weft__call_cut(c);
    if (cut) return cut;
    if (rc != WEFT_ETIMEDOUT) return weft__call_fail(c, rc, "no memory for a connection");
    weft__buf who;
    weft__buf_init(&who, TEXT_MAX);
    weft__origin_describe(c->origin, &who);
    weft__call_fail_busy(c, rc, "no connection became free within %lld ms (connect deadline): %.*s",
        weft__call_ms(c), WEFT_FMT(weft__buf_str(&who)));
    weft__buf_free(&who);
    return rc;
}

int weft__call_fail_connect(const weft__call *c, int rc, const char *why)
{
    int cut = weft__call_cut(c);
    if (cut) return cut;
    long long ms = weft__call_ms(c);
    switch (rc) {
    case WEFT_EDNS:
        return weft__call_fail(c, rc, "the host name '%s' does not resolve after %lld ms: %s",
            c->origin->host.ptr, ms, why ? why : "no reason given");
    case WEFT_ECONNREFUSED:
        return weft__call_fail(c, rc, "connection refused after %lld ms", ms);
    case WEFT_ETIMEDOUT:
        return weft__call_fail(c, rc, "no connection after %lld ms (connect deadline)", ms);
    default:
        return weft__call_fail(c, rc, "no connection after %lld ms: %s%s", ms, is_tls(rc) ? "TLS: " : "",
            why ? why : weft__code_text(rc));
    }
}

int weft__call_excerpt(weft_str body, char *to, int max)
{
    int n = 0;
    for (; n < max && (size_t)n < body.len; n++) {
        unsigned char byte = (unsigned char)body.ptr[n];
        to[n] = byte < ' ' || byte == 127 ? ' ' : (char)byte;
    }
    return n;
}

int weft__call_fail_status(const weft__call *c, const weft__answer *a)
{
    char body[120], to[120], what[80];
    int n = weft__call_excerpt(a->body, body, sizeof body);
    int m = weft__call_excerpt(a->location, to, sizeof to);
    weft_str reason = weft__http_reason(a->status);
    snprintf(what, sizeof what, "%d%s%.*s", a->status, reason.len ? " " : "", WEFT_FMT(reason));
    if (m) {
        return weft__call_fail(c, WEFT_STATUS(502),
            "answered %s after %lld ms, to %.*s: redirects are not followed", what,
            weft__call_ms(c), m, to);
    }
    return weft__call_fail(c, WEFT_STATUS(502), "answered %s after %lld ms%s%.*s", what,
        weft__call_ms(c), n ? ": " : "", n, body);
}
