/* What a handler answers: failures, parts of a model, other statuses, redirects. */
#include "pairs.h"

/* ---- failures ---- */

WEFT_MODEL(Named, field(weft_str, item));
WEFT_INPUT(named_in, path(weft_str, item_id));
WEFT_INPUT(named_with_header_in, path(weft_str, item_id), reply(reply));

static int read_named(const named_in *in, Named *out)
{
    if (!weft_str_equal(in->item_id, WEFT_S("foo"))) return weft_fail(404, "Item not found");
    out->item = WEFT_S("The Foo Wrestlers");
    return 0;
}

static int read_named_with_header(const named_with_header_in *in, Named *out)
{
    if (!weft_str_equal(in->item_id, WEFT_S("foo"))) {
        WEFT_TRY(weft_reply_header(in->reply, "X-Error", "There goes my error"));
        return weft_fail(404, "Item not found");
    }
    out->item = WEFT_S("The Foo Wrestlers");
    return 0;
}

static const fact failures_facts[] = {
    { 56, "GET", "/items/bar", 0, 0, 404, JSON({ "detail": "Item not found" }) },
    { 57, "GET", "/items-header/bar", 0, 0, 404, JSON({ "detail": "Item not found" }),
        .says = "x-error: There goes my error" },
};
GROUP(failures, .routes = WEFT_ROUTES(
    WEFT_GET("/items/{item_id}", read_named, named_in, Named),
    WEFT_GET("/items-header/{item_id}", read_named_with_header, named_with_header_in, Named)))

WEFT_MODEL(Counted, field(int, item_id));
WEFT_INPUT(counted_in, path(int, item_id));

static int read_counted(const counted_in *in, Counted *out)
{
    if (in->item_id == 3) return weft_fail(418, "Nope! I don't like 3.");
    out->item_id = in->item_id;
    return 0;
}

static const fact teapots_facts[] = {
    { 60, "GET", "/items/foo", 0, 0, 422, JSON({ "detail": [
        { "type": "int_parsing", "loc": ["path", "item_id"], "input": "foo",
            "msg": "Input should be a valid integer, unable to parse string as an integer" }] }) },
    { 61, "GET", "/items/3", 0, 0, 418, JSON({ "detail": "Nope! I don't like 3." }) },
};
GROUP(teapots, .routes = WEFT_ROUTES(WEFT_GET("/items/{item_id}", read_counted, counted_in, Counted)))

/* FastAPI's handlers are for a class of exceptions: here for a status. */
WEFT_MODEL(Unicorn, field(weft_str, unicorn_name));
WEFT_INPUT(unicorn_in, path(weft_str, name));
WEFT_MODEL(Titled, field(weft_str, title), field(int, size));
WEFT_INPUT(titled_in, body(Titled, item));

static int read_unicorn(const unicorn_in *in, Unicorn *out)
{
    if (weft_str_equal(in->name, WEFT_S("yolo"))) return weft_fail(418, "%.*s", WEFT_FMT(in->name));
    out->unicorn_name = in->name;
    return 0;
}

static int create_titled(const titled_in *in, Titled *out) { *out = in->item; return 0; }

static int no_unicorn(const weft_failure *f, weft_reply *out)
{
    return weft_reply_json(out, weft_format("{\"message\":\"Oops! %.*s did something. There goes a rainbow...\"}", WEFT_FMT(f->text)));
}

static int tell_body(const weft_failure *f, weft_reply *out)
{
    return weft_reply_json(out, weft_format("{\"detail\":%.*s,\"body\":%.*s}", WEFT_FMT(f->detail.text), WEFT_FMT(f->body)));
}

static const fact by_code_facts[] = {
    { 58, "GET", "/unicorns/yolo", 0, 0, 418, JSON({ "message": "Oops! yolo did something. There goes a rainbow..." }) },
    { 59, "POST", "/items/", J, JSON({ "title": "towel", "size": "XL" }), 422, JSON({ "detail": [
        { "type": "int_parsing", "loc": ["body", "size"], "input": "XL",
            "msg": "Input should be a valid integer, unable to parse string as an integer" }],
        "body": { "title": "towel", "size": "XL" } }) },
};
GROUP(by_code, .on_failure = WEFT_ON_FAILURE({ 418, no_unicorn }, { 422, tell_body }), .routes = WEFT_ROUTES(
    WEFT_GET("/unicorns/{name}", read_unicorn, unicorn_in, Unicorn),
    WEFT_POST("/items/", create_titled, titled_in, Titled)))

/* ---- parts of a model ---- */

WEFT_MODEL(UserOut, field(weft_str, username), field(weft_str, email, .format = WEFT_EMAIL), opt(weft_str, full_name));
WEFT_MODEL(UserIn, embed(UserOut, user), field(weft_str, password));
WEFT_INPUT(user_in, body(UserIn, user));

static int create_user(const user_in *in, UserOut *out) { *out = in->user.user; return 0; }

static const fact users_facts[] = {
    { 62, "POST", "/user/", J,
        JSON({ "username": "foo", "password": "fighter", "email": "foo@example.com", "full_name": "Grave Dohl" }), 200,
        JSON({ "username": "foo", "email": "foo@example.com", "full_name": "Grave Dohl" }) },
};
GROUP(users, .routes = WEFT_ROUTES(WEFT_POST("/user/", create_user, user_in, UserOut)))

/* What may be left out when nobody has set it is an opt: C cannot tell whether a number was set. */
WEFT_MODEL(Stocked,
    field(weft_str, name),
    opt  (weft_str, description),
    field(double,   price),
    opt  (double,   tax),
    list (weft_str, tags, .initial = "[]"));

static const struct { weft_str id; Stocked item; } stock[] = {
    { WEFT_S("foo"), { .name = WEFT_S("Foo"), .price = 50.2 } },
    { WEFT_S("bar"), { .name = WEFT_S("Bar"), .description = WEFT_SOME(WEFT_S("The bartenders")), .price = 62,
        .tax = WEFT_SOME(20.2) } },
};

static int read_stocked(const named_in *in, Stocked *out)
{
    for (size_t i = 0; i < weft_count(stock); i++)
        if (weft_str_equal(in->item_id, stock[i].id)) {
            *out = stock[i].item;
            return 0;
        }
    return weft_fail(404, "Item not found");
}

static const fact unset_facts[] = {
    { 63, "GET", "/items/foo", 0, 0, 200, JSON({ "name": "Foo", "price": 50.2 }) },
    { 64, "GET", "/items/bar", 0, 0, 200,
        JSON({ "name": "Bar", "description": "The bartenders", "price": 62, "tax": 20.2 }) },
};
GROUP(unset, .routes = WEFT_ROUTES(
    WEFT_GET("/items/{item_id}", read_stocked, named_in, Stocked, .exclude_unset = true)))

static int read_bar(const named_in *in, Stocked *out)
{
    (void)in;
    *out = (Stocked){ .name = WEFT_S("Bar"), .description = WEFT_SOME(WEFT_S("The Bar fighters")), .price = 62 };
    return 0;
}

static const fact included_facts[] = {
    { 65, "GET", "/items/bar/name", 0, 0, 200, JSON({ "name": "Bar", "description": "The Bar fighters" }) },
};
GROUP(included, .routes = WEFT_ROUTES(
    WEFT_GET("/items/{item_id}/name", read_bar, named_in, Stocked, .include = "name, description")))

/* ---- other statuses ---- */

WEFT_MODEL(Created, field(weft_str, name));
WEFT_INPUT(create_in, query(weft_str, name));

static int create(const create_in *in, Created *out) { out->name = in->name; return 0; }

static const fact created_facts[] = {
    { 66, "POST", "/items/?name=Test+Item", 0, 0, 201, JSON({ "name": "Test Item" }) },
};
GROUP(created, .routes = WEFT_ROUTES(WEFT_POST("/items/", create, create_in, Created, .status = 201)))

WEFT_MODEL(Upserted, opt(weft_str, name), opt(int, size));
WEFT_INPUT(upsert_in,
    path(weft_str,           item_id),
    body(WEFT_OPT(weft_str), name),
    body(WEFT_OPT(int),      size),
    reply(reply));

static int upsert(const upsert_in *in, Upserted *out)
{
    *out = (Upserted){ in->name, in->size };
    bool known = weft_str_equal(in->item_id, WEFT_S("foo")) || weft_str_equal(in->item_id, WEFT_S("bar"));
    return known ? 0 : weft_reply_status(in->reply, 201);
}

static const fact upserts_facts[] = {
    { 67, "PUT", "/items/foo", J, JSON({ "name": "Wrestlers" }), 200, JSON({ "name": "Wrestlers", "size": null }) },
    { 68, "PUT", "/items/red", J, JSON({ "name": "Chillies" }), 201, JSON({ "name": "Chillies", "size": null }) },
};
GROUP(upserts, .routes = WEFT_ROUTES(WEFT_PUT("/items/{item_id}", upsert, upsert_in, Upserted)))

WEFT_INPUT(task_in, path(weft_str, task_id), reply(reply));

static int get_or_create(const task_in *in, weft_str *out)
{
    bool known = weft_str_equal(in->task_id, WEFT_S("foo"));
    *out = known ? WEFT_S("Listen to the Bar Fighters") : WEFT_S("This didn't exist before");
    return known ? 0 : weft_reply_status(in->reply, 201);
}

static const fact tasks_facts[] = {
    { 91, "PUT", "/get-or-create-task/bar", 0, 0, 201, JSON("This didn't exist before") },
};
GROUP(tasks, .routes = WEFT_ROUTES(WEFT_PUT("/get-or-create-task/{task_id}", get_or_create, task_in, weft_str)))

static int to_pydantic(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_redirect(out, 302, "https://docs.pydantic.dev/");
}

static const fact redirects_facts[] = {
    { 90, "GET", "/pydantic", 0, 0, 302, .says = "location: https://docs.pydantic.dev/" },
};
GROUP(redirects, .routes = WEFT_ROUTES(WEFT_GET("/pydantic", to_pydantic, weft_none, weft_reply)))

/* ---- values that several routes take: a model of them ---- */

WEFT_MODEL(Common, opt(weft_str, q), field(int, skip, .initial = "0"), field(int, limit, .initial = "100"));
WEFT_INPUT(common_in, query(Common, common));

static int read_items(const common_in *in, Common *out) { *out = in->common; return 0; }

static const fact shared_facts[] = {
    { 69, "GET", "/items?q=foo", 0, 0, 200, JSON({ "q": "foo", "skip": 0, "limit": 100 }) },
};
GROUP(shared, .routes = WEFT_ROUTES(
    WEFT_GET("/items", read_items, common_in, Common),
    WEFT_GET("/users", read_items, common_in, Common)))

WEFT_MODEL(Message, field(weft_str, message));

static int root(const weft_none *in, Message *out)
{
    (void)in;
    out->message = WEFT_S("Hello World");
    return 0;
}

static const fact origins_facts[] = { { 89, "GET", "/", 0, 0, 200, JSON({ "message": "Hello World" }) } };
GROUP(origins, .routes = WEFT_ROUTES(WEFT_GET("/", root, weft_none, Message)))
