/* Headers, fields of forms and files. */
#include "pairs.h"

/* ---- headers ---- */

WEFT_MODEL(Agent, opt(weft_str, user_agent, .as = "User-Agent"));
WEFT_INPUT(agent_in, header(WEFT_OPT(weft_str), user_agent));

static int read_agent(const agent_in *in, Agent *out) { out->user_agent = in->user_agent; return 0; }

static const fact agents_facts[] = {
    { 53, "GET", "/items", "User-Agent: testclient", 0, 200, JSON({ "User-Agent": "testclient" }) },
};
GROUP(agents, .routes = WEFT_ROUTES(WEFT_GET("/items/", read_agent, agent_in, Agent)))

/* Python's None for a header that did not come: a list without items, and a ref that is null when it is written. */
WEFT_MODEL(Tokens, ref(weft_list_weft_str, x_token, .as = "X-Token values"));
WEFT_INPUT(tokens_in, header(WEFT_LIST(weft_str), x_token, .initial = "[]"));

static int read_tokens(const tokens_in *in, Tokens *out)
{
    out->x_token = in->x_token.count ? (weft_list_weft_str *)&in->x_token : NULL;
    return 0;
}

static const fact tokens_facts[] = { { 54, "GET", "/items", 0, 0, 200, JSON({ "X-Token values": null }) } };
GROUP(tokens, .routes = WEFT_ROUTES(WEFT_GET("/items/", read_tokens, tokens_in, Tokens)))

WEFT_MODEL(CommonHeaders,
    field(weft_str, host),
    field(bool,     save_data),
    opt  (weft_str, if_modified_since),
    opt  (weft_str, traceparent),
    list (weft_str, x_tag, .initial = "[]"),
    no_extra());
WEFT_INPUT(common_in, header(CommonHeaders, headers));

static int read_common(const common_in *in, CommonHeaders *out) { *out = in->headers; return 0; }

static const fact commons_facts[] = {
    { 55, "GET", "/items/", "save-data: true\ntool: plumbus", 0, 422, JSON({ "detail": [
        { "type": "extra_forbidden", "loc": ["header", "tool"], "input": "plumbus",
            "msg": "Extra inputs are not permitted" }] }), .bare = true },
};
GROUP(commons, .routes = WEFT_ROUTES(WEFT_GET("/items/", read_common, common_in, CommonHeaders)))

/* ---- fields ---- */

WEFT_MODEL(Username, field(weft_str, username));
WEFT_INPUT(login_in, form(weft_str, username), form(weft_str, password));

static int login(const login_in *in, Username *out) { out->username = in->username; return 0; }

static const fact logins_facts[] = {
    { 75, "POST", "/login/", FORM, "username=Foo&password=secret", 200, JSON({ "username": "Foo" }) },
    { 76, "POST", "/login/", FORM, "username=Foo", 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null }] }) },
    { 77, "POST", "/login/", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "username"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": null }] }) },
};
GROUP(logins, .routes = WEFT_ROUTES(WEFT_POST("/login/", login, login_in, Username)))

WEFT_MODEL(FormData, field(weft_str, username), field(weft_str, password), no_extra());
WEFT_INPUT(strict_login_in, form(FormData, data));

static int strict_login(const strict_login_in *in, FormData *out) { *out = in->data; return 0; }

static const fact strict_logins_facts[] = {
    { 78, "POST", "/login/", FORM, "username=Foo", 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": { "username": "Foo" } }] }) },
};
GROUP(strict_logins, .routes = WEFT_ROUTES(WEFT_POST("/login/", strict_login, strict_login_in, FormData)))

/* The password flow of OAuth 2: its form, RFC 6749, 4.3.2. */
WEFT_MODEL(Token, field(weft_str, access_token), field(weft_str, token_type));
WEFT_INPUT(token_in,
    form(WEFT_OPT(weft_str), grant_type, .pattern = "^password$"),
    form(weft_str,           username),
    form(weft_str,           password),
    form(weft_str,           scope, .initial = ""));

static int token(const token_in *in, Token *out)
{
    if (!weft_str_equal(in->username, WEFT_S("johndoe")) || !weft_str_equal(in->password, WEFT_S("secret")))
        return weft_fail(400, "Incorrect username or password");
    *out = (Token){ in->username, WEFT_S("bearer") };
    return 0;
}

static const fact flows_facts[] = {
    { 82, "POST", "/token", FORM, "username=johndoe&password=secret", 200,
        JSON({ "access_token": "johndoe", "token_type": "bearer" }) },
    { 83, "POST", "/token", FORM, "username=johndoe&password=incorrect", 400,
        JSON({ "detail": "Incorrect username or password" }) },
};
GROUP(flows, .routes = WEFT_ROUTES(WEFT_POST("/token", token, token_in, Token)))

/* ---- files ---- */

WEFT_MODEL(Sent, field(int64_t, file_size), field(weft_str, token), field(weft_str, fileb_content_type));
WEFT_INPUT(send_in, file(weft_str, file), file(weft_upload, fileb), form(weft_str, token));

static int send_file(const send_in *in, Sent *out)
{
    *out = (Sent){ (int64_t)in->file.len, in->token, in->fileb.content_type };
    return 0;
}

static const fact files_facts[] = {
    { 79, "POST", "/files/", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["body", "fileb"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["body", "token"], "msg": "Field required", "input": null }] }) },
};
GROUP(files, .routes = WEFT_ROUTES(WEFT_POST("/files/", send_file, send_in, Sent)))
