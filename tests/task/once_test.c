/* What is done once: by the first, for all; and by the next, when the first was cancelled. */
#include "world.h"
#include <string.h>
#include "weft/sync.h"

static struct { int runs, fail; } seen;

static int open_it(const int *ms, int *out)
{
    seen.runs++;
    WEFT_TRY(weft_sleep_ms(*ms));
    if (seen.fail) return weft_fail(seen.fail, "attempt %d", seen.runs);
    *out = 7;
    return 3;
}

typedef struct using { weft_once *o; int ms, *out, *rc; char *text; } using;
static int use_it(const using *in)
{
    *in->rc = weft_once_do(in->o, open_it, &in->ms, in->out);
    if (*in->rc < 0 && in->text) strcpy(in->text, weft_error_of(*in->rc)->text);
    return 0;
}

TASK_TEST(what_is_done_once_is_run_by_the_first_and_its_result_is_everybodys)
{
    weft_once o = { 0 };
    int out = 0, rc[5] = { 9, 9, 9, 9, 9 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) weft_spawn(s, use_it, (&(using){ &o, 10, &out, &rc[i], NULL }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(rc[i], 3);
    WEFT_CHECK_EQ(weft_once_do(&o, open_it, (&(int){ 1 }), &out), 3);
    WEFT_CHECK_EQ(seen.runs, 1);
    WEFT_CHECK_EQ(out, 7);
    WORLD_TOOK(start, 10);
    return 0;
}

TASK_TEST(a_failure_is_told_to_all_who_waited_and_the_next_tries_anew)
{
    weft_once o = { 0 };
    int out = 0, rc[3] = { 9, 9, 9 };
    char text[3][64] = { "", "", "" };
    memset(&seen, 0, sizeof seen);
    seen.fail = 503;
    WEFT_SCOPE(s);
    for (int i = 0; i < 3; i++) weft_spawn(s, use_it, (&(using){ &o, 5, &out, &rc[i], text[i] }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(rc[i], WEFT_STATUS(503));
    for (int i = 0; i < 3; i++) WEFT_CHECK_STR(weft_str_of(text[i]), "attempt 1");
    WEFT_CHECK_EQ(out, 0);
    seen.fail = 0;
    WEFT_CHECK_EQ(weft_once_do(&o, open_it, (&(int){ 1 }), &out), 3);
    WEFT_CHECK_EQ(seen.runs, 2);
    return 0;
}

TASK_TEST(a_first_caller_that_is_cancelled_hands_over_to_the_next)
{
    weft_once o = { 0 };
    int out = 0, rc[4] = { 9, 9, 9, 9 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = weft_spawn(s, use_it, (&(using){ &o, i ? 20 : FOREVER, &out, &rc[i], NULL }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    weft_task_cancel(t[0]);
    weft_task_cancel(t[1]);                          /* waits, and is not asked any more */
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(rc[0], WEFT_ECANCELED);
    WEFT_CHECK_EQ(rc[1], WEFT_ECANCELED);
    WEFT_CHECK(rc[2] == 3 && rc[3] == 3);
    WEFT_CHECK_EQ(seen.runs, 2);
    WORLD_TOOK(start, 24);
    return 0;
}

TASK_TEST(when_all_callers_are_cancelled_a_later_one_begins_anew)
{
    weft_once o = { 0 };
    int out = 0, rc[2] = { 9, 9 };
    memset(&seen, 0, sizeof seen);
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 2; i++) weft_spawn(s, use_it, (&(using){ &o, FOREVER, &out, &rc[i], NULL }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        weft_cancel(s);
    }
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(rc[i], WEFT_ECANCELED);
    int before = seen.runs;
    WEFT_CHECK_EQ(weft_once_do(&o, open_it, (&(int){ 1 }), &out), 3);
    WEFT_CHECK_EQ(seen.runs, before + 1);
    return 0;
}

/* A deadline of the call itself is its failure, and no cancel of who made it. */
TASK_TEST(a_call_done_once_that_takes_too_long_has_failed_for_all)
{
    weft_once o = { 0 };
    int out = 0, rc = 9;
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, use_it, (&(using){ &o, 1, &out, &rc, NULL }));
    int mine = 9;
    {
        WEFT_SCOPE(own);
        mine = weft_once_do(&o, open_it, (&(int){ FOREVER }), &out, .timeout_ms = 10);
        if (mine == 3) mine = WEFT_ETIMEDOUT;        /* the other came first, in the simulator */
    }
    WEFT_CHECK_EQ(mine, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(rc == WEFT_ETIMEDOUT || rc == 3);
    if (world_now.fifo) WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    if (world_now.fifo) WORLD_TOOK(start, 10);
    return 0;
}

static weft_once own;
static int within_itself(void)
{
    int rc = weft_once_do(&own, within_itself);
    WEFT_CHECK_EQ(rc, WEFT_EDEADLK);
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "weft_once_do(own, within_itself) within itself, begun at ") != NULL);
    return rc;
}

TASK_TEST(what_is_done_once_cannot_wait_for_itself)
{
    own = (weft_once){ 0 };
    WEFT_CHECK_EQ(weft_once_do(&own, within_itself), WEFT_EDEADLK);
    int out;
    weft_error err;
    WEFT_CHECK_EQ(weft_once_do(&own, open_it, (&(int){ 1 }), &out, .error = &err), WEFT_EINVAL);
    return 0;
}

TASK_TEST(in_a_cancelled_scope_nothing_is_done_once)
{
    weft_once o = { 0 };
    int out = 0;
    memset(&seen, 0, sizeof seen);
    WEFT_SCOPE(s);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_once_do(&o, open_it, (&(int){ 1 }), &out), WEFT_ECANCELED);
    WEFT_CHECK_EQ(seen.runs, 0);
    return 0;
}
