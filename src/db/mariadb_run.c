#define _GNU_SOURCE
/* One query on a connection, on the thread that it is given to. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"

enum { ROOM_KEPT = 64 * 1024, OUTDATED = -100002, NEED_REPREPARE = 1615, UNKNOWN_STATEMENT = 1243, NEW_METADATA = 2057 };

static bool inside(const weft__query *q) { return q->lease && !q->lease->rows; }

static int quietly(weft__maria_conn *c, const weft__query *q, const char *sql)
{
    weft__query quiet = { .place = q->place };       /* whose texts nobody reads: the first failure counts */
    weft__buf_init(&quiet.fault, 256);
    int rc = weft__maria_command(c, &quiet, sql);
    weft__buf_free(&quiet.fault);
    return rc;
}

/* ---- transactions ---- */

static int begin(weft__maria_conn *c, weft__query *q)
{
    char sql[64];
    for (int level = q->begin_from; level <= q->begin_to; level++) {
        snprintf(sql, sizeof sql, "SAVEPOINT weft_%d", level);
        int rc = weft__maria_command(c, q, level ? sql : q->reads ? "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY" : "START TRANSACTION");
        if (rc == WEFT_EDB_LOST && level == 0) return WEFT__MARIA_STALE;         /* nothing of it has run */
        if (rc < 0) return rc;
        q->begun++;
    }
    return 0;
}

static int roll_back(weft__maria_conn *c, weft__query *q)
{
    char sql[64];
    if (c->broken || !weft__maria_in_transaction(c)) return 0;
    if (q->level == 0) return weft__maria_command(c, q, "ROLLBACK");
    snprintf(sql, sizeof sql, "ROLLBACK TO SAVEPOINT weft_%d", q->level);
    int rc = weft__maria_command(c, q, sql);
    snprintf(sql, sizeof sql, "RELEASE SAVEPOINT weft_%d", q->level);
    return rc < 0 ? rc : weft__maria_command(c, q, sql);
}

static int commit(weft__maria_conn *c, weft__query *q)
{
    char sql[64];
    snprintf(sql, sizeof sql, "RELEASE SAVEPOINT weft_%d", q->level);
    if (!c->broken && !weft__maria_in_transaction(c)) return weft__buf_printf(&q->fault, "the server has ended the transaction"), WEFT_EDB;
    int rc = weft__maria_command(c, q, q->level ? sql : "COMMIT");
    if (rc < 0 && !c->broken) quietly(c, q, "ROLLBACK");
    return rc;
}

/* What can fail after it has changed something stands in a transaction of its own, or in a savepoint of the one around. */
static int guard(weft__maria_conn *c, weft__query *q)
{
    return weft__maria_command(c, q, inside(q) ? "SAVEPOINT weft_s" : "START TRANSACTION");
}

static int guard_end(weft__maria_conn *c, weft__query *q, int rc)
{
    if (c->broken) return rc < 0 ? rc : WEFT_EDB_LOST;
    if (rc >= 0) {
        int end = weft__maria_command(c, q, inside(q) ? "RELEASE SAVEPOINT weft_s" : "COMMIT");
        if (end == 0) return rc;
        rc = end;
    }
    if (!inside(q)) quietly(c, q, "ROLLBACK");
    else if (quietly(c, q, "ROLLBACK TO SAVEPOINT weft_s") == 0) quietly(c, q, "RELEASE SAVEPOINT weft_s");
    else quietly(c, q, "ROLLBACK");                  /* what cannot be undone ends the transaction, whose commit would keep it */
    return rc;
}

/* ---- one statement ---- */

/* The table has other columns now, or the server has dropped what was prepared. */
static bool is_outdated(const weft__maria_conn *c, const weft__maria_kept *k)
{
    unsigned n = weft__maria_stmt_errno(c, k->stmt);
    return n == NEED_REPREPARE || n == UNKNOWN_STATEMENT || n == NEW_METADATA;
}

static int execute(weft__maria_conn *c, weft__query *q, weft__maria_kept *k, const weft__cell *cells)
{
    size_t said = q->fault.len;
    int stop = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    if (stop) return stop;
    int rc = weft__maria_execute(c, q, k->stmt, cells);
    if (rc < 0 && !c->broken && is_outdated(c, k)) return q->fault.len = said, OUTDATED;
    return rc < 0 ? rc : weft__maria_take_rows(c, q, k);
}

static int one_by_one(weft__maria_conn *c, weft__query *q, weft__maria_kept *k)
{
    int64_t sum = 0;
    weft__items_begin(q);
    for (size_t i = 0; i < q->items->count; i++) {
        int rc = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
        if (rc == 0) rc = weft__item_cells(q, i);
        if (rc == 0) rc = execute(c, q, k, q->items->cells);
        if (rc == OUTDATED) return rc;
        int missing = rc < 0 ? 0 : weft__item_rows(q, i);
        if (missing < 0) rc = missing;
        if (rc < 0) return weft__buf_printf(&q->fault, " (item %zu of %zu)", i, q->items->count), rc;
        sum += rc;
    }
    return sum < INT32_MAX ? (int)sum : INT32_MAX;
}

/* What an item did that the database refused: which one is seen when they are run one by one. Not what the whole was ended by, also by somebody else (KILL QUERY). */
static bool is_an_items(weft__maria_conn *c, weft__query *q, const weft__maria_kept *k, int rc)
{
    enum { INTERRUPTED = 1317 };
    if (c->broken || weft__maria_stmt_errno(c, k->stmt) == INTERRUPTED || __atomic_load_n(&q->stop, __ATOMIC_RELAXED)) return false;
    return rc == WEFT_EDB || rc == WEFT_EDB_UNIQUE || rc == WEFT_EDB_REFERENCE || rc == WEFT_EDB_CHECK;
}

/* Not with RETURNING, whose columns the server does not tell before it has run, and which it answers in no order that the library reads. */
static bool can_be_bulk(const weft__maria_conn *c, const weft__query *q)
{
    const weft__parsed *p = &q->statement->parsed;
    return q->items->count > 1 && !q->out && p->count && p->changes && p->kind == WEFT__SQL_PLAIN && !strcasestr(q->text, "RETURNING") && weft__maria_has_bulk(c);
}

static int each(weft__maria_conn *c, weft__query *q, weft__maria_kept *k)
{
    size_t said = q->fault.len;
    bool many = can_be_bulk(c, q);
    int rc = many ? weft__maria_bulk(c, q, k->stmt) : one_by_one(c, q, k);
    if (!many || rc >= 0) return rc;
    if (!c->broken && is_outdated(c, k)) return q->fault.len = said, OUTDATED;
    if (!is_an_items(c, q, k, rc)) return rc;
    size_t whole = q->fault.len;
    q->fault.len = said;
    int undone = weft__maria_command(c, q, inside(q) ? "ROLLBACK TO SAVEPOINT weft_s" : "ROLLBACK");
    bool stays = undone == 0 && mysql_warning_count(c->my);      /* in a table without transactions: none of it may run twice */
    if (undone == 0 && !inside(q)) undone = guard(c, q);
    if (stays && undone == 0) q->fault.len = whole;
    if (undone < 0 || stays) return undone < 0 ? undone : rc;
    return one_by_one(c, q, k);
}

static int run_once(weft__maria_conn *c, weft__query *q)
{
    weft__maria_kept own = { 0 }, *k;
    const weft__parsed *p = &q->statement->parsed;
    int rc = weft__maria_prepare(c, q, &k, &own);
    bool guarded = rc == 0 && !p->reads && p->kind == WEFT__SQL_PLAIN && (mysql_stmt_field_count(k->stmt) || q->what != WEFT__DO_COUNT);
    if (guarded) rc = guard(c, q), guarded = rc == 0;
    if (rc == 0) rc = q->what == WEFT__DO_EACH ? each(c, q, k) : execute(c, q, k, q->cells);
    if (guarded) rc = guard_end(c, q, rc);
    if (rc == OUTDATED) weft__maria_kept_end(k);
    weft__maria_kept_end(&own);
    return rc;
}

static int run_statement(weft__maria_conn *c, weft__query *q)
{
    int rc = run_once(c, q);
    if (rc == OUTDATED) rc = run_once(c, q);
    return rc == OUTDATED ? WEFT_EDB_BUSY : rc;
}

/* ---- scripts ---- */

/* The server finds where one statement ends. How many have been answered; which one failed: the last, and rc. */
static int run_all(weft__maria_conn *c, weft__query *q, int *ran, bool *committed)
{
    enum { EMPTY = 1065 };
    *ran = 0;
    int rc = mysql_real_query(c->my, q->text, strlen(q->text));
    if (rc && mysql_errno(c->my) == EMPTY) return 0;
    for (; rc == 0; rc = mysql_next_result(c->my)) {
        MYSQL_RES *rows = mysql_use_result(c->my);
        bool fine = rows || !mysql_field_count(c->my);
        mysql_free_result(rows);                     /* reads them to their end */
        if (!fine || (rows && mysql_errno(c->my))) return weft__maria_failed(c, q);
        ++*ran;
        *committed |= !weft__maria_in_transaction(c);
        if (!mysql_more_results(c->my)) return 0;
    }
    return weft__maria_failed(c, q);
}

static int run_script_in(weft__maria_conn *c, weft__query *q, bool *committed)
{
    int ran = 0;
    c->spent = true;                                 /* who knows what the script sets */
    if (mysql_set_server_option(c->my, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0) return weft__maria_failed(c, q);
    int rc = run_all(c, q, &ran, committed);
    if (rc < 0 && !c->broken) weft__buf_printf(&q->fault, " (statement %d of the script)", ran + 1);
    if (rc < 0 && *committed) weft__buf_printf(&q->fault, "; what stood before a CREATE, ALTER or the like in it stays: MariaDB commits with each of these");
    while (!c->broken && mysql_more_results(c->my) && mysql_next_result(c->my) == 0) mysql_free_result(mysql_use_result(c->my));
    if (!c->broken && mysql_set_server_option(c->my, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0) c->broken = true;
    return rc;
}

/* Without autocommit what comes behind a CREATE is a transaction again. */
static int run_script_alone(weft__maria_conn *c, weft__query *q)
{
    bool committed = false;
    int rc = weft__maria_command(c, q, "SET autocommit = 0");
    if (rc == 0) rc = weft__maria_command(c, q, "START TRANSACTION");
    if (rc == 0) rc = run_script_in(c, q, &committed);
    if (rc == 0) rc = weft__maria_command(c, q, "COMMIT");
    if (rc < 0) quietly(c, q, "ROLLBACK");
    quietly(c, q, "SET autocommit = 1");
    if (!c->broken && !(c->my->server_status & SERVER_STATUS_AUTOCOMMIT)) c->broken = true;
    return rc;
}

/* A migration's transaction goes on behind what committed it; of another it is told that it is over. */
static int run_script_inside(weft__maria_conn *c, weft__query *q)
{
    bool committed = false;
    int rc = guard(c, q);
    if (rc == 0 && q->may_commit) rc = weft__maria_command(c, q, "SET autocommit = 0");
    if (rc < 0) return rc;
    rc = run_script_in(c, q, &committed);
    if (!committed) rc = guard_end(c, q, rc);
    if (committed && rc == 0 && !q->may_commit) {
        weft__buf_printf(&q->fault, "the script has run, and what it CREATEs, ALTERs or the like has committed the transaction around it, which is over");
        rc = WEFT_EDB;
    }
    if (!q->may_commit || c->broken) return rc;
    if (committed && rc < 0) quietly(c, q, "ROLLBACK");
    else if (committed && !weft__maria_in_transaction(c)) rc = weft__maria_command(c, q, "START TRANSACTION");
    /* It commits what is open, unless that is a transaction that was begun in so many words. */
    if (rc >= 0 || !committed) c->autocommit_off = true;
    else quietly(c, q, "SET autocommit = 1");
    return rc;
}

/* A COMMIT in it would end what makes it all or nothing. */
static int run_script(weft__maria_conn *c, weft__query *q)
{
    weft_str found = { 0 };
    int rc = weft__sql_script(weft_str_of(q->text), &found);
    if (rc == 0) return inside(q) ? run_script_inside(c, q) : run_script_alone(c, q);
    if (rc != WEFT_EINVAL) return weft__buf_printf(&q->fault, "a script of more than 8 MiB, or no memory for it"), rc;
    weft__buf_printf(&q->fault, "%.*s in a script: what begins or ends transactions (WEFT_TRANSACTION is for that), locks tables or leaves the database is refused",
        WEFT_FMT(found));
    return WEFT_EDB;
}

/* ---- a query ---- */

static int run_in(weft__maria_conn *c, weft__query *q)
{
    switch (q->what) {
    case WEFT__DO_COUNT: case WEFT__DO_ONE: case WEFT__DO_ALL: case WEFT__DO_EACH: return run_statement(c, q);
    case WEFT__DO_SCRIPT: return run_script(c, q);
    case WEFT__DO_ROWS: case WEFT__DO_MORE: case WEFT__DO_ROWS_END: return weft__maria_run_rows(c, q);
    case WEFT__DO_COMMIT: return commit(c, q);
    case WEFT__DO_ROLLBACK: return roll_back(c, q);
    default: return 0;
    }
}

/* The server ends a transaction by itself in a deadlock; a statement that fails does not say what has become of it. */
static bool has_ended(weft__maria_conn *c, weft__query *q, int rc)
{
    if (!inside(q) || q->what == WEFT__DO_COMMIT || q->what == WEFT__DO_ROLLBACK || !(q->begun || q->begin_to < q->begin_from)) return false;
    if (rc < 0 && !c->broken) quietly(c, q, "DO 0");
    return c->broken || !weft__maria_in_transaction(c);
}

/* What the next one must not find. */
static void tidy(weft__maria_conn *c, weft__query *q)
{
    bool ended = q->ends && q->level == 0 && inside(q);
    if (ended && c->autocommit_off) quietly(c, q, "SET autocommit = 1"), c->autocommit_off = false;
    if (ended && c->locked) quietly(c, q, "DO RELEASE_ALL_LOCKS()"), c->locked = false;
    if (q->statement && q->statement->parsed.kind == WEFT__SQL_SESSION) c->locked = true;        /* ours alone come here */
    for (int i = 0; i < c->columns_room; i++) {
        if (c->columns[i].room <= ROOM_KEPT) continue;
        weft__free(c->columns[i].text);
        c->columns[i].text = NULL;
        c->columns[i].room = 0;
    }
}

static bool may_check(const weft__query *q) { return !q->lease || q->takes; }

void weft__maria_run(weft__maria_conn *c, weft__query *q)
{
    int rc = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    bool ends = weft__query_must_run(q);
    if (c->check && may_check(q) && mysql_ping(c->my) != 0) c->broken = true;
    c->check = false;
    if (c->broken && may_check(q)) {
        q->rc = WEFT__MARIA_STALE;
        return;
    }
    if (ends) rc = 0;
    if (rc == 0) rc = begin(c, q);
    if (rc == 0) rc = run_in(c, q);
    if (!ends && rc == 0 && q->what < WEFT__DO_EACH) rc = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);      /* SLEEP is cut short, and says nothing */
    if (has_ended(c, q, rc)) q->over = true;
    if (rc == WEFT__MARIA_STALE && (q->begun || !may_check(q))) rc = WEFT_EDB_LOST;
    tidy(c, q);
    if (q->takes) q->held = q->begun || (rc >= 0 && q->what == WEFT__DO_ROWS && !q->rows->over);
    if (c->broken) q->held = false;
    q->rc = rc;
}
