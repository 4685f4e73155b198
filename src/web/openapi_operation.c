/* One route as an operation: parameters, answers, callbacks. */
#include <string.h>
#include "model/schema.h"
#include "web/openapi.h"
#include "web/provider.h"
#include "wire/bytes.h"

static void describe(weft__doc *d, const char *text) { weft__doc_say(d, "description", text); }

/* ---- tags ---- */

static void add_tags(weft__doc *d, const weft__endpoint *e)
{
    const char *const *own = e->route->tags;
    if (!e->tags.count && !(own && *own)) return;
    weft__doc_array(d, "tags");
    for (uint32_t i = 0; i < e->tags.count; i++)
        weft__doc_text(d, weft_str_of(e->tags.items[i]));
    for (; own && *own; own++) weft__doc_text(d, weft_str_of(*own));
    weft__doc_close(d, ']');
}

/* ---- parameters ---- */

/* The name of the n-th parameter of a template, whose braces were checked. */
static weft_str template_name(weft_str path, unsigned n)
{
    const char *at = path.ptr, *end = path.ptr + path.len, *shut = at;
    for (unsigned i = 0; at && i <= n; i++) {
        at = memchr(shut, '{', (size_t)(end - shut));
        shut = at ? memchr(at, '}', (size_t)(end - at)) : NULL;
        if (!shut) return (weft_str){ "", 0 };
    }
    return (weft_str){ at + 1, (size_t)(shut - at - 1) };
}

static bool is_needed(const weft__source *s) { return !s->field->initial && !weft__field_may_lack(s->field); }

static void add_parameter(weft__doc *d, const weft__source *s, const char *in, weft_str name)
{
    weft__doc_open(d, '{');
    weft__doc_say_of(d, WEFT_S("name"), name);
    weft__doc_say(d, "in", in);
    describe(d, s->field->doc);
    weft__doc_member(d, "required");
    weft__doc_raw(d, is_needed(s) ? WEFT_S("true") : WEFT_S("false"));
    weft__doc_member(d, "schema");
    weft__doc_schema(d, s->field->type, s->field, weft__doc_title(d, name));
    weft__doc_example(d, s->field);
    weft__doc_close(d, '}');
}

/* What the i-th input of a route takes: 0 its own, then its providers'. NULL behind the last. */
static const weft__from_head *input_of(const weft__endpoint *e, uint32_t i)
{
    if (i == 0) return &e->head;
    return e->needs && i <= e->needs->count ? &e->needs->items[i - 1].head : NULL;
}

static const weft__sources *of_place(const weft__from_head *head, weft_place place)
{
    if (place == WEFT__path) return &head->paths;
    if (place == WEFT__query) return &head->queries;
    return place == WEFT__header ? &head->headers : &head->cookies;
}

static bool same_parameter(weft_place place, const weft__source *a, const weft__source *b)
{
    if (place == WEFT__path) return a->param == b->param;
    return place == WEFT__header ? weft__same_nocase(a->name, b->name) : weft_str_equal(a->name, b->name);
}

/* Of those that several inputs take the one is told that must come, or else the first. */
static bool is_told(const weft__endpoint *e, weft_place place, const weft__source *s)
{
    const weft__source *told = NULL;
    for (uint32_t i = 0; input_of(e, i); i++) {
        const weft__sources *sources = of_place(input_of(e, i), place);
        for (uint32_t k = 0; k < sources->count; k++) {
            const weft__source *other = &sources->items[k];
            if (!same_parameter(place, other, s)) continue;
            if (!told || (is_needed(other) && !is_needed(told))) told = other;
        }
    }
    return told == s;
}

static void add_place(weft__doc *d, const weft__endpoint *e, weft_place place, const char *in, weft_str path)
{
    for (uint32_t i = 0; input_of(e, i); i++) {
        const weft__sources *sources = of_place(input_of(e, i), place);
        for (uint32_t k = 0; k < sources->count; k++) {
            const weft__source *s = &sources->items[k];
            if (e->needs && !is_told(e, place, s)) continue;
            weft_str name = place == WEFT__path ? template_name(path, s->param) : s->name;
            if (name.len) add_parameter(d, s, in, name);     /* the others of the path are the host's */
        }
    }
}

static bool takes_parameters(const weft__endpoint *e)
{
    for (uint32_t i = 0; input_of(e, i); i++) {
        const weft__from_head *head = input_of(e, i);
        if (head->paths.count || head->queries.count || head->headers.count || head->cookies.count) return true;
    }
    return false;
}

static void add_parameters(weft__doc *d, const weft__endpoint *e, weft_str path)
{
    if (!takes_parameters(e)) return;
    weft__doc_array(d, "parameters");
    add_place(d, e, WEFT__path, "path", path);
    add_place(d, e, WEFT__query, "query", path);
    add_place(d, e, WEFT__header, "header", path);
    add_place(d, e, WEFT__cookie, "cookie", path);
    weft__doc_close(d, ']');
}

/* ---- answers ---- */

static bool can_be_422(const weft__endpoint *e)
{
    bool reads = e->takes != WEFT__TAKES_NOTHING && e->takes != WEFT__TAKES_PIECES;
    return takes_parameters(e) || reads;
}

static const weft_response_doc *doc_of(const weft_route *r, int status)
{
    for (const weft_response_doc *a = r->responses; a && a->status; a++)
        if (a->status == status) return a;
    return NULL;
}

static bool is_json(const char *content_type)
{
    return !content_type || strcmp(content_type, "application/json") == 0 ||
           (strlen(content_type) > 5 && strcmp(content_type + strlen(content_type) - 5, "+json") == 0);
}

/* "Response Read Item Items  Item Id  Get", which FastAPI calls an answer that has no name. */
static weft_str answer_title(weft__doc *d, weft_str id)
{
    weft_str name = weft__arena_printf(&d->arena, "Response_%.*s", WEFT_FMT(id));
    if (name.ptr) return weft__doc_title(d, name);
    d->out.failed = WEFT_ENOMEM;
    return (weft_str){ "", 0 };
}

/* What an answer is when nobody says it. */
static const char *usual_type(const weft__endpoint *e)
{
    if (e && e->answer == WEFT__ANSWER_EVENTS) return "text/event-stream";
    return e && e->answer == WEFT__ANSWER_STREAM ? "application/octet-stream" : "application/json";
}

/* The content of an answer: of `model`, or of what is said of it otherwise. */
static void add_content(weft__doc *d, const weft__endpoint *e, const weft_schema *model, const weft_response_doc *a,
    weft_str id)
{
    bool failed = a && a->status >= 400;
    const char *type = a && a->content_type ? a->content_type : failed && !model ? weft__doc_failure_type(d) : usual_type(e);
    weft__doc_object(d, "content");
    weft__doc_key(d, weft_str_of(type));
    weft__doc_open(d, '{');
    weft__doc_member(d, "schema");
    if (model) weft__doc_schema(d, model, NULL, answer_title(d, id));
    else if (is_json(type) && failed) weft__doc_failure(d, a->detail);
    else if (is_json(type)) weft__doc_raw(d, WEFT_S("{}"));
    else weft__doc_raw(d, WEFT_S("{\"type\":\"string\"}"));
    if (a && a->example) {
        weft__doc_member(d, "example");
        if (is_json(type)) weft__doc_raw(d, weft_str_of(a->example));
        else weft__doc_text(d, weft_str_of(a->example));
    }
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
}

static void open_answer(weft__doc *d, int status, const char *description)
{
    weft_str key = weft__arena_printf(&d->arena, "%d", status);
    if (!key.ptr) d->out.failed = WEFT_ENOMEM;
    weft__doc_key(d, key);
    weft__doc_open(d, '{');
    describe(d, description);
}

static void add_own_answer(weft__doc *d, const weft__endpoint *e, weft_str id)
{
    const weft_response_doc *a = doc_of(e->route, e->status);
    bool written = e->answer >= WEFT__ANSWER_STREAM, bare = weft__http_bodiless(e->status);
    bool typed = !written && e->answer != WEFT__ANSWER_REPLY;
    const weft_schema *model = a && a->model ? a->model : typed ? e->route->out : NULL;
    if (a && a->content_type && !a->model) model = NULL;
    bool told = model || written || (a && (a->content_type || a->example));
    open_answer(d, e->status, a && a->doc ? a->doc : "Successful Response");
    if (told && !bare) add_content(d, e, model, a, id);
    weft__doc_close(d, '}');
}

static void add_answer(weft__doc *d, const weft_response_doc *a, weft_str id)
{
    weft_str reason = weft__http_reason(a->status);
    bool told = a->model || a->content_type || a->example || a->status >= 400;
    open_answer(d, a->status, a->doc && *a->doc ? a->doc : reason.len ? reason.ptr : "Answer");
    if (told) add_content(d, NULL, a->model, a, id);
    weft__doc_close(d, '}');
}

static void add_validation_answer(weft__doc *d)
{
    open_answer(d, 422, "Validation Error");
    weft__doc_object(d, "content");
    weft__doc_key(d, weft_str_of(weft__doc_failure_type(d)));
    weft__doc_open(d, '{');
    weft__doc_member(d, "schema");
    weft__doc_validation_error(d);
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
}

static void add_answers(weft__doc *d, const weft__endpoint *e, weft_str id)
{
    weft__doc_object(d, "responses");
    add_own_answer(d, e, id);
    for (const weft_response_doc *a = e->route->responses; a && a->status; a++)
        if (a->status != e->status) add_answer(d, a, id);
    if (can_be_422(e) && e->status != 422 && !doc_of(e->route, 422)) add_validation_answer(d);
    weft__doc_close(d, '}');
}

/* ---- what is sent to others ---- */

static void add_webhook_operation(weft__doc *d, const weft_webhook *h)
{
    weft_str method = weft_str_of(h->method ? h->method : "POST");
    weft_str verb = weft__arena_dup(&d->arena, method);
    for (char *p = (char *)verb.ptr; p && *p; p++) *p |= 0x20;
    if (!verb.ptr) d->out.failed = WEFT_ENOMEM;
    weft__doc_key(d, verb);
    weft__doc_open(d, '{');
    weft__doc_say_of(d, WEFT_S("summary"),
        h->summary ? weft_str_of(h->summary) : weft__doc_title(d, weft_str_of(h->name)));
    describe(d, h->description);
    weft__doc_object(d, "requestBody");
    weft__doc_object(d, "content");
    weft__doc_object(d, "application/json");
    weft__doc_member(d, "schema");
    weft__doc_schema(d, h->body, NULL, weft__doc_title(d, weft_str_of(h->name)));
    weft__doc_close(d, '}');
    weft__doc_close(d, '}');
    weft__doc_true(d, "required");
    weft__doc_close(d, '}');
    weft__doc_member(d, "responses");
    weft__doc_raw(d, WEFT_S("{\"200\":{\"description\":\"Successful Response\"}}"));
    weft__doc_close(d, '}');
}

void weft__doc_webhooks(weft__doc *d, const weft_webhook *hooks)
{
    weft__doc_open(d, '{');
    for (; hooks && hooks->name; hooks++) {
        weft__doc_key(d, weft_str_of(hooks->name));
        weft__doc_open(d, '{');
        if (hooks->url) weft__doc_key(d, weft_str_of(hooks->url));
        if (hooks->url) weft__doc_open(d, '{');
        add_webhook_operation(d, hooks);
        if (hooks->url) weft__doc_close(d, '}');
        weft__doc_close(d, '}');
    }
    weft__doc_close(d, '}');
}

/* ---- the whole ---- */

void weft__doc_operation(weft__doc *d, const weft__endpoint *e, weft_str path, weft_str id)
{
    const weft_route *r = e->route;
    weft_str name = weft_str_of(r->name ? r->name : "");
    weft__doc_open(d, '{');
    add_tags(d, e);
    weft__doc_say_of(
        d, WEFT_S("summary"), r->summary ? weft_str_of(r->summary) : weft__doc_title(d, name));
    describe(d, r->description);
    weft__doc_say_of(d, WEFT_S("operationId"), id);
    add_parameters(d, e, path);
    weft__doc_request_body(d, e, id);
    add_answers(d, e, id);
    weft__doc_security(d, e);
    if (r->callbacks && r->callbacks->name) {
        weft__doc_member(d, "callbacks");
        weft__doc_webhooks(d, r->callbacks);
    }
    if (r->deprecated) weft__doc_true(d, "deprecated");
    weft__doc_close(d, '}');
}
