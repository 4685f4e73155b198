#include <string.h>
#include "wire/json.h"
#include "wire/json_plain.h"
#include "wire/number.h"
#include "wire/utf8.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool weft__json_fail(weft__json_in *in, const char *error, const char *at)
{
    if (in->error) return false;
    in->error = error;
    in->error_at = at;
    return false;
}

size_t weft__json_error_position(const weft__json_in *in)
{
    return in->error ? weft__utf8_count(in->start, (size_t)(in->error_at - in->start)) : 0;
}

const char *weft__json_plain_end_portable(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t special = weft__json_special8(weft__load8(at));
        if (special) return at + __builtin_ctzll(special) / 8;
    }
    while (at < end && !weft__json_special((unsigned char)*at)) at++;
    return at;
}

#ifdef __SSE2__
/* Signed comparison: bytes above ASCII are negative, so they are below a space as well. */
const char *weft__json_plain_end(const char *at, const char *end)
{
    const __m128i space = _mm_set1_epi8(' '), quote = _mm_set1_epi8('"'),
                  backslash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        int mask = _mm_movemask_epi8(special);
        if (mask) return at + __builtin_ctz((unsigned)mask);
    }
    return weft__json_plain_end_portable(at, end);
}
#else
const char *weft__json_plain_end(const char *at, const char *end)
{
    return weft__json_plain_end_portable(at, end);
}
#endif

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at p as a number, or -1. */
static int hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static const char escapes[] = "\"\\/bfnrt", escaped_to[] = "\"\\/\b\f\n\r\t";

/* Past the escape whose backslash stands at p, or NULL with the error noted. */
static const char *escape_check(weft__json_in *in, const char *p, const char *opening)
{
    if (in->end - p < 2) {
        weft__json_fail(in, "Unterminated string starting at", opening);
        return NULL;
    }
    if (p[1] != 'u') {
        if (p[1] && strchr(escapes, p[1])) return p + 2;
        weft__json_fail(in, "Invalid \\escape", p);
        return NULL;
    }
    int unit = hex4(p + 2, in->end);
    if (unit < 0) {
        weft__json_fail(in, "Invalid \\uXXXX escape", p + 1);
        return NULL;
    }
    if (unit < 0xD800 || unit > 0xDFFF) return p + 6;
    bool paired = unit < 0xDC00 && in->end - p >= 12 && p[6] == '\\' && p[7] == 'u';
    int low = paired ? hex4(p + 8, in->end) : -1;
    if (low >= 0xDC00 && low <= 0xDFFF) return p + 12;
    weft__json_fail(in, "Unpaired surrogate in \\uXXXX escape", p + 1);
    return NULL;
}

/* Past the bytes above ASCII at p, or NULL with the error noted. */
static const char *wide_check(weft__json_in *in, const char *p)
{
    const char *behind = p;
    while (behind < in->end && (unsigned char)*behind >= 0x80) behind++;
    size_t valid = weft__utf8_prefix(p, (size_t)(behind - p));
    if (p + valid == behind) return behind;
    weft__json_fail(in, "Invalid UTF-8", p + valid);
    return NULL;
}

bool weft__json_string_read(weft__json_in *in, weft__json_string *out)
{
    const char *opening = in->at, *p = opening + 1;
    out->escaped = out->wide = false;
    for (;;) {
        p = weft__json_plain_end(p, in->end);
        if (p == in->end) return weft__json_fail(in, "Unterminated string starting at", opening);
        if (*p == '"') break;
        if (*p == '\\') {
            out->escaped = true;
            p = escape_check(in, p, opening);
        } else if ((unsigned char)*p >= 0x80) {
            out->wide = true;
            p = wide_check(in, p);
        } else {
            return weft__json_fail(in, "Invalid control character at", p);
        }
        if (!p) return false;
    }
    out->raw = (weft_str){ opening + 1, (size_t)(p - opening - 1) };
    in->at = p + 1;
    return true;
}

static char *utf8_put(char *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (char)point;
        return to;
    }
    if (point < 0x800) {
        *to++ = (char)(0xC0 | point >> 6);
    } else {
        if (point < 0x10000) {
            *to++ = (char)(0xE0 | point >> 12);
        } else {
            *to++ = (char)(0xF0 | point >> 18);
            *to++ = (char)(0x80 | (point >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (point & 0x3F));
    return to;
}

size_t weft__json_unescape(weft_str raw, char *to, bool *nul)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    char *at = to;
    while (p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((backslash ? backslash : end) - p);
        memmove(at, p, plain);
        at += plain;
        p += plain;
        if (p == end) break;
        if (p[1] != 'u') {
            *at++ = escaped_to[strchr(escapes, p[1]) - escapes];
            p += 2;
            continue;
        }
        uint32_t point = (uint32_t)hex4(p + 2, end);
        p += 6;
        if (point >= 0xD800 && point <= 0xDBFF) {
            point = 0x10000 + ((point - 0xD800) << 10) + ((uint32_t)hex4(p + 2, end) - 0xDC00);
            p += 6;
        }
        *nul |= point == 0;
        at = utf8_put(at, point);
    }
    return (size_t)(at - to);
}

bool weft__json_literal(weft__json_in *in, const char *literal, size_t len)
{
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, literal, len))
        return weft__json_fail(in, "Expecting value", in->at);
    in->at += len;
    return true;
}

/* Past a value that holds no other: `first` is its first byte. */
static bool scalar_skip(weft__json_in *in, unsigned char first)
{
    weft__json_string string;
    switch (first) {
    case '"': return weft__json_string_read(in, &string);
    case 'n': return weft__json_literal(in, "null", 4);
    case 't': return weft__json_literal(in, "true", 4);
    case 'f': return weft__json_literal(in, "false", 5);
    }
    weft__number number;
    const char *behind = weft__number_scan(in->at, in->end, &number);
    if (!behind) return weft__json_fail(in, "Expecting value", in->at);
    in->at = behind;
    return true;
}

/* Past a key and its colon. */
static bool key_skip(weft__json_in *in)
{
    weft__json_string string;
    if (weft__json_peek(in) != '"')
        return weft__json_fail(in, "Expecting property name enclosed in double quotes", in->at);
    if (!weft__json_string_read(in, &string)) return false;
    if (weft__json_peek(in) != ':') return weft__json_fail(in, "Expecting ':' delimiter", in->at);
    in->at++;
    return true;
}

bool weft__json_skip(weft__json_in *in, unsigned depth)
{
    uint64_t objects = 0; /* a bit for each level, the innermost lowest: is it an object */
    unsigned levels = 0;
    _Static_assert(WEFT__JSON_DEPTH_MAX <= 64, "one bit for each level");
    for (;;) {
        unsigned char c = weft__json_peek(in);
        if (c == '{' || c == '[') {
            if (depth + levels >= WEFT__JSON_DEPTH_MAX)
                return weft__json_fail(in, "More than 64 levels of nesting", in->at);
            in->at++;
            levels++;
            objects = objects << 1 | (c == '{');
            if (weft__json_peek(in) != (c == '{' ? '}' : ']')) {
                if (c == '{' && !key_skip(in)) return false;
                continue;
            }
        } else if (!scalar_skip(in, c)) {
            return false;
        } else if (!levels) {
            return true;
        }
        for (;;) { /* behind a value, or on the bracket of an empty one */
            if (!levels) return true;
            c = weft__json_peek(in);
            if (c == ',') break;
            if (c != (objects & 1 ? '}' : ']'))
                return weft__json_fail(in, "Expecting ',' delimiter", in->at);
            in->at++;
            objects >>= 1;
            levels--;
        }
        in->at++;
        if ((objects & 1) && !key_skip(in)) return false;
    }
}

bool weft__json_valid(weft_str text)
{
    weft__json_in in = weft__json_open(text);
    return weft__json_skip(&in, 0) && weft__json_peek(&in) == 0 && in.at == in.end;
}
