/* Mutexes and semaphores: one after the other, in order, and none is ever lost. */
#include "world.h"
#include <stdio.h>
#include <string.h>
#include "weft/inspect.h"
#include "weft/sync.h"

static struct { int inside, most, n, order[64]; } seen;

typedef struct locking { weft_mutex *m; int id, hold_ms; } locking;
static int lock_and_hold(const locking *in)
{
    WEFT_LOCKED(in->m);
    seen.order[seen.n++ % 64] = in->id;
    if (++seen.inside > seen.most) seen.most = seen.inside;
    int rc = weft_sleep_ms(in->hold_ms);
    seen.inside--;
    return rc;
}

static bool is_free(weft_mutex *m)
{
    bool free = weft_mutex_try_lock(m);
    if (free) weft_mutex_unlock(m);
    return free;
}

TASK_TEST(a_mutex_is_held_by_one_task_at_a_time_in_the_order_in_which_they_came)
{
    weft_mutex m = { 0 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) {
        weft_spawn(s, lock_and_hold, (&(locking){ &m, i, 10 }));
        world_turn();
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(seen.most, 1);
    for (int i = 0; i < 5; i++) WEFT_CHECK_EQ(seen.order[i], i);
    WORLD_TOOK(start, 50);
    WEFT_CHECK(is_free(&m));
    return 0;
}

/* The first task unlocks and locks again at once: the second has waited longer. */
static int take_twice(const locking *in)
{
    for (int i = 0; i < 2; i++) {
        WEFT_TRY(weft_mutex_lock(in->m));
        seen.order[seen.n++] = in->id + i;
        do WEFT_TRY(weft_sleep_ms(1));
        while (in->id == 10 && !i && !in->m->waiting.first);
        weft_mutex_unlock(in->m);
    }
    return 0;
}

TASK_TEST(who_unlocks_and_locks_again_gets_behind_those_who_wait)
{
    weft_mutex m = { 0 };
    memset(&seen, 0, sizeof seen);
    WEFT_SCOPE(s);
    weft_spawn(s, take_twice, (&(locking){ &m, 10, 0 }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    weft_spawn(s, take_twice, (&(locking){ &m, 20, 0 }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    static const int order[] = { 10, 20, 11, 21 };
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(seen.order[i], order[i]);
    return 0;
}

static int lock_and_leave(weft_mutex *m, int how)
{
    for (int i = 0; i < 3; i++) {
        WEFT_LOCKED(m);
        if (i == 1 && how == 0) continue;
        if (i == 1 && how == 1) break;
        if (i == 1 && how == 2) return 5;
    }
    return 0;
}

TASK_TEST(a_locked_block_unlocks_however_it_is_left)
{
    weft_mutex a = { 0 }, b = { 0 };
    for (int how = 0; how < 3; how++) {
        WEFT_CHECK_EQ(lock_and_leave(&a, how), how == 2 ? 5 : 0);
        WEFT_CHECK(is_free(&a));
    }
    {
        WEFT_LOCKED(&a); WEFT_LOCKED(&b);            /* two on a line have names of their own */
        WEFT_CHECK(!is_free(&a) && !is_free(&b));
    }
    WEFT_CHECK(is_free(&a) && is_free(&b));
    return 0;
}

static int lock_twice(weft_mutex *const *m)
{
    WEFT_TRY(weft_mutex_lock(*m)); int first = __LINE__;
    int rc = weft_mutex_lock(*m), again = __LINE__;
    const char *text = weft_error_of(rc)->text;
    WEFT_CHECK_EQ(rc, WEFT_EDEADLK);
    WEFT_CHECK(strstr(text, weft_format("lock_test.c:%d by task lock_twice", first).ptr) != NULL);
    WEFT_CHECK(strstr(text, weft_format("again at %s:%d", __FILE__, again).ptr) != NULL);
    WEFT_CHECK(strstr(text, "mutex *m is locked") != NULL);
    WEFT_CHECK(!is_free(*m));
    weft_mutex_unlock(*m);
    WEFT_CHECK(is_free(*m));
    return rc;
}

TASK_TEST(locking_twice_is_an_error_that_names_both_places)
{
    weft_mutex m = { 0 };
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, lock_twice, (&(weft_mutex *){ &m }));
    WEFT_CHECK_EQ(weft_await(t), WEFT_EDEADLK);      /* a failure as any other, though no cancel made it */
    return 0;
}

static int unlock_it(weft_mutex *const *m)
{
    weft_mutex_unlock(*m);
    return 0;
}

TASK_TEST(unlocking_the_mutex_of_another_is_said_loudly_and_changes_nothing)
{
    static weft_mutex till;
    till = (weft_mutex){ 0 };
    WEFT_TRY(weft_mutex_lock(&till));
    world_capture_begin();
    WEFT_CHECK_EQ(weft_gather(weft_call(unlock_it, (&(weft_mutex *){ &till }))), 0);
    const char *said = world_capture_end();
    WEFT_CHECK(strstr(said, "task unlock_it unlocks mutex *m, which task unlocking_the_mutex_of_another") != NULL);
    WEFT_CHECK_EQ(world_count_in(said, "lock_test.c:"), 2);
    WEFT_CHECK(!is_free(&till));
    weft_mutex_unlock(&till);
    world_capture_begin();
    weft_mutex_unlock(&till);
    WEFT_CHECK(strstr(world_capture_end(), "unlocks mutex till, which is not locked") != NULL);
    WEFT_CHECK(is_free(&till));
    return 0;
}

static int lock_and_end(weft_mutex *const *two)
{
    WEFT_TRY(weft_mutex_lock(two[0]));
    WEFT_TRY(weft_mutex_lock(two[1]));
    return weft_sleep_ms(5);
}
typedef struct two { weft_mutex *m[2]; } two;
static int lock_both_and_end(const two *in) { return lock_and_end(in->m); }

TASK_TEST(what_a_task_holds_at_its_end_is_said_loudly_and_handed_on)
{
    weft_mutex m[2] = { 0 };
    memset(&seen, 0, sizeof seen);
    world_capture_begin();
    {
        WEFT_SCOPE(s);
        weft_spawn(s, lock_both_and_end, (&(two){ { &m[0], &m[1] } }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        weft_spawn(s, lock_and_hold, (&(locking){ &m[0], 1, 1 }));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(said, "weft: task lock_both_and_end, started at "), 2);
    WEFT_CHECK_EQ(world_count_in(said, "ended with a mutex locked at "), 2);
    WEFT_CHECK_EQ(seen.n, 1);
    WEFT_CHECK(is_free(&m[0]) && is_free(&m[1]));
    return 0;
}

TASK_TEST(mutexes_are_unlocked_in_any_order)
{
    weft_mutex m[4] = { 0 };
    static const int order[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 } };
    for (size_t o = 0; o < weft_count(order); o++) {
        for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(weft_mutex_lock(&m[i]), 0);
        for (int i = 0; i < 4; i++) {
            weft_mutex_unlock(&m[order[o][i]]);
            WEFT_CHECK(is_free(&m[order[o][i]]));
        }
    }
    return 0;
}

/* ---- cancels and deadlines ---- */

TASK_TEST(b14_a_cancelled_waiter_leaves_the_queue_and_the_lock_is_not_lost)
{
    weft_mutex m = { 0 };
    memset(&seen, 0, sizeof seen);
    WEFT_TRY(weft_mutex_lock(&m));
    WEFT_SCOPE(s);
    weft_task *t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = weft_spawn(s, lock_and_hold, (&(locking){ &m, i, 10 }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    weft_task_cancel(t[2]);
    WEFT_CHECK_EQ(weft_await(t[2]), WEFT_ECANCELED);
    weft_mutex_unlock(&m);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(seen.n, 3);
    WEFT_CHECK_EQ(seen.order[2], 3);
    WEFT_CHECK(is_free(&m));
    return 0;
}

/* The unlock comes between the cancel and the cancelled waiter's turn: it is passed over. */
TASK_TEST(b14_a_lock_is_not_handed_to_a_waiter_that_a_cancel_reached_first)
{
    weft_mutex m = { 0 };
    memset(&seen, 0, sizeof seen);
    WEFT_TRY(weft_mutex_lock(&m));
    WEFT_SCOPE(s);
    weft_task *t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = weft_spawn(s, lock_and_hold, (&(locking){ &m, i, 1 }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    weft_task_cancel(t[0]);
    weft_task_cancel(t[1]);
    weft_mutex_unlock(&m);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_await(t[i]), i < 2 ? WEFT_ECANCELED : 0);
    WEFT_CHECK_EQ(seen.n, 1);
    WEFT_CHECK_EQ(seen.order[0], 2);
    WEFT_CHECK(is_free(&m));
    return 0;
}

static int lock_then_tell(weft_mutex *const *m, int *rc)
{
    *rc = weft_mutex_lock(*m);
    if (*rc < 0) return 0;
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    weft_mutex_unlock(*m);
    return 0;
}

TASK_TEST(b14_a_lock_already_handed_to_a_cancelled_waiter_is_passed_on)
{
    weft_mutex m = { 0 };
    memset(&seen, 0, sizeof seen);
    int rc = 9;
    int64_t start = weft_now_ns();
    WEFT_TRY(weft_mutex_lock(&m));
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, lock_then_tell, (&(weft_mutex *){ &m }), &rc);
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    weft_spawn(s, lock_and_hold, (&(locking){ &m, 2, 1 }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    weft_mutex_unlock(&m);
    weft_task_cancel(t);                             /* it holds the lock now, and has not run */
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(seen.n, 1);
    WEFT_CHECK(is_free(&m));
    WORLD_TOOK(start, 3);
    return 0;
}

static int locked_in_time(weft_mutex *m, int ms)
{
    WEFT_SCOPE(s, .timeout_ms = ms);
    WEFT_LOCKED(m);
    return 1;
}

TASK_TEST(a_deadline_ends_the_wait_for_a_lock_and_the_function_that_locks)
{
    weft_mutex m = { 0 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, lock_and_hold, (&(locking){ &m, 1, 500 }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    WEFT_CHECK_EQ(locked_in_time(&m, 10), WEFT_ETIMEDOUT);
    WORLD_TOOK(start, 11);
    WEFT_CHECK(!is_free(&m));
    WEFT_CHECK_EQ(locked_in_time(&m, FOREVER), 1);
    WORLD_TOOK(start, 500);
    return 0;
}

TASK_TEST(in_a_cancelled_scope_nothing_is_locked)
{
    weft_mutex m = { 0 };
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_mutex_lock(&m), WEFT_ECANCELED);
    }
    WEFT_CHECK(is_free(&m));
    return 0;
}

static int count_turns(int *const *turns)
{
    for (;;) {
        WEFT_TRY(weft_yield());
        ++**turns;
    }
}

TASK_TEST(locking_what_is_free_lets_others_run)
{
    weft_mutex m = { 0 };
    int turns = 0;
    WEFT_SCOPE(s);
    weft_spawn(s, count_turns, (&(int *){ &turns }));
    for (int i = 0; i < 5000; i++) {
        WEFT_LOCKED(&m);
    }
    WEFT_CHECK(turns >= 50);
    weft_cancel(s);
    return 0;
}

/* ---- semaphore ---- */

typedef struct taking { weft_semaphore *s; int id, hold_ms; } taking;
static int take_and_hold(const taking *in)
{
    WEFT_TAKEN(in->s);
    seen.order[seen.n++ % 64] = in->id;
    if (++seen.inside > seen.most) seen.most = seen.inside;
    int rc = weft_sleep_ms(in->hold_ms);
    seen.inside--;
    return rc;
}

TASK_TEST(a_semaphore_lets_as_many_in_as_it_has_places_in_order)
{
    weft_semaphore places = { .free = 3 };
    memset(&seen, 0, sizeof seen);
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    for (int i = 0; i < 9; i++) {
        weft_spawn(s, take_and_hold, (&(taking){ &places, i, 20 }));
        world_turn();
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(seen.most, 3);
    WEFT_CHECK_EQ(places.free, 3);
    WORLD_TOOK(start, 60);
    if (world_now.fifo)
        for (int i = 0; i < 9; i++) WEFT_CHECK_EQ(seen.order[i], i);
    return 0;
}

TASK_TEST(b14_a_place_is_not_lost_to_a_cancelled_waiter)
{
    weft_semaphore places = { .free = 0 };
    memset(&seen, 0, sizeof seen);
    WEFT_SCOPE(s);
    weft_task *t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = weft_spawn(s, take_and_hold, (&(taking){ &places, i, FOREVER }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    weft_task_cancel(t[0]);                          /* before the place is given */
    weft_semaphore_give(&places);
    weft_task_cancel(t[1]);                          /* after it was given: it has it, and gives it back */
    weft_task_cancel(t[2]);                          /* waits */
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_await(t[i]), WEFT_ECANCELED);
    world_turn();
    WEFT_CHECK_EQ(seen.n, 2);
    WEFT_CHECK(seen.order[0] == 1 && seen.order[1] == 3);
    WEFT_CHECK_EQ(places.free, 0);
    weft_task_cancel(t[3]);
    WEFT_CHECK_EQ(weft_await(t[3]), WEFT_ECANCELED);
    WEFT_CHECK_EQ(places.free, 1);
    return 0;
}

TASK_TEST(places_are_tried_given_anew_and_do_not_overflow)
{
    weft_semaphore places = { 0 };
    WEFT_CHECK(!weft_semaphore_try_take(&places));
    weft_semaphore_give(&places);
    weft_semaphore_give(&places);
    WEFT_CHECK_EQ(weft_semaphore_take(&places), 0);
    WEFT_CHECK(weft_semaphore_try_take(&places));
    WEFT_CHECK(!weft_semaphore_try_take(&places));
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_semaphore_take(&places), WEFT_ETIMEDOUT);
    }
    places.free = UINT32_MAX;
    weft_semaphore_give(&places);
    WEFT_CHECK_EQ(places.free, UINT32_MAX);
    return 0;
}

/* ---- what the list of tasks says of them ---- */

static weft_channel(int) todo;
static weft_mutex till;
static weft_cond filled;
static weft_flag ready;
static weft_once opened;
static weft_semaphore none;

static int await_something(const int *which)
{
    int item;
    weft_mutex own = { 0 };
    switch (*which) {
    case 0: return weft_recv(&todo, &item);
    case 1: return weft_send(&todo, 1);
    case 2: return weft_mutex_lock(&till);
    case 3: return weft_flag_wait(&ready);
    case 4: return weft_semaphore_take(&none);
    case 5: return weft_once_do(&opened, sleep_for, (&(int){ FOREVER }));
    case 6: return weft_once_do(&opened, sleep_for, (&(int){ FOREVER }));
    case 7: {
        WEFT_LOCKED(&own);
        return weft_cond_wait(&filled, &own);
    }
    default: {
        WEFT_SCOPE(s);
        return weft_start(s, sleep_for, (&(int){ FOREVER }));
    }
    }
}

static bool lists(weft_str text, const char *words)
{
    if (strstr(text.ptr, words)) return true;
    fprintf(stderr, "  '%s' is not in:\n%.*s", words, WEFT_FMT(text));
    return false;
}

TASK_TEST(the_list_of_tasks_names_what_they_wait_for_and_who_has_it)
{
    static const char *words[] = { " for an item of a channel, channel todo\n", " for room in a channel, channel todo\n",
        " for mutex till held by #1 the_list_of_tasks_names", " for flag ready\n", " for semaphore none\n", " for a timer\n",
        " for what another task does once, once opened held by #", " for condition filled\n",
        " for a task to start: #" };
    till = (weft_mutex){ 0 };
    opened = (weft_once){ 0 };
    for (int i = 0; i < (int)weft_count(words); i++) {
        WEFT_TRY(weft_channel_open(&todo, 0));
        if (i == 2) WEFT_TRY(weft_mutex_lock(&till));
        {
            int first = 5;
            WEFT_SCOPE(s);
            if (i == 6) weft_spawn(s, await_something, &first);
            world_turn();
            weft_spawn(s, await_something, &i);
            WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
            weft_str text = weft_tasks_text();
            if (i != 6 && i != 8) WEFT_CHECK(lists(text, "weft: 2 tasks"));
            WEFT_CHECK(lists(text, words[i]));
        }
        if (i == 2) weft_mutex_unlock(&till);
        weft_channel_free(&todo);
    }
    return 0;
}
