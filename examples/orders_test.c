#include <weft.h>

extern const weft_app app;

WEFT_TEST(creates_an_order)
{
    weft_response r = weft_test_post(&app, "/orders", "{\"email\":\"ada@example.com\",\"quantity\":2,\"notes\":[]}");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/orders/1");
    WEFT_CHECK_JSON(r.body, { "id": 1, "email": "ada@example.com", "quantity": 2, "notes": [], "status": "open" });
}

WEFT_TEST(lists_every_fault_of_a_body)
{
    weft_response r = weft_test_post(&app, "/orders", "{\"email\":\"nobody\",\"quantity\":101}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "string_pattern_mismatch", "loc": ["body", "email"], "input": "nobody",
          "msg": "String should match pattern '^[^@ ]+@[^@ ]+$'", "ctx": { "pattern": "^[^@ ]+@[^@ ]+$" } },
        { "type": "less_than_equal", "loc": ["body", "quantity"], "input": 101,
          "msg": "Input should be less than or equal to 100", "ctx": { "le": 100 } },
        { "type": "missing", "loc": ["body", "notes"], "msg": "Field required",
          "input": { "email": "nobody", "quantity": 101 } }] });
}

WEFT_TEST(a_failure_of_the_handler_is_the_answer)
{
    weft_response r = weft_test_post(&app, "/orders", "{\"email\":\"blocked@example.com\",\"quantity\":1,\"notes\":[]}");
    WEFT_CHECK_EQ(r.status, 403);
    WEFT_CHECK_JSON(r.body, { "detail": "blocked@example.com may not order" });
}
