/* Members of an input that come as text or as a file, found in the input itself or in a model in it. */
#include <string.h>
#include "model/plan.h"
#include "web/endpoint_make.h"
#include "wire/bytes.h"

/* "x_token" is the header "x-token", unless .as says otherwise. */
static weft_str source_name(weft__making *m, weft_place place, const weft_field *f)
{
    weft_str name = weft__field_name(f);
    if (place != WEFT__header || f->as) return name;
    weft_str copy = weft__arena_dup(m->arena, name);
    if (!copy.ptr) {
        m->out_of_memory = true;
        return name;
    }
    for (char *p = (char *)copy.ptr; *p; p++)
        if (*p == '_') *p = '-';
    return copy;
}

/* What a value of that place is called. */
static const char *kind_name(weft_place place)
{
    if (place == WEFT__form || place == WEFT__file) return "field of the form";
    return place == WEFT__query ? "query value" : weft__place_name(place);
}

static bool same_source(weft_place place, weft_str a, weft_str b)
{
    return place == WEFT__header ? weft__same_nocase(a, b) : weft_str_equal(a, b);
}

/* Two members whose names differ in C, or that stand in different structs, and are one on the wire.
 * Those of one name, place and struct are told by weft__schema_check. */
static void check_twins(weft__making *m, weft_place place, const weft__sources *sources, const weft__source *s)
{
    const char *input = m->in->name;
    if (place == WEFT__header && !weft__http_name_valid(s->name))
        WEFT__ROUTE_FAULT(m, "input %s: '%.*s' cannot be the name of a header", input, WEFT_FMT(s->name));
    for (uint32_t i = 0; i < sources->count; i++) {
        const weft__source *other = &sources->items[i];
        if (!same_source(place, other->name, s->name)) continue;
        bool told = !other->in_model && !s->in_model && other->field->place == s->field->place
            && weft_str_equal(weft__field_name(other->field), weft__field_name(s->field));
        if (!told)
            WEFT__ROUTE_FAULT(m, "input %s: members '%s' and '%s' are the same %s, %.*s", input,
                other->field->name, s->field->name, kind_name(place), WEFT_FMT(s->name));
    }
}

static weft__file_as file_as(weft_place place, const weft_schema *type)
{
    if (place != WEFT__file) return WEFT__NO_FILE;
    return weft__schema_leaf(type) == &weft_schema_weft_upload ? WEFT__FILE_UPLOAD : WEFT__FILE_BYTES;
}

static void add(weft__making *m, weft__sources *sources, weft_place place, weft__source s)
{
    s.name = source_name(m, place, s.field);
    s.loc = s.in_model ? weft__field_name(s.field) : s.name;
    s.many = s.field->type->kind == WEFT__list;
    s.file = file_as(place, s.field->type);
    check_twins(m, place, sources, &s);
    if (sources->count == WEFT__SOURCES_MAX) {
        WEFT__ROUTE_FAULT(m, "input %s: more than %d %s members", m->in->name,
            WEFT__SOURCES_MAX, weft__place_name(place));
        return;
    }
    weft__source *slot = weft__list_slot(m->arena, sources, sizeof *slot);
    if (slot) *slot = s;
    else m->out_of_memory = true;
}

/* What a model's member must be to come as text: a scalar or an enum, an option or a list of one. */
static bool is_text(const weft_schema *t)
{
    if (t->kind == WEFT__list || t->kind == WEFT__opt) t = t->of;
    return t->kind == WEFT__scalar || t->kind == WEFT__enum;
}

static void add_model(weft__making *m, weft__sources *sources, const weft_field *f)
{
    const weft__plan *plan;
    int rc = weft__plan_of(f->type, &plan);
    if (rc == WEFT_ENOMEM) m->out_of_memory = true;
    if (rc < 0) return;              /* weft__schema_check tells why it has none */
    sources->models = true;
    sources->no_extra |= plan->no_extra;
    if (plan->extra)
        WEFT__ROUTE_FAULT(m, "input %s: %s keeps what no member is named after, which values of a %s cannot be",
            m->in->name, f->type->name, weft__place_name(f->place));
    if (plan->checks_count)
        WEFT__ROUTE_FAULT(m, "input %s: %s has a check of its own, and its values come from a %s one by one; check them in the handler",
            m->in->name, f->type->name, weft__place_name(f->place));
    for (uint32_t i = 0; i < plan->count; i++) {
        const weft__member *member = &plan->members[i];
        if (member->ref || !is_text(member->type))
            WEFT__ROUTE_FAULT(m, "input %s: member '%.*s' of %s cannot come from a %s, where all is text",
                m->in->name, WEFT_FMT(member->name), f->type->name, weft__place_name(f->place));
        else
            add(m, sources, f->place, (weft__source){ .field = member->field,
                .offset = f->offset + member->offset, .in_model = true });
    }
}

void weft__making_source(weft__making *m, weft__sources *sources, const weft_field *f, unsigned param)
{
    if (f->type->kind == WEFT__model && f->place != WEFT__path && f->place != WEFT__file)
        add_model(m, sources, f);
    else add(m, sources, f->place, (weft__source){ .field = f, .offset = f->offset, .param = param });
}
