/* What the watchdog costs a loop that is never idle: its thread's processor time, as the kernel counts it, while a thousand
 * tasks take turns, and while tasks hold the loop for longer than its limit and are reported.
 *
 *     ninja -C build/release bench/watchdog && build/release/bench/watchdog [SECONDS]  */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "weft/task.h"

enum { TASKS = 1000, HELD_MS = 150, FREE_MS = 50, SECONDS_MAX = 60 };

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_line(const char *tid, const char *name, char *to, int room)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/self/task/%s/%s", tid, name);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(to, room, f)) *to = 0;
    if (f) fclose(f);
}

/* The first number of schedstat: nanoseconds on a processor. */
static double watchdog_s(void)
{
    char comm[64], stat[128];
    double s = -1;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));) {
        read_line(e->d_name, "comm", comm, sizeof comm);
        if (strcmp(comm, "weft-watchdog\n")) continue;
        read_line(e->d_name, "schedstat", stat, sizeof stat);
        s = strtod(stat, NULL) / 1e9;
    }
    if (tasks) closedir(tasks);
    return s;
}

typedef struct load { double until_s; bool holds; } load;

/* Of its own time: on a machine that is busy elsewhere the loop would be late, and not held. */
static void hold(int ms)
{
    double until = cpu_s(CLOCK_THREAD_CPUTIME_ID) + ms / 1e3;
    while (cpu_s(CLOCK_THREAD_CPUTIME_ID) < until) continue;
}

static int work(const load *l)
{
    while (cpu_s(CLOCK_MONOTONIC) < l->until_s) {
        if (l->holds) hold(HELD_MS);
        WEFT_TRY(weft_sleep_ms(l->holds ? FREE_MS : 0));
    }
    return 0;
}

/* One second of load: what part of a processor the watchdog had, in percent. */
static int measure_one(int tasks, bool holds, double *percent)
{
    double began = cpu_s(CLOCK_MONOTONIC), own = watchdog_s();
    load l = { began + 1, holds };
    WEFT_SCOPE(s);
    for (int i = 0; i < tasks; i++) weft_spawn(s, work, &l);
    WEFT_TRY(weft_join(s));
    *percent = (watchdog_s() - own) / (cpu_s(CLOCK_MONOTONIC) - began) * 100;
    return 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Machines that share their processors with others charge what they took to whoever ran: hence the median. */
static int measure(const char *what, int tasks, bool holds, int seconds)
{
    double percent[SECONDS_MAX];
    for (int i = 0; i < seconds; i++) WEFT_TRY(measure_one(tasks, holds, &percent[i]));
    qsort(percent, (size_t)seconds, sizeof *percent, by_size);
    printf("%s: %.3f %% of a processor (%.3f to %.3f, %d s)\n", what, percent[seconds / 2], percent[0], percent[seconds - 1], seconds);
    return 0;
}

static int program(const int *seconds)
{
    WEFT_TRY(measure("a thousand tasks that take turns", TASKS, false, *seconds));
    return measure("a task that holds the loop for 150 ms, again and again", 1, true, *seconds);
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 5;
    if (seconds < 1 || seconds > SECONDS_MAX) seconds = SECONDS_MAX;
    return weft_run(program, &seconds);
}
