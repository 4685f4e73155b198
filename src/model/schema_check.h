#ifndef WEFT_SRC_MODEL_SCHEMA_CHECK_H
#define WEFT_SRC_MODEL_SCHEMA_CHECK_H
#include "model/schema.h"

/* What the compiler cannot find in declarations, found when the program starts: options that a
 * type cannot have, ranges that are empty, patterns that do not compile, initial values that are
 * none, names that are there twice, two types of one name. Each fault is one sentence that names
 * the model, the member, what was expected and what came. */
typedef void weft__report(void *ctx, const char *fault);

/* The types that were seen so far: keep one over all routes of a program, so that each type is
 * looked at once and two of one name are found. At most WEFT__SCHEMAS_MAX. Owns its list. */
enum { WEFT__SCHEMAS_MAX = 4096 };
typedef struct weft__schema_book {
    const weft_schema **seen;
    size_t count, room;
} weft__schema_book;

/* Check a schema, an input or any other, and all types it leads to; makes their plans on the
 * way. Returns how many faults were reported, WEFT_ENOMEM or, past WEFT__SCHEMAS_MAX,
 * WEFT_ELIMIT. Waits: never. */
int weft__schema_check(weft__schema_book *book, const weft_schema *schema, weft__report *report,
    void *ctx) WEFT_NODISCARD;

void weft__schema_book_free(weft__schema_book *book);
#endif
