/* One request as its handler sees it: its head kept as long as it is needed, the answer written to the
 * connection's gathered output. */
#include <arpa/inet.h>
#include <string.h>
#include "http/connection.h"

enum { BODY_INLINE_MAX = 16 * 1024, HEAD_ROOM = 256, SCRATCH_KEPT = 256 * 1024 };

static struct request *of(weft__exchange *x) { return (struct request *)x; }

/* ---- the head ---- */

/* The bytes that a head's slices lie in: from the method to the end of the last line. */
static weft_str head_bytes(const weft__http_head *head)
{
    const char *end = head->target.ptr + head->target.len;
    const weft__http_header *last = head->count ? &head->headers[head->count - 1] : NULL;
    if (last) end = last->name.ptr + last->name.len;
    if (last && last->value.ptr) end = last->value.ptr + last->value.len;
    return (weft_str){ head->method.ptr, (size_t)(end - head->method.ptr) };
}

/* What a slice of the old bytes is in the new ones. Some are no slices: "*", an empty text. */
static inline void move(weft_str *s, weft_str from, const char *to)
{
    size_t at = (size_t)((uintptr_t)s->ptr - (uintptr_t)from.ptr);
    if (at <= from.len) s->ptr = to + at;
}

/* One piece of memory, one copy: headers and bytes lie behind the head. */
int weft__exchange_keep_head(weft__exchange *x)
{
    const weft__http_head *from = x->head;
    struct request *r = of(x);
    if (r->head_kept) return 0;
    weft_str bytes = head_bytes(from);
    size_t lines = from->count * sizeof *from->headers;
    weft__http_head *head = weft__arena_alloc(x->arena, sizeof *head + lines + bytes.len);
    if (!head) return WEFT_ENOMEM;
    *head = *from;
    head->headers = (weft__http_header *)(head + 1);
    if (lines) memcpy(head->headers, from->headers, lines);
    char *to = (char *)(head + 1) + lines;
    memcpy(to, bytes.ptr, bytes.len);
    for (unsigned i = 0; i < head->count; i++) {
        move(&head->headers[i].name, bytes, to);
        move(&head->headers[i].value, bytes, to);
    }
    weft_str *const others[] = { &head->method, &head->target, &head->path, &head->query, &head->host, &head->content_type,
        &head->upgrade };
    for (size_t i = 0; i < weft_count(others); i++) move(others[i], bytes, to);
    x->head = head;
    r->head_kept = true;
    return 0;
}

weft_str weft__exchange_peek(const weft__exchange *x)
{
    const inbuf *in = ((const struct request *)x)->c->in;
    return in ? (weft_str){ in->bytes + in->at, in->have - in->at } : (weft_str){ "", 0 };
}

const weft__peer *weft__exchange_peer_raw(const weft__exchange *x)
{
    const struct request *r = (const struct request *)x;
    return r->has_peer ? &r->peer : &r->c->peer;
}

bool weft__exchange_tls(const weft__exchange *x) { return ((const struct request *)x)->c->stream.tls != NULL; }

int weft__exchange_tls_peer(const weft__exchange *x, weft_tls_peer *out)
{
    return weft__tls_peer_of(&((const struct request *)x)->c->stream, out, x->arena);
}

size_t weft__exchange_peer(const weft__exchange *x, char to[WEFT__PEER_ROOM]) { return weft__peer_text(weft__exchange_peer_raw(x), to); }

size_t weft__peer_text(const weft__peer *p, char to[WEFT__PEER_ROOM])
{
    char *at = to;
    if (p->family == AF_INET6 && inet_ntop(AF_INET6, p->bytes, to, WEFT__PEER_ROOM)) return strlen(to);
    if (p->family != AF_INET) {
        memcpy(to, "unix", 5);
        return 4;
    }
    for (int i = 0; i < 4; i++) {
        unsigned n = p->bytes[i];
        if (i) *at++ = '.';
        if (n >= 100) *at++ = (char)('0' + n / 100);
        if (n >= 10) *at++ = (char)('0' + n / 10 % 10);
        *at++ = (char)('0' + n % 10);
    }
    *at = 0;
    return (size_t)(at - to);
}

weft_str weft__request_name(struct request *r)
{
    weft_str method = r->x.head->method, path = r->x.head->path;
    if (r->name_len) return (weft_str){ r->name, r->name_len };
    size_t n = method.len, room = sizeof r->name - n - 1;
    memcpy(r->name, method.ptr, n);
    r->name[n++] = ' ';
    if (path.len < room) room = path.len;
    memcpy(r->name + n, path.ptr, room);
    r->name_len = n + room;
    return (weft_str){ r->name, r->name_len };
}

void weft__exchange_detach(weft__exchange *x)
{
    struct request *r = of(x);
    connection *c = r->c;
    if (x->ops || !c->in || c->in->at < c->in->have || !r->body_done) return;
    (void)weft__request_name(r);
    weft__inbuf_give(c);
}

void weft__exchange_cancel_on_leave(weft__exchange *x, bool cancels)
{
    connection *c = of(x)->c;
    if (__builtin_expect(x->ops != NULL, 0)) {
        x->ops->cancel_on_leave(x, cancels);
        return;
    }
    c->cancels = cancels;
    weft__connection_hangup(c);
}

weft_str weft__exchange_version(const weft__exchange *x)
{
    if (x->ops) return x->ops->version;
    return ((const struct request *)x)->minor ? WEFT_S("HTTP/1.1") : WEFT_S("HTTP/1.0");
}

weft_scope *weft__exchange_scope(const weft__exchange *x) { return &((const struct request *)x)->c->server->scope; }

/* ---- the answer ---- */

weft__buf *weft__exchange_scratch(weft__exchange *x)
{
    weft__buf *b = &of(x)->c->server->scratch;
    weft__buf_clear(b);
    return b;
}

static char *put(char *to, const char *bytes, size_t n)
{
    memcpy(to, bytes, n);
    return to + n;
}
#define PUT(to, literal) put((to), "" literal, sizeof(literal) - 1)

static char *put_number(char *to, uint64_t n)
{
    char digits[20];
    int at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return put(to, digits + at, sizeof digits - (size_t)at);
}

void weft__answer_put_head(weft__server *s, weft__buf *out, const weft__answer_head *h)
{
    weft_str line = weft__http_status_line(h->status);
    char *start = weft__buf_reserve(out, HEAD_ROOM + line.len + h->headers.len), *to = start;
    if (!to) return;
    if (line.len) {
        to = put(to, line.ptr, line.len);
    } else {
        to = PUT(to, "HTTP/1.1 ");
        to = put_number(to, (uint64_t)h->status);
        to = PUT(to, " \r\n");
    }
    if (h->headers.len) to = put(to, h->headers.ptr, h->headers.len);
    if (h->length) {
        to = PUT(to, "Content-Length: ");
        to = put_number(to, h->body_bytes);
        to = PUT(to, "\r\n");
    } else if (h->chunked) {
        to = PUT(to, "Transfer-Encoding: chunked\r\n");
    }
    if (h->close) to = PUT(to, "Connection: close\r\n");
    else if (h->keep_alive_10) to = PUT(to, "Connection: keep-alive\r\n");
    to = PUT(to, "Date: ");
    weft_str date = weft__server_date(s);
    to = put(to, date.ptr, date.len);
    to = PUT(to, "\r\n\r\n");
    out->len += (size_t)(to - start);
}

void weft__connection_mark(connection *c)
{
    weft__server *s = c->server;
    if (c->unsent) return;
    c->unsent = true;
    c->prev_unsent = NULL;
    c->next_unsent = s->unsent;
    if (c->next_unsent) c->next_unsent->prev_unsent = c;
    s->unsent = c;
}

weft__buf *weft__connection_out(connection *c)
{
    if (!c->out.ptr && c->server->spare_out.ptr) {
        c->out = c->server->spare_out;
        c->server->spare_out.ptr = NULL;
        c->server->spare_out.room = 0;
    }
    return &c->out;
}

/* A body too large to gather goes out at once, behind what is gathered. While that waits, the
 * scratch buffer it may lie in must not be anybody else's. */
bool weft__scratch_has(const weft__server *s, weft_str body)
{
    const weft__buf *scratch = &s->scratch;
    return scratch->ptr && body.ptr >= scratch->ptr && body.ptr < scratch->ptr + scratch->room;
}

weft__buf weft__scratch_take(weft__server *s)
{
    weft__buf mine = s->scratch;
    weft__buf_init(&s->scratch, mine.bytes_max);
    return mine;
}

void weft__scratch_give(weft__server *s, weft__buf *mine)
{
    mine->bytes_max = s->scratch.bytes_max;
    if (mine->ptr && !s->scratch.ptr && mine->room <= SCRATCH_KEPT) s->scratch = *mine;
    else weft__buf_free(mine);
    mine->ptr = NULL;
}

static int send_large(connection *c, weft_str body)
{
    weft__buf mine = { 0 };
    if (weft__scratch_has(c->server, body)) mine = weft__scratch_take(c->server);
    int rc = weft__connection_send(c, body);
    if (mine.ptr) weft__scratch_give(c->server, &mine);
    return rc;
}

int weft__exchange_keep_body(weft__exchange *x, weft_str *body, weft__buf *kept)
{
    weft__server *s = of(x)->c->server;
    if (!body->len || !weft__scratch_has(s, *body)) return 0;
    if (body->len > BODY_INLINE_MAX) {
        weft__exchange_drop(x, kept);
        *kept = weft__scratch_take(s);
        return 0;
    }
    weft_str mine = weft__arena_dup(x->arena, *body);
    if (!mine.ptr) return WEFT_ENOMEM;
    *body = mine;
    return 0;
}

void weft__exchange_drop(weft__exchange *x, weft__buf *kept)
{
    if (kept->ptr) weft__scratch_give(of(x)->c->server, kept);
}

void weft__request_settle(struct request *r)
{
    if (r->c->server->stopping || (!r->body_done && !weft__request_can_drain(r))) r->keep_alive = false;
}

int weft__exchange_reply(weft__exchange *x, int status, weft_str headers, weft_str body)
{
    struct request *r = of(x);
    connection *c = r->c;
    weft__server *s = c->server;
    if (__builtin_expect(x->taker != NULL, 0)) return x->taker->reply(x->taker, status, headers, body);
    if (__builtin_expect(x->ops != NULL, 0)) return x->ops->reply(x, status, headers, body);
    if (x->replied) return WEFT_EINVAL;
    x->replied = true;
    x->status = (uint16_t)status;
    if (c->left) return WEFT_EOF;
    bool bodiless = weft__http_bodiless(status);
    weft__request_settle(r);
    if (bodiless) body.len = 0;
    weft__buf *out = weft__connection_out(c);
    weft__answer_put_head(s, out,
        &(weft__answer_head){
            status, headers, body.len, !bodiless || status == 205, !r->keep_alive, r->minor == 0, false });
    if (r->is_head) body.len = 0;
    int rc = 0;
    if (body.len > BODY_INLINE_MAX) {
        rc = out->failed ? out->failed : send_large(c, body);
    } else {
        weft__buf_add_str(out, body);
        rc = out->failed;
        if (!rc) weft__connection_mark(c);
    }
    if (rc < 0) c->left = true;
    x->broken |= rc == WEFT_ENOMEM;
    return rc;
}

void weft__exchange_flush(weft__exchange *x)
{
    connection *c = of(x)->c;
    if (x->ops) x->ops->flush(x);
    else if (!c->left && c->out.len && c->stream.may_write && !c->stream.writer) (void)weft__connection_flush(c);
}

void weft__server_write_error(
    weft__server *s, weft__buf *out, int status, const char *why, bool close)
{
    char body[512];
    size_t n = 0;
    n = (size_t)(PUT(body, "{\"detail\":\"") - body);
    for (const char *p = why; *p && n < sizeof body - 4; p++) {
        if (*p == '"' || *p == '\\') body[n++] = '\\';
        body[n++] = *p;
    }
    body[n++] = '"';
    body[n++] = '}';
    weft__answer_put_head(s, out,
        &(weft__answer_head){ .status = status,
            .headers = WEFT_S("Content-Type: application/json\r\n"),
            .body_bytes = n,
            .length = true,
            .close = close });
    weft__buf_add(out, body, n);
}
