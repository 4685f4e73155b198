/* weft_serve on real sockets: what it prints, how it ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "weft.h"

WEFT_INPUT(wait_in, path(int, ms));
static int wait_ms(const wait_in *in, int *out)
{
    *out = in->ms;
    return weft_sleep_ms(in->ms);
}

static int stubborn(const wait_in *in, int *out)
{
    *out = in->ms;
    while (in->ms > 0) {
        int ignored = weft_sleep_ms(10);
        (void)ignored;
    }
    return 0;
}

static int sleeps_for_good(const wait_in *in, int *out)
{
    while (in->ms) pause();
    *out = 0;
    return 0;
}

static int in_a_thread(const wait_in *in, int *out) { return weft_in_thread_of(&weft_blocking, sleeps_for_good, in, out); }

static int leaves_a_thread(const wait_in *in, int *out)
{
    return weft_in_thread_of(&weft_blocking, sleeps_for_good, in, out, .timeout_ms = in->ms, .abandon = true);
}

WEFT_MODEL(Ms, field(int, ms));
static int sleeps(const Ms *in)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    fprintf(stderr, "slept\n");
    return 0;
}
static int never_ends(const Ms *in)
{
    while (in->ms >= 0) {
        int ignored = weft_sleep_ms(10);
        (void)ignored;
    }
    return 0;
}
static int talks(const wait_in *in, int *out)
{
    *out = in->ms;
    weft_log_debug("debug %d", in->ms);
    weft_log_error("error %d", in->ms);
    return 0;
}
static int later(const wait_in *in, int *out)
{
    *out = in->ms;
    if (in->ms == 0) return weft_background(Ms, never_ends, (&(Ms){ 0 }));
    return weft_background(Ms, sleeps, (&(Ms){ in->ms }));
}

static const weft_app app = { .title = "waiter", .routes = WEFT_ROUTES(
    WEFT_GET("/talk/{ms}", talks, wait_in, int),
    WEFT_GET("/later/{ms}", later, wait_in, int),
    WEFT_GET("/wait/{ms}", wait_ms, wait_in, int),
    WEFT_GET("/stubborn/{ms}", stubborn, wait_in, int),
    WEFT_GET("/thread/{ms}", in_a_thread, wait_in, int),
    WEFT_GET("/left/{ms}", leaves_a_thread, wait_in, int)) };

/* A server in a process of its own; `out` and `err` are what it prints. */
typedef struct serving { pid_t pid; int out, err, port; char said[512]; } serving;

static serving serve_app(const weft_app *served, weft_serve_opts opts)
{
    serving s = { 0 };
    int out[2], err[2];
    WEFT_NEED(pipe(out) == 0 && pipe(err) == 0);
    fflush(NULL);
    s.pid = fork();
    if (s.pid == 0) {
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(out[0]);
        close(err[0]);
        exit(weft_serve_with(served, &opts));
    }
    close(out[1]);
    close(err[1]);
    s.out = out[0];
    s.err = err[0];
    ssize_t n = read(s.out, s.said, sizeof s.said - 1);
    s.said[n < 0 ? 0 : n] = 0;
    const char *colon = strrchr(s.said, ':');
    s.port = colon ? atoi(colon + 1) : 0;
    return s;
}

static serving serve(weft_serve_opts opts) { return serve_app(&app, opts); }

/* Its exit status, and what it wrote to stderr. */
static int end(serving *s, char *text, size_t room)
{
    int status;
    size_t n = 0;
    for (ssize_t got; n + 1 < room && (got = read(s->err, text + n, room - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    WEFT_NEED(waitpid(s->pid, &status, 0) == s->pid);
    close(s->out);
    close(s->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Served, asked nothing, and stopped. */
static int start_and_stop(const weft_app *served, weft_serve_opts opts, char *text, size_t room)
{
    opts.port = -1;
    serving s = serve_app(served, opts);
    kill(s.pid, SIGTERM);
    return end(&s, text, room);
}

static int ask_with(int port, const char *request)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    WEFT_NEED(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    WEFT_NEED(send(fd, request, strlen(request), 0) == (ssize_t)strlen(request));
    return fd;
}

static int ask(int port, const char *path)
{
    char request[128];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    return ask_with(port, request);
}

static int status_of(int fd, char *answer, size_t room)
{
    ssize_t n = recv(fd, answer, room - 1, 0);
    answer[n < 0 ? 0 : n] = 0;
    return n > 12 ? atoi(answer + 9) : 0;
}

WEFT_TEST(it_says_where_it_listens_and_ends_with_0_when_asked)
{
    char want[128], text[1024];
    serving s = serve((weft_serve_opts){ .port = -1 });
    snprintf(want, sizeof want, "weft: waiter listening on http://127.0.0.1:%d\n", s.port);
    WEFT_CHECK_STR(weft_str_of(s.said), want);
    int fd = ask(s.port, "/wait/1");
    WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 200);
    close(fd);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "");
}

WEFT_TEST(a_request_in_flight_is_answered_after_sigterm_and_its_connection_closed)
{
    char text[1024];
    serving s = serve((weft_serve_opts){ .port = -1 });
    int fd = ask(s.port, "/wait/300"), probe = ask(s.port, "/wait/0");
    WEFT_CHECK_EQ(status_of(probe, text, sizeof text), 200);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 200);
    WEFT_CHECK(strstr(text, "Connection: close") != NULL);
    WEFT_CHECK_EQ(recv(fd, text, sizeof text, 0), 0);
    close(fd);
    close(probe);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
}

WEFT_TEST(a_second_signal_skips_the_grace)
{
    char text[1024];
    serving s = serve((weft_serve_opts){ .port = -1, .grace_ms = 3600 * 1000 });
    int fd = ask(s.port, "/wait/3600000"), probe = ask(s.port, "/wait/0");
    WEFT_CHECK_EQ(status_of(probe, text, sizeof text), 200);
    kill(s.pid, SIGTERM);
    usleep(50 * 1000);
    kill(s.pid, SIGINT);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    close(fd);
    close(probe);
}

WEFT_TEST(a_handler_that_ignores_its_cancel_does_not_keep_the_process)
{
    char text[1024];
    serving s = serve((weft_serve_opts){ .port = -1, .grace_ms = 50, .hard_ms = 50 });
    int fd = ask(s.port, "/stubborn/1"), probe = ask(s.port, "/wait/0");
    WEFT_CHECK_EQ(status_of(probe, text, sizeof text), 200);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "ignores its cancel") != NULL);
    close(fd);
    close(probe);
}

WEFT_TEST(a_call_on_a_thread_that_never_ends_does_not_keep_the_process_and_is_named)
{
    char text[2048];
    serving s = serve((weft_serve_opts){ .port = -1, .grace_ms = 50, .hard_ms = 50 });
    int fd = ask(s.port, "/thread/1"), probe = ask(s.port, "/left/100");
    WEFT_CHECK_EQ(status_of(probe, text, sizeof text), 504);         /* and the other one has begun meanwhile */
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "sleeps_for_good, on a thread of pool blocking") != NULL);
    close(fd);
    close(probe);
}

WEFT_TEST(an_abandoned_call_that_never_ends_does_not_keep_the_process)
{
    char text[2048];
    serving s = serve((weft_serve_opts){ .port = -1, .grace_ms = 3600 * 1000 });
    int fd = ask(s.port, "/left/50");
    WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 504);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    close(fd);
}

WEFT_TEST(a_port_that_is_taken_is_said_and_ends_with_1)
{
    char text[1024];
    serving first = serve((weft_serve_opts){ .port = -1 });
    serving second = serve((weft_serve_opts){ .port = first.port });
    WEFT_CHECK_EQ(end(&second, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "cannot listen on 127.0.0.1 port") != NULL);
    WEFT_CHECK_STR(weft_str_of(second.said), "");
    kill(first.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&first, text, sizeof text), 0);
}

WEFT_TEST(a_host_that_is_no_address_is_said)
{
    char text[1024];
    serving s = serve((weft_serve_opts){ .port = -1, .host = "no.such.host.invalid" });
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "no.such.host.invalid") != NULL);
}

static const weft_app debugged = { .debug = true, .openapi_path = "" };
static const weft_app around_debugged = { .mounts = WEFT_MOUNTS(WEFT_MOUNT("/inside", debugged)) };

WEFT_TEST(a_server_that_shows_what_happens_inside_says_so)
{
    char text[1024];
    WEFT_CHECK_EQ(start_and_stop(&around_debugged, (weft_serve_opts){ 0 }, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "weft: WARNING: .debug is on: ") == text);
    WEFT_CHECK_EQ(start_and_stop(&app, (weft_serve_opts){ 0 }, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "debug") == NULL);
}

static const weft_app of_folders = { .openapi_path = "",
    .routes = WEFT_ROUTES(WEFT_STATIC("/tmp", "/tmp"), WEFT_STATIC("", "weft-no-such-folder")) };

WEFT_TEST(a_folder_that_is_not_there_is_said)
{
    char text[1024];
    WEFT_CHECK_EQ(start_and_stop(&of_folders, (weft_serve_opts){ 0 }, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "weft: WARNING: there is no folder 'weft-no-such-folder' here") != NULL);
    WEFT_CHECK(strstr(text, "'/tmp'") == NULL);
}

/* ---- providers per worker ---- */

typedef struct pool { char unused; } pool;
static int say(const char *what, int rc) { dprintf(2, "%s\n", what); return rc; }
static int good_open(const weft_none *in, pool **out) { (void)in; *out = weft_new(pool); return say("open", *out ? 0 : WEFT_ENOMEM); }
static int good_close(pool *p, int rc) { (void)p; return say("close", rc); }
static int bad_close(pool *p, int rc) { (void)p; (void)rc; return weft_fail(WEFT_EPROTO, "no goodbye"); }
static int bad_open(const weft_none *in, pool **out) { (void)in; (void)out; return weft_fail(WEFT_ECONNREFUSED, "nobody is there"); }
static int slow_open(const weft_none *in, pool **out) { (void)in; (void)out; dprintf(1, "slow\n"); return weft_sleep_ms(3600 * 1000); }
static const weft_provider good = WEFT_PROVIDER(pool, weft_none, good_open, good_close, .per = WEFT_PER_WORKER);
static const weft_provider ends_badly = WEFT_PROVIDER(pool, weft_none, good_open, bad_close, .per = WEFT_PER_WORKER);
static const weft_provider bad = WEFT_PROVIDER(pool, weft_none, bad_open, good_close, .per = WEFT_PER_WORKER);
static const weft_provider slow = WEFT_PROVIDER(pool, weft_none, slow_open, good_close, .per = WEFT_PER_WORKER);
static const weft_app lives = { .starts = WEFT_STARTS(&good) }, dies = { .starts = WEFT_STARTS(&good, &bad) };
static const weft_app waits = { .starts = WEFT_STARTS(&good, &slow) }, ends = { .starts = WEFT_STARTS(&good, &ends_badly) };

WEFT_TEST(what_lives_per_worker_is_open_while_it_listens)
{
    char text[1024];
    WEFT_CHECK_EQ(start_and_stop(&lives, (weft_serve_opts){ 0 }, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "open\nclose\n");
}

WEFT_TEST(a_start_that_fails_is_said_closes_what_was_opened_and_ends_with_3)
{
    char text[1024];
    serving s = serve_app(&dies, (weft_serve_opts){ .port = -1 });
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 3);
    WEFT_CHECK_STR(weft_str_of(s.said), "");
    WEFT_CHECK(strstr(text, "open\nclose\nweft: bad_open: nobody is there [") == text);
    WEFT_CHECK(strstr(text, "weft: the application could not start\n") != NULL);
}

WEFT_TEST(a_signal_while_it_starts_ends_it_without_a_failure)
{
    char text[1024];
    serving s = serve_app(&waits, (weft_serve_opts){ .port = -1 });
    WEFT_CHECK_STR(weft_str_of(s.said), "slow\n");
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "open\nclose\n");
}

WEFT_TEST(a_close_that_fails_at_the_end_is_said_and_ends_with_1)
{
    char text[1024];
    WEFT_CHECK_EQ(start_and_stop(&ends, (weft_serve_opts){ 0 }, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "open\nopen\nclose\nweft: good_open: closing what it opened failed: no goodbye [") == text);
}

static int free_port(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    WEFT_NEED(fd >= 0 && bind(fd, (struct sockaddr *)&to, len) == 0 && getsockname(fd, (struct sockaddr *)&to, &len) == 0);
    close(fd);
    return ntohs(to.sin_port);
}

static bool answers(int port)
{
    static const char request[] = "GET /wait/0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    char text[1024];
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    WEFT_NEED(fd >= 0);
    bool answered = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 &&
        status_of(fd, text, sizeof text) == 200;
    close(fd);
    return answered;
}

WEFT_TEST(a_quiet_server_prints_nothing)
{
    char text[1024];
    serving s = { 0 };
    int port = free_port();
    int out[2], err[2];
    WEFT_NEED(pipe(out) == 0 && pipe(err) == 0);
    s.pid = fork();
    if (s.pid == 0) {
        dup2(out[1], 1);
        exit(weft_serve(&app, .port = port, .quiet = true));
    }
    close(out[1]);
    close(err[1]);
    s.out = out[0];
    s.err = err[0];
    for (int i = 0; i < 2000 && !answers(port); i++) usleep(5000);
    WEFT_CHECK(answers(port));                       /* what it has to say of itself it has said by then */
    fcntl(s.out, F_SETFL, O_NONBLOCK);
    WEFT_CHECK_EQ(read(s.out, text, sizeof text), -1);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
}

/* ---- what requests left behind ---- */

/* A signal that was sent and that it has not taken yet. */
static bool has_one_to_come(pid_t pid)
{
    char path[40], line[128];
    unsigned long long pending = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "ShdPnd: %llx", &pending) != 1) continue;
    if (f) fclose(f);
    return pending != 0;
}

/* Two of them would be one where the server does not run in between. */
static void stop_once(const serving *s)
{
    kill(s->pid, SIGTERM);
    for (int i = 0; i < 2000 && has_one_to_come(s->pid); i++) usleep(5000);
    usleep(50 * 1000);
}

static int end_behind(const char *path, weft_serve_opts opts, int signals, char *text, size_t room)
{
    opts.port = -1;
    serving s = serve(opts);
    int fd = ask(s.port, path);
    WEFT_CHECK_EQ(status_of(fd, text, room), 200);
    close(fd);
    for (int i = 0; i < signals; i++) stop_once(&s);
    return end(&s, text, room);
}

WEFT_TEST(b35_a_stop_waits_for_background_tasks)
{
    char text[1024];
    WEFT_CHECK_EQ(end_behind("/later/300", (weft_serve_opts){ 0 }, 1, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "slept\n");
}

WEFT_TEST(a_stop_waits_for_them_no_longer_than_background_ms_nor_after_a_second_signal)
{
    char text[1024];
    WEFT_CHECK_EQ(end_behind("/later/3600000", (weft_serve_opts){ .background_ms = 50 }, 1, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "background task sleeps of GET /later/{ms} is cancelled") != NULL);
    WEFT_CHECK_EQ(end_behind("/later/3600000", (weft_serve_opts){ .background_ms = 3600000 }, 2, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "background task sleeps of GET /later/{ms} is cancelled") != NULL);
}

WEFT_TEST(a_background_task_that_never_ends_is_named_and_the_program_ends_without_it)
{
    char text[1024];
    WEFT_CHECK_EQ(end_behind("/later/0", (weft_serve_opts){ .background_ms = 50, .hard_ms = 50 }, 1, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "background task never_ends of GET /later/{ms} still runs after background_ms and hard_ms") != NULL);
}

WEFT_TEST(sigusr1_switches_debug_on_and_the_next_one_back)
{
    char text[1024];
    serving s = serve((weft_serve_opts){ .port = -1 });
    for (int i = 0; i < 3; i++) {
        char path[16];
        snprintf(path, sizeof path, "/talk/%d", i);
        int fd = ask(s.port, path);
        WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 200);
        close(fd);
        kill(s.pid, SIGUSR1);
        usleep(50 * 1000);
    }
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK(!strstr(text, "debug 0") && strstr(text, "debug debug 1\n") && !strstr(text, "debug 2"));
    WEFT_CHECK(strstr(text, "error error 2\n") != NULL);
}

/* What the log says of two requests, with a signal before each. */
static void talk_after_signals(const char *level, char *text, size_t room)
{
    if (level) setenv("WEFT_LOG", level, 1);
    serving s = serve((weft_serve_opts){ .port = -1 });
    for (int i = 1; i <= 2; i++) {
        char path[16];
        snprintf(path, sizeof path, "/talk/%d", i);
        kill(s.pid, SIGUSR1);
        usleep(50 * 1000);
        int fd = ask(s.port, path);
        WEFT_CHECK_EQ(status_of(fd, text, room), 200);
        close(fd);
    }
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, room), 0);
}

WEFT_TEST(sigusr1_never_makes_a_log_quieter_that_was_at_debug_before)
{
    char text[2048];
    talk_after_signals("debug", text, sizeof text);
    WEFT_CHECK(strstr(text, "debug debug 1\n") && strstr(text, "debug debug 2\n"));
    WEFT_CHECK(strstr(text, "warning SIGUSR1: the log is at debug already, by WEFT_LOG or the program, and stays there\n") != NULL);
}

WEFT_TEST(sigusr1_says_what_it_does_also_where_little_is_wanted)
{
    char text[2048];
    talk_after_signals("error", text, sizeof text);
    WEFT_CHECK(strstr(text, "debug debug 1\n") && !strstr(text, "debug 2"));
    WEFT_CHECK(strstr(text, "SIGUSR1: the log is at debug; the next one brings back error\n") != NULL);
    WEFT_CHECK(strstr(text, "SIGUSR1: the log is again at error\n") != NULL);
    talk_after_signals("off", text, sizeof text);
    WEFT_CHECK(strstr(text, "error error 1\n") && !strstr(text, "error 2"));
}

/* ---- closes, while it stops ---- */

typedef struct held { int ms; } held;
static int held_open(const wait_in *in, held **out) { *out = weft_new(held); if (*out) (*out)->ms = in->ms; return *out ? 0 : WEFT_ENOMEM; }
static int slow_close(held *h, int rc) { int cut = weft_sleep_ms(h->ms); return say(cut ? "cut" : "closed", rc); }
static int stubborn_close(held *h, int rc)
{
    while (h->ms) (void)!weft_sleep_ms(10);
    return rc;
}
static int blocking_close(held *h, int rc) { usleep((useconds_t)h->ms * 1000); return rc; }
static int at_once(const wait_in *in, int *out) { *out = in->ms; return 0; }
static int listens(const wait_in *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) continue;
    return rc;
}
static int for_ever(const wait_in *in, int *out) { *out = in->ms; return weft_sleep_ms(3600 * 1000); }
static const weft_provider closes_slowly = WEFT_PROVIDER(held, wait_in, held_open, slow_close);
static const weft_provider closes_slowly_too = WEFT_PROVIDER(held, wait_in, held_open, slow_close, .depends = WEFT_DEPENDS(&closes_slowly));
static const weft_provider closes_never = WEFT_PROVIDER(held, wait_in, held_open, stubborn_close, .close_timeout_ms = 100);
static const weft_provider blocks_behind = WEFT_PROVIDER(held, wait_in, held_open, blocking_close, .after_reply = true);
static const weft_app holds = { .routes = WEFT_ROUTES(
    WEFT_GET("/slow/{ms}", for_ever, wait_in, int, .depends = WEFT_DEPENDS(&closes_slowly_too)),
    WEFT_GET("/never/{ms}", at_once, wait_in, int, .depends = WEFT_DEPENDS(&closes_never)),
    WEFT_GET("/behind/{ms}", at_once, wait_in, int, .depends = WEFT_DEPENDS(&blocks_behind)),
    WEFT_WS("/ws/{ms}", listens, wait_in, .depends = WEFT_DEPENDS(&closes_slowly))) };

/* Ask, have it stop, and say how it ended. */
static int stop_amid(const weft_app *of, const char *path, weft_serve_opts opts, char *text, size_t room)
{
    opts.port = -1;
    serving s = serve_app(of, opts);
    int fd = ask(s.port, path), probe = ask(s.port, "/none");
    WEFT_CHECK_EQ(status_of(probe, text, room), 404);
    kill(s.pid, SIGTERM);
    int status = end(&s, text, room);
    close(fd);
    close(probe);
    return status;
}

WEFT_TEST(closes_have_their_own_time_when_a_server_stops_also_one_behind_the_other)
{
    char text[2048];
    WEFT_CHECK_EQ(stop_amid(&holds, "/slow/300", (weft_serve_opts){ .grace_ms = 20, .hard_ms = 20 }, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "closed\nclosed\n");
}

WEFT_TEST(a_websocket_s_providers_have_their_time_as_well)
{
    static const char handshake[] = "GET /ws/300 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char text[2048];
    serving s = serve_app(&holds, (weft_serve_opts){ .port = -1, .grace_ms = 20, .hard_ms = 20 });
    int fd = ask_with(s.port, handshake);
    WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 101);
    kill(s.pid, SIGTERM);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "closed\n");
    close(fd);
}

WEFT_TEST(a_close_that_ignores_the_end_of_its_time_does_not_keep_the_process)
{
    char text[2048];
    WEFT_CHECK_EQ(stop_amid(&holds, "/never/1", (weft_serve_opts){ .grace_ms = 20, .hard_ms = 50 }, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "GET /never/1 still runs after grace_ms and hard_ms; the close of what it depends on ignores its cancel") != NULL);
}

static int stubborn_end(pool *p, int rc) { (void)p; for (;;) (void)!weft_sleep_ms(10); return rc; }
static int stubborn_start(const weft_none *in, pool **out) { (void)in; (void)out; dprintf(1, "slow\n"); for (;;) (void)!weft_sleep_ms(10); return 0; }
static const weft_provider ends_never = WEFT_PROVIDER(pool, weft_none, good_open, stubborn_end, .per = WEFT_PER_WORKER, .close_timeout_ms = 50);
static const weft_provider starts_never = WEFT_PROVIDER(pool, weft_none, stubborn_start, NULL, .per = WEFT_PER_WORKER);
static const weft_app never_over = { .starts = WEFT_STARTS(&ends_never) }, never_there = { .starts = WEFT_STARTS(&starts_never) };

WEFT_TEST(what_lives_per_worker_and_ignores_its_cancel_does_not_keep_the_process)
{
    char text[1024];
    WEFT_CHECK_EQ(start_and_stop(&never_over, (weft_serve_opts){ .hard_ms = 50 }, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "closing what good_open opens still runs after its time and hard_ms; it ignores its cancel") != NULL);
    WEFT_CHECK_EQ(start_and_stop(&never_there, (weft_serve_opts){ .hard_ms = 50 }, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "opening what stubborn_start opens still runs") != NULL);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

WEFT_TEST(an_answer_is_sent_before_what_is_closed_behind_it)
{
    char text[1024];
    serving s = serve_app(&holds, (weft_serve_opts){ .port = -1, .watchdog_ms = -1 });
    int64_t began = now_ms();
    int fd = ask(s.port, "/behind/2000");
    WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 200);
    WEFT_CHECK(now_ms() - began < 1500);
    close(fd);
    kill(s.pid, SIGKILL);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), -SIGKILL);
}

/* ---- signals, step by step ---- */

WEFT_TEST(a_signal_that_ends_unready_ms_skips_nothing_else)
{
    char text[1024];
    WEFT_CHECK_EQ(end_behind("/later/300", (weft_serve_opts){ .unready_ms = 3600 * 1000 }, 2, text, sizeof text), 0);
    WEFT_CHECK_STR(weft_str_of(text), "slept\n");
    WEFT_CHECK_EQ(end_behind("/later/3600000", (weft_serve_opts){ .unready_ms = 3600 * 1000, .background_ms = 3600 * 1000 }, 3, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "is cancelled: the server stops, and a signal has skipped background_ms") != NULL);
}

static int tidies(const Ms *in)
{
    int rc = weft_sleep_ms(3600 * 1000);
    WEFT_SCOPE(shielded, .shield = true);
    (void)!weft_sleep_ms(in->ms);
    fprintf(stderr, "tidied\n");
    return rc;
}
static int leaves_tidying(const wait_in *in, int *out) { *out = 0; return weft_background(Ms, tidies, (&(Ms){ in->ms })); }
static const weft_app tidy = { .routes = WEFT_ROUTES(WEFT_GET("/tidy/{ms}", leaves_tidying, wait_in, int)) };

WEFT_TEST(no_signal_skips_the_time_that_a_cancel_needs)
{
    char text[1024];
    serving s = serve_app(&tidy, (weft_serve_opts){ .port = -1, .background_ms = 20 });
    int fd = ask(s.port, "/tidy/400");
    WEFT_CHECK_EQ(status_of(fd, text, sizeof text), 200);
    close(fd);
    for (int i = 0; i < 4; i++) stop_once(&s);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK(strstr(text, "tidied\n") != NULL);
}
