/* Replies as the types that were asked for. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/row.h"
#include "model/coerce.h"
#include "model/json.h"
#include "model/schema.h"
#include "model/text.h"
#include "redis/inside.h"
#include "wire/number.h"
#include "wire/utf8.h"

typedef struct reading { weft_str rest; weft_arena *arena; weft__buf *fault; } reading;

static int read_value(reading *r, const weft_schema *schema, void *out);
static int read_step(reading *r, const weft__resp *step, const weft_schema *schema, void *out);

/* ---- what does not fit ---- */

static int unfit(reading *r, const weft__resp *step, const char *wanted)
{
    static const char *const kinds[] = { "nil", "the number ", "the number ", "the bool ", "the text ", "the error ", "a list of ", "a map of " };
    char shown[80] = "";
    if (step->kind == WEFT__RESP_INT) snprintf(shown, sizeof shown, "%lld", (long long)step->i);
    if (step->kind == WEFT__RESP_DOUBLE) snprintf(shown, sizeof shown, "%.17g", step->d);
    if (step->kind == WEFT__RESP_BOOL) snprintf(shown, sizeof shown, "%s", step->b ? "true" : "false");
    if (step->kind == WEFT__RESP_TEXT || step->kind == WEFT__RESP_ERROR) snprintf(shown, sizeof shown, "'%.*s'", step->s.len > 60 ? 60 : (int)step->s.len, step->s.ptr);
    if (step->kind >= WEFT__RESP_LIST) snprintf(shown, sizeof shown, "%u values", step->count);
    weft__buf_printf(r->fault, "%s%s; expected is %s", kinds[step->kind], shown, wanted);
    return WEFT_EREDIS;
}

/* ---- scalars ---- */

static bool whole_number(weft_str s, int64_t *out)
{
    weft__number n;
    const char *end = s.len ? weft__number_scan(s.ptr, s.ptr + s.len, &n) : NULL;
    return end == s.ptr + s.len && end && n.whole && weft__number_int64(&n, out) == 0;
}

static int read_int(reading *r, const weft__resp *step, weft_scalar scalar, void *out)
{
    int64_t i = step->kind == WEFT__RESP_INT ? step->i : step->kind == WEFT__RESP_BOOL ? step->b : 0;
    bool is = step->kind == WEFT__RESP_INT || step->kind == WEFT__RESP_BOOL || (step->kind == WEFT__RESP_TEXT && whole_number(step->s, &i));
    if (!is) return unfit(r, step, "an integer");
    if (scalar == WEFT__int64) *(int64_t *)out = i;
    else if (i != (int32_t)i) return unfit(r, step, "an integer of 32 bits");
    else *(int32_t *)out = (int32_t)i;
    return 0;
}

static int read_double(reading *r, const weft__resp *step, double *out)
{
    weft__number n;
    weft_str s = step->s;
    double d;
    if (step->kind == WEFT__RESP_DOUBLE) d = step->d;
    else if (step->kind == WEFT__RESP_INT) d = (double)step->i;
    else if (step->kind == WEFT__RESP_TEXT && s.len && weft__number_scan(s.ptr, s.ptr + s.len, &n) == s.ptr + s.len) d = weft__number_double(&n);
    else return unfit(r, step, "a number");
    if (d - d != 0) return unfit(r, step, "a finite number");
    if (step->kind == WEFT__RESP_INT && (step->i > INT64_C(1) << 53 || step->i < -(INT64_C(1) << 53))) return unfit(r, step, "a number that a double holds exactly");
    *out = d;
    return 0;
}

static int read_bool(reading *r, const weft__resp *step, bool *out)
{
    int64_t i = -1;
    if (step->kind == WEFT__RESP_BOOL) i = step->b;
    else if (step->kind == WEFT__RESP_INT) i = step->i;
    else if (step->kind == WEFT__RESP_TEXT && (step->s.len != 1 || !whole_number(step->s, &i))) i = -1;
    if (i & ~INT64_C(1)) return unfit(r, step, "true or false, or 1 or 0");
    *out = i;
    return 0;
}

static int copy(reading *r, weft_str s, weft_str *out)
{
    weft_str copied = weft__arena_dup(r->arena, s);
    if (!copied.ptr) return weft__arena_error(r->arena);
    *out = copied;
    return 0;
}

static int read_text(reading *r, const weft__resp *step, weft_str *out)
{
    char digits[WEFT__DOUBLE_MAX];
    if (step->kind == WEFT__RESP_INT) return copy(r, (weft_str){ digits, weft__int64_write(digits, step->i) }, out);
    if (step->kind == WEFT__RESP_DOUBLE && step->d - step->d == 0) return copy(r, (weft_str){ digits, weft__double_write(digits, step->d) }, out);
    if (step->kind != WEFT__RESP_TEXT) return unfit(r, step, "a text");
    if (step->s.len && memchr(step->s.ptr, 0, step->s.len)) return unfit(r, step, "a text without NUL; a weft_bytes takes any");
    if (!weft__utf8_valid(step->s.ptr, step->s.len)) return unfit(r, step, "a text in UTF-8; a weft_bytes takes any");
    return copy(r, step->s, out);
}

static int read_bytes(reading *r, const weft__resp *step, weft_bytes *out)
{
    weft_str s;
    if (step->kind != WEFT__RESP_TEXT) return unfit(r, step, "a text");
    int rc = copy(r, step->s, &s);
    if (rc == 0) *out = (weft_bytes){ (const uint8_t *)s.ptr, s.len };
    return rc;
}

static int read_json(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    weft__problems problems;
    weft_arena temp;
    if (step->kind != WEFT__RESP_TEXT) return unfit(r, step, "JSON, as text");
    weft__arena_init(&temp, NULL, 1 << 20);
    weft__problems_init(&problems, &temp);
    int rc = weft__json_read(schema, NULL, step->s, out, r->arena, &problems, NULL);
    if (rc == WEFT_EINVAL) {
        weft_str msg = problems.count ? problems.items[0].msg : WEFT_S("it is none");
        weft__buf_printf(r->fault, "a text; expected is the JSON of a %s: %.*s", schema->name, WEFT_FMT(msg));
        rc = WEFT_EREDIS;
    }
    weft__arena_free(&temp);
    return rc;
}

/* Dates, UUIDs and the like, and enums, by their text. */
static int read_spelled(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    weft__finding found = { 0 };
    char digits[WEFT__INT_MAX];
    weft_str text = step->s;
    if (step->kind == WEFT__RESP_INT) text = (weft_str){ digits, weft__int64_write(digits, step->i) };
    else if (step->kind != WEFT__RESP_TEXT) return unfit(r, step, schema->name);
    if (schema->kind == WEFT__enum) {
        const weft_field *value = weft__enum_value(schema, text);
        if (!value) return unfit(r, step, schema->name);
        weft__enum_store(schema, out, value->tag);
        return 0;
    }
    int rc = weft__coerce(schema, NULL, &(weft__token){ WEFT__TOKEN_TEXT, .text = text }, out, r->arena, &found);
    return rc == WEFT_EINVAL ? unfit(r, step, found.msg) : rc;
}

static int read_scalar(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    switch (schema->scalar) {
    case WEFT__int32: case WEFT__int64: return read_int(r, step, schema->scalar, out);
    case WEFT__double: return read_double(r, step, out);
    case WEFT__bool: return read_bool(r, step, out);
    case WEFT__text: return read_text(r, step, out);
    case WEFT__bytes: return read_bytes(r, step, out);
    case WEFT__json: return read_json(r, step, schema, out);
    case WEFT__no_scalar: return unfit(r, step, "a type that a reply can be");
    default: return read_spelled(r, step, schema, out);
    }
}

/* ---- several values ---- */

static int skip(reading *r)
{
    const char *fault;
    int rc = weft__resp_skip(&r->rest, &fault);
    if (rc < 0) weft__buf_printf(r->fault, "%s", fault);
    return rc;
}

static int read_list(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    weft__any_list list = { 0 };
    if (step->kind == WEFT__RESP_TEXT) return read_json(r, step, schema, out);
    if (step->kind != WEFT__RESP_LIST && step->kind != WEFT__RESP_MAP) return unfit(r, step, "a list");
    for (uint32_t i = 0; i < step->count; i++) {
        void *item = weft__list_slot(r->arena, &list, schema->item_size);
        int rc = item ? read_value(r, schema->of, item) : weft__arena_error(r->arena);
        if (rc == WEFT_ENOENT) rc = (weft__buf_printf(r->fault, "a nil; expected is %s", schema->of->name), WEFT_EREDIS);
        if (rc == WEFT_EREDIS) weft__buf_printf(r->fault, " (item %u)", i);
        if (rc < 0) return rc;
    }
    memcpy(out, &list, sizeof list);
    return 0;
}

/* A key, which every map has as a text. */
static int read_key(reading *r, weft_str *out)
{
    int rc = read_value(r, &weft_schema_weft_str, out);
    return rc == WEFT_ENOENT ? (weft__buf_printf(r->fault, "a nil in place of a key"), WEFT_EREDIS) : rc;
}

static int no_pairs(reading *r, const weft__resp *step, const char *wanted)
{
    return step->kind == WEFT__RESP_MAP || (step->kind == WEFT__RESP_LIST && step->count % 2 == 0) ? 0 : unfit(r, step, wanted);
}

static int read_map(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    weft__any_list map = { 0 };
    if (step->kind == WEFT__RESP_TEXT) return read_json(r, step, schema, out);
    int rc = no_pairs(r, step, "a map, or a list of keys and values by turns");
    for (uint32_t i = 0; rc == 0 && i < step->count; i += 2) {
        char *entry = weft__list_slot(r->arena, &map, schema->item_size);
        if (!entry) return weft__arena_error(r->arena);
        rc = read_key(r, (weft_str *)(void *)entry);
        if (rc == 0) rc = read_value(r, schema->of, entry + WEFT__ENTRY_VALUE);
        if (rc == WEFT_ENOENT) rc = (weft__buf_printf(r->fault, "a nil; expected is %s", schema->of->name), WEFT_EREDIS);
        if (rc == WEFT_EREDIS) weft__buf_printf(r->fault, " (entry %u)", i / 2);
    }
    if (rc == 0) memcpy(out, &map, sizeof map);
    return rc;
}

/* ---- models ---- */

static int read_field(reading *r, weft__column *c, char *out)
{
    if (!c->ref) return read_value(r, c->type, out + c->offset);
    void *to = weft__arena_zalloc(r->arena, c->type->size);
    if (!to) return weft__arena_error(r->arena);
    int rc = read_value(r, c->type, to);
    if (rc == 0) *(void **)(void *)(out + c->offset) = to;
    return rc == WEFT_ENOENT ? 0 : rc;
}

/* One key and its value; keys that no field has are left out. */
static int read_member(reading *r, weft__row_plan *plan, char *out)
{
    weft_str key;
    int rc = read_key(r, &key);
    if (rc < 0) return rc;
    weft__column *c = (weft__column *)(uintptr_t)weft__row_plan_find(plan, key);
    if (!c) return skip(r);
    c->at = 0;
    rc = read_field(r, c, out);
    if (rc == WEFT_ENOENT) rc = (weft__buf_printf(r->fault, "a nil"), WEFT_EREDIS);
    if (rc == WEFT_EREDIS) weft__buf_printf(r->fault, " (%s %s.%s)", c->type->name, plan->schema->name, c->field->name);
    return rc;
}

static int read_absent(reading *r, const weft__row_plan *plan, const weft__column *c, char *out)
{
    if (c->field->initial) return weft__default_read(c->field, 0, out + c->offset, r->arena);
    if (weft__field_may_lack(c->field)) return 0;
    weft__buf_printf(r->fault, "without %s.%s, which is neither an opt nor has an initial value", plan->schema->name, c->field->name);
    return WEFT_EREDIS;
}

static int read_members(reading *r, const weft__resp *step, weft__row_plan *plan, char *out)
{
    int rc = 0;
    for (uint32_t i = 0; i < plan->count; i++) plan->columns[i].at = -1;
    memset(out, 0, plan->schema->size);
    for (uint32_t i = 0; rc == 0 && i < step->count; i += 2) rc = read_member(r, plan, out);
    for (uint32_t i = 0; rc == 0 && i < plan->count; i++)
        if (plan->columns[i].at < 0) rc = read_absent(r, plan, &plan->columns[i], out);
    return rc;
}

static int read_model(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    const char *why;
    if (step->kind == WEFT__RESP_TEXT || schema->kind == WEFT__union) return read_json(r, step, schema, out);
    int rc = no_pairs(r, step, "a map, or a list of keys and values by turns");
    if (rc < 0) return rc;
    if (!step->count) return WEFT_ENOENT;
    weft__row_plan *plan = weft__row_plan_new(schema, &why);
    if (!plan && !why) return WEFT_ENOMEM;
    if (!plan) return weft__buf_printf(r->fault, "for %s: %s", schema->name, why), WEFT_EREDIS;
    rc = read_members(r, step, plan, out);
    weft__free(plan);
    return rc;
}

/* ---- any ---- */

/* Behind it, whatever it was, the next value stands, but on failure. */
static int read_step(reading *r, const weft__resp *step, const weft_schema *schema, void *out)
{
    if (step->kind == WEFT__RESP_ERROR) return weft__buf_printf(r->fault, "the error %.*s", WEFT_FMT(step->s)), WEFT_EREDIS;
    switch (schema->kind) {
    case WEFT__scalar: return read_scalar(r, step, schema, out);
    case WEFT__enum: return read_spelled(r, step, schema, out);
    case WEFT__list: return read_list(r, step, schema, out);
    case WEFT__map: return read_map(r, step, schema, out);
    case WEFT__model: case WEFT__union: return read_model(r, step, schema, out);
    default: return unfit(r, step, "a type that a reply can be");
    }
}

static int read_value(reading *r, const weft_schema *schema, void *out)
{
    weft__resp step;
    const char *fault;
    if (weft__resp_next(&r->rest, &step, &fault) < 0) return weft__buf_printf(r->fault, "%s", fault), WEFT_EPROTO;
    bool option = schema->kind == WEFT__opt, nil = step.kind == WEFT__RESP_NIL;
    if (!option) return nil ? WEFT_ENOENT : read_step(r, &step, schema, out);
    char *flags = (char *)out + schema->of->size;
    int rc = nil ? 0 : read_step(r, &step, schema->of, out);
    if (rc == WEFT_ENOENT) nil = true, rc = 0;
    flags[0] = !nil;
    flags[1] = nil;
    return rc;
}

int weft__reply_typed(const weft_schema *schema, weft_str raw, void *out, weft_arena *arena, weft__buf *fault)
{
    reading r = { raw, arena, fault };
    max_align_t small[4] = { 0 };                    /* a number costs no memory of the task's */
    char *made = schema->size <= sizeof small ? (char *)small : weft__arena_zalloc(arena, schema->size);
    if (!made) return weft__arena_error(arena);
    int rc = read_value(&r, schema, made);
    if (rc == 0) memcpy(out, made, schema->size);
    return rc;
}
