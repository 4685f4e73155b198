/* Values of the query. */
#include "pairs.h"

/* ---- initial values, options, bools ---- */

WEFT_MODEL(NamedItem, field(weft_str, item_name));
WEFT_INPUT(page_in, query(int, skip, .initial = "0"), query(int, limit, .initial = "10"));

static int read_page(const page_in *in, weft_list_NamedItem *out)
{
    static const weft_str names[] = { WEFT_S("Foo"), WEFT_S("Bar"), WEFT_S("Baz") };
    for (int i = in->skip; i >= 0 && i < 3 && i - in->skip < in->limit; i++)
        weft_push(out, (NamedItem){ names[i] });
    return 0;
}

WEFT_MODEL(Described, field(weft_str, item_id), opt(weft_str, q), opt(weft_str, description));
WEFT_INPUT(described_in,
    path (weft_str,           item_id),
    query(WEFT_OPT(weft_str), q),
    query(bool,               short_, .as = "short", .initial = "false"));

static int read_described(const described_in *in, Described *out)
{
    *out = (Described){ .item_id = in->item_id, .q = in->q };
    if (!in->short_)
        out->description =
            (weft_opt_weft_str)WEFT_SOME(WEFT_S("This is an amazing item that has a long description"));
    return 0;
}

static const fact pages_facts[] = {
    { 11, "GET", "/items/?skip=1", 0, 0, 200, JSON([{ "item_name": "Bar" }, { "item_name": "Baz" }]) },
    { 12, "GET", "/items/?skip=1&limit=1", 0, 0, 200, JSON([{ "item_name": "Bar" }]) },
    { 13, "GET", "/items/baz?short=true", 0, 0, 200, JSON({ "item_id": "baz" }) },
    { 14, "GET", "/items/bar?q=somequery", 0, 0, 200, JSON({ "item_id": "bar", "q": "somequery",
        "description": "This is an amazing item that has a long description" }) },
};
GROUP(pages, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", read_page, page_in, weft_list_NamedItem),
    WEFT_GET("/items/{item_id}", read_described, described_in, Described, .exclude_none = true)))

/* ---- what must be there ---- */

WEFT_MODEL(Needed, field(weft_str, item_id), field(weft_str, needy), field(int, skip), opt(int, limit));
WEFT_INPUT(needed_in,
    path (weft_str,      item_id),
    query(weft_str,      needy),
    query(int,           skip, .initial = "0"),
    query(WEFT_OPT(int), limit));

static int read_needed(const needed_in *in, Needed *out)
{
    *out = (Needed){ in->item_id, in->needy, in->skip, in->limit };
    return 0;
}

static const fact needs_facts[] = {
    { 15, "GET", "/items/foo?needy=very", 0, 0, 200,
        JSON({ "item_id": "foo", "needy": "very", "skip": 0, "limit": null }) },
    { 16, "GET", "/items/foo?skip=a&limit=b", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["query", "needy"], "msg": "Field required", "input": null },
        { "type": "int_parsing", "loc": ["query", "skip"], "input": "a",
            "msg": "Input should be a valid integer, unable to parse string as an integer" },
        { "type": "int_parsing", "loc": ["query", "limit"], "input": "b",
            "msg": "Input should be a valid integer, unable to parse string as an integer" }] }) },
};
GROUP(needs, .routes = WEFT_ROUTES(
    WEFT_GET("/items/{item_id}", read_needed, needed_in, Needed)))

/* ---- limits of texts; names that C cannot have ---- */

WEFT_MODEL(Id, field(weft_str, item_id));
WEFT_MODEL(Found, list(Id, items), opt(weft_str, q));

static int find(weft_opt_weft_str q, Found *out)
{
    weft_push(&out->items, (Id){ WEFT_S("Foo") });
    weft_push(&out->items, (Id){ WEFT_S("Bar") });
    out->q = q;
    return 0;
}

WEFT_INPUT(length_in, query(WEFT_OPT(weft_str), q, .min_len = 3, .max_len = 50));
WEFT_INPUT(pattern_in, query(WEFT_OPT(weft_str), q, .min_len = 3, .max_len = 50, .pattern = "^fixedquery$"));
WEFT_INPUT(alias_in, query(WEFT_OPT(weft_str), q, .as = "item-query", .min_len = 3, .max_len = 50,
    .pattern = "^fixedquery$"));
WEFT_INPUT(required_in, query(weft_str, q, .min_len = 3));
static int find_by_length(const length_in *in, Found *out) { return find(in->q, out); }
static int find_by_pattern(const pattern_in *in, Found *out) { return find(in->q, out); }
static int find_by_alias(const alias_in *in, Found *out) { return find(in->q, out); }
static int find_required(const required_in *in, Found *out) { return find((weft_opt_weft_str)WEFT_SOME(in->q), out); }

static const fact lengths_facts[] = {
    { 22, "GET", "/items/?q=qu", 0, 0, 422, JSON({ "detail": [
        { "type": "string_too_short", "loc": ["query", "q"], "input": "qu",
            "msg": "String should have at least 3 characters", "ctx": { "min_length": 3 } }] }) },
};
GROUP(lengths, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", find_by_length, length_in, Found, .exclude_none = true)))

static const fact patterns_facts[] = {
    { 23, "GET", "/items/?q=nonregexquery", 0, 0, 422, JSON({ "detail": [
        { "type": "string_pattern_mismatch", "loc": ["query", "q"], "input": "nonregexquery",
            "msg": "String should match pattern '^fixedquery$'", "ctx": { "pattern": "^fixedquery$" } }] }) },
};
GROUP(patterns, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", find_by_pattern, pattern_in, Found, .exclude_none = true)))

static const fact required_facts[] = {
    { 24, "GET", "/items/", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["query", "q"], "msg": "Field required", "input": null }] }) },
};
GROUP(required, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", find_required, required_in, Found, .exclude_none = true)))

static const fact aliases_facts[] = {
    { 25, "GET", "/items/?q=fixedquery", 0, 0, 200, JSON({ "items": [{ "item_id": "Foo" }, { "item_id": "Bar" }] }) },
};
GROUP(aliases, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", find_by_alias, alias_in, Found, .exclude_none = true)))

/* ---- lists ---- */

/* Python's None for a list that did not come: here a list without items, and a ref that is null when it is written. */
WEFT_MODEL(ManyOrNone, ref(weft_list_weft_str, q));
WEFT_MODEL(Many, list(weft_str, q));
WEFT_INPUT(many_in, query(WEFT_LIST(weft_str), q, .initial = "[]"));
WEFT_INPUT(many_initial_in, query(WEFT_LIST(weft_str), q, .initial = "[\"foo\", \"bar\"]"));

static int read_many(const many_in *in, ManyOrNone *out)
{
    out->q = in->q.count ? (weft_list_weft_str *)&in->q : NULL;
    return 0;
}

static int read_many_initial(const many_initial_in *in, Many *out) { out->q = in->q; return 0; }

static const fact lists_facts[] = {
    { 26, "GET", "/items/?q=foo&q=bar", 0, 0, 200, JSON({ "q": ["foo", "bar"] }) },
    { 27, "GET", "/items/", 0, 0, 200, JSON({ "q": null }) },
};
GROUP(lists, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", read_many, many_in, ManyOrNone)))

static const fact initial_lists_facts[] = { { 28, "GET", "/items/", 0, 0, 200, JSON({ "q": ["foo", "bar"] }) } };
GROUP(initial_lists, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", read_many_initial, many_initial_in, Many)))

/* ---- a model of them ---- */

WEFT_LITERAL(OrderBy, value(BY_CREATED, "created_at"), value(BY_UPDATED, "updated_at"));
WEFT_MODEL(Filter,
    field(int,      limit,    .range = { 0, 100 }, .above = true, .initial = "100"),
    field(int,      offset,   .range = { 0, WEFT_NO_END }, .initial = "0"),
    field(OrderBy,  order_by, .initial = "created_at"),
    list (weft_str, tags,     .initial = "[]"),
    no_extra());
WEFT_INPUT(filter_in, query(Filter, filter));

static int read_filter(const filter_in *in, Filter *out) { *out = in->filter; return 0; }

static const fact filters_facts[] = {
    { 29, "GET", "/items/?limit=10&offset=5&order_by=updated_at&tags=tag1&tags=tag2", 0, 0, 200,
        JSON({ "limit": 10, "offset": 5, "order_by": "updated_at", "tags": ["tag1", "tag2"] }) },
    { 30, "GET", "/items/?limit=150&offset=-1&order_by=invalid", 0, 0, 422, JSON({ "detail": [
        { "type": "less_than_equal", "loc": ["query", "limit"], "input": "150",
            "msg": "Input should be less than or equal to 100", "ctx": { "le": 100 } },
        { "type": "greater_than_equal", "loc": ["query", "offset"], "input": "-1",
            "msg": "Input should be greater than or equal to 0", "ctx": { "ge": 0 } },
        { "type": "literal_error", "loc": ["query", "order_by"], "input": "invalid",
            "msg": "Input should be 'created_at' or 'updated_at'",
            "ctx": { "expected": "'created_at' or 'updated_at'" } }] }) },
    { 31, "GET", "/items/?limit=10&offset=5&order_by=updated_at&tags=tag1&tags=tag2&tool=plumbus", 0, 0, 422,
        JSON({ "detail": [
        { "type": "extra_forbidden", "loc": ["query", "tool"], "input": "plumbus",
            "msg": "Extra inputs are not permitted" }] }) },
};
GROUP(filters, .routes = WEFT_ROUTES(
    WEFT_GET("/items/", read_filter, filter_in, Filter)))
