#include "wire/utf8.h"
#include <string.h>

static inline uint64_t load8(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static const uint64_t HIGH_BITS = 0x8080808080808080;

static inline size_t ascii_run(const unsigned char *p, size_t len)
{
    size_t i = 0;
    while (len - i >= 16 && !((load8(p + i) | load8(p + i + 8)) & HIGH_BITS)) i += 16;
    while (i < len && p[i] < 0x80) i++;
    return i;
}

/* What a lead byte asks for: the length of its character and the range of the second byte, where
 * the overlong forms, the surrogates and what lies above U+10FFFF are kept out (RFC 3629, 4). */
typedef struct lead {
    unsigned size;
    unsigned char low, high;
} lead;

static lead lead_of(unsigned char c)
{
    if (c < 0xC2) return (lead){ 0, 0, 0 };
    if (c < 0xE0) return (lead){ 2, 0x80, 0xBF };
    if (c == 0xE0) return (lead){ 3, 0xA0, 0xBF };
    if (c == 0xED) return (lead){ 3, 0x80, 0x9F };
    if (c < 0xF0) return (lead){ 3, 0x80, 0xBF };
    if (c == 0xF0) return (lead){ 4, 0x90, 0xBF };
    if (c < 0xF4) return (lead){ 4, 0x80, 0xBF };
    if (c == 0xF4) return (lead){ 4, 0x80, 0x8F };
    return (lead){ 0, 0, 0 };
}

/* How many of the bytes at p fit the character that p[0], not ASCII, begins; `*size` is its whole
 * length. */
static size_t char_fit(const unsigned char *p, size_t len, unsigned *size)
{
    lead l = lead_of(p[0]);
    *size = l.size;
    if (!l.size) return 0;
    if (len < 2 || p[1] < l.low || p[1] > l.high) return 1;
    size_t n = 2;
    while (n < l.size && n < len && (p[n] & 0xC0) == 0x80) n++;
    return n;
}

size_t weft__utf8_prefix(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < len) {
        if (p[i] < 0x80) {
            i += ascii_run(p + i, len - i);
            continue;
        }
        unsigned size;
        if (char_fit(p + i, len - i, &size) != size || !size) break;
        i += size;
    }
    return i;
}

bool weft__utf8_valid(const char *bytes, size_t len)
{
    return weft__utf8_prefix(bytes, len) == len;
}

bool weft__utf8_partial(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (len == 0 || p[0] < 0x80) return false;
    unsigned size;
    return char_fit(p, len, &size) == len && len < size;
}

size_t weft__utf8_count(const char *bytes, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) count += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    return count;
}
