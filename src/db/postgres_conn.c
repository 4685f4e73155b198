/* A connection: what the poller tells of it, its results, a cancel, its end. */
#include <openssl/ssl.h>
#include "base/mem.h"
#include "db/postgres.h"
#include "os/borrowed.h"

enum { PART = 64 * 1024, SMALL = 16 * 1024 };

/* ---- watching ---- */

static weft__os *os_of(const weft__pg_conn *c) { return weft__loop_os(c->core->root->loop); }

static void on_ready(weft__watch *watch, uint32_t events);

void weft__pg_unwatch(weft__pg_conn *c)
{
    if (c->fd < 0) return;
    (void)os_of(c)->ops->unwatch(os_of(c), c->fd);
    weft__loop_forget(c->core->root->loop, &c->watch);
    c->fd = -1;
}

void weft__pg_watch(weft__pg_conn *c, weft__watching how)
{
    int fd = PQsocket(c->pg);
    if (fd == c->fd && how == c->how) return;
    c->watch.ready = on_ready;
    c->broken |= fd < 0 || os_of(c)->ops->watch(os_of(c), fd, &c->watch, how) < 0;
    c->fd = fd;
    c->how = how;
}

bool weft__pg_flush(weft__pg_conn *c)
{
    int rc = c->broken ? -1 : PQflush(c->pg);
    if (rc < 0) return c->broken = true, false;
    weft__pg_watch(c, rc ? WEFT__WATCH_LEVEL_BOTH : WEFT__WATCH_LEVEL_IN);
    return !c->broken;
}

/* Behind the results of each statement comes a NULL, and then those of the next: how its rows are to come is said between the two. */
PGresult *weft__pg_result(weft__pg_conn *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->one_by_one) (void)PQsetSingleRowMode(c->pg);
        if (PQisBusy(c->pg)) return NULL;
        PGresult *r = PQgetResult(c->pg);
        if (!r) continue;
        c->reads = 0;
        c->incoming = 0;
        return r;
    }
    return NULL;
}

/* What TLS has taken from the socket and libpq has not, of which no poller tells. */
static bool withheld(const weft__pg_conn *c)
{
    SSL *tls = PQsslStruct(c->pg, "OpenSSL");
    return tls && SSL_pending(tls) > 0;
}

/* All that lies there, but what TLS still waits for the rest of. */
static bool consume_all(weft__pg_conn *c, int fd)
{
    bool fine = PQconsumeInput(c->pg);
    while (fine && (withheld(c) || (fd >= 0 && weft__borrowed_unread(fd)))) fine = PQconsumeInput(c->pg);
    return fine;
}

/* So much is read and no more, whatever comes meanwhile. False: no part can be made of it (its end has come, there is no memory or descriptor), and nothing was read. */
static bool consume_part(weft__pg_conn *c)
{
    weft__borrowed_part part;
    weft__pg_core *core = c->core;
    bool over = false;
    int fd = PQsocket(c->pg);
    if (!core->part && !(core->part = weft__malloc(PART))) return false;
    size_t n = weft__borrowed_peek(fd, core->part, PART);
    if (!n) (void)weft__borrowed_tells(fd, &over);
    if (!n && !withheld(c)) return !over;
    if (over || !weft__borrowed_part_begin(&part, fd, core->part, n)) return false;
    bool fine = weft__borrowed_read(part.real, core->part, n) == n && consume_all(c, fd);
    c->broken |= !weft__borrowed_part_end(&part) || part.left || !fine;
    c->incoming += n;
    return true;
}

/* libpq reads for as long as something comes, into as much room as the message that comes says it needs (1 GB at most). So but for the first time, when it knows of none, it is given a part
 * at a time; where each row is looked at always, elsewhere when there is much. Not where it has something to send itself, which would be taken for part of that; what was read so is counted
 * as far as it is known. */
void weft__pg_consume(weft__pg_conn *c)
{
    size_t unread = c->goes_on ? weft__borrowed_unread(c->fd) : 0;
    bool much = c->one_by_one || c->copying || c->incoming + unread > SMALL, parts = c->goes_on && much && c->how == WEFT__WATCH_LEVEL_IN && !c->this_turn;
    c->goes_on = true;
    c->reads++;
    if (parts && consume_part(c)) return;
    c->incoming += unread;
    c->broken |= !consume_all(c, -1);
}

/* Nobody waits for anything: all that can come is the server's farewell. */
static void idle_ready(weft__pg_conn *c)
{
    PGresult *r = weft__pg_result(c);
    PQclear(r);
    if (!r && !c->broken) return;
    weft__pg_died(c);
}

static void on_ready(weft__watch *watch, uint32_t events)
{
    weft__pg_conn *c = (weft__pg_conn *)((char *)watch - offsetof(weft__pg_conn, watch));
    if (c->opening) {
        weft__pg_open_ready(c);
        return;
    }
    bool sends = c->copying == WEFT__PG_COPIES_IN;
    c->heard |= sends && events & (WEFT__IN | WEFT__HUP);
    if (c->taken ? !c->reader || (c->cancel && !c->copying) : c->cancel && c->reads > WEFT__PG_READS_MAX) {
        weft__pg_unwatch(c);                         /* what nobody takes out of libpq stays with who sent it */
        return;
    }
    if (events & (WEFT__IN | WEFT__HUP) && !sends) weft__pg_consume(c);
    if (events & WEFT__OUT && !sends) (void)weft__pg_flush(c);
    if (c->listener) weft__pg_listen_ready(c);
    else if (c->taken) {
        if (c->broken) weft__pg_unwatch(c);          /* it would be told for ever */
        if (c->reader) weft__wake(c->reader, 0);
    } else if (c->first != c->end) weft__pg_shared_ready(c);
    else idle_ready(c);
}

/* ---- the bound of an end ---- */

void weft__pg_broken(weft__pg_conn *c)
{
    c->broken = true;
    if (c->taken && c->reader) weft__wake(c->reader, 0);
    else if (!c->taken) weft__pg_shared_lost(c);
}

static void on_limit(weft__timer *t)
{
    weft__pg_broken((weft__pg_conn *)((char *)t - offsetof(weft__pg_conn, limit)));
}

void weft__pg_bound(weft__pg_conn *c, int64_t ms)
{
    weft__loop *loop = c->core->root->loop;
    c->limit.fire = on_limit;
    if (!c->limit.place && weft__timer_start(loop, &c->limit, weft__loop_now(loop) + ms * WEFT__PG_MS) < 0) c->broken = true;
}

/* ---- a cancel ---- */

struct weft__pg_cancel {
    weft__job job;
    weft__watch watch;
    weft__pg_conn *conn;             /* NULL: it is gone */
    PGcancel *cancel;
};

static void cancel_free(weft__pg_cancel *k)
{
    PQfreeCancel(k->cancel);
    weft__free(k);
}

/* On a thread: it connects, asks, and waits until the server closes, which it does when the signal is on its way. */
static void cancel_work(weft__job *job)
{
    char why[256];
    weft__pg_cancel *k = (weft__pg_cancel *)((char *)job - offsetof(weft__pg_cancel, job));
    (void)PQcancel(k->cancel, why, sizeof why);      /* one that fails changes nothing: the bound ends it */
}

static void cancel_gone(weft__job *job) { cancel_free((weft__pg_cancel *)((char *)job - offsetof(weft__pg_cancel, job))); }

static void cancel_done(weft__watch *watch, uint32_t events)
{
    weft__pg_cancel *k = (weft__pg_cancel *)((char *)watch - offsetof(weft__pg_cancel, watch));
    weft__pg_conn *c = k->conn;
    (void)events;
    cancel_free(k);
    if (!c) return;
    c->cancel = NULL;
    if (c->taken && c->reader) weft__wake(c->reader, 0);
    else if (!c->taken && c->first == c->end) weft__pg_give(c);
    else if (!c->taken && weft__pg_flush(c)) weft__pg_shared_ready(c);
    else if (!c->taken) weft__pg_broken(c);
}

void weft__pg_stop(weft__pg_conn *c)
{
    weft__os *os = os_of(c);
    c->used = true;                                  /* what we cut is no sign of the server's */
    weft__pg_bound(c, WEFT__PG_DRAIN_MS);
    if (c->cancel || c->broken) return;
    weft__pg_cancel *k = weft__malloc(sizeof *k);
    if (!k) return;
    *k = (weft__pg_cancel){ .job = { .run = cancel_work, .gone = cancel_gone, .cookie = &k->watch }, .watch = { cancel_done }, .conn = c, .cancel = PQgetCancel(c->pg) };
    if (k->cancel && os->ops->jobs->submit(os, c->core->pool, &k->job) == 0) c->cancel = k;
    else cancel_free(k);                             /* it runs to its end, or into the bound */
}

/* ---- the end ---- */

void weft__pg_close(weft__pg_conn *c)
{
    if (!c->pg) return;
    weft__timer_stop(c->core->root->loop, &c->limit);
    weft__timer_stop(c->core->root->loop, &c->patience);
    if (c->cancel) c->cancel->conn = NULL;
    c->cancel = NULL;
    for (; c->first != c->end; c->first++) PQclear(c->sent[c->first & (c->room - 1)].error);
    weft__pg_unwatch(c);
    PQfinish(c->pg);
    weft__free(c->kept);
    weft__free(c->sent);
    *c = (weft__pg_conn){ .core = c->core, .listener = c->listener, .fd = -1 };
}
