#ifndef WEFT_SRC_WEB_ONCE_RANK_H
#define WEFT_SRC_WEB_ONCE_RANK_H
/* Who has most: a heap of those that have something, each of whom knows its place in it. A change takes as many steps as their number has binary digits. Pure; the
 * memory is the caller's. */
#include <stdint.h>

typedef struct weft__once_ranked { uint64_t weight; uint32_t at; } weft__once_ranked;    /* weight 0: it is not in it */
typedef struct weft__once_rank { weft__once_ranked **items; uint32_t count; } weft__once_rank;

/* It has so much now. There is room for all that have something. */
void weft__once_rank_set(weft__once_rank *r, weft__once_ranked *x, uint64_t weight);
/* One with most; NULL: nobody has anything. */
static inline weft__once_ranked *weft__once_rank_first(const weft__once_rank *r) { return r->count ? r->items[0] : (weft__once_ranked *)0; }
#endif
