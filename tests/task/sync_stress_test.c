/* Random programs of tasks that send, receive, lock, wait and are cancelled, in the simulator with many seeds. What
 * was said to be sent is received once, what was said not to be sent never; locks are free at the end, and nobody waits
 * for what has come: the simulator ends such a run as a deadlock.
 * WEFT_SEEDS: so many times more seeds as it has thousands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "testing/verdict.h"
#include "weft/sync.h"
#include "world.h"

enum { SEEDS = 150, TASKS = 6, EACH = 12, ITEMS = TASKS * EACH, MUTEXES = 3 };

/* ---- dice ---- */

static uint64_t dice;
static unsigned roll(unsigned sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % sides;
}

/* Nothing, a turn, or a short time; the code of a cancel. */
static int pause_somehow(void)
{
    switch (roll(4)) {
    case 0: return weft_yield();
    case 1: return weft_sleep_ms(1 + roll(3));
    default: return 0;
    }
}

static unsigned seeds(void)
{
    const char *given = getenv("WEFT_SEEDS");
    long thousands = given ? strtol(given, NULL, 10) / 1000 : 0;
    return SEEDS * (unsigned)(thousands > 0 ? thousands + 1 : 1);
}

/* Each seed twice: the same happens in the same order. */
static void run_seeds(weft_call program)
{
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        unsigned before = weft__verdict_now->failed_checks;
        uint64_t trace[2];
        for (int again = 0; again < 2; again++) {
            dice = seed;
            world_open_sim(seed);
            WEFT_CHECK_EQ(world_run(program), 0);
            trace[again] = weft__sim_trace(world_now.os);
            world_close();
            WEFT_CHECK_EQ(world_mem.blocks, 0);
        }
        WEFT_CHECK(trace[0] == trace[1]);
        if (weft__verdict_now->failed_checks == before) continue;
        fprintf(stderr, "  (the above with seed %llu)\n", (unsigned long long)seed);
        return;
    }
}

/* Cancels tasks of a list now and then, and not one of them afterwards. */
typedef struct victims { weft_task **tasks; int n; } victims;
static int cancel_some(const victims *in)
{
    for (unsigned i = roll(4); i > 0; i--) {
        if (weft_sleep_ms(roll(6)) < 0) return 0;
        weft_task_cancel(in->tasks[roll((unsigned)in->n)]);
    }
    return 0;
}

/* ---- channels ---- */

typedef weft_channel(int) ints;
static struct {
    ints channel;
    int sent[ITEMS], received[ITEMS];        /* sent: 1 said to be, -1 said not to be, 0 never tried */
    int last[TASKS][TASKS];                  /* the last item that a receiver had of a sender */
} box;

static int send_one(int item)
{
    WEFT_SCOPE(patience, .timeout_ms = roll(3) ? 0 : 1 + (int)roll(3));
    int rc = weft_send(&box.channel, item);
    box.sent[item] = rc == 0 ? 1 : -1;
    return weft_scope_caught(patience) ? 0 : rc;
}

static int sender(const int *me)
{
    for (int i = 0; i < EACH; i++) {
        WEFT_TRY(pause_somehow());
        int rc = roll(5) ? send_one(*me * EACH + i) : weft_try_send(&box.channel, *me * EACH + i);
        if (rc == 1) box.sent[*me * EACH + i] = 1;
        if (rc == WEFT_ECLOSED) return 0;
        WEFT_TRY(rc);
    }
    return 0;
}

static void note(int receiver, int item)
{
    WEFT_NEED(item >= 0 && item < ITEMS);
    box.received[item]++;
    int *last = &box.last[receiver][item / EACH];
    WEFT_CHECK(*last <= item);
    *last = item;
}

static int receive_one(int me)
{
    int item = -1;
    WEFT_SCOPE(patience, .timeout_ms = roll(3) ? 0 : 1 + (int)roll(3));
    int rc = roll(5) ? weft_recv(&box.channel, &item) : weft_try_recv(&box.channel, &item);
    if (rc > 0) note(me, item);
    else WEFT_CHECK_EQ(item, -1);
    if (rc == 0 && !box.channel.core.closed) return 1;
    return weft_scope_caught(patience) ? 1 : rc;
}

static int receiver(const int *me)
{
    for (;;) {
        int rc = receive_one(*me);
        if (rc == 0 || rc == WEFT_ECLOSED) return 0;
        WEFT_TRY(rc);
        WEFT_TRY(pause_somehow());
    }
}

static int close_some_time(void)
{
    if (weft_sleep_ms(5 + roll(60)) == 0) weft_channel_close(&box.channel);
    return 0;
}

static void drain(void)
{
    int item;
    weft_channel_close(&box.channel);
    while (weft_try_recv(&box.channel, &item) > 0) box.received[item]++;
    for (int i = 0; i < ITEMS; i++) WEFT_CHECK_EQ(box.received[i], box.sent[i] > 0);
    WEFT_CHECK(!box.channel.core.senders.first && !box.channel.core.receivers.first);
    weft_channel_free(&box.channel);
}

static int pass_items(void)
{
    memset(&box, 0, sizeof box);
    WEFT_TRY(weft_channel_open(&box.channel, roll(4)));
    {
        weft_task *tasks[2 * TASKS];
        WEFT_SCOPE(helpers);
        WEFT_SCOPE(s);
        int receivers = (int)roll(TASKS + 1);        /* with few, or none, senders wait when it is closed */
        for (int i = 0; i < TASKS; i++) tasks[i] = weft_spawn(s, sender, &i);
        for (int i = 0; i < receivers; i++) tasks[TASKS + i] = weft_spawn(s, receiver, &i);
        weft_spawn(helpers, cancel_some, (&(victims){ tasks, TASKS + receivers }));
        weft_spawn(helpers, close_some_time);
        WEFT_CHECK_EQ(weft_join(s), 0);
        WEFT_CHECK_EQ(weft_join(helpers), 0);
    }
    drain();
    return 0;
}

WEFT_TEST(b15_items_are_neither_lost_nor_doubled_whatever_is_cancelled__sim) { run_seeds(weft_call(pass_items)); }

/* ---- locks ---- */

static struct {
    weft_mutex mutex[MUTEXES];
    weft_semaphore places;
    int inside[MUTEXES], in_places, done;
} house;

static int in_mutex(int i)
{
    WEFT_SCOPE(patience, .timeout_ms = roll(3) ? 0 : 1 + (int)roll(3));
    WEFT_LOCKED(&house.mutex[i]);
    WEFT_CHECK_EQ(house.inside[i]++, 0);
    int rc = pause_somehow();
    if (rc == 0 && i + 1 < MUTEXES && !roll(3)) rc = in_mutex(i + 1);    /* in one order: no deadlock */
    WEFT_CHECK_EQ(--house.inside[i], 0);
    return weft_scope_caught(patience) ? 0 : rc;
}

static int in_place(void)
{
    WEFT_SCOPE(patience, .timeout_ms = roll(3) ? 0 : 1 + (int)roll(3));
    WEFT_TAKEN(&house.places);
    WEFT_CHECK(++house.in_places <= 2);
    int rc = pause_somehow();
    house.in_places--;
    return weft_scope_caught(patience) ? 0 : rc;
}

/* A function that returned from its own deadline goes on; one that a cancel ended does not. */
static bool over(int rc) { return rc < 0 && weft__cancelled(); }

static int locker(void)
{
    for (int i = 0; i < EACH; i++) {
        int rc = roll(3) ? in_mutex((int)roll(MUTEXES)) : in_place();
        if (over(rc)) return rc;
        WEFT_TRY(pause_somehow());
    }
    house.done++;
    return 0;
}

static int lock_things(void)
{
    memset(&house, 0, sizeof house);
    house.places.free = 2;
    {
        weft_task *tasks[TASKS];
        WEFT_SCOPE(helpers);
        WEFT_SCOPE(s);
        for (int i = 0; i < TASKS; i++) tasks[i] = weft_spawn(s, locker);
        weft_spawn(helpers, cancel_some, (&(victims){ tasks, TASKS }));
        WEFT_CHECK_EQ(weft_join(s), 0);
        WEFT_CHECK_EQ(weft_join(helpers), 0);
    }
    for (int i = 0; i < MUTEXES; i++) WEFT_CHECK(!house.mutex[i].owner && !house.mutex[i].waiting.first && !house.inside[i]);
    WEFT_CHECK_EQ(house.places.free, 2);
    WEFT_CHECK(!house.places.waiting.first);
    WEFT_CHECK(house.done >= TASKS - 3);
    return 0;
}

WEFT_TEST(b14_locks_are_free_at_the_end_whatever_is_cancelled__sim) { run_seeds(weft_call(lock_things)); }

/* ---- conditions: a bounded buffer made of them, with signals alone ---- */

static struct {
    weft_mutex lock;
    weft_cond filled, emptied;
    int items[2], n, made, used, closed;
} buffer;

static int put_one(void)
{
    WEFT_SCOPE(patience, .timeout_ms = roll(3) ? 0 : 1 + (int)roll(3));
    WEFT_LOCKED(&buffer.lock);
    int rc = 0;
    while (rc == 0 && buffer.n == 2 && !buffer.closed) rc = weft_cond_wait(&buffer.emptied, &buffer.lock);
    WEFT_CHECK(buffer.lock.owner == weft_task_self());
    if (rc == 0 && buffer.n < 2) {
        buffer.n++;
        buffer.made++;
        weft_cond_signal(&buffer.filled);
    }
    return weft_scope_caught(patience) ? 0 : rc;
}

static int use_one(void)
{
    WEFT_SCOPE(patience, .timeout_ms = roll(3) ? 0 : 1 + (int)roll(3));
    WEFT_LOCKED(&buffer.lock);
    int rc = 0;
    while (rc == 0 && !buffer.n && !buffer.closed) rc = weft_cond_wait(&buffer.filled, &buffer.lock);
    WEFT_CHECK(buffer.lock.owner == weft_task_self());
    if (rc == 0 && buffer.n) {
        buffer.n--;
        buffer.used++;
        weft_cond_signal(&buffer.emptied);
    }
    return weft_scope_caught(patience) ? 0 : rc;
}

static int maker(void)
{
    for (int i = 0; i < EACH; i++) {
        int rc = put_one();
        if (over(rc)) return rc;
        WEFT_TRY(pause_somehow());
    }
    return 0;
}

static int user(void)
{
    while (!buffer.closed || buffer.n) {
        int rc = use_one();
        if (over(rc)) return rc;
        WEFT_TRY(pause_somehow());
    }
    return 0;
}

/* Makers end by themselves as long as one user lives, and that one is not cancelled. */
static int make_and_use(void)
{
    memset(&buffer, 0, sizeof buffer);
    weft_task *tasks[2 * TASKS];
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(users);
    weft_spawn(users, user);
    {
        WEFT_SCOPE(makers);
        for (int i = 0; i < TASKS; i++) {
            tasks[2 * i] = weft_spawn(makers, maker);
            tasks[2 * i + 1] = weft_spawn(users, user);
        }
        weft_spawn(helpers, cancel_some, (&(victims){ tasks, 2 * TASKS }));
        WEFT_CHECK_EQ(weft_join(makers), 0);
    }
    buffer.closed = 1;
    weft_cond_broadcast(&buffer.filled);
    WEFT_CHECK_EQ(weft_join(users), 0);
    WEFT_CHECK_EQ(weft_join(helpers), 0);
    WEFT_CHECK_EQ(buffer.used, buffer.made);
    WEFT_CHECK(!buffer.lock.owner && !buffer.filled.waiting.first && !buffer.emptied.waiting.first);
    return 0;
}

WEFT_TEST(b14_no_signal_is_lost_whatever_is_cancelled__sim) { run_seeds(weft_call(make_and_use)); }

/* ---- once, flags, races ---- */

static struct { weft_once once; weft_flag flag; int runs, ended, users, running, waited; } shared;

static int open_it(void)
{
    WEFT_CHECK_EQ(shared.running++, 0);
    shared.runs++;
    int rc = weft_sleep_ms(1 + roll(3));
    shared.running--;
    if (rc == 0 && !roll(3)) return weft_fail(WEFT_EPROTO, "run %d", shared.runs);
    WEFT_TRY(rc);
    shared.ended++;
    return 0;
}

static int opener(void)
{
    int rc;
    do {
        WEFT_TRY(pause_somehow());
        rc = weft_once_do(&shared.once, open_it);
        if (rc == WEFT_EPROTO) WEFT_CHECK(strncmp(weft_error_of(rc)->text, "run ", 4) == 0);
    } while (rc == WEFT_EPROTO);
    WEFT_TRY(rc);
    shared.users++;
    WEFT_TRY(weft_flag_wait(&shared.flag));
    shared.waited++;
    return 0;
}

static int open_once(void)
{
    memset(&shared, 0, sizeof shared);
    weft_task *tasks[TASKS];
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s);
    for (int i = 0; i < TASKS; i++) tasks[i] = weft_spawn(s, opener);
    weft_spawn(helpers, cancel_some, (&(victims){ tasks, TASKS }));
    while (shared.users + 3 < TASKS) WEFT_TRY(weft_sleep_ms(1));
    WEFT_TRY(pause_somehow());
    weft_flag_raise(&shared.flag);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_join(helpers), 0);
    WEFT_CHECK_EQ(shared.ended, 1);
    WEFT_CHECK(shared.waited >= TASKS - 3 && shared.waited <= shared.users);
    WEFT_CHECK(!shared.once.waiting.first && !shared.once.runner && !shared.flag.waiting.first);
    return 0;
}

WEFT_TEST(what_is_done_once_succeeds_once_whatever_is_cancelled__sim) { run_seeds(weft_call(open_once)); }

typedef struct runner { int ms, fails; } runner;
static struct { int running, succeeded; } track;
static int run(const runner *in, int *out)
{
    track.running++;
    int rc = weft_sleep_ms(in->ms);
    {
        WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = 1000);
        if (rc < 0 && roll(2)) WEFT_CHECK_EQ(weft_sleep_ms(1 + roll(2)), 0);
    }
    track.running--;
    if (rc == 0 && in->fails) return weft_fail(WEFT_EPROTO, "fell");
    WEFT_TRY(rc);
    track.succeeded++;
    *out = 1;
    return 0;
}

/* What a group of calls returns, against what its calls say of themselves. */
static int run_group(const int *enough)
{
    runner in[TASKS];
    int out[TASKS] = { 0 }, fails = 0;
    weft_call calls[TASKS];
    memset(&track, 0, sizeof track);
    for (int i = 0; i < TASKS; i++) {
        in[i] = (runner){ (int)roll(5), roll(2) == 0 };
        fails += in[i].fails;
        calls[i] = weft_call(run, &in[i], &out[i]);
    }
    int bound = roll(3) ? 0 : 1 + (int)roll(3), timeout = roll(3) ? 0 : 1 + (int)roll(4);
    int rc = *enough ? weft_gather_n(calls, TASKS, .enough = *enough, .max_running = bound, .timeout_ms = timeout)
                     : weft_race_n(calls, TASKS, .max_running = bound, .timeout_ms = timeout);
    int needed = *enough ? *enough : 1;
    WEFT_CHECK_EQ(track.running, 0);
    if (rc >= 0) WEFT_CHECK(track.succeeded >= needed && (*enough || out[rc]));
    if (rc == WEFT_EPROTO) WEFT_CHECK(fails > TASKS - needed && track.succeeded < needed);
    if (rc == WEFT_ETIMEDOUT) WEFT_CHECK(timeout && track.succeeded < needed);
    WEFT_CHECK(rc >= 0 || rc == WEFT_EPROTO || rc == WEFT_ETIMEDOUT || rc == WEFT_ECANCELED);
    return rc == WEFT_ECANCELED ? rc : 0;
}

static int run_groups(void)
{
    for (int i = 0; i < 8; i++) {
        int enough = (int)roll(TASKS + 1);
        WEFT_SCOPE(helpers);
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, run_group, &enough);
        if (!roll(3)) weft_spawn(helpers, cancel_some, (&(victims){ &t, 1 }));
        WEFT_CHECK_EQ(weft_join(s), 0);
        WEFT_CHECK_EQ(weft_join(helpers), 0);
    }
    return 0;
}

WEFT_TEST(b33_races_and_quorums_await_all_whatever_is_cancelled__sim) { run_seeds(weft_call(run_groups)); }
