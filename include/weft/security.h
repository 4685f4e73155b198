#ifndef WEFT_SECURITY_H
#define WEFT_SECURITY_H
/* Who asks: schemes by which clients say who they are, as providers. A scheme takes the credentials out of the request, answers
 * 401 where there are none, and stands in the documentation, where Swagger UI's Authorize asks for them. Whether they are right is
 * for a provider of yours to find out, that depends on the scheme:
 *
 *     const weft_provider scheme = WEFT_OAUTH2_PASSWORD("token", .scope_docs = WEFT_SCOPE_DOCS({ "items", "Read items." }));
 *     WEFT_INPUT(user_in, depends(weft_bearer, bearer, scheme), request(request));
 *     static int user_open(const user_in *in, User **out) { ... weft_jwt_read(Login, in->bearer->token, ...) ... }
 *
 *     WEFT_GET("/items", list_items, list_in, Items, .scopes = WEFT_SCOPES("items"))       in->user, if the token has that scope
 *
 *                                                                   Example: examples/security.c  */
#include "weft/provider.h"
#include "weft/secret.h"

/* ---- what schemes give: depends(weft_bearer, bearer, scheme) ---- */

/* Authorization: Basic, decoded: base64 of "username:password", UTF-8 without control characters. RFC 7617 */
typedef struct weft_basic { weft_str username, password; } weft_basic;

/* Authorization: Bearer, its token as it came, never empty. RFC 6750 */
typedef struct weft_bearer { weft_str token; } weft_bearer;

/* Authorization: Digest, as it came behind that word. With .secrets the scheme has looked at it: realm, nonce (good for five minutes),
 * target and the rest fit this request; whether the password is right is for weft_digest_check. RFC 7616 */
typedef struct weft_digest { weft_str credentials, username; const struct weft__digest_given *inside; } weft_digest;

/* A key in a header, a query value (decoded) or a cookie, never empty. Compare it with weft_same_secret. */
typedef struct weft_api_key { weft_str key; } weft_api_key;

/* ---- schemes ---- */

/* What a scope allows, in words: .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read who you are." }, { "items", "Read items." }). */
typedef struct weft_scope_doc { const char *name, *doc; } weft_scope_doc;
#define WEFT_SCOPE_DOCS(...) (const weft_scope_doc[]){ __VA_ARGS__, { 0 } }

/* Options of a scheme, each by name.
 * name      in the documentation, letters, digits, '.', '-' and '_'. Without it that of FastAPI's class: "HTTPBasic", "HTTPBearer",
 *           "HTTPDigest", "APIKeyHeader", "APIKeyQuery", "APIKeyCookie", "OAuth2PasswordBearer", "OAuth2AuthorizationCodeBearer", "OpenIdConnect". Two
 *           schemes of one application need two names.
 * optional  where there are no credentials of this kind, depends gives NULL instead of a 401; for a route that takes several kinds, or
 *           none. Credentials that cannot be read (Basic that is no base64) are a 401 all the same.
 * status    for requests without credentials: 401, or 403, which has no WWW-Authenticate.
 *
 * A request without credentials is answered {"detail":"Not authenticated"} with WWW-Authenticate: the name of the scheme, as FastAPI
 * does ("Basic realm=\"...\"" where there is a realm, "APIKey" for keys). */
typedef enum { WEFT__BASIC, WEFT__BEARER, WEFT__DIGEST, WEFT__KEY_HEADER, WEFT__KEY_QUERY, WEFT__KEY_COOKIE, WEFT__PASSWORD_FLOW,
    WEFT__CODE_FLOW, WEFT__OPENID } weft_security_kind;
typedef struct weft_security {
    weft_security_kind kind;         /* what the macros below write */
    const char *key;                 /* the name of the header, query value or cookie */
    const char *name, *doc;          /* doc: CommonMark */
    bool optional;
    int status;
    const char *realm;               /* Basic and Digest: what the browser shows */
    const char *bearer_format;       /* of WEFT_HTTP_BEARER, for people: "JWT" */
    const char *token_url, *authorization_url, *refresh_url, *openid_url;   /* absolute, or relative to the document's server */
    const weft_scope_doc *scope_docs;                /* of OAuth2: every scope that there is */
    const weft_secrets *secrets;     /* of Digest, with a realm: what nonces are signed with */
} weft_security;

WEFT_INPUT(weft__security_in, request(request), config(weft_security, scheme));
int weft__basic_open(const weft__security_in *in, weft_basic **out);
int weft__bearer_open(const weft__security_in *in, weft_bearer **out);
int weft__digest_open(const weft__security_in *in, weft_digest **out);
int weft__api_key_open(const weft__security_in *in, weft_api_key **out);
#define WEFT__SCHEME(T, open_, ...) WEFT_PROVIDER(T, weft__security_in, open_, NULL, .may_be_null = true, WEFT_CONFIG(weft_security, __VA_ARGS__))

/* Each is a whole provider: const weft_provider bearer = WEFT_HTTP_BEARER(.bearer_format = "JWT"); In front of the options stand the name
 * of the header, query value or cookie, or the URLs that the kind needs. Of WEFT_OAUTH2_PASSWORD the one at which a user's name and
 * password become a token: that of a route of yours, mostly, which takes form(weft_password_form, form). The others are for identity
 * providers that are not yours: weft takes the token that they gave, and does not talk to them. */
#define WEFT_HTTP_BASIC(...)  WEFT__SCHEME(weft_basic, weft__basic_open, .kind = WEFT__BASIC __VA_OPT__(,) __VA_ARGS__)
#define WEFT_HTTP_BEARER(...) WEFT__SCHEME(weft_bearer, weft__bearer_open, .kind = WEFT__BEARER __VA_OPT__(,) __VA_ARGS__)
#define WEFT_HTTP_DIGEST(...) WEFT__SCHEME(weft_digest, weft__digest_open, .kind = WEFT__DIGEST __VA_OPT__(,) __VA_ARGS__)
#define WEFT_KEY_IN_HEADER(key_, ...) WEFT__SCHEME(weft_api_key, weft__api_key_open, .kind = WEFT__KEY_HEADER, .key = key_ __VA_OPT__(,) __VA_ARGS__)
#define WEFT_KEY_IN_QUERY(key_, ...)  WEFT__SCHEME(weft_api_key, weft__api_key_open, .kind = WEFT__KEY_QUERY, .key = key_ __VA_OPT__(,) __VA_ARGS__)
#define WEFT_KEY_IN_COOKIE(key_, ...) WEFT__SCHEME(weft_api_key, weft__api_key_open, .kind = WEFT__KEY_COOKIE, .key = key_ __VA_OPT__(,) __VA_ARGS__)
#define WEFT_OAUTH2_PASSWORD(token_url_, ...) WEFT__SCHEME(weft_bearer, weft__bearer_open, .kind = WEFT__PASSWORD_FLOW, \
    .token_url = token_url_ __VA_OPT__(,) __VA_ARGS__)
#define WEFT_OAUTH2_CODE(authorization_url_, token_url_, ...) WEFT__SCHEME(weft_bearer, weft__bearer_open, .kind = WEFT__CODE_FLOW, \
    .authorization_url = authorization_url_, .token_url = token_url_ __VA_OPT__(,) __VA_ARGS__)
#define WEFT_OPENID_CONNECT(openid_url_, ...) WEFT__SCHEME(weft_bearer, weft__bearer_open, .kind = WEFT__OPENID, \
    .openid_url = openid_url_ __VA_OPT__(,) __VA_ARGS__)

/* What a client sends to the token URL of WEFT_OAUTH2_PASSWORD: RFC 6749, 4.3. `scope` has the scopes that it asks for, divided by
 * spaces; give it those of them that the user may have. The answer is {"access_token": ..., "token_type": "bearer"}. */
WEFT_MODEL(weft_password_form,
    opt  (weft_str, grant_type, .pattern = "^password$"),
    field(weft_str, username),
    field(weft_str, password),
    field(weft_str, scope, .initial = ""),
    opt  (weft_str, client_id),
    opt  (weft_str, client_secret));

/* ---- Digest ---- */

/* What is kept of a password for Digest: weft_digest_hash(.username = ..., .realm = "...", .password = ...) is SHA-256 of the three,
 * 64 letters, which live like weft_alloc's. It is no hash for passwords: who steals it can log in with it, and guess quickly. Where there is TLS, take
 * HTTP Basic or a login, and weft_password_hash. Waits: never. */
typedef struct weft_digest_user { weft__named_options_only _; weft_str username, password; const char *realm; } weft_digest_user;
#define weft_digest_hash(...) weft_digest_hash_with(&(weft_digest_user){ __VA_ARGS__ })
weft_str weft_digest_hash_with(const weft_digest_user *user);

/* Has the client the password of which this is kept? 0; WEFT_STATUS(401), recorded with a new challenge, when not, and for what is kept of
 * nobody, an empty text. SHA-256 and qop=auth alone. That the same answer comes twice within the nonce's five minutes is not noticed. WEFT_EINVAL: the scheme has
 * no .secrets. Waits: never.
 *
 *     WEFT_TRY(weft_digest_check(in->given, user ? user->digest_hash : WEFT_S("")));  */
int weft_digest_check(const weft_digest *d, weft_str kept) WEFT_NODISCARD;

/* ---- scopes ---- */

/* .scopes = WEFT_SCOPES("items", "me") of a route or a router: all of them are needed, those of the routers around too. The route must have
 * a scheme among its providers, and where that is OAuth2 and says its scopes, they must be among them: told when the program starts.
 * The handler is only called when a provider has said with weft_grant that the client has them. */
#define WEFT_SCOPES(...) (const char *const[]){ __VA_ARGS__, 0 }

/* Say what scopes the client has, divided by spaces, once it is known who it is: in the open of a provider of yours. 0; when the
 * route needs one that is not among them, WEFT_STATUS(403), recorded as {"detail":"Not enough permissions"} with WWW-Authenticate: Bearer
 * error="insufficient_scope", scope="...": pass it on. Of several grants the last one counts. Waits: never. RFC 6750, 3.1
 *
 *     WEFT_TRY(weft_grant(in->request, login.scope));  */
int weft_grant(const weft_request *request, weft_str scopes) WEFT_NODISCARD;

/* The scopes that the route of this request needs, divided by spaces; empty for none. Waits: never. */
weft_str weft_request_scopes(const weft_request *request);

/* Of the scopes that somebody asks for those that he may have, both divided by spaces: what goes into a token. It lives like
 * weft_alloc's. Waits: never. */
weft_str weft_scopes_within(weft_str asked, weft_str allowed);
#endif
