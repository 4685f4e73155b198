/* Reads of many tasks on one connection. Those of a turn of the loop go out together, with one Sync behind them: one write, and one transaction on the
 * server. So nothing of them counts before the Sync is answered, and when one fails all that were with it are run again, each alone. */
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"
#include "model/text.h"

/* A batch that takes longer than this has something slow in it. */
static const int64_t SLOW_NS = 25000000, SLOW_EACH_NS = 250000;
/* And one that is not over by then, or has given so much, is ended, and all that waits behind it is run again. READS is of a socket, 16 KiB or more each as a rule. */
static const int64_t PATIENCE_NS = 100000000;

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
        c->this_turn++;
    }
    *kept = 0;
    if (!PQsendPrepare(c->pg, weft__pg_name(name, st->id), st->parsed.sql.ptr, 0, NULL)) return false;
    note(c, (weft__pg_sent){ .what = WEFT__PG_PREPARE, .slot = st->slot, .id = st->id });
    c->this_turn++;                                  /* a Sync is to come behind it, whatever becomes of the query */
    *kept = st->id;
    return true;
}

static bool send_values(weft__pg_conn *c, weft__query *q, const weft__cell *cells)
{
    char name[32];
    weft__pg_core *core = c->core;
    const weft__statement *st = q->statement;
    weft__buf quiet;
    weft__buf_init(&quiet, 256);
    int rc = weft__pg_bind(core, q, cells, &quiet);
    weft__buf_free(&quiet);
    if (rc == 0 && !PQsendQueryPrepared(c->pg, weft__pg_name(name, st->id), (int)st->parsed.count, core->values, core->lengths, core->formats, 1)) c->broken = true;
    weft__arena_free(&core->made);
    if (rc < 0 || c->broken) return false;
    note(c, (weft__pg_sent){ .what = WEFT__PG_QUERY, .q = q });
    c->shared++;
    c->this_turn++;
    return true;
}

static size_t bytes_of(const weft__pg_core *core, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t k = 0; k < count; k++) bytes += (size_t)core->lengths[k];
    return bytes;
}

/* The answers of what was sent before one that cannot be are nobody's. Many bytes are sent alone, where some of them wait for answers to others. */
static bool send_items(weft__pg_conn *c, weft__query *q)
{
    uint32_t from = c->end;
    size_t bytes = 0;
    weft__items_begin(q);
    for (size_t i = 0; i < q->items->count; i++) {
        bool sent = bytes < WEFT__PG_BYTES_AT_ONCE && weft__item_cells(q, i) == 0 && send_values(c, q, q->items->cells);
        if (sent) bytes += bytes_of(c->core, q->statement->parsed.count);
        if (sent) continue;
        for (uint32_t k = from; k != c->end; k++) c->sent[behind(c, k)].q = NULL;
        weft__buf_clear(&q->fault);
        return false;
    }
    return true;
}

/* False: it is to be run alone, where it is said what is wrong; or the connection is broken. */
bool weft__pg_shared_send(weft__pg_conn *c, weft__query *q)
{
    bool items = q->what == WEFT__DO_EACH, first = c->first == c->at && !c->this_turn;
    if (!room_for(c, 3 + (items ? (uint32_t)q->items->count : 1))) return false;
    if (first) c->batch_ns = weft__loop_now(c->core->root->loop);
    if (!send_prepare(c, q->statement)) {
        c->broken = true;
        return false;
    }
    c->core->dirty = true;
    if (!(items ? send_items(c, q) : send_values(c, q, q->cells))) return false;
    q->state = WEFT__PG_SENT;
    q->lane = c;
    return true;
}

/* ---- one that holds up the others ---- */

static bool has_others(const weft__pg_conn *c)
{
    const weft__query *head = c->sent[behind(c, c->at)].q;
    for (uint32_t i = c->first; i != c->end; i++) {
        const weft__query *q = c->sent[behind(c, i)].q;
        if (q && q != head) return true;
    }
    return false;
}

/* The batch fails by this, and nobody is told: each has a connection alone then. What it was waiting for shares none until it was quick again. */
static void give_up(weft__pg_conn *c)
{
    weft__query *head = c->sent[behind(c, c->at)].q;
    if (c->given_up || c->cancel || c->at == c->end) return;     /* once: what does not end by that the bound ends */
    if (head) head->statement->slow = WEFT__PG_SLOW;
    c->given_up = true;
    weft__pg_stop(c);
}

static void on_patience(weft__timer *t)
{
    weft__pg_conn *c = (weft__pg_conn *)((char *)t - offsetof(weft__pg_conn, patience));
    weft__loop *loop = c->core->root->loop;
    int64_t now = weft__loop_now(loop), by = c->batch_ns + PATIENCE_NS;
    if (c->taken || c->first == c->end) return;
    if (by <= now && c->at == c->seen_at && has_others(c)) give_up(c);       /* not where answers come, and we are late ourselves */
    c->seen_at = c->at;
    (void)weft__timer_start(loop, t, by > now ? by : now + PATIENCE_NS);
}

/* One timer serves many batches: it is not set anew for each. */
static void have_patience(weft__pg_conn *c)
{
    weft__loop *loop = c->core->root->loop;
    c->patience.fire = on_patience;
    if (!c->patience.place) (void)weft__timer_start(loop, &c->patience, weft__loop_now(loop) + PATIENCE_NS);      /* without memory for it none is ended early */
}

void weft__pg_shared_sync(weft__pg_conn *c)
{
    c->this_turn = 0;
    note(c, (weft__pg_sent){ .what = WEFT__PG_SYNC });
    have_patience(c);
    if (c->broken || !PQpipelineSync(c->pg) || !weft__pg_flush(c)) weft__pg_broken(c);
}

/* ---- what comes ---- */

static void over(weft__query *q, int rc)
{
    q->rc = rc;
    q->lane = NULL;
    weft__pg_tell(q);
}

/* It is to be run once more, before those that came later. What is in its memory is written again. */
static void again(weft__query *q)
{
    weft__buf_clear(&q->fault);
    if (q->what == WEFT__DO_ALL) memset(q->out, 0, sizeof(weft__any_list));
    q->lane = NULL;
    q->alone = true;
    weft__pg_tell(q);
}

/* One with items is told once: with the last of them, or the first that fails. */
static void settle_query(weft__pg_conn *c, weft__pg_sent *s, bool alone)
{
    weft__query *q = s->q;
    bool items = q->what == WEFT__DO_EACH;
    if (q->told) return;
    if (s->error) q->statement->slow = WEFT__PG_SLOW;        /* the next time it fails by itself */
    if (c->failed && (!alone || items || !s->error || weft__pg_outdated(s->error) || weft__pg_ended(s->error))) again(q);
    else if (c->failed) over(q, weft__pg_failed(q, s->error));
    else if (!items || s->rc < 0 || ++q->items->told == q->items->count) over(q, items && s->rc > 0 ? 0 : s->rc);
}

static void settle(weft__pg_conn *c, weft__pg_sent *s, bool alone)
{
    if (s->what == WEFT__PG_PREPARE && s->rc < 0 && c->kept[s->slot] == s->id) c->kept[s->slot] = 0;
    if (s->what == WEFT__PG_QUERY) c->shared--;
    if (s->q) settle_query(c, s, alone);
    PQclear(s->error);
    s->error = NULL;
    s->q = NULL;
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
    c->failed = c->given_up = false;
    c->batch_ns = now;
    weft__pg_used(c);
    if (!c->cancel) weft__timer_stop(c->core->root->loop, &c->limit);        /* of what was cancelled: it goes on */
}

/* Rows are read as they come, and their memory is that of the next: behind a failure they are read again. */
static int read_now(weft__pg_conn *c, weft__query *q, const PGresult *r)
{
    if (c->failed || q->told) return 0;
    if (q->what != WEFT__DO_EACH) return weft__pg_take_rows(c->core, q, r);
    size_t i = q->items->done++;
    int rc = q->items->failed ? 0 : weft__pg_take_item(c->core, q, r, i);
    if (rc < 0) weft__buf_printf(&q->fault, " (item %zu of %zu)", i, q->items->count);
    if (rc < 0) q->items->failed = true;
    return rc;
}

static void take_sync(weft__pg_conn *c)
{
    c->broken |= c->at == c->end || c->sent[behind(c, c->at)].what != WEFT__PG_SYNC;
    if (c->broken) return;
    batch_over(c);
    c->first = ++c->at;
    c->goes_on = c->at != c->end;
}

static void take(weft__pg_conn *c, PGresult *r)
{
    ExecStatusType is = PQresultStatus(r);
    weft__pg_sent *s = &c->sent[behind(c, c->at)];
    bool fine = is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK, error = is == PGRES_FATAL_ERROR;
    c->broken |= is == PGRES_COPY_IN || is == PGRES_COPY_OUT || is == PGRES_COPY_BOTH;
    c->broken |= weft__pg_lost_place(r) || (is != PGRES_PIPELINE_SYNC && c->at == c->end);
    if (is == PGRES_PIPELINE_SYNC) take_sync(c);
    else if (!c->broken) {
        c->failed |= !fine;
        if (s->what == WEFT__PG_SYNC) error = false;
        else c->at++;
        s->rc = !fine ? WEFT_EDB : s->q ? read_now(c, s->q, r) : 0;
        if (error) s->error = r;
        if (error) return;
    }
    PQclear(r);
}

void weft__pg_shared_ready(weft__pg_conn *c)
{
    for (PGresult *r; !c->broken && (r = weft__pg_result(c));) take(c, r);
    if (!c->broken && c->reads > WEFT__PG_READS_MAX) give_up(c);          /* more than anybody has shared for comes; alone it is read row by row */
    if (c->broken || PQstatus(c->pg) == CONNECTION_BAD) {
        c->broken = true;
        weft__pg_shared_lost(c);
        return;
    }
    if (c->first == c->end && !c->cancel) weft__pg_give(c);
    else weft__pg_dispatch(c->core);                 /* there may be room for more */
}

/* Whose answers have come stands on nothing as long as the Sync's has not. None is run again: the server may have been through with all of them, and what is a read by its words may be a
 * function that changes something. */
void weft__pg_shared_lost(weft__pg_conn *c)
{
    for (uint32_t i = c->first; i != c->end; i++) {
        weft__pg_sent *s = &c->sent[behind(c, i)];
        if (s->q && !s->q->told) {                   /* one with items is here more than once */
            weft__buf_clear(&s->q->fault);
            over(s->q, weft__pg_lost(c, s->q));
        }
        PQclear(s->error);
    }
    c->first = c->at = c->end;
    weft__pg_died(c);
}

/* Its task goes: the answer is dropped. When nobody else has anything on this connection the server is asked to end it; else when they have waited for long. */
void weft__pg_shared_leave(weft__query *q)
{
    weft__pg_conn *c = q->lane;
    int others = 0;
    bool late = weft__loop_now(c->core->root->loop) - c->batch_ns > SLOW_NS;
    if (late && c->at != c->end && c->sent[behind(c, c->at)].q == q && q->statement->slow != WEFT__PG_SLOW) q->statement->slow = WEFT__PG_SUSPECT;
    for (uint32_t i = c->first; i != c->end; i++) {
        weft__pg_sent *s = &c->sent[behind(c, i)];
        if (s->q == q) s->q = NULL;
        others += s->q != NULL;
    }
    q->lane = NULL;
    q->state = WEFT__PG_OVER;
    if (!others && !c->this_turn) weft__pg_stop(c);
}
