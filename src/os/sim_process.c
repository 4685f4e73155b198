#include "os/sim_world.h"

int weft__sim_kill(weft__os *sim, unsigned nth, int signal)
{
    return weft__sim_fail(sim, "process", nth, -signal);
}

weft__process_fate weft__sim_process_fate(weft__os *os)
{
    weft__sim *s = weft__sim_of(os);
    uint64_t span = (uint64_t)(s->opts.job_max_ns - s->opts.job_min_ns);
    int64_t took = s->opts.job_min_ns + (span ? (int64_t)(weft__sim_draw(s) % (span + 1)) : 0);
    weft__process_fate fate = { took - took / 2, took / 2, -weft__sim_fault(s, WEFT__SIM_OP_PROCESS) };
    weft__sim_note(s, WEFT__SIM_OP_PROCESS, took, fate.signal);
    return fate;
}
