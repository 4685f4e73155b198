/* An application whose tokens come from an identity provider, and that provider, which asks nobody: ./documents-identity PORT. */
#include <stdlib.h>
#include "weft.h"

/* ---- the provider ---- */

WEFT_INPUT(authorize_in, query(weft_str, redirect_uri), query(weft_str, state), query(weft_str, client_id), query(weft_str, response_type, .only = "code"),
    query(weft_str, scope, .initial = ""));

static int authorize(const authorize_in *in, weft_reply *out)
{
    weft_str url = weft_format("%s?code=a-code-for-%s&state=%s", in->redirect_uri.ptr, in->client_id.ptr, in->state.ptr);
    return weft_reply_redirect(out, 302, url.ptr);
}

WEFT_MODEL(Exchange, field(weft_str, grant_type, .only = "authorization_code"), field(weft_str, code), field(weft_str, redirect_uri), opt(weft_str, client_id));
WEFT_MODEL(Token, field(weft_str, access_token), field(weft_str, token_type));
WEFT_INPUT(exchange_in, form(Exchange, form));

static int exchange(const exchange_in *in, Token *out)
{
    *out = (Token){ weft_format("token-of-%s", in->form.code.ptr), WEFT_S("bearer") };
    return 0;
}

/* ---- the application ---- */

static const weft_provider scheme = WEFT_OAUTH2_CODE("authorize", "exchange", .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read who you are." }));
WEFT_INPUT(who_in, depends(weft_bearer, bearer, scheme));

static int who(const who_in *in, weft_str *out)
{
    *out = in->bearer->token;
    return 0;
}

static const weft_app app = { .title = "identity", .routes = WEFT_ROUTES(
    WEFT_GET("/authorize", authorize, authorize_in, weft_reply, .undocumented = true),
    WEFT_POST("/exchange", exchange, exchange_in, Token, .undocumented = true),
    WEFT_GET("/who", who, who_in, weft_str)) };

int main(int argc, char **argv) { return weft_serve(&app, .port = argc > 1 ? atoi(argv[1]) : 8000); }
