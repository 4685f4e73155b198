#define _GNU_SOURCE
#include "os/elders.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/held.h"
#include "os/stderr.h"

enum { ELDERS_LOOK_US = 20 * 1000, COMES_MS = 2000, STEP_MS = 50, URGED_MS = 500, LATE_MS = 1000, STATUS_SIGNAL = 128 };

/* ---- one step ---- */

/* It stays there for whoever waits for it. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? errno == ECHILD : info.si_pid == pid;
}

static void step_one(weft__elder_left *e, int asked, int64_t now)
{
    if (!e->told) {
        e->told = true;
        e->told_ms = now;
        kill(e->pid, SIGTERM);
    } else if (!e->urged && now - e->told_ms >= URGED_MS) {
        e->urged = true;
        e->passed_on = 2;
        kill(e->pid, SIGTERM);
    } else if (e->urged && e->passed_on < asked) {
        e->passed_on++;
        kill(e->pid, SIGTERM);
    }
    if (now >= e->kill_ms) kill(e->pid, SIGKILL);
}

int weft__elders_step(weft__handover *h, int asked, int64_t came_ms, int64_t now)
{
    int left = 0;
    for (int i = 0; i < h->elder_count; i++) {
        weft__elder_left *e = &h->elders[i];
        if (has_ended(e->pid)) continue;
        left++;
        if (!e->kill_ms || e->kill_ms > came_ms + h->stop_ms) e->kill_ms = came_ms + h->stop_ms;
        step_one(e, asked, now);
    }
    return left;
}

/* Left to the first process of a container they might stay there for ever. */
static void reap(const weft__handover *h)
{
    for (int i = 0; i < h->elder_count; i++)
        while (waitpid(h->elders[i].pid, NULL, WNOHANG) < 0 && errno == EINTR) {}
}

/* ---- beside a main that does not come ---- */

static weft__handover *_Atomic watched;
static atomic_flag busy = ATOMIC_FLAG_INIT;      /* a handler may run on another thread */

/* As a program ends that was never asked to serve; the first process of a container takes no signal for that. */
static _Noreturn void end_by(int number)
{
    sigset_t set;
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    kill(getpid(), number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    _exit(STATUS_SIGNAL + number);
}

static void say_so(void)
{
    static const char text[] = "weft: stopping, without weft_serve: main has not come to it since the reload\n";
    static bool said;
    if (!said) (void)weft__os_stderr_try(text, sizeof text - 1);
    said = true;
}

/* Main, which may wait for a database in sleeps of a second, is to have all of them in the time it has to come. */
static int step(weft__handover *h, int number, int asked, int64_t came_ms)
{
    int64_t now = weft__fleet_now_ms();
    if (asked < 2 && now - came_ms < COMES_MS) return (int)(came_ms + COMES_MS - now);
    say_so();
    if (weft__elders_step(h, asked, came_ms, now) && now < came_ms + h->stop_ms + LATE_MS) return STEP_MS;
    reap(h);
    end_by(number);
}

static int stop_asked(int number, int asked, int64_t came_ms)
{
    if (atomic_flag_test_and_set(&busy)) return STEP_MS;
    weft__handover *h = atomic_load(&watched);
    int again_ms = h ? step(h, number, asked, came_ms) : 0;
    atomic_flag_clear(&busy);
    return again_ms;
}

void weft__elders_watch(weft__handover *h)
{
    atomic_store(&watched, h);
    weft__held_begin(stop_asked);
}

/* Not within a handler of this thread, which would wait for itself. */
void weft__elders_leave(void)
{
    sigset_t set, before;
    weft__fleet_heard_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    while (atomic_flag_test_and_set(&busy)) sched_yield();
    atomic_store(&watched, NULL);
    atomic_flag_clear(&busy);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- where no supervisor will come ---- */

/* Who has ended is left out: its pid may be somebody else's soon. */
static int still_there(weft__handover *h)
{
    for (int i = h->elder_count; i-- > 0;) {
        pid_t got = waitpid(h->elders[i].pid, NULL, WNOHANG);
        if (got > 0 || (got < 0 && errno == ECHILD)) h->elders[i] = h->elders[--h->elder_count];
    }
    return h->elder_count;
}

static void say_it_ends(void)
{
    static const char text[] = "weft: this program ends before it serves, and when the workers of the program before have ended: they are told to stop\n";
    (void)weft__os_stderr_try(text, sizeof text - 1);
}

/* Whoever connects would wait for nobody, as long as this process has them. */
static void refuse_others(weft__handover *h)
{
    while (h->fd_count) close(h->fds[--h->fd_count]);
}

/* It is a stop, by itself or by the one that was asked for already. */
void weft__elders_end(weft__handover *h)
{
    int64_t noted_ms = weft__held_stop_ms(), came_ms = noted_ms ? noted_ms : weft__fleet_now_ms();
    refuse_others(h);
    if (still_there(h)) say_it_ends();
    for (; still_there(h); usleep(ELDERS_LOOK_US)) {
        int stops = weft__held_stops();
        int64_t now = weft__fleet_now_ms();
        (void)weft__elders_step(h, stops ? stops : 1, came_ms, now);
        if (now >= came_ms + h->stop_ms + LATE_MS) return;
    }
}
