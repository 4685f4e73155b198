#include "wire/number.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

static uint64_t random_state = 0x9E3779B97F4A7C15;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7,
        random_state ^= random_state << 17;
    return random_state * 0x2545F4914F6CDD1D;
}

static bool scan(const char *text, weft__number *n)
{
    size_t len = strlen(text);
    return weft__number_scan(text, text + len, n) == text + len;
}

static double read_double(const char *text)
{
    weft__number n;
    WEFT_CHECK(scan(text, &n));
    return weft__number_double(&n);
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static const char *write_double(double value)
{
    static char text[64];
    size_t len = weft__double_write(text, value);
    WEFT_CHECK(len <= WEFT__DOUBLE_MAX);
    text[len] = 0;
    return text;
}

typedef struct int_row { const char *text; int rc; int64_t value; } int_row;

static const int_row int_rows[] = {
    { "0", 0, 0 },
    { "-0", 0, 0 },
    { "1", 0, 1 },
    { "-1", 0, -1 },
    { "9223372036854775807", 0, INT64_MAX },
    { "-9223372036854775808", 0, INT64_MIN },
    { "9223372036854775808", WEFT_ELIMIT, 0 },
    { "-9223372036854775809", WEFT_ELIMIT, 0 },
    { "18446744073709551615", WEFT_ELIMIT, 0 },
    { "18446744073709551616", WEFT_ELIMIT, 0 },
    { "99999999999999999999999999", WEFT_ELIMIT, 0 },
    { "1e3", 0, 1000 },
    { "1.0", 0, 1 },
    { "1.000000000000000000000000000000", 0, 1 },
    { "1.5", WEFT_EINVAL, 0 },
    { "1.0000000000000000000000001", WEFT_EINVAL, 0 },
    { "15e-1", WEFT_EINVAL, 0 },
    { "150e-1", 0, 15 },
    { "9223372036854775807.0", 0, INT64_MAX },
    { "9223372036854775807.5", WEFT_EINVAL, 0 },
    { "922337203685477580.7e1", 0, INT64_MAX },
    { "9223372036854775.807e3", 0, INT64_MAX },
    { "-9.223372036854775808e18", 0, INT64_MIN },
    { "9.223372036854775808e18", WEFT_ELIMIT, 0 },
    { "9007199254740993", 0, 9007199254740993 },
    { "9007199254740993.0", 0, 9007199254740993 },
    { "1e18", 0, 1000000000000000000 },
    { "1e19", WEFT_ELIMIT, 0 },
    { "1e400", WEFT_ELIMIT, 0 },
    { "-1e999999999999999", WEFT_ELIMIT, 0 },
    { "0e999999999999", 0, 0 },
    { "0.0e-5", 0, 0 },
    { "1e-1", WEFT_EINVAL, 0 },
    { "1e-99999999999", WEFT_EINVAL, 0 },
    { "10000000000000000000000e-22", 0, 1 },
    { "0.00000000000000000000000001e26", 0, 1 },
};

WEFT_TEST(integers_are_read_exactly_or_not_at_all)
{
    for (size_t i = 0; i < weft_count(int_rows); i++) {
        weft__number n;
        int64_t value = 0;
        WEFT_CHECK(scan(int_rows[i].text, &n));
        int rc = weft__number_int64(&n, &value);
        if (rc != int_rows[i].rc || value != int_rows[i].value)
            weft__check_fail(__FILE__, __LINE__, "%s: %d, %ld", int_rows[i].text, rc, (long)value);
    }
}

WEFT_TEST(integers_read_back_as_they_were_written)
{
    int64_t values[] = { 0, 1, -1, 9, 10, 99, 100, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
        1000000000000000000, 999999999999999999 };
    for (size_t i = 0; i < 20000 + weft_count(values); i++) {
        int64_t value =
            i < weft_count(values) ? values[i] : (int64_t)random_bits() >> (random_bits() & 63);
        char text[WEFT__INT_MAX + 1], expected[32];
        text[weft__int64_write(text, value)] = 0;
        snprintf(expected, sizeof expected, "%ld", (long)value);
        WEFT_CHECK_STR(weft_str_of(text), expected);
        weft__number n;
        int64_t back;
        WEFT_CHECK(
            scan(text, &n) && n.whole && weft__number_int64(&n, &back) == 0 && back == value);
    }
}

WEFT_TEST(doubles_are_written_like_python_writes_them)
{
    static const struct { double value; const char *text;
    } cases[] = {
        { 0, "0.0" },
        { -0.0, "-0.0" },
        { 1, "1.0" },
        { 62, "62.0" },
        { 12.5, "12.5" },
        { -50.5, "-50.5" },
        { 0.1, "0.1" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 1.5e-7, "1.5e-07" },
        { 1e15, "1000000000000000.0" },
        { 1e16, "1e+16" },
        { 1.5e16, "1.5e+16" },
        { 123456789012345680.0, "1.2345678901234568e+17" },
        { 1e22, "1e+22" },
        { 1e23, "1e+23" },
        { 9007199254740993.0, "9007199254740992.0" },
        { 5e-324, "5e-324" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1.0 / 3, "0.3333333333333333" },
        { 1e100, "1e+100" },
        { 99999999999.0, "99999999999.0" },
        { 99999999999.9999, "99999999999.9999" },
        { 123456.7891, "123456.7891" },
        { 9999999999999998.0, "9999999999999998.0" },
    };
    for (size_t i = 0; i < weft_count(cases); i++)
        WEFT_CHECK_STR(weft_str_of(write_double(cases[i].value)), cases[i].text);
}

WEFT_TEST(plain_doubles_have_no_exponent_and_no_empty_fraction)
{
    static const struct { double value; const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "0" },
        { 10.5, "10.5" },
        { 2, "2" },
        { 1e-7, "0.0000001" },
        { 1e20, "100000000000000000000" },
        { -3.25, "-3.25" },
    };
    char text[WEFT__DOUBLE_PLAIN_MAX + 1];
    for (size_t i = 0; i < weft_count(cases); i++) {
        text[weft__double_write_plain(text, cases[i].value)] = 0;
        WEFT_CHECK_STR(weft_str_of(text), cases[i].text);
    }
    WEFT_CHECK(weft__double_write_plain(text, -1.7976931348623157e308) <= WEFT__DOUBLE_PLAIN_MAX);
    WEFT_CHECK(weft__double_write_plain(text, -2.2250738585072014e-308) <= WEFT__DOUBLE_PLAIN_MAX);
    WEFT_CHECK(weft__double_write_plain(text, -5e-324) <= WEFT__DOUBLE_PLAIN_MAX);
}

/* Bits of all kinds: any, few of them set, subnormal, powers of two and their neighbours, short
 * decimals. */
static double some_double(long round)
{
    uint64_t bits = random_bits();
    double value;
    switch (round % 6) {
    case 0: bits &= ~0ULL << (random_bits() % 60); break;
    case 1: bits &= 0x800FFFFFFFFFFFFF; break;
    case 2: bits = (bits & 0x7FF0000000000000) + (random_bits() % 3) - 1; break;
    case 3: return (double)(random_bits() % 100000000) / (double)(1 + random_bits() % 1000);
    case 4: return (double)(int64_t)random_bits() / 1e6;
    }
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 0.5;
}

WEFT_TEST(a_double_reads_back_as_the_same_bits)
{
    for (long i = 0; i < 60000; i++) {
        double value = some_double(i);
        const char *text = write_double(value);
        if (!same_bits(strtod(text, NULL), value) || !same_bits(read_double(text), value))
            weft__check_fail(__FILE__, __LINE__, "%a was written as %s", value, text);
    }
}

static size_t digits_in(const char *text)
{
    size_t count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && !count)) continue;
        count++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return count - zeros;
}

WEFT_TEST(a_double_is_written_with_no_more_digits_than_it_takes)
{
    for (long i = 0; i < 20000; i++) {
        double value = some_double(i);
        char shortest[40];
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(shortest, sizeof shortest, "%.*e", digits - 1, value);
            if (same_bits(strtod(shortest, NULL), value)) break;
        }
        if (digits_in(write_double(value)) > digits_in(shortest))
            weft__check_fail(
                __FILE__, __LINE__, "%s is longer than %s", write_double(value), shortest);
    }
}

WEFT_TEST(decimals_of_any_length_are_rounded_like_the_c_library_rounds)
{
    for (long i = 0; i < 60000; i++) {
        char text[80];
        int len = snprintf(
            text, sizeof text, "%s%lu", random_bits() & 1 ? "-" : "", 1 + random_bits() % 9);
        for (uint64_t more = random_bits() % 26; more; more--)
            text[len++] = (char)('0' + random_bits() % 10);
        if (random_bits() & 1) {
            text[len++] = '.';
            for (uint64_t more = 1 + random_bits() % 20; more; more--)
                text[len++] = (char)('0' + random_bits() % 10);
        }
        snprintf(text + len, sizeof text - (size_t)len, "e%d", (int)(random_bits() % 700) - 360);
        if (!same_bits(read_double(text), strtod(text, NULL)))
            weft__check_fail(__FILE__, __LINE__, "%s gave %a", text, read_double(text));
    }
}

/* Exactly between two doubles, and a hair to either side of it: only all of the digits tell. */
WEFT_TEST(middles_between_doubles_are_rounded_to_even_and_their_neighbours_apart)
{
    for (long i = 0; i < 3000; i++) {
        uint64_t bits = random_bits() & 0x7FDFFFFFFFFFFFFF;
        double low, high;
        memcpy(&low, &bits, sizeof low);
        bits++;
        memcpy(&high, &bits, sizeof high);
        char text[1300];
        int len = snprintf(text, sizeof text, "%.800Le", ((long double)low + high) / 2);
        int exponent_len = (int)strlen(strchr(text, 'e'));
        if (i % 3) text[len - exponent_len - 1] = '1';
        if (!same_bits(read_double(text), strtod(text, NULL)))
            weft__check_fail(__FILE__, __LINE__, "%.60s... gave %a", text, read_double(text));
    }
}

WEFT_TEST(doubles_at_the_ends_of_their_range)
{
    WEFT_CHECK(same_bits(read_double("1.7976931348623157e308"), 1.7976931348623157e308));
    WEFT_CHECK(isinf(read_double("1.7976931348623159e308")) && isinf(read_double("1e309")) &&
               isinf(read_double("-1e99999")));
    WEFT_CHECK(same_bits(read_double("4.9e-324"), 5e-324));
    WEFT_CHECK(same_bits(read_double("2.4703282292062328e-324"), 5e-324));
    WEFT_CHECK(same_bits(read_double("2.4703282292062327e-324"), 0));
    WEFT_CHECK(same_bits(read_double("-1e-99999"), -0.0));
    WEFT_CHECK(same_bits(read_double("0e5"), 0) && same_bits(read_double("-0"), -0.0));
    WEFT_CHECK(same_bits(read_double("2.2250738585072011e-308"), 2.2250738585072011e-308));
    WEFT_CHECK(same_bits(read_double("2.2250738585072012e-308"), 2.2250738585072012e-308));
}

WEFT_TEST(a_number_with_a_million_digits_is_read)
{
    enum { DIGITS = 1000000 };
    char *text = malloc(DIGITS + 16);
    memset(text, '0', DIGITS);
    text[0] = '1';
    strcpy(text + DIGITS, "e-999999");
    WEFT_CHECK(same_bits(read_double(text), 1.0));
    weft__number n;
    int64_t value;
    WEFT_CHECK(scan(text, &n) && weft__number_int64(&n, &value) == 0 && value == 1);
    text[DIGITS - 1] = '1';
    WEFT_CHECK(same_bits(read_double(text), 1.0));
    WEFT_CHECK(scan(text, &n) && weft__number_int64(&n, &value) == WEFT_EINVAL);
    free(text);
}

WEFT_TEST(a_scan_stops_where_the_number_ends)
{
    static const struct { const char *text; int len;
    } cases[] = {
        { "01", 1 },
        { "1.", 1 },
        { "1.e5", 1 },
        { "1e", 1 },
        { "1e+", 1 },
        { "-5,", 2 },
        { "12abc", 2 },
        { "1.5.5", 3 },
        { "1e5e", 3 },
        { "-", 0 },
        { "", 0 },
        { "+1", 0 },
        { ".5", 0 },
    };
    for (size_t i = 0; i < weft_count(cases); i++) {
        const char *text = cases[i].text;
        weft__number n;
        const char *end = weft__number_scan(text, text + strlen(text), &n);
        WEFT_CHECK_EQ(end ? end - text : 0, cases[i].len);
    }
}
