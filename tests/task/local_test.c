/* The values of a task: inherited as they were, changed for nobody else. */
#include "world.h"
#include <string.h>
#include "weft/sync.h"

typedef struct pair { int a, b; } pair;
static weft_local(int) number;
static weft_local(pair) both;
static weft_local(const char *) name;

typedef struct step { int expect, set; weft_scope *scope; int *told; } step;

static int child(const step *in)
{
    WEFT_CHECK_EQ(weft_local_get(&number, -1), in->expect);
    WEFT_CHECK_EQ(weft_local_set(&number, in->set), 0);
    WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), in->set);
    return 0;
}

TASK_TEST(a_value_is_what_the_task_set_last)
{
    WEFT_CHECK_EQ(weft_local_get(&number, -1), -1);
    WEFT_CHECK_EQ(weft_local_set(&number, 5), 0);
    WEFT_CHECK_EQ(weft_local_set(&name, "alfa"), 0);
    WEFT_CHECK_EQ(weft_local_set(&both, (pair){ 1, 2 }), 0);
    WEFT_CHECK_EQ(weft_local_set(&number, 6), 0);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), 6);
    WEFT_CHECK_STR(weft_str_of(weft_local_get(&name, "none")), "alfa");
    pair p = weft_local_get(&both, (pair){ 0 });
    WEFT_CHECK(p.a == 1 && p.b == 2);
    return 0;
}

TASK_TEST(b44_a_child_has_a_snapshot_and_changes_do_not_flow_back)
{
    WEFT_CHECK_EQ(weft_local_set(&number, 1), 0);
    WEFT_SCOPE(s);
    weft_spawn(s, child, (&(step){ .expect = 1, .set = 10 }));
    WEFT_CHECK_EQ(weft_local_set(&number, 2), 0);    /* the first child has not run yet, and keeps what was */
    weft_spawn(s, child, (&(step){ .expect = 2, .set = 20 }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), 2);
    return 0;
}

static int grandchild(const step *in)
{
    WEFT_CHECK_EQ(weft_local_get(&number, -1), in->expect);
    WEFT_CHECK_STR(weft_str_of(weft_local_get(&name, "none")), "outer");
    return 0;
}
static int parent(const step *in)
{
    WEFT_CHECK_EQ(weft_local_set(&number, 3), 0);
    weft_spawn(in->scope, grandchild, (&(step){ .expect = 3 }));
    return 0;                                        /* the grandchild outlives it, and keeps its values */
}

TASK_TEST(b44_values_go_from_task_to_task_and_outlive_who_set_them)
{
    WEFT_CHECK_EQ(weft_local_set(&name, "outer"), 0);
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_gather(weft_call(parent, (&(step){ .scope = s }))), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), -1);
    return 0;
}

/* Values in a shared list are replaced in the middle, at its end and at its head. */
static int change_all(const step *in)
{
    for (int i = in->set; i < in->set + 3; i++) {
        if (i % 3 == 0) WEFT_CHECK_EQ(weft_local_set(&number, 11), 0);
        if (i % 3 == 1) WEFT_CHECK_EQ(weft_local_set(&name, "child"), 0);
        if (i % 3 == 2) WEFT_CHECK_EQ(weft_local_set(&both, (pair){ 8, 9 }), 0);
    }
    WEFT_CHECK_EQ(weft_local_get(&number, -1), 11);
    WEFT_CHECK_STR(weft_str_of(weft_local_get(&name, "none")), "child");
    WEFT_CHECK_EQ(weft_local_get(&both, (pair){ 0 }).b, 9);
    return 0;
}

TASK_TEST(b44_each_of_many_values_can_be_changed_by_a_child)
{
    WEFT_CHECK_EQ(weft_local_set(&number, 1), 0);
    WEFT_CHECK_EQ(weft_local_set(&name, "parent"), 0);
    WEFT_CHECK_EQ(weft_local_set(&both, (pair){ 1, 2 }), 0);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_gather(weft_call(change_all, (&(step){ .set = i }))), 0);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), 1);
    WEFT_CHECK_STR(weft_str_of(weft_local_get(&name, "none")), "parent");
    WEFT_CHECK_EQ(weft_local_get(&both, (pair){ 0 }).b, 2);
    return 0;
}

/* Children that live on share each list that the parent had: its length must not grow with them. */
TASK_TEST(values_set_again_and_again_take_no_more_memory)
{
    enum { N = 200 };
    WEFT_SCOPE(s);
    long before = 0;
    for (int i = 0; i < N; i++) {
        WEFT_CHECK_EQ(weft_local_set(&number, i), 0);
        WEFT_CHECK_EQ(weft_local_set(&name, "x"), 0);
        weft_spawn(s, sleep_for, (&(int){ 20 }));
        if (i == 10) before = world_mem.blocks;
    }
    WEFT_CHECK(world_mem.blocks - before < 5 * N);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), N - 1);
    long after = world_mem.blocks;
    for (int i = 0; i < N; i++) WEFT_CHECK_EQ(weft_local_set(&number, i), 0);
    WEFT_CHECK_EQ(world_mem.blocks, after);
    return 0;
}

TASK_TEST(there_is_a_limit_to_the_values_of_a_task)
{
    static weft_local(int) keys[WEFT_LOCALS_MAX + 1];
    static weft_local(struct { char bytes[WEFT_LOCAL_BYTES_MAX + 1]; }) large;
    for (int i = 0; i < WEFT_LOCALS_MAX; i++) WEFT_CHECK_EQ(weft_local_set(&keys[i], i), 0);
    WEFT_CHECK_EQ(weft_local_set(&keys[WEFT_LOCALS_MAX], 1), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_local_get(&keys[WEFT_LOCALS_MAX], -1), -1);
    WEFT_CHECK_EQ(weft_local_set(&keys[3], 33), 0);
    for (int i = 0; i < WEFT_LOCALS_MAX; i++) WEFT_CHECK_EQ(weft_local_get(&keys[i], -1), i == 3 ? 33 : i);
    __typeof__(*large.item) *item = weft_alloc(sizeof *item);
    WEFT_NEED(item != NULL);
    WEFT_CHECK_EQ(weft_local_set(&large, *item), WEFT_ELIMIT);
    return 0;
}

static int set_without_memory(const int *fail_after)
{
    world_mem.fail_after = *fail_after;
    int rc = weft_local_set(&both, (pair){ 5, 5 });
    world_mem.fail_after = -1;
    WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
    WEFT_CHECK_EQ(weft_local_get(&both, (pair){ 0 }).a, rc < 0 ? 1 : 5);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), 3);
    WEFT_CHECK_STR(weft_str_of(weft_local_get(&name, "none")), "n");
    return rc;
}

SIM_TEST(without_memory_values_stay_as_they_were)
{
    WEFT_CHECK_EQ(weft_local_set(&both, (pair){ 1, 1 }), 0);
    WEFT_CHECK_EQ(weft_local_set(&number, 3), 0);
    WEFT_CHECK_EQ(weft_local_set(&name, "n"), 0);
    for (int i = 0; i < 4; i++) {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, set_without_memory, &i);
        int rc = weft_await(t);                  /* what one of them has given back the next one may have */
        WEFT_CHECK(rc == 0 ? i > 0 : rc == WEFT_ENOMEM && i < 3);
        world_mem.fail_after = -1;
    }
    WEFT_CHECK_EQ(weft_local_get(&both, (pair){ 0 }).a, 1);
    return 0;
}

/* What a server's coroutine does between two requests. */
TASK_TEST(a_task_that_is_renewed_has_no_values_no_locks_and_no_errors)
{
    weft_mutex m = { 0 };
    WEFT_CHECK_EQ(weft_local_set(&number, 1), 0);
    WEFT_TRY(weft_mutex_lock(&m));
    world_ignore(weft_fail(404, "gone"));
    world_capture_begin();
    weft__task_renew();
    WEFT_CHECK_EQ(world_count_in(world_capture_end(), "ended with a mutex locked at "), 1);
    WEFT_CHECK_EQ(weft_local_get(&number, -1), -1);
    WEFT_CHECK(weft_mutex_try_lock(&m));
    weft_mutex_unlock(&m);
    WEFT_CHECK(strcmp(weft_error_of(WEFT_STATUS(404))->text, "gone") != 0);
    return 0;
}
