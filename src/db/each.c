/* One statement for each of many items: their values, and the rows that come of it. */
#include <string.h>
#include "base/mem.h"
#include "db/engine.h"
#include "model/text.h"

enum { SHOWN = 300, ITEMS_MAX = 1000000 };

/* ---- values of an item ---- */

int weft__item_cells(weft__query *q, size_t i)
{
    weft__items *items = q->items;
    const weft__parsed *p = &q->statement->parsed;
    const char *item = items->first + i * items->plan->schema->size;
    weft__buf why;
    int rc = 0;
    weft__arena_free(&items->made);
    weft__buf_init(&why, 512);
    for (uint32_t k = 0; k < p->count && rc == 0; k++) {
        rc = weft__cell_of_column(items->columns[k], item, &items->made, &items->cells[k], &why);
        if (rc != WEFT_EINVAL) continue;
        if (p->places[k].name.ptr) weft__buf_printf(&q->fault, ":%.*s is %.*s", WEFT_FMT(p->places[k].name), WEFT_FMT(weft__buf_str(&why)));
        else weft__buf_printf(&q->fault, "the value is %.*s", WEFT_FMT(weft__buf_str(&why)));
    }
    weft__buf_free(&why);
    return rc;
}

void weft__items_begin(weft__query *q)
{
    weft__any_list *rows = q->out;
    if (rows) rows->count = 0;
    q->items->done = q->items->told = 0;
    q->items->failed = false;
}

int weft__item_rows(weft__query *q, size_t i)
{
    const weft__any_list *rows = q->out;
    if (!rows || !q->items->one || rows->count == i + 1) return 0;
    bool none = rows->count < i + 1;
    weft__buf_printf(&q->fault, none ? "no row" : "more than one row");
    return none ? WEFT_ENOENT : WEFT_EDB;
}

/* ---- before ---- */

static int refuse(const weft_sql *s, int code, const char *what)
{
    return weft__fail(s->place, code, "%s: %.*s", what, SHOWN, s->sql);
}

/* A model is its fields, :name; any other item is the one {}. */
static int find_columns(weft__query *q, const weft_sql *s)
{
    weft__items *items = q->items;
    const weft__parsed *p = &q->statement->parsed;
    bool model = items->plan->schema->kind == WEFT__model;
    if (model && p->positional) return refuse(s, WEFT_EINVAL, "a {}: the values are fields of the items, :name");
    if (!model && (p->count != 1 || p->positional != 1)) return refuse(s, WEFT_EINVAL, "the items are no models: each of them is the value of one {}, and no :name");
    for (uint32_t k = 0; k < p->count; k++) {
        items->columns[k] = model ? weft__row_plan_find(items->plan, p->places[k].name) : &items->plan->columns[0];
        if (!items->columns[k])
            return weft__fail(s->place, WEFT_EINVAL, ":%.*s is no field of %s: %.*s", WEFT_FMT(p->places[k].name), items->plan->schema->name, SHOWN, s->sql);
    }
    return 0;
}

static int items_of(weft__query *q, const weft_schema *schema, const weft_sql *s)
{
    weft__items *items = q->items;
    size_t places = q->statement->parsed.count + 1;
    const char *why = NULL;
    if (items->count > ITEMS_MAX) return refuse(s, WEFT_EINVAL, "more than 1 000 000 items");
    if (items->count && !items->first) return refuse(s, WEFT_EINVAL, "no items (NULL)");
    items->plan = weft__row_plan_new(schema, &why);
    if (!items->plan && why) return weft__fail(s->place, WEFT_EINVAL, "%s: %s: %.*s", schema->name, why, SHOWN, s->sql);
    items->columns = weft__malloc(places * sizeof *items->columns);
    items->cells = weft__malloc(places * sizeof *items->cells);
    if (!items->plan || !items->columns || !items->cells) return refuse(s, WEFT_ENOMEM, "no memory for the values");
    return find_columns(q, s);
}

static void items_end(weft__items *items)
{
    weft__free(items->plan);
    weft__free(items->columns);
    weft__free(items->cells);
    weft__arena_free(&items->made);
}

static int begin(weft__query *q, weft_db *db, const weft_schema *schema, const weft_sql *s)
{
    int rc = weft__query_begin(q, db, s);
    weft__arena_init(&q->items->made, NULL, (size_t)64 << 20);
    return rc < 0 ? rc : items_of(q, schema, s);
}

static void end(weft__query *q)
{
    items_end(q->items);
    weft__query_end(q);
}

/* ---- calls ---- */

int weft_db_each_with(weft_db *db, const weft_schema *schema, const void *list, size_t n, const weft_sql *sql)
{
    weft__items items = { .first = list, .count = n };
    weft__query q = { .what = WEFT__DO_EACH, .items = &items };
    int rc = begin(&q, db, schema, sql);
    if (rc == 0 && n) rc = weft__db_run(db, &q);
    end(&q);
    return rc;
}

/* The rows of all items into q->out; of one each there is room for them all. */
static int rows_of(weft__query *q, weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql)
{
    weft__any_list *rows = q->out;
    void *piece = NULL;
    int rc = begin(q, db, schema, sql);
    size_t n = q->items->count, size = q->items->one ? n * q->schema->size : 0;
    if (rc == 0) rc = weft__query_memory(q, size, &piece);
    if (rc == 0 && size) *rows = (weft__any_list){ .items = piece, .room = (uint32_t)n };
    if (rc == 0 && n) rc = weft__db_run(db, q);
    if (rc >= 0) rc = weft__query_keep(q);
    if (rc == 0 && size) memcpy(out, rows->items, size);
    if (rc == 0 && !q->items->one) memcpy(out, rows, sizeof *rows);
    weft__query_give_back(q, piece, size, rc == 0);
    end(q);
    return rc;
}

int weft_db_one_each_with(weft_db *db, const weft_schema *schema, void *out, const weft_schema *of, const void *list, size_t n, const weft_sql *sql)
{
    weft__any_list rows = { 0 };
    weft__items items = { .first = list, .count = n, .one = true };
    weft__query q = { .what = WEFT__DO_EACH, .schema = schema, .out = &rows, .items = &items };
    return rows_of(&q, db, of, out, sql);
}

int weft_db_all_each_with(weft_db *db, const weft_schema *schema, void *out, const weft_schema *of, const void *list, size_t n, const weft_sql *sql)
{
    weft__any_list rows = { 0 };
    weft__items items = { .first = list, .count = n };
    weft__query q = { .what = WEFT__DO_EACH, .schema = schema, .out = &rows, .items = &items };
    return rows_of(&q, db, of, out, sql);
}
