/* What a developer is shown of a failure that clients are told nothing of. Everything in it may be hostile: the path, the
 * headers, what an upstream said. */
#include <string.h>
#include "task/loop.h"
#include "web/failure.h"
#include "wire/bytes.h"
#include "wire/json.h"

void weft__html_add(weft__buf *out, weft_str text)
{
    static const char *const written[128] = { ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;" };
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 128 || !written[c]) continue;
        weft__buf_add(out, text.ptr + from, i - from);
        weft__buf_add_str(out, weft_str_of(written[c]));
        from = i + 1;
    }
    if (from < text.len) weft__buf_add(out, text.ptr + from, text.len - from);
}

/* ---- who wants what ---- */

static bool begins(weft_str text, weft_str with)
{
    return text.len >= with.len && weft__same_nocase((weft_str){ text.ptr, with.len }, with);
}

/* "text/html;q=0.9" is wanted, "text/html; q=0.0" is not. RFC 9110, 12.5.1 */
static bool is_html(weft_str range)
{
    static const weft_str html = WEFT_S("text/html");
    if (!begins(range, html)) return false;
    weft_str rest = weft__trim((weft_str){ range.ptr + html.len, range.len - html.len });
    if (rest.len && rest.ptr[0] != ';') return false;
    const char *q = rest.len ? memchr(rest.ptr, '=', rest.len) : NULL;
    for (const char *p = q ? q + 1 : NULL; p && p < rest.ptr + rest.len; p++)
        if (*p >= '1' && *p <= '9') return true;
    return !q;
}

bool weft__wants_html(const weft__exchange *x)
{
    static const weft_str accept = WEFT_S("accept");
    for (const weft__http_header *h = NULL; (h = weft__http_find(x->head, accept, h));) {
        const char *at = h->value.ptr, *end = at + h->value.len;
        while (at && at < end) {
            const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
            if (is_html(weft__trim((weft_str){ at, (size_t)(stop - at) }))) return true;
            at = comma ? comma + 1 : NULL;
        }
    }
    return false;
}

/* ---- the page ---- */

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem}h2{font-size:1rem;margin-top:2rem}pre,td{font:13px/1.5 ui-monospace,monospace}"
    "pre{background:#f4f4f4;padding:1rem;overflow:auto;white-space:pre-wrap}"
    "td{padding:.1rem 1rem .1rem 0;vertical-align:top;overflow-wrap:anywhere}.no{color:#888}";

static bool contains(weft_str text, weft_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (begins((weft_str){ text.ptr + i, text.len - i }, part)) return true;
    return false;
}

static bool is_secret(weft_str name)
{
    static const weft_str parts[] = { WEFT_S("auth"), WEFT_S("cookie"), WEFT_S("token"), WEFT_S("secret"), WEFT_S("key"),
        WEFT_S("password"), WEFT_S("session"), WEFT_S("csrf"), WEFT_S("signature") };
    for (size_t i = 0; i < weft_count(parts); i++)
        if (contains(name, parts[i])) return true;
    return false;
}

static void add_section(weft__buf *out, const char *title, weft_str text)
{
    if (!text.len) return;
    weft__buf_printf(out, "<h2>%s</h2>\n<pre>", title);
    weft__html_add(out, text);
    weft__buf_lit(out, "</pre>\n");
}

static void add_request(weft__buf *out, const weft__exchange *x)
{
    const weft__http_head *head = x->head;
    weft__buf_lit(out, "<h2>Request</h2>\n<pre>");
    weft__html_add(out, head->method);
    weft__buf_lit(out, " ");
    weft__html_add(out, head->path);
    if (head->query.len) weft__buf_lit(out, " <span class=\"no\">with a query, not shown</span>");
    weft__buf_lit(out, "</pre>\n<table>\n");
    for (unsigned i = 0; i < head->count; i++) {
        weft__buf_lit(out, "<tr><td>");
        weft__html_add(out, head->headers[i].name);
        if (is_secret(head->headers[i].name)) weft__buf_lit(out, "<td class=\"no\">not shown");
        else {
            weft__buf_lit(out, "<td>");
            weft__html_add(out, head->headers[i].value);
        }
        weft__buf_lit(out, "\n");
    }
    weft__buf_lit(out, "</table>\n");
}

void weft__debug_page(weft__buf *out, const weft__site *site, const weft__endpoint *e, const weft__exchange *x, const weft__told *t)
{
    const char *task = weft_task_self() ? weft_task_name(weft_task_self()) : "";
    weft__buf_lit(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    weft__html_add(out, weft_str_of(t->inside));
    weft__buf_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>%d: ", style, t->status);
    weft__html_add(out, weft_str_of(t->inside));
    weft__buf_lit(out, "</h1>\n");
    add_section(out, "Passed on at, innermost first", weft_str_of(t->trace));
    if (e) add_section(out, "Route", e->name);
    if (e) add_section(out, "Handler", weft_str_of(e->route->name));
    add_section(out, "Task", weft_str_of(task));
    add_section(out, "Application", weft_str_of(site->app->title));
    add_request(out, x);
    weft__buf_lit(out, "<p class=\"no\">Shown because the application says .debug; others are told nothing of this.</p>\n</body>\n</html>\n");
}

void weft__debug_json(weft__buf *out, const weft__told *t)
{
    weft__buf_lit(out, "{\"detail\":");
    weft__json_add_text_lossy(out, t->text);
    weft__buf_lit(out, ",\"debug\":{\"text\":");
    weft__json_add_text_lossy(out, weft_str_of(t->inside));
    weft__buf_lit(out, ",\"trace\":");
    weft__json_add_text_lossy(out, weft_str_of(t->trace));
    weft__buf_lit(out, "}}");
}
