/* Members of an input that come from the request's body: JSON, a form, or the bytes as they are. */
#include <string.h>
#include "model/schema.h"
#include "web/endpoint_make.h"

static bool is_streamed(const weft_field *f) { return f->type == &weft_schema_weft_body; }

void weft__making_body(weft__making *m, const weft_field *f)
{
    weft__endpoint *e = m->e;
    if (f->type->kind == WEFT__special && !is_streamed(f))
        WEFT__ROUTE_FAULT(m, "input %s: body member '%s' cannot be a %s", m->in->name, f->name,
            f->type->name);
    weft__source *slot = weft__list_slot(m->arena, &e->bodies, sizeof *slot);
    if (!slot) {
        m->out_of_memory = true;
        return;
    }
    weft_str name = weft__field_name(f);
    *slot = (weft__source){ .field = f, .name = name, .loc = name, .offset = f->offset };
    if (!e->body) e->body = f;
}

static bool has_rules(const weft_field *f)
{
    return weft__field_has_range(f) || f->multiple_of != 0 || f->min_len || f->max_len || f->pattern;
}

static void check_file(weft__making *m, const weft_field *f)
{
    const weft_schema *leaf = weft__schema_leaf(f->type);
    const char *input = m->in->name;
    if (f->type->kind == WEFT__map || (leaf != &weft_schema_weft_upload && leaf != &weft_schema_weft_str))
        WEFT__ROUTE_FAULT(m, "input %s: file '%s' must be a weft_upload or a weft_str (all of its bytes), a list "
            "or an option of one", input, f->name);
    bool empty = f->initial && f->type->kind == WEFT__list && strcmp(f->initial, "[]") == 0;
    if (has_rules(f) || (f->initial && !empty))
        WEFT__ROUTE_FAULT(m, "input %s: file '%s' takes no option that speaks of a value; expected .bytes_max, "
            ".min_items, .max_items or, for a list, .initial = \"[]\"", input, f->name);
}

void weft__making_form(weft__making *m, const weft_field *f)
{
    if (f->place == WEFT__file) check_file(m, f);
    weft__making_source(m, &m->e->forms, f, 0);
    m->e->takes = WEFT__TAKES_FORM;
}

static void check_options(weft__making *m)
{
    const weft_schema *in = m->in;
    for (size_t i = 0; i < in->count; i++) {
        const weft_field *f = &in->fields[i];
        bool form = f->place == WEFT__form || f->place == WEFT__file;
        if (f->embed && f->place != WEFT__body)
            WEFT__ROUTE_FAULT(m, "input %s: .embed is for a body, and '%s' is a %s", in->name, f->name,
                weft__place_name(f->place));
        if (f->bytes_max && !form)
            WEFT__ROUTE_FAULT(m, "input %s: .bytes_max is for fields and files of a form, and '%s' is a %s; for a body "
                "the route has .body_bytes_max", in->name, f->name, weft__place_name(f->place));
    }
}

static weft__takes takes(const weft__endpoint *e)
{
    if (!e->body) return e->takes;
    if (e->bodies.count == 1 && is_streamed(e->body)) return WEFT__TAKES_PIECES;
    return e->bodies.count > 1 || e->body->embed ? WEFT__TAKES_SEVERAL : WEFT__TAKES_ONE;
}

void weft__making_bodies(weft__making *m)
{
    weft__endpoint *e = m->e;
    const char *input = m->in->name;
    if (e->body && e->forms.count) {
        WEFT__ROUTE_FAULT(m, "input %s has body '%s' and %s '%s'; a request has one of them", input, e->body->name,
            weft__place_name(e->forms.items[0].file ? WEFT__file : WEFT__form), e->forms.items[0].field->name);
        return;
    }
    e->takes = takes(e);
    for (uint32_t i = 0; i < e->bodies.count; i++) {
        const weft_field *f = e->bodies.items[i].field;
        if (!is_streamed(f)) continue;
        if (e->bodies.count > 1)
            WEFT__ROUTE_FAULT(m, "input %s: body '%s' is read by the handler, so it is the only one", input, f->name);
        else if (f->embed)
            WEFT__ROUTE_FAULT(m, "input %s: body '%s' is read by the handler, and has no name in it", input, f->name);
    }
    check_options(m);
    e->input_bytes = m->in->size;
    if (e->takes != WEFT__TAKES_FORM) return;
    e->form_at = (e->input_bytes + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    e->input_bytes = e->form_at + sizeof(void *);
}
