#ifndef WEFT_SRC_WIRE_JSON_PLAIN_H
#define WEFT_SRC_WIRE_JSON_PLAIN_H
#include <string.h>
#include "weft/base.h"

/* Eight bytes of a JSON string at once, for little-endian machines. */

static inline uint64_t weft__load8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The top bit of the first byte that is a quote, a backslash, a control character or above ASCII
 * is set; bits above that one mean nothing. 0: all eight are plain. */
static inline uint64_t weft__json_special8(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    return ((word - ones * ' ') | (quote - ones) | (backslash - ones) | word) & ones << 7;
}

static inline bool weft__json_special(unsigned char c)
{
    return c < ' ' || c == '"' || c == '\\' || c >= 0x80;
}

/* The same for all of n bytes, 0 < n <= 16. */
static inline bool weft__json_special16(const char *p, size_t n)
{
    if (n >= 8)
        return (weft__json_special8(weft__load8(p)) |
                   weft__json_special8(weft__load8(p + n - 8))) != 0;
    uint64_t word = 0x6161616161000000 | (unsigned char)p[0] |
                    (uint64_t)(unsigned char)p[n / 2] << 8 |
                    (uint64_t)(unsigned char)p[n - 1] << 16;
    if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        word = first | (uint64_t)last << 32;
    }
    return weft__json_special8(word) != 0;
}

/* Copies n bytes, n <= 16, without a call. */
static inline void weft__copy16(char *to, const char *from, size_t n)
{
    if (n >= 8) {
        uint64_t first = weft__load8(from), last = weft__load8(from + n - 8);
        memcpy(to, &first, 8);
        memcpy(to + n - 8, &last, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + n - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + n - 4, &last, 4);
    } else if (n) {
        char middle = from[n / 2], last = from[n - 1];
        to[0] = from[0];
        to[n / 2] = middle;
        to[n - 1] = last;
    }
}
#endif
