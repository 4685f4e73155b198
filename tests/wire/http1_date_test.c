#include <time.h>
#include "weft/check.h"
#include "wire/http1.h"

static weft_str date_of(int64_t unix_s, char out[WEFT__HTTP_DATE])
{
    weft__http_date(out, unix_s);
    return (weft_str){ out, WEFT__HTTP_DATE };
}

WEFT_TEST(a_date_is_written_in_the_fixed_form)
{
    char out[WEFT__HTTP_DATE];
    WEFT_CHECK_STR(date_of(784111777, out), "Sun, 06 Nov 1994 08:49:37 GMT");
    WEFT_CHECK_STR(date_of(0, out), "Thu, 01 Jan 1970 00:00:00 GMT");
    WEFT_CHECK_STR(date_of(-1, out), "Wed, 31 Dec 1969 23:59:59 GMT");
    WEFT_CHECK_STR(date_of(951782399, out), "Mon, 28 Feb 2000 23:59:59 GMT");
    WEFT_CHECK_STR(date_of(951782400, out), "Tue, 29 Feb 2000 00:00:00 GMT");
    WEFT_CHECK_STR(date_of(4107542400, out), "Mon, 01 Mar 2100 00:00:00 GMT");
}

WEFT_TEST(a_date_outside_four_digits_of_years_is_the_nearest_inside)
{
    char out[WEFT__HTTP_DATE];
    WEFT_CHECK_STR(date_of(INT64_MAX, out), "Fri, 31 Dec 9999 23:59:59 GMT");
    WEFT_CHECK_STR(date_of(253402300799, out), "Fri, 31 Dec 9999 23:59:59 GMT");
    WEFT_CHECK_STR(date_of(INT64_MIN, out), "Sat, 01 Jan 0000 00:00:00 GMT");
}

/* Steps of a prime number of seconds touch every kind of month, leap year and weekday. From the
 * year 1000 on: strftime does not pad smaller ones. */
WEFT_TEST(dates_agree_with_the_c_library_and_are_read_back)
{
    for (int64_t s = -30610224000; s < 253402300799; s += 7654319) {
        char out[WEFT__HTTP_DATE], expected[40];
        time_t t = (time_t)s;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        weft_str date = date_of(s, out);
        int64_t back = 1;
        bool good = memcmp(expected, out, WEFT__HTTP_DATE) == 0 &&
                    weft__http_date_parse(date, s, &back) == 0 && back == s;
        if (!good)
            weft__check_fail(
                __FILE__, __LINE__, "%lld: %.29s, expected %s", (long long)s, out, expected);
    }
}

WEFT_TEST(all_three_forms_of_a_date_are_read)
{
    static const struct { weft_str text; int64_t s; } rows[] = {
        { WEFT_S("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777 },
        { WEFT_S("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777 },
        { WEFT_S("Sun Nov  6 08:49:37 1994"), 784111777 },
        { WEFT_S("Wed Nov 16 08:49:37 1994"), 784975777 },
        { WEFT_S("Tuesday, 01-Jan-74 00:00:00 GMT"), 126230400 },
        { WEFT_S("Sunday, 01-Jan-73 00:00:00 GMT"), 3250454400 },
        { WEFT_S("Friday, 01-Jan-49 00:00:00 GMT"), 2493072000 },
        { WEFT_S("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800 },
        { WEFT_S("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400 },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        int64_t s = -1;
        WEFT_CHECK_EQ(weft__http_date_parse(rows[i].text, 1700000000, &s), 0);
        WEFT_CHECK_EQ(s, rows[i].s);
    }
}

WEFT_TEST(what_is_no_date_is_refused_and_changes_nothing)
{
    static const weft_str rows[] = {
        WEFT_S(""),
        WEFT_S("Sun"),
        WEFT_S("Sun,"),
        WEFT_S("Su, 06 Nov 1994 08:49:37 GMT"),
        WEFT_S("Sun, 06 Nov 1994 08:49:37"),
        WEFT_S("Sun, 06 Nov 1994 08:49:37 UTC"),
        WEFT_S("Sun, 06 Nov 1994 08:49:37 GMT "),
        WEFT_S(" Sun, 06 Nov 1994 08:49:37 GMT"),
        WEFT_S("Sun, 6 Nov 1994 08:49:37 GMT"),
        WEFT_S("Sun, 06 nov 1994 08:49:37 GMT"),
        WEFT_S("Sun, 06 Nox 1994 08:49:37 GMT"),
        WEFT_S("Sun, 06 No"),
        WEFT_S("Sun, 06 Nov 1994 24:00:00 GMT"),
        WEFT_S("Sun, 06 Nov 1994 08:60:37 GMT"),
        WEFT_S("Sun, 06 Nov 1994 08:49:61 GMT"),
        WEFT_S("Sun, 00 Nov 1994 08:49:37 GMT"),
        WEFT_S("Sun, 31 Nov 1994 08:49:37 GMT"),
        WEFT_S("Wed, 29 Feb 2100 08:49:37 GMT"),
        WEFT_S("Wed, 32 Dec 2100 08:49:37 GMT"),
        WEFT_S("Sun, +6 Nov 1994 08:49:37 GMT"),
        WEFT_S("Sun, 06-Nov-1994 08:49:37 GMT"),
        WEFT_S("Sunday, 06-Nov 94 08:49:37 GMT"),
        WEFT_S("Sun Nov 06 08:49:37 94"),
        WEFT_S("Sun Nov   6 08:49:37 1994"),
        WEFT_S("784111777"),
        WEFT_S("1994-11-06T08:49:37Z"),
        WEFT_S("Sun, 06 Nov 1994 08:49:37 GMT\0"),
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        int64_t s = 42;
        if (weft__http_date_parse(rows[i], 0, &s) != WEFT_EINVAL || s != 42) {
            weft__check_fail(__FILE__, __LINE__, "taken for a date: '%.*s'", WEFT_FMT(rows[i]));
        }
    }
}
