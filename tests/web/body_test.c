/* Bodies: what a handler gets, and what a client is told. */
#include <stdlib.h>
#include "base/buf.h"
#include "pairs.h"
#include "testing/client.h"

WEFT_MODEL(Item, field(weft_str, name), opt(weft_str, description), field(double, price), opt(double, tax));
WEFT_INPUT(create_in, body(Item, item));
WEFT_INPUT(update_in, path(int, item_id), body(Item, item));
WEFT_MODEL(Updated, field(int, item_id), embed(Item, item));
WEFT_MODEL(Strict, field(weft_str, name), field(double, price, .range = { 0, WEFT_NO_END }, .above = true));
WEFT_MODEL(Wrapped, field(Strict, item));
WEFT_INPUT(wrapped_in, path(int, item_id), body(Wrapped, body));
WEFT_MODEL(User, field(weft_str, username), opt(weft_str, full_name));
WEFT_MODEL(Several, field(Item, item), field(User, user), field(int, importance));
WEFT_INPUT(several_in, path(int, item_id), body(Several, body));
WEFT_MODEL(SeveralOut, field(int, item_id), embed(Several, all));
WEFT_MODEL(Image, field(weft_str, url), field(weft_str, name));
WEFT_MODEL(Part, field(weft_str, name), field(double, price), list(Image, images, .initial = "[]"));
WEFT_MODEL(Offer, field(weft_str, name), field(double, price), list(Part, items));
WEFT_INPUT(offer_in, body(Offer, offer));
WEFT_INPUT(images_in, body(WEFT_LIST(Image), images));
WEFT_INPUT(weights_in, body(WEFT_MAP(double), weights));
WEFT_INPUT(number_in, body(int, n, .range = { 1, 9 }));
WEFT_INPUT(text_in, body(weft_str, text));
WEFT_INPUT(json_in, body(weft_json, any));
WEFT_INPUT(maybe_in, body(WEFT_OPT(Item), item));
WEFT_MODEL(Maybe, opt(Item, item));
WEFT_MODEL(Text, field(weft_str, text));
WEFT_INPUT(search_in, query(int, limit), body(Item, item));
WEFT_MODEL(UserIn, field(weft_str, username), field(weft_str, password), opt(weft_str, full_name));
WEFT_MODEL(UserOut, field(weft_str, username), opt(weft_str, full_name));
WEFT_INPUT(user_in, body(UserIn, user));

static int create(const create_in *in, Item *out) { *out = in->item; return 0; }
static int update(const update_in *in, Updated *out) { *out = (Updated){ in->item_id, in->item }; return 0; }
static int wrapped(const wrapped_in *in, Wrapped *out) { *out = in->body; return 0; }
static int several(const several_in *in, SeveralOut *out) { *out = (SeveralOut){ in->item_id, in->body }; return 0; }
static int offer(const offer_in *in, Offer *out) { *out = in->offer; return 0; }
static int images(const images_in *in, weft_list_Image *out) { *out = in->images; return 0; }
static int weights(const weights_in *in, weft_map_double *out) { *out = in->weights; return 0; }
static int number(const number_in *in, int *out) { *out = in->n; return 0; }
static int text(const text_in *in, Text *out) { out->text = in->text; return 0; }
static int json(const json_in *in, weft_json *out) { *out = in->any; return 0; }
static int maybe(const maybe_in *in, Maybe *out) { out->item = in->item; return 0; }
static int search(const search_in *in, Item *out) { *out = in->item; return 0; }
static int user(const user_in *in, UserOut *out) { *out = (UserOut){ in->user.username, in->user.full_name }; return 0; }

static const weft_app bodies = { .routes = WEFT_ROUTES(
    WEFT_POST("/items/", create, create_in, Item),
    WEFT_PUT("/items/{item_id}", update, update_in, Updated),
    WEFT_PUT("/wrapped/{item_id}", wrapped, wrapped_in, Wrapped),
    WEFT_PUT("/several/{item_id}", several, several_in, SeveralOut),
    WEFT_POST("/offers/", offer, offer_in, Offer),
    WEFT_POST("/images", images, images_in, weft_list_Image),
    WEFT_POST("/weights", weights, weights_in, weft_map_double),
    WEFT_POST("/number", number, number_in, int),
    WEFT_POST("/text", text, text_in, Text),
    WEFT_POST("/json", json, json_in, weft_json),
    WEFT_POST("/maybe", maybe, maybe_in, Maybe),
    WEFT_POST("/search", search, search_in, Item),
    WEFT_POST("/user/", user, user_in, UserOut),
    WEFT_POST("/small", create, create_in, Item, .body_bytes_max = 30)) };

WEFT_TEST(a_body_becomes_a_model)
{
    PAIRS(&bodies,
        { "POST", "/items/", 0, JSON({ "name": "Foo", "price": 50.5 }), 200, JSON({ "name": "Foo", "price": 50.5, "description": null, "tax": null }) },
        { "POST", "/items/", 0, JSON({ "name": "Foo", "price": "50.5" }), 200, JSON({ "name": "Foo", "price": 50.5, "description": null, "tax": null }) },
        { "POST", "/items/", 0, JSON({ "name": "Foo" }), 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "price"],
            "msg": "Field required", "input": { "name": "Foo" } }] }) },
        { "POST", "/items/", 0, JSON({ "name": "Foo", "price": "twenty" }), 422, JSON({ "detail": [{ "type": "float_parsing",
            "loc": ["body", "price"], "msg": "Input should be a valid number, unable to parse string as a number", "input": "twenty" }] }) },
        { "POST", "/items/", 0, "{}", 422, JSON({ "detail": [{ "type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": {} },
            { "type": "missing", "loc": ["body", "price"], "msg": "Field required", "input": {} }] }) },
        { "PUT", "/items/123", 0, JSON({ "name": "Foo", "price": 50.1, "description": "Some Foo", "tax": 0.3 }), 200,
            JSON({ "item_id": 123, "name": "Foo", "price": 50.1, "description": "Some Foo", "tax": 0.3 }) },
        { "POST", "/user/", 0, JSON({ "username": "foo", "password": "fighter", "email": "foo@example.com", "full_name": "Grave Dohl" }), 200,
            JSON({ "username": "foo", "full_name": "Grave Dohl" }) });
}

WEFT_TEST(a_body_that_is_not_there_is_missing)
{
    PAIRS(&bodies,
        { "POST", "/items/", 0, 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }] }) },
        { "POST", "/items/", 0, "", 422, JSON({ "detail": [{ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }] }) },
        { "POST", "/maybe", 0, 0, 200, JSON({ "item": null }) },
        { "POST", "/maybe", 0, "null", 200, JSON({ "item": null }) },
        { "POST", "/maybe", 0, JSON({ "name": "a", "price": 1 }), 200, 0 });
}

WEFT_TEST(a_body_that_is_no_json_is_told_with_its_place)
{
    PAIRS(&bodies, { "POST", "/items/", "content-type: application/json", "{some broken json}", 422,
        JSON({ "detail": [{ "type": "json_invalid", "loc": ["body", 1], "msg": "JSON decode error", "input": {},
            "ctx": { "error": "Expecting property name enclosed in double quotes" } }] }) });
}

WEFT_TEST(the_content_type_must_be_json)
{
    static const char text[] = JSON({ "name": "Foo", "price": 50.5 });
    PAIRS(&bodies, { "POST", "/items/", "Content-Type: text/plain", text, 422,
            "{\"detail\":[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid dictionary or object to extract fields from\","
            "\"input\":\"{ \\\"name\\\": \\\"Foo\\\", \\\"price\\\": 50.5 }\"}]}" },
        { "POST", "/items/", "Content-Type: application/geo+json", text, 200, 0 },
        { "POST", "/items/", "Content-Type: Application/JSON ; charset=utf-8", text, 200, 0 },
        { "POST", "/items/", "Content-Type: application/jsonx", text, 422, 0 },
        { "POST", "/items/", "Content-Type: text/json", text, 422, 0 },
        { "POST", "/items/", "Content-Type: application/+json", text, 200, 0 },
        { "POST", "/items/", "Content-Type: json", text, 422, 0 },
        { "POST", "/items/", "Content-Type: +json", text, 422, 0 },
        { "POST", "/images", "Content-Type: text/plain", "[]", 422, JSON({ "detail": [{ "type": "list_type", "loc": ["body"],
            "msg": "Input should be a valid list", "input": "[]" }] }) },
        { "POST", "/text", "Content-Type: text/plain", "as it is", 200, JSON({ "text": "as it is" }) },
        { "POST", "/text", 0, "\"as it is\"", 200, JSON({ "text": "as it is" }) });
}

WEFT_TEST(faults_inside_a_body_have_their_whole_path)
{
    PAIRS(&bodies,
        { "PUT", "/wrapped/5", 0, JSON({ "item": { "name": "Foo", "price": -3.0 } }), 422, JSON({ "detail": [{ "type": "greater_than",
            "loc": ["body", "item", "price"], "msg": "Input should be greater than 0", "input": -3.0, "ctx": { "gt": 0.0 } }] }) },
        { "POST", "/offers/", 0, JSON({ "name": "Special Offer", "price": 38.6, "items": [{}] }), 422, JSON({ "detail": [
            { "loc": ["body", "items", 0, "name"], "input": {}, "msg": "Field required", "type": "missing" },
            { "loc": ["body", "items", 0, "price"], "input": {}, "msg": "Field required", "type": "missing" }] }) },
        { "POST", "/offers/", 0, JSON({ "name": "Special Offer", "price": 38.6, "items": [{ "name": "Foo", "price": 35.4, "images": [{}] }] }), 422,
            JSON({ "detail": [{ "loc": ["body", "items", 0, "images", 0, "url"], "input": {}, "msg": "Field required", "type": "missing" },
                { "loc": ["body", "items", 0, "images", 0, "name"], "input": {}, "msg": "Field required", "type": "missing" }] }) },
        { "PUT", "/several/5", 0, "{}", 422, JSON({ "detail": [
            { "type": "missing", "loc": ["body", "item"], "msg": "Field required", "input": {} },
            { "type": "missing", "loc": ["body", "user"], "msg": "Field required", "input": {} },
            { "type": "missing", "loc": ["body", "importance"], "msg": "Field required", "input": {} }] }) },
        { "PUT", "/several/x", 0, JSON({ "importance": "XL", "item": { "name": "Foo", "price": 1 }, "user": { "username": "Dave" } }), 422,
            JSON({ "detail": [
                { "type": "int_parsing", "loc": ["path", "item_id"], "msg": "Input should be a valid integer, unable to parse string as an integer",
                  "input": "x" },
                { "type": "int_parsing", "loc": ["body", "importance"],
                  "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "XL" }] }) },
        { "POST", "/images", 0, JSON({ "url": "http://example.com/", "name": "Example" }), 422, JSON({ "detail": [{ "loc": ["body"],
            "input": { "name": "Example", "url": "http://example.com/" }, "msg": "Input should be a valid list", "type": "list_type" }] }) },
        { "PUT", "/several/5", 0, JSON({ "importance": 2, "item": { "name": "Foo", "price": 50.5 }, "user": { "username": "Dave" } }), 200,
            JSON({ "item_id": 5, "importance": 2, "item": { "name": "Foo", "price": 50.5, "description": null, "tax": null },
                "user": { "username": "Dave", "full_name": null } }) });
}

WEFT_TEST(bodies_of_other_kinds)
{
    PAIRS(&bodies, { "POST", "/weights", 0, JSON({ "2": 2.2, "3": 3.3 }), 200, JSON({ "2": 2.2, "3": 3.3 }) },
        { "POST", "/images", 0, "[]", 200, "[]" },
        { "POST", "/number", 0, " 7 ", 200, "7" },
        { "POST", "/number", 0, "10", 422, JSON({ "detail": [{ "type": "less_than_equal", "loc": ["body"],
            "msg": "Input should be less than or equal to 9", "input": 10, "ctx": { "le": 9 } }] }) },
        { "POST", "/json", 0, JSON({ "a": [1, { "b": null }] }), 200, JSON({ "a": [1, { "b": null }] }) },
        { "POST", "/text", 0, "\"a\\u0000b\"", 422, 0 });
}

WEFT_TEST(faults_come_in_the_order_query_body)
{
    PAIRS(&bodies, { "POST", "/search?limit=x", 0, JSON({ "name": 1 }), 422, JSON({ "detail": [
        { "type": "int_parsing", "loc": ["query", "limit"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "x" },
        { "type": "string_type", "loc": ["body", "name"], "msg": "Input should be a valid string", "input": 1 },
        { "type": "missing", "loc": ["body", "price"], "msg": "Field required", "input": { "name": 1 } }] }) });
}

/* ---- limits ---- */

static weft_str filled(size_t n, char c)
{
    char *bytes = malloc(n + 1);
    WEFT_NEED(bytes != NULL);
    memset(bytes, c, n);
    bytes[n] = 0;
    return (weft_str){ bytes, n };
}

WEFT_TEST(a_body_larger_than_its_limit_is_refused_by_name)
{
    weft_response r = weft_test_post(&bodies, "/small", JSON({ "name": "Foo", "price": 50.5, "tax": 1 }));
    WEFT_CHECK_EQ(r.status, 413);
    WEFT_CHECK_JSON(r.body, { "detail": "the body is larger than body_bytes_max" });
    WEFT_CHECK_EQ(weft_test_post(&bodies, "/small", JSON({ "name": "F", "price": 5 })).status, 200);
    weft_str large = filled((1 << 20) + 1, ' ');
    WEFT_CHECK_EQ(weft_test_post(&bodies, "/items/", large.ptr).status, 413);
    free((char *)large.ptr);
}

/* An empty array is two bytes of JSON and a struct in memory: the limit on memory holds where that on bytes does not. */
WEFT_TEST(an_input_that_needs_more_memory_than_a_request_may_have_is_refused_by_name)
{
    weft_str body = filled(600 * 1000, '{');
    weft__buf request;
    char *at = (char *)body.ptr;
    *at = '[';
    for (size_t i = 1; i + 24 < body.len; i += 24) memcpy(at + i, "{\"url\":\"\",\"name\":\"\"},   ", 24);
    memcpy(at + body.len - 24, "{\"url\":\"\",\"name\":\"\"}]   ", 24);
    weft__buf_init(&request, 2 << 20);
    weft__buf_printf(&request, "POST /images HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.len);
    weft__buf_add_str(&request, body);
    weft__shot shot = { .bytes = weft__buf_str(&request) };
    WEFT_CHECK(weft__test_fire(&bodies, &(weft_serve_opts){ .request_bytes_max = 700 * 1000 }, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 413);
    WEFT_CHECK_JSON(shot.answer.body, { "detail": "the input needs more memory than request_bytes_max" });
    weft__buf_free(&request);
    free(at);
}

WEFT_TEST(a_chunked_body_is_joined_and_the_path_before_it_stays)
{
    static const char bytes[] = "PUT /items/12?x=%20y HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{\"nam\r\n12\r\ne\":\"Foo\",\"price\":1\r\n1\r\n}\r\n0\r\n\r\n";
    weft__shot shot = { .bytes = { bytes, sizeof bytes - 1 } };
    WEFT_CHECK(weft__test_fire(&bodies, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_JSON(shot.answer.body, { "item_id": 12, "name": "Foo", "price": 1.0, "description": null, "tax": null });
}

WEFT_TEST(a_body_that_nobody_wants_harms_nobody)
{
    static const weft_app plain = { 0 };
    WEFT_CHECK_EQ(weft_test_post(&plain, "/x", JSON({ "a": 1 })).status, 404);
    WEFT_CHECK_EQ(weft_test_post(&bodies, "/wrapped/1", JSON({ "a": 1 })).status, 405);
}
