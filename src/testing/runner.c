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
#include "base/mem.h"
#include "testing/folder.h"
#include "weft/check.h"

/* The linker makes these two of the section `weft_tests`; weak, so that a program without tests links. */
extern const weft__test *const __start_weft_tests[] __attribute__((weak));
extern const weft__test *const __stop_weft_tests[] __attribute__((weak));

/* Present when the program is built with that sanitizer. */
void __asan_init(void) __attribute__((weak));
void __tsan_init(void) __attribute__((weak));

enum { JOBS_MAX = 64, WITHOUT_MAX = 16, OUTPUT_BYTES_MAX = 256 * 1024, POLL_MS = 50, TIMEOUT_S = 20, SLOWER_UNDER_TOOLS = 5,
    FIRST_LINES = 40, LAST_LINES = 10 };

typedef struct options {
    bool help, list, verbose, no_fork;
    unsigned jobs, timeout_s;        /* timeout_s 0: the usual one */
    char **filters;
    int filter_count;
    const char *without[WITHOUT_MAX];
    int without_count;
} options;

/* A test in a process of its own. */
typedef struct running {
    const weft__test *test;          /* NULL: this place is free */
    pid_t pid;
    int output;                      /* the read end of its stdout and stderr; -1 after its end */
    double started_s;
    bool timed_out;
    char *text;
    size_t len;
    weft__verdict *verdict;
} running;

typedef struct runner {
    options opts;
    running places[JOBS_MAX];
    unsigned passed, failed, skipped;
} runner;

/* The runner looks every POLL_MS. While it stood still, since somebody stopped it or the machine did, no time has passed
 * for its tests: they may have stood still as well. */
static double now_s(void)
{
    static const double look_max = 0.2;
    static double now, seen;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double real = (double)t.tv_sec + (double)t.tv_nsec / 1e9, passed = seen ? real - seen : 0;
    seen = real;
    return now += passed < look_max ? passed : look_max;
}

/* ---- Ctrl-C and the like ---- */

static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction as_they_were[weft_count(end_signals)];
static volatile sig_atomic_t ended_by;

static void on_end(int number) { ended_by = number; }

/* What is ignored stays so: a shell without job control starts what runs beside it like that. */
static void hear_ends(void)
{
    static const struct sigaction heard = { .sa_handler = on_end };
    for (size_t i = 0; i < weft_count(end_signals); i++) {
        sigaction(end_signals[i], NULL, &as_they_were[i]);
        if (as_they_were[i].sa_handler == SIG_DFL) sigaction(end_signals[i], &heard, NULL);
    }
}

static void as_before(void)
{
    for (size_t i = 0; i < weft_count(end_signals); i++) sigaction(end_signals[i], &as_they_were[i], NULL);
}

static size_t test_count(void) { return __start_weft_tests ? (size_t)(__stop_weft_tests - __start_weft_tests) : 0; }

/* All tests, in the order of their files; compilers leave them in the section in either order. */
static const weft__test **tests;

static int by_place(const void *a, const void *b)
{
    const weft__test *x = *(const weft__test *const *)a, *y = *(const weft__test *const *)b;
    int files = strcmp(x->file, y->file);
    return files ? files : x->line - y->line;
}

static bool collect(void)
{
    size_t bytes = test_count() * sizeof *tests;
    tests = weft__malloc(bytes);
    if (!tests) return false;
    if (bytes) memcpy(tests, __start_weft_tests, bytes);
    qsort(tests, test_count(), sizeof *tests, by_place);
    return true;
}

static bool has_word(const weft__test *t, const char *word) { return strstr(t->name, word) || strstr(t->file, word); }

static bool chosen(const options *o, const weft__test *t)
{
    for (int i = 0; i < o->without_count; i++)
        if (has_word(t, o->without[i])) return false;
    for (int i = 0; i < o->filter_count; i++)
        if (has_word(t, o->filters[i])) return true;
    return o->filter_count == 0;
}

static bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

unsigned weft__test_slower(void)
{
    const char *slower = getenv("WEFT_TEST_SLOWER");
    unsigned times = slower ? (unsigned)atoi(slower) : 0;
    if (times) return times;
    return __asan_init || __tsan_init || under_valgrind() ? SLOWER_UNDER_TOOLS : 1;
}

static unsigned usual_timeout_s(void) { return TIMEOUT_S * weft__test_slower(); }

/* True when a line "name: reason" of tests/skips allows this test to be skipped. */
static bool skip_listed(const char *name)
{
    const char *path = getenv("WEFT_SKIPS");
    FILE *f = fopen(path ? path : "tests/skips", "re");
    char line[512];
    bool found = false;
    size_t len = strlen(name);
    while (f && !found && fgets(line, sizeof line, f))
        found = strncmp(line, name, len) == 0 && line[len] == ':' && line[len + 1 + strspn(line + len + 1, " \t\n")];
    if (f) fclose(f);
    return found;
}

static bool skip_fails(const char *name)
{
    const char *ci = getenv("CI");
    return ci && strcmp(ci, "true") == 0 && !skip_listed(name);
}

static void child_run(const running *r, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    as_before();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    close(null);
    close(output);
    setvbuf(stdout, NULL, _IOLBF, 0);
    weft__verdict_now = r->verdict;
    r->test->run();
    r->verdict->finished = true;
    exit(r->verdict->failed_checks ? 1 : 0);    /* exit, so that LeakSanitizer and coverage have their say */
}

/* Leaves errno as it is. */
static bool start_failed(running *r, const int ends[2])
{
    int error = errno;
    if (r->verdict != MAP_FAILED) munmap(r->verdict, sizeof *r->verdict);
    close(ends[0]);
    close(ends[1]);
    errno = error;
    return false;
}

static bool start(runner *all, running *r, const weft__test *test)
{
    int ends[2];
    *r = (running){ .test = test, .started_s = now_s() };
    if (pipe2(ends, O_CLOEXEC) < 0) return false;
    r->verdict = mmap(NULL, sizeof *r->verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(NULL);
    r->pid = r->verdict == MAP_FAILED ? -1 : fork();
    if (r->pid < 0) return start_failed(r, ends);
    if (r->pid == 0) {
        for (running *other = all->places; other < all->places + all->opts.jobs; other++)
            if (other != r && other->test && other->output >= 0) close(other->output);
        close(ends[0]);
        child_run(r, ends[1]);
    }
    setpgid(r->pid, r->pid);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    r->output = ends[0];
    return true;
}

/* Takes what the test has written so far; the rest of a flood is read and dropped. */
static void drain(running *r)
{
    char bytes[4096];
    ssize_t n;
    while (r->output >= 0 && (n = read(r->output, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;
        if (r->len >= OUTPUT_BYTES_MAX) continue;
        char *text = weft__realloc(r->text, r->len + (size_t)n);
        if (!text) continue;
        memcpy(text + r->len, bytes, (size_t)n);
        r->text = text;
        r->len += (size_t)n;
    }
    if (r->output >= 0) close(r->output);
    r->output = -1;
}

/* All of it with -v; else the first and the last lines, of which the first tell most. */
static void print_output(const running *r, bool whole)
{
    size_t lines = 0, line = 0;
    for (size_t i = 0; i < r->len; i++) lines += r->text[i] == '\n';
    for (size_t at = 0; at < r->len; line++) {
        const char *end = memchr(r->text + at, '\n', r->len - at);
        size_t n = end ? (size_t)(end - r->text) - at : r->len - at;
        if (whole || line < FIRST_LINES || line + LAST_LINES >= lines) printf("    %.*s\n", (int)n, r->text + at);
        else if (line == FIRST_LINES) printf("    ... (%zu lines, all with -v)\n", lines - FIRST_LINES - LAST_LINES);
        at += n + 1;
    }
    if (r->len >= OUTPUT_BYTES_MAX) printf("    ... (the rest of the output was dropped)\n");
}

static const char *signal_name(int number)
{
    static const char *const names[] = { [SIGABRT] = "SIGABRT", [SIGALRM] = "SIGALRM", [SIGBUS] = "SIGBUS",
        [SIGFPE] = "SIGFPE", [SIGHUP] = "SIGHUP", [SIGILL] = "SIGILL", [SIGINT] = "SIGINT", [SIGKILL] = "SIGKILL",
        [SIGPIPE] = "SIGPIPE", [SIGQUIT] = "SIGQUIT", [SIGSEGV] = "SIGSEGV", [SIGSYS] = "SIGSYS",
        [SIGTERM] = "SIGTERM", [SIGTRAP] = "SIGTRAP", [SIGUSR1] = "SIGUSR1", [SIGUSR2] = "SIGUSR2" };
    const char *name = number < (int)weft_count(names) ? names[number] : NULL;
    return name ? name : "signal";
}

/* Why a test failed, or NULL when it passed. */
static const char *fault(const runner *all, const running *r, int status, char *text, size_t room)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    unsigned checks = r->verdict->failed_checks;
    if (r->timed_out) snprintf(text, room, "took longer than %u s", all->opts.timeout_s);
    else if (WIFSIGNALED(status)) snprintf(text, room, "killed by %s (%s)", signal_name(WTERMSIG(status)), strsignal(WTERMSIG(status)));
    else if (checks) snprintf(text, room, "%u failed check%s", checks, checks == 1 ? "" : "s");
    else if (!r->verdict->finished) snprintf(text, room, "the process ended before the test did, with exit status %d", code);
    else if (code == WEFT__EXIT_SKIPPED) return NULL;
    else if (code != 0) snprintf(text, room, "exit status %d after the test: a leak, or a fault found by a sanitizer", code);
    else return NULL;
    return text;
}

static void judge(runner *all, const running *r, int status)
{
    char text[256];
    const weft__test *t = r->test;
    const char *why = fault(all, r, status, text, sizeof text);
    bool skipped = !why && r->verdict->skip_reason[0];
    if (skipped && skip_fails(t->name)) {
        snprintf(text, sizeof text, "skipped (%.150s), and tests/skips does not list it", r->verdict->skip_reason);
        why = text;
    }
    if (why) {
        all->failed++;
        printf("FAIL %s (%s:%d): %s\n", t->name, t->file, t->line, why);
        print_output(r, all->opts.verbose);
    } else if (skipped) {
        all->skipped++;
        printf("skip %s (%s:%d): %s\n", t->name, t->file, t->line, r->verdict->skip_reason);
    } else {
        all->passed++;
        if (!all->opts.verbose) return;
        printf("ok   %s (%.0f ms)\n", t->name, (now_s() - r->started_s) * 1e3);
        print_output(r, all->opts.verbose);
    }
    fflush(stdout);
}

/* Ends a test: nothing of it stays behind, neither a process nor memory nor a file. */
static void finish(runner *all, running *r, int status)
{
    drain(r);
    judge(all, r, status);
    weft__test_folders_remove(r->verdict);
    if (r->output >= 0) close(r->output);
    weft__free(r->text);
    munmap(r->verdict, sizeof *r->verdict);
    *r = (running){ 0 };
}

static void look_after(runner *all, running *r)
{
    int status;
    drain(r);
    if (!r->timed_out && now_s() - r->started_s > all->opts.timeout_s) {
        r->timed_out = true;
        kill(-r->pid, SIGKILL);
    }
    siginfo_t ended = { 0 };
    if (waitid(P_PID, (id_t)r->pid, &ended, WEXITED | WNOWAIT | WNOHANG) < 0 || !ended.si_pid) return;
    kill(-r->pid, SIGKILL);          /* what it left behind; the pid is still ours, as a zombie */
    waitpid(r->pid, &status, 0);
    finish(all, r, status);
}

/* By the signal that the runner got: what runs is killed, and has not been judged. */
static _Noreturn void end_all(runner *all)
{
    for (running *r = all->places; r < all->places + all->opts.jobs; r++) {
        if (!r->test) continue;
        kill(-r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
        weft__test_folders_remove(r->verdict);
    }
    as_before();
    raise(ended_by);
    _exit(128 + ended_by);
}

static void wait_for_some(runner *all)
{
    struct pollfd fds[JOBS_MAX];
    nfds_t n = 0;
    bool ending = false;
    for (unsigned i = 0; i < all->opts.jobs; i++) {
        running *r = &all->places[i];
        if (!r->test) continue;
        if (r->output >= 0) fds[n++] = (struct pollfd){ .fd = r->output, .events = POLLIN };
        else ending = true;
    }
    /* A closed pipe tells that a test is about to end; POLL_MS is for one whose children keep it open. */
    poll(fds, n, ending ? 1 : POLL_MS);
    if (ended_by) end_all(all);
    for (unsigned i = 0; i < all->opts.jobs; i++)
        if (all->places[i].test) look_after(all, &all->places[i]);
}

static running *free_place(runner *all)
{
    for (unsigned i = 0; i < all->opts.jobs; i++)
        if (!all->places[i].test) return &all->places[i];
    return NULL;
}

static bool busy(const runner *all)
{
    for (unsigned i = 0; i < all->opts.jobs; i++)
        if (all->places[i].test) return true;
    return false;
}

static void run_forked(runner *all)
{
    hear_ends();
    for (size_t i = 0; i < test_count(); i++) {
        const weft__test *t = tests[i];
        running *place;
        if (!chosen(&all->opts, t)) continue;
        while (!(place = free_place(all))) wait_for_some(all);
        if (start(all, place, t)) continue;
        printf("FAIL %s (%s:%d): cannot start its process: %s\n", t->name, t->file, t->line, strerror(errno));
        all->failed++;
        *place = (running){ 0 };
    }
    while (busy(all)) wait_for_some(all);
    as_before();
}

static void run_here(runner *all)
{
    for (size_t i = 0; i < test_count(); i++) {
        const weft__test *t = tests[i];
        if (!chosen(&all->opts, t)) continue;
        printf("run  %s (%s:%d)\n", t->name, t->file, t->line);
        fflush(stdout);
        unsigned before = weft__verdict_now->failed_checks;
        t->run();
        if (weft__test_cleanup) weft__test_cleanup();
        weft__test_folders_remove(weft__verdict_now);
        if (weft__verdict_now->failed_checks == before) all->passed++;
        else all->failed++;
    }
}

static void list(const options *o)
{
    for (size_t i = 0; i < test_count(); i++) {
        const weft__test *t = tests[i];
        if (chosen(o, t)) printf("%s (%s:%d)\n", t->name, t->file, t->line);
    }
}

static bool any_chosen(const options *o)
{
    for (size_t i = 0; i < test_count(); i++)
        if (chosen(o, tests[i])) return true;
    return false;
}

static void help(const char *program)
{
    printf("Runs the tests of this program, each in a process of its own.\n\n"
           "usage: %s [OPTION]... [WORD]...\n\n"
           "With WORDs, only tests whose name or file contains one of them.\n\n"
           "  --without WORD leave out tests whose name or file contains it; may be repeated\n"
           "  --list         print the tests, run nothing\n"
           "  -v             print passing tests too, with their time, and all output\n"
           "  --jobs N       tests at a time (2; at most %d)\n"
           "  --timeout-s N  time limit of a test (%u)\n"
           "  --no-fork      run in this process, for a debugger; the first test that is\n"
           "                 skipped or breaks off ends the run\n"
           "  --help         this text\n\n"
           "CI=true            a skipped test fails, unless it is listed\n"
           "WEFT_SKIPS=FILE    the list: lines of \"test_name: reason\" (tests/skips)\n"
           "WEFT_TEST_SLOWER=N time limits are N times as long\n",
        program, JOBS_MAX, usual_timeout_s());
}

/* The number of an option "--name N" or "--name=N"; false when it is missing, malformed or out of range. */
static bool number_option(char **argv, int *i, const char *name, unsigned max, unsigned *out)
{
    size_t len = strlen(name);
    const char *text = argv[*i][len] == '=' ? argv[*i] + len + 1 : argv[*i + 1];
    if (argv[*i][len] != '=' && text) ++*i;
    char *end = NULL;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    if (text && *text && !*end && n >= 1 && n <= max) {
        *out = (unsigned)n;
        return true;
    }
    fprintf(stderr, "%s: expected a number from 1 to %u, got '%s'\n", name, max, text ? text : "nothing");
    return false;
}

static bool without_option(char **argv, int *i, options *o)
{
    const char *word = argv[*i][strlen("--without")] == '=' ? argv[*i] + strlen("--without=") : argv[++*i];
    if (word && *word && o->without_count < WITHOUT_MAX) {
        o->without[o->without_count++] = word;
        return true;
    }
    fprintf(stderr, "--without: expected a word, at most %d times\n", WITHOUT_MAX);
    return false;
}

static bool is_option(const char *arg, const char *name)
{
    size_t len = strlen(name);
    return strncmp(arg, name, len) == 0 && (arg[len] == 0 || arg[len] == '=');
}

static bool read_options(int argc, char **argv, options *o)
{
    int kept = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (arg[0] != '-') argv[kept++] = argv[i];
        else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) o->help = true;
        else if (strcmp(arg, "--list") == 0) o->list = true;
        else if (strcmp(arg, "-v") == 0) o->verbose = true;
        else if (strcmp(arg, "--no-fork") == 0) o->no_fork = true;
        else if (is_option(arg, "--jobs")) {
            if (!number_option(argv, &i, "--jobs", JOBS_MAX, &o->jobs)) return false;
        } else if (is_option(arg, "--without")) {
            if (!without_option(argv, &i, o)) return false;
        } else if (is_option(arg, "--timeout-s")) {
            if (!number_option(argv, &i, "--timeout-s", 86400, &o->timeout_s)) return false;
        } else {
            fprintf(stderr, "unknown option '%s'; --help lists them\n", arg);
            return false;
        }
    }
    o->filters = argv;
    o->filter_count = kept;
    return true;
}

static int nothing_to_run(const char *program, const options *o)
{
    if (test_count())
        fprintf(stderr, "%s: no test has '%s' in its name or file; --list prints them\n", program,
            o->filter_count ? o->filters[0] : "");
    else
        fprintf(stderr, "%s: no tests are linked into this program (and it has no main of its own). A test is\n\n"
                        "    #include \"weft/check.h\"\n"
                        "    WEFT_TEST(one_and_one_is_two) { WEFT_CHECK_EQ(1 + 1, 2); }\n\n", program);
    return 1;
}

static int run(runner *all, const char *program)
{
    options *o = &all->opts;
    if (!any_chosen(o)) return nothing_to_run(program, o);
    if (o->list) return list(o), 0;
    if (!o->timeout_s) o->timeout_s = usual_timeout_s();
    if (o->no_fork) run_here(all);
    else run_forked(all);
    printf("%u passed, %u failed, %u skipped\n", all->passed, all->failed, all->skipped);
    return all->failed ? 1 : 0;
}

int weft_test_main(int argc, char **argv)
{
    static runner all;
    const char *program = argc > 0 ? argv[0] : "tests";
    all = (runner){ .opts = { .jobs = 2 } };
    if (!read_options(argc, argv, &all.opts)) return 2;
    if (all.opts.help) return help(program), 0;
    if (!collect()) return fprintf(stderr, "%s: no memory\n", program), 1;
    int status = run(&all, program);
    weft__free(tests);
    tests = NULL;
    return status;
}
