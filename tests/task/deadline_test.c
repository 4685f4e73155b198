/* Deadlines of scopes and calls. */
#include "world.h"
#include <stdio.h>
#include <string.h>

TASK_TEST(b17_a_scope_whose_deadline_has_passed_runs_to_its_first_wait)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s, .timeout_ms = -1);
        int ran = 1;
        WEFT_CHECK(weft_scope_cancelled(s));
        WEFT_CHECK(!weft_scope_caught(s));
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
        WEFT_CHECK_EQ(weft_yield(), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(ran, 1);
    }
    WEFT_CHECK(!weft_scope_cancelled(outer));
    WEFT_CHECK_EQ(weft_yield(), 0);
    WORLD_TOOK(start, 0);
    return 0;
}

TASK_TEST(b18_a_passed_deadline_is_a_timeout_again_and_again)
{
    static witness w;
    w = (witness){ 0 };
    int64_t start = weft_now_ns();
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 0 }));
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WORLD_TOOK(start, 10);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_cancelled(s));
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(w.rc, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(w.ended, 1);
    WORLD_TOOK(start, 10);
    return 0;
}

TASK_TEST(b18_when_the_outside_is_cancelled_as_well_the_cancel_wins)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(inner, .timeout_ms = -1);
        weft_cancel(outer);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
        WEFT_CHECK(!weft_scope_caught(inner));
        WEFT_CHECK(weft_scope_caught(outer));
    }
    return 0;
}

TASK_TEST(b18_an_outer_cancel_that_comes_after_the_timeout_wins_from_then_on)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(inner, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        weft_cancel(outer);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    return 0;
}

TASK_TEST(b18_a_scope_cancelled_after_its_deadline_has_timed_out_all_the_same)
{
    WEFT_SCOPE(s, .timeout_ms = 5);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    return 0;
}

TASK_TEST(b18_a_scope_cancelled_before_its_deadline_stays_cancelled)
{
    WEFT_SCOPE(s, .timeout_ms = 5);
    weft_cancel(s);
    {
        WEFT_SCOPE(shielded, .shield = true);
        WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    return 0;
}

TASK_TEST(b19_of_nested_deadlines_the_inner_one_fires_first_and_ends_only_its_scope)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer, .timeout_ms = FOREVER);
    {
        WEFT_SCOPE(inner, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(inner));
    }
    WEFT_CHECK(!weft_scope_cancelled(outer));
    WEFT_CHECK(!weft_scope_caught(outer));
    WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
    WORLD_TOOK(start, 20);
    return 0;
}

TASK_TEST(b19_an_outer_deadline_that_is_nearer_ends_the_inner_scope_too)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(root);
    {
        WEFT_SCOPE(outer, .timeout_ms = 10);
        {
            WEFT_SCOPE(inner, .timeout_ms = FOREVER);
            WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
            WORLD_TOOK(start, 10);
            WEFT_CHECK(weft_scope_cancelled(inner));
            WEFT_CHECK(!weft_scope_caught(inner));
            WEFT_CHECK(weft_scope_caught(outer));
        }
        WEFT_CHECK_EQ(weft_yield(), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

static int sleep_within(const int *timeout_ms)
{
    WEFT_SCOPE(own, .timeout_ms = *timeout_ms);
    int rc = weft_sleep_ms(FOREVER);
    WEFT_CHECK(weft_scope_caught(own));
    return rc == WEFT_ETIMEDOUT && weft_scope_caught(own) ? 0 : rc;
}

TASK_TEST(b19_many_nested_deadlines_each_end_their_own_scope_in_order)
{
    enum { N = 20 };
    int64_t start = weft_now_ns();
    static weft_scope scopes[N];
    for (int i = 0; i < N; i++) {
        scopes[i] = (weft_scope){ .opts = { .timeout_ms = (N - i) * 2 }, .place = WEFT__HERE };
        weft__scope_enter(&scopes[i]);
    }
    for (int i = N - 1; i >= 0; i--) {
        weft_scope *s = &scopes[i];
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WORLD_TOOK(start, (N - i) * 2);
        /* on a busy machine several may pass at once, and the outermost then has its say */
        if (world_now.virtual_time) WEFT_CHECK(weft_scope_caught(s));
        if (world_now.virtual_time && i > 0) WEFT_CHECK(!weft_scope_cancelled(&scopes[i - 1]));
        weft__scope_leave(&s);
    }
    return 0;
}

TASK_TEST(b19_deadlines_of_different_tasks_do_not_touch_each_other)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int ms = 30; ms > 0; ms--) weft_spawn(s, sleep_within, &ms);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WORLD_TOOK(start, 30);
    return 0;
}

TASK_TEST(b20_a_deadline_moved_later_while_waiting_holds)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s, .timeout_ms = 150);
    weft_spawn(helpers, move_later, (&(on_scope){ s, 5, 200 }));
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 205);
    return 0;
}

TASK_TEST(b20_a_deadline_moved_earlier_while_waiting_holds)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s, .timeout_ms = FOREVER);
    weft_spawn(helpers, move_later, (&(on_scope){ s, 5, 10 }));
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 15);
    WEFT_CHECK(weft_scope_caught(s));
    return 0;
}

TASK_TEST(b20_a_deadline_given_to_a_scope_without_one_while_waiting_holds)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s);
    weft_spawn(helpers, move_later, (&(on_scope){ s, 5, 10 }));
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 15);
    return 0;
}

TASK_TEST(b20_a_deadline_taken_away_while_waiting_does_not_fire)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s, .timeout_ms = 150);
    weft_spawn(helpers, move_later, (&(on_scope){ s, 5, 0 }));
    WEFT_CHECK_EQ(weft_sleep_ms(200), 0);
    WORLD_TOOK(start, 200);
    WEFT_CHECK(!weft_scope_cancelled(s));
    return 0;
}

TASK_TEST(b20_a_deadline_moved_into_the_past_has_passed)
{
    WEFT_SCOPE(outer);
    WEFT_SCOPE(s, .timeout_ms = FOREVER);
    weft_scope_deadline(s, -1);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    WEFT_CHECK(weft_scope_caught(s));
    return 0;
}

SIM_TEST(b20_a_deadline_moved_often_neither_wakes_the_sleeper_nor_fires_early)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        for (int i = 1; i <= 20; i++) weft_spawn(helpers, move_later, (&(on_scope){ s, i, 10 + i % 7 }));
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    }
    WORLD_TOOK(start, 20 + 10 + 20 % 7);
    return 0;
}

TASK_TEST(a_passed_deadline_cannot_be_moved_away)
{
    WEFT_SCOPE(outer);
    WEFT_SCOPE(s, .timeout_ms = 5);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    weft_scope_deadline(s, FOREVER);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    weft_scope_deadline(s, 0);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    return 0;
}

TASK_TEST(a_deadline_that_passes_without_a_wait_after_it_is_not_caught)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        {
            WEFT_SCOPE(shielded, .shield = true);
            WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
        }
        WEFT_CHECK(weft_scope_cancelled(s));
        WEFT_CHECK(!weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(leaving_a_scope_before_its_deadline_ends_the_deadline)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    for (int i = 0; i < 50; i++) {
        WEFT_SCOPE(s, .timeout_ms = 100);
        if (i % 2) continue;
        WEFT_CHECK_EQ(weft_yield(), 0);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(150), 0);
    WORLD_TOOK(start, 150);
    return 0;
}

TASK_TEST(a_scope_left_in_the_turn_of_its_deadline_is_left_in_peace)
{
    WEFT_SCOPE(outer);
    for (int i = 0; i < 20; i++) {
        {
            WEFT_SCOPE(s, .timeout_ms = 3);
            int rc = weft_sleep_ms(3);
            WEFT_CHECK(rc == 0 || (rc == WEFT_ETIMEDOUT && weft_scope_caught(s)));
        }
        WEFT_CHECK_EQ(weft_yield(), 0);
    }
    return 0;
}

/* ---- deadlines of single calls ---- */

typedef struct slow { int sleep_ms, clean_ms, rc; } slow;
static int slow_call(const slow *in, int *out)
{
    int rc = weft_sleep_ms(in->sleep_ms);
    if (rc < 0) {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
        if (in->clean_ms) WEFT_CHECK_EQ(weft_sleep_ms(in->clean_ms), 0);
    }
    if (in->rc != 1) WEFT_TRY(in->rc ? in->rc : rc);
    *out = 42;
    return 0;
}

TASK_TEST(b32_a_call_that_times_out_has_cleaned_up_before_it_is_reported)
{
    int out = 7;
    int64_t start = weft_now_ns();
    int rc = weft_gather(weft_call(slow_call, (&(slow){ FOREVER, 20, 0 }), &out, .timeout_ms = 10));
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(out, 7);
    WORLD_TOOK(start, 30);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(b32_a_call_that_ends_well_in_the_moment_of_its_timeout_has_its_result)
{
    int out = 7;
    WEFT_CHECK_EQ(weft_gather(weft_call(slow_call, (&(slow){ FOREVER, 0, 1 }), &out, .timeout_ms = 10)), 0);
    WEFT_CHECK_EQ(out, 42);
    WEFT_SCOPE(s);
    out = 7;
    weft_task *t = weft_spawn(s, slow_call, (&(slow){ FOREVER, 5, 1 }), &out, .timeout_ms = 10);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(out, 42);
    return 0;
}

TASK_TEST(b32_an_await_that_times_out_leaves_the_clean_up_to_the_end_of_the_scope)
{
    static witness w;
    w = (witness){ 0 };
    int64_t start = weft_now_ns();
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        weft_task *t = weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 20 }));
        WEFT_CHECK_EQ(weft_await(t), WEFT_ETIMEDOUT);
        WORLD_TOOK(start, 10);
        WEFT_CHECK(!weft_task_done(t));
    }
    WEFT_CHECK_EQ(w.ended, 1);
    WORLD_TOOK(start, 30);
    return 0;
}

TASK_TEST(the_timeout_of_a_call_with_error_ends_that_call_alone)
{
    int out = 7, other = 0;
    weft_error err = { .code = 1 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, slow_call, (&(slow){ FOREVER, 0, 0 }), &out, .timeout_ms = 10, .error = &err);
    weft_task *u = weft_spawn(s, slow_call, (&(slow){ 20, 0, 0 }), &other);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 10);
    WEFT_CHECK_EQ(err.code, WEFT_ETIMEDOUT);
    WEFT_CHECK(err.text && err.text[0]);
    WEFT_CHECK_EQ(out, 7);
    WEFT_CHECK_EQ(weft_await(u), 0);
    WEFT_CHECK_EQ(other, 42);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WORLD_TOOK(start, 20);
    return 0;
}

TASK_TEST(the_timeout_of_a_call_without_error_is_a_failure_of_its_scope)
{
    static witness w;
    w = (witness){ 0 };
    int out = 7;
    int64_t start = weft_now_ns();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, witness_task, (&(witnessed){ &w, FOREVER, 0 }));
        weft_spawn(s, slow_call, (&(slow){ FOREVER, 0, 0 }), &out, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WORLD_TOOK(start, 10);
    }
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    return 0;
}

TASK_TEST(a_call_that_ends_before_its_timeout_is_not_touched_by_it)
{
    int out = 0;
    weft_error err;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, slow_call, (&(slow){ 5, 0, 0 }), &out, .timeout_ms = 15, .error = &err);
    WEFT_CHECK_EQ(weft_sleep_ms(30), 0);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(err.code, 0);
    WEFT_CHECK_EQ(out, 42);
    return 0;
}

/* ---- what is said of one ---- */

static bool says_deadline(const weft_error *e, int ms, int line)
{
    char want[200];
    snprintf(want, sizeof want, "the deadline of %d ms set at %s:%d passed", ms, __FILE__, line);
    if (strcmp(e->text, want) == 0) return true;
    printf("expected '%s', got '%s'\n", want, e->text);
    return false;
}

static int pass_on(const int *ms)
{
    WEFT_TRY(weft_sleep_ms(*ms), "while sleeping");
    return 0;
}
static int sleeps_for_ever(void) { return weft_sleep_ms(FOREVER); }
static int has_words_of_its_own(void) { return weft_sleep_ms(FOREVER) < 0 ? weft_fail(WEFT_ETIMEDOUT, "too late") : 0; }

TASK_TEST(a_failure_by_a_deadline_says_which_one)
{
    WEFT_SCOPE(outer, .timeout_ms = FOREVER);
    WEFT_SCOPE(s, .timeout_ms = 10); int line = __LINE__;
    WEFT_SCOPE(inner, .timeout_ms = FOREVER);
    int rc = pass_on(&(int){ FOREVER });
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(says_deadline(weft_error_of(rc), 10, line));
    WEFT_CHECK(strstr(weft_error_of(rc)->trace, "while sleeping") != NULL);
    return 0;
}

TASK_TEST(a_call_that_was_late_says_by_how_much_and_others_keep_their_words)
{
    weft_error e[3];
    WEFT_TRY(weft_gather(
        weft_call(sleeps_for_ever, NULL, NULL, .timeout_ms = 10, .error = &e[0]),
        weft_call(pass_on, (&(int){ FOREVER }), NULL, .timeout_ms = 20, .error = &e[1]),
        weft_call(has_words_of_its_own, NULL, NULL, .timeout_ms = 5, .error = &e[2])));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(e[i].code, WEFT_ETIMEDOUT);
    WEFT_CHECK(strncmp(e[0].text, "the deadline of 10 ms set at ", 29) == 0);
    WEFT_CHECK(strncmp(e[1].text, "the deadline of 20 ms set at ", 29) == 0);
    WEFT_CHECK_STR(weft_str_of(e[2].text), "too late");
    return 0;
}

TASK_TEST(a_deadline_that_was_moved_says_where_it_was_moved_to)
{
    WEFT_SCOPE(s, .timeout_ms = FOREVER); int line = __LINE__;
    weft_scope_deadline(s, 15);
    int rc = pass_on(&(int){ FOREVER });
    WEFT_CHECK(says_deadline(weft_error_of(rc), 15, line));
    return 0;
}

static int passes_on(int rc)
{
    WEFT_TRY(rc);
    return 0;
}

TASK_TEST(the_second_deadline_of_a_task_is_not_taken_for_the_first)
{
    int rc = 0, line = 0;
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        rc = pass_on(&(int){ FOREVER });
    }
    {
        WEFT_SCOPE(s, .timeout_ms = 7); line = __LINE__;
        rc = weft_sleep_ms(FOREVER);
    }
    WEFT_CHECK_EQ(passes_on(rc), WEFT_ETIMEDOUT);    /* recorded when its scope is gone */
    WEFT_CHECK(says_deadline(weft_error_of(rc), 7, line));
    return 0;
}
