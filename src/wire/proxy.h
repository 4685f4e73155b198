#ifndef WEFT_SRC_WIRE_PROXY_H
#define WEFT_SRC_WIRE_PROXY_H
#include "wire/network.h"

/* What a balancer says of the client before a connection's first byte: the PROXY protocol, versions 1 (a line) and 2 (binary).
 * https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt  */
typedef struct weft__proxied {
    weft__ip client;                 /* family 0: it says nothing of him (LOCAL, UNKNOWN, a unix socket) */
    uint16_t port;
} weft__proxied;

enum { WEFT__PROXY_BYTES_MAX = 4096 };

/* > 0: how many bytes it takes; 0: more are needed; WEFT_EPROTO: it is none, or more than WEFT__PROXY_BYTES_MAX. Strict: no other
 * spaces, zeros in front or endings than the protocol has. */
int weft__proxy_parse(const char *bytes, size_t n, weft__proxied *out) WEFT_NODISCARD;
#endif
