#define _GNU_SOURCE
#include "thread_world.h"
#include <stdio.h>
#include <time.h>
#include "testing/verdict.h"

void thread_sim(weft_call body)
{
    static const uint64_t seeds[] = { 0, 1, 2, 77, 0x9e3779b97f4a7c15 };
    for (size_t i = 0; i < weft_count(seeds); i++) {
        unsigned before = weft__verdict_now->failed_checks;
        int64_t ns = JOB_MS * INT64_C(1000000);
        world_open_sim_with(&(weft__sim_opts){ .seed = seeds[i], .job_min_ns = ns, .job_max_ns = ns });
        WEFT_CHECK_EQ(world_run(body), 0);
        world_close();
        WEFT_CHECK_EQ(world_mem.blocks, 0);
        if (weft__verdict_now->failed_checks == before) continue;
        fprintf(stderr, "  (the above in the simulator with seed %llu)\n", (unsigned long long)seeds[i]);
    }
}

/* world_now is a thread's: on those of a pool there is none. */
void thread_take_ms(int ms)
{
    if (world_now.virtual_time) return;
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}
