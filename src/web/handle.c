/* One request, from its route to its answer. */
#include <string.h>
#include "model/json.h"
#include "web/endpoint.h"
#include "web/request.h"

const weft_schema weft_schema_weft_reply = {
    .name = "weft_reply", .kind = WEFT__special, .size = sizeof(weft_reply)
};

const weft_schema weft_schema_weft_body = {
    .name = "weft_body", .kind = WEFT__special, .size = sizeof(weft_body)
};

static const weft_str json_type = WEFT_S("application/json");
static const weft_str json_line = WEFT_S("Content-Type: application/json\r\n");

static void reply_late(const weft__endpoint *e, weft__exchange *x)
{
    weft__failure_reply(e, x, NULL, weft_fail(504, "no answer within %d ms", e->route->timeout_ms));
}

/* The handler under the route's deadline; *late tells that it was this one that ended it. */
static int call_in_time(const weft__endpoint *e, const void *in, void *out, bool *late)
{
    WEFT_SCOPE(s, .timeout_ms = e->route->timeout_ms);
    int rc = weft__endpoint_run(e, in, out);
    *late = rc == WEFT_ETIMEDOUT && weft_scope_caught(s);
    return rc;
}

static void reply_send(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *r, weft_str type, weft_str body)
{
    int status = r && r->status ? r->status : e->status;
    bool bare = status == 204 || status == 304;
    weft_str lines = bare || !type.len ? (weft_str){ "", 0 } : json_line;
    if (r && (r->headers.count || r->content_type.len))
        lines = weft__reply_lines(x->arena, r, bare ? (weft_str){ 0 } : type, (weft_str){ 0 });
    if (lines.ptr) weft__exchange_reply(x, status, lines, body);
    else
        weft__failure_internal(e, x,
            "no memory for the answer's headers (request_bytes_max is %zu)", x->arena->bytes_max);
}

static void send_output(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *r, const void *out)
{
    if (r && e->answer == WEFT__ANSWER_REPLY) {
        reply_send(e, x, r, r->content_type, r->body);
        return;
    }
    if (r && r->has_body) {
        weft__failure_internal(e, x, "the body was set by reply(%s), but it is the output, %s",
            e->reply->name, e->route->out->name);
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
            e, x, r, r && r->content_type.len ? r->content_type : json_type, weft__buf_str(body));
}

static void memory_gave_out(const weft__endpoint *e, weft__exchange *x)
{
    if (x->arena->exceeded)
        weft__failure_internal(
            e, x, "it needs more memory than request_bytes_max, %zu bytes", x->arena->bytes_max);
    else weft__failure_internal(e, x, "no memory left");
}

static void finish(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *r, const void *out, int rc)
{
    if (rc < 0) weft__failure_reply(e, x, r, rc);
    else if (rc > 0)
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
    if (e->reply) *(weft_reply **)(in + e->reply->offset) = reply;
    if (!e->request) return 0;
    request->exchange = x;
    *(const weft_request **)(in + e->request->offset) = request;
    return weft__exchange_keep_head(x);
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
    if (!weft__input_read(e, x, m, in)) return;
    if (e->answer == WEFT__ANSWER_REPLY) reply = out;
    else if (e->reply) reply = &beside;
    if (reply) weft__reply_init(reply, x->arena);
    int rc = give_objects(e, x, in, &request, reply);
    weft__exchange_detach(x);
    if (e->cancels) weft__exchange_cancel_on_leave(x, true);
    if (rc == 0)
        rc = e->route->timeout_ms ? call_in_time(e, in, out, &late) : weft__endpoint_run(e, in, out);
    if (late) reply_late(e, x);
    else finish(e, x, reply, out, rc);
    if (__builtin_expect(e->takes >= WEFT__TAKES_PIECES, 0)) weft__input_end(e, in);
}

/* ---- requests without a route ---- */

static void reply_allow(weft__exchange *x, unsigned verbs)
{
    char allow[80] = "Allow: ";
    for (unsigned i = 0, n = 0; i < WEFT__VERBS; i++) {
        if (!(verbs >> i & 1)) continue;
        if (n++) strcat(allow, ", ");
        strcat(allow, weft__verb_names[i]);
    }
    strcat(allow, "\r\n");
    weft__detail_reply(x, NULL, 405, weft_str_of(allow), WEFT_S("Method Not Allowed"));
}

/* The same path with a slash at its end, or without; empty when it has no routes. "//host" would
 * lead elsewhere. */
static weft_str other_slash(const weft__app *app, weft__exchange *x)
{
    weft_str path = x->head->path;
    weft__match m;
    if (path.len < 2 || path.ptr[0] != '/' || path.ptr[1] == '/' || path.ptr[1] == '\\')
        return (weft_str){ 0 };
    bool slash = path.ptr[path.len - 1] == '/';
    weft_str other =
        weft__arena_printf(x->arena, "%.*s%s", (int)(path.len - slash), path.ptr, slash ? "" : "/");
    if (!other.ptr) return other;
    weft__trie_match(&app->trie, other, x->head->verb, &m);
    return m.verbs ? other : (weft_str){ 0 };
}

static void reply_elsewhere(const weft__app *app, weft__exchange *x)
{
    weft_str path = other_slash(app, x), query = x->head->query;
    const char *mark = query.ptr ? "?" : "";
    weft_str line = path.len
        ? weft__arena_printf(x->arena, "Location: %s%s%.*s\r\n", path.ptr, mark, WEFT_FMT(query))
        : path;
    if (line.len) weft__exchange_reply(x, 307, line, WEFT_S(""));
    else if (x->arena->starved || x->arena->exceeded)
        weft__detail_reply(x, NULL, 500, line, WEFT_S("Internal Server Error"));
    else weft__detail_reply(x, NULL, 404, line, WEFT_S("Not Found"));
}

void weft__app_handle(void *app_, weft__exchange *x)
{
    const weft__app *app = app_;
    weft__match m;
    if (weft__trie_match(&app->trie, x->head->path, x->head->verb, &m)) {
        const weft__endpoint *e = &app->endpoints.items[m.route];
        weft__task_label(e->name.ptr);
        answer(e, x, &m);
        weft__task_label(NULL);
    } else if (m.verbs) reply_allow(x, m.verbs);
    else reply_elsewhere(app, x);
}
