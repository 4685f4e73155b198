#include "web/failure.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "io/log.h"
#include "task/error.h"
#include "web/background.h"
#include "web/request.h"
#include "wire/json.h"

static const weft_str json_type = WEFT_S("application/json");
static const weft_str problem_type = WEFT_S("application/problem+json");

static weft_str reason(int status)
{
    weft_str known = weft__http_reason(status);
    return known.len ? known : WEFT_S("Error");
}

/* ---- the usual forms ---- */

static void send_json(weft__exchange *x, const weft__told *t, weft_str type, weft_str body)
{
    weft_str lines = type.len == json_type.len ? WEFT_S("Content-Type: application/json\r\n")
                                               : WEFT_S("Content-Type: application/problem+json\r\n");
    if (t->headers && t->headers->headers.count) {
        weft_str all = weft__reply_lines(x->arena, t->headers, type, (weft_str){ 0 });
        if (all.ptr) lines = all;
    }
    weft__exchange_reply(x, t->status, lines, body);
}

static void tell_plainly(const weft__site *site, weft__exchange *x, const weft__told *t)
{
    weft__buf *body = weft__exchange_scratch(x);
    bool problem = site->app->problems;
    if (problem) weft__problem_write(body, t->status, t->text, t->detail);
    else {
        weft__buf_lit(body, "{\"detail\":");
        if (t->detail.len) weft__buf_add_str(body, t->detail);
        else weft__json_add_text_lossy(body, t->text);
        weft__buf_lit(body, "}");
    }
    send_json(x, t, problem ? problem_type : json_type, body->failed ? WEFT_S("{}") : weft__buf_str(body));
}

/* ---- the debug page ---- */

static bool tell_developer(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const weft__told *t)
{
    static const weft_str page_lines = WEFT_S("Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nX-Content-Type-Options: nosniff\r\n");
    if (!site->app->debug || !t->hidden) return false;
    bool page = weft__wants_html(x);
    weft__buf *body = weft__exchange_scratch(x);
    if (page) weft__debug_page(body, site, e, x, t);
    else weft__debug_json(body, t);
    if (body->failed) return false;
    if (page) weft__exchange_reply(x, t->status, page_lines, weft__buf_str(body));
    else send_json(x, t, json_type, weft__buf_str(body));
    return true;
}

/* ---- handlers of the application's ---- */

static weft_failure_handler *handler_of(const weft__site *site, int code, int status)
{
    const weft_on_failure *list = site->app->on_failure, *best = NULL;
    for (const weft_on_failure *f = list; f && f->handler; f++) {
        if (f->of == code) return f->handler;
        if (f->of == status || (f->of == WEFT_ANY_FAILURE && !best)) best = f;
    }
    return best ? best->handler : NULL;
}

static weft_str json_of(weft__exchange *x, const weft__told *t)
{
    weft__buf json;
    if (t->detail.len) return weft__arena_dup(x->arena, t->detail);
    weft__buf_init(&json, WEFT__ERROR_DETAIL_MAX);
    weft__json_add_text_lossy(&json, t->text);
    weft_str copy = weft__arena_dup(x->arena, weft__buf_str(&json));
    weft__buf_free(&json);
    return copy;
}

static int call(weft_failure_handler *handler, weft__exchange *x, const weft_failure *failure, weft_reply *reply)
{
    bool lost_before = x->arena->lost;
    x->arena->lost = false;
    weft__exchange_detach(x);
    int rc = handler(failure, reply);
    bool lost = x->arena->lost;
    x->arena->lost |= lost_before;
    if (rc == 0 && lost) return weft_fail(WEFT_ELIMIT, "no memory left for what it gives, or past request_bytes_max");
    if (rc > 0) return weft_fail(WEFT_EINVAL, "it returned %d; expected 0 or what weft_fail returns", rc);
    return rc;
}

/* A reply with the failure's status and headers: in a list of its own, as they are needed again when the handler fails. */
static bool reply_begin(weft_reply *r, const weft__site *site, weft__exchange *x, const weft__told *t)
{
    weft__reply_init(r, x->arena);
    r->site = site;
    r->exchange = x;
    r->status = t->status;
    for (uint32_t i = 0; t->headers && i < t->headers->headers.count; i++) {
        weft_header *slot = weft__list_slot(r->arena, &r->headers, sizeof *slot);
        if (!slot) return false;
        *slot = t->headers->headers.items[i];
    }
    return true;
}

static bool send_reply(weft_str name, weft__exchange *x, weft_reply *r)
{
    bool bare = weft__http_bodiless(r->status);
    if (r->file) return weft__file_send_failure(name, x, r);
    weft_str lines = weft__reply_lines(x->arena, r, bare ? (weft_str){ 0 } : r->content_type, (weft_str){ 0 });
    if (lines.ptr) weft__exchange_reply(x, r->status, lines, r->body);
    return lines.ptr;
}

static void log_handler(const weft__endpoint *e, int status, int rc)
{
    const weft_error *error = weft_error_of(rc);
    weft__log(WEFT_LOG_ERROR, "%.*s: what answers its %d failed itself: %s", WEFT_FMT(e ? e->name : WEFT_S("a request")), status, error->text);
}

static bool tell_by_handler(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const weft__told *t)
{
    int code = t->code ? t->code : WEFT_STATUS(t->status);
    weft_failure_handler *handler = t->abandoned || weft__cancelled() ? NULL : handler_of(site, code, t->status);
    if (!handler || weft__exchange_keep_head(x) < 0) return false;
    weft_request request = { .exchange = x, .site = site, .endpoint = e };
    weft_reply reply;
    weft_failure failure = { .code = code, .status = t->status, .detail = { json_of(x, t) }, .inside = t->inside ? t->inside : "",
        .trace = t->trace ? t->trace : "", .route = e ? e->name.ptr : "", .request = &request };
    failure.text = t->detail.len ? failure.detail.text : weft__arena_dup(x->arena, t->text);
    failure.body = weft__arena_dup(x->arena, t->body);
    bool ready = reply_begin(&reply, site, x, t) && failure.detail.text.ptr && failure.text.ptr && failure.body.ptr;
    int rc = ready ? call(handler, x, &failure, &reply) : WEFT_ENOMEM;
    bool sent = rc == 0 && send_reply(e ? e->name : WEFT_S("a request"), x, &reply);
    weft__reply_drop_file(&reply);
    if (sent) return true;
    if (!weft__cancelled()) log_handler(e, t->status, rc < 0 ? rc : WEFT_ENOMEM);
    return false;
}

void weft__failure_tell(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const weft__told *t)
{
    x->failed = t->code ? t->code : WEFT_STATUS(t->status);
    weft__background_drop(&x->afterwards);
    if (tell_developer(site, e, x, t)) return;
    if (site->app->on_failure && tell_by_handler(site, e, x, t)) return;
    tell_plainly(site, x, t);
}

/* ---- what handlers fail with ---- */

/* A trace has a line for each place; in the log all of it stands in one. */
const char *weft__failure_trace(const char *trace, char *out, size_t room)
{
    size_t n = 0;
    for (; *trace && n + 3 < room; trace++) {
        if (*trace == '\n') out[n++] = ',', out[n++] = ' ';
        else out[n++] = *trace;
    }
    out[n] = 0;
    return out;
}

static weft_str name_of(const weft__endpoint *e) { return e ? e->name : WEFT_S("a request without a route"); }

static void log_failure(
    const weft__endpoint *e, const weft__exchange *x, int status, const weft_error *error)
{
    char trace[1024], limit[80] = "";
    if (x->arena->exceeded)
        snprintf(limit, sizeof limit,
            " (the request's memory, request_bytes_max, of %zu bytes was used up)",
            x->arena->bytes_max);
    weft__failure_trace(error->trace, trace, sizeof trace);
    weft__log(WEFT_LOG_ERROR, "%.*s: %d: %s%s%s%s%s", WEFT_FMT(name_of(e)), status, error->text,
        limit, *trace ? " [" : "", trace, *trace ? "]" : "");
}

/* The headers of the reply, when its failure has a status, and those that the failure itself has. What lies in its record goes
 * when other failures come. */
static const weft_reply *headers_of(weft__exchange *x, const weft_reply *reply, const weft__record *r, weft_reply *room)
{
    weft_str lines = r ? weft__buf_str(&r->headers) : (weft_str){ 0 }, name, value;
    if (!lines.len) return reply;
    weft__reply_init(room, x->arena);
    if (reply) room->headers = reply->headers;
    lines = weft__arena_dup(x->arena, lines);
    while (lines.ptr && weft__header_line_next(&lines, &name, &value))
        if (!weft__header_fault(name, value)) (void)weft__reply_set(room, name, value);
    return room;
}

void weft__failure_reply(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *reply, int rc)
{
    weft__failure_answer(e->site, e, x, reply, rc);
}

void weft__failure_answer(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const weft_reply *reply, int rc)
{
    weft_reply room;
    const weft_error *error = weft_error_of(rc);
    weft__errors *errors = weft__errors_here(false);
    const weft__record *r = errors ? weft__errors_find(errors, rc) : NULL;
    bool has_status = rc <= WEFT_STATUS(400) && rc >= WEFT_STATUS(599), shown = r && r->shown;
    weft__told t = { .code = rc, .status = error->status >= 400 && error->status <= 599 ? error->status : 500 };
    /* The client left, or the server stops: nobody's fault. */
    t.abandoned = rc == WEFT_ECANCELED && weft__cancelled();
    if (t.status >= 500 && !t.abandoned) log_failure(e, x, t.status, error);
    t.text = shown ? weft_str_of(error->text) : reason(t.status);
    t.hidden = !shown && t.status >= 500 && !t.abandoned;
    t.inside = error->text;
    t.trace = error->trace;
    t.headers = headers_of(x, has_status ? reply : NULL, r, &room);
    if (shown && r->detail.len) t.detail = weft__arena_dup(x->arena, weft__buf_str(&r->detail));
    weft__failure_tell(site, e, x, &t);
}

static void tell_mistake(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const char *fmt, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, fmt, args);
    weft__log(WEFT_LOG_ERROR, "%.*s: 500: %s", WEFT_FMT(name_of(e)), text);
    weft__failure_tell(site, e, x, &(weft__told){ .status = 500, .text = reason(500), .inside = text, .trace = "", .hidden = true });
}

void weft__failure_internal(const weft__endpoint *e, weft__exchange *x, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell_mistake(e->site, e, x, fmt, args);
    va_end(args);
}

void weft__failure_mistake(const weft__site *site, const weft__endpoint *e, weft__exchange *x, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell_mistake(site, e, x, fmt, args);
    va_end(args);
}

/* ---- what clients get wrong ---- */

void weft__failure_refuse(const weft__endpoint *e, weft__exchange *x, int status, weft_str text)
{
    weft__failure_tell(e->site, e, x, &(weft__told){ .status = status, .text = text });
}

void weft__failure_problems(const weft__endpoint *e, weft__exchange *x, const weft__problems *problems, weft_str body_read)
{
    enum { BEFORE = 10, AROUND = 11 };               /* {"detail": and } */
    static const weft_str too_many = WEFT_S("the input does not fit, and its faults are too many to list");
    weft__buf *body = weft__exchange_scratch(x);
    if (weft__problems_write(problems, body) < 0) {
        weft__failure_refuse(e, x, 422, too_many);
        return;
    }
    weft_str all = weft__buf_str(body);
    if (!e->site->app->on_failure && !e->site->app->problems) {
        x->failed = WEFT_STATUS(422);
        weft__background_drop(&x->afterwards);
        weft__exchange_reply(x, 422, WEFT_S("Content-Type: application/json\r\n"), all);
        return;
    }
    weft_str list = weft__arena_dup(x->arena, (weft_str){ all.ptr + BEFORE, all.len - AROUND });
    weft__told t = { .status = 422, .text = list.ptr ? WEFT_S("The input does not fit.") : too_many, .detail = list, .body = body_read };
    weft__failure_tell(e->site, e, x, &t);
}
