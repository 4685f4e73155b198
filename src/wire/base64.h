#ifndef WEFT_SRC_WIRE_BASE64_H
#define WEFT_SRC_WIRE_BASE64_H
#include "base/buf.h"
#include "weft/base.h"

/* Base64, RFC 4648: section 4 written; 4 and 5 read, with or without '=' at the end. */

/* Room for what `len` characters may hold. */
static inline size_t weft__base64_room(size_t len) { return len / 4 * 3 + 3; }

/* Decode into `out`, which has weft__base64_room(text.len) bytes. Returns how many came out, or
 * WEFT_EINVAL with *msg: static text, in which {1} and {2} stand for `numbers`. One text has one
 * meaning: bits of the last character that mean nothing must be 0. */
int64_t weft__base64_read(
    weft_str text, uint8_t *out, const char **msg, int64_t numbers[2]) WEFT_NODISCARD;

/* Append; past its limit out->failed is set, as always. */
void weft__base64_write(weft__buf *out, const uint8_t *bytes, size_t len);
#endif
