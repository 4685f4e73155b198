/* Which providers a route needs, in which order, and what they take of its requests. */
#include <string.h>
#include "web/provider.h"

typedef weft__making making;
typedef weft__needs needs;

int weft__needs_find(const needs *n, const weft__provided *p)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->items[i].of == p) return (int)i;
    return -1;
}

bool weft__needs_take(const needs *n, unsigned param)
{
    for (uint32_t i = 0; n && i < n->count; i++) {
        const weft__sources *paths = &n->items[i].head.paths;
        for (uint32_t k = 0; k < paths->count; k++)
            if (paths->items[k].param == param) return true;
    }
    return false;
}

/* ---- one of them ---- */

/* Of each provider the part that differs from route to route. */
static void add_paths(making *m, weft__need *need)
{
    const weft_schema *in = need->of->provider->in;
    making of = *m;
    of.in = in;
    of.head = &need->head;
    if (in == &weft_schema_weft_none || weft__making_is_model(in)) return;
    for (size_t i = 0; i < in->count; i++)
        if (in->fields[i].place == WEFT__path) weft__making_path(&of, &in->fields[i]);
    m->out_of_memory |= of.out_of_memory;
}

static void add(making *m, needs *n, const weft__provided *p)
{
    enum { ALIGN = 16 };
    if (p->provider->per == WEFT_PER_WORKER || weft__needs_find(n, p) >= 0) return;
    for (uint32_t i = 0; i < p->before.count; i++) add(m, n, p->before.items[i]);
    weft__need need = { .of = p, .head = p->head, .in_at = n->bytes };
    add_paths(m, &need);
    weft__need *slot = weft__list_slot(m->arena, n, sizeof *slot);
    if (!slot) {
        m->out_of_memory = true;
        return;
    }
    *slot = need;
    n->bytes += (p->provider->in->size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    n->request |= p->head.request != NULL;
    n->reply |= p->head.reply != NULL;
}

static void add_asked(making *m, needs *n, weft__graph *graph, const weft_provider *p)
{
    const weft__provided *made = weft__provided_of(graph, p);
    if (made) add(m, n, made);
}

static void add_list(making *m, needs *n, weft__graph *graph, const weft_provider *const *list)
{
    for (; list && *list; list++) add_asked(m, n, graph, *list);
}

static void add_members(making *m, needs *n, weft__graph *graph)
{
    for (size_t i = 0; m->in != &weft_schema_weft_none && i < m->in->count; i++) {
        const weft_field *f = &m->in->fields[i];
        if (f->place != WEFT__depends) continue;
        const weft__provided *made = weft__graph_link(graph, m->in, f, m->what, m->name, &n->links);
        if (made) add(m, n, made);
    }
}

/* ---- all of them ---- */

static bool is_held(const weft__need *need) { return need->of->provider->close != NULL; }

/* Where the body is read, and what is to be done at the end. */
static void look(making *m, needs *n)
{
    n->body_at = n->count;
    for (uint32_t i = n->count; i-- > 0;)
        if (is_held(&n->items[i])) n->body_at = i;
    for (uint32_t i = 0; i < n->count; i++)
        n->closes |= is_held(&n->items[i]) && !n->items[i].of->provider->after_reply;
    n->request |= m->head->request != NULL;
    n->reply |= m->head->reply != NULL;
}

void weft__needs_make(making *m, weft__graph *graph)
{
    needs *n = weft__arena_zalloc(m->arena, sizeof *n);
    weft__endpoint *e = m->e;
    if (!n) {
        m->out_of_memory = true;
        return;
    }
    add_list(m, n, graph, e->site->app->depends);
    for (uint32_t i = 0; i < e->asked.count; i++) add_asked(m, n, graph, e->asked.items[i]);
    add_list(m, n, graph, e->route->depends);
    add_members(m, n, graph);
    look(m, n);
    if (n->count || n->links.count) e->needs = n;
    if (graph->failed == WEFT_ENOMEM) m->out_of_memory = true;
}
