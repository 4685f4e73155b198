/* Calls on threads: pools that are full, callers that are cancelled, lose patience or abandon, promises that threads fulfil,
 * posts. Each call that was begun is run once, each that says it succeeded has its result, each post that was taken runs. */
#include <string.h>
#include "hunt.h"
#include "weft/thread.h"

enum { CALLERS = 6, CALLS = 6, ALL = CALLERS * CALLS };

static const weft_threads refusing = { .name = "refusing", .threads_max = 2, .queue_max = 2, .when_full = WEFT_FAIL };
static const weft_threads patient = { .name = "patient", .threads_max = 1, .queue_max = 3 };
static const weft_threads roomy = { .name = "roomy", .threads_max = 4 };
static const weft_threads *const pools[] = { &refusing, &patient, &roomy };

static struct {
    int ran[ALL], said[ALL];             /* said: 1 it succeeded, -1 it was abandoned or cancelled, 0 never called */
    int posted, posts_run;
    weft_scope *fulfillers;
    weft_inbox *inbox;
    bool closed;
} hall;

/* ---- what runs on threads; in the simulator these are calls between two turns, so plain counters do ---- */

static void post_arrives(void *arg)
{
    hall.posts_run++;
    WEFT_CHECK(arg == &hall);
}

static int compute(const int *in, int *out)
{
    hall.ran[*in]++;
    if (!hall.closed && *in % 3 == 0) {
        int rc = weft_post(hall.inbox, post_arrives, &hall);
        hall.posted += rc == 0;
        WEFT_CHECK(rc == 0 || rc == WEFT_ELIMIT);
    }
    char *bytes = weft_alloc(100);
    if (bytes) memset(bytes, 'x', 100);
    if (*in % 7 == 6) return weft_fail(WEFT_EPROTO, "number %d", *in);
    *out = *in + 1000;
    return 0;
}

typedef struct promised { weft_promise *promise; int value; } promised;
static int fulfil(const promised *in, int *value)
{
    *value = in->value;
    weft_promise_fulfil(in->promise, 0, value);
    return 0;
}

static int fulfil_on_a_thread(const promised *in)
{
    int value;
    WEFT_TRY(pause_somehow());
    return weft_in_thread_of(&roomy, fulfil, in, &value);
}

/* ---- callers ---- */

static int compute_somewhere(int id)
{
    int out = -1;
    bool abandon = chance(25);
    WEFT_SCOPE(patience, .timeout_ms = patience_ms(30));
    int rc = weft_in_thread_of(pools[roll(weft_count(pools))], compute, &id, &out, .abandon = abandon, .timeout_ms = patience_ms(20));
    bool ended = rc == 0 || rc == WEFT_EPROTO;
    hall.said[id] = ended ? 1 : -1;
    if (rc == 0) WEFT_CHECK_EQ(out, id + 1000);
    else WEFT_CHECK_EQ(out, -1);
    if (rc == WEFT_EPROTO) WEFT_CHECK_EQ(id % 7, 6);
    if (!ended && !abandon) WEFT_CHECK_EQ(hall.ran[id], 0);      /* taken back before it began */
    WEFT_CHECK(ended || rc == WEFT_ELIMIT || rc == WEFT_ETIMEDOUT || rc == WEFT_ECANCELED);
    return rc == WEFT_ECANCELED && !weft_scope_caught(patience) ? rc : 0;
}

/* The promise is fulfilled whatever becomes of who waits for it. */
static int await_promise(int id)
{
    int value = -1, rc;
    weft_promise *p = weft_promise_open(sizeof value);
    if (!p) return WEFT_ENOMEM;
    weft_spawn(hall.fulfillers, fulfil_on_a_thread, (&(promised){ p, id }));
    {
        WEFT_SCOPE(patience, .timeout_ms = patience_ms(30));
        rc = weft_promise_await(p, &value);
        WEFT_CHECK_EQ(value, rc == 0 ? id : -1);
        if (weft_scope_caught(patience)) rc = 0;
    }
    weft_promise_close(p);
    return rc;
}

static int caller(const int *me)
{
    for (int i = 0; i < CALLS; i++) {
        WEFT_TRY(pause_somehow());
        WEFT_TRY(chance(80) ? compute_somewhere(*me * CALLS + i) : await_promise(i));
    }
    return 0;
}

/* ---- all of it ---- */

static int call_all(void)
{
    weft_task *tasks[CALLERS];
    WEFT_SCOPE(fulfillers);
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(callers);
    hall.fulfillers = fulfillers;
    for (int i = 0; i < CALLERS; i++) tasks[i] = weft_spawn(callers, caller, &i);
    weft_spawn(helpers, cancel_some, (&(victims){ tasks, CALLERS, 4, 40 }));
    WEFT_TRY(weft_join(callers));
    WEFT_TRY(weft_join(helpers));
    return weft_join(fulfillers);
}

static int busy(void)
{
    memset(&hall, 0, sizeof hall);
    hall.inbox = weft_inbox_open(.posts_max = 1 + (int)roll(3));
    if (!hall.inbox) return WEFT_ENOMEM;
    WEFT_TRY(call_all());
    hall.closed = true;
    weft_inbox_close(hall.inbox);
    WEFT_CHECK_EQ(hall.posts_run, hall.posted);
    for (int i = 0; i < ALL; i++) {
        WEFT_CHECK(hall.ran[i] <= 1);
        if (hall.said[i] == 1) WEFT_CHECK_EQ(hall.ran[i], 1);
        if (hall.said[i] == 0) WEFT_CHECK_EQ(hall.ran[i], 0);
    }
    return 0;
}

static void run(uint64_t seed)
{
    int64_t most_ns = (1 + roll(12)) * INT64_C(1000000);
    hunt_world(&(weft__sim_opts){ .seed = seed, .job_min_ns = chance(50) ? most_ns / 4 : 0, .job_max_ns = most_ns }, weft_call(busy));
}

const scenario hunt_threads = { "threads", "pools of threads, posts and promises, with cancels, deadlines and abandoned calls", run };
