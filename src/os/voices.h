#ifndef WEFT_SRC_OS_VOICES_H
#define WEFT_SRC_OS_VOICES_H
/* What the processes of a fleet say to each other: of each slot a ring (ring.h) that who has it writes and all others read, and a bell that wakes who has
 * it. They lie in a memory of their own, without pointers and without a word of what an application is, since they mean the same in every program: workers
 * of two programs, one of which was put in the place of the other, hear each other until the old ones have ended, whatever else is new. */
#include "os/ring.h"

enum { WEFT__VOICES_MAX = 193 };

/* FREE and TAKEN: by the supervisor, before the fork and when it has waited for who had it. THERE: by who has it, when it serves: it speaks, and hears all. */
typedef enum weft__voice_state { WEFT__VOICE_FREE, WEFT__VOICE_TAKEN, WEFT__VOICE_THERE } weft__voice_state;

/* Everything but the ring is read and written as __atomic. */
typedef struct weft__voice {
    _Alignas(64) uint32_t state;     /* a weft__voice_state */
    int32_t pid;                     /* by the supervisor, behind the fork; 0: nobody */
    uint32_t incarnation;            /* by the supervisor: how many have had this slot */
    uint64_t beats;                  /* by who has it: grows while its loop turns */
    _Alignas(64) uint32_t rung;      /* by anybody: its bell was rung and it has not looked yet */
    _Alignas(64) weft__ring ring;    /* by who has it */
} weft__voice;

typedef struct weft__voices {
    unsigned count;
    int fd, bells[WEFT__VOICES_MAX]; /* of a memfd, to hand over; -1: none. Eventfds */
    struct weft__voices_head *head;
} weft__voices;

/* All free, and silent. 0 or -errno, with nothing open. */
int weft__voices_open(weft__voices *v, unsigned count);
/* Those that a program before has left: false, and nothing is taken, when they are of another form, another number, or too few to have `free` free ones. What is taken is
 * ours to close. */
bool weft__voices_adopt(weft__voices *v, int fd, const int *bells, unsigned count, unsigned free);
/* Of all zeros, too. */
void weft__voices_close(weft__voices *v);

weft__voice *weft__voices_at(const weft__voices *v, unsigned i);
/* Wake who has it, once until it looks: who says much makes no call of the system for each message. Wait: never. */
void weft__voices_ring(const weft__voices *v, unsigned i);
void weft__eventfd_ring(int fd);

/* ---- of a supervisor ---- */

/* Somebody is about to have this slot; he is this process; nobody has it any more. */
void weft__voice_take(weft__voice *one);
void weft__voice_is_of(weft__voice *one, int32_t pid);
void weft__voice_leave(weft__voice *one);
#endif
