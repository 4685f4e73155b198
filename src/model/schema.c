#include "model/schema.h"
#include <string.h>

/* The schemas that come with weft: of T itself, and of its lists, maps and options. */
#define BUILTIN(T, scalar_)                                                                        \
    const weft_schema weft_schema_##T = {                                                          \
        .name = #T, .kind = WEFT__scalar, .size = sizeof(T), .scalar = scalar_                     \
    };                                                                                             \
    const weft_schema weft_schema_weft_list_##T = { .name = #T,                                    \
        .kind = WEFT__list,                                                                        \
        .size = sizeof(weft_list_##T),                                                             \
        .item_size = sizeof(T),                                                                    \
        .of = &weft_schema_##T };                                                                  \
    const weft_schema weft_schema_weft_map_##T = { .name = #T,                                     \
        .kind = WEFT__map,                                                                         \
        .size = sizeof(weft_map_##T),                                                              \
        .item_size = sizeof(struct weft_entry_##T),                                                \
        .of = &weft_schema_##T };                                                                  \
    const weft_schema weft_schema_weft_opt_##T = {                                                 \
        .name = #T, .kind = WEFT__opt, .size = sizeof(weft_opt_##T), .of = &weft_schema_##T        \
    }

BUILTIN(int, WEFT__int32);
BUILTIN(int32_t, WEFT__int32);
BUILTIN(int64_t, WEFT__int64);
BUILTIN(double, WEFT__double);
BUILTIN(_Bool, WEFT__bool);
BUILTIN(weft_str, WEFT__text);
BUILTIN(weft_json, WEFT__json);
BUILTIN(weft_date, WEFT__date);
BUILTIN(weft_time, WEFT__time);
BUILTIN(weft_datetime, WEFT__datetime);
BUILTIN(weft_duration, WEFT__duration);
BUILTIN(weft_uuid, WEFT__uuid);
BUILTIN(weft_decimal, WEFT__decimal);
BUILTIN(weft_bytes, WEFT__bytes);
const weft_schema weft_schema_weft_none = {
    .name = "weft_none", .kind = WEFT__special, .size = sizeof(weft_none)
};

_Static_assert(sizeof(int) == 4, "an int is read as 32 bits");

weft_str weft__field_name(const weft_field *field)
{
    return field->as ? weft_str_of(field->as) : (weft_str){ field->name, field->name_len };
}

bool weft__field_has_range(const weft_field *field)
{
    return field->range[0] != 0 || field->range[1] != 0;
}

bool weft__field_has_rules(const weft_field *field)
{
    return weft__field_has_range(field) || field->multiple_of != 0 || field->min_len ||
           field->max_len || field->min_items || field->max_items || field->pattern || field->format ||
           field->int_keys || field->max_digits || field->decimal_places || field->uuid_version;
}

bool weft__field_is_judged(const weft_field *field)
{
    return field->check || field->only || field->unique || field->not_null;
}

bool weft__field_is_remark(const weft_field *field)
{
    return field->place >= WEFT__no_extra && field->place <= WEFT__reference;
}

const weft_schema *weft__schema_leaf(const weft_schema *schema)
{
    while (schema && schema->of) schema = schema->of;
    return schema;
}

bool weft__field_may_lack(const weft_field *field)
{
    if (field->place == WEFT__ref) return true;
    return field->type && field->type->kind == WEFT__opt && !field->required;
}

static bool text_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool type_same(const weft_schema *a, const weft_schema *b)
{
    for (; a && b; a = a->of, b = b->of) {
        if (a == b) return true;
        if (a->kind != b->kind || a->literal != b->literal || a->size != b->size || a->item_size != b->item_size ||
            !text_same(a->name, b->name))
            return false;
    }
    return a == b;
}

static bool rules_same(const weft_field *a, const weft_field *b)
{
    return a->range[0] == b->range[0] && a->range[1] == b->range[1] && a->above == b->above &&
           a->below == b->below && a->multiple_of == b->multiple_of && a->min_len == b->min_len &&
           a->max_len == b->max_len && a->min_items == b->min_items &&
           a->max_items == b->max_items && text_same(a->pattern, b->pattern) &&
           text_same(a->only, b->only) && a->unique == b->unique && a->int_keys == b->int_keys &&
           a->required == b->required && a->not_null == b->not_null && a->format == b->format &&
           a->max_digits == b->max_digits && a->decimal_places == b->decimal_places &&
           a->uuid_version == b->uuid_version;
}

/* A function that a header defines has another address in each file. */
static bool field_same(const weft_field *a, const weft_field *b)
{
    return a->place == b->place && a->offset == b->offset && a->tag == b->tag &&
           text_same(a->name, b->name) && text_same(a->as, b->as) &&
           text_same(a->initial, b->initial) && text_same(a->doc, b->doc) &&
           text_same(a->example, b->example) &&
           type_same(a->type, b->type) && text_same(a->provides, b->provides) && rules_same(a, b) && !a->check == !b->check &&
           a->on_delete == b->on_delete && !a->refers == !b->refers && (!a->refers || text_same(a->refers->name, b->refers->name));
}

/* Members are compared by the names of their types alone: were those different shapes, they
 * would be found on their own, and recursive models need no end of their own this way. */
bool weft__schema_same(const weft_schema *a, const weft_schema *b)
{
    if (a == b) return true;
    if (!type_same(a, b) || a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!field_same(&a->fields[i], &b->fields[i])) return false;
    return true;
}
