#ifndef WEFT_SRC_WIRE_CHUNK_H
#define WEFT_SRC_WIRE_CHUNK_H
#include "base/buf.h"
#include "weft/base.h"

/* The chunked transfer coding, RFC 9112, 7.1: a body whose length is not known when it begins.
 * Nothing here allocates or waits. */

/* One body on its way in. {0} is a fresh one, unless the caller has trailers kept, or limits of his own; `fault` and `too_much` are his to
 * read, the rest is not. */
typedef struct weft__chunk {
    uint64_t left;               /* of the chunk; while its size is read, that size so far */
    uint64_t data_bytes, extension_bytes;    /* so far */
    weft__buf *kept;             /* where the trailers' lines are put (trailer.h); NULL: nowhere. Its `failed` is to be looked at at the end */
    unsigned trailer_bytes_max, trailers_max;    /* 0: those below */
    unsigned state, digits, trailer_bytes, trailers;
    bool too_much;               /* refused, as a limit on trailers is passed */
    const char *fault;           /* static text, when refused */
} weft__chunk;

typedef enum weft__chunk_event {
    WEFT__CHUNK_MORE = 0, /* all input is used: more is needed */
    WEFT__CHUNK_DATA = 1, /* *data is a piece of the body, at least one byte */
    WEFT__CHUNK_END = 2   /* the body is complete; what lies behind *used is another message's */
} weft__chunk_event;

enum {
    WEFT__CHUNK_DIGITS_MAX = 15,       /* of a chunk's size: below 2^60 */
    WEFT__CHUNK_EXTENSIONS_MAX = 4096, /* bytes of extensions, beyond one for each byte of data */
    WEFT__CHUNK_TRAILER_BYTES_MAX = 8192, /* of trailer lines */
    WEFT__CHUNK_TRAILERS_MAX = 100
};

/* Decode the next piece. *used tells how much of the input is done with, the piece included; *data
 * points into the input. Call again with what is left until it says MORE or END. After END, {0}
 * makes it fresh.
 *
 * < 0 (WEFT_EPROTO, c->fault is set) when the body is refused: its end is unknown, so answer 400
 * and close. Refused is all that is not exactly: hex digits, no sign, no 0x, no space around them;
 * CRLF; extensions and trailer lines without control characters, and within the limits above.
 * Extensions are checked and dropped, and so are trailers, unless `kept` says where they go: apart from the head, as who
 * merges them into it can be told lies (RFC 9110, 6.5.1).
 *
 * Where the input is cut makes no difference to the bytes, the end and the fault.  */
int weft__chunk_next(
    weft__chunk *c, const char *bytes, size_t len, size_t *used, weft_str *data) WEFT_NODISCARD;

/* What comes before n > 0 bytes of data: "1F4\r\n". Returns its length; after the data comes
 * WEFT__CHUNK_TAIL, and after all chunks WEFT__CHUNK_LAST. */
enum { WEFT__CHUNK_HEAD = 18 };
size_t weft__chunk_head(char out[WEFT__CHUNK_HEAD], uint64_t n);
#define WEFT__CHUNK_TAIL WEFT_S("\r\n")
#define WEFT__CHUNK_LAST WEFT_S("0\r\n\r\n")
#endif
