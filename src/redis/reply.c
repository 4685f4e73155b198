/* Replies as they came: a tree, and errors. */
#include <string.h>
#include "model/coerce.h"
#include "redis/inside.h"

bool weft__reply_error(weft_str raw, weft_str *words)
{
    weft__resp step;
    const char *fault;
    if (!raw.len || (*raw.ptr != '-' && *raw.ptr != '!' && *raw.ptr != '|')) return false;
    if (weft__resp_next(&raw, &step, &fault) < 0 || step.kind != WEFT__RESP_ERROR) return false;
    *words = step.s;
    return true;
}

/* The bytes behind a text are the end of its line: one of them becomes its NUL, where the bytes are the caller's for good. */
static bool put_text(weft_str s, bool lasting, weft_arena *arena, weft_str *out)
{
    if (lasting) ((char *)(uintptr_t)s.ptr)[s.len] = 0;
    *out = lasting ? s : weft__arena_dup(arena, s);
    return out->ptr != NULL;
}

static int tree(weft_str *rest, bool lasting, weft_arena *arena, weft_redis_reply *out, const char **fault)
{
    weft__resp step;
    int rc = weft__resp_next(rest, &step, fault);
    if (rc < 0) return rc;
    *out = (weft_redis_reply){ .kind = (weft_redis_kind)step.kind };
    switch (step.kind) {
    case WEFT__RESP_NIL: return 0;
    case WEFT__RESP_INT: out->i = step.i; return 0;
    case WEFT__RESP_DOUBLE: out->d = step.d; return 0;
    case WEFT__RESP_BOOL: out->b = step.b; return 0;
    case WEFT__RESP_TEXT: case WEFT__RESP_ERROR: return put_text(step.s, lasting, arena, &out->s) ? 0 : weft__arena_error(arena);
    default: break;
    }
    out->items = weft__arena_alloc(arena, step.count * sizeof *out->items);
    if (!out->items) return weft__arena_error(arena);
    for (; out->count < step.count && rc == 0; out->count++) rc = tree(rest, lasting, arena, &out->items[out->count], fault);
    return rc;
}

/* The scan has bounded how deep it goes. */
int weft__reply_tree(weft_str raw, bool lasting, weft_arena *arena, weft_redis_reply *out, const char **fault)
{
    _Static_assert((int)WEFT_REDIS_MAP == (int)WEFT__RESP_MAP && (int)WEFT_REDIS_ERROR == (int)WEFT__RESP_ERROR, "one list of kinds");
    *fault = NULL;
    return tree(&raw, lasting, arena, out, fault);
}
