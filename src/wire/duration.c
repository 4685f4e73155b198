#include "wire/duration.h"
#include <string.h>
#include "wire/date.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US (WEFT__DAY_S * SECOND_US)

static const char too_short[] = "input is too short";
static const char too_large[] = "a numeric value in the duration is too large";
static const char too_long[] = "durations may not exceed 106,751,991 days";
static const char no_digit[] = "invalid digit in duration";
static const char no_days[] = "\"day\" identifier in duration not correctly formatted";

typedef struct scan {
    const char *at, *end;
} scan;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *whole(scan *s, int64_t *value)
{
    if (s->at == s->end || !is_digit(*s->at)) return no_digit;
    for (*value = 0; s->at < s->end && is_digit(*s->at); s->at++) {
        *value = *value * 10 + (*s->at - '0');
        if (*value > UINT32_MAX) return too_large;
    }
    return NULL;
}

/* Digits of a fraction past these change nothing that can be told apart. */
enum { FRACTION_DIGITS = 18 };

/* A quantity: `value` and num / den of one more. */
typedef struct quantity {
    int64_t value, num, den;
} quantity;

static const char *quantity_scan(scan *s, quantity *q)
{
    const char *wrong = whole(s, &q->value);
    q->num = 0;
    q->den = 0;
    if (wrong || s->at == s->end || (*s->at != '.' && *s->at != ',')) return wrong;
    q->den = 1;
    int digits = 0;
    for (s->at++; s->at < s->end && is_digit(*s->at); s->at++) {
        if (digits++ == FRACTION_DIGITS) digits--;
        else {
            q->num = q->num * 10 + (*s->at - '0');
            q->den *= 10;
        }
    }
    return NULL;
}

/* What a letter counts, in microseconds; 0 for one that counts nothing there. */
static int64_t unit_of(char letter, bool time)
{
    static const char dates[] = "YMWD", times[] = "HMS";
    static const int64_t of_dates[] = { 365 * DAY_US, 30 * DAY_US, 7 * DAY_US, DAY_US };
    static const int64_t of_times[] = { 3600 * SECOND_US, 60 * SECOND_US, SECOND_US };
    const char *found = letter ? strchr(time ? times : dates, letter) : NULL;
    if (!found) return 0;
    return time ? of_times[found - times] : of_dates[found - dates];
}

static const char *quantity_add(const quantity *q, int64_t unit, int64_t *us)
{
    __int128 more = (__int128)q->value * unit;
    if (q->den) more += ((__int128)q->num * unit + q->den / 2) / q->den;
    if (more + *us > INT64_MAX) return too_long;
    *us += (int64_t)more;
    return NULL;
}

/* "1Y2M3W4DT5H6M7.5S", behind the P. */
static const char *iso_scan(scan *s, int64_t *us)
{
    bool time = false, fraction = false, any = false;
    const char *wrong = NULL;
    while (s->at < s->end && !wrong) {
        quantity q;
        if (*s->at == 'T') {
            if (time) return "`t` character repeated in duration";
            time = true;
            s->at++;
            continue;
        }
        if ((wrong = quantity_scan(s, &q))) return wrong;
        if (fraction) return "quantity fraction invalid in duration";
        fraction = q.den != 0;
        int64_t unit = s->at < s->end ? unit_of(*s->at++, time) : 0;
        if (!unit)
            return time ? "quantity invalid in time part of duration"
                        : "quantity invalid in date part of duration";
        any = true;
        wrong = quantity_add(&q, unit, us);
    }
    return wrong || any ? wrong : too_short;
}

static bool take(scan *s, char small)
{
    bool there = s->at < s->end && (*s->at | 0x20) == small;
    s->at += there;
    return there;
}

/* "HH:MM:SS", of as many hours as there are, or as a day has. */
static const char *clock_scan(scan *s, bool of_day, int64_t *us)
{
    enum { HOUR_DIGITS = 10 };
    static const char no_hour[] = "invalid character in hour";
    if (s->end - s->at < 5) return too_short;
    const char *colon = memchr(s->at, ':', (size_t)(s->end - s->at));
    if (!colon) return no_hour;
    if (colon - s->at > HOUR_DIGITS) return "durations may not exceed 999,999,999 hours";
    quantity q = { 0 };
    for (; s->at < colon; s->at++) {
        if (!is_digit(*s->at)) return no_hour;
        q.value = q.value * 10 + (*s->at - '0');
    }
    if (of_day && q.value > 23) return "hour value is outside expected range of 0-23";
    s->at++;
    const char *wrong = weft__minutes_read(&s->at, s->end, us);
    if (wrong) return wrong;
    if (s->at < s->end) return "unexpected extra characters at the end of the input";
    return quantity_add(&q, 3600 * SECOND_US, us);
}

/* "3 days, 12:30": of the word only the d must be there. */
static const char *days_scan(scan *s, int64_t *us)
{
    quantity q = { 0 };
    const char *wrong = s->at == s->end ? too_short : whole(s, &q.value);
    if (wrong) return wrong;
    if (s->at < s->end && *s->at == ' ') s->at++;
    if (!take(s, 'd')) return no_days;
    if (take(s, 'a')) {
        if (!take(s, 'y')) return no_days;
        take(s, 's');
    }
    if (s->at < s->end && *s->at == ',') s->at++;
    if (s->at < s->end && *s->at == ' ') s->at++;
    if (s->at < s->end) wrong = clock_scan(s, true, us);
    return wrong ? wrong : quantity_add(&q, DAY_US, us);
}

const char *weft__duration_read(weft_str text, weft_duration *out)
{
    if (!text.len) return too_short;
    scan s = { text.ptr, text.ptr + text.len };
    bool negative = *s.at == '-';
    if (negative || *s.at == '+') s.at++;
    int64_t us = 0;
    const char *wrong;
    if (s.at < s.end && *s.at == 'P') {
        s.at++;
        wrong = iso_scan(&s, &us);
    } else if (s.end - s.at < 5 || memchr(text.ptr, 'd', text.len) ||
               memchr(text.ptr, 'D', text.len)) {
        wrong = days_scan(&s, &us);
    } else {
        wrong = clock_scan(&s, false, &us);
    }
    if (!wrong) out->us = negative ? -us : us;
    return wrong;
}

const char *weft__duration_of_number(const weft__number *n, weft_duration *out)
{
    int64_t us = weft__number_scaled(n, 6);
    if (us == INT64_MAX || us == INT64_MIN) return too_long;
    out->us = us;
    return NULL;
}

static char *count_put(char *to, uint64_t count, char unit)
{
    if (!count) return to;
    to += weft__int64_write(to, (int64_t)count);
    *to++ = unit;
    return to;
}

static char *seconds_put(char *to, uint64_t seconds, uint64_t us)
{
    to += weft__int64_write(to, (int64_t)seconds);
    if (us) {
        *to++ = '.';
        to = weft__digits_write(to, (int64_t)us, 6);
        while (to[-1] == '0') to--;
    }
    *to++ = 'S';
    return to;
}

size_t weft__duration_write(char *to, weft_duration length)
{
    char *at = to;
    if (length.us == INT64_MIN) return 0;
    uint64_t left = length.us < 0 ? 0 - (uint64_t)length.us : (uint64_t)length.us;
    uint64_t us = left % SECOND_US, days = left / DAY_US, s = left / SECOND_US % WEFT__DAY_S;
    if (length.us < 0) *at++ = '-';
    *at++ = 'P';
    at = count_put(at, days / 365, 'Y');
    at = count_put(at, days % 365, 'D');
    if (s || us || !days) {
        *at++ = 'T';
        at = count_put(at, s / 3600, 'H');
        at = count_put(at, s / 60 % 60, 'M');
        if (s % 60 || us || left == 0) at = seconds_put(at, s % 60, us);
    }
    return (size_t)(at - to);
}

int weft_duration_parse(weft_str text, weft_duration *out)
{
    return weft__duration_read(text, out) ? WEFT_EINVAL : 0;
}

const char *weft_duration_text(weft_duration length, char to[WEFT_DURATION_TEXT])
{
    to[weft__duration_write(to, length)] = 0;
    return to;
}
