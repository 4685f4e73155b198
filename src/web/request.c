#include "web/request.h"

/* What weft hands out ends in a NUL, and a head's slices do not: each look makes a copy. Without room
 * for it the request fails: the handler takes an empty text for what the client sent. */
static weft_str copy(const weft_request *r, weft_str s)
{
    weft_str out = weft__arena_dup(r->exchange->arena, s);
    if (out.ptr) return out;
    r->exchange->arena->lost = true;
    return (weft_str){ "", 0 };
}

weft_str weft_request_method(const weft_request *r) { return copy(r, r->exchange->head->method); }
weft_str weft_request_path(const weft_request *r) { return copy(r, r->exchange->head->path); }
weft_str weft_request_query(const weft_request *r) { return copy(r, r->exchange->head->query); }

weft_str weft_request_header(const weft_request *r, const char *name)
{
    const weft__http_header *h = weft__http_find(r->exchange->head, weft_str_of(name), NULL);
    return h ? copy(r, h->value) : (weft_str){ NULL, 0 };
}

weft_str weft_request_version(const weft_request *r) { return weft__exchange_version(r->exchange); }

const char *weft_request_scheme(const weft_request *r)
{
    if (r->exchange->forwarded_scheme) return r->exchange->forwarded_scheme;
    return weft__exchange_tls(r->exchange) ? "https" : "http";
}
int weft_request_tls(const weft_request *r, weft_tls_peer *out) { return weft__exchange_tls_peer(r->exchange, out); }
