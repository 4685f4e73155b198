#ifndef WEFT_SRC_MODEL_JSON_H
#define WEFT_SRC_MODEL_JSON_H
#include "base/arena.h"
#include "base/buf.h"
#include "model/problems.h"
#include "weft/model.h"

/* JSON straight into structs and straight out of them, as the schemas say: no tree in between.
 *
 * Reading takes what pydantic's lax mode takes (model/coerce.h), of the JSON that wire/json.h
 * takes. Members that a model does not declare are checked and left out, kept or refused, as it
 * says. The same key twice in
 * one object is refused as json_invalid: always for declared members and for the keys of maps;
 * of other keys the first eight of an object are compared as they are spelled; inside values
 * that are left out, and in weft_json, not at all. Problems come in the order of the
 * declaration, a list's and a map's in the order of the text. */

/* Read one whole JSON text into `*out`, which is zeroed first. `constraints` is the declaration of
 * the place it goes to, or NULL. Text and lists are copied into the arena, text NUL-terminated;
 * `json` need not be. `prefix` is where the text stands: { NULL, "body" }.
 *
 * 0; WEFT_EINVAL when problems were added: `*out` is then not to be used. A text that is no JSON
 * leaves that one problem and no other. WEFT_ENOMEM or WEFT_ELIMIT when the arena gave out,
 * WEFT_ELIMIT also for a text over 1 GiB. Uses less than 48 KiB of stack at the deepest. Waits:
 * never.   RFC 8259 */
int weft__json_read(const weft_schema *schema, const weft_field *constraints, weft_str json,
    void *out, weft_arena *arena, weft__problems *problems, const weft__loc *prefix) WEFT_NODISCARD;

/* Why a value could not be written, for the log. */
typedef struct weft__fault { char text[240]; } weft__fault;

/* Append the value as JSON. Absent options are written as null, as are refs that are NULL and a
 * weft_json without text; doubles as Python writes them (62.0). 0; WEFT_EINVAL for what JSON
 * cannot say: a double that is not finite, text that is not UTF-8, a number that is no constant
 * of its enum or no case of its union, a weft_json that is not JSON, an extra key that is a
 * member; WEFT_ELIMIT past WEFT__JSON_DEPTH_MAX levels (refs
 * may form a ring) or past out->bytes_max; WEFT_ENOMEM. `out` is then as it was, and `fault`,
 * unless NULL, says what it was and of which member. Waits: never. */
int weft__json_write(const weft_schema *schema, const void *value, weft__buf *out,
    weft__fault *fault) WEFT_NODISCARD;

/* The same without what the view leaves out (model/view.h); NULL is all. */
struct weft__view;
int weft__json_write_view(const weft_schema *schema, const void *value,
    const struct weft__view *view, weft__buf *out, weft__fault *fault) WEFT_NODISCARD;
#endif
