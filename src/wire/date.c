#include "wire/date.h"
#include <string.h>

/* Counted in eras of 400 years, which all have as many days. A year here begins in March, so that
 * the leap day is its last. */
enum { ERA_DAYS = 146097, EPOCH_DAYS = 719468 /* 0000-03-01 to 1970-01-01 */ };

#define SECOND_US INT64_C(1000000)
#define EARLIEST_S INT64_C(-62167219200) /* 0000-01-01 00:00:00 */
#define YEAR_ONE_S INT64_C(-62135596800) /* 0001-01-01 00:00:00 */
#define LATEST_S INT64_C(253402300799)   /* 9999-12-31 23:59:59 */

const char weft__year_zero[] = "year 0 is out of range";
static const char too_short[] = "input is too short";
static const char extra[] = "unexpected extra characters at the end of the input";

/* ---- the calendar ---- */

/* Whole, of the months before the nth of a year that begins in March. */
static int days_before(int march_month) { return (153 * march_month + 2) / 5; }

int64_t weft__days_of(weft__civil c)
{
    int64_t year = c.month <= 2 ? (int64_t)c.year - 1 : c.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int of_era = (int)(year - era * 400);
    int of_year = days_before((c.month + 9) % 12) + c.day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

weft__civil weft__civil_of(int64_t days)
{
    days += EPOCH_DAYS;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    int day_of_era = (int)(days - era * ERA_DAYS);
    int of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int of_year = day_of_era - (of_era * 365 + of_era / 4 - of_era / 100);
    int march_month = (5 * of_year + 2) / 153;
    int month = march_month < 10 ? march_month + 3 : march_month - 9;
    int year = (int)(era * 400) + of_era + (month <= 2);
    return (weft__civil){ year, month, of_year - days_before(march_month) + 1 };
}

static int days_in(int year, int month)
{
    if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool weft_date_valid(weft_date d)
{
    return d.year >= 1 && d.year <= 9999 && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           d.day <= days_in(d.year, d.month);
}

int64_t weft_date_days(weft_date d)
{
    return weft__days_of((weft__civil){ d.year, d.month, d.day });
}

weft_date weft_date_of_days(int64_t days)
{
    if (days < YEAR_ONE_S / WEFT__DAY_S || days > LATEST_S / WEFT__DAY_S) return (weft_date){ 0 };
    weft__civil c = weft__civil_of(days);
    return (weft_date){ (int16_t)c.year, (uint8_t)c.month, (uint8_t)c.day };
}

int weft_date_compare(weft_date a, weft_date b)
{
    if (a.year != b.year) return a.year < b.year ? -1 : 1;
    if (a.month != b.month) return a.month < b.month ? -1 : 1;
    return a.day < b.day ? -1 : a.day > b.day;
}

int weft_date_weekday(weft_date d)
{
    return (int)(((weft_date_days(d) + 3) % 7 + 7) % 7) + 1; /* 1970-01-01 was a Thursday */
}

/* ---- moments and their clocks ---- */

static bool offset_valid(int32_t offset_s, bool zoned)
{
    if (!zoned) return offset_s == 0;
    return offset_s > -WEFT__DAY_S && offset_s < WEFT__DAY_S && offset_s % 60 == 0;
}

bool weft_time_valid(weft_time t)
{
    return t.hour < 24 && t.minute < 60 && t.second < 60 && t.us >= 0 && t.us < SECOND_US &&
           offset_valid(t.offset_s, t.zoned);
}

/* What the clock shows, as microseconds since its own 1970. The sum cannot overflow for a value
 * that is looked at before. */
static int64_t local_us(weft_datetime when) { return when.us + when.offset_s * SECOND_US; }

bool weft_datetime_valid(weft_datetime when)
{
    if (!offset_valid(when.offset_s, when.zoned)) return false;
    int64_t lowest = YEAR_ONE_S * SECOND_US, highest = LATEST_S * SECOND_US + SECOND_US - 1;
    int64_t day = WEFT__DAY_S * SECOND_US;
    if (when.us < lowest - day || when.us > highest + day) return false;
    int64_t local = local_us(when);
    return local >= lowest && local <= highest;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

weft_date weft_datetime_date(weft_datetime when)
{
    if (!weft_datetime_valid(when)) return (weft_date){ 0 };
    return weft_date_of_days(floor_div(local_us(when), WEFT__DAY_S * SECOND_US));
}

static weft_time time_of_us(int64_t us)
{
    int64_t s = us / SECOND_US;
    return (weft_time){ .hour = (uint8_t)(s / 3600),
        .minute = (uint8_t)(s / 60 % 60),
        .second = (uint8_t)(s % 60),
        .us = (int32_t)(us % SECOND_US) };
}

weft_time weft_datetime_time(weft_datetime when)
{
    if (!weft_datetime_valid(when)) return (weft_time){ 0 };
    int64_t local = local_us(when), day = WEFT__DAY_S * SECOND_US;
    weft_time t = time_of_us(local - floor_div(local, day) * day);
    t.zoned = when.zoned;
    t.offset_s = when.offset_s;
    return t;
}

weft_datetime weft_datetime_of(weft_date d, weft_time t)
{
    int64_t of_day = t.hour * INT64_C(3600) + t.minute * 60 + t.second - t.offset_s;
    return (weft_datetime){ .us = (weft_date_days(d) * WEFT__DAY_S + of_day) * SECOND_US + t.us,
        .offset_s = t.offset_s,
        .zoned = t.zoned };
}

weft_datetime weft_datetime_of_unix(int64_t us)
{
    return (weft_datetime){ .us = us, .zoned = true };
}

/* ---- numbers ---- */

int64_t weft__number_scaled(const weft__number *n, int places)
{
    const int64_t most = n->negative ? INT64_MIN : INT64_MAX;
    unsigned __int128 value = n->digits;
    int64_t exp10 = (int64_t)n->exp10 + places;
    if (n->digits == 0 || exp10 < -20) return 0;
    for (; exp10 > 0; exp10--) {
        value *= 10;
        if (value > INT64_MAX) return most;
    }
    unsigned __int128 divisor = 1;
    for (; exp10 < 0; exp10++) divisor *= 10;
    value = (value + divisor / 2) / divisor;
    if (value > INT64_MAX) return most;
    return n->negative ? -(int64_t)value : (int64_t)value;
}

/* Beyond this a number counts milliseconds: as seconds it would be the year 2603. */
#define WATERSHED_US (INT64_C(20000000000) * SECOND_US)

static const char *moment_of(const weft__number *n, int64_t *out)
{
    int64_t us = weft__number_scaled(n, 6);
    if (us > WATERSHED_US || us < -WATERSHED_US) us = weft__number_scaled(n, 3);
    if (us < EARLIEST_S * SECOND_US)
        return "dates before 0000 are not supported as unix timestamps";
    if (us >= (LATEST_S + 1) * SECOND_US)
        return "dates after 9999 are not supported as unix timestamps";
    if (us < YEAR_ONE_S * SECOND_US) return weft__year_zero;
    *out = us;
    return NULL;
}

const char *weft__datetime_of_number(const weft__number *n, weft_datetime *out)
{
    int64_t us = 0;
    const char *wrong = moment_of(n, &us);
    if (!wrong) *out = weft_datetime_of_unix(us);
    return wrong;
}

const char *weft__time_of_number(const weft__number *n, weft_time *out)
{
    if (n->negative && n->digits) return "time in seconds should be positive";
    int64_t us = weft__number_scaled(n, 6);
    if (us >= WEFT__DAY_S * SECOND_US) return "numeric times may not exceed 86,399 seconds";
    *out = time_of_us(us);
    out->zoned = true;
    return NULL;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The digits at *at, up to 19 that count; `places` is how many of them stand behind the point. */
static size_t digits_scan(const char **at, const char *end, weft__number *n, int places)
{
    const char *begin = *at;
    for (; *at < end && is_digit(**at); ++*at) {
        if (n->digits < UINT64_MAX / 100) {
            n->digits = n->digits * 10 + (uint64_t)(**at - '0');
            n->exp10 -= places;
        } else {
            n->exp10 += 1 - places;
        }
    }
    return (size_t)(*at - begin);
}

static bool exponent_scan(const char **at, const char *end, weft__number *n)
{
    if (*at == end || (**at | 0x20) != 'e') return true;
    ++*at;
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+')) ++*at;
    const char *begin = *at;
    int32_t exponent = 0;
    for (; *at < end && is_digit(**at); ++*at)
        if (exponent < 100000) exponent = exponent * 10 + (**at - '0');
    n->exp10 += negative ? -exponent : exponent;
    return *at > begin;
}

/* A whole number that fits 64 bits, or one with a point, which may have an exponent too: the
 * numbers that a text may be instead of a date. */
static bool number_of_text(weft_str text, weft__number *n)
{
    if (!text.len || text.len > 4096) return false;
    const char *at = text.ptr, *end = at + text.len;
    *n = (weft__number){ .negative = *at == '-' };
    if (*at == '-' || *at == '+') at++;
    size_t digits = digits_scan(&at, end, n, 0);
    if (at == end) return digits && weft__number_scaled(n, 0) != INT64_MAX && n->exp10 == 0;
    if (*at++ != '.') return false;
    digits += digits_scan(&at, end, n, 1);
    return digits && exponent_scan(&at, end, n) && at == end;
}

/* ---- reading ---- */

static int four_digits(const char *at)
{
    int high = weft__two_digits(at, at + 2), low = weft__two_digits(at + 2, at + 4);
    return high < 0 || low < 0 ? -1 : high * 100 + low;
}

/* "YYYY-MM-DD" at the start of the text; the year may be 0. */
static const char *date_scan(weft_str text, weft_date *out)
{
    if (text.len < 10) return too_short;
    const char *p = text.ptr;
    int year = four_digits(p), month = weft__two_digits(p + 5, p + 7);
    int day = weft__two_digits(p + 8, p + 10);
    if (year < 0) return "invalid character in year";
    if (p[4] != '-') return "invalid date separator, expected `-`";
    if (month < 0) return "invalid character in month";
    if (p[7] != '-') return "invalid date separator, expected `-`";
    if (day < 0) return "invalid character in day";
    if (month < 1 || month > 12) return "month value is outside expected range of 1-12";
    if (day < 1 || day > days_in(year, month)) return "day value is outside expected range";
    *out = (weft_date){ (int16_t)year, (uint8_t)month, (uint8_t)day };
    return NULL;
}

static const char *date_of_text_number(weft_str text, const char *wrong, weft_date *out)
{
    weft__number n;
    int64_t us = 0, day = WEFT__DAY_S * SECOND_US;
    if (!number_of_text(text, &n) || memchr(text.ptr, '.', text.len)) return wrong;
    wrong = moment_of(&n, &us);
    if (wrong) return wrong;
    if (us % day) return "Timestamp is not an exact date";
    *out = weft_date_of_days(us / day);
    return NULL;
}

const char *weft__date_read(weft_str text, weft_date *out)
{
    weft_date date;
    const char *wrong = date_scan(text, &date);
    if (!wrong && text.len > 10) wrong = extra;
    if (wrong) return date_of_text_number(text, wrong, out);
    if (date.year == 0) return weft__year_zero;
    *out = date;
    return NULL;
}

static const char *fraction_scan(const char **at, const char *end, int64_t *us)
{
    int64_t unit = 100000;
    const char *begin = ++*at;
    for (; *at < end && is_digit(**at); ++*at, unit /= 10) *us += (**at - '0') * unit;
    return *at > begin ? NULL : "second fraction digits missing after `.`";
}

const char *weft__minutes_read(const char **at, const char *end, int64_t *us)
{
    int minute = weft__two_digits(*at, end), second = 0;
    if (minute < 0) return end - *at < 2 ? too_short : "invalid character in minute";
    if (minute > 59) return "minute value is outside expected range of 0-59";
    *at += 2;
    *us = minute * 60 * SECOND_US;
    if (*at == end || **at != ':') return NULL;
    second = weft__two_digits(*at + 1, end);
    if (second < 0) return "invalid character in second";
    if (second > 59) return "second value is outside expected range of 0-59";
    *at += 3;
    *us += second * SECOND_US;
    if (*at == end || (**at != '.' && **at != ',')) return NULL;
    return fraction_scan(at, end, us);
}

/* The hour of "HH:MM", which are there, past the colon, and the errors that stand before those of the minutes. */
static const char *hour_scan(const char **at, const char *end, int *hour)
{
    *hour = weft__two_digits(*at, end);
    if (*hour < 0) return "invalid character in hour";
    if ((*at)[2] != ':') return "invalid time separator, expected `:`";
    if (weft__two_digits(*at + 3, end) < 0) return "invalid character in minute";
    if (*hour > 23) return "hour value is outside expected range of 0-23";
    *at += 3;
    return NULL;
}

/* '+' or '-', or U+2212, the minus of ISO 8601; 0 for none. */
static int sign_scan(const char **at, const char *end)
{
    if (**at == '+' || **at == '-') return *(*at)++ == '+' ? 1 : -1;
    if (end - *at < 3 || memcmp(*at, "\xE2\x88\x92", 3) != 0) return 0;
    *at += 3;
    return -1;
}

static const char *offset_scan(const char **at, const char *end, weft_time *t)
{
    t->zoned = true;
    if ((**at | 0x20) == 'z') {
        ++*at;
        return NULL;
    }
    int sign = sign_scan(at, end);
    if (!sign) return "invalid timezone sign";
    int hours = weft__two_digits(*at, end);
    if (hours < 0) return "invalid timezone hour";
    *at += 2;
    if (*at < end && **at == ':') ++*at;
    int minutes = weft__two_digits(*at, end);
    if (minutes < 0) return "invalid timezone minute";
    if (minutes > 59) return "timezone minute value is outside expected range of 0-59";
    *at += 2;
    t->offset_s = sign * (hours * 3600 + minutes * 60);
    return hours < 24 ? NULL : "timezone offset must be less than 24 hours";
}

const char *weft__time_read(weft_str text, weft_time *out)
{
    if (text.len < 5) return too_short;
    const char *at = text.ptr, *end = at + text.len;
    int hour = 0;
    int64_t us = 0;
    const char *wrong = hour_scan(&at, end, &hour);
    if (!wrong) wrong = weft__minutes_read(&at, end, &us);
    if (wrong) return wrong;
    weft_time t = time_of_us(hour * 3600 * SECOND_US + us);
    if (at < end) wrong = offset_scan(&at, end, &t);
    if (wrong) return wrong;
    if (at < end) return extra;
    *out = t;
    return NULL;
}

static const char *datetime_scan(weft_str text, weft_datetime *out)
{
    weft_date date;
    weft_time time;
    const char *wrong = date_scan(text, &date);
    if (wrong) return wrong;
    if (text.len == 10 || !memchr("Tt _", text.ptr[10], 4))
        return "invalid datetime separator, expected `T`, `t`, `_` or space";
    wrong = weft__time_read((weft_str){ text.ptr + 11, text.len - 11 }, &time);
    if (wrong) return wrong;
    if (date.year == 0) return weft__year_zero;
    *out = weft_datetime_of(date, time);
    return NULL;
}

const char *weft__datetime_read(weft_str text, weft_datetime *out)
{
    weft__number n;
    const char *wrong = datetime_scan(text, out);
    if (!wrong || wrong == weft__year_zero || !number_of_text(text, &n)) return wrong;
    return weft__datetime_of_number(&n, out);
}

/* ---- writing ---- */

static char *date_put(char *to, weft_date d)
{
    to = weft__digits_write(to, d.year, 4);
    *to++ = '-';
    to = weft__digits_write(to, d.month, 2);
    *to++ = '-';
    return weft__digits_write(to, d.day, 2);
}

size_t weft__date_write(char *to, weft_date d)
{
    return weft_date_valid(d) ? (size_t)(date_put(to, d) - to) : 0;
}

static char *time_put(char *to, weft_time t)
{
    to = weft__digits_write(to, t.hour, 2);
    *to++ = ':';
    to = weft__digits_write(to, t.minute, 2);
    *to++ = ':';
    to = weft__digits_write(to, t.second, 2);
    if (t.us) {
        *to++ = '.';
        to = weft__digits_write(to, t.us, 6);
    }
    if (!t.zoned) return to;
    int minutes = t.offset_s / 60;
    *to++ = minutes == 0 ? 'Z' : minutes < 0 ? '-' : '+';
    if (minutes == 0) return to;
    if (minutes < 0) minutes = -minutes;
    to = weft__digits_write(to, minutes / 60, 2);
    *to++ = ':';
    return weft__digits_write(to, minutes % 60, 2);
}

size_t weft__time_write(char *to, weft_time t)
{
    return weft_time_valid(t) ? (size_t)(time_put(to, t) - to) : 0;
}

size_t weft__datetime_write(char *to, weft_datetime when)
{
    if (!weft_datetime_valid(when)) return 0;
    char *at = date_put(to, weft_datetime_date(when));
    *at++ = 'T';
    return (size_t)(time_put(at, weft_datetime_time(when)) - to);
}

/* ---- for programs ---- */

const char *weft_date_text(weft_date d, char to[WEFT_DATE_TEXT])
{
    to[weft__date_write(to, d)] = 0;
    return to;
}

const char *weft_time_text(weft_time t, char to[WEFT_TIME_TEXT])
{
    to[weft__time_write(to, t)] = 0;
    return to;
}

const char *weft_datetime_text(weft_datetime when, char to[WEFT_DATETIME_TEXT])
{
    to[weft__datetime_write(to, when)] = 0;
    return to;
}

int weft_time_parse(weft_str text, weft_time *out)
{
    return weft__time_read(text, out) ? WEFT_EINVAL : 0;
}

int weft_datetime_parse(weft_str text, weft_datetime *out)
{
    weft_date date;
    const char *wrong = weft__datetime_read(text, out);
    if (!wrong) return 0;
    if (wrong == weft__year_zero || weft__date_read(text, &date)) return WEFT_EINVAL;
    *out = weft_datetime_of(date, (weft_time){ 0 });
    return 0;
}

int weft_date_parse(weft_str text, weft_date *out)
{
    weft_datetime when;
    const char *wrong = weft__date_read(text, out);
    if (!wrong) return 0;
    if (wrong == weft__year_zero || weft__datetime_read(text, &when)) return WEFT_EINVAL;
    weft_time t = weft_datetime_time(when);
    if (t.hour || t.minute || t.second || t.us) return WEFT_EINVAL;
    *out = weft_datetime_date(when);
    return 0;
}
