/* What a wait leaves behind when it ends early: nothing. */
#include "task/fiber.h"
#include "world.h"

typedef struct waking { weft__fiber *fiber; int after_ms; } waking;
static int wake_later(const waking *in)
{
    WEFT_TRY(weft_sleep_ms(in->after_ms));
    weft__wake(in->fiber, 0);
    return 0;
}

/* False: on a busy machine the deadline of the first wait came before its wake. */
static bool woken_early_then_late(void)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, wake_later, (&(waking){ weft__self(), 5 }));
    int rc = weft__park("an early wake", start + 30 * 1000000);
    if (rc == WEFT_ETIMEDOUT && !world_now.virtual_time) return false;
    WEFT_CHECK_EQ(rc, 0);
    if (world_now.virtual_time) WORLD_TOOK(start, 5);
    int64_t again = weft_now_ns();
    weft_spawn(s, wake_later, (&(waking){ weft__self(), 60 }));
    WEFT_CHECK_EQ(weft__park("a late wake", INT64_MAX), 0);
    WORLD_TOOK(again, 60);
    return true;
}

TASK_TEST(a_wait_that_was_ended_early_leaves_no_deadline_to_the_next_one)
{
    bool woken = false;
    for (int i = 0; i < 20 && !woken; i++) woken = woken_early_then_late();
    WEFT_CHECK(woken);
    return 0;
}

/* False when this machine was so slow that the wait's own deadline came before that around it was looked at. */
static bool cancelled_then_woken(void)
{
    int64_t start = weft_now_ns();
    bool caught;
    WEFT_SCOPE(s);
    weft_spawn(s, wake_later, (&(waking){ weft__self(), 60 }));
    {
        WEFT_SCOPE(inner, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft__park("a wake", start + 30 * 1000000), WEFT_ETIMEDOUT);
        caught = weft_scope_caught(inner);
        WEFT_CHECK(caught || !world_now.virtual_time);
    }
    WEFT_CHECK_EQ(weft__park("a late wake", INT64_MAX), 0);
    WORLD_TOOK(start, 60);
    return caught;
}

TASK_TEST(a_wait_that_was_cancelled_leaves_no_deadline_to_the_clean_up)
{
    bool caught = false;
    for (int i = 0; i < 20 && !caught; i++) caught = cancelled_then_woken();
    WEFT_CHECK(caught);
    return 0;
}

/* ---- calls that may fail alone ---- */

static int fail_without_output(const failing *in, int *out)
{
    (void)out;
    return fail_later(in);
}

TASK_TEST(a_call_with_error_that_fails_by_itself_leaves_its_scope_running)
{
    int out = 0;
    weft_error err = { 0 };
    witness w = { 0 };
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w, 20, 0 }));
    weft_task *t = weft_spawn(s, fail_without_output, (&(failing){ 5, 409, "taken" }), &out, .error = &err);
    WEFT_CHECK_EQ(weft_await(t), WEFT_STATUS(409));
    WEFT_CHECK_EQ(err.status, 409);
    WEFT_CHECK(!weft_scope_cancelled(s));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(w.rc, 0);
    return 0;
}

/* ---- timers ---- */

typedef struct again { weft__timer timer; weft__timers *all; int fired; } again;
static void once_more(weft__timer *t)
{
    again *a = (again *)t;
    if (++a->fired < 1000) WEFT_CHECK_EQ(weft__timers_start(a->all, t, 5), 0);
}

WEFT_TEST(b23_a_timer_that_starts_itself_anew_fires_once_a_turn)
{
    weft__timers all = { 0 };
    again a = { .timer = { .fire = once_more }, .all = &all };
    WEFT_CHECK_EQ(weft__timers_start(&all, &a.timer, 5), 0);
    for (int turn = 1; turn <= 3; turn++) {
        (void)weft__timers_fire(&all, 10, 8);
        WEFT_CHECK_EQ(a.fired, turn);
    }
    weft__timers_free(&all);
}

/* Of two that are due in one turn the first stops the other. */
typedef struct stopper { weft__timer timer, *other; weft__timers *all; int fired; } stopper;
static void stop_the_other(weft__timer *t)
{
    stopper *a = (stopper *)t;
    a->fired++;
    weft__timers_stop(a->all, a->other);
}

WEFT_TEST(b22_a_timer_stopped_by_one_that_is_due_in_the_same_turn_does_not_fire)
{
    for (int64_t later = 0; later < 3; later++) {
        weft__timers all = { 0 };
        stopper a[2] = { { { .fire = stop_the_other }, &a[1].timer, &all, 0 }, { { .fire = stop_the_other }, &a[0].timer, &all, 0 } };
        WEFT_CHECK_EQ(weft__timers_start(&all, &a[0].timer, 5), 0);
        WEFT_CHECK_EQ(weft__timers_start(&all, &a[1].timer, 5 + later), 0);
        (void)weft__timers_fire(&all, 10, 8);
        (void)weft__timers_fire(&all, 20, 8);
        WEFT_CHECK_EQ(a[0].fired, 1);
        WEFT_CHECK_EQ(a[1].fired, 0);
        weft__timers_free(&all);
    }
}
