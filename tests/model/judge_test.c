#include <stdio.h>
#include <string.h>
#include "reading.h"

WEFT_ENUM(Pace, value(PACE_SLOW, "slow"), value(PACE_FAST, "fast"));
WEFT_LITERAL(Order, value(BY_CREATED, "created_at"), value(BY_UPDATED, "updated_at"));
WEFT_MODEL(Sorted, field(Order, order_by, .initial = "created_at"));

WEFT_TEST(a_literal_is_an_enum_with_an_error_of_its_own)
{
    reading r = reading_open();
    Sorted s;
    WEFT_CHECK_EQ(READ(&r, Sorted, &s, "{\"order_by\":\"updated_at\"}"), 0);
    WEFT_CHECK_EQ(s.order_by, BY_UPDATED);
    WEFT_CHECK_EQ(READ(&r, Sorted, &s, "{\"order_by\":\"nothing\"}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"literal_error\",\"loc\":[\"body\",\"order_by\"],\"msg\":\"Input should be "
        "'created_at' or 'updated_at'\",\"input\":\"nothing\",\"ctx\":{\"expected\":\"'created_at' "
        "or 'updated_at'\"}}");
    reading_close(&r);
}

WEFT_MODEL(Fixed, field(weft_str, kind, .only = "a\"b"), field(int, version, .only = "2"),
    field(bool, on, .only = "true"), field(Pace, pace, .only = "fast"),
    opt(weft_str, maybe, .only = "m"), field(int64_t, late, .only = "-7", .initial = "-7"));

WEFT_TEST(a_constant_takes_one_value_and_converts_nothing)
{
    reading r = reading_open();
    Fixed f;
    WEFT_CHECK_EQ(
        READ(&r, Fixed, &f,
            "{\"kind\":\"a\\\"b\",\"version\":2,\"on\":true,\"pace\":\"fast\",\"maybe\":null}"),
        0);
    WEFT_CHECK_STR(f.kind, "a\"b");
    WEFT_CHECK_EQ(f.version, 2);
    WEFT_CHECK(f.on && f.maybe.null && !f.maybe.set);
    WEFT_CHECK_EQ(f.pace, PACE_FAST);
    WEFT_CHECK_EQ(f.late, -7);
    WEFT_CHECK_EQ(READ(&r, Fixed, &f,
                      "{\"kind\":\"x\",\"version\":\"2\",\"on\":1,\"pace\":\"slow\",\"maybe\":\"n\","
                      "\"late\":null}"),
        WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 6);
    for (uint32_t i = 0; i < r.problems.count; i++)
        WEFT_CHECK_STR(weft_str_of(r.problems.items[i].type), "literal_error");
    WEFT_CHECK_STR(r.problems.items[0].msg, "Input should be 'a\"b'");
    WEFT_CHECK_STR(r.problems.items[1].msg, "Input should be 2");
    WEFT_CHECK_STR(r.problems.items[2].msg, "Input should be True");
    WEFT_CHECK_STR(r.problems.items[3].msg, "Input should be 'fast'");
    reading_close(&r);
}

WEFT_TEST(a_constant_is_written_whatever_the_struct_holds)
{
    reading r = reading_open();
    Fixed f = { .version = 9 };
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Fixed, &f),
        "{\"kind\":\"a\\\"b\",\"version\":2,\"on\":true,\"pace\":\"fast\",\"maybe\":null,\"late\":-7}");
    f.maybe.set = true;
    WEFT_CHECK(strstr(json_of(&r, &weft_schema_Fixed, &f).ptr, "\"maybe\":\"m\""));
    reading_close(&r);
}

WEFT_MODEL(Sets, list(int, n, .unique = true, .initial = "[]"),
    list(weft_str, s, .unique = true, .initial = "[]"),
    list(double, d, .unique = true, .initial = "[]"),
    list(Pace, p, .unique = true, .initial = "[]"));

WEFT_TEST(items_that_are_equal_are_a_problem_of_their_list)
{
    reading r = reading_open();
    Sets s;
    WEFT_CHECK_EQ(READ(&r, Sets, &s,
                      "{\"n\":[3,1,2],\"s\":[\"a\",\"b\",\"ab\",\"\"],\"d\":[1,1.5],\"p\":[\"slow\","
                      "\"fast\"]}"),
        0);
    WEFT_CHECK_EQ(READ(&r, Sets, &s,
                      "{\"n\":[3,1,3,1],\"s\":[\"\",\"x\",\"\"],\"d\":[0.0,-0.0],\"p\":[\"slow\","
                      "\"slow\"]}"),
        WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 4);
    WEFT_CHECK_EQ(r.problems.items[0].ctx[0].i, 2);
    WEFT_CHECK_EQ(READ(&r, Sets, &s, "{\"n\":[1,1]}"), WEFT_EINVAL);
    CHECK_DETAIL(&r, "{\"type\":\"unique_list\",\"loc\":[\"body\",\"n\"],\"msg\":\"List should have "
                     "unique items\",\"input\":[1,1],\"ctx\":{\"index\":1}}");
    WEFT_CHECK_EQ(READ(&r, Sets, &s, "{\"n\":[1,1,\"x\"]}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "int_parsing");
    reading_close(&r);
}

/* Against comparing all with all. */
WEFT_TEST(the_first_repeated_item_is_found_in_lists_of_any_length)
{
    reading r = reading_open();
    for (unsigned seed = 0; seed < 300; seed++) {
        unsigned state = seed * 2654435761u + 1, count = seed % 40;
        int seen[40], first = -1;
        char text[400] = "{\"n\":[";
        for (unsigned i = 0; i < count; i++) {
            seen[i] = (int)((state = state * 1103515245u + 12345u) >> 16) % 400;
            for (unsigned k = 0; k < i && first < 0; k++)
                if (seen[k] == seen[i]) first = (int)i;
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? "," : "", seen[i]);
        }
        strcat(text, "]}");
        Sets s;
        int rc = READ(&r, Sets, &s, text);
        WEFT_CHECK_EQ(rc, first < 0 ? 0 : WEFT_EINVAL);
        if (rc < 0) WEFT_CHECK_EQ(r.problems.items[0].ctx[0].i, first);
    }
    reading_close(&r);
}

static int asked;
static const char *not_blank(weft_str *s)
{
    asked++;
    return s->len ? NULL : "must not be blank";
}

static const char *to_even(int *n)
{
    *n += *n & 1;
    return NULL;
}

static const char *sum_is_small(weft_list_int *l)
{
    int sum = 0;
    for (uint32_t i = 0; i < l->count; i++) sum += l->items[i];
    return sum > 10 ? "the sum must be at most {0} \xE2\x82\xAC 10" : NULL;
}

WEFT_DECLARE(Span);
static const char *ordered(Span *s);
WEFT_DEFINE(Span, field(int, low), field(int, high), check(ordered));
static const char *ordered(Span *s) { return s->low <= s->high ? NULL : "low is above high"; }

WEFT_DECLARE(Named);
static const char *has_name_of_span(Named *n);
WEFT_DEFINE(Named, field(weft_str, name, .check = not_blank, .max_len = 3),
    opt(weft_str, note, .check = not_blank), field(int, even, .check = to_even, .initial = "3"),
    list(int, few, .check = sum_is_small, .initial = "[]"), embed(Span, span), check(has_name_of_span));
static const char *has_name_of_span(Named *n) { return n->span.low == 9 ? "nine is taken" : NULL; }

WEFT_TEST(a_check_of_a_member_is_asked_once_its_value_is_good)
{
    reading r = reading_open();
    Named n;
    asked = 0;
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"abcd\",\"low\":1,\"high\":2}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":1,\"note\":null,\"low\":1,\"high\":2}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(asked, 0);
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"\",\"note\":\"\",\"low\":1,\"high\":2}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(asked, 2);
    CHECK_DETAIL(&r,
        "{\"type\":\"value_error\",\"loc\":[\"body\",\"name\"],\"msg\":\"Value error, must not be "
        "blank\",\"input\":\"\",\"ctx\":{\"error\":{}}},"
        "{\"type\":\"value_error\",\"loc\":[\"body\",\"note\"],\"msg\":\"Value error, must not be "
        "blank\",\"input\":\"\",\"ctx\":{\"error\":{}}}");
    reading_close(&r);
}

WEFT_TEST(a_check_may_change_the_value_and_is_not_asked_about_an_initial_one)
{
    reading r = reading_open();
    Named n;
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"a\",\"even\":7,\"low\":1,\"high\":2}"), 0);
    WEFT_CHECK_EQ(n.even, 8);
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"a\",\"low\":1,\"high\":2}"), 0);
    WEFT_CHECK_EQ(n.even, 3);
    reading_close(&r);
}

WEFT_TEST(a_check_of_a_list_is_given_the_list_and_its_words_are_passed_on_as_they_are)
{
    reading r = reading_open();
    Named n;
    WEFT_CHECK_EQ(
        READ(&r, Named, &n, "{\"name\":\"a\",\"few\":[5,6],\"low\":1,\"high\":2}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"value_error\",\"loc\":[\"body\",\"few\"],\"msg\":\"Value error, the sum must be "
        "at most {0} \xE2\x82\xAC 10\",\"input\":[5,6],\"ctx\":{\"error\":{}}}");
    reading_close(&r);
}

WEFT_TEST(a_check_of_a_model_is_asked_when_all_its_members_are_good)
{
    reading r = reading_open();
    Named n;
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"\",\"low\":3,\"high\":2}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 1);
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"a\",\"low\":3,\"high\":2}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"value_error\",\"loc\":[\"body\"],\"msg\":\"Value error, low is above high\","
        "\"input\":{\"name\":\"a\",\"low\":3,\"high\":2},\"ctx\":{\"error\":{}}}");
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"name\":\"a\",\"low\":9,\"high\":9}"), WEFT_EINVAL);
    WEFT_CHECK_STR(r.problems.items[0].msg, "Value error, nine is taken");
    reading_close(&r);
}

WEFT_UNION(Either, kind, when("span", Span, span), when("sorted", Sorted, sorted));

WEFT_TEST(a_check_of_a_case_has_the_case_in_its_place)
{
    reading r = reading_open();
    Either e;
    WEFT_CHECK_EQ(READ(&r, Either, &e, "{\"kind\":\"span\",\"low\":2,\"high\":1}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"value_error\",\"loc\":[\"body\",\"span\"],\"msg\":\"Value error, low is above "
        "high\",\"input\":{\"kind\":\"span\",\"low\":2,\"high\":1},\"ctx\":{\"error\":{}}}");
    reading_close(&r);
}

WEFT_MODEL(Patch, opt(int, any), opt(int, sure, .not_null = true), opt(int, there, .required = true),
    field(int, began, .initial = "3"));

WEFT_TEST(absent_and_null_are_told_apart)
{
    reading r = reading_open();
    Patch p;
    WEFT_CHECK_EQ(READ(&r, Patch, &p, "{\"any\":null,\"there\":null}"), 0);
    WEFT_CHECK(p.any.null && !p.any.set && !p.sure.null && !p.sure.set && p.there.null);
    WEFT_CHECK_EQ(p.began, 3);
    WEFT_CHECK_EQ(READ(&r, Patch, &p, "{\"sure\":1,\"there\":2}"), 0);
    WEFT_CHECK(!p.any.null && !p.any.set && p.sure.set && p.there.set);
    WEFT_CHECK_EQ(p.sure.value, 1);
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Patch, &(Patch){ .began = 1 }),
        "{\"any\":null,\"there\":null,\"began\":1}");
    WEFT_CHECK_EQ(READ(&r, Patch, &p, "{\"sure\":null,\"began\":null}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"int_type\",\"loc\":[\"body\",\"sure\"],\"msg\":\"Input should be a valid "
        "integer\",\"input\":null},"
        "{\"type\":\"missing\",\"loc\":[\"body\",\"there\"],\"msg\":\"Field required\",\"input\":{"
        "\"sure\":null,\"began\":null}},"
        "{\"type\":\"int_type\",\"loc\":[\"body\",\"began\"],\"msg\":\"Input should be a valid "
        "integer\",\"input\":null}");
    reading_close(&r);
}

WEFT_MODEL(Strict, field(int, a), no_extra());
WEFT_MODEL(Counted, field(int, a), extra(int, rest, .range = { 0, 9 }));
WEFT_MODEL(Kept, extra(weft_json, rest), field(int, a, .initial = "1"));

WEFT_TEST(extra_keys_are_refused_each_behind_the_members)
{
    reading r = reading_open();
    Strict s;
    WEFT_CHECK_EQ(READ(&r, Strict, &s, "{\"a\":1}"), 0);
    WEFT_CHECK_EQ(READ(&r, Strict, &s, "{\"b\":[1, 2],\"\\u0063\":\"x\",\"a\":\"y\"}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"int_parsing\",\"loc\":[\"body\",\"a\"],\"msg\":\"Input should be a valid "
        "integer, unable to parse string as an integer\",\"input\":\"y\"},"
        "{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"b\"],\"msg\":\"Extra inputs are not "
        "permitted\",\"input\":[1, 2]},"
        "{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"c\"],\"msg\":\"Extra inputs are not "
        "permitted\",\"input\":\"x\"}");
    reading_close(&r);
}

WEFT_TEST(extra_keys_are_kept_judged_and_written_back)
{
    reading r = reading_open();
    Kept k;
    WEFT_CHECK_EQ(READ(&r, Kept, &k, "{\"x\":{\"y\": [1]},\"a\":2,\"\\u007a\":null}"), 0);
    WEFT_CHECK_EQ(k.rest.count, 2);
    WEFT_CHECK_STR(k.rest.items[1].key, "z");
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Kept, &k), "{\"a\":2,\"x\":{\"y\": [1]},\"z\":null}");
    Counted c;
    WEFT_CHECK_EQ(READ(&r, Counted, &c, "{\"x\":10,\"y\":3}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"missing\",\"loc\":[\"body\",\"a\"],\"msg\":\"Field required\",\"input\":{\"x\":10,"
        "\"y\":3}},"
        "{\"type\":\"less_than_equal\",\"loc\":[\"body\",\"x\"],\"msg\":\"Input should be less than "
        "or equal to 9\",\"input\":10,\"ctx\":{\"le\":9}}");
    WEFT_CHECK_EQ(READ(&r, Kept, &k, "{\"x\":1,\"\\u0078\":2}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    reading_close(&r);
}

WEFT_TEST(many_extra_keys_are_kept_and_a_repeated_one_is_found)
{
    static char text[4000];
    reading r = reading_open();
    Kept k;
    size_t n = (size_t)snprintf(text, sizeof text, "{");
    for (int i = 0; i < 100; i++) n += (size_t)snprintf(text + n, sizeof text - n, "\"k%d\":%d,", i, i);
    snprintf(text + n, sizeof text - n, "\"a\":5}");
    WEFT_CHECK_EQ(READ(&r, Kept, &k, text), 0);
    WEFT_CHECK_EQ(k.rest.count, 100);
    snprintf(text + n, sizeof text - n, "\"a\":5,\"k7\":1}");
    WEFT_CHECK_EQ(READ(&r, Kept, &k, text), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    reading_close(&r);
}

WEFT_TEST(an_extra_key_that_is_a_member_is_not_written)
{
    struct weft_entry_weft_json entry = { WEFT_S("a"), { WEFT_S("1") } };
    Kept k = { .rest = { &entry, 1, 1 } };
    weft__buf out;
    weft__fault fault;
    weft__buf_init(&out, 1 << 20);
    WEFT_CHECK_EQ(weft__json_write(&weft_schema_Kept, &k, &out, &fault), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(fault.text),
        "the extra key 'a', which is a member of its own (model Kept)");
    weft__buf_free(&out);
}

WEFT_INPUT(places_in, query(weft_list_int, n, .unique = true, .initial = "[]"),
    query(weft_str, s, .check = not_blank), query(int, two, .only = "2"),
    query(weft_list_int, few, .check = sum_is_small, .initial = "[]"));

static int text_of(reading *r, int field, const char *text, void *out)
{
    const weft_field *f = &weft_schema_places_in.fields[field];
    weft__problems_init(&r->problems, &r->arena);
    return weft__text_read(
        f->type, f, weft_str_of(text), out, &r->arena, &r->problems, NULL);
}

WEFT_TEST(values_that_come_as_text_are_judged_too)
{
    reading r = reading_open();
    weft_str s;
    int two;
    weft_list_int list = { 0 };
    const weft_field *n = &weft_schema_places_in.fields[0];
    WEFT_CHECK_EQ(text_of(&r, 1, "", &s), WEFT_EINVAL);
    WEFT_CHECK_STR(r.problems.items[0].msg, "Value error, must not be blank");
    WEFT_CHECK_EQ(text_of(&r, 2, "2", &two), 0);
    WEFT_CHECK_EQ(text_of(&r, 2, "02", &two), 0);
    WEFT_CHECK_EQ(text_of(&r, 2, "3", &two), WEFT_EINVAL);
    WEFT_CHECK_STR(r.problems.items[0].msg, "Input should be 2");
    weft__problems_init(&r.problems, &r.arena);
    for (int i = 0; i < 2; i++)
        WEFT_CHECK_EQ(weft__text_append(n->type, n, WEFT_S("4"), &list, &r.arena, &r.problems, NULL), 0);
    WEFT_CHECK_EQ(weft__text_items(n, &list, &r.problems, NULL), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "unique_list");
    reading_close(&r);
}
