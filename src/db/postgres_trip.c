/* A trip on a connection that one task has taken: what is sent together, its answers in order, and an end by cancel or deadline. */
#include <stdio.h>
#include <string.h>
#include "db/postgres.h"
#include "wire/number.h"

enum { DROPPED_MAX = 256 * 1024 };

const char *weft__pg_name(char to[32], uint64_t id)
{
    *to = 'w';
    to[1 + weft__int64_write(to + 1, (int64_t)id)] = 0;
    return to;
}

/* ---- waiting ---- */

static int64_t done_by(const weft__pg_conn *c, const weft__query *q)
{
    int ms = weft__query_ms(c->core->root, q);
    return ms < 0 ? INT64_MAX : q->from_ns + (int64_t)ms * WEFT__PG_MS;
}

/* What is being ended, or must be run to its end, is waited for whatever is cancelled, but not for ever; the COMMIT of a migration, where the server looks at deferred
 * references, for as long as nothing is cancelled. */
static void wait_through(weft__pg_conn *c, const weft__query *q)
{
    if (q->patient && !q->stop && !c->broken && weft__scope_effective(q->fiber->scope) == 0) {
        (void)weft__park_undelivered("a database", NULL, INT64_MAX);
        return;
    }
    if (!q->stop) weft__pg_bound(c, c->core->root->opts.statement_ms > 0 ? c->core->root->opts.statement_ms : 60000);
    if (!c->broken) weft__park_through("a database", NULL);
}

void weft__pg_wait(weft__pg_conn *c, weft__query *q)
{
    weft__fiber *f = q->fiber;
    if (q->stop || weft__query_must_run(q)) {
        wait_through(c, q);
        return;
    }
    int rc = weft__scope_effective(f->scope) ? WEFT_ECANCELED : weft__park_undelivered("a database", NULL, done_by(c, q));
    if (rc == 0) return;
    q->stop = rc == WEFT__DEADLINE ? WEFT_ETIMEDOUT : rc == WEFT_ENOMEM ? WEFT_ENOMEM : WEFT_ECANCELED;
    weft__pg_stop(c);
}

static int row_too_large(weft__query *q)
{
    weft__buf_printf(&q->fault, "a row of more than %d MiB", WEFT__PG_ROW_MAX >> 20);
    return WEFT_ELIMIT;
}

/* One row alone may be more than there is room for: seen before it is whole, where what comes can be counted. Where something may have been changed it is not known whether it was. */
static int too_large(weft__pg_conn *c, weft__query *q)
{
    c->broken = c->used = true;                      /* what we cut is no sign of the server's */
    if (!q->rows && (!q->statement || !q->statement->parsed.reads)) return weft__pg_lost(c, q);
    return row_too_large(q);
}

/* While a cancel is on its way nothing counts: what is sent next could be what it hits. */
static int next(weft__pg_conn *c, weft__query *q, PGresult **out)
{
    c->reader = q->fiber;
    for (;;) {
        bool fine = weft__pg_flush(c);
        PGresult *r = c->cancel || !c->pg ? NULL : weft__pg_result(c);
        if (r) return *out = r, 0;
        if (c->one_by_one && c->incoming > WEFT__PG_ROW_MAX) return too_large(c, q);
        if (!c->cancel && (!fine || PQstatus(c->pg) == CONNECTION_BAD)) {
            c->broken = true;
            return weft__pg_lost(c, q);
        }
        weft__pg_wait(c, q);
        if (c->broken && c->cancel) return weft__pg_lost(c, q);
    }
}

/* ---- sending ---- */

weft__pg_trip weft__pg_trip_of(weft__pg_conn *c, weft__query *q)
{
    return (weft__pg_trip){ .conn = c, .q = q, .main = -1, .prepare = -1, .drop = -1, .error_at = -1 };
}

static void sent(weft__pg_trip *t, int fine)
{
    if (!fine) t->conn->broken = true;
    t->sent++;
}

void weft__pg_say(weft__pg_trip *t, const char *sql)
{
    sent(t, PQsendQueryParams(t->conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1));
}

void weft__pg_parse(weft__pg_trip *t, const char *sql)
{
    sent(t, PQsendPrepare(t->conn->pg, "", sql, 0, NULL));
}

void weft__pg_look_at(weft__pg_trip *t, const char *sql)
{
    weft__pg_parse(t, sql);
    t->main = t->sent;
    sent(t, PQsendDescribePrepared(t->conn->pg, ""));
}

/* One without a place of its own among those that are kept has the last one, until another comes. */
static int slot_of(const weft__pg_conn *c, const weft__statement *st) { return st->slot >= 0 ? st->slot : c->core->root->opts.statements_max; }

void weft__pg_prepare(weft__pg_trip *t, bool describe)
{
    char name[32], drop[48];
    weft__pg_conn *c = t->conn;
    const weft__statement *st = t->q->statement;
    t->slot = slot_of(c, st);
    t->id = st->id;
    if (c->kept[t->slot] != st->id) {
        if (c->kept[t->slot]) {
            snprintf(drop, sizeof drop, "DEALLOCATE %s", weft__pg_name(name, c->kept[t->slot]));
            t->drop = t->sent;
            weft__pg_say(t, drop);
        }
        t->prepare = t->sent;
        sent(t, PQsendPrepare(c->pg, weft__pg_name(name, st->id), st->parsed.sql.ptr, 0, NULL));
    }
    if (!describe) return;
    t->main = t->sent;
    sent(t, PQsendDescribePrepared(c->pg, weft__pg_name(name, st->id)));
}

int weft__pg_bind(weft__pg_core *c, const weft__query *q, const weft__cell *cells, weft__buf *fault)
{
    const weft__pg_known *known = q->statement->known;
    const weft__parsed *p = &q->statement->parsed;
    for (uint32_t i = 0; i < p->count; i++) {
        weft__pg_value v;
        int rc = weft__pg_value_of(&c->types, known && (int)i < known->params ? known->oids[i] : 0, &cells[i], &c->made, &v, fault);
        if (rc == WEFT_EINVAL) weft__buf_printf(fault, " (value %u)", i + 1);
        if (rc < 0) return rc;
        c->values[i] = v.bytes;
        c->lengths[i] = v.len;
        c->formats[i] = v.binary;
    }
    return 0;
}

int weft__pg_execute(weft__pg_trip *t, const weft__cell *cells)
{
    char name[32];
    weft__pg_core *core = t->conn->core;
    int rc = weft__pg_bind(core, t->q, cells, &t->q->fault);
    t->main = t->sent;
    for (uint32_t i = 0; rc == 0 && i < t->q->statement->parsed.count; i++) t->bytes += (size_t)core->lengths[i];
    if (rc == 0) sent(t, PQsendQueryPrepared(t->conn->pg, weft__pg_name(name, t->q->statement->id), (int)t->q->statement->parsed.count, core->values, core->lengths, core->formats, 1));
    weft__arena_free(&core->made);
    return rc;
}

void weft__pg_ask(weft__pg_trip *t)
{
    if (!PQsendFlushRequest(t->conn->pg)) t->conn->broken = true;
}

/* ---- reading ---- */

static bool is_failure(ExecStatusType is)
{
    return is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK;
}

/* Of those that nobody wants few are read and dropped; of many the server is told, unless they tell what has been changed: it looks at no cancel then. */
static void note_row(weft__pg_trip *t, const PGresult *r)
{
    size_t bytes = 0;
    for (int i = 0; i < PQnfields(r); i++) bytes += (size_t)PQgetlength(r, 0, i);
    t->came += bytes;
    if (t->row_rc == 0) {
        t->row_rc = bytes > WEFT__PG_ROW_MAX ? row_too_large(t->q) : t->row(t, r);
        t->rows++;
        return;
    }
    bool told = t->dropped > DROPPED_MAX, reads = t->q->rows || (t->q->statement && t->q->statement->parsed.reads);
    t->dropped += PQresultMemorySize(r);
    if (!told && reads && t->dropped > DROPPED_MAX) weft__pg_stop(t->conn);
}

static void note(weft__pg_trip *t, PGresult *r)
{
    weft__pg_conn *c = t->conn;
    if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
        note_row(t, r);
        PQclear(r);
        return;
    }
    bool failed = is_failure(PQresultStatus(r));
    int i = t->got++;
    if (i == t->drop && !failed) c->kept[t->slot] = 0;
    if (i == t->prepare && !failed) c->kept[t->slot] = t->id;
    if (i >= t->begin_at && i < t->begin_end && !failed) t->q->begun++;
    if (failed && !t->error) {
        t->error = r;
        t->error_at = i;
    } else if (i == t->main && !failed) {
        PQclear(t->result);
        t->result = r;
    } else PQclear(r);
}

static int failure(weft__pg_trip *t)
{
    if (t->row_rc < 0) return t->row_rc;
    if (!t->error) return 0;
    return weft__pg_failed(t->q, t->error);
}

/* One that copies has no end that a trip knows of: the connection is given up. */
static int read_one(weft__pg_trip *t, bool *synced)
{
    PGresult *r = NULL;
    t->conn->one_by_one = t->row && (t->got == t->main || t->row_rc < 0);
    int rc = next(t->conn, t->q, &r);
    if (rc < 0) return rc;
    if (weft__pg_lost_place(r)) {
        PQclear(r);
        t->conn->broken = true;
        return weft__pg_lost(t->conn, t->q);
    }
    ExecStatusType is = PQresultStatus(r);
    *synced = is == PGRES_PIPELINE_SYNC;
    if (is == PGRES_COPY_IN || is == PGRES_COPY_OUT || is == PGRES_COPY_BOTH) t->conn->broken = true;
    if (*synced) t->conn->goes_on = false;
    if (*synced) PQclear(r);
    else note(t, r);
    return 0;
}

int weft__pg_read(weft__pg_trip *t, int until)
{
    bool synced = false;
    while (t->got < until && !t->error) {
        int rc = read_one(t, &synced);
        if (rc < 0) return rc;
        if (synced) {
            t->conn->broken = true;                  /* nobody has asked for one */
            return weft__pg_lost(t->conn, t->q);
        }
    }
    return failure(t);
}

void weft__pg_sync_send(weft__pg_trip *t)
{
    if (t->conn->broken || !PQpipelineSync(t->conn->pg)) t->conn->broken = true;
}

int weft__pg_sync_read(weft__pg_trip *t, size_t most)
{
    bool synced = false, told = t->error;
    if (t->conn->broken) return weft__pg_lost(t->conn, t->q);
    while (!synced) {
        if (most && t->came >= most && t->row_rc == 0 && !t->error) return WEFT__PG_HALFWAY;
        int rc = read_one(t, &synced);
        if (rc < 0) return rc;
    }
    if (!t->error && t->got != t->sent) {            /* without memory libpq may pass over one */
        t->conn->broken = true;
        weft__buf_clear(&t->q->fault);
        weft__buf_printf(&t->q->fault, "an answer is missing (libpq may have had no memory for it), and whether the statement has changed something is not known");
        return WEFT_EDB_LOST;
    }
    return told ? 0 : failure(t);
}

int weft__pg_sync(weft__pg_trip *t)
{
    weft__pg_sync_send(t);
    return weft__pg_sync_read(t, 0);
}

void weft__pg_trip_end(weft__pg_trip *t)
{
    PQclear(t->result);
    PQclear(t->error);
    t->result = t->error = NULL;
}

int weft__pg_command(weft__pg_conn *c, weft__query *q, const char *sql)
{
    weft__pg_trip t = weft__pg_trip_of(c, q);
    weft__pg_say(&t, sql);
    int rc = weft__pg_sync(&t);
    weft__pg_trip_end(&t);
    return rc;
}
