#include "wire/proxy.h"
#include <string.h>
#include "wire/bytes.h"

enum { V1_BYTES_MAX = 107, V2_HEAD = 16, V2_IP4 = 12, V2_IP6 = 36, V2_UNIX = 216 };
static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- version 1 ---- */

/* The next word, up to one space or the end. */
static bool word(weft_str *line, weft_str *out)
{
    const char *space = line->len ? memchr(line->ptr, ' ', line->len) : NULL;
    *out = (weft_str){ line->ptr, space ? (size_t)(space - line->ptr) : line->len };
    *line = space ? (weft_str){ space + 1, line->len - out->len - 1 } : (weft_str){ "", 0 };
    return out->len > 0;
}

static bool port_of(weft_str text, uint16_t *out)
{
    if (text.len > 1 && text.ptr[0] == '0') return false;
    int64_t port = weft__decimal(text, 65535);
    if (port < 0) return false;
    *out = (uint16_t)port;
    return true;
}

/* As written: an IPv4 address in IPv6 stays for TCP6. */
static bool address_of(weft_str text, bool v6, weft__ip *out)
{
    bool colons = text.len && memchr(text.ptr, ':', text.len);
    return colons == v6 && text.ptr[0] != '[' && weft__ip_parse(text, out) == 0;
}

static bool line_parse(weft_str line, weft__proxied *out)
{
    weft_str proxy, family, from, to, from_port, to_port;
    weft__ip other;
    uint16_t other_port;
    if (!word(&line, &proxy) || !weft_str_equal(proxy, WEFT_S("PROXY")) || !word(&line, &family)) return false;
    if (weft_str_equal(family, WEFT_S("UNKNOWN"))) return true;      /* whatever follows is to be left out */
    bool v6 = weft_str_equal(family, WEFT_S("TCP6"));
    if (!v6 && !weft_str_equal(family, WEFT_S("TCP4"))) return false;
    if (!word(&line, &from) || !word(&line, &to) || !word(&line, &from_port) || !word(&line, &to_port) || line.len) return false;
    return address_of(from, v6, &out->client) && address_of(to, v6, &other) && port_of(from_port, &out->port) && port_of(to_port, &other_port)
        && to_port.ptr[to_port.len] != ' ';
}

static int parse_1(const char *bytes, size_t n, weft__proxied *out)
{
    static const char begin[] = "PROXY ";
    size_t same = n < sizeof begin - 1 ? n : sizeof begin - 1;
    if (memcmp(bytes, begin, same) != 0) return WEFT_EPROTO;
    const char *end = memchr(bytes, '\n', n < V1_BYTES_MAX ? n : V1_BYTES_MAX);
    if (!end) return n < V1_BYTES_MAX ? 0 : WEFT_EPROTO;
    if (end == bytes || end[-1] != '\r') return WEFT_EPROTO;
    weft__proxied p = { .port = 0 };
    if (!line_parse((weft_str){ bytes, (size_t)(end - 1 - bytes) }, &p)) return WEFT_EPROTO;
    *out = p;
    return (int)(end + 1 - bytes);
}

/* ---- version 2 ---- */

static uint16_t number(const char *at) { return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]); }

static void address_2(weft__proxied *p, const char *at, uint8_t family, size_t width)
{
    weft__ip ip = { .family = family };
    memcpy(ip.bytes, at, width);
    p->client = weft__ip_plain(ip);
    p->port = number(at + 2 * width);
}

/* Families and protocols that are not known say nothing, as the protocol asks for; their length counts. */
static int parse_2(const char *bytes, size_t n, weft__proxied *out)
{
    if (n < V2_HEAD) return 0;
    uint8_t command = (uint8_t)bytes[12], family = (uint8_t)bytes[13];
    size_t length = number(bytes + 14);
    weft__proxied p = { .port = 0 };
    if (command != 0x20 && command != 0x21) return WEFT_EPROTO;
    if (V2_HEAD + length > WEFT__PROXY_BYTES_MAX) return WEFT_EPROTO;
    size_t least = family >> 4 == 1 ? V2_IP4 : family >> 4 == 2 ? V2_IP6 : family >> 4 == 3 ? V2_UNIX : 0;
    if (family >> 4 > 3 || (family & 15) > 2 || (command == 0x21 && length < least)) return WEFT_EPROTO;
    if (n < V2_HEAD + length) return 0;
    if (command == 0x21 && family == 0x11) address_2(&p, bytes + V2_HEAD, WEFT__IP_4, 4);
    if (command == 0x21 && family == 0x21) address_2(&p, bytes + V2_HEAD, WEFT__IP_6, 16);
    *out = p;
    return (int)(V2_HEAD + length);
}

int weft__proxy_parse(const char *bytes, size_t n, weft__proxied *out)
{
    size_t same = n < sizeof signature ? n : sizeof signature;
    if (!n) return 0;
    if (bytes[0] != signature[0]) return parse_1(bytes, n, out);
    if (memcmp(bytes, signature, same) != 0) return WEFT_EPROTO;
    return parse_2(bytes, n, out);
}
