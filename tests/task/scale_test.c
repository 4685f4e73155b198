/* Many: scopes, sleepers, spawns. What is given back is counted, not believed. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- deep ---- */

enum { DEEP = 10000 };

static weft_scope *enter_deep(int n, int timeout_ms)
{
    weft_scope *all = calloc((size_t)n, sizeof *all);
    WEFT_NEED(all != NULL);
    for (int i = 0; i < n; i++) {
        all[i] = (weft_scope){ .opts = { .timeout_ms = timeout_ms }, .place = WEFT__HERE };
        weft__scope_enter(&all[i]);
    }
    return all;
}

static void leave_deep(weft_scope *all, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        weft_scope *s = &all[i];
        weft__scope_leave(&s);
    }
    free(all);
}

TASK_TEST(b37_ten_thousand_nested_scopes_are_cancelled_and_unwound)
{
    static witness w;
    w = (witness){ 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    weft_scope *all = enter_deep(DEEP, FOREVER);
    weft_spawn(&all[DEEP - 1], witness_task, (&(witnessed){ &w, FOREVER, 1 }));
    weft_spawn(helpers, cancel_later, (&(on_scope){ &all[0], 5, 0 }));
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    WORLD_TOOK(start, 5);
    WEFT_CHECK(weft_scope_cancelled(&all[DEEP - 1]));
    WEFT_CHECK(!weft_scope_caught(&all[DEEP - 1]));
    WEFT_CHECK(weft_scope_caught(&all[0]));
    leave_deep(all, DEEP);
    WEFT_CHECK_EQ(w.rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(w.ended, 1);
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}

TASK_TEST(b37_a_scope_in_the_middle_of_ten_thousand_is_cancelled_with_those_below)
{
    WEFT_SCOPE(helpers);
    weft_scope *all = enter_deep(DEEP, 0);
    weft_cancel(&all[DEEP / 2]);
    WEFT_CHECK_EQ(weft_yield(), WEFT_ECANCELED);
    WEFT_CHECK(!weft_scope_cancelled(&all[DEEP / 2 - 1]));
    WEFT_CHECK(weft_scope_caught(&all[DEEP / 2]));
    leave_deep(all, DEEP);
    WEFT_CHECK_EQ(weft_yield(), 0);
    return 0;
}

enum { CHAIN = WORLD_SANITIZED ? 300 : 3000 };
static int chain_ended;
static int chain(const int *left)
{
    int rc;
    {
        WEFT_SCOPE(s);
        if (*left) rc = weft_await(weft_spawn(s, chain, (&(int){ *left - 1 })));
        else rc = weft_sleep_ms(FOREVER);
    }
    chain_ended++;
    return rc;
}

TASK_TEST(b37_a_chain_of_thousands_of_tasks_is_cancelled_and_unwound)
{
    chain_ended = 0;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, chain, (&(int){ CHAIN }));
    WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
    WEFT_CHECK_EQ(chain_ended, 0);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(chain_ended, CHAIN + 1);
    return 0;
}

/* ---- many spawns ---- */

static int increment(const int *in, int *out) { *out = *in + 1; return 0; }

/* A million; the tools that watch each access make it slow. */
static int cycles(void)
{
    const char *soak = getenv("WEFT_SOAK"), *given = getenv("WEFT_TEST_CYCLES");
    if (given) return atoi(given);
    return !WORLD_SANITIZED ? 1000000 : soak && soak[0] == '1' ? 100000 : 10000;
}

typedef struct footprint { long bytes, rss_kib, fds, maps; } footprint;
static footprint measure(void) { return (footprint){ world_mem.bytes, world_rss_kib(), world_fds(), world_maps() }; }

/* Sanitizers keep freed memory and mappings of their own, so with them only what we hold is compared. */
static void expect_flat(footprint before, footprint after)
{
    if (after.bytes > before.bytes + 32 * 1024) WEFT_CHECK_EQ(after.bytes, before.bytes);
    if (!WORLD_SANITIZED && after.rss_kib > before.rss_kib + 1024) WEFT_CHECK_EQ(after.rss_kib, before.rss_kib);
    WEFT_CHECK_EQ(after.fds, before.fds);
    if (!WORLD_SANITIZED && after.maps > before.maps + 4) WEFT_CHECK_EQ(after.maps, before.maps);
}

static void spawn_and_join(int i)
{
    int out = 0;
    WEFT_SCOPE(s);
    weft_spawn(s, increment, &i, &out);
    WEFT_CHECK_EQ(weft_join(s), 0);
    if (out != i + 1) WEFT_CHECK_EQ(out, i + 1);
}

static int spawn_join_flat(void)
{
    footprint before = { 0 };
    int n = cycles();
    for (int i = 0; i < n; i++) {
        if (i == n / 10) before = measure();
        spawn_and_join(i);
    }
    expect_flat(before, measure());
    return 0;
}
TASK_TEST(b48_spawning_and_joining_again_and_again_takes_no_memory) { return spawn_join_flat(); }

static int spawn_in_batches(int n, int batch)
{
    footprint before = { 0 };
    int *out = calloc((size_t)batch, sizeof *out);
    for (int i = 0; i < n; i += batch) {
        if (i >= n / 10 && !before.maps) before = measure();
        WEFT_SCOPE(s);
        for (int k = 0; k < batch; k++) weft_spawn(s, increment, &k, &out[k]);
        if (!WEFT_CHECK_EQ(weft_join(s), 0)) break;
    }
    WEFT_CHECK_EQ(out[batch - 1], batch);
    free(out);
    expect_flat(before, measure());
    return 0;
}
TASK_TEST(b48_spawning_a_thousand_at_a_time_again_and_again_takes_no_memory) { return spawn_in_batches(cycles(), 1000); }

TASK_TEST(b48_a_scope_that_forgets_spawns_without_end_and_without_memory)
{
    footprint before = { 0 };
    int n = cycles() / 2, out = 0;
    WEFT_SCOPE(s, .forget = true);
    for (int i = 0; i < n; i++) {
        if (i == n / 10) before = measure();
        weft_spawn(s, increment, &i, &out);
        if (i % 8 == 7 && !WEFT_CHECK_EQ(weft_yield(), 0)) break;
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    expect_flat(before, measure());
    return 0;
}

TASK_TEST(b48_a_scope_that_forgets_takes_no_memory_for_tasks_that_are_awaited_either)
{
    footprint before = { 0 };
    int n = cycles() / 2, out = 0;
    WEFT_SCOPE(s, .forget = true);
    for (int i = 0; i < n; i++) {
        if (i == n / 10) before = measure();
        weft_task *t = weft_spawn(s, increment, &i, &out);
        if (!WEFT_CHECK_EQ(weft_await(t), 0)) break;
    }
    WEFT_CHECK_EQ(out, n);
    expect_flat(before, measure());
    return 0;
}

static int fail_at_once(const int *in, int *out)
{
    (void)out;
    return weft_fail(404, "number %d", *in);
}

TASK_TEST(b48_failing_tasks_again_and_again_take_no_memory)
{
    footprint before = { 0 };
    int n = cycles() / 4, out = 0;
    for (int i = 0; i < n; i++) {
        if (i == n / 10) before = measure();
        WEFT_TEMP;
        weft_error err;
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, fail_at_once, &i, &out);
        if (!WEFT_CHECK_EQ(weft_await(t), WEFT_STATUS(404))) break;
        WEFT_CHECK_EQ(weft_gather(weft_call(fail_at_once, &i, &out, .error = &err)), WEFT_STATUS(404));
    }
    expect_flat(before, measure());
    return 0;
}

TASK_TEST(b48_gathers_again_and_again_take_no_memory)
{
    footprint before = { 0 };
    int n = cycles() / 4, out[3];
    for (int i = 0; i < n; i++) {
        if (i == n / 10) before = measure();
        if (!WEFT_CHECK_EQ(weft_gather(weft_call(increment, &i, &out[0]), weft_call(increment, &i, &out[1]),
            weft_call(increment, &i, &out[2], .timeout_ms = FOREVER)), 0)) break;
    }
    expect_flat(before, measure());
    return 0;
}

/* After a loop has been closed, nothing of it is mapped any more. */
static int five_hundred_sleepers(void)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 500; i++) weft_spawn(s, sleep_for, (&(int){ 2 }));
    return weft_join(s);
}
WEFT_TEST(a_closed_loop_leaves_no_mappings_and_no_descriptors)
{
    footprint after[3];
    for (int i = 0; i < 3; i++) {
        world_open_epoll();
        WEFT_CHECK_EQ(world_run(weft_call(five_hundred_sleepers)), 0);
        world_close();
        after[i] = measure();
    }
    WEFT_CHECK_EQ(after[2].bytes, after[1].bytes);
    WEFT_CHECK_EQ(after[2].fds, after[1].fds);
    if (!WORLD_SANITIZED && after[2].maps > after[1].maps + 2) WEFT_CHECK_EQ(after[2].maps, after[1].maps);
}

/* ---- many sleepers ---- */

static int woken;
static int sleep_and_count(const int *ms)
{
    WEFT_TRY(weft_sleep_ms(*ms));
    woken++;
    return 0;
}

/* Where a guard costs a mapping of its own there is room for some 32 000 stacks. */
static int many_sleepers(void)
{
    if (WORLD_SANITIZED) return 5000;
    return weft__os_guards_are_free() ? 100000 : 20000;
}

static int sleep_together(int n)
{
    woken = 0;
    long rss = world_rss_kib();
    {
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < n; i++) weft_spawn(s, sleep_and_count, (&(int){ 1500 + i % 100 }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        if (!WORLD_SANITIZED) WEFT_CHECK((world_rss_kib() - rss) / (n / 1000) < 6500);      /* 6.5 KiB each */
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(woken, n);
    return 0;
}
static int sleepers(void) { return sleep_together(many_sleepers()); }

WEFT_TEST(a_hundred_thousand_tasks_sleep_at_once__epoll) { world_epoll(weft_call(sleepers)); }
WEFT_TEST(a_hundred_thousand_tasks_sleep_at_once__sim)
{
    world_open_sim(0);
    WEFT_CHECK_EQ(world_run(weft_call(sleepers)), 0);
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

static int cancel_sleepers(void)
{
    int n = many_sleepers();
    woken = 0;
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < n; i++) weft_spawn(s, sleep_and_count, (&(int){ FOREVER }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    WEFT_CHECK_EQ(woken, 0);
    return 0;
}
WEFT_TEST(a_hundred_thousand_sleepers_are_cancelled_at_once__epoll) { world_epoll(weft_call(cancel_sleepers)); }

static int sleep_wave(void)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 20000 / (WORLD_SANITIZED ? 10 : 1); i++) weft_spawn(s, sleep_for, (&(int){ 1 }));
    return weft_join(s);
}

/* A burst of tasks leaves no more memory behind than the pool's bound. */
EPOLL_TEST(after_a_burst_of_tasks_their_stacks_are_given_back)
{
    WEFT_CHECK_EQ(sleep_wave(), 0);
    long after_burst = world_rss_kib();
    for (int i = 0; i < 25; i++) WEFT_CHECK_EQ(weft_sleep_ms(100), 0);
    for (int i = 0; i < 400; i++) WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    long later = world_rss_kib();
    if (!WORLD_SANITIZED && later > after_burst / 2) WEFT_CHECK_EQ(later, after_burst / 2);
    return 0;
}
