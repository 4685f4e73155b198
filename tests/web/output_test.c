/* What of a handler's output is written, and unions in requests. */
#include "pairs.h"
#include "web/app.h"

WEFT_MODEL(Item, field(weft_str, name), opt(weft_str, description), field(double, price),
    opt(double, tax), list(weft_str, tags, .initial = "[]"));
WEFT_INPUT(by_id, path(weft_str, id));

static int read_item(const by_id *in, Item *out)
{
    *out = (Item){ .name = WEFT_S("Foo"), .price = 50.2 };
    if (weft_str_equal(in->id, WEFT_S("foo"))) return 0;
    *out = (Item){ .name = WEFT_S("Bar"),
        .description = WEFT_SOME(WEFT_S("The bartenders")),
        .price = 62,
        .tax = WEFT_SOME(20.2) };
    return 0;
}

WEFT_MODEL(Created, field(int64_t, id));
WEFT_MODEL(Deleted, field(int64_t, id), opt(weft_str, reason));
WEFT_UNION(Event, type, when("created", Created, created), when("deleted", Deleted, deleted));
WEFT_INPUT(event_in, body(Event, event));
static int echo(const event_in *in, Event *out) { *out = in->event; return 0; }

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/items/{id}", read_item, by_id, Item, .exclude_unset = true),
    WEFT_GET("/items/{id}/name", read_item, by_id, Item, .include = "name,description"),
    WEFT_GET("/items/{id}/public", read_item, by_id, Item, .exclude = "price, tax"),
    WEFT_GET("/items/{id}/all", read_item, by_id, Item),
    WEFT_POST("/events", echo, event_in, Event),
    WEFT_POST("/events/short", echo, event_in, Event, .exclude_none = true)) };

WEFT_TEST(a_route_says_what_of_its_output_is_written)
{
    PAIRS(&app,
        { "GET", "/items/foo", NULL, NULL, 200, JSON({ "name": "Foo", "price": 50.2 }) },
        { "GET", "/items/bar", NULL, NULL, 200,
            JSON({ "name": "Bar", "description": "The bartenders", "price": 62.0, "tax": 20.2 }) },
        { "GET", "/items/bar/name", NULL, NULL, 200,
            JSON({ "name": "Bar", "description": "The bartenders" }) },
        { "GET", "/items/bar/public", NULL, NULL, 200,
            JSON({ "name": "Bar", "description": "The bartenders", "tags": [] }) },
        { "GET", "/items/foo/all", NULL, NULL, 200,
            JSON({ "name": "Foo", "description": null, "price": 50.2, "tax": null, "tags": [] }) });
}

WEFT_TEST(a_body_and_an_output_may_be_a_union)
{
    PAIRS(&app,
        { "POST", "/events", "Content-Type: application/json", "{\"type\":\"deleted\",\"id\":3}", 200,
            JSON({ "type": "deleted", "id": 3, "reason": null }) },
        { "POST", "/events/short", "Content-Type: application/json",
            "{\"type\":\"deleted\",\"id\":3}", 200, JSON({ "type": "deleted", "id": 3 }) },
        { "POST", "/events", "Content-Type: application/json", "{\"type\":\"made\"}", 422,
            JSON({ "detail": [ { "type": "union_tag_invalid", "loc": ["body"],
                "msg": "Input tag 'made' found using 'type' does not match any of the expected tags: 'created', 'deleted'",
                "input": { "type": "made" },
                "ctx": { "discriminator": "'type'", "tag": "made", "expected_tags": "'created', 'deleted'" } } ] }) },
        { "POST", "/events", "Content-Type: application/json", "{\"type\":\"created\"}", 422,
            JSON({ "detail": [ { "type": "missing", "loc": ["body", "created", "id"],
                "msg": "Field required", "input": { "type": "created" } } ] }) });
}

static int number(const weft_none *in, int *out) { (void)in; *out = 1; return 0; }
static int page(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_text(out, WEFT_S("")); }
static const weft_app faulty = { .routes = WEFT_ROUTES(
    WEFT_GET("/a/{id}", read_item, by_id, Item, .include = "nam"),
    WEFT_GET("/b", number, weft_none, int, .exclude = "x"),
    WEFT_GET("/c", page, weft_none, weft_reply, .exclude_unset = true),
    WEFT_GET("/d/{id}", read_item, by_id, Item, .include = "name", .exclude = "tax")) };

WEFT_TEST(what_a_route_cannot_leave_out_is_told_when_it_starts)
{
    weft__buf faults;
    weft__app *compiled = NULL;
    weft__buf_init(&faults, 16 * 1024);
    WEFT_CHECK_EQ(weft__app_compile(&faulty, &compiled, &faults), WEFT_EINVAL);
    WEFT_CHECK_STR(weft__buf_str(&faults),
        "route GET /a/{id}: .include names 'nam', which is no member of Item; it has 'name', "
        "'description', 'price', 'tax', 'tags'\n"
        "route GET /b: .exclude names members, and the output int has none\n"
        "route GET /c: its output weft_reply is no JSON of a model; exclude_unset and its like "
        "leave members out of one\n"
        "route GET /d/{id}: .include and .exclude; expected one of them\n");
    weft__buf_free(&faults);
    weft__app_free(compiled);
}
