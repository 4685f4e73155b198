/* An application compiled: its routes collected with their prefixes, checked against each other,
 * and put into the trie. */
#include <string.h>
#include "base/mem.h"
#include "model/schema_check.h"
#include "web/endpoint.h"
#include "web/openapi.h"

enum { APP_BYTES_MAX = 256 << 20, ROUTERS_DEEP_MAX = 16, PATH_BYTES_MAX = 2048 };

typedef struct compiling {
    weft__app *app;
    weft__buf *faults;
    weft_arena scratch;              /* of the patterns, which nobody needs afterwards */
    struct {
        weft__pattern **items;
        uint32_t count, room;
    } patterns; /* of the endpoints, one each */
    weft__schema_book book;
} compiling;

/* What stands around routes: those of routers that they lie in, joined. */
typedef struct around {
    weft_str prefix;
    weft__names tags;
    unsigned deep;
} around;

static int slot_failed(compiling *c, const weft_arena *arena)
{
    if (arena->exceeded)
        weft__buf_printf(c->faults, "more routes than fit into %d MiB\n", APP_BYTES_MAX >> 20);
    return arena->exceeded ? WEFT_EINVAL : WEFT_ENOMEM;
}

/* ---- routes against each other ---- */

static bool answers(const weft__endpoint *e, weft__http_verb verb)
{
    weft__http_verb own = weft__verb_of(e->route->method);
    return own == verb || (own == WEFT__GET && verb == WEFT__HEAD);
}

static void check_reachable(
    compiling *c, const weft__endpoint *e, const weft__pattern *pattern, weft__http_verb verb)
{
    for (uint32_t i = 0; i < c->patterns.count; i++) {
        const weft__endpoint *earlier = &c->app->endpoints.items[i];
        if (!answers(earlier, verb) || !weft__pattern_covers(c->patterns.items[i], pattern))
            continue;
        if (earlier->page)
            weft__buf_printf(c->faults,
                "route %.*s (%s): weft serves %s there; give that another path (.openapi_path, "
                ".docs_path, .redoc_path of the application) or \"\" for none\n",
                WEFT_FMT(e->name), e->route->name, earlier->route->name);
        else if (weft__pattern_covers(pattern, c->patterns.items[i]))
            weft__buf_printf(c->faults,
                "route %.*s (%s): the same as %.*s (%s), which is declared before it\n",
                WEFT_FMT(e->name), e->route->name, WEFT_FMT(earlier->name), earlier->route->name);
        else
            weft__buf_printf(c->faults,
                "route %.*s (%s): can never be reached, since %.*s (%s) is declared before it and "
                "matches all its paths; declare this one first\n",
                WEFT_FMT(e->name), e->route->name, WEFT_FMT(earlier->name), earlier->route->name);
        return;
    }
}

/* ---- models ---- */

static void report(void *ctx, const char *fault) { weft__buf_printf(ctx, "%s\n", fault); }

static int check_schema(compiling *c, const weft_schema *schema)
{
    int rc = weft__schema_check(&c->book, schema, report, c->faults);
    if (rc == WEFT_ELIMIT) weft__buf_printf(c->faults, "more than %d types\n", WEFT__SCHEMAS_MAX);
    return rc < 0 ? rc : 0;
}

/* ---- collecting ---- */

static int add_endpoint(
    compiling *c, const weft__endpoint *made, weft__pattern *pattern, weft__http_verb verb)
{
    check_reachable(c, made, pattern, verb);
    weft__endpoint *e = weft__list_slot(&c->app->arena, &c->app->endpoints, sizeof *e);
    if (!e) return slot_failed(c, &c->app->arena);
    weft__pattern **slot = weft__list_slot(&c->scratch, &c->patterns, sizeof *slot);
    if (!slot) return slot_failed(c, &c->scratch);
    *slot = pattern;
    *e = *made;
    int rc = weft__endpoint_make(e, pattern, &c->app->arena, c->faults);
    if (rc < 0) return rc;
    return weft__trie_add(&c->app->trie, pattern, verb, (int)c->app->endpoints.count - 1);
}

static int check_types(compiling *c, const weft_route *route)
{
    int rc = route->in ? check_schema(c, route->in) : 0;
    if (rc == 0 && route->out) rc = check_schema(c, route->out);
    for (const weft_response_doc *a = route->responses; rc == 0 && a && a->status; a++)
        if (a->model) rc = check_schema(c, a->model);
    for (const weft_webhook *h = route->callbacks; rc == 0 && h && h->name; h++)
        if (h->body) rc = check_schema(c, h->body);
    return rc;
}

static int add_route(
    compiling *c, const around *in, const weft_route *route, const weft__page *page)
{
    weft_str prefix = in->prefix;
    const char *path = route->path ? route->path : "", *why = NULL;
    const char *method = route->method ? route->method : "";
    weft_arena *arena = &c->app->arena;
    weft__endpoint made = { .route = route, .page = page, .tags = in->tags };
    weft__pattern *pattern = weft__arena_alloc(&c->scratch, sizeof *pattern);
    made.name = weft__arena_printf(arena, "%s %.*s%s", method, WEFT_FMT(prefix), path);
    if (!pattern || !made.name.ptr) return slot_failed(c, made.name.ptr ? &c->scratch : arena);
    made.path = (weft_str){ made.name.ptr + strlen(method) + 1, prefix.len + strlen(path) };
    weft__http_verb verb = weft__verb_of(method);
    int rc = WEFT_EINVAL;
    if (made.path.len <= PATH_BYTES_MAX) rc = weft__pattern_parse(made.path, pattern, &why);
    if (verb == WEFT__OTHER_METHOD)
        weft__buf_printf(c->faults,
            "route %.*s: method '%s'; expected GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS\n",
            WEFT_FMT(made.name), method);
    if (rc < 0)
        weft__buf_printf(c->faults, "route %.*s: path: %s\n", WEFT_FMT(made.name),
            why ? why : "more than 2048 bytes");
    if (rc < 0 || verb == WEFT__OTHER_METHOD) return 0;
    rc = add_endpoint(c, &made, pattern, verb);
    return rc == 0 ? check_types(c, route) : rc;
}

static int add_routes(compiling *c, const around *in, const weft_route *routes)
{
    for (const weft_route *r = routes; r && (r->method || r->path || r->handler); r++) {
        int rc = add_route(c, in, r, NULL);
        if (rc < 0) return rc;
    }
    return 0;
}

static bool prefix_fits(compiling *c, weft_str outside, const char *prefix)
{
    size_t len = strlen(prefix);
    if (!len || (prefix[0] == '/' && prefix[len - 1] != '/')) return true;
    weft__buf_printf(c->faults,
        "router %.*s%s: its prefix must begin with '/' and not end with '/'\n", WEFT_FMT(outside),
        prefix);
    return false;
}

/* The tags around, and those of one router more: a list of its own. */
static bool add_tag(compiling *c, weft__names *tags, const char *tag)
{
    weft__names more = { 0 };
    for (uint32_t i = 0; tag && *tag && i <= tags->count; i++) {
        const char **slot = weft__list_slot(&c->app->arena, &more, sizeof *slot);
        if (!slot) return false;
        *slot = i < tags->count ? tags->items[i] : tag;
    }
    if (more.count) *tags = more;
    return true;
}

static int add_routers(compiling *c, const around *outside, const weft_router *const *routers)
{
    if (routers && *routers && outside->deep == ROUTERS_DEEP_MAX) {
        weft__buf_printf(c->faults, "router %.*s: more than %d routers in each other\n",
            WEFT_FMT(outside->prefix), ROUTERS_DEEP_MAX);
        return 0;
    }
    for (; routers && *routers; routers++) {
        const weft_router *r = *routers;
        const char *own = r->prefix ? r->prefix : "";
        around in = { .tags = outside->tags, .deep = outside->deep + 1 };
        if (!prefix_fits(c, outside->prefix, own)) continue;
        in.prefix = weft__arena_printf(&c->app->arena, "%.*s%s", WEFT_FMT(outside->prefix), own);
        if (!in.prefix.ptr || !add_tag(c, &in.tags, r->tag)) return slot_failed(c, &c->app->arena);
        int rc = add_routes(c, &in, r->routes);
        if (rc == 0) rc = add_routers(c, &in, r->routers);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- documentation ---- */

/* They come before all routes, so that one that takes every path does not hide them. */
static int add_pages(compiling *c, const weft_app *app, const around *outside)
{
    int rc = weft__docs_plan(app, &c->app->arena, &c->app->pages, c->faults);
    for (unsigned i = 0; rc == 0 && i < c->app->pages.count; i++)
        rc = add_route(c, outside, &c->app->pages.items[i].route, &c->app->pages.items[i]);
    return rc;
}

static int check_documentation(compiling *c, const weft_app *app)
{
    const weft__endpoints *all = &c->app->endpoints;
    int rc = 0;
    for (uint32_t i = 0; i < all->count; i++)
        weft__openapi_check_route(&all->items[i], all, c->faults);
    weft__openapi_check_app(app, c->faults);
    for (const weft_webhook *h = app->webhooks; rc == 0 && h && h->name; h++)
        if (h->body) rc = check_schema(c, h->body);
    return rc;
}

static int write_document(compiling *c, const weft_app *app)
{
    if (!c->app->pages.count) return 0;
    weft__buf_init(&c->app->document, WEFT__DOCUMENT_BYTES_MAX);
    int rc = weft__openapi_write(app, &c->app->endpoints, &c->app->document);
    if (rc == WEFT_ELIMIT)
        weft__buf_printf(c->faults, "an OpenAPI document of more than %d MiB\n", WEFT__DOCUMENT_BYTES_MAX >> 20);
    if (rc < 0) return rc == WEFT_ELIMIT ? WEFT_EINVAL : rc;
    return weft__docs_document(&c->app->pages, &c->app->arena, weft__buf_str(&c->app->document));
}

/* ---- the whole ---- */

static int compile(compiling *c, const weft_app *app)
{
    around outside = { .prefix = WEFT_S("") };
    int rc = weft__trie_init(&c->app->trie, &c->app->arena);
    if (rc == 0) rc = add_pages(c, app, &outside);
    if (rc == 0) rc = add_routes(c, &outside, app->routes);
    if (rc == 0) rc = add_routers(c, &outside, app->routers);
    if (rc == 0) rc = check_documentation(c, app);
    if (rc == 0 && c->faults->len) rc = WEFT_EINVAL;
    if (rc == 0) rc = write_document(c, app);
    for (uint32_t i = 0; rc == 0 && i < c->app->endpoints.count; i++)
        weft__endpoint_announce(&c->app->endpoints.items[i]);
    return rc == 0 ? c->faults->failed : rc;
}

int weft__app_compile(const weft_app *app, weft__app **out, weft__buf *faults)
{
    compiling c = { .faults = faults, .app = weft__calloc(sizeof *c.app) };
    if (!c.app) return WEFT_ENOMEM;
    weft__arena_init(&c.app->arena, NULL, APP_BYTES_MAX);
    weft__arena_init(&c.scratch, NULL, APP_BYTES_MAX);
    int rc = compile(&c, app);
    weft__arena_free(&c.scratch);
    weft__schema_book_free(&c.book);
    if (rc == 0) *out = c.app;
    else weft__app_free(c.app);
    return rc;
}

void weft__app_free(weft__app *app)
{
    if (!app) return;
    weft__buf_free(&app->document);
    weft__arena_free(&app->arena);
    weft__free(app);
}
