#ifndef WEFT_SRC_MODEL_PATTERN_H
#define WEFT_SRC_MODEL_PATTERN_H
#include "weft/base.h"

/* Regular expressions of declarations (PCRE2, UTF-8; \d, \w and \s are ASCII; $ is the very
 * end). Each distinct pattern is compiled once and kept for the life of the process, found by
 * its text: as many as the program declares. Any thread may use them at any time. A search is
 * bounded: WEFT__PATTERN_STEPS_MAX steps and WEFT__PATTERN_STEPS_PER_BYTE more for each byte of the
 * text, all places where a match may begin taken together, and WEFT__PATTERN_HEAP_KIB of memory. A
 * step is an item of the pattern that is tried, or WEFT__PATTERN_STEP_BYTES gone on or back. */
enum {
    WEFT__PATTERN_STEPS_MAX = 100000,
    WEFT__PATTERN_STEPS_PER_BYTE = 16,
    WEFT__PATTERN_STEP_BYTES = 8,
    WEFT__PATTERN_HEAP_KIB = 1024
};

/* Whether the pattern, a string that stays where it is, occurs in the text, which is valid
 * UTF-8: 1 or 0. WEFT_ELIMIT when the search costs more than the bounds, WEFT_EINVAL when the
 * pattern does not compile, WEFT_ENOMEM. */
int weft__pattern_search(const char *pattern, weft_str text) WEFT_NODISCARD;

/* Why the pattern does not compile, with the place, in `why`: WEFT_EINVAL; 0 when it does.
 * WEFT_ENOMEM. */
int weft__pattern_check(const char *pattern, char *why, size_t why_size) WEFT_NODISCARD;

/* Give all of them back; see weft__model_forget. */
void weft__pattern_forget(void);
#endif
