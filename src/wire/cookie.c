#include "wire/cookie.h"
#include <string.h>
#include "wire/bytes.h"

static weft_str next_pair(weft__cookies *c)
{
    const char *semicolon = memchr(c->at, ';', (size_t)(c->end - c->at));
    const char *end = semicolon ? semicolon : c->end;
    weft_str pair = { c->at, (size_t)(end - c->at) };
    c->at = semicolon ? semicolon + 1 : c->end;
    return weft__trim(pair);
}

bool weft__cookie_next(weft__cookies *c, weft_str *name, weft_str *value)
{
    weft_str pair = { NULL, 0 };
    while (!pair.len && c->at < c->end) pair = next_pair(c);
    if (!pair.len) return false;
    const char *sign = memchr(pair.ptr, '=', pair.len);
    size_t before = sign ? (size_t)(sign - pair.ptr) : 0, skip = sign ? before + 1 : 0;
    *name = weft__trim((weft_str){ pair.ptr, before });
    *value = weft__trim((weft_str){ pair.ptr + skip, pair.len - skip });
    return true;
}

/* The byte that an octal escape means, whose first digit `at` stands on; its length, 0 for none. */
static size_t octal(const char *at, const char *end, char *byte)
{
    unsigned value = 0;
    size_t n = 0;
    while (n < 3 && at + n < end && at[n] >= '0' && at[n] <= '7' && value * 8 + 7 <= 0377)
        value = value * 8 + (unsigned)(at[n++] - '0');
    *byte = (char)value;
    return n;
}

size_t weft__cookie_unquote(weft_str value, char *out)
{
    if (!weft__cookie_quoted(value)) {
        if (value.len) memmove(out, value.ptr, value.len);
        return value.len;
    }
    const char *at = value.ptr + 1, *end = value.ptr + value.len - 1;
    char *to = out, byte;
    while (at < end) {
        if (*at != '\\' || at + 1 == end) {
            *to++ = *at++;
            continue;
        }
        size_t n = octal(++at, end, &byte);
        *to++ = n ? byte : *at;
        at += n ? n : 1;
    }
    return (size_t)(to - out);
}
