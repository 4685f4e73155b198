/* Tests of bodies.c, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

static weft_response put(const char *path, const char *json)
{
    return weft_test_send(&app, "PUT", path, NULL, 0, json);
}

WEFT_TEST(a_body_is_a_model)
{
    weft_response r = put("/items/7", "{\"name\":\"Linen\",\"price\":\"12.5\"}");
    WEFT_CHECK_JSON(r.body, { "id": 7, "name": "Linen", "description": null, "price": 12.5, "tags": [], "images": [] });
}

WEFT_TEST(faults_have_their_place)
{
    weft_response r = put("/items/7", "{\"name\":\"Linen\",\"price\":0,\"images\":[{\"url\":\"http://example.com/a.png\"}]}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "greater_than", "loc": ["body", "price"], "msg": "Input should be greater than 0", "input": 0, "ctx": { "gt": 0 } },
        { "type": "missing", "loc": ["body", "images", 0, "name"], "msg": "Field required",
            "input": { "url": "http://example.com/a.png" } }] });
}

WEFT_TEST(several_bodies_are_values_of_one_object)
{
    weft_response r = weft_test_post(&app, "/sales",
        "{\"item\":{\"name\":\"Linen\",\"price\":12.5},\"buyer\":{\"username\":\"ada\"},\"pieces\":4}");
    WEFT_CHECK_JSON(r.body, { "username": "ada", "price": 50 });
    WEFT_CHECK_EQ(weft_test_post(&app, "/sales", "{\"item\":{\"name\":\"Linen\",\"price\":12.5}}").status, 422);
}

WEFT_TEST(one_that_is_embedded_is_named)
{
    WEFT_CHECK_JSON(put("/items/7/name", "{\"name\":\"Wool\"}").body, { "id": 7, "name": "Wool" });
    WEFT_CHECK_EQ(put("/items/7/name", "\"Wool\"").status, 422);
}

WEFT_TEST(a_body_may_be_a_list)
{
    weft_response r = weft_test_post(&app, "/images", "[{\"url\":\"http://example.com/a.png\",\"name\":\"a\"}]");
    WEFT_CHECK_JSON(r.body, { "count": 1 });
    WEFT_CHECK_EQ(weft_test_post(&app, "/images", "{}").status, 422);
}

WEFT_TEST(keys_may_be_integers)
{
    WEFT_CHECK_JSON(weft_test_post(&app, "/weights", "{\"2\":2.5,\"+03\":3}").body, { "2": 2.5, "3": 3 });
    weft_response r = weft_test_post(&app, "/weights", "{\"two\":2.5}");
    WEFT_CHECK_JSON(r.body, { "detail": [{ "type": "int_parsing", "loc": ["body", "two", "[key]"], "input": "two",
        "msg": "Input should be a valid integer, unable to parse string as an integer" }] });
}
