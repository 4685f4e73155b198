#define _GNU_SOURCE
#include "disk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "support/descriptors.h"

enum { ROOM = 1 << 16, ROOMS = 4, NAMES = 512 };

disk disk_linux(weft__folder where)
{
    disk d = { .before = open_descriptors() };
    d.os = weft__os_linux_new();
    WEFT_NEED(d.os != NULL);
    snprintf(d.path, sizeof d.path, "%s/XXXXXX", weft__test_folder(where));
    WEFT_NEED(mkdtemp(d.path) != NULL && chdir(d.path) == 0 && chmod(".", 0755) == 0);
    umask(022);
    return d;
}

disk disk_sim(const weft__sim_opts *opts)
{
    disk d = { .os = weft__sim_new(opts) };
    WEFT_NEED(d.os != NULL);
    return d;
}

void disk_end(disk *d)
{
    if (!*d->path) WEFT_CHECK_EQ(weft__sim_open_fds(d->os), 0);
    d->os->ops->free(d->os);
    if (!*d->path) return;
    WEFT_CHECK_EQ(open_descriptors(), d->before);
    WEFT_CHECK_EQ(chdir("/"), 0);
}

int64_t disk_do(disk *d, weft__file_op op)
{
    op.result = -4711;
    d->os->ops->files->file_do(d->os, &op);
    WEFT_CHECK(op.result != -4711);
    return op.result;
}

int disk_open(disk *d, const char *path, int flags)
{
    return (int)disk_do(d, (weft__file_op){ .kind = WEFT__FILE_OPEN, .path = path, .flags = flags, .mode = 0644 });
}

int64_t disk_close(disk *d, int fd) { return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_CLOSE, .fd = fd }); }

static int64_t move(disk *d, weft__file_kind kind, int fd, void *bytes, size_t n, int64_t at)
{
    struct iovec v = { bytes, n };
    return disk_do(d, (weft__file_op){ .kind = kind, .fd = fd, .iov = &v, .iov_count = 1, .offset = at });
}

int64_t disk_write(disk *d, int fd, const char *text, int64_t at)
{
    return move(d, WEFT__FILE_WRITE, fd, (char *)text, strlen(text), at);
}

int64_t disk_read(disk *d, int fd, char *to, size_t n, int64_t at) { return move(d, WEFT__FILE_READ, fd, to, n, at); }

int64_t disk_sync(disk *d, int fd) { return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_SYNC, .fd = fd }); }

int64_t disk_sync_path(disk *d, const char *path)
{
    return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_SYNC_PATH, .path = path });
}

int64_t disk_rename(disk *d, const char *path, const char *to)
{
    return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_RENAME, .path = path, .to = to });
}

int64_t disk_remove(disk *d, const char *path)
{
    return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_REMOVE, .path = path });
}

int64_t disk_mkdir(disk *d, const char *path)
{
    return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_MKDIR, .path = path, .mode = 0777 });
}

int64_t disk_size(disk *d, const char *path)
{
    struct stat st;
    int64_t rc = disk_do(d, (weft__file_op){ .kind = WEFT__FILE_STAT, .fd = -1, .path = path, .stat = &st });
    return rc < 0 ? rc : st.st_size;
}

static char *room(void)
{
    static char rooms[ROOMS][ROOM];
    static int next;
    char *r = rooms[next++ % ROOMS];
    *r = 0;
    return r;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

const char *disk_names(disk *d, const char *path)
{
    char *all = room(), bytes[WEFT__FILE_LIST_MIN], *names[NAMES];
    int count = 0, fd = disk_open(d, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return NULL;
    for (int64_t n; (n = move(d, WEFT__FILE_LIST, fd, bytes, sizeof bytes, 0)) != 0;) {
        WEFT_NEED(n > 0);
        for (char *p = bytes; p < bytes + n; p += strlen(p) + 1) {
            WEFT_NEED(count < NAMES);
            names[count++] = strdup(p);
        }
    }
    WEFT_CHECK_EQ(disk_close(d, fd), 0);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) {
        strcat(strcat(all, names[i]), " ");
        free(names[i]);
    }
    return all;
}

int64_t disk_put(disk *d, const char *path, const char *text)
{
    int fd = disk_open(d, path, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) return fd;
    int64_t rc = disk_write(d, fd, text, -1);
    disk_close(d, fd);
    return rc;
}

const char *disk_get(disk *d, const char *path)
{
    char *bytes = room();
    int fd = disk_open(d, path, O_RDONLY);
    if (fd < 0) return NULL;
    int64_t n = disk_read(d, fd, bytes, ROOM - 1, 0);
    disk_close(d, fd);
    if (n < 0) return NULL;
    bytes[n] = 0;
    return bytes;
}
