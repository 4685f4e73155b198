#define _GNU_SOURCE
#include "os/held.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "os/fleet.h"

static struct held { struct sigaction before; siginfo_t info; volatile sig_atomic_t came; } held[WEFT__FLEET_HEARD];
static bool are_held;

/* ---- a stop ---- */

static weft__held_stop_step *step;
static int timer = -1;               /* -1: none, and a stop is only noted */
static atomic_int stops, stop_number;            /* the first one's: the timer's is not the one that the program was asked to end by */
static _Atomic int64_t stop_ms;

/* A signal of its own would be one that main may use. Older C libraries have timers in a library of their own, so the kernel is asked. */
static void make_timer(void)
{
    struct sigevent how = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM, .sigev_value.sival_ptr = held };
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &how, &timer) < 0) timer = -1;
}

static void drop_timer(void)
{
    if (timer >= 0) syscall(SYS_timer_delete, timer);
    timer = -1;
}

static bool is_of_timer(const siginfo_t *info) { return info->si_code == SI_TIMER && info->si_value.sival_ptr == (void *)held; }

/* Once each: where main has taken the signal for itself meanwhile, that hears of the stop, and of nothing more. */
static void look_again_in(int ms)
{
    struct itimerspec then = { .it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L } };
    if (timer >= 0) syscall(SYS_timer_settime, timer, 0, &then, NULL);
}

/* Another thread may hear the next stop while this one is still at the one before, and its time would be overwritten. */
static void take_step(void)
{
    int asked, ms;
    do {
        asked = atomic_load(&stops);
        ms = step(atomic_load(&stop_number), asked, atomic_load(&stop_ms));
        if (ms) look_again_in(ms);
    } while (asked != atomic_load(&stops));
}

static void stop_noted(int number, bool again)
{
    int keep = errno, no_number = 0;
    int64_t none = 0;
    if (!again) {
        atomic_compare_exchange_strong(&stop_number, &no_number, number);
        atomic_compare_exchange_strong(&stop_ms, &none, weft__fleet_now_ms());
        atomic_fetch_add(&stops, 1);
    }
    if (step) take_step();
    errno = keep;
}

int64_t weft__held_stop_ms(void) { return atomic_load(&stop_ms); }
int weft__held_stops(void) { return atomic_load(&stops); }

/* ---- all of them ---- */

/* The end of the terminal; who sends one himself asks for a reload. */
static bool is_hangup(int number, const siginfo_t *info) { return number == SIGHUP && info->si_code > 0; }

/* A reload that came before is nothing beside a hangup. */
static void remember(int number, const siginfo_t *info)
{
    for (int i = 0; i < WEFT__FLEET_HEARD; i++) {
        if (weft__fleet_heard[i] != number || (held[i].came && !is_hangup(number, info))) continue;
        held[i].info = *info;
        held[i].came = 1;
    }
}

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    bool again = is_of_timer(info);
    if (!again) remember(number, info);
    if (number == SIGTERM || number == SIGINT || is_hangup(number, info)) stop_noted(number, again);
}

void weft__held_begin(weft__held_stop_step *stop_step)
{
    struct sigaction act = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigset_t set;
    step = stop_step;
    if (step) make_timer();
    weft__fleet_heard_set(&set);
    act.sa_mask = set;
    for (int i = 0; i < WEFT__FLEET_HEARD; i++)
        if (weft__fleet_heard[i] != SIGCHLD) sigaction(weft__fleet_heard[i], &act, &held[i].before);
    are_held = true;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool weft__held_are(void) { return are_held; }

/* Where main has put one of its own meanwhile, that stays. */
void weft__held_forget(void)
{
    struct sigaction now;
    for (int i = 0; i < WEFT__FLEET_HEARD && are_held; i++) {
        if (weft__fleet_heard[i] == SIGCHLD || sigaction(weft__fleet_heard[i], NULL, &now) < 0) continue;
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == note) sigaction(weft__fleet_heard[i], &held[i].before, NULL);
    }
    are_held = false;
}

/* With all that the kernel said of it: who sent it, or that a terminal did. */
static void send_again(const struct held *one, int number)
{
    if (syscall(SYS_rt_sigqueueinfo, getpid(), number, &one->info) < 0) kill(getpid(), number);
}

/* What the timer had sent waits still, and would be a stop more. */
static void drop_what_timer_sent(void)
{
    sigset_t term;
    siginfo_t info;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    while (sigtimedwait(&term, &info, &(struct timespec){ 0 }) == SIGTERM)
        if (!is_of_timer(&info)) remember(SIGTERM, &info);
}

void weft__held_end(void)
{
    if (!are_held) return;
    bool ticked = timer >= 0 && weft__held_stops();
    drop_timer();
    if (ticked) drop_what_timer_sent();
    weft__held_forget();
    for (int i = 0; i < WEFT__FLEET_HEARD; i++)
        if (held[i].came) send_again(&held[i], weft__fleet_heard[i]);
}
