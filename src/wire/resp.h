#ifndef WEFT_SRC_WIRE_RESP_H
#define WEFT_SRC_WIRE_RESP_H
#include "base/buf.h"
#include "weft/base.h"

/* RESP, what Redis speaks: where a value ends among bytes that come in pieces, what it says, and commands. Versions 2 and 3 are
 * read alike. Nothing here waits, and nothing but a command's bytes is allocated.   redis.io/docs/reference/protocol-spec */

enum {
    WEFT__RESP_DEPTH_MAX = 32,       /* lists in lists */
    WEFT__RESP_LINE_MAX = 64 * 1024, /* of a simple text or an error */
    WEFT__RESP_HEAD_MAX = 512        /* of any other line: numbers, lengths */
};

/* ---- where it ends ---- */

/* Between two pieces; zeroed before a value. It holds no bytes and grows with nothing. */
typedef struct weft__resp_scan {
    uint32_t left[WEFT__RESP_DEPTH_MAX + 1];     /* values that are missing at each level; [0]: the one that is read */
    uint32_t depth;
    uint32_t line;                   /* bytes of the line so far, its first among them; 0: between two values */
    uint64_t skip;                   /* bytes of a text that are still to come */
    uint64_t number;                 /* of a line with a length, so far */
    uint8_t ends;                    /* bytes of the end of a line or text that are still to come: 2, 1 */
    uint8_t digits;
    char type;                       /* of the line */
    char first;                      /* the type of the whole value, as '>' or '-'; 0: not known yet */
    bool begun, negative, head;      /* head: the end that comes is a line's, not a text's */
} weft__resp_scan;

/* Go on with the next n bytes: 1 and the value ends behind *used of them; 0: all of them belong to it and more do; WEFT_EPROTO: it
 * is none, with *fault a static text. However the bytes are cut, the result is the same. What lines and numbers hold is
 * weft__resp_next's to judge. */
int weft__resp_scan_on(weft__resp_scan *scan, const char *bytes, size_t n, size_t *used, const char **fault) WEFT_NODISCARD;

/* ---- what it says ---- */

typedef enum {
    WEFT__RESP_NIL, WEFT__RESP_INT, WEFT__RESP_DOUBLE, WEFT__RESP_BOOL, WEFT__RESP_TEXT, WEFT__RESP_ERROR,
    WEFT__RESP_LIST,                 /* `count` values follow: of a list, a set or a push */
    WEFT__RESP_MAP                   /* `count` values follow: a key, its value, ... */
} weft__resp_kind;

/* One step; texts point into the bytes, and two bytes of their own follow them. Big numbers are texts; verbatim texts come without their
 * "txt:". A double may be infinite or NaN. */
typedef struct weft__resp {
    weft__resp_kind kind;
    union { int64_t i; double d; bool b; weft_str s; uint32_t count; };
} weft__resp;

/* The first step of `rest`, bytes in which weft__resp_scan_on has found a whole value, and `rest` moves behind it; attributes are left
 * out. 0, or WEFT_EPROTO with *fault: a number or line that is none. A list's or map's values follow as steps of their own. */
int weft__resp_next(weft_str *rest, weft__resp *out, const char **fault) WEFT_NODISCARD;
/* The same for a whole value, whatever is in it. */
int weft__resp_skip(weft_str *rest, const char **fault) WEFT_NODISCARD;

/* ---- commands ---- */

/* A command is a head with the number of its words, and then those. */
void weft__resp_put_head(weft__buf *to, size_t words);
void weft__resp_put(weft__buf *to, weft_str word);
/* A word in pieces: what is added to the buffer from begin, whose result end wants, to end. */
size_t weft__resp_begin(weft__buf *to);
void weft__resp_end(weft__buf *to, size_t begun);
#endif
