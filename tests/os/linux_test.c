#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/poison.h"
#include "net.h"
#include "support/descriptors.h"
#include "testing/folder.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define OPS (os->ops)

static const int64_t MS = 1000000;

static weft__os *open_os(void)
{
    weft__os *os = weft__os_linux_new();
    WEFT_NEED(os != NULL);
    return os;
}

/* ---- descriptors ---- */

static void use_everything(net *n)
{
    net_meet(n);
    net_send(n, &n->client, "x", 1);
    net_await(n, &n->server, WEFT__IN);
    weft__os *os = n->os;
    WEFT_CHECK_EQ(OPS->signals(os, n), 0);
    weft__resolve *r = OPS->resolve(os, "localhost", 1, &n->client);
    net_await(n, &n->client, WEFT__IN);
    OPS->resolve_free(os, r);
}

WEFT_TEST(no_descriptor_is_left_open)
{
    net_run(&net_linux_tcp4, use_everything);       /* once, for what libc keeps */
    int before = open_descriptors();
    for (int i = 0; i < 3; i++) net_run(&net_linux_tcp4, use_everything);
    WEFT_CHECK_EQ(open_descriptors(), before);
}

static void check_flags(int fd)
{
    int value = 0;
    socklen_t n = sizeof value;
    WEFT_CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &n), 0);
    WEFT_CHECK(value != 0);
    WEFT_CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    WEFT_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void look_at_flags(net *n)
{
    net_meet(n);
    check_flags(n->listener.fd);
    check_flags(n->client.fd);
    check_flags(n->server.fd);
}

WEFT_TEST(sockets_do_not_block_or_delay_or_leak_into_programs)
{
    net_run(&net_linux_tcp4, look_at_flags);
    net_run(&net_linux_tcp6, look_at_flags);
}

WEFT_TEST(an_ip6_listener_leaves_the_port_free_for_ip4)
{
    weft__os *os = open_os();
    weft__addr six, four;
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("::"), 0, &six), 0);
    int a = OPS->listen(os, &six, 4);
    WEFT_NEED(a >= 0);
    OPS->local(os, a, &six);
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("0.0.0.0"), weft__addr_port(&six), &four), 0);
    int b = OPS->listen(os, &four, 4);
    WEFT_CHECK(b >= 0);
    OPS->close(os, a);
    OPS->close(os, b);
    OPS->free(os);
}

WEFT_TEST(the_path_of_a_unix_listener_is_never_removed_silently)
{
    char host[64];
    snprintf(host, sizeof host, "%s/s", weft__test_folder(WEFT__ON_DISK));
    weft__os *os = open_os();
    weft__addr a;
    struct stat st;
    WEFT_CHECK_EQ(weft__addr_parse(weft_str_of(host), 0, &a), 0);
    int fd = OPS->listen(os, &a, 4);
    WEFT_CHECK(fd >= 0);
    OPS->close(os, fd);
    WEFT_CHECK_EQ(stat(host, &st), 0);
    WEFT_CHECK_EQ(OPS->listen(os, &a, 4), -EADDRINUSE);
    WEFT_CHECK_EQ(OPS->connect(os, &a), WEFT_ECONNREFUSED);
    WEFT_CHECK_EQ(unlink(host), 0);
    WEFT_CHECK_EQ(OPS->connect(os, &a), WEFT_ENOENT);
    OPS->free(os);
}

/* A process that was forked has copies of all descriptors: the kernel then goes on reporting closed ones. */
static void close_but_keep_a_copy(net *n)
{
    net_end other = { .fd = -1 };
    net_meet(n);
    int number = n->server.fd, copy = dup(number);
    net_close(n, &n->server);
    net_watch(n, &other, dup2(eventfd(0, EFD_CLOEXEC), number), false);
    net_settle(n);
    other.events = n->server.events = 0;
    net_send(n, &n->client, "for the dead", 12);
    net_settle(n);
    WEFT_CHECK_EQ(n->server.events, 0);
    WEFT_CHECK_EQ(other.events, 0);
    WEFT_CHECK_EQ(write(number, &(uint64_t){ 1 }, 8), 8);
    WEFT_CHECK(net_await(n, &other, WEFT__IN) & WEFT__IN);
    net_close(n, &other);
    close(copy);
}

WEFT_TEST(a_closed_descriptor_with_a_copy_elsewhere_is_silent)
{
    net_run(&net_linux_tcp4, close_but_keep_a_copy);
}

/* A library closes its own sockets: the table still has the number when its next owner is watched. */
static void close_behind_the_back(net *n)
{
    net_end other = { .fd = -1 };
    net_meet(n);
    int number = n->server.fd;
    close(number);
    n->server.fd = -1;
    net_watch(n, &other, dup2(eventfd(0, EFD_CLOEXEC), number), false);
    net_await(n, &other, WEFT__OUT);
    net_settle(n);
    other.events = 0;
    WEFT_CHECK_EQ(write(number, &(uint64_t){ 1 }, 8), 8);
    net_await(n, &other, WEFT__IN);
    net_close(n, &other);
}

WEFT_TEST(a_descriptor_that_was_closed_elsewhere_does_not_stand_in_the_way_of_the_next)
{
    net_run(&net_linux_tcp4, close_behind_the_back);
}

static void close_the_listener_but_keep_a_copy(net *n)
{
    weft__event e[4];
    int copy = dup(n->listener.fd);
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    net_settle(n);
    net_close(n, &n->listener);
    int64_t from = n->os->ops->now_ns(n->os);
    WEFT_CHECK_EQ(n->os->ops->wait(n->os, e, 4, 20 * MS), 0);
    WEFT_CHECK(n->os->ops->now_ns(n->os) - from >= 20 * MS);
    close(copy);
}

WEFT_TEST(a_closed_listener_with_a_copy_elsewhere_does_not_spin)
{
    net_run(&net_linux_tcp4, close_the_listener_but_keep_a_copy);
}

static bool allow_descriptors(rlim_t n)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = n;
    return n <= limit.rlim_max && !setrlimit(RLIMIT_NOFILE, &limit);
}

static void run_out_of_descriptors(net *n)
{
    weft__os *os = n->os;
    weft__addr peer;
    int filler[64], count = 0;
    net_connect(n);
    net_await(n, &n->listener, WEFT__IN);
    WEFT_NEED(allow_descriptors(64));
    while (count < 64 && (filler[count] = dup(0)) >= 0) count++;
    WEFT_CHECK_EQ(OPS->connect(os, &n->at), -EMFILE);
    WEFT_CHECK_EQ(OPS->accept(os, n->listener.fd, &peer), -EMFILE);
    net_await(n, &n->client, WEFT__HUP);            /* turned away, not left hanging */
    WEFT_CHECK_EQ(net_drain(n, &n->client), 0);
    n->listener.events = 0;
    net_settle(n);
    WEFT_CHECK_EQ(n->listener.events, 0);
    while (count) close(filler[--count]);
    net_close(n, &n->client);
    net_meet(n);
}

WEFT_TEST(without_descriptors_a_connection_is_turned_away_and_the_listener_does_not_spin)
{
    net_run(&net_linux_tcp4, run_out_of_descriptors);
}

WEFT_TEST(a_descriptor_that_cannot_be_watched_is_refused)
{
    weft__os *os = open_os();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    WEFT_CHECK_EQ(OPS->watch(os, file, os, false), -EPERM);
    WEFT_CHECK_EQ(OPS->watch(os, -1, os, false), -EBADF);
    WEFT_CHECK_EQ(OPS->watch(os, 1 << 30, os, false), WEFT_ELIMIT);
    OPS->close(os, -1);
    OPS->close(os, file);
    OPS->free(os);
}

static void watch_a_thousand(net *n)
{
    weft__os *os = n->os;
    weft__event e[512];
    static int fds[1000], seen[1000];
    if (!allow_descriptors(1200)) WEFT_SKIP("1000 descriptors are not allowed here");
    for (int i = 0; i < 1000; i++) {
        fds[i] = eventfd(1, EFD_CLOEXEC);
        WEFT_CHECK_EQ(OPS->watch(os, fds[i], seen + i, false), 0);
    }
    for (int total = 0, count; total < 1000; total += count) {
        count = OPS->wait(os, e, 512, 1000 * MS);
        WEFT_NEED(count > 0);
        for (int i = 0; i < count; i++) ++*(int *)e[i].cookie;
    }
    for (int i = 0; i < 1000; i++) {
        WEFT_CHECK_EQ(seen[i], 1);
        OPS->close(os, fds[i]);
    }
}

WEFT_TEST(a_thousand_descriptors_have_their_own_cookies) { net_run(&net_linux_tcp4, watch_a_thousand); }

/* ---- time and randomness ---- */

static int64_t waited_ns(weft__os *os, int64_t timeout_ns)
{
    weft__event e[1];
    int64_t from = OPS->now_ns(os);
    WEFT_CHECK_EQ(OPS->wait(os, e, 1, timeout_ns), 0);
    return OPS->now_ns(os) - from;
}

static bool pwait2_is_there(void)
{
#ifdef WEFT__TSAN
    return false;                                   /* linux.c does without it there */
#endif
    return syscall(SYS_epoll_pwait2, -1, NULL, 0, NULL, NULL, 0) < 0 && errno != ENOSYS;
}

WEFT_TEST(a_wait_lasts_as_long_as_it_was_told)
{
    weft__os *os = open_os();
    int64_t best = INT64_MAX;
    WEFT_CHECK(waited_ns(os, 30 * MS) >= 30 * MS);
    for (int i = 0; i < 200; i++) {
        int64_t took = waited_ns(os, 100000);
        WEFT_CHECK(took >= 100000);
        if (took < best) best = took;
    }
    if (pwait2_is_there()) WEFT_CHECK(best < MS);
    WEFT_CHECK(waited_ns(os, 0) < 1000 * MS);
    OPS->free(os);
}

/* A kernel before 5.11, or a sandbox from before it: the call fails with this error. */
static bool forbid(int call, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { weft_count(code), code };
    return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void check_wait_in_milliseconds(int error)
{
    if (!forbid(SYS_epoll_pwait2, error)) return;       /* an emulator has no such filters */
    weft__os *os = open_os();
    WEFT_CHECK(waited_ns(os, 1) >= MS / 2);
    WEFT_CHECK(waited_ns(os, 2 * MS + 1) >= 2 * MS + 1);
    OPS->free(os);
    net_run(&net_linux_tcp4, use_everything);
}

WEFT_TEST(a_wait_is_rounded_up_to_milliseconds_on_an_old_kernel) { check_wait_in_milliseconds(ENOSYS); }
WEFT_TEST(a_wait_is_rounded_up_to_milliseconds_in_an_old_sandbox) { check_wait_in_milliseconds(EPERM); }

WEFT_TEST(the_clocks_go_on)
{
    weft__os *os = open_os();
    int64_t now = OPS->now_ns(os), wall = OPS->wall_us(os);
    WEFT_CHECK(now > 0);
    WEFT_CHECK(wall > 1600000000 * (int64_t)1000000);
    waited_ns(os, 2 * MS);
    WEFT_CHECK(OPS->now_ns(os) - now >= 2 * MS);
    WEFT_CHECK(OPS->wall_us(os) > wall);
    OPS->free(os);
}

WEFT_TEST(random_does_not_repeat_after_a_fork)
{
    weft__os *os = open_os();
    int pipes[2];
    WEFT_NEED(pipe(pipes) == 0);
    uint64_t first = OPS->random(os), from_child = 0;
    if (!fork()) {
        uint64_t r = OPS->random(os);
        _exit(write(pipes[1], &r, sizeof r) == sizeof r ? 0 : 1);
    }
    WEFT_CHECK_EQ(read(pipes[0], &from_child, 8), 8);
    uint64_t second = OPS->random(os);
    WEFT_CHECK(first != second && second != from_child && first != from_child);
    OPS->free(os);
}

/* ---- signals ---- */

static void nothing(int signal) { (void)signal; }

WEFT_TEST(a_wait_that_a_signal_interrupts_is_no_error)
{
    weft__os *os = open_os();
    weft__event e[1];
    struct sigaction act = { .sa_handler = nothing };
    sigaction(SIGALRM, &act, NULL);
    struct itimerval soon = { .it_value.tv_usec = 20000 };
    setitimer(ITIMER_REAL, &soon, NULL);
    int64_t from = OPS->now_ns(os);
    WEFT_CHECK_EQ(OPS->wait(os, e, 1, 10000 * MS), 0);
    WEFT_CHECK(OPS->now_ns(os) - from < 9000 * MS);
    OPS->free(os);
}

static unsigned next_signals(weft__os *os, void *cookie)
{
    weft__event e[4];
    int n = 0;
    for (int i = 0; i < 10 && n == 0; i++) {
        n = OPS->wait(os, e, 4, 1000 * MS);
        OPS->now_ns(os);        /* under TSan handlers run at the next call that it knows */
    }
    WEFT_NEED(n == 1 && e[0].cookie == cookie);
    return e[0].ready;
}

WEFT_TEST(signals_are_told_with_their_count)
{
    weft__os *os = open_os();
    weft__event e[4];
    int cookie;
    WEFT_CHECK_EQ(OPS->signals(os, &cookie), 0);
    raise(SIGTERM);
    WEFT_CHECK_EQ(next_signals(os, &cookie), 1);
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, MS), 0);
    raise(SIGINT);
    WEFT_CHECK_EQ(next_signals(os, &cookie), 2);
    raise(SIGINT);
    raise(SIGTERM);
    WEFT_CHECK_EQ(next_signals(os, &cookie), 4);
    WEFT_CHECK_EQ(OPS->signals(os, NULL), 0);
    WEFT_CHECK_EQ(OPS->signals(os, &cookie), 0);
    raise(SIGTERM);
    WEFT_CHECK_EQ(next_signals(os, &cookie), 1);
    OPS->free(os);
}

/* The time is the loop's own: no wait between the two. */
static int status_after_two_signals(int64_t apart_ms)
{
    int status = -1;
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        weft__os *os = open_os();
        OPS->signals(os, os);
        raise(SIGINT);
        usleep((useconds_t)apart_ms * 1000);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
        raise(SIGTERM);
        _exit(7);
    }
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

WEFT_TEST(a_second_signal_ends_a_loop_that_does_not_turn)
{
    WEFT_CHECK_EQ(status_after_two_signals(1100), 128 + SIGTERM);
}

WEFT_TEST(two_signals_close_together_end_nothing)
{
    WEFT_CHECK_EQ(status_after_two_signals(0), 7);
}

static void *send_signal(void *arg)
{
    usleep(20000);
    kill(getpid(), SIGTERM);
    return arg;
}

WEFT_TEST(a_signal_wakes_a_wait)
{
    weft__os *os = open_os();
    pthread_t thread;
    WEFT_CHECK_EQ(OPS->signals(os, os), 0);
    WEFT_NEED(pthread_create(&thread, NULL, send_signal, NULL) == 0);
    int64_t from = OPS->now_ns(os);
    WEFT_CHECK_EQ(next_signals(os, os), 1);
    WEFT_CHECK(OPS->now_ns(os) - from < 9000 * MS);
    pthread_join(thread, NULL);
    OPS->free(os);
}

static void exit_with_9(int signal) { (void)signal; _exit(9); }

/* What becomes of a child, forked while a loop watches, that gets a SIGTERM. */
static int status_of_forked_child(weft__os *os)
{
    int status = -1;
    WEFT_CHECK_EQ(OPS->signals(os, os), 0);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        raise(SIGTERM);
        _exit(7);
    }
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    weft__event e[4];
    WEFT_CHECK_EQ(OPS->wait(os, e, 4, MS), 0);
    WEFT_CHECK_EQ(OPS->signals(os, NULL), 0);
    return status;
}

WEFT_TEST(b45_a_forked_child_does_with_a_signal_what_the_program_did_before)
{
    weft__os *os = open_os();
    int status = status_of_forked_child(os);
    WEFT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    signal(SIGTERM, exit_with_9);
    status = status_of_forked_child(os);
    WEFT_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    OPS->free(os);
}

WEFT_TEST(the_handlers_from_before_come_back)
{
    struct sigaction act = { .sa_handler = nothing }, now;
    sigaction(SIGINT, &act, NULL);
    weft__os *os = open_os();
    WEFT_CHECK_EQ(OPS->signals(os, os), 0);
    sigaction(SIGINT, NULL, &now);
    WEFT_CHECK(now.sa_handler != nothing);
    WEFT_CHECK(now.sa_flags & SA_ONSTACK);
    WEFT_CHECK_EQ(OPS->signals(os, NULL), 0);
    WEFT_CHECK_EQ(OPS->signals(os, NULL), 0);
    sigaction(SIGINT, NULL, &now);
    WEFT_CHECK(now.sa_handler == nothing);
    OPS->signals(os, os);
    OPS->free(os);
    sigaction(SIGINT, NULL, &now);
    WEFT_CHECK(now.sa_handler == nothing);
    sigaction(SIGTERM, NULL, &now);
    WEFT_CHECK(now.sa_handler == SIG_DFL);
}

WEFT_TEST(one_os_has_the_signals)
{
    weft__os *os = open_os(), *other = open_os();
    WEFT_CHECK_EQ(OPS->signals(os, os), 0);
    WEFT_CHECK_EQ(other->ops->signals(other, other), WEFT_EBUSY);
    WEFT_CHECK_EQ(other->ops->signals(other, NULL), 0);
    raise(SIGINT);
    WEFT_CHECK_EQ(next_signals(os, os), 1);
    OPS->free(os);
    WEFT_CHECK_EQ(other->ops->signals(other, other), 0);
    other->ops->free(other);
}
