/* What is left of a program's processes when it ends: nothing, not even a zombie that somebody else has to wait for. The
 * tests are what orphans are left to, in the place of process 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "process_world.h"
#include "testing/verdict.h"
#include "weft/thread.h"

extern int weft__run_stuck_ms;

enum { WORKERS = 3 };

/* ---- programs ---- */

static int all_slow(int ms)
{
    int out[WORKERS];
    WEFT_SCOPE(s);
    for (int i = 0; i < WORKERS; i++) weft_spawn(s, slow, &ms, &out[i]);
    return weft_join(s);
}

static int works(void) { return all_slow(5); }
static int works_long(void) { return all_slow(60000); }

static void tell_blocked(void) { atomic_store(&shared->order[0], 1); }

static int block(const int *ms)
{
    tell_blocked();
    usleep((useconds_t)*ms * 1000);
    return 0;
}

/* Neither can be cancelled: a second signal has to end it. */
static int blocks_a_thread(void)
{
    WEFT_SCOPE(s);
    int out;
    weft_spawn(s, slow, (&(int){ 60000 }), &out);
    WEFT_TRY(wait_begun(1));
    return weft_in_thread(block, (&(int){ 60000 }));
}

static int blocks_the_loop(void)
{
    WEFT_SCOPE(s);
    int out;
    weft_spawn(s, slow, (&(int){ 60000 }), &out);
    WEFT_TRY(wait_begun(1));
    tell_blocked();
    for (;;) usleep(10000);
}

static int exits(void)
{
    WEFT_SCOPE(s);
    int out;
    weft_spawn(s, slow, (&(int){ 60000 }), &out);
    WEFT_TRY(wait_begun(1));
    exit(7);
}

static int stops_its_zygote(void)
{
    WEFT_TRY(works());
    kill((pid_t)child_of(getpid(), 0), SIGSTOP);
    return 0;
}

/* ---- their ends ---- */

static void become_the_reaper(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) WEFT_SKIP("nobody here gives orphans to us (PR_SET_CHILD_SUBREAPER)");
    share_memory();
}

/* Behind weft's own deed at exit, and before a sanitizer looks for what an unfinished task has not freed. */
static void leave_at_once(int status, void *arg)
{
    (void)arg;
    _exit(status);
}

static pid_t begin(int (*body)(void), int slots)
{
    WEFT_NEED(weft_processes(.processes_max = WORKERS) == 0);
    pid_t program = fork();
    WEFT_NEED(program >= 0);
    if (program) {
        for (int i = 0; i < 2000 && atomic_load(&shared->begun) < slots; i++) usleep(5000);
        WEFT_NEED(atomic_load(&shared->begun) >= slots);
        return program;
    }
    alarm((unsigned)(20 * weft__test_slower()));
    on_exit(leave_at_once, NULL);
    _exit(weft_run_with((weft_call){ .fn = (weft__fn *)body, .name = "body" }));
}

static pid_t begin_blocked(int (*body)(void))
{
    pid_t program = begin(body, 1);
    for (int i = 0; i < 2000 && !atomic_load(&shared->order[0]); i++) usleep(5000);
    WEFT_NEED(atomic_load(&shared->order[0]));
    return program;
}

/* Its status, as waitpid tells it. */
static int end_of(pid_t program)
{
    int status = 0;
    WEFT_NEED(waitpid(program, &status, 0) == program);
    return status;
}

/* At once: what died before the program did would be a zombie of ours by now. */
static void nothing_is_left(void)
{
    int status;
    pid_t left = waitpid(-1, &status, WNOHANG);
    WEFT_CHECK(left < 0 && errno == ECHILD);
}

static void signal_again(pid_t program, int times, int between_ms)
{
    for (int i = 0; i < times; i++) {
        if (i) usleep((useconds_t)between_ms * 1000);
        kill(program, SIGINT);
    }
}

WEFT_TEST(after_a_clean_end_no_process_is_left_to_anybody)
{
    become_the_reaper();
    WEFT_CHECK_EQ(end_of(begin(works, 0)), 0);
    WEFT_CHECK_EQ(atomic_load(&shared->ended), WORKERS);
    nothing_is_left();
}

WEFT_TEST(after_a_signal_in_the_middle_of_work_no_process_is_left)
{
    become_the_reaper();
    pid_t program = begin(works_long, WORKERS);
    signal_again(program, 1, 0);
    WEFT_CHECK(WIFEXITED(end_of(program)));
    WEFT_CHECK_EQ(atomic_load(&shared->ended), 0);
    nothing_is_left();
}

/* What never ends by itself gets so many signals: it ends with this status, and nothing of it is left. */
static void ends_by_signals(int (*body)(void), int times, int between_ms, int status)
{
    become_the_reaper();
    pid_t program = begin_blocked(body);
    signal_again(program, times, between_ms);
    WEFT_CHECK_EQ(WEXITSTATUS(end_of(program)), status);
    nothing_is_left();
}

WEFT_TEST(after_a_second_signal_no_process_is_left) { ends_by_signals(blocks_a_thread, 2, 100, 130); }

WEFT_TEST(after_a_second_signal_to_a_loop_that_does_not_turn_no_process_is_left)
{
    ends_by_signals(blocks_the_loop, 2, 1100, 130);
}

WEFT_TEST(after_a_thread_that_does_not_end_no_process_is_left)
{
    weft__run_stuck_ms = 50;
    ends_by_signals(blocks_a_thread, 1, 0, 1);
}

WEFT_TEST(after_exit_in_a_task_no_process_is_left)
{
    become_the_reaper();
    WEFT_CHECK_EQ(WEXITSTATUS(end_of(begin(exits, 1))), 7);
    nothing_is_left();
}

/* It cannot end its workers then, but they end with it; as its children they are zombies of ours for a moment. */
WEFT_TEST(a_zygote_that_is_stopped_is_killed_after_a_while)
{
    weft__zygote_patience_ms = 100;
    become_the_reaper();
    WEFT_CHECK_EQ(end_of(begin(stops_its_zygote, 0)), 0);
    while (waitpid(-1, NULL, 0) > 0) {}
    WEFT_CHECK_EQ(errno, ECHILD);
}

WEFT_TEST(when_the_program_is_killed_its_processes_end)
{
    share_memory();
    pid_t program = begin(works_long, WORKERS);
    long worker = atomic_load(&shared->pid), zygote = child_of(program, 0);
    WEFT_NEED(worker > 0 && zygote > 0);
    kill(program, SIGKILL);
    WEFT_CHECK_EQ(WTERMSIG(end_of(program)), SIGKILL);
    for (int i = 0; i < 1000 && !(is_dead(worker) && is_dead(zygote)); i++) usleep(10000);
    WEFT_CHECK(is_dead(worker));
    WEFT_CHECK(is_dead(zygote));
    WEFT_CHECK_EQ(atomic_load(&shared->ended), 0);
}
