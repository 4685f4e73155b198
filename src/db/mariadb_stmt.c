/* Prepared statements: values in, columns out, both in MariaDB's binary protocol. */
#include <errmsg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"

enum { TEXT_ROOM = 64, PARSE_ERROR = 1064, LEFT_MAX = 64, BINARY = 63 };

/* ---- prepare ---- */

void weft__maria_kept_end(weft__maria_kept *k)
{
    if (k->stmt) mysql_stmt_close(k->stmt);
    weft__free(k->plan);
    *k = (weft__maria_kept){ 0 };
}

/* Nothing of it was run. A connection that is gone is another's turn, but in a transaction. */
static int unprepared(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    unsigned n = weft__maria_stmt_errno(c, stmt);
    if (weft__maria_is_gone(n) && !q->lease && !__atomic_load_n(&q->stop, __ATOMIC_RELAXED)) return c->broken = true, WEFT__MARIA_STALE;
    if (n != PARSE_ERROR || !q->statement->parsed.more) return weft__maria_stmt_failed(c, q, stmt);
    weft__buf_printf(&q->fault, "more than one statement: weft_db_script is for these");
    return WEFT_EINVAL;
}

int weft__maria_prepare(weft__maria_conn *c, weft__query *q, weft__maria_kept **kept, weft__maria_kept *own)
{
    const weft__statement *st = q->statement;
    const weft__parsed *p = &st->parsed;
    weft__maria_kept *k = st->slot >= 0 ? &c->kept[st->slot] : own;
    int rc = 0;
    *kept = k;
    if (k->stmt && k->id == st->id) return 0;
    weft__maria_kept_end(k);
    k->stmt = mysql_stmt_init(c->my);
    if (!k->stmt) return WEFT_ENOMEM;
    if (mysql_stmt_prepare(k->stmt, p->sql.ptr, p->sql.len) != 0) rc = unprepared(c, q, k->stmt);
    else if (mysql_stmt_param_count(k->stmt) != p->count) {
        weft__buf_printf(&q->fault, "%lu parameters where there are %u {} and :name", mysql_stmt_param_count(k->stmt), p->count);
        rc = WEFT_EINVAL;
    }
    if (rc < 0) return weft__maria_kept_end(k), rc;
    k->id = st->id;
    return 0;
}

/* ---- values ---- */

enum enum_field_types weft__maria_type(weft__cell_kind kind)
{
    switch (kind) {
    case WEFT__CELL_INT: return MYSQL_TYPE_LONGLONG;
    case WEFT__CELL_REAL: return MYSQL_TYPE_DOUBLE;
    case WEFT__CELL_BLOB: return MYSQL_TYPE_LONG_BLOB;
    default: return MYSQL_TYPE_STRING;
    }
}

/* A time of UTC has no 'Z' there; the session's zone is UTC. */
unsigned long weft__maria_text_len(const weft__cell *c) { return c->s.len - (c->moment && c->s.len && c->s.ptr[c->s.len - 1] == 'Z'); }

static void bind_value(MYSQL_BIND *b, const weft__cell *c)
{
    *b = (MYSQL_BIND){ .buffer_type = weft__maria_type(c->kind) };
    switch (c->kind) {
    case WEFT__CELL_NULL: b->buffer_type = MYSQL_TYPE_NULL; return;
    case WEFT__CELL_INT: b->buffer = (void *)(uintptr_t)&c->i; return;
    case WEFT__CELL_REAL: b->buffer = (void *)(uintptr_t)&c->d; return;
    default:
        b->buffer = (void *)(uintptr_t)c->s.ptr;
        b->buffer_length = weft__maria_text_len(c);
    }
}

size_t weft__maria_value_bytes(const weft__cell *c)
{
    enum { NUMBER = 8, LENGTH = 9 };
    return c->kind == WEFT__CELL_NULL ? 0 : c->kind == WEFT__CELL_INT || c->kind == WEFT__CELL_REAL ? NUMBER : LENGTH + weft__maria_text_len(c);
}

int weft__maria_too_large(const weft__maria_conn *c, weft__query *q, const weft__cell *cells, size_t bytes)
{
    const weft__parsed *p = &q->statement->parsed;
    uint32_t most = 0;
    for (uint32_t k = 1; k < p->count; k++)
        if (weft__maria_value_bytes(&cells[k]) > weft__maria_value_bytes(&cells[most])) most = k;
    weft__buf_printf(&q->fault, "values of %zu bytes, where the server takes %zu in a message (its max_allowed_packet); the largest is ", bytes, c->packet_max);
    if (p->places[most].name.ptr) weft__buf_printf(&q->fault, ":%.*s", WEFT_FMT(p->places[most].name));
    else weft__buf_printf(&q->fault, "value %u", most + 1);
    return WEFT_ELIMIT;
}

int weft__maria_params_room(weft__maria_conn *c, int n)
{
    if (n <= c->params_room) return 0;
    MYSQL_BIND *more = weft__realloc(c->params, (size_t)n * sizeof *more);
    if (!more) return WEFT_ENOMEM;
    c->params = more;
    c->params_room = n;
    return 0;
}

int weft__maria_execute(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt, const weft__cell *cells)
{
    int n = (int)q->statement->parsed.count, rc = weft__maria_params_room(c, n);
    size_t bytes = 3 * (size_t)n;                    /* their types, and which are NULL */
    for (int i = 0; i < n; i++) bytes += weft__maria_value_bytes(&cells[i]);
    if (rc < 0) return rc;
    if (bytes > c->packet_max) return weft__maria_too_large(c, q, cells, bytes);
    for (int i = 0; i < n; i++) bind_value(&c->params[i], &cells[i]);
    if (n && mysql_stmt_bind_param(stmt, c->params) != 0) return weft__maria_stmt_failed(c, q, stmt);
    return mysql_stmt_execute(stmt) == 0 ? 0 : weft__maria_stmt_failed(c, q, stmt);
}

/* ---- columns ---- */

static int columns_room(weft__maria_conn *c, int n)
{
    if (n <= c->columns_room) return 0;
    weft__maria_column *columns = weft__realloc(c->columns, (size_t)n * sizeof *columns);
    if (columns) c->columns = columns;
    MYSQL_BIND *into = columns ? weft__realloc(c->into, (size_t)n * sizeof *into) : NULL;
    if (into) c->into = into;
    weft__cell *cells = into ? weft__realloc(c->cells, (size_t)n * sizeof *cells) : NULL;
    if (!cells) return WEFT_ENOMEM;
    c->cells = cells;
    memset(&c->columns[c->columns_room], 0, (size_t)(n - c->columns_room) * sizeof *columns);
    c->columns_room = n;
    return 0;
}

static int text_room(weft__maria_column *col, size_t n)
{
    if (n <= col->room) return 0;
    char *more = weft__realloc(col->text, n);
    if (!more) return WEFT_ENOMEM;
    col->text = more;
    col->room = n;
    return 0;
}

static void bind_text(MYSQL_BIND *b, const weft__maria_column *col)
{
    b->buffer_type = col->binary ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
    b->buffer = col->text;
    b->buffer_length = col->room;
}

static int bind_column(MYSQL_BIND *b, weft__maria_column *col, const MYSQL_FIELD *f)
{
    col->type = f->type;
    col->is_unsigned = f->flags & UNSIGNED_FLAG;
    col->binary = f->charsetnr == BINARY && f->type != MYSQL_TYPE_NEWDECIMAL && f->type != MYSQL_TYPE_DECIMAL;
    *b = (MYSQL_BIND){ .length = &col->len, .is_null = &col->null, .error = &col->error, .is_unsigned = col->is_unsigned };
    if (text_room(col, TEXT_ROOM) < 0) return WEFT_ENOMEM;
    switch (f->type) {
    case MYSQL_TYPE_TINY: case MYSQL_TYPE_SHORT: case MYSQL_TYPE_INT24: case MYSQL_TYPE_LONG: case MYSQL_TYPE_LONGLONG: case MYSQL_TYPE_YEAR:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->buffer = &col->i;
        break;
    case MYSQL_TYPE_FLOAT: case MYSQL_TYPE_DOUBLE:
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = &col->d;
        break;
    case MYSQL_TYPE_DATE: case MYSQL_TYPE_TIME: case MYSQL_TYPE_DATETIME: case MYSQL_TYPE_TIMESTAMP:
        b->buffer_type = f->type;
        b->buffer = &col->time;
        b->buffer_length = sizeof col->time;
        break;
    case MYSQL_TYPE_NULL: b->buffer_type = MYSQL_TYPE_NULL; break;
    default: bind_text(b, col);
    }
    return 0;
}

int weft__maria_bind_columns(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    int n = (int)mysql_stmt_field_count(stmt), rc = columns_room(c, n);
    MYSQL_RES *about = rc == 0 ? mysql_stmt_result_metadata(stmt) : NULL;
    if (!about) return rc < 0 ? rc : WEFT_ENOMEM;
    const MYSQL_FIELD *fields = mysql_fetch_fields(about);
    for (int i = 0; i < n && rc == 0; i++) rc = bind_column(&c->into[i], &c->columns[i], &fields[i]);
    mysql_free_result(about);
    if (rc == 0 && mysql_stmt_bind_result(stmt, c->into) != 0) rc = weft__maria_stmt_failed(c, q, stmt);
    return rc;
}

/* ---- rows ---- */

/* What is larger than its room is fetched again into more. */
static int fetch_large(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    int n = (int)mysql_stmt_field_count(stmt);
    bool grown = false;
    for (int i = 0; i < n; i++) {
        weft__maria_column *col = &c->columns[i];
        if (col->null || c->into[i].buffer != col->text || col->len <= col->room) continue;
        if (text_room(col, col->len) < 0) return WEFT_ENOMEM;
        bind_text(&c->into[i], col);
        grown = true;
        if (mysql_stmt_fetch_column(stmt, &c->into[i], (unsigned)i, 0) != 0) return weft__maria_stmt_failed(c, q, stmt);
    }
    return grown && mysql_stmt_bind_result(stmt, c->into) != 0 ? weft__maria_stmt_failed(c, q, stmt) : 0;
}

static weft_str time_text(weft__maria_column *col)
{
    const MYSQL_TIME *t = &col->time;
    int n;
    if (col->type == MYSQL_TYPE_DATE) n = snprintf(col->text, col->room, "%04u-%02u-%02u", t->year, t->month, t->day);
    else if (col->type == MYSQL_TYPE_TIME)
        n = snprintf(col->text, col->room, "%s%02u:%02u:%02u.%06lu", t->neg ? "-" : "", t->day * 24 + t->hour, t->minute, t->second, t->second_part);
    else n = snprintf(col->text, col->room, "%04u-%02u-%02uT%02u:%02u:%02u.%06lu%s", t->year, t->month, t->day, t->hour, t->minute, t->second, t->second_part,
        col->type == MYSQL_TYPE_TIMESTAMP ? "Z" : "");
    return (weft_str){ col->text, (size_t)n };
}

static int64_t bits(const weft__maria_column *col)
{
    uint64_t n = 0;
    for (unsigned long i = 0; i < col->len; i++) n = n << 8 | (unsigned char)col->text[i];
    return (int64_t)n;
}

static weft__cell cell_of(weft__maria_column *col)
{
    if (col->null) return (weft__cell){ WEFT__CELL_NULL, .i = 0 };
    switch (col->type) {
    case MYSQL_TYPE_TINY: case MYSQL_TYPE_SHORT: case MYSQL_TYPE_INT24: case MYSQL_TYPE_LONG: case MYSQL_TYPE_LONGLONG: case MYSQL_TYPE_YEAR:
        if (!col->is_unsigned || col->i >= 0) return (weft__cell){ WEFT__CELL_INT, .i = col->i };
        return (weft__cell){ WEFT__CELL_DECIMAL, .s = { col->text, (size_t)snprintf(col->text, col->room, "%llu", (unsigned long long)col->i) } };
    case MYSQL_TYPE_FLOAT: case MYSQL_TYPE_DOUBLE: return (weft__cell){ WEFT__CELL_REAL, .d = col->d };
    case MYSQL_TYPE_DATE: case MYSQL_TYPE_TIME: case MYSQL_TYPE_DATETIME: case MYSQL_TYPE_TIMESTAMP: return (weft__cell){ WEFT__CELL_TEXT, .s = time_text(col) };
    case MYSQL_TYPE_NULL: return (weft__cell){ WEFT__CELL_NULL, .i = 0 };
    case MYSQL_TYPE_DECIMAL: case MYSQL_TYPE_NEWDECIMAL: return (weft__cell){ WEFT__CELL_DECIMAL, .s = { col->text, col->len } };
    case MYSQL_TYPE_BIT:
        if (col->len <= 8) return (weft__cell){ WEFT__CELL_INT, .i = bits(col) };
        break;
    default: break;
    }
    return (weft__cell){ col->binary ? WEFT__CELL_BLOB : WEFT__CELL_TEXT, .s = { col->text, col->len } };
}

int weft__maria_fetch(weft__maria_conn *c, weft__query *q, MYSQL_STMT *stmt)
{
    int stop = __atomic_load_n(&q->stop, __ATOMIC_RELAXED);
    if (stop) return stop;
    int rc = mysql_stmt_fetch(stmt);
    if (rc == MYSQL_NO_DATA) return 0;
    if (rc != 0 && rc != MYSQL_DATA_TRUNCATED) return weft__maria_stmt_failed(c, q, stmt);
    rc = fetch_large(c, q, stmt);
    if (rc < 0) return rc;
    for (unsigned i = 0; i < mysql_stmt_field_count(stmt); i++) c->cells[i] = cell_of(&c->columns[i]);
    return 1;
}

void weft__maria_leave_rows(weft__maria_conn *c, MYSQL_STMT *stmt)
{
    int left = 0, rc = 0;
    while (left < LEFT_MAX && ((rc = mysql_stmt_fetch(stmt)) == 0 || rc == MYSQL_DATA_TRUNCATED)) left++;
    if (left == LEFT_MAX) weft__maria_kill_query(c->settings, c->server, mysql_thread_id(c->my));
    else if (rc != MYSQL_NO_DATA && weft__maria_is_gone(weft__maria_stmt_errno(c, stmt))) c->broken = true;
    mysql_stmt_free_result(stmt);
    if (left == LEFT_MAX && mysql_query(c->my, "DO 0") != 0 && weft__maria_is_gone(mysql_errno(c->my))) c->broken = true;
}
