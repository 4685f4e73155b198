/* One application asked everything that is known of it. */
#include <stdio.h>
#include <string.h>
#include "pairs.h"
#include "support/headers.h"
#include "testing/client.h"

/* The test client sends a User-Agent of its own; here nothing but what the fact says. */
static weft_response send_bare(const weft_app *app, const fact *f, const char *path)
{
    char bytes[2000];
    int len = snprintf(bytes, sizeof bytes, "%s %s HTTP/1.1\r\nHost: testserver\r\n", f->method, path);
    weft_header h;
    for (const char *lines = f->headers; header_next(&lines, &h);)
        len += snprintf(bytes + len, sizeof bytes - (size_t)len, "%.*s: %.*s\r\n", WEFT_FMT(h.name), WEFT_FMT(h.value));
    len += snprintf(bytes + len, sizeof bytes - (size_t)len, "\r\n");
    WEFT_NEED((size_t)len < sizeof bytes && !f->body);
    weft__shot shot = { .bytes = { bytes, (size_t)len } };
    weft__test_fire(app, NULL, &shot, 1);
    return shot.answer;
}

static weft_response send_once(const weft_app *app, const fact *f, const char *path)
{
    weft_header headers[8] = { 0 };
    if (f->bare) return send_bare(app, f, path);
    size_t n = headers_of(f->headers, headers, weft_count(headers));
    return weft_test_send(app, f->method, path, headers, n, f->body);
}

static weft_response send_and_follow(const weft_app *app, const fact *f)
{
    weft_response r = send_once(app, f, f->path);
    if (f->status / 100 == 3 || (r.status != 307 && r.status != 308)) return r;
    char path[400];
    snprintf(path, sizeof path, "%.*s", WEFT_FMT(weft_response_header(&r, "Location")));
    return send_once(app, f, path);
}

static bool says(const weft_response *r, const char *lines)
{
    bool all = true;
    for (weft_header h; header_next(&lines, &h);) {
        char name[80];
        snprintf(name, sizeof name, "%.*s", WEFT_FMT(h.name));
        weft_str value = weft_response_header(r, name);
        if (weft_str_equal(value, h.value)) continue;
        weft__check_fail(__FILE__, __LINE__, "expected the header %s: %.*s, got %.*s", name, WEFT_FMT(h.value), WEFT_FMT(value));
        all = false;
    }
    return all;
}

static void fact_holds(const weft_app *app, const fact *f)
{
    weft_response r = send_and_follow(app, f);
    bool good = r.status == f->status;
    if (!good)
        weft__check_fail(__FILE__, __LINE__, "expected status %d, got %d: %.*s", f->status, r.status, WEFT_FMT(r.body));
    if (f->json) good &= weft__check_json(__FILE__, __LINE__, r.body, f->json);
    if (f->text) good &= weft__check_str(__FILE__, __LINE__, "the body", r.body, f->text);
    good &= says(&r, f->says);
    if (!good) fprintf(stderr, "    pair %d: %s %s\n", f->id, f->method, f->path);
}

void group_holds(const group *g)
{
    WEFT_NEED(g->count > 0);
    for (size_t i = 0; i < g->count; i++) fact_holds(g->app, &g->facts[i]);
}
