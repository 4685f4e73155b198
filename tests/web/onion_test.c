/* Middleware: what it sees, what it may change, and what its author may get wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "faults.h"
#include "pairs.h"
#include "testing/client.h"

static char said[1024];
static void say(const char *what) { strncat(said, what, sizeof said - strlen(said) - 1); }
static weft_response get(const weft_app *app, const char *path)
{
    said[0] = 0;
    return weft_test_get(app, path);
}

WEFT_MODEL(Got, field(int, n), field(weft_str, of));
WEFT_INPUT(n_in, path(int, n));
WEFT_INPUT(reply_in, reply(reply));

static int n(const n_in *in, Got *out)
{
    say("handler ");
    *out = (Got){ in->n, WEFT_S("handler") };
    return in->n == 13 ? weft_fail(409, "not %d", in->n) : in->n == 14 ? weft_fail(WEFT_EPROTO, "inside") : 0;
}

/* ---- on the way in ---- */

static int refuses(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)next;
    weft_reply_header(reply, "WWW-Authenticate", "Bearer");
    return weft_request_header(request, "X-Pass").len ? weft_next_run(next) : weft_fail(401, "who are you?");
}
static int looks(const weft_request *request, weft_reply *reply, weft_next *next)
{
    char text[160];
    int rc = weft_next_run(next);
    (void)request;
    snprintf(text, sizeof text, "rc %d status %d type %s body %.*s bytes %d ", rc, weft_reply_status_of(reply), weft_reply_header_of(reply, "content-TYPE").ptr,
        WEFT_FMT(weft_reply_body_of(reply)), (int)weft_reply_bytes_of(reply));
    say(text);
    return rc;
}
static const weft_app guarded = { .middleware = WEFT_MIDDLEWARE(looks, refuses), .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(a_middleware_that_fails_answers_without_the_handler)
{
    weft_response r = get(&guarded, "/7");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_STR(r.body, "{\"detail\":\"who are you?\"}");
    WEFT_CHECK_STR(header(&r, "WWW-Authenticate"), "Bearer");
    WEFT_CHECK_STR(weft_str_of(said), "rc -10401 status 401 type application/json body {\"detail\":\"who are you?\"} bytes 25 ");
}

WEFT_TEST(an_outer_middleware_sees_the_whole_answer)
{
    weft_header pass = { WEFT_S("X-Pass"), WEFT_S("1") };
    said[0] = 0;
    weft_response r = weft_test_send(&guarded, "GET", "/7", &pass, 1, NULL);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_str_of(said), "handler rc 0 status 200 type application/json body {\"n\":7,\"of\":\"handler\"} bytes 22 ");
    said[0] = 0;
    r = weft_test_send(&guarded, "GET", "/13", &pass, 1, NULL);
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_STR(weft_str_of(said), "handler rc -10409 status 409 type application/json body {\"detail\":\"not 13\"} bytes 19 ");
    said[0] = 0;
    r = weft_test_send(&guarded, "GET", "/x", &pass, 1, NULL);
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK(has(weft_str_of(said), "rc -10422 status 422 "));
    said[0] = 0;
    r = weft_test_send(&guarded, "POST", "/7", &pass, 1, NULL);
    WEFT_CHECK_EQ(r.status, 405);
    WEFT_CHECK_STR(header(&r, "Allow"), "GET, HEAD");
    WEFT_CHECK(has(weft_str_of(said), "rc -10405 status 405 "));
    said[0] = 0;
    r = weft_test_send(&guarded, "GET", "/7/", &pass, 1, NULL);
    WEFT_CHECK_EQ(r.status, 307);
    WEFT_CHECK(has(weft_str_of(said), "rc 0 status 307 "));
}

static int answers(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)next;
    if (!weft_str_equal(weft_request_path(request), WEFT_S("/health"))) return weft_next_run(next);
    return weft_reply_text(reply, WEFT_S("fine"));
}
static const weft_app healthy = { .middleware = WEFT_MIDDLEWARE(answers), .routes = WEFT_ROUTES(WEFT_GET("/n/{n}", n, n_in, Got)) };

WEFT_TEST(a_middleware_may_answer_without_what_is_inside)
{
    weft_response r = get(&healthy, "/health");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(r.body, "fine");
    WEFT_CHECK_STR(header(&r, "Content-Type"), "text/plain; charset=utf-8");
    WEFT_CHECK_EQ(get(&healthy, "/n/1").status, 200);
    WEFT_CHECK_EQ(get(&healthy, "/n").status, 404);
}

/* ---- headers ---- */

static int headers(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    weft_reply_header(reply, "X-Before", "1");
    weft_reply_header(reply, "Cache-Control", "no-store");
    weft_reply_cookie(reply, "outer", WEFT_S("1"));
    weft_reply_vary(reply, "Origin");
    int rc = weft_next_run(next);
    weft_reply_header(reply, "X-After", "%d", weft_reply_status_of(reply));
    return rc;
}
static int with_headers(const reply_in *in, Got *out)
{
    *out = (Got){ 1, WEFT_S("h") };
    weft_reply_header(in->reply, "Cache-Control", "max-age=60");
    weft_reply_cookie(in->reply, "inner", WEFT_S("2"));
    weft_reply_header(in->reply, "X-Before", "handler");
    return weft_reply_header(in->reply, "Vary", "Accept");
}
static int without_body(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_status(out, 204); }
static const weft_app heads = { .middleware = WEFT_MIDDLEWARE(headers), .routes = WEFT_ROUTES(WEFT_GET("/n/{n}", n, n_in, Got),
    WEFT_GET("/own", with_headers, reply_in, Got), WEFT_GET("/204", without_body, weft_none, weft_reply)) };

static unsigned count_of(const weft_response *r, const char *name)
{
    unsigned count = 0;
    for (size_t i = 0; i < r->header_count; i++) count += weft_str_equal(r->headers[i].name, weft_str_of(name));
    return count;
}

WEFT_TEST(headers_set_before_go_out_with_every_answer)
{
    const char *const paths[] = { "/n/1", "/n/13", "/n/14", "/n/x", "/none", "/n/1/", "/204", "/openapi.json", "/docs" };
    const int status[] = { 200, 409, 502, 422, 404, 307, 204, 200, 200 };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = get(&heads, paths[i]);
        WEFT_CHECK_EQ(r.status, status[i]);
        WEFT_CHECK_STR(header(&r, "X-Before"), "1");
        WEFT_CHECK_EQ(atoi(header(&r, "X-After").ptr), status[i]);
        WEFT_CHECK_EQ(count_of(&r, "Content-Type"), status[i] != 204 && status[i] != 307);
    }
}

WEFT_TEST(a_handlers_header_counts_more_than_one_that_was_set_before)
{
    weft_response r = get(&heads, "/own");
    WEFT_CHECK_STR(header(&r, "Cache-Control"), "max-age=60");
    WEFT_CHECK_STR(header(&r, "X-Before"), "handler");
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin, Accept");
    WEFT_CHECK_EQ(count_of(&r, "Cache-Control"), 1);
    WEFT_CHECK_EQ(count_of(&r, "Set-Cookie"), 2);
}

/* ---- on the way out ---- */

static int changes(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(weft_next_run(next));
    weft_reply_status(reply, 202);
    weft_reply_header(reply, "Content-Type", "text/x-upper");
    weft_str body = weft_reply_body_of(reply);
    char *copy = weft_alloc(body.len);
    for (size_t i = 0; i < body.len; i++) copy[i] = (char)(body.ptr[i] >= 'a' && body.ptr[i] <= 'z' ? body.ptr[i] - 32 : body.ptr[i]);
    return weft_reply_bytes(reply, "text/x-upper", (weft_str){ copy, body.len });
}
static const weft_app changed = { .middleware = WEFT_MIDDLEWARE(changes), .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(an_answer_may_be_changed_behind_the_handler)
{
    weft_response r = get(&changed, "/3");
    WEFT_CHECK_EQ(r.status, 202);
    WEFT_CHECK_STR(r.body, "{\"N\":3,\"OF\":\"HANDLER\"}");
    WEFT_CHECK_STR(header(&r, "Content-Type"), "text/x-upper");
    WEFT_CHECK_STR(get(&changed, "/13").body, "{\"detail\":\"not 13\"}");
}

static int fails_behind(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    (void)!weft_next_run(next);
    weft_reply_header(reply, "X-Seen", "1");
    return weft_fail(503, "not kept");
}
static const weft_app failing = { .middleware = WEFT_MIDDLEWARE(headers, fails_behind), .routes = WEFT_ROUTES(
    WEFT_GET("/own", with_headers, reply_in, Got), WEFT_GET("/n/{n}", n, n_in, Got)) };

WEFT_TEST(a_failure_behind_the_handler_takes_its_answers_place_with_its_headers)
{
    weft_response r = get(&failing, "/own");
    WEFT_CHECK_EQ(r.status, 503);
    WEFT_CHECK_STR(r.body, "{\"detail\":\"not kept\"}");
    WEFT_CHECK_EQ(count_of(&r, "Set-Cookie"), 1);
    WEFT_CHECK_STR(header(&r, "X-Seen"), "1");
    WEFT_CHECK_STR(header(&r, "X-After"), "503");
    WEFT_CHECK_EQ(get(&failing, "/n/13").status, 503);
}

/* The handler said them, too: what the layer had said is true of the failure as well. */
WEFT_TEST(headers_of_a_layer_that_the_handler_says_too_come_back_with_a_failure_behind_it)
{
    weft_response r = get(&failing, "/own");
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin");
    WEFT_CHECK_STR(header(&r, "Cache-Control"), "no-store");
    WEFT_CHECK_STR(header(&r, "X-Before"), "1");
    WEFT_CHECK_EQ(count_of(&r, "Vary") + count_of(&r, "Cache-Control") + count_of(&r, "X-Before"), 3);
}

static int says_otherwise(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    int rc = weft_next_run(next);
    weft_reply_header(reply, "X-Before", "behind");
    weft_reply_vary(reply, "X-Key");
    weft_reply_header(reply, "Content-Language", "de");
    return rc;
}
static const weft_app said_twice = { .middleware = WEFT_MIDDLEWARE(headers, fails_behind, says_otherwise), .routes = WEFT_ROUTES(WEFT_GET("/own", with_headers, reply_in, Got)) };

WEFT_TEST(what_a_layer_says_in_place_of_the_handler_is_its_own_and_stays)
{
    weft_response r = get(&said_twice, "/own");
    WEFT_CHECK_EQ(r.status, 503);
    WEFT_CHECK_STR(header(&r, "X-Before"), "behind");
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin, Accept, X-Key");
    WEFT_CHECK_STR(header(&r, "Content-Language"), "");
}

static int forgives(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    int rc = weft_next_run(next);
    if (rc != WEFT_STATUS(409)) return rc;
    weft_reply_status(reply, 200);
    return weft_reply_text(reply, WEFT_S("forgiven"));
}
static const weft_app forgiving = { .middleware = WEFT_MIDDLEWARE(looks, forgives), .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(a_failure_may_be_answered_by_middleware_around_it)
{
    WEFT_CHECK_STR(get(&forgiving, "/13").body, "forgiven");
    WEFT_CHECK(has(weft_str_of(said), "rc 0 status 200 type text/plain; charset=utf-8 body forgiven"));
    WEFT_CHECK_EQ(get(&forgiving, "/x").status, 422);
}

/* ---- answers in parts ---- */

static int after_rc;
static char after_text[300];
static void at_head(weft_reply *reply, void *arg)
{
    weft_reply_header(reply, "X-Head", "%s %d %s", (const char *)arg, weft_reply_status_of(reply), weft_reply_header_of(reply, "Content-Type").ptr);
    say(arg);
}
static int hooked(const weft_request *request, weft_reply *reply, weft_next *next)
{
    char text[64];
    (void)request;
    weft_reply_header(reply, "X-Before", "1");
    WEFT_TRY(weft_reply_on_head(reply, at_head, "first "));
    WEFT_TRY(weft_reply_on_head(reply, at_head, "last "));
    int rc = weft_next_run(next);
    snprintf(text, sizeof text, "rc %d begun %d bytes %d ", rc, weft_reply_begun(reply), (int)weft_reply_bytes_of(reply));
    say(text);
    if (weft_reply_begun(reply)) {
        after_rc = weft_reply_header(reply, "X-After", "1");
        snprintf(after_text, sizeof after_text, "%s", weft_error_of(after_rc)->text);
    }
    return rc;
}
static int parts(const weft_none *in, weft_stream *out)
{
    (void)in;
    weft_reply_header(weft_stream_reply(out), "X-Stream", "1");
    WEFT_TRY(weft_write(out, WEFT_S("one ")));
    say("write ");
    return weft_write(out, WEFT_S("two"));
}
static int broken(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, WEFT_S("one ")));
    return weft_fail(WEFT_EPROTO, "in the middle");
}
static int unwritten(const weft_none *in, weft_stream *out) { (void)in; (void)out; return weft_fail(404, "nothing"); }
static const weft_app streaming = { .middleware = WEFT_MIDDLEWARE(hooked), .routes = WEFT_ROUTES(WEFT_GET("/parts", parts, weft_none, weft_stream),
    WEFT_GET("/broken", broken, weft_none, weft_stream), WEFT_GET("/unwritten", unwritten, weft_none, weft_stream), WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(middleware_sees_an_answer_in_parts_begin_and_end)
{
    weft_response r = get(&streaming, "/parts");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(r.body, "one two");
    WEFT_CHECK_STR(header(&r, "X-Stream"), "1");
    WEFT_CHECK_STR(header(&r, "X-Before"), "1");
    WEFT_CHECK_STR(header(&r, "X-Head"), "first  200 application/octet-stream");
    WEFT_CHECK_STR(weft_str_of(said), "last first write rc 0 begun 1 bytes 7 ");
    WEFT_CHECK_EQ(after_rc, WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(after_text),
        "reply header 'X-After': the head has been sent, with an answer in parts; middleware says such things before weft_next_run, or in weft_reply_on_head");
    WEFT_CHECK_STR(header(&r, "X-After"), "");
}

WEFT_TEST(what_breaks_off_is_told_to_the_middleware_around_it)
{
    said[0] = 0;
    weft__shot shot = { .bytes = WEFT_S("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&streaming, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 0);
    WEFT_CHECK_STR(weft_str_of(said), "last first rc -71 begun 1 bytes 4 ");
}

WEFT_TEST(the_head_is_told_of_for_every_kind_of_answer)
{
    weft_response r = get(&streaming, "/unwritten");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(header(&r, "X-Head"), "first  404 application/json");
    WEFT_CHECK_STR(weft_str_of(said), "rc -10404 begun 0 bytes 20 last first ");
    r = get(&streaming, "/5");
    WEFT_CHECK_STR(header(&r, "X-Head"), "first  200 application/json");
    r = weft_test_send(&streaming, "HEAD", "/parts", NULL, 0, NULL);
    WEFT_CHECK_STR(header(&r, "X-Head"), "first  200 application/octet-stream");
    WEFT_CHECK_EQ(r.body.len, 0);
}

/* ---- waiting, memory, tasks ---- */

static weft_local(int) whose;
static int waits(const weft_request *request, weft_reply *reply, weft_next *next)
{
    WEFT_TRY(weft_sleep_ms(10));
    WEFT_TRY(weft_local_set(&whose, 42));
    int rc = weft_next_run(next);
    WEFT_TRY(weft_sleep_ms(10));
    weft_reply_header(reply, "X-Path", "%s %d", weft_request_path(request).ptr, weft_local_get(&whose, 0));
    return rc;
}
WEFT_INPUT(sized_in, query(int, bytes), query(weft_str, fill));
static int large(const sized_in *in, weft_str *out)
{
    WEFT_CHECK_EQ(weft_local_get(&whose, 0), 42);
    WEFT_TRY(weft_local_set(&whose, 43));
    char *text = weft_alloc((size_t)in->bytes + 1);
    if (!text) return WEFT_ENOMEM;
    memset(text, in->fill.ptr[0], (size_t)in->bytes);
    *out = (weft_str){ text, (size_t)in->bytes };
    return 0;
}
static const weft_app waiting = { .middleware = WEFT_MIDDLEWARE(waits, waits), .routes = WEFT_ROUTES(WEFT_GET("/large", large, sized_in, weft_str)) };

WEFT_TEST(an_answer_waits_unharmed_while_others_are_made)
{
    enum { CLIENTS = 6 };
    weft__shot shots[CLIENTS];
    char text[CLIENTS][120];
    const int bytes[CLIENTS] = { 100, 300000, 16 * 1024, 5, 70000, 1000 };
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(text[i], sizeof text[i], "GET /large?bytes=%d&fill=%c HTTP/1.1\r\nHost: x\r\n\r\n", bytes[i], 'a' + i);
        shots[i] = (weft__shot){ .bytes = weft_str_of(text[i]), .start_ms = i };
    }
    WEFT_CHECK(weft__test_fire(&waiting, NULL, shots, CLIENTS));
    for (int i = 0; i < CLIENTS; i++) {
        weft_str body = shots[i].answer.body;
        WEFT_CHECK_EQ(body.len, bytes[i] + 2);
        for (size_t k = 1; k + 1 < body.len; k++) if (!WEFT_CHECK_EQ(body.ptr[k], 'a' + i)) break;
        WEFT_CHECK_STR(header(&shots[i].answer, "X-Path"), "/large 43");
        WEFT_CHECK_EQ(shots[i].took_ms, 40);
    }
}

WEFT_INPUT(pieces_in, body(weft_body, body));
static int first_line(const pieces_in *in, weft_reply *out)
{
    weft_str line;
    int rc = weft_body_line(&in->body, &line);
    return rc < 0 ? rc : weft_reply_bytes(out, "text/plain", line);
}
static const weft_app echoing = { .middleware = WEFT_MIDDLEWARE(waits), .routes = WEFT_ROUTES(WEFT_POST("/", first_line, pieces_in, weft_reply)) };

WEFT_TEST(a_piece_of_the_body_may_be_the_answer)
{
    WEFT_CHECK_STR(weft_test_post(&echoing, "/", "the first line\nand others\n").body, "the first line");
}

static int left_rc;
static int waits_long(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request; (void)reply;
    int rc = weft_sleep_ms(5000);
    left_rc = rc;
    return rc < 0 ? rc : weft_next_run(next);
}
static const weft_app slow = { .middleware = WEFT_MIDDLEWARE(waits_long), .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(a_client_that_leaves_cancels_middleware_that_waits)
{
    weft__shot shot = { .bytes = WEFT_S("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"), .leave_ms = 20 };
    said[0] = 0;
    WEFT_CHECK(weft__test_fire(&slow, NULL, &shot, 1));
    WEFT_CHECK_EQ(left_rc, WEFT_ECANCELED);
    WEFT_CHECK_STR(weft_str_of(said), "");
}

static int greedy(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    int rc = weft_next_run(next);
    for (int i = 0; i < 5; i++) weft_reply_header(reply, "X-Much", "%s", weft_format("%*s", 20000000, "").len ? "1" : "0");
    return rc;
}
static const weft_app hungry = { .middleware = WEFT_MIDDLEWARE(greedy), .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(middleware_past_the_requests_memory_is_a_failure)
{
    weft_test_allow_blocking(2000);
    WEFT_CHECK_EQ(get(&hungry, "/1").status, 500);
}

/* ---- configuration ---- */

typedef struct greeting { const char *text; } greeting;
static int greets(const weft_request *request, weft_reply *reply, weft_next *next)
{
    const greeting *g = weft_next_config(next);
    (void)request;
    weft_reply_header(reply, g->text[0] == 'a' ? "X-A" : "X-B", "%s", g->text);
    return weft_next_run(next);
}
static const greeting a = { "a" };
static const weft_app greeted = { .middleware = WEFT_MIDDLEWARE(weft_with(greets, &a), weft_with(greets, (&(const greeting){ "b" }))),
    .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };

WEFT_TEST(each_place_in_a_list_has_its_own_configuration)
{
    weft_response r = get(&greeted, "/1");
    WEFT_CHECK_STR(header(&r, "X-A"), "a");
    WEFT_CHECK_STR(header(&r, "X-B"), "b");
}

/* ---- mistakes ---- */

static int forgets(const weft_request *request, weft_reply *reply, weft_next *next) { (void)request; (void)reply; (void)next; return 0; }
static int positive(const weft_request *request, weft_reply *reply, weft_next *next) { (void)request; (void)reply; return weft_next_run(next) + 1; }
static char twice_text[200];
static int twice(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request; (void)reply;
    WEFT_TRY(weft_next_run(next));
    int rc = weft_next_run(next);
    snprintf(twice_text, sizeof twice_text, "%s", weft_error_of(rc)->text);
    return rc;
}
static const weft_app forgetful = { .debug = true, .routes = WEFT_ROUTES(
    WEFT_GET("/forgets/{n}", n, n_in, Got, .middleware = WEFT_MIDDLEWARE(forgets)), WEFT_GET("/positive/{n}", n, n_in, Got, .middleware = WEFT_MIDDLEWARE(positive)),
    WEFT_GET("/twice/{n}", n, n_in, Got, .middleware = WEFT_MIDDLEWARE(twice))) };

/* A mistake in the program is the developer's to know: a 500 that says it, with .debug. */
static void is_mistake(const weft_app *app, const char *path, const char *text)
{
    weft_response r = get(app, path);
    WEFT_CHECK_EQ(r.status, 500);
    if (!WEFT_CHECK(has(r.body, text))) fprintf(stderr, "  (%s: %.*s)\n", path, WEFT_FMT(r.body));
}

WEFT_TEST(a_middleware_that_neither_goes_on_nor_answers_is_told_so)
{
    is_mistake(&forgetful, "/forgets/1", "middleware forgets returned 0, ran nothing inside (weft_next_run) and gave no answer");
    is_mistake(&forgetful, "/positive/1", "middleware positive returned a positive number");
    is_mistake(&forgetful, "/twice/1", "");
    WEFT_CHECK_STR(weft_str_of(twice_text), "weft_next_run: it has run what is inside already");
}

static int run_next(weft_next *const *next) { return weft_next_run(*next); }
static int spawns(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request; (void)reply;
    WEFT_TRY(weft_gather(weft_call(run_next, &next)));
    return 0;
}
static int hurries(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_SCOPE(s, .timeout_ms = 5);
    int rc = weft_next_run(next);
    if (rc != WEFT_ETIMEDOUT || !weft_scope_caught(s)) return rc;
    weft_reply_status(reply, 503);
    return weft_reply_text(reply, WEFT_S("busy"));
}
static int slow_handler(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S("x"); return weft_sleep_ms(1000); }
static const weft_app tasks = { .debug = true, .routes = WEFT_ROUTES(WEFT_GET("/spawns/{n}", n, n_in, Got, .middleware = WEFT_MIDDLEWARE(spawns)),
    WEFT_GET("/hurries", slow_handler, weft_none, weft_str, .middleware = WEFT_MIDDLEWARE(hurries))) };

WEFT_TEST(what_is_inside_runs_in_the_middlewares_task_and_within_its_scopes)
{
    is_mistake(&tasks, "/spawns/1", "weft_next_run: expected in the task that the middleware was called in");
    weft_response r = get(&tasks, "/hurries");
    WEFT_CHECK_EQ(r.status, 503);
    WEFT_CHECK_STR(r.body, "busy");
}

static int handler_hook(const reply_in *in, Got *out)
{
    out->of = WEFT_S("x");
    return weft_reply_on_head(in->reply, at_head, "x");
}
static const weft_app misplaced = { .debug = true, .routes = WEFT_ROUTES(WEFT_GET("/", handler_hook, reply_in, Got)) };

WEFT_TEST(only_middleware_is_told_of_heads)
{
    is_mistake(&misplaced, "/", "weft_reply_on_head: expected the reply that a middleware is given");
}

static weft_middleware *const none = NULL;
static const weft_layer with_null[] = { { .name = "none" }, { 0 } };
static const weft_router null_router = { .prefix = "/r", .middleware = with_null, .routes = WEFT_ROUTES(WEFT_GET("/{n}", n, n_in, Got)) };
static const weft_app nulls = { .middleware = with_null, .routers = WEFT_ROUTERS(&null_router), .openapi_path = "" };

WEFT_TEST(middleware_that_is_null_is_told_at_the_start)
{
    (void)none;
    FAULTS(nulls, "application: middleware none is NULL\nrouter /r: middleware none is NULL\n");
}

/* ---- what it is told of the request ---- */

static int tells(const weft_request *request, weft_reply *reply, weft_next *next)
{
    weft_reply_header(reply, "X-Route", "%s", weft_request_route(request).ptr);
    weft_reply_header(reply, "X-Client", "%s", weft_request_client(request).ptr);
    return weft_next_run(next);
}
static const weft_app told = { .middleware = WEFT_MIDDLEWARE(tells), .routes = WEFT_ROUTES(WEFT_GET("/things/{n}", n, n_in, Got)) };

WEFT_TEST(middleware_knows_the_route_and_the_client)
{
    weft_response r = get(&told, "/things/4");
    WEFT_CHECK_STR(header(&r, "X-Route"), "GET /things/{n}");
    WEFT_CHECK_STR(header(&r, "X-Client"), "127.0.0.1");
    r = get(&told, "/none");
    WEFT_CHECK_STR(header(&r, "X-Route"), "");
}
