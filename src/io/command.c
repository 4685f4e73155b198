/* Programs as children: their start, their end. weft_command_run is in command_run.c. */
#include "io/command.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include "base/mem.h"
#include "io/log.h"
#include "task/error.h"
#include "task/job.h"

enum { GRACE_MS = 2000, KILLED_MS = 1000, LOOK_AGAIN_MS = 5 };

static weft__os *os_of(const weft__command *c) { return weft__loop_os(c->loop); }
static const weft__child_ops *children(const weft__command *c) { return os_of(c)->ops->children; }

/* ---- its environment ---- */

static size_t name_length(const char *variable) { return strcspn(variable, "="); }

static bool names(const char *const *env, const char *variable)
{
    size_t n = name_length(variable);
    for (; env && *env; env++)
        if (name_length(*env) == n && !memcmp(*env, variable, n)) return true;
    return false;
}

static size_t count(const char *const *env)
{
    size_t n = 0;
    while (env && env[n]) n++;
    return n;
}

/* This program's, with the caller's put over it. NULL: no memory. */
static const char **environment(const weft_command_opts *o)
{
    const char *const *own = o->env_only ? NULL : weft__os_environment();
    const char **env = weft__malloc((count(own) + count(o->env) + 1) * sizeof *env), **at = env;
    if (!env) return NULL;
    for (; own && *own; own++)
        if (!names(o->env, *own)) *at++ = *own;
    for (const char *const *e = o->env; e && *e; e++) *at++ = *e;
    *at = NULL;
    return env;
}

static const char *path_of(const char *const *env)
{
    for (; *env; env++)
        if (!strncmp(*env, "PATH=", 5)) return *env + 5;
    return "/usr/local/bin:/usr/bin:/bin";
}

/* ---- failures of a start ---- */

static const char *access_text(int rc, weft__child_step step)
{
    bool named = step == WEFT__CHILD_FIND;
    if (rc == -ENOENT) return named ? "no such program in PATH" : "there is no such file";
    if (rc == -EACCES)
        return named ? "what PATH has by that name may not be executed" : "it may not be executed";
    return weft__code_text(rc);
}

static const char *exec_text(int rc)
{
    switch (rc) {
    case -ENOEXEC: return "it is no program; a script begins with a line like #!/bin/sh";
    case -ENOENT: return "the interpreter that its first line names is missing";
    case -E2BIG: return "its arguments and environment are too long";
    case -EAGAIN: return "no more processes may be started";
    default: return weft__code_text(rc);
    }
}

static int told_to_others(const char *program)
{
    return weft__fail_as(
        NULL, -ECHILD, 0, "how %s ended was told to somebody else (is SIGCHLD ignored?)", program);
}

static int start_failed(int rc, weft__child_step step, const char *program, const char *folder)
{
    switch (step) {
    case WEFT__CHILD_FOLDER:
        return weft__fail_as(NULL, rc, 0, "cannot run '%s' in '%s': %s", program, folder,
            rc == -ENOENT || rc == -ENOTDIR ? "there is no such folder" : weft__code_text(rc));
    case WEFT__CHILD_FIND:
    case WEFT__CHILD_ACCESS:
        return weft__fail_as(NULL, rc, 0, "cannot run '%s': %s", program, access_text(rc, step));
    case WEFT__CHILD_EXEC:
        return weft__fail_as(NULL, rc, 0, "cannot run '%s': %s", program, exec_text(rc));
    case WEFT__CHILD_PIPES:
        return weft__fail_as(
            NULL, rc, 0, "cannot run '%s': no pipes for it: %s", program, weft__code_text(rc));
    case WEFT__CHILD_WATCH: break;
    }
    if (rc == -ECHILD) return told_to_others(program);
    return weft__fail_as(NULL, rc, 0, "cannot run '%s': its end cannot be watched: %s", program,
        weft__code_text(rc));
}

int weft__command_opts_check(const weft_command_opts *o, const char *const *argv)
{
    const char *wrong = o->timeout_ms < 0 ? "timeout_ms" : o->grace_ms < -1 ? "grace_ms" : NULL;
    if (o->out_bytes_max > SIZE_MAX / 4) wrong = "out_bytes_max";
    if (o->err_bytes_max > SIZE_MAX / 4) wrong = "err_bytes_max";
    if (wrong)
        return weft__fail_as(NULL, WEFT_EINVAL, 0, "option %s of a program makes no sense", wrong);
    if (!argv || !argv[0]) return weft__fail_as(NULL, WEFT_EINVAL, 0, "a program without a name");
    return 0;
}

/* ---- its end ---- */

static void reap(weft__command *c)
{
    if (c->ended) return;
    weft__child_exit how = { 0, 0 };
    int rc = children(c)->reap(os_of(c), &c->child, &how);
    if (rc == -EAGAIN) return;
    c->ended = true;
    c->exit = how;
    c->lost = rc;
}

static void ended(weft__watch *w, uint32_t events)
{
    (void)events;
    weft__command *c = (weft__command *)((char *)w - offsetof(weft__command, watch));
    reap(c);
    if (c->ended && c->waiter) weft__wake(c->waiter, 0);
}

/* Without a watch it is looked at now and then. */
int weft__command_await(weft__command *c, int64_t deadline_ns)
{
    int rc = 0;
    if (c->ended) return weft__checkpoint();
    while (rc == 0 && !c->ended) {
        int64_t until_ns =
            c->watched ? INT64_MAX : weft__loop_clock(c->loop) + LOOK_AGAIN_MS * 1000000LL;
        c->waiter = weft__self();
        rc = weft__park("a program to end", until_ns < deadline_ns ? until_ns : deadline_ns);
        c->waiter = NULL;
        if (c->watched) continue;
        reap(c);
        if (rc == WEFT_ETIMEDOUT && !weft__cancelled() && weft__loop_now(c->loop) < deadline_ns)
            rc = 0;
    }
    return c->ended ? 0 : rc;
}

static void await_shielded(weft__command *c, int ms)
{
    WEFT_SCOPE(cleanup, .shield = true);
    (void)weft__command_await(c, weft__loop_clock(c->loop) + ms * 1000000LL);
}

void weft__command_end(weft__command *c)
{
    if (c->ended) return;
    if (c->grace_ms >= 0) {
        (void)children(c)->signal(os_of(c), &c->child, SIGTERM);
        await_shielded(c, c->grace_ms);
    }
    if (c->ended) return;
    (void)children(c)->signal(os_of(c), &c->child, SIGKILL);
    await_shielded(c, KILLED_MS);
}

static void give_back(weft__command *c)
{
    os_of(c)->ops->close(os_of(c), c->child.watch);
    weft__free(c);
}

/* Of one that not even SIGKILL has ended yet, since it hangs in the kernel: reaped when it does. */
static void forsaken(void *arg)
{
    weft__command *c = arg;
    reap(c);
    weft__loop_forget(c->loop, &c->watch);
    give_back(c);
}

static void release(weft__command *c)
{
    weft_conn_free(c->shown.in);
    weft_conn_free(c->shown.out);
    weft_conn_free(c->shown.err);
    c->shown.in = c->shown.out = c->shown.err = NULL;
    weft__command_end(c);
    if (c->ended) {
        weft__loop_forget(c->loop, &c->watch);
        give_back(c);
        return;
    }
    weft__log(WEFT_LOG_WARNING, "process %d (%s) does not end although it was killed", c->child.pid,
        c->name);
    (void)weft__loop_on_free(c->loop, forsaken, c);
}

void weft_command_free(weft_command *shown)
{
    weft__command *c = (weft__command *)shown;
    if (!c) return;
    c->freed = true;
    if (!c->inside) {
        release(c);
        return;
    }
    if (c->waiter) weft__wake(c->waiter, WEFT_ECLOSED);
}

void weft__command_leave(weft_command **c) { weft_command_free(*c); }

int weft_command_wait(weft_command *shown, weft_exit *how)
{
    weft__command *c = (weft__command *)shown;
    if (!weft__self()) return weft__no_task("weft_command_wait");
    if (c->waiting) {
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "waiting for %s: task %s does so already, and one at a time may", c->name, c->waiting);
    }
    c->waiting = weft_task_name(weft_task_self());
    c->inside++;
    int rc = weft__command_await(c, INT64_MAX);
    if (rc == 0) *how = (weft_exit){ c->exit.status, c->exit.signal };
    if (rc == 0 && c->lost) rc = told_to_others(c->name);
    c->waiting = NULL;
    if (!--c->inside && c->freed) release(c);
    return rc;
}

int weft_command_signal(weft_command *shown, int number)
{
    weft__command *c = (weft__command *)shown;
    if (c->ended) return 0;
    int rc = children(c)->signal(os_of(c), &c->child, number);
    if (rc == 0) return 0;
    return weft__fail_as(NULL, rc, 0, "signal %d for %s: %s", number, c->name, weft__code_text(rc));
}

/* ---- its start ---- */

static int end_open(weft__command *c, int fd, const char *which, weft_conn **out)
{
    char name[64];
    if (fd < 0) return 0;
    snprintf(name, sizeof name, "%s of %s", which, c->name);
    return weft__conn_over(out, c->loop, fd, name, &(weft_conn_opts){ 0 });
}

static int ends_open(weft__command *c)
{
    int in = end_open(c, c->child.in, "stdin", &c->shown.in);
    if (c->shown.in) c->shown.in->writes_only = true;
    int out = end_open(c, c->child.out, "stdout", &c->shown.out);
    int err = end_open(c, c->child.err, "stderr", &c->shown.err);
    return in < 0 ? in : out < 0 ? out : err;
}

static int spawn(
    weft__command *c, const char *const *argv, const weft_command_opts *o, weft__stdio io)
{
    weft__child_step step;
    const char **env = environment(o);
    if (!env) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "cannot run '%s': no memory", argv[0]);
    weft__child_opts child = {
        .program = argv[0], .path = path_of(env), .argv = argv, .env = env, .folder = o->folder,
        .in = io.in, .out = io.out, .err = io.err, .group = o->group,
    };
    int rc = children(c)->spawn(os_of(c), &child, &c->child, &step);
    weft__free(env);
    return rc < 0 ? start_failed(rc, step, argv[0], o->folder) : 0;
}

static int follow(weft__command *c)
{
    c->shown.pid = c->child.pid;
    int rc = os_of(c)->ops->watch(os_of(c), c->child.watch, &c->watch, WEFT__WATCH_BOTH);
    c->watched = rc == 0;
    int opened = ends_open(c);
    return rc < 0 ? rc : opened;
}

int weft__command_start(
    weft__command **out, const char *const *argv, const weft_command_opts *o, weft__stdio io)
{
    weft__loop *loop = weft__loop_here();
    if (!weft__loop_os(loop)->ops->children)
        return weft__fail_as(
            NULL, WEFT_EINVAL, 0, "cannot run '%s': this world has no programs", argv[0]);
    weft__command *c = weft__calloc(sizeof *c);
    if (!c) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "cannot run '%s': no memory", argv[0]);
    c->watch.ready = ended;
    c->loop = loop;
    c->grace_ms = o->grace_ms ? o->grace_ms : GRACE_MS;
    const char *slash = strrchr(argv[0], '/');
    snprintf(c->name, sizeof c->name, "%.40s", slash && slash[1] ? slash + 1 : argv[0]);
    int rc = spawn(c, argv, o, io);
    if (rc < 0) {
        weft__free(c);
        return rc;
    }
    rc = follow(c);
    if (rc == 0) {
        *out = c;
        return 0;
    }
    c->grace_ms = -1;
    release(c);
    return weft__fail_as(NULL, rc, 0, "cannot run '%s': %s", argv[0], weft__code_text(rc));
}

static int end_kind(weft_stdio wanted, weft_stdio usual, weft__child_end *out)
{
    switch (wanted == WEFT_STDIO_DEFAULT ? usual : wanted) {
    case WEFT_STDIO_NULL: *out = WEFT__CHILD_NULL; return 0;
    case WEFT_STDIO_INHERITED: *out = WEFT__CHILD_INHERITS; return 0;
    case WEFT_STDIO_PIPED: *out = WEFT__CHILD_PIPE; return 0;
    case WEFT_STDIO_TO_OUT: *out = WEFT__CHILD_WITH_OUT; return 0;
    default: return WEFT_EINVAL;
    }
}

int weft_command_start_with(weft_command **out, const char *const *argv, const weft_command_opts *o)
{
    weft__stdio io;
    weft__command *c = NULL;
    if (!weft__self()) return weft__no_task("weft_command_start");
    int rc = weft__command_opts_check(o, argv);
    if (rc < 0) return rc;
    bool wrong = end_kind(o->in, WEFT_STDIO_NULL, &io.in) ||
                 end_kind(o->out, WEFT_STDIO_PIPED, &io.out) ||
                 end_kind(o->err, WEFT_STDIO_PIPED, &io.err);
    wrong = wrong || io.in == WEFT__CHILD_WITH_OUT || io.out == WEFT__CHILD_WITH_OUT ||
            o->input.len || o->timeout_ms;
    if (wrong)
        return weft__fail_as(NULL, WEFT_EINVAL, 0,
            "starting '%s': an option that is for weft_command_run, or a stream that cannot be",
            argv[0]);
    rc = weft__command_start(&c, argv, o, io);
    if (rc == 0) *out = &c->shown;
    return rc;
}
