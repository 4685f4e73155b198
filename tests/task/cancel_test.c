/* Cancellation: levels, shields, and who catches what. */
#include "world.h"

/* A sleep that is to be cut short. Were it not, since who was to do that has failed, the test is over soon enough; and it goes
 * no further then, because its helpers still know scopes that it would leave. */
enum { LONG = 5000 };

TASK_TEST(b01_a_cancelled_sleep_returns_canceled_and_the_outer_scope_goes_on)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(inner);
        weft_spawn(outer, cancel_later, (&(on_scope){ inner, 10, 0 }));
        WEFT_CHECK(!weft_scope_cancelled(inner));
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        WORLD_TOOK(start, 10);
        WEFT_CHECK(weft_scope_cancelled(inner));
        WEFT_CHECK(weft_scope_caught(inner));
        WEFT_CHECK(!weft_scope_cancelled(outer));
    }
    WEFT_CHECK(!weft_scope_caught(outer));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    WORLD_TOOK(start, 15);
    WEFT_CHECK_EQ(weft_join(outer), 0);
    return 0;
}

TASK_TEST(b02_in_a_scope_cancelled_before_anything_runs_the_first_wait_does_not_block)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_cancel(s);
    WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    WEFT_CHECK(weft_scope_caught(s));
    WORLD_TOOK(start, 0);
    return 0;
}

TASK_TEST(b02_a_scope_opened_inside_a_cancelled_one_is_cancelled_from_its_first_wait)
{
    WEFT_SCOPE(outer);
    weft_cancel(outer);
    {
        WEFT_SCOPE(inner, .timeout_ms = FOREVER);
        WEFT_CHECK(weft_scope_cancelled(inner));
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        WEFT_CHECK(!weft_scope_caught(inner));
    }
    WEFT_CHECK(weft_scope_caught(outer));
    return 0;
}

TASK_TEST(b02_a_call_run_in_a_cancelled_scope_starts_and_is_cancelled_at_its_first_wait)
{
    static witness w;
    w = (witness){ 0 };
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 3 }));
    }
    WEFT_CHECK_EQ(w.began, 1);
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(w.cleaned, 1);
    WEFT_CHECK_EQ(w.ended, 1);
    return 0;
}

static int ended_at_once(void) { return 0; }

TASK_TEST(b03_every_wait_in_a_cancelled_scope_is_cancelled_whatever_was_ignored_before)
{
    static int forever = FOREVER;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    weft_task *running = weft_spawn(outer, sleep_for, &forever);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        for (int i = 0; i < 5; i++) WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_sleep_ms(0), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_sleep_ms(-1), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_await(running), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_join(s), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_gather(weft_call(ended_at_once)), WEFT_ECANCELED);
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    }
    WEFT_CHECK(!weft_task_done(running));
    WEFT_CHECK_EQ(weft_yield(), 0);
    WORLD_TOOK(start, 0);
    return 0;
}

static int turns;
static int count_turns(void)
{
    for (;; turns++) WEFT_TRY(weft_yield());
}

TASK_TEST(a_loop_that_ignores_its_cancellation_lets_the_others_run)
{
    turns = 0;
    WEFT_SCOPE(outer);
    weft_spawn(outer, count_turns);
    WEFT_CHECK_EQ(weft_yield(), 0);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        int before = turns;
        for (int i = 0; i < 100; i++) WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        WEFT_CHECK(turns - before >= 50);
    }
    return 0;
}

TASK_TEST(b04_a_shielded_scope_finishes_its_work_and_the_first_wait_after_it_is_cancelled)
{
    static int twenty = 20;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    {
        WEFT_SCOPE(outer);
        weft_spawn(helpers, cancel_later, (&(on_scope){ outer, 5, 0 }));
        {
            WEFT_SCOPE(inner, .shield = true);
            WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
            WEFT_CHECK(weft_scope_cancelled(outer));
            weft_task *t = weft_spawn(inner, sleep_for, &twenty);
            WEFT_CHECK_EQ(weft_await(t), 0);
            {
                WEFT_SCOPE(innermost);
                WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
                WEFT_CHECK_EQ(weft_join(innermost), 0);
            }
            WEFT_CHECK_EQ(weft_join(inner), 0);
        }
        WORLD_TOOK(start, 40);
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        WEFT_CHECK(weft_scope_caught(outer));
    }
    WORLD_TOOK(start, 40);
    return 0;
}

TASK_TEST(b04_a_shield_raised_inside_a_cancelled_scope_lets_clean_up_wait)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    weft_cancel(outer);
    WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
        WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
        WEFT_CHECK_EQ(weft_yield(), 0);
    }
    WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    WORLD_TOOK(start, 10);
    return 0;
}

TASK_TEST(b04_raising_the_shield_of_an_open_scope_lets_its_waits_succeed_again)
{
    WEFT_SCOPE(outer);
    weft_cancel(outer);
    {
        WEFT_SCOPE(inner);
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        weft_scope_shield(inner, true);
        WEFT_CHECK_EQ(weft_sleep_ms(3), 0);
        weft_scope_shield(inner, false);
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    }
    return 0;
}

TASK_TEST(b04_a_shield_does_not_protect_from_its_own_cancel)
{
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s, .shield = true);
    weft_spawn(helpers, cancel_later, (&(on_scope){ s, 5, 0 }));
    WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    WEFT_CHECK(weft_scope_caught(s));
    return 0;
}

TASK_TEST(b05_a_shield_lifted_while_the_outside_is_cancelled_lets_it_in_at_once)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    {
        WEFT_SCOPE(outer);
        {
            WEFT_SCOPE(inner, .shield = true);
            weft_spawn(helpers, cancel_later, (&(on_scope){ outer, 5, 0 }));
            weft_spawn(helpers, shield_later, (&(on_scope){ inner, 15, false }));
            WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
            WORLD_TOOK(start, 15);
            WEFT_CHECK(!weft_scope_caught(inner));
        }
        WEFT_CHECK(weft_scope_caught(outer));
    }
    WEFT_CHECK_EQ(weft_join(helpers), 0);
    return 0;
}

TASK_TEST(b05_lifting_a_shield_reaches_the_tasks_below_it)
{
    static witness w;
    w = (witness){ 0 };
    WEFT_SCOPE(outer);
    weft_cancel(outer);
    {
        WEFT_SCOPE(inner, .shield = true);
        weft_spawn(inner, witness_task, (&(witnessed){ &w, FOREVER, 0 }));
        WEFT_CHECK_EQ(weft_sleep_ms(3), 0);
        WEFT_CHECK_EQ(w.ended, 0);
        weft_scope_shield(inner, false);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
        WEFT_CHECK_EQ(w.ended, 1);
        WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    }
    return 0;
}

TASK_TEST(b06_the_deadline_of_a_shielded_scope_holds_inside_it)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s, .shield = true, .timeout_ms = 10);
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ETIMEDOUT);
        WORLD_TOOK(start, 10);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}

TASK_TEST(b07_cancelling_a_task_that_has_ended_keeps_its_result)
{
    int out = 0, ten = 10;
    WEFT_SCOPE(outer);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, sleep_for_and_tell, &ten, &out);
    WEFT_CHECK_EQ(weft_await(t), 0);
    weft_task_cancel(t);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(out, 10);
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK(weft_task_done(t));
    return 0;
}

TASK_TEST(b08_a_task_cancelled_twice_cleans_up_once)
{
    static witness w;
    w = (witness){ 0 };
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 20 }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(t);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    weft_task_cancel(t);                     /* in the middle of its clean-up, which is shielded */
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(w.cleaned, 1);
    WEFT_CHECK_EQ(w.ended, 1);
    return 0;
}

TASK_TEST(b08_a_scope_cancelled_twice_cleans_up_once)
{
    static witness w;
    w = (witness){ 0 };
    int64_t start = weft_now_ns();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 20 }));
        WEFT_CHECK_EQ(weft_yield(), 0);
        weft_cancel(s);
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        weft_cancel(s);
    }
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(w.cleaned, 1);
    WORLD_TOOK(start, 20);
    return 0;
}

TASK_TEST(b09_a_scope_cancelled_after_its_last_wait_has_caught_nothing)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        weft_cancel(s);
        WEFT_CHECK(weft_scope_cancelled(s));
        WEFT_CHECK(!weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}

TASK_TEST(b10_an_inner_scope_does_not_catch_what_the_outer_one_cancelled)
{
    WEFT_SCOPE(helpers);
    {
        WEFT_SCOPE(outer);
        weft_spawn(helpers, cancel_later, (&(on_scope){ outer, 5, 0 }));
        {
            WEFT_SCOPE(middle);
            WEFT_SCOPE(inner);
            WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
            WEFT_CHECK(weft_scope_cancelled(inner));
            WEFT_CHECK(!weft_scope_caught(inner));
            WEFT_CHECK(!weft_scope_caught(middle));
            WEFT_CHECK(weft_scope_caught(outer));
        }
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}

static int sleep_in_a_scope_of_its_own(const int *ms)
{
    WEFT_SCOPE(own);
    int rc = weft_sleep_ms(*ms);
    WEFT_CHECK(!weft_scope_caught(own));
    return rc;
}

TASK_TEST(b10_a_scope_inside_a_task_does_not_catch_what_is_cancelled_around_the_task)
{
    int forever = FOREVER;
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, sleep_in_a_scope_of_its_own, &forever);
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    return 0;
}

static int rollback_rc;
static int transaction(const int *rollback_ms)
{
    int rc = weft_sleep_ms(FOREVER);
    WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = 20);
    rollback_rc = weft_sleep_ms(*rollback_ms);
    if (rollback_rc < 0) WEFT_CHECK(weft_scope_caught(cleanup));
    return rc;
}

TASK_TEST(b16_a_shielded_clean_up_may_wait_within_its_bound)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, transaction, (&(int){ 10 }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(rollback_rc, 0);
    WORLD_TOOK(start, 10);
    return 0;
}

TASK_TEST(b16_a_clean_up_that_takes_too_long_ends_at_its_bound)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, transaction, (&(int){ FOREVER }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(rollback_rc, WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 20);
    return 0;
}

TASK_TEST(b16_a_clean_up_after_a_deadline_may_wait_as_well)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s, .timeout_ms = 5);
    WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ETIMEDOUT);
    {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
        WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
    }
    WORLD_TOOK(start, 15);
    WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ETIMEDOUT);
    return 0;
}

static int raise_shield(weft_scope *const *s)
{
    weft_scope_shield(*s, true);
    return 0;
}

TASK_TEST(a_shield_raised_while_a_cancelled_wait_lets_others_run_does_not_make_it_a_success)
{
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(inner);
        weft_cancel(outer);
        weft_spawn(helpers, raise_shield, (&(weft_scope *const){ inner }));
        WEFT_NEED(weft_sleep_ms(LONG) == WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    return 0;
}
