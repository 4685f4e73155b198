#ifndef WEFT_SRC_OS_TAKER_H
#define WEFT_SRC_OS_TAKER_H
#include <stdatomic.h>
#include "os/signal.h"

/* What a handler writes to. In the simulator: the next one of its world. */
struct weft__taker {
    uint64_t set;
    int of;                          /* its process */
    _Atomic uint64_t came;
    weft__door *door;
    weft__taker *next;
};

static inline void weft__taker_tell(weft__taker *t, int number)
{
    atomic_fetch_or(&t->came, weft__signal_bit(number));
    weft__door_knock(t->door);
}

weft__taker *weft__taker_new(weft__os *os, uint64_t set, void *cookie);      /* NULL: no memory */
void weft__taker_free(weft__os *os, weft__taker *t);
uint64_t weft__taker_taken(weft__taker *t);
#endif
