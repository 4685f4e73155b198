#include "model/values.h"
#include <stdio.h>
#include "wire/email.h"
#include "wire/ip.h"
#include "wire/url_check.h"

static int say(weft__finding *found, const char *type, const char *msg, weft__ctx first)
{
    *found = (weft__finding){ type, msg, { first } };
    return WEFT_EINVAL;
}

static weft__ctx ctx_int(const char *key, int64_t value)
{
    return (weft__ctx){ key, WEFT__CTX_INT, .i = value };
}

/* ---- decimals ---- */

static weft__ctx ctx_bound(const char *key, long double bound)
{
    bool whole = bound >= -0x1p63L && bound < 0x1p63L && (long double)(int64_t)bound == bound;
    return whole ? ctx_int(key, (int64_t)bound)
                 : (weft__ctx){ key, WEFT__CTX_DOUBLE, .d = (double)bound };
}

static int check_multiple(const weft_field *rules, const weft__exact *d, weft__finding *found)
{
    weft__exact step;
    if (rules->multiple_of == 0) return 0;
    weft__decimal_of_bound(rules->multiple_of, &step);
    if (weft__decimal_is_multiple(d, &step)) return 0;
    return say(found, "multiple_of", "Input should be a multiple of {0}",
        ctx_bound("multiple_of", rules->multiple_of));
}

static int check_high(const weft_field *rules, const weft__exact *d, weft__finding *found)
{
    weft__exact bound;
    if (!(rules->range[1] < WEFT_NO_END)) return 0;
    weft__decimal_of_bound(rules->range[1], &bound);
    int order = weft__decimal_compare(d, &bound);
    if (order < 0 || (order == 0 && !rules->below)) return 0;
    if (rules->below)
        return say(
            found, "less_than", "Input should be less than {0}", ctx_bound("lt", rules->range[1]));
    return say(found, "less_than_equal", "Input should be less than or equal to {0}",
        ctx_bound("le", rules->range[1]));
}

static int check_low(const weft_field *rules, const weft__exact *d, weft__finding *found)
{
    weft__exact bound;
    if (!(rules->range[0] > -WEFT_NO_END)) return 0;
    weft__decimal_of_bound(rules->range[0], &bound);
    int order = weft__decimal_compare(d, &bound);
    if (order > 0 || (order == 0 && !rules->above)) return 0;
    if (rules->above)
        return say(found, "greater_than", "Input should be greater than {0}",
            ctx_bound("gt", rules->range[0]));
    return say(found, "greater_than_equal", "Input should be greater than or equal to {0}",
        ctx_bound("ge", rules->range[0]));
}

/* Zeros at the end count for nothing where that helps: 1.50 fits one place, 1.000 four digits. */
static int check_digits(const weft_field *rules, const weft__exact *d, weft__finding *found)
{
    uint64_t digits, places, short_digits, short_places;
    uint64_t most = rules->max_digits, most_places = rules->decimal_places;
    weft__decimal_count(d, true, &digits, &places);
    weft__decimal_count(d, false, &short_digits, &short_places);
    if (most && digits > most && short_digits > most)
        return say(found, "decimal_max_digits",
            "Decimal input should have no more than {0} digit{s0} in total",
            ctx_int("max_digits", (int64_t)most));
    if (!most_places) return 0;
    if (places > most_places && short_places > most_places)
        return say(found, "decimal_max_places",
            "Decimal input should have no more than {0} decimal place{s0}",
            ctx_int("decimal_places", (int64_t)most_places));
    uint64_t most_whole = most > most_places ? most - most_places : 0;
    if (most && digits - places > most_whole && short_digits - short_places > most_whole)
        return say(found, "decimal_whole_digits",
            "Decimal input should have no more than {0} digit{s0} before the decimal point",
            ctx_int("whole_digits", (int64_t)most_whole));
    return 0;
}

int weft__rules_decimal(const weft_field *rules, const weft__exact *d, weft__finding *found)
{
    int rc = 0;
    if (rules->max_digits || rules->decimal_places) rc = check_digits(rules, d, found);
    if (rc == 0) rc = check_multiple(rules, d, found);
    if (rc < 0 || !weft__field_has_range(rules)) return rc;
    rc = check_high(rules, d, found);
    return rc < 0 ? rc : check_low(rules, d, found);
}

/* ---- durations ---- */

/* As pydantic names a length of time: "1 day and 5 microseconds". */
static weft_str duration_in_words(int64_t us, weft_arena *arena)
{
    static const char *const names[] = { "hour", "minute", "second", "microsecond" };
    const int64_t day_us = INT64_C(86400000000);
    int64_t days = us / day_us - (us % day_us < 0), rest = us - days * day_us;
    int64_t counts[] = { rest / 3600000000, rest / 60000000 % 60, rest / 1000000 % 60,
        rest % 1000000 };
    char text[160];
    size_t used = 0;
    if (days)
        used = (size_t)snprintf(
            text, sizeof text, "%lld day%s", (long long)days, days == 1 ? "" : "s");
    for (size_t i = 0; i < weft_count(counts); i++)
        if (counts[i])
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld %s%s",
                used ? " and " : "", (long long)counts[i], names[i], counts[i] == 1 ? "" : "s");
    return weft__arena_dup(arena, used ? (weft_str){ text, used } : WEFT_S("0 seconds"));
}

static int64_t bound_us(long double seconds)
{
    long double us = seconds * 1e6L;
    if (!(us > -0x1p62L)) return INT64_MIN;
    return us < 0x1p62L ? (int64_t)(us + (us < 0 ? -0.5L : 0.5L)) : INT64_MAX;
}

static int say_duration(weft__finding *found, const char *type, const char *msg, const char *key,
    int64_t us, weft_arena *arena)
{
    weft_str words = duration_in_words(us, arena);
    if (!words.ptr) return weft__arena_error(arena);
    return say(found, type, msg, (weft__ctx){ key, WEFT__CTX_TEXT, .s = words });
}

int weft__rules_duration(
    const weft_field *rules, int64_t us, weft_arena *arena, weft__finding *found)
{
    if (!weft__field_has_range(rules)) return 0;
    int64_t low = bound_us(rules->range[0]), high = bound_us(rules->range[1]);
    if (rules->range[1] < WEFT_NO_END && (us > high || (rules->below && us == high))) {
        if (rules->below)
            return say_duration(
                found, "less_than", "Input should be less than {0}", "lt", high, arena);
        return say_duration(found, "less_than_equal", "Input should be less than or equal to {0}",
            "le", high, arena);
    }
    if (rules->range[0] > -WEFT_NO_END && (us < low || (rules->above && us == low))) {
        if (rules->above)
            return say_duration(
                found, "greater_than", "Input should be greater than {0}", "gt", low, arena);
        return say_duration(found, "greater_than_equal",
            "Input should be greater than or equal to {0}", "ge", low, arena);
    }
    return 0;
}

/* ---- bytes and text ---- */

int weft__rules_bytes(const weft_field *rules, size_t len, weft__finding *found)
{
    if (len < rules->min_len)
        return say(found, "bytes_too_short", "Data should have at least {0} byte{s0}",
            ctx_int("min_length", rules->min_len));
    if (rules->max_len && len > rules->max_len)
        return say(found, "bytes_too_long", "Data should have at most {0} byte{s0}",
            ctx_int("max_length", rules->max_len));
    return 0;
}

static weft__ctx ctx_text(const char *key, const char *text)
{
    return (weft__ctx){ key, WEFT__CTX_TEXT, .s = weft_str_of(text) };
}

static int check_url(weft_str text, weft__finding *found)
{
    const char *fault = NULL;
    switch (weft__url_check(text, &fault)) {
    case WEFT__URL_FINE: return 0;
    case WEFT__URL_LONG:
        return say(found, "url_too_long", "URL should have at most {0} character{s0}",
            ctx_int("max_length", WEFT__URL_CHARS_MAX));
    case WEFT__URL_SCHEME:
        return say(found, "url_scheme", "URL scheme should be {0}",
            ctx_text("expected_schemes", "'http' or 'https'"));
    default: break;
    }
    return say(found, "url_parsing", "Input should be a valid URL, {0}", ctx_text("error", fault));
}

int weft__rules_format(weft_text_format format, weft_str text, weft__finding *found)
{
    const char *fault;
    weft__ctx none = { 0 };
    switch (format) {
    case WEFT_EMAIL:
        fault = weft__email_fault(text);
        if (!fault) return 0;
        return say(found, "value_error", "value is not a valid email address: {0}",
            ctx_text("reason", fault));
    case WEFT_URL: return check_url(text, found);
    case WEFT_IP:
        if (weft__ipv4_valid(text) || weft__ipv6_valid(text)) return 0;
        return say(found, "ip_any_address", "value is not a valid IPv4 or IPv6 address", none);
    case WEFT_IPV4:
        if (weft__ipv4_valid(text)) return 0;
        return say(found, "ip_v4_address", "Input is not a valid IPv4 address", none);
    case WEFT_IPV6:
        if (weft__ipv6_valid(text)) return 0;
        return say(found, "ip_v6_address", "Input is not a valid IPv6 address", none);
    default: return 0;
    }
}
