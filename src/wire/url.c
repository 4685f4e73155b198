#include "wire/url.h"
#include "wire/bytes.h"
#include "wire/utf8.h"

enum { HOST_MAX = 255, PORT_MAX = 65535 };

static inline weft_str slice(const char *from, const char *to)
{
    return (weft_str){ from, (size_t)(to - from) };
}

static bool is_escape(const char *at, const char *end)
{
    return end - at >= 3 && weft__byte_is(at[1], WEFT__HEXDIGIT) &&
           weft__byte_is(at[2], WEFT__HEXDIGIT);
}

static bool is_dots(weft_str s)
{
    return s.len && s.len <= 2 && s.ptr[0] == '.' && s.ptr[s.len - 1] == '.';
}

const char *weft__url_segment_fault(weft_str s)
{
    if (!s.len) return "is empty";
    if (is_dots(s)) return "is '.' or '..'";
    if (memchr(s.ptr, 0, s.len)) return "holds a NUL";
    return NULL;
}

void weft__url_split(weft_str target, weft_str *path, weft_str *query)
{
    const char *mark = target.len ? memchr(target.ptr, '?', target.len) : NULL;
    *path = mark ? slice(target.ptr, mark) : target;
    *query = mark ? slice(mark + 1, target.ptr + target.len) : (weft_str){ 0 };
}

/* ---- hosts ---- */

static bool ipv4_valid(const char *at, const char *end)
{
    for (int part = 0; part < 4; part++) {
        const char *from = at;
        while (at < end && weft__byte_is(*at, WEFT__DIGIT)) at++;
        bool padded = at - from > 1 && *from == '0';
        if (padded || weft__decimal(slice(from, at), 255) < 0) return false;
        if (part < 3 && (at == end || *at++ != '.')) return false;
    }
    return at == end;
}

/* RFC 3986, 3.2.2: eight groups of up to four hex digits; one run of zero groups may be "::"; the
 * last two may be written as an IPv4 address. */
bool weft__url_ipv6_valid(weft_str s)
{
    if (!s.len) return false;
    const char *at = s.ptr, *end = at + s.len;
    int groups = 0;
    bool gap = false;
    if (s.len >= 2 && at[0] == ':' && at[1] == ':') gap = true, at += 2;
    while (at < end) {
        const char *from = at;
        while (at < end && at - from < 5 && weft__byte_is(*at, WEFT__HEXDIGIT)) at++;
        if (at < end && *at == '.')
            return ipv4_valid(from, end) && (gap ? groups <= 5 : groups == 6);
        if (at == from || at - from > 4 || ++groups > 8) return false;
        if (at == end) break;
        if (*at++ != ':' || at == end) return false;
        if (*at != ':') continue;
        if (gap) return false;
        gap = true, at++;
    }
    return gap ? groups <= 7 : groups == 8;
}

typedef struct authority { weft_str host; bool is_ipv6; int port; } authority;    /* port 0: none */

/* NULL, or what is wrong. */
static const char *split_brackets(weft_str text, authority *a, const char **rest)
{
    const char *close = memchr(text.ptr, ']', text.len);
    if (!close) return "an IPv6 address without its closing bracket";
    a->host = slice(text.ptr + 1, close);
    a->is_ipv6 = true;
    *rest = close + 1;
    if (memchr(a->host.ptr, '%', a->host.len))
        return "an IPv6 zone, which means nothing to another machine";
    return weft__url_ipv6_valid(a->host) ? NULL : "no IPv6 address in the brackets";
}

static const char *split_name(weft_str text, authority *a, const char **rest)
{
    const char *at = text.ptr, *end = at + text.len;
    while (at < end && weft__byte_is(*at, WEFT__HOST)) at++;
    if (at < end && *at != ':') return "a byte that no host name has";
    a->host = slice(text.ptr, at);
    *rest = at;
    if (!a->host.len) return "a URL without a host";
    return a->host.len > HOST_MAX ? "a host name of more than 255 bytes" : NULL;
}

/* 1 to 65535 in at most five digits, or -1. */
static int port_parse(weft_str digits)
{
    int port = 0;
    if (digits.len > 5) return -1;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)(digits.ptr[i] - '0');
        if (digit > 9) return -1;
        port = port * 10 + (int)digit;
    }
    return port && port <= PORT_MAX ? port : -1;
}

/* host[:port]; an empty port is none (RFC 3986, 3.2.3). NULL, or what is wrong. */
static const char *authority_parse(weft_str text, authority *a)
{
    *a = (authority){ 0 };
    const char *rest, *end = text.ptr + text.len;
    bool bracket = text.len && text.ptr[0] == '[';
    const char *fault = bracket ? split_brackets(text, a, &rest) : split_name(text, a, &rest);
    if (fault) return fault;
    if (rest == end) return NULL;
    if (*rest != ':') return "something between host and port";
    weft_str digits = slice(rest + 1, end);
    if (!digits.len) return NULL;
    int port = port_parse(digits);
    if (port < 0) return "the port is not a number from 1 to 65535";
    a->port = port;
    return NULL;
}

bool weft__url_host_valid(weft_str text)
{
    authority a;
    return text.len && !authority_parse(text, &a);
}

/* ---- whole URLs ---- */

static bool has_prefix(weft_str text, weft_str prefix)
{
    return text.len >= prefix.len && weft__same_nocase((weft_str){ text.ptr, prefix.len }, prefix);
}

bool weft__url_has_scheme(weft_str text)
{
    return has_prefix(text, WEFT_S("http://")) || has_prefix(text, WEFT_S("https://"));
}

static const char *text_fault(weft_str text)
{
    for (const char *at = text.ptr, *end = at + text.len; at < end; at++) {
        if (*at == '#') return "a fragment ('#'), which is never sent to a server";
        if (!weft__byte_is(*at, WEFT__TARGET)) return "a byte that must be percent-encoded";
        if (*at == '%' && !is_escape(at, end)) return "a '%' without two hex digits";
    }
    return NULL;
}

static const char *url_parse(weft_str text, weft__url *url)
{
    if (!weft__url_has_scheme(text)) return "a URL that does not begin with http:// or https://";
    url->tls = weft__lower(text.ptr[4]) == 's';
    const char *from = text.ptr + (url->tls ? 8 : 7), *end = text.ptr + text.len, *stop = from;
    while (stop < end && *stop != '/' && *stop != '?' && *stop != '#') stop++;
    url->authority = slice(from, stop);
    if (memchr(from, '@', url->authority.len))
        return "a user name or password ('@') before the host";
    authority a;
    const char *fault = authority_parse(url->authority, &a);
    if (!fault) fault = text_fault(slice(stop, end));
    if (fault) return fault;
    url->host = a.host;
    url->is_ipv6 = a.is_ipv6;
    url->port = a.port ? a.port : url->tls ? 443 : 80;
    weft__url_split(slice(stop, end), &url->path, &url->query);
    url->bare = !url->path.len;
    if (url->bare) url->path = WEFT_S("/");
    return NULL;
}

int weft__url_parse(weft_str text, weft__url *url, const char **fault)
{
    weft__url parsed = { 0 };
    const char *wrong = url_parse(text, &parsed);
    if (wrong) {
        *fault = wrong;
        return WEFT_EINVAL;
    }
    *url = parsed;
    return 0;
}
