/* Sleeps, the order of timers, and the clock. */
#include "world.h"
#include <stdlib.h>
#include <string.h>
#include "os/sim.h"
#include "task/fiber.h"

enum { TIMERS = 500 };
static int order[TIMERS], fired;
static int64_t fired_ns[TIMERS];
typedef struct timed { int id, ms; } timed;
static int note_after(const timed *in)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    fired_ns[fired] = weft_now_ns();
    order[fired++] = in->id;
    return 0;
}
static int note_after_deadline(const timed *in)
{
    WEFT_SCOPE(s, .timeout_ms = in->ms);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    fired_ns[fired] = weft_now_ns();
    order[fired++] = in->id;
    return 0;
}

static void expect_one_tick_in_order(int64_t start)
{
    WEFT_CHECK_EQ(fired, TIMERS);
    WORLD_TOOK(start, 10);
    if (world_now.virtual_time) WEFT_CHECK_EQ(fired_ns[TIMERS - 1], fired_ns[0]);
    char seen[TIMERS] = { 0 };
    int out_of_order = 0;
    for (int i = 0; i < fired; i++) seen[order[i]]++;
    for (int i = 0; i < TIMERS; i++) out_of_order += order[i] != i;
    for (int i = 0; i < TIMERS; i++) WEFT_CHECK_EQ(seen[i], 1);
    if (world_now.fifo) WEFT_CHECK_EQ(out_of_order, 0);
}

TASK_TEST(b21_sleeps_of_the_same_end_fire_together_in_the_order_they_began)
{
    fired = 0;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < TIMERS; i++) weft_spawn(s, note_after, (&(timed){ i, 10 }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    expect_one_tick_in_order(start);
    return 0;
}

/* In which turns they run. */
enum { CROWD = 800, BUSY = 100 };
static uint64_t turns_of[CROWD];
static int wakes;
static bool enough;
static int asleep;
static int note_turn(const int64_t *due)
{
    asleep++;
    WEFT_TRY(weft_sleep_ms(world_now.virtual_time ? 20 : *due - world_real_ms()));
    turns_of[wakes++] = world_now.loop->turns;
    return 0;
}
static int gives_way(void)
{
    int64_t end = world_real_ms() + 20000;
    while (!enough && world_real_ms() < end) WEFT_TRY(weft_yield());
    return 0;
}
static int watch_crowd(int busy)
{
    wakes = asleep = 0;
    enough = false;
    WEFT_SCOPE(s);
    for (int i = 0; i < busy; i++) weft_spawn(s, gives_way);
    WEFT_SCOPE(crowd);
    int64_t due = world_real_ms() + 300;         /* by then all of them sleep */
    for (int i = 0; i < CROWD; i++) weft_spawn(crowd, note_turn, &due);
    while (asleep < CROWD) WEFT_TRY(weft_yield());
    if (!world_now.virtual_time) WEFT_TRY(weft_sleep_ms(due - 20 - world_real_ms()));
    while (!world_now.virtual_time && world_real_ms() < due + 2) continue;      /* so that the turn that finds them finds them all */
    WEFT_TRY(weft_join(crowd));
    enough = true;
    return weft_join(s);
}

TASK_TEST(of_a_crowd_that_is_due_together_few_run_in_each_turn)
{
    WEFT_CHECK_EQ(watch_crowd(0), 0);
    WEFT_CHECK(turns_of[CROWD - 1] - turns_of[0] >= (world_now.virtual_time ? CROWD / 16 : 4));      /* where time passes by itself a turn may have been long */
    return 0;
}

EPOLL_TEST(who_sleeps_is_not_left_behind_by_tasks_that_never_do)
{
    WEFT_CHECK_EQ(watch_crowd(BUSY), 0);
    WEFT_CHECK(turns_of[CROWD - 1] - turns_of[0] <= 2 * CROWD / BUSY);
    return 0;
}

/* Each of a thousand sleeps a second, again and again, beside eight that compute for 20 ms at a time. */
enum { SLEEPERS = 1000, SLEEPS = 3 };
static int64_t latest_ns;
static int sleeps_on(void)
{
    for (int i = 0; i < SLEEPS; i++) {
        int64_t due = weft_now_ns() + INT64_C(1000000000);
        WEFT_TRY(weft_sleep_ms(1000));
        if (weft_now_ns() - due > latest_ns) latest_ns = weft_now_ns() - due;
    }
    return 0;
}
static int computes_on(void)
{
    while (!enough) {
        weft__sim_work(world_now.os, 20 * 1000000);
        WEFT_TRY(weft_yield());
    }
    return 0;
}
SIM_TEST(who_sleeps_has_a_share_of_the_time_beside_tasks_that_compute)
{
    latest_ns = 0;
    enough = false;
    WEFT_SCOPE(s);
    WEFT_SCOPE(busy);
    for (int i = 0; i < SLEEPERS; i++) weft_spawn(s, sleeps_on);
    for (int i = 0; i < 8; i++) weft_spawn(busy, computes_on);
    WEFT_TRY(weft_join(s));
    enough = true;
    WEFT_TRY(weft_join(busy));
    WEFT_CHECK(latest_ns < INT64_C(1000000000));
    return 0;
}

TASK_TEST(b21_deadlines_of_the_same_time_fire_together_in_the_order_they_were_set)
{
    fired = 0;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < TIMERS; i++) weft_spawn(s, note_after_deadline, (&(timed){ i, 10 }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    expect_one_tick_in_order(start);
    return 0;
}

static int by_time_then_id(const void *a, const void *b)
{
    const timed *x = a, *y = b;
    return x->ms != y->ms ? x->ms - y->ms : x->id - y->id;
}

/* Of many timers a third is cancelled at random places of the heap; the others keep time and order. */
SIM_TEST(b21_b22_cancelled_timers_do_not_fire_and_the_others_keep_their_order)
{
    static timed all[TIMERS], left[TIMERS];
    static weft_task *tasks[TIMERS];
    uint64_t random = world_now.seed * 2 + 1;
    int64_t start = weft_now_ns();
    int kept = 0;
    fired = 0;
    WEFT_SCOPE(s);
    for (int i = 0; i < TIMERS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        all[i] = (timed){ i, 10 + (int)(random >> 33) % 40 };
        tasks[i] = weft_spawn(s, note_after, &all[i]);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    for (int i = 0; i < TIMERS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        if ((random >> 33) % 3) left[kept++] = all[i];
        else weft_task_cancel(tasks[i]);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_NEED(fired == kept);
    qsort(left, (size_t)kept, sizeof *left, by_time_then_id);
    for (int i = 0; i < kept; i++) {
        WEFT_CHECK_EQ(fired_ns[i], start + left[i].ms * (int64_t)1000000);
        if (world_now.fifo) WEFT_CHECK_EQ(order[i], left[i].id);
    }
    return 0;
}

TASK_TEST(timers_fire_in_the_order_of_their_time_whatever_the_order_they_were_set_in)
{
    static const int ms[] = { 120, 30, 90, 60, 150 };
    static const int expected[] = { 1, 3, 2, 0, 4 };
    fired = 0;
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) weft_spawn(s, note_after, (&(timed){ i, ms[i] }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(order[i], expected[i]);
    return 0;
}

EPOLL_TEST(overdue_timers_fire_once_in_the_order_of_their_time)
{
    static const int ms[] = { 20, 5, 15, 10, 25 };
    static const int expected[] = { 1, 3, 2, 0, 4 };
    fired = 0;
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) weft_spawn(s, note_after, (&(timed){ i, ms[i] }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    world_burn_ms(60);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(fired, 5);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(order[i], expected[i]);
    return 0;
}

/* Two things due in the same turn: the first moves the other's deadline. It then holds, unless the first
 * could see that it had passed already. */
static bool mover_saw_it_passed;
static int look_then_move(const on_scope *in)
{
    WEFT_TRY(weft_sleep_ms(in->after_ms));
    mover_saw_it_passed = weft_scope_cancelled(in->scope);
    weft_scope_deadline(in->scope, in->value);
    return 0;
}

TASK_TEST(b22_a_deadline_moved_in_the_turn_it_is_due_fires_only_if_it_was_seen_to_have_passed)
{
    int64_t start = weft_now_ns();
    WEFT_SCOPE(helpers);
    weft_task *mover = NULL;
    {
        WEFT_SCOPE(s);
        mover = weft_spawn(helpers, look_then_move, (&(on_scope){ s, 10, 20 }));
        WEFT_CHECK_EQ(weft_yield(), 0);
        weft_scope_deadline(s, 10);
        WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ETIMEDOUT);
        while (!weft_task_done(mover)) world_ignore(weft_yield());
        if (!mover_saw_it_passed) WORLD_TOOK(start, 30);
        else WORLD_TOOK(start, 10);
    }
    WEFT_CHECK_EQ(weft_await(mover), 0);
    return 0;
}

static bool stop_spinning;
static int spins;
static int spin_on_zero(void)
{
    int64_t end_ms = world_real_ms() + 3000;
    for (spins = 0; !stop_spinning; spins++) {
        WEFT_TRY(weft_sleep_ms(0));
        if (!WEFT_CHECK(world_real_ms() < end_ms)) return 0;
    }
    return 0;
}
static int stop_after(const int *ms)
{
    WEFT_TRY(weft_sleep_ms(*ms));
    stop_spinning = true;
    return 0;
}

EPOLL_TEST(b23_a_task_that_sleeps_for_zero_again_and_again_does_not_starve_timers)
{
    stop_spinning = false;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, spin_on_zero);
    weft_spawn(s, stop_after, (&(int){ 30 }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WORLD_TOOK(start, 30);
    WEFT_CHECK(spins > 10);
    return 0;
}

TASK_TEST(a_sleep_of_zero_or_less_lets_the_others_run_and_takes_no_time)
{
    static const int64_t none[] = { 0, -1, INT32_MIN, INT64_MIN };
    int64_t start = weft_now_ns();
    for (size_t i = 0; i < weft_count(none); i++) {
        static witness w;
        w = (witness){ 0 };
        WEFT_SCOPE(s);
        weft_spawn(s, witness_task, (&(witnessed){ &w, 0, 0 }));
        for (int k = world_now.fifo; k < 2; k++) WEFT_CHECK_EQ(weft_sleep_ms(none[i]), 0);
        WEFT_CHECK_EQ(w.began, 1);
    }
    WORLD_TOOK(start, 0);
    return 0;
}

TASK_TEST(a_sleep_beyond_all_time_does_not_wrap_around)
{
    static const int64_t endless[] = { INT64_MAX, INT64_MAX / 1000000, INT64_MAX / 1000000 + 1, INT64_MAX / 1000 };
    for (size_t i = 0; i < weft_count(endless); i++) {
        int64_t start = weft_now_ns();
        WEFT_SCOPE(s, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_sleep_ms(endless[i]), WEFT_ETIMEDOUT);
        WORLD_TOOK(start, 5);
    }
    WEFT_SCOPE(s, .timeout_ms = INT32_MAX);
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    return 0;
}

static int yield_for_ever(void)
{
    for (;;) WEFT_TRY(weft_yield());
}

/* The clock is read once a turn, but a sleep after a long computation still lasts its time, and so does a
 * deadline; the other task makes the loop turn meanwhile. */
EPOLL_TEST(a_sleep_after_a_long_computation_is_not_cut_short_by_it)
{
    WEFT_SCOPE(others);
    weft_spawn(others, yield_for_ever);
    WEFT_CHECK_EQ(weft_yield(), 0);
    world_burn_ms(60);
    int64_t start = world_real_ms();
    WEFT_CHECK_EQ(weft_sleep_ms(40), 0);
    WEFT_CHECK(world_real_ms() - start >= 38);
    world_burn_ms(60);
    start = world_real_ms();
    WEFT_SCOPE(s, .timeout_ms = 40);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    WEFT_CHECK(world_real_ms() - start >= 38);
    return 0;
}

TASK_TEST(the_clock_does_not_turn_back_and_moves_with_sleeps)
{
    int64_t last = weft_now_ns();
    for (int i = 0; i < 20; i++) {
        WEFT_CHECK_EQ(weft_sleep_ms(i % 3), 0);
        int64_t now = weft_now_ns();
        WEFT_CHECK(now >= last + i % 3 * (int64_t)990000);
        last = now;
    }
    return 0;
}

static int set_wall_clock_back(const int *after_ms)
{
    WEFT_TRY(weft_sleep_ms(*after_ms));
    weft__sim_set_wall(world_now.os, world_now.os->ops->wall_us(world_now.os) - 86400 * (int64_t)1000000);
    return 0;
}

SIM_TEST(b24_a_wall_clock_set_back_a_day_does_not_touch_timers)
{
    int64_t start = weft_now_ns();
    weft__sim_set_wall(world_now.os, 1700000000 * (int64_t)1000000);
    int64_t wall = world_now.os->ops->wall_us(world_now.os);
    WEFT_SCOPE(s, .timeout_ms = 50);
    weft_spawn(s, set_wall_clock_back, (&(int){ 5 }));
    WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
    WORLD_TOOK(start, 20);
    WEFT_CHECK(world_now.os->ops->wall_us(world_now.os) < wall);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 50);
    return 0;
}

typedef struct woken { int after_ms[8], count; int64_t at_ns[8]; } woken;
typedef struct due { woken *woken; int after_ms; } due;

static int sleep_and_tell(const due *in)
{
    WEFT_TRY(weft_sleep_ms(in->after_ms));
    WEFT_NEED(in->woken->count < 8);
    in->woken->after_ms[in->woken->count] = in->after_ms;
    in->woken->at_ns[in->woken->count++] = weft_now_ns();
    return 0;
}

SIM_TEST(b25_timers_that_became_due_while_a_task_computed_fire_once_in_order)
{
    woken w = { 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 4; i > 0; i--) weft_spawn(s, sleep_and_tell, (&(due){ &w, i * 100 }));
    weft_spawn(s, sleep_and_tell, (&(due){ &w, 700 }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft__sim_work(world_now.os, 500 * 1000000);
    WEFT_CHECK_EQ(w.count, 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_NEED(w.count == 5);
    for (int i = 0; i < 4; i++) {
        if (world_now.fifo) WEFT_CHECK_EQ(w.after_ms[i], (i + 1) * 100);
        WEFT_CHECK_EQ(w.at_ns[i] - start, 500 * 1000000);
    }
    WEFT_CHECK_EQ(w.at_ns[4] - start, 700 * 1000000);
    return 0;
}

/* The next timer is a while away when the turn begins, and near when it ends. */
SIM_TEST(what_a_task_computes_is_not_added_to_the_wait_for_the_next_timer)
{
    woken w = { 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_and_tell, (&(due){ &w, 100 }));
    WEFT_CHECK_EQ(weft_yield(), 0);
    weft__sim_work(world_now.os, 60 * 1000000);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(w.at_ns[0] - start, 100 * 1000000);
    return 0;
}

EPOLL_TEST(b24_the_loops_clock_is_the_monotonic_one)
{
    for (int i = 0; i < 3; i++) {
        int64_t before = world_real_ms();
        WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
        int64_t now = weft_now_ns() / 1000000, after = world_real_ms();
        WEFT_CHECK(now >= before && now <= after);
    }
    return 0;
}

SIM_TEST(virtual_time_jumps_over_a_year_of_sleep_at_once)
{
    int64_t real = world_real_ms(), start = weft_now_ns();
    WEFT_CHECK_EQ(weft_sleep_ms(365 * (int64_t)86400000), 0);
    WORLD_TOOK(start, 365 * (int64_t)86400000);
    WEFT_CHECK(world_real_ms() - real < 5000);
    return 0;
}
