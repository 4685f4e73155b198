/* Tests of answers.c, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

static weft_response ask(const char *method, const char *path) { return weft_test_send(&app, method, path, NULL, 0, NULL); }

WEFT_TEST(a_password_is_never_answered)
{
    weft_response r = weft_test_post(&app, "/users",
        "{\"username\":\"ada\",\"email\":\"ada@example.com\",\"password\":\"correct horse\"}");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_JSON(r.body, { "id": 7, "username": "ada", "email": "ada@example.com", "full_name": null });
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/users/7");
}

WEFT_TEST(a_handler_chooses_the_status)
{
    WEFT_CHECK_EQ(ask("PUT", "/tasks/dishes").status, 200);
    WEFT_CHECK_EQ(ask("PUT", "/tasks/garden").status, 201);
}

WEFT_TEST(nothing_is_answered_as_204)
{
    weft_response r = ask("DELETE", "/users/7");
    WEFT_CHECK_EQ(r.status, 204);
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_EQ(ask("DELETE", "/users/8").status, 404);
}

WEFT_TEST(an_answer_may_lead_elsewhere)
{
    weft_response r = weft_test_get(&app, "/teleport");
    WEFT_CHECK_EQ(r.status, 307);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/page");
}

WEFT_TEST(an_answer_need_not_be_json)
{
    weft_response r = weft_test_get(&app, "/page");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/html; charset=utf-8");
    r = weft_test_get(&app, "/dot.svg");
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "image/svg+xml");
    WEFT_CHECK_STR(weft_response_header(&r, "Cache-Control"), "max-age=3600");
}
