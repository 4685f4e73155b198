/* URLs of routes by name: what they are, and that a request to one comes to its route with the same values. */
#include <stdlib.h>
#include <string.h>
#include "pairs.h"
#include "task/world.h"

WEFT_ENUM(Kind, value(KIND_ROUND, "round"), value(KIND_FLAT, "flat & wide"));
WEFT_MODEL(Page, field(int, limit, .initial = "10"), list(weft_str, tags, .initial = "[]"));
WEFT_INPUT(many_in, path(int64_t, id), path(weft_str, name), path(Kind, kind), path(weft_date, day), path(weft_str, rest),
    query(WEFT_OPT(weft_str), q), query(double, price, .initial = "1.5"), query(_Bool, all, .initial = "false"), query(Page, page), header(weft_str, x_token, .initial = ""));
WEFT_INPUT(one_in, path(weft_str, name));
WEFT_INPUT(rest_in, path(weft_str, rest));
WEFT_INPUT(tenant_in, path(weft_str, tenant), path(int, id));
WEFT_INPUT(other_in, path(weft_str, name), query(int, n));
WEFT_INPUT(ask_in, query(weft_str, route), query(weft_str, value, .initial = ""), request(request));

static int many(const many_in *in, weft_str *out) { *out = weft_format("%lld|%.*s|%.*s|%d", (long long)in->id, WEFT_FMT(in->name), WEFT_FMT(in->rest), in->page.limit); return 0; }
static int one(const one_in *in, weft_str *out) { *out = in->name; return 0; }
static int other_one(const one_in *in, weft_str *out) { *out = in->name; return 0; }
static int rest(const rest_in *in, weft_str *out) { *out = in->rest; return 0; }
static int tenant(const tenant_in *in, weft_str *out) { *out = in->tenant; return 0; }
static int home(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S("home"); return 0; }

static int many_url(const ask_in *in, weft_str *out)
{
    bool full = in->value.len > 0;
    many_in to = { .id = -7, .name = WEFT_S("a/b c"), .kind = KIND_FLAT, .day = { 2026, 2, 28 }, .rest = WEFT_S("x/\xc3\xa9/"), .price = 1.5, .page.limit = 10 };
    if (full) to.q = (weft_opt_weft_str)WEFT_SOME(WEFT_S("1 & 2")), to.price = 2.25, to.all = true, to.page.limit = 20;
    if (full) weft_push(&to.page.tags, WEFT_S("t=1"));
    if (full) weft_push(&to.page.tags, WEFT_S(""));
    return weft_url_for(in->request, "many", many_in, &to, out);
}

static int ask(const ask_in *in, weft_str *out)
{
    const char *name = in->route.ptr;
    one_in one_value = { .name = in->value };
    rest_in rest_value = { .rest = in->value };
    tenant_in tenant_value = { .tenant = in->value, .id = 4 };
    if (strstr(name, "many")) return many_url(in, out);
    if (strstr(name, "rest")) return weft_url_for(in->request, name, rest_in, &rest_value, out);
    if (strstr(name, "tenant")) return weft_url_for(in->request, name, tenant_in, &tenant_value, out);
    if (strstr(name, "home") || strstr(name, "api")) return weft_url_for(in->request, name, weft_none, NULL, out);
    if (strstr(name, "wrong")) return weft_url_for(in->request, "one", other_in, &(other_in){ .name = in->value }, out);
    if (strstr(name, "nothing")) return weft_url_for(in->request, "one", one_in, NULL, out);
    return weft_url_for(in->request, name, one_in, &one_value, out);
}

static const weft_router prefixed = { .prefix = "/r{name}", .routes = WEFT_ROUTES(WEFT_GET("/\xc3\xa9", other_one, one_in, weft_str, .url_name = "prefixed")) };
static const weft_router tenants = { .host = "{tenant}.shop.example", .routes = WEFT_ROUTES(WEFT_GET("/t/{id}", tenant, tenant_in, weft_str)) };
static const weft_router api = { .host = "api.example", .routes = WEFT_ROUTES(WEFT_GET("/", home, weft_none, weft_str, .url_name = "api")) };
static const weft_router any_api = { .host = "*.any.example", .routes = WEFT_ROUTES(WEFT_GET("/", home, weft_none, weft_str, .url_name = "any_api")) };
static const weft_app inner = { .title = "inner", .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/i/{name}", one, one_in, weft_str), WEFT_GET("/ask", ask, ask_in, weft_str)) };
static const weft_app app = { .title = "outer", .openapi_path = "", .mounts = WEFT_MOUNTS(WEFT_MOUNT("/in", inner, .name = "first"), WEFT_MOUNT("/again", inner, .name = "second")),
    .routers = WEFT_ROUTERS(&prefixed, &tenants, &api, &any_api),
    .routes = WEFT_ROUTES(WEFT_GET("/", home, weft_none, weft_str), WEFT_GET("/one/{name}", one, one_in, weft_str), WEFT_POST("/one/{name}/x", one, one_in, weft_str),
        WEFT_GET("/many/{id}/v{name}/{kind}/{day}/{rest:path}", many, many_in, weft_str), WEFT_GET("/files/{rest:path}", rest, rest_in, weft_str, .url_name = "rest"),
        WEFT_GET("/ask", ask, ask_in, weft_str)) };
static const weft_app bare = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/ask", ask, ask_in, weft_str), WEFT_GET("/{rest:path}", rest, rest_in, weft_str)) };

#define ASK(app, query, url) PAIRS((app), { "GET", "/ask?route=" query, 0, 0, 200, "\"" url "\"" })

WEFT_TEST(a_route_has_the_url_that_its_input_would_come_from)
{
    ASK(&app, "home", "/");
    ASK(&app, "one&value=x", "/one/x");
    ASK(&app, "prefixed&value=7", "/r7/%C3%A9");
    ASK(&app, "many", "/many/-7/va%2Fb%20c/flat%20%26%20wide/2026-02-28/x/%C3%A9/");
    ASK(&app, "many&value=x", "/many/-7/va%2Fb%20c/flat%20%26%20wide/2026-02-28/x/%C3%A9/?q=1%20%26%202&price=2.25&all=true&limit=20&tags=t%3D1&tags=");
    ASK(&app, "rest", "/files/");
}

WEFT_TEST(such_a_url_leads_to_the_route)
{
    PAIRS(&app, { "GET", "/many/-7/va%2Fb%20c/flat%20%26%20wide/2026-02-28/x/%C3%A9/?q=1%20%26%202&price=2.25&all=true&limit=20&tags=t%3D1&tags=", 0, 0, 200, "\"-7|a/b c|x/\xc3\xa9/|20\"" });
    static const char *const values[] = { "a", "a/b", "a b", "%2F", "%", "?x=1#y", "\xc3\xa9\xf0\x9f\x98\x80", "..a", "...", "a.", ";=&+,:@!$'()*", "\x01\x7f\\", "//" };
    for (size_t i = 0; i < weft_count(values); i++) {
        char ask_path[400] = "/ask?route=one&value=", url[400];
        for (const char *p = values[i]; *p; p++) sprintf(ask_path + strlen(ask_path), "%%%02X", (unsigned char)*p);
        weft_response r = weft_test_get(&app, ask_path);
        WEFT_CHECK_EQ(r.status, 200);
        snprintf(url, sizeof url, "%.*s", (int)r.body.len - 2, r.body.ptr + 1);
        r = weft_test_get(&app, url);
        WEFT_CHECK_EQ(r.status, 200);
        char expected[400] = "";
        for (const char *p = values[i]; *p; p++) sprintf(expected + strlen(expected), *p == '\\' || *p == '"' ? "\\%c" : *p == 1 ? "\\u0001" : "%c", *p);
        weft_str inside = { r.body.ptr + 1, r.body.len - 2 };
        WEFT_CHECK_STR(inside, expected);
    }
}

WEFT_TEST(names_are_those_of_the_application_that_answers)
{
    PAIRS(&app, { "GET", "/in/ask?route=one&value=x", 0, 0, 200, "\"/in/i/x\"" }, { "GET", "/again/ask?route=one&value=x", 0, 0, 200, "\"/again/i/x\"" },
        { "GET", "/in/ask?route=:one&value=x", 0, 0, 200, "\"/one/x\"" }, { "GET", "/in/ask?route=:second:one&value=x", 0, 0, 200, "\"/again/i/x\"" },
        { "GET", "/ask?route=first:one&value=x", 0, 0, 200, "\"/in/i/x\"" });
}

static const weft_app shadowed = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/first/{name}", one, one_in, weft_str),
    WEFT_GET("/second/{name}", other_one, one_in, weft_str, .url_name = "one"), WEFT_GET("/ask", ask, ask_in, weft_str)) };

WEFT_TEST(a_name_that_a_route_says_comes_before_that_of_a_handler) { ASK(&shadowed, "one&value=x", "/second/x"); }

WEFT_TEST(a_route_of_another_host_has_the_host_in_its_url)
{
    PAIRS(&app, { "GET", "/ask?route=tenant&value=ada", "Host: www.example:8000", 0, 200, "\"//ada.shop.example:8000/t/4\"" },
        { "GET", "/ask?route=tenant&value=ada", "Host: ADA.shop.example", 0, 200, "\"/t/4\"" },
        { "GET", "/ask?route=tenant&value=bo", "Host: ada.shop.example", 0, 200, "\"//bo.shop.example/t/4\"" },
        { "GET", "/ask?route=api", "Host: [::1]:80", 0, 200, "\"//api.example/\"" }, { "GET", "/ask?route=any_api", "Host: b.any.example", 0, 200, "\"/\"" });
}

static void refused(const weft_app *of, const char *path, const char *why)
{
    world_capture_begin();
    weft_response r = weft_test_get(of, path);
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(r.status, 500);
    if (!strstr(log, why)) weft__check_fail(__FILE__, __LINE__, "expected '%s' of %s, got: %s", why, path, log);
    WEFT_CHECK(strstr(log, "url_test.c:") != NULL);
}

WEFT_TEST(what_cannot_be_a_url_is_an_error_that_says_why)
{
    refused(&app, "/ask?route=nobody", "weft_url_for: 'nobody': the application outer has no route named 'nobody'; it has home, one, one, many, rest, ask, prefixed, ");
    refused(&app, "/ask?route=zero:one", "weft_url_for: 'zero:one': the application outer has no mount named 'zero'");
    refused(&app, "/ask?route=first:nobody", "the application inner has no route named 'nobody'; it has one, ask");
    refused(&app, "/ask?route=wrong", "weft_url_for: 'one': GET /one/{name} takes a one_in, and here is a other_in");
    refused(&app, "/ask?route=nothing", "weft_url_for: 'one': GET /one/{name} takes a one_in, and here is none");
    refused(&app, "/ask?route=one", "the value of {name} is empty");
    refused(&app, "/ask?route=one&value=.", "a segment of the path is '.', which clients take away");
    refused(&app, "/ask?route=one&value=..", "a segment of the path is '..', which clients take away");
    refused(&app, "/ask?route=rest&value=a/../b", "a segment of the path is '..', which clients take away");
    refused(&bare, "/ask?route=rest&value=/evil.example/x", "a path that begins with // leads to another host");
    refused(&app, "/ask?route=tenant&value=a.b", "'a.b' cannot be a label of a host");
    refused(&app, "/ask?route=tenant&value=a%2F", "'a/' cannot be a label of a host");
    refused(&app, "/ask?route=any_api", "which of the hosts *.any.example is meant cannot be told");
}

static int bytes_url(const ask_in *in, weft_str *out)
{
    char *large = weft_alloc(70 * 1024);
    memset(large, 'x', 70 * 1024);
    one_in value = { .name = in->value.ptr[0] == 'n' ? (weft_str){ "a\0b", 3 } : in->value.ptr[0] == 'u' ? WEFT_S("\xff") : (weft_str){ large, 70 * 1024 } };
    return weft_url_for(in->request, "one", one_in, &value, out);
}
static const weft_app bytes = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/{name}", one, one_in, weft_str), WEFT_GET("/b/ask", bytes_url, ask_in, weft_str)) };

WEFT_TEST(bytes_that_no_url_can_say_are_an_error)
{
    refused(&bytes, "/b/ask?route=x&value=n", "member 'name' of one_in holds a NUL");
    refused(&bytes, "/b/ask?route=x&value=u", "weft_url_for: 'one': member 'name' of one_in: ");
    refused(&bytes, "/b/ask?route=x&value=l", "64 KiB");
}
