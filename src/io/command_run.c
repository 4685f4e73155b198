/* A program from start to end in one call: one task feeds it, drains it and waits for it. */
#include <errno.h>
#include <stdio.h>
#include "base/mem.h"
#include "io/command.h"
#include "task/error.h"
#include "task/job.h"

enum {
    OUT_BYTES = 1 << 20,
    ERR_BYTES = 64 * 1024,
    PIECE = 16 * 1024,
    AT_ONCE = 32,                    /* pieces of one stream, before the others and the end are looked at */
    LEFT_OPEN_MS = 1000,
    ERR_SHOWN = 300
};

typedef struct run {
    weft__command *c;
    weft_str input;                  /* what it has not been given yet */
    weft__buf out, err;
    bool err_cut;
    int64_t ended_ns;                /* 0: it has not */
} run;

static bool is_open(const weft_conn *end) { return end && end->stream.fd >= 0; }

/* ---- its streams ---- */

/* It may read as little as it likes; when it has ended, what it was not given is nobody's. */
static int feed(run *r)
{
    weft_conn *end = r->c->shown.in;
    if (r->c->ended) weft_conn_close(end);
    for (int i = 0; i < AT_ONCE && is_open(end) && r->input.len; i++) {
        struct iovec v = { (char *)(uintptr_t)r->input.ptr, r->input.len };
        ssize_t went = weft__stream_try_send(&end->stream, &v, 1);
        if (went == 0) return 0;
        if (went < 0) weft_conn_close(end);
        else r->input = (weft_str){ r->input.ptr + went, r->input.len - (size_t)went };
        int rc = weft__checkpoint();
        if (rc < 0) return rc;
    }
    if (!r->input.len) weft_conn_close(end);
    return 0;
}

/* The next bytes, of which those that find room are kept: > 0, 0 at the end, < 0. */
static ssize_t take(weft_conn *end, weft__buf *kept, bool *over)
{
    char lost[512];
    size_t left = kept->bytes_max - kept->len, n = left < PIECE ? left : PIECE;
    char *room = n ? weft__buf_reserve(kept, n) : lost;
    if (!room) return WEFT_ENOMEM;
    ssize_t got = weft__stream_try_recv(&end->stream, room, n ? n : sizeof lost);
    if (got > 0 && n) kept->len += (size_t)got;
    if (got > 0 && !n) *over = true;
    return got;
}

static int drain(weft_conn *end, weft__buf *kept, bool *over)
{
    for (int i = 0; i < AT_ONCE && is_open(end); i++) {
        ssize_t got = take(end, kept, over);
        if (got == -EAGAIN) return 0;
        if (got <= 0) weft_conn_close(end);
        if (got == 0) return 0;
        int rc = got < 0 ? (int)got : weft__checkpoint();
        if (rc < 0) return rc;
    }
    return 0;
}

static int move(run *r)
{
    bool too_much = false;
    int rc = feed(r);
    if (rc == 0) rc = drain(r->c->shown.out, &r->out, &too_much);
    if (rc == 0 && too_much) {
        return weft__fail_as(NULL, WEFT_ELIMIT, 0,
            "%s wrote more than %zu bytes to its stdout (out_bytes_max)", r->c->name,
            r->out.bytes_max);
    }
    return rc == 0 ? drain(r->c->shown.err, &r->err, &r->err_cut) : rc;
}

/* ---- waiting ---- */

static void listen_to(const run *r, weft__fiber *task)
{
    const weft_command *c = &r->c->shown;
    if (c->in) ((weft_conn *)c->in)->stream.writer = task;
    if (c->out) ((weft_conn *)c->out)->stream.reader = task;
    if (c->err) ((weft_conn *)c->err)->stream.reader = task;
    r->c->waiter = task;
}

static bool has_bytes(const weft_conn *end) { return is_open(end) && end->stream.may_read; }

/* Is there more to move at once? No edge would tell of it. */
static bool is_busy(const run *r)
{
    const weft_command *c = &r->c->shown;
    bool takes = is_open(c->in) && (r->c->ended || c->in->stream.may_write);
    return takes || has_bytes(c->out) || has_bytes(c->err);
}

/* What it left behind may hold its streams open, and fill them, for long after its end. */
static int64_t until(const run *r)
{
    return r->ended_ns ? r->ended_ns + LEFT_OPEN_MS * 1000000LL : INT64_MAX;
}

static int wait_for_any(run *r)
{
    listen_to(r, weft__self());
    int rc = weft__park("a program to write or to end", until(r));
    listen_to(r, NULL);
    return rc == WEFT_ETIMEDOUT && !weft__cancelled() ? 0 : rc;
}

static int follow(run *r)
{
    for (;;) {
        int rc = move(r);
        if (rc < 0) return rc;
        int64_t now = weft__loop_clock(r->c->loop);
        if (r->c->ended && !r->ended_ns) r->ended_ns = now;
        bool quiet = !is_open(r->c->shown.out) && !is_open(r->c->shown.err);
        if (r->c->ended && (quiet || now >= until(r))) return 0;
        if (is_busy(r)) continue;
        rc = wait_for_any(r);
        if (rc < 0) return rc;
    }
}

/* ---- what came of it ---- */

static weft_str kept(weft__buf *b)
{
    weft_str s = weft__arena_dup(weft__arena_here(), weft__buf_str(b));
    weft__buf_free(b);
    return s;
}

static int result_fill(run *r, weft_output *out)
{
    weft_output all = { { r->c->exit.status, r->c->exit.signal }, kept(&r->out), kept(&r->err),
        r->err_cut };
    if (r->c->lost)
        return weft__fail_as(NULL, r->c->lost, 0,
            "how %s ended was told to somebody else (is SIGCHLD ignored?)", r->c->name);
    if (!all.out.ptr || !all.err.ptr)
        return weft__fail_as(NULL, WEFT_ELIMIT, 0,
            "what %s wrote finds no room in the memory of this work", r->c->name);
    *out = all;
    return 0;
}

static int end_kind(weft_stdio wanted, weft_stdio usual, weft__child_end *out)
{
    switch (wanted == WEFT_STDIO_DEFAULT ? usual : wanted) {
    case WEFT_STDIO_NULL: *out = WEFT__CHILD_NULL; return 0;
    case WEFT_STDIO_INHERITED: *out = WEFT__CHILD_INHERITS; return 0;
    case WEFT_STDIO_CAPTURED: *out = WEFT__CHILD_PIPE; return 0;
    case WEFT_STDIO_TO_OUT: *out = WEFT__CHILD_WITH_OUT; return 0;
    default: return WEFT_EINVAL;
    }
}

static int stdio_of(const weft_command_opts *o, const char *name, weft__stdio *io)
{
    weft_stdio in = o->in == WEFT_STDIO_DEFAULT && o->input.len ? WEFT_STDIO_CAPTURED : o->in;
    bool wrong = end_kind(in, WEFT_STDIO_NULL, &io->in) ||
                 end_kind(o->out, WEFT_STDIO_CAPTURED, &io->out) ||
                 end_kind(o->err, WEFT_STDIO_CAPTURED, &io->err);
    wrong = wrong || io->in == WEFT__CHILD_WITH_OUT || io->out == WEFT__CHILD_WITH_OUT ||
            o->in == WEFT_STDIO_CAPTURED;
    wrong = wrong || (o->input.len && o->in != WEFT_STDIO_DEFAULT);
    return wrong
               ? weft__fail_as(NULL, WEFT_EINVAL, 0, "running '%s': a stream that cannot be", name)
               : 0;
}

static int run_in(run *r, const char *const *argv, const weft_command_opts *o, weft__stdio io)
{
    WEFT_SCOPE(limit, .timeout_ms = o->timeout_ms);
    int rc = weft__checkpoint();
    if (rc == 0) rc = weft__command_start(&r->c, argv, o, io);
    if (rc == 0) rc = follow(r);
    if (rc == WEFT_ETIMEDOUT && weft_scope_caught(limit))
        return weft__fail_as(NULL, rc, 0, "%s did not end within %d ms", argv[0], o->timeout_ms);
    return rc;
}

int weft_command_run_with(weft_output *result, const char *const *argv, const weft_command_opts *o)
{
    weft__stdio io = { WEFT__CHILD_NULL, WEFT__CHILD_NULL, WEFT__CHILD_NULL };
    run r = { .input = o->input };
    if (!weft__self()) return weft__no_task("weft_command_run");
    int rc = weft__command_opts_check(o, argv);
    if (rc == 0) rc = stdio_of(o, argv[0], &io);
    if (rc < 0) return rc;
    weft__buf_init(&r.out, o->out_bytes_max ? o->out_bytes_max : OUT_BYTES);
    weft__buf_init(&r.err, o->err_bytes_max ? o->err_bytes_max : ERR_BYTES);
    rc = run_in(&r, argv, o, io);
    if (r.c) {
        if (rc == 0) rc = result_fill(&r, result);
        weft_command_free(&r.c->shown);
    }
    weft__buf_free(&r.out);
    weft__buf_free(&r.err);
    return rc;
}

/* The end of what it said, on one line's worth of text. */
static weft_str last_words(const weft_output *o)
{
    weft_str s = o->err;
    while (s.len && s.ptr[s.len - 1] == '\n') s.len--;
    size_t n = s.len < ERR_SHOWN ? s.len : ERR_SHOWN;
    return (weft_str){ s.ptr + s.len - n, n };
}

int weft_command_text_with(weft_str *out, const char *const *argv, const weft_command_opts *o)
{
    weft_output result = { { 0, 0 }, WEFT_S(""), WEFT_S(""), false };
    int rc = weft_command_run_with(&result, argv, o);
    if (rc < 0) return rc;
    weft_str said = last_words(&result);
    const char *colon = said.len ? ": " : "";
    if (result.exit.signal)
        return weft__fail_as(NULL, WEFT_EFAILED, 0, "%s was ended by signal %d%s%.*s", argv[0],
            result.exit.signal, colon, WEFT_FMT(said));
    if (result.exit.status)
        return weft__fail_as(NULL, WEFT_EFAILED, 0, "%s ended with status %d%s%.*s", argv[0],
            result.exit.status, colon, WEFT_FMT(said));
    *out = result.out;
    return 0;
}
