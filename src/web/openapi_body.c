/* The body of a request: JSON, a form, or bytes. What is made of several members is a component that
 * is named after its operation, as FastAPI's are. */
#include "model/schema.h"
#include "web/openapi.h"

static bool is_needed(const weft_field *f) { return !f->initial && !weft__field_may_lack(f); }

static const weft__sources *parts_of(const weft__endpoint *e)
{
    return e->takes == WEFT__TAKES_FORM ? &e->forms : &e->bodies;
}

/* ---- several members ---- */

static void add_required(weft__doc *d, const weft__sources *parts)
{
    bool any = false;
    for (uint32_t i = 0; i < parts->count; i++) {
        if (!is_needed(parts->items[i].field)) continue;
        if (!any) weft__doc_array(d, "required");
        any = true;
        weft__doc_text(d, parts->items[i].name);
    }
    if (any) weft__doc_close(d, ']');
}

static void add_parts(weft__doc *d, const weft__sources *parts, weft_str title)
{
    weft__doc_open(d, '{');
    weft__doc_say(d, "type", "object");
    weft__doc_object(d, "properties");
    for (uint32_t i = 0; i < parts->count; i++)
        weft__doc_property(d, parts->items[i].name, parts->items[i].field);
    weft__doc_close(d, '}');
    add_required(d, parts);
    if (parts->no_extra) {
        weft__doc_member(d, "additionalProperties");
        weft__doc_raw(d, WEFT_S("false"));
    }
    weft__doc_say_of(d, WEFT_S("title"), title);
    weft__doc_close(d, '}');
}

/* The form that is one model and nothing else; NULL: it is not. */
static const weft_field *whole_form(const weft__endpoint *e)
{
    const weft_schema *in = e->route->in;
    const weft_field *found = NULL;
    for (size_t i = 0; e->takes == WEFT__TAKES_FORM && i < in->count; i++) {
        const weft_field *f = &in->fields[i];
        if (f->place != WEFT__form && f->place != WEFT__file) continue;
        if (found || f->type->kind != WEFT__model) return NULL;
        found = f;
    }
    return found;
}

/* Names of components: OpenAPI 3.1.0, 4.8.7. Those that somebody chose for an operation may be others. */
static bool can_name(weft_str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i], low = (char)(c | 0x20);
        bool plain = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!plain) return false;
    }
    return true;
}

static weft_str body_name(weft__doc *d, weft_str id)
{
    weft_str name = weft__arena_printf(&d->arena, "%sBody_%.*s", d->other_names ? "weft." : "", WEFT_FMT(id));
    if (name.ptr) return name;
    d->out.failed = WEFT_ENOMEM;
    return (weft_str){ "", 0 };
}

static void add_several(weft__doc *d, const weft__endpoint *e, weft_str id)
{
    weft_str name = body_name(d, id);
    if (!can_name(id)) {
        add_parts(d, parts_of(e), name);
        return;
    }
    weft__doc_body *slot = weft__list_slot(&d->arena, &d->bodies, sizeof *slot);
    if (slot) *slot = (weft__doc_body){ .parts = parts_of(e), .name = name };
    else d->out.failed = WEFT_ENOMEM;
    weft_str to = weft__arena_printf(&d->arena, "#/components/schemas/%.*s", WEFT_FMT(name));
    if (!to.ptr) d->out.failed = WEFT_ENOMEM;
    weft__doc_open(d, '{');
    weft__doc_say_of(d, WEFT_S("$ref"), to);
    weft__doc_close(d, '}');
}

void weft__doc_bodies(weft__doc *d)
{
    for (uint32_t i = 0; i < d->bodies.count; i++) {
        weft__doc_key(d, d->bodies.items[i].name);
        add_parts(d, d->bodies.items[i].parts, d->bodies.items[i].name);
    }
}

/* ---- content ---- */

static weft_str media_type(const weft__endpoint *e)
{
    if (e->takes == WEFT__TAKES_PIECES) return WEFT_S("application/octet-stream");
    if (e->takes != WEFT__TAKES_FORM) return WEFT_S("application/json");
    for (uint32_t i = 0; i < e->forms.count; i++)
        if (e->forms.items[i].file) return WEFT_S("multipart/form-data");
    return WEFT_S("application/x-www-form-urlencoded");
}

static void add_media(weft__doc *d, const weft__endpoint *e, weft_str id)
{
    const weft_field *f = e->body, *form = whole_form(e);
    weft__doc_key(d, media_type(e));
    weft__doc_open(d, '{');
    weft__doc_member(d, "schema");
    if (e->takes == WEFT__TAKES_PIECES)
        weft__doc_raw(d, WEFT_S("{\"type\":\"string\",\"format\":\"binary\"}"));
    else if (form) weft__doc_schema(d, form->type, NULL, WEFT_S(""));
    else if (e->takes == WEFT__TAKES_ONE)
        weft__doc_schema(d, f->type, f, weft__doc_title(d, (weft_str){ f->name, f->name_len }));
    else add_several(d, e, id);
    if (e->takes == WEFT__TAKES_ONE) weft__doc_example(d, f);
    weft__doc_close(d, '}');
}

static bool must_come(const weft__endpoint *e)
{
    if (e->takes == WEFT__TAKES_ONE || e->takes == WEFT__TAKES_PIECES) return is_needed(e->body);
    const weft__sources *parts = parts_of(e);
    for (uint32_t i = 0; i < parts->count; i++)
        if (is_needed(parts->items[i].field)) return true;
    return false;
}

void weft__doc_request_body(weft__doc *d, const weft__endpoint *e, weft_str id)
{
    if (e->takes == WEFT__TAKES_NOTHING) return;
    bool one = e->takes == WEFT__TAKES_ONE || e->takes == WEFT__TAKES_PIECES;
    const weft_field *told = one ? e->body : whole_form(e);
    weft__doc_object(d, "requestBody");
    if (told) weft__doc_say(d, "description", told->doc);
    weft__doc_object(d, "content");
    add_media(d, e, id);
    weft__doc_close(d, '}');
    if (must_come(e)) weft__doc_true(d, "required");
    weft__doc_close(d, '}');
}

bool weft__doc_is_body_name(const weft__doc *d, const char *name)
{
    if (strncmp(name, "Body_", 5) != 0) return false;
    for (uint32_t i = 0; i < d->bodies.count; i++)
        if (weft_str_equal(d->bodies.items[i].name, weft_str_of(name))) return true;
    return false;
}
