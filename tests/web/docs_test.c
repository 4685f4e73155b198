/* The pages that show an application's document: where they are, how browsers keep them, and that they ask nobody else. */
#include <stdio.h>
#include <string.h>
#include "weft.h"
#include "faults.h"

WEFT_MODEL(Item, field(int64_t, id));
WEFT_INPUT(rest_in, path(weft_str, rest));
static int any(const rest_in *in, Item *out) { out->id = (int64_t)in->rest.len; return 0; }
static int plain(const weft_none *in, Item *out) { (void)in; out->id = 1; return 0; }

static const weft_app everything = { .title = "a<b>", .routes = WEFT_ROUTES(WEFT_GET("/{rest:path}", any, rest_in, Item)) };

static bool has(weft_str text, const char *piece)
{
    size_t n = strlen(piece);
    for (size_t i = 0; i + n <= text.len; i++)
        if (memcmp(text.ptr + i, piece, n) == 0) return true;
    return false;
}

static weft_response get_with(const weft_app *app, const char *path, const char *name, weft_str value)
{
    weft_header header = { weft_str_of(name), value };
    return weft_test_send(app, "GET", path, &header, 1, NULL);
}

WEFT_TEST(a_route_that_takes_every_path_does_not_hide_the_pages)
{
    WEFT_CHECK(has(weft_test_get(&everything, "/docs").body, "<div id=\"swagger-ui\" data-url=\"./openapi.json\""));
    WEFT_CHECK(has(weft_test_get(&everything, "/redoc").body, "<redoc spec-url=\"./openapi.json\">"));
    WEFT_CHECK_JSON(weft_test_get(&everything, "/doc").body, { "id": 3 });
    WEFT_CHECK_JSON(weft_test_get(&everything, "/docs/none").body, { "id": 9 });
}

WEFT_TEST(a_page_is_html_with_the_title_escaped_and_a_policy_that_lets_nothing_out)
{
    static const char *const paths[] = { "/docs", "/redoc" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = weft_test_get(&everything, paths[i]);
        WEFT_CHECK_EQ(r.status, 200);
        WEFT_CHECK(has(r.body, "<title>a&lt;b&gt; - "));
        WEFT_CHECK(!has(r.body, "http:") && !has(r.body, "https:"));
        WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/html; charset=utf-8");
        WEFT_CHECK_STR(weft_response_header(&r, "X-Content-Type-Options"), "nosniff");
        weft_str policy = weft_response_header(&r, "Content-Security-Policy");
        WEFT_CHECK(has(policy, "default-src 'none'; script-src 'self';"));
        WEFT_CHECK(has(policy, "connect-src 'self';"));
    }
}

WEFT_TEST(what_a_page_loads_comes_compressed_and_may_be_kept)
{
    static const char *const paths[] = { "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/redoc/redoc.standalone.js" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = weft_test_get(&everything, paths[i]);
        WEFT_CHECK_EQ(r.status, 200);
        WEFT_CHECK_STR(weft_response_header(&r, "Content-Encoding"), "gzip");
        WEFT_CHECK_STR(weft_response_header(&r, "Cache-Control"), "public, max-age=31536000, immutable");
        WEFT_CHECK(r.body.len > 20000 && memcmp(r.body.ptr, "\x1f\x8b\x08", 3) == 0);
    }
    WEFT_CHECK(has(weft_test_get(&everything, "/docs/start.js").body, "validatorUrl: null"));
}

WEFT_TEST(a_page_that_the_browser_knows_is_not_sent_again)
{
    static const char *const paths[] = { "/openapi.json", "/docs", "/docs/swagger-ui.css", "/redoc" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response first = weft_test_get(&everything, paths[i]);
        weft_str etag = weft_response_header(&first, "ETag");
        WEFT_CHECK(etag.len > 2);
        weft_response again = get_with(&everything, paths[i], "If-None-Match", etag);
        WEFT_CHECK_EQ(again.status, 304);
        WEFT_CHECK_EQ(again.body.len, 0);
        WEFT_CHECK(weft_str_equal(weft_response_header(&again, "ETag"), etag));
        char several[100];
        snprintf(several, sizeof several, "\"other\", W/%.*s", WEFT_FMT(etag));
        WEFT_CHECK_EQ(get_with(&everything, paths[i], "If-None-Match", weft_str_of(several)).status, 304);
        WEFT_CHECK_EQ(get_with(&everything, paths[i], "If-None-Match", WEFT_S("*")).status, 304);
        WEFT_CHECK_EQ(get_with(&everything, paths[i], "If-None-Match", WEFT_S("\"other\"")).status, 200);
        WEFT_CHECK_EQ(get_with(&everything, paths[i], "If-None-Match", WEFT_S("")).status, 200);
    }
}

WEFT_TEST(pages_answer_head_and_refuse_other_methods)
{
    weft_response head = weft_test_send(&everything, "HEAD", "/docs", NULL, 0, NULL);
    WEFT_CHECK_EQ(head.status, 200);
    WEFT_CHECK_EQ(head.body.len, 0);
    WEFT_CHECK_EQ(weft_test_send(&everything, "POST", "/openapi.json", NULL, 0, NULL).status, 405);
}

static const weft_app elsewhere = { .openapi_path = "/api/v1/openapi.json", .docs_path = "/api/docs", .redoc_path = "",
    .servers = WEFT_SERVERS({ .url = "/api" }, { .url = "https://api.example.com:8443/v2;x" }),
    .routes = WEFT_ROUTES(WEFT_GET("/docs", plain, weft_none, Item)) };

WEFT_TEST(pages_may_be_elsewhere_and_reach_each_other_wherever_a_proxy_puts_them)
{
    weft_response docs = weft_test_get(&elsewhere, "/api/docs");
    WEFT_CHECK(has(docs.body, "data-url=\"../api/v1/openapi.json\""));
    WEFT_CHECK(has(docs.body, "src=\"./docs/swagger-ui-bundle.js?"));
    WEFT_CHECK_EQ(weft_test_get(&elsewhere, "/api/docs/swagger-ui.css").status, 200);
    WEFT_CHECK_EQ(weft_test_get(&elsewhere, "/api/v1/openapi.json").status, 200);
    WEFT_CHECK_EQ(weft_test_get(&elsewhere, "/openapi.json").status, 404);
    WEFT_CHECK_EQ(weft_test_get(&elsewhere, "/redoc").status, 404);
    WEFT_CHECK_JSON(weft_test_get(&elsewhere, "/docs").body, { "id": 1 });
    WEFT_CHECK(has(weft_response_header(&docs, "Content-Security-Policy"), "connect-src 'self' https://api.example.com:8443;"));
}

static const weft_app silent = { .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/", plain, weft_none, Item)) };

WEFT_TEST(without_a_document_there_are_no_pages)
{
    static const char *const paths[] = { "/openapi.json", "/docs", "/docs/start.js", "/redoc" };
    for (size_t i = 0; i < weft_count(paths); i++) WEFT_CHECK_EQ(weft_test_get(&silent, paths[i]).status, 404);
}

/* ---- mistakes ---- */

static const weft_app wrong = {
    .docs_path = "docs", .redoc_path = "/redoc/",
    .servers = WEFT_SERVERS({ .url = "" }),
    .webhooks = WEFT_WEBHOOKS(WEFT_CALLBACK("sent", "{$url}", Item, .method = "SEND"), { .name = "bare" }),
    .routes = WEFT_ROUTES(
        WEFT_GET("/openapi.json", plain, weft_none, Item),
        WEFT_GET("/a", plain, weft_none, Item, .operation_id = "one", .tags = WEFT_TAGS("")),
        WEFT_GET("/c", plain, weft_none, Item, .operation_id = ""),
        WEFT_GET("/b", plain, weft_none, Item, .operation_id = "one",
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "No"), WEFT_RESPONSE(404, "No"), WEFT_RESPONSE(42, "?", .content_type = "html"),
                WEFT_RESPONSE(400, "Bad", .example = "{nothing}"),
                WEFT_RESPONSE(409, "Two", .model = WEFT_SCHEMA(Item), .detail = WEFT_SCHEMA(Item)), WEFT_RESPONSE(202, "Good", .detail = WEFT_SCHEMA(Item))),
            .callbacks = WEFT_WEBHOOKS(WEFT_WEBHOOK("paid", Item)))) };

WEFT_TEST(mistakes_in_what_is_said_for_documentation_are_told_at_the_start)
{
    WEFT_CHECK_STR(weft_str_of(faults_of(&wrong)),
        "application: .docs_path 'docs': it must begin with '/'\n"
        "application: .redoc_path '/redoc/': it cannot end with '/'\n"
        "route GET /openapi.json (plain): weft serves OpenAPI there; give that another path (.openapi_path, .docs_path, .redoc_path of the "
        "application) or \"\" for none\n"
        "route GET /a: one of its .tags is empty\n"
        "route GET /c: .operation_id is empty\n"
        "route GET /b: .responses has the status 404 twice\n"
        "route GET /b: .responses has the status 42; expected 100 to 599\n"
        "route GET /b: .responses, 42: content type 'html'; expected one like text/html\n"
        "route GET /b: .responses, 400: its example is no JSON: {nothing}\n"
        "route GET /b: .responses, 409: both .model and .detail; the one is the whole body, the other what weft_fail_json is given\n"
        "route GET /b: .responses, 202: .detail is of failures, from 400 on\n"
        "route GET /b: callback 'paid': it has no URL; write it with WEFT_CALLBACK\n"
        "route GET /b: .operation_id 'one' is that of GET /a too\n"
        "application: webhook 'sent': a URL belongs to a callback of a route, not to a webhook\n"
        "application: webhook 'sent': its method is none; expected POST, PUT or another of HTTP's\n"
        "application: webhook 'bare': it has no body; write it with WEFT_WEBHOOK or WEFT_CALLBACK\n"
        "application: one of its .servers has an empty URL\n");
}

WEFT_INPUT(bad_example, query(int, n, .range = { 1, 5 }, .example = "9"), body(Item, item, .example = "{\"id\":\"x\"}"));
static int exemplary(const bad_example *in, Item *out) { out->id = in->n; return 0; }
static const weft_app unexemplary = { .routes = WEFT_ROUTES(WEFT_POST("/", exemplary, bad_example, Item)) };

WEFT_TEST(an_example_is_a_value_that_would_be_taken)
{
    WEFT_CHECK_STR(weft_str_of(faults_of(&unexemplary)),
        "bad_example, member 'n': .example is '9', which is no value of it: Input should be less than or equal to 5\n"
        "bad_example, member 'item': .example is '{\"id\":\"x\"}', which is no value of it: Input should be a valid integer, unable to parse "
        "string as an integer\n");
}

static const weft_app same_path = { .docs_path = "/redoc" };
static const weft_app with_parameter = { .openapi_path = "/{version}/openapi.json" };

WEFT_TEST(two_pages_on_one_path_and_pages_with_parameters_are_refused)
{
    WEFT_CHECK(strstr(faults_of(&same_path), "route GET /redoc (Redoc): weft serves Swagger UI there"));
    WEFT_CHECK_STR(weft_str_of(faults_of(&with_parameter)),
        "application: .openapi_path '/{version}/openapi.json': it cannot have parameters\n");
}
