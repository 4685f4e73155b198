/* Cookies; values grouped in a model; bodies of several members. */
#include "pairs.h"

WEFT_ENUM(Order, value(ORDER_CREATED, "created_at"), value(ORDER_UPDATED, "updated_at"));
WEFT_INPUT(cookies_in, cookie(weft_str, session, .min_len = 2), cookie(WEFT_OPT(int), visits), cookie(WEFT_LIST(weft_str), ads, .as = "ad-id", .initial = "[]"),
    cookie(Order, order, .initial = "created_at"));
WEFT_MODEL(Cookies, field(weft_str, session), opt(int, visits), list(weft_str, ads), field(Order, order));
static int cookies(const cookies_in *in, Cookies *out) { *out = (Cookies){ in->session, in->visits, in->ads, in->order }; return 0; }

WEFT_MODEL(Paging, field(int, limit, .initial = "100", .range = { 0, 100 }, .above = true), field(int, offset, .initial = "0", .range = { 0, WEFT_NO_END }));
WEFT_MODEL(Filter, embed(Paging, paging), field(Order, order_by, .initial = "created_at"), list(weft_str, tags, .initial = "[]"), hidden(int, secret));
WEFT_INPUT(filter_in, query(Filter, filter));
static int filter(const filter_in *in, Filter *out) { *out = in->filter; return 0; }

WEFT_MODEL(Strict, field(int, limit, .initial = "100"), list(weft_str, tags, .initial = "[]"), no_extra());
WEFT_INPUT(strict_in, query(Strict, filter));
static int strict(const strict_in *in, Strict *out) { *out = in->filter; return 0; }
WEFT_MODEL(StrictLogin, field(weft_str, username), no_extra());
WEFT_INPUT(strict_login_in, form(StrictLogin, login));
static int strict_login(const strict_login_in *in, weft_str *out) { *out = in->login.username; return 0; }

WEFT_MODEL(Needy, field(weft_str, needy), opt(int, n, .as = "number"));
WEFT_INPUT(needy_in, query(Needy, needy), query(int, plain));
static int needy(const needy_in *in, Needy *out) { *out = in->needy; return 0; }

WEFT_MODEL(Common, field(weft_str, host), field(bool, save_data), opt(weft_str, if_modified_since), list(weft_str, x_tag, .initial = "[]"));
WEFT_INPUT(common_in, header(Common, common));
static int common(const common_in *in, Common *out) { *out = in->common; return 0; }

WEFT_MODEL(Tracking, field(weft_str, session_id), opt(weft_str, tracker));
WEFT_INPUT(tracking_in, cookie(Tracking, cookies));
static int tracking(const tracking_in *in, Tracking *out) { *out = in->cookies; return 0; }

WEFT_MODEL(Item, field(weft_str, name), opt(weft_str, description), field(double, price, .range = { 0, WEFT_NO_END }, .above = true), opt(double, tax));
WEFT_MODEL(User, field(weft_str, username), opt(weft_str, full_name));
WEFT_INPUT(one_in, path(int, item_id), body(Item, item, .embed = true));
WEFT_INPUT(several_in, path(int, item_id), body(Item, item), body(User, user), body(int, importance), body(WEFT_OPT(int), q), body(int, rest, .initial = "7", .as = "re\"st"));
WEFT_MODEL(One, field(int, item_id), field(Item, item));
WEFT_MODEL(Several, field(int, item_id), field(Item, item), field(User, user), field(int, importance), opt(int, q), field(int, rest));
static int one(const one_in *in, One *out) { *out = (One){ in->item_id, in->item }; return 0; }
static int several(const several_in *in, Several *out)
{
    *out = (Several){ in->item_id, in->item, in->user, in->importance, in->q, in->rest };
    return 0;
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/cookies", cookies, cookies_in, Cookies),
    WEFT_GET("/items/", filter, filter_in, Filter),
    WEFT_GET("/strict", strict, strict_in, Strict),
    WEFT_POST("/strict-login", strict_login, strict_login_in, weft_str),
    WEFT_GET("/needy", needy, needy_in, Needy),
    WEFT_GET("/common", common, common_in, Common),
    WEFT_GET("/tracking", tracking, tracking_in, Tracking),
    WEFT_PUT("/one/{item_id}", one, one_in, One),
    WEFT_PUT("/items/{item_id}", several, several_in, Several)) };

/* ---- cookies ---- */

WEFT_TEST(cookies_are_values)
{
    PAIRS(&app, { "GET", "/cookies", "Cookie: session=abc; visits=3; ad-id=\"x y\"; ad-id=z; order=updated_at; other", 0, 200,
            JSON({ "session": "abc", "visits": 3, "ads": ["x y", "z"], "order": "updated_at" }) },
        { "GET", "/cookies", "Cookie: session=abc\ncookie: session=last", 0, 200, JSON({ "session": "last", "visits": null, "ads": [], "order": "created_at" }) },
        { "GET", "/cookies", 0, 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["cookie", "session"], "msg": "Field required", "input": null }] }) },
        { "GET", "/cookies", "Cookie: session=a; visits=x", 0, 422, JSON({ "detail": [
            { "type": "string_too_short", "loc": ["cookie", "session"], "msg": "String should have at least 2 characters", "input": "a", "ctx": { "min_length": 2 } },
            { "type": "int_parsing", "loc": ["cookie", "visits"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "x" }] }) });
}

WEFT_TEST(more_than_a_thousand_cookies_are_refused)
{
    static char header[9000] = "Cookie: session=abc";
    for (int i = 0; i < 999; i++) strcat(header, ";a");
    pair p = { "GET", "/cookies", header, 0, 200, NULL };
    WEFT_CHECK_EQ(pair_send(&app, &p).status, 200);
    strcat(header, ";a");
    WEFT_CHECK_EQ(pair_send(&app, &p).status, 400);
}

/* ---- models ---- */

WEFT_TEST(a_query_is_read_into_a_model)
{
    PAIRS(&app, { "GET", "/items/?limit=10&offset=5&order_by=updated_at&tags=tag1&tags=tag2", 0, 0, 200,
            JSON({ "limit": 10, "offset": 5, "order_by": "updated_at", "tags": ["tag1", "tag2"] }) },
        { "GET", "/items/", 0, 0, 200, JSON({ "limit": 100, "offset": 0, "order_by": "created_at", "tags": [] }) },
        { "GET", "/items/?limit=150&offset=-1&order_by=invalid&secret=1", 0, 0, 422, JSON({ "detail": [
            { "type": "less_than_equal", "loc": ["query", "limit"], "msg": "Input should be less than or equal to 100", "input": "150", "ctx": { "le": 100 } },
            { "type": "greater_than_equal", "loc": ["query", "offset"], "msg": "Input should be greater than or equal to 0", "input": "-1", "ctx": { "ge": 0 } },
            { "type": "enum", "loc": ["query", "order_by"], "msg": "Input should be 'created_at' or 'updated_at'", "input": "invalid",
              "ctx": { "expected": "'created_at' or 'updated_at'" } }] }) });
}

WEFT_TEST(a_model_may_refuse_what_it_does_not_name)
{
    PAIRS(&app, { "GET", "/strict?limit=10&tags=a", 0, 0, 200, JSON({ "limit": 10, "tags": ["a"] }) },
        { "GET", "/strict?limit=10&tool=plumbus&tool=x", 0, 0, 422, JSON({ "detail": [{ "type": "extra_forbidden", "loc": ["query", "tool"], "msg": "Extra inputs are not permitted", "input": "plumbus" }] }) },
        { "POST", "/strict-login", "Content-Type: application/x-www-form-urlencoded", "username=a&b=c", 422, JSON({ "detail": [
            { "type": "extra_forbidden", "loc": ["body", "b"], "msg": "Extra inputs are not permitted", "input": "c" }] }) },
        { "POST", "/strict-login", "Content-Type: application/x-www-form-urlencoded", "username=a", 200, 0 });
}

/* What is no percent-encoding is nobody's name: it is told as it came. */
WEFT_TEST(what_cannot_be_decoded_is_refused_like_the_rest)
{
    PAIRS(&app, { "GET", "/strict?limit=10&%zz=1", 0, 0, 422, JSON({ "detail": [{ "type": "extra_forbidden", "loc": ["query", "%zz"], "msg": "Extra inputs are not permitted", "input": "1" }] }) },
        { "GET", "/strict?limit=10&tool=%zz", 0, 0, 422, JSON({ "detail": [{ "type": "extra_forbidden", "loc": ["query", "tool"], "msg": "Extra inputs are not permitted", "input": "%zz" }] }) });
}

WEFT_TEST(what_a_model_lacks_is_told_with_all_that_came)
{
    PAIRS(&app, { "GET", "/needy?needy=a&number=3&plain=1", 0, 0, 200, JSON({ "needy": "a", "number": 3 }) },
        { "GET", "/needy?number=3&x=a+b&x=c", 0, 0, 422, JSON({ "detail": [
            { "type": "missing", "loc": ["query", "needy"], "msg": "Field required", "input": { "number": "3", "x": ["a b", "c"] } },
            { "type": "missing", "loc": ["query", "plain"], "msg": "Field required", "input": null }] }) },
        { "GET", "/needy?plain=1", 0, 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["query", "needy"], "msg": "Field required", "input": { "plain": "1" } }] }) });
}

WEFT_TEST(what_came_is_told_within_limits)
{
    static char path[8000] = "/needy?plain=1&x=";
    memset(path + strlen(path), 'a', 5000);
    weft_response r = weft_test_get(&app, path);
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK(r.body.len > 1024 && r.body.len < 1500);
    strcpy(path, "/needy?plain=1");
    for (int i = 0; i < 990; i++) sprintf(path + strlen(path), "&x%d", i);
    r = weft_test_get(&app, path);
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK(r.body.len > 1024 && r.body.len < 4000);
}

WEFT_TEST(headers_are_read_into_a_model)
{
    PAIRS(&app, { "GET", "/common", "Save-Data: true\nx-tag: a\nX-Tag: b", 0, 200, JSON({ "host": "testserver", "save_data": true, "if_modified_since": null, "x_tag": ["a", "b"] }) },
        { "GET", "/common", "X-Other: 1", 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["header", "save_data"], "msg": "Field required",
            "input": { "host": "testserver", "x_tag": [], "User-Agent": "testclient", "X-Other": "1" } }] }) });
}

WEFT_TEST(cookies_are_read_into_a_model)
{
    PAIRS(&app, { "GET", "/tracking", "Cookie: session_id=a; tracker=b", 0, 200, JSON({ "session_id": "a", "tracker": "b" }) },
        { "GET", "/tracking", "Cookie: tracker=b; x=1", 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["cookie", "session_id"], "msg": "Field required",
            "input": { "tracker": "b", "x": "1" } }] }) });
}

/* ---- several bodies ---- */

#define J "Content-Type: application/json"
#define LACKS(name) "{\"type\":\"missing\",\"loc\":[\"body\",\"" name "\"],\"msg\":\"Field required\",\"input\":null}"
#define DETAIL(...) "{\"detail\":[" __VA_ARGS__ "]}"

WEFT_TEST(a_body_is_embedded_on_demand)
{
    PAIRS(&app, { "PUT", "/one/5", J, "{\"item\":{\"name\":\"Foo\",\"price\":3.5}}", 200, JSON({ "item_id": 5, "item": { "name": "Foo", "description": null, "price": 3.5, "tax": null } }) },
        { "PUT", "/one/5", J, "{\"item\":{\"name\":\"Foo\",\"price\":-3.0}}", 422, JSON({ "detail": [{ "type": "greater_than", "loc": ["body", "item", "price"],
            "msg": "Input should be greater than 0", "input": -3.0, "ctx": { "gt": 0.0 } }] }) },
        { "PUT", "/one/5", J, "{\"name\":\"Foo\",\"price\":3.5}", 422, DETAIL(LACKS("item")) });
}

WEFT_TEST(several_bodies_are_members_of_one)
{
    PAIRS(&app, { "PUT", "/items/5", J, "{\"importance\":2,\"item\":{\"name\":\"Foo\",\"price\":50.5},\"user\":{\"username\":\"Dave\"}}", 200,
            JSON({ "item_id": 5, "importance": 2, "q": null, "rest": 7, "item": { "name": "Foo", "price": 50.5, "description": null, "tax": null }, "user": { "username": "Dave", "full_name": null } }) },
        { "PUT", "/items/5", J, " { \"other\" : [1,{}] , \"imp\\u006frtance\" : \"2\",\"q\":null,\"re\\\"st\":8, \"item\":{\"name\":\"Foo\",\"price\":50.5},\"user\":{\"username\":\"Dave\"} } ", 200,
            JSON({ "item_id": 5, "importance": 2, "q": null, "rest": 8, "item": { "name": "Foo", "price": 50.5, "description": null, "tax": null }, "user": { "username": "Dave", "full_name": null } }) },
        { "PUT", "/items/5", 0, 0, 422, DETAIL(LACKS("item") "," LACKS("user") "," LACKS("importance")) },
        { "PUT", "/items/5", J, "[]", 422, DETAIL(LACKS("item") "," LACKS("user") "," LACKS("importance")) },
        { "PUT", "/items/5", J, "{}", 422, DETAIL(LACKS("item") "," LACKS("user") "," LACKS("importance")) },
        { "PUT", "/items/5", "Content-Type: text/plain", "{\"importance\":2}", 422, DETAIL(LACKS("item") "," LACKS("user") "," LACKS("importance")) },
        { "PUT", "/items/5", J, "{\"item\":null,\"user\":{},\"importance\":\"x\",\"re\\\"st\":null}", 422, DETAIL(LACKS("item") ","
            JSON({ "type": "missing", "loc": ["body", "user", "username"], "msg": "Field required", "input": {} }) ","
            JSON({ "type": "int_parsing", "loc": ["body", "importance"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "x" })) });
}

WEFT_TEST(several_bodies_that_are_no_json_are_one_fault)
{
    static const struct { const char *body, *error; int at; } bad[] = {
        { "{some", "Expecting property name enclosed in double quotes", 1 }, { "{\"item\" 1}", "Expecting ':' delimiter", 8 },
        { "{\"item\":}", "Expecting value", 8 }, { "{\"item\":1 2}", "Expecting ',' delimiter", 10 }, { "{\"x\":1} 2", "Extra data", 8 },
        { "[1,]", "Expecting value", 3 }, { "{\"x\":1,}", "Expecting property name enclosed in double quotes", 7 } };
    char expected[300];
    for (size_t i = 0; i < weft_count(bad); i++) {
        pair p = { "PUT", "/items/5", J, bad[i].body, 422, NULL };
        weft_response r = pair_send(&app, &p);
        snprintf(expected, sizeof expected, "{\"detail\":[{\"type\":\"json_invalid\",\"loc\":[\"body\",%d],\"msg\":\"JSON decode error\",\"input\":{},\"ctx\":{\"error\":\"%s\"}}]}", bad[i].at, bad[i].error);
        WEFT_CHECK_EQ(r.status, 422);
        weft__check_json(__FILE__, __LINE__, r.body, expected);
    }
    PAIRS(&app, { "PUT", "/items/5", J, "{\"item\":1,\"item\":2}", 422, 0 }, { "PUT", "/items/5", J, "{\"importance\":2}}", 422, 0 });
}
