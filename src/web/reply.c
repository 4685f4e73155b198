#include "web/reply.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "web/onion.h"
#include "wire/bytes.h"
#include "wire/cookie.h"

static const weft_str html_type = WEFT_S("text/html; charset=utf-8");
static const weft_str text_type = WEFT_S("text/plain; charset=utf-8");

/* ---- what handlers call ---- */

static const char *hint(const weft_reply *r)
{
    return r->onion ? ", with an answer in parts; middleware says such things before weft_next_run, or in weft_reply_on_head" : "";
}

int weft_reply_status(weft_reply *r, int status)
{
    if (status < 200 || status > 599)
        return weft_fail(WEFT_EINVAL, "reply status %d: expected 200 to 599", status);
    if (r->sent) return weft_fail(WEFT_EINVAL, "reply status %d: the head has been sent%s", status, hint(r));
    r->status = status;
    return 0;
}

static bool is_ours(weft_str name)
{
    static const weft_str ours[] = { WEFT_S("content-length"), WEFT_S("transfer-encoding"),
        WEFT_S("connection"), WEFT_S("date") };
    for (size_t i = 0; i < weft_count(ours); i++)
        if (weft__same_nocase(name, ours[i])) return true;
    return false;
}

/* The header to write to: the one of this name, since a header is set, not added; a new one for
 * what may stand several times and cannot be joined by commas. */
static weft_header *header_place(weft_reply *r, weft_str name)
{
    bool repeats = weft__same_nocase(name, WEFT_S("set-cookie"));
    for (uint32_t i = 0; !repeats && i < r->headers.count; i++)
        if (weft__same_nocase(r->headers.items[i].name, name)) return &r->headers.items[i];
    if (r->headers.count == WEFT__REPLY_HEADERS_MAX) return NULL;
    return weft__list_slot(r->arena, &r->headers, sizeof(weft_header));
}

const char *weft__header_fault(weft_str name, weft_str value)
{
    if (!weft__http_name_valid(name)) return "its name is no token";
    if (!weft__http_value_valid(value)) return "control characters in its value";
    if (is_ours(name)) return "weft writes it itself";
    return name.len + value.len > WEFT__REPLY_HEADER_BYTES_MAX ? "more than 8192 bytes" : NULL;
}

bool weft__header_line_next(weft_str *lines, weft_str *name, weft_str *value)
{
    const char *from = lines->ptr, *stop = from + lines->len, *colon = lines->len ? memchr(from, ':', lines->len) : NULL;
    const char *end = colon ? memchr(colon, '\r', (size_t)(stop - colon)) : NULL;
    if (!end || stop - end < 2) return false;
    *name = (weft_str){ from, (size_t)(colon - from) };
    *value = weft__trim((weft_str){ colon + 1, (size_t)(end - colon - 1) });
    *lines = (weft_str){ end + 2, lines->len - (size_t)(end + 2 - from) };
    return true;
}

int weft__reply_set(weft_reply *r, weft_str name, weft_str value)
{
    const char *fault = weft__header_fault(name, value);
    if (fault) return weft_fail(WEFT_EINVAL, "reply header '%.*s': %s", WEFT_FMT(name), fault);
    if (r->sent) return weft_fail(WEFT_EINVAL, "reply header '%.*s': the head has been sent%s", WEFT_FMT(name), hint(r));
    if (weft__same_nocase(name, WEFT_S("content-type"))) {
        r->content_type = value;
        return 0;
    }
    weft_str kept = weft__arena_dup(r->arena, name);
    weft_header *h = kept.ptr ? header_place(r, name) : NULL;
    if (h) *h = (weft_header){ kept, value };
    if (h && r->onion) weft__onion_said(r->onion, h);
    if (!h && kept.ptr && r->headers.count == WEFT__REPLY_HEADERS_MAX)
        return weft_fail(WEFT_EINVAL, "reply header '%.*s': there are %d already", WEFT_FMT(name),
            WEFT__REPLY_HEADERS_MAX);
    return h ? 0 : WEFT_ENOMEM;
}

/* Names and values that are known to be good, and live long enough. */
int weft__reply_put(weft_reply *r, weft_str name, weft_str value)
{
    if (r->sent) return weft_fail(WEFT_EINVAL, "reply header '%.*s': the head has been sent%s", WEFT_FMT(name), hint(r));
    weft_header *h = r->headers.count ? header_place(r, name) : weft__list_slot(r->arena, &r->headers, sizeof *h);
    if (!h) return WEFT_ENOMEM;
    *h = (weft_header){ name, value };
    if (r->onion) weft__onion_said(r->onion, h);
    return 0;
}

int weft_reply_header(weft_reply *r, const char *name, const char *fmt, ...)
{
    va_list args;
    char text[512];
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) return weft_fail(WEFT_EINVAL, "reply header %s: its format fails", name);
    char *value = weft__arena_alloc(r->arena, (size_t)n + 1);
    if (!value) return WEFT_ENOMEM;
    if ((size_t)n < sizeof text) memcpy(value, text, (size_t)n + 1);
    else {
        va_start(args, fmt);
        vsnprintf(value, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    return weft__reply_set(r, weft_str_of(name), (weft_str){ value, (size_t)n });
}

/* What forbids to keep an answer is right for any other, too; what allows it was said of the one that is not sent. */
static bool allows_keeping(const weft_header *h)
{
    static const weft_str forbids[] = { WEFT_S("no-store"), WEFT_S("no-cache"), WEFT_S("private") };
    if (!weft__same_nocase(h->name, WEFT_S("cache-control"))) return false;
    for (size_t i = 0; i < weft_count(forbids); i++)
        if (weft__http_list_has(h->value, forbids[i])) return false;
    return true;
}

bool weft__header_of_body(const weft_header *h)
{
    static const weft_str of_body[] = { WEFT_S("content-disposition"), WEFT_S("content-encoding"), WEFT_S("content-language"),
        WEFT_S("content-location"), WEFT_S("content-range"), WEFT_S("accept-ranges"), WEFT_S("etag"), WEFT_S("last-modified"),
        WEFT_S("expires") };
    for (size_t i = 0; i < weft_count(of_body); i++)
        if (weft__same_nocase(h->name, of_body[i])) return true;
    return allows_keeping(h);
}

void weft__reply_forget_body(weft_reply *r)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->headers.count; i++)
        if (!weft__header_of_body(&r->headers.items[i])) r->headers.items[kept++] = r->headers.items[i];
    r->headers.count = kept;
}

static weft_str text_or(const char *text, weft_str usual) { return text ? weft_str_of(text) : usual; }

int weft_reply_cookie_with(weft_reply *r, const char *name, weft_str value, const weft_cookie *o)
{
    weft__set_cookie c = { .name = weft_str_of(name), .value = o->remove ? (weft_str){ "", 0 } : value,
        .path = text_or(o->path, WEFT_S("/")), .domain = text_or(o->domain, WEFT_S("")),
        .same_site = text_or(o->same_site, WEFT_S("Lax")),
        .max_age_s = o->remove ? 0 : o->max_age_s ? o->max_age_s : -1, .secure = o->secure, .http_only = o->http_only };
    const char *fault = o->max_age_s < 0 ? "max_age_s is negative; .remove ends a cookie" : weft__set_cookie_fault(&c);
    weft__buf text;
    if (fault) return weft_fail(WEFT_EINVAL, "cookie %s: %s", name, fault);
    weft__buf_init(&text, 4 * WEFT__REPLY_HEADER_BYTES_MAX);
    weft__set_cookie_add(&text, &c);
    weft_str kept = weft__arena_dup(r->arena, weft__buf_str(&text));
    int rc = text.failed || !kept.ptr ? WEFT_ENOMEM : weft__reply_set(r, WEFT_S("Set-Cookie"), kept);
    weft__buf_free(&text);
    return rc;
}

static int body_set(weft_reply *r, weft_str content_type, weft_str body)
{
    if (r->sent) return weft_fail(WEFT_EINVAL, "a reply's body: the head has been sent%s", hint(r));
    weft__reply_drop_file(r);
    r->content_type = content_type;
    r->body = body;
    r->has_body = true;
    return 0;
}

int weft_reply_html(weft_reply *r, weft_str html) { return body_set(r, html_type, html); }
int weft_reply_text(weft_reply *r, weft_str text) { return body_set(r, text_type, text); }
int weft_reply_json(weft_reply *r, weft_str json) { return body_set(r, weft__json_type, json); }

int weft_reply_bytes(weft_reply *r, const char *content_type, weft_str bytes)
{
    int rc = weft_reply_header(
        r, "Content-Type", "%s", content_type ? content_type : "application/octet-stream");
    return rc < 0 ? rc : body_set(r, r->content_type, bytes);
}

/* A URL as a header may hold it: what is not visible ASCII is percent-encoded. NULL: no memory. */
static char *visible_url(weft_arena *arena, weft_str url)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = weft__arena_alloc(arena, 3 * url.len + 1), *to = out;
    for (size_t i = 0; out && i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c > ' ' && c < 127) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    if (out) *to = 0;
    return out;
}

int weft_reply_redirect(weft_reply *r, int status, const char *url)
{
    bool known = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    weft_str text = weft_str_of(url);
    if (!known)
        return weft_fail(
            WEFT_EINVAL, "redirect with status %d: expected 301, 302, 303, 307 or 308", status);
    if (!text.len || !weft__http_value_valid(text))
        return weft_fail(WEFT_EINVAL, "redirect: the URL is empty or has control characters");
    char *visible = visible_url(r->arena, text);
    if (!visible) return WEFT_ENOMEM;
    int rc = weft__reply_set(r, WEFT_S("Location"), weft_str_of(visible));
    if (rc == 0) r->status = status;
    return rc;
}

int weft_reply_response(weft_reply *r, const weft_response *response)
{
    weft_str type = weft_response_header(response, "Content-Type");
    int rc = weft_reply_status(r, response->status);
    if (rc < 0) return rc;
    if (!weft__http_value_valid(type))
        return weft_fail(WEFT_EINVAL, "the answer passed on has a bad Content-Type");
    return body_set(r, type, response->body);
}

/* ---- what is sent ---- */

const weft_str weft__json_type = WEFT_S("application/json");

weft_str weft__reply_lines(
    weft_arena *arena, const weft_reply *r, weft_str content_type, weft_str more)
{
    char *out = weft__arena_alloc(arena, weft__reply_lines_size(r, content_type) + more.len);
    if (!out) return (weft_str){ 0 };
    char *to = weft__put(weft__reply_lines_put(out, r, content_type), more);
    return (weft_str){ out, (size_t)(to - out) };
}
