/* Tests of items.c, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(reads_an_item)
{
    weft_response r = weft_test_get(&app, "/items/3?q=x");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "item_id": 3, "q": "x" });
}

WEFT_TEST(says_what_is_wrong_with_an_id)
{
    weft_response r = weft_test_get(&app, "/items/abc");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [{
        "type": "int_parsing", "loc": ["path", "item_id"], "input": "abc",
        "msg": "Input should be a valid integer, unable to parse string as an integer" }] });
}
