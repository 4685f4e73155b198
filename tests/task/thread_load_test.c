/* Threads under load, with real ones: buffers that a thread works on, ends of loops, many calls at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "os/os.h"
#include "task/fiber.h"
#include "task/offload.h"
#include "thread_world.h"

static const weft_threads four = { .name = "four", .threads_max = 4, .queue_max = 8 };
static const weft_threads eight = { .name = "eight", .threads_max = 8 };

static int counted;
static void nobody_ran(void) { __atomic_store_n(&counted, 0, __ATOMIC_RELEASE); }
static int ran(void) { return __atomic_load_n(&counted, __ATOMIC_ACQUIRE); }

/* ---- a buffer that a thread reads into ---- */

typedef struct reading { weft__thread_work work; int fd; char *to; size_t room; ssize_t n; } reading;

static int readers;                      /* that have begun */

static void read_blocking(weft__thread_work *w)
{
    reading *r = (reading *)w;
    __atomic_add_fetch(&readers, 1, __ATOMIC_ACQ_REL);
    r->n = read(r->fd, r->to, r->room);
}

typedef struct read_in { int fd; bool *freed; } read_in;

static int read_some(const read_in *in)
{
    char *buffer = malloc(16);
    WEFT_NEED(buffer);
    reading r = { .work = { .run = read_blocking, .name = "read" }, .fd = in->fd, .to = buffer, .room = 16 };
    WEFT_NEED(weft__offload(&weft__threads_files, &r.work, "a file's bytes", INT64_MAX) == 0);
    WEFT_CHECK_EQ(r.n, 5);
    WEFT_CHECK(!memcmp(buffer, "bytes", 5));
    free(buffer);
    *in->freed = true;
    return 0;
}

EPOLL_TEST(b11_the_buffer_of_a_cancelled_read_on_a_thread_stays_until_that_read_has_ended)
{
    int ends[2];
    bool freed = false;
    WEFT_NEED(pipe(ends) == 0);
    __atomic_store_n(&readers, 0, __ATOMIC_RELEASE);
    {
        WEFT_SCOPE(s);
        weft_task *reader = weft_spawn(s, read_some, (&(read_in){ ends[0], &freed }));
        while (!__atomic_load_n(&readers, __ATOMIC_ACQUIRE)) {
            WEFT_NEED(!weft_task_done(reader));
            WEFT_NEED(weft_sleep_ms(1) == 0);
        }
        weft_cancel(s);
        for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(weft_sleep_ms(1), WEFT_ECANCELED);
        WEFT_SCOPE(later, .shield = true);
        WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
        WEFT_CHECK(!freed);
        WEFT_CHECK_EQ(write(ends[1], "bytes", 5), 5);
    }
    WEFT_CHECK(freed);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* ---- the end of a loop while calls run ---- */

static int hold[2];                      /* a pipe: who reads it waits until the test lets go */
static int begun;

static int waits_for_the_test(const int *in, int *out)
{
    char c;
    __atomic_add_fetch(&begun, 1, __ATOMIC_ACQ_REL);
    WEFT_CHECK(weft_alloc(10000) != NULL);
    WEFT_CHECK_EQ(read(hold[0], &c, 1), 1);
    *out = *in;
    __atomic_add_fetch(&counted, 1, __ATOMIC_ACQ_REL);
    return 0;
}

/* One that has not begun when its time is up is taken back: on a busy machine that happens. */
static int abandon_some(void)
{
    int out = 0;
    for (int i = 0; __atomic_load_n(&begun, __ATOMIC_ACQUIRE) < 3; i++) {
        WEFT_CHECK_EQ(weft_in_thread_of(&eight, waits_for_the_test, &i, &out, .abandon = true, .timeout_ms = 10), WEFT_ETIMEDOUT);
    }
    return 0;
}

WEFT_TEST(b42_a_loop_ends_while_abandoned_calls_run_and_they_give_back_all_they_have)
{
    WEFT_NEED(pipe(hold) == 0);
    nobody_ran();
    begun = 0;
    int64_t start = world_real_ms();
    world_open_epoll();
    WEFT_CHECK_EQ(world_run(weft_call(abandon_some)), 0);
    world_close();
    WEFT_CHECK(world_real_ms() - start < 4000);
    WEFT_CHECK_EQ(ran(), 0);
    WEFT_CHECK(__atomic_load_n(&world_mem.blocks, __ATOMIC_ACQUIRE) > 0);
    WEFT_CHECK_EQ(write(hold[1], "abcdefgh", (size_t)begun), begun);
    while (__atomic_load_n(&world_mem.blocks, __ATOMIC_ACQUIRE) > 0 && world_real_ms() - start < 15000) usleep(1000);
    WEFT_CHECK_EQ(__atomic_load_n(&world_mem.blocks, __ATOMIC_ACQUIRE), 0);
    WEFT_CHECK_EQ(ran(), begun);
}

/* ---- a program that is told to end ---- */

static int never_ends(const int *in, int *out)
{
    char c;
    WEFT_CHECK_EQ(write(hold[1], "b", 1), 1);
    while (read(hold[0] + 1000, &c, 1) < 0) pause();
    *out = *in;
    return 0;
}
static int call_never_ends(void)
{
    int out = 0;
    return weft_in_thread_of(&four, never_ends, (&(int){ 1 }), &out);
}
static int abandons(void)
{
    int out = 0;
    WEFT_SCOPE(s);
    weft_spawn(s, call_never_ends);
    return weft_in_thread_of(&four, never_ends, (&(int){ 1 }), &out, .abandon = true);
}
static int abandons_alone(void)
{
    int out = 0;
    return weft_in_thread_of(&four, never_ends, (&(int){ 1 }), &out, .abandon = true);
}

/* The exit status of a program that got SIGTERM when `begun` calls had begun; what it wrote is captured. */
static int told_to_end(weft_call program, int begun, const char **said)
{
    char c;
    int status = -1;
    WEFT_NEED(pipe(hold) == 0);
    world_capture_begin();
    pid_t pid = fork();
    if (pid == 0) {
        weft__run_stuck_ms = 100;
        _exit(weft_run_with(program));
    }
    close(hold[1]);                                  /* of a program that has ended no call begins */
    struct pollfd comes = { hold[0], POLLIN, 0 };
    for (int i = 0; i < begun; i++) WEFT_CHECK(poll(&comes, 1, 3000) == 1 && read(hold[0], &c, 1) == 1);
    kill(pid, SIGTERM);
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    *said = world_capture_end();
    close(hold[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

WEFT_TEST(a_call_that_never_ends_holds_up_the_end_of_a_program_for_a_time_and_is_named)
{
    const char *said;
    WEFT_CHECK_EQ(told_to_end(weft_call(abandons), 2, &said), 1);
    WEFT_CHECK_EQ(world_count_in(said, "calls on threads hold up tasks that were cancelled"), 1);
    WEFT_CHECK_EQ(world_count_in(said, "never_ends, on a thread of pool four, called by task call_never_ends ("), 1);
    WEFT_CHECK_EQ(world_count_in(said, "never_ends,"), 1);
}

WEFT_TEST(an_abandoned_call_that_never_ends_holds_up_nobody)
{
    const char *said;
    WEFT_CHECK_EQ(told_to_end(weft_call(abandons_alone), 1, &said), 1);
    WEFT_CHECK_EQ(world_count_in(said, "abandons_alone failed: cancelled"), 1);
    WEFT_CHECK_EQ(world_count_in(said, "hold up"), 0);
}

/* The same pool object in loops of several threads: each has threads of its own. */
static int half(const int *in, int *out)
{
    *out = *in / 2;
    return 0;
}

static int calls_half(void)
{
    for (int i = 0; i < 200; i++) {
        int out = -1;
        WEFT_TRY(weft_in_thread_of(&four, half, &i, &out));
        WEFT_CHECK_EQ(out, i / 2);
    }
    return 0;
}

static void *loop_of_its_own(void *unused)
{
    (void)unused;
    weft__os *os = weft__os_linux_new();
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_CHECK(loop != NULL);
    if (loop) WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(calls_half)), 0);
    weft__loop_free(loop);
    if (os) os->ops->free(os);
    return NULL;
}

WEFT_TEST(one_pool_object_serves_the_loops_of_several_threads)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) WEFT_NEED(pthread_create(&threads[i], NULL, loop_of_its_own, NULL) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

/* ---- many calls, cancelled at any moment ---- */

typedef struct crowd { unsigned seed; int done, ended; } crowd;

static int takes_a_moment(const unsigned *us, unsigned *out)
{
    if (*us % 3) usleep(*us % 300);
    __atomic_add_fetch(&counted, 1, __ATOMIC_ACQ_REL);
    *out = *us;
    return *us % 7 ? 0 : weft_fail(WEFT_ENOENT, "%u has nothing", *us);
}

static int one_of_the_crowd(crowd *const *at)
{
    crowd *c = *at;
    for (int i = 0; i < 100; i++) {
        unsigned n = (unsigned)rand_r(&c->seed), out = ~n;
        weft_call call = weft_call(takes_a_moment, &n, &out, .abandon = n % 2 == 0);
        WEFT_SCOPE(s);
        if (n % 5 == 0) weft_scope_deadline(s, 1);
        if (n % 11 == 0) call.timeout_ms = 1;
        int rc = weft_thread_call_of(n % 13 ? &four : &weft_blocking, call);
        bool whole = rc == 0 && out == n && n % 7 != 0, failed = rc == WEFT_ENOENT && out == ~n && n % 7 == 0;
        bool ended = rc == WEFT_ETIMEDOUT && out == ~n && (n % 5 == 0 || n % 11 == 0);
        if (!WEFT_CHECK(whole || failed || ended)) return WEFT_EINVAL;
        if (failed) WEFT_CHECK(strstr(weft_error_of(rc)->text, "has nothing") != NULL);
        c->done++;
        c->ended += ended;
    }
    return 0;
}

EPOLL_TEST(no_wake_up_is_lost_when_calls_end_while_they_are_cancelled)
{
    enum { TASKS = 40 };
    crowd crowds[TASKS] = { 0 };
    int done = 0, ended = 0;
    nobody_ran();
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < TASKS; i++) {
            crowd *at = &crowds[i];
            at->seed = (unsigned)i;
            weft_spawn(s, one_of_the_crowd, &at);
        }
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < TASKS; i++) done += crowds[i].done, ended += crowds[i].ended;
    WEFT_CHECK_EQ(done, TASKS * 100);
    WEFT_CHECK(ran() <= TASKS * 100);
    WEFT_CHECK(ran() >= TASKS * 100 - ended);
    return weft_sleep_ms(300);                        /* the last abandoned ones */
}

/* ---- 1000 calls of 10 ms on 8 threads ---- */

/* ThreadSanitizer looks at all tasks whenever a thread sleeps: it gets fewer. */
enum { CALLS = WORLD_SANITIZED ? 200 : 1000, CALL_MS = 10, WHOLE_MS = CALLS * CALL_MS / 8 };

static int takes_10_ms(const int *in, int *out)
{
    thread_take_ms(CALL_MS);
    *out = *in;
    return 0;
}

static int call_takes_10_ms(const int *in, int *sum)
{
    int out = -1;
    WEFT_TRY(weft_in_thread_of(&eight, takes_10_ms, in, &out));
    *sum += out;
    return 0;
}

typedef struct beats { int n; int64_t worst_ns; int64_t late_ns[4000]; } beats;

static int beat(beats *const *at)
{
    beats *b = *at;
    for (int64_t last = weft_now_ns(); b->n < 4000;) {
        WEFT_TRY(weft_sleep_ms(1));
        int64_t now = weft_now_ns(), late = now - last - 1000000;
        b->late_ns[b->n++] = late;
        if (late > b->worst_ns) b->worst_ns = late;
        last = now;
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int many_calls(beats *b, int64_t *took_ns)
{
    static weft_call calls[CALLS];
    int sum = 0;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, beat, &b);
    for (int i = 0; i < CALLS; i++) calls[i] = (weft_call)weft_call(call_takes_10_ms, &(int){ 0 }, &sum);
    int numbers[CALLS];
    for (int i = 0; i < CALLS; i++) {
        numbers[i] = i;
        calls[i].in = &numbers[i];
    }
    WEFT_TRY(weft_gather_n(calls, CALLS));
    *took_ns = weft_now_ns() - start;
    WEFT_CHECK_EQ(sum, CALLS * (CALLS - 1) / 2);
    return 0;
}

static int s15_exact(void)
{
    static beats b;
    int64_t took = 0;
    b = (beats){ 0 };
    WEFT_TRY(many_calls(&b, &took));
    WEFT_CHECK_EQ(took, WHOLE_MS * INT64_C(1000000));
    WEFT_CHECK_EQ(b.worst_ns, 0);
    return 0;
}

WEFT_TEST(s15_1000_calls_of_10_ms_on_8_threads_take_1250_ms_and_hold_up_nobody__sim)
{
    int64_t ns = CALL_MS * INT64_C(1000000);
    for (uint64_t seed = 0; seed < 3; seed++) {
        world_open_sim_with(&(weft__sim_opts){ .seed = seed, .job_min_ns = ns, .job_max_ns = ns });
        WEFT_CHECK_EQ(world_run(weft_call(s15_exact)), 0);
        world_close();
        WEFT_CHECK_EQ(world_mem.blocks, 0);
    }
}

/* On a busy machine: it takes no less, not the sum of all, and the loop's median answer is quick. */
EPOLL_TEST(s15_1000_calls_of_10_ms_on_8_threads_take_1250_ms_and_hold_up_nobody)
{
    static beats b;
    int64_t took = 0;
    WEFT_TRY(many_calls(&b, &took));
    WEFT_CHECK(took >= (WHOLE_MS - 1) * INT64_C(1000000));
    if (WORLD_SANITIZED) return 0;
    WEFT_NEED(b.n > 50);
    WEFT_CHECK(took < CALLS * CALL_MS / 2 * INT64_C(1000000));
    qsort(b.late_ns, (size_t)b.n, sizeof *b.late_ns, by_value);
    WEFT_CHECK(b.late_ns[b.n / 2] < 5000000);
    return 0;
}
