/* Calls of users: a command, several, and what comes of them. */
#include <string.h>
#include "redis/inside.h"

static int unfit(const weft_redis_command *c, int rc, weft__buf *fault)
{
    if (rc == WEFT_EREDIS) rc = weft__fail(c->place, rc, "the reply is %.*s: %.*s", WEFT_FMT(weft__buf_str(fault)), WEFT__REDIS_SHOWN, c->text);
    else if (rc == WEFT_ENOENT) rc = weft__fail(c->place, rc, "the reply is nil: %.*s", WEFT__REDIS_SHOWN, c->text);
    else if (rc == WEFT_EPROTO) rc = weft__fail(c->place, rc, "the reply is no RESP: %.*s: %.*s", WEFT_FMT(weft__buf_str(fault)), WEFT__REDIS_SHOWN, c->text);
    else rc = weft__fail(c->place, rc, "the reply is more than the memory of this request takes: %.*s", WEFT__REDIS_SHOWN, c->text);
    weft__buf_free(fault);
    return rc;
}

/* None was kept: the code is that of the first such, and was recorded unless it is one of memory. */
static int no_reply(const weft_redis_command *c, int rc)
{
    if (rc != WEFT_ELIMIT && rc != WEFT_ENOMEM) return rc;
    return weft__fail(c->place, rc, "the reply is more than .reply_bytes_max or than the memory of this request takes: %.*s", WEFT__REDIS_SHOWN, c->text);
}

/* A reply as what the step wants: 0 or a code, recorded. */
static int read_reply(const weft_redis *r, const weft_redis_command *c, const weft_schema *schema, weft_str raw, void *out)
{
    weft_str words;
    weft__buf fault;
    if (weft__reply_error(raw, &words)) return weft__redis_said_no(r, c, words);
    if (!schema) return 0;
    weft__buf_init(&fault, 700);
    int rc = weft__reply_typed(schema, raw, out, weft__arena_here(), &fault);
    if (rc < 0) return unfit(c, rc, &fault);
    weft__buf_free(&fault);
    return 0;
}

/* ---- one ---- */

static int call_one(weft_redis *r, const weft_redis_command *c, weft__rcall *call)
{
    int rc = weft__redis_enter(r, c->place, c->text);
    if (rc < 0) return rc;
    rc = weft__redis_call(r, &(weft__rasked){ .command = c, .count = 1 }, call);
    weft__redis_leave(r);
    return rc;
}

int weft_redis_do_with(weft_redis *r, const weft_redis_command *c)
{
    weft__rcall call;
    weft_str words, rest;
    weft__resp step;
    const char *fault;
    int rc = call_one(r, c, &call);
    if (rc < 0) return rc;
    if (weft__reply_error(call.one, &words)) return weft__redis_said_no(r, c, words);
    rest = call.one;
    if (weft__resp_next(&rest, &step, &fault) < 0) return weft__fail(c->place, WEFT_EPROTO, "the reply is no RESP: %s: %.*s", fault, WEFT__REDIS_SHOWN, c->text);
    return step.kind != WEFT__RESP_NIL;
}

int weft_redis_value_with(weft_redis *r, const weft_schema *schema, void *out, const weft_redis_command *c)
{
    weft__rcall call;
    int rc = call_one(r, c, &call);
    return rc < 0 ? rc : read_reply(r, c, schema, call.one, out);
}

int weft_redis_ask_with(weft_redis *r, weft_redis_reply *out, const weft_redis_command *c)
{
    weft__rcall call;
    weft_redis_reply tree;
    const char *fault = "";
    int rc = call_one(r, c, &call);
    if (rc == 0) rc = read_reply(r, c, NULL, call.one, NULL);
    if (rc < 0) return rc;
    rc = weft__reply_tree(call.one, call.one.ptr != call.small, weft__arena_here(), &tree, &fault);
    if (rc == WEFT_EPROTO) return weft__fail(c->place, rc, "the reply is no RESP: %s: %.*s", fault, WEFT__REDIS_SHOWN, c->text);
    if (rc < 0) return weft__fail(c->place, rc, "the reply is more than the memory of this request takes: %.*s", WEFT__REDIS_SHOWN, c->text);
    *out = tree;
    return 0;
}

/* ---- several ---- */

static int count_of(const weft_redis_step *steps, size_t *n)
{
    if (*n == SIZE_MAX)
        for (*n = 0; steps[*n].command.text;) ++*n;
    if (*n <= WEFT__REDIS_STEPS_MAX) return 0;
    return weft__fail(steps[0].command.place, WEFT_EINVAL, "%zu commands at once; at most %d", *n, WEFT__REDIS_STEPS_MAX);
}

static int call_steps(weft_redis *r, const weft_redis_step *steps, size_t n, bool atomic, weft__rcall *call)
{
    const weft_redis_command *first = &steps[0].command;
    int rc = weft__redis_enter(r, first->place, first->text);
    if (rc < 0) return rc;
    rc = weft__redis_call(r, &(weft__rasked){ .steps = steps, .count = (uint32_t)n, .atomic = atomic }, call);
    weft__redis_leave(r);
    return rc;
}

int weft_redis_batch_with(weft_redis *r, const weft_redis_step *steps, size_t n)
{
    weft__rcall call;
    int rc = count_of(steps, &n), first = 0;
    if (rc < 0 || !n) return rc;
    rc = call_steps(r, steps, n, false, &call);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int one = call.replies[i].len ? read_reply(r, &steps[i].command, steps[i].schema, call.replies[i], steps[i].out) : no_reply(&steps[i].command, call.missing);
        if (first == 0) first = one;
    }
    return rc < 0 ? rc : first;
}

/* Where each output lies until all of them are there. */
static int read_all(const weft_redis *r, const weft_redis_step *steps, size_t n, weft_str rest)
{
    const char *fault;
    weft_arena *arena = weft__arena_here();
    void **made = weft__arena_zalloc(arena, n * sizeof *made);
    if (!made) return weft__fail(steps[0].command.place, arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT, "no memory for what comes of EXEC");
    for (size_t i = 0; i < n; i++) {
        weft_str raw = rest;
        if (weft__resp_skip(&rest, &fault) < 0) return weft__fail(steps[i].command.place, WEFT_EPROTO, "the reply to EXEC is not one of each command: %s", fault);
        raw.len -= rest.len;
        made[i] = weft__arena_zalloc(arena, steps[i].schema ? steps[i].schema->size : 1);
        int rc = made[i] ? read_reply(r, &steps[i].command, steps[i].schema, raw, made[i]) : WEFT_ELIMIT;
        if (rc < 0) return rc;
    }
    for (size_t i = 0; i < n; i++)
        if (steps[i].schema) memcpy(steps[i].out, made[i], steps[i].schema->size);
    return 1;
}

static int read_exec(const weft_redis *r, const weft_redis_step *steps, size_t n, const weft__rcall *call)
{
    weft_str words, rest = call->replies[n + 1];
    weft__resp step;
    const char *fault;
    for (size_t i = 0; i < n; i++)                   /* what was refused when it was queued; EXEC says then that it has run nothing */
        if (weft__reply_error(call->replies[i + 1], &words)) return weft__redis_said_no(r, &steps[i].command, words);
    for (size_t i = 0; i < n + 2; i += n + 1)
        if (weft__reply_error(call->replies[i], &words)) return weft__redis_said_no(r, &(weft_redis_command){ .text = i ? "EXEC" : "MULTI", .place = steps[0].command.place }, words);
    if (weft__resp_next(&rest, &step, &fault) < 0 || (step.kind != WEFT__RESP_NIL && (step.kind != WEFT__RESP_LIST || step.count != n)))
        return weft__fail(steps[0].command.place, WEFT_EPROTO, "the reply to EXEC is not one of each command");
    return step.kind == WEFT__RESP_NIL ? 0 : read_all(r, steps, n, rest);
}

int weft_redis_atomic_with(weft_redis *r, const weft_redis_step *steps, size_t n)
{
    weft__rcall call;
    int rc = count_of(steps, &n);
    if (rc < 0 || !n) return rc < 0 ? rc : 1;
    rc = call_steps(r, steps, n, true, &call);
    return rc < 0 ? rc : read_exec(r, steps, n, &call);
}
