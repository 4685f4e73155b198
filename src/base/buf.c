#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"

enum { FIRST_ROOM = 255 };           /* 256 with the spare byte */

/* No room is left from now on, so that smaller pieces do not slip in behind a dropped one. */
static bool fail(weft__buf *b, int code)
{
    b->failed = code;
    b->room = b->len;
    return false;
}

void weft__buf_free(weft__buf *b)
{
    weft__free(b->ptr);
    *b = (weft__buf){ .bytes_max = b->bytes_max };
}

bool weft__buf_grow(weft__buf *b, size_t n)
{
    if (b->failed) return false;
    if (n > b->bytes_max || b->len > b->bytes_max - n) return fail(b, WEFT_ELIMIT);
    size_t need = b->len + n, room = b->room ? b->room : FIRST_ROOM;
    while (room < need && room <= b->bytes_max / 2) room = room * 2 + 1;
    if (room < need || room > b->bytes_max) room = b->bytes_max;
    char *ptr = room + 1 ? weft__realloc(b->ptr, room + 1) : NULL;
    if (!ptr) return fail(b, WEFT_ENOMEM);
    b->ptr = ptr;
    b->room = room;
    return true;
}

void weft__buf_add_int(weft__buf *b, int64_t n)
{
    char digits[20];
    int at = sizeof digits;
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (n < 0) digits[--at] = '-';
    weft__buf_add(b, digits + at, sizeof digits - (size_t)at);
}

void weft__buf_printf(weft__buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) fail(b, WEFT_EINVAL);
    char *to = n > 0 ? weft__buf_reserve(b, (size_t)n) : NULL;
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);    /* the NUL goes into the spare byte */
        b->len += (size_t)n;
    }
    va_end(again);
}
