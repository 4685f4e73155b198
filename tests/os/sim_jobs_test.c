#include <stdlib.h>
#include <string.h>
#include "os/sim.h"
#include "os/jobs.h"
#include "support/failing.h"
#include "weft/check.h"

#define OPS (os->ops)
#define JOBS (os->ops->jobs)

static const int64_t MS = 1000000;

/* Where and when a job ran, and when its end was told. */
typedef struct tally {
    weft__job job;
    weft__os *os;
    int64_t ran_at, told_at, gone_at;
    int ran, told, gone, order;
    weft__door *door;
} tally;

static int runs;

static void count(weft__job *job)
{
    tally *t = (tally *)job;
    t->ran++;
    t->order = ++runs;
    t->ran_at = t->os->ops->now_ns(t->os);
    if (t->door) weft__door_knock(t->door);
}

static void count_gone(weft__job *job) { ((tally *)job)->gone++; }

static void submit(weft__os *os, weft__pool *p, tally *t, int rc)
{
    t->os = os;
    t->job = (weft__job){ .run = count, .gone = count_gone, .cookie = t };
    WEFT_CHECK_EQ(JOBS->submit(os, p, &t->job), rc);
}

static int turn(weft__os *os, int64_t timeout_ns)
{
    weft__event e[8];
    int n = OPS->wait(os, e, 8, timeout_ns);
    for (int i = 0; i < n; i++) {
        tally *t = e[i].cookie;
        WEFT_CHECK_EQ(e[i].ready, WEFT__IN);
        t->told++;
        t->told_at = OPS->now_ns(os);
    }
    return n;
}

static void await(weft__os *os, int n)
{
    for (int got; n > 0; n -= got) WEFT_NEED((got = turn(os, -1)) > 0);
    WEFT_CHECK_EQ(n, 0);
}

static weft__pool *pool(weft__os *os, int threads_max, int queue_max)
{
    weft__pool *p = JOBS->pool_new(os, &(weft__pool_opts){ .name = "test", .threads_max = threads_max, .queue_max = queue_max });
    WEFT_NEED(p != NULL);
    return p;
}

static weft__os *sim(uint64_t seed, int64_t min_ns, int64_t max_ns)
{
    weft__os *os = weft__sim_new(&(weft__sim_opts){ .seed = seed, .job_min_ns = min_ns, .job_max_ns = max_ns });
    WEFT_NEED(os != NULL);
    return os;
}

WEFT_TEST(sim_jobs_take_the_time_they_were_given)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        weft__os *os = sim(seed, 2 * MS, 9 * MS);
        weft__pool *p = pool(os, 20, 20);
        tally all[20] = { 0 };
        int64_t from = OPS->now_ns(os);
        for (int i = 0; i < 20; i++) submit(os, p, &all[i], 0);
        await(os, 20);
        for (int i = 0; i < 20; i++) {
            WEFT_CHECK_EQ(all[i].ran * 10 + all[i].told, 11);
            WEFT_CHECK(all[i].told_at >= from + 2 * MS && all[i].told_at <= from + 9 * MS);
            WEFT_CHECK(all[i].ran_at >= from + MS && all[i].ran_at <= all[i].told_at - MS);
        }
        OPS->free(os);
    }
}

WEFT_TEST(sim_jobs_never_run_inside_submit)
{
    weft__os *os = sim(0, 0, 0);
    weft__pool *p = pool(os, 4, 4);
    tally one = { 0 };
    submit(os, p, &one, 0);
    WEFT_CHECK_EQ(one.ran, 0);
    WEFT_CHECK(JOBS->take_back(os, p, &one.job));
    WEFT_CHECK_EQ(turn(os, -1), WEFT_EDEADLK);
    WEFT_CHECK_EQ(one.ran + one.told + one.gone, 0);
    OPS->free(os);
}

WEFT_TEST(sim_jobs_under_way_are_as_many_as_threads)
{
    weft__os *os = sim(3, 10 * MS, 10 * MS);
    weft__pool *p = pool(os, 3, 4);
    tally all[8] = { 0 };
    for (int i = 0; i < 8; i++) submit(os, p, &all[i], i < 7 ? 0 : WEFT_ELIMIT);
    int64_t from = OPS->now_ns(os);
    WEFT_CHECK_EQ(turn(os, 0), 0);
    weft__pool_state state = JOBS->pool_state(os, p);
    WEFT_CHECK_EQ(state.running, 3);
    WEFT_CHECK_EQ(state.waiting, 4);
    await(os, 7);
    for (int i = 0; i < 7; i++) WEFT_CHECK_EQ(all[i].told_at, from + (i / 3 + 1) * 10 * MS);
    OPS->free(os);
}

/* Jobs that begin in order end in any order: some seed shows each. */
WEFT_TEST(sim_jobs_end_in_orders_that_seeds_draw)
{
    int seen[6] = { 0 };
    for (uint64_t seed = 1; seed < 100; seed++) {
        weft__os *os = sim(seed, 0, 10 * MS);
        weft__pool *p = pool(os, 3, 3);
        tally all[3] = { 0 };
        runs = 0;
        for (int i = 0; i < 3; i++) submit(os, p, &all[i], 0);
        await(os, 3);
        seen[all[0].order * 2 - 2 + (all[1].order > all[2].order)]++;
        OPS->free(os);
    }
    for (int i = 0; i < 6; i++) WEFT_CHECK(seen[i] > 0);
}

WEFT_TEST(sim_a_job_that_has_begun_is_not_taken_back)
{
    weft__os *os = sim(1, 10 * MS, 10 * MS);
    weft__pool *p = pool(os, 1, 3);
    tally a = { 0 }, b = { 0 }, c = { 0 };
    submit(os, p, &a, 0);
    submit(os, p, &b, 0);
    submit(os, p, &c, 0);
    WEFT_CHECK_EQ(turn(os, MS), 0);
    WEFT_CHECK(!JOBS->take_back(os, p, &a.job));
    WEFT_CHECK(JOBS->take_back(os, p, &b.job));
    WEFT_CHECK_EQ(turn(os, 7 * MS), 0);
    WEFT_CHECK_EQ(a.ran, 1);
    WEFT_CHECK(!JOBS->take_back(os, p, &a.job));
    await(os, 2);
    WEFT_CHECK_EQ(a.told * 10 + c.told, 11);
    WEFT_CHECK_EQ(b.ran + b.told, 0);
    OPS->free(os);
}

/* As with threads: who runs goes on, and every job has one end. */
WEFT_TEST(sim_the_end_of_a_pool_leaves_running_jobs_to_their_end)
{
    weft__os *os = sim(1, 10 * MS, 10 * MS);
    weft__pool *p = pool(os, 2, 3);
    tally all[5] = { 0 };
    for (int i = 0; i < 5; i++) submit(os, p, &all[i], 0);
    WEFT_CHECK_EQ(turn(os, MS), 0);
    JOBS->pool_free(os, p);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(all[i].gone, i >= 2);
    WEFT_CHECK_EQ(turn(os, 20 * MS), 0);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(all[i].gone * 100 + all[i].ran * 10 + all[i].told, i < 2 ? 110 : 100);
    OPS->free(os);
}

WEFT_TEST(sim_the_end_of_the_world_ends_what_is_under_way)
{
    weft__os *os = sim(1, 10 * MS, 10 * MS);
    weft__pool *p = pool(os, 2, 3);
    tally all[4] = { 0 };
    for (int i = 0; i < 4; i++) submit(os, p, &all[i], 0);
    WEFT_CHECK_EQ(turn(os, MS), 0);
    OPS->free(os);
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(all[i].gone * 100 + all[i].ran * 10 + all[i].told, i < 2 ? 110 : 100);
}

static void free_itself(weft__job *job) { free(job); }

WEFT_TEST(sim_a_job_without_a_cookie_may_free_itself)
{
    weft__os *os = sim(1, 0, 10 * MS);
    weft__pool *p = pool(os, 4, 200);
    for (int i = 0; i < 200; i++) {
        weft__job *job = calloc(1, sizeof *job);
        WEFT_NEED(job != NULL);
        job->run = free_itself;
        int rc = JOBS->submit(os, p, job);
        if (rc < 0) free(job);
        WEFT_NEED(rc == 0);
        if (i % 10 == 0) WEFT_CHECK_EQ(turn(os, 3 * MS), 0);
    }
    WEFT_CHECK_EQ(JOBS->pool_state(os, p).running, 4);
    while (JOBS->pool_state(os, p).waiting) WEFT_CHECK_EQ(turn(os, 3 * MS), 0);
    OPS->free(os);
}

WEFT_TEST(sim_knocks_are_one_event_and_a_closed_door_tells_nothing)
{
    weft__os *os = sim(1, MS, MS);
    weft__pool *p = pool(os, 4, 4);
    tally word = { 0 }, all[3] = { 0 };
    weft__door *door = JOBS->door_open(os, &word);
    WEFT_NEED(door != NULL);
    WEFT_CHECK_EQ(turn(os, -1), WEFT_EDEADLK);
    weft__door_knock(door);
    weft__door_knock(door);
    await(os, 1);
    WEFT_CHECK_EQ(turn(os, -1), WEFT_EDEADLK);
    for (int i = 0; i < 3; i++) {
        submit(os, p, &all[i], 0);
        all[i].door = door;
    }
    WEFT_CHECK_EQ(turn(os, -1), 1);          /* before the jobs' ends are told */
    WEFT_CHECK_EQ(word.told, 2);
    await(os, 3);
    weft__door_keep(door);
    weft__door_knock(door);
    JOBS->door_close(os, door);
    WEFT_CHECK_EQ(turn(os, MS), 0);
    OPS->free(os);
    weft__door_knock(door);
    weft__door_drop(door);
}

WEFT_TEST(sim_submit_can_be_made_to_fail)
{
    weft__os *os = sim(1, MS, MS);
    weft__pool *p = pool(os, 1, 4);
    tally one = { 0 };
    WEFT_CHECK_EQ(weft__sim_fail(os, "submit", 2, WEFT_ENOMEM), 0);
    submit(os, p, &one, 0);
    await(os, 1);
    submit(os, p, &one, WEFT_ENOMEM);
    WEFT_CHECK_EQ(turn(os, -1), WEFT_EDEADLK);
    submit(os, p, &one, 0);
    await(os, 1);
    OPS->free(os);
}

static uint64_t script(uint64_t seed)
{
    weft__os *os = sim(seed, 0, 5 * MS);
    weft__pool *p = pool(os, 2, 50), *q = pool(os, 1, 50);
    tally all[40] = { 0 }, word = { 0 };
    weft__door *door = JOBS->door_open(os, &word);
    WEFT_NEED(door != NULL);
    for (int i = 0; i < 40; i++) {
        submit(os, i % 3 ? p : q, &all[i], 0);
        all[i].door = i % 5 ? NULL : door;
        if (i % 7 == 0) turn(os, MS);
        if (i % 4 == 0) JOBS->take_back(os, i % 3 ? p : q, &all[i].job);
    }
    while (turn(os, -1) > 0) continue;
    uint64_t trace = weft__sim_trace(os);
    OPS->free(os);
    return trace;
}

WEFT_TEST(sim_jobs_leave_the_same_trace_for_the_same_seed_and_another_for_another)
{
    for (uint64_t seed = 0; seed < 20; seed++) WEFT_CHECK_EQ(script(seed), script(seed));
    WEFT_CHECK(script(1) != script(2));
}

WEFT_TEST(sim_pools_survive_the_failure_of_each_allocation)
{
    FAIL_EACH_IN_TURN(i) {
        weft__os *os = weft__sim_new(&(weft__sim_opts){ .seed = 1 });
        if (!os) continue;
        weft__pool *p = JOBS->pool_new(os, &(weft__pool_opts){ .name = "test", .threads_max = 3, .queue_max = 200 });
        weft__door *door = JOBS->door_open(os, &fails);
        static tally all[200];
        int submitted = 0;
        memset(all, 0, sizeof all);
        for (int k = 0; p && k < 200; k++) {
            all[k].os = os;
            all[k].job = (weft__job){ .run = count, .cookie = &all[k] };
            int rc = JOBS->submit(os, p, &all[k].job);
            WEFT_CHECK(rc == 0 || (rc == WEFT_ENOMEM && fails.failed));
            submitted += rc == 0;
        }
        await(os, submitted);
        JOBS->door_close(os, door);
        OPS->free(os);
    }
}
