#ifndef WEFT_SRC_WIRE_DURATION_H
#define WEFT_SRC_WIRE_DURATION_H
#include "weft/values.h"
#include "wire/number.h"

/* Durations, both ways (weft/values.h): ISO 8601 and what pydantic's lax mode takes beside it. A read
 * returns NULL, or what is wrong in pydantic's words, with *out untouched: static text. */
const char *weft__duration_read(weft_str text, weft_duration *out);
const char *weft__duration_of_number(const weft__number *n, weft_duration *out);

/* Puts at most WEFT_DURATION_TEXT - 1 bytes at `to`, no NUL; how many. 0 for INT64_MIN,
 * which is none: no read gives it. */
size_t weft__duration_write(char *to, weft_duration length);
#endif
