/* Requests: what is accepted is unambiguous, reads the same however it is cut, and is written back
 * as it was. */
#include "http1_oracle.h"
#include "wire/url.h"

static void parse(parsed *p, const char *bytes, size_t len, size_t *scanned)
{
    p->head = (weft__http_head){ .headers = p->headers, .room = ROOM };
    p->rc = weft__http_parse_request(bytes, len, scanned, &LIMITS, &p->head);
}

static void check_request(const parsed *p, const char *bytes, size_t len)
{
    const weft__http_head *head = &p->head;
    check_accepted(p, bytes, len);
    MUST(weft__http_name_valid(head->method) && head->verb != WEFT__CONNECT);
    MUST(head->target.len <= TARGET_MAX && weft__bytes_are(head->target, WEFT__TARGET));
    MUST(head->path.len && (head->path.ptr[0] == '/' || head->verb == WEFT__OPTIONS));
    MUST(!memchr(head->path.ptr, '?', head->path.len));
    MUST(times(head, WEFT_S("host")) <= 1 && (head->minor == 0 || head->host.len));
    MUST(!head->host.len || weft__url_host_valid(head->host));
    MUST(head->body != WEFT__BODY_CLOSE);
    MUST(!head->upgrade.len || (head->minor == 1 && times(head, WEFT_S("connection"))));
}

/* Written anew, with the Host that counts in the place of the one that came, it reads the same. */
static void check_written(const parsed *p)
{
    const weft__http_head *head = &p->head;
    if (!head->host.len) return;
    weft__buf b;
    weft__buf_init(&b, 3 * HEAD_MAX);
    weft__http_request_line line = { head->method, head->path, head->query, head->host };
    int rc = weft__http_add_request(&b, &line);
    MUST(rc == 0);
    for (unsigned i = 0; i < head->count; i++) {
        if (weft__same_nocase(head->headers[i].name, WEFT_S("host"))) continue;
        if (weft__same_nocase(head->headers[i].name, WEFT_S("content-length"))) {
            weft__http_add_length(&b, (uint64_t)head->content_length);
            continue;
        }
        rc = weft__http_add_header(&b, head->headers[i].name, head->headers[i].value);
        MUST(rc == 0);
    }
    weft__buf_lit(&b, "\r\n");
    MUST(!b.failed);
    weft__http_header headers[ROOM + 1];
    weft__http_head again = { .headers = headers, .room = ROOM + 1 };
    weft__http_limits limits = { .head_bytes_max = 3 * HEAD_MAX, .target_bytes_max = HEAD_MAX };
    size_t scanned = 0;
    rc = weft__http_parse_request(b.ptr, b.len, &scanned, &limits, &again);
    if (head->minor == 1) {
        MUST(rc == (int)b.len && again.body == head->body &&
             again.content_length == head->content_length);
        MUST(weft_str_equal(again.path, head->path) && weft_str_equal(again.query, head->query));
        MUST(
            weft_str_equal(again.host, head->host) && weft_str_equal(again.upgrade, head->upgrade));
        MUST(again.verb == head->verb && again.keep_alive == head->keep_alive);
    }
    weft__buf_free(&b);
}

/* Each way to write a line refuses what would not be read back. */
static void check_any_header(const char *bytes, size_t len)
{
    const char *colon = len ? memchr(bytes, ':', len) : NULL;
    size_t n = colon ? (size_t)(colon - bytes) : len;
    weft_str name = { bytes, n }, value = { bytes + n, len - n };
    weft__buf b;
    weft__buf_init(&b, len + 100);
    weft__buf_lit(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
    int rc = weft__http_add_header(&b, name, value);
    weft__buf_lit(&b, "\r\n");
    if (rc == 0 && b.len <= HEAD_MAX) {
        parsed p;
        size_t scanned = 0;
        parse(&p, b.ptr, b.len, &scanned);
        bool known = p.rc < 0;       /* a header that must be right, and is not */
        MUST(known || (p.rc == (int)b.len && p.head.count == 2));
    }
    weft__buf_free(&b);
    weft__http_request_line line = { name, { bytes, len }, { 0 }, value };
    weft__buf_init(&b, 3 * len + 100);
    if (weft__http_add_request(&b, &line) < 0) MUST(b.len == 0);
    line = (weft__http_request_line){ WEFT_S("OPTIONS"), value, name, WEFT_S("a") };
    if (weft__http_add_request(&b, &line) < 0) MUST(b.len == 0);
    weft__buf_free(&b);
}

/* Nothing is both a request and a response. */
static void check_no_response(const parsed *p, const char *bytes, size_t len)
{
    parsed other;
    size_t scanned = 0;
    other.head = (weft__http_head){ .headers = other.headers, .room = ROOM };
    other.rc = weft__http_parse_response(bytes, len, &scanned, false, &LIMITS, &other.head);
    MUST(p->rc <= 0 || other.rc < 0);
    if (other.rc > 0) check_accepted(&other, bytes, len);
}

static void check_status(int status)
{
    weft__buf b;
    weft__buf_init(&b, 100);
    weft__http_add_status(&b, status);
    MUST(!b.failed && b.len >= sizeof "HTTP/1.1 200 \r\n" - 1);
    MUST(weft__http_reason(status).len <= b.len);
    weft__buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *bytes = (const char *)data;
    check_any_header(bytes, len);
    if (len > 1) check_status(100 + (data[0] << 8 | data[1]) % 900);
    for (int messages = 0; messages < 4; messages++) {
        parsed p;
        size_t scanned = 0;
        parse(&p, bytes, len, &scanned);
        check_cuts(parse, &p, bytes, len);
        check_no_response(&p, bytes, len);
        if (p.rc <= 0) break;
        check_request(&p, bytes, len);
        check_oracle(&p, bytes);
        check_written(&p);
        bytes += p.rc;
        len -= (size_t)p.rc;
    }
    return 0;
}
