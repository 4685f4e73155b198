/* The stacks of tasks that do not run: kept at once, put into words when there is time for it. */
#include <string.h>
#include "base/mem.h"
#include "task/inspect.h"

enum { CALLS_MAX = 48, INLINED_MAX = 8, KEPT_BYTES_MAX = 64 * 1024, LINE = 320 };

/* Sanitizers allow parts of a stack to its owner alone. */
__attribute__((no_sanitize("address", "thread"))) static void copy(void *to, const void *from, size_t n)
{
    volatile uintptr_t *t = to;
    const volatile uintptr_t *f = from;
    for (size_t i = 0; i < n / sizeof *t; i++) t[i] = f[i];
}

bool weft__stack_keep(weft__stack_kept *k, const weft__fiber *f)
{
    *k = (weft__stack_kept){ .context = f->context };
    if (f->state == WEFT__RUNNING || f->context.pc == (void *)(uintptr_t)weft__fiber_main) return false;
    uintptr_t low = (uintptr_t)f->context.sp & ~(uintptr_t)15, end = (uintptr_t)weft__stack_top(f->stack);
    size_t size = end - low < KEPT_BYTES_MAX ? end - low : KEPT_BYTES_MAX;
    void *bytes = weft__malloc(size);
    if (!bytes) return false;
    copy(bytes, (const void *)low, size);
    k->bytes.low = low;
    k->bytes.size = size;
    k->bytes.bytes = bytes;
    return true;
}

void weft__stack_drop(weft__stack_kept *k)
{
    weft__free((void *)k->bytes.bytes);
    k->bytes.bytes = NULL;
}

static bool is(const weft__place *p, const char *function) { return !strcmp(p->function, function); }

/* Where what the runtime does to wait ends, and what was called to wait begins. */
static bool begins(const weft__place *p)
{
    if (p->owner == WEFT__OWNER_USER) return true;
    return !strncmp(p->function, "weft_", 5) && strncmp(p->function, "weft__", 6);
}

/* What calls the task's function is the same for all. */
static bool calls_task(const weft__place *p, int n)
{
    for (int i = 0; i < n; i++) {
        if (is(&p[i], "weft__task_run") || is(&p[i], "weft__fiber_main")) return true;
    }
    return false;
}

typedef struct calls { weft__line_fn *tell; void *ctx; bool all; int told; } calls;

static void tell(calls *c, uintptr_t pc, bool *over)
{
    weft__place at[INLINED_MAX];
    char line[LINE];
    int n = weft__places_of(pc, at, INLINED_MAX);
    if (!c->all && calls_task(at, n)) *over = true;
    for (int i = 0; i < n && !*over; i++) {
        if (!c->told && !c->all && !begins(&at[i])) continue;
        weft__place_format(&at[i], line, sizeof line);
        c->tell(c->ctx, line);
        c->told++;
    }
}

void weft__stack_tell(const weft__stack_kept *k, weft__line_fn *fn, void *ctx)
{
    uintptr_t pcs[CALLS_MAX];
    weft__registers regs = { .pc = (uintptr_t)k->context.pc };
    regs.r[WEFT__REG_SP] = (uintptr_t)k->context.sp;
    regs.r[WEFT__REG_FP] = (uintptr_t)k->context.fp;
    regs.known = (uint64_t)1 << WEFT__REG_SP | (uint64_t)1 << WEFT__REG_FP;
    int n = weft__unwind(&regs, &k->bytes, pcs, CALLS_MAX);
    calls c = { fn, ctx, false, 0 };
    bool over = false;
    for (int i = 0; i < n && !over; i++) tell(&c, pcs[i], &over);
    if (c.told) return;
    c.all = true;                                     /* a task of the runtime itself */
    over = false;
    for (int i = 0; i < n; i++) tell(&c, pcs[i], &over);
}
