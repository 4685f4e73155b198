/* Traces: taken from a request, in the lines of its log, and passed on with its calls. */
#include <string.h>
#include "task/world.h"
#include "testing/client.h"
#include "weft.h"

WEFT_INPUT(seen_in, header(weft_str, traceparent, .initial = "none"), header(weft_str, tracestate, .initial = "none"));
WEFT_MODEL(Seen, field(weft_str, parent), field(weft_str, state));

static int seen(const seen_in *in, Seen *out)
{
    *out = (Seen){ in->traceparent, in->tracestate };
    return 0;
}

static int ask(const weft_none *in, Seen *out)
{
    (void)in;
    return weft_fetch(Seen, out, "http://upstream/seen");
}

static int asks(const weft_none *in, Seen *out)
{
    weft_log_warning("asks");
    return weft_gather(weft_call(ask, in, out));
}

static int asks_by_hand(const weft_none *in, weft_reply *out)
{
    (void)in;
    weft_header own = { WEFT_S("TraceParent"), WEFT_S("of its own") };
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.headers = &own, .header_count = 1), "http://upstream/seen"));
    return weft_reply_response(out, &r);
}

static int says(const weft_none *in, weft_str *out)
{
    (void)in;
    *out = weft_traceparent();
    return 0;
}

#define ROUTES .routes = WEFT_ROUTES(WEFT_GET("/ask", asks, weft_none, Seen), WEFT_GET("/by-hand", asks_by_hand, weft_none, weft_reply), WEFT_GET("/says", says, weft_none, weft_str))
static const weft_app upstream = { .routes = WEFT_ROUTES(WEFT_GET("/seen", seen, seen_in, Seen)) };
static const weft_app traced = { .trace = true, ROUTES };
static const weft_app plain = { ROUTES };

static const weft_header headers[] = { { WEFT_S("traceparent"), WEFT_S("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") }, { WEFT_S("tracestate"), WEFT_S("rojo=1,congo=2") } };
static const char *const begins = "{\"parent\":\"00-0af7651916cd43dd8448eb211c80319c-";

static weft_response get(const weft_app *app, const char *path, size_t count)
{
    weft_test_upstream("upstream", &upstream);
    return weft_test_send(app, "GET", path, headers, count, NULL);
}

WEFT_TEST(a_call_passes_the_trace_on_with_the_span_of_this_request)
{
    weft_response r = get(&traced, "/ask", 2);
    WEFT_CHECK(strncmp(r.body.ptr, begins, strlen(begins)) == 0);
    WEFT_CHECK(!strstr(r.body.ptr, "b7ad6b7169203331"));
    WEFT_CHECK(strstr(r.body.ptr, "-01\",\"state\":\"rojo=1,congo=2\"}") != NULL);
}

WEFT_TEST(its_lines_of_the_log_have_its_ids)
{
    world_capture_begin();
    (void)get(&traced, "/ask", 1);
    const char *log = world_capture_end();
    WEFT_CHECK(strstr(log, "warning asks trace_id=0af7651916cd43dd8448eb211c80319c span_id=") != NULL);
}

WEFT_TEST(without_one_a_trace_begins_and_each_has_another_id)
{
    weft_response a = get(&traced, "/says", 0), b = get(&traced, "/says", 0);
    WEFT_CHECK_EQ(a.body.len, 57);
    WEFT_CHECK(strncmp(a.body.ptr, "\"00-", 4) == 0 && !weft_str_equal(a.body, b.body));
}

WEFT_TEST(what_is_passed_on_by_hand_is_not_passed_on_twice)
{
    WEFT_CHECK_JSON(get(&traced, "/by-hand", 2).body, { "parent": "of its own", "state": "none" });
}

WEFT_TEST(an_application_that_does_not_trace_passes_nothing_on)
{
    WEFT_CHECK_JSON(get(&plain, "/ask", 2).body, { "parent": "none", "state": "none" });
    WEFT_CHECK_STR(get(&plain, "/says", 2).body, "\"\"");
}
