/* The memory of the running task: its current arena, and what users take from it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "task/fiber.h"

static weft__fiber *the_task(const char *what)
{
    weft__fiber *f = weft__self();
    if (f) return f;
    fprintf(stderr, "weft: %s outside of a task: call it in what weft_run or a handler calls\n", what);
    abort();
}

weft_arena *weft__arena_here(void) { return weft__self() ? weft__self()->arena : NULL; }

weft_arena *weft__arena_swap(weft_arena *a)
{
    weft__fiber *f = the_task("an arena");
    weft_arena *before = f->arena;
    f->arena = f->scope->arena = a;
    return before;
}

void *weft_alloc(size_t n) { return weft__arena_zalloc(the_task("weft_alloc")->arena, n); }

weft_str weft_format(const char *fmt, ...)
{
    weft_arena *a = the_task("weft_format")->arena;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *p = n < 0 ? NULL : weft__arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    if (p) return (weft_str){ p, (size_t)n };
    a->lost = true;
    return (weft_str){ "", 0 };
}

/* A temporary arena stands in front of the current one: it has the same limit, and when it is passed the
 * outer one is marked, so that the request fails by name. */
weft__temp weft__temp_enter(void)
{
    weft__fiber *f = the_task("WEFT_TEMP");
    weft_arena *a = weft__malloc(sizeof *a);
    if (!a) {
        f->arena->starved = true;
        return (weft__temp){ f->arena, NULL };
    }
    weft__arena_init(a, f->arena->pool, f->arena->bytes_max);
    weft__temp t = { f->arena, a };
    f->arena = a;
    return t;
}

void weft__temp_leave(weft__temp *t)
{
    if (!t->arena) return;
    weft_arena *a = t->arena, *before = t->before;
    before->exceeded |= a->exceeded;
    before->starved |= a->starved;
    before->lost |= a->lost;
    weft__self()->arena = before;
    weft__arena_free(a);
    weft__free(a);
}

/* Where an item goes that found no room: a place of the loop's that nobody reads. */
static void *scrap(weft__loop *loop, size_t size)
{
    if (loop->scrap_size < size) {
        char *more = weft__realloc(loop->scrap, size);
        if (!more) {
            fprintf(stderr, "weft: no memory for %zu bytes of scrap after weft_push failed\n", size);
            abort();
        }
        loop->scrap = more;
        loop->scrap_size = size;
    }
    return memset(loop->scrap, 0, size);
}

void *weft__slot(void *list, size_t size)
{
    weft__fiber *f = the_task("weft_push");
    void *slot = weft__list_slot(f->arena, list, size);
    if (slot) return slot;
    f->arena->lost = true;
    return scrap(f->loop, size);
}
