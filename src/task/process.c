/* A call in another process, from the side of the task that waits for it. */
#include "task/process.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "model/pack.h"
#include "task/job.h"

enum { MEMORY_USUAL = 1 << 30 };

/* ---- what became of it, in words ---- */

static const char *signal_name(int number, char room[24])
{
    static const struct { int number; const char *name; } names[] = {
        { SIGSEGV, "SIGSEGV" }, { SIGABRT, "SIGABRT" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" }, { SIGILL, "SIGILL" },
        { SIGKILL, "SIGKILL" }, { SIGTRAP, "SIGTRAP" }, { SIGSYS, "SIGSYS" }, { SIGPIPE, "SIGPIPE" },
        { SIGALRM, "SIGALRM" }, { SIGPROF, "SIGPROF" }, { SIGXCPU, "SIGXCPU" }, { SIGXFSZ, "SIGXFSZ" },
        { SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" },
    };
    for (size_t i = 0; i < weft_count(names); i++)
        if (names[i].number == number) return names[i].name;
    snprintf(room, 24, "signal %d", number);
    return room;
}

/* malloc fails past the limit on memory, and what does not look at that crashes. */
static bool may_be_memory(int number, const weft_process_opts *opts)
{
    bool limited = opts->memory_bytes_max && opts->memory_bytes_max != SIZE_MAX;
    return limited && (number == SIGSEGV || number == SIGABRT || number == SIGBUS);
}

static int died(int status, const char *name, const weft_process_opts *opts)
{
    char room[24];
    const char *place = opts->place;
    if (!WIFSIGNALED(status)) {
        return weft__fail_as(place, WEFT_ECRASHED, 0, "%s ended its process with exit status %d: a job returns instead",
            name, WEXITSTATUS(status));
    }
    int number = WTERMSIG(status);
    if (number == SIGPROF && opts->cpu_ms) {
        return weft__fail_as(place, WEFT_ELIMIT, 0, "%s took more than %d ms of processor time (cpu_ms), and was ended",
            name, opts->cpu_ms);
    }
    if (may_be_memory(number, opts)) {
        return weft__fail_as(place, WEFT_ECRASHED, 0, "%s ended by %s in its process, which may allocate %zu bytes "
            "(memory_bytes_max)", name, signal_name(number, room), opts->memory_bytes_max);
    }
    return weft__fail_as(place, WEFT_ECRASHED, 0, "%s ended by %s in its process", name, signal_name(number, room));
}

static int answered(const weft__errand *e, const weft_call *c, const weft_process_opts *opts)
{
    if (e->rc >= 0) return e->rc;
    if (!e->error) {
        return weft__fail_as(opts->place, e->rc, 0, "the output of %s does not fit into the memory of its caller", c->name);
    }
    weft__record_line(e->error, "in a process, called at %s", opts->place);
    weft__errors_put(weft__errors_here(true), e->error);
    return e->rc;
}

static int result(const weft__errand *e, const weft_call *c, const weft_process_opts *opts)
{
    const char *place = opts->place;
    switch (e->end) {
    case WEFT__ANSWERED: return answered(e, c, opts);
    case WEFT__DIED: return died(e->status, c->name, opts);
    case WEFT__BROKEN:
        return weft__fail_as(place, WEFT_EPROTO, 0, "what the process of %s sent is no answer; it was ended", c->name);
    case WEFT__UNREAD: return weft__fail_as(place, WEFT_ENOMEM, 0, "no memory to read the answer of %s", c->name);
    case WEFT__NONE:
        return weft__fail_as(place, e->status, 0, "no process for %s could be started: %s", c->name, weft__code_text(e->status));
    default:
        return weft__fail_as(place, WEFT_ENOENT, 503, "%s lost its process with the zygote: %s", c->name, weft__zygote_why());
    }
}

/* ---- the call ---- */

static weft_process_opts checked(const weft_process_opts *opts)
{
    weft_process_opts o = *opts;
    if (!o.memory_bytes_max) o.memory_bytes_max = MEMORY_USUAL;
    else if (o.memory_bytes_max == SIZE_MAX) o.memory_bytes_max = 0;
    if (!o.place) o.place = "weft_in_process";
    return o;
}

static int pack(weft__errand *e, const weft_schema *in, const weft_schema *out, const weft_call *c, const weft_process_opts *opts)
{
    weft__fault fault = { "" };
    weft_process_opts o = checked(opts);
    int rc = weft__job_pack(&e->job, in, out, c, &o, e->caller->label, &fault);
    if (rc == 0) return 0;
    return weft__fail_as(o.place, rc, 0, "the input of %s: %s", c->name, fault.text);
}

/* What has answered by the time its caller is cancelled has answered. */
static int wait_for(weft__processes *p, weft__errand *e, const weft_call *c, const weft_process_opts *opts)
{
    int ms = opts->timeout_ms;
    if (c->timeout_ms && (!ms || c->timeout_ms < ms)) ms = c->timeout_ms;
    int64_t deadline = ms ? weft__loop_clock(p->loop) + (int64_t)ms * 1000000 : INT64_MAX;
    int rc = 0;
    while (!e->done && rc == 0) rc = weft__park_undelivered("a process", &e->held, deadline);
    if (e->done) return 0;
    weft__errand_abandon(p, e);
    while (!e->done) weft__park_through("a process to be gone", &e->held);
    if (rc == WEFT_ECANCELED) {
        int told = weft__scope_deliver(e->caller);
        return told ? told : rc;
    }
    if (rc != WEFT__DEADLINE) return rc;
    return weft__fail_as(opts->place, WEFT_ETIMEDOUT, 0, "%s had not ended after %d ms (timeout_ms), and was ended", c->name, ms);
}

static int begin(weft__processes *p, weft__errand *e, const weft_call *c, const weft_process_opts *opts)
{
    int queue_max, rc = weft__errand_begin(p, e, &queue_max);
    if (rc == 0) return 0;
    return weft__fail_as(opts->place, rc, 503, "no process for %s: %d calls wait for one already (queue_max)", c->name, queue_max);
}

static int check(const weft_call *c, const weft_process_opts *opts)
{
    const struct { const char *name; int ms; } options[] = {
        { "timeout_ms", opts->timeout_ms }, { "cpu_ms", opts->cpu_ms },
    };
    for (size_t i = 0; i < weft_count(options); i++) {
        if (options[i].ms >= 0) continue;
        return weft__fail_as(opts->place, WEFT_EINVAL, 0, "weft_in_process(%s): .%s is %d, expected 0 or more", c->name,
            options[i].name, options[i].ms);
    }
    return 0;
}

static int run(weft__errand *e, const weft_schema *in, const weft_schema *out, const weft_call *c, const weft_process_opts *opts)
{
    int rc = check(c, opts);
    if (rc < 0) return rc;
    weft__processes *p = weft__processes_here(c->name, &rc);
    if (!p) return rc;
    rc = pack(e, in, out, c, opts);
    if (rc == 0) rc = begin(p, e, c, opts);
    if (rc == 0) rc = wait_for(p, e, c, opts);
    return rc == 0 ? result(e, c, opts) : rc;
}

int weft__process_call(const weft_schema *in, const weft_schema *out, const weft_call *call, const weft_process_opts *opts)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_in_process");
    int rc = 0;
    while (rc == 0 && weft__scope_effective(f->scope)) rc = weft_yield();
    if (rc < 0) return rc;
    weft__errand e = { .held = { .kind = "waiting job", .name = call->name }, .caller = f, .schema = out, .out = call->out };
    weft__buf_init(&e.job, WEFT__JOB_BYTES_MAX);
    rc = run(&e, in, out, call, opts);
    weft__buf_free(&e.job);
    return rc;
}
