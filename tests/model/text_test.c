#include "model/text.h"
#include <string.h>
#include "reading.h"

WEFT_ENUM(Sort, value(SORT_UP, "up"), value(SORT_DOWN, "down"));
WEFT_MODEL(Empty, field(int, n));

static const weft__loc QUERY = { .name = WEFT_S("query") }, Q = { &QUERY, { "q", 1 }, 0 };

static reading texts_open(void)
{
    reading r = reading_open();
    return r;
}

#define FIELD(T, ...) \
    (&(weft_field){ .name = "q", .name_len = 1, .type = &weft_schema_##T, __VA_ARGS__ })

static int read_text(reading *r, const weft_field *field, weft_str text, void *out)
{
    weft__problems_init(&r->problems, &r->arena);
    return weft__text_read(field->type, field, text, out, &r->arena, &r->problems, &Q);
}

WEFT_TEST(texts_are_read_as_scalars_options_enums_and_json)
{
    reading r = texts_open();
    int number;
    weft_opt_double option;
    Sort sort;
    weft_json json;
    weft_str text;
    WEFT_CHECK_EQ(read_text(&r, FIELD(int), WEFT_S(" 42 "), &number), 0);
    WEFT_CHECK_EQ(number, 42);
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_opt_double), WEFT_S("1e3"), &option), 0);
    WEFT_CHECK(option.set && !option.null && option.value == 1000);
    WEFT_CHECK_EQ(read_text(&r, FIELD(Sort), WEFT_S("down"), &sort), 0);
    WEFT_CHECK_EQ(sort, SORT_DOWN);
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_json), WEFT_S("{\"a\":1}"), &json), 0);
    WEFT_CHECK_STR(json.text, "{\"a\":1}");
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_json), WEFT_S("{"), &json), WEFT_EINVAL);
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_str), (weft_str){ 0 }, &text), 0);
    WEFT_CHECK(text.len == 0 && text.ptr && text.ptr[0] == 0);
    WEFT_CHECK_EQ(read_text(&r, FIELD(int), (weft_str){ 0 }, &number), WEFT_EINVAL);
    reading_close(&r);
}

WEFT_TEST(text_is_copied_and_terminated)
{
    char bytes[] = "abcX";
    reading r = texts_open();
    weft_str text;
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_str), (weft_str){ bytes, 3 }, &text), 0);
    memset(bytes, 'z', sizeof bytes);
    WEFT_CHECK_STR(text, "abc");
    WEFT_CHECK_EQ(text.ptr[3], 0);
    reading_close(&r);
}

WEFT_TEST(text_that_no_c_string_can_hold_is_a_problem)
{
    reading r = texts_open();
    weft_str text;
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_str), WEFT_S("a\0b"), &text), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "string_nul");
    reading_close(&r);
}

WEFT_TEST(models_and_maps_are_no_text)
{
    reading r = texts_open();
    Empty model;
    weft_map_int map;
    WEFT_CHECK_EQ(read_text(&r, FIELD(Empty), WEFT_S("{\"n\":1}"), &model), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "model_attributes_type");
    WEFT_CHECK_EQ(read_text(&r, FIELD(weft_map_int), WEFT_S("{}"), &map), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "dict_type");
    reading_close(&r);
}

WEFT_TEST(a_list_takes_one_text_after_another)
{
    reading r = texts_open();
    weft_list_int list = { 0 };
    const weft_field *field = FIELD(weft_list_int, .max_items = 3, .range = { 0, 10 });
    weft__problems_init(&r.problems, &r.arena);
    static const char *const texts[] = { "1", "x", "11", "4" };
    for (size_t i = 0; i < 4; i++) {
        int rc = weft__text_append(
            field->type, field, weft_str_of(texts[i]), &list, &r.arena, &r.problems, &Q);
        WEFT_CHECK_EQ(rc, i == 1 || i == 2 ? WEFT_EINVAL : 0);
    }
    WEFT_CHECK(list.count == 4 && list.items[0] == 1 && list.items[3] == 4);
    CHECK_DETAIL(&r, "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"q\",1],\"msg\":\"Input should "
                     "be a valid integer, unable to parse string as "
                     "an "
                     "integer\",\"input\":\"x\"},{\"type\":\"less_than_equal\",\"loc\":[\"query\","
                     "\"q\",2],\"msg\":\"Input should be less than "
                     "or equal to 10\",\"input\":\"11\",\"ctx\":{\"le\":10}}");
    reading_close(&r);
}

WEFT_TEST(the_number_of_texts_is_checked_once_they_are_all_there)
{
    reading r = texts_open();
    weft_list_weft_str list = { 0 };
    const weft_field *field = FIELD(weft_list_weft_str, .min_items = 1, .max_items = 1);
    weft__problems_init(&r.problems, &r.arena);
    WEFT_CHECK_EQ(weft__text_items(field, &list, &r.problems, &Q), WEFT_EINVAL);
    WEFT_CHECK_EQ(
        weft__text_append(field->type, field, WEFT_S("a"), &list, &r.arena, &r.problems, &Q), 0);
    WEFT_CHECK_EQ(weft__text_items(field, &list, &r.problems, &Q), 0);
    WEFT_CHECK_EQ(
        weft__text_append(field->type, field, WEFT_S("b"), &list, &r.arena, &r.problems, &Q), 0);
    WEFT_CHECK_EQ(weft__text_items(field, &list, &r.problems, &Q), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"too_short\",\"loc\":[\"query\",\"q\"],\"msg\":\"List should have at least 1 "
        "item after validation, not 0\","
        "\"input\":[],\"ctx\":{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}},"
        "{\"type\":\"too_long\",\"loc\":[\"query\",\"q\"],\"msg\":\"List should have at most 1 "
        "item after validation, not 2\","
        "\"input\":[\"a\",\"b\"],\"ctx\":{\"field_type\":\"List\",\"max_length\":1,\"actual_"
        "length\":2}}");
    reading_close(&r);
}

static int read_texts(reading *r, const weft_field *field, const char *const *texts, size_t count,
    const weft__loc *loc)
{
    weft_list_int list = { 0 };
    for (size_t i = 0; i < count; i++) {
        int rc = weft__text_append(
            field->type, field, weft_str_of(texts[i]), &list, &r->arena, &r->problems, loc);
        WEFT_CHECK(rc == 0 || rc == WEFT_EINVAL);
    }
    return weft__text_items(field, &list, &r->problems, loc);
}

/* As lists in JSON. */
WEFT_TEST(a_list_of_texts_with_a_problem_inside_is_not_said_to_be_too_short)
{
    const weft__loc other = { &QUERY, WEFT_S("n"), 0 };
    const weft_field *field = FIELD(weft_list_int, .min_items = 2, .max_items = 2);
    reading r = texts_open();
    weft__problems_init(&r.problems, &r.arena);
    WEFT_CHECK_EQ(read_texts(&r, field, (const char *[]){ "x" }, 1, &other), 0);
    WEFT_CHECK_EQ(r.problems.count, 1);
    WEFT_CHECK_STR(weft_str_of(r.problems.items[0].type), "int_parsing");
    WEFT_CHECK_EQ(read_texts(&r, field, (const char *[]){ "1" }, 1, &Q), WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 2);
    WEFT_CHECK_STR(weft_str_of(r.problems.items[1].type), "too_short");
    reading_close(&r);
}

WEFT_TEST(a_list_of_too_many_texts_has_that_one_problem)
{
    const weft__loc other = { &QUERY, WEFT_S("n"), 0 };
    const weft_field *field = FIELD(weft_list_int, .max_items = 2);
    reading r = texts_open();
    weft__problems_init(&r.problems, &r.arena);
    WEFT_CHECK_EQ(read_texts(&r, field, (const char *[]){ "x" }, 1, &other), 0);
    WEFT_CHECK_EQ(read_texts(&r, field, (const char *[]){ "x", "1", "y" }, 3, &Q), WEFT_EINVAL);
    WEFT_NEED(r.problems.count == 2 && r.problems.total == 2);
    WEFT_CHECK_STR(weft_str_of(r.problems.items[0].type), "int_parsing");
    WEFT_CHECK_STR(weft_str_of(r.problems.items[1].type), "too_long");
    reading_close(&r);
}

static int read_absent(reading *r, const weft_field *field, void *out)
{
    weft__problems_init(&r->problems, &r->arena);
    return weft__absent_read(field, out, &r->arena, &r->problems, &Q);
}

WEFT_TEST(what_is_absent_is_its_initial_value_or_an_absent_option_or_missing)
{
    reading r = texts_open();
    int number = 7;
    weft_opt_int option = WEFT_SOME(7);
    weft_list_int list;
    weft_map_int map;
    weft_str text;
    Sort sort;
    Empty model;
    weft_json json;
    WEFT_CHECK_EQ(read_absent(&r, FIELD(int, .initial = "10"), &number), 0);
    WEFT_CHECK_EQ(number, 10);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(weft_opt_int), &option), 0);
    WEFT_CHECK(!option.set && !option.null);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(weft_opt_int, .initial = "3"), &option), 0);
    WEFT_CHECK(option.set && option.value == 3);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(weft_list_int, .initial = "[1,2]"), &list), 0);
    WEFT_CHECK(list.count == 2 && list.items[1] == 2);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(weft_map_int, .initial = "{\"a\":1}"), &map), 0);
    WEFT_CHECK(map.count == 1);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(weft_str, .initial = "[x]"), &text), 0);
    WEFT_CHECK_STR(text, "[x]");
    WEFT_CHECK_EQ(read_absent(&r, FIELD(Sort, .initial = "down"), &sort), 0);
    WEFT_CHECK_EQ(sort, SORT_DOWN);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(Empty, .initial = "{\"n\":4}"), &model), 0);
    WEFT_CHECK_EQ(model.n, 4);
    WEFT_CHECK_EQ(read_absent(&r, FIELD(weft_json, .initial = "[]"), &json), 0);
    WEFT_CHECK_STR(json.text, "[]");
    WEFT_CHECK_EQ(read_absent(&r, FIELD(int), &number), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "missing");
    reading_close(&r);
}
