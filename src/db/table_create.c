/* The tables themselves: CREATE TABLE of a model, and whether a database has it. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/table.h"
#include "model/coerce.h"
#include "model/text.h"

enum { DEPTH_MAX = 32, INITIAL_BYTES_MAX = 1 << 20 };

/* ---- values in SQL: of declarations alone ---- */

static void text_literal(const weft__table_dialect *d, weft_str s, weft__buf *out)
{
    weft__buf_add_char(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'' || (s.ptr[i] == '\\' && d->backslash)) weft__buf_add_char(out, s.ptr[i]);
        weft__buf_add_char(out, s.ptr[i]);
    }
    weft__buf_add_char(out, '\'');
}

static weft_str without_zone(const weft__table_dialect *d, const weft_schema *type, weft_str s)
{
    bool moment = d->no_zone && type->kind == WEFT__scalar && type->scalar == WEFT__datetime;
    if (moment && s.len && s.ptr[s.len - 1] == 'Z') s.len--;
    return s;
}

static void bytes_literal(const weft__table_dialect *d, weft_str s, weft__buf *out)
{
    weft__buf_add_str(out, weft_str_of(d->bytes[0]));
    for (size_t i = 0; i < s.len; i++) weft__buf_printf(out, "%02X", (unsigned char)s.ptr[i]);
    weft__buf_add_str(out, weft_str_of(d->bytes[1]));
}

static void literal(const weft__table_dialect *d, const weft_schema *type, const weft__cell *c, weft__buf *out)
{
    bool is_bool = type->kind == WEFT__scalar && type->scalar == WEFT__bool;
    switch (c->kind) {
    case WEFT__CELL_NULL: weft__buf_lit(out, "NULL"); return;
    case WEFT__CELL_INT:
        if (is_bool) weft__buf_add_str(out, weft_str_of(c->i ? d->yes : d->no));
        else weft__buf_add_int(out, c->i);
        return;
    case WEFT__CELL_REAL: weft__buf_printf(out, "%.17g", c->d); return;
    case WEFT__CELL_TEXT: case WEFT__CELL_DECIMAL: text_literal(d, without_zone(d, type, c->s), out); return;
    case WEFT__CELL_BLOB: bytes_literal(d, c->s, out); return;
    }
}

/* The value that .initial is, as the database would have it from a row. */
static int default_cell(const weft_field *f, weft_arena *arena, weft__cell *out)
{
    weft__buf why;
    weft__buf_init(&why, 512);
    void *value = weft__arena_zalloc(arena, f->type->size);
    int rc = value ? weft__default_read(f, 0, value, arena) : weft__arena_error(arena);
    if (rc == 0) rc = weft__cell_of(f->type, value, arena, out, &why);
    weft__buf_free(&why);
    return rc;
}

static int default_add(const weft__table_dialect *d, const weft_field *f, weft__buf *out)
{
    weft_arena arena;
    weft__cell cell;
    weft__arena_init(&arena, NULL, INITIAL_BYTES_MAX);
    int rc = default_cell(f, &arena, &cell);
    if (rc == 0) {
        weft__buf_lit(out, " DEFAULT ");
        literal(d, weft__table_type(f), &cell, out);
    }
    weft__arena_free(&arena);
    return rc;
}

/* ---- CREATE TABLE ---- */

static void names_of(const weft__table *t, const weft_field *said, weft__buf *out)
{
    weft_str name;
    bool any = false;
    weft__buf_lit(out, " (");
    for (const char *at = said->as; weft__table_next_name(&at, &name); any = true) {
        if (any) weft__buf_lit(out, ", ");
        weft__table_name(t, (uint32_t)weft__table_find(t, name), out);
    }
    weft__buf_lit(out, ")");
}

static bool is_looked_for(const weft__table *t, const weft_field *column)
{
    weft_str name, own = { column->name, column->name_len };
    for (const weft_field *f = t->schema->fields; f < t->schema->fields + t->schema->count; f++) {
        bool looks = f->place == WEFT__key || f->place == WEFT__unique || f->place == WEFT__index || f->place == WEFT__reference;
        for (const char *at = looks ? f->as : ""; weft__table_next_name(&at, &name);)
            if (weft_str_equal(name, own)) return true;
    }
    return false;
}

static int column_add(const weft__table *t, uint32_t i, weft__buf *out)
{
    const weft__column *c = &t->columns->columns[i];
    weft__buf_add_str(out, weft_str_of(i ? ",\n    " : "    "));
    weft__table_name(t, i, out);
    weft__buf_add_char(out, ' ');
    weft__sql_type(t->dialect, c->field, is_looked_for(t, c->field), out);
    if (t->counted && i == t->key[0]) {
        weft__buf_add_str(out, weft_str_of(t->dialect->counted));
        return 0;
    }
    if (!weft__table_may_be_null(c->field)) weft__buf_lit(out, " NOT NULL");
    return c->field->initial ? default_add(t->dialect, c->field, out) : 0;
}

static void constraint(const weft__table *t, const char *words, const weft_field *said, weft__buf *out)
{
    weft__buf_printf(out, ",\n    %s", words);
    names_of(t, said, out);
}

static void reference_add(const weft__table *t, const weft_field *said, weft__buf *out)
{
    static const char *const on_delete[] = { [WEFT_REFUSE] = "", [WEFT_CASCADE] = " ON DELETE CASCADE", [WEFT_SET_NULL] = " ON DELETE SET NULL" };
    weft_str name = { 0 };
    const char *key = weft__table_remark(said->refers, WEFT__key, NULL)->as;
    weft__table_next_name(&key, &name);
    constraint(t, "FOREIGN KEY", said, out);
    weft__buf_lit(out, " REFERENCES ");
    weft__sql_name(t->dialect, weft__table_remark(said->refers, WEFT__table, NULL)->as, out);
    weft__buf_lit(out, " (");
    weft__sql_name(t->dialect, weft__table_column(said->refers, name)->name, out);
    weft__buf_printf(out, ")%s", on_delete[said->on_delete]);
}

static int table_add(const weft__table *t, bool unless_there, weft__buf *out)
{
    int rc = 0;
    const weft_field *f = t->schema->fields, *end = f + t->schema->count;
    weft__buf_add_str(out, weft_str_of(unless_there ? "CREATE TABLE IF NOT EXISTS " : "CREATE TABLE "));
    weft__sql_name(t->dialect, t->name, out);
    weft__buf_lit(out, " (\n");
    for (uint32_t i = 0; i < t->columns->count && rc == 0; i++) rc = column_add(t, i, out);
    for (; f < end; f++) {
        if (f->place == WEFT__key && !t->counted) constraint(t, "PRIMARY KEY", f, out);
        if (f->place == WEFT__unique) constraint(t, "UNIQUE", f, out);
        if (f->place == WEFT__reference) reference_add(t, f, out);
    }
    weft__buf_printf(out, "\n)%s;\n", t->dialect->behind);
    return rc;
}

/* ---- CREATE INDEX ---- */

/* users.team_id.name: with what no name of a table or column has in it between, for indexes lie among the tables, and team.id is not team_id. One that would be
 * too long is cut, and told apart by a number made of all of it. */
static void index_name(const weft__table *t, const weft_field *said, char out[WEFT__TABLE_NAME_MAX + 1])
{
    char whole[WEFT__TABLE_COLUMNS_MAX * (WEFT__TABLE_NAME_MAX + 1) + WEFT__TABLE_NAME_MAX + 1];
    weft_str name;
    uint32_t hash = 2166136261u;
    size_t n = (size_t)snprintf(whole, sizeof whole, "%s", t->name);
    for (const char *at = said->as; weft__table_next_name(&at, &name);) n += (size_t)snprintf(whole + n, sizeof whole - n, ".%.*s", WEFT_FMT(name));
    for (size_t i = 0; i < n; i++) hash = (hash ^ (unsigned char)whole[i]) * 16777619u;
    if (n <= WEFT__TABLE_NAME_MAX) memcpy(out, whole, n + 1);
    else snprintf(out, WEFT__TABLE_NAME_MAX + 1, "%.*s.%08x", WEFT__TABLE_NAME_MAX - 9, whole, hash);
}

static void index_add(const weft__table *t, const weft_field *said, bool unless_there, weft__buf *out)
{
    char name[WEFT__TABLE_NAME_MAX + 1];
    index_name(t, said, name);
    weft__buf_add_str(out, weft_str_of(unless_there ? "CREATE INDEX IF NOT EXISTS " : "CREATE INDEX "));
    weft__sql_name(t->dialect, name, out);
    weft__buf_lit(out, " ON ");
    weft__sql_name(t->dialect, t->name, out);
    names_of(t, said, out);
    weft__buf_lit(out, ";\n");
}

/* Without an index each row that is deleted over there looks through all of this table. */
static bool has_index(const weft__table *t, const weft_field *reference)
{
    weft_str first, name;
    const char *at = reference->as;
    if (!weft__table_next_name(&at, &name)) return true;
    for (const weft_field *f = t->schema->fields; f < t->schema->fields + t->schema->count; f++) {
        at = f->as;
        bool indexed = f->place == WEFT__key || f->place == WEFT__unique || f->place == WEFT__index || (f->place == WEFT__reference && f < reference);
        if (indexed && weft__table_next_name(&at, &first) && weft_str_equal(first, name)) return true;
    }
    return false;
}

int weft__table_create_sql(const weft__table *t, bool unless_there, weft__buf *out)
{
    int rc = table_add(t, unless_there, out);
    for (const weft_field *f = t->schema->fields; f < t->schema->fields + t->schema->count; f++)
        if (f->place == WEFT__index || (f->place == WEFT__reference && !has_index(t, f))) index_add(t, f, unless_there, out);
    return rc < 0 ? rc : out->failed;
}

/* ---- calls ---- */

int weft_db_table_sql_with(weft_db *db, const weft_schema *schema, weft_str *out, const char *place)
{
    const weft__table *t;
    weft__buf sql;
    int rc = weft__table_of(db, schema, place, &t);
    if (rc < 0) return rc;
    weft__buf_init(&sql, WEFT__TABLE_SQL_MAX);
    rc = weft__table_create_sql(t, false, &sql);
    weft_str text = rc == 0 ? weft__arena_dup(weft__arena_here(), weft__buf_str(&sql)) : (weft_str){ 0 };
    if (rc == 0 && !text.ptr) rc = weft__arena_error(weft__arena_here());
    if (rc == 0) *out = text;
    weft__buf_free(&sql);
    return rc < 0 ? weft__fail(place, rc, "the text of the table %s", t->name) : 0;
}

typedef struct creation { weft_db *db; const char *place; weft__buf sql; const weft_schema *made[DEPTH_MAX]; uint32_t count; } creation;

static bool is_made(const creation *c, const weft_schema *schema)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (strcmp(c->made[i]->name, schema->name) == 0) return true;
    return false;
}

static int create(creation *c, const weft_schema *schema)
{
    const weft__table *t;
    if (is_made(c, schema)) return 0;
    if (c->count == DEPTH_MAX) return weft__fail(c->place, WEFT_ELIMIT, "weft_db_create_table: more than %d tables refer to one another", DEPTH_MAX);
    c->made[c->count++] = schema;
    int rc = weft__table_of(c->db, schema, c->place, &t);
    for (const weft_field *f = NULL; rc == 0 && (f = weft__table_remark(schema, WEFT__reference, f ? f + 1 : NULL));) rc = create(c, f->refers);
    if (rc < 0) return rc;
    rc = weft__table_create_sql(t, true, &c->sql);
    return rc < 0 ? weft__fail(c->place, rc, "the text of the table %s", t->name) : 0;
}

int weft_db_create_table_with(weft_db *db, const weft_schema *schema, const char *place)
{
    creation c = { .db = db, .place = place };
    weft__buf_init(&c.sql, DEPTH_MAX * WEFT__TABLE_SQL_MAX);
    int rc = create(&c, schema);
    weft__buf_add_char(&c.sql, 0);
    if (rc == 0 && c.sql.failed) rc = weft__fail(place, c.sql.failed, "no memory for the text of the table");
    if (rc == 0) rc = weft_db_script_with(db, c.sql.ptr, place);
    weft__buf_free(&c.sql);
    return rc;
}

int weft_db_check_table_with(weft_db *db, const weft_schema *schema, const char *place)
{
    const weft__table *t;
    weft__buf sql;
    int rc = weft__table_of(db, schema, place, &t);
    if (rc < 0) return rc;
    weft__buf_init(&sql, WEFT__TABLE_SQL_MAX);
    weft__buf_lit(&sql, "SELECT ");
    weft__table_names(t, &sql);
    weft__buf_lit(&sql, " FROM ");
    weft__sql_name(t->dialect, t->name, &sql);
    weft__buf_lit(&sql, " LIMIT 0");
    weft__buf_add_char(&sql, 0);
    if (sql.failed) rc = weft__fail(place, sql.failed, "no memory for a statement");
    if (rc == 0) rc = weft_db_execute_with(db, &(weft_sql){ .sql = sql.ptr, .place = place });
    weft__buf_free(&sql);
    return rc < 0 ? rc : 0;
}
