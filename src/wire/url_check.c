#include "wire/url_check.h"
#include <string.h>
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/utf8.h"

static bool is_scheme(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || weft__byte_is(c, WEFT__DIGIT) || c == '+' ||
           c == '-' || c == '.';
}

/* The length of a scheme, before its colon; 0 when there is none. */
static size_t scheme_length(weft_str s)
{
    size_t n = 0;
    while (n < s.len && is_scheme(s.ptr[n])) n++;
    return n < s.len && s.ptr[n] == ':' && n && (*s.ptr | 0x20) >= 'a' ? n : 0;
}

/* Unreserved, %XX, UTF-8, and of the others those of `more`. */
static bool is_made_of(weft_str s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (s.len - i < 3 || !weft__byte_is(s.ptr[i + 1], WEFT__HEXDIGIT) ||
                !weft__byte_is(s.ptr[i + 2], WEFT__HEXDIGIT))
                return false;
        } else if (!weft__byte_is(c, WEFT__UNRESERVED) && (unsigned char)c < 0x80 &&
                   (!c || !strchr(more, c))) {
            return false;
        }
    }
    return true;
}

static const char *port_fault(weft_str s)
{
    if (!s.len) return NULL;
    if (*s.ptr != ':') return "invalid international domain name";
    weft_str digits = { s.ptr + 1, s.len - 1 };
    return !digits.len || weft__decimal(digits, 65535) >= 0 ? NULL : "invalid port number";
}

/* True when the last label is a number: such a host is an IPv4 address or nothing. */
static bool ends_in_number(weft_str host)
{
    size_t n = 0;
    while (n < host.len && weft__byte_is(host.ptr[host.len - 1 - n], WEFT__DIGIT)) n++;
    return n && (n == host.len || host.ptr[host.len - 1 - n] == '.');
}

static const char *host_fault(weft_str s)
{
    if (s.len && *s.ptr == '[') {
        const char *close = memchr(s.ptr, ']', s.len);
        if (!close) return "invalid IPv6 address";
        size_t used = (size_t)(close - s.ptr) + 1;
        weft_str inside = { s.ptr + 1, used - 2 };
        if (memchr(inside.ptr, '%', inside.len) || !weft__ipv6_valid(inside))
            return "invalid IPv6 address";
        return port_fault((weft_str){ s.ptr + used, s.len - used });
    }
    size_t len = 0;
    while (len < s.len && s.ptr[len] != ':') len++;
    weft_str host = { s.ptr, len };
    if (!len) return "empty host";
    if (!is_made_of(host, "")) return "invalid international domain name";
    if (ends_in_number(host) && !weft__ipv4_valid(host)) return "invalid IPv4 address";
    return port_fault((weft_str){ s.ptr + len, s.len - len });
}

static const char *authority_fault(weft_str s)
{
    const char *at = s.len ? memchr(s.ptr, '@', s.len) : NULL;
    if (!at) return host_fault(s);
    size_t user = (size_t)(at - s.ptr);
    if (!is_made_of((weft_str){ s.ptr, user }, "!$&'()*+,;=:")) return "invalid user";
    return host_fault((weft_str){ at + 1, s.len - user - 1 });
}

static weft__url_verdict refuse(const char **fault, const char *why)
{
    *fault = why;
    return WEFT__URL_NONE;
}

weft__url_verdict weft__url_check(weft_str text, const char **fault)
{
    if (!text.len) return refuse(fault, "input is empty");
    if (text.len > WEFT__URL_CHARS_MAX &&
        weft__utf8_count(text.ptr, text.len) > WEFT__URL_CHARS_MAX)
        return WEFT__URL_LONG;
    size_t scheme = scheme_length(text);
    if (!scheme) return refuse(fault, "relative URL without a base");
    weft_str name = { text.ptr, scheme };
    if (!weft__same_nocase(name, WEFT_S("http")) && !weft__same_nocase(name, WEFT_S("https")))
        return WEFT__URL_SCHEME;
    weft_str rest = { text.ptr + scheme + 1, text.len - scheme - 1 };
    if (rest.len < 2 || memcmp(rest.ptr, "//", 2) != 0)
        return refuse(fault, "two slashes expected behind the scheme");
    rest.ptr += 2, rest.len -= 2;
    size_t len = 0;
    while (len < rest.len && !strchr("/?#", rest.ptr[len])) len++;
    const char *wrong = authority_fault((weft_str){ rest.ptr, len });
    if (wrong) return refuse(fault, wrong);
    if (!is_made_of((weft_str){ rest.ptr + len, rest.len - len }, "!$&'()*+,;=:@/?#"))
        return refuse(fault, "invalid character in path, query or fragment");
    return WEFT__URL_FINE;
}
