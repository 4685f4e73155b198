/* Posts and promises: word from other threads. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "task/fiber.h"
#include "thread_world.h"

/* Where a post writes its number. */
typedef struct heard { int *items; int count, room; } heard;
typedef struct word { heard *at; int number; } word;

static void hear(void *arg)
{
    word *w = arg;
    if (w->at->count < w->at->room) w->at->items[w->at->count] = w->number;
    w->at->count++;
}

static void hear_between_tasks(void *arg)
{
    WEFT_CHECK(weft_task_self() == NULL);
    hear(arg);
}

static void turns_until(const int *at, int value)
{
    while (__atomic_load_n(at, __ATOMIC_ACQUIRE) < value) WEFT_NEED(weft_sleep_ms(1) == 0);
}

/* ---- on the loop's own thread: the same in the simulator ---- */

TASK_TEST(b40_posts_run_in_their_order_between_tasks_and_not_at_once)
{
    int items[100];
    heard at = { items, 0, 100 };
    word words[100];
    weft_inbox *inbox = weft_inbox_open();
    WEFT_NEED(inbox != NULL);
    for (int i = 0; i < 100; i++) {
        words[i] = (word){ &at, i };
        WEFT_CHECK_EQ(weft_post(inbox, hear_between_tasks, &words[i]), 0);
    }
    WEFT_CHECK_EQ(at.count, 0);
    turns_until(&at.count, 100);
    for (int i = 0; i < 100; i++) WEFT_CHECK_EQ(items[i], i);
    weft_inbox_close(inbox);
    return 0;
}

TASK_TEST(an_inbox_takes_no_more_posts_than_it_may_hold)
{
    int items[8];
    heard at = { items, 0, 8 };
    word w = { &at, 1 };
    weft_inbox *inbox = weft_inbox_open(.posts_max = 3);
    WEFT_NEED(inbox != NULL);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_post(inbox, hear, &w), 0);
    WEFT_CHECK_EQ(weft_post(inbox, hear, &w), WEFT_ELIMIT);
    turns_until(&at.count, 3);
    WEFT_CHECK_EQ(weft_post(inbox, hear, &w), 0);
    turns_until(&at.count, 4);
    weft_inbox_close(inbox);
    return 0;
}

TASK_TEST(closing_an_inbox_runs_what_was_posted_and_takes_no_more)
{
    int items[300];
    heard at = { items, 0, 300 };
    word words[300];
    weft_inbox *inbox = weft_inbox_open();
    WEFT_NEED(inbox != NULL);
    weft_inbox_keep(inbox);
    for (int i = 0; i < 300; i++) {
        words[i] = (word){ &at, i };
        WEFT_CHECK_EQ(weft_post(inbox, hear, &words[i]), 0);
    }
    weft_inbox_close(inbox);
    WEFT_CHECK_EQ(at.count, 300);
    WEFT_CHECK_EQ(items[299], 299);
    WEFT_CHECK_EQ(weft_post(inbox, hear, &words[0]), WEFT_ECLOSED);
    weft_inbox_close(inbox);
    weft_inbox_drop(inbox);
    weft_inbox_close(NULL);
    weft_inbox_drop(NULL);
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    WEFT_CHECK_EQ(at.count, 300);
    return 0;
}

typedef struct chain { weft_inbox *inbox; int left, ran, refused; } chain;
static void post_again(void *arg)
{
    chain *c = arg;
    c->ran++;
    if (c->left-- > 0 && weft_post(c->inbox, post_again, c) < 0) c->refused++;
}

TASK_TEST(b40_a_post_that_posts_again_starves_nobody)
{
    chain c = { weft_inbox_open(), 1000000, 0, 0 };
    WEFT_NEED(c.inbox != NULL);
    WEFT_CHECK_EQ(weft_post(c.inbox, post_again, &c), 0);
    for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(weft_yield(), 0);
    WEFT_CHECK(c.ran < 1000000);
    weft_inbox_close(c.inbox);
    WEFT_CHECK_EQ(c.refused, 1);
    return 0;
}

static void close_it(void *arg)
{
    chain *c = arg;
    c->ran++;
    weft_inbox_close(c->inbox);
}

TASK_TEST(a_post_may_close_its_inbox)
{
    chain c = { weft_inbox_open(), 0, 0, 0 };
    WEFT_NEED(c.inbox != NULL);
    WEFT_CHECK_EQ(weft_post(c.inbox, close_it, &c), 0);
    WEFT_CHECK_EQ(weft_post(c.inbox, post_again, &c), 0);
    WEFT_CHECK_EQ(weft_post(c.inbox, post_again, &c), 0);
    turns_until(&c.ran, 3);
    return 0;
}

static int started;
static int start_me(void) { return started++, 0; }
static void spawn_one(void *scope) { weft_spawn(scope, start_me); }

TASK_TEST(a_post_starts_a_task_in_an_open_scope)
{
    started = 0;
    weft_inbox *inbox = weft_inbox_open();
    WEFT_NEED(inbox != NULL);
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_post(inbox, spawn_one, s), 0);
    turns_until(&started, 1);
    weft_inbox_close(inbox);
    return weft_join(s);
}

static heard at_the_end;
static word last_words[2] = { { &at_the_end, 4 }, { &at_the_end, 5 } };
static weft_inbox *left_open;

static int posts_and_ends(void)
{
    WEFT_NEED((left_open = weft_inbox_open()) != NULL);
    weft_inbox_keep(left_open);
    WEFT_NEED(weft_inbox_open() != NULL);            /* nobody closes this one */
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(weft_post(left_open, hear, &last_words[i]), 0);
    return 0;
}

static void after_the_end(void)
{
    int items[2] = { 0 };
    at_the_end = (heard){ items, 0, 2 };
    WEFT_NEED(world_run(weft_call(posts_and_ends)) == 0);
    WEFT_CHECK_EQ(at_the_end.count, 0);
    world_close();
    WEFT_CHECK_EQ(at_the_end.count, 2);
    WEFT_CHECK_EQ(items[1], 5);
    WEFT_CHECK_EQ(weft_post(left_open, hear, &last_words[0]), WEFT_ECLOSED);
    WEFT_CHECK_EQ(at_the_end.count, 2);
    weft_inbox_drop(left_open);
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

WEFT_TEST(b41_what_was_posted_before_the_loops_end_runs_and_what_comes_later_is_closed)
{
    world_open_epoll();
    after_the_end();
    world_open_sim(1);
    after_the_end();
}

WEFT_TEST(where_no_loop_runs_there_is_no_inbox_and_no_promise)
{
    WEFT_CHECK(weft_inbox_open() == NULL);
    WEFT_CHECK(weft_promise_open(4) == NULL);
}

/* ---- from other threads ---- */

enum { THREADS = 4, POSTS = 5000 };
typedef struct poster { weft_inbox *inbox; heard *at; int first, posted, refused; word words[POSTS]; } poster;

static void *post_many(void *arg)
{
    poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        p->words[i] = (word){ p->at, p->first + i };
        int rc;
        while ((rc = weft_post(p->inbox, hear, &p->words[i])) == WEFT_ELIMIT) {
            p->refused++;
            usleep(100);
        }
        if (rc < 0) break;
        p->posted++;
    }
    weft_inbox_drop(p->inbox);
    return NULL;
}

EPOLL_TEST(b40_posts_of_several_threads_all_run_once_and_in_the_order_of_their_thread)
{
    static poster posters[THREADS];
    static int items[THREADS * POSTS];
    pthread_t threads[THREADS];
    heard at = { items, 0, THREADS * POSTS };
    weft_inbox *inbox = weft_inbox_open(.posts_max = 100);
    WEFT_NEED(inbox != NULL);
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (poster){ .inbox = weft_inbox_keep(inbox), .at = &at, .first = i * POSTS };
        WEFT_NEED(pthread_create(&threads[i], NULL, post_many, &posters[i]) == 0);
    }
    turns_until(&at.count, THREADS * POSTS);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    int next[THREADS] = { 0 };
    for (int i = 0; i < THREADS * POSTS; i++) {
        int t = items[i] / POSTS;
        if (!WEFT_CHECK_EQ(items[i] % POSTS, next[t]++)) break;
    }
    weft_inbox_close(inbox);
    return 0;
}

static void *post_500(void *arg)
{
    poster *p = arg;
    for (int i = 0; i < 500; i++) WEFT_CHECK_EQ(weft_post(p->inbox, hear, &p->words[i]), 0);
    weft_inbox_drop(p->inbox);
    return NULL;
}

EPOLL_TEST(b40_the_loop_wakes_once_for_many_posts)
{
    static poster p;
    int items[500];
    heard at = { items, 0, 500 };
    pthread_t thread;
    weft_inbox *inbox = weft_inbox_open();
    WEFT_NEED(inbox != NULL);
    p = (poster){ .inbox = weft_inbox_keep(inbox) };
    for (int i = 0; i < 500; i++) p.words[i] = (word){ &at, i };
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    uint64_t turns = world_now.loop->turns;
    WEFT_NEED(pthread_create(&thread, NULL, post_500, &p) == 0);
    pthread_join(thread, NULL);                       /* the loop is held up meanwhile */
    turns_until(&at.count, 500);
    turns = world_now.loop->turns - turns;
    WEFT_CHECK(turns >= 500 / 64);
    WEFT_CHECK(turns <= 40);                          /* 8 for the posts; the others are this task's sleeps */
    weft_inbox_close(inbox);
    return 0;
}

static bool flood_on;
static void *flood(void *arg)
{
    poster *p = arg;
    while (__atomic_load_n(&flood_on, __ATOMIC_ACQUIRE)) {
        if (weft_post(p->inbox, hear, &p->words[0]) == 0) p->posted++;
    }
    weft_inbox_drop(p->inbox);
    return NULL;
}

EPOLL_TEST(b40_a_flood_of_posts_starves_neither_timers_nor_sockets)
{
    static poster p;
    heard at = { 0 };
    pthread_t thread;
    weft_inbox *inbox = weft_inbox_open();
    WEFT_NEED(inbox != NULL);
    p = (poster){ .inbox = weft_inbox_keep(inbox), .words = { { &at, 1 } } };
    __atomic_store_n(&flood_on, true, __ATOMIC_RELEASE);
    WEFT_NEED(pthread_create(&thread, NULL, flood, &p) == 0);
    int64_t start = world_real_ms();
    for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    for (int i = 0; i < 20; i++) {
        weft_promise *answer = weft_promise_open(0);  /* word of the poller, as that of a socket is */
        WEFT_NEED(answer != NULL);
        weft_promise_fulfil(answer, 0, NULL);
        WEFT_CHECK_EQ(weft_promise_await(answer, NULL), 0);
        weft_promise_close(answer);
    }
    WEFT_CHECK(world_real_ms() - start < 4000);
    WEFT_CHECK(at.count > 0);
    __atomic_store_n(&flood_on, false, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    weft_inbox_close(inbox);
    WEFT_CHECK_EQ(at.count, p.posted);
    return 0;
}

static void *post_until_closed(void *arg)
{
    poster *p = arg;
    int rc;
    while ((rc = weft_post(p->inbox, hear, &p->words[0])) != WEFT_ECLOSED) p->posted += rc == 0;
    weft_inbox_drop(p->inbox);
    return NULL;
}

static poster until_closed[2];
static int opens_for_threads(pthread_t *const *threads)
{
    weft_inbox *inbox = weft_inbox_open();
    WEFT_NEED(inbox != NULL);
    for (int i = 0; i < 2; i++) {
        until_closed[i] = (poster){ .inbox = weft_inbox_keep(inbox), .words = { { &at_the_end, 1 } } };
        WEFT_NEED(pthread_create(&(*threads)[i], NULL, post_until_closed, &until_closed[i]) == 0);
    }
    return weft_sleep_ms(20);
}

WEFT_TEST(b41_posts_that_race_with_the_loops_end_run_or_are_told_that_it_is_closed)
{
    for (int round = 0; round < 10; round++) {
        pthread_t threads[2], *at = threads;
        at_the_end = (heard){ 0 };
        world_open_epoll();
        WEFT_NEED(world_run(weft_call(opens_for_threads, &at)) == 0);
        world_close();
        for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
        WEFT_CHECK_EQ(at_the_end.count, until_closed[0].posted + until_closed[1].posted);
        WEFT_CHECK_EQ(world_mem.blocks, 0);
    }
}

/* ---- promises ---- */

typedef struct answer { int number; char text[20]; } answer;

static int fulfils(weft_promise *const *p, int *unused)
{
    (void)unused;
    thread_take_ms(JOB_MS);
    weft_promise_fulfil(*p, 3, &(answer){ 42, "forty-two" });
    return 0;
}

static int fulfil_on_a_thread(weft_promise *const *p)
{
    int none = 0;
    return weft_in_thread_of(&weft_blocking, fulfils, p, &none);
}

THREAD_TEST(a_task_waits_for_what_a_thread_promises)
{
    weft_promise *p = weft_promise_open(sizeof(answer));
    WEFT_NEED(p != NULL);
    answer a = { 0 };
    int64_t start = weft_now_ns();
    WEFT_SCOPE(s);
    weft_spawn(s, fulfil_on_a_thread, &p);
    WEFT_NEED(weft_promise_await(p, &a) == 3);       /* else nobody fulfils it */
    if (!world_now.virtual_time) WORLD_TOOK(start, JOB_MS);
    WEFT_CHECK_EQ(a.number, 42);
    WEFT_CHECK_STR(weft_str_of(a.text), "forty-two");
    a = (answer){ 0 };
    WEFT_CHECK_EQ(weft_promise_await(p, &a), 3);
    WEFT_CHECK_EQ(a.number, 42);
    weft_promise_close(p);
    return weft_join(s);
}

static int await_it(weft_promise *const *p, int *out) { return weft_promise_await(*p, out); }

TASK_TEST(a_broken_promise_tells_its_code_and_leaves_the_output)
{
    int out = 7;
    world_ignore(weft_fail(WEFT_ENOENT, "an earlier one"));
    weft_promise *p = weft_promise_open(sizeof out);
    WEFT_NEED(p != NULL);
    weft_promise_fulfil(p, WEFT_ENOENT, NULL);
    WEFT_CHECK_EQ(weft_promise_await(p, &out), WEFT_ENOENT);
    WEFT_CHECK_EQ(out, 7);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ENOENT)->text), "no such thing");
    weft_promise_close(p);
    return 0;
}

TASK_TEST(a_cancelled_await_takes_nothing_away)
{
    int out = 7;
    weft_promise *p = weft_promise_open(sizeof out);
    WEFT_NEED(p != NULL);
    {
        WEFT_SCOPE(s, .timeout_ms = 5);
        WEFT_CHECK_EQ(weft_promise_await(p, &out), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(weft_promise_await(p, &out), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(out, 7);
    weft_promise_fulfil(p, 0, &(int){ 9 });
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        int rc;
        while ((rc = weft_promise_await(p, &out)) == WEFT_ECANCELED) continue;   /* until the loop knows of it */
        WEFT_CHECK_EQ(rc, 0);
    }
    WEFT_CHECK_EQ(out, 9);
    weft_promise_close(p);
    return 0;
}

TASK_TEST(a_second_task_that_waits_for_a_promise_is_told_so)
{
    int a = 0, b = 0;
    weft_promise *p = weft_promise_open(sizeof a);
    WEFT_NEED(p != NULL);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, await_it, &p, &a);
    world_turn();
    WEFT_CHECK_EQ(weft_promise_await(p, &b), WEFT_EBUSY);
    weft_promise_fulfil(p, 0, &(int){ 5 });
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(a, 5);
    WEFT_CHECK_EQ(b, 0);
    weft_promise_close(p);
    return 0;
}

TASK_TEST(a_promise_of_a_value_that_no_memory_holds_is_refused)
{
    WEFT_CHECK(weft_promise_open(SIZE_MAX) == NULL);
    WEFT_CHECK(weft_promise_open(SIZE_MAX - 16) == NULL);
    return 0;
}

TASK_TEST(a_promise_that_is_fulfilled_is_everybodys_who_asks)
{
    int a = 0, b = 0;
    weft_promise *p = weft_promise_open(sizeof a);
    WEFT_NEED(p != NULL);
    WEFT_SCOPE(s);
    weft_spawn(s, await_it, &p, &a);
    world_turn();
    weft_promise_fulfil(p, 0, &(int){ 5 });
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK_EQ(weft_promise_await(p, &b), 0);
    WEFT_CHECK_EQ(a + b, 10);
    weft_promise_close(p);
    return 0;
}

TASK_TEST(a_promise_may_be_closed_before_it_is_fulfilled)
{
    weft_promise *p = weft_promise_open(16);
    WEFT_NEED(p != NULL);
    weft_promise_close(p);
    weft_promise_fulfil(p, 0, NULL);
    WEFT_CHECK_EQ(weft_sleep_ms(2), 0);
    weft_promise_close(NULL);
    return 0;
}

TASK_TEST(many_promises_fulfilled_at_once_are_told_in_order)
{
    enum { MANY = 300 };
    static weft_promise *p[MANY];
    int out = 0;
    for (int i = 0; i < MANY; i++) {
        WEFT_NEED((p[i] = weft_promise_open(sizeof out)) != NULL);
        weft_promise_fulfil(p[i], 0, &i);
    }
    for (int i = 0; i < MANY; i++) {
        WEFT_CHECK_EQ(weft_promise_await(p[i], &out), 0);
        WEFT_CHECK_EQ(out, i);
        weft_promise_close(p[i]);
    }
    return 0;
}

static weft_promise *unkept[200];
static int promises_and_ends(void)
{
    for (int i = 0; i < 200; i++) WEFT_NEED((unkept[i] = weft_promise_open(4)) != NULL);
    for (int i = 0; i < 100; i++) weft_promise_fulfil(unkept[i], 0, &i);
    return 0;
}

WEFT_TEST(promises_outlive_their_loop)
{
    world_open_epoll();
    WEFT_NEED(world_run(weft_call(promises_and_ends)) == 0);
    world_close();
    for (int i = 0; i < 200; i++) weft_promise_close(unkept[i]);
    for (int i = 100; i < 200; i++) weft_promise_fulfil(unkept[i], 0, NULL);
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

static void *fulfil_many(void *arg)
{
    weft_promise **p = arg;
    for (int i = 0; i < 1000; i++) weft_promise_fulfil(p[i], 0, &i);
    return NULL;
}

EPOLL_TEST(no_promise_of_several_threads_is_lost)
{
    static weft_promise *p[THREADS][1000];
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < 1000; i++) WEFT_NEED((p[t][i] = weft_promise_open(sizeof(int))) != NULL);
        WEFT_NEED(pthread_create(&threads[t], NULL, fulfil_many, p[t]) == 0);
    }
    for (int i = 0; i < 1000; i++) {
        for (int t = 0; t < THREADS; t++) {
            int out = -1;
            WEFT_CHECK_EQ(weft_promise_await(p[t][i], &out), 0);
            if (!WEFT_CHECK_EQ(out, i)) return WEFT_EINVAL;
            weft_promise_close(p[t][i]);
        }
    }
    for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    return 0;
}
