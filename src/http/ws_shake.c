/* How a client asks for a WebSocket, and where: on a stream of a connection of HTTP/2, or on a connection of its own. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include "http/ws_client.h"
#include "task/error.h"
#include "task/job.h"
#include "wire/base64.h"
#include "wire/bytes.h"

enum { SHOWN_MAX = 300 };

/* ---- what fails ---- */

int weft__shake_failed(const ws_handshake *h, int code, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    weft_str url = weft__buf_str(&h->url);
    bool mine = code == WEFT_EINVAL || code == WEFT_ENOMEM;
    return weft__fail_as(NULL, code, mine ? 500 : code == WEFT_ETIMEDOUT ? 504 : 502, "%.*s%s: %s", (int)(url.len < SHOWN_MAX ? url.len : SHOWN_MAX), url.ptr,
        url.len > SHOWN_MAX ? "..." : "", text);
}

long long weft__shake_ms(const ws_handshake *h) { return (weft__loop_clock(weft__loop_here()) - h->began_ns) / 1000000; }

/* Of a wait: that of a cancel around passes as it is. */
int weft__shake_cut(ws_handshake *h, int rc, const char *doing)
{
    int cut = weft__cancelled();
    if (cut == rc) return rc;
    if (rc == WEFT_ETIMEDOUT) return weft__shake_failed(h, rc, "not connected after %lld ms (connect_ms), while %s", weft__shake_ms(h), doing);
    return weft__shake_failed(h, rc == -EPIPE ? WEFT_ECONNRESET : rc, "%s after %lld ms, while %s", rc == WEFT_ECONNRESET ? "broken off" : strerror(-rc), weft__shake_ms(h), doing);
}

/* ---- the request ---- */

static void make_key(ws_handshake *h)
{
    weft__os *os = weft__loop_os(weft__loop_here());
    uint64_t random[2] = { os->ops->random(os), os->ops->random(os) };
    weft__buf key = { .ptr = h->key, .room = sizeof h->key - 1, .bytes_max = sizeof h->key - 1 };
    weft__base64_write(&key, (const uint8_t *)random, sizeof random);
}

static bool is_ours(weft_str name)
{
    static const char *const ours[] = { "Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Keep-Alive", "Proxy-Connection",
        "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions" };
    for (size_t i = 0; i < weft_count(ours); i++)
        if (weft__same_nocase(weft_str_of(ours[i]), name)) return true;
    return false;
}

int weft__shake_write(ws_handshake *h)
{
    weft__buf *b = &h->request;
    const ws_client *c = h->c;
    make_key(h);
    weft__http_request_line line = { WEFT_S("GET"), h->at.path, h->at.query, h->at.authority };
    if (weft__http_add_request(b, &line) < 0) return weft__shake_failed(h, WEFT_EINVAL, "a URL that cannot be asked for");
    weft__buf_lit(b, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    weft__buf_add(b, h->key, WEFT__WS_KEY);
    weft__buf_lit(b, "\r\n");
    for (unsigned i = 0; i < c->kind.protocols_count; i++) weft__buf_printf(b, "%s%.*s", i ? ", " : "Sec-WebSocket-Protocol: ", WEFT_FMT(c->kind.protocols[i]));
    if (c->kind.protocols_count) weft__buf_lit(b, "\r\n");
    if (c->kind.terms.on) weft__buf_lit(b, "Sec-WebSocket-Extensions: ");
    if (c->kind.terms.on) weft__ws_add_offer(b, &c->kind.terms);
    if (c->kind.terms.on) weft__buf_lit(b, "\r\n");
    for (size_t i = 0; i < h->opts->header_count; i++) {
        const weft_header *header = &h->opts->headers[i];
        if (is_ours(header->name)) return weft__shake_failed(h, WEFT_EINVAL, "header %.*s is written by the client itself", WEFT_FMT(header->name));
        if (weft__http_add_header(b, header->name, header->value) < 0)
            return weft__shake_failed(h, WEFT_EINVAL, "header %.*s: its name is no token, or its value has control characters", WEFT_FMT(header->name));
    }
    weft__buf_lit(b, "\r\n");
    return b->failed ? weft__shake_failed(h, WEFT_ENOMEM, "no memory for the request") : 0;
}

/* As https does. */
static int speak_tls(ws_handshake *h, const char *host, const char **why, char text[WEFT__TLS_WHY])
{
    weft__tls_client *tls;
    int rc = weft__client_tls(h->client, &h->opts->tls, WEFT_HTTP2_NEVER, &tls, text);
    if (rc < 0) *why = text;
    return rc < 0 ? rc : weft__tls_connect(&h->c->stream, tls, host, NULL, h->deadline_ns, why);
}

static int ask_alone(ws_handshake *h)
{
    char host[256], text[WEFT__TLS_WHY] = "no memory";
    const char *why = NULL;
    weft__loop *loop = weft__loop_here();
    snprintf(host, sizeof host, "%.*s", WEFT_FMT(h->at.host));
    int rc = weft__stream_connect_host(&h->c->stream, loop, host, h->at.port, h->deadline_ns, &why);
    if (rc == 0 && h->at.tls) rc = speak_tls(h, host, &why, text);
    if (rc < 0 && (weft__cancelled() || rc == WEFT_ETIMEDOUT)) return weft__shake_cut(h, rc, "connecting");
    if (rc < 0) return weft__shake_failed(h, rc, "cannot connect: %s", why ? why : weft__code_text(rc));
    struct iovec iov = { h->request.ptr, h->request.len };
    rc = weft__stream_send(&h->c->stream, &iov, 1, h->deadline_ns - weft__loop_clock(loop));
    return rc < 0 ? weft__shake_cut(h, rc, "sending the handshake") : 0;
}

/* ---- over HTTP/2 ---- */

enum { SETTINGS_MS = 1000 };         /* that a server which would do with HTTP/1.1 has to say what it takes */

static bool alone(const ws_handshake *h) { return h->http2 == WEFT_HTTP2_ALWAYS; }

static void leave_lane(ws_handshake *h)
{
    if (h->conn) weft__conn_drop(h->conn);
    h->conn = NULL;
}

/* Where a lane may be had; NULL: it is not even tried. docs/decisions/0026 */
static int find_origin(ws_handshake *h, weft__origin **out)
{
    char text[WEFT__TLS_WHY] = "no memory";
    weft__tls_client *tls = NULL;
    *out = NULL;
    if (h->http2 == WEFT_HTTP2_NEVER || (!h->at.tls && !alone(h))) return 0;
    int rc = h->at.tls ? weft__client_tls(h->client, &h->opts->tls, h->http2, &tls, text) : 0;
    if (rc < 0) return weft__shake_failed(h, rc, "cannot connect: %s", text);
    weft__origin *o = weft__origin_known(h->client, h->at.authority, tls);
    if (!alone(h)) {
        if (o && weft__lane_at_hand(o)) *out = o;
        return 0;
    }
    rc = weft__origin_find(h->client, &h->at, tls, h->http2, out);
    if (rc == WEFT_ELIMIT) return weft__shake_failed(h, rc, "connections to %u hosts are in use (limit)", h->client->origins);
    return rc < 0 ? weft__shake_failed(h, rc, "no memory for another host") : 0;
}

static int take_lane(ws_handshake *h, weft__origin *o)
{
    const char *why = NULL;
    bool opening = false;
    int rc = weft__lane_take(o, h->deadline_ns, &h->conn, &why, &opening);
    if (rc == WEFT__LANE_HTTP1 && h->conn) {         /* it changed its mind: others can use that connection */
        weft__conn_keep(h->conn, 0);
        h->conn = NULL;
    }
    if (rc == WEFT__LANE_HTTP1) return SHAKE_OVER_HTTP1;
    if (rc < 0 && (weft__cancelled() || rc == WEFT_ETIMEDOUT)) return weft__shake_cut(h, rc, opening ? "connecting" : "waiting for a place in the client's pool");
    return rc < 0 ? weft__shake_failed(h, rc, "cannot connect: %s", why ? why : weft__code_text(rc)) : 0;
}

/* Of a code that ended a wait for the server: what to do about it. */
int weft__shake_lane_failed(ws_handshake *h, int rc, const char *doing)
{
    const weft__lane *l = h->conn->lane;
    if (weft__cancelled() || rc == WEFT_ETIMEDOUT) return weft__shake_cut(h, rc, doing);
    if (weft__lane_unseen(l)) return SHAKE_ONCE_MORE;
    if (weft__lane_wants_http1(l) && !alone(h)) return SHAKE_OVER_HTTP1;
    if (rc != WEFT_ECONNRESET) return weft__shake_failed(h, rc, "%s, while %s", weft__code_text(rc), doing);
    return weft__shake_failed(h, rc, "%s after %lld ms, while %s", weft__lane_how(l), weft__shake_ms(h), doing);
}

/* May it be asked for a WebSocket at all? RFC 8441, 3 */
static int wait_for_settings(ws_handshake *h)
{
    int64_t soon_ns = weft__loop_clock(weft__loop_here()) + SETTINGS_MS * INT64_C(1000000);
    bool waits = alone(h) || h->deadline_ns < soon_ns;
    int rc = weft__lane_connects(h->conn->lane, waits ? h->deadline_ns : soon_ns);
    if (rc > 0) return 0;
    if (rc == WEFT_ETIMEDOUT && !waits && !weft__cancelled()) return SHAKE_OVER_HTTP1;
    if (rc < 0) return weft__shake_lane_failed(h, rc, "waiting for what the server takes (SETTINGS)");
    return alone(h) ? weft__shake_failed(h, WEFT_EPROTO, "the server takes no WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)") : SHAKE_OVER_HTTP1;
}

/* A stream for it: 0, and it was asked on h->conn; SHAKE_OVER_HTTP1; SHAKE_ONCE_MORE: it was not looked at; or a code, recorded. */
static int ask_on_lane(ws_handshake *h)
{
    weft__origin *o;
    int rc = find_origin(h, &o);
    if (rc < 0 || !o) return rc < 0 ? rc : SHAKE_OVER_HTTP1;
    rc = take_lane(h, o);
    if (rc == 0) rc = wait_for_settings(h);
    if (rc != 0) return rc;
    rc = weft__lane_connect(h->conn->lane, weft__buf_str(&h->request));
    if (rc == WEFT_ENOMEM) return weft__shake_failed(h, rc, "no memory for the request");
    return rc < 0 ? weft__shake_lane_failed(h, rc, "sending the handshake") : 0;
}

/* ---- either ---- */

/* What a server has not looked at it is asked once more, on another connection. */
int weft__shake(ws_handshake *h, weft__ws_terms *terms)
{
    int rc = SHAKE_ONCE_MORE;
    for (int times = 0; times < 2 && rc == SHAKE_ONCE_MORE; times++) {
        rc = ask_on_lane(h);
        if (rc == 0) rc = weft__shake_read(h, terms);
        if (rc == SHAKE_ONCE_MORE && times) rc = weft__shake_failed(h, WEFT_ECONNRESET, "%s after %lld ms, twice", weft__lane_how(h->conn->lane), weft__shake_ms(h));
        if (rc != 0) leave_lane(h);
    }
    if (rc == SHAKE_OVER_HTTP1 && alone(h)) return weft__shake_failed(h, WEFT_EPROTO, "the server does not speak HTTP/2");
    if (rc == SHAKE_OVER_HTTP1) rc = ask_alone(h);
    else return rc;
    return rc == 0 ? weft__shake_read(h, terms) : rc;
}
