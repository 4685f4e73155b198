/* Reads of many tasks on one connection. Those of a turn of the loop go out together, with one Sync behind them: one write, and one transaction on the
 * server. So nothing of them counts before the Sync is answered, and when one fails all that were with it are run again, each alone. */
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"

/* A batch that takes longer than this has something slow in it. */
static const int64_t SLOW_NS = 25000000, SLOW_EACH_NS = 250000;

static uint32_t behind(const weft__pg_conn *c, uint32_t i) { return i & (c->room - 1); }

/* ---- what is sent ---- */

static bool room_for(weft__pg_conn *c, uint32_t n)
{
    uint32_t used = c->end - c->first, room = c->room ? c->room : 64;
    while (room - used < n) room *= 2;
    if (room == c->room) return true;
    weft__pg_sent *more = weft__malloc(room * sizeof *more);
    if (!more) return false;
    for (uint32_t i = 0; i < used; i++) more[(c->first + i) & (room - 1)] = c->sent[behind(c, c->first + i)];
    weft__free(c->sent);
    c->sent = more;
    c->room = room;
    return true;
}

static void note(weft__pg_conn *c, weft__pg_sent s) { c->sent[behind(c, c->end++)] = s; }

static bool send_prepare(weft__pg_conn *c, const weft__statement *st)
{
    char name[32], drop[48];
    uint64_t *kept = &c->kept[st->slot];
    if (*kept == st->id) return true;
    if (*kept) {
        snprintf(drop, sizeof drop, "DEALLOCATE %s", weft__pg_name(name, *kept));
        if (!PQsendQueryParams(c->pg, drop, 0, NULL, NULL, NULL, NULL, 1)) return false;
        note(c, (weft__pg_sent){ .what = WEFT__PG_DROP });
    }
    *kept = 0;
    if (!PQsendPrepare(c->pg, weft__pg_name(name, st->id), st->parsed.sql.ptr, 0, NULL)) return false;
    note(c, (weft__pg_sent){ .what = WEFT__PG_PREPARE, .slot = st->slot, .id = st->id });
    *kept = st->id;
    return true;
}

/* False: nothing of it was sent, and it is to be run alone, where it is said what is wrong; or the connection is broken. */
bool weft__pg_shared_send(weft__pg_conn *c, weft__query *q)
{
    char name[32];
    weft__pg_core *core = c->core;
    const weft__statement *st = q->statement;
    int n = (int)st->parsed.count;
    weft__buf quiet;
    weft__buf_init(&quiet, 256);
    int rc = room_for(c, 4) ? weft__pg_bind(core, q, q->cells, &quiet) : WEFT_ENOMEM;
    weft__buf_free(&quiet);
    bool fine = rc == 0 && send_prepare(c, st) && PQsendQueryPrepared(c->pg, weft__pg_name(name, st->id), n, core->values, core->lengths, core->formats, 1);
    weft__arena_free(&core->made);
    if (!fine) {
        c->broken |= rc == 0;
        return false;
    }
    if (c->first == c->at && !c->this_turn) c->batch_ns = weft__loop_now(core->root->loop);
    note(c, (weft__pg_sent){ .what = WEFT__PG_QUERY, .q = q });
    q->state = WEFT__PG_SENT;
    q->lane = c;
    c->shared++;
    c->this_turn++;
    core->dirty = true;
    return true;
}

void weft__pg_shared_sync(weft__pg_conn *c)
{
    c->this_turn = 0;
    note(c, (weft__pg_sent){ .what = WEFT__PG_SYNC });
    if (c->broken || !PQpipelineSync(c->pg) || !weft__pg_flush(c)) weft__pg_broken(c);
}

/* ---- what comes ---- */

static void over(weft__query *q, int rc)
{
    q->rc = rc;
    q->lane = NULL;
    weft__pg_tell(q);
}

/* It is to be run once more, before those that came later. */
static void again(weft__query *q)
{
    q->lane = NULL;
    q->alone = true;
    weft__pg_tell(q);
}

static void settle(weft__pg_conn *c, weft__pg_sent *s, bool alone)
{
    weft__query *q = s->q;
    PGresult *r = s->result;
    s->result = NULL;
    s->q = NULL;
    if (s->what == WEFT__PG_PREPARE && (!r || PQresultStatus(r) != PGRES_COMMAND_OK) && c->kept[s->slot] == s->id) c->kept[s->slot] = 0;
    if (s->what == WEFT__PG_QUERY) c->shared--;
    if (q && c->failed && r && PQresultStatus(r) == PGRES_FATAL_ERROR) q->statement->slow = WEFT__PG_SLOW;      /* the next time it fails by itself */
    if (q && c->failed && (!alone || !r || weft__pg_outdated(r))) again(q);
    else if (q && c->failed) over(q, weft__pg_failed(q, r));
    else if (q) over(q, weft__pg_take_rows(c->core, q, r));
    PQclear(r);
}

static void batch_over(weft__pg_conn *c)
{
    int64_t now = weft__loop_clock(c->core->root->loop), queries = 0;
    for (uint32_t i = c->first; i != c->at; i++) queries += c->sent[behind(c, i)].what == WEFT__PG_QUERY;
    bool slow = now - c->batch_ns > SLOW_NS + queries * SLOW_EACH_NS;
    for (uint32_t i = c->first; i != c->at; i++) {
        weft__pg_sent *s = &c->sent[behind(c, i)];
        if (slow && s->q && s->q->statement->slow != WEFT__PG_SLOW) s->q->statement->slow = WEFT__PG_SUSPECT;
        settle(c, s, queries == 1);
    }
    c->first = c->at;
    c->failed = false;
    c->batch_ns = now;
}

static void take(weft__pg_conn *c, PGresult *r)
{
    ExecStatusType is = PQresultStatus(r);
    weft__pg_sent *s = &c->sent[behind(c, c->at)];
    if (is == PGRES_PIPELINE_SYNC) {
        PQclear(r);
        c->broken |= c->at == c->end || s->what != WEFT__PG_SYNC;
        if (c->broken) return;
        batch_over(c);
        c->first = ++c->at;
        return;
    }
    if (is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK) c->failed = true;
    if (is == PGRES_COPY_IN || is == PGRES_COPY_OUT || is == PGRES_COPY_BOTH || c->at == c->end) c->broken = true;
    if (s->what == WEFT__PG_SYNC || c->broken || is == PGRES_PIPELINE_ABORTED) PQclear(r);
    else s->result = r;
    if (s->what != WEFT__PG_SYNC && !c->broken) c->at++;
}

void weft__pg_shared_ready(weft__pg_conn *c)
{
    for (PGresult *r; !c->broken && (r = weft__pg_result(c));) take(c, r);
    if (c->broken || PQstatus(c->pg) == CONNECTION_BAD) {
        c->broken = true;
        weft__pg_shared_lost(c);
        return;
    }
    if (c->first == c->end && !c->cancel) weft__pg_give(c);
    else weft__pg_dispatch(c->core);                 /* there may be room for more */
}

/* Whose answers have come stands on nothing as long as the Sync's has not. */
void weft__pg_shared_lost(weft__pg_conn *c)
{
    weft__pg_core *core = c->core;
    for (uint32_t i = c->first; i != c->end; i++) {
        weft__pg_sent *s = &c->sent[behind(c, i)];
        if (s->q) over(s->q, weft__pg_lost(c, s->q));
        PQclear(s->result);
    }
    c->first = c->at = c->end;
    weft__pg_close(c);
    weft__pg_dispatch(core);
}

/* Its task goes: the answer is dropped. When nobody else has anything on this connection the server is asked to end it, which it must not be before. */
void weft__pg_shared_leave(weft__query *q)
{
    weft__pg_conn *c = q->lane;
    int others = 0;
    for (uint32_t i = c->first; i != c->end; i++) {
        weft__pg_sent *s = &c->sent[behind(c, i)];
        if (s->q == q) s->q = NULL;
        others += s->q != NULL;
    }
    q->lane = NULL;
    q->state = WEFT__PG_OVER;
    if (!others && !c->this_turn) weft__pg_stop(c);
}
