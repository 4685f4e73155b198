#include "base/arena.h"
#include <string.h>
#include <wchar.h>
#include "support/failing.h"
#include "weft/check.h"

enum { BLOCK_HEAD = 16 };

WEFT_TEST(an_arena_takes_nothing_until_its_first_allocation)
{
    weft_arena a;
    failing_from(0);
    weft__arena_init(&a, NULL, 100000);
    weft__arena_free(&a);
    WEFT_CHECK_EQ(fails.made, 0);
    WEFT_CHECK(weft__arena_alloc(&a, 1) != NULL);
    WEFT_CHECK_EQ(fails.made, 1);
    weft__arena_free(&a);
    WEFT_CHECK_EQ(fails.live, 0);
}

WEFT_TEST(pieces_are_aligned_apart_and_writable_to_their_last_byte)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 10 << 20);
    char *pieces[600];
    for (size_t i = 0; i < weft_count(pieces); i++) {
        pieces[i] = weft__arena_alloc(&a, i);
        WEFT_NEED(pieces[i]);
        WEFT_CHECK_EQ((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 127), i);
    }
    for (size_t i = 0; i < weft_count(pieces); i++)
        for (size_t k = 0; k < i; k++) WEFT_NEED(pieces[i][k] == (char)(i & 127));
    weft__arena_free(&a);
}

WEFT_TEST(a_piece_of_no_bytes_has_a_place_of_its_own)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 100000);
    char *first = weft__arena_alloc(&a, 0), *second = weft__arena_alloc(&a, 0);
    WEFT_CHECK(first && second && first != second);
    WEFT_CHECK(!a.exceeded);
    weft__arena_free(&a);
}

WEFT_TEST(past_its_limit_an_arena_says_exceeded_not_starved)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 8192);
    int pieces = 0;
    while (weft__arena_alloc(&a, 1000) && pieces < 100) pieces++;
    WEFT_CHECK_EQ(pieces, 8);        /* 1008 each, 4 a block of 4096 - 16 */
    WEFT_CHECK(a.exceeded);
    WEFT_CHECK(!a.starved);
    WEFT_CHECK(a.bytes <= 8192);
    weft__arena_free(&a);
    WEFT_CHECK(!a.exceeded);
    WEFT_CHECK(weft__arena_alloc(&a, 1000) != NULL);
    weft__arena_free(&a);
}

WEFT_TEST(without_memory_an_arena_says_starved_not_exceeded)
{
    weft_arena a;
    failing_from(1);
    weft__arena_init(&a, NULL, 100000);
    WEFT_CHECK(!weft__arena_alloc(&a, 10));
    WEFT_CHECK(a.starved);
    WEFT_CHECK(!a.exceeded);
    WEFT_CHECK(weft__arena_alloc(&a, 10) != NULL);
    weft__arena_free(&a);
    WEFT_CHECK(!a.starved);
    WEFT_CHECK_EQ(fails.live, 0);
}

WEFT_TEST(a_refused_piece_costs_nothing_and_smaller_ones_still_fit)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 4096);
    WEFT_CHECK(weft__arena_alloc(&a, 1000) != NULL);
    WEFT_CHECK(!weft__arena_alloc(&a, 1 << 20));
    WEFT_CHECK(a.exceeded);
    WEFT_CHECK(weft__arena_alloc(&a, 1000) != NULL);
    WEFT_CHECK_EQ(a.bytes, 4096);
    weft__arena_free(&a);
}

WEFT_TEST(exactly_the_limit_fits_in_one_piece)
{
    const size_t limits[] = { 32, 48, 2048, 4096, 5000 & ~15, 1 << 20 };
    for (size_t i = 0; i < weft_count(limits); i++) {
        weft_arena a;
        weft__arena_init(&a, NULL, limits[i]);
        WEFT_CHECK(!weft__arena_alloc(&a, limits[i] - BLOCK_HEAD + 1));
        WEFT_CHECK(weft__arena_alloc(&a, limits[i] - BLOCK_HEAD) != NULL);
        WEFT_CHECK_EQ(a.bytes, limits[i]);
        weft__arena_free(&a);
    }
}

WEFT_TEST(a_limit_of_zero_refuses_even_nothing)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 0);
    WEFT_CHECK(!weft__arena_alloc(&a, 0));
    WEFT_CHECK(!weft__arena_alloc(&a, 1));
    WEFT_CHECK(a.exceeded);
}

WEFT_TEST(sizes_that_overflow_are_refused)
{
    const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 14, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX - 31, SIZE_MAX / 2 + 1 };
    for (size_t i = 0; i < weft_count(sizes); i++) {
        weft_arena a;
        weft__arena_init(&a, NULL, SIZE_MAX / 4);
        WEFT_CHECK(!weft__arena_alloc(&a, sizes[i]));
        WEFT_CHECK(a.exceeded);
        WEFT_CHECK(weft__arena_alloc(&a, 16) != NULL);
        a.exceeded = false;
        WEFT_CHECK(!weft__arena_alloc(&a, sizes[i]));
        WEFT_CHECK(a.exceeded);
        weft__arena_free(&a);
    }
}

WEFT_TEST(a_big_piece_leaves_the_current_block_in_use)
{
    weft_arena a;
    failing_from(0);
    weft__arena_init(&a, NULL, 1 << 20);
    char *before = weft__arena_alloc(&a, 16);
    WEFT_CHECK(weft__arena_alloc(&a, 100000) != NULL);
    char *after = weft__arena_alloc(&a, 16);
    WEFT_CHECK(before && after == before + 16);
    WEFT_CHECK_EQ(fails.made, 2);
    weft__arena_free(&a);
}

WEFT_TEST(many_small_pieces_take_few_blocks)
{
    weft_arena a;
    failing_from(0);
    weft__arena_init(&a, NULL, 64 << 20);
    for (int i = 0; i < 100000; i++) WEFT_NEED(weft__arena_alloc(&a, 100));
    WEFT_CHECK(fails.made < 60);
    WEFT_CHECK(a.bytes < 2 * 112 * 100000);
    weft__arena_free(&a);
    WEFT_CHECK_EQ(fails.live, 0);
}

WEFT_TEST(freed_blocks_wait_in_the_pool_for_the_next_arena)
{
    weft__block_pool pool = { .keep_max = 2 };
    weft_arena a, b;
    failing_from(0);
    weft__arena_init(&a, &pool, 100000);
    WEFT_CHECK(weft__arena_alloc(&a, 10) != NULL);
    weft__arena_free(&a);
    WEFT_CHECK_EQ(pool.kept, 1);
    weft__arena_init(&b, &pool, 100000);
    WEFT_CHECK(weft__arena_alloc(&b, 10) != NULL);
    WEFT_CHECK_EQ(pool.kept, 0);
    WEFT_CHECK_EQ(fails.made, 1);
    weft__arena_free(&b);
    weft__block_pool_free(&pool);
    WEFT_CHECK_EQ(fails.live, 0);
}

WEFT_TEST(a_pool_keeps_no_more_than_its_limit_and_no_odd_sizes)
{
    weft__block_pool pool = { .keep_max = 2 };
    weft_arena a;
    failing_from(0);
    weft__arena_init(&a, &pool, 1 << 20);
    for (int i = 0; i < 5; i++) WEFT_CHECK(weft__arena_alloc(&a, 4000) != NULL);
    WEFT_CHECK(weft__arena_alloc(&a, 50000) != NULL);
    weft__arena_free(&a);
    WEFT_CHECK_EQ(pool.kept, 2);
    WEFT_CHECK_EQ(fails.live, 2);
    weft__block_pool_free(&pool);
    WEFT_CHECK_EQ(pool.kept, 0);
    WEFT_CHECK_EQ(fails.live, 0);
    weft__block_pool_free(&pool);
}

WEFT_TEST(zeroed_pieces_are_zero_even_in_a_used_block)
{
    weft__block_pool pool = { .keep_max = 1 };
    weft_arena a;
    weft__arena_init(&a, &pool, 100000);
    char *dirty = weft__arena_alloc(&a, 1000);
    WEFT_NEED(dirty);
    memset(dirty, 0x5a, 1000);
    weft__arena_free(&a);
    char *clean = weft__arena_zalloc(&a, 1000);
    WEFT_NEED(clean);
    for (int i = 0; i < 1000; i++) WEFT_NEED(clean[i] == 0);
    weft__arena_free(&a);
    weft__block_pool_free(&pool);
}

WEFT_TEST(a_copy_of_text_is_its_own_and_ends_with_nul)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 100000);
    char text[] = "alfa bravo";
    weft_str copy = weft__arena_dup(&a, (weft_str){ text, 4 });
    text[0] = 'X';
    WEFT_NEED(copy.ptr != NULL);
    WEFT_CHECK_STR(copy, "alfa");
    WEFT_CHECK_EQ(copy.ptr[4], 0);
    weft_str empty = weft__arena_dup(&a, (weft_str){ 0 });
    WEFT_NEED(empty.ptr);
    WEFT_CHECK_EQ(empty.ptr[0], 0);
    weft__arena_free(&a);
}

WEFT_TEST(formatted_text_has_its_length_and_a_nul)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 100000);
    weft_str s = weft__arena_printf(&a, "%s-%d", "alfa", 7);
    WEFT_NEED(s.ptr != NULL);
    WEFT_CHECK_STR(s, "alfa-7");
    WEFT_CHECK_EQ(s.ptr[s.len], 0);
    WEFT_CHECK(!weft__arena_printf(&a, "%lc", (wint_t)0x10fffe).ptr);
    weft__arena_free(&a);
}

WEFT_TEST(copies_and_formats_past_the_limit_are_null)
{
    weft_arena a;
    weft__arena_init(&a, NULL, 64);
    WEFT_CHECK(!weft__arena_dup(&a, (weft_str){ "0123456789012345678901234567890123456789012345678901234567890123", 64 }).ptr);
    WEFT_CHECK(!weft__arena_printf(&a, "%100d", 1).ptr);
    WEFT_CHECK(!weft__arena_zalloc(&a, 100));
    WEFT_CHECK(a.exceeded);
    weft__arena_free(&a);
}

WEFT_TEST(each_allocation_of_an_arena_may_fail_without_a_trace)
{
    FAIL_EACH_IN_TURN(i) {
        weft__block_pool pool = { .keep_max = 4 };
        weft_arena a;
        weft__arena_init(&a, &pool, 1 << 20);
        bool all = true;
        for (size_t n = 1; n < 40000; n += n / 2 + 1) all = weft__arena_dup(&a, (weft_str){ "", 0 }).ptr && weft__arena_zalloc(&a, n) && all;
        WEFT_CHECK_EQ(all, !fails.failed);
        WEFT_CHECK_EQ(a.starved, fails.failed);
        weft__arena_free(&a);
        weft__block_pool_free(&pool);
    }
}

WEFT_TEST(what_one_arena_holds_becomes_part_of_another)
{
    weft_arena to, from;
    failing_from(0);
    weft__arena_init(&to, NULL, 100000);
    weft__arena_init(&from, NULL, 100000);
    char *own = weft__arena_alloc(&to, 100), *theirs = weft__arena_alloc(&from, 3000), *large = weft__arena_alloc(&from, 20000);
    WEFT_NEED(own && theirs && large);
    memset(own, 'o', 100);
    memset(theirs, 't', 3000);
    memset(large, 'l', 20000);
    size_t together = to.bytes + from.bytes;
    WEFT_CHECK(weft__arena_splice(&to, &from));
    WEFT_CHECK_EQ(to.bytes, together);
    WEFT_CHECK_EQ(from.bytes, 0);
    WEFT_CHECK(from.blocks == NULL);
    char *next = weft__arena_alloc(&to, 200);
    WEFT_NEED(next != NULL);
    memset(next, 'n', 200);
    WEFT_CHECK(own[99] == 'o' && theirs[2999] == 't' && large[19999] == 'l');
    WEFT_CHECK(weft__arena_alloc(&from, 10) != NULL);          /* and can be used again */
    weft__arena_free(&from);
    weft__arena_free(&to);
    WEFT_CHECK_EQ(fails.live, 0);
}

WEFT_TEST(a_splice_past_the_limit_changes_nothing_but_says_exceeded)
{
    weft_arena to, from;
    weft__arena_init(&to, NULL, 8192);
    weft__arena_init(&from, NULL, 8192);
    WEFT_CHECK(weft__arena_alloc(&to, 4000) != NULL);
    WEFT_CHECK(weft__arena_alloc(&from, 4000) != NULL);
    WEFT_CHECK(weft__arena_alloc(&from, 4000) != NULL);
    size_t before = to.bytes;
    WEFT_CHECK(!weft__arena_splice(&to, &from));
    WEFT_CHECK(to.exceeded);
    WEFT_CHECK_EQ(to.bytes, before);
    WEFT_CHECK_EQ(from.bytes, 8192);
    weft__arena_free(&from);
    weft__arena_free(&to);
}

WEFT_TEST(an_empty_arena_can_be_spliced)
{
    weft_arena to, from;
    weft__arena_init(&to, NULL, 0);
    weft__arena_init(&from, NULL, 100);
    WEFT_CHECK(weft__arena_splice(&to, &from));
    WEFT_CHECK(!to.exceeded);
    WEFT_CHECK_EQ(to.bytes, 0);
}
