#include <weft.h>

extern const weft_app app;

WEFT_TEST(reads_an_item)
{
    weft_response r = weft_test_get(&app, "/items/3?q=x");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "item_id": 3, "q": "x" });
}

WEFT_TEST(rejects_a_bad_id)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/items/alfa").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&app, "/items/0").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&app, "/items/1001").status, 404);
}
