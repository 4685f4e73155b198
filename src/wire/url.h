#ifndef WEFT_SRC_WIRE_URL_H
#define WEFT_SRC_WIRE_URL_H
#include "base/buf.h"
#include "weft/base.h"

/* URLs: taken apart, decoded, and put together from templates. RFC 3986. Nothing here waits or
 * keeps anything; slices point into the caller's bytes and are NOT NUL-terminated. */

/* ---- percent-encoding ---- */

/* How weft__url_decode reads; 0 is the strictest. */
enum {
    WEFT__DECODE_PLUS = 1,       /* '+' is a space: in queries and forms */
    WEFT__DECODE_NUL = 2,        /* %00 is allowed */
    WEFT__DECODE_BYTES = 4       /* what comes out need not be UTF-8 */
};

/* Decode into `out`, which has room for in.len bytes and may be in.ptr itself. Returns how many
 * came out, or WEFT_EINVAL: '%' without two hex digits, NUL, no UTF-8, more than INT_MAX bytes. */
int weft__url_decode(weft_str in, unsigned how, char *out) WEFT_NODISCARD;

/* Append `s` so that it is one path segment or one query value: all but letters, digits and -._~
 * becomes %XX. A segment has more to obey: weft__url_segment_fault. */
void weft__url_encode(weft__buf *b, weft_str s);

/* Why `s` cannot be one segment of a path, or NULL when it can: empty, "." and ".." would change
 * the path around them, NUL ends it early for many. */
const char *weft__url_segment_fault(weft_str s);

/* ---- queries ---- */

/* Walks name=value&name=value. Both come still encoded: decode with WEFT__DECODE_PLUS. */
typedef struct weft__url_query { const char *at, *end; unsigned left; } weft__url_query;
weft__url_query weft__url_query_of(weft_str query, unsigned pairs_max);

/* 1 with the next pair, 0 at the end, WEFT_ELIMIT past pairs_max. Empty pairs ("a=1&&b=2") are
 * skipped; a name without '=' has the empty value. */
int weft__url_query_next(weft__url_query *q, weft_str *name, weft_str *value) WEFT_NODISCARD;

/* "/a?b=c" into "/a" and "b=c"; query->ptr is NULL without '?'. */
void weft__url_split(weft_str target, weft_str *path, weft_str *query);

/* ---- whole URLs ---- */

typedef struct weft__url {
    bool tls;             /* https */
    bool is_ipv6;         /* host was in brackets; it comes without them */
    bool bare;            /* there was no path: it is "/" */
    int port;             /* 1 to 65535; 80 or 443 when not given */
    weft_str host;        /* as written, 1 to 255 bytes: resolve and compare without case */
    weft_str authority;   /* host[:port] as written: for the Host header */
    weft_str path, query; /* still encoded; path begins with '/'; query.ptr is NULL without '?' */
} weft__url;

/* Parse an absolute http or https URL. 0, or WEFT_EINVAL with *fault set to static text and *url
 * untouched. Refused: other schemes; user and password ("user@host"); fragments; an IPv6 zone; an
 * empty or strange host (letters, digits and -._ only); ports outside 1 to 65535; '%' without two
 * hex digits; spaces, control characters, and bytes outside ASCII. */
int weft__url_parse(weft_str text, weft__url *url, const char **fault) WEFT_NODISCARD;

/* True when it begins with http:// or https://, in any case. */
bool weft__url_has_scheme(weft_str text);

/* True for host[:port] as above, what a Host header may hold; the port may be empty. */
bool weft__url_host_valid(weft_str authority);

/* True for an IPv6 address without brackets or zone: "::1", "2001:db8::7", "::ffff:1.2.3.4". */
bool weft__url_ipv6_valid(weft_str address);

/* ---- templates ---- */

enum { WEFT__URL_FAULT = 160 };      /* room for a fault's text, its NUL included */

/* Append `format` with each "{}" replaced by the next value, percent-encoded for its place, and
 * each "{+}" by the next value as it is:
 *
 *     "{+}/items/{}?near={}"    "http://shop:8000", "a/b", "1 km"
 *     http://shop:8000/items/a%2Fb?near=1%20km
 *
 * Returns 0, or WEFT_EINVAL with `fault` telling what was expected and what came, and nothing
 * appended. In a path "{}" is (part of) one segment: it may not be empty or hold NUL, and no
 * segment of the result may be "." or "..", "%2e" included. Behind '?' it is a query value, any
 * bytes. In scheme and host there is no "{}". Literal text and "{+}" hold visible ASCII only,
 * without '#'. The result is not parsed: weft__url_parse has the last word. Past out's limit
 * out->failed is set, as always, and the text is of no use.  */
int weft__url_format(weft__buf *out, const char *format, const weft_str *values, size_t count,
    char fault[WEFT__URL_FAULT]) WEFT_NODISCARD;
#endif
