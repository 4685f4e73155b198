/* Security schemes: what of requests is taken for credentials, what is answered without them, scopes, faults, the document. */
#include <stdio.h>
#include "faults.h"
#include "weft.h"

WEFT_INPUT(nothing_in, request(request));

/* ---- what each scheme gives ---- */

static const weft_provider basic = WEFT_HTTP_BASIC(.realm = "the shop");
static const weft_provider bearer = WEFT_HTTP_BEARER(.bearer_format = "JWT", .doc = "From /token.");
static const weft_provider digest = WEFT_HTTP_DIGEST();
static const weft_provider header_key = WEFT_KEY_IN_HEADER("X-API-Key");
static const weft_provider query_key = WEFT_KEY_IN_QUERY("api key");
static const weft_provider cookie_key = WEFT_KEY_IN_COOKIE("session");
static const weft_provider code = WEFT_OAUTH2_CODE("https://id.example/authorize", "https://id.example/token", .refresh_url = "https://id.example/again",
    .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read who you are." }));
static const weft_provider openid = WEFT_OPENID_CONNECT("https://id.example/.well-known/openid-configuration");
static const weft_provider maybe = WEFT_HTTP_BEARER(.name = "maybe", .optional = true);
static const weft_provider maybe_basic = WEFT_HTTP_BASIC(.name = "maybe-basic", .optional = true);

WEFT_INPUT(basic_in, depends(weft_basic, given, basic));
WEFT_INPUT(bearer_in, depends(weft_bearer, given, bearer));
WEFT_INPUT(digest_in, depends(weft_digest, given, digest));
WEFT_INPUT(header_in, depends(weft_api_key, given, header_key));
WEFT_INPUT(query_in, depends(weft_api_key, given, query_key));
WEFT_INPUT(cookie_in, depends(weft_api_key, given, cookie_key));
WEFT_INPUT(code_in, depends(weft_bearer, given, code));
WEFT_INPUT(openid_in, depends(weft_bearer, given, openid));
WEFT_INPUT(maybe_in, depends(weft_bearer, token, maybe), depends(weft_basic, user, maybe_basic));

static int tell_basic(const basic_in *in, weft_str *out) { *out = weft_format("%s|%s", in->given->username.ptr, in->given->password.ptr); return 0; }
static int tell_bearer(const bearer_in *in, weft_str *out) { *out = in->given->token; return 0; }
static int tell_digest(const digest_in *in, weft_str *out) { *out = in->given->credentials; return 0; }
static int tell_header(const header_in *in, weft_str *out) { *out = in->given->key; return 0; }
static int tell_query(const query_in *in, weft_str *out) { *out = in->given->key; return 0; }
static int tell_cookie(const cookie_in *in, weft_str *out) { *out = in->given->key; return 0; }
static int tell_code(const code_in *in, weft_str *out) { *out = in->given->token; return 0; }
static int tell_openid(const openid_in *in, weft_str *out) { *out = in->given->token; return 0; }
static int tell_maybe(const maybe_in *in, weft_str *out)
{
    *out = in->token ? in->token->token : in->user ? in->user->username : WEFT_S("nobody");
    return 0;
}

static const weft_app all = { .title = "all", .routes = WEFT_ROUTES(
    WEFT_GET("/basic", tell_basic, basic_in, weft_str), WEFT_GET("/bearer", tell_bearer, bearer_in, weft_str),
    WEFT_GET("/digest", tell_digest, digest_in, weft_str), WEFT_GET("/header", tell_header, header_in, weft_str),
    WEFT_GET("/query", tell_query, query_in, weft_str), WEFT_GET("/cookie", tell_cookie, cookie_in, weft_str),
    WEFT_GET("/code", tell_code, code_in, weft_str, .scopes = WEFT_SCOPES("me")), WEFT_GET("/openid", tell_openid, openid_in, weft_str),
    WEFT_GET("/maybe", tell_maybe, maybe_in, weft_str)) };

static weft_response with(const char *path, const char *name, const char *value)
{
    weft_header h = { weft_str_of(name), weft_str_of(value) };
    return weft_test_send(&all, "GET", path, &h, 1, NULL);
}

/* The body, or the status as a text and the challenge. */
static weft_str told(const char *path, const char *name, const char *value)
{
    static char text[300];
    weft_response r = with(path, name, value);
    weft_str challenge = weft_response_header(&r, "WWW-Authenticate");
    if (r.status == 200) return r.body;
    snprintf(text, sizeof text, "%d %.*s", r.status, WEFT_FMT(challenge));
    return weft_str_of(text);
}

#define TELLS(path, name, value, expected) WEFT_CHECK_STR(told((path), (name), (value)), expected)
#define AUTH "Authorization"

WEFT_TEST(basic_gives_name_and_password)
{
    TELLS("/basic", AUTH, "Basic YW5uOnNlY3JldA==", "\"ann|secret\"");
    TELLS("/basic", AUTH, "bAsIc YW5uOnNlY3JldA", "\"ann|secret\"");
    TELLS("/basic", AUTH, "Basic    YW5uOnNlY3JldA==", "\"ann|secret\"");
    TELLS("/basic", AUTH, "Basic YW5uOmE6Yg==", "\"ann|a:b\"");
    TELLS("/basic", AUTH, "Basic Og==", "\"|\"");
    TELLS("/basic", AUTH, "Basic asOpOsOp", "\"j\xc3\xa9|\xc3\xa9\"");
}

WEFT_TEST(what_is_no_basic_is_refused)
{
    static const char *const bad[] = { "", "Basic", "Basic ", "Basic YW5u", "Basic !!!!", "Basic YW5uOnNlY3JldA= =", "Basic //86/w==",
        "Basic YQA6Yg==", "Basic YQo6Yg==", "Bearer YW5uOnNlY3JldA==", "BasicYW5uOnNlY3JldA==", "YW5uOnNlY3JldA==", "Basic notabase64token" };
    for (size_t i = 0; i < weft_count(bad); i++) TELLS("/basic", AUTH, bad[i], "401 Basic realm=\"the shop\"");
}

WEFT_TEST(bearer_gives_the_token_as_it_came)
{
    TELLS("/bearer", AUTH, "Bearer a.b-c_d~e+f/g=", "\"a.b-c_d~e+f/g=\"");
    TELLS("/bearer", AUTH, "bearer  two words ", "\"two words\"");
    TELLS("/bearer", AUTH, "Bearer", "401 Bearer");
    TELLS("/bearer", AUTH, "Bearer ", "401 Bearer");
    TELLS("/bearer", AUTH, "Basic YW5uOnNlY3JldA==", "401 Bearer");
    TELLS("/bearer", "X-Other", "Bearer x", "401 Bearer");
    TELLS("/code", AUTH, "Basic x", "401 Bearer");
    TELLS("/openid", AUTH, "Bearer x", "\"x\"");
    TELLS("/openid", AUTH, "x", "401 Bearer");
}

WEFT_TEST(digest_gives_what_came)
{
    TELLS("/digest", AUTH, "Digest username=\"ann\", nonce=\"n\"", "\"username=\\\"ann\\\", nonce=\\\"n\\\"\"");
    TELLS("/digest", AUTH, "Bearer x", "401 Digest");
}

WEFT_TEST(keys_come_in_headers_queries_and_cookies)
{
    TELLS("/header", "x-api-key", "k 1", "\"k 1\"");
    TELLS("/header", "X-API-Key", "", "401 APIKey");
    TELLS("/header", AUTH, "k", "401 APIKey");
    TELLS("/query?other=1&api+key=k%2F1&api%20key=2", AUTH, "x", "\"k/1\"");
    TELLS("/query?api%20key=", AUTH, "x", "401 APIKey");
    TELLS("/query?api%20key=%ff", AUTH, "x", "401 APIKey");
    TELLS("/query?apikey=1&%zz=1", AUTH, "x", "401 APIKey");
    TELLS("/query", AUTH, "x", "401 APIKey");
    TELLS("/cookie", "Cookie", "a=1; session=\"k 1\"; session=2", "\"k 1\"");
    TELLS("/cookie", "Cookie", "sessio=1; session=", "401 APIKey");
    TELLS("/cookie", "X-Cookie", "session=1", "401 APIKey");
}

WEFT_TEST(an_optional_scheme_gives_nothing_where_nothing_is)
{
    TELLS("/maybe", "X-Other", "1", "\"nobody\"");
    TELLS("/maybe", AUTH, "Bearer t", "\"t\"");
    TELLS("/maybe", AUTH, "Basic YW5uOnNlY3JldA==", "\"ann\"");
    TELLS("/maybe", AUTH, "Basic !", "401 Basic");
}

WEFT_TEST(who_is_not_authenticated_is_told_so_in_fastapis_words)
{
    WEFT_CHECK_JSON(with("/header", "X-Other", "1").body, { "detail": "Not authenticated" });
}

/* ---- scopes ---- */

static const weft_provider scheme = WEFT_OAUTH2_PASSWORD("token",
    .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read who you are." }, { "items", "Read items." }, { "items:write", "Change items." }));

/* The token is the scopes that it has. */
WEFT_INPUT(user_in, depends(weft_bearer, bearer, scheme), request(request));
typedef struct person { weft_str needed; } person;
static int person_open(const user_in *in, person **out)
{
    person *p = weft_new(person);
    if (!p) return WEFT_ENOMEM;
    p->needed = weft_request_scopes(in->request);
    if (weft_str_equal(in->bearer->token, WEFT_S("forgetful"))) *out = p;
    if (*out) return 0;
    WEFT_TRY(weft_grant(in->request, in->bearer->token));
    *out = p;
    return 0;
}
static const weft_provider user = WEFT_PROVIDER(person, user_in, person_open, NULL);
WEFT_INPUT(person_in, depends(person, user, user));

static int needed(const person_in *in, weft_str *out) { *out = in->user->needed; return 0; }

static const weft_router items = { .prefix = "/items", .scopes = WEFT_SCOPES("items"), .routes = WEFT_ROUTES(
    WEFT_GET("", needed, person_in, weft_str),
    WEFT_PUT("", needed, person_in, weft_str, .scopes = WEFT_SCOPES("items:write", "items"))) };
static const weft_app scoped = { .routers = WEFT_ROUTERS(&items), .routes = WEFT_ROUTES(
    WEFT_GET("/me", needed, person_in, weft_str, .scopes = WEFT_SCOPES("me")),
    WEFT_GET("/open", needed, person_in, weft_str)) };

static weft_response ask_with(const weft_app *app, const char *method, const char *path, const char *scopes)
{
    char value[200];
    snprintf(value, sizeof value, "Bearer %s", scopes);
    weft_header h = { WEFT_S("Authorization"), weft_str_of(value) };
    return weft_test_send(app, method, path, &h, 1, NULL);
}

WEFT_TEST(a_handler_is_called_when_all_scopes_of_its_route_are_granted)
{
    WEFT_CHECK_STR(ask_with(&scoped, "GET", "/me", "items me").body, "\"me\"");
    WEFT_CHECK_STR(ask_with(&scoped, "GET", "/items", "items").body, "\"items\"");
    WEFT_CHECK_STR(ask_with(&scoped, "PUT", "/items", "items:write  items").body, "\"items items:write\"");
    WEFT_CHECK_STR(ask_with(&scoped, "GET", "/open", "anything").body, "\"\"");
}

WEFT_TEST(a_scope_that_is_not_granted_is_a_403_that_names_those_needed)
{
    static const struct { const char *method, *path, *has; } rows[] = { { "PUT", "/items", "items" }, { "PUT", "/items", "items:write" },
        { "PUT", "/items", "item items:writ items:write2" }, { "PUT", "/items", "itemsitems:write" } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft_response r = ask_with(&scoped, rows[i].method, rows[i].path, rows[i].has);
        WEFT_CHECK_EQ(r.status, 403);
        WEFT_CHECK_JSON(r.body, { "detail": "Not enough permissions" });
        WEFT_CHECK_STR(weft_response_header(&r, "WWW-Authenticate"), "Bearer error=\"insufficient_scope\", scope=\"items items:write\"");
    }
    WEFT_CHECK_EQ(weft_test_get(&scoped, "/me").status, 401);
}

/* A provider that forgets to look must not open what it guards. */
WEFT_TEST(a_route_that_needs_scopes_stays_shut_when_nobody_grants_them)
{
    WEFT_CHECK_EQ(ask_with(&scoped, "GET", "/me", "forgetful").status, 403);
    WEFT_CHECK_EQ(ask_with(&scoped, "GET", "/open", "forgetful").status, 200);
}

static int words(void)
{
    WEFT_CHECK_STR(weft_scopes_within(WEFT_S("me items  root me"), WEFT_S("items me")), "me items");
    WEFT_CHECK_STR(weft_scopes_within(WEFT_S(""), WEFT_S("items me")), "");
    WEFT_CHECK_STR(weft_scopes_within((weft_str){ 0 }, (weft_str){ 0 }), "");
    WEFT_CHECK_STR(weft_scopes_within(WEFT_S("item itemss"), WEFT_S("items")), "");
    return 0;
}

WEFT_TEST(nobody_is_given_scopes_that_he_may_not_have) { WEFT_CHECK_EQ(weft_test_run(words), 0); }

/* In tests: who depends on the scheme is replaced, and the scheme goes with it. */
WEFT_INPUT(stand_in_in, request(request));
static int stand_in_open(const stand_in_in *in, person **out)
{
    static person p = { WEFT_S("stand-in") };
    WEFT_TRY(weft_grant(in->request, weft_request_scopes(in->request)));
    *out = &p;
    return 0;
}
static const weft_provider stand_in = WEFT_PROVIDER(person, stand_in_in, stand_in_open, NULL);

WEFT_TEST(a_user_can_be_replaced_in_tests)
{
    weft_test_override(&user, &stand_in);
    WEFT_CHECK_STR(weft_test_get(&scoped, "/me").body, "\"stand-in\"");
}

/* ---- faults ---- */

#define ONE(in_, handler_, ...) ((const weft_app){ .routes = WEFT_ROUTES(WEFT_GET("/x", handler_, in_, weft_str, __VA_ARGS__)) })
static int plain(const nothing_in *in, weft_str *out) { (void)in; *out = WEFT_S(""); return 0; }

WEFT_TEST(scopes_without_a_scheme_are_told_at_the_start)
{
    FAULTS(ONE(nothing_in, plain, .scopes = WEFT_SCOPES("me")),
        "route GET /x: it needs the scope 'me', and none of its providers is a security scheme (weft/security.h)\n");
}

WEFT_TEST(a_scope_that_the_scheme_does_not_know_is_told_at_the_start)
{
    FAULTS(ONE(person_in, needed, .scopes = WEFT_SCOPES("itmes")),
        "route GET /x: it needs the scope 'itmes', which is not among the .scope_docs of its security scheme\n");
    FAULTS(ONE(bearer_in, tell_bearer, .scopes = WEFT_SCOPES("any:thing")), "");
    FAULTS(ONE(bearer_in, tell_bearer, .scopes = WEFT_SCOPES("two words")),
        "route GET /x: 'two words' is no scope; expected visible ASCII without quotes\n");
}

#define SCHEME_FAULT(scheme_, text) do { \
    const weft_provider p = scheme_; \
    const weft_provider *const list[] = { &p, NULL }; \
    FAULTS(ONE(nothing_in, plain, .depends = list), text); } while (0)

WEFT_TEST(schemes_that_lack_something_are_told_at_the_start)
{
    SCHEME_FAULT(WEFT_OAUTH2_PASSWORD(""), "route GET /x: security scheme 'OAuth2PasswordBearer' lacks its token URL\n");
    SCHEME_FAULT(WEFT_OAUTH2_CODE(NULL, "t"), "route GET /x: security scheme 'OAuth2AuthorizationCodeBearer' lacks its authorization URL\n");
    SCHEME_FAULT(WEFT_OPENID_CONNECT(""), "route GET /x: security scheme 'OpenIdConnect' lacks its OpenID URL\n");
    SCHEME_FAULT(WEFT_KEY_IN_QUERY(""), "route GET /x: security scheme 'APIKeyQuery' lacks the name of its header, query value or cookie\n");
    SCHEME_FAULT(WEFT_KEY_IN_HEADER("a b"), "route GET /x: security scheme 'APIKeyHeader': 'a b' is no name of a header\n");
    SCHEME_FAULT(WEFT_HTTP_BASIC(.name = "a b"), "route GET /x: security scheme 'a b': a name is letters, digits, '.', '-' and '_'\n");
    SCHEME_FAULT(WEFT_HTTP_BASIC(.status = 404), "route GET /x: security scheme 'HTTPBasic' has .status = 404; expected 401 or 403\n");
    SCHEME_FAULT(WEFT_HTTP_BASIC(.realm = "a\"b"), "route GET /x: security scheme 'HTTPBasic': its realm has a quote, a backslash or an end of line\n");
    SCHEME_FAULT(WEFT_HTTP_BEARER(.scope_docs = WEFT_SCOPE_DOCS({ "a", "b" })), "route GET /x: security scheme 'HTTPBearer' has .scope_docs, which are OAuth2's\n");
    SCHEME_FAULT(WEFT_OAUTH2_PASSWORD("t", .scope_docs = WEFT_SCOPE_DOCS({ "a b", "c" })),
        "route GET /x: security scheme 'OAuth2PasswordBearer': 'a b' is no scope; expected visible ASCII without quotes\n");
}

static const weft_provider second_key = WEFT_KEY_IN_HEADER("X-Other-Key");
WEFT_INPUT(second_in, depends(weft_api_key, given, second_key));
WEFT_INPUT(both_in, depends(weft_api_key, given, header_key), depends(weft_api_key, second, second_key));
static int tell_second(const second_in *in, weft_str *out) { *out = in->given->key; return 0; }
static int tell_both(const both_in *in, weft_str *out) { *out = in->given->key; return 0; }

static const weft_app two = { .routes = WEFT_ROUTES(WEFT_GET("/a", tell_header, header_in, weft_str),
    WEFT_GET("/b", tell_header, header_in, weft_str), WEFT_GET("/c", tell_second, second_in, weft_str)) };

WEFT_TEST(two_schemes_of_one_name_are_told_at_the_start)
{
    FAULTS(two, "route GET /c: another security scheme than that of GET /a has the name 'APIKeyHeader' too; give one a .name\n");
    WEFT_CHECK(strstr(faults_of(&ONE(both_in, tell_both)), "has the name 'APIKeyHeader' too") != NULL);
}

/* ---- the document ---- */

static bool document_has(const weft_app *app, const char *text)
{
    weft_response r = weft_test_get(app, "/openapi.json");
    bool has = strstr(r.body.ptr, text) != NULL;
    if (!has) weft__check_fail(__FILE__, __LINE__, "not in the document: %s\n%.3000s", text, r.body.ptr);
    return has;
}

WEFT_TEST(schemes_stand_in_the_document_as_fastapi_writes_them)
{
    static const char *const parts[] = {
        "\"HTTPBasic\":{\"type\":\"http\",\"scheme\":\"basic\"}",
        "\"HTTPBearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\",\"description\":\"From /token.\"}",
        "\"HTTPDigest\":{\"type\":\"http\",\"scheme\":\"digest\"}",
        "\"APIKeyHeader\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}",
        "\"APIKeyQuery\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"api key\"}",
        "\"APIKeyCookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"session\"}",
        ("\"OAuth2AuthorizationCodeBearer\":{\"type\":\"oauth2\",\"flows\":{\"authorizationCode\":{\"authorizationUrl\":\"https://id.example/authorize\","
            "\"tokenUrl\":\"https://id.example/token\",\"refreshUrl\":\"https://id.example/again\",\"scopes\":{\"me\":\"Read who you are.\"}}}}"),
        "\"OpenIdConnect\":{\"type\":\"openIdConnect\",\"openIdConnectUrl\":\"https://id.example/.well-known/openid-configuration\"}",
        "\"security\":[{\"OAuth2AuthorizationCodeBearer\":[\"me\"]}]", "\"security\":[{\"HTTPBasic\":[]}]",
        "\"security\":[{\"maybe\":[]},{\"maybe-basic\":[]}]" };
    for (size_t i = 0; i < weft_count(parts); i++) document_has(&all, parts[i]);
}

WEFT_TEST(scopes_of_routers_and_routes_stand_in_the_document)
{
    document_has(&scoped, "\"security\":[{\"OAuth2PasswordBearer\":[\"items\",\"items:write\"]}]");
    document_has(&scoped, "\"security\":[{\"OAuth2PasswordBearer\":[]}]");
    document_has(&scoped, "\"securitySchemes\":{\"OAuth2PasswordBearer\":{\"type\":\"oauth2\",\"flows\":{\"password\":{\"tokenUrl\":\"token\",\"scopes\":{"
        "\"me\":\"Read who you are.\",\"items\":\"Read items.\",\"items:write\":\"Change items.\"}}}}}");
}

static const weft_provider named = WEFT_KEY_IN_HEADER("X-Second", .name = "second");
static const weft_app doubly = { .routes = WEFT_ROUTES(WEFT_GET("/x", tell_header, header_in, weft_str, .depends = WEFT_DEPENDS(&named))) };

WEFT_TEST(schemes_that_must_all_be_there_are_one_requirement)
{
    document_has(&doubly, "\"security\":[{\"second\":[],\"APIKeyHeader\":[]}]");
}

WEFT_TEST(the_page_may_ask_where_tokens_come_from)
{
    weft_response r = weft_test_get(&all, "/docs");
    WEFT_CHECK(strstr(weft_response_header(&r, "Content-Security-Policy").ptr, "connect-src 'self' https://id.example; base-uri") != NULL);
    WEFT_CHECK(strstr(r.body.ptr, "data-redirect=\"./docs/oauth2-redirect\"") != NULL);
    r = weft_test_get(&scoped, "/docs");
    WEFT_CHECK(strstr(weft_response_header(&r, "Content-Security-Policy").ptr, "connect-src 'self'; base-uri") != NULL);
    r = weft_test_get(&all, "/docs/oauth2-redirect");
    WEFT_CHECK(strstr(r.body.ptr, "./oauth2-redirect.js") != NULL);
    WEFT_CHECK(strstr(weft_response_header(&r, "Content-Security-Policy").ptr, "script-src 'self'") != NULL);
    WEFT_CHECK_EQ(weft_test_get(&all, "/docs/oauth2-redirect.js").status, 200);
}

/* ---- the form of a login ---- */

WEFT_INPUT(login_in, form(weft_password_form, form));
static int login(const login_in *in, weft_str *out)
{
    *out = weft_format("%s|%s|%s", in->form.username.ptr, in->form.password.ptr, in->form.scope.ptr);
    return 0;
}
static const weft_app logins = { .routes = WEFT_ROUTES(WEFT_POST("/token", login, login_in, weft_str)) };

static weft_response post_form(const char *body)
{
    weft_header h = { WEFT_S("Content-Type"), WEFT_S("application/x-www-form-urlencoded") };
    return weft_test_send(&logins, "POST", "/token", &h, 1, body);
}

WEFT_TEST(a_login_takes_what_oauth2_sends)
{
    WEFT_CHECK_STR(post_form("grant_type=password&username=ann&password=a+b&scope=me+items&client_id=x&client_secret=y").body, "\"ann|a b|me items\"");
    WEFT_CHECK_STR(post_form("username=ann&password=p").body, "\"ann|p|\"");
    WEFT_CHECK_EQ(post_form("grant_type=code&username=ann&password=p").status, 422);
    WEFT_CHECK_EQ(post_form("username=ann").status, 422);
}
