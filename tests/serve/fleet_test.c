/* weft_serve with workers, as processes on real sockets: who ends, who is replaced, and what clients see of it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "io/spread.h"
#include "serve/crew.h"
#include "serve/worker.h"
#include "task/sanitizer.h"
#include "weft.h"

/* ---- the application ---- */

static weft_metric asked = WEFT_COUNTER("test_asked_total", "How often somebody asked.");
static weft_metric level = WEFT_GAUGE("test_level", "One for each worker.");

static int who(const weft_none *in, int *out)
{
    (void)in;
    weft_counter_add(&asked, 1);
    weft_gauge_set(&level, 1);
    *out = getpid();
    return 0;
}

WEFT_INPUT(nap_in, path(int, ms));
static int nap(const nap_in *in, int *out)
{
    *out = getpid();
    return weft_sleep_ms(in->ms);
}

static int deepest(volatile int *nowhere) { return *nowhere; }
static int crash(const nap_in *in, int *out)
{
    *out = in->ms;
    if (in->ms == 6) abort();
    if (in->ms == 7) exit(7);
    return deepest((volatile int *)(uintptr_t)in->ms);
}

/* What a worker may do: as whom it runs, and the codes of a file made, of a program run. */
static int rights(const weft_none *in, weft_str *out)
{
    (void)in;
    char *const argv[] = { "true", NULL };
    int fd = open("/tmp/weft-not-to-be", O_WRONLY | O_CREAT, 0600), made = fd < 0 ? errno : 0, ran;
    if (fd >= 0) close(fd);
    pid_t pid = fork();
    if (!pid) {
        execv("/bin/true", argv);
        _exit(errno);
    }
    waitpid(pid, &ran, 0);
    static char text[64];
    snprintf(text, sizeof text, "%d %d %d", (int)getuid(), made, WEXITSTATUS(ran));
    *out = weft_str_of(text);
    return 0;
}

static int hog(const nap_in *in, int *out)
{
    struct timespec t, now;
    *out = in->ms;
    clock_gettime(CLOCK_MONOTONIC, &t);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < in->ms);
    return 0;
}

/* Behind a time in which its loop hears nothing. */
static int late(const nap_in *in, int *out)
{
    (void)hog(in, out);
    *out = getpid();
    return weft_sleep_ms(500);
}

/* What this worker has heard from the others. */
enum { TOPIC = 5 };
static int heard, came, gone, lost;
static void hears(weft__ear *e, unsigned from, weft_str message) { (void)e; (void)from; heard += weft_str_equal(message, WEFT_S("hello")); }
static void sees_come(weft__ear *e, unsigned from) { (void)e; (void)from; came++; }
static void sees_go(weft__ear *e, unsigned from) { (void)e; (void)from; gone++; }
static void misses(weft__ear *e, unsigned from, uint64_t n) { (void)e; (void)from; lost += (int)n; }
static weft__ear ear = { .topic = TOPIC, .heard = hears, .came = sees_come, .gone = sees_go, .lost = misses };

WEFT_MODEL(Ears, field(int, pid), field(int, heard), field(int, came), field(int, gone), field(int, lost));
static int listens(const weft_none *in, Ears *out)
{
    (void)in;
    *out = (Ears){ getpid(), heard, came, gone, lost };
    return 0;
}
WEFT_INPUT(call_in, path(int, times), path(int, topic));
static int calls(const call_in *in, int *out)
{
    for (int i = 0; i < in->times; i++) WEFT_TRY(weft__spread_say((uint32_t)in->topic, WEFT_S("hello")));
    *out = getpid();
    return 0;
}

typedef struct ears { char unused; } ears;
static int ears_open(const weft_none *in, ears **out)
{
    (void)in;
    *out = weft_new(ears);
    weft__spread_hear(&ear);
    return *out ? 0 : WEFT_ENOMEM;
}
static int ears_close(ears *e, int rc)
{
    (void)e;
    weft__spread_leave(&ear);
    return rc;
}
static const weft_provider listening = WEFT_PROVIDER(ears, weft_none, ears_open, ears_close, .per = WEFT_PER_WORKER);

static const weft_app app = { .title = "crew", .starts = WEFT_STARTS(&listening), .routes = WEFT_ROUTES(
    WEFT_GET("/who", who, weft_none, int),
    WEFT_GET("/nap/{ms}", nap, nap_in, int),
    WEFT_GET("/crash/{ms}", crash, nap_in, int),
    WEFT_GET("/hog/{ms}", hog, nap_in, int),
    WEFT_GET("/late/{ms}", late, nap_in, int),
    WEFT_GET("/rights", rights, weft_none, weft_str),
    WEFT_GET("/ears", listens, weft_none, Ears),
    WEFT_GET("/call/{topic}/{times}", calls, call_in, int),
    WEFT_METRICS("/metrics")) };

static serving serve(weft_serve_opts opts) { return serve_app(&app, opts); }

/* ---- tests ---- */

WEFT_TEST(workers_serve_behind_one_port_and_end_with_0_when_asked)
{
    char want[128], text[4096];
    int pid = 0, fds[8], pids[8], others = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    snprintf(want, sizeof want, "weft: crew listening on http://127.0.0.1:%d with 2 workers\n", s.port);
    WEFT_CHECK_STR(weft_str_of(s.said), want);
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(s.port);
        WEFT_NEED(fds[i] >= 0 && request(fds[i], "/who"));
        WEFT_CHECK_EQ(answer(fds[i], text, sizeof text, &pids[i]), 200);
        others += pids[i] != pids[0];
        WEFT_CHECK(pids[i] != s.pid);
    }
    WEFT_CHECK(others >= 2 && others <= 6);
    for (int i = 0; i < 8; i++) close(fds[i]);
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "");
    WEFT_CHECK_EQ(kill(pids[0], 0), -1);
}

WEFT_TEST(long_lived_connections_are_split_evenly)
{
    enum { COUNT = 64 };
    static char text[4096];
    int fds[COUNT], first = 0, of_first = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    for (int i = 0; i < COUNT; i++) WEFT_NEED((fds[i] = dial(s.port)) >= 0);
    for (int i = 0; i < COUNT; i++) {
        int pid = 0;
        WEFT_NEED(request(fds[i], "/who"));
        WEFT_CHECK_EQ(answer(fds[i], text, sizeof text, &pid), 200);
        if (!i) first = pid;
        of_first += pid == first;
    }
    WEFT_CHECK(of_first >= COUNT * 4 / 10 && of_first <= COUNT * 6 / 10);
    for (int i = 0; i < COUNT; i++) close(fds[i]);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

static int policy_of_a_worker(int workers)
{
    char text[4096];
    int pid = 0;
    serving s = serve((weft_serve_opts){ .workers = workers });
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    int policy = sched_getscheduler(pid);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    return policy;
}

WEFT_TEST(more_workers_than_processors_do_not_interrupt_each_other)
{
    cpu_set_t all, first;
    int usual = sched_getscheduler(0), shared = usual == SCHED_OTHER ? SCHED_BATCH : usual, core = 0;
    WEFT_NEED(sched_getaffinity(0, sizeof all, &all) == 0);
    while (!CPU_ISSET(core, &all)) core++;
    CPU_ZERO(&first);
    CPU_SET(core, &first);
    WEFT_CHECK_EQ(policy_of_a_worker(2), CPU_COUNT(&all) >= 2 ? usual : shared);
    WEFT_NEED(sched_setaffinity(0, sizeof first, &first) == 0);
    WEFT_CHECK_EQ(policy_of_a_worker(2), shared);
    WEFT_CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

WEFT_TEST(a_worker_that_is_killed_is_replaced_and_nobody_is_refused)
{
    static char text[8192];
    int pid = 0, killed = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/who", &killed), 200);
    kill(killed, SIGKILL);
    for (int i = 0; i < 50; i++) {
        int status = ask(s.port, "/who", &pid);
        WEFT_CHECK_EQ(status, 200);
        WEFT_CHECK(pid != killed);
        nap_ms(2);
    }
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "was ended by SIGKILL") != NULL);
}

WEFT_TEST(any_worker_answers_for_all_of_what_was_counted)
{
    static char text[8192];
    int pid = 0, pids[2] = { 0, 0 };
    serving s = serve((weft_serve_opts){ .workers = 2 });
    for (int i = 0; i < 20; i++) {
        WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
        if (!pids[0]) pids[0] = pid;
        else if (pid != pids[0]) pids[1] = pid;
    }
    for (int i = 0; i < 4; i++) {
        WEFT_CHECK_EQ(metric(s.port, "test_asked_total"), 20);
        WEFT_CHECK_EQ(metric(s.port, "weft_requests_total{method=\"GET\",route=\"/who\",status=\"200\"}"), 20);
    }
    WEFT_CHECK(pids[1] != 0);
    WEFT_CHECK_EQ(metric(s.port, "test_level"), 2);
    kill(pids[0], SIGKILL);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    WEFT_CHECK_EQ(metric(s.port, "test_asked_total"), 20);
    WEFT_CHECK_EQ(metric(s.port, "weft_requests_total{method=\"GET\",route=\"/who\",status=\"200\"}"), 20);
    WEFT_CHECK_EQ(metric(s.port, "test_level"), 1);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

WEFT_TEST(a_crash_is_told_with_signal_route_task_and_stack)
{
    static char text[32768];
    int pid = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/crash/16", &pid), 0);
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    const char *line = strstr(text, ") crashed: SIGSEGV at 0x10 in GET /crash/{ms} (task a request, started at ");
    WEFT_CHECK(line != NULL);
    const char *stack = strstr(text, "crashed here, in GET /crash/{ms}:\n");
    WEFT_CHECK(stack != NULL);
    WEFT_CHECK(stack && strstr(stack, "crash (fleet_test.c:") != NULL);
    if (!line) fprintf(stderr, "%s\n", text);
}

WEFT_TEST(an_abort_is_told_too_and_an_exit_of_a_handler_is_no_crash_of_the_service)
{
    static char text[32768];
    int pid = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/crash/6", &pid), 0);
    WEFT_CHECK_EQ(ask(s.port, "/crash/7", &pid), 0);
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 2));
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "crashed: SIGABRT in GET /crash/{ms}") != NULL);
    WEFT_CHECK(strstr(text, "ended with status 7") != NULL);
}

WEFT_TEST(a_request_that_has_crashed_two_workers_is_refused_and_others_are_not)
{
    static char text[65536];
    int pid = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/crash/32", &pid), 0);
    WEFT_CHECK_EQ(ask(s.port, "/crash/32", &pid), 0);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 2));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(ask(s.port, "/crash/32", &pid), 503);
    WEFT_CHECK_EQ(ask(s.port, "/nap/1", &pid), 200);
    WEFT_CHECK_EQ(metric(s.port, "weft_worker_restarts_total"), 2);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "GET /crash/{ms} has crashed two workers") != NULL);
}

WEFT_TEST(a_stuck_worker_is_told_with_its_stack_and_replaced)
{
    static char text[65536];
    int pid = 0;
    serving s = serve((weft_serve_opts){ .workers = 2, .stuck_ms = 1000, .watchdog_ms = -1 });
    int fd = dial(s.port);
    WEFT_NEED(fd >= 0 && request(fd, "/hog/60000"));
    WEFT_CHECK_EQ(answer(fd, text, sizeof text, &pid), 0);
    close(fd);
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "has been stuck for 1 s and is replaced") != NULL);
    WEFT_CHECK(strstr(text, "crashed: SIGABRT in GET /hog/{ms}") != NULL);
    WEFT_CHECK(strstr(text, "hog (fleet_test.c:") != NULL);
}

WEFT_TEST(a_worker_that_somebody_has_stopped_is_replaced)
{
    static char text[16384];
    int pid = 0, stopped = 0;
    serving s = serve((weft_serve_opts){ .workers = 2, .stuck_ms = 1000 });
    WEFT_CHECK_EQ(ask(s.port, "/who", &stopped), 200);
    kill(stopped, SIGSTOP);
    for (int i = 0; i < 10; i++) {
        WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
        WEFT_CHECK(pid != stopped);
    }
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

WEFT_TEST(a_worker_that_has_answered_enough_is_replaced_without_a_request_lost)
{
    static char text[16384];
    int pid = 0, seen[16], kinds = 0, failed = 0;
    serving s = serve((weft_serve_opts){ .workers = 2, .max_requests = 50 });
    for (int i = 0; i < 600; i++) {
        failed += ask(s.port, "/who", &pid) != 200;
        int k = 0;
        while (k < kinds && seen[k] != pid) k++;
        if (k == kinds && kinds < 16) seen[kinds++] = pid;
    }
    WEFT_CHECK_EQ(failed, 0);
    WEFT_CHECK(kinds >= 4);
    WEFT_CHECK_EQ(metric(s.port, "test_asked_total"), 600);
    WEFT_CHECK_EQ(metric(s.port, "weft_worker_restarts_total"), 0);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "");
}

WEFT_TEST(workers_that_began_together_do_not_go_together)
{
    bool met[21] = { false };
    for (uint64_t random = 1; random < 1000; random++) {
        uint64_t n = weft__serving_limit(200, random * 0x9e3779b97f4a7c15);
        WEFT_NEED(n >= 180 && n <= 200);
        met[n - 180] = true;
    }
    for (int i = 0; i <= 20; i++) WEFT_CHECK(met[i]);
    WEFT_CHECK_EQ(weft__serving_limit(9, UINT64_MAX), 9);
    WEFT_CHECK_EQ(weft__serving_limit(1, 7), 1);
}

WEFT_TEST(whoever_is_connected_to_a_worker_that_is_replaced_may_ask_once_more)
{
    static char text[16384];
    int pid = 0, mine = 0;
    serving s = serve((weft_serve_opts){ .workers = 2, .max_requests = 20 });
    int fd = dial(s.port);
    WEFT_NEED(fd >= 0 && request(fd, "/who"));
    WEFT_CHECK_EQ(answer(fd, text, sizeof text, &mine), 200);
    int busy = -1, asked = 0;                        /* another one of that worker's, which asks until it is told to go */
    while (pid != mine) {
        if (busy >= 0) close(busy);
        WEFT_NEED((busy = dial(s.port)) >= 0 && request(busy, "/who"));
        WEFT_CHECK_EQ(answer(busy, text, sizeof text, &pid), 200);
    }
    for (; asked < 1000 && !strstr(text, "Connection: close"); asked++) {
        WEFT_NEED(request(busy, "/who"));
        WEFT_CHECK_EQ(answer(busy, text, sizeof text, &pid), 200);
        nap_ms(5);                                   /* who takes its place has to be there first */
    }
    WEFT_CHECK(asked > 5 && asked < 1000);
    WEFT_NEED(request(fd, "/who"));
    WEFT_CHECK_EQ(answer(fd, text, sizeof text, &pid), 200);
    WEFT_CHECK_EQ(pid, mine);
    WEFT_CHECK(strstr(text, "Connection: close") != NULL);
    WEFT_CHECK_EQ(recv(fd, text, sizeof text, 0), 0);
    close(fd);
    close(busy);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

/* It was told to go before the stop, which for its request is the first word of it. */
WEFT_TEST(a_worker_that_is_being_replaced_has_its_grace_when_all_stop)
{
    static char text[16384];
    int pid = 0, mine = 0;
    serving s = serve((weft_serve_opts){ .workers = 2, .max_requests = 20 });
    int fd = dial(s.port), idle = -1;
    WEFT_NEED(fd >= 0 && request(fd, "/who"));
    WEFT_CHECK_EQ(answer(fd, text, sizeof text, &mine), 200);
    while (pid != mine) {                            /* another one of that worker's, which has nothing to ask */
        if (idle >= 0) close(idle);
        WEFT_NEED((idle = dial(s.port)) >= 0 && request(idle, "/who"));
        WEFT_CHECK_EQ(answer(idle, text, sizeof text, &pid), 200);
    }
    WEFT_NEED(request(fd, "/nap/2500"));
    for (int i = 0; i < 200; i++) WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    nap_ms(700);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(recv(idle, text, sizeof text, 0), 0);      /* at once, not when its grace is over */
    WEFT_CHECK_EQ(answer(fd, text, sizeof text, &pid), 200);
    WEFT_CHECK_EQ(pid, mine);
    close(fd);
    close(idle);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
}

/* False: the second signal came so late behind the first that the worker, whose loop had not turned for a second, ended itself. */
static bool answers_what_it_was_late_with(void)
{
    static char text[16384];
    int pid = 0, mine = 0;
    serving s = serve((weft_serve_opts){ .workers = 2, .max_requests = 20 });
    int fd = dial(s.port);
    WEFT_NEED(fd >= 0);
    for (int i = 0; i < 20; i++) {
        WEFT_NEED(request(fd, "/who"));
        WEFT_CHECK_EQ(answer(fd, text, sizeof text, &mine), 200);
    }
    WEFT_NEED(request(fd, "/late/2000"));
    nap_ms(700);
    kill(s.pid, SIGTERM);
    bool answered = answer(fd, text, sizeof text, &pid) == 200 && pid == mine;
    close(fd);
    int status = end(&s, text, sizeof text);
    if (strstr(text, "a second signal, and the loop has not turned")) return false;
    WEFT_CHECK(answered);
    WEFT_CHECK_EQ(status, 0);
    return true;
}

/* It hears of both at once: of the stop, and that it was to go before it, which is no second stop. */
WEFT_TEST(a_worker_that_hears_late_that_it_is_replaced_has_its_grace_when_all_stop)
{
    bool in_time = false;
    for (int i = 0; i < 5 && !in_time; i++) in_time = answers_what_it_was_late_with();
    WEFT_CHECK(in_time);
}

WEFT_TEST(a_supervisor_that_is_killed_takes_its_workers_with_it)
{
    static char text[4096];
    int pid = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    kill(s.pid, SIGKILL);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), -SIGKILL);     /* its stderr ends with the last process that has it */
    for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) nap_ms(20);
    int fd = dial(s.port);
    WEFT_CHECK_EQ(fd, -1);
    if (fd >= 0) close(fd);
}

WEFT_TEST(requests_in_flight_in_all_workers_are_answered_after_sigterm)
{
    enum { COUNT = 8 };
    static char text[4096];
    int fds[COUNT], pid, probe = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    for (int i = 0; i < COUNT; i++) WEFT_NEED((fds[i] = dial(s.port)) >= 0 && request(fds[i], "/nap/400"));
    WEFT_CHECK_EQ(ask(s.port, "/who", &probe), 200);
    nap_ms(100);
    kill(s.pid, SIGTERM);
    for (int i = 0; i < COUNT; i++) {
        WEFT_CHECK_EQ(answer(fds[i], text, sizeof text, &pid), 200);
        close(fds[i]);
    }
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "");
}

WEFT_TEST(a_second_signal_skips_the_grace_of_all_workers)
{
    static char text[4096];
    int pid;
    serving s = serve((weft_serve_opts){ .workers = 2, .grace_ms = 3600 * 1000 });
    int fd = dial(s.port);
    WEFT_NEED(fd >= 0 && request(fd, "/nap/3600000"));
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    kill(s.pid, SIGTERM);
    nap_ms(200);
    kill(s.pid, SIGINT);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    close(fd);
}

static int bad_open(const weft_none *in, ears **out) { (void)in; (void)out; return weft_fail(WEFT_ECONNREFUSED, "nobody is there"); }
static const weft_provider bad = WEFT_PROVIDER(ears, weft_none, bad_open, ears_close, .per = WEFT_PER_WORKER);
static const weft_app dies = { .starts = WEFT_STARTS(&bad) };

WEFT_TEST(an_application_that_cannot_start_ends_with_3_and_is_not_tried_for_ever)
{
    static char text[8192];
    serving s = serve_app(&dies, (weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 3);
    WEFT_CHECK_STR(weft_str_of(s.said), "");
    WEFT_CHECK(strstr(text, "nobody is there") != NULL);
}

WEFT_TEST(workers_that_make_no_sense_are_refused)
{
    static char text[4096];
    serving s = serve((weft_serve_opts){ .workers = 65 });
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "workers is 65: expected 0 to 64") != NULL);
    s = serve((weft_serve_opts){ .workers = 2, .stuck_ms = 10 });
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "stuck_ms is 10") != NULL);
}

WEFT_TEST(what_the_environment_says_of_workers_counts_or_is_refused)
{
    static const char *const bad[] = { "65", "-1", "4x", " 2", "none", "2147483650" };
    static char text[4096];
    for (size_t i = 0; i < weft_count(bad); i++) {
        setenv("WEFT_WORKERS", bad[i], 1);
        serving s = serve((weft_serve_opts){ .workers = 2 });
        WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
        WEFT_CHECK(strstr(text, "WEFT_WORKERS is '") && strstr(text, "expected 0 to 64, or auto"));
    }
    setenv("WEFT_WORKERS", "0", 1);
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK(strstr(s.said, "workers") == NULL);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    setenv("WEFT_WORKERS", "2", 1);
    s = serve((weft_serve_opts){ 0 });
    WEFT_CHECK(strstr(s.said, "with 2 workers") != NULL);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
    unsetenv("WEFT_WORKERS");
}

static void check_rights(weft_serve_opts opts, const char *want)
{
    static char text[4096];
    int unused;
    serving s = serve(opts);
    int fd = dial(s.port);
    WEFT_NEED(fd >= 0 && request(fd, "/rights"));
    WEFT_CHECK_EQ(answer(fd, text, sizeof text, &unused), 200);
    WEFT_CHECK_STR(weft_str_of(strstr(text, "\r\n\r\n") + 4), want);
    close(fd);
    int status = stop(&s, text, sizeof text);
#ifndef WEFT__SANITIZED                  /* whose search for leaks traces the process, which the sandbox forbids */
    WEFT_CHECK_EQ(status, 0);
#else
    (void)status;
#endif
    unlink("/tmp/weft-not-to-be");
}

WEFT_TEST(workers_give_up_what_they_are_told_to)
{
    char want[64];
    bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
    snprintf(want, sizeof want, "\"%d 13 1\"", (int)getuid());
    if (!landlock) WEFT_SKIP("this kernel has no Landlock");
    check_rights((weft_serve_opts){ .sandbox = true }, want);
    snprintf(want, sizeof want, "\"%d 0 1\"", (int)getuid());
    check_rights((weft_serve_opts){ .sandbox = true, .sandbox_folders = "/tmp" }, want);
    if (geteuid() != 0 || !getpwnam("nobody")) WEFT_SKIP("only root can become nobody");
    snprintf(want, sizeof want, "\"%d 13 1\"", (int)getpwnam("nobody")->pw_uid);
    check_rights((weft_serve_opts){ .sandbox = true, .user = "nobody" }, want);
}

WEFT_TEST(a_worker_of_another_user_ends_with_its_supervisor_too)
{
    static char text[4096];
    int pid = 0;
    if (geteuid() != 0 || !getpwnam("nobody")) WEFT_SKIP("only root can become nobody");
    serving s = serve((weft_serve_opts){ .user = "nobody" });
    WEFT_CHECK_EQ(ask(s.port, "/who", &pid), 200);
    kill(s.pid, SIGKILL);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), -SIGKILL);
    for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) nap_ms(20);
    WEFT_CHECK_EQ(kill(pid, 0), -1);
}

/* ---- what workers tell each other ---- */

static Ears ears_of(int port, int pid)
{
    static char text[4096];
    Ears e = { 0 };
    for (int i = 0; i < 500 && e.pid != pid; i++) {
        int fd = dial(port), unused;
        WEFT_NEED(fd >= 0 && request(fd, "/ears"));
        WEFT_NEED(answer(fd, text, sizeof text, &unused) == 200);
        const char *body = strstr(text, "{");
        WEFT_NEED(body && sscanf(body, "{\"pid\":%d,\"heard\":%d,\"came\":%d,\"gone\":%d,\"lost\":%d}", &e.pid, &e.heard, &e.came, &e.gone, &e.lost) == 5);
        close(fd);
    }
    return e;
}

WEFT_TEST(what_one_worker_says_the_others_hear_and_know_who_comes_and_goes)
{
    static char text[8192];
    int speaker = 0, other = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/call/5/10", &speaker), 200);
    for (int i = 0; i < 500 && (!other || other == speaker); i++) WEFT_CHECK_EQ(ask(s.port, "/who", &other), 200);
    WEFT_NEED(other != speaker);
    Ears e = ears_of(s.port, other);
    WEFT_CHECK_EQ(e.heard, 10);
    WEFT_CHECK_EQ(e.came, 1);
    WEFT_CHECK_EQ(e.gone, 0);
    WEFT_CHECK_EQ(ears_of(s.port, speaker).heard, 0);
    kill(speaker, SIGKILL);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    for (int i = 0; i < 100 && e.came < 2; i++, nap_ms(20)) e = ears_of(s.port, other);
    WEFT_CHECK_EQ(e.gone, 1);
    WEFT_CHECK_EQ(e.came, 2);
    WEFT_CHECK_EQ(e.lost, 0);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

WEFT_TEST(messages_of_another_topic_are_not_heard_and_a_flood_is_heard_or_told_as_lost)
{
    enum { FLOOD = 100000 };
    static char text[8192];
    int speaker = 0, other = 0;
    serving s = serve((weft_serve_opts){ .workers = 2 });
    WEFT_CHECK_EQ(ask(s.port, "/call/6/100", &speaker), 200);
    for (int i = 0; i < 500 && (!other || other == speaker); i++) WEFT_CHECK_EQ(ask(s.port, "/who", &other), 200);
    WEFT_CHECK_EQ(ears_of(s.port, other).heard, 0);
    int said = 0, by_other = 0;
    snprintf(text, sizeof text, "/call/5/%d", FLOOD);
    for (int i = 0; i < 20 && said < 1; i++) {
        int pid = 0;
        WEFT_CHECK_EQ(ask(s.port, text, &pid), 200);
        if (pid == speaker) said++;
        else by_other++;
    }
    Ears e = { 0 };
    for (int i = 0; i < 200 && e.heard + e.lost < said * FLOOD; i++, nap_ms(20)) e = ears_of(s.port, other);
    WEFT_CHECK_EQ(e.heard + e.lost, said * FLOOD);
    WEFT_CHECK_EQ(said, 1);
    WEFT_CHECK(by_other < 20);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}
