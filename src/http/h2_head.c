/* A request's head in HTTP/2 is made into one of HTTP/1.1, and read by the same parser: so both have the same limits and refusals, and what
 * looks at a head sees no difference. nghttp2 has seen to it that names are lower case and tokens, that values hold no CR, LF or NUL, and
 * that pseudo-headers are known, complete, once and in front. RFC 9113, 8.2 and 8.3 */
#include <string.h>
#include "http/h2_inside.h"
#include "wire/bytes.h"

enum { PARTS_MAX = 64 * 1024, FOLLOWED = 4, KEPT_MAX = 4096 };

/* ---- what comes ---- */

static void begin(weft__buf *b, size_t bytes_max)
{
    b->bytes_max = bytes_max;
    weft__buf_clear(b);
}

void weft__h2_head_begin(h2_head *h, const weft__server *s)
{
    size_t most = s->limits.head_bytes_max + 1;
    begin(&h->lines, most);
    begin(&h->cookies, most);
    begin(&h->method, PARTS_MAX);
    begin(&h->path, most);
    begin(&h->authority, PARTS_MAX);
    begin(&h->scheme, PARTS_MAX);
    begin(&h->host, PARTS_MAX);
    begin(&h->protocol, PARTS_MAX);
    h->count = 0;
    h->bytes = 0;
    h->too_large = false;
}

void weft__h2_head_free(h2_head *h)
{
    weft__buf *const all[] = { &h->lines, &h->cookies, &h->method, &h->path, &h->authority, &h->scheme, &h->host, &h->protocol };
    for (size_t i = 0; i < weft_count(all); i++) weft__buf_free(all[i]);
}

void weft__h2_head_shed(h2_head *h)
{
    weft__buf *const all[] = { &h->lines, &h->cookies, &h->method, &h->path, &h->authority, &h->scheme, &h->host, &h->protocol };
    size_t room = 0;
    for (size_t i = 0; i < weft_count(all); i++) room += all[i]->room;
    if (room > KEPT_MAX) weft__h2_head_free(h);
}

static weft__buf *part_of(h2_head *h, weft_str name)
{
    if (weft_str_equal(name, WEFT_S(":method"))) return &h->method;
    if (weft_str_equal(name, WEFT_S(":path"))) return &h->path;
    if (weft_str_equal(name, WEFT_S(":authority"))) return &h->authority;
    if (weft_str_equal(name, WEFT_S(":scheme"))) return &h->scheme;
    return weft_str_equal(name, WEFT_S(":protocol")) ? &h->protocol : NULL;
}

static void add_line(h2_head *h, weft_str name, weft_str value)
{
    h->count++;
    char *to = weft__buf_reserve(&h->lines, name.len + value.len + 4);
    if (!to) return;
    memcpy(to, name.ptr, name.len);
    memcpy(to + name.len, ": ", 2);
    if (value.len) memcpy(to + name.len + 2, value.ptr, value.len);
    memcpy(to + name.len + 2 + value.len, "\r\n", 2);
    h->lines.len += name.len + value.len + 4;
}

/* Crumbs of a cookie are one line again. RFC 9113, 8.2.3 */
static void add_cookie(h2_head *h, weft_str value)
{
    if (h->cookies.len) weft__buf_lit(&h->cookies, "; ");
    weft__buf_add_str(&h->cookies, value);
}

/* Two of them come through as two, and are refused as such. */
static void add_host(h2_head *h, weft_str value)
{
    if (h->host.len) add_line(h, WEFT_S("host"), value);
    else weft__buf_add_str(&h->host, value);
}

int weft__h2_head_add(h2_head *h, weft_str name, weft_str value, const weft__server *s)
{
    size_t most = s->limits.head_bytes_max;
    h->bytes += name.len + value.len + 4;
    if (h->bytes > most) h->too_large = true;
    /* A few bytes can stand for thousands: what is far too large is not even looked at. */
    if (h->bytes / FOLLOWED > most) return -1;
    if (h->too_large) return 0;
    weft__buf *part = name.ptr[0] == ':' ? part_of(h, name) : NULL;
    if (part) weft__buf_add_str(part, value);
    else if (weft_str_equal(name, WEFT_S("cookie"))) add_cookie(h, value);
    else if (weft_str_equal(name, WEFT_S("host"))) add_host(h, value);
    else add_line(h, name, value);
    return 0;
}

/* ---- the head of it ---- */

static int refuse(h2_stream *st, weft__http_limit past, int status, const char *fault)
{
    st->head.past = past;
    st->head.fault = fault;
    st->head.fault_status = status;
    return 0;
}

static bool no_memory(const h2_head *h)
{
    const weft__buf *const all[] = { &h->lines, &h->cookies, &h->method, &h->path, &h->authority, &h->scheme, &h->host, &h->protocol };
    for (size_t i = 0; i < weft_count(all); i++)
        if (all[i]->failed == WEFT_ENOMEM) return true;
    return false;
}

/* A request's line is made of these, so no byte in them may end it. */
static bool in_one_line(const weft__buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if ((unsigned char)b->ptr[i] <= ' ' || b->ptr[i] == 127) return false;
    return b->len != 0;
}

static char *put(char *to, const char *bytes, size_t n)
{
    if (n) memcpy(to, bytes, n);
    return to + n;
}
static char *put_buf(char *to, const weft__buf *b) { return put(to, b->ptr, b->len); }
#define PUT(to, literal) put((to), "" literal, sizeof(literal) - 1)

/* Who opens a WebSocket asks as he would over HTTP/1.1, but for the key. RFC 8441, 5 */
static char *put_method(char *to, const h2_head *h, bool connects) { return connects ? PUT(to, "GET") : put_buf(to, &h->method); }

static size_t write_lines(char *start, const h2_head *h, const weft__buf *host, bool connects)
{
    char *to = put_method(start, h, connects);
    to = PUT(to, " ");
    to = put_buf(to, &h->path);
    to = PUT(to, " HTTP/1.1\r\n");
    if (host->len) {
        to = PUT(to, "host: ");
        to = put_buf(to, host);
        to = PUT(to, "\r\n");
    }
    if (connects) to = PUT(to, "upgrade: websocket\r\nconnection: upgrade\r\n");
    to = put_buf(to, &h->lines);
    if (h->cookies.len) {
        to = PUT(to, "cookie: ");
        to = put_buf(to, &h->cookies);
        to = PUT(to, "\r\n");
    }
    to = PUT(to, "\r\n");
    return (size_t)(to - start);
}

/* What of it is of no meaning here has been refused before: RFC 9113, 8.2.2. */
static void know_body(h2_stream *st, bool ended)
{
    weft__http_head *head = &st->head;
    if (ended) head->body = WEFT__BODY_NONE;
    else if (head->content_length < 0 && !st->r.x.connects) head->body = WEFT__BODY_CHUNKED;
    else if (!head->content_length && !st->r.x.connects) head->body = WEFT__BODY_LENGTH;     /* trailers may come */
    head->keep_alive = true;
    if (!st->r.x.connects) head->upgrade = WEFT_S("");
}

static int parse(h2_stream *st, const h2_head *h, const weft__buf *host, bool ended)
{
    enum { AROUND = 128 };
    const weft__server *s = st->h2->c->server;
    weft__http_head *head = &st->head;
    size_t room = h->method.len + h->path.len + host->len + h->lines.len + h->cookies.len + AROUND, scanned = 0;
    unsigned lines = h->count + 4, most = (unsigned)s->opts.headers_max;
    char *bytes = weft__arena_alloc(&st->arena, room);
    head->room = lines < most ? lines : most;
    head->headers = weft__arena_alloc(&st->arena, head->room * sizeof *head->headers);
    if (!bytes || !head->headers) return WEFT_ENOMEM;
    size_t n = write_lines(bytes, h, host, st->r.x.connects);
    int used = weft__http_parse_request(bytes, n, &scanned, &s->limits, head);
    if (used < 0) return 0;
    if ((size_t)used != n) return refuse(st, WEFT__LIMIT_NONE, 400, "the head is no HTTP");
    know_body(st, ended);
    return 0;
}

int weft__h2_head_make(h2_stream *st, const h2_head *h, bool ended)
{
    weft_str scheme = weft__buf_str(&h->scheme), host = weft__buf_str(&h->host), authority = weft__buf_str(&h->authority);
    const weft__server *s = st->h2->c->server;
    if (no_memory(h)) return WEFT_ENOMEM;
    if (h->path.len > s->limits.target_bytes_max) return refuse(st, WEFT__LIMIT_TARGET, 414, "the request target is too long");
    if (h->too_large) return refuse(st, WEFT__LIMIT_HEAD, 431, "the head of the message is too large");
    if (weft_str_equal(weft__buf_str(&h->method), WEFT_S("CONNECT"))) {
        if (!h->protocol.len) return refuse(st, WEFT__LIMIT_NONE, 501, "CONNECT: this is not a proxy");
        if (!weft_str_equal(weft__buf_str(&h->protocol), WEFT_S("websocket")))
            return refuse(st, WEFT__LIMIT_NONE, 501, "CONNECT with a :protocol other than websocket");
        st->r.x.connects = true;
    }
    if (!weft_str_equal(scheme, WEFT_S("http")) && !weft_str_equal(scheme, WEFT_S("https")))
        return refuse(st, WEFT__LIMIT_NONE, 400, "a scheme other than http and https");
    if (!in_one_line(&h->method)) return refuse(st, WEFT__LIMIT_NONE, 400, "the request does not begin with a method and a space");
    if (!in_one_line(&h->path))
        return refuse(st, WEFT__LIMIT_NONE, 400, "a byte in the request target that must be percent-encoded");
    if (host.len && authority.len && !weft__same_nocase(host, authority))
        return refuse(st, WEFT__LIMIT_NONE, 400, "Host and :authority are not the same");
    return parse(st, h, authority.len ? &h->authority : &h->host, ended);
}
