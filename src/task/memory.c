/* The memory of the running task, or of a job: its current arena, and what users take from it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "task/fiber.h"
#include "task/job.h"

/* Where the task that runs, or the job, keeps its arena. */
static inline weft_arena **arena_of(const char *what)
{
    weft__fiber *f = weft__running();
    if (__builtin_expect(f != NULL, 1)) return &f->arena;
    weft__job_context *job = weft__job_here();
    if (!job) weft__no_task(what);
    return &job->arena;
}

weft_arena *weft__arena_here(void)
{
    weft__fiber *f = weft__running();
    weft__job_context *job = f ? NULL : weft__job_here();
    return f ? f->arena : job ? job->arena : NULL;
}

weft_arena *weft__arena_swap(weft_arena *a)
{
    weft_arena **at = arena_of("an arena"), *before = *at;
    *at = a;
    if (weft__running()) weft__running()->scope->arena = a;
    return before;
}

void *weft_alloc(size_t n) { return weft__arena_zalloc(*arena_of("weft_alloc"), n); }

weft_str weft_format(const char *fmt, ...)
{
    weft_arena *a = *arena_of("weft_format");
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
    weft_arena **at = arena_of("WEFT_TEMP"), *before = *at, *a = weft__malloc(sizeof *a);
    if (!a) {
        before->starved = true;
        return (weft__temp){ before, NULL };
    }
    weft__arena_init(a, before->pool, before->bytes_max);
    *at = a;
    return (weft__temp){ before, a };
}

void weft__temp_leave(weft__temp *t)
{
    if (!t->arena) return;
    weft_arena *a = t->arena, *before = t->before;
    before->exceeded |= a->exceeded;
    before->starved |= a->starved;
    before->lost |= a->lost;
    *arena_of("WEFT_TEMP") = before;
    weft__arena_free(a);
    weft__free(a);
}

/* When there is no memory for scrap either: one for each thread, whose pages are touched then alone. */
static _Thread_local char last_resort[16 * 1024];

/* Where an item goes that found no room: a place of the loop's, or of the job's, that nobody reads. */
static void *scrap(size_t size)
{
    weft__fiber *f = weft__running();
    weft__job_context *job = weft__job_here();
    void **place = f ? &f->loop->scrap : &job->scrap;
    size_t *room = f ? &f->loop->scrap_size : &job->scrap_size;
    if (*room < size) {
        void *more = weft__realloc(*place, size);
        if (!more && size <= sizeof last_resort) return memset(last_resort, 0, size);
        if (!more) {
            fprintf(stderr, "weft: no memory for %zu bytes of scrap after weft_push failed\n", size);
            abort();
        }
        *place = more;
        *room = size;
    }
    return memset(*place, 0, size);
}

void *weft__slot(void *list, size_t size)
{
    weft_arena *a = *arena_of("weft_push");
    void *slot = weft__list_slot(a, list, size);
    if (slot) return slot;
    a->lost = true;
    return scrap(size);
}
