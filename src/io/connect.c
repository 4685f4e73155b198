/* One connection to a host of several addresses (RFC 8305, 5): they are tried in order, the next
 * one as soon as the last has failed or 250 ms after it began, and the first that answers stays.
 * The task waits for all of them in one park; whatever way it leaves, each descriptor but the
 * winner's is closed.  */
#include <errno.h>
#include "io/dns_cache.h"

static const int64_t STAGGER_NS = 250 * 1000000LL;

typedef struct race race;
typedef struct attempt { weft__watch watch; race *race; int fd; bool told; } attempt;
struct race {
    weft__os *os;
    weft__loop *loop;
    weft__fiber *task;
    const weft__addr *addrs;
    attempt tries[WEFT__ADDRS_MAX];
    int count, begun, open;
    int failure;                     /* to report when none answers */
    int64_t next_ns;                 /* when another one may begin although none has failed */
};

static void attempt_told(weft__watch *w, uint32_t events)
{
    (void)events;
    attempt *a = (attempt *)w;
    a->told = true;
    weft__wake(a->race->task, 0);
}

/* A machine without IPv6 says so for half of the addresses: what the others said tells more. */
static bool says_little(int rc)
{
    return rc == 0 || rc == -ENETUNREACH || rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT;
}

static void attempt_failed(race *r, int rc)
{
    if (says_little(r->failure)) r->failure = rc;
    r->next_ns = weft__loop_now(r->loop);
}

static void attempt_close(race *r, attempt *a)
{
    if (a->fd < 0) return;
    r->os->ops->close(r->os, a->fd);
    a->fd = -1;
    r->open--;
}

static void attempt_begin(race *r)
{
    attempt *a = &r->tries[r->begun];
    int fd = r->os->ops->connect(r->os, &r->addrs[r->begun]);
    *a = (attempt){ .watch.ready = attempt_told, .race = r, .fd = fd };
    r->begun++;
    r->next_ns = weft__loop_now(r->loop) + STAGGER_NS;
    if (fd < 0) {
        attempt_failed(r, fd);
        return;
    }
    r->open++;
    int rc = r->os->ops->watch(r->os, fd, &a->watch, WEFT__WATCH_BOTH);
    if (rc == 0) return;
    attempt_close(r, a);
    attempt_failed(r, rc);
}

/* Look at those that were told of: the winner, or NULL. */
static attempt *race_look(race *r)
{
    for (attempt *a = r->tries; a < r->tries + r->begun; a++) {
        if (a->fd < 0 || !a->told) continue;
        a->told = false;
        int rc = r->os->ops->connect_result(r->os, a->fd);
        if (rc == 0) return a;
        attempt_close(r, a);
        attempt_failed(r, rc);
    }
    return NULL;
}

static bool may_begin(const race *r)
{
    return r->begun < r->count && (!r->open || weft__loop_now(r->loop) >= r->next_ns);
}

/* 0 with the winner, or a code. */
static int race_run(race *r, int64_t deadline_ns, attempt **winner)
{
    for (;;) {
        while (may_begin(r)) attempt_begin(r);
        if (!r->open) return r->failure;
        bool more = r->begun < r->count && r->next_ns < deadline_ns;
        int rc = weft__park("a connection", more ? r->next_ns : deadline_ns);
        bool next = rc == WEFT_ETIMEDOUT && more && may_begin(r) && !weft__cancelled();
        if (rc < 0 && !next) return rc;
        *winner = race_look(r);
        if (*winner) return 0;
    }
}

static int connect_any(weft__stream *s, weft__loop *loop, const weft__addr *addrs, int count,
    int64_t deadline_ns)
{
    race r = { .os = weft__loop_os(loop), .loop = loop, .task = weft__self() };
    r.addrs = addrs;
    r.count = count;
    attempt *winner = NULL;
    int rc = race_run(&r, deadline_ns, &winner), fd = -1;
    if (winner) {
        fd = winner->fd;
        winner->fd = -1;
    }
    for (int i = 0; i < r.begun; i++) attempt_close(&r, &r.tries[i]);
    return rc < 0 ? rc : weft__stream_open(s, loop, fd);
}

int weft__stream_connect_host(weft__stream *s, weft__loop *loop, const char *host, int port,
    int64_t deadline_ns, const char **why)
{
    weft__addr addrs[WEFT__ADDRS_MAX];
    int n = weft__resolve_host(loop, host, port, addrs, WEFT__ADDRS_MAX, deadline_ns, why);
    if (n < 0) return n;
    int rc = n == 1 ? weft__stream_connect(s, loop, addrs, deadline_ns)
                    : connect_any(s, loop, addrs, n, deadline_ns);
    if (rc < 0 && rc != WEFT_ECANCELED) weft__dns_forget(loop, host);
    return rc;
}
