/* Signals that knock at a door of the loop. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/jobs.h"
#include "weft/check.h"

static weft__os *os;
static weft__door *door;
static int cookie;

static void begin(void)
{
    os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    door = os->ops->jobs->door_open(os, &cookie);
    WEFT_NEED(door != NULL);
}

static void end(void)
{
    os->ops->jobs->door_close(os, door);
    os->ops->free(os);
}

/* How often the door's cookie is told within a look. */
static int told(void)
{
    weft__event e[8];
    int n = os->ops->wait(os, e, 8, 50000000), mine = 0;
    for (int i = 0; i < n; i++) mine += e[i].cookie == &cookie;
    return mine;
}

static int handler_is_default(int number)
{
    struct sigaction now;
    WEFT_CHECK_EQ(sigaction(number, NULL, &now), 0);
    return now.sa_handler == SIG_DFL;
}

WEFT_TEST(a_signal_knocks_at_its_door_until_that_is_closed)
{
    begin();
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    WEFT_CHECK_EQ(told(), 1);
    raise(SIGUSR1);
    WEFT_CHECK_EQ(told(), 1);
    WEFT_CHECK_EQ(told(), 0);
    weft__signal_door_close(SIGUSR1);
    WEFT_CHECK(handler_is_default(SIGUSR1));
    weft__signal_door_close(SIGUSR1);
    end();
}

static void *raise_on_a_thread(void *n)
{
    for (int i = 0; i < *(int *)n; i++) raise(SIGUSR1);
    return NULL;
}

WEFT_TEST(a_signal_on_another_thread_wakes_the_loop)
{
    pthread_t thread;
    int times = 1000;
    begin();
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), 0);
    WEFT_NEED(pthread_create(&thread, NULL, raise_on_a_thread, &times) == 0);
    int heard = 0;                                   /* on a busy machine a thread takes its time to begin */
    for (int i = 0; i < 200 && !heard; i++) heard = told();
    WEFT_CHECK(heard >= 1);
    pthread_join(thread, NULL);
    weft__signal_door_close(SIGUSR1);
    end();
}

static void mine(int number) { (void)number; }

WEFT_TEST(a_signal_that_is_used_otherwise_is_left_alone)
{
    begin();
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), 0);
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), WEFT_EBUSY);
    weft__signal_door_close(SIGUSR1);
    signal(SIGUSR1, mine);
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), WEFT_EBUSY);
    signal(SIGUSR1, SIG_IGN);
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), WEFT_EBUSY);
    signal(SIGUSR1, SIG_DFL);
    WEFT_CHECK_EQ(weft__signal_door_open(0, door), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__signal_door_open(65, door), WEFT_EINVAL);
    WEFT_CHECK(weft__signal_door_open(SIGKILL, door) < 0);
    end();
}

WEFT_TEST(a_forked_child_dies_of_the_signal_as_if_nobody_had_asked_for_it)
{
    begin();
    WEFT_CHECK_EQ(weft__signal_door_open(SIGUSR1, door), 0);
    pid_t child = fork();
    WEFT_NEED(child >= 0);
    if (child == 0) {
        raise(SIGUSR1);
        _exit(0);
    }
    int status = 0;
    WEFT_CHECK_EQ(waitpid(child, &status, 0), child);
    WEFT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    WEFT_CHECK_EQ(told(), 0);
    weft__signal_door_close(SIGUSR1);
    end();
}
