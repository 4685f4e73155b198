#ifndef WEFT_SRC_WIRE_JSON_H
#define WEFT_SRC_WIRE_JSON_H
#include "base/buf.h"
#include "weft/base.h"

/* The tokens of JSON (RFC 8259), bytes in and bytes out: no tree is built. Reading is strict:
 * UTF-8 only and without a byte order mark, no lone surrogates, no NaN, no comments, no trailing
 * commas, at most WEFT__JSON_DEPTH_MAX arrays and objects in each other. Nothing here waits;
 * only the buffer allocates. */

enum { WEFT__JSON_DEPTH_MAX = 64 };

/* A text that is being read: at <= end. The first error stays, in the words of Python's json
 * module where that has words for it. */
typedef struct weft__json_in {
    const char *at, *end, *start;
    const char *error, *error_at;    /* NULL while nothing is wrong */
} weft__json_in;

static inline weft__json_in weft__json_open(weft_str text)
{
    const char *start = text.len ? text.ptr : "";
    return (weft__json_in){ .at = start, .end = start + text.len, .start = start };
}

/* Notes the error, unless there is one already; returns false. */
bool weft__json_fail(weft__json_in *in, const char *error, const char *at) WEFT__COLD;

/* How many characters (not bytes) lie before the error: what Python calls its pos. */
size_t weft__json_error_position(const weft__json_in *in);

/* Past the white space at `at`; the byte that stands there then, or 0 at the end (a NUL byte in
 * the text is no token either). */
static inline unsigned char weft__json_peek(weft__json_in *in)
{
    const char *at = in->at;
    for (; at < in->end; at++) {
        if ((unsigned char)*at > ' ') break;
        if (*at != ' ' && *at != '\n' && *at != '\r' && *at != '\t') break;
    }
    in->at = at;
    return at < in->end ? (unsigned char)*at : 0;
}

/* A string as it stands between its quotes, checked. */
typedef struct weft__json_string {
    weft_str raw;
    bool escaped;                    /* it has escapes: weft__json_unescape tells what it means */
    bool wide;                       /* it has bytes above ASCII */
} weft__json_string;

/* Read the string whose opening quote `at` stands on; past its closing quote when it returns
 * true. */
bool weft__json_string_read(weft__json_in *in, weft__json_string *out) WEFT_NODISCARD;

/* What a checked string means, in UTF-8: never longer than it is written, so `to` has room for
 * raw.len bytes (it may be raw.ptr). Returns how many it wrote, no NUL; `*nul` becomes true when
 * a \u0000 is among them. */
size_t weft__json_unescape(weft_str raw, char *to, bool *nul);

/* The literal (null, true or false) that `at` stands on; false and the error "Expecting value"
 * when it is not there. */
bool weft__json_literal(weft__json_in *in, const char *literal, size_t len) WEFT_NODISCARD;

/* Past one value of any kind at `at`, inside `depth` arrays and objects; checks everything but
 * that keys are distinct. Needs no more stack for deep values than for flat ones. */
bool weft__json_skip(weft__json_in *in, unsigned depth) WEFT_NODISCARD;

/* True when the text is one JSON value, with white space around it or not. */
bool weft__json_valid(weft_str text);

/* The first byte that is no plain character of a string: a quote, a backslash, a control
 * character, or above ASCII. `end` when there is none. The second is the same in portable C. */
const char *weft__json_plain_end(const char *at, const char *end);
const char *weft__json_plain_end_portable(const char *at, const char *end);

/* Add `text` in quotes, escaping what must be; false, and nothing added, when it is not UTF-8. */
bool weft__json_add_text(weft__buf *out, weft_str text) WEFT_NODISCARD;

/* The same for text of any bytes: what is not UTF-8 becomes U+FFFD. */
void weft__json_add_text_lossy(weft__buf *out, weft_str text);
#endif
