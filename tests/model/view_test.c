#include "model/view.h"
#include "reading.h"

WEFT_MODEL(Part, field(int, size, .initial = "1"), opt(int, colour));
WEFT_MODEL(Thing, field(weft_str, name), opt(weft_str, description), field(double, price),
    opt(double, tax), list(weft_str, tags, .initial = "[]"), field(int, count, .initial = "10"),
    ref(Part, spare), list(Part, parts, .initial = "[]"), field(weft_json, raw));
WEFT_UNION(Any, kind, when("thing", Thing, thing), when("part", Part, part));

static void check_view(const weft_schema *schema, const void *value, const weft__view_opts *opts,
    const char *expected, const char *file, int line)
{
    weft_arena arena;
    weft__buf out;
    weft__view view;
    weft__fault fault = { "" };
    weft__arena_init(&arena, NULL, 1 << 20);
    weft__buf_init(&out, 1 << 20);
    int rc = weft__view_make(&view, opts, schema, &arena, &fault);
    if (rc == 0) rc = weft__json_write_view(schema, value, &view, &out, &fault);
    weft__check_str(
        file, line, "view", rc < 0 ? weft_str_of(fault.text) : weft__buf_str(&out), expected);
    weft__buf_free(&out);
    weft__arena_free(&arena);
}

#define CHECK_VIEW(Model, value, expected, ...)                                                    \
    check_view(&weft_schema_##Model, (value), &(weft__view_opts){ __VA_ARGS__ }, (expected),       \
        __FILE__, __LINE__)

static Thing bare(void)
{
    return (Thing){ .name = WEFT_S("Foo"), .price = 50.2, .count = 10 };
}

WEFT_TEST(what_may_lack_and_holds_nothing_is_unset)
{
    Part part = { .size = 1, .colour = { .null = true } };
    Thing t = bare();
    CHECK_VIEW(Thing, &t, "{\"name\":\"Foo\",\"price\":50.2,\"count\":10,\"raw\":null}",
        .exclude_unset = true);
    t.description.null = true;
    t.spare = &part;
    CHECK_VIEW(Thing, &t,
        "{\"name\":\"Foo\",\"description\":null,\"price\":50.2,\"count\":10,\"spare\":{\"size\":1,"
        "\"colour\":null},\"raw\":null}",
        .exclude_unset = true);
}

WEFT_TEST(what_is_written_as_null_is_none)
{
    Part part = { .size = 1 };
    Thing t = bare();
    t.parts = (weft_list_Part){ &part, 1, 1 };
    CHECK_VIEW(Thing, &t,
        "{\"name\":\"Foo\",\"price\":50.2,\"tags\":[],\"count\":10,\"parts\":[{\"size\":1}]}",
        .exclude_none = true);
}

WEFT_TEST(what_is_as_it_began_is_left_out_as_a_default)
{
    Part parts[] = { { .size = 1 }, { .size = 2, .colour = WEFT_SOME(3) } };
    Thing t = bare();
    CHECK_VIEW(Thing, &t, "{\"name\":\"Foo\",\"price\":50.2,\"raw\":null}",
        .exclude_defaults = true);
    t.parts = (weft_list_Part){ parts, 2, 2 };
    t.count = 11;
    CHECK_VIEW(Thing, &t,
        "{\"name\":\"Foo\",\"price\":50.2,\"count\":11,\"parts\":[{},{\"size\":2,\"colour\":3}],"
        "\"raw\":null}",
        .exclude_defaults = true);
    Any any = { .kind = Any_part, .part = parts[0] };
    CHECK_VIEW(Any, &any, "{\"kind\":\"part\"}", .exclude_defaults = true);
}

WEFT_TEST(members_of_the_outermost_model_are_chosen_by_name)
{
    Thing things[] = { bare(), bare() };
    weft_list_Thing all = { things, 2, 2 };
    CHECK_VIEW(Thing, things, "{\"name\":\"Foo\",\"description\":null}",
        .include = "name, description");
    CHECK_VIEW(weft_list_Thing, &all, "[{\"count\":10},{\"count\":10}]", .include = "count");
    CHECK_VIEW(Thing, things, "{\"name\":\"Foo\",\"price\":50.2,\"raw\":null}",
        .exclude = " tax ,description,tags,count,spare,parts");
    CHECK_VIEW(Thing, things, "{\"name\":\"Foo\"}", .include = "name,tax", .exclude_none = true);
}

WEFT_MODEL(Tree, field(int, size), list(Tree, in, .initial = "[]"));

WEFT_TEST(a_model_inside_itself_is_written_whole)
{
    Tree leaf = { .size = 1 }, tree = { .size = 2, .in = { &leaf, 1, 1 } };
    CHECK_VIEW(Tree, &tree, "{\"in\":[{\"size\":1,\"in\":[]}]}", .exclude = "size");
}

WEFT_TEST(names_that_a_view_cannot_have_are_told)
{
    Thing t = bare();
    Any any = { .kind = Any_thing, .thing = t };
    int n = 0;
    CHECK_VIEW(Thing, &t,
        ".include names 'nam', which is no member of Thing; it has 'name', 'description', 'price', "
        "'tax', 'tags', 'count', 'spare', 'parts', 'raw'",
        .include = "nam");
    CHECK_VIEW(Part, &t, ".exclude names '', which is no member of Part; it has 'size', 'colour'",
        .exclude = "size,,colour");
    CHECK_VIEW(Any, &any, ".include names members, and the output Any has none", .include = "name");
    CHECK_VIEW(int, &n, ".exclude names members, and the output int has none", .exclude = "x");
    CHECK_VIEW(Thing, &t, ".include and .exclude; expected one of them", .include = "name",
        .exclude = "tax");
}
