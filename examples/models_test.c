/* Tests of models.c, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

static weft_response send(const char *method, const char *path, const char *json)
{
    static const weft_header type = { WEFT_S("Content-Type"), WEFT_S("application/json") };
    return weft_test_send(&app, method, path, &type, 1, json);
}

WEFT_TEST(a_constant_is_written_whatever_the_struct_holds)
{
    weft_response r = weft_test_get(&app, "/shirt");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "name": "plain", "size": "M", "version": 2 });
    r = weft_test_get(&app, "/shirt/name");
    WEFT_CHECK_JSON(r.body, { "name": "plain", "size": "M" });
}

WEFT_TEST(a_patch_tells_absent_from_null)
{
    weft_response r = send("PATCH", "/shirt", "{\"tax\":1.5}");
    WEFT_CHECK_JSON(r.body, { "name": "plain", "size": "M", "version": 2, "tags": [], "tax": 1.5 });
    r = send("PATCH", "/shirt", "{\"name\":null}");
    WEFT_CHECK_EQ(r.status, 422);
    r = send("PATCH", "/shirt", "{\"name\":\"dotted\",\"tax\":null}");
    WEFT_CHECK_JSON(r.body, { "name": "dotted", "size": "M", "version": 2, "tags": [], "tax": null });
}

WEFT_TEST(each_case_of_a_union_is_read_as_its_model)
{
    weft_response r = send("POST", "/events", "{\"type\":\"sale\",\"first_day\":3,\"last_day\":5}");
    WEFT_CHECK_JSON(r.body, { "type": "sale", "first_day": 3, "last_day": 12 });
    r = send("POST", "/events", "{\"text\":\"t\",\"colour\":[1,2],\"type\":\"note\"}");
    WEFT_CHECK_JSON(r.body, { "type": "note", "text": "t", "colour": [1, 2] });
}

WEFT_TEST(all_faults_are_told_with_their_place)
{
    weft_response r = send("POST", "/events",
        "{\"type\":\"shirt\",\"name\":\"a b\",\"size\":\"XL\",\"version\":1,\"tags\":[\"x\",\"x\"]}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "value_error", "loc": ["body", "shirt", "name"],
            "msg": "Value error, must not contain a space", "input": "a b", "ctx": { "error": {} } },
        { "type": "literal_error", "loc": ["body", "shirt", "size"], "msg": "Input should be 'S', 'M' or 'L'",
            "input": "XL", "ctx": { "expected": "'S', 'M' or 'L'" } },
        { "type": "literal_error", "loc": ["body", "shirt", "version"], "msg": "Input should be 2", "input": 1,
            "ctx": { "expected": "2" } },
        { "type": "unique_list", "loc": ["body", "shirt", "tags"], "msg": "List should have unique items",
            "input": ["x", "x"], "ctx": { "index": 1 } }] });
}

WEFT_TEST(a_model_that_forbids_other_keys_names_them)
{
    weft_response r = send("POST", "/events", "{\"type\":\"sale\",\"first_day\":3,\"last_day\":5,\"x\":1}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [{ "type": "extra_forbidden", "loc": ["body", "sale", "x"],
        "msg": "Extra inputs are not permitted", "input": 1 }] });
    r = send("POST", "/events", "{\"type\":\"sale\",\"first_day\":9,\"last_day\":5}");
    WEFT_CHECK_JSON(r.body, { "detail": [{ "type": "value_error", "loc": ["body", "sale"],
        "msg": "Value error, the sale ends before it begins",
        "input": { "type": "sale", "first_day": 9, "last_day": 5 }, "ctx": { "error": {} } }] });
}
