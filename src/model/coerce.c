#include "model/coerce.h"
#include <string.h>
#include "model/text_number.h"
#include "model/values.h"
#include "wire/utf8.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low bytes come first");

static int say(weft__finding *found, const char *type, const char *msg)
{
    *found = (weft__finding){ .type = type, .msg = msg };
    return WEFT_EINVAL;
}

weft__finding weft__wrong_kind(const weft_schema *schema)
{
    switch (schema->kind) {
    case WEFT__list:
        return (weft__finding){ .type = "list_type", .msg = "Input should be a valid list" };
    case WEFT__map:
        return (weft__finding){ .type = "dict_type", .msg = "Input should be a valid dictionary" };
    default:
        return (weft__finding){ .type = "model_attributes_type",
            .msg = "Input should be a valid dictionary or object to extract fields from" };
    }
}

static int store_int(
    const weft_field *rules, weft_scalar scalar, int64_t value, void *out, weft__finding *found)
{
    int rc = weft__rules_int(rules, scalar, value, found);
    if (rc < 0) return rc;
    if (scalar == WEFT__int32) *(int32_t *)out = (int32_t)value;
    else *(int64_t *)out = value;
    return 0;
}

static int coerce_int(const weft_field *rules, weft_scalar scalar, const weft__token *t, void *out,
    weft__finding *found)
{
    int64_t value = t->kind == WEFT__TOKEN_TRUE;
    bool negative = false;
    int rc = 0;
    switch (t->kind) {
    case WEFT__TOKEN_FALSE: case WEFT__TOKEN_TRUE: break;
    case WEFT__TOKEN_NUMBER:
        negative = t->number.negative;
        rc = weft__number_int64(&t->number, &value);
        if (rc == WEFT_EINVAL)
            return say(found, "int_from_float",
                "Input should be a valid integer, got a number with a fractional part");
        break;
    case WEFT__TOKEN_TEXT:
        if (t->text.len > WEFT__TEXT_INT_MAX)
            return say(found, "int_parsing_size",
                "Unable to parse input string as an integer, exceeded maximum size");
        rc = weft__text_int64(t->text, &value, &negative);
        if (rc == WEFT_EINVAL)
            return say(found, "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer");
        break;
    default: return say(found, "int_type", "Input should be a valid integer");
    }
    return rc < 0 ? weft__rules_int_too_large(rules, scalar, negative, found)
                  : store_int(rules, scalar, value, out, found);
}

static int coerce_double(const weft_field *rules, const weft__token *t, double *out,
    weft_arena *arena, weft__finding *found)
{
    double value = t->kind == WEFT__TOKEN_TRUE;
    int rc;
    switch (t->kind) {
    case WEFT__TOKEN_FALSE: case WEFT__TOKEN_TRUE: break;
    case WEFT__TOKEN_NUMBER: value = weft__number_double(&t->number); break;
    case WEFT__TOKEN_TEXT:
        rc = weft__text_double(t->text, &value, arena);
        if (rc == WEFT_EINVAL)
            return say(found, "float_parsing",
                "Input should be a valid number, unable to parse string as a number");
        if (rc < 0) return rc;
        break;
    default: return say(found, "float_type", "Input should be a valid number");
    }
    rc = weft__rules_double(rules, value, found);
    if (rc == 0) *out = value;
    return rc;
}

/* 0 or 1, or -1 for a text that means neither. */
static int bool_of_text(weft_str text)
{
    static const char words[][2][6] = { { "0", "1" }, { "f", "t" }, { "n", "y" }, { "no", "yes" },
        { "off", "on" }, { "false", "true" } };
    char small[6] = { 0 };
    if (text.len == 0 || text.len >= sizeof small) return -1;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        small[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    for (size_t i = 0; i < weft_count(words); i++)
        for (int value = 0; value < 2; value++)
            if (strlen(words[i][value]) == text.len &&
                memcmp(words[i][value], small, text.len) == 0)
                return value;
    return -1;
}

static int coerce_bool(const weft__token *t, bool *out, weft__finding *found)
{
    int64_t value = -1;
    bool whole = true;
    switch (t->kind) {
    case WEFT__TOKEN_FALSE: case WEFT__TOKEN_TRUE: value = t->kind == WEFT__TOKEN_TRUE; break;
    case WEFT__TOKEN_NUMBER: whole = weft__number_int64(&t->number, &value) == 0; break;
    case WEFT__TOKEN_TEXT: value = bool_of_text(t->text); break;
    default: whole = false;
    }
    if (!whole) return say(found, "bool_type", "Input should be a valid boolean");
    if (value != 0 && value != 1)
        return say(
            found, "bool_parsing", "Input should be a valid boolean, unable to interpret input");
    *out = value == 1;
    return 0;
}

static int coerce_text(const weft_field *rules, const weft__token *t, weft_str *out,
    weft_arena *arena, weft__finding *found)
{
    if (t->kind != WEFT__TOKEN_TEXT)
        return say(found, "string_type", "Input should be a valid string");
    if (!weft__utf8_valid(t->text.ptr, t->text.len))
        return say(found, "string_unicode",
            "Input should be a valid string, unable to parse raw data as a unicode string");
    if (t->text.len && memchr(t->text.ptr, 0, t->text.len))
        return *found = (weft__finding)WEFT__FOUND_NUL, WEFT_EINVAL;
    int rc = weft__rules_text(rules, t->text, found);
    if (rc < 0) return rc;
    weft_str copy = weft__arena_dup(arena, t->text);
    if (!copy.ptr) return weft__arena_error(arena);
    *out = copy;
    return 0;
}

const weft_field *weft__enum_value(const weft_schema *schema, weft_str text)
{
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *value = &schema->fields[i];
        if (value->name_len == text.len && memcmp(value->name, text.ptr, text.len) == 0)
            return value;
    }
    return NULL;
}

/* An enum's type may be smaller than a long, and unsigned: two constants are the same when their
 * low bytes are, which come first here. */
void weft__enum_store(const weft_schema *schema, void *out, long tag)
{
    memcpy(out, &tag, schema->size < sizeof tag ? schema->size : sizeof tag);
}

const weft_field *weft__enum_of(const weft_schema *schema, const void *value)
{
    for (size_t i = 0; i < schema->count; i++)
        if (memcmp(value, &schema->fields[i].tag,
                schema->size < sizeof(long) ? schema->size : sizeof(long)) == 0)
            return &schema->fields[i];
    return NULL;
}

static int coerce_enum(
    const weft_schema *schema, const weft__token *t, void *out, weft__finding *found)
{
    const weft_field *value =
        t->kind == WEFT__TOKEN_TEXT ? weft__enum_value(schema, t->text) : NULL;
    if (value) {
        weft__enum_store(schema, out, value->tag);
        return 0;
    }
    *found = (weft__finding){ schema->literal ? "literal_error" : "enum", "Input should be {0}",
        { { "expected", WEFT__CTX_ENUM, .e = schema } } };
    return WEFT_EINVAL;
}

int weft__coerce(const weft_schema *schema, const weft_field *rules, const weft__token *token,
    void *out, weft_arena *arena, weft__finding *found)
{
    if (schema->kind == WEFT__enum) return coerce_enum(schema, token, out, found);
    switch (schema->scalar) {
    case WEFT__int32: case WEFT__int64: return coerce_int(rules, schema->scalar, token, out, found);
    case WEFT__double: return coerce_double(rules, token, out, arena, found);
    case WEFT__bool: return coerce_bool(token, out, found);
    case WEFT__text: return coerce_text(rules, token, out, arena, found);
    case WEFT__json: case WEFT__no_scalar: return WEFT_EINVAL;
    default: return weft__value_coerce(schema, rules, token, out, arena, found);
    }
}
