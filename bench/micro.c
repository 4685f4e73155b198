/* The costs of the runtime alone: a bare switch, a yield, a task from spawn to join, the memory of a parked
 * one. Prints `name figure` lines: nanoseconds, and bytes for `parked`. Each is the median of several
 * runs within this process.   Usage: micro  */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "task/switch.h"
#include "weft.h"

enum { RUNS = 9, SWITCHES = 4000000, YIELDS = 1000000, SPAWNS = 1000000, PARKED = 100000 };

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

static void measure_switch(void)
{
    double figures[RUNS];
    weft__context_make(&there, stack + sizeof stack, bounce);
    for (int i = 0; i < RUNS; i++) {
        int64_t from = clock_ns();
        switch_often(SWITCHES / 2);
        figures[i] = (double)(clock_ns() - from) / SWITCHES;
    }
    report("switch", figures);
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

static int measure_spawn(void)
{
    double figures[RUNS];
    for (int i = 0; i < RUNS; i++) {
        WEFT_SCOPE(tasks, .forget = true);
        int64_t from = clock_ns();
        for (int n = 0; n < SPAWNS; n++) {
            weft_spawn(tasks, nothing);
            WEFT_TRY(weft_join(tasks));
        }
        figures[i] = (double)(clock_ns() - from) / SPAWNS;
    }
    report("spawn_join", figures);
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

static int program(void)
{
    WEFT_TRY(measure_parked(), "parking %d tasks", PARKED);
    measure_switch();
    WEFT_TRY(measure_yield());
    return measure_spawn();
}

int main(void) { return weft_run(program); }
