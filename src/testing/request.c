/* Requests of tests: their bytes, their cookies, their forms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "testing/client.h"
#include "wire/bytes.h"
#include "wire/http1.h"
#include "wire/url.h"

enum { REQUEST_BYTES_MAX = 64 << 20 };

static void fail(const char *what, const char *why) { weft__check_fail("weft_test", 0, "%s: %s", what, why); }

/* ---- cookies. RFC 6265, 5 ---- */

typedef struct cookie cookie;
struct cookie {
    cookie *next;
    const weft_app *app;
    weft_str name, value, path;
    int64_t until_us;                /* of the wall's clock; INT64_MAX: none */
};

static int64_t wall_us(void)
{
    weft__os *os = weft__test_os();
    return os->ops->wall_us(os);
}

static weft_str trimmed(weft_str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) s = (weft_str){ s.ptr + 1, s.len - 1 };
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
    return s;
}

/* Take "name=value" off, up to a semicolon; without '=' the value is empty. */
static bool pair_next(weft_str *rest, weft_str *name, weft_str *value)
{
    if (!rest->len) return false;
    const char *end = memchr(rest->ptr, ';', rest->len);
    weft_str one = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
    *rest = end ? (weft_str){ end + 1, rest->len - one.len - 1 } : (weft_str){ "", 0 };
    const char *equals = memchr(one.ptr, '=', one.len);
    *name = trimmed((weft_str){ one.ptr, equals ? (size_t)(equals - one.ptr) : one.len });
    *value = equals ? trimmed((weft_str){ equals + 1, one.len - (size_t)(equals - one.ptr) - 1 }) : (weft_str){ "", 0 };
    return true;
}

/* Up to the last slash of the path that set it. */
static weft_str usual_path(const char *path)
{
    size_t n = strcspn(path, "?");
    while (n > 1 && path[n - 1] != '/') n--;
    return n > 1 ? (weft_str){ path, n - 1 } : WEFT_S("/");
}

static void read_attributes(cookie *c, weft_str rest)
{
    weft_str name, value;
    bool has_age = false;
    int64_t at;
    while (pair_next(&rest, &name, &value)) {
        if (weft__same_nocase(name, WEFT_S("path")) && value.len && *value.ptr == '/') c->path = value;
        if (weft__same_nocase(name, WEFT_S("max-age"))) {
            int64_t seconds = strtoll(value.ptr, NULL, 10);
            c->until_us = seconds <= 0 ? INT64_MIN : wall_us() + seconds * 1000000;
            has_age = true;
        }
        bool expires = weft__same_nocase(name, WEFT_S("expires")) && !has_age;
        if (expires && weft__http_date_parse(value, wall_us() / 1000000, &at) == 0) c->until_us = at * 1000000;
    }
}

/* NULL: it is set nowhere. */
static cookie **find(const weft_app *app, weft_str name, weft_str path)
{
    cookie **at = (cookie **)weft__test_jar();
    for (; *at; at = &(*at)->next)
        if ((*at)->app == app && weft_str_equal((*at)->name, name) && (!path.ptr || weft_str_equal((*at)->path, path))) return at;
    return NULL;
}

static void keep(const weft_app *app, const char *path, weft_str header)
{
    weft_arena *arena = weft__test_arena();
    cookie *c = weft__arena_zalloc(arena, sizeof *c), **before;
    header = weft__arena_dup(arena, header);
    WEFT_NEED(c && header.ptr);
    *c = (cookie){ .app = app, .path = weft__arena_dup(arena, usual_path(path)), .until_us = INT64_MAX };
    if (!pair_next(&header, &c->name, &c->value) || !c->name.len) return;
    read_attributes(c, header);
    if ((before = find(app, c->name, c->path))) *before = (*before)->next;
    if (c->until_us <= wall_us()) return;
    c->next = *weft__test_jar();
    *weft__test_jar() = c;
}

void weft__test_keep_cookies(const weft_app *app, const char *path, const weft_response *r)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (weft__same_nocase(r->headers[i].name, WEFT_S("set-cookie"))) keep(app, path, r->headers[i].value);
}

static bool is_for(const cookie *c, const weft_app *app, weft_str path)
{
    if (c->app != app || c->until_us <= wall_us()) return false;
    if (path.len < c->path.len || memcmp(path.ptr, c->path.ptr, c->path.len) != 0) return false;
    return path.len == c->path.len || c->path.ptr[c->path.len - 1] == '/' || path.ptr[c->path.len] == '/';
}

void weft__test_add_cookies(weft__buf *out, const weft_app *app, weft_str path)
{
    bool any = false;
    for (const cookie *c = *weft__test_jar(); c; c = c->next) {
        if (!is_for(c, app, path)) continue;
        weft__buf_printf(out, "%s%.*s=%.*s", any ? "; " : "Cookie: ", WEFT_FMT(c->name), WEFT_FMT(c->value));
        any = true;
    }
    if (any) weft__buf_lit(out, "\r\n");
}

weft_str weft_test_cookie(const weft_app *app, const char *name)
{
    cookie **c = find(app, weft_str_of(name), (weft_str){ NULL, 0 });
    if (!c || (*c)->until_us <= wall_us()) return (weft_str){ NULL, 0 };
    return weft__arena_dup(weft__test_arena(), (*c)->value);
}

void weft_test_forget_cookies(void) { *weft__test_jar() = NULL; }

/* ---- requests ---- */

static bool has_header(const weft_header *headers, size_t count, weft_str name)
{
    for (size_t i = 0; i < count; i++)
        if (weft__same_nocase(headers[i].name, name)) return true;
    return false;
}

static bool is_host(const weft_header *h) { return weft__same_nocase(h->name, WEFT_S("host")); }

int weft__test_request(weft__buf *out, const weft_app *app, const char *method, const char *path, const weft_header *headers, size_t count, const weft_str *body)
{
    weft__http_request_line line = { .method = weft_str_of(method), .host = WEFT_S("testserver") };
    weft__url_split(weft_str_of(path), &line.path, &line.query);
    for (size_t i = 0; i < count; i++)
        if (is_host(&headers[i])) line.host = headers[i].value;
    if (weft__http_add_request(out, &line) < 0) return WEFT_EINVAL;
    if (!has_header(headers, count, WEFT_S("user-agent"))) weft__buf_lit(out, "User-Agent: testclient\r\n");
    if (body && !has_header(headers, count, WEFT_S("content-type"))) weft__buf_lit(out, "Content-Type: application/json\r\n");
    if (body) weft__http_add_length(out, body->len);
    for (size_t i = 0; i < count; i++)
        if (!is_host(&headers[i]) && weft__http_add_header(out, headers[i].name, headers[i].value) < 0) return WEFT_EINVAL;
    if (!has_header(headers, count, WEFT_S("cookie"))) weft__test_add_cookies(out, app, line.path);
    weft__buf_lit(out, "\r\n");
    if (body) weft__buf_add_str(out, *body);
    return out->failed;
}

static weft_response exchange(const weft_app *app, const char *method, const char *path, const weft_header *headers, size_t count, const weft_str *body)
{
    weft__shot shot = { .to_head = strcmp(method, "HEAD") == 0, .answer = { .body = { "", 0 } } };
    weft__buf request;
    char what[300];
    snprintf(what, sizeof what, "%s %.200s", method, path);
    weft__buf_init(&request, REQUEST_BYTES_MAX);
    if (weft__test_request(&request, app, method, path, headers, count, body) < 0)
        fail(what, "cannot be sent: a method, path or header that HTTP forbids");
    else {
        shot.bytes = weft__buf_str(&request);
        if (weft__test_fire(app, NULL, &shot, 1) && !shot.answer.status) fail(what, "was not answered, or not in HTTP");
    }
    weft__buf_free(&request);
    weft__test_keep_cookies(app, path, &shot.answer);
    return shot.answer;
}

weft_response weft_test_send(const weft_app *app, const char *method, const char *path,
    const weft_header *headers, size_t header_count, const char *body)
{
    weft_str text = weft_str_of(body);
    return exchange(app, method, path, headers, header_count, body ? &text : NULL);
}

weft_response weft_test_get(const weft_app *app, const char *path) { return weft_test_send(app, "GET", path, NULL, 0, NULL); }
weft_response weft_test_post(const weft_app *app, const char *path, const char *json) { return weft_test_send(app, "POST", path, NULL, 0, json); }

/* ---- forms ---- */

/* As browsers write names: RFC 7578, 2. */
static void add_quoted(weft__buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"') weft__buf_lit(out, "%22");
        else if (*text == '\r') weft__buf_lit(out, "%0D");
        else if (*text == '\n') weft__buf_lit(out, "%0A");
        else weft__buf_add_char(out, *text);
    }
}

#define BOUNDARY "weft-test-7d6f2c0e51a84b93"

static void add_part(weft__buf *out, const weft_test_part *p)
{
    weft__buf_lit(out, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"");
    add_quoted(out, p->name);
    if (p->filename) weft__buf_lit(out, "\"; filename=\"");
    if (p->filename) add_quoted(out, p->filename);
    weft__buf_lit(out, "\"\r\n");
    if (p->content_type) weft__buf_printf(out, "Content-Type: %s\r\n", p->content_type);
    weft__buf_lit(out, "\r\n");
    weft__buf_add_str(out, p->bytes);
    weft__buf_lit(out, "\r\n");
}

weft_response weft_test_form_with(const weft_app *app, const char *path, const weft_test_part *parts, size_t count)
{
    static const weft_header type = { WEFT_S("Content-Type"), WEFT_S("multipart/form-data; boundary=" BOUNDARY) };
    weft__buf body;
    weft__buf_init(&body, REQUEST_BYTES_MAX);
    for (size_t i = 0; i < count; i++) add_part(&body, &parts[i]);
    weft__buf_lit(&body, "--" BOUNDARY "--\r\n");
    WEFT_NEED(!body.failed);
    weft_str bytes = weft__buf_str(&body);
    weft_response r = exchange(app, "POST", path, &type, 1, &bytes);
    weft__buf_free(&body);
    return r;
}
