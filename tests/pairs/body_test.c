/* Bodies: a model, a model among other values, several, models in models. */
#include "pairs.h"

/* ---- a model ---- */

WEFT_MODEL(Item, field(weft_str, name), opt(weft_str, description), field(double, price), opt(double, tax));
WEFT_INPUT(item_in, body(Item, item));

static int create_item(const item_in *in, Item *out) { *out = in->item; return 0; }

static const fact items_facts[] = {
    { 32, "POST", "/items/", J, JSON({ "name": "Foo", "price": 50.5 }), 200,
        JSON({ "name": "Foo", "price": 50.5, "description": null, "tax": null }) },
    { 33, "POST", "/items/", J, JSON({ "name": "Foo", "price": "50.5" }), 200,
        JSON({ "name": "Foo", "price": 50.5, "description": null, "tax": null }) },
    { 34, "POST", "/items/", J, JSON({ "name": "Foo" }), 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "price"], "msg": "Field required", "input": { "name": "Foo" } }] }) },
    { 35, "POST", "/items/", J, JSON({ "name": "Foo", "price": "twenty" }), 422, JSON({ "detail": [
        { "type": "float_parsing", "loc": ["body", "price"], "input": "twenty",
            "msg": "Input should be a valid number, unable to parse string as a number" }] }) },
    { 36, "POST", "/items/", J, JSON({}), 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": {} },
        { "type": "missing", "loc": ["body", "price"], "msg": "Field required", "input": {} }] }) },
    { 37, "POST", "/items/", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }] }) },
    { 38, "POST", "/items/", J, "{some broken json}", 422, JSON({ "detail": [
        { "type": "json_invalid", "loc": ["body", 1], "msg": "JSON decode error", "input": {},
            "ctx": { "error": "Expecting property name enclosed in double quotes" } }] }) },
    { 39, "POST", "/items/", J, JSON({ "name": "Foo", "price": 50.5 }), 200 },
    { 40, "POST", "/items/", "Content-Type: text/plain", "{\"name\": \"Foo\", \"price\": 50.5}", 422, JSON({ "detail": [
        { "type": "model_attributes_type", "loc": ["body"], "input": "{\"name\": \"Foo\", \"price\": 50.5}",
            "msg": "Input should be a valid dictionary or object to extract fields from" }] }) },
};
GROUP(items, .routes = WEFT_ROUTES(WEFT_POST("/items/", create_item, item_in, Item)))

/* ---- beside other values ---- */

WEFT_MODEL(Numbered, field(int, item_id), embed(Item, item));
WEFT_INPUT(numbered_in, path(int, item_id), body(Item, item));

static int put_item(const numbered_in *in, Numbered *out) { *out = (Numbered){ in->item_id, in->item }; return 0; }

static const fact numbered_facts[] = {
    { 41, "PUT", "/items/123", J, JSON({ "name": "Foo", "price": 50.1, "description": "Some Foo", "tax": 0.3 }), 200,
        JSON({ "item_id": 123, "name": "Foo", "price": 50.1, "description": "Some Foo", "tax": 0.3 }) },
};
GROUP(numbered, .routes = WEFT_ROUTES(WEFT_PUT("/items/{item_id}", put_item, numbered_in, Numbered)))

WEFT_MODEL(Priced,
    field(weft_str, name),
    opt  (weft_str, description, .max_len = 300),
    field(double,   price,       .range = { 0, WEFT_NO_END }, .above = true),
    opt  (double,   tax));
WEFT_MODEL(PricedOut, field(int, item_id), field(Priced, item));
WEFT_INPUT(priced_in, path(int, item_id), body(Priced, item, .embed = true));

static int put_priced(const priced_in *in, PricedOut *out) { *out = (PricedOut){ in->item_id, in->item }; return 0; }

static const fact priced_facts[] = {
    { 42, "PUT", "/items/5", J, JSON({ "item": { "name": "Foo", "price": -3.0 } }), 422, JSON({ "detail": [
        { "type": "greater_than", "loc": ["body", "item", "price"], "input": -3.0,
            "msg": "Input should be greater than 0", "ctx": { "gt": 0.0 } }] }) },
};
GROUP(priced, .routes = WEFT_ROUTES(WEFT_PUT("/items/{item_id}", put_priced, priced_in, PricedOut)))

WEFT_MODEL(User, field(weft_str, username), opt(weft_str, full_name));
WEFT_MODEL(Several, field(int, item_id), field(Item, item), field(User, user), field(int, importance));
WEFT_INPUT(several_in, path(int, item_id), body(Item, item), body(User, user), body(int, importance));

static int put_several(const several_in *in, Several *out)
{
    *out = (Several){ in->item_id, in->item, in->user, in->importance };
    return 0;
}

static const fact several_facts[] = {
    { 43, "PUT", "/items/5", J,
        JSON({ "importance": 2, "item": { "name": "Foo", "price": 50.5 }, "user": { "username": "Dave" } }), 200,
        JSON({ "item_id": 5, "importance": 2,
            "item": { "name": "Foo", "price": 50.5, "description": null, "tax": null },
            "user": { "username": "Dave", "full_name": null } }) },
    { 44, "PUT", "/items/5", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "item"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["body", "user"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["body", "importance"], "msg": "Field required", "input": null }] }) },
};
GROUP(several, .routes = WEFT_ROUTES(WEFT_PUT("/items/{item_id}", put_several, several_in, Several)))

/* ---- models in models ---- */

WEFT_MODEL(Image, field(weft_str, url, .format = WEFT_URL), field(weft_str, name));
WEFT_MODEL(Offered,
    field(weft_str,        name),
    opt  (weft_str,        description),
    field(double,          price),
    opt  (double,          tax),
    list (weft_str,        tags,   .initial = "[]", .unique = true),
    ref  (weft_list_Image, images));
WEFT_MODEL(Offer, field(weft_str, name), opt(weft_str, description), field(double, price), list(Offered, items));
WEFT_INPUT(offer_in, body(Offer, offer));

static int create_offer(const offer_in *in, Offer *out) { *out = in->offer; return 0; }

static const fact offers_facts[] = {
    { 45, "POST", "/offers/", J,
        JSON({ "name": "Special Offer", "description": "This is a special offer", "price": 38.6, "items": [
            { "name": "Foo", "description": "A very nice Item", "price": 35.4, "tax": 3.2, "tags": ["foo"],
                "images": [{ "url": "http://example.com/image.png", "name": "example image" }] }] }), 200,
        JSON({ "name": "Special Offer", "description": "This is a special offer", "price": 38.6, "items": [
            { "name": "Foo", "description": "A very nice Item", "price": 35.4, "tax": 3.2, "tags": ["foo"],
                "images": [{ "url": "http://example.com/image.png", "name": "example image" }] }] }) },
    { 46, "POST", "/offers/", J, JSON({ "name": "Special Offer", "price": 38.6, "items": [{}] }), 422, JSON({ "detail": [
        { "type": "missing", "loc": ["body", "items", 0, "name"], "msg": "Field required", "input": {} },
        { "type": "missing", "loc": ["body", "items", 0, "price"], "msg": "Field required", "input": {} }] }) },
    { 47, "POST", "/offers/", J,
        JSON({ "name": "Special Offer", "price": 38.6, "items": [{ "name": "Foo", "price": 35.4, "images": [{}] }] }), 422,
        JSON({ "detail": [
        { "type": "missing", "loc": ["body", "items", 0, "images", 0, "url"], "msg": "Field required", "input": {} },
        { "type": "missing", "loc": ["body", "items", 0, "images", 0, "name"], "msg": "Field required", "input": {} }] }) },
};
GROUP(offers, .routes = WEFT_ROUTES(WEFT_POST("/offers/", create_offer, offer_in, Offer)))

WEFT_INPUT(images_in, body(WEFT_LIST(Image), images));

static int create_images(const images_in *in, weft_list_Image *out) { *out = in->images; return 0; }

static const fact images_facts[] = {
    { 48, "POST", "/images/multiple", J, JSON([{ "url": "not a valid url", "name": "Example" }]), 422, JSON({ "detail": [
        { "type": "url_parsing", "loc": ["body", 0, "url"], "input": "not a valid url",
            "msg": "Input should be a valid URL, relative URL without a base",
            "ctx": { "error": "relative URL without a base" } }] }) },
    { 49, "POST", "/images/multiple", J, JSON({ "url": "http://example.com/", "name": "Example" }), 422, JSON({ "detail": [
        { "type": "list_type", "loc": ["body"], "msg": "Input should be a valid list",
            "input": { "name": "Example", "url": "http://example.com/" } }] }) },
};
GROUP(images, .routes = WEFT_ROUTES(WEFT_POST("/images/multiple/", create_images, images_in, weft_list_Image)))

/* ---- keys of the client's own; dates and what else JSON has no type for ---- */

WEFT_INPUT(weights_in, body(WEFT_MAP(double), weights, .int_keys = true));

static int create_weights(const weights_in *in, weft_map_double *out) { *out = in->weights; return 0; }

static const fact weights_facts[] = {
    { 50, "POST", "/index-weights/", J, JSON({ "2": 2.2, "3": 3.3 }), 200, JSON({ "2": 2.2, "3": 3.3 }) },
    { 51, "POST", "/index-weights/", J, JSON({ "foo": 2.2, "3": 3.3 }), 422, JSON({ "detail": [
        { "type": "int_parsing", "loc": ["body", "foo", "[key]"], "input": "foo",
            "msg": "Input should be a valid integer, unable to parse string as an integer" }] }) },
};
GROUP(weights, .routes = WEFT_ROUTES(WEFT_POST("/index-weights/", create_weights, weights_in, weft_map_double)))

WEFT_INPUT(process_in,
    path(weft_uuid,           item_id),
    body(weft_datetime,       start_datetime),
    body(weft_datetime,       end_datetime),
    body(weft_duration,       process_after),
    body(WEFT_OPT(weft_time), repeat_at));
WEFT_MODEL(Process,
    field(weft_uuid,     item_id),
    field(weft_datetime, start_datetime),
    field(weft_datetime, end_datetime),
    field(weft_duration, process_after),
    opt  (weft_time,     repeat_at),
    field(weft_datetime, start_process),
    field(weft_duration, duration));

static int read_process(const process_in *in, Process *out)
{
    weft_datetime start = in->start_datetime;
    start.us += in->process_after.us;
    *out = (Process){ in->item_id, in->start_datetime, in->end_datetime, in->process_after, in->repeat_at,
        start, { in->end_datetime.us - start.us } };
    return 0;
}

static const fact processes_facts[] = {
    { 52, "PUT", "/items/ff97dd87-a4a5-4a12-b412-cde99f33e00e", J,
        JSON({ "start_datetime": "2018-12-22T14:00:00+00:00", "end_datetime": "2018-12-24T15:00:00+00:00",
            "repeat_at": "15:30:00", "process_after": 300 }), 200 },
};
GROUP(processes, .routes = WEFT_ROUTES(WEFT_PUT("/items/{item_id}", read_process, process_in, Process)))

WEFT_MODEL(Dated, field(weft_str, title), field(weft_datetime, timestamp), opt(weft_str, description));
WEFT_INPUT(dated_in, path(weft_str, id), body(Dated, item));

static int put_dated(const dated_in *in, Dated *out) { *out = in->item; return 0; }

static const fact dated_facts[] = {
    { 92, "PUT", "/items/345", J, JSON({ "title": "Foo", "timestamp": "not a date" }), 422, JSON({ "detail": [
        { "type": "datetime_from_date_parsing", "loc": ["body", "timestamp"], "input": "not a date",
            "msg": "Input should be a valid datetime or date, invalid character in year",
            "ctx": { "error": "invalid character in year" } }] }) },
};
GROUP(dated, .routes = WEFT_ROUTES(WEFT_PUT("/items/{id}", put_dated, dated_in, Dated)))
