#include "crypto/base64url.h"

/* 0 to 63; -1 for a byte that is no letter. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    return c == '_' ? 63 : -1;
}

int64_t weft__base64url_read(weft_str text, uint8_t *out)
{
    uint32_t bits = 0;
    uint8_t *to = out;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i]);
        if (value < 0) return WEFT_EINVAL;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4) *to++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    size_t rest = text.len % 4;
    if (rest == 1 || (rest == 2 && bits & 15) || (rest == 3 && bits & 3)) return WEFT_EINVAL;
    return to - out;
}

void weft__base64url_write(weft__buf *out, const void *bytes_, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const uint8_t *bytes = bytes_;
    size_t count = len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
    char *to = len <= SIZE_MAX / 2 ? weft__buf_reserve(out, count) : NULL;
    if (!to) return;
    for (size_t i = 0, n = 0; n < count; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        if (i + 1 < len) bits |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < len) bits |= bytes[i + 2];
        for (int shift = 18; shift >= 0 && n < count; shift -= 6) to[n++] = letters[bits >> shift & 63];
    }
    out->len += count;
}
