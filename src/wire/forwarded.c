#define _GNU_SOURCE
#include "wire/forwarded.h"
#include <string.h>
#include "wire/bytes.h"

enum { HOPS_MAX = 64, HOST_BYTES_MAX = 262 };

static weft_str trim(weft_str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) s.ptr++, s.len--;
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
    return s;
}

static bool is_escaped(weft_str s, size_t at)
{
    size_t n = 0;
    while (n < at && s.ptr[at - 1 - n] == '\\') n++;
    return n & 1;
}

/* The last part of a list, which is shortened by it; false: nothing is left. Where there are `quotes`, separators within them are none. It is
 * looked for from the end: that is what a trusted proxy has written, while quotes in front of it may be a client's, and have no end. */
static bool last_part(weft_str *list, char separator, bool quotes, weft_str *out)
{
    size_t from = list->len;
    bool quoted = false;
    if (!list->len) return false;
    for (; from > 0; from--) {
        char c = list->ptr[from - 1];
        if (quotes && c == '"' && !(quoted && is_escaped(*list, from - 1))) quoted = !quoted;
        else if (c == separator && !quoted) break;
    }
    *out = trim((weft_str){ list->ptr + from, list->len - from });
    list->len = from ? from - 1 : 0;
    return true;
}

/* ---- the lines of a header, the last one first ---- */

typedef struct lines { const weft__http_head *head; const char *name; unsigned left; bool quotes; weft_str line; } lines;

static bool line_before(lines *l)
{
    while (l->left) {
        const weft__http_header *h = &l->head->headers[--l->left];
        if (!weft__same_nocase(h->name, weft_str_of(l->name))) continue;
        l->line = h->value;
        return true;
    }
    return false;
}

/* The next hop towards the client. */
static bool hop_before(lines *l, weft_str *out)
{
    while (!l->line.len)
        if (!line_before(l)) return false;
    return last_part(&l->line, ',', l->quotes, out);
}

/* Only Forwarded has quotes: RFC 7239, 4 */
static lines lines_of(const weft__http_head *head, const char *name, bool quotes) { return (lines){ head, name, head->count, quotes, { "", 0 } }; }

/* ---- what a hop says ---- */

static weft_str unquoted(weft_str s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"') return s;
    s = (weft_str){ s.ptr + 1, s.len - 2 };
    return memchr(s.ptr, '\\', s.len) ? (weft_str){ "", 0 } : s;     /* nothing that is told here needs one */
}

/* "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1" */
static bool address_of(weft_str text, weft__ip *out)
{
    if (weft__ip_parse(text, out) == 0) return true;
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon || weft__decimal((weft_str){ colon + 1, (size_t)(text.ptr + text.len - colon) - 1 }, 65535) < 0) return false;
    weft_str before = { text.ptr, (size_t)(colon - text.ptr) };
    bool brackets = before.len && before.ptr[0] == '[';
    if (!brackets && memchr(before.ptr, ':', before.len)) return false;
    return weft__ip_parse(before, out) == 0;
}

static weft_str parameter(weft_str hop, const char *name)
{
    weft_str pair;
    while (last_part(&hop, ';', true, &pair)) {
        const char *equals = pair.len ? memchr(pair.ptr, '=', pair.len) : NULL;
        if (!equals || !weft__same_nocase((weft_str){ pair.ptr, (size_t)(equals - pair.ptr) }, weft_str_of(name))) continue;
        return unquoted((weft_str){ equals + 1, (size_t)(pair.ptr + pair.len - equals) - 1 });
    }
    return (weft_str){ "", 0 };
}

static bool is_host(weft_str s)
{
    if (!s.len || s.len > HOST_BYTES_MAX) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = weft__byte_is(c, WEFT__DIGIT) || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!word && c != '.' && c != '-' && c != ':' && c != '[' && c != ']' && c != '_') return false;
    }
    return true;
}

static void tell_scheme(weft__forwarded *f, weft_str scheme)
{
    f->https = weft__same_nocase(scheme, WEFT_S("https"));
    f->http = weft__same_nocase(scheme, WEFT_S("http"));
}

/* ---- the whole ---- */

static void read_x(weft__forwarded *f, const weft__http_head *head)
{
    lines proto = lines_of(head, "X-Forwarded-Proto", false), host = lines_of(head, "X-Forwarded-Host", false);
    weft_str value;
    if (hop_before(&proto, &value)) tell_scheme(f, value);
    if (hop_before(&host, &value) && is_host(value)) f->host = value;
}

static void read_hop(weft__forwarded *f, weft_str hop)
{
    weft_str host = parameter(hop, "host");
    tell_scheme(f, parameter(hop, "proto"));
    if (is_host(host)) f->host = host;
}

weft__forwarded weft__forwarded_read(const weft__http_head *head, weft__ip peer, const weft__network *trusted, int count, bool rfc7239)
{
    weft__forwarded f = { .client = peer, .host = { "", 0 } };
    lines hops = lines_of(head, rfc7239 ? "Forwarded" : "X-Forwarded-For", rfc7239);
    weft_str hop;
    if (!weft__networks_have(trusted, count, &peer)) return f;
    if (!rfc7239) read_x(&f, head);
    for (int i = 0; i < HOPS_MAX && weft__networks_have(trusted, count, &f.client) && hop_before(&hops, &hop); i++) {
        if (rfc7239 && i == 0) read_hop(&f, hop);
        if (!address_of(rfc7239 ? parameter(hop, "for") : hop, &f.client)) break;
        f.told = true;
    }
    return f;
}
