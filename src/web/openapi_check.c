/* What is wrong with what a program says for its documentation, told when it starts. */
#include <string.h>
#include "web/openapi.h"
#include "wire/http1.h"
#include "wire/json.h"

#define ROUTE_FAULT(e, faults, fmt, ...) \
    weft__buf_printf((faults), "route %.*s: " fmt "\n", WEFT_FMT((e)->name) __VA_OPT__(,) __VA_ARGS__)

static bool is_json(const char *type)
{
    size_t len = type ? strlen(type) : 0;
    return !type || strcmp(type, "application/json") == 0 ||
           (len > 5 && strcmp(type + len - 5, "+json") == 0);
}

static void check_response(
    const weft__endpoint *e, const weft_response_doc *a, weft__buf *faults)
{
    if (a->status < 100 || a->status > 599)
        ROUTE_FAULT(e, faults, ".responses has the status %d; expected 100 to 599", a->status);
    for (const weft_response_doc *b = e->route->responses; b < a; b++)
        if (b->status == a->status)
            ROUTE_FAULT(e, faults, ".responses has the status %d twice", a->status);
    if (a->content_type && !strchr(a->content_type, '/'))
        ROUTE_FAULT(e, faults, ".responses, %d: content type '%s'; expected one like text/html",
            a->status, a->content_type);
    if (a->detail && a->model)
        ROUTE_FAULT(e, faults, ".responses, %d: both .model and .detail; the one is the whole body, the other what "
            "weft_fail_json is given", a->status);
    if (a->detail && a->status < 400)
        ROUTE_FAULT(e, faults, ".responses, %d: .detail is of failures, from 400 on", a->status);
    if (a->example && is_json(a->content_type) && !weft__json_valid(weft_str_of(a->example)))
        ROUTE_FAULT(e, faults, ".responses, %d: its example is no JSON: %.160s", a->status, a->example);
}

static void webhook_fault(
    const weft__endpoint *e, const weft_webhook *h, weft__buf *faults, const char *why)
{
    if (e) weft__buf_printf(faults, "route %.*s: callback", WEFT_FMT(e->name));
    else weft__buf_printf(faults, "application: webhook");
    weft__buf_printf(faults, " '%s': %s\n", h->name, why);
}

/* A callback of a route, or, without one, a webhook of the application. */
static void check_webhook(const weft__endpoint *e, const weft_webhook *h, weft__buf *faults)
{
    if (!h->body)
        webhook_fault(e, h, faults, "it has no body; write it with WEFT_WEBHOOK or WEFT_CALLBACK");
    if (e && !h->url) webhook_fault(e, h, faults, "it has no URL; write it with WEFT_CALLBACK");
    if (!e && h->url)
        webhook_fault(e, h, faults, "a URL belongs to a callback of a route, not to a webhook");
    if (h->method && weft__verb_of(h->method) == WEFT__OTHER_METHOD)
        webhook_fault(e, h, faults, "its method is none; expected POST, PUT or another of HTTP's");
}

static void check_operation_id(
    const weft__endpoint *e, const weft__endpoints *before, weft__buf *faults)
{
    const char *id = e->route->operation_id;
    if (!id) return;
    if (!*id) ROUTE_FAULT(e, faults, ".operation_id is empty");
    for (uint32_t i = 0; i < before->count && &before->items[i] != e; i++) {
        const weft__endpoint *other = &before->items[i];
        if (other->site == e->site && other->route->operation_id && strcmp(other->route->operation_id, id) == 0)
            ROUTE_FAULT(e, faults, ".operation_id '%s' is that of %.*s too", id, WEFT_FMT(other->name));
    }
}

void weft__openapi_check_route(
    const weft__endpoint *e, const weft__endpoints *before, weft__buf *faults)
{
    const weft_route *r = e->route;
    for (const weft_response_doc *a = r->responses; a && a->status; a++) check_response(e, a, faults);
    for (const weft_webhook *h = r->callbacks; h && h->name; h++) check_webhook(e, h, faults);
    check_operation_id(e, before, faults);
    for (const char *const *tag = r->tags; tag && *tag; tag++)
        if (!**tag) ROUTE_FAULT(e, faults, "one of its .tags is empty");
}

void weft__openapi_check_app(const weft_app *app, weft__buf *faults)
{
    for (const weft_webhook *h = app->webhooks; h && h->name; h++)
        check_webhook(NULL, h, faults);
    for (const weft_server_doc *s = app->servers; s && s->url; s++)
        if (!*s->url) weft__buf_printf(faults, "application: one of its .servers has an empty URL\n");
}
