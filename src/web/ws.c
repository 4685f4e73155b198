/* WebSockets of routes: what is refused before, the handshake when it is asked for, and how it ends. */
#include "web/ws.h"
#include <string.h>
#include "io/log.h"
#include "web/background.h"
#include "web/failure.h"
#include "web/provider.h"
#include "web/words.h"
#include "wire/bytes.h"

enum { REQUEST_BYTES = 16 << 20 };

const weft_schema weft_schema_weft_ws = { .name = "weft_ws", .kind = WEFT__special, .size = sizeof(weft__ws_call) };

/* ---- made ready ---- */

static int accept_it(weft_ws *ws);

static void make_origins(weft__making *m, weft__ws_route *r, const char *list)
{
    static const weft__layer_kind kind = { .name = "its WebSocket" };
    weft__layers_at at = { .what = "route", .name = m->name };
    weft__layer_making making = { .arena = m->arena, .faults = m->faults, .at = &at, .kind = &kind };
    r->origins_given = list != NULL;
    if (weft__origins_make(&making, list, &r->origins, &r->any_origin, false) < 0) m->out_of_memory = true;
}

static void make_protocols(weft__making *m, weft__ws_route *r, const char *list)
{
    weft_str rest = weft_str_of(list), word;
    while (weft__word_next(&rest, &word)) {
        if (!weft__bytes_are(word, WEFT__TOKEN)) WEFT__ROUTE_FAULT(m, "subprotocol '%.*s' is no token", WEFT_FMT(word));
        if (r->kind.protocols_count == WEFT__WS_PROTOCOLS_MAX) {
            WEFT__ROUTE_FAULT(m, "more than %d subprotocols", WEFT__WS_PROTOCOLS_MAX);
            return;
        }
        r->kind.protocols[r->kind.protocols_count++] = word;
    }
}

static void check_options(weft__making *m, const weft_ws_opts *o)
{
    if (o->fragments_max < 0 || o->close_ms < 0 || o->leave_ms < 0 || o->ping_ms < -1)
        WEFT__ROUTE_FAULT(m, "an option of its WebSocket is negative; expected 0 for the default, and -1 for .ping_ms alone");
    if (o->deflate_bits && (o->deflate_bits < 9 || o->deflate_bits > 15)) WEFT__ROUTE_FAULT(m, ".deflate_bits %d; expected 9 to 15", o->deflate_bits);
    if (o->deflate_level < 0 || o->deflate_level > 9) WEFT__ROUTE_FAULT(m, ".deflate_level %d; expected 1 to 9", o->deflate_level);
}

void weft__ws_make(weft__making *m)
{
    static const weft_ws_opts none = { 0 };
    const weft_route *route = m->e->route;
    const weft_ws_opts *o = route->ws ? route->ws : &none;
    weft__ws_route *r = weft__arena_zalloc(m->arena, sizeof *r);
    if (!r) {
        m->out_of_memory = true;
        return;
    }
    check_options(m, o);
    weft__ws_kind_make(&r->kind, o);
    r->request_bytes_max = REQUEST_BYTES;
    r->kind.accept = accept_it;
    r->endpoint = m->e;
    if (route->ws_handlers) {
        r->kind.arrived = weft__ws_handlers_arrived;
        r->kind.ended = weft__ws_handlers_ended;
    }
    make_origins(m, r, o->origins);
    make_protocols(m, r, o->protocols);
    m->e->ws = r;
}

/* ---- the handshake ---- */

/* "https://example.com:8443" of a page on the very host that was asked. */
static bool same_host(weft_str origin, weft_str host)
{
    for (size_t i = 0; i + 3 <= origin.len; i++)
        if (memcmp(origin.ptr + i, "://", 3) == 0) return weft__same_nocase((weft_str){ origin.ptr + i + 3, origin.len - i - 3 }, host);
    return false;
}

static bool origin_fits(const weft__ws_route *r, const weft__http_head *head)
{
    const weft__http_header *h = weft__http_find(head, WEFT_S("Origin"), NULL);
    if (!h || r->any_origin) return true;
    if (weft__http_find(head, WEFT_S("Origin"), h)) return false;
    return r->origins_given ? weft__origins_have(&r->origins, h->value) : same_host(h->value, head->host);
}

/* Counted from 1; 0: none in common. */
static uint8_t choose_protocol(const weft__ws_route *r, const weft__http_head *head)
{
    for (unsigned i = 0; i < r->kind.protocols_count; i++)
        if (weft__ws_offers(head, WEFT_S("Sec-WebSocket-Protocol"), r->kind.protocols[i])) return (uint8_t)(i + 1);
    return 0;
}

/* On the loop's own stack: the library's is deep, and this one's stays for as long as the WebSocket does. */
typedef struct digesting { weft_str key; char *out; } digesting;

static int digest(void *arg)
{
    const digesting *d = arg;
    return weft__ws_accept(d->key, d->out) ? 0 : WEFT_ENOMEM;
}

weft_reply *weft__ws_init(const weft__endpoint *e, weft__exchange *x, void *out)
{
    weft__ws_call *c = out;
    const weft__ws_route *r = e->ws;
    c->exchange = x;
    c->endpoint = e;
    c->fault = weft__ws_request_fault(x->head, x->connects, &c->status);
    if (!c->fault && !origin_fits(r, x->head)) {
        c->fault = "WebSockets of this route are not open to pages of that origin (.origins)";
        c->status = 403;
    }
    if (c->fault) return &c->reply;
    if (!x->connects && weft__leaf(digest, &(digesting){ weft__ws_key_of(x->head), c->accept }) < 0) {
        c->fault = "SHA-1 has failed";
        c->status = WEFT_ENOMEM;
    }
    c->protocol = choose_protocol(r, x->head);
    c->terms = weft__ws_agree(x->head, &r->kind.terms);
    return &c->reply;
}

static weft_str handshake_lines(weft__ws_call *c)
{
    weft__buf lines;
    weft__buf_init(&lines, 4096);
    if (!c->exchange->connects) {
        weft__buf_lit(&lines, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
        weft__buf_add(&lines, c->accept, sizeof c->accept);
        weft__buf_lit(&lines, "\r\n");
    }
    if (c->protocol) {
        weft__buf_lit(&lines, "Sec-WebSocket-Protocol: ");
        weft__buf_add_str(&lines, weft_ws_protocol(c->ws));
        weft__buf_lit(&lines, "\r\n");
    }
    if (c->terms.on) {
        weft__buf_lit(&lines, "Sec-WebSocket-Extensions: ");
        weft__ws_add_terms(&lines, &c->terms);
        weft__buf_lit(&lines, "\r\n");
    }
    weft_str all = { NULL, 0 };
    if (!lines.failed) all = weft__reply_lines(c->exchange->arena, &c->reply, (weft_str){ 0 }, weft__buf_str(&lines));
    weft__buf_free(&lines);
    return all;
}

static int answer_handshake(void *arg)
{
    weft_ws *ws = arg;
    weft__ws_call *c = ws->owner;
    weft__pipe *pipe;
    bool leaves = weft__exchange_retires(c->exchange);
    if (weft__exchange_stops(c->exchange) && !leaves) return weft_fail(503, "the server stops");
    if (c->reply.status || c->reply.has_body) return weft_fail(WEFT_EINVAL, "a WebSocket is accepted, but weft_ws_reply has a status or a body for its refusal");
    weft_str lines = handshake_lines(c);
    int rc = lines.ptr ? weft__exchange_upgrade(c->exchange, lines, &pipe) : WEFT_ENOMEM;
    if (rc == WEFT_ECONNRESET) return weft__fail_as(NULL, rc, 0, "the client has left");
    if (rc == WEFT_EINVAL && c->exchange->status) c->spoiled = true;
    if (c->spoiled) return weft_fail(WEFT_EINVAL, "middleware gave the answer to a handshake another status than 101");
    if (rc < 0) return weft__fail_as(NULL, rc, 0, "no memory for the answer to a handshake");
    c->reply.sent = true;
    weft__ws_open(ws, pipe, &c->terms);
    if (leaves) pipe->edge(pipe->owner, WEFT__PIPE_STOP);    /* as all others were told: whoever comes again finds who serves on */
    return 0;
}

/* Middleware is the user's, who is called on the stack of the task. */
static int accept_it(weft_ws *ws)
{
    const weft__ws_call *c = ws->owner;
    return c->exchange->taker ? answer_handshake(ws) : weft__leaf(answer_handshake, ws);
}

static weft__ws_call *call_of(const weft_ws *ws)
{
    bool of_request = ws->kind->accept == accept_it && ws->held && !ws->detached;
    return of_request ? ws->owner : NULL;
}

weft_reply *weft_ws_reply(weft_ws *ws) { return call_of(ws) ? &call_of(ws)->reply : NULL; }

/* ---- the end ---- */

static void say(const weft_ws *ws, const char *why, const char *trace)
{
    char line[1024];
    trace = weft__failure_trace(trace, line, sizeof line);
    weft__log(WEFT_LOG_ERROR, "%.*s: %s%s%s%s", WEFT_FMT(weft__ws_route_of(ws)->endpoint->name), why, *trace ? " [" : "", trace, *trace ? "]" : "");
}

/* A peer that has left, or does what it must not, and a server that stops are nobody's fault here. */
static bool abandoned(const weft_ws *ws, int rc)
{
    if (rc == WEFT_ECANCELED && (ws->told || weft__cancelled())) return true;
    return (ws->told || ws->said_close) && (rc == WEFT_ECLOSED || rc == ws->failed);
}

weft__ws_ending weft__ws_ending_of(const weft_ws *ws, int rc, bool late)
{
    if (rc == 0) return (weft__ws_ending){ 1000, { "", 0 } };
    if (late) {
        say(ws, "its handler did not end within timeout_ms", "");
        return (weft__ws_ending){ 1011, WEFT_S("no end within timeout_ms") };
    }
    if (rc > 0) {
        say(ws, "its handler returned a positive number; expected 0 or what weft_fail returns", "");
        return (weft__ws_ending){ 1011, { "", 0 } };
    }
    const weft_error *error = weft_error_of(rc);
    if (weft__error_shown(rc) && error->status < 500) return (weft__ws_ending){ error->status == 422 ? 1007 : 1008, weft_str_of(error->text) };
    if (rc == WEFT_ECANCELED && weft__cancelled()) return (weft__ws_ending){ 1001, { "", 0 } };
    if (!abandoned(ws, rc)) say(ws, error->text, error->trace);
    return (weft__ws_ending){ 1011, { "", 0 } };
}

/* Behind the accept there is no answer any more that could tell. Of message handlers this is the first one, which has accepted and then failed. */
static void end_accepted(weft_ws *ws, weft__exchange *x, int rc, bool late)
{
    weft__ws_ending end = { 1011, { "", 0 } };
    if (rc == 0 && x->arena->lost) {
        say(ws, x->arena->exceeded ? "it needs more memory than request_bytes_max" : "no memory left", "");
        rc = weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory left");
    } else {
        end = weft__ws_ending_of(ws, rc, late);
    }
    if (weft__ws_route_of(ws)->endpoint->route->ws_handlers) weft__ws_handlers_failed(ws, &end);
    weft__ws_release(ws, end.code, end.reason);
    if (rc != 0) x->failed = rc < 0 ? rc : WEFT_EINVAL;
    if (rc != 0) weft__background_drop(&x->afterwards);
}

static int refuse(weft__ws_call *c)
{
    if (c->status == 426) {
        int rc = weft__reply_put(&c->reply, WEFT_S("Upgrade"), WEFT_S("websocket"));
        if (rc == 0 && !c->exchange->ops) rc = weft__reply_put(&c->reply, WEFT_S("Connection"), WEFT_S("upgrade"));      /* RFC 9110, 7.8 */
        if (rc == 0) rc = weft__reply_put(&c->reply, WEFT_S("Sec-WebSocket-Version"), WEFT_S("13"));
        if (rc < 0) return rc;
    }
    return weft_fail(c->status, "%s", c->fault);
}

static int call_handler(const weft__endpoint *e, const void *in, weft_ws *ws)
{
    if (e->route->ws_handlers) return weft__ws_handlers_open(ws, in);
    return ((int (*)(const void *, weft_ws *))e->route->handler)(in, ws);
}

/* Nobody has accepted it: a refusal, with a reply of its own or without. */
static int unaccepted(const weft__ws_call *c)
{
    if (c->reply.status || c->reply.has_body) return 0;
    return weft_fail(403, "the WebSocket is not accepted");
}

bool weft__ws_run(const weft__endpoint *e, const void *in, void *out, int timeout_ms, weft__given *given, int *rc, bool *late)
{
    weft__ws_call *c = out;
    const weft_ws_handlers *handlers = e->route->ws_handlers;
    weft_ws *ws = c->fault ? NULL : weft__ws_new(&e->ws->kind, handlers ? handlers->state : 0);
    if (!ws) {
        *rc = c->fault ? refuse(c) : weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a WebSocket");
        return false;
    }
    c->ws = ws;
    ws->protocol = c->protocol;
    ws->owner = c;
    ws->kept = e->route->keep_when_client_leaves;
    {
        WEFT_SCOPE(handler, .timeout_ms = timeout_ms);
        ws->scope = handler;
        *rc = call_handler(e, in, ws);
        *late = *rc == WEFT_ETIMEDOUT && weft_scope_caught(handler);
        if (given) {
            *rc = weft__given_close(given, weft__given_outcome(given, *rc, *late));
            *late = false;
        }
        if (*rc == 0 && !ws->opened) *rc = handlers && !c->reply.status ? weft_ws_accept(ws) : unaccepted(c);
        ws->scope = NULL;
    }
    if (!ws->opened) {
        if (c->spoiled) say(ws, weft_error_of(*rc)->text, "");
        if (c->spoiled) weft__exchange_break(c->exchange);
        weft__ws_release(ws, 0, (weft_str){ "", 0 });
        return c->spoiled;
    }
    if (*rc == 0 && handlers) weft__ws_handlers_begin(ws, c->exchange);
    else end_accepted(ws, c->exchange, *rc, *late);
    return true;
}
