#ifndef BARE_H
#define BARE_H
/* What the bare programs share.
 *
 * A bare program does the socket work of one benchmark and nothing else: no router, no models, no time
 * limits, no graceful stop. It is the floor that frameworks are compared with, so it stays a plain
 * epoll loop that one can read in a few minutes. It is no server for the world: it listens on
 * 127.0.0.1 only, knows the one request it answers, and drops a client that takes no bytes.  */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BARE_EVENTS = 512, BARE_BACKLOG = 4096 };

/* End the program with a word on what failed. */
__attribute__((noreturn)) static inline void bare_die(const char *what)
{
    perror(what);
    exit(1);
}

/* The port that the n-th argument names; ends the program with the usage when there is none. */
static inline int bare_port(int argc, char **argv, int n, const char *usage)
{
    long port = n < argc ? strtol(argv[n], NULL, 10) : 0;
    if (port >= 1 && port <= 65535) return (int)port;
    fprintf(stderr, "usage: %s %s\n", argv[0], usage);
    exit(2);
}

static inline struct sockaddr_in bare_address(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static inline void bare_no_delay(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

/* A listening socket that never blocks. */
static inline int bare_listen(int port)
{
    struct sockaddr_in at = bare_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) bare_die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) bare_die("bind");
    if (listen(fd, BARE_BACKLOG) < 0) bare_die("listen");
    return fd;
}

/* The next client that waits at a listener, or -1. */
static inline int bare_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) bare_no_delay(fd);
    return fd;
}

/* Report `data` whenever fd has something to read. Level-triggered: one recv per report is enough. */
static inline void bare_watch(int ep, int fd, void *data)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };
    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) < 0) bare_die("epoll_ctl");
}

/* True when all bytes went out. The benchmarks' answers are far smaller than a socket's buffer, so a
 * partial write means a client that does not read, and the caller lets it go. */
static inline bool bare_send(int fd, const char *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Where the body begins: just past the empty line that ends a head, or NULL while it has not come. */
static inline const char *bare_head_end(const char *from, const char *end)
{
    const char *blank = memmem(from, (size_t)(end - from), "\r\n\r\n", 4);
    return blank ? blank + 4 : NULL;
}

/* Content-Length of a head, 0 when it has none, -1 above `max`. Spelled as wrk, curl and ours do. */
static inline long bare_body_length(const char *head, const char *head_end, long max)
{
    static const char name[] = "Content-Length: ";
    const char *found = memmem(head, (size_t)(head_end - head), name, sizeof name - 1);
    if (!found) return 0;
    long length = strtol(found + sizeof name - 1, NULL, 10);
    return length >= 0 && length <= max ? length : -1;
}
#endif
