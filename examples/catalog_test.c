#include <string.h>
#include <weft.h>

extern const weft_app app;

WEFT_TEST(the_document_tells_of_the_routes_that_are_documented)
{
    weft_response r = weft_test_get(&app, "/openapi.json");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK(strstr(r.body.ptr, "\"/products/{product_id}\":"));
    WEFT_CHECK(strstr(r.body.ptr, "\"$ref\":\"#/components/schemas/Taken\""));
    WEFT_CHECK(!strstr(r.body.ptr, "/health"));
}

WEFT_TEST(the_routes_answer_as_documented)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/products/7").body, { "name": "Linen", "price": 12.5, "unit": "metre", "note": null });
    WEFT_CHECK_EQ(weft_test_get(&app, "/products/101").status, 404);
    WEFT_CHECK_EQ(weft_test_get(&app, "/products/0").status, 422);
    weft_response made = weft_test_post(&app, "/products/", "{\"name\":\"Wool\",\"price\":3}");
    WEFT_CHECK_EQ(made.status, 201);
    WEFT_CHECK_JSON(made.body, { "name": "Wool", "price": 3.0, "unit": "piece", "note": null });
}

WEFT_TEST(the_pages_are_there)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/docs").status, 200);
    WEFT_CHECK_EQ(weft_test_get(&app, "/redoc").status, 200);
    WEFT_CHECK_EQ(weft_test_get(&app, "/health").status, 200);
}
