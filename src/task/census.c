#include "task/census.h"
#ifdef WEFT__STACK_CENSUS
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 1024, SHOWN_MAX = 40, LAST_FRAMES = 512, CALLED_FROM_HERE = 8192 };
static const uint64_t PAINT = 0xc5c5c5c5c5c5c5c5;

typedef struct place { const char *name, *at; uint64_t tasks; size_t deepest; } place;
static _Thread_local place places[PLACES_MAX + 1];       /* the last one: of those that came too late */
static _Thread_local uint32_t count;

#define UNWATCHED __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

UNWATCHED static void paint(char *low, char *end)
{
    volatile uint64_t *to = (volatile uint64_t *)end;
    while ((char *)to > low) *--to = PAINT;
}

static char *lowest(const weft__fiber *f) { return f->stack + WEFT__STACK_GUARD; }

/* A stack that was never used, or was given back since, is not painted at its low end. What the task before touched
 * was painted anew at its end. */
UNWATCHED void weft__census_begin(const weft__fiber *f, char *sp)
{
    char *end = (char *)((uintptr_t)sp & ~(uintptr_t)7);
    if (*(volatile uint64_t *)lowest(f) != PAINT) paint(lowest(f), end);
}

static place *place_of(const weft_task *t)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!strcmp(places[i].at, t->place) && !strcmp(places[i].name, t->name)) return &places[i];
    }
    if (count == PLACES_MAX) {
        places[PLACES_MAX].name = places[PLACES_MAX].at = "(others)";
        return &places[PLACES_MAX];
    }
    places[count].name = t->name;
    places[count].at = t->place;
    return &places[count++];
}

UNWATCHED void weft__census_end(const weft__fiber *f)
{
    volatile uint64_t *at = (volatile uint64_t *)lowest(f);
    char *here = __builtin_frame_address(0), *top = weft__stack_top(f->stack);
    while ((char *)at < here && *at == PAINT) at++;
    size_t depth = (size_t)(top - (char *)at);
    place *p = place_of(f->task);
    p->tasks++;
    if (depth > p->deepest) p->deepest = depth;
    /* What was called here has left its traces too. */
    char *end = (char *)((uintptr_t)here & ~(uintptr_t)7) - LAST_FRAMES, *from = end - CALLED_FROM_HERE;
    if ((char *)at < from) from = (char *)at;
    if (from < lowest(f)) from = lowest(f);
    paint(from, end);
}

static int deeper_first(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return (x->deepest < y->deepest) - (x->deepest > y->deepest);
}

void weft__census_say(void)
{
    uint32_t n = count + (places[PLACES_MAX].tasks != 0);
    qsort(places, n, sizeof *places, deeper_first);
    weft__say("weft: stacks by place: deepest of %d KiB, tasks\n", (WEFT__STACK_SIZE - WEFT__STACK_GUARD) / 1024);
    for (uint32_t i = 0; i < n && i < SHOWN_MAX; i++) {
        const place *p = &places[i];
        weft__say("weft: %7.1f KiB %9" PRIu64 "  %s (%s)\n", (double)p->deepest / 1024, p->tasks, p->name, p->at);
    }
    if (n > SHOWN_MAX) weft__say("weft: and %" PRIu32 " places that are less deep\n", n - SHOWN_MAX);
    memset(places, 0, sizeof places);
    count = 0;
}
#endif
