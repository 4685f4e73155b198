/* The zygote: seen from the process that has it, and what it does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/poison.h"
#include "os/process.h"
#include "os/threads.h"

enum { FORK = 1, KILL };
typedef struct order { uint32_t kind, id; } order;

/* ---- what it does ---- */

typedef struct nest {
    int fd, children;                /* children: tells of SIGCHLD */
    const weft__work *work;
    struct { pid_t pid; uint32_t id; } workers[WEFT__WORKERS_MAX];
} nest;

/* Its workers go first, and it waits for them: they would be left to process 1 otherwise, which in a container may be a
 * program that waits for nobody, and they stayed as zombies until that ends. */
static _Noreturn void go(const nest *n, int status)
{
    for (int i = 0; i < WEFT__WORKERS_MAX; i++)
        if (n->workers[i].pid) kill(n->workers[i].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {}
    _exit(status);
}

/* Nobody to tell: the process is gone, and the zygote goes too. */
static void tell(const nest *n, weft__worker_word word, int fd)
{
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec bytes = { &word, sizeof word };
    struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1 };
    if (fd >= 0) {
        m.msg_control = room;
        m.msg_controllen = sizeof room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd) };
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    while (sendmsg(n->fd, &m, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) go(n, 0);
}

static int place_of(const nest *n, uint32_t id)
{
    for (int i = 0; i < WEFT__WORKERS_MAX; i++)
        if (n->workers[i].pid && n->workers[i].id == id) return i;
    return -1;
}

static int free_place(const nest *n)
{
    for (int i = 0; i < WEFT__WORKERS_MAX; i++)
        if (!n->workers[i].pid) return i;
    return -1;
}

static _Noreturn void be_worker(const nest *n, pid_t zygote, int fd)
{
    const weft__work *work = n->work;
    weft__worker_main(weft__process_settle("weft worker", zygote, fd), work);
}

/* The worker's end blocks, ours does not: they are two descriptions. */
static int fork_one(nest *n, uint32_t id)
{
    int place = free_place(n), ends[2];
    if (place < 0) return WEFT_ELIMIT;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    pid_t zygote = getpid(), pid = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -1 : fork();
    if (!pid) be_worker(n, zygote, ends[1]);
    int rc = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (rc == 0) {
        n->workers[place].pid = pid;
        n->workers[place].id = id;
        tell(n, (weft__worker_word){ WEFT__WORKER_STARTED, id, -1, pid, 0 }, ends[0]);
    }
    close(ends[0]);
    return rc;
}

/* What has been waited for has no place any more: a pid that is another's by now is never killed. */
static void kill_one(const nest *n, uint32_t id)
{
    int place = place_of(n, id);
    if (place >= 0) kill(n->workers[place].pid, SIGKILL);
}

static void reap(nest *n)
{
    struct signalfd_siginfo gone;
    int status;
    pid_t pid;
    while (read(n->children, &gone, sizeof gone) > 0) {}
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < WEFT__WORKERS_MAX; i++) {
            if (n->workers[i].pid != pid) continue;
            n->workers[i].pid = 0;
            tell(n, (weft__worker_word){ WEFT__WORKER_ENDED, n->workers[i].id, -1, pid, status }, -1);
        }
    }
}

static void obey(nest *n)
{
    order o;
    ssize_t got = recv(n->fd, &o, sizeof o, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got != sizeof o) go(n, 0);
    if (o.kind == KILL) {
        kill_one(n, o.id);
        return;
    }
    int rc = fork_one(n, o.id);
    if (rc < 0) tell(n, (weft__worker_word){ WEFT__WORKER_NOT_STARTED, o.id, -1, 0, rc }, -1);
}

static _Noreturn void be_zygote(int fd, pid_t parent, const weft__work *work)
{
    static nest n;
    sigset_t children;
    n.fd = weft__process_settle("weft zygote", parent, fd);
    n.work = work;
    work->begin();
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    n.children = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
    if (n.children < 0) _exit(1);
    for (;;) {
        struct pollfd on[] = { { n.fd, POLLIN, 0 }, { n.children, POLLIN, 0 } };
        if (poll(on, 2, -1) < 0 && errno != EINTR) go(&n, 1);
        if (on[1].revents) reap(&n);
        if (on[0].revents) obey(&n);
    }
}

/* ---- seen from its process ---- */

static struct {
    _Atomic pid_t pid;               /* 0: it has been ended, or somebody is about to */
    pid_t owner;                     /* the process that forked it, for none of its children */
    int fd;
    atomic_bool taken;               /* loops of several threads may ask for it */
    char why[200];
} zygote = { .fd = -1, .why = "it is started by weft_run and weft_serve, in programs that use weft_in_process" };

int weft__zygote_patience_ms = 2000;

static bool there(void) { return zygote.pid && zygote.owner == getpid(); }

const char *weft__zygote_why(void) { return there() ? "" : zygote.why; }

static int because(int rc, const char *what, int number)
{
    snprintf(zygote.why, sizeof zygote.why, what, number);
    return rc;
}

/* With no signal in between: until it has handlers of its own, those of the program would run in it. */
static pid_t fork_zygote(int fd, const weft__work *work)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid(), pid = fork();
    if (!pid) be_zygote(fd, parent, work);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

static void stop_last(void);

int weft__zygote_start(const weft__work *work)
{
    int ends[2], others = weft__os_threads() - 1;
    if (there()) return 0;
    if (others > 0) {
        return because(WEFT_EBUSY, "a process with threads must not be forked, and this one had %d when weft_run or "
            "weft_serve was called: start threads later, in what they call", others);
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return because(-errno, "its socket could not be made (error %d)", errno);
    fflush(NULL);
    pid_t pid = fork_zygote(ends[1], work);
    int rc = pid < 0 ? because(-errno, "it could not be forked (error %d)", errno) : 0;
    close(ends[1]);
    if (rc < 0) {
        close(ends[0]);
        return rc;
    }
    zygote.pid = pid;
    zygote.owner = getpid();
    zygote.fd = ends[0];
    zygote.taken = false;
    weft__os_at_end(stop_last);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* No more orders: it ends its workers, and then itself. True: it did; what it says of them meanwhile is for nobody. */
static bool goes_by_itself(int patience_ms)
{
    char word[64];
    int64_t until = now_ms() + patience_ms, left = patience_ms;
    shutdown(zygote.fd, SHUT_WR);
    do {
        struct pollfd on = { zygote.fd, POLLIN, 0 };
        if (poll(&on, 1, (int)left) <= 0) continue;
        ssize_t got = recv(zygote.fd, word, sizeof word, MSG_DONTWAIT);
        if (got == 0) return true;
        if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
    } while ((left = until - now_ms()) > 0);
    return false;
}

/* How it ended, as waitpid tells it; -1: somebody else has waited for it, or it is stopped and the program has given up
 * the right to kill it. What has been waited for is never killed. Async-signal-safe. */
static int end(int patience_ms)
{
    int status = 0;
    pid_t pid = atomic_exchange(&zygote.pid, 0), got = pid ? waitpid(pid, &status, WNOHANG) : -1;
    if (got != 0) return got > 0 ? status : -1;
    if (!goes_by_itself(patience_ms) && kill(pid, SIGKILL) < 0) return -1;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR) {}
    return got == pid ? status : -1;
}

static int is_gone(void)
{
    static const char anew[] = "no more processes can be started until the program is started anew";
    int status = end(0);
    if (status < 0)
        snprintf(zygote.why, sizeof zygote.why, "it ended, and nobody knows how (SIGCHLD is ignored): %s", anew);
    else if (WIFSIGNALED(status))
        snprintf(zygote.why, sizeof zygote.why, "it was ended by signal %d: %s", WTERMSIG(status), anew);
    else snprintf(zygote.why, sizeof zygote.why, "it ended (status %d): %s", WEXITSTATUS(status), anew);
    return WEFT_ECLOSED;
}

/* ---- the table ---- */

static int enter(weft__os *os)
{
    (void)os;
    if (!there()) return WEFT_ENOENT;
    return atomic_exchange(&zygote.taken, true) ? WEFT_EBUSY : zygote.fd;
}

static void leave(weft__os *os)
{
    (void)os;
    zygote.taken = false;
    if (zygote.pid || zygote.fd < 0) return;
    close(zygote.fd);                                /* of one that is gone: it was watched until now */
    zygote.fd = -1;
}

static void stop_last(void)
{
    if (there()) end(weft__zygote_patience_ms);
}

void weft__zygote_stop(void)
{
    stop_last();
    leave(NULL);
    because(0, "it was stopped when weft_run or weft_serve ended", 0);
}

/* Of the workers there may be, all orders together fit into the socket: what does not is a zygote that is stopped. */
static int give(uint32_t kind, uint32_t id)
{
    order o = { kind, id };
    if (!there()) return WEFT_ECLOSED;
    return send(zygote.fd, &o, sizeof o, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof o ? 0 : is_gone();
}

static int order_fork(weft__os *os, uint32_t id) { (void)os; return give(FORK, id); }
static int order_kill(weft__os *os, uint32_t id) { (void)os; return give(KILL, id); }

/* The kernel has closed it, since we have no room for it: so the worker ends, as if it had not been started. */
static void no_descriptor(weft__worker_word *word)
{
    word->kind = WEFT__WORKER_NOT_STARTED;
    word->value = -EMFILE;
}

static int hear(weft__os *os, weft__worker_word *out)
{
    (void)os;
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
    struct iovec bytes = { out, sizeof *out };
    struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
    if (!there()) return WEFT_ECLOSED;
    ssize_t got = recvmsg(zygote.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got != sizeof *out) return is_gone();
    const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    out->fd = -1;
    if (c && c->cmsg_type == SCM_RIGHTS) memcpy(&out->fd, CMSG_DATA(c), sizeof out->fd);
    if (out->kind == WEFT__WORKER_STARTED && out->fd < 0) no_descriptor(out);
    return 1;
}

const weft__process_ops weft__linux_processes = {
    .enter = enter, .leave = leave, .fork = order_fork, .kill = order_kill, .hear = hear,
};
