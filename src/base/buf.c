#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"

enum { FIRST_ROOM = 256 };

void weft__buf_free(weft__buf *b)
{
    weft__free(b->ptr);
    *b = (weft__buf){ .bytes_max = b->bytes_max };
}

bool weft__buf_grow(weft__buf *b, size_t n)
{
    if (b->failed) return false;
    if (n > b->bytes_max || b->len > b->bytes_max - n) {
        b->failed = WEFT_ELIMIT;
        return false;
    }
    size_t room = b->room ? b->room : FIRST_ROOM;
    while (room < b->len + n) room *= 2;
    if (room > b->bytes_max) room = b->bytes_max;
    char *ptr = weft__realloc(b->ptr, room);
    if (!ptr) {
        b->failed = WEFT_ENOMEM;
        return false;
    }
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
    char *to = n < 0 ? NULL : weft__buf_reserve(b, (size_t)n + 1);    /* vsnprintf writes a NUL behind */
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}
