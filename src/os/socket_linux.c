#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "os/socket.h"

/* ---- listeners on paths ---- */

/* The path of a unix address that is one; false for all other addresses. */
static bool path_of(const weft__addr *a, char out[sizeof(struct sockaddr_un)])
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    if (a->sa.ss_family != AF_UNIX || a->len <= offsetof(struct sockaddr_un, sun_path)) return false;
    memcpy(&un, &a->sa, a->len < sizeof un ? a->len : sizeof un);
    if (!un.sun_path[0]) return false;
    snprintf(out, sizeof un, "%.*s", (int)sizeof un.sun_path, un.sun_path);
    return true;
}

/* The folder of a path, locked: whoever takes a path over, or removes his own, does it alone. A lock file would stay behind. */
static int lock_folder(const char *path)
{
    char folder[sizeof(struct sockaddr_un)];
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s.", n, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    int rc = errno == EWOULDBLOCK ? -EAGAIN : -errno;
    close(fd);
    return rc;
}

/* Said in so many words: a process that was forked meanwhile has the descriptor, too, and would keep the lock. */
static void unlock_folder(int fd)
{
    flock(fd, LOCK_UN);
    close(fd);
}

/* Filters of containers that are older than statx refuse it. */
static bool identify_without_birth(const char *path, weft__net_path *out)
{
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode)) return false;
    *out = (weft__net_path){ .device = (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev), .inode = st.st_ino, .made = true };
    return true;
}

/* The file as it lies there. An inode's number is given to the next file as soon as nobody has the old one: when it was born tells the two apart. */
static bool identify(const char *path, weft__net_path *out)
{
    struct statx st;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_BTIME, &st) < 0) return errno != ENOENT && identify_without_birth(path, out);
    if (!S_ISSOCK(st.stx_mode)) return false;
    *out = (weft__net_path){ .device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, .inode = st.stx_ino, .made = true };
    if (st.stx_mask & STATX_BTIME) out->born_ns = st.stx_btime.tv_sec * INT64_C(1000000000) + st.stx_btime.tv_nsec;
    return true;
}

/* Nobody listens there: only a socket that refuses is left over. One whose queue is full has an owner. */
static bool is_stale(const weft__addr *a, const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool stale = connect(fd, (const struct sockaddr *)&a->sa, a->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int listen_locked(weft__os *os, const weft__addr *a, const char *path, int backlog, int mode, weft__net_path *made)
{
    if (is_stale(a, path)) unlink(path);
    int fd = os->ops->listen(os, a, backlog);
    if (fd < 0) return fd;
    (void)identify(path, made);
    if (!mode || chmod(path, (mode_t)mode) == 0) return fd;
    int rc = -errno;
    unlink(path);
    os->ops->close(os, fd);
    return rc;
}

static int net_listen(weft__os *os, const weft__addr *a, int backlog, int mode, weft__net_path *made)
{
    char path[sizeof(struct sockaddr_un)];
    *made = (weft__net_path){ .made = false };
    if (!path_of(a, path)) return os->ops->listen(os, a, backlog);
    int lock = lock_folder(path);
    if (lock < 0) return lock;
    int fd = listen_locked(os, a, path, backlog, mode, made);
    unlock_folder(lock);
    return fd;
}

void weft__net_pause(void) { nanosleep(&(struct timespec){ .tv_nsec = WEFT__NET_TRY_AGAIN_MS * 1000000 }, NULL); }

int weft__net_listen_soon(weft__os *os, const weft__addr *a, int backlog, int mode, weft__net_path *made)
{
    for (int i = 0;; i++) {
        int fd = os->ops->net->listen(os, a, backlog, mode, made);
        if (fd != -EAGAIN || i == WEFT__NET_TRIES) return fd;
        weft__net_pause();
    }
}

static void net_adopt(weft__os *os, const weft__addr *a, weft__net_path *made)
{
    (void)os;
    char path[sizeof(struct sockaddr_un)];
    *made = (weft__net_path){ .made = false };
    if (path_of(a, path)) (void)identify(path, made);
}

/* Without the lock the file stays, and is taken over by the next start. */
static int net_unlink(weft__os *os, const weft__addr *a, const weft__net_path *made)
{
    (void)os;
    char path[sizeof(struct sockaddr_un)];
    weft__net_path now;
    if (!made->made || !path_of(a, path)) return 0;
    int lock = lock_folder(path);
    if (lock < 0) return lock == -EAGAIN ? lock : 0;
    if (identify(path, &now) && now.device == made->device && now.inode == made->inode && now.born_ns == made->born_ns) unlink(path);
    unlock_folder(lock);
    return 0;
}

/* ---- datagrams ---- */

static int net_udp(weft__os *os, const weft__addr *at)
{
    (void)os;
    int one = 1, family = at->sa.ss_family;
    if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&at->sa, at->len) == 0) return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

static int net_udp_connect(weft__os *os, int fd, const weft__addr *to)
{
    (void)os;
    return connect(fd, (const struct sockaddr *)&to->sa, to->len) < 0 ? -errno : 0;
}

static int net_udp_send(weft__os *os, int fd, const void *bytes, size_t n, const weft__addr *to)
{
    (void)os;
    const struct sockaddr *sa = to ? (const struct sockaddr *)&to->sa : NULL;
    return sendto(fd, bytes, n, MSG_NOSIGNAL, sa, to ? to->len : 0) < 0 ? -errno : 0;
}

static ssize_t net_udp_recv(weft__os *os, int fd, void *to, size_t room, weft__addr *from)
{
    (void)os;
    weft__addr a = { .len = sizeof a.sa };
    ssize_t n = recvfrom(fd, to, room, MSG_TRUNC, (struct sockaddr *)&a.sa, &a.len);
    if (n < 0) return -errno;
    *from = a;
    return n;
}

const weft__net_ops weft__linux_net = {
    .listen = net_listen, .adopt = net_adopt, .unlink = net_unlink, .udp = net_udp, .udp_connect = net_udp_connect,
    .udp_send = net_udp_send, .udp_recv = net_udp_recv,
};
