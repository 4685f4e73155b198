/* Answers that are no success: what the client is told, and what the log is told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "io/log.h"
#include "web/endpoint.h"
#include "wire/json.h"

void weft__detail_reply(
    weft__exchange *x, const weft_reply *reply, int status, weft_str lines, weft_str text)
{
    weft_str all = WEFT_S("Content-Type: application/json\r\n");
    if (lines.len || (reply && reply->headers.count)) {
        weft_str more = weft__reply_lines(x->arena, reply, WEFT_S("application/json"), lines);
        if (more.ptr) all = more;
    }
    weft__buf *body = weft__exchange_scratch(x);
    weft__buf_lit(body, "{\"detail\":");
    weft__json_add_text_lossy(body, text);
    weft__buf_lit(body, "}");
    weft__exchange_reply(x, status, all, body->failed ? WEFT_S("{}") : weft__buf_str(body));
}

static weft_str reason(int status)
{
    weft_str known = weft__http_reason(status);
    return known.len ? known : WEFT_S("Error");
}

/* A trace has a line for each place; in the log all of it stands in one. */
static const char *one_line(const char *trace, char *out, size_t room)
{
    size_t n = 0;
    for (; *trace && n + 3 < room; trace++) {
        if (*trace == '\n') out[n++] = ',', out[n++] = ' ';
        else out[n++] = *trace;
    }
    out[n] = 0;
    return out;
}

static void log_failure(
    const weft__endpoint *e, const weft__exchange *x, int status, const weft_error *error)
{
    char trace[1024], limit[80] = "";
    if (x->arena->exceeded)
        snprintf(limit, sizeof limit,
            " (the request's memory, request_bytes_max, of %zu bytes was used up)",
            x->arena->bytes_max);
    one_line(error->trace, trace, sizeof trace);
    weft__log(WEFT__LOG_ERROR, "%.*s: %d: %s%s%s%s%s", WEFT_FMT(e->name), status, error->text,
        limit, *trace ? " [" : "", trace, *trace ? "]" : "");
}

void weft__failure_reply(
    const weft__endpoint *e, weft__exchange *x, const weft_reply *reply, int rc)
{
    const weft_error *error = weft_error_of(rc);
    bool has_status = rc <= WEFT_STATUS(400) && rc >= WEFT_STATUS(599);
    int status = error->status >= 400 && error->status <= 599 ? error->status : 500;
    /* The client left, or the server stops: nobody's fault. */
    bool abandoned = rc == WEFT_ECANCELED && weft__cancelled();
    if (status >= 500 && !abandoned) log_failure(e, x, status, error);
    weft_str text = weft__error_shown(rc) ? weft_str_of(error->text) : reason(status);
    weft__detail_reply(x, has_status ? reply : NULL, status, (weft_str){ 0 }, text);
}

void weft__failure_internal(const weft__endpoint *e, weft__exchange *x, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    weft__log(WEFT__LOG_ERROR, "%.*s: 500: %s", WEFT_FMT(e->name), text);
    weft__detail_reply(x, NULL, 500, (weft_str){ 0 }, reason(500));
}
