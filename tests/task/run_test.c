/* weft_run: programs in a process of their own, their signals, and the report of an overflow. */
#define _GNU_SOURCE
#include "testing/verdict.h"
#include "world.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program in a child process: its stderr, and a pipe on which it tells how far it is. */
typedef struct program { pid_t pid; int err, progress; } program;
static int tell_fd = -1;
static void tell(char c) { WEFT_CHECK_EQ(write(tell_fd, &c, 1), 1); }

static program start(weft_call call)
{
    int err[2], progress[2];
    program p;
    WEFT_NEED(pipe(err) == 0 && pipe(progress) == 0);
    fflush(NULL);
    p.pid = fork();
    WEFT_NEED(p.pid >= 0);
    if (p.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        dup2(err[1], 2);
        tell_fd = progress[1];
        _exit(weft_run_with(call));
    }
    close(err[1]);
    close(progress[1]);
    p.err = err[0];
    p.progress = progress[0];
    return p;
}

static char next_progress(const program *p)
{
    char c = 0;
    return read(p->progress, &c, 1) == 1 ? c : 0;
}

static char output[64 * 1024];
static int finish(program *p)
{
    size_t len = 0;
    ssize_t n;
    int status = 0;
    while ((n = read(p->err, output + len, sizeof output - 1 - len)) > 0) len += (size_t)n;
    output[len] = 0;
    close(p->err);
    close(p->progress);
    WEFT_CHECK_EQ(waitpid(p->pid, &status, 0), p->pid);
    return status;
}

static int run(weft_call call)
{
    program p = start(call);
    return finish(&p);
}

static bool ends_within(const program *p, int ms)
{
    siginfo_t info = { 0 };
    for (int64_t end = world_real_ms() + ms; !info.si_pid && world_real_ms() < end; usleep(2000))
        WEFT_CHECK_EQ(waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT | WNOHANG), 0);
    return info.si_pid == p->pid;
}

#define CHECK_EXIT(status, code) do { int st = (status); \
    WEFT_CHECK(WIFEXITED(st)); WEFT_CHECK_EQ(WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st), (code)); } while (0)

static int do_well(void) { return weft_sleep_ms(2); }
static int return_a_number(void) { return 42; }
enum { ITEM_LINE = __LINE__ + 1 };
static int load_item(void) { return weft_fail(404, "no item 7"); }
static int do_badly(void) { WEFT_TRY(weft_sleep_ms(1)); WEFT_TRY(load_item(), "while loading"); return 0; }
static int fail_plainly(void) { return WEFT_ECONNREFUSED; }

WEFT_TEST(a_program_that_does_well_exits_with_0_and_says_nothing)
{
    CHECK_EXIT(run(weft_call(do_well)), 0);
#ifndef WEFT__STACK_CENSUS                           /* which has its say at the end */
    WEFT_CHECK_STR(weft_str_of(output), "");
#endif
    CHECK_EXIT(run(weft_call(return_a_number)), 0);
}

WEFT_TEST(a_program_that_fails_exits_with_1_and_prints_text_and_trace)
{
    char place[64];
    snprintf(place, sizeof place, "run_test.c:%d", ITEM_LINE + 1);
    CHECK_EXIT(run(weft_call(do_badly)), 1);
    WEFT_CHECK_EQ(world_count_in(output, "no item 7"), 1);
    WEFT_CHECK(world_count_in(output, place) >= 1);
    WEFT_CHECK_EQ(world_count_in(output, "while loading"), 1);
    CHECK_EXIT(run(weft_call(fail_plainly)), 1);
    WEFT_CHECK(output[0] != 0);
}

static int fail_as_a_peer_likes(void) { return weft_fail(502, "\033[2J\nweft: all is well"); }

WEFT_TEST(what_a_program_failed_with_makes_no_line_of_its_own)
{
    CHECK_EXIT(run(weft_call(fail_as_a_peer_likes)), 1);
    WEFT_CHECK_EQ(world_count_in(output, "\\x1b[2J\\nweft: all is well"), 1);
    WEFT_CHECK(!strchr(output, '\033'));
}

WEFT_TEST(weft_run_can_be_called_again)
{
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_run(do_well), 0);
    world_capture_begin();
    int status = weft_run(do_badly);
    world_capture_end();
    WEFT_CHECK_EQ(status, 1);
    WEFT_CHECK_EQ(weft_run(do_well), 0);
}

/* What closes all descriptors (a daemon's beginning) closes the poller too. */
static int close_the_poller(void)
{
    for (int fd = 3; fd < 64; fd++) {
        char path[32], what[32] = { 0 };
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, what, sizeof what - 1) > 0 && strstr(what, "eventpoll")) close(fd);
    }
    return weft_sleep_ms(FOREVER);
}

WEFT_TEST(a_loop_that_cannot_poll_says_so_and_ends_the_process)
{
    program p = start(weft_call(close_the_poller));
    bool ended = ends_within(&p, 5000 * (int)weft__test_slower());
    WEFT_CHECK(ended);
    if (!ended) kill(p.pid, SIGKILL);
    int status = finish(&p);
    WEFT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    WEFT_CHECK_EQ(world_count_in(output, "the loop cannot wait"), 1);
}

/* ---- signals ---- */

static int wait_and_clean_up(void)
{
    tell('r');
    int rc = weft_sleep_ms(FOREVER);
    WEFT_CHECK_EQ(rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_sleep_ms(FOREVER), WEFT_ECANCELED);
    WEFT_SCOPE(cleanup, .shield = true, .timeout_ms = FOREVER);
    WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
    tell('c');
    return 0;
}

static void signal_once(int number)
{
    program p = start(weft_call(wait_and_clean_up));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    WEFT_CHECK_EQ(kill(p.pid, number), 0);
    WEFT_CHECK_EQ(next_progress(&p), 'c');
    CHECK_EXIT(finish(&p), 0);
}
WEFT_TEST(b45_sigint_cancels_the_program_which_may_clean_up) { signal_once(SIGINT); }
WEFT_TEST(b45_sigterm_cancels_the_program_which_may_clean_up) { signal_once(SIGTERM); }

static int pass_the_cancel_on(void)
{
    tell('r');
    WEFT_TRY(weft_sleep_ms(FOREVER));
    return 0;
}

WEFT_TEST(b45_a_program_that_passes_the_cancel_of_a_signal_on_ends_in_order)
{
    program p = start(weft_call(pass_the_cancel_on));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    kill(p.pid, SIGTERM);
    int status = finish(&p);
    WEFT_CHECK(WIFEXITED(status));
}

static int clean_up_for_ever(void)
{
    tell('r');
    world_ignore(weft_sleep_ms(FOREVER));
    WEFT_SCOPE(cleanup, .shield = true);
    tell('c');
    world_ignore(weft_sleep_ms(FOREVER));
    tell('x');
    return 0;
}

static int stay(void) { return weft_sleep_ms(FOREVER); }

/* The signal comes while a task runs, after its last call that anybody could have looked for signals in. */
static int signal_myself_and_await(void)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, stay);
    WEFT_CHECK_EQ(weft_yield(), 0);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGTERM);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    tell('c');
    return 0;
}

WEFT_TEST(b45_a_signal_that_comes_just_before_a_wait_is_heard)
{
    program p = start(weft_call(signal_myself_and_await));
    WEFT_CHECK_EQ(next_progress(&p), 'c');
    CHECK_EXIT(finish(&p), 0);
}

static void signal_twice(int first, int second)
{
    program p = start(weft_call(clean_up_for_ever));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    kill(p.pid, first);
    WEFT_CHECK_EQ(next_progress(&p), 'c');
    kill(p.pid, second);
    WEFT_CHECK_EQ(next_progress(&p), 0);
    int status = finish(&p);
    WEFT_CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}
WEFT_TEST(b45_a_second_signal_ends_a_program_whose_clean_up_hangs)
{
    signal_twice(SIGINT, SIGINT);
    signal_twice(SIGTERM, SIGINT);
}

/* ThreadSanitizer holds a signal back until the program makes a call that blocks. */
static void let_signals_in(void)
{
    if (WORLD_SANITIZED) usleep(1);
}

static int compute_for_ever(void)
{
    tell('r');
    for (volatile unsigned i = 0;; i++) let_signals_in();
    return 0;
}

/* The loop cannot turn, so the signals cannot be told to it; the process still has to end. */
WEFT_TEST(b45_a_second_signal_ends_a_program_that_never_waits)
{
    program p = start(weft_call(compute_for_ever));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    kill(p.pid, SIGTERM);
    usleep(1100000);                                  /* two close together count as one */
    /* Again and again: a busy machine may have delivered the first one late. */
    bool ended = false;
    for (int i = 0; i < 100 && !ended; i++) {
        kill(p.pid, SIGTERM);
        ended = ends_within(&p, 100);
    }
    WEFT_CHECK(ended);
    if (!ended) kill(p.pid, SIGKILL);
    finish(&p);
}

/* Whoever reads our stderr has stopped. */
static void fill_stderr(void)
{
    char bytes[4096] = { 0 };
    int flags = fcntl(2, F_GETFL);
    fcntl(2, F_SETFL, flags | O_NONBLOCK);
    while (write(2, bytes, sizeof bytes) > 0) { }
    while (write(2, bytes, 1) > 0) { }
    fcntl(2, F_SETFL, flags);
}

static int clean_up_for_ever_unheard(void)
{
    fill_stderr();
    return clean_up_for_ever();
}

WEFT_TEST(b45_a_second_signal_ends_a_program_whose_stderr_nobody_reads)
{
    program p = start(weft_call(clean_up_for_ever_unheard));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    kill(p.pid, SIGTERM);
    WEFT_CHECK_EQ(next_progress(&p), 'c');
    kill(p.pid, SIGTERM);
    bool ended = ends_within(&p, 5000);
    WEFT_CHECK(ended);
    if (!ended) kill(p.pid, SIGKILL);
    finish(&p);
}

static int yield_for_ever(void)
{
    tell('r');
    for (;; let_signals_in()) WEFT_TRY(weft_yield());
}

WEFT_TEST(b45_a_program_of_tasks_that_only_yield_hears_a_signal)
{
    program p = start(weft_call(yield_for_ever));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    kill(p.pid, SIGTERM);
    int status = finish(&p);
    WEFT_CHECK(WIFEXITED(status));
}

static int check_signal_dispositions(void) { return weft_sleep_ms(1); }

WEFT_TEST(b45_after_weft_run_the_signals_are_as_before)
{
    struct sigaction before[2], after[2];
    sigset_t mask_before, mask_after;
    sigaction(SIGINT, NULL, &before[0]);
    sigaction(SIGTERM, NULL, &before[1]);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    WEFT_CHECK_EQ(weft_run(check_signal_dispositions), 0);
    sigaction(SIGINT, NULL, &after[0]);
    sigaction(SIGTERM, NULL, &after[1]);
    sigprocmask(SIG_SETMASK, NULL, &mask_after);
    for (int i = 0; i < 2; i++) WEFT_CHECK(before[i].sa_handler == after[i].sa_handler);
    WEFT_CHECK_EQ(sigismember(&mask_before, SIGINT), sigismember(&mask_after, SIGINT));
    WEFT_CHECK_EQ(sigismember(&mask_before, SIGTERM), sigismember(&mask_after, SIGTERM));
}

/* ---- made visible ---- */

/* A shell without job control starts what runs in its background with SIGQUIT ignored. */
WEFT_TEST(sigquit_lists_the_tasks_and_the_program_goes_on)
{
    signal(SIGQUIT, SIG_DFL);
    program p = start(weft_call(wait_and_clean_up));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    WEFT_CHECK_EQ(kill(p.pid, SIGQUIT), 0);
    WEFT_CHECK_EQ(kill(p.pid, SIGTERM), 0);
    WEFT_CHECK_EQ(next_progress(&p), 'c');
    CHECK_EXIT(finish(&p), 0);
    WEFT_CHECK_EQ(world_count_in(output, "weft: 1 task\n#1 wait_and_clean_up (the program), "), 1);
    WEFT_CHECK(world_count_in(output, "\n    at ") >= 1);
}

static int see_sigquit_ignored(void)
{
    struct sigaction now;
    WEFT_CHECK_EQ(sigaction(SIGQUIT, NULL, &now), 0);
    WEFT_CHECK(now.sa_handler == SIG_IGN);
    return 0;
}

static int see_sigquit_taken(void)
{
    struct sigaction now;
    WEFT_CHECK_EQ(sigaction(SIGQUIT, NULL, &now), 0);
    WEFT_CHECK(now.sa_handler != SIG_DFL);
    return 0;
}

WEFT_TEST(sigquit_is_left_alone_where_the_program_uses_it_and_put_back_afterwards)
{
    struct sigaction now;
    signal(SIGQUIT, SIG_DFL);
    WEFT_CHECK_EQ(weft_run(see_sigquit_taken), 0);
    WEFT_CHECK_EQ(sigaction(SIGQUIT, NULL, &now), 0);
    WEFT_CHECK(now.sa_handler == SIG_DFL);
    WEFT_CHECK_EQ(weft_run(see_sigquit_taken), 0);
    signal(SIGQUIT, SIG_IGN);
    WEFT_CHECK_EQ(weft_run(see_sigquit_ignored), 0);
}

static bool socket_of(pid_t pid)
{
    char line[512], name[64];
    bool found = false;
    FILE *f = fopen("/proc/net/unix", "re");
    WEFT_NEED(f != NULL);
    int n = snprintf(name, sizeof name, " @weft-inspect/%d\n", (int)pid);
    while (fgets(line, sizeof line, f)) found |= strlen(line) > (size_t)n && !strcmp(line + strlen(line) - n, name);
    fclose(f);
    return found;
}

static bool opens_a_socket(const char *wanted)
{
    if (wanted) setenv("WEFT_INSPECT", wanted, 1);
    else unsetenv("WEFT_INSPECT");
    program p = start(weft_call(wait_and_clean_up));
    WEFT_CHECK_EQ(next_progress(&p), 'r');
    bool found = socket_of(p.pid);
    kill(p.pid, SIGTERM);
    CHECK_EXIT(finish(&p), 0);
    WEFT_CHECK(!socket_of(p.pid));
    return found;
}

WEFT_TEST(a_program_listens_for_who_wants_to_see_its_tasks_only_when_asked_to)
{
    WEFT_CHECK(!opens_a_socket(NULL));
    WEFT_CHECK(opens_a_socket("1"));
    WEFT_CHECK(!opens_a_socket("0"));
    WEFT_CHECK(!opens_a_socket(""));
}

/* ---- overflow ---- */

static int bottomless(const int *n)
{
    volatile char frame[2048];
    frame[0] = (char)*n;
    if (*n == INT32_MAX) return 0;
    int next = *n + 1;
    int rc = bottomless(&next);
    return rc + frame[0];
}

static int overflow_in_a_task(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, sleep_for, (&(int){ FOREVER }));
    WEFT_TRY(weft_sleep_ms(1));
    return weft_await(weft_spawn(s, bottomless, (&(int){ 1 })));
}
static int overflow_in_the_root(void) { return bottomless(&(int){ 1 }); }

static void expect_report_of(weft_call call, const char *name)
{
    int status = run(call);
    WEFT_CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    if (!WEFT_CHECK(world_count_in(output, name) >= 1)) fprintf(stderr, "  it said: %.500s\n", output);
    WEFT_CHECK(world_count_in(output, "stack") + world_count_in(output, "overflow") >= 1);
}

WEFT_TEST(a_stack_that_overflows_is_reported_with_the_name_of_the_task)
{
    expect_report_of(weft_call(overflow_in_a_task), "task bottomless");
    expect_report_of(weft_call(overflow_in_the_root), "overflow_in_the_root");
}

static int wild_write(void)
{
    WEFT_TRY(weft_sleep_ms(1));
    static volatile char *volatile nowhere = (volatile char *)16;
    *nowhere = 1;
    return 0;
}

static int overflow_with_a_label(void)
{
    weft__task_label("GET /deep/{n}");
    return bottomless(&(int){ 1 });
}

static int overflow_below(void)
{
    WEFT_SCOPE(s);
    return weft_await(weft_spawn(s, overflow_with_a_label));
}

WEFT_TEST(the_report_of_an_overflow_has_the_route_and_where_the_task_was_started)
{
    char words[160];
    snprintf(words, sizeof words, "task overflow_with_a_label \"GET /deep/{n}\", started at %s:%d (its guard", __FILE__, __LINE__ - 6);
    expect_report_of(weft_call(overflow_below), words);
}

WEFT_TEST(a_fault_elsewhere_is_not_reported_as_an_overflow)
{
    int status = run(weft_call(wild_write));
    WEFT_CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    WEFT_CHECK_EQ(world_count_in(output, "wild_write overflow"), 0);
    WEFT_CHECK_EQ(world_count_in(output, "overflowed its stack"), 0);
}

/* ---- no room for stacks ---- */

#if !WORLD_SANITIZED                 /* sanitizers need the address space themselves */

static int spawn_until_refused(void)
{
    int refused = 0, slept = 0;
    {
        WEFT_SCOPE(s);
        weft_task *t[4000];
        static weft_error err[4000];
        static int out[4000];
        for (int i = 0; i < 4000; i++) t[i] = weft_spawn(s, sleep_for_and_tell, (&(int){ 5 }), &out[i], .error = &err[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
        for (int i = 0; i < 4000; i++) {
            int rc = weft_await(t[i]);
            refused += rc == WEFT_ENOMEM && err[i].code == WEFT_ENOMEM && out[i] == 0;
            slept += rc == 0 && err[i].code == 0 && out[i] == 5;
        }
    }
    WEFT_CHECK_EQ(refused + slept, 4000);
    WEFT_CHECK(refused > 0 && slept > 0);
    for (int i = 0; i < 10; i++) {
        WEFT_SCOPE(s);
        WEFT_CHECK_EQ(weft_await(weft_spawn(s, sleep_for, (&(int){ 1 }))), 0);
    }
    return 0;
}

enum { NO_LIMIT = 77 };                               /* qemu-user takes RLIMIT_AS and does nothing with it */

static int limit_memory_then_spawn(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    WEFT_NEED(f && fscanf(f, "%ld", &pages) == 1);
    fclose(f);
    rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)200 << 20);
    WEFT_NEED(setrlimit(RLIMIT_AS, &(struct rlimit){ bytes, bytes }) == 0);
    if (mmap(NULL, (size_t)bytes * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED) _exit(NO_LIMIT);
    return spawn_until_refused();
}

WEFT_TEST(without_room_for_stacks_a_spawn_fails_and_the_loop_goes_on)
{
    int status = run(weft_call(limit_memory_then_spawn));
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LIMIT) WEFT_SKIP("the address space of this process cannot be limited");
    CHECK_EXIT(status, 0);
}

/* All mappings but some sixty: room for a slab of stacks, and not for its guards. */
static bool use_up_mappings(void)
{
    enum { MOST = 1 << 18, LEFT = 30 };
    size_t page = weft__os_page(), used = 0;
    char *at = mmap(NULL, MOST * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return false;
    while (used < MOST && !mprotect(at + used * page, page, PROT_READ)) used += 2;
    for (int i = 0; i < LEFT && used > 2; i++, used -= 2) mprotect(at + (used - 2) * page, page, PROT_NONE);
    return used < MOST - 2 * LEFT;
}

static int spawn_without_mappings(void)
{
    int out = 0, refused = 0;
    weft_error err;
    weft__os_guards_by_mprotect(true);
    if (!use_up_mappings()) _exit(NO_LIMIT);
    WEFT_SCOPE(s);
    for (int i = 0; i < 200; i++)
        refused += weft_task_done(weft_spawn(s, sleep_for_and_tell, (&(int){ 1 }), &out, .error = &err));
    WEFT_CHECK(refused > 0);
    return weft_join(s);
}

WEFT_TEST(without_room_for_stacks_for_want_of_mappings_the_limit_is_named_once)
{
    int status = run(weft_call(spawn_without_mappings));
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LIMIT) WEFT_SKIP("vm.max_map_count is too large to be reached here");
    CHECK_EXIT(status, 0);
    WEFT_CHECK_EQ(world_count_in(output, "vm.max_map_count"), 1);
}
#endif
