#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "os/file.h"
#include "os/parts.h"

enum { TEMP_TRIES = 16, PATH_BYTES = 4096 };

static int64_t done(int64_t rc) { return rc < 0 ? -errno : rc; }

static int64_t step_into(int dir, const char *name, size_t n)
{
    char step[NAME_MAX + 1];
    if (n > NAME_MAX) return -ENAMETOOLONG;
    if (n == 2 && name[0] == '.' && name[1] == '.') return -EXDEV;
    memcpy(step, name, n);
    step[n] = 0;
    return done(openat(dir, step, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/* Where openat2 is not to be had (a sandbox): a step for each name, and links are not followed at all. */
static int64_t open_by_steps(int dir, const weft__file_op *op)
{
    const char *name = op->path;
    if (*name == '/') return -EXDEV;
    int64_t at = done(fcntl(dir, F_DUPFD_CLOEXEC, 0));
    for (const char *slash; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
        if (slash == name) continue;
        int64_t next = step_into((int)at, name, (size_t)(slash - name));
        close((int)at);
        at = next;
    }
    if (at < 0) return at;
    int64_t fd = strcmp(name, "..") == 0
        ? -EXDEV : done(openat((int)at, *name ? name : ".", op->flags | O_NOFOLLOW | O_CLOEXEC, op->mode));
    close((int)at);
    return fd;
}

static int64_t open_beneath(const weft__file_op *op)
{
    enum { TRIES = 8 };                      /* -EAGAIN: names were changed meanwhile, see openat2(2) */
    struct open_how how = { .flags = (unsigned)op->flags | O_CLOEXEC, .mode = op->flags & O_CREAT ? (unsigned)op->mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    int dir = open(op->to, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int64_t fd = -EAGAIN;
    if (dir < 0) return -errno;
    for (int i = 0; fd == -EAGAIN && i < TRIES; i++) fd = done(syscall(SYS_openat2, dir, op->path, &how, sizeof how));
    if (fd == -ENOSYS || fd == -EPERM) fd = *op->path ? open_by_steps(dir, op) : -ENOENT;
    close(dir);
    return fd;
}

static int64_t open_file(const weft__file_op *op)
{
    return op->to ? open_beneath(op) : done(open(op->path, op->flags | O_CLOEXEC, op->mode));
}

/* The descriptor is gone in each case (close(2)): after EINTR there is nothing to repeat. */
static int64_t close_file(const weft__file_op *op)
{
    int64_t rc = done(close(op->fd));
    return rc == -EINTR ? 0 : rc;
}

/* A file system or a sandbox that does not know how to look without waiting: a thread will find out. */
static int64_t at_once(int64_t rc) { return rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM ? -EAGAIN : rc; }

/* preadv2 without the C library's point of cancellation, which what never waits does not need: in a program with threads it is
 * a twentieth of the time of a cached page. The 0 is the offset's upper half on systems of 32 bits. */
static int64_t read_now(const weft__file_op *op)
{
    return syscall(SYS_preadv2, op->fd, op->iov, op->iov_count, op->offset, 0, RWF_NOWAIT);
}

static int64_t read_file(const weft__file_op *op)
{
    if (op->at_once) return at_once(done(read_now(op)));
    if (op->offset < 0) return done(readv(op->fd, op->iov, op->iov_count));
    return done(preadv(op->fd, op->iov, op->iov_count, op->offset));
}

static int64_t write_file(const weft__file_op *op)
{
    if (op->offset < 0) return done(writev(op->fd, op->iov, op->iov_count));
    return done(pwritev(op->fd, op->iov, op->iov_count, op->offset));
}

static int64_t move_bytes(const weft__file_op *op)
{
    if (op->iov_count < 1 || op->iov_count > WEFT__FILE_IOV_MAX || op->offset < -1) return WEFT_EINVAL;
    return op->kind == WEFT__FILE_READ ? read_file(op) : write_file(op);
}

static int64_t sync_file(const weft__file_op *op) { return done(op->data_only ? fdatasync(op->fd) : fsync(op->fd)); }

static int64_t stat_file(const weft__file_op *op)
{
    struct stat found;
    int rc = op->fd == -1 ? stat(op->path, &found) : fstat(op->fd, &found);
    if (rc < 0) return -errno;
    *op->stat = found;
    return 0;
}

static int64_t remove_path(const weft__file_op *op)
{
    int64_t rc = done(unlink(op->path));
    return rc == -EISDIR ? done(rmdir(op->path)) : rc;
}

/* ---- directories ---- */

/* Takes the names out of records, in place: a name is shorter than its record. */
static size_t names_of(char *bytes, size_t n)
{
    size_t kept = 0;
    uint16_t step;
    for (size_t at = 0; at < n; at += step) {
        memcpy(&step, bytes + at + offsetof(struct dirent64, d_reclen), sizeof step);
        const char *name = bytes + at + offsetof(struct dirent64, d_name);
        size_t len = strlen(name) + 1;
        if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        memmove(bytes + kept, name, len);
        kept += len;
    }
    return kept;
}

static int64_t list(const weft__file_op *op)
{
    char *to = op->iov->iov_base;
    if (op->iov->iov_len < WEFT__FILE_LIST_MIN) return WEFT_EINVAL;
    for (;;) {
        int64_t n = done(syscall(SYS_getdents64, op->fd, to, op->iov->iov_len));
        size_t bytes = n > 0 ? names_of(to, (size_t)n) : 0;
        if (n <= 0 || bytes) return n <= 0 ? n : (int64_t)bytes;
    }
}

static int64_t sync_path(const weft__file_op *op)
{
    int fd = open(op->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int64_t rc = done(fsync(fd));
    close(fd);
    return rc;
}

/* For a file system without O_TMPFILE: a name that lives for a moment. */
static int64_t temp_with_name(const weft__file_op *op)
{
    char path[PATH_BYTES];
    for (int i = 0; i < TEMP_TRIES; i++) {
        uint64_t r = 0;
        if (getrandom(&r, sizeof r, 0) < 0) return -errno;
        int n = snprintf(path, sizeof path, "%s/.weft-%016llx", op->path, (unsigned long long)r);
        if (n >= (int)sizeof path) return -ENAMETOOLONG;
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, op->mode);
        if (fd >= 0) unlink(path);
        if (fd >= 0 || errno != EEXIST) return done(fd);
    }
    return -EEXIST;
}

static int64_t temp(const weft__file_op *op)
{
    int64_t fd = done(open(op->path, O_TMPFILE | O_RDWR | O_CLOEXEC, op->mode));
    /* What a kernel or file system without it says, see open(2). */
    return fd == -EOPNOTSUPP || fd == -EISDIR ? temp_with_name(op) : fd;
}

static int64_t once(const weft__file_op *op)
{
    switch (op->kind) {
    case WEFT__FILE_OPEN: return open_file(op);
    case WEFT__FILE_CLOSE: return close_file(op);
    case WEFT__FILE_READ:
    case WEFT__FILE_WRITE: return move_bytes(op);
    case WEFT__FILE_SYNC: return sync_file(op);
    case WEFT__FILE_TRUNCATE: return done(ftruncate(op->fd, op->offset));
    case WEFT__FILE_STAT: return stat_file(op);
    case WEFT__FILE_RENAME: return done(rename(op->path, op->to));
    case WEFT__FILE_REMOVE: return remove_path(op);
    case WEFT__FILE_MKDIR: return done(mkdir(op->path, op->mode));
    case WEFT__FILE_LIST: return list(op);
    case WEFT__FILE_TEMP: return temp(op);
    case WEFT__FILE_SYNC_PATH: return sync_path(op);
    case WEFT__FILE_KINDS: break;
    }
    return WEFT_EINVAL;
}

static void file_do(weft__os *os, weft__file_op *op)
{
    (void)os;
    do op->result = once(op);
    while (op->result == -EINTR);
}

const weft__file_ops weft__linux_files = { .file_do = file_do };
