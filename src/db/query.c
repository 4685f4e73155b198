/* Calls of users: values to cells, a trip to the engine, what came of it to where it belongs. */
#include <string.h>
#include "base/mem.h"
#include "db/engine.h"
#include "model/coerce.h"
#include "model/text.h"

/* What comes of a query lies in a piece of the task's arena first: one row costs no block of its own. */
enum { PIECE = 512, SHOWN = 300 };

static int refuse(const weft_sql *s, int code, const char *what)
{
    return weft__fail(s->place, code, "%s: %.*s", what, SHOWN, s->sql);
}

/* ---- values ---- */

static bool is_named(const weft_val *v) { return v->kind == WEFT__VAL_FIELDS && v->fields.schema->kind == WEFT__model; }

static int miscounted(const weft_sql *s, const weft__parsed *p, uint32_t values)
{
    return weft__fail(s->place, WEFT_EINVAL, "%u {} for %u value%s%s: %.*s", p->positional, values, values == 1 ? "" : "s",
        p->quoted ? " (one inside quotes or a comment is none)" : "", SHOWN, s->sql);
}

/* The models among the values, each looked at once a call. */
static weft__row_plan *plan_of(weft__row_plan **plans, size_t i, const weft_schema *schema, const char **why)
{
    *why = NULL;
    if (!plans[i]) plans[i] = weft__row_plan_new(schema, why);
    return plans[i];
}

/* The value of a ":name": a field of the first model that has it. */
static int named(const weft_sql *s, weft__row_plan **plans, weft_str name, weft_arena *arena, weft__cell *out, weft__buf *fault)
{
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        const weft_val *v = &s->values[i];
        const char *why;
        if (!is_named(v)) continue;
        any = true;
        const weft__row_plan *plan = plan_of(plans, i, v->fields.schema, &why);
        if (!plan && !why) return WEFT_ENOMEM;
        if (!plan) return weft__buf_printf(fault, "%s: %s", v->fields.schema->name, why), WEFT_EINVAL;
        const weft__column *c = weft__row_plan_find(plan, name);
        int rc = c ? weft__cell_of_column(c, v->fields.value, arena, out, fault) : 1;
        if (rc <= 0) return rc;
    }
    weft__buf_printf(fault, any ? "no model that is given has such a field" : "no model is given: weft_fields(Model, &value)");
    return WEFT_EINVAL;
}

static const weft_val *next_positional(const weft_sql *s, size_t *at)
{
    while (*at < s->count && is_named(&s->values[*at])) (*at)++;
    return *at < s->count ? &s->values[(*at)++] : NULL;
}

static int cell(const weft_sql *s, weft__row_plan **plans, const weft__place *place, weft_arena *arena, size_t *at, weft__cell *out, weft__buf *fault)
{
    if (place->name.ptr) return named(s, plans, place->name, arena, out, fault);
    return weft__cell_of_val(next_positional(s, at), arena, out, fault);
}

static int bad_value(const weft_sql *s, const weft__place *place, size_t at, int rc, weft__buf *fault)
{
    if (rc == WEFT_EINVAL && place->name.ptr)
        rc = weft__fail(s->place, rc, ":%.*s is %.*s: %.*s", WEFT_FMT(place->name), WEFT_FMT(weft__buf_str(fault)), SHOWN, s->sql);
    else if (rc == WEFT_EINVAL)
        rc = weft__fail(s->place, rc, "value %zu is %.*s: %.*s", at, WEFT_FMT(weft__buf_str(fault)), SHOWN, s->sql);
    else rc = refuse(s, rc, "the values are more than this request's memory takes");
    weft__buf_free(fault);
    return rc;
}

static int cells_of(const weft__parsed *p, const weft_sql *s, weft__row_plan **plans, weft_arena *arena, weft__cell *cells)
{
    size_t at = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        weft__buf fault;
        weft__buf_init(&fault, 512);
        int rc = cell(s, plans, &p->places[i], arena, &at, &cells[i], &fault);
        if (rc < 0) return bad_value(s, &p->places[i], at, rc, &fault);
    }
    return 0;
}

static int bind_values(weft__query *q, const weft_sql *s)
{
    const weft__parsed *p = &q->statement->parsed;
    uint32_t positional = 0;
    for (size_t i = 0; i < s->count; i++) positional += !is_named(&s->values[i]);
    if (positional != p->positional) return miscounted(s, p, positional);
    if (positional < s->count && p->count == p->positional) return refuse(s, WEFT_EINVAL, "a model is given, and there is no :name of a field of it");
    if (!p->count) return 0;
    weft_arena *mine = weft__arena_here();
    weft__arena_init(&q->values, mine->pool, mine->bytes_max - mine->bytes);
    weft__cell *cells = weft__arena_alloc(&q->values, p->count * sizeof *cells);
    weft__row_plan **plans = p->count > p->positional ? weft__arena_zalloc(&q->values, (s->count + 1) * sizeof *plans) : NULL;
    if (!cells || (!plans && p->count > p->positional)) return refuse(s, WEFT_ENOMEM, "no memory for the values");
    int rc = cells_of(p, s, plans, &q->values, cells);
    for (size_t i = 0; plans && i < s->count; i++) weft__free(plans[i]);
    q->cells = cells;
    return rc;
}

int weft__query_plain(weft__query *q, weft_db *db, const char *text, const char *place)
{
    weft__buf_init(&q->fault, 2048);
    q->text = text ? text : "";
    q->place = place ? place : WEFT__HERE;
    q->begin_to = -1;
    int rc = weft__db_usable(db, q->text, q->place);
    if (rc < 0) return rc;
    q->root = db->root;
    weft__db_keep(q->root);
    return 0;
}

int weft__query_begin(weft__query *q, weft_db *db, const weft_sql *s)
{
    const char *fault = NULL;
    int rc = weft__query_plain(q, db, s->sql, s->place);
    if (rc < 0) return rc;
    rc = weft__statements_find(&q->root->statements, weft_str_of(q->text), &q->statement, &fault);
    if (rc < 0) return refuse(s, rc, fault);
    return q->what == WEFT__DO_EACH ? 0 : bind_values(q, s);
}

void weft__query_end(weft__query *q)
{
    if (q->statement) weft__statements_drop(&q->root->statements, q->statement);
    if (q->root) weft__db_drop(q->root);
    weft__buf_free(&q->fault);
    weft__arena_free(&q->arena);
    weft__arena_free(&q->values);
}

/* ---- memory ---- */

int weft__query_memory(weft__query *q, size_t size, void **out)
{
    weft_arena *mine = weft__arena_here();
    char *piece = weft__arena_alloc(mine, size + PIECE);
    if (!piece) return weft__fail(q->place, weft__arena_error(mine), "no memory for what comes of it: %.*s", SHOWN, q->text);
    weft__arena_init(&q->arena, NULL, mine->bytes_max - mine->bytes);
    q->arena.at = piece + ((size + 15) & ~(size_t)15);
    q->arena.end = piece + ((size + PIECE + 15) & ~(size_t)15);
    *out = piece;
    return 0;
}

/* What lies in blocks of its own becomes the task's. */
int weft__query_keep(weft__query *q)
{
    weft_arena *mine = weft__arena_here();
    if (!q->arena.blocks || weft__arena_splice(mine, &q->arena)) return 0;
    return weft__fail(q->place, WEFT_ELIMIT, "what comes of it is more than the %zu bytes of this request's memory: %.*s", mine->bytes_max, SHOWN, q->text);
}

/* The task has back what nothing is kept in of its piece, unless something lies behind it now: who asks for numbers in a loop takes no memory. */
void weft__query_give_back(const weft__query *q, char *piece, size_t size, bool fine)
{
    weft_arena *mine = weft__arena_here();
    char *used = q->arena.at;
    if (!piece || q->arena.blocks || !used || mine->at != q->arena.end) return;
    if (!fine || used == piece + ((size + 15) & ~(size_t)15)) used = piece;      /* a row alone has been copied */
    WEFT__POISON(used, (size_t)(mine->at - used));
    mine->at = used;
}

/* ---- calls ---- */

int weft_db_execute_with(weft_db *db, const weft_sql *sql)
{
    weft__query q = { .what = WEFT__DO_COUNT };
    int rc = weft__query_begin(&q, db, sql);
    if (rc == 0) rc = weft__db_run(db, &q);
    weft__query_end(&q);
    return rc;
}

static int one(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql)
{
    weft__query q = { .what = WEFT__DO_ONE, .schema = schema };
    int rc = weft__query_begin(&q, db, sql);
    if (rc == 0) rc = weft__query_memory(&q, schema->size, &q.out);
    if (rc == 0) rc = weft__db_run(db, &q);
    if (rc >= 0) rc = weft__query_keep(&q);
    if (rc >= 0) memcpy(out, q.out, schema->size);
    weft__query_give_back(&q, q.out, schema->size, rc >= 0);
    weft__query_end(&q);
    return rc < 0 ? rc : 0;
}

int weft_db_one_with(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql) { return one(db, schema, out, sql); }
int weft_db_value_with(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql) { return one(db, schema, out, sql); }

int weft_db_all_with(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql)
{
    weft__any_list list = { 0 };
    weft__query q = { .what = WEFT__DO_ALL, .schema = schema };
    void *piece = NULL;
    int rc = weft__query_begin(&q, db, sql);
    if (rc == 0) rc = weft__query_memory(&q, 0, &piece);
    q.out = &list;
    if (rc == 0) rc = weft__db_run(db, &q);
    if (rc >= 0) rc = weft__query_keep(&q);
    if (rc >= 0) memcpy(out, &list, sizeof list);
    weft__query_give_back(&q, piece, 0, rc >= 0);
    weft__query_end(&q);
    return rc < 0 ? rc : 0;
}

static int script(weft_db *db, const char *text, const char *place, bool may_commit)
{
    weft__query q = { .what = WEFT__DO_SCRIPT, .may_commit = may_commit };
    int rc = weft__query_plain(&q, db, text, place);
    if (rc == 0) rc = weft__db_run(db, &q);
    weft__query_end(&q);
    return rc < 0 ? rc : 0;
}

int weft_db_script_with(weft_db *db, const char *text, const char *place) { return script(db, text, place, false); }
int weft__db_migration(weft_db *tx, const char *text, const char *place) { return script(tx, text, place, true); }
