#include "weft/check.h"
#include "wire/base64.h"
#include "wire/date.h"
#include "wire/decimal.h"
#include "wire/email.h"
#include "wire/ip.h"
#include "wire/url_check.h"

/* Dates, lengths of time, UUIDs, decimals and the formats of texts, as programs use them. */

WEFT_TEST(every_day_of_the_calendar_is_one_number)
{
    weft_date last = { 0 };
    int weekday = 7;                               /* 0001-01-01 was a Monday */
    for (int64_t day = weft_date_days((weft_date){ 1, 1, 1 });; day++) {
        weft_date date = weft_date_of_days(day);
        if (!weft_date_valid(date)) break;
        weekday = weekday % 7 + 1;
        bool next = last.day == 0 || weft_date_compare(last, date) < 0;
        if (!next || weft_date_days(date) != day || weft_date_weekday(date) != weekday)
            weft__check_fail(__FILE__, __LINE__, "day %ld", (long)day);
        last = date;
    }
    WEFT_CHECK_STR(weft_str_of(weft_date_text(last, (char[WEFT_DATE_TEXT]){ 0 })), "9999-12-31");
    WEFT_CHECK_EQ(weft_date_days(last) - weft_date_days((weft_date){ 1, 1, 1 }), 3652058);
}

WEFT_TEST(days_that_no_calendar_has_are_not_valid)
{
    static const weft_date none[] = { { 0, 1, 1 }, { 10000, 1, 1 }, { 2022, 0, 1 }, { 2022, 13, 1 },
        { 2022, 4, 31 }, { 2022, 2, 29 }, { 1900, 2, 29 }, { 2022, 1, 0 }, { 0 } };
    for (size_t i = 0; i < weft_count(none); i++) {
        WEFT_CHECK(!weft_date_valid(none[i]));
        WEFT_CHECK_STR(weft_str_of(weft_date_text(none[i], (char[WEFT_DATE_TEXT]){ 0 })), "");
    }
    WEFT_CHECK(weft_date_valid((weft_date){ 2000, 2, 29 }));
    WEFT_CHECK(!weft_date_valid(weft_date_of_days(INT64_MAX)));
    WEFT_CHECK(!weft_date_valid(weft_date_of_days(INT64_MIN)));
}

WEFT_TEST(a_moment_has_a_clock_and_parts)
{
    weft_datetime when;
    WEFT_CHECK_EQ(weft_datetime_parse(WEFT_S("2022-06-08T01:13:14.5+02:00"), &when), 0);
    WEFT_CHECK_EQ(when.us, INT64_C(1654643594500000));
    weft_date date = weft_datetime_date(when);
    weft_time time = weft_datetime_time(when);
    WEFT_CHECK_EQ(date.day, 8);
    WEFT_CHECK_EQ(time.hour, 1);
    WEFT_CHECK_EQ(time.us, 500000);
    weft_datetime again = weft_datetime_of(date, time);
    WEFT_CHECK_EQ(again.us, when.us);
    WEFT_CHECK_EQ(again.offset_s, 7200);
    again.offset_s = -5400;
    WEFT_CHECK_STR(weft_str_of(weft_datetime_text(again, (char[WEFT_DATETIME_TEXT]){ 0 })),
        "2022-06-07T21:43:14.500000-01:30");
    WEFT_CHECK_STR(weft_str_of(weft_datetime_text(
                       weft_datetime_of_unix(-1), (char[WEFT_DATETIME_TEXT]){ 0 })),
        "1969-12-31T23:59:59.999999Z");
}

WEFT_TEST(a_text_that_is_none_leaves_what_was_there)
{
    weft_date date = { 1, 2, 3 };
    weft_datetime when = { .us = 7 };
    weft_duration length = { 7 };
    WEFT_CHECK_EQ(weft_date_parse(WEFT_S("2022-06-08T01:00"), &date), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_datetime_parse(WEFT_S("0000-01-01"), &when), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_duration_parse(WEFT_S("P1DT1.5H1M"), &length), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_duration_parse((weft_str){ 0 }, &length), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_date_parse((weft_str){ 0 }, &date), WEFT_EINVAL);
    WEFT_CHECK_EQ(date.day, 3);
    WEFT_CHECK_EQ(when.us, 7);
    WEFT_CHECK_EQ(length.us, 7);
}

WEFT_TEST(lengths_of_time_are_written_as_iso_8601_has_them)
{
    static const struct { int64_t us; const char *text;
    } cases[] = {
        { 0, "PT0S" },
        { 1, "PT0.000001S" },
        { -1500000, "-PT1.5S" },
        { INT64_C(365) * 86400 * 1000000, "P1Y" },
        { INT64_C(86400) * 1000000 + 1, "P1DT0.000001S" },
        { INT64_C(5400) * 1000000, "PT1H30M" },
        { INT64_MAX, "P292471Y76DT4H54.775807S" },
        { -INT64_MAX, "-P292471Y76DT4H54.775807S" },
    };
    char text[WEFT_DURATION_TEXT];
    weft_duration back;
    for (size_t i = 0; i < weft_count(cases); i++) {
        WEFT_CHECK_STR(
            weft_str_of(weft_duration_text((weft_duration){ cases[i].us }, text)), cases[i].text);
        WEFT_CHECK_EQ(weft_duration_parse(weft_str_of(text), &back), 0);
        WEFT_CHECK_EQ(back.us, cases[i].us);
    }
}

WEFT_TEST(a_duration_that_no_text_gives_has_none)
{
    char text[WEFT_DURATION_TEXT];
    weft_duration back;
    WEFT_CHECK_EQ(weft_duration_parse(WEFT_S("-P292471Y76DT4H54.775808S"), &back), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_duration_text((weft_duration){ INT64_MIN }, text)), "");
}

WEFT_TEST(a_uuid_knows_its_version)
{
    weft_uuid a, b;
    WEFT_CHECK_EQ(weft_uuid_parse(WEFT_S("0194fdc2-5d6a-733c-97f9-2feeb9d2a609"), &a), 0);
    WEFT_CHECK_EQ(weft_uuid_version(a), 7);
    WEFT_CHECK_EQ(weft_uuid_parse(WEFT_S("URN:UUID:x"), &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_uuid_parse(WEFT_S("0194FDC25D6A733C97F92FEEB9D2A609"), &b), 0);
    WEFT_CHECK(weft_uuid_equal(a, b));
    WEFT_CHECK_EQ(weft_uuid_version((weft_uuid){ { 0 } }), 0);
    WEFT_CHECK_STR(weft_str_of(weft_uuid_text(b, (char[WEFT_UUID_TEXT]){ 0 })),
        "0194fdc2-5d6a-733c-97f9-2feeb9d2a609");
}

#define D(text) ((weft_decimal){ WEFT_S(text) })

WEFT_TEST(a_decimal_is_so_many_cents_or_an_error)
{
    static const struct { weft_decimal d; int places, rc; int64_t scaled;
    } cases[] = {
        { { WEFT_S("12.34") }, 2, 0, 1234 },
        { { WEFT_S("12.3") }, 2, 0, 1230 },
        { { WEFT_S("-0.010") }, 2, 0, -1 },
        { { WEFT_S("1e3") }, 2, 0, 100000 },
        { { WEFT_S("0e900") }, 2, 0, 0 },
        { { { 0 } }, 2, 0, 0 },
        { { WEFT_S("12.345") }, 2, WEFT_EINVAL, 0 },
        { { WEFT_S("x") }, 2, WEFT_EINVAL, 0 },
        { { WEFT_S("92233720368547758.07") }, 2, 0, INT64_MAX },
        { { WEFT_S("-92233720368547758.08") }, 2, 0, INT64_MIN },
        { { WEFT_S("92233720368547758.08") }, 2, WEFT_ELIMIT, 0 },
        { { WEFT_S("1e999999999") }, 2, WEFT_ELIMIT, 0 },
    };
    for (size_t i = 0; i < weft_count(cases); i++) {
        int64_t scaled = 0;
        WEFT_CHECK_EQ(weft_decimal_scaled(cases[i].d, cases[i].places, &scaled), cases[i].rc);
        WEFT_CHECK_EQ(scaled, cases[i].scaled);
    }
}

WEFT_TEST(cents_are_a_decimal)
{
    char text[WEFT_DECIMAL_TEXT];
    WEFT_CHECK_STR(weft_decimal_of(1234, 2, text).text, "12.34");
    WEFT_CHECK_STR(weft_decimal_of(-5, 2, text).text, "-0.05");
    WEFT_CHECK_STR(weft_decimal_of(7, 0, text).text, "7");
    WEFT_CHECK_STR(weft_decimal_of(INT64_MIN, 18, text).text, "-9.223372036854775808");
    WEFT_CHECK_STR(weft_decimal_of(0, 3, text).text, "0.000");
}

WEFT_TEST(decimals_are_compared_by_what_they_are_worth)
{
    WEFT_CHECK_EQ(weft_decimal_compare(D("1.0"), D("1")), 0);
    WEFT_CHECK_EQ(weft_decimal_compare(D("-0"), D("0")), 0);
    WEFT_CHECK(weft_decimal_compare(D("9.99"), D("10")) < 0);
    WEFT_CHECK(weft_decimal_compare(D("-9.99"), D("-10")) > 0);
    WEFT_CHECK(weft_decimal_compare(D("1e-9"), D("0")) > 0);
    WEFT_CHECK(weft_decimal_compare(D("1.0000000000000000000000000000001"), D("1")) > 0);
    WEFT_CHECK(weft_decimal_double(D(" +0_.5 ")) == 0.5);
    WEFT_CHECK(weft_decimal_double(D("1e-400")) == 0);
    WEFT_CHECK(!weft_decimal_valid(D("nan")));
}

WEFT_TEST(a_decimal_has_as_many_digits_as_are_allowed)
{
    char text[WEFT_DECIMAL_DIGITS_MAX + 2];
    weft__exact d;
    memset(text, '7', sizeof text);
    weft_str digits = { text, WEFT_DECIMAL_DIGITS_MAX };
    WEFT_CHECK_EQ(weft__decimal_read(digits, &d), 0);
    char written[WEFT__DECIMAL_ROOM];
    WEFT_CHECK_EQ(weft__decimal_write(written, &d), WEFT_DECIMAL_DIGITS_MAX);
    digits.len++;
    WEFT_CHECK_EQ(weft__decimal_read(digits, &d), WEFT_EINVAL);
    memset(text, '0', sizeof text - 2);
    digits.len = sizeof text - 1;
    WEFT_CHECK_EQ(weft__decimal_read(digits, &d), 0);
    WEFT_CHECK_EQ(d.count, 1);
}

WEFT_TEST(bytes_come_back_from_base64)
{
    uint8_t bytes[64], back[weft__base64_room(128)];
    const char *msg;
    int64_t numbers[2];
    for (size_t len = 0; len <= sizeof bytes; len++) {
        for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(i * 37 + len);
        weft__buf out;
        weft__buf_init(&out, 1024);
        weft__base64_write(&out, bytes, len);
        WEFT_CHECK_EQ(out.len, (len + 2) / 3 * 4);
        WEFT_CHECK_EQ(weft__base64_read(weft__buf_str(&out), back, &msg, numbers), (int64_t)len);
        WEFT_CHECK(len == 0 || memcmp(bytes, back, len) == 0);
        weft__buf_free(&out);
    }
}

#define EMAIL_FAULT(text, why) WEFT_CHECK_STR(weft_str_of(weft__email_fault(WEFT_S(text))), why)

WEFT_TEST(what_is_wrong_with_an_address_is_said)
{
    EMAIL_FAULT("x", "An email address must have an @-sign.");
    EMAIL_FAULT("", "An email address must have an @-sign.");
    EMAIL_FAULT("@b.cc", "There must be something before the @-sign.");
    EMAIL_FAULT("a@", "There must be something after the @-sign.");
    EMAIL_FAULT(".a@b.cc", "An email address cannot start with a period.");
    EMAIL_FAULT("a..b@b.cc", "An email address cannot have two periods in a row.");
    EMAIL_FAULT("a.@b.cc", "An email address cannot have a period immediately before the @-sign.");
    EMAIL_FAULT("a@b", "The part after the @-sign is not valid. It should have a period.");
    EMAIL_FAULT("a(b@c.dd", "The email address contains invalid characters before the @-sign.");
    EMAIL_FAULT("a@b@c.dd", "The part after the @-sign contains invalid characters.");
    EMAIL_FAULT("a@b..cc", "The part after the @-sign has an empty name between periods.");
    EMAIL_FAULT("a@-b.cc", "The part after the @-sign has a hyphen at the end of a name.");
    EMAIL_FAULT("a@1.2.3.4",
        "The part after the @-sign is not valid. It is not within a valid top-level domain.");
    WEFT_CHECK(!weft__email_fault(WEFT_S("\xC3\xA9@b\xC3\xBC.de")));
}

WEFT_TEST(an_address_of_mail_is_not_longer_than_mail_allows)
{
    char text[300];
    memset(text, 'a', sizeof text);
    memcpy(text + 64, "@b.cc", 5);
    WEFT_CHECK(!weft__email_fault((weft_str){ text, 69 }));
    memset(text, 'a', sizeof text);
    memcpy(text + 65, "@b.cc", 5);
    WEFT_CHECK(weft__email_fault((weft_str){ text, 70 }) != NULL);
    memset(text, 'a', sizeof text);
    for (int i = 3; i < 300; i += 4) text[i] = '.';
    text[1] = '@';
    WEFT_CHECK(!weft__email_fault((weft_str){ text, 251 }));
    WEFT_CHECK(weft__email_fault((weft_str){ text, 255 }) != NULL);
}

static const char *url_fault(weft_str text)
{
    const char *fault = "fine";
    switch (weft__url_check(text, &fault)) {
    case WEFT__URL_SCHEME: return "scheme";
    case WEFT__URL_LONG: return "long";
    default: return fault;
    }
}

#define URL_FAULT(text, why) WEFT_CHECK_STR(weft_str_of(url_fault(WEFT_S(text))), why)

WEFT_TEST(what_is_wrong_with_a_url_is_said)
{
    URL_FAULT("http://a", "fine");
    URL_FAULT("HTTPS://[::1]:443/?#", "fine");
    URL_FAULT("http://m\xC3\xBCnchen.de/\xC3\xBC?a=b&c", "fine");
    URL_FAULT("http://a:/", "fine");
    URL_FAULT("", "input is empty");
    URL_FAULT("x", "relative URL without a base");
    URL_FAULT(":a", "relative URL without a base");
    URL_FAULT("1http://x", "relative URL without a base");
    URL_FAULT("javascript:alert(1)", "scheme");
    URL_FAULT("http://", "empty host");
    URL_FAULT("http:///a", "empty host");
    URL_FAULT("http://user@", "empty host");
    URL_FAULT("http://a@b@c", "invalid international domain name");
    URL_FAULT("http://a:99999", "invalid port number");
    URL_FAULT("http://[::1", "invalid IPv6 address");
    URL_FAULT("http://[::1]x", "invalid international domain name");
    URL_FAULT("http://999.1.1.1", "invalid IPv4 address");
    URL_FAULT("http://1.2.3", "invalid IPv4 address");
    URL_FAULT("http://exa mple.com", "invalid international domain name");
    URL_FAULT("http://a.b/ x", "invalid character in path, query or fragment");
    URL_FAULT("http://a.b/%zz", "invalid character in path, query or fragment");
    URL_FAULT("http:a.b", "two slashes expected behind the scheme");
    URL_FAULT("http:\\\\a.b", "two slashes expected behind the scheme");
    char text[WEFT__URL_CHARS_MAX + 1];
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    WEFT_CHECK_STR(weft_str_of(url_fault((weft_str){ text, WEFT__URL_CHARS_MAX })), "fine");
    WEFT_CHECK_STR(weft_str_of(url_fault((weft_str){ text, sizeof text })), "long");
}

WEFT_TEST(an_address_of_version_4_is_four_numbers)
{
    WEFT_CHECK(weft__ipv4_valid(WEFT_S("255.255.255.255")));
    static const char *const none[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.", "1.2.3.256", "1.2.3.04",
        "1..2.3", " 1.2.3.4", "1.2.3.4/24", "0x1.2.3.4" };
    for (size_t i = 0; i < weft_count(none); i++)
        WEFT_CHECK(!weft__ipv4_valid(weft_str_of(none[i])));
    WEFT_CHECK(weft__ipv6_valid(WEFT_S("fe80::1%eth0")));
    WEFT_CHECK(!weft__ipv6_valid(WEFT_S("fe80::1%")));
    WEFT_CHECK(!weft__ipv6_valid(WEFT_S("%eth0")));
    WEFT_CHECK(!weft__ipv6_valid(WEFT_S("1::2::3")));
}
