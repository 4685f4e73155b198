/* Who asks: bearer tokens and HTTP Basic. */
#include "pairs.h"

/* ---- bearer tokens ---- */

WEFT_MODEL(TokenShown, field(weft_str, token));
WEFT_MODEL(Authenticated, field(weft_str, message), field(weft_str, token));
WEFT_MODEL(FakeUser, field(weft_str, username), field(bool, disabled));

static const weft_provider token_scheme = WEFT_OAUTH2_PASSWORD("token");
static const weft_provider old_scheme = WEFT_HTTP_BEARER(.status = 403);

WEFT_INPUT(tokened_in, depends(weft_bearer, bearer, token_scheme));
WEFT_INPUT(old_in, depends(weft_bearer, bearer, old_scheme));

static int show_token(const tokened_in *in, TokenShown *out)
{
    out->token = in->bearer->token;
    return 0;
}

static int show_old(const old_in *in, Authenticated *out)
{
    *out = (Authenticated){ WEFT_S("You are authenticated"), in->bearer->token };
    return 0;
}

static int active_user_open(const tokened_in *in, FakeUser **out)
{
    static FakeUser users[] = { { WEFT_S("johndoe"), false }, { WEFT_S("alice"), true } };
    for (size_t i = 0; i < weft_count(users); i++) {
        if (!weft_str_equal(users[i].username, in->bearer->token)) continue;
        if (users[i].disabled) return weft_fail(400, "Inactive user");
        *out = &users[i];
        return 0;
    }
    return weft_fail_header(weft_fail(401, "Invalid authentication credentials"), "WWW-Authenticate", "Bearer");
}
static const weft_provider active_user = WEFT_PROVIDER(FakeUser, tokened_in, active_user_open, NULL);

WEFT_INPUT(me_in, depends(FakeUser, user, active_user));
static int show_me(const me_in *in, FakeUser *out)
{
    *out = *in->user;
    return 0;
}

static const fact bearers_facts[] = {
    { 80, "GET", "/items", 0, 0, 401, JSON({ "detail": "Not authenticated" }), .says = "WWW-Authenticate: Bearer" },
    { 81, "GET", "/items", "Authorization: Bearer testtoken", 0, 200, JSON({ "token": "testtoken" }) },
    { 84, "GET", "/users/me", "Authorization: Bearer alice", 0, 400, JSON({ "detail": "Inactive user" }) },
    { 93, "GET", "/me", "Authorization: Bearer secrettoken", 0, 200,
        JSON({ "message": "You are authenticated", "token": "secrettoken" }) },
    { 94, "GET", "/me", 0, 0, 403, JSON({ "detail": "Not authenticated" }) },
};
GROUP(bearers, .routes = WEFT_ROUTES(
    WEFT_GET("/items", show_token, tokened_in, TokenShown),
    WEFT_GET("/users/me", show_me, me_in, FakeUser),
    WEFT_GET("/me", show_old, old_in, Authenticated)))

/* ---- HTTP Basic ---- */

WEFT_MODEL(BasicUser, field(weft_str, username));

static const weft_provider basic_scheme = WEFT_HTTP_BASIC();
WEFT_INPUT(basic_in, depends(weft_basic, given, basic_scheme));

/* Both are compared, whatever the first has shown. */
static int show_basic(const basic_in *in, BasicUser *out)
{
    bool name = weft_same_secret(in->given->username, WEFT_S("stanleyjobson"));
    bool password = weft_same_secret(in->given->password, WEFT_S("swordfish"));
    if (!(name & password))
        return weft_fail_header(weft_fail(401, "Incorrect username or password"), "WWW-Authenticate", "Basic");
    out->username = in->given->username;
    return 0;
}

static const fact basics_facts[] = {
    { 85, "GET", "/users/me", "Authorization: Basic notabase64token", 0, 401, JSON({ "detail": "Not authenticated" }),
        .says = "WWW-Authenticate: Basic" },
    { 86, "GET", "/users/me", "Authorization: Basic YWxpY2U6c3dvcmRmaXNo", 0, 401,
        JSON({ "detail": "Incorrect username or password" }), .says = "WWW-Authenticate: Basic" },
};
GROUP(basics, .routes = WEFT_ROUTES(WEFT_GET("/users/me", show_basic, basic_in, BasicUser)))
