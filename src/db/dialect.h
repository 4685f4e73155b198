#ifndef WEFT_SRC_DB_DIALECT_H
#define WEFT_SRC_DB_DIALECT_H
/* Where the SQL of engines differs, for what is written by weft itself: tables and their statements. A row for each engine. */
#include "base/buf.h"
#include "weft/model.h"

enum { WEFT__SCALARS = WEFT__bytes + 1 };

typedef struct weft__table_dialect {
    const char *schemes[2];          /* of its engine */
    char quote;                      /* around names */
    const char *types[WEFT__SCALARS];    /* of columns */
    const char *text_key, *bytes_key;    /* of those that are looked for, with the longest there may be (%u); NULL: the same as of all */
    const char *decimal;             /* of one with .decimal_places: digits, and places of them (%u, %u); NULL: the same as of all */
    const char *json;                /* of lists, maps, models and unions */
    const char *counted;             /* behind the type of a key that the database gives; what makes it the primary key among it */
    const char *behind;              /* behind the ")" of a CREATE TABLE */
    const char *yes, *no;            /* a bool */
    const char *bytes[2];            /* around the hexadecimal digits of a BLOB */
    const char *no_limit;            /* behind LIMIT, when an OFFSET follows */
    const char *nulls[2];            /* ascending and descending: what puts NULL below all values */
    const char *no_values;           /* of an INSERT that gives none */
    bool backslash;                  /* in a text it escapes */
    bool no_zone;                    /* a moment is written without its Z */
    bool conflict_says_which;        /* ON CONFLICT (columns); without it any unique column counts, so weft looks itself */
    bool update_returns;             /* UPDATE ... RETURNING */
} weft__table_dialect;

/* Of an engine, by its scheme; NULL: it has none. */
const weft__table_dialect *weft__table_dialect_of(const char *scheme);

void weft__sql_name(const weft__table_dialect *d, const char *name, weft__buf *out);
/* The type of a column; looked_for: it is in a key, an index, a reference. */
void weft__sql_type(const weft__table_dialect *d, const weft_field *column, bool looked_for, weft__buf *out);
#endif
