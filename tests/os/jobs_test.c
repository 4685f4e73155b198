#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "os/jobs.h"
#include "support/failing.h"
#include "weft/check.h"

#define OPS (os->ops)
#define JOBS (os->ops->jobs)

static const int64_t MS = 1000000;

static weft__os *os_new(void)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL && JOBS != NULL);
    return os;
}

/* A job that counts itself: in `ran` by its thread, in `told` by the loop. The first member is its cookie. */
typedef struct tally { weft__job job; int told; atomic_int ran, gone; sem_t *gate; } tally;

static void count(weft__job *job)
{
    tally *t = (tally *)job;
    while (t->gate && sem_wait(t->gate)) continue;
    t->ran++;
}

static void count_gone(weft__job *job) { ((tally *)job)->gone++; }

static void submit(weft__os *os, weft__pool *p, tally *t, int rc)
{
    t->job = (weft__job){ .run = count, .gone = count_gone, .cookie = t };
    int told = JOBS->submit(os, p, &t->job);
    WEFT_CHECK_EQ(told, rc);
    WEFT_NEED(told == rc);                           /* else it will be waited for in vain */
}

static int turn(weft__os *os, int max, int64_t timeout_ns)
{
    weft__event e[64];
    int n = OPS->wait(os, e, max, timeout_ns);
    WEFT_NEED(n >= 0);
    for (int i = 0; i < n; i++) {
        WEFT_CHECK_EQ(e[i].ready, WEFT__IN);
        ((tally *)e[i].cookie)->told++;
    }
    return n;
}

static void await(weft__os *os, int n)
{
    for (int quiet = 0; n > 0 && quiet < 2;) {         /* once: a signal ended it */
        int told = turn(os, 64, 3000 * MS);
        n -= told;
        quiet += told == 0;
    }
    WEFT_NEED(n == 0);
}

static weft__pool *pool(weft__os *os, int threads_max, int queue_max)
{
    weft__pool *p = JOBS->pool_new(os, &(weft__pool_opts){ .name = "test", .threads_max = threads_max, .queue_max = queue_max });
    WEFT_NEED(p != NULL);
    return p;
}

static void until(weft__os *os, weft__pool *p, int threads, int running, int waiting)
{
    weft__pool_state s = { 0 };
    for (int i = 0; i < 10000; i++) {
        s = JOBS->pool_state(os, p);
        if (s.threads == threads && s.running == running && s.waiting == waiting) return;
        usleep(1000);
    }
    WEFT_CHECK_EQ(s.threads, threads);
    WEFT_CHECK_EQ(s.running, running);
    WEFT_CHECK_EQ(s.waiting, waiting);
}

static void let_go(sem_t *gate, int n)
{
    while (n--) sem_post(gate);
}

/* ---- jobs ---- */

WEFT_TEST(each_job_runs_once_and_is_told_once)
{
    enum { JOBS_COUNT = 2000 };
    static tally all[JOBS_COUNT];
    weft__os *os = os_new();
    weft__pool *p = pool(os, 3, JOBS_COUNT);
    for (int i = 0; i < JOBS_COUNT; i++) submit(os, p, &all[i], 0);
    await(os, JOBS_COUNT);
    for (int i = 0; i < JOBS_COUNT; i++) WEFT_CHECK_EQ(all[i].ran * 10 + all[i].told, 11);
    WEFT_CHECK_EQ(turn(os, 64, 10 * MS), 0);
    OPS->free(os);
    for (int i = 0; i < JOBS_COUNT; i++) WEFT_CHECK_EQ(all[i].gone, 0);
}

/* One at a time: each may be the one whose wake-up is lost. */
WEFT_TEST(no_end_of_a_job_is_missed)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, 10);
    tally one = { 0 };
    for (int i = 0; i < 3000; i++) {
        submit(os, p, &one, 0);
        await(os, 1);
    }
    WEFT_CHECK_EQ(one.ran, 3000);
    OPS->free(os);
}

WEFT_TEST(no_more_jobs_run_at_a_time_than_there_may_be_threads)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 3, 10);
    sem_t gate;
    tally all[10] = { 0 };
    sem_init(&gate, 0, 0);
    for (int i = 0; i < 10; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], 0);
    }
    until(os, p, 3, 3, 7);
    let_go(&gate, 2);
    await(os, 2);
    until(os, p, 3, 3, 5);
    let_go(&gate, 8);
    await(os, 8);
    OPS->free(os);
}

WEFT_TEST(jobs_begin_in_the_order_they_were_submitted)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 1, 50);
    tally all[50] = { 0 };
    for (int i = 0; i < 50; i++) submit(os, p, &all[i], 0);
    for (int i = 0; i < 50; i++) {
        while (!all[i].told) turn(os, 1, 5000 * MS);
        for (int k = i + 1; k < 50; k++) WEFT_CHECK_EQ(all[k].told, 0);
    }
    OPS->free(os);
}

WEFT_TEST(a_full_queue_refuses_and_serves_on)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, 3);
    sem_t gate;
    tally all[6] = { 0 };
    sem_init(&gate, 0, 0);
    for (int i = 0; i < 6; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], i < 5 ? 0 : WEFT_ELIMIT);
    }
    let_go(&gate, 6);
    await(os, 5);
    submit(os, p, &all[5], 0);
    await(os, 1);
    WEFT_CHECK_EQ(all[5].ran, 1);
    OPS->free(os);
}

WEFT_TEST(without_a_queue_there_are_as_many_jobs_as_threads)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, 0);
    tally all[3] = { 0 };
    sem_t gate;
    sem_init(&gate, 0, 0);
    for (int i = 0; i < 3; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], i < 2 ? 0 : WEFT_ELIMIT);
    }
    let_go(&gate, 3);
    await(os, 2);
    OPS->free(os);
}

WEFT_TEST(threads_are_started_when_they_are_needed_and_end_when_they_are_not)
{
    weft__os *os = os_new();
    weft__pool *p = JOBS->pool_new(os, &(weft__pool_opts){ .name = "test", .threads_max = 4, .queue_max = 10, .linger_ms = 30 });
    WEFT_NEED(p != NULL);
    sem_t gate;
    tally all[3] = { 0 };
    sem_init(&gate, 0, 0);
    until(os, p, 0, 0, 0);
    for (int i = 0; i < 3; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], 0);
        until(os, p, i + 1, i + 1, 0);
    }
    let_go(&gate, 3);
    await(os, 3);
    until(os, p, 0, 0, 0);
    let_go(&gate, 1);
    submit(os, p, &all[0], 0);
    await(os, 1);
    WEFT_CHECK_EQ(all[0].ran, 2);
    OPS->free(os);
}

/* A job that comes while a thread is about to end is not left behind. */
WEFT_TEST(a_job_that_meets_a_thread_on_its_way_out_is_run)
{
    weft__os *os = os_new();
    weft__pool *p = JOBS->pool_new(os, &(weft__pool_opts){ .name = "test", .threads_max = 1, .queue_max = 10, .linger_ms = 1 });
    WEFT_NEED(p != NULL);
    tally one = { 0 };
    for (int i = 0; i < 200; i++) {
        submit(os, p, &one, 0);
        await(os, 1);
        usleep(900 + (unsigned)i);
    }
    WEFT_CHECK_EQ(one.ran, 200);
    OPS->free(os);
}

/* ---- what is in a thread ---- */

typedef struct look { weft__job job; char name[16]; sigset_t mask; int told; } look;

static void look_around(weft__job *job)
{
    look *l = (look *)job;
    pthread_getname_np(pthread_self(), l->name, sizeof l->name);
    pthread_sigmask(SIG_SETMASK, NULL, &l->mask);
}

WEFT_TEST(threads_have_the_name_of_their_pool_and_hear_no_signals)
{
    weft__os *os = os_new();
    weft__pool *p = JOBS->pool_new(os, &(weft__pool_opts){ .name = "a name longer than any thread's", .threads_max = 1, .queue_max = 1 });
    WEFT_NEED(p != NULL);
    weft__event e[2];
    look l = { .job = { .run = look_around, .cookie = &l } };
    WEFT_NEED(JOBS->submit(os, p, &l.job) == 0);
    while (!OPS->wait(os, e, 2, 5000 * MS)) continue;
    WEFT_CHECK_STR(weft_str_of(l.name), "a name longer t");
    static const int signals[] = { SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGALRM, SIGPROF };
    for (size_t i = 0; i < weft_count(signals); i++) WEFT_CHECK(sigismember(&l.mask, signals[i]) == 1);
    OPS->free(os);
}

static void free_itself(weft__job *job)
{
    weft__door *door = *(weft__door **)(job + 1);
    free(job);
    weft__door_knock(door);
    weft__door_drop(door);
}

WEFT_TEST(a_job_without_a_cookie_may_free_itself)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 4, 100);
    tally word = { 0 };
    weft__door *door = JOBS->door_open(os, &word);
    WEFT_NEED(door != NULL);
    for (int i = 0; i < 100; i++) {
        weft__job *job = calloc(1, sizeof *job + sizeof door);
        WEFT_NEED(job != NULL);
        job->run = free_itself;
        *(weft__door **)(job + 1) = door;
        weft__door_keep(door);
        WEFT_NEED(JOBS->submit(os, p, job) == 0);
    }
    until(os, p, JOBS->pool_state(os, p).threads, 0, 0);
    while (turn(os, 64, 10 * MS)) continue;
    WEFT_CHECK(word.told >= 1);
    WEFT_CHECK(word.told <= 100);
    OPS->free(os);
}

/* ---- taking back and the end of a pool ---- */

WEFT_TEST(a_job_can_be_taken_back_until_it_begins)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 1, 10);
    sem_t gate;
    tally all[4] = { 0 };
    sem_init(&gate, 0, 0);
    for (int i = 0; i < 4; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], 0);
    }
    until(os, p, 1, 1, 3);
    WEFT_CHECK(!JOBS->take_back(os, p, &all[0].job));
    WEFT_CHECK(JOBS->take_back(os, p, &all[2].job));
    WEFT_CHECK(JOBS->take_back(os, p, &all[3].job));
    submit(os, p, &all[3], 0);
    let_go(&gate, 3);
    await(os, 3);
    WEFT_CHECK(!JOBS->take_back(os, p, &all[0].job));
    static const int want[] = { 11, 11, 0, 11 };
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(all[i].ran * 10 + all[i].told, want[i]);
    OPS->free(os);
}

/* Each is told or was taken back, never both, never neither. */
WEFT_TEST(a_job_taken_back_in_the_moment_it_begins_has_one_fate)
{
    enum { ROUNDS = 3000, LEAST = 64, LONG_S = 8 };
    static tally all[ROUNDS];
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, ROUNDS);
    bool back[ROUNDS];
    int expected = 0, rounds = 0;
    time_t began = time(NULL);
    /* Who yields beside others that compute is away for milliseconds. */
    for (int i = 0; i < ROUNDS && (i < LEAST || time(NULL) - began < LONG_S); i++, rounds++) {
        submit(os, p, &all[i], 0);
        for (int k = 0; k < i % 64; k++) sched_yield();
        back[i] = JOBS->take_back(os, p, &all[i].job);
        expected += !back[i];
    }
    for (int i = 0; expected && i < 10000; i++) expected -= turn(os, 64, 5000 * MS);
    WEFT_CHECK_EQ(turn(os, 64, 10 * MS), 0);
    for (int i = 0; i < rounds; i++) WEFT_CHECK_EQ(all[i].ran * 10 + all[i].told, back[i] ? 0 : 11);
    OPS->free(os);
}

WEFT_TEST(the_end_of_a_pool_waits_for_no_job_and_each_is_told_that_it_is_gone)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, 10);
    sem_t gate;
    static tally all[5];
    sem_init(&gate, 0, 0);
    submit(os, p, &all[4], 0);
    while (!all[4].ran) usleep(100);         /* it ended, and nobody was told */
    for (int i = 0; i < 4; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], 0);
    }
    until(os, p, 2, 2, 2);
    JOBS->pool_free(os, p);
    WEFT_CHECK_EQ(all[2].gone + all[3].gone + all[4].gone, 3);
    WEFT_CHECK_EQ(all[0].gone + all[1].gone, 0);
    WEFT_CHECK_EQ(turn(os, 64, 10 * MS), 0);
    OPS->free(os);
    let_go(&gate, 2);
    for (int i = 0; i < 10000 && all[0].gone + all[1].gone < 2; i++) usleep(1000);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(all[i].gone, 1);
    WEFT_CHECK_EQ(all[0].ran + all[1].ran, 2);
    WEFT_CHECK_EQ(all[2].ran + all[3].ran, 0);
}

static int threads_alive(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    WEFT_NEED(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));) n += *e->d_name != '.';
    closedir(dir);
    return n;
}

static void use_four_threads(void)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 4, 100), *other = pool(os, 1, 1);
    tally all[100] = { 0 };
    for (int i = 0; i < 100; i++) submit(os, p, &all[i], 0);
    await(os, 100);
    JOBS->pool_free(os, p);
    JOBS->pool_free(os, NULL);
    JOBS->pool_free(os, other);
    OPS->free(os);
}

/* A sanitizer has its own threads from the first one on. The kernel takes a joined one from its list a moment later. */
WEFT_TEST(nothing_is_left_of_a_pool_whose_threads_are_idle)
{
    use_four_threads();
    int before = threads_alive();                    /* the least of half a second: none of those that were joined */
    for (int i = 0; i < 100; i++) {
        int now = threads_alive();
        if (now < before) before = now;
        usleep(5000);
    }
    for (int i = 0; i < 5; i++) use_four_threads();
    for (int i = 0; i < 1000 && threads_alive() > before; i++) usleep(1000);
    WEFT_CHECK_EQ(threads_alive(), before);
    WEFT_CHECK(before <= 3);
}

/* One event a wait, and a pool that has more to tell than there are waits. */
WEFT_TEST(pools_and_doors_do_not_silence_each_other)
{
    enum { MANY = 400, WAITS = 50 };
    weft__os *os = os_new();
    weft__pool *calm = pool(os, 1, 1), *busy = pool(os, 2, MANY), *last = pool(os, 1, 1);
    static tally all[MANY], one, other, word;
    weft__door *door = JOBS->door_open(os, &word);
    WEFT_NEED(door != NULL);
    for (int i = 0; i < MANY; i++) submit(os, busy, &all[i], 0);
    submit(os, calm, &one, 0);
    submit(os, last, &other, 0);
    until(os, busy, JOBS->pool_state(os, busy).threads, 0, 0);
    until(os, calm, 1, 0, 0);
    until(os, last, 1, 0, 0);
    weft__door_knock(door);
    for (int i = 0; i < WAITS; i++) WEFT_CHECK_EQ(turn(os, 1, 5000 * MS), 1);
    WEFT_CHECK_EQ(one.told, 1);
    WEFT_CHECK_EQ(other.told, 1);
    WEFT_CHECK_EQ(word.told, 1);
    OPS->free(os);
}

/* Half of a wait's room is for each. */
WEFT_TEST(threads_and_descriptors_do_not_silence_each_other)
{
    enum { MANY = 400, FDS = 20, ROOM = 4 };
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, MANY);
    static tally all[MANY], readable[FDS];
    int fds[FDS], jobs = 0, others = 0;
    for (int i = 0; i < MANY; i++) submit(os, p, &all[i], 0);
    until(os, p, JOBS->pool_state(os, p).threads, 0, 0);
    for (int i = 0; i < FDS; i++) {
        fds[i] = eventfd(1, EFD_CLOEXEC);
        WEFT_CHECK_EQ(OPS->watch(os, fds[i], &readable[i], true), 0);    /* told again and again */
    }
    /* The thread that was through first rings the bell, and may not have come to that yet. */
    for (int i = 0, begun = 0; i < 10000 && begun < 40; i++) {
        weft__event e[ROOM];
        int n = OPS->wait(os, e, ROOM, 5000 * MS);
        if (!jobs && !begun) others = 0;
        for (int k = 0; k < n; k++) ++*(e[k].cookie >= (void *)readable && e[k].cookie < (void *)(readable + FDS) ? &others : &jobs);
        begun += jobs > 0;
    }
    WEFT_CHECK(jobs >= 40);
    WEFT_CHECK(others >= 40);
    for (int i = 0; i < FDS; i++) OPS->close(os, fds[i]);
    OPS->free(os);
}

static int child_of(weft__os *os)
{
    OPS->free(os);
    weft__os *own = weft__os_linux_new();
    WEFT_NEED(own != NULL);
    tally word = { 0 };
    weft__event e[2];
    weft__door *door = own->ops->jobs->door_open(own, &word);
    WEFT_NEED(door != NULL);
    weft__door_knock(door);
    int n = own->ops->wait(own, e, 2, 5000 * MS);
    own->ops->free(own);
    return n == 1 && e[0].cookie == &word ? 0 : 1;
}

WEFT_TEST(a_forked_child_may_free_its_parents_os_with_its_pools)
{
    weft__os *os = os_new();
    weft__pool *p = pool(os, 2, 2);
    sem_t gate;
    static tally all[3];
    sem_init(&gate, 0, 0);
    for (int i = 0; i < 3; i++) {
        all[i].gate = &gate;
        submit(os, p, &all[i], 0);
    }
    until(os, p, 2, 2, 1);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        alarm(20);
        _exit(child_of(os));
    }
    int status = -1;
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    WEFT_CHECK_EQ(status, 0);
    let_go(&gate, 3);
    await(os, 3);
    OPS->free(os);
}

WEFT_TEST(a_pool_that_finds_no_memory_refuses_and_serves_later)
{
    weft__os *os = os_new();
    tally one = { 0 };
    failing_from(1);
    WEFT_CHECK(JOBS->pool_new(os, &(weft__pool_opts){ .name = "test", .threads_max = 1, .queue_max = 1 }) == NULL);
    failing_from(1);
    WEFT_CHECK(JOBS->door_open(os, &one) == NULL);
    weft_set_allocator(NULL, NULL);
    weft__pool *p = pool(os, 2, 2);
    failing_from(1);
    submit(os, p, &one, WEFT_ENOMEM);
    weft_set_allocator(NULL, NULL);
    submit(os, p, &one, 0);
    await(os, 1);
    OPS->free(os);
}

/* ---- doors ---- */

WEFT_TEST(knocks_before_a_wait_are_one_event)
{
    weft__os *os = os_new();
    tally a = { 0 }, b = { 0 };
    weft__door *first = JOBS->door_open(os, &a), *second = JOBS->door_open(os, &b);
    WEFT_NEED(first != NULL && second != NULL);
    for (int i = 0; i < 10; i++) weft__door_knock(first);
    await(os, 1);
    WEFT_CHECK_EQ(a.told, 1);
    WEFT_CHECK_EQ(turn(os, 8, 10 * MS), 0);
    weft__door_knock(second);
    weft__door_knock(first);
    await(os, 2);
    WEFT_CHECK_EQ(a.told, 2);
    WEFT_CHECK_EQ(b.told, 1);
    OPS->free(os);
}

typedef struct crowd { weft__door *door; atomic_int written; int each; } crowd;

static void *knock_often(void *arg)
{
    crowd *c = arg;
    for (int i = 0; i < c->each; i++) {
        c->written++;
        weft__door_knock(c->door);
    }
    weft__door_drop(c->door);
    return NULL;
}

/* The last thing written is always seen: no knock is lost. */
WEFT_TEST(what_was_written_before_a_knock_is_seen_after_it)
{
    weft__os *os = os_new();
    tally a = { 0 };
    pthread_t threads[3];
    crowd c = { .each = 20000 };
    c.door = JOBS->door_open(os, &a);
    WEFT_NEED(c.door != NULL);
    for (int i = 0; i < 3; i++) {
        weft__door_keep(c.door);
        WEFT_NEED(!pthread_create(&threads[i], NULL, knock_often, &c));
    }
    int seen = 0;
    while (seen < 60000 && turn(os, 8, 5000 * MS)) seen = c.written;
    WEFT_CHECK_EQ(seen, 60000);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    JOBS->door_close(os, c.door);
    OPS->free(os);
}

WEFT_TEST(a_closed_door_tells_nothing)
{
    weft__os *os = os_new();
    tally a = { 0 };
    weft__door *door = JOBS->door_open(os, &a);
    WEFT_NEED(door != NULL);
    weft__door_keep(door);
    weft__door_knock(door);
    JOBS->door_close(os, door);
    weft__door_knock(door);
    WEFT_CHECK_EQ(turn(os, 8, 10 * MS), 0);
    weft__door_drop(door);
    JOBS->door_close(os, NULL);
    OPS->free(os);
}

WEFT_TEST(a_door_outlives_its_os)
{
    weft__os *os = os_new();
    tally a = { 0 };
    crowd c = { .each = 200000 };
    pthread_t thread;
    c.door = JOBS->door_open(os, &a);
    WEFT_NEED(c.door != NULL);
    weft__door_keep(c.door);
    WEFT_NEED(!pthread_create(&thread, NULL, knock_often, &c));
    await(os, 1);
    OPS->free(os);
    int fds[64];
    for (int i = 0; i < 64; i++) fds[i] = dup(2);    /* whoever has the number of the bell now is not rung */
    pthread_join(thread, NULL);
    for (int i = 0; i < 64; i++) close(fds[i]);
}

static weft__door *handled;
static void on_signal(int number)
{
    (void)number;
    weft__door_knock(handled);
}

WEFT_TEST(a_signal_handler_may_knock_and_errno_stays)
{
    weft__os *os = os_new();
    tally a = { 0 };
    handled = JOBS->door_open(os, &a);
    WEFT_NEED(handled != NULL);
    signal(SIGUSR1, on_signal);
    errno = 4711;
    raise(SIGUSR1);
    WEFT_CHECK_EQ(errno, 4711);
    await(os, 1);
    OPS->free(os);
    signal(SIGUSR1, SIG_DFL);
}
