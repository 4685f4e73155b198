/* Who asks: names and passwords become tokens, tokens have scopes, routes say which they need. Beside them a key for programs, and a
 * page that a browser asks a password for. Try it at /docs: Authorize, ann, secret. */
#include <stdlib.h>
#include <string.h>
#include <weft.h>

/* ---- users, as a database has them ---- */

typedef struct user { weft_str name, full_name, password_hash, scopes; bool disabled; } user;

/* Of "secret" and of "wonderland", as weft_password_hash makes them. */
#define HASH_OF_SECRET "$argon2id$v=19$m=65536,t=2,p=1$RP+LJsw3U+LrWbzAbcGAMA$7NiYExOwcw5jP1+5wNEyG0i1mlraQXi2py/RaI8uS+U"
#define HASH_OF_WONDERLAND "$argon2id$v=19$m=65536,t=2,p=1$d5+tcamu3D1v70UQ/nUVRg$eXNvH836Yvbm+0etc/5yWR3bFvgi98jP7Gj/ajMKvH0"

static user users[] = {
    { WEFT_S("ann"), WEFT_S("Ann Loom"), WEFT_S(HASH_OF_SECRET), WEFT_S("me items"), false },
    { WEFT_S("alice"), WEFT_S("Alice Weaver"), WEFT_S(HASH_OF_WONDERLAND), WEFT_S("me"), true },
};

static user *find_user(weft_str name)
{
    for (size_t i = 0; i < weft_count(users); i++)
        if (weft_str_equal(users[i].name, name)) return &users[i];
    return NULL;
}

/* ---- the key that tokens are signed with: one for the whole program ---- */

static int key_open(const weft_none *in, weft_jwt_key **out)
{
    (void)in;
    const char *secret = getenv("EXAMPLE_SECRET");
    return weft_jwt_key_open(WEFT_JWT_HS256, secret ? weft_str_of(secret) : weft_random_token(32), out);
}

static int key_close(weft_jwt_key *key, int rc)
{
    weft_jwt_key_close(key);
    return rc;
}

static const weft_provider key = WEFT_PROVIDER(weft_jwt_key, weft_none, key_open, key_close, .per = WEFT_PER_WORKER);

/* ---- POST /token: a name and a password for a token ---- */

WEFT_MODEL(Token, field(weft_str, access_token), field(weft_str, token_type));
WEFT_MODEL(Login, field(weft_str, sub), field(weft_str, scope));
WEFT_INPUT(login_in, form(weft_password_form, form), depends(weft_jwt_key, key, key));

static int login(const login_in *in, Token *out)
{
    const user *u = find_user(in->form.username);
    int right = weft_password_check(in->form.password, u ? u->password_hash : WEFT_S(""));
    WEFT_TRY(right);
    if (!right) return weft_fail_header(weft_fail(401, "Incorrect username or password"), "WWW-Authenticate", "Bearer");
    Login claims = { .sub = u->name, .scope = weft_scopes_within(in->form.scope, u->scopes) };
    WEFT_TRY(weft_jwt_write(Login, &claims, &out->access_token, .key = in->key, .expires_in_s = 1800));
    out->token_type = WEFT_S("bearer");
    return 0;
}

/* ---- who asks: the scheme takes the token out of the request, the provider behind it finds out whose it is ---- */

static const weft_provider scheme = WEFT_OAUTH2_PASSWORD("token",
    .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read who you are." }, { "items", "Read your items." }));

WEFT_INPUT(user_in, depends(weft_bearer, bearer, scheme), depends(weft_jwt_key, key, key), request(request));

static int user_open(const user_in *in, user **out)
{
    Login claims;
    WEFT_TRY(weft_jwt_read(Login, in->bearer->token, &claims, .key = in->key));
    WEFT_TRY(weft_grant(in->request, claims.scope));
    user *u = find_user(claims.sub);
    if (!u) return weft_fail_header(weft_fail(401, "Could not validate credentials"), "WWW-Authenticate", "Bearer");
    if (u->disabled) return weft_fail(400, "Inactive user");
    *out = u;
    return 0;
}

const weft_provider current_user = WEFT_PROVIDER(user, user_in, user_open, NULL);

/* ---- routes that need to know ---- */

WEFT_MODEL(Profile, field(weft_str, username), field(weft_str, full_name));
WEFT_MODEL(Owned, field(weft_str, item), field(weft_str, owner));
WEFT_INPUT(me_in, depends(user, user, current_user));

static int read_me(const me_in *in, Profile *out)
{
    *out = (Profile){ in->user->name, in->user->full_name };
    return 0;
}

static int read_items(const me_in *in, weft_list_Owned *out)
{
    weft_push(out, (Owned){ WEFT_S("Loom"), in->user->name });
    return 0;
}

/* ---- a key for programs ---- */

static const weft_provider api_key = WEFT_KEY_IN_HEADER("X-API-Key");

WEFT_INPUT(report_in, depends(weft_api_key, given, api_key));

static int report(const report_in *in, weft_str *out)
{
    if (!weft_same_secret(in->given->key, WEFT_S("a-key-for-the-reporter"))) return weft_fail(403, "This key is not known");
    *out = WEFT_S("all is well");
    return 0;
}

/* ---- a page that the browser asks a password for ---- */

static const weft_provider basic = WEFT_HTTP_BASIC(.realm = "the back room");

WEFT_INPUT(back_room_in, depends(weft_basic, given, basic));

static int back_room(const back_room_in *in, weft_reply *out)
{
    bool name = weft_same_secret(in->given->username, WEFT_S("stanley"));
    bool password = weft_same_secret(in->given->password, WEFT_S("swordfish"));
    if (!name || !password)
        return weft_fail_header(weft_fail(401, "Incorrect username or password"), "WWW-Authenticate", "Basic realm=\"the back room\"");
    return weft_reply_html(out, WEFT_S("<!doctype html><title>The back room</title><p>Welcome."));
}

const weft_app app = {
    .title = "security",
    .routes = WEFT_ROUTES(
        WEFT_POST("/token", login, login_in, Token),
        WEFT_GET("/users/me", read_me, me_in, Profile, .scopes = WEFT_SCOPES("me")),
        WEFT_GET("/users/me/items", read_items, me_in, weft_list_Owned, .scopes = WEFT_SCOPES("items")),
        WEFT_GET("/report", report, report_in, weft_str),
        WEFT_GET("/back-room", back_room, back_room_in, weft_reply)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
