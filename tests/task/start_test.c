/* A task that says when it is ready, and those that never do. */
#include "world.h"
#include <string.h>
#include "weft/sync.h"

static struct { int cleaned, ended; } seen;
typedef struct service { int ready_ms, live_ms, code; bool silent; } service;

static int serve(const service *in, int *out)
{
    int rc = weft_sleep_ms(in->ready_ms);
    if (rc == 0 && in->code > 0) rc = weft_fail(in->code, "no port");
    if (rc == 0 && !in->silent) {
        weft_started();
        weft_started();
        *out = 1;
        rc = weft_sleep_ms(in->live_ms);
        if (rc == 0 && in->code < 0) rc = weft_fail(in->code, "broke later");
    }
    {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
        if (rc < 0) WEFT_CHECK_EQ(weft_sleep_ms(3), 0);
        if (rc < 0) seen.cleaned++;
    }
    seen.ended++;
    return rc;
}

TASK_TEST(a_start_returns_when_the_task_says_it_is_ready_and_the_task_lives_on)
{
    int out = 0;
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 10, .live_ms = 20 }), &out), 0);
    WORLD_TOOK(start, 10);
    WEFT_CHECK_EQ(out, 1);
    WEFT_CHECK_EQ(seen.ended, 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WORLD_TOOK(start, 30);
    WEFT_CHECK_EQ(seen.ended, 1);
    return 0;
}

TASK_TEST(b30_a_task_that_dies_before_it_is_ready_is_told_to_who_starts_it_and_nobody_else)
{
    int out = 0, other = 0;
    memset(&seen, 0, sizeof seen);
    world_capture_begin();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, sleep_for_and_tell, (&(int){ 50 }), &other);
        int rc = weft_start(s, serve, (&(service){ .ready_ms = 5, .code = 503 }), &out);
        WEFT_CHECK_EQ(rc, WEFT_STATUS(503));
        WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "no port");
        WEFT_CHECK_EQ(seen.ended, 1);
        WEFT_CHECK(!weft_scope_cancelled(s));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(other, 50);
    WEFT_CHECK_EQ(out, 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    return 0;
}

TASK_TEST(b30_a_task_that_returns_without_being_ready_is_a_distinct_error)
{
    int out = 0;
    WEFT_SCOPE(s);
    int rc = weft_start(s, serve, (&(service){ .ready_ms = 5, .silent = true }), &out);
    WEFT_CHECK_EQ(rc, WEFT_ENOSTART);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "task serve returned without weft_started()");
    WEFT_CHECK(!weft_scope_cancelled(s));
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

TASK_TEST(after_it_has_started_a_tasks_failure_is_one_of_its_scope)
{
    int out = 0;
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 5, .live_ms = 5, .code = WEFT_EPROTO }), &out), 0);
    WEFT_CHECK_EQ(weft_join(s), WEFT_EPROTO);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EPROTO)->text), "broke later");
    return 0;
}

TASK_TEST(a_started_task_may_fail_alone)
{
    int out = 0;
    weft_error err = { .code = 9 };
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 5, .live_ms = 5, .code = WEFT_EPROTO }), &out, .error = &err), 0);
    WEFT_CHECK_EQ(err.code, 9);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(err.code, WEFT_EPROTO);
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 5, .code = 418 }), &out, .error = &err), WEFT_STATUS(418));
    WEFT_CHECK_EQ(err.code, WEFT_STATUS(418));
    return 0;
}

TASK_TEST(b30_a_start_that_is_cancelled_ends_the_task_before_it_returns)
{
    int out = 0;
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    {
        WEFT_SCOPE(patience, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = FOREVER }), &out), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(patience));
    }
    WORLD_TOOK(start, 13);
    WEFT_CHECK_EQ(seen.cleaned, 1);
    WEFT_CHECK_EQ(seen.ended, 1);
    WEFT_CHECK(!weft_scope_cancelled(s));
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

static int raise_later(weft_flag *const *go)
{
    WEFT_TRY(weft_sleep_ms(20));
    weft_flag_raise(*go);
    return 0;
}

static int start_late(weft_flag *const *go)
{
    {
        WEFT_SCOPE(deaf, .shield = true);
        WEFT_CHECK_EQ(weft_flag_wait(*go), 0);
    }
    weft_started();
    int rc = weft_sleep_ms(FOREVER);
    seen.ended++;
    return rc;
}

TASK_TEST(b30_ready_after_its_starter_was_cancelled_is_too_late)
{
    weft_flag go = { 0 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, raise_later, (&(weft_flag *){ &go }));
    {
        WEFT_SCOPE(patience, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_start(s, start_late, (&(weft_flag *){ &go })), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(seen.ended, 1);                /* it did not live on */
    }
    WORLD_TOOK(start, 20);
    WEFT_CHECK(!weft_scope_cancelled(s));
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

TASK_TEST(b30_a_start_in_a_cancelled_scope_starts_nothing)
{
    memset(&seen, 0, sizeof seen);
    WEFT_SCOPE(s);
    {
        WEFT_SCOPE(cancelled);
        weft_cancel(cancelled);
        int out = 0;
        WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 0 }), &out), WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK_EQ(seen.ended, 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

static int ignore_then_start(weft_flag *const *go)
{
    WEFT_SCOPE(deaf, .shield = true, .timeout_ms = FOREVER);
    WEFT_CHECK_EQ(weft_flag_wait(*go), 0);
    weft_started();
    seen.ended++;
    return 0;
}

TASK_TEST(b30_a_task_that_says_ready_only_after_the_cancel_is_still_waited_for)
{
    weft_flag go = { 0 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, raise_later, (&(weft_flag *){ &go }));
    {
        WEFT_SCOPE(patience, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_start(s, ignore_then_start, (&(weft_flag *){ &go })), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(seen.ended, 1);
    WORLD_TOOK(start, 20);
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

TASK_TEST(a_start_into_a_scope_that_is_left_or_cancelled_starts_nothing)
{
    int out = 0;
    weft_scope *left;
    memset(&seen, 0, sizeof seen);
    {
        WEFT_SCOPE(s);
        left = s;
        WEFT_CHECK_EQ(weft_start(NULL, serve, (&(service){ 0 }), &out), WEFT_ECLOSED);
        weft_cancel(s);
        world_ignore(weft_yield());
    }
    WEFT_CHECK_EQ(seen.ended, 0);
    (void)left;
    WEFT_SCOPE(target);
    weft_cancel(target);
    {
        WEFT_SCOPE(own, .shield = true);             /* the target is cancelled, its starter is not */
        WEFT_CHECK_EQ(weft_start(target, serve, (&(service){ .ready_ms = 5 }), &out), WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(seen.ended, 1);
    return 0;
}

TASK_TEST(a_scope_that_forgets_can_start_tasks_too)
{
    int out = 0;
    memset(&seen, 0, sizeof seen);
    WEFT_SCOPE(s, .forget = true);
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 1, .code = 500 }), &out), WEFT_STATUS(500));
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 1, .silent = true }), &out), WEFT_ENOSTART);
    WEFT_CHECK_EQ(weft_start(s, serve, (&(service){ .ready_ms = 1, .live_ms = 1 }), &out), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(seen.ended, 3);
    return 0;
}

TASK_TEST(weft_started_in_a_task_that_nobody_waits_for_does_nothing)
{
    int out = 0;
    weft_started();
    WEFT_CHECK_EQ(weft_gather(weft_call(serve, (&(service){ .ready_ms = 1, .live_ms = 1 }), &out)), 0);
    WEFT_CHECK_EQ(out, 1);
    return 0;
}
