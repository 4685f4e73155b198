#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>
#include "os/os.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { NAME_MAX_SHOWN = 320 };

typedef const char *name_fn(const void *address);

static name_fn *_Atomic name_of_guard;
static struct sigaction before_segv, before_bus;

void weft__os_stderr(const char *bytes, size_t n)
{
    int keep = errno;
    while (n) {
        ssize_t put = write(STDERR_FILENO, bytes, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) break;
        bytes += put;
        n -= (size_t)put;
    }
    errno = keep;
}

/* A text of one write, made without anything that a signal handler must not call. */
typedef struct report { char text[768]; size_t len; } report;

static void say_some(report *r, const char *text, size_t most)
{
    while (*text && most-- && r->len < sizeof r->text) r->text[r->len++] = *text++;
}

static void say(report *r, const char *text) { say_some(r, text, sizeof r->text); }

static void say_hex(report *r, uintptr_t n)
{
    char digits[2 * sizeof n + 1] = { 0 };
    size_t at = sizeof digits - 1;
    do digits[--at] = "0123456789abcdef"[n % 16]; while (n /= 16);
    say(r, digits + at);
}

static void tell_overflow(const char *name, const void *address)
{
    report r = { .len = 0 };
    say(&r, "weft: stack overflow in task ");
    say_some(&r, name, NAME_MAX_SHOWN);
    say(&r, " (its guard was touched at 0x");
    say_hex(&r, (uintptr_t)address);
    say(&r, ")\n  Its stack is used up. Move large local variables to weft_alloc, bound the recursion,\n"
            "  or give tasks larger stacks. A debugger shows the frames: the process ends at the fault.\n");
    weft__os_stderr(r.text, r.len);
}

/* With the default action in place, returning runs the faulting instruction again, and the core shows it.
 * A signal that somebody sent does not come again by itself. */
static void die_by(int signal, const siginfo_t *info)
{
    struct sigaction act = { .sa_handler = SIG_DFL };
    sigaction(signal, &act, NULL);
    if (info->si_code <= 0) raise(signal);
}

static void pass_on(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *before = signal == SIGBUS ? &before_bus : &before_segv;
    if (before->sa_flags & SA_SIGINFO) before->sa_sigaction(signal, info, context);
    else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) die_by(signal, info);
    else before->sa_handler(signal);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    name_fn *name_of = atomic_load(&name_of_guard);
    const char *name = info->si_code > 0 && name_of ? name_of(info->si_addr) : NULL;
    if (!name) {
        pass_on(signal, info, context);
        return;
    }
    tell_overflow(name, info->si_addr);
    die_by(signal, info);
}

void weft__os_guard_report(name_fn *name_of)
{
    if (atomic_exchange(&name_of_guard, name_of)) return;
    struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigemptyset(&act.sa_mask);
    sigaction(SIGSEGV, &act, &before_segv);
    sigaction(SIGBUS, &act, &before_bus);
}

/* Room for the frame that the kernel saves (large vector registers), and for a sanitizer that reports. */
static size_t signal_stack_bytes(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = getauxval(AT_MINSIGSTKSZ) + 64 * 1024;
    return (n + page - 1) / page * page;
}

int weft__os_signal_stack(void **keep)
{
    stack_t now, own = { .ss_size = signal_stack_bytes() };
    *keep = NULL;
    /* A sanitizer gave the thread one already, and takes it back at the thread's end. */
    if (!sigaltstack(NULL, &now) && !(now.ss_flags & SS_DISABLE)) return 0;
    own.ss_sp = mmap(NULL, own.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (own.ss_sp == MAP_FAILED) return WEFT_ENOMEM;
    if (sigaltstack(&own, NULL) < 0) {
        int rc = -errno;
        munmap(own.ss_sp, own.ss_size);
        return rc;
    }
    *keep = own.ss_sp;
    return 0;
}

void weft__os_signal_stack_free(void *keep)
{
    if (!keep) return;
    stack_t now, none = { .ss_flags = SS_DISABLE };
    if (!sigaltstack(NULL, &now) && now.ss_sp == keep) sigaltstack(&none, NULL);
    munmap(keep, signal_stack_bytes());
}
