/* Server-sent events: what clients read, where they go on, and how they are kept. */
#include <string.h>
#include "pairs.h"
#include "task/world.h"
#include "testing/client.h"
#include "web/app.h"

WEFT_MODEL(Price, field(weft_str, item), field(double, price));
WEFT_INPUT(name_in, path(weft_str, name));
WEFT_INPUT(resume_in, header(WEFT_OPT(int64_t), last_event_id));

static int last_rc;
static int64_t cut_ns;

static int all_kinds(const weft_none *in, weft_events *out)
{
    (void)in;
    WEFT_TRY(weft_event(out));
    WEFT_TRY(weft_event(out, .retry_ms = 2500));
    WEFT_TRY(weft_event(out, .data = WEFT_S("two\nlines\r\nand: three"), .type = WEFT_S("note"), .id = WEFT_S("a1")));
    WEFT_TRY(weft_event(out, .comment = WEFT_S("for people")));
    WEFT_TRY(weft_event_item(Price, out, (&(Price){ WEFT_S("a\nb"), 1.5 }), .type = WEFT_S("price"), .id = WEFT_S("a2")));
    return weft_event_item(Price, out, (&(Price){ WEFT_S("c"), 2 }));
}

/* Goes on behind what the client has. */
static int resume(const resume_in *in, weft_events *out)
{
    int64_t first = in->last_event_id.set ? in->last_event_id.value + 1 : 1;
    weft_str said = weft_events_last_id(out);
    WEFT_TRY(weft_sleep_ms(1));
    WEFT_TRY(weft_reply_header(weft_events_reply(out), "X-Last", "%.*s", WEFT_FMT(said)));
    for (int64_t i = first; i < first + 2; i++) WEFT_TRY(weft_event(out, .data = WEFT_S("x"), .id = weft_format("%lld", (long long)i)));
    return 0;
}

static int text_id(const weft_none *in, weft_events *out)
{
    (void)in;
    return weft_event(out, .data = weft_events_last_id(out));
}

static int refused(const name_in *in, weft_events *out)
{
    weft_str bad = WEFT_S("1\ndata: forged");
    if (weft_str_equal(in->name, WEFT_S("id"))) return weft_event(out, .data = WEFT_S("x"), .id = bad);
    if (weft_str_equal(in->name, WEFT_S("type"))) return weft_event(out, .data = WEFT_S("x"), .type = bad);
    if (weft_str_equal(in->name, WEFT_S("retry"))) return weft_event(out, .retry_ms = -1);
    if (weft_str_equal(in->name, WEFT_S("data"))) return weft_event_item(Price, out, (&(Price){ bad, 1 }), .data = bad);
    WEFT_CHECK_EQ(weft_event(out, .data = WEFT_S("x"), .id = bad), WEFT_EINVAL);
    return weft_event(out, .data = WEFT_S("good"));
}

static int silent(const name_in *in, weft_events *out)
{
    if (weft_str_equal(in->name, WEFT_S("never"))) weft_events_heartbeat(out, 0);
    WEFT_TRY(weft_event(out));
    if (weft_str_equal(in->name, WEFT_S("often"))) weft_events_heartbeat(out, 4000);
    return weft_sleep_ms(31000);
}

/* Says how often only when the head has gone, and does not hear that nobody wants the rest. */
static int deaf(const name_in *in, weft_events *out)
{
    if (weft_str_equal(in->name, WEFT_S("204"))) WEFT_TRY(weft_reply_status(weft_events_reply(out), 204));
    last_rc = weft_event(out);
    weft_events_heartbeat(out, 100);
    {
        WEFT_SCOPE(shut, .shield = true);
        WEFT_TRY(weft_sleep_ms(350));
    }
    return 0;
}

WEFT_MODEL(Wrapped, field(weft_json, raw), field(int, n));
static int wrapped(const weft_none *in, weft_events *out)
{
    (void)in;
    Wrapped w = { { WEFT_S("{\n  \"a\": [1,\r\n\n2], \"b\": \"x\\ny\"\r}") }, 3 };
    return weft_event_item(Wrapped, out, &w);
}

static int forever(const weft_none *in, weft_events *out)
{
    (void)in;
    last_rc = weft_event(out, .data = WEFT_S("hello"));
    while (last_rc == 0) last_rc = weft_sleep_ms(3600 * 1000);
    cut_ns = weft_now_ns();
    return last_rc;
}

static int fails(const weft_none *in, weft_events *out)
{
    (void)in;
    WEFT_TRY(weft_event(out, .data = WEFT_S("x")));
    return weft_fail(503, "the source is gone");
}

static int other(const name_in *in, weft_events *out)
{
    if (weft_str_equal(in->name, WEFT_S("204"))) return weft_reply_status(weft_events_reply(out), 204);
    if (weft_str_equal(in->name, WEFT_S("404"))) return weft_fail(404, "none");
    if (weft_str_equal(in->name, WEFT_S("cached"))) return weft_reply_header(weft_events_reply(out), "cache-control", "no-store");
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/all", all_kinds, weft_none, weft_events),
    WEFT_GET("/resume", resume, resume_in, weft_events),
    WEFT_GET("/text-id", text_id, weft_none, weft_events),
    WEFT_GET("/refused/{name}", refused, name_in, weft_events),
    WEFT_GET("/silent/{name}", silent, name_in, weft_events),
    WEFT_GET("/deaf/{name}", deaf, name_in, weft_events),
    WEFT_GET("/wrapped", wrapped, weft_none, weft_events),
    WEFT_GET("/forever", forever, weft_none, weft_events),
    WEFT_GET("/fails", fails, weft_none, weft_events),
    WEFT_GET("/other/{name}", other, name_in, weft_events)) };

static weft_response get_after(const char *path, weft_str id)
{
    weft_header header = { WEFT_S("Last-Event-ID"), id };
    return weft_test_send(&app, "GET", path, &header, 1, NULL);
}

WEFT_TEST(events_are_written_as_clients_read_them)
{
    weft_response r = weft_test_get(&app, "/all");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/event-stream");
    WEFT_CHECK_STR(weft_response_header(&r, "Cache-Control"), "no-cache");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Accel-Buffering"), "no");
    WEFT_CHECK_STR(r.body, "retry: 2500\n\n"
        "id: a1\nevent: note\ndata: two\ndata: lines\ndata: and: three\n\n"
        ": for people\n\n"
        "id: a2\nevent: price\ndata: {\"item\":\"a\\nb\",\"price\":1.5}\n\n"
        "data: {\"item\":\"c\",\"price\":2.0}\n\n");
}

WEFT_TEST(json_of_many_lines_is_one_line_of_data)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/wrapped").body, "data: {\"raw\":{   \"a\": [1,   2], \"b\": \"x\\ny\" },\"n\":3}\n\n");
}

WEFT_TEST(whoever_comes_back_goes_on_behind_what_it_has)
{
    weft_response r = weft_test_get(&app, "/resume");
    WEFT_CHECK_STR(r.body, "id: 1\ndata: x\n\nid: 2\ndata: x\n\n");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Last"), "");
    r = get_after("/resume", WEFT_S("41"));
    WEFT_CHECK_STR(r.body, "id: 42\ndata: x\n\nid: 43\ndata: x\n\n");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Last"), "41");
    WEFT_CHECK_EQ(get_after("/resume", WEFT_S("41; drop")).status, 422);
    WEFT_CHECK_STR(get_after("/text-id", WEFT_S("a: \xc3\xa4")).body, "data: a: \xc3\xa4\n\n");
}

WEFT_TEST(an_event_that_would_be_two_is_refused_and_nothing_of_it_is_sent)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/refused/id").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&app, "/refused/type").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&app, "/refused/retry").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&app, "/refused/data").status, 500);
    WEFT_CHECK_STR(weft_test_get(&app, "/refused/then").body, "data: good\n\n");
}

WEFT_TEST(a_comment_goes_out_while_nothing_happens)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/silent/usual").body, ":\n\n:\n\n");
    WEFT_CHECK_EQ(weft_test_ms(), 31000);
    WEFT_CHECK_STR(weft_test_get(&app, "/silent/often").body, ":\n\n:\n\n:\n\n:\n\n:\n\n:\n\n:\n\n");
    WEFT_CHECK_STR(weft_test_get(&app, "/silent/never").body, "");
}

WEFT_TEST(events_without_any_are_events_all_the_same)
{
    weft_response r = weft_test_get(&app, "/other/none");
    WEFT_CHECK_EQ(r.status, 200);
    headers_are(&r, "Content-Type: text/event-stream\nCache-Control: no-cache");
    r = weft_test_get(&app, "/other/cached");
    headers_are(&r, "Cache-Control: no-store");
    r = weft_test_get(&app, "/other/204");
    WEFT_CHECK_EQ(r.status, 204);
    headers_are(&r, "Content-Type: ");
    WEFT_CHECK_EQ(weft_test_get(&app, "/other/404").status, 404);
}

WEFT_TEST(a_request_for_the_head_of_events_is_answered_at_once)
{
    weft__shot shot = { .bytes = WEFT_S("HEAD /forever HTTP/1.1\r\nHost: a\r\n\r\n"), .to_head = true };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "Content-Type"), "text/event-stream");
    WEFT_CHECK_EQ(weft_test_ms(), 0);
    WEFT_CHECK_EQ(last_rc, WEFT_ECANCELED);
}

WEFT_TEST(an_answer_that_is_its_head_alone_has_no_heartbeat)
{
    weft__shot shots[] = { { .bytes = WEFT_S("HEAD /deaf/x HTTP/1.1\r\nHost: a\r\n\r\n"), .to_head = true },
        { .bytes = WEFT_S("GET /deaf/204 HTTP/1.1\r\nHost: a\r\n\r\n") } };
    WEFT_CHECK(weft__test_fire(&app, NULL, shots, 2));
    WEFT_CHECK_EQ(shots[0].answer.status, 200);
    WEFT_CHECK_EQ(shots[1].answer.status, 204);
    WEFT_CHECK_EQ(last_rc, 0);
    WEFT_CHECK_STR(weft_test_get(&app, "/deaf/x").body, ":\n\n:\n\n:\n\n");
}

WEFT_TEST(a_client_of_http_1_0_gets_events_until_the_close)
{
    weft__shot shot = { .bytes = WEFT_S("GET /all HTTP/1.0\r\nHost: a\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "Transfer-Encoding"), "");
    WEFT_CHECK(shot.answer.body.len > 100);
}

WEFT_TEST(a_client_that_leaves_ends_its_events)
{
    weft__shot shot = { .bytes = WEFT_S("GET /forever HTTP/1.1\r\nHost: a\r\n\r\n"), .leave_ms = 100 };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    WEFT_CHECK_EQ(last_rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_test_ms(), 100);
}

WEFT_TEST(events_whose_source_fails_break_off)
{
    weft__shot shot = { .bytes = WEFT_S("GET /fails HTTP/1.1\r\nHost: a\r\n\r\n") };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(shot.answer.status, 0);
    WEFT_CHECK(strstr(log, "GET /fails: broke off after 9 bytes: the source is gone") != NULL);
}

/* ---- the stop ---- */

static weft_download *listening;
static int64_t left_ns;
static int listen_and_leave(void)
{
    weft_str bytes;
    WEFT_TRY(weft_download(&listening, "http://events.example/forever"));
    WEFT_CHECK_EQ(weft_download_read(listening, &bytes), 1);
    WEFT_CHECK_STR(bytes, "data: hello\n\n");
    left_ns = weft_now_ns();
    return 0;
}

static int read_the_end(void)
{
    weft_str bytes;
    int rc = weft_download_read(listening, &bytes);
    weft_download_free(listening);
    return rc;
}

WEFT_TEST(a_server_that_stops_ends_events_at_once_and_whole)
{
    weft_test_upstream("events.example", &app);
    world_capture_begin();
    WEFT_CHECK_EQ(weft_test_run(listen_and_leave), 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    WEFT_CHECK_EQ(last_rc, WEFT_ECANCELED);
    WEFT_CHECK(cut_ns - left_ns < 100 * 1000000);
    WEFT_CHECK_EQ(weft_test_run(read_the_end), 0);
}

WEFT_TEST(documents_say_that_an_answer_is_events)
{
    weft_response r = weft_test_get(&app, "/openapi.json");
    WEFT_CHECK(strstr(r.body.ptr, "\"text/event-stream\":{") != NULL);
}
