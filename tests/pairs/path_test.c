/* Values of the path. */
#include "pairs.h"

WEFT_MODEL(Message, field(weft_str, message));
WEFT_MODEL(ItemId, field(int64_t, item_id));
WEFT_MODEL(UserId, field(weft_str, user_id));
WEFT_MODEL(FilePath, field(weft_str, file_path));
WEFT_ENUM(ModelName, value(ALEXNET, "alexnet"), value(RESNET, "resnet"), value(LENET, "lenet"));
WEFT_MODEL(Model, field(ModelName, model_name), field(weft_str, message));

WEFT_INPUT(item_in, path(int64_t, item_id));
WEFT_INPUT(user_in, path(weft_str, user_id));
WEFT_INPUT(file_in, path(weft_str, file_path));
WEFT_INPUT(model_in, path(ModelName, model_name));

static int root(const weft_none *in, Message *out)
{
    (void)in;
    out->message = WEFT_S("Hello World");
    return 0;
}

static int read_item(const item_in *in, ItemId *out) { out->item_id = in->item_id; return 0; }
static int read_user(const user_in *in, UserId *out) { out->user_id = in->user_id; return 0; }
static int read_file(const file_in *in, FilePath *out) { out->file_path = in->file_path; return 0; }

static int read_me(const weft_none *in, UserId *out)
{
    (void)in;
    out->user_id = WEFT_S("the current user");
    return 0;
}

static int get_model(const model_in *in, Model *out)
{
    static const weft_str messages[] = { [ALEXNET] = WEFT_S("Deep Learning FTW!"),
        [RESNET] = WEFT_S("Have some residuals"), [LENET] = WEFT_S("LeCNN all the images") };
    *out = (Model){ in->model_name, messages[in->model_name] };
    return 0;
}

static const fact paths_facts[] = {
    { 1, "GET", "/", 0, 0, 200, JSON({ "message": "Hello World" }) },
    { 2, "GET", "/nonexistent", 0, 0, 404, JSON({ "detail": "Not Found" }) },
    { 3, "GET", "/items/1", 0, 0, 200, JSON({ "item_id": 1 }) },
    { 4, "GET", "/items/item1", 0, 0, 422, JSON({ "detail": [
        { "type": "int_parsing", "loc": ["path", "item_id"], "input": "item1",
            "msg": "Input should be a valid integer, unable to parse string as an integer" }] }) },
    { 5, "GET", "/users/me", 0, 0, 200, JSON({ "user_id": "the current user" }) },
    { 6, "GET", "/users/alice", 0, 0, 200, JSON({ "user_id": "alice" }) },
    { 7, "GET", "/files/home/johndoe/myfile.txt", 0, 0, 200, JSON({ "file_path": "home/johndoe/myfile.txt" }) },
    { 8, "GET", "/files//home/johndoe/myfile.txt", 0, 0, 200, JSON({ "file_path": "/home/johndoe/myfile.txt" }) },
    { 9, "GET", "/models/alexnet", 0, 0, 200, JSON({ "model_name": "alexnet", "message": "Deep Learning FTW!" }) },
    { 10, "GET", "/models/foo", 0, 0, 422, JSON({ "detail": [
        { "type": "enum", "loc": ["path", "model_name"], "input": "foo",
            "msg": "Input should be 'alexnet', 'resnet' or 'lenet'",
            "ctx": { "expected": "'alexnet', 'resnet' or 'lenet'" } }] }) },
};
GROUP(paths, .routes = WEFT_ROUTES(
    WEFT_GET("/", root, weft_none, Message),
    WEFT_GET("/items/{item_id}", read_item, item_in, ItemId),
    WEFT_GET("/users/me", read_me, weft_none, UserId),
    WEFT_GET("/users/{user_id}", read_user, user_in, UserId),
    WEFT_GET("/files/{file_path:path}", read_file, file_in, FilePath),
    WEFT_GET("/models/{model_name}", get_model, model_in, Model)))

/* ---- limits of numbers, in the path and behind it ---- */

WEFT_MODEL(Sized, field(int, item_id), opt(weft_str, q), opt(double, size));
WEFT_INPUT(sized_in,
    path (int,      item_id, .range = { 0, 1000 }),
    query(weft_str, q),
    query(double,   size,    .range = { 0, 10.5L }, .above = true, .below = true));

static int read_sized(const sized_in *in, Sized *out)
{
    out->item_id = in->item_id;
    out->q = (weft_opt_weft_str){ .value = in->q, .set = in->q.len > 0 };
    out->size = (weft_opt_double){ .value = in->size, .set = in->size != 0 };
    return 0;
}

static const fact ranges_facts[] = {
    { 17, "GET", "/items/0?q=&size=0.1", 0, 0, 200, JSON({ "item_id": 0, "size": 0.1 }) },
    { 18, "GET", "/items/-1?q=somequery&size=5", 0, 0, 422, JSON({ "detail": [
        { "type": "greater_than_equal", "loc": ["path", "item_id"], "input": "-1",
            "msg": "Input should be greater than or equal to 0", "ctx": { "ge": 0 } }] }) },
    { 19, "GET", "/items/1001?q=somequery&size=5", 0, 0, 422, JSON({ "detail": [
        { "type": "less_than_equal", "loc": ["path", "item_id"], "input": "1001",
            "msg": "Input should be less than or equal to 1000", "ctx": { "le": 1000 } }] }) },
    { 20, "GET", "/items/1?q=somequery&size=0.0", 0, 0, 422, JSON({ "detail": [
        { "type": "greater_than", "loc": ["query", "size"], "input": "0.0",
            "msg": "Input should be greater than 0", "ctx": { "gt": 0.0 } }] }) },
    { 21, "GET", "/items/1?q=somequery&size=10.5", 0, 0, 422, JSON({ "detail": [
        { "type": "less_than", "loc": ["query", "size"], "input": "10.5",
            "msg": "Input should be less than 10.5", "ctx": { "lt": 10.5 } }] }) },
};
GROUP(ranges, .routes = WEFT_ROUTES(
    WEFT_GET("/items/{item_id}", read_sized, sized_in, Sized, .exclude_unset = true)))
