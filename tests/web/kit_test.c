/* The test kit: cookies, forms, answers read piece by piece while time stands still in between. */
#include <stdio.h>
#include <string.h>
#include "task/world.h"
#include "testing/client.h"
#include "weft.h"

WEFT_INPUT(n_in, query(int, n, .initial = "1"));
WEFT_INPUT(seen_in, header(weft_str, cookie, .initial = "none"));
WEFT_MODEL(Tick, field(int, n));

/* ---- cookies ---- */

static int login(const n_in *in, weft_reply *out)
{
    WEFT_TRY(weft_reply_cookie(out, "session", weft_format("s%d", in->n), .http_only = true, .secure = true));
    WEFT_TRY(weft_reply_cookie(out, "short", WEFT_S("a b"), .max_age_s = 10));
    WEFT_TRY(weft_reply_cookie(out, "area", WEFT_S("x"), .path = "/admin"));
    return weft_reply_text(out, WEFT_S("in"));
}

static int logout(const weft_none *in, weft_reply *out)
{
    (void)in;
    WEFT_TRY(weft_reply_cookie(out, "session", WEFT_S(""), .remove = true));
    return weft_reply_text(out, WEFT_S("out"));
}

static int seen(const seen_in *in, weft_str *out) { *out = in->cookie; return 0; }

static const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/login", login, n_in, weft_reply), WEFT_GET("/logout", logout, weft_none, weft_reply),
    WEFT_GET("/seen", seen, seen_in, weft_str), WEFT_GET("/admin/seen", seen, seen_in, weft_str), WEFT_GET("/administrator", seen, seen_in, weft_str)) };
static const weft_app other = { .routes = WEFT_ROUTES(WEFT_GET("/seen", seen, seen_in, weft_str)) };

WEFT_TEST(cookies_are_kept_for_the_application_that_set_them_and_sent_by_path)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/seen").body, "\"none\"");
    (void)weft_test_get(&app, "/login");
    WEFT_CHECK_STR(weft_test_cookie(&app, "session"), "s1");
    WEFT_CHECK_STR(weft_test_get(&app, "/seen").body, "\"short=\\\"a b\\\"; session=s1\"");
    WEFT_CHECK(strstr(weft_test_get(&app, "/admin/seen").body.ptr, "area=x") != NULL);
    WEFT_CHECK(!strstr(weft_test_get(&app, "/administrator").body.ptr, "area=x"));
    WEFT_CHECK_STR(weft_test_get(&other, "/seen").body, "\"none\"");
}

WEFT_TEST(a_cookie_is_replaced_and_removed_and_ends_by_its_age)
{
    (void)weft_test_get(&app, "/login");
    (void)weft_test_get(&app, "/login?n=2");
    WEFT_CHECK_STR(weft_test_cookie(&app, "session"), "s2");
    weft_test_sleep(11000);
    WEFT_CHECK_STR(weft_test_get(&app, "/seen").body, "\"session=s2\"");
    (void)weft_test_get(&app, "/logout");
    WEFT_CHECK(weft_test_cookie(&app, "session").ptr == NULL);
    WEFT_CHECK_STR(weft_test_get(&app, "/seen").body, "\"none\"");
}

WEFT_TEST(a_cookie_header_of_one_s_own_stands_alone_and_all_can_be_forgotten)
{
    weft_header own = { WEFT_S("Cookie"), WEFT_S("mine=1") };
    (void)weft_test_get(&app, "/login");
    WEFT_CHECK_STR(weft_test_send(&app, "GET", "/seen", &own, 1, NULL).body, "\"mine=1\"");
    weft_test_forget_cookies();
    WEFT_CHECK_STR(weft_test_get(&app, "/seen").body, "\"none\"");
}

/* ---- forms ---- */

WEFT_INPUT(form_in, form(weft_str, note), file(WEFT_LIST(weft_upload), files));
WEFT_MODEL(Form, field(weft_str, note), list(weft_str, names), field(int64_t, bytes));

static int form(const form_in *in, Form *out)
{
    out->note = in->note;
    for (uint32_t i = 0; i < in->files.count; i++) {
        weft_push(&out->names, weft_format("%.*s %.*s", WEFT_FMT(in->files.items[i].filename), WEFT_FMT(in->files.items[i].content_type)));
        out->bytes += in->files.items[i].size;
    }
    return 0;
}

static const weft_app forms = { .routes = WEFT_ROUTES(WEFT_POST("/form", form, form_in, Form)) };

WEFT_TEST(a_form_has_fields_and_files)
{
    static char large[300000];
    weft_response r = weft_test_form(&forms, "/form", weft_test_field("note", "a=b&c\r\n"), weft_test_file("files", "a \"b\".csv", "text/csv", WEFT_S("x,y\n")),
        weft_test_file("files", "zeros", NULL, (weft_str){ large, sizeof large }));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "note": "a=b&c\r\n", "names": ["a %22b%22.csv text/csv", "zeros application/octet-stream"], "bytes": 300004 });
    WEFT_CHECK_EQ(weft_test_form(&forms, "/form", weft_test_field("note", "x")).status, 422);
}

/* ---- answers piece by piece ---- */

static int ticking, left_at_ms = -1;

static int ticks(const n_in *in, weft_events *out)
{
    ticking++;
    WEFT_TRY(weft_event(out, .retry_ms = 500));
    for (int n = 1; n <= in->n; n++) {
        int rc = weft_sleep_ms(1000);
        if (rc < 0) left_at_ms = (int)weft_test_ms();
        WEFT_TRY(rc);
        WEFT_TRY(weft_event_item(Tick, out, (&(Tick){ n }), .type = WEFT_S("tick"), .id = weft_format("%d", n)));
    }
    return 0;
}

static int parts(const n_in *in, weft_stream *out)
{
    if (in->n == 3) (void)weft_stream_length(out, 10);
    for (int i = 0; i < 2; i++) {
        WEFT_TRY(weft_write(out, WEFT_S("01234")));
        WEFT_TRY(weft_sleep_ms(100));
    }
    return in->n == 2 ? weft_fail(500, "broken") : 0;
}

static int quick(const n_in *in, int *out) { *out = in->n; return 0; }

static bool done;
WEFT_MODEL(Ms, field(int, ms));
static int later(const Ms *in)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    done = true;
    return 0;
}
static int leaves_work(const n_in *in, int *out)
{
    *out = in->n;
    return weft_background(Ms, later, (&(Ms){ 2000 }));
}

static const weft_app live = { .routes = WEFT_ROUTES(WEFT_GET("/ticks", ticks, n_in, weft_events), WEFT_GET("/parts", parts, n_in, weft_stream),
    WEFT_GET("/quick", quick, n_in, int), WEFT_POST("/work", leaves_work, n_in, int)) };

WEFT_TEST(events_are_read_as_they_come_and_time_stands_still_in_between)
{
    weft_test_message m;
    weft_test_stream *s = weft_test_open(&live, "/ticks?n=3");
    WEFT_CHECK_EQ(weft_test_head(s)->status, 200);
    WEFT_CHECK_STR(weft_response_header(weft_test_head(s), "Content-Type"), "text/event-stream");
    WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
    WEFT_CHECK_EQ(m.retry_ms, 500);
    for (int n = 1; n <= 3; n++) {
        WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
        WEFT_CHECK_EQ(weft_test_ms(), n * 1000);
        WEFT_CHECK_STR(m.type, "tick");
        WEFT_CHECK_STR(m.data, n == 1 ? "{\"n\":1}" : n == 2 ? "{\"n\":2}" : "{\"n\":3}");
        WEFT_CHECK_EQ(m.id.len, 1);
    }
    WEFT_CHECK_EQ(weft_test_event(s, &m), 0);
    WEFT_CHECK_EQ(weft_test_event(s, &m), 0);
    weft_test_leave(s);
    weft_test_leave(s);
}

WEFT_TEST(whoever_leaves_cancels_the_handler_and_others_are_served_meanwhile)
{
    weft_test_message m;
    weft_test_stream *s = weft_test_open(&live, "/ticks?n=100"), *t = weft_test_open(&live, "/ticks?n=100");
    WEFT_CHECK_EQ(ticking, 2);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
    WEFT_CHECK_STR(weft_test_get(&live, "/quick?n=7").body, "7");
    WEFT_CHECK_EQ(weft_test_ms(), 2000);
    weft_test_leave(s);
    WEFT_CHECK_EQ(weft_test_event(t, &m, .within_ms = 10), 1);
    weft_test_sleep(500);
    WEFT_CHECK_EQ(left_at_ms, 2000);
    WEFT_CHECK_EQ(weft_test_event(t, &m), 1);
    WEFT_CHECK_EQ(weft_test_ms(), 2500);
    WEFT_CHECK_EQ(weft_test_event(s, &m), WEFT_ECONNRESET);
}

WEFT_TEST(what_does_not_come_in_time_is_told_and_can_still_be_read)
{
    weft_test_message m;
    weft_test_stream *s = weft_test_open(&live, "/ticks?n=2");
    WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
    WEFT_CHECK_EQ(weft_test_event(s, &m, .within_ms = 300), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_test_ms(), 300);
    WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
    WEFT_CHECK_EQ(weft_test_ms(), 1000);
}

WEFT_TEST(pieces_come_as_they_are_written_and_a_broken_answer_has_no_end)
{
    weft_str piece;
    for (int n = 1; n <= 3; n++) {
        char path[32];
        snprintf(path, sizeof path, "/parts?n=%d", n);
        weft_test_stream *s = weft_test_open(&live, path);
        for (int i = 0; i < 2; i++) {
            WEFT_CHECK_EQ(weft_test_read(s, &piece), 1);
            WEFT_CHECK_STR(piece, "01234");
        }
        world_capture_begin();
        int rc = weft_test_read(s, &piece);
        (void)world_capture_end();
        WEFT_CHECK_EQ(rc, n == 2 ? WEFT_ECONNRESET : 0);
    }
}

WEFT_TEST(a_plain_answer_can_be_read_in_pieces_too)
{
    weft_str piece;
    weft_test_stream *s = weft_test_open(&live, "/quick?n=42");
    WEFT_CHECK_EQ(weft_test_read(s, &piece), 1);
    WEFT_CHECK_STR(piece, "42");
    WEFT_CHECK_EQ(weft_test_read(s, &piece), 0);
}

WEFT_TEST(while_the_application_serves_on_background_tasks_run_as_time_passes)
{
    weft_test_serve();
    WEFT_CHECK_EQ(weft_test_post(&live, "/work", NULL).status, 200);
    WEFT_CHECK_EQ(weft_test_ms(), 0);
    weft_test_sleep(1999);
    WEFT_CHECK(!done);
    weft_test_sleep(2);
    WEFT_CHECK(done);
}

/* ---- calls ---- */

static int makes_text(weft_str *out)
{
    *out = weft_format("%05d", 42);
    return 0;
}

WEFT_TEST(what_a_call_s_output_holds_lives_until_the_test_ends)
{
    weft_str a, b;
    WEFT_CHECK_EQ(weft_test_run(makes_text, NULL, &a), 0);
    WEFT_CHECK_EQ(weft_test_run(makes_text, NULL, &b), 0);
    (void)weft_test_get(&live, "/quick");
    WEFT_CHECK_STR(a, "00042");
    WEFT_CHECK(a.ptr != b.ptr);
}
