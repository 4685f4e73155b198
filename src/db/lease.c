/* Who has a connection for himself, what is said to those who wait for one, and how a query's failure is told. */
#include <string.h>
#include "db/engine.h"
#include "task/job.h"

enum { SHOWN = 300, MS = 1000000, HOLDERS_SHOWN = 4, STATEMENT_SHOWN = 60 };

/* ---- life ---- */

void weft__lease_begins(weft_db *root, weft__lease *l)
{
    l->held = true;
    l->since_ns = weft__loop_now(root->loop);
    l->prev = NULL;
    l->next = root->leases;
    if (l->next) l->next->prev = l;
    root->leases = l;
}

void weft__lease_ends(weft_db *root, weft__lease *l)
{
    if (!l->held) return;
    l->held = false;
    *(l->prev ? &l->prev->next : &root->leases) = l->next;
    if (l->next) l->next->prev = l->prev;
}

void weft__lease_follows(weft_db *root, weft__query *q)
{
    weft__lease *l = q->lease;
    if (!l) return;
    if (q->held) weft__lease_begins(root, l);
    bool rows_over = l->rows && (q->what == WEFT__DO_MORE || q->what == WEFT__DO_ROWS) && (q->rc < 0 || q->rows->over);
    if ((q->ends || rows_over) && l->held) weft__lease_ends(root, l);
}

/* ---- queries without one ---- */

static bool is_named_by_lease(const weft__query *q) { return q->lease && !q->takes; }

void weft__query_runs(weft_db *root, weft__query *q)
{
    if (is_named_by_lease(q)) return;
    q->later = NULL;
    q->earlier = root->runs_last;
    *(q->earlier ? &q->earlier->later : &root->runs) = q;
    root->runs_last = q;
}

void weft__query_ran(weft_db *root, weft__query *q)
{
    if (is_named_by_lease(q)) return;
    *(q->earlier ? &q->earlier->later : &root->runs) = q->later;
    *(q->later ? &q->later->earlier : &root->runs_last) = q->earlier;
}

/* ---- who has them ---- */

static weft_task *holder(const weft__held *held, int i)
{
    const weft__waited *w = (const weft__waited *)held;
    for (const weft__lease *l = w->root->leases; l; l = l->next) {
        if (l->rows || l == w->q->lease || !w->holds_up(w->root, l, w->q)) continue;
        if (i-- == 0) return l->fiber->task;
    }
    return NULL;
}

weft__waited weft__waited_of(const weft_db *root, const weft__query *q, bool (*holds_up)(const weft_db *, const weft__lease *, const weft__query *))
{
    return (weft__waited){ { "a connection of", root->url, holder }, q, root, holds_up };
}

static weft_rows *rows_of(const weft__lease *l) { return (weft_rows *)((uintptr_t)l - offsetof(weft_rows, lease)); }
static const char *held_for(const weft__lease *l) { return !l->rows ? "a transaction begun" : rows_of(l)->copy ? "a COPY begun" : "rows begun"; }

static void name_one(const weft__waited *w, int n, const char *task, const char *label, const char *is, const char *place, int64_t since_ns, weft__buf *to)
{
    weft__buf_printf(to, "%s %s%s%s%s has one for %s at %s, for %lld ms", n ? "," : ":", task, label ? " (" : "", label ? label : "", label ? ")" : "", is, place,
        (long long)((weft__loop_clock(w->root->loop) - since_ns) / MS));
}

/* Those that have one for several statements first: who has forgotten to end his is more often to blame. */
static void name_holders(const weft__waited *w, weft__buf *to)
{
    int n = 0;
    for (const weft__lease *l = w->root->leases; l && n <= HOLDERS_SHOWN; l = l->next) {
        if (!w->holds_up(w->root, l, w->q)) continue;
        if (n < HOLDERS_SHOWN) name_one(w, n, l->task, l->label, held_for(l), l->place, l->since_ns, to);
        n++;
    }
    for (const weft__query *q = w->root->runs; q && n <= HOLDERS_SHOWN; q = q->later) {
        if (q == w->q || !w->root->engine->at_work(w->root, q, w->q)) continue;
        if (n < HOLDERS_SHOWN) {
            name_one(w, n, weft_task_name(q->fiber->task), weft__task_label_near(q->fiber), "the statement", q->place, q->from_ns, to);
            weft__buf_printf(to, " (%.*s)", STATEMENT_SHOWN, q->text);
        }
        n++;
    }
    if (n > HOLDERS_SHOWN) weft__buf_lit(to, ", and others");
    if (!n) weft__buf_lit(to, ": all are at work for others");
}

int weft__lease_missed(const weft__waited *w, const char *what)
{
    weft__buf who;
    weft__buf_init(&who, 4096);
    name_holders(w, &who);
    weft__buf_add_char(&who, 0);
    int rc = weft__fail(w->q->place, WEFT_EDB_BUSY, "no %s became free within %d ms%s; for: %.*s", what, w->root->opts.acquire_ms, who.ptr ? who.ptr : "", SHOWN, w->q->text);
    weft__buf_free(&who);
    weft__retry_after(rc);
    return rc;
}

const weft__lease *weft__lease_own(const weft__waited *w, int most)
{
    int mine = 0;
    const weft__lease *last = NULL;
    for (const weft__lease *l = w->root->leases; l; l = l->next) {
        if (l->fiber != w->q->fiber || l->serial != w->q->fiber->serial || !w->holds_up(w->root, l, w->q)) continue;
        mine++;
        last = l;
    }
    return mine >= most ? last : NULL;
}

int weft__lease_own_failed(const weft__query *q, const weft__lease *own)
{
    return weft__fail(q->place, WEFT_EDEADLK, "this task has the connection itself, for %s at %s, which has to end first%s: %.*s",
        held_for(own), own->place, own->rows ? "" : " (or is to be used for it)", SHOWN, q->text);
}

/* ---- the end of the database ---- */

static weft_db *transaction_of(weft__lease *l) { return (weft_db *)((char *)l - offsetof(weft_db, lease)); }
static bool *busy_of(weft__lease *l) { return l->rows ? &rows_of(l)->busy : &transaction_of(l)->busy; }

static void last_trip(weft_db *root, weft__query *q)
{
    q->begin_to = -1;
    q->text = root->url;
    q->place = WEFT__HERE;
    weft__buf_init(&q->fault, 1024);
    root->engine->run(root, q);
    weft__buf_free(&q->fault);
}

/* While it is busy its block is not left: it is there when the wait is over. */
static void end_lease(weft_db *root, weft__lease *l)
{
    *busy_of(l) = true;
    if (l->rows) {
        weft_rows *r = rows_of(l);
        r->failed = WEFT_ECLOSED;
        last_trip(root, &(weft__query){ .what = WEFT__DO_ROWS_END, .rows = r, .lease = l, .ends = true });
        r->over = true;
        r->at = r->buffer.len;
        weft__db_idle(&r->busy, &r->leaving);
        return;
    }
    weft_db *tx = transaction_of(l);
    weft__rows_end_from(tx, 0);
    last_trip(root, &(weft__query){ .what = WEFT__DO_ROLLBACK, .lease = l, .ends = true });
    tx->ended = true;
    weft__db_idle(&tx->busy, &tx->leaving);
}

void weft__lease_end_first(weft_db *root)
{
    if (*busy_of(root->leases)) weft__step_aside(weft__self());      /* its task comes from a wait, and goes on */
    else end_lease(root, root->leases);
}

/* ---- failures ---- */

void weft__retry_after(int rc)
{
    weft__record *r = weft__record_here(rc);
    if (r && !r->headers.len) weft__buf_lit(&r->headers, "Retry-After: 1\r\n");
}

int64_t weft__db_backoff_ns(weft__loop *loop, int failures)
{
    weft__os *os = weft__loop_os(loop);
    int64_t ns = 50000000;
    for (int i = 0; i < failures && ns < WEFT__DB_BACKOFF_MAX_NS; i++) ns *= 2;
    if (ns > WEFT__DB_BACKOFF_MAX_NS) ns = WEFT__DB_BACKOFF_MAX_NS;
    return ns / 2 + (int64_t)(os->ops->random(os) % (uint64_t)(ns / 2 + 1));
}

int weft__query_late(const weft_db *root, const weft__query *q)
{
    return weft__fail(q->place, WEFT_ETIMEDOUT, "not done within %d ms: %.*s", root->opts.statement_ms, SHOWN, q->text);
}

int weft__query_failed(const weft_db *root, const weft__query *q)
{
    int rc = q->rc;
    if (rc == WEFT_ETIMEDOUT && !q->fault.len) return weft__query_late(root, q);
    if (rc == WEFT_ECANCELED) return weft__deliver(q->fiber, rc);
    if (rc == WEFT_ECLOSED) return weft__fail(q->place, rc, "the database was closed: %.*s", SHOWN, q->text);
    if (rc == WEFT_ENOMEM && !q->fault.len) return weft__fail(q->place, rc, "no memory or no thread: %.*s", SHOWN, q->text);
    rc = weft__fail(q->place, rc, "%.*s: %.*s", WEFT_FMT(weft__buf_str(&q->fault)), SHOWN, q->text);
    if (rc == WEFT_EDB_BUSY || rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST) weft__retry_after(rc);
    return rc;
}
