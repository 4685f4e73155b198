#include "model/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reading.h"

WEFT_ENUM(
    Status, value(STATUS_OPEN, "open"), value(STATUS_SENT, "sent"), value(STATUS_CLOSED, "closed"));
WEFT_MODEL(NewOrder, field(weft_str, email), field(int, quantity),
    field(bool, gift, .initial = "false"));
WEFT_MODEL(Order, field(int64_t, id), embed(NewOrder, order),
    field(Status, status, .initial = "open"), map(int, stock, .initial = "{}"),
    hidden(weft_str, password_hash), opt(double, price), opt(weft_str, note, .initial = "none"));
WEFT_MODEL(Comment, field(weft_str, text), list(Comment, replies, .initial = "[]"),
    ref(Comment, quoted));
WEFT_DECLARE(Team);
WEFT_MODEL(Person, field(weft_str, name), list(Team, teams));
WEFT_DEFINE(Team, field(weft_str, name), list(Person, members), opt(Person, lead));
WEFT_MODEL(Deleted, field(int64_t, id), field(weft_json, reason));
WEFT_MODEL(Patch, opt(weft_str, email), opt(Status, status),
    opt(int, quantity, .range = { 1, 100 }));
WEFT_MODEL(Named, field(weft_str, name, .as = "full name \"é\""), field(int, n, .as = "a\nb"));
WEFT_MODEL(Nothing, hidden(int, secret));

WEFT_TEST(a_model_is_read_with_all_its_kinds_of_members)
{
    reading r = reading_open();
    Order o;
    WEFT_CHECK_EQ(
        READ(&r, Order, &o,
            "{\"id\":7,\"email\":\"a@b\",\"quantity\":2,\"gift\":true,\"status\":\"sent\","
            "\"stock\":{\"x\":1,\"y\":2},\"price\":null,\"note\":\"hi\"}"),
        0);
    WEFT_CHECK(o.id == 7 && o.order.quantity == 2 && o.order.gift && o.status == STATUS_SENT);
    WEFT_CHECK_STR(o.order.email, "a@b");
    WEFT_CHECK(o.stock.count == 2 && o.stock.items[0].value == 1 && o.stock.items[1].value == 2);
    WEFT_CHECK_STR(o.stock.items[1].key, "y");
    WEFT_CHECK(!o.price.set && o.price.null && o.note.set && !o.note.null);
    WEFT_CHECK_STR(o.note.value, "hi");
    WEFT_CHECK(o.password_hash.ptr == NULL);
    reading_close(&r);
}

WEFT_TEST(absent_members_get_their_initial_values)
{
    reading r = reading_open();
    Order o;
    memset(&o, 0xAA, sizeof o);
    WEFT_CHECK_EQ(READ(&r, Order, &o, "{\"quantity\":1,\"id\":1,\"email\":\"\"}"), 0);
    WEFT_CHECK(!o.order.gift && o.status == STATUS_OPEN && o.stock.count == 0);
    WEFT_CHECK(!o.price.set && !o.price.null && o.note.set);
    WEFT_CHECK_STR(o.note.value, "none");
    reading_close(&r);
}

WEFT_TEST(an_option_is_absent_or_null_or_a_value)
{
    reading r = reading_open();
    Patch p;
    WEFT_CHECK_EQ(READ(&r, Patch, &p, "{\"status\":null,\"quantity\":5}"), 0);
    WEFT_CHECK(!p.email.set && !p.email.null && !p.status.set && p.status.null && p.quantity.set &&
               !p.quantity.null);
    WEFT_CHECK_EQ(p.quantity.value, 5);
    WEFT_CHECK_EQ(READ(&r, Patch, &p, "{}"), 0);
    WEFT_CHECK_EQ(READ(&r, Patch, &p, "{\"quantity\":0}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "greater_than_equal");
    reading_close(&r);
}

WEFT_TEST(members_are_found_in_any_order_and_any_spelling)
{
    static const char *const texts[] = {
        "{\"text\":\"x\",\"replies\":[],\"quoted\":null}",
        "{\"quoted\":null,\"replies\":[],\"text\":\"x\"}",
        " { \"replies\" : [ ] , \"text\" : \"x\" } ",
        "{\"\\u0074\\u0065xt\":\"x\"}",
        "{\"other\":{\"text\":[1]},\"text\":\"x\",\"Text\":1,\"tex\":2,\"textt\":3,\"\":4}",
        "\n\t{\r\n\"text\"\n:\n\"\\u0078\"\n}\n",
    };
    for (size_t i = 0; i < weft_count(texts); i++) {
        reading r = reading_open();
        Comment c;
        WEFT_CHECK_EQ(READ(&r, Comment, &c, texts[i]), 0);
        WEFT_CHECK_STR(c.text, "x");
        WEFT_CHECK(c.replies.count == 0 && c.quoted == NULL && c.text.ptr[1] == 0);
        reading_close(&r);
    }
}

WEFT_TEST(names_in_json_may_differ_from_those_in_c)
{
    reading r = reading_open();
    Named n;
    WEFT_CHECK_EQ(READ(&r, Named, &n, "{\"full name \\\"\xC3\xA9\\\"\":\"v\",\"a\\nb\":3}"), 0);
    WEFT_CHECK_STR(n.name, "v");
    WEFT_CHECK_EQ(n.n, 3);
    WEFT_CHECK_EQ(
        READ(&r, Named, &n, "{\"a\\u000ab\":4,\"full name \\u0022\\u00e9\\u0022\":\"w\"}"), 0);
    WEFT_CHECK_STR(n.name, "w");
    WEFT_CHECK_STR(
        json_of(&r, &weft_schema_Named, &n), "{\"full name \\\"\xC3\xA9\\\"\":\"w\",\"a\\nb\":4}");
    reading_close(&r);
}

WEFT_TEST(recursive_and_mutual_models_are_read)
{
    reading r = reading_open();
    Comment c;
    WEFT_CHECK_EQ(READ(&r, Comment, &c,
                      "{\"text\":\"a\",\"quoted\":{\"text\":\"b\"},\"replies\":[{\"text\":\"c\","
                      "\"replies\":[{\"text\":\"d\"}]}]}"),
        0);
    WEFT_CHECK(c.quoted && c.replies.count == 1 && c.replies.items[0].replies.count == 1 &&
               !c.replies.items[0].quoted);
    WEFT_CHECK_STR(c.quoted->text, "b");
    WEFT_CHECK_STR(c.replies.items[0].replies.items[0].text, "d");
    Team t;
    WEFT_CHECK_EQ(READ(&r, Team, &t,
                      "{\"name\":\"t\",\"members\":[{\"name\":\"p\",\"teams\":[]}],\"lead\":{"
                      "\"name\":\"q\",\"teams\":[]}}"),
        0);
    WEFT_CHECK(t.members.count == 1 && t.lead.set);
    WEFT_CHECK_STR(t.lead.value.name, "q");
    reading_close(&r);
}

WEFT_TEST(a_weft_json_keeps_its_text)
{
    reading r = reading_open();
    Deleted d;
    WEFT_CHECK_EQ(
        READ(&r, Deleted, &d, "{\"id\":1,\"reason\": { \"a\" : [1.50, \"\\u00e9\"] } }"), 0);
    WEFT_CHECK_STR(d.reason.text, "{ \"a\" : [1.50, \"\\u00e9\"] }");
    WEFT_CHECK_EQ(READ(&r, Deleted, &d, "{\"id\":1,\"reason\":null}"), 0);
    WEFT_CHECK_STR(d.reason.text, "null");
    WEFT_CHECK_EQ(READ(&r, Deleted, &d, "{\"id\":1,\"reason\":[01]}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    WEFT_CHECK_EQ(READ(&r, Deleted, &d, "{\"id\":1}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "missing");
    reading_close(&r);
}

WEFT_TEST(a_whole_text_may_be_any_kind_of_value)
{
    reading r = reading_open();
    weft_list_int list;
    weft_map_double map;
    weft_opt_int option;
    weft_str text;
    weft_none none;
    Status status;
    WEFT_CHECK_EQ(READ(&r, weft_list_int, &list, "[1,\"2\",3.0]"), 0);
    WEFT_CHECK(list.count == 3 && list.items[0] == 1 && list.items[1] == 2 && list.items[2] == 3);
    WEFT_CHECK_EQ(READ(&r, weft_map_double, &map, "{\"b\":1,\"a\":2}"), 0);
    WEFT_CHECK(map.count == 2 && map.items[0].value == 1);
    WEFT_CHECK_STR(map.items[0].key, "b");
    WEFT_CHECK_EQ(READ(&r, weft_opt_int, &option, " null "), 0);
    WEFT_CHECK(option.null && !option.set);
    WEFT_CHECK_EQ(READ(&r, weft_str, &text, "\"\\ud83d\\ude00\""), 0);
    WEFT_CHECK_STR(text, "\xF0\x9F\x98\x80");
    WEFT_CHECK_EQ(READ(&r, weft_none, &none, "[1,2]"), 0);
    WEFT_CHECK_EQ(READ(&r, Status, &status, "\"\\u0073ent\""), 0);
    WEFT_CHECK_EQ(status, STATUS_SENT);
    WEFT_CHECK_EQ(READ(&r, Status, &status, "\"sen\""), WEFT_EINVAL);
    reading_close(&r);
}

WEFT_TEST(a_model_without_members_takes_any_object)
{
    reading r = reading_open();
    Nothing n;
    WEFT_CHECK_EQ(READ(&r, Nothing, &n, "{}"), 0);
    WEFT_CHECK_EQ(READ(&r, Nothing, &n, "{\"secret\":5,\"b\":[]}"), 0);
    WEFT_CHECK_EQ(n.secret, 0);
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Nothing, &n), "{}");
    reading_close(&r);
}

static void check_refused(
    const weft_schema *schema, const char *json, size_t position, const char *error)
{
    static _Alignas(16) char value[512];
    reading r = reading_open();
    WEFT_CHECK_EQ(read_str(&r, schema, NULL, weft_str_of(json), value), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    const weft__problem *p = &r.problems.items[0];
    WEFT_CHECK_STR(p->ctx[0].s, error);
    if (p->loc[p->loc_count - 1].index != position)
        weft__check_fail(
            __FILE__, __LINE__, "%s: position %u", json, p->loc[p->loc_count - 1].index);
    reading_close(&r);
}

WEFT_TEST(a_key_that_is_there_twice_is_refused)
{
    check_refused(
        &weft_schema_Comment, "{\"text\":\"a\",\"text\":\"b\"}", 12, "Duplicate key 'text'");
    check_refused(&weft_schema_Comment, "{\"text\":\"a\", \"t\\u0065xt\" :\"b\"}", 13,
        "Duplicate key 'text'");
    check_refused(
        &weft_schema_Comment, "{\"x\":1,\"text\":\"a\",\"x\":2}", 18, "Duplicate key 'x'");
    check_refused(&weft_schema_Order, "{\"id\":1,\"quantity\":1,\"email\":\"\",\"quantity\":1}", 32,
        "Duplicate key 'quantity'");
    check_refused(&weft_schema_Order, "{\"email\":\"\",\"id\":1,  \"email\":\"\"}", 21,
        "Duplicate key 'email'");
    check_refused(
        &weft_schema_weft_map_int, "{\"a\":1,\"b\":2, \"\\u0061\":3}", 14, "Duplicate key 'a'");
    check_refused(&weft_schema_weft_map_int, "{\"\":1,\"\":2}", 6, "Duplicate key ''");
}

/* Past 16 keys they are sorted at the end, and the place is found again. */
WEFT_TEST(a_key_that_is_there_twice_among_many_is_refused)
{
    for (int first = 0; first < 100; first += 7) {
        for (int second = first + 1; second < 100; second += 9) {
            char text[4096], *at = text, error[64];
            size_t position = 0;
            *at++ = '{';
            for (int i = 0; i < 100; i++) {
                if (i) at = stpcpy(at, " , ");
                if (i == second) position = (size_t)(at - text);
                at += sprintf(at, "\"key-%d\":%d", i == second ? first : i, i);
            }
            strcpy(at, "}");
            sprintf(error, "Duplicate key 'key-%d'", first);
            check_refused(&weft_schema_weft_map_int, text, position, error);
        }
    }
}

WEFT_MODEL(Weights, map(double, w, .int_keys = true));

WEFT_TEST(a_map_may_have_integers_for_keys)
{
    reading r = reading_open();
    Weights out;
    WEFT_CHECK_EQ(READ(&r, Weights, &out, "{\"w\":{\"2\":2.5,\" +007 \":7,\"-9223372036854775808\":0}}"), 0);
    WEFT_CHECK_EQ(out.w.count, 3);
    WEFT_CHECK_STR(out.w.items[0].key, "2");
    WEFT_CHECK_STR(out.w.items[1].key, "7");
    WEFT_CHECK_STR(out.w.items[2].key, "-9223372036854775808");
    WEFT_CHECK_EQ(READ(&r, Weights, &out, "{\"w\":{\"foo\":2.5,\"3\":\"x\"}}"), WEFT_EINVAL);
    CHECK_DETAIL(&r, "{\"type\":\"int_parsing\",\"loc\":[\"body\",\"w\",\"foo\",\"[key]\"],\"msg\":\"Input should be a valid "
                     "integer, unable to parse string as an integer\",\"input\":\"foo\"},"
                     "{\"type\":\"float_parsing\",\"loc\":[\"body\",\"w\",\"3\"],\"msg\":\"Input should be a valid "
                     "number, unable to parse string as a number\",\"input\":\"x\"}");
    WEFT_CHECK_EQ(READ(&r, Weights, &out, "{\"w\":{\"9223372036854775808\":1}}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(READ(&r, Weights, &out, "{\"w\":{\"7\":1,\"07\":2}}"), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "json_invalid");
    reading_close(&r);
}

WEFT_TEST(a_map_of_many_keys_is_read_in_their_order)
{
    enum { KEYS = 200000 }; /* comparing each with each would take a minute */
    char *text = malloc(KEYS * 16), *at = text;
    *at++ = '{';
    for (int i = 0; i < KEYS; i++)
        at += sprintf(at, "%s\"%d\":%d", i ? "," : "", (int)(i * 7919L % KEYS), i);
    strcpy(at, "}");
    reading r = reading_open();
    weft_map_int map;
    WEFT_CHECK_EQ(READ(&r, weft_map_int, &map, text), 0);
    WEFT_CHECK_EQ(map.count, KEYS);
    for (int i = 0; i < KEYS; i++)
        WEFT_CHECK(
            atoi(map.items[i].key.ptr) == (int)(i * 7919L % KEYS) && map.items[i].value == i);
    free(text);
    reading_close(&r);
}

WEFT_TEST(syntax_errors_are_found_wherever_the_reader_stands)
{
    check_refused(&weft_schema_Comment, "{\"text\"", 7, "Expecting ':' delimiter");
    check_refused(&weft_schema_Comment, "{\"text\":\"a\"", 11, "Expecting ',' delimiter");
    check_refused(&weft_schema_Comment, "{\"text\":\"a\",}", 12,
        "Expecting property name enclosed in double quotes");
    check_refused(&weft_schema_Comment, "{\"text\":\"a\"}}", 12, "Extra data");
    check_refused(&weft_schema_Comment, "{\"text\":}", 8, "Expecting value");
    check_refused(
        &weft_schema_Comment, "{\"text\":\"\xC3\xA9\" \"\"}", 12, "Expecting ',' delimiter");
    check_refused(&weft_schema_Comment, "{\"te", 1, "Unterminated string starting at");
    check_refused(&weft_schema_Comment, "{\"unknown\":[1,}", 14, "Expecting value");
    check_refused(&weft_schema_Comment, "{\"quoted\":nul}", 10, "Expecting value");
    check_refused(&weft_schema_Patch, "{\"email\":nul}", 9, "Expecting value");
    check_refused(&weft_schema_weft_list_int, "[1,2", 4, "Expecting ',' delimiter");
    check_refused(&weft_schema_weft_list_int, "[1,]", 3, "Expecting value");
    check_refused(&weft_schema_weft_list_int, "[1 2]", 3, "Expecting ',' delimiter");
    check_refused(&weft_schema_weft_list_int, "[1}", 2, "Expecting ',' delimiter");
    check_refused(&weft_schema_weft_list_int, "[0", 2, "Expecting ',' delimiter");
    check_refused(&weft_schema_weft_list_int, "[01]", 2, "Expecting ',' delimiter");
    check_refused(
        &weft_schema_weft_map_int, "{1:2}", 1, "Expecting property name enclosed in double quotes");
    check_refused(&weft_schema_weft_map_int, "{\"a\" 2}", 5, "Expecting ':' delimiter");
    check_refused(&weft_schema_weft_str, "\"a\\ud800\"", 3, "Unpaired surrogate in \\uXXXX escape");
    check_refused(&weft_schema_weft_str, "\"a\xFF\"", 2, "Invalid UTF-8");
    check_refused(&weft_schema_weft_str, "\xEF\xBB\xBF\"a\"", 0,
        "Unexpected UTF-8 BOM (decode using utf-8-sig)");
    check_refused(&weft_schema_int, "", 0, "Expecting value");
    check_refused(&weft_schema_int, "5 5", 2, "Extra data");
    check_refused(&weft_schema__Bool, "tru", 0, "Expecting value");
    check_refused(&weft_schema_double, "-", 0, "Expecting value");
    check_refused(&weft_schema_weft_json, "[", 1, "Expecting value");
}

WEFT_TEST(a_syntax_error_replaces_the_problems_before_it)
{
    check_refused(&weft_schema_Order, "{\"id\":\"x\",\"quantity\":[],\"email\":5,\"status\":", 43,
        "Expecting value");
}

static char *nested_comment(size_t levels)
{
    char *text = malloc(levels * 32 + 64), *at = text;
    for (size_t i = 0; i < levels; i++) at = stpcpy(at, "{\"text\":\"a\",\"replies\":[");
    for (size_t i = 0; i < levels; i++) at = stpcpy(at, "]}");
    return text;
}

WEFT_TEST(models_are_read_64_levels_deep_and_no_deeper)
{
    reading r = reading_open();
    Comment c;
    char *text = nested_comment(32);
    WEFT_CHECK_EQ(READ(&r, Comment, &c, text), 0);
    free(text);
    text = nested_comment(33);
    check_refused(&weft_schema_Comment, text, 32 * 23, "More than 64 levels of nesting");
    free(text);
    reading_close(&r);
}

WEFT_TEST(refs_are_read_64_levels_deep_and_no_deeper)
{
    char text[8192], *at = text;
    for (int i = 0; i < 65; i++) at = stpcpy(at, "{\"text\":\"a\",\"quoted\":");
    at = stpcpy(at, "null");
    for (int i = 0; i < 65; i++) at = stpcpy(at, "}");
    check_refused(&weft_schema_Comment, text, 64 * 21, "More than 64 levels of nesting");
}

WEFT_TEST(what_a_list_holds_past_its_most_items_takes_no_memory)
{
    enum { ITEMS = 100000 };
    static const weft_field few = { .max_items = 3 };
    char *text = malloc(ITEMS * 3 + 8), *at = text;
    *at++ = '[';
    for (int i = 0; i < ITEMS; i++) at = stpcpy(at, i ? ",{}" : "{}");
    strcpy(at, "]");
    reading r = reading_open();
    weft_list_Comment list;
    WEFT_CHECK_EQ(
        read_str(&r, &weft_schema_weft_list_Comment, &few, weft_str_of(text), &list), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "too_long");
    WEFT_CHECK_EQ(r.problems.items[0].ctx[2].i, ITEMS);
    WEFT_CHECK(r.arena.bytes < 64 * 1024);
    free(text);
    reading_close(&r);
}

WEFT_TEST(a_text_that_needs_more_than_the_arena_has_is_refused)
{
    weft_arena small;
    weft__problems problems;
    weft_list_Comment list;
    char *text = malloc(1300008), *at = text;
    *at++ = '[';
    for (int i = 0; i < 100000; i++) at = stpcpy(at, i ? ",{\"text\":\"\"}" : "{\"text\":\"\"}");
    strcpy(at, "]");
    weft__arena_init(&small, NULL, 64 * 1024);
    weft__problems_init(&problems, &small);
    WEFT_CHECK_EQ(weft__json_read(&weft_schema_weft_list_Comment, NULL, weft_str_of(text), &list,
                      &small, &problems, NULL),
        WEFT_ELIMIT);
    weft__arena_free(&small);
    free(text);
}

WEFT_TEST(strings_of_every_length_are_copied_and_terminated)
{
    for (size_t len = 0; len <= 70; len++) {
        for (size_t tail = 0; tail < 20; tail++) {
            size_t whole = len + 2 + tail;
            char *text = malloc(whole); /* of its own size, so that reading past it is seen */
            memset(text, ' ', whole);
            memset(text + 1, 'q', len);
            text[0] = text[len + 1] = '"';
            reading r = reading_open();
            weft_str s;
            WEFT_CHECK_EQ(
                read_str(&r, &weft_schema_weft_str, NULL, (weft_str){ text, whole }, &s), 0);
            WEFT_CHECK(s.len == len && s.ptr[len] == 0 && strspn(s.ptr, "q") == len);
            free(text);
            reading_close(&r);
        }
    }
}

WEFT_MODEL(Wide, field(int, member_number_one), field(int, b), field(int, c1234567),
    field(int, c12345678), field(int, c123456), field(int, f), field(int, g), field(int, h),
    field(int, i), field(int, j), field(int, k), field(int, l), field(int, m), field(int, n),
    field(int, o), field(int, p), field(int, q), field(int, r), field(int, s), field(int, t),
    field(int, u), field(int, v), field(int, w), field(int, x), field(int, y), field(int, z),
    field(int, aa), field(int, ab), field(int, ac), field(int, ad), field(int, ae), field(int, af),
    field(int, ag), field(int, ah), field(int, ai), field(int, aj), field(int, ak), field(int, al),
    field(int, am), field(int, an), field(int, ao), field(int, ap), field(int, aq), field(int, ar),
    field(int, as), field(int, at), field(int, au), field(int, av), field(int, aw), field(int, ax),
    field(int, ay), field(int, az), field(int, ba), field(int, bb), field(int, bc), field(int, bd),
    field(int, be), field(int, bf), field(int, bg), field(int, bh), field(int, bi), field(int, bj),
    field(int, bk), field(int, bl));
WEFT_MODEL(Wider, embed(Wide, wide), field(int, last));

WEFT_TEST(a_model_of_more_than_64_members_is_read_in_any_order)
{
    const weft_schema *wide = &weft_schema_Wide;
    WEFT_CHECK_EQ(wide->count, 64);
    for (size_t step = 1; step < 65; step += 2) {
        if (step % 5 == 0 || step % 13 == 0)
            continue; /* a step that shares a factor with 65 would not come by all */
        char text[4096], *at = text;
        for (size_t n = 0; n < 65; n++) {
            size_t i = n * step % 65;
            at += sprintf(
                at, "%s\"%s\":%zu", n ? "," : "{", i < 64 ? wide->fields[i].name : "last", i);
        }
        strcpy(at, "}");
        reading r = reading_open();
        Wider value;
        WEFT_CHECK_EQ(READ(&r, Wider, &value, text), 0);
        const int *numbers = &value.wide.member_number_one;
        for (int i = 0; i < 65; i++) WEFT_CHECK_EQ(numbers[i], i);
        reading_close(&r);
    }
}

WEFT_TEST(each_missing_member_of_a_large_model_is_named)
{
    reading r = reading_open();
    Wider value;
    WEFT_CHECK_EQ(READ(&r, Wider, &value, "{\"b\":1,\"last\":2}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 63);
    WEFT_CHECK_STR(weft_str_of(r.problems.items[0].loc[1].name), "member_number_one");
    WEFT_CHECK_STR(weft_str_of(r.problems.items[62].loc[1].name), "bl");
    reading_close(&r);
}
