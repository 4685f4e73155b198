/* Files as answers: whole, in part, or not at all; from the disk of the test's world. */
#include <stdio.h>
#include <string.h>
#include "os/sim.h"
#include "pairs.h"
#include "task/world.h"
#include "testing/client.h"

enum { LARGE = 300000 };

WEFT_INPUT(name_in, path(weft_str, name));
WEFT_INPUT(rest_in, path(weft_str, rest));

static int under(const rest_in *in, weft_reply *out) { return weft_reply_file(out, in->rest.ptr, .beneath = "files"); }

static int by_name(const name_in *in, weft_reply *out)
{
    if (weft_str_equal(in->name, WEFT_S("typed"))) return weft_reply_file(out, "files/a.txt", .content_type = "text/x-own");
    if (weft_str_equal(in->name, WEFT_S("saved"))) return weft_reply_file(out, "files/a.txt", .filename = "report 1.txt");
    if (weft_str_equal(in->name, WEFT_S("encoded"))) return weft_reply_file(out, "files/a.txt", .filename = "\xc3\xa4 \"b\".txt");
    if (weft_str_equal(in->name, WEFT_S("forged"))) return weft_reply_file(out, "files/a.txt", .filename = "a\r\nX-Evil: 1");
    if (weft_str_equal(in->name, WEFT_S("missing"))) return weft_reply_file(out, "files/none");
    if (weft_str_equal(in->name, WEFT_S("folder"))) return weft_reply_file(out, "files");
    if (weft_str_equal(in->name, WEFT_S("page"))) WEFT_TRY(weft_reply_status(out, 404));
    if (weft_str_equal(in->name, WEFT_S("tagged"))) WEFT_TRY(weft_reply_header(out, "ETag", "\"own\""));
    WEFT_TRY(weft_reply_header(out, "Cache-Control", "max-age=60"));
    WEFT_TRY(weft_reply_file(out, "files/large.bin"));
    if (weft_str_equal(in->name, WEFT_S("text"))) return weft_reply_text(out, WEFT_S("instead"));
    if (weft_str_equal(in->name, WEFT_S("fails"))) return weft_fail(409, "no");
    return weft_reply_file(out, "files/a.txt");
}

/* What is said of the bytes of a file is not true of an answer that has none of them. */
static int packed(const name_in *in, weft_reply *out)
{
    WEFT_TRY(weft_reply_header(out, "content-encoding", "gzip"));
    WEFT_TRY(weft_reply_header(out, "Content-Language", "en"));
    WEFT_TRY(weft_reply_header(out, "Content-Security-Policy", "default-src 'none'"));
    if (weft_str_equal(in->name, WEFT_S("refused"))) return weft_fail(403, "no");
    return weft_reply_file(out, "files/a.txt", .filename = "a.txt");
}

static int hungry(const weft_none *in, weft_reply *out)
{
    (void)in;
    if (!weft_alloc(48 << 10)) return -1;
    return weft_reply_file(out, "files/large.bin");
}

static int shrinking(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_FILE(f);
    WEFT_TRY(weft_reply_file(out, "files/large.bin"));
    WEFT_TRY(weft_file_open(&f, "files/large.bin", .write = true));
    return weft_file_truncate(f, 100000);
}

WEFT_INPUT(beside_in, reply(reply));
static int beside(const beside_in *in, int *out) { *out = 1; return weft_reply_file(in->reply, "files/a.txt"); }

static int no_page(const weft_failure *failure, weft_reply *out)
{
    (void)failure;
    WEFT_TRY(weft_reply_header(out, "X-Page", "404"));
    return weft_reply_file(out, "files/sub/x.html");
}
static int no_file(const weft_failure *failure, weft_reply *out) { (void)failure; return weft_reply_file(out, "files/none"); }
static int opens_and_fails(const weft_failure *failure, weft_reply *out)
{
    (void)failure;
    WEFT_TRY(weft_reply_file(out, "files/a.txt"));
    return weft_fail(WEFT_EPROTO, "after all");
}
static int large_page(const weft_failure *failure, weft_reply *out) { (void)failure; return weft_reply_file(out, "files/large.bin"); }
static const weft_app with_pages = { .routes = WEFT_ROUTES(WEFT_GET("/by/{name}", by_name, name_in, weft_reply), WEFT_GET("/hungry", hungry, weft_none, weft_reply)),
    .on_failure = WEFT_ON_FAILURE({ 404, no_page }, { 405, no_file }, { 409, opens_and_fails }, { 500, large_page }) };

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/under/{rest:path}", under, rest_in, weft_reply),
    WEFT_GET("/by/{name}", by_name, name_in, weft_reply),
    WEFT_POST("/by/{name}", by_name, name_in, weft_reply),
    WEFT_GET("/packed/{name}", packed, name_in, weft_reply),
    WEFT_GET("/hungry", hungry, weft_none, weft_reply),
    WEFT_GET("/shrinking", shrinking, weft_none, weft_reply),
    WEFT_GET("/beside", beside, beside_in, int)) };

static char byte_at(size_t i) { return (char)('a' + (i * 7 + i / 251) % 26); }

static int make_files(void)
{
    static char large[LARGE];
    for (size_t i = 0; i < LARGE; i++) large[i] = byte_at(i);
    WEFT_TRY(weft_dir_make("files/sub", .parents = true));
    WEFT_TRY(weft_file_save("secret.txt", WEFT_S("secret")));
    WEFT_TRY(weft_file_save("files/a.txt", WEFT_S("hello")));
    WEFT_TRY(weft_file_save("files/empty.css", WEFT_S("")));
    WEFT_TRY(weft_file_save("files/sub/x.html", WEFT_S("<p>")));
    WEFT_TRY(weft_file_save("files/large.bin", ((weft_str){ large, LARGE })));
    return weft_sleep_ms(2000);
}

static void with_files(void) { WEFT_NEED(weft_test_run(make_files) == 0); }

static weft_response ask(const char *method, const char *path, const char *header)
{
    pair p = { method, path, header, NULL, 0, NULL };
    return pair_send(&app, &p);
}

static bool is_part(weft_str body, size_t from, size_t n)
{
    if (body.len != n) return false;
    for (size_t i = 0; i < n; i++)
        if (body.ptr[i] != byte_at(from + i)) return false;
    return true;
}

WEFT_TEST(a_file_is_sent_whole_with_what_it_says_of_itself)
{
    with_files();
    weft_response r = ask("GET", "/under/a.txt", NULL);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(r.body, "hello");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "5");
    WEFT_CHECK_STR(weft_response_header(&r, "Accept-Ranges"), "bytes");
    WEFT_CHECK_STR(weft_response_header(&r, "Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
    WEFT_CHECK_EQ(weft_response_header(&r, "ETag").ptr[0], '"');
    r = ask("GET", "/under/large.bin", NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/octet-stream");
    WEFT_CHECK(is_part(r.body, 0, LARGE));
    r = ask("GET", "/under/empty.css", NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "0");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/css; charset=utf-8");
    WEFT_CHECK_STR(ask("GET", "/under/sub/x.html", NULL).body, "<p>");
}

WEFT_TEST(the_head_of_a_file_is_that_of_its_get_without_the_bytes)
{
    with_files();
    weft__shot shot = { .bytes = WEFT_S("HEAD /under/large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n\r\n"), .to_head = true };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "Content-Length"), "300000");
    WEFT_CHECK(weft_response_header(&shot.answer, "ETag").len > 0);
}

WEFT_TEST(a_part_is_sent_to_who_asks_for_it)
{
    with_files();
    weft_response r = ask("GET", "/under/large.bin", "Range: bytes=100000-199999");
    WEFT_CHECK_EQ(r.status, 206);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Range"), "bytes 100000-199999/300000");
    WEFT_CHECK(is_part(r.body, 100000, 100000));
    r = ask("GET", "/under/large.bin", "Range: bytes=-1");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Range"), "bytes 299999-299999/300000");
    WEFT_CHECK(is_part(r.body, 299999, 1));
    r = ask("GET", "/under/large.bin", "Range: bytes=300000-");
    WEFT_CHECK_EQ(r.status, 416);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Range"), "bytes */300000");
    WEFT_CHECK_EQ(ask("GET", "/under/large.bin", "Range: bytes=0-1,4-5").body.len, LARGE);
    WEFT_CHECK_EQ(ask("GET", "/under/large.bin", "Range: bytes=0-1\nIf-Range: \"other\"").body.len, LARGE);
    WEFT_CHECK_EQ(ask("POST", "/by/large", "Range: bytes=0-1").body.len, 5);
}

WEFT_TEST(who_has_a_file_is_not_sent_it_again)
{
    char header[120];
    with_files();
    weft_response r = ask("GET", "/by/x", NULL);
    snprintf(header, sizeof header, "If-None-Match: %.*s", WEFT_FMT(weft_response_header(&r, "ETag")));
    r = ask("GET", "/by/x", header);
    WEFT_CHECK_EQ(r.status, 304);
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_STR(weft_response_header(&r, "Cache-Control"), "max-age=60");
    WEFT_CHECK(weft_response_header(&r, "ETag").len > 0);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "");
    WEFT_CHECK_EQ(ask("GET", "/by/x", "If-None-Match: \"other\"").status, 200);
    WEFT_CHECK_EQ(ask("GET", "/by/x", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT").status, 304);
    WEFT_CHECK_EQ(ask("GET", "/by/x", "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT").status, 200);
    WEFT_CHECK_EQ(ask("GET", "/by/x", "If-Match: \"other\"").status, 412);
    WEFT_CHECK_EQ(ask("GET", "/by/tagged", "If-None-Match: \"own\"").status, 304);
    WEFT_CHECK_EQ(ask("POST", "/by/x", header).status, 200);
    r = ask("GET", "/by/page", header);
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(r.body, "hello");
}

static int change(void) { return weft_file_save("files/a.txt", WEFT_S("other")); }

WEFT_TEST(a_file_that_has_changed_is_another_one)
{
    with_files();
    weft_response before = ask("GET", "/under/a.txt", NULL);
    WEFT_CHECK_EQ(weft_test_run(change), 0);
    weft_response after = ask("GET", "/under/a.txt", NULL);
    WEFT_CHECK_STR(after.body, "other");
    WEFT_CHECK(strncmp(weft_response_header(&after, "ETag").ptr, "W/\"", 3) == 0);
    WEFT_CHECK(!weft_str_equal(weft_response_header(&before, "ETag"), weft_response_header(&after, "ETag")));
}

WEFT_TEST(a_path_that_leads_elsewhere_is_not_found)
{
    static const char *const paths[] = { "/under/none", "/under/sub", "/under/", "/under/../secret.txt", "/under/%2e%2e/secret.txt", "/under/..%2fsecret.txt", "/under//secret.txt",
        "/under/%2fsecret.txt", "/under/a.txt/", "/under/a.txt/b", "/under/sub/../../secret.txt" };
    with_files();
    world_capture_begin();
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = ask("GET", paths[i], NULL);
        if (r.status != 404) weft__check_fail(__FILE__, __LINE__, "%s gives %d: %.*s", paths[i], r.status, WEFT_FMT(r.body));
    }
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    WEFT_CHECK_STR(ask("GET", "/under/sub/../a.txt", NULL).body, "hello");
}

WEFT_TEST(handlers_say_of_what_type_and_under_what_name)
{
    with_files();
    weft_response r = ask("GET", "/by/typed", NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/x-own");
    r = ask("GET", "/by/saved", NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Disposition"), "attachment; filename=\"report 1.txt\"");
    r = ask("GET", "/by/encoded", NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Disposition"), "attachment; filename*=UTF-8''%C3%A4%20%22b%22.txt");
    r = ask("GET", "/by/forged", NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Disposition"), "attachment; filename*=UTF-8''a%0D%0AX-Evil%3A%201");
    WEFT_CHECK_EQ(weft_response_header(&r, "X-Evil").len, 0);
}

WEFT_TEST(what_is_said_later_counts_and_no_file_stays_open)
{
    with_files();
    int open_before = weft__sim_open_fds(weft__test_os());
    WEFT_CHECK_STR(ask("GET", "/by/text", NULL).body, "instead");
    WEFT_CHECK_EQ(ask("GET", "/by/fails", NULL).status, 409);
    WEFT_CHECK_EQ(ask("GET", "/by/missing", NULL).status, 404);
    WEFT_CHECK_EQ(ask("GET", "/by/folder", NULL).status, 500);
    WEFT_CHECK_EQ(ask("GET", "/beside", NULL).status, 500);
    WEFT_CHECK_EQ(weft__sim_open_fds(weft__test_os()), open_before);
}

WEFT_TEST(a_file_that_becomes_shorter_breaks_the_answer_off)
{
    with_files();
    weft__shot shot = { .bytes = WEFT_S("GET /shrinking HTTP/1.1\r\nHost: a\r\n\r\n") };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK(strstr(world_capture_end(), "GET /shrinking: broke off: files/large.bin has become shorter while it was sent") != NULL);
    WEFT_CHECK_EQ(shot.answer.status, 0);
}

WEFT_TEST(what_is_said_of_a_file_is_not_said_of_a_failure)
{
    with_files();
    WEFT_CHECK_EQ(ask("GET", "/packed/x", NULL).status, 200);
    weft_response answers[] = { ask("GET", "/packed/refused", NULL), ask("GET", "/packed/x", "If-Match: \"x\""), ask("GET", "/packed/x", "Range: bytes=9-") };
    static const int statuses[] = { 403, 412, 416 };
    for (size_t i = 0; i < weft_count(answers); i++) {
        WEFT_CHECK_EQ(answers[i].status, statuses[i]);
        WEFT_CHECK_STR(weft_response_header(&answers[i], "Content-Encoding"), "");
        WEFT_CHECK_STR(weft_response_header(&answers[i], "Content-Language"), "");
        WEFT_CHECK_STR(weft_response_header(&answers[i], "Content-Disposition"), "");
        WEFT_CHECK_STR(weft_response_header(&answers[i], "Content-Security-Policy"), "default-src 'none'");
        WEFT_CHECK_STR(weft_response_header(&answers[i], "Content-Range"), i == 2 ? "bytes */5" : "");
    }
}

WEFT_TEST(without_memory_for_a_piece_of_a_file_the_answer_is_an_error)
{
    with_files();
    weft__shot shot = { .bytes = WEFT_S("GET /hungry HTTP/1.1\r\nHost: a\r\n\r\n") };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&app, &(weft_serve_opts){ .request_bytes_max = 64 << 10 }, &shot, 1));
    WEFT_CHECK(strstr(world_capture_end(), "GET /hungry: 500: no memory for a piece of files/large.bin") != NULL);
    WEFT_CHECK_EQ(shot.answer.status, 500);
}

WEFT_TEST(a_head_takes_no_memory_for_bytes_that_are_not_sent)
{
    with_files();
    weft__shot shot = { .bytes = WEFT_S("HEAD /hungry HTTP/1.1\r\nHost: a\r\n\r\n"), .to_head = true };
    WEFT_CHECK(weft__test_fire(&app, &(weft_serve_opts){ .request_bytes_max = 64 << 10 }, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "Content-Length"), "300000");
}

static weft_response ask_pages(const char *method, const char *path, const char *header)
{
    pair p = { method, path, header, NULL, 0, NULL };
    return pair_send(&with_pages, &p);
}

WEFT_TEST(a_failure_may_be_answered_with_a_file)
{
    with_files();
    int open_before = weft__sim_open_fds(weft__test_os());
    weft_response r = ask_pages("GET", "/nowhere", "Range: bytes=0-1\nIf-None-Match: *");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(r.body, "<p>");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Length"), "3");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Page"), "404");
    WEFT_CHECK_STR(weft_response_header(&r, "ETag"), "");
    WEFT_CHECK_STR(weft_response_header(&r, "Last-Modified"), "");
    WEFT_CHECK_STR(weft_response_header(&r, "Accept-Ranges"), "");
    WEFT_CHECK_EQ(ask_pages("GET", "/by/missing", NULL).body.len, 3);
    r = ask_pages("POST", "/by/x", NULL);                /* whose page is not there */
    WEFT_CHECK_EQ(r.status, 405);
    WEFT_CHECK_JSON(r.body, { "detail": "Method Not Allowed" });
    r = ask_pages("GET", "/by/fails", NULL);
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "detail": "no" });
    WEFT_CHECK_EQ(weft__sim_open_fds(weft__test_os()), open_before);
}

WEFT_TEST(a_failure_whose_file_finds_no_memory_is_told_plainly)
{
    with_files();
    weft__shot shot = { .bytes = WEFT_S("GET /hungry HTTP/1.1\r\nHost: a\r\n\r\n") };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&with_pages, &(weft_serve_opts){ .request_bytes_max = 64 << 10 }, &shot, 1));
    WEFT_CHECK(strstr(world_capture_end(), "GET /hungry: what answers its 500 failed itself") != NULL);
    WEFT_CHECK_EQ(shot.answer.status, 500);
    WEFT_CHECK_JSON(shot.answer.body, { "detail": "Internal Server Error" });
}

static int read_slowly(void)
{
    WEFT_DOWNLOAD(d);
    weft_str bytes;
    size_t got = 0;
    WEFT_TRY(weft_download(&d, "http://slow.example/under/large.bin"));
    for (int rc; (rc = weft_download_read(d, &bytes)) != 0; got += bytes.len) {
        WEFT_TRY(rc);
        WEFT_TRY(weft_sleep_ms(1000));
    }
    WEFT_CHECK_EQ(got, LARGE);
    return 0;
}

WEFT_TEST(a_slow_client_gets_all_of_it)
{
    with_files();
    weft_test_upstream("slow.example", &app);
    WEFT_CHECK_EQ(weft_test_run(read_slowly), 0);
}
