#include "wire/decimal.h"
#include <string.h>
#include "wire/bytes.h"
#include "wire/number.h"

enum { TEXT_MAX = 4096, EXPONENT_MAX = 999999999 };

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* ---- reading: underscores count for nothing, wherever they stand, as in Python ---- */

typedef struct scan {
    const char *at, *end;
} scan;

static int peek(scan *s)
{
    while (s->at < s->end && *s->at == '_') s->at++;
    return s->at < s->end ? (unsigned char)*s->at : 0;
}

static bool digit_add(weft__exact *d, char c)
{
    if (d->count == 1 && d->digits[0] == '0') d->count = 0;
    if (d->count == WEFT_DECIMAL_DIGITS_MAX) return false;
    d->digits[d->count++] = c;
    return true;
}

/* The digits before and behind the point: how many, or -1 for too many. */
static int digits_scan(scan *s, weft__exact *d)
{
    int seen = 0;
    bool point = false;
    for (int c; (c = peek(s)) != 0; s->at++) {
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        if (!digit_add(d, (char)c)) return -1;
        d->exp10 -= point;
        seen++;
    }
    return seen;
}

static bool exponent_scan(scan *s, int64_t *exponent)
{
    *exponent = 0;
    if ((peek(s) | 0x20) != 'e') return true;
    s->at++;
    bool negative = peek(s) == '-', any = false;
    if (negative || peek(s) == '+') s->at++;
    for (int c; (c = peek(s)) >= '0' && c <= '9'; s->at++, any = true) {
        *exponent = *exponent * 10 + (c - '0');
        if (*exponent > EXPONENT_MAX) return false;
    }
    if (negative) *exponent = -*exponent;
    return any;
}

static bool is_no_number(weft_str s)
{
    static const weft_str names[] = { WEFT_S("inf"), WEFT_S("infinity"), WEFT_S("nan"),
        WEFT_S("snan") };
    if (s.len && (*s.ptr == '-' || *s.ptr == '+')) s.ptr++, s.len--;
    for (size_t i = 0; i < weft_count(names); i++)
        if (weft__same_nocase(s, names[i])) return true;
    return false;
}

int weft__decimal_read(weft_str text, weft__exact *d)
{
    while (text.len && is_space(*text.ptr)) text.ptr++, text.len--;
    while (text.len && is_space(text.ptr[text.len - 1])) text.len--;
    if (!text.len || text.len > TEXT_MAX) return WEFT_EINVAL;
    if (is_no_number(text)) return WEFT_ELIMIT;
    scan s = { text.ptr, text.ptr + text.len };
    int64_t exponent;
    d->negative = peek(&s) == '-';
    d->exp10 = 0;
    d->count = 0;
    if (d->negative || peek(&s) == '+') s.at++;
    if (digits_scan(&s, d) <= 0 || !exponent_scan(&s, &exponent) || peek(&s)) return WEFT_EINVAL;
    if (s.at != s.end) return WEFT_EINVAL; /* a NUL */
    exponent += d->exp10;
    int64_t highest = exponent + d->count - 1;
    if (highest > EXPONENT_MAX || exponent < -EXPONENT_MAX) return WEFT_EINVAL;
    d->exp10 = (int32_t)exponent;
    return 0;
}

/* ---- writing: the form of the General Decimal Arithmetic specification, "to scientific string"
 * ---- */

static size_t plain_write(char *to, const weft__exact *d)
{
    int64_t point = (int64_t)d->count + d->exp10;
    char *at = to;
    if (point <= 0) {
        *at++ = '0';
        *at++ = '.';
        for (; point < 0; point++) *at++ = '0';
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (point > 0 && i == point) *at++ = '.';
        *at++ = d->digits[i];
    }
    return (size_t)(at - to);
}

static size_t scientific_write(char *to, const weft__exact *d, int64_t highest)
{
    char *at = to;
    *at++ = d->digits[0];
    if (d->count > 1) *at++ = '.';
    memcpy(at, d->digits + 1, d->count - 1);
    at += d->count - 1;
    *at++ = 'E';
    if (highest >= 0) *at++ = '+';
    at += weft__int64_write(at, highest);
    return (size_t)(at - to);
}

size_t weft__decimal_write(char *to, const weft__exact *d)
{
    int64_t highest = (int64_t)d->exp10 + d->count - 1;
    size_t sign = d->negative;
    if (sign) *to++ = '-';
    if (d->exp10 <= 0 && highest >= -6) return sign + plain_write(to, d);
    return sign + scientific_write(to, d, highest);
}

/* ---- what they are worth ---- */

bool weft__decimal_is_zero(const weft__exact *d) { return d->count == 1 && d->digits[0] == '0'; }

static char digit_at(const weft__exact *d, uint32_t i) { return i < d->count ? d->digits[i] : '0'; }

static int compare_sizes(const weft__exact *a, const weft__exact *b)
{
    int64_t highest_a = (int64_t)a->exp10 + a->count, highest_b = (int64_t)b->exp10 + b->count;
    if (highest_a != highest_b) return highest_a < highest_b ? -1 : 1;
    uint32_t most = a->count > b->count ? a->count : b->count;
    for (uint32_t i = 0; i < most; i++)
        if (digit_at(a, i) != digit_at(b, i)) return digit_at(a, i) < digit_at(b, i) ? -1 : 1;
    return 0;
}

int weft__decimal_compare(const weft__exact *a, const weft__exact *b)
{
    bool zero_a = weft__decimal_is_zero(a), zero_b = weft__decimal_is_zero(b);
    int sign_a = zero_a ? 0 : a->negative ? -1 : 1, sign_b = zero_b ? 0 : b->negative ? -1 : 1;
    if (sign_a != sign_b) return sign_a < sign_b ? -1 : 1;
    return sign_a == 0 ? 0 : sign_a * compare_sizes(a, b);
}

static void of_digits(uint64_t digits, int exp10, bool negative, weft__exact *out)
{
    char text[WEFT__INT_MAX];
    uint32_t n = sizeof text;
    do text[--n] = (char)('0' + digits % 10);
    while ((digits /= 10) != 0);
    out->negative = negative;
    out->exp10 = exp10;
    out->count = (uint32_t)sizeof text - n;
    memcpy(out->digits, text + n, out->count);
}

void weft__decimal_of_bound(long double bound, weft__exact *out)
{
    bool negative = bound < 0;
    long double size = negative ? -bound : bound;
    if (size < 0x1p64L && (long double)(uint64_t)size == size) {
        of_digits((uint64_t)size, 0, negative, out);
        return;
    }
    weft__shortest s = weft__double_shortest((double)size);
    of_digits(s.digits, s.exp10, negative, out);
}

/* The digits that are left without the zeros at the end. */
static uint32_t short_count(const weft__exact *d)
{
    uint32_t count = d->count;
    while (count > 1 && d->digits[count - 1] == '0') count--;
    return count;
}

bool weft__decimal_is_multiple(const weft__exact *d, const weft__exact *step)
{
    if (weft__decimal_is_zero(d)) return true;
    uint32_t count = short_count(d), step_count = short_count(step);
    int64_t zeros =
        ((int64_t)d->exp10 + d->count - count) - ((int64_t)step->exp10 + step->count - step_count);
    if (zeros < 0) return false; /* its last digit, which is no zero, stands below the step's */
    uint64_t divisor = 0, rest = 0, power = 10;
    for (uint32_t i = 0; i < step_count; i++)
        divisor = divisor * 10 + (uint64_t)(step->digits[i] - '0');
    for (uint32_t i = 0; i < count; i++)
        rest =
            (uint64_t)(((unsigned __int128)rest * 10 + (unsigned)(d->digits[i] - '0')) % divisor);
    for (; zeros; zeros /= 2) { /* rest * 10^zeros, by squaring */
        if (zeros % 2) rest = (uint64_t)((unsigned __int128)rest * power % divisor);
        power = (uint64_t)((unsigned __int128)power * power % divisor);
    }
    return rest % divisor == 0;
}

void weft__decimal_count(const weft__exact *d, bool trailing, uint64_t *digits, uint64_t *places)
{
    uint32_t count = trailing ? d->count : short_count(d);
    int64_t exp10 = (int64_t)d->exp10 + (d->count - count);
    if (!trailing && weft__decimal_is_zero(d)) exp10 = 0;
    *places = exp10 < 0 ? (uint64_t)-exp10 : 0;
    *digits = exp10 < 0 ? count : count + (uint64_t)exp10;
    if (*digits < *places) *digits = *places;
}

/* ---- for programs ---- */

static int read_or_zero(weft_decimal value, weft__exact *d)
{
    return weft__decimal_read(value.text.len ? value.text : WEFT_S("0"), d);
}

bool weft_decimal_valid(weft_decimal value)
{
    weft__exact d;
    return read_or_zero(value, &d) == 0;
}

int weft_decimal_compare(weft_decimal a, weft_decimal b)
{
    weft__exact x, y;
    if (read_or_zero(a, &x) < 0 || read_or_zero(b, &y) < 0) return 0;
    return weft__decimal_compare(&x, &y);
}

int weft_decimal_scaled(weft_decimal value, int places, int64_t *out)
{
    weft__exact d;
    if (read_or_zero(value, &d) < 0) return WEFT_EINVAL;
    if (weft__decimal_is_zero(&d)) return *out = 0, 0;
    uint32_t count = short_count(&d);
    int64_t exp10 = (int64_t)d.exp10 + (d.count - count) + places, result = 0;
    if (exp10 < 0) return WEFT_EINVAL;
    if (exp10 + count > 19) return WEFT_ELIMIT;
    for (int64_t i = 0; i < count + exp10; i++) {
        int digit = i < count ? d.digits[i] - '0' : 0;
        if (__builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, d.negative ? -digit : digit, &result))
            return WEFT_ELIMIT;
    }
    *out = result;
    return 0;
}

weft_decimal weft_decimal_of(int64_t scaled, int places, char to[WEFT_DECIMAL_TEXT])
{
    uint64_t size = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    if (places < 0) places = 0;
    if (places > 18) places = 18;
    char digits[20];
    int n = sizeof digits, least = n - places - 1;
    while (size || n > least) {
        digits[--n] = (char)('0' + size % 10);
        size /= 10;
    }
    char *at = to;
    if (scaled < 0) *at++ = '-';
    for (; n < (int)sizeof digits; n++) {
        if (n == (int)sizeof digits - places) *at++ = '.';
        *at++ = digits[n];
    }
    *at = 0;
    return (weft_decimal){ { to, (size_t)(at - to) } };
}

double weft_decimal_double(weft_decimal value)
{
    weft__exact d;
    char text[WEFT__DECIMAL_ROOM];
    weft__number number;
    if (read_or_zero(value, &d) < 0) return __builtin_nan("");
    size_t len = weft__decimal_write(text, &d);
    return weft__number_scan(text, text + len, &number) ? weft__number_double(&number) : 0;
}
