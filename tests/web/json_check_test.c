/* WEFT_CHECK_JSON compares by value and says where two texts first differ. */
#include <string.h>
#include <stdatomic.h>
#include "task/world.h"
#include "testing/verdict.h"
#include "weft/test.h"

/* What a comparison says; "" when it holds. The check's failure is taken back. */
static const char *said(const char *got, const char *want)
{
    unsigned before = weft__verdict_now->failed_checks;
    world_capture_begin();
    bool held = weft__check_json("f", 1, weft_str_of(got), want);
    const char *text = world_capture_end();
    bool failed = weft__verdict_now->failed_checks != before;
    atomic_store(&weft__verdict_now->failed_checks, before);
    WEFT_CHECK_EQ(failed, !held);
    return text;
}

static bool same(const char *a, const char *b) { return !*said(a, b) && !*said(b, a); }
static bool differs(const char *got, const char *want, const char *part) { return strstr(said(got, want), part) != NULL; }

WEFT_TEST(values_are_compared_not_their_spelling)
{
    WEFT_CHECK(same("{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] , \"a\" : 1 } "));
    WEFT_CHECK(same("3", "3.0"));
    WEFT_CHECK(same("1e2", "100"));
    WEFT_CHECK(same("-0.5", "-5e-1"));
    WEFT_CHECK(same("9007199254740993", "9007199254740993"));
    WEFT_CHECK(same("\"\\u00fc\"", "\"\xc3\xbc\""));
    WEFT_CHECK(same("\"\\u0061\\/\"", "\"a/\""));
    WEFT_CHECK(same("{\"\\u0061\":1}", "{\"a\":1}"));
    WEFT_CHECK(same("[]", "[ ]"));
    WEFT_CHECK(same("{}", "{ }"));
    WEFT_CHECK(same("[[],{},[{}]]", "[[],{},[{}]]"));
}

WEFT_TEST(integers_beyond_a_double_are_told_apart)
{
    WEFT_CHECK(!same("9007199254740992", "9007199254740993"));
    WEFT_CHECK(!same("1", "1.5"));
}

WEFT_TEST(the_place_of_the_first_difference_is_told)
{
    WEFT_CHECK(differs("{\"a\":[{\"b\":1},{\"b\":2}]}", "{\"a\":[{\"b\":1},{\"b\":3}]}", "at $.a[1].b: values differ: expected 3, got 2"));
    WEFT_CHECK(differs("\"x\"", "\"y\"", "at $: values differ: expected \"y\", got \"x\""));
    WEFT_CHECK(differs("1", "\"1\"", "at $: values differ: expected \"1\", got 1"));
    WEFT_CHECK(differs("true", "false", "values differ"));
    WEFT_CHECK(differs("{}", "[]", "values differ"));
    WEFT_CHECK(differs("null", "{}", "values differ"));
    WEFT_CHECK(differs("{\"a\":{\"b\":1}}", "{\"a\":{}}", "at $.a: a key too many: expected {}, got \"b\""));
    WEFT_CHECK(differs("{\"a\":{}}", "{\"a\":{\"b\":1}}", "at $.a: a key is missing: expected \"b\", got {}"));
    WEFT_CHECK(differs("[1,2]", "[1,2,3]", "at $: 3 items expected, 2 came"));
    WEFT_CHECK(differs("[1,2,3]", "[1]", "at $: 1 items expected, 3 came"));
    WEFT_CHECK(differs("[1,9]", "[2,9,9]", "at $[0]"));
    WEFT_CHECK(differs("{\"a\":1,\"a\":1}", "{\"a\":1}", "a key came twice"));
}

WEFT_TEST(what_is_no_json_is_told)
{
    WEFT_CHECK(differs("{", "{}", "got what is none: {"));
    WEFT_CHECK(differs("", "{}", "got what is none"));
    WEFT_CHECK(differs("[1] 2", "[1]", "got what is none"));
    WEFT_CHECK(differs("{}", "{ a: 1 }", "the expected value is no JSON"));
}

WEFT_TEST(deep_and_long_values_are_compared_within_bounds)
{
    static char deep[200], long_key[3000];
    memset(deep, '[', 60);
    memset(deep + 60, ']', 60);
    WEFT_CHECK(same(deep, deep));
    memset(long_key, 'k', sizeof long_key - 1);
    memcpy(long_key, "{\"", 2);
    strcpy(long_key + sizeof long_key - 5, "\":1}");
    WEFT_CHECK(same(long_key, long_key));
    static char other[3000];
    strcpy(other, long_key);
    other[sizeof other - 3] = '2';
    WEFT_CHECK(differs(long_key, other, "values differ"));
}
