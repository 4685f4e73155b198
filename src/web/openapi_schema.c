/* Types as JSON Schema: models and enums as components that others refer to, all else where it
 * stands. */
#include <string.h>
#include "model/json.h"
#include "model/plan.h"
#include "model/text.h"
#include "web/openapi.h"
#include "wire/number.h"

static bool is_component(const weft_schema *s)
{
    bool named = s->kind == WEFT__model || s->kind == WEFT__enum || s->kind == WEFT__union;
    return named && s->plan;
}

static void remember(weft__doc *d, const weft_schema *type)
{
    for (uint32_t i = 0; i < d->types.count; i++)
        if (d->types.items[i] == type || strcmp(d->types.items[i]->name, type->name) == 0) return;
    const weft_schema **slot = weft__list_slot(&d->arena, &d->types, sizeof *slot);
    if (slot) *slot = type;
    else d->out.failed = WEFT_ENOMEM;
}

void weft__doc_refer(weft__doc *d, const char *name)
{
    weft__doc_member(d, "$ref");
    weft_str to = weft__arena_printf(&d->arena, "#/components/schemas/%s", name);
    if (!to.ptr) d->out.failed = WEFT_ENOMEM;
    weft__doc_text(d, to);
}

/* ---- limits ---- */

/* Whole numbers without a point, so that the bound of an integer reads as one. */
static void add_number(weft__doc *d, weft_str key, long double value)
{
    char text[WEFT__DOUBLE_PLAIN_MAX];
    size_t len;
    if (value >= -0x1p63L && value < 0x1p63L && (long double)(int64_t)value == value)
        len = weft__int64_write(text, (int64_t)value);
    else len = weft__double_write_plain(text, (double)value);
    weft__doc_key(d, key);
    weft__doc_raw(d, (weft_str){ text, len });
}

static void add_count(weft__doc *d, weft_str key, uint32_t count)
{
    if (count) add_number(d, key, count);
}

static void add_number_limits(weft__doc *d, const weft_field *f)
{
    long double low = f->range[0], high = f->range[1];
    bool ranged = weft__field_has_range(f);
    if (ranged && low > -WEFT_NO_END)
        add_number(d, f->above ? WEFT_S("exclusiveMinimum") : WEFT_S("minimum"), low);
    if (ranged && high < WEFT_NO_END)
        add_number(d, f->below ? WEFT_S("exclusiveMaximum") : WEFT_S("maximum"), high);
    if (f->multiple_of != 0) add_number(d, WEFT_S("multipleOf"), f->multiple_of);
}

static void add_text_limits(weft__doc *d, const weft_field *f)
{
    add_count(d, WEFT_S("minLength"), f->min_len);
    add_count(d, WEFT_S("maxLength"), f->max_len);
    weft__doc_say(d, "pattern", f->pattern);
}

/* ---- values ---- */

/* A value that a declaration gives as text, as JSON; none when there is no memory for it. What is given
 * as JSON was checked, and stays as it was written: an example need not say all that may be said. */
static void add_given(weft__doc *d, const weft_field *f, const char *text)
{
    const weft_schema *type = f->type->kind == WEFT__opt ? f->type->of : f->type;
    if (type->kind != WEFT__scalar && type->kind != WEFT__enum) {
        weft__doc_raw(d, weft_str_of(text));
        return;
    }
    weft_field given = *f;
    given.initial = text;
    weft_arena arena;
    weft__arena_init(&arena, NULL, 1 << 20);
    void *value = weft__arena_zalloc(&arena, f->type->size);
    int rc = value ? weft__default_read(&given, 0, value, &arena) : WEFT_ENOMEM;
    size_t from = d->out.len;
    if (rc == 0) rc = weft__json_write(f->type, value, &d->out, NULL);
    if (rc < 0) {
        d->out.len = from;
        d->out.failed = rc == WEFT_ELIMIT ? rc : WEFT_ENOMEM;
    }
    weft__arena_free(&arena);
    d->comma = true;
}

static void add_only(weft__doc *d, const weft_field *f)
{
    if (!f || !f->only) return;
    weft_field single = *f;
    if (f->type->kind == WEFT__opt) single.type = f->type->of;
    weft__doc_member(d, "const");
    add_given(d, &single, f->only);
}

/* ---- types ---- */

static void add_scalar(weft__doc *d, const weft_schema *s, const weft_field *f)
{
    static const struct { const char *type, *format; } said[] = {
        [WEFT__int32] = { "integer", "int32" }, [WEFT__int64] = { "integer", "int64" },
        [WEFT__double] = { "number", "double" }, [WEFT__bool] = { "boolean", NULL },
        [WEFT__text] = { "string", NULL }, [WEFT__json] = { NULL, NULL },
        [WEFT__date] = { "string", "date" }, [WEFT__time] = { "string", "time" },
        [WEFT__datetime] = { "string", "date-time" }, [WEFT__duration] = { "string", "duration" },
        [WEFT__uuid] = { "string", "uuid" }, [WEFT__decimal] = { "string", "decimal" },
        [WEFT__bytes] = { "string", NULL },
    };
    static const char *const formats[] = { [WEFT_EMAIL] = "email", [WEFT_URL] = "uri",
        [WEFT_IP] = "ipvanyaddress", [WEFT_IPV4] = "ipv4", [WEFT_IPV6] = "ipv6" };
    if ((size_t)s->scalar >= weft_count(said)) return;
    weft__doc_say(d, "type", said[s->scalar].type);
    weft__doc_say(d, "format", said[s->scalar].format);
    if (s->scalar == WEFT__bytes) weft__doc_say(d, "contentEncoding", "base64");
    if (f && s->scalar == WEFT__text) weft__doc_say(d, "format", formats[f->format]);
    add_only(d, f);
    if (f && s->scalar == WEFT__text) add_text_limits(d, f);
    else if (f && s->scalar <= WEFT__bool) add_number_limits(d, f);
}

static void add_type(weft__doc *d, const weft_schema *s, const weft_field *f);

static void add_inner(weft__doc *d, const weft_schema *s, const weft_field *f)
{
    weft__doc_open(d, '{');
    add_type(d, s, f);
    weft__doc_close(d, '}');
}

static void add_null(weft__doc *d)
{
    weft__doc_open(d, '{');
    weft__doc_say(d, "type", "null");
    weft__doc_close(d, '}');
}

static void add_or_null(weft__doc *d, const weft_schema *s, const weft_field *f)
{
    weft__doc_array(d, "anyOf");
    add_inner(d, s, f);
    add_null(d);
    weft__doc_close(d, ']');
}

static void add_list(weft__doc *d, const weft_schema *s, const weft_field *f)
{
    weft__doc_say(d, "type", "array");
    weft__doc_member(d, "items");
    add_inner(d, s->of, f);
    if (!f) return;
    add_count(d, WEFT_S("minItems"), f->min_items);
    add_count(d, WEFT_S("maxItems"), f->max_items);
    if (f->unique) weft__doc_true(d, "uniqueItems");
}

static void add_map(weft__doc *d, const weft_schema *s, const weft_field *f)
{
    weft__doc_say(d, "type", "object");
    weft__doc_member(d, "additionalProperties");
    add_inner(d, s->of, f);
    if (!f) return;
    if (f->int_keys) {
        weft__doc_member(d, "propertyNames");
        weft__doc_raw(d, WEFT_S("{\"pattern\":\"^-?[0-9]+$\"}"));
    }
    add_count(d, WEFT_S("minProperties"), f->min_items);
    add_count(d, WEFT_S("maxProperties"), f->max_items);
}

/* The members of an object that is open. Depth: an option of a list of a scalar is the deepest. */
static void add_type(weft__doc *d, const weft_schema *s, const weft_field *f)
{
    bool file = f && f->place == WEFT__file && (s->kind == WEFT__scalar || s->kind == WEFT__special);
    if (file) {
        weft__doc_say(d, "type", "string");
        weft__doc_say(d, "contentMediaType", "application/octet-stream");
        return;
    }
    switch (s->kind) {
    case WEFT__scalar: add_scalar(d, s, f); break;
    case WEFT__opt:
        if (f && f->not_null) add_type(d, s->of, f);
        else add_or_null(d, s->of, f);
        break;
    case WEFT__list: add_list(d, s, f); break;
    case WEFT__map: add_map(d, s, f); break;
    case WEFT__model: case WEFT__enum: case WEFT__union:
        if (!is_component(s)) break;
        remember(d, s);
        weft__doc_refer(d, s->name);
        if (s->kind == WEFT__enum) add_only(d, f);
        break;
    case WEFT__special:
        if (s == &weft_schema_weft_none) weft__doc_say(d, "type", "null");
        break;
    }
}

void weft__doc_example(weft__doc *d, const weft_field *field)
{
    if (!field->example) return;
    weft__doc_member(d, "example");
    add_given(d, field, field->example);
}

static void add_default(weft__doc *d, const weft_field *f)
{
    if (!f->initial) return;
    weft__doc_member(d, "default");
    add_given(d, f, f->initial);
}

static void add_examples(weft__doc *d, const weft_field *f)
{
    if (!f->example) return;
    weft__doc_array(d, "examples");
    add_given(d, f, f->example);
    weft__doc_close(d, ']');
}

/* ---- members ---- */

/* A component has a title of its own. */
static bool has_title(const weft_schema *type)
{
    if (type->kind == WEFT__opt) type = type->of;
    return !is_component(type);
}

void weft__doc_schema(
    weft__doc *d, const weft_schema *type, const weft_field *field, weft_str title)
{
    weft__doc_open(d, '{');
    add_type(d, type, field);
    if (has_title(type)) weft__doc_say_of(d, WEFT_S("title"), title);
    if (field) add_default(d, field);
    weft__doc_close(d, '}');
}

static void close_property(weft__doc *d, weft_str name, const weft_schema *type, const weft_field *f)
{
    if (has_title(type)) weft__doc_say_of(d, WEFT_S("title"), weft__doc_title(d, name));
    weft__doc_say(d, "description", f->doc);
    add_default(d, f);
    add_examples(d, f);
    weft__doc_close(d, '}');
}

static void add_property(weft__doc *d, const weft__member *m)
{
    weft__doc_key(d, m->name);
    weft__doc_open(d, '{');
    if (m->ref) add_or_null(d, m->type, NULL);
    else add_type(d, m->type, m->field);
    close_property(d, m->name, m->type, m->field);
}

void weft__doc_property(weft__doc *d, weft_str name, const weft_field *field)
{
    weft__doc_key(d, name);
    weft__doc_open(d, '{');
    add_type(d, field->type, field);
    close_property(d, name, field->type, field);
}

/* What must be there: of a union's case its tag before all. */
static void add_required(weft__doc *d, const weft__plan *plan, const weft_field *tag)
{
    bool any = tag != NULL;
    if (tag) weft__doc_array(d, "required");
    if (tag) weft__doc_text(d, weft__field_name(tag));
    for (uint32_t i = 0; i < plan->count; i++) {
        if (!(plan->required[i / 64] >> (i & 63) & 1)) continue;
        if (!any) weft__doc_array(d, "required");
        any = true;
        weft__doc_text(d, plan->members[i].name);
    }
    if (any) weft__doc_close(d, ']');
}

static const weft__plan *plan_of(weft__doc *d, const weft_schema *s)
{
    const weft__plan *plan = NULL;
    int rc = weft__plan_of(s, &plan);
    if (rc < 0) d->out.failed = rc;
    return plan;
}

static void add_tag(weft__doc *d, const weft_field *tag, weft_str text)
{
    weft__doc_key(d, weft__field_name(tag));
    weft__doc_open(d, '{');
    weft__doc_say(d, "type", "string");
    weft__doc_member(d, "const");
    weft__doc_text(d, text);
    weft__doc_say_of(d, WEFT_S("title"), weft__doc_title(d, weft__field_name(tag)));
    weft__doc_close(d, '}');
}

/* A model; as the case of a union, with the text of its tag in front. */
static void add_model(weft__doc *d, const weft_schema *s, const weft_field *tag, weft_str text)
{
    const weft__plan *plan = plan_of(d, s);
    if (!plan) return;
    weft__doc_say(d, "type", "object");
    weft__doc_object(d, "properties");
    if (tag) add_tag(d, tag, text);
    for (uint32_t i = 0; i < plan->count; i++) add_property(d, &plan->members[i]);
    weft__doc_close(d, '}');
    add_required(d, plan, tag);
    if (!plan->extra && !plan->no_extra) return;
    weft__doc_member(d, "additionalProperties");
    if (plan->no_extra) weft__doc_raw(d, WEFT_S("false"));
    else add_inner(d, plan->extra->type->of, plan->extra);
}

/* ---- unions ---- */

/* The component of a case: Event.order.created; of a text that cannot stand in a name, Event.2. */
static weft_str case_name(weft__doc *d, const weft_schema *s, size_t i)
{
    weft_str text = weft__field_name(&s->fields[i]), name;
    bool plain = text.len != 0;
    for (size_t k = 0; k < text.len; k++) {
        char c = text.ptr[k], low = (char)(c | 0x20);
        plain &= (low >= 'a' && low <= 'z') || (k && c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    }
    if (plain) name = weft__arena_printf(&d->arena, "%s.%.*s", s->name, WEFT_FMT(text));
    else name = weft__arena_printf(&d->arena, "%s.%zu", s->name, i);
    if (name.ptr) return name;
    d->out.failed = WEFT_ENOMEM;
    return (weft_str){ "", 0 };
}

/* Each case is a component of its own: a discriminator chooses among such alone (OpenAPI 3.1.0, 4.8.25). */
static void add_union(weft__doc *d, const weft_schema *s)
{
    weft__doc_array(d, "oneOf");
    for (size_t i = 1; i < s->count; i++) {
        weft__doc_open(d, '{');
        weft__doc_refer(d, case_name(d, s, i).ptr);
        weft__doc_close(d, '}');
    }
    weft__doc_close(d, ']');
    weft__doc_object(d, "discriminator");
    weft__doc_say_of(d, WEFT_S("propertyName"), weft__field_name(&s->fields[0]));
    weft__doc_object(d, "mapping");
    for (size_t i = 1; i < s->count; i++) {
        weft_str to = weft__arena_printf(&d->arena, "#/components/schemas/%s", case_name(d, s, i).ptr);
        if (!to.ptr) d->out.failed = WEFT_ENOMEM;
        weft__doc_say_of(d, weft__field_name(&s->fields[i]), to);
    }
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
}

static void add_cases(weft__doc *d, const weft_schema *s)
{
    for (size_t i = 1; i < s->count; i++) {
        const weft_field *f = &s->fields[i];
        weft__doc_key(d, case_name(d, s, i));
        weft__doc_open(d, '{');
        add_model(d, f->type, &s->fields[0], weft__field_name(f));
        weft__doc_say(d, "title", f->type->name);
        weft__doc_close(d, '}');
    }
}

/* ---- components ---- */

static void add_enum(weft__doc *d, const weft_schema *s)
{
    weft__doc_say(d, "type", "string");
    weft__doc_array(d, "enum");
    for (size_t i = 0; i < s->count; i++) weft__doc_text(d, weft__field_name(&s->fields[i]));
    weft__doc_close(d, ']');
}

static void add_component(weft__doc *d, const weft_schema *s)
{
    weft__doc_key(d, weft_str_of(s->name));
    weft__doc_open(d, '{');
    if (s->kind == WEFT__enum) add_enum(d, s);
    else if (s->kind == WEFT__union) add_union(d, s);
    else add_model(d, s, NULL, (weft_str){ 0 });
    weft__doc_say(d, "title", s->name);
    weft__doc_close(d, '}');
    if (s->kind == WEFT__union) add_cases(d, s);
}

/* ---- all of them ---- */

/* Writing a component may mention more of them. */
void weft__doc_components(weft__doc *d)
{
    bool schemas = d->types.count || d->validates || d->tells_problem || d->bodies.count;
    if (!schemas && !d->schemes.count) return;
    weft__doc_object(d, "components");
    if (schemas) {
        weft__doc_object(d, "schemas");
        weft__doc_bodies(d);
        for (uint32_t i = 0; i < d->types.count; i++) add_component(d, d->types.items[i]);
        weft__doc_failures(d);
        weft__doc_close(d, '}');
    }
    weft__doc_security_schemes(d);
    weft__doc_close(d, '}');
}
