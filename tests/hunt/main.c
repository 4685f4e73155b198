/* Runs one scenario with one seed after the other, and stops at the first that fails. tools/sim-hunt is what people call.
 * Usage: sim-hunt-worker SCENARIO FROM COUNT [BUG]  tells each seed on stdout before it begins; exit 1: the last one failed
 *        sim-hunt-worker                            lists the scenarios
 * BUG: one that is planted in this build (src/base/planted.h).  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/planted.h"
#include "hunt.h"
#include "model/plan.h"
#include "testing/verdict.h"

enum { AGAIN_EVERY = 8 };                /* so many seeds: one is run twice, and must do the same twice */

static const scenario *const scenarios[] = { &hunt_between, &hunt_pool, &hunt_threads, &hunt_processes, &hunt_disk, &hunt_sockets };
static uint64_t dice, traces;

unsigned roll(unsigned sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % sides;
}

int patience_ms(int most_ms) { return roll(3) ? 0 : 1 + (int)roll((unsigned)most_ms); }

int pause_somehow(void)
{
    switch (roll(4)) {
    case 0: return weft_yield();
    case 1: return weft_sleep_ms(1 + roll(3));
    default: return 0;
    }
}

int cancel_some(const victims *in)
{
    for (unsigned i = roll((unsigned)in->most + 1); i > 0; i--) {
        if (weft_sleep_ms(roll((unsigned)in->within_ms)) < 0) return 0;
        weft_task_cancel(in->tasks[roll((unsigned)in->count)]);
    }
    return 0;
}

void hunt_world(const weft__sim_opts *opts, weft_call body)
{
    world_open_sim_with(opts);
    int rc = world_run(body);
    if (rc < 0) fprintf(stderr, "the root task: %s\n", weft_error_of(rc)->text);
    WEFT_CHECK_EQ(rc, 0);
    traces = traces * 31 + weft__sim_trace(world_now.os);
    weft__errors_clear();
    weft__loop_free(world_now.loop);
    WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    world_now.os->ops->free(world_now.os);
    world_now = (world){ 0 };
    weft__model_forget();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

/* The hash of all that happened. */
static uint64_t run_seed(const scenario *s, uint64_t seed)
{
    dice = seed * 0x9e3779b97f4a7c15u + 1;
    traces = 0;
    for (int i = 0; i < 4; i++) roll(2);
    s->run(seed);
    return traces;
}

static bool holds(const scenario *s, uint64_t seed)
{
    uint64_t first = run_seed(s, seed);
    if (seed % AGAIN_EVERY == 0 && !weft__verdict_now->failed_checks) WEFT_CHECK(run_seed(s, seed) == first);
    return !weft__verdict_now->failed_checks;
}

static int list(void)
{
    for (size_t i = 0; i < weft_count(scenarios); i++) printf("%-10s %s\n", scenarios[i]->name, scenarios[i]->what);
    return 0;
}

static const scenario *scenario_named(const char *name)
{
    for (size_t i = 0; i < weft_count(scenarios); i++)
        if (!strcmp(scenarios[i]->name, name)) return scenarios[i];
    return NULL;
}

static bool plant(const char *bug)
{
#ifdef WEFT__PLANTED
    weft__planted_now = !strcmp(bug, "lost-wake-up") ? WEFT__LOST_WAKE_UP : !strcmp(bug, "leaked-slot") ? WEFT__LEAKED_SLOT : 0;
    return weft__planted_now || !strcmp(bug, "none");
#else
    return !strcmp(bug, "none");
#endif
}

int main(int argc, char **argv)
{
    if (argc == 1) return list();
    const scenario *s = argc >= 4 ? scenario_named(argv[1]) : NULL;
    if (!s || argc > 5 || !plant(argc == 5 ? argv[4] : "none")) {
        fprintf(stderr, "usage: %s SCENARIO FROM COUNT [BUG] (tools/sim-hunt --help)\n", argv[0]);
        return 2;
    }
    uint64_t from = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10);
    for (uint64_t seed = from; seed - from < count; seed++) {
        printf("%llu\n", (unsigned long long)seed);
        fflush(stdout);
        if (!holds(s, seed)) return 1;
    }
    return 0;
}
