/* Who asks: a login that issues a token, and a route that needs the token's scope. */
#include "login.h"
#include <stdio.h>
#include "before.h"

/* ---- the key that tokens are signed with: made when the showcase starts, and gone with it ---- */

static char secret[64];

int login_prepare(void)
{
    bool ours;
    const char *before = before_find("WEFT_SHOWCASE_SECRET", &ours);
    weft_str made = before ? weft_str_of(before) : weft_random_token(32);
    snprintf(secret, sizeof secret, "%.*s", WEFT_FMT(made));
    return made.len && before_leave("WEFT_SHOWCASE_SECRET", secret) ? 0 : WEFT_ENOMEM;
}

static int key_open(const weft_none *in, weft_jwt_key **out)
{
    (void)in;
    return weft_jwt_key_open(WEFT_JWT_HS256, weft_str_of(secret), out);
}

static int key_close(weft_jwt_key *key, int rc)
{
    weft_jwt_key_close(key);
    return rc;
}

static const weft_provider key = WEFT_PROVIDER(weft_jwt_key, weft_none, key_open, key_close, .per = WEFT_PER_WORKER);

/* ---- POST /token ---- */

WEFT_MODEL(Token, field(weft_str, access_token), field(weft_str, token_type));
WEFT_MODEL(Login, field(weft_str, sub), field(weft_str, scope));
WEFT_INPUT(login_in, form(weft_password_form, form), depends(weft_jwt_key, key, key));

/* The only one who can log in: ann, with the password "secret". */
static const weft_str ann = WEFT_S("ann");
static const weft_str hash_of_secret = WEFT_S("$argon2id$v=19$m=65536,t=2,p=1$RP+LJsw3U+LrWbzAbcGAMA$7NiYExOwcw5jP1+5wNEyG0i1mlraQXi2py/RaI8uS+U");

static int login(const login_in *in, Token *out)
{
    bool known = weft_str_equal(in->form.username, ann);
    int right = weft_password_check(in->form.password, known ? hash_of_secret : WEFT_S(""));
    WEFT_TRY(right);
    if (!right) return weft_fail_header(weft_fail(401, "Incorrect username or password"), "WWW-Authenticate", "Bearer");
    Login claims = { .sub = ann, .scope = weft_scopes_within(in->form.scope, WEFT_S("me items")) };
    WEFT_TRY(weft_jwt_write(Login, &claims, &out->access_token, .key = in->key, .expires_in_s = 1800));
    out->token_type = WEFT_S("bearer");
    return 0;
}

/* ---- GET /me ---- */

static const weft_provider scheme = WEFT_OAUTH2_PASSWORD("token", .doc = "Try the name `ann` with the password `secret`.",
    .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read who you are." }, { "items", "Read items." }));

WEFT_INPUT(bearer_in, depends(weft_bearer, bearer, scheme), depends(weft_jwt_key, key, key), request(request));

static int bearer_open(const bearer_in *in, Login **out)
{
    Login *login_ = weft_new(Login);
    if (!login_) return WEFT_ENOMEM;
    WEFT_TRY(weft_jwt_read(Login, in->bearer->token, login_, .key = in->key));
    WEFT_TRY(weft_grant(in->request, login_->scope));
    *out = login_;
    return 0;
}

static const weft_provider who = WEFT_PROVIDER(Login, bearer_in, bearer_open, NULL);
WEFT_MODEL(Me, field(weft_str, username), field(weft_str, scopes));
WEFT_INPUT(me_in, depends(Login, login, who));

static int me(const me_in *in, Me *out)
{
    *out = (Me){ in->login->sub, in->login->scope };
    return 0;
}

const weft_router login_routes = {
    .tag = "login",
    .routes = WEFT_ROUTES(
        WEFT_POST("/token", login, login_in, Token, .summary = "A name and a password for a token"),
        WEFT_GET("/me", me, me_in, Me, .scopes = WEFT_SCOPES("me"), .summary = "Whose token this is")),
};
