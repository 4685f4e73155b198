#include "model/rules.h"
#include "model/pattern.h"
#include "model/values.h"
#include "wire/utf8.h"

static int say(weft__finding *found, const char *type, const char *msg, weft__ctx first)
{
    *found = (weft__finding){ type, msg, { first } };
    return WEFT_EINVAL;
}

static weft__ctx ctx_int(const char *key, int64_t value)
{
    return (weft__ctx){ key, WEFT__CTX_INT, .i = value };
}

/* A bound of an integer is written as one when it is one. */
static weft__ctx ctx_bound(const char *key, long double bound, bool real)
{
    bool whole =
        !real && bound >= -0x1p63L && bound < 0x1p63L && (long double)(int64_t)bound == bound;
    return whole ? ctx_int(key, (int64_t)bound)
                 : (weft__ctx){ key, WEFT__CTX_DOUBLE, .d = (double)bound };
}

static int say_above(weft__finding *found, long double high, bool open, bool real)
{
    if (open)
        return say(
            found, "less_than", "Input should be less than {0}", ctx_bound("lt", high, real));
    return say(found, "less_than_equal", "Input should be less than or equal to {0}",
        ctx_bound("le", high, real));
}

static int say_below(weft__finding *found, long double low, bool open, bool real)
{
    if (open)
        return say(
            found, "greater_than", "Input should be greater than {0}", ctx_bound("gt", low, real));
    return say(found, "greater_than_equal", "Input should be greater than or equal to {0}",
        ctx_bound("ge", low, real));
}

/* An end that is infinite holds for every value, whether it is open or not. A long double holds
 * every int64_t and every double exactly, so nothing is rounded here. */
static int check_range(const weft_field *rules, long double value, bool real, weft__finding *found)
{
    if (!weft__field_has_range(rules)) return 0;
    long double low = rules->range[0], high = rules->range[1];
    if (high < WEFT_NO_END && (value > high || (rules->below && value == high)))
        return say_above(found, high, rules->below, real);
    if (low > -WEFT_NO_END && (value < low || (rules->above && value == low)))
        return say_below(found, low, rules->above, real);
    return 0;
}

static int say_multiple(const weft_field *rules, bool real, weft__finding *found)
{
    return say(found, "multiple_of", "Input should be a multiple of {0}",
        ctx_bound("multiple_of", rules->multiple_of, real));
}

/* Decimal steps such as 0.1 have no exact double: what lies within a billionth of the value
 * counts. */
static bool near_multiple(long double value, long double step)
{
    long double times = value / step;
    if (!(times > -0x1p62L && times < 0x1p62L)) return true;
    long double nearest = (long double)(int64_t)(times + (times < 0 ? -0.5L : 0.5L)) * step;
    long double off = nearest > value ? nearest - value : value - nearest;
    return off <= (value < 0 ? -value : value) / 1e9L;
}

static bool int_multiple(int64_t value, long double step)
{
    bool whole = step >= 1 && step < 0x1p63L && (long double)(int64_t)step == step;
    return whole ? value % (int64_t)step == 0 : near_multiple((long double)value, step);
}

static int check_int32(int64_t value, weft__finding *found)
{
    if (value > INT32_MAX) return say_above(found, INT32_MAX, false, false);
    if (value < INT32_MIN) return say_below(found, INT32_MIN, false, false);
    return 0;
}

int weft__rules_int(
    const weft_field *rules, weft_scalar scalar, int64_t value, weft__finding *found)
{
    if (rules) {
        if (rules->multiple_of != 0 && !int_multiple(value, rules->multiple_of))
            return say_multiple(rules, false, found);
        int rc = check_range(rules, (long double)value, false, found);
        if (rc < 0) return rc;
    }
    return scalar == WEFT__int32 ? check_int32(value, found) : 0;
}

int weft__rules_int_too_large(
    const weft_field *rules, weft_scalar scalar, bool negative, weft__finding *found)
{
    if (rules && check_range(rules, negative ? -WEFT_NO_END : WEFT_NO_END, false, found) < 0)
        return WEFT_EINVAL;
    if (scalar == WEFT__int32) return check_int32(negative ? INT64_MIN : INT64_MAX, found);
    return negative ? say_below(found, INT64_MIN, false, false)
                    : say_above(found, INT64_MAX, false, false);
}

int weft__rules_double(const weft_field *rules, double value, weft__finding *found)
{
    if (!__builtin_isfinite(value))
        return say(found, "finite_number", "Input should be a finite number", (weft__ctx){ 0 });
    if (!rules) return 0;
    if (rules->multiple_of != 0 && !near_multiple((long double)value, rules->multiple_of))
        return say_multiple(rules, true, found);
    return check_range(rules, (long double)value, true, found);
}

static int check_length(const weft_field *rules, weft_str text, weft__finding *found)
{
    if (!rules->min_len && !rules->max_len) return 0;
    if (text.len >= 4 * (uint64_t)rules->min_len && (!rules->max_len || text.len <= rules->max_len))
        return 0;
    size_t chars = weft__utf8_count(text.ptr, text.len);
    if (chars < rules->min_len)
        return say(found, "string_too_short", "String should have at least {0} character{s0}",
            ctx_int("min_length", rules->min_len));
    if (rules->max_len && chars > rules->max_len)
        return say(found, "string_too_long", "String should have at most {0} character{s0}",
            ctx_int("max_length", rules->max_len));
    return 0;
}

int weft__rules_text(const weft_field *rules, weft_str text, weft__finding *found)
{
    if (!rules) return 0;
    int rc = check_length(rules, text, found);
    if (rc == 0 && rules->format) rc = weft__rules_format(rules->format, text, found);
    if (rc < 0 || !rules->pattern) return rc;
    rc = weft__pattern_search(rules->pattern, text);
    if (rc > 0) return 0;
    weft__ctx pattern = { "pattern", WEFT__CTX_TEXT, .s = weft_str_of(rules->pattern) };
    if (rc == 0)
        return say(found, "string_pattern_mismatch", "String should match pattern '{0}'", pattern);
    if (rc == WEFT_ENOMEM) return rc;
    return say(found, "string_pattern_limit",
        "String takes too long to match against pattern '{0}'", pattern);
}

static int say_items(weft__finding *found, const char *type, const char *msg, const char *what,
    weft__ctx limit, size_t count)
{
    *found = (weft__finding){ type, msg,
        { { "field_type", WEFT__CTX_TEXT, .s = weft_str_of(what) }, limit,
            ctx_int("actual_length", (int64_t)count) } };
    return WEFT_EINVAL;
}

int weft__rules_items(const weft_field *rules, const char *what, size_t count, weft__finding *found)
{
    if (!rules) return 0;
    if (rules->max_items && count > rules->max_items)
        return say_items(found, "too_long",
            "{0} should have at most {1} item{s1} after validation, not {2}", what,
            ctx_int("max_length", rules->max_items), count);
    if (count < rules->min_items)
        return say_items(found, "too_short",
            "{0} should have at least {1} item{s1} after validation, not {2}", what,
            ctx_int("min_length", rules->min_items), count);
    return 0;
}
