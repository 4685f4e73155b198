/* What jobs have in place of a task, and what they are told when they need a real one. */
#include "task/job.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "task/fiber.h"

static _Thread_local weft__job_context *the_job;

/* In the simulator jobs run on the loop's own stack, where no task is running either. */
weft__job_context *weft__job_here(void) { return weft__running() ? NULL : the_job; }

static int gave_out(const weft__job_context *c)
{
    const weft_arena *a = c->arena;
    if (a->starved) return weft_fail(WEFT_ENOMEM, "%s(%s): no memory left", c->kind, c->name);
    return weft_fail(WEFT_ELIMIT, "the memory of %s(%s): more than %zu bytes", c->kind, c->name, a->bytes_max);
}

int weft__job_run(weft__job_context *c, const weft_call *call)
{
    weft__job_context *before = the_job;
    the_job = c;
    int rc = weft__call(call->fn, call->arity, call->in, call->out);
    if (rc >= 0 && c->arena->lost) rc = gave_out(c);
    the_job = before;
    return rc;
}

void weft__job_end(weft__job_context *c)
{
    weft__errors_drop(&c->errors);
    weft__free(c->scrap);
    c->scrap = NULL;
    c->scrap_size = 0;
}

int weft__no_task(const char *what)
{
    const weft__job_context *c = weft__job_here();
    if (c) {
        return weft_fail(WEFT_EINVAL, "%s inside %s(%s)%s%s: %s", what, c->kind, c->name, c->label ? " for " : "",
            c->label ? c->label : "", c->instead);
    }
    fprintf(stderr, "weft: %s outside of a task: call it in what weft_run or a handler calls\n", what);
    abort();
}
