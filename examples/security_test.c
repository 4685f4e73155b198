/* Tests of security.c. */
#include <stdio.h>
#include <string.h>
#include <weft.h>

extern const weft_app app;
extern const weft_provider current_user;

static weft_response log_in(const char *form)
{
    const weft_header type = { WEFT_S("Content-Type"), WEFT_S("application/x-www-form-urlencoded") };
    return weft_test_send(&app, "POST", "/token", &type, 1, form);
}

/* GET with the token that this login gives. */
static weft_response get_as(const char *path, const char *form)
{
    static char value[2000];
    weft_response r = log_in(form);
    WEFT_NEED(r.status == 200);
    const char *from = strstr(r.body.ptr, "\"access_token\":\"") + 16, *to = strchr(from, '"');
    snprintf(value, sizeof value, "Bearer %.*s", (int)(to - from), from);
    const weft_header h = { WEFT_S("Authorization"), weft_str_of(value) };
    return weft_test_send(&app, "GET", path, &h, 1, NULL);
}

WEFT_TEST(a_token_opens_what_its_scopes_say)
{
    weft_response me = get_as("/users/me", "username=ann&password=secret&scope=me+items");
    WEFT_CHECK_JSON(me.body, { "username": "ann", "full_name": "Ann Loom" });
    weft_response items = get_as("/users/me/items", "username=ann&password=secret&scope=items+root");
    WEFT_CHECK_JSON(items.body, [{ "item": "Loom", "owner": "ann" }]);
}

WEFT_TEST(a_token_without_the_scope_does_not)
{
    weft_response r = get_as("/users/me/items", "username=ann&password=secret&scope=me");
    WEFT_CHECK_EQ(r.status, 403);
    WEFT_CHECK_JSON(r.body, { "detail": "Not enough permissions" });
    WEFT_CHECK_STR(weft_response_header(&r, "WWW-Authenticate"), "Bearer error=\"insufficient_scope\", scope=\"items\"");
}

WEFT_TEST(who_is_disabled_is_told_so)
{
    weft_response r = get_as("/users/me", "username=alice&password=wonderland&scope=me");
    WEFT_CHECK_EQ(r.status, 400);
    WEFT_CHECK_JSON(r.body, { "detail": "Inactive user" });
}

WEFT_TEST(a_wrong_password_and_an_unknown_name_are_told_the_same)
{
    weft_response wrong = log_in("username=ann&password=guess"), unknown = log_in("username=eve&password=secret");
    WEFT_CHECK_EQ(wrong.status, 401);
    WEFT_CHECK_EQ(unknown.status, 401);
    WEFT_CHECK_JSON(wrong.body, { "detail": "Incorrect username or password" });
    WEFT_CHECK(weft_str_equal(wrong.body, unknown.body));
}

WEFT_TEST(without_a_token_and_with_a_bad_one_nothing_opens)
{
    weft_response r = weft_test_get(&app, "/users/me");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_JSON(r.body, { "detail": "Not authenticated" });
    const weft_header bad = { WEFT_S("Authorization"), WEFT_S("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.") };
    r = weft_test_send(&app, "GET", "/users/me", &bad, 1, NULL);
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_JSON(r.body, { "detail": "Could not validate credentials" });
}

WEFT_TEST(a_program_has_a_key)
{
    const weft_header good = { WEFT_S("X-API-Key"), WEFT_S("a-key-for-the-reporter") }, bad = { WEFT_S("X-API-Key"), WEFT_S("a-key") };
    WEFT_CHECK_STR(weft_test_send(&app, "GET", "/report", &good, 1, NULL).body, "\"all is well\"");
    WEFT_CHECK_EQ(weft_test_send(&app, "GET", "/report", &bad, 1, NULL).status, 403);
    WEFT_CHECK_EQ(weft_test_get(&app, "/report").status, 401);
}

WEFT_TEST(a_browser_is_asked_for_a_password)
{
    weft_response r = weft_test_get(&app, "/back-room");
    WEFT_CHECK_STR(weft_response_header(&r, "WWW-Authenticate"), "Basic realm=\"the back room\"");
    const weft_header good = { WEFT_S("Authorization"), WEFT_S("Basic c3RhbmxleTpzd29yZGZpc2g=") };
    WEFT_CHECK_EQ(weft_test_send(&app, "GET", "/back-room", &good, 1, NULL).status, 200);
}

/* Who is not interested in logins replaces the user. */
typedef struct user { weft_str name, full_name, password_hash, scopes; bool disabled; } user;
WEFT_INPUT(bob_in, request(request));

static int bob_open(const bob_in *in, user **out)
{
    static user bob = { .name = WEFT_S("bob"), .full_name = WEFT_S("Bob") };
    WEFT_TRY(weft_grant(in->request, weft_request_scopes(in->request)));
    *out = &bob;
    return 0;
}

static const weft_provider bob = WEFT_PROVIDER(user, bob_in, bob_open, NULL);

WEFT_TEST(somebody_else_is_logged_in)
{
    weft_test_override(&current_user, &bob);
    WEFT_CHECK_JSON(weft_test_get(&app, "/users/me").body, { "username": "bob", "full_name": "Bob" });
}
