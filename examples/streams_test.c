/* Tests of streams.c. */
#include <string.h>
#include <weft.h>

extern const weft_app app;

WEFT_TEST(a_table_has_all_its_rows)
{
    weft_response r = weft_test_get(&app, "/table?rows=3");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/csv; charset=utf-8");
    WEFT_CHECK_STR(r.body, "n,square\n1,1\n2,4\n3,9\n");
    r = weft_test_get(&app, "/table?rows=20000");
    WEFT_CHECK(r.body.len > 200000 && strcmp(r.body.ptr + r.body.len - 16, "20000,400000000\n") == 0);
}

WEFT_TEST(each_order_stands_on_a_line)
{
    weft_response r = weft_test_get(&app, "/orders");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/jsonl");
    WEFT_CHECK_STR(r.body, "{\"id\":1,\"item\":\"loom\",\"price\":450.0}\n{\"id\":2,\"item\":\"yarn\",\"price\":4.5}\n"
        "{\"id\":3,\"item\":\"shuttle\",\"price\":12.0}\n");
}

WEFT_TEST(prices_come_one_a_second)
{
    weft_response r = weft_test_get(&app, "/prices?count=3");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/event-stream");
    WEFT_CHECK_STR(r.body, "retry: 1000\n\n"
        "id: 1\nevent: price\ndata: {\"item\":\"loom\",\"price\":102.0}\n\n"
        "id: 2\nevent: price\ndata: {\"item\":\"loom\",\"price\":104.0}\n\n"
        "id: 3\nevent: price\ndata: {\"item\":\"loom\",\"price\":100.5}\n\n");
    WEFT_CHECK_EQ(weft_test_ms(), 3000);
}

WEFT_TEST(whoever_comes_back_misses_no_price)
{
    weft_header header = { WEFT_S("Last-Event-ID"), WEFT_S("2") };
    weft_response r = weft_test_send(&app, "GET", "/prices?count=1", &header, 1, NULL);
    WEFT_CHECK_STR(r.body, "retry: 1000\n\nid: 3\nevent: price\ndata: {\"item\":\"loom\",\"price\":100.5}\n\n");
}

WEFT_TEST(a_price_is_there_as_soon_as_it_is_sent)
{
    weft_test_message price;
    weft_test_stream *s = weft_test_open(&app, "/prices");
    WEFT_CHECK_EQ(weft_test_event(s, &price), 1);                        /* retry: comes at once */
    WEFT_CHECK_EQ(weft_test_event(s, &price, .within_ms = 10), 1);
    WEFT_CHECK_STR(price.data, "{\"item\":\"loom\",\"price\":102.0}");
    WEFT_CHECK_EQ(weft_test_event(s, &price), 1);
    WEFT_CHECK_EQ(weft_test_ms(), 1000);
    weft_test_leave(s);
}
