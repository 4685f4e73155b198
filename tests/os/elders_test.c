/* Workers that nobody supervises, since the program that was put in the place of theirs has not come to weft_serve. */
#define _GNU_SOURCE
#include "os/elders.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/poison.h"
#include "os/held.h"
#include "weft/check.h"

/* ---- workers ---- */

enum { STUBBORN = 1000 };

/* What workers have taken, a byte for each: two signals at once would be one. */
static int taken[2];
static void have_taken(int signals)
{
    char byte;
    while (signals--) WEFT_NEED(read(taken[0], &byte, 1) == 1);
}

/* It ends when it has been told so often; twice: the first time it takes for a wish to be replaced. */
static pid_t worker(int times)
{
    sigset_t term;
    int number;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pid_t parent = getpid(), pid = fork();
    WEFT_NEED(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        sigprocmask(SIG_BLOCK, &term, NULL);
        (void)!write(taken[1], "r", 1);
        while (times-- && sigwait(&term, &number) == 0) (void)!write(taken[1], "t", 1);
        _exit(0);
    }
    have_taken(1);
    return pid;
}

static weft__handover two_in(int times, int also, int64_t stop_ms)
{
    weft__handover h = { .elder_count = 2, .stop_ms = stop_ms };
    h.elders[0].pid = worker(times);
    h.elders[1].pid = worker(also);
    return h;
}
static weft__handover two(int times, int also, int64_t stop_ms)
{
    WEFT_NEED(pipe(taken) == 0);
    return two_in(times, also, stop_ms);
}

/* ---- steps, at times that are only said ---- */

static int status_of(pid_t pid)
{
    int status = -1;
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
    return status;
}

WEFT_TEST(workers_that_nobody_supervises_are_told_then_urged_then_killed)
{
    weft__handover h = two(2, STUBBORN, 10000);
    WEFT_CHECK_EQ(weft__elders_step(&h, 1, 5000, 7000), 2);
    WEFT_CHECK(h.elders[0].told && !h.elders[0].urged);
    have_taken(2);
    WEFT_CHECK_EQ(weft__elders_step(&h, 1, 5000, 7499), 2);
    WEFT_CHECK(!h.elders[0].urged);                  /* together with the first one it would be one signal */
    WEFT_CHECK_EQ(weft__elders_step(&h, 1, 5000, 7500), 2);
    WEFT_CHECK(h.elders[0].urged && h.elders[1].urged);
    have_taken(2);
    WEFT_CHECK_EQ(status_of(h.elders[0].pid), 0);
    WEFT_CHECK_EQ(weft__elders_step(&h, 1, 5000, 14999), 1);
    WEFT_CHECK_EQ(waitpid(h.elders[1].pid, NULL, WNOHANG), 0);
    (void)weft__elders_step(&h, 1, 5000, 15000);     /* counted from when it was asked for, not from when they were told */
    WEFT_CHECK_EQ(status_of(h.elders[1].pid), SIGKILL);
    WEFT_CHECK_EQ(weft__elders_step(&h, 1, 5000, 15001), 0);
}

WEFT_TEST(a_worker_that_was_told_before_keeps_its_own_end_and_each_stop_is_passed_on)
{
    weft__handover h = two(STUBBORN, 4, 10000);
    h.elders[0].told = true;
    h.elders[0].told_ms = 1000;
    h.elders[0].kill_ms = 6000;
    WEFT_CHECK_EQ(weft__elders_step(&h, 1, 5000, 5000), 2);
    WEFT_CHECK(h.elders[0].urged && !h.elders[1].urged);
    have_taken(2);
    (void)weft__elders_step(&h, 1, 5000, 6000);
    WEFT_CHECK_EQ(status_of(h.elders[0].pid), SIGKILL);
    have_taken(1);
    for (int i = 0; i < 2; i++) {
        (void)weft__elders_step(&h, 4, 5000, 6001 + i);
        have_taken(1);
    }
    WEFT_CHECK_EQ(h.elders[1].passed_on, 4);
    WEFT_CHECK_EQ(status_of(h.elders[1].pid), 0);
}

/* ---- beside a main that does not come to weft_serve ---- */

enum { HAS_MS = 2000 };                          /* to come, from the stop on */
typedef enum hangs { ASLEEP, BUSY, INTERRUPTED, HUNG_UP, RELOADED, COMES, TAKES, WAITS } hangs;
static volatile sig_atomic_t heard;
static void hear(int number) { (void)number; heard++; }

/* However many signals cut it short. */
static void sleep_until(int64_t ms)
{
    while (weft__fleet_now_ms() < ms) usleep(20 * 1000);
}

static int takes(const weft__handover *h)
{
    signal(SIGTERM, hear);
    while (!heard) pause();                          /* until the alarm */
    sleep_until(weft__fleet_now_ms() + 300);
    return heard == 1 && !h->elders[0].told ? 0 : 3;
}

static int comes(const weft__handover *h)
{
    weft__elders_leave();
    sleep_until(weft__held_stop_ms() + HAS_MS + 500);
    return h->elders[0].told ? 4 : 0;
}

/* As one that tries every second whether a database is there. */
static int waits(void)
{
    struct timespec second = { .tv_sec = 1 };
    bool cut = nanosleep(&second, NULL) < 0 && weft__fleet_now_ms() < weft__held_stop_ms() + HAS_MS;
    return cut ? 5 : 0;
}

/* As when its terminal ends. */
static void hang_up(void)
{
    siginfo_t by_kernel = { .si_signo = SIGHUP, .si_code = SI_KERNEL };
    WEFT_NEED(syscall(SYS_rt_sigqueueinfo, getpid(), SIGHUP, &by_kernel) == 0);
}

/* Asked for by somebody, it is for the supervisor alone; and the hangup behind it is not taken for another one. */
static int reloaded(const weft__handover *h)
{
    sigset_t hup;
    siginfo_t info;
    raise(SIGHUP);
    if (weft__held_stop_ms() || h->elders[0].told) return 6;
    hang_up();
    if (!weft__held_stop_ms()) return 7;
    weft__elders_leave();
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hup, NULL);
    weft__held_end();
    return sigtimedwait(&hup, &info, &(struct timespec){ 0 }) == SIGHUP && info.si_code == SI_KERNEL ? 0 : 8;
}

static int main_that(hangs how, weft__handover *h)
{
    alarm(120);
    weft__elders_watch(h);
    if (how == RELOADED) return reloaded(h);
    if (how == HUNG_UP) hang_up();
    else raise(how == INTERRUPTED ? SIGINT : SIGTERM);
    if (how == TAKES) return takes(h);
    if (how == COMES) return comes(h);
    if (how == WAITS) return waits();
    for (volatile unsigned i = 0;; i = how == BUSY ? i + 1 : 0)
        if (how != BUSY) pause();
}

/* How it ended; when it returns, all have. */
static int ends(hangs how, int times, int also, int64_t stop_ms)
{
    int all[2], status;
    char byte;
    WEFT_NEED(pipe(all) == 0);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (pid == 0) {
        weft__handover h = two(times, also, stop_ms);
        _exit(main_that(how, &h));
    }
    close(all[1]);
    WEFT_CHECK_EQ(read(all[0], &byte, 1), 0);
    close(all[0]);
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

WEFT_TEST(a_stop_ends_a_program_that_never_comes_to_weft_serve_when_its_workers_have_ended)
{
    WEFT_CHECK_EQ(ends(ASLEEP, 2, 2, 60000), -SIGTERM);
#ifndef WEFT__TSAN                               /* which hands a signal to no thread that makes no call */
    WEFT_CHECK_EQ(ends(BUSY, 2, 2, 60000), -SIGTERM);
#endif
}

WEFT_TEST(a_stop_ends_a_program_that_never_comes_to_weft_serve_with_workers_that_do_not_end)
{
    WEFT_CHECK_EQ(ends(ASLEEP, STUBBORN, STUBBORN, 3000), -SIGTERM);
}

WEFT_TEST(a_program_that_never_comes_to_weft_serve_ends_by_the_signal_that_asked_for_it)
{
    WEFT_CHECK_EQ(ends(INTERRUPTED, 2, 2, 60000), -SIGINT);
    WEFT_CHECK_EQ(ends(HUNG_UP, 2, 2, 60000), -SIGHUP);
}

WEFT_TEST(a_hangup_of_the_terminal_is_a_stop_before_weft_serve_too_and_one_that_was_sent_a_reload)
{
    WEFT_CHECK_EQ(ends(RELOADED, STUBBORN, STUBBORN, 60000), 0);
}

WEFT_TEST(a_main_that_sleeps_on_its_way_to_weft_serve_sleeps_its_time_in_spite_of_a_stop)
{
    WEFT_CHECK_EQ(ends(WAITS, STUBBORN, STUBBORN, 60000), 0);
}

WEFT_TEST(a_main_that_comes_to_weft_serve_finds_its_workers_as_they_were)
{
    WEFT_CHECK_EQ(ends(COMES, STUBBORN, STUBBORN, 60000), 0);
}

WEFT_TEST(a_main_that_takes_the_stop_for_itself_hears_of_it_once)
{
    WEFT_CHECK_EQ(ends(TAKES, STUBBORN, STUBBORN, 60000), 0);
}

/* ---- a main that ends before weft_serve ---- */

enum { CANNOT_RUN = 127 };

/* Any program of weft's that does little and ends. */
static _Noreturn void exec_with(const weft__handover *h, int err)
{
    char variable[1024];
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 1);
    dup2(err, 2);
    (void)!write(2, "x", 1);                         /* workers have said all they say by themselves */
    if (!weft__handover_format(WEFT__HANDOVER_NAME, h, variable, sizeof variable) || putenv(variable) != 0) _exit(9);
    alarm(120);
    execl("/proc/self/exe", "weft-tests", "--help", (char *)NULL);
    _exit(CANNOT_RUN);
}

static size_t read_all(int fd, char *text, size_t room)
{
    size_t n = 0;
    for (ssize_t got; n + 1 < room && (got = read(fd, text + n, room - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    close(fd);
    return n;
}

typedef struct ended { int status; size_t signals; char said[512]; } ended;

/* How the program in the place of the workers' one ended, how many signals they took, and what it said. All have ended then. */
static ended ends_early(int times, int also, int64_t stop_ms)
{
    ended e = { .status = -1 };
    char signals[16], byte;
    int err[2];
    WEFT_NEED(pipe(err) == 0 && pipe(taken) == 0);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (pid == 0) {
        weft__handover h = two_in(times, also, stop_ms);
        exec_with(&h, err[1]);
    }
    close(err[1]);
    close(taken[1]);
    WEFT_NEED(read(err[0], &byte, 1) == 1);
    e.signals = read_all(taken[0], signals, sizeof signals);
    (void)read_all(err[0], e.said, sizeof e.said);
    WEFT_NEED(waitpid(pid, &e.status, 0) == pid);
    if (WIFEXITED(e.status) && WEXITSTATUS(e.status) == CANNOT_RUN) WEFT_SKIP("this machine runs no program of this kind by itself");
    return e;
}

WEFT_TEST(a_program_that_ends_before_weft_serve_ends_when_its_workers_have_ended)
{
    ended e = ends_early(2, 2, 60000);
    WEFT_CHECK_EQ(e.status, 0);
    WEFT_CHECK_EQ(e.signals, 4);
    WEFT_CHECK(strncmp(e.said, "weft: this program ends before it serves", 40) == 0);
}

WEFT_TEST(a_program_that_ends_before_weft_serve_waits_for_the_time_of_a_stop_for_workers_that_do_not_end)
{
    int64_t began_ms = weft__fleet_now_ms();
    ended e = ends_early(STUBBORN, 2, 2000);
    WEFT_CHECK_EQ(e.status, 0);
    WEFT_CHECK_EQ(e.signals, 4);
    WEFT_CHECK(weft__fleet_now_ms() - began_ms >= 2000);
}

/* ---- where no supervisor will come ---- */

/* How many there still are. */
static int end_them(void)
{
    weft__handover h = two(2, 2, 60000);
    weft__held_begin(NULL);
    raise(SIGTERM);
    weft__elders_end(&h);
    return h.elder_count;
}

WEFT_TEST(a_stop_that_was_noted_is_told_to_patient_workers_that_nobody_supervises)
{
    int status = 0;
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (pid == 0) {
        alarm(120);
        _exit(end_them());
    }
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    WEFT_CHECK_EQ(status, 0);
}
