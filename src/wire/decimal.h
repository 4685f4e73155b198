#ifndef WEFT_SRC_WIRE_DECIMAL_H
#define WEFT_SRC_WIRE_DECIMAL_H
#include "weft/values.h"

/* Decimal numbers of any length, exact (weft/values.h). */

/* (negative ? -1 : 1) * digits * 10^exp10. No zero stands in front but the only one of 0. */
typedef struct weft__exact {
    bool negative;
    int32_t exp10;
    uint32_t count;
    char digits[WEFT_DECIMAL_DIGITS_MAX];
} weft__exact;

/* Read any spelling. 0; WEFT_EINVAL for text that is no number or past a limit; WEFT_ELIMIT for
 * infinity and NaN. */
int weft__decimal_read(weft_str text, weft__exact *out) WEFT_NODISCARD;

/* Put the one spelling that is written at `to`, which has WEFT__DECIMAL_ROOM bytes, no NUL; how many. */
enum { WEFT__DECIMAL_ROOM = WEFT_DECIMAL_DIGITS_MAX + 16 };
size_t weft__decimal_write(char *to, const weft__exact *d);

int weft__decimal_compare(const weft__exact *a, const weft__exact *b);
bool weft__decimal_is_zero(const weft__exact *d);

/* What a C number means to people: of 0.1, that and not the double's own value. It is finite. */
void weft__decimal_of_bound(long double bound, weft__exact *out);

/* True when d / step is an integer; `step` is not 0 and has at most 20 digits. */
bool weft__decimal_is_multiple(const weft__exact *d, const weft__exact *step);

/* Digits in all, and behind the point, as SQL's NUMERIC counts them; zeros at the end of a fraction count when
 * `trailing`. */
void weft__decimal_count(const weft__exact *d, bool trailing, uint64_t *digits, uint64_t *places);
#endif
