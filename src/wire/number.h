#ifndef WEFT_SRC_WIRE_NUMBER_H
#define WEFT_SRC_WIRE_NUMBER_H
#include "weft/base.h"

/* Numbers between text and C, exact both ways: integers are never cut, doubles are read
 * correctly rounded and written as the shortest text that reads back as the same double. Nothing
 * here depends on the locale, waits or allocates. */

/* A number as it was written: (negative ? -1 : 1) * digits * 10^exp10. Past 19 significant
 * digits the rest is dropped: `inexact` says that something other than zeros was. */
typedef struct weft__number {
    weft_str text;
    uint64_t digits;
    int32_t exp10;                   /* kept within about ±2^30 */
    bool negative, inexact;
    bool whole;                      /* digits alone, without a point or an exponent */
} weft__number;

/* Read the longest number of JSON's grammar (RFC 8259, 6) that begins at `at`; where it ends, or
 * NULL when none begins there. What follows the number is not looked at: "01" is a 0, "1.e5" is
 * a 1. */
const char *weft__number_scan(const char *at, const char *end, weft__number *out);

/* Its value as an integer: 0; WEFT_EINVAL when it has a fraction, WEFT_ELIMIT when it does not fit.
 * 1e3 and 1.0 are integers. */
int weft__number_int64(const weft__number *n, int64_t *out) WEFT_NODISCARD;

/* Its value rounded to the nearest double, ties to even; ±infinity when it is too large. */
double weft__number_double(const weft__number *n);

/* The shortest digits that read back as the finite value: |value| = digits * 10^exp10, without
 * zeros at the end; of several the closest. 0 gives 0 and 0. */
typedef struct weft__shortest { uint64_t digits; int exp10; } weft__shortest;
weft__shortest weft__double_shortest(double value);

enum { WEFT__INT_MAX = 20, WEFT__DOUBLE_MAX = 25, WEFT__DOUBLE_PLAIN_MAX = 352 };

/* Each writes to `to`, which has room for WEFT__INT_MAX, _DOUBLE_MAX or _DOUBLE_PLAIN_MAX bytes,
 * and returns how many it wrote, no NUL. The doubles must be finite. The second writes as Python
 * does (62.0, 1e-07, 1e+16), the third without exponent and without ".0" (62, 0.0000001). */
size_t weft__int64_write(char *to, int64_t value);
size_t weft__double_write(char *to, double value);
size_t weft__double_write_plain(char *to, double value);

/* The first 128 bits of 10^k, cut off: what number.c computes with. */
typedef struct weft__pow10 { uint64_t high, low; } weft__pow10;
enum { WEFT__POW10_LOWEST = -342, WEFT__POW10_HIGHEST = 324 };
extern const weft__pow10 weft__pow10_table[];
#endif
