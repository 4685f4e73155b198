/* What a task tells of itself while it waits: what for, since when, who has it, and what users call its work. */
#include "world.h"
#include "task/fiber.h"

typedef struct lock { weft__held held; weft_task *owner; } lock;
static weft_task *lock_holder(const weft__held *h, int i) { return i ? NULL : ((const lock *)h)->owner; }

static weft__fiber *parked;
static const weft__held *held_of(const weft_task *t) { return t->fiber ? t->fiber->held : NULL; }

static int wait_for_lock(lock *const *l)
{
    parked = weft__self();
    return weft__park_on("mutex orders", &(*l)->held, INT64_MAX);
}

TASK_TEST(a_parked_task_tells_what_it_waits_for_and_who_has_it)
{
    lock l = { { "mutex", "orders", lock_holder }, weft_task_self() };
    lock *at = &l;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, wait_for_lock, &at);
    world_turn();
    WEFT_NEED(held_of(t) == &l.held);
    WEFT_CHECK_STR(weft_str_of(t->fiber->waits_for), "mutex orders");
    WEFT_CHECK(held_of(t)->holder(held_of(t), 0) == weft_task_self());
    WEFT_CHECK(held_of(t)->holder(held_of(t), 1) == NULL);
    WEFT_CHECK(weft__wake(parked, 0));
    WEFT_CHECK_EQ(weft_await(t), 0);
    return 0;
}

static int lock_then_timer(lock *const *l)
{
    parked = weft__self();
    WEFT_CHECK_EQ(weft__park_on("mutex orders", &(*l)->held, weft_now_ns() + 1000000), WEFT_ETIMEDOUT);
    return weft_sleep_ms(FOREVER);
}

TASK_TEST(what_it_waited_for_before_is_forgotten)
{
    lock l = { { "mutex", "orders", NULL }, NULL };
    lock *at = &l;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, lock_then_timer, &at);
    WEFT_TRY(weft_sleep_ms(20));
    WEFT_CHECK(held_of(t) == NULL);
    WEFT_CHECK_STR(weft_str_of(t->fiber->waits_for), "a timer");
    return 0;
}

static int await_it(weft_task *const *t) { return weft_await(*t); }

TASK_TEST(who_awaits_a_task_waits_for_that_task)
{
    WEFT_SCOPE(s);
    weft_task *slow = weft_spawn(s, sleep_for, &(int){ FOREVER });
    weft_task *t = weft_spawn(s, await_it, &slow);
    world_turn();
    WEFT_NEED(held_of(t) != NULL);
    WEFT_CHECK_STR(weft_str_of(held_of(t)->kind), "task");
    WEFT_CHECK_STR(weft_str_of(held_of(t)->name), "sleep_for");
    WEFT_CHECK(held_of(t)->holder(held_of(t), 0) == slow);
    WEFT_CHECK(held_of(t)->holder(held_of(t), 1) == NULL);
    return 0;
}

static int join_two(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    weft_spawn(s, sleep_for, &(int){ 1 });
    weft_spawn(s, sleep_for, &(int){ FOREVER });
    return weft_join(s);
}

TASK_TEST(who_joins_a_scope_waits_for_its_tasks_that_run)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, join_two);
    WEFT_TRY(weft_sleep_ms(20));
    const weft__held *on = held_of(t);
    WEFT_NEED(on != NULL);
    WEFT_CHECK_STR(weft_str_of(on->kind), "scope");
    weft_task *first = on->holder(on, 0), *second = on->holder(on, 1);
    WEFT_NEED(first && second && first != second);
    WEFT_CHECK(!first->done && !second->done);
    WEFT_CHECK(on->holder(on, 2) == NULL);
    return 0;
}

static int labelled(void)
{
    weft__task_label("GET /items/{item_id}");
    return weft_sleep_ms(FOREVER);
}

TASK_TEST(a_label_belongs_to_one_task)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, labelled), *other = weft_spawn(s, sleep_for, &(int){ FOREVER });
    world_turn();
    WEFT_CHECK_STR(weft_str_of(weft__task_label_of(t)), "GET /items/{item_id}");
    WEFT_CHECK(weft__task_label_of(other) == NULL);
    WEFT_CHECK(weft__task_label_of(weft_task_self()) == NULL);
    weft_task_cancel(t);
    world_ignore(weft_await(t));
    WEFT_CHECK(weft__task_label_of(t) == NULL);
    return 0;
}

WEFT_TEST(a_label_outside_of_a_task_is_no_error) { weft__task_label("nothing"); }

TASK_TEST(a_loop_publishes_its_turns_and_who_runs)
{
    const weft__loop *loop = weft__loop_here();
    uint64_t turns = loop->turns;
    WEFT_CHECK(loop->current == weft__self());
    WEFT_CHECK(!loop->polling);
    WEFT_TRY(weft_sleep_ms(1));
    WEFT_CHECK(loop->turns > turns);
    return 0;
}
