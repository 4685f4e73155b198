/* Failures: details that are JSON, headers, problem+json, answers of the application's own, the debug page. */
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "pairs.h"
#include "task/world.h"
#include "testing/client.h"
#include "web/reply.h"

WEFT_MODEL(Taken, field(weft_str, name), field(int, by));
WEFT_MODEL(Odd, field(weft_str, type), field(weft_str, detail), field(double, n));
WEFT_INPUT(what_in, path(weft_str, what), query(int, n, .initial = "0"));
WEFT_INPUT(item_in, body(Taken, item));
WEFT_INPUT(reply_in, path(weft_str, what), reply(reply));

static int deep(const what_in *in)
{
    if (weft_str_equal(in->what, WEFT_S("list"))) {
        weft_list_int all = { 0 };
        weft_push(&all, 1);
        weft_push(&all, 2);
        return weft_fail_json(400, weft_list_int, &all);
    }
    if (weft_str_equal(in->what, WEFT_S("word"))) return weft_fail_json(400, weft_str, &WEFT_S("no \"x\""));
    if (weft_str_equal(in->what, WEFT_S("odd"))) return weft_fail_json(403, Odd, &(Odd){ WEFT_S("https://e.example/credit"), WEFT_S("\"}<b>"), 1.5 });
    if (weft_str_equal(in->what, WEFT_S("nan"))) return weft_fail_json(403, Odd, &(Odd){ .n = __builtin_nan("") });
    if (weft_str_equal(in->what, WEFT_S("text"))) return weft_fail(404, "no \"x\"");
    if (weft_str_equal(in->what, WEFT_S("code"))) return weft_fail(WEFT_ECONNREFUSED, "nobody at <b>db</b>:5432");
    if (weft_str_equal(in->what, WEFT_S("unknown"))) return weft_fail(-4242, "the ledger at 10.0.0.7 is broken");
    if (weft_str_equal(in->what, WEFT_S("late"))) return weft_fail(WEFT_ETIMEDOUT, "the database");
    if (weft_str_equal(in->what, WEFT_S("shown"))) return weft_fail(503, "closed for lunch");
    if (weft_str_equal(in->what, WEFT_S("status"))) return weft_fail_json(302, int, &(int){ 1 });
    if (weft_str_equal(in->what, WEFT_S("auth"))) return weft_fail_header(weft_fail(401, "Not authenticated"), "WWW-Authenticate", "Bearer realm=\"%s\"", "a");
    if (weft_str_equal(in->what, WEFT_S("again"))) {
        int rc = weft_fail_header(weft_fail_header(weft_fail(WEFT_EBUSY, "full"), "Retry-After", "1"), "X-Why", "busy");
        return weft_fail_header(weft_fail_header(weft_fail_header(rc, "retry-after", "%d", 30), "Set-Cookie", "a=1"), "Set-Cookie", "b=2");
    }
    if (weft_str_equal(in->what, WEFT_S("smuggle"))) return weft_fail_header(weft_fail(404, "no"), "X-A", "a\r\nX-B: b");
    if (weft_str_equal(in->what, WEFT_S("ours"))) return weft_fail_header(weft_fail(404, "no"), "content-length", "3");
    if (weft_str_equal(in->what, WEFT_S("type"))) return weft_fail_header(weft_fail(404, "no"), "Content-type", "text/html");
    if (weft_str_equal(in->what, WEFT_S("bare"))) return weft_fail_header(WEFT_STATUS(410), "X-Gone", "yes");
    return weft_fail_json(409, Taken, &(Taken){ in->what, 7 });
}

static int fails(const what_in *in, weft_none *out)
{
    (void)out;
    WEFT_TRY(deep(in), "while looking for %.*s", WEFT_FMT(in->what));
    return 0;
}

static int fails_in_task(const what_in *in, weft_none *out)
{
    (void)out;
    WEFT_SCOPE(s);
    return weft_await(weft_spawn(s, deep, in));
}

static int puts_item(const item_in *in, Taken *out) { *out = in->item; return 0; }

static int both(const reply_in *in, weft_none *out)
{
    (void)out;
    WEFT_TRY(weft_reply_header(in->reply, "X-A", "of the reply"));
    WEFT_TRY(weft_reply_header(in->reply, "X-B", "stays"));
    return weft_fail_header(weft_fail(404, "no"), "X-A", "of the failure");
}

#define ROUTES WEFT_ROUTES( \
    WEFT_GET("/fail/{what}", fails, what_in, weft_none), \
    WEFT_GET("/task/{what}", fails_in_task, what_in, weft_none), \
    WEFT_GET("/thread/{what}", fails, what_in, weft_none, .run = WEFT_IN_THREAD), \
    WEFT_GET("/process/{what}", fails, what_in, weft_none, .run = WEFT_IN_PROCESS), \
    WEFT_GET("/both/{what}", both, reply_in, weft_none), \
    WEFT_POST("/items/", puts_item, item_in, Taken))

static const weft_app plain = { .routes = ROUTES };


WEFT_TEST(a_detail_may_be_a_model_from_wherever_it_fails)
{
    PAIRS(&plain,
        { "GET", "/fail/oak", 0, 0, 409, JSON({ "detail": { "name": "oak", "by": 7 } }) },
        { "GET", "/task/oak", 0, 0, 409, JSON({ "detail": { "name": "oak", "by": 7 } }) },
        { "GET", "/thread/oak", 0, 0, 409, JSON({ "detail": { "name": "oak", "by": 7 } }) },
        { "GET", "/process/oak", 0, 0, 409, JSON({ "detail": { "name": "oak", "by": 7 } }) },
        { "GET", "/fail/list", 0, 0, 400, JSON({ "detail": [1, 2] }) },
        { "GET", "/fail/text", 0, 0, 404, JSON({ "detail": "no \"x\"" }) });
}

WEFT_TEST(a_detail_that_cannot_be_is_an_internal_error)
{
    world_capture_begin();
    PAIRS(&plain, { "GET", "/fail/nan", 0, 0, 500, JSON({ "detail": "Internal Server Error" }) },
        { "GET", "/fail/status", 0, 0, 500, JSON({ "detail": "Internal Server Error" }) });
    const char *log = world_capture_end();
    WEFT_CHECK(strstr(log, "the detail of a 403, a Odd, cannot be written as JSON: the double"));
    WEFT_CHECK(strstr(log, "weft_fail_json(302): expected a status from 400 to 599"));
}

WEFT_TEST(a_failure_has_headers_of_its_own)
{
    weft_response r = weft_test_get(&plain, "/fail/auth");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_STR(header(&r, "WWW-Authenticate"), "Bearer realm=\"a\"");
    const char *const ways[] = { "/task/again", "/thread/again", "/process/again" };
    for (size_t i = 0; i < weft_count(ways); i++) {
        r = weft_test_get(&plain, ways[i]);
        WEFT_CHECK_EQ(r.status, 500);
        WEFT_CHECK_STR(header(&r, "Retry-After"), "30");
        WEFT_CHECK_STR(header(&r, "X-Why"), "busy");
        WEFT_CHECK_STR(r.body, "{\"detail\":\"Internal Server Error\"}");
    }
    r = weft_test_get(&plain, "/both/x");
    WEFT_CHECK_STR(header(&r, "X-A"), "of the failure");
    WEFT_CHECK_STR(header(&r, "X-B"), "stays");
    r = weft_test_get(&plain, "/fail/bare");
    WEFT_CHECK_EQ(r.status, 410);
    WEFT_CHECK_STR(header(&r, "X-Gone"), "yes");
}

WEFT_TEST(a_failures_header_smuggles_nothing)
{
    const char *const ways[] = { "/fail/smuggle", "/fail/ours", "/fail/type", "/process/smuggle" };
    for (size_t i = 0; i < weft_count(ways); i++) {
        weft_response r = weft_test_get(&plain, ways[i]);
        WEFT_CHECK_EQ(r.status, 500);
        WEFT_CHECK_EQ(header(&r, "X-A").len + header(&r, "X-B").len, 0);
    }
}

/* What a process that somebody else has taken over may send. */
WEFT_TEST(lines_of_headers_that_are_none_are_read_to_their_end_and_no_further)
{
    static const char *const broken[] = { "", ":", "A", "A:", "A: b", "A: b\r", "\r\n", "A\r:" };
    for (size_t i = 0; i < weft_count(broken); i++) {
        size_t n = strlen(broken[i]);
        char *exact = malloc(n + 1);
        memcpy(exact + 1, broken[i], n);             /* no NUL behind it */
        weft_str lines = { exact + 1, n }, name, value;
        WEFT_CHECK(!weft__header_line_next(&lines, &name, &value) && lines.len == n);
        free(exact);
    }
    weft_str lines = WEFT_S("A: b\r\nC:\r\nD: e\r"), name, value;
    WEFT_CHECK(weft__header_line_next(&lines, &name, &value) && weft__header_line_next(&lines, &name, &value));
    WEFT_CHECK_STR(name, "C");
    WEFT_CHECK_STR(value, "");
    WEFT_CHECK(!weft__header_line_next(&lines, &name, &value));
}

/* ---- what nobody foresaw ---- */

WEFT_TEST(an_unforeseen_failure_tells_the_client_nothing_and_the_log_the_whole_chain)
{
    const char *const ways[] = { "/fail/unknown", "/task/unknown", "/thread/unknown", "/process/unknown" };
    for (size_t i = 0; i < weft_count(ways); i++) {
        world_capture_begin();
        weft_response r = weft_test_get(&plain, ways[i]);
        const char *log = world_capture_end();
        WEFT_CHECK_EQ(r.status, 500);
        WEFT_CHECK_STR(r.body, "{\"detail\":\"Internal Server Error\"}");
        WEFT_CHECK(strstr(log, "{what}: 500: the ledger at 10.0.0.7 is broken [at ") && strstr(log, "failure_test.c:"));
        if (i != 1) WEFT_CHECK(strstr(log, ": while looking for unknown"));
    }
}

/* ---- problem+json ---- */

static const weft_app problems = { .routes = ROUTES, .problems = true };

WEFT_TEST(problems_have_type_title_status_and_detail)
{
    PAIRS(&problems,
        { "GET", "/fail/text", 0, 0, 404, JSON({ "type": "about:blank", "title": "Not Found", "status": 404, "detail": "no \"x\"" }) },
        { "GET", "/none", 0, 0, 404, JSON({ "type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found" }) },
        { "GET", "/fail/code", 0, 0, 502, JSON({ "type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": "Bad Gateway" }) },
        { "POST", "/items/", "Content-Type: application/json", "{\"name\":\"a\"}", 422, JSON({ "type": "about:blank", "title": "Unprocessable Content", "status": 422,
            "detail": "The input does not fit.", "errors": [{ "type": "missing", "loc": ["body", "by"], "msg": "Field required", "input": { "name": "a" } }] }) });
    weft_response r = weft_test_get(&problems, "/fail/text");
    WEFT_CHECK_STR(header(&r, "Content-Type"), "application/problem+json");
    r = weft_test_post(&problems, "/fail/text", "1");
    WEFT_CHECK_EQ(r.status, 405);
    WEFT_CHECK_STR(header(&r, "Allow"), "GET, HEAD");
    WEFT_CHECK_STR(header(&r, "Content-Type"), "application/problem+json");
}

WEFT_TEST(the_members_of_a_models_detail_stand_in_the_problem)
{
    PAIRS(&problems,
        { "GET", "/fail/oak", 0, 0, 409, JSON({ "type": "about:blank", "title": "Conflict", "status": 409, "name": "oak", "by": 7 }) },
        { "GET", "/fail/odd", 0, 0, 403, JSON({ "title": "Forbidden", "status": 403, "type": "https://e.example/credit", "detail": "\"}<b>", "n": 1.5 }) },
        { "GET", "/fail/list", 0, 0, 400, JSON({ "type": "about:blank", "title": "Bad Request", "status": 400, "errors": [1, 2] }) },
        { "GET", "/fail/word", 0, 0, 400, JSON({ "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "no \"x\"", "errors": "no \"x\"" }) });
}

/* ---- answers of the application's own ---- */

static int calls;

static int no_page(const weft_failure *f, weft_reply *out)
{
    calls++;
    WEFT_TRY(weft_reply_header(out, "X-Path", "%.*s", WEFT_FMT(weft_request_path(f->request))));
    return weft_reply_html(out, weft_format("<p>%.*s (%s)", WEFT_FMT(f->text), f->route));
}

static int no_database(const weft_failure *f, weft_reply *out)
{
    WEFT_TRY(weft_sleep_ms(5));
    WEFT_TRY(weft_reply_status(out, 503));
    return weft_reply_text(out, weft_format("%s|%s|%.*s", f->inside, strchr(f->trace, '\n') ? "traced" : "", WEFT_FMT(f->text)));
}

static int other(const weft_failure *f, weft_reply *out)
{
    return weft_reply_json(out, weft_format("{\"code\":%d,\"status\":%d,\"of\":%.*s}", f->code, f->status, WEFT_FMT(f->detail.text)));
}

static int breaks(const weft_failure *f, weft_reply *out)
{
    (void)f;
    WEFT_TRY(weft_reply_header(out, "X-Half", "done"));
    WEFT_TRY(weft_reply_header(out, "WWW-Authenticate", "replaced"));
    return weft_fail(WEFT_EPROTO, "no template");
}

static const weft_app own = { .routes = ROUTES, .on_failure = WEFT_ON_FAILURE(
    { 404, no_page }, { WEFT_ETIMEDOUT, no_database }, { 401, breaks }, { WEFT_ANY_FAILURE, other }) };

WEFT_TEST(an_application_answers_failures_by_status_and_code)
{
    weft_response r = weft_test_get(&own, "/none?x=1");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(r.body, "<p>Not Found ()");
    WEFT_CHECK_STR(header(&r, "X-Path"), "/none");
    WEFT_CHECK_STR(header(&r, "Content-Type"), "text/html; charset=utf-8");
    r = weft_test_get(&own, "/fail/text");
    WEFT_CHECK_STR(r.body, "<p>no \"x\" (GET /fail/{what})");
    WEFT_CHECK_STR(header(&r, "X-Path"), "/fail/text");
    r = weft_test_get(&own, "/fail/late");
    WEFT_CHECK_EQ(r.status, 503);
    WEFT_CHECK_STR(r.body, "the database|traced|Gateway Timeout");
    WEFT_CHECK_EQ(weft_test_ms(), 5);
}

static int tell_body(const weft_failure *f, weft_reply *out) { return weft_reply_text(out, weft_format("%.*s", WEFT_FMT(f->body))); }
static const weft_app tells_body = { .routes = ROUTES, .on_failure = WEFT_ON_FAILURE({ 422, tell_body }) };

WEFT_TEST(who_answers_a_422_is_given_the_body_that_came)
{
    weft_response r = weft_test_post(&tells_body, "/items/", "{\"by\": 1}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_STR(r.body, "{\"by\": 1}");
    r = weft_test_get(&tells_body, "/fail/x?n=x");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_STR(r.body, "");
}

WEFT_TEST(what_has_no_handler_of_its_own_goes_to_that_of_any)
{
    PAIRS(&own, { "GET", "/fail/oak", 0, 0, 409, JSON({ "code": -10409, "status": 409, "of": { "name": "oak", "by": 7 } }) },
        { "GET", "/fail/code", 0, 0, 502, JSON({ "code": -111, "status": 502, "of": "Bad Gateway" }) },
        { "POST", "/items/", "Content-Type: application/json", "{\"by\":1}", 422, JSON({ "code": -10422, "status": 422,
            "of": [{ "type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": { "by": 1 } }] }) });
    weft_response r = weft_test_post(&own, "/fail/x", "1");
    WEFT_CHECK_EQ(r.status, 405);
    WEFT_CHECK_STR(header(&r, "Allow"), "GET, HEAD");
}

WEFT_TEST(a_handler_of_failures_that_fails_is_logged_and_the_client_told_as_without_it)
{
    world_capture_begin();
    weft_response r = weft_test_get(&own, "/fail/auth");
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_JSON(r.body, { "detail": "Not authenticated" });
    WEFT_CHECK_STR(header(&r, "WWW-Authenticate"), "Bearer realm=\"a\"");
    WEFT_CHECK_EQ(header(&r, "X-Half").len, 0);
    WEFT_CHECK(strstr(log, "GET /fail/{what}: what answers its 401 failed itself: no template"));
}

static int fails_late(const weft_none *in, weft_none *out)
{
    (void)in, (void)out;
    int rc = weft_sleep_ms(200);
    return rc < 0 ? weft_fail(503, "too late") : 0;
}

static const weft_app is_left = { .routes = WEFT_ROUTES(WEFT_GET("/late", fails_late, weft_none, weft_none)), .on_failure = WEFT_ON_FAILURE({ WEFT_ANY_FAILURE, no_page }) };

WEFT_TEST(nobody_answers_a_failure_for_a_client_that_has_left)
{
    weft__shot shot = { .bytes = WEFT_S("GET /late HTTP/1.1\r\nHost: a\r\n\r\n"), .leave_ms = 100 };
    calls = 0;
    WEFT_CHECK(weft__test_fire(&is_left, NULL, &shot, 1));
    WEFT_CHECK_EQ(calls, 0);
}

/* What is left is enough to ask who answers failures, and no more. */
static int takes_all(const weft_none *in, weft_none *out)
{
    (void)in, (void)out;
    while (weft_alloc(2400)) {}
    return weft_format("%5000d", 1).len ? 1 : 0;
}

static int long_answer(const weft_failure *f, weft_reply *out) { return weft_reply_text(out, weft_format("%s %5000d", f->inside, 1)); }
static const weft_app greedy = { .routes = WEFT_ROUTES(WEFT_GET("/", takes_all, weft_none, weft_none)), .on_failure = WEFT_ON_FAILURE({ 500, long_answer }) };

WEFT_TEST(an_answer_to_a_failure_that_lacks_memory_is_not_sent)
{
    world_capture_begin();
    weft_response r = weft_test_get(&greedy, "/");
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(r.status, 500);
    WEFT_CHECK_JSON(r.body, { "detail": "Internal Server Error" });
    WEFT_CHECK(strstr(log, "GET /: what answers its 500 failed itself: no memory left for what it gives"));
}

/* ---- the debug page ---- */

static const weft_app debugged = { .title = "<shop>", .routes = ROUTES, .debug = true };

static weft_response ask_for_page(const weft_app *app, const char *path, const char *accept)
{
    weft_header headers[] = { { WEFT_S("Accept"), weft_str_of(accept) }, { WEFT_S("Authorization"), WEFT_S("Bearer tell-nobody") },
        { WEFT_S("Cookie"), WEFT_S("session=tell-nobody") }, { WEFT_S("X-Api-Key"), WEFT_S("tell-nobody") }, { WEFT_S("X-Hostile"), WEFT_S("\"'><script>alert(1)</script>&") } };
    return weft_test_send(app, "GET", path, headers, weft_count(headers), NULL);
}

WEFT_TEST(a_developer_sees_what_clients_are_told_nothing_of)
{
    weft_response r = ask_for_page(&debugged, "/fail/code?secret=tell-nobody&n=1", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_STR(header(&r, "Content-Type"), "text/html; charset=utf-8");
    WEFT_CHECK_STR(header(&r, "Cache-Control"), "no-store");
    WEFT_CHECK(strstr(r.body.ptr, "nobody at &lt;b&gt;db&lt;/b&gt;:5432"));
    WEFT_CHECK(strstr(r.body.ptr, "while looking for code") && strstr(r.body.ptr, "failure_test.c:"));
    WEFT_CHECK(strstr(r.body.ptr, "GET /fail/{what}") && strstr(r.body.ptr, "&lt;shop&gt;"));
    WEFT_CHECK(strstr(r.body.ptr, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;") && !strstr(r.body.ptr, "<script"));
    WEFT_CHECK(!strstr(r.body.ptr, "tell-nobody"));
}

WEFT_TEST(those_who_want_no_html_get_it_as_json)
{
    const char *const accepts[] = { "*/*", "application/json", "text/html;q=0, */*", "text/htmlx", "" };
    for (size_t i = 0; i < weft_count(accepts); i++) {
        weft_response r = ask_for_page(&debugged, "/fail/code", accepts[i]);
        WEFT_CHECK_EQ(r.status, 502);
        WEFT_CHECK_STR(header(&r, "Content-Type"), "application/json");
        WEFT_CHECK(strstr(r.body.ptr, "{\"detail\":\"Bad Gateway\",\"debug\":{\"text\":\"nobody at <b>db</b>:5432\",\"trace\":\"at "));
    }
}

WEFT_TEST(what_clients_are_told_anyway_has_no_debug_page)
{
    PAIRS(&debugged, { "GET", "/fail/text", "Accept: text/html", 0, 404, JSON({ "detail": "no \"x\"" }) },
        { "GET", "/fail/shown", "Accept: text/html", 0, 503, JSON({ "detail": "closed for lunch" }) },
        { "GET", "/none", "Accept: text/html", 0, 404, JSON({ "detail": "Not Found" }) });
    weft_response r = ask_for_page(&plain, "/fail/code", "text/html");
    WEFT_CHECK_STR(r.body, "{\"detail\":\"Bad Gateway\"}");
}
