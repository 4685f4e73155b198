/* Operations on files, from a task to a thread and back. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/mem.h"
#include "io/file.h"
#include "task/error.h"

static const char WHAT[] = "the file pool";

/* The system's words for -ENXIO name neither of the two things that say it. */
static const char *reason(int code)
{
    switch (code) {
    case WEFT_ECLOSED: return weft__code_text(code);
    case -EBADF: return "it was not opened for that";
    case -ENXIO: return "it is a pipe that nobody reads, or a socket, and no file";
    }
    const char *why = strerrordesc_np(-code);
    return why ? why : weft__code_text(code);
}

int weft__file_fail(int64_t code64, const char *doing, const char *path, const char *more)
{
    int code = (int)code64;
    if ((code == WEFT_ECANCELED || code == WEFT_ETIMEDOUT) && weft__cancelled()) return code;
    return weft__fail_as(NULL, code, 0, "cannot %s %s%s: %s", doing, path, more, reason(code));
}

/* ---- the caller waits for the end ---- */

int weft__file_run(weft__thread_work *w, void (*run)(weft__thread_work *), const char *name)
{
    w->run = run;
    w->drop = NULL;
    w->name = name;
    return weft__offload(&weft__threads_files, w, WHAT, INT64_MAX);
}

typedef struct one { weft__thread_work work; weft__os *os; weft__file_op *op; } one;

static void run_one(weft__thread_work *w)
{
    one *o = (one *)w;
    o->os->ops->files->file_do(o->os, o->op);
}

int64_t weft__file_do(weft__os *os, weft__file_op *op, const char *name)
{
    one o = { .os = os, .op = op };
    int rc = weft__file_run(&o.work, run_one, name);
    return rc < 0 ? rc : op->result;
}

/* ---- the caller may leave ---- */

/* Invariant: nothing in it points to what the caller owns. `file` is held until the job goes. */
typedef struct asked {
    weft__thread_work work;
    weft__os *os;
    const weft__file_ops *files;
    weft_file *file;
    weft__file_op op;
    struct iovec iov;
    struct stat stat;
    char bytes[];                    /* the path, or room for what is read */
} asked;

static asked *asked_new(weft__os *os, size_t n)
{
    asked *a = weft__malloc(sizeof *a + n);
    if (!a) return NULL;
    memset(a, 0, sizeof *a);
    a->os = os;
    a->files = os->ops->files;
    a->op = (weft__file_op){ .fd = -1, .result = WEFT_ECANCELED };
    return a;
}

static void asked_free(asked *a)
{
    if (a->file) weft__file_let_go(a->file);
    weft__free(a);
}

static void close_fd(asked *a)
{
    weft__file_op op = { .kind = WEFT__FILE_CLOSE, .fd = (int)a->op.result };
    a->files->file_do(a->os, &op);
}

/* Nobody wants it any more, and it has run or never will. */
static void dropped(weft__thread_work *w)
{
    asked *a = (asked *)w;
    if (a->op.kind == WEFT__FILE_OPEN && a->op.result >= 0) close_fd(a);
    asked_free(a);
}

/* What has been opened is looked at too. */
static void run_asked(weft__thread_work *w)
{
    asked *a = (asked *)w;
    a->files->file_do(a->os, &a->op);
    if (a->op.kind != WEFT__FILE_OPEN || a->op.result < 0) return;
    weft__file_op look = { .kind = WEFT__FILE_STAT, .fd = (int)a->op.result, .stat = &a->stat };
    a->files->file_do(a->os, &look);
    if (look.result >= 0) return;
    close_fd(a);
    a->op.result = look.result;
}

/* 0: it ran, and is the caller's again. Else it is gone, or will be. A change is waited for. */
static int ask(asked *a, const char *name, bool change)
{
    a->work.run = run_asked;
    a->work.drop = change ? NULL : dropped;
    a->work.name = name;
    int rc = weft__offload(&weft__threads_files, &a->work, WHAT, INT64_MAX);
    if (rc < 0 && change) dropped(&a->work);
    return rc;
}

int64_t weft__file_fetch(weft_file *f, void *to, size_t n, size_t window, int64_t at)
{
    asked *a = asked_new(f->os, window);
    if (!a) return WEFT_ENOMEM;
    weft__file_keep(f);
    a->file = f;
    a->iov = (struct iovec){ a->bytes, window };
    a->op = (weft__file_op){ .kind = WEFT__FILE_READ, .fd = f->fd, .iov = &a->iov, .iov_count = 1, .offset = at, .result = WEFT_ECANCELED };
    int rc = ask(a, "a read of a file", false);
    if (rc < 0) return rc;
    int64_t got = a->op.result;
    if (got > 0) f->warm_to = at + got;
    if (got > (int64_t)n) got = (int64_t)n;
    if (got > 0) memcpy(to, a->bytes, (size_t)got);
    asked_free(a);
    return got;
}

static int64_t ask_about(weft__os *os, weft__file_op op, const char *name, bool change, struct stat *st)
{
    size_t n = strlen(op.path) + 1, m = op.to ? strlen(op.to) + 1 : 0;
    asked *a = asked_new(os, n + m);
    if (!a) return WEFT_ENOMEM;
    memcpy(a->bytes, op.path, n);
    if (m) memcpy(a->bytes + n, op.to, m);
    op.path = a->bytes;
    op.to = m ? a->bytes + n : NULL;
    op.stat = &a->stat;
    op.result = WEFT_ECANCELED;
    a->op = op;
    int rc = ask(a, name, change);
    if (rc < 0) return rc;
    int64_t result = a->op.result;
    if (result >= 0) *st = a->stat;
    asked_free(a);
    return result;
}

int64_t weft__file_open_fd(weft__os *os, const char *path, const char *beneath, int flags, int mode, struct stat *st)
{
    weft__file_op op = { .kind = WEFT__FILE_OPEN, .fd = -1, .path = path, .to = beneath, .flags = flags, .mode = mode };
    return ask_about(os, op, "the open of a file", (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)), st);
}

int64_t weft__file_look(weft__os *os, const char *path, struct stat *st)
{
    return ask_about(os, (weft__file_op){ .kind = WEFT__FILE_STAT, .fd = -1, .path = path }, "the stat of a file", false, st);
}
