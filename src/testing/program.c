/* Whole programs in a test's world: what they write is caught, with the virtual time of each line. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os/sim.h"
#include "testing/client.h"
#include "testing/verdict.h"

enum { KEPT_BYTES_MAX = 1 << 20 };

/* A stream of this process that goes into a file without a name for a while. */
typedef struct caught { FILE *stream; int fd, before, file; } caught;

/* `marks` has, for each time at which stdout grew, how far it was then. */
typedef struct mark { int64_t ms; size_t end; } mark;
typedef struct watching {
    weft__hook hook;
    weft__loop *loop;
    int64_t began_ms;
    caught out, err;
    weft__buf marks;
    size_t seen;
} watching;

static bool catch_begin(caught *c, FILE *stream)
{
    fflush(stream);
    *c = (caught){ stream, fileno(stream), -1, memfd_create("weft-test", MFD_CLOEXEC) };
    c->before = dup(c->fd);
    if (c->file >= 0 && c->before >= 0 && dup2(c->file, c->fd) >= 0) return true;
    weft__check_fail("weft_test", 0, "the program could not be run: its output cannot be caught");
    return false;
}

static size_t written(const caught *c)
{
    struct stat s;
    fflush(c->stream);
    return fstat(c->file, &s) == 0 ? (size_t)s.st_size : 0;
}

/* What was written, up to KEPT_BYTES_MAX of it. */
static weft_str catch_end(caught *c, weft_arena *arena)
{
    size_t n = written(c), kept = n < KEPT_BYTES_MAX ? n : KEPT_BYTES_MAX;
    char *text = weft__arena_zalloc(arena, kept + 1);
    dup2(c->before, c->fd);
    if (!text) weft__test_abort();
    WEFT_CHECK_EQ(pread(c->file, text, kept, 0), kept);
    close(c->before);
    close(c->file);
    return (weft_str){ text, kept };
}

static void look(weft__hook *h)
{
    watching *w = (watching *)h;
    size_t now = written(&w->out);
    if (now == w->seen) return;
    mark m = { weft_test_ms() - w->began_ms, now };
    weft__buf_add(&w->marks, &m, sizeof m);
    w->seen = now;
}

/* A line is as old as its last byte. */
static weft_str with_times(const watching *w, weft_str out, weft_arena *arena)
{
    weft__buf text;
    if (!out.len || !w->marks.len) return WEFT_S("");
    const mark *m = (const mark *)w->marks.ptr, *last = m + w->marks.len / sizeof *m;
    weft__buf_init(&text, 32 * KEPT_BYTES_MAX);
    for (size_t at = 0; at < out.len;) {
        const char *newline = memchr(out.ptr + at, '\n', out.len - at);
        size_t end = newline ? (size_t)(newline - out.ptr) + 1 : out.len;
        while (m + 1 < last && m->end < end) m++;
        weft__buf_printf(&text, "%lld ", (long long)m->ms);
        weft__buf_add(&text, out.ptr + at, end - at);
        at = end;
    }
    weft_str kept = weft__arena_dup(arena, weft__buf_str(&text));
    weft__buf_free(&text);
    if (!kept.ptr) weft__test_abort();
    return kept;
}

static int call_main(weft__fn *program, bool with_arguments, const char *const *argv, weft_arena *arena)
{
    char *copies[64] = { 0 };
    int argc = 0;
    for (; argv[argc] && argc < 63; argc++)
        copies[argc] = (char *)(uintptr_t)weft__arena_dup(arena, weft_str_of(argv[argc])).ptr;
    if (!with_arguments) return ((int (*)(void))program)();
    return ((int (*)(int, char **))program)(argc, copies);
}

static bool begin(watching *w)
{
    if (!catch_begin(&w->out, stdout) || !catch_begin(&w->err, stderr)) return false;
    weft__check_fd = w->err.before;
    weft__loop_hook(w->loop, &w->hook);
    weft__run_instead = weft__test_program_run;
    return true;
}

static void end(watching *w, weft_test_result *r)
{
    weft_arena *arena = weft__test_arena();
    weft__run_instead = NULL;
    weft__loop_unhook(w->loop, &w->hook);
    look(&w->hook);
    r->ms = weft_test_ms() - w->began_ms;
    r->out = catch_end(&w->out, arena);
    weft__check_fd = STDERR_FILENO;
    r->err = catch_end(&w->err, arena);
    r->timed = with_times(w, r->out, arena);
}

weft_test_result weft__test_program(weft__fn *program, bool with_arguments, const char *const *argv)
{
    weft_test_result r = { .status = -1 };
    watching w = { .hook = { .run = look }, .loop = weft__test_loop(), .began_ms = weft_test_ms() };
    weft__buf_init(&w.marks, 16 * KEPT_BYTES_MAX);
    if (!begin(&w)) weft__test_abort();
    r.status = call_main(program, with_arguments, argv, weft__test_arena());
    end(&w, &r);
    weft__buf_free(&w.marks);
    return r;
}

void weft_test_job_ms(int ms) { weft__sim_set_job(weft__test_os(), ms * INT64_C(1000000)); }
