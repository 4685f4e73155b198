/* Tests of database.c. Each begins with an empty database in memory. */
#include <weft.h>

extern const weft_app app;

static weft_response make(const char *json) { return weft_test_send(&app, "POST", "/users/", NULL, 0, json); }

WEFT_TEST(a_user_is_made_found_and_listed)
{
    weft_response made = make("{\"name\":\"Ada\",\"email\":\"ada@example.com\"}");
    WEFT_CHECK_EQ(made.status, 201);
    WEFT_CHECK_JSON(made.body, { "id": 1, "name": "Ada", "email": "ada@example.com" });
    WEFT_CHECK_JSON(weft_test_get(&app, "/users/1").body, { "id": 1, "name": "Ada", "email": "ada@example.com" });
    WEFT_CHECK_EQ(make("{\"name\":\"'; DROP TABLE users; --\",\"email\":\"bobby@example.com\"}").status, 201);
    WEFT_CHECK_JSON(weft_test_get(&app, "/users/?limit=1").body, [{ "id": 2, "name": "'; DROP TABLE users; --", "email": "bobby@example.com" }]);
    WEFT_CHECK_JSON(weft_test_get(&app, "/picked-users/?id=2&id=7&id=1").body, [{ "id": 2, "name": "'; DROP TABLE users; --", "email": "bobby@example.com" }, { "id": 1, "name": "Ada", "email": "ada@example.com" }]);
    WEFT_CHECK_STR(weft_test_get(&app, "/users.csv").body, "1,ada@example.com\n2,bobby@example.com\n");
}

WEFT_TEST(what_is_taken_unknown_or_wrong_is_told)
{
    WEFT_CHECK_EQ(make("{\"name\":\"Ada\",\"email\":\"ada@example.com\"}").status, 201);
    WEFT_CHECK_EQ(make("{\"name\":\"Other\",\"email\":\"ada@example.com\"}").status, 409);
    WEFT_CHECK_EQ(make("{\"name\":\"\",\"email\":\"b@example.com\"}").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&app, "/users/7").status, 404);
}

WEFT_TEST(a_transfer_is_whole_or_not_at_all)
{
    make("{\"name\":\"Ada\",\"email\":\"ada@example.com\"}");
    make("{\"name\":\"Ben\",\"email\":\"ben@example.com\"}");
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/payments/", NULL, 0, "{\"from\":0,\"to\":1,\"cents\":500}").status, 204);
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/transfers/", NULL, 0, "{\"from\":1,\"to\":2,\"cents\":300}").status, 204);
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/transfers/", NULL, 0, "{\"from\":1,\"to\":2,\"cents\":300}").status, 409);
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/transfers/", NULL, 0, "{\"from\":2,\"to\":1,\"cents\":300}").status, 204);
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/transfers/", NULL, 0, "{\"from\":1,\"to\":9,\"cents\":300}").status, 409);
}
