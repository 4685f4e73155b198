#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/os.h"
#include "scratch.h"
#include "weft/check.h"

void __asan_init(void) __attribute__((weak));
void __tsan_init(void) __attribute__((weak));

/* ---- children that are meant to die ---- */

typedef struct death { int status; char said[4096]; } death;

static death dies(void (*child)(void))
{
    death d = { 0 };
    int pipes[2];
    WEFT_NEED(pipe(pipes) == 0);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        dup2(pipes[1], 2);
        close(pipes[0]);
        close(pipes[1]);
        alarm(30);
        child();
        _exit(99);
    }
    close(pipes[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(pipes[0], d.said + len, sizeof d.said - 1 - len)) > 0;) len += (size_t)n;
    close(pipes[0]);
    WEFT_CHECK_EQ(waitpid(pid, &d.status, 0), pid);
    return d;
}

static bool by_signal(const death *d, int signal)
{
    return WIFSIGNALED(d->status) && WTERMSIG(d->status) == signal;
}

/* ---- slabs ---- */

enum { STACKS = 4 };
static char *slab;
static size_t stack_size, guard_size;

static void map(void)
{
    stack_size = 16 * weft__os_page();
    guard_size = 4 * weft__os_page();
    slab = weft__os_stacks_map(STACKS, stack_size, guard_size);
    WEFT_NEED(slab != NULL);
}

static void unmap(void) { weft__os_stacks_unmap(slab, STACKS, stack_size); }

static const char *name_of(const void *address)
{
    if (!slab || (const char *)address < slab || (const char *)address >= slab + STACKS * stack_size) return NULL;
    size_t at = (size_t)((const char *)address - slab);
    static const char *const names[STACKS] = { "alfa", "bravo", "charlie", "delta" };
    return at % stack_size < guard_size ? names[at / stack_size] : NULL;
}

static volatile size_t touched_at;

static void touch(void)
{
    void *keep;
    weft__os_signal_stack(&keep);
    weft__os_guard_report(name_of);
    *(volatile char *)(slab + touched_at) = 1;
}

static void check_guard(size_t stack, size_t offset, const char *report)
{
    touched_at = stack * stack_size + offset;
    death d = dies(touch);
    WEFT_CHECK(by_signal(&d, SIGSEGV));
    if (!strstr(d.said, report)) weft__check_fail(__FILE__, __LINE__, "expected '%s' in: %s", report, d.said);
}

static void check_guards(void)
{
    check_guard(0, 0, "weft: stack overflow in task alfa");
    check_guard(0, guard_size - 1, "weft: stack overflow in task alfa");
    check_guard(3, 0, "weft: stack overflow in task delta");
    check_guard(2, guard_size - 1, "weft: stack overflow in task charlie");
    check_guard(1, weft__os_page(), "Move large local variables to weft_alloc");
}

static void check_use(void)
{
    for (size_t i = 0; i < STACKS; i++) {
        char *low = slab + i * stack_size + guard_size;
        for (size_t k = 0; k < stack_size - guard_size; k++) WEFT_NEED(low[k] == 0);
        memset(low, 0x5a, stack_size - guard_size);
    }
}

WEFT_TEST(a_guard_faults_and_the_task_is_named)
{
    map();
    check_use();
    check_guards();
    unmap();
}

WEFT_TEST(a_protected_guard_faults_and_the_task_is_named)
{
    weft__os_guards_by_mprotect(true);
    WEFT_CHECK(!weft__os_guards_are_free());
    map();
    check_use();
    check_guards();
    unmap();
}

static void check_clean(void)
{
    check_use();
    for (size_t i = 0; i < STACKS; i++) weft__os_stack_clean(slab + i * stack_size, stack_size);
    check_use();
    for (size_t i = 0; i < STACKS; i++)
        weft__os_stack_clean(slab + i * stack_size + guard_size, stack_size - guard_size);
    check_use();
    check_guards();
}

WEFT_TEST(a_cleaned_stack_is_zero_and_keeps_its_guard)
{
    map();
    check_clean();
    unmap();
}

WEFT_TEST(a_cleaned_stack_keeps_its_protected_guard)
{
    weft__os_guards_by_mprotect(true);
    map();
    check_clean();
    unmap();
}

static long resident_pages(const char *low, size_t n)
{
    static unsigned char in[4096];
    size_t pages = n / weft__os_page();
    long count = 0;
    WEFT_NEED(pages <= sizeof in && mincore((void *)low, n, in) == 0);
    for (size_t i = 0; i < pages; i++) count += in[i] & 1;
    return count;
}

/* With huge pages one touched byte would commit 2 MiB. */
WEFT_TEST(a_stack_costs_the_pages_that_were_touched_and_none_once_cleaned)
{
    size_t page = weft__os_page(), size = 4096 * page;
    char *big = weft__os_stacks_map(4, size, page);
    WEFT_NEED(big != NULL);
    for (size_t i = 0; i < 4; i++) big[(i + 1) * size - 1] = 1;
    for (size_t i = 0; i < 4; i++) {
        char *low = big + i * size + page;
        WEFT_CHECK_EQ(resident_pages(low, size - page), 1);
        weft__os_stack_clean(low, size - page);
        WEFT_CHECK_EQ(resident_pages(low, size - page), 0);
    }
    weft__os_stacks_unmap(big, 4, size);
    WEFT_CHECK(mincore(big, page, &(unsigned char){ 0 }) < 0 && errno == ENOMEM);
}

static long mappings(void)
{
    long n = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    WEFT_NEED(f != NULL);
    for (int c; (c = getc(f)) != EOF;) n += c == '\n';
    fclose(f);
    return n;
}

WEFT_TEST(a_free_guard_costs_no_mapping_and_a_protected_one_two)
{
    size_t page = weft__os_page();
    bool are_free = weft__os_guards_are_free();
    long before = mappings();
    void *many = weft__os_stacks_map(500, 4 * page, page);
    WEFT_NEED(many != NULL);
    long more = mappings() - before;
    WEFT_CHECK(are_free ? more < 10 : more >= 999);
    weft__os_stacks_unmap(many, 500, 4 * page);
}

WEFT_TEST(too_many_mappings_are_told_from_no_memory)
{
    long max = 0;
    size_t page = weft__os_page();
    const char *preload = getenv("LD_PRELOAD");
    bool tool = __tsan_init || (preload && strstr(preload, "vgpreload"));    /* they need mappings themselves */
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
    if (f) {
        WEFT_CHECK_EQ(fscanf(f, "%ld", &max), 1);
        fclose(f);
    }
    weft__os_guards_by_mprotect(true);
    errno = 0;
    size_t count = (size_t)max / 2 + 100;
    if (max > 0 && max < 200000 && !tool) {
        WEFT_CHECK(weft__os_stacks_map(count, 2 * page, page) == NULL);
        WEFT_CHECK_EQ(errno, EMFILE);
    }
    if (!tool) {
        WEFT_CHECK(weft__os_stacks_map((size_t)1 << 40, 1 << 20, page) == NULL);
        WEFT_CHECK_EQ(errno, ENOMEM);
    }
    map();      /* what was taken for the attempts was given back */
    unmap();
}

WEFT_TEST(slabs_that_make_no_sense_are_refused)
{
    size_t page = weft__os_page();
    const struct { size_t count, size, guard; } bad[] = {
        { 0, 4 * page, page }, { 1, 0, 0 }, { 1, 4 * page + 1, page }, { 1, 4 * page, 1 }, { 1, page, page },
        { 1, page, 2 * page }, { SIZE_MAX / 4, 8 * page, page },
    };
    for (size_t i = 0; i < weft_count(bad); i++) {
        errno = 0;
        WEFT_CHECK(weft__os_stacks_map(bad[i].count, bad[i].size, bad[i].guard) == NULL);
        WEFT_CHECK_EQ(errno, EINVAL);
    }
    weft__os_stacks_unmap(NULL, 1, page);
    char *bare = weft__os_stacks_map(1, page, 0);
    WEFT_NEED(bare != NULL);
    bare[0] = 1;
    weft__os_stacks_unmap(bare, 1, page);
}

/* ---- a real overflow ---- */

static volatile int depth;

__attribute__((noinline)) static int recurse(int n)
{
    volatile char room[512];
    room[0] = (char)n;
    depth = n;
    return depth < 0 ? 0 : recurse(n + 1) + room[0];
}

static void *overflow(void *arg)
{
    void *keep;
    weft__os_signal_stack(&keep);
    recurse(0);
    return arg;
}

/* A thread on a stack of ours runs into the guard below it. */
static void overflow_stack_2(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    size_t page = weft__os_page(), size = 2048 * 1024;     /* TSan wants one for itself */
    stack_size = size;
    guard_size = 16 * page;
    slab = weft__os_stacks_map(STACKS, stack_size, guard_size);
    weft__os_guard_report(name_of);
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, slab + 2 * size + guard_size, size - guard_size);
    if (pthread_create(&thread, &attr, overflow, NULL)) _exit(98);
    pthread_join(thread, NULL);
}

WEFT_TEST(a_deep_recursion_ends_in_a_report)
{
    death d = dies(overflow_stack_2);
    WEFT_CHECK(by_signal(&d, SIGSEGV));
    WEFT_CHECK(strstr(d.said, "weft: stack overflow in task charlie (its guard was touched at 0x") != NULL);
    WEFT_CHECK(strstr(d.said, "Sanitizer") == NULL);
}

/* ---- faults that are nobody's guard ---- */

static volatile char *volatile nowhere = (char *)16;

static void null_pointer(void)
{
    void *keep;
    weft__os_signal_stack(&keep);
    weft__os_guard_report(name_of);
    *nowhere = 1;
}

WEFT_TEST(a_fault_elsewhere_is_not_reported_as_an_overflow)
{
    death d = dies(null_pointer);
    WEFT_CHECK(strstr(d.said, "overflow in task") == NULL);
    if (__asan_init || __tsan_init) WEFT_CHECK(strstr(d.said, "Sanitizer") != NULL);
    else WEFT_CHECK(by_signal(&d, SIGSEGV));
}

static void own_handler(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    _exit(info->si_addr == (void *)16 ? 42 : 43);
}

static void own_handler_first(void)
{
    struct sigaction act = { .sa_sigaction = own_handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &act, NULL);
    null_pointer();
}

WEFT_TEST(a_fault_elsewhere_goes_to_the_handler_from_before)
{
    death d = dies(own_handler_first);
    WEFT_CHECK(WIFEXITED(d.status));
    WEFT_CHECK_EQ(WEXITSTATUS(d.status), 42);
}

static void plain_handler(int signal) { _exit(signal == SIGBUS ? 44 : 45); }

static void bus_error_sent(void)
{
    signal(SIGBUS, plain_handler);
    weft__os_guard_report(name_of);
    raise(SIGBUS);
}

WEFT_TEST(a_bus_error_goes_to_its_own_handler_from_before)
{
    death d = dies(bus_error_sent);
    WEFT_CHECK(WIFEXITED(d.status));
    WEFT_CHECK_EQ(WEXITSTATUS(d.status), 44);
}

static void segv_sent(void)
{
    signal(SIGSEGV, SIG_DFL);
    weft__os_guard_report(name_of);
    kill(getpid(), SIGSEGV);
    usleep(1000000);
}

/* It does not come again by itself, as a fault does. */
WEFT_TEST(a_segv_that_somebody_sent_still_kills)
{
    death d = dies(segv_sent);
    WEFT_CHECK(by_signal(&d, SIGSEGV));
}

static const char *everything(const void *address) { return (void)address, "zulu"; }

static void later_name_of(void)
{
    weft__os_guard_report(name_of);
    weft__os_guard_report(everything);
    null_pointer();
}

static void later_name_of_wins(void)
{
    void *keep;
    weft__os_signal_stack(&keep);
    weft__os_guard_report(name_of);
    weft__os_guard_report(everything);
    *nowhere = 1;
}

WEFT_TEST(the_last_one_who_names_is_asked)
{
    death d = dies(later_name_of_wins);
    WEFT_CHECK(strstr(d.said, "overflow in task zulu") != NULL);
    WEFT_CHECK(by_signal(&d, SIGSEGV));
    d = dies(later_name_of);
    WEFT_CHECK(strstr(d.said, "overflow in task") == NULL);
}

static char long_name[5000];
static const char *very_long(const void *address) { return (void)address, long_name; }

static void long_name_touch(void)
{
    memset(long_name, 'n', sizeof long_name - 1);
    weft__os_guard_report(very_long);
    *nowhere = 1;
}

WEFT_TEST(a_very_long_name_is_cut)
{
    death d = dies(long_name_touch);
    WEFT_CHECK(by_signal(&d, SIGSEGV));
    WEFT_CHECK(strlen(d.said) > 100 && strlen(d.said) < 1000);
    WEFT_CHECK(strstr(d.said, "Move large local variables") != NULL);
}

/* ---- signal stacks ---- */

static void *has_signal_stack(void *arg)
{
    stack_t now;
    void *keep, *second;
    WEFT_CHECK_EQ(weft__os_signal_stack(&keep), 0);
    WEFT_CHECK_EQ(sigaltstack(NULL, &now), 0);
    WEFT_CHECK(!(now.ss_flags & SS_DISABLE));
    if (!__asan_init && !__tsan_init) WEFT_CHECK(now.ss_sp == keep && now.ss_size >= 64 * 1024);
    WEFT_CHECK_EQ(weft__os_signal_stack(&second), 0);
    WEFT_CHECK(second == NULL);
    weft__os_signal_stack_free(second);
    bool ours = keep != NULL;
    weft__os_signal_stack_free(keep);
    WEFT_CHECK_EQ(sigaltstack(NULL, &now), 0);
    WEFT_CHECK(!!(now.ss_flags & SS_DISABLE) == ours);
    return arg;
}

WEFT_TEST(a_thread_has_one_signal_stack_and_gives_it_back)
{
    pthread_t thread;
    has_signal_stack(NULL);
    WEFT_NEED(pthread_create(&thread, NULL, has_signal_stack, NULL) == 0);
    pthread_join(thread, NULL);
}

static void say_to_a_full_pipe(void)
{
    int pipes[2];
    enum { LOTS = 1 << 20 };
    char *lots = scratch(LOTS);
    WEFT_NEED(pipe2(pipes, O_NONBLOCK) == 0);
    dup2(pipes[1], 2);
    errno = 17;
    weft__os_stderr(lots, LOTS);
    _exit(errno == 17 ? 55 : 56);
}

WEFT_TEST(a_report_to_a_full_pipe_does_not_wait)
{
    death d = dies(say_to_a_full_pipe);
    WEFT_CHECK(WIFEXITED(d.status));
    WEFT_CHECK_EQ(WEXITSTATUS(d.status), 55);
}
