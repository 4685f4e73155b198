/* The whole document: what the application says of itself, its paths, its components. */
#include <string.h>
#include "web/openapi.h"

/* An operation of a path; those of one path hang together. */
typedef struct operation {
    const weft__endpoint *endpoint;
    weft_str id;
    uint32_t id_sum, next;           /* next: of the same path; 0: none, since the first is nobody's next */
} operation;

/* Routes whose paths differ in nothing but the names of their parameters are one path here, as OpenAPI
 * asks: under the names of the first. */
typedef struct path_item {
    weft_str shape, text;            /* "/items/{}", "/items/{item_id}" */
    uint32_t shape_sum, first, last;
    unsigned verbs;
} path_item;

typedef struct listing {
    weft__doc *doc;
    struct { operation *items; uint32_t count, room; } operations;
    struct { path_item *items; uint32_t count, room; } paths;
} listing;

static uint32_t sum_of(weft_str text)
{
    uint32_t sum = 2166136261u;      /* FNV-1a */
    for (size_t i = 0; i < text.len; i++) sum = (sum ^ (unsigned char)text.ptr[i]) * 16777619u;
    return sum;
}

/* ---- paths ---- */

/* A path as a template: {rest:path} is {rest}; without names, {}. */
static weft_str template_of(weft__doc *d, weft_str path, bool named)
{
    weft_str copy = weft__arena_dup(&d->arena, path);
    char *to = (char *)copy.ptr;
    bool inside = false, kept = true;
    if (!to) {
        d->out.failed = WEFT_ENOMEM;
        return (weft_str){ "", 0 };
    }
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '{') inside = kept = true;
        if (c == '}') inside = false;
        if (inside && c == ':') kept = false;
        if (!inside || c == '{' || (kept && named)) *to++ = c;
    }
    *to = 0;
    return (weft_str){ copy.ptr, (size_t)(to - copy.ptr) };
}

/* Behind the prefix of the application. */
static weft_str path_of(const weft__endpoint *e)
{
    size_t before = e->site->prefix.len;
    return (weft_str){ e->path.ptr + before, e->path.len - before };
}

static path_item *item_of(listing *l, const weft__endpoint *e)
{
    weft_str shape = template_of(l->doc, path_of(e), false);
    uint32_t sum = sum_of(shape);
    for (uint32_t i = 0; i < l->paths.count; i++) {
        path_item *p = &l->paths.items[i];
        if (p->shape_sum == sum && weft_str_equal(p->shape, shape)) return p;
    }
    path_item *slot = weft__list_slot(&l->doc->arena, &l->paths, sizeof *slot);
    if (!slot) return NULL;
    *slot = (path_item){ .shape = shape, .shape_sum = sum, .text = template_of(l->doc, path_of(e), true) };
    return slot;
}

/* ---- operation ids ---- */

/* read_item_items__item_id__get: the handler's name, the path and the method, as FastAPI joins them. */
static weft_str id_of(weft__doc *d, const weft__endpoint *e)
{
    weft_str path = template_of(d, e->path, true);
    const char *name = e->route->name ? e->route->name : "";
    weft_str id = weft__arena_printf(&d->arena, "%s%.*s_%s", name, WEFT_FMT(path), e->route->method);
    char *text = (char *)id.ptr;
    size_t method = strlen(e->route->method);
    for (size_t i = 0; text && i < id.len; i++) {
        char c = text[i], low = (char)(c | 0x20);
        if (i >= id.len - method) text[i] = low;
        else if (!(c >= '0' && c <= '9') && !(low >= 'a' && low <= 'z')) text[i] = '_';
    }
    return id;
}

static bool id_taken(const listing *l, weft_str id)
{
    uint32_t sum = sum_of(id);
    for (uint32_t i = 0; i < l->operations.count; i++) {
        const operation *o = &l->operations.items[i];
        if (o->id.ptr && o->id_sum == sum && weft_str_equal(o->id, id)) return true;
    }
    return false;
}

static void give_id(listing *l, operation *o)
{
    weft_str id = id_of(l->doc, o->endpoint), plain = id;
    for (unsigned n = 2; id.ptr && id_taken(l, id); n++)
        id = weft__arena_printf(&l->doc->arena, "%.*s_%u", WEFT_FMT(plain), n);
    if (!id.ptr) l->doc->out.failed = WEFT_ENOMEM;
    o->id = id;
    o->id_sum = sum_of(id);
}

/* Those that somebody chose come first: the others keep out of their way. */
static void give_ids(listing *l)
{
    for (uint32_t i = 0; i < l->operations.count; i++) {
        operation *o = &l->operations.items[i];
        if (!o->endpoint->route->operation_id) continue;
        o->id = weft_str_of(o->endpoint->route->operation_id);
        o->id_sum = sum_of(o->id);
    }
    for (uint32_t i = 0; i < l->operations.count; i++)
        if (!l->operations.items[i].id.ptr) give_id(l, &l->operations.items[i]);
}

/* ---- listing ---- */

/* Of two that are the same here ("/{name}" and "/{name:path}") the first is told of. */
static bool list_operation(listing *l, const weft__endpoint *e)
{
    path_item *p = item_of(l, e);
    unsigned verb = 1u << weft__verb_of(e->route->method);
    if (p && p->verbs & verb) return true;
    uint32_t index = l->operations.count;
    operation *slot = p ? weft__list_slot(&l->doc->arena, &l->operations, sizeof *slot) : NULL;
    if (!slot) return false;
    slot->endpoint = e;
    if (p->verbs) l->operations.items[p->last].next = index;
    else p->first = index;
    p->last = index;
    p->verbs |= verb;
    return true;
}

static bool list_all(listing *l, const weft__site *site, const weft__endpoints *endpoints)
{
    for (uint32_t i = 0; i < endpoints->count; i++) {
        const weft__endpoint *e = &endpoints->items[i];
        if (e->site == site && !e->page && !e->route->undocumented && e->answer != WEFT__ANSWER_WS && !list_operation(l, e)) return false;
    }
    give_ids(l);
    return true;
}

static void add_path(listing *l, const path_item *p)
{
    weft__doc *d = l->doc;
    weft__doc_key(d, p->text);
    weft__doc_open(d, '{');
    for (uint32_t i = p->first;; i = l->operations.items[i].next) {
        const operation *o = &l->operations.items[i];
        char method[16] = { 0 };
        for (unsigned k = 0; o->endpoint->route->method[k] && k < sizeof method - 1; k++)
            method[k] = (char)(o->endpoint->route->method[k] | 0x20);
        weft__doc_key(d, weft_str_of(method));
        weft__doc_operation(d, o->endpoint, p->text, o->id);
        if (i == p->last) break;
    }
    weft__doc_close(d, '}');
}

/* ---- the application ---- */

static void add_info(weft__doc *d, const weft_app *app)
{
    weft__doc_object(d, "info");
    weft__doc_say(d, "title", app->title && *app->title ? app->title : "weft");
    weft__doc_say(d, "description", app->description);
    weft__doc_say(d, "version", app->version && *app->version ? app->version : "0.1.0");
    weft__doc_close(d, '}');
}

/* A mounted application is served below its prefix, wherever that is. */
static void add_servers(weft__doc *d, weft_str prefix, const weft_server_doc *s)
{
    if (!prefix.len && (!s || !s->url)) return;
    weft__doc_array(d, "servers");
    if (prefix.len) {
        weft__doc_open(d, '{');
        weft__doc_say_of(d, WEFT_S("url"), prefix);
        weft__doc_close(d, '}');
    }
    for (; s && s->url; s++) {
        weft__doc_open(d, '{');
        weft__doc_say(d, "url", s->url);
        weft__doc_say(d, "description", s->doc);
        weft__doc_close(d, '}');
    }
    weft__doc_close(d, ']');
}

static void add_tags(weft__doc *d, const weft_tag_doc *t)
{
    if (!t || !t->name) return;
    weft__doc_array(d, "tags");
    for (; t->name; t++) {
        weft__doc_open(d, '{');
        weft__doc_say(d, "name", t->name);
        weft__doc_say(d, "description", t->doc);
        weft__doc_close(d, '}');
    }
    weft__doc_close(d, ']');
}

static void add_document(listing *l, const weft__site *site)
{
    const weft_app *app = site->app;
    weft__doc *d = l->doc;
    weft__doc_open(d, '{');
    weft__doc_say(d, "openapi", "3.1.0");
    add_info(d, app);
    add_servers(d, site->prefix, app->servers);
    weft__doc_object(d, "paths");
    for (uint32_t i = 0; i < l->paths.count; i++) add_path(l, &l->paths.items[i]);
    weft__doc_close(d, '}');
    if (app->webhooks && app->webhooks->name) {
        weft__doc_member(d, "webhooks");
        weft__doc_webhooks(d, app->webhooks);
    }
    weft__doc_components(d);
    add_tags(d, app->tag_docs);
    weft__doc_close(d, '}');
}

int weft__openapi_write(const weft__site *site, const weft__endpoints *endpoints, weft__buf *out)
{
    weft__doc d = { .out = *out, .problems = site->app->problems };
    weft__arena_init(&d.arena, NULL, WEFT__DOCUMENT_BYTES_MAX);
    listing l = { .doc = &d };
    size_t from = d.out.len;
    if (list_all(&l, site, endpoints)) add_document(&l, site);
    else d.out.failed = WEFT_ENOMEM;
    if (!d.out.failed && weft__doc_names_clash(&d)) {
        d.out.len = from;
        d.comma = false;
        d.bodies.count = 0;
        d.other_names = true;
        add_document(&l, site);
    }
    int rc = d.arena.exceeded ? WEFT_ELIMIT : d.arena.starved ? WEFT_ENOMEM : d.out.failed;
    weft__arena_free(&d.arena);
    *out = d.out;
    return rc;
}
