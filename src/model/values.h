#ifndef WEFT_SRC_MODEL_VALUES_H
#define WEFT_SRC_MODEL_VALUES_H
#include "model/coerce.h"
#include "base/buf.h"
#include "wire/decimal.h"

/* The types of weft/values.h in models: dates, times, durations, UUIDs, decimals, bytes; and the formats
 * that a text may be asked to have. Waits: never. */

static inline bool weft__is_value(weft_scalar scalar) { return scalar >= WEFT__date; }

/* weft__coerce for these. */
int weft__value_coerce(const weft_schema *schema, const weft_field *rules, const weft__token *token,
    void *out, weft_arena *arena, weft__finding *found) WEFT_NODISCARD;

/* Append the value in quotes; false, and nothing added, when it is none: a 13th month, a decimal that is
 * no number. */
bool weft__value_write(weft_scalar scalar, const void *value, weft__buf *out) WEFT_NODISCARD;

/* The same for the values that have limits of their own; found->ctx may lie in the arena. `d` is finite. */
int weft__rules_decimal(
    const weft_field *rules, const weft__exact *d, weft__finding *found) WEFT_NODISCARD;
int weft__rules_duration(
    const weft_field *rules, int64_t us, weft_arena *arena, weft__finding *found) WEFT_NODISCARD;
int weft__rules_bytes(const weft_field *rules, size_t len, weft__finding *found) WEFT_NODISCARD;
int weft__rules_format(weft_text_format format, weft_str text, weft__finding *found) WEFT_NODISCARD;
#endif
