/* What handlers answer: models, replies, failures; and what the log is told. */
#include "pairs.h"
#include "task/world.h"

WEFT_MODEL(Item, field(int, id));
WEFT_INPUT(reply_in, reply(reply));
WEFT_INPUT(by_name, path(weft_str, name), reply(reply));
WEFT_INPUT(which_in, path(weft_str, which));
WEFT_INPUT(seen_in, path(weft_str, name), request(request));
WEFT_MODEL(Seen, field(weft_str, method), field(weft_str, path), field(weft_str, query), field(weft_str, agent), field(bool, absent));

/* ---- replies ---- */

static int html(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_html(out, WEFT_S("<p>hi</p>")); }
static int text(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_text(out, WEFT_S("hi")); }
static int json(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_json(out, WEFT_S("{\"a\":1}")); }
static int png(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_bytes(out, "image/png", (weft_str){ "\0\1", 2 }); }
static int blank(const weft_none *in, weft_reply *out) { (void)in; (void)out; return 0; }
static int nothing(const weft_none *in, weft_none *out) { (void)in; (void)out; return 0; }
static int there(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_redirect(out, 302, "https://docs.example/a b"); }
static int number(const weft_none *in, int *out) { (void)in; *out = 7; return 0; }
static int word(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S("This didn't \"exist\""); return 0; }

static int teapot(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_status(out, 418));
    WEFT_TRY(weft_reply_header(out, "X-Tea", "%s %d", "green", 1));
    WEFT_TRY(weft_reply_header(out, "x-tea", "%s", "black"));
    WEFT_TRY(weft_reply_header(out, "Set-Cookie", "a=1"));
    WEFT_TRY(weft_reply_header(out, "Set-Cookie", "b=2"));
    WEFT_TRY(weft_reply_text(out, WEFT_S("short and stout")));
    return weft_reply_header(out, "Content-Type", "text/tea");
}

static int reset(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_status(out, 205));
    return weft_reply_text(out, WEFT_S("nobody reads this"));
}

static int beside(const by_name *in, Item *out)
{
    out->id = 3;
    WEFT_TRY(weft_reply_header(in->reply, "X-Name", "%.*s", WEFT_FMT(in->name)));
    return weft_str_equal(in->name, WEFT_S("new")) ? weft_reply_status(in->reply, 201) : 0;
}

static int seen(const seen_in *in, Seen *out)
{
    WEFT_TRY(weft_sleep_ms(5));
    *out = (Seen){ weft_request_method(in->request), weft_request_path(in->request), weft_request_query(in->request),
        weft_request_header(in->request, "USER-agent"), weft_request_header(in->request, "X-None").ptr == NULL };
    return strlen(out->agent.ptr) == out->agent.len ? 0 : -1;
}

static const weft_app replies = { .routes = WEFT_ROUTES(
    WEFT_GET("/html", html, weft_none, weft_reply),
    WEFT_GET("/text", text, weft_none, weft_reply, .status = 202),
    WEFT_GET("/json", json, weft_none, weft_reply),
    WEFT_GET("/png", png, weft_none, weft_reply),
    WEFT_GET("/blank", blank, weft_none, weft_reply),
    WEFT_GET("/nothing", nothing, weft_none, weft_none),
    WEFT_DELETE("/nothing", nothing, weft_none, weft_none, .status = 204),
    WEFT_GET("/there", there, weft_none, weft_reply),
    WEFT_GET("/number", number, weft_none, int),
    WEFT_PUT("/word", word, weft_none, weft_str, .status = 201),
    WEFT_GET("/teapot", teapot, weft_none, weft_reply),
    WEFT_GET("/reset", reset, weft_none, weft_reply),
    WEFT_GET("/beside/{name}", beside, by_name, Item),
    WEFT_GET("/seen/{name}", seen, seen_in, Seen)) };

static void answers(const char *path, int status, const char *type, const char *body)
{
    weft_response r = weft_test_get(&replies, path);
    WEFT_CHECK_EQ(r.status, status);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), type);
    WEFT_CHECK_STR(r.body, body);
}

WEFT_TEST(each_kind_of_body_has_its_content_type)
{
    answers("/html", 200, "text/html; charset=utf-8", "<p>hi</p>");
    answers("/text", 202, "text/plain; charset=utf-8", "hi");
    answers("/json", 200, "application/json", "{\"a\":1}");
    answers("/blank", 200, "", "");
    answers("/nothing", 200, "application/json", "null");
    answers("/number", 200, "application/json", "7");
    weft_response r = weft_test_get(&replies, "/png");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "image/png");
    WEFT_CHECK(r.body.len == 2 && memcmp(r.body.ptr, "\0\1", 2) == 0);
}

WEFT_TEST(a_status_of_no_content_has_no_body_and_no_type)
{
    weft_response r = weft_test_send(&replies, "DELETE", "/nothing", NULL, 0, NULL);
    WEFT_CHECK_EQ(r.status, 204);
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_EQ(weft_response_header(&r, "Content-Type").len, 0);
    WEFT_CHECK_EQ(weft_response_header(&r, "Content-Length").len, 0);
    r = weft_test_get(&replies, "/reset");
    WEFT_CHECK_EQ(r.status, 205);
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_EQ(weft_response_header(&r, "Content-Type").len, 0);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "0");
}

WEFT_TEST(a_redirect_of_a_handler_leads_where_it_says)
{
    weft_response r = weft_test_get(&replies, "/there");
    WEFT_CHECK_EQ(r.status, 302);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "https://docs.example/a%20b");
    WEFT_CHECK_EQ(r.body.len, 0);
}

WEFT_TEST(a_text_as_output_is_json)
{
    weft_response r = weft_test_send(&replies, "PUT", "/word", NULL, 0, NULL);
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_STR(r.body, "\"This didn't \\\"exist\\\"\"");
}

WEFT_TEST(a_header_is_set_and_only_cookies_are_added)
{
    weft_response r = weft_test_get(&replies, "/teapot");
    int teas = 0, cookies = 0;
    for (size_t i = 0; i < r.header_count; i++) {
        teas += weft_str_equal(r.headers[i].name, WEFT_S("X-Tea")) || weft_str_equal(r.headers[i].name, WEFT_S("x-tea"));
        cookies += weft_str_equal(r.headers[i].name, WEFT_S("Set-Cookie"));
    }
    WEFT_CHECK_EQ(r.status, 418);
    WEFT_CHECK_EQ(teas, 1);
    WEFT_CHECK_EQ(cookies, 2);
    WEFT_CHECK_STR(weft_response_header(&r, "X-Tea"), "black");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/tea");
    WEFT_CHECK_STR(r.body, "short and stout");
}

WEFT_TEST(a_model_handler_sets_headers_and_status_beside)
{
    weft_response r = weft_test_get(&replies, "/beside/new");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_STR(weft_response_header(&r, "X-Name"), "new");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/json");
    WEFT_CHECK_JSON(r.body, { "id": 3 });
    WEFT_CHECK_EQ(weft_test_get(&replies, "/beside/old").status, 200);
}

WEFT_TEST(a_handler_may_look_at_the_request_also_after_it_waited)
{
    weft_response r = weft_test_get(&replies, "/seen/a%20b?x=%31&y");
    WEFT_CHECK_JSON(r.body, { "method": "GET", "path": "/seen/a%20b", "query": "x=%31&y", "agent": "testclient", "absent": true });
}

/* ---- cookies ---- */

WEFT_INPUT(visits_in, cookie(weft_str, note, .initial = ""), reply(reply));
static int visits(const visits_in *in, Item *out)
{
    weft_reply *r = in->reply;
    out->id = (int)in->note.len;
    WEFT_TRY(weft_reply_cookie(r, "session", WEFT_S("abc"), .max_age_s = 3600, .http_only = true, .secure = true));
    WEFT_TRY(weft_reply_cookie(r, "note", WEFT_S("two; words"), .path = "", .same_site = ""));
    WEFT_TRY(weft_reply_cookie(r, "old", WEFT_S("\1"), .domain = "shop.example", .same_site = "Strict", .remove = true));
    WEFT_CHECK_EQ(weft_reply_cookie(r, "a b", WEFT_S("x")), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_reply_cookie(r, "a", WEFT_S("x\r\nX-Evil: 1")), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_reply_cookie(r, "a", WEFT_S("x"), .max_age_s = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_reply_cookie(r, "a", WEFT_S("x"), .same_site = "none"), WEFT_EINVAL);
    return 0;
}

static const weft_app cookies = { .routes = WEFT_ROUTES(WEFT_GET("/visits", visits, visits_in, Item)) };

WEFT_TEST(cookies_of_a_reply_are_sent_each_and_read_back)
{
    static const char *const expected[] = { "session=abc; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax", "note=\"two\\073 words\"",
        "old=; Path=/; Domain=shop.example; Max-Age=0; SameSite=Strict" };
    weft_response r = weft_test_get(&cookies, "/visits");
    size_t n = 0;
    for (size_t i = 0; i < r.header_count; i++)
        if (weft_str_equal(r.headers[i].name, WEFT_S("Set-Cookie")) && n < 3) WEFT_CHECK_STR(r.headers[i].value, expected[n++]);
    WEFT_CHECK_EQ(n, 3);
    WEFT_CHECK_EQ(weft_response_header(&r, "X-Evil").len, 0);
    weft_header back = { WEFT_S("Cookie"), WEFT_S("session=abc; note=\"two\\073 words\"") };
    WEFT_CHECK_JSON(weft_test_send(&cookies, "GET", "/visits", &back, 1, NULL).body, { "id": 10 });
}

/* ---- what is refused ---- */

static int refused_as(int rc, const char *part)
{
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_CHECK(strstr(weft_error_of(rc)->text, part) != NULL);
    return 0;
}

static int smuggle(const reply_in *in, Item *out)
{
    weft_reply *r = in->reply;
    static char large[9000];
    memset(large, 'a', sizeof large - 1);
    refused_as(weft_reply_header(r, "X-A", "a\r\nX-B: b"), "control characters");
    refused_as(weft_reply_header(r, "X-A", "a\nb"), "control characters");
    refused_as(weft_reply_header(r, "X A", "a"), "no token");
    refused_as(weft_reply_header(r, "", "a"), "no token");
    refused_as(weft_reply_header(r, "X-A:", "a"), "no token");
    refused_as(weft_reply_header(r, "content-LENGTH", "3"), "weft writes it itself");
    refused_as(weft_reply_header(r, "Transfer-Encoding", "chunked"), "weft writes it itself");
    refused_as(weft_reply_header(r, "Connection", "close"), "weft writes it itself");
    refused_as(weft_reply_header(r, "Date", "now"), "weft writes it itself");
    refused_as(weft_reply_header(r, "X-Large", "%s", large), "more than 8192 bytes");
    refused_as(weft_reply_status(r, 99), "expected 200 to 599");
    refused_as(weft_reply_status(r, 101), "expected 200 to 599");
    refused_as(weft_reply_status(r, 600), "expected 200 to 599");
    refused_as(weft_reply_redirect(r, 300, "/"), "expected 301");
    refused_as(weft_reply_redirect(r, 302, ""), "empty");
    refused_as(weft_reply_redirect(r, 302, "/a\r\nX: y"), "control characters");
    refused_as(weft_reply_bytes(r, "a\r\nb", WEFT_S("x")), "control characters");
    for (int i = 0; i < 64; i++) {
        char name[16];
        snprintf(name, sizeof name, "X-%d", i);
        WEFT_CHECK_EQ(weft_reply_header(r, name, "%d", i), 0);
    }
    refused_as(weft_reply_header(r, "X-64", "a"), "there are 64 already");
    out->id = 1;
    return 0;
}

static int pass_on(const reply_in *in, Item *out)
{
    (void)out;
    return weft_reply_header(in->reply, "X-A", "a\r\nX-B: b");
}

static int body_beside(const reply_in *in, Item *out)
{
    (void)out;
    return weft_reply_text(in->reply, WEFT_S("lost"));
}

static const weft_app refusals = { .routes = WEFT_ROUTES(
    WEFT_GET("/smuggle", smuggle, reply_in, Item),
    WEFT_GET("/pass", pass_on, reply_in, Item),
    WEFT_GET("/beside", body_beside, reply_in, Item)) };

WEFT_TEST(what_a_header_cannot_hold_is_refused_and_leaves_no_trace)
{
    weft_response r = weft_test_get(&refusals, "/smuggle");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "X-63"), "63");
    WEFT_CHECK(weft_response_header(&r, "X-A").len == 0 && weft_response_header(&r, "X-B").len == 0);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "8");
}

/* ---- failures ---- */

/* Ask, and look at the status, the detail and the lines that the log got: one that has both parts, or none for NULL. */
static void fails(const weft_app *app, const char *path, int status, const char *detail, const char *first, const char *second)
{
    char want[256];
    weft_test_allow_blocking(10000);                 /* some use up megabytes, and the log has nothing else */
    world_capture_begin();
    weft_response r = weft_test_get(app, path);
    const char *log = world_capture_end();
    snprintf(want, sizeof want, "{\"detail\":\"%s\"}", detail);
    WEFT_CHECK_EQ(r.status, status);
    WEFT_CHECK_STR(r.body, want);
    WEFT_CHECK_EQ(world_count_in(log, "\n"), first ? 1 : 0);
    bool told = !first || (strstr(log, first) && strstr(log, second));
    if (!told) weft__check_fail(__FILE__, __LINE__, "expected a log line with '%s' and '%s', got: %s", first, second, log);
}

WEFT_TEST(a_refused_header_that_is_passed_on_is_an_internal_error)
{
    fails(&refusals, "/pass", 500, "Internal Server Error", "GET /pass: 500: reply header 'X-A'", "control characters");
    fails(&refusals, "/beside", 500, "Internal Server Error", "GET /beside: 500: the body was set by reply(reply), but it is the output, Item", "");
}

static int fail_inside(int code) { return weft_fail(code, "secret place"); }

static int fail_as(const which_in *in, Item *out)
{
    (void)out;
    static const struct { const char *which; int code; } codes[] = { { "timeout", WEFT_ETIMEDOUT }, { "refused", WEFT_ECONNREFUSED },
        { "reset", WEFT_ECONNRESET }, { "proto", WEFT_EPROTO }, { "dns", WEFT_EDNS }, { "memory", WEFT_ENOMEM }, { "limit", WEFT_ELIMIT },
        { "busy", WEFT_EBUSY }, { "cancel", WEFT_ECANCELED }, { "odd", -77 }, { "absent", WEFT_ENOENT } };
    for (size_t i = 0; i < weft_count(codes); i++)
        if (weft_str_equal(in->which, weft_str_of(codes[i].which))) WEFT_TRY(fail_inside(codes[i].code), "while %s", codes[i].which);
    if (weft_str_equal(in->which, WEFT_S("404"))) return weft_fail(404, "no item \"%s\"", "x");
    if (weft_str_equal(in->which, WEFT_S("503"))) return weft_fail(503, "come back\nlater");
    if (weft_str_equal(in->which, WEFT_S("418"))) return weft_fail(418, "Nope! I don't like 3.");
    if (weft_str_equal(in->which, WEFT_S("bytes"))) return weft_fail(400, "\xff\x01");
    if (weft_str_equal(in->which, WEFT_S("bare"))) return WEFT_STATUS(409);
    return weft_str_equal(in->which, WEFT_S("positive")) ? 7 : 0;
}

static int failing_with_headers(const by_name *in, Item *out)
{
    (void)out;
    WEFT_TRY(weft_reply_header(in->reply, "X-Error", "There goes my error"));
    WEFT_TRY(weft_reply_header(in->reply, "Content-Type", "text/odd"));
    WEFT_TRY(weft_reply_status(in->reply, 201));
    if (weft_str_equal(in->name, WEFT_S("code"))) return weft_fail(WEFT_EPROTO, "x");
    return weft_fail(401, "Not authenticated");
}

/* Each header with a failure: what was said of the answer that is not sent must not keep this one. */
static int failing_after(const by_name *in, Item *out)
{
    static const struct { const char *name, *value; } said[] = { { "Cache-Control", "max-age=3600, public" }, { "Cache-Control", "no-store" },
        { "cache-control", "max-age=60, PRIVATE" }, { "Cache-Control", "no-cache" }, { "ETag", "\"v1\"" }, { "Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT" },
        { "Expires", "Tue, 14 Nov 2033 22:13:20 GMT" }, { "Accept-Ranges", "bytes" }, { "Vary", "Accept" } };
    size_t which = (size_t)(in->name.ptr[0] - '0');
    (void)out;
    WEFT_TRY(weft_reply_header(in->reply, said[which].name, "%s", said[which].value));
    return in->name.len > 1 ? weft_fail_header(weft_fail(404, "gone"), "Cache-Control", "max-age=5") : weft_fail(404, "gone");
}

static int leaky(const which_in *in, weft_list_Item *out)
{
    (void)in;
    for (int i = 0; i < 4 << 20; i++) weft_push(out, (Item){ i });
    return 0;
}

static int greedy(const which_in *in, Item *out)
{
    (void)in;
    if (!weft_alloc(32 << 20)) return WEFT_ENOMEM;
    out->id = 1;
    return 0;
}

/* Without room for the copy a header reads as if it were not there: what is made of that must not be sent. */
static int blind(const seen_in *in, Seen *out)
{
    for (size_t n = 1 << 20; n >= 16; n /= 2)
        while (weft_alloc(n)) {}
    bool path = weft_str_equal(in->name, WEFT_S("path"));
    out->agent = path ? weft_request_path(in->request) : weft_request_header(in->request, "User-Agent");
    return 0;
}

static int late(const which_in *in, Item *out)
{
    WEFT_TRY(weft_sleep_ms(weft_str_equal(in->which, WEFT_S("late")) ? 50 : 49));
    out->id = 1;
    return 0;
}

static int late_and_knows(const which_in *in, Item *out)
{
    (void)in;
    (void)out;
    return weft_sleep_ms(3600 * 1000) == WEFT_ETIMEDOUT ? weft_fail(502, "nobody answered") : 0;
}

static const weft_app failures = { .routes = WEFT_ROUTES(
    WEFT_GET("/fail/{which}", fail_as, which_in, Item),
    WEFT_GET("/headers/{name}", failing_with_headers, by_name, Item),
    WEFT_GET("/after/{name}", failing_after, by_name, Item),
    WEFT_GET("/leaky/{which}", leaky, which_in, weft_list_Item),
    WEFT_GET("/greedy/{which}", greedy, which_in, Item),
    WEFT_GET("/blind/{name}", blind, seen_in, Seen),
    WEFT_GET("/late/{which}", late, which_in, Item, .timeout_ms = 50),
    WEFT_GET("/knows/{which}", late_and_knows, which_in, Item, .timeout_ms = 50)) };

WEFT_TEST(a_failure_with_a_status_is_told_to_the_client)
{
    fails(&failures, "/fail/404", 404, "no item \\\"x\\\"", NULL, NULL);
    fails(&failures, "/fail/418", 418, "Nope! I don't like 3.", NULL, NULL);
    fails(&failures, "/fail/bytes", 400, "\xef\xbf\xbd\\u0001", NULL, NULL);
    fails(&failures, "/fail/503", 503, "come back\\nlater", "GET /fail/{which}: 503: come back\\nlater", "reply_test.c");
    WEFT_CHECK_EQ(weft_test_get(&failures, "/fail/bare").status, 409);
}

WEFT_TEST(a_failure_with_a_code_is_told_to_the_log_alone)
{
    fails(&failures, "/fail/timeout", 504, "Gateway Timeout", "GET /fail/{which}: 504: secret place", "while timeout");
    fails(&failures, "/fail/refused", 502, "Bad Gateway", "secret place", "reply_test.c");
    fails(&failures, "/fail/reset", 502, "Bad Gateway", "secret place", "while reset");
    fails(&failures, "/fail/proto", 502, "Bad Gateway", "secret place", "while proto");
    fails(&failures, "/fail/dns", 502, "Bad Gateway", "secret place", "while dns");
    fails(&failures, "/fail/memory", 500, "Internal Server Error", "secret place", "while memory");
    fails(&failures, "/fail/limit", 500, "Internal Server Error", "secret place", "while limit");
    fails(&failures, "/fail/busy", 500, "Internal Server Error", "secret place", "while busy");
    fails(&failures, "/fail/odd", 500, "Internal Server Error", "secret place", "while odd");
    fails(&failures, "/fail/cancel", 503, "Service Unavailable", "secret place", "while cancel");
    fails(&failures, "/fail/absent", 404, "Not Found", NULL, NULL);
}

WEFT_TEST(a_handler_that_returns_a_positive_number_is_a_mistake)
{
    fails(&failures, "/fail/positive", 500, "Internal Server Error", "its handler fail_as returned 7; expected 0", "GET /fail/{which}");
}

WEFT_TEST(headers_go_out_with_a_failure_that_is_for_the_client)
{
    weft_response r = weft_test_get(&failures, "/headers/x");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_STR(weft_response_header(&r, "X-Error"), "There goes my error");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/json");
    WEFT_CHECK_JSON(r.body, { "detail": "Not authenticated" });
    r = weft_test_get(&failures, "/headers/code");
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_EQ(weft_response_header(&r, "X-Error").len, 0);
}

WEFT_TEST(no_failure_is_kept_because_the_answer_it_replaces_might_be)
{
    static const struct { const char *path, *name, *value; } rows[] = { { "/after/0", "Cache-Control", "" }, { "/after/1", "Cache-Control", "no-store" },
        { "/after/2", "Cache-Control", "max-age=60, PRIVATE" }, { "/after/3", "Cache-Control", "no-cache" }, { "/after/4", "ETag", "" },
        { "/after/5", "Last-Modified", "" }, { "/after/6", "Expires", "" }, { "/after/7", "Accept-Ranges", "" }, { "/after/8", "Vary", "Accept" },
        { "/after/0x", "Cache-Control", "max-age=5" } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft_response r = weft_test_get(&failures, rows[i].path);
        WEFT_CHECK_EQ(r.status, 404);
        WEFT_CHECK_STR(weft_response_header(&r, rows[i].name), rows[i].value);
    }
}

WEFT_TEST(a_request_that_needs_too_much_memory_fails_and_the_log_names_route_and_limit)
{
    fails(&failures, "/leaky/x", 500, "Internal Server Error", "GET /leaky/{which}: 500: it needs more memory than request_bytes_max, 16777216 bytes", "");
    fails(&failures, "/greedy/x", 500, "Internal Server Error", "GET /greedy/{which}: 500: ", "request_bytes_max, of 16777216 bytes");
}

WEFT_TEST(a_look_at_the_request_that_finds_no_memory_fails_the_request)
{
    fails(&failures, "/blind/header", 500, "Internal Server Error", "GET /blind/{name}: 500: it needs more memory than request_bytes_max", "");
    fails(&failures, "/blind/path", 500, "Internal Server Error", "GET /blind/{name}: 500: it needs more memory than request_bytes_max", "");
}

WEFT_TEST(the_deadline_of_a_route_is_a_504)
{
    fails(&failures, "/late/late", 504, "no answer within 50 ms", "GET /late/{which}: 504: no answer within 50 ms", "");
    WEFT_CHECK_EQ(weft_test_get(&failures, "/late/just").status, 200);
    fails(&failures, "/knows/x", 502, "nobody answered", "GET /knows/{which}: 502: nobody answered", "");
}

/* ---- outputs that cannot be written ---- */

WEFT_MODEL(Odd, field(double, n), field(weft_str, s), field(weft_json, j));
WEFT_ENUM(Color, value(RED, "red"));
WEFT_MODEL(Colored, field(Color, color));
static int not_finite(const weft_none *in, Odd *out) { (void)in; out->n = __builtin_nan(""); return 0; }
static int not_utf8(const weft_none *in, Odd *out) { (void)in; out->s = WEFT_S("\xff"); return 0; }
static int not_json(const weft_none *in, Odd *out) { (void)in; out->j.text = WEFT_S("{"); return 0; }
static int no_color(const weft_none *in, Colored *out) { (void)in; out->color = (Color)5; return 0; }

static const weft_app unwritable = { .routes = WEFT_ROUTES(
    WEFT_GET("/nan", not_finite, weft_none, Odd), WEFT_GET("/utf8", not_utf8, weft_none, Odd),
    WEFT_GET("/json", not_json, weft_none, Odd), WEFT_GET("/color", no_color, weft_none, Colored)) };

WEFT_TEST(an_output_that_json_cannot_say_is_an_internal_error)
{
    fails(&unwritable, "/nan", 500, "Internal Server Error", "GET /nan: 500: its output cannot be written as JSON", "'n'");
    fails(&unwritable, "/utf8", 500, "Internal Server Error", "GET /utf8: 500: its output cannot be written as JSON", "'s'");
    fails(&unwritable, "/json", 500, "Internal Server Error", "GET /json: 500: its output cannot be written as JSON", "'j'");
    fails(&unwritable, "/color", 500, "Internal Server Error", "GET /color: 500: its output cannot be written as JSON", "'color'");
}
