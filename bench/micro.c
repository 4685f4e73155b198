/* The costs of the runtime alone: a bare switch, a yield, a task from spawn to join, the memory of a parked
 * one, a call on a thread, an item through a channel, a mutex that is handed over,
 * a timer among a million, a read of a cached file.
 * Prints `name figure` lines: nanoseconds, bytes for `parked`, times for those `_to_bare`, microseconds for those `_us`,
 * and KiB and descriptors of this process for `spawned_`.
 * Each is the median of several runs within this process.   Usage: micro [MEASURE]
 * MEASURE: one of `measures` below alone.  */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "task/loop.h"
#include "task/switch.h"
#include "weft.h"

enum { RUNS = 9, SWITCHES = 4000000, YIELDS = 1000000, SPAWNS = 1000000, PARKED = 100000, OFFLOADS = 10000,
    PASSES = 1000000, HOLDERS = 2, READS = 200000, TIMERS = 1000000, TIMERS_AT_ONCE = 1000 };

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *name, double figures[static RUNS])
{
    qsort(figures, RUNS, sizeof *figures, by_size);
    printf("%s %.2f\n", name, figures[RUNS / 2]);
    fflush(stdout);
}

/* ---- a bare switch: two contexts that do nothing but switch to each other ---- */

static weft__context here, there;
static char stack[64 * 1024] __attribute__((aligned(64)));

static __attribute__((noinline)) void bounce(void)
{
    for (;;) weft__switch(&there, &here);
}

static __attribute__((noinline)) void switch_often(int times)
{
    for (int i = 0; i < times; i++) weft__switch(&here, &there);
}

static int measure_switch(void)
{
    double figures[RUNS];
    weft__context_make(&there, stack + sizeof stack, bounce);
    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_ns();
        switch_often(SWITCHES / 2);
        figures[i] = (double)(clock_ns() - from) / SWITCHES;
    }
    report("switch", figures);
    return 0;
}

/* ---- weft_yield: two tasks that only let each other run ---- */

static int yield_often(void)
{
    for (int i = 0; i < YIELDS / 2; i++) WEFT_TRY(weft_yield());
    return 0;
}

static int measure_yield(void)
{
    double figures[RUNS];
    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_ns();
        WEFT_TRY(weft_gather(weft_call(yield_often), weft_call(yield_often)));
        figures[i] = (double)(clock_ns() - from) / YIELDS;
    }
    report("yield", figures);
    return 0;
}

/* ---- a task that does nothing, from spawn to join ---- */

static int nothing(void) { return 0; }

static int spawn_often(int times)
{
    WEFT_SCOPE(tasks, .forget = true);
    for (int n = 0; n < times; n++) {
        weft_spawn(tasks, nothing);
        WEFT_TRY(weft_join(tasks));
    }
    return 0;
}

static int measure_spawn(void)
{
    double figures[RUNS];
    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_ns();
        WEFT_TRY(spawn_often(SPAWNS));
        figures[i] = (double)(clock_ns() - from) / SPAWNS;
    }
    report("spawn_join", figures);
    return 0;
}

/* ---- an item through a channel ---- */

typedef weft_channel(int64_t) channel;

static int send_often(channel *const *to)
{
    for (int64_t i = 0; i < PASSES; i++) WEFT_TRY(weft_send(*to, i));
    weft_channel_close(*to);
    return 0;
}

static int receive_all(channel *const *from)
{
    int64_t item;
    int rc;
    while ((rc = weft_recv(*from, &item)) > 0) continue;
    return rc;
}

/* Without room each item costs two switches; with room the tasks take turns when it is full or empty. */
static int measure_channel(const char *name, size_t room)
{
    double figures[RUNS];
    for (int i = 0; i < RUNS; i++) {
        channel ch, *in = &ch;
        WEFT_TRY(weft_channel_open(&ch, room));
        int64_t from = clock_ns();
        WEFT_TRY(weft_gather(weft_call(send_often, &in), weft_call(receive_all, &in)));
        figures[i] = (double)(clock_ns() - from) / PASSES;
        weft_channel_free(&ch);
    }
    report(name, figures);
    return 0;
}

static int measure_channels(void)
{
    WEFT_TRY(measure_channel("channel_0", 0));
    return measure_channel("channel_64", 64);
}

/* ---- a mutex from task to task ---- */

static int lock_often(weft_mutex *const *m)
{
    for (int i = 0; i < PASSES / HOLDERS; i++) {
        WEFT_TRY(weft_mutex_lock(*m));
        WEFT_TRY(weft_yield());                      /* so that the other comes to wait */
        weft_mutex_unlock(*m);
    }
    return 0;
}

static int measure_mutex(void)
{
    double figures[RUNS];
    weft_mutex m = { 0 }, *in = &m;
    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_ns();
        WEFT_TRY(weft_gather(weft_call(lock_often, &in), weft_call(lock_often, &in)));
        figures[i] = (double)(clock_ns() - from) / PASSES;
    }
    report("mutex", figures);
    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_ns();
        for (int n = 0; n < PASSES; n++) {
            WEFT_TRY(weft_mutex_lock(in));
            weft_mutex_unlock(in);
        }
        figures[i] = (double)(clock_ns() - from) / PASSES;
    }
    report("mutex_free", figures);
    return 0;
}

/* ---- the memory of tasks that wait ---- */

static long resident_bytes(void)
{
    long pages = 0;
    FILE *in = fopen("/proc/self/statm", "r");
    if (!in || fscanf(in, "%*d %ld", &pages) != 1) perror("/proc/self/statm");
    if (in) fclose(in);
    return pages * sysconf(_SC_PAGESIZE);
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) perror("/proc/self/fd");
    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n - 3;                                    /* ".", ".." and its own */
}

/* After a few spawns, what a million more leave behind. */
static int measure_spawned(void)
{
    WEFT_TRY(spawn_often(SPAWNS / 100));
    printf("spawned_kib_before %ld\nspawned_fds_before %d\n", resident_bytes() / 1024, open_descriptors());
    WEFT_TRY(spawn_often(SPAWNS));
    printf("spawned_kib %ld\nspawned_fds %d\n", resident_bytes() / 1024, open_descriptors());
    return 0;
}

static int sleep_long(void) { return weft_sleep_ms(3600 * 1000); }

/* Not warmed up: what the first tasks take from the system is counted for them all. */
static int measure_parked(void)
{
    WEFT_SCOPE(tasks, .forget = true);
    long before = resident_bytes();
    for (int i = 0; i < PARKED; i++) weft_spawn(tasks, sleep_long);
    WEFT_TRY(weft_yield());
    printf("parked %.1f\n", (double)(resident_bytes() - before) / PARKED);
    weft_cancel(tasks);
    return 0;
}

/* ---- a timer that is set and stopped while a million others run ---- */

static void never(weft__timer *t) { printf("a timer of an hour has fired, %lld\n", (long long)t->at_ns); }

/* As deadlines are: each a while from now, some sooner than others, most of them never reached. */
static int64_t some_time(void)
{
    static uint64_t dice = 1;
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return weft_now_ns() + INT64_C(3600000000000) + (int64_t)(dice >> 24);
}

/* Long enough for the places of stopped timers to be given back several times. */
static int set_and_stop(weft__loop *loop, weft__timer *few, double *set, double *stop, double *worst_us)
{
    int64_t set_ns = 0, stop_ns = 0, worst_ns = 0;
    static int64_t at[TIMERS_AT_ONCE];
    for (int i = 0; i < 10 * TIMERS / TIMERS_AT_ONCE; i++) {
        for (int n = 0; n < TIMERS_AT_ONCE; n++) at[n] = some_time();
        int64_t from = clock_ns();
        for (int n = 0; n < TIMERS_AT_ONCE; n++) WEFT_TRY(weft__timer_start(loop, &few[n], at[n]));
        int64_t then = clock_ns();
        for (int n = 0; n < TIMERS_AT_ONCE; n++) weft__timer_stop(loop, &few[n]);
        if (then - from > worst_ns) worst_ns = then - from;
        set_ns += then - from;
        stop_ns += clock_ns() - then;
    }
    *set = (double)set_ns / (10.0 * TIMERS);
    *stop = (double)stop_ns / (10.0 * TIMERS);
    *worst_us = (double)worst_ns / 1000;
    return 0;
}

static int measure_timers(void)
{
    double set[RUNS], stop[RUNS], worst_us[RUNS];
    weft__loop *loop = weft__loop_here();
    weft__timer *all = calloc(TIMERS + TIMERS_AT_ONCE, sizeof *all);
    if (!all) return WEFT_ENOMEM;
    for (int i = 0; i < TIMERS + TIMERS_AT_ONCE; i++) all[i].fire = never;
    for (int i = 0; i < TIMERS; i++) WEFT_TRY(weft__timer_start(loop, &all[i], some_time()));
    for (int i = 0; i < RUNS; i++) WEFT_TRY(set_and_stop(loop, all + TIMERS, &set[i], &stop[i], &worst_us[i]));
    for (int i = 0; i < TIMERS; i++) weft__timer_stop(loop, &all[i]);
    free(all);
    report("timer_set", set);
    report("timer_stop", stop);
    report("timer_worst_us", worst_us);
    return 0;
}

/* ---- a function that does nothing, on a thread and back: by weft, and by a thread, a condition and an eventfd ---- */

static const weft_threads one_thread = { .name = "one", .threads_max = 1 };

static int same(const int *in, int *out)
{
    *out = *in;
    return 0;
}

static int offload_often(double *figure)
{
    int64_t from = clock_ns();
    for (int i = 0, out; i < OFFLOADS; i++) WEFT_TRY(weft_in_thread_of(&one_thread, same, &i, &out));
    *figure = (double)(clock_ns() - from) / OFFLOADS;
    return 0;
}

typedef struct bare_pool {
    pthread_mutex_t lock;
    pthread_cond_t call;
    const int *job;                  /* under the lock */
    bool over;
    int done, event_fd;
} bare_pool;

static void *bare_thread(void *arg)
{
    bare_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->job && !p->over) pthread_cond_wait(&p->call, &p->lock);
        if (!p->job) break;
        const int *job = p->job;
        p->job = NULL;
        pthread_mutex_unlock(&p->lock);
        int out;
        same(job, &out);
        pthread_mutex_lock(&p->lock);
        p->done = out;
        pthread_mutex_unlock(&p->lock);
        if (write(p->event_fd, &(uint64_t){ 1 }, 8) != 8) perror("eventfd");
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void bare_call(bare_pool *p, int epoll_fd, const int *in)
{
    struct epoll_event event;
    pthread_mutex_lock(&p->lock);
    p->job = in;
    pthread_cond_signal(&p->call);
    pthread_mutex_unlock(&p->lock);
    for (int done = ~*in; done != *in;) {
        if (epoll_wait(epoll_fd, &event, 1, -1) < 0) perror("epoll_wait");
        pthread_mutex_lock(&p->lock);
        done = p->done;
        pthread_mutex_unlock(&p->lock);
    }
}

static double bare_often(void)
{
    bare_pool p = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .done = -1, .event_fd = eventfd(0, EFD_NONBLOCK) };
    int epoll_fd = epoll_create1(0);
    pthread_t thread;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p.event_fd, &(struct epoll_event){ .events = EPOLLIN | EPOLLET });
    if (pthread_create(&thread, NULL, bare_thread, &p)) perror("pthread_create");
    int64_t from = clock_ns();
    for (int i = 0; i < OFFLOADS; i++) bare_call(&p, epoll_fd, &i);
    double figure = (double)(clock_ns() - from) / OFFLOADS;
    pthread_mutex_lock(&p.lock);
    p.over = true;
    pthread_cond_signal(&p.call);
    pthread_mutex_unlock(&p.lock);
    pthread_join(thread, NULL);
    close(epoll_fd);
    close(p.event_fd);
    return figure;
}

static int measure_offload(void)
{
    double figures[RUNS], bare[RUNS], times[RUNS];
    for (int i = 0; i < RUNS; i++) {
        WEFT_TRY(offload_often(&figures[i]));
        bare[i] = bare_often();
        times[i] = figures[i] / bare[i];
    }
    report("offload", figures);
    report("offload_bare", bare);
    report("offload_to_bare", times);
    return 0;
}

/* ---- a call in a process, and the same round trip to a process with nothing but a socket ---- */

enum { TRIPS = 5000 };
WEFT_MODEL(Number, field(int64_t, n));
static int bare_socket;

static int next_job(const Number *in, Number *out)
{
    out->n = in->n + 1;
    return 0;
}

/* Forked by main: later there are threads. */
static void bare_process(void)
{
    int ends[2];
    char bytes[256];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) perror("socketpair");
    bare_socket = ends[0];
    if (fork()) {
        close(ends[1]);
        return;
    }
    close(ends[0]);
    for (ssize_t n; (n = recv(ends[1], bytes, sizeof bytes, 0)) > 0;)
        if (send(ends[1], bytes, (size_t)n, 0) < 0) break;
    _exit(0);
}

static double bare_trips(void)
{
    char bytes[64] = "";
    struct epoll_event e = { .events = EPOLLIN | EPOLLET };
    int epoll_fd = epoll_create1(0);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, bare_socket, &e);
    int64_t from = clock_ns();
    for (int i = 0; i < TRIPS; i++) {
        if (send(bare_socket, bytes, sizeof bytes, 0) < 0 || epoll_wait(epoll_fd, &e, 1, -1) < 0) perror("a bare trip");
        if (recv(bare_socket, bytes, sizeof bytes, 0) < 0) perror("a bare trip");
    }
    double figure = (double)(clock_ns() - from) / TRIPS;
    close(epoll_fd);
    return figure;
}

static int process_trips(double *figure)
{
    Number n = { 1 };
    WEFT_TRY(weft_in_process(Number, Number, next_job, &n, &n));
    int64_t from = clock_ns();
    for (int i = 0; i < TRIPS; i++) WEFT_TRY(weft_in_process(Number, Number, next_job, &n, &n));
    *figure = (double)(clock_ns() - from) / TRIPS;
    return 0;
}

static int measure_process(void)
{
    double figures[RUNS], bare[RUNS], times[RUNS];
    for (int i = 0; i < RUNS; i++) {
        WEFT_TRY(process_trips(&figures[i]));
        bare[i] = bare_trips();
        times[i] = figures[i] / bare[i];
    }
    report("process", figures);
    report("process_bare", bare);
    report("process_to_bare", times);
    return 0;
}

/* ---- 4 KiB of a file that is in the page cache, by weft and by pread ---- */

static char page[4096];

static int read_often(weft_file *f, double *figure)
{
    int64_t from = clock_ns();
    for (int i = 0; i < READS; i++) {
        if (weft_file_pread(f, page, sizeof page, 0) != sizeof page) return weft_fail(WEFT_EINVAL, "a short read");
    }
    *figure = (double)(clock_ns() - from) / READS;
    return 0;
}

static double read_bare(int fd)
{
    int64_t from = clock_ns();
    for (int i = 0; i < READS; i++) {
        if (pread(fd, page, sizeof page, 0) != sizeof page) perror("pread");
    }
    return (double)(clock_ns() - from) / READS;
}

static int measure_file_read(void)
{
    static const char path[] = "/tmp/weft-micro-page";
    double figures[RUNS], bare[RUNS], times[RUNS];
    WEFT_FILE(f);
    WEFT_TRY(weft_file_save(path, ((weft_str){ page, sizeof page })));
    WEFT_TRY(weft_file_open(&f, path));
    int fd = open(path, O_RDONLY);
    for (int i = 0; i < RUNS; i++) {
        WEFT_TRY(read_often(f, &figures[i]));
        bare[i] = read_bare(fd);
        times[i] = figures[i] / bare[i];
    }
    close(fd);
    report("file_read", figures);
    report("file_read_bare", bare);
    report("file_read_to_bare", times);
    return weft_file_remove(path);
}

/* In this order: what the first tasks take from the system is part of `parked`. */
static const struct { const char *name; int (*run)(void); } measures[] = {
    { "spawned", measure_spawned }, { "parked", measure_parked }, { "switch", measure_switch }, { "yield", measure_yield },
    { "spawn", measure_spawn }, { "channel", measure_channels }, { "mutex", measure_mutex }, { "timer", measure_timers },
    { "offload", measure_offload }, { "process", measure_process }, { "file_read", measure_file_read },
};

static const char *wanted;                           /* NULL: all */

static int program(void)
{
    bool any = false;
    for (size_t i = 0; i < weft_count(measures); i++) {
        if (wanted && strcmp(wanted, measures[i].name) != 0) continue;
        any = true;
        WEFT_TRY(measures[i].run(), "measuring %s", measures[i].name);
    }
    return any ? 0 : weft_fail(WEFT_EINVAL, "there is no measure '%s'", wanted);
}

/* What blocks the loop here does so on purpose. */
int main(int argc, char **argv)
{
    wanted = argc > 1 ? argv[1] : NULL;
    setenv("WEFT_WATCHDOG_MS", "0", 0);
    weft_processes(.processes_max = 1, .jobs_max = 1000000000);
    bare_process();
    return weft_run(program);
}
