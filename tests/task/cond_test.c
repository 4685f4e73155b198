/* Conditions: no wake-up is lost, and the mutex is held again in any case. */
#include "world.h"
#include <string.h>
#include "weft/sync.h"

typedef struct store { weft_mutex lock; weft_cond filled; int items; } store;
typedef struct taking { store *from; int *rc, *mine; } taking;

/* Tells whether it held the mutex after the wait. */
static int take_one(const taking *in)
{
    store *s = in->from;
    int rc = weft_mutex_lock(&s->lock);
    while (rc == 0 && !s->items) rc = weft_cond_wait(&s->filled, &s->lock);
    if (rc == 0) s->items--;
    *in->rc = rc;
    *in->mine = s->lock.owner == weft_task_self();
    if (*in->mine) weft_mutex_unlock(&s->lock);
    return 0;
}

static bool is_free(weft_mutex *m)
{
    bool free = weft_mutex_try_lock(m);
    if (free) weft_mutex_unlock(m);
    return free;
}

TASK_TEST(a_signal_wakes_the_one_that_waited_longest)
{
    store st = { 0 };
    int rc[3] = { 9, 9, 9 }, mine[3] = { 0 };
    WEFT_SCOPE(s);
    for (int i = 0; i < 3; i++) {
        weft_spawn(s, take_one, (&(taking){ &st, &rc[i], &mine[i] }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    WEFT_CHECK(is_free(&st.lock));
    for (int i = 0; i < 3; i++) {
        {
            WEFT_LOCKED(&st.lock);
            st.items++;
            weft_cond_signal(&st.filled);
        }
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
        WEFT_CHECK_EQ(rc[i], 0);
        WEFT_CHECK_EQ(mine[i], 1);
        if (i < 2) WEFT_CHECK_EQ(rc[i + 1], 9);
    }
    WEFT_CHECK(is_free(&st.lock));
    return 0;
}

TASK_TEST(a_broadcast_wakes_all_one_after_the_other)
{
    store st = { 0 };
    int rc[5] = { 9, 9, 9, 9, 9 }, mine[5] = { 0 };
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) weft_spawn(s, take_one, (&(taking){ &st, &rc[i], &mine[i] }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    weft_cond_signal(&(weft_cond){ 0 });             /* nobody waits: nothing happens */
    {
        WEFT_LOCKED(&st.lock);
        st.items = 4;
        weft_cond_broadcast(&st.filled);
    }
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    int served = 0;
    for (int i = 0; i < 5; i++) served += rc[i] == 0 && mine[i];
    WEFT_CHECK_EQ(served, 4);                        /* the fifth found none, and waits again */
    WEFT_CHECK_EQ(st.items, 0);
    {
        WEFT_LOCKED(&st.lock);
        st.items++;
        weft_cond_signal(&st.filled);
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(is_free(&st.lock));
    return 0;
}

TASK_TEST(a_wait_for_a_condition_that_is_cancelled_holds_the_mutex_again)
{
    store st = { 0 };
    int rc = 9, mine = 0;
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, take_one, (&(taking){ &st, &rc, &mine }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    {
        WEFT_LOCKED(&st.lock);
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_sleep_ms(10), 0);         /* it waits for the mutex, which no cancel ends */
        WEFT_CHECK_EQ(rc, 9);
    }
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(mine, 1);
    WEFT_CHECK(is_free(&st.lock));
    WORLD_TOOK(start, 11);
    return 0;
}

TASK_TEST(in_a_cancelled_scope_a_wait_for_a_condition_returns_at_once_with_the_mutex)
{
    store st = { 0 };
    WEFT_TRY(weft_mutex_lock(&st.lock));
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_cond_wait(&st.filled, &st.lock), WEFT_ECANCELED);
    }
    WEFT_CHECK(!is_free(&st.lock));
    weft_mutex_unlock(&st.lock);
    WEFT_CHECK(is_free(&st.lock));
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        WEFT_LOCKED(&st.lock);
        WEFT_CHECK_EQ(weft_cond_wait(&st.filled, &st.lock), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK(is_free(&st.lock));
    return 0;
}

TASK_TEST(b14_a_signal_is_not_lost_to_a_waiter_that_a_cancel_reached_first)
{
    store st = { .items = 0 };
    int rc[2] = { 9, 9 }, mine[2] = { 0 };
    WEFT_SCOPE(s);
    weft_task *t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = weft_spawn(s, take_one, (&(taking){ &st, &rc[i], &mine[i] }));
        WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    }
    weft_task_cancel(t[0]);
    st.items = 1;
    weft_cond_signal(&st.filled);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(rc[0], WEFT_ECANCELED);
    WEFT_CHECK_EQ(rc[1], 0);
    WEFT_CHECK(mine[0] && mine[1]);
    return 0;
}

TASK_TEST(b14_a_signal_that_came_before_the_cancel_counts)
{
    store st = { 0 };
    int rc = 9, mine = 0;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, take_one, (&(taking){ &st, &rc, &mine }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    st.items = 1;
    weft_cond_signal(&st.filled);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK(mine && !st.items);
    return 0;
}

TASK_TEST(waiting_for_a_condition_without_its_mutex_is_an_error)
{
    store st = { 0 };
    WEFT_CHECK_EQ(weft_cond_wait(&st.filled, &st.lock), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_EINVAL)->text),
        "weft_cond_wait: task waiting_for_a_condition_without_its_mutex_is_an_error does not hold mutex st.lock");
    WEFT_CHECK(is_free(&st.lock));
    return 0;
}

/* ---- flags ---- */

typedef struct watching { weft_flag *f; int *rc; } watching;
static int wait_up(const watching *in)
{
    *in->rc = weft_flag_wait(in->f);
    return 0;
}

TASK_TEST(a_raised_flag_wakes_all_and_is_up_for_those_who_come_later)
{
    weft_flag f = { 0 };
    int rc[3] = { 9, 9, 9 };
    WEFT_SCOPE(s);
    for (int i = 0; i < 3; i++) weft_spawn(s, wait_up, (&(watching){ &f, &rc[i] }));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    WEFT_CHECK(!weft_flag_is_up(&f));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(rc[i], 9);
    weft_flag_raise(&f);
    weft_flag_raise(&f);
    WEFT_CHECK(weft_flag_is_up(&f));
    WEFT_CHECK_EQ(weft_flag_wait(&f), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(rc[i], 0);
    return 0;
}

TASK_TEST(a_flag_lowered_at_once_was_up_for_those_who_waited_and_for_no_other)
{
    weft_flag f = { 0 };
    int rc[3] = { 9, 9, 9 };
    WEFT_SCOPE(s);
    weft_task *cancelled = weft_spawn(s, wait_up, (&(watching){ &f, &rc[0] }));
    weft_spawn(s, wait_up, (&(watching){ &f, &rc[1] }));
    WEFT_NEED(weft_sleep_ms(1) == 0);
    weft_task_cancel(cancelled);
    weft_flag_raise(&f);
    weft_flag_lower(&f);
    weft_task *late = weft_spawn(s, wait_up, (&(watching){ &f, &rc[2] }));
    WEFT_NEED(weft_sleep_ms(1) == 0);
    WEFT_CHECK_EQ(rc[0], WEFT_ECANCELED);
    WEFT_CHECK_EQ(rc[1], 0);
    WEFT_CHECK_EQ(rc[2], 9);
    weft_task_cancel(late);
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(rc[2], WEFT_ECANCELED);
    {
        WEFT_SCOPE(bound, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_flag_wait(&f), WEFT_ETIMEDOUT);
    }
    return 0;
}
