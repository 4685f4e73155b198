#ifndef WEFT_SRC_BASE_ARENA_H
#define WEFT_SRC_BASE_ARENA_H
#include "weft/base.h"
#include "base/poison.h"

/* Blocks that arenas took and gave back, kept for the next: one pool a loop, so that a request costs no
 * malloc. Keeps at most `keep_max` blocks of the usual size. small: of very many arenas each begins with small blocks, of its own. */
enum { WEFT__BLOCK = 4096, WEFT__BLOCK_SMALL = 1024 };
typedef struct weft__block weft__block;
typedef struct weft__block_pool { weft__block *free; unsigned kept, keep_max; bool small; } weft__block_pool;
void weft__block_pool_free(weft__block_pool *pool);

/* A bump allocator: everything in it ends together. It has a limit, and remembers that it was passed, so
 * that whoever owns it can fail the request by name. */
typedef struct weft_arena weft_arena;
struct weft_arena {
    char *at, *end;
    weft__block *blocks;             /* newest first */
    weft__block_pool *pool;          /* may be NULL: blocks then come from the hook and go back to it */
    size_t bytes, bytes_max;         /* in blocks, so far and at most */
    bool exceeded;                   /* an allocation was refused because of bytes_max */
    bool starved;                    /* ... because no memory was left */
    bool lost;                       /* ... and what was to be written is missing without its writer knowing */
};

/* An arena takes nothing until its first allocation. */
static inline void weft__arena_init(weft_arena *a, weft__block_pool *pool, size_t bytes_max)
{
    *a = (weft_arena){ .pool = pool, .bytes_max = bytes_max };
}
void weft__arena_free(weft_arena *a);    /* gives all blocks back; the arena is empty and usable again */

/* What `from` holds becomes part of `to` and lives as long; `from` is then empty. False when that would be more than
 * to->bytes_max: to->exceeded is set, and nothing else has changed. */
bool weft__arena_splice(weft_arena *to, weft_arena *from);

void *weft__arena_more(weft_arena *a, size_t n);

/* n bytes, aligned to 16, not zeroed; NULL past the limit. n = 0 gives a place of its own too. Under ASan
 * the bytes behind the last of the n are poisoned, as is everything after weft__arena_free. */
static inline void *weft__arena_alloc(weft_arena *a, size_t n)
{
    size_t need = (n + 15) & ~(size_t)15;
    /* need is 0 for n = 0 and for an n that overflowed: both go the slow way by the - 1. */
    if (__builtin_expect(need - 1 >= (size_t)(a->end - a->at), 0)) return weft__arena_more(a, n);
    void *p = a->at;
    a->at += need;
    WEFT__UNPOISON(p, n);
    return p;
}

void *weft__arena_zalloc(weft_arena *a, size_t n);
weft_str weft__arena_dup(weft_arena *a, weft_str s);     /* NUL-terminated copy; ptr NULL past the limit */
weft_str weft__arena_printf(weft_arena *a, const char *fmt, ...) WEFT_PRINTF(2, 3);

/* The next free slot of a list {items, count, room}, its bytes zero; NULL past the limit (of the arena, or
 * of 2^31 items: that counts as exceeded too). The list is then as it was. A list that was
 * filled by hand (room 0 or room == count) is copied, never written past. */
void *weft__list_slot(weft_arena *a, void *list, size_t item_size);
#endif
