#ifndef WEFT_SRC_MODEL_RULES_H
#define WEFT_SRC_MODEL_RULES_H
#include "model/problems.h"
#include "model/schema.h"

/* Whether a value keeps to what its declaration asks for. Each returns 0 when it does, and
 * WEFT_EINVAL with `*found` filled when it does not: one finding a value, multiples first, then
 * the upper end, the lower end, as pydantic has it. `rules` may be NULL: no limits but those of
 * the type. */

/* scalar is WEFT__int32 or WEFT__int64. */
int weft__rules_int(const weft_field *rules, weft_scalar scalar, int64_t value,
    weft__finding *found) WEFT_NODISCARD;

/* An integer that no int64_t can hold: always a finding. */
int weft__rules_int_too_large(const weft_field *rules, weft_scalar scalar, bool negative,
    weft__finding *found) WEFT_NODISCARD;

/* Not finite is a finding too. */
int weft__rules_double(const weft_field *rules, double value, weft__finding *found) WEFT_NODISCARD;

/* Length in characters, then pattern; text is valid UTF-8. Also WEFT_ENOMEM. */
int weft__rules_text(const weft_field *rules, weft_str text, weft__finding *found) WEFT_NODISCARD;

/* The number of items of a "List" or entries of a "Dictionary". */
int weft__rules_items(
    const weft_field *rules, const char *what, size_t count, weft__finding *found) WEFT_NODISCARD;
#endif
