/* What is wrong with an application is said when it starts: all of it, a line each. */
#include <string.h>
#include "weft.h"
#include "faults.h"

WEFT_MODEL(Item, field(int64_t, item_id));
WEFT_INPUT(by_id, path(int64_t, id));
WEFT_INPUT(nothing_of_path, query(int, q));
WEFT_INPUT(by_item_id, path(int64_t, item_id));

static int by(const by_id *in, Item *out) { out->item_id = in->id; return 0; }
static int without(const nothing_of_path *in, Item *out) { out->item_id = in->q; return 0; }
static int by_item(const by_item_id *in, Item *out) { out->item_id = in->item_id; return 0; }
static int plain(const weft_none *in, Item *out) { (void)in; out->item_id = 1; return 0; }

static const weft_app sound = { .routes = WEFT_ROUTES(WEFT_GET("/items/{item_id}", by_item, by_item_id, Item)) };
static const weft_app empty = { .title = "nothing" };

WEFT_TEST(an_application_without_faults_compiles)
{
    FAULTS(sound, "");
    FAULTS(empty, "");
}

static const weft_app named_otherwise = { .routes = WEFT_ROUTES(
    WEFT_GET("/items/{item_id}", by, by_id, Item),
    WEFT_GET("/things/{item_id}", without, nothing_of_path, Item),
    WEFT_GET("/others/{item_id}", plain, weft_none, Item),
    WEFT_GET("/all", by, by_id, Item)) };

WEFT_TEST(path_members_and_parameters_must_be_the_same)
{
    FAULTS(named_otherwise,
        "route GET /items/{item_id}: input by_id has path member 'id', but the path has no {id}; it has {item_id}\n"
        "route GET /items/{item_id}: input by_id has no path member 'item_id'; it has 'id'\n"
        "route GET /things/{item_id}: input nothing_of_path has no path member 'item_id'; it has none\n"
        "route GET /others/{item_id}: input weft_none has no path member 'item_id'; it has none\n"
        "route GET /all: input by_id has path member 'id', but the path has no {id}; it has none\n");
}

static const weft_app malformed = { .routes = WEFT_ROUTES(
    WEFT_GET("items", plain, weft_none, Item),
    WEFT_GET("/{id", plain, weft_none, Item),
    WEFT_GET("/{}", plain, weft_none, Item),
    WEFT_GET("/{a}{b}", plain, weft_none, Item),
    WEFT_GET("/{rest:path}/x", plain, weft_none, Item),
    WEFT_GET("/a/../b", plain, weft_none, Item),
    WEFT_GET("/.", plain, weft_none, Item),
    { .method = "GET", .path = NULL, .name = "none", .handler = (weft__fn *)plain, .in = &weft_schema_weft_none, .out = &weft_schema_Item },
    { .method = "BREW", .path = "/tea", .name = "brew", .handler = (weft__fn *)plain, .in = &weft_schema_weft_none, .out = &weft_schema_Item },
    { .method = "GET", .path = "/unhandled", .name = "unhandled" }) };

WEFT_TEST(malformed_routes_are_told_with_their_reason)
{
    FAULTS(malformed,
        "route GET items: path: it must begin with '/'\n"
        "route GET /{id: path: '{' without '}' in its segment\n"
        "route GET /{}: path: a parameter without a name\n"
        "route GET /{a}{b}: path: two parameters in one segment\n"
        "route GET /{rest:path}/x: path: {name:path} must be the last segment\n"
        "route GET /a/../b: path: no client asks for '.' or '..': they take such segments away\n"
        "route GET /.: path: no client asks for '.' or '..': they take such segments away\n"
        "route GET : path: it must begin with '/'\n"
        "route BREW /tea: method 'BREW'; expected GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS\n"
        "route GET /unhandled: it has no handler; write it with WEFT_GET and its like\n");
}

static const weft_app hidden_routes = { .routes = WEFT_ROUTES(
    WEFT_GET("/items/{id}", by, by_id, Item),
    WEFT_GET("/items/{item_id}", by_item, by_item_id, Item),
    WEFT_GET("/items/all", plain, weft_none, Item),
    WEFT_POST("/items/all", plain, weft_none, Item),
    WEFT__ROUTE("HEAD", "/items/{item_id}", by_item, by_item_id, Item)) };

WEFT_TEST(a_route_that_cannot_be_reached_is_a_fault)
{
    FAULTS(hidden_routes,
        "route GET /items/{item_id} (by_item): the same as GET /items/{id} (by), which is declared before it\n"
        "route GET /items/all (plain): can never be reached, since GET /items/{id} (by) is declared before it and matches all its "
        "paths; declare this one first\n"
        "route HEAD /items/{item_id} (by_item): the same as GET /items/{id} (by), which is declared before it\n");
}

/* ---- inputs ---- */

WEFT_MODEL(Body, field(int, n));
WEFT_INPUT(two_requests, request(a), request(b), reply(c), reply(d));
WEFT_INPUT(model_in_path, path(Body, b));
WEFT_INPUT(list_in_path, path(WEFT_LIST(int), ids));
WEFT_INPUT(map_in_header, header(WEFT_MAP(int), m));
WEFT_INPUT(odd_header, header(int, a, .as = "a b"), header(int, x_a), header(int, other, .as = "X-A"));
WEFT_INPUT(none_in_body, body(weft_none, nothing));
WEFT_INPUT(with_reply, reply(reply));

#define HANDLER(name, In, Out) static int name(const In *in, Out *out) { (void)in; (void)out; return 0; }
HANDLER(f2, two_requests, Item)
HANDLER(f3, model_in_path, Item)
HANDLER(f4, list_in_path, Item)
HANDLER(f5, map_in_header, Item)
HANDLER(f6, odd_header, Item)
HANDLER(f7, none_in_body, Item)
HANDLER(f8, with_reply, weft_reply)
HANDLER(f9, Body, Item)
HANDLER(f10, weft_none, by_id)

static const weft_app odd_inputs = { .routes = WEFT_ROUTES(
    WEFT_GET("/2", f2, two_requests, Item),
    WEFT_GET("/3/{b}", f3, model_in_path, Item),
    WEFT_GET("/4/{ids}", f4, list_in_path, Item),
    WEFT_GET("/5", f5, map_in_header, Item),
    WEFT_GET("/6", f6, odd_header, Item),
    WEFT_POST("/7", f7, none_in_body, Item),
    WEFT_GET("/8", f8, with_reply, weft_reply),
    WEFT_GET("/9", f9, Body, Item),
    WEFT_GET("/10", f10, weft_none, by_id)) };

WEFT_TEST(inputs_and_outputs_that_make_no_sense_are_told)
{
    FAULTS(odd_inputs,
        "route GET /2: input two_requests has two request members, 'a' and 'b'; expected one\n"
        "route GET /2: input two_requests has two reply members, 'c' and 'd'; expected one\n"
        "model_in_path, member 'b': a path value is text, and its type is Body\n"
        "list_in_path, member 'ids': a path value is always there, once: its type cannot be a list or an option\n"
        "map_in_header, member 'm': a header value is text, and its type is a map of int\n"
        "route GET /6: input odd_header: 'a b' cannot be the name of a header\n"
        "route GET /6: input odd_header: members 'x_a' and 'other' are the same header, X-A\n"
        "route POST /7: input none_in_body: body member 'nothing' cannot be a weft_none\n"
        "route GET /8: input with_reply has reply(reply), but the output is a weft_reply already\n"
        "route GET /9: its input Body says not where values come from; declare it with WEFT_INPUT\n"
        "route GET /10: by_id cannot be an output\n");
}

WEFT_MODEL(Deep, list(Body, bodies), field(weft_str, text), ref(Body, body));
WEFT_INPUT(form_and_body, form(int, a), body(Body, b));
WEFT_INPUT(file_and_body, body(Body, b), file(weft_upload, a));
WEFT_INPUT(two_streams, body(weft_body, a), body(Body, b));
WEFT_INPUT(embedded_stream, body(weft_body, a, .embed = true));
WEFT_INPUT(odd_files, file(int, a), file(WEFT_MAP(weft_upload), b), file(weft_upload, c, .initial = "[]"), file(weft_str, d, .max_len = 3),
    file(WEFT_LIST(weft_upload), e, .initial = "[]", .max_items = 2));
WEFT_INPUT(upload_as_text, form(weft_upload, a), body(weft_upload, b));
WEFT_INPUT(twins, form(int, a), file(weft_upload, b, .as = "a"), query(Item, item), query(int, item_id), cookie(int, c), cookie(Item, d), cookie(int, item_id2, .as = "item_id"));
WEFT_INPUT(deep_in, query(Deep, deep));
WEFT_MODEL(Loose, field(int, a), extra(int, more));
WEFT_DECLARE(Judged);
static const char *judge(Judged *judged);
WEFT_DEFINE(Judged, field(int, z), check(judge));
static const char *judge(Judged *judged) { return judged->z ? NULL : "must not be 0"; }
WEFT_INPUT(loose_in, query(Loose, loose), header(Judged, judged));
WEFT_INPUT(lost_options, query(int, q, .embed = true), header(int, h, .bytes_max = 3), body(Body, b, .bytes_max = 3));
WEFT_INPUT(upload_in, file(weft_upload, a));
HANDLER(g1, form_and_body, Item)
HANDLER(g2, file_and_body, Item)
HANDLER(g3, two_streams, Item)
HANDLER(g4, embedded_stream, Item)
HANDLER(g5, odd_files, Item)
HANDLER(g6, upload_as_text, Item)
HANDLER(g7, twins, Item)
HANDLER(g8, deep_in, Item)
HANDLER(g9, lost_options, Item)
HANDLER(g10, upload_in, Item)
HANDLER(g11, loose_in, Item)

static const weft_app odd_bodies = { .routes = WEFT_ROUTES(
    WEFT_POST("/1", g1, form_and_body, Item),
    WEFT_POST("/2", g2, file_and_body, Item),
    WEFT_POST("/3", g3, two_streams, Item),
    WEFT_POST("/4", g4, embedded_stream, Item),
    WEFT_POST("/5", g5, odd_files, Item),
    WEFT_POST("/6", g6, upload_as_text, Item),
    WEFT_POST("/7", g7, twins, Item),
    WEFT_POST("/8", g8, deep_in, Item),
    WEFT_POST("/9", g9, lost_options, Item),
    WEFT_POST("/10", g10, upload_in, Item, .run = WEFT_IN_THREAD),
    WEFT_POST("/11", g11, loose_in, Item)) };

WEFT_TEST(bodies_and_forms_that_make_no_sense_are_told)
{
    FAULTS(odd_bodies,
        "route POST /1: input form_and_body has body 'b' and form 'a'; a request has one of them\n"
        "route POST /2: input file_and_body has body 'b' and file 'a'; a request has one of them\n"
        "route POST /3: input two_streams: body 'a' is read by the handler, so it is the only one\n"
        "route POST /4: input embedded_stream: body 'a' is read by the handler, and has no name in it\n"
        "route POST /5: input odd_files: file 'a' must be a weft_upload or a weft_str (all of its bytes), a list or an option of one\n"
        "route POST /5: input odd_files: file 'b' must be a weft_upload or a weft_str (all of its bytes), a list or an option of one\n"
        "route POST /5: input odd_files: file 'c' takes no option that speaks of a value; expected .bytes_max, .min_items, .max_items or, for a list, .initial = \"[]\"\n"
        "route POST /5: input odd_files: file 'd' takes no option that speaks of a value; expected .bytes_max, .min_items, .max_items or, for a list, .initial = \"[]\"\n"
        "route POST /6: input upload_as_text: body member 'b' cannot be a weft_upload\n"
        "route POST /6: input upload_as_text has body 'b' and form 'a'; a request has one of them\n"
        "upload_as_text, member 'a': a form value is text, and its type is weft_upload\n"
        "route POST /7: input twins: members 'a' and 'b' are the same field of the form, a\n"
        "route POST /7: input twins: members 'item_id' and 'item_id' are the same query value, item_id\n"
        "route POST /7: input twins: members 'item_id' and 'item_id2' are the same cookie, item_id\n"
        "route POST /8: input deep_in: member 'bodies' of Deep cannot come from a query, where all is text\n"
        "route POST /8: input deep_in: member 'body' of Deep cannot come from a query, where all is text\n"
        "route POST /9: input lost_options: .embed is for a body, and 'q' is a query\n"
        "route POST /9: input lost_options: .bytes_max is for fields and files of a form, and 'h' is a header; for a body the route has .body_bytes_max\n"
        "route POST /9: input lost_options: .bytes_max is for fields and files of a form, and 'b' is a body; for a body the route has .body_bytes_max\n"
        "route POST /10: file 'a' is read while the handler waits, which it can on the loop alone\n"
        "route POST /11: input loose_in: Loose keeps what no member is named after, which values of a query cannot be\n"
        "route POST /11: input loose_in: Judged has a check of its own, and its values come from a header one by one; check them in the handler\n");
}

static const weft_app odd_options = { .routes = WEFT_ROUTES(
    WEFT_GET("/a", plain, weft_none, Item, .status = 99),
    WEFT_GET("/b", plain, weft_none, Item, .status = 600),
    WEFT_GET("/c", plain, weft_none, Item, .timeout_ms = -1),
    WEFT_GET("/d", plain, weft_none, Item, .body_bytes_max = 10),
    WEFT_GET("/d/204", plain, weft_none, Item, .status = 204),
    WEFT_GET("/d/205", plain, weft_none, Item, .status = 205),
    WEFT_GET("/d/304", plain, weft_none, Item, .status = 304),
    WEFT_GET("/e", plain, weft_none, Item, .keep_when_client_leaves = true, .cancel_when_client_leaves = true)) };

WEFT_TEST(options_out_of_range_are_told)
{
    FAULTS(odd_options,
        "route GET /a: status 99; expected 200 to 599\n"
        "route GET /b: status 600; expected 200 to 599\n"
        "route GET /c: timeout_ms -1; expected a positive number, or 0 for none\n"
        "route GET /d: body_bytes_max, but input weft_none has no body member\n"
        "route GET /d/204: status 204, whose answers have no body, but its output is Item; expected weft_none or weft_reply\n"
        "route GET /d/205: status 205, whose answers have no body, but its output is Item; expected weft_none or weft_reply\n"
        "route GET /d/304: status 304, whose answers have no body, but its output is Item; expected weft_none or weft_reply\n"
        "route GET /e: keep_when_client_leaves and cancel_when_client_leaves; expected one of them\n");
}

WEFT_MODEL(Faulty, field(weft_str, name, .range = { 0, 1 }));
WEFT_INPUT(faulty_in, query(int, n, .initial = "many"));
HANDLER(faulty, faulty_in, Faulty)
HANDLER(faulty_again, faulty_in, Faulty)

static const weft_app faulty_models = { .routes = WEFT_ROUTES(
    WEFT_GET("/a", faulty, faulty_in, Faulty),
    WEFT_GET("/b", faulty_again, faulty_in, Faulty)) };

WEFT_TEST(each_fault_of_a_model_is_told_once)
{
    FAULTS(faulty_models,
        "faulty_in, member 'n': .initial is 'many', which is no value of it: Input should be a valid integer, unable to parse string as an integer\n"
        "Faulty, member 'name': .range is for numbers and durations, and its type is weft_str\n");
}

/* ---- routers ---- */

static const weft_router inner = { .prefix = "/{id}", .routes = WEFT_ROUTES(WEFT_GET("", by, by_id, Item), WEFT_GET("/x", by, by_id, Item)) };
static const weft_router outer = { .prefix = "/items", .routes = WEFT_ROUTES(WEFT_GET("/all", plain, weft_none, Item)), .routers = WEFT_ROUTERS(&inner) };
static const weft_router bad_prefix = { .prefix = "items/", .routes = WEFT_ROUTES(WEFT_GET("/all", plain, weft_none, Item)) };
static const weft_app nested = { .routers = WEFT_ROUTERS(&outer) };
static const weft_app twice = { .routers = WEFT_ROUTERS(&outer, &outer) };
static const weft_app bad = { .routers = WEFT_ROUTERS(&bad_prefix) };

WEFT_TEST(routers_join_their_prefixes)
{
    FAULTS(nested, "");
    WEFT_CHECK_EQ(weft_test_get(&nested, "/items/all").status, 200);
    WEFT_CHECK_JSON(weft_test_get(&nested, "/items/7").body, { "item_id": 7 });
    WEFT_CHECK_JSON(weft_test_get(&nested, "/items/8/x").body, { "item_id": 8 });
    WEFT_CHECK_EQ(weft_test_get(&nested, "/all").status, 404);
}

WEFT_TEST(faults_of_routers_name_the_whole_path)
{
    FAULTS(twice,
        "route GET /items/all (plain): the same as GET /items/all (plain), which is declared before it\n"
        "route GET /items/{id} (by): the same as GET /items/{id} (by), which is declared before it\n"
        "route GET /items/{id}/x (by): the same as GET /items/{id}/x (by), which is declared before it\n");
    FAULTS(bad, "router items/: its prefix must begin with '/' and not end with '/'\n");
}

static const weft_router ring;
static const weft_router *const ring_of[] = { &ring, NULL };
static const weft_router ring = { .prefix = "/r", .routers = ring_of };
static const weft_app rings = { .routers = WEFT_ROUTERS(&ring) };

WEFT_TEST(a_router_that_holds_itself_is_a_fault)
{
    FAULTS(rings, "router /r/r/r/r/r/r/r/r/r/r/r/r/r/r/r/r: more than 16 routers in each other\n");
}

/* ---- limits ---- */

static weft_app mounted[18];
static weft_mount mount_list[18][2];

WEFT_TEST(what_stands_too_deep_or_is_too_long_is_told)
{
    static char longest[2049];
    memset(longest, 'a', sizeof longest - 1);
    for (size_t i = 0; i < sizeof longest - 1; i += 200) longest[i] = '/';
    weft_route at_limit[] = { WEFT_GET(longest, plain, weft_none, Item), { 0 } };
    weft_router one_more = { .prefix = "/x", .routes = at_limit };
    const weft_app fits = { .routes = at_limit }, too_long = { .routers = WEFT_ROUTERS(&one_more) };
    FAULTS(fits, "");
    const char *said = faults_of(&too_long);
    WEFT_CHECK(strncmp(said, "route GET /x/aaa", 16) == 0 && strstr(said, "aaa: path: more than 2048 bytes\n"));

    for (int i = 17; i >= 0; i--) {
        mounted[i] = (weft_app){ .openapi_path = "", .mounts = mount_list[i] };
        if (i < 17) mount_list[i][0] = (weft_mount){ .path = "/m", .app = &mounted[i + 1] };
    }
    FAULTS(mounted[1], "");
    FAULTS(mounted[0], "mount /m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m/m: more than 16 in each other\n");
}

#define P(c) path(weft_str, c##1), path(weft_str, c##2), path(weft_str, c##3), path(weft_str, c##4), path(weft_str, c##5), path(weft_str, c##6), path(weft_str, c##7), path(weft_str, c##8)
WEFT_INPUT(sixteen_in, P(a), P(b), path(weft_str, tenant));
HANDLER(sixteen, sixteen_in, Item)
static const weft_router of_tenant = { .host = "{tenant}.example", .routes = WEFT_ROUTES(
    WEFT_GET("/{a1}/{a2}/{a3}/{a4}/{a5}/{a6}/{a7}/{a8}/{b1}/{b2}/{b3}/{b4}/{b5}/{b6}/{b7}/{b8}", sixteen, sixteen_in, Item)) };
static const weft_app of_tenants = { .openapi_path = "", .routers = WEFT_ROUTERS(&of_tenant) };

WEFT_TEST(parameters_of_path_and_host_count_together)
{
    WEFT_CHECK(strstr(faults_of(&of_tenants), "/{b8}: with those of host {tenant}.example, more than 16 parameters or 64 segments\n"));
}

WEFT_TEST(serving_a_faulty_application_prints_the_faults_and_returns_2)
{
    WEFT_CHECK_EQ(weft_serve(&odd_options, .port = -1, .quiet = true), 2);
}
