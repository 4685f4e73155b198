/* WebSockets of message handlers: messages in order, one at a time, and an end that is always told. */
#include <stdio.h>
#include <string.h>
#include "faults.h"
#include "ws_peer.h"

WEFT_MODEL(Feed, field(int, count), field(weft_str, topic));
WEFT_INPUT(feed_in, path(weft_str, topic), query(int, slow_ms, .initial = "0"));
typedef struct feed { int count, slow_ms; bool running; char topic[32]; } feed;

static struct { int opened, closed, code, messages, cut; int64_t closed_ms; } seen;

static int opened(const feed_in *in, weft_ws *ws, feed *f)
{
    if (weft_str_equal(in->topic, WEFT_S("secret"))) return weft_fail(403, "not that one");
    seen.opened++;
    f->slow_ms = in->slow_ms;
    snprintf(f->topic, sizeof f->topic, "%.*s", WEFT_FMT(in->topic));
    return weft_str_equal(in->topic, WEFT_S("hello")) ? weft_ws_send(ws, WEFT_S("hello")) : 0;
}

static int said(weft_ws *ws, feed *f, weft_str msg)
{
    WEFT_CHECK(!f->running);
    WEFT_CHECK_EQ(msg.ptr[msg.len], 0);
    f->running = true;
    seen.messages++;
    int rc = f->slow_ms ? weft_sleep_ms(f->slow_ms) : 0;
    f->running = false;
    seen.cut += rc == WEFT_ECANCELED;
    if (rc < 0) return rc;
    if (weft_str_equal(msg, WEFT_S("fail"))) return weft_fail(409, "no more of that");
    if (weft_str_equal(msg, WEFT_S("bye"))) return weft_ws_close(ws, 4000, "bye");
    return weft_ws_send(ws, weft_format("%s %d %s", f->topic, ++f->count, msg.ptr));
}

static void closed(weft_ws *ws, feed *f)
{
    WEFT_CHECK(!f->running);
    seen.closed++;
    seen.code = weft_ws_code(ws);
    seen.closed_ms = weft_test_ms();
}

static int just_said(weft_ws *ws, weft_none *none, weft_str msg) { (void)none; return weft_ws_send(ws, msg); }

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_WS_HANDLERS("/feed/{topic}", feed_in, feed, opened, said, closed),
    WEFT_WS_HANDLERS("/late/{topic}", feed_in, feed, opened, said, closed, .timeout_ms = 100),
    WEFT_WS_HANDLERS("/plain", weft_none, weft_none, NULL, just_said, NULL)) };

WEFT_TEST(ws_handlers_get_messages_in_order_and_one_at_a_time)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/feed/wool?slow_ms=10");
    weft_test_ws *other = weft_test_ws_open(&app, "/feed/silk?slow_ms=10");
    for (int i = 0; i < 5; i++) {
        weft_test_ws_send(w, "x");
        weft_test_ws_send(other, "y");
    }
    for (int i = 1; i <= 5; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "wool %d x", i);
        WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
        WEFT_CHECK_STR(msg, expected);
        WEFT_CHECK_EQ(weft_test_ws_recv(other, &msg), 1);
    }
    WEFT_CHECK_EQ(weft_test_ms(), 50);
    WEFT_CHECK_EQ(weft_test_ws_close(w, 1000), 1000);
    WEFT_CHECK_EQ(seen.closed, 1);
    WEFT_CHECK_EQ(seen.code, 1000);
    weft_test_ws_leave(other);
}

WEFT_TEST(ws_handlers_open_refuse_and_may_speak_first)
{
    weft_str msg;
    WEFT_CHECK_EQ(weft_test_ws_status(weft_test_ws_open(&app, "/feed/secret")), 403);
    WEFT_CHECK_EQ(weft_test_ws_status(weft_test_ws_open(&app, "/feed/wool?slow_ms=x")), 422);
    weft_test_ws *w = weft_test_ws_open(&app, "/feed/hello");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "hello");
    WEFT_CHECK_EQ(seen.opened, 1);
    WEFT_CHECK_EQ(seen.closed, 0);
    w = weft_test_ws_open(&app, "/plain");
    weft_test_ws_send(w, "as it is");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "as it is");
}

WEFT_TEST(ws_handlers_that_fail_or_close_end_it_and_are_told)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/feed/wool");
    weft_test_ws_send(w, "fail");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 1008);
    WEFT_CHECK_STR(weft_test_ws_reason(w), "no more of that");
    w = weft_test_ws_open(&app, "/feed/wool");
    weft_test_ws_send(w, "bye");
    weft_test_ws_send(w, "unheard");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 4000);
    weft_test_sleep(10);
    WEFT_CHECK_EQ(seen.closed, 2);
    WEFT_CHECK_EQ(seen.messages, 2);
}

WEFT_TEST(ws_handlers_of_a_client_that_breaks_off_are_cancelled_and_told)
{
    weft_test_serve();
    weft_test_ws *w = weft_test_ws_open(&app, "/feed/wool?slow_ms=60000");
    weft_test_ws_send(w, "x");
    weft_test_sleep(100);
    weft_test_ws_leave(w);
    weft_test_sleep(10);
    WEFT_CHECK_EQ(seen.cut, 1);
    WEFT_CHECK_EQ(seen.closed, 1);
    WEFT_CHECK_EQ(seen.code, 1006);
    w = weft_test_ws_open(&app, "/feed/wool");               /* and while it is idle */
    weft_test_ws_leave(w);
    weft_test_sleep(10);
    WEFT_CHECK_EQ(seen.closed, 2);
}

WEFT_TEST(ws_handlers_have_what_came_before_a_close_first)
{
    weft_test_serve();
    weft_test_ws *w = weft_test_ws_open(&app, "/feed/wool?slow_ms=20");
    for (int i = 0; i < 3; i++) weft_test_ws_send(w, "x");
    WEFT_CHECK_EQ(weft_test_ws_close(w, 1001), 1001);
    weft_test_sleep(100);
    WEFT_CHECK_EQ(seen.messages, 3);
    WEFT_CHECK_EQ(seen.cut, 0);
    WEFT_CHECK_EQ(seen.closed, 1);
    WEFT_CHECK_EQ(seen.code, 1001);
}

WEFT_TEST(ws_handlers_have_the_time_of_their_route_for_each_message)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/late/wool?slow_ms=60");
    for (int i = 0; i < 4; i++) weft_test_ws_send(w, "x");
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    w = weft_test_ws_open(&app, "/late/wool?slow_ms=200");
    weft_test_ws_send(w, "x");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 1011);
}

WEFT_TEST(ws_handlers_are_told_when_the_server_stops)
{
    weft_test_ws *w = weft_test_ws_open(&app, "/feed/wool");
    WEFT_CHECK_EQ(weft_test_ws_status(w), 101);
    weft_test_ws_leave(w);
    WEFT_CHECK_EQ(seen.closed, 1);
}
