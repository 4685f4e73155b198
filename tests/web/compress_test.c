/* Answers made smaller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "faults.h"
#include "pairs.h"
#include "support/decode.h"
#include "testing/client.h"

#define NEEDS_GZIP if (!weft__coding_built(WEFT__GZIP)) WEFT_SKIP("zlib was not there when weft was built")

static weft_response ask(const weft_app *app, const char *method, const char *path, const char *headers)
{
    return pair_send(app, &(pair){ method, path, headers, NULL, 0, NULL });
}

WEFT_INPUT(size_in, query(int, bytes), query(weft_str, type, .initial = "text/plain"), query(weft_str, header, .initial = ""), query(int, random, .initial = "0"));

static weft_str text_of(int bytes, bool random)
{
    char *text = weft_alloc((size_t)bytes + 1);
    unsigned seed = 1;
    for (int i = 0; text && i < bytes; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = random ? (char)(seed >> 24) : "abcdefgh"[i / 3 % 8];
    }
    return (weft_str){ text, (size_t)bytes };
}

static int sized(const size_in *in, weft_reply *out)
{
    if (in->header.len) {
        char *value = strchr(in->header.ptr, ':');
        WEFT_TRY(weft_reply_header(out, weft_format("%.*s", (int)(value - in->header.ptr), in->header.ptr).ptr, "%s", value + 1));
    }
    return weft_reply_bytes(out, in->type.ptr, text_of(in->bytes, in->random));
}
static int streamed(const size_in *in, weft_stream *out)
{
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "%s", in->type.ptr));
    weft_str text = text_of(in->bytes, in->random);
    WEFT_TRY(weft_write(out, (weft_str){ text.ptr, text.len / 2 }));
    return weft_write(out, (weft_str){ text.ptr + text.len / 2, text.len - text.len / 2 });
}
static int events(const size_in *in, weft_events *out)
{
    for (int i = 0; i < in->bytes; i++) {
        WEFT_TRY(weft_event(out, .data = weft_format("%d", i)));
        WEFT_TRY(weft_sleep_ms(20000));
    }
    return 0;
}
static int broken(const size_in *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, WEFT_S("one")));
    return weft_fail(WEFT_EPROTO, "in the middle");
}
static int file(const size_in *in, weft_reply *out)
{
    WEFT_TRY(weft_file_save("f.txt", text_of(in->bytes, false)));
    return weft_reply_file(out, "f.txt");
}
#define COMPRESSED_ROUTES .routes = WEFT_ROUTES(WEFT_GET("/sized", sized, size_in, weft_reply), WEFT_GET("/streamed", streamed, size_in, weft_stream), \
    WEFT_GET("/events", events, size_in, weft_events), WEFT_GET("/broken", broken, size_in, weft_stream), WEFT_GET("/file", file, size_in, weft_reply))
static const weft_app app = { .middleware = WEFT_MIDDLEWARE(weft_compression()), COMPRESSED_ROUTES };

static const struct { const char *accept, *name; weft__coding coding; } codings[] = {
    { "Accept-Encoding: gzip", "gzip", WEFT__GZIP }, { "Accept-Encoding: br", "br", WEFT__BROTLI }, { "Accept-Encoding: zstd", "zstd", WEFT__ZSTD } };

/* The answer to this is compressed, and means `bytes` of the text. */
static bool compressed(const char *path, size_t i, int bytes)
{
    weft_response r = ask(&app, "GET", path, codings[i].accept);
    char *read = malloc((size_t)bytes + 1);
    bool ok = WEFT_CHECK_EQ(r.status, 200) && WEFT_CHECK_STR(header(&r, "Content-Encoding"), codings[i].name) && WEFT_CHECK_STR(header(&r, "Vary"), "Accept-Encoding")
        && WEFT_CHECK(r.body.len < (size_t)bytes) && WEFT_CHECK_EQ(decode(codings[i].coding, r.body, read, (size_t)bytes + 1), bytes);
    for (int k = 0; ok && k < bytes; k++) ok = WEFT_CHECK_EQ(read[k], "abcdefgh"[k / 3 % 8]);
    free(read);
    return ok;
}

WEFT_TEST(answers_are_compressed_as_the_client_wants)
{
    for (size_t i = 0; i < weft_count(codings); i++) {
        if (!weft__coding_built(codings[i].coding)) continue;
        compressed("/sized?bytes=500", i, 500);
        compressed("/sized?bytes=100000", i, 100000);
        compressed("/sized?bytes=300000", i, 300000);
        compressed("/streamed?bytes=600", i, 600);
        compressed("/streamed?bytes=400000", i, 400000);
        compressed("/file?bytes=200000", i, 200000);
        compressed("/sized?bytes=500&header=Content-Language:de", i, 500);
    }
}

WEFT_TEST(what_would_not_become_smaller_is_left_as_it_is)
{
    const char *const paths[] = { "/sized?bytes=499", "/sized?bytes=5000&type=image/png", "/sized?bytes=5000&header=Content-Encoding:x", "/sized?bytes=5000&header=Cache-Control:no-transform",
        "/sized?bytes=5000&random=1", "/streamed?bytes=5000&type=video/mp4", "/file?bytes=499" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = ask(&app, "GET", paths[i], "Accept-Encoding: gzip, br, zstd");
        WEFT_CHECK_EQ(r.status, 200);
        WEFT_CHECK(!header(&r, "Content-Encoding").len || strcmp(header(&r, "Content-Encoding").ptr, "x") == 0);
        WEFT_CHECK_EQ(r.body.len, strchr(paths[i], '9') ? 499 : 5000);
    }
    weft_response r = ask(&app, "GET", "/sized?bytes=5000", NULL);
    WEFT_CHECK_EQ(r.body.len, 5000);
    WEFT_CHECK_STR(header(&r, "Vary"), "Accept-Encoding");
    r = ask(&app, "GET", "/sized?bytes=5000&type=image/png", NULL);
    WEFT_CHECK_STR(header(&r, "Vary"), "");
    r = ask(&app, "GET", "/file?bytes=5000", "Accept-Encoding: gzip\nRange: bytes=0-4");
    WEFT_CHECK_EQ(r.status, 206);
    WEFT_CHECK_STR(r.body, "aaabb");
}

WEFT_TEST(an_etag_of_compressed_bytes_is_weak)
{
    NEEDS_GZIP;
    weft_response r = ask(&app, "GET", "/sized?bytes=5000&header=ETag:%22a%22", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "ETag"), "W/\"a\"");
    r = ask(&app, "GET", "/sized?bytes=5000&header=ETag:%22a%22", NULL);
    WEFT_CHECK_STR(header(&r, "ETag"), "\"a\"");
    r = ask(&app, "GET", "/sized?bytes=5000&header=ETag:W/%22a%22", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "ETag"), "W/\"a\"");
}

WEFT_TEST(a_head_says_what_the_answer_would)
{
    NEEDS_GZIP;
    weft_response r = ask(&app, "HEAD", "/sized?bytes=5000", "Accept-Encoding: gzip"), whole = ask(&app, "GET", "/sized?bytes=5000", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "gzip");
    WEFT_CHECK_STR(header(&r, "Content-Length"), header(&whole, "Content-Length").ptr);
    r = ask(&app, "HEAD", "/streamed?bytes=5000", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "gzip");
}

/* Events come 20 s apart, heartbeats between them: all of it is one compressed stream. */
WEFT_TEST(compressed_events_and_heartbeats_are_one_stream)
{
    for (size_t i = 0; i < weft_count(codings); i++) {
        if (!weft__coding_built(codings[i].coding)) continue;
        weft_response r = ask(&app, "GET", "/events?bytes=3", codings[i].accept);
        char read[200];
        long long n = decode(codings[i].coding, r.body, read, sizeof read);
        WEFT_CHECK_STR(((weft_str){ read, n < 0 ? 0 : (size_t)n }), "data: 0\n\n:\n\ndata: 1\n\n:\n\ndata: 2\n\n:\n\n:\n\n");
    }
}

/* What is written without a wait between is compressed together, and read before the next part is made. */
static int lines_at_times(const size_in *in, weft_stream *out)
{
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/plain"));
    for (int i = 0; i < in->bytes; i++) WEFT_TRY(weft_write(out, WEFT_S("a line of some length\n")));
    WEFT_TRY(weft_sleep_ms(5000));
    return weft_write(out, WEFT_S("late\n"));
}
static const weft_app paced = { .middleware = WEFT_MIDDLEWARE(weft_compression()), .routes = WEFT_ROUTES(WEFT_GET("/", lines_at_times, size_in, weft_stream)) };

/* The bytes that are there before the late ones. */
static size_t first_of, first_len;
static char first[500];
static int read_first(void)
{
    weft_str accept = weft_str_of(codings[first_of].accept + strlen("Accept-Encoding: ")), piece;
    weft_header headers[] = { { WEFT_S("Accept-Encoding"), accept } };
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.headers = headers, .header_count = 1), "http://paced/?bytes=3"));
    WEFT_SCOPE(soon, .timeout_ms = 1000);
    int rc = weft_download_read(d, &piece);
    WEFT_CHECK_EQ(rc, 1);
    first_len = rc == 1 && piece.len < sizeof first ? piece.len : 0;
    memcpy(first, piece.ptr, first_len);
    return 0;
}

WEFT_TEST(small_parts_are_compressed_together_and_wait_for_nobody)
{
    weft_test_upstream("paced", &paced);
    for (size_t i = 0; i < weft_count(codings); i++) {
        if (!weft__coding_built(codings[i].coding)) continue;
        weft_response r = ask(&paced, "GET", "/?bytes=1000", codings[i].accept);
        WEFT_CHECK(r.body.len < 2000);
        first_of = i;
        WEFT_CHECK_EQ(weft_test_run(read_first), 0);
        char read[200];
        long long n = decode(codings[i].coding, (weft_str){ first, first_len }, read, sizeof read);
        WEFT_CHECK_EQ(n, 66);
    }
}

WEFT_TEST(a_compressed_stream_that_breaks_off_is_never_whole)
{
    weft__shot shot = { .bytes = WEFT_S("GET /broken?bytes=1 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 0);
}

/* ---- lengths ---- */

WEFT_INPUT(length_in, query(int, said), query(int, bytes), query(int, heeds, .initial = "1"));
static int written_rc;
static int announced(const length_in *in, weft_stream *out)
{
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/plain"));
    WEFT_TRY(weft_stream_length(out, in->said));
    weft_str text = text_of(in->bytes, false);
    WEFT_TRY(weft_write(out, (weft_str){ text.ptr, 600 }));
    written_rc = weft_write(out, (weft_str){ text.ptr + 600, text.len - 600 });
    return in->heeds ? written_rc : 0;
}
static const weft_app measured = { .middleware = WEFT_MIDDLEWARE(weft_compression()), .routes = WEFT_ROUTES(WEFT_GET("/", announced, length_in, weft_stream)) };

static int fire(const char *query, const char *more)
{
    char text[300];
    weft__shot shot = { .bytes = { text, (size_t)snprintf(text, sizeof text, "GET /?%s HTTP/1.1\r\nHost: x\r\n%s\r\n", query, more) } };
    written_rc = 77;
    WEFT_CHECK(weft__test_fire(&measured, NULL, &shot, 1));
    return shot.answer.status;
}

WEFT_TEST(a_length_is_that_of_the_bytes_before_they_are_compressed)
{
    NEEDS_GZIP;
    const char *const codings_of[] = { "", "Accept-Encoding: gzip\r\n" };
    for (size_t i = 0; i < weft_count(codings_of); i++) {
        WEFT_CHECK_EQ(fire("said=1000&bytes=1000", codings_of[i]), 200);
        WEFT_CHECK_EQ(written_rc, 0);
        WEFT_CHECK_EQ(fire("said=1001&bytes=1000", codings_of[i]), 0);
        WEFT_CHECK_EQ(written_rc, 0);
        WEFT_CHECK_EQ(fire("said=999&bytes=1000", codings_of[i]), 0);
        WEFT_CHECK_EQ(written_rc, WEFT_EINVAL);
        WEFT_CHECK_EQ(fire("said=999&bytes=1000&heeds=0", codings_of[i]), 0);
        WEFT_CHECK_EQ(fire("said=600&bytes=1000", codings_of[i]), i ? 0 : 200);      /* 600 bytes are a whole answer of 600 */
    }
    weft_response r = ask(&measured, "GET", "/?said=1000&bytes=1000", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "gzip");
    WEFT_CHECK_STR(header(&r, "Content-Length"), "");
}

/* ---- 304 ---- */

static int unchanged(const size_in *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(out, "ETag", "\"own\""));
    return weft_reply_status(out, 304);
}
static const weft_app kept = { .middleware = WEFT_MIDDLEWARE(weft_compression(), weft_conditional()), .routes = WEFT_ROUTES(WEFT_GET("/sized", sized, size_in, weft_reply),
    WEFT_GET("/file", file, size_in, weft_reply), WEFT_GET("/unchanged", unchanged, size_in, weft_reply)) };

/* The answer, and the 304 to who has it, for a client that takes `accept`. */
static void same_words(const char *path, const char *accept)
{
    char line[300], etag[100], vary[100];
    weft_response r = ask(&kept, "GET", path, accept);
    WEFT_CHECK_EQ(r.status, 200);
    snprintf(etag, sizeof etag, "%s", header(&r, "ETag").ptr ? header(&r, "ETag").ptr : "");
    snprintf(vary, sizeof vary, "%s", header(&r, "Vary").ptr ? header(&r, "Vary").ptr : "");
    snprintf(line, sizeof line, "%s%sIf-None-Match: %s", accept ? accept : "", accept ? "\n" : "", etag);
    r = ask(&kept, "GET", path, line);
    if (!WEFT_CHECK_EQ(r.status, 304) || !WEFT_CHECK_STR(header(&r, "ETag"), etag) || !WEFT_CHECK_STR(header(&r, "Vary"), vary))
        fprintf(stderr, "    %s %s\n", path, accept ? accept : "-");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "");
}

WEFT_TEST(a_304_says_what_the_answer_would_have_said)
{
    NEEDS_GZIP;
    const char *const paths[] = { "/sized?bytes=5000", "/sized?bytes=400", "/sized?bytes=5000&type=image/png", "/sized?bytes=5000&random=1", "/sized?bytes=5000&header=ETag:%22a%22",
        "/sized?bytes=5000&header=Cache-Control:no-transform" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        same_words(paths[i], "Accept-Encoding: gzip");
        same_words(paths[i], NULL);
    }
    weft_response r = ask(&kept, "GET", "/unchanged?bytes=0", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "ETag"), "W/\"own\"");
    WEFT_CHECK_STR(header(&r, "Vary"), "Accept-Encoding");
    r = ask(&kept, "GET", "/unchanged?bytes=0", NULL);
    WEFT_CHECK_STR(header(&r, "ETag"), "\"own\"");
    WEFT_CHECK_STR(header(&r, "Vary"), "Accept-Encoding");
}

/* One that is older than a second has a strong tag of its own. */
static int ages(void)
{
    weft_response r;
    char etag[100];
    weft_header headers[] = { { WEFT_S("Accept-Encoding"), WEFT_S("gzip") }, { WEFT_S("If-None-Match"), { etag, 0 } } };
    WEFT_TRY(weft_file_save("f.txt", text_of(5000, false)));
    WEFT_TRY(weft_sleep_ms(5000));
    WEFT_TRY(weft_exchange(&r, (.method = "GET", .headers = headers, .header_count = 1), "http://kept/folder/f.txt"));
    weft_str tag = header(&r, "ETag");
    WEFT_CHECK(tag.len > 2 && tag.ptr[0] == 'W');
    headers[1].value = (weft_str){ etag, (size_t)snprintf(etag, sizeof etag, "%s", tag.ptr) };
    WEFT_TRY(weft_exchange(&r, (.method = "GET", .headers = headers, .header_count = 2), "http://kept/folder/f.txt"));
    WEFT_CHECK_EQ(r.status, 304);
    WEFT_CHECK_STR(header(&r, "ETag"), etag);
    WEFT_CHECK_STR(header(&r, "Vary"), "Accept-Encoding");
    return 0;
}
static const weft_app kept_files = { .middleware = WEFT_MIDDLEWARE(weft_compression()), .routes = WEFT_ROUTES(WEFT_STATIC("/folder", ".")) };

WEFT_TEST(a_304_of_a_file_says_what_the_file_would_have_said)
{
    NEEDS_GZIP;
    weft_test_upstream("kept", &kept_files);
    WEFT_CHECK_EQ(weft_test_run(ages), 0);
}

static const weft_app no_streams = { .middleware = WEFT_MIDDLEWARE(weft_compression(.streams_max = -1, .types = "application/x-own", .bytes_min = 10, .level = 9)), COMPRESSED_ROUTES };

WEFT_TEST(compression_has_limits_and_options)
{
    NEEDS_GZIP;
    weft_response r = ask(&no_streams, "GET", "/streamed?bytes=5000", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "");
    WEFT_CHECK_STR(header(&r, "Vary"), "Accept-Encoding");
    r = ask(&no_streams, "GET", "/sized?bytes=100&type=application/x-own", "Accept-Encoding: gzip");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "gzip");
}

static const weft_app wrong = { .openapi_path = "", .middleware = WEFT_MIDDLEWARE(weft_compression(.codings = "deflate, gzip", .level = 10, .streams_max = -2)) };

WEFT_TEST(mistakes_in_compression_are_told_at_the_start)
{
    NEEDS_GZIP;
    FAULTS(wrong, "application: weft_compression: coding 'deflate'; expected gzip, br or zstd\n"
        "application: weft_compression: level 10; expected 1 (fast) to 9 (small)\n"
        "application: weft_compression: streams_max -2; expected a number, or -1 for none\n");
}
