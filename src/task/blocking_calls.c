/* Calls that block, as libweft-blocking.so tells them: whose they are, and a line for each place. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include "os/os.h"
#include "os/preloaded.h"
#include "os/unwind.h"
#include "task/fiber.h"
#include "task/preload.h"

enum { CALLERS = 4096, CALLERS_MAX = CALLERS / 2, FRAMES_MAX = 32, INLINED_MAX = 8, LINE = 600 };

/* Return addresses that were told, by their hash. Two threads may tell the same at the same time, and once too often. */
static _Atomic uintptr_t callers[CALLERS];
static atomic_uint caller_count;

static bool in_task(void) { return weft__running() != NULL; }

static bool is_news(uintptr_t caller)
{
    size_t at = (caller * 0x9e3779b97f4a7c15u) >> 52;
    for (uintptr_t there; (there = atomic_load(&callers[at])); at = (at + 1) % CALLERS)
        if (there == caller) return false;
    if (atomic_load(&caller_count) == CALLERS_MAX) return false;
    atomic_fetch_add(&caller_count, 1);
    atomic_store(&callers[at], caller);
    return true;
}

/* The user's function that made the call, itself or through a library. False: it is weft's own, who knows what it does. */
static bool user_of(const uintptr_t *pcs, int n, weft__place *user)
{
    weft__place at[INLINED_MAX];
    for (int i = 0; i < n; i++) {
        int found = weft__places_of(pcs[i], at, INLINED_MAX);
        for (int k = 0; k < found; k++) {
            if (at[k].owner == WEFT__OWNER_SYSTEM) continue;
            *user = at[k];
            return at[k].owner == WEFT__OWNER_USER;
        }
    }
    return false;
}

static bool place_of(const weft__fiber *f, uintptr_t caller, weft__place *user)
{
    uintptr_t pcs[FRAMES_MAX];
    int n = weft__unwind_here(weft__stack_top(f->stack), pcs, FRAMES_MAX), from = 0;
    while (from < n && pcs[from] != caller - 1) from++;
    if (from < n) return user_of(pcs + from, n - from, user);
    pcs[0] = caller - 1;
    return user_of(pcs, 1, user);
}

static void told(const char *what, uintptr_t caller)
{
    const weft__fiber *f = weft__running();
    weft__place user;
    char place[300], line[LINE];
    if (!f || !is_news(caller) || !place_of(f, caller, &user)) return;
    weft__place_format(&user, place, sizeof place);
    int n = snprintf(line, sizeof line, "weft: %s blocks the loop: %s%s in %s\n", what, f->label ? "" : "task ",
        f->label ? f->label : f->task->name, place);
    weft__os_stderr(line, n < LINE ? (size_t)n : LINE - 1);
}

void weft__blocking_calls_watch(void)
{
    static const weft__blocking_program program = { WEFT__BLOCKING_VERSION, in_task, told };
    weft__blocking_attach_fn *attach;
    *(void **)&attach = weft__os_preloaded(WEFT__BLOCKING_ATTACH);
    if (attach) attach(&program);
}
