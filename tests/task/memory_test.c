/* What weft gives lives until the block that asked for it ends. */
#include "world.h"
#include <string.h>

TASK_TEST(memory_is_zeroed_aligned_and_apart)
{
    static const size_t sizes[] = { 1, 15, 16, 17, 100, 4000, 4096, 5000, 100000, 1000000 };
    char *all[weft_count(sizes)];
    for (int round = 0; round < 3; round++) {
        WEFT_TEMP;                                        /* the second round gets used blocks */
        for (size_t i = 0; i < weft_count(sizes); i++) {
            all[i] = weft_alloc(sizes[i]);
            WEFT_NEED(all[i] != NULL);
            WEFT_CHECK_EQ((uintptr_t)all[i] % 16, 0);
            for (size_t k = 0; k < sizes[i]; k++)
                if (!WEFT_CHECK_EQ(all[i][k], 0)) break;
            memset(all[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < weft_count(sizes); i++) {
            WEFT_CHECK_EQ(all[i][0], (char)(i + 1));
            WEFT_CHECK_EQ(all[i][sizes[i] - 1], (char)(i + 1));
        }
    }
    return 0;
}

TASK_TEST(memory_without_measure_is_refused)
{
    weft_arena arena;
    weft__arena_init(&arena, NULL, 1 << 20);
    weft_arena *before = weft__arena_swap(&arena);
    WEFT_CHECK(weft_alloc(SIZE_MAX) == NULL);
    WEFT_CHECK(weft_alloc(SIZE_MAX - 15) == NULL);
    WEFT_CHECK(weft_alloc(SIZE_MAX / 2) == NULL);
    WEFT_CHECK(weft_alloc(16) != NULL);
    weft__arena_swap(before);
    weft__arena_free(&arena);
    return 0;
}

TASK_TEST(formatted_text_is_terminated_and_has_its_length)
{
    weft_str s = weft_format("%d-%s-%.2f", 42, "x", 1.5);
    WEFT_CHECK_STR(s, "42-x-1.50");
    WEFT_CHECK_EQ(s.ptr[s.len], 0);
    WEFT_CHECK_STR(weft_format("%s", ""), "");
    s = weft_format("%0*d", 100000, 7);
    WEFT_CHECK_EQ(s.len, 100000);
    WEFT_CHECK(s.ptr[99999] == '7' && s.ptr[100000] == 0);
    return 0;
}

TASK_TEST(a_temporary_block_gives_its_memory_back_each_round)
{
    long before = 0;
    for (int i = 0; i < 2000; i++) {
        if (i == 100) before = world_mem.bytes;
        WEFT_TEMP;
        WEFT_NEED(weft_alloc(100000) != NULL);
        if (i % 3 == 0) continue;
        WEFT_CHECK(weft_format("%d", i).len > 0);
    }
    WEFT_CHECK(world_mem.bytes <= before + 64 * 1024);
    return 0;
}

static char *need(size_t n)
{
    char *p = weft_alloc(n);
    WEFT_NEED(p != NULL);
    return p;
}

TASK_TEST(temporary_blocks_nest_and_what_is_outside_stays)
{
    char *outer = need(64);
    strcpy(outer, "outer");
    {
        WEFT_TEMP;
        char *middle = need(64);
        strcpy(middle, "middle");
        for (int i = 0; i < 10; i++) {
            WEFT_TEMP;
            memset(need(5000), 'x', 5000);
        }
        WEFT_CHECK_STR(weft_str_of(middle), "middle");
    }
    memset(need(5000), 'y', 5000);
    WEFT_CHECK_STR(weft_str_of(outer), "outer");
    return 0;
}

static int work_in_temp(const int *id)
{
    for (int i = 0; i < 5; i++) {
        WEFT_TEMP;
        char *mine = need(200);
        memset(mine, 'a' + *id, 199);
        WEFT_TRY(weft_yield());
        for (int k = 0; k < 199; k++)
            if (!WEFT_CHECK_EQ(mine[k], 'a' + *id)) break;
    }
    return 0;
}

TASK_TEST(temporary_blocks_of_different_tasks_interleave)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 10; i++) weft_spawn(s, work_in_temp, &i);
    for (int i = 0; i < 10; i++) {
        char *mine = need(300);
        memset(mine, 'P', 300);
        WEFT_CHECK_EQ(weft_yield(), 0);
        for (int k = 0; k < 300; k++)
            if (!WEFT_CHECK_EQ(mine[k], 'P')) break;
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

static int name_it(const int *id, weft_str *out)
{
    WEFT_TRY(weft_yield());
    *out = weft_format("task number %d", *id);
    return 0;
}

TASK_TEST(what_a_task_allocates_outlives_it)
{
    weft_str names[10];
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 10; i++) weft_spawn(s, name_it, &i, &names[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    memset(need(9000), 'z', 9000);
    WEFT_CHECK_STR(names[0], "task number 0");
    WEFT_CHECK_STR(names[9], "task number 9");
    return 0;
}

TASK_TEST(what_a_task_allocates_belongs_to_where_its_scope_was_opened)
{
    weft_str name = { 0 };
    WEFT_SCOPE(s);
    {
        WEFT_TEMP;                                        /* of the spawner alone */
        weft_task *t = weft_spawn(s, name_it, (&(int){ 1 }), &name);
        WEFT_CHECK_EQ(weft_await(t), 0);
    }
    {
        WEFT_TEMP;                                        /* uses whatever was given back */
        for (int i = 0; i < 300; i++) memset(need(100), 'z', 100);
    }
    WEFT_CHECK_STR(name, "task number 1");
    return 0;
}

TASK_TEST(what_tasks_of_a_scope_in_a_temporary_block_allocate_is_given_back)
{
    long before = 0;
    for (int i = 0; i < 500; i++) {
        if (i == 100) before = world_mem.bytes;
        WEFT_TEMP;
        weft_str name[4];
        WEFT_CHECK_EQ(weft_gather(weft_call(name_it, (&(int){ 1 }), &name[0]), weft_call(name_it, (&(int){ 2 }), &name[1]),
            weft_call(name_it, (&(int){ 3 }), &name[2]), weft_call(name_it, (&(int){ 4 }), &name[3])), 0);
        WEFT_CHECK_STR(name[3], "task number 4");
    }
    WEFT_CHECK(world_mem.bytes <= before + 16 * 1024);
    return 0;
}

static int leave_temp_by_return(const int *how)
{
    WEFT_TEMP;
    WEFT_NEED(weft_alloc(100) != NULL);
    if (*how == 0) return 0;
    WEFT_TRY(*how);
    return 1;
}

TASK_TEST(a_temporary_block_left_by_return_is_left)
{
    char *kept = NULL;
    WEFT_CHECK_EQ(leave_temp_by_return(&(int){ 0 }), 0);
    WEFT_CHECK_EQ(leave_temp_by_return(&(int){ -5 }), -5);
    WEFT_CHECK_EQ(leave_temp_by_return(&(int){ 3 }), 1);
    kept = weft_alloc(100);
    strcpy(kept, "kept");
    WEFT_CHECK_EQ(leave_temp_by_return(&(int){ 0 }), 0);
    WEFT_CHECK_STR(weft_str_of(kept), "kept");
    return 0;
}

/* ---- lists ---- */

typedef struct list { int *items; uint32_t count, room; } list;

TASK_TEST(a_list_grows_by_pushes)
{
    list l = { 0 };
    for (int i = 0; i < 10000; i++) weft_push(&l, i * 3);
    WEFT_CHECK_EQ(l.count, 10000);
    for (int i = 0; i < 10000; i++)
        if (!WEFT_CHECK_EQ(l.items[i], i * 3)) break;
    return 0;
}

TASK_TEST(a_list_filled_by_hand_is_copied_and_never_written_past)
{
    int mine[6] = { 1, 2, 3, 4, 5, -1 };
    static const list by_hand[] = { { NULL, 5, 0 }, { NULL, 5, 5 }, { NULL, 5, 3 } };
    for (size_t i = 0; i < weft_count(by_hand); i++) {
        list l = by_hand[i];
        l.items = mine;
        weft_push(&l, 6);
        weft_push(&l, 7);
        WEFT_CHECK_EQ(l.count, 7);
        WEFT_CHECK(l.items != mine);
        for (int k = 0; k < 7; k++) WEFT_CHECK_EQ(l.items[k], k + 1);
        WEFT_CHECK_EQ(mine[5], -1);
    }
    return 0;
}

TASK_TEST(a_pushed_value_may_be_an_item_of_the_same_list)
{
    list l = { 0 };
    weft_push(&l, 5);
    for (int i = 0; i < 100; i++) {
        int last = l.items[l.count - 1];
        weft_push(&l, last + 1);
    }
    for (int i = 0; i < 101; i++) WEFT_CHECK_EQ(l.items[i], 5 + i);
    return 0;
}

/* ---- limits ---- */

TASK_TEST(past_its_limit_a_push_goes_to_a_scrap_slot_and_the_arena_knows)
{
    weft_arena small;
    weft__arena_init(&small, NULL, 16 * 1024);
    weft_arena *before = weft__arena_swap(&small);
    list l = { 0 };
    for (int i = 0; i < 100000; i++) weft_push(&l, i);
    weft__arena_swap(before);
    WEFT_CHECK(l.count > 100 && l.count <= 16 * 1024 / sizeof(int));
    for (uint32_t i = 0; i < l.count; i++)
        if (!WEFT_CHECK_EQ(l.items[i], (int)i)) break;
    WEFT_CHECK(small.exceeded);
    WEFT_CHECK(!before->exceeded);
    weft__arena_free(&small);
    return 0;
}

typedef struct huge { char bytes[200000]; } huge;
typedef struct huge_list { huge *items; uint32_t count, room; } huge_list;

TASK_TEST(a_scrap_slot_takes_items_of_any_size)
{
    static huge item;
    weft_arena small;
    weft__arena_init(&small, NULL, 16 * 1024);
    weft_arena *before = weft__arena_swap(&small);
    memset(&item, 7, sizeof item);
    huge_list l = { 0 };
    list ints = { 0 };
    weft_push(&l, item);
    for (int i = 0; i < 10000; i++) weft_push(&ints, i);
    weft_push(&l, item);
    weft__arena_swap(before);
    WEFT_CHECK_EQ(l.count, 0);
    WEFT_CHECK(l.items == NULL);
    WEFT_CHECK(small.exceeded);
    weft__arena_free(&small);
    return 0;
}

TASK_TEST(past_the_limit_formatted_text_is_empty_and_allocations_are_refused)
{
    weft_arena small;
    weft__arena_init(&small, NULL, 16 * 1024);
    weft_arena *before = weft__arena_swap(&small);
    weft_str s = weft_format("%0*d", 20000, 1);
    void *p = weft_alloc(20000);
    weft__arena_swap(before);
    WEFT_NEED(s.ptr != NULL);
    WEFT_CHECK_STR(s, "");
    WEFT_CHECK(p == NULL);
    WEFT_CHECK(small.exceeded);
    weft__arena_free(&small);
    return 0;
}

TASK_TEST(a_limit_passed_in_a_temporary_block_is_known_outside)
{
    weft_arena small;
    weft__arena_init(&small, NULL, 16 * 1024);
    weft_arena *before = weft__arena_swap(&small);
    {
        WEFT_TEMP;
        WEFT_CHECK(weft_alloc(20000) == NULL);
    }
    weft__arena_swap(before);
    WEFT_CHECK(small.exceeded);
    weft__arena_free(&small);
    return 0;
}

static int take_from_the_arena(const size_t *n, void **out)
{
    *out = weft_alloc(*n);
    return 0;
}

TASK_TEST(the_limit_of_an_arena_holds_for_the_tasks_below_it)
{
    weft_arena small;
    void *p = &small, *q = NULL;
    weft__arena_init(&small, NULL, 16 * 1024);
    {
        WEFT_SCOPE(request);
        weft_arena *before = weft__arena_swap(&small);
        weft_task *t = weft_spawn(request, take_from_the_arena, (&(size_t){ 20000 }), &p);
        WEFT_CHECK_EQ(weft_await(t), 0);
        WEFT_CHECK_EQ(weft_gather(weft_call(take_from_the_arena, (&(size_t){ 1000 }), &q)), 0);
        weft__arena_swap(before);
    }
    WEFT_CHECK(p == NULL);
    WEFT_CHECK(q != NULL);
    WEFT_CHECK(small.exceeded);
    WEFT_CHECK(small.bytes > 0 && small.bytes <= 16 * 1024);
    weft__arena_free(&small);
    return 0;
}
