#ifndef WEFT_SRC_WIRE_MULTIPART_H
#define WEFT_SRC_WIRE_MULTIPART_H
#include "weft/base.h"

/* Bodies of several parts: multipart/form-data, RFC 7578, in the form of RFC 2046, 5.1. A parser that
 * bytes are pushed into as they come. Nothing here waits or allocates. */

enum {
    WEFT__BOUNDARY_MAX = 70,         /* RFC 2046, 5.1.1 */
    WEFT__PART_HEAD_MAX = 8192,      /* bytes of the header lines of a part */
    WEFT__PART_HEADERS_MAX = 16,
    WEFT__PREAMBLE_MAX = 4096        /* bytes before the first part, which mean nothing */
};

/* True for a content type multipart/form-data, in any case, whatever its parameters. */
bool weft__multipart_is(weft_str content_type);

/* The boundary that a content type names: a slice of it, or an empty text when there is none that
 * RFC 2046 allows (1 to 70 bytes of its letters, no space at the end) or more than one. */
weft_str weft__multipart_boundary(weft_str content_type);

/* One body on its way in. `fault` is the caller's to read, the rest is not. */
typedef struct weft__multipart {
    unsigned state;
    uint32_t matched;                /* how much of the delimiter the input so far ends with */
    uint32_t delimiter_len, head_len, skipped;
    const char *fault;               /* static text, when refused */
    char delimiter[4 + WEFT__BOUNDARY_MAX];  /* CR LF - - boundary */
    char head[WEFT__PART_HEAD_MAX];
} weft__multipart;

typedef enum weft__multipart_event {
    WEFT__MULTIPART_MORE = 0,        /* all input is used: more is needed */
    WEFT__MULTIPART_PART = 1,        /* a part begins: *data is all of its header lines, each with CR LF */
    WEFT__MULTIPART_DATA = 2,        /* *data is a piece of the part, at least one byte */
    WEFT__MULTIPART_PART_END = 3,
    WEFT__MULTIPART_END = 4          /* no more parts; what follows means nothing, and is not looked at */
} weft__multipart_event;

void weft__multipart_init(weft__multipart *m, weft_str boundary);

/* The next event. *used tells how much of the input is done with; *data points into the input or into
 * *m, and is good until the next call. Call again with what is left until it says MORE or END.
 *
 * < 0 (WEFT_EPROTO, m->fault is set) when the body is refused, which is all that two readers could
 * take apart differently: a line that begins as a delimiter and goes on as none; lines of a head
 * that do not end in CR LF; heads beyond the limit, NUL in them. Input that ends before END is no
 * form: the caller tells.
 *
 * Where the input is cut makes no difference to the events, their bytes and the fault.  */
int weft__multipart_next(weft__multipart *m, const char *bytes, size_t len, size_t *used,
    weft_str *data) WEFT_NODISCARD;

/* One header line of a part. */
typedef struct weft__part_header { weft_str name, value; } weft__part_header;

/* What the head of a part says. Slices of the head; name and filename are still quoted inside:
 * weft__part_text. A filename that was not sent has a NULL pointer, an empty one has not. */
typedef struct weft__part {
    weft_str name, filename;
    bool extended;                   /* the file's name came as filename*: RFC 8187 */
    weft_str content_type;           /* empty: none */
    weft__part_header headers[WEFT__PART_HEADERS_MAX];
    unsigned header_count;
} weft__part;

/* Read a head. 0, or WEFT_EPROTO with *fault: no Content-Disposition or two, one that is not
 * form-data, no name or two, names that are not UTF-8, a Content-Transfer-Encoding that would
 * have to be undone (RFC 7578, 4.7), folded lines, what is no header line, more than 16 of them. Of
 * filename and filename* the first is taken: senders of forms must not use the other (RFC 7578, 4.2),
 * but some do. */
int weft__part_read(weft_str head, weft__part *part, const char **fault) WEFT_NODISCARD;

/* What a name means: \" and \\ are taken as one character each, %22 and its like stay as they are.
 * An extended one is percent-decoded. `out` has room for text.len bytes. Returns how many it wrote, or
 * WEFT_EPROTO for an extended one that is not UTF-8. */
int weft__part_text(weft_str text, bool extended, char *out) WEFT_NODISCARD;
#endif
