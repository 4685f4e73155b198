/* Runs each test once for each allocation and call it makes, with that one failing. What the test then thinks is its own
 * business: what counts is that nothing crashes, hangs or leaks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "failing.h"
#include "testing/folder.h"
#include "weft/check.h"

extern const weft__test *const __start_weft_tests[];
extern const weft__test *const __stop_weft_tests[];

/* Most of a run is waiting, for a deadline or a peer: so many at once that the processors have work meanwhile. */
enum { SANITIZER_EXIT = 66, TIMEOUT_S = 30, OUTPUT_SHOWN = 6000, WORDS_MAX = 64, JOBS_USUAL = 8, JOBS_MAX = 64 };

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "exitcode=66:detect_leaks=1:allocator_may_return_null=1"; }
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "exitcode=66:halt_on_error=1"; }

/* A test that is gone through: counted once, then run with one call after another failing. */
typedef struct course {
    const weft__test *test;                        /* NULL: a free place */
    bool counted;
    long calls, step, next;
    int running;
    int64_t took_ms;                               /* its runs together */
} course;

/* fail_at 0: the run that counts. */
typedef struct one_run { pid_t pid; int output; course *of; failing_state *state; weft__verdict *verdict; int64_t began_ms; } one_run;

static const char *words[WORDS_MAX];
static int word_count, jobs = JOBS_USUAL;
static long most, offset, each_test = 1;    /* most: failures of a test, 0 all */
static long seconds, cut;                      /* of a test; 0: as long as it takes; how many took longer */
static bool times;
static long passed, failed;
static sigset_t signals_before;

/* While all of this stood still, since somebody stopped it, no time has passed: else every run would have hung. */
static int64_t now_ms(void)
{
    enum { LOOK_MS_MAX = 1000 };
    static int64_t now, seen;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t real = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, passed_ms = seen ? real - seen : 0;
    seen = real;
    return now += passed_ms < LOOK_MS_MAX ? passed_ms : LOOK_MS_MAX;
}

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) abort();
    return p;
}

/* ---- a run ---- */

/* Ends by itself after the search for leaks: exit() would take the sanitizer's own tables apart first. */
static _Noreturn void child(const one_run *r)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, &signals_before, NULL);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(r->output, 1);
    dup2(r->output, 2);
    weft__verdict_now = r->verdict;
    failing_now = r->state;
    r->state->armed = 1;
    r->of->test->run();
    r->state->armed = 0;
    if (r->state->fail_at) __lsan_do_leak_check();
    fflush(NULL);
    _exit(0);
}

static void start(one_run *r, course *c, long fail_at)
{
    r->of = c;
    memset(r->verdict, 0, sizeof *r->verdict);
    *r->state = (failing_state){ .fail_at = fail_at };
    r->output = memfd_create("output", MFD_CLOEXEC);
    r->began_ms = now_ms();
    c->running++;
    fflush(NULL);
    r->pid = fork();
    if (r->pid < 0 || r->output < 0) abort();
    if (r->pid == 0) child(r);
    setpgid(r->pid, r->pid);
}

static void show_output(const one_run *r)
{
    char text[OUTPUT_SHOWN + 1];
    off_t size = lseek(r->output, 0, SEEK_END);
    ssize_t n = pread(r->output, text, OUTPUT_SHOWN, size > OUTPUT_SHOWN ? size - OUTPUT_SHOWN : 0);
    text[n < 0 ? 0 : n] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) printf("    %s\n", line);
}

/* What is wrong with how the run ended, or NULL. */
static const char *fault(int status, bool hung)
{
    if (hung) return "hangs";
    if (WIFSIGNALED(status)) return strsignal(WTERMSIG(status));
    return WEXITSTATUS(status) == SANITIZER_EXIT ? "a fault or a leak, found by a sanitizer" : NULL;
}

static void judge(const one_run *r, int status, bool hung)
{
    const char *why = fault(status, hung);
    if (!why) {
        passed++;
        return;
    }
    failed++;
    printf("FAIL %s: with call %ld of it failing (%s): %s\n", r->of->test->name, r->state->fail_at,
        r->state->failed ? r->state->failed : "not reached", why);
    show_output(r);
}

static void counted(course *c, long calls)
{
    c->counted = true;
    c->calls = calls;
    c->step = most && calls > most ? calls / most : 1;
    c->next = 1 + offset % c->step;
}

/* True when it has ended, or was ended because it takes too long. */
static bool over(one_run *r)
{
    int status;
    bool hung = now_ms() >= r->began_ms + TIMEOUT_S * 1000;
    if (hung) kill(-r->pid, SIGKILL);
    if (waitpid(r->pid, &status, hung ? 0 : WNOHANG) == 0) return false;
    kill(-r->pid, SIGKILL);                        /* what it left behind */
    r->of->took_ms += now_ms() - r->began_ms;
    r->of->running--;
    if (r->state->fail_at) judge(r, status, hung);
    else counted(r->of, r->state->calls);
    weft__test_folders_remove(r->verdict);
    close(r->output);
    r->pid = 0;
    return true;
}

/* ---- all of them ---- */

static bool chosen(const weft__test *t)
{
    for (int i = 0; i < word_count; i++)
        if (strstr(t->name, words[i]) || strstr(t->file, words[i])) return true;
    return !word_count;
}

static const weft__test *next_test(void)
{
    static const weft__test *const *at = __start_weft_tests;
    static long number;
    while (at < __stop_weft_tests) {
        const weft__test *t = *at++;
        if (chosen(t) && number++ % each_test == offset % each_test) return t;
    }
    return NULL;
}

static void course_over(course *c)
{
    if (times) printf("%7.1f s  %6ld calls  %s\n", (double)c->took_ms / 1000, c->calls, c->test->name);
    *c = (course){ 0 };
}

static bool start_of(course *c, one_run *r)
{
    if (!c->test || !c->counted || c->next > c->calls) return false;
    if (seconds && c->took_ms > seconds * 1000) {
        cut++;
        c->next = c->calls + 1;
        return false;
    }
    start(r, c, c->next);
    c->next += c->step;
    return true;
}

/* False when there is nothing more to start now. */
static bool start_next(course *courses, one_run *r)
{
    for (int i = 0; i < jobs; i++)
        if (start_of(&courses[i], r)) return true;
    for (int i = 0; i < jobs; i++) {
        course *c = &courses[i];
        if (c->test && c->counted && !c->running) course_over(c);
        if (c->test || !(c->test = next_test())) continue;
        start(r, c, 0);
        return true;
    }
    return false;
}

static void fail_each(course *courses, one_run *runs)
{
    sigset_t of_children;
    sigemptyset(&of_children);
    sigaddset(&of_children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &of_children, &signals_before);
    for (;;) {
        int running = 0;
        for (int i = 0; i < jobs; i++) {
            one_run *r = &runs[i];
            if ((r->pid && !over(r)) || start_next(courses, r)) running++;
        }
        if (!running) return;
        sigtimedwait(&of_children, NULL, &(struct timespec){ .tv_nsec = 100 * 1000000 });
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--most") && i + 1 < argc) most = atol(argv[++i]);
        else if (!strcmp(argv[i], "--offset") && i + 1 < argc) offset = atol(argv[++i]);
        else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) seconds = atol(argv[++i]);
        else if (!strcmp(argv[i], "--tests") && i + 1 < argc) each_test = atol(argv[++i]);
        else if (!strcmp(argv[i], "--jobs") && i + 1 < argc) jobs = atoi(argv[++i]);
        else if (!strncmp(argv[i], "--call=", 7)) failing_call = argv[i] + 7;
        else if (!strcmp(argv[i], "--times")) times = true;
        else if (word_count < WORDS_MAX) words[word_count++] = argv[i];
    }
    if (each_test < 1) each_test = 1;
    if (jobs < 1 || jobs > JOBS_MAX) jobs = JOBS_USUAL;
    static one_run runs[JOBS_MAX];
    static course courses[JOBS_MAX];
    for (int i = 0; i < jobs; i++) {
        runs[i].state = shared(sizeof *runs[i].state);
        runs[i].verdict = shared(sizeof *runs[i].verdict);
    }
    fail_each(courses, runs);
    if (cut) printf("%ld tests took longer than %ld s with a call failing, and the rest of their calls was left out\n", cut, seconds);
    printf("%ld passed, %ld failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
