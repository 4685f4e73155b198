/* One request, from its route to its answer. */
#include <string.h>
#include "io/trace.h"
#include "model/json.h"
#include "web/background.h"
#include "web/metrics.h"
#include "web/failure.h"
#include "web/provider.h"
#include "web/security.h"

const weft_schema weft_schema_weft_reply = {
    .name = "weft_reply", .kind = WEFT__special, .size = sizeof(weft_reply)
};

const weft_schema weft_schema_weft_body = {
    .name = "weft_body", .kind = WEFT__special, .size = sizeof(weft_body)
};

static const weft_str json_line = WEFT_S("Content-Type: application/json\r\n");

static void reply_late(const weft__endpoint *e, weft__exchange *x)
{
    weft__failure_reply(e, x, NULL, weft_fail(504, "no answer within %d ms", e->route->timeout_ms));
}

/* The handler under the route's deadline; *late tells that it was this one that ended it. */
static int call_in_time(const weft__endpoint *e, const void *in, void *out, int timeout_ms, bool *late)
{
    if (!timeout_ms) return weft__endpoint_run(e, in, out);
    WEFT_SCOPE(s, .timeout_ms = timeout_ms);
    int rc = weft__endpoint_run(e, in, out);
    *late = rc == WEFT_ETIMEDOUT && weft_scope_caught(s);
    return rc;
}

static void reply_send(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *r, weft_str type, weft_str body)
{
    int status = r && r->status ? r->status : e->status;
    bool bare = weft__http_bodiless(status);
    weft_str lines = bare || !type.len ? (weft_str){ "", 0 } : json_line;
    if (r && (r->headers.count || r->content_type.len))
        lines = weft__reply_lines(x->arena, r, bare ? (weft_str){ 0 } : type, (weft_str){ 0 });
    if (lines.ptr) weft__exchange_reply(x, status, lines, body);
    else
        weft__failure_internal(e, x,
            "no memory for the answer's headers (request_bytes_max is %zu)", x->arena->bytes_max);
}

static void send_output(
    const weft__endpoint *e, weft__exchange *x, weft_reply *r, const void *out)
{
    if (r && r->file) {
        weft__file_send(e, x, r);
        return;
    }
    if (r && e->answer == WEFT__ANSWER_REPLY) {
        reply_send(e, x, r, r->content_type, r->body);
        return;
    }
    if (r && e->answer >= WEFT__ANSWER_STREAM) {         /* of which nothing was written */
        reply_send(e, x, r, r->content_type.len ? r->content_type : weft__stream_type(e), r->body);
        return;
    }
    if (r && r->has_body) {
        weft__failure_internal(e, x, "the body was set by reply(%s), but it is the output, %s",
            e->head.reply ? e->head.reply->name : "...", e->route->out->name);
        return;
    }
    weft__buf *body = weft__exchange_scratch(x);
    weft__fault fault;
    int rc = 0;
    if (e->answer == WEFT__ANSWER_NULL) weft__buf_lit(body, "null");
    else rc = weft__json_write_view(e->route->out, out, e->view, body, &fault);
    if (rc < 0)
        weft__failure_internal(e, x, "its output cannot be written as JSON: %s", fault.text);
    else
        reply_send(
            e, x, r, r && r->content_type.len ? r->content_type : weft__json_type, weft__buf_str(body));
}

static void memory_gave_out(const weft__endpoint *e, weft__exchange *x)
{
    if (x->arena->exceeded)
        weft__failure_internal(
            e, x, "it needs more memory than request_bytes_max, %zu bytes", x->arena->bytes_max);
    else weft__failure_internal(e, x, "no memory left");
}

static void finish(
    const weft__endpoint *e, weft__exchange *x, weft_reply *r, const void *out, int rc)
{
    if (rc < 0) {
        if (r) weft__reply_forget_body(r);
        weft__failure_reply(e, x, r, rc);
    } else if (rc > 0)
        weft__failure_internal(e, x,
            "its handler %s returned %d; expected 0 or what weft_fail returns", e->route->name, rc);
    /* Something found no room in the arena and was left out: the output lacks what it should hold. */
    else if (x->arena->lost) memory_gave_out(e, x);
    else send_output(e, x, r, out);
}

/* What the handler is given besides values: *request and *reply are made to live in `in`. */
static int give_objects(
    const weft__endpoint *e, weft__exchange *x, char *in, weft_request *request, weft_reply *reply)
{
    if (e->head.reply) *(weft_reply **)(in + e->head.reply->offset) = reply;
    if (!e->keeps_head) return 0;
    request->exchange = x;
    request->site = e->site;
    request->endpoint = e;
    if (e->head.request) *(const weft_request **)(in + e->head.request->offset) = request;
    return weft__exchange_keep_head(x);
}

static void settle(const weft__endpoint *e, weft__exchange *x, weft_reply *r, const void *out, int rc, bool late)
{
    if (late) reply_late(e, x);
    else finish(e, x, r, out, rc);
}

/* Apart: nothing of it is to lie beneath a handler that writes for long. */
static __attribute__((noinline)) void settle_unwritten(const weft__endpoint *e, weft__exchange *x, weft_reply *r, const void *out, int rc, bool late)
{
    settle(e, x, r, out, rc, late);
}

/* A handler that writes its answer; what it has not begun is answered here. */
static __attribute__((noinline)) void answer_written(
    const weft__endpoint *e, weft__exchange *x, weft_reply *reply, const void *in, void *out, int rc)
{
    bool late = false;
    if (rc == 0 && weft__stream_run(e, in, out, e->route->timeout_ms, NULL, &rc, &late)) return;
    settle_unwritten(e, x, reply, out, rc, late);
}

/* An output that is a reply, or has one. */
static weft_reply *begin_reply(const weft__endpoint *e, weft__exchange *x, void *out)
{
    bool whole = e->answer == WEFT__ANSWER_REPLY;
    weft_reply *r = whole ? out : weft__stream_init(e, x, out);
    weft__reply_init(r, x->arena);
    if (whole) weft__reply_expect_file(r, x);
    return r;
}

/* ---- a route with providers ---- */

/* The output as JSON, kept: what it points to is closed next, and that may wait. */
static int keep_output(weft__given *g, const void *out, weft_str *json)
{
    const weft__endpoint *e = g->e;
    weft__fault fault;
    weft__buf *text = weft__exchange_scratch(g->x);
    if (!e->needs->closes || e->answer > WEFT__ANSWER_NULL) return 0;
    if (g->reply && g->reply->has_body)
        return weft__given_mistake("the body was set by a reply(...), but it is the output, %s", e->route->out->name);
    if (e->answer == WEFT__ANSWER_NULL) weft__buf_lit(text, "null");
    else if (weft__json_write_view(e->route->out, out, e->view, text, &fault) < 0)
        return weft__given_mistake("its output cannot be written as JSON: %s", fault.text);
    *json = weft__buf_str(text);
    if (!json->ptr) *json = (weft_str){ "", 0 };
    if (weft__exchange_keep_body(g->x, json, &g->kept) == 0) return 0;
    return weft__given_mistake("no memory for its output (request_bytes_max is %zu)", g->x->arena->bytes_max);
}

/* The handler has ended: what was given for it is closed, and the answer comes last. True: reading the input gave it. */
static bool finish_given(weft__given *g, const void *out, int rc, bool late)
{
    const weft__endpoint *e = g->e;
    weft_reply *r = g->reply;
    weft_str json = { NULL, 0 };
    if (!g->closed) rc = weft__given_outcome(g, rc, late);
    if (rc == 0) rc = keep_output(g, out, &json);
    rc = weft__given_close(g, rc);
    if (g->refused && rc == g->refused) {
        weft__reading_refuse(&g->reading, g->refusal);
        return true;
    }
    if (rc < 0 || g->x->arena->lost || !json.ptr) finish(e, g->x, r, out, rc);
    else reply_send(e, g->x, r, r && r->content_type.len ? r->content_type : weft__json_type, json);
    return false;
}

static __attribute__((noinline)) void answer_given(
    const weft__endpoint *e, weft__exchange *x, const weft__match *m, char *in, void *out)
{
    bool late = false, over = false;
    weft__given *g = weft__given_new(e, x, in);
    if (!g) {
        memory_gave_out(e, x);
        return;
    }
    if (e->answer >= WEFT__ANSWER_REPLY) g->reply = begin_reply(e, x, out);
    else if (e->needs->reply) weft__reply_init(g->reply = &g->beside, x->arena);
    if (g->reply) g->reply->site = e->site;
    int rc = weft__given_open(g, m), left_ms = weft__given_left_ms(g);
    if (__builtin_expect(rc == 0 && e->scopes.count, 0)) rc = weft__security_granted(e, &g->request);
    if (rc == 0 && e->answer >= WEFT__ANSWER_STREAM) over = weft__stream_run(e, in, out, left_ms, g, &rc, &late);
    else if (rc == 0) rc = call_in_time(e, in, out, left_ms, &late);
    bool ended = !over && finish_given(g, out, rc, late);
    if (g->reply && g->reply->file) weft__reply_drop_file(g->reply);
    if (e->takes >= WEFT__TAKES_PIECES && !ended) weft__input_end(e, in);
}

static void answer(const weft__endpoint *e, weft__exchange *x, const weft__match *m)
{
    bool late = false;
    weft_request request;
    weft_reply beside, *reply = NULL;
    char *in = weft__arena_zalloc(x->arena, e->input_bytes);
    void *out = weft__arena_zalloc(x->arena, e->route->out->size);
    if (!in || !out) {
        memory_gave_out(e, x);
        return;
    }
    if (__builtin_expect(e->needs != NULL, 0)) {
        if (e->needs->count) {
            answer_given(e, x, m, in, out);
            return;
        }
        weft__give_lives(e, in);
    }
    if (!weft__input_read(e, x, m, in)) return;
    if (e->answer >= WEFT__ANSWER_REPLY) reply = begin_reply(e, x, out);
    else if (e->head.reply) weft__reply_init(reply = &beside, x->arena);
    if (reply) reply->site = e->site;
    int rc = give_objects(e, x, in, &request, reply);
    if (rc == 0) weft__exchange_detach(x);           /* else what is told of the failure looks at the head where it came */
    if (e->cancels) weft__exchange_cancel_on_leave(x, true);
    if (__builtin_expect(e->answer >= WEFT__ANSWER_STREAM, 0)) {
        answer_written(e, x, reply, in, out, rc);
    } else {
        if (rc == 0) rc = e->route->timeout_ms ? call_in_time(e, in, out, e->route->timeout_ms, &late) : weft__endpoint_run(e, in, out);
        settle(e, x, reply, out, rc, late);
    }
    if (reply && reply->file) weft__reply_drop_file(reply);
    if (__builtin_expect(e->takes >= WEFT__TAKES_PIECES, 0)) weft__input_end(e, in);
}

/* ---- which route ---- */

/* Those of the hosts that fit, then those of any. The parameters of a host stand behind those of the path. */
static __attribute__((noinline)) bool find_by_host(const weft__app *app, const weft__http_head *head, weft__match *m)
{
    weft_str params[WEFT__PARAMS_MAX];
    unsigned verbs = 0;
    for (uint32_t i = 0; i < app->hosts.count; i++) {
        const weft__host *h = app->hosts.items[i];
        if (!weft__host_matches(&h->pattern, head->host, params)) continue;
        bool found = weft__trie_match(&h->trie, head->path, head->verb, m);
        verbs |= m->verbs;
        for (unsigned k = 0; found && k < h->pattern.params; k++) m->params[m->count++] = params[k];
        if (found) return true;
    }
    if (weft__trie_match(&app->trie, head->path, head->verb, m)) return true;
    m->verbs |= verbs;
    return false;
}

static inline bool find(const weft__app *app, const weft__http_head *head, weft__match *m)
{
    if (__builtin_expect(app->hosts.count != 0, 0)) return find_by_host(app, head, m);
    return weft__trie_match(&app->trie, head->path, head->verb, m);
}

/* ---- requests without a route ---- */

static void tell(const weft__app *app, weft__exchange *x, int status, const weft_reply *headers)
{
    weft__told t = { .status = status, .text = weft__http_reason(status), .headers = headers };
    weft__failure_tell(weft__site_of(&app->sites, x->head->host, x->head->path), NULL, x, &t);
}

static void reply_allow(const weft__app *app, weft__exchange *x, unsigned verbs)
{
    char allow[80] = "";
    weft_reply headers;
    weft__reply_init(&headers, x->arena);
    for (unsigned i = 0, n = 0; i < WEFT__VERBS; i++) {
        if (!(verbs >> i & 1)) continue;
        if (n++) strcat(allow, ", ");
        strcat(allow, weft__verb_names[i]);
    }
    int rc = weft_reply_header(&headers, "Allow", "%s", allow);
    tell(app, x, rc < 0 ? 500 : 405, &headers);
}

/* The same path with a slash at its end, or without; empty when it has no routes. "//host" would
 * lead elsewhere. */
static weft_str other_slash(const weft__app *app, weft__exchange *x)
{
    weft__http_head head = *x->head;
    weft_str path = head.path;
    weft__match m;
    if (path.len < 2 || path.ptr[0] != '/' || path.ptr[1] == '/' || path.ptr[1] == '\\')
        return (weft_str){ 0 };
    bool slash = path.ptr[path.len - 1] == '/';
    head.path =
        weft__arena_printf(x->arena, "%.*s%s", (int)(path.len - slash), path.ptr, slash ? "" : "/");
    if (!head.path.ptr) return head.path;
    find(app, &head, &m);
    return m.verbs ? head.path : (weft_str){ 0 };
}

static void reply_elsewhere(const weft__app *app, weft__exchange *x)
{
    weft_str path = other_slash(app, x), query = x->head->query;
    const char *mark = query.ptr ? "?" : "";
    weft_str line = path.len
        ? weft__arena_printf(x->arena, "Location: %s%s%.*s\r\n", path.ptr, mark, WEFT_FMT(query))
        : path;
    if (line.len) weft__exchange_reply(x, 307, line, WEFT_S(""));
    else tell(app, x, x->arena->starved || x->arena->exceeded ? 500 : 404, NULL);
}

static void answer_without_route(const weft__app *app, weft__exchange *x, const weft__match *m)
{
    if (m->verbs) reply_allow(app, x, m->verbs);
    else reply_elsewhere(app, x);
}

/* ---- middleware ---- */

static void answer_inside(weft__onion *o) { answer(o->endpoint, o->exchange, o->match); }
static void answer_inside_without_route(weft__onion *o) { answer_without_route(o->app, o->exchange, o->match); }

static __attribute__((noinline)) void go_through(const weft__endpoint *e, weft__exchange *x, const weft__match *m)
{
    weft__onion o;
    o.exchange = x;
    o.layers = &e->layers;
    o.site = e->site;
    o.endpoint = e;
    o.inner = answer_inside;
    o.match = m;
    weft__onion_run(&o);
}

static __attribute__((noinline)) void go_through_without_route(const weft__app *app, weft__exchange *x, const weft__match *m)
{
    const weft__site *site = weft__site_of(&app->sites, x->head->host, x->head->path);
    weft__onion o;
    o.exchange = x;
    o.layers = &site->layers;
    o.site = site;
    o.endpoint = NULL;
    o.inner = answer_inside_without_route;
    o.app = app;
    o.match = m;
    weft__onion_run(&o);
}

/* ---- one request ---- */

static weft_str header_of(const weft__exchange *x, const char *name)
{
    const weft__http_header *h = weft__http_find(x->head, weft_str_of(name), NULL);
    return h ? h->value : (weft_str){ "", 0 };
}

/* A trace is no reason to refuse a request: without memory for it there is none. */
static __attribute__((noinline)) void begin_trace(weft__exchange *x)
{
    (void)weft__trace_begin(header_of(x, "traceparent"), header_of(x, "tracestate"));
}

/* The client has its answer before, and what that takes is not its time. Returns when that was. */
static __attribute__((noinline)) int64_t close_behind(weft__exchange *x)
{
    int64_t now_ns = weft__loop_clock(weft__loop_here());
    weft__exchange_flush(x);
    for (; x->after; x->after = x->after->next) x->after->run(x->after);
    return now_ns;
}

static void answer_route(const weft__endpoint *e, weft__exchange *x, const weft__match *m, int64_t *ended_ns)
{
    if (__builtin_expect(e->layers.count != 0, 0)) go_through(e, x, m);
    else answer(e, x, m);
    if (__builtin_expect(x->after != NULL, 0)) *ended_ns = close_behind(x);
}

/* A WebSocket's handler stays for long and needs little: its arena begins on its own stack, whose page is there anyway, and takes no block
 * unless it needs more. */
static __attribute__((noinline)) void answer_long(const weft__endpoint *e, weft__exchange *x, const weft__match *m, int64_t *ended_ns)
{
    enum { FIRST = 384 };
    _Alignas(16) char first[FIRST];
    weft_arena *a = x->arena;
    bool lent = !a->at;
    WEFT__POISON(first, FIRST);
    if (lent) {
        a->at = first;
        a->end = first + FIRST;
    }
    answer_route(e, x, m, ended_ns);
    if (lent && a->end == first + FIRST) a->at = a->end = NULL;
    WEFT__UNPOISON(first, FIRST);
}

void weft__app_handle(void *app_, weft__exchange *x)
{
    const weft__app *app = app_;
    weft__match m;
    int64_t began_ns = __builtin_expect(app->metrics != NULL, 0) ? weft__metrics_begin(app->metrics) : 0, ended_ns = 0;
    int route = -1;
    weft__task_work(&x->afterwards);
    if (__builtin_expect(app->traces, 0)) begin_trace(x);
    if (find(app, x->head, &m)) {
        const weft__endpoint *e = &app->endpoints.items[m.route];
        route = m.route;
        weft__task_label(e->name.ptr);
        if (__builtin_expect(e->ws != NULL, 0)) answer_long(e, x, &m, &ended_ns);
        else answer_route(e, x, &m, &ended_ns);
        weft__task_label(NULL);
    } else if (app->layered) go_through_without_route(app, x, &m);
    else answer_without_route(app, x, &m);
    if (__builtin_expect(app->metrics != NULL, 0)) weft__metrics_end(app->metrics, x, route, began_ns, ended_ns);
    if (__builtin_expect(x->afterwards.newest != NULL, 0)) weft__background_answered(x);
    weft__task_work(NULL);
}
