#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/pack.h"
#include "reading.h"
#include "small_stack.h"

WEFT_MODEL(Created, field(int64_t, id), field(weft_str, name, .max_len = 5));
WEFT_MODEL(Deleted, field(int64_t, id), opt(weft_str, reason), no_extra());
WEFT_MODEL(Noted, extra(weft_json, rest));
WEFT_UNION(Event, type, when("order.created", Created, created),
    when("order.deleted", Deleted, deleted), when("it's", Noted, noted));
WEFT_MODEL(Feed, field(weft_str, title), list(Event, events));
WEFT_MODEL(Holder, opt(Event, last), map(Event, named), ref(Event, first), field(Event, own));
WEFT_DECLARE(Shape);
WEFT_MODEL(Circle, field(double, radius));
WEFT_MODEL(Group, list(Shape, shapes));
WEFT_DEFINE_UNION(Shape, kind, when("circle", Circle, circle), when("group", Group, group));

#define BACK(r, Model, json, expected)                                                             \
    do {                                                                                           \
        Model back_;                                                                               \
        WEFT_CHECK_EQ(READ((r), Model, &back_, json), 0);                                          \
        WEFT_CHECK_STR(json_of((r), &weft_schema_##Model, &back_), expected);                      \
    } while (0)

WEFT_TEST(a_union_is_read_by_its_tag_wherever_that_stands)
{
    reading r = reading_open();
    Event e;
    WEFT_CHECK_EQ(READ(&r, Event, &e, "{\"type\":\"order.created\",\"id\":3,\"name\":\"a\"}"), 0);
    WEFT_CHECK_EQ(e.type, Event_created);
    WEFT_CHECK_EQ(e.created.id, 3);
    WEFT_CHECK_STR(e.created.name, "a");
    WEFT_CHECK_EQ(READ(&r, Event, &e, " { \"id\" : 4 , \"type\" : \"order.deleted\" } "), 0);
    WEFT_CHECK_EQ(e.type, Event_deleted);
    WEFT_CHECK_EQ(e.deleted.id, 4);
    WEFT_CHECK(!e.deleted.reason.set);
    WEFT_CHECK_EQ(
        READ(&r, Event, &e, "{\"x\":[{\"type\":1}],\"id\":5,\"\\u0074ype\":\"order.d\\u0065leted\"}"),
        WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "extra_forbidden");
    WEFT_CHECK_EQ(
        READ(&r, Event, &e, "{\"id\":5,\"\\u0074ype\":\"order.d\\u0065leted\"}"), 0);
    WEFT_CHECK_EQ(e.deleted.id, 5);
    reading_close(&r);
}

WEFT_TEST(a_union_is_written_with_its_tag_in_front)
{
    reading r = reading_open();
    BACK(&r, Event, "{\"id\":3,\"name\":\"a\",\"type\":\"order.created\"}",
        "{\"type\":\"order.created\",\"id\":3,\"name\":\"a\"}");
    BACK(&r, Event, "{\"type\":\"it's\",\"more\":[1,{}]}", "{\"type\":\"it's\",\"more\":[1,{}]}");
    BACK(&r, Event, "{\"type\":\"it's\"}", "{\"type\":\"it's\"}");
    reading_close(&r);
}

WEFT_TEST(a_union_stands_wherever_a_model_can)
{
    reading r = reading_open();
    BACK(&r, Feed,
        "{\"title\":\"t\",\"events\":[{\"type\":\"order.deleted\",\"id\":1},"
        "{\"name\":\"b\",\"id\":2,\"type\":\"order.created\"}]}",
        "{\"title\":\"t\",\"events\":[{\"type\":\"order.deleted\",\"id\":1,\"reason\":null},"
        "{\"type\":\"order.created\",\"id\":2,\"name\":\"b\"}]}");
    BACK(&r, Holder,
        "{\"last\":null,\"named\":{\"a\":{\"type\":\"it's\"}},\"first\":{\"type\":\"it's\"},"
        "\"own\":{\"type\":\"it's\"}}",
        "{\"last\":null,\"named\":{\"a\":{\"type\":\"it's\"}},\"first\":{\"type\":\"it's\"},"
        "\"own\":{\"type\":\"it's\"}}");
    reading_close(&r);
}

WEFT_TEST(a_union_can_hold_itself)
{
    reading r = reading_open();
    BACK(&r, Shape,
        "{\"kind\":\"group\",\"shapes\":[{\"kind\":\"circle\",\"radius\":1},{\"shapes\":[],"
        "\"kind\":\"group\"}]}",
        "{\"kind\":\"group\",\"shapes\":[{\"kind\":\"circle\",\"radius\":1.0},{\"kind\":\"group\","
        "\"shapes\":[]}]}");
    reading_close(&r);
}

WEFT_TEST(a_tag_that_is_missing_or_unknown_is_told_as_pydantic_does)
{
    reading r = reading_open();
    Event e;
    WEFT_CHECK_EQ(READ(&r, Event, &e, "{\"id\":3}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"union_tag_not_found\",\"loc\":[\"body\"],\"msg\":\"Unable to extract tag using "
        "discriminator 'type'\",\"input\":{\"id\":3},\"ctx\":{\"discriminator\":\"'type'\"}}");
    WEFT_CHECK_EQ(READ(&r, Event, &e, "{\"type\":\"x\"}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"union_tag_invalid\",\"loc\":[\"body\"],\"msg\":\"Input tag 'x' found using "
        "'type' does not match any of the expected tags: 'order.created', 'order.deleted', "
        "\\\"it's\\\"\",\"input\":{\"type\":\"x\"},\"ctx\":{\"discriminator\":\"'type'\",\"tag\":\"x\","
        "\"expected_tags\":\"'order.created', 'order.deleted', \\\"it's\\\"\"}}");
    WEFT_CHECK_EQ(READ(&r, Event, &e, "{\"type\":7}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "union_tag_invalid");
    WEFT_CHECK_EQ(READ(&r, Event, &e, "[]"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "model_attributes_type");
    WEFT_CHECK_EQ(READ(&r, Event, &e, "null"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "model_attributes_type");
    reading_close(&r);
}

WEFT_TEST(problems_inside_a_union_have_the_case_in_their_place)
{
    reading r = reading_open();
    Feed f;
    WEFT_CHECK_EQ(READ(&r, Feed, &f,
                      "{\"title\":1,\"events\":[{\"name\":\"abcdef\",\"type\":\"order.created\"}]}"),
        WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"string_type\",\"loc\":[\"body\",\"title\"],\"msg\":\"Input should be a valid "
        "string\",\"input\":1},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"events\",0,\"order.created\",\"id\"],\"msg\":"
        "\"Field required\",\"input\":{\"name\":\"abcdef\",\"type\":\"order.created\"}},"
        "{\"type\":\"string_too_long\",\"loc\":[\"body\",\"events\",0,\"order.created\",\"name\"],"
        "\"msg\":\"String should have at most 5 characters\",\"input\":\"abcdef\",\"ctx\":{"
        "\"max_length\":5}}");
    reading_close(&r);
}

WEFT_TEST(nested_unions_each_add_their_case)
{
    reading r = reading_open();
    Shape s;
    WEFT_CHECK_EQ(READ(&r, Shape, &s,
                      "{\"kind\":\"group\",\"shapes\":[{\"kind\":\"circle\",\"radius\":\"x\"}]}"),
        WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"float_parsing\",\"loc\":[\"body\",\"group\",\"shapes\",0,\"circle\",\"radius\"],"
        "\"msg\":\"Input should be a valid number, unable to parse string as a number\",\"input\":"
        "\"x\"}");
    reading_close(&r);
}

WEFT_TEST(a_tag_that_is_there_twice_is_refused_and_bad_json_is_told_as_such)
{
    static const char *const texts[] = {
        "{\"type\":\"order.deleted\",\"id\":1,\"type\":\"order.deleted\"}",
        "{\"type\":\"order.deleted\",\"id\":1,\"\\u0074ype\":\"order.created\"}", "{\"type\"",
        "{\"type\":", "{\"type\":\"", "{\"type\":\"order.deleted\",", "{", "{}x", "{\"a\":1,}",
        "{\"type\":\"x\"", "{\"type\":\"x\",}", "{,\"type\":\"order.deleted\",\"id\":1}",
        "{\"id\" 1,\"type\":\"order.deleted\"}"
    };
    reading r = reading_open();
    Event e;
    for (size_t i = 0; i < weft_count(texts); i++) {
        WEFT_CHECK_EQ(READ(&r, Event, &e, texts[i]), WEFT_EINVAL);
        WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    }
    reading_close(&r);
}

WEFT_TEST(unions_end_where_all_nesting_ends)
{
    enum { LEVELS = 40, PIECE = 32 };
    static char text[LEVELS * PIECE * 2];
    reading r = reading_open();
    Shape s;
    size_t n = 0;
    for (int i = 0; i < LEVELS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"kind\":\"group\",\"shapes\":[");
    for (int i = 0; i < LEVELS; i++) n += (size_t)snprintf(text + n, sizeof text - n, "]}");
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_Shape, NULL, (weft_str){ text, n }, &s), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    reading_close(&r);
}

WEFT_TEST(a_union_that_is_no_case_cannot_be_written)
{
    weft__buf out;
    weft__fault fault;
    Holder h = { .own = { .type = Event_none } };
    weft__buf_init(&out, 1 << 20);
    WEFT_CHECK_EQ(weft__json_write(&weft_schema_Holder, &h, &out, &fault), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(fault.text),
        "a Event whose type is 0, which is none of its cases (model Holder, member 'own')");
    WEFT_CHECK_EQ(out.len, 0);
    weft__buf_free(&out);
}

WEFT_TEST(a_union_goes_to_another_process_and_back)
{
    reading r = reading_open();
    Feed f, again;
    weft__buf bytes;
    weft__buf_init(&bytes, 1 << 20);
    WEFT_CHECK_EQ(READ(&r, Feed, &f,
                      "{\"title\":\"t\",\"events\":[{\"type\":\"order.deleted\",\"id\":1},"
                      "{\"type\":\"it's\",\"a\":2}]}"),
        0);
    WEFT_CHECK_EQ(weft__pack_check(&weft_schema_Deleted, NULL), 0);
    WEFT_CHECK_EQ(weft__pack(&weft_schema_Feed, &f, &bytes, NULL), 0);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_Feed, weft__buf_str(&bytes), &again, &r.arena), 0);
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Feed, &again),
        "{\"title\":\"t\",\"events\":[{\"type\":\"order.deleted\",\"id\":1,\"reason\":null},"
        "{\"type\":\"it's\",\"a\":2}]}");
    for (size_t n = 0; n < bytes.len; n++)
        WEFT_CHECK_EQ(
            weft__unpack(&weft_schema_Feed, (weft_str){ bytes.ptr, n }, &again, &r.arena),
            WEFT_EPROTO);
    Event none = { .type = Event_none };
    weft__buf_clear(&bytes);
    WEFT_CHECK_EQ(weft__pack(&weft_schema_Event, &none, &bytes, NULL), 0);
    WEFT_CHECK_EQ(bytes.len, 4);
    weft__buf_free(&bytes);
    reading_close(&r);
}

/* A document of unions as deep as may be, read with all the memory there is but too little. */
WEFT_TEST(an_arena_that_gives_out_ends_the_reading_of_a_union)
{
    static const weft_str json = WEFT_S(
        "{\"title\":\"t\",\"events\":[{\"na\\u006de\":\"b\",\"id\":2,\"\\u0074ype\":\"order.created\"},"
        "{\"type\":\"it's\",\"a\":1,\"b\":[2],\"\\u0063\":{}},{\"type\":\"order.deleted\",\"id\":1}]}");
    const weft__loc body = { .name = WEFT_S("body") };
    weft_arena arena;
    weft__problems problems;
    Feed f;
    int rc = WEFT_ELIMIT;
    size_t limit = 0;
    for (; limit < 64 * 1024 && rc != 0; limit += 16) {
        weft__arena_init(&arena, NULL, limit);
        weft__problems_init(&problems, &arena);
        rc = weft__json_read(&weft_schema_Feed, NULL, json, &f, &arena, &problems, &body);
        WEFT_CHECK(rc == 0 || rc == WEFT_ELIMIT);
        WEFT_CHECK_EQ(problems.count, 0);
        weft__arena_free(&arena);
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK(limit > 64);
}

WEFT_MODEL(Nest, extra(Nest, in));

/* The deepest documents of keys that are kept, and of unions whose tag stands last. */
static void *read_deep(void *failed)
{
    enum { LEVELS = 64, PIECE = 40 };
    char *text = malloc(LEVELS * PIECE), *at = text;
    reading r = reading_open();
    Nest nest;
    Shape shape;
    for (int i = 0; i < LEVELS - 1; i++) at = stpcpy(at, "{\"\\u0061\":");
    at = stpcpy(at, "{}");
    for (int i = 0; i < LEVELS - 1; i++) at = stpcpy(at, "}");
    bool read = READ(&r, Nest, &nest, text) == 0;
    weft_str again = json_of(&r, &weft_schema_Nest, &nest);
    read = read && again.len == (size_t)(LEVELS - 1) * 6 + 2;
    at = text;
    for (int i = 0; i < LEVELS / 2; i++) at = stpcpy(at, "{\"shapes\":[");
    for (int i = 0; i < LEVELS / 2; i++) at = stpcpy(at, "],\"kind\":\"group\"}");
    read = read && READ(&r, Shape, &shape, text) == 0;
    *(bool *)failed = !read;
    reading_close(&r);
    free(text);
    return NULL;
}

WEFT_TEST(the_deepest_unions_and_extra_keys_fit_a_small_stack)
{
    holds_on_a_small_stack(read_deep);
}
