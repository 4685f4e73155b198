/* The connections of a database: who gets one, who waits, which are opened and closed. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"

enum { BUSY_AT = 8, TICK_MS = 1000, MADE_MAX = 64 << 20 };

static int64_t now_of(const weft__pg_core *c) { return weft__loop_now(c->root->loop); }
static bool available(const weft__pg_conn *c) { return c->open && !c->broken && !c->taken && !c->cancel; }

bool weft__pg_reads(const weft__query *q)
{
    if (q->lease) return q->lease->reads;
    return q->statement && q->statement->parsed.reads && q->what <= WEFT__DO_EACH;
}

bool weft__pg_holds_up(const weft_db *root, const weft__lease *l, const weft__query *q)
{
    (void)root;
    return weft__pg_reads(q) || !l->reads;
}

/* ---- giving ---- */

void weft__pg_tell(weft__query *q)
{
    q->told = true;
    q->state = WEFT__PG_OVER;
    weft__wake(q->fiber, 0);
}

void weft__pg_refuse(weft__query_queue *from, int rc)
{
    for (weft__query *q; (q = from->first);) {
        weft__query_remove(q);
        q->rc = rc;
        weft__pg_tell(q);
    }
}

static void hand(weft__pg_conn *c, weft__query *q)
{
    weft__query_remove(q);
    c->taken = true;
    c->reserved = false;
    q->lane = c;
    q->state = WEFT__PG_GIVEN;
    q->told = true;
    weft__wake(q->fiber, 0);
}

static weft__pg_conn *idle_one(weft__pg_core *core)
{
    for (int i = 0; i < weft__pg_room(core); i++)
        if (available(&core->conns[i]) && core->conns[i].first == core->conns[i].end && !core->conns[i].reserved) return &core->conns[i];
    return NULL;
}

/* The one with the least to do, that nobody waits to have alone. */
static weft__pg_conn *least_busy(weft__pg_core *core)
{
    weft__pg_conn *best = NULL;
    for (int i = 0; i < weft__pg_room(core); i++) {
        weft__pg_conn *c = &core->conns[i];
        if (available(c) && !c->reserved && c->shared < WEFT__PG_SHARED_MAX && (!best || c->shared < best->shared)) best = c;
    }
    return best;
}

/* Those of one turn stay together, up to some. */
static weft__pg_conn *for_shared(weft__pg_core *core)
{
    weft__pg_conn *last = &core->conns[core->sticky];
    if (available(last) && !last->reserved && last->this_turn && last->this_turn < WEFT__PG_TURN_MAX && last->shared < WEFT__PG_SHARED_MAX) return last;
    weft__pg_conn *c = least_busy(core);
    if (c) core->sticky = (int)(c - core->conns);
    return c;
}

static void give_shared(weft__pg_core *core, uint64_t before)
{
    weft__pg_conn *c;
    for (weft__query *q; (q = core->shared.first) && q->seq < before && (c = for_shared(core));) {
        weft__query_remove(q);
        if (weft__pg_shared_send(c, q)) continue;
        q->alone = true;                             /* where it is told what is wrong with it */
        weft__pg_tell(q);
        if (c->broken) weft__pg_broken(c);
    }
}

/* Each that waits for one alone has one in view: idle, or one that gets nothing more until it is. */
static void give_alone(weft__pg_core *core)
{
    for (int i = 0; i < weft__pg_room(core); i++) core->conns[i].reserved = false;
    for (weft__query *q = core->alone.first, *next; q; q = next) {
        next = q->next;
        weft__pg_conn *c = idle_one(core);
        if (c && core->shared.first && core->shared.first->seq < q->seq) {
            give_shared(core, q->seq);
            if (q->queue != &core->alone) {          /* a connection that was lost meanwhile had all looked at: it has one */
                next = core->alone.first;
                continue;
            }
            c = idle_one(core);
        }
        if (c) {
            hand(c, q);
            continue;
        }
        c = least_busy(core);
        if (!c) return;
        c->reserved = true;
    }
}

/* ---- opening ---- */

static void open_one(weft__pg_core *core)
{
    for (int i = 0; i < weft__pg_room(core); i++) {
        weft__pg_conn *c = &core->conns[i];
        if (c->pg || c->opening) continue;
        core->opening++;
        weft__pg_open(c);
        return;
    }
}

static int count_open(const weft__pg_core *core)
{
    int n = 0;
    for (int i = 0; i < weft__pg_room(core); i++) n += core->conns[i].open;
    return n;
}

/* Connections that are wanted now and not on their way. */
static bool wants_more(weft__pg_core *core)
{
    if (core->away || core->closing || (now_of(core) < core->no_more_until_ns && count_open(core))) return false;
    const weft__pg_conn *least = least_busy(core);
    int waiting = core->alone.count + (core->shared.first != NULL);
    if (waiting > core->opening) return true;
    return !core->opening && least && least->shared >= BUSY_AT;
}

static void open_wanted(weft__pg_core *core)
{
    for (int n = count_open(core) + core->opening; n < weft__pg_room(core) && wants_more(core); n++) open_one(core);
}

void weft__pg_dispatch(weft__pg_core *core)
{
    give_alone(core);
    give_shared(core, UINT64_MAX);
    open_wanted(core);
}

static void refuse_away(weft__query_queue *from, const char *why)
{
    for (weft__query *q = from->first; q; q = q->next) weft__buf_printf(&q->fault, "the database cannot be reached: %s", why);
    weft__pg_refuse(from, WEFT_EDB_AWAY);
}

static void on_retry(weft__timer *t)
{
    weft__pg_core *core = (weft__pg_core *)((char *)t - offsetof(weft__pg_core, retry));
    if (!core->closing && !core->opening && !count_open(core)) open_one(core);
}

static void retry_later(weft__pg_core *core)
{
    int64_t wait_ns = weft__db_backoff_ns(core->root->loop, core->failures++);
    core->retry.fire = on_retry;
    weft__timer_stop(core->root->loop, &core->retry);
    if (weft__timer_start(core->root->loop, &core->retry, weft__loop_clock(core->root->loop) + wait_ns) < 0) core->away = false;    /* the next query tries */
}

static void none_to_be_had(weft__pg_core *core, const char *why)
{
    core->no_more_until_ns = now_of(core) + WEFT__DB_BACKOFF_MAX_NS;
    if (count_open(core) || core->opening) return;   /* what there is goes on; who waits too long is told */
    core->away = true;
    weft__buf_clear(&core->why);
    weft__buf_printf(&core->why, "%s", why);
    refuse_away(&core->alone, why);
    refuse_away(&core->shared, why);
    if (!core->closing) retry_later(core);
}

void weft__pg_unopened(weft__pg_conn *c, const char *why)
{
    c->core->opening--;
    none_to_be_had(c->core, why);
}

void weft__pg_used(weft__pg_conn *c)
{
    c->used = true;
    c->core->failures = 0;
}

/* One that is closed there before it was of any use is as good as one that could not be opened: a pooler without a server takes a login and closes, and would be dialled
 * anew for each call that waits. What broke here (no memory) is no sign of that. */
void weft__pg_died(weft__pg_conn *c)
{
    weft__pg_core *core = c->core;
    bool newborn = c->open && !c->used && PQstatus(c->pg) == CONNECTION_BAD && now_of(core) - c->opened_ns < WEFT__DB_BACKOFF_MAX_NS;
    weft__pg_close(c);
    if (newborn && !core->closing) none_to_be_had(core, "it closes each connection before it has answered anything");
    weft__pg_dispatch(core);
}

static int64_t lifetime_ns(weft__pg_core *core)
{
    weft__os *os = weft__loop_os(core->root->loop);
    int64_t ms = core->root->opts.lifetime_ms;
    return ms < 0 ? INT64_MAX : now_of(core) + (ms - ms / 10 + (int64_t)(os->ops->random(os) % (uint64_t)(ms / 5 + 1))) * WEFT__PG_MS;
}

/* Those that have lived long, or had nothing to do for long; of these one stays. */
static void on_tick(weft__timer *t)
{
    weft__pg_core *core = (weft__pg_core *)((char *)t - offsetof(weft__pg_core, tick));
    int64_t now = now_of(core), idle = core->root->opts.idle_ms * WEFT__PG_MS;
    for (int i = 0; i < weft__pg_room(core); i++) {
        weft__pg_conn *c = &core->conns[i];
        if (!available(c) || c->first != c->end || c->reserved) continue;
        if (now > c->until_ns || (idle > 0 && now - c->free_ns > idle && count_open(core) > 1)) weft__pg_close(c);
    }
    weft__pg_dispatch(core);                         /* one more could not be opened a while ago, perhaps */
    if (count_open(core)) (void)weft__timer_start(core->root->loop, t, now + TICK_MS * WEFT__PG_MS);
}

void weft__pg_opened(weft__pg_conn *c)
{
    weft__pg_core *core = c->core;
    core->opening--;
    core->away = false;
    c->open = true;
    c->opened_ns = now_of(core);
    c->until_ns = lifetime_ns(core);
    c->free_ns = now_of(core);
    core->tick.fire = on_tick;
    if (!core->tick.place) (void)weft__timer_start(core->root->loop, &core->tick, now_of(core) + TICK_MS * WEFT__PG_MS);
    weft__pg_dispatch(core);
}

/* ---- back ---- */

/* What is in a transaction still would be somebody else's next. */
static bool is_clean(const weft__pg_conn *c)
{
    return !c->broken && PQstatus(c->pg) == CONNECTION_OK && PQtransactionStatus(c->pg) == PQTRANS_IDLE && PQpipelineStatus(c->pg) == PQ_PIPELINE_ON;
}

void weft__pg_give(weft__pg_conn *c)
{
    weft__pg_core *core = c->core;
    c->taken = c->saved = false;
    c->reader = NULL;
    if (!c->cancel) weft__timer_stop(core->root->loop, &c->limit);
    c->free_ns = now_of(core);
    if (c->broken || PQstatus(c->pg) != CONNECTION_OK) {
        weft__pg_died(c);
        return;
    }
    if (!is_clean(c) || c->free_ns > c->until_ns) weft__pg_close(c);
    else weft__pg_watch(c, WEFT__WATCH_LEVEL_IN);
    weft__pg_dispatch(core);
}

/* ---- waiting ---- */

static int64_t until(int64_t from, int ms) { return ms < 0 ? INT64_MAX : from + (int64_t)ms * WEFT__PG_MS; }

static int missed(const weft__pg_core *core, const weft__waited *w)
{
    if (core->opening && !count_open(core)) {
        int rc = weft__fail(w->q->place, WEFT_EDB_AWAY, "the database cannot be reached: connecting takes longer than %d ms; for: %.*s", core->root->opts.acquire_ms,
            WEFT__PG_SHOWN, w->q->text);
        weft__retry_after(rc);
        return rc;
    }
    return weft__lease_missed(w, "connection");
}

static void queue_up(weft__pg_core *core, weft__query_queue *queue, weft__query *q)
{
    q->told = false;
    q->state = WEFT__PG_WAITS;
    q->seq = ++core->queued;
    q->lane = NULL;
    weft__query_add(queue, q);
}

static bool fails_at_once(weft__pg_core *core, weft__query *q)
{
    if (!core->away) return false;
    weft__buf_printf(&q->fault, "the database cannot be reached: %.*s", WEFT_FMT(weft__buf_str(&core->why)));
    q->rc = WEFT_EDB_AWAY;
    return true;
}

/* Run again while the database closes: nobody opens a connection for it any more. */
static bool comes_too_late(const weft__pg_core *core, weft__query *q)
{
    if (!core->closing || weft__query_must_run(q)) return false;
    q->rc = WEFT_ECLOSED;
    return true;
}

int weft__pg_take(weft_db *root, weft__query *q)
{
    weft__pg_core *core = weft__pg_core_of(root);
    weft__waited w = weft__waited_of(root, q, weft__pg_holds_up);
    int64_t free_by = q->what == WEFT__DO_OPEN ? INT64_MAX : until(now_of(core), root->opts.acquire_ms);     /* one that is run again has waited for none before */
    if (fails_at_once(core, q) || comes_too_late(core, q)) return weft__query_failed(root, q);
    q->rc = 0;
    queue_up(core, &core->alone, q);
    weft__pg_dispatch(core);
    while (!q->told) {
        int rc = weft__scope_effective(q->fiber->scope) ? WEFT_ECANCELED
            : weft__park_undelivered("a database", &w.held, free_by);
        if (q->told || rc == 0) continue;
        weft__query_remove(q);
        return rc == WEFT__DEADLINE ? missed(core, &w) : rc == WEFT_ENOMEM ? weft__fail(q->place, rc, "no memory to wait for a connection") : weft__deliver(q->fiber, rc);
    }
    return q->rc < 0 ? weft__query_failed(root, q) : 0;
}

/* 0: told. Else why the wait has ended, with the query nowhere any more. */
static int leave(weft__query *q)
{
    if (q->state == WEFT__PG_WAITS) weft__query_remove(q);
    else if (q->state == WEFT__PG_SENT) weft__pg_shared_leave(q);
    return 0;
}

int weft__pg_share(weft_db *root, weft__query *q)
{
    weft__pg_core *core = weft__pg_core_of(root);
    weft__waited w = weft__waited_of(root, q, weft__pg_holds_up);
    int64_t free_by = until(q->from_ns, root->opts.acquire_ms), done_by = until(q->from_ns, root->opts.statement_ms);
    if (fails_at_once(core, q)) return 0;
    queue_up(core, &core->shared, q);
    core->dirty = true;
    while (!q->told) {
        int64_t by = q->state == WEFT__PG_WAITS && free_by < done_by ? free_by : done_by;
        int rc = weft__scope_effective(q->fiber->scope) ? WEFT_ECANCELED : weft__park_undelivered("a database", &w.held, by);
        if (q->told || rc == 0) continue;
        if (rc == WEFT__DEADLINE && q->state == WEFT__PG_SENT && by < done_by) continue;
        bool waited = q->state == WEFT__PG_WAITS;
        leave(q);
        if (rc == WEFT__DEADLINE) return waited ? missed(core, &w) : weft__query_late(root, q);
        return rc == WEFT_ENOMEM ? weft__fail(q->place, rc, "no memory to wait for a connection") : weft__deliver(q->fiber, rc);
    }
    return q->alone ? 1 : 0;
}
