#ifndef WEFT_SRC_DB_TABLE_H
#define WEFT_SRC_DB_TABLE_H
/* A model that is a table, made ready: its columns, its key. */
#include "db/dialect.h"
#include "db/engine.h"
#include "model/table.h"
#include "weft/table.h"

enum { WEFT__TABLE_SQL_MAX = 256 * 1024 };

typedef struct weft__table {
    struct weft__table *next;        /* of the database */
    const weft_schema *schema;
    const weft__table_dialect *dialect;
    const char *name;
    weft__row_plan *columns;
    uint32_t key[WEFT__TABLE_COLUMNS_MAX], key_count;    /* which of them */
    bool counted;                    /* the database gives the key when it is 0 */
} weft__table;

/* The table of a model in this database; made when it is first asked for, and kept with it. 0; WEFT_EINVAL: it is none, or what is wrong with its
 * declaration; what weft__db_usable says; WEFT_ENOMEM; recorded. */
int weft__table_of(weft_db *db, const weft_schema *schema, const char *place, const weft__table **out) WEFT_NODISCARD;
void weft__tables_free(weft_db *root);

/* Which column has this name; -1: none. */
int weft__table_find(const weft__table *t, weft_str name);
bool weft__table_is_key(const weft__table *t, uint32_t column);

/* Names of columns, a comma between. */
void weft__table_names(const weft__table *t, weft__buf *sql);
void weft__table_name(const weft__table *t, uint32_t column, weft__buf *sql);

/* Its CREATE TABLE and CREATE INDEX, each ended by ";\n". 0; WEFT_ENOMEM or WEFT_ELIMIT. */
int weft__table_create_sql(const weft__table *t, bool unless_there, weft__buf *out) WEFT_NODISCARD;
#endif
