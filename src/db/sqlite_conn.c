/* A connection: opened as weft wants it, with the statements that it keeps. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/sqlite.h"

enum { BUSY_STEP_MS = 25, PROGRESS_STEPS = 1000 };

/* ---- failures ---- */

static int code_of(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE: case SQLITE_CONSTRAINT_PRIMARYKEY: case SQLITE_CONSTRAINT_ROWID: return WEFT_EDB_UNIQUE;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return WEFT_EDB_REFERENCE;
    }
    switch (extended & 0xff) {
    case SQLITE_CONSTRAINT: return WEFT_EDB_CHECK;
    case SQLITE_BUSY: case SQLITE_LOCKED: case SQLITE_PROTOCOL: return WEFT_EDB_BUSY;
    case SQLITE_FULL: return WEFT_EDB_FULL;
    case SQLITE_READONLY: return WEFT_EDB_READ_ONLY;
    case SQLITE_CORRUPT: case SQLITE_NOTADB: return WEFT_EDB_CORRUPT;
    case SQLITE_IOERR: case SQLITE_CANTOPEN: case SQLITE_PERM: return extended == SQLITE_IOERR_NOMEM ? WEFT_ENOMEM : WEFT_EDB_IO;
    case SQLITE_NOMEM: return WEFT_ENOMEM;
    case SQLITE_TOOBIG: return WEFT_ELIMIT;
    default: return WEFT_EDB;
    }
}

int weft__sqlite_failed(weft__sqlite_lane *lane, weft__query *q, int rc)
{
    int stop = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    int extended = lane->conn ? sqlite3_extended_errcode(lane->conn) : rc;
    if (stop && ((rc & 0xff) == SQLITE_INTERRUPT || (rc & 0xff) == SQLITE_BUSY)) return stop;
    if ((extended & 0xff) != (rc & 0xff)) extended = rc;
    if ((rc & 0xff) == SQLITE_AUTH)
        weft__buf_printf(&q->fault, "what begins or ends transactions (WEFT_TRANSACTION is for that), ATTACH, what is TEMPORARY and PRAGMAs that set something are refused");
    else if (rc != SQLITE_NOMEM) weft__buf_printf(&q->fault, "%s", lane->conn ? sqlite3_errmsg(lane->conn) : sqlite3_errstr(rc));
    if ((rc & 0xff) == SQLITE_BUSY) weft__buf_printf(&q->fault, " by another program, for %d ms", lane->busy_ms);
    return code_of(extended);
}

/* ---- callbacks ---- */

static bool stopped(const weft__sqlite_lane *lane) { return lane->now && __atomic_load_n(&lane->now->stop, __ATOMIC_RELAXED); }
static int on_progress(void *arg)
{
    weft__sqlite_lane_late(arg);
    return stopped(arg);
}

static int on_busy(void *arg, int n)
{
    weft__sqlite_lane *lane = arg;
    int ms = n < 5 ? 1 + n : BUSY_STEP_MS;
    if (n == 0) lane->busy_ms = 0;
    if (stopped(lane) || (lane->busy_ms + ms > lane->core->opts.busy_ms && !(lane->now && lane->now->patient && !weft__query_must_run(lane->now)))) return 0;
    weft__sqlite_lane_late(lane);
    lane->busy_ms += sqlite3_sleep(ms);
    return 1;
}

/* PRAGMAs whose argument changes no connection. */
static bool harmless(const char *pragma)
{
    static const char *const known[] = { "application_id", "foreign_key_check", "foreign_key_list", "incremental_vacuum", "index_info", "index_list", "index_xinfo",
        "integrity_check", "optimize", "quick_check", "table_info", "table_list", "table_xinfo", "user_version", "wal_checkpoint" };
    for (size_t i = 0; i < weft_count(known); i++)
        if (sqlite3_stricmp(pragma, known[i]) == 0) return true;
    return false;
}

/* A pooled connection stays as it is: nobody knows who has it next. */
static int on_authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
    const weft__sqlite_lane *lane = arg;
    (void)c, (void)d;
    if (lane->trusted) return SQLITE_OK;
    if (action == SQLITE_PRAGMA) return !b || harmless(a) ? SQLITE_OK : SQLITE_DENY;
    switch (action) {
    case SQLITE_TRANSACTION: case SQLITE_SAVEPOINT: case SQLITE_ATTACH: case SQLITE_DETACH:
    case SQLITE_CREATE_TEMP_INDEX: case SQLITE_CREATE_TEMP_TABLE: case SQLITE_CREATE_TEMP_TRIGGER: case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX: case SQLITE_DROP_TEMP_TABLE: case SQLITE_DROP_TEMP_TRIGGER: case SQLITE_DROP_TEMP_VIEW: return SQLITE_DENY;
    default: return SQLITE_OK;
    }
}

/* ---- life ---- */

static int limit_pages(weft__sqlite_lane *lane, int64_t bytes)
{
    sqlite3_stmt *stmt = NULL;
    char sql[64];
    int rc = sqlite3_prepare_v2(lane->conn, "PRAGMA page_size", -1, &stmt, NULL);
    int64_t page = rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 4096;
    sqlite3_finalize(stmt);
    if (rc != SQLITE_OK) return rc;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count=%lld", (long long)(bytes / page ? bytes / page : 1));
    return sqlite3_exec(lane->conn, sql, NULL, NULL, NULL);
}

/* It answers with the mode that the file is in now, and that is no failure of its own. */
static int into_wal(weft__sqlite_lane *lane, weft__query *q)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(lane->conn, "PRAGMA journal_mode=WAL", -1, &stmt, NULL), code = 0;
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (rc != SQLITE_ROW) code = weft__sqlite_failed(lane, q, rc);
    else if (!mode || strcmp(mode, "wal") != 0) {
        weft__buf_printf(&q->fault, "the file stays in journal mode '%s', and weft wants WAL: its file system has no shared memory, or another program has it open", mode ? mode : "");
        code = WEFT_EDB_IO;
    }
    sqlite3_finalize(stmt);
    return code;
}

/* Those that end a transaction are there before one begins. */
static int prepare_own(weft__sqlite_lane *lane)
{
    struct { sqlite3_stmt **to; const char *sql; } own[] = { { &lane->begin, "BEGIN" }, { &lane->begin_write, "BEGIN IMMEDIATE" },
        { &lane->commit, "COMMIT" }, { &lane->rollback, "ROLLBACK" } };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < weft_count(own) && rc == SQLITE_OK; i++) rc = sqlite3_prepare_v3(lane->conn, own[i].sql, -1, SQLITE_PREPARE_PERSISTENT, own[i].to, NULL);
    return rc;
}

static int configure(weft__sqlite_lane *lane, weft__query *q)
{
    const weft_db_opts *o = &lane->core->opts;
    char sql[256];
    int code = 0;
    bool writes = lane->writer && !o->read_only;
    snprintf(sql, sizeof sql, "PRAGMA synchronous=%s;%s", o->relaxed ? "NORMAL" : "FULL", writes ? "" : "PRAGMA query_only=ON;");
    sqlite3_extended_result_codes(lane->conn, 1);
    sqlite3_busy_handler(lane->conn, on_busy, lane);
    sqlite3_progress_handler(lane->conn, PROGRESS_STEPS, on_progress, lane);
    /* "name" is a column, as everywhere else, and never a text when there is none of this name. */
    sqlite3_db_config(lane->conn, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    lane->trusted = true;
    int rc = sqlite3_exec(lane->conn, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK && writes && !lane->core->memory) code = into_wal(lane, q);
    if (code < 0) return lane->trusted = false, code;
    if (rc == SQLITE_OK) rc = sqlite3_exec(lane->conn, sql, NULL, NULL, NULL);
    /* Of a file that is none, or is damaged, the first look at the schema tells. */
    if (rc == SQLITE_OK) rc = sqlite3_exec(lane->conn, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (rc == SQLITE_OK && o->bytes_max) rc = limit_pages(lane, o->bytes_max);
    if (rc == SQLITE_OK) rc = prepare_own(lane);
    lane->trusted = false;
    sqlite3_set_authorizer(lane->conn, on_authorize, lane);
    return rc == SQLITE_OK ? 0 : weft__sqlite_failed(lane, q, rc);
}

/* Only of the first one is it said: a statement's WEFT_ENOENT is a row that is missing. */
static int not_opened(weft__sqlite_lane *lane, weft__query *q, int rc)
{
    int there = 1;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if ((rc & 0xff) != SQLITE_CANTOPEN || q->what != WEFT__DO_OPEN) return weft__sqlite_failed(lane, q, rc);
    if (vfs->xAccess(vfs, lane->core->path, SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK || there) return weft__sqlite_failed(lane, q, rc);
    weft__buf_printf(&q->fault, "no such file or folder: %.300s", lane->core->path);
    return WEFT_ENOENT;
}

int weft__sqlite_open(weft__sqlite_lane *lane, weft__query *q)
{
    if (lane->conn) return 0;
    const weft__sqlite_core *core = lane->core;
    int flags = SQLITE_OPEN_NOMUTEX | (core->opts.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    if (lane->writer && !core->opts.read_only) flags |= SQLITE_OPEN_CREATE;
    if (!lane->kept) lane->kept = weft__calloc((size_t)core->opts.statements_max * sizeof *lane->kept);
    if (!lane->kept) return WEFT_ENOMEM;
    int rc = sqlite3_open_v2(core->path, &lane->conn, flags, NULL);
    rc = rc == SQLITE_OK ? configure(lane, q) : not_opened(lane, q, rc);
    if (rc < 0) weft__sqlite_close(lane);
    return rc;
}

static void kept_end(weft__sqlite_kept *k)
{
    sqlite3_finalize(k->stmt);
    weft__free(k->plan);
    *k = (weft__sqlite_kept){ 0 };
}

int weft__sqlite_close(weft__sqlite_lane *lane)
{
    sqlite3_stmt **own[] = { &lane->begin, &lane->begin_write, &lane->commit, &lane->rollback };
    for (size_t i = 0; i < weft_count(own); i++) {
        sqlite3_finalize(*own[i]);
        *own[i] = NULL;
    }
    for (int i = 0; lane->kept && i < lane->core->opts.statements_max; i++) kept_end(&lane->kept[i]);
    weft__free(lane->kept);
    weft__free(lane->cells);
    int rc = sqlite3_close(lane->conn);
    if (rc != SQLITE_OK) sqlite3_close_v2(lane->conn);
    lane->kept = NULL;
    lane->cells = NULL;
    lane->cells_room = 0;
    lane->conn = NULL;
    return rc == SQLITE_OK ? 0 : code_of(rc);
}

/* ---- statements ---- */

/* Our own: BEGIN and the like, kept. */
int weft__sqlite_command(weft__sqlite_lane *lane, weft__query *q, sqlite3_stmt **kept, const char *sql)
{
    sqlite3_stmt *stmt = kept ? *kept : NULL;
    int rc = SQLITE_OK;
    lane->trusted = true;
    if (!stmt) rc = sqlite3_prepare_v3(lane->conn, sql, -1, kept ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);    /* which prepares again what a CREATE INDEX or ANALYZE has made old */
    lane->trusted = false;
    rc = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : weft__sqlite_failed(lane, q, rc);
    if (kept) {
        *kept = stmt;
        sqlite3_reset(stmt);
    } else sqlite3_finalize(stmt);
    return rc;
}

/* What else is there than white space, semicolons and comments is a second statement. */
static bool one_statement(weft__sqlite_lane *lane, const char *tail)
{
    sqlite3_stmt *more = NULL;
    while (*tail) {
        const char *from = tail;
        if (sqlite3_prepare_v2(lane->conn, from, -1, &more, &tail) != SQLITE_OK || more) break;
        if (tail == from) break;
    }
    bool one = !more && !*tail;
    sqlite3_finalize(more);
    return one;
}

static int prepare(weft__sqlite_lane *lane, weft__query *q, unsigned flags, sqlite3_stmt **out)
{
    const weft__parsed *p = &q->statement->parsed;
    const char *tail = "";
    int rc = sqlite3_prepare_v3(lane->conn, p->sql.ptr, (int)p->sql.len + 1, flags, out, &tail);
    if (rc != SQLITE_OK) return weft__sqlite_failed(lane, q, rc);
    bool none = !*out, many = *out && *tail && !one_statement(lane, tail);
    bool others = !none && sqlite3_bind_parameter_count(*out) != (int)p->count;
    if (!none && !many && !others) return 0;
    weft__buf_printf(&q->fault, none ? "no statement at all" : many ? "more than one statement: weft_db_script is for these" :
        "a parameter that is neither {} nor a :name, and would be NULL");
    sqlite3_finalize(*out);
    *out = NULL;
    return WEFT_EINVAL;
}

int weft__sqlite_prepare(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept **kept, weft__sqlite_kept *own)
{
    const weft__statement *st = q->statement;
    weft__sqlite_kept *k = st->slot >= 0 ? &lane->kept[st->slot] : own;
    if (k != own && k->id == st->id && k->busy) k = own;
    if (k != own && k->id != st->id && k->busy) k = own;
    *kept = k;
    if (k->stmt && k->id == st->id) return 0;
    kept_end(k);
    int rc = prepare(lane, q, k == own ? 0 : SQLITE_PREPARE_PERSISTENT, &k->stmt);
    if (rc < 0) return rc;
    k->id = st->id;
    __atomic_store_n(&q->statement->writes, sqlite3_stmt_readonly(k->stmt) ? WEFT__READS : WEFT__WRITES, __ATOMIC_RELAXED);
    return 0;
}
