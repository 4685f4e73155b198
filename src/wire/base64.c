#include "wire/base64.h"

/* 0 to 63; -1 for a character that is none of the alphabet. */
static int value_of(char c, bool url)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == (url ? '-' : '+')) return 62;
    return c == (url ? '_' : '/') ? 63 : -1;
}

static bool is_url_alphabet(weft_str text)
{
    return text.len && !memchr(text.ptr, '+', text.len) && !memchr(text.ptr, '/', text.len);
}

static int64_t refuse(const char **msg, int64_t numbers[2], const char *why, int64_t a, int64_t b)
{
    *msg = why;
    numbers[0] = a;
    numbers[1] = b;
    return WEFT_EINVAL;
}

static int64_t refuse_symbol(const char **msg, int64_t numbers[2], weft_str text, size_t at)
{
    return refuse(
        msg, numbers, "Invalid symbol {1}, offset {2}.", (unsigned char)text.ptr[at], (int64_t)at);
}

int64_t weft__base64_read(weft_str text, uint8_t *out, const char **msg, int64_t numbers[2])
{
    bool url = is_url_alphabet(text);
    size_t len = text.len;
    while (len && text.ptr[len - 1] == '=') len--;
    uint32_t bits = 0;
    uint8_t *to = out;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text.ptr[i], url);
        if (value < 0) return refuse_symbol(msg, numbers, text, i);
        bits = bits << 6 | (uint32_t)value;
        if (i % 4) *to++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    /* A group of two characters is one byte and up to two '=', of three two bytes and one '='. */
    size_t rest = len % 4, padding = text.len - len;
    if (padding > (rest < 2 ? 0 : 4 - rest)) return refuse_symbol(msg, numbers, text, len);
    if (rest == 1) return refuse(msg, numbers, "Invalid input length: {1}", (int64_t)len, 0);
    if (rest && bits & (rest == 2 ? 15 : 3))
        return refuse(msg, numbers, "Invalid last symbol {1}, offset {2}.",
            (unsigned char)text.ptr[len - 1], (int64_t)len - 1);
    return to - out;
}

void weft__base64_write(weft__buf *out, const uint8_t *bytes, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = len <= SIZE_MAX / 2 ? weft__buf_reserve(out, (len + 2) / 3 * 4) : NULL;
    if (!to) return;
    for (size_t i = 0; i < len; i += 3, to += 4) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        if (n > 1) bits |= (uint32_t)bytes[i + 1] << 8;
        if (n > 2) bits |= bytes[i + 2];
        to[0] = letters[bits >> 18];
        to[1] = letters[bits >> 12 & 63];
        to[2] = n > 1 ? letters[bits >> 6 & 63] : '=';
        to[3] = n > 2 ? letters[bits & 63] : '=';
        out->len += 4;
    }
}
