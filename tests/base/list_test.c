#include <string.h>
#include "base/arena.h"
#include "support/failing.h"
#include "weft/check.h"

typedef struct point { int x, y, z; } point;
typedef struct points { point *items; uint32_t count, room; } points;

WEFT_TEST(a_list_grows_slot_by_slot_and_keeps_what_it_holds)
{
    weft_arena a;
    points list = { 0 };
    weft__arena_init(&a, NULL, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        point *p = weft__list_slot(&a, &list, sizeof *p);
        WEFT_NEED(p);
        WEFT_CHECK(p->x == 0 && p->y == 0 && p->z == 0);
        *p = (point){ i, 2 * i, 3 * i };
    }
    WEFT_CHECK_EQ(list.count, 1000);
    WEFT_CHECK(list.room >= list.count);
    for (int i = 0; i < 1000; i++) WEFT_NEED(list.items[i].x == i && list.items[i].z == 3 * i);
    weft__arena_free(&a);
}

WEFT_TEST(a_slot_in_used_memory_is_zero)
{
    weft__block_pool pool = { .keep_max = 1 };
    weft_arena a;
    weft__arena_init(&a, &pool, 1 << 20);
    char *dirty = weft__arena_alloc(&a, 2000);
    WEFT_NEED(dirty);
    memset(dirty, 0x5a, 2000);
    weft__arena_free(&a);
    points list = { 0 };
    point *p = weft__list_slot(&a, &list, sizeof *p);
    WEFT_NEED(p);
    WEFT_CHECK(p->x == 0 && p->y == 0 && p->z == 0);
    weft__arena_free(&a);
    weft__block_pool_free(&pool);
}

WEFT_TEST(a_list_filled_by_hand_is_copied_not_written_past)
{
    for (uint32_t room = 0; room <= 3; room += 3) {
        weft_arena a;
        point mine[] = { { 1, 1, 1 }, { 2, 2, 2 }, { 3, 3, 3 }, { 4, 4, 4 } };
        points list = { mine, 3, room };
        weft__arena_init(&a, NULL, 1 << 20);
        point *p = weft__list_slot(&a, &list, sizeof *p);
        WEFT_NEED(p);
        WEFT_CHECK(list.items != mine);
        WEFT_CHECK(p == &list.items[3]);
        WEFT_CHECK_EQ(list.items[2].y, 3);
        WEFT_CHECK_EQ(mine[3].x, 4);
        p->x = 9;
        WEFT_CHECK_EQ(list.count, 4);
        weft__arena_free(&a);
    }
}

WEFT_TEST(a_list_over_constant_items_can_be_extended)
{
    static const int64_t constant[] = { 5, 6 };
    struct { const int64_t *items; uint32_t count, room; } list = { constant, 2, 0 };
    weft_arena a;
    weft__arena_init(&a, NULL, 1 << 20);
    int64_t *slot = weft__list_slot(&a, &list, sizeof *slot);
    WEFT_NEED(slot);
    *slot = 7;
    WEFT_CHECK_EQ(list.items[0] + list.items[1] + list.items[2], 18);
    weft__arena_free(&a);
}

WEFT_TEST(past_the_limit_a_list_stays_as_it_was)
{
    weft_arena a;
    points list = { 0 };
    weft__arena_init(&a, NULL, 1024);
    for (int i = 0; weft__list_slot(&a, &list, sizeof(point)) && i < 1000; i++) list.items[i].x = i;
    WEFT_CHECK(a.exceeded);
    WEFT_CHECK(list.count > 10 && list.count < 100);
    points before = list;
    WEFT_CHECK(!weft__list_slot(&a, &list, sizeof(point)));
    WEFT_CHECK(memcmp(&before, &list, sizeof list) == 0);
    WEFT_CHECK_EQ(list.items[list.count - 1].x, list.count - 1);
    weft__arena_free(&a);
}

WEFT_TEST(a_list_of_more_than_two_billion_items_is_refused)
{
    weft_arena a;
    char item = 0;
    struct { char *items; uint32_t count, room; } list = { &item, UINT32_MAX / 2 + 1, 0 };
    weft__arena_init(&a, NULL, SIZE_MAX / 4);
    WEFT_CHECK(!weft__list_slot(&a, &list, 1));
    WEFT_CHECK(a.exceeded);
    WEFT_CHECK(list.items == &item);
    weft__arena_free(&a);
}

WEFT_TEST(each_allocation_of_a_list_may_fail_and_it_stays_whole)
{
    FAIL_EACH_IN_TURN(i) {
        weft_arena a;
        points list = { 0 };
        weft__arena_init(&a, NULL, 1 << 20);
        int refused = 0;
        for (int n = 0; n < 2000; n++) {
            point *p = weft__list_slot(&a, &list, sizeof *p);
            if (p) p->x = (int)list.count - 1;
            refused += p == NULL;
        }
        WEFT_CHECK_EQ(list.count + (uint32_t)refused, 2000);
        WEFT_CHECK_EQ(refused > 0, fails.failed);
        for (uint32_t n = 0; n < list.count; n++) WEFT_NEED(list.items[n].x == (int)n);
        weft__arena_free(&a);
    }
}
