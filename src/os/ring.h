#ifndef WEFT_SRC_OS_RING_H
#define WEFT_SRC_OS_RING_H
/* Messages from one process to all that look: a ring in memory that they share. One writes; each reader has its own
 * place, and neither waits for the other. Whoever is overtaken is told how many he lost, and goes on with what comes.
 * A writer that dies in the middle of a message has not written it; who writes next in the same ring goes on behind
 * what was whole. Memory of zeros is an empty ring. */
#include "base/buf.h"

enum { WEFT__RING_ROOM = 1 << 20, WEFT__RING_MESSAGE_MAX = 64 * 1024 };

typedef struct weft__ring {
    uint64_t claimed;                /* bytes ever written, with what is being written now */
    uint64_t written, count;         /* bytes and messages that are whole */
    _Alignas(64) char bytes[WEFT__RING_ROOM];
} weft__ring;

typedef struct weft__ring_reader { uint64_t at, seen; } weft__ring_reader;

/* Of its one writer. 0; WEFT_ELIMIT: more than WEFT__RING_MESSAGE_MAX bytes. Waits: never. */
int weft__ring_write(weft__ring *r, uint32_t topic, weft_str message) WEFT_NODISCARD;

/* A reader of what comes from now on. */
void weft__ring_join(const weft__ring *r, weft__ring_reader *me);
/* The next message, in `to`, which is emptied before: 1; 0: none yet; WEFT_ENOMEM, and it is lost. *lost: how many came before it that cannot be had any more; those may
 * be told with 0, too. Waits: never. */
int weft__ring_read(const weft__ring *r, weft__ring_reader *me, weft__buf *to, uint32_t *topic, uint64_t *lost) WEFT_NODISCARD;
#endif
