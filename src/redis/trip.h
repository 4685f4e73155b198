#ifndef WEFT_SRC_REDIS_TRIP_H
#define WEFT_SRC_REDIS_TRIP_H
/* What a trip is about, for those who make it (call.c) and who send it on (follow.c). */
#include "redis/inside.h"

typedef struct weft__trip {
    weft_redis *r;                   /* a session, or the root */
    const weft__rasked *asked;
    const char *text, *place;        /* of the first command */
    char sha[41];                    /* of its script, which it is sent as; empty: as it is */
    bool blocks, watches;
    int block_ms;
    int slot;                        /* of its keys */
    bool fresh;                      /* it is the first of its session: nothing has run on that connection */
    weft__rnode *node;               /* it was sent to, and is used meanwhile */
    weft__rnode *asks;               /* who is to be asked this once (ASK); NULL: nobody */
    weft__rnode *moved;              /* who was named last (MOVED): asked even when it seems to be down; NULL: nobody */
    weft_str *ran;                   /* of a batch of which a part was sent away: the replies to what has run, NULL where nothing has */
    uint32_t left;                   /* commands that have not run, when there is `ran` */
    int missing;                     /* as of the call, of trips before */
} weft__trip;

/* Is it several commands that stand each for itself? */
static inline bool weft__trip_is_batch(const weft__trip *t) { return t->asked->steps && !t->asked->atomic; }
/* Does the words' first say this? */
bool weft__redis_begins(weft_str words, const char *with);
/* From now on it is there; NULL: nowhere. */
void weft__trip_aim(weft__trip *t, weft__rnode *node);
/* Behind replies: 1: some say that it belongs elsewhere, it is to be sent there; 0: that is all; or a code. What was learned is kept in any case. */
int weft__trip_follow(weft__trip *t, weft__rcall *call) WEFT_NODISCARD;
/* All replies, those of trips before among them. rc: that of the last trip; returns what the whole is. */
int weft__trip_whole(weft__trip *t, weft__rcall *call, int rc) WEFT_NODISCARD;
#endif
