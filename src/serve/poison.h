#ifndef WEFT_SRC_SERVE_POISON_H
#define WEFT_SRC_SERVE_POISON_H
/* Requests that have crashed two workers: what a supervisor writes of them, and workers read (os/fleet.h). All times are the monotonic clock's. */
#include "os/fleet.h"

/* A worker crashed in a request of this mark; 0: of none that is known. True: it was the second, and the request is refused from now on, for ten minutes behind the
 * last crash. Wait: never. */
bool weft__poison_blame(weft__fleet_head *head, uint64_t mark, int64_t now_ns);
bool weft__poison_is(const weft__fleet_head *head, uint64_t mark, int64_t now_ns);
#endif
