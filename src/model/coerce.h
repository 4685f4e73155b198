#ifndef WEFT_SRC_MODEL_COERCE_H
#define WEFT_SRC_MODEL_COERCE_H
#include "model/rules.h"
#include "wire/number.h"

/* From what came to what was declared, as freely as pydantic's lax mode: "50.5" is a double, 1.0
 * an int, "on" a bool, true a 1; but a number is no text. What differs: only ASCII white space
 * is trimmed from numbers, NaN and infinity are no double, text holds no NUL. Waits: never. */

typedef enum {
    WEFT__TOKEN_NULL, WEFT__TOKEN_FALSE, WEFT__TOKEN_TRUE, WEFT__TOKEN_NUMBER, WEFT__TOKEN_TEXT,
    WEFT__TOKEN_LIST, WEFT__TOKEN_OBJECT
} weft__token_kind;

/* A JSON value, or the text of a path, query or header value. */
typedef struct weft__token {
    weft__token_kind kind;
    weft__number number;             /* of a number */
    weft_str text;                   /* of a text: any bytes; it need not last, nor end in NUL */
} weft__token;

/* Store the token as a value of `schema`, a scalar other than weft_json or an enum, at `out`;
 * text is copied into the arena. 0, WEFT_EINVAL with `*found` filled, WEFT_ENOMEM or WEFT_ELIMIT
 * when the arena gave out. */
int weft__coerce(const weft_schema *schema, const weft_field *rules, const weft__token *token,
    void *out, weft_arena *arena, weft__finding *found) WEFT_NODISCARD;

/* The value of an enum that has this text, or this constant in memory; NULL when there is none. */
const weft_field *weft__enum_value(const weft_schema *schema, weft_str text);
const weft_field *weft__enum_of(const weft_schema *schema, const void *value);

void weft__enum_store(const weft_schema *schema, void *out, long tag);

/* What to say of text that no C string can hold: FastAPI has no such problem. */
#define WEFT__FOUND_NUL \
    { .type = "string_nul", .msg = "String should not contain a NUL character" }

/* What to say of a value of a wrong kind: "Input should be a valid list", and so on. */
weft__finding weft__wrong_kind(const weft_schema *schema);

static inline int weft__arena_error(const weft_arena *arena)
{
    return arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
}
#endif
