#ifndef WEFT_SRC_MODEL_TABLE_H
#define WEFT_SRC_MODEL_TABLE_H
#include "model/schema_check.h"

/* What a model says of its table. Nothing here allocates or waits. */

enum { WEFT__TABLE_NAME_MAX = 63, WEFT__TABLE_COLUMNS_MAX = 8 };    /* PostgreSQL's longest name; columns of a key */

/* The row of the table that says this, from `from` on; NULL: there is none. */
const weft_field *weft__table_remark(const weft_schema *schema, weft_place place, const weft_field *from);

/* The next name of a list as the remarks keep it ("day, order.price"): the member's own, "price"; or all of it. False: there is none. */
bool weft__table_next_name(const char **at, weft_str *name);
bool weft__table_next_path(const char **at, weft_str *path);

/* The member of this name, of embedded models too; NULL: there is none that is a column. */
const weft_field *weft__table_column(const weft_schema *schema, weft_str name);

/* The same by what somebody wrote, who may be wrong: "price", or all of "order.price". */
const weft_field *weft__table_at(const weft_schema *schema, weft_str path);

/* The type of what a column holds when it is not NULL; and whether it may be. */
const weft_schema *weft__table_type(const weft_field *column);
bool weft__table_may_be_null(const weft_field *column);

/* True when a value of the one can be a value of the other: int and int64_t, enums of one name. */
bool weft__table_comparable(const weft_schema *a, const weft_schema *b);

/* Tell what is wrong with it; nothing when the model says nothing of a table. */
void weft__table_check(const weft_schema *schema, weft__report *report, void *ctx);
#endif
