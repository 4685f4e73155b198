/* The watchdog: what holds a loop is named while it does, and does not notice. */
#define _GNU_SOURCE
#include "task/watchdog.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "os/sampler.h"
#include "os/unwind.h"
#include "task/blocked.h"
#include "world.h"

#if defined __clang__
#define KEEP __attribute__((noinline))
#else
#define KEEP __attribute__((noinline, noclone))
#endif
static volatile int after_call;

enum { LIMIT_MS = 100, TOLD_MAX = 32 };

/* What was told, copied: read by the loop's thread when the watchdog has ended, or while `count` says so. */
typedef struct told { weft__block b; char work[128], task[128], spawned[128], place[320], stack[4096]; double at; } told;
static struct { told all[TOLD_MAX]; atomic_int count; } heard;

static void on_told(void *ctx, const weft__block *b)
{
    (void)ctx;
    int n = atomic_load(&heard.count);
    if (n == TOLD_MAX) return;
    told *t = &heard.all[n];
    t->b = *b;
    snprintf(t->work, sizeof t->work, "%s", b->work);
    snprintf(t->task, sizeof t->task, "%s", b->task);
    snprintf(t->spawned, sizeof t->spawned, "%s", b->spawned);
    snprintf(t->place, sizeof t->place, "%s", b->place);
    snprintf(t->stack, sizeof t->stack, "%s", b->stack);
    atomic_store(&heard.count, n + 1);
}

static weft__watchdog *begin_watching(int limit_ms)
{
    atomic_store(&heard.count, 0);
    weft__watchdog *w = weft__watchdog_start(weft__loop_here(), limit_ms, on_told, NULL);
    WEFT_NEED(w != NULL);
    WEFT_CHECK_EQ(weft_sleep_ms(2 * limit_ms / 5 + 1), 0);
    return w;
}

/* Names need debug information; a look at another thread needs the kernel's, which qemu-user has not. */
static bool names_are_known(void)
{
    static int known = -1;
    if (known >= 0) return known;
    weft__place p;
    weft__places_of((uintptr_t)begin_watching, &p, 1);
    weft__unwind_forget();
    known = p.line > 0;
    return known;
}

static bool starts_with(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static int last_told(void)
{
    for (int i = atomic_load(&heard.count) - 1; i >= 0; i--)
        if (heard.all[i].b.last) return i;
    return -1;
}

/* The first report that names what holds the loop: on a busy machine not always the first one. */
static const told *named(void)
{
    for (int i = 0; i < atomic_load(&heard.count); i++)
        if (heard.all[i].b.first) return &heard.all[i];
    return NULL;
}

/* A block was told while it lasted, and once more, with its total, when it was over. */
static void check_block(const char *place, int at_least_ms)
{
    int last = last_told();
    const told *t = named();
    WEFT_NEED(t != NULL && last > 0);
    WEFT_CHECK(!t->b.last && !t->b.starved);
    WEFT_CHECK(t->b.ms >= LIMIT_MS && heard.all[last].b.ms >= at_least_ms / 2);
    if (!names_are_known()) return;
    if (!WEFT_CHECK(starts_with(t->place, place))) fprintf(stderr, "  it is: %s\n%s", t->place, t->stack);
    WEFT_CHECK(strstr(t->stack, "blocker (watchdog_test.c:") != NULL);
}

/* What blocks here does so until that was told, in one turn of the loop: on a busy machine that may take its time. */
static bool goes_on(int64_t began_ms) { return !named() && world_real_ms() - began_ms < 10000; }

KEEP static void sleeps(void)
{
    int64_t began = world_real_ms();
    do usleep(350000); while (goes_on(began));
    after_call++;
}

/* By processor time, for the same reason. */
static int64_t computed_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
KEEP static void computes(void)
{
    int64_t began = world_real_ms(), end = computed_ms() + 350;
    do
        for (int i = 0; i < 1000000; i++) after_call++;
    while (computed_ms() < end || goes_on(began));
}

static void (*blocking)(void);
KEEP static int blocker(void)
{
    weft__task_label("GET /fibonacci-blocking/{n}");
    blocking();
    after_call++;
    weft__task_label(NULL);
    return 0;
}

static int block_once(void (*fn)(void))
{
    weft__watchdog *w = begin_watching(LIMIT_MS);
    blocking = fn;
    {
        WEFT_SCOPE(s);
        weft_spawn(s, blocker);
        WEFT_CHECK_EQ(weft_join(s), 0);
        WEFT_CHECK_EQ(weft_sleep_ms(50), 0);
    }
    weft__watchdog_stop(w);
    return 0;
}

EPOLL_TEST(b39_a_task_that_sleeps_in_a_call_is_named_while_it_does)
{
    block_once(sleeps);
    check_block("sleeps (watchdog_test.c:", 350);
    WEFT_CHECK(strcmp(named()->work, "GET /fibonacci-blocking/{n}") == 0);
    WEFT_CHECK(strcmp(named()->task, "blocker") == 0);
    WEFT_CHECK(strstr(named()->spawned, "watchdog_test.c:") != NULL);
    return 0;
}

EPOLL_TEST(b39_a_task_that_computes_is_named_while_it_does)
{
    block_once(computes);
#ifdef __SANITIZE_THREAD__
    return 0;                            /* TSan holds signals back until the next call */
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
    return 0;
#endif
#endif
    check_block("computes (watchdog_test.c:", 350);
    return 0;
}

enum { TIMERS = 5 };
static int woke[TIMERS + 1], woken;
static int sleep_and_sign(const int *ms)
{
    WEFT_TRY(weft_sleep_ms(*ms));
    if (woken <= TIMERS) woke[woken++] = *ms;
    return 0;
}

EPOLL_TEST(b25_overdue_timers_fire_once_in_order_after_a_stall_and_the_stall_is_reported)
{
    weft__watchdog *w = begin_watching(LIMIT_MS);
    woken = 0;
    {
        WEFT_SCOPE(s);
        for (int i = TIMERS; i > 0; i--) weft_spawn(s, sleep_and_sign, (&(int){ i * 40 }));
        WEFT_CHECK_EQ(weft_yield(), 0);
        computes();
        WEFT_CHECK_EQ(woken, 0);
        WEFT_CHECK_EQ(weft_join(s), 0);
        WEFT_CHECK_EQ(weft_sleep_ms(50), 0);
    }
    weft__watchdog_stop(w);
    WEFT_CHECK_EQ(woken, TIMERS);
    for (int i = 0; i < TIMERS; i++) WEFT_CHECK_EQ(woke[i], (i + 1) * 40);
    WEFT_CHECK(named() && last_told() > 0);
    return 0;
}

/* ---- nothing changes for what blocks ---- */

static int two[2];
static ssize_t got;
static unsigned left;
KEEP static void reads(void) { char c; got = read(two[0], &c, 1); after_call++; }
static int sleeps_done;
KEEP static void sleeps_seconds(void)
{
    int64_t began = world_real_ms();
    do {
        left += sleep(1);
        sleeps_done++;
    } while (goes_on(began));
}

static void *write_later(void *arg)
{
    int64_t began = world_real_ms();
    do usleep(400000); while (goes_on(began));
    WEFT_CHECK_EQ(write(two[1], arg, 1), 1);
    return NULL;
}

EPOLL_TEST(a_blocked_read_is_named_and_gets_its_byte)
{
    pthread_t t;
    WEFT_NEED(pipe(two) == 0);
    WEFT_NEED(pthread_create(&t, NULL, write_later, "x") == 0);
    block_once(reads);
    pthread_join(t, NULL);
    check_block("reads (watchdog_test.c:", 300);
    WEFT_CHECK_EQ(got, 1);
    close(two[0]);
    close(two[1]);
    return 0;
}

EPOLL_TEST(a_blocking_sleep_lasts_its_whole_time)
{
    int64_t began = world_real_ms();
    block_once(sleeps_seconds);
    WEFT_CHECK_EQ(left, 0);
    WEFT_CHECK(world_real_ms() - began >= 1000 * sleeps_done);
    check_block("sleeps_seconds (watchdog_test.c:", 1000);
    return 0;
}

/* Half of the time it computes, so that the signal is due again and again, and each call could be cut short by it. */
static int cut_short;
KEEP static void computes_and_calls(void)
{
    for (int64_t end = world_real_ms() + 1000; world_real_ms() < end;) {
        world_burn_ms(1);
        cut_short += usleep(1000) != 0;
        char c = 'x';
        cut_short += write(two[1], &c, 1) != 1;
        cut_short += read(two[0], &c, 1) != 1;
    }
}

EPOLL_TEST(no_call_of_what_blocks_is_cut_short)
{
    WEFT_NEED(pipe(two) == 0);
    cut_short = 0;
    weft__watchdog *w = begin_watching(10);
    for (int i = 0; i < 3; i++) computes_and_calls();
    weft__watchdog_stop(w);
    WEFT_CHECK_EQ(cut_short, 0);
    WEFT_CHECK(heard.count >= 2);
    close(two[0]);
    close(two[1]);
    return 0;
}

/* ---- when, how often ---- */

static int idle_for(const int *ms) { return weft_sleep_ms(*ms); }

EPOLL_TEST(a_loop_that_waits_or_turns_is_not_blocked)
{
    weft__watchdog *w = begin_watching(LIMIT_MS);
    WEFT_SCOPE(s);
    weft_spawn(s, idle_for, (&(int){ 400 }));
    for (int i = 0; i < 20; i++) {
        world_burn_ms(20);
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    weft__watchdog_stop(w);
    for (int i = 0; i < heard.count; i++) WEFT_CHECK(heard.all[i].b.starved);
    return 0;
}

EPOLL_TEST(a_long_block_is_told_at_growing_intervals_and_once_with_its_total)
{
    block_once(sleeps_seconds);
    int n = heard.count, firsts = 0;
    WEFT_NEED(n >= 2);                                    /* at 100, 300, 900 ms and so on, and at its end */
    for (int i = 0; i < n; i++) {
        int64_t ms = heard.all[i].b.ms;
        firsts += heard.all[i].b.first;
        WEFT_CHECK_EQ(heard.all[i].b.last, i == n - 1);
        WEFT_CHECK(ms >= (i == n - 1 ? 0 : i == 0 ? 100 : i == 1 ? 300 : i == 2 ? 900 : 2700));
        if (i) WEFT_CHECK(ms > heard.all[i - 1].b.ms);
    }
    WEFT_CHECK_EQ(firsts, 1);
    return 0;
}

KEEP static void recurse(int n)
{
    if (n) recurse(n - 1);
    else sleeps();
    after_call++;
}
static void recurses(void) { recurse(30); }

EPOLL_TEST(a_recursion_is_one_line_of_the_stack)
{
    if (!names_are_known()) WEFT_SKIP("built without libdw");
    block_once(recurses);
    WEFT_NEED(named() != NULL);
    WEFT_CHECK(world_count_in(named()->stack, "recurse (") <= 3);
    WEFT_CHECK(strstr(named()->stack, " times\n") != NULL);
    return 0;
}

/* ---- what is counted, what is logged ---- */

EPOLL_TEST(a_block_is_counted_by_work_and_function)
{
    weft__blocked b[2];
    WEFT_CHECK_EQ(weft__watchdog_blocked(b, 2), 0);
    block_once(sleeps);
    WEFT_NEED(named() != NULL && weft__watchdog_blocked(b, 2) == 1);
    WEFT_CHECK_EQ(b[0].count, 1);
    WEFT_CHECK_EQ(b[0].total_ms, heard.all[last_told()].b.ms);
    WEFT_CHECK(strcmp(b[0].work, "GET /fibonacci-blocking/{n}") == 0);
    if (names_are_known()) WEFT_CHECK(starts_with(b[0].place, "sleeps (") && strstr(b[0].place, "watchdog_test.c)"));
    return 0;
}

WEFT_TEST(blocks_of_one_place_are_summed_up)
{
    weft__blocked b[4];
    weft__blocked_add("GET /a", "f (a.c)", 120);
    weft__blocked_add("GET /a", "f (a.c)", 300);
    weft__blocked_add("GET /b", "f (a.c)", 500);
    weft__blocked_add("GET /a", "g (a.c)", 700);
    WEFT_CHECK_EQ(weft__watchdog_blocked(b, 4), 3);
    WEFT_CHECK(b[0].count == 2 && b[0].total_ms == 420 && b[0].longest_ms == 300);
    WEFT_CHECK(b[1].count == 1 && b[1].total_ms == 500 && b[2].longest_ms == 700);
    WEFT_CHECK_EQ(weft__watchdog_blocked(b, 1), 1);
}

WEFT_TEST(more_places_than_the_table_holds_are_counted_together)
{
    weft__blocked b[WEFT__BLOCKED_MAX];
    char name[32];
    for (int i = 0; i < 2 * WEFT__BLOCKED_MAX; i++) {
        snprintf(name, sizeof name, "task t%d", i);
        weft__blocked_add(name, "f", 5);
    }
    WEFT_CHECK_EQ(weft__watchdog_blocked(b, WEFT__BLOCKED_MAX), WEFT__BLOCKED_MAX);
    WEFT_CHECK(strcmp(b[WEFT__BLOCKED_MAX - 1].work, "(others)") == 0);
    WEFT_CHECK_EQ(b[WEFT__BLOCKED_MAX - 1].count, WEFT__BLOCKED_MAX + 1);
}

static int run_ms;
static int blocks_in_run(void)
{
    weft__task_label("GET /fibonacci-blocking/{n}");
    usleep((useconds_t)run_ms * 1000);
    return 0;
}

static const char *run_with_limit(const char *limit, int ms)
{
    if (limit) setenv("WEFT_WATCHDOG_MS", limit, 1);
    run_ms = ms;
    world_capture_begin();
    WEFT_CHECK_EQ(weft_run(blocks_in_run), 0);
    return world_capture_end();
}

WEFT_TEST(a_program_has_a_watchdog_unless_it_wants_none)
{
    const char *text = run_with_limit(NULL, 700);
    if (!WEFT_CHECK(strstr(text, "weft: loop blocked ") != NULL)) fputs(text, stderr);
    WEFT_CHECK(strstr(text, " ms: GET /fibonacci-blocking/{n}") != NULL);
    WEFT_CHECK(strstr(text, "weft:   task blocks_in_run, started at the program") != NULL);
    WEFT_CHECK(strstr(text, " in all: GET /fibonacci-blocking/{n}") != NULL);
    WEFT_CHECK_EQ(strlen(run_with_limit("0", 300)), 0);
    WEFT_CHECK_EQ(strlen(run_with_limit("5000", 300)), 0);
}

static const char *logged(const char *work, const char *function, bool first)
{
    weft__block b = { .ms = 120, .busy_ms = 110, .first = first, .last = !first, .work = work, .task = "t", .spawned = "a.c:1",
        .place = "f (a.c:7)", .function = function, .stack = "f (a.c:7)\ng (a.c:9)\n" };
    world_capture_begin();
    weft__watchdog_log(NULL, &b);
    return world_capture_end();
}

WEFT_TEST(a_stack_is_logged_once_a_minute_for_each_place)
{
    static const char line[] = "weft: loop blocked 120 ms: GET /a in f (a.c:7)\n";
    static const char stack[] = "weft:   task t, started at a.c:1\nweft:   at f (a.c:7)\nweft:   at g (a.c:9)\n";
    const char *text = logged("GET /a", "f (a.c)", true);
    WEFT_CHECK(starts_with(text, line) && strcmp(text + strlen(line), stack) == 0);
    WEFT_CHECK_STR(weft_str_of(logged("GET /a", "f (a.c)", true)), line);
    WEFT_CHECK_STR(weft_str_of(logged("GET /a", "f (a.c)", false)), "weft: loop blocked 120 ms in all: GET /a in f (a.c:7)\n");
    WEFT_CHECK(strstr(logged("GET /b", "f (a.c)", true), stack) != NULL);
    WEFT_CHECK(strstr(logged("GET /a", "h (a.c)", true), stack) != NULL);
}

WEFT_TEST(a_stack_too_long_for_a_line_of_the_log_is_cut)
{
    static char stack[2 * 4096];
    memset(stack, 'x', sizeof stack - 1);
    weft__block b = { .ms = 120, .first = true, .work = "w", .task = "", .spawned = "", .place = "", .function = "w", .stack = stack };
    world_capture_begin();
    weft__watchdog_log(NULL, &b);
    const char *text = world_capture_end();
    WEFT_NEED(*text);
    WEFT_CHECK(strlen(text) < 4096 && text[strlen(text) - 1] == '\n');
}

WEFT_TEST(the_limit_comes_from_the_environment_or_from_options)
{
    static const struct { const char *set; int wanted, limit; } cases[] = { { NULL, 0, 100 }, { NULL, 250, 250 },
        { NULL, -1, 0 }, { "0", 250, 0 }, { "30", 0, 30 }, { "1", 0, 10 }, { "no", 250, 250 }, { "", 0, 100 }, { "-5", 0, 100 } };
    for (size_t i = 0; i < weft_count(cases); i++) {
        if (cases[i].set) setenv("WEFT_WATCHDOG_MS", cases[i].set, 1);
        else unsetenv("WEFT_WATCHDOG_MS");
        WEFT_CHECK_EQ(weft__watchdog_limit(cases[i].wanted), cases[i].limit);
    }
}
