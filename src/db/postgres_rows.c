/* Rows one by one: a cursor, read some at a time. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"

enum { ROWS_AT_ONCE = 32 * 1024, FIRST = 8, MOST = 256, ROW_MAX = 16 << 20 };

/* What a weft_rows has here. */
typedef struct cursor { uint64_t number; int next; } cursor;

int weft__pg_rows_names(weft_rows *r, const PGresult *res)
{
    if (r->names) return 0;
    r->columns = PQnfields(res);
    r->names = weft__calloc((size_t)r->columns * sizeof *r->names + 1);
    r->cells = weft__calloc((size_t)r->columns * sizeof *r->cells + 1);
    if (!r->names || !r->cells) return WEFT_ENOMEM;
    for (int i = 0; i < r->columns; i++) {
        size_t n = strlen(PQfname(res, i)) + 1;
        r->names[i] = weft__malloc(n);
        if (!r->names[i]) return WEFT_ENOMEM;
        memcpy(r->names[i], PQfname(res, i), n);
    }
    return 0;
}

static int put_row(weft__pg_core *core, weft__query *q, const PGresult *res, int row)
{
    weft_rows *r = q->rows;
    size_t before = r->buffer.len;
    int rc = weft__pg_cells(core, q, res, row);
    for (int i = 0; i < r->columns && rc == 0; i++) weft__cell_put(&r->buffer, &core->cells[i]);
    weft__arena_free(&core->made);
    if (rc == 0) rc = r->buffer.failed;
    if (rc == 0 && r->buffer.len - before > ROW_MAX) rc = WEFT_ELIMIT;
    if (rc == WEFT_ELIMIT) weft__buf_printf(&q->fault, "a row of more than %d MiB", ROW_MAX >> 20);
    return rc;
}

/* As many the next time as came to 32 KiB this time. */
static void pace(cursor *cur, const weft_rows *r, int rows)
{
    size_t each = rows ? r->buffer.len / (size_t)rows + 1 : 1;
    size_t n = ROWS_AT_ONCE / each, most = (size_t)cur->next * 8;
    if (n > most) n = most;
    cur->next = n < 1 ? 1 : n > MOST ? MOST : (int)n;
}

static int take_rows(weft__pg_core *core, weft__query *q, const PGresult *res)
{
    weft_rows *r = q->rows;
    cursor *cur = r->statement;
    int n = PQntuples(res), rc = weft__pg_rows_names(r, res);
    weft__buf_clear(&r->buffer);
    r->at = 0;
    for (int i = 0; i < n && rc == 0; i++) rc = put_row(core, q, res, i);
    r->over = n < cur->next;
    pace(cur, r, n);
    return rc;
}

static void say_fetch(weft__pg_trip *t, const cursor *cur)
{
    char sql[80];
    snprintf(sql, sizeof sql, "FETCH %d FROM weft_r%llu", cur->next, (unsigned long long)cur->number);
    t->main = t->sent;
    weft__pg_say(t, sql);
}

static void end(weft__pg_conn *c, weft__query *q)
{
    char sql[80];
    cursor *cur = q->rows->statement;
    if (!cur) return;
    snprintf(sql, sizeof sql, "CLOSE weft_r%llu", (unsigned long long)cur->number);
    weft__free(cur);
    q->rows->statement = NULL;
    if (c->broken || PQtransactionStatus(c->pg) == PQTRANS_IDLE) return;
    if (!weft__pg_inside(q)) {
        weft__pg_quietly(c, q, "COMMIT", NULL);
        return;
    }
    if (PQtransactionStatus(c->pg) != PQTRANS_INTRANS) return;
    if (c->saved) weft__pg_quietly(c, q, "RELEASE weft_s", NULL);
    weft__pg_quietly(c, q, "SAVEPOINT weft_s", sql);         /* one that has gone with a savepoint cannot be closed */
    c->saved = PQtransactionStatus(c->pg) == PQTRANS_INTRANS;
    if (!c->saved) weft__pg_undo(c, q);
}

static int fill(weft__pg_trip *t)
{
    weft__query *q = t->q;
    int rc = weft__pg_sync(t);
    if (rc == 0) rc = t->result ? take_rows(t->conn->core, q, t->result) : WEFT_EDB;
    weft__pg_trip_end(t);
    if (rc < 0) weft__pg_undo(t->conn, q);
    else t->conn->saved = weft__pg_inside(q);
    return rc;
}

static int more(weft__pg_conn *c, weft__query *q)
{
    weft__pg_trip t = weft__pg_trip_of(c, q);
    weft__pg_guard(&t);
    say_fetch(&t, q->rows->statement);
    return fill(&t);
}

static int declare(weft__pg_trip *t)
{
    weft__query *q = t->q;
    weft__pg_conn *c = t->conn;
    const weft__pg_known *k = q->statement->known;
    weft__buf sql;
    weft__buf_init(&sql, 8 * (size_t)WEFT__SQL_MAX);
    weft__buf_printf(&sql, "DECLARE weft_r%llu NO SCROLL CURSOR FOR ", (unsigned long long)((cursor *)q->rows->statement)->number);
    weft__buf_add_str(&sql, weft__buf_str(&q->statement->parsed.sql));
    weft__buf_add_char(&sql, 0);
    int rc = sql.failed ? sql.failed : weft__pg_bind(c->core, q, q->cells, &q->fault);
    if (rc == 0 && !PQsendQueryParams(c->pg, sql.ptr, (int)q->statement->parsed.count, k->oids, c->core->values, c->core->lengths, c->core->formats, 1)) c->broken = true;
    if (rc == 0) t->sent++;
    weft__arena_free(&c->core->made);
    weft__buf_free(&sql);
    return rc;
}

static int begin(weft__pg_conn *c, weft__query *q)
{
    weft_rows *r = q->rows;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    cursor *cur = weft__malloc(sizeof *cur);
    if (!cur) return WEFT_ENOMEM;
    *cur = (cursor){ ++c->core->cursors, FIRST };
    r->statement = cur;
    weft__buf_init(&r->buffer, (size_t)MOST * ROW_MAX);
    if (weft__pg_inside(q)) weft__pg_guard(&t);
    else weft__pg_say(&t, "BEGIN READ ONLY");
    int rc = declare(&t);
    if (rc == 0) say_fetch(&t, cur);
    if (rc == 0) return fill(&t);
    (void)weft__pg_sync(&t);                         /* of what was sent before a value that cannot be */
    weft__pg_trip_end(&t);
    weft__pg_undo(c, q);
    return rc;
}

static int open_rows(weft__pg_conn *c, weft__query *q)
{
    int rc = weft__pg_describe(c, q, false);
    if (rc == 0 && (!((weft__pg_known *)q->statement->known)->rows || !q->statement->parsed.reads)) {
        weft__buf_printf(&q->fault, "weft_db_rows is for statements that read");
        rc = WEFT_EINVAL;
    }
    if (rc == 0) rc = begin(c, q);
    q->held = rc == 0 && q->takes;
    return rc;
}

int weft__pg_run_rows(weft__pg_conn *c, weft__query *q)
{
    if (q->rows->copy) return weft__pg_run_copy(c, q);
    int rc = q->what == WEFT__DO_ROWS ? open_rows(c, q) : q->what == WEFT__DO_MORE ? more(c, q) : 0;
    if (rc < 0 || q->rows->over || q->what == WEFT__DO_ROWS_END) end(c, q);
    return rc;
}
