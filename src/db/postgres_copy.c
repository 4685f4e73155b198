/* COPY: rows or bytes in bulk, between a BEGIN of its own and its end, or in the transaction that there is. libpq does it out of pipeline mode. */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"
#include "model/coerce.h"
#include "os/borrowed.h"

enum { AT_ONCE = 32 * 1024, PIECE = 8 * 1024, ROW_MAX = 16 << 20, MADE_MAX = 64 << 20 };

/* What the server is told of one that is not finished, and has no failure of its own. */
static const char given_up[] = "weft gave it up";

/* What comes from here on is counted as its own. */
static void row_begins(weft__pg_conn *c)
{
    c->reads = 0;
    c->incoming = 0;
}

static bool is_in(const weft__query *q) { return q->rows->copy->way == WEFT__COPY_IN; }

/* ---- failures ---- */

static int lost(weft__pg_conn *c, weft__query *q)
{
    const char *text = c->pg ? PQerrorMessage(c->pg) : "";
    c->broken = true;
    if (!q->fault.len && q->stop != WEFT_ECANCELED)
        weft__buf_printf(&q->fault, "the connection broke in the middle of a COPY, of which nothing is kept%s%.*s", *text ? ": " : "", (int)strcspn(text, "\n"), text);
    return weft__pg_lost(c, q);
}

/* With the line and column that the server was at. What does not fit its column is who sent it to blame for (422). */
static int failed(weft__pg_conn *c, weft__query *q, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE), *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), *where = PQresultErrorField(r, PG_DIAG_CONTEXT);
    if (!q->stop && text && strstr(text, given_up)) {
        weft__buf_printf(&q->fault, "the server said something in the middle of a COPY that was no failure (a setting that was changed and reloaded, say), and the COPY was given up: nothing of it is kept, try it again");
        return WEFT_EDB;
    }
    if (!state) return lost(c, q);                   /* libpq's own word */
    int rc = weft__pg_failed(q, r);
    if (where && q->fault.len) weft__buf_printf(&q->fault, "; %.*s", (int)strcspn(where, "\n"), where);
    return rc == WEFT_EDB && is_in(q) && strncmp(state, "22", 2) == 0 ? WEFT_EDB_CHECK : rc;
}

/* ---- results, outside of a pipeline ---- */

/* The next one, NULL behind the last. 0, or the connection broke. */
static int result(weft__pg_conn *c, weft__query *q, PGresult **out)
{
    c->reader = q->fiber;
    for (;;) {
        bool fine = weft__pg_flush(c);
        if (!c->cancel && c->pg && !PQisBusy(c->pg)) return *out = PQgetResult(c->pg), 0;
        if (!fine) return lost(c, q);
        weft__pg_wait(c, q);
        if (c->broken && c->cancel) return lost(c, q);
    }
}

/* All of them, to the first failure's code. */
static int results(weft__pg_conn *c, weft__query *q)
{
    int rc = 0;
    for (PGresult *r = NULL;;) {
        int got = result(c, q, &r);
        if (got < 0) return rc < 0 ? rc : got;
        if (!r) return rc;
        ExecStatusType is = PQresultStatus(r);
        if (is == PGRES_COMMAND_OK) q->rows->copy->rows = strtoll(PQcmdTuples(r), NULL, 10);
        else if (rc == 0 && (is == PGRES_FATAL_ERROR || is == PGRES_NONFATAL_ERROR)) rc = failed(c, q, r);
        bool stuck = is == PGRES_COPY_IN || is == PGRES_COPY_OUT || is == PGRES_COPY_BOTH;
        PQclear(r);
        if (stuck) return lost(c, q);
    }
}

/* ---- the end ---- */

/* No cancel ends it; what it was cancelled for before, has. */
static int commit(weft__pg_conn *c, weft__query *q)
{
    weft__query end = { .what = WEFT__DO_COMMIT, .fiber = q->fiber, .from_ns = q->from_ns, .place = q->place };
    weft__buf_init(&end.fault, q->fault.bytes_max);
    int rc = weft__pg_command(c, &end, "COMMIT");
    weft__buf_add_str(&q->fault, weft__buf_str(&end.fault));
    weft__buf_free(&end.fault);
    if (rc < 0 && !c->broken && PQtransactionStatus(c->pg) != PQTRANS_IDLE) weft__pg_quietly(c, q, "ROLLBACK", NULL);
    return rc;
}

/* The connection is one as any other again, in its transaction or in none. */
static int leave(weft__pg_conn *c, weft__query *q, int rc)
{
    c->copying = WEFT__PG_COPIES_NOT;
    q->rows->statement = NULL;
    q->rows->over = true;
    if (!c->broken && PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF && !PQenterPipelineMode(c->pg)) c->broken = true;
    if (c->broken) return rc < 0 ? rc : lost(c, q);
    if (!weft__pg_inside(q)) {
        if (rc == 0 && is_in(q)) return commit(c, q);
        weft__pg_quietly(c, q, rc < 0 ? "ROLLBACK" : "COMMIT", NULL);
        return rc;
    }
    if (rc < 0) weft__pg_undo(c, q);
    else {
        weft__pg_quietly(c, q, "SELECT pg_catalog.set_config('statement_timeout', pg_catalog.current_setting('weft.timeout'), true)", NULL);
        c->saved = true;
    }
    return rc;
}

/* In the middle: what is under way ends in the server, and what has come of it goes unread. */
static void give_up(weft__pg_conn *c, weft__query *q)
{
    bool data = c->copying == WEFT__PG_COPIES_OUT;
    if (c->copying == WEFT__PG_COPIES_IN && !c->broken && PQputCopyEnd(c->pg, given_up) != 1) c->broken = true;
    c->copying = WEFT__PG_COPIES_END;
    c->reader = q->fiber;
    weft__pg_stop(c);
    while (weft__pg_flush(c)) {
        char *bytes;
        int n = 0;
        while (data && (n = PQgetCopyData(c->pg, &bytes, 1)) > 0) PQfreemem(bytes), row_begins(c);
        c->broken |= c->incoming > WEFT__PG_ROW_MAX;
        data &= n == 0;
        if (!data && !c->cancel && !PQisBusy(c->pg)) {
            PGresult *r = PQgetResult(c->pg);
            ExecStatusType is = PQresultStatus(r);
            PQclear(r);
            if (!r) return;
            c->broken |= is == PGRES_COPY_IN || is == PGRES_COPY_OUT;
        } else weft__pg_wait(c, q);
    }
}

static int end_failed(weft__pg_conn *c, weft__query *q, int rc)
{
    if (!c->broken) give_up(c, q);
    return leave(c, q, rc);
}

/* ---- the beginning ---- */

static int note_columns(weft__pg_conn *c, weft__query *q, const PGresult *described)
{
    weft_rows *r = q->rows;
    weft__copy *copy = r->copy;
    int rc = weft__pg_types_of(c, q, described), n = PQnfields(described);
    if (rc == 0 && copy->count && n != copy->count) {
        weft__buf_printf(&q->fault, "asked for %d columns, and the server tells of %d", copy->count, n);
        return WEFT_EDB;
    }
    if (rc == 0 && !n) return weft__buf_printf(&q->fault, "a COPY is of a statement that gives rows"), WEFT_EINVAL;
    if (rc == 0) rc = weft__pg_rows_names(r, described);
    if (rc < 0) return rc;
    copy->oids = weft__calloc((size_t)n * sizeof *copy->oids);
    if (!copy->oids) return WEFT_ENOMEM;
    copy->count = n;
    for (int i = 0; i < n; i++) copy->oids[i] = PQftype(described, i);
    return 0;
}

/* COPY takes no values. They are put, bound, into settings of the transaction, and read from there as what the statement takes them for. */
static int ask_settings(weft__pg_trip *t, const PGresult *described, weft_arena *made)
{
    weft__query *q = t->q;
    weft__pg_core *core = t->conn->core;
    uint32_t n = q->statement->parsed.count;
    weft__buf sql;
    Oid oids[WEFT__PLACES_MAX];
    int rc = 0;
    weft__buf_init(&sql, (size_t)WEFT__PLACES_MAX * 100);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        weft_str text;
        uint32_t oid = PQparamtype(described, (int)i);
        rc = weft__pg_text_of(&core->types, oid, &q->cells[i], made, &text, &q->fault);
        if (rc == WEFT_EINVAL) weft__buf_printf(&q->fault, " (value %u)", i + 1);
        weft__buf_printf(&sql, "%spg_catalog.set_config('weft.v%u', $%u, true), pg_catalog.format_type(%u, NULL)", i ? ", " : "SELECT ", i, i + 1, (unsigned)oid);
        oids[i] = WEFT__PG_TEXTS;
        core->values[i] = text.ptr;
        core->lengths[i] = (int)text.len;
        core->formats[i] = 1;
    }
    weft__buf_add_char(&sql, 0);
    if (rc == 0) rc = sql.failed;
    if (rc == 0 && !PQsendQueryParams(t->conn->pg, sql.ptr, (int)n, oids, core->values, core->lengths, core->formats, 0)) t->conn->broken = true;
    t->main = 0;
    t->sent = rc == 0;
    weft__buf_free(&sql);
    return rc;
}

static int settings_read(weft__query *q, const PGresult *types, weft_arena *made, weft__buf *sql)
{
    uint32_t n = q->statement->parsed.count;
    weft_str *instead = weft__arena_alloc(made, n * sizeof *instead + 1);
    for (uint32_t i = 0; instead && i < n; i++) {
        const char *type = PQgetvalue(types, 0, (int)(2 * i + 1));
        instead[i] = q->cells[i].kind == WEFT__CELL_NULL ? weft__arena_printf(made, " CAST(NULL AS %s)", type)
            : weft__arena_printf(made, " CAST(pg_catalog.current_setting('weft.v%u', true) AS %s)", i, type);
        if (!instead[i].ptr) instead = NULL;
    }
    return instead ? weft__sql_with(q->statement->text, instead, sql) : weft__arena_error(made);
}

static int statement_sql(weft__pg_conn *c, weft__query *q, const PGresult *described, weft__buf *sql)
{
    weft_arena made;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    if (!q->statement->parsed.count) return weft__sql_with(q->statement->text, NULL, sql);
    weft__arena_init(&made, NULL, MADE_MAX);
    int rc = ask_settings(&t, described, &made);
    if (rc == 0) rc = weft__pg_sync(&t);
    if (rc == 0) rc = t.result && PQntuples(t.result) == 1 && PQnfields(t.result) == 2 * (int)q->statement->parsed.count ? settings_read(q, t.result, &made, sql) : WEFT_EDB;
    weft__pg_trip_end(&t);
    weft__arena_free(&made);
    return rc;
}

static int sql_in(const weft__copy *copy, weft__buf *sql)
{
    weft__buf_printf(sql, "COPY %s FROM STDIN%s", copy->into, copy->options);
    weft__buf_add_char(sql, 0);
    return sql->failed;
}

static int sql_out(weft__pg_conn *c, weft__query *q, const PGresult *described, weft__buf *sql)
{
    weft__buf_lit(sql, "COPY (\n");
    int rc = statement_sql(c, q, described, sql);
    weft__buf_printf(sql, "\n) TO STDOUT%s", q->rows->copy->options);       /* behind a comment's end */
    weft__buf_add_char(sql, 0);
    return rc < 0 ? rc : sql->failed;
}

/* In one transaction with the COPY: no table changes its columns between being looked at and being copied. Notices are not wanted: what comes in the
 * middle is a failure. To the server it is one statement, however long the other side takes: each wait is bounded here. What is prepared is one statement alone, which what it starts with
 * (a simple query) need not be. */
static int prepare(weft__pg_conn *c, weft__query *q, weft__buf *sql)
{
    const weft__copy *copy = q->rows->copy;
    const char *look = is_in(q) ? copy->columns : q->statement->parsed.sql.ptr;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    int made = is_in(q) ? sql_in(copy, sql) : 0;        /* told behind the guard, for which a failure is undone to */
    if (weft__pg_inside(q)) weft__pg_guard(&t);
    else weft__pg_say(&t, is_in(q) ? "BEGIN" : "BEGIN READ ONLY");
    if (is_in(q)) weft__pg_say(&t, "SET LOCAL client_min_messages = error");
    weft__pg_say(&t, "SELECT pg_catalog.set_config('weft.timeout', pg_catalog.current_setting('statement_timeout'), true)");
    weft__pg_say(&t, "SET LOCAL statement_timeout = 0");
    if (look) weft__pg_look_at(&t, look);
    if (is_in(q) && made == 0) weft__pg_parse(&t, sql->ptr);
    int rc = weft__pg_sync(&t);
    if (rc == 0) rc = made;
    if (rc == 0 && look) rc = t.result ? note_columns(c, q, t.result) : WEFT_EDB;
    if (rc == 0 && !is_in(q)) rc = sql_out(c, q, t.result, sql);
    weft__pg_trip_end(&t);
    return rc;
}

/* As a simple query: to one of the extended protocol two Syncs belong, and a server that fails before it has read the first takes the second for another's. */
static int start(weft__pg_conn *c, weft__query *q, const char *sql)
{
    PGresult *r = NULL;
    c->copying = WEFT__PG_COPIES_END;
    c->heard = false;
    if (!PQexitPipelineMode(c->pg) || !PQsendQuery(c->pg, sql)) return lost(c, q);
    int rc = result(c, q, &r);
    if (rc < 0) return rc;
    ExecStatusType is = PQresultStatus(r), wanted = is_in(q) ? PGRES_COPY_IN : PGRES_COPY_OUT;
    if (is != wanted) rc = is == PGRES_FATAL_ERROR ? failed(c, q, r) : lost(c, q);
    PQclear(r);
    if (rc == 0) c->copying = is_in(q) ? WEFT__PG_COPIES_IN : WEFT__PG_COPIES_OUT;
    row_begins(c);
    if (rc == 0) return 0;
    int rest = c->broken ? 0 : results(c, q);
    return rest == WEFT_EDB_LOST ? rest : rc;
}

static int begin(weft__pg_conn *c, weft__query *q)
{
    weft__buf sql;
    if (!is_in(q) && !q->statement->parsed.reads) return weft__buf_printf(&q->fault, "a COPY is of a statement that reads, and does nothing else (no FOR UPDATE, no nextval): weft_db_all gives the rows of others"), WEFT_EINVAL;
    weft__buf_init(&q->rows->buffer, 2 * (size_t)ROW_MAX);
    weft__buf_init(&sql, 16 * (size_t)WEFT__SQL_MAX);
    int rc = prepare(c, q, &sql);
    if (rc == 0) rc = q->stop;                       /* its cancel came too late to end anything */
    if (rc == 0) rc = start(c, q, sql.ptr);
    weft__buf_free(&sql);
    if (rc == 0 && q->stop) return end_failed(c, q, q->stop);
    if (rc < 0) return leave(c, q, rc);
    q->rows->statement = q->rows->copy;
    q->held = q->takes;
    return 0;
}

/* ---- what comes ---- */

static int put_cells(weft__pg_conn *c, weft__query *q, weft_str message)
{
    weft_rows *r = q->rows;
    weft__copy *copy = r->copy;
    weft__pg_tuple t;
    int rc = weft__pg_tuple_open(&t, message, !copy->headed, r->columns, &q->fault);
    copy->headed = true;
    for (int i = 0; i < r->columns && rc == 1; i++) {
        const char *bytes;
        int len;
        weft__buf why;
        weft__cell cell;
        weft__buf_init(&why, 512);
        if ((rc = weft__pg_tuple_next(&t, &bytes, &len, &q->fault)) == 1) {
            int read = weft__pg_cell(&c->core->types, copy->oids[i], bytes, len, &c->core->made, &cell, &why);
            if (read == WEFT_EDB) weft__buf_printf(&q->fault, "column %s %.*s", r->names[i], WEFT_FMT(weft__buf_str(&why)));
            if (read < 0) rc = read;
            else weft__cell_put(&r->buffer, &cell);
        }
        weft__buf_free(&why);
    }
    weft__arena_free(&c->core->made);
    return rc < 0 ? rc : 0;
}

static int row_too_large(weft__query *q)
{
    weft__buf_printf(&q->fault, "a row of more than %d MiB, which is the most that a COPY gives: leave out what is large, or take a part of it at a time (substr)", ROW_MAX >> 20);
    return WEFT_ELIMIT;
}

/* libpq keeps the room of the largest one for as long as its connection lives: that is over when its transaction is. */
static int put_message(weft__pg_conn *c, weft__query *q, weft_str message)
{
    weft__buf *to = &q->rows->buffer;
    size_t before = to->len;
    int rc = 0;
    if (message.len > ROW_MAX) c->until_ns = 0;
    if (message.len > WEFT__PG_ROW_MAX) rc = WEFT_ELIMIT;
    else if (q->rows->copy->way == WEFT__COPY_ROWS) rc = put_cells(c, q, message);
    else weft__buf_add_str(to, message);
    if (rc == 0) rc = to->failed;
    if (rc == 0 && to->len - before > ROW_MAX) rc = WEFT_ELIMIT;
    return rc == WEFT_ELIMIT ? row_too_large(q) : rc;
}

/* Of one that is not whole yet more has come than any may have: libpq would gather all of it (a GiB). It may come faster than is counted, and is looked at when it is whole. */
static int break_off(weft__pg_conn *c, weft__query *q)
{
    c->broken = c->used = true;                      /* what we cut is no sign of the server's */
    return leave(c, q, row_too_large(q));
}

static int take(weft__pg_conn *c, weft__query *q)
{
    weft_rows *r = q->rows;
    char *bytes;
    weft__buf_clear(&r->buffer);
    r->at = 0;
    c->reader = q->fiber;
    for (bool heard = false;;) {
        int n = PQgetCopyData(c->pg, &bytes, 1);
        if (n < 0) break;
        if (n > 0) {
            row_begins(c);
            int rc = put_message(c, q, (weft_str){ bytes, (size_t)n });
            PQfreemem(bytes);
            if (rc < 0) return end_failed(c, q, rc);
            if (r->buffer.len >= AT_ONCE) return 0;
            continue;
        }
        if (r->buffer.len) return 0;
        if (c->broken) return leave(c, q, lost(c, q));
        if (c->incoming > WEFT__PG_ROW_MAX) return break_off(c, q);
        if (heard) weft__pg_wait(c, q);
        else if (weft__pg_flush(c)) weft__pg_consume(c);
        if (q->stop) return end_failed(c, q, q->stop);
        heard = true;
    }
    c->copying = WEFT__PG_COPIES_END;
    return leave(c, q, results(c, q));
}

/* ---- what is sent ---- */

int weft__pg_copy_row(weft_rows *r, const weft__cell *cells, weft__buf *fault)
{
    weft__pg_core *core = weft__pg_core_of(r->root);
    size_t before = r->buffer.len;
    int rc = 0;
    for (int i = 0; i < r->columns && rc == 0; i++) {
        weft_str text;
        rc = weft__pg_text_of(&core->types, r->copy->oids[i], &cells[i], &core->made, &text, fault);
        if (rc == WEFT_EINVAL) weft__buf_printf(fault, " (column %s)", r->names[i]);
        if (i) weft__buf_add_char(&r->buffer, '\t');
        if (rc == 0) weft__pg_copy_column(text, &r->buffer);
    }
    weft__buf_add_char(&r->buffer, '\n');
    weft__arena_free(&core->made);
    if (rc == 0) rc = r->buffer.failed;
    if (rc == 0 && r->buffer.len - before > ROW_MAX) rc = WEFT_ELIMIT;
    if (rc < 0) r->buffer.len = before, r->buffer.failed = 0;
    if (rc == WEFT_ELIMIT) weft__buf_printf(fault, "a row of more than %d MiB", ROW_MAX >> 20);
    return rc;
}

/* 0: it is on its way, and no more than the socket takes lies here; 1: the server has something to say; < 0: why not. A failure that is there when
 * libpq finds the socket full is read by it, and told in the end: so each piece is small, and sent when the socket has room for it and nothing to tell. */
static int put(weft__pg_conn *c, weft__query *q, weft_str bytes)
{
    bool taken = false;
    c->reader = q->fiber;
    for (;;) {
        bool tells, room = weft__borrowed_takes(PQsocket(c->pg), &tells);
        if (c->heard || tells) return 1;
        if (!room) {
            weft__pg_watch(c, WEFT__WATCH_LEVEL_BOTH);
            if (c->broken) return lost(c, q);
            weft__pg_wait(c, q);
            if (q->stop) return q->stop;
            continue;
        }
        int rc = taken ? 1 : PQputCopyData(c->pg, bytes.ptr, (int)bytes.len);
        int left = rc < 0 ? -1 : PQflush(c->pg);
        if (left < 0) return 1;
        taken = rc == 1;
        weft__pg_watch(c, left || !taken ? WEFT__WATCH_LEVEL_BOTH : WEFT__WATCH_LEVEL_IN);
        if (c->broken) return lost(c, q);
        if (taken && !left) return 0;
        weft__pg_wait(c, q);
        if (q->stop) return q->stop;
    }
}

/* The server's failure, or it is gone: what it says is to be had when all has been sent. */
static int ended_there(weft__pg_conn *c, weft__query *q)
{
    c->copying = WEFT__PG_COPIES_END;
    if (PQputCopyEnd(c->pg, given_up) != 1) (void)PQconsumeInput(c->pg);
    int rc = results(c, q);
    return rc < 0 ? rc : lost(c, q);
}

static int put_all(weft__pg_conn *c, weft__query *q)
{
    weft_str rest = weft__buf_str(&q->rows->buffer);
    int rc = q->rows->buffer.failed;
    weft__step_aside(q->fiber);
    while (rest.len && rc == 0) {
        weft_str part = { rest.ptr, rest.len < PIECE ? rest.len : PIECE };
        rc = put(c, q, part);
        rest.ptr += part.len;
        rest.len -= part.len;
    }
    weft__buf_clear(&q->rows->buffer);
    return rc;
}

/* All is there, and what the server looks at behind it takes long. */
static int end_is_late(const weft__pg_conn *c, weft__query *q)
{
    weft__buf_clear(&q->fault);
    weft__buf_printf(&q->fault, "the server was not through with the end of a COPY, where it looks at references and triggers of all rows, within %d ms (statement_ms of weft_db_connect, to be raised for such)",
        c->core->root->opts.statement_ms);
    return WEFT_ETIMEDOUT;
}

static int send_rows(weft__pg_conn *c, weft__query *q)
{
    int rc = put_all(c, q);
    if (rc == 0 && c->heard) rc = 1;
    if (rc == 1) return leave(c, q, ended_there(c, q));
    if (rc < 0) return end_failed(c, q, rc);
    if (!q->rows->copy->last) return 0;
    c->copying = WEFT__PG_COPIES_END;
    if (PQputCopyEnd(c->pg, NULL) != 1) return leave(c, q, lost(c, q));
    rc = results(c, q);
    if (q->stop == WEFT_ETIMEDOUT && rc < 0) return leave(c, q, end_is_late(c, q));
    return leave(c, q, rc == 0 ? q->stop : rc);
}

/* ---- any ---- */

int weft__pg_run_copy(weft__pg_conn *c, weft__query *q)
{
    if (q->what == WEFT__DO_ROWS) return begin(c, q);
    if (!q->rows->statement) return 0;
    if (q->what == WEFT__DO_ROWS_END) {
        (void)end_failed(c, q, WEFT_ECLOSED);
        return 0;
    }
    return is_in(q) ? send_rows(c, q) : take(c, q);
}
