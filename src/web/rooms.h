#ifndef WEFT_SRC_WEB_ROOMS_H
#define WEFT_SRC_WEB_ROOMS_H
/* Rooms of a loop, and what leaves them for other processes. */
#include "http/ws.h"
#include "weft/room.h"

/* What is said and who comes and goes in a room here, told once each, on the loop's thread; must not wait. To be set by whoever joins
 * several processes; what the others say comes back by weft__room_deliver. */
typedef struct weft__spread {
    void (*publish)(void *ctx, weft_str room, bool binary, weft_str bytes);
    void (*presence)(void *ctx, weft_str room, weft_str id, bool joined);
    void *ctx;
} weft__spread;

/* Of the running loop. 0 or WEFT_ENOMEM. `spread` lives as long as it; NULL: none. */
int weft__rooms_spread(const weft__spread *spread);
/* Say to those in a room here, and nobody else. How many heard it. Waits: never. */
int weft__room_deliver(weft_str name, bool binary, weft_str bytes);

/* ---- those in other processes, `from` of which each is: for who spreads ---- */

/* Somebody is in a room there; announced: he has just come, and those who want to hear of it do. 0; WEFT_EINVAL, WEFT_ELIMIT (a million of
 * them), WEFT_ENOMEM. */
int weft__room_far_joins(unsigned from, weft_str room, weft_str id, bool announced);
void weft__room_far_leaves(unsigned from, weft_str room, weft_str id);
/* Nobody is there any more. */
void weft__rooms_far_end(unsigned from, bool announced);
/* All who are in rooms here when it begins, in the order in which they came, and over several turns of the loop: whoever leaves before it is his
 * turn is left out. `next` gives one until there are no more, then false; a walk that is begun is ended, too. All zeros at first. */
typedef struct weft__rooms_walk {
    const weft_room *next, *last;    /* NULL: no more */
    struct weft__rooms_walk *other;
    bool begun;
} weft__rooms_walk;
void weft__rooms_walk_begin(weft__rooms_walk *w);            /* again: anew */
bool weft__rooms_walk_next(weft__rooms_walk *w, weft_str *room, weft_str *id);
void weft__rooms_walk_end(weft__rooms_walk *w);

/* Rooms of this loop reach over all processes of its fleet from now on (rooms_fleet.c). 0 or WEFT_ENOMEM; nothing happens in a process that serves
 * alone. Waits: never. */
int weft__rooms_reach_all(void);
#endif
