/* Rows one by one: a cursor, read some at a time. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"

/* FEW: where any may be large, and all that was asked for must be taken. */
enum { ROWS_AT_ONCE = 32 * 1024, FIRST = 1, FEW = 8, MOST = 256, ROW_MAX = 16 << 20, AT_ONCE_MS = 200 };

/* What a weft_rows has here. */
typedef struct cursor {
    uint64_t number;
    int next, came;                  /* rows asked for; that have come of these */
    size_t bytes, largest;           /* of these */
    int64_t asked_ns, took_ns;       /* when, and how long until the first came: the server tells it when it has all of them */
    int64_t least_ns;                /* that it took so far: the way there and back, and what one costs */
    weft__pg_trip trip;              /* that asks for them, */
    bool halfway;                    /* and has not come to its end: the rest waits in the server until somebody reads on */
} cursor;

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

static void took(cursor *cur, int64_t ns)
{
    cur->took_ns = ns;
    if (!cur->least_ns || ns < cur->least_ns) cur->least_ns = ns;
}

static int put_row(weft__pg_core *core, weft__query *q, const PGresult *res, int row)
{
    weft_rows *r = q->rows;
    cursor *cur = r->statement;
    size_t before = r->buffer.len;
    int rc = weft__pg_cells(core, q, res, row);
    for (int i = 0; i < r->columns && rc == 0; i++) weft__cell_put(&r->buffer, &core->cells[i]);
    weft__arena_free(&core->made);
    if (rc == 0) rc = r->buffer.failed;
    if (rc == 0 && r->buffer.len - before > ROW_MAX) rc = WEFT_ELIMIT;
    if (rc == WEFT_ELIMIT) weft__buf_printf(&q->fault, "a row of more than %d MiB", ROW_MAX >> 20);
    size_t bytes = r->buffer.len - before;
    if (!cur->came) took(cur, weft__loop_now(core->root->loop) - cur->asked_ns);
    cur->came++;
    cur->bytes += bytes;
    if (bytes > cur->largest) cur->largest = bytes;
    return rc;
}

/* In a transaction other statements want the connection, so all that was asked for is taken at once. */
static int most_of(const weft__query *q, const PGresult *res)
{
    if (!weft__pg_inside(q)) return MOST;
    for (int i = 0; i < PQnfields(res); i++)
        if (PQfsize(res, i) < 0) return FEW;
    return MOST;
}

/* So many come in `ms` if all that came took `ns`, and each of them as long. */
static int64_t as_many_in(const cursor *cur, int64_t ms, int64_t ns) { return ns > 0 ? cur->came * ms * WEFT__PG_MS / ns : MOST; }

/* As the server is quick to make them. What the way there and back takes, no smaller number makes shorter; but however the time is spent, half of what a wait may last is kept. */
static int64_t quick_of(const cursor *cur, int ms)
{
    int64_t at_once = ms >= 0 && ms / 4 < AT_ONCE_MS ? ms / 4 : AT_ONCE_MS;
    int64_t n = as_many_in(cur, at_once, cur->took_ns - cur->least_ns) + 1, bound = ms >= 0 ? as_many_in(cur, ms / 2, cur->took_ns) : n;
    return n < bound ? n : bound;
}

/* As many the next time as came to 32 KiB this time, and as come in time; of large ones few at once, whatever others were like. */
static void pace(cursor *cur, int most, int ms)
{
    size_t each = cur->came ? cur->bytes / (size_t)cur->came + 1 : 1;
    if (cur->largest > ROWS_AT_ONCE) each = cur->largest;
    int64_t n = (int64_t)(ROWS_AT_ONCE / each), growth = (int64_t)cur->next * 8, quick = quick_of(cur, ms);
    if (n > growth) n = growth;
    if (n > quick) n = quick;
    cur->next = n < 1 ? 1 : n > most ? most : (int)n;
}

static int take_row(weft__pg_trip *t, const PGresult *res)
{
    int rc = weft__pg_rows_names(t->q->rows, res);
    return rc < 0 ? rc : put_row(t->conn->core, t->q, res, 0);
}

/* All have come: what libpq could not tell one by one is in the result still. */
static int take_end(weft__pg_trip *t)
{
    weft__query *q = t->q;
    weft_rows *r = q->rows;
    cursor *cur = r->statement;
    int rc = t->result ? weft__pg_rows_names(r, t->result) : WEFT_EDB;
    for (int i = 0; rc == 0 && i < PQntuples(t->result); i++) rc = put_row(t->conn->core, q, t->result, i);
    if (rc < 0) return rc;
    r->over = cur->came < cur->next;
    pace(cur, most_of(q, t->result), weft__query_ms(t->conn->core->root, q));
    return 0;
}

static void say_fetch(weft__pg_trip *t, cursor *cur)
{
    char sql[80];
    cur->came = 0;
    cur->bytes = cur->largest = 0;
    cur->asked_ns = weft__loop_now(t->conn->core->root->loop);
    t->row = take_row;
    snprintf(sql, sizeof sql, "FETCH %d FROM weft_r%llu", cur->next, (unsigned long long)cur->number);
    t->main = t->sent;
    weft__pg_say(t, sql);
}

/* Nobody wants what is on its way. */
static void leave_halfway(weft__query *q, cursor *cur)
{
    weft__pg_trip *t = &cur->trip;
    weft__query quiet = { .what = WEFT__DO_ROWS_END, .fiber = q->fiber, .from_ns = q->from_ns, .place = q->place, .stop = q->stop, .rows = q->rows };
    weft__buf_init(&quiet.fault, 256);
    t->q = &quiet;
    if (t->row_rc == 0) t->row_rc = WEFT_ECLOSED;
    if (!t->conn->broken) (void)weft__pg_sync_read(t, 0);
    weft__pg_trip_end(t);
    weft__buf_free(&quiet.fault);
}

static void end(weft__pg_conn *c, weft__query *q)
{
    char sql[80];
    cursor *cur = q->rows->statement;
    if (!cur) return;
    snprintf(sql, sizeof sql, "CLOSE weft_r%llu", (unsigned long long)cur->number);
    if (cur->halfway) leave_halfway(q, cur);
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

/* As far as 32 KiB, where the connection is that of the rows alone; the rest is not read yet. */
static int read_on(weft__pg_trip *t)
{
    weft__query *q = t->q;
    cursor *cur = q->rows->statement;
    int rc = weft__pg_sync_read(t, weft__pg_inside(q) ? 0 : ROWS_AT_ONCE);
    cur->halfway = rc == WEFT__PG_HALFWAY;
    if (cur->halfway) {
        cur->trip = *t;
        return 0;
    }
    if (rc == 0) rc = take_end(t);
    weft__pg_trip_end(t);
    if (rc < 0) weft__pg_undo(t->conn, q);
    else t->conn->saved = weft__pg_inside(q);
    return rc;
}

static int fill(weft__pg_trip *t)
{
    weft__pg_sync_send(t);
    return read_on(t);
}

static int more(weft__pg_conn *c, weft__query *q)
{
    weft_rows *r = q->rows;
    cursor *cur = r->statement;
    weft__pg_trip t = cur->halfway ? cur->trip : weft__pg_trip_of(c, q);
    bool halfway = cur->halfway;
    t.q = q;
    t.came = 0;
    weft__buf_clear(&r->buffer);
    r->at = 0;
    cur->halfway = false;
    if (halfway) return read_on(&t);
    weft__pg_guard(&t);
    say_fetch(&t, cur);
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

/* What stops halfway is one statement to the server for as long as its reader is away: the server bounds none of it, each wait is bounded here. */
static void begin_alone(weft__pg_trip *t)
{
    weft__pg_say(t, "BEGIN READ ONLY");
    weft__pg_say(t, "SET LOCAL statement_timeout = 0");
}

static int begin(weft__pg_conn *c, weft__query *q)
{
    weft_rows *r = q->rows;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    cursor *cur = weft__malloc(sizeof *cur);
    if (!cur) return WEFT_ENOMEM;
    *cur = (cursor){ .number = ++c->core->cursors, .next = FIRST };
    r->statement = cur;
    weft__buf_init(&r->buffer, (size_t)FEW * ROW_MAX + ROW_MAX);
    if (weft__pg_inside(q)) weft__pg_guard(&t);
    else begin_alone(&t);
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
