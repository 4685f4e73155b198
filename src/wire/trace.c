#include "wire/trace.h"
#include <string.h>

void weft__hex(char *to, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
}

/* Lower case only, as the standard says. */
static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *from, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++, from += 2) {
        int high = digit(from[0]), low = digit(from[1]);
        if (high < 0 || low < 0) return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    uint8_t all = 0;
    for (size_t i = 0; i < n; i++) all |= bytes[i];
    return !all;
}

bool weft__traceparent_read(weft_str text, weft__trace_ids *out)
{
    weft__trace_ids ids = { .there = true };
    uint8_t version;
    const char *p = text.ptr;
    if (text.len < WEFT__TRACEPARENT || p[2] != '-' || p[35] != '-' || p[52] != '-') return false;
    if (!read_hex(p, &version, 1) || version == 0xff) return false;
    if (version == 0 ? text.len != WEFT__TRACEPARENT : text.len > WEFT__TRACEPARENT && p[WEFT__TRACEPARENT] != '-') return false;
    if (!read_hex(p + 3, ids.trace, 16) || !read_hex(p + 36, ids.span, 8) || !read_hex(p + 53, &ids.flags, 1)) return false;
    if (is_zero(ids.trace, 16) || is_zero(ids.span, 8)) return false;
    ids.flags &= 1;
    *out = ids;
    return true;
}

void weft__traceparent_write(const weft__trace_ids *ids, char *to)
{
    memcpy(to, "00-", 3);
    weft__hex(to + 3, ids->trace, 16);
    to[35] = '-';
    weft__hex(to + 36, ids->span, 8);
    to[52] = '-';
    weft__hex(to + 53, &ids->flags, 1);
}

bool weft__tracestate_good(weft_str text)
{
    if (!text.len || text.len > WEFT__TRACESTATE_MAX) return false;
    for (size_t i = 0; i < text.len; i++)
        if ((text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] > '~') return false;
    return memchr(text.ptr, '=', text.len) != NULL;
}
