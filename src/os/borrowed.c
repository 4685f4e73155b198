#define _GNU_SOURCE
#include "os/borrowed.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int weft__borrowed_take(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }
void weft__borrowed_give(int fd) { close(fd); }
void weft__borrowed_cut(int fd) { shutdown(fd, SHUT_RDWR); }

/* A unix socket knows no such thing, and needs none. */
void weft__borrowed_keep_alive(int fd)
{
    int on = 1, idle = 30, interval = 10, count = 3, unheard_ms = 60000;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms, sizeof unheard_ms);
}

bool weft__borrowed_tells(int fd, bool *over)
{
    struct pollfd p = { fd, POLLIN | POLLRDHUP, 0 };
    bool tells = poll(&p, 1, 0) > 0;
    *over = tells && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
    return tells;
}

size_t weft__borrowed_unread(int fd)
{
    int n = 0;
    return ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

size_t weft__borrowed_peek(int fd, void *to, size_t room)
{
    ssize_t n = recv(fd, to, room, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}
