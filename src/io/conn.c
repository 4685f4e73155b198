/* Connections for users: their life, connecting, writing. Reading is in conn_read.c. */
#include "io/conn.h"
#include "io/tls.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"
#include "task/error.h"
#include "task/job.h"

enum { CONNECT_MS = 5000, BUFFER_BYTES = 64 * 1024, PRINT_BYTES_MAX = 64 * 1024 };

/* ---- failures ---- */

/* Is the code the cancel or the deadline of a scope around? Then it is told as it is. */
static bool is_scopes(int code)
{
    return (code == WEFT_ECANCELED || code == WEFT_ETIMEDOUT) && weft__cancelled();
}

int weft__conn_fail(const weft_conn *c, int code, const char *doing)
{
    if (code == -EPIPE) code = WEFT_ECONNRESET;
    if (is_scopes(code)) return code;
    const char *why = weft__tls_why(&c->stream);
    if (*why && code != WEFT_EBUSY && code != WEFT_ECLOSED && code != WEFT_ETIMEDOUT) return weft__fail_as(NULL, code, 0, "%s %s: %s", doing, c->peer, why);
    return weft__fail_as(NULL, code, 0, "%s %s: %s", doing, c->peer, weft__code_text(code));
}

/* ---- life ---- */

int weft__conn_opts_check(const weft_conn_opts *o)
{
    const char *wrong = o->timeout_ms < -1 ? "timeout_ms"
                        : o->read_ms < 0   ? "read_ms"
                        : o->write_ms < 0  ? "write_ms"
                                           : NULL;
    if (o->buffer_bytes_max > SIZE_MAX / 4) wrong = "buffer_bytes_max";
    if (!wrong) return 0;
    return weft__fail_as(NULL, WEFT_EINVAL, 0, "option %s of a connection makes no sense", wrong);
}

weft_conn *weft__conn_new(weft__loop *loop, const weft_conn_opts *opts)
{
    weft_conn *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    c->stream = (weft__stream){ .loop = loop, .fd = -1 };
    c->buffer_bytes_max = opts->buffer_bytes_max ? opts->buffer_bytes_max : BUFFER_BYTES;
    c->read_ms = opts->read_ms;
    c->write_ms = opts->write_ms;
    return c;
}

int weft__conn_over(
    weft_conn **out, weft__loop *loop, int fd, const char *peer, const weft_conn_opts *opts)
{
    weft_conn *c = weft__conn_new(loop, opts);
    if (!c) {
        weft__loop_os(loop)->ops->close(weft__loop_os(loop), fd);
        return WEFT_ENOMEM;
    }
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    int rc = weft__stream_open(&c->stream, loop, fd);
    if (rc == 0) *out = c;
    else weft_conn_free(c);
    return rc;
}

void weft_conn_close(weft_conn *c)
{
    if (c) weft__stream_close(&c->stream);
}

static void give_back(weft_conn *c)
{
    weft__free(c->in);
    weft__free(c);
}

void weft_conn_free(weft_conn *c)
{
    if (!c) return;
    weft_conn_close(c);
    c->freed = true;
    if (!c->inside) give_back(c);
}

void weft__conn_leave(weft_conn **c) { weft_conn_free(*c); }

int weft__conn_enter(weft_conn *c, const char **who, const char *doing)
{
    if (!weft__self())
        return weft__no_task(
            who == &c->reading ? "a read of a connection" : "a write to a connection");
    if (c->stream.fd < 0) return weft__conn_fail(c, WEFT_ECLOSED, doing);
    if (*who) {
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "%s %s: task %s does so already, and one at a time may", doing, c->peer, *who);
    }
    *who = weft_task_name(weft_task_self());
    c->inside++;
    return 0;
}

void weft__conn_exit(weft_conn *c, const char **who)
{
    *who = NULL;
    if (!--c->inside && c->freed) give_back(c);
}

/* ---- connecting ---- */

void weft__host_text(const char *host, int port, char out[64])
{
    weft__addr a;
    if (weft__addr_parse(weft_str_of(host), port, &a) == 0) weft__addr_format(&a, out);
    else snprintf(out, 64, "%.54s:%d", host, port);
}

int weft__host_parse(const char *host, int port, weft__addr *out)
{
    if (!host) return weft__fail_as(NULL, WEFT_EINVAL, 0, "the host is NULL");
    if (weft__addr_parse(weft_str_of(host), port, out) == 0) return 1;
    if (port < 0 || port > 65535)
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "port %d is not in 0 to 65535", port);
    if (*host != '/' && strncmp(host, "unix:", 5) != 0) return 0;
    return weft__fail_as(
        NULL, WEFT_EINVAL, 0, "'%s' is no unix socket: its path must have 1 to 107 bytes", host);
}

static int connect_failed(const char *host, int port, int code, const char *why, int timeout_ms)
{
    char at[64];
    if (is_scopes(code)) return code;
    weft__host_text(host, port, at);
    if (code == WEFT_ETIMEDOUT && timeout_ms > 0)
        return weft__fail_as(
            NULL, code, 0, "cannot connect to %s: no answer within %d ms", at, timeout_ms);
    return weft__fail_as(
        NULL, code, 0, "cannot connect to %s: %s", at, why ? why : weft__code_text(code));
}

/* Any of it says that TLS is meant. */
static bool wants_tls(const weft_tls_client *o)
{
    return o->on || o->unverified || o->ca_file || o->cert_file || o->key_file || o->name || o->version_min || o->protocols;
}

static int connect_tls(weft_conn *c, const char *host, int64_t deadline_ns, const weft_tls_client *o, char text[WEFT__TLS_WHY], const char **why)
{
    weft__tls_client *client;
    int rc = weft__tls_client_of(c->stream.loop, o, o->protocols, &client, text);
    *why = rc < 0 ? text : NULL;
    return rc < 0 ? rc : weft__tls_connect(&c->stream, client, host, NULL, deadline_ns, why);
}

int weft_connect_with(weft_conn **out, const char *host, int port, const weft_conn_opts *opts)
{
    weft__addr literal;
    const char *why = NULL;
    char text[WEFT__TLS_WHY];
    if (!weft__self()) return weft__no_task("weft_connect");
    int rc = weft__conn_opts_check(opts);
    if (rc == 0) rc = weft__host_parse(host, port, &literal);
    if (rc < 0) return rc;
    rc = weft__checkpoint();
    if (rc < 0) return rc;
    weft__loop *loop = weft__loop_here();
    weft_conn *c = weft__conn_new(loop, opts);
    if (!c) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a connection");
    int ms = opts->timeout_ms ? opts->timeout_ms : CONNECT_MS;
    int64_t deadline_ns = ms < 0 ? INT64_MAX : weft__loop_clock(loop) + ms * 1000000LL;
    rc = weft__stream_connect_host(&c->stream, loop, host, port, deadline_ns, &why);
    weft__host_text(host, port, c->peer);
    if (rc == 0 && wants_tls(&opts->tls)) rc = connect_tls(c, host, deadline_ns, &opts->tls, text, &why);
    if (rc == 0) {
        *out = c;
        return 0;
    }
    weft_conn_free(c);
    return connect_failed(host, port, rc, why, ms);
}

/* ---- writing ---- */

/* In groups of as many pieces as a stream takes; empty ones are left out. */
static int send_pieces(weft_conn *c, const weft_str *pieces, size_t n)
{
    int64_t timeout_ns = c->write_ms ? c->write_ms * 1000000LL : INT64_MAX;
    for (size_t i = 0; i < n;) {
        struct iovec iov[8];
        int count = 0;
        for (; i < n && count < (int)weft_count(iov); i++) {
            if (pieces[i].len)
                iov[count++] = (struct iovec){ (char *)(uintptr_t)pieces[i].ptr, pieces[i].len };
        }
        int rc = count ? weft__stream_send(&c->stream, iov, count, timeout_ns) : 0;
        if (rc < 0) return rc;
    }
    return 0;
}

int weft_conn_write_n(weft_conn *c, const weft_str *pieces, size_t n)
{
    static const char doing[] = "writing to";
    int rc = weft__conn_enter(c, &c->writing, doing);
    if (rc < 0) return rc;
    rc = weft__checkpoint();                         /* before any byte has gone */
    if (rc == 0 && c->cut) {
        rc = weft__fail_as(NULL, WEFT_ECLOSED, 0,
            "writing to %s: an earlier write ended in the middle, so what follows would be misread",
            c->peer);
    } else if (rc == 0) {
        rc = send_pieces(c, pieces, n);
        c->cut = rc < 0;
        if (rc < 0) rc = weft__conn_fail(c, rc, doing);
    }
    weft__conn_exit(c, &c->writing);
    return rc;
}

int weft_conn_write(weft_conn *c, weft_str bytes) { return weft_conn_write_n(c, &bytes, 1); }

int weft_conn_print(weft_conn *c, const char *fmt, ...)
{
    char small[512], *text = small;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args), rc = 0;
    va_end(args);
    if (n < 0) rc = WEFT_EINVAL;
    else if (n > PRINT_BYTES_MAX) rc = WEFT_ELIMIT;
    else if (n >= (int)sizeof small && !(text = weft__malloc((size_t)n + 1))) rc = WEFT_ENOMEM;
    if (rc < 0) rc = weft__conn_fail(c, rc, "printing to");
    if (rc == 0 && text != small) vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    if (rc == 0) rc = weft_conn_write(c, (weft_str){ text, (size_t)n });
    if (text != small) weft__free(text);
    return rc;
}

int weft_conn_end(weft_conn *c)
{
    static const char doing[] = "ending the sending side of the connection to";
    if (c->stream.fd < 0) return weft__conn_fail(c, WEFT_ECLOSED, doing);
    if (c->writes_only) {
        weft_conn_close(c);
        return 0;
    }
    int rc = weft__stream_shutdown(&c->stream);
    if (rc == -ENOTCONN) rc = WEFT_ECONNRESET;
    return rc < 0 ? weft__conn_fail(c, rc, doing) : 0;
}

int weft_conn_tls(weft_conn *c, weft_tls_peer *out)
{
    static const char doing[] = "the TLS handshake with";
    int rc = weft__conn_enter(c, &c->reading, doing);
    if (rc < 0) return rc;
    int64_t deadline_ns = c->read_ms ? weft__loop_clock(c->stream.loop) + c->read_ms * 1000000LL : INT64_MAX;
    rc = weft__checkpoint();
    if (rc == 0 && c->stream.tls) rc = weft__tls_shaken(&c->stream, deadline_ns);
    if (rc == 0) rc = weft__tls_peer_of(&c->stream, out, weft__arena_here());
    if (rc < 0) rc = weft__conn_fail(c, rc, doing);
    weft__conn_exit(c, &c->reading);
    return rc;
}

/* ---- addresses ---- */

weft_str weft_conn_peer(const weft_conn *c) { return weft_str_of(c->peer); }

weft_str weft_conn_local(weft_conn *c)
{
    weft__addr a;
    weft__os *os = weft__loop_os(c->stream.loop);
    if (!*c->local && c->stream.fd >= 0 && os->ops->local(os, c->stream.fd, &a) == 0)
        weft__addr_format(&a, c->local);
    return weft_str_of(c->local);
}
