#ifndef WEFT_SRC_DB_ROW_H
#define WEFT_SRC_DB_ROW_H
/* Between what a database holds and what a program has: values to cells, rows to models. Pure: runs on any thread. */
#include "base/arena.h"
#include "base/buf.h"
#include "weft/bind.h"

/* One value as a database knows it; texts and bytes lie elsewhere. DECIMAL: an exact number, as its digits; only read, a value that is one is TEXT. */
typedef enum { WEFT__CELL_NULL, WEFT__CELL_INT, WEFT__CELL_REAL, WEFT__CELL_TEXT, WEFT__CELL_BLOB, WEFT__CELL_DECIMAL } weft__cell_kind;
typedef struct weft__cell {
    weft__cell_kind kind;
    bool moment;                     /* a value's: TEXT of a weft_datetime, for who writes its zone otherwise */
    union { int64_t i; double d; weft_str s; };
} weft__cell;

/* A field of a model, those of embedded ones among them; hidden ones too. */
typedef struct weft__column {
    const weft_field *field;
    const weft_schema *type;
    size_t offset;                   /* from the start of the outermost struct */
    int at;                          /* of the row; -1: it has none */
    bool ref;
} weft__column;

/* Which column of a row goes where. Of a type that is no model: one column, `type` alone. */
typedef struct weft__row_plan {
    const weft_schema *schema;
    uint32_t count;
    weft__column columns[];
} weft__row_plan;
enum { WEFT__COLUMNS_MAX = 256 };

/* The fields of a model, or the one column of another type. NULL: no memory, or *fault (a static text): more than WEFT__COLUMNS_MAX, models
 * that embed themselves, a type that no column holds. weft__free gives it back. */
weft__row_plan *weft__row_plan_new(const weft_schema *schema, const char **fault);

/* Find the columns by their names, in any case of ASCII letters; of two of a name the first counts. 0; WEFT_EDB with a text in `fault`: a field that must be there
 * has none, or a type that is no model has not exactly one. */
int weft__row_plan_match(weft__row_plan *plan, const char *const *names, int count, weft__buf *fault) WEFT_NODISCARD;

/* A row into *out, memory of the schema's size; what it holds is copied into the arena. 0; WEFT_EDB with a text; WEFT_ENOMEM or
 * WEFT_ELIMIT of the arena; `out` is then not to be used. `names` for texts; NULL: there is none. */
int weft__row_read(const weft__row_plan *plan, const weft__cell *row, const char *const *names, void *out, weft_arena *arena, weft__buf *fault) WEFT_NODISCARD;

/* A value as a cell: 0; WEFT_EINVAL with a text for what no database takes (NaN, a text with NUL or without a pointer, a date that is none, ...);
 * WEFT_ENOMEM or WEFT_ELIMIT. What has to be written lies in the arena, else the cell points to the value's own bytes. */
int weft__cell_of_val(const weft_val *value, weft_arena *arena, weft__cell *out, weft__buf *fault) WEFT_NODISCARD;
int weft__cell_of(const weft_schema *schema, const void *value, weft_arena *arena, weft__cell *out, weft__buf *fault) WEFT_NODISCARD;

/* The field of this name as a column; NULL: there is none. */
const weft__column *weft__row_plan_find(const weft__row_plan *plan, weft_str name);
/* Its value as a cell. */
int weft__cell_of_column(const weft__column *c, const void *model, weft_arena *arena, weft__cell *out, weft__buf *fault) WEFT_NODISCARD;
#endif
