/* Cookies as clients send them. */
#include "wire/cookie.h"
#include <string.h>
#include "base/buf.h"
#include "weft/check.h"

/* "name=value|" of each. */
static void pairs(int line, const char *header, const char *expected)
{
    weft__buf out;
    weft_str name, value;
    char plain[200];
    weft__buf_init(&out, 4096);
    weft__cookies c = weft__cookies_of(weft_str_of(header));
    while (weft__cookie_next(&c, &name, &value)) {
        size_t n = weft__cookie_unquote(value, plain);
        weft__buf_printf(&out, "%.*s=%.*s|", WEFT_FMT(name), (int)n, plain);
    }
    weft__check_str(__FILE__, line, header, weft__buf_str(&out), expected);
    weft__buf_free(&out);
}
#define PAIRS(header, expected) pairs(__LINE__, header, expected)

WEFT_TEST(cookies_are_pairs_between_semicolons)
{
    PAIRS("", "");
    PAIRS("a=1", "a=1|");
    PAIRS("a=1; b=2;c=3 ;\td = 4 5 ", "a=1|b=2|c=3|d=4 5|");
    PAIRS("a=1; a=2", "a=1|a=2|");
    PAIRS(";; ;a=;=b; c ;=", "a=|=b|=c|=|");
    PAIRS("a=b=c==", "a=b=c==|");
    PAIRS("a=%41+b", "a=%41+b|");
}

WEFT_TEST(a_value_in_quotes_means_what_stands_between)
{
    PAIRS("a=\"b c\"; d=\"\"; e=\"", "a=b c|d=|e=\"|");
    PAIRS("a=\"x\\\"y\\\\z\"", "a=x\"y\\z|");
    PAIRS("a=\"\\054\\73\\1\\0519\"", "a=,;\1)9|");
    PAIRS("a=\"\\400\\8\\\"", "a= 08\\|");
    PAIRS("a=x\\\"y", "a=x\\\"y|");
    PAIRS("a=\"b;c\"", "a=\"b|=c\"|");
}

/* ---- what servers send ---- */

static void sends(int line, weft__set_cookie c, const char *expected)
{
    weft__buf out;
    weft__buf_init(&out, 8192);
    WEFT_CHECK(weft__set_cookie_fault(&c) == NULL);
    weft__set_cookie_add(&out, &c);
    weft__check_str(__FILE__, line, "Set-Cookie", weft__buf_str(&out), expected);
    weft__buf_free(&out);
}

WEFT_TEST(a_cookie_is_sent_with_the_attributes_it_has)
{
    sends(__LINE__, (weft__set_cookie){ .name = WEFT_S("a"), .value = WEFT_S("b"), .max_age_s = -1 }, "a=b");
    sends(__LINE__, (weft__set_cookie){ .name = WEFT_S("a"), .value = WEFT_S(""), .max_age_s = 0 }, "a=; Max-Age=0");
    sends(__LINE__, (weft__set_cookie){ .name = WEFT_S("__Host-id"), .value = WEFT_S("x=y/z"), .path = WEFT_S("/"), .same_site = WEFT_S("Strict"),
        .max_age_s = 3600, .secure = true, .http_only = true }, "__Host-id=x=y/z; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict");
    sends(__LINE__, (weft__set_cookie){ .name = WEFT_S("a"), .value = WEFT_S("b"), .domain = WEFT_S("shop.example"), .max_age_s = -1 },
        "a=b; Domain=shop.example");
}

WEFT_TEST(a_value_that_is_no_cookies_is_quoted_and_read_back)
{
    static const weft_str values[] = { WEFT_S("two words"), WEFT_S("a;b,c"), WEFT_S("\"q\" \\"), WEFT_S("\xc3\xa4\xff"), WEFT_S("\\073"), WEFT_S(" ") };
    for (size_t i = 0; i < weft_count(values); i++) {
        weft__set_cookie c = { .name = WEFT_S("a"), .value = values[i], .max_age_s = -1 };
        weft__buf out;
        weft_str name, value;
        char plain[100];
        weft__buf_init(&out, 8192);
        WEFT_CHECK(weft__set_cookie_fault(&c) == NULL);
        weft__set_cookie_add(&out, &c);
        weft__cookies back = weft__cookies_of(weft__buf_str(&out));
        WEFT_CHECK(weft__cookie_next(&back, &name, &value));
        WEFT_CHECK(weft_str_equal((weft_str){ plain, weft__cookie_unquote(value, plain) }, values[i]));
        WEFT_CHECK(!weft__cookie_next(&back, &name, &value));
        weft__buf_free(&out);
    }
    sends(__LINE__, (weft__set_cookie){ .name = WEFT_S("a"), .value = WEFT_S("b;\xc3 \"c"), .max_age_s = -1 }, "a=\"b\\073\\303 \\\"c\"");
}

WEFT_TEST(cookies_that_clients_would_drop_or_misread_are_refused)
{
    static char large[WEFT__COOKIE_BYTES_MAX + 1], escaped[WEFT__COOKIE_BYTES_MAX / 4];
    memset(large, 'x', sizeof large);
    memset(escaped, ';', sizeof escaped);
    const weft__set_cookie refused[] = { { .name = WEFT_S("") }, { .name = WEFT_S("a b") }, { .name = WEFT_S("a=b") }, { .name = WEFT_S("a;b") },
        { .name = WEFT_S("a"), .value = WEFT_S("b\r\nSet-Cookie: c=d") }, { .name = WEFT_S("a"), .value = WEFT_S("\0") }, { .name = WEFT_S("a"), .value = WEFT_S("\x7f") },
        { .name = WEFT_S("a"), .value = { large, sizeof large } }, { .name = WEFT_S("a"), .value = { escaped, sizeof escaped } }, { .name = WEFT_S("a"), .path = WEFT_S("/; Domain=evil.example") },
        { .name = WEFT_S("a"), .path = WEFT_S("a") }, { .name = WEFT_S("a"), .path = WEFT_S("/\n") }, { .name = WEFT_S("a"), .domain = WEFT_S("a;b") },
        { .name = WEFT_S("a"), .domain = WEFT_S("a b") }, { .name = WEFT_S("a"), .same_site = WEFT_S("laxer") }, { .name = WEFT_S("a"), .same_site = WEFT_S("None") },
        { .name = WEFT_S("__Secure-a") }, { .name = WEFT_S("__host-a"), .path = WEFT_S("/") }, { .name = WEFT_S("__Host-a"), .path = WEFT_S("/x"), .secure = true },
        { .name = WEFT_S("__Host-a"), .path = WEFT_S("/"), .domain = WEFT_S("a.example"), .secure = true } };
    for (size_t i = 0; i < weft_count(refused); i++)
        if (!weft__set_cookie_fault(&refused[i])) weft__check_fail(__FILE__, __LINE__, "cookie %zu is not refused", i);
    WEFT_CHECK(weft__set_cookie_fault(&(weft__set_cookie){ .name = WEFT_S("a"), .value = { large, sizeof large - 2 } }) == NULL);
    WEFT_CHECK(weft__set_cookie_fault(&(weft__set_cookie){ .name = WEFT_S("a"), .value = { escaped, sizeof escaped - 1 } }) == NULL);
}
