#ifndef WEFT_SRC_WIRE_BYTES_H
#define WEFT_SRC_WIRE_BYTES_H
#include <string.h>
#include "weft/base.h"

/* What a byte may be part of, in text protocols over ASCII. */
enum {
    WEFT__TOKEN = 1,  /* names and methods: RFC 9110, 5.6.2 */
    WEFT__TEXT = 2,   /* field values: visible, obs-text, space, tab; RFC 9110, 5.5 */
    WEFT__TARGET = 4, /* request targets and URLs: visible ASCII, no '#' */
    WEFT__HOST = 8, /* host names: letters, digits, '-', '.', '_' (stricter than RFC 3986, 3.2.2) */
    WEFT__UNRESERVED = 16, /* never percent-encoded: RFC 3986, 2.3 */
    WEFT__DIGIT = 32,
    WEFT__HEXDIGIT = 64,
    WEFT__TEMPLATE = 128 /* stands for itself in a URL template: WEFT__TARGET but for braces */
};
extern const unsigned char weft__byte_class[256];

static inline bool weft__byte_is(char c, unsigned classes)
{
    return weft__byte_class[(unsigned char)c] & classes;
}

/* True when every byte is of the class; so is no byte at all. */
static inline bool weft__bytes_are(weft_str s, unsigned class)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!weft__byte_is(s.ptr[i], class)) return false;
    }
    return true;
}

/* 0 to 15 for a byte of WEFT__HEXDIGIT. */
static inline unsigned weft__hex_value(char c)
{
    return ((unsigned)c & 15) + ((unsigned)c >> 6) * 9;
}

static inline char weft__lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c; }

/* True when both are the same text but for the case of ASCII letters. */
bool weft__same_but_case(weft_str a, weft_str b);

static inline bool weft__same_nocase(weft_str a, weft_str b)         /* nearly always the case is the same too */
{
    return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0 || weft__same_but_case(a, b));
}

/* Without spaces and tabs at either end. */
weft_str weft__trim(weft_str s);

/* The number that 1 or more digits spell, all of them; -1 for anything else and past `max`. */
int64_t weft__decimal(weft_str digits, int64_t max);
#endif
