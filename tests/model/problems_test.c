#define _GNU_SOURCE
#include "model/problems.h"
#include <string.h>
#include "model/schema.h"
#include "reading.h"
#include "scratch.h"

/* Each test with a request of FastAPI's tutorial gives the 422 answer that FastAPI gives. */

WEFT_ENUM(ModelName, value(ALEXNET, "alexnet"), value(RESNET, "resnet"), value(LENET, "lenet"));
WEFT_MODEL(Item, field(weft_str, name), opt(weft_str, description), field(double, price),
    opt(double, tax));
WEFT_MODEL(NewItem, field(weft_str, name), opt(weft_str, description, .max_len = 300),
    field(double, price, .range = { 0, WEFT_NO_END }, .above = true), opt(double, tax));
WEFT_MODEL(EmbeddedItem, field(NewItem, item));
WEFT_MODEL(User, field(weft_str, username), opt(weft_str, full_name));
WEFT_MODEL(Image, field(weft_str, url), field(weft_str, name));
WEFT_MODEL(Part, field(weft_str, name), opt(weft_str, description), field(double, price),
    opt(double, tax), list(weft_str, tags, .initial = "[]"), list(Image, images, .initial = "[]"));
WEFT_MODEL(Offer, field(weft_str, name), opt(weft_str, description), field(double, price),
    list(Part, items));
WEFT_MODEL(Towel, field(weft_str, title), field(int, size));
WEFT_MODEL(FilterParams, field(int, limit, .initial = "100", .range = { 0, 100 }, .above = true),
    field(int, offset, .initial = "0", .range = { 0, WEFT_NO_END }),
    field(ModelName, order_by, .initial = "lenet"), list(weft_str, tags, .initial = "[]"));

static const weft__loc PATH = { .name = WEFT_S("path") }, QUERY = { .name = WEFT_S("query") };

/* Reads a path or query value of the given type and declaration; NULL is no value. */
#define TEXT(r, place, T, key, text, ...) \
    read_text((r), &(place), &weft_schema_##T, \
        &(weft_field){ \
            .name = key, .name_len = sizeof(key) - 1, .type = &weft_schema_##T, __VA_ARGS__ }, \
        (text))

static int read_text(reading *r, const weft__loc *place, const weft_schema *schema,
    const weft_field *field, const char *text)
{
    static _Alignas(16) char value[256];
    weft__loc loc = { place, weft__field_name(field), 0 };
    return text ? weft__text_read(
                      schema, field, weft_str_of(text), value, &r->arena, &r->problems, &loc)
                : weft__absent_read(field, value, &r->arena, &r->problems, &loc);
}

static reading texts_open(void)
{
    reading r = reading_open();
    return r;
}

/* One round, with a reading that is closed behind it. */
#define WITH_TEXTS(r) \
    for (reading r = texts_open(), *once = (weft__problems_init(&r.problems, &r.arena), &r); \
         once; reading_close(&r), once = NULL)

WEFT_TEST(pair_4_a_path_value_that_is_no_int)
{
    WITH_TEXTS(r) {
        WEFT_CHECK_EQ(TEXT(&r, PATH, int, "item_id", "item1"), WEFT_EINVAL);
        CHECK_DETAIL(&r, "{\"type\":\"int_parsing\",\"loc\":[\"path\",\"item_id\"],\"msg\":\"Input "
                         "should be a valid integer, "
                         "unable to parse string as an integer\",\"input\":\"item1\"}");
    }
}

WEFT_TEST(pair_10_a_path_value_that_is_no_constant)
{
    WITH_TEXTS(r) {
        WEFT_CHECK_EQ(TEXT(&r, PATH, ModelName, "model_name", "foo"), WEFT_EINVAL);
        CHECK_DETAIL(&r, "{\"type\":\"enum\",\"loc\":[\"path\",\"model_name\"],\"msg\":\"Input "
                         "should be 'alexnet', 'resnet' or "
                         "'lenet'\",\"input\":\"foo\",\"ctx\":{\"expected\":\"'alexnet', 'resnet' "
                         "or 'lenet'\"}}");
    }
}

WEFT_TEST(pair_16_several_query_values_in_the_order_of_the_declaration)
{
    WITH_TEXTS(r) {
        WEFT_CHECK_EQ(TEXT(&r, QUERY, weft_str, "needy", NULL), WEFT_EINVAL);
        WEFT_CHECK_EQ(TEXT(&r, QUERY, int, "skip", "a", .initial = "0"), WEFT_EINVAL);
        WEFT_CHECK_EQ(TEXT(&r, QUERY, weft_opt_int, "limit", "b"), WEFT_EINVAL);
        CHECK_DETAIL(&r, "{\"type\":\"missing\",\"loc\":[\"query\",\"needy\"],\"msg\":\"Field "
                         "required\",\"input\":null},"
                         "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"skip\"],\"msg\":\"Input "
                         "should be a valid integer, "
                         "unable to parse string as an integer\",\"input\":\"a\"},"
                         "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"limit\"],\"msg\":\"Input "
                         "should be a valid integer, "
                         "unable to parse string as an integer\",\"input\":\"b\"}");
    }
}

WEFT_TEST(pairs_18_to_21_numbers_out_of_their_range)
{
    static const struct { bool size; const char *text, *item;
    } cases[] = {
        { false, "-1",
            "{\"detail\":[{\"type\":\"greater_than_equal\",\"loc\":[\"path\",\"item_id\"],\"msg\":"
            "\"Input should be greater "
            "than or equal to 0\",\"input\":\"-1\",\"ctx\":{\"ge\":0}}]}" },
        { false, "1001",
            "{\"detail\":[{\"type\":\"less_than_equal\",\"loc\":[\"path\",\"item_id\"],\"msg\":"
            "\"Input should be less "
            "than or equal to 1000\",\"input\":\"1001\",\"ctx\":{\"le\":1000}}]}" },
        { true, "0.0",
            "{\"detail\":[{\"type\":\"greater_than\",\"loc\":[\"query\",\"size\"],\"msg\":\"Input "
            "should be greater than 0\","
            "\"input\":\"0.0\",\"ctx\":{\"gt\":0.0}}]}" },
        { true, "10.5",
            "{\"detail\":[{\"type\":\"less_than\",\"loc\":[\"query\",\"size\"],\"msg\":\"Input "
            "should be less than 10.5\","
            "\"input\":\"10.5\",\"ctx\":{\"lt\":10.5}}]}" },
    };
    for (size_t i = 0; i < weft_count(cases); i++) {
        WITH_TEXTS(r) {
            int rc = cases[i].size
                         ? TEXT(&r, QUERY, double, "size", cases[i].text, .range = { 0, 10.5 },
                               .above = true, .below = true)
                         : TEXT(&r, PATH, int, "item_id", cases[i].text, .range = { 0, 1000 });
            WEFT_CHECK_EQ(rc, WEFT_EINVAL);
            WEFT_CHECK_STR(detail_of(&r), cases[i].item);
        }
    }
}

WEFT_TEST(pairs_22_to_24_text_too_short_or_unlike_its_pattern_or_missing)
{
    WITH_TEXTS(r) {
        WEFT_CHECK_EQ(TEXT(&r, QUERY, weft_opt_weft_str, "q", "qu", .min_len = 3, .max_len = 50),
            WEFT_EINVAL);
        WEFT_CHECK_EQ(TEXT(&r, QUERY, weft_opt_weft_str, "q", "nonregexquery", .min_len = 3,
                          .pattern = "^fixedquery$"),
            WEFT_EINVAL);
        WEFT_CHECK_EQ(TEXT(&r, QUERY, weft_str, "q", NULL, .min_len = 3), WEFT_EINVAL);
        CHECK_DETAIL(&r,
            "{\"type\":\"string_too_short\",\"loc\":[\"query\",\"q\"],\"msg\":\"String should have "
            "at least 3 characters\","
            "\"input\":\"qu\",\"ctx\":{\"min_length\":3}},"
            "{\"type\":\"string_pattern_mismatch\",\"loc\":[\"query\",\"q\"],\"msg\":\"String "
            "should match pattern "
            "'^fixedquery$'\",\"input\":\"nonregexquery\",\"ctx\":{\"pattern\":\"^fixedquery$\"}},"
            "{\"type\":\"missing\",\"loc\":[\"query\",\"q\"],\"msg\":\"Field "
            "required\",\"input\":null}");
    }
}

/* A request body of a tutorial and the items of the answer; several bodies of one model. */
#define BODY(Model, json, items) do { \
    reading r = reading_open(); \
    Model value; \
    WEFT_CHECK_EQ(READ(&r, Model, &value, json), WEFT_EINVAL); \
    CHECK_DETAIL(&r, items); \
    reading_close(&r); \
} while (0)

WEFT_TEST(pairs_34_to_36_members_that_are_missing_or_no_number)
{
    BODY(Item, "{\"name\":\"Foo\"}",
        "{\"type\":\"missing\",\"loc\":[\"body\",\"price\"],\"msg\":\"Field "
        "required\",\"input\":{\"name\":\"Foo\"}}");
    BODY(Item, "{\"name\":\"Foo\",\"price\":\"twenty\"}",
        "{\"type\":\"float_parsing\",\"loc\":[\"body\",\"price\"],\"msg\":\"Input should be "
        "a valid number, unable to parse string as a number\",\"input\":\"twenty\"}");
    BODY(Item, "{}",
        "{\"type\":\"missing\",\"loc\":[\"body\",\"name\"],\"msg\":\"Field "
        "required\",\"input\":{}},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"price\"],\"msg\":\"Field "
        "required\",\"input\":{}}");
}

WEFT_TEST(pairs_37_and_44_a_body_that_is_missing)
{
    weft__loc body = { .name = WEFT_S("body") }, item = { &body, WEFT_S("item"), 0 },
              user = { &body, WEFT_S("user"), 0 };
    WITH_TEXTS(r) {
        weft__problems_missing(&r.problems, &body);
        weft__problems_missing(&r.problems, &item);
        weft__problems_missing(&r.problems, &user);
        CHECK_DETAIL(&r,
            "{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\",\"input\":null},"
            "{\"type\":\"missing\",\"loc\":[\"body\",\"item\"],\"msg\":\"Field "
            "required\",\"input\":null},"
            "{\"type\":\"missing\",\"loc\":[\"body\",\"user\"],\"msg\":\"Field "
            "required\",\"input\":null}");
    }
}

WEFT_TEST(pair_38_a_body_that_is_no_json)
{
    BODY(Item, "{some broken json}",
        "{\"type\":\"json_invalid\",\"loc\":[\"body\",1],\"msg\":\"JSON decode "
        "error\",\"input\":{},"
        "\"ctx\":{\"error\":\"Expecting property name enclosed in double quotes\"}}");
}

WEFT_TEST(pair_40_a_body_that_is_text)
{
    weft__loc body = { .name = WEFT_S("body") };
    Item value;
    WITH_TEXTS(r) {
        weft_str text = WEFT_S("{\"name\": \"Foo\", \"price\": 50.5}");
        WEFT_CHECK_EQ(
            weft__text_read(&weft_schema_Item, NULL, text, &value, &r.arena, &r.problems, &body),
            WEFT_EINVAL);
        CHECK_DETAIL(&r, "{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input "
                         "should be a valid dictionary or object "
                         "to extract fields from\",\"input\":\"{\\\"name\\\": \\\"Foo\\\", "
                         "\\\"price\\\": 50.5}\"}");
    }
}

WEFT_TEST(pair_42_a_member_of_a_member_out_of_range)
{
    BODY(EmbeddedItem, "{\"item\":{\"name\":\"Foo\",\"price\":-3.0}}",
        "{\"type\":\"greater_than\",\"loc\":[\"body\",\"item\",\"price\"],"
        "\"msg\":\"Input should be greater than 0\",\"input\":-3.0,\"ctx\":{\"gt\":0.0}}");
}

WEFT_TEST(pairs_46_and_47_members_missing_inside_lists)
{
    BODY(Offer, "{\"name\":\"Special Offer\",\"price\":38.6,\"items\":[{}]}",
        "{\"type\":\"missing\",\"loc\":[\"body\",\"items\",0,\"name\"],\"msg\":\"Field "
        "required\",\"input\":{}},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"items\",0,\"price\"],\"msg\":\"Field "
        "required\",\"input\":{}}");
    BODY(Offer,
        "{\"name\":\"Special "
        "Offer\",\"price\":38.6,\"items\":[{\"name\":\"Foo\",\"price\":35.4,\"images\":[{}]}]}",
        "{\"type\":\"missing\",\"loc\":[\"body\",\"items\",0,\"images\",0,\"url\"],\"msg\":\"Field "
        "required\",\"input\":{}},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"items\",0,\"images\",0,\"name\"],\"msg\":"
        "\"Field required\",\"input\":{}}");
}

WEFT_TEST(pair_49_an_object_where_a_list_belongs)
{
    BODY(weft_list_Image, "{\"url\":\"http://example.com/\",\"name\":\"Example\"}",
        "{\"type\":\"list_type\",\"loc\":[\"body\"],"
        "\"msg\":\"Input should be a valid "
        "list\",\"input\":{\"url\":\"http://example.com/\",\"name\":\"Example\"}}");
}

WEFT_TEST(pair_59_a_text_where_an_int_belongs)
{
    BODY(Towel, "{\"title\":\"towel\",\"size\":\"XL\"}",
        "{\"type\":\"int_parsing\",\"loc\":[\"body\",\"size\"],\"msg\":\"Input should be "
        "a valid integer, unable to parse string as an integer\",\"input\":\"XL\"}");
}

WEFT_TEST(problems_of_a_model_come_in_the_order_of_its_declaration)
{
    BODY(FilterParams, "{\"tags\":[1,\"a\",null],\"order_by\":\"x\",\"offset\":-1,\"limit\":150}",
        "{\"type\":\"less_than_equal\",\"loc\":[\"body\",\"limit\"],\"msg\":\"Input should be less "
        "than or equal to 100\",\"input\":150,\"ctx\":{\"le\":100}},"
        "{\"type\":\"greater_than_equal\",\"loc\":[\"body\",\"offset\"],\"msg\":\"Input should be "
        "greater than or equal to 0\",\"input\":-1,\"ctx\":{\"ge\":0}},"
        "{\"type\":\"enum\",\"loc\":[\"body\",\"order_by\"],\"msg\":\"Input should be 'alexnet', "
        "'resnet' or 'lenet'\",\"input\":\"x\","
        "\"ctx\":{\"expected\":\"'alexnet', 'resnet' or 'lenet'\"}},"
        "{\"type\":\"string_type\",\"loc\":[\"body\",\"tags\",0],\"msg\":\"Input should be a valid "
        "string\",\"input\":1},"
        "{\"type\":\"string_type\",\"loc\":[\"body\",\"tags\",2],\"msg\":\"Input should be a valid "
        "string\",\"input\":null}");
}

WEFT_MODEL(Counted, list(int, some, .min_items = 2, .max_items = 3),
    map(int, few, .min_items = 1, .max_items = 1));

WEFT_TEST(lists_and_maps_with_too_few_or_too_many_items)
{
    BODY(Counted, "{\"some\":[1],\"few\":{}}",
        "{\"type\":\"too_short\",\"loc\":[\"body\",\"some\"],\"msg\":\"List should have at least 2 "
        "items after validation, not 1\",\"input\":[1],"
        "\"ctx\":{\"field_type\":\"List\",\"min_length\":2,\"actual_length\":1}},"
        "{\"type\":\"too_short\",\"loc\":[\"body\",\"few\"],\"msg\":\"Dictionary should have at "
        "least 1 item after validation, not 0\",\"input\":{},"
        "\"ctx\":{\"field_type\":\"Dictionary\",\"min_length\":1,\"actual_length\":0}}");
    BODY(Counted, "{\"some\":[\"x\",1,2,3,4],\"few\":{\"a\":1,\"b\":2}}",
        "{\"type\":\"too_long\",\"loc\":[\"body\",\"some\"],\"msg\":\"List should have at most 3 "
        "items after validation, not 5\",\"input\":[\"x\",1,2,3,4],"
        "\"ctx\":{\"field_type\":\"List\",\"max_length\":3,\"actual_length\":5}},"
        "{\"type\":\"too_long\",\"loc\":[\"body\",\"few\"],\"msg\":\"Dictionary should have at "
        "most 1 item after validation, not 2\","
        "\"input\":{\"a\":1,\"b\":2},\"ctx\":{\"field_type\":\"Dictionary\",\"max_length\":1,"
        "\"actual_length\":2}}");
    BODY(Counted, "{\"some\":[\"x\"],\"few\":{\"a\":\"y\",\"b\":2}}",
        "{\"type\":\"int_parsing\",\"loc\":[\"body\",\"some\",0],\"msg\":\"Input should be a valid "
        "integer, unable to parse string as an integer\",\"input\":\"x\"},"
        "{\"type\":\"int_parsing\",\"loc\":[\"body\",\"few\",\"a\"],\"msg\":\"Input should be a "
        "valid integer, unable to parse string as an integer\",\"input\":\"y\"}");
}

WEFT_TEST(values_of_the_wrong_kind)
{
    BODY(Counted, "{\"some\":{},\"few\":[]}",
        "{\"type\":\"list_type\",\"loc\":[\"body\",\"some\"],\"msg\":\"Input should be a valid "
        "list\",\"input\":{}},"
        "{\"type\":\"dict_type\",\"loc\":[\"body\",\"few\"],\"msg\":\"Input should be a valid "
        "dictionary\",\"input\":[]}");
    BODY(EmbeddedItem, "{\"item\":[1]}",
        "{\"type\":\"model_attributes_type\",\"loc\":[\"body\",\"item\"],\"msg\":\"Input should be "
        "a valid "
        "dictionary or object to extract fields from\",\"input\":[1]}");
    BODY(Item, "null",
        "{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid "
        "dictionary or object to "
        "extract fields from\",\"input\":null}");
}

static weft_str repeated(
    char *to, const char *open, const char *unit, size_t times, const char *close)
{
    char *at = stpcpy(to, open);
    for (size_t i = 0; i < times; i++) at = stpcpy(stpcpy(at, i ? "," : ""), unit);
    at = stpcpy(at, close);
    return (weft_str){ to, (size_t)(at - to) };
}

WEFT_TEST(a_hundred_problems_are_kept_and_what_follows_is_not_judged)
{
    static char text[8192];
    reading r = reading_open();
    weft_list_int list;
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_weft_list_int, NULL,
                      repeated(text, "[", "\"x\"", 1000, "]"), &list),
        WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__problems_count(&r.problems), 100);
    WEFT_CHECK_EQ(list.count, 100);
    WEFT_CHECK_EQ(r.problems.items[99].loc[1].index, 99);
    WEFT_CHECK(detail_of(&r).len < 32 * 1024);
    reading_close(&r);
}

WEFT_TEST(many_bad_constants_take_no_more_memory_than_a_hundred)
{
    char *text = scratch(400000);
    reading r = reading_open();
    weft_list_ModelName list;
    weft_str json = repeated(text, "[", "\"x\"", 90000, "]");
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_weft_list_ModelName, NULL, json, &list), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__problems_count(&r.problems), 100);
    WEFT_CHECK(r.arena.bytes < 100000);
    reading_close(&r);
}

WEFT_TEST(after_a_hundred_problems_a_syntax_error_still_replaces_them)
{
    static char text[8192];
    reading r = reading_open();
    weft_list_int list;
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_weft_list_int, NULL,
                      repeated(text, "[", "\"x\"", 1000, "}"), &list),
        WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    reading_close(&r);
}

WEFT_TEST(a_long_input_is_echoed_up_to_a_kilobyte_as_text)
{
    static char text[8192];
    reading r = reading_open();
    Item item;
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_Item, NULL,
                      repeated(text, "{\"other\":[", "12345678", 500, "]}"), &item),
        WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 2);
    weft__input input = r.problems.items[0].input;
    WEFT_CHECK_EQ(input.kind, WEFT__INPUT_TEXT);
    WEFT_CHECK_EQ(input.bytes.len, 1024 + 3);
    WEFT_CHECK(memcmp(input.bytes.ptr, "{\"other\":[12345678,", 19) == 0);
    WEFT_CHECK(memcmp(input.bytes.ptr + 1024, "\xE2\x80\xA6", 3) == 0);
    WEFT_CHECK(r.problems.items[1].input.bytes.ptr == input.bytes.ptr);
    reading_close(&r);
}

WEFT_TEST(a_long_input_is_cut_between_characters)
{
    static char text[8192];
    for (size_t shift = 0; shift < 4; shift++) {
        reading r = reading_open();
        int value;
        text[0] = '"';
        memset(text + 1, 'a', shift);
        weft_str whole = repeated(text + 1 + shift, "", "\xF0\x9F\x98\x80", 600, "\"");
        weft_str json = { text, whole.len + 1 + shift };
        WEFT_CHECK_EQ(read_str(&r, &weft_schema_int, NULL, json, &value), WEFT_EINVAL);
        weft_str detail = detail_of(&r);
        bool replaced = memmem(detail.ptr, detail.len, "\xEF\xBF\xBD", 3);
        WEFT_CHECK(!replaced && memmem(detail.ptr, detail.len, "\xE2\x80\xA6\"", 4));
        reading_close(&r);
    }
}

WEFT_TEST(two_inputs_at_one_place_in_memory_are_two)
{
    char text[] = "[1]";
    static const weft__finding found = { .type = "t", .msg = "m" };
    WITH_TEXTS(r) {
        weft__problems_add(
            &r.problems, &found, &QUERY, (weft__input){ WEFT__INPUT_JSON, { text, 3 } });
        text[1] = '2';
        weft__problems_add(
            &r.problems, &found, &QUERY, (weft__input){ WEFT__INPUT_JSON, { text, 3 } });
        WEFT_CHECK_STR(r.problems.items[0].input.bytes, "[1]");
        WEFT_CHECK_STR(r.problems.items[1].input.bytes, "[2]");
    }
}

WEFT_TEST(problems_outlive_the_text_they_came_from)
{
    char text[] = "{\"name\":5,\"price\":1,\"items\":[{\"price\":\"abc\",\"name\":\"n\"}]}";
    reading r = reading_open();
    Offer offer;
    WEFT_CHECK_EQ(READ(&r, Offer, &offer, text), WEFT_EINVAL);
    memset(text, 'z', sizeof text - 1);
    CHECK_DETAIL(&r, "{\"type\":\"string_type\",\"loc\":[\"body\",\"name\"],\"msg\":\"Input should "
                     "be a valid string\",\"input\":5},"
                     "{\"type\":\"float_parsing\",\"loc\":[\"body\",\"items\",0,\"price\"],\"msg\":"
                     "\"Input should be a valid number, unable to parse "
                     "string as a number\",\"input\":\"abc\"}");
    reading_close(&r);
}

/* Else one long key above a hundred problems would be a hundred long keys in the answer. */
WEFT_TEST(a_long_key_of_a_map_is_named_by_its_beginning)
{
    static char text[4096];
    reading r = reading_open();
    weft_map_int map;
    char *at = stpcpy(text, "{\"");
    for (int i = 0; i < 1000; i++) at = stpcpy(at, "\xC3\xA9");
    at = stpcpy(at, "\":\"x\"}");
    weft_str json = { text, (size_t)(at - text) };
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_weft_map_int, NULL, json, &map), WEFT_EINVAL);
    WEFT_NEED(r.problems.count == 1 && r.problems.items[0].loc_count == 2);
    weft__step key = r.problems.items[0].loc[1];
    WEFT_CHECK_EQ(key.len, 254 + 3);
    WEFT_CHECK(memcmp(key.name, text + 2, 254) == 0);
    WEFT_CHECK_STR(weft_str_of(key.name + 254), "\xE2\x80\xA6");
    WEFT_CHECK_EQ(map.items[0].key.len, 2000);
    reading_close(&r);
}

WEFT_TEST(a_key_of_a_map_with_nul_is_a_problem_of_the_key)
{
    BODY(weft_map_int, "{\"a\\u0000b\":1}",
        "{\"type\":\"string_nul\",\"loc\":[\"body\",\"a\\u0000b\",\"[key]\"],\"msg\":\"String "
        "should not "
        "contain a NUL character\",\"input\":\"a\\u0000b\"}");
}

WEFT_TEST(text_that_is_not_utf8_is_a_problem_with_a_readable_echo)
{
    WITH_TEXTS(r) {
        WEFT_CHECK_EQ(TEXT(&r, QUERY, weft_str, "q", "a\xFF"), WEFT_EINVAL);
        CHECK_DETAIL(&r, "{\"type\":\"string_unicode\",\"loc\":[\"query\",\"q\"],\"msg\":\"Input "
                         "should be a valid string, unable to parse "
                         "raw data as a unicode string\",\"input\":\"a\xEF\xBF\xBD\"}");
    }
}

WEFT_TEST(constants_with_quotes_are_listed_as_python_would)
{
    static const weft_field values[] = { { .name = "it's", .name_len = 4 },
        { .name = "q\"x", .name_len = 3 }, { .name = "a\\b", .name_len = 3 } };
    static const weft_schema schema = {
        .name = "quoted", .kind = WEFT__enum, .size = 4, .fields = values, .count = 3
    };
    reading r = reading_open();
    int value;
    WEFT_CHECK_EQ(read_str(&r, &schema, NULL, WEFT_S("5"), &value), WEFT_EINVAL);
    WEFT_CHECK_STR(r.problems.items[0].msg, "Input should be \"it's\", 'q\"x' or 'a\\\\b'");
    reading_close(&r);
}
