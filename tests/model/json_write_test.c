#include "model/json.h"
#include <math.h>
#include <string.h>
#include "reading.h"
#include "wire/json.h"

WEFT_ENUM(Color, value(COLOR_RED, "red"), value(COLOR_BLUE, "bl\"ue"));
WEFT_MODEL(Inner, field(int, a), opt(weft_str, b));
WEFT_MODEL(Outer, field(int64_t, id), embed(Inner, inner), hidden(int, secret),
    field(double, price), field(bool, ok), field(Color, color), list(Inner, items),
    map(double, rates), opt(Inner, more), field(weft_json, raw), ref(Outer, next));
WEFT_MODEL(Price, field(double, price));
WEFT_MODEL(Text, field(weft_str, text), list(Color, colors));
WEFT_MODEL(Holder, list(Text, texts));

WEFT_TEST(a_model_is_written_with_all_its_kinds_of_members)
{
    Inner items[] = { { 1, WEFT_SOME(WEFT_S("x\n")) }, { 2, { .null = true } } };
    struct weft_entry_double rates[] = { { WEFT_S("a\"b"), 0.5 }, { WEFT_S(""), 1e100 } };
    Outer next = { .id = INT64_MIN, .raw = { WEFT_S("[1, 2]") }, .color = COLOR_BLUE };
    Outer outer = { .id = INT64_MAX,
        .inner = { -5, { .set = false } },
        .secret = 7,
        .price = 62,
        .ok = true,
        .items = { items, 2, 2 },
        .rates = { rates, 2, 2 },
        .more = WEFT_SOME({ 3, { .set = false } }),
        .next = &next };
    reading r = reading_open();
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Outer, &outer),
        "{\"id\":9223372036854775807,\"a\":-5,\"b\":null,\"price\":62.0,\"ok\":true,\"color\":"
        "\"red\","
        "\"items\":[{\"a\":1,\"b\":\"x\\n\"},{\"a\":2,\"b\":null}],\"rates\":{\"a\\\"b\":0.5,\"\":"
        "1e+100},\"more\":{\"a\":3,\"b\":null},\"raw\":null,"
        "\"next\":{\"id\":-9223372036854775808,\"a\":0,\"b\":null,\"price\":0.0,\"ok\":false,"
        "\"color\":\"bl\\\"ue\",\"items\":[],\"rates\":{},"
        "\"more\":null,\"raw\":[1, 2],\"next\":null}}");
    reading_close(&r);
}

WEFT_TEST(values_of_any_kind_are_written)
{
    reading r = reading_open();
    int number = -7;
    weft_str text = WEFT_S("\xC3\xA9\"");
    weft_list_int list = { 0 };
    weft_opt_double none = { 0 };
    weft_none nothing = { 0 };
    WEFT_CHECK_STR(json_of(&r, &weft_schema_int, &number), "-7");
    WEFT_CHECK_STR(json_of(&r, &weft_schema_weft_str, &text), "\"\xC3\xA9\\\"\"");
    WEFT_CHECK_STR(json_of(&r, &weft_schema_weft_list_int, &list), "[]");
    WEFT_CHECK_STR(json_of(&r, &weft_schema_weft_map_int, &list), "{}");
    WEFT_CHECK_STR(json_of(&r, &weft_schema_weft_opt_double, &none), "null");
    WEFT_CHECK_STR(json_of(&r, &weft_schema_weft_none, &nothing), "null");
    reading_close(&r);
}

/* What was there stays, and the fault names the place. */
static void check_fault(
    const weft_schema *schema, const void *value, int expected, const char *text)
{
    weft__buf out;
    weft__fault fault;
    weft__buf_init(&out, 1 << 20);
    weft__buf_lit(&out, "before");
    WEFT_CHECK_EQ(weft__json_write(schema, value, &out, &fault), expected);
    WEFT_CHECK_STR(weft__buf_str(&out), "before");
    WEFT_CHECK_STR(weft_str_of(fault.text), text);
    WEFT_CHECK_EQ(weft__json_write(schema, value, &out, NULL), expected);
    weft__buf_free(&out);
}

WEFT_TEST(what_json_cannot_say_is_refused_with_its_place)
{
    Price price = { INFINITY };
    check_fault(&weft_schema_Price, &price, WEFT_EINVAL,
        "the double inf: JSON has finite numbers only (model Price, member 'price')");
    price.price = -NAN;
    check_fault(
        &weft_schema_double, &price, WEFT_EINVAL, "the double -nan: JSON has finite numbers only");
    Text texts[] = { { .text = WEFT_S("fine") }, { .text = WEFT_S("caf\xE9") } };
    Holder holder = { { texts, 2, 2 } };
    check_fault(&weft_schema_Holder, &holder, WEFT_EINVAL,
        "a text of 4 bytes that is not UTF-8: JSON is (model Text, member 'text')");
    Color colors[] = { COLOR_BLUE, (Color)17 };
    texts[1] = (Text){ .colors = { colors, 2, 2 } };
    check_fault(&weft_schema_Holder, &holder, WEFT_EINVAL,
        "17, which is no constant of enum Color (model Text, member 'colors')");
    weft_json raw = { WEFT_S("{\"a\":}") };
    check_fault(
        &weft_schema_weft_json, &raw, WEFT_EINVAL, "a weft_json that is not JSON: '{\"a\":}'");
}

WEFT_TEST(a_ring_of_refs_ends_at_the_limit)
{
    Outer ring = { .raw = { WEFT_S("1") } };
    ring.next = &ring;
    check_fault(&weft_schema_Outer, &ring, WEFT_ELIMIT,
        "more than 64 levels of nesting: do refs form a ring? (model Outer, member 'items')");
}

WEFT_MODEL(Chain, ref(Chain, next));

WEFT_TEST(models_are_written_64_levels_deep_and_no_deeper)
{
    Chain links[65] = { { NULL } };
    for (int i = 0; i < 64; i++) links[i].next = &links[i + 1];
    weft__buf out;
    weft__buf_init(&out, 1 << 20);
    WEFT_CHECK_EQ(weft__json_write(&weft_schema_Chain, &links[1], &out, NULL), 0);
    WEFT_CHECK(weft__json_valid(weft__buf_str(&out)));
    WEFT_CHECK_EQ(weft__json_write(&weft_schema_Chain, &links[0], &out, NULL), WEFT_ELIMIT);
    weft__buf_free(&out);
}

WEFT_TEST(a_value_larger_than_the_buffer_may_be_is_refused)
{
    int numbers[100] = { 0 };
    weft_list_int list = { numbers, 100, 100 };
    weft__buf out;
    weft__buf_init(&out, 100);
    WEFT_CHECK_EQ(weft__json_write(&weft_schema_weft_list_int, &list, &out, NULL), WEFT_ELIMIT);
    WEFT_CHECK_EQ(out.len, 0);
    Price price = { 1 };
    weft__buf_clear(&out);
    WEFT_CHECK_EQ(weft__json_write(&weft_schema_Price, &price, &out, NULL), 0);
    WEFT_CHECK_STR(weft__buf_str(&out), "{\"price\":1.0}");
    weft__buf_free(&out);
}

WEFT_TEST(what_is_written_is_read_back_as_it_was)
{
    static const char *const texts[] = {
        "{\"id\":1,\"a\":2,\"b\":\"\xC3\xA9\",\"price\":0.1,\"ok\":true,\"color\":\"red\","
        "\"items\":[{\"a\":1,\"b\":null}],\"rates\":{\"x\":1.5},\"more\":null,"
        "\"raw\":{\"k\":[1]},\"next\":null}",
        "{\"id\":-1,\"a\":0,\"b\":null,\"price\":1e-07,\"ok\":false,\"color\":\"bl\\\"ue\","
        "\"items\":[],\"rates\":{},\"more\":{\"a\":1,\"b\":\"\\u0001\"},"
        "\"raw\":\"x\",\"next\":null}",
    };
    for (size_t i = 0; i < weft_count(texts); i++) {
        reading r = reading_open();
        Outer value;
        WEFT_CHECK_EQ(READ(&r, Outer, &value, texts[i]), 0);
        WEFT_CHECK_STR(json_of(&r, &weft_schema_Outer, &value), texts[i]);
        reading_close(&r);
    }
}
