#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "model/coerce.h"
#include "model/json.h"
#include "model/plan.h"
#include "model/text.h"
#include "model/values.h"
#include "model/view.h"
#include "wire/json.h"
#include "wire/number.h"

typedef struct writer {
    weft__buf *out;
    const weft__view *view;                        /* NULL: all is written */
    bool inside;                                   /* of the outermost model */
    weft__fault *fault;
    unsigned depth;
    bool placed;                                   /* the fault says already which member it was */
} writer;

static int write_value(writer *w, const weft_schema *schema, const void *value);

static WEFT__COLD WEFT_PRINTF(3, 4) int refuse(writer *w, int rc, const char *fmt, ...)
{
    if (!w->fault) return rc;
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->fault->text, sizeof w->fault->text, fmt, args);
    va_end(args);
    return rc;
}

/* Adds to what the fault says where it was: the innermost model and member. */
static WEFT__COLD int refused_at(
    writer *w, int rc, const weft_schema *schema, const weft__member *m)
{
    if (!w->fault || w->placed || !w->fault->text[0]) return rc;
    size_t used = strlen(w->fault->text);
    snprintf(w->fault->text + used, sizeof w->fault->text - used, " (model %s, member '%.*s')",
        schema->name, WEFT_FMT(m->name));
    w->placed = true;
    return rc;
}

/* Each of these is called in tail position: see weft__read_value. */
#define WRITER static __attribute__((noinline)) int

WRITER write_int(writer *w, int64_t value)
{
    char *to = weft__buf_reserve(w->out, WEFT__INT_MAX);
    if (to) w->out->len += weft__int64_write(to, value);
    return 0;
}

WRITER write_double(writer *w, double value)
{
    if (!__builtin_isfinite(value))
        return refuse(w, WEFT_EINVAL, "the double %g: JSON has finite numbers only", value);
    char *to = weft__buf_reserve(w->out, WEFT__DOUBLE_MAX);
    if (to) w->out->len += weft__double_write(to, value);
    return 0;
}

WRITER write_text(writer *w, weft_str text)
{
    if (weft__json_add_text(w->out, text)) return 0;
    return refuse(w, WEFT_EINVAL, "a text of %zu bytes that is not UTF-8: JSON is", text.len);
}

WRITER write_literal(writer *w, weft_str literal)
{
    weft__buf_add_str(w->out, literal);
    return 0;
}

WRITER write_json(writer *w, weft_str text)
{
    if (!text.len) return write_literal(w, WEFT_S("null"));
    if (weft__json_valid(text)) return write_literal(w, text);
    int shown = text.len > 60 ? 60 : (int)text.len;
    return refuse(w, WEFT_EINVAL, "a weft_json that is not JSON: '%.*s'", shown, text.ptr);
}

WRITER write_own(writer *w, const weft_schema *schema, const void *value)
{
    if (weft__value_write(schema->scalar, value, w->out)) return 0;
    if (schema->scalar != WEFT__decimal)
        return refuse(w, WEFT_EINVAL, "a %s that is none, such as month 13", schema->name);
    weft_str text = ((const weft_decimal *)value)->text;
    int shown = text.len > 60 ? 60 : (int)text.len;
    return refuse(w, WEFT_EINVAL, "a weft_decimal that is no number: '%.*s'", shown, text.ptr);
}

WRITER write_enum(writer *w, const weft_schema *schema, const void *value)
{
    const weft_field *constant = weft__enum_of(schema, value);
    if (constant) return write_text(w, (weft_str){ constant->name, constant->name_len });
    long number = 0;
    memcpy(&number, value, schema->size < sizeof number ? schema->size : sizeof number);
    return refuse(w, WEFT_EINVAL, "%ld, which is no constant of enum %s", number, schema->name);
}

static int enter(writer *w)
{
    if (w->depth == WEFT__JSON_DEPTH_MAX)
        return refuse(w, WEFT_ELIMIT, "more than %d levels of nesting: do refs form a ring?",
            WEFT__JSON_DEPTH_MAX);
    w->depth++;
    return 0;
}

/* Keys lie in front of as many more bytes, so that they can be copied by sixteens. */
static inline void write_key(writer *w, const weft__member *m)
{
    char *to = weft__buf_reserve(w->out, m->key_len + WEFT__KEY_SPARE);
    if (!to) return;
    for (uint32_t i = 0; i < m->key_len; i += WEFT__KEY_SPARE)
        memcpy(to + i, m->key + i, WEFT__KEY_SPARE);
    w->out->len += m->key_len;
}

static int write_ref(writer *w, const weft_schema *schema, const void *value)
{
    return value ? write_value(w, schema, value) : write_literal(w, WEFT_S("null"));
}

/* A ref, what is always the same, or what is never null and so left out when it lacks. */
static __attribute__((noinline)) int write_telling(
    writer *w, const weft__member *m, const char *value)
{
    bool lacks = !m->ref && m->type->kind == WEFT__opt && !value[m->type->of->size];
    if (lacks && m->field->not_null) return 0;
    write_key(w, m);
    if (m->ref) return write_ref(w, m->type, *(void *const *)(const void *)value);
    if (lacks) return write_literal(w, WEFT_S("null"));
    return m->constant.ptr ? write_literal(w, m->constant) : write_value(w, m->type, value);
}

static inline int write_member(writer *w, const weft__member *m, const char *value)
{
    if (m->tells) return write_telling(w, m, value);
    write_key(w, m);
    return write_value(w, m->type, value);
}

static int write_members(
    writer *w, const weft_schema *schema, const weft__plan *plan, const char *value)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const weft__member *m = &plan->members[i];
        int rc = write_member(w, m, value + m->offset);
        if (rc < 0) return refused_at(w, rc, schema, m);
    }
    return 0;
}

/* What was written of a member since `before` is taken back when the view has no use for it. */
static void take_back(writer *w, const weft__member *m, weft_str initial, size_t before)
{
    size_t begin = before + m->key_len;
    if (w->out->failed || w->out->len < begin) return;
    weft_str text = { w->out->ptr + begin, w->out->len - begin };
    bool null = weft_str_equal(text, WEFT_S("null"));
    bool none = w->view->exclude_none && null;
    bool same = w->view->exclude_defaults &&
                (initial.ptr ? weft_str_equal(text, initial)
                             : null && weft__field_may_lack(m->field));
    if (none || same) w->out->len = before;
}

static __attribute__((noinline)) int write_viewed(
    writer *w, const weft_schema *schema, const weft__plan *plan, const char *value)
{
    const weft_str *initial = weft__view_initial(w->view, plan);
    bool outermost = !w->inside;
    w->inside = true;
    for (uint32_t i = 0; i < plan->count; i++) {
        const weft__member *m = &plan->members[i];
        if (outermost && weft__view_omits(w->view, i)) continue;
        if (w->view->exclude_unset && weft__view_is_unset(m, value + m->offset)) continue;
        size_t before = w->out->len;
        int rc = write_member(w, m, value + m->offset);
        if (rc < 0) return refused_at(w, rc, schema, m);
        take_back(w, m, initial ? initial[i] : (weft_str){ 0 }, before);
    }
    if (outermost) w->inside = false;
    return 0;
}

/* A map that the program filled itself may hold the key of a member. */
static int write_extra(
    writer *w, const weft_schema *schema, const weft__plan *plan, const weft__any_list *map)
{
    const weft_schema *type = plan->extra->type;
    for (uint32_t i = 0; i < map->count; i++) {
        const char *entry = map->items + i * type->item_size;
        weft_str key = *(const weft_str *)(const void *)entry;
        for (uint32_t k = 0; k < plan->count; k++)
            if (weft_str_equal(plan->members[k].name, key))
                return refuse(w, WEFT_EINVAL,
                    "the extra key '%.*s', which is a member of its own (model %s)", WEFT_FMT(key),
                    schema->name);
        weft__buf_add_char(w->out, ',');
        int rc = write_text(w, key);
        weft__buf_add_char(w->out, ':');
        if (rc == 0) rc = write_value(w, type->of, entry + WEFT__ENTRY_VALUE);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Every member is written with a comma before it; the first one's becomes the brace. `tag` is
 * what a union says of its case, or NULL. */
static inline int write_object(
    writer *w, const weft_schema *schema, const weft__member *tag, const char *value)
{
    const weft__plan *plan;
    int rc = weft__plan_of(schema, &plan);
    if (rc == 0) rc = enter(w);
    if (rc < 0) return rc;
    size_t begin = w->out->len;
    if (tag) write_key(w, tag);
    rc = __builtin_expect(w->view != NULL, 0) ? write_viewed(w, schema, plan, value)
                                              : write_members(w, schema, plan, value);
    if (rc == 0 && plan->extra)
        rc = write_extra(w, schema, plan, (const void *)(value + plan->extra_offset));
    if (rc < 0) return rc;
    if (w->out->len == begin) weft__buf_add_char(w->out, '{');
    weft__buf_add_char(w->out, '}');
    if (w->out->failed || !w->out->ptr) return w->out->failed;
    w->out->ptr[begin] = '{';
    w->depth--;
    return 0;
}

WRITER write_model(writer *w, const weft_schema *schema, const char *value)
{
    return write_object(w, schema, NULL, value);
}

WRITER write_union(writer *w, const weft_schema *schema, const char *value)
{
    const weft__plan *plan;
    long tag = 0;
    int rc = weft__plan_of(schema, &plan);
    if (rc < 0) return rc;
    memcpy(&tag, value + plan->tag->offset, (size_t)plan->tag->tag);
    for (uint32_t i = 0; i < plan->count; i++) {
        const weft__member *m = &plan->members[i];
        if (m->field->tag == tag) return write_object(w, m->type, m, value + m->offset);
    }
    return refuse(w, WEFT_EINVAL, "a %s whose %s is %ld, which is none of its cases", schema->name,
        plan->tag->name, tag);
}

WRITER write_list(writer *w, const weft_schema *schema, const weft__any_list *list)
{
    int rc = enter(w);
    weft__buf_add_char(w->out, '[');
    for (uint32_t i = 0; i < list->count && rc == 0; i++) {
        if (i) weft__buf_add_char(w->out, ',');
        rc = write_value(w, schema->of, list->items + i * schema->item_size);
    }
    weft__buf_add_char(w->out, ']');
    w->depth--;
    return rc < 0 ? rc : w->out->failed;
}

WRITER write_map(writer *w, const weft_schema *schema, const weft__any_list *map)
{
    int rc = enter(w);
    weft__buf_add_char(w->out, '{');
    for (uint32_t i = 0; i < map->count && rc == 0; i++) {
        const char *entry = map->items + i * schema->item_size;
        if (i) weft__buf_add_char(w->out, ',');
        rc = write_text(w, *(const weft_str *)(const void *)entry);
        weft__buf_add_char(w->out, ':');
        if (rc == 0) rc = write_value(w, schema->of, entry + WEFT__ENTRY_VALUE);
    }
    weft__buf_add_char(w->out, '}');
    w->depth--;
    return rc < 0 ? rc : w->out->failed;
}

WRITER write_option(writer *w, const weft_schema *schema, const char *value)
{
    bool set = *(const bool *)(value + schema->of->size);
    if (set) return write_value(w, schema->of, value);
    return write_literal(w, WEFT_S("null"));
}

/* A kind and a scalar in one, for one jump instead of two. */
#define SHAPE(kind, scalar) ((kind) << 4 | (scalar))

static int write_value(writer *w, const weft_schema *schema, const void *value)
{
    switch (SHAPE(schema->kind, schema->scalar)) {
    case SHAPE(WEFT__scalar, WEFT__int32): return write_int(w, *(const int32_t *)value);
    case SHAPE(WEFT__scalar, WEFT__int64): return write_int(w, *(const int64_t *)value);
    case SHAPE(WEFT__scalar, WEFT__double): return write_double(w, *(const double *)value);
    case SHAPE(WEFT__scalar, WEFT__bool):
        return write_literal(w, *(const bool *)value ? WEFT_S("true") : WEFT_S("false"));
    case SHAPE(WEFT__scalar, WEFT__text): return write_text(w, *(const weft_str *)value);
    case SHAPE(WEFT__scalar, WEFT__json): return write_json(w, ((const weft_json *)value)->text);
    case SHAPE(WEFT__scalar, WEFT__date):
    case SHAPE(WEFT__scalar, WEFT__time):
    case SHAPE(WEFT__scalar, WEFT__datetime):
    case SHAPE(WEFT__scalar, WEFT__duration):
    case SHAPE(WEFT__scalar, WEFT__uuid):
    case SHAPE(WEFT__scalar, WEFT__decimal):
    case SHAPE(WEFT__scalar, WEFT__bytes): return write_own(w, schema, value);
    case SHAPE(WEFT__enum, WEFT__no_scalar): return write_enum(w, schema, value);
    case SHAPE(WEFT__model, WEFT__no_scalar): return write_model(w, schema, value);
    case SHAPE(WEFT__list, WEFT__no_scalar): return write_list(w, schema, value);
    case SHAPE(WEFT__map, WEFT__no_scalar): return write_map(w, schema, value);
    case SHAPE(WEFT__opt, WEFT__no_scalar): return write_option(w, schema, value);
    case SHAPE(WEFT__union, WEFT__no_scalar): return write_union(w, schema, value);
    default: return write_literal(w, WEFT_S("null"));
    }
}

int weft__json_write_view(const weft_schema *schema, const void *value, const weft__view *view,
    weft__buf *out, weft__fault *fault)
{
    writer w = { .out = out, .fault = fault, .view = view };
    size_t before = out->len;
    if (fault) fault->text[0] = 0;
    int rc = write_value(&w, schema, value);
    if (rc == 0) rc = out->failed;
    if (rc < 0) out->len = before;
    return rc;
}

int weft__json_write(
    const weft_schema *schema, const void *value, weft__buf *out, weft__fault *fault)
{
    return weft__json_write_view(schema, value, NULL, out, fault);
}
