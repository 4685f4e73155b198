/* How much the whole bodies of a connection may hold together. A client may have a hundred requests at once, each with a body as large as one may be: beyond some
 * megabytes only the oldest of them is given room for more, and the others wait for its end, with what their windows let through. That is no fault of the
 * client: its time does not run meanwhile. The connection's own window is given back at once, so that nobody else waits. */
#include "http/h2_inside.h"

static h2_stream *oldest(const weft__h2 *h)
{
    h2_stream *st = h->first;
    while (st && !st->gathers) st = st->next;
    return st;
}

static bool may_go_on(const h2_stream *st) { return st->h2->kept <= H2_KEPT_MAX || oldest(st->h2) == st; }

static void give_back(h2_stream *st)
{
    if (st->owed && !st->closed && !st->h2->over && !st->h2->lost) (void)nghttp2_session_consume_stream(st->h2->session, st->id, st->owed);
    st->owed = 0;
    weft__h2_mark(st->h2);
}

bool weft__h2_keep(h2_stream *st)
{
    weft__h2 *h = st->h2;
    size_t n = st->in_held;
    st->gathers = true;
    st->kept += n;
    h->kept += n;
    st->owed += n;
    st->in_held = 0;
    if (n && !h->over && !h->lost) (void)nghttp2_session_consume_connection(h->session, n);
    if (n) weft__h2_mark(h);
    if (!may_go_on(st)) return false;
    give_back(st);
    return true;
}

/* Whoever is woken looks for himself. */
static void wake_next(const weft__h2 *h)
{
    for (h2_stream *st = h->first; st; st = st->next)
        if (st->gathers && st->owed && st->reader && may_go_on(st)) weft__wake(st->reader, 0);
}

void weft__h2_gathered(h2_stream *st)
{
    st->gathers = false;
    wake_next(st->h2);
}

void weft__h2_forget_body(h2_stream *st)
{
    weft__h2 *h = st->h2;
    if (!st->kept) return;
    h->kept -= st->kept;
    st->kept = st->owed = 0;
    wake_next(h);
}
