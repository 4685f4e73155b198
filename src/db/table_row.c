/* Rows of models that are tables: inserted, found by their key, changed, deleted. */
#include <string.h>
#include "base/mem.h"
#include "db/table.h"

/* ---- pieces of SQL ---- */

static void value_of_field(const weft_field *f, weft__buf *sql) { weft__buf_printf(sql, ":%s", f->name); }

static void returning(const weft__table *t, weft__buf *sql)
{
    weft__buf_lit(sql, " RETURNING ");
    weft__table_names(t, sql);
}

/* named: by the fields of the row; else by values in their order. */
static void where_key(const weft__table *t, bool named, weft__buf *sql)
{
    for (uint32_t i = 0; i < t->key_count; i++) {
        weft__buf_add_str(sql, weft_str_of(i ? " AND " : " WHERE "));
        weft__table_name(t, t->key[i], sql);
        weft__buf_lit(sql, " = ");
        if (named) value_of_field(t->columns->columns[t->key[i]].field, sql);
        else weft__buf_lit(sql, "{}");
    }
}

static void set_field(const weft__table *t, uint32_t column, bool first, weft__buf *sql)
{
    weft__buf_add_str(sql, weft_str_of(first ? " SET " : ", "));
    weft__table_name(t, column, sql);
    weft__buf_lit(sql, " = ");
    value_of_field(t->columns->columns[column].field, sql);
}

static void begin(const weft__table *t, const char *words, weft__buf *sql)
{
    weft__buf_init(sql, WEFT__TABLE_SQL_MAX);
    weft__buf_add_str(sql, weft_str_of(words));
    weft__sql_name(t->dialect, t->name, sql);
}

static void select_from(const weft__table *t, weft__buf *sql)
{
    weft__buf_init(sql, WEFT__TABLE_SQL_MAX);
    weft__buf_lit(sql, "SELECT ");
    weft__table_names(t, sql);
    weft__buf_lit(sql, " FROM ");
    weft__sql_name(t->dialect, t->name, sql);
}

static int text_of(const char *place, weft__buf *sql, const char **out)
{
    weft__buf_add_char(sql, 0);
    *out = sql->ptr;
    return sql->failed ? weft__fail(place, sql->failed, "no memory for a statement") : 0;
}

/* ---- which columns a row gives ---- */

static bool is_absent(const weft_schema *type, const char *at)
{
    return type->kind == WEFT__opt && !at[type->of->size] && !at[type->of->size + 1];
}

static bool is_zero(const weft_schema *type, const char *at)
{
    return type->scalar == WEFT__int32 ? *(const int32_t *)(const void *)at == 0 : *(const int64_t *)(const void *)at == 0;
}

static bool is_given(const weft__table *t, uint32_t i, const char *row)
{
    const weft__column *c = &t->columns->columns[i];
    if (t->counted && i == t->key[0]) return !is_zero(c->type, row + c->offset);
    return c->ref || !is_absent(c->type, row + c->offset);
}

/* ---- insert and upsert ---- */

static void insert_columns(const weft__table *t, const char *row, bool values, weft__buf *sql)
{
    bool any = false;
    for (uint32_t i = 0; i < t->columns->count; i++) {
        if (!is_given(t, i, row)) continue;
        if (any) weft__buf_lit(sql, ", ");
        if (values) value_of_field(t->columns->columns[i].field, sql);
        else weft__table_name(t, i, sql);
        any = true;
    }
}

static bool gives_any(const weft__table *t, const char *row)
{
    for (uint32_t i = 0; i < t->columns->count; i++)
        if (is_given(t, i, row)) return true;
    return false;
}

static void insert_sql(const weft__table *t, const char *row, weft__buf *sql)
{
    begin(t, "INSERT INTO ", sql);
    if (!gives_any(t, row)) {
        weft__buf_add_str(sql, weft_str_of(t->dialect->no_values));
        return;
    }
    weft__buf_lit(sql, " (");
    insert_columns(t, row, false, sql);
    weft__buf_lit(sql, ") VALUES (");
    insert_columns(t, row, true, sql);
    weft__buf_lit(sql, ")");
}

/* Run it for the row, and read what comes back over it. */
static int run_over(weft_db *db, const weft__table *t, void *row, const char *place, weft__buf *sql)
{
    const char *text;
    weft_val fields = weft_val_fields(t->schema, row);
    returning(t, sql);
    int rc = text_of(place, sql, &text);
    if (rc == 0) rc = weft_db_one_with(db, t->schema, row, &(weft_sql){ text, &fields, gives_any(t, row), place });
    weft__buf_free(sql);
    return rc;
}

int weft_db_insert_with(weft_db *db, const weft_schema *schema, void *row, const char *place)
{
    const weft__table *t;
    weft__buf sql;
    int rc = weft__table_of(db, schema, place, &t);
    if (rc < 0) return rc;
    insert_sql(t, row, &sql);
    return run_over(db, t, row, place, &sql);
}

/* The columns that tell which row it is. */
typedef struct target { uint32_t columns[WEFT__TABLE_COLUMNS_MAX], count; } target;

static bool is_target(const target *to, uint32_t column)
{
    for (uint32_t i = 0; i < to->count; i++)
        if (to->columns[i] == column) return true;
    return false;
}

static bool is_same(const weft__table *t, const weft_field *said, const char *by)
{
    weft_str name, path;
    for (const char *at = said->as;;) {
        bool more = weft__table_next_name(&at, &name);
        if (weft__table_next_path(&by, &path) != more) return false;
        if (!more) return true;
        if (weft__table_at(t->schema, path) != weft__table_column(t->schema, name)) return false;
    }
}

static const weft_field *unique_of(const weft__table *t, const char *by)
{
    const weft_field *f = weft__table_remark(t->schema, WEFT__key, NULL);
    if (!by || is_same(t, f, by)) return f;
    for (f = NULL; (f = weft__table_remark(t->schema, WEFT__unique, f ? f + 1 : NULL));)
        if (is_same(t, f, by)) return f;
    return NULL;
}

static void target_fill(const weft__table *t, const weft_field *unique, target *to)
{
    weft_str name;
    to->count = 0;
    for (const char *at = unique->as; weft__table_next_name(&at, &name);) to->columns[to->count++] = (uint32_t)weft__table_find(t, name);
}

static void set_excluded(const weft__table *t, uint32_t column, bool first, weft__buf *sql)
{
    if (!first) weft__buf_lit(sql, ", ");
    weft__table_name(t, column, sql);
    weft__buf_lit(sql, " = excluded.");
    weft__table_name(t, column, sql);
}

/* A row of which nothing is to be changed is changed to what it is: DO NOTHING would return none. */
static void on_conflict(const weft__table *t, const target *to, const char *row, weft__buf *sql)
{
    bool any = false;
    weft__buf_lit(sql, " ON CONFLICT (");
    for (uint32_t i = 0; i < to->count; i++) {
        if (i) weft__buf_lit(sql, ", ");
        weft__table_name(t, to->columns[i], sql);
    }
    weft__buf_lit(sql, ") DO UPDATE SET ");
    for (uint32_t i = 0; i < t->columns->count; i++) {
        if (is_target(to, i) || weft__table_is_key(t, i) || !is_given(t, i, row)) continue;
        set_excluded(t, i, !any, sql);
        any = true;
    }
    if (!any) set_excluded(t, to->columns[0], true, sql);
}

static void where_target(const weft__table *t, const target *to, weft__buf *sql)
{
    for (uint32_t i = 0; i < to->count; i++) {
        weft__buf_add_str(sql, weft_str_of(i ? " AND " : " WHERE "));
        weft__table_name(t, to->columns[i], sql);
        weft__buf_lit(sql, " = ");
        value_of_field(t->columns->columns[to->columns[i]].field, sql);
    }
}

/* Is the row that is in the way the one that is meant? Then it is changed. > 0: it was; 0: another unique column was in the way. */
static int change_target(weft_db *db, const weft__table *t, const target *to, const char *row, const char *place)
{
    weft__buf sql;
    const char *text;
    bool any = false;
    weft_val fields = weft_val_fields(t->schema, row);
    begin(t, "UPDATE ", &sql);
    for (uint32_t i = 0; i < t->columns->count; i++) {
        if (is_target(to, i) || weft__table_is_key(t, i) || !is_given(t, i, row)) continue;
        set_field(t, i, !any, &sql);
        any = true;
    }
    if (!any) set_field(t, to->columns[0], true, &sql);
    where_target(t, to, &sql);
    int rc = text_of(place, &sql, &text);
    if (rc == 0) rc = weft_db_execute_with(db, &(weft_sql){ text, &fields, 1, place });
    weft__buf_free(&sql);
    return rc;
}

static int read_target(weft_db *db, const weft__table *t, const target *to, void *row, const char *place)
{
    weft__buf sql;
    const char *text;
    weft_val fields = weft_val_fields(t->schema, row);
    select_from(t, &sql);
    where_target(t, to, &sql);
    int rc = text_of(place, &sql, &text);
    if (rc == 0) rc = weft_db_one_with(db, t->schema, row, &(weft_sql){ text, &fields, 1, place });
    weft__buf_free(&sql);
    return rc;
}

static int upsert_in_steps(weft_db *db, const weft__table *t, const target *to, void *row, const char *place)
{
    weft__buf sql;
    insert_sql(t, row, &sql);
    int rc = run_over(db, t, row, place, &sql);
    if (rc != WEFT_EDB_UNIQUE) return rc;
    int changed = change_target(db, t, to, row, place);
    return changed > 0 ? read_target(db, t, to, row, place) : changed < 0 ? changed : rc;
}

int weft_db_upsert_with(weft_db *db, const weft_schema *schema, void *row, const weft_upsert_opts *opts)
{
    const weft__table *t;
    weft__buf sql;
    target to;
    int rc = weft__table_of(db, schema, opts->place, &t);
    if (rc < 0) return rc;
    const weft_field *unique = unique_of(t, opts->by);
    if (!unique) return weft__fail(opts->place, WEFT_EINVAL, "weft_db_upsert: %s has no unique(%.200s), as .by says", schema->name, opts->by);
    target_fill(t, unique, &to);
    if (!t->dialect->conflict_says_which) return upsert_in_steps(db, t, &to, row, opts->place);
    insert_sql(t, row, &sql);
    if (gives_any(t, row)) on_conflict(t, &to, row, &sql);
    return run_over(db, t, row, opts->place, &sql);
}

/* ---- by key ---- */

static int key_check(const weft__table *t, const weft_key *key, const char *what)
{
    for (size_t i = 0; i < key->count; i++)
        if (key->values[i].kind == WEFT__VAL_FIELDS && key->values[i].fields.schema->kind == WEFT__model)
            return weft__fail(key->place, WEFT_EINVAL, "%s: a key is values, and value %zu is a %s", what, i + 1, key->values[i].fields.schema->name);
    if (key->count == t->key_count) return 0;
    return weft__fail(key->place, WEFT_EINVAL, "%s: the key of %s has %u column%s, and %zu %s given", what, t->schema->name, t->key_count, t->key_count == 1 ? "" : "s",
        key->count, key->count == 1 ? "value is" : "values are");
}

static int get(weft_db *db, const weft__table *t, void *out, const weft_key *key)
{
    weft__buf sql;
    const char *text;
    select_from(t, &sql);
    where_key(t, false, &sql);
    int rc = text_of(key->place, &sql, &text);
    if (rc == 0) rc = weft_db_one_with(db, t->schema, out, &(weft_sql){ text, key->values, key->count, key->place });
    weft__buf_free(&sql);
    return rc;
}

int weft_db_get_with(weft_db *db, const weft_schema *schema, void *out, const weft_key *key)
{
    const weft__table *t;
    int rc = weft__table_of(db, schema, key->place, &t);
    if (rc == 0) rc = key_check(t, key, "weft_db_get");
    return rc < 0 ? rc : get(db, t, out, key);
}

static int ran(const weft__table *t, int rc, const char *place)
{
    return rc == 0 ? weft__fail(place, WEFT_ENOENT, "%s has no row with this key", t->name) : rc < 0 ? rc : 0;
}

static int run(weft_db *db, const weft__table *t, const weft_sql *values, weft__buf *sql)
{
    const char *text;
    int rc = text_of(values->place, sql, &text);
    rc = rc < 0 ? rc : ran(t, weft_db_execute_with(db, &(weft_sql){ text, values->values, values->count, values->place }), values->place);
    weft__buf_free(sql);
    return rc;
}

int weft_db_delete_with(weft_db *db, const weft_schema *schema, const weft_key *key)
{
    const weft__table *t;
    weft__buf sql;
    int rc = weft__table_of(db, schema, key->place, &t);
    if (rc == 0) rc = key_check(t, key, "weft_db_delete");
    if (rc < 0) return rc;
    begin(t, "DELETE FROM ", &sql);
    where_key(t, false, &sql);
    return run(db, t, &(weft_sql){ NULL, key->values, key->count, key->place }, &sql);
}

/* ---- update ---- */

int weft_db_update_with(weft_db *db, const weft_schema *schema, const void *row, const char *place)
{
    const weft__table *t;
    weft__buf sql;
    bool any = false;
    int rc = weft__table_of(db, schema, place, &t);
    if (rc < 0) return rc;
    begin(t, "UPDATE ", &sql);
    for (uint32_t i = 0; i < t->columns->count; i++) {
        if (weft__table_is_key(t, i) || !is_given(t, i, row)) continue;
        set_field(t, i, !any, &sql);
        any = true;
    }
    if (!any) set_field(t, t->key[0], true, &sql);   /* whether it is there is what is left to tell */
    where_key(t, true, &sql);
    weft_val fields = weft_val_fields(schema, row);
    return run(db, t, &(weft_sql){ NULL, &fields, 1, place }, &sql);
}

/* ---- patch ---- */

static int patch_refuse(const weft__table *t, const weft_schema *patch, const weft_field *f, const char *place, const char *why)
{
    return weft__fail(place, WEFT_EINVAL, "weft_db_patch: %s.%s %s of %s", patch->name, f->name, why, t->schema->name);
}

static int patch_column(const weft__table *t, const weft_schema *patch, const weft__column *c, const char *place)
{
    int at = weft__table_find(t, (weft_str){ c->field->name, c->field->name_len });
    if (at < 0) return patch_refuse(t, patch, c->field, place, "is no column");
    if (weft__table_is_key(t, (uint32_t)at)) return patch_refuse(t, patch, c->field, place, "is in the key");
    if (!weft__table_comparable(weft__table_type(c->field), weft__table_type(t->columns->columns[at].field)))
        return patch_refuse(t, patch, c->field, place, "is of another type than the column");
    return at;
}

/* How many columns it sets; < 0: what it may not. */
static int patch_set(const weft__table *t, const weft__row_plan *patch, const char *value, const char *place, weft__buf *sql)
{
    int n = 0;
    for (uint32_t i = 0; i < patch->count; i++) {
        const weft__column *c = &patch->columns[i];
        int at = patch_column(t, patch->schema, c, place);
        if (at < 0) return at;
        if (!c->ref && is_absent(c->type, value + c->offset)) continue;
        set_field(t, (uint32_t)at, n++ == 0, sql);
    }
    return n;
}

static int patch_run(weft_db *db, const weft__table *t, void *out, weft_val patch, const weft_key *key, weft__buf *sql)
{
    const char *text;
    weft_val values[WEFT__TABLE_COLUMNS_MAX + 1] = { patch };
    memcpy(values + 1, key->values, key->count * sizeof *values);
    where_key(t, false, sql);
    if (t->dialect->update_returns) returning(t, sql);
    int rc = text_of(key->place, sql, &text);
    if (rc == 0 && !t->dialect->update_returns) {
        rc = ran(t, weft_db_execute_with(db, &(weft_sql){ text, values, key->count + 1, key->place }), key->place);
        return rc < 0 ? rc : get(db, t, out, key);
    }
    return rc < 0 ? rc : weft_db_one_with(db, t->schema, out, &(weft_sql){ text, values, key->count + 1, key->place });
}

static int patch_fields(weft_db *db, const weft__table *t, void *out, weft_val patch, const weft_key *key)
{
    weft__buf sql;
    const char *fault;
    weft__row_plan *plan = weft__row_plan_new(patch.fields.schema, &fault);
    if (!plan) return weft__fail(key->place, fault ? WEFT_EINVAL : WEFT_ENOMEM, "weft_db_patch: %s: %s", patch.fields.schema->name, fault ? fault : "no memory");
    begin(t, "UPDATE ", &sql);
    int rc = patch_set(t, plan, patch.fields.value, key->place, &sql);
    rc = rc > 0 ? patch_run(db, t, out, patch, key, &sql) : rc == 0 ? get(db, t, out, key) : rc;
    weft__buf_free(&sql);
    weft__free(plan);
    return rc;
}

int weft_db_patch_with(weft_db *db, const weft_schema *schema, void *out, weft_val patch, const weft_key *key)
{
    const weft__table *t;
    int rc = weft__table_of(db, schema, key->place, &t);
    if (rc == 0) rc = key_check(t, key, "weft_db_patch");
    if (rc == 0 && (patch.kind != WEFT__VAL_FIELDS || patch.fields.schema->kind != WEFT__model)) rc = weft__fail(key->place, WEFT_EINVAL, "weft_db_patch: what changes is no model");
    return rc < 0 ? rc : patch_fields(db, t, out, patch, key);
}
