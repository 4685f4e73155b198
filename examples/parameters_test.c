/* Tests of parameters.c, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(what_is_absent_has_its_initial_value)
{
    weft_response r = weft_test_get(&app, "/shops/linen/items");
    WEFT_CHECK_JSON(r.body, { "shop": "linen", "q": null, "tags": [], "order": "name", "in_stock": false, "limit": 10, "offset": 0 });
}

WEFT_TEST(what_came_is_converted)
{
    weft_response r = weft_test_get(&app, "/shops/linen/items?q=blue+shirt&tag=new&tag=red&order-by=price&in_stock=yes&offset=20");
    WEFT_CHECK_JSON(r.body, { "shop": "linen", "q": "blue shirt", "tags": ["new", "red"], "order": "price", "in_stock": true,
        "limit": 10, "offset": 20 });
}

WEFT_TEST(all_faults_are_told_together)
{
    weft_response r = weft_test_get(&app, "/shops/linen/items?q=x&order-by=age&limit=500");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "string_too_short", "loc": ["query", "q"], "msg": "String should have at least 3 characters", "input": "x",
            "ctx": { "min_length": 3 } },
        { "type": "enum", "loc": ["query", "order-by"], "msg": "Input should be 'name' or 'price'", "input": "age",
            "ctx": { "expected": "'name' or 'price'" } },
        { "type": "less_than_equal", "loc": ["query", "limit"], "msg": "Input should be less than or equal to 100", "input": "500",
            "ctx": { "le": 100 } }] });
}

WEFT_TEST(a_path_may_end_in_all_that_is_left)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/files/2026/june/notes.txt").body, { "name": "2026/june/notes.txt" });
    WEFT_CHECK_JSON(weft_test_get(&app, "/files/").body, { "name": "" });
}

WEFT_TEST(a_value_may_have_text_around_it)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/v2/from/1").body, { "major": 2, "minor": 1 });
    WEFT_CHECK_EQ(weft_test_get(&app, "/vx/from/1").status, 422);
}
