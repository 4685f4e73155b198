#include "weft/check.h"

WEFT_TEST(a_string_of_null_is_empty_and_can_be_read)
{
    weft_str s = weft_str_of(NULL);
    WEFT_CHECK_EQ(s.len, 0);
    WEFT_NEED(s.ptr);
    WEFT_CHECK_EQ(s.ptr[0], 0);
}

WEFT_TEST(a_string_of_text_has_its_bytes_without_the_nul)
{
    const char *text = "alfa";
    weft_str s = weft_str_of(text);
    WEFT_CHECK_EQ(s.len, 4);
    WEFT_CHECK(s.ptr == text);
    WEFT_CHECK_STR(WEFT_S("alfa"), "alfa");
}

WEFT_TEST(strings_are_equal_when_their_bytes_are_not_their_addresses)
{
    char a[] = "bravo", b[] = "bravo";
    WEFT_CHECK(weft_str_equal(weft_str_of(a), weft_str_of(b)));
    WEFT_CHECK(!weft_str_equal(WEFT_S("bravo"), WEFT_S("brava")));
}

WEFT_TEST(a_prefix_is_not_equal_to_the_whole)
{
    WEFT_CHECK(!weft_str_equal(WEFT_S("alf"), WEFT_S("alfa")));
    WEFT_CHECK(!weft_str_equal(WEFT_S(""), WEFT_S("alfa")));
}

WEFT_TEST(bytes_behind_a_nul_count)
{
    WEFT_CHECK_EQ(WEFT_S("a\0b").len, 3);
    WEFT_CHECK(!weft_str_equal(WEFT_S("a\0b"), WEFT_S("a\0c")));
}

WEFT_TEST(two_empty_strings_are_equal_even_without_bytes)
{
    WEFT_CHECK(weft_str_equal((weft_str){ 0 }, WEFT_S("")));
    WEFT_CHECK(weft_str_equal((weft_str){ 0 }, (weft_str){ 0 }));
}
