#ifndef WEFT_SRC_MODEL_PACK_H
#define WEFT_SRC_MODEL_PACK_H
#include "base/arena.h"
#include "base/buf.h"
#include "model/json.h"
#include "weft/model.h"
#include "wire/json.h"

/* A value of any schema as bytes, and back: for another process of the same program. Unlike JSON it
 * carries all that the value holds: hidden members, NaN, text with zero bytes or none at all (ptr
 * NULL), numbers that are no constant of their enum; one value has one form. The bytes are for this
 * program on this machine: they have no names, no version and the machine's order.
 *
 * A model is its members in their order, a number its own bytes, a bool one byte (0 or 1). Text is
 * eight bytes, its length + 1 or 0 for ptr NULL, and its bytes; so are decimals and bytes. Times and
 * datetimes are their members in order. A ref is a byte that says whether
 * there is one, and the value. An option is a byte (1: set, 2: null) and, when set, the value. A
 * list is four bytes, its count, and its items; a map the same of keys and values. weft_none is a
 * byte, 0. A union is its tag's own bytes and, when that is one of its cases, the case's model. */

/* Models, lists and maps inside each other, counted as in JSON: what can be answered as JSON can be
 * packed. Refs that form a ring end here. */
enum { WEFT__PACK_DEPTH_MAX = WEFT__JSON_DEPTH_MAX };

/* Append a value. 0; WEFT_EINVAL for what has no bytes: the request or reply of an input, a kind of
 * answer that is none (weft_reply); WEFT_ELIMIT past the depth or out->bytes_max; WEFT_ENOMEM.
 * `out` is then as it was, and `fault`, unless NULL, says what it was and of which member. Waits:
 * never. */
int weft__pack(const weft_schema *schema, const void *value, weft__buf *out,
    weft__fault *fault) WEFT_NODISCARD;

/* Read what `weft__pack` wrote into `*out`. The bytes may be anything: nothing outside of them is
 * read, no length of theirs is believed beyond what is there, and what is allocated counts against
 * the arena. Text, lists and refs lie in the arena, text NUL-terminated. All of the bytes must be
 * used. 0; WEFT_EPROTO when they are no such value; WEFT_ELIMIT past the depth or the arena's
 * limit; WEFT_ENOMEM. On failure `*out` is not to be used. Waits: never. */
int weft__unpack(
    const weft_schema *schema, weft_str bytes, void *out, weft_arena *arena) WEFT_NODISCARD;

/* 0 when values of the schema can be packed, as far as the schema tells (a ring of refs it does
 * not); WEFT_EINVAL and a fault as above. Waits: never. */
int weft__pack_check(const weft_schema *schema, weft__fault *fault) WEFT_NODISCARD;
#endif
