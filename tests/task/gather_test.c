/* Several calls at once. */
#include "world.h"
#include <string.h>

enum { MANY = 50 };
static struct { int running, most, began, ended, order[MANY]; } seen;

typedef struct job { int id, ms, code; } job;
static int run_job(const job *in, int *out)
{
    seen.order[seen.began++ % MANY] = in->id;
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

TASK_TEST(a_gather_runs_its_calls_at_once_and_gives_each_its_output)
{
    memset(&seen, 0, sizeof seen);
    int out[3] = { 0 };
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather(weft_call(run_job, (&(job){ 1, 30, 0 }), &out[0]), weft_call(run_job, (&(job){ 2, 10, 0 }), &out[1]),
        weft_call(run_job, (&(job){ 3, 20, 0 }), &out[2])), 0);
    WORLD_TOOK(start, 30);
    WEFT_CHECK_EQ(seen.most, 3);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(out[i], i + 1);
    return 0;
}

TASK_TEST(b31_a_gather_whose_call_fails_cancels_and_awaits_the_rest)
{
    memset(&seen, 0, sizeof seen);
    int out[3] = { 71, 72, 73 };
    int64_t start = weft_now_ns();
    int rc = weft_gather(weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out[0]), weft_call(run_job, (&(job){ 2, 10, 410 }), &out[1]),
        weft_call(run_job, (&(job){ 3, 5, 0 }), &out[2]));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(410));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "job 2");
    WORLD_TOOK(start, 13);
    WEFT_CHECK_EQ(seen.ended, 3);
    WEFT_CHECK_EQ(out[0], 71);
    WEFT_CHECK_EQ(out[1], 72);
    WEFT_CHECK_EQ(out[2], 3);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(b31_the_first_failure_is_the_one_that_came_first_not_the_one_listed_first)
{
    int out[3];
    WEFT_CHECK_EQ(weft_gather(weft_call(run_job, (&(job){ 1, 30, 501 }), &out[0]), weft_call(run_job, (&(job){ 2, 10, 502 }), &out[1]),
        weft_call(run_job, (&(job){ 3, 20, 503 }), &out[2])), WEFT_STATUS(502));
    return 0;
}

TASK_TEST(b31_calls_with_error_all_run_to_their_own_end)
{
    int out[4] = { 70, 71, 72, 73 };
    weft_error err[4] = { { .code = 9 }, { .code = 9 }, { .code = 9 }, { .code = 9 } };
    int64_t start = weft_now_ns();
    int rc = weft_gather(weft_call(run_job, (&(job){ 1, 10, 404 }), &out[0], .error = &err[0]),
        weft_call(run_job, (&(job){ 2, 20, 0 }), &out[1], .error = &err[1]),
        weft_call(run_job, (&(job){ 3, FOREVER, 0 }), &out[2], .error = &err[2], .timeout_ms = 15),
        weft_call(run_job, (&(job){ 4, 30, 404 }), &out[3], .error = &err[3]));
    WEFT_CHECK_EQ(rc, 0);
    WORLD_TOOK(start, 30);
    WEFT_CHECK_EQ(err[0].code, WEFT_STATUS(404));
    WEFT_CHECK_EQ(err[0].status, 404);
    WEFT_CHECK_STR(weft_str_of(err[0].text), "job 1");
    WEFT_CHECK_EQ(err[1].code, 0);
    WEFT_CHECK_EQ(err[2].code, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(err[3].code, WEFT_STATUS(404));
    WEFT_CHECK_STR(weft_str_of(err[3].text), "job 4");
    WEFT_CHECK_EQ(out[0], 70);
    WEFT_CHECK_EQ(out[1], 2);
    WEFT_CHECK_EQ(out[2], 72);
    WEFT_CHECK_EQ(out[3], 73);
    return 0;
}

TASK_TEST(calls_with_error_are_cancelled_when_one_without_fails)
{
    int out[2];
    weft_error err = { 0 };
    int rc = weft_gather(weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out[0], .error = &err), weft_call(run_job, (&(job){ 2, 5, 500 }), &out[1]));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(500));
    WEFT_CHECK_EQ(err.code, WEFT_ECANCELED);
    return 0;
}

TASK_TEST(the_deadline_of_a_gather_is_a_timeout_without_error_fields)
{
    memset(&seen, 0, sizeof seen);
    int out[2] = { 70, 71 };
    weft_call calls[] = { weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out[0]), weft_call(run_job, (&(job){ 2, 5, 0 }), &out[1]) };
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather_n(calls, 2, .timeout_ms = 10), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 13);
    WEFT_CHECK_EQ(seen.ended, 2);
    WEFT_CHECK_EQ(out[0], 70);
    WEFT_CHECK_EQ(out[1], 2);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(the_deadline_of_a_gather_is_no_failure_for_calls_with_error)
{
    memset(&seen, 0, sizeof seen);
    int out[3] = { 70, 71, 72 };
    weft_error err[3] = { { .code = 9 }, { .code = 9 }, { .code = 9 } };
    weft_call calls[] = { weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out[0], .error = &err[0]),
        weft_call(run_job, (&(job){ 2, 5, 0 }), &out[1], .error = &err[1]), weft_call(run_job, (&(job){ 3, FOREVER, 0 }), &out[2], .error = &err[2]) };
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather_n(calls, 3, .timeout_ms = 100), 0);
    WORLD_TOOK(start, 103);
    WEFT_CHECK_EQ(err[0].code, WEFT_ETIMEDOUT);
    WEFT_CHECK(err[0].text && err[0].text[0] && err[0].status >= 400);
    WEFT_CHECK_EQ(err[1].code, 0);
    WEFT_CHECK_EQ(err[2].code, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(out[0], 70);
    WEFT_CHECK_EQ(out[1], 2);
    WEFT_CHECK_EQ(out[2], 72);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(the_deadline_of_a_gather_is_a_failure_when_one_call_is_without_error)
{
    int out[2];
    weft_error err = { .code = 9 };
    weft_call calls[] = { weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out[0], .error = &err), weft_call(run_job, (&(job){ 2, FOREVER, 0 }), &out[1]) };
    WEFT_CHECK_EQ(weft_gather_n(calls, 2, .timeout_ms = 10), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(err.code, WEFT_ETIMEDOUT);
    return 0;
}

TASK_TEST(a_cancel_from_outside_ends_a_gather_even_if_all_its_calls_may_fail_alone)
{
    memset(&seen, 0, sizeof seen);
    int out[2];
    weft_error err[2] = { { .code = 9 }, { .code = 9 } };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    {
        WEFT_SCOPE(s);
        weft_spawn(helpers, cancel_later, (&(on_scope){ s, 40, 0 }));
        WEFT_CHECK_EQ(weft_gather(weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out[0], .error = &err[0]),
            weft_call(run_job, (&(job){ 2, 2, 0 }), &out[1], .error = &err[1])), WEFT_ECANCELED);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(seen.ended, 2);
    WEFT_CHECK_EQ(err[0].code, WEFT_ECANCELED);
    WEFT_CHECK_EQ(err[1].code, 0);
    WORLD_TOOK(start, 43);
    return 0;
}

TASK_TEST(a_gather_in_a_cancelled_scope_is_cancelled_and_lets_others_run)
{
    static witness w;
    w = (witness){ 0 };
    int out = 7;
    weft_error err = { .code = 9 };
    WEFT_SCOPE(outer);
    weft_spawn(outer, witness_task, (&(witnessed){ &w, 0, 0 }));
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        for (int i = world_now.fifo; i < 2; i++) {
            err.code = 9;
            WEFT_CHECK_EQ(weft_gather(weft_call(run_job, (&(job){ 1, 1, 0 }), &out, .error = &err)), WEFT_ECANCELED);
        }
        WEFT_CHECK_EQ(w.began, 1);
        WEFT_CHECK_EQ(err.code, WEFT_ECANCELED);
        WEFT_CHECK_EQ(out, 7);
    }
    return 0;
}

static weft_task *published;
static int publish_and_sleep(const int *ms, int *out)
{
    published = weft_task_self();
    return sleep_for_and_tell(ms, out);
}
static int cancel_the_published(void)
{
    WEFT_TRY(weft_sleep_ms(5));
    weft_task_cancel(published);
    return 0;
}

TASK_TEST(a_gather_one_of_whose_calls_was_cancelled_alone_does_not_report_success)
{
    int out = 7;
    int rc = weft_gather(weft_call(publish_and_sleep, (&(int){ FOREVER }), &out), weft_call(cancel_the_published));
    WEFT_CHECK_EQ(out, 7);
    WEFT_CHECK_EQ(rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(an_outer_deadline_ends_a_gather_as_a_timeout_and_is_caught_outside)
{
    int out;
    weft_error err;
    WEFT_SCOPE(root);
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        weft_call call = weft_call(run_job, (&(job){ 1, FOREVER, 0 }), &out, .error = &err);
        WEFT_CHECK_EQ(weft_gather_n(&call, 1, .timeout_ms = FOREVER), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

TASK_TEST(a_gather_of_nothing_is_0_and_lets_others_run)
{
    static witness w;
    w = (witness){ 0 };
    WEFT_SCOPE(s);
    weft_spawn(s, witness_task, (&(witnessed){ &w, 0, 0 }));
    WEFT_CHECK_EQ(weft_gather_n(NULL, 0), 0);
    if (!world_now.fifo) WEFT_CHECK_EQ(weft_gather_n(NULL, 0), 0);
    WEFT_CHECK_EQ(w.began, 1);
    WEFT_CHECK_EQ(weft_gather_n(NULL, 0, .timeout_ms = 5, .max_running = 3), 0);
    WEFT_CHECK_EQ(weft_gather_n(&(weft_call){ 0 }, 0), 0);
    return 0;
}

static void fill(weft_call calls[MANY], job jobs[MANY], int out[MANY])
{
    memset(&seen, 0, sizeof seen);
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (job){ i + 1, 3, 0 };
        out[i] = 0;
        calls[i] = weft_call(run_job, &jobs[i], &out[i]);
    }
}

TASK_TEST(max_running_bounds_how_many_calls_run_and_starts_them_in_order)
{
    static weft_call calls[MANY];
    static job jobs[MANY];
    static int out[MANY];
    static const int bounds[] = { 1, 3, MANY, MANY + 9, 0 };
    for (size_t b = 0; b < weft_count(bounds); b++) {
        int most = bounds[b] && bounds[b] < MANY ? bounds[b] : MANY;
        fill(calls, jobs, out);
        int64_t start = weft_now_ns();
        WEFT_CHECK_EQ(weft_gather_n(calls, MANY, .max_running = bounds[b]), 0);
        WEFT_CHECK_EQ(seen.most, most);
        WEFT_CHECK_EQ(seen.ended, MANY);
        WORLD_TOOK(start, (MANY + most - 1) / most * 3);
        for (int i = 0; i < MANY; i++) WEFT_CHECK_EQ(out[i], i + 1);
        if (world_now.fifo || most == 1)
            for (int i = 0; i < MANY; i++) WEFT_CHECK_EQ(seen.order[i], i + 1);
    }
    return 0;
}

TASK_TEST(with_max_running_a_failure_keeps_the_rest_from_starting)
{
    static weft_call calls[MANY];
    static job jobs[MANY];
    static int out[MANY];
    fill(calls, jobs, out);
    jobs[4].code = 500;
    WEFT_CHECK_EQ(weft_gather_n(calls, MANY, .max_running = 2), WEFT_STATUS(500));
    WEFT_CHECK_EQ(seen.running, 0);
    WEFT_CHECK(seen.began >= 5 && seen.began <= 7);
    for (int i = 8; i < MANY; i++) WEFT_CHECK_EQ(out[i], 0);
    return 0;
}

TASK_TEST(with_max_running_a_call_that_a_failure_kept_from_starting_was_cancelled)
{
    int out = 0;
    weft_error running = { .code = 9 }, not_begun = { .code = 9 };
    weft_call calls[] = { weft_call(fail_later, (&(failing){ 2, 404, "the failure" })),
        weft_call(sleep_for_and_tell, (&(int){ FOREVER }), &out, .error = &running),
        weft_call(sleep_for_and_tell, (&(int){ FOREVER }), &out, .error = &not_begun) };
    WEFT_CHECK_EQ(weft_gather_n(calls, 3, .max_running = 2), WEFT_STATUS(404));
    WEFT_CHECK_EQ(running.code, WEFT_ECANCELED);
    WEFT_CHECK_EQ(not_begun.code, WEFT_ECANCELED);
    return 0;
}

TASK_TEST(with_max_running_a_deadline_is_reported_by_every_call_that_had_not_ended)
{
    static weft_call calls[MANY];
    static job jobs[MANY];
    static int out[MANY];
    static weft_error err[MANY];
    fill(calls, jobs, out);
    for (int i = 0; i < MANY; i++) {
        err[i] = (weft_error){ .code = 9 };
        calls[i] = weft_call(run_job, &jobs[i], &out[i], .error = &err[i]);
        if (i == 1) jobs[i].ms = FOREVER;
        if (i == 10) jobs[i].ms = FOREVER;
    }
    WEFT_CHECK_EQ(weft_gather_n(calls, MANY, .max_running = 2, .timeout_ms = 500), 0);
    for (int i = 0; i < MANY; i++) WEFT_CHECK_EQ(err[i].code, i == 1 || i >= 10 ? WEFT_ETIMEDOUT : 0);
    for (int i = 0; i < MANY; i++) WEFT_CHECK_EQ(out[i], i == 1 || i >= 10 ? 0 : i + 1);
    WEFT_CHECK_EQ(seen.running, 0);
    return 0;
}

static int gather_below(const int *depth)
{
    if (*depth == 0) return weft_sleep_ms(5);
    int below = *depth - 1;
    return weft_gather(weft_call(gather_below, &below), weft_call(gather_below, &below));
}

TASK_TEST(gathers_nest)
{
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(weft_gather(weft_call(gather_below, (&(int){ 6 }))), 0);
    WORLD_TOOK(start, 5);
    return 0;
}

static int at_once(const int *in, int *out) { *out = *in; return 0; }

TASK_TEST(a_gather_takes_sixteen_calls)
{
    int o[16] = { 0 };
#define CALL(i) weft_call(at_once, (&(int){ (i) + 1 }), &o[i])
    WEFT_CHECK_EQ(weft_gather(CALL(0), CALL(1), CALL(2), CALL(3), CALL(4), CALL(5), CALL(6), CALL(7), CALL(8), CALL(9), CALL(10),
        CALL(11), CALL(12), CALL(13), CALL(14), CALL(15)), 0);
#undef CALL
    for (int i = 0; i < 16; i++) WEFT_CHECK_EQ(o[i], i + 1);
    return 0;
}

/* ---- calls without an output, or without input and output ---- */

static int refuse(const int *code) { return weft_fail(*code, "refused"); }
static int wait_for_ever(void) { return weft_sleep_ms(FOREVER); }

TASK_TEST(a_call_without_an_output_may_fail_alone)
{
    weft_error errors[3] = { 0 };
    WEFT_CHECK_EQ(weft_gather(
        weft_call(refuse, (&(int){ 404 }), NULL, .error = &errors[0]),
        weft_call(sleep_for, (&(int){ 5 }), NULL, .error = &errors[1]),
        weft_call(wait_for_ever, NULL, NULL, .timeout_ms = 10, .error = &errors[2])), 0);
    WEFT_CHECK_EQ(errors[0].status, 404);
    WEFT_CHECK_EQ(errors[1].code, 0);
    WEFT_CHECK_EQ(errors[2].code, WEFT_ETIMEDOUT);
    return 0;
}

TASK_TEST(a_task_without_an_output_may_have_a_deadline_of_its_own)
{
    WEFT_SCOPE(s);
    int64_t began = weft_now_ns();
    weft_task *t = weft_spawn(s, sleep_for, (&(int){ FOREVER }), NULL, .timeout_ms = 20);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ETIMEDOUT);
    WORLD_TOOK(began, 20);
    return 0;
}

/* ---- calls without an input ---- */

static int give_seven(int *out)
{
    WEFT_TRY(weft_sleep_ms(5));
    *out = 7;
    return 0;
}
static int give_nothing(int *out)
{
    (void)out;
    return weft_fail(404, "nothing here");
}

TASK_TEST(a_call_without_an_input_has_an_output)
{
    int here[4] = { 0 };
    weft_error e = { 0 };
    WEFT_CHECK_EQ(weft_gather(weft_call(give_seven, NULL, &here[0]), weft_call(give_nothing, NULL, &here[1], .error = &e),
        weft_call(give_seven, NULL, &here[2], .timeout_ms = 1000)), 0);
    WEFT_CHECK_EQ(here[0], 7);
    WEFT_CHECK_EQ(e.status, 404);
    WEFT_CHECK_EQ(here[1], 0);
    WEFT_CHECK_EQ(here[2], 7);
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_await(weft_spawn(s, give_seven, NULL, &here[3])), 0);
    WEFT_CHECK_EQ(here[3], 7);
    return 0;
}
