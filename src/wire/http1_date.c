#include "wire/bytes.h"
#include "wire/date.h"
#include "wire/http1.h"

enum { DAY_S = WEFT__DAY_S };

static const int64_t EARLIEST_S = -62167219200; /* 0000-01-01 00:00:00 */
static const int64_t LATEST_S = 253402300799;   /* 9999-12-31 23:59:59 */

static const char DAYS[] = "SunMonTueWedThuFriSat";
static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void put2(char *to, int n)
{
    to[0] = (char)('0' + n / 10);
    to[1] = (char)('0' + n % 10);
}

void weft__http_date(char out[WEFT__HTTP_DATE], int64_t unix_s)
{
    if (unix_s < EARLIEST_S) unix_s = EARLIEST_S;
    if (unix_s > LATEST_S) unix_s = LATEST_S;
    int64_t days = (unix_s - (unix_s < 0 ? DAY_S - 1 : 0)) / DAY_S;
    int of_day = (int)(unix_s - days * DAY_S);
    int weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    weft__civil c = weft__civil_of(days);
    memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", WEFT__HTTP_DATE);
    memcpy(out, DAYS + 3 * weekday, 3);
    put2(out + 5, c.day);
    memcpy(out + 8, MONTHS + 3 * (c.month - 1), 3);
    put2(out + 12, c.year / 100);
    put2(out + 14, c.year % 100);
    put2(out + 17, of_day / 3600);
    put2(out + 20, of_day / 60 % 60);
    put2(out + 23, of_day % 60);
}

/* ---- reading: a step that misses what it expects clears `ok`; the rest do nothing ---- */

typedef struct reader {
    const char *at, *end;
    bool ok;
} reader;

static void expect(reader *r, const char *literal)
{
    size_t n = strlen(literal);
    r->ok = r->ok && (size_t)(r->end - r->at) >= n && memcmp(r->at, literal, n) == 0;
    if (r->ok) r->at += n;
}

static int number(reader *r, size_t digits)
{
    r->ok = r->ok && (size_t)(r->end - r->at) >= digits;
    if (!r->ok) return 0;
    int64_t n = weft__decimal((weft_str){ r->at, digits }, 9999);
    r->at += digits;
    r->ok = n >= 0;
    return (int)n;
}

static int month(reader *r)
{
    r->ok = r->ok && r->end - r->at >= 3;
    if (!r->ok) return 0;
    for (int i = 0; i < 12; i++) {
        if (memcmp(r->at, MONTHS + 3 * i, 3)) continue;
        r->at += 3;
        return i + 1;
    }
    r->ok = false;
    return 0;
}

/* The name of the day, short or long; that it is the right one is not checked. */
static void weekday(reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && r->at - from < 9 && (*r->at | 32) >= 'a' && (*r->at | 32) <= 'z')
        r->at++;
    r->ok = r->ok && r->at - from >= 3;
}

static int time_of_day(reader *r)
{
    int hour = number(r, 2);
    expect(r, ":");
    int minute = number(r, 2);
    expect(r, ":");
    int second = number(r, 2); /* 60 is a leap second */
    r->ok = r->ok && hour < 24 && minute < 60 && second <= 60;
    return (hour * 60 + minute) * 60 + second;
}

static int full_year(int two_digits, int64_t now_s)
{
    int now = weft__civil_of(now_s / DAY_S).year;
    int year = now - now % 100 + two_digits;
    return year > now + 50 ? year - 100 : year <= now - 50 ? year + 100 : year;
}

/* "Nov  6 08:49:37 1994", the older half of C's asctime. */
static weft__civil read_asctime(reader *r, int *second)
{
    weft__civil c = { .month = month(r) };
    expect(r, " ");
    bool padded = r->ok && r->at < r->end && *r->at == ' ';
    if (padded) r->at++;
    c.day = number(r, padded ? 1 : 2);
    expect(r, " ");
    *second = time_of_day(r);
    expect(r, " ");
    c.year = number(r, 4);
    return c;
}

/* "06 Nov 1994 08:49:37 GMT" or "06-Nov-94 08:49:37 GMT". */
static weft__civil read_gmt(reader *r, int *second, int64_t now_s)
{
    weft__civil c = { .day = number(r, 2) };
    bool dashed = r->ok && r->at < r->end && *r->at == '-';
    expect(r, dashed ? "-" : " ");
    c.month = month(r);
    expect(r, dashed ? "-" : " ");
    c.year = dashed ? full_year(number(r, 2), now_s) : number(r, 4);
    expect(r, " ");
    *second = time_of_day(r);
    expect(r, " GMT");
    return c;
}

static bool day_exists(weft__civil c)
{
    weft__civil next =
        c.month == 12 ? (weft__civil){ c.year + 1, 1, 1 } : (weft__civil){ c.year, c.month + 1, 1 };
    return c.day >= 1 && weft__days_of(c) < weft__days_of(next);
}

int weft__http_date_parse(weft_str text, int64_t now_s, int64_t *unix_s)
{
    if (!text.len) return WEFT_EINVAL;
    reader r = { text.ptr, text.ptr + text.len, true };
    weekday(&r);
    bool comma = r.at < r.end && *r.at == ',';
    expect(&r, comma ? ", " : " ");
    int second = 0;
    weft__civil c = comma ? read_gmt(&r, &second, now_s) : read_asctime(&r, &second);
    if (!r.ok || r.at != r.end || !day_exists(c)) return WEFT_EINVAL;
    *unix_s = weft__days_of(c) * DAY_S + second;
    return 0;
}
