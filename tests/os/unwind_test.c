/* Stacks read from outside: of threads that sleep in calls, that compute, that wait for others. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "os/peek.h"
#include "os/sampler.h"
#include "os/unwind.h"
#include "weft/check.h"

enum { DEPTH = 48, TEXT = 8192 };

#define KEEP __attribute__((noinline, noclone))
#if defined __clang__
#undef KEEP
#define KEEP __attribute__((noinline))
#endif

/* Callees must not be called in a tail. */
static volatile int after_call;

/* "inner outer thread ..." of the pcs, with inlined ones. */
static void names_of(const uintptr_t *pcs, int n, char *text, size_t room)
{
    size_t len = 0;
    text[0] = 0;
    for (int i = 0; i < n; i++) {
        weft__place places[8];
        int k = weft__places_of(pcs[i], places, 8);
        for (int j = 0; j < k && len < room; j++) {
            char place[300];
            weft__place_format(&places[j], place, sizeof place);
            len += (size_t)snprintf(text + len, room - len, "%s\n", place);
        }
    }
}

/* The names stand in the text in this order. */
static bool in_order(const char *text, const char *const *names)
{
    const char *at = text;
    for (; *names; names++) {
        at = strstr(at, *names);
        if (!at) return false;
        at += strlen(*names);
    }
    return true;
}
#define CHECK_ORDER(text, ...) \
    WEFT_CHECK(in_order((text), (const char *const[]){ __VA_ARGS__, NULL }) || (fputs((text), stderr), false))

/* ---- by the registers of this thread ---- */

static char own[TEXT];
static uintptr_t caller;                 /* a function of less than 256 bytes, and whether it is among the calls */
static bool seen;

KEEP static int innermost(bool all_registers)
{
    ucontext_t uc;
    weft__registers r;
    uintptr_t pcs[DEPTH];
    WEFT_NEED(getcontext(&uc) == 0);
    weft__registers_of(&uc, &r);
    if (!all_registers) r.known = (uint64_t)1 << WEFT__REG_SP;
    uintptr_t sp = r.r[WEFT__REG_SP];
    static uintptr_t copy[2048];
    weft__stack_bytes s = { sp, weft__os_peek(sp, copy, sizeof copy), copy };
    int n = weft__unwind(&r, &s, pcs, DEPTH);
    for (int i = 0; i < n; i++) seen |= pcs[i] > caller && pcs[i] <= caller + 256;
    names_of(pcs, n, own, sizeof own);
    return 1;
}
KEEP static int in_the_middle(bool all) { int n = innermost(all); after_call++; return n + 1; }
KEEP static int outermost(bool all) { int n = in_the_middle(all); after_call++; return n + 1; }

WEFT_TEST(the_caller_is_among_the_calls)
{
    caller = (uintptr_t)in_the_middle;
    WEFT_CHECK_EQ(outermost(true), 3);
    WEFT_CHECK(seen);
}

static bool by_tables(void)
{
    weft__place p;
    weft__places_of((uintptr_t)outermost, &p, 1);
    return p.line > 0;
}
#define NEED_TABLES() do { if (!by_tables()) WEFT_SKIP("built without libdw"); } while (0)

WEFT_TEST(the_calls_of_a_full_register_set_are_told_with_file_and_line)
{
    NEED_TABLES();
    WEFT_CHECK_EQ(outermost(true), 3);
    CHECK_ORDER(own, "innermost (unwind_test.c:", "in_the_middle (unwind_test.c:", "outermost (unwind_test.c:",
        "the_calls_of_a_full_register_set_are_told_with_file_and_line (unwind_test.c:");
}

WEFT_TEST(with_pc_and_sp_alone_the_calls_are_found_too)
{
    NEED_TABLES();
    WEFT_CHECK_EQ(outermost(false), 3);
    CHECK_ORDER(own, "innermost (unwind_test.c:", "in_the_middle (unwind_test.c:", "outermost (unwind_test.c:");
}

static inline __attribute__((always_inline)) int inlined(bool all) { int n = innermost(all); after_call++; return n; }
KEEP static int inlines(bool all) { int n = inlined(all); after_call++; return n; }

WEFT_TEST(what_was_inlined_has_its_own_line)
{
    NEED_TABLES();
    WEFT_CHECK_EQ(inlines(true), 1);
    CHECK_ORDER(own, "innermost (unwind_test.c:", "inlined (unwind_test.c:", "inlines (unwind_test.c:");
}

/* ---- of another thread ---- */

typedef struct watched {
    int (*work)(void);
    atomic_int began, ended, samples, asleep;
    int rc;
    char text[TEXT];
    bool by_signal;                      /* only a sample of it running will do; else of it asleep */
} watched;

static watched w;
static int pipe_fds[2];
static atomic_bool enough;

static void look(weft__sampler *s, void *ctx)
{
    (void)ctx;
    weft__sample sample;
    uintptr_t pcs[DEPTH];
    if (!w.began || w.ended || w.samples || !weft__sampler_take(s, &sample)) return;
    if (sample.asleep == w.by_signal) return;
    names_of(pcs, weft__unwind(&sample.regs, &sample.stack, pcs, DEPTH), w.text, sizeof w.text);
    w.asleep = sample.asleep;
    w.samples++;
}

KEEP static int do_work(void) { int rc = w.work(); after_call++; return rc; }

static void *watched_main(void *arg)
{
    (void)arg;
    weft__sampler *s = weft__sampler_start(10, look, NULL);
    WEFT_NEED(s != NULL);
    w.began = 1;
    w.rc = do_work();
    w.ended = 1;
    weft__sampler_stop(s);
    weft__sampler_free(s);
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void watch(int (*work)(void))
{
    pthread_t t;
    w.work = work;
    WEFT_NEED(pipe(pipe_fds) == 0);
    WEFT_NEED(pthread_create(&t, NULL, watched_main, NULL) == 0);
    for (double end = now() + 10; !w.samples && now() < end;) usleep(5000);
    atomic_store(&enough, true);
    WEFT_CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
    pthread_join(t, NULL);
}

KEEP static int sleeps(void) { int left = usleep(300000); after_call++; return left; }
KEEP static int sleeps_whole(void)
{
    double began = now();
    int left = (int)sleep(1);
    after_call++;
    return left == 0 && now() - began >= 1;
}
KEEP static int reads(void) { char c; int n = (int)read(pipe_fds[0], &c, 1); after_call++; return n; }
KEEP static int computes(void)
{
    unsigned n = 0;
    for (double end = now() + 10; !atomic_load(&enough) && now() < end;) for (int i = 0; i < 100000; i++) after_call++, n++;
    return n > 0;
}

static bool emulated(void)
{
    /* qemu-user shows what its own threads do. */
    return access("/proc/self/task", F_OK) != 0 || !by_tables();
}

WEFT_TEST(a_thread_that_sleeps_shows_who_sleeps)
{
    if (emulated()) WEFT_SKIP("no look at threads here");
    watch(sleeps);
    WEFT_CHECK(w.asleep);
    WEFT_CHECK_EQ(w.rc, 0);
    CHECK_ORDER(w.text, "sleeps (unwind_test.c:", "do_work (unwind_test.c:", "watched_main (unwind_test.c:");
}

WEFT_TEST(a_sleep_that_is_looked_at_lasts_its_whole_time)
{
    watch(sleeps_whole);
    WEFT_CHECK_EQ(w.rc, 1);
}

WEFT_TEST(a_thread_that_reads_shows_who_reads_and_gets_its_byte)
{
    if (emulated()) WEFT_SKIP("no look at threads here");
#ifdef __SANITIZE_ADDRESS__
    WEFT_SKIP("the sanitizer's own read stands between, which cannot be followed without the registers of a sleeping thread");
#endif
    watch(reads);
    WEFT_CHECK(w.asleep);
    WEFT_CHECK_EQ(w.rc, 1);
    CHECK_ORDER(w.text, "reads (unwind_test.c:", "do_work (unwind_test.c:", "watched_main (unwind_test.c:");
}

WEFT_TEST(a_thread_that_computes_shows_what)
{
    if (emulated()) WEFT_SKIP("no look at threads here");
    w.by_signal = true;
    watch(computes);
    WEFT_CHECK(!w.asleep);
    WEFT_CHECK_EQ(w.rc, 1);
    CHECK_ORDER(w.text, "computes (unwind_test.c:", "do_work (unwind_test.c:", "watched_main (unwind_test.c:");
}

/* ---- memory that may be gone ---- */

static void read_what_is_there(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), to[64];
    WEFT_NEED(two != MAP_FAILED && !munmap(two + page, page));
    memset(two, 'a', page);
    WEFT_CHECK_EQ(weft__os_peek((uintptr_t)two, to, sizeof to), sizeof to);
    WEFT_CHECK(to[0] == 'a' && to[63] == 'a');
    WEFT_CHECK_EQ(weft__os_peek((uintptr_t)two + page - 10, to, sizeof to), 10);
    WEFT_CHECK_EQ(weft__os_peek((uintptr_t)two + page, to, sizeof to), 0);
    WEFT_CHECK_EQ(weft__os_peek(8, to, sizeof to), 0);
    munmap(two, page);
}

WEFT_TEST(memory_is_read_as_far_as_it_is_there) { read_what_is_there(); }

WEFT_TEST(memory_is_read_from_a_file_where_the_call_is_forbidden)
{
    weft__os_peek_by_file(true);
    read_what_is_there();
    if (by_tables()) WEFT_CHECK_EQ(outermost(false), 3);
    weft__os_peek_by_file(false);
    read_what_is_there();
}
