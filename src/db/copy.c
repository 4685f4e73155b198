/* COPY, as programs call it: rows of models as cells, texts as they are. What brings and takes them is the engine's. */
#include <string.h>
#include "base/mem.h"
#include "db/table.h"
#include "weft/copy.h"

enum { AT_ONCE = 32 * 1024, MADE_MAX = 64 << 20 };

struct weft_copy {
    weft_rows *rows;                 /* NULL: it could not be opened */
    const weft_schema *schema;       /* of rows of a model; NULL: bytes */
    weft__row_plan *plan;
    const weft__column **columns;    /* that are written */
    char *into, *select;
    weft_arena made;                 /* of the row that is at hand */
    weft__copy_way way;
    int64_t given;                   /* rows, with the one at hand */
    bool quotes, quoted;             /* of bytes: a CSV's; behind an odd number of them */
    uint8_t end_mark;                /* "\.": how much of it there is, or OTHER */
    int64_t line;                    /* at hand, from 0 */
};

static const char *const formats[] = { [WEFT_CSV] = " (FORMAT csv)", [WEFT_CSV_HEADER] = " (FORMAT csv, HEADER)", [WEFT_COPY_TEXT] = " (FORMAT text)" };

/* ---- life ---- */

static void copy_free(weft_copy *c)
{
    if (!c) return;
    weft__rows_leave(&c->rows);
    weft__free(c->plan);
    weft__free(c->columns);
    weft__free(c->into);
    weft__free(c->select);
    weft__arena_free(&c->made);
    weft__free(c);
}

void weft__copy_leave(weft_copy **copy)
{
    copy_free(*copy);
    *copy = NULL;
}

void weft_copy_close(weft_copy *copy)
{
    if (copy) weft_rows_close(copy->rows);
}

/* ---- open ---- */

static int usable(const weft_db *db, const char *what, const char *place)
{
    int rc = weft__db_usable(db, what, place);
    if (rc < 0 || db->root->engine->copy_row) return rc;
    return weft__fail(place, WEFT_EINVAL, "COPY is PostgreSQL's, and this is %s (weft_db_each writes many rows anywhere, weft_db_rows reads them): %s", db->root->engine->scheme, what);
}

static weft_copy *copy_new(weft__copy_way way)
{
    weft_copy *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    c->way = way;
    weft__arena_init(&c->made, NULL, MADE_MAX);
    return c;
}

/* What the engine needs to know lies with the rows; what it points to lies here, and stays while they do. */
static int open_rows(weft_rows **out, weft_db *db, const weft_sql *sql, const weft__copy *as)
{
    weft__copy *copy = weft__malloc(sizeof *copy);
    if (!copy) return weft__fail(sql->place, WEFT_ENOMEM, "no memory for a COPY: %s", sql->sql);
    *copy = *as;
    return weft__rows_open(out, db, sql, copy);
}

static int opened(weft_copy **out, weft_copy *c, int rc)
{
    if (rc < 0) copy_free(c);
    else *out = c;
    return rc;
}

int weft_db_copy_rows_with(weft_rows **out, weft_db *db, const weft_sql *sql)
{
    int rc = usable(db, sql->sql, sql->place);
    return rc < 0 ? rc : open_rows(out, db, sql, &(weft__copy){ .way = WEFT__COPY_ROWS, .options = " (FORMAT binary)" });
}

static int format_check(weft_copy_format format, const char *place, const char *what)
{
    return (size_t)format < weft_count(formats) ? 0 : weft__fail(place, WEFT_EINVAL, "no such format of a COPY (%d): %s", (int)format, what);
}

int weft_db_copy_out_with(weft_copy **out, weft_db *db, weft_copy_format format, const weft_sql *sql)
{
    int rc = usable(db, sql->sql, sql->place);
    if (rc == 0) rc = format_check(format, sql->place, sql->sql);
    if (rc < 0) return rc;
    weft_copy *c = copy_new(WEFT__COPY_OUT);
    if (!c) return weft__fail(sql->place, WEFT_ENOMEM, "no memory for a COPY: %s", sql->sql);
    return opened(out, c, open_rows(&c->rows, db, sql, &(weft__copy){ .way = WEFT__COPY_OUT, .options = formats[format] }));
}

/* ---- into a table ---- */

static char *text_of(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = weft__malloc(n);
    if (copy) memcpy(copy, s, n);
    return copy;
}

static int open_in(weft_copy **out, weft_copy *c, weft_db *db, const char *options, uint32_t columns, const char *place)
{
    weft__copy as = { .way = WEFT__COPY_IN, .options = options, .into = c->into, .columns = c->select, .count = (int)columns };
    return opened(out, c, open_rows(&c->rows, db, &(weft_sql){ .sql = c->into, .place = place }, &as));
}

int weft_db_copy_text_with(weft_copy **out, weft_db *db, weft_copy_format format, const char *into, const char *place)
{
    if (!into) return weft__fail(place, WEFT_EINVAL, "a COPY into no table (NULL)");
    int rc = usable(db, into, place);
    if (rc == 0) rc = format_check(format, place, into);
    if (rc < 0) return rc;
    weft_copy *c = copy_new(WEFT__COPY_IN);
    if (!c || !(c->into = text_of(into))) {
        copy_free(c);
        return weft__fail(place, WEFT_ENOMEM, "no memory for a COPY: %s", into);
    }
    c->quotes = format != WEFT_COPY_TEXT;
    return open_in(out, c, db, formats[format], 0, place);
}

/* ---- rows of models ---- */

/* A key that the database gives is its to give. */
static bool is_given(const weft__table *t, uint32_t column) { return t && t->counted && weft__table_is_key(t, column); }

static int columns_named(weft_copy *c, const char *names, const char *place, uint32_t *count)
{
    weft_str name;
    for (*count = 0; weft__table_next_name(&names, &name);) {
        const weft__column *column = weft__row_plan_find(c->plan, name);
        if (!column) return weft__fail(place, WEFT_EINVAL, ".columns: %s has no field %.*s", c->schema->name, WEFT_FMT(name));
        for (uint32_t i = 0; i < *count; i++)
            if (c->columns[i] == column) return weft__fail(place, WEFT_EINVAL, ".columns: %.*s of %s is there twice", WEFT_FMT(name), c->schema->name);
        c->columns[(*count)++] = column;
    }
    return 0;
}

static int columns_of(weft_copy *c, const weft__table *t, const weft_copy_opts *o, uint32_t *count)
{
    const char *why = NULL;
    c->plan = weft__row_plan_new(c->schema, &why);
    if (!c->plan && why) return weft__fail(o->place, WEFT_EINVAL, "%s: %s", c->schema->name, why);
    c->columns = c->plan ? weft__calloc((c->plan->count + 1) * sizeof *c->columns) : NULL;
    if (!c->columns) return weft__fail(o->place, WEFT_ENOMEM, "no memory for a COPY of %s", c->schema->name);
    *count = 0;
    int rc = o->columns ? columns_named(c, o->columns, o->place, count) : 0;
    for (uint32_t i = 0; !o->columns && i < c->plan->count; i++)
        if (!is_given(t, i)) c->columns[(*count)++] = &c->plan->columns[i];
    if (rc == 0 && !*count) return weft__fail(o->place, WEFT_EINVAL, "a COPY of no column of %s", c->schema->name);
    return rc;
}

/* "prices" ("day", "city"), and what SELECTs these. */
static int sql_of(weft_copy *c, const weft__table *t, const weft_copy_opts *o, const char *scheme, uint32_t count)
{
    const weft__table_dialect *d = weft__table_dialect_of(scheme);
    weft__buf names, table, into, select;
    weft__buf_init(&names, WEFT__TABLE_SQL_MAX);
    weft__buf_init(&table, WEFT__TABLE_SQL_MAX);
    weft__buf_init(&into, 3 * (size_t)WEFT__TABLE_SQL_MAX);
    weft__buf_init(&select, 3 * (size_t)WEFT__TABLE_SQL_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (i) weft__buf_lit(&names, ", ");
        weft__sql_name(d, c->columns[i]->field->name, &names);
    }
    if (o->into) weft__buf_add_str(&table, weft_str_of(o->into));
    else weft__sql_name(d, t->name, &table);
    weft__buf_printf(&into, "%.*s (%.*s)", WEFT_FMT(weft__buf_str(&table)), WEFT_FMT(weft__buf_str(&names)));
    weft__buf_printf(&select, "SELECT %.*s FROM %.*s", WEFT_FMT(weft__buf_str(&names)), WEFT_FMT(weft__buf_str(&table)));
    weft__buf_add_char(&into, 0);
    weft__buf_add_char(&select, 0);
    int rc = names.failed ? names.failed : table.failed ? table.failed : into.failed ? into.failed : select.failed;
    c->into = into.ptr;
    c->select = select.ptr;
    weft__buf_free(&names);
    weft__buf_free(&table);
    return rc < 0 ? weft__fail(o->place, rc, "no memory for a COPY of %s", c->schema->name) : 0;
}

int weft_db_copy_in_with(weft_copy **out, weft_db *db, const weft_schema *schema, const weft_copy_opts *o)
{
    const weft__table *t = NULL;
    uint32_t count = 0;
    int rc = usable(db, schema->name, o->place);
    if (rc == 0 && !o->into) rc = weft__table_of(db, schema, o->place, &t);
    if (rc < 0) return rc;
    weft_copy *c = copy_new(WEFT__COPY_IN);
    if (!c) return weft__fail(o->place, WEFT_ENOMEM, "no memory for a COPY of %s", schema->name);
    c->schema = schema;
    if (rc == 0) rc = columns_of(c, t, o, &count);
    if (rc == 0) rc = sql_of(c, t, o, db->root->engine->scheme, count);
    return rc < 0 ? opened(out, c, rc) : open_in(out, c, db, formats[WEFT_COPY_TEXT], count, o->place);
}

/* ---- steps ---- */

static int step_ready(const weft_copy *c, weft__copy_way way, const char *what)
{
    int rc = weft__rows_usable(c ? c->rows : NULL, what);
    if (rc < 0 || !c) return rc < 0 ? rc : WEFT_EINVAL;
    if (c->way != way) return weft__fail(c->rows->place, WEFT_EINVAL, "%s: it goes %s a database: %s", what, c->way == WEFT__COPY_IN ? "into" : "out of", c->rows->text);
    if (way == WEFT__COPY_IN && c->rows->over) return weft__fail(c->rows->place, WEFT_ECLOSED, "%s: it has ended: %s", what, c->rows->text);
    return 0;
}

/* What is here goes out when it is worth a trip. What lacks a piece is not to last, whatever is done with it. */
static int gathered(weft_rows *r, const char *what)
{
    int rc = weft__rows_checkpoint(r, what);
    return weft__rows_kept(r, rc < 0 || r->buffer.len < AT_ONCE ? rc : weft__rows_step(r));
}

static int cells_of(weft_copy *c, const void *row, weft__buf *fault)
{
    int rc = 0;
    for (int i = 0; i < c->rows->columns && rc == 0; i++) {
        rc = weft__cell_of_column(c->columns[i], row, &c->made, &c->rows->cells[i], fault);
        if (rc == WEFT_EINVAL) weft__buf_printf(fault, " (column %s)", c->columns[i]->field->name);
    }
    return rc;
}

static int take_row(weft_copy *c, const void *row)
{
    weft__buf fault;
    weft_rows *r = c->rows;
    c->given++;
    weft__buf_init(&fault, 512);
    int rc = cells_of(c, row, &fault);
    if (rc == 0) rc = r->root->engine->copy_row(r, r->cells, &fault);
    if (rc < 0) rc = weft__fail(r->place, rc, "row %lld: %.*s: %s", (long long)c->given, fault.len ? (int)fault.len : 9, fault.len ? fault.ptr : "no memory", r->text);
    weft__buf_free(&fault);
    weft__arena_free(&c->made);
    if (rc == WEFT_EINVAL) return rc;                /* left out, and others may follow */
    return rc < 0 ? weft__rows_kept(r, rc) : gathered(r, "weft_copy_row");
}

int weft_copy_row_with(weft_copy *c, const weft_schema *schema, const void *row)
{
    int rc = step_ready(c, WEFT__COPY_IN, "weft_copy_row");
    if (rc < 0) return rc;
    weft_rows *r = c->rows;
    if (schema != c->schema)
        return weft__fail(r->place, WEFT_EINVAL, "weft_copy_row: a %s, and it copies %s: %s", schema->name, c->schema ? c->schema->name : "bytes (weft_copy_write)", r->text);
    weft__rows_enter(r);
    return weft__rows_exit(r, take_row(c, row));
}

/* What is the end to servers before PostgreSQL 18, so that what is behind it would be read over without a word. Of a CSV it is a line "\." of its own, outside of quotes; of text it is an
 * escape like others, wherever in a line, with the line's end behind it: "Paris\." is the value "Paris", and the end. */
static bool has_end_mark(weft_copy *c, weft_str bytes)
{
    enum { LINE_BEGINS, BACKSLASH, DOT, OTHER };
    for (size_t i = 0; i < bytes.len; i++) {
        char ch = bytes.ptr[i];
        bool ends = ch == '\n' || ch == '\r', quote = ch == '"' && c->quotes;
        bool escapes = ch == '\\' && (c->quotes ? c->end_mark == LINE_BEGINS : c->end_mark != BACKSLASH);
        if (ends && !c->quoted && c->end_mark == DOT) return true;
        if (ch == '\n') c->line++;
        if (quote) c->quoted = !c->quoted;
        if (ends && !c->quoted && c->quotes) c->end_mark = LINE_BEGINS;
        else if (escapes) c->end_mark = BACKSLASH;
        else c->end_mark = c->end_mark == BACKSLASH && ch == '.' ? DOT : OTHER;
    }
    return false;
}

static bool ends_with_end_mark(weft_copy *c) { return !c->schema && has_end_mark(c, WEFT_S("\n")); }

static int end_mark(weft_copy *c, const char *what)
{
    return weft__rows_kept(c->rows, weft__fail(c->rows->place, WEFT_EINVAL, "%s: line %lld %s, which ends a COPY before its end: as a value it is %s: %s", what, (long long)c->line + 1,
        c->quotes ? "is \\. alone" : "ends in \\.", c->quotes ? "\"\\.\"" : "\\\\.", c->rows->text));
}

static int write_all(weft_copy *c, weft_str bytes)
{
    weft_rows *r = c->rows;
    int rc = 0;
    while (rc == 0 && bytes.len) {
        size_t n = AT_ONCE - r->buffer.len;
        if (n > bytes.len) n = bytes.len;
        if (has_end_mark(c, (weft_str){ bytes.ptr, n })) return end_mark(c, "weft_copy_write");
        weft__buf_add(&r->buffer, bytes.ptr, n);
        if (r->buffer.failed) return weft__rows_kept(r, weft__fail(r->place, r->buffer.failed, "no memory for a COPY: %s", r->text));
        bytes = (weft_str){ bytes.ptr + n, bytes.len - n };
        rc = gathered(r, "weft_copy_write");
    }
    return rc;
}

int weft_copy_write(weft_copy *c, weft_str bytes)
{
    int rc = step_ready(c, WEFT__COPY_IN, "weft_copy_write");
    if (rc == 0 && c->schema) rc = weft__fail(c->rows->place, WEFT_EINVAL, "weft_copy_write: it copies rows of %s (weft_copy_row): %s", c->schema->name, c->rows->text);
    if (rc < 0) return rc;
    weft_rows *r = c->rows;
    weft__rows_enter(r);
    return weft__rows_exit(r, write_all(c, bytes));
}

static int make_last(weft_copy *c, int64_t *rows)
{
    weft_rows *r = c->rows;
    if (ends_with_end_mark(c)) return end_mark(c, "weft_copy_end");
    r->copy->last = true;
    int rc = weft__rows_step(r);
    r->copy->last = rc == 0;
    if (rc == 0 && rows) *rows = r->copy->rows;
    return rc;
}

int weft_copy_end(weft_copy *c, int64_t *rows)
{
    int rc = step_ready(c, WEFT__COPY_IN, "weft_copy_end");
    if (rc < 0) return rc;
    weft_rows *r = c->rows;
    weft__rows_enter(r);
    return weft__rows_exit(r, make_last(c, rows));
}

int weft_db_copy_with(weft_db *db, const weft_schema *schema, const void *rows, size_t n, const weft_copy_opts *opts)
{
    WEFT_COPY(copy);
    int64_t made = 0;
    if (n > INT32_MAX || (n && !rows)) return weft__fail(opts->place, WEFT_EINVAL, "weft_db_copy: %s: %s", rows ? "more than 2^31 - 1 rows" : "no rows (NULL)", schema->name);
    int rc = weft_db_copy_in_with(&copy, db, schema, opts);
    for (size_t i = 0; i < n && rc == 0; i++) rc = weft_copy_row_with(copy, schema, (const char *)rows + i * schema->size);
    if (rc == 0) rc = weft_copy_end(copy, &made);
    return rc < 0 ? rc : (int)made;
}

static int read_some(weft_rows *r, weft_str *out)
{
    int rc = 0;
    weft__buf_clear(&r->buffer);
    while (rc == 0 && !r->buffer.len && !r->over) rc = weft__rows_step(r);
    if (rc < 0 || !r->buffer.len) return rc;
    *out = weft__buf_str(&r->buffer);
    r->at = r->buffer.len;
    return 1;
}

int weft_copy_read(weft_copy *c, weft_str *out)
{
    int rc = step_ready(c, WEFT__COPY_OUT, "weft_copy_read");
    if (rc < 0) return rc;
    weft_rows *r = c->rows;
    weft__rows_enter(r);
    return weft__rows_exit(r, read_some(r, out));
}
