/* Signals as events. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/sim.h"
#include "task/world.h"
#include "weft/command.h"

/* In the simulator the signal comes from its world. */
static void send_signal(int number)
{
    if (world_now.virtual_time) WEFT_NEED(weft__sim_raise(world_now.os, number, 0) == 0);
    else WEFT_NEED(kill(getpid(), number) == 0);
}

static int await_next(weft_signals *const *s, int *number)
{
    *number = weft_signals_next(*s);
    return 0;
}

TASK_TEST(a_signal_wakes_who_waits_for_it)
{
    int number = 0;
    WEFT_SIGNALS(signals);
    WEFT_NEED(weft_signals_open(&signals, SIGHUP, SIGUSR1) == 0);
    for (int i = 0; i < 3; i++) {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, await_next, &signals, &number);
        world_turn();
        send_signal(i == 1 ? SIGHUP : SIGUSR1);
        WEFT_CHECK_EQ(weft_await(t), 0);
        WEFT_CHECK_EQ(number, i == 1 ? SIGHUP : SIGUSR1);
    }
    return 0;
}

TASK_TEST(signals_between_two_steps_are_kept_each_number_once_the_lowest_first)
{
    WEFT_SIGNALS(signals);
    WEFT_NEED(weft_signals_open(&signals, SIGUSR2, SIGHUP, SIGUSR1) == 0);
    send_signal(SIGUSR2);
    send_signal(SIGUSR1);
    send_signal(SIGUSR2);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    WEFT_CHECK_EQ(weft_signals_next(signals), SIGUSR1);
    WEFT_CHECK_EQ(weft_signals_next(signals), SIGUSR2);
    {
        WEFT_SCOPE(s, .timeout_ms = 20);
        WEFT_CHECK_EQ(weft_signals_next(signals), WEFT_ETIMEDOUT);
    }
    send_signal(SIGHUP);
    WEFT_CHECK_EQ(weft_signals_next(signals), SIGHUP);
    return 0;
}

TASK_TEST(all_who_have_opened_a_signal_are_told)
{
    WEFT_SIGNALS(first);
    WEFT_SIGNALS(second);
    WEFT_SIGNALS(other);
    WEFT_NEED(weft_signals_open(&first, SIGHUP) == 0);
    WEFT_NEED(weft_signals_open(&second, SIGHUP, SIGUSR1) == 0);
    WEFT_NEED(weft_signals_open(&other, SIGUSR2) == 0);
    send_signal(SIGHUP);
    WEFT_CHECK_EQ(weft_signals_next(first), SIGHUP);
    WEFT_CHECK_EQ(weft_signals_next(second), SIGHUP);
    WEFT_SCOPE(s, .timeout_ms = 20);
    WEFT_CHECK_EQ(weft_signals_next(other), WEFT_ETIMEDOUT);
    return 0;
}

TASK_TEST(a_cancelled_wait_takes_no_signal)
{
    WEFT_SIGNALS(signals);
    WEFT_NEED(weft_signals_open(&signals, SIGHUP) == 0);
    send_signal(SIGHUP);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        WEFT_CHECK_EQ(weft_signals_next(signals), WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(weft_signals_next(signals), SIGHUP);
    return 0;
}

TASK_TEST(one_task_waits_at_a_time_and_is_told_when_it_is_freed)
{
    int number = 0;
    weft_signals *signals;
    WEFT_NEED(weft_signals_open(&signals, SIGHUP) == 0);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, await_next, &signals, &number);
    world_turn();
    WEFT_CHECK_EQ(weft_signals_next(signals), WEFT_EBUSY);
    weft_signals_free(signals);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(number, WEFT_ECLOSED);
    return 0;
}

static int wait_once(const int *which, int *number)
{
    *number = weft_signal_wait(*which, SIGUSR2);
    return 0;
}

TASK_TEST(a_single_wait)
{
    int number = 0;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, wait_once, &(int){ SIGUSR1 }, &number);
    world_turn();
    WEFT_NEED(!weft_task_done(t));                   /* else the signal ends the program */
    send_signal(SIGUSR2);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(number, SIGUSR2);
    return 0;
}

TASK_TEST(what_cannot_be_taken_is_refused_by_its_number)
{
    static const int wrong[] = { SIGKILL, SIGSTOP, SIGSEGV, 0, -1, 65, 32 };
    WEFT_SIGNALS(signals);
    for (size_t i = 0; i < weft_count(wrong); i++) WEFT_CHECK_EQ(weft_signals_open(&signals, SIGHUP, wrong[i]), WEFT_EINVAL);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EINVAL)->text, "signal 32 cannot be waited for") != NULL);
    weft_signals *many[64];
    for (int i = 0; i < 64; i++) WEFT_NEED(weft_signals_open(&many[i], SIGHUP) == 0);
    WEFT_CHECK_EQ(weft_signals_open(&signals, SIGHUP), WEFT_ELIMIT);
    for (int i = 0; i < 64; i++) weft_signals_free(many[i]);
    WEFT_CHECK_EQ(weft_signals_open(&signals, SIGHUP), 0);
    return 0;
}

/* ---- handlers ---- */

static volatile sig_atomic_t handled;
static void count_signal(int number) { handled += number == SIGUSR1; }

EPOLL_TEST(the_handler_from_before_comes_back)
{
    struct sigaction now;
    signal(SIGHUP, SIG_DFL);                       /* nohup starts programs with it ignored */
    signal(SIGUSR1, count_signal);
    {
        WEFT_SIGNALS(first);
        WEFT_SIGNALS(second);
        WEFT_NEED(weft_signals_open(&first, SIGUSR1, SIGHUP) == 0);
        WEFT_NEED(weft_signals_open(&second, SIGUSR1) == 0);
        send_signal(SIGUSR1);
        weft_signals_free(first);
        first = NULL;
        send_signal(SIGUSR1);
        WEFT_CHECK_EQ(handled, 0);
        sigaction(SIGHUP, NULL, &now);
        WEFT_CHECK(now.sa_handler == SIG_DFL);
    }
    send_signal(SIGUSR1);
    WEFT_CHECK_EQ(handled, 1);
    return 0;
}

EPOLL_TEST(a_handler_that_the_program_put_there_meanwhile_stays)
{
    struct sigaction now;
    WEFT_SIGNALS(signals);
    WEFT_NEED(weft_signals_open(&signals, SIGUSR1) == 0);
    signal(SIGUSR1, count_signal);
    weft_signals_free(signals);
    signals = NULL;
    sigaction(SIGUSR1, NULL, &now);
    WEFT_CHECK(now.sa_handler == count_signal);
    return 0;
}

/* A forked child has the handler and not the loop: there the signal does what it does by default. */
EPOLL_TEST(a_forked_child_is_ended_by_a_signal_as_usual)
{
    int status = 0;
    WEFT_SIGNALS(signals);
    WEFT_NEED(weft_signals_open(&signals, SIGHUP) == 0);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        raise(SIGHUP);
        _exit(0);
    }
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
    WEFT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
    return 0;
}

static void *raiser(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_ACQUIRE)) kill(getpid(), SIGUSR1);
    return NULL;
}

/* Another thread's handler may be in the table just when a taker leaves it. */
EPOLL_TEST(opening_and_freeing_under_a_flood_of_signals)
{
    int stop = 0;
    pthread_t thread;
    WEFT_SIGNALS(always);
    WEFT_NEED(weft_signals_open(&always, SIGUSR1) == 0);
    WEFT_NEED(pthread_create(&thread, NULL, raiser, &stop) == 0);
    for (int i = 0; i < 200; i++) {
        WEFT_SIGNALS(one);
        WEFT_NEED(weft_signals_open(&one, SIGUSR1) == 0);
        if (i % 10 == 0) WEFT_CHECK_EQ(weft_signals_next(one), SIGUSR1);
    }
    WEFT_CHECK_EQ(weft_signals_next(always), SIGUSR1);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    return 0;
}

/* ---- those of the program ---- */

static int until_taken_back(int *out)
{
    {
        WEFT_SIGNALS(signals);
        WEFT_TRY(weft_signals_open(&signals, SIGTERM, SIGINT));
        kill(getpid(), SIGTERM);
        if (weft_signals_next(signals) != SIGTERM) return WEFT_EPROTO;
        kill(getpid(), SIGINT);
        if (weft_signals_next(signals) != SIGINT) return WEFT_EPROTO;
    }
    *out = 1;
    kill(getpid(), SIGTERM);
    int rc = weft_sleep_ms(FOREVER);
    *out = 2;
    return rc == WEFT_ECANCELED ? 0 : WEFT_EPROTO;
}

static int got;
static int program(void) { return until_taken_back(&got); }

WEFT_TEST(sigterm_is_the_programs_only_while_nobody_takes_it)
{
    WEFT_CHECK_EQ(weft_run(program), 0);
    WEFT_CHECK_EQ(got, 2);
    struct sigaction now;
    sigaction(SIGTERM, NULL, &now);
    WEFT_CHECK(now.sa_handler == SIG_DFL);
}
