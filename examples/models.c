/* What a model can ask of its values: one of several texts, a constant, items that differ, own checks, keys that nobody
 * declared, one of several models, and a PATCH that tells absent from null. */
#include <weft.h>
#include <string.h>

/* A function of yours over one value: NULL when it is good, or else why it is not. */
static const char *no_space(weft_str *name)
{
    return memchr(name->ptr, ' ', name->len) ? "must not contain a space" : NULL;
}

WEFT_LITERAL(Size, value(SIZE_S, "S"), value(SIZE_M, "M"), value(SIZE_L, "L"));

WEFT_MODEL(Shirt,
    field(weft_str, name,    .min_len = 1, .check = no_space),
    field(Size,     size),
    field(int,      version, .only = "2"),
    list (weft_str, tags,    .unique = true, .initial = "[]"),
    opt  (double,   tax));

/* Over a whole model, once all its members are good. */
WEFT_DECLARE(Sale);
static const char *ends_after_it_begins(Sale *sale);
WEFT_DEFINE(Sale,
    field(int, first_day, .range = { 1, 366 }),
    field(int, last_day,  .range = { 1, 366 }),
    check(ends_after_it_begins),
    no_extra());

static const char *ends_after_it_begins(Sale *sale)
{
    return sale->first_day <= sale->last_day ? NULL : "the sale ends before it begins";
}

/* Keys that no member has are kept, and written back. */
WEFT_MODEL(Note,
    field(weft_str,  text),
    extra(weft_json, more));

WEFT_UNION(Event, type,
    when("shirt", Shirt, shirt),
    when("sale",  Sale,  sale),
    when("note",  Note,  note));

/* Each member may be absent, and tax may also be null. */
WEFT_MODEL(ShirtPatch,
    opt(weft_str, name, .min_len = 1, .check = no_space, .not_null = true),
    opt(double,   tax));

WEFT_INPUT(event_in, body(Event, event));
WEFT_INPUT(patch_in, body(ShirtPatch, patch));

static Shirt the_shirt = { .name = { "plain", 5 }, .size = SIZE_M };

static int echo(const event_in *in, Event *out)
{
    *out = in->event;
    if (out->type == Event_sale) out->sale.last_day += 7;
    return 0;
}

static int read_shirt(const weft_none *in, Shirt *out)
{
    (void)in;
    *out = the_shirt;
    return 0;
}

static int change_shirt(const patch_in *in, Shirt *out)
{
    const ShirtPatch *patch = &in->patch;

    *out = the_shirt;
    if (patch->name.set) out->name = patch->name.value;
    if (patch->tax.set || patch->tax.null) out->tax = patch->tax;
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_POST ("/events",      echo,         event_in,  Event),
        WEFT_GET  ("/shirt",       read_shirt,   weft_none, Shirt, .exclude_unset = true),
        WEFT_GET  ("/shirt/name",  read_shirt,   weft_none, Shirt, .include = "name, size"),
        WEFT_PATCH("/shirt",       change_shirt, patch_in,  Shirt)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
