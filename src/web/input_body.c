/* A body in one piece: JSON or text as one member, or JSON as an object whose values are several. */
#include <string.h>
#include "model/coerce.h"
#include "model/text.h"
#include "web/input.h"
#include "wire/bytes.h"
#include "wire/json.h"

typedef weft__reading reading;

/* application/json, application/problem+json; charset=... */
static bool is_json(weft_str type)
{
    const char *end = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    weft_str essence =
        weft__trim((weft_str){ type.ptr, end ? (size_t)(end - type.ptr) : type.len });
    static const weft_str json = WEFT_S("application/json"), prefix = WEFT_S("application/"),
                          suffix = WEFT_S("+json");
    if (weft__same_nocase(essence, json)) return true;
    if (essence.len < prefix.len + suffix.len) return false;
    return weft__same_nocase((weft_str){ essence.ptr, prefix.len }, prefix)
        && weft__same_nocase(
            (weft_str){ essence.ptr + essence.len - suffix.len, suffix.len }, suffix);
}

/* A body that is no JSON is a text: good for what can be read from text, and a problem for all
 * else. */
static int read_text_body(reading *r, weft_str body, void *out, const weft__loc *loc)
{
    const weft_field *f = r->e->body;
    const weft_schema *t = f->type->kind == WEFT__opt ? f->type->of : f->type;
    if (t->kind == WEFT__list) {
        weft__finding found = weft__wrong_kind(t);
        weft__problems_add(&r->problems, &found, loc, (weft__input){ WEFT__INPUT_TEXT, body });
        return r->problems.failed;
    }
    return weft__text_read(f->type, f, body, out, r->x->arena, &r->problems, loc);
}

static int receive(reading *r, weft_str *body)
{
    int rc = weft__exchange_body(r->x, weft__reading_body_max(r), body, &r->fault);
    if (rc < 0 && !r->fault) r->fault = "the body broke off";
    r->body = *body;
    return rc;
}

int weft__input_body(reading *r)
{
    const weft_field *f = r->e->body;
    const weft__loc loc = { NULL, WEFT_S("body"), 0 };
    void *out = r->in + f->offset;
    weft_str body;
    int rc = receive(r, &body);
    if (rc < 0) return rc;
    if (!body.len) return weft__go_on(weft__absent_read(f, out, r->x->arena, &r->problems, &loc));
    if (!is_json(r->x->head->content_type)) return weft__go_on(read_text_body(r, body, out, &loc));
    return weft__go_on(weft__json_read(f->type, f, body, out, r->x->arena, &r->problems, &loc));
}

/* ---- several members ----
 * The object is taken apart first, and each value read on its own: what FastAPI says of one that is
 * missing, null or no object at all differs from what it says of a model's member. */

static int syntax(reading *r, const weft__json_in *in)
{
    static const weft__loc loc = { NULL, WEFT_S("body"), 0 };
    weft__problems_syntax(&r->problems, &loc, weft__json_error_position(in), in->error);
    return r->problems.failed;
}

/* Which member a key means; -1: none. */
static int member_of(const weft__sources *bodies, const weft__json_string *key)
{
    char spelled[256];
    weft_str name = key->raw;
    bool nul = false;
    if (key->escaped) {
        if (key->raw.len > sizeof spelled) return -1;
        name = (weft_str){ spelled, weft__json_unescape(key->raw, spelled, &nul) };
    }
    for (uint32_t i = 0; i < bodies->count; i++)
        if (weft_str_equal(bodies->items[i].name, name)) return (int)i;
    return -1;
}

static bool take_value(weft__json_in *in, const weft__sources *bodies, weft_str *values)
{
    weft__json_string key;
    const char *at = in->at;
    if (weft__json_peek(in) != '"')
        return weft__json_fail(in, "Expecting property name enclosed in double quotes", in->at);
    if (!weft__json_string_read(in, &key)) return false;
    int member = member_of(bodies, &key);
    if (member >= 0 && values[member].ptr) return weft__json_fail(in, "The same key twice", at);
    if (weft__json_peek(in) != ':') return weft__json_fail(in, "Expecting ':' delimiter", in->at);
    in->at++;
    weft__json_peek(in);
    const char *value = in->at;
    if (!weft__json_skip(in, 1)) return false;
    if (member >= 0) values[member] = (weft_str){ value, (size_t)(in->at - value) };
    return true;
}

/* False when it is no JSON; values that are not there keep a NULL pointer, as all do when it is no
 * object. */
static bool take_apart(weft__json_in *in, const weft__sources *bodies, weft_str *values)
{
    unsigned char c = weft__json_peek(in);
    if (c != '{') {
        if (!weft__json_skip(in, 0)) return false;
    } else {
        in->at++;
        if (weft__json_peek(in) == '}') in->at++;
        else {
            do {
                if (!take_value(in, bodies, values)) return false;
                c = weft__json_peek(in);
                if (c != ',' && c != '}') return weft__json_fail(in, "Expecting ',' delimiter", in->at);
                in->at++;
            } while (c == ',');
        }
    }
    weft__json_peek(in);
    return in->at == in->end || weft__json_fail(in, "Extra data", in->at);
}

/* null is what an option can be, and for all else the same as nothing. */
static bool is_there(const weft_field *f, weft_str value)
{
    if (!value.ptr) return false;
    return f->type->kind == WEFT__opt || f->type->scalar == WEFT__json || !weft_str_equal(value, WEFT_S("null"));
}

int weft__input_bodies(reading *r)
{
    static const weft__loc above = { NULL, WEFT_S("body"), 0 };
    const weft__sources *bodies = &r->e->bodies;
    weft_str values[WEFT__SOURCES_MAX] = { { NULL, 0 } }, body;
    int rc = receive(r, &body);
    if (rc < 0) return rc;
    if (body.len && is_json(r->x->head->content_type)) {
        weft__json_in in = weft__json_open(body);
        if (!take_apart(&in, bodies, values)) return syntax(r, &in);
    }
    for (uint32_t i = 0; rc == 0 && i < bodies->count; i++) {
        const weft_field *f = bodies->items[i].field;
        const weft__loc loc = { &above, bodies->items[i].name, 0 };
        void *out = r->in + f->offset;
        rc = weft__go_on(is_there(f, values[i])
            ? weft__json_read(f->type, f, values[i], out, r->x->arena, &r->problems, &loc)
            : weft__absent_read(f, out, r->x->arena, &r->problems, &loc));
    }
    return rc;
}
