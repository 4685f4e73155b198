/* Percent-encoding, and the pairs of queries and forms. */
#include "wire/url.h"
#include <limits.h>
#include "wire/bytes.h"
#include "wire/utf8.h"

static inline weft_str slice(const char *from, const char *to)
{
    return (weft_str){ from, (size_t)(to - from) };
}

static bool is_escape(const char *at, const char *end)
{
    return end - at >= 3 && weft__byte_is(at[1], WEFT__HEXDIGIT) &&
           weft__byte_is(at[2], WEFT__HEXDIGIT);
}

int weft__url_decode(weft_str in, unsigned how, char *out)
{
    if (!in.len) return 0;
    if (in.len > INT_MAX) return WEFT_EINVAL;
    char *to = out;
    for (const char *at = in.ptr, *end = at + in.len; at < end;) {
        char c = *at;
        if (c == '%') {
            if (!is_escape(at, end)) return WEFT_EINVAL;
            c = (char)(weft__hex_value(at[1]) << 4 | weft__hex_value(at[2]));
            at += 3;
        } else {
            if (c == '+' && how & WEFT__DECODE_PLUS) c = ' ';
            at++;
        }
        if (!c && !(how & WEFT__DECODE_NUL)) return WEFT_EINVAL;
        *to++ = c;
    }
    size_t len = (size_t)(to - out);
    if (!(how & WEFT__DECODE_BYTES) && !weft__utf8_valid(out, len)) return WEFT_EINVAL;
    return (int)len;
}

void weft__url_encode(weft__buf *b, weft_str s)
{
    static const char hex[] = "0123456789ABCDEF";
    if (!s.len || !weft__buf_reserve(b, s.len)) return;
    for (const char *at = s.ptr, *end = at + s.len;;) {
        const char *stop = at;
        while (stop < end && weft__byte_is(*stop, WEFT__UNRESERVED)) stop++;
        weft__buf_add(b, at, (size_t)(stop - at));
        if (stop == end) return;
        unsigned char c = (unsigned char)*stop;
        const char escape[3] = { '%', hex[c >> 4], hex[c & 15] };
        weft__buf_add(b, escape, sizeof escape);
        at = stop + 1;
    }
}

weft__url_query weft__url_query_of(weft_str query, unsigned pairs_max)
{
    return (weft__url_query){ query.ptr, query.len ? query.ptr + query.len : query.ptr, pairs_max };
}

int weft__url_query_next(weft__url_query *q, weft_str *name, weft_str *value)
{
    while (q->at < q->end && *q->at == '&') q->at++;
    if (q->at >= q->end) return 0;
    if (!q->left) return WEFT_ELIMIT;
    q->left--;
    const char *stop = memchr(q->at, '&', (size_t)(q->end - q->at));
    if (!stop) stop = q->end;
    const char *equals = memchr(q->at, '=', (size_t)(stop - q->at));
    *name = slice(q->at, equals ? equals : stop);
    *value = equals ? slice(equals + 1, stop) : (weft_str){ stop, 0 };
    q->at = stop;
    return 1;
}
