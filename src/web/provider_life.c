/* Providers per worker: opened when the program starts, closed when it stops. */
#include "task/error.h"
#include "web/failure.h"
#include "web/provider.h"

enum { LIVES_BYTES_MAX = 1 << 30 };

static void say(weft__buf *why, const char *name, const char *what, int rc)
{
    char trace[1024];
    const weft_error *error = weft_error_of(rc);
    weft__failure_trace(error->trace, trace, sizeof trace);
    weft__buf_printf(why, "%s: %s%s%s%s%s\n", name, what, error->text, *trace ? " [" : "", trace, *trace ? "]" : "");
}

static char *input_of(const weft__app *app, const weft__provided *p)
{
    const weft_provider *provider = p->provider;
    char *in = weft_alloc(provider->in->size);
    if (!in) return NULL;
    for (uint32_t i = 0; i < p->links.count; i++) {
        const weft__provided *from = p->links.items[i].from;
        *(void **)(void *)(in + p->links.items[i].offset) = app->lives.items[from->life].value;
    }
    weft__give_config(provider, in);
    return in;
}

void weft__give_lives(const weft__endpoint *e, char *in)
{
    const weft__links *links = &e->needs->links;
    const weft__life *lives = e->site->compiled->lives.items;
    for (uint32_t i = 0; i < links->count; i++) *(void **)(void *)(in + links->items[i].offset) = lives[links->items[i].from->life].value;
}

static int open_one(weft__app *app, weft__life *life, weft__buf *why)
{
    const weft_provider *p = life->of->provider;
    char *in = input_of(app, life->of);
    app->busy = p;
    int rc = in ? weft__provider_open(p, in, &life->value) : WEFT_ENOMEM;
    app->busy = NULL;
    life->open = rc == 0;
    if (rc == 0 && app->lives_arena.lost) rc = weft__given_mistake("no memory left for what it opens");
    if (rc < 0) say(why, p->name, "", rc);
    return rc < 0 ? rc : weft__checkpoint();
}

static bool is_due(const weft__life *life) { return life->open && life->value && life->of->provider->close; }

int64_t weft__app_close_ms(const weft__app *app)
{
    int64_t ms = app->closes && app->busy ? weft__provider_close_ms(app->busy) : 0;
    for (uint32_t i = 0; i < app->lives.count; i++)
        if (is_due(&app->lives.items[i])) ms += weft__provider_close_ms(app->lives.items[i].of->provider);
    return ms;
}

static int64_t close_ms(const weft__provided *p) { return p->provider->close ? weft__provider_close_ms(p->provider) : 0; }

int64_t weft__app_stop_ms(const weft__app *app)
{
    int64_t most_ms = 0, lives_ms = 0;
    for (uint32_t i = 0; i < app->endpoints.count; i++) {
        const weft__needs *n = app->endpoints.items[i].needs;
        int64_t ms = 0;
        for (uint32_t k = 0; n && k < n->count; k++) ms += close_ms(n->items[k].of);
        if (ms > most_ms) most_ms = ms;
    }
    for (uint32_t i = 0; i < app->lives.count; i++) lives_ms += close_ms(app->lives.items[i].of);
    return most_ms + lives_ms;
}

const char *weft__app_busy(const weft__app *app, const char **what)
{
    *what = app->closes ? "closing" : "opening";
    return app->busy ? app->busy->name : "";
}

/* The first failure stands. */
static int close_all(weft__app *app, int rc, weft__buf *why)
{
    int first = 0;
    app->closes = true;
    for (uint32_t i = app->lives.count; i-- > 0;) {
        weft__life *life = &app->lives.items[i];
        const weft_provider *p = life->of->provider;
        bool due = is_due(life);
        life->open = false;
        app->busy = due ? p : NULL;
        int end = due ? weft__provider_close(p, life->value, rc, WEFT_S("the application")) : rc;
        life->value = NULL;
        if (end == rc) continue;
        say(why, p->name, "closing what it opened failed: ", end);
        if (!first) first = end;
    }
    app->busy = NULL;
    app->closes = false;
    return first;
}

int weft__app_start(weft__app *app, weft__buf *why)
{
    int rc = 0;
    weft__arena_init(&app->lives_arena, NULL, LIVES_BYTES_MAX);
    weft_arena *before = weft__arena_swap(&app->lives_arena);
    for (uint32_t i = 0; rc == 0 && i < app->lives.count; i++) rc = open_one(app, &app->lives.items[i], why);
    if (rc < 0) (void)close_all(app, rc, why);
    weft__arena_swap(before);
    if (rc < 0) weft__arena_free(&app->lives_arena);
    return rc;
}

int weft__app_stop(weft__app *app, weft__buf *why)
{
    int rc = close_all(app, 0, why);
    weft__arena_free(&app->lives_arena);
    return rc;
}
