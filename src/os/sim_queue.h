#ifndef WEFT_SRC_OS_SIM_QUEUE_H
#define WEFT_SRC_OS_SIM_QUEUE_H
#include "weft/base.h"

/* What will happen in a simulated world. Sockets are named by descriptor, never by pointer: a descriptor that
 * was closed meanwhile is simply not found. */
typedef enum weft__sim_kind {
    WEFT__SIM_SYN,          /* a connect reaches the address; n: how many times it was tried */
    WEFT__SIM_SYN_ACK,      /* ... and was taken */
    WEFT__SIM_BYTES,        /* n bytes reach `to` */
    WEFT__SIM_ACK,          /* `to` learns that the peer has read n of its bytes */
    WEFT__SIM_FIN,          /* the peer has ended its side */
    WEFT__SIM_RST,          /* the peer broke off, or refused */
    WEFT__SIM_RESOLVED,     /* the name with serial n */
    WEFT__SIM_WALL,         /* the wall clock jumps by n microseconds, a signed number */
    WEFT__SIM_SIGNAL,       /* the signal n */
    WEFT__SIM_MAIL,         /* the datagram with serial n */
    WEFT__SIM_JOB_BEGIN,    /* a thread of the pool `from` looks for a job */
    WEFT__SIM_JOB_RUN,      /* the job n of the pool `from` is run ... */
    WEFT__SIM_JOB_END       /* ... and its thread is free again */
} weft__sim_kind;

typedef struct weft__sim_due {
    int64_t at;
    uint64_t tie, serial;   /* the order among those of one time: tie, then serial */
    weft__sim_kind kind;
    int to, from;
    uint64_t n;
} weft__sim_due;

/* A heap ordered by time. Room is reserved where failing is possible, so that pushing is not: `promised`
 * places are kept for those who must not fail later (a close tells the peer). */
typedef struct weft__sim_queue {
    weft__sim_due *items;
    size_t count, room, promised;
} weft__sim_queue;

/* Room for n more beyond what is promised; false: no memory. */
bool weft__sim_queue_reserve(weft__sim_queue *q, size_t n);
void weft__sim_queue_push(weft__sim_queue *q, weft__sim_due due);
/* Takes out the first one, if it is due by then. */
bool weft__sim_queue_pop(weft__sim_queue *q, int64_t until, weft__sim_due *out);
void weft__sim_queue_free(weft__sim_queue *q);
#endif
