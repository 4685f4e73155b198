/* One query on a lane's connection. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/sqlite.h"
#include "model/coerce.h"

enum { ROWS_AT_ONCE = 32 * 1024, ROW_MAX = 16 << 20 };

/* ---- values in, rows out ---- */

static int bind_values(weft__sqlite_lane *lane, weft__query *q, sqlite3_stmt *stmt, const weft__cell *cells, bool copied)
{
    sqlite3_destructor_type life = copied ? SQLITE_TRANSIENT : SQLITE_STATIC;
    for (uint32_t i = 0; i < q->statement->parsed.count; i++) {
        const weft__cell *c = &cells[i];
        int at = (int)i + 1, rc = SQLITE_OK;
        switch (c->kind) {
        case WEFT__CELL_NULL: rc = sqlite3_bind_null(stmt, at); break;
        case WEFT__CELL_INT: rc = sqlite3_bind_int64(stmt, at, c->i); break;
        case WEFT__CELL_REAL: rc = sqlite3_bind_double(stmt, at, c->d); break;
        case WEFT__CELL_TEXT: case WEFT__CELL_DECIMAL: rc = sqlite3_bind_text64(stmt, at, c->s.ptr, c->s.len, life, SQLITE_UTF8); break;
        case WEFT__CELL_BLOB: rc = sqlite3_bind_blob64(stmt, at, c->s.ptr, c->s.len, life); break;
        }
        if (rc != SQLITE_OK) return weft__sqlite_failed(lane, q, rc);
    }
    return 0;
}

static int cells_room(weft__sqlite_lane *lane, int n)
{
    if (n <= lane->cells_room) return 0;
    weft__cell *more = weft__realloc(lane->cells, (size_t)n * sizeof *more);
    if (!more) return WEFT_ENOMEM;
    lane->cells = more;
    lane->cells_room = n;
    return 0;
}

static int take_cell(sqlite3_stmt *stmt, int i, weft__cell *c)
{
    int kind = sqlite3_column_type(stmt, i);
    if (kind == SQLITE_INTEGER) *c = (weft__cell){ WEFT__CELL_INT, .i = sqlite3_column_int64(stmt, i) };
    else if (kind == SQLITE_FLOAT) *c = (weft__cell){ WEFT__CELL_REAL, .d = sqlite3_column_double(stmt, i) };
    else if (kind == SQLITE_NULL) *c = (weft__cell){ WEFT__CELL_NULL, .i = 0 };
    else {
        const char *p = kind == SQLITE_TEXT ? (const char *)sqlite3_column_text(stmt, i) : sqlite3_column_blob(stmt, i);
        size_t len = (size_t)sqlite3_column_bytes(stmt, i);
        if (!p && (len || kind == SQLITE_TEXT)) return WEFT_ENOMEM;
        *c = (weft__cell){ kind == SQLITE_TEXT ? WEFT__CELL_TEXT : WEFT__CELL_BLOB, .s = { p ? p : "", len } };
    }
    return 0;
}

static int take_row(weft__sqlite_lane *lane, sqlite3_stmt *stmt)
{
    int n = sqlite3_column_count(stmt), rc = cells_room(lane, n);
    for (int i = 0; i < n && rc == 0; i++) rc = take_cell(stmt, i, &lane->cells[i]);
    return rc;
}

enum { NAMES_MAX = 2048 };

static int names_of(sqlite3_stmt *stmt, const char *names[NAMES_MAX])
{
    int n = sqlite3_column_count(stmt);
    if (n > NAMES_MAX) n = NAMES_MAX;
    for (int i = 0; i < n; i++) {
        names[i] = sqlite3_column_name(stmt, i);
        if (!names[i]) return WEFT_ENOMEM;
    }
    return n;
}

static int plan_for(weft__query *q, weft__sqlite_kept *k)
{
    int again = sqlite3_stmt_status(k->stmt, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (k->plan && k->plan->schema == q->schema && k->reprepared == again) return 0;
    const char *why, *names[NAMES_MAX];
    weft__row_plan *plan = weft__row_plan_new(q->schema, &why);
    if (!plan && !why) return WEFT_ENOMEM;
    if (!plan) return weft__buf_printf(&q->fault, "%s: %s", q->schema->name, why), WEFT_EINVAL;
    int n = names_of(k->stmt, names), rc = n < 0 ? n : weft__row_plan_match(plan, names, n, &q->fault);
    if (rc < 0) {
        weft__free(plan);
        return rc;
    }
    weft__free(k->plan);
    k->plan = plan;
    k->reprepared = again;
    return 0;
}

static int read_row(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept *k, void *out)
{
    const char *names[NAMES_MAX];
    int rc = take_row(lane, k->stmt);
    if (rc == 0) rc = plan_for(q, k);
    if (rc == 0) rc = weft__row_read(k->plan, lane->cells, NULL, out, &q->arena, &q->fault);
    if (rc != WEFT_EDB || q->fault.len) return rc;
    names_of(k->stmt, names);                        /* the text wants them, and only it */
    return weft__row_read(k->plan, lane->cells, names, out, &q->arena, &q->fault);
}

static int read_next(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept *k, int n)
{
    if (q->what == WEFT__DO_COUNT) return 0;
    if (q->what == WEFT__DO_ONE && n) return weft__buf_printf(&q->fault, "more than one row"), WEFT_EDB;
    void *to = q->what == WEFT__DO_ONE ? q->out : weft__list_slot(&q->arena, q->out, q->schema->size);
    if (!to) {
        weft__buf_printf(&q->fault, "row %d does not fit into the memory of this request; weft_db_rows reads them one by one", n + 1);
        return weft__arena_error(&q->arena);
    }
    int rc = read_row(lane, q, k, to);
    if (rc == WEFT_EDB && q->what == WEFT__DO_ALL) weft__buf_printf(&q->fault, " in row %d", n + 1);
    return rc;
}

/* Step to the end: the number of rows, or of changed ones. */
static int step_all(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept *k)
{
    int before = sqlite3_total_changes(lane->conn), n = 0, rc = SQLITE_ROW, failed = 0;
    while (failed == 0 && (rc = sqlite3_step(k->stmt)) == SQLITE_ROW) failed = read_next(lane, q, k, n++);
    if (failed < 0) return failed;
    if (rc != SQLITE_DONE) return weft__sqlite_failed(lane, q, rc);
    if (q->what == WEFT__DO_ONE && n == 0) return weft__buf_printf(&q->fault, "no row"), WEFT_ENOENT;
    return sqlite3_total_changes(lane->conn) == before ? 0 : sqlite3_changes(lane->conn);
}

/* ---- one statement, for each item ---- */

static int item(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept *k, size_t i)
{
    int rc = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    if (rc == 0) rc = weft__item_cells(q, i);
    if (rc == 0) rc = bind_values(lane, q, k->stmt, q->items->cells, false);
    q->what = q->schema ? WEFT__DO_ALL : WEFT__DO_COUNT;
    if (rc == 0) rc = step_all(lane, q, k);
    q->what = WEFT__DO_EACH;
    sqlite3_reset(k->stmt);
    int missing = rc < 0 ? 0 : weft__item_rows(q, i);
    return missing < 0 ? missing : rc;
}

static int each(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept *k)
{
    int64_t sum = 0;
    weft__items_begin(q);
    for (size_t i = 0; i < q->items->count; i++) {
        int rc = item(lane, q, k, i);
        if (rc < 0) return weft__buf_printf(&q->fault, " (item %zu of %zu)", i, q->items->count), rc;
        sum += rc;
    }
    return sum < INT32_MAX ? (int)sum : INT32_MAX;
}

/* ---- all or nothing ---- */

/* What can fail after it has changed something stands in a transaction of its own, or in a savepoint of the one around. */
static int guard(weft__sqlite_lane *lane, weft__query *q, bool *alone)
{
    *alone = sqlite3_get_autocommit(lane->conn);
    return *alone ? weft__sqlite_command(lane, q, &lane->begin_write, "BEGIN IMMEDIATE") : weft__sqlite_command(lane, q, NULL, "SAVEPOINT weft_s");
}

static int guard_end(weft__sqlite_lane *lane, weft__query *q, bool alone, int rc)
{
    weft__query quiet = { .place = q->place };       /* whose texts nobody reads: the first failure counts */
    if (rc >= 0) {
        int end = alone ? weft__sqlite_command(lane, q, &lane->commit, "COMMIT") : weft__sqlite_command(lane, q, NULL, "RELEASE weft_s");
        if (end == 0) return rc;
        rc = end;
    }
    weft__buf_init(&quiet.fault, 256);
    if (!sqlite3_get_autocommit(lane->conn)) {
        if (alone) weft__sqlite_command(lane, &quiet, &lane->rollback, "ROLLBACK");
        else if (weft__sqlite_command(lane, &quiet, NULL, "ROLLBACK TO weft_s") == 0) weft__sqlite_command(lane, &quiet, NULL, "RELEASE weft_s");
    }
    weft__buf_free(&quiet.fault);
    return rc;
}

static bool may_fail_half(const weft__query *q, sqlite3_stmt *stmt)
{
    const weft__parsed *p = &q->statement->parsed;
    return p->kind == WEFT__SQL_PLAIN && (sqlite3_column_count(stmt) || q->what == WEFT__DO_EACH || p->fails);
}

static int run_statement(weft__sqlite_lane *lane, weft__query *q)
{
    weft__sqlite_kept own = { 0 }, *k;
    bool alone = false;
    int rc = weft__sqlite_prepare(lane, q, &k, &own);
    bool reads = rc == 0 && sqlite3_stmt_readonly(k->stmt), guarded = rc == 0 && !reads && may_fail_half(q, k->stmt);
    if (rc == 0 && !reads && !lane->writer && !lane->core->opts.read_only) rc = q->lease ? WEFT_EDB_READ_ONLY : WEFT__MOVED;
    if (rc == WEFT_EDB_READ_ONLY) weft__buf_printf(&q->fault, "a transaction that reads alone");
    if (rc == 0 && q->what != WEFT__DO_EACH) rc = bind_values(lane, q, k->stmt, q->cells, false);
    if (rc == 0 && guarded) {
        rc = guard(lane, q, &alone);
        guarded = rc == 0;
    } else guarded = false;
    if (rc == 0) {
        lane->trusted = q->statement->parsed.kind == WEFT__SQL_VACUUM;   /* it attaches a file of its own while it runs */
        k->busy = true;
        rc = q->what == WEFT__DO_EACH ? each(lane, q, k) : step_all(lane, q, k);
        sqlite3_reset(k->stmt);
        k->busy = lane->trusted = false;
        if (!reads) __atomic_store_n(&q->statement->slow, sqlite3_stmt_status(k->stmt, SQLITE_STMTSTATUS_VM_STEP, 1) > WEFT__SLOW_STEPS, __ATOMIC_RELAXED);
    }
    if (guarded) rc = guard_end(lane, q, alone, rc);
    sqlite3_finalize(own.stmt);
    weft__free(own.plan);
    return rc;
}

static int run_script(weft__sqlite_lane *lane, weft__query *q)
{
    const char *at = q->text;
    bool alone;
    int rc = guard(lane, q, &alone);
    if (rc < 0) return rc;
    while (rc == 0 && *at) {
        sqlite3_stmt *stmt = NULL;
        const char *tail = at;
        int step = sqlite3_prepare_v2(lane->conn, at, -1, &stmt, &tail);
        if (step == SQLITE_OK && sqlite3_bind_parameter_count(stmt)) {
            weft__buf_printf(&q->fault, "a parameter, and a script has no values,");
            rc = WEFT_EINVAL;
        } else if (step == SQLITE_OK && stmt) while ((step = sqlite3_step(stmt)) == SQLITE_ROW) continue;
        if (step != SQLITE_OK && step != SQLITE_DONE) rc = weft__sqlite_failed(lane, q, step);
        if (rc < 0) weft__buf_printf(&q->fault, " in \"%.*s\"", (int)(tail - at > 200 || tail <= at ? 200 : tail - at), at);
        sqlite3_finalize(stmt);
        if (tail == at) break;
        at = tail;
    }
    return guard_end(lane, q, alone, rc);
}

/* ---- rows ---- */

static int rows_fill(weft__sqlite_lane *lane, weft__query *q)
{
    weft_rows *r = q->rows;
    int rc = SQLITE_ROW, failed = 0;
    weft__buf_clear(&r->buffer);
    r->at = 0;
    while (r->buffer.len < ROWS_AT_ONCE && (rc = sqlite3_step(r->statement)) == SQLITE_ROW) {
        failed = take_row(lane, r->statement);
        for (int i = 0; i < r->columns && failed == 0; i++) weft__cell_put(&r->buffer, &lane->cells[i]);
        if (failed == 0) failed = r->buffer.failed;
        if (failed == WEFT_ELIMIT) weft__buf_printf(&q->fault, "a row of more than %d MiB", ROW_MAX >> 20);
        if (failed < 0) return failed;
    }
    if (rc == SQLITE_ROW) return 0;
    if (rc != SQLITE_DONE) return weft__sqlite_failed(lane, q, rc);
    r->over = true;
    return 0;
}

static void rows_end(weft_rows *r)
{
    sqlite3_finalize(r->statement);
    r->statement = NULL;
}

static int rows_names(weft_rows *r)
{
    r->columns = sqlite3_column_count(r->statement);
    r->names = weft__calloc((size_t)r->columns * sizeof *r->names + 1);
    r->cells = weft__calloc((size_t)r->columns * sizeof *r->cells + 1);
    if (!r->names || !r->cells) return WEFT_ENOMEM;
    for (int i = 0; i < r->columns; i++) {
        const char *name = sqlite3_column_name(r->statement, i);
        size_t n = name ? strlen(name) + 1 : 0;
        r->names[i] = n ? weft__malloc(n) : NULL;
        if (!r->names[i]) return WEFT_ENOMEM;
        memcpy(r->names[i], name, n);
    }
    return 0;
}

/* A statement of its own: the one that is kept may be run in between. */
static int rows_begin(weft__sqlite_lane *lane, weft__query *q)
{
    weft__sqlite_kept own = { 0 }, *k;
    weft__statement alone = *q->statement;
    alone.slot = -1;
    weft__statement *shared = q->statement;
    q->statement = &alone;
    int rc = weft__sqlite_prepare(lane, q, &k, &own);
    q->rows->statement = own.stmt;
    if (rc == 0 && !sqlite3_stmt_readonly(own.stmt)) {
        weft__buf_printf(&q->fault, "weft_db_rows is for statements that read");
        rc = WEFT_EINVAL;
    }
    if (rc == 0) rc = bind_values(lane, q, own.stmt, q->cells, true);
    q->statement = shared;
    weft__buf_init(&q->rows->buffer, ROW_MAX + ROWS_AT_ONCE);
    if (rc == 0) rc = rows_names(q->rows);
    if (rc == 0) rc = rows_fill(lane, q);
    return rc;
}

static int run_rows(weft__sqlite_lane *lane, weft__query *q)
{
    int rc = q->what == WEFT__DO_ROWS ? rows_begin(lane, q) : q->what == WEFT__DO_MORE ? rows_fill(lane, q) : 0;
    if (rc < 0 || q->rows->over || q->what == WEFT__DO_ROWS_END) rows_end(q->rows);
    return rc;
}

/* ---- transactions ---- */

static int begin_level(weft__sqlite_lane *lane, weft__query *q, int level)
{
    char sql[32];
    if (level == 0 && q->reads) return weft__sqlite_command(lane, q, &lane->begin, "BEGIN");
    if (level == 0) return weft__sqlite_command(lane, q, &lane->begin_write, "BEGIN IMMEDIATE");
    snprintf(sql, sizeof sql, "SAVEPOINT weft_%d", level);
    return weft__sqlite_command(lane, q, NULL, sql);
}

static int begin(weft__sqlite_lane *lane, weft__query *q)
{
    for (int level = q->begin_from; level <= q->begin_to; level++) {
        int rc = begin_level(lane, q, level);
        if (rc < 0) return rc;
        q->begun++;
    }
    return 0;
}

static int roll_back_to(weft__sqlite_lane *lane, weft__query *q)
{
    char sql[64];
    snprintf(sql, sizeof sql, "ROLLBACK TO weft_%d", q->level);
    int rc = weft__sqlite_command(lane, q, NULL, sql);
    snprintf(sql, sizeof sql, "RELEASE weft_%d", q->level);
    return rc < 0 ? rc : weft__sqlite_command(lane, q, NULL, sql);
}

/* What a savepoint should have undone must not be committed by the transaction around it: without memory to undo a part, all of it is undone. */
static int roll_back(weft__sqlite_lane *lane, weft__query *q)
{
    if (sqlite3_get_autocommit(lane->conn)) return 0;
    if (q->level == 0) return weft__sqlite_command(lane, q, &lane->rollback, "ROLLBACK");
    int rc = roll_back_to(lane, q);
    if (rc == 0) return 0;
    q->over = true;
    weft__sqlite_command(lane, q, &lane->rollback, "ROLLBACK");
    return rc;
}

/* A constraint that waited for the commit leaves all as it was; whatever else fails ends it. */
static int commit(weft__sqlite_lane *lane, weft__query *q)
{
    char sql[64];
    snprintf(sql, sizeof sql, "RELEASE weft_%d", q->level);
    int rc = q->level ? weft__sqlite_command(lane, q, NULL, sql) : weft__sqlite_command(lane, q, &lane->commit, "COMMIT");
    if (rc == 0) return 0;
    if (rc == WEFT_EDB_REFERENCE) {
        q->ends = false;
        return rc;
    }
    weft__query quiet = { .level = q->level };
    weft__buf_init(&quiet.fault, 256);
    roll_back(lane, &quiet);
    q->over = quiet.over;
    weft__buf_free(&quiet.fault);
    return rc;
}

static int run_in(weft__sqlite_lane *lane, weft__query *q)
{
    switch (q->what) {
    case WEFT__DO_COUNT: case WEFT__DO_ONE: case WEFT__DO_ALL: case WEFT__DO_EACH: return run_statement(lane, q);
    case WEFT__DO_SCRIPT: return run_script(lane, q);
    case WEFT__DO_ROWS: case WEFT__DO_MORE: case WEFT__DO_ROWS_END: return run_rows(lane, q);
    case WEFT__DO_COMMIT: return commit(lane, q);
    case WEFT__DO_ROLLBACK: return roll_back(lane, q);
    case WEFT__DO_OPEN: return 0;
    case WEFT__DO_CLOSE: return weft__sqlite_close(lane);
    }
    return WEFT_EINVAL;
}

/* The database ends a transaction by itself when it cannot go on: what came then would be on its own. */
static bool has_ended(const weft__sqlite_lane *lane, const weft__query *q)
{
    bool inside = q->lease && !q->lease->rows && (q->begun || q->begin_to < q->begin_from);
    return inside && lane->conn && q->what != WEFT__DO_COMMIT && q->what != WEFT__DO_ROLLBACK && sqlite3_get_autocommit(lane->conn);
}

void weft__sqlite_lane_run(weft__sqlite_lane *lane, weft__query *q)
{
    int rc = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    q->rc = 0;
    lane->now = q->what == WEFT__DO_ROLLBACK || q->what == WEFT__DO_COMMIT ? NULL : q;
    if (rc == 0 && q->what != WEFT__DO_CLOSE) rc = weft__sqlite_open(lane, q);
    if (rc == 0) rc = begin(lane, q);
    if (rc == 0) rc = run_in(lane, q);
    if (lane->conn && has_ended(lane, q)) q->over = true;
    lane->now = NULL;
    q->rc = rc;
}
