#include "io/stream.h"

typedef struct lookup { weft__watch watch; weft__fiber *task; bool ended; } lookup;

static void lookup_ended(weft__watch *w, uint32_t events)
{
    (void)events;
    lookup *l = (lookup *)w;
    l->ended = true;
    weft__wake(l->task, 0);
}

/* The look-up lives in the os until it is told off, so that a cancel in the middle leaves nothing
 * behind. */
static int look_up(weft__os *os, const char *host, int port, weft__addr *out, int max,
    int64_t deadline_ns, const char **why)
{
    lookup l = { .watch.ready = lookup_ended, .task = weft__self() };
    weft__resolve *name = os->ops->resolve(os, host, port, &l.watch);
    if (!name) return WEFT_ENOMEM;
    int rc = 0;
    while (rc == 0 && !l.ended) rc = weft__park("a host name", deadline_ns);
    if (rc == 0) rc = os->ops->resolved(name, out, max, why);
    os->ops->resolve_free(os, name);
    return rc;
}

int weft__resolve_host(weft__loop *loop, const char *host, int port, weft__addr *out, int max,
    int64_t deadline_ns, const char **why)
{
    *why = NULL;
    if (max < 1) return WEFT_EINVAL;
    if (weft__addr_parse(weft_str_of(host), port, out) == 0) return 1;
    return look_up(weft__loop_os(loop), host, port, out, max, deadline_ns, why);
}
