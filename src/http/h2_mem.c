#include "http/h2_mem.h"
#include <string.h>
#include "base/mem.h"

/* In front of what nghttp2 sees, which stays aligned to 16. */
struct weft__h2_block { weft__h2_block *next, *prev; };
_Static_assert(sizeof(weft__h2_block) == 16, "what follows is aligned");

static void list(weft__h2_mem *m, weft__h2_block *b)
{
    *b = (weft__h2_block){ .next = m->first };
    if (b->next) b->next->prev = b;
    m->first = b;
}

static void unlist(weft__h2_mem *m, weft__h2_block *b)
{
    if (b->prev) b->prev->next = b->next;
    else m->first = b->next;
    if (b->next) b->next->prev = b->prev;
}

static void *take(weft__h2_mem *m, weft__h2_block *b)
{
    if (!b) {
        m->failed = true;
        return NULL;
    }
    list(m, b);
    return b + 1;
}

static void *take_new(size_t n, void *ctx) { return take(ctx, n < SIZE_MAX / 2 ? weft__malloc(sizeof(weft__h2_block) + n) : NULL); }

static void *take_clear(size_t count, size_t n, void *ctx)
{
    size_t all;
    bool fits = !__builtin_mul_overflow(count, n, &all) && all < SIZE_MAX / 2;
    return take(ctx, fits ? weft__calloc(sizeof(weft__h2_block) + all) : NULL);
}

static void give(void *p, void *ctx)
{
    if (!p) return;
    weft__h2_block *b = (weft__h2_block *)p - 1;
    unlist(ctx, b);
    weft__free(b);
}

/* One that cannot be made larger stays as it is. */
static void *resize(void *p, size_t n, void *ctx)
{
    weft__h2_mem *m = ctx;
    if (!p) return take_new(n, ctx);
    weft__h2_block *b = (weft__h2_block *)p - 1;
    unlist(m, b);
    weft__h2_block *more = n < SIZE_MAX / 2 ? weft__realloc(b, sizeof *b + n) : NULL;
    list(m, more ? more : b);
    if (!more) m->failed = true;
    return more ? more + 1 : NULL;
}

nghttp2_mem weft__h2_mem_of(weft__h2_mem *m) { return (nghttp2_mem){ m, take_new, give, take_clear, resize }; }

/* No more is moved than was taken before. */
void weft__h2_compact(weft__buf *b, size_t *at)
{
    size_t rest = b->len - *at;
    if (!*at || *at < rest) return;
    if (rest) memmove(b->ptr, b->ptr + *at, rest);
    b->len = rest;
    *at = 0;
}

void weft__h2_mem_free(weft__h2_mem *m, nghttp2_session *session)
{
    if (!m->failed) nghttp2_session_del(session);
    while (m->first) {
        weft__h2_block *b = m->first;
        m->first = b->next;
        weft__free(b);
    }
    *m = (weft__h2_mem){ 0 };
}
