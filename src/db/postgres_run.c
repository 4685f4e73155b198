/* One query on a connection of its own: straight on, trip by trip. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "db/postgres.h"
#include "model/coerce.h"

enum { SLOW_MS = 10 };

/* ---- transactions ---- */

static void begin_level(weft__pg_trip *t, int level)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SAVEPOINT weft_%d", level);
    weft__pg_say(t, level ? sql : t->q->reads ? "BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ" : "BEGIN");
}

/* A statement that fails would end its transaction. So there is a savepoint before each, which stands until the next one: an end of it on its own would cost
 * a trip more. */
void weft__pg_guard(weft__pg_trip *t)
{
    weft__query *q = t->q;
    if (!weft__pg_inside(q)) return;
    if (t->conn->saved) weft__pg_say(t, "RELEASE weft_s");
    t->conn->saved = false;
    t->begin_at = t->sent;
    for (int level = q->begin_from + q->begun; level <= q->begin_to; level++) begin_level(t, level);
    t->begin_end = t->sent;
    if (q->patient && t->begin_end > t->begin_at) weft__pg_say(t, "SET LOCAL statement_timeout = 0");
    weft__pg_say(t, "SAVEPOINT weft_s");
}

void weft__pg_quietly(weft__pg_conn *c, const weft__query *q, const char *first, const char *second)
{
    weft__query quiet = { .what = WEFT__DO_ROLLBACK, .fiber = q->fiber, .from_ns = q->from_ns, .place = q->place, .stop = q->stop };
    weft__buf_init(&quiet.fault, 256);
    weft__pg_trip t = weft__pg_trip_of(c, &quiet);
    weft__pg_say(&t, first);
    if (second) weft__pg_say(&t, second);
    (void)weft__pg_sync(&t);
    weft__pg_trip_end(&t);
    weft__buf_free(&quiet.fault);
}

/* Whether the savepoint was made or not: what failed before it has not begun anything. */
void weft__pg_undo(weft__pg_conn *c, weft__query *q)
{
    if (!weft__pg_inside(q) || c->broken || PQtransactionStatus(c->pg) == PQTRANS_IDLE) return;
    weft__pg_quietly(c, q, "ROLLBACK TO weft_s", "RELEASE weft_s");
    c->saved = false;
}

static int commit(weft__pg_conn *c, weft__query *q)
{
    char sql[64];
    weft__pg_trip t = weft__pg_trip_of(c, q);
    if (c->saved) weft__pg_say(&t, "RELEASE weft_s");
    c->saved = false;
    if (q->level == 0) {
        /* References that are looked at in the end are looked at here, where that is not the end yet. */
        weft__pg_say(&t, "SAVEPOINT weft_s");
        weft__pg_say(&t, "SET CONSTRAINTS ALL IMMEDIATE");
    }
    snprintf(sql, sizeof sql, "RELEASE weft_%d", q->level);
    t.main = t.sent;
    weft__pg_say(&t, q->level ? sql : "COMMIT");
    int rc = weft__pg_sync(&t);
    bool undone = rc == 0 && q->level == 0 && (!t.result || strcmp(PQcmdStatus(t.result), "COMMIT") != 0);
    weft__pg_trip_end(&t);
    if (undone) return weft__buf_printf(&q->fault, "the transaction had failed, and was rolled back"), WEFT_EDB;
    if (rc == 0 || c->broken) return rc;
    snprintf(sql, sizeof sql, "ROLLBACK TO weft_%d", q->level);
    if (rc == WEFT_EDB_REFERENCE && q->level == 0) {
        weft__pg_quietly(c, q, "ROLLBACK TO weft_s", "RELEASE weft_s");
        q->ends = false;
    } else weft__pg_quietly(c, q, q->level ? sql : "ROLLBACK", NULL);
    return rc;
}

static int roll_back(weft__pg_conn *c, weft__query *q)
{
    char back[64], release[64];
    c->saved &= q->level > 0;
    if (c->broken || PQtransactionStatus(c->pg) == PQTRANS_IDLE) return 0;
    snprintf(back, sizeof back, "ROLLBACK TO weft_%d", q->level);
    snprintf(release, sizeof release, "RELEASE weft_%d", q->level);
    weft__pg_quietly(c, q, q->level ? back : "ROLLBACK", q->level ? release : NULL);
    c->saved = false;
    return 0;
}

/* ---- what is known of a statement ---- */

static void columns_forget(weft__pg_known *k)
{
    for (int i = 0; k->names && i < k->columns; i++) weft__free(k->names[i]);
    weft__free(k->names);
    weft__free(k->types);
    weft__free(k->plan);
    k->names = NULL;
    k->types = NULL;
    k->plan = NULL;
    k->columns = 0;
}

static void known_free(void *known)
{
    weft__pg_known *k = known;
    if (!k) return;
    columns_forget(k);
    weft__free(k->oids);
    weft__free(k);
}

/* What was known before is not now; others may have asked meanwhile, too. */
static int note_known(weft__statement *st, const PGresult *r)
{
    int n = PQnparams(r);
    uint32_t *oids = weft__calloc((size_t)n * sizeof *oids + 1);
    weft__pg_known *k = st->known ? st->known : weft__calloc(sizeof *k);
    if (!oids || !k) {
        weft__free(oids);
        if (!st->known) weft__free(k);
        return WEFT_ENOMEM;
    }
    for (int i = 0; i < n; i++) oids[i] = PQparamtype(r, i);
    weft__free(k->oids);
    k->oids = oids;
    k->params = n;
    k->rows = PQnfields(r) > 0;
    st->known = k;
    st->forget = known_free;
    return 0;
}

/* ---- types that are the database's own ---- */

static void add_unknown(const weft__pg_types *types, uint32_t oid, weft__buf *list)
{
    if (weft__pg_type_known(types, oid)) return;
    weft__buf_printf(list, "%s%u", list->len ? "," : "{", (unsigned)oid);
}

static uint32_t number_at(const PGresult *r, int row, int column) { return (uint32_t)strtoul(PQgetvalue(r, row, column), NULL, 10); }

static int learn_types(weft__pg_core *core, const PGresult *r)
{
    int rc = 0;
    for (int i = 0; i < PQntuples(r) && rc == 0; i++) {
        weft__pg_type t = { .oid = number_at(r, i, 0), .of = number_at(r, i, 3) };
        char kind = *PQgetvalue(r, i, 1), category = *PQgetvalue(r, i, 2);
        t.kind = kind == 'd' ? WEFT__PG_DOMAIN : category == 'A' && t.of ? WEFT__PG_ARRAY : kind == 'e' || category == 'S' ? WEFT__PG_TEXT : WEFT__PG_UNREAD;
        snprintf(t.name, sizeof t.name, "%s", PQgetvalue(r, i, 4));
        rc = weft__pg_type_add(&core->types, &t);
    }
    return rc;
}

static int ask_types(weft__pg_conn *c, weft__query *q, const char *list)
{
    weft__pg_trip t = weft__pg_trip_of(c, q);
    t.main = 0;
    t.sent = 1;
    if (!PQsendQueryParams(c->pg, "SELECT oid, typtype, typcategory, CASE typtype WHEN 'd' THEN typbasetype ELSE typelem END, typname"
            " FROM pg_catalog.pg_type WHERE oid = ANY ($1::oid[])", 1, NULL, &list, NULL, NULL, 0)) c->broken = true;
    int rc = weft__pg_sync(&t);
    if (rc == 0) rc = t.result ? learn_types(c->core, t.result) : WEFT_EDB;
    weft__pg_trip_end(&t);
    return rc;
}

/* Those of the statement, then those that these are made of. */
int weft__pg_types_of(weft__pg_conn *c, weft__query *q, const PGresult *r)
{
    const weft__pg_types *types = &c->core->types;
    int rc = 0;
    for (int round = 0; round < 4 && rc == 0; round++) {
        weft__buf list;
        weft__buf_init(&list, 64 * 1024);
        for (int i = 0; round == 0 && i < PQnparams(r); i++) add_unknown(types, PQparamtype(r, i), &list);
        for (int i = 0; round == 0 && i < PQnfields(r); i++) add_unknown(types, PQftype(r, i), &list);
        for (int i = 0; round && i < types->count; i++)
            if (types->items[i].kind >= WEFT__PG_ARRAY) add_unknown(types, types->items[i].of, &list);
        bool any = list.len;
        weft__buf_add(&list, "}", 2);
        if (any) rc = list.failed ? list.failed : ask_types(c, q, list.ptr);
        weft__buf_free(&list);
        if (!any) break;
    }
    return rc;
}

/* It may be gone in the server, or be another's: that is no failure of the statement. */
static void forget_prepared(weft__pg_conn *c, weft__query *q)
{
    char name[32], drop[48];
    weft__buf_clear(&q->fault);
    c->kept[q->statement->slot >= 0 ? q->statement->slot : c->core->root->opts.statements_max] = 0;
    snprintf(drop, sizeof drop, "DEALLOCATE %s", weft__pg_name(name, q->statement->id));
    weft__pg_trip t = weft__pg_trip_of(c, q);
    weft__pg_guard(&t);
    weft__pg_say(&t, drop);
    (void)weft__pg_sync(&t);
    bool failed = t.error;
    weft__pg_trip_end(&t);
    weft__buf_clear(&q->fault);
    if (failed) weft__pg_undo(c, q);
    else c->saved = weft__pg_inside(q);
}

static int describe(weft__pg_conn *c, weft__query *q, bool *outdated)
{
    weft__statement *st = q->statement;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    weft__pg_guard(&t);
    weft__pg_prepare(&t, true);
    int rc = weft__pg_sync(&t);
    if (rc == 0 && !t.result) rc = WEFT_EDB;
    if (rc == 0) c->saved = weft__pg_inside(q);
    if (rc == 0) rc = weft__pg_types_of(c, q, t.result);
    if (rc == 0) rc = note_known(st, t.result);
    *outdated = t.error && weft__pg_outdated(t.error);
    weft__pg_trip_end(&t);
    if (rc < 0) weft__pg_undo(c, q);
    return rc;
}

/* Once a statement and database: what its values are taken for, and whether it gives rows. */
int weft__pg_describe(weft__pg_conn *c, weft__query *q, bool anew)
{
    bool outdated = false;
    if (q->statement->known && !anew) return 0;
    int rc = describe(c, q, &outdated);
    if (rc >= 0 || !outdated || c->broken || q->stop) return rc;
    forget_prepared(c, q);
    return c->broken ? weft__pg_lost(c, q) : describe(c, q, &outdated);
}

/* ---- rows to models ---- */

static bool same_columns(const weft__pg_known *k, const PGresult *r, int n)
{
    if (k->columns != n) return false;
    for (int i = 0; i < n; i++)
        if (k->types[i] != PQftype(r, i) || strcmp(k->names[i], PQfname(r, i)) != 0) return false;
    return true;
}

static int note_columns(weft__pg_known *k, const PGresult *r, int n)
{
    columns_forget(k);
    k->names = weft__calloc((size_t)n * sizeof *k->names + 1);
    k->types = weft__calloc((size_t)n * sizeof *k->types + 1);
    if (!k->names || !k->types) return WEFT_ENOMEM;
    k->columns = n;
    for (int i = 0; i < n; i++) {
        size_t len = strlen(PQfname(r, i)) + 1;
        k->names[i] = weft__malloc(len);
        if (!k->names[i]) return columns_forget(k), WEFT_ENOMEM;
        memcpy(k->names[i], PQfname(r, i), len);
        k->types[i] = PQftype(r, i);
    }
    return 0;
}

static int plan_for(weft__query *q, weft__pg_known *k, const PGresult *r)
{
    const char *why;
    int n = PQnfields(r);
    bool same = same_columns(k, r, n);
    if (same && k->plan && k->plan->schema == q->schema) return 0;
    int rc = same ? 0 : note_columns(k, r, n);
    if (rc < 0) return rc;
    weft__row_plan *plan = weft__row_plan_new(q->schema, &why);
    if (!plan && !why) return WEFT_ENOMEM;
    if (!plan) return weft__buf_printf(&q->fault, "%s: %s", q->schema->name, why), WEFT_EINVAL;
    rc = weft__row_plan_match(plan, (const char *const *)k->names, n, &q->fault);
    if (rc < 0) return weft__free(plan), rc;
    weft__free(k->plan);
    k->plan = plan;
    k->plans++;
    return 0;
}

int weft__pg_cells(weft__pg_core *c, weft__query *q, const PGresult *r, int row)
{
    int n = PQnfields(r);
    if (n > c->cells_room) {
        weft__cell *more = weft__realloc(c->cells, (size_t)n * sizeof *more);
        if (!more) return WEFT_ENOMEM;
        c->cells = more;
        c->cells_room = n;
    }
    for (int i = 0; i < n; i++) {
        weft__buf why;
        weft__buf_init(&why, 512);
        int rc = weft__pg_cell(&c->types, PQftype(r, i), PQgetisnull(r, row, i) ? NULL : PQgetvalue(r, row, i), PQgetlength(r, row, i), &c->made, &c->cells[i], &why);
        if (rc == WEFT_EDB) weft__buf_printf(&q->fault, "column %s %.*s", PQfname(r, i), WEFT_FMT(weft__buf_str(&why)));
        weft__buf_free(&why);
        if (rc < 0) return rc;
    }
    return 0;
}

static int read_row(weft__pg_core *c, weft__query *q, const weft__pg_known *k, const PGresult *r, int row, void *out)
{
    int rc = weft__pg_cells(c, q, r, row);
    if (rc == 0) rc = weft__row_read(k->plan, c->cells, (const char *const *)k->names, out, &q->arena, &q->fault);
    weft__arena_free(&c->made);
    return rc;
}

static int read_one_of(weft__pg_core *c, weft__query *q, const PGresult *r, int row, long long number)
{
    void *to = weft__list_slot(&q->arena, q->out, q->schema->size);
    int rc = to ? read_row(c, q, q->statement->known, r, row, to) : weft__arena_error(&q->arena);
    if (rc == WEFT_ELIMIT) weft__buf_printf(&q->fault, "row %lld does not fit into the memory of this request; weft_db_rows reads them one by one", number);
    if (rc == WEFT_EDB) weft__buf_printf(&q->fault, " in row %lld", number);
    return rc;
}

static int read_all(weft__pg_core *c, weft__query *q, const PGresult *r)
{
    int rc = 0;
    for (int i = 0; i < PQntuples(r) && rc == 0; i++) rc = read_one_of(c, q, r, i, i + 1);
    return rc;
}

/* How many rows were inserted, changed or removed. */
static int changed(const PGresult *r)
{
    const char *tag = PQcmdStatus((PGresult *)(uintptr_t)r);
    if (*tag == 'S') return 0;                       /* SELECT, most of the time */
    if (strncmp(tag, "INSERT", 6) && strncmp(tag, "UPDATE", 6) && strncmp(tag, "DELETE", 6) && strncmp(tag, "MERGE", 5)) return 0;
    long n = strtol(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10);
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

static int too_many(weft__query *q) { return weft__buf_printf(&q->fault, "more than one row"), WEFT_EDB; }

static int take_rows(weft__pg_core *c, weft__query *q, const PGresult *r, bool planned)
{
    weft__pg_known *k = q->statement->known;
    int rows = PQntuples(r);
    if (!q->schema) return changed(r);
    if (q->what == WEFT__DO_ONE && rows > 1) return too_many(q);
    if (q->what == WEFT__DO_ONE && rows == 0) return weft__buf_printf(&q->fault, "no row"), WEFT_ENOENT;
    int rc = planned ? 0 : plan_for(q, k, r);
    if (rc == 0) rc = q->what == WEFT__DO_ONE ? read_row(c, q, k, r, 0, q->out) : read_all(c, q, r);
    return rc < 0 ? rc : changed(r);
}

int weft__pg_take_rows(weft__pg_core *c, weft__query *q, const PGresult *r) { return take_rows(c, q, r, false); }

/* Between two rows other tasks run, and may have had the plan made anew. */
int weft__pg_take_row(weft__pg_trip *t, const PGresult *r)
{
    weft__query *q = t->q;
    weft__pg_core *core = t->conn->core;
    weft__pg_known *k = q->statement->known;
    if (!q->schema) return 0;
    if (q->what == WEFT__DO_ONE && t->rows) return too_many(q);
    int rc = t->rows && k->plan && k->plans == t->plans ? 0 : plan_for(q, k, r);
    t->plans = k->plans;
    if (rc < 0) return rc;
    return q->what == WEFT__DO_ONE ? read_row(core, q, k, r, 0, q->out) : read_one_of(core, q, r, 0, (long long)t->rows + 1);
}

/* The rows have come, but where libpq could not tell them one by one. */
static int taken(weft__pg_trip *t)
{
    if (!t->result) return WEFT_EDB;
    return t->q->what == WEFT__DO_ONE && t->rows ? changed(t->result) : weft__pg_take_rows(t->conn->core, t->q, t->result);
}

/* A prepared statement's columns do not change: what the first item's answer was found to fit the others do, unless another call has the plan by now. */
int weft__pg_take_item(weft__pg_core *c, weft__query *q, const PGresult *r, size_t i)
{
    const weft__pg_known *k = q->statement->known;
    bool planned = i && k->plan && q->items->plan_seen == k->plans && PQnfields(r) == k->columns;
    int rc = take_rows(c, q, r, planned), missing = rc < 0 ? 0 : weft__item_rows(q, i);
    q->items->plan_seen = k->plans;
    return missing < 0 ? missing : rc;
}

/* ---- a statement ---- */

/* What gives rows of what it has changed is undone when they do not fit: so it ends, with its Sync, when they have been read. */
static int rows_before_end(weft__pg_trip *t)
{
    weft__pg_ask(t);
    int rc = weft__pg_read(t, t->sent);
    if (rc == 0) rc = taken(t);
    if (rc < 0 && !t->error) weft__pg_say(t, "ROLLBACK");
    int end = weft__pg_sync(t);
    return rc < 0 ? rc : end < 0 ? end : rc;
}

static int execute(weft__pg_conn *c, weft__query *q, bool *outdated)
{
    const weft__pg_known *k = q->statement->known;
    weft__pg_trip t = weft__pg_trip_of(c, q);
    int64_t from = weft__loop_clock(c->core->root->loop);
    if (k->rows) t.row = weft__pg_take_row;
    weft__pg_guard(&t);
    weft__pg_prepare(&t, false);
    int rc = weft__pg_execute(&t, q->cells);
    int bound = rc;
    bool held = rc == 0 && k->rows && q->what != WEFT__DO_COUNT && !q->statement->parsed.reads && !weft__pg_inside(q);
    if (held) rc = rows_before_end(&t);
    else {
        int end = weft__pg_sync(&t);                 /* also of what was sent before a value that cannot be */
        if (rc == 0) rc = end;
        if (rc == 0) rc = taken(&t);
    }
    *outdated = t.error && weft__pg_outdated(t.error) && bound == 0;
    weft__pg_trip_end(&t);
    bool slow = t.came > WEFT__PG_LARGE || weft__loop_clock(c->core->root->loop) - from > SLOW_MS * WEFT__PG_MS;
    q->statement->slow = slow ? WEFT__PG_SLOW : WEFT__PG_QUICK;
    if (rc < 0) weft__pg_undo(c, q);
    else c->saved = weft__pg_inside(q);
    return rc;
}

static int run_statement(weft__pg_conn *c, weft__query *q)
{
    for (int tries = 0;; tries++) {
        bool outdated = false;
        int rc = weft__pg_describe(c, q, tries > 0);
        if (rc == 0) rc = q->what == WEFT__DO_EACH ? weft__pg_run_each(c, q, &outdated) : execute(c, q, &outdated);
        if (rc >= 0 || !outdated || tries || c->broken || q->stop) return rc;
        forget_prepared(c, q);
    }
}

/* ---- any ---- */

static int run_in(weft__pg_conn *c, weft__query *q)
{
    switch (q->what) {
    case WEFT__DO_COUNT: case WEFT__DO_ONE: case WEFT__DO_ALL: case WEFT__DO_EACH: return run_statement(c, q);
    case WEFT__DO_SCRIPT: return weft__pg_run_script(c, q);
    case WEFT__DO_ROWS: case WEFT__DO_MORE: case WEFT__DO_ROWS_END: return weft__pg_run_rows(c, q);
    case WEFT__DO_COMMIT: return commit(c, q);
    case WEFT__DO_ROLLBACK: return roll_back(c, q);
    case WEFT__DO_OPEN: case WEFT__DO_CLOSE: return 0;
    }
    return WEFT_EINVAL;
}

int weft__pg_run(weft__pg_conn *c, weft__query *q)
{
    q->begun = 0;
    int rc = run_in(c, q);
    c->reader = NULL;
    c->one_by_one = false;
    if (!c->broken && q->what != WEFT__DO_OPEN) weft__pg_used(c);
    if (!c->cancel) weft__timer_stop(c->core->root->loop, &c->limit);
    bool inside = weft__pg_inside(q), gone = c->broken || PQtransactionStatus(c->pg) == PQTRANS_IDLE;
    if (inside && q->takes) q->held = q->begun > 0 && !gone;
    if (inside && !q->takes && gone && q->what != WEFT__DO_COMMIT && q->what != WEFT__DO_ROLLBACK) q->over = true;
    return rc;
}
