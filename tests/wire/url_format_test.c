#include <stdio.h>
#include <string.h>
#include "support/failing.h"
#include "weft/check.h"
#include "wire/url.h"

enum { VALUES = 3 };
typedef struct row {
    const char *format;
    weft_str values[VALUES];
    size_t count;
    const char *expected;
} row;

static int format_row(const row *r, weft__buf *b, char fault[WEFT__URL_FAULT])
{
    memset(fault, 0, WEFT__URL_FAULT);
    weft__buf_init(b, 1000);
    weft__buf_lit(b, "<");
    return weft__url_format(b, r->format, r->values, r->count, fault);
}

WEFT_TEST(a_value_that_would_leave_its_place_is_refused_and_the_fault_says_why)
{
    static const row rows[] = {
        { "http://a/{}", { WEFT_S("") }, 1, "value 1 of \"http://a/{}\" is empty" },
        { "http://a/{}", { WEFT_S(".") }, 1, "'.' or '..'" },
        { "http://a/{}", { WEFT_S("..") }, 1, "'.' or '..'" },
        { "http://a/{}/b", { WEFT_S("..") }, 1, "'.' or '..'" },
        { "http://a/{}?b", { WEFT_S("..") }, 1, "'.' or '..'" },
        { "http://a/{}{}", { WEFT_S("."), WEFT_S(".") }, 2, "'.' or '..'" },
        { "http://a/.{}", { WEFT_S(".") }, 1, "'.' or '..'" },
        { "http://a/%2E{}", { WEFT_S(".") }, 1, "'.' or '..'" },
        { "http://a/{+}", { WEFT_S("b/../c") }, 1, "'.' or '..'" },
        { "http://a/{+}", { WEFT_S("b/%2e%2E/c") }, 1, "'.' or '..'" },
        { "/x/{}/{}", { WEFT_S("a"), WEFT_S("b\0c") }, 2, "value 2 of \"/x/{}/{}\" holds a NUL" },
        { "http://{}/", { WEFT_S("evil.com") }, 1, "before the path" },
        { "http://a.{}", { WEFT_S("com") }, 1, "before the path" },
        { "{}/a", { WEFT_S("http://a") }, 1, "before the path" },
        { "{+}{}", { WEFT_S("http://a"), WEFT_S("b") }, 2, "{} number 2" },
        { "{}", { WEFT_S("a") }, 1, "before the path" },
        { "?{}", { WEFT_S("a") }, 1, "before the path" },
        { "{+}/a", { WEFT_S("http://a b") }, 1, "{+} puts it as it is" },
        { "{+}/a", { WEFT_S("http://a\r\nX: y") }, 1, "{+} puts it as it is" },
        { "{+}/a", { WEFT_S("http://a\0") }, 1, "{+} puts it as it is" },
        { "{+}/a", { WEFT_S("http://a/#") }, 1, "{+} puts it as it is" },
        { "/a b", { { 0 } }, 0, "holds a byte that no URL may have" },
        { "/a\r\n", { { 0 } }, 0, "holds a byte that no URL may have" },
        { "/a#{}", { WEFT_S("b") }, 1, "holds a byte that no URL may have" },
        { "/{", { { 0 } }, 0, "neither {} nor {+}" },
        { "/}", { { 0 } }, 0, "neither {} nor {+}" },
        { "/{id}", { WEFT_S("b") }, 1, "neither {} nor {+}" },
        { "/{+", { WEFT_S("b") }, 1, "neither {} nor {+}" },
        { "/{ }", { WEFT_S("b") }, 1, "neither {} nor {+}" },
        { "/{}", { { 0 } }, 0, "\"/{}\" has 1 places for values, and 0 came" },
        { "/{}", { WEFT_S("a"), WEFT_S("b"), WEFT_S("c") }, 3,
            "\"/{}\" has 1 places for values, and 3 came" },
        { "/", { WEFT_S("a") }, 1, "\"/\" has 0 places for values, and 1 came" },
        { "/{}/{}?{}", { WEFT_S("a"), WEFT_S("b") }, 2, "has 3 places for values, and 2 came" },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__buf b;
        char fault[WEFT__URL_FAULT];
        int rc = format_row(&rows[i], &b, fault);
        if (rc != WEFT_EINVAL || !strstr(fault, rows[i].expected)) {
            weft__check_fail(__FILE__, __LINE__, "%s: rc %d, fault: %s", rows[i].format, rc, fault);
        }
        WEFT_CHECK_STR(weft__buf_str(&b), "<");
        weft__buf_free(&b);
    }
}

WEFT_TEST(values_are_put_into_their_places)
{
    static const row rows[] = {
        { "http://a/b", { { 0 } }, 0, "<http://a/b" },
        { "http://a/../b", { { 0 } }, 0, "<http://a/../b" },
        { "http://a/{}", { WEFT_S("b c") }, 1, "<http://a/b%20c" },
        { "http://a/{}/d", { WEFT_S("b/c?x#y%") }, 1, "<http://a/b%2Fc%3Fx%23y%25/d" },
        { "http://a/x-{}.json", { WEFT_S("..") }, 1, "<http://a/x-...json" },
        { "http://a/{}", { WEFT_S("...") }, 1, "<http://a/..." },
        { "http://a?b={}&c={}", { WEFT_S("1&2=3"), WEFT_S("") }, 2, "<http://a?b=1%262%3D3&c=" },
        { "/s?q={}", { WEFT_S("\0\xFF+") }, 1, "</s?q=%00%FF%2B" },
        { "/s?q={}", { WEFT_S("..") }, 1, "</s?q=.." },
        { "{+}/items/{}?near={}", { WEFT_S("http://shop:8000"), WEFT_S("a/b"), WEFT_S("1 km") }, 3,
            "<http://shop:8000/items/a%2Fb?near=1%20km" },
        { "http://{+}/x", { WEFT_S("a:80") }, 1, "<http://a:80/x" },
        { "{+}&b={}", { WEFT_S("https://a/?x=%20"), WEFT_S("/") }, 2, "<https://a/?x=%20&b=%2F" },
        { "/{+}", { WEFT_S("") }, 1, "</" },
        { "/{}", { WEFT_S("\xC3\xA9") }, 1, "</%C3%A9" },
        { "/a|b~c-d_e.f/{}|", { WEFT_S("|a|bc||de~f-g_h.i|") }, 1,
            "</a|b~c-d_e.f/%7Ca%7Cbc%7C%7Cde~f-g_h.i%7C|" },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__buf b;
        char fault[WEFT__URL_FAULT];
        WEFT_CHECK_EQ(format_row(&rows[i], &b, fault), 0);
        WEFT_CHECK_STR(weft__buf_str(&b), rows[i].expected);
        WEFT_CHECK_EQ(b.failed, 0);
        weft__buf_free(&b);
    }
}

WEFT_TEST(the_fault_of_a_long_template_fits_its_room)
{
    char format[1000];
    memset(format, 'a', sizeof format);
    format[0] = '/';
    format[sizeof format - 1] = 0;
    weft__buf b;
    weft__buf_init(&b, 10000);
    char fault[WEFT__URL_FAULT];
    memset(fault, 'x', sizeof fault);
    WEFT_CHECK_EQ(weft__url_format(&b, format, &WEFT_S("b"), 1, fault), WEFT_EINVAL);
    WEFT_CHECK(strlen(fault) < sizeof fault);
    WEFT_CHECK(strstr(fault, "has 0 places for values, and 1 came") != NULL);
    weft__buf_free(&b);
}

/* Cut off there, the segment would be "..", which it is not. */
WEFT_TEST(a_url_that_does_not_fit_is_judged_by_nothing_else)
{
    char fault[WEFT__URL_FAULT];
    weft_str values[] = { WEFT_S("http://h/a/.."), WEFT_S("b") };
    weft__buf b;
    weft__buf_init(&b, strlen("http://h/a/.."));
    WEFT_CHECK_EQ(weft__url_format(&b, "{+}{}", values, 2, fault), 0);
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    weft__buf_free(&b);
}

WEFT_TEST(a_url_past_the_limit_or_without_memory_is_a_failed_buffer)
{
    char fault[WEFT__URL_FAULT];
    weft_str values[] = { WEFT_S("http://shop:8000"), WEFT_S("a") };
    weft__buf b;
    for (size_t max = 0; max < strlen("http://shop:8000/a"); max++) {
        weft__buf_init(&b, max);
        WEFT_CHECK_EQ(weft__url_format(&b, "{+}/{}", values, 2, fault), 0);
        WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
        weft__buf_free(&b);
    }
    weft__buf_init(&b, strlen("http://shop:8000/a"));
    WEFT_CHECK_EQ(weft__url_format(&b, "{+}/{}", values, 2, fault), 0);
    WEFT_CHECK_STR(weft__buf_str(&b), "http://shop:8000/a");
    WEFT_CHECK_EQ(b.failed, 0);
    weft__buf_free(&b);
    FAIL_EACH_IN_TURN(i) {
        weft__buf_init(&b, 1000);
        WEFT_CHECK_EQ(weft__url_format(&b, "{+}/{}", values, 2, fault), 0);
        WEFT_CHECK_EQ(b.failed, fails.failed ? WEFT_ENOMEM : 0);
        weft__buf_free(&b);
    }
}
