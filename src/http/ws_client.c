/* A client's WebSocket: a stream of a connection of HTTP/2 that is there, or a connection of its own; the handshake in the caller's task, then a
 * pipe over it. */
#include <string.h>
#include "base/mem.h"
#include "http/ws_client.h"
#include "task/error.h"
#include "task/job.h"
#include "wire/bytes.h"

enum { CONNECT_MS = 10000, URL_MAX = 64 * 1024 };

static ws_client *of_ws(weft_ws *ws) { return (ws_client *)(void *)(ws + 1); }
static ws_client *of(weft__pipe *p) { return (ws_client *)(void *)((char *)p - offsetof(ws_client, pipe)); }
static const ws_client *looked_at(const weft__pipe *p) { return (const ws_client *)(const void *)((const char *)p - offsetof(ws_client, pipe)); }

/* ---- the pipe ---- */

static ssize_t try_recv(weft__pipe *p, void *to, size_t n)
{
    ws_client *c = of(p);
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

static const weft__pipe_ops ops = { try_recv, try_send, may_read, hup, end, reset, NULL, NULL };

static void edge(weft__stream *stream, uint32_t events)
{
    ws_client *c = (ws_client *)(void *)((char *)stream - offsetof(ws_client, stream));
    if (c->pipe.edge && c->ws->pipe) c->pipe.edge(c->pipe.owner, events);
}

/* ---- one of the loop's ---- */

static void freed(weft_ws *ws)
{
    ws_client *c = of_ws(ws);
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
    for (ws_client *c = hub->clients; c; c = c->next) {
        weft__ws_over(c->ws, WEFT_ECLOSED, true);
        weft__stream_close(&c->stream);
    }
}

static void copy_protocols(ws_client *c, const char *list)
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
    weft_ws *ws = weft__ws_new(&nothing, sizeof(ws_client));
    if (!ws) return NULL;
    ws_client *c = of_ws(ws);
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

static bool begins(weft_str text, const char *scheme)
{
    size_t n = strlen(scheme);
    return text.len > n && weft__same_nocase((weft_str){ text.ptr, n }, (weft_str){ scheme, n });
}

/* What is behind the scheme is that of http. */
static int locate(ws_handshake *h, weft__buf *as_http)
{
    weft_str url = weft__buf_str(&h->url);
    const char *fault = NULL;
    if (!begins(url, "ws://") && !begins(url, "wss://")) return weft__shake_failed(h, WEFT_EINVAL, "expected ws://host[:port]/path, or wss://");
    weft__buf_lit(as_http, "http");
    weft__buf_add(as_http, url.ptr + 2, url.len - 2);
    if (as_http->failed) return weft__shake_failed(h, WEFT_ENOMEM, "no memory");
    if (weft__url_parse(weft__buf_str(as_http), &h->at, &fault) < 0) return weft__shake_failed(h, WEFT_EINVAL, "%s", fault);
    return 0;
}

static int check_options(const ws_handshake *h, const weft_ws_opts *o)
{
    if (o->origins) return weft__shake_failed(h, WEFT_EINVAL, ".origins are of routes");
    if (o->deflate_bits && (o->deflate_bits < 9 || o->deflate_bits > 15)) return weft__shake_failed(h, WEFT_EINVAL, ".deflate_bits %d; expected 9 to 15", o->deflate_bits);
    if (o->deflate_level < 0 || o->deflate_level > 9) return weft__shake_failed(h, WEFT_EINVAL, ".deflate_level %d; expected 1 to 9", o->deflate_level);
    if (o->ping_ms < -1) return weft__shake_failed(h, WEFT_EINVAL, ".ping_ms %d; expected -1 (none), 0 (the default) or more", o->ping_ms);
    const struct { const char *name; int is; } counts[] = { { "fragments_max", o->fragments_max }, { "close_ms", o->close_ms }, { "leave_ms", o->leave_ms },
        { "connect_ms", h->opts->connect_ms } };
    if ((unsigned)h->opts->http2 > WEFT_HTTP2_ALWAYS) return weft__shake_failed(h, WEFT_EINVAL, "the option http2 makes no sense");
    for (size_t i = 0; i < weft_count(counts); i++)
        if (counts[i].is < 0) return weft__shake_failed(h, WEFT_EINVAL, ".%s %d; expected 0 (the default) or more", counts[i].name, counts[i].is);
    weft_str rest = weft_str_of(o->protocols), word;
    for (int n = 1; weft__ws_token_next(&rest, &word); n++) {
        if (!weft__bytes_are(word, WEFT__TOKEN)) return weft__shake_failed(h, WEFT_EINVAL, "subprotocol '%.*s' is no token", WEFT_FMT(word));
        if (n > WEFT__WS_PROTOCOLS_MAX) return weft__shake_failed(h, WEFT_EINVAL, "more than %d subprotocols", WEFT__WS_PROTOCOLS_MAX);
    }
    return 0;
}

/* Its bytes from now on. */
static weft__pipe *pipe_of(ws_handshake *h)
{
    if (h->conn) return weft__lane_pipe(h->conn->lane);
    h->c->stream.idle = edge;
    h->c->pipe = (weft__pipe){ .ops = &ops };
    return &h->c->pipe;
}

static int shake_hands(ws_handshake *h, const weft_ws_opts *o, weft_ws **out)
{
    weft__ws_terms terms = { 0 };
    weft__buf as_http;
    weft__buf_init(&as_http, URL_MAX);
    int rc = check_options(h, o);
    if (rc == 0) rc = locate(h, &as_http);
    if (rc == 0 && weft__client_of(weft__loop_here(), &h->client) < 0) rc = weft__shake_failed(h, WEFT_ENOMEM, "no memory for the client");
    if (rc == 0) h->http2 = h->opts->http2 ? h->opts->http2 : h->client->http2;
    weft_ws *ws = rc == 0 ? client_new(o) : NULL;
    if (rc == 0 && !ws) rc = weft__shake_failed(h, WEFT_ENOMEM, "no memory for a WebSocket");
    if (ws) h->c = of_ws(ws);
    if (rc == 0) rc = weft__shake_write(h);
    if (rc == 0) rc = weft__shake(h, &terms);
    weft__buf_free(&as_http);
    if (rc < 0) {
        if (ws) weft__ws_release(ws, 0, (weft_str){ "", 0 });
        if (ws) weft__stream_close(&h->c->stream);
        return rc;
    }
    weft__ws_open(ws, pipe_of(h), &terms);
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
    ws_handshake h = { .opts = o, .began_ns = now, .deadline_ns = now + (o->connect_ms > 0 ? o->connect_ms : CONNECT_MS) * INT64_C(1000000) };
    weft__buf_init(&h.url, URL_MAX);
    weft__buf_init(&h.request, URL_MAX);
    weft__buf_init(&h.text, URL_MAX);
    rc = weft__url_fill(url, values, count, &h.url, fault);
    if (rc < 0) rc = weft__fail_as(NULL, rc, 500, "%s: %s", url, fault);
    else rc = shake_hands(&h, o->ws ? o->ws : &none, out);
    weft__buf_free(&h.url);
    weft__buf_free(&h.request);
    weft__buf_free(&h.text);
    return rc;
}

static int push(void *pipe)
{
    weft__pipe *p = pipe;
    p->ops->push(p);
    return 0;
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
    if (ws->pipe && ws->pipe->ops->push) (void)weft__leaf(push, ws->pipe);
}

void weft__ws_leave(weft_ws **ws) { weft_ws_free(*ws); }
