/* Path, query and header values: what a handler gets, and what a client is told. */
#include "pairs.h"

/* ---- path ---- */

WEFT_MODEL(message, field(weft_str, message));
WEFT_MODEL(item_id, field(int64_t, item_id));
WEFT_MODEL(user_id, field(weft_str, user_id));
WEFT_MODEL(file_path, field(weft_str, file_path));
WEFT_ENUM(net, value(NET_ALEX, "alexnet"), value(NET_RES, "resnet"), value(NET_LE, "lenet"));
WEFT_MODEL(net_out, field(net, model_name), field(weft_str, message));
WEFT_INPUT(item_in, path(int64_t, item_id));
WEFT_INPUT(user_in, path(weft_str, user_id));
WEFT_INPUT(file_in, path(weft_str, file_path));
WEFT_INPUT(net_in, path(net, model_name));
WEFT_INPUT(two_in, path(weft_str, b), path(int, a));
WEFT_MODEL(two_out, field(int, a), field(weft_str, b));

static int root(const weft_none *in, message *out) { (void)in; out->message = WEFT_S("Hello World"); return 0; }
static int read_item(const item_in *in, item_id *out) { out->item_id = in->item_id; return 0; }
static int read_me(const weft_none *in, user_id *out) { (void)in; out->user_id = WEFT_S("the current user"); return 0; }
static int read_user(const user_in *in, user_id *out) { out->user_id = in->user_id; return 0; }
static int read_file(const file_in *in, file_path *out) { out->file_path = in->file_path; return 0; }
static int two(const two_in *in, two_out *out) { *out = (two_out){ in->a, in->b }; return 0; }

static int read_net(const net_in *in, net_out *out)
{
    out->model_name = in->model_name;
    out->message = in->model_name == NET_ALEX ? WEFT_S("Deep Learning FTW!") : WEFT_S("Have some residuals");
    return 0;
}

static const weft_app paths = { .routes = WEFT_ROUTES(
    WEFT_GET("/", root, weft_none, message),
    WEFT_GET("/items/{item_id}", read_item, item_in, item_id),
    WEFT_GET("/users/me", read_me, weft_none, user_id),
    WEFT_GET("/users/{user_id}", read_user, user_in, user_id),
    WEFT_GET("/files/{file_path:path}", read_file, file_in, file_path),
    WEFT_GET("/models/{model_name}", read_net, net_in, net_out),
    WEFT_GET("/two/{a}/{b}", two, two_in, two_out)) };

WEFT_TEST(paths_are_answered_or_not_found)
{
    PAIRS(&paths, { "GET", "/", 0, 0, 200, JSON({ "message": "Hello World" }) },
        { "GET", "/nonexistent", 0, 0, 404, JSON({ "detail": "Not Found" }) },
        { "GET", "/items/1/", 0, 0, 307, 0 },
        { "GET", "/Items/1", 0, 0, 404, JSON({ "detail": "Not Found" }) });
}

WEFT_TEST(path_values_are_converted_or_refused)
{
    PAIRS(&paths, { "GET", "/items/1", 0, 0, 200, JSON({ "item_id": 1 }) },
        { "GET", "/items/item1", 0, 0, 422, JSON({ "detail": [{ "input": "item1", "loc": ["path", "item_id"],
            "msg": "Input should be a valid integer, unable to parse string as an integer", "type": "int_parsing" }] }) },
        { "GET", "/items/9223372036854775807", 0, 0, 200, JSON({ "item_id": 9223372036854775807 }) },
        { "GET", "/items/%34%32", 0, 0, 200, JSON({ "item_id": 42 }) },
        { "GET", "/models/alexnet", 0, 0, 200, JSON({ "model_name": "alexnet", "message": "Deep Learning FTW!" }) },
        { "GET", "/models/foo", 0, 0, 422, JSON({ "detail": [{ "type": "enum", "loc": ["path", "model_name"],
            "msg": "Input should be 'alexnet', 'resnet' or 'lenet'", "input": "foo",
            "ctx": { "expected": "'alexnet', 'resnet' or 'lenet'" } }] }) });
}

WEFT_TEST(an_integer_that_no_type_holds_is_refused)
{
    WEFT_CHECK_EQ(weft_test_get(&paths, "/items/9223372036854775808").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&paths, "/two/2147483648/x").status, 422);
}

WEFT_TEST(the_order_of_routes_decides)
{
    PAIRS(&paths, { "GET", "/users/me", 0, 0, 200, JSON({ "user_id": "the current user" }) },
        { "GET", "/users/alice", 0, 0, 200, JSON({ "user_id": "alice" }) });
}

WEFT_TEST(path_members_are_found_by_name_not_by_order)
{
    PAIRS(&paths, { "GET", "/two/1/x", 0, 0, 200, JSON({ "a": 1, "b": "x" }) });
}

WEFT_TEST(a_path_member_takes_the_rest_with_its_slashes)
{
    PAIRS(&paths, { "GET", "/files/home/johndoe/myfile.txt", 0, 0, 200, JSON({ "file_path": "home/johndoe/myfile.txt" }) },
        { "GET", "/files//home/johndoe/myfile.txt", 0, 0, 200, JSON({ "file_path": "/home/johndoe/myfile.txt" }) },
        { "GET", "/files/a%2Fb/c%20d", 0, 0, 200, JSON({ "file_path": "a/b/c d" }) },
        { "GET", "/files/../etc", 0, 0, 200, JSON({ "file_path": "../etc" }) });
}

WEFT_TEST(an_encoded_slash_stays_inside_its_parameter)
{
    PAIRS(&paths, { "GET", "/users/a%2Fb", 0, 0, 200, JSON({ "user_id": "a/b" }) },
        { "GET", "/users/%C3%BC+%26", 0, 0, 200, JSON({ "user_id": "\u00fc+&" }) });
}

WEFT_TEST(a_path_that_is_no_text_is_a_bad_request)
{
    PAIRS(&paths, { "GET", "/users/a%00b", 0, 0, 400, JSON({ "detail": "the path is not percent-encoded UTF-8" }) },
        { "GET", "/users/%ff", 0, 0, 400, 0 }, { "GET", "/users/%zz", 0, 0, 400, 0 }, { "GET", "/users/%", 0, 0, 400, 0 },
        { "GET", "/users/%c3", 0, 0, 400, 0 }, { "GET", "/users/%ed%a0%80", 0, 0, 400, 0 });
}

WEFT_TEST(other_methods_are_refused_and_the_right_ones_named)
{
    weft_response r = weft_test_post(&paths, "/items/1", "{}");
    WEFT_CHECK_EQ(r.status, 405);
    WEFT_CHECK_JSON(r.body, { "detail": "Method Not Allowed" });
    WEFT_CHECK_STR(weft_response_header(&r, "Allow"), "GET, HEAD");
    WEFT_CHECK_EQ(weft_test_send(&paths, "OPTIONS", "/items/1", NULL, 0, NULL).status, 405);
    WEFT_CHECK_EQ(weft_test_send(&paths, "BREW", "/items/1", NULL, 0, NULL).status, 405);
    WEFT_CHECK_EQ(weft_test_send(&paths, "BREW", "/tea", NULL, 0, NULL).status, 404);
    WEFT_CHECK_EQ(weft_test_send(&paths, "OPTIONS", "*", NULL, 0, NULL).status, 404);
}

WEFT_TEST(head_is_get_without_its_body)
{
    weft_response get = weft_test_get(&paths, "/items/1"), head = weft_test_send(&paths, "HEAD", "/items/1", NULL, 0, NULL);
    WEFT_CHECK_EQ(head.status, 200);
    WEFT_CHECK_EQ(head.body.len, 0);
    weft_str length = weft_response_header(&head, "Content-Length");
    WEFT_CHECK(length.len && weft_str_equal(length, weft_response_header(&get, "Content-Length")));
    WEFT_CHECK_STR(weft_response_header(&head, "Content-Type"), "application/json");
}

/* ---- trailing slashes ---- */

static const weft_app slashes = { .routes = WEFT_ROUTES(
    WEFT_GET("/items/", root, weft_none, message),
    WEFT_GET("/plain", root, weft_none, message),
    WEFT_POST("/posts/", root, weft_none, message)) };

WEFT_INPUT(rest_in, path(weft_str, rest));
static int any(const rest_in *in, message *out) { out->message = in->rest; return 0; }

static void redirects(const char *path, const char *location)
{
    weft_response r = weft_test_get(&slashes, path);
    WEFT_CHECK_EQ(r.status, 307);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), location);
    WEFT_CHECK_EQ(r.body.len, 0);
}

WEFT_TEST(a_path_that_differs_by_its_last_slash_is_redirected)
{
    redirects("/items", "/items/");
    redirects("/items?q=a%20b&c=", "/items/?q=a%20b&c=");
    redirects("/plain/", "/plain");
    redirects("/posts", "/posts/");
    redirects("/items?", "/items/?");
    redirects("/items//", "/items/");
}

static const weft_app open = { .routes = WEFT_ROUTES(WEFT_GET("//{rest}/", any, rest_in, message)) };

WEFT_TEST(a_redirect_never_leads_to_another_host)
{
    WEFT_CHECK_EQ(weft_test_get(&open, "//evil.example").status, 404);
    WEFT_CHECK_EQ(weft_test_get(&open, "//evil.example/").status, 200);
    WEFT_CHECK_EQ(weft_test_get(&slashes, "//").status, 404);
}

/* ---- query ---- */

WEFT_MODEL(named, field(weft_str, item_name));
WEFT_INPUT(page_in, query(int, skip, .initial = "0"), query(int, limit, .initial = "10"));
WEFT_INPUT(short_in, path(weft_str, item_id), query(WEFT_OPT(weft_str), q), query(bool, brief, .as = "short", .initial = "false"));
WEFT_MODEL(short_out, field(weft_str, item_id), opt(weft_str, q), field(bool, brief, .as = "short"));
WEFT_INPUT(needy_in, path(weft_str, item_id), query(weft_str, needy), query(int, skip, .initial = "0"), query(WEFT_OPT(int), limit));
WEFT_MODEL(needy_out, field(weft_str, item_id), field(weft_str, needy), field(int, skip), opt(int, limit));
WEFT_INPUT(sized_in, path(int, item_id, .range = { 0, 1000 }), query(weft_str, q),
    query(double, size, .range = { 0, 10.5 }, .above = true, .below = true));
WEFT_MODEL(sized_out, field(int, item_id), field(double, size));
WEFT_INPUT(long_in, query(WEFT_OPT(weft_str), q, .min_len = 3, .max_len = 50));
WEFT_INPUT(fixed_in, query(WEFT_OPT(weft_str), q, .min_len = 3, .max_len = 50, .pattern = "^fixedquery$"));
WEFT_INPUT(alias_in, query(WEFT_OPT(weft_str), item_query, .as = "item-query", .min_len = 3));
WEFT_INPUT(spaced_in, query(WEFT_OPT(weft_str), q, .as = "a b"));
WEFT_INPUT(many_in, query(WEFT_LIST(weft_str), q, .initial = "[\"foo\",\"bar\"]"));
WEFT_INPUT(ints_in, query(WEFT_LIST(int), n, .min_items = 2, .max_items = 3));
WEFT_ENUM(order, value(ORDER_CREATED, "created_at"), value(ORDER_UPDATED, "updated_at"));
WEFT_INPUT(filter_in, query(int, limit, .initial = "100", .range = { 0, 100 }, .above = true), query(int, offset, .initial = "0", .range = { 0, WEFT_NO_END }),
    query(order, order_by, .initial = "created_at"), query(WEFT_LIST(weft_str), tags, .initial = "[]"));
WEFT_MODEL(filter_out, field(int, limit), field(int, offset), field(order, order_by), list(weft_str, tags));
WEFT_MODEL(q_out, opt(weft_str, q));
WEFT_MODEL(many_out, list(weft_str, q));
WEFT_MODEL(ints_out, list(int, n));

static int page(const page_in *in, weft_list_named *out)
{
    static const char *const names[] = { "Foo", "Bar", "Baz" };
    for (int i = in->skip; i < 3 && i < in->skip + in->limit; i++) weft_push(out, (named){ weft_str_of(names[i]) });
    return 0;
}
static int brief(const short_in *in, short_out *out) { *out = (short_out){ in->item_id, in->q, in->brief }; return 0; }
static int needy(const needy_in *in, needy_out *out) { *out = (needy_out){ in->item_id, in->needy, in->skip, in->limit }; return 0; }
static int sized(const sized_in *in, sized_out *out) { *out = (sized_out){ in->item_id, in->size }; return 0; }
static int longer(const long_in *in, q_out *out) { out->q = in->q; return 0; }
static int fixed(const fixed_in *in, q_out *out) { out->q = in->q; return 0; }
static int alias(const alias_in *in, q_out *out) { out->q = in->item_query; return 0; }
static int spaced(const spaced_in *in, q_out *out) { out->q = in->q; return 0; }
static int many(const many_in *in, many_out *out) { out->q = in->q; return 0; }
static int ints(const ints_in *in, ints_out *out) { out->n = in->n; return 0; }
static int filter(const filter_in *in, filter_out *out) { *out = (filter_out){ in->limit, in->offset, in->order_by, in->tags }; return 0; }

static const weft_app queries = { .routes = WEFT_ROUTES(
    WEFT_GET("/page", page, page_in, weft_list_named),
    WEFT_GET("/short/{item_id}", brief, short_in, short_out),
    WEFT_GET("/needy/{item_id}", needy, needy_in, needy_out),
    WEFT_GET("/sized/{item_id}", sized, sized_in, sized_out),
    WEFT_GET("/long", longer, long_in, q_out),
    WEFT_GET("/fixed", fixed, fixed_in, q_out),
    WEFT_GET("/alias", alias, alias_in, q_out),
    WEFT_GET("/spaced", spaced, spaced_in, q_out),
    WEFT_GET("/many", many, many_in, many_out),
    WEFT_GET("/ints", ints, ints_in, ints_out),
    WEFT_GET("/filter", filter, filter_in, filter_out)) };

WEFT_TEST(query_values_have_defaults)
{
    PAIRS(&queries, { "GET", "/page?skip=1", 0, 0, 200, JSON([{ "item_name": "Bar" }, { "item_name": "Baz" }]) },
        { "GET", "/page?skip=1&limit=1", 0, 0, 200, JSON([{ "item_name": "Bar" }]) },
        { "GET", "/page", 0, 0, 200, JSON([{ "item_name": "Foo" }, { "item_name": "Bar" }, { "item_name": "Baz" }]) },
        { "GET", "/page?", 0, 0, 200, 0 }, { "GET", "/page?skip=3&&&=&other=1", 0, 0, 200, JSON([]) },
        { "GET", "/short/baz?short=true", 0, 0, 200, JSON({ "item_id": "baz", "q": null, "short": true }) },
        { "GET", "/short/bar?q=somequery", 0, 0, 200, JSON({ "item_id": "bar", "q": "somequery", "short": false }) });
}

WEFT_TEST(all_faults_of_a_query_are_told_at_once)
{
    PAIRS(&queries, { "GET", "/needy/foo?needy=very", 0, 0, 200, JSON({ "item_id": "foo", "needy": "very", "skip": 0, "limit": null }) },
        { "GET", "/needy/foo?skip=a&limit=b", 0, 0, 422, JSON({ "detail": [
            { "type": "missing", "loc": ["query", "needy"], "msg": "Field required", "input": null },
            { "type": "int_parsing", "loc": ["query", "skip"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "a" },
            { "type": "int_parsing", "loc": ["query", "limit"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "b" }] }) });
}

WEFT_TEST(numbers_keep_within_their_range)
{
    PAIRS(&queries, { "GET", "/sized/0?q=&size=0.1", 0, 0, 200, JSON({ "item_id": 0, "size": 0.1 }) },
        { "GET", "/sized/-1?q=somequery&size=5", 0, 0, 422, JSON({ "detail": [{ "loc": ["path", "item_id"], "input": "-1",
            "msg": "Input should be greater than or equal to 0", "type": "greater_than_equal", "ctx": { "ge": 0 } }] }) },
        { "GET", "/sized/1001?q=somequery&size=5", 0, 0, 422, JSON({ "detail": [{ "loc": ["path", "item_id"], "input": "1001",
            "msg": "Input should be less than or equal to 1000", "type": "less_than_equal", "ctx": { "le": 1000 } }] }) },
        { "GET", "/sized/1?q=somequery&size=0.0", 0, 0, 422, JSON({ "detail": [{ "loc": ["query", "size"], "input": "0.0",
            "msg": "Input should be greater than 0", "type": "greater_than", "ctx": { "gt": 0.0 } }] }) },
        { "GET", "/sized/1?q=somequery&size=10.5", 0, 0, 422, JSON({ "detail": [{ "loc": ["query", "size"], "input": "10.5",
            "msg": "Input should be less than 10.5", "type": "less_than", "ctx": { "lt": 10.5 } }] }) },
        { "GET", "/sized/x?size=nan", 0, 0, 422, 0 });
}

WEFT_TEST(faults_come_in_the_order_path_query)
{
    weft_response r = weft_test_get(&queries, "/sized/x");
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "int_parsing", "loc": ["path", "item_id"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "x" },
        { "type": "missing", "loc": ["query", "q"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["query", "size"], "msg": "Field required", "input": null }] });
}

WEFT_TEST(texts_keep_to_their_length_and_pattern)
{
    PAIRS(&queries, { "GET", "/long?q=qu", 0, 0, 422, JSON({ "detail": [{ "type": "string_too_short", "loc": ["query", "q"],
            "msg": "String should have at least 3 characters", "input": "qu", "ctx": { "min_length": 3 } }] }) },
        { "GET", "/fixed?q=nonregexquery", 0, 0, 422, JSON({ "detail": [{ "type": "string_pattern_mismatch", "loc": ["query", "q"],
            "msg": "String should match pattern '^fixedquery$'", "input": "nonregexquery", "ctx": { "pattern": "^fixedquery$" } }] }) },
        { "GET", "/long?q=%C3%BC%C3%BC%C3%BC", 0, 0, 200, JSON({ "q": "\u00fc\u00fc\u00fc" }) },
        { "GET", "/long", 0, 0, 200, JSON({ "q": null }) },
        { "GET", "/alias?q=fixedquery", 0, 0, 200, JSON({ "q": null }) },
        { "GET", "/alias?item-query=abc", 0, 0, 200, JSON({ "q": "abc" }) },
        { "GET", "/alias?item%2Dquery=abc", 0, 0, 200, JSON({ "q": "abc" }) },
        { "GET", "/spaced?a+b=c+d", 0, 0, 200, JSON({ "q": "c d" }) },
        { "GET", "/spaced?a%20b=c%2Bd", 0, 0, 200, JSON({ "q": "c+d" }) },
        { "GET", "/alias?item-query=a", 0, 0, 422, JSON({ "detail": [{ "type": "string_too_short", "loc": ["query", "item-query"],
            "msg": "String should have at least 3 characters", "input": "a", "ctx": { "min_length": 3 } }] }) });
}

WEFT_TEST(repeated_names_make_a_list)
{
    PAIRS(&queries, { "GET", "/many?q=foo&q=bar&q=a+b", 0, 0, 200, JSON({ "q": ["foo", "bar", "a b"] }) },
        { "GET", "/many", 0, 0, 200, JSON({ "q": ["foo", "bar"] }) },
        { "GET", "/many?q=", 0, 0, 200, JSON({ "q": [""] }) },
        { "GET", "/ints?n=1&n=x&n=3", 0, 0, 422, JSON({ "detail": [{ "type": "int_parsing", "loc": ["query", "n", 1],
            "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "x" }] }) },
        { "GET", "/ints", 0, 0, 422, JSON({ "detail": [{ "type": "missing", "loc": ["query", "n"], "msg": "Field required", "input": null }] }) },
        { "GET", "/ints?n=1&n=2", 0, 0, 200, JSON({ "n": [1, 2] }) },
        { "GET", "/ints?n=1", 0, 0, 422, 0 }, { "GET", "/ints?n=1&n=2&n=3&n=4", 0, 0, 422, 0 });
}

WEFT_TEST(of_a_repeated_value_the_last_counts)
{
    PAIRS(&queries, { "GET", "/long?q=first&q=second", 0, 0, 200, JSON({ "q": "second" }) },
        { "GET", "/page?skip=x&skip=2", 0, 0, 200, JSON([{ "item_name": "Baz" }]) });
}

WEFT_TEST(members_of_a_filter_are_checked_each)
{
    PAIRS(&queries, { "GET", "/filter?limit=10&offset=5&order_by=updated_at&tags=tag1&tags=tag2", 0, 0, 200,
            JSON({ "limit": 10, "offset": 5, "order_by": "updated_at", "tags": ["tag1", "tag2"] }) },
        { "GET", "/filter?limit=150&offset=-1&order_by=invalid", 0, 0, 422, JSON({ "detail": [
            { "type": "less_than_equal", "loc": ["query", "limit"], "msg": "Input should be less than or equal to 100", "input": "150", "ctx": { "le": 100 } },
            { "type": "greater_than_equal", "loc": ["query", "offset"], "msg": "Input should be greater than or equal to 0", "input": "-1", "ctx": { "ge": 0 } },
            { "type": "enum", "loc": ["query", "order_by"], "msg": "Input should be 'created_at' or 'updated_at'", "input": "invalid",
              "ctx": { "expected": "'created_at' or 'updated_at'" } }] }) });
}

WEFT_TEST(a_query_that_is_no_text_is_refused)
{
    PAIRS(&queries, { "GET", "/long?q=%zz", 0, 0, 400, JSON({ "detail": "the query is not percent-encoded text" }) },
        { "GET", "/long?q=abc%", 0, 0, 400, 0 }, { "GET", "/long?q=abc%00def", 0, 0, 422, 0 }, { "GET", "/long?q=abc%ff", 0, 0, 422, 0 },
        { "GET", "/long?other=%zz", 0, 0, 200, 0 });
}

WEFT_TEST(a_query_has_at_most_a_thousand_parameters)
{
    static char path[4096] = "/long?";
    for (int i = 0; i < 1000; i++) strcat(path, "a&");
    WEFT_CHECK_EQ(weft_test_get(&queries, path).status, 200);
    strcat(path, "q=abc");
    weft_response r = weft_test_get(&queries, path);
    WEFT_CHECK_EQ(r.status, 400);
    WEFT_CHECK_JSON(r.body, { "detail": "the query has more than 1000 parameters" });
}

/* ---- headers ---- */

WEFT_INPUT(agent_in, header(WEFT_OPT(weft_str), user_agent));
WEFT_MODEL(agent_out, opt(weft_str, agent, .as = "User-Agent"));
WEFT_INPUT(tokens_in, header(WEFT_LIST(weft_str), x_token, .initial = "[]"));
WEFT_MODEL(tokens_out, list(weft_str, tokens));
WEFT_INPUT(keyed_in, header(weft_str, x_token), header(weft_str, x_key));
WEFT_INPUT(typed_in, header(int, x_count, .range = { 1, 9 }), header(weft_str, odd, .as = "X_Odd"));
WEFT_MODEL(typed_out, field(int, n), field(weft_str, odd));
WEFT_MODEL(one_item, field(weft_str, item));

static int agent(const agent_in *in, agent_out *out) { out->agent = in->user_agent; return 0; }
static int tokens(const tokens_in *in, tokens_out *out) { out->tokens = in->x_token; return 0; }
static int typed(const typed_in *in, typed_out *out) { *out = (typed_out){ in->x_count, in->odd }; return 0; }

static int keyed(const keyed_in *in, weft_list_one_item *out)
{
    if (!weft_str_equal(in->x_token, WEFT_S("fake-super-secret-token"))) return weft_fail(400, "X-Token header invalid");
    if (!weft_str_equal(in->x_key, WEFT_S("fake-super-secret-key"))) return weft_fail(400, "X-Key header invalid");
    weft_push(out, (one_item){ WEFT_S("Foo") });
    weft_push(out, (one_item){ WEFT_S("Bar") });
    return 0;
}

static const weft_app headers = { .routes = WEFT_ROUTES(
    WEFT_GET("/agent", agent, agent_in, agent_out),
    WEFT_GET("/tokens", tokens, tokens_in, tokens_out),
    WEFT_GET("/keyed", keyed, keyed_in, weft_list_one_item),
    WEFT_GET("/typed", typed, typed_in, typed_out)) };

WEFT_TEST(header_members_are_found_under_their_wire_names)
{
    PAIRS(&headers, { "GET", "/agent", 0, 0, 200, JSON({ "User-Agent": "testclient" }) },
        { "GET", "/agent", "USER-AGENT: other", 0, 200, JSON({ "User-Agent": "other" }) },
        { "GET", "/tokens", 0, 0, 200, JSON({ "tokens": [] }) },
        { "GET", "/tokens", "X-Token: one\nx-other: no\nx-token: two", 0, 200, JSON({ "tokens": ["one", "two"] }) },
        { "GET", "/typed", "X-Count: 3\nX_Odd: yes", 0, 200, JSON({ "n": 3, "odd": "yes" }) });
}

WEFT_TEST(missing_headers_are_told_under_their_wire_names)
{
    PAIRS(&headers, { "GET", "/keyed", 0, 0, 422, JSON({ "detail": [
            { "type": "missing", "loc": ["header", "x-token"], "msg": "Field required", "input": null },
            { "type": "missing", "loc": ["header", "x-key"], "msg": "Field required", "input": null }] }) },
        { "GET", "/keyed", "X-Token: invalid\nX-Key: k", 0, 400, JSON({ "detail": "X-Token header invalid" }) },
        { "GET", "/keyed", "X-Token: fake-super-secret-token\nX-Key: fake-super-secret-key", 0, 200, JSON([{ "item": "Foo" }, { "item": "Bar" }]) },
        { "GET", "/typed", "X-Count: 10\nX_Odd: a", 0, 422, JSON({ "detail": [{ "type": "less_than_equal", "loc": ["header", "x-count"],
            "msg": "Input should be less than or equal to 9", "input": "10", "ctx": { "le": 9 } }] }) });
}

WEFT_TEST(a_header_that_is_no_utf8_is_refused)
{
    PAIRS(&headers, { "GET", "/agent", "User-Agent: \xff", 0, 422, 0 });
}

WEFT_TEST(of_a_repeated_header_the_first_counts)
{
    PAIRS(&headers, { "GET", "/agent", "user-agent: first\nuser-agent: second", 0, 200, JSON({ "User-Agent": "first" }) });
}
