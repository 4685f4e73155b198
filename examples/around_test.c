/* Tests of around.c. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(an_order_wants_a_key)
{
    weft_header key = { WEFT_S("X-Key"), WEFT_S("yarn") };
    weft_response r = weft_test_get(&app, "/orders/7");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_JSON(r.body, { "detail": "send your key in X-Key" });
    r = weft_test_send(&app, "GET", "/orders/7", &key, 1, NULL);
    WEFT_CHECK_JSON(r.body, { "id": 7, "customer": 2 });
}

WEFT_TEST(all_answers_are_counted)
{
    weft_test_get(&app, "/");
    weft_test_get(&app, "/none");
    weft_test_get(&app, "/orders/7");
    WEFT_CHECK_JSON(weft_test_get(&app, "/counts").body, { "good": 1, "failed": 2 });
}

WEFT_TEST(a_stream_says_how_long_it_may_be_kept)
{
    weft_response r = weft_test_get(&app, "/rows");
    WEFT_CHECK_STR(weft_response_header(&r, "Cache-Control"), "max-age=60");
    r = weft_test_get(&app, "/");
    WEFT_CHECK_STR(weft_response_header(&r, "Cache-Control"), "");
}

WEFT_TEST(every_answer_has_an_id_and_careful_headers)
{
    weft_header id = { WEFT_S("X-Request-Id"), WEFT_S("abc-1") };
    weft_response r = weft_test_send(&app, "GET", "/none", &id, 1, NULL);
    WEFT_CHECK_STR(weft_response_header(&r, "X-Request-Id"), "abc-1");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Content-Type-Options"), "nosniff");
}

WEFT_TEST(pages_of_the_shop_may_ask)
{
    const weft_header headers[] = { { WEFT_S("Origin"), WEFT_S("https://admin.shop.example") }, { WEFT_S("Access-Control-Request-Method"), WEFT_S("GET") },
        { WEFT_S("Access-Control-Request-Headers"), WEFT_S("x-key") } };
    weft_response r = weft_test_send(&app, "OPTIONS", "/orders/7", headers, 3, NULL);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Access-Control-Allow-Origin"), "https://admin.shop.example");
}

WEFT_TEST(rows_are_compressed_for_those_who_can_read_it)
{
    weft_header accept = { WEFT_S("Accept-Encoding"), WEFT_S("gzip") };
    weft_response plain = weft_test_get(&app, "/rows"), small = weft_test_send(&app, "GET", "/rows", &accept, 1, NULL);
    WEFT_CHECK_STR(weft_response_header(&small, "Content-Encoding"), "gzip");
    WEFT_CHECK(small.body.len < plain.body.len);
}
