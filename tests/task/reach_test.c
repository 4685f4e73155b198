/* What a cancel reaches and what it spares: tasks, the tasks of tasks, neighbours. */
#include "world.h"

enum { LEVELS = 5 };
static witness at_level[LEVELS + 1];
typedef struct level { int left, shielded_at; } level;

/* One task a level, the next one below in a scope of its own. */
static int descend(const level *in)
{
    if (in->left == 0) return witness_task(&(witnessed){ &at_level[0], 150, 0 });
    WEFT_SCOPE(s, .shield = in->left == in->shielded_at);
    weft_task *below = weft_spawn(s, descend, (&(level){ in->left - 1, in->shielded_at }));
    witness *w = &at_level[in->left];
    w->began++;
    w->rc = weft_await(below);
    w->ended++;
    return w->rc;
}

TASK_TEST(a_cancel_reaches_the_tasks_of_tasks)
{
    int64_t start = weft_now_ns();
    for (int i = 0; i <= LEVELS; i++) at_level[i] = (witness){ 0 };
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, descend, (&(level){ LEVELS, -1 }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    for (int i = 0; i <= LEVELS; i++) WEFT_CHECK_EQ(at_level[i].rc, WEFT_ECANCELED);
    for (int i = 0; i <= LEVELS; i++) WEFT_CHECK_EQ(at_level[i].ended, 1);
    WORLD_TOOK(start, 5);
    return 0;
}

TASK_TEST(a_cancel_stops_at_a_shield_between_tasks_and_that_task_is_waited_for)
{
    int64_t start = weft_now_ns();
    for (int i = 0; i <= LEVELS; i++) at_level[i] = (witness){ 0 };
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, descend, (&(level){ LEVELS, 3 }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    for (int i = 0; i <= 3; i++) WEFT_CHECK_EQ(at_level[i].rc, 0);
    for (int i = 4; i <= LEVELS; i++) WEFT_CHECK_EQ(at_level[i].rc, WEFT_ECANCELED);
    for (int i = 0; i <= LEVELS; i++) WEFT_CHECK_EQ(at_level[i].ended, 1);
    WORLD_TOOK(start, 150);
    return 0;
}

TASK_TEST(cancelling_one_task_spares_its_neighbours_and_its_scope)
{
    static witness w[3];
    for (int i = 0; i < 3; i++) w[i] = (witness){ 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t[3];
    for (int i = 0; i < 3; i++) t[i] = weft_spawn(s, witness_task, (&(witnessed){ &w[i], 150, 0 }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(t[1]);
    WEFT_CHECK_EQ(weft_await(t[1]), WEFT_ECANCELED);
    WORLD_TOOK(start, 5);
    WEFT_CHECK(!weft_scope_cancelled(s));
    WEFT_CHECK_EQ(weft_await(t[0]), 0);
    WEFT_CHECK_EQ(weft_await(t[2]), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_await(t[1]), WEFT_ECANCELED);
    WORLD_TOOK(start, 150);
    return 0;
}

TASK_TEST(a_task_cancelled_before_its_first_turn_runs_to_its_first_wait)
{
    static witness w;
    w = (witness){ 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 0 }));
    weft_task_cancel(t);
    WEFT_CHECK_EQ(w.began, 0);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(w.began, 1);
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    WORLD_TOOK(start, 0);
    return 0;
}

static int await_it(weft_task *const *t) { return weft_await(*t); }

TASK_TEST(cancelling_a_task_that_awaits_another_leaves_the_other_alone)
{
    static witness w;
    w = (witness){ 0 };
    WEFT_SCOPE(s);
    weft_task *target = weft_spawn(s, witness_task, (&(witnessed){ &w, 150, 0 }));
    weft_task *first = weft_spawn(s, await_it, (&(weft_task *const){ target }));
    weft_task *second = weft_spawn(s, await_it, (&(weft_task *const){ target }));
    weft_task *third = weft_spawn(s, await_it, (&(weft_task *const){ target }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(second);
    WEFT_CHECK_EQ(weft_await(second), WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_await(first), 0);
    WEFT_CHECK_EQ(weft_await(third), 0);
    WEFT_CHECK_EQ(w.rc, 0);
    WEFT_CHECK_EQ(w.ended, 1);
    return 0;
}

TASK_TEST(an_await_given_up_can_be_taken_up_again)
{
    int out = 0;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, sleep_for_and_tell, (&(int){ 150 }), &out);
    for (int i = 0; i < 3; i++) {
        WEFT_SCOPE(patience, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(patience));
    }
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(out, 150);
    WORLD_TOOK(start, 150);
    return 0;
}

static int went_on_after_cancel;
typedef struct two_awaits { weft_task *t; int *rc; } two_awaits;
static int await_into(const two_awaits *in)
{
    *in->rc = weft_await(in->t);
    return 0;
}
static int give_three(void) { world_ignore(weft_sleep_ms(5)); return 3; }

/* The owner leaves the scope and opens others before the second awaiter has its turn. */
TASK_TEST(an_await_that_began_before_the_scope_was_left_has_the_result_of_its_task)
{
    int rc = 9;
    WEFT_SCOPE(others);
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, give_three);
        weft_spawn(others, await_into, (&(two_awaits){ t, &rc }));
        WEFT_CHECK_EQ(weft_yield(), 0);
        WEFT_CHECK_EQ(weft_await(t), 3);
    }
    for (int i = 0; i < 3; i++) weft_spawn(others, sleep_for, (&(int){ 1 }));
    WEFT_CHECK_EQ(weft_join(others), 0);
    WEFT_CHECK_EQ(rc, 3);
    return 0;
}

static int cancel_its_own_scope(weft_scope *const *s)
{
    weft_cancel(*s);
    went_on_after_cancel++;
    return weft_sleep_ms(FOREVER);
}

TASK_TEST(a_task_that_cancels_its_own_scope_runs_on_to_its_next_wait)
{
    static witness w;
    w = (witness){ 0 };
    went_on_after_cancel = 0;
    WEFT_SCOPE(s);
    weft_task *other = weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 0 }));
    weft_task *t = weft_spawn(s, cancel_its_own_scope, (&(weft_scope *const){ s }));
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    while (!weft_task_done(t) || !weft_task_done(other)) world_ignore(weft_yield());
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(went_on_after_cancel, 1);
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    return 0;
}

TASK_TEST(a_task_belongs_to_the_scope_it_was_spawned_in_not_to_where_its_spawner_stood)
{
    static witness w;
    w = (witness){ 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(inner);
        weft_cancel(inner);
        weft_spawn(outer, witness_task, (&(witnessed){ &w, 10, 0 }));
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(w.ended, 0);
    WEFT_CHECK_EQ(weft_join(outer), 0);
    WEFT_CHECK_EQ(w.rc, 0);
    WORLD_TOOK(start, 10);
    return 0;
}

TASK_TEST(a_shield_around_the_spawner_does_not_shield_a_task_of_an_outer_scope)
{
    static witness w;
    w = (witness){ 0 };
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(shielded, .shield = true);
        weft_spawn(outer, witness_task, (&(witnessed){ &w, FOREVER, 0 }));
        WEFT_CHECK_EQ(weft_yield(), 0);
        weft_cancel(outer);
        WEFT_CHECK_EQ(weft_sleep_ms(3), 0);
        WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
        WEFT_CHECK_EQ(w.ended, 1);
    }
    return 0;
}

static int spawn_elsewhere(weft_scope *const *s)
{
    static witness w;
    w = (witness){ 0 };
    weft_task *t = weft_spawn(*s, witness_task, (&(witnessed){ &w, 20, 0 }));
    WEFT_CHECK(!weft_task_done(t));
    return 0;
}

TASK_TEST(a_task_spawned_by_a_child_into_its_parents_scope_outlives_the_child)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, spawn_elsewhere, (&(weft_scope *const){ s }));
    WEFT_CHECK_EQ(weft_await(t), 0);
    WORLD_TOOK(start, 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WORLD_TOOK(start, 20);
    return 0;
}

/* Of two tasks woken in the same turn, one cancels the other: it has either its result or the cancel, and
 * is cancelled from its next wait on in both cases. */
enum { PAIRS = 50 };
typedef struct pair { int first, second, done; } pair;
static pair pairs[PAIRS];
static int race_sleeper(const int *i)
{
    pairs[*i].first = weft_sleep_ms(10);
    pairs[*i].second = weft_sleep_ms(FOREVER);
    pairs[*i].done++;
    return pairs[*i].second;
}
static int race_canceller(weft_task *const *t)
{
    WEFT_TRY(weft_sleep_ms(10));
    weft_task_cancel(*t);
    return 0;
}

static int race(bool canceller_first)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = (pair){ 1, 1, 0 };
        t[i] = weft_spawn(s, race_sleeper, &i);
        if (canceller_first) WEFT_CHECK_EQ(weft_yield(), 0);
        weft_spawn(s, race_canceller, (&(weft_task *const){ t[i] }));
    }
    for (int i = 0; i < PAIRS; i++) WEFT_CHECK_EQ(weft_await(t[i]), WEFT_ECANCELED);
    for (int i = 0; i < PAIRS; i++) {
        WEFT_CHECK(pairs[i].first == 0 || pairs[i].first == WEFT_ECANCELED);
        WEFT_CHECK_EQ(pairs[i].second, WEFT_ECANCELED);
        WEFT_CHECK_EQ(pairs[i].done, 1);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WORLD_TOOK(start, 10);
    return 0;
}

TASK_TEST(b12_of_a_cancel_and_an_end_in_the_same_turn_one_is_told) { return race(false); }
TASK_TEST(b12_a_cancel_racing_with_a_timer_set_in_an_earlier_turn_is_not_lost) { return race(true); }

SIM_TEST(a_cancelled_sleep_leaves_no_timer_behind)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < 100; i++) {
        WEFT_SCOPE(inner, .timeout_ms = FOREVER);
        weft_spawn(inner, sleep_for, (&(int){ FOREVER }));
        WEFT_CHECK_EQ(weft_yield(), 0);
        weft_cancel(inner);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    WORLD_TOOK(start, 1);
    return 0;
}

WEFT_TEST(a_loop_ends_when_its_tasks_have_ended_and_not_when_their_timers_would__sim)
{
    world_open_sim(0);
    int64_t before = world_now.os->ops->now_ns(world_now.os);
    WEFT_CHECK_EQ(world_run(weft_call(a_cancelled_sleep_leaves_no_timer_behind)), 0);
    int64_t took = world_now.os->ops->now_ns(world_now.os) - before;
    WEFT_CHECK(took >= 1000000 && took < 2000000);
    world_close();
}
