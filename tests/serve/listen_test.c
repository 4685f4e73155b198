/* Where weft_serve listens, and what it takes from a service manager and tells it: with real sockets and processes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "http/listen.h"
#include "os/notify.h"
#include "os/os.h"
#include "testing/folder.h"
#include "weft.h"

static int hello(const weft_none *in, weft_str *out)
{
    (void)in;
    *out = WEFT_S("hello");
    return 0;
}
static const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str)) };

typedef struct serving { pid_t pid; int out, err; char said[512]; } serving;

/* What the process is to have before it serves. */
typedef struct given { int listener, notify; const char *notify_path; bool watchdog; } given;

static void take_given(const given *g)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (g->listener >= 0) {
        if (g->listener != 3) dup2(g->listener, 3);
        else fcntl(3, F_SETFD, 0);
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
    }
    if (g->notify_path) setenv("NOTIFY_SOCKET", g->notify_path, 1);
    if (g->watchdog) setenv("WATCHDOG_USEC", "100000", 1);
}

static serving serve_app(const weft_app *served, weft_serve_opts opts, const given *g)
{
    serving s = { 0 };
    int out[2], err[2];
    WEFT_NEED(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    fflush(NULL);
    s.pid = fork();
    if (s.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        dup2(err[1], 2);
        if (g) take_given(g);
        exit(weft_serve_with(served, &opts));
    }
    close(out[1]);
    close(err[1]);
    s.out = out[0];
    s.err = err[0];
    ssize_t n = read(s.out, s.said, sizeof s.said - 1);
    s.said[n < 0 ? 0 : n] = 0;
    return s;
}
static serving serve(weft_serve_opts opts, const given *g) { return serve_app(&app, opts, g); }

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

static int stop(serving *s)
{
    char text[2048];
    kill(s->pid, SIGTERM);
    int status = end(s, text, sizeof text);
    WEFT_CHECK_STR(weft_str_of(text), "");
    return status;
}

static bool ask_on(int fd)
{
    static const char asks[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    char text[1024];
    size_t n = 0;
    if (send(fd, asks, sizeof asks - 1, MSG_NOSIGNAL) != sizeof asks - 1) return false;
    for (ssize_t got; n + 1 < sizeof text && (got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0;) n += (size_t)got;
    text[n] = 0;
    return strncmp(text, "HTTP/1.1 200 ", 13) == 0 && strstr(text, "\"hello\"");
}

static bool ask_port(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && ask_on(fd);
    close(fd);
    return good;
}

static bool ask_path(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && ask_on(fd);
    close(fd);
    return good;
}

/* A listener of ours on a port that is free. */
static int listener(int *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WEFT_NEED(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 16) == 0);
    WEFT_NEED(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void make_path(char *path, size_t room, const char *name) { snprintf(path, room, "/tmp/weft-%s-%d.sock", name, (int)getpid()); }

WEFT_TEST(a_unix_socket_is_served_and_its_file_removed_at_the_end)
{
    char path[100], host[120], want[200];
    struct stat st;
    make_path(path, sizeof path, "unix");
    snprintf(host, sizeof host, "unix:%s", path);
    snprintf(want, sizeof want, "weft: listening on %s\n", host);
    for (int workers = 0; workers <= 2; workers += 2) {
        serving s = serve((weft_serve_opts){ .host = host, .workers = workers, .unix_mode = 0600 }, NULL);
        if (!workers) WEFT_CHECK_STR(weft_str_of(s.said), want);
        WEFT_CHECK(ask_path(path));
        WEFT_CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
        WEFT_CHECK_EQ(stop(&s), 0);
        WEFT_CHECK(stat(path, &st) < 0);
    }
}

WEFT_TEST(a_unix_socket_that_was_left_behind_is_taken_over_and_one_in_use_is_not)
{
    char path[100], host[120], text[1024];
    make_path(path, sizeof path, "left");
    snprintf(host, sizeof host, "unix:%s", path);
    serving s = serve((weft_serve_opts){ .host = host }, NULL);
    kill(s.pid, SIGKILL);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), -SIGKILL);
    s = serve((weft_serve_opts){ .host = host }, NULL);
    WEFT_CHECK(ask_path(path));
    serving other = serve((weft_serve_opts){ .host = host }, NULL);
    WEFT_CHECK_EQ(end(&other, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "weft: cannot listen on unix:") == text);
    WEFT_CHECK(ask_path(path));
    WEFT_CHECK_EQ(stop(&s), 0);
}

WEFT_TEST(while_workers_are_unready_their_unix_socket_is_served_on)
{
    char path[100], host[120], text[1024];
    struct stat st;
    make_path(path, sizeof path, "unready");
    snprintf(host, sizeof host, "unix:%s", path);
    serving s = serve((weft_serve_opts){ .host = host, .workers = 2, .unready_ms = 700 }, NULL);
    kill(s.pid, SIGTERM);
    usleep(100 * 1000);
    WEFT_CHECK(ask_path(path));
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    WEFT_CHECK(stat(path, &st) < 0);
}

WEFT_TEST(several_addresses_are_served_at_once)
{
    char path[100], also[200], want[400];
    int port, first;
    int fd = listener(&port);
    close(fd);
    make_path(path, sizeof path, "also");
    for (int workers = 0; workers <= 2; workers += 2) {
        snprintf(also, sizeof also, " 127.0.0.1:%d , unix:%s, 127.0.0.1:%d", port, path, port);
        serving s = serve((weft_serve_opts){ .port = -1, .also = also, .workers = workers }, NULL);
        WEFT_NEED(sscanf(s.said, "weft: listening on http://127.0.0.1:%d", &first) == 1);
        snprintf(want, sizeof want, "weft: listening on http://127.0.0.1:%d, http://127.0.0.1:%d and unix:%s%s\n", first, port, path, workers ? " with 2 workers" : "");
        WEFT_CHECK_STR(weft_str_of(s.said), want);
        WEFT_CHECK(ask_port(first));
        WEFT_CHECK(ask_port(port));
        WEFT_CHECK(ask_path(path));
        WEFT_CHECK_EQ(stop(&s), 0);
    }
}

WEFT_TEST(an_address_that_is_none_is_said_and_nothing_stays_open)
{
    static const char *const bad[] = { "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "localhost:x", ":80", ",", "unix:/no/such/folder/x.sock", "example.com:80" };
    char text[1024];
    for (size_t i = 0; i < weft_count(bad); i++) {
        serving s = serve((weft_serve_opts){ .port = -1, .also = bad[i] }, NULL);
        WEFT_CHECK_STR(weft_str_of(s.said), "");
        WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
        WEFT_CHECK(strncmp(text, "weft: ", 6) == 0);
    }
}

/* Who tries whether a program would start listens beside the one that serves, and leaves nothing behind. */
WEFT_TEST(listening_that_fails_takes_no_file_away_that_is_another_ones)
{
    char path[64], host[80], why[256];
    struct stat st;
    weft__os *os = weft__os_linux_new();
    weft__listened first, second;
    snprintf(path, sizeof path, "/tmp/weft-listen-%d.sock", (int)getpid());
    snprintf(host, sizeof host, "unix:%s", path);
    WEFT_NEED(os && weft__listen(os, &(weft_serve_opts){ .host = host }, NULL, 0, NULL, 0, &first, why) == 0);
    for (int fails = 0; fails < 2; fails++) {
        int fd = dup(first.items[0].fd);
        WEFT_NEED(fd >= 0);
        int rc = weft__listen(os, &(weft_serve_opts){ .host = host, .also = fails ? "192.0.2.1:9" : NULL }, &fd, 1, NULL, 0, &second, why);
        WEFT_CHECK_EQ(rc < 0, fails);
        weft__listened_leave(&second, &fd, 1);
        weft__listened_end(os, &second);
        WEFT_CHECK_EQ(stat(path, &st), 0);
    }
    weft__listened_end(os, &first);
    WEFT_CHECK(stat(path, &st) < 0);
    os->ops->free(os);
}

/* Any program that may read a folder can lock it, for as long as it likes. */
WEFT_TEST(a_folder_that_another_program_keeps_locked_is_told_by_name)
{
    char host[160], want[400], text[1024];
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    snprintf(host, sizeof host, "unix:%s/s", folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WEFT_NEED(fd >= 0 && flock(fd, LOCK_EX) == 0);
    snprintf(want, sizeof want, "weft: cannot listen on %s: Resource temporarily unavailable; another program has held a lock (flock) on its folder for a second: "
        "lslocks tells which, or choose another folder\n", host);
    for (int workers = 0; workers <= 2; workers += 2) {
        serving s = serve((weft_serve_opts){ .host = host, .workers = workers }, NULL);
        WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
        WEFT_CHECK_STR(weft_str_of(text), want);
    }
    WEFT_CHECK_EQ(flock(fd, LOCK_UN), 0);
    serving s = serve((weft_serve_opts){ .host = host }, NULL);
    WEFT_CHECK(ask_path(host + 5));
    WEFT_CHECK_EQ(stop(&s), 0);
    close(fd);
}

/* What is opened last before it listens. */
typedef struct last { char unused; } last;
static int last_open(const weft_none *in, last **out)
{
    (void)in;
    dprintf(1, "next it listens\n");
    *out = weft_new(last);
    return *out ? 0 : WEFT_ENOMEM;
}
static int last_close(last *l, int rc)
{
    (void)l;
    int slept = weft_sleep_ms(10);
    dprintf(2, "closed with %d\n", slept < 0 ? slept : rc);
    return rc;
}
static const weft_provider opened_last = WEFT_PROVIDER(last, weft_none, last_open, last_close, .per = WEFT_PER_WORKER);
static const weft_app says_it_listens = { .starts = WEFT_STARTS(&opened_last), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str)) };

/* True: it has ended, or it has within ten seconds. One that does not is killed. */
static bool ends_soon(const serving *s)
{
    siginfo_t info;
    for (int i = 0; i < 1000; i++) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid) return true;
        usleep(10 * 1000);
    }
    kill(s->pid, SIGKILL);
    return false;
}

/* The lock is given back after the stop, so that it could listen all the same. Behind its second of patience it ends by itself, with a word. */
static bool ends_while_it_waits(int folder, const weft_serve_opts *opts, int signals)
{
    char text[1024];
    struct stat st;
    WEFT_NEED(flock(folder, LOCK_EX) == 0);
    serving s = serve_app(&says_it_listens, *opts, NULL);
    WEFT_CHECK_STR(weft_str_of(s.said), "next it listens\n");
    usleep(200 * 1000);
    while (signals--) kill(s.pid, SIGTERM);
    usleep(100 * 1000);
    WEFT_NEED(flock(folder, LOCK_UN) == 0);
    WEFT_CHECK(ends_soon(&s));
    int status = end(&s, text, sizeof text);
    WEFT_CHECK(stat(opts->host + 5, &st) < 0);
    if (status == 1 && strstr(text, "cannot listen on ")) return false;
    WEFT_CHECK_EQ(status, 0);
    WEFT_CHECK_STR(weft_str_of(text), "closed with 0\n");
    return true;
}

WEFT_TEST(a_stop_while_it_waits_for_a_locked_folder_ends_it)
{
    char host[160];
    const char *path = weft__test_folder(WEFT__ON_DISK);
    snprintf(host, sizeof host, "unix:%s/s", path);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WEFT_NEED(folder >= 0);
    for (int signals = 1; signals <= 2; signals++) {
        bool in_time = false;
        for (int i = 0; i < 5 && !in_time; i++) in_time = ends_while_it_waits(folder, &(weft_serve_opts){ .host = host, .hard_ms = 1 }, signals);
        WEFT_CHECK(in_time);
    }
    close(folder);
}

/* Two services end together, say: one of them has the folder at that moment. */
static bool is_removed_though_locked(int folder, const char *host, int workers)
{
    char text[1024];
    struct stat st;
    serving s = serve((weft_serve_opts){ .host = host, .workers = workers }, NULL);
    WEFT_CHECK(ask_path(host + 5));
    WEFT_NEED(flock(folder, LOCK_EX) == 0);
    kill(s.pid, SIGTERM);
    usleep(300 * 1000);
    WEFT_NEED(flock(folder, LOCK_UN) == 0);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
    return stat(host + 5, &st) < 0;
}

WEFT_TEST(a_file_goes_though_another_program_has_its_folder_locked_when_the_server_ends)
{
    char host[160];
    const char *path = weft__test_folder(WEFT__ON_DISK);
    snprintf(host, sizeof host, "unix:%s/s", path);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WEFT_NEED(folder >= 0);
    for (int workers = 0; workers <= 2; workers += 2) {
        bool removed = false;
        for (int i = 0; i < 5 && !removed; i++) removed = is_removed_though_locked(folder, host, workers);      /* the lock may be given late */
        WEFT_CHECK(removed);
    }
    close(folder);
}

/* As containers' filters do that are older than the call. */
static bool forbid_statx(void)
{
    struct sock_filter steps[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog program = { weft_count(steps), steps };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

WEFT_TEST(the_file_of_a_unix_socket_goes_at_the_end_also_where_statx_is_refused)
{
    char host[160], why[256];
    struct stat st;
    struct statx stx;
    weft__listened l;
    snprintf(host, sizeof host, "unix:%s/s", weft__test_folder(WEFT__ON_DISK));
    if (!forbid_statx()) WEFT_SKIP("this system forbids nothing to processes (seccomp)");
    WEFT_NEED(statx(AT_FDCWD, "/", 0, STATX_TYPE, &stx) < 0 && errno == EPERM);
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os && weft__listen(os, &(weft_serve_opts){ .host = host }, NULL, 0, NULL, 0, &l, why) == 0);
    WEFT_CHECK_EQ(lstat(host + 5, &st), 0);
    weft__listened_end(os, &l);
    WEFT_CHECK(lstat(host + 5, &st) < 0 && errno == ENOENT);
    /* And one that another program has put there stays. */
    WEFT_NEED(weft__listen(os, &(weft_serve_opts){ .host = host }, NULL, 0, NULL, 0, &l, why) == 0);
    char other[170];
    snprintf(other, sizeof other, "%s-other", host + 5);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    WEFT_NEED(strlen(other) < sizeof at.sun_path);
    memcpy(at.sun_path, other, strlen(other) + 1);
    WEFT_NEED(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && rename(other, host + 5) == 0);
    weft__listened_end(os, &l);
    WEFT_CHECK_EQ(lstat(host + 5, &st), 0);
    close(fd);
    os->ops->free(os);
}

/* A socket can be made there, but the folder not locked. */
WEFT_TEST(a_folder_that_may_not_be_read_is_told_by_name)
{
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    int out[2];
    char why[256] = "";
    WEFT_NEED(chmod(folder, 0333) == 0 && pipe2(out, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        weft__listened l;
        weft__os *os = weft__os_linux_new();
        bool ready = os && chdir(folder) == 0 && (geteuid() != 0 || setuid(65534) == 0);
        int rc = ready ? weft__listen(os, &(weft_serve_opts){ .host = "unix:s" }, NULL, 0, NULL, 0, &l, why) : 0;
        (void)!write(out[1], why, strlen(why));
        _exit(rc == -EACCES ? 3 : 4);
    }
    close(out[1]);
    int status = 0;
    WEFT_CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    (void)!read(out[0], why, sizeof why - 1);
    WEFT_CHECK_STR(weft_str_of(why), "cannot listen on unix:s: Permission denied; it takes a folder that this program may read (to lock it) and write");
    close(out[0]);
    WEFT_CHECK_EQ(chmod(folder, 0755), 0);
}

WEFT_TEST(a_socket_that_the_service_manager_has_opened_is_taken_in_the_place_of_host_and_port)
{
    for (int workers = 0; workers <= 2; workers += 2) {
        int port, fd = listener(&port), said = 0;
        serving s = serve((weft_serve_opts){ .host = "192.0.2.1", .port = 1, .workers = workers }, &(given){ .listener = fd });
        WEFT_CHECK(sscanf(s.said, "weft: listening on http://127.0.0.1:%d", &said) == 1 && said == port);
        WEFT_CHECK(ask_port(port));
        WEFT_CHECK_EQ(stop(&s), 0);
        close(fd);
    }
}

WEFT_TEST(what_the_service_manager_gave_and_is_no_listener_is_refused)
{
    char text[1024];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    serving s = serve((weft_serve_opts){ .port = -1 }, &(given){ .listener = fd });
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "descriptor 3, of LISTEN_FDS, is no listening stream socket") != NULL);
    close(fd);
}

static int manager(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct timeval patience = { 10, 0 };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t n = strlen(path);
    memcpy(at.sun_path, path, n);
    if (path[0] == '@') at.sun_path[0] = 0;
    WEFT_NEED(fd >= 0 && bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static bool is_told(int fd, const char *text)
{
    char got[256];
    for (int i = 0; i < 200; i++) {
        ssize_t n = recv(fd, got, sizeof got - 1, 0);
        if (n < 0) return false;
        got[n] = 0;
        if (strcmp(got, text) == 0) return true;
    }
    return false;
}

WEFT_TEST(a_service_manager_is_told_of_ready_alive_and_stopping)
{
    char path[100];
    for (int workers = 0; workers <= 2; workers += 2) {
        snprintf(path, sizeof path, "@weft-notify-%d-%d", (int)getpid(), workers);
        int fd = manager(path);
        serving s = serve((weft_serve_opts){ .port = -1, .workers = workers }, &(given){ .listener = -1, .notify_path = path, .watchdog = true });
        WEFT_CHECK(is_told(fd, "READY=1"));
        WEFT_CHECK(is_told(fd, "WATCHDOG=1"));
        WEFT_CHECK(is_told(fd, "WATCHDOG=1"));
        kill(s.pid, SIGTERM);
        WEFT_CHECK(is_told(fd, "STOPPING=1"));
        char text[1024];
        WEFT_CHECK_EQ(end(&s, text, sizeof text), 0);
        close(fd);
    }
}

WEFT_TEST(a_manager_that_makes_no_sense_does_no_harm)
{
    static const char *const bad[] = { "", "@", "relative", "/nowhere/at/all" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        weft__notify("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
    const struct { const char *usec; int ms; } cases[] = { { "", 0 }, { "0", 0 }, { "-5", 0 }, { "x", 0 }, { "3000000", 1500 }, { "1", 1 }, { "99999999999999999999", 0 } };
    for (size_t i = 0; i < weft_count(cases); i++) {
        setenv("WATCHDOG_USEC", cases[i].usec, 1);
        WEFT_CHECK_EQ(weft__notify_watchdog_ms(), cases[i].ms);
    }
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    WEFT_CHECK_EQ(weft__notify_watchdog_ms(), 0);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    int fds[4];
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "1", 1);
    WEFT_CHECK_EQ(weft__listeners_given(fds, 4), 0);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
}

WEFT_TEST(rights_are_given_up_by_workers_alone)
{
    char text[1024];
    serving s = serve((weft_serve_opts){ .port = -1, .sandbox = true }, NULL);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, ".user and .sandbox are for workers") != NULL);
    s = serve((weft_serve_opts){ .port = -1, .workers = 2, .user = "no-such-user-here" }, NULL);
    WEFT_CHECK_EQ(end(&s, text, sizeof text), 1);
    WEFT_CHECK(strstr(text, "nobody is called 'no-such-user-here'") != NULL);
}
