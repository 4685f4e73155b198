/* Answers that never were whole: what was asked for to run behind them does not. */
#include <stdio.h>
#include <string.h>
#include "task/world.h"
#include "testing/client.h"
#include "weft.h"

enum { LARGE = 300000, HEADERS = 40 };

static int ran;
static int note(const weft_none *in) { (void)in; ran++; return 0; }

static int write_file(void)
{
    static char bytes[LARGE];
    memset(bytes, 'x', sizeof bytes);
    return weft_file_save("large.bin", ((weft_str){ bytes, sizeof bytes }));
}

/* ---- files ---- */

static int whole_file(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_background(weft_none, note, NULL));
    return weft_reply_file(out, "large.bin");
}

static int shrinking(const weft_none *in, weft_reply *out)
{
    WEFT_FILE(f);
    WEFT_TRY(whole_file(in, out));
    WEFT_TRY(weft_file_open(&f, "large.bin", .write = true));
    return weft_file_truncate(f, LARGE / 2);
}

/* ---- streams ---- */

WEFT_INPUT(n_in, path(int, n));

static int announces(const n_in *in, weft_stream *out)
{
    WEFT_TRY(weft_background(weft_none, note, NULL));
    WEFT_TRY(weft_stream_length(out, in->n));
    return weft_write(out, WEFT_S("four"));
}

static int goes_on(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_background(weft_none, note, NULL));
    WEFT_TRY(weft_write(out, WEFT_S("a")));
    WEFT_TRY(weft_sleep_ms(1000));
    (void)!weft_write(out, WEFT_S("b"));
    return 0;
}

/* ---- more headers than an answer has ---- */

static int add_headers(weft_reply *reply, char of)
{
    char name[16];
    for (int i = 0; i < HEADERS; i++) {
        snprintf(name, sizeof name, "X-%c%d", of, i);
        WEFT_TRY(weft_reply_header(reply, name, "%d", i));
    }
    return 0;
}

static int failed_inside;
static int adds(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(add_headers(reply, 'l'));
    failed_inside = weft_next_run(next);
    return 0;
}

WEFT_INPUT(reply_in, reply(reply));
static int adds_too(const reply_in *in, int *out)
{
    *out = 1;
    WEFT_TRY(weft_background(weft_none, note, NULL));
    return add_headers(in->reply, 'h');
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/file", whole_file, weft_none, weft_reply), WEFT_GET("/shrinking", shrinking, weft_none, weft_reply),
    WEFT_GET("/announces/{n}", announces, n_in, weft_stream),
    WEFT_GET("/goes-on", goes_on, weft_none, weft_stream, .keep_when_client_leaves = true),
    WEFT_GET("/headers", adds_too, reply_in, int, .middleware = WEFT_MIDDLEWARE(adds))) };

static const char *fire(const char *path, int leave_ms, int *status)
{
    char bytes[128];
    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    weft__shot shot = { .bytes = weft_str_of(bytes), .leave_ms = leave_ms };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
    const char *log = world_capture_end();
    *status = shot.answer.status;
    return log;
}

WEFT_TEST(nothing_runs_behind_a_file_that_broke_off)
{
    int status;
    WEFT_NEED(weft_test_run(write_file) == 0);
    (void)fire("/file", 0, &status);
    WEFT_CHECK_EQ(status, 200);
    WEFT_CHECK_EQ(ran, 1);
    WEFT_CHECK(strstr(fire("/shrinking", 0, &status), "broke off: large.bin has become shorter") != NULL);
    WEFT_CHECK_EQ(ran, 1);
}

WEFT_TEST(nothing_runs_behind_a_stream_that_is_shorter_than_it_said)
{
    int status;
    (void)fire("/announces/4", 0, &status);
    WEFT_CHECK_EQ(ran, 1);
    WEFT_CHECK(strstr(fire("/announces/5", 0, &status), "weft_stream_length said that there are more") != NULL);
    WEFT_CHECK_EQ(ran, 1);
}

/* Whoever asks for the head alone ends the handler at its first write. */
WEFT_TEST(nothing_runs_behind_the_head_of_a_stream_whose_handler_did_not_end)
{
    weft_response r = weft_test_send(&app, "HEAD", "/goes-on", NULL, 0, NULL);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_EQ(ran, 0);
}

WEFT_TEST(a_client_that_has_left_keeps_nothing_from_running_when_the_handler_succeeded)
{
    int status;
    (void)fire("/goes-on", 500, &status);
    WEFT_CHECK_EQ(ran, 1);
}

WEFT_TEST(nothing_runs_behind_a_failure_that_was_told_without_its_headers_and_middleware_knows_of_it)
{
    int status;
    WEFT_CHECK(strstr(fire("/headers", 0, &status), "no memory for an answer's headers") != NULL);
    WEFT_CHECK_EQ(status, 500);
    WEFT_CHECK_EQ(failed_inside, WEFT_ENOMEM);
    WEFT_CHECK_EQ(ran, 0);
}
