#include "model/coerce.h"
#include "coercing.h"

#define INT    &weft_schema_int64_t
#define DOUBLE &weft_schema_double
#define BOOL   &weft_schema__Bool
#define TEXT   &weft_schema_weft_str

static const row rows[] = {
    { INT, "0", NULL, "less_than", { .range = { -WEFT_NO_END, 0 }, .below = true } },
    { INT, "\"123456789123456.00001\"", NULL, "int_parsing", { 0 } },
    { INT, "-1", NULL, "greater_than", { .range = { 0, WEFT_NO_END }, .above = true } },
    { INT, "\"0_000\"", "0", NULL, { 0 } },
    { INT, "-1", "-1", NULL, { .range = { -WEFT_NO_END, 0 } } },
    { INT, "\"-+0001\"", NULL, "int_parsing", { 0 } },
    { INT, "\"  _042.0 \"", NULL, "int_parsing", { 0 } },
    { INT, "42", "42", NULL, { 0 } },
    { INT, "1", "1", NULL, { .range = { 0, WEFT_NO_END }, .above = true } },
    { INT, "\"0_42\"", "42", NULL, { 0 } },
    { INT, "\"000001\"", "1", NULL, { 0 } },
    { INT, "\"42.\"", NULL, "int_parsing", { 0 } },
    { INT, "-1", NULL, "greater_than_equal", { .range = { 0, WEFT_NO_END } } },
    { INT, "6", NULL, "multiple_of", { .multiple_of = 5 } },
    { INT, "12.5", NULL, "int_from_float", { 0 } },
    { INT, "\"00.00\"", "0", NULL, { 0 } },
    { INT, "\"42_.0\"", NULL, "int_parsing", { 0 } },
    { INT, "\"42.0\"", "42", NULL, { 0 } },
    { INT, "\"00\"", "0", NULL, { 0 } },
    { INT, "\"-0+001\"", NULL, "int_parsing", { 0 } },
    { INT, "\"0:\"", NULL, "int_parsing", { 0 } },
    { INT, "\"04_2.0\"", "42", NULL, { 0 } },
    { INT, "[1, 2]", NULL, "int_type", { 0 } },
    { INT, "1.0", "1", NULL, { 0 } },
    { INT, "\" \"", NULL, "int_parsing", { 0 } },
    { INT, "0", "0", NULL, { .range = { 0, WEFT_NO_END } } },
    { INT, "\"-1\"", "-1", NULL, { 0 } },
    { INT, "\"42.00\"", "42", NULL, { 0 } },
    { INT, "true", "1", NULL, { 0 } },
    { INT, "\"42_\"", NULL, "int_parsing", { 0 } },
    { INT, "\"+4_2.0\"", "42", NULL, { 0 } },
    { INT, "\"000\"", "0", NULL, { 0 } },
    { INT, "-1", "-1", NULL, { 0 } },
    { INT, "1", NULL, "less_than_equal", { .range = { -WEFT_NO_END, 0 } } },
    { INT, "\"+0\"", "0", NULL, { 0 } },
    { INT, "\"+0_000\"", "0", NULL, { 0 } },
    { INT, "\"09\"", "9", NULL, { 0 } },
    { INT, "\"+04_2.0\"", "42", NULL, { 0 } },
    { INT, "0", NULL, "greater_than", { .range = { 0, WEFT_NO_END }, .above = true } },
    { INT, "\"00.0\"", "0", NULL, { 0 } },
    { INT, "42.0", "42", NULL, { 0 } },
    { INT, "\"123456789.0\"", "123456789", NULL, { 0 } },
    { INT, "\"+000\"", "0", NULL, { 0 } },
    { INT, "\"4_2\"", "42", NULL, { 0 } },
    { INT, "0", "0", NULL, { 0 } },
    { INT, "1", NULL, "less_than", { .range = { -WEFT_NO_END, 0 }, .below = true } },
    { INT, "false", "0", NULL, { 0 } },
    { INT, "\"++4_2\"", NULL, "int_parsing", { 0 } },
    { INT, "\"-00001\"", "-1", NULL, { 0 } },
    { INT, "\"42\"", "42", NULL, { 0 } },
    { INT, "\"00_\"", NULL, "int_parsing", { 0 } },
    { DOUBLE, "\"+inf\"", NULL, "finite_number", { 0 } },
    { DOUBLE, "\"12E-1\"", "1.2", NULL, { 0 } },
    { DOUBLE, "\"12e+1\"", "120.0", NULL, { 0 } },
    { DOUBLE, "42.5", "42.5", NULL, { 0 } },
    { DOUBLE, "\"1E12\"", "1000000000000.0", NULL, { 0 } },
    { DOUBLE, "\"  42.1  \"", "42.1", NULL, { 0 } },
    { DOUBLE, "false", "0.0", NULL, { 0 } },
    { DOUBLE, "\"0.7\"", "0.7", NULL, { 0 } },
    { DOUBLE, "\"42.123\"", "42.123", NULL, { 0 } },
    { DOUBLE, "\"123.456\"", "123.456", NULL, { 0 } },
    { DOUBLE, "-1", "-1.0", NULL, { .range = { -WEFT_NO_END, 0 } } },
    { DOUBLE, "\"42\"", "42.0", NULL, { 0 } },
    { DOUBLE, "\"-infinity\"", NULL, "finite_number", { 0 } },
    { DOUBLE, "1", "1.0", NULL, { 0 } },
    { DOUBLE, "\"1E+12\"", "1000000000000.0", NULL, { 0 } },
    { DOUBLE, "0", NULL, "less_than", { .range = { -WEFT_NO_END, 0 }, .below = true } },
    { DOUBLE, "42", "42.0", NULL, { 0 } },
    { DOUBLE, "\"1.0E-12\"", "1e-12", NULL, { 0 } },
    { DOUBLE, "\"+infinity\"", NULL, "finite_number", { 0 } },
    { DOUBLE, "\"wrong\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "0", "0.0", NULL, { .range = { 0, WEFT_NO_END } } },
    { DOUBLE, "\"NaN\"", NULL, "finite_number", { 0 } },
    { DOUBLE, "\"1E-12\"", "1e-12", NULL, { 0 } },
    { DOUBLE, "0", NULL, "greater_than", { .range = { 0, WEFT_NO_END }, .above = true } },
    { DOUBLE, "\"12e1\"", "120.0", NULL, { 0 } },
    { DOUBLE, "-0.1", NULL, "greater_than_equal", { .range = { 0, WEFT_NO_END } } },
    { DOUBLE, "10000000000.0", "10000000000.0", NULL, { 0 } },
    { DOUBLE, "\"1e+12\"", "1000000000000.0", NULL, { 0 } },
    { DOUBLE, "\"-inf\"", NULL, "finite_number", { 0 } },
    { DOUBLE, "0", "0.0", NULL, { 0 } },
    { DOUBLE, "\"1.0E+12\"", "1000000000000.0", NULL, { 0 } },
    { DOUBLE, "\"12e-1\"", "1.2", NULL, { 0 } },
    { DOUBLE, "42.0", "42.0", NULL, { 0 } },
    { DOUBLE, "[1, 2]", NULL, "float_type", { 0 } },
    { DOUBLE, "\"1.0e+12\"", "1000000000000.0", NULL, { 0 } },
    { BOOL, "\"false\"", "false", NULL, { 0 } },
    { BOOL, "\"cheese\"", NULL, "bool_parsing", { 0 } },
    { BOOL, "2.0", NULL, "bool_parsing", { 0 } },
    { BOOL, "2", NULL, "bool_parsing", { 0 } },
    { BOOL, "\"true\"", "true", NULL, { 0 } },
    { BOOL, "\"yes\"", "true", NULL, { 0 } },
    { BOOL, "1.1", NULL, "bool_type", { 0 } },
    { BOOL, "0.0", "false", NULL, { 0 } },
    { BOOL, "0", "false", NULL, { 0 } },
    { BOOL, "false", "false", NULL, { 0 } },
    { BOOL, "\"no\"", "false", NULL, { 0 } },
    { TEXT, "\"123456\"", NULL, "string_too_long", { .max_len = 5 } },
    { TEXT, "123", NULL, "string_type", { 0 } },
    { TEXT, "\"1234\"", NULL, "string_too_short", { .min_len = 5 } },
    { TEXT, "\"12345\"", "\"12345\"", NULL, { .max_len = 5 } },
    { TEXT, "\"foobar 123\"", "\"foobar 123\"", NULL, { .pattern = "\\d+$" } },
    { TEXT, "true", NULL, "string_type", { 0 } },
    { TEXT, "\"Foobar\"", "\"Foobar\"", NULL, { 0 } },
    { TEXT, "\"abc\"", "\"abc\"", NULL, { 0 } },
    { TEXT, "[]", NULL, "string_type", { 0 } },
    { TEXT, "\"12345\"", "\"12345\"", NULL, { .min_len = 5 } },
    { TEXT, "\"12345a\"", NULL, "string_pattern_mismatch", { .pattern = "^\\d+$" } },
    { TEXT, "\"foobar\"", "\"foobar\"", NULL, { 0 } },
    { TEXT, "false", NULL, "string_type", { 0 } },
    { TEXT, "123.456", NULL, "string_type", { 0 } }, /* what JSON and C add */
    { INT, "null", NULL, "int_type", { 0 } },
    { INT, "{}", NULL, "int_type", { 0 } },
    { INT, "1e3", "1000", NULL, { 0 } },
    { INT, "9223372036854775807", "9223372036854775807", NULL, { 0 } },
    { INT, "-9223372036854775808", "-9223372036854775808", NULL, { 0 } },
    { INT, "9223372036854775808", NULL, "less_than_equal", { 0 } },
    { INT, "-9223372036854775809", NULL, "greater_than_equal", { 0 } },
    { INT, "\"9223372036854775808\"", NULL, "less_than_equal", { 0 } },
    { INT, "\"1e3\"", NULL, "int_parsing", { 0 } },
    { INT, "\"\"", NULL, "int_parsing", { 0 } },
    { INT, "\"\\u0031\\u0032\"", "12", NULL, { 0 } },
    { INT, "9007199254740993.0", "9007199254740993", NULL, { 0 } },
    { INT, "9223372036854775807", "9223372036854775807", NULL,
        { .range = { 9223372036854775807.0L, WEFT_NO_END } } },
    { INT, "9223372036854775806", NULL, "greater_than_equal",
        { .range = { 9223372036854775807.0L, WEFT_NO_END } } },
    { INT, "1", NULL, "greater_than_equal", { .range = { 1.5, 3 } } },
    { INT, "2", "2", NULL, { .range = { 1.5, 3 } } },
    { INT, "-7", NULL, "multiple_of", { .multiple_of = 5 } },
    { INT, "-10", "-10", NULL, { .multiple_of = 5 } },
    { INT, "3", "3", NULL, { .multiple_of = 0.5 } },
    { DOUBLE, "null", NULL, "float_type", { 0 } },
    { DOUBLE, "1e400", NULL, "finite_number", { 0 } },
    { DOUBLE, "-1e400", NULL, "finite_number", { 0 } },
    { DOUBLE, "1e-400", "0.0", NULL, { 0 } },
    { DOUBLE, "\"nan\"", NULL, "finite_number", { 0 } },
    { DOUBLE, "\"1_000.5\"", "1000.5", NULL, { 0 } },
    { DOUBLE, "\".5\"", "0.5", NULL, { 0 } },
    { DOUBLE, "\"+1.\"", "1.0", NULL, { 0 } },
    { DOUBLE, "\"007.5e1\"", "75.0", NULL, { 0 } },
    { DOUBLE, "\"1..5\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "\"+-1\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "\"0x10\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "\"1__0\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "\"\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "\"1,5\"", NULL, "float_parsing", { 0 } },
    { DOUBLE, "0.3", "0.3", NULL, { .multiple_of = 0.1L } },
    { DOUBLE, "0.35", NULL, "multiple_of", { .multiple_of = 0.1L } },
    { DOUBLE, "1.0001", NULL, "multiple_of", { .multiple_of = 0.1L } },
    { DOUBLE, "1e300", "1e+300", NULL, { .multiple_of = 0.1L } },
    { DOUBLE, "-0.0", "-0.0", NULL, { .range = { 0, 1 } } },
    { BOOL, "null", NULL, "bool_type", { 0 } },
    { BOOL, "[]", NULL, "bool_type", { 0 } },
    { BOOL, "1", "true", NULL, { 0 } },
    { BOOL, "-1", NULL, "bool_parsing", { 0 } },
    { BOOL, "1.0", "true", NULL, { 0 } },
    { BOOL, "1e300", NULL, "bool_type", { 0 } },
    { BOOL, "\"TRUE\"", "true", NULL, { 0 } },
    { BOOL, "\"On\"", "true", NULL, { 0 } },
    { BOOL, "\"off\"", "false", NULL, { 0 } },
    { BOOL, "\"Y\"", "true", NULL, { 0 } },
    { BOOL, "\"t\"", "true", NULL, { 0 } },
    { BOOL, "\"N\"", "false", NULL, { 0 } },
    { BOOL, "\"f\"", "false", NULL, { 0 } },
    { BOOL, "\"0\"", "false", NULL, { 0 } },
    { BOOL, "\"\"", NULL, "bool_parsing", { 0 } },
    { BOOL, "\" true\"", NULL, "bool_parsing", { 0 } },
    { BOOL, "\"truely\"", NULL, "bool_parsing", { 0 } },
    { TEXT, "null", NULL, "string_type", { 0 } },
    { TEXT, "{}", NULL, "string_type", { 0 } },
    { TEXT, "\"a\\u0000b\"", NULL, "string_nul", { 0 } },
    { TEXT, "\"\"", "\"\"", NULL, { 0 } },
    { TEXT, "\"\"", NULL, "string_too_short", { .min_len = 1 } },
    { TEXT, "\"\\u00e9\\u00e9\"", "\"\xC3\xA9\xC3\xA9\"", NULL, { .min_len = 2, .max_len = 2 } },
    { TEXT, "\"\xC3\xA9\xC3\xA9\xC3\xA9\"", NULL, "string_too_long", { .max_len = 2 } },
    { TEXT, "\"\xF0\x9F\x98\x80\"", NULL, "string_too_short", { .min_len = 2 } },
    { TEXT, "\"abc\\n\"", NULL, "string_pattern_mismatch", { .pattern = "^abc$" } },
    { TEXT, "\"a\"", NULL, "string_too_short", { .min_len = 2, .pattern = "^b" } },
    { TEXT, "\"\xC3\xA9\"", "\"\xC3\xA9\"", NULL, { .pattern = "^.$" } },
};

WEFT_TEST(json_values_become_what_pydantic_makes_of_them) { rows_hold(rows, weft_count(rows)); }
WEFT_TEST(texts_become_what_json_strings_become) { rows_hold_in_texts(rows, weft_count(rows)); }

WEFT_TEST(an_int_of_32_bits_takes_no_more)
{
    static const struct { const char *json, *detail;
    } cases[] = {
        { "2147483648",
            "{\"detail\":[{\"type\":\"less_than_equal\",\"loc\":[\"body\"],\"msg\":\"Input should "
            "be less "
            "than or equal to 2147483647\",\"input\":2147483648,\"ctx\":{\"le\":2147483647}}]}" },
        { "-2147483649", "{\"detail\":[{\"type\":\"greater_than_equal\",\"loc\":[\"body\"],\"msg\":"
                         "\"Input should be greater "
                         "than or equal to "
                         "-2147483648\",\"input\":-2147483649,\"ctx\":{\"ge\":-2147483648}}]}" },
        { "1e30", "{\"detail\":[{\"type\":\"less_than_equal\",\"loc\":[\"body\"],\"msg\":\"Input "
                  "should be less "
                  "than or equal to 2147483647\",\"input\":1e30,\"ctx\":{\"le\":2147483647}}]}" },
    };
    reading r = reading_open();
    int value;
    WEFT_CHECK_EQ(READ(&r, int, &value, "2147483647"), 0);
    WEFT_CHECK_EQ(value, INT32_MAX);
    WEFT_CHECK_EQ(READ(&r, int, &value, "-2147483648"), 0);
    WEFT_CHECK_EQ(value, INT32_MIN);
    for (size_t i = 0; i < weft_count(cases); i++) {
        WEFT_CHECK_EQ(READ(&r, int, &value, cases[i].json), WEFT_EINVAL);
        WEFT_CHECK_STR(detail_of(&r), cases[i].detail);
    }
    reading_close(&r);
}

WEFT_TEST(a_number_too_large_for_c_breaks_the_declared_bound_first)
{
    static const weft_field small = { .range = { 0, 45 } };
    reading r = reading_open();
    int value;
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_int, &small, WEFT_S("99999999999999999999"), &value),
        WEFT_EINVAL);
    CHECK_DETAIL(&r, "{\"type\":\"less_than_equal\",\"loc\":[\"body\"],\"msg\":\"Input should be "
                     "less than or equal to 45\","
                     "\"input\":99999999999999999999,\"ctx\":{\"le\":45}}");
    WEFT_CHECK_EQ(
        read_str(&r, &weft_schema_int, &small, WEFT_S("-3000000000"), &value), WEFT_EINVAL);
    CHECK_DETAIL(&r, "{\"type\":\"greater_than_equal\",\"loc\":[\"body\"],\"msg\":\"Input should "
                     "be greater than or equal to 0\","
                     "\"input\":-3000000000,\"ctx\":{\"ge\":0}}");
    reading_close(&r);
}

WEFT_TEST(an_int_text_of_more_than_4300_characters_is_not_looked_at)
{
    char text[4400];
    memset(text, '0', sizeof text);
    text[0] = '"';
    reading r = reading_open();
    int64_t value;
    text[4301] = '"';
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_int64_t, NULL, (weft_str){ text, 4302 }, &value), 0);
    text[4301] = '0';
    text[4302] = '"';
    WEFT_CHECK_EQ(
        read_str(&r, &weft_schema_int64_t, NULL, (weft_str){ text, 4303 }, &value), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "int_parsing_size");
    reading_close(&r);
}

typedef enum __attribute__((packed)) small_enum { SMALL_A = -1, SMALL_B = 100 } small_enum;

WEFT_TEST(enums_of_every_size_keep_their_constants)
{
    static const weft_field values[] = { { .name = "a", .name_len = 1, .tag = SMALL_A },
        { .name = "b", .name_len = 1, .tag = SMALL_B } };
    static const weft_schema one = { .name = "small",
        .kind = WEFT__enum,
        .size = sizeof(small_enum),
        .fields = values,
        .count = 2 };
    static const weft_schema eight = {
        .name = "large", .kind = WEFT__enum, .size = 8, .fields = values, .count = 2
    };
    struct { small_enum e; char behind; } small = { .behind = 'x' };
    int64_t large = 0;
    weft__enum_store(&one, &small.e, SMALL_A);
    weft__enum_store(&eight, &large, SMALL_A);
    WEFT_CHECK(sizeof(small_enum) == 1 && small.e == SMALL_A && small.behind == 'x' && large == -1);
    WEFT_CHECK(
        weft__enum_of(&one, &small.e) == &values[0] && weft__enum_of(&eight, &large) == &values[0]);
    large = 99;
    WEFT_CHECK(weft__enum_of(&eight, &large) == NULL);
}
