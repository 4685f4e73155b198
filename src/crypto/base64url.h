#ifndef WEFT_SRC_CRYPTO_BASE64URL_H
#define WEFT_SRC_CRYPTO_BASE64URL_H
#include "base/buf.h"

/* Base64url as tokens have it: RFC 4648, 5, never with '='. One text has one meaning and one meaning one text: bits of the last
 * letter that mean nothing are 0. Waits: never. */

/* Room for what `len` letters may hold. */
static inline size_t weft__base64url_room(size_t len) { return len / 4 * 3 + 3; }

/* How many bytes came out, or WEFT_EINVAL. `out` has weft__base64url_room(text.len) bytes; it may begin where text does. */
int64_t weft__base64url_read(weft_str text, uint8_t *out) WEFT_NODISCARD;

/* Append; past its limit out->failed is set, as always. */
void weft__base64url_write(weft__buf *out, const void *bytes, size_t len);
#endif
