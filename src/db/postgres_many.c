/* A statement for each of many items, and a script of many statements: all of it or nothing. */
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"

enum { AT_ONCE = 256 };

/* ---- all of it or nothing ---- */

/* All of it or nothing: a transaction around it, or the savepoint of the one there is. */
static void whole_begin(weft__pg_trip *t)
{
    weft__pg_guard(t);
    if (!weft__pg_inside(t->q)) weft__pg_say(t, "BEGIN");
}

static int whole_end(weft__pg_trip *t, int rc)
{
    weft__query *q = t->q;
    weft__pg_conn *c = t->conn;
    bool inside = weft__pg_inside(q);
    if (rc >= 0 && !inside) {
        weft__pg_say(t, "COMMIT");
        t->main = -1;
    }
    int end = weft__pg_sync(t);
    if (rc >= 0 && end < 0) rc = end;
    weft__pg_trip_end(t);
    if (c->broken) return rc;
    if (inside && rc < 0) weft__pg_undo(c, q);
    else if (inside) c->saved = true;
    else if (PQtransactionStatus(c->pg) != PQTRANS_IDLE) weft__pg_quietly(c, q, "ROLLBACK", NULL);
    return rc;
}

/* ---- a statement for each item ---- */

/* What comes of the i-th, whose result is the trip's `at`-th. */
static int item_read(weft__pg_trip *t, int at, size_t i, int64_t *sum)
{
    t->main = at;
    t->rows = 0;
    int rc = weft__pg_read(t, at + 1);
    if (rc == 0) rc = t->result ? weft__pg_take_item(t->conn->core, t->q, t->result, i) : WEFT_EDB;
    if (rc > 0) *sum += rc;
    return rc < 0 ? rc : 0;
}

/* Which item the failure is of. */
static size_t item_of(const weft__pg_trip *t, int first, size_t got)
{
    if (!t->error) return got;
    return t->error_at >= first ? (size_t)(t->error_at - first) : 0;
}

static int item_send(weft__pg_trip *t, size_t i)
{
    int rc = weft__item_cells(t->q, i);
    return rc < 0 ? rc : weft__pg_execute(t, t->q->items->cells);
}

/* How many have been sent, and answered; which failed. */
typedef struct items { weft__pg_trip *t; int first; size_t sent, got, bad; int64_t sum; } items;

static int read_some(items *s, size_t n)
{
    for (int rc; n; n--, s->got++) {
        if ((rc = item_read(s->t, s->first + (int)s->got, s->got, &s->sum)) == 0) continue;
        s->bad = item_of(s->t, s->first, s->got);
        return rc;
    }
    return 0;
}

/* Those before it may fail, too, and are named first. */
static int unsent(items *s, int rc)
{
    weft__query *q = s->t->q;
    weft__buf why = q->fault;
    weft__buf_init(&q->fault, why.bytes_max);
    s->bad = s->sent;
    weft__pg_ask(s->t);
    int before = read_some(s, s->sent - s->got);
    weft__buf *not_told = before < 0 ? &why : &q->fault;
    weft__buf_free(not_told);
    if (before == 0) q->fault = why;
    return before < 0 ? before : rc;
}

/* Some hundred go out before the first of them is looked at, so that neither side waits; of large ones as many as some hundred KiB hold, and then none before all of
 * these are answered: what the server has not read yet lies in libpq's memory. */
static int each_item(weft__pg_trip *t)
{
    items s = { .t = t, .first = t->sent };
    size_t count = t->q->items->count, before = t->bytes;
    int rc = 0;
    while (s.got < count && rc == 0) {
        for (; s.sent < count && s.sent - s.got < AT_ONCE && t->bytes - before < WEFT__PG_BYTES_AT_ONCE && (rc = item_send(t, s.sent)) == 0; s.sent++) continue;
        if (rc < 0) {
            rc = unsent(&s, rc);
            break;
        }
        bool full = t->bytes - before >= WEFT__PG_BYTES_AT_ONCE;
        weft__pg_ask(t);
        rc = read_some(&s, full ? s.sent - s.got : (s.sent - s.got + 1) / 2);
        if (full) before = t->bytes;
    }
    if (rc < 0) weft__buf_printf(&t->q->fault, " (item %zu of %zu)", s.bad, count);
    return rc < 0 ? rc : s.sum < INT32_MAX ? (int)s.sum : INT32_MAX;
}

int weft__pg_run_each(weft__pg_conn *c, weft__query *q, bool *outdated)
{
    enum { SLOW_US = 10000, SLOW_EACH_US = 250 };
    weft__pg_trip t = weft__pg_trip_of(c, q);
    int64_t from = weft__loop_clock(c->core->root->loop);
    weft__items_begin(q);
    if (q->schema) t.row = weft__pg_take_row;
    whole_begin(&t);
    weft__pg_prepare(&t, false);
    int rc = each_item(&t);
    *outdated = t.error && weft__pg_outdated(t.error);
    rc = whole_end(&t, rc);
    int64_t us = (weft__loop_clock(c->core->root->loop) - from) / 1000;
    q->statement->slow = us > SLOW_US + (int64_t)q->items->count * SLOW_EACH_US ? WEFT__PG_SLOW : WEFT__PG_QUICK;
    return rc;
}

/* ---- scripts ---- */

static bool has_word(const weft__parsed *p) { return p->worded; }

static int script_failed(weft__query *q, weft_str statement, int rc)
{
    size_t n = statement.len < 200 ? statement.len : 200;
    while (n && strchr(" \n\t", *statement.ptr)) statement.ptr++, n--;
    if (q->fault.len) weft__buf_printf(&q->fault, " in \"%.*s\"", (int)n, statement.ptr);
    return rc;
}

/* Nobody asks for rows of a script. */
static int dropped(weft__pg_trip *t, const PGresult *r) { return (void)t, (void)r, 0; }

static int script_statement(weft__pg_trip *t, weft_str *rest)
{
    weft__query *q = t->q;
    weft__parsed p;
    const char *fault = NULL;
    size_t len = 0;
    int rc = weft__sql_first(*rest, &p, &len, &fault);
    weft_str mine = { rest->ptr, len };
    if (rc == 0 && p.count) fault = "a parameter, and a script has no values", rc = WEFT_EINVAL;
    if (rc == 0 && p.kind == WEFT__SQL_SESSION) fault = "what begins or ends transactions (WEFT_TRANSACTION is for that), or changes a connection that others have next (SET, TEMPORARY), is refused", rc = WEFT_EDB;
    if (rc < 0) weft__buf_printf(&q->fault, "%s", fault);
    if (rc == 0 && has_word(&p)) {
        t->main = t->sent;
        weft__pg_say(t, p.sql.ptr);
        weft__pg_ask(t);
        rc = weft__pg_read(t, t->sent);
    }
    weft__parsed_free(&p);
    if (rc < 0) return script_failed(q, mine, rc);
    rest->ptr += len;
    rest->len -= len;
    return 0;
}

int weft__pg_run_script(weft__pg_conn *c, weft__query *q)
{
    weft_str rest = weft_str_of(q->text);
    weft__pg_trip t = weft__pg_trip_of(c, q);
    int rc = 0;
    t.row = dropped;
    whole_begin(&t);
    while (rest.len && rc == 0) rc = script_statement(&t, &rest);
    return whole_end(&t, rc);
}
