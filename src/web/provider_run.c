/* Providers of one request: opened in order, closed in the reverse order. */
#include <string.h>
#include "io/log.h"
#include "task/error.h"
#include "web/provider.h"

typedef weft__given given;
typedef int open_fn(const void *in, void **out);
typedef int guard_fn(const void *in);
typedef int close_fn(void *value, int rc);

/* ---- one provider ---- */

static int call_open(const weft_provider *p, const void *in, void **out)
{
    if (p->guard) return ((guard_fn *)p->open)(in);
    return ((open_fn *)p->open)(in, out);
}

static int open_in_time(const weft_provider *p, const void *in, void **out)
{
    int ms = p->open_timeout_ms ? p->open_timeout_ms : p->per == WEFT_PER_WORKER ? WEFT__WORKER_OPEN_MS : 0;
    if (!ms) return call_open(p, in, out);
    WEFT_SCOPE(opening, .timeout_ms = ms);
    int rc = call_open(p, in, out);
    if (rc == WEFT_ETIMEDOUT && weft_scope_caught(opening))
        return weft__fail_as(NULL, WEFT_ETIMEDOUT, 0, "%s did not end within %d ms", p->name, ms);
    return rc;
}

int weft__provider_open(const weft_provider *p, const void *in, void **out)
{
    void *value = NULL;
    int rc = open_in_time(p, in, &value);
    if (rc > 0) return weft__given_mistake("%s returned %d; expected 0 or what weft_fail returns", p->name, rc);
    if (rc < 0) return weft__trace_text(rc, p->name, "opening a provider");
    if (!value && !p->guard && !p->may_be_null)
        return weft__given_mistake("%s returned 0, and *out is NULL; expected what it provides, or .may_be_null = true", p->name);
    *out = value;
    return 0;
}

/* The record of what a close has returned says what it came on top of. */
static int replaced(const weft_provider *p, int rc, int result)
{
    weft__record *r = weft__record_here(result);
    weft__plain_line line;
    if (r && rc < 0) weft__record_line(r, "closing what %s opened, after: %s", p->name, weft__plain_text(&line, weft_error_of(rc)->text));
    else if (r) weft__record_line(r, "closing what %s opened", p->name);
    return result;
}

int weft__provider_close_ms(const weft_provider *p) { return p->close_timeout_ms ? p->close_timeout_ms : WEFT__CLOSE_MS; }

int weft__provider_close(const weft_provider *p, void *value, int rc, weft_str whose)
{
    int ms = weft__provider_close_ms(p), result;
    bool cut;
    {
        WEFT_SCOPE(closing, .shield = true, .timeout_ms = ms);
        result = ((close_fn *)p->close)(value, rc);
        cut = weft_scope_caught(closing);
    }
    if (cut)
        weft__log(WEFT_LOG_ERROR, "%.*s: closing what %s opened took more than %d ms and was cut off", WEFT_FMT(whose), p->name, ms);
    if (cut && result == WEFT_ETIMEDOUT)
        return rc < 0 ? rc : weft__fail_as(NULL, WEFT_ETIMEDOUT, 0, "closing what %s opened took more than %d ms", p->name, ms);
    if (result > 0) {
        weft__log(WEFT_LOG_ERROR, "%.*s: the close of what %s opened returned %d; expected 0, its rc or what weft_fail returns", WEFT_FMT(whose),
            p->name, result);
        return rc < 0 ? rc : weft__given_mistake("the close of what %s opened returned %d", p->name, result);
    }
    return result < 0 && result != rc ? replaced(p, rc, result) : rc;
}

/* ---- one request ---- */

given *weft__given_new(const weft__endpoint *e, weft__exchange *x, char *in)
{
    const weft__needs *n = e->needs;
    size_t head = (sizeof(given) + 15) & ~(size_t)15, flags = (2 * n->count + 15) & ~(size_t)15;
    size_t values = (n->count * sizeof(void *) + 15) & ~(size_t)15;
    char *block = weft__arena_zalloc(x->arena, head + values + flags + n->bytes);
    if (!block) return NULL;
    given *g = (given *)(void *)block;
    g->e = e;
    g->x = x;
    g->values = (void **)(void *)(block + head);
    g->open = (bool *)(block + head + values);
    g->skipped = g->open + n->count;
    g->inputs = block + head + values + flags;
    g->reading.in = in;
    g->deadline_ns = INT64_MAX;
    return g;
}

/* ---- inputs ---- */

/* Those whose members do not fit are not opened, but their faults are told with all others. */
static int read_inputs(given *g, const weft__match *m)
{
    const weft__needs *n = g->e->needs;
    char *own = g->reading.in;
    weft__reading_begin(&g->reading, g->e, g->x);
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t before = g->reading.problems.total;
        int rc = weft__reading_head(&g->reading, &n->items[i].head, m, g->inputs + n->items[i].in_at);
        if (rc < 0) {
            g->reading.in = own;
            return rc;
        }
        g->skipped[i] = g->reading.problems.total != before;
    }
    return weft__reading_head(&g->reading, &g->e->head, m, own);
}

static void *value_of(const given *g, const weft__provided *p)
{
    if (p->provider->per == WEFT_PER_WORKER) return g->e->site->compiled->lives.items[p->life].value;
    int i = weft__needs_find(g->e->needs, p);
    return i < 0 ? NULL : g->values[i];
}

static void give_links(const given *g, const weft__links *links, char *in)
{
    for (uint32_t i = 0; i < links->count; i++)
        *(void **)(void *)(in + links->items[i].offset) = value_of(g, links->items[i].from);
}

static void give_objects(given *g, const weft__from_head *head, char *in)
{
    if (head->request) *(const weft_request **)(void *)(in + head->request->offset) = &g->request;
    if (head->reply) *(weft_reply **)(void *)(in + head->reply->offset) = g->reply;
}

void weft__give_config(const weft_provider *p, char *in)
{
    for (size_t i = 0; p->config && i < p->in->count; i++)
        if (p->in->fields[i].place == WEFT__config) *(const void **)(void *)(in + p->in->fields[i].offset) = p->config;
}

/* ---- opening ---- */

/* Something that it depends on is not there. */
static bool lacks(const given *g, const weft__provided *p)
{
    for (uint32_t i = 0; i < p->before.count; i++) {
        int at = weft__needs_find(g->e->needs, p->before.items[i]);
        if (at >= 0 && g->skipped[at]) return true;
    }
    return false;
}

static int open_one(given *g, uint32_t i)
{
    const weft__need *need = &g->e->needs->items[i];
    const weft_provider *p = need->of->provider;
    char *in = g->inputs + need->in_at;
    g->skipped[i] |= lacks(g, need->of);
    if (g->skipped[i]) return 0;
    give_links(g, &need->of->links, in);
    give_objects(g, &need->head, in);
    weft__give_config(p, in);
    int rc = weft__provider_open(p, in, &g->values[i]);
    if (rc < 0) return rc;
    g->open[i] = true;
    return weft__checkpoint();
}

static int open_some(given *g, uint32_t from, uint32_t to)
{
    int rc = 0;
    for (uint32_t i = from; rc == 0 && i < to; i++) rc = open_one(g, i);
    return rc;
}

int weft__given_left_ms(const given *g)
{
    if (g->deadline_ns == INT64_MAX) return 0;
    int64_t left = g->deadline_ns - weft__loop_clock(weft__loop_here());
    return left > 0 ? (int)((left + 999999) / 1000000) : -1;
}

static int open_until(given *g, uint32_t from, uint32_t to)
{
    int ms = from < to ? weft__given_left_ms(g) : 0;
    if (!ms) return open_some(g, from, to);
    WEFT_SCOPE(opening, .timeout_ms = ms);
    int rc = open_some(g, from, to);
    g->late = rc == WEFT_ETIMEDOUT && weft_scope_caught(opening);
    return rc;
}

/* What a client takes to send it is not the route's time, nor does half a body that it takes back cancel anything. */
static int read_body(given *g)
{
    const weft__endpoint *e = g->e;
    weft__loop *loop = weft__loop_here();
    if (!e->takes) return 0;
    int64_t began = weft__loop_clock(loop);
    weft__exchange_cancel_on_leave(g->x, false);
    int rc = weft__reading_body(&g->reading);
    if (e->cancels) weft__exchange_cancel_on_leave(g->x, true);
    if (g->deadline_ns != INT64_MAX) g->deadline_ns += weft__loop_clock(loop) - began;
    if (rc < 0) g->refused = weft__reading_refusal(&g->reading, g->refusal = rc);
    else if (!weft__problems_count(&g->reading.problems)) weft__exchange_detach(g->x);
    return g->refused;
}

static int open_all(given *g)
{
    const weft__needs *n = g->e->needs;
    int rc = open_until(g, 0, n->body_at);
    if (rc == 0) rc = read_body(g);
    if (rc == 0) rc = open_until(g, n->body_at, n->count);
    if (rc < 0 || !weft__problems_count(&g->reading.problems)) return rc;
    return g->refused = weft__reading_refusal(&g->reading, 0);
}

int weft__given_open(given *g, const weft__match *m)
{
    const weft__endpoint *e = g->e;
    int rc = read_inputs(g, m);
    if (rc < 0) return g->refused = weft__reading_refusal(&g->reading, g->refusal = rc);
    g->request = (weft_request){ .exchange = g->x, .site = e->site, .endpoint = e };
    if (e->keeps_head && (rc = weft__exchange_keep_head(g->x)) < 0) return rc;
    if (!e->takes && !weft__problems_count(&g->reading.problems)) weft__exchange_detach(g->x);
    if (e->cancels) weft__exchange_cancel_on_leave(g->x, true);
    if (e->route->timeout_ms) g->deadline_ns = weft__loop_clock(weft__loop_here()) + e->route->timeout_ms * 1000000LL;
    rc = open_all(g);
    if (rc < 0) return rc;
    give_links(g, &e->needs->links, g->reading.in);
    give_objects(g, &e->head, g->reading.in);
    return 0;
}

/* ---- closing ---- */

static bool is_due(const given *g, uint32_t i, bool behind)
{
    const weft_provider *p = g->e->needs->items[i].of->provider;
    return g->open[i] && g->values[i] && p->close && p->after_reply == behind;
}

static int close_some(given *g, int rc, bool behind)
{
    for (uint32_t i = g->e->needs->count; i-- > 0;) {
        const weft_provider *p = g->e->needs->items[i].of->provider;
        if (!is_due(g, i, behind)) continue;
        g->open[i] = false;
        g->x->closes_until_ns = weft__loop_now(weft__loop_here()) + weft__provider_close_ms(p) * INT64_C(1000000);
        rc = weft__provider_close(p, g->values[i], rc, g->e->name);
    }
    g->x->closes_until_ns = 0;
    return rc;
}

/* The answer has been given: nobody is told any more but the log. */
static void close_behind(weft__after *after)
{
    given *g = (given *)after;
    if (g->reply) g->reply->sent = true;
    int rc = close_some(g, g->rc, true);
    if (rc < 0 && rc != g->rc)
        weft__log(WEFT_LOG_ERROR, "%.*s: closing behind the answer failed: %s", WEFT_FMT(g->e->name), weft_error_of(rc)->text);
    if (g->reply && g->reply->file) weft__reply_drop_file(g->reply);
    weft__exchange_drop(g->x, &g->kept);
}

static void put_behind(given *g)
{
    weft__after **at = &g->x->after;
    bool due = g->kept.ptr != NULL;
    for (uint32_t i = 0; i < g->e->needs->count; i++) due |= is_due(g, i, true);
    if (!due) return;
    while (*at) at = &(*at)->next;
    g->after.run = close_behind;
    *at = &g->after;
}

/* What the answer says may lie in what is about to be closed. */
static int keep_body(given *g, int rc)
{
    weft_reply *r = g->reply;
    if (rc < 0 || !g->e->needs->closes || !r || !r->has_body || !r->body.len) return rc;
    r->body = weft__arena_dup(r->arena, r->body);
    if (r->body.ptr) return rc;
    r->body = (weft_str){ "", 0 };
    return weft__given_mistake("no memory left for its answer (request_bytes_max is %zu)", r->arena->bytes_max);
}

/* The first failure stands, whatever is recorded by those that close behind it: the task remembers few. */
static int close_after_failure(given *g, int rc)
{
    weft__errors *errors = weft__errors_here(true);
    weft__record *first = errors ? weft__record_copy(weft__errors_find(errors, rc)) : NULL;
    int end = close_some(g, rc, false);
    if (first && end == rc) weft__errors_put(errors, first);
    else weft__record_free(first);
    return end;
}

int weft__given_outcome(given *g, int rc, bool late)
{
    const weft_route *route = g->e->route;
    const weft_arena *arena = g->x->arena;
    if (g->refused && rc == g->refused) return rc;
    if (late || g->late) return weft_fail(504, "no answer within %d ms", route->timeout_ms);
    if (rc > 0) return weft__given_mistake("its handler %s returned %d; expected 0 or what weft_fail returns", route->name, rc);
    /* Something found no room in the arena and was left out: the output lacks what it should hold. */
    if (rc < 0 || !arena->lost) return rc;
    if (!arena->exceeded) return weft__given_mistake("no memory left");
    return weft__given_mistake("it needs more memory than request_bytes_max, %zu bytes", arena->bytes_max);
}

int weft__given_close(given *g, int rc)
{
    if (g->closed) return rc;
    g->closed = true;
    rc = keep_body(g, rc);
    rc = rc < 0 ? close_after_failure(g, rc) : close_some(g, rc, false);
    g->rc = rc;
    put_behind(g);
    return rc;
}
