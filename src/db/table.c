/* The tables of a database: models made ready when they are first used as such. */
#include "db/table.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

/* ---- a table of a database ---- */

typedef struct faults { char text[1200]; } faults;

static void note(void *ctx, const char *fault)
{
    faults *f = ctx;
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "%s%s", used ? "; " : "", fault);
}

static int check(const weft_schema *schema, const char *place)
{
    faults f = { "" };
    weft__schema_book book = { 0 };
    int rc = weft__schema_check(&book, schema, note, &f);
    weft__schema_book_free(&book);
    if (rc < 0) return weft__fail(place, rc, "no memory to look at the declaration of %s", schema->name);
    if (rc > 0) return weft__fail(place, WEFT_EINVAL, "%s", f.text);
    if (weft__table_remark(schema, WEFT__table, NULL)) return 0;
    return weft__fail(place, WEFT_EINVAL, "%s is no table: say table(\"...\") and key(...) in its declaration", schema->name);
}

int weft__table_find(const weft__table *t, weft_str name)
{
    const weft__column *c = weft__row_plan_find(t->columns, name);
    return c ? (int)(c - t->columns->columns) : -1;
}

bool weft__table_is_key(const weft__table *t, uint32_t column)
{
    for (uint32_t i = 0; i < t->key_count; i++)
        if (t->key[i] == column) return true;
    return false;
}

static void key_fill(weft__table *t)
{
    weft_str name;
    for (const char *at = weft__table_remark(t->schema, WEFT__key, NULL)->as; weft__table_next_name(&at, &name);)
        t->key[t->key_count++] = (uint32_t)weft__table_find(t, name);
    const weft_schema *type = t->columns->columns[t->key[0]].type;
    t->counted = t->key_count == 1 && (type->scalar == WEFT__int32 || type->scalar == WEFT__int64);
}

static int table_make(weft_db *root, const weft_schema *schema, const char *place, weft__table **out)
{
    const char *fault = NULL;
    const weft__table_dialect *dialect = weft__table_dialect_of(root->engine->scheme);
    if (!dialect) return weft__fail(place, WEFT_EINVAL, "tables of models are not written for %s", root->engine->scheme);
    int rc = check(schema, place);
    if (rc < 0) return rc;
    weft__table *t = weft__calloc(sizeof *t);
    weft__row_plan *columns = t ? weft__row_plan_new(schema, &fault) : NULL;
    if (!columns) {
        weft__free(t);
        return weft__fail(place, fault ? WEFT_EINVAL : WEFT_ENOMEM, "%s: %s", schema->name, fault ? fault : "no memory for its table");
    }
    *t = (weft__table){ .next = root->tables, .schema = schema, .dialect = dialect, .columns = columns, .name = weft__table_remark(schema, WEFT__table, NULL)->as };
    key_fill(t);
    *out = root->tables = t;
    return 0;
}

int weft__table_of(weft_db *db, const weft_schema *schema, const char *place, const weft__table **out)
{
    int rc = weft__db_usable(db, schema->name, place);
    if (rc < 0) return rc;
    weft__table *t = db->root->tables;
    while (t && t->schema != schema) t = t->next;
    if (!t) rc = table_make(db->root, schema, place, &t);
    *out = t;
    return rc;
}

void weft__tables_free(weft_db *root)
{
    for (weft__table *t; (t = root->tables);) {
        root->tables = t->next;
        weft__free(t->columns);
        weft__free(t);
    }
}

/* ---- pieces of SQL ---- */

void weft__table_name(const weft__table *t, uint32_t column, weft__buf *sql) { weft__sql_name(t->dialect, t->columns->columns[column].field->name, sql); }

void weft__table_names(const weft__table *t, weft__buf *sql)
{
    for (uint32_t i = 0; i < t->columns->count; i++) {
        if (i) weft__buf_lit(sql, ", ");
        weft__table_name(t, i, sql);
    }
}
