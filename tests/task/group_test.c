/* Several tasks in a scope: failures, their order, and that nothing outlives its scope. */
#include "world.h"
#include <stdio.h>
#include <string.h>

static witness w[4];
static void forget_witnesses(void) { memset(w, 0, sizeof w); }

static int host_waits_while_a_child_fails(void)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w[0], FOREVER, 5 }));
    weft_spawn(s, fail_later, (&(failing){ 10, 409, "boom" }));
    weft_spawn(s, witness_task, (&(witnessed){ &w[1], FOREVER, 15 }));
    int rc = weft_sleep_ms(FOREVER);
    WORLD_TOOK(start, 10);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(409));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "boom");
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 409);
    WEFT_CHECK(weft_scope_cancelled(s));
    WEFT_CHECK(weft_sleep_ms(FOREVER) < 0);
    return rc;
}

TASK_TEST(b26_a_child_that_fails_cancels_its_siblings_and_the_host_and_all_are_awaited)
{
    forget_witnesses();
    int64_t start = weft_now_ns();
    int rc = host_waits_while_a_child_fails();
    WORLD_TOOK(start, 25);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(409));
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(w[i].rc, WEFT_ECANCELED);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(w[i].ended, 1);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "boom");
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}

TASK_TEST(b26_a_join_returns_the_first_failure_after_all_have_ended)
{
    forget_witnesses();
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        weft_spawn(s, witness_task, (&(witnessed){ &w[0], FOREVER, 20 }));
        weft_spawn(s, fail_later, (&(failing){ 10, 500, "first" }));
        WEFT_CHECK_EQ(weft_join(s), WEFT_STATUS(500));
        WEFT_CHECK_EQ(w[0].ended, 1);
        WEFT_CHECK_EQ(w[0].rc, WEFT_ECANCELED);
        WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_STATUS(500))->text), "first");
        WORLD_TOOK(start, 30);
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(b26_an_await_of_a_sibling_returns_the_failure_of_the_other_to_the_host)
{
    forget_witnesses();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        weft_task *sibling = weft_spawn(s, witness_task, (&(witnessed){ &w[0], FOREVER, 0 }));
        weft_task *bad = weft_spawn(s, fail_later, (&(failing){ 5, 418, "teapot" }));
        WEFT_CHECK_EQ(weft_await(sibling), WEFT_STATUS(418));
        WEFT_CHECK_EQ(weft_await(bad), WEFT_STATUS(418));
        WEFT_CHECK_EQ(weft_await(bad), WEFT_STATUS(418));
        WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_STATUS(418))->text), "teapot");
    }
    WEFT_CHECK_EQ(w[0].ended, 1);
    return 0;
}

TASK_TEST(b26_a_failure_told_to_the_host_is_not_caught_it_must_be_passed_on)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        weft_spawn(s, fail_later, (&(failing){ 5, 500, "real" }));
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_STATUS(500));
        WEFT_CHECK(weft_scope_cancelled(s));
        WEFT_CHECK(!weft_scope_caught(s));
    }
    return 0;
}

TASK_TEST(b26_a_failure_while_the_host_is_busy_meets_it_at_its_next_wait)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        {
            WEFT_SCOPE(busy, .shield = true);
            weft_spawn(s, fail_later, (&(failing){ 5, 500, "while shielded" }));
            WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
        }
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_STATUS(500));
        WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_STATUS(500))->text), "while shielded");
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(b26_a_cancel_after_the_failure_does_not_hide_it)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        {
            WEFT_SCOPE(busy, .shield = true);
            weft_spawn(s, fail_later, (&(failing){ 2, 500, "the reason" }));
            WEFT_CHECK_EQ(weft_sleep_ms(50), 0);
        }
        weft_cancel(s);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_STATUS(500));
        WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_STATUS(500))->text), "the reason");
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(b26_a_failure_reaches_the_host_in_a_scope_further_in)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        weft_spawn(s, fail_later, (&(failing){ 5, 500, "below" }));
        {
            WEFT_SCOPE(inner, .timeout_ms = FOREVER);
            WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_STATUS(500));
            WEFT_CHECK(!weft_scope_caught(inner));
        }
        WEFT_CHECK(weft_sleep_ms(FOREVER) < 0);
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    WORLD_TOOK(start, 5);
    return 0;
}

static int host_fails(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w[0], FOREVER, 10 }));
    weft_spawn(s, witness_task, (&(witnessed){ &w[1], FOREVER, 20 }));
    WEFT_TRY(weft_sleep_ms(5));
    return weft_fail(403, "the host itself");
}

TASK_TEST(b27_when_the_host_fails_its_children_are_cancelled_and_awaited_first)
{
    forget_witnesses();
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(host_fails(), WEFT_STATUS(403));
    WORLD_TOOK(start, 25);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(w[i].rc, WEFT_ECANCELED);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(w[i].ended, 1);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_STATUS(403))->text), "the host itself");
    return 0;
}

static int fail_in_clean_up(const failing *in)
{
    int rc = weft_sleep_ms(in->after_ms);
    return rc < 0 ? weft_fail(in->code, "%s", in->text) : 0;
}

TASK_TEST(b28_when_two_children_fail_the_first_is_returned_with_the_other_attached)
{
    WEFT_SCOPE(outer);
    {
        WEFT_SCOPE(s);
        weft_spawn(s, fail_later, (&(failing){ 5, 501, "one" }));
        weft_spawn(s, fail_in_clean_up, (&(failing){ FOREVER, 502, "the other text" }));
        weft_spawn(s, sleep_for, (&(int){ FOREVER }));
        WEFT_CHECK_EQ(weft_join(s), WEFT_STATUS(501));
    }
    const weft_error *e = weft_error_of(WEFT_STATUS(501));
    WEFT_CHECK_STR(weft_str_of(e->text), "one");
    WEFT_CHECK_EQ(world_count_in(e->trace, "the other text"), 1);
    WEFT_CHECK_EQ(world_count_in(e->trace, "fail_in_clean_up"), 1);
    WEFT_CHECK_EQ(world_count_in(e->trace, "sleep_for"), 0);
    return 0;
}

static void fail_twice_unheard(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, fail_later, (&(failing){ 0, 501, "one" }));
    weft_spawn(s, fail_in_clean_up, (&(failing){ FOREVER, 502, "the other text" }));
    {
        WEFT_SCOPE(shielded, .shield = true);
        world_ignore(weft_sleep_ms(2));
    }
}

TASK_TEST(b28_when_two_children_fail_and_nobody_asks_both_are_logged)
{
    world_capture_begin();
    fail_twice_unheard();
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "one"), 1);
    WEFT_CHECK_EQ(world_count_in(log, "the other text"), 1);
    return 0;
}

/* As a peer may have said it. */
static const char hostile[] = "bad reply \033[2J\xc2\x9b\rx\nweft: all is well";

static void fail_with_what_a_peer_said(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, fail_later, (&(failing){ 0, 501, hostile }));
    WEFT_SCOPE(shielded, .shield = true);
    world_ignore(weft_sleep_ms(2));
}

TASK_TEST(what_a_peer_said_makes_no_line_in_the_log_and_drives_no_terminal)
{
    world_capture_begin();
    fail_with_what_a_peer_said();
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "bad reply \\x1b[2J\\xc2\\x9b\\x0dx\\nweft: all is well"), 1);
    WEFT_CHECK_EQ(world_count_in(log, "\nweft: all is well"), 0);
    WEFT_CHECK(!strpbrk(log, "\033\r\x9b"));
    return 0;
}

static void fail_again_after_the_first_was_told(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, fail_later, (&(failing){ 2, 501, "one" }));
    weft_spawn(s, fail_in_clean_up, (&(failing){ FOREVER, 502, "the other text" }));
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_STATUS(501));
}

TASK_TEST(b28_a_failure_that_comes_after_the_first_was_told_is_not_lost)
{
    world_capture_begin();
    fail_again_after_the_first_was_told();
    const char *log = world_capture_end();
    const weft_error *e = weft_error_of(WEFT_STATUS(501));
    WEFT_CHECK_EQ(world_count_in(log, "the other text") + world_count_in(e->trace, "the other text"), 1);
    return 0;
}

TASK_TEST(b28_a_cancelled_sibling_that_ends_before_the_failure_is_joined_is_no_failure)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, sleep_for, (&(int){ FOREVER }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK(weft_task_done(t));
    weft_spawn(s, fail_later, (&(failing){ 5, 501, "the failure" }));
    WEFT_CHECK_EQ(weft_join(s), WEFT_STATUS(501));
    return 0;
}

TASK_TEST(a_failed_call_with_error_leaves_its_scope_running)
{
    forget_witnesses();
    int out = 7;
    weft_error err = { .code = 99 }, fine = { .code = 99 };
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w[0], 20, 0 }));
    weft_task *t = weft_spawn(s, sleep_for_and_tell, (&(int){ FOREVER }), &out, .error = &err);
    weft_task *u = weft_spawn(s, sleep_for_and_tell, (&(int){ 5 }), &out, .error = &fine);
    WEFT_CHECK_EQ(weft_sleep_ms(10), 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(err.code, WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_await(u), 0);
    WEFT_CHECK_EQ(fine.code, 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(w[0].rc, 0);
    return 0;
}

/* ---- spawning where it is too late ---- */

TASK_TEST(b29_a_spawn_into_a_scope_already_left_is_a_task_that_has_failed)
{
    forget_witnesses();
    static weft_scope left;
    left = (weft_scope){ .place = WEFT__HERE };
    weft_scope *s = weft__scope_enter(&left);
    weft__scope_leave(&s);
    weft_task *t = weft_spawn(s, witness_task, (&(witnessed){ &w[0], 0, 0 }));
    WEFT_NEED(t != NULL);
    WEFT_CHECK(weft_task_done(t));
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECLOSED);
    weft_task_cancel(t);
    WEFT_CHECK(weft_task_name(t) && weft_task_place(t));
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK_EQ(w[0].began, 0);
    return 0;
}

TASK_TEST(b29_a_refused_call_with_error_is_told_why)
{
    static weft_scope left;
    weft_error err = { .code = 9 };
    int out = 7;
    left = (weft_scope){ .place = WEFT__HERE };
    weft_scope *s = weft__scope_enter(&left);
    weft__scope_leave(&s);
    WEFT_CHECK_EQ(weft_await(weft_spawn(s, sleep_for_and_tell, (&(int){ 1 }), &out, .error = &err)), WEFT_ECLOSED);
    WEFT_CHECK_EQ(err.code, WEFT_ECLOSED);
    WEFT_CHECK(err.text != NULL);
    WEFT_CHECK_EQ(out, 7);
    return 0;
}

static int spawn_while_leaving_rc;
static int spawn_in_clean_up(weft_scope *const *s)
{
    int rc = weft_sleep_ms(FOREVER);
    WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
    weft_task *t = weft_spawn(*s, witness_task, (&(witnessed){ &w[0], FOREVER, 5 }));
    spawn_while_leaving_rc = weft_await(t);
    return rc;
}

TASK_TEST(b29_a_spawn_into_a_scope_being_left_is_refused_or_cancelled_and_never_lost)
{
    forget_witnesses();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, spawn_in_clean_up, (&(weft_scope *const){ s }));
        WEFT_CHECK_EQ(weft_yield(), 0);
    }
    WEFT_CHECK(spawn_while_leaving_rc == WEFT_ECLOSED || spawn_while_leaving_rc == WEFT_ECANCELED);
    WEFT_CHECK_EQ(w[0].began, w[0].ended);
    WEFT_CHECK_EQ(w[0].began, spawn_while_leaving_rc == WEFT_ECANCELED);
    return 0;
}

static int spawn_once_more(weft_scope *const *s)
{
    WEFT_TRY(weft_sleep_ms(5));
    weft_spawn(*s, witness_task, (&(witnessed){ &w[0], 10, 0 }));
    return 0;
}

TASK_TEST(b29_a_join_also_waits_for_tasks_spawned_while_it_waits)
{
    forget_witnesses();
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, spawn_once_more, (&(weft_scope *const){ s }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(w[0].ended, 1);
    WORLD_TOOK(start, 15);
    weft_spawn(s, spawn_once_more, (&(weft_scope *const){ s }));      /* a joined scope is still open */
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(w[0].ended, 2);
    return 0;
}

static bool others_ran;
static int return_seven(void) { return 7; }
static int return_eight(void) { return 8; }

static int join_it(weft_scope *const *s) { return weft_join(*s); }

TASK_TEST(a_scope_can_be_joined_by_another_task_and_by_its_owner_at_once)
{
    forget_witnesses();
    int64_t start = weft_now_ns();
    WEFT_SCOPE(others);
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w[0], 10, 0 }));
    weft_task *a = weft_spawn(others, join_it, (&(weft_scope *const){ s }));
    weft_task *b = weft_spawn(others, join_it, (&(weft_scope *const){ s }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_await(a), 0);
    WEFT_CHECK_EQ(weft_await(b), 0);
    WORLD_TOOK(start, 10);
    return 0;
}

static int joined_rc;
static int join_and_keep_the_code(weft_scope *const *s)
{
    joined_rc = weft_join(*s);
    return 0;
}

/* What the owner does next lies where the scope was. */
static __attribute__((noinline)) void leave_while_another_joins(weft_scope *others)
{
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w[0], FOREVER, 5 }));
    weft_spawn(others, join_and_keep_the_code, (&(weft_scope *const){ s }));
    world_ignore(weft_sleep_ms(2));
}

static __attribute__((noinline)) int write_over_the_stack(void)
{
    char bytes[4096];
    memset(bytes, 0x55, sizeof bytes);
    __asm__ volatile("" : : "r"(bytes) : "memory");
    return bytes[17];
}

TASK_TEST(a_join_that_has_begun_is_safe_when_the_scope_is_left)
{
    forget_witnesses();
    joined_rc = 1;
    WEFT_SCOPE(others);
    leave_while_another_joins(others);
    WEFT_CHECK_EQ(write_over_the_stack(), 0x55);
    WEFT_CHECK_EQ(weft_join(others), 0);
    WEFT_CHECK_EQ(w[0].ended, 1);
    WEFT_CHECK_EQ(joined_rc, 0);
    return 0;
}

/* ---- an await of what has ended ---- */

static int await_again_and_again(weft_task *const *t)
{
    for (int i = 0; i < 1000; i++) {
        int rc = weft_await(*t);
        if (!WEFT_CHECK_EQ(rc, 7)) return 0;
        if (others_ran) return 0;
    }
    return 0;
}

/* Its handle is used again at once, by a task that returns something else. */
static int leave_then_reuse_the_handle(weft_scope *others)
{
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, return_seven);
        WEFT_CHECK_EQ(weft_await(t), 7);
        weft_spawn(others, await_again_and_again, (&(weft_task *const){ t }));
        WEFT_CHECK_EQ(weft_yield(), 0);
    }
    others_ran = true;
    WEFT_SCOPE(s);
    return weft_await(weft_spawn(s, return_eight));
}

TASK_TEST(an_await_of_what_has_ended_is_safe_when_the_scope_is_left_while_others_run)
{
    others_ran = false;
    WEFT_SCOPE(others);
    WEFT_CHECK_EQ(leave_then_reuse_the_handle(others), 8);
    WEFT_CHECK_EQ(weft_join(others), 0);
    return 0;
}

/* ---- empty scopes yield ---- */

static int note_others_ran(void) { others_ran = true; return 0; }

TASK_TEST(b34_joining_an_empty_scope_lets_others_run)
{
    others_ran = false;
    WEFT_SCOPE(outer);
    weft_spawn(outer, note_others_ran);
    WEFT_SCOPE(s);
    for (int i = world_now.fifo; i < 2; i++) WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(others_ran);
    return 0;
}

TASK_TEST(b34_a_loop_over_empty_scopes_does_not_starve_others)
{
    others_ran = false;
    int rounds = 0;
    WEFT_SCOPE(outer);
    weft_spawn(outer, note_others_ran);
    for (; !others_ran && rounds < 1000000; rounds++) {
        WEFT_SCOPE(s);
    }
    WEFT_CHECK(others_ran);
    return 0;
}

/* ---- nothing outlives ---- */

static int parent_that_returns_at_once(const int *depth)
{
    WEFT_SCOPE(s);
    if (*depth) weft_spawn(s, parent_that_returns_at_once, (&(int){ *depth - 1 }));
    weft_spawn(s, witness_task, (&(witnessed){ &w[*depth], FOREVER, 5 }));
    return 0;
}

TASK_TEST(b35_no_child_outlives_its_parent)
{
    forget_witnesses();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, parent_that_returns_at_once, (&(int){ 3 }));
    WEFT_CHECK_EQ(weft_await(t), 0);
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(w[i].began, 1);
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(w[i].ended, 1);
    return 0;
}

static int leave_in_many_ways(const int *how)
{
    for (int i = 0; i < 3; i++) {
        WEFT_SCOPE(s);
        weft_spawn(s, witness_task, (&(witnessed){ &w[0], FOREVER, 0 }));
        if (*how == 0) continue;
        if (*how == 1) break;
        if (*how == 2) goto out;
        if (*how == 3) return 1;
        WEFT_TRY(-5);
    }
out:
    return 0;
}

TASK_TEST(b35_however_a_block_is_left_its_tasks_have_ended)
{
    static const int began[] = { 3, 1, 1, 1, 1 };
    static const int returns[] = { 0, 0, 0, 1, -5 };
    for (int how = 0; how < 5; how++) {
        forget_witnesses();
        WEFT_CHECK_EQ(leave_in_many_ways(&how), returns[how]);
        WEFT_CHECK_EQ(w[0].began, began[how]);
        WEFT_CHECK_EQ(w[0].ended, began[how]);
    }
    return 0;
}

/* ---- what nobody awaited is logged ---- */

static int lonely_failure(const failing *in) { return fail_later(in); }
enum { LONELY_LINE = __LINE__ + 5 };
static void leave_a_failure_alone(void)
{
    failing in = { 0, 500, "nobody asked" };
    WEFT_SCOPE(s);
    weft_spawn(s, lonely_failure, &in);
}

TASK_TEST(b36_a_failure_that_nobody_awaited_is_logged_once_with_name_place_and_text)
{
    char place[64];
    snprintf(place, sizeof place, "group_test.c:%d", LONELY_LINE);
    world_capture_begin();
    leave_a_failure_alone();
    world_ignore(weft_sleep_ms(2));
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "lonely_failure"), 1);
    WEFT_CHECK_EQ(world_count_in(log, "nobody asked"), 1);
    WEFT_CHECK(world_count_in(log, place) >= 1);
    return 0;
}

static int awaited_failures(void)
{
    weft_error err;
    failing in = { 0, 500, "somebody asked" };
    {
        WEFT_SCOPE(s);
        WEFT_CHECK_EQ(weft_await(weft_spawn(s, lonely_failure, &in)), WEFT_STATUS(500));
    }
    {
        WEFT_SCOPE(s);
        weft_spawn(s, lonely_failure, &in);
        WEFT_CHECK_EQ(weft_join(s), WEFT_STATUS(500));
    }
    {
        WEFT_SCOPE(s);
        weft_spawn(s, lonely_failure, &in);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_STATUS(500));
    }
    WEFT_CHECK_EQ(weft_gather(weft_call(lonely_failure, &in)), WEFT_STATUS(500));
    int out = 0;
    WEFT_CHECK_EQ(weft_gather(weft_call(sleep_for_and_tell, (&(int){ FOREVER }), &out, .timeout_ms = 2, .error = &err)), 0);
    return 0;
}

TASK_TEST(b36_a_failure_that_was_told_to_somebody_is_not_logged)
{
    world_capture_begin();
    int rc = awaited_failures();
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(world_count_in(log, "lonely_failure"), 0);
    WEFT_CHECK_EQ(world_count_in(log, "somebody asked"), 0);
    return 0;
}

TASK_TEST(b36_a_task_that_was_cancelled_is_not_logged)
{
    world_capture_begin();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, sleep_for, (&(int){ FOREVER }));
        weft_task_cancel(weft_spawn(s, sleep_for, (&(int){ FOREVER })));
        world_ignore(weft_sleep_ms(2));
    }
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "sleep_for"), 0);
    return 0;
}
