#include "wire/number.h"
#include <string.h>

static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334"
                            "353637383940414243444546474849"
                            "5051525354555657585960616263646566676869707172737475767778798081828384"
                            "858687888990919293949596979899";

static int digits_count(uint64_t u)
{
    int count = 1;
    for (uint64_t limit = 10; u >= limit && count < 20; limit *= 10) {
        count++;
        if (limit > UINT64_MAX / 10) break;
    }
    return count;
}

/* The `count` digits of u, which has no more. */
static void digits_write(char *to, uint64_t u, int count)
{
    while (count >= 2) {
        count -= 2;
        memcpy(to + count, pairs + u % 100 * 2, 2);
        u /= 100;
    }
    if (count) *to = (char)('0' + u);
}

size_t weft__int64_write(char *to, int64_t value)
{
    uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *at = to;
    if (value < 0) *at++ = '-';
    int count = digits_count(u);
    digits_write(at, u, count);
    return (size_t)(at - to + count);
}

/* The product of `factor` and the power of ten, of which all but the first 64 bits are folded
 * into the last. */
static inline uint64_t product_to_odd(weft__pow10 power, uint64_t factor)
{
    uint64_t carried = (uint64_t)(((unsigned __int128)power.low * factor) >> 64);
    unsigned __int128 sum = (unsigned __int128)power.high * factor + carried;
    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

static weft__pow10 pow10_rounded_up(int k)
{
    weft__pow10 power = weft__pow10_table[k - WEFT__POW10_LOWEST];
    power.low += k < 0 || k > 55;                 /* between these it is exact */
    return power;
}

static weft__shortest without_zeros(uint64_t digits, int exp10)
{
    while (digits % 100 == 0 && digits) {
        digits /= 100;
        exp10 += 2;
    }
    if (digits % 10 == 0 && digits) {
        digits /= 10;
        exp10++;
    }
    return (weft__shortest){ digits, digits ? exp10 : 0 };
}

/* What reads back as value lies between the middles to its two neighbours. With k chosen so that
 * at least one multiple of 10^k lies there, the one with a digit less is taken when there is
 * one, else the closer of the two around the value; four times everything, so that the middles
 * are whole (R. Giulietti, The Schubfach way to render doubles, 2020). */
static weft__shortest shortest_of_parts(uint64_t mantissa, int exponent, bool closer_below)
{
    int k = (exponent * 1262611 - (closer_below ? 524031 : 0)) >> 22; /* floor(log10) of the gap */
    int shift = exponent + ((-k * 1741647) >> 19) + 1;                /* floor(log2(10^-k)) */
    weft__pow10 power = pow10_rounded_up(-k);
    bool odd = mantissa & 1; /* the middles themselves round to the even neighbour */
    uint64_t low = product_to_odd(power, (4 * mantissa - 2 + closer_below) << shift) + odd;
    uint64_t mid = product_to_odd(power, 4 * mantissa << shift);
    uint64_t high = product_to_odd(power, (4 * mantissa + 2) << shift) - odd;
    uint64_t s = mid / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool down = low <= 40 * tens, up = 40 * tens + 40 <= high;
        if (down != up) return without_zeros(tens + up, k + 1);
    }
    bool down = low <= 4 * s, up = 4 * s + 4 <= high;
    if (down != up) return without_zeros(s + up, k);
    bool nearer_up = mid > 4 * s + 2 || (mid == 4 * s + 2 && (s & 1));
    return without_zeros(s + nearer_up, k);
}

/* Most doubles that people write have few decimals. Two decimals of at most 15 digits never read
 * as the same double, so the one found here is the shortest there is. */
static bool shortest_of_few(double value, weft__shortest *out)
{
    enum { PLACES = 4 };
    const double scale = 1e4;
    double magnitude = __builtin_fabs(value);
    if (!(magnitude < 1e11)) return false;
    uint64_t digits = (uint64_t)(magnitude * scale + 0.5);
    if ((double)digits / scale != magnitude) return false;
    *out = without_zeros(digits, -PLACES);
    return true;
}

weft__shortest weft__double_shortest(double value)
{
    weft__shortest few;
    if (shortest_of_few(value, &few)) return few;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & ((1ULL << 52) - 1);
    int biased = (int)(bits >> 52 & 0x7FF);
    if (!biased)
        return mantissa ? shortest_of_parts(mantissa, -1074, false) : (weft__shortest){ 0, 0 };
    bool closer_below = !mantissa && biased > 1;
    mantissa |= 1ULL << 52;
    int exponent = biased - 1075;
    bool small_integer =
        exponent <= 0 && exponent >= -52 && !(mantissa & ((1ULL << -exponent) - 1));
    if (small_integer) return without_zeros(mantissa >> -exponent, 0);
    return shortest_of_parts(mantissa, exponent, closer_below);
}

static char *zeros_write(char *at, int count)
{
    memset(at, '0', (size_t)count);
    return at + count;
}

/* The digits with the point behind the first `point` of them; past either end there are zeros. */
static char *positional_write(char *at, uint64_t digits, int count, int point)
{
    if (point <= 0) {
        memcpy(at, "0.", 2);
        at = zeros_write(at + 2, -point);
        digits_write(at, digits, count);
        return at + count;
    }
    digits_write(at, digits, count);
    if (point >= count) return zeros_write(at + count, point - count);
    memmove(at + point + 1, at + point, (size_t)(count - point));
    at[point] = '.';
    return at + count + 1;
}

static char *scientific_write(char *at, uint64_t digits, int count, int exponent)
{
    digits_write(at + 1, digits, count);
    at[0] = at[1];
    at[1] = '.';
    at += count > 1 ? count + 1 : 1;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (exponent < 0) exponent = -exponent;
    int places = exponent < 100 ? 2 : 3;
    digits_write(at, (uint64_t)exponent, places);
    return at + places;
}

size_t weft__double_write(char *to, double value)
{
    weft__shortest s = weft__double_shortest(value);
    int count = digits_count(s.digits), point = count + s.exp10;
    char *at = to;
    if (__builtin_signbit(value)) *at++ = '-';
    if (point < -3 || point > 16)
        return (size_t)(scientific_write(at, s.digits, count, point - 1) - to);
    at = positional_write(at, s.digits, count, point);
    if (point >= count) {
        memcpy(at, ".0", 2);
        at += 2;
    }
    return (size_t)(at - to);
}

size_t weft__double_write_plain(char *to, double value)
{
    weft__shortest s = weft__double_shortest(value);
    int count = digits_count(s.digits);
    char *at = to;
    if (__builtin_signbit(value) && s.digits) *at++ = '-';
    return (size_t)(positional_write(at, s.digits, count, count + s.exp10) - to);
}
