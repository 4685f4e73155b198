/* What comes of a statement: rows into models, or one by one by a cursor of the server's. */
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"
#include "model/coerce.h"

enum { ROWS_AT_ONCE = 32 * 1024, ROW_MAX = 16 << 20, FETCH_MAX = 64, NAMES_MAX = 4096 };

/* ---- into models ---- */

/* libmariadb keeps them as long as the statement. */
static int names_of(MYSQL_STMT *stmt, const char *names[NAMES_MAX], uint64_t *hash)
{
    MYSQL_RES *about = mysql_stmt_result_metadata(stmt);
    if (!about) return WEFT_ENOMEM;
    const MYSQL_FIELD *fields = mysql_fetch_fields(about);
    int n = (int)mysql_num_fields(about);
    if (n > NAMES_MAX) n = NAMES_MAX;
    *hash = (uint64_t)n;
    for (int i = 0; i < n; i++) {
        names[i] = fields[i].name;
        for (const char *p = names[i]; ; p++) {
            *hash = (*hash ^ (unsigned char)*p) * 0x100000001B3u;
            if (!*p) break;
        }
    }
    mysql_free_result(about);
    return n;
}

static int plan_for(weft__query *q, weft__maria_kept *k)
{
    const char *why, *names[NAMES_MAX];
    uint64_t hash;
    int n = names_of(k->stmt, names, &hash);
    if (n < 0) return n;
    if (k->plan && k->plan->schema == q->schema && k->names == hash) return 0;
    weft__row_plan *plan = weft__row_plan_new(q->schema, &why);
    if (!plan && !why) return WEFT_ENOMEM;
    if (!plan) return weft__buf_printf(&q->fault, "%s: %s", q->schema->name, why), WEFT_EINVAL;
    int rc = weft__row_plan_match(plan, names, n, &q->fault);
    if (rc < 0) return weft__free(plan), rc;
    weft__free(k->plan);
    k->plan = plan;
    k->names = hash;
    return 0;
}

static int read_row(weft__maria_conn *c, weft__query *q, weft__maria_kept *k, void *out)
{
    const char *names[NAMES_MAX];
    uint64_t hash;
    int rc = weft__row_read(k->plan, c->cells, NULL, out, &q->arena, &q->fault);
    if (rc != WEFT_EDB || q->fault.len || names_of(k->stmt, names, &hash) < 0) return rc;
    return weft__row_read(k->plan, c->cells, names, out, &q->arena, &q->fault);         /* the text wants the names, and only it */
}

static int read_next(weft__maria_conn *c, weft__query *q, weft__maria_kept *k, int n)
{
    if (!q->schema) return 0;
    if (q->what == WEFT__DO_ONE && n) return weft__buf_printf(&q->fault, "more than one row"), WEFT_EDB;
    int rc = n ? 0 : plan_for(q, k);
    if (rc < 0) return rc;
    void *to = q->what == WEFT__DO_ONE ? q->out : weft__list_slot(&q->arena, q->out, q->schema->size);
    if (!to) {
        weft__buf_printf(&q->fault, "row %d does not fit into the memory of this request; weft_db_rows reads them one by one", n + 1);
        return weft__arena_error(&q->arena);
    }
    rc = read_row(c, q, k, to);
    if (rc == WEFT_EDB && q->what != WEFT__DO_ONE) weft__buf_printf(&q->fault, " in row %d", n + 1);
    return rc;
}

static int read_all(weft__maria_conn *c, weft__query *q, weft__maria_kept *k)
{
    int n = 0, rc = weft__maria_bind_columns(c, q, k->stmt);
    while (rc >= 0 && (rc = weft__maria_fetch(c, q, k->stmt)) == 1) rc = read_next(c, q, k, n++);
    if (rc < 0 && !c->broken) weft__maria_leave_rows(c, k->stmt);
    else mysql_stmt_free_result(k->stmt);
    return rc < 0 ? rc : n;
}

/* A procedure gives a result more, of its end, and one for each SELECT in it: those behind the first are left. */
static int leave_more(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    int rc = 0;
    while (mysql_stmt_more_results(stmt) && (rc = mysql_stmt_next_result(stmt)) == 0)
        if (mysql_stmt_field_count(stmt)) weft__maria_leave_rows(c, stmt);
    return rc > 0 ? weft__maria_stmt_failed(c, q, stmt) : 0;
}

int weft__maria_take_rows(weft__maria_conn *c, weft__query *q, weft__maria_kept *k)
{
    bool rows = mysql_stmt_field_count(k->stmt);
    uint64_t changed = rows ? 0 : mysql_stmt_affected_rows(k->stmt);
    int n = rows ? read_all(c, q, k) : 0;
    int rc = n < 0 || c->broken ? 0 : leave_more(c, q, k->stmt);
    if (n < 0 || rc < 0) return n < 0 ? n : rc;
    if (q->what == WEFT__DO_ONE && n == 0) return weft__buf_printf(&q->fault, "no row"), WEFT_ENOENT;
    if (rows) return q->statement->parsed.changes ? n : 0;
    return changed > INT32_MAX ? INT32_MAX : (int)changed;
}

/* ---- one by one ---- */

/* The server keeps what it found; how many come at once follows from how large they were. */
static int rows_fill(weft__maria_conn *c, weft__query *q)
{
    weft_rows *r = q->rows;
    MYSQL_STMT *stmt = r->statement;
    unsigned long at_once = 0;
    int rc = weft__maria_bind_columns(c, q, stmt), n = 0;        /* others have used what columns go to meanwhile */
    weft__buf_clear(&r->buffer);
    r->at = 0;
    while (rc >= 0 && r->buffer.len < ROWS_AT_ONCE && (rc = weft__maria_fetch(c, q, stmt)) == 1) {
        for (int i = 0; i < r->columns; i++) weft__cell_put(&r->buffer, &c->cells[i]);
        n++;
        rc = r->buffer.failed;
        if (rc == WEFT_ELIMIT) weft__buf_printf(&q->fault, "a row of more than %d MiB", ROW_MAX >> 20);
        if (rc == 0) rc = 1;
    }
    if (rc < 0) return rc;
    r->over = rc == 0;
    at_once = n && r->buffer.len / (size_t)n ? ROWS_AT_ONCE / (r->buffer.len / (size_t)n) : FETCH_MAX;
    at_once = at_once < 1 ? 1 : at_once > FETCH_MAX ? FETCH_MAX : at_once;
    mysql_stmt_attr_set(stmt, STMT_ATTR_PREFETCH_ROWS, &at_once);
    return 0;
}

static int rows_names(weft_rows *r)
{
    const char *names[NAMES_MAX];
    uint64_t hash;
    int n = names_of(r->statement, names, &hash);
    if (n < 0) return n;
    r->columns = n;
    r->names = weft__calloc((size_t)n * sizeof *r->names + 1);
    r->cells = weft__calloc((size_t)n * sizeof *r->cells + 1);
    for (int i = 0; r->names && i < n; i++) {
        size_t len = strlen(names[i]) + 1;
        r->names[i] = weft__malloc(len);
        if (!r->names[i]) return WEFT_ENOMEM;
        memcpy(r->names[i], names[i], len);
    }
    return r->names && r->cells ? 0 : WEFT_ENOMEM;
}

/* What has no cursor (SHOW, say) comes at once, and is small. */
static int settle(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    if (c->my->server_status & SERVER_STATUS_CURSOR_EXISTS) return 0;
    return mysql_stmt_store_result(stmt) == 0 ? 0 : weft__maria_stmt_failed(c, q, stmt);
}

static int rows_begin(weft__maria_conn *c, weft__query *q)
{
    unsigned long cursor = CURSOR_TYPE_READ_ONLY, one = 1;
    const weft__parsed *p = &q->statement->parsed;
    MYSQL_STMT *stmt = q->rows->statement = mysql_stmt_init(c->my);
    if (!stmt) return WEFT_ENOMEM;
    weft__buf_init(&q->rows->buffer, ROW_MAX + ROWS_AT_ONCE);
    if (!p->reads) return weft__buf_printf(&q->fault, "weft_db_rows is for statements that read"), WEFT_EINVAL;
    mysql_stmt_attr_set(stmt, STMT_ATTR_CURSOR_TYPE, &cursor);
    mysql_stmt_attr_set(stmt, STMT_ATTR_PREFETCH_ROWS, &one);
    if (mysql_stmt_prepare(stmt, p->sql.ptr, p->sql.len) != 0) return weft__maria_stmt_failed(c, q, stmt);
    if (!mysql_stmt_field_count(stmt)) return weft__buf_printf(&q->fault, "a statement that gives no rows"), WEFT_EINVAL;
    int rc = weft__maria_execute(c, q, stmt, q->cells);
    if (rc == 0) rc = settle(c, q, stmt);
    if (rc == 0) rc = rows_names(q->rows);
    return rc < 0 ? rc : rows_fill(c, q);
}

int weft__maria_run_rows(weft__maria_conn *c, weft__query *q)
{
    weft_rows *r = q->rows;
    int rc = q->what == WEFT__DO_ROWS ? rows_begin(c, q) : q->what == WEFT__DO_MORE ? rows_fill(c, q) : 0;
    if (rc >= 0 && !r->over && q->what != WEFT__DO_ROWS_END) return rc;
    if (r->statement) mysql_stmt_close(r->statement);
    r->statement = NULL;
    return rc;
}
