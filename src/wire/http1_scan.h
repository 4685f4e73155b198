#ifndef WEFT_SRC_WIRE_HTTP1_SCAN_H
#define WEFT_SRC_WIRE_HTTP1_SCAN_H
#include "wire/bytes.h"

/* Scanners: each returns the first byte at or after `at` that does not belong, or `end`. `start` is
 * the start of the whole input: a tail shorter than a vector is read as the last 16 bytes before
 * `end`, so that no byte outside the input is touched. The _plain forms are the portable ones; with
 * SSE2, 16 bytes go at a time. Both give the same answer on every input.  */

#define WEFT__INLINE static inline __attribute__((always_inline))

static inline const char *weft__scan_class_plain(const char *at, const char *end, unsigned class)
{
    while (at < end && weft__byte_is(*at, class)) at++;
    return at;
}

/* Stops at '?' too. */
static inline const char *weft__scan_path_plain(const char *at, const char *end)
{
    while (at < end && *at != '?' && weft__byte_is(*at, WEFT__TARGET)) at++;
    return at;
}

#if defined __SSE2__ && !defined WEFT__NO_SIMD
#include <emmintrin.h>

/* 0xFF where low <= x <= high, unsigned. */
WEFT__INLINE __m128i weft__between(__m128i x, unsigned char low, unsigned char high)
{
    __m128i above = _mm_sub_epi8(x, _mm_set1_epi8((char)low));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8((char)(high - low))), above);
}

WEFT__INLINE __m128i weft__is(__m128i x, char c) { return _mm_cmpeq_epi8(x, _mm_set1_epi8(c)); }

/* Letters, digits and '-': what nearly all names are made of. */
WEFT__INLINE __m128i weft__fits_name(__m128i x)
{
    __m128i letter = weft__between(_mm_or_si128(x, _mm_set1_epi8(32)), 'a', 'z');
    return _mm_or_si128(_mm_or_si128(letter, weft__between(x, '0', '9')), weft__is(x, '-'));
}

WEFT__INLINE __m128i weft__fits_text(__m128i x)
{
    __m128i high = weft__between(x, 0x20, 0xFF);
    return _mm_or_si128(_mm_andnot_si128(weft__is(x, 0x7F), high), weft__is(x, '\t'));
}

WEFT__INLINE __m128i weft__fits_target(__m128i x)
{
    return _mm_andnot_si128(weft__is(x, '#'), weft__between(x, 0x21, 0x7E));
}

WEFT__INLINE __m128i weft__fits_path(__m128i x)
{
    return _mm_andnot_si128(weft__is(x, '?'), weft__fits_target(x));
}

typedef __m128i weft__fits_fn(__m128i);

/* The first byte that does not fit, or `end`; `at` itself when there are fewer than 16 bytes in
 * all. */
WEFT__INLINE const char *weft__skip(
    const char *start, const char *at, const char *end, weft__fits_fn *fits)
{
    if (end - start < 16) return at;
    for (; end - at >= 16; at += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)at);
        unsigned stops = (unsigned)_mm_movemask_epi8(fits(x)) ^ 0xFFFF;
        if (stops) return at + __builtin_ctz(stops);
    }
    __m128i x = _mm_loadu_si128((const __m128i *)(end - 16));
    unsigned stops = ((unsigned)_mm_movemask_epi8(fits(x)) ^ 0xFFFF) >> (16 - (end - at));
    return stops ? at + __builtin_ctz(stops) : end;
}
#define WEFT__SKIP(start, at, end, fits) weft__skip(start, at, end, fits)
#else
#define WEFT__SKIP(start, at, end, fits) ((void)(start), (at))
#endif

/* What the vectors have skipped belongs; the plain scan goes on from there and has the last word:
 * over short inputs, and over the bytes of rare names ('_', '!'...) that do not fit the vector's
 * class. */
static inline const char *weft__scan_name(const char *start, const char *at, const char *end)
{
    at = WEFT__SKIP(start, at, end, weft__fits_name);
    return weft__scan_class_plain(at, end, WEFT__TOKEN);
}

static inline const char *weft__scan_text(const char *start, const char *at, const char *end)
{
    at = WEFT__SKIP(start, at, end, weft__fits_text);
    return weft__scan_class_plain(at, end, WEFT__TEXT);
}

static inline const char *weft__scan_target(const char *start, const char *at, const char *end)
{
    at = WEFT__SKIP(start, at, end, weft__fits_target);
    return weft__scan_class_plain(at, end, WEFT__TARGET);
}

static inline const char *weft__scan_path(const char *start, const char *at, const char *end)
{
    at = WEFT__SKIP(start, at, end, weft__fits_path);
    return weft__scan_path_plain(at, end);
}
#endif
