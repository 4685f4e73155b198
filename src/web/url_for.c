/* URLs of routes by name: the way back from an input to the request that would have given it. */
#include <stdio.h>
#include <string.h>
#include "model/schema.h"
#include "model/text.h"
#include "web/endpoint.h"
#include "web/request.h"
#include "web/text_of.h"
#include "wire/bytes.h"
#include "wire/url.h"

enum { URL_BYTES_MAX = 64 * 1024, NAMES_SHOWN = 200 };

typedef struct making {
    const char *place;               /* of the call */
    const char *name;                /* as it was asked for */
    const weft_request *request;
    const weft__endpoint *e;
    const char *values;              /* the input; NULL: it is empty */
    weft__buf out, text;             /* the URL; one value */
} making;

static int too_long(const making *m)
{
    return weft__fail(m->place, WEFT_EINVAL, "weft_url_for: '%s': a URL of more than 64 KiB", m->name);
}

#define FAIL(m, ...) weft__fail((m)->place, WEFT_EINVAL, "weft_url_for: " __VA_ARGS__)

/* ---- which route ---- */

/* The name that it says counts more than that of a handler. */
static weft_str name_of(const weft__endpoint *e)
{
    const weft_route *r = e->route;
    return weft_str_of(r->url_name ? r->url_name : r->name ? r->name : "");
}

static const weft__site *mount_of(const weft__site *site, weft_str name)
{
    const weft__sites *all = &site->compiled->sites;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->items[i]->outside == site && name.len && weft_str_equal(all->items[i]->name, name)) return all->items[i];
    return NULL;
}

static const weft__endpoint *route_of(const weft__site *site, weft_str name)
{
    const weft__endpoints *all = &site->compiled->endpoints;
    const weft__endpoint *first = NULL;
    for (uint32_t i = 0; i < all->count; i++) {
        const weft__endpoint *e = &all->items[i];
        if (e->site != site || e->page || !weft_str_equal(name_of(e), name)) continue;
        if (e->route->url_name) return e;
        if (!first) first = e;
    }
    return first;
}

static const char *title_of(const weft__site *site)
{
    return site->app->title && *site->app->title ? site->app->title : "weft";
}

static int no_route(const making *m, const weft__site *site, weft_str name)
{
    char there[NAMES_SHOWN] = "none";
    const weft__endpoints *all = &site->compiled->endpoints;
    for (uint32_t i = 0, n = 0; i < all->count && n < sizeof there; i++) {
        const weft__endpoint *e = &all->items[i];
        if (e->site == site && !e->page)
            n += (uint32_t)snprintf(there + n, sizeof there - n, "%s%.*s", n ? ", " : "", WEFT_FMT(name_of(e)));
    }
    return FAIL(m, "'%s': the application %s has no route named '%.*s'; it has %s", m->name, title_of(site), WEFT_FMT(name), there);
}

static int find(making *m)
{
    const weft__site *site = m->request->site;
    const char *at = m->name;
    if (*at == ':') at++, site = site->compiled->sites.items[0];
    for (const char *colon; (colon = strchr(at, ':')); at = colon + 1) {
        weft_str part = { at, (size_t)(colon - at) };
        const weft__site *inner = mount_of(site, part);
        if (!inner)
            return FAIL(m, "'%s': the application %s has no mount named '%.*s'", m->name, title_of(site), WEFT_FMT(part));
        site = inner;
    }
    m->e = route_of(site, weft_str_of(at));
    return m->e ? 0 : no_route(m, site, weft_str_of(at));
}

static int check_input(const making *m, const weft_schema *in)
{
    bool empty = in == &weft_schema_weft_none && !m->e->head.paths.count;
    if (empty || (m->values && (in == m->e->route->in || weft__schema_same(in, m->e->route->in)))) return 0;
    return FAIL(m, "'%s': %.*s takes a %s%s%s", m->name, WEFT_FMT(m->e->name), m->e->route->in->name,
        m->values ? ", and here is a " : ", and here is none", m->values ? in->name : "");
}

/* ---- values as text ---- */

/* 0; 1 for null, which is none. The text lives until the next one. */
static int text_of(making *m, const weft__source *s, const weft_schema *type, const void *value, weft_str *out)
{
    weft__fault fault = { "" };
    int rc = weft__text_of(type, value, &m->text, out, &fault);
    if (rc == WEFT_ENOMEM) return rc;
    if (rc == WEFT_ELIMIT) return too_long(m);
    if (rc < 0) return FAIL(m, "'%s': member '%s' of %s: %s", m->name, s->field->name, m->e->route->in->name, fault.text);
    if (rc == 0 && memchr(out->ptr, 0, out->len))
        return FAIL(m, "'%s': member '%s' of %s holds a NUL", m->name, s->field->name, m->e->route->in->name);
    return rc;
}

static const weft__source *source_of(const making *m, unsigned param)
{
    for (uint32_t i = 0; i < m->e->head.paths.count; i++)
        if (m->e->head.paths.items[i].param == param) return &m->e->head.paths.items[i];
    return NULL;                     /* a provider takes it: the start has checked that somebody does */
}

static int param_text(making *m, unsigned param, weft_str *out)
{
    const weft__source *s = source_of(m, param);
    *out = (weft_str){ "", 0 };
    return s && m->values ? text_of(m, s, s->field->type, m->values + s->offset, out) : 0;
}

/* ---- the path ---- */

/* What is written between the parameters, and the value of {name:path}: its slashes divide segments. */
static void add_rest(making *m, weft_str value)
{
    const char *at = value.ptr, *end = at + value.len;
    while (at) {
        const char *slash = memchr(at, '/', (size_t)(end - at)), *stop = slash ? slash : end;
        weft__url_encode(&m->out, (weft_str){ at, (size_t)(stop - at) });
        if (slash) weft__buf_add_char(&m->out, '/');
        at = slash ? slash + 1 : NULL;
    }
}

/* What would lead elsewhere: to another path, since clients take "." and ".." away, or to another host. */
static int check_path(making *m, size_t from)
{
    weft_str path = { m->out.ptr + from, m->out.len - from };
    const char *at = path.ptr + 1, *end = path.ptr + path.len;
    if (path.len > 1 && path.ptr[1] == '/') return FAIL(m, "'%s': a path that begins with // leads to another host", m->name);
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at)), *stop = slash ? slash : end;
        bool dots = (stop - at == 1 && at[0] == '.') || (stop - at == 2 && at[0] == '.' && at[1] == '.');
        if (dots) return FAIL(m, "'%s': a segment of the path is '%.*s', which clients take away", m->name, (int)(stop - at), at);
        if (!slash) return 0;
        at = slash + 1;
    }
}

static int add_param(making *m, weft_str braces, unsigned param)
{
    weft_str value;
    bool rest = memchr(braces.ptr, ':', braces.len) != NULL;
    int rc = param_text(m, param, &value);
    if (rc < 0) return rc;
    if (!source_of(m, param))
        return FAIL(m, "'%s': {%.*s} is taken by a provider; its input %s has no such member", m->name, WEFT_FMT(braces), m->e->route->in->name);
    if (!rest && !value.len) return FAIL(m, "'%s': the value of {%.*s} is empty", m->name, WEFT_FMT(braces));
    if (rest) add_rest(m, value);
    else weft__url_encode(&m->out, value);
    return 0;
}

static int add_path(making *m, unsigned *params)
{
    const char *at = m->e->path.ptr, *end = at + m->e->path.len;
    size_t from = m->out.len;
    for (*params = 0; at < end; (*params)++) {
        const char *open = memchr(at, '{', (size_t)(end - at)), *shut = open ? memchr(open, '}', (size_t)(end - open)) : NULL;
        add_rest(m, (weft_str){ at, (size_t)((shut ? open : end) - at) });
        if (!shut) break;
        int rc = add_param(m, (weft_str){ open + 1, (size_t)(shut - open - 1) }, *params);
        if (rc < 0) return rc;
        at = shut + 1;
    }
    return m->out.failed ? 0 : check_path(m, from);
}

/* ---- the host ---- */

static weft_str host_of_request(const making *m, weft_str *port)
{
    weft_str all = m->request->exchange->head->host;
    bool bracket = all.len && all.ptr[0] == '[';
    const char *colon = all.len && !bracket ? memchr(all.ptr, ':', all.len) : NULL;
    *port = colon ? (weft_str){ colon, (size_t)(all.ptr + all.len - colon) } : (weft_str){ "", 0 };
    return (weft_str){ all.ptr, all.len - port->len };
}

static bool is_label(weft_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
    }
    return text.len > 0;
}

static int add_label(making *m, const weft__segment *label, unsigned *param)
{
    weft_str value = label->before;
    int rc = label->kind == WEFT__PARAM ? param_text(m, (*param)++, &value) : 0;
    if (rc < 0) return rc;
    if (label->kind == WEFT__REST)
        return FAIL(m, "'%s': which of the hosts %.*s is meant cannot be told", m->name, WEFT_FMT(m->e->host->pattern.text));
    if (!is_label(value)) return FAIL(m, "'%s': '%.*s' cannot be a label of a host", m->name, WEFT_FMT(value));
    weft__buf_add_str(&m->out, value);
    return 0;
}

/* "//host:port" in front of the path, with the request's port, unless the request was for that host. */
static int add_host(making *m, unsigned param)
{
    const weft__host_pattern *pattern = &m->e->host->pattern;
    weft_str port, here = host_of_request(m, &port), params[WEFT__PARAMS_MAX];
    if (!pattern->params && weft__host_matches(pattern, here, params)) return 0;
    weft__buf_lit(&m->out, "//");
    for (unsigned i = 0; i < pattern->count; i++) {
        if (i) weft__buf_lit(&m->out, ".");
        int rc = add_label(m, &pattern->labels[i], &param);
        if (rc < 0) return rc;
    }
    weft_str host = { m->out.ptr + 2, m->out.len - 2 };
    if (m->out.failed) return 0;
    if (weft__same_nocase(host, here)) m->out.len = 0;
    else weft__buf_add_str(&m->out, port);
    return 0;
}

/* ---- the query ---- */

static void add_pair(making *m, const weft__source *s, weft_str value, char *mark)
{
    weft__buf_add_char(&m->out, *mark);
    weft__url_encode(&m->out, s->name);
    weft__buf_add_char(&m->out, '=');
    weft__url_encode(&m->out, value);
    *mark = '&';
}

/* What a member is anyway when nothing comes for it, as text; ptr NULL when there is no such thing. */
static int initial_of(making *m, const weft__source *s, weft_str *out)
{
    weft_arena *arena = m->request->exchange->arena;
    weft_str text;
    *out = (weft_str){ 0 };
    if (!s->field->initial) return 0;
    void *value = weft__arena_zalloc(arena, s->field->type->size);
    int rc = value ? weft__default_read(s->field, 0, value, arena) : WEFT_ENOMEM;
    if (rc == 0) rc = text_of(m, s, s->field->type, value, &text);
    if (rc != 0) return rc < 0 ? rc : 0;
    *out = weft__arena_dup(arena, text);
    return out->ptr ? 0 : WEFT_ENOMEM;
}

static int add_items(making *m, const weft__source *s, const weft__any_list *list, char *mark)
{
    const weft_schema *item = s->field->type->of;
    for (uint32_t i = 0; i < list->count; i++) {
        weft_str text;
        int rc = text_of(m, s, item, list->items + i * s->field->type->item_size, &text);
        if (rc < 0) return rc;
        add_pair(m, s, text, mark);
    }
    return 0;
}

static int add_query(making *m, const weft__source *s, char *mark)
{
    const void *value = m->values + s->offset;
    weft_str text, initial;
    if (s->many) return add_items(m, s, value, mark);
    int rc = initial_of(m, s, &initial);
    if (rc == 0) rc = text_of(m, s, s->field->type, value, &text);
    if (rc != 0) return rc < 0 ? rc : 0;
    if (!initial.ptr || !weft_str_equal(initial, text)) add_pair(m, s, text, mark);
    return 0;
}

static int add_queries(making *m)
{
    char mark = '?';
    for (uint32_t i = 0; m->values && i < m->e->head.queries.count; i++) {
        int rc = add_query(m, &m->e->head.queries.items[i], &mark);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- the whole ---- */

/* The parameters of the host stand behind those of the path. */
static unsigned params_of_path(const weft__endpoint *e)
{
    unsigned n = 0;
    for (size_t i = 0; i < e->path.len; i++) n += e->path.ptr[i] == '{';
    return n;
}

static int make(making *m, const weft_schema *in)
{
    unsigned params;
    int rc = find(m);
    if (rc == 0) rc = check_input(m, in);
    if (rc == 0 && in == &weft_schema_weft_none) m->values = NULL;
    if (rc == 0 && m->e->host) rc = add_host(m, params_of_path(m->e));
    if (rc == 0) rc = add_path(m, &params);
    return rc == 0 ? add_queries(m) : rc;
}

int weft__url_for(const char *place, const weft_request *request, const char *name, const weft_schema *in, const void *values, weft_str *out)
{
    making m = { .place = place, .name = name, .request = request, .values = values };
    weft__buf_init(&m.out, URL_BYTES_MAX);
    weft__buf_init(&m.text, URL_BYTES_MAX);
    int rc = make(&m, in);
    weft_arena *arena = request->exchange->arena;
    if (rc == 0 && m.out.failed == WEFT_ELIMIT) rc = too_long(&m);
    else if (rc == 0) rc = m.out.failed;
    weft_str url = rc == 0 ? weft__arena_dup(arena, weft__buf_str(&m.out)) : (weft_str){ 0 };
    weft__buf_free(&m.out);
    weft__buf_free(&m.text);
    if (rc < 0) return rc;
    if (!url.ptr) return WEFT_ENOMEM;
    *out = url;
    return 0;
}
