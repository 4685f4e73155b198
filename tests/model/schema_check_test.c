#include "model/schema_check.h"
#include <stdio.h>
#include <string.h>
#include "model/plan.h"
#include "reading.h"
#include "support/failing.h"

typedef struct faults { char text[4096]; int count; } faults;

static void note(void *ctx, const char *text)
{
    faults *f = ctx;
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "%s%s", f->count++ ? "\n" : "", text);
}

static void check_faults_of(
    const weft_schema *schema, const char *file, int line, const char *expected)
{
    faults f = { .count = 0 };
    weft__schema_book book = { 0 };
    int rc = weft__schema_check(&book, schema, note, &f);
    if (strcmp(f.text, expected) || rc != f.count)
        weft__check_fail(file, line, "%d faults: %s\nnot: %s", rc, f.text, expected);
    weft__schema_book_free(&book);
}

#define FAULTS(Model, expected) check_faults_of(&weft_schema_##Model, __FILE__, __LINE__, expected)

WEFT_ENUM(Mood, value(MOOD_GOOD, "good"), value(MOOD_BAD, "bad"));
WEFT_MODEL(Address, field(weft_str, street, .min_len = 1, .max_len = 80, .pattern = "^[A-Z]"),
    field(int, number, .range = { 1, WEFT_NO_END }));
WEFT_MODEL(Sound, field(int64_t, id, .initial = "7", .range = { 0, 10 }), embed(Address, address),
    field(Mood, mood, .initial = "bad"),
    list(weft_str, tags, .max_items = 3, .max_len = 5, .initial = "[\"a\"]"),
    map(double, rates, .min_items = 1, .range = { 0, 1 }, .above = true),
    opt(int, maybe, .range = { -1, 1 }, .initial = "0"), ref(Sound, next), hidden(int, secret),
    field(double, step, .multiple_of = 0.1L));
WEFT_INPUT(sound_in, path(int, id, .range = { 1, 5 }), query(weft_opt_weft_str, q, .max_len = 3),
    query(weft_list_int, n, .initial = "[]"), header(weft_str, x_token, .as = "x-token"),
    body(Sound, sound), request(req), reply(rep));

WEFT_TEST(sound_declarations_have_no_faults)
{
    FAULTS(Sound, "");
    FAULTS(sound_in, "");
    FAULTS(weft_list_Sound, "");
    FAULTS(int, "");
    FAULTS(weft_none, "");
}

WEFT_MODEL(Ranges, field(int, a, .range = { 5, 1 }),
    field(double, b, .range = { 1, 1 }, .above = true), field(int, c, .above = true),
    field(weft_str, d, .range = { 0, 1 }), list(_Bool, e, .range = { 0, 1 }),
    field(int, f, .range = { 1 }), field(int, g, .multiple_of = -2),
    field(weft_str, h, .multiple_of = 2));

WEFT_TEST(ranges_that_let_nothing_through_are_faults)
{
    FAULTS(Ranges,
        "Ranges, member 'a': .range must let a value through, and it goes from 5 to 1\n"
        "Ranges, member 'b': .range must let a value through, and it goes from 1 (not allowed "
        "itself) to 1\n"
        "Ranges, member 'c': .above and .below open an end of .range, and there is none\n"
        "Ranges, member 'd': .range is for numbers and durations, and its type is weft_str\n"
        "Ranges, member 'e': .range is for numbers and durations, and its type is _Bool\n"
        "Ranges, member 'f': .range must let a value through, and it goes from 1 to 0\n"
        "Ranges, member 'g': .multiple_of must be more than 0, and it is -2\n"
        "Ranges, member 'h': .multiple_of is for numbers, and its type is weft_str");
}

WEFT_MODEL(Texts, field(int, a, .max_len = 5), field(weft_str, b, .min_len = 5, .max_len = 3),
    field(weft_str, c, .pattern = "a(b"), map(int, d, .pattern = "x"),
    field(weft_str, e, .max_items = 3), list(weft_str, f, .min_items = 3, .max_items = 2),
    field(Mood, g, .min_len = 1));

WEFT_TEST(options_of_other_types_are_faults)
{
    FAULTS(Texts,
        "Texts, member 'a': .max_len is for text, and its type is int\n"
        "Texts, member 'b': .min_len must not be more than .max_len, and they are 5 and 3\n"
        "Texts, member 'c': .pattern 'a(b' is no regular expression: missing closing parenthesis "
        "at character 3\n"
        "Texts, member 'd': .pattern is for text, and its type is int\n"
        "Texts, member 'e': .max_items is for lists and maps, and its type is weft_str\n"
        "Texts, member 'f': .min_items must not be more than .max_items, and they are 3 and 2\n"
        "Texts, member 'g': .min_len is for text, and its type is Mood");
}

WEFT_MODEL(Initials, field(int, a, .initial = "x"),
    field(int, b, .initial = "5", .range = { 0, 4 }), field(Mood, c, .initial = "ugly"),
    list(int, d, .initial = "1"), list(int, e, .initial = "[1"),
    field(weft_str, f, .initial = "abc", .max_len = 2), opt(double, g, .initial = "null"),
    list(weft_str, h, .initial = "[\"abc\"]", .max_len = 2));

WEFT_TEST(initial_values_that_are_none_are_faults)
{
    FAULTS(Initials, "Initials, member 'a': .initial is 'x', which is no value of it: Input should "
                     "be a valid integer, unable to parse string as an integer\n"
                     "Initials, member 'b': .initial is '5', which is no value of it: Input should "
                     "be less than or equal to 4\n"
                     "Initials, member 'c': .initial is 'ugly', which is no value of it: Input "
                     "should be 'good' or 'bad'\n"
                     "Initials, member 'd': .initial is '1', which is no value of it: Input should "
                     "be a valid list\n"
                     "Initials, member 'e': .initial is '[1', which is no value of it: as JSON, "
                     "Expecting ',' delimiter\n"
                     "Initials, member 'f': .initial is 'abc', which is no value of it: String "
                     "should have at most 2 characters\n"
                     "Initials, member 'g': .initial is 'null', which is no value of it: Input "
                     "should be a valid number, unable to parse string as a number\n"
                     "Initials, member 'h': .initial is '[\"abc\"]', which is no value of it: "
                     "String should have at most 2 characters");
}

WEFT_MODEL(Endless, list(Endless, kids, .initial = "[{}]"));
WEFT_MODEL(Ended, list(Ended, kids, .initial = "[{\"kids\":[]}]"));

WEFT_TEST(an_initial_value_that_holds_itself_is_a_fault)
{
    FAULTS(Endless, "Endless, member 'kids': .initial is '[{}]', which is no value of it: it holds "
                    "initial values more than 8 levels deep");
    FAULTS(Ended, "");
}

WEFT_MODEL(Keywords, ref(Address, a, .initial = "{}"), embed(Mood, b), embed(Address, c, .as = "x"),
    hidden(int, d, .range = { 0, 1 }));

WEFT_TEST(options_on_members_without_a_value_of_their_own_are_faults)
{
    FAULTS(Keywords,
        "Keywords, member 'a': ref takes no option that speaks of a value (.initial, .range, "
        ".max_len and so on)\n"
        "Keywords, member 'b': embed is for models, and its type is Mood\n"
        "Keywords, member 'c': embed has no name of its own in JSON, so .as means nothing\n"
        "Keywords, member 'd': hidden takes no option that speaks of a value (.initial, .range, "
        ".max_len and so on)");
}

WEFT_MODEL(Twice, field(int, a), field(int, b, .as = "a"), embed(Address, address),
    field(weft_str, street));
WEFT_ENUM(Same, value(SAME_A, "a"), value(SAME_B, "a"));
WEFT_INPUT(twice_in, query(int, a), header(int, b, .as = "a"), query(int, c, .as = "a"));

WEFT_TEST(names_that_are_there_twice_are_faults)
{
    FAULTS(Twice, "Twice: two members are named 'a' in JSON, those of embedded models included; "
                  "give one another name with .as\n"
                  "Twice: two members are named 'street' in JSON, those of embedded models "
                  "included; give one another name with .as");
    FAULTS(Same, "Same: 'a' is there twice");
    FAULTS(twice_in, "twice_in: 'a' is there twice");
}

WEFT_INPUT(places_in, path(weft_opt_int, a), path(Address, b), header(weft_list_Address, c),
    query(weft_map_int, d), cookie(weft_opt_Address, e), form(weft_none, f), query(Address, g, .initial = "{}"));

WEFT_TEST(types_that_no_text_can_be_are_faults_where_values_are_text)
{
    FAULTS(places_in,
        "places_in, member 'a': a path value is always there, once: its type cannot be a list or "
        "an option\n"
        "places_in, member 'b': a path value is text, and its type is Address\n"
        "places_in, member 'c': a header value is text, and its type is Address\n"
        "places_in, member 'd': a query value is text, and its type is a map of int\n"
        "places_in, member 'e': a cookie value is text, and its type is Address\n"
        "places_in, member 'f': a form value is text, and its type is weft_none\n"
        "places_in, member 'g': a model of an input's values takes no option that speaks of a value "
        "(.initial, .range, .max_len and so on)");
}

/* C itself forbids a struct in itself, so this one is made by hand. */
WEFT_TEST(a_model_that_embeds_itself_is_a_fault)
{
    static weft_schema self;
    static struct weft__plan *plan;
    static const weft_field fields[] = {
        { .name = "a", .name_len = 1, .place = WEFT__field, .type = &weft_schema_int },
        { .name = "self", .name_len = 4, .place = WEFT__embed, .type = &self }
    };
    self = (weft_schema){
        .name = "Self", .kind = WEFT__model, .size = 4, .fields = fields, .count = 2, .plan = &plan
    };
    check_faults_of(&self, __FILE__, __LINE__,
        "Self: a model has at most 256 members, those of embedded models included, and does not "
        "embed itself");
    reading r = reading_open();
    int out;
    WEFT_CHECK_EQ(read_str(&r, &self, NULL, WEFT_S("{}"), &out), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__problems_count(&r.problems), 0);
    reading_close(&r);
}

static weft_schema other_address(const weft_field *fields, struct weft__plan **plan)
{
    weft_schema other = weft_schema_Address;
    other.fields = fields;
    other.declared = "elsewhere.c:1";
    other.plan = plan;
    return other;
}

WEFT_TEST(two_shapes_of_one_name_are_a_fault_and_two_equal_ones_none)
{
    static weft_field fields[2];
    static struct weft__plan *plan;
    memcpy(fields, weft_schema_Address.fields, sizeof fields);
    weft_schema other = other_address(fields, &plan);
    faults f = { .count = 0 };
    weft__schema_book book = { 0 };
    WEFT_CHECK(weft__schema_same(&other, &weft_schema_Address));
    WEFT_CHECK_EQ(weft__schema_check(&book, &weft_schema_Sound, note, &f), 0);
    WEFT_CHECK_EQ(weft__schema_check(&book, &other, note, &f), 0);
    weft__schema_book_free(&book);
    fields[1].range[1] = 9;
    WEFT_CHECK(!weft__schema_same(&other, &weft_schema_Address));
    WEFT_CHECK_EQ(weft__schema_check(&book, &weft_schema_Sound, note, &f), 0);
    WEFT_CHECK_EQ(weft__schema_check(&book, &other, note, &f), 1);
    WEFT_CHECK(strstr(f.text, "two different types are named Address, at ") &&
               strstr(f.text, " and at elsewhere.c:1; rename one"));
    weft__schema_book_free(&book);
    weft__model_forget();
}

WEFT_TEST(a_type_is_looked_at_once_by_one_book)
{
    faults f = { .count = 0 };
    weft__schema_book book = { 0 };
    WEFT_CHECK_EQ(weft__schema_check(&book, &weft_schema_Same, note, &f), 1);
    WEFT_CHECK_EQ(weft__schema_check(&book, &weft_schema_weft_list_Same, note, &f), 0);
    weft__schema_book_free(&book);
}

WEFT_TEST(a_check_without_memory_says_so_and_loses_none)
{
    FAIL_EACH_IN_TURN(i) {
        faults f = { .count = 0 };
        weft__schema_book book = { 0 };
        int rc = weft__schema_check(&book, &weft_schema_sound_in, note, &f);
        WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
        weft__schema_book_free(&book);
        weft__model_forget();
    }
}

static const char *any(int *value) { (void)value; return NULL; }
WEFT_MODEL(Asks, field(double, a, .only = "1"), field(int, b, .only = "+1"),
    field(Mood, c, .only = "ugly"), field(bool, d, .only = "yes"), list(int, e, .only = "1"),
    field(int, f, .only = "5", .range = { 0, 4 }), field(int, g, .unique = true),
    list(Address, h, .unique = true), field(int, i, .required = true),
    opt(int, j, .required = true, .not_null = true), opt(weft_json, k, .not_null = true),
    opt(int, l, .required = true, .initial = "1"), ref(Address, m, .required = true),
    field(int, n, .only = "5", .initial = "6"), hidden(int, o, .check = any),
    list(int, p, .int_keys = true), map(int, q, .int_keys = true));
WEFT_INPUT(asks_in, query(weft_opt_int, a, .required = true));

WEFT_TEST(what_a_type_cannot_be_asked_is_a_fault)
{
    FAULTS(Asks,
        "Asks, member 'a': .only is for one text, integer, bool or enum, and its type is double\n"
        "Asks, member 'b': .only is '+1', which is no value of it\n"
        "Asks, member 'c': .only is 'ugly', which is no value of it\n"
        "Asks, member 'd': .only is 'yes', which is no value of it\n"
        "Asks, member 'e': .only is for one text, integer, bool or enum, and its type is a list, "
        "map or model of int\n"
        "Asks, member 'f': .only is '5', which is no value of it\n"
        "Asks, member 'g': .unique is for lists of text, numbers, bools, enums, dates or UUIDs, and its type is "
        "int\n"
        "Asks, member 'h': .unique is for lists of text, numbers, bools, enums, dates or UUIDs, and its type is "
        "a list of Address\n"
        "Asks, member 'i': .required is for an opt, and its type is int\n"
        "Asks, member 'j': .required and .not_null: then it is no opt but a field\n"
        "Asks, member 'k': .not_null: null is a value of a weft_json\n"
        "Asks, member 'l': .required and .initial; expected one of them\n"
        "Asks, member 'm': ref takes no option that speaks of a value (.initial, .range, .max_len "
        "and so on)\n"
        "Asks, member 'n': .initial is '6', which is no value of it: Input should be 5\n"
        "Asks, member 'o': hidden takes no option that speaks of a value (.initial, .range, "
        ".max_len and so on)\n"
        "Asks, member 'p': .int_keys is for maps, and its type is int");
    FAULTS(asks_in, "asks_in, member 'a': .required is for members of models: what is no JSON "
                    "cannot be null");
}

WEFT_MODEL(Closed, field(int, a), no_extra());
WEFT_MODEL(Open, embed(Closed, closed), extra(weft_json, rest));
WEFT_MODEL(Odd, extra(int, rest, .initial = "{}"));
WEFT_MODEL(Tagged, field(weft_str, type), field(int, a));
WEFT_UNION(Wrong, type, when("a", Tagged, tagged), when("b", Mood, mood), when("a", Closed, twin));
WEFT_INPUT(union_in, query(Wrong, a));
WEFT_UNION(Right, kind, when("a", Tagged, tagged), when("kind", Closed, closed));
WEFT_MODEL(Flat, embed(Right, right));

WEFT_TEST(unions_and_extra_keys_that_cannot_be_are_faults)
{
    FAULTS(Open, "Open: extra and no_extra can be said once, those of embedded models included");
    FAULTS(Odd, "Odd, member 'rest': extra has no name and no value of its own, so .initial means "
                "nothing");
    FAULTS(Wrong, "Wrong, case 'a': model Tagged has a member 'type' of its own, which is the name "
                  "of the union's tag\n"
                  "Wrong, case 'b': when is for models, and its type is Mood\n"
                  "Wrong: 'a' is there twice");
    FAULTS(Right, "");
    FAULTS(Flat, "Flat, member 'right': embed is for models, and its type is Right");
}

WEFT_MODEL(Values, field(weft_date, a, .range = { 0, 1 }), field(weft_duration, b, .range = { 2, 1 }),
    field(int, c, .format = WEFT_EMAIL), field(weft_str, d, .max_digits = 2),
    field(weft_decimal, e, .max_digits = 2, .decimal_places = 3),
    field(weft_str, f, .uuid_version = 4), field(weft_uuid, g, .uuid_version = 9),
    field(weft_bytes, h, .pattern = "x"), field(weft_date, i, .initial = "2022-02-30"),
    field(weft_str, j, .format = WEFT_IP, .initial = "x"), field(double, k, .decimal_places = 2));

WEFT_TEST(options_of_values_are_checked)
{
    FAULTS(Values,
        "Values, member 'a': .range is for numbers and durations, and its type is weft_date\n"
        "Values, member 'b': .range must let a value through, and it goes from 2 to 1\n"
        "Values, member 'c': .format is for text, and its type is int\n"
        "Values, member 'd': .max_digits is for weft_decimal, and its type is weft_str\n"
        "Values, member 'e': .decimal_places must not be more than .max_digits, and they are 3 and 2\n"
        "Values, member 'f': .uuid_version is for weft_uuid, and its type is weft_str\n"
        "Values, member 'g': .uuid_version is 1 to 8, and it is 9\n"
        "Values, member 'h': .pattern is for text, and its type is weft_bytes\n"
        "Values, member 'i': .initial is '2022-02-30', which is no value of it: Input should be a valid "
        "date or datetime, day value is outside expected range\n"
        "Values, member 'j': .initial is 'x', which is no value of it: value is not a valid IPv4 or IPv6 "
        "address\n"
        "Values, member 'k': .decimal_places is for weft_decimal, and its type is double");
}

/* What a declaration in words of C cannot come to, but a schema made by hand or a number of another enum. */
WEFT_MODEL(Formats, field(weft_str, a, .format = (weft_text_format)99));
WEFT_MODEL(NotUtf8, field(int, a, .as = "\xff"));

WEFT_TEST(names_and_formats_that_are_none_are_faults)
{
    static char longest[300];
    memset(longest, 'n', sizeof longest - 1);
    static const weft_field nameless[] = { { .name = "a", .name_len = 1, .place = WEFT__field } };
    static const weft_field named[] = { { .name = longest, .name_len = sizeof longest - 1, .place = WEFT__field, .type = &weft_schema_int } };
    static struct weft__plan *plans[2];
    const weft_schema bare = { .name = "Bare", .kind = WEFT__model, .size = 4, .fields = nameless, .count = 1, .plan = &plans[0] };
    const weft_schema lengthy = { .name = "Lengthy", .kind = WEFT__model, .size = 4, .fields = named, .count = 1, .plan = &plans[1] };
    char expected[400];
    FAULTS(Formats, "Formats, member 'a': .format is one of WEFT_EMAIL to WEFT_IPV6, and it is 99");
    FAULTS(NotUtf8, "NotUtf8, member 'a': a name is UTF-8, and it is not");
    check_faults_of(&bare, __FILE__, __LINE__, "Bare, member 'a': a member has a type, and this one has none");
    snprintf(expected, sizeof expected, "Lengthy, member '%s': a name has at most %d bytes, and it has 299", longest, WEFT__NAME_MAX);
    check_faults_of(&lengthy, __FILE__, __LINE__, expected);
    weft__model_forget();
}

WEFT_MODEL(SoundValues, field(weft_duration, a, .range = { 0, 5 }, .initial = "PT3S"),
    field(weft_decimal, b, .range = { 0, 5 }, .multiple_of = 0.01L, .max_digits = 5, .decimal_places = 2),
    list(weft_uuid, c, .uuid_version = 4, .max_items = 3), opt(weft_str, d, .format = WEFT_EMAIL),
    field(weft_bytes, e, .min_len = 1, .max_len = 3));

WEFT_TEST(sound_options_of_values_have_no_faults) { FAULTS(SoundValues, ""); }
