#define _GNU_SOURCE
#include "os/crash.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "os/os.h"
#include "os/peek.h"

enum { FRAMES_MAX = 48, LINE_BYTES = 400 };
static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

static struct {
    weft__black_box *box;
    unsigned number;
    pid_t of;
    weft__crash_describe_fn *describe;
    struct sigaction before[weft_count(fatal)];
    atomic_bool written;
} crash;

const char *weft__signal_name(int number, char room[24])
{
    static const struct { int number; const char *name; } names[] = {
        { SIGSEGV, "SIGSEGV" }, { SIGABRT, "SIGABRT" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" }, { SIGILL, "SIGILL" },
        { SIGKILL, "SIGKILL" }, { SIGTRAP, "SIGTRAP" }, { SIGSYS, "SIGSYS" }, { SIGPIPE, "SIGPIPE" }, { SIGTERM, "SIGTERM" },
        { SIGALRM, "SIGALRM" }, { SIGPROF, "SIGPROF" }, { SIGXCPU, "SIGXCPU" }, { SIGXFSZ, "SIGXFSZ" }, { SIGHUP, "SIGHUP" },
        { SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" }, { SIGQUIT, "SIGQUIT" }, { SIGINT, "SIGINT" },
    };
    for (size_t i = 0; i < weft_count(names); i++)
        if (names[i].number == number) return names[i].name;
    snprintf(room, 24, "signal %d", number);
    return room;
}

/* ---- in the handler ---- */

typedef struct line { char text[LINE_BYTES + 400]; size_t len; } line;

static void say(line *l, const char *text)
{
    while (*text && l->len < sizeof l->text) l->text[l->len++] = *text++;
}

static void say_number(line *l, uint64_t n, unsigned base)
{
    char digits[24] = { 0 };
    size_t at = sizeof digits - 1;
    do digits[--at] = "0123456789abcdef"[n % base]; while (n /= base);
    say(l, digits + at);
}

static const char *name_of(int signal)
{
    static const char *const names[] = { "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS" };
    for (size_t i = 0; i < weft_count(fatal); i++)
        if (fatal[i] == signal) return names[i];
    return "a signal";
}

static void say_who(const weft__black_box *b, bool fault)
{
    line l = { .len = 0 };
    say(&l, "weft: worker ");
    say_number(&l, crash.number, 10);
    say(&l, " (pid ");
    say_number(&l, (uint64_t)getpid(), 10);
    say(&l, ") crashed: ");
    say(&l, name_of(b->signal));
    if (fault) {
        say(&l, " at 0x");
        say_number(&l, b->address, 16);
    }
    say(&l, " in ");
    say(&l, b->work[0] ? b->work : "no request");
    if (b->task[0]) {
        say(&l, " (task ");
        say(&l, b->task);
        say(&l, ")");
    }
    say(&l, "\n");
    weft__os_stderr(l.text, l.len);
}

/* Where the stack begins to be readable: an overflow's pointer lies in the guard below it. */
static void copy_stack(weft__black_box *b)
{
    enum { STEP = 4096, TRIES = 64 };
    uintptr_t sp = (uintptr_t)b->regs.r[WEFT__REG_SP] & ~(uintptr_t)15;
    for (int i = 0; i < TRIES; i++) {
        size_t got = weft__os_peek(sp, b->stack, sizeof b->stack);
        if (got) {
            b->low = sp;
            b->size = got & ~(size_t)15;
            return;
        }
        sp = (sp + STEP) & ~(uintptr_t)(STEP - 1);
    }
    b->size = 0;
}

static void write_box(int number, const siginfo_t *info, const void *context)
{
    weft__black_box *b = crash.box;
    bool fault = info->si_code > 0 && number != SIGABRT && number != SIGTRAP;
    b->signal = number;
    b->address = fault ? (uint64_t)(uintptr_t)info->si_addr : 0;
    weft__registers_of(context, &b->regs);
    b->size = b->mark = 0;
    b->work[0] = b->task[0] = 0;
    __atomic_store_n(&b->full, 1, __ATOMIC_RELEASE);         /* what follows looks at memory that may be broken */
    copy_stack(b);
    if (crash.describe) crash.describe(b);
    say_who(b, fault);
}

static void pass_on(size_t which, int number, siginfo_t *info, void *context)
{
    const struct sigaction *before = &crash.before[which];
    struct sigaction usual = { .sa_handler = SIG_DFL };
    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
        return;
    }
    if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(number);
        return;
    }
    /* Returning runs the faulting instruction again, and the core shows it; what somebody sent does not come again, and behind a breakpoint it would go on. */
    sigaction(number, &usual, NULL);
    if (info->si_code <= 0 || number == SIGTRAP) raise(number);
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    size_t which = 0;
    while (which + 1 < weft_count(fatal) && fatal[which] != number) which++;
    if (crash.of == getpid() && !atomic_exchange(&crash.written, true)) write_box(number, info, context);
    pass_on(which, number, info, context);
}

void weft__crash_watch(weft__black_box *box, unsigned number, weft__crash_describe_fn *describe)
{
    struct sigaction act = { .sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    char probe;
    sigemptyset(&act.sa_mask);
    (void)weft__os_peek((uintptr_t)&number, &probe, 1);      /* the first call is not for a handler */
    crash.box = box;
    crash.number = number;
    crash.of = getpid();
    crash.describe = describe;
    atomic_store(&crash.written, false);
    __atomic_store_n(&box->full, 0, __ATOMIC_RELAXED);
    for (size_t i = 0; i < weft_count(fatal); i++) sigaction(fatal[i], &act, &crash.before[i]);
}

void weft__crash_forget(void)
{
    if (!crash.box) return;
    for (size_t i = 0; i < weft_count(fatal); i++) sigaction(fatal[i], &crash.before[i], NULL);
    crash.box = NULL;
}

/* ---- of who reads the box ---- */

static size_t add_line(char *to, size_t room, size_t len, const char *text, int times)
{
    char full[LINE_BYTES];
    int n = times > 1 ? snprintf(full, sizeof full, "  %s, %d times\n", text, times) : snprintf(full, sizeof full, "  %s\n", text);
    if (n < 0 || (size_t)n >= sizeof full || len + (size_t)n >= room) return len;
    memcpy(to + len, full, (size_t)n + 1);
    return len + (size_t)n;
}

size_t weft__crash_stack(const weft__black_box *box, char *to, size_t room)
{
    uintptr_t pcs[FRAMES_MAX];
    weft__place places[8];
    weft__registers regs = box->regs;
    char text[LINE_BYTES - 40], last[LINE_BYTES - 40] = "";
    size_t len = 0, size = box->size < sizeof box->stack ? box->size : sizeof box->stack;
    int times = 0;
    weft__stack_bytes stack = { (uintptr_t)box->low, size, box->stack };
    to[0] = 0;
    if (!size) return 0;
    int n = weft__unwind(&regs, &stack, pcs, FRAMES_MAX);
    for (int i = 0; i < n; i++) {
        int found = weft__places_of(pcs[i], places, (int)weft_count(places));
        for (int k = 0; k < found; k++) {
            weft__place_format(&places[k], text, sizeof text);
            if (times && strcmp(text, last) == 0) {
                times++;
                continue;
            }
            if (times) len = add_line(to, room, len, last, times);
            memcpy(last, text, sizeof last);
            times = 1;
        }
    }
    if (times) len = add_line(to, room, len, last, times);
    weft__unwind_forget();
    return len;
}
