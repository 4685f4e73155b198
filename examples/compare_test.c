/* The stores are applications of this test, under the names that compare.c asks; time is virtual. */
#include <weft.h>

extern const weft_app app;

WEFT_MODEL(Tag, field(double, price));
WEFT_INPUT(sku_in, path(weft_str, sku));

static int cheap(const sku_in *in, Tag *out) { (void)in; out->price = 9.5; return 0; }
static int dear(const sku_in *in, Tag *out) { (void)in; out->price = 12; return weft_sleep_ms(200); }
static int never(const sku_in *in, Tag *out) { (void)in; (void)out; return weft_sleep_ms(3600 * 1000); }

static const weft_app cheap_store = { .routes = WEFT_ROUTES(WEFT_GET("/price/{sku}", cheap, sku_in, Tag)) };
static const weft_app dear_store = { .routes = WEFT_ROUTES(WEFT_GET("/price/{sku}", dear, sku_in, Tag)) };
static const weft_app hung_store = { .routes = WEFT_ROUTES(WEFT_GET("/price/{sku}", never, sku_in, Tag)) };

WEFT_TEST(a_store_that_hangs_is_listed_and_costs_no_more_than_the_deadline)
{
    weft_test_upstream("alfa.example", &dear_store);
    weft_test_upstream("beta.example", &cheap_store);
    weft_test_upstream("gama.example", &hung_store);
    weft_response r = weft_test_get(&app, "/compare/7");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, {
        "best": { "store": "beta", "price": 9.5 },
        "offers": [{ "store": "alfa", "price": 12 }, { "store": "beta", "price": 9.5 }],
        "failed": ["gama"] });
    WEFT_CHECK(weft_test_ms() >= 300 && weft_test_ms() < 320);
}

WEFT_TEST(without_any_store_the_answer_is_502)
{
    weft_response r = weft_test_get(&app, "/compare/7");
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_JSON(r.body, { "detail": "no store answered in time" });
}
