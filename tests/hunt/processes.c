/* Calls in processes: more calls than processes, jobs that fail, processes that die, callers that are cancelled or lose
 * patience. A call that says it succeeded has its result, each failure is one of those that the call may have, and no job runs
 * twice. */
#include <signal.h>
#include <string.h>
#include "hunt.h"
#include "weft/process.h"

enum { CALLERS = 5, CALLS = 6, ALL = CALLERS * CALLS };

WEFT_MODEL(Work, field(int64_t, id), field(weft_str, text));

static int ran[ALL];                     /* jobs of the simulator run in this very process */

static int job(const Work *in, Work *out)
{
    ran[in->id]++;
    if (in->id % 5 == 4) return weft_fail(WEFT_EPROTO, "job %d", (int)in->id);
    out->id = in->id + 1000;
    out->text = weft_format("%.*s, done", WEFT_FMT(in->text));
    return 0;
}

static int call(int id)
{
    Work in = { .id = id, .text = WEFT_S("work") }, out = { .id = -1 };
    WEFT_SCOPE(patience, .timeout_ms = patience_ms(30));
    if (chance(10)) WEFT_TRY(weft__sim_kill(world_now.os, 1 + roll(2), chance(50) ? SIGKILL : SIGSEGV));
    int rc = weft_in_process(Work, Work, job, &in, &out, .timeout_ms = patience_ms(30));
    WEFT_CHECK_EQ(out.id, rc == 0 ? id + 1000 : -1);
    if (rc == 0) WEFT_CHECK_STR(out.text, "work, done");
    if (rc == 0 || rc == WEFT_EPROTO) WEFT_CHECK_EQ(ran[id], 1);
    if (rc == WEFT_EPROTO) WEFT_CHECK_EQ(id % 5, 4);
    bool known = rc == 0 || rc == WEFT_EPROTO || rc == WEFT_ECRASHED || rc == WEFT_ELIMIT || rc == WEFT_ETIMEDOUT || rc == WEFT_ECANCELED;
    if (!known) WEFT_CHECK_EQ(rc, 0);
    return rc == WEFT_ECANCELED ? unless_caught(patience, rc) : 0;
}

static int caller(const int *me)
{
    for (int i = 0; i < CALLS; i++) {
        WEFT_TEMP;
        WEFT_TRY(pause_somehow());
        WEFT_TRY(call(*me * CALLS + i));
    }
    return 0;
}

static int call_all(void)
{
    weft_task *tasks[CALLERS];
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(callers);
    for (int i = 0; i < CALLERS; i++) tasks[i] = weft_spawn(callers, caller, &i);
    weft_spawn(helpers, cancel_some, (&(victims){ tasks, CALLERS, 3, 40 }));
    WEFT_TRY(weft_join(callers));
    WEFT_TRY(weft_join(helpers));
    for (int i = 0; i < ALL; i++) WEFT_CHECK(ran[i] <= 1);
    return 0;
}

static void run(uint64_t seed)
{
    memset(ran, 0, sizeof ran);
    WEFT_NEED(weft_processes(.processes_max = 1 + (int)roll(3), .queue_max = chance(30) ? 1 : 0, .jobs_max = 1 + (int)roll(6),
        .idle_ms = 1 + (int)roll(50)) == 0);
    int64_t most_ns = (1 + roll(12)) * INT64_C(1000000);
    hunt_world(&(weft__sim_opts){ .seed = seed, .job_min_ns = chance(50) ? most_ns / 4 : 0, .job_max_ns = most_ns },
        weft_call(call_all));
}

const scenario hunt_processes = { "processes", "calls in processes that fail and die, with cancels and deadlines", run };
