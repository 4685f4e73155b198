/* The heads of HTTP/1.1, in one pass. Each step returns > 0 to go on, 0 when the input ends inside
 * it and < 0 when it refuses. A step decides by the bytes it has read alone, so that what a
 * beginning of the input is refused for, the whole is refused for too. */
#include "wire/http1.h"
#include <limits.h>
#include "wire/bytes.h"
#include "wire/http1_fields.h"
#include "wire/http1_scan.h"
#include "wire/url.h"

enum { MORE = 0, GO_ON = 1, METHOD_BYTES_MAX = 32 };

typedef struct cursor {
    const char *start, *at, *end;    /* of the input as far as the limit on the head allows */
    weft__http_head *head;
    weft__http_fields fields;
} cursor;

static int refuse(cursor *c, int status, const char *fault)
{
    return weft__http_refuse(c->head, status, fault);
}

static int refuse_past(cursor *c, weft__http_limit limit, int status, const char *fault)
{
    c->head->past = limit;
    return refuse(c, status, fault);
}

static inline weft_str slice(const char *from, const char *to)
{
    return (weft_str){ from, (size_t)(to - from) };
}

static inline bool same_bytes(const char *at, const char *literal, size_t n)
{
    return memcmp(at, literal, n) == 0;
}

/* All but GET and POST, which common_method has taken. They are case-sensitive (RFC 9110, 9.1). */
static weft__http_verb verb_of(weft_str m)
{
    switch (m.len) {
    case 3: return same_bytes(m.ptr, "PUT", 3) ? WEFT__PUT : WEFT__OTHER_METHOD;
    case 4: return same_bytes(m.ptr, "HEAD", 4) ? WEFT__HEAD : WEFT__OTHER_METHOD;
    case 5:
        if (same_bytes(m.ptr, "PATCH", 5)) return WEFT__PATCH;
        return same_bytes(m.ptr, "TRACE", 5) ? WEFT__TRACE : WEFT__OTHER_METHOD;
    case 6: return same_bytes(m.ptr, "DELETE", 6) ? WEFT__DELETE : WEFT__OTHER_METHOD;
    case 7:
        if (same_bytes(m.ptr, "OPTIONS", 7)) return WEFT__OPTIONS;
        return same_bytes(m.ptr, "CONNECT", 7) ? WEFT__CONNECT : WEFT__OTHER_METHOD;
    default: return WEFT__OTHER_METHOD;
    }
}

/* The two commonest, by one comparison: the target can then be read before the method has been
 * scanned. */
static inline bool common_method(cursor *c)
{
    if (c->end - c->at < 5) return false;
    bool get = same_bytes(c->at, "GET ", 4);
    if (!get && !same_bytes(c->at, "POST ", 5)) return false;
    c->head->verb = get ? WEFT__GET : WEFT__POST;
    c->head->method = (weft_str){ c->at, get ? 3 : 4 };
    c->at += get ? 4 : 5;
    return true;
}

static int parse_method(cursor *c)
{
    if (common_method(c)) return GO_ON;
    const char *stop = weft__scan_name(c->start, c->at, c->end);
    if (stop - c->at > METHOD_BYTES_MAX) return refuse(c, 501, "a method of more than 32 bytes");
    if (stop == c->end) return MORE;
    if (*stop != ' ' || stop == c->at)
        return refuse(c, 400, "the request does not begin with a method and a space");
    c->head->method = slice(c->at, stop);
    c->head->verb = verb_of(c->head->method);
    if (c->head->verb == WEFT__CONNECT) return refuse(c, 501, "CONNECT: this is not a proxy");
    c->at = stop + 1;
    return GO_ON;
}

/* What stands where a scan of the target stopped: a space, or a fault. */
static int target_stop(cursor *c, const char *from, const char *stop, size_t target_max)
{
    if ((size_t)(stop - from) > target_max)
        return refuse_past(c, WEFT__LIMIT_TARGET, 414, "the request target is too long");
    if (stop == c->end) return MORE;
    if (*stop == ' ') return stop == from ? refuse(c, 400, "no request target") : GO_ON;
    if (*stop == '\r' || *stop == '\n')
        return refuse(c, 400, "no HTTP version behind the request target");
    if (*stop == '#') return refuse(c, 400, "a fragment ('#') in the request target");
    return refuse(c, 400, "a byte in the request target that must be percent-encoded");
}

/* http://host/path?query, to a server: the host counts more than Host (RFC 9112, 3.2.2). */
static int absolute_target(cursor *c)
{
    weft__http_head *head = c->head;
    weft__url url;
    if (weft__url_parse(head->target, &url, &head->fault) < 0) return refuse(c, 400, head->fault);
    c->fields.absolute_host = url.authority;
    head->path = url.path;
    head->query = url.query;
    if (url.bare && head->verb == WEFT__OPTIONS && !url.query.ptr) head->path = WEFT_S("*");
    return GO_ON;
}

/* Any target that does not begin with '/': absolute, or the '*' of OPTIONS. */
static int other_target(cursor *c)
{
    weft__http_head *head = c->head;
    if (head->target.len == 1 && head->target.ptr[0] == '*') {
        if (head->verb != WEFT__OPTIONS)
            return refuse(c, 400, "the target '*' is for OPTIONS only");
        head->path = head->target;
        return GO_ON;
    }
    if (weft__url_has_scheme(head->target)) return absolute_target(c);
    return refuse(c, 400, "the request target is neither a path nor an http URL");
}

static int parse_target(cursor *c, size_t target_max)
{
    const char *from = c->at, *mark = NULL;
    const char *stop = weft__scan_path(c->start, from, c->end);
    if (stop < c->end && *stop == '?') {
        mark = stop;
        stop = weft__scan_target(c->start, mark + 1, c->end);
    }
    int rc = target_stop(c, from, stop, target_max);
    if (rc <= 0) return rc;
    weft__http_head *head = c->head;
    head->target = slice(from, stop);
    c->at = stop + 1;
    if (*from != '/') return other_target(c);
    head->path = slice(from, mark ? mark : stop);
    if (mark) head->query = slice(mark + 1, stop);
    return GO_ON;
}

/* "HTTP/1.x" and what must follow, byte by byte: for input that ends early or is wrong. */
static int slow_version(cursor *c, const char *behind)
{
    static const char form[] = "HTTP/d.d";
    const char *p = c->at;
    for (size_t i = 0; i < 8; i++) {
        if (p + i == c->end) return MORE;
        bool fits = form[i] == 'd' ? weft__byte_is(p[i], WEFT__DIGIT) : p[i] == form[i];
        if (!fits) return refuse(c, 400, "no HTTP version where it belongs");
    }
    if (p[5] != '1' || p[7] > '1') return refuse(c, 505, "an HTTP version other than 1.0 and 1.1");
    c->head->minor = p[7] - '0';
    c->at = p += 8;
    for (; *behind; behind++, p++) {
        if (p == c->end) return MORE;
        if (*p != *behind)
            return refuse(c, 400, "the HTTP version is not followed by what belongs there");
    }
    c->at = p;
    return GO_ON;
}

static inline __attribute__((always_inline)) int parse_version(cursor *c, const char *behind, size_t len)
{
    if (c->end - c->at < 10 || !same_bytes(c->at, "HTTP/1.1", 8) || !same_bytes(c->at + 8, behind, len))
        return slow_version(c, behind);
    c->head->minor = 1;
    c->at += 8 + len;
    return GO_ON;
}

/* What a line of text stopped at: CRLF, or a fault. `at` goes behind it. */
static inline int line_end(cursor *c, const char *stop)
{
    if (stop == c->end) return MORE;
    if (*stop == '\n') return refuse(c, 400, "a line ends with LF alone");
    if (*stop != '\r') return refuse(c, 400, "a control character in a header value");
    if (stop + 1 == c->end) return MORE;
    if (stop[1] != '\n') return refuse(c, 400, "a CR without LF");
    c->at = stop + 2;
    return GO_ON;
}

static int refuse_name(cursor *c, const char *stop)
{
    if (stop == c->at && (*stop == ' ' || *stop == '\t'))
        return refuse(c, 400, "a folded header line");
    if (stop == c->at && *stop == ':') return refuse(c, 400, "a header without a name");
    if (*stop == ' ' || *stop == '\t') return refuse(c, 400, "a space in or behind a header name");
    if (*stop == '\r' || *stop == '\n') return refuse(c, 400, "a header line without a colon");
    return refuse(c, 400, "a byte that no header name may have");
}

static int parse_field(cursor *c)
{
    const char *colon = weft__scan_name(c->start, c->at, c->end);
    if (colon == c->end) return MORE;
    if (*colon != ':' || colon == c->at) return refuse_name(c, colon);
    weft_str name = slice(c->at, colon);
    const char *from = colon + 1;
    while (from < c->end && (*from == ' ' || *from == '\t')) from++;
    const char *to = weft__scan_text(c->start, from, c->end);
    int rc = line_end(c, to);
    if (rc <= 0) return rc;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    weft__http_head *head = c->head;
    if (head->count == head->room)
        return refuse_past(c, WEFT__LIMIT_HEADERS, 431, "too many header lines");
    head->headers[head->count++] = (weft__http_header){ name, slice(from, to) };
    if (!weft__http_fields_may_know(name.len)) return GO_ON;
    return weft__http_fields_add(&c->fields, head, name, slice(from, to));
}

static int parse_fields(cursor *c)
{
    while (c->at < c->end) {
        if (*c->at == '\r') return line_end(c, c->at);
        int rc = parse_field(c);
        if (rc <= 0) return rc;
    }
    return MORE;
}

/* One empty line may come before a request: old clients send it behind a body (RFC 9112, 2.2). */
static int skip_empty_line(cursor *c)
{
    if (*c->at != '\r') return GO_ON;
    if (c->at + 1 == c->end) return MORE;
    if (c->at[1] != '\n') return refuse(c, 400, "a CR without LF");
    c->at += 2;
    return c->at == c->end ? MORE : GO_ON;
}

static int request_head(cursor *c, const weft__http_limits *limits)
{
    if (c->at == c->end) return MORE;
    int rc = skip_empty_line(c);
    if (rc > 0) rc = parse_method(c);
    if (rc > 0) rc = parse_target(c, limits->target_bytes_max);
    if (rc > 0) rc = parse_version(c, "\r\n", 2);
    if (rc > 0) rc = parse_fields(c);
    if (rc > 0) rc = weft__http_fields_request(&c->fields, c->head);
    return rc;
}

/* "200 OK": servers leave out the phrase, and some the space before it. */
static int parse_status(cursor *c)
{
    const char *p = c->at;
    int status = 0;
    for (int i = 0; i < 3; i++, p++) {
        if (p == c->end) return MORE;
        if (!weft__byte_is(*p, WEFT__DIGIT))
            return refuse(c, 502, "the status is not three digits");
        status = status * 10 + (*p - '0');
        if (!status) return refuse(c, 502, "the status is below 100");
    }
    if (p == c->end) return MORE;
    if (*p != ' ' && *p != '\r') return refuse(c, 502, "the status is not three digits");
    const char *from = *p == ' ' ? p + 1 : p;
    const char *stop = weft__scan_text(c->start, from, c->end);
    int rc = line_end(c, stop);
    if (rc <= 0) return rc;
    c->head->status = status;
    c->head->reason = slice(from, stop);
    return GO_ON;
}

static int response_head(cursor *c)
{
    int rc = parse_version(c, " ", 1);
    if (rc > 0) rc = parse_status(c);
    if (rc > 0) rc = parse_fields(c);
    if (rc > 0) rc = weft__http_fields_response(&c->fields, c->head);
    return rc;
}

/* False when the head, of which `scanned` bytes were searched before, certainly has no end yet:
 * then there is nothing to parse. A LF that is not part of CRLF is left to the parser to refuse. */
static bool worth_parsing(const char *bytes, size_t len, size_t scanned)
{
    size_t i = scanned > 3 ? scanned - 3 : 0;
    for (const char *lf; i < len && (lf = memchr(bytes + i, '\n', len - i));
         i = (size_t)(lf - bytes) + 1) {
        const char *next = lf + 1, *end = bytes + len;
        if (lf == bytes || lf[-1] != '\r') return true;
        if (next < end && *next == '\n') return true;
        if (end - next >= 2 && next[0] == '\r' && next[1] == '\n') return true;
    }
    return false;
}

/* What not every head sets, field by field: clearing the whole struct takes as long as parsing a
 * small request. */
static inline void head_clear(weft__http_head *head)
{
    head->count = 0;
    head->query = head->host = head->content_type = head->upgrade = (weft_str){ 0 };
    head->content_length = -1;
    head->body = WEFT__BODY_NONE;
    head->fault = NULL;
    head->fault_status = 0;
    head->past = WEFT__LIMIT_NONE;
}

static cursor cursor_over(const char *bytes, size_t len, size_t head_max, weft__http_head *head)
{
    if (head_max > INT_MAX) head_max = INT_MAX;
    return (cursor){
        .start = bytes, .at = bytes, .end = bytes + (len < head_max ? len : head_max), .head = head
    };
}

/* Input that ends inside the head: wait, unless the head has reached its limit. */
static int settle(
    cursor *c, int rc, size_t len, size_t *scanned, const weft__http_limits *limits)
{
    if (rc == MORE && len >= limits->head_bytes_max) {
        rc = refuse_past(c, WEFT__LIMIT_HEAD, 431, "the head of the message is too large");
    }
    *scanned = rc == MORE ? len : 0;
    return rc > 0 ? (int)(c->at - c->start) : rc;
}

static bool waits(const char *bytes, size_t len, size_t *scanned, const weft__http_limits *limits)
{
    if (!len) return true;
    if (!*scanned || len >= limits->head_bytes_max || worth_parsing(bytes, len, *scanned))
        return false;
    *scanned = len;
    return true;
}

int weft__http_parse_request(const char *bytes, size_t len, size_t *scanned,
    const weft__http_limits *limits, weft__http_head *head)
{
    if (waits(bytes, len, scanned, limits)) return MORE;
    head_clear(head);
    cursor c = cursor_over(bytes, len, limits->head_bytes_max, head);
    c.fields.request = true;
    c.fields.known_host = limits->known_host;
    return settle(&c, request_head(&c, limits), len, scanned, limits);
}

int weft__http_parse_response(const char *bytes, size_t len, size_t *scanned, bool to_head,
    const weft__http_limits *limits, weft__http_head *head)
{
    if (waits(bytes, len, scanned, limits)) return MORE;
    head_clear(head);
    cursor c = cursor_over(bytes, len, limits->head_bytes_max, head);
    c.fields.to_head = to_head;
    int rc = settle(&c, response_head(&c), len, scanned, limits);
    if (rc < 0) head->fault_status = 502;
    return rc;
}
