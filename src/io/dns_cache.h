#ifndef WEFT_SRC_IO_DNS_CACHE_H
#define WEFT_SRC_IO_DNS_CACHE_H
/* Names that a loop has looked up, and those that it is looking up: many who ask for one name share
 * one look-up, which goes on when they have left. Whatever is remembered can be asked of the os
 * again. */
#include "io/stream.h"

/* As weft__resolve_host, for a name. Waits: unless it is remembered. */
int weft__dns_find(weft__loop *loop, const char *host, int port, weft__addr *out, int max,
    int64_t deadline_ns, const char **why);

/* None of its addresses answered: the next one who asks causes a new look-up. Waits: never. */
void weft__dns_forget(weft__loop *loop, const char *host);
#endif
