#ifndef WEFT_SRC_WIRE_DATE_H
#define WEFT_SRC_WIRE_DATE_H
#include "weft/values.h"
#include "wire/number.h"

/* Dates, times and moments, both ways: RFC 3339 with what pydantic's lax mode takes beside it
 * (weft/values.h). Each read returns NULL, or what is wrong in pydantic's words, with *out untouched:
 * static text. Each write puts at most WEFT_..._TEXT - 1 bytes at `to`, no NUL, and returns how many;
 * 0 for a value that is none. Nothing here waits, allocates or depends on the locale. */

/* The proleptic Gregorian calendar, as days from 1970-01-01; any year that an int holds. */
typedef struct weft__civil { int year, month, day; } weft__civil;    /* month and day from 1 */
int64_t weft__days_of(weft__civil c);
weft__civil weft__civil_of(int64_t days);
enum { WEFT__DAY_S = 86400 };

/* What is said of a date that no C (and no Python) date can be, though its text is one. */
extern const char weft__year_zero[];

/* "2022-06-08", or a whole number that is a day. */
const char *weft__date_read(weft_str text, weft_date *out);

const char *weft__time_read(weft_str text, weft_time *out);

/* "2022-06-08T12:13:14Z", or a number; no date alone. */
const char *weft__datetime_read(weft_str text, weft_datetime *out);

/* Seconds since midnight; seconds or milliseconds since 1970. */
const char *weft__time_of_number(const weft__number *n, weft_time *out);
const char *weft__datetime_of_number(const weft__number *n, weft_datetime *out);

size_t weft__date_write(char *to, weft_date date);
size_t weft__time_write(char *to, weft_time time);
size_t weft__datetime_write(char *to, weft_datetime when);

/* ---- shared with duration.c ---- */

/* The number times 10^places, rounded to the nearest, half away from zero; INT64_MAX or INT64_MIN
 * past those. */
int64_t weft__number_scaled(const weft__number *n, int places);

/* "MM[:SS[.ffffff]]" behind the hours and a colon; digits past six are dropped. Microseconds. */
const char *weft__minutes_read(const char **at, const char *end, int64_t *us);

/* Two digits, or -1. */
static inline int weft__two_digits(const char *at, const char *end)
{
    if (end - at < 2 || (unsigned char)(at[0] - '0') > 9 || (unsigned char)(at[1] - '0') > 9)
        return -1;
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* Digits at `to`, exactly `count` of them. */
static inline char *weft__digits_write(char *to, int64_t value, int count)
{
    for (int i = count; i-- > 0; value /= 10) to[i] = (char)('0' + value % 10);
    return to + count;
}
#endif
