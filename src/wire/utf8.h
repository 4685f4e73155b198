#ifndef WEFT_SRC_WIRE_UTF8_H
#define WEFT_SRC_WIRE_UTF8_H
#include "weft/base.h"

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates (U+D800..U+DFFF), nothing above
 * U+10FFFF. NUL is a character like any other. None of these waits or allocates. */

/* How many bytes at the start of `bytes` are whole, valid characters: `len` when all are. */
size_t weft__utf8_prefix(const char *bytes, size_t len);

/* True when all of it is valid; the empty text is. */
bool weft__utf8_valid(const char *bytes, size_t len);

/* True when the `len` bytes, 1 to 3, are the beginning of a valid character that lacks its end:
 * what may be left over after weft__utf8_prefix when text arrives in pieces. */
bool weft__utf8_partial(const char *bytes, size_t len);

/* How many characters (code points) valid text has. */
size_t weft__utf8_count(const char *bytes, size_t len);
#endif
