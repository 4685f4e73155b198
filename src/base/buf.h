#ifndef WEFT_SRC_BASE_BUF_H
#define WEFT_SRC_BASE_BUF_H
#include <string.h>
#include "weft/base.h"

/* A growing byte buffer with a limit. Appending never fails on the spot: past bytes_max, or without
 * memory, `failed` becomes the error code, this and all further bytes are dropped until weft__buf_clear,
 * and whoever finishes the buffer looks once. Behind `room` there is one spare byte for a NUL.
 * Owns ptr; weft__buf_free gives it back. */
typedef struct weft__buf {
    char *ptr;
    size_t len, room, bytes_max;
    int failed;                      /* 0, WEFT_ENOMEM, WEFT_ELIMIT; WEFT_EINVAL for a format that cannot be */
} weft__buf;

/* Nothing is allocated until the first byte. */
static inline void weft__buf_init(weft__buf *b, size_t bytes_max) { *b = (weft__buf){ .bytes_max = bytes_max }; }
void weft__buf_free(weft__buf *b);

/* Make room for n more bytes behind len; false (and b->failed set) when that cannot be. */
bool weft__buf_grow(weft__buf *b, size_t n);

/* Room for n more bytes at the returned place, or NULL; none is a place too. Advance b->len by what was used. */
static inline char *weft__buf_reserve(weft__buf *b, size_t n)
{
    if (__builtin_expect(b->room - b->len < (n ? n : 1), 0) && !weft__buf_grow(b, n)) return NULL;
    return b->ptr + b->len;
}

static inline void weft__buf_add(weft__buf *b, const void *bytes, size_t n)
{
    char *to = n ? weft__buf_reserve(b, n) : NULL;
    if (!to) return;
    memcpy(to, bytes, n);
    b->len += n;
}

static inline void weft__buf_add_str(weft__buf *b, weft_str s) { weft__buf_add(b, s.ptr, s.len); }
#define weft__buf_lit(b, literal) weft__buf_add((b), "" literal, sizeof(literal) - 1)

static inline void weft__buf_add_char(weft__buf *b, char c)
{
    char *to = weft__buf_reserve(b, 1);
    if (!to) return;
    *to = c;
    b->len++;
}

void weft__buf_add_int(weft__buf *b, int64_t n);
void weft__buf_printf(weft__buf *b, const char *fmt, ...) WEFT_PRINTF(2, 3);

/* Forget the bytes, keep the room. */
static inline void weft__buf_clear(weft__buf *b) { b->len = 0; b->failed = 0; }
static inline weft_str weft__buf_str(const weft__buf *b) { return (weft_str){ b->ptr ? b->ptr : "", b->len }; }
#endif
