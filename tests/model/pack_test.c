#include "model/pack.h"
#include "support/failing.h"
#include "weft/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

WEFT_ENUM(Colour, value(COLOUR_RED, "red"), value(COLOUR_BLUE, "blue"));
WEFT_MODEL(Place, field(double, x), field(double, y));
WEFT_MODEL(Tree, field(weft_str, name), field(int, small), field(int64_t, large), field(bool, on),
    field(Colour, colour), embed(Place, place), opt(Place, maybe), opt(weft_str, note),
    list(weft_str, tags), list(Tree, children), map(double, rates), map(Tree, by_name),
    ref(Tree, parent), field(weft_json, raw), field(weft_none, nothing), hidden(weft_str, hash),
    hidden(Place, home));
WEFT_MODEL(Ring, ref(Ring, next));
WEFT_MODEL(Nest, list(Nest, in));
WEFT_INPUT(asking_in, path(int, id), request(asked));
WEFT_INPUT(answering_in, body(Place, place), reply(answer));

/* A value packed, and read again into an arena. */
typedef struct trip {
    weft_arena arena;
    weft__buf bytes;
    weft__fault fault;
} trip;

static trip trip_open(void)
{
    trip t = { .fault = { "" } };
    weft__arena_init(&t.arena, NULL, 64 << 20);
    weft__buf_init(&t.bytes, 16 << 20);
    return t;
}

static void trip_close(trip *t)
{
    weft__arena_free(&t->arena);
    weft__buf_free(&t->bytes);
}

static int trip_run(trip *t, const weft_schema *schema, const void *value, void *out)
{
    weft__buf_clear(&t->bytes);
    int rc = weft__pack(schema, value, &t->bytes, &t->fault);
    return rc < 0 ? rc : weft__unpack(schema, weft__buf_str(&t->bytes), out, &t->arena);
}

#define TRIP(t, Model, value, out)                                                                 \
    trip_run((t), &weft_schema_##Model, (const Model *){ (value) }, (Model *){ (out) })

static bool same_text(weft_str a, weft_str b) { return !a.ptr == !b.ptr && weft_str_equal(a, b); }
#define CHECK_SAME_TEXT(a, b) WEFT_CHECK(same_text((a), (b)))

static Tree leaf(const char *name)
{
    return (Tree){ .name = weft_str_of(name), .large = INT64_MIN, .small = -1 };
}

WEFT_TEST(a_value_of_every_kind_comes_back_as_it_was)
{
    trip t = trip_open();
    Tree parent = leaf("parent"), kids[2] = { leaf("one"), leaf("two") }, back;
    struct weft_entry_double rates[] = { { WEFT_S("a"), 0.5 }, { WEFT_S(""), -0.0 } };
    struct weft_entry_Tree named[] = { { WEFT_S("k\0y"), leaf("named") } };
    weft_str tags[] = { WEFT_S("x\0y"), WEFT_S(""), { 0 } };
    Tree value = { .name = WEFT_S("root"),
        .small = INT32_MIN,
        .large = INT64_MAX,
        .on = true,
        .colour = COLOUR_BLUE,
        .place = { 1.5, INFINITY },
        .maybe = WEFT_SOME({ 3, 4 }),
        .note = { .null = true },
        .tags = { tags, 3, 3 },
        .children = { kids, 2, 2 },
        .rates = { rates, 2, 2 },
        .by_name = { named, 1, 1 },
        .parent = &parent,
        .raw = { WEFT_S("{\"a\":1}") },
        .hash = WEFT_S("secret"),
        .home = { NAN, -NAN } };
    WEFT_CHECK_EQ(TRIP(&t, Tree, &value, &back), 0);
    CHECK_SAME_TEXT(back.name, value.name);
    WEFT_CHECK_EQ(back.small, INT32_MIN);
    WEFT_CHECK_EQ(back.large, INT64_MAX);
    WEFT_CHECK(back.on);
    WEFT_CHECK_EQ(back.colour, COLOUR_BLUE);
    WEFT_CHECK(back.place.x == 1.5 && isinf(back.place.y));
    WEFT_CHECK(back.maybe.set && !back.maybe.null && back.maybe.value.y == 4);
    WEFT_CHECK(!back.note.set && back.note.null);
    WEFT_NEED(back.tags.count == 3 && back.children.count == 2 && back.rates.count == 2 &&
              back.by_name.count == 1);
    for (int i = 0; i < 3; i++)
        CHECK_SAME_TEXT(back.tags.items[i], tags[i]);
    CHECK_SAME_TEXT(back.children.items[1].name, WEFT_S("two"));
    WEFT_CHECK_EQ(back.children.items[1].large, INT64_MIN);
    WEFT_CHECK(signbit(back.rates.items[1].value) && back.rates.items[1].value == 0);
    CHECK_SAME_TEXT(back.by_name.items[0].key, WEFT_S("k\0y"));
    CHECK_SAME_TEXT(back.by_name.items[0].value.name, WEFT_S("named"));
    WEFT_NEED(back.parent && back.parent != &parent);
    CHECK_SAME_TEXT(back.parent->name, WEFT_S("parent"));
    CHECK_SAME_TEXT(back.raw.text, value.raw.text);
    CHECK_SAME_TEXT(back.hash, value.hash);
    WEFT_CHECK(memcmp(&back.home, &value.home, sizeof back.home) == 0);
    trip_close(&t);
}

WEFT_TEST(text_that_comes_back_ends_in_a_nul_and_is_a_copy)
{
    trip t = trip_open();
    weft_str back, value = WEFT_S("alfa");
    WEFT_CHECK_EQ(TRIP(&t, weft_str, &value, &back), 0);
    WEFT_CHECK(
        back.ptr != value.ptr && (back.ptr < t.bytes.ptr || back.ptr > t.bytes.ptr + t.bytes.len));
    WEFT_CHECK_EQ(back.ptr[4], 0);
    trip_close(&t);
}

WEFT_TEST(a_number_that_is_no_constant_of_its_enum_comes_back)
{
    trip t = trip_open();
    Colour back, value = (Colour)77;
    WEFT_CHECK_EQ(TRIP(&t, Colour, &value, &back), 0);
    WEFT_CHECK_EQ(back, 77);
    trip_close(&t);
}

WEFT_TEST(an_option_that_is_absent_carries_no_value)
{
    trip t = trip_open();
    weft_opt_int back = { .value = 9 }, value = { .value = 7 };
    WEFT_CHECK_EQ(TRIP(&t, weft_opt_int, &value, &back), 0);
    WEFT_CHECK(back.value == 0 && !back.set && !back.null);
    WEFT_CHECK_EQ(t.bytes.len, 1);
    trip_close(&t);
}

WEFT_TEST(a_list_that_came_back_can_be_pushed_to)
{
    trip t = trip_open();
    int items[] = { 1, 2, 3 };
    weft_list_int back, value = { items, 3, 0 };
    WEFT_CHECK_EQ(TRIP(&t, weft_list_int, &value, &back), 0);
    int *slot = weft__list_slot(&t.arena, &back, sizeof *slot);
    WEFT_NEED(slot && back.count == 4);
    WEFT_CHECK_EQ(back.items[2], 3);
    trip_close(&t);
}

WEFT_TEST(what_belongs_to_this_process_is_refused_by_name)
{
    trip t = trip_open();
    asking_in ask = { .id = 1 };
    answering_in answer = { .answer = NULL };
    static const weft_schema strange = { .name = "weft_reply", .kind = WEFT__special, .size = 8 };
    WEFT_CHECK_EQ(weft__pack(&weft_schema_asking_in, &ask, &t.bytes, &t.fault), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(t.fault.text),
        "the request of asking_in (member 'asked') is of this process and cannot go to another");
    WEFT_CHECK_EQ(t.bytes.len, 0);
    WEFT_CHECK_EQ(weft__pack(&weft_schema_answering_in, &answer, &t.bytes, &t.fault), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(t.fault.text),
        "the reply of answering_in (member 'answer') is of this process and cannot go to another");
    WEFT_CHECK_EQ(weft__pack(&strange, &ask, &t.bytes, &t.fault), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(t.fault.text), "a weft_reply cannot go to another process");
    WEFT_CHECK_EQ(weft__unpack(&strange, WEFT_S("12345678"), &ask, &t.arena), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_asking_in, WEFT_S("\1\0\0\0xxxxxxxx"), &ask, &t.arena),
        WEFT_EINVAL);
    trip_close(&t);
}

WEFT_TEST(what_cannot_be_packed_is_known_from_the_schema)
{
    weft__fault fault;
    static const weft_schema strange = { .name = "weft_reply", .kind = WEFT__special, .size = 8 };
    WEFT_CHECK_EQ(weft__pack_check(&weft_schema_Tree, &fault), 0);
    WEFT_CHECK_EQ(weft__pack_check(&weft_schema_weft_list_Tree, &fault), 0);
    WEFT_CHECK_EQ(weft__pack_check(&weft_schema_weft_none, &fault), 0);
    WEFT_CHECK_EQ(weft__pack_check(&strange, &fault), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__pack_check(&weft_schema_answering_in, NULL), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__pack_check(&weft_schema_asking_in, &fault), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(fault.text),
        "the request of asking_in (member 'asked') is of this process and cannot go to another");
}

WEFT_TEST(refs_that_form_a_ring_end_at_the_limit_of_levels)
{
    trip t = trip_open();
    Ring ring = { .next = &ring }, back, row[WEFT__PACK_DEPTH_MAX];
    for (int i = 0; i < WEFT__PACK_DEPTH_MAX; i++)
        row[i].next = i ? &row[i - 1] : NULL;
    WEFT_CHECK_EQ(TRIP(&t, Ring, &ring, &back), WEFT_ELIMIT);
    WEFT_CHECK_STR(weft_str_of(t.fault.text),
        "more than 64 levels of nesting: do refs form a ring? (model Ring, member 'next')");
    WEFT_CHECK_EQ(t.bytes.len, 0);
    WEFT_CHECK_EQ(TRIP(&t, Ring, &row[WEFT__PACK_DEPTH_MAX - 1], &back), 0);
    int depth = 1;
    for (const Ring *at = back.next; at; at = at->next)
        depth++;
    WEFT_CHECK_EQ(depth, WEFT__PACK_DEPTH_MAX);
    trip_close(&t);
}

WEFT_TEST(bytes_that_nest_too_deep_are_refused)
{
    trip t = trip_open();
    Nest nest;
    Ring ring;
    char deep[4 * 1000];
    memset(deep, 1, 1000);
    WEFT_CHECK_EQ(
        weft__unpack(&weft_schema_Ring, (weft_str){ deep, 1000 }, &ring, &t.arena), WEFT_ELIMIT);
    for (uint32_t i = 0, one = 1; i < 1000; i++)
        memcpy(deep + 4 * i, &one, 4);
    WEFT_CHECK_EQ(
        weft__unpack(&weft_schema_Nest, (weft_str){ deep, 4000 }, &nest, &t.arena), WEFT_ELIMIT);
    Nest inner = { .in = { &inner, 1, 1 } };
    WEFT_CHECK_EQ(TRIP(&t, Nest, &inner, &nest), WEFT_ELIMIT);
    trip_close(&t);
}

/* Every prefix of a packed value, and every one with a byte changed: refused or read, never past
 * the end. The bytes lie at the end of an allocation of their own, so that ASan sees a read beyond.
 */
WEFT_TEST(bytes_that_are_cut_or_changed_are_never_read_past_their_end)
{
    trip t = trip_open();
    Tree kid = leaf("kid"), back;
    weft_str tags[] = { WEFT_S("t"), WEFT_S("uv") };
    struct weft_entry_double rates[] = { { WEFT_S("r"), 1 } };
    Tree value = { .name = WEFT_S("root"),
        .maybe = WEFT_SOME({ 1, 2 }),
        .tags = { tags, 2, 2 },
        .children = { &kid, 1, 1 },
        .rates = { rates, 1, 1 },
        .parent = &kid,
        .hash = WEFT_S("h") };
    WEFT_NEED(weft__pack(&weft_schema_Tree, &value, &t.bytes, NULL) == 0);
    size_t n = t.bytes.len;
    for (size_t cut = 0; cut < n; cut++) {
        char *bytes = malloc(cut ? cut : 1);
        if (cut)
            memcpy(bytes, t.bytes.ptr, cut);
        WEFT_CHECK_EQ(weft__unpack(&weft_schema_Tree, (weft_str){ bytes, cut }, &back, &t.arena),
            WEFT_EPROTO);
        free(bytes);
        weft__arena_free(&t.arena);
    }
    for (size_t at = 0; at < n; at++) {
        for (int bit = 0; bit < 8; bit++) {
            char *bytes = malloc(n);
            memcpy(bytes, t.bytes.ptr, n);
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
            int rc = weft__unpack(&weft_schema_Tree, (weft_str){ bytes, n }, &back, &t.arena);
            WEFT_CHECK(rc == 0 || rc == WEFT_EPROTO);
            free(bytes);
            weft__arena_free(&t.arena);
        }
    }
    trip_close(&t);
}

WEFT_TEST(bytes_behind_a_value_are_refused)
{
    trip t = trip_open();
    int n;
    bool flag;
    weft_none none;
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_int, WEFT_S("\1\0\0\0"), &n, &t.arena), 0);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_int, WEFT_S("\1\0\0\0\0"), &n, &t.arena), WEFT_EPROTO);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema__Bool, WEFT_S("\2"), &flag, &t.arena), WEFT_EPROTO);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_weft_none, WEFT_S("\0"), &none, &t.arena), 0);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_weft_none, WEFT_S("\1"), &none, &t.arena), WEFT_EPROTO);
    trip_close(&t);
}

WEFT_TEST(lengths_that_lie_allocate_nothing)
{
    trip t = trip_open();
    weft_str text;
    weft_list_Tree trees;
    weft_map_int map;
    static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xff"
                               "abc";
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_weft_str,
                      WEFT_S("\xff\xff\xff\xff\xff\xff\xff\x7f"
                             "abc"),
                      &text, &t.arena),
        WEFT_EPROTO);
    WEFT_CHECK_EQ(
        weft__unpack(&weft_schema_weft_str, (weft_str){ huge, sizeof huge - 1 }, &text, &t.arena),
        WEFT_EPROTO);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_weft_list_Tree, (weft_str){ huge, sizeof huge - 1 },
                      &trees, &t.arena),
        WEFT_EPROTO);
    WEFT_CHECK_EQ(weft__unpack(&weft_schema_weft_map_int, (weft_str){ huge, sizeof huge - 1 }, &map,
                      &t.arena),
        WEFT_EPROTO);
    WEFT_CHECK_EQ(t.arena.bytes, 0);
    trip_close(&t);
}

WEFT_TEST(a_value_past_the_limit_of_the_buffer_is_refused_and_leaves_it_as_it_was)
{
    weft__buf small;
    weft__fault fault;
    char long_text[200] = "";
    weft_str value = { long_text, sizeof long_text };
    weft__buf_init(&small, 100);
    weft__buf_add(&small, "1234", 4);
    WEFT_CHECK_EQ(weft__pack(&weft_schema_weft_str, &value, &small, &fault), WEFT_ELIMIT);
    WEFT_CHECK_STR(weft_str_of(fault.text), "a weft_str of more than 96 bytes");
    WEFT_CHECK_STR(weft__buf_str(&small), "1234");
    weft__buf_free(&small);
}

WEFT_TEST(a_value_past_the_limit_of_the_arena_is_a_limit_and_no_broken_value)
{
    trip t = trip_open();
    int items[5000] = { 0 };
    weft_list_int back, value = { items, 5000, 5000 };
    char large[9000] = "";
    weft_str text, large_text = { large, sizeof large };
    weft__arena_init(&t.arena, NULL, 8192);
    WEFT_CHECK_EQ(TRIP(&t, weft_list_int, &value, &back), WEFT_ELIMIT);
    WEFT_CHECK_EQ(TRIP(&t, weft_str, &large_text, &text), WEFT_ELIMIT);
    Ring row[2] = { { &row[1] }, { NULL } }, ring;
    weft__arena_init(&t.arena, NULL, 1);
    WEFT_CHECK_EQ(TRIP(&t, Ring, &row[0], &ring), WEFT_ELIMIT);
    trip_close(&t);
}

WEFT_TEST(without_memory_a_trip_fails_and_loses_nothing)
{
    Tree kid = leaf("kid");
    Tree value = { .name = WEFT_S("root"), .children = { &kid, 1, 1 }, .parent = &kid };
    FAIL_EACH_IN_TURN(i)
    {
        trip t = trip_open();
        Tree back;
        int rc = TRIP(&t, Tree, &value, &back);
        WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
        trip_close(&t);
    }
    weft_set_allocator(NULL, NULL);
}

WEFT_MODEL(Valued, field(weft_date, date), field(weft_time, time), field(weft_datetime, when),
    field(weft_duration, length), field(weft_uuid, id), field(weft_decimal, price),
    list(weft_bytes, blobs));

WEFT_TEST(dates_and_their_like_come_back_as_they_were)
{
    weft_bytes blobs[] = { { (const uint8_t *)"a\0b", 3 }, { 0 } };
    Valued in = { .date = { 2022, 13, 40 }, /* what is no date is carried too */
        .time = { .hour = 23, .us = -1, .zoned = true, .offset_s = -60 },
        .when = { .us = INT64_MIN, .offset_s = 7, .zoned = true },
        .length = { INT64_MAX },
        .id = { { 1, 2, 255 } },
        .price = { WEFT_S("12.50") },
        .blobs = { blobs, 2, 2 } };
    Valued out;
    trip t = trip_open();
    WEFT_CHECK_EQ(TRIP(&t, Valued, &in, &out), 0);
    WEFT_CHECK_EQ(memcmp(&in.date, &out.date, sizeof in.date), 0);
    WEFT_CHECK_EQ(memcmp(&in.time, &out.time, sizeof in.time), 0);
    WEFT_CHECK(in.when.us == out.when.us && out.when.offset_s == 7 && out.when.zoned);
    WEFT_CHECK_EQ(out.length.us, INT64_MAX);
    WEFT_CHECK(weft_uuid_equal(in.id, out.id));
    WEFT_CHECK_STR(out.price.text, "12.50");
    WEFT_CHECK_EQ(out.blobs.items[0].len, 3);
    WEFT_CHECK_EQ(memcmp(out.blobs.items[0].ptr, "a\0b", 4), 0);
    WEFT_CHECK(!out.blobs.items[1].ptr);
    for (size_t cut = 0; cut < t.bytes.len; cut++)
        WEFT_CHECK_EQ(weft__unpack(&weft_schema_Valued, (weft_str){ t.bytes.ptr, cut }, &out, &t.arena),
            WEFT_EPROTO);
    trip_close(&t);
}
