#ifndef WEFT_VALUES_H
#define WEFT_VALUES_H
/* Types of values beside numbers and text: dates and times, durations, UUIDs, decimals, bytes. Each goes wherever a
 * weft_str does (model.h, web.h):
 *
 *     WEFT_MODEL(Booking,
 *         field(weft_uuid,     id,    .uuid_version = 4),
 *         field(weft_datetime, start),
 *         opt  (weft_duration, length, .range = { 0, 86400 }),       // seconds
 *         field(weft_decimal,  price, .max_digits = 8, .decimal_places = 2),
 *         list (weft_date,     closed));
 *
 * What is read is what pydantic's lax mode reads, with its words for what is wrong; what is written is what it writes.
 * weft_TYPE_parse reads text the same way: 0, or WEFT_EINVAL with *out untouched. weft_TYPE_text writes it into an
 * array of yours, of WEFT_TYPE_TEXT bytes, and returns that array: printf("%s", weft_date_text(d, (char[WEFT_DATE_TEXT]){ 0 })).
 * A value that is none (month 13) has an empty text, and cannot be answered.
 * Nothing here waits, allocates or knows time zones by name.                                 Example: examples/values.c  */
#include "weft/base.h"

/* ---- days, RFC 3339: "2022-06-08" ---- */

/* A day of the Gregorian calendar, years 1 to 9999. Read: "2022-06-08", a datetime at midnight, or seconds or
 * milliseconds (beyond ±2e10) since 1970 as a number or a text that are whole days. */
typedef struct weft_date { int16_t year; uint8_t month, day; } weft_date;
enum { WEFT_DATE_TEXT = 11 };

int weft_date_parse(weft_str text, weft_date *out) WEFT_NODISCARD;
const char *weft_date_text(weft_date date, char to[WEFT_DATE_TEXT]);
bool weft_date_valid(weft_date date);

/* Negative, 0 or positive, as a is before, the same as or after b. */
int weft_date_compare(weft_date a, weft_date b);

/* Days since 1970-01-01, and back: date arithmetic is weft_date_of_days(weft_date_days(d) + 30). A day outside the
 * years 1 to 9999 gives { 0, 0, 0 }, which is not valid. The date must be valid. */
int64_t weft_date_days(weft_date date);
weft_date weft_date_of_days(int64_t days);

/* 1 Monday to 7 Sunday (ISO 8601). The date must be valid. */
int weft_date_weekday(weft_date date);

/* ---- times of a day: "15:30:00", "15:30:00.250000+02:00" ---- */

/* `zoned`: an offset from UTC was given, offset_s seconds east of it, less than a day; else that is 0. Read:
 * "HH:MM[:SS[.ffffff]]", further digits of a fraction are dropped, then perhaps "Z", "+HH:MM" or "+HHMM"; or a number
 * of seconds since midnight, UTC. */
typedef struct weft_time { uint8_t hour, minute, second; bool zoned; int32_t us, offset_s; } weft_time;
enum { WEFT_TIME_TEXT = 22 };

int weft_time_parse(weft_str text, weft_time *out) WEFT_NODISCARD;
const char *weft_time_text(weft_time time, char to[WEFT_TIME_TEXT]);
bool weft_time_valid(weft_time time);

/* ---- moments: "2022-06-08T12:13:14Z", "2022-06-08T12:13:14.500000+02:00" ---- */

/* A moment is `us`, microseconds since 1970-01-01T00:00:00Z: compare those of two, subtract them, add to them. The offset
 * is where its clock stood: how it was written, and will be. Without one (zoned false, offset_s 0) the clock is read as
 * if it stood at UTC. On its clock a datetime is in the years 1 to 9999. Read: date and time as above with 'T', 't', '_' or a
 * space between; a date, which is its midnight; seconds or milliseconds (beyond ±2e10) since 1970 as a number or a text, UTC. */
typedef struct weft_datetime { int64_t us; int32_t offset_s; bool zoned; } weft_datetime;
enum { WEFT_DATETIME_TEXT = 33 };

int weft_datetime_parse(weft_str text, weft_datetime *out) WEFT_NODISCARD;
const char *weft_datetime_text(weft_datetime when, char to[WEFT_DATETIME_TEXT]);
bool weft_datetime_valid(weft_datetime when);

/* What its clock shows, and a datetime of that; the date and time must be valid. */
weft_date weft_datetime_date(weft_datetime when);
weft_time weft_datetime_time(weft_datetime when);
weft_datetime weft_datetime_of(weft_date date, weft_time time);

/* The moment `us` microseconds after 1970, at UTC; weft_datetime_of_unix(INT64_C(1654646400) * 1000000). */
weft_datetime weft_datetime_of_unix(int64_t us);

/* ---- lengths of time, ISO 8601: "PT1H30M" ---- */

/* Read: "P1Y2M3W4DT5H6M7.5S" (a year is 365 days, a month 30, the last quantity may have a fraction), "3 days, 12:30",
 * "12:30:00", each perhaps with a sign; or a number of seconds. At most 106,751,991 days; INT64_MIN is none.
 * .range is in seconds. */
typedef struct weft_duration { int64_t us; } weft_duration;
enum { WEFT_DURATION_TEXT = 40 };

int weft_duration_parse(weft_str text, weft_duration *out) WEFT_NODISCARD;
const char *weft_duration_text(weft_duration length, char to[WEFT_DURATION_TEXT]);

/* ---- UUIDs, RFC 9562 ---- */

/* Read: with hyphens, without, in braces, or behind "urn:uuid:", in any case; .uuid_version = 4 takes no other. Zeroed it
 * is the nil UUID. Compare with memcmp. */
typedef struct weft_uuid { uint8_t bytes[16]; } weft_uuid;
enum { WEFT_UUID_TEXT = 37 };

int weft_uuid_parse(weft_str text, weft_uuid *out) WEFT_NODISCARD;
const char *weft_uuid_text(weft_uuid uuid, char to[WEFT_UUID_TEXT]);
bool weft_uuid_equal(weft_uuid a, weft_uuid b);

/* 1 to 8; 0 for one that RFC 9562 gives none. */
int weft_uuid_version(weft_uuid uuid);

/* ---- decimals ---- */

/* A decimal number, exactly as many digits as it has: "12.50" stays "12.50". Its text is the one that Python's Decimal has
 * ("1E+3" for "1e3", "0.5" for " +.5_0e0" but for the digits), which SQL reads too; empty it is 0. Read: a number, or text
 * with white space around, a plus sign, underscores; no infinity, no NaN; at most WEFT_DECIMAL_DIGITS_MAX digits and
 * exponents of nine digits. JSON numbers are taken as they are written, not by way of a double. Written in quotes.
 * .range and .multiple_of are compared exactly; .max_digits and .decimal_places count digits as SQL's NUMERIC does. */
typedef struct weft_decimal { weft_str text; } weft_decimal;
enum { WEFT_DECIMAL_DIGITS_MAX = 1000 };

/* True when the text is a decimal as above, in any of the spellings that are read. */
bool weft_decimal_valid(weft_decimal d);

/* Its value times 10^places, 12.34 with 2 places is 1234: cents. 0; WEFT_EINVAL when it has more places than that, or is no
 * decimal; WEFT_ELIMIT when it does not fit. */
int weft_decimal_scaled(weft_decimal d, int places, int64_t *out) WEFT_NODISCARD;

/* And back: the decimal of scaled / 10^places, with that many places (0 to 18), whose text lies in `to`. */
enum { WEFT_DECIMAL_TEXT = 24 };
weft_decimal weft_decimal_of(int64_t scaled, int places, char to[WEFT_DECIMAL_TEXT]);

/* Negative, 0 or positive, exactly: "1.0" and "1" are the same. Both must be valid. */
int weft_decimal_compare(weft_decimal a, weft_decimal b);

/* The nearest double; NaN when it is no decimal. */
double weft_decimal_double(weft_decimal d);

/* ---- bytes ---- */

/* Any bytes, NUL-terminated as a weft_str is: base64 in JSON and text (RFC 4648, 4 and 5: '+' and '/' or '-' and '_', not both;
 * '=' at the end or not), written with '+', '/' and '='. .min_len and .max_len count bytes. */
typedef struct weft_bytes { const uint8_t *ptr; size_t len; } weft_bytes;
#endif
