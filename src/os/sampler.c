#define _GNU_SOURCE
#include "os/sampler.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/peek.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { STACK_BYTES_MAX = 64 * 1024, TRIES = 300, TRY_NS = 1000000, CPU_ENOUGH_NS = 30000000, THREAD_BYTES = 512 * 1024 };
enum { IDLE, WANTED, COPYING, TAKEN };

struct weft__sampler {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool stop;
    int period_ms;
    weft__look_fn *look;
    void *ctx;
    /* the watched thread */
    clockid_t cpu;
    timer_t timer;                       /* on its processor time */
    bool has_timer, calls_are_safe;
    int syscall_file;                    /* /proc/self/task/TID/syscall; -1: none */
    int stat_file;
    /* what the signal handler fills while `state` is COPYING */
    atomic_int state;
    weft__registers regs;
    size_t copied;
    char copy[STACK_BYTES_MAX];
};

/* A signal that comes late must not touch a sampler that is gone. */
static _Thread_local weft__sampler *of_this_thread __attribute__((tls_model("initial-exec")));

/* ---- the signal ---- */

static void on_tick(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    weft__sampler *s = of_this_thread;
    int wanted = WANTED;
    if (!s || info->si_code != SI_TIMER || info->si_value.sival_ptr != s) return;
    if (!atomic_compare_exchange_strong(&s->state, &wanted, COPYING)) return;
    weft__registers_of(context, &s->regs);
    s->copied = weft__os_peek(s->regs.r[WEFT__REG_SP], s->copy, sizeof s->copy);
    atomic_store(&s->state, TAKEN);
}

/* One for the process: the first from the end that the program does not use. 0: none. */
static int tick_signal(void)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    static int found;
    pthread_mutex_lock(&once);
    for (int n = SIGRTMAX - 1; !found && n > SIGRTMIN; n--) {
        struct sigaction before, act = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
        sigfillset(&act.sa_mask);
        bool is_free = sigaction(n, NULL, &before) == 0 && before.sa_handler == SIG_DFL;
        if (is_free && sigaction(n, &act, NULL) == 0) found = n;
    }
    pthread_mutex_unlock(&once);
    return found;
}

/* From Linux 5.9 on, where the architecture knows it, the time of such a timer is looked at only on the way back to
 * user code (CONFIG_POSIX_CPU_TIMERS_TASK_WORK); before that the signal may be there when a system call begins to
 * sleep, and end it. */
static bool kernel_spares_calls(void)
{
    struct utsname u;
    int major = 0, minor = 0;
    if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2) return false;
#if defined __x86_64__
    return major > 5 || (major == 5 && minor >= 9);
#else
    return major > 6 || (major == 6 && minor >= 7);
#endif
}

static void timer_init(weft__sampler *s)
{
    struct sigevent e = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = tick_signal(), .sigev_value.sival_ptr = s };
    e.sigev_notify_thread_id = gettid();
    s->has_timer = e.sigev_signo && timer_create(s->cpu, &e, &s->timer) == 0;
    s->calls_are_safe = kernel_spares_calls();
}

static void timer_set(weft__sampler *s, long ns)
{
    struct itimerspec t = { .it_value.tv_nsec = ns };
    timer_settime(s->timer, 0, &t, NULL);
}

/* ---- what the kernel tells ---- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t = { 0 };
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t weft__sampler_now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t weft__sampler_cpu_ns(const weft__sampler *s) { return clock_ns(s->cpu); }

typedef struct told { char text[256]; } told;

static bool tell(int file, told *t)
{
    ssize_t n = file >= 0 ? pread(file, t->text, sizeof t->text - 1, 0) : -1;
    t->text[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* "running", or the number of the call, its arguments, sp and pc; outside of calls (a page is awaited) -1, sp, pc. */
static bool is_asleep(const told *t) { return t->text[0] == '-' || (t->text[0] >= '0' && t->text[0] <= '9'); }

bool weft__sampler_asleep(weft__sampler *s)
{
    told t;
    return tell(s->syscall_file, &t) && is_asleep(&t);
}

/* The last two numbers. */
static bool position(const told *t, uintptr_t *sp, uintptr_t *pc)
{
    unsigned long a, b;
    const char *end = t->text + strlen(t->text);
    int spaces = 0;
    while (end > t->text && spaces < 2) spaces += *--end == ' ';
    if (spaces < 2 || sscanf(end, " %lx %lx", &a, &b) != 2) return false;
    *sp = a;
    *pc = b;
    return true;
}

/* Ticks of 1/100 s that the thread spent in the kernel: field 15, counted behind the name in parentheses. */
static unsigned long kernel_ticks(const weft__sampler *s)
{
    char text[512];
    unsigned long user = 0, kernel = 0;
    ssize_t n = s->stat_file >= 0 ? pread(s->stat_file, text, sizeof text - 1, 0) : -1;
    if (n <= 0) return 0;
    text[n] = 0;
    const char *behind = strrchr(text, ')');
    if (behind) sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    return kernel;
}

static int task_file(pid_t tid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)tid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- a sample ---- */

static bool take_asleep(weft__sampler *s, weft__sample *out)
{
    told before, after;
    uintptr_t sp, pc;
    if (!tell(s->syscall_file, &before) || !is_asleep(&before) || !position(&before, &sp, &pc)) return false;
    s->copied = weft__os_peek(sp, s->copy, sizeof s->copy);
    if (!s->copied || !tell(s->syscall_file, &after) || strcmp(before.text, after.text) != 0) return false;
    *out = (weft__sample){ .asleep = true };
    out->regs.pc = pc;
    out->regs.r[WEFT__REG_SP] = sp;
    out->regs.known = (uint64_t)1 << WEFT__REG_SP;
    out->stack = (weft__stack_bytes){ .low = sp, .size = s->copied, .bytes = s->copy };
    return true;
}

static void pause_ns(long ns)
{
    struct timespec t = { .tv_nsec = ns };
    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* Takes back what was wanted; true when it came in the last moment. */
static bool give_up(weft__sampler *s)
{
    int wanted = WANTED;
    timer_set(s, 0);
    if (atomic_compare_exchange_strong(&s->state, &wanted, IDLE)) return false;
    while (atomic_load(&s->state) == COPYING) pause_ns(TRY_NS / 10);
    return true;
}

static bool is_ending(weft__sampler *s)
{
    pthread_mutex_lock(&s->lock);
    bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return stop;
}

static bool take_running(weft__sampler *s, weft__sample *out)
{
    unsigned long ticks = kernel_ticks(s);
    if (!s->has_timer) return false;
    if (!s->calls_are_safe) pause_ns(20 * TRY_NS);
    if (!s->calls_are_safe && kernel_ticks(s) != ticks) return false;
    atomic_store(&s->state, WANTED);
    timer_set(s, 1000);
    int64_t enough = weft__sampler_cpu_ns(s) + CPU_ENOUGH_NS;
    for (int i = 0; i < TRIES && atomic_load(&s->state) != TAKEN; i++) {
        pause_ns(TRY_NS);
        if (weft__sampler_asleep(s) || is_ending(s) || weft__sampler_cpu_ns(s) > enough) break;
    }
    if (!give_up(s)) return false;
    atomic_store(&s->state, IDLE);
    *out = (weft__sample){ .regs = s->regs };
    out->stack = (weft__stack_bytes){ .low = s->regs.r[WEFT__REG_SP], .size = s->copied, .bytes = s->copy };
    return s->copied > 0;
}

bool weft__sampler_take(weft__sampler *s, weft__sample *out)
{
    return take_asleep(s, out) || take_running(s, out) || take_asleep(s, out);
}

/* ---- the thread ---- */

static struct timespec after_ms(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static bool wait_for_next(weft__sampler *s)
{
    struct timespec until = after_ms(s->period_ms);
    pthread_mutex_lock(&s->lock);
    while (!s->stop && pthread_cond_timedwait(&s->ended, &s->lock, &until) != ETIMEDOUT) continue;
    pthread_mutex_unlock(&s->lock);
    return !is_ending(s);
}

static void *sampler_main(void *arg)
{
    weft__sampler *s = arg;
    pthread_setname_np(pthread_self(), "weft-watchdog");
    while (wait_for_next(s)) s->look(s, s->ctx);
    return NULL;
}

static bool thread_start(weft__sampler *s)
{
    sigset_t all, before;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) return false;
    pthread_attr_setstacksize(&attr, THREAD_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&s->thread, &attr, sampler_main, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return started;
}

void weft__sampler_free(weft__sampler *s)
{
    if (!s) return;
    if (s->has_timer) timer_delete(s->timer);
    of_this_thread = NULL;
    if (s->syscall_file >= 0) close(s->syscall_file);
    if (s->stat_file >= 0) close(s->stat_file);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    weft__free(s);
}

weft__sampler *weft__sampler_start(int period_ms, weft__look_fn *look, void *ctx)
{
    char probe = 0;
    pthread_condattr_t monotonic;
    weft__sampler *s = weft__calloc(sizeof *s);
    if (!s) return NULL;
    s->period_ms = period_ms;
    s->look = look;
    s->ctx = ctx;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->syscall_file = task_file(gettid(), "syscall");
    s->stat_file = task_file(gettid(), "stat");
    (void)weft__os_peek((uintptr_t)&probe, &probe, 0);
    of_this_thread = s;
    if (pthread_getcpuclockid(pthread_self(), &s->cpu) == 0) timer_init(s);
    if (thread_start(s)) return s;
    weft__sampler_free(s);
    return NULL;
}

void weft__sampler_stop(weft__sampler *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
}
