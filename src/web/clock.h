#ifndef WEFT_SRC_WEB_CLOCK_H
#define WEFT_SRC_WEB_CLOCK_H
/* The time of day, in seconds since 1970: of the loop that runs here, in jobs the one of their loop, else the machine's. */
#include "task/loop.h"

int64_t weft__wall_s(void);

/* In s seconds, s >= 0; INT64_MAX when that is past all times. */
static inline int64_t weft__wall_s_in(int64_t s)
{
    int64_t now_s = weft__wall_s();
    return s > INT64_MAX - now_s ? INT64_MAX : now_s + s;
}
#endif
