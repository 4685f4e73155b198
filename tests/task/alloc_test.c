/* Each allocation fails in turn: codes are told, nothing is lost, and the loop goes on. */
#include "world.h"
#include <stdio.h>
#include <string.h>
#include "testing/verdict.h"
#include "weft/sync.h"
#include "weft/thread.h"

static bool allowed(int rc) { return rc >= 0 || rc == WEFT_ENOMEM || rc == WEFT_ECANCELED; }

static int still_works(void)
{
    int out[2] = { 0 };
    WEFT_CHECK_EQ(weft_gather(weft_call(sleep_for_and_tell, (&(int){ 1 }), &out[0]), weft_call(sleep_for_and_tell, (&(int){ 2 }), &out[1])), 0);
    WEFT_CHECK_EQ(out[0] + out[1], 3);
    WEFT_CHECK_STR(weft_format("%d", 5), "5");
    return 0;
}

/* A script is a root task that arms the failure itself, after the run has begun. */
static long fail_at;
static bool fail_all_after;
static void arm(void)
{
    world_mem.failures = 0;
    world_mem.fail_rest = fail_all_after;
    world_mem.fail_after = fail_at;
}
static void disarm(void) { world_mem.fail_after = -1; }

static void each_allocation_fails(weft_call script)
{
    for (int all = 0; all < 2; all++) {
        fail_all_after = all;
        world_mem.failures = 1;
        for (fail_at = 0; world_mem.failures > 0 && fail_at < 2000; fail_at++) {
            unsigned before = weft__verdict_now->failed_checks;
            world_open_sim(0);
            WEFT_CHECK_EQ(world_run(script), 0);
            disarm();
            long failures = world_mem.failures;
            WEFT_CHECK_EQ(world_run(weft_call(still_works)), 0);
            world_close();
            WEFT_CHECK_EQ(world_mem.blocks, 0);
            world_mem.failures = failures;
            if (weft__verdict_now->failed_checks == before) continue;
            fprintf(stderr, "  (allocation %ld %s)\n", fail_at, all ? "and all after it failed" : "failed");
            return;
        }
        WEFT_CHECK(fail_at > 1 && fail_at < 2000);        /* the script did allocate, and came to an end */
    }
}

/* ---- spawn ---- */

static int counted;
static int count_and_sleep(const int *ms, int *out)
{
    counted++;
    WEFT_TRY(weft_sleep_ms(*ms));
    *out = *ms;
    return 0;
}

SIM_TEST(a_spawn_without_memory_says_which_task_it_was_and_where)
{
    int out = 0;
    WEFT_SCOPE(s);
    fail_at = 0;
    fail_all_after = false;
    arm();
    weft_task *t = weft_spawn(s, count_and_sleep, (&(int){ 1 }), &out);
    disarm();
    WEFT_CHECK_EQ(weft_await(t), WEFT_ENOMEM);
    WEFT_CHECK_EQ(weft_join(s), WEFT_ENOMEM);
    WEFT_CHECK_EQ(world_count_in(weft_error_of(WEFT_ENOMEM)->trace, "count_and_sleep"), 1);
    WEFT_CHECK_EQ(world_count_in(weft_error_of(WEFT_ENOMEM)->trace, "alloc_test.c:"), 1);
    return 0;
}

static int spawn_script(void)
{
    enum { N = 6 };
    int out[N] = { 0 };
    weft_task *t[N];
    counted = 0;
    arm();
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < N; i++) t[i] = weft_spawn(s, count_and_sleep, (&(int){ i + 1 }), &out[i]);
        int refused = 0;
        for (int i = 0; i < N; i++) {
            WEFT_NEED(t[i] != NULL);
            refused += weft_task_done(t[i]);
        }
        int rc = weft_join(s);
        disarm();
        WEFT_CHECK(allowed(rc));
        if (refused) WEFT_CHECK_EQ(rc, WEFT_ENOMEM);
        int good = 0;
        for (int i = 0; i < N; i++) {
            if (!weft_task_done(t[i])) continue;
            int one = weft_await(t[i]);
            WEFT_CHECK(allowed(one));
            WEFT_CHECK_EQ(out[i], one == 0 ? i + 1 : 0);
            good += one == 0;
        }
        WEFT_CHECK_EQ(counted, N - refused);
        WEFT_CHECK_EQ(good == N, rc == 0);
    }
    return 0;
}
WEFT_TEST(without_memory_a_spawn_is_a_task_that_failed_and_its_scope_fails) { each_allocation_fails(weft_call(spawn_script)); }

static int spawn_alone_script(void)
{
    enum { N = 6 };
    int out[N] = { 0 };
    weft_error err[N];
    weft_task *t[N];
    memset(err, 1, sizeof err);
    arm();
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < N; i++) t[i] = weft_spawn(s, count_and_sleep, (&(int){ i + 1 }), &out[i], .error = &err[i], .timeout_ms = FOREVER);
        int rc = weft_join(s);
        disarm();
        WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
        if (rc < 0) return 0;
        for (int i = 0; i < N; i++) {
            int one = weft_await(t[i]);
            WEFT_CHECK(one == 0 || one == WEFT_ENOMEM);
            WEFT_CHECK_EQ(err[i].code, one);
            WEFT_CHECK(one == 0 || (err[i].text && err[i].text[0]));
            WEFT_CHECK_EQ(out[i], one == 0 ? i + 1 : 0);
        }
    }
    return 0;
}
WEFT_TEST(without_memory_a_spawn_with_error_fails_alone) { each_allocation_fails(weft_call(spawn_alone_script)); }

typedef struct big { char bytes[20000]; } big;
static int sum_big(const big *in, int *out) { *out = in->bytes[0] + in->bytes[19999]; return 0; }
static int big_script(void)
{
    static big in;
    int out = 0;
    memset(in.bytes, 1, sizeof in.bytes);
    arm();
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, sum_big, &in, &out);
        int rc = weft_await(t);
        disarm();
        WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
        WEFT_CHECK_EQ(out, rc == 0 ? 2 : 0);
    }
    return 0;
}
WEFT_TEST(without_memory_for_a_large_input_a_spawn_fails) { each_allocation_fails(weft_call(big_script)); }

/* ---- gather ---- */

static int gather_script(void)
{
    enum { N = 8 };
    int out[N] = { 0 }, in[N];
    weft_call calls[N];
    for (int i = 0; i < N; i++) {
        in[i] = i + 1;
        calls[i] = weft_call(count_and_sleep, &in[i], &out[i]);
    }
    counted = 0;
    arm();
    int rc = weft_gather_n(calls, N, .timeout_ms = FOREVER, .max_running = 3);
    disarm();
    WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
    int good = 0;
    for (int i = 0; i < N; i++) {
        WEFT_CHECK(out[i] == 0 || out[i] == i + 1);
        good += out[i] != 0;
    }
    WEFT_CHECK_EQ(good == N, rc == 0);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}
WEFT_TEST(without_memory_a_gather_fails_and_nothing_of_it_runs_on) { each_allocation_fails(weft_call(gather_script)); }

static int fail_with_text(const int *in, int *out)
{
    (void)out;
    WEFT_TRY(weft_sleep_ms(*in));
    return weft_fail(404, "number %d", *in);
}

static int gather_alone_script(void)
{
    enum { N = 5 };
    int out[N] = { 0 }, in[N];
    weft_error err[N];
    weft_call calls[N];
    memset(err, 1, sizeof err);
    for (int i = 0; i < N; i++) {
        in[i] = i + 1;
        calls[i] = weft_call(fail_with_text, &in[i], &out[i], .error = &err[i]);
    }
    arm();
    int rc = weft_gather_n(calls, N);
    disarm();
    WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
    for (int i = 0; rc == 0 && i < N; i++) {
        WEFT_CHECK(err[i].code == WEFT_STATUS(404) || err[i].code == WEFT_ENOMEM);
        WEFT_CHECK(err[i].text && err[i].text[0] && err[i].trace);
        WEFT_CHECK(err[i].status == 404 || err[i].status >= 500);
    }
    return 0;
}
WEFT_TEST(without_memory_calls_with_error_report_it_each) { each_allocation_fails(weft_call(gather_alone_script)); }

/* ---- errors ---- */

static int pass_on(int rc) { WEFT_TRY(rc, "passing on"); return 0; }
static int fail_script(void)
{
    arm();
    for (int i = 0; i < 12; i++) {
        int rc = pass_on(weft_fail(404 + i, "a text of some length, so that it needs memory: %0*d", 100, i));
        if (!WEFT_CHECK_EQ(rc, WEFT_STATUS(404 + i))) break;
        const weft_error *e = weft_error_of(rc);
        WEFT_NEED(e != NULL && e->text != NULL && e->trace != NULL);
        WEFT_CHECK_EQ(e->code, rc);
        WEFT_CHECK_EQ(e->status, 404 + i);
        WEFT_CHECK(e->text[0] != 0);
    }
    disarm();
    return 0;
}
WEFT_TEST(without_memory_a_failure_keeps_its_code_and_status) { each_allocation_fails(weft_call(fail_script)); }

static int records_script(void)
{
    int out = 0;
    arm();
    {
        WEFT_SCOPE(s);
        int rc = weft_await(weft_spawn(s, fail_with_text, (&(int){ 2 }), &out));
        WEFT_CHECK(rc == WEFT_STATUS(404) || rc == WEFT_ENOMEM);
        WEFT_CHECK(weft_error_of(rc)->text[0] != 0);
        WEFT_CHECK(weft_sleep_ms(1) < 0);
    }
    disarm();
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}
WEFT_TEST(without_memory_for_its_record_a_failure_is_still_told) { each_allocation_fails(weft_call(records_script)); }

/* ---- timers ---- */

/* Enough sleepers for the heap of timers to grow several times. */
enum { SLEEPERS = 300 };
static int slept[SLEEPERS];
static int sleep_and_note(const int *i)
{
    slept[*i] = weft_sleep_ms(1 + *i % 10);
    return 0;
}
static int timer_script(void)
{
    int64_t start = weft_now_ns();
    arm();
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < SLEEPERS; i++) {
            slept[i] = 99;
            weft_task *t = weft_spawn(s, sleep_and_note, &i);
            if (weft_task_done(t)) slept[i] = weft_await(t);
        }
        int rc = weft_join(s);
        disarm();
        WEFT_CHECK(allowed(rc));
        WEFT_CHECK(weft_now_ns() - start <= 10 * (int64_t)1000000);
    }
    for (int i = 0; i < SLEEPERS; i++) WEFT_CHECK(allowed(slept[i]) && slept[i] != 99);
    return 0;
}
WEFT_TEST(without_memory_for_a_timer_a_sleep_fails_and_never_hangs) { each_allocation_fails(weft_call(timer_script)); }

static int deadline_script(void)
{
    int64_t start = weft_now_ns();
    arm();
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        int rc = weft_sleep_ms(FOREVER);
        WEFT_CHECK(rc == WEFT_ETIMEDOUT || rc == WEFT_ENOMEM);
        weft_scope_deadline(s, 7);
        WEFT_CHECK(weft_sleep_ms(FOREVER) < 0);
    }
    disarm();
    WEFT_CHECK(weft_now_ns() - start <= 12 * (int64_t)1000000);
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}
WEFT_TEST(without_memory_for_its_timer_a_deadline_ends_early_and_never_hangs) { each_allocation_fails(weft_call(deadline_script)); }

/* ---- memory ---- */

typedef struct list { int *items; uint32_t count, room; } list;
static int memory_script(void)
{
    list l = { 0 };
    arm();
    {
        WEFT_TEMP;
        char *p = weft_alloc(5000);
        if (p) memset(p, 1, 5000);
        weft_str s = weft_format("%0*d", 6000, 1);
        WEFT_CHECK(s.ptr != NULL && (s.len == 0 || s.len == 6000));
        WEFT_CHECK_EQ(s.ptr[s.len], 0);
        for (int i = 0; i < 5000; i++) weft_push(&l, i);
        disarm();
        for (uint32_t i = 1; i < l.count; i++)
            if (!WEFT_CHECK(l.items[i] > l.items[i - 1])) break;
    }
    WEFT_CHECK(weft_alloc(100) != NULL);
    return 0;
}
/* With every allocation refused there is no scrap slot either, which ends the process: one failure at a time. */
WEFT_TEST(without_memory_allocations_are_refused_and_lists_stay_whole)
{
    world_mem.failures = 1;
    for (fail_at = 0; world_mem.failures > 0 && fail_at < 200; fail_at++) {
        world_open_sim(0);
        int rc = world_run(weft_call(memory_script));
        WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM || rc == WEFT_ELIMIT);
        disarm();
        world_close();
        WEFT_CHECK_EQ(world_mem.blocks, 0);
    }
    WEFT_CHECK(fail_at > 3 && fail_at < 200);
}

/* ---- the loop itself ---- */

static int nothing(void) { return 0; }

static void open_and_run(weft__os *(*make)(void))
{
    world_mem_watch();
    for (fail_at = 0; fail_at < 200; fail_at++) {
        world_mem.failures = 0;
        world_mem.fail_after = fail_at;
        weft__os *os = make();
        weft__loop *loop = os ? weft__loop_new(os) : NULL;
        int rc = loop ? weft__loop_run(loop, weft_call(nothing)) : WEFT_ENOMEM;
        disarm();
        WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
        if (rc < 0) WEFT_CHECK(world_mem.failures > 0);
        if (loop) WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(still_works)), 0);
        weft__errors_clear();
        if (loop) weft__loop_free(loop);
        if (os) os->ops->free(os);
        WEFT_CHECK_EQ(world_mem.blocks, 0);
        if (!world_mem.failures) break;
    }
    WEFT_CHECK(fail_at > 2 && fail_at < 200);
}

static weft__os *make_sim(void) { return weft__sim_new(&(weft__sim_opts){ .seed = 0 }); }
WEFT_TEST(without_memory_a_loop_is_not_opened_or_does_not_run__sim) { open_and_run(make_sim); }
WEFT_TEST(without_memory_a_loop_is_not_opened_or_does_not_run__epoll) { open_and_run(weft__os_linux_new); }

/* ---- threads ---- */

static const weft_threads narrow = { .name = "narrow", .threads_max = 1, .queue_max = -1 };

static int makes_text(const int *n, weft_str *out)
{
    if (!weft_alloc((size_t)*n)) return weft_fail(WEFT_ENOMEM, "no room for %d bytes", *n);
    *out = weft_format("%d bytes", *n);
    return *n % 2 ? weft_fail(WEFT_ENOENT, "%d is odd", *n) : 0;
}

static int call_makes_text(const int *n, weft_str *out)
{
    int rc = weft_in_thread_of(&narrow, makes_text, n, out, .abandon = *n > 4000);
    WEFT_CHECK(allowed(rc) || (rc == WEFT_ENOENT && *n % 2));
    WEFT_CHECK((rc == 0) == (out->len != 0));
    if (rc == 0) WEFT_CHECK_STR(*out, *n == 100 ? "100 bytes" : "5000 bytes");
    return rc == WEFT_ENOENT ? 0 : rc;
}

static void add_one(void *arg) { ++*(int *)arg; }

static int thread_script(void)
{
    weft_str out[4] = { 0 };
    int posted = 0, value = 0, sent = 0;
    arm();
    world_ignore(weft_gather(weft_call(call_makes_text, (&(int){ 100 }), &out[0]), weft_call(call_makes_text, (&(int){ 101 }), &out[1]),
        weft_call(call_makes_text, (&(int){ 5000 }), &out[2]), weft_call(call_makes_text, (&(int){ 5001 }), &out[3])));
    weft_inbox *inbox = weft_inbox_open();
    if (inbox && weft_post(inbox, add_one, &posted) == 0) sent++;
    weft_promise *p = weft_promise_open(sizeof value);
    if (p) weft_promise_fulfil(p, 0, &(int){ 7 });
    if (p) WEFT_CHECK_EQ(weft_promise_await(p, &value), 0);
    WEFT_CHECK_EQ(value, p ? 7 : 0);
    weft_promise_close(p);
    weft_inbox_close(inbox);
    WEFT_CHECK_EQ(posted, sent);
    disarm();
    return 0;
}

WEFT_TEST(without_memory_a_call_on_a_thread_fails_and_nothing_of_it_is_lost) { each_allocation_fails(weft_call(thread_script)); }

/* ---- between tasks ---- */

static int quorum_script(void)
{
    enum { N = 5 };
    int out[N] = { 0 }, in[N];
    weft_call calls[N];
    weft_error err[N];
    memset(err, 1, sizeof err);
    for (int i = 0; i < N; i++) {
        in[i] = i + 1;
        calls[i] = weft_call(count_and_sleep, &in[i], &out[i], .error = &err[i]);
    }
    calls[1] = weft_call(fail_with_text, &in[1], &out[1], .error = &err[1]);
    arm();
    int rc = weft_gather_n(calls, N, .enough = 3, .timeout_ms = FOREVER);
    int winner = weft_race_n(calls, N);
    disarm();
    int good = 0;
    for (int i = 0; i < N; i++) good += out[i] == i + 1;
    WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM || rc == WEFT_STATUS(404));
    if (rc == 0) WEFT_CHECK(good >= 3);
    WEFT_CHECK(winner >= 0 ? out[winner] == winner + 1 : winner == WEFT_ENOMEM || winner == WEFT_STATUS(404));
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}
WEFT_TEST(without_memory_a_quorum_counts_what_did_not_begin_as_failed) { each_allocation_fails(weft_call(quorum_script)); }

static int start_and_end(const int *fails, int *out)
{
    WEFT_TRY(weft_sleep_ms(1));
    if (*fails) return weft_fail(404, "number %d", *fails);
    weft_started();
    *out = 1;
    return 0;
}

static int start_script(void)
{
    int out = 0;
    arm();
    {
        WEFT_SCOPE(s);
        int rc = weft_start(s, start_and_end, (&(int){ 1 }), &out);
        WEFT_CHECK(rc == WEFT_STATUS(404) || rc == WEFT_ENOMEM);
        rc = weft_start(s, start_and_end, (&(int){ 0 }), &out);
        WEFT_CHECK(rc == WEFT_ENOMEM || (rc == 0 && out == 1));
        WEFT_CHECK(allowed(weft_join(s)));
        disarm();
    }
    return 0;
}
WEFT_TEST(without_memory_a_start_fails_and_leaves_no_task) { each_allocation_fails(weft_call(start_script)); }

static struct { weft_once once; weft_channel(int) channel; int sum; } shared;
static weft_local(int) number;

static int fail_late(void)
{
    WEFT_TRY(weft_sleep_ms(1));
    return weft_fail(404, "number %d", weft_local_get(&number, 0));
}

static int share(const int *value)
{
    int rc = weft_local_set(&number, *value);
    WEFT_CHECK(allowed(rc) && weft_local_get(&number, 0) == (rc < 0 ? 1 : *value));
    rc = weft_once_do(&shared.once, fail_late);
    WEFT_CHECK(rc == WEFT_STATUS(404) || (rc < 0 && allowed(rc)));
    WEFT_CHECK(weft_error_of(rc)->text[0] != 0);
    WEFT_TRY(weft_send(&shared.channel, *value));
    return 0;
}

static int share_script(void)
{
    memset(&shared, 0, sizeof shared);
    WEFT_TRY(weft_local_set(&number, 1));
    arm();
    if (weft_channel_open(&shared.channel, 4) == 0) {
        WEFT_SCOPE(s);
        for (int i = 2; i < 6; i++) weft_spawn(s, share, &i);
        int rc = weft_join(s), item, got = 0;
        while (weft_try_recv(&shared.channel, &item) > 0) got++;
        WEFT_CHECK(allowed(rc) && (rc < 0 || got == 4));
    }
    disarm();
    WEFT_CHECK(!shared.once.waiting.first && !shared.once.runner);
    weft_channel_free(&shared.channel);
    return 0;
}
WEFT_TEST(without_memory_what_tasks_share_stays_whole) { each_allocation_fails(weft_call(share_script)); }
