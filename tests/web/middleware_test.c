/* weft's own middleware. */
#include <stdio.h>
#include <string.h>
#include "ask.h"
#include "faults.h"
#include "pairs.h"
#include "testing/client.h"

static weft_response ask(const weft_app *app, const char *method, const char *path, const char *headers)
{
    return pair_send(app, &(pair){ method, path, headers, NULL, 0, NULL });
}

static int hello(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S("hello"); return 0; }
static int fails(const weft_none *in, weft_str *out) { (void)in; (void)out; return weft_fail(WEFT_EPROTO, "inside"); }
static int lines(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, WEFT_S("one\n")));
    return weft_write(out, WEFT_S("two\n"));
}

/* ---- request ids ---- */

static int id_of_task(weft_str *out) { *out = weft_request_id(); return 0; }
static int tell_id(const weft_none *in, weft_str *out)
{
    weft_str spawned, thread;
    (void)in;
    WEFT_TRY(weft_gather(weft_call(id_of_task, NULL, &spawned)));
    WEFT_TRY(weft_in_thread(id_of_task, NULL, &thread));
    *out = weft_format("%.*s %.*s %.*s", WEFT_FMT(weft_request_id()), WEFT_FMT(spawned), WEFT_FMT(thread));
    return 0;
}
#define ID_ROUTES .routes = WEFT_ROUTES(WEFT_GET("/id", tell_id, weft_none, weft_str), WEFT_GET("/lines", lines, weft_none, weft_stream), WEFT_GET("/fails", fails, weft_none, weft_str))
static const weft_app identified = { .middleware = WEFT_MIDDLEWARE(weft_request_ids()), ID_ROUTES };
static const weft_app fresh = { .middleware = WEFT_MIDDLEWARE(weft_request_ids(.header = "X-Trace", .fresh = true)), ID_ROUTES };
static const weft_app anonymous = { ID_ROUTES };

WEFT_TEST(an_id_that_a_client_sends_is_taken_when_it_is_sane)
{
    weft_response r = ask(&identified, "GET", "/id", "X-Request-Id: 01HV-a_b.c:d=e+f/g@h~");
    WEFT_CHECK_STR(header(&r, "X-Request-Id"), "01HV-a_b.c:d=e+f/g@h~");
    WEFT_CHECK_STR(r.body, "\"01HV-a_b.c:d=e+f/g@h~ 01HV-a_b.c:d=e+f/g@h~ 01HV-a_b.c:d=e+f/g@h~\"");
    const char *const bad[] = { "X-Request-Id: a b", "X-Request-Id: \"quoted\"", "X-Request-Id: a,b", "X-Request-Id: \xc3\xa4", "X-Request-Id: {}",
        "X-Request-Id: 12345678901234567890123456789012345678901234567890123456789012345" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        r = ask(&identified, "GET", "/id", bad[i]);
        WEFT_CHECK_EQ(header(&r, "X-Request-Id").len, 32);
    }
    r = ask(&identified, "GET", "/id", "X-Request-Id: 1234567890123456789012345678901234567890123456789012345678901234");
    WEFT_CHECK_EQ(header(&r, "X-Request-Id").len, 64);
    r = ask(&fresh, "GET", "/id", "X-Trace: mine");
    WEFT_CHECK_EQ(header(&r, "X-Trace").len, 32);
    WEFT_CHECK_STR(ask(&anonymous, "GET", "/id", "X-Request-Id: a").body, "\"  \"");
}

WEFT_TEST(every_answer_has_an_id_of_its_own)
{
    const char *const paths[] = { "/id", "/lines", "/fails", "/none", "/id/", "/openapi.json" };
    char seen[weft_count(paths)][33] = { "" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = ask(&identified, "GET", paths[i], NULL);
        weft_str id = header(&r, "X-Request-Id");
        WEFT_CHECK_EQ(id.len, 32);
        WEFT_CHECK_EQ(strspn(id.ptr, "0123456789abcdef"), 32);
        for (size_t k = 0; k < i; k++) WEFT_CHECK(strcmp(seen[k], id.ptr) != 0);
        snprintf(seen[i], sizeof seen[i], "%s", id.ptr);
    }
}

WEFT_TEST(ids_that_are_made_in_a_row_are_all_different)
{
    enum { MANY = 100 };
    static char seen[MANY][33];
    for (size_t i = 0; i < MANY; i++) {
        weft_response r = ask(&identified, "GET", "/none", NULL);
        snprintf(seen[i], sizeof seen[i], "%s", header(&r, "X-Request-Id").ptr);
        WEFT_CHECK_EQ(strspn(seen[i], "0123456789abcdef"), 32);
        for (size_t k = 0; k < i; k++) WEFT_CHECK(strcmp(seen[i], seen[k]) != 0);
    }
}

/* ---- pages of other origins ---- */

#define CORS_ROUTES .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str), WEFT_GET("/fails", fails, weft_none, weft_str), WEFT_GET("/lines", lines, weft_none, weft_stream))
static const weft_app anybody = { .middleware = WEFT_MIDDLEWARE(weft_cors(.origins = "*", .headers = "X-Token, Accept", .expose = "X-Total, X-Page", .max_age_s = 60)), CORS_ROUTES };
static const weft_app some = { .middleware = WEFT_MIDDLEWARE(weft_cors(.origins = "https://a.example, https://*.b.example:8443, http://localhost:*", .credentials = true,
    .methods = "GET, POST", .headers = "X-Token")), CORS_ROUTES };

WEFT_TEST(any_origin_is_answered_with_a_star)
{
    weft_response r = ask(&anybody, "GET", "/", "Origin: https://x.example");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "*");
    WEFT_CHECK_STR(header(&r, "Access-Control-Expose-Headers"), "X-Total, X-Page");
    WEFT_CHECK_STR(header(&r, "Vary"), "");
    r = ask(&anybody, "OPTIONS", "/", "Origin: https://x.example\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: x-token, content-type");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(r.body, "OK");
    WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "*");
    WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Methods"), "GET");
    WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Headers"), "Accept, Accept-Language, Content-Language, Content-Type, X-Token");
    WEFT_CHECK_STR(header(&r, "Access-Control-Max-Age"), "60");
}

/* A cache that has what somebody without an origin was answered gives it to pages, too. */
WEFT_TEST(what_is_for_any_origin_is_said_to_who_has_none)
{
    const char *const paths[] = { "/", "/fails", "/lines", "/none" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = ask(&anybody, "GET", paths[i], NULL);
        WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "*");
        WEFT_CHECK_STR(header(&r, "Access-Control-Expose-Headers"), "X-Total, X-Page");
        WEFT_CHECK_STR(header(&r, "Vary"), "");
    }
    WEFT_CHECK_EQ(ask(&anybody, "OPTIONS", "/", "Access-Control-Request-Method: GET").status, 405);
    weft_response r = ask(&some, "GET", "/", NULL);
    WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "");
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin");
}

WEFT_TEST(an_origin_is_named_when_it_is_one_of_those_allowed)
{
    const char *const good[] = { "https://a.example", "https://x.b.example:8443", "https://x.y-1.b.example:8443", "http://localhost:3000" };
    const char *const bad[] = { "https://a.example.evil", "https://b.example:8443", "https://.b.example:8443", "https://x.b.example", "https://evil.example/.b.example:8443",
        "https://evil:1@x.b.example:8443", "http://localhost:", "http://localhost:3000x", "http://a.example", "null", "https://A.example" };
    char line[100];
    for (size_t i = 0; i < weft_count(good); i++) {
        snprintf(line, sizeof line, "Origin: %s", good[i]);
        weft_response r = ask(&some, "GET", "/", line);
        WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), good[i]);
        WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Credentials"), "true");
        WEFT_CHECK_STR(header(&r, "Vary"), "Origin");
    }
    for (size_t i = 0; i < weft_count(bad); i++) {
        snprintf(line, sizeof line, "Origin: %s", bad[i]);
        weft_response r = ask(&some, "GET", "/", line);
        WEFT_CHECK_EQ(r.status, 200);
        WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "");
        WEFT_CHECK_STR(header(&r, "Vary"), "Origin");
    }
}

WEFT_TEST(failures_and_streams_tell_browsers_who_may_read_them)
{
    const char *const paths[] = { "/fails", "/lines", "/none", "//x" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = ask(&some, "GET", paths[i], "Origin: https://a.example");
        WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "https://a.example");
        WEFT_CHECK_STR(header(&r, "Vary"), "Origin");
    }
}

WEFT_TEST(a_preflight_that_is_not_allowed_is_told_why)
{
    const struct { const char *headers, *body; } facts[] = {
        { "Origin: https://a.example\nAccess-Control-Request-Method: POST", "OK" },
        { "Origin: https://a.example\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: X-TOKEN,accept", "OK" },
        { "Origin: https://x.example\nAccess-Control-Request-Method: POST", "Disallowed CORS origin" },
        { "Origin: https://a.example\nAccess-Control-Request-Method: PUT", "Disallowed CORS method" },
        { "Origin: https://a.example\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: X-Other", "Disallowed CORS headers" },
        { "Origin: https://x.example\nAccess-Control-Request-Method: PUT\nAccess-Control-Request-Headers: X-Token, X-Other", "Disallowed CORS origin, method, headers" } };
    for (size_t i = 0; i < weft_count(facts); i++) {
        weft_response r = ask(&some, "OPTIONS", "/anything", facts[i].headers);
        WEFT_CHECK_STR(r.body, facts[i].body);
        WEFT_CHECK_EQ(r.status, strcmp(facts[i].body, "OK") == 0 ? 200 : 400);
        WEFT_CHECK_STR(header(&r, "Vary"), "Origin");
        WEFT_CHECK_STR(header(&r, "Content-Type"), "text/plain; charset=utf-8");
    }
    WEFT_CHECK_EQ(ask(&some, "OPTIONS", "/", "Origin: https://a.example").status, 405);
    WEFT_CHECK_EQ(ask(&some, "OPTIONS", "/", "Access-Control-Request-Method: GET").status, 405);
}

static const weft_router cors_in_router = { .prefix = "/r", .middleware = WEFT_MIDDLEWARE(weft_cors(.origins = "*")) };
static const weft_app wrong_cors = { .openapi_path = "", .routers = WEFT_ROUTERS(&cors_in_router), .middleware = WEFT_MIDDLEWARE(weft_cors(), weft_cors(.origins = "*", .credentials = true),
    weft_cors(.origins = "https://a.example/, example.com, https://*, https://a.*.example, https://a.example:*x, HTTPS://a.example, https://", .max_age_s = -1,
        .methods = "GET; POST", .headers = "X Y", .expose = "{}")) };

WEFT_TEST(mistakes_in_what_is_allowed_to_pages_are_told_at_the_start)
{
    FAULTS(wrong_cors, "application: weft_cors: no .origins; expected a list like \"https://example.com, https://*.example.com\", or \"*\"\n"
        "application: weft_cors: .credentials with .origins of \"*\": any page could act for whoever looks at it; name the origins\n"
        "application: weft_cors: method 'GET; POST' is no token\n"
        "application: weft_cors: header 'X Y' is no token\n"
        "application: weft_cors: header to expose '{}' is no token\n"
        "application: weft_cors: max_age_s -1 is negative\n"
        "application: weft_cors: origin 'https://a.example/': an origin has no path, and no '/' at its end\n"
        "application: weft_cors: origin 'example.com': expected scheme://host[:port]\n"
        "application: weft_cors: origin 'https://*': '*' stands for the first labels (https://*.example.com) or for the port (http://localhost:*)\n"
        "application: weft_cors: origin 'https://a.*.example': '*' stands for the first labels (https://*.example.com) or for the port (http://localhost:*)\n"
        "application: weft_cors: origin 'https://a.example:*x': '*' stands for the first labels (https://*.example.com) or for the port (http://localhost:*)\n"
        "application: weft_cors: origin 'HTTPS://a.example': browsers write origins in small letters\n"
        "application: weft_cors: origin 'https://': it has no host\n"
        "router /r: weft_cors: it answers requests that no route fits; expected it in the .middleware of an application (one that is mounted, for some paths)\n");
}

/* ---- the access log ---- */

/* Copied, as what a task is given ends with it. */
static char file_bytes[8192];
static int read_text(const char *const *path)
{
    weft_str text = { "", 0 };
    int rc = weft_file_text(*path, 8000, &text);
    snprintf(file_bytes, sizeof file_bytes, "%.*s", WEFT_FMT(text));
    return rc;
}
static weft_str file_text(const char *path)
{
    WEFT_CHECK_EQ(weft_test_run(read_text, &path), 0);
    return weft_str_of(file_bytes);
}

#define LOG_ROUTES .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str), WEFT_GET("/fails", fails, weft_none, weft_str), \
    WEFT_GET("/lines", lines, weft_none, weft_stream), WEFT_GET("/slow", slow, weft_none, weft_str), WEFT_GET("/broken", broken, weft_none, weft_stream))
static int slow(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S("late"); return weft_sleep_ms(1234); }
static int broken(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, WEFT_S("one\n")));
    return weft_fail(WEFT_EPROTO, "in the middle");
}
static const weft_app logged = { .middleware = WEFT_MIDDLEWARE(weft_access_log(.path = "log.txt"), weft_request_ids()), LOG_ROUTES };
static const weft_app combined = { .middleware = WEFT_MIDDLEWARE(weft_access_log(.path = "log.txt", .combined = true)), LOG_ROUTES };
static const weft_app in_json = { .middleware = WEFT_MIDDLEWARE(weft_access_log(.path = "log.txt", .json = true), weft_request_ids()), LOG_ROUTES };

WEFT_TEST(each_request_is_a_line_of_the_access_log)
{
    ask(&logged, "GET", "/?a=%22b\"c", "X-Request-Id: one");
    WEFT_CHECK_STR(file_text("log.txt"), "127.0.0.1 - - [14/Nov/2023:22:13:20 +0000] \"GET /?a=%22b\\\"c HTTP/1.1\" 200 7 0.000ms one\n");
    ask(&logged, "GET", "/slow", "X-Request-Id: two");
    ask(&logged, "HEAD", "/", "X-Request-Id: three");
    ask(&logged, "POST", "/none", "X-Request-Id: four");
    ask(&logged, "GET", "/lines", "X-Request-Id: five");
    weft_str all = file_text("log.txt");
    WEFT_CHECK(has(all, "\"GET /slow HTTP/1.1\" 200 6 1234.000ms two\n"));
    WEFT_CHECK(has(all, "\"HEAD / HTTP/1.1\" 200 - 0.000ms three\n"));
    WEFT_CHECK(has(all, "\"POST /none HTTP/1.1\" 404 22 0.000ms four\n"));
    WEFT_CHECK(has(all, "\"GET /lines HTTP/1.1\" 200 8 0.000ms five\n"));
}

WEFT_TEST(a_line_of_the_access_log_holds_whatever_comes)
{
    weft__shot shot = { .bytes = WEFT_S("GET / HTTP/1.1\r\nHost: x\r\nReferer: http://a/\"\\\r\nUser-Agent: a\tb\xc3\xa4\xff\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&combined, NULL, &shot, 1));
    ask(&combined, "GET", "/", "User-Agent: ");
    weft_str all = file_text("log.txt");
    WEFT_CHECK(has(all, "\"GET / HTTP/1.1\" 200 7 \"http://a/\\\"\\\\\" \"a\\\\x09b"));
    WEFT_CHECK(has(all, "\\\\xff\" 0.000ms -\n"));
    WEFT_CHECK(has(all, "200 7 \"-\" \"-\" 0.000ms -\n"));
    unsigned count = 0;
    for (size_t i = 0; i < all.len; i++) count += all.ptr[i] == '\n';
    WEFT_CHECK_EQ(count, 2);
}

WEFT_TEST(the_access_log_may_be_json)
{
    ask(&in_json, "GET", "/?a=\"", "X-Request-Id: one\nUser-Agent: a\\b");
    WEFT_CHECK_JSON(file_text("log.txt"), { "time": "2023-11-14T22:13:20.000Z", "client": "127.0.0.1", "method": "GET", "path": "/", "query": "a=\"",
        "route": "GET /", "status": 200, "bytes": 7, "ms": 0.000, "id": "one", "agent": "a\\b" });
    weft__shot shot = { .bytes = WEFT_S("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&in_json, NULL, &shot, 1));
    WEFT_CHECK(has(file_text("log.txt"), "\"route\":\"GET /broken\",\"status\":200,\"bytes\":4,\"ms\":0.000,\"id\":\""));
    WEFT_CHECK(has(file_text("log.txt"), "\"broken\":true}\n"));
}

WEFT_TEST(a_client_that_left_is_a_line_too)
{
    weft__shot shot = { .bytes = WEFT_S("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"), .leave_ms = 100 };
    WEFT_CHECK(weft__test_fire(&logged, NULL, &shot, 1));
    weft_str all = file_text("log.txt");
    if (!WEFT_CHECK(has(all, "\"GET /slow HTTP/1.1\" 499 - 10"))) fputs(all.ptr, stderr);
}

/* No function stands around what is inside: answers are not held, and all the same told of, whoever gave them. */
WEFT_INPUT(sized_in, query(int, bytes), reply(reply));
static int sized(const sized_in *in, weft_str *out)
{
    char *text = weft_alloc((size_t)in->bytes + 1);
    if (!text) return WEFT_ENOMEM;
    memset(text, 'x', (size_t)in->bytes);
    *out = (weft_str){ text, (size_t)in->bytes };
    WEFT_TRY(weft_reply_header(in->reply, "X-Frame-Options", "SAMEORIGIN"));
    return weft_reply_header(in->reply, "Vary", "Accept, Origin");
}
static int goes_on(const weft_request *request, weft_reply *reply, weft_next *next) { (void)request; (void)reply; return weft_next_run(next); }
#define STRAIGHT weft_access_log(.path = "log.txt"), weft_request_ids(), weft_timing(), weft_security_headers(), weft_trusted_hosts(.hosts = "testserver, x"), \
    weft_cors(.origins = "https://a.example"), weft_rate_limit(.limit = 1, .header = "X-Limited", .key = NULL)
#define STRAIGHT_ROUTES .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/sized", sized, sized_in, weft_str), WEFT_GET("/fails", fails, weft_none, weft_str), WEFT_GET("/lines", lines, weft_none, weft_stream))
static const weft_app straight = { .middleware = WEFT_MIDDLEWARE(STRAIGHT), STRAIGHT_ROUTES };
static const weft_app held = { .middleware = WEFT_MIDDLEWARE(goes_on, STRAIGHT, goes_on), STRAIGHT_ROUTES };

WEFT_TEST(layers_that_are_around_nothing_say_the_same_where_answers_are_held)
{
    static const struct { const char *method, *path, *headers, *line; int status; } facts[] = {
        { "GET", "/sized?bytes=10", "X-Limited: 1", "\"GET /sized?bytes=10 HTTP/1.1\" 200 12 0.000ms ", 200 },
        { "GET", "/sized?bytes=300000", "X-Limited: 2\nOrigin: https://a.example", "\"GET /sized?bytes=300000 HTTP/1.1\" 200 300002 0.000ms ", 200 },
        { "HEAD", "/sized?bytes=300000", "X-Limited: 3", "\"HEAD /sized?bytes=300000 HTTP/1.1\" 200 - 0.000ms ", 200 },
        { "GET", "/sized?bytes=x", "X-Limited: 4", "\"GET /sized?bytes=x HTTP/1.1\" 422 ", 422 },
        { "GET", "/fails", "X-Limited: 5", "\"GET /fails HTTP/1.1\" 502 ", 502 },
        { "GET", "/fails", "X-Limited: 5", "\"GET /fails HTTP/1.1\" 429 ", 429 },
        { "GET", "/lines", "X-Limited: 6", "\"GET /lines HTTP/1.1\" 200 8 0.000ms ", 200 },
        { "GET", "/none", "X-Limited: 7", "\"GET /none HTTP/1.1\" 404 22 0.000ms ", 404 },
        { "GET", "/lines/", "X-Limited: 8", "\"GET /lines/ HTTP/1.1\" 307 - 0.000ms ", 307 },
        { "GET", "/lines", "X-Limited: 9\nHost: evil", "\"GET /lines HTTP/1.1\" 400 ", 400 },
        { "OPTIONS", "/x", "Origin: https://a.example\nAccess-Control-Request-Method: GET", "\"OPTIONS /x HTTP/1.1\" 200 2 0.000ms ", 200 },
        { "OPTIONS", "/x", "Origin: https://b.example\nAccess-Control-Request-Method: GET", "\"OPTIONS /x HTTP/1.1\" 400 22 0.000ms ", 400 } };
    const weft_app *const apps[] = { &straight, &held };
    for (size_t i = 0; i < weft_count(facts); i++) {
        char said[2][2000] = { "", "" };
        for (size_t k = 0; k < 2; k++) {
            weft_response r = ask(apps[k], facts[i].method, facts[i].path, facts[i].headers);
            WEFT_CHECK_EQ(r.status, facts[i].status);
            for (size_t h = 0; h < r.header_count; h++) {
                bool id = weft_str_equal(r.headers[h].name, WEFT_S("X-Request-Id"));
                size_t n = strlen(said[k]);
                snprintf(said[k] + n, sizeof said[k] - n, "%s: %s\n", r.headers[h].name.ptr, id ? "" : r.headers[h].value.ptr);
            }
            char want[200];
            weft_str all = file_text("log.txt");
            snprintf(want, sizeof want, "%s", facts[i].line);
            if (!WEFT_CHECK(has(all, want))) fprintf(stderr, "    %s in %s\n", want, all.ptr);
            WEFT_CHECK(has(weft_str_of(said[k]), "X-Request-Id: \n") && has(weft_str_of(said[k]), "Server-Timing: total;dur=0.000\n"));
        }
        WEFT_CHECK_STR(weft_str_of(said[0]), said[1]);
    }
    weft_response r = ask(&straight, "GET", "/sized?bytes=10", "X-Limited: 10");
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin, Accept");
    WEFT_CHECK_STR(header(&r, "X-Frame-Options"), "SAMEORIGIN");
}

/* Lines go out while the server runs, once a second, and all of one second together. */
WEFT_TEST(the_access_log_is_written_each_second)
{
    weft__shot shots[] = { { .bytes = WEFT_S("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }, { .bytes = WEFT_S("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"), .start_ms = 3000 } };
    WEFT_CHECK(weft__test_fire(&logged, NULL, shots, 2));
    weft_str all = file_text("log.txt");
    WEFT_CHECK(has(all, "22:13:20 +0000] \"GET / ") && has(all, "22:13:24 +0000] \"GET /slow "));
}

/* ---- timing, hosts, headers ---- */

WEFT_INPUT(reply_in, reply(reply));
static int phases(const reply_in *in, weft_str *out)
{
    *out = WEFT_S("x");
    WEFT_TRY(weft_sleep_ms(5));
    return weft_reply_header(in->reply, "Server-Timing", "db;dur=2.5");
}
static const weft_app timed = { .middleware = WEFT_MIDDLEWARE(weft_timing(), weft_timing(.name = "inner")), .routes = WEFT_ROUTES(WEFT_GET("/", phases, reply_in, weft_str),
    WEFT_GET("/lines", lines, weft_none, weft_stream)) };

WEFT_TEST(the_time_that_an_answer_took_stands_in_its_head)
{
    weft_response r = ask(&timed, "GET", "/", NULL);
    WEFT_CHECK_STR(header(&r, "Server-Timing"), "db;dur=2.5, inner;dur=5.000, total;dur=5.000");
    r = ask(&timed, "GET", "/lines", NULL);
    WEFT_CHECK_STR(header(&r, "Server-Timing"), "inner;dur=0.000, total;dur=0.000");
}

static const weft_app hosted = { .middleware = WEFT_MIDDLEWARE(weft_trusted_hosts(.hosts = "example.com, *.example.org, [::1], 127.0.0.1")), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str)) };

WEFT_TEST(only_trusted_hosts_are_answered)
{
    const char *const good[] = { "Host: example.com", "Host: EXAMPLE.com:8000", "Host: a.example.org", "Host: a.b.example.org:1", "Host: [::1]:8000", "Host: 127.0.0.1:80", "Host: example.com." };
    const char *const bad[] = { "Host: evil.com", "Host: example.org", "Host: example.com.evil.com", "Host: aexample.com", "Host: [::2]", "Host: testserver" };
    for (size_t i = 0; i < weft_count(good); i++) WEFT_CHECK_EQ(ask(&hosted, "GET", "/", good[i]).status, 200);
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft_response r = ask(&hosted, "GET", "/", bad[i]);
        WEFT_CHECK_EQ(r.status, 400);
        WEFT_CHECK_STR(r.body, "{\"detail\":\"Invalid host header\"}");
    }
}

static int framed(const reply_in *in, weft_str *out) { *out = WEFT_S("x"); return weft_reply_header(in->reply, "X-Frame-Options", "SAMEORIGIN"); }
static const weft_app secured = { .middleware = WEFT_MIDDLEWARE(weft_security_headers(.csp = "default-src 'self'", .hsts_s = 31536000, .hsts_subdomains = true, .opener = "")),
    .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str), WEFT_GET("/framed", framed, reply_in, weft_str)) };

WEFT_TEST(browsers_are_told_to_be_careful)
{
    weft_response r = ask(&secured, "GET", "/none", NULL);
    WEFT_CHECK_STR(header(&r, "X-Content-Type-Options"), "nosniff");
    WEFT_CHECK_STR(header(&r, "X-Frame-Options"), "DENY");
    WEFT_CHECK_STR(header(&r, "Referrer-Policy"), "strict-origin-when-cross-origin");
    WEFT_CHECK_STR(header(&r, "Cross-Origin-Opener-Policy"), "");
    WEFT_CHECK_STR(header(&r, "Cross-Origin-Resource-Policy"), "same-origin");
    WEFT_CHECK_STR(header(&r, "Content-Security-Policy"), "default-src 'self'");
    WEFT_CHECK_STR(header(&r, "Strict-Transport-Security"), "max-age=31536000; includeSubDomains");
    r = ask(&secured, "GET", "/framed", NULL);
    WEFT_CHECK_STR(header(&r, "X-Frame-Options"), "SAMEORIGIN");
    r = ask(&secured, "GET", "/docs", NULL);
    WEFT_CHECK(has(header(&r, "Content-Security-Policy"), "script-src"));
}

static const weft_app wrong = { .openapi_path = "", .middleware = WEFT_MIDDLEWARE(weft_trusted_hosts(), weft_trusted_hosts(.hosts = "a.*, https://b.example, c.example:80, *d, *"),
    weft_security_headers(.hsts_subdomains = true, .csp = "a\nb"), weft_timing(.name = "a b"), weft_request_ids(.header = "X Y"), weft_access_log(.json = true, .combined = true)) };

WEFT_TEST(mistakes_in_options_of_middleware_are_told_at_the_start)
{
    FAULTS(wrong, "application: weft_trusted_hosts: no .hosts; expected a list like \"example.com, *.example.com\"\n"
        "application: weft_trusted_hosts: host 'a.*': '*' stands alone, or in front as in *.example.com\n"
        "application: weft_trusted_hosts: host 'https://b.example': it has no port: a host is trusted on each\n"
        "application: weft_trusted_hosts: host 'c.example:80': it has no port: a host is trusted on each\n"
        "application: weft_trusted_hosts: host '*d': '*' stands alone, or in front as in *.example.com\n"
        "application: weft_security_headers: hsts_s 0; expected seconds, as 31536000\n"
        "application: weft_security_headers: Content-Security-Policy: control characters in its value\n"
        "application: weft_timing: name 'a b' is no token\n"
        "application: weft_request_ids: header 'X Y' is no token\n"
        "application: weft_access_log: .json and .combined; expected one of them\n");
}
