/* Dependencies. */
#include <string.h>
#include "pairs.h"

/* ---- of a route, for their effect ---- */

WEFT_MODEL(Entry, field(weft_str, item));
WEFT_INPUT(token_in, header(weft_str, x_token));
WEFT_INPUT(key_in, header(weft_str, x_key));

static int verify_token(const token_in *in)
{
    return weft_str_equal(in->x_token, WEFT_S("fake-super-secret-token")) ? 0 : weft_fail(400, "X-Token header invalid");
}

static int verify_key(const key_in *in)
{
    return weft_str_equal(in->x_key, WEFT_S("fake-super-secret-key")) ? 0 : weft_fail(400, "X-Key header invalid");
}

static const weft_provider token = WEFT_GUARD(token_in, verify_token), key = WEFT_GUARD(key_in, verify_key);

static int read_items(const weft_none *in, weft_list_Entry *out)
{
    (void)in;
    weft_push(out, (Entry){ WEFT_S("Foo") });
    weft_push(out, (Entry){ WEFT_S("Bar") });
    return 0;
}

static const fact verified_facts[] = {
    { 70, "GET", "/items/", 0, 0, 422, JSON({ "detail": [
        { "type": "missing", "loc": ["header", "x-token"], "msg": "Field required", "input": null },
        { "type": "missing", "loc": ["header", "x-key"], "msg": "Field required", "input": null }] }) },
    { 71, "GET", "/items/", "X-Token: invalid", 0, 400, JSON({ "detail": "X-Token header invalid" }) },
    { 72, "GET", "/items/", "X-Token: fake-super-secret-token\nX-Key: fake-super-secret-key", 0, 200,
        JSON([{ "item": "Foo" }, { "item": "Bar" }]) },
};
GROUP(verified, .routes = WEFT_ROUTES(WEFT_GET("/items/", read_items, weft_none, weft_list_Entry, .depends = WEFT_DEPENDS(&token, &key))))

/* ---- with a close that sees the failure ---- */

enum { OWNER_ERROR = -5001, INTERNAL_ERROR = -5002 };
WEFT_MODEL(Owned, field(weft_str, description), field(weft_str, owner));
typedef struct username { weft_str name; } username;

static int username_open(const weft_none *in, username **out)
{
    (void)in;
    *out = weft_new(username);
    if (!*out) return WEFT_ENOMEM;
    (*out)->name = WEFT_S("Rick");
    return 0;
}

static int username_close(username *u, int rc)
{
    (void)u;
    return rc == OWNER_ERROR ? weft_fail(400, "Owner error: %s", weft_error_of(rc)->text) : rc;
}
static const weft_provider get_username = WEFT_PROVIDER(username, weft_none, username_open, username_close);

WEFT_INPUT(item_in, path(weft_str, item_id), depends(username, username, get_username));
static int get_item(const item_in *in, Owned *out)
{
    *out = (Owned){ WEFT_S("Freshly pickled plumbus"), WEFT_S("Morty") };
    if (!weft_str_equal(in->item_id, WEFT_S("plumbus"))) return weft_fail(404, "Item not found");
    return weft_str_equal(out->owner, in->username->name) ? 0 : weft_fail(OWNER_ERROR, "%.*s", WEFT_FMT(in->username->name));
}

static const fact owners_facts[] = {
    { 73, "GET", "/items/plumbus", 0, 0, 400, JSON({ "detail": "Owner error: Rick" }) },
};
GROUP(owners, .routes = WEFT_ROUTES(WEFT_GET("/items/{item_id}", get_item, item_in, Owned)))

/* ---- with a close that keeps silent about it ---- */

static int silent_close(username *u, int rc)
{
    (void)u;
    (void)rc;
    return 0;
}
static const weft_provider silent = WEFT_PROVIDER(username, weft_none, username_open, silent_close);

WEFT_INPUT(portal_in, path(weft_str, item_id), depends(username, username, silent));
static int get_portal(const portal_in *in, weft_str *out)
{
    *out = in->item_id;
    return weft_fail(INTERNAL_ERROR, "The portal gun is too dangerous to be owned by %.*s", WEFT_FMT(in->username->name));
}

static int plainly(const weft_failure *failure, weft_reply *out)
{
    return weft_reply_text(out, failure->text);
}

static const fact swallowed_facts[] = {
    { 74, "GET", "/items/portal-gun", 0, 0, 500, .text = "Internal Server Error" },
};
GROUP(swallowed, .on_failure = WEFT_ON_FAILURE({ 500, plainly }),
    .routes = WEFT_ROUTES(WEFT_GET("/items/{item_id}", get_portal, portal_in, weft_str)))
