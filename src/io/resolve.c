#include "io/dns_cache.h"

int weft__resolve_host(weft__loop *loop, const char *host, int port, weft__addr *out, int max,
    int64_t deadline_ns, const char **why)
{
    *why = NULL;
    if (max < 1) return WEFT_EINVAL;
    if (weft__addr_parse(weft_str_of(host), port, out) == 0) return 1;
    if (port < 0 || port > 65535) {
        *why = "the port is not in 0 to 65535";
        return WEFT_EDNS;
    }
    return weft__dns_find(loop, host, port, out, max, deadline_ns, why);
}
