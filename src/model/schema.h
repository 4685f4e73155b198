#ifndef WEFT_SRC_MODEL_SCHEMA_H
#define WEFT_SRC_MODEL_SCHEMA_H
#include "weft/model.h"

/* What the tables of a declaration say. Nothing here allocates or waits. */

/* The name of a member in JSON, a query or a header. */
weft_str weft__field_name(const weft_field *field);

/* True when the declaration limits the values it takes. */
bool weft__field_has_rules(const weft_field *field);

/* True when it asks for more than limits: .only, .unique, .not_null, .check (model/judge.h). */
bool weft__field_is_judged(const weft_field *field);

bool weft__field_has_range(const weft_field *field);

/* The type of the values inside lists, maps and options: what .range or .max_len speak of. */
const weft_schema *weft__schema_leaf(const weft_schema *schema);

/* True when a member of that place and type may be left out without an .initial. */
bool weft__field_may_lack(const weft_field *field);

/* True when the row of a table has no member of the struct: what is said of a model as a whole. */
bool weft__field_is_remark(const weft_field *field);

/* True when both have the same name and shape: the same members, of types of the same name, with
 * the same options. Two files that include one header have equal schemas at different places. */
bool weft__schema_same(const weft_schema *a, const weft_schema *b);

/* Where the value of a map's entry lies: behind its key. */
enum { WEFT__ENTRY_VALUE = sizeof(weft_str) };
#endif
