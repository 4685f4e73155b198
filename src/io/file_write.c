/* Writing files. All of it is done by threads, in one go: whoever asked for it waits for its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "io/file.h"
#include "task/error.h"

enum { WRITE_STEP = 1 << 30, USUAL_MODE = 0644 };

/* ---- on the thread ---- */

typedef struct writing {
    weft__thread_work work;
    weft__os *os;
    const char *path;                /* weft_file_append, weft_file_save: of the file */
    weft_str bytes;
    int fd, mode;
    int64_t offset;                  /* -1: at the end */
    size_t done;
    int64_t rc;
    char *beside, *directory;        /* weft_file_save */
    bool in_place;                   /* weft_file_save: the new bytes have their name */
} writing;

static int64_t act(writing *w, weft__file_op op)
{
    w->os->ops->files->file_do(w->os, &op);
    return op.result;
}

static int64_t write_all(writing *w)
{
    while (w->done < w->bytes.len) {
        size_t left = w->bytes.len - w->done;
        struct iovec iov = { (char *)(uintptr_t)w->bytes.ptr + w->done, left < WRITE_STEP ? left : WRITE_STEP };
        int64_t at = w->offset < 0 ? -1 : w->offset + (int64_t)w->done;
        int64_t n = act(w, (weft__file_op){ .kind = WEFT__FILE_WRITE, .fd = w->fd, .iov = &iov, .iov_count = 1, .offset = at });
        if (n <= 0) return n < 0 ? n : -EIO;
        w->done += (size_t)n;
    }
    return 0;
}

static void run_write(weft__thread_work *work)
{
    writing *w = (writing *)work;
    w->rc = write_all(w);
}

static int64_t first_failure(int64_t a, int64_t b) { return a < 0 ? a : b; }

static int64_t close_it(writing *w) { return act(w, (weft__file_op){ .kind = WEFT__FILE_CLOSE, .fd = w->fd }); }

static int64_t open_it(writing *w, const char *path, int flags)
{
    int64_t fd = act(w, (weft__file_op){ .kind = WEFT__FILE_OPEN, .path = path, .flags = flags | O_WRONLY | O_CREAT | O_NOCTTY, .mode = w->mode });
    w->fd = (int)fd;
    return fd < 0 ? fd : 0;
}

static void run_append(weft__thread_work *work)
{
    writing *w = (writing *)work;
    w->rc = open_it(w, w->path, O_APPEND | O_NONBLOCK);
    if (w->rc < 0) return;
    w->rc = write_all(w);
    w->rc = first_failure(w->rc, close_it(w));
}

/* ---- a write to an open file ---- */

static int write_failed(const writing *w, int64_t rc, const char *doing, const char *path)
{
    char part[80] = "";
    if (w->done) snprintf(part, sizeof part, ", of which %zu of %zu bytes were written", w->done, w->bytes.len);
    return weft__file_fail(rc, doing, path, part);
}

static int write_at(weft_file *f, weft_str bytes, int64_t at)
{
    writing w = { .os = f->os, .bytes = bytes, .fd = f->fd, .offset = at };
    if (at < -1 || (at >= 0 && bytes.len > (size_t)(INT64_MAX - at)))
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot write to %s at %lld: that makes no sense", f->path, (long long)at);
    if (!bytes.len) return 0;
    int rc = weft__file_run(&w.work, run_write, "a write to a file");
    if (rc < 0 || w.rc < 0) return write_failed(&w, rc < 0 ? rc : w.rc, "write to", f->path);
    return 0;
}

int weft_file_write(weft_file *f, weft_str bytes)
{
    weft__file_call c;
    int rc = weft__file_enter(f, &c, "write to", true);
    if (rc < 0) return rc;
    weft__file_forget(f);
    rc = write_at(f, bytes, f->appends ? -1 : f->position);
    if (rc == 0 && !f->appends) f->position += (int64_t)bytes.len;
    weft__file_exit(f, &c);
    return rc;
}

int weft_file_pwrite(weft_file *f, weft_str bytes, int64_t offset)
{
    if (offset < 0) return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot write to %s before its beginning", f->path);
    if (f->appends) return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot write to %s at an offset: it was opened for appending", f->path);
    weft__file_call c;
    int rc = weft__file_enter(f, &c, "write to", false);
    if (rc < 0) return rc;
    rc = write_at(f, bytes, offset);
    weft__file_changed(f);
    weft__file_exit(f, &c);
    return rc;
}

static int change(weft_file *f, weft__file_op op, const char *doing, const char *name)
{
    weft__file_call c;
    int rc = weft__file_enter(f, &c, doing, false);
    if (rc < 0) return rc;
    op.fd = f->fd;
    int64_t result = weft__file_do(f->os, &op, name);
    if (op.kind == WEFT__FILE_TRUNCATE) weft__file_changed(f);
    if (result < 0) rc = weft__file_fail(result, doing, f->path, "");
    weft__file_exit(f, &c);
    return rc;
}

int weft_file_sync(weft_file *f) { return change(f, (weft__file_op){ .kind = WEFT__FILE_SYNC }, "sync", "the sync of a file"); }

int weft_file_truncate(weft_file *f, int64_t bytes)
{
    return change(f, (weft__file_op){ .kind = WEFT__FILE_TRUNCATE, .offset = bytes }, "truncate", "the truncation of a file");
}

/* ---- whole files ---- */

int weft_file_append(const char *path, weft_str bytes)
{
    writing w = { .path = path, .bytes = bytes, .offset = -1, .mode = USUAL_MODE };
    int rc = weft__file_here("weft_file_append", path, &w.os);
    if (rc < 0) return rc;
    rc = weft__file_run(&w.work, run_append, "an append to a file");
    return rc < 0 || w.rc < 0 ? write_failed(&w, rc < 0 ? rc : w.rc, "append to", path) : 0;
}

/* Of the file that is replaced, unless one was asked for. */
static void choose_mode(writing *w)
{
    struct stat st;
    if (w->mode) return;
    w->mode = USUAL_MODE;
    if (act(w, (weft__file_op){ .kind = WEFT__FILE_STAT, .fd = -1, .path = w->path, .stat = &st }) == 0) w->mode = st.st_mode & 0777;
}

static int64_t fill_beside(writing *w)
{
    int64_t rc = open_it(w, w->beside, O_EXCL);
    if (rc < 0) return rc;
    rc = write_all(w);
    if (rc == 0) rc = act(w, (weft__file_op){ .kind = WEFT__FILE_SYNC, .fd = w->fd });
    rc = first_failure(rc, close_it(w));
    if (rc == 0) rc = act(w, (weft__file_op){ .kind = WEFT__FILE_RENAME, .path = w->beside, .to = w->path });
    if (rc < 0) (void)act(w, (weft__file_op){ .kind = WEFT__FILE_REMOVE, .path = w->beside });
    return rc;
}

static void run_save(weft__thread_work *work)
{
    writing *w = (writing *)work;
    choose_mode(w);
    w->rc = fill_beside(w);
    w->in_place = w->rc == 0;
    if (w->in_place) w->rc = act(w, (weft__file_op){ .kind = WEFT__FILE_SYNC_PATH, .path = w->directory });
}

/* "a/b": "a" and "a/.weft-..."; "b": "." and "./.weft-...". False: no memory. */
static bool name_beside(writing *w)
{
    const char *slash = strrchr(w->path, '/');
    size_t n = slash ? (size_t)(slash - w->path) : 1;
    if (slash == w->path) n = 1;
    const char *dir = slash ? w->path : ".";
    w->directory = weft__malloc(n + 1);
    w->beside = weft__malloc(n + 32);
    if (!w->directory || !w->beside) return false;
    memcpy(w->directory, dir, n);
    w->directory[n] = 0;
    snprintf(w->beside, n + 32, "%s/.weft-%016llx", w->directory, (unsigned long long)w->os->ops->random(w->os));
    return true;
}

static int save_failed(const writing *w, int64_t rc)
{
    const char *when = w->in_place ? " perhaps not for good (the new bytes are in place, its directory does not sync)" : "";
    return weft__file_fail(rc, w->in_place ? "save" : "write", w->path, when);
}

int weft_file_save_with(const char *path, weft_str bytes, const weft_mode_opts *opts)
{
    writing w = { .path = path, .bytes = bytes, .mode = opts->mode };
    int rc = weft__file_here("weft_file_save", path, &w.os);
    if (rc == 0) rc = weft__file_mode_check("weft_file_save", opts->mode);
    if (rc < 0) return rc;
    if (opts->parents) return weft__fail_as(NULL, WEFT_EINVAL, 0, "weft_file_save: .parents is for weft_dir_make");
    rc = name_beside(&w) ? weft__file_run(&w.work, run_save, "the save of a file") : WEFT_ENOMEM;
    if (rc < 0 || w.rc < 0) rc = save_failed(&w, rc < 0 ? rc : w.rc);
    weft__free(w.directory);
    weft__free(w.beside);
    return rc;
}
