/* Files for users: opening, closing, positions, what a file is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/mem.h"
#include "io/file.h"
#include "io/log.h"
#include "task/job.h"

enum { LINE_BYTES = 64 * 1024, USUAL_MODE = 0644 };

/* ---- life ---- */

int weft__file_here(const char *call, const char *path, weft__os **out)
{
    if (!weft__self()) return weft__no_task(call);
    if (!path || !*path) return weft__fail_as(NULL, WEFT_EINVAL, 0, "%s: the path is %s", call, path ? "empty" : "NULL");
    weft__os *os = weft__loop_os(weft__loop_here());
    if (!os->ops->files || !os->ops->jobs) return weft__fail_as(NULL, WEFT_EINVAL, 0, "%s: there are no files here", call);
    *out = os;
    return 0;
}

int weft__file_mode_check(const char *call, int mode)
{
    if (mode >= 0 && mode <= 07777) return 0;
    return weft__fail_as(NULL, WEFT_EINVAL, 0, "%s: .mode is not in 0 to 07777", call);
}

static int64_t close_now(weft__os *os, const weft__file_ops *files, int fd)
{
    weft__file_op op = { .kind = WEFT__FILE_CLOSE, .fd = fd };
    files->file_do(os, &op);
    return op.result;
}

weft_file *weft__file_over(weft__os *os, int fd, const char *path)
{
    size_t n = strlen(path) + 1;
    weft_file *f = weft__calloc(sizeof *f + n);
    if (!f) {
        (void)close_now(os, os->ops->files, fd);
        return NULL;
    }
    f->os = os;
    f->files = os->ops->files;
    f->fd = fd;
    f->users = f->holders = 1;
    f->line_bytes_max = LINE_BYTES;
    memcpy(f->path, path, n);
    return f;
}

void weft__file_keep(weft_file *f)
{
    __atomic_add_fetch(&f->users, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&f->holders, 1, __ATOMIC_RELAXED);
}

static bool is_last(int *count) { return __atomic_sub_fetch(count, 1, __ATOMIC_ACQ_REL) == 0; }

static void release(weft_file *f)
{
    if (!is_last(&f->holders)) return;
    weft__free(f->in);
    weft__free(f);
}

static void say_close(const weft_file *f, int64_t rc)
{
    if (rc < 0) weft__log(WEFT_LOG_ERROR, "cannot close %s: %s", f->path, strerrordesc_np((int)-rc));
}

/* Closing what was written may wait for the disk or the network, and is done whatever was cancelled. */
static int64_t close_last(weft_file *f)
{
    if (!f->writes || !weft__self()) return close_now(f->os, f->files, f->fd);
    weft__file_op op = { .kind = WEFT__FILE_CLOSE, .fd = f->fd, .result = 1 };
    WEFT_SCOPE(whatever, .shield = true);
    (void)weft__file_do(f->os, &op, "the close of a file");
    return op.result == 1 ? close_now(f->os, f->files, f->fd) : op.result;       /* no thread could be had */
}

void weft__file_let_go(weft_file *f)
{
    if (is_last(&f->users)) say_close(f, close_last(f));
    release(f);
}

/* To a call under way a close is what a cancel is: a read is given up, a change that a thread has begun is waited for. */
static int64_t end(weft_file *f)
{
    if (f->closed) return 0;
    f->closed = true;
    for (weft__file_call *c = f->calls; c; c = c->next) weft__wake(c->fiber, WEFT_ECLOSED);
    return is_last(&f->users) ? close_last(f) : 0;
}

int weft_file_close(weft_file *f)
{
    if (!f) return 0;
    __atomic_add_fetch(&f->holders, 1, __ATOMIC_RELAXED);        /* it may be freed while this waits */
    int64_t rc = end(f);
    int code = rc < 0 ? weft__file_fail(rc, "close", f->path, "") : 0;
    release(f);
    return code;
}

void weft_file_free(weft_file *f)
{
    if (!f) return;
    say_close(f, end(f));
    release(f);
}

void weft__file_leave(weft_file **f) { weft_file_free(*f); }

/* ---- calls ---- */

static int refuse(weft_file *f, const char *doing, int code, const char *who)
{
    if (code == WEFT_ECLOSED) return weft__file_fail(code, doing, f->path, "");
    return weft__fail_as(NULL, code, 0, "cannot %s %s: task %s moves its position, and one at a time may", doing, f->path, who);
}

static void call_link(weft_file *f, weft__file_call *c)
{
    c->prev = NULL;
    c->next = f->calls;
    if (c->next) c->next->prev = c;
    f->calls = c;
}

static void call_unlink(weft_file *f, weft__file_call *c)
{
    *(c->prev ? &c->prev->next : &f->calls) = c->next;
    if (c->next) c->next->prev = c->prev;
}

int weft__file_enter(weft_file *f, weft__file_call *c, const char *doing, bool moves)
{
    if (!weft__self()) return weft__no_task("a call on a file");
    if (f->closed) return refuse(f, doing, WEFT_ECLOSED, NULL);
    if (moves && f->moving) return refuse(f, doing, WEFT_EBUSY, f->moving);
    if (moves) f->moving = weft_task_name(weft_task_self());
    weft__file_keep(f);
    *c = (weft__file_call){ .fiber = weft__self(), .moves = moves };
    call_link(f, c);
    int rc = weft__checkpoint();
    if (rc == 0 && f->closed) rc = refuse(f, doing, WEFT_ECLOSED, NULL);
    if (rc < 0) weft__file_exit(f, c);
    return rc;
}

void weft__file_exit(weft_file *f, weft__file_call *c)
{
    call_unlink(f, c);
    if (c->moves) f->moving = NULL;
    weft__file_let_go(f);
}

/* ---- opening ---- */

static int flags_of(const weft_open_opts *o)
{
    bool write = o->write || o->append;
    int flags = write ? o->read ? O_RDWR : O_WRONLY : O_RDONLY;
    if (o->append) flags |= O_APPEND;
    if (o->create || o->exclusive) flags |= O_CREAT;
    if (o->exclusive) flags |= O_EXCL;
    if (o->truncate) flags |= O_TRUNC;
    return flags | O_NONBLOCK | O_NOCTTY;            /* a pipe that nobody writes to must not hold a thread */
}

static int check(const char *path, const weft_open_opts *o)
{
    const char *wrong = NULL;
    bool write = o->write || o->append;
    if (!write && (o->truncate || o->create || o->exclusive)) wrong = "what is created or truncated is opened with .write or .append";
    if (o->mode < 0 || o->mode > 07777) wrong = ".mode is not in 0 to 07777";
    if (o->line_bytes_max > SIZE_MAX / 4) wrong = ".line_bytes_max makes no sense";
    return wrong ? weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot open %s: %s", path, wrong) : 0;
}

static int64_t refused_kind(const struct stat *st)
{
    if (S_ISDIR(st->st_mode)) return -EISDIR;
    return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) ? WEFT_EINVAL : 0;
}

static int open_failed(int64_t rc, const char *path, const weft_open_opts *o)
{
    bool write = o->write || o->append;
    const char *what = write ? o->read ? " for reading and writing" : o->append ? " for appending" : " for writing" : " for reading";
    return weft__file_fail(rc, "open", path, what);
}

int weft_file_open_with(weft_file **out, const char *path, const weft_open_opts *o)
{
    weft__os *os = NULL;
    struct stat st = { 0 };
    int rc = weft__file_here("weft_file_open", path, &os);
    if (rc == 0) rc = check(path, o);
    if (rc < 0 || !os) return rc;
    int64_t fd = weft__file_open_fd(os, path, o->beneath, flags_of(o), o->mode ? o->mode : USUAL_MODE, &st);
    int64_t refused = fd < 0 ? fd : refused_kind(&st);
    if (refused < 0 && fd >= 0) (void)close_now(os, os->ops->files, (int)fd);
    if (refused == WEFT_EINVAL && fd >= 0)
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot open %s: it is a pipe or a socket, and no file", path);
    if (refused < 0) return open_failed(refused, path, o);
    weft_file *f = weft__file_over(os, (int)fd, path);
    if (!f) return open_failed(WEFT_ENOMEM, path, o);
    f->writes = o->write || o->append;
    f->appends = o->append;
    f->regular = S_ISREG(st.st_mode);
    f->bytes_at_open = st.st_size;
    f->modified_us_at_open = st.st_mtim.tv_sec * 1000000LL + st.st_mtim.tv_nsec / 1000;
    if (o->line_bytes_max) f->line_bytes_max = o->line_bytes_max;
    *out = f;
    return 0;
}

int weft_file_temp(weft_file **out, const char *directory)
{
    weft__os *os = NULL;
    const char *dir = directory ? directory : "/tmp";
    int rc = weft__file_here("weft_file_temp", dir, &os);
    if (rc < 0 || !os) return rc;
    weft__file_op op = { .kind = WEFT__FILE_TEMP, .path = dir, .mode = 0600 };
    int64_t fd = weft__file_do(os, &op, "a temporary file");
    weft_file *f = fd < 0 ? NULL : weft__file_over(os, (int)fd, "a temporary file");
    if (!f) return weft__file_fail(fd < 0 ? fd : WEFT_ENOMEM, "make a temporary file in", dir, "");
    f->writes = true;
    *out = f;
    return 0;
}

/* ---- positions ---- */

int weft_file_seek(weft_file *f, int64_t offset)
{
    if (offset < 0) return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot move in %s to before its beginning", f->path);
    if (f->closed || f->moving) return refuse(f, "move in", f->closed ? WEFT_ECLOSED : WEFT_EBUSY, f->moving);
    weft__file_forget(f);
    f->position = offset;
    return 0;
}

int64_t weft_file_position(const weft_file *f) { return f->position; }
