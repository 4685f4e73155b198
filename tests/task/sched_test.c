/* Turns: who runs when, fairness, and that the simulator repeats itself. */
#include "world.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 1000, ROUNDS = 5 };
static int turn_of[TASKS], sequence[TASKS * ROUNDS], steps;

static int take_turns(const int *id)
{
    for (int i = 0; i < ROUNDS; i++) {
        turn_of[*id]++;
        sequence[steps++] = *id;
        WEFT_TRY(weft_yield());
    }
    return 0;
}

static bool one_turn_each(int round)
{
    static char seen[TASKS];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < TASKS; i++) {
        int id = sequence[round * TASKS + i];
        if (seen[id]++) return false;
    }
    return true;
}

static bool in_order(int round)
{
    for (int i = 0; i < TASKS; i++)
        if (sequence[round * TASKS + i] != i) return false;
    return true;
}

TASK_TEST(b38_a_thousand_ready_tasks_run_once_each_a_round)
{
    memset(turn_of, 0, sizeof turn_of);
    steps = 0;
    WEFT_SCOPE(s);
    for (int i = 0; i < TASKS; i++) weft_spawn(s, take_turns, &i);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_NEED(steps == TASKS * ROUNDS);
    for (int r = 0; r < ROUNDS; r++) {
        WEFT_CHECK(one_turn_each(r));
        WEFT_CHECK_EQ(in_order(r), world_now.fifo);
    }
    return 0;
}

static bool woke;
static int wake_up(const int *ms) { WEFT_TRY(weft_sleep_ms(*ms)); woke = true; return 0; }
static int yield_until_woken(void)
{
    int64_t end = world_real_ms() + 5000;
    while (!woke && WEFT_CHECK(world_real_ms() < end)) WEFT_TRY(weft_yield());
    return 0;
}

EPOLL_TEST(b38_a_thousand_busy_tasks_do_not_starve_the_timers)
{
    woke = false;
    WEFT_SCOPE(s);
    weft_spawn(s, wake_up, (&(int){ 20 }));
    for (int i = 0; i < TASKS; i++) weft_spawn(s, yield_until_woken);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(woke);
    return 0;
}

TASK_TEST(b39_after_a_task_that_computes_for_long_the_others_run)
{
    woke = false;
    WEFT_SCOPE(s);
    weft_spawn(s, wake_up, (&(int){ 5 }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    world_burn_ms(30);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(woke);
    return 0;
}

static int nothing(void) { return 0; }
static int wake_now(void) { woke = true; return 0; }

TASK_TEST(awaiting_what_has_ended_again_and_again_does_not_starve_others)
{
    woke = false;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, nothing);
    WEFT_CHECK_EQ(weft_await(t), 0);
    weft_spawn(s, wake_now);
    for (int i = 0; i < 1000000 && !woke; i++)
        if (!WEFT_CHECK_EQ(weft_await(t), 0)) break;
    WEFT_CHECK(woke);
    return 0;
}

static int count_to(const int *n, int *out)
{
    for (int i = 0; i < *n; i++) {
        WEFT_TRY(weft_yield());
        ++*out;
    }
    return 0;
}

TASK_TEST(a_yield_lets_every_other_ready_task_run_once)
{
    enum { N = 10 };
    int counted[N] = { 0 };
    WEFT_SCOPE(s);
    for (int i = 0; i < N; i++) weft_spawn(s, count_to, (&(int){ 20 }), &counted[i]);
    WEFT_CHECK_EQ(weft_yield(), 0);
    for (int r = 1; r <= 10; r++) {
        WEFT_CHECK_EQ(weft_yield(), 0);
        for (int i = 0; i < N; i++) WEFT_CHECK(counted[i] >= r - 1 && counted[i] <= r + 1);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    return 0;
}

TASK_TEST(a_checkpoint_of_an_operation_that_succeeds_at_once_yields_now_and_then)
{
    woke = false;
    WEFT_SCOPE(s);
    weft_spawn(s, wake_now);
    for (int i = 0; i < 100000 && !woke; i++) WEFT_CHECK_EQ(weft__checkpoint(), 0);
    WEFT_CHECK(woke);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft__checkpoint(), WEFT_ECANCELED);
    return 0;
}

/* ---- operations that succeed at once, between two looks at sockets and timers ---- */

static long since_poll, most_since_poll;
static void count_poll(weft__hook *hook)
{
    (void)hook;
    if (since_poll > most_since_poll) most_since_poll = since_poll;
    since_poll = 0;
}

static int work_at_once(const int *operations)
{
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < *operations; i++) {
            WEFT_TRY(weft__checkpoint());
            since_poll++;
        }
        WEFT_TRY(weft_yield());
    }
    return 0;
}

static int many_at_once(const int *operations)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 300; i++) weft_spawn(s, work_at_once, operations);
    return weft_join(s);
}

EPOLL_TEST(b38_operations_that_succeed_at_once_do_not_keep_the_loop_from_polling)
{
    static const int per_turn[] = { 1, 7, 8, 9, 63, 64, 1000 };
    weft__hook hook = { .run = count_poll };
    weft__loop_hook(weft__loop_here(), &hook);
    for (size_t i = 0; i < weft_count(per_turn); i++) {
        since_poll = most_since_poll = 0;
        WEFT_CHECK_EQ(many_at_once(&per_turn[i]), 0);
        WEFT_CHECK(most_since_poll > 0);
        WEFT_CHECK(most_since_poll <= 1100);
    }
    weft__loop_unhook(weft__loop_here(), &hook);
    return 0;
}

/* ---- parking and waking, as the floors above do ---- */

static weft__fiber *parked;
static int park_rc;
static int park(const int *ms)
{
    parked = weft__self();
    park_rc = weft__park("a test", *ms < 0 ? INT64_MAX : weft_now_ns() + *ms * (int64_t)1000000);
    parked = NULL;
    return 0;
}

TASK_TEST(the_first_wake_of_a_parked_task_counts)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, park, (&(int){ -1 }));
    WEFT_CHECK(!weft__wake(weft__self(), 1));             /* of a running task: nothing */
    world_turn();
    WEFT_NEED(parked != NULL);
    WEFT_CHECK(weft__wake(parked, 17));
    WEFT_CHECK(!weft__wake(parked, 18));
    weft_task_cancel(t);                                  /* too late: the result stands */
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(park_rc, 17);
    return 0;
}

TASK_TEST(a_park_ends_at_its_deadline_or_with_a_cancel)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, park, (&(int){ 10 }));
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(park_rc, WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 10);
    t = weft_spawn(s, park, (&(int){ FOREVER }));
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    weft_task_cancel(t);
    WEFT_CHECK(!weft__wake(parked, 3));                   /* the cancel was first */
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(park_rc, WEFT_ECANCELED);
    WORLD_TOOK(start, 15);
    return 0;
}

/* ---- loops ---- */

static int one(void) { WEFT_TRY(weft_sleep_ms(1)); return 1; }
static int bad(void) { WEFT_TRY(weft_sleep_ms(1)); return -5; }

static void run_several_times(void)
{
    for (int i = 0; i < 3; i++) {
        WEFT_CHECK_EQ(world_run(weft_call(one)), 1);
        WEFT_CHECK_EQ(world_run(weft_call(bad)), -5);
        WEFT_CHECK(weft_task_self() == NULL);
        WEFT_CHECK(weft__loop_here() == NULL);
    }
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}
WEFT_TEST(a_loop_can_run_one_call_after_another__epoll) { world_open_epoll(); run_several_times(); }
WEFT_TEST(a_loop_can_run_one_call_after_another__sim) { world_open_sim(1); run_several_times(); }

static int stop_myself(void)
{
    weft__loop_stop(world_now.loop);
    weft__loop_stop(world_now.loop);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 7;
}

WEFT_TEST(stopping_a_loop_cancels_the_root_task_which_may_clean_up)
{
    world_open_sim(0);
    WEFT_CHECK_EQ(world_run(weft_call(stop_myself)), 7);
    world_close();
    world_open_epoll();
    WEFT_CHECK_EQ(world_run(weft_call(stop_myself)), 7);
    world_close();
}

static int spawn_join_in_thread(void)
{
    for (int i = 0; i < 50; i++) {
        int counted[10] = { 0 };
        WEFT_SCOPE(s, .timeout_ms = FOREVER);
        for (int k = 0; k < 10; k++) weft_spawn(s, count_to, (&(int){ 5 }), &counted[k]);
        WEFT_TRY(weft_join(s));
        world_ignore(weft_fail(404, "in a thread of its own %d", i));
    }
    return 0;
}

static void *loop_in_thread(void *kind)
{
    weft__os *os = kind ? weft__os_linux_new() : weft__sim_new(&(weft__sim_opts){ .seed = 3 });
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    if (WEFT_CHECK(loop != NULL)) {
        WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(spawn_join_in_thread)), 0);
        weft__loop_free(loop);
    }
    if (os) os->ops->free(os);
    return NULL;
}

WEFT_TEST(loops_on_several_threads_do_not_touch_each_other)
{
    pthread_t threads[4];
    world_mem_watch();
    for (long i = 0; i < 4; i++) WEFT_NEED(pthread_create(&threads[i], NULL, loop_in_thread, (void *)(i % 2)) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

/* ---- the simulator ---- */

static uint64_t script_log;
static int script_task(const int *id)
{
    for (int i = 0; i < 5; i++) {
        script_log = script_log * 31 + (uint64_t)(*id * 7 + i);
        if (*id % 3 == 0) WEFT_TRY(weft_yield());
        else WEFT_TRY(weft_sleep_ms(*id % 4));
    }
    return *id % 7 == 6 ? weft_fail(500, "planned") : 0;
}
static int script(void)
{
    WEFT_SCOPE(s, .timeout_ms = 50);
    for (int i = 0; i < 20; i++) {
        if (i % 2) weft_spawn(s, script_task, &i);
        else weft_spawn(s, sleep_for, &i);
    }
    world_ignore(weft_sleep_ms(3));
    world_ignore(weft_join(s));
    return 0;
}

typedef struct outcome { uint64_t trace, events, log; int64_t now; } outcome;
static outcome run_script(uint64_t seed)
{
    outcome o;
    script_log = 0;
    world_open_sim(seed);
    WEFT_CHECK_EQ(world_run(weft_call(script)), 0);
    o = (outcome){ weft__sim_trace(world_now.os), weft__sim_events(world_now.os), script_log, world_now.os->ops->now_ns(world_now.os) };
    world_close();
    return o;
}

WEFT_TEST(b49_one_seed_and_one_script_make_one_trace)
{
    static const uint64_t seeds[] = { 0, 1, 2, 12345 };
    for (size_t i = 0; i < weft_count(seeds); i++) {
        outcome a = run_script(seeds[i]);
        void *noise = malloc(100000 + 5000 * i);           /* addresses must not matter */
        outcome b = run_script(seeds[i]);
        free(noise);
        WEFT_CHECK_EQ(a.trace, b.trace);
        WEFT_CHECK_EQ(a.events, b.events);
        WEFT_CHECK_EQ(a.log, b.log);
        WEFT_CHECK_EQ(a.now, b.now);
        WEFT_CHECK(a.events > 0);
    }
}

WEFT_TEST(b49_another_seed_makes_another_trace_and_another_order)
{
    outcome a = run_script(1), b = run_script(2), c = run_script(0);
    WEFT_CHECK(a.trace != b.trace);
    WEFT_CHECK(a.log != b.log || a.log != c.log);
    WEFT_CHECK(a.trace != c.trace);
}

static weft_task *left, *right;
static int deadlock_rc[2];
static int await_right(void) { return deadlock_rc[0] = weft_await(right); }
static int await_left(void) { return deadlock_rc[1] = weft_await(left); }
static int await_each_other(void)
{
    WEFT_SCOPE(s);
    left = weft_spawn(s, await_right);
    right = weft_spawn(s, await_left);
    return weft_join(s);
}

WEFT_TEST(tasks_that_wait_for_each_other_are_named_and_the_run_ends_with_a_deadlock__sim)
{
    world_open_sim(0);
    world_capture_begin();
    int rc = world_run(weft_call(await_each_other));
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(rc, WEFT_EDEADLK);
    WEFT_CHECK(world_count_in(log, "await_left") >= 1);
    WEFT_CHECK(world_count_in(log, "await_right") >= 1);
    WEFT_CHECK(deadlock_rc[0] < 0 && deadlock_rc[1] < 0);
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}
