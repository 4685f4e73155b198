#ifndef WEFT_SRC_WIRE_UUID_H
#define WEFT_SRC_WIRE_UUID_H
#include "weft/values.h"

/* UUIDs, both ways. RFC 9562, 4. */

/* Read one of the four spellings. NULL, or what is wrong: static text, in which {1}, when it is
 * there, stands for the first of `numbers`, {2} for the second and {c} for `found`. */
typedef struct weft__uuid_fault { const char *msg; int64_t numbers[2]; weft_str found; } weft__uuid_fault;
bool weft__uuid_read(weft_str text, weft_uuid *out, weft__uuid_fault *fault);

/* Puts WEFT_UUID_TEXT - 1 bytes at `to`, no NUL; how many. */
size_t weft__uuid_write(char *to, weft_uuid uuid);
#endif
