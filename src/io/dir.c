/* Names of files and directories: what is there, and changing it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "io/file.h"

enum { USUAL_MODE = 0755, NAMES_BYTES = 8 * 1024 };

/* ---- what is there ---- */

static void tell(const struct stat *st, weft_file_info *out)
{
    *out = (weft_file_info){
        .bytes = st->st_size, .modified_us = st->st_mtim.tv_sec * INT64_C(1000000) + st->st_mtim.tv_nsec / 1000,
        .mode = (int)(st->st_mode & 07777), .is_file = S_ISREG(st->st_mode), .is_dir = S_ISDIR(st->st_mode),
    };
}

int weft_file_stat(const char *path, weft_file_info *out)
{
    weft__os *os;
    struct stat st;
    int rc = weft__file_here("weft_file_stat", path, &os);
    if (rc < 0) return rc;
    int64_t result = weft__file_look(os, path, &st);
    if (result < 0) return weft__file_fail(result, "look at", path, "");
    tell(&st, out);
    return 0;
}

/* The kernel knows it by heart, but for network file systems. */
int weft_file_info_of(weft_file *f, weft_file_info *out)
{
    struct stat st;
    weft__file_call c;
    int rc = weft__file_enter(f, &c, "look at", false);
    if (rc < 0) return rc;
    weft__file_op op = { .kind = WEFT__FILE_STAT, .fd = f->fd, .stat = &st };
    int64_t result = weft__file_do(f->os, &op, "the stat of a file");
    if (result < 0) rc = weft__file_fail(result, "look at", f->path, "");
    else tell(&st, out);
    weft__file_exit(f, &c);
    return rc;
}

/* ---- changes ---- */

static int change(const char *call, const char *doing, weft__file_op op, const char *more)
{
    weft__os *os;
    int rc = weft__file_here(call, op.path, &os);
    if (rc < 0) return rc;
    int64_t result = weft__file_do(os, &op, call);
    return result < 0 ? weft__file_fail(result, doing, op.path, more) : 0;
}

int weft_file_rename(const char *from, const char *to)
{
    if (!to || !*to) return weft__fail_as(NULL, WEFT_EINVAL, 0, "weft_file_rename: the new name is %s", to ? "empty" : "NULL");
    char more[512];
    snprintf(more, sizeof more, " to %s", to);
    return change("weft_file_rename", "rename", (weft__file_op){ .kind = WEFT__FILE_RENAME, .path = from, .to = to }, more);
}

int weft_file_remove(const char *path)
{
    return change("weft_file_remove", "remove", (weft__file_op){ .kind = WEFT__FILE_REMOVE, .path = path }, "");
}

int weft_dir_sync(const char *path)
{
    return change("weft_dir_sync", "sync directory", (weft__file_op){ .kind = WEFT__FILE_SYNC_PATH, .path = path }, "");
}

typedef struct making { weft__thread_work work; weft__os *os; char *path; int mode; bool parents; int64_t rc; } making;

static int64_t make(const making *m)
{
    weft__file_op op = { .kind = WEFT__FILE_MKDIR, .path = m->path, .mode = m->mode };
    m->os->ops->files->file_do(m->os, &op);
    return op.result;
}

static bool is_there(const making *m)
{
    struct stat st;
    weft__file_op op = { .kind = WEFT__FILE_STAT, .fd = -1, .path = m->path, .stat = &st };
    m->os->ops->files->file_do(m->os, &op);
    return op.result == 0 && S_ISDIR(st.st_mode);
}

/* From the first name on; what is there is fine, whatever making it anew would say (a read-only file system above). */
static void run_make(weft__thread_work *work)
{
    making *m = (making *)work;
    for (char *slash = m->path; m->parents && (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        int64_t rc = make(m);
        bool fine = rc == 0 || is_there(m);
        *slash = '/';
        m->rc = rc == -EEXIST ? -ENOTDIR : rc;
        if (!fine) return;
    }
    m->rc = make(m);
    if (m->rc < 0 && m->parents && is_there(m)) m->rc = 0;
}

int weft_dir_make_with(const char *path, const weft_mode_opts *opts)
{
    making m = { .mode = opts->mode ? opts->mode : USUAL_MODE, .parents = opts->parents };
    int rc = weft__file_here("weft_dir_make", path, &m.os);
    if (rc == 0) rc = weft__file_mode_check("weft_dir_make", opts->mode);
    if (rc < 0) return rc;
    size_t n = strlen(path) + 1;
    m.path = weft__malloc(n);
    if (m.path) memcpy(m.path, path, n);
    rc = m.path ? weft__file_run(&m.work, run_make, "weft_dir_make") : WEFT_ENOMEM;
    weft__free(m.path);
    return rc < 0 || m.rc < 0 ? weft__file_fail(rc < 0 ? rc : m.rc, "make directory", path, "") : 0;
}

/* ---- listing ---- */

struct weft_dir {
    weft_file *file;
    size_t at, len;                  /* of the names that were not given yet */
    unsigned inside;                 /* tasks */
    bool freed;
    char names[NAMES_BYTES];
};

int weft_dir_open(weft_dir **out, const char *path)
{
    weft__os *os;
    struct stat st;
    int rc = weft__file_here("weft_dir_open", path, &os);
    if (rc < 0) return rc;
    weft_dir *d = weft__malloc(sizeof *d);
    int64_t fd = d ? weft__file_open_fd(os, path, NULL, O_RDONLY | O_DIRECTORY, 0, &st) : WEFT_ENOMEM;
    weft_file *f = fd < 0 ? NULL : weft__file_over(os, (int)fd, path);
    if (!f) {
        weft__free(d);
        return weft__file_fail(fd < 0 ? fd : WEFT_ENOMEM, "list", path, "");
    }
    d->file = f;
    d->at = d->len = d->inside = 0;
    d->freed = false;
    *out = d;
    return 0;
}

/* Not one that a caller may leave: the names it has taken would be lost. */
static int64_t fill(weft_dir *d)
{
    struct iovec iov = { d->names, sizeof d->names };
    weft__file_op op = { .kind = WEFT__FILE_LIST, .fd = d->file->fd, .iov = &iov, .iov_count = 1 };
    int64_t n = weft__file_do(d->file->os, &op, "the list of a directory");
    if (n < 0) return n;
    d->at = 0;
    d->len = (size_t)n;
    return n;
}

static int next_name(weft_dir *d, weft_str *name)
{
    weft_file *f = d->file;
    weft__file_call c;
    int rc = weft__file_enter(f, &c, "list", true);
    if (rc < 0) return rc;
    int64_t n = d->at < d->len ? 1 : fill(d);
    if (n >= 0 && d->freed) n = WEFT_ECLOSED;
    if (n < 0) rc = weft__file_fail(n, "list", f->path, "");
    else if (n > 0) {
        *name = weft_str_of(d->names + d->at);
        d->at += name->len + 1;
        rc = 1;
    }
    weft__file_exit(f, &c);
    return rc;
}

int weft_dir_next(weft_dir *d, weft_str *name)
{
    d->inside++;
    int rc = next_name(d, name);
    if (!--d->inside && d->freed) weft__free(d);
    return rc;
}

void weft_dir_free(weft_dir *d)
{
    if (!d) return;
    d->freed = true;
    weft_file_free(d->file);
    if (!d->inside) weft__free(d);
}

void weft__dir_leave(weft_dir **d) { weft_dir_free(*d); }
