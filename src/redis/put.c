/* Values as arguments. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/row.h"
#include "model/json.h"
#include "model/schema.h"
#include "model/text.h"
#include "redis/inside.h"
#include "wire/number.h"

static int refuse(weft__buf *fault, const char *what)
{
    weft__buf_printf(fault, "%s", what);
    return WEFT_EINVAL;
}

/* ---- one argument ---- */

static int put_double(weft__buf *to, double d, weft__buf *fault)
{
    char text[WEFT__DOUBLE_PLAIN_MAX];
    if (d != d) return refuse(fault, "NaN");
    if (d - d != 0) weft__buf_add_str(to, d < 0 ? WEFT_S("-inf") : WEFT_S("inf"));
    else if (d > 1e15 || d < -1e15 || (d < 1e-5 && d > -1e-5 && d != 0)) weft__buf_add(to, text, weft__double_write(text, d));
    else weft__buf_add(to, text, weft__double_write_plain(text, d));
    return 0;
}

static int put_cell(weft__buf *to, const weft__cell *c, weft__buf *fault)
{
    switch (c->kind) {
    case WEFT__CELL_NULL: return refuse(fault, "NULL, which Redis has not: leave the argument or field out");
    case WEFT__CELL_INT: weft__buf_add_int(to, c->i); return 0;
    case WEFT__CELL_REAL: return put_double(to, c->d, fault);
    default: weft__buf_add_str(to, c->s); return 0;
    }
}

static int put_val(weft__buf *to, const weft_val *v, weft_arena *arena, weft__buf *fault)
{
    weft__cell cell;
    switch (v->kind) {
    case WEFT__VAL_INT: weft__buf_add_int(to, v->i); return 0;
    case WEFT__VAL_UINT: weft__buf_printf(to, "%llu", (unsigned long long)v->u); return 0;
    case WEFT__VAL_BOOL: weft__buf_add_char(to, v->i ? '1' : '0'); return 0;
    case WEFT__VAL_DOUBLE: return put_double(to, v->d, fault);
    case WEFT__VAL_STR: case WEFT__VAL_BYTES: case WEFT__VAL_JSON:
        if (!v->s.ptr && (v->kind != WEFT__VAL_BYTES || v->s.len)) return refuse(fault, v->kind == WEFT__VAL_JSON ? "a weft_json without text, or a value that cannot be written as JSON" : "a text without a pointer; the empty text is WEFT_S(\"\")");
        weft__buf_add_str(to, v->s);
        return 0;
    default: break;
    }
    int rc = weft__cell_of_val(v, arena, &cell, fault);
    return rc < 0 ? rc : put_cell(to, &cell, fault);
}

/* What has to be written before its length is known, and what its text lies in until then. */
typedef struct piece { weft__buf *to; size_t begun; weft_arena arena; } piece;

static void piece_begin(piece *p, weft__buf *to)
{
    *p = (piece){ .to = to, .begun = weft__resp_begin(to) };
    weft__arena_init(&p->arena, NULL, WEFT__REDIS_BYTES_MAX);
}

static int piece_end(piece *p, int rc)
{
    if (rc == 0 && p->to->failed) rc = p->to->failed;
    if (rc == 0) weft__resp_end(p->to, p->begun);
    weft__arena_free(&p->arena);
    return rc;
}

int weft__rvalue_text(weft__buf *to, const weft_val *v, weft__buf *fault)
{
    weft_arena arena;
    weft__arena_init(&arena, NULL, WEFT__REDIS_BYTES_MAX);
    bool many = v->kind == WEFT__VAL_FIELDS && v->fields.schema->kind != WEFT__enum && v->fields.schema->kind != WEFT__scalar;
    int rc = many ? refuse(fault, "a model, list or map within a word: it is several arguments, so its {} stands alone") : put_val(to, v, &arena, fault);
    weft__arena_free(&arena);
    return rc;
}

/* ---- several ---- */

/* An item of a list or a value of a map. Text may be any bytes. */
static int put_item(weft__buf *to, const weft_schema *schema, const void *value, weft__buf *fault)
{
    weft__cell cell;
    piece p;
    if (schema->kind == WEFT__scalar && schema->scalar == WEFT__text) {
        weft_str s = *(const weft_str *)value;
        if (!s.ptr) return refuse(fault, "a list with a text without a pointer");
        weft__resp_put(to, s);
        return 0;
    }
    piece_begin(&p, to);
    int rc = weft__cell_of(schema, value, &p.arena, &cell, fault);
    if (rc == 0) rc = put_cell(to, &cell, fault);
    return piece_end(&p, rc);
}

static int put_list(weft__buf *to, const weft_schema *schema, const void *value, weft__buf *fault)
{
    const weft__any_list *list = value;
    for (uint32_t i = 0; i < list->count; i++) {
        int rc = put_item(to, schema->of, list->items + i * schema->item_size, fault);
        if (rc < 0) return rc;
    }
    return (int)list->count;
}

static int put_map(weft__buf *to, const weft_schema *schema, const void *value, weft__buf *fault)
{
    const weft__any_list *map = value;
    for (uint32_t i = 0; i < map->count; i++) {
        const char *entry = map->items + i * schema->item_size;
        int rc = put_item(to, &weft_schema_weft_str, entry, fault);
        if (rc == 0) rc = put_item(to, schema->of, entry + WEFT__ENTRY_VALUE, fault);
        if (rc < 0) return rc;
    }
    return (int)map->count * 2;
}

/* 2: written; 0: an option without a value. */
static int put_field(weft__buf *to, const weft__column *c, const void *model, weft__buf *fault)
{
    weft__cell cell;
    piece p;
    const weft_schema *type = c->type;
    const char *at = (const char *)model + c->offset;
    size_t before = to->len;
    weft__resp_put(to, (weft_str){ c->field->name, c->field->name_len });
    if (!c->ref && type->kind == WEFT__scalar && type->scalar == WEFT__text) return put_item(to, type, at, fault) < 0 ? WEFT_EINVAL : 2;
    piece_begin(&p, to);
    int rc = weft__cell_of_column(c, model, &p.arena, &cell, fault);
    if (rc < 0 || cell.kind != WEFT__CELL_NULL) {
        if (rc == 0) rc = put_cell(to, &cell, fault);
        return (rc = piece_end(&p, rc)) < 0 ? rc : 2;
    }
    weft__arena_free(&p.arena);
    to->len = before;
    return 0;
}

static int put_model(weft__buf *to, const weft_schema *schema, const void *value, weft__buf *fault)
{
    const char *why;
    weft__row_plan *plan = weft__row_plan_new(schema, &why);
    if (!plan) return why ? refuse(fault, why) : WEFT_ENOMEM;
    int words = 0, rc = 0;
    for (uint32_t i = 0; i < plan->count && rc >= 0; i++) {
        rc = put_field(to, &plan->columns[i], value, fault);
        words += rc > 0 ? rc : 0;
        if (rc == WEFT_EINVAL) weft__buf_printf(fault, " (%s.%s)", schema->name, plan->columns[i].field->name);
    }
    weft__free(plan);
    return rc < 0 ? rc : words;
}

int weft__rvalue_put(weft__buf *to, const weft_val *v, weft__buf *fault)
{
    piece p;
    if (v->kind == WEFT__VAL_STR && v->s.ptr) return weft__resp_put(to, v->s), 1;
    const weft_schema *schema = v->kind == WEFT__VAL_FIELDS ? v->fields.schema : NULL;
    weft_kind kind = schema ? schema->kind : WEFT__scalar;
    if (schema && !v->fields.value) return refuse(fault, "weft_fields of NULL");
    if (kind == WEFT__model) return put_model(to, schema, v->fields.value, fault);
    if (kind == WEFT__list) return put_list(to, schema, v->fields.value, fault);
    if (kind == WEFT__map) return put_map(to, schema, v->fields.value, fault);
    piece_begin(&p, to);
    int rc = piece_end(&p, put_val(to, v, &p.arena, fault));
    return rc < 0 ? rc : 1;
}

weft_val weft_val_as_json(const weft_schema *schema, const void *value)
{
    weft__buf out;
    weft__buf_init(&out, WEFT__REDIS_BYTES_MAX);
    weft_val v = { .kind = WEFT__VAL_JSON };
    int rc = value ? weft__json_write(schema, value, &out, NULL) : WEFT_EINVAL;
    if (rc == 0) v.s = weft__arena_dup(weft__arena_here(), weft__buf_str(&out));
    weft__buf_free(&out);
    return v;
}
