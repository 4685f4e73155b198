/* Applications in applications, and hosts. */
#include <string.h>
#include "ask.h"
#include "faults.h"
#include "pairs.h"
#include "web/host.h"

WEFT_INPUT(id_in, path(int, id));
WEFT_INPUT(tenant_in, path(weft_str, tenant), path(int, id));
WEFT_INPUT(tenant_alone_in, path(weft_str, tenant));
WEFT_INPUT(rest_in, path(weft_str, rest));
WEFT_MODEL(Said, field(weft_str, by), field(int, id));

static int one(const id_in *in, Said *out) { *out = (Said){ WEFT_S("one"), in->id }; return 0; }
static int two(const id_in *in, Said *out) { *out = (Said){ WEFT_S("two"), in->id }; return 0; }
static int root(const weft_none *in, Said *out) { (void)in; *out = (Said){ WEFT_S("root"), 0 }; return 0; }
static int any(const rest_in *in, Said *out) { *out = (Said){ in->rest, -1 }; return 0; }
static int of_tenant(const tenant_in *in, Said *out) { *out = (Said){ in->tenant, in->id }; return 0; }
static int of_tenant_alone(const tenant_alone_in *in, Said *out) { *out = (Said){ in->tenant, 1 }; return 0; }
static int host_only(const weft_none *in, Said *out) { (void)in; *out = (Said){ WEFT_S("host"), 0 }; return 0; }
static int fails(const id_in *in, Said *out) { (void)out; return weft_fail(404, "none of %d", in->id); }
static int gone(const weft_failure *f, weft_reply *out) { return weft_reply_text(out, weft_format("gone: %.*s", WEFT_FMT(f->text))); }

static const weft_router things = { .prefix = "/things", .tag = "things", .routes = WEFT_ROUTES(WEFT_GET("/{id}", two, id_in, Said)) };
static const weft_app v2 = { .title = "second", .problems = true, .routes = WEFT_ROUTES(WEFT_GET("/x/{id}", two, id_in, Said), WEFT_GET("/f/{id}", fails, id_in, Said)) };
static const weft_app v1 = { .title = "first", .on_failure = WEFT_ON_FAILURE({ 404, gone }), .mounts = WEFT_MOUNTS(WEFT_MOUNT("/v2", v2)),
    .routers = WEFT_ROUTERS(&things),
    .routes = WEFT_ROUTES(WEFT_GET("/", root, weft_none, Said), WEFT_GET("/x/{id}", one, id_in, Said, .operation_id = "same"), WEFT_GET("/f/{id}", fails, id_in, Said)) };
static const weft_app outer = { .title = "outer", .mounts = WEFT_MOUNTS(WEFT_MOUNT("/v1", v1), WEFT_MOUNT("/again", v1, .name = "again")),
    .routes = WEFT_ROUTES(WEFT_GET("/x/{id}", one, id_in, Said), WEFT_GET("/f/{id}", fails, id_in, Said)) };

WEFT_TEST(the_routes_of_a_mounted_application_stand_below_its_path)
{
    PAIRS(&outer, { "GET", "/x/1", 0, 0, 200, JSON({ "by": "one", "id": 1 }) },
        { "GET", "/v1/x/1", 0, 0, 200, JSON({ "by": "one", "id": 1 }) }, { "GET", "/v1/", 0, 0, 200, JSON({ "by": "root", "id": 0 }) },
        { "GET", "/v1", 0, 0, 307, 0 }, { "GET", "/v1/things/5", 0, 0, 200, JSON({ "by": "two", "id": 5 }) },
        { "GET", "/v1/v2/x/3", 0, 0, 200, JSON({ "by": "two", "id": 3 }) }, { "GET", "/again/v2/x/4", 0, 0, 200, JSON({ "by": "two", "id": 4 }) },
        { "GET", "/v2/x/3", 0, 0, 404, 0 }, { "GET", "/v1x/x/1", 0, 0, 404, 0 }, { "POST", "/v1/x/1", 0, 0, 405, 0 });
}

WEFT_TEST(a_mounted_application_answers_failures_in_its_own_way)
{
    const struct { const char *path, *body; } want[] = {
        { "/f/1", "{\"detail\":\"none of 1\"}" }, { "/none", "{\"detail\":\"Not Found\"}" },
        { "/v1/f/1", "gone: none of 1" }, { "/v1/none", "gone: Not Found" }, { "/v1none", "{\"detail\":\"Not Found\"}" },
        { "/again/none/at/all", "gone: Not Found" }, { "/%76%31/none", "gone: Not Found" }, { "/v1%2Fnone", "{\"detail\":\"Not Found\"}" },
        { "/v1/v2/f/1", "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"none of 1\"}" },
        { "/v1/v2/none", "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"Not Found\"}" } };
    for (size_t i = 0; i < weft_count(want); i++) {
        weft_response r = weft_test_get(&outer, want[i].path);
        WEFT_CHECK_EQ(r.status, 404);
        WEFT_CHECK_STR(r.body, want[i].body);
    }
}


WEFT_TEST(a_mounted_application_has_a_document_of_its_own_with_its_path_as_server)
{
    weft_response all = weft_test_get(&outer, "/openapi.json"), first = weft_test_get(&outer, "/v1/openapi.json"), second = weft_test_get(&outer, "/v1/v2/openapi.json");
    WEFT_CHECK(has(all.body, "\"title\":\"outer\"") && has(all.body, "\"/x/{id}\"") && !has(all.body, "things") && !has(all.body, "servers"));
    WEFT_CHECK(has(first.body, "\"title\":\"first\"") && has(first.body, "\"/things/{id}\"") && has(first.body, "\"servers\":[{\"url\":\"/v1\"}]"));
    WEFT_CHECK(has(first.body, "\"operationId\":\"same\"") && !has(first.body, "second") && !has(first.body, "/v2/"));
    WEFT_CHECK(has(second.body, "\"servers\":[{\"url\":\"/v1/v2\"}]") && has(second.body, "\"/x/{id}\""));
    WEFT_CHECK(has(second.body, "\"operationId\":\"two_v1_v2_x__id__get\""));
    weft_response docs = weft_test_get(&outer, "/v1/docs");
    WEFT_CHECK_EQ(docs.status, 200);
    WEFT_CHECK(has(docs.body, "data-url=\"./openapi.json\""));
    WEFT_CHECK_EQ(weft_test_get(&outer, "/v1/docs/swagger-ui.css").status, 200);
}

/* ---- hosts ---- */

static const weft_router api = { .host = "api.example.com", .prefix = "/x", .routes = WEFT_ROUTES(WEFT_GET("/only", host_only, weft_none, Said), WEFT_GET("/{id}", two, id_in, Said)) };
static const weft_router wild = { .host = "*.example.com", .routes = WEFT_ROUTES(WEFT_GET("/wild", host_only, weft_none, Said), WEFT_POST("/x/{id}", two, id_in, Said)) };
static const weft_router tenants = { .host = "{tenant}.shop.example", .routes = WEFT_ROUTES(WEFT_GET("/t/{id}", of_tenant, tenant_in, Said), WEFT_GET("/", of_tenant_alone, tenant_alone_in, Said)) };
static const weft_app admin = { .title = "admin", .routes = WEFT_ROUTES(WEFT_GET("/", root, weft_none, Said)), .on_failure = WEFT_ON_FAILURE({ 404, gone }) };
static const weft_app hosted = { .routers = WEFT_ROUTERS(&api, &wild, &tenants), .mounts = WEFT_MOUNTS(WEFT_MOUNT("", admin, .host = "admin.example.com")),
    .routes = WEFT_ROUTES(WEFT_GET("/x/{id}", one, id_in, Said), WEFT_GET("/files/{rest:path}", any, rest_in, Said)) };

WEFT_TEST(routes_of_a_host_come_before_those_of_any)
{
    PAIRS(&hosted, { "GET", "/x/1", "Host: other.example", 0, 200, JSON({ "by": "one", "id": 1 }) },
        { "GET", "/x/1", "Host: api.example.com", 0, 200, JSON({ "by": "two", "id": 1 }) },
        { "GET", "/x/1", "Host: API.Example.COM:8000", 0, 200, JSON({ "by": "two", "id": 1 }) },
        { "GET", "/x/1", "Host: api.example.com.", 0, 200, JSON({ "by": "two", "id": 1 }) },
        { "GET", "/files/a/b", "Host: api.example.com", 0, 200, JSON({ "by": "a/b", "id": -1 }) },
        { "GET", "/wild", "Host: api.example.com", 0, 200, 0 }, { "GET", "/wild", "Host: b.example.com", 0, 200, 0 },
        { "GET", "/wild", "Host: a.b.example.com", 0, 404, 0 }, { "GET", "/wild", "Host: example.com", 0, 404, 0 }, { "GET", "/wild", "Host: [::1]:80", 0, 404, 0 },
        { "GET", "/x/1/", "Host: api.example.com", 0, 307, 0 }, { "GET", "/wild/", "Host: nobody.example", 0, 404, 0 });
}

WEFT_TEST(the_methods_of_all_that_fits_are_allowed)
{
    weft_header host = { WEFT_S("Host"), WEFT_S("b.example.com") };
    weft_response r = weft_test_send(&hosted, "DELETE", "/x/1", &host, 1, NULL);
    WEFT_CHECK_EQ(r.status, 405);
    WEFT_CHECK_STR(weft_response_header(&r, "Allow"), "GET, HEAD, POST");
}

WEFT_TEST(a_label_of_the_host_is_a_path_member)
{
    PAIRS(&hosted, { "GET", "/t/4", "Host: ada.shop.example:99", 0, 200, JSON({ "by": "ada", "id": 4 }) },
        { "GET", "/", "Host: bo-b.shop.example", 0, 200, JSON({ "by": "bo-b", "id": 1 }) },
        { "GET", "/t/4", "Host: shop.example", 0, 404, 0 }, { "GET", "/t/x", "Host: ada.shop.example", 0, 422, 0 });
}

WEFT_TEST(an_application_may_be_mounted_on_a_host)
{
    PAIRS(&hosted, { "GET", "/", "Host: admin.example.com", 0, 200, JSON({ "by": "root", "id": 0 }) }, { "GET", "/", "Host: a.example", 0, 404, 0 });
    weft_header host = { WEFT_S("Host"), WEFT_S("admin.example.com") };
    weft_response r = weft_test_send(&hosted, "GET", "/none", &host, 1, NULL);
    WEFT_CHECK_STR(r.body, "gone: Not Found");
    r = weft_test_send(&hosted, "GET", "/openapi.json", &host, 1, NULL);
    WEFT_CHECK(has(r.body, "\"title\":\"admin\""));
}

WEFT_TEST(an_address_is_no_label_of_a_host)
{
    weft__host_pattern p;
    const char *why;
    weft_str params[WEFT__PARAMS_MAX];
    WEFT_NEED(weft__host_read(WEFT_S("{tenant}"), &p, &why) == 0);
    WEFT_CHECK(weft__host_matches(&p, WEFT_S("ada:80"), params) && !weft__host_matches(&p, WEFT_S("[::1]"), params));
    WEFT_CHECK(!weft__host_matches(&p, WEFT_S("[::1]:80"), params) && !weft__host_matches(&p, WEFT_S(""), params));
}

static const char *host_fault(const char *text)
{
    weft__host_pattern p;
    const char *why = "none";
    return weft__host_read(weft_str_of(text), &p, &why) < 0 ? why : "none";
}

WEFT_TEST(host_patterns_that_make_no_sense_are_refused)
{
    static const char *const rows[][2] = { { "", "it is empty" }, { "a..b", "an empty label" }, { ".a", "an empty label" }, { "a.", "an empty label" },
        { "a:80", "it has no port: a host matches on each" }, { "a*.b", "a label is letters, digits and '-'; or all of it is '*' or {name}" },
        { "{a}x.b", "a label is letters, digits and '-'; or all of it is '*' or {name}" }, { "{}.b", "a parameter without a name" }, { "{", "a label is letters, digits and '-'; or all of it is '*' or {name}" },
        { "{a}.{a}", "two parameters with the same name" }, { "{a-b}", "a parameter's name has letters, digits and '_' only" },
        { "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17", "more than 16 labels" }, { "*.{a}.example.com", "none" } };
    for (size_t i = 0; i < weft_count(rows); i++) WEFT_CHECK_STR(weft_str_of(host_fault(rows[i][0])), rows[i][1]);
    char longest[255] = { 0 };
    memset(longest, 'a', 254);
    WEFT_CHECK_STR(weft_str_of(host_fault(longest)), "more than 253 bytes");
    longest[253] = 0;
    WEFT_CHECK_STR(weft_str_of(host_fault(longest)), "none");
}

/* ---- mistakes, told at the start ---- */

static const weft_app small = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/x/{id}", one, id_in, Said)) };
static const weft_app named = { .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_GET("/x/{id}", one, id_in, Said, .url_name = "a:b"), WEFT_GET("/y/{id}", one, id_in, Said, .url_name = ""),
    WEFT_GET("/z/{id}", one, id_in, Said, .url_name = "z"), WEFT_GET("/zz/{id}", one, id_in, Said, .url_name = "z")) };
static const weft_app badly_mounted = { .openapi_path = "", .mounts = WEFT_MOUNTS(
    WEFT_MOUNT("v1", small), WEFT_MOUNT("/v1/", small), WEFT_MOUNT("/", small), WEFT_MOUNT("/{id}", small), WEFT_MOUNT("", small),
    { .path = "/none" }, WEFT_MOUNT("/a", small, .name = "n"), WEFT_MOUNT("/b", small, .name = "n"), WEFT_MOUNT("/c", small), WEFT_MOUNT("/c", small),
    WEFT_MOUNT("", small, .host = "a.example"), WEFT_MOUNT("", small, .host = "A.Example"), WEFT_MOUNT("/e", small, .name = ""), WEFT_MOUNT("/f", named, .name = "a:b"), WEFT_MOUNT("/g", named), WEFT_MOUNT("/d", small, .host = "a:80")) };

WEFT_TEST(mounts_that_make_no_sense_are_told_at_the_start)
{
    FAULTS(badly_mounted,
        "mount v1: its prefix must begin with '/' and not end with '/'\n"
        "mount /v1/: its prefix must begin with '/' and not end with '/'\n"
        "mount /: its prefix must begin with '/' and not end with '/'\n"
        "mount /{id}: its path has no parameters; a router's prefix may have some\n"
        "mount : it needs a path or a host of its own\n"
        "mount /none: it has no application\n"
        "mount /b: another one has its name\n"
        "mount /c: another one stands there\n"
        "mount : another one stands there\n"
        "mount /e: its name is empty or has a ':'\n"
        "mount /f: its name is empty or has a ':'\n"
        "route GET /g/x/{id}: .url_name 'a:b' is empty or has a ':'\n"
        "route GET /g/y/{id}: .url_name '' is empty or has a ':'\n"
        "route GET /g/zz/{id}: .url_name 'z' is that of GET /g/z/{id} too\n"
        "mount /d: host 'a:80': it has no port: a host matches on each\n");
}

static const weft_app in_itself;
static const weft_app between = { .openapi_path = "", .mounts = WEFT_MOUNTS(WEFT_MOUNT("/b", in_itself)) };
static const weft_app in_itself = { .openapi_path = "", .mounts = WEFT_MOUNTS(WEFT_MOUNT("/a", between), WEFT_MOUNT("/self", in_itself)) };

WEFT_TEST(an_application_in_itself_is_told_at_the_start)
{
    FAULTS(in_itself, "mount /a/b: its application stands in itself\nmount /self: its application stands in itself\n");
}

static const weft_router same_prefix = { .prefix = "/v1", .routes = WEFT_ROUTES(WEFT_GET("/x/{id}", two, id_in, Said)) };
static const weft_app across = { .openapi_path = "", .mounts = WEFT_MOUNTS(WEFT_MOUNT("/v1", small)),
    .routes = WEFT_ROUTES(WEFT_GET("/v1/x/7", root, weft_none, Said)), .routers = WEFT_ROUTERS(&same_prefix) };

WEFT_TEST(a_route_that_a_mounted_application_has_already_is_told_at_the_start)
{
    FAULTS(across,
        "route GET /v1/x/7 (root): can never be reached, since GET /v1/x/{id} (one) is declared before it and matches all its paths; declare this one first\n"
        "route GET /v1/x/{id} (two): the same as GET /v1/x/{id} (one), which is declared before it\n");
}

static const weft_app badly_answered = { .openapi_path = "", .on_failure = WEFT_ON_FAILURE(
    { 404, gone }, { WEFT_ETIMEDOUT, gone }, { 404, gone }, { 200, gone }, { WEFT_ANY_FAILURE, gone }, { 500, NULL }) };

WEFT_TEST(answers_to_failures_that_make_no_sense_are_told_at_the_start)
{
    FAULTS(badly_answered,
        "application: .on_failure has 404 twice\n"
        "application: .on_failure of 200; expected a status from 400 to 599, a code (WEFT_E...) or WEFT_ANY_FAILURE\n"
        "application: .on_failure of 500 has no handler\n");
}

static const weft_router inner_host = { .host = "b.example", .routes = WEFT_ROUTES(WEFT_GET("/", root, weft_none, Said)) };
static const weft_router outer_host = { .host = "a.example", .routers = WEFT_ROUTERS(&inner_host) };
static const weft_router lost_tenant = { .host = "{tenant}.c.example", .routes = WEFT_ROUTES(WEFT_GET("/t", root, weft_none, Said)) };
static const weft_router twice_id = { .host = "{id}.d.example", .routes = WEFT_ROUTES(WEFT_GET("/{id}", one, id_in, Said)) };
static const weft_app badly_hosted = { .openapi_path = "", .routers = WEFT_ROUTERS(&outer_host, &lost_tenant, &twice_id) };

WEFT_TEST(hosts_that_make_no_sense_are_told_at_the_start)
{
    FAULTS(badly_hosted,
        "router : host 'b.example': it stands in one of another host\n"
        "route GET /t: input weft_none has no path member 'tenant'; it has none\n"
        "route GET /{id}: {id} is a parameter of its path and of its host, {id}.d.example\n");
}

static const weft_app catches = { .routes = WEFT_ROUTES(WEFT_GET("/{rest:path}", any, rest_in, Said), WEFT_POST("/{id}/", one, id_in, Said), WEFT_POST("//evil.example/", root, weft_none, Said)) };
static const weft_app two_deep = { .routes = WEFT_ROUTES(WEFT_GET("//evil.example/", root, weft_none, Said), WEFT_GET("/\xc3\xa9/", root, weft_none, Said)) };

WEFT_TEST(a_redirect_to_the_other_slash_never_leads_to_another_host)
{
    PAIRS(&catches, { "POST", "//evil.example", 0, 0, 405, 0 });
    WEFT_CHECK_EQ(weft_test_get(&two_deep, "//evil.example").status, 404);
    WEFT_CHECK_EQ(weft_test_get(&two_deep, "/%5Cevil.example").status, 404);
    weft_response r = weft_test_get(&two_deep, "/%C3%A9?next=//evil");
    WEFT_CHECK_EQ(r.status, 307);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/%C3%A9/?next=//evil");
}
