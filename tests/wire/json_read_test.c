#include "wire/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

typedef struct row { weft_str text; bool accepted; } row;
#define YES(literal) { { "" literal, sizeof(literal) - 1 }, true }
#define NO(literal)  { { "" literal, sizeof(literal) - 1 }, false }

static const row rows[] = {
    /* values of every kind, and white space around them */
    YES("null"),
    YES("true"),
    YES("false"),
    YES("0"),
    YES("\"\""),
    YES("[]"),
    YES("{}"),
    YES(" \t\r\n1 \t\r\n"),
    YES("[ ]"),
    YES("{ }"),
    YES("[1,2,3]"),
    YES("[1 , 2]"),
    YES("[[],[[]],{}]"),
    YES("{\"a\":1}"),
    YES("{ \"a\" : 1 , \"b\" : [ ] }"),
    YES("{\"\":0}"),
    YES("{\"a\":{\"b\":{\"c\":null}}}"),
    YES("[null,true,false,0,\"\",[],{}]"),
    YES("[\n]"),
    YES("[1\n,2]"),
    NO(""),
    NO(" "),
    NO("\n"),
    NO("\f1"),
    NO("\v1"),
    NO("\xC2\xA0 1"),
    NO("1\f"),
    NO("\xE2\x81\xA0"),
    NO("\xEF\xBB\xBF{}"),
    NO("\0"),
    NO("1\0"),
    NO("[\0]"),
    NO("{\"a\":1}\0"),
    /* literals */
    NO("nul"),
    NO("tru"),
    NO("fals"),
    NO("nulll"),
    NO("True"),
    NO("NULL"),
    NO("undefined"),
    NO("None"),
    NO("n"),
    NO("truefalse"),
    NO("[nul]"),
    NO("NaN"),
    NO("Infinity"),
    NO("-Infinity"),
    NO("inf"),
    NO("[NaN]"),
    /* numbers */
    YES("-0"),
    YES("-1"),
    YES("10"),
    YES("1.0"),
    YES("0.1"),
    YES("-0.0"),
    YES("1e1"),
    YES("1E1"),
    YES("1e+1"),
    YES("1e-1"),
    YES("1.5e10"),
    YES("0e0"),
    YES("0E+00"),
    YES("123456789012345678901234567890"),
    YES("1e400"),
    YES("1e-400"),
    YES("0.00000000000000000000000001"),
    YES("9223372036854775808"),
    YES("-9223372036854775809"),
    YES("1e99999999999999999999"),
    NO("01"),
    NO("-01"),
    NO("00"),
    NO("1."),
    NO(".1"),
    NO("-.1"),
    NO("1.e1"),
    NO("1e"),
    NO("1e+"),
    NO("1e-"),
    NO("1E"),
    NO("+1"),
    NO("--1"),
    NO("-"),
    NO("- 1"),
    NO("1 000"),
    NO("1_000"),
    NO("0x1"),
    NO("0b1"),
    NO("1.0.0"),
    NO("1e1.5"),
    NO("1e1e1"),
    NO("1a"),
    NO("1,5"),
    NO("-a"),
    NO("[-]"),
    NO("[1.]"),
    NO("[01]"),
    NO("[+1]"),
    NO("[1e]"),
    NO("0.e1"),
    NO("1/2"),
    NO("\xEF\xBC\x91"),
    NO("[0e]"),
    NO("[2.e3]"),
    NO("1eE2"),
    /* strings */
    YES("\"a\""),
    YES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    YES("\"\\u0041\""),
    YES("\"\\u00e9\""),
    YES("\"\\uABCD\\uabcd\""),
    YES("\"\\ud83d\\ude00\""),
    YES("\"\\uDBFF\\uDFFF\""),
    YES("\"\\u0000\""),
    YES("\"\\u001f\""),
    YES("\"\xC3\xA9\""),
    YES("\"\xE2\x82\xAC\""),
    YES("\"\xF0\x9F\x98\x80\""),
    YES("\"\xF4\x8F\xBF\xBF\""),
    YES("\"\x7F\""),
    YES("\"\xC2\x80\""),
    YES("\"\xEF\xBF\xBF\""),
    YES("\"/\""),
    YES("\"'\""),
    YES("\"\\\\u0041\""),
    YES("\"\xEF\xBB\xBF\""),
    YES("\"0123456789abcdef0123456789abcdef\\n\""),
    YES("\"\\ufffe\""),
    YES("\"\\ud7ff\\ue000\""),
    NO("\""),
    NO("\"a"),
    NO("'a'"),
    NO("a"),
    NO("\"\\\""),
    NO("\"\\a\""),
    NO("\"\\x41\""),
    NO("\"\\0\""),
    NO("\"\\u\""),
    NO("\"\\u00\""),
    NO("\"\\u004\""),
    NO("\"\\u004g\""),
    NO("\"\\U0041\""),
    NO("\"\\u{41}\""),
    NO("\"\\\n\""),
    NO("\"\n\""),
    NO("\"\t\""),
    NO("\"\0\""),
    NO("\"\x1F\""),
    NO("\"a\\\0\""),
    NO("\"\\ud800\""),
    NO("\"\\udc00\""),
    NO("\"\\ud800\\ud800\""),
    NO("\"\\ud800\\u0041\""),
    NO("\"\\udc00\\ud800\""),
    NO("\"\\udc00\\udc00\""), NO("\"\\ud800\\ue000\""), NO("\"\\ud800x\""),
    NO("\"\\ud800\\\""),
    NO("\"\\ud800\\udc0\""),
    NO("\"\\ud83d\\\\ude00\""),
    NO("\"\\u-123\""),
    NO("\"\\u 123\""),
    NO("\"\x80\""),
    NO("\"\xC0\x80\""),
    NO("\"\xC1\xBF\""),
    NO("\"\xE0\x80\x80\""),
    NO("\"\xED\xA0\x80\""),
    NO("\"\xED\xBF\xBF\""),
    NO("\"\xF0\x80\x80\x80\""),
    NO("\"\xF4\x90\x80\x80\""),
    NO("\"\xF5\x80\x80\x80\""),
    NO("\"\xFF\""),
    NO("\"\xFE\""),
    NO("\"\xC3\""),
    NO("\"\xE2\x82\""),
    NO("\"\xF0\x9F\x98\""),
    NO("\"\xC3\x28\""),
    NO("\"\xE9\""),
    NO("\"0123456789abcdef0123456789abcde\x01\""),
    NO("\xC3\xA9"),
    NO("\"a\"b\""),
    NO("\"\" \"\""),
    NO("\"\xC3\\u00a9\""),
    /* arrays */
    NO("["),
    NO("]"),
    NO("[1"),
    NO("[1,"),
    NO("[1,]"),
    NO("[,1]"),
    NO("[,]"),
    NO("[1,,2]"),
    NO("[1 2]"),
    NO("[1;2]"),
    NO("[1:2]"),
    NO("[}"),
    NO("[]]"),
    NO("[[]"),
    NO("[1]]"),
    NO("[1]x"),
    NO("[\"a\":1]"),
    NO("[1,\n"),
    NO("[\"\",]"),
    NO("[a]"),
    NO("(1)"),
    NO("[1}"),
    NO("[\"a"),
    NO("<1>"),
    /* objects */
    NO("{"),
    NO("}"),
    NO("{]"),
    NO("{\"a\""),
    NO("{\"a\":"),
    NO("{\"a\":1"),
    NO("{\"a\":1,"),
    NO("{\"a\":1,}"),
    NO("{,\"a\":1}"),
    NO("{\"a\":1,,\"b\":2}"),
    NO("{\"a\" 1}"),
    NO("{\"a\"::1}"),
    NO("{\"a\":1:2}"),
    NO("{a:1}"),
    NO("{'a':1}"),
    NO("{1:1}"),
    NO("{null:1}"),
    NO("{\"a\"}"),
    NO("{\"a\",\"b\"}"),
    NO("{\"a\":}"),
    NO("{\"a\":1]"),
    NO("{\"a\":1}}"),
    NO("{\"a\":1}{}"),
    NO("{:1}"),
    NO("{\"a\":1 \"b\":2}"),
    NO("{[]:1}"),
    NO("{\"a\":1;}"),
    NO("{\"a\xC3\":1}"),
    NO("{\"\\ud800\":1}"),
    NO("{\"a\\x\":1}"),
    /* what is not JSON at all */
    NO("/**/1"),
    NO("1//"),
    NO("[1/**/]"),
    NO("#\n1"),
    NO("1;"),
    NO("1,"),
    NO("1 2"),
    NO("{} []"),
    NO("\\u0031"),
    NO("*"),
    NO("@"),
    NO("`1`"),
    NO("\xFF\xFE"
       "1\0"),
    NO("1\xC2\x85"),
};

WEFT_TEST(json_takes_what_rfc_8259_takes_and_nothing_else)
{
    for (size_t i = 0; i < weft_count(rows); i++)
        if (weft__json_valid(rows[i].text) != rows[i].accepted)
            weft__check_fail(__FILE__, __LINE__, "row %zu: %.*s was %s", i, WEFT_FMT(rows[i].text),
                rows[i].accepted ? "refused" : "taken");
    WEFT_CHECK(weft_count(rows) >= 120);
}

WEFT_TEST(a_json_text_cut_short_anywhere_is_refused)
{
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft_str text = rows[i].text;
        if (!rows[i].accepted || !strchr("]}\"le", text.ptr[text.len - 1])) continue;
        for (size_t len = 0; len < text.len; len++) {
            char *copy = malloc(len + !len); /* of its own size, so that reading past it is seen */
            memcpy(copy, text.ptr, len);
            if (weft__json_valid((weft_str){ copy, len }))
                weft__check_fail(__FILE__, __LINE__, "row %zu cut to %zu bytes was taken", i, len);
            free(copy);
        }
    }
}

/* The words and places of Python's json module; what it takes and we do not has words of our
 * own. */
typedef struct error_row { const char *text, *error; size_t position; } error_row;

static const error_row error_rows[] = {
    { "", "Expecting value", 0 },
    { " ", "Expecting value", 1 },
    { "tru", "Expecting value", 0 },
    { "-", "Expecting value", 0 },
    { "[-]", "Expecting value", 1 },
    { "[1,", "Expecting value", 3 },
    { "[", "Expecting value", 1 },
    { "[1,]", "Expecting value", 3 },
    { "{\"a\":", "Expecting value", 5 },
    { "[NaN]", "Expecting value", 1 },
    { "{", "Expecting property name enclosed in double quotes", 1 },
    { "{\"a\":1,", "Expecting property name enclosed in double quotes", 7 },
    { "{\"a\":1,}", "Expecting property name enclosed in double quotes", 7 },
    { "{1:2}", "Expecting property name enclosed in double quotes", 1 },
    { "{some broken json}", "Expecting property name enclosed in double quotes", 1 },
    { "{\"a\"", "Expecting ':' delimiter", 4 },
    { "{\"a\" 1}", "Expecting ':' delimiter", 5 },
    { "{\"a\":1", "Expecting ',' delimiter", 6 },
    { "[1 2]", "Expecting ',' delimiter", 3 },
    { "[1.]", "Expecting ',' delimiter", 2 },
    { "\"abc", "Unterminated string starting at", 0 },
    { "{\"a", "Unterminated string starting at", 1 },
    { "\"\\", "Unterminated string starting at", 0 },
    { "\"a\\", "Unterminated string starting at", 0 },
    { "\"a\nb\"", "Invalid control character at", 2 },
    { "\"\\x\"", "Invalid \\escape", 1 },
    { "\"ab\\x\"", "Invalid \\escape", 3 },
    { "\"\xC3\xA9\\x\"", "Invalid \\escape", 2 },
    { "\"\\u12\"", "Invalid \\uXXXX escape", 2 },
    { "\"\\u12", "Invalid \\uXXXX escape", 2 },
    { "\"ab\\u12g4\"", "Invalid \\uXXXX escape", 4 },
    { "\"\\ud800\"", "Unpaired surrogate in \\uXXXX escape", 2 },
    { "[\"\xC3\xA9\xFF\"]", "Invalid UTF-8", 3 },
};

WEFT_TEST(json_errors_have_the_words_and_places_of_python)
{
    for (size_t i = 0; i < weft_count(error_rows); i++) {
        const error_row *row = &error_rows[i];
        weft__json_in in = weft__json_open(weft_str_of(row->text));
        WEFT_CHECK(!weft__json_skip(&in, 0));
        WEFT_CHECK_STR(weft_str_of(in.error), row->error);
        if (weft__json_error_position(&in) != row->position)
            weft__check_fail(__FILE__, __LINE__, "%s: position %zu, not %zu", row->text,
                weft__json_error_position(&in), row->position);
    }
}

static weft_str nested(
    char *to, size_t levels, const char *open, const char *inside, const char *close)
{
    char *at = to;
    for (size_t i = 0; i < levels; i++) at = stpcpy(at, open);
    at = stpcpy(at, inside);
    for (size_t i = 0; i < levels; i++) at = stpcpy(at, close);
    return (weft_str){ to, (size_t)(at - to) };
}

WEFT_TEST(json_is_taken_64_levels_deep_and_no_deeper)
{
    static char text[4096];
    WEFT_CHECK(weft__json_valid(nested(text, 64, "[", "", "]")));
    WEFT_CHECK(!weft__json_valid(nested(text, 65, "[", "", "]")));
    WEFT_CHECK(weft__json_valid(nested(text, 64, "{\"a\":", "1", "}")));
    WEFT_CHECK(!weft__json_valid(nested(text, 65, "{\"a\":", "1", "}")));
    WEFT_CHECK(weft__json_valid(nested(text, 32, "[{\"a\":", "{}", "}]")) == false);
    WEFT_CHECK(weft__json_valid(nested(text, 31, "[{\"a\":", "[{}]", "}]")));
}

WEFT_TEST(json_deeper_than_the_caller_has_left_is_refused)
{
    weft__json_in in = weft__json_open(WEFT_S("[[]]"));
    WEFT_CHECK(!weft__json_skip(&in, 63));
    in = weft__json_open(WEFT_S("[[]]"));
    WEFT_CHECK(weft__json_skip(&in, 62));
}

WEFT_TEST(a_megabyte_of_brackets_ends_at_the_limit)
{
    char *text = malloc(1 << 20);
    memset(text, '[', 1 << 20);
    weft__json_in in = weft__json_open((weft_str){ text, 1 << 20 });
    WEFT_CHECK(!weft__json_skip(&in, 0));
    WEFT_CHECK_EQ(weft__json_error_position(&in), 64);
    free(text);
}

WEFT_TEST(skipping_a_value_stops_right_behind_it)
{
    static const char *const values[] = { "null", "-1.5e3", "\"a\\\"b\"", "[1,[2],{}]",
        "{\"a\":[{}]}", "[]" };
    for (size_t i = 0; i < weft_count(values); i++) {
        char text[64];
        snprintf(text, sizeof text, " %s,x", values[i]);
        weft__json_in in = weft__json_open(weft_str_of(text));
        WEFT_CHECK(weft__json_skip(&in, 0));
        WEFT_CHECK_EQ(in.at - text, 1 + (long)strlen(values[i]));
    }
}

WEFT_TEST(a_plain_run_ends_where_byte_by_byte_it_does)
{
    char text[80];
    for (size_t len = 0; len <= 40; len++) {
        for (int c = 0; c < 256; c++) {
            for (size_t at = 0; at < len; at += 1 + at / 4) {
                memset(text, 'x', sizeof text);
                text[at] = (char)c;
                bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
                const char *expected = text + (plain ? len : at);
                WEFT_CHECK(weft__json_plain_end(text, text + len) == expected);
                WEFT_CHECK(weft__json_plain_end_portable(text, text + len) == expected);
            }
        }
    }
}

WEFT_TEST(a_plain_run_ends_at_the_first_of_several_others)
{
    char text[32];
    for (size_t a = 0; a < 32; a++) {
        for (size_t b = 0; b < 32; b++) {
            memset(text, '!', sizeof text); /* one above the quote's neighbours, for borrows */
            text[a] = '\x1F';
            text[b] = '"';
            WEFT_CHECK(weft__json_plain_end_portable(text, text + 32) == text + (a < b ? a : b));
            WEFT_CHECK(weft__json_plain_end(text, text + 32) == text + (a < b ? a : b));
        }
    }
}

static void check_unescaped(const char *raw, weft_str expected, bool expected_nul)
{
    char to[128];
    bool nul = false;
    size_t len = weft__json_unescape(weft_str_of(raw), to, &nul);
    WEFT_CHECK(weft_str_equal((weft_str){ to, len }, expected));
    WEFT_CHECK_EQ(nul, expected_nul);
}

WEFT_TEST(escapes_mean_what_they_say)
{
    check_unescaped("", WEFT_S(""), false);
    check_unescaped("plain", WEFT_S("plain"), false);
    check_unescaped("\\\"\\\\\\/\\b\\f\\n\\r\\t", WEFT_S("\"\\/\b\f\n\r\t"), false);
    check_unescaped("a\\u0041b\\u00e9\\u20AC", WEFT_S("aAb\xC3\xA9\xE2\x82\xAC"), false);
    check_unescaped(
        "\\ud83d\\ude00\\uDBFF\\uDFFF", WEFT_S("\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"), false);
    check_unescaped("x\\u0000y", WEFT_S("x\0y"), true);
    check_unescaped("\\\\u0000", WEFT_S("\\u0000"), false);
    check_unescaped("\\u007f\\u0080\\u07ff\\u0800\\uffff",
        WEFT_S("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"), false);
    check_unescaped("\xC3\xA9\\n\xC3\xA9", WEFT_S("\xC3\xA9\n\xC3\xA9"), false);
}

WEFT_TEST(unescaping_in_place_gives_the_same)
{
    char text[] = "a\\u0041\\ud83d\\ude00b";
    bool nul = false;
    size_t len = weft__json_unescape((weft_str){ text, sizeof text - 1 }, text, &nul);
    WEFT_CHECK(weft_str_equal((weft_str){ text, len }, WEFT_S("aA\xF0\x9F\x98\x80" "b")));
}
