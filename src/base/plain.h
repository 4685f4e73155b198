#ifndef WEFT_SRC_BASE_PLAIN_H
#define WEFT_SRC_BASE_PLAIN_H
#include "weft/base.h"

/* Text from anywhere, as a terminal or a log may show it: what is not printable, in ASCII or by UTF-8's C1 controls (which
 * drive terminals too), is written as "\x1b", and so is what is no UTF-8; an end of line as "\n", unless `lines`.
 *
 * Takes from *text as much as finds room in `to`, whole characters, and leaves the rest there. Returns how many bytes were
 * written; a NUL follows them. `room` is at least 1; less than WEFT__PLAIN_ROOM may take nothing. Waits: never. */
enum { WEFT__PLAIN_ROOM = 5 };
size_t weft__plain(weft_str *text, char *to, size_t room, bool lines);
#endif
