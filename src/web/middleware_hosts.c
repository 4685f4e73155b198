/* weft_trusted_hosts: whoever makes URLs of the Host that a client says must know the client's Host. */
#include "web/onion.h"
#include "web/words.h"

static weft_str without_port(weft_str host)
{
    const char *end = host.ptr + host.len, *from = host.len && *host.ptr == '[' ? memchr(host.ptr, ']', host.len) : host.ptr;
    const char *colon = host.len && from ? memchr(from, ':', (size_t)(end - from)) : NULL;
    if (colon) host.len = (size_t)(colon - host.ptr);
    if (host.len && host.ptr[host.len - 1] == '.') host.len--;
    return host;
}

static bool fits(weft_str host, weft_str known)
{
    if (known.ptr[0] != '*') return weft__same_nocase(host, known);
    if (known.len == 1) return true;
    known = (weft_str){ known.ptr + 1, known.len - 1 };          /* ".example.com" */
    if (host.len <= known.len) return false;
    return weft__same_nocase((weft_str){ host.ptr + host.len - known.len, known.len }, known);
}

static int before(const weft_request *request, weft_reply *reply, const void *config)
{
    const weft_trusted_hosts_opts *o = config;
    weft_str host = without_port(weft__request_head(request)->host), rest = weft_str_of(o->hosts), known;
    (void)reply;
    while (weft__word_next(&rest, &known))
        if (fits(host, known)) return 0;
    return weft_fail(400, "Invalid host header");
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_trusted_hosts_opts *o = config;
    weft_str rest = weft_str_of(o->hosts), host;
    if (!rest.len) WEFT__LAYER_FAULT(m, "no .hosts; expected a list like \"example.com, *.example.com\"");
    while (weft__word_next(&rest, &host)) {
        weft_str name = host;
        if (name.ptr[0] == '*' && name.len > 1) name = (weft_str){ name.ptr + 2, name.len - 2 };
        bool star = host.ptr[0] == '*', good = !star || host.len == 1 || (host.ptr[1] == '.' && host.len > 2);
        if (!good || memchr(name.ptr, '*', name.len) != (host.len == 1 && star ? name.ptr : NULL))
            WEFT__LAYER_FAULT(m, "host '%.*s': '*' stands alone, or in front as in *.example.com", WEFT_FMT(host));
        else if (name.ptr[0] != '[' && memchr(name.ptr, ':', name.len))
            WEFT__LAYER_FAULT(m, "host '%.*s': it has no port: a host is trusted on each", WEFT_FMT(host));
        else if (memchr(name.ptr, '/', name.len)) WEFT__LAYER_FAULT(m, "host '%.*s': expected a host alone, without scheme and path", WEFT_FMT(host));
    }
    return 0;
}

const weft__layer_kind weft__trusted_hosts_kind = { .name = "weft_trusted_hosts", .before = before, .make = make };
