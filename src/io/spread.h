#ifndef WEFT_SRC_IO_SPREAD_H
#define WEFT_SRC_IO_SPREAD_H
/* What one worker tells all others of its fleet (os/fleet.h): each has a ring in shared memory that it writes, and a bell.
 * In a process that serves alone there is nobody to tell, and all of this does nothing. */
#include "os/fleet.h"
#include "task/loop.h"

/* Who wants to hear. All its functions run on the loop's own stack, must not wait, may be NULL, and may say, hear and
 * leave. `from` is the other worker's slot (below WEFT__FLEET_SLOTS_MAX); the message is good until `heard` returns. Of one worker all
 * messages come in the order they were said; `came` of it comes before them, and `gone` behind. */
typedef struct weft__ear weft__ear;
struct weft__ear {
    uint32_t topic;
    void (*heard)(weft__ear *e, unsigned from, weft_str message);
    /* So many messages of that worker came faster than they were read here, of whatever topics. */
    void (*lost)(weft__ear *e, unsigned from, uint64_t count);
    /* It serves from now on, and hears; it has ended, in whatever way, and what it said of itself holds no more. */
    void (*came)(weft__ear *e, unsigned from);
    void (*gone)(weft__ear *e, unsigned from);
    weft__ear *next;
};

/* Of this thread's loop, which `fleet` is for; NULL: alone. 0 or a code. It ends with the loop. Waits: never. */
int weft__spread_open(weft__fleet *fleet);
/* The ear is the caller's, and stays until it leaves. A new one is told of who is there by `came`, at once. Without a loop
 * nothing happens. Wait: never. */
void weft__spread_hear(weft__ear *e);
void weft__spread_leave(weft__ear *e);
/* Tell all other workers. 0, also when there are none; WEFT_ELIMIT: more than WEFT__RING_MESSAGE_MAX (64 KiB). Nobody is waited
 * for: who reads too slowly loses the oldest, and is told. Waits: never. */
int weft__spread_say(uint32_t topic, weft_str message) WEFT_NODISCARD;
/* The same to one: whoever else hears of it drops it. WEFT_ENOMEM: but never for 1020 bytes or less. */
int weft__spread_say_to(unsigned to, uint32_t topic, weft_str message) WEFT_NODISCARD;
bool weft__spread_alone(void);
#endif
