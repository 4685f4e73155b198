/* examples/dependencies.c: who is opened when, and how it ends. */
#include "weft.h"

extern const weft_app app;
extern const weft_provider current_user;

static const weft_header ada[] = { { WEFT_S("X-Token"), WEFT_S("ada") } }, bob[] = { { WEFT_S("X-Token"), WEFT_S("bob") } };

static weft_response add(const weft_header *who, const char *json)
{
    return weft_test_send(&app, "POST", "/items/", who, who ? 1 : 0, json);
}

WEFT_TEST(what_was_added_is_kept_when_all_went_well)
{
    weft_response r = add(bob, "{\"name\":\"reed\"}");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_JSON(r.body, { "id": 3, "name": "reed", "owner": "bob" });
    WEFT_CHECK_EQ(add(bob, "{\"name\":\"knot\"}").status, 409);
    WEFT_CHECK_JSON(weft_test_get(&app, "/items/").body, [
        { "id": 1, "name": "warp", "owner": "ada" }, { "id": 2, "name": "weft", "owner": "bob" }, { "id": 3, "name": "reed", "owner": "bob" }]);
}

WEFT_TEST(a_close_turns_success_into_failure)
{
    int status = 201;
    for (int i = 0; i < 97; i++) status = add(bob, "{\"name\":\"reed\"}").status;
    WEFT_CHECK_EQ(status, 201);
    WEFT_CHECK_JSON(add(bob, "{\"name\":\"last\"}").body, { "detail": "the database is full" });
}

WEFT_TEST(who_says_not_who_he_is_is_told_so_before_anything_else)
{
    weft_response r = add(NULL, "{");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_STR(weft_response_header(&r, "WWW-Authenticate"), "Token");
}

WEFT_TEST(guards_of_a_router_are_its_routes)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/admin/status").status, 401);
    WEFT_CHECK_EQ(weft_test_send(&app, "GET", "/admin/status", bob, 1, NULL).status, 403);
    weft_response r = weft_test_send(&app, "GET", "/admin/status", ada, 1, NULL);
    WEFT_CHECK_JSON(r.body, { "sessions": 1, "items": 2 });
}

WEFT_TEST(one_function_makes_several_providers)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/find?q=a%20weft").body, { "warp": false, "weft": true });
}

/* ---- another in its place ---- */

typedef struct user { weft_str name; bool admin; } user;

static int test_user_open(const weft_none *in, user **out)
{
    static user tester = { WEFT_S("tester"), true };
    (void)in;
    *out = &tester;
    return 0;
}

static const weft_provider test_user = WEFT_PROVIDER(user, weft_none, test_user_open, NULL);

WEFT_TEST(a_test_brings_its_own_user)
{
    weft_test_override(&current_user, &test_user);
    WEFT_CHECK_EQ(weft_test_get(&app, "/admin/status").status, 200);
    WEFT_CHECK_JSON(weft_test_post(&app, "/items/", "{\"name\":\"reed\"}").body, { "id": 3, "name": "reed", "owner": "tester" });
}

WEFT_TEST(nothing_is_left_open_when_it_stops)
{
    WEFT_CHECK_EQ(weft_test_start(&app), 0);
    WEFT_CHECK_EQ(weft_test_get(&app, "/items/").status, 200);
    WEFT_CHECK_EQ(weft_test_stop(&app), 0);
}
