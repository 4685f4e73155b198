#define _GNU_SOURCE
#include "os/borrowed.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

bool weft__borrowed_takes(int fd, bool *tells)
{
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
    bool ready = poll(&p, 1, 0) > 0;
    *tells = ready && p.revents & ~POLLOUT;
    return ready && p.revents & POLLOUT;
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

size_t weft__borrowed_read(int fd, void *to, size_t room)
{
    ssize_t n = recv(fd, to, room, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* ---- a part of what comes ---- */

/* Of a socket; 0: it is another file, or none at all. False: it is not known. */
static bool inode(int fd, unsigned long long *out)
{
    struct stat st;
    bool is = fstat(fd, &st) == 0;
    *out = is && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
    return is || errno == EBADF;
}

bool weft__borrowed_part_begin(weft__borrowed_part *p, int fd, const void *bytes, size_t n)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0) return false;
    *p = (weft__borrowed_part){ .fd = fd, .real = weft__borrowed_take(fd), .ours = ends[1] };
    bool fine = p->real >= 0 && inode(ends[0], &p->stands_in) && send(p->ours, bytes, n, MSG_NOSIGNAL) == (ssize_t)n && dup3(ends[0], fd, O_CLOEXEC) == fd;
    close(ends[0]);
    if (fine) return true;
    close(p->ours);
    if (p->real >= 0) close(p->real);
    return false;
}

static bool pass_on(int from, int to)
{
    char bytes[4096];
    ssize_t n;
    while ((n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        if (send(to, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n) return false;
    return true;
}

bool weft__borrowed_part_end(weft__borrowed_part *p)
{
    unsigned long long there;
    bool fine = inode(p->fd, &there);
    p->left = fine && there != p->stands_in;         /* what has its number by now is nothing of ours */
    if (!p->left) {
        fine = fine && weft__borrowed_unread(p->fd) == 0 && pass_on(p->ours, p->real);
        fine &= dup3(p->real, p->fd, O_CLOEXEC) == p->fd;
    }
    close(p->ours);
    close(p->real);
    return fine;
}
