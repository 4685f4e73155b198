#include "wire/network.h"
#include <arpa/inet.h>
#include <string.h>
#include "wire/bytes.h"
#include "wire/ip.h"

enum { TEXT_BYTES = 46 };

weft__ip weft__ip_plain(weft__ip ip)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (ip.family != WEFT__IP_6 || memcmp(ip.bytes, mapped, sizeof mapped) != 0) return ip;
    weft__ip v4 = { .family = WEFT__IP_4 };
    memcpy(v4.bytes, ip.bytes + 12, 4);
    return v4;
}

int weft__ip_parse(weft_str text, weft__ip *out)
{
    weft__ip ip = { .family = WEFT__IP_NONE };
    char copy[TEXT_BYTES];
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') text = (weft_str){ text.ptr + 1, text.len - 2 };
    else if (weft__ipv4_valid(text)) ip.family = WEFT__IP_4;
    if (!ip.family && text.len && !memchr(text.ptr, '%', text.len) && weft__ipv6_valid(text)) ip.family = WEFT__IP_6;
    if (!ip.family || text.len >= sizeof copy) return WEFT_EINVAL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (inet_pton(ip.family == WEFT__IP_4 ? AF_INET : AF_INET6, copy, ip.bytes) != 1) return WEFT_EINVAL;
    *out = weft__ip_plain(ip);
    return 0;
}

/* ---- networks ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0) return false;
    return !rest || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool is_zero_behind(const weft__network *n)
{
    static const uint8_t none[16];
    uint8_t all[16];
    unsigned width = n->at.family == WEFT__IP_4 ? 32 : 128;
    for (unsigned i = 0; i < width / 8; i++) all[i] = i * 8 >= n->bits ? n->at.bytes[i] : 0;
    if (n->bits % 8) all[n->bits / 8] = n->at.bytes[n->bits / 8] & (uint8_t)(0xff >> n->bits % 8);
    return memcmp(all, none, width / 8) == 0;
}

static bool network_parse(weft_str text, weft__network *out)
{
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    weft_str ip = { text.ptr, slash ? (size_t)(slash - text.ptr) : text.len };
    *out = (weft__network){ .bits = 0 };
    if (weft_str_equal(text, WEFT_S("unix"))) return true;
    if (weft__ip_parse(ip, &out->at) < 0) return false;
    int64_t width = out->at.family == WEFT__IP_4 ? 32 : 128, bits = width;
    if (slash) bits = weft__decimal((weft_str){ slash + 1, text.len - ip.len - 1 }, (uint64_t)width);
    if (bits < 0) return false;
    out->bits = (uint8_t)bits;
    return is_zero_behind(out);
}

static weft_str trimmed(weft_str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) s.ptr++, s.len--;
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
    return s;
}

int weft__networks_parse(weft_str list, weft__network out[WEFT__NETWORKS_MAX], weft_str *wrong)
{
    int count = 0;
    while (list.len) {
        const char *comma = memchr(list.ptr, ',', list.len);
        weft_str one = { list.ptr, comma ? (size_t)(comma - list.ptr) : list.len };
        list = comma ? (weft_str){ comma + 1, list.len - one.len - 1 } : (weft_str){ "", 0 };
        *wrong = trimmed(one);
        if (count == WEFT__NETWORKS_MAX) return WEFT_ELIMIT;
        if (!network_parse(*wrong, &out[count])) return WEFT_EINVAL;
        count++;
    }
    return count;
}

bool weft__networks_have(const weft__network *all, int count, const weft__ip *ip)
{
    for (int i = 0; i < count; i++)
        if (all[i].at.family == ip->family && same_bits(all[i].at.bytes, ip->bytes, all[i].bits)) return true;
    return false;
}
