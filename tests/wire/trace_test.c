/* W3C Trace Context. */
#include "wire/trace.h"
#include <string.h>
#include "weft/check.h"

static const char *const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

WEFT_TEST(a_traceparent_is_read_and_written_as_it_came)
{
    weft__trace_ids ids;
    char text[WEFT__TRACEPARENT];
    WEFT_NEED(weft__traceparent_read(weft_str_of(good), &ids));
    weft__traceparent_write(&ids, text);
    WEFT_CHECK(memcmp(text, good, sizeof text) == 0);
    WEFT_CHECK(ids.there && ids.trace[0] == 0x0a && ids.span[7] == 0x31 && ids.flags == 1);
}

WEFT_TEST(what_is_no_traceparent_is_not_taken)
{
    static const char *const bad[] = { "", "00", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft__trace_ids ids = { .flags = 7 };
        WEFT_CHECK(!weft__traceparent_read(weft_str_of(bad[i]), &ids));
        WEFT_CHECK_EQ(ids.flags, 7);
    }
}

WEFT_TEST(of_a_later_version_what_this_one_knows_is_taken)
{
    weft__trace_ids ids;
    WEFT_CHECK(weft__traceparent_read(WEFT_S("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more"), &ids));
    WEFT_CHECK_EQ(ids.flags, 1);
    WEFT_CHECK(weft__traceparent_read(WEFT_S("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"), &ids));
}

WEFT_TEST(a_tracestate_is_passed_on_when_a_header_may_hold_it)
{
    char longer[WEFT__TRACESTATE_MAX + 2] = "a=";
    memset(longer + 2, 'x', WEFT__TRACESTATE_MAX - 2);
    WEFT_CHECK(weft__tracestate_good(WEFT_S("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")));
    WEFT_CHECK(weft__tracestate_good((weft_str){ longer, WEFT__TRACESTATE_MAX }));
    longer[WEFT__TRACESTATE_MAX] = 'x';
    WEFT_CHECK(!weft__tracestate_good((weft_str){ longer, WEFT__TRACESTATE_MAX + 1 }));
    WEFT_CHECK(!weft__tracestate_good(WEFT_S("a=b\r\nX: y")) && !weft__tracestate_good(WEFT_S("")) && !weft__tracestate_good(WEFT_S("none")));
}
