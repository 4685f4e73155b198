/* What failures are answered with: {"detail": ...}, or problem details (RFC 9457); and the faults of a 422. */
#include <string.h>
#include "model/plan.h"
#include "web/openapi.h"

static void refer_to_ours(weft__doc *d, const char *name)
{
    weft_str full = weft__arena_printf(&d->arena, "%s%s", d->other_names ? "weft." : "", name);
    if (!full.ptr) d->out.failed = WEFT_ENOMEM;
    weft__doc_open(d, '{');
    weft__doc_refer(d, full.ptr ? full.ptr : name);
    weft__doc_close(d, '}');
}

static void open_component(weft__doc *d, const char *name)
{
    weft_str full = weft__arena_printf(&d->arena, "%s%s", d->other_names ? "weft." : "", name);
    if (!full.ptr) d->out.failed = WEFT_ENOMEM;
    weft__doc_key(d, full);
    weft__doc_open(d, '{');
}

static void refer_to_problem(weft__doc *d)
{
    d->tells_problem = true;
    refer_to_ours(d, "Problem");
}

/* ---- one failure ---- */

const char *weft__doc_failure_type(const weft__doc *d)
{
    return d->problems ? "application/problem+json" : "application/json";
}

/* {"type":"object","properties":{"name": the type},"required":["name"]} */
static void add_holder(weft__doc *d, const char *name, const weft_schema *type)
{
    weft_str key = weft_str_of(name);
    weft__doc_open(d, '{');
    weft__doc_say(d, "type", "object");
    weft__doc_object(d, "properties");
    weft__doc_key(d, key);
    if (type) weft__doc_schema(d, type, NULL, weft__doc_title(d, key));
    else weft__doc_raw(d, WEFT_S("{\"type\":\"string\",\"title\":\"Detail\"}"));
    weft__doc_close(d, '}');
    weft__doc_array(d, "required");
    weft__doc_text(d, key);
    weft__doc_close(d, ']');
    weft__doc_close(d, '}');
}

static bool is_closed(weft__doc *d, const weft_schema *s)
{
    const weft__plan *plan = NULL;
    int rc = s->kind == WEFT__model ? weft__plan_of(s, &plan) : 0;
    if (rc < 0) d->out.failed = rc;
    return plan && plan->no_extra;
}

/* The members of a detail that is a model stand in the problem; of one that says it has no others, nothing can be
 * told, since it would refuse the problem's. */
static void add_problem(weft__doc *d, const weft_schema *detail)
{
    bool object = detail && (detail->kind == WEFT__model || detail->kind == WEFT__union || detail->kind == WEFT__map);
    if (!detail || is_closed(d, detail)) {
        refer_to_problem(d);
        return;
    }
    weft__doc_open(d, '{');
    weft__doc_array(d, "allOf");
    refer_to_problem(d);
    if (object) weft__doc_schema(d, detail, NULL, (weft_str){ 0 });
    else add_holder(d, "errors", detail);
    weft__doc_close(d, ']');
    weft__doc_close(d, '}');
}

void weft__doc_failure(weft__doc *d, const weft_schema *detail)
{
    if (d->problems) add_problem(d, detail);
    else add_holder(d, "detail", detail);
}

/* ---- what a 422 has ---- */

void weft__doc_validation_error(weft__doc *d)
{
    d->validates = true;
    refer_to_ours(d, d->problems ? "ValidationProblem" : "HTTPValidationError");
}

bool weft__doc_names_clash(const weft__doc *d)
{
    static const char *const of_422[] = { "ValidationError", "HTTPValidationError", "ValidationProblem" };
    for (uint32_t i = 0; i < d->types.count; i++) {
        const char *name = d->types.items[i]->name;
        for (size_t k = 0; d->validates && k < weft_count(of_422); k++)
            if (strcmp(name, of_422[k]) == 0) return true;
        if (d->tells_problem && strcmp(name, "Problem") == 0) return true;
        if (weft__doc_is_body_name(d, name)) return true;
    }
    return false;
}

/* ---- components ---- */

static void add_faults(weft__doc *d, const char *name, const char *title)
{
    weft__doc_object(d, "properties");
    weft__doc_key(d, weft_str_of(name));
    weft__doc_open(d, '{');
    weft__doc_say(d, "type", "array");
    weft__doc_member(d, "items");
    refer_to_ours(d, "ValidationError");
    weft__doc_say(d, "title", title);
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
}

static void add_validation_problem(weft__doc *d)
{
    open_component(d, "ValidationProblem");
    weft__doc_array(d, "allOf");
    refer_to_problem(d);
    weft__doc_open(d, '{');
    weft__doc_say(d, "type", "object");
    add_faults(d, "errors", "Errors");
    weft__doc_close(d, '}');
    weft__doc_close(d, ']');
    weft__doc_say(d, "title", "ValidationProblem");
    weft__doc_close(d, '}');
}

static void add_http_validation_error(weft__doc *d)
{
    open_component(d, "HTTPValidationError");
    weft__doc_say(d, "type", "object");
    add_faults(d, "detail", "Detail");
    weft__doc_say(d, "title", "HTTPValidationError");
    weft__doc_close(d, '}');
}

static void add_members(weft__doc *d, const char *name, weft_str members)
{
    open_component(d, name);
    weft__doc_say(d, "type", "object");
    weft__doc_member(d, "properties");
    weft__doc_raw(d, members);
    weft__doc_say(d, "title", name);
}

void weft__doc_failures(weft__doc *d)
{
    if (d->validates) {
        if (d->problems) add_validation_problem(d);
        else add_http_validation_error(d);
        add_members(d, "ValidationError",
            WEFT_S("{\"loc\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]},"
                   "\"title\":\"Location\"},\"msg\":{\"type\":\"string\",\"title\":\"Message\"},"
                   "\"type\":{\"type\":\"string\",\"title\":\"Error Type\"},\"input\":{\"title\":\"Input\"},"
                   "\"ctx\":{\"type\":\"object\",\"title\":\"Context\"}}"));
        weft__doc_member(d, "required");
        weft__doc_raw(d, WEFT_S("[\"loc\",\"msg\",\"type\"]"));
        weft__doc_close(d, '}');
    }
    if (!d->tells_problem) return;
    add_members(d, "Problem",
        WEFT_S("{\"type\":{\"type\":\"string\",\"format\":\"uri-reference\",\"default\":\"about:blank\",\"title\":\"Type\"},"
               "\"title\":{\"type\":\"string\",\"title\":\"Title\"},\"status\":{\"type\":\"integer\",\"format\":\"int32\","
               "\"title\":\"Status\"},\"detail\":{\"type\":\"string\",\"title\":\"Detail\"}}"));
    weft__doc_say(d, "description", "Problem details: RFC 9457");
    weft__doc_close(d, '}');
}
