#ifndef WEFT_SRC_WIRE_FORWARDED_H
#define WEFT_SRC_WIRE_FORWARDED_H
#include "wire/http1.h"
#include "wire/network.h"

/* What proxies tell of the client in headers. Anybody may send them: only what trusted ones say counts, and of a list that is what
 * stands behind the last hop that is not one of them. X-Forwarded-For, -Proto, -Host; or, instead, Forwarded (RFC 7239). */
typedef struct weft__forwarded {
    weft__ip client;
    weft_str host;                   /* of the head's bytes; empty: not told */
    bool told, https, http;          /* a client, a scheme */
} weft__forwarded;

/* From `peer`, who sent the head. Without a trusted peer, or with headers that are none, what is not known is not told. */
weft__forwarded weft__forwarded_read(const weft__http_head *head, weft__ip peer, const weft__network *trusted, int count, bool rfc7239);
#endif
