#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/poison.h"
#include "os/borrowed.h"
#include "os/child.h"
#include "os/socket.h"
#include "os/parts.h"
#include "os/signal.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

enum { EVENTS_MAX = 512, WATCHED_MAX = 1 << 22, IOV_LIMIT = 1024, UNSENT_BYTES = 64 * 1024 };

/* What a descriptor's events mean. The kernel keeps reporting a closed descriptor as long as a forked child
 * still has it open; the generation, which also travels through the kernel, tells such reports from those of
 * the next owner of the number. */
typedef struct watched { void *cookie; uint32_t generation; bool on, listener; } watched;

typedef struct linux_os {
    weft__os base;
    int epoll;
    weft__office office;             /* its bell: threads and signal handlers have something to tell */
    int spare;                       /* a descriptor to give up when there are no more; -1: none */
    bool to_tell;                    /* what the bell announced has not all been told yet */
    bool only_ms;                    /* the kernel has no epoll_pwait2 */
    watched *watched;                /* by descriptor */
    size_t watched_count;
    weft__resolver *resolver;        /* from the first name on */
    void *signal_cookie;
    unsigned signals_told;
    struct epoll_event got[EVENTS_MAX];
} linux_os;

static const uint64_t BELL_ID = UINT64_MAX;

static linux_os *of(weft__os *os) { return (linux_os *)os; }

/* ---- clocks and randomness ---- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t linux_now_ns(weft__os *os) { (void)os; return clock_ns(CLOCK_MONOTONIC); }
int64_t weft__os_steady_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t weft__os_wall_us(void) { return clock_ns(CLOCK_REALTIME) / 1000; }
static int64_t linux_wall_us(weft__os *os) { (void)os; return weft__os_wall_us(); }

/* Nothing is kept for later, so a fork cannot repeat it. Without the kernel's randomness there is nothing
 * safe to go on with. */
static uint64_t linux_random(weft__os *os)
{
    (void)os;
    uint64_t r;
    while (getrandom(&r, sizeof r, 0) != sizeof r)
        if (errno != EINTR) abort();
    return r;
}

/* ---- waiting ---- */

static int sleep_ms(linux_os *l, int max, int64_t timeout_ns)
{
    int64_t ms = timeout_ns < 0 ? -1 : timeout_ns / 1000000 + (timeout_ns % 1000000 > 0);
    return epoll_wait(l->epoll, l->got, max, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

static int sleep_ns(linux_os *l, int max, int64_t timeout_ns)
{
    if (timeout_ns <= 0 || l->only_ms) return sleep_ms(l, max, timeout_ns);
    struct timespec t = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };
    int n = (int)syscall(SYS_epoll_pwait2, l->epoll, l->got, max, &t, NULL, 0);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
    /* An old kernel, or a sandbox that does not know the call. */
    l->only_ms = true;
    return sleep_ms(l, max, timeout_ns);
}

static uint32_t ready_of(uint32_t e)
{
    return (e & EPOLLIN ? WEFT__IN : 0) | (e & EPOLLOUT ? WEFT__OUT : 0)
        | (e & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? WEFT__HUP : 0);
}

/* What came without a descriptor of its own. What finds no room is told by the next wait. */
static int tell(linux_os *l, weft__event *events, int max)
{
    int n = 0;
    unsigned signals = l->signal_cookie ? weft__signals_count() : 0;
    if (signals > l->signals_told && n < max) {
        events[n++] = (weft__event){ l->signal_cookie, signals };
        l->signals_told = signals;
    }
    n += weft__office_told(&l->office, events + n, max - n);
    if (l->resolver && n < max) n += weft__resolver_told(l->resolver, events + n, max - n);
    l->to_tell = n == max;
    return n;
}

/* What could not be told before comes first, and leaves room for descriptors: neither kind silences the other. */
static int linux_wait(weft__os *os, weft__event *events, int max, int64_t timeout_ns)
{
    linux_os *l = of(os);
    if (max < 1) return WEFT_EINVAL;
    int told = l->to_tell ? tell(l, events, (max + 1) / 2) : 0;
    if (told == max) return told;
    int room = max - told < EVENTS_MAX ? max - told : EVENTS_MAX;
    int n = sleep_ns(l, room, told || l->to_tell ? 0 : timeout_ns);
    if (n < 0) return told || errno == EINTR ? told : -errno;
    bool rung = false;
    for (int i = 0; i < n; i++) {
        uint64_t id = l->got[i].data.u64;
        if (id == BELL_ID) {
            rung = true;
            continue;
        }
        const watched *w = &l->watched[(uint32_t)id];
        if (w->generation == id >> 32) events[told++] = (weft__event){ w->cookie, ready_of(l->got[i].events) };
    }
    if (rung) told += tell(l, events + told, max - told);
    return told;
}

/* ---- watching ---- */

static int watched_reach(linux_os *l, int fd)
{
    if (fd < 0) return -EBADF;
    if ((size_t)fd < l->watched_count) return 0;
    if (fd >= WATCHED_MAX) return WEFT_ELIMIT;
    size_t count = l->watched_count ? l->watched_count : 64;
    while (count <= (size_t)fd) count *= 2;
    watched *more = weft__realloc(l->watched, count * sizeof *more);
    if (!more) return WEFT_ENOMEM;
    for (size_t i = l->watched_count; i < count; i++) more[i] = (watched){ 0 };
    l->watched = more;
    l->watched_count = count;
    return 0;
}

static int linux_watch(weft__os *os, int fd, void *cookie, weft__watching how)
{
    static const uint32_t asked[] = { [WEFT__WATCH_BOTH] = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        [WEFT__WATCH_LISTENER] = EPOLLIN, [WEFT__WATCH_INPUT] = EPOLLIN | EPOLLRDHUP | EPOLLET,
        [WEFT__WATCH_LEVEL_IN] = EPOLLIN, [WEFT__WATCH_LEVEL_OUT] = EPOLLOUT, [WEFT__WATCH_LEVEL_BOTH] = EPOLLIN | EPOLLOUT };
    linux_os *l = of(os);
    int rc = watched_reach(l, fd);
    if (rc < 0) return rc;
    watched *w = &l->watched[fd];
    uint32_t generation = w->generation + 1;
    struct epoll_event e = {
        .events = asked[how],
        .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
    };
    rc = w->on ? epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e) : -1;
    /* What somebody else closed is in the table still, and not in the kernel. */
    if (rc < 0 && (!w->on || errno == ENOENT)) rc = epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e);
    if (rc < 0) return -errno;
    *w = (watched){ cookie, generation, true, how == WEFT__WATCH_LISTENER };
    return 0;
}

static int linux_unwatch(weft__os *os, int fd)
{
    linux_os *l = of(os);
    if (epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL) < 0) return -errno;
    watched *w = &l->watched[fd];
    *w = (watched){ .generation = w->generation + 1 };
    return 0;
}

/* A listener that other processes still hold would go on to wake this one: level-triggered, for ever. */
static void linux_close(weft__os *os, int fd)
{
    linux_os *l = of(os);
    if (fd >= 0 && (size_t)fd < l->watched_count) {
        watched *w = &l->watched[fd];
        if (w->listener) epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
        *w = (watched){ .generation = w->generation + 1 };
    }
    close(fd);
    if (l->spare < 0) l->spare = eventfd(0, EFD_CLOEXEC);
}

static void linux_reset(weft__os *os, int fd)
{
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    linux_close(os, fd);
}

/* ---- sockets ---- */

static void linux_keep_alive(weft__os *os, int fd)
{
    (void)os;
    weft__borrowed_keep_alive(fd);
}

static bool is_tcp(const weft__addr *a) { return a->sa.ss_family == AF_INET || a->sa.ss_family == AF_INET6; }

static int socket_for(const weft__addr *a)
{
    int one = 1, fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (is_tcp(a)) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int fail_closing(int fd)
{
    int rc = -errno;
    close(fd);
    return rc;
}

/* Accepted connections inherit TCP_NODELAY from their listener, so accept needs no second call; and how much the kernel
 * takes of what it cannot send yet: else up to 4 MB wait in it for each peer that has stopped reading. */
static int linux_listen(weft__os *os, const weft__addr *a, int backlog)
{
    (void)os;
    int one = 1, unsent = UNSENT_BYTES, fd = socket_for(a);
    if (fd < 0) return fd;
    if (is_tcp(a)) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (is_tcp(a)) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (a->sa.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0) return fail_closing(fd);
    if (listen(fd, backlog) < 0) return fail_closing(fd);
    return fd;
}

/* Take the connection that no descriptor is left for and close it: a level-triggered listener would spin. */
static void turn_away(linux_os *l, int listener)
{
    if (l->spare < 0) return;
    close(l->spare);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    l->spare = eventfd(0, EFD_CLOEXEC);
}

/* True for what is wrong with the one connection that accept took and lost, see accept(2). */
static bool one_was_lost(int error)
{
    static const int codes[] = { ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
        ENOPROTOOPT, EINTR };
    for (size_t i = 0; i < weft_count(codes); i++)
        if (codes[i] == error) return true;
    return false;
}

static int linux_accept(weft__os *os, int listener, weft__addr *peer)
{
    peer->len = sizeof peer->sa;
    int fd = accept4(listener, (struct sockaddr *)&peer->sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    int error = errno;
    if (error == EMFILE || error == ENFILE) turn_away(of(os), listener);
    return one_was_lost(error) ? -EAGAIN : -error;
}

static int linux_connect(weft__os *os, const weft__addr *a)
{
    (void)os;
    int fd = socket_for(a);
    if (fd < 0) return fd;
    int rc = connect(fd, (const struct sockaddr *)&a->sa, a->len);
    if (rc < 0 && errno != EINPROGRESS && errno != EINTR) return fail_closing(fd);
    return fd;
}

static int linux_connect_result(weft__os *os, int fd)
{
    (void)os;
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0) return -errno;
    return -error;
}

static int linux_local(weft__os *os, int fd, weft__addr *out)
{
    (void)os;
    weft__addr a = { .len = sizeof a.sa };
    if (getsockname(fd, (struct sockaddr *)&a.sa, &a.len) < 0) return -errno;
    *out = a;
    return 0;
}

static bool linux_peer_ours(weft__os *os, int fd)
{
    (void)os;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0) return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

static ssize_t linux_recv(weft__os *os, int fd, void *to, size_t n)
{
    (void)os;
    ssize_t got = recv(fd, to, n, 0);
    if (__builtin_expect(got < 0 && errno == ENOTSOCK, 0)) got = read(fd, to, n);
    return got >= 0 ? got : -errno;
}

/* A pipe knows no MSG_NOSIGNAL: the signal is held back, and taken out again, unless it was held back before. Apart: its sets of signals would lie
 * on the stack of whoever sends. */
static __attribute__((noinline)) ssize_t write_pipe(int fd, const struct iovec *v, int n)
{
    sigset_t only, before, waiting;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    sigemptyset(&waiting);
    pthread_sigmask(SIG_BLOCK, &only, &before);
    if (sigismember(&before, SIGPIPE)) sigpending(&waiting);
    ssize_t sent = writev(fd, v, n);
    int error = errno;
    if (sent < 0 && error == EPIPE && !sigismember(&waiting, SIGPIPE)) sigtimedwait(&only, NULL, &(struct timespec){ 0 });
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return sent;
}

/* A part of more than IOV_LIMIT pieces would be a short write that no OUT follows. */
static ssize_t linux_send(weft__os *os, int fd, const struct iovec *v, int n)
{
    (void)os;
    if (n < 1 || n > IOV_LIMIT) return WEFT_EINVAL;
    struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
    ssize_t sent = n == 1 ? send(fd, v->iov_base, v->iov_len, MSG_NOSIGNAL) : sendmsg(fd, &m, MSG_NOSIGNAL);
    if (__builtin_expect(sent < 0 && errno == ENOTSOCK, 0)) sent = write_pipe(fd, v, n);
    return sent >= 0 ? sent : -errno;
}

static int linux_shutdown(weft__os *os, int fd)
{
    (void)os;
    return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- names and signals ---- */

static weft__resolve *linux_resolve(weft__os *os, const char *host, int port, void *cookie)
{
    linux_os *l = of(os);
    if (!l->resolver) l->resolver = weft__resolver_new(l->office.bell, getaddrinfo);
    return l->resolver ? weft__resolver_start(l->resolver, host, port, cookie) : NULL;
}

static void linux_resolve_free(weft__os *os, weft__resolve *one)
{
    if (one) weft__resolver_end(of(os)->resolver, one);
}

static int linux_signals(weft__os *os, void *cookie)
{
    linux_os *l = of(os);
    if (!l->signal_cookie == !cookie) {
        l->signal_cookie = cookie;
        return 0;
    }
    int rc = 0;
    if (cookie) rc = weft__signals_start(l->office.bell->fd);
    else weft__signals_stop();
    if (rc < 0) return rc;
    l->signal_cookie = cookie;
    l->signals_told = 0;
    return 0;
}

weft__office *weft__linux_office(weft__os *os) { return &of(os)->office; }

/* ---- life ---- */

static void linux_free(weft__os *os)
{
    if (!os) return;
    linux_os *l = of(os);
    linux_signals(os, NULL);
    if (l->resolver) weft__resolver_free(l->resolver);
    weft__office_end(&l->office);
    if (l->epoll >= 0) close(l->epoll);
    if (l->spare >= 0) close(l->spare);
    weft__free(l->watched);
    weft__free(l);
}

static const weft__os_ops linux_ops = {
    .name = "linux", .now_ns = linux_now_ns, .wall_us = linux_wall_us, .random = linux_random,
    .wait = linux_wait, .watch = linux_watch, .unwatch = linux_unwatch, .listen = linux_listen,
    .accept = linux_accept, .connect = linux_connect, .connect_result = linux_connect_result, .local = linux_local,
    .peer_ours = linux_peer_ours, .recv = linux_recv, .send = linux_send, .shutdown = linux_shutdown, .close = linux_close,
    .reset = linux_reset, .keep_alive = linux_keep_alive,
    .resolve = linux_resolve, .resolved = weft__resolver_result, .resolve_free = linux_resolve_free,
    .signals = linux_signals, .jobs = &weft__linux_jobs, .files = &weft__linux_files, .net = &weft__linux_net,
    .children = &weft__linux_children, .takers = &weft__linux_takers,
    .processes = &weft__linux_processes,
    .free = linux_free,
};

/* Edge-triggered: each write to it is told once, and nobody has to read it. */
static int watch_bell(linux_os *l)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = BELL_ID };
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->office.bell->fd, &e);
}

weft__os *weft__os_linux_new(void)
{
    linux_os *l = weft__calloc(sizeof *l);
    if (!l) return NULL;
    l->base.ops = &linux_ops;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->office.bell = weft__bell_new();
    l->spare = eventfd(0, EFD_CLOEXEC);
#ifdef WEFT__TSAN
    l->only_ms = true;               /* it holds a signal back that meets a wait it does not know */
#endif
    if (l->epoll >= 0 && l->office.bell && watch_bell(l) == 0) return &l->base;
    linux_free(&l->base);
    return NULL;
}
