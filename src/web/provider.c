/* Providers as an application has them: which depends on which, and what is wrong with that. */
#include "web/provider.h"
#include <string.h>
#include "web/endpoint_make.h"

typedef weft__provided provided;
typedef weft__graph graph;

#define FAULT(g, p, fmt, ...) \
    weft__buf_printf((g)->faults, "provider %s: " fmt "\n", (p)->name ? (p)->name : "?" __VA_OPT__(,) __VA_ARGS__)

static bool per_worker(const weft_provider *p) { return p->per == WEFT_PER_WORKER; }
static bool same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static void *no_memory(graph *g)
{
    if (!g->failed) g->failed = WEFT_ENOMEM;
    return NULL;
}

/* ---- one by itself ---- */

static bool is_made_by_hand(const weft_provider *p) { return !p->open || !p->in || !p->type || !p->name; }

static void check_options(graph *g, const weft_provider *p)
{
    bool worker = per_worker(p);
    if (p->per != WEFT_PER_REQUEST && !worker) FAULT(g, p, "per %d; expected WEFT_PER_REQUEST or WEFT_PER_WORKER", (int)p->per);
    if (p->open_timeout_ms < 0 || p->close_timeout_ms < 0)
        FAULT(g, p, "%s is negative; expected milliseconds, or 0", p->open_timeout_ms < 0 ? "open_timeout_ms" : "close_timeout_ms");
    if (worker && p->after_reply) FAULT(g, p, "after_reply is of a request, and it is per worker");
    if (worker && p->guard) FAULT(g, p, "a guard looks at a request, and it is per worker");
    if ((p->after_reply || p->close_timeout_ms) && !p->close) FAULT(g, p, "%s, but it has no close", p->after_reply ? "after_reply" : "close_timeout_ms");
}

static const weft_provider *instead_of(const graph *g, const weft_provider *p)
{
    for (size_t i = 0; g->overrides && i < g->overrides->count; i++) {
        const weft__override *o = &g->overrides->items[i];
        if (o->of == p) return o->instead;
    }
    return p;
}

/* ---- what its input takes ---- */

static void check_worker_member(graph *g, const weft_provider *p, const weft_field *f)
{
    if (f->place == WEFT__depends || f->place == WEFT__config) return;
    FAULT(g, p, "it is opened when the program starts, and its input %s has %s '%s' of a request", p->in->name, weft__place_name(f->place), f->name);
}

static void check_config(graph *g, const weft_provider *p, const weft_field *f)
{
    if (!p->config)
        FAULT(g, p, "input %s has config(%s, %s), and it says no WEFT_CONFIG(%s, ...)", p->in->name, f->provides, f->name, f->provides);
    else if (!same(p->config_type, f->provides))
        FAULT(g, p, "input %s has config(%s, %s), and its WEFT_CONFIG is a %s", p->in->name, f->provides, f->name, p->config_type);
}

static bool is_of_body(const weft_field *f)
{
    return f->place == WEFT__body || f->place == WEFT__form || f->place == WEFT__file;
}

static void read_member(graph *g, provided *made, weft__making *m, const weft_field *f)
{
    const weft_provider *p = made->provider;
    if (per_worker(p)) check_worker_member(g, p, f);
    else if (is_of_body(f))
        FAULT(g, p, "input %s has %s '%s'; a provider takes what stands in a request's head, and the body is the route's", p->in->name,
            weft__place_name(f->place), f->name);
    else (void)weft__making_head(m, f);
    if (f->place == WEFT__config) check_config(g, p, f);
}

static void read_input(graph *g, provided *made)
{
    const weft_schema *in = made->provider->in;
    weft__making m = { .what = "provider", .name = weft_str_of(made->provider->name), .in = in, .head = &made->head, .arena = g->arena,
        .faults = g->faults };
    if (in == &weft_schema_weft_none) return;
    if (in->kind != WEFT__model || weft__making_is_model(in)) {
        FAULT(g, made->provider, "its input %s says not where values come from; declare it with WEFT_INPUT", in->name);
        return;
    }
    for (size_t i = 0; i < in->count; i++) read_member(g, made, &m, &in->fields[i]);
    int rc = m.out_of_memory ? WEFT_ENOMEM : g->check(g->check_ctx, in);
    if (rc < 0 && !g->failed) g->failed = rc;
}

/* ---- those that it depends on ---- */

static void check_lifetimes(graph *g, const weft_provider *p, const weft_provider *on)
{
    if (per_worker(p) && !per_worker(on)) FAULT(g, p, "it lives per worker and depends on %s, which lives per request", on->name);
    if (p->after_reply && on->close && !on->after_reply && !per_worker(on))
        FAULT(g, p, "it is closed after the reply and depends on %s, which is closed before that", on->name);
}

static bool add_before(graph *g, provided *made, provided *on)
{
    for (uint32_t i = 0; i < made->before.count; i++)
        if (made->before.items[i] == on) return true;
    check_lifetimes(g, made->provider, on->provider);
    provided **slot = weft__list_slot(g->arena, &made->before, sizeof *slot);
    if (slot) *slot = on;
    return slot || no_memory(g);
}

provided *weft__graph_link(graph *g, const weft_schema *in, const weft_field *f, const char *what, weft_str name, weft__links *links)
{
    provided *on = weft__provided_of(g, f->provider);
    if (!on) return NULL;
    if (!same(on->provider->type, f->provides) || on->provider->guard)
        weft__buf_printf(g->faults, "%s %.*s: input %s has depends(%s, %s, ...), but %s provides %s%s\n", what, WEFT_FMT(name), in->name,
            f->provides, f->name, on->provider->name, on->provider->type, on->provider->guard ? "; it belongs into .depends" : "");
    weft__link *slot = weft__list_slot(g->arena, links, sizeof *slot);
    if (!slot) return no_memory(g);
    *slot = (weft__link){ f->offset, on };
    return on;
}

static void follow(graph *g, provided *made)
{
    const weft_provider *p = made->provider;
    weft_str name = weft_str_of(p->name);
    for (const weft_provider *const *d = p->depends; d && *d; d++) {
        provided *on = weft__provided_of(g, *d);
        if (on && !add_before(g, made, on)) return;
    }
    for (size_t i = 0; i < p->in->count && p->in != &weft_schema_weft_none; i++) {
        const weft_field *f = &p->in->fields[i];
        if (f->place != WEFT__depends) continue;
        provided *on = weft__graph_link(g, p->in, f, "provider", name, &made->links);
        if (on && !add_before(g, made, on)) return;
    }
}

/* ---- the whole ---- */

static void say_circle(graph *g, const provided *again)
{
    uint32_t i = 0;
    while (g->path[i] != again) i++;
    weft__buf_printf(g->faults, "provider %s: it needs itself: ", again->provider->name);
    for (; i < g->deep; i++) weft__buf_printf(g->faults, "%s -> ", g->path[i]->provider->name);
    weft__buf_printf(g->faults, "%s\n", again->provider->name);
}

static void add_life(graph *g, provided *made)
{
    if (!per_worker(made->provider)) return;
    weft__life *slot = weft__list_slot(g->arena, g->lives, sizeof *slot);
    if (!slot) {
        no_memory(g);
        return;
    }
    *slot = (weft__life){ .of = made };
    made->life = g->lives->count - 1;
}

static provided *make(graph *g, const weft_provider *p)
{
    if (g->count == WEFT__PROVIDERS_MAX) {
        if (!g->failed) weft__buf_printf(g->faults, "more than %d providers\n", WEFT__PROVIDERS_MAX);
        if (!g->failed) g->failed = WEFT_EINVAL;
        return NULL;
    }
    provided *made = weft__arena_zalloc(g->arena, sizeof *made);
    if (!made) return no_memory(g);
    made->provider = p;
    made->making = true;
    g->all[g->count++] = made;
    g->path[g->deep++] = made;
    check_options(g, p);
    read_input(g, made);
    follow(g, made);
    g->deep--;
    made->making = false;
    add_life(g, made);
    return made;
}

provided *weft__provided_of(graph *g, const weft_provider *asked)
{
    if (g->failed) return NULL;
    if (is_made_by_hand(asked)) {
        FAULT(g, asked, "it has no open, input or type; write it with WEFT_PROVIDER or WEFT_GUARD");
        return NULL;
    }
    const weft_provider *p = instead_of(g, asked);
    for (uint32_t i = 0; i < g->count; i++) {
        provided *made = g->all[i];
        if (made->provider != p) continue;
        if (!made->making) return made;
        say_circle(g, made);
        return NULL;
    }
    return make(g, p);
}

void weft__graph_starts(graph *g, const weft_provider *const *starts)
{
    for (; starts && *starts; starts++) {
        const provided *made = weft__provided_of(g, *starts);
        if (made && !per_worker(made->provider))
            weft__buf_printf(g->faults, "application: .starts has %s, which lives per request; expected .per = WEFT_PER_WORKER\n", made->provider->name);
    }
}
