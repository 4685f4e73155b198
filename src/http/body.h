#ifndef WEFT_SRC_HTTP_BODY_H
#define WEFT_SRC_HTTP_BODY_H
/* A body on its way in, given away piece by piece out of one buffer of bounded size. Knows no
 * socket: whoever reads one asks for room, puts the bytes there, and feeds them. */
#include "wire/chunk.h"
#include "wire/http1.h"

typedef struct weft__body {
    weft__http_body kind;
    weft__chunk chunk;        /* before any bytes come, its trailers may be told to go to: */
    weft__buf trailers;
    uint64_t left;            /* of a body with a length: what has not come yet */
    uint64_t came, bytes_max; /* of the body, decoded: so far, and at most */
    char *in;                 /* `room` bytes and one for a NUL */
    size_t room, room_max;
    size_t start, len; /* decoded and not given yet: from start to len */
    size_t lent_at;    /* of the byte that a NUL stands in for, behind what was given last */
    char lent;
    bool ended;    /* all of it has come */
    bool over;     /* there is more of it than bytes_max */
    bool filled;   /* the last bytes filled all the room there was */
    bool dropping; /* what comes is counted, and not kept */
} weft__body;

enum { WEFT__BODY_ROOM = 64 * 1024 };

/* length: of a body with one. room_max: how much is read ahead, at most. Nothing is allocated yet.
 */
void weft__body_init(weft__body *b, weft__http_body kind, int64_t length, size_t room_max);
void weft__body_free(weft__body *b);

/* Decode what came: the n bytes are where weft__body_room said, or elsewhere while it has room for
 * as many. How many of them were used: all, unless the body has ended, or is refused
 * (b->chunk.fault) or too long (b->over). Both are to be told when what came before them has been
 * given. */
size_t weft__body_feed(weft__body *b, const char *bytes, size_t n);

/* Where the next bytes go, and how many: `want` (at least 1) when room_max and memory allow it, at least one; for a body with a
 * length none that are not its own. NULL: no memory, or room_max bytes wait to be given. */
char *weft__body_room(weft__body *b, size_t want, size_t *n);

/* Room for n bytes from elsewhere, before any have come. False: no memory. */
bool weft__body_reserve(weft__body *b, size_t n);

static inline size_t weft__body_have(const weft__body *b) { return b->len - b->start; }

/* The byte that was lent comes back: before anything else is done with the buffer. */
void weft__body_take_back(weft__body *b);

/* The next n bytes, with a NUL behind them, good until weft__body_take_back; `skip` more are taken
 * out. */
weft_str weft__body_give(weft__body *b, size_t n, size_t skip);

/* The first line that is there whole, or (`last`: nothing more is to come) the rest: 1; 0: more is
 * needed; WEFT_ELIMIT: it has more than line_max bytes, and stays. *seen is how many bytes need not
 * be looked at again, 0 at first. */
int weft__body_line(weft__body *b, size_t line_max, bool last, size_t *seen, weft_str *out);
#endif
