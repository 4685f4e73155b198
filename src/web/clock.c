#include "web/clock.h"

int64_t weft__wall_s(void)
{
    weft__loop *loop = weft__loop_here();
    weft__os *os = loop ? weft__loop_os(loop) : NULL;
    return (os ? os->ops->wall_us(os) : weft__os_wall_us()) / 1000000;
}
