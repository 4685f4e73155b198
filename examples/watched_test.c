/* Tests of watched.c. */
#include <string.h>
#include <weft.h>

extern const weft_app app;
int read_settings(void);

WEFT_TEST(orders_are_counted_until_nothing_is_left)
{
    WEFT_NEED(read_settings() == 0);
    WEFT_CHECK_EQ(weft_test_get(&app, "/readyz").status, 200);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_test_post(&app, "/orders/loom", NULL).status, 200);
    WEFT_CHECK_EQ(weft_test_post(&app, "/orders/loom", NULL).status, 409);
    WEFT_CHECK_JSON(weft_test_get(&app, "/readyz").body, { "status": "not ready", "checks": { "store": "ok", "stock": "failed" } });
    weft_str text = weft_test_get(&app, "/metrics").body;
    WEFT_CHECK(strstr(text.ptr, "shop_orders_total{kind=\"loom\"} 3\n") != NULL);
    WEFT_CHECK(strstr(text.ptr, "weft_requests_total{method=\"POST\",route=\"/orders/{kind}\",status=\"409\"} 1\n") != NULL);
}

WEFT_TEST(it_is_alive)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/healthz").body, { "status": "ok" });
}
