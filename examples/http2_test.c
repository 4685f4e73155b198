/* The warehouse is an application of this test; it says which HTTP it was asked over. */
#include <string.h>
#include <weft.h>

extern const weft_app app;

WEFT_MODEL(Tag, field(weft_str, sku), field(double, price));
WEFT_INPUT(sku_in, path(weft_str, sku), request(request));

static int over_http2, over_others;
static int price_of(const sku_in *in, Tag *out)
{
    bool new_one = weft_str_equal(weft_request_version(in->request), WEFT_S("HTTP/2"));
    over_http2 += new_one;
    over_others += !new_one;
    *out = (Tag){ in->sku, 1.5 };
    return 0;
}
static const weft_app warehouse = { .routes = WEFT_ROUTES(WEFT_GET("/price/{sku}", price_of, sku_in, Tag)) };

WEFT_TEST(all_prices_of_a_basket_are_asked_for_over_http2)
{
    WEFT_CHECK_EQ(weft_client_limits(.http2 = WEFT_HTTP2_ALWAYS), 0);
    weft_test_upstream("warehouse.example", &warehouse);
    weft_response r = weft_test_get(&app, "/basket?sku=a&sku=b&sku=c");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, {
        "prices": [{ "sku": "a", "price": 1.5 }, { "sku": "b", "price": 1.5 }, { "sku": "c", "price": 1.5 }],
        "total": 4.5, "asked_over": "HTTP/1.1" });
    WEFT_CHECK_EQ(over_http2, 3);
    WEFT_CHECK_EQ(over_others, 0);
    WEFT_CHECK_EQ(weft_client_limits(.http2 = WEFT_HTTP2_DEFAULT), 0);
}
