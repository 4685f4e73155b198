#include "wire/number.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 19, EXP10_MAX = 1 << 29 };

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

/* The first 19 digits that count, and whether any of the others is not zero: for numbers whose
 * digits did not fit. `point` counts the digits behind the decimal point, `number` holds none of
 * the exponent. */
static void scan_long(const char *at, const char *end, weft__number *n)
{
    int32_t taken = 0, dropped = 0, behind = 0;
    bool point = false;
    n->digits = 0;
    for (; at < end; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        if (point && behind < EXP10_MAX) behind++;
        if (taken == DIGITS_MAX) {
            n->inexact |= *at != '0';
            if (dropped < EXP10_MAX) dropped++;
            continue;
        }
        n->digits = n->digits * 10 + (uint64_t)(*at - '0');
        taken += n->digits != 0;
    }
    n->exp10 = dropped - behind;
}

/* The exponent at `at`, which stands on its e; `at` itself when no digit follows. */
static const char *scan_exponent(const char *at, const char *end, int32_t *out)
{
    const char *p = at + 1;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || !is_digit(*p)) return at;
    int32_t value = 0;
    for (; p < end && is_digit(*p); p++)
        if (value < EXP10_MAX / 10) value = value * 10 + (*p - '0');
    *out = negative ? -value : value;
    return p;
}

const char *weft__number_scan(const char *at, const char *end, weft__number *n)
{
    const char *begin = at;
    n->negative = at < end && *at == '-';
    at += n->negative;
    if (at == end || !is_digit(*at)) return NULL;
    const char *first = at;
    uint64_t digits = (uint64_t)(*at++ - '0');
    if (digits)
        for (; at < end && is_digit(*at); at++) digits = digits * 10 + (uint64_t)(*at - '0');
    size_t count = (size_t)(at - first);
    n->exp10 = 0;
    n->inexact = false;
    n->whole = true;
    if (at + 1 < end && *at == '.' && is_digit(at[1])) {
        const char *point = at++;
        for (; at < end && is_digit(*at); at++) digits = digits * 10 + (uint64_t)(*at - '0');
        size_t behind = (size_t)(at - point - 1);
        count += behind;
        if (count <= DIGITS_MAX) n->exp10 = -(int32_t)behind;
        n->whole = false;
    }
    n->digits = digits;
    if (__builtin_expect(count > DIGITS_MAX, 0)) scan_long(first, at, n);
    if (at < end && (*at | 0x20) == 'e') {
        int32_t exponent = 0;
        const char *behind = scan_exponent(at, end, &exponent);
        n->whole &= behind == at;
        at = behind;
        n->exp10 += exponent;
    }
    n->text = (weft_str){ begin, (size_t)(at - begin) };
    return at;
}

int weft__number_int64(const weft__number *n, int64_t *out)
{
    uint64_t value = n->digits;
    int32_t exp10 = n->exp10;
    if (!value) {
        *out = 0;
        return n->inexact ? WEFT_EINVAL : 0;
    }
    for (; exp10 < 0 && value % 10 == 0; exp10++) value /= 10;
    if (exp10 < 0) return WEFT_EINVAL;
    for (; exp10 > 0; exp10--)
        if (__builtin_mul_overflow(value, 10, &value)) return WEFT_ELIMIT;
    if (value > (uint64_t)INT64_MAX + n->negative) return WEFT_ELIMIT;
    if (n->inexact) return WEFT_EINVAL;
    *out = n->negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

/* The digits as an integer with at most 771 of them and an exponent, for strtod: a double's
 * exact value has at most 767 digits, so what follows matters only by not being zero. No decimal
 * point, no locale. */
static double double_by_libc(const weft__number *n)
{
    enum { ENOUGH = 770 };
    char digits[ENOUGH + 24];
    size_t used = 0;
    int64_t exp10 = 0;
    bool point = false, rest = false;
    const char *at = n->text.ptr + n->negative, *end = n->text.ptr + n->text.len;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        exp10 -= point;
        if (used == ENOUGH) {
            rest |= *at != '0';
            exp10++;
        } else if (used || *at != '0') {
            digits[used++] = *at;
        }
    }
    digits[used++] = rest ? '1' : '0';
    exp10--;
    int32_t exponent = 0;
    if (at < end) scan_exponent(at, end, &exponent);
    digits[used++] = 'e';
    used += weft__int64_write(digits + used, exp10 + exponent);
    digits[used] = 0;
    return strtod(digits, NULL);
}

enum { MANTISSA_BITS = 52, EXPONENT_TOP = 0x7FF };

static double double_of_parts(uint64_t mantissa, int exponent)
{
    uint64_t bits = (mantissa & ((1ULL << MANTISSA_BITS) - 1)) | (uint64_t)exponent
                                                                     << MANTISSA_BITS;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline int log2_of_pow10(int k) { return (k * 217706) >> 16; } /* floor, for |k| <= 350 */

/* digits * 10^exp10 rounded, for digits that are exact: the product with 128 bits of the power
 * decides in every case (D. Lemire, Number parsing at a gigabyte per second, 2021; N. Mushtak
 * and D. Lemire, 2023). */
static double double_by_product(uint64_t digits, int exp10)
{
    if (!digits || exp10 < WEFT__POW10_LOWEST) return 0;
    if (exp10 > 308) return (double)INFINITY;
    int zeros = __builtin_clzll(digits);
    digits <<= zeros;
    weft__pow10 power = weft__pow10_table[exp10 - WEFT__POW10_LOWEST];
    power.low +=
        exp10 < 0 && exp10 >= -27; /* these are compared with ties: rounded up, not cut off */
    unsigned __int128 product = (unsigned __int128)digits * power.high;
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if ((high & 0x1FF) == 0x1FF) {
        uint64_t more = (uint64_t)(((unsigned __int128)digits * power.low) >> 64);
        high += __builtin_add_overflow(low, more, &low);
    }
    int top = (int)(high >> 63), shift = top + 64 - MANTISSA_BITS - 3;
    uint64_t mantissa = high >> shift;
    int exponent = log2_of_pow10(exp10) + 63 + top - zeros + 1023;
    if (exponent <= 0) {                          /* subnormal, or just below the normal ones */
        if (exponent <= -63) return 0;
        mantissa >>= 1 - exponent;
        mantissa = (mantissa + (mantissa & 1)) >> 1;
        return double_of_parts(mantissa, mantissa >> MANTISSA_BITS ? 1 : 0);
    }
    bool tie =
        low <= 1 && exp10 >= -4 && exp10 <= 23 && (mantissa & 3) == 1 && mantissa << shift == high;
    if (tie) mantissa &= ~1ULL;
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >> (MANTISSA_BITS + 1)) {
        mantissa >>= 1;
        exponent++;
    }
    return exponent >= EXPONENT_TOP ? (double)INFINITY : double_of_parts(mantissa, exponent);
}

static const double small_pow10[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

double weft__number_double(const weft__number *n)
{
    double value;
    if (!n->inexact && n->digits <= 1ULL << 53 && n->exp10 >= -22 && n->exp10 <= 22) {
        /* Both operands are exact doubles, so the one rounding is the right one (W. Clinger,
         * 1990). */
        value = (double)n->digits;
        value = n->exp10 < 0 ? value / small_pow10[-n->exp10] : value * small_pow10[n->exp10];
    } else {
        value = double_by_product(n->digits, n->exp10);
        /* The dropped digits lie between these two; where they round apart, all of them must be
         * seen. */
        if (n->inexact && value != double_by_product(n->digits + 1, n->exp10))
            value = double_by_libc(n);
    }
    return n->negative ? -value : value;
}
