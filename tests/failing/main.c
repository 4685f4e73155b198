/* Runs each test once for each allocation and call it makes, with that one failing. What the test then thinks is its own
 * business: what counts is that nothing crashes, hangs or leaks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "testing/verdict.h"
#include "weft/check.h"

extern const weft__test *const __start_weft_tests[];
extern const weft__test *const __stop_weft_tests[];

enum { SANITIZER_EXIT = 66, TIMEOUT_S = 30, OUTPUT_SHOWN = 6000, WORDS_MAX = 32, JOBS = 2 };

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "exitcode=66:detect_leaks=1:allocator_may_return_null=1"; }
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "exitcode=66:halt_on_error=1"; }

typedef struct one_run { pid_t pid; int output; const weft__test *test; failing_state *state; weft__verdict *verdict; int64_t until_ms; } one_run;

static const char *words[WORDS_MAX];
static int word_count;
static long most, offset, each_test = 1;    /* most: failures of a test, 0 all */
static long seconds, cut;                      /* of a test; 0: as long as it takes; how many took longer */
static long passed, failed;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) abort();
    return p;
}

static void child(const one_run *r)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(r->output, 1);
    dup2(r->output, 2);
    weft__verdict_now = r->verdict;
    failing_now = r->state;
    r->state->armed = 1;
    r->test->run();
    r->state->armed = 0;
    exit(0);
}

static void start(one_run *r, const weft__test *test, long fail_at)
{
    r->test = test;
    memset(r->verdict, 0, sizeof *r->verdict);
    *r->state = (failing_state){ .fail_at = fail_at };
    r->output = memfd_create("output", MFD_CLOEXEC);
    r->until_ms = now_ms() + TIMEOUT_S * 1000;
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

/* Waits for the end of a run; 0 while it goes on and `wait` is false. */
static bool over(one_run *r, bool report)
{
    int status;
    bool hung = false;
    while (waitpid(r->pid, &status, WNOHANG) == 0) {
        if (now_ms() < r->until_ms) return false;
        hung = true;
        kill(-r->pid, SIGKILL);
        usleep(10000);
    }
    kill(-r->pid, SIGKILL);
    const char *why = report ? fault(status, hung) : NULL;
    if (why) {
        failed++;
        printf("FAIL %s: with call %ld of it failing (%s): %s\n", r->test->name, r->state->fail_at,
            r->state->failed ? r->state->failed : "not reached", why);
        show_output(r);
    } else if (report) passed++;
    close(r->output);
    r->pid = 0;
    return true;
}

static void wait_for(one_run *r, bool report)
{
    while (r->pid && !over(r, report)) usleep(500);
}

/* A free place among the runs. */
static one_run *place(one_run *runs)
{
    for (;;) {
        for (int i = 0; i < JOBS; i++)
            if (!runs[i].pid || over(&runs[i], true)) return &runs[i];
        usleep(500);
    }
}

static void fail_each(one_run *runs, const weft__test *test)
{
    int64_t began = now_ms();
    one_run *r = place(runs);
    start(r, test, 0);
    wait_for(r, false);
    long calls = r->state->calls;
    long step = most && calls > most ? calls / most : 1;
    for (long at = 1 + offset % step; at <= calls; at += step) {
        if (seconds && now_ms() - began > seconds * 1000) {
            cut++;
            return;
        }
        start(place(runs), test, at);
    }
}

static bool chosen(const weft__test *t)
{
    for (int i = 0; i < word_count; i++)
        if (strstr(t->name, words[i]) || strstr(t->file, words[i])) return true;
    return !word_count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--most") && i + 1 < argc) most = atol(argv[++i]);
        else if (!strcmp(argv[i], "--offset") && i + 1 < argc) offset = atol(argv[++i]);
        else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) seconds = atol(argv[++i]);
        else if (!strcmp(argv[i], "--tests") && i + 1 < argc) each_test = atol(argv[++i]);
        else if (word_count < WORDS_MAX) words[word_count++] = argv[i];
    }
    if (each_test < 1) each_test = 1;
    one_run runs[JOBS] = { 0 };
    for (int i = 0; i < JOBS; i++) {
        runs[i].state = shared(sizeof *runs[i].state);
        runs[i].verdict = shared(sizeof *runs[i].verdict);
    }
    long number = 0;
    for (const weft__test *const *t = __start_weft_tests; t < __stop_weft_tests; t++)
        if (chosen(*t) && number++ % each_test == offset % each_test) fail_each(runs, *t);
    for (int i = 0; i < JOBS; i++) wait_for(&runs[i], true);
    if (cut) printf("%ld tests took longer than %ld s with a call failing, and the rest of their calls was left out\n", cut, seconds);
    printf("%ld passed, %ld failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
