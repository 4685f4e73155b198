#include "wire/utf8.h"
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

/* By the definition: decode, then judge the code point. */
static bool valid_by_definition(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        unsigned size = p[i] < 0x80       ? 1
                        : p[i] >> 5 == 6  ? 2
                        : p[i] >> 4 == 14 ? 3
                        : p[i] >> 3 == 30 ? 4
                                          : 0;
        if (!size || size > len - i) return false;
        uint32_t point = size == 1 ? p[i] : p[i] & (0x7F >> size);
        for (unsigned j = 1; j < size; j++) {
            if (p[i + j] >> 6 != 2) return false;
            point = point << 6 | (p[i + j] & 63);
        }
        if (size > 1 && point < least[size]) return false;
        if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
        i += size;
    }
    return true;
}

WEFT_TEST(all_texts_of_up_to_three_bytes_are_judged_as_the_definition_says)
{
    for (uint32_t n = 0; n < 1 << 24; n++) {
        unsigned char p[3] = { (unsigned char)n, (unsigned char)(n >> 8),
            (unsigned char)(n >> 16) };
        size_t len = n < 256 ? 1 : n < 65536 ? 2 : 3;
        if (weft__utf8_valid((char *)p, len) == valid_by_definition(p, len)) continue;
        weft__check_fail(__FILE__, __LINE__, "%02X %02X %02X", p[0], p[1], p[2]);
    }
}

WEFT_TEST(all_four_byte_characters_are_judged_as_the_definition_says)
{
    for (int lead = 0xEF; lead < 256; lead++) {
        for (int second = 0; second < 256; second++) {
            for (int third = 0x7F; third < 0xC1; third++) {
                unsigned char p[4] = { (unsigned char)lead, (unsigned char)second,
                    (unsigned char)third, 0x80 };
                WEFT_CHECK_EQ(weft__utf8_valid((char *)p, 4), valid_by_definition(p, 4));
            }
        }
    }
}

WEFT_TEST(one_bad_byte_is_found_at_any_place_of_a_long_text)
{
    enum { LEN = 70 };
    for (size_t len = 1; len <= LEN; len++) {
        char *text = malloc(len);
        memset(text, 'a', len);
        WEFT_CHECK(weft__utf8_valid(text, len));
        for (size_t at = 0; at < len; at++) {
            text[at] = (char)0xFF;
            WEFT_CHECK_EQ(weft__utf8_prefix(text, len), at);
            text[at] = 'a';
        }
        free(text);
    }
}

WEFT_TEST(a_prefix_ends_before_a_character_that_is_not_whole)
{
    static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"; /* 1, 2, 3 and 4 bytes */
    static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };
    for (size_t len = 0; len <= 10; len++) {
        size_t n = weft__utf8_prefix(text, len);
        WEFT_CHECK_EQ(n, whole[len]);
        WEFT_CHECK_EQ(weft__utf8_partial(text + n, len - n), n < len);
    }
    WEFT_CHECK_EQ(weft__utf8_count(text, 10), 4);
}

WEFT_TEST(what_no_more_bytes_can_make_whole_is_not_partial)
{
    static const weft_str rows[] = {
        WEFT_S(""),
        WEFT_S("a"),
        WEFT_S("\x80"),
        WEFT_S("\xC0"),
        WEFT_S("\xC1"),
        WEFT_S("\xF5"),
        WEFT_S("\xFF"),
        WEFT_S("\xE0\x80"),
        WEFT_S("\xED\xA0"),
        WEFT_S("\xF0\x80"),
        WEFT_S("\xF4\x90"),
        WEFT_S("\xE2\x82x"),
        WEFT_S("\xC3\xA9"),
        WEFT_S("\xE2x"),
    };
    for (size_t i = 0; i < weft_count(rows); i++)
        WEFT_CHECK(!weft__utf8_partial(rows[i].ptr, rows[i].len));
}

WEFT_TEST(nul_is_a_character_and_no_text_is_valid)
{
    WEFT_CHECK(weft__utf8_valid("a\0b", 3));
    WEFT_CHECK(weft__utf8_valid(NULL, 0));
    WEFT_CHECK_EQ(weft__utf8_count("a\0b", 3), 3);
}
