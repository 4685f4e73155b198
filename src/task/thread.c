/* weft_in_thread: a call with its input, its output, its memory and its errors, on a thread. */
#include "weft/thread.h"
#include <string.h>
#include "base/mem.h"
#include "task/fiber.h"
#include "task/job.h"
#include "task/offload.h"

/* Everything that the call touches is its own, so that its caller may leave it at any time. Copies of the input and of
 * the output follow. */
typedef struct thread_call {
    weft__thread_work work;
    weft_call call;
    weft__job_context context;
    weft_arena arena;
    int rc;
    const weft_threads *threads;
} thread_call;

static size_t rounded(size_t n) { return (n + 15) & ~(size_t)15; }

static void run(weft__thread_work *w)
{
    thread_call *t = (thread_call *)w;
    t->rc = weft__job_run(&t->context, &t->call);
}

static void drop(weft__thread_work *w)
{
    thread_call *t = (thread_call *)w;
    weft__arena_free(&t->arena);
    weft__job_end(&t->context);
    weft__free(t);
}

static void copies_make(thread_call *t, const weft_call *c)
{
    char *in = (char *)t + rounded(sizeof *t), *out = in + rounded(c->in_size);
    if (c->in_size) memcpy(in, c->in, c->in_size);
    if (c->out && c->out_size) memcpy(out, c->out, c->out_size);
    t->call = *c;
    t->call.in = c->in_size ? in : c->in;
    t->call.out = c->out && c->out_size ? out : c->out;
}

/* Blocks of the arena do not come from the loop's pool, which belongs to its thread. What is left of the caller's limit
 * is the limit of the call. */
static thread_call *call_new(const weft__fiber *f, const weft_threads *threads, const weft_call *c)
{
    thread_call *t = weft__malloc(rounded(sizeof *t) + rounded(c->in_size) + c->out_size);
    if (!t) return NULL;
    weft__arena_init(&t->arena, NULL, f->arena->bytes_max - f->arena->bytes);
    t->work.run = run;
    t->work.drop = c->abandon ? drop : NULL;
    t->work.name = c->name;
    t->context = (weft__job_context){
        .kind = "weft_in_thread", .name = c->name, .arena = &t->arena,
        .label = c->abandon ? NULL : f->label,       /* which lives as long as the caller, and so do ... */
        .locals = c->abandon ? NULL : f->locals,     /* ... these, and what they point to */
        .instead = "nothing waits on a thread; call what blocks (sleep, read) instead",
    };
    t->rc = 0;
    t->threads = threads;
    copies_make(t, c);
    return t;
}

/* An earlier failure of this code is another one. */
static void error_over(weft__fiber *f, thread_call *t)
{
    weft__record *r = weft__errors_take(&t->context.errors, t->rc);
    if (f->errors) weft__errors_over(f->errors, t->rc);
    if (!r) return;
    weft__record_line(r, "in %s, on a thread of pool %s", t->call.name, weft__threads_name(t->threads));
    weft__errors_put(weft__errors_here(true), r);
}

static int memory_over(weft__fiber *f, thread_call *t)
{
    f->arena->exceeded |= t->arena.exceeded;
    f->arena->starved |= t->arena.starved;
    if (weft__arena_splice(f->arena, &t->arena)) return 0;
    return weft_fail(WEFT_ELIMIT, "the memory of weft_in_thread(%s) and of its caller: more than %zu bytes", t->call.name,
        f->arena->bytes_max);
}

/* It has run. */
static int result(weft__fiber *f, thread_call *t, const weft_call *c)
{
    int rc = t->rc;
    if (rc < 0) error_over(f, t);
    else if (memory_over(f, t) < 0) rc = WEFT_ELIMIT;
    else if (t->call.out != c->out) memcpy(c->out, t->call.out, c->out_size);
    drop(&t->work);
    return rc;
}

/* A call that may fail alone fails its caller only with the cancel that is in force there. */
static int alone(weft__fiber *f, const weft_call *c, int rc)
{
    if (!c->error) return rc;
    *c->error = rc < 0 ? *weft_error_of(rc) : (weft_error){ 0 };
    return rc < 0 && !weft__scope_effective(f->scope) ? 0 : rc;
}

static int late(weft__fiber *f, const weft_threads *threads, const weft_call *c, int rc)
{
    bool of_scope = rc != WEFT_ETIMEDOUT || weft__scope_effective(f->scope);
    if (of_scope) return rc;
    return weft_fail(rc, "%s on a thread of pool %s: not done within %d ms", c->name, weft__threads_name(threads),
        c->timeout_ms);
}

int weft_thread_call_of(const weft_threads *threads, weft_call c)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_in_thread");
    thread_call *t = call_new(f, threads, &c);
    if (!t) return alone(f, &c, weft_fail(WEFT_ENOMEM, "weft_in_thread(%s): no memory left", c.name));
    int64_t until = c.timeout_ms ? weft__loop_clock(f->loop) + (int64_t)c.timeout_ms * 1000000 : INT64_MAX;
    int rc = weft__offload(threads, &t->work, "a thread pool", until);
    if (rc == 0) return alone(f, &c, result(f, t, &c));
    if (!c.abandon) drop(&t->work);                  /* else it is dropped when it has ended */
    return alone(f, &c, late(f, threads, &c, rc));
}

int weft_thread_call(weft_call c) { return weft_thread_call_of(&weft__threads_cpu, c); }
