#ifndef WEFT_SRC_WEB_TEXT_OF_H
#define WEFT_SRC_WEB_TEXT_OF_H
/* Values as text: for URLs and pages. */
#include "model/json.h"

/* The text of a scalar, an enum or an option of one: its JSON, without the quotes. 0; 1 for null, which is none; else what
 * weft__json_write gives, with the fault. The text lies in `room`, whose former content goes, or is the value's own. */
int weft__text_of(const weft_schema *type, const void *value, weft__buf *room, weft_str *out, weft__fault *fault);
#endif
