/* Threads, counted: for who may fork. */
#include "os/threads.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>
#include "base/poison.h"
#include "os/jobs.h"
#include "weft/check.h"

#ifndef WEFT__TSAN
enum { ROUNDS = 3000 };

static void *nothing(void *arg) { return arg; }

static void *until_told(void *ends)
{
    char byte;
    (void)!read(*(int *)ends, &byte, 1);
    return NULL;
}

/* The kernel is not done with its end yet, once in some dozen of times. */
WEFT_TEST(a_thread_that_was_joined_is_not_counted)
{
    int counted = 0;
    WEFT_NEED(weft__os_threads() == 1);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        WEFT_NEED(pthread_create(&thread, NULL, nothing, NULL) == 0);
        pthread_join(thread, NULL);
        counted += weft__os_threads() != 1;
    }
    WEFT_CHECK_EQ(counted, 0);
}

/* As /proc has it: 0 under qemu-user. */
static int told(void)
{
    int n = 0;
    FILE *f = fopen("/proc/self/stat", "r");
    if (f && fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &n) != 1) n = 0;
    if (f) fclose(f);
    return n;
}

WEFT_TEST(threads_that_run_are_counted)
{
    if (!told()) WEFT_SKIP("nobody says how many threads there are");
    enum { THREADS = 5 };
    pthread_t threads[THREADS];
    int ends[2];
    WEFT_NEED(pipe(ends) == 0);
    for (int i = 0; i < THREADS; i++) {
        WEFT_NEED(pthread_create(&threads[i], NULL, until_told, &ends[0]) == 0);
        WEFT_CHECK_EQ(weft__os_threads(), 2 + i);
    }
    close(ends[1]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    close(ends[0]);
    WEFT_CHECK_EQ(weft__os_threads(), 1);
}

typedef struct closing { weft__job job; sem_t said; } closing;

/* As the end of a database does: what it says is heard before it ends. */
static void say_and_end(weft__job *job)
{
    sem_post(&((closing *)job)->said);
    usleep(3000);
}

WEFT_TEST(a_thread_that_its_pool_left_to_end_by_itself_is_given_a_moment)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    closing c = { .job = { .run = say_and_end } };
    sem_init(&c.said, 0, 0);
    weft__pool *p = os->ops->jobs->pool_new(os, &(weft__pool_opts){ .name = "closing", .threads_max = 1, .queue_max = 1 });
    WEFT_NEED(p != NULL && os->ops->jobs->submit(os, p, &c.job) == 0);
    while (sem_wait(&c.said)) continue;
    os->ops->jobs->pool_free(os, p);
    WEFT_CHECK_EQ(weft__os_threads(), 1);
    os->ops->free(os);
    sem_destroy(&c.said);
}
#endif
