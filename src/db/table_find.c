/* Query by example: rows that are like a model, in an order, so many of them. */
#include <string.h>
#include "base/mem.h"
#include "db/statement.h"
#include "db/table.h"
#include "model/text.h"
#include "task/loop.h"

/* Of a statement's places two are for LIMIT and OFFSET. */
enum { ITEMS_MAX = 500, VALUES_MAX = WEFT__PLACES_MAX - 2, ORDER_MAX = 16, VALUES_USUAL = 8 };

typedef struct finding {
    const weft__table *t;
    const char *place;
    weft__buf sql;
    weft_val *values, usual[VALUES_USUAL];
    size_t count;
    bool any;                        /* a condition is there */
} finding;

/* ---- like ---- */

static int refuse(const finding *f, const weft_schema *like, const weft__column *c, const char *why)
{
    return weft__fail(f->place, WEFT_EINVAL, "like: %s.%s %s of %s", like->name, c->field->name, why, f->t->schema->name);
}

/* What the value of a field is, or the items of its list. */
static const weft_schema *value_type(const weft_schema *type) { return type->kind == WEFT__opt || type->kind == WEFT__list ? type->of : type; }

static int column_of(const finding *f, const weft_schema *like, const weft__column *c)
{
    int at = weft__table_find(f->t, (weft_str){ c->field->name, c->field->name_len });
    if (at < 0) return refuse(f, like, c, "is no column");
    const weft_schema *is = weft__table_type(f->t->columns->columns[at].field), *asked = value_type(c->type);
    bool one = is->kind == WEFT__enum || (is->kind == WEFT__scalar && is->scalar != WEFT__json);
    if (!one) return refuse(f, like, c, "is compared with JSON, a column");
    if (c->ref || !weft__table_comparable(is, asked)) return refuse(f, like, c, "is of another type than the column");
    return at;
}

static void condition(finding *f, uint32_t column)
{
    weft__buf_add_str(&f->sql, weft_str_of(f->any ? " AND " : " WHERE "));
    weft__table_name(f->t, column, &f->sql);
    f->any = true;
}

static void add_value(finding *f, const weft_schema *type, const void *at)
{
    weft__buf_lit(&f->sql, "{}");
    f->values[f->count++] = weft_val_fields(type, at);
}

static int add_list(finding *f, uint32_t column, const weft__column *c, const weft__any_list *list)
{
    if (list->count > ITEMS_MAX) return weft__fail_as(f->place, WEFT_ELIMIT, 422, "like: %s has %u items, and at most %d are compared", c->field->name, list->count, ITEMS_MAX);
    condition(f, column);
    if (list->count == 0) weft__buf_lit(&f->sql, " IS NULL AND 1 = 0");
    for (uint32_t i = 0; i < list->count; i++) {
        weft__buf_add_str(&f->sql, weft_str_of(i ? ", " : " IN ("));
        add_value(f, c->type->of, list->items + i * c->type->item_size);
    }
    if (list->count) weft__buf_lit(&f->sql, ")");
    return 0;
}

static int add_column(finding *f, const weft_schema *like, const weft__column *c, const char *at)
{
    int column = column_of(f, like, c);
    if (column < 0) return column;
    if (c->type->kind == WEFT__list) return add_list(f, (uint32_t)column, c, (const weft__any_list *)(const void *)at);
    bool opt = c->type->kind == WEFT__opt, set = !opt || at[c->type->of->size], null = opt && !set && at[c->type->of->size + 1];
    if (!set && !null) return 0;
    condition(f, (uint32_t)column);
    if (null) weft__buf_lit(&f->sql, " IS NULL");
    if (null) return 0;
    weft__buf_lit(&f->sql, " = ");
    add_value(f, value_type(c->type), at);
    return 0;
}

/* At most as many values as there are fields and items, and two for LIMIT and OFFSET. */
static size_t values_max(const weft__row_plan *like, const char *value)
{
    size_t n = 2;
    for (uint32_t i = 0; like && i < like->count; i++) {
        const weft__column *c = &like->columns[i];
        bool list = c->type->kind == WEFT__list;
        n += list ? ((const weft__any_list *)(const void *)(value + c->offset))->count : 1;
    }
    return n;
}

static int add_like(finding *f, const weft__row_plan *like, const char *value)
{
    size_t most = values_max(like, value);
    if (most > VALUES_USUAL) f->values = weft__malloc(most * sizeof *f->values);
    if (!f->values) return weft__fail(f->place, WEFT_ENOMEM, "no memory for the values");
    int rc = 0;
    for (uint32_t i = 0; like && i < like->count && rc == 0; i++) rc = add_column(f, like->schema, &like->columns[i], value + like->columns[i].offset);
    if (rc == 0 && f->count > VALUES_MAX) return weft__fail_as(f->place, WEFT_ELIMIT, 422, "like: %zu values, and at most %d are compared", f->count, VALUES_MAX);
    return rc;
}

static int like_add(finding *f, weft_val like)
{
    const char *fault = NULL;
    bool none = like.kind == WEFT__VAL_INT && like.i == 0, fields = like.kind == WEFT__VAL_FIELDS && like.fields.schema->kind == WEFT__model;
    if (!none && !fields) return weft__fail(f->place, WEFT_EINVAL, "like: it is no model; give it as weft_fields(Model, &value)");
    weft__row_plan *plan = fields ? weft__row_plan_new(like.fields.schema, &fault) : NULL;
    if (fields && !plan) return weft__fail(f->place, fault ? WEFT_EINVAL : WEFT_ENOMEM, "like: %s: %s", like.fields.schema->name, fault ? fault : "no memory");
    int rc = add_like(f, plan, fields ? like.fields.value : NULL);
    weft__free(plan);
    return rc;
}

/* ---- order ---- */

/* What a client chose is no fault of the program; and it learns nothing of columns that it never sees. */
static int no_column(const finding *f, const char *order, weft_str name)
{
    weft__buf has;
    weft__buf_init(&has, 2000);
    for (uint32_t i = 0; i < f->t->columns->count; i++) {
        const weft_field *c = f->t->columns->columns[i].field;
        if (c->place != WEFT__hidden) weft__buf_printf(&has, "%s %s", has.len ? "," : "", c->name);
    }
    int rc = weft__fail_as(f->place, WEFT_EINVAL, 422, "order '%.200s': '%.*s' is no column of %s; it has%.*s", order, name.len < 100 ? (int)name.len : 100, name.ptr,
        f->t->schema->name, WEFT_FMT(weft__buf_str(&has)));
    weft__buf_free(&has);
    return rc;
}

/* -1: there is none, or none that a client may order by: where its own rows come among the others tells it what they have. */
static int order_column(const finding *f, weft_str path)
{
    const weft_field *c = weft__table_at(f->t->schema, path);
    return c && c->place != WEFT__hidden ? weft__table_find(f->t, (weft_str){ c->name, c->name_len }) : -1;
}

static void order_add(finding *f, uint32_t column, bool down, uint32_t *count)
{
    weft__buf_add_str(&f->sql, weft_str_of((*count)++ ? ", " : " ORDER BY "));
    weft__table_name(f->t, column, &f->sql);
    if (down) weft__buf_lit(&f->sql, " DESC");
    if (weft__table_may_be_null(f->t->columns->columns[column].field)) weft__buf_add_str(&f->sql, weft_str_of(f->t->dialect->nulls[down]));
}

static int order_all(finding *f, const char *order)
{
    weft_str name;
    uint32_t count = 0, said[ORDER_MAX + WEFT__TABLE_COLUMNS_MAX];
    for (const char *at = order ? order : ""; weft__table_next_path(&at, &name);) {
        bool down = *name.ptr == '-';
        weft_str plain = { name.ptr + down, name.len - down };
        int column = order_column(f, plain);
        if (column < 0) return no_column(f, order, plain);
        if (count == ORDER_MAX) return weft__fail_as(f->place, WEFT_ELIMIT, 422, "order: more than %d columns", ORDER_MAX);
        said[count] = (uint32_t)column;
        order_add(f, (uint32_t)column, down, &count);
    }
    uint32_t asked = count;
    for (uint32_t i = 0; i < f->t->key_count; i++) {
        bool is_said = false;
        for (uint32_t k = 0; k < asked; k++) is_said |= said[k] == f->t->key[i];
        if (!is_said) order_add(f, f->t->key[i], false, &count);
    }
    return 0;
}

/* ---- limit, offset ---- */

static int limit_add(finding *f, const weft_find_opts *o)
{
    if (o->limit < 0 || o->offset < 0) return weft__fail(f->place, WEFT_EINVAL, "limit %lld and offset %lld are 0 or more", (long long)o->limit, (long long)o->offset);
    if (!o->limit && !o->offset) return 0;
    weft__buf_lit(&f->sql, " LIMIT ");
    if (o->limit) add_value(f, &weft_schema_int64_t, &o->limit);
    else weft__buf_add_str(&f->sql, weft_str_of(f->t->dialect->no_limit));
    if (!o->offset) return 0;
    weft__buf_lit(&f->sql, " OFFSET ");
    add_value(f, &weft_schema_int64_t, &o->offset);
    return 0;
}

/* ---- calls ---- */

static int begin(finding *f, weft_db *db, const weft_schema *schema, const weft_find_opts *o)
{
    f->t = NULL;
    f->place = o->place;
    f->values = f->usual;
    f->count = 0;
    f->any = false;
    weft__buf_init(&f->sql, WEFT__TABLE_SQL_MAX);
    weft__buf_lit(&f->sql, "SELECT ");
    return weft__table_of(db, schema, o->place, &f->t);
}

static int from_where(finding *f, weft_val like)
{
    weft__buf_lit(&f->sql, " FROM ");
    weft__sql_name(f->t->dialect, f->t->name, &f->sql);
    return like_add(f, like);
}

static int ready(finding *f, weft_sql *out)
{
    weft__buf_add_char(&f->sql, 0);
    *out = (weft_sql){ f->sql.ptr, f->values, f->count, f->place };
    return f->sql.failed ? weft__fail(f->place, f->sql.failed, "no memory for a statement") : 0;
}

static void end(finding *f)
{
    if (f->values != f->usual) weft__free(f->values);
    weft__buf_free(&f->sql);
}

int weft_db_find_with(weft_db *db, const weft_schema *schema, void *out, const weft_find_opts *opts)
{
    finding f;
    weft_sql sql;
    int rc = begin(&f, db, schema, opts);
    if (rc == 0) weft__table_names(f.t, &f.sql);
    if (rc == 0) rc = from_where(&f, opts->like);
    if (rc == 0) rc = order_all(&f, opts->order);
    if (rc == 0) rc = limit_add(&f, opts);
    if (rc == 0) rc = ready(&f, &sql);
    if (rc == 0) rc = weft_db_all_with(db, schema, out, &sql);
    end(&f);
    return rc;
}

int weft_db_count_with(weft_db *db, const weft_schema *schema, int64_t *out, const weft_find_opts *opts)
{
    finding f;
    weft_sql sql;
    int rc = begin(&f, db, schema, opts);
    if (rc == 0 && (opts->order || opts->limit || opts->offset)) rc = weft__fail(opts->place, WEFT_EINVAL, "weft_db_count takes .like alone");
    weft__buf_lit(&f.sql, "count(*)");
    if (rc == 0) rc = from_where(&f, opts->like);
    if (rc == 0) rc = ready(&f, &sql);
    if (rc == 0) rc = weft_db_value_with(db, &weft_schema_int64_t, out, &sql);
    end(&f);
    return rc;
}
