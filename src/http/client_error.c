#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "http/client.h"

enum { URL_SHOWN_MAX = 300 };

long long weft__call_ms(const weft__call *c) { return (weft__loop_clock(c->client->loop) - c->started_ns) / 1000000; }

int weft__call_read_ms(const weft__call *c) { return c->opts->read_ms > 0 ? c->opts->read_ms : WEFT__CLIENT_READ_MS; }

int64_t weft__call_deadline(const weft__call *c)
{
    int64_t now_ns = c->timed ? weft__loop_clock(c->client->loop) : weft__loop_now(c->client->loop);
    int64_t read_ns = now_ns + weft__call_read_ms(c) * 1000000LL;
    return read_ns < c->total_ns ? read_ns : c->total_ns;
}

int weft__call_fail(const weft__call *c, int code, int status, const char *fmt, ...)
{
    weft__buf url, text;
    va_list args;
    weft__buf_init(&url, 256 * 1024);
    weft__buf_init(&text, 4096);
    weft__call_url(c, &url);
    bool cut = url.len > URL_SHOWN_MAX;
    char *to = weft__buf_reserve(&text, 1024);
    va_start(args, fmt);
    if (to) vsnprintf(to, 1024, fmt, args);
    va_end(args);
    weft__fail_as(NULL, code, status, "%s %.*s%s: %s", c->method, cut ? URL_SHOWN_MAX : (int)url.len, weft__buf_str(&url).ptr,
        cut ? "..." : "", to ? to : "failed, and no memory is left to say why");
    weft__buf_free(&url);
    weft__buf_free(&text);
    return code;
}

int weft__call_cut(const weft__call *c)
{
    int rc = weft__cancelled();
    if (rc != WEFT_ETIMEDOUT) return rc;
    return weft__call_fail(c, rc, 504, "no answer after %lld ms (deadline of the call or scope around it)", weft__call_ms(c));
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

int weft__call_fail_io(const weft__call *c, int rc, const char *doing)
{
    int cut = weft__call_cut(c);
    if (cut) return cut;
    long long ms = weft__call_ms(c);
    if (rc == WEFT_ETIMEDOUT) return weft__call_fail(c, rc, 504, "no answer after %lld ms (%s deadline, while %s)", ms, deadline_name(c), doing);
    if (rc == WEFT_ECONNRESET || rc == -EPIPE) {
        return weft__call_fail(c, WEFT_ECONNRESET, 502, "connection broken off after %lld ms, while %s", ms, doing);
    }
    return weft__call_fail(c, rc, 502, "%s after %lld ms, while %s", strerror(-rc), ms, doing);
}

int weft__call_fail_wait(const weft__call *c, int rc)
{
    int cut = weft__call_cut(c);
    if (cut) return cut;
    if (rc != WEFT_ETIMEDOUT) return weft__call_fail(c, rc, 0, "no memory for a connection");
    weft__buf who;
    weft__buf_init(&who, 4096);
    weft__origin_describe(c->origin, &who);
    weft__call_fail(c, rc, 503, "no connection became free within %lld ms (connect deadline): %.*s", weft__call_ms(c), WEFT_FMT(weft__buf_str(&who)));
    weft__buf_free(&who);
    return rc;
}

int weft__call_fail_connect(const weft__call *c, int rc, const char *why)
{
    int cut = weft__call_cut(c);
    if (cut) return cut;
    long long ms = weft__call_ms(c);
    const char *host = c->origin->host.ptr;
    if (rc == WEFT_EDNS) return weft__call_fail(c, rc, 502, "the host name '%s' does not resolve after %lld ms: %s", host, ms, why ? why : "unknown");
    if (rc == WEFT_ECONNREFUSED) return weft__call_fail(c, rc, 502, "connection refused after %lld ms", ms);
    if (rc == WEFT_ETIMEDOUT) return weft__call_fail(c, rc, 504, "no connection after %lld ms (connect deadline)", ms);
    return weft__call_fail(c, rc, 502, "no connection after %lld ms: %s", ms, why ? why : strerror(-rc));
}

int weft__call_excerpt(weft_str body, char *to, int max)
{
    int n = 0;
    for (size_t i = 0; i < body.len && n < max; i++) to[n++] = (unsigned char)body.ptr[i] < ' ' || body.ptr[i] == 127 ? ' ' : body.ptr[i];
    return n;
}

int weft__call_fail_status(const weft__call *c, const weft__answer *a)
{
    char body[120], to[120];
    int n = weft__call_excerpt(a->body, body, sizeof body), code = WEFT_STATUS(502);
    weft_str reason = weft__http_reason(a->status);
    if (a->status >= 300 && a->status < 400 && a->location.len) {
        int m = weft__call_excerpt(a->location, to, sizeof to);
        return weft__call_fail(c, code, 502, "answered %d%s%.*s after %lld ms, to %.*s: redirects are not followed", a->status,
            reason.len ? " " : "", WEFT_FMT(reason), weft__call_ms(c), m, to);
    }
    return weft__call_fail(c, code, 502, "answered %d%s%.*s after %lld ms%s%.*s", a->status, reason.len ? " " : "", WEFT_FMT(reason),
        weft__call_ms(c), n ? ": " : "", n, body);
}
