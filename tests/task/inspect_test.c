/* The list of tasks: what each waits for and who has it, circles of them, what is left over at the end. */
#define _GNU_SOURCE
#include "task/inspect.h"
#include <stdio.h>
#include <string.h>
#include "weft/inspect.h"
#include "weft/sync.h"
#include "world.h"

static const char *find(weft_str text, const char *words) { return memmem(text.ptr, text.len, words, strlen(words)); }

static bool lists(weft_str text, const char *words)
{
    if (find(text, words)) return true;
    fprintf(stderr, "  '%s' is not in:\n%.*s", words, WEFT_FMT(text));
    return false;
}

static bool lacks(weft_str text, const char *words)
{
    if (!find(text, words)) return true;
    fprintf(stderr, "  '%s' is in:\n%.*s", words, WEFT_FMT(text));
    return false;
}

/* A lock that tells its owner, as those of the runtime do. */
typedef struct lock { weft__held held; weft_task *owner; } lock;
static weft_task *lock_holder(const weft__held *h, int i) { return i ? NULL : ((const lock *)h)->owner; }
static lock stock = { { "mutex", "stock", lock_holder }, NULL }, orders = { { "mutex", "orders", lock_holder }, NULL };

static int wait_for(lock *const *l) { return weft__park_on("a mutex", &(*l)->held, INT64_MAX); }
static int await_it(weft_task *const *t) { return weft_await(*t); }

TASK_TEST(the_list_has_name_place_age_and_what_each_task_waits_for)
{
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    int line = __LINE__ - 1;
    WEFT_TRY(weft_sleep_ms(50));
    weft_str text = weft_tasks_text();
    char words[80];
    snprintf(words, sizeof words, "#2 sleep_for (tests/task/inspect_test.c:%d), ", line);
    WEFT_CHECK(lists(text, "weft: 2 tasks\n#1 "));
    WEFT_CHECK(lists(text, " (the program), "));
    WEFT_CHECK(lists(text, " old, runs\n"));
    WEFT_CHECK(lists(text, strrchr(words, '/') + 1));
    WEFT_CHECK(lists(text, " ms for a timer\n"));
    if (world_now.virtual_time) WEFT_CHECK(lists(text, "), 50 ms old, waits 50 ms for a timer\n"));
    return 0;
}

TASK_TEST(the_list_says_who_holds_what_a_task_waits_for)
{
    WEFT_SCOPE(s);
    stock.owner = weft_spawn(s, sleep_for, &(int){ FOREVER });
    weft_spawn(s, wait_for, &(lock *){ &stock });
    world_turn();
    WEFT_CHECK(lists(weft_tasks_text(), " for mutex stock held by #2 sleep_for ("));
    return 0;
}

TASK_TEST(a_lock_whose_owner_is_not_known_is_listed_all_the_same)
{
    lock nobody = { { "pool", "files", NULL }, NULL }, *at = &nobody;
    WEFT_SCOPE(s);
    weft_spawn(s, wait_for, &at);
    world_turn();
    WEFT_CHECK(lists(weft_tasks_text(), " for a mutex, pool files\n"));
    return 0;
}

static int labelled(void)
{
    weft__task_label("GET /items/{item_id}");
    return weft_sleep_ms(FOREVER);
}

TASK_TEST(a_label_stands_behind_the_name)
{
    WEFT_SCOPE(s);
    weft_spawn(s, labelled);
    world_turn();
    WEFT_CHECK(lists(weft_tasks_text(), "#2 labelled \"GET /items/{item_id}\" ("));
    return 0;
}

static int join_three(void)
{
    WEFT_SCOPE(inner, .timeout_ms = 9500);
    for (int i = 0; i < 3; i++) weft_spawn(inner, sleep_for, &(int){ FOREVER });
    return weft_join(inner);
}

TASK_TEST(the_tree_shows_each_task_below_the_scope_it_was_started_in_oldest_first)
{
    WEFT_SCOPE(s);
    weft_spawn(s, join_three);
    WEFT_TRY(weft_sleep_ms(10));
    weft_str text = weft_tasks_text();
    WEFT_CHECK(lists(text, "\n    #2 join_three ("));
    WEFT_CHECK(lists(text, "\n      scope at "));
    WEFT_CHECK(lists(text, " s left\n        #3 sleep_for ("));
    WEFT_CHECK(find(text, "\n        #5 ") > find(text, "\n        #4 "));
    WEFT_CHECK(lists(text, " for the tasks of a scope: #5 sleep_for ("));
    return 0;
}

TASK_TEST(a_flat_list_has_no_scopes)
{
    WEFT_SCOPE(s);
    weft_spawn(s, join_three);
    WEFT_TRY(weft_sleep_ms(10));
    weft_str text = weft_tasks_text(.flat = true);
    WEFT_CHECK(lists(text, "\n#3 sleep_for ("));
    WEFT_CHECK(lacks(text, "scope at"));
    return 0;
}

TASK_TEST(a_list_is_bounded_and_tells_how_many_more_there_are)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 1200; i++) weft_spawn(s, sleep_for, &(int){ FOREVER });
    world_turn();
    weft_str text = weft_tasks_text();
    WEFT_CHECK(lists(text, "weft: 1201 tasks\n"));
    WEFT_CHECK(lists(text, "weft: and 201 more tasks\n"));
    WEFT_CHECK(lists(text, "#1000 "));
    WEFT_CHECK(lacks(text, "#1001 "));
    WEFT_CHECK(lists(weft_tasks_text(.tasks_max = 2), "weft: and 1199 more tasks\n"));
    return 0;
}

TASK_TEST(a_list_that_the_arena_has_no_room_for_is_empty_and_fails_by_name)
{
    weft_arena small;
    weft__arena_init(&small, weft__loop_blocks(weft__loop_here()), 64);
    weft_arena *before = weft__arena_swap(&small);
    weft_str text = weft_tasks_text();
    weft__arena_swap(before);
    WEFT_CHECK_EQ(text.len, 0);
    WEFT_CHECK(small.lost);
    weft__arena_free(&small);
    return 0;
}

/* ---- circles ---- */

static int own_and_wait(lock *const (*l)[2])
{
    (*l)[0]->owner = weft_task_self();
    WEFT_TRY(weft_sleep_ms(1));
    return wait_for(&(*l)[1]);
}

TASK_TEST(two_tasks_that_hold_each_others_lock_are_named_as_a_deadlock)
{
    WEFT_SCOPE(s);
    weft_spawn(s, own_and_wait, (&(lock *[2]){ &stock, &orders }));
    weft_spawn(s, own_and_wait, (&(lock *[2]){ &orders, &stock }));
    WEFT_TRY(weft_sleep_ms(20));
    weft_str text = weft_tasks_text();
    WEFT_CHECK(lists(text, "weft: deadlock: #2 own_and_wait ("));
    WEFT_CHECK(lists(text, ") waits for mutex orders held by #3 own_and_wait ("));
    WEFT_CHECK(lists(text, "), which waits for mutex stock held by #2 own_and_wait\n"));
    return 0;
}

typedef struct two_locks { weft_mutex *one, *other; } two_locks;
static weft_mutex m_stock, m_orders;

static int lock_both(const two_locks *l)
{
    WEFT_LOCKED(l->one);
    WEFT_TRY(weft_sleep_ms(1));
    WEFT_LOCKED(l->other);
    return 0;
}

TASK_TEST(real_mutexes_taken_in_different_orders_are_named)
{
    {
        WEFT_SCOPE(s, .timeout_ms = 8000);
        weft_spawn(s, lock_both, (&(two_locks){ &m_stock, &m_orders }));
        weft_spawn(s, lock_both, (&(two_locks){ &m_orders, &m_stock }));
        WEFT_TRY(weft_sleep_ms(20));
        weft_str text = weft_tasks_text();
        WEFT_CHECK(lists(text, "weft: deadlock: #2 lock_both ("));
        WEFT_CHECK(lists(text, ") waits for mutex l->other held by #3 lock_both ("));
        WEFT_CHECK(lists(text, "), which waits for mutex l->other held by #2 lock_both (a deadline ends it in "));
    }
    WEFT_CHECK(m_stock.owner == NULL && m_orders.owner == NULL);
    return 0;
}

static weft_task *first, *second;
static int await_second(void) { return weft_await(second); }
static int await_first(void) { return weft_await(first); }

TASK_TEST(tasks_that_await_each_other_are_named_as_a_deadlock_that_a_deadline_ends)
{
    WEFT_SCOPE(s, .timeout_ms = 8000);
    first = weft_spawn(s, await_second);
    second = weft_spawn(s, await_first);
    world_turn();
    weft_str text = weft_tasks_text();
    WEFT_CHECK(lists(text, "deadlock: #2 await_second ("));
    WEFT_CHECK(lists(text, ") waits for another task's end: #3 await_first ("));
    WEFT_CHECK(lists(text, "another task's end: #2 await_second (a deadline ends it in "));
    return 0;
}

static weft_task *parent;
static int await_parent(void) { return weft_await(parent); }
static int join_child(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    weft_spawn(s, await_parent);                      /* neither the first nor the last of them */
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    return weft_join(s);
}

TASK_TEST(a_child_that_awaits_its_parent_which_joins_it_is_a_deadlock)
{
    WEFT_SCOPE(s);
    parent = weft_spawn(s, join_child);
    WEFT_TRY(weft_sleep_ms(5));
    weft_str text = weft_tasks_text();
    WEFT_CHECK(lists(text, "deadlock: #2 join_child ("));
    WEFT_CHECK(lists(text, "for the tasks of a scope, among them #4 await_parent ("));
    return 0;
}

TASK_TEST(a_chain_that_ends_in_a_timer_is_no_deadlock)
{
    WEFT_SCOPE(s);
    weft_task *last = weft_spawn(s, sleep_for, &(int){ FOREVER });
    stock.owner = weft_spawn(s, await_it, &last);
    weft_spawn(s, wait_for, &(lock *){ &stock });
    weft_spawn(s, wait_for, &(lock *){ &stock });
    world_turn();
    WEFT_CHECK(lacks(weft_tasks_text(), "weft: deadlock"));
    return 0;
}

/* A place in a semaphore is given back by any of its holders: one of them waiting is no deadlock. */
static weft_task *two_holders[2];
static weft_task *any_holder(const weft__held *h, int i) { (void)h; return i < 2 ? two_holders[i] : NULL; }

TASK_TEST(what_any_of_several_may_give_back_is_no_deadlock_while_one_of_them_can_go_on)
{
    lock both = { { "semaphore", "places", any_holder }, NULL }, *at = &both;
    WEFT_SCOPE(s);
    weft_task *waiter = weft_spawn(s, wait_for, &at);
    two_holders[0] = weft_spawn(s, await_it, &waiter);
    two_holders[1] = weft_spawn(s, sleep_for, &(int){ FOREVER });
    world_turn();
    weft_str text = weft_tasks_text();
    WEFT_CHECK(lists(text, " for a mutex, semaphore places held by #3 await_it ("));
    WEFT_CHECK(lacks(text, "weft: deadlock"));
    return 0;
}

static int race_two(void)
{
    return weft_race(weft_call(await_parent), weft_call(sleep_for, (&(int){ FOREVER })));
}

TASK_TEST(a_race_whose_other_runner_may_win_is_no_deadlock)
{
    WEFT_SCOPE(s);
    parent = weft_spawn(s, race_two);
    WEFT_TRY(weft_sleep_ms(5));
    WEFT_CHECK(lacks(weft_tasks_text(), "weft: deadlock"));
    return 0;
}

enum { RING = 5000 };
static weft_task *ring[RING];
static int await_next(const int *i) { return weft_await(ring[(*i + 1) % RING]); }

static void count_ring(void *ctx, weft__fiber *const *at, size_t n)
{
    (void)at;
    *(size_t *)ctx += n;
}

TASK_TEST(a_long_circle_is_found_once_and_without_recursion)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < RING; i++) ring[i] = weft_spawn(s, await_next, &i);
    weft_spawn(s, await_it, &ring[7]);
    world_turn();
    size_t found = 0;
    WEFT_CHECK_EQ(weft__rings(weft__loop_here(), count_ring, &found), 0);
    WEFT_CHECK_EQ(found, RING);
    found = 0;
    WEFT_CHECK_EQ(weft__rings(weft__loop_here(), count_ring, &found), 0);
    WEFT_CHECK_EQ(found, RING);
    return 0;
}

TASK_TEST(without_memory_to_look_for_deadlocks_the_list_says_so)
{
    WEFT_SCOPE(s);
    first = weft_spawn(s, await_second);
    second = weft_spawn(s, await_first);
    world_turn();
    size_t found = 0;
    world_mem.fail_after = 0;
    world_mem.fail_rest = true;
    int rc = weft__rings(weft__loop_here(), count_ring, &found);
    world_mem.fail_after = -1;
    world_mem.fail_rest = false;
    WEFT_CHECK_EQ(rc, WEFT_ENOMEM);
    WEFT_CHECK_EQ(found, 0);
    return 0;
}

static int deadlocked_program(void)
{
    WEFT_SCOPE(s);
    first = weft_spawn(s, await_second);
    second = weft_spawn(s, await_first);
    return weft_join(s);
}

WEFT_TEST(a_run_that_nothing_can_wake_names_the_circle__sim)
{
    world_open_sim(0);
    world_capture_begin();
    int rc = world_run(weft_call(deadlocked_program));
    weft_str log = weft_str_of(world_capture_end());
    WEFT_CHECK_EQ(rc, WEFT_EDEADLK);
    WEFT_CHECK(lists(log, "weft: nothing can wake what waits:\nweft: 3 tasks\n"));
    WEFT_CHECK(lists(log, "weft: deadlock: #2 await_second ("));
    world_close();
}

/* ---- stacks ---- */

static __attribute__((noinline)) int deep_inside(int n)
{
    int rc = n ? deep_inside(n - 1) : weft_sleep_ms(FOREVER);
    world_now.fifo |= rc == 77;                       /* so that this is no tail call */
    return rc;
}
static int dive(void) { int rc = deep_inside(3); world_now.fifo |= rc == 78; return rc; }

TASK_TEST(a_stack_shows_the_calls_of_a_task_down_to_what_waits)
{
    WORLD_NEEDS_LINES();
    WEFT_SCOPE(s);
    weft_spawn(s, dive);
    world_turn();
    weft_str text = weft_tasks_text(.stacks = true);
    const char *wait = find(text, "at weft_sleep_ms (");
    WEFT_NEED(wait != NULL);
    weft_str rest = { wait, text.len - (size_t)(wait - text.ptr) };
    WEFT_CHECK(find(text, " for a timer\n") && find(text, " for a timer\n") < wait);
    WEFT_CHECK(lists(rest, "at deep_inside (inspect_test.c:"));
    WEFT_CHECK(lists(rest, "at dive (inspect_test.c:"));
    WEFT_CHECK(lacks(text, "weft__task_run"));
    WEFT_CHECK(lacks(weft_tasks_text(), "at dive ("));
    return 0;
}

TASK_TEST(json_has_the_stack_as_a_list)
{
    WORLD_NEEDS_LINES();
    WEFT_SCOPE(s);
    weft_spawn(s, dive);
    world_turn();
    weft_str text = weft_tasks_text(.stacks = true, .json = true);
    WEFT_CHECK(lists(text, ",\"stack\":[\"weft_sleep_ms ("));
    WEFT_CHECK(lists(text, "\"dive (inspect_test.c:"));
    return 0;
}

TASK_TEST(a_task_that_has_not_begun_has_no_stack)
{
    WEFT_SCOPE(s);
    weft_spawn(s, dive);
    weft_str text = weft_tasks_text(.stacks = true);
    WEFT_CHECK(lists(text, "#2 dive ("));
    WEFT_CHECK(lists(text, ", ready to run\n"));
    WEFT_CHECK(lacks(text, "at dive"));
    return 0;
}

TASK_TEST(only_the_first_tasks_of_many_have_their_stacks_shown)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 70; i++) weft_spawn(s, dive);
    world_turn();
    weft_str text = weft_tasks_text(.stacks = true, .json = true);
    WEFT_CHECK_EQ(world_count_in(text.ptr, "\"stack\":["), 64);
    return 0;
}

/* ---- JSON ---- */

TASK_TEST(json_has_an_object_a_line_with_numbers_for_who_holds_what)
{
    WEFT_SCOPE(s, .timeout_ms = 9000);
    stock.owner = weft_spawn(s, labelled);
    weft_spawn(s, wait_for, &(lock *){ &stock });
    world_turn();
    weft_str text = weft_tasks_text(.json = true);
    WEFT_CHECK(lists(text, "{\"tasks\":3,\"shown\":3}\n{\"task\":1,"));
    WEFT_CHECK(lists(text, ",\"state\":\"runs\""));
    WEFT_CHECK(lists(text, "{\"task\":2,\"name\":\"labelled\",\"label\":\"GET /items/{item_id}\",\"place\":\""));
    WEFT_CHECK(lists(text, ",\"parent\":1,\"scope\":\""));
    WEFT_CHECK(lists(text, ",\"state\":\"waits\",\"for\":\"a mutex\",\"waits_ms\":"));
    WEFT_CHECK(lists(text, ",\"kind\":\"mutex\",\"of\":\"stock\",\"holders\":[2],\"deadline_ms\":"));
    WEFT_CHECK(lacks(text, "cancelled"));
    return 0;
}

TASK_TEST(json_escapes_what_a_name_may_hold)
{
    lock odd = { { "mutex", "&shops[\"a\\b\n\"]", NULL }, NULL }, *at = &odd;
    WEFT_SCOPE(s);
    weft_spawn(s, wait_for, &at);
    world_turn();
    WEFT_CHECK(lists(weft_tasks_text(.json = true), "\"of\":\"&shops[\\\"a\\\\b\\u000a\\\"]\"}\n"));
    return 0;
}

TASK_TEST(json_tells_circles_by_number)
{
    WEFT_SCOPE(s);
    first = weft_spawn(s, await_second);
    second = weft_spawn(s, await_first);
    world_turn();
    WEFT_CHECK(lists(weft_tasks_text(.json = true), "\n{\"deadlock\":[2,3]}\n"));
    return 0;
}

/* ---- outside of tasks, and to stderr ---- */

WEFT_TEST(outside_of_a_loop_there_is_nothing_to_list)
{
    WEFT_CHECK_EQ(weft_tasks_text().len, 0);
    world_capture_begin();
    weft_dump_tasks();
    WEFT_CHECK(lists(weft_str_of(world_capture_end()), "weft: no loop runs on this thread"));
}

TASK_TEST(a_dump_goes_to_stderr)
{
    WEFT_SCOPE(s);
    weft_spawn(s, labelled);
    world_turn();
    world_capture_begin();
    weft_dump_tasks(.flat = true);
    weft_str log = weft_str_of(world_capture_end());
    WEFT_CHECK(lists(log, "weft: 2 tasks\n#1 "));
    WEFT_CHECK(lists(log, "\n#2 labelled "));
    return 0;
}

/* ---- left over at the end ---- */

static int leave_one_behind(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    return weft_sleep_ms(1);
}

static int leave_and_go_on(void)
{
    WEFT_TRY(leave_one_behind());
    return weft_sleep_ms(5);
}

static int cancel_before_leaving(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    WEFT_TRY(weft_sleep_ms(1));
    weft_cancel(s);
    return 0;
}

static int child_leaves_one_behind(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, leave_one_behind);
    return weft_join(s);
}

static weft_str left_over(weft_call call)
{
    WEFT_CHECK_EQ(world_run(call), 0);
    world_capture_begin();
    weft__left_say(world_now.loop, "it");
    return weft_str_of(world_capture_end());
}

static void check_left_over(void)
{
    weft_str said = left_over(weft_call(leave_one_behind));
    WEFT_CHECK(lists(said, "weft: tasks left over at the end of it were cancelled (join their scope, or cancel it):\nweft:   #2 sleep_for ("));
    WEFT_CHECK(lists(said, "), which waited for a timer\n"));
    WEFT_CHECK_EQ(left_over(weft_call(leave_and_go_on)).len, 0);
    WEFT_CHECK_EQ(left_over(weft_call(cancel_before_leaving)).len, 0);
    WEFT_CHECK_EQ(left_over(weft_call(child_leaves_one_behind)).len, 0);
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

WEFT_TEST(only_tasks_left_over_at_the_very_end_are_named__epoll) { world_open_epoll(); check_left_over(); }
WEFT_TEST(only_tasks_left_over_at_the_very_end_are_named__sim) { world_open_sim(3); check_left_over(); }
