/* An application compiled: its routes collected with their prefixes, checked against each other,
 * and put into the trie. */
#include <string.h>
#include "base/mem.h"
#include "model/schema_check.h"
#include "web/metrics.h"
#include "web/endpoint.h"
#include "web/openapi.h"
#include "web/provider.h"
#include "web/security.h"
#include "wire/bytes.h"

enum { APP_BYTES_MAX = 256 << 20, ROUTERS_DEEP_MAX = 16, PATH_BYTES_MAX = 2048, CHECK_NAME_MAX = 100 };

typedef struct compiling {
    weft__app *app;
    weft__buf *faults;
    weft_arena scratch;              /* of the patterns, which nobody needs afterwards */
    struct {
        weft__pattern **items;
        uint32_t count, room;
    } patterns; /* of the endpoints, one each */
    weft__schema_book book;
    weft__graph graph;               /* of providers */
} compiling;

/* What stands around routes: the application, and the routers that they lie in, joined. */
typedef struct around {
    weft__site *site;
    weft__host *host;                /* NULL: any */
    weft_str prefix;
    weft__names tags, scopes;
    weft__layers layers;
    weft__asked asked;               /* .depends of the routers */
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
        if (earlier->host != e->host || !answers(earlier, verb)
            || !weft__pattern_covers(c->patterns.items[i], pattern))
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

/* The parameters of the host stand behind those of the path, as more segments. */
static void with_host(compiling *c, const weft__endpoint *e, weft__pattern *pattern)
{
    if (!e->host) return;
    const weft__host_pattern *host = &e->host->pattern;
    for (unsigned i = 0; i < host->count; i++) {
        const weft__segment *label = &host->labels[i];
        if (label->kind != WEFT__PARAM) continue;
        if (pattern->params == WEFT__PARAMS_MAX || pattern->count == WEFT__SEGMENTS_MAX) {
            weft__buf_printf(c->faults, "route %.*s: with those of host %.*s, more than %d parameters or %d segments\n",
                WEFT_FMT(e->name), WEFT_FMT(host->text), WEFT__PARAMS_MAX, WEFT__SEGMENTS_MAX);
            return;
        }
        for (unsigned k = 0; k < pattern->count; k++)
            if (pattern->segments[k].kind != WEFT__LITERAL && weft_str_equal(pattern->segments[k].name, label->name))
                weft__buf_printf(c->faults, "route %.*s: {%.*s} is a parameter of its path and of its host, %.*s\n",
                    WEFT_FMT(e->name), WEFT_FMT(label->name), WEFT_FMT(host->text));
        pattern->segments[pattern->count++] = *label;
        pattern->params++;
    }
}

static void check_url_name(compiling *c, const weft__endpoint *e)
{
    const char *name = e->route->url_name;
    if (!name) return;
    if (!*name || strchr(name, ':'))
        weft__buf_printf(c->faults, "route %.*s: .url_name '%s' is empty or has a ':'\n", WEFT_FMT(e->name), name);
    for (uint32_t i = 0; i < c->app->endpoints.count; i++) {
        const weft__endpoint *other = &c->app->endpoints.items[i];
        if (other->site == e->site && other->route->url_name && strcmp(other->route->url_name, name) == 0)
            weft__buf_printf(c->faults, "route %.*s: .url_name '%s' is that of %.*s too\n", WEFT_FMT(e->name), name, WEFT_FMT(other->name));
    }
}

static int add_endpoint(
    compiling *c, const weft__endpoint *made, weft__pattern *pattern, weft__http_verb verb)
{
    check_reachable(c, made, pattern, verb);
    check_url_name(c, made);
    weft__endpoint *e = weft__list_slot(&c->app->arena, &c->app->endpoints, sizeof *e);
    if (!e) return slot_failed(c, &c->app->arena);
    weft__pattern **slot = weft__list_slot(&c->scratch, &c->patterns, sizeof *slot);
    if (!slot) return slot_failed(c, &c->scratch);
    *slot = pattern;
    *e = *made;
    weft__pattern all = *pattern;
    with_host(c, e, &all);
    int rc = weft__endpoint_make(e, &all, &c->graph);
    if (rc == 0) rc = c->graph.failed;
    if (rc < 0) return rc;
    e->keeps_head = e->head.request || (e->needs && e->needs->request) || e->route->folder || e->site->keeps_head || e->layers.looks_back;
    return weft__trie_add(made->host ? &made->host->trie : &c->app->trie, pattern, verb, (int)c->app->endpoints.count - 1);
}

static int check_types(compiling *c, const weft_route *route)
{
    int rc = route->in ? check_schema(c, route->in) : 0;
    if (rc == 0 && route->out) rc = check_schema(c, route->out);
    for (const weft_response_doc *a = route->responses; rc == 0 && a && a->status; a++) {
        if (a->model) rc = check_schema(c, a->model);
        if (rc == 0 && a->detail) rc = check_schema(c, a->detail);
    }
    for (const weft_webhook *h = route->callbacks; rc == 0 && h && h->name; h++)
        if (h->body) rc = check_schema(c, h->body);
    return rc;
}

/* Those around, and those of a list more. */
static int add_layers(compiling *c, weft__layers *layers, const weft_layer *list, const char *what, weft_str name)
{
    weft__layers_at at = { .what = what, .name = name, .of_app = what[0] == 'a' };
    int rc = weft__layers_make(layers, layers, list, &at, &c->app->arena, &c->app->mades, c->faults);
    return rc < 0 ? slot_failed(c, &c->app->arena) : 0;
}

/* The names around, and one more: a list of its own. */
static bool add_name(compiling *c, weft__names *names, const char *name)
{
    weft__names more = { 0 };
    for (uint32_t i = 0; name && *name && i <= names->count; i++) {
        const char **slot = weft__list_slot(&c->app->arena, &more, sizeof *slot);
        if (!slot) return false;
        *slot = i < names->count ? names->items[i] : name;
    }
    if (more.count) *names = more;
    return true;
}

static bool add_scopes(compiling *c, weft__names *names, const char *const *own)
{
    for (; own && *own; own++) {
        bool known = false;
        for (uint32_t i = 0; i < names->count; i++) known |= strcmp(names->items[i], *own) == 0;
        if (!known && !add_name(c, names, *own)) return false;
    }
    return true;
}

static int add_route(
    compiling *c, const around *in, const weft_route *route, const weft__page *page)
{
    weft_str prefix = in->prefix;
    const char *path = route->path ? route->path : "", *why = NULL;
    const char *method = route->method ? route->method : "";
    weft_arena *arena = &c->app->arena;
    weft__endpoint made = { .route = route, .page = page, .tags = in->tags, .scopes = in->scopes, .asked = in->asked, .site = in->site, .host = in->host,
        .layers = in->layers };
    weft__pattern *pattern = weft__arena_alloc(&c->scratch, sizeof *pattern);
    made.name = weft__arena_printf(arena, "%s %.*s%s", method, WEFT_FMT(prefix), path);
    if (!made.name.ptr || !add_scopes(c, &made.scopes, route->scopes)) return slot_failed(c, arena);
    if (!pattern) return slot_failed(c, &c->scratch);
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
    rc = add_layers(c, &made.layers, route->middleware, "route", made.name);
    if (rc == 0) rc = add_endpoint(c, &made, pattern, verb);
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

static bool prefix_fits(compiling *c, const char *what, weft_str outside, const char *prefix)
{
    size_t len = strlen(prefix);
    if (!len || (prefix[0] == '/' && prefix[len - 1] != '/')) return true;
    weft__buf_printf(c->faults,
        "%s %.*s%s: its prefix must begin with '/' and not end with '/'\n", what, WEFT_FMT(outside),
        prefix);
    return false;
}

/* The routes of a host, which several routers and mounts may name. */
static int host_of(compiling *c, const weft__host_pattern *pattern, weft__host **out)
{
    weft_arena *arena = &c->app->arena;
    for (uint32_t i = 0; i < c->app->hosts.count; i++) {
        *out = c->app->hosts.items[i];
        if (weft__same_nocase((*out)->pattern.text, pattern->text)) return 0;
    }
    weft__host **slot = weft__list_slot(arena, &c->app->hosts, sizeof *slot);
    weft__host *host = slot ? weft__arena_zalloc(arena, sizeof *host) : NULL;
    if (!host) {
        if (slot) c->app->hosts.count--;
        return slot_failed(c, arena);
    }
    *slot = *out = host;
    host->pattern = *pattern;
    return weft__trie_init(&host->trie, arena);
}

/* The host that a router or a mount says; a fault leaves the one around. */
static int enter_host(compiling *c, around *in, const char *what, const char *said)
{
    weft__host_pattern pattern;
    const char *why = NULL;
    if (!said) return 0;
    int rc = weft__host_read(weft_str_of(said), &pattern, &why);
    if (rc == 0 && in->host && !weft__same_nocase(in->host->pattern.text, pattern.text)) why = "it stands in one of another host";
    if (!why) return host_of(c, &pattern, &in->host);
    weft__buf_printf(c->faults, "%s %.*s: host '%s': %s\n", what, WEFT_FMT(in->prefix), said, why);
    return 0;
}

/* Those around, and the router's own: likewise. */
static bool add_asked(compiling *c, weft__asked *asked, const weft_provider *const *own)
{
    weft__asked more = { 0 };
    for (uint32_t i = 0; own && *own; i++) {
        const weft_provider **slot = weft__list_slot(&c->app->arena, &more, sizeof *slot);
        if (!slot) return false;
        *slot = i < asked->count ? asked->items[i] : *own++;
    }
    if (more.count) *asked = more;
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
        around in = { .site = outside->site, .host = outside->host, .tags = outside->tags, .scopes = outside->scopes, .asked = outside->asked,
            .layers = outside->layers, .deep = outside->deep + 1 };
        if (!prefix_fits(c, "router", outside->prefix, own)) continue;
        in.prefix = weft__arena_printf(&c->app->arena, "%.*s%s", WEFT_FMT(outside->prefix), own);
        if (!in.prefix.ptr || !add_name(c, &in.tags, r->tag) || !add_asked(c, &in.asked, r->depends) || !add_scopes(c, &in.scopes, r->scopes))
            return slot_failed(c, &c->app->arena);
        int rc = enter_host(c, &in, "router", r->host);
        if (rc == 0) rc = add_layers(c, &in.layers, r->middleware, "router", in.prefix);
        if (rc == 0) rc = add_routes(c, &in, r->routes);
        if (rc == 0) rc = add_routers(c, &in, r->routers);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- applications ---- */

/* They come before all routes, so that one that takes every path does not hide them. */
static int add_pages(compiling *c, const around *in)
{
    weft__pages *pages = &in->site->pages;
    int rc = weft__docs_plan(in->site->app, &c->app->arena, pages, c->faults);
    for (unsigned i = 0; rc == 0 && i < pages->count; i++)
        rc = add_route(c, in, &pages->items[i].route, &pages->items[i]);
    return rc;
}

static void check_failures(compiling *c, const weft_app *app)
{
    for (const weft_on_failure *f = app->on_failure; f && (f->of || f->handler); f++) {
        bool status = f->of >= 400 && f->of <= 599, code = f->of < 0 && f->of > WEFT_STATUS(0);
        if (!status && !code && f->of != WEFT_ANY_FAILURE)
            weft__buf_printf(c->faults, "application: .on_failure of %d; expected a status from 400 to 599, a code (WEFT_E...) or WEFT_ANY_FAILURE\n", f->of);
        if (!f->handler) weft__buf_printf(c->faults, "application: .on_failure of %d has no handler\n", f->of);
        for (const weft_on_failure *other = app->on_failure; other < f; other++)
            if (other->of == f->of) weft__buf_printf(c->faults, "application: .on_failure has %d twice\n", f->of);
        if (!f->handler) break;
    }
}

/* Their names are members of one object. */
static void check_ready(compiling *c, const weft_check *checks)
{
    size_t n = 0;
    for (; checks && checks[n].check; n++) {
        const char *name = checks[n].name;
        if (!name || !*name) weft__buf_printf(c->faults, "application: .ready has a check without a name\n");
        if (name && strlen(name) > CHECK_NAME_MAX) weft__buf_printf(c->faults, "application: .ready has a name of more than %d bytes\n", CHECK_NAME_MAX);
        for (size_t k = 0; name && k < n; k++)
            if (checks[k].name && strcmp(checks[k].name, name) == 0) weft__buf_printf(c->faults, "application: .ready has %s twice\n", name);
    }
    if (n > WEFT__CHECKS_MAX) weft__buf_printf(c->faults, "application: .ready has %zu checks; at most %d are asked\n", n, WEFT__CHECKS_MAX);
}

static int add_site(compiling *c, around *in, const weft_app *app, const char *name)
{
    weft_arena *arena = &c->app->arena;
    weft__site **slot = weft__list_slot(arena, &c->app->sites, sizeof *slot);
    weft__site *site = slot ? weft__arena_zalloc(arena, sizeof *site) : NULL;
    if (!site) {
        if (slot) c->app->sites.count--;
        return slot_failed(c, arena);
    }
    *slot = site;
    *site = (weft__site){ .app = app, .outside = in->site, .compiled = c->app, .name = weft_str_of(name), .prefix = in->prefix,
        .host = in->host, .keeps_head = app->on_failure || app->debug };
    in->site = site;
    int layered = add_layers(c, &in->layers, app->middleware, "application", in->prefix);
    if (layered < 0) return layered;
    site->layers = in->layers;
    c->app->layered |= site->layers.count > 0;
    check_failures(c, app);
    check_ready(c, app->ready);
    for (weft_metric *const *m = app->metrics; m && *m; m++) weft__metric_check(app->metrics, m, c->faults);
    weft__graph_starts(&c->graph, app->starts);
    if (c->graph.failed) return c->graph.failed;
    for (const weft_template *const *t = app->templates; t && *t; t++) {
        int rc = (*t)->model ? check_schema(c, (*t)->model) : 0;
        if (rc < 0) return rc;
    }
    return weft__templates_make(app->templates, arena, &site->templates, c->faults);
}

static int add_mounts(compiling *c, const around *outside, const weft_mount *mounts);

static int add_app(compiling *c, around *in, const weft_app *app, const char *name)
{
    int rc = add_site(c, in, app, name);
    if (rc == 0) rc = add_pages(c, in);
    if (rc == 0) rc = add_mounts(c, in, app->mounts);
    if (rc == 0) rc = add_routes(c, in, app->routes);
    return rc == 0 ? add_routers(c, in, app->routers) : rc;
}

static bool same_place(const weft_mount *a, const weft_mount *b)
{
    weft_str path_a = weft_str_of(a->path ? a->path : ""), host_a = weft_str_of(a->host ? a->host : "");
    weft_str path_b = weft_str_of(b->path ? b->path : ""), host_b = weft_str_of(b->host ? b->host : "");
    return weft_str_equal(path_a, path_b) && weft__same_nocase(host_a, host_b);
}

static const char *mount_fault(const around *outside, const weft_mount *m)
{
    const char *path = m->path ? m->path : "";
    if (!m->app) return "it has no application";
    if (outside->deep == ROUTERS_DEEP_MAX) return "more than 16 in each other";
    if (strchr(path, '{')) return "its path has no parameters; a router's prefix may have some";
    if (!*path && !m->host) return "it needs a path or a host of its own";
    if (m->name && (!*m->name || strchr(m->name, ':'))) return "its name is empty or has a ':'";
    for (const weft__site *s = outside->site; s; s = s->outside)
        if (s->app == m->app) return "its application stands in itself";
    for (const weft_mount *other = outside->site->app->mounts; other < m; other++) {
        if (m->name && other->name && strcmp(m->name, other->name) == 0) return "another one has its name";
        if (same_place(m, other)) return "another one stands there";
    }
    return NULL;
}

static int add_mounts(compiling *c, const around *outside, const weft_mount *mounts)
{
    for (const weft_mount *m = mounts; m && (m->path || m->app || m->host); m++) {
        const char *path = m->path ? m->path : "", *why = mount_fault(outside, m);
        around in = { .site = outside->site, .host = outside->host, .layers = outside->layers, .deep = outside->deep + 1 };
        if (why) weft__buf_printf(c->faults, "mount %.*s%s: %s\n", WEFT_FMT(outside->prefix), path, why);
        if (why || !prefix_fits(c, "mount", outside->prefix, path)) continue;
        in.prefix = weft__arena_printf(&c->app->arena, "%.*s%s", WEFT_FMT(outside->prefix), path);
        if (!in.prefix.ptr) return slot_failed(c, &c->app->arena);
        int rc = enter_host(c, &in, "mount", m->host);
        if (rc == 0) rc = add_app(c, &in, m->app, m->name);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- documentation ---- */

static int check_documentation(compiling *c)
{
    const weft__endpoints *all = &c->app->endpoints;
    int rc = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        weft__openapi_check_route(&all->items[i], all, c->faults);
        weft__security_check(&all->items[i], all, c->graph.overrides != NULL, c->faults);
    }
    for (uint32_t i = 0; i < c->app->sites.count; i++) {
        const weft_app *app = c->app->sites.items[i]->app;
        weft__openapi_check_app(app, c->faults);
        for (const weft_webhook *h = app->webhooks; rc == 0 && h && h->name; h++)
            if (h->body) rc = check_schema(c, h->body);
    }
    return rc;
}

static int write_document(compiling *c, weft__site *site)
{
    if (!site->pages.count) return 0;
    weft__buf_init(&site->document, WEFT__DOCUMENT_BYTES_MAX);
    int rc = weft__openapi_write(site, &c->app->endpoints, &site->document);
    if (rc == WEFT_ELIMIT)
        weft__buf_printf(c->faults, "an OpenAPI document of more than %d MiB\n", WEFT__DOCUMENT_BYTES_MAX >> 20);
    if (rc == 0) rc = weft__security_connect(site, &c->app->endpoints, &c->app->arena);
    if (rc < 0) return rc == WEFT_ELIMIT ? WEFT_EINVAL : rc;
    return weft__docs_document(&site->pages, &c->app->arena, weft__buf_str(&site->document));
}

/* ---- the whole ---- */

static bool tells_metrics(const weft__app *app)
{
    for (uint32_t i = 0; i < app->endpoints.count; i++)
        if (app->endpoints.items[i].route->handler == (weft__fn *)weft__metrics_answer) return true;
    return false;
}

static int compile(compiling *c, const weft_app *app)
{
    around outside = { .prefix = WEFT_S("") };
    c->app->traces = app->trace;
    int rc = weft__trie_init(&c->app->trie, &c->app->arena);
    if (rc == 0) rc = add_app(c, &outside, app, "");
    if (rc == 0) rc = check_documentation(c);
    if (rc == 0 && c->faults->len) rc = WEFT_EINVAL;
    for (uint32_t i = 0; rc == 0 && i < c->app->sites.count; i++)
        rc = write_document(c, c->app->sites.items[i]);
    for (uint32_t i = 0; rc == 0 && i < c->app->endpoints.count; i++)
        weft__endpoint_announce(&c->app->endpoints.items[i]);
    for (uint32_t i = 0; rc == 0 && i < c->app->sites.count; i++)
        for (weft_metric *const *m = c->app->sites.items[i]->app->metrics; m && *m; m++) weft__metric_begin(*m);
    if (rc == 0 && tells_metrics(c->app) && !(c->app->metrics = weft__metrics_new(c->app))) rc = WEFT_ENOMEM;
    return rc == 0 ? c->faults->failed : rc;
}

static int check_input(void *c, const weft_schema *in) { return check_schema(c, in); }

int weft__app_compile_with(const weft_app *app, const weft__overrides *overrides, weft__app **out, weft__buf *faults)
{
    compiling c = { .faults = faults, .app = weft__calloc(sizeof *c.app) };
    if (!c.app) return WEFT_ENOMEM;
    c.graph = (weft__graph){ .arena = &c.app->arena, .faults = faults, .overrides = overrides, .lives = &c.app->lives, .check = check_input,
        .check_ctx = &c };
    weft__arena_init(&c.app->arena, NULL, APP_BYTES_MAX);
    weft__arena_init(&c.scratch, NULL, APP_BYTES_MAX);
    int rc = compile(&c, app);
    weft__arena_free(&c.scratch);
    weft__schema_book_free(&c.book);
    if (rc == 0) *out = c.app;
    else weft__app_free(c.app);
    return rc;
}

int weft__app_compile(const weft_app *app, weft__app **out, weft__buf *faults)
{
    return weft__app_compile_with(app, NULL, out, faults);
}

void weft__app_free(weft__app *app)
{
    if (!app) return;
    for (uint32_t i = 0; i < app->sites.count; i++) weft__buf_free(&app->sites.items[i]->document);
    weft__metrics_free(app->metrics);
    weft__mades_drop(&app->mades);
    weft__arena_free(&app->arena);
    weft__free(app);
}

bool weft__app_debugs(const weft__app *app)
{
    for (uint32_t i = 0; i < app->sites.count; i++)
        if (app->sites.items[i]->app->debug) return true;
    return false;
}

const char *weft__app_folder_next(const weft__app *app, uint32_t *next)
{
    while (*next < app->endpoints.count) {
        const char *folder = app->endpoints.items[(*next)++].route->folder;
        if (folder) return folder;
    }
    return NULL;
}

/* ---- which application a path is of ---- */

/* Compared as routes are: decoded, and %2F is never a slash. What is no encoding is no path of ours. */
static bool begins_path(weft_str path, weft_str prefix)
{
    const char *at = path.ptr, *end = at + path.len;
    for (size_t i = 0; i < prefix.len; i++) {
        if (at == end) return false;
        char c = *at++;
        if (c == '%') {
            if (end - at < 2 || !weft__byte_is(at[0], WEFT__HEXDIGIT) || !weft__byte_is(at[1], WEFT__HEXDIGIT)) return false;
            c = (char)(weft__hex_value(at[0]) << 4 | weft__hex_value(at[1]));
            at += 2;
            if (c == '/') return false;
        }
        if (c != prefix.ptr[i]) return false;
    }
    return at == end || *at == '/';
}

static bool is_below(const weft__site *s, weft_str host, weft_str path)
{
    weft_str params[WEFT__PARAMS_MAX];
    if (s->host && !weft__host_matches(&s->host->pattern, host, params)) return false;
    return begins_path(path, s->prefix);
}

const weft__site *weft__site_of(const weft__sites *sites, weft_str host, weft_str path)
{
    const weft__site *best = sites->items[0];
    for (uint32_t i = 1; i < sites->count; i++) {
        const weft__site *s = sites->items[i];
        if (!is_below(s, host, path)) continue;
        bool nearer = s->prefix.len > best->prefix.len || (s->prefix.len == best->prefix.len && s->host && !best->host);
        if (nearer) best = s;
    }
    return best;
}

size_t weft__app_shared_bytes(const weft__app *app, unsigned slots) { return weft__mades_shared_bytes(&app->mades, slots); }
void weft__app_share(const weft__app *app, const struct weft__fleet *fleet) { weft__mades_share(&app->mades, fleet); }

uint64_t weft__app_layout(const weft__app *app)
{
    uint64_t h = weft__layout_number(1, app->metrics != NULL);
    for (uint32_t i = 0; i < app->endpoints.count; i++) h = weft__layout_text(h, app->endpoints.items[i].name);
    return weft__mades_layout(&app->mades, h);
}
