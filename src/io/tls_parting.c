/* The last words of a connection that was closed while its socket was full: without them the peer could not tell its end from
 * one that somebody else made. They have two seconds to go; whoever closed waits for nothing. */
#include <errno.h>
#include "base/mem.h"
#include "io/tls_inside.h"

enum { PATIENCE_MS = 2000, PARTINGS_MAX = 256, BYTES_MAX = 1024 };

struct weft__tls_parting {
    weft__watch watch;
    weft__timer timer;
    weft__tls_parting *next, **at;
    weft__tls_desk *desk;
    int fd;
    uint32_t sent, len;
    char bytes[BYTES_MAX];
};

static void part(weft__tls_parting *p)
{
    weft__loop *loop = p->desk->loop;
    weft__os *os = weft__loop_os(loop);
    weft__timer_stop(loop, &p->timer);
    weft__loop_forget(loop, &p->watch);
    os->ops->close(os, p->fd);
    *p->at = p->next;
    if (p->next) p->next->at = p->at;
    p->desk->parting_count--;
    weft__free(p);
}

static void say_more(weft__watch *w, uint32_t events)
{
    weft__tls_parting *p = (weft__tls_parting *)w;
    weft__os *os = weft__loop_os(p->desk->loop);
    struct iovec iov = { p->bytes + p->sent, p->len - p->sent };
    (void)events;
    ssize_t went = os->ops->send(os, p->fd, &iov, 1);
    if (went > 0) p->sent += (uint32_t)went;
    if ((went < 0 && went != -EAGAIN) || p->sent == p->len) part(p);
}

static void over(weft__timer *t) { part((weft__tls_parting *)((char *)t - offsetof(weft__tls_parting, timer))); }

static bool start(weft__tls_parting *p)
{
    weft__loop *loop = p->desk->loop;
    weft__os *os = weft__loop_os(loop);
    if (weft__timer_start(loop, &p->timer, weft__loop_now(loop) + PATIENCE_MS * 1000000LL) < 0) return false;
    if (os->ops->watch(os, p->fd, &p->watch, WEFT__WATCH_BOTH) == 0) return true;
    weft__timer_stop(loop, &p->timer);
    return false;
}

bool weft__tls_parting_begin(weft__tls_desk *desk, int fd, const char *bytes, uint32_t len)
{
    if (desk->parting_count >= PARTINGS_MAX || len > BYTES_MAX) return false;
    weft__tls_parting *p = weft__calloc(sizeof *p);
    if (!p) return false;
    p->watch.ready = say_more;
    p->timer.fire = over;
    p->desk = desk;
    p->fd = fd;
    p->len = len;
    memcpy(p->bytes, bytes, len);
    if (!start(p)) {
        weft__free(p);
        return false;
    }
    p->next = desk->partings;
    p->at = &desk->partings;
    if (p->next) p->next->at = &p->next;
    desk->partings = p;
    desk->parting_count++;
    return true;
}

void weft__tls_partings_end(weft__tls_desk *desk)
{
    while (desk->partings) part(desk->partings);
}
