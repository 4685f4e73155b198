#ifndef WEFT_SRC_WIRE_COOKIE_H
#define WEFT_SRC_WIRE_COOKIE_H
#include "base/buf.h"
#include "weft/base.h"

/* What clients send as Cookie: "name=value; other=\"value\"" (RFC 6265, 4.2 and 5.4). Read as
 * browsers' neighbours read it, and not as the grammar says: white space around names and values is
 * left out, a pair without '=' is a value without a name, empty pairs are nothing. Nothing here
 * waits or allocates. */

typedef struct weft__cookies { const char *at, *end; } weft__cookies;

static inline weft__cookies weft__cookies_of(weft_str header)
{
    const char *at = header.len ? header.ptr : "";
    return (weft__cookies){ at, at + header.len };
}

/* True with the next pair, false at the end. Both are slices of the header; the value is as it came,
 * in quotes or not. */
bool weft__cookie_next(weft__cookies *c, weft_str *name, weft_str *value);

/* What a value in quotes means, the escapes \" and \\ and \ooo (octal, 1 to 3 digits up to 377) of
 * those who quote; any other value means itself. `out` has room for value.len bytes and may be
 * value.ptr. Returns how many bytes it wrote. */
size_t weft__cookie_unquote(weft_str value, char *out);
static inline bool weft__cookie_quoted(weft_str v)
{
    return v.len >= 2 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"';
}

/* ---- set_cookie.c: what servers send as Set-Cookie: RFC 6265, 4.1, with SameSite and the prefixes of RFC 6265bis ---- */

enum { WEFT__COOKIE_BYTES_MAX = 4096 };  /* of name and value as they are sent: what browsers keep */

/* An attribute that is empty is left out. */
typedef struct weft__set_cookie {
    weft_str name, value, path, domain, same_site;
    int64_t max_age_s;               /* -1: none; 0 ends the cookie */
    bool secure, http_only;
} weft__set_cookie;

/* Why no browser would keep it as it is meant, or NULL. */
const char *weft__set_cookie_fault(const weft__set_cookie *c);

/* Append the header's value. A value that is no cookie's is quoted as weft__cookie_unquote reads it. */
void weft__set_cookie_add(weft__buf *out, const weft__set_cookie *c);
#endif
