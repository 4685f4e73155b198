/* The first of several calls, and enough of them: who decides, and that nobody is left running. */
#include "world.h"
#include <string.h>
#include "weft/sync.h"

/* NEVER: longer than anything here may take, and not for ever: a race whose winner never began is over some time. */
enum { MANY = 20, NEVER = 5000 };
static struct { int began, ended, running, most; } seen;

typedef struct job { int id, ms, code; } job;
static int run_job(const job *in, int *out)
{
    seen.began++;
    if (++seen.running > seen.most) seen.most = seen.running;
    int rc = weft_sleep_ms(in->ms);
    {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
        if (rc < 0) WEFT_CHECK_EQ(weft_sleep_ms(3), 0);
    }
    seen.running--;
    seen.ended++;
    WEFT_TRY(rc);
    if (in->code) return weft_fail(in->code, "job %d", in->id);
    *out = in->id;
    return 0;
}
#define JOB(id, ms, code, out) weft_call(run_job, (&(job){ (id), (ms), (code) }), (out))
static void begin(void) { memset(&seen, 0, sizeof seen); }

/* ---- race ---- */

TASK_TEST(b33_the_losers_of_a_race_are_cancelled_and_awaited_before_it_returns)
{
    int out[3] = { 70, 71, 72 };
    begin();
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_race(JOB(1, NEVER, 0, &out[0]), JOB(2, 10, 0, &out[1]), JOB(3, NEVER, 0, &out[2])), 1);
    WORLD_TOOK(start, 13);
    WEFT_CHECK_EQ(seen.began, 3);
    WEFT_CHECK_EQ(seen.ended, 3);
    WEFT_CHECK(out[0] == 70 && out[1] == 2 && out[2] == 72);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(a_call_that_fails_does_not_decide_a_race)
{
    int out[3] = { 0 };
    begin();
    world_capture_begin();
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_race(JOB(1, 1, 500, &out[0]), JOB(2, 2, 404, &out[1]), JOB(3, 10, 0, &out[2])), 2);
    WORLD_TOOK(start, 10);
    WEFT_CHECK_EQ(out[2], 3);
    WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");    /* what lost is nobody's failure */
    return 0;
}

TASK_TEST(when_all_fail_a_race_returns_the_first_failure_with_the_others_attached)
{
    int out[3];
    begin();
    int rc = weft_race(JOB(1, 110, 501, &out[0]), JOB(2, 10, 502, &out[1]), JOB(3, 60, 503, &out[2]));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(502));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "job 2");
    WEFT_CHECK(strstr(weft_error_of(rc)->trace, "also failed: task run_job") != NULL);
    WEFT_CHECK(strstr(weft_error_of(rc)->trace, "job 3") != NULL);
    WEFT_CHECK(strstr(weft_error_of(rc)->trace, "job 1") != NULL);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(a_race_around_which_a_cancel_comes_is_cancelled)
{
    int out[2] = { 70, 71 };
    begin();
    int64_t start = weft_now_ns();
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_race(JOB(1, NEVER, 0, &out[0]), JOB(2, 5, 500, &out[1])), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WORLD_TOOK(start, 13);
    WEFT_CHECK_EQ(seen.ended, 2);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        WEFT_CHECK_EQ(weft_race(JOB(1, NEVER, 0, &out[0]), JOB(2, 5, 0, &out[1])), WEFT_ECANCELED);
    }
    WEFT_CHECK(out[0] == 70 && out[1] == 71);
    WEFT_CHECK_EQ(seen.ended, 4);
    return 0;
}

static int at_once(const int *in, int *out)
{
    *out = *in;
    return 0;
}
static int cancel_it(weft_scope *const *s)
{
    weft_cancel(*s);
    return 0;
}

TASK_TEST(b32_a_winner_that_came_before_the_cancel_has_won)
{
    int out = 0, rc = 9;
    {
        WEFT_SCOPE(s);
        rc = weft_race(weft_call(at_once, (&(int){ 4 }), &out), weft_call(cancel_it, (&(weft_scope *){ s })));
    }
    WEFT_CHECK(rc == 0 || rc == 1);                  /* both succeed at once: the one that came first */
    if (world_now.fifo) WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(out, 4);
    return 0;
}

static int late_success(const int *ms, int *out)
{
    *out = weft_sleep_ms(*ms) < 0 ? *ms : -1;        /* deaf to the cancel, and successful all the same */
    return 0;
}

TASK_TEST(what_wins_is_what_succeeded_first)
{
    int out[3] = { 0 };
    WEFT_CHECK_EQ(weft_race(weft_call(late_success, (&(int){ NEVER }), &out[0]), weft_call(at_once, (&(int){ 4 }), &out[1]),
        weft_call(late_success, (&(int){ NEVER }), &out[2])), 1);
    WEFT_CHECK(out[0] == NEVER && out[1] == 4);
    return 0;
}

TASK_TEST(a_race_takes_an_array_a_bound_and_a_deadline)
{
    static weft_call calls[MANY];
    static job jobs[MANY];
    static int out[MANY];
    begin();
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (job){ i, i == 13 ? 2 : 5, i == 13 ? 0 : 500 };
        calls[i] = weft_call(run_job, &jobs[i], &out[i]);
    }
    WEFT_CHECK_EQ(weft_race_n(calls, MANY, .max_running = 4), 13);
    WEFT_CHECK_EQ(seen.most, 4);
    WEFT_CHECK(seen.began >= 14 && seen.began <= 18);
    jobs[13].ms = NEVER;
    WEFT_CHECK_EQ(weft_race_n(calls, MANY, .timeout_ms = 20), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(seen.running, 0);
    WEFT_CHECK_EQ(weft_race_n(calls, 0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_race_n(calls, MANY, .enough = 2), WEFT_EINVAL);
    return 0;
}

TASK_TEST(a_race_of_one_is_its_own_winner_or_loser)
{
    int out = 0;
    WEFT_CHECK_EQ(weft_race(JOB(5, 1, 0, &out)), 0);
    WEFT_CHECK_EQ(out, 5);
    WEFT_CHECK_EQ(weft_race(JOB(5, 1, 409, &out)), WEFT_STATUS(409));
    return 0;
}

/* ---- quorum ---- */

TASK_TEST(enough_successes_end_a_quorum_and_cancel_the_rest)
{
    int out[4] = { 70, 71, 72, 73 };
    begin();
    world_capture_begin();
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_quorum(2, JOB(1, NEVER, 0, &out[0]), JOB(2, 5, 500, &out[1]), JOB(3, 10, 0, &out[2]), JOB(4, 20, 0, &out[3])), 0);
    WORLD_TOOK(start, 23);
    WEFT_CHECK_EQ(seen.ended, 4);
    WEFT_CHECK(out[0] == 70 && out[1] == 71 && out[2] == 3 && out[3] == 4);
    WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    return 0;
}

TASK_TEST(a_quorum_fails_as_soon_as_it_cannot_be_reached)
{
    int out[4];
    begin();
    int64_t start = weft_now_ns();
    int rc = weft_quorum(3, JOB(1, NEVER, 0, &out[0]), JOB(2, 90, 502, &out[1]), JOB(3, 10, 503, &out[2]), JOB(4, 5, 0, &out[3]));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(503));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "job 3");
    WEFT_CHECK(strstr(weft_error_of(rc)->trace, "job 2") != NULL);
    WORLD_TOOK(start, 93);
    WEFT_CHECK_EQ(seen.ended, 4);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(a_quorum_whose_calls_may_fail_alone_fails_all_the_same)
{
    int out[3] = { 70, 71, 72 };
    weft_error err[3] = { { .code = 9 }, { .code = 9 }, { .code = 9 } };
    begin();
    int rc = weft_quorum(2, weft_call(run_job, (&(job){ 1, NEVER, 0 }), &out[0], .error = &err[0]),
        weft_call(run_job, (&(job){ 2, 5, 502 }), &out[1], .error = &err[1]), weft_call(run_job, (&(job){ 3, 60, 503 }), &out[2], .error = &err[2]));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(502));
    WEFT_CHECK_EQ(err[0].code, WEFT_ECANCELED);
    WEFT_CHECK_EQ(err[1].code, WEFT_STATUS(502));
    WEFT_CHECK_EQ(err[2].code, WEFT_STATUS(503));
    WEFT_CHECK_STR(weft_str_of(err[2].text), "job 3");
    return 0;
}

TASK_TEST(error_fields_tell_who_made_a_quorum)
{
    int out[3] = { 70, 71, 72 };
    weft_error err[3] = { { .code = 9 }, { .code = 9 }, { .code = 9 } };
    begin();
    WEFT_CHECK_EQ(weft_quorum(1, weft_call(run_job, (&(job){ 1, NEVER, 0 }), &out[0], .error = &err[0]),
        weft_call(run_job, (&(job){ 2, 5, 502 }), &out[1], .error = &err[1]), weft_call(run_job, (&(job){ 3, 10, 0 }), &out[2], .error = &err[2])), 0);
    WEFT_CHECK_EQ(err[0].code, WEFT_ECANCELED);
    WEFT_CHECK_EQ(err[1].code, WEFT_STATUS(502));
    WEFT_CHECK_EQ(err[2].code, 0);
    return 0;
}

TASK_TEST(the_deadline_of_a_gather_of_which_some_are_enough_is_a_timeout_unless_they_are_there)
{
    int out[3];
    weft_error err[3];
    weft_call calls[] = { weft_call(run_job, (&(job){ 1, NEVER, 0 }), &out[0], .error = &err[0]),
        weft_call(run_job, (&(job){ 2, 5, 0 }), &out[1], .error = &err[1]), weft_call(run_job, (&(job){ 3, 5, 500 }), &out[2], .error = &err[2]) };
    begin();
    world_capture_begin();
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather_n(calls, 3, .timeout_ms = 500, .enough = 2), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 503);
    WEFT_CHECK_EQ(err[0].code, WEFT_ETIMEDOUT);
    start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather_n(calls, 3, .timeout_ms = 500, .enough = 1), 0);
    WORLD_TOOK(start, 8);
    WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    return 0;
}

TASK_TEST(calls_that_did_not_begin_when_enough_had_succeeded_never_do)
{
    static weft_call calls[MANY];
    static int out[MANY];
    weft_error err[MANY] = { { 0 } };
    job one = { 1, 2, 0 };
    begin();
    for (int i = 0; i < MANY; i++) calls[i] = weft_call(run_job, &one, &out[i], .error = &err[i]);
    WEFT_CHECK_EQ(weft_gather_n(calls, MANY, .max_running = 2, .enough = 4), 0);
    WEFT_CHECK(seen.began >= 4 && seen.began <= 6);
    int done = 0;
    for (int i = 0; i < MANY; i++) done += err[i].code == 0;
    WEFT_CHECK(done >= 4 && done <= seen.began);
    WEFT_CHECK_EQ(err[MANY - 1].code, WEFT_ECANCELED);
    return 0;
}

TASK_TEST(a_quorum_of_all_none_or_too_many)
{
    int out[2] = { 0 };
    WEFT_CHECK_EQ(weft_quorum(2, JOB(1, 1, 0, &out[0]), JOB(2, 2, 0, &out[1])), 0);
    WEFT_CHECK(out[0] == 1 && out[1] == 2);
    WEFT_CHECK_EQ(weft_quorum(3, JOB(1, 1, 0, &out[0]), JOB(2, 2, 0, &out[1])), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EINVAL)->text), "a gather of 2 calls of which 3 are enough");
    WEFT_CHECK_EQ(weft_quorum(0, JOB(1, 1, 0, &out[0])), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_gather_n(NULL, 0, .enough = 1), WEFT_EINVAL);
    return 0;
}

static weft_task *published;
static int publish_and_sleep(void)
{
    published = weft_task_self();
    return weft_sleep_ms(FOREVER);
}
static int cancel_the_published(void)
{
    WEFT_TRY(weft_sleep_ms(5));
    WEFT_NEED(published != NULL);
    weft_task_cancel(published);
    return weft_sleep_ms(FOREVER);
}

TASK_TEST(a_call_cancelled_alone_does_not_succeed_and_a_quorum_notices)
{
    int64_t start = weft_now_ns();
    published = NULL;
    WEFT_CHECK_EQ(weft_quorum(2, weft_call(publish_and_sleep), weft_call(cancel_the_published)), WEFT_ECANCELED);
    WORLD_TOOK(start, 5);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

/* ---- one call for each ---- */

static int square(const int *in, int64_t *out)
{
    if (++seen.running > seen.most) seen.most = seen.running;
    int rc = weft_sleep_ms(5);
    seen.running--;
    seen.ended++;
    WEFT_TRY(rc);
    if (*in == 13) return weft_fail(413, "unlucky");
    *out = (int64_t)*in * *in;
    return 0;
}
static int add_up(const int *in)
{
    seen.began += *in;
    return weft_yield();
}

TASK_TEST(a_call_for_each_input_gives_each_its_output)
{
    int ins[MANY];
    int64_t outs[MANY] = { 0 };
    begin();
    for (int i = 0; i < MANY; i++) ins[i] = 100 + i;
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather_each(square, ins, MANY, outs, .max_running = 8), 0);
    for (int i = 0; i < MANY; i++) WEFT_CHECK_EQ(outs[i], (100 + i) * (100 + i));
    WEFT_CHECK_EQ(seen.most, 8);
    WORLD_TOOK(start, 15);
    begin();
    const int *same = ins;
    WEFT_CHECK_EQ(weft_gather_each(add_up, same, 3, NULL), 0);
    WEFT_CHECK_EQ(seen.began, 303);
    WEFT_CHECK_EQ(weft_gather_each(square, ins, 0, outs), 0);
    return 0;
}

TASK_TEST(b31_a_call_for_each_input_that_fails_ends_the_others)
{
    int ins[] = { 1, 2, 13, 4, 5, 6, 7, 8 };
    int64_t outs[8] = { 0 };
    begin();
    int rc = weft_gather_each(square, ins, 8, outs, .max_running = 2);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(413));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "unlucky");
    WEFT_CHECK_EQ(seen.running, 0);
    WEFT_CHECK(outs[0] == 1 && outs[1] == 4 && !outs[2] && !outs[5] && !outs[7]);
    return 0;
}

TASK_TEST(b31_a_call_for_each_input_may_fail_alone)
{
    int ins[] = { 1, 13, 3 };
    int64_t outs[3] = { 0 };
    weft_error err[3] = { { .code = 9 }, { .code = 9 }, { .code = 9 } };
    begin();
    WEFT_CHECK_EQ(weft_gather_each(square, ins, 3, outs, .errors = err), 0);
    WEFT_CHECK(outs[0] == 1 && outs[1] == 0 && outs[2] == 9);
    WEFT_CHECK(err[0].code == 0 && err[1].code == WEFT_STATUS(413) && err[2].code == 0);
    WEFT_CHECK_EQ(weft_gather_each(square, ins, 3, outs, .errors = err, .timeout_ms = 1), 0);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(err[i].code, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_gather_each(square, ins, 3, outs, .enough = 2), 0);
    WEFT_CHECK_EQ(weft_gather_each(square, ins, 3, outs, .enough = 3), WEFT_STATUS(413));
    return 0;
}
