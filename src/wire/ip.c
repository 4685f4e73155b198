#include "wire/ip.h"
#include <string.h>
#include "wire/bytes.h"
#include "wire/url.h"

bool weft__ipv4_valid(weft_str text)
{
    if (!text.len) return false;
    const char *at = text.ptr, *end = at + text.len;
    for (int part = 0; part < 4; part++) {
        const char *begin = at;
        while (at < end && weft__byte_is(*at, WEFT__DIGIT)) at++;
        weft_str digits = { begin, (size_t)(at - begin) };
        if (digits.len > 1 && *begin == '0') return false;
        if (weft__decimal(digits, 255) < 0) return false;
        if (part < 3 && (at == end || *at++ != '.')) return false;
    }
    return at == end;
}

bool weft__ipv6_valid(weft_str text)
{
    const char *zone = text.len ? memchr(text.ptr, '%', text.len) : NULL;
    if (zone) {
        size_t before = (size_t)(zone - text.ptr), behind = text.len - before - 1;
        if (!behind || memchr(zone + 1, '%', behind)) return false;
        text.len = before;
    }
    return weft__url_ipv6_valid(text);
}
