#include "wire/http1_fields.h"
#include "wire/bytes.h"
#include "wire/url.h"

enum { GO_ON = 1 };

int weft__http_refuse(weft__http_head *head, int status, const char *fault)
{
    head->fault = fault;
    head->fault_status = status;
    return WEFT_EPROTO;
}

static inline uint64_t lower8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word | 0x2020202020202020;
}

static inline uint32_t lower4(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word | 0x20202020;
}

/* Both are n bytes, 4 or more: two overlapping words hold them. Setting bit 5 folds the case of
 * letters and, of the bytes a token may have, takes nothing else to a letter or '-'. */
static inline bool is_name(const char *name, const char *lower, size_t n)
{
    if (n < 8)
        return lower4(name) == lower4(lower) && lower4(name + n - 4) == lower4(lower + n - 4);
    if (n > 16 && lower8(name + 8) != lower8(lower + 8)) return false;
    return lower8(name) == lower8(lower) && lower8(name + n - 8) == lower8(lower + n - 8);
}

static bool host_valid(const weft__http_fields *f, weft_str value)
{
    return (value.len && weft_str_equal(value, f->known_host)) || weft__url_host_valid(value);
}

static int take_host(weft__http_fields *f, weft__http_head *head, weft_str value)
{
    if (!f->request) return GO_ON;
    if (f->host) return weft__http_refuse(head, 400, "more than one Host header");
    if (!host_valid(f, value))
        return weft__http_refuse(
            head, 400, "the Host header is not a host name with an optional port");
    f->host = true;
    head->host = value;
    return GO_ON;
}

static int take_length(weft__http_fields *f, weft__http_head *head, weft_str value)
{
    if (head->content_length >= 0)
        return weft__http_refuse(head, 400, "more than one Content-Length header");
    if (f->coded) return weft__http_refuse(head, 400, "both Transfer-Encoding and Content-Length");
    int64_t length = weft__decimal(value, INT64_MAX);
    if (length < 0) return weft__http_refuse(head, 400, "Content-Length is not a number of bytes");
    head->content_length = length;
    return GO_ON;
}

/* Anything but "chunked" alone. Chunked that is not last leaves the end of the body unknown: 400;
 * other codings are well formed and unsupported: 501 (RFC 9112, 6.1 and 6.3). */
static int refuse_coding(weft__http_head *head, weft_str value)
{
    if (!value.len) return weft__http_refuse(head, 400, "Transfer-Encoding is empty");
    weft_str but_last = value;
    while (but_last.len && but_last.ptr[but_last.len - 1] != ',') but_last.len--;
    if (weft__http_list_has(but_last, WEFT_S("chunked"))) {
        return weft__http_refuse(
            head, 400, "chunked is not the last transfer coding, or comes twice");
    }
    return weft__http_refuse(head, 501, "a transfer coding other than chunked");
}

static int take_coding(weft__http_fields *f, weft__http_head *head, weft_str value)
{
    if (head->minor == 0) return weft__http_refuse(head, 400, "Transfer-Encoding in HTTP/1.0");
    if (f->coded) return weft__http_refuse(head, 400, "more than one Transfer-Encoding header");
    if (head->content_length >= 0)
        return weft__http_refuse(head, 400, "both Content-Length and Transfer-Encoding");
    if (!weft__same_nocase(value, WEFT_S("chunked"))) return refuse_coding(head, value);
    f->coded = true;
    return GO_ON;
}

static int take_connection(weft__http_fields *f, weft_str value)
{
    f->close |= weft__http_list_has(value, WEFT_S("close"));
    f->keep_alive |= weft__http_list_has(value, WEFT_S("keep-alive"));
    f->upgrades |= weft__http_list_has(value, WEFT_S("upgrade"));
    return GO_ON;
}

static int take_expect(weft__http_fields *f, weft__http_head *head, weft_str value)
{
    if (!f->request || head->minor == 0) return GO_ON;
    if (!weft__same_nocase(value, WEFT_S("100-continue"))) {
        return weft__http_refuse(head, 417, "an Expect header other than 100-continue");
    }
    f->expect = true;
    return GO_ON;
}

/* Of responses the first one counts: servers do send it twice. */
static int take_type(weft__http_fields *f, weft__http_head *head, weft_str value)
{
    if (!head->content_type.ptr) head->content_type = value;
    else if (f->request) return weft__http_refuse(head, 400, "more than one Content-Type header");
    return GO_ON;
}

/* Several Upgrade lines are one list; who upgrades looks for its protocol in the first. */
static int take_upgrade(weft__http_head *head, weft_str value)
{
    if (!head->upgrade.ptr) head->upgrade = value;
    return GO_ON;
}

int weft__http_fields_add(
    weft__http_fields *f, weft__http_head *head, weft_str name, weft_str value)
{
    const char *p = name.ptr;
    switch (name.len) {
    case 4: return is_name(p, "host", 4) ? take_host(f, head, value) : GO_ON;
    case 6: return is_name(p, "expect", 6) ? take_expect(f, head, value) : GO_ON;
    case 7: return is_name(p, "upgrade", 7) ? take_upgrade(head, value) : GO_ON;
    case 10: return is_name(p, "connection", 10) ? take_connection(f, value) : GO_ON;
    case 12: return is_name(p, "content-type", 12) ? take_type(f, head, value) : GO_ON;
    case 14: return is_name(p, "content-length", 14) ? take_length(f, head, value) : GO_ON;
    case 17: return is_name(p, "transfer-encoding", 17) ? take_coding(f, head, value) : GO_ON;
    default: return GO_ON;
    }
}

/* RFC 9112, 9.3; an Upgrade counts only when Connection names it, not in 1.0 (RFC 9110, 7.8). */
static void settle_connection(const weft__http_fields *f, weft__http_head *head)
{
    head->keep_alive = !f->close && (head->minor == 1 || f->keep_alive);
    if (!f->upgrades || head->minor == 0 || !head->upgrade.ptr) head->upgrade = WEFT_S("");
    if (!head->content_type.ptr) head->content_type = WEFT_S("");
}

int weft__http_fields_request(weft__http_fields *f, weft__http_head *head)
{
    if (!f->host && head->minor == 1) return weft__http_refuse(head, 400, "no Host header");
    if (f->absolute_host.ptr) head->host = f->absolute_host;
    else if (!f->host) head->host = WEFT_S("");
    head->expect_continue = f->expect;
    if (f->coded) head->body = WEFT__BODY_CHUNKED;
    else if (head->content_length > 0) head->body = WEFT__BODY_LENGTH;
    settle_connection(f, head);
    return GO_ON;
}

static weft__http_body response_body(const weft__http_fields *f, const weft__http_head *head)
{
    if (f->to_head || head->status < 200 || head->status == 204 || head->status == 304)
        return WEFT__BODY_NONE;
    if (f->coded) return WEFT__BODY_CHUNKED;
    if (head->content_length < 0) return WEFT__BODY_CLOSE;
    return head->content_length ? WEFT__BODY_LENGTH : WEFT__BODY_NONE;
}

int weft__http_fields_response(weft__http_fields *f, weft__http_head *head)
{
    head->body = response_body(f, head);
    settle_connection(f, head);
    /* A body announced where none may be: if it does come, it must not be read as the next
     * response. */
    bool bodiless = head->status < 200 || head->status == 204;
    if (bodiless && (f->coded || head->content_length > 0)) head->keep_alive = false;
    if (head->body == WEFT__BODY_CLOSE) head->keep_alive = false;
    return GO_ON;
}

bool weft__http_list_has(weft_str list, weft_str token)
{
    if (!list.len) return false;
    const char *at = list.ptr, *end = list.ptr + list.len;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (weft__same_nocase(weft__trim((weft_str){ at, (size_t)(stop - at) }), token))
            return true;
        at = stop + 1;
    }
    return false;
}

const weft__http_header *weft__http_find(
    const weft__http_head *head, weft_str name, const weft__http_header *after)
{
    const weft__http_header *end = head->headers + head->count;
    for (const weft__http_header *h = after ? after + 1 : head->headers; h < end; h++)
        if (h->name.len == name.len && weft__same_nocase(h->name, name)) return h;
    return NULL;
}
