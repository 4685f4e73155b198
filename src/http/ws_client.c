/* A client's WebSocket: a connection of its own, the handshake in the caller's task, then a pipe over it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "http/origin.h"
#include "http/ws.h"
#include "task/error.h"
#include "task/job.h"
#include "weft/client.h"
#include "wire/base64.h"
#include "wire/bytes.h"

enum { CONNECT_MS = 10000, HEAD_MAX = 16 * 1024, HEADERS_MAX = 100, URL_MAX = 64 * 1024, SHOWN_MAX = 300, EXCERPT = 120, INTERIM_MAX = 8 };

/* Behind the weft_ws. */
typedef struct weft__ws_client {
    weft__ws_kind kind;
    weft__stream stream;
    weft__pipe pipe;
    weft_ws *ws;
    struct weft__ws_client *next, *prev;             /* of the loop's */
    char *protocols;                 /* what kind.protocols are slices of */
    weft__buf early;                 /* what came behind the answer's head: [early_at, len) */
    size_t early_at;
} client;

static client *of_ws(weft_ws *ws) { return (client *)(void *)(ws + 1); }
static client *of(weft__pipe *p) { return (client *)(void *)((char *)p - offsetof(client, pipe)); }
static const client *looked_at(const weft__pipe *p) { return (const client *)(const void *)((const char *)p - offsetof(client, pipe)); }

/* ---- the pipe ---- */

static ssize_t try_recv(weft__pipe *p, void *to, size_t n)
{
    client *c = of(p);
    size_t there = c->early.len - c->early_at;
    if (!there) return weft__stream_try_recv(&c->stream, to, n);
    if (there < n) n = there;
    memcpy(to, c->early.ptr + c->early_at, n);
    c->early_at += n;
    if (c->early_at == c->early.len) {
        weft__buf_free(&c->early);
        c->early.len = c->early_at = 0;
    }
    return (ssize_t)n;
}

static ssize_t try_send(weft__pipe *p, const struct iovec *iov, int n) { return weft__stream_try_send(&of(p)->stream, iov, n); }
static bool may_read(const weft__pipe *p) { return looked_at(p)->early.len || looked_at(p)->stream.may_read; }
static bool hup(const weft__pipe *p) { return looked_at(p)->stream.hup; }
static void end(weft__pipe *p) { weft__stream_close(&of(p)->stream); }
static void reset(weft__pipe *p) { weft__stream_reset(&of(p)->stream); }

static const weft__pipe_ops ops = { try_recv, try_send, may_read, hup, end, reset };

static void edge(weft__stream *stream, uint32_t events)
{
    client *c = (client *)(void *)((char *)stream - offsetof(client, stream));
    if (c->pipe.edge && c->ws->pipe) c->pipe.edge(c->pipe.owner, events);
}

/* ---- one of the loop's ---- */

static void freed(weft_ws *ws)
{
    client *c = of_ws(ws);
    if (c->prev) c->prev->next = c->next;
    else ws->hub->clients = c->next;
    if (c->next) c->next->prev = c->prev;
    weft__stream_close(&c->stream);
    weft__buf_free(&c->early);
    weft__free(c->protocols);
}

/* The loop ends: whatever still says goodbye is cut off. */
void weft__ws_clients_end(weft__ws_hub *hub)
{
    for (client *c = hub->clients; c; c = c->next) {
        weft__ws_over(c->ws, WEFT_ECLOSED, true);
        weft__stream_close(&c->stream);
    }
}

static void copy_protocols(client *c, const char *list)
{
    weft_str rest = weft_str_of(list), word;
    size_t n = rest.len;
    c->protocols = weft__malloc(n + 1);
    if (!c->protocols) return;
    memcpy(c->protocols, rest.ptr, n);
    rest.ptr = c->protocols;
    while (weft__ws_token_next(&rest, &word) && c->kind.protocols_count < WEFT__WS_PROTOCOLS_MAX) c->kind.protocols[c->kind.protocols_count++] = word;
}

static weft_ws *client_new(const weft_ws_opts *o)
{
    static const weft__ws_kind nothing = { 0 };
    weft_ws *ws = weft__ws_new(&nothing, sizeof(client));
    if (!ws) return NULL;
    client *c = of_ws(ws);
    c->ws = ws;
    c->stream.fd = -1;
    weft__buf_init(&c->early, 1 << 20);
    weft__ws_kind_make(&c->kind, o);
    c->kind.rules.masked = false;
    c->kind.client = true;
    c->kind.freed = freed;
    ws->kind = &c->kind;
    ws->kept = true;
    c->next = ws->hub->clients;
    if (c->next) c->next->prev = c;
    ws->hub->clients = c;
    if (o->protocols) copy_protocols(c, o->protocols);
    if (!o->protocols || c->protocols) return ws;
    weft__ws_release(ws, 0, (weft_str){ "", 0 });
    return NULL;
}

/* ---- one handshake ---- */

typedef struct handshake {
    const weft_ws_connect_opts *opts;
    client *c;
    weft__buf url, text;             /* the URL as it was put together; the request, then the answer's head */
    weft__url at;
    char key[WEFT__WS_KEY + 4];
    int64_t began_ns, deadline_ns;
} handshake;

static int failed(const handshake *h, int code, const char *fmt, ...) WEFT_PRINTF(3, 4) WEFT__COLD;
static int failed(const handshake *h, int code, const char *fmt, ...)
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

static long long ms_of(const handshake *h) { return (weft__loop_clock(weft__loop_here()) - h->began_ns) / 1000000; }

/* Of a wait: that of a cancel around passes as it is. */
static int cut_off(const handshake *h, int rc, const char *doing)
{
    int cut = weft__cancelled();
    if (cut == rc) return rc;
    if (rc == WEFT_ETIMEDOUT) return failed(h, rc, "not connected after %lld ms (connect_ms), while %s", ms_of(h), doing);
    return failed(h, rc == -EPIPE ? WEFT_ECONNRESET : rc, "%s after %lld ms, while %s", rc == WEFT_ECONNRESET ? "broken off" : strerror(-rc), ms_of(h), doing);
}

static bool begins(weft_str text, const char *scheme)
{
    size_t n = strlen(scheme);
    return text.len > n && weft__same_nocase((weft_str){ text.ptr, n }, (weft_str){ scheme, n });
}

/* What is behind the scheme is that of http. */
static int locate(handshake *h, weft__buf *as_http)
{
    weft_str url = weft__buf_str(&h->url);
    const char *fault = NULL;
    if (!begins(url, "ws://") && !begins(url, "wss://")) return failed(h, WEFT_EINVAL, "expected ws://host[:port]/path, or wss://");
    weft__buf_lit(as_http, "http");
    weft__buf_add(as_http, url.ptr + 2, url.len - 2);
    if (as_http->failed) return failed(h, WEFT_ENOMEM, "no memory");
    if (weft__url_parse(weft__buf_str(as_http), &h->at, &fault) < 0) return failed(h, WEFT_EINVAL, "%s", fault);
    return 0;
}

static void make_key(handshake *h)
{
    weft__os *os = weft__loop_os(weft__loop_here());
    uint64_t random[2] = { os->ops->random(os), os->ops->random(os) };
    weft__buf key = { .ptr = h->key, .room = sizeof h->key - 1, .bytes_max = sizeof h->key - 1 };
    weft__base64_write(&key, (const uint8_t *)random, sizeof random);
}

static bool is_ours(weft_str name)
{
    static const char *const ours[] = { "Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions" };
    for (size_t i = 0; i < weft_count(ours); i++)
        if (weft__same_nocase(weft_str_of(ours[i]), name)) return true;
    return false;
}

static int write_request(handshake *h)
{
    weft__buf *b = &h->text;
    const client *c = h->c;
    make_key(h);
    weft__http_request_line line = { WEFT_S("GET"), h->at.path, h->at.query, h->at.authority };
    if (weft__http_add_request(b, &line) < 0) return failed(h, WEFT_EINVAL, "a URL that cannot be asked for");
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
        if (is_ours(header->name)) return failed(h, WEFT_EINVAL, "header %.*s is written by the client itself", WEFT_FMT(header->name));
        if (weft__http_add_header(b, header->name, header->value) < 0)
            return failed(h, WEFT_EINVAL, "header %.*s: its name is no token, or its value has control characters", WEFT_FMT(header->name));
    }
    weft__buf_lit(b, "\r\n");
    return b->failed ? failed(h, WEFT_ENOMEM, "no memory for the request") : 0;
}

/* As https does. */
static int speak_tls(handshake *h, const char *host, const char **why, char text[WEFT__TLS_WHY])
{
    weft__client *client;
    weft__tls_client *tls;
    int rc = weft__client_of(weft__loop_here(), &client);
    if (rc == 0) rc = weft__client_tls(client, &h->opts->tls, WEFT_HTTP2_NEVER, &tls, text);
    if (rc < 0) *why = text;
    return rc < 0 ? rc : weft__tls_connect(&h->c->stream, tls, host, NULL, h->deadline_ns, why);
}

static int ask(handshake *h)
{
    char host[256], text[WEFT__TLS_WHY] = "no memory";
    const char *why = NULL;
    weft__loop *loop = weft__loop_here();
    snprintf(host, sizeof host, "%.*s", WEFT_FMT(h->at.host));
    int rc = weft__stream_connect_host(&h->c->stream, loop, host, h->at.port, h->deadline_ns, &why);
    if (rc == 0 && h->at.tls) rc = speak_tls(h, host, &why, text);
    if (rc < 0 && (weft__cancelled() || rc == WEFT_ETIMEDOUT)) return cut_off(h, rc, "connecting");
    if (rc < 0) return failed(h, rc, "cannot connect: %s", why ? why : weft__code_text(rc));
    struct iovec iov = { h->text.ptr, h->text.len };
    rc = weft__stream_send(&h->c->stream, &iov, 1, h->deadline_ns - weft__loop_clock(loop));
    return rc < 0 ? cut_off(h, rc, "sending the handshake") : 0;
}

/* ---- the answer ---- */

static weft_str value_of(const weft__http_head *head, const char *name)
{
    const weft__http_header *header = weft__http_find(head, weft_str_of(name), NULL);
    return header ? header->value : (weft_str){ "", 0 };
}

/* How much of its body is waited for: what it says of itself may come a little later. Of a chunked one a first piece. */
static size_t excerpt_of(const weft__http_head *head, size_t have)
{
    if (head->body == WEFT__BODY_NONE) return 0;
    if (head->body == WEFT__BODY_CHUNKED) return have ? have : 1;
    return head->body == WEFT__BODY_LENGTH && head->content_length < EXCERPT ? (size_t)head->content_length : EXCERPT;
}

static int refused(handshake *h, const weft__http_head *head, weft_str behind)
{
    char body[EXCERPT + 1], room[4096];
    int status = head->status;
    size_t have = behind.len < sizeof room ? behind.len : sizeof room;
    memcpy(room, behind.ptr, have);
    size_t wanted = excerpt_of(head, have);
    for (ssize_t n = 1; have < wanted && n > 0; have += n > 0 ? (size_t)n : 0)
        n = weft__stream_recv(&h->c->stream, room + have, sizeof room - have, h->deadline_ns);
    int n = weft__call_excerpt((weft_str){ room, have }, body, EXCERPT);
    weft_str reason = weft__http_reason(status);
    return failed(h, WEFT_STATUS(502), "answered %d %.*s instead of 101 Switching Protocols after %lld ms%s%.*s", status, WEFT_FMT(reason), ms_of(h),
        n ? ": " : "", n, body);
}

static int take_protocol(handshake *h, const weft__http_head *head)
{
    const client *c = h->c;
    weft_str chosen = value_of(head, "Sec-WebSocket-Protocol");
    if (!chosen.len) return 0;
    for (unsigned i = 0; i < c->kind.protocols_count; i++) {
        if (!weft_str_equal(c->kind.protocols[i], chosen)) continue;
        c->ws->protocol = (uint8_t)(i + 1);
        return 0;
    }
    return failed(h, WEFT_EPROTO, "answered with the subprotocol '%.*s', which was not offered", WEFT_FMT(chosen));
}

static int check_answer(handshake *h, const weft__http_head *head, weft_str behind, weft__ws_terms *terms)
{
    char accept[WEFT__WS_ACCEPT];
    weft_str came = value_of(head, "Sec-WebSocket-Accept");
    if (head->status != 101) return refused(h, head, behind);
    if (!weft__http_list_has(head->upgrade, WEFT_S("websocket")))
        return failed(h, WEFT_EPROTO, "answered 101 without Connection: Upgrade and Upgrade: websocket");
    if (!weft__ws_accept((weft_str){ h->key, WEFT__WS_KEY }, accept)) return failed(h, WEFT_ENOMEM, "SHA-1 has failed");
    if (!weft_str_equal(came, (weft_str){ accept, sizeof accept }))
        return failed(h, WEFT_EPROTO, "answered with a wrong Sec-WebSocket-Accept: expected %.*s, came '%.*s'", (int)sizeof accept, accept, WEFT_FMT(came));
    const char *fault = weft__ws_agreed(head, &h->c->kind.terms, terms);
    if (fault) return failed(h, WEFT_EPROTO, "answered with extensions that cannot be: %s", fault);
    return take_protocol(h, head);
}

static int read_answer(handshake *h, weft__ws_terms *terms)
{
    weft__http_header headers[HEADERS_MAX];
    weft__http_head head = { .headers = headers, .room = HEADERS_MAX };
    weft__http_limits limits = { .head_bytes_max = HEAD_MAX, .target_bytes_max = HEAD_MAX };
    weft__buf *b = &h->text;
    size_t scanned = 0, again = 0;   /* again: bytes that are there already */
    int passed_over = 0;
    weft__buf_clear(b);
    for (;;) {
        char *to = weft__buf_reserve(b, 4096);
        if (!to) return failed(h, WEFT_ENOMEM, "no memory for the answer");
        ssize_t n = again ? 0 : weft__stream_recv(&h->c->stream, to, 4096, h->deadline_ns);
        if (n == 0 && !again) return failed(h, WEFT_ECONNRESET, "the connection was closed after %lld ms, before the handshake was answered", ms_of(h));
        if (n < 0) return cut_off(h, (int)n, "waiting for the handshake's answer");
        b->len += (size_t)n;
        again = 0;
        int used = weft__http_parse_response(b->ptr, b->len, &scanned, false, &limits, &head);
        if (used < 0) return failed(h, WEFT_EPROTO, "answered what is no HTTP: %s", head.fault);
        if (used == 0) continue;
        if (head.status < 200 && head.status != 101) {       /* it goes on: RFC 9110, 15.2 */
            if (++passed_over > INTERIM_MAX) return failed(h, WEFT_EPROTO, "answered with more than %d interim answers", INTERIM_MAX);
            memmove(b->ptr, b->ptr + used, b->len -= (size_t)used);
            scanned = 0;
            again = b->len;
            continue;
        }
        if (h->opts->status) *h->opts->status = head.status;
        weft_str behind = { b->ptr + used, b->len - (size_t)used };
        int rc = check_answer(h, &head, behind, terms);
        if (rc < 0) return rc;
        weft__buf_add_str(&h->c->early, behind);
        return h->c->early.failed ? failed(h, WEFT_ENOMEM, "no memory for what has come") : 0;
    }
}

static int check_options(const handshake *h, const weft_ws_opts *o)
{
    if (o->origins) return failed(h, WEFT_EINVAL, ".origins are of routes");
    if (o->deflate_bits && (o->deflate_bits < 9 || o->deflate_bits > 15)) return failed(h, WEFT_EINVAL, ".deflate_bits %d; expected 9 to 15", o->deflate_bits);
    if (o->deflate_level < 0 || o->deflate_level > 9) return failed(h, WEFT_EINVAL, ".deflate_level %d; expected 1 to 9", o->deflate_level);
    if (o->ping_ms < -1) return failed(h, WEFT_EINVAL, ".ping_ms %d; expected -1 (none), 0 (the default) or more", o->ping_ms);
    const struct { const char *name; int is; } counts[] = { { "fragments_max", o->fragments_max }, { "close_ms", o->close_ms }, { "leave_ms", o->leave_ms },
        { "connect_ms", h->opts->connect_ms } };
    for (size_t i = 0; i < weft_count(counts); i++)
        if (counts[i].is < 0) return failed(h, WEFT_EINVAL, ".%s %d; expected 0 (the default) or more", counts[i].name, counts[i].is);
    weft_str rest = weft_str_of(o->protocols), word;
    for (int n = 1; weft__ws_token_next(&rest, &word); n++) {
        if (!weft__bytes_are(word, WEFT__TOKEN)) return failed(h, WEFT_EINVAL, "subprotocol '%.*s' is no token", WEFT_FMT(word));
        if (n > WEFT__WS_PROTOCOLS_MAX) return failed(h, WEFT_EINVAL, "more than %d subprotocols", WEFT__WS_PROTOCOLS_MAX);
    }
    return 0;
}

static int shake_hands(handshake *h, const weft_ws_opts *o, weft_ws **out)
{
    weft__ws_terms terms = { 0 };
    weft__buf as_http;
    weft__buf_init(&as_http, URL_MAX);
    int rc = check_options(h, o);
    if (rc == 0) rc = locate(h, &as_http);
    weft_ws *ws = rc == 0 ? client_new(o) : NULL;
    if (rc == 0 && !ws) rc = failed(h, WEFT_ENOMEM, "no memory for a WebSocket");
    if (ws) h->c = of_ws(ws);
    if (rc == 0) rc = write_request(h);
    if (rc == 0) rc = ask(h);
    if (rc == 0) rc = read_answer(h, &terms);
    weft__buf_free(&as_http);
    if (rc < 0) {
        if (ws) weft__ws_release(ws, 0, (weft_str){ "", 0 });
        if (ws) weft__stream_close(&h->c->stream);
        return rc;
    }
    h->c->stream.idle = edge;
    h->c->pipe = (weft__pipe){ .ops = &ops };
    weft__ws_open(ws, &h->c->pipe, &terms);
    *out = ws;
    return 0;
}

int weft_ws_connect_with(weft_ws **out, const weft_ws_connect_opts *o, const char *url, const weft_val *values, size_t count)
{
    static const weft_ws_opts none = { 0 };
    char fault[WEFT__URL_FAULT];
    if (!weft__self()) return weft__no_task("weft_ws_connect");
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    int64_t now = weft__loop_clock(weft__loop_here());
    handshake h = { .opts = o, .began_ns = now, .deadline_ns = now + (o->connect_ms > 0 ? o->connect_ms : CONNECT_MS) * INT64_C(1000000) };
    weft__buf_init(&h.url, URL_MAX);
    weft__buf_init(&h.text, URL_MAX);
    rc = weft__url_fill(url, values, count, &h.url, fault);
    if (rc < 0) rc = weft__fail_as(NULL, rc, 500, "%s: %s", url, fault);
    else rc = shake_hands(&h, o->ws ? o->ws : &none, out);
    weft__buf_free(&h.url);
    weft__buf_free(&h.text);
    return rc;
}

/* What is queued goes out at once: the loop may end before it waits again. */
void weft_ws_free(weft_ws *ws)
{
    if (!ws) return;
    weft__ws_release(ws, 1000, (weft_str){ "", 0 });
    if (ws->io && ws->io->unsent) {
        weft__ws_unmark(ws->io);
        (void)weft__ws_flush(ws);
    }
}

void weft__ws_leave(weft_ws **ws) { weft_ws_free(*ws); }
