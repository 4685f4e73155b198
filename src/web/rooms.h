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
#endif
