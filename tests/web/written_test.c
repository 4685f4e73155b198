/* Answers that handlers write while they run: whole or broken off, for whoever reads, at whatever pace. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "faults.h"
#include "pairs.h"
#include "scratch.h"
#include "task/world.h"
#include "testing/client.h"
#include "web/app.h"

WEFT_MODEL(Row, field(int, id), field(double, price), opt(weft_str, note));
WEFT_INPUT(parts_in, query(int, count, .initial = "3"), query(int, bytes, .initial = "4"), query(int, gap_ms, .initial = "0"));
WEFT_INPUT(name_in, path(weft_str, name));

static size_t written;
static int began, ended, last_rc;

static char byte_at(size_t i) { return (char)('a' + (i + i / 26) % 26); }

static int parts(const parts_in *in, weft_stream *out)
{
    static char part[70000];
    began++;
    for (int n = 0; n < in->count; n++) {
        for (int i = 0; i < in->bytes; i++) part[i] = byte_at(written + (size_t)i);
        last_rc = weft_write(out, (weft_str){ part, (size_t)in->bytes });
        if (last_rc == 0) written += (size_t)in->bytes;
        if (last_rc == 0 && in->gap_ms) last_rc = weft_sleep_ms(in->gap_ms);
        if (last_rc < 0) return last_rc;
    }
    ended++;
    return 0;
}

static int kept(const parts_in *in, weft_stream *out)
{
    began++;
    for (int n = 0; n < in->count; n++) {
        last_rc = weft_write(out, WEFT_S("some"));
        WEFT_TRY(weft_sleep_ms(in->gap_ms));
    }
    ended++;
    return 0;
}

static int rows(const parts_in *in, weft_stream *out)
{
    for (int i = 0; i < in->count; i++) {
        Row row = { .id = i, .price = i / 2.0 };
        if (i == 1) row.note = (weft_opt_weft_str)WEFT_SOME(WEFT_S("two\nlines"));
        WEFT_TRY(weft_write_item(Row, out, &row));
    }
    ended++;
    return 0;
}

static int events(const parts_in *in, weft_events *out)
{
    for (int i = 0; i < in->count; i++) WEFT_TRY(weft_event(out, .data = WEFT_S("some"), .type = WEFT_S("part")));
    ended++;
    return 0;
}

WEFT_MODEL(Wrapped, field(weft_json, raw));
static int wrapped(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write_item(Wrapped, out, (&(Wrapped){ { WEFT_S("[1,\n 2]") } })));
    return weft_write_item(Wrapped, out, (&(Wrapped){ { WEFT_S("[\r\n]") } }));
}

/* Cleans up behind a write that failed, with a wait. */
static int tidy(const parts_in *in, weft_stream *out)
{
    static char part[10000];
    int rc = 0;
    for (int i = 0; rc == 0 && i < in->count; i++) rc = weft_write(out, (weft_str){ part, sizeof part });
    last_rc = rc;
    (void)!weft_sleep_ms(1);
    return rc;
}

static int unsayable(const parts_in *in, weft_stream *out)
{
    Row row = { .price = NAN };
    for (int i = 0; i < in->count; i++) WEFT_TRY(weft_write_item(Row, out, &(Row){ .id = i }));
    WEFT_CHECK_EQ(weft_write_item(Row, out, &row), WEFT_EINVAL);
    return weft_write_item(Row, out, &row);
}

static int fails(const parts_in *in, weft_stream *out)
{
    for (int i = 0; i < in->count; i++) WEFT_TRY(weft_write(out, WEFT_S("some")));
    return weft_fail(409, "no more than %d", in->count);
}

static int headed(const name_in *in, weft_stream *out)
{
    weft_reply *r = weft_stream_reply(out);
    WEFT_TRY(weft_reply_status(r, 201));
    WEFT_TRY(weft_reply_header(r, "Content-Type", "text/csv"));
    WEFT_TRY(weft_reply_header(r, "X-Name", "%.*s", WEFT_FMT(in->name)));
    WEFT_TRY(weft_write(out, WEFT_S("a;b\n")));
    WEFT_CHECK_EQ(weft_reply_status(r, 200), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_reply_header(r, "X-Late", "x"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_stream_length(out, 7), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_reply_text(r, WEFT_S("instead")), WEFT_EINVAL);
    return 0;
}

WEFT_INPUT(length_in, query(int64_t, said), query(int, count));
static int length(const length_in *in, weft_stream *out)
{
    WEFT_TRY(weft_stream_length(out, in->said));
    for (int i = 0; i < in->count; i++) WEFT_TRY(weft_write(out, WEFT_S("some")));
    return 0;
}

static int other(const name_in *in, weft_stream *out)
{
    if (weft_str_equal(in->name, WEFT_S("nothing"))) return 0;
    if (weft_str_equal(in->name, WEFT_S("text"))) return weft_reply_text(weft_stream_reply(out), WEFT_S("instead"));
    if (weft_str_equal(in->name, WEFT_S("404"))) return weft_fail(404, "none");
    if (weft_str_equal(in->name, WEFT_S("empty"))) return weft_write(out, WEFT_S(""));
    if (weft_str_equal(in->name, WEFT_S("positive"))) return weft_write(out, WEFT_S("x")) < 0 ? -1 : 7;
    WEFT_TRY(weft_reply_text(weft_stream_reply(out), WEFT_S("both")));
    return weft_write(out, WEFT_S("both"));
}

static int late(const parts_in *in, weft_stream *out)
{
    for (int i = 0; i < in->count; i++) WEFT_TRY(weft_write(out, WEFT_S("some")));
    return weft_sleep_ms(60000);
}

static int greedy(const parts_in *in, weft_stream *out)
{
    WEFT_TRY(weft_write(out, WEFT_S("")));
    for (int i = 0; i < in->count; i++) {
        WEFT_TEMP;
        for (int k = 0; k < in->bytes; k++) (void)!weft_alloc(16 << 10);
        weft_str text = weft_format("%20000s", "x");
        WEFT_TRY(weft_write(out, (weft_str){ text.ptr, text.len ? 4 : 0 }));
    }
    return 0;
}

static int write_some(weft_stream *const *out) { return weft_write(*out, WEFT_S("some")); }
static int by_tasks(const parts_in *in, weft_stream *out)
{
    enum { LARGE = 1 << 20 };
    char *large = scratch(LARGE);
    WEFT_SCOPE(s);
    memset(large, 'x', LARGE);
    for (int i = 0; i < in->count; i++) {
        weft_spawn(s, write_some, &out);
        WEFT_TRY(weft_join(s));
    }
    weft_error error;
    weft_spawn(s, write_some, &out, NULL, .error = &error, .timeout_ms = 0);
    int rc = weft_write(out, (weft_str){ large, LARGE });
    WEFT_CHECK_EQ(error.code, WEFT_EBUSY);
    return rc < 0 ? rc : weft_join(s);
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/parts", parts, parts_in, weft_stream),
    WEFT_POST("/parts", parts, parts_in, weft_stream),
    WEFT_POST("/kept", kept, parts_in, weft_stream, .keep_when_client_leaves = true),
    WEFT_GET("/rows", rows, parts_in, weft_stream),
    WEFT_GET("/events", events, parts_in, weft_events),
    WEFT_GET("/wrapped", wrapped, weft_none, weft_stream),
    WEFT_GET("/tidy", tidy, parts_in, weft_stream),
    WEFT_GET("/unsayable", unsayable, parts_in, weft_stream),
    WEFT_GET("/fails", fails, parts_in, weft_stream),
    WEFT_GET("/headed/{name}", headed, name_in, weft_stream),
    WEFT_GET("/length", length, length_in, weft_stream),
    WEFT_GET("/other/{name}", other, name_in, weft_stream),
    WEFT_GET("/late", late, parts_in, weft_stream, .timeout_ms = 300),
    WEFT_GET("/greedy", greedy, parts_in, weft_stream),
    WEFT_GET("/tasks", by_tasks, parts_in, weft_stream)) };

static weft_response raw(const char *request)
{
    weft__shot shot = { .bytes = weft_str_of(request), .to_head = strncmp(request, "HEAD", 4) == 0 };
    written = 0;
    WEFT_CHECK(weft__test_fire(&app, &(weft_serve_opts){ .request_bytes_max = 256 << 10 }, &shot, 1));
    return shot.answer;
}

static bool as_written(weft_str body, size_t n)
{
    if (body.len != n) return false;
    for (size_t i = 0; i < n; i++)
        if (body.ptr[i] != byte_at(i)) return false;
    return true;
}

/* ---- whole ---- */

WEFT_TEST(parts_of_all_sizes_come_together_again)
{
    static const struct { int count, bytes; } sizes[] = { { 1, 0 }, { 1, 1 }, { 3000, 7 }, { 40, 4096 }, { 5, 16384 }, { 5, 16385 }, { 12, 65536 } };
    for (size_t i = 0; i < weft_count(sizes); i++) {
        char path[80];
        written = 0;
        snprintf(path, sizeof path, "/parts?count=%d&bytes=%d", sizes[i].count, sizes[i].bytes);
        weft_response r = weft_test_get(&app, path);
        WEFT_CHECK_EQ(r.status, 200);
        WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/octet-stream");
        WEFT_CHECK_STR(weft_response_header(&r, "Transfer-Encoding"), "chunked");
        WEFT_CHECK(as_written(r.body, (size_t)sizes[i].count * (size_t)sizes[i].bytes));
    }
}

WEFT_TEST(a_client_of_http_1_0_gets_no_chunks_and_all_of_it)
{
    weft_response r = raw("GET /parts?count=30&bytes=1000 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Transfer-Encoding"), "");
    WEFT_CHECK_STR(weft_response_header(&r, "Connection"), "close");
    WEFT_CHECK(as_written(r.body, 30000));
}

WEFT_TEST(an_item_a_line_is_json_on_a_line)
{
    weft_response r = weft_test_get(&app, "/rows");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/jsonl");
    WEFT_CHECK_STR(r.body, "{\"id\":0,\"price\":0.0,\"note\":null}\n{\"id\":1,\"price\":0.5,\"note\":\"two\\nlines\"}\n{\"id\":2,\"price\":1.0,\"note\":null}\n");
}

WEFT_TEST(an_item_whose_json_has_many_lines_is_one_line)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/wrapped").body, "{\"raw\":[1,  2]}\n{\"raw\":[  ]}\n");
}

WEFT_TEST(status_and_headers_are_set_until_the_first_write)
{
    weft_response r = weft_test_get(&app, "/headed/ada");
    WEFT_CHECK_EQ(r.status, 201);
    headers_are(&r, "Content-Type: text/csv\nX-Name: ada\nX-Late: ");
    WEFT_CHECK_STR(r.body, "a;b\n");
}

WEFT_TEST(a_length_that_is_known_is_told)
{
    weft_response r = weft_test_get(&app, "/length?said=12&count=3");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "12");
    WEFT_CHECK_STR(weft_response_header(&r, "Transfer-Encoding"), "");
    WEFT_CHECK_STR(r.body, "somesomesome");
    WEFT_CHECK_STR(weft_test_get(&app, "/length?said=0&count=0").body, "");
}

WEFT_TEST(what_is_given_back_after_each_part_does_not_add_up)
{
    WEFT_CHECK_EQ(raw("GET /greedy?count=50&bytes=10 HTTP/1.1\r\nHost: a\r\n\r\n").body.len, 200);
}

WEFT_TEST(what_writes_nothing_is_answered_as_others_are)
{
    weft_response r = weft_test_get(&app, "/other/nothing");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "0");
    r = weft_test_get(&app, "/other/text");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
    WEFT_CHECK_STR(r.body, "instead");
    r = weft_test_get(&app, "/other/empty");
    WEFT_CHECK_STR(weft_response_header(&r, "Transfer-Encoding"), "chunked");
    WEFT_CHECK_STR(r.body, "");
    r = weft_test_get(&app, "/other/404");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_JSON(r.body, { "detail": "none" });
    WEFT_CHECK_EQ(weft_test_get(&app, "/late?count=0").status, 504);
    WEFT_CHECK_EQ(weft_test_get(&app, "/parts?count=x").status, 422);
}

WEFT_TEST(who_asks_for_the_head_gets_it_and_ends_the_handler)
{
    began = ended = 0;
    weft_response r = raw("HEAD /parts?count=1000000&gap_ms=10 HTTP/1.1\r\nHost: a\r\n\r\n");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/octet-stream");
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_EQ(began, 1);
    WEFT_CHECK_EQ(ended, 0);
    WEFT_CHECK_EQ(last_rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(weft_test_ms(), 0);
    r = raw("HEAD /length?said=12&count=3 HTTP/1.1\r\nHost: a\r\n\r\n");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "12");
}

WEFT_TEST(tasks_of_a_handler_write_in_turn_and_one_at_a_time)
{
    weft_response r = weft_test_get(&app, "/tasks");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_EQ(r.body.len, 12 + (1 << 20));
}

/* ---- broken off ---- */

/* No answer that anybody takes for whole, and a line of the log with these words; NULL: none. */
static void breaks(const char *path, const char *said)
{
    static const char *const versions[] = { "1.1", "1.0" };
    for (size_t i = 0; i < weft_count(versions); i++) {
        char request[200];
        snprintf(request, sizeof request, "GET %s HTTP/%s\r\nHost: a\r\n\r\n", path, versions[i]);
        world_capture_begin();
        weft_response r = raw(request);
        const char *log = world_capture_end();
        WEFT_CHECK_EQ(r.status, 0);
        WEFT_CHECK_EQ(world_count_in(log, "\n"), said ? 1 : 0);
        bool told = !said || strstr(log, said);
        if (!told) weft__check_fail(__FILE__, __LINE__, "%s: expected '%s' in the log, got: %s", path, said, log);
    }
}

WEFT_TEST(a_handler_that_fails_midway_breaks_its_answer_off_and_the_log_says_why)
{
    breaks("/fails?count=1", "GET /fails: broke off after 4 bytes: no more than 1");
    breaks("/fails?count=9000", "GET /fails: broke off after 36000 bytes: no more than 9000");
    breaks("/unsayable?count=1", "GET /unsayable: broke off after 33 bytes: an item cannot be written as JSON: ");
    breaks("/late?count=2", "GET /late: broke off after 8 bytes: its handler did not end within timeout_ms");
    breaks("/greedy?count=9&bytes=20", "GET /greedy: broke off after 0 bytes: it needs more memory than request_bytes_max");
    breaks("/other/positive", "GET /other/{name}: broke off after 1 bytes: its handler returned a positive number");
    breaks("/length?said=13&count=3", "GET /length: broke off after 12 bytes: weft_stream_length said that there are more");
    breaks("/length?said=11&count=3", "GET /length: broke off after 8 bytes: more is written than the 11 bytes that weft_stream_length said");
}

WEFT_TEST(what_fails_before_the_first_byte_is_answered)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/fails?count=0").status, 409);
    WEFT_CHECK_EQ(weft_test_get(&app, "/unsayable?count=0").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&app, "/other/both").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&app, "/length?said=-1&count=3").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&app, "/length?said=5&count=0").status, 500);
}

/* ---- those who leave, and those who are slow ---- */

static void leave(const char *request)
{
    weft__shot shot = { .bytes = weft_str_of(request), .leave_ms = 100 };
    world_capture_begin();
    written = 0;
    began = ended = 0;
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    WEFT_CHECK_EQ(began, 1);
}

WEFT_TEST(a_client_that_leaves_ends_the_handler_whatever_the_method_is)
{
    leave("GET /parts?count=1000&gap_ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    WEFT_CHECK_EQ(last_rc, WEFT_ECANCELED);
    leave("POST /parts?count=1000&gap_ms=1000 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    WEFT_CHECK_EQ(last_rc, WEFT_ECANCELED);
    WEFT_CHECK_EQ(written, 4);
    WEFT_CHECK_EQ(ended, 0);
}

WEFT_TEST(a_handler_that_is_to_be_kept_goes_on_and_its_writes_say_that_nobody_is_there)
{
    leave("POST /kept?count=50&gap_ms=10 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    WEFT_CHECK_EQ(last_rc, WEFT_ECONNRESET);
    WEFT_CHECK_EQ(ended, 1);
}

/* Reads a little and then nothing for long. */
static int read_slowly(void)
{
    WEFT_DOWNLOAD(d);
    weft_str bytes;
    size_t got = 0;
    WEFT_TRY(weft_download(&d, "http://slow.example/parts?count=300&bytes=10000"));
    WEFT_CHECK_EQ(weft_download_read(d, &bytes), 1);
    got += bytes.len;
    WEFT_TRY(weft_sleep_ms(20000));
    size_t then = written;
    WEFT_TRY(weft_sleep_ms(5000));
    WEFT_CHECK_EQ(written, then);
    WEFT_CHECK(then < 256 * 1024);
    for (int rc; (rc = weft_download_read(d, &bytes)) != 0; got += bytes.len) WEFT_TRY(rc);
    WEFT_CHECK_EQ(got, 3000000);
    return 0;
}

WEFT_TEST(whoever_reads_slowly_slows_the_handler_down)
{
    weft_test_upstream("slow.example", &app);
    written = 0;
    WEFT_CHECK_EQ(weft_test_run(read_slowly), 0);
    WEFT_CHECK_EQ(written, 3000000);
}

/* Both sides and the network between them are in this process: all of it is counted, but for what the client's first request
 * leaves for all others. */
typedef struct stream { const char *route; int count, bytes; } stream;
static int stop_reading(const stream *in)
{
    WEFT_DOWNLOAD(d);
    weft_str bytes;
    WEFT_TRY(weft_fetch(weft_str, &bytes, "http://slow.example/parts"));
    long before = world_mem.bytes;
    ended = 0;
    WEFT_TRY(weft_download(&d, "http://slow.example/{}?count={}&bytes={}", in->route, in->count, in->bytes));
    WEFT_CHECK_EQ(weft_download_read(d, &bytes), 1);
    WEFT_TRY(weft_sleep_ms(20000));
    WEFT_CHECK_EQ(ended, 0);
    WEFT_CHECK(world_mem.bytes - before > 16 * 1024);
    WEFT_CHECK(world_mem.bytes - before < 256 * 1024);
    return 0;
}

WEFT_TEST(a_stream_whose_reader_stops_reading_holds_less_than_256_kib)
{
    static const stream streams[] = { { "parts", 1000, 70000 }, { "parts", 1000000, 10 }, { "rows", 1000000, 0 }, { "events", 1000000, 0 } };
    world_mem_watch();
    weft_test_upstream("slow.example", &app);
    for (size_t i = 0; i < weft_count(streams); i++) WEFT_CHECK_EQ(weft_test_run(stop_reading, &streams[i]), 0);
}

static int read_nothing_of(const char *const *url)
{
    WEFT_DOWNLOAD(d);
    weft_str bytes;
    int rc;
    WEFT_TRY(weft_download(&d, "{+}", *url));
    WEFT_TRY(weft_sleep_ms(31000));
    WEFT_CHECK_EQ(last_rc, WEFT_ETIMEDOUT);
    while ((rc = weft_download_read(d, &bytes)) > 0) {}
    WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
    return 0;
}

WEFT_TEST(whoever_reads_nothing_for_write_timeout_ms_is_left)
{
    static const char *const urls[] = { "http://slow.example/parts?count=300&bytes=10000", "http://slow.example/tidy?count=300" };
    weft_test_upstream("slow.example", &app);
    for (size_t i = 0; i < weft_count(urls); i++) {
        last_rc = 0;
        world_capture_begin();
        WEFT_CHECK_EQ(weft_test_run(read_nothing_of, &urls[i]), 0);
        WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    }
}

/* ---- the stop ---- */

static weft_download *left_open;
static int open_and_leave(void)
{
    weft_str bytes;
    WEFT_TRY(weft_download(&left_open, "http://slow.example/parts?count=4&gap_ms=2000"));
    return weft_download_read(left_open, &bytes) < 0 ? -1 : 0;
}

static int read_the_rest(void)
{
    weft_str bytes;
    size_t got = 4;
    for (int rc; (rc = weft_download_read(left_open, &bytes)) != 0; got += bytes.len) WEFT_TRY(rc);
    weft_download_free(left_open);
    WEFT_CHECK_EQ(got, 16);
    return 0;
}

WEFT_TEST(a_server_that_stops_lets_what_is_written_end)
{
    weft_test_upstream("slow.example", &app);
    WEFT_CHECK_EQ(weft_test_run(open_and_leave), 0);
    WEFT_CHECK_EQ(weft_test_run(read_the_rest), 0);
}

/* ---- faults of routes ---- */

static const weft_app elsewhere = { .routes = WEFT_ROUTES(
    WEFT_GET("/a", parts, parts_in, weft_stream, .run = WEFT_IN_THREAD),
    WEFT_GET("/b", parts, parts_in, weft_stream, .run = WEFT_IN_PROCESS),
    WEFT_GET("/c", parts, parts_in, weft_stream, .exclude_none = true)) };

WEFT_TEST(routes_whose_answer_cannot_be_written_are_told_at_the_start)
{
    FAULTS(elsewhere,
        "route GET /a: a weft_stream is written while the handler waits, which it can on the loop alone\n"
        "route GET /b: a weft_stream is written while the handler waits, which it can on the loop alone\n"
        "route GET /c: its output weft_stream is no JSON of a model; exclude_unset and its like leave members out of one\n");
}

/* ---- documents ---- */

WEFT_TEST(documents_say_that_an_answer_is_written)
{
    weft_response r = weft_test_get(&app, "/openapi.json");
    WEFT_CHECK(strstr(r.body.ptr, "\"application/octet-stream\":{") != NULL);
}
