#include "http/line.h"

void weft__line_again(weft__loop *loop, weft__line *line, int64_t at_ns)
{
    line->runs = weft__timer_start(loop, &line->timer, at_ns) == 0;
}

void weft__line_append(weft__line *line, weft__due *d)
{
    d->behind = NULL;
    d->before = line->last;
    if (line->last) line->last->behind = d;
    else line->first = d;
    line->last = d;
}

bool weft__line_add(weft__loop *loop, weft__line *line, weft__due *d, int ms)
{
    d->at_ns = weft__loop_now(loop) + (int64_t)ms * 1000000;
    weft__line_append(line, d);
    if (__builtin_expect(!line->runs, 0)) weft__line_again(loop, line, line->first->at_ns);
    return line->runs;
}

void weft__line_remove(weft__line *line, weft__due *d)
{
    if (d->before) d->before->behind = d->behind;
    else line->first = d->behind;
    if (d->behind) d->behind->before = d->before;
    else line->last = d->before;
}
