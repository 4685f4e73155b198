#include "wire/http1_scan.h"
#include <stdlib.h>
#include "weft/check.h"

typedef const char *scan_fn(const char *start, const char *at, const char *end);

static const char *plain_name(const char *start, const char *at, const char *end)
{
    (void)start;
    return weft__scan_class_plain(at, end, WEFT__TOKEN);
}

static const char *plain_text(const char *start, const char *at, const char *end)
{
    (void)start;
    return weft__scan_class_plain(at, end, WEFT__TEXT);
}

static const char *plain_target(const char *start, const char *at, const char *end)
{
    (void)start;
    return weft__scan_class_plain(at, end, WEFT__TARGET);
}

static const char *plain_path(const char *start, const char *at, const char *end)
{
    (void)start;
    return weft__scan_path_plain(at, end);
}

/* Every byte at every place of inputs of every length up to three vectors, from every start. */
static void check_same(scan_fn *fast, scan_fn *plain, char filler)
{
    enum { LEN_MAX = 40 };
    for (size_t len = 1; len <= LEN_MAX; len++) {
        char *bytes = malloc(len);
        memset(bytes, filler, len);
        for (size_t place = 0; place < len; place++) {
            for (int byte = 0; byte < 256; byte++) {
                bytes[place] = (char)byte;
                for (size_t at = 0; at <= place; at += 7) {
                    const char *a = fast(bytes, bytes + at, bytes + len);
                    const char *b = plain(bytes, bytes + at, bytes + len);
                    if (a != b) WEFT_CHECK_EQ(a - bytes, b - bytes);
                }
            }
            bytes[place] = filler;
        }
        free(bytes);
    }
}

WEFT_TEST(a_vector_scan_of_names_stops_where_the_plain_one_does)
{
    check_same(weft__scan_name, plain_name, 'a');
    check_same(weft__scan_name, plain_name, '_');
}

WEFT_TEST(a_vector_scan_of_values_stops_where_the_plain_one_does)
{
    check_same(weft__scan_text, plain_text, ' ');
}
WEFT_TEST(a_vector_scan_of_targets_stops_where_the_plain_one_does)
{
    check_same(weft__scan_target, plain_target, '/');
}
WEFT_TEST(a_vector_scan_of_paths_stops_where_the_plain_one_does)
{
    check_same(weft__scan_path, plain_path, '/');
}

WEFT_TEST(the_classes_of_bytes_are_those_of_the_grammars)
{
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool token = alnum || (c && strchr("!#$%&'*+-.^_`|~", c));
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__TOKEN), token);
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__TEXT), c == '\t' || (c >= 32 && c != 127));
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__TARGET), c > 32 && c < 127 && c != '#');
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__HOST), alnum || (c && strchr("-._", c)));
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__UNRESERVED), alnum || (c && strchr("-._~", c)));
        bool hex = (c >= '0' && c <= '9') || (c && strchr("abcdefABCDEF", c));
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__HEXDIGIT), hex);
        WEFT_CHECK_EQ(weft__byte_is((char)c, WEFT__DIGIT), c >= '0' && c <= '9');
    }
}

WEFT_TEST(a_decimal_number_is_digits_alone_and_never_more_than_its_limit)
{
    WEFT_CHECK_EQ(weft__decimal(WEFT_S("0"), 9), 0);
    WEFT_CHECK_EQ(weft__decimal(WEFT_S("9223372036854775807"), INT64_MAX), INT64_MAX);
    WEFT_CHECK_EQ(weft__decimal(WEFT_S("00000000000000000000000042"), 42), 42);
    WEFT_CHECK_EQ(weft__decimal(WEFT_S("43"), 42), -1);
    WEFT_CHECK_EQ(weft__decimal(WEFT_S("9223372036854775808"), INT64_MAX), -1);
    WEFT_CHECK_EQ(weft__decimal(WEFT_S("92233720368547758070"), INT64_MAX), -1);
    static const weft_str bad[] = { WEFT_S(""), WEFT_S("+1"), WEFT_S("-1"), WEFT_S(" 1"),
        WEFT_S("1 "), WEFT_S("1,1"), WEFT_S("0x1"), WEFT_S("1.0") };
    for (size_t i = 0; i < weft_count(bad); i++)
        WEFT_CHECK_EQ(weft__decimal(bad[i], INT64_MAX), -1);
}
