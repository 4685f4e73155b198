#ifndef WEFT_TESTS_WEB_SHOP_H
#define WEFT_TESTS_WEB_SHOP_H
/* An application that has one of everything that a document can tell; its handlers are never of interest. */
#include "weft.h"

WEFT_ENUM(Status, value(STATUS_OPEN, "open"), value(STATUS_SENT, "sent"));
WEFT_MODEL(NewOrder,
    field(weft_str, email,    .pattern = "^[^@ ]+@[^@ ]+$", .max_len = 100, .doc = "Where the bill goes", .example = "ada@example.com"),
    field(int,      quantity, .range = { 1, 100 }, .initial = "1"),
    field(double,   price,    .range = { 0, WEFT_NO_END }, .above = true, .multiple_of = 0.25L),
    opt  (double,   discount, .range = { -WEFT_NO_END, 1 }, .below = true));
WEFT_MODEL(Order,
    field(int64_t,  id),
    embed(NewOrder, order),
    field(Status,   status, .initial = "open"),
    map  (int,      stock, .min_items = 1, .max_items = 9, .int_keys = true),
    list (weft_str, tags, .min_len = 2, .max_items = 10, .initial = "[\"new\"]"),
    opt  (Status,   was),
    field(weft_json, meta, .as = "x-meta"),
    hidden(weft_str, password_hash));
WEFT_MODEL(Comment, field(weft_str, text), list(Comment, replies), ref(Comment, quoted));
WEFT_DECLARE(Team);
WEFT_MODEL(Person, field(weft_str, name), list(Team, teams));
WEFT_DEFINE(Team, field(weft_str, name), list(Person, members), opt(Person, lead));
WEFT_MODEL(Problem, field(weft_str, title), field(int, code));
WEFT_MODEL(Secret, field(weft_str, key));
WEFT_MODEL(Created, field(Order, order), list(int, sizes, .unique = true));
WEFT_MODEL(Deleted, field(int64_t, id), opt(weft_str, reason, .not_null = true), opt(int, by, .required = true), no_extra());
WEFT_UNION(Event, type, when("order.created", Created, created), when("gone for good", Deleted, deleted));
WEFT_MODEL(Feed, field(weft_str, kind, .only = "feed"), list(Event, events), extra(int, more));
WEFT_MODEL(Account, field(weft_str, name), hidden(Secret, secret));

WEFT_INPUT(list_in,
    query (int,                limit, .range = { 1, 50 }, .initial = "10", .doc = "At most so many"),
    query (WEFT_OPT(Status),   status),
    query (WEFT_LIST(weft_str), tag, .initial = "[]", .max_items = 5),
    header(WEFT_OPT(weft_str), x_token));
WEFT_INPUT(create_in, body(NewOrder, order, .example = "{\"email\":\"a@b\",\"price\":0.5}"), reply(reply));
WEFT_INPUT(one_in, path(int64_t, order_id));
WEFT_INPUT(other_in, path(int64_t, id), body(WEFT_OPT(Order), order));
WEFT_INPUT(rest_in, path(weft_str, rest));
WEFT_INPUT(import_in, body(weft_body, rows));

static int list_orders(const list_in *in, weft_list_Order *out) { (void)in, (void)out; return 0; }
static int create_order(const create_in *in, Order *out) { out->order = in->order; return 0; }
static int read_order(const one_in *in, Order *out) { out->id = in->order_id; return 0; }
static int change_order(const other_in *in, Order *out) { out->id = in->id; return 0; }
static int remove_order(const one_in *in, weft_none *out) { (void)in, (void)out; return 0; }
static int file(const rest_in *in, weft_reply *out) { return weft_reply_text(out, in->rest); }
static int import(const import_in *in, int64_t *out) { (void)in; *out = 0; return 0; }
static int comments(const weft_none *in, Comment *out) { (void)in, (void)out; return 0; }
static int team(const weft_none *in, Team *out) { (void)in, (void)out; return 0; }
static int stock(const weft_none *in, weft_map_int *out) { (void)in, (void)out; return 0; }
static int account(const weft_none *in, Account *out) { (void)in, (void)out; return 0; }
static int feed(const weft_none *in, Feed *out) { (void)in, (void)out; return 0; }
static int about(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_html(out, WEFT_S("<p>weft")); }

static const weft_router parts = { .prefix = "/parts", .tag = "parts", .routes = WEFT_ROUTES(
    WEFT_GET("/stock", stock, weft_none, weft_map_int, .tags = WEFT_TAGS("lists"))) };
static const weft_router orders = {
    .prefix = "/orders", .tag = "orders", .routers = WEFT_ROUTERS(&parts),
    .routes = WEFT_ROUTES(
        WEFT_GET("/", list_orders, list_in, weft_list_Order, .summary = "All orders", .description = "The *newest* first."),
        WEFT_POST("/", create_order, create_in, Order, .status = 201, .operation_id = "createOrder",
            .responses = WEFT_RESPONSES(
                WEFT_RESPONSE(201, "It is there"),
                WEFT_RESPONSE(409, "It is there already", .model = WEFT_SCHEMA(Problem), .example = "{\"title\":\"twice\",\"code\":1}"),
                WEFT_RESPONSE(403, "Not for you")),
            .callbacks = WEFT_WEBHOOKS(WEFT_CALLBACK("paid", "{$request.query.callback_url}", Problem, .summary = "It is paid"))),
        WEFT_GET("/{order_id}", read_order, one_in, Order),
        WEFT_PUT("/{id}", change_order, other_in, Order, .deprecated = true),
        WEFT_DELETE("/{order_id}", remove_order, one_in, weft_none, .status = 204)),
};
static const weft_app shop = {
    .title = "shop", .version = "2.1", .description = "One of \"everything\".",
    .tag_docs = WEFT_TAG_DOCS({ "orders", "What people buy" }, { .name = "parts" }),
    .servers = WEFT_SERVERS({ "/", "this one" }, { .url = "https://api.example.com/v2" }),
    .webhooks = WEFT_WEBHOOKS(WEFT_WEBHOOK("order-sent", Order, .method = "PUT", .description = "When it leaves.")),
    .routers = WEFT_ROUTERS(&orders),
    .routes = WEFT_ROUTES(
        WEFT_GET("/comments", comments, weft_none, Comment),
        WEFT_GET("/team", team, weft_none, Team),
        WEFT_GET("/feed", feed, weft_none, Feed),
        WEFT_GET("/account", account, weft_none, Account),
        WEFT_GET("/about", about, weft_none, weft_reply,
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "A page", .content_type = "text/html", .example = "<p>weft"))),
        WEFT_GET("/inside", account, weft_none, Account, .undocumented = true),
        WEFT_POST("/import", import, import_in, int64_t),
        WEFT_GET("/files/{rest:path}", file, rest_in, weft_reply)),
};
#endif
