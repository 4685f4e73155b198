#ifndef WEFT_SRC_MODEL_JUDGE_H
#define WEFT_SRC_MODEL_JUDGE_H
#include "model/coerce.h"

/* What a declaration asks for beyond limits: .only, .unique and the author's own .check. A value is
 * judged whole, once it is all that its type and its limits ask for. Waits: never. */

/* .unique and .check of the value at `value`, which is of field->type; for an option, of its value
 * when it has one. 0; WEFT_EINVAL with `*found` filled; WEFT_ENOMEM or WEFT_ELIMIT when the arena
 * gave out. */
int weft__judge(const weft_field *field, void *value, weft_arena *arena,
    weft__finding *found) WEFT_NODISCARD;

/* Whether the JSON value is the one that .only says: a text as it stands, an integer that is
 * written as a number, a bool. */
bool weft__judge_is_only(const weft_field *field, const weft__token *token);

/* Store the value of .only at `out`, of the type inside an option; its text is not copied. */
int weft__judge_store_only(const weft_field *field, void *out) WEFT_NODISCARD;

/* What to say of another value: "Input should be 'order'". */
weft__finding weft__judge_not_only(const weft_field *field);

/* Call a function over a model. The same results as weft__judge. */
int weft__judge_model(const void *function, const weft_schema *model, void *value, weft__finding *found) WEFT_NODISCARD;
#endif
