/* Text from anywhere, made fit for a terminal and a log. */
#include "base/plain.h"
#include <string.h>
#include "weft/check.h"

static char shown[128];

static const char *plain(weft_str text, bool lines)
{
    size_t n = weft__plain(&text, shown, sizeof shown, lines);
    WEFT_CHECK_EQ(n, strlen(shown));
    WEFT_CHECK_EQ(text.len, 0);
    return shown;
}

static void is(weft_str text, const char *expected)
{
    WEFT_CHECK_STR(weft_str_of(plain(text, false)), expected);
}

WEFT_TEST(printable_text_is_shown_as_it_is)
{
    is(WEFT_S("a line, 100 %: \\ \"x\""), "a line, 100 %: \\ \"x\"");
    is(WEFT_S("Z\u00fcrich \u20ac \U0001f600"), "Z\u00fcrich \u20ac \U0001f600");
    is(WEFT_S(""), "");
}

WEFT_TEST(control_characters_are_escaped)
{
    is(WEFT_S("a\033[2Jb"), "a\\x1b[2Jb");
    is(WEFT_S("a\r\b\tb\x7f"), "a\\x0d\\x08\\x09b\\x7f");
    is(WEFT_S("a\0b"), "a\\x00b");
}

WEFT_TEST(the_controls_of_utf8_are_escaped_and_what_lies_beside_them_is_not)
{
    is(WEFT_S("\xc2\x9b" "2J"), "\\xc2\\x9b2J");
    is(WEFT_S("\xc2\x80\xc2\x9f\xc2\xa0\xc2\xbf"), "\\xc2\\x80\\xc2\\x9f\xc2\xa0\xc2\xbf");
}

WEFT_TEST(bytes_that_are_no_utf8_are_escaped)
{
    is(WEFT_S("\x9b" "2J"), "\\x9b2J");
    is(WEFT_S("\xe2\x82"), "\\xe2\\x82");
    is(WEFT_S("\xc0\x9b\xff"), "\\xc0\\x9b\\xff");
    is(WEFT_S("\xe2\x82z"), "\\xe2\\x82z");
}

WEFT_TEST(an_end_of_line_is_escaped_unless_lines_are_wanted)
{
    is(WEFT_S("a\nweft: forged\n"), "a\\nweft: forged\\n");
    WEFT_CHECK_STR(weft_str_of(plain(WEFT_S("a\nb\033\n"), true)), "a\nb\\x1b\n");
}

WEFT_TEST(what_finds_no_room_is_left_whole)
{
    char to[WEFT__PLAIN_ROOM];
    weft_str text = WEFT_S("ab\033c");
    WEFT_CHECK_EQ(weft__plain(&text, to, sizeof to, false), 2);
    WEFT_CHECK_STR(weft_str_of(to), "ab");
    WEFT_CHECK_STR(text, "\033c");
    WEFT_CHECK_EQ(weft__plain(&text, to, sizeof to, false), 4);
    WEFT_CHECK_STR(text, "c");
    text = WEFT_S("abc\xe2\x82\xac");
    WEFT_CHECK_EQ(weft__plain(&text, to, sizeof to, false), 3);
    WEFT_CHECK_EQ(text.len, 3);
}
