#ifndef WEFT_SRC_TASK_STACK_H
#define WEFT_SRC_TASK_STACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/poison.h"

/* A pool of guarded stacks, one a loop. A stack is WEFT__STACK_SIZE bytes of address space, of which the lowest
 * WEFT__STACK_GUARD fault; memory is committed as it is touched. Ended tasks leave their stack warm (its
 * pages stay), and what was not needed for a second is given back to the system. */
#if defined WEFT__ASAN || defined WEFT__TSAN
#define WEFT__SANITIZED 1
enum { WEFT__STACK_SIZE = 512 * 1024 };       /* sanitizers make frames two to three times as large */
#else
enum { WEFT__STACK_SIZE = 256 * 1024 };
#endif
enum { WEFT__STACK_GUARD = 64 * 1024, WEFT__STACK_LEAF = 64 * 1024 };

typedef struct weft__stack_pool {
    char **warm, **cold, **slabs;             /* lows of free stacks; lows of mappings */
    uint32_t warm_count, cold_count, slab_count, slab_room, room;
    uint32_t in_use, peak;                    /* peak: since the last trim */
    int64_t trim_at_ns;
    bool on_valgrind, told;                   /* told: that mappings ran out */
} weft__stack_pool;

/* The low end of a stack, NULL without memory or mappings; the latter is said on stderr, once. */
char *weft__stack_take(weft__stack_pool *p);
void weft__stack_give(weft__stack_pool *p, char *low);
/* Give back the pages of stacks that the last second did not need; at most 64 a call. Call when idle. */
void weft__stack_trim(weft__stack_pool *p, int64_t now_ns);
void weft__stack_pool_free(weft__stack_pool *p);
/* Tell valgrind that the stack below `top`, which is not the running one, is about to be used. */
void weft__stack_valgrind_below(char *top);

/* Before a wait that may be long: the pages of the running task's stack below where it stands are given back, which its beginning may have
 * needed. A system call. Waits: never. */
void weft__stack_shed(void);

/* The initial stack pointer of a stack: shifted from one to the next, so that the hot ends of many stacks do
 * not fight for the same cache sets. */
static inline char *weft__stack_top(char *low)
{
    return low + WEFT__STACK_SIZE - (((uintptr_t)low / WEFT__STACK_SIZE) & 7) * 128;
}
#endif
