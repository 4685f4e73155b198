/* The document of an application, read back with weft's own JSON, and compared by value. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ask.h"
#include "model/json.h"
#include "model/plan.h"
#include "shop.h"
#include "support/failing.h"
#include "web/endpoint.h"

static weft_arena found;                 /* what part() gives lives as long as the test */

/* What a document has under these keys, one in the other, up to NULL; it must be there. */
static weft_str part(weft_str json, ...)
{
    va_list keys;
    va_start(keys, json);
    if (!found.bytes_max) weft__arena_init(&found, NULL, 64 << 20);
    for (const char *key; (key = va_arg(keys, const char *));) {
        weft_map_weft_json map;
        weft__problems problems;
        weft_str there = { 0 };
        weft__problems_init(&problems, &found);
        WEFT_NEED(weft__json_read(&weft_schema_weft_map_weft_json, NULL, json, &map, &found, &problems, NULL) == 0);
        for (uint32_t i = 0; i < map.count; i++)
            if (weft_str_equal(map.items[i].key, weft_str_of(key))) there = map.items[i].value.text;
        if (!there.ptr) weft__check_fail(__FILE__, __LINE__, "no '%s' in %.200s", key, json.ptr);
        json = there.ptr ? there : WEFT_S("{}");
    }
    va_end(keys);
    return json;
}


static weft_str document_of(const weft_app *app)
{
    weft_response r = weft_test_get(app, "/openapi.json");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "application/json");
    return r.body;
}

static weft_str component(const weft_app *app, const char *name)
{
    return part(document_of(app), "components", "schemas", name, NULL);
}

static weft_str operation(const weft_app *app, const char *path, const char *method)
{
    return part(document_of(app), "paths", path, method, NULL);
}

WEFT_TEST(an_application_without_routes_has_a_document)
{
    static const weft_app empty = { .title = NULL };
    WEFT_CHECK_JSON(document_of(&empty), { "openapi": "3.1.0", "info": { "title": "weft", "version": "0.1.0" }, "paths": {} });
}

WEFT_TEST(a_document_says_what_the_application_is)
{
    weft_str document = document_of(&shop);
    WEFT_CHECK_JSON(part(document, "info", NULL), { "title": "shop", "description": "One of \"everything\".", "version": "2.1" });
    WEFT_CHECK_JSON(part(document, "servers", NULL), [{ "url": "/", "description": "this one" }, { "url": "https://api.example.com/v2" }]);
    WEFT_CHECK_JSON(part(document, "tags", NULL), [{ "name": "orders", "description": "What people buy" }, { "name": "parts" }]);
}

WEFT_TEST(a_model_has_its_members_limits_and_initial_values)
{
    WEFT_CHECK_JSON(component(&shop, "NewOrder"), {
        "title": "NewOrder", "type": "object", "required": ["email", "price"],
        "properties": {
            "email": { "type": "string", "maxLength": 100, "pattern": "^[^@ ]+@[^@ ]+$", "title": "Email",
                "description": "Where the bill goes", "examples": ["ada@example.com"] },
            "quantity": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 100, "title": "Quantity", "default": 1 },
            "price": { "type": "number", "format": "double", "exclusiveMinimum": 0, "multipleOf": 0.25, "title": "Price" },
            "discount": { "anyOf": [{ "type": "number", "format": "double", "exclusiveMaximum": 1 }, { "type": "null" }], "title": "Discount" } } });
}

WEFT_TEST(lists_maps_enums_options_and_embedded_models_are_told_as_they_are_in_json)
{
    weft_str properties = part(component(&shop, "Order"), "properties", NULL);
    WEFT_CHECK_JSON(part(properties, "id", NULL), { "type": "integer", "format": "int64", "title": "Id" });
    WEFT_CHECK_JSON(part(properties, "quantity", "default", NULL), 1);
    WEFT_CHECK_JSON(part(properties, "status", NULL), { "$ref": "#/components/schemas/Status", "default": "open" });
    WEFT_CHECK_JSON(part(properties, "stock", NULL), { "type": "object", "additionalProperties": { "type": "integer", "format": "int32" },
        "propertyNames": { "pattern": "^-?[0-9]+$" }, "minProperties": 1, "maxProperties": 9, "title": "Stock" });
    WEFT_CHECK_JSON(part(properties, "tags", NULL), { "type": "array", "items": { "type": "string", "minLength": 2 }, "maxItems": 10,
        "title": "Tags", "default": ["new"] });
    WEFT_CHECK_JSON(part(properties, "was", NULL), { "anyOf": [{ "$ref": "#/components/schemas/Status" }, { "type": "null" }] });
    WEFT_CHECK_JSON(part(properties, "x-meta", NULL), { "title": "X-Meta" });
    WEFT_CHECK_JSON(part(component(&shop, "Order"), "required", NULL), ["id", "email", "price", "stock", "x-meta"]);
    WEFT_CHECK_JSON(component(&shop, "Status"), { "type": "string", "enum": ["open", "sent"], "title": "Status" });
}

WEFT_TEST(models_that_contain_themselves_or_each_other_are_referred_to)
{
    WEFT_CHECK_JSON(component(&shop, "Comment"), { "title": "Comment", "type": "object", "required": ["text", "replies"], "properties": {
        "text": { "type": "string", "title": "Text" },
        "replies": { "type": "array", "items": { "$ref": "#/components/schemas/Comment" }, "title": "Replies" },
        "quoted": { "anyOf": [{ "$ref": "#/components/schemas/Comment" }, { "type": "null" }] } } });
    WEFT_CHECK_JSON(part(component(&shop, "Team"), "properties", "members", "items", NULL), { "$ref": "#/components/schemas/Person" });
    WEFT_CHECK_JSON(part(component(&shop, "Person"), "properties", "teams", "items", NULL), { "$ref": "#/components/schemas/Team" });
}

WEFT_TEST(a_union_is_one_of_its_cases_told_apart_by_its_tag)
{
    WEFT_CHECK_JSON(component(&shop, "Event"), { "title": "Event",
        "oneOf": [{ "$ref": "#/components/schemas/Event.order.created" }, { "$ref": "#/components/schemas/Event.2" }],
        "discriminator": { "propertyName": "type", "mapping": {
            "order.created": "#/components/schemas/Event.order.created", "gone for good": "#/components/schemas/Event.2" } } });
    WEFT_CHECK_JSON(component(&shop, "Event.order.created"), { "title": "Created", "type": "object", "required": ["type", "order", "sizes"],
        "properties": { "type": { "type": "string", "const": "order.created", "title": "Type" },
            "order": { "$ref": "#/components/schemas/Order" },
            "sizes": { "type": "array", "items": { "type": "integer", "format": "int32" }, "uniqueItems": true, "title": "Sizes" } } });
    WEFT_CHECK_JSON(component(&shop, "Event.2"), { "title": "Deleted", "type": "object", "required": ["type", "id", "by"],
        "additionalProperties": false,
        "properties": { "type": { "type": "string", "const": "gone for good", "title": "Type" },
            "id": { "type": "integer", "format": "int64", "title": "Id" },
            "reason": { "type": "string", "title": "Reason" },
            "by": { "anyOf": [{ "type": "integer", "format": "int32" }, { "type": "null" }], "title": "By" } } });
}

WEFT_TEST(constants_and_other_keys_are_told)
{
    WEFT_CHECK_JSON(component(&shop, "Feed"), { "title": "Feed", "type": "object", "required": ["kind", "events"],
        "properties": { "kind": { "type": "string", "const": "feed", "title": "Kind" },
            "events": { "type": "array", "items": { "$ref": "#/components/schemas/Event" }, "title": "Events" } },
        "additionalProperties": { "type": "integer", "format": "int32" } });
}

WEFT_TEST(what_is_hidden_is_nowhere_in_a_document)
{
    weft_str document = document_of(&shop);
    WEFT_CHECK_JSON(part(component(&shop, "Account"), "properties", NULL), { "name": { "type": "string", "title": "Name" } });
    WEFT_CHECK(!has(document, "Secret") && !has(document, "password_hash") && !has(document, "secret"));
    WEFT_CHECK(!has(document, "/inside"));
    WEFT_CHECK(!has(document, "\"/docs\"") && !has(document, "\"/openapi.json\""));
}

WEFT_TEST(parameters_are_told_with_names_places_and_limits)
{
    WEFT_CHECK_JSON(part(operation(&shop, "/orders/", "get"), "parameters", NULL), [
        { "name": "limit", "in": "query", "required": false, "description": "At most so many",
            "schema": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 50, "title": "Limit", "default": 10 } },
        { "name": "status", "in": "query", "required": false, "schema": { "anyOf": [{ "$ref": "#/components/schemas/Status" }, { "type": "null" }] } },
        { "name": "tag", "in": "query", "required": false,
            "schema": { "type": "array", "items": { "type": "string" }, "maxItems": 5, "title": "Tag", "default": [] } },
        { "name": "x-token", "in": "header", "required": false,
            "schema": { "anyOf": [{ "type": "string" }, { "type": "null" }], "title": "X-Token" } }]);
}

WEFT_TEST(an_operation_has_the_names_that_fastapi_gives)
{
    weft_str read = operation(&shop, "/orders/{order_id}", "get");
    WEFT_CHECK_JSON(part(read, "summary", NULL), "Read Order");
    WEFT_CHECK_JSON(part(read, "operationId", NULL), "read_order_orders__order_id__get");
    weft_str list = operation(&shop, "/orders/", "get");
    WEFT_CHECK_JSON(part(list, "summary", NULL), "All orders");
    WEFT_CHECK_JSON(part(list, "description", NULL), "The *newest* first.");
    WEFT_CHECK_JSON(part(list, "responses", "200", "content", "application/json", "schema", NULL),
        { "type": "array", "items": { "$ref": "#/components/schemas/Order" }, "title": "Response List Orders Orders  Get" });
}

WEFT_TEST(tags_are_those_of_the_routers_around_and_then_the_own)
{
    WEFT_CHECK_JSON(part(operation(&shop, "/orders/parts/stock", "get"), "tags", NULL), ["orders", "parts", "lists"]);
    WEFT_CHECK_JSON(part(operation(&shop, "/orders/", "get"), "tags", NULL), ["orders"]);
    WEFT_CHECK(!has(operation(&shop, "/team", "get"), "tags"));
}

WEFT_TEST(a_body_its_answers_and_its_callbacks_are_told)
{
    WEFT_CHECK_JSON(operation(&shop, "/orders/", "post"), {
        "tags": ["orders"], "summary": "Create Order", "operationId": "createOrder",
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/NewOrder" }, "example": { "email": "a@b", "price": 0.5 } } } },
        "responses": {
            "201": { "description": "It is there", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
            "409": { "description": "It is there already", "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Problem" }, "example": { "title": "twice", "code": 1 } } } },
            "403": { "description": "Not for you", "content": { "application/json": {
                "schema": { "type": "object", "properties": { "detail": { "type": "string", "title": "Detail" } }, "required": ["detail"] } } } },
            "422": { "description": "Validation Error", "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/HTTPValidationError" } } } } },
        "callbacks": { "paid": { "{$request.query.callback_url}": { "post": {
            "summary": "It is paid",
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } } },
            "responses": { "200": { "description": "Successful Response" } } } } } } });
    WEFT_CHECK_JSON(part(document_of(&shop), "webhooks", NULL), { "order-sent": { "put": {
        "summary": "Order-Sent", "description": "When it leaves.",
        "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } },
        "responses": { "200": { "description": "Successful Response" } } } } });
}

WEFT_TEST(an_optional_body_is_not_required)
{
    weft_str body = part(operation(&shop, "/orders/{order_id}", "put"), "requestBody", NULL);
    WEFT_CHECK_JSON(body, { "content": { "application/json": {
        "schema": { "anyOf": [{ "$ref": "#/components/schemas/Order" }, { "type": "null" }] } } } });
    WEFT_CHECK_JSON(part(operation(&shop, "/orders/{order_id}", "put"), "deprecated", NULL), true);
}

WEFT_TEST(routes_that_name_a_parameter_differently_are_one_path)
{
    weft_str put = operation(&shop, "/orders/{order_id}", "put");
    WEFT_CHECK(has(put, "\"name\":\"order_id\"") && !has(put, "\"name\":\"id\""));
    WEFT_CHECK_JSON(part(put, "operationId", NULL), "change_order_orders__id__put");
    WEFT_CHECK(!has(document_of(&shop), "/orders/{id}"));
}

WEFT_TEST(what_is_no_json_is_told_as_it_is_said)
{
    WEFT_CHECK_JSON(part(operation(&shop, "/about", "get"), "responses", NULL), { "200": { "description": "A page",
        "content": { "text/html": { "schema": { "type": "string" }, "example": "<p>weft" } } } });
    WEFT_CHECK_JSON(part(operation(&shop, "/orders/{order_id}", "delete"), "responses", "204", NULL), { "description": "Successful Response" });
    WEFT_CHECK_JSON(part(operation(&shop, "/files/{rest}", "get"), "responses", "200", NULL), { "description": "Successful Response" });
}

WEFT_TEST(a_route_that_cannot_fail_validation_says_no_422)
{
    WEFT_CHECK(!has(operation(&shop, "/team", "get"), "422"));
    weft_str import = operation(&shop, "/import", "post");
    WEFT_CHECK(!has(import, "422"));
    WEFT_CHECK_JSON(part(import, "requestBody", NULL), { "required": true,
        "content": { "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } } });
}

/* ---- names ---- */

WEFT_MODEL(ValidationError, field(weft_str, what));
WEFT_INPUT(number_in, path(int, n));
static int number(const number_in *in, ValidationError *out) { (void)in; out->what = WEFT_S("none"); return 0; }

static const weft_app twice = { .routes = WEFT_ROUTES(
    WEFT_GET("/a-b/{n}", number, number_in, ValidationError),
    WEFT_GET("/a_b/{n}", number, number_in, ValidationError),
    WEFT_POST("/x/{n}", number, number_in, ValidationError, .operation_id = "number_a_c__n__get"),
    WEFT_GET("/a.c/{n}", number, number_in, ValidationError,
        .responses = WEFT_RESPONSES(WEFT_RESPONSE(422, "Mine", .model = WEFT_SCHEMA(ValidationError))))) };

WEFT_TEST(operation_ids_are_unique)
{
    WEFT_CHECK_JSON(part(operation(&twice, "/a-b/{n}", "get"), "operationId", NULL), "number_a_b__n__get");
    WEFT_CHECK_JSON(part(operation(&twice, "/a_b/{n}", "get"), "operationId", NULL), "number_a_b__n__get_2");
    WEFT_CHECK_JSON(part(operation(&twice, "/a.c/{n}", "get"), "operationId", NULL), "number_a_c__n__get_2");
}

WEFT_TEST(a_model_may_have_the_name_of_ours_and_an_answer_the_status_of_ours)
{
    WEFT_CHECK_JSON(part(component(&twice, "ValidationError"), "required", NULL), ["what"]);
    WEFT_CHECK_JSON(part(operation(&twice, "/a-b/{n}", "get"), "responses", "422", "content", "application/json", NULL),
        { "schema": { "$ref": "#/components/schemas/weft.HTTPValidationError" } });
    WEFT_CHECK_JSON(part(component(&twice, "weft.HTTPValidationError"), "properties", "detail", "items", NULL),
        { "$ref": "#/components/schemas/weft.ValidationError" });
    WEFT_CHECK_JSON(part(operation(&twice, "/a.c/{n}", "get"), "responses", "422", NULL), { "description": "Mine",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ValidationError" } } } });
}

/* ---- failures ---- */

WEFT_MODEL(Holder, field(weft_str, name), field(int, by));
WEFT_MODEL(Closed, field(int, n), no_extra());
static int hold(const number_in *in, Holder *out) { (void)in; (void)out; return 0; }
#define FAILING WEFT_ROUTES( \
    WEFT_GET("/a/{n}", hold, number_in, Holder, .responses = WEFT_RESPONSES( \
        WEFT_RESPONSE(404, "No"), WEFT_RESPONSE(409, "Taken", .detail = WEFT_SCHEMA(Holder)), WEFT_RESPONSE(400, "Several", .detail = WEFT_SCHEMA(weft_list_int)), \
        WEFT_RESPONSE(403, "Closed", .detail = WEFT_SCHEMA(Closed)), WEFT_RESPONSE(410, "Whole", .model = WEFT_SCHEMA(Holder)))))
static const weft_app failing_app = { .routes = FAILING }, problems_app = { .routes = FAILING, .problems = true };

static weft_str answer_doc(const weft_app *app, const char *status) { return part(operation(app, "/a/{n}", "get"), "responses", status, "content", NULL); }

WEFT_TEST(a_failure_with_a_detail_of_a_type_is_told)
{
    WEFT_CHECK_JSON(answer_doc(&failing_app, "404"), { "application/json": { "schema": { "type": "object",
        "properties": { "detail": { "type": "string", "title": "Detail" } }, "required": ["detail"] } } });
    WEFT_CHECK_JSON(answer_doc(&failing_app, "409"), { "application/json": { "schema": { "type": "object",
        "properties": { "detail": { "$ref": "#/components/schemas/Holder" } }, "required": ["detail"] } } });
    WEFT_CHECK_JSON(answer_doc(&failing_app, "422"), { "application/json": { "schema": { "$ref": "#/components/schemas/HTTPValidationError" } } });
}

static weft_str problem_doc(const weft_app *app, const char *status) { return part(answer_doc(app, status), "application/problem+json", "schema", NULL); }

WEFT_TEST(problem_details_are_told_as_such)
{
    WEFT_CHECK_JSON(problem_doc(&problems_app, "404"), { "$ref": "#/components/schemas/Problem" });
    WEFT_CHECK_JSON(problem_doc(&problems_app, "409"), { "allOf": [{ "$ref": "#/components/schemas/Problem" }, { "$ref": "#/components/schemas/Holder" }] });
    WEFT_CHECK_JSON(problem_doc(&problems_app, "400"), { "allOf": [{ "$ref": "#/components/schemas/Problem" },
        { "type": "object", "properties": { "errors": { "type": "array", "items": { "type": "integer", "format": "int32" }, "title": "Errors" } }, "required": ["errors"] }] });
    WEFT_CHECK_JSON(problem_doc(&problems_app, "403"), { "$ref": "#/components/schemas/Problem" });
    WEFT_CHECK_JSON(answer_doc(&problems_app, "410"), { "application/json": { "schema": { "$ref": "#/components/schemas/Holder" } } });
    WEFT_CHECK_JSON(problem_doc(&problems_app, "422"), { "$ref": "#/components/schemas/ValidationProblem" });
    WEFT_CHECK_JSON(component(&problems_app, "Problem"), { "type": "object", "title": "Problem", "description": "Problem details: RFC 9457", "properties": {
        "type": { "type": "string", "format": "uri-reference", "default": "about:blank", "title": "Type" }, "title": { "type": "string", "title": "Title" },
        "status": { "type": "integer", "format": "int32", "title": "Status" }, "detail": { "type": "string", "title": "Detail" } } });
    WEFT_CHECK_JSON(component(&problems_app, "ValidationProblem"), { "title": "ValidationProblem", "allOf": [{ "$ref": "#/components/schemas/Problem" },
        { "type": "object", "properties": { "errors": { "type": "array", "title": "Errors", "items": { "$ref": "#/components/schemas/ValidationError" } } } }] });
}

static int my_problem(const number_in *in, Problem *out) { (void)in; (void)out; return 0; }
static const weft_app own_problem = { .problems = true, .routes = WEFT_ROUTES(
    WEFT_GET("/a/{n}", my_problem, number_in, Problem, .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "No")))) };

WEFT_TEST(a_model_may_be_called_problem_where_failures_are_problems)
{
    WEFT_CHECK_JSON(part(component(&own_problem, "Problem"), "required", NULL), ["title", "code"]);
    WEFT_CHECK_JSON(problem_doc(&own_problem, "404"), { "$ref": "#/components/schemas/weft.Problem" });
    WEFT_CHECK_JSON(answer_doc(&own_problem, "200"), { "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    WEFT_CHECK_JSON(part(component(&own_problem, "weft.Problem"), "title", NULL), "Problem");
}

/* ---- places of inputs ---- */

WEFT_MODEL(Paging, field(int, limit, .initial = "100", .range = { 0, 100 }), opt(weft_str, order_by));
WEFT_MODEL(Common, field(weft_str, x_host, .doc = "Where from"));
WEFT_MODEL(Entry, field(weft_str, user), field(int, days, .initial = "7"), no_extra());
WEFT_MODEL(Lot, field(weft_str, name));
WEFT_MODEL(Body_taken_taken_post, field(int, n));
WEFT_INPUT(grouped_in, query(Paging, paging), header(Common, common), cookie(weft_str, session, .min_len = 2), cookie(WEFT_OPT(int), visits));
WEFT_INPUT(fields_in, form(weft_str, user, .max_len = 9, .doc = "Who"), form(Paging, paging), form(WEFT_LIST(int), n));
WEFT_INPUT(entry_in, form(Entry, entry, .doc = "Come in"));
WEFT_INPUT(files_in, form(weft_str, title), file(weft_upload, picture), file(WEFT_OPT(weft_str), text),
    file(WEFT_LIST(weft_upload), more, .initial = "[]", .max_items = 3));
WEFT_INPUT(several_in, body(Lot, lot), body(int, count, .initial = "1"), body(WEFT_OPT(Lot), old));
WEFT_INPUT(embedded_in, body(Lot, lot, .embed = true));
WEFT_INPUT(lax_in, form(WEFT_OPT(int), n));
WEFT_INPUT(taken_in, body(Body_taken_taken_post, model), body(int, n));
static int grouped(const grouped_in *in, int *out) { (void)in; (void)out; return 0; }
static int fields(const fields_in *in, int *out) { (void)in; (void)out; return 0; }
static int enter(const entry_in *in, int *out) { (void)in; (void)out; return 0; }
static int send_files(const files_in *in, int *out) { (void)in; (void)out; return 0; }
static int several(const several_in *in, int *out) { (void)in; (void)out; return 0; }
static int embedded(const embedded_in *in, int *out) { (void)in; (void)out; return 0; }
static int lax(const lax_in *in, int *out) { (void)in; (void)out; return 0; }
static int taken(const taken_in *in, int *out) { (void)in; (void)out; return 0; }
static const weft_app places = { .routes = WEFT_ROUTES(
    WEFT_GET("/grouped", grouped, grouped_in, int), WEFT_POST("/fields", fields, fields_in, int), WEFT_POST("/enter", enter, entry_in, int),
    WEFT_POST("/files", send_files, files_in, int), WEFT_POST("/several", several, several_in, int),
    WEFT_POST("/embedded", embedded, embedded_in, int), WEFT_POST("/lax", lax, lax_in, int, .operation_id = "as you like")) };
static const weft_app clash = { .routes = WEFT_ROUTES(WEFT_POST("/taken", taken, taken_in, int)) };

WEFT_TEST(members_of_a_model_of_values_are_parameters_and_cookies_too)
{
    WEFT_CHECK_JSON(part(operation(&places, "/grouped", "get"), "parameters", NULL), [
        { "name": "limit", "in": "query", "required": false,
            "schema": { "type": "integer", "format": "int32", "minimum": 0, "maximum": 100, "title": "Limit", "default": 100 } },
        { "name": "order_by", "in": "query", "required": false, "schema": { "anyOf": [{ "type": "string" }, { "type": "null" }], "title": "Order By" } },
        { "name": "x-host", "in": "header", "description": "Where from", "required": true, "schema": { "type": "string", "title": "X-Host" } },
        { "name": "session", "in": "cookie", "required": true, "schema": { "type": "string", "minLength": 2, "title": "Session" } },
        { "name": "visits", "in": "cookie", "required": false,
            "schema": { "anyOf": [{ "type": "integer", "format": "int32" }, { "type": "null" }], "title": "Visits" } }]);
    WEFT_CHECK(has(operation(&places, "/grouped", "get"), "\"422\""));
    WEFT_CHECK(!has(document_of(&places), "\"Paging\""));
}

WEFT_TEST(fields_of_a_form_are_a_component_of_their_operation)
{
    weft_str post = operation(&places, "/fields", "post");
    WEFT_CHECK_JSON(part(post, "requestBody", NULL), { "required": true, "content": { "application/x-www-form-urlencoded": {
        "schema": { "$ref": "#/components/schemas/Body_fields_fields_post" } } } });
    WEFT_CHECK(has(post, "\"422\""));
    WEFT_CHECK_JSON(component(&places, "Body_fields_fields_post"), { "type": "object", "title": "Body_fields_fields_post", "required": ["user", "n"],
        "properties": {
            "user": { "type": "string", "maxLength": 9, "title": "User", "description": "Who" },
            "limit": { "type": "integer", "format": "int32", "minimum": 0, "maximum": 100, "title": "Limit", "default": 100 },
            "order_by": { "anyOf": [{ "type": "string" }, { "type": "null" }], "title": "Order By" },
            "n": { "type": "array", "items": { "type": "integer", "format": "int32" }, "title": "N" } } });
}

WEFT_TEST(a_form_that_is_one_model_is_that_model)
{
    WEFT_CHECK_JSON(part(operation(&places, "/enter", "post"), "requestBody", NULL), { "required": true, "description": "Come in",
        "content": { "application/x-www-form-urlencoded": { "schema": { "$ref": "#/components/schemas/Entry" } } } });
    WEFT_CHECK_JSON(part(component(&places, "Entry"), "additionalProperties", NULL), false);
}

WEFT_TEST(a_form_with_files_has_several_parts)
{
    WEFT_CHECK_JSON(part(operation(&places, "/files", "post"), "requestBody", NULL), { "required": true, "content": { "multipart/form-data": {
        "schema": { "$ref": "#/components/schemas/Body_send_files_files_post" } } } });
    WEFT_CHECK_JSON(component(&places, "Body_send_files_files_post"), { "type": "object", "title": "Body_send_files_files_post",
        "required": ["title", "picture"], "properties": {
            "title": { "type": "string", "title": "Title" },
            "picture": { "type": "string", "contentMediaType": "application/octet-stream", "title": "Picture" },
            "text": { "anyOf": [{ "type": "string", "contentMediaType": "application/octet-stream" }, { "type": "null" }], "title": "Text" },
            "more": { "type": "array", "items": { "type": "string", "contentMediaType": "application/octet-stream" }, "maxItems": 3,
                "title": "More", "default": [] } } });
}

WEFT_TEST(bodies_of_several_members_are_a_component_of_their_operation)
{
    WEFT_CHECK_JSON(part(operation(&places, "/several", "post"), "requestBody", NULL), { "required": true, "content": { "application/json": {
        "schema": { "$ref": "#/components/schemas/Body_several_several_post" } } } });
    WEFT_CHECK_JSON(component(&places, "Body_several_several_post"), { "type": "object", "title": "Body_several_several_post", "required": ["lot"],
        "properties": { "lot": { "$ref": "#/components/schemas/Lot" },
            "count": { "type": "integer", "format": "int32", "title": "Count", "default": 1 },
            "old": { "anyOf": [{ "$ref": "#/components/schemas/Lot" }, { "type": "null" }] } } });
    WEFT_CHECK_JSON(component(&places, "Body_embedded_embedded_post"), { "type": "object", "title": "Body_embedded_embedded_post",
        "required": ["lot"], "properties": { "lot": { "$ref": "#/components/schemas/Lot" } } });
    WEFT_CHECK_JSON(part(component(&places, "Lot"), "required", NULL), ["name"]);
}

WEFT_TEST(an_operation_whose_id_cannot_name_a_component_has_its_body_in_place)
{
    WEFT_CHECK_JSON(part(operation(&places, "/lax", "post"), "requestBody", NULL), { "content": { "application/x-www-form-urlencoded": {
        "schema": { "type": "object", "title": "Body_as you like",
            "properties": { "n": { "anyOf": [{ "type": "integer", "format": "int32" }, { "type": "null" }], "title": "N" } } } } } });
}

WEFT_TEST(a_model_may_have_the_name_of_a_body)
{
    WEFT_CHECK_JSON(part(component(&clash, "Body_taken_taken_post"), "required", NULL), ["n"]);
    WEFT_CHECK_JSON(part(operation(&clash, "/taken", "post"), "requestBody", "content", "application/json", "schema", NULL),
        { "$ref": "#/components/schemas/weft.Body_taken_taken_post" });
    WEFT_CHECK_JSON(part(component(&clash, "weft.Body_taken_taken_post"), "required", NULL), ["model", "n"]);
}

/* ---- hostile and large ---- */

WEFT_INPUT(deep_in, query(double, low, .range = { -1e30L, 9223372036854775807.0L }, .initial = "0.5"));
static int deep(const deep_in *in, double *out) { *out = in->low; return 0; }
static const weft_app odd = { .title = "a\n\"b\" </script>\xff", .description = "\x01",
    .routes = WEFT_ROUTES(WEFT_GET("/caf\xc3\xa9", deep, deep_in, double)) };

WEFT_TEST(texts_and_numbers_of_any_kind_stay_json)
{
    weft_str document = document_of(&odd);
    WEFT_CHECK_JSON(part(document, "info", NULL), { "title": "a\n\"b\" </script>\ufffd", "description": "\u0001", "version": "0.1.0" });
    WEFT_CHECK_JSON(part(document, "paths", "/caf\xc3\xa9", "get", "parameters", NULL), [{ "name": "low", "in": "query", "required": false,
        "schema": { "type": "number", "format": "double", "minimum": -1000000000000000000000000000000, "maximum": 9223372036854775807,
            "title": "Low", "default": 0.5 } }]);
}

WEFT_TEST(a_thousand_routes_have_a_document)
{
    enum { ROUTES = 1000 };
    static weft_route routes[ROUTES + 1];
    static char paths[ROUTES][32];
    for (int i = 0; i < ROUTES; i++) {
        snprintf(paths[i], sizeof paths[i], "/r%d/{n}", i);
        routes[i] = (weft_route)WEFT_GET(paths[i], number, number_in, ValidationError);
    }
    const weft_app large = { .routes = routes };
    weft_str document = document_of(&large);
    WEFT_CHECK(part(document, "paths", "/r999/{n}", "get", NULL).len > 100);
}

/* A failure that is made good by asking again is none; a document that lacks something would be. */
WEFT_TEST(without_memory_there_is_a_whole_document_or_none)
{
    size_t whole = document_of(&shop).len;
    weft__model_forget();
    FAIL_EACH_IN_TURN(i) {
        weft__app *app = NULL;
        weft__buf faults;
        weft__buf_init(&faults, 4096);
        int rc = weft__app_compile(&shop, &app, &faults);
        WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM);
        WEFT_CHECK(rc == 0 || fails.failed);
        if (rc == 0) WEFT_CHECK_EQ(app->sites.items[0]->document.len, whole);
        weft__app_free(app);
        weft__buf_free(&faults);
        weft__model_forget();
    }
}

/* ---- types of values ---- */

WEFT_MODEL(Dated, field(weft_date, day), field(weft_datetime, at), field(weft_duration, length, .range = { 0, 5 }),
    field(weft_uuid, id), field(weft_decimal, price), field(weft_bytes, blob), field(weft_str, mail, .format = WEFT_EMAIL));
WEFT_INPUT(dated_in, path(int, n));
static int dated(const dated_in *in, Dated *out) { (void)in; (void)out; return 0; }
static const weft_app of_values = { .routes = WEFT_ROUTES(WEFT_GET("/dated/{n}", dated, dated_in, Dated)) };

WEFT_TEST(types_of_values_have_their_formats)
{
    weft_str schema = component(&of_values, "Dated");
    WEFT_CHECK(has(schema, "\"format\":\"date\"") && has(schema, "\"format\":\"date-time\""));
    WEFT_CHECK(has(schema, "\"format\":\"duration\"") && has(schema, "\"format\":\"uuid\""));
    WEFT_CHECK(has(schema, "\"format\":\"decimal\"") && has(schema, "\"format\":\"email\""));
    WEFT_CHECK(has(schema, "\"contentEncoding\":\"base64\"") && !has(schema, "maximum"));
}
