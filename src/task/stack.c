#include "task/stack.h"
#include "task/fiber.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "os/os.h"
#include "task/error.h"
#if defined __has_include
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) ((void)(low), (void)(high), 0u)
#define VALGRIND_MAKE_MEM_UNDEFINED(low, n) ((void)(low), (void)(n))
#define RUNNING_ON_VALGRIND 0
#endif

enum { SLAB = 64, TRIM_AT_ONCE = 64, WARM_ALWAYS = 64 };
#define TRIM_EVERY_NS 1000000000LL

static int lists_grow(weft__stack_pool *p)
{
    uint32_t room = p->room + SLAB;
    if (room > p->room) {
        char **warm = weft__realloc(p->warm, room * sizeof *warm);
        if (!warm) return WEFT_ENOMEM;
        p->warm = warm;
        char **cold = weft__realloc(p->cold, room * sizeof *cold);
        if (!cold) return WEFT_ENOMEM;
        p->cold = cold;
    }
    if (p->slab_count == p->slab_room) {
        uint32_t slabs_room = p->slab_room ? p->slab_room * 2 : 8;
        char **slabs = weft__realloc(p->slabs, slabs_room * sizeof *slabs);
        if (!slabs) return WEFT_ENOMEM;
        p->slabs = slabs;
        p->slab_room = slabs_room;
    }
    return 0;
}

/* Tasks are then refused for want of memory, of which there may be plenty. */
static void tell_mappings(weft__stack_pool *p)
{
    if (p->told) return;
    p->told = true;
    weft__say("weft: %u tasks run, and there are no mappings left for more: each takes two of vm.max_map_count "
        "before Linux 6.13; raise it with sysctl\n", p->in_use);
}

static int slab_add(weft__stack_pool *p)
{
    if (lists_grow(p) < 0) return WEFT_ENOMEM;
    p->on_valgrind = RUNNING_ON_VALGRIND;
    char *slab = weft__os_stacks_map(SLAB, WEFT__STACK_SIZE, WEFT__STACK_GUARD);
    if (!slab && errno == EMFILE) tell_mappings(p);
    if (!slab) return WEFT_ENOMEM;
    p->slabs[p->slab_count++] = slab;
    p->room += SLAB;
    for (int i = SLAB - 1; i >= 0; i--) {
        char *low = slab + (size_t)i * WEFT__STACK_SIZE;
        (void)VALGRIND_STACK_REGISTER(low + WEFT__STACK_GUARD, low + WEFT__STACK_SIZE);
        p->cold[p->cold_count++] = low;
    }
    return 0;
}

/* The task before left what lies below its last frame marked as out of bounds. */
static WEFT__COLD void valgrind_clean(char *low)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(low + WEFT__STACK_GUARD, WEFT__STACK_SIZE - WEFT__STACK_GUARD);
}

void weft__stack_valgrind_below(char *top)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(top - WEFT__STACK_LEAF, WEFT__STACK_LEAF);
}

char *weft__stack_take(weft__stack_pool *p)
{
    if (!p->warm_count && !p->cold_count && slab_add(p) < 0) return NULL;
    if (++p->in_use > p->peak) p->peak = p->in_use;
    char *low = p->warm_count ? p->warm[--p->warm_count] : p->cold[--p->cold_count];
    if (__builtin_expect(p->on_valgrind, 0)) valgrind_clean(low);
    return low;
}

void weft__stack_give(weft__stack_pool *p, char *low)
{
    p->in_use--;
    p->warm[p->warm_count++] = low;
}

void weft__stack_trim(weft__stack_pool *p, int64_t now_ns)
{
    if (now_ns < p->trim_at_ns) return;
    uint32_t keep = p->peak - p->in_use < WARM_ALWAYS ? WARM_ALWAYS : p->peak - p->in_use;
    for (int i = 0; i < TRIM_AT_ONCE && p->warm_count > keep; i++) {
        char *low = p->warm[--p->warm_count];
        weft__os_stack_clean(low + WEFT__STACK_GUARD, WEFT__STACK_SIZE - WEFT__STACK_GUARD);
        p->cold[p->cold_count++] = low;
    }
    if (p->warm_count > keep) return;
    p->peak = p->in_use;
    p->trim_at_ns = now_ns + TRIM_EVERY_NS;
}

void weft__stack_pool_free(weft__stack_pool *p)
{
    for (uint32_t i = 0; i < p->slab_count; i++) weft__os_stacks_unmap(p->slabs[i], SLAB, WEFT__STACK_SIZE);
    weft__free(p->warm);
    weft__free(p->cold);
    weft__free(p->slabs);
    memset(p, 0, sizeof *p);
}

/* Sanitizers keep notes of what lies there, and a census looks for how deep it was. */
void weft__stack_shed(void)
{
#if !defined WEFT__SANITIZED && !defined WEFT__STACK_CENSUS
    enum { BELOW = 256, MOST = 8 };      /* BELOW: what this call itself may need; MOST: pages, of which deeper ones are rare */
    const weft__fiber *f = weft__self();
    if (!f) return;
    uintptr_t page = weft__os_page(), low = (uintptr_t)f->stack + WEFT__STACK_GUARD;
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - BELOW) & ~(page - 1);
    if (end - low > MOST * page) low = end - MOST * page;
    if (end > low) weft__os_stack_clean((void *)low, end - low);
#endif
}
