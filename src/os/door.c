#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/parts.h"

/* ---- bells ---- */

weft__bell *weft__bell_new(void)
{
    weft__bell *b = weft__calloc(sizeof *b);
    if (!b) return NULL;
    atomic_init(&b->refs, 1);
    b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->fd >= 0) return b;
    weft__free(b);
    return NULL;
}

weft__bell *weft__bell_keep(weft__bell *b)
{
    atomic_fetch_add(&b->refs, 1);
    return b;
}

void weft__bell_drop(weft__bell *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) > 1) return;
    close(b->fd);
    weft__free(b);
}

void weft__bell_ring(weft__bell *b)
{
    int keep = errno;
    uint64_t one = 1;
    if (write(b->fd, &one, sizeof one) < 0) { /* full: then it has been rung, and nobody reads it */ }
    errno = keep;
}

/* ---- doors ---- */

weft__door *weft__door_new(weft__door **list, weft__bell *bell, void *cookie)
{
    weft__door *d = weft__calloc(sizeof *d);
    if (!d) return NULL;
    d->cookie = cookie;
    d->bell = bell ? weft__bell_keep(bell) : NULL;
    atomic_init(&d->refs, 1);
    atomic_init(&d->knocked, false);
    d->next = *list;
    *list = d;
    return d;
}

void weft__door_end(weft__door **list, weft__door *d)
{
    while (*list != d) list = &(*list)->next;
    *list = d->next;
    weft__door_drop(d);
}

/* Of many knocks the first rings. The exchange orders: a knock that finds another one before it knows that whoever
 * answers that one sees what it wrote. */
void weft__door_knock(weft__door *d)
{
    if (!atomic_exchange(&d->knocked, true) && d->bell) weft__bell_ring(d->bell);
}

void weft__door_keep(weft__door *d) { atomic_fetch_add(&d->refs, 1); }

void weft__door_drop(weft__door *d)
{
    if (!d || atomic_fetch_sub(&d->refs, 1) > 1) return;
    weft__bell_drop(d->bell);
    weft__free(d);
}
