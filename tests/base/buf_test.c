#include "base/buf.h"
#include <wchar.h>
#include "base/mem.h"
#include "support/failing.h"
#include "weft/check.h"

WEFT_TEST(an_unused_buffer_takes_no_memory_and_reads_as_empty)
{
    weft__buf b;
    failing_from(1);
    weft__buf_init(&b, 1000);
    weft__buf_add(&b, NULL, 0);
    weft__buf_printf(&b, "%s", "");
    weft__buf_add_str(&b, (weft_str){ 0 });
    WEFT_CHECK_STR(weft__buf_str(&b), "");
    WEFT_CHECK_EQ(b.failed, 0);
    WEFT_CHECK_EQ(fails.made, 0);
    weft__buf_free(&b);
}

WEFT_TEST(room_for_nothing_is_a_place_all_the_same)
{
    weft__buf b;
    weft__buf_init(&b, 300);
    char *place = weft__buf_reserve(&b, 0);
    WEFT_NEED(place != NULL);
    WEFT_CHECK(place == b.ptr);
    place = weft__buf_reserve(&b, 300);
    WEFT_NEED(place != NULL);
    memset(place, 'x', 300);
    b.len = 300;
    WEFT_CHECK(weft__buf_reserve(&b, 0) == b.ptr + 300);
    WEFT_CHECK_EQ(b.failed, 0);
    WEFT_CHECK(weft__buf_reserve(&b, 1) == NULL);
    WEFT_CHECK(weft__buf_reserve(&b, 0) == NULL);
    weft__buf_free(&b);
}

WEFT_TEST(every_way_to_append_appends)
{
    weft__buf b;
    weft__buf_init(&b, 1000);
    weft__buf_add(&b, "ab", 2);
    weft__buf_add_str(&b, WEFT_S("cd"));
    weft__buf_lit(&b, "ef");
    weft__buf_add_char(&b, 'g');
    weft__buf_add_int(&b, -17);
    weft__buf_printf(&b, "[%d%s]", 5, "x");
    WEFT_CHECK_STR(weft__buf_str(&b), "abcdefg-17[5x]");
    weft__buf_free(&b);
    WEFT_CHECK_EQ(b.len, 0);
    WEFT_CHECK_EQ(b.bytes_max, 1000);
}

WEFT_TEST(integers_are_written_exactly_at_both_ends_of_their_range)
{
    weft__buf b;
    weft__buf_init(&b, 1000);
    const int64_t numbers[] = { 0, 1, -1, 9, 10, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < weft_count(numbers); i++) {
        weft__buf_add_int(&b, numbers[i]);
        weft__buf_add_char(&b, ' ');
    }
    WEFT_CHECK_STR(weft__buf_str(&b), "0 1 -1 9 10 9223372036854775807 -9223372036854775808 ");
    weft__buf_free(&b);
}

WEFT_TEST(exactly_the_limit_fits_and_one_byte_more_does_not)
{
    const size_t limits[] = { 1, 254, 255, 256, 257, 511, 512, 10000 };
    for (size_t i = 0; i < weft_count(limits); i++) {
        weft__buf b;
        weft__buf_init(&b, limits[i]);
        while (b.len < limits[i] && !b.failed) weft__buf_add_char(&b, 'x');
        WEFT_CHECK_EQ(b.len, limits[i]);
        WEFT_CHECK_EQ(b.failed, 0);
        weft__buf_add_char(&b, 'y');
        WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
        WEFT_CHECK_EQ(b.len, limits[i]);
        weft__buf_free(&b);
    }
}

WEFT_TEST(a_limit_of_zero_takes_nothing)
{
    weft__buf b;
    weft__buf_init(&b, 0);
    WEFT_CHECK(!weft__buf_reserve(&b, 1));
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    weft__buf_free(&b);
}

WEFT_TEST(formatted_text_may_fill_the_limit_exactly)
{
    weft__buf b;
    weft__buf_init(&b, 5);
    weft__buf_printf(&b, "%s", "hello");
    WEFT_CHECK_EQ(b.failed, 0);
    WEFT_CHECK_STR(weft__buf_str(&b), "hello");
    weft__buf_clear(&b);
    weft__buf_printf(&b, "%s", "hello!");
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    WEFT_CHECK_EQ(b.len, 0);
    weft__buf_free(&b);
}

WEFT_TEST(after_a_dropped_piece_a_smaller_one_does_not_slip_in)
{
    weft__buf b;
    weft__buf_init(&b, 10);
    weft__buf_lit(&b, "12345678");
    weft__buf_lit(&b, "abc");
    weft__buf_lit(&b, "z");
    weft__buf_add_int(&b, 7);
    weft__buf_printf(&b, "%d", 7);
    WEFT_CHECK_STR(weft__buf_str(&b), "12345678");
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    weft__buf_clear(&b);
    weft__buf_lit(&b, "0123456789");
    WEFT_CHECK_STR(weft__buf_str(&b), "0123456789");
    WEFT_CHECK_EQ(b.failed, 0);
    weft__buf_free(&b);
}

WEFT_TEST(a_size_near_the_end_of_the_address_space_is_a_limit_not_a_wrap)
{
    weft__buf b;
    weft__buf_init(&b, 1000);
    weft__buf_lit(&b, "abc");
    WEFT_CHECK(!weft__buf_reserve(&b, SIZE_MAX));
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    weft__buf_free(&b);
    weft__buf_init(&b, SIZE_MAX);
    WEFT_CHECK(!weft__buf_reserve(&b, SIZE_MAX));
    WEFT_CHECK_EQ(b.failed, WEFT_ENOMEM);
    weft__buf_free(&b);
}

WEFT_TEST(growing_a_buffer_takes_few_allocations)
{
    weft__buf b;
    failing_from(0);
    weft__buf_init(&b, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) weft__buf_add_char(&b, 'x');
    WEFT_CHECK_EQ(b.len, 1 << 20);
    WEFT_CHECK(fails.made <= 14);
    weft__buf_free(&b);
    WEFT_CHECK_EQ(fails.live, 0);
}

WEFT_TEST(a_cleared_buffer_keeps_its_room)
{
    weft__buf b;
    failing_from(0);
    weft__buf_init(&b, 1000);
    weft__buf_printf(&b, "%300s", "x");
    long made = fails.made;
    weft__buf_clear(&b);
    weft__buf_printf(&b, "%300s", "y");
    WEFT_CHECK_EQ(fails.made, made);
    weft__buf_free(&b);
}

WEFT_TEST(a_buffer_without_memory_says_so_and_keeps_what_it_has)
{
    FAIL_EACH_IN_TURN(i) {
        weft__buf b;
        weft__buf_init(&b, 100000);
        for (int n = 0; n < 1000; n++) weft__buf_lit(&b, "0123456789");
        WEFT_CHECK_EQ(b.failed, fails.failed ? WEFT_ENOMEM : 0);
        WEFT_CHECK_EQ(b.len % 10, 0);
        if (!fails.failed) WEFT_CHECK_EQ(b.len, 10000);
        weft__buf_free(&b);
    }
}

WEFT_TEST(a_format_that_cannot_be_written_is_a_fault_of_the_buffer)
{
    weft__buf b;
    weft__buf_init(&b, 100);
    weft__buf_printf(&b, "%lc", (wint_t)0x10fffe);
    WEFT_CHECK_EQ(b.failed, WEFT_EINVAL);
    WEFT_CHECK_EQ(b.len, 0);
    weft__buf_free(&b);
}
