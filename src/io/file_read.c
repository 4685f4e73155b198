/* Reading files: at once what is in the page cache, by a thread what is not. */
#include <errno.h>
#include <string.h>
#include "base/arena.h"
#include "base/mem.h"
#include "io/file.h"

/* What is cached is copied on the loop, in steps. The loop turns to its poller only after many switches, so reads that went on
 * for HOLD_NS send it there: how long a step takes depends on the machine. */
enum { CACHED_STEP = 32 * 1024, THREAD_STEP = 256 * 1024, RUN_BYTES = 64 * 1024, HOLD_NS = 500 * 1000, LOOK_EVERY = 16 };
enum { FIRST_ROOM = 32 * 1024, TEXT_BYTES = 1024 * 1024, TEXT_FIRST = 4096 };
static const char READING[] = "read";

/* ---- bytes ---- */

static int let_others_run(weft_file *f, bool step)
{
    if (!step && ++f->reads % LOOK_EVERY) return 0;
    weft__loop *loop = weft__loop_here();
    int64_t now = weft__loop_clock(loop);
    if (now - f->breathed_ns < HOLD_NS) return step ? weft_yield() : 0;
    int rc = weft__park("its turn to read on", now);
    f->breathed_ns = weft__loop_clock(loop);
    return rc == WEFT_ETIMEDOUT && !weft__cancelled() ? 0 : rc;
}

/* Between two steps, or between two calls of which each is short. */
static int breathe(weft_file *f, bool step)
{
    int rc = let_others_run(f, step);
    return rc == 0 && f->closed ? WEFT_ECLOSED : rc;
}

static int64_t read_at_once(weft_file *f, char *to, size_t n, int64_t at)
{
    struct iovec iov = { to, n < CACHED_STEP ? n : CACHED_STEP };
    weft__file_op op = { .kind = WEFT__FILE_READ, .fd = f->fd, .iov = &iov, .iov_count = 1, .offset = at, .at_once = true };
    f->files->file_do(f->os, &op);
    return op.result;
}

/* Does this read go on where the last one ended, for long already, and beyond what a thread has read ahead? */
static bool is_beyond(weft_file *f, size_t n, int64_t at)
{
    if (at != f->run_to) {
        f->run_from = at;
        f->warm_to = at;
    }
    if (n > CACHED_STEP) n = CACHED_STEP;
    return at + (int64_t)n > f->run_from + RUN_BYTES && at + (int64_t)n > f->warm_to;
}

/* A read that must not wait may still read ahead: Linux (6.18) allots and fills megabytes of cache on the spot for those
 * who read on and on. So in a long run a thread goes first, a window at a time, and meets what the kernel does for it. */
static int64_t read_step(weft_file *f, char *to, size_t n, int64_t at)
{
    bool beyond = is_beyond(f, n, at);
    int64_t got = beyond ? -EAGAIN : read_at_once(f, to, n, at);
    if (got == -EAGAIN) {
        if (n > THREAD_STEP) n = THREAD_STEP;
        got = weft__file_fetch(f, to, n, beyond && !weft__loop_crowded(weft__loop_here()) ? THREAD_STEP : n, at);
    }
    if (got > 0) f->run_to = at + got;
    return got;
}

static int64_t read_all(weft_file *f, char *to, size_t n, int64_t at)
{
    size_t got = 0;
    while (got < n) {
        int rc = breathe(f, got > 0);
        int64_t more = rc < 0 ? rc : read_step(f, to + got, n - got, at + (int64_t)got);
        if (more < 0) return more;
        if (more == 0) break;
        got += (size_t)more;
    }
    return (int64_t)got;
}

static int64_t read_at(weft_file *f, void *to, size_t n, int64_t at)
{
    if (at < 0 || !n || n > (size_t)(INT64_MAX - at))
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "cannot read %zu bytes at %lld of %s: that makes no sense", n, (long long)at, f->path);
    int64_t got = read_all(f, to, n, at);
    return got < 0 ? weft__file_fail(got, READING, f->path, "") : got;
}

int64_t weft_file_read(weft_file *f, void *to, size_t n)
{
    weft__file_call c;
    int rc = weft__file_enter(f, &c, READING, true);
    if (rc < 0) return rc;
    int64_t got = read_at(f, to, n, f->position);
    if (got > 0) {
        weft__file_forget(f);
        f->position += got;
    }
    weft__file_exit(f, &c);
    return got;
}

int64_t weft_file_pread(weft_file *f, void *to, size_t n, int64_t offset)
{
    weft__file_call c;
    int rc = weft__file_enter(f, &c, READING, false);
    if (rc < 0) return rc;
    int64_t got = read_at(f, to, n, offset);
    weft__file_exit(f, &c);
    return got;
}

/* ---- lines ---- */

static size_t have(const weft_file *f) { return f->len - f->start; }

/* Room for at least one more byte; no more than the longest line with its end. */
static bool make_room(weft_file *f)
{
    size_t most = f->line_bytes_max + 2;
    if (f->start) memmove(f->in, f->in + f->start, have(f));
    f->len -= f->start;
    f->start = 0;
    if (f->len < f->room) return true;
    size_t room = f->room ? f->room * 2 : FIRST_ROOM;
    if (room > most) room = most;
    char *in = weft__realloc(f->in, room + 1);
    if (!in) return false;
    f->in = in;
    f->room = room;
    return true;
}

static int64_t fill(weft_file *f)
{
    int rc = make_room(f) ? breathe(f, true) : WEFT_ENOMEM;
    if (rc < 0) return rc;
    int64_t got = read_step(f, f->in + f->len, f->room - f->len, f->position + (int64_t)f->len);
    if (got > 0) f->len += (size_t)got;
    return got;
}

/* n bytes of text and what ends them. The NUL stands where the end was, or behind the last byte of all. */
static int give(weft_file *f, size_t n, size_t with_end, weft_str *out)
{
    *out = (weft_str){ f->in + f->start, n };
    f->in[f->start + n] = 0;
    f->start += with_end;
    f->position += (int64_t)with_end;
    return 1;
}

static int too_long(const weft_file *f)
{
    return weft__fail_as(NULL, WEFT_ELIMIT, 0, "cannot read %s: the line at byte %lld is longer than %zu bytes (line_bytes_max)",
        f->path, (long long)f->position, f->line_bytes_max);
}

/* What is left when the file has ended. */
static int last_line(weft_file *f, weft_str *out)
{
    if (!have(f)) return 0;
    return have(f) > f->line_bytes_max ? too_long(f) : give(f, have(f), have(f), out);
}

/* Where the first unread line's end is, counted from its beginning; bytes before `seen` were searched before. -1: none yet. */
static ssize_t line_end(const weft_file *f, size_t seen)
{
    if (have(f) <= seen) return -1;
    const char *first = f->in + f->start, *end = memchr(first + seen, '\n', have(f) - seen);
    return end ? end - first : -1;
}

static int give_line(weft_file *f, size_t n, weft_str *out)
{
    size_t text = n && f->in[f->start + n - 1] == '\r' ? n - 1 : n;
    return text > f->line_bytes_max ? too_long(f) : give(f, text, n + 1, out);
}

static int next_line(weft_file *f, weft_str *out)
{
    for (size_t seen = 0;;) {
        ssize_t end = line_end(f, seen);
        if (end >= 0) return give_line(f, (size_t)end, out);
        seen = have(f);
        if (seen > f->line_bytes_max + 1) return too_long(f);
        int64_t got = fill(f);
        if (got < 0) return weft__file_fail(got, READING, f->path, "");
        if (got == 0) return last_line(f, out);
    }
}

int weft_file_line(weft_file *f, weft_str *out)
{
    weft__file_call c;
    int rc = weft__file_enter(f, &c, READING, true);
    if (rc < 0) return rc;
    if (f->stale) weft__file_forget(f);
    rc = next_line(f, out);
    weft__file_exit(f, &c);
    return rc;
}

/* ---- whole files ---- */

static int text_too_long(const char *path, size_t most)
{
    return weft__fail_as(NULL, WEFT_ELIMIT, 0, "cannot read %s: it has more than %zu bytes", path, most);
}

/* Not zeroed: that alone would hold the loop for long. */
static char *room_for(size_t n) { return weft__arena_alloc(weft__arena_here(), n); }

static int no_room(const char *path, size_t n)
{
    int code = weft__arena_here()->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
    return weft__fail_as(NULL, code, 0, "cannot read %s: no room for %zu bytes in the memory of this task", path, n);
}

/* One byte more than is expected tells whether that was all. What a file of /proc says of its size is 0. */
static int read_text(weft_file *f, size_t expected, size_t most, weft_str *out)
{
    size_t room = expected < TEXT_FIRST ? TEXT_FIRST : expected, got = 0;
    if (room > most) room = most;
    for (char *to = NULL;;) {
        char *larger = room_for(room + 1);
        if (!larger) return no_room(f->path, room + 1);
        if (got) memcpy(larger, to, got);
        to = larger;
        int64_t more = read_all(f, to + got, room + 1 - got, (int64_t)got);
        if (more < 0) return weft__file_fail(more, READING, f->path, "");
        got += (size_t)more;
        if (got <= room) {
            to[got] = 0;
            *out = (weft_str){ to, got };
            return 0;
        }
        if (room == most) return text_too_long(f->path, most);
        room = room > most / 2 ? most : room * 2;
    }
}

int weft_file_text(const char *path, size_t bytes_max, weft_str *out)
{
    size_t most = bytes_max ? bytes_max : TEXT_BYTES;
    WEFT_FILE(f);
    if (most > INT64_MAX / 4) return weft__fail_as(NULL, WEFT_EINVAL, 0, "weft_file_text: the limit of %zu bytes makes no sense", most);
    int rc = weft_file_open(&f, path);
    if (rc < 0) return rc;
    if (f->bytes_at_open > (int64_t)most) return text_too_long(path, most);
    return read_text(f, (size_t)f->bytes_at_open, most, out);
}
