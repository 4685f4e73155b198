/* Rows one by one: a buffer of them at a time, from a connection that is kept for it. */
#include <string.h>
#include "base/mem.h"
#include "db/engine.h"

enum { SHOWN = 300, ROW_BYTES_MAX = 64 << 20 };

/* ---- cells in a buffer ---- */

void weft__cell_put(weft__buf *to, const weft__cell *c)
{
    char kind = (char)c->kind;
    weft__buf_add(to, &kind, 1);
    if (c->kind == WEFT__CELL_INT) weft__buf_add(to, &c->i, sizeof c->i);
    if (c->kind == WEFT__CELL_REAL) weft__buf_add(to, &c->d, sizeof c->d);
    if (c->kind < WEFT__CELL_TEXT) return;
    weft__buf_add(to, &c->s.len, sizeof c->s.len);
    weft__buf_add(to, c->s.ptr, c->s.len);
}

const char *weft__cell_get(const char *at, weft__cell *c)
{
    *c = (weft__cell){ (weft__cell_kind)*at++, .i = 0 };
    if (c->kind == WEFT__CELL_INT) memcpy(&c->i, at, sizeof c->i), at += sizeof c->i;
    if (c->kind == WEFT__CELL_REAL) memcpy(&c->d, at, sizeof c->d), at += sizeof c->d;
    if (c->kind < WEFT__CELL_TEXT) return at;
    memcpy(&c->s.len, at, sizeof c->s.len);
    c->s.ptr = at + sizeof c->s.len;
    return c->s.ptr + c->s.len;
}

/* ---- life ---- */

static void copy_free(weft__copy *c)
{
    if (c) weft__free(c->oids);
    weft__free(c);
}

static void rows_free(weft_rows *r)
{
    for (int i = 0; r->names && i < r->columns; i++) weft__free(r->names[i]);
    weft__free(r->names);
    weft__free(r->cells);
    weft__free(r->plan);
    weft__free(r->text);
    copy_free(r->copy);
    weft__buf_free(&r->buffer);
    weft__arena_free(&r->arena);
    weft__free(r);
}

static void unlink_rows(weft_rows *r)
{
    if (!r->in_transaction || !r->db) return;
    *(r->prev ? &r->prev->next : &r->db->first->rows) = r->next;
    if (r->next) r->next->prev = r->prev;
    r->db = NULL;
}

static void link_rows(weft_rows *r)
{
    weft_db *first = r->db->first;
    r->prev = NULL;
    r->next = first->rows;
    if (r->next) r->next->prev = r;
    first->rows = r;
}

static weft_rows *rows_new(weft_db *db, const weft_sql *sql, weft__copy *copy)
{
    weft_rows *r = weft__calloc(sizeof *r);
    weft__fiber *f = weft__self();
    size_t n = strlen(sql->sql);
    if (n > SHOWN) n = SHOWN;
    if (!r || !(r->text = weft__malloc(n + 1))) return copy_free(copy), weft__free(r), NULL;
    memcpy(r->text, sql->sql, n);
    r->text[n] = 0;
    r->root = db->root;
    r->db = db;
    r->in_transaction = db->root != db;
    r->level = db->level;
    r->place = sql->place ? sql->place : WEFT__HERE;
    r->lease = (weft__lease){ .fiber = f, .serial = f->serial, .task = weft_task_name(f->task), .label = weft__task_label_around(), .place = r->place, .rows = true,
        .reads = !copy || copy->way != WEFT__COPY_IN };
    r->copy = copy;
    weft__arena_init(&r->arena, NULL, ROW_BYTES_MAX);
    return r;
}

/* A trip for rows that are open. */
static int trip(weft_rows *r, weft__to_do what)
{
    weft__query q = { .what = what, .rows = r, .text = r->text, .place = r->place, .begin_to = -1, .ends = what == WEFT__DO_ROWS_END && !r->in_transaction };
    weft_db *first = r->in_transaction ? r->db->first : NULL;
    bool around = first && first->busy;              /* the end of the database, which goes on behind this */
    q.lease = first ? &first->lease : &r->lease;
    weft__buf_init(&q.fault, 1024);
    if (first) first->busy = true;
    int rc = r->root->engine->run(r->root, &q);
    if (first) first->over |= q.over;
    if (first && first->copying == r && !r->statement) first->copying = NULL;
    if (first && !around) weft__db_idle(&first->busy, &first->leaving);
    weft__buf_free(&q.fault);
    return rc;
}

/* Nobody begins anything with them from here on, and who is at them does not go on. */
static void refuse(weft_rows *r)
{
    if (!r->failed) r->failed = WEFT_ECLOSED;
}

void weft__rows_end(weft_rows *r)
{
    bool around = r->busy;                           /* whose call it is, or was, goes on behind this */
    refuse(r);
    r->busy = true;
    if (r->statement && r->db) trip(r, WEFT__DO_ROWS_END);
    unlink_rows(r);
    r->over = true;
    r->at = r->buffer.len;
    if (!around) weft__db_idle(&r->busy, &r->leaving);
}

void weft__rows_refuse_from(weft_db *first, int level)
{
    for (weft_rows *r = first->rows; r; r = r->next)
        if (r->level >= level || r == first->copying) refuse(r);
}

void weft__rows_end_from(weft_db *first, int level)
{
    for (weft_rows *r = first->rows, *next; r; r = next) {
        next = r->next;
        if (r->level >= level) weft__rows_end(r);
    }
}

/* ---- who is in a call ---- */

void weft__rows_enter(weft_rows *r)
{
    r->callers++;
    r->busy = true;
}

int weft__rows_exit(weft_rows *r, int rc)
{
    r->callers--;
    weft__db_idle(&r->busy, &r->leaving);
    return rc;
}

/* A statement of their transaction is under way, which may be its end. False: none was. */
static bool awaited(const weft_rows *r)
{
    weft_db *first = r->in_transaction && r->db ? r->db->first : NULL;
    if (!first || !first->busy) return false;
    weft__db_wait_idle(&first->busy, &first->leaving);
    return true;
}

/* Another task is at them, or at a statement of their transaction, or closes the database. */
static void wait_idle(weft_rows *r)
{
    while (r->busy || awaited(r))
        if (r->busy) weft__db_wait_idle(&r->busy, &r->leaving);
}

/* Nobody is in a call of them, to close them neither: they may go. */
static void wait_alone(weft_rows *r)
{
    for (bool others = true; others;) {
        wait_idle(r);
        others = r->callers > 0;
        if (others) weft__db_wait_idle(&others, &r->leaving);
    }
}

int weft__rows_kept(weft_rows *r, int rc)
{
    if (rc >= 0) return rc;
    while (awaited(r)) continue;
    weft__rows_end(r);
    return rc;
}

/* ---- open ---- */

int weft_db_rows_with(weft_rows **out, weft_db *db, const weft_sql *sql) { return weft__rows_open(out, db, sql, NULL); }

int weft__rows_open(weft_rows **out, weft_db *db, const weft_sql *sql, weft__copy *copy)
{
    weft__query q = { .what = WEFT__DO_ROWS };
    int rc = copy && copy->into ? weft__query_plain(&q, db, sql->sql, sql->place) : weft__query_begin(&q, db, sql);
    if (rc < 0) copy_free(copy);
    weft_rows *r = rc == 0 ? rows_new(db, sql, copy) : NULL;
    if (rc == 0 && !r) rc = weft__fail(q.place, WEFT_ENOMEM, "no memory for rows: %.*s", SHOWN, q.text);
    if (rc == 0) {
        q.rows = r;
        bool mine = !r->in_transaction;
        q.lease = mine ? &r->lease : NULL;
        q.takes = mine;
        rc = weft__db_run(db, &q);
    }
    if (rc == 0) {
        weft__db_keep(db->root);
        if (r->in_transaction) link_rows(r);
        if (copy && r->in_transaction) db->first->copying = r;
        *out = r;
    } else if (r) rows_free(r);
    weft__query_end(&q);
    return rc;
}

/* ---- close ---- */

void weft_rows_close(weft_rows *r)
{
    if (!r) return;
    r->callers++;
    refuse(r);
    wait_idle(r);
    if (!r->root->closed) weft__rows_end(r);
    weft__rows_exit(r, 0);
}

void weft__rows_leave(weft_rows **at)
{
    weft_rows *r = *at;
    if (!r) return;
    weft_db *root = r->root;
    refuse(r);
    wait_alone(r);
    if (!root->closed) weft__rows_end(r);
    wait_alone(r);                                   /* who came to close them meanwhile */
    unlink_rows(r);
    rows_free(r);
    weft__db_drop(root);
    *at = NULL;
}

/* ---- next ---- */

static int plan_for(weft_rows *r, const weft_schema *schema)
{
    if (r->plan && r->plan->schema == schema) return 0;
    const char *why = NULL;
    weft__buf fault;
    weft__buf_init(&fault, 1024);
    weft__row_plan *plan = weft__row_plan_new(schema, &why);
    int rc = plan ? weft__row_plan_match(plan, (const char *const *)r->names, r->columns, &fault) : why ? WEFT_EINVAL : WEFT_ENOMEM;
    if (rc == 0) {
        weft__free(r->plan);
        r->plan = plan;
        return 0;
    }
    weft__free(plan);
    weft__rows_kept(r, rc);                          /* no row of it will fit */
    rc = weft__fail(r->place, rc, "%.*s: %s", fault.len ? (int)fault.len : why ? (int)strlen(why) : 9, fault.len ? fault.ptr : why ? why : "no memory", r->text);
    weft__buf_free(&fault);
    return rc;
}

/* The row behind `at`; into memory of its own first. */
static int read_row(weft_rows *r, const weft_schema *schema, void *out)
{
    weft__buf fault;
    int rc = plan_for(r, schema);
    if (rc < 0) return rc;
    const char *at = r->buffer.ptr + r->at;
    for (int i = 0; i < r->columns; i++) at = weft__cell_get(at, &r->cells[i]);
    r->at = (size_t)(at - r->buffer.ptr);
    weft__arena_free(&r->arena);
    void *row = weft__arena_alloc(&r->arena, schema->size);
    weft__buf_init(&fault, 1024);
    rc = row ? weft__row_read(r->plan, r->cells, (const char *const *)r->names, row, &r->arena, &fault) : WEFT_ENOMEM;
    if (rc == 0) memcpy(out, row, schema->size);
    else rc = weft__fail(r->place, rc, "%.*s: %s", WEFT_FMT(weft__buf_str(&fault)), r->text);
    weft__buf_free(&fault);
    return rc < 0 ? rc : 1;
}

static int closed(const weft_rows *r, const char *what) { return weft__fail(r->place, r->failed, "%s: it was closed: %s", what, r->text); }

/* Others are kept from a transaction that copies. */
static int usable(weft_rows *r)
{
    weft_db *first = r->in_transaction && r->db ? r->db->first : NULL;
    bool mine = first && first->copying == r;
    if (mine) first->copying = NULL;
    int rc = weft__db_usable(r->db, r->text, r->place);
    if (mine) first->copying = r;
    return rc;
}

int weft__rows_step(weft_rows *r)
{
    int rc = usable(r);
    if (rc < 0) return rc;
    rc = trip(r, WEFT__DO_MORE);
    if (rc == 0) return !r->failed || (r->copy && r->copy->last) ? 0 : closed(r, "its next step");     /* what came is not handed out: who leaves them waits for this call alone */
    if (r->statement && rc != WEFT_EBUSY) weft__rows_kept(r, rc);
    r->over = true;
    r->failed = WEFT_ECLOSED;
    r->at = r->buffer.len;
    return rc;
}

int weft__rows_usable(const weft_rows *r, const char *what)
{
    if (!r) return weft_fail(WEFT_EINVAL, "%s: nothing is open (NULL)", what);
    if (r->failed) return closed(r, what);
    return r->busy ? weft__fail(r->place, WEFT_EBUSY, "%s: another task is at it: %s", what, r->text) : 0;
}

int weft__rows_checkpoint(const weft_rows *r, const char *what)
{
    int rc = weft__checkpoint();
    return rc < 0 || !r->failed ? rc : closed(r, what);
}

static int next_row(weft_rows *r, const weft_schema *schema, void *out)
{
    int rc = weft__rows_checkpoint(r, "weft_rows_next");
    while (rc == 0 && r->at == r->buffer.len && !r->over) rc = weft__rows_step(r);
    return rc < 0 || r->at == r->buffer.len ? rc : read_row(r, schema, out);
}

int weft_rows_next_with(weft_rows *r, const weft_schema *schema, void *out)
{
    int rc = weft__rows_usable(r, "weft_rows_next");
    if (rc < 0) return rc;
    weft__rows_enter(r);
    return weft__rows_exit(r, next_row(r, schema, out));
}
