#define _GNU_SOURCE
#include "peer.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "weft/check.h"

static int dial(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (void *)&a, sizeof a) == 0) return fd;
    close(fd);
    return -1;
}

static void pair_end(peer *p, int i)
{
    if (p->pairs[i].client >= 0) close(p->pairs[i].client);
    if (p->pairs[i].server >= 0) close(p->pairs[i].server);
    p->pairs[i].client = p->pairs[i].server = -1;
}

static bool cuts(peer *p, int after, int passed)
{
    if (!after || passed < after) return false;
    __atomic_fetch_add(&p->cut, 1, __ATOMIC_RELEASE);
    return true;
}

static void pair_begin(peer *p)
{
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), i = 0;
    while (i < PEER_PAIRS && p->pairs[i].client >= 0) i++;
    if (i == PEER_PAIRS || fd < 0) {
        if (fd >= 0) close(fd);
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (p->accepted < PEER_TIMES) p->accepted_ns[p->accepted] = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    __atomic_fetch_add(&p->accepted, 1, __ATOMIC_RELEASE);
    p->pairs[i].client = fd;
    int to = __atomic_load_n(&p->to, __ATOMIC_RELAXED);
    p->pairs[i].server = to ? dial(to) : -1;
    p->pairs[i].passed = p->pairs[i].sent = 0;
    p->pairs[i].asked = false;
    if (p->says_len) (void)!send(fd, p->says, p->says_len, MSG_NOSIGNAL);
}

static bool all_sent(int fd, const char *at, ssize_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, at, (size_t)n, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += sent;
        n -= sent;
    }
    return true;
}

/* Who does not read is waited for, and others go on. */
static bool takes(int fd)
{
    struct pollfd client = { fd, POLLOUT, 0 };
    return poll(&client, 1, 1) != 0;
}

/* A round trip that lasts. */
static void delay(peer *p, int i)
{
    int ms = __atomic_load_n(&p->delay_ms, __ATOMIC_RELAXED);
    if (!ms || !p->pairs[i].asked) return;
    p->pairs[i].asked = false;
    poll(NULL, 0, ms);
    __atomic_fetch_add(&p->delayed, 1, __ATOMIC_RELAXED);
}

static void from_server(peer *p, int i)
{
    char bytes[4096];
    delay(p, i);
    if (!takes(p->pairs[i].client)) return;
    int piece = __atomic_load_n(&p->piece, __ATOMIC_RELAXED), cut_after = __atomic_load_n(&p->cut_after, __ATOMIC_RELAXED);   /* before who hears this may say another */
    ssize_t n = recv(p->pairs[i].server, bytes, piece ? (size_t)piece : sizeof bytes, 0);
    if (n > 0) __atomic_store_n(&p->passed, p->pairs[i].passed += (int)n, __ATOMIC_RELAXED);
    if (n <= 0 || !all_sent(p->pairs[i].client, bytes, n) || cuts(p, cut_after, p->pairs[i].passed)) pair_end(p, i);
}

/* In one or two pieces. */
static void ask(const peer *p, int fd)
{
    if (p->first) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)!send(fd, p->asks, p->first, MSG_NOSIGNAL);
        poll(NULL, 0, 50);
    }
    (void)!send(fd, p->asks + p->first, p->asks_len - p->first, MSG_NOSIGNAL);
}

static void put_instead(const peer *p, char *bytes, ssize_t n)
{
    size_t len = p->puts ? strlen(p->puts) : 0;
    char *found = len && n > 0 ? memmem(bytes, (size_t)n, p->instead_of, len) : NULL;
    if (found) memcpy(found, p->puts, len);
}

static void from_client(peer *p, int i)
{
    char bytes[4096];
    int cut_sent = __atomic_load_n(&p->cut_sent, __ATOMIC_RELAXED);
    ssize_t n = recv(p->pairs[i].client, bytes, sizeof bytes, 0);
    if (n > 0) __atomic_fetch_add(&p->from_clients, n, __ATOMIC_RELAXED);
    p->pairs[i].asked = true;
    put_instead(p, bytes, n);
    if (n <= 0) pair_end(p, i);
    else if (p->pairs[i].server >= 0) {
        p->pairs[i].sent += (int)n;
        if (!all_sent(p->pairs[i].server, bytes, n) || cuts(p, cut_sent, p->pairs[i].sent)) pair_end(p, i);
    } else {
        for (ssize_t k = 0; k < n && p->heard_len < sizeof p->heard; k++) p->heard[p->heard_len++] = bytes[k];
        if (p->asks_len) ask(p, p->pairs[i].client);
    }
}

static bool holds_client(const peer *p, int i) { return i == 0 && __atomic_load_n(&p->holds_sent, __ATOMIC_RELAXED); }

/* What holds is looked at again behind the wait: it may have begun in it, and what it has waited for is held already. */
static void *peer_runs(void *arg)
{
    peer *p = arg;
    while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
        struct pollfd fds[1 + 2 * PEER_PAIRS];
        fds[0] = (struct pollfd){ p->listener, POLLIN, 0 };
        for (int i = 0; i < PEER_PAIRS; i++) {
            fds[1 + 2 * i] = (struct pollfd){ holds_client(p, i) ? -1 : p->pairs[i].client, POLLIN, 0 };
            fds[2 + 2 * i] = (struct pollfd){ __atomic_load_n(&p->holds, __ATOMIC_RELAXED) ? -1 : p->pairs[i].server, POLLIN, 0 };
        }
        if (poll(fds, 1 + 2 * PEER_PAIRS, 20) <= 0) continue;
        for (int i = 0; i < PEER_PAIRS; i++) {
            if (fds[2 + 2 * i].revents && !__atomic_load_n(&p->holds, __ATOMIC_RELAXED)) from_server(p, i);
            if (fds[1 + 2 * i].revents && p->pairs[i].client >= 0 && !holds_client(p, i)) from_client(p, i);
        }
        if (fds[0].revents) pair_begin(p);
    }
    return NULL;
}

void peer_start(peer *p)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    for (int i = 0; i < PEER_PAIRS; i++) p->pairs[i].client = p->pairs[i].server = -1;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WEFT_NEED(p->listener >= 0 && bind(p->listener, (void *)&a, sizeof a) == 0 && listen(p->listener, 64) == 0 && getsockname(p->listener, (void *)&a, &n) == 0);
    p->port = ntohs(a.sin_port);
    WEFT_NEED(pthread_create(&p->thread, NULL, peer_runs, p) == 0);
}

void peer_end(peer *p)
{
    __atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
    pthread_join(p->thread, NULL);
    for (int i = 0; i < PEER_PAIRS; i++) pair_end(p, i);
    close(p->listener);
}

void peer_leads(peer *p, int to) { __atomic_store_n(&p->to, to, __ATOMIC_RELAXED); }
void peer_cuts(peer *p, int after) { __atomic_store_n(&p->cut_after, after, __ATOMIC_RELAXED); }
void peer_pieces(peer *p, int piece) { __atomic_store_n(&p->piece, piece, __ATOMIC_RELAXED); }
void peer_holds(peer *p, bool holds) { __atomic_store_n(&p->holds, holds, __ATOMIC_RELAXED); }
void peer_holds_sent(peer *p, bool holds) { __atomic_store_n(&p->holds_sent, holds, __ATOMIC_RELAXED); }
void peer_delays(peer *p, int ms) { __atomic_store_n(&p->delay_ms, ms, __ATOMIC_RELAXED); }
int peer_delayed(const peer *p) { return __atomic_load_n(&p->delayed, __ATOMIC_RELAXED); }
long peer_from_clients(const peer *p) { return __atomic_load_n(&p->from_clients, __ATOMIC_RELAXED); }
void peer_cuts_sent(peer *p, int after) { __atomic_store_n(&p->cut_sent, after, __ATOMIC_RELAXED); }
int peer_cut(const peer *p) { return __atomic_load_n(&p->cut, __ATOMIC_ACQUIRE); }
int peer_accepted(const peer *p) { return __atomic_load_n(&p->accepted, __ATOMIC_ACQUIRE); }
int peer_passed(const peer *p) { return __atomic_load_n(&p->passed, __ATOMIC_RELAXED); }
