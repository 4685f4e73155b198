#ifndef WEFT_SRC_WIRE_PUT_H
#define WEFT_SRC_WIRE_PUT_H
/* Texts and numbers written one behind the other, where there is room for them: each returns where the next one goes. Most are shorter than what a
 * call of memcpy costs. */
#include <string.h>
#include "weft/base.h"

static inline char *weft__put(char *to, weft_str s)
{
    const char *from = s.ptr;
    size_t n = s.len;
    if (n > 32) {
        if (n > 64) return (char *)memcpy(to, from, n) + n;
        memcpy(to, from, 32);
        memcpy(to + n - 32, from + n - 32, 32);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n) {
        to[0] = from[0];
        to[n / 2] = from[n / 2];
        to[n - 1] = from[n - 1];
    }
    return to + n;
}
#define WEFT__PUT(to, literal) ((char *)memcpy((to), "" literal, sizeof(literal) - 1) + sizeof(literal) - 1)

/* Two digits of a number below 100. */
static inline char *weft__put_two(char *to, unsigned n)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869"
        "707172737475767778798081828384858687888990919293949596979899";
    return (char *)memcpy(to, pairs + 2 * n, 2) + 2;
}

/* Three digits of a number below 1000. */
static inline char *weft__put_three(char *to, unsigned n)
{
    *to = (char)('0' + n / 100);
    return weft__put_two(to + 1, n % 100);
}

/* At most 20 digits. */
static inline char *weft__put_number(char *to, uint64_t n)
{
    char digits[20];
    int at = sizeof digits;
    if (n < 10) {
        *to = (char)('0' + n);
        return to + 1;
    }
    if (n < 1000) return n >= 100 ? weft__put_three(to, (unsigned)n) : weft__put_two(to, (unsigned)n);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return weft__put(to, (weft_str){ digits + at, sizeof digits - (size_t)at });
}
#endif
