/* GETs of Redis by tasks at once, over one connection.
 * Usage: weft_redis URL SECONDS [TASKS]; prints commands per second, and the CPU of this process each took, in µs. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weft.h>

static int64_t ends_ns, done;

static int64_t ns_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int get_all_the_time(weft_redis *const *r)
{
    while (ns_of(CLOCK_MONOTONIC) < ends_ns) {
        WEFT_TEMP;
        weft_str value;
        WEFT_TRY(weft_redis_value(*r, weft_str, &value, "GET {}", "key:000000000000"));
        if (value.len != 3) return weft_fail(WEFT_EREDIS, "a value of %zu bytes", value.len);
        done++;
    }
    return 0;
}

typedef struct asked { const char *url; int seconds, tasks; } asked;
static int run(const asked *in)
{
    weft_redis *r;
    WEFT_TRY(weft_redis_open(in->url, &r));
    WEFT_TRY(weft_redis_do(r, "SET {} {}", "key:000000000000", "xxx"));
    int64_t began_ns = ns_of(CLOCK_MONOTONIC), cpu_ns = ns_of(CLOCK_PROCESS_CPUTIME_ID);
    ends_ns = began_ns + in->seconds * INT64_C(1000000000);
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < in->tasks; i++) weft_spawn(s, get_all_the_time, &r);
        WEFT_TRY(weft_join(s));
    }
    double took_s = (double)(ns_of(CLOCK_MONOTONIC) - began_ns) / 1e9, cpu_us = (double)(ns_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns) / 1e3;
    printf("%.0f %.3f\n", (double)done / took_s, cpu_us / (double)done);
    return weft_redis_close(r, 0);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: weft_redis URL SECONDS [TASKS]\n");
        return 2;
    }
    return weft_run(run, (&(asked){ argv[1], atoi(argv[2]), argc > 3 ? atoi(argv[3]) : 64 }), NULL);
}
