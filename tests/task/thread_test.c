/* weft_in_thread: what crosses between a task and a thread, and what a cancel, a deadline and a full pool do. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "task/fiber.h"
#include "thread_world.h"
#include "weft/inspect.h"
#include "weft/sync.h"

static const weft_threads one = { .name = "one", .threads_max = 1 };
static const weft_threads one_and_one = { .name = "images", .threads_max = 1, .queue_max = 1, .when_full = WEFT_FAIL };
static const weft_threads one_and_none = { .name = "tight", .threads_max = 1, .queue_max = -1 };
static const weft_threads four = { .name = "four", .threads_max = 4 };

static bool says(int rc, const char *word) { return strstr(weft_error_of(rc)->text, word) != NULL; }
static bool traced(int rc, const char *word) { return strstr(weft_error_of(rc)->trace, word) != NULL; }
static int begun_count, run_count;       /* calls that began, and ran, counted by themselves */
static int ran(void) { return __atomic_load_n(&run_count, __ATOMIC_ACQUIRE); }
static int count(void) { return __atomic_add_fetch(&run_count, 1, __ATOMIC_ACQ_REL); }

/* While it is shut, calls that take time on real threads do not end; in the simulator they take JOB_MS anyway. */
static bool shut;
static void gate_open(void) { __atomic_store_n(&shut, false, __ATOMIC_RELEASE); }
static void gate_shut(void)
{
    __atomic_store_n(&begun_count, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&run_count, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&shut, true, __ATOMIC_RELEASE);
}
static void nobody_ran(void) { gate_shut(), gate_open(); }
static void takes_time(void)
{
    __atomic_add_fetch(&begun_count, 1, __ATOMIC_ACQ_REL);
    thread_take_ms(__atomic_load_n(&shut, __ATOMIC_ACQUIRE) ? 0 : JOB_MS);
    while (!world_now.virtual_time && __atomic_load_n(&shut, __ATOMIC_ACQUIRE)) thread_take_ms(1);
}
/* What no call does any more, since one failed, is not waited for without end. */
enum { PATIENCE_MS = 10000 };
static void until_counted(const int *at, int n)
{
    int64_t began = world_real_ms();
    while (__atomic_load_n(at, __ATOMIC_ACQUIRE) < n) WEFT_NEED(weft_sleep_ms(1) == 0 && world_real_ms() - began < PATIENCE_MS);
}
/* Until so many calls are under way; in the simulator they are after any wait, and run later. */
static void until_begun(int n)
{
    if (world_now.virtual_time) WEFT_NEED(weft_sleep_ms(JOB_MS / 4) == 0);
    else until_counted(&begun_count, n);
}
/* Until the calls that were abandoned have ended, and their ends were told. */
static void until_dropped(void)
{
    gate_open();
    until_counted(&run_count, 1);
    WEFT_CHECK_EQ(weft_sleep_ms(5 * JOB_MS), 0);
}
static int open_later(const int *ms)
{
    WEFT_TRY(weft_sleep_ms(*ms));
    gate_open();
    return 0;
}

/* ---- what crosses ---- */

static int twice(const int *in, int *out)
{
    takes_time();
    count();
    *out = *in * 2;
    return 0;
}

static int tick(int *const *at)
{
    for (;;) {
        WEFT_TRY(weft_sleep_ms(1));
        ++**at;
    }
}

THREAD_TEST(a_call_on_a_thread_gives_its_output_while_other_tasks_run)
{
    int out = 0, ticks = 0, *at = &ticks;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, tick, &at);
    WEFT_CHECK_EQ(weft_in_thread(twice, (&(int){ 21 }), &out), 0);
    WEFT_CHECK_EQ(out, 42);
    WORLD_TOOK(start, JOB_MS);
    WEFT_CHECK(ticks >= 5);
    return 0;
}

static int which_thread(const weft_str *unused, pthread_t *out)
{
    (void)unused;
    *out = pthread_self();
    return 0;
}

EPOLL_TEST(a_call_runs_on_another_thread_than_its_loop)
{
    pthread_t there = pthread_self();
    WEFT_CHECK_EQ(weft_in_thread(which_thread, (&(weft_str){ 0 }), &there), 0);
    WEFT_CHECK(!pthread_equal(there, pthread_self()));
    return 0;
}

typedef struct large { char bytes[20000]; } large;
static int copy_large(const large *in, large *out)
{
    thread_take_ms(5);
    *out = *in;
    return 3;
}
typedef struct large_call { large in, out; } large_call;
static int call_large(large_call *const *c)
{
    int rc = weft_in_thread(copy_large, &(*c)->in, &(*c)->out);
    return rc == 3 ? 0 : WEFT_EINVAL;
}

THREAD_TEST(the_input_is_copied_when_the_call_is_made)
{
    large_call *c = weft_alloc(sizeof *c);
    memset(&c->in, 'a', sizeof c->in);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, call_large, &c);
    world_turn();
    memset(&c->in, 'b', sizeof c->in);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(c->out.bytes[0], 'a');
    WEFT_CHECK_EQ(c->out.bytes[sizeof c->out - 1], 'a');
    return 0;
}

static int fill(const int *in, int *out)
{
    for (int i = 0; i < 4; i++) out[i] += in[i];
    return 0;
}

THREAD_TEST(arrays_cross_whole_in_both_directions)
{
    int in[4] = { 1, 2, 3, 4 }, out[4] = { 10, 20, 30, 40 };
    WEFT_CHECK_EQ(weft_in_thread(fill, in, out), 0);
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(out[i], 11 * (i + 1));
    return 0;
}

static int only_told(const int *in)
{
    count();
    return *in;
}
static int nothing(void) { return count() ? 0 : -1; }

THREAD_TEST(calls_without_output_and_without_input_run_too)
{
    nobody_ran();
    WEFT_CHECK_EQ(weft_in_thread(only_told, (&(int){ 5 })), 5);
    WEFT_CHECK_EQ(weft_in_thread(nothing), 0);
    WEFT_CHECK_EQ(weft_in_thread_of(&weft_blocking, nothing), 0);
    WEFT_CHECK_EQ(ran(), 3);
    return 0;
}

static int fails_late(const int *in, int *out)
{
    *out = 99;
    WEFT_TRY(weft_fail(409, "item %d is taken", *in), "while taking it");
    return 0;
}

THREAD_TEST(a_failure_comes_over_with_text_status_and_trace_and_leaves_the_output)
{
    int out = 7;
    world_ignore(weft_fail(409, "an earlier one"));
    int rc = weft_in_thread_of(&four, fails_late, (&(int){ 12 }), &out);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(409));
    WEFT_CHECK_EQ(out, 7);
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_STR(weft_str_of(e->text), "item 12 is taken");
    WEFT_CHECK_EQ(e->status, 409);
    WEFT_CHECK(weft__error_shown(rc));
    WEFT_CHECK(traced(rc, "while taking it"));
    WEFT_CHECK(traced(rc, "in fails_late, on a thread of pool four"));
    return 0;
}

static int fails_plainly(void) { return WEFT_ENOENT; }

THREAD_TEST(a_code_without_a_record_is_not_taken_for_an_earlier_failure)
{
    world_ignore(weft_fail(WEFT_ENOENT, "no such key"));
    WEFT_CHECK_EQ(weft_in_thread(fails_plainly), WEFT_ENOENT);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ENOENT)->text), "no such thing");
    return 0;
}

typedef struct texts { weft_str *items; uint32_t count, room; } texts;

static int lists(const int *n, texts *out)
{
    for (int i = 0; i < *n; i++) {
        WEFT_TEMP;
        WEFT_CHECK(weft_alloc(10000) != NULL);
    }
    for (int i = 0; i < *n; i++) weft_push(out, weft_format("text %d", i));
    return 0;
}

THREAD_TEST(what_a_call_allocates_is_its_callers_in_the_end)
{
    texts out = { 0 };
    WEFT_CHECK(weft_alloc(100) != NULL);
    WEFT_CHECK_EQ(weft_in_thread(lists, (&(int){ 1000 }), &out), 0);
    WEFT_NEED(out.count == 1000);
    WEFT_CHECK_STR(out.items[999], "text 999");
    weft_push(&out, weft_format("one more"));
    WEFT_CHECK_STR(out.items[0], "text 0");
    WEFT_CHECK_STR(out.items[1000], "one more");
    return 0;
}

static int fill_arena(void)
{
    for (int i = 0; i < 40; i++) {
        if (!weft_alloc(1000)) return weft_fail(WEFT_ELIMIT, "gave out at %d", i);
    }
    return 0;
}
static int call_fill_arena(const int *unused, int *out)
{
    (void)unused, (void)out;
    return weft_in_thread(fill_arena);
}

THREAD_TEST(the_limit_of_the_callers_arena_holds_for_its_calls)
{
    weft_arena small;
    weft__arena_init(&small, weft__loop_blocks(world_now.loop), 64 * 1024);
    weft_arena *before = weft__arena_swap(&small);
    WEFT_CHECK_EQ(weft_in_thread(fill_arena), 0);
    WEFT_CHECK(small.bytes > 40000);
    WEFT_CHECK(!small.exceeded);
    WEFT_CHECK_EQ(weft_in_thread(fill_arena), WEFT_ELIMIT);
    WEFT_CHECK(says(WEFT_ELIMIT, "gave out at"));
    WEFT_CHECK(small.bytes <= 64 * 1024);
    weft__arena_swap(before);
    weft__arena_free(&small);
    return 0;
}

THREAD_TEST(two_calls_at_once_do_not_pass_the_limit_together)
{
    weft_arena small;
    weft__arena_init(&small, NULL, 64 * 1024);
    weft_arena *before = weft__arena_swap(&small);
    weft_error a = { 0 }, b = { 0 };
    int n = 0;
    WEFT_CHECK_EQ(weft_gather(weft_call(call_fill_arena, &n, &n, .error = &a), weft_call(call_fill_arena, &n, &n, .error = &b)), 0);
    WEFT_CHECK(small.bytes <= 64 * 1024);
    WEFT_CHECK_EQ(a.code + b.code, WEFT_ELIMIT);       /* one of them, and not both */
    WEFT_CHECK(strstr(a.code ? a.text : b.text, "weft_in_thread(fill_arena)") != NULL);
    weft__arena_swap(before);
    weft__arena_free(&small);
    return 0;
}

/* ---- what nothing on a thread may do ---- */

static int sleeps_as_tasks_do(void) { return weft_sleep_ms(1); }
static int calls_again(void) { return weft_in_thread(nothing); }

THREAD_TEST(what_waits_fails_on_a_thread_by_both_names)
{
    int rc = weft_in_thread(sleeps_as_tasks_do);
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_CHECK(says(rc, "weft_sleep_ms inside weft_in_thread(sleeps_as_tasks_do): nothing waits on a thread; call what blocks"));
    nobody_ran();
    rc = weft_in_thread(calls_again);
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_CHECK(says(rc, "weft_in_thread inside weft_in_thread(calls_again)"));
    WEFT_CHECK_EQ(ran(), 0);
    return 0;
}

/* ---- options ---- */

static int with_options(weft_threads options)
{
    static weft_threads pools[8];
    static int next;
    weft_threads *pool = &pools[next++ % 8];
    *pool = options;
    return weft_in_thread_of(pool, nothing);
}

EPOLL_TEST(options_of_a_pool_that_make_no_sense_are_refused_by_their_names)
{
    WEFT_CHECK_EQ(with_options((weft_threads){ .name = "images", .threads_max = -1 }), WEFT_EINVAL);
    WEFT_CHECK(says(WEFT_EINVAL, "thread pool images: .threads_max is -1"));
    WEFT_CHECK_EQ(with_options((weft_threads){ .threads_max = 1025 }), WEFT_EINVAL);
    WEFT_CHECK_EQ(with_options((weft_threads){ .queue_max = -2 }), WEFT_EINVAL);
    WEFT_CHECK(says(WEFT_EINVAL, "thread pool threads: .queue_max is -2"));
    WEFT_CHECK_EQ(with_options((weft_threads){ .stack_bytes = 4096 }), WEFT_EINVAL);
    WEFT_CHECK(says(WEFT_EINVAL, ".stack_bytes is 4096"));
    WEFT_CHECK_EQ(with_options((weft_threads){ .when_full = (weft_when_full)7 }), WEFT_EINVAL);
    WEFT_CHECK_EQ(with_options((weft_threads){ .threads_max = 1024, .queue_max = -1, .stack_bytes = 64 * 1024 }), 0);
    return 0;
}

/* ---- cancel ---- */

typedef struct told { int rc, out; bool returned; } told;
typedef struct asked { const weft_threads *pool; told *at; int in; bool abandon; int timeout_ms; } asked;

static int ask(const asked *a)
{
    int out = -1;
    a->at->rc = weft_in_thread_of(a->pool, twice, &a->in, &out, .abandon = a->abandon, .timeout_ms = a->timeout_ms);
    a->at->out = out;
    a->at->returned = true;
    return 0;
}

THREAD_TEST(b42_a_cancelled_caller_waits_for_its_call_that_runs_and_keeps_the_result)
{
    told at = { 0 };
    int64_t start = weft_now_ns();
    gate_shut();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, ask, (&(asked){ &four, &at, 4, false, 0 }));
        until_begun(1);
        weft_cancel(s);
        for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
        WEFT_CHECK(!at.returned);
        gate_open();
    }
    if (world_now.virtual_time) WORLD_TOOK(start, JOB_MS);
    WEFT_CHECK(at.returned);
    WEFT_CHECK_EQ(at.rc, 0);
    WEFT_CHECK_EQ(at.out, 8);
    WEFT_CHECK_EQ(ran(), 1);
    return 0;
}

static int call_then_sleep(const int *in, int *after)
{
    int out = 0;
    WEFT_CHECK_EQ(weft_in_thread(twice, in, &out), 0);
    WEFT_CHECK_EQ(out, 2 * *in);
    *after = weft_sleep_ms(FOREVER);
    return 0;
}

THREAD_TEST(b42_the_cancel_is_told_by_the_next_wait)
{
    int after = 0;
    gate_shut();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, call_then_sleep, (&(int){ 3 }), &after);
        until_begun(1);
        weft_cancel(s);
        gate_open();
    }
    WEFT_CHECK_EQ(after, WEFT_ECANCELED);
    return 0;
}

THREAD_TEST(b42_with_abandon_a_cancelled_caller_returns_at_once_and_the_result_is_dropped)
{
    told at = { 0 };
    int64_t start = weft_now_ns();
    gate_shut();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, ask, (&(asked){ &four, &at, 4, true, 0 }));
        until_begun(1);
        weft_cancel(s);
    }
    if (world_now.virtual_time) WORLD_TOOK(start, JOB_MS / 4);
    WEFT_CHECK_EQ(at.rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(ran(), 0);
    until_dropped();
    WEFT_CHECK_EQ(at.out, -1);
    return 0;
}

static int allocates_and_fails(const int *in, int *out)
{
    takes_time();
    WEFT_CHECK(weft_alloc(50000) != NULL);
    *out = *in;
    count();
    return weft_fail(500, "nobody hears this");
}
static int ask_in_vain(const int *in, int *out) { return weft_in_thread_of(&four, allocates_and_fails, in, out, .abandon = true); }

THREAD_TEST(b42_an_abandoned_call_gives_back_what_it_allocated_and_recorded)
{
    int out = 1;
    gate_shut();
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, ask_in_vain, (&(int){ 2 }), &out);
        until_begun(1);
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    }
    until_dropped();
    WEFT_CHECK_EQ(out, 1);
    return 0;
}

THREAD_TEST(b42_a_call_that_has_not_begun_is_taken_back_at_once)
{
    told first = { 0 }, second = { 0 };
    gate_shut();
    WEFT_SCOPE(outer);
    weft_spawn(outer, ask, (&(asked){ &one, &first, 1, false, 0 }));
    until_begun(1);
    {
        WEFT_SCOPE(s);
        weft_spawn(s, ask, (&(asked){ &one, &second, 2, false, 0 }));
        WEFT_CHECK_EQ(weft_sleep_ms(JOB_MS / 8), 0);
        weft_cancel(s);
    }
    WEFT_CHECK_EQ(second.rc, WEFT_ECANCELED);
    WEFT_CHECK(!first.returned);
    gate_open();
    WEFT_CHECK_EQ(weft_join(outer), 0);
    WEFT_CHECK_EQ(first.out, 2);
    WEFT_CHECK_EQ(weft_sleep_ms(2 * JOB_MS), 0);
    WEFT_CHECK_EQ(ran(), 1);
    return 0;
}

THREAD_TEST(a_call_in_a_cancelled_scope_does_not_begin)
{
    nobody_ran();
    WEFT_SCOPE(s);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_in_thread(nothing), WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_in_thread(nothing), WEFT_ECANCELED);
    WEFT_CHECK(weft_scope_caught(s));
    WEFT_CHECK_EQ(ran(), 0);
    return 0;
}

/* ---- deadlines ---- */

THREAD_TEST(a_call_that_waits_for_a_thread_ends_at_its_deadline)
{
    told first = { 0 };
    int out = -1;
    gate_shut();
    WEFT_SCOPE(s);
    weft_spawn(s, ask, (&(asked){ &one, &first, 1, false, 0 }));
    until_begun(1);
    int rc = weft_in_thread_of(&one, twice, (&(int){ 1 }), &out, .timeout_ms = 10);
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(says(rc, "twice on a thread of pool one: not done within 10 ms"));
    WEFT_CHECK_EQ(out, -1);
    gate_open();
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(ran(), 1);
    return 0;
}

/* On real threads a call has begun long before its deadline, and ends after it. */
static int deadline_ms(void) { return world_now.virtual_time ? JOB_MS / 4 : 300; }

THREAD_TEST(a_call_that_runs_past_its_deadline_is_waited_for_and_its_result_stands)
{
    int out = -1;
    gate_shut();
    WEFT_SCOPE(s);
    weft_spawn(s, open_later, (&(int){ 2 * deadline_ms() }));
    WEFT_CHECK_EQ(weft_in_thread_of(&four, twice, (&(int){ 1 }), &out, .timeout_ms = deadline_ms()), 0);
    WEFT_CHECK_EQ(out, 2);
    return weft_join(s);
}

THREAD_TEST(a_call_that_runs_past_its_deadline_is_left_when_it_may_be_abandoned)
{
    int out = -1;
    gate_shut();
    int rc = weft_in_thread_of(&four, twice, (&(int){ 5 }), &out, .timeout_ms = deadline_ms(), .abandon = true);
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(says(rc, "twice on a thread of pool four: not done within "));
    WEFT_CHECK_EQ(ran(), 0);
    until_dropped();
    WEFT_CHECK_EQ(out, -1);
    return 0;
}

THREAD_TEST(the_deadline_of_a_scope_is_told_as_that_of_the_scope)
{
    told first = { 0 };
    gate_shut();
    WEFT_SCOPE(outer);
    weft_spawn(outer, ask, (&(asked){ &one, &first, 1, false, 0 }));
    until_begun(1);
    {
        WEFT_SCOPE(s, .timeout_ms = JOB_MS / 4);
        WEFT_CHECK_EQ(weft_in_thread_of(&one, nothing), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    gate_open();
    WEFT_CHECK_EQ(weft_join(outer), 0);
    return 0;
}

THREAD_TEST(a_call_with_error_fails_alone_unless_its_caller_was_cancelled)
{
    weft_error e = { .code = 1 };
    int out = 7;
    WEFT_CHECK_EQ(weft_in_thread_of(&four, fails_late, (&(int){ 3 }), &out, .error = &e), 0);
    WEFT_CHECK_EQ(e.code, WEFT_STATUS(409));
    WEFT_CHECK_STR(weft_str_of(e.text), "item 3 is taken");
    WEFT_CHECK_EQ(weft_in_thread_of(&four, twice, (&(int){ 3 }), &out, .error = &e), 0);
    WEFT_CHECK_EQ(e.code, 0);
    WEFT_CHECK_EQ(out, 6);
    WEFT_SCOPE(s);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_in_thread_of(&four, twice, (&(int){ 3 }), &out, .error = &e), WEFT_ECANCELED);
    WEFT_CHECK_EQ(e.code, WEFT_ECANCELED);
    return 0;
}

/* ---- full pools ---- */

THREAD_TEST(b43_a_full_pool_that_fails_says_so_at_once)
{
    told a[2] = { 0 };
    gate_shut();
    WEFT_SCOPE(s);
    for (int i = 0; i < 2; i++) weft_spawn(s, ask, (&(asked){ &one_and_one, &a[i], i, false, 0 }));
    until_begun(1);
    int64_t start = weft_now_ns();
    {
        WEFT_SCOPE(patience, .timeout_ms = PATIENCE_MS);
        WEFT_CHECK_EQ(weft_in_thread_of(&one_and_one, nothing), WEFT_ELIMIT);
    }
    if (world_now.virtual_time) WORLD_TOOK(start, 0);
    WEFT_CHECK(says(WEFT_ELIMIT, "thread pool images is full (1 running, 1 waiting; threads_max 1, queue_max 1): nothing was not begun"));
    gate_open();
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(ran(), 2);
    WEFT_CHECK_EQ(weft_in_thread_of(&one_and_one, nothing), 0);
    return 0;
}

static int order[16], ordered;
static int in_order(const int *in)
{
    order[ordered++] = *in;
    return 0;
}
static int call_in_order(const int *in) { return weft_in_thread_of(&one_and_none, in_order, in); }

THREAD_TEST(b43_calls_that_wait_for_a_place_get_it_in_order)
{
    ordered = 0;
    WEFT_SCOPE(s);
    for (int i = 0; i < 10; i++) {
        weft_spawn(s, call_in_order, &i);
        world_turn();
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(ordered, 10);
    for (int i = 0; i < 10; i++) WEFT_CHECK_EQ(order[i], i);
    return 0;
}

/* The loop has not heard of the end that makes room when the third asks. */
EPOLL_TEST(b43_who_comes_late_does_not_overtake_who_waits_for_a_place)
{
    told first = { 0 };
    ordered = 0;
    gate_shut();
    WEFT_SCOPE(s);
    weft_spawn(s, ask, (&(asked){ &one_and_none, &first, 1, false, 0 }));
    until_begun(1);
    weft_spawn(s, call_in_order, (&(int){ 2 }));
    world_turn();
    gate_open();
    for (int64_t began = world_real_ms(); !ran();) WEFT_NEED(world_real_ms() - began < PATIENCE_MS);
    world_burn_ms(20);
    weft_spawn(s, call_in_order, (&(int){ 3 }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(ordered, 2);
    WEFT_CHECK_EQ(order[0], 2);
    WEFT_CHECK_EQ(order[1], 3);
    return 0;
}

THREAD_TEST(b43_who_is_cancelled_while_waiting_for_a_place_leaves_the_queue)
{
    told a[6] = { 0 };
    WEFT_SCOPE(s);
    WEFT_SCOPE(some);
    nobody_ran();
    for (int i = 0; i < 6; i++) {
        weft_spawn(i == 2 || i == 5 ? some : s, ask, (&(asked){ &one_and_none, &a[i], i, false, 0 }));
        world_turn();
    }
    weft_cancel(some);
    WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
    WEFT_CHECK_EQ(a[2].rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(a[5].rc, WEFT_ECANCELED);
    weft__scope_await(s, 0, "the others");
    WEFT_CHECK_EQ(ran(), 4);
    for (int i = 0; i < 6; i++) WEFT_CHECK(i == 2 || i == 5 || (a[i].rc == 0 && a[i].out == 2 * i));
    return 0;
}

THREAD_SIM_TEST(without_a_thread_the_call_fails_by_the_pools_name)
{
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "submit", 1, WEFT_ENOMEM), 0);
    WEFT_CHECK_EQ(weft_in_thread_of(&four, nothing), WEFT_ENOMEM);
    WEFT_CHECK(says(WEFT_ENOMEM, "thread pool four: no thread can be started for nothing"));
    WEFT_CHECK_EQ(weft_in_thread_of(&four, nothing), 0);
    return 0;
}

THREAD_SIM_TEST(without_a_thread_who_waits_for_a_place_is_told)
{
    told a[3] = { 0 };
    WEFT_SCOPE(s);
    for (int i = 0; i < 3; i++) {
        weft_spawn(s, ask, (&(asked){ &one_and_none, &a[i], i, false, 0 }));
        world_turn();
    }
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "submit", 1, WEFT_ENOMEM), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(a[0].rc, 0);
    WEFT_CHECK_EQ(a[1].rc, WEFT_ENOMEM);
    WEFT_CHECK_EQ(a[2].rc, 0);
    return 0;
}

/* ---- what the list of tasks says ---- */

static int call_four(const int *in, int *out) { return weft_in_thread_of(&four, twice, in, out); }

THREAD_TEST(the_list_of_tasks_says_what_the_pool_does_and_who_has_its_threads)
{
    int out[6];
    weft_task *t[6];
    gate_shut();
    WEFT_SCOPE(s);
    for (int i = 0; i < 6; i++) {
        t[i] = weft_spawn(s, call_four, &i, &out[i]);
        world_turn();
    }
    until_begun(4);
    for (int i = 0; i < 6; i++) WEFT_NEED(t[i]->fiber && t[i]->fiber->held);
    const weft__held *runs = t[0]->fiber->held, *waits = t[5]->fiber->held;
    WEFT_CHECK_STR(weft_str_of(runs->kind), "thread pool");
    WEFT_CHECK_STR(weft_str_of(runs->name), "four: 4 running, 2 waiting");
    if (!world_now.virtual_time) {                     /* there a function begins in the middle of its call */
        WEFT_CHECK(runs->holder(runs, 0) == NULL);
        for (int i = 0; i < 4; i++) WEFT_CHECK(waits->holder(waits, i) == t[i]);
    }
    WEFT_CHECK(waits->holder(waits, 4) == NULL);
    weft_str text = weft_tasks_text();
    WEFT_CHECK_EQ(world_count_in(text.ptr, " for thread pool four: 4 running, 2 waiting"), 6);
    if (!world_now.virtual_time) WEFT_CHECK_EQ(world_count_in(text.ptr, "2 waiting held by #"), 2);
    gate_open();
    return weft_join(s);
}

/* ---- values of the task ---- */

static weft_local(int) customer;
static weft_local(const char *) trace_id;

typedef struct heard { int customer, set; char trace[8]; } heard;

static int hears(const int *unused, heard *out)
{
    (void)unused;
    thread_take_ms(JOB_MS);
    out->customer = weft_local_get(&customer, -1);
    snprintf(out->trace, sizeof out->trace, "%s", weft_local_get(&trace_id, "none"));
    out->set = weft_local_set(&customer, 99);
    return 0;
}
static int asks_as(const int *who, heard *out)
{
    WEFT_TRY(weft_local_set(&customer, *who));
    return weft_in_thread_of(&four, hears, who, out);
}
/* What others do with the values they share meanwhile. */
static int spawns_and_sets(const int *times)
{
    for (int i = 0; i < *times; i++) {
        WEFT_TRY(weft_local_set(&customer, -5));
        WEFT_TRY(weft_gather(weft_call(sleep_for, (&(int){ 1 }))));
    }
    return 0;
}

THREAD_TEST(a_call_on_a_thread_has_the_values_of_its_task_and_sets_none)
{
    heard here[3] = { 0 };
    const int who[3] = { 1, 2, 3 }, times = 20;
    WEFT_CHECK_EQ(weft_local_set(&trace_id, "7f"), 0);
    WEFT_CHECK_EQ(weft_local_set(&customer, 7), 0);
    WEFT_SCOPE(others);
    weft_spawn(others, spawns_and_sets, &times);
    WEFT_CHECK_EQ(weft_gather_each(asks_as, who, 3, here), 0);
    for (int i = 0; i < 3; i++) {
        WEFT_CHECK_EQ(here[i].customer, i + 1);
        WEFT_CHECK_STR(weft_str_of(here[i].trace), "7f");
        WEFT_CHECK_EQ(here[i].set, WEFT_EINVAL);
    }
    WEFT_CHECK_EQ(weft_local_get(&customer, -1), 7);
    return weft_join(others);
}

static int sets_a_value(void) { return weft_local_set(&customer, 1); }

THREAD_TEST(a_value_set_on_a_thread_is_refused_in_words)
{
    int rc = weft_in_thread(sets_a_value);
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_CHECK(says(rc, "weft_local_set inside weft_in_thread(sets_a_value)"));
    return 0;
}

THREAD_TEST(a_call_that_may_be_abandoned_has_no_values)
{
    heard here = { 0 };
    WEFT_CHECK_EQ(weft_local_set(&customer, 7), 0);
    WEFT_CHECK_EQ(weft_in_thread_of(&four, hears, (&(int){ 0 }), &here, .abandon = true), 0);
    WEFT_CHECK_EQ(here.customer, -1);
    return 0;
}

/* ---- calls without an output ---- */

static int refuses(const int *code) { return weft_fail(*code, "refused"); }
static int takes_long(void)
{
    thread_take_ms(JOB_MS);
    return 0;
}

THREAD_TEST(a_call_on_a_thread_without_an_output_may_fail_alone_and_be_left)
{
    weft_error e = { 0 };
    WEFT_CHECK_EQ(weft_in_thread(refuses, (&(int){ 404 }), NULL, .error = &e), 0);
    WEFT_CHECK_EQ(e.status, 404);
    WEFT_CHECK_EQ(weft_in_thread_of(&four, takes_long, NULL, NULL, .timeout_ms = 5, .abandon = true), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_in_thread_of(&four, takes_long, NULL, NULL, .timeout_ms = FOREVER), 0);
    return 0;
}

static int counts_to_ten(int *out)
{
    thread_take_ms(1);
    *out = 10;
    return 0;
}

THREAD_TEST(a_call_on_a_thread_without_an_input_has_an_output)
{
    int n = 0, left = 0;
    WEFT_CHECK_EQ(weft_in_thread(counts_to_ten, NULL, &n), 0);
    WEFT_CHECK_EQ(n, 10);
    WEFT_CHECK_EQ(weft_in_thread(counts_to_ten, NULL, &left, .abandon = true), 0);
    WEFT_CHECK_EQ(left, 10);
    return 0;
}
