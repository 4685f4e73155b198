#define _GNU_SOURCE
#include "os/taker.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"

enum { SIGNALS = 64 };

/* Read by the handler, on any thread: a taker is freed when no handler can have seen it any more. */
static weft__taker *_Atomic takers[WEFT__TAKERS_MAX];
static atomic_int inside;
static pid_t process;                /* of the last taker */

/* Under the lock: how many takers a signal has, and who had it before the first of them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int wanted[SIGNALS + 1];
static struct sigaction before[SIGNALS + 1];

bool weft__signals_may_be_taken(uint64_t set)
{
    static const int never[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, 32, 33 };
    for (size_t i = 0; i < weft_count(never); i++)
        if (set & weft__signal_bit(never[i])) return false;
    return set != 0;
}

/* ---- one taker ---- */

weft__taker *weft__taker_new(weft__os *os, uint64_t set, void *cookie)
{
    weft__taker *t = weft__calloc(sizeof *t);
    if (!t) return NULL;
    t->set = set;
    t->of = getpid();
    atomic_init(&t->came, 0);
    t->door = os->ops->jobs->door_open(os, cookie);
    if (t->door) return t;
    weft__free(t);
    return NULL;
}

void weft__taker_free(weft__os *os, weft__taker *t)
{
    os->ops->jobs->door_close(os, t->door);
    weft__free(t);
}

uint64_t weft__taker_taken(weft__taker *t) { return atomic_exchange(&t->came, 0); }

/* ---- the handler ---- */

/* A forked child has the handler, but not the loops. */
static void as_if_never_taken(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void on_signal(int number)
{
    int keep = errno;
    bool told = false;
    pid_t own = getpid();
    atomic_fetch_add(&inside, 1);
    for (int i = 0; i < WEFT__TAKERS_MAX; i++) {
        weft__taker *t = atomic_load(&takers[i]);
        if (!t || t->of != own || !(t->set & weft__signal_bit(number))) continue;
        weft__taker_tell(t, number);
        told = true;
    }
    atomic_fetch_sub(&inside, 1);
    if (!told && own != process) as_if_never_taken(number);
    errno = keep;
}

static bool is_ours(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == on_signal;
}

static void want(int number)
{
    if (wanted[number]++ && is_ours(number)) return;
    struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigemptyset(&act.sa_mask);
    sigaction(number, &act, &before[number]);
}

static void want_no_more(int number)
{
    if (--wanted[number] || !is_ours(number)) return;
    sigaction(number, &before[number], NULL);
}

static void for_each(uint64_t set, void (*act)(int number))
{
    for (int n = 1; n <= SIGNALS; n++)
        if (set & weft__signal_bit(n)) act(n);
}

/* ---- the table ---- */

static int place_take(weft__taker *t)
{
    int at = 0;
    while (at < WEFT__TAKERS_MAX && atomic_load(&takers[at])) at++;
    if (at == WEFT__TAKERS_MAX) return WEFT_ELIMIT;
    process = t->of;
    atomic_store(&takers[at], t);
    for_each(t->set, want);
    return 0;
}

static void place_leave(weft__taker *t)
{
    int at = 0;
    while (atomic_load(&takers[at]) != t) at++;
    for_each(t->set, want_no_more);
    atomic_store(&takers[at], NULL);
}

static int take(weft__os *os, uint64_t set, void *cookie, weft__taker **out)
{
    if (!weft__signals_may_be_taken(set)) return WEFT_EINVAL;
    weft__taker *t = weft__taker_new(os, set, cookie);
    if (!t) return WEFT_ENOMEM;
    pthread_mutex_lock(&lock);
    int rc = place_take(t);
    pthread_mutex_unlock(&lock);
    if (rc == 0) *out = t;
    else weft__taker_free(os, t);
    return rc;
}

/* A handler that runs on another thread just now may have seen it: it is through in a moment. */
static void drop(weft__os *os, weft__taker *t)
{
    pthread_mutex_lock(&lock);
    place_leave(t);
    pthread_mutex_unlock(&lock);
    while (atomic_load(&inside)) sched_yield();
    weft__taker_free(os, t);
}

const weft__signal_ops weft__linux_takers = { .take = take, .taken = weft__taker_taken, .drop = drop };
