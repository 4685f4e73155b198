/* From a route to an endpoint: what is wrong with it is said here, all of it, in the words of its
 * author. */
#include "web/endpoint_make.h"
#include <stdio.h>
#include <string.h>
#include "model/schema.h"
#include "web/provider.h"
#include "web/ws.h"
#include "weft/stream.h"

typedef weft__making making;
#define FAULT WEFT__ROUTE_FAULT

/* ---- members ---- */

const char *weft__place_name(weft_place place)
{
    static const char *const names[] = { [WEFT__path] = "path", [WEFT__query] = "query",
        [WEFT__header] = "header", [WEFT__cookie] = "cookie", [WEFT__form] = "form",
        [WEFT__file] = "file", [WEFT__body] = "body", [WEFT__request] = "request",
        [WEFT__reply] = "reply", [WEFT__depends] = "depends", [WEFT__config] = "config" };
    return (size_t)place < weft_count(names) && names[place] ? names[place] : NULL;
}

/* ---- path ---- */

/* "'id', 'name'": the members of a place, or the pattern's parameters. */
static void list_members(making *m, char *out, size_t room)
{
    size_t n = 0;
    *out = 0;
    for (size_t i = 0; i < m->in->count; i++) {
        const weft_field *f = &m->in->fields[i];
        weft_str name = weft__field_name(f);
        if (f->place == WEFT__path && n < room)
            n += (size_t)snprintf(
                out + n, room - n, "%s'%.*s'", n ? ", " : "it has ", WEFT_FMT(name));
    }
    if (!n) snprintf(out, room, "it has none");
}

static void list_params(making *m, char *out, size_t room)
{
    size_t n = 0;
    *out = 0;
    for (unsigned i = 0; i < m->pattern->count; i++) {
        const weft__segment *s = &m->pattern->segments[i];
        if (s->kind != WEFT__LITERAL && n < room)
            n += (size_t)snprintf(
                out + n, room - n, "%s{%.*s}", n ? ", " : "it has ", WEFT_FMT(s->name));
    }
    if (!n) snprintf(out, room, "it has none");
}

/* Which parameter of the pattern has this name, in their order; -1: none. */
static int param_of(const weft__pattern *p, weft_str name)
{
    int n = 0;
    for (unsigned i = 0; i < p->count; i++) {
        if (p->segments[i].kind == WEFT__LITERAL) continue;
        if (weft_str_equal(p->segments[i].name, name)) return n;
        n++;
    }
    return -1;
}

void weft__making_path(making *m, const weft_field *f)
{
    char there[256];
    weft_str name = weft__field_name(f);
    int param = param_of(m->pattern, name);
    if (param >= 0) {
        weft__making_source(m, &m->head->paths, f, (unsigned)param);
        return;
    }
    list_params(m, there, sizeof there);
    FAULT(m, "input %s has path member '%.*s', but the path has no {%.*s}; %s",
        m->in->name, WEFT_FMT(name), WEFT_FMT(name), there);
}

static void check_params(making *m)
{
    char there[256];
    list_members(m, there, sizeof there);
    for (unsigned i = 0, param = 0; i < m->pattern->count; i++) {
        const weft__segment *s = &m->pattern->segments[i];
        bool found = s->kind == WEFT__LITERAL || weft__needs_take(m->e->needs, param++);
        for (size_t k = 0; !found && k < m->in->count; k++) {
            const weft_field *f = &m->in->fields[k];
            found = f->place == WEFT__path && weft_str_equal(weft__field_name(f), s->name);
        }
        if (!found)
            FAULT(m, "input %s has no path member '%.*s'; %s", m->in->name,
                WEFT_FMT(s->name), there);
    }
}

/* ---- the other members ---- */

static void add_single(making *m, const weft_field **place, const weft_field *f)
{
    if (*place)
        FAULT(m, "input %s has two %s members, '%s' and '%s'; expected one", m->in->name,
            weft__place_name(f->place), (*place)->name, f->name);
    else *place = f;
}

bool weft__making_head(making *m, const weft_field *f)
{
    switch (f->place) {
    case WEFT__query: weft__making_source(m, &m->head->queries, f, 0); break;
    case WEFT__header: weft__making_source(m, &m->head->headers, f, 0); break;
    case WEFT__cookie: weft__making_source(m, &m->head->cookies, f, 0); break;
    case WEFT__request: add_single(m, &m->head->request, f); break;
    case WEFT__reply: add_single(m, &m->head->reply, f); break;
    default: return false;
    }
    return true;
}

static void add_member(making *m, const weft_field *f)
{
    if (f->place == WEFT__path) weft__making_path(m, f);
    else if (f->place == WEFT__form || f->place == WEFT__file) weft__making_form(m, f);
    else if (f->place == WEFT__body) weft__making_body(m, f);
    else if (f->place == WEFT__config) FAULT(m, "input %s has config '%s', which providers have and routes have not", m->in->name, f->name);
    else (void)weft__making_head(m, f);
}

bool weft__making_is_model(const weft_schema *s)
{
    return s->kind == WEFT__model && s->count && !weft__place_name(s->fields[0].place);
}

/* False: the input is none. */
static bool add_members(making *m)
{
    const weft_schema *in = m->in;
    if (in == &weft_schema_weft_none) return true;
    if (in->kind != WEFT__model || weft__making_is_model(in)) {
        FAULT(m, "its input %s says not where values come from; declare it with WEFT_INPUT",
            in->name);
        return false;
    }
    for (size_t i = 0; i < in->count; i++) add_member(m, &in->fields[i]);
    return true;
}

/* ---- the whole ---- */

static weft__answer answer_of(making *m)
{
    const weft_schema *out = m->e->route->out;
    if (out == &weft_schema_weft_none) return WEFT__ANSWER_NULL;
    if (out == &weft_schema_weft_reply) {
        if (m->head->reply)
            FAULT(m, "input %s has reply(%s), but the output is a weft_reply already",
                m->in->name, m->head->reply->name);
        return WEFT__ANSWER_REPLY;
    }
    if (out == &weft_schema_weft_stream) return WEFT__ANSWER_STREAM;
    if (out == &weft_schema_weft_events) return WEFT__ANSWER_EVENTS;
    if (out == &weft_schema_weft_ws) return WEFT__ANSWER_WS;
    bool is_input = out->kind == WEFT__model && out->count && weft__place_name(out->fields[0].place);
    if (out->kind == WEFT__special || is_input) FAULT(m, "%s cannot be an output", out->name);
    return WEFT__ANSWER_JSON;
}

static void check_options(making *m)
{
    const weft_route *r = m->e->route;
    if (r->status && (r->status < 200 || r->status > 599))
        FAULT(m, "status %d; expected 200 to 599", r->status);
    if (r->status >= 200 && weft__http_bodiless(r->status) && m->e->answer == WEFT__ANSWER_JSON)
        FAULT(m, "status %d, whose answers have no body, but its output is %s; expected weft_none or weft_reply", r->status, r->out->name);
    if (r->timeout_ms < 0)
        FAULT(m, "timeout_ms %d; expected a positive number, or 0 for none", r->timeout_ms);
    if (r->keep_when_client_leaves && r->cancel_when_client_leaves)
        FAULT(m, "keep_when_client_leaves and cancel_when_client_leaves; expected one of them");
    if (r->body_bytes_max && !m->e->body && !m->e->forms.count)
        FAULT(m, "body_bytes_max, but input %s has no body member", r->in->name);
}

static void add_view(making *m)
{
    const weft_route *r = m->e->route;
    weft__fault fault = { "" };
    weft__view_opts opts = { .exclude_unset = r->exclude_unset,
        .exclude_none = r->exclude_none,
        .exclude_defaults = r->exclude_defaults,
        .include = r->include,
        .exclude = r->exclude };
    if (!weft__view_needed(&opts)) return;
    if (m->e->answer != WEFT__ANSWER_JSON || r->out->kind == WEFT__special) {
        FAULT(m, "its output %s is no JSON of a model; exclude_unset and its like leave members out of one",
            r->out->name);
        return;
    }
    weft__view *view = weft__arena_alloc(m->arena, sizeof *view);
    int rc = view ? weft__view_make(view, &opts, r->out, m->arena, &fault) : WEFT_ENOMEM;
    if (rc == 0) m->e->view = view;
    else if (rc == WEFT_EINVAL && fault.text[0]) FAULT(m, "%s", fault.text);
    else if (rc != WEFT_EINVAL) m->out_of_memory = true;
}

/* The member that a handler has to wait for; NULL: none. */
static const char *read_by_handler(const weft__endpoint *e)
{
    if (e->takes == WEFT__TAKES_PIECES) return e->body->name;
    for (uint32_t i = 0; i < e->forms.count; i++)
        if (e->forms.items[i].file == WEFT__FILE_UPLOAD) return e->forms.items[i].field->name;
    return NULL;
}

static void check_run(making *m)
{
    const weft_route *r = m->e->route;
    if (r->threads && r->run != WEFT_IN_THREAD) FAULT(m, "threads; expected .run = WEFT_IN_THREAD with it");
    if (m->e->page) return;
    if (r->folder && (int)r->run == WEFT__RUN_STATIC) {
        if (!*r->folder || (r->fallback && !*r->fallback)) FAULT(m, "an empty folder or fallback; expected a path");
        if (strncmp(r->path, "//", 2) == 0 || strstr(r->path, "//{"))
            FAULT(m, "the path of WEFT_STATIC ends with '/'; expected one like \"/assets\", or \"\" for the whole site");
        return;
    }
    if (r->folder || r->fallback) {
        FAULT(m, "folder and fallback are for WEFT_STATIC, which runs at a place of its own");
        return;
    }
    if ((unsigned)r->run > WEFT_IN_PROCESS) {
        FAULT(m, "run %d; expected WEFT_ON_LOOP, WEFT_IN_THREAD or WEFT_IN_PROCESS", (int)r->run);
        return;
    }
    const char *read = r->run != WEFT_ON_LOOP ? read_by_handler(m->e) : NULL;
    if (read)
        FAULT(m, "%s '%s' is read while the handler waits, which it can on the loop alone",
            m->e->body ? "body" : "file", read);
    if (m->e->answer >= WEFT__ANSWER_STREAM && r->run != WEFT_ON_LOOP)
        FAULT(m, "a %s is written while the handler waits, which it can on the loop alone", r->out->name);
    if (r->run != WEFT_IN_PROCESS) return;
    const weft_field *stays = NULL;
    for (size_t i = 0; i < r->in->count && !stays; i++) {
        const weft_field *f = &r->in->fields[i];
        if (f->place == WEFT__request || f->place == WEFT__reply || f->place == WEFT__depends) stays = f;
    }
    if (stays)
        FAULT(m, "input %s: %s(%s) stays behind when a handler runs in a process; expected values alone", r->in->name,
            weft__place_name(stays->place), stays->name);
    if (m->e->answer == WEFT__ANSWER_REPLY)
        FAULT(m, "a weft_reply stays behind when a handler runs in a process; expected a model, a list or a scalar as its output");
}

static void make_ws(making *m)
{
    if (m->e->takes) FAULT(m, "input %s takes a body, which a WebSocket's handshake has not", m->in->name);
    if (m->head->reply) FAULT(m, "input %s has reply(%s); expected weft_ws_reply", m->in->name, m->head->reply->name);
    weft__ws_make(m);
}

int weft__endpoint_make(weft__endpoint *e, const weft__pattern *pattern, weft__graph *graph)
{
    const weft_route *r = e->route;
    making m = { .what = "route", .name = e->name, .in = r->in, .head = &e->head, .e = e, .pattern = pattern, .arena = graph->arena,
        .faults = graph->faults };
    if (!r->handler || !r->in || !r->out) {
        const char *lacks = !r->handler ? "handler" : !r->in ? "input" : "output";
        FAULT(&m, "it has no %s; write it with WEFT_GET and its like", lacks);
        return 0;
    }
    bool has_members = add_members(&m);
    weft__making_bodies(&m);
    if (!e->page) weft__needs_make(&m, graph);
    if (has_members) check_params(&m);
    e->answer = answer_of(&m);
    check_options(&m);
    add_view(&m);
    check_run(&m);
    if (e->answer == WEFT__ANSWER_WS) make_ws(&m);
    else if (r->ws) FAULT(&m, "ws; expected it with WEFT_WS or WEFT_WS_HANDLERS");
    e->status = r->status ? r->status : 200;
    bool safe = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0
        || e->answer >= WEFT__ANSWER_STREAM;
    e->cancels = safe ? !r->keep_when_client_leaves && !r->folder : r->cancel_when_client_leaves;
    return m.out_of_memory ? WEFT_ENOMEM : 0;
}
