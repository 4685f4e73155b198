#ifndef WEFT_SRC_MODEL_TEXT_H
#define WEFT_SRC_MODEL_TEXT_H
#include "model/json.h"

/* Path, query and header values, which are text, and values that are absent.
 *
 * `schema` is the type to read, `field` the declaration with its limits (field->type is usually
 * the schema). `out` is memory of that type. Each returns 0, WEFT_EINVAL when problems were
 * added, and WEFT_ENOMEM or WEFT_ELIMIT when the arena gave out. Waits: never. */

/* Read one text: a scalar, an enum, an option of one, or a weft_json. A list takes it as its
 * only item so far: see weft__text_append. A model or a map cannot be text, which is a problem
 * (model_attributes_type, dict_type). `*out` is overwritten. */
int weft__text_read(const weft_schema *schema, const weft_field *field, weft_str text, void *out,
    weft_arena *arena, weft__problems *problems, const weft__loc *loc) WEFT_NODISCARD;

/* One more item of a list, which is empty (zeroed) before the first. Its problems have the
 * item's number behind loc. Once all are there, weft__text_items. */
int weft__text_append(const weft_schema *schema, const weft_field *field, weft_str text, void *list,
    weft_arena *arena, weft__problems *problems, const weft__loc *loc) WEFT_NODISCARD;

/* Check min_items, max_items, .unique and .check of a list that was read by weft__text_append, right behind its
 * last item. A list that is too long has that one problem, and one with problems of its items is
 * not said to be too short. */
int weft__text_items(const weft_field *field, void *list, weft__problems *problems,
    const weft__loc *loc) WEFT_NODISCARD;

/* Nothing came for `field`: its initial value, or an absent option, or else the problem
 * "missing". */
int weft__absent_read(const weft_field *field, void *out, weft_arena *arena,
    weft__problems *problems, const weft__loc *loc) WEFT_NODISCARD;

/* The value of field->initial, which is not NULL; `*out` is overwritten. Scalars and enums are
 * read as text, all else as JSON, inside `nested` other initial values. A text value may point at
 * field->initial itself. What weft__schema_check finds at the start: WEFT_EINVAL when it is no such
 * value, WEFT_EDEADLK when it holds initial values more than 8 levels deep. */
int weft__default_read(
    const weft_field *field, uint32_t nested, void *out, weft_arena *arena) WEFT_NODISCARD;

/* The same, with what is wrong with it. */
int weft__default_check(
    const weft_field *field, void *out, weft_arena *arena, weft__problems *problems) WEFT_NODISCARD;

/* What every list and map looks like. */
typedef struct weft__any_list { char *items; uint32_t count, room; } weft__any_list;
#endif
