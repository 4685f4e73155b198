#define _GNU_SOURCE
#include "os/held.h"
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "os/fleet.h"

static struct held { struct sigaction before; siginfo_t info; volatile sig_atomic_t came; } held[WEFT__FLEET_HEARD];
static bool are_held;

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    for (int i = 0; i < WEFT__FLEET_HEARD; i++) {
        if (weft__fleet_heard[i] != number || held[i].came) continue;
        held[i].info = *info;
        held[i].came = 1;
    }
}

void weft__held_begin(void)
{
    struct sigaction act = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigset_t set;
    weft__fleet_heard_set(&set);
    act.sa_mask = set;
    for (int i = 0; i < WEFT__FLEET_HEARD; i++)
        if (weft__fleet_heard[i] != SIGCHLD) sigaction(weft__fleet_heard[i], &act, &held[i].before);
    are_held = true;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool weft__held_are(void) { return are_held; }

bool weft__held_stop(void)
{
    bool stop = false;
    for (int i = 0; i < WEFT__FLEET_HEARD; i++) stop |= held[i].came && (weft__fleet_heard[i] == SIGTERM || weft__fleet_heard[i] == SIGINT);
    return stop;
}

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

void weft__held_end(void)
{
    if (!are_held) return;
    weft__held_forget();
    for (int i = 0; i < WEFT__FLEET_HEARD; i++)
        if (held[i].came) send_again(&held[i], weft__fleet_heard[i]);
}
