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
