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

static int item_cells(weft__query *q, const weft__row_plan *plan, const void *item, weft__cell *cells)
{
    weft__buf why;
    weft__buf_init(&why, 512);
    const weft__parsed *p = &q->statement->parsed;
    int rc = 0;
    for (uint32_t i = 0; i < p->count && rc == 0; i++) {
        const weft__column *col = weft__row_plan_find(plan, p->places[i].name);
        if (col) rc = weft__cell_of_column(col, item, &q->arena, &cells[i], &why);
        else rc = WEFT_EINVAL, weft__buf_printf(&why, "no field of %s", q->schema->name);
        if (rc == WEFT_EINVAL) weft__buf_printf(&q->fault, ":%.*s is %.*s", WEFT_FMT(p->places[i].name), WEFT_FMT(weft__buf_str(&why)));
    }
    weft__buf_free(&why);
    return rc;
}

/* One result more is here: its count. */
static int item_read(weft__pg_trip *t, int at, int64_t *sum)
{
    t->main = at;
    int rc = weft__pg_read(t, at + 1);
    if (rc == 0 && t->result) *sum += weft__pg_take_rows(t->conn->core, t->q, t->result);
    return rc;
}

/* Some hundred go out before the first of them is looked at: neither side waits, and what is under way is bounded. */
static int each_item(weft__pg_trip *t, const weft__row_plan *plan, weft__cell *cells)
{
    weft__query *q = t->q;
    int64_t sum = 0;
    int first = t->sent, rc = 0;
    size_t sent = 0, got = 0, bad = 0;
    while (got < q->items_count && rc >= 0) {
        for (; sent < q->items_count && sent - got < AT_ONCE && rc == 0; sent++) {
            bad = sent;
            rc = item_cells(q, plan, (const char *)q->items + sent * q->schema->size, cells);
            if (rc == 0) rc = weft__pg_execute(t, cells);
            weft__arena_free(&q->arena);
            if (rc < 0) break;
        }
        int found = rc;                              /* those before it may fail, too, and are named first */
        weft__pg_ask(t);
        size_t half = sent - got > 1 ? (sent - got + 1) / 2 : sent - got;
        if (found < 0) half = sent - got;
        for (size_t n = 0; n < half; n++) {
            int one = item_read(t, first + (int)got, &sum);
            if (one < 0) {
                if (found < 0) weft__buf_clear(&q->fault);
                if (found < 0) weft__pg_failed(q, t->error);
                rc = one;
                bad = t->error_at >= first ? (size_t)(t->error_at - first) : 0;
                break;
            }
            got++;
        }
        if (rc < 0) weft__buf_printf(&q->fault, " (item %zu of %zu)", bad, q->items_count);
    }
    return rc < 0 ? rc : sum < INT32_MAX ? (int)sum : INT32_MAX;
}

int weft__pg_run_each(weft__pg_conn *c, weft__query *q)
{
    const char *why;
    int rc = weft__pg_describe(c, q, false);
    if (rc < 0) return rc;
    weft__row_plan *plan = weft__row_plan_new(q->schema, &why);
    if (!plan && why) return weft__buf_printf(&q->fault, "%s: %s", q->schema->name, why), WEFT_EINVAL;
    weft__cell *cells = plan ? weft__malloc((q->statement->parsed.count + 1) * sizeof *cells) : NULL;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    whole_begin(&t);
    weft__pg_prepare(&t, false);
    rc = whole_end(&t, cells ? each_item(&t, plan, cells) : WEFT_ENOMEM);
    weft__free(cells);
    weft__free(plan);
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
    whole_begin(&t);
    while (rest.len && rc == 0) rc = script_statement(&t, &rest);
    return whole_end(&t, rc);
}
