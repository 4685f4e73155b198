#include "model/text_number.h"
#include <string.h>
#include "wire/number.h"

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static weft_str trim(weft_str s)
{
    while (s.len && is_space(*s.ptr)) s.ptr++, s.len--;
    while (s.len && is_space(s.ptr[s.len - 1])) s.len--;
    return s;
}

/* True when what is left is a point with at least one zero behind it and nothing else. */
static bool is_zero_fraction(const char *p, const char *end)
{
    if (end - p < 2 || *p != '.') return false;
    for (p++; p < end; p++)
        if (*p != '0') return false;
    return true;
}

int weft__text_int64(weft_str text, int64_t *out, bool *negative)
{
    weft_str s = trim(text);
    if (!s.len) return WEFT_EINVAL;
    const char *p = s.ptr, *end = p + s.len;
    *negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || !is_digit(*p)) return WEFT_EINVAL;
    uint64_t value = 0;
    bool large = false;
    for (; p < end && *p != '.'; p++) {
        if (*p == '_' && p + 1 < end && is_digit(p[-1]) && is_digit(p[1])) continue;
        if (!is_digit(*p)) return WEFT_EINVAL;
        large |= __builtin_mul_overflow(value, 10, &value) ||
                 __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
    }
    if (p < end && (!is_zero_fraction(p, end) || !is_digit(p[-1]))) return WEFT_EINVAL;
    if (large || value > (uint64_t)INT64_MAX + *negative) return WEFT_ELIMIT;
    *out = *negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

static weft_str without_underscores(weft_str s, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '_') to[n++] = s.ptr[i];
    return (weft_str){ to, n };
}

/* JSON's spelling, if the text is a number at all: without plus and leading zeros, with a zero
 * before the point when no digit is there and without the point when none is behind. `to` has
 * room for one byte more. */
static weft_str respell(weft_str s, char *to)
{
    const char *p = s.ptr, *end = p + s.len;
    char *at = to;
    if (p < end && (*p == '-' || *p == '+') && *p++ == '-') *at++ = '-';
    while (end - p > 1 && p[0] == '0' && is_digit(p[1])) p++;
    const char *digits = p;
    while (p < end && is_digit(*p)) *at++ = *p++;
    bool before = p > digits, behind = end - p > 1 && p[0] == '.' && is_digit(p[1]);
    if (behind && !before) *at++ = '0';
    if (!behind && before && end - p > 0 && p[0] == '.' && (end - p == 1 || (p[1] | 0x20) == 'e'))
        p++;
    if (!behind && !before) p = end;
    while (p < end) *at++ = *p++;
    return (weft_str){ to, (size_t)(at - to) };
}

static bool underscores_fit(weft_str s)
{
    if (s.ptr[0] == '_' || s.ptr[s.len - 1] == '_') return false;
    for (size_t i = 1; i < s.len; i++)
        if (s.ptr[i] == '_' && s.ptr[i - 1] == '_') return false;
    return true;
}

static bool whole_number(weft_str s, double *out)
{
    weft__number number;
    const char *end = s.ptr + s.len;
    if (weft__number_scan(s.ptr, end, &number) != end) return false;
    *out = weft__number_double(&number);
    return true;
}

static bool not_finite(weft_str s, double *out)
{
    static const char *const names[] = { "inf", "infinity", "nan" };
    bool negative = s.len && *s.ptr == '-';
    if (s.len && (*s.ptr == '-' || *s.ptr == '+')) s.ptr++, s.len--;
    char small[9] = { 0 };
    if (s.len >= sizeof small) return false;
    for (size_t i = 0; i < s.len; i++) small[i] = (char)(s.ptr[i] | 0x20);
    for (size_t i = 0; i < weft_count(names); i++) {
        if (strlen(names[i]) != s.len || memcmp(names[i], small, s.len)) continue;
        *out = i == 2 ? __builtin_nan("") : negative ? -__builtin_inf() : __builtin_inf();
        return true;
    }
    return false;
}

int weft__text_double(weft_str text, double *out, weft_arena *arena)
{
    weft_str s = trim(text);
    if (!s.len) return WEFT_EINVAL;
    if (whole_number(s, out) || not_finite(s, out)) return 0;
    if (!underscores_fit(s)) return WEFT_EINVAL;
    char *digits = weft__arena_alloc(arena, s.len), *spelled = weft__arena_alloc(arena, s.len + 1);
    if (!digits || !spelled) return arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
    return whole_number(respell(without_underscores(s, digits), spelled), out) ? 0 : WEFT_EINVAL;
}
