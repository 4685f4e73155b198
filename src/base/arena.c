#include "base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

struct weft__block {
    weft__block *next;
    size_t size;                     /* of the whole block, this head included */
};

_Static_assert(sizeof(weft__block) == 16, "what follows a block's head is aligned to 16");

static void block_release(weft__block_pool *pool, weft__block *b)
{
    if (!pool || b->size != WEFT__BLOCK || pool->kept >= pool->keep_max) {
        WEFT__UNPOISON(b + 1, b->size - sizeof *b);
        weft__free(b);
        return;
    }
    WEFT__POISON(b + 1, b->size - sizeof *b);
    b->next = pool->free;
    pool->free = b;
    pool->kept++;
}

static weft__block *block_take(weft__block_pool *pool, size_t size)
{
    weft__block *b = pool && size == WEFT__BLOCK ? pool->free : NULL;
    if (b) {
        pool->free = b->next;
        pool->kept--;
        return b;
    }
    b = weft__malloc(size);
    if (!b) return NULL;
    b->size = size;
    WEFT__POISON(b + 1, size - sizeof *b);
    return b;
}

void weft__block_pool_free(weft__block_pool *pool)
{
    while (pool->free) {
        weft__block *b = pool->free;
        pool->free = b->next;
        WEFT__UNPOISON(b + 1, b->size - sizeof *b);
        weft__free(b);
    }
    pool->kept = 0;
}

void weft__arena_free(weft_arena *a)
{
    while (a->blocks) {
        weft__block *b = a->blocks;
        a->blocks = b->next;
        block_release(a->pool, b);
    }
    weft__arena_init(a, a->pool, a->bytes_max);
}

bool weft__arena_splice(weft_arena *to, weft_arena *from)
{
    if (from->bytes > to->bytes_max - to->bytes) {
        to->exceeded = true;
        return false;
    }
    weft__block **end = &from->blocks;
    while (*end) end = &(*end)->next;
    *end = to->blocks;
    to->blocks = from->blocks;
    if (from->end - from->at > to->end - to->at) {   /* what comes next goes where there is more room */
        to->at = from->at;
        to->end = from->end;
    }
    to->bytes += from->bytes;
    from->blocks = NULL;
    weft__arena_free(from);
    return true;
}

/* A request that does not fit gets a block: a usual one while the arena is small, then ever larger ones,
 * so that the number of blocks stays logarithmic. A large piece gets one of its own and leaves the
 * current block in use. */
void *weft__arena_more(weft_arena *a, size_t n)
{
    size_t need = n ? (n + 15) & ~(size_t)15 : 16;
    size_t whole = need + sizeof(weft__block);
    size_t usual = a->bytes < 8 * WEFT__BLOCK ? WEFT__BLOCK : a->bytes / 4 & ~(size_t)(WEFT__BLOCK - 1);
    bool alone = whole > usual / 4 && whole > WEFT__BLOCK / 2 && a->blocks;
    if (a->pool && a->pool->small && a->bytes < 2 * WEFT__BLOCK_SMALL && whole <= WEFT__BLOCK_SMALL) usual = WEFT__BLOCK_SMALL;
    size_t size = alone || whole > usual ? (whole <= WEFT__BLOCK ? WEFT__BLOCK : whole) : usual;
    if (size > a->bytes_max - a->bytes && whole <= a->bytes_max - a->bytes) size = whole;
    if (need < n || whole < need || size > a->bytes_max - a->bytes) {
        a->exceeded = true;
        return NULL;
    }
    weft__block *b = block_take(a->pool, size);
    if (!b) {
        a->starved = true;
        return NULL;
    }
    a->bytes += size;
    char *start = (char *)(b + 1), *end = (char *)b + size;
    b->next = a->blocks;
    a->blocks = b;
    if ((size_t)(end - (start + need)) >= (size_t)(a->end - a->at)) {
        a->at = start + need;
        a->end = end;
    }
    WEFT__UNPOISON(start, n);
    return start;
}

void *weft__arena_zalloc(weft_arena *a, size_t n)
{
    void *p = weft__arena_alloc(a, n);
    if (p) memset(p, 0, n);
    return p;
}

weft_str weft__arena_dup(weft_arena *a, weft_str s)
{
    char *p = weft__arena_alloc(a, s.len + 1);
    if (!p) return (weft_str){ 0 };
    if (s.len) memcpy(p, s.ptr, s.len);
    p[s.len] = 0;
    return (weft_str){ p, s.len };
}

weft_str weft__arena_printf(weft_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *p = n < 0 ? NULL : weft__arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? (weft_str){ p, (size_t)n } : (weft_str){ 0 };
}

typedef struct any_list { char *items; uint32_t count, room; } any_list;

void *weft__list_slot(weft_arena *a, void *list, size_t item_size)
{
    any_list *l = list;
    if (l->count >= l->room) {
        if (l->count > UINT32_MAX / 2) {
            a->exceeded = true;
            return NULL;
        }
        uint32_t room = l->count ? l->count * 2 : 4;
        char *items = weft__arena_alloc(a, room * item_size);
        if (!items) return NULL;
        if (l->count) memcpy(items, l->items, l->count * item_size);
        l->items = items;
        l->room = room;
    }
    void *slot = l->items + l->count++ * item_size;
    memset(slot, 0, item_size);
    return slot;
}
