/* Which of a cluster's 16 384 slots a command belongs to: the CRC16 of its key, or of what stands in its braces.
 * redis.io/docs/reference/cluster-spec */
#include <string.h>
#include <strings.h>
#include "redis/inside.h"

/* XMODEM: x^16 + x^12 + x^5 + 1, from zero. */
static uint16_t crc16(const char *bytes, size_t n)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint16_t)((uint8_t)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

int weft__slot_of(weft_str key)
{
    const char *open = key.len ? memchr(key.ptr, '{', key.len) : NULL;
    const char *close = open ? memchr(open, '}', key.len - (size_t)(open - key.ptr)) : NULL;
    if (close && close > open + 1) key = (weft_str){ open + 1, (size_t)(close - open) - 1 };
    return crc16(key.ptr, key.len) % WEFT__SLOTS_ALL;
}

/* A written command's word, counted from its name; false: it has not so many. */
static bool word_at(weft_str written, uint32_t at, weft_str *out)
{
    weft__resp step;
    const char *fault;
    if (weft__resp_next(&written, &step, &fault) < 0 || step.count <= at) return false;
    for (uint32_t i = 0; i <= at; i++)
        if (weft__resp_next(&written, &step, &fault) < 0) return false;
    *out = step.s;
    return true;
}

static bool is_zero(weft_str count) { return count.len == 1 && *count.ptr == '0'; }

static bool key_behind_streams(weft_str written, weft_str *out)
{
    for (uint32_t i = 1; word_at(written, i, out); i++)
        if (out->len == 7 && strncasecmp(out->ptr, "STREAMS", 7) == 0) return word_at(written, i + 1, out);
    return false;
}

int weft__slot_of_command(weft_str written, weft__rkey where)
{
    weft_str key;
    bool found = false;
    switch (where) {
    case WEFT__RKEY_NONE: break;
    case WEFT__RKEY_FIRST: found = word_at(written, 1, &key); break;
    case WEFT__RKEY_SECOND: found = word_at(written, 2, &key); break;
    case WEFT__RKEY_COUNTED: found = word_at(written, 1, &key) && !is_zero(key) && word_at(written, 2, &key); break;
    case WEFT__RKEY_COUNTED_LATE: found = word_at(written, 2, &key) && !is_zero(key) && word_at(written, 3, &key); break;
    case WEFT__RKEY_STREAMS: found = key_behind_streams(written, &key); break;
    }
    return found ? weft__slot_of(key) : WEFT__SLOT_ANY;
}
