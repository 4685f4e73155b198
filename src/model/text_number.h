#ifndef WEFT_SRC_MODEL_TEXT_NUMBER_H
#define WEFT_SRC_MODEL_TEXT_NUMBER_H
#include "base/arena.h"

/* Numbers as people write them into forms and addresses: with white space around, a plus sign,
 * leading zeros and underscores between digits. Waits: never. */

enum { WEFT__TEXT_INT_MAX = 4300 };                /* Python's limit on the digits of an int */

/* [+-] digits, one underscore allowed between two of them, then perhaps ".000". 0; WEFT_EINVAL
 * for other text; WEFT_ELIMIT for an integer that does not fit, with *negative telling which end
 * it passed. */
int weft__text_int64(weft_str text, int64_t *out, bool *negative) WEFT_NODISCARD;

/* Also 1. and .5 and 1e5; infinity and NaN are stored as such. WEFT_EINVAL for other text,
 * WEFT_ENOMEM or WEFT_ELIMIT when the arena, used for unusual spellings, gave out. */
int weft__text_double(weft_str text, double *out, weft_arena *arena) WEFT_NODISCARD;
#endif
