#ifndef WEFT_TABLE_H
#define WEFT_TABLE_H
/* Models that are tables: the declaration that gives the struct, its JSON and its validation says the table too.
 *
 *     WEFT_MODEL(Team, table("teams"), field(int64_t, id), field(weft_str, name, .max_len = 80), key(id), unique(name));
 *     WEFT_MODEL(User, table("users"),
 *         field(int64_t,  id),
 *         field(weft_str, name,  .max_len = 100),
 *         field(weft_str, email, .format = WEFT_EMAIL),
 *         field(bool,     active, .initial = "true"),
 *         opt  (int64_t,  team_id),
 *         key(id), unique(email), index(name), reference(team_id, Team, .on_delete = WEFT_SET_NULL));
 *
 *     User user = { .name = name, .email = email, .active = true };
 *     WEFT_TRY(weft_db_insert(db, User, &user));                  user.id is what the database gave
 *     WEFT_TRY(weft_db_get(db, User, &user, id));
 *
 * The keywords, none of which is a member of the struct:
 *
 *     table("users")               its name: letters, digits and '_', 63 at most
 *     key(id), key(day, city)      what its rows are found by; needed, once. A key of one int or int64_t is given by the database
 *                                  when it is 0 as a row is inserted, and never again once its row was deleted. In PostgreSQL keys that rows bring with them (an import) do
 *                                  not count; after such: SELECT setval(pg_get_serial_sequence('users', 'id'), max(id)) FROM users
 *     unique(email)                no two rows have the same; rows where one of them is NULL may
 *     index(day, price)            rows are looked for by these, in this order; its name in the database is "table.day.price" (past 63 characters
 *                                  cut, with a number of it all at the end), which nothing else has
 *     reference(team_id, Team)     its value is the key of a row of that table, or NULL; .on_delete: WEFT_REFUSE (the default),
 *                                  WEFT_CASCADE, WEFT_SET_NULL. An index comes with it unless there is one that begins with it
 *
 * At most 8 columns each, 64 keywords and members in all. A member of an embedded model is written user.email. Columns are the fields,
 * opts, lists, maps and refs, hidden ones and those of embedded models too, by their names in C; an opt and a ref may be NULL, all others not; .initial is the
 * column's DEFAULT. Types are those of db.h. In MariaDB (10.10 and later) a text that is looked for is VARCHAR(.max_len, or 255), a
 * moment ends in 2038, and a decimal without .decimal_places is kept as its text. Limits of values (.max_len, .range) are looked at where values come from, not by the table.
 *
 * What makes no sense (a key that is an opt, a reference to a model that is no table) is told with the other faults of declarations when the program
 * starts (of models that its routes mention), and by the first call for the model: WEFT_EINVAL. A column that is no member does not compile.
 *
 * All of these take a database or a transaction in one, wait, fail with the codes of db.h, and write SQL that they would show
 * in an error. For all that is not here there is SQL: weft_db_all(db, User, &users, "SELECT ...") takes the same models.
 *                                                                                  Example: examples/tables.c  */
#include "weft/db.h"

/* ---- rows ---- */

/* Insert *row, and read it back: a key that the database gave, defaults. An absent opt is left out, so that its column has its DEFAULT; a null one is
 * NULL. WEFT_EDB_UNIQUE, WEFT_EDB_REFERENCE, WEFT_EDB_CHECK. *row is untouched on failure. Waits: always. */
#define weft_db_insert(db, Model, row) weft_db_insert_with((db), &weft_schema_##Model, (Model *){ (row) }, WEFT__HERE)
int weft_db_insert_with(weft_db *db, const weft_schema *schema, void *row, const char *place) WEFT_NODISCARD;

/* Insert *row, or change the row that has its key already, and read it back. Another unique(...) than the key: .by = "email"; then
 * the key of the row that is there stays. Absent opts keep what that row has. Waits: always.
 *
 *     WEFT_TRY(weft_db_upsert(db, User, &user, .by = "email"));  */
typedef struct weft_upsert_opts { weft__named_options_only _; const char *by, *place; } weft_upsert_opts;
#define weft_db_upsert(db, Model, row, ...) \
    weft_db_upsert_with((db), &weft_schema_##Model, (Model *){ (row) }, &(weft_upsert_opts){ .place = WEFT__HERE, __VA_ARGS__ })
int weft_db_upsert_with(weft_db *db, const weft_schema *schema, void *row, const weft_upsert_opts *opts) WEFT_NODISCARD;

/* What the macros make of a key: its values, in the order of key(...). */
typedef struct weft_key { const weft_val *values; size_t count; const char *place; } weft_key;
#define WEFT__KEY(...) &(const weft_key){ .place = WEFT__HERE, weft_values(__VA_ARGS__) }

/* The row with this key into *out. WEFT_ENOENT: there is none; *out is untouched. Waits: always.
 *
 *     WEFT_TRY(weft_db_get(db, User, &user, id));
 *     WEFT_TRY(weft_db_get(db, Price, &price, day, city));                        key(day, city)  */
#define weft_db_get(db, Model, out, ...) weft_db_get_with((db), &weft_schema_##Model, (Model *){ (out) }, WEFT__KEY(__VA_ARGS__))
int weft_db_get_with(weft_db *db, const weft_schema *schema, void *out, const weft_key *key) WEFT_NODISCARD;

/* Write *row over the row that has its key: all its columns, but for opts that are absent, which stay as they are. 0; WEFT_ENOENT: there is no
 * such row. Waits: always. */
#define weft_db_update(db, Model, row) weft_db_update_with((db), &weft_schema_##Model, (const Model *){ (row) }, WEFT__HERE)
int weft_db_update_with(weft_db *db, const weft_schema *schema, const void *row, const char *place) WEFT_NODISCARD;

/* Change of the row with this key what `patch` says, another model with fields of the same names and types, and read the row into *out. An opt of
 * it that is absent leaves its column as it is, a null one makes it NULL, which is what a PATCH asks. WEFT_ENOENT: there is no such row. Waits: always.
 *
 *     WEFT_MODEL(UserPatch, opt(weft_str, name, .not_null = true), opt(int64_t, team_id));
 *     WEFT_TRY(weft_db_patch(db, User, out, UserPatch, &in->patch, in->user_id));  */
#define weft_db_patch(db, Model, out, Patch, patch, ...) \
    weft_db_patch_with((db), &weft_schema_##Model, (Model *){ (out) }, weft_fields(Patch, (patch)), WEFT__KEY(__VA_ARGS__))
int weft_db_patch_with(weft_db *db, const weft_schema *schema, void *out, weft_val patch, const weft_key *key) WEFT_NODISCARD;

/* Delete the row with this key. 0; WEFT_ENOENT: there is none; WEFT_EDB_REFERENCE: others refer to it. Waits: always. */
#define weft_db_delete(db, Model, ...) weft_db_delete_with((db), &weft_schema_##Model, WEFT__KEY(__VA_ARGS__))
int weft_db_delete_with(weft_db *db, const weft_schema *schema, const weft_key *key) WEFT_NODISCARD;

/* ---- query by example ---- */

/* Which rows, in which order, how many. `like` is a model with fields of the same names and types as columns, or lists of these types: a
 * row is meant when each of its columns is what the field is, NULL for a null opt, one of the items for a list: no row, when it has no item. 500 items each and
 * 998 values in all are the most; more are WEFT_ELIMIT and a 422. An absent opt asks nothing. So one declaration is what a client may ask for, checked, and the query. */
typedef struct weft_find_opts {
    weft__named_options_only _;
    weft_val like;                   /* weft_fields(UserFilter, &in->filter); without it: every row */
    const char *order;               /* "name, -id": by name, then by id, the highest first; 16 at most. Names of columns alone (email, or user.email), and
                                        none that is hidden, so that a client may choose: what is none is WEFT_EINVAL, more WEFT_ELIMIT, as which they
                                        are a 422. Rows that are equal in it are in the order of their key */
    int64_t limit, offset;           /* at most so many (0: all of them), behind so many */
    const char *place;
} weft_find_opts;
#define WEFT__FIND(...) &(const weft_find_opts){ .place = WEFT__HERE, __VA_ARGS__ }

/* The rows into a list, which is replaced; untouched on failure. WEFT_ELIMIT: more than the memory of the request takes. Texts are compared and ordered as the
 * database does it; a weft_decimal and a weft_duration are TEXT in SQLite, and ordered as that. Waits: always.
 *
 *     WEFT_MODEL(UserFilter, opt(weft_str, name), opt(int64_t, team_id), opt(bool, active));
 *     WEFT_TRY(weft_db_find(db, User, &users, .like = weft_fields(UserFilter, &in->filter), .order = "name", .limit = 20));  */
#define weft_db_find(db, Model, out, ...) weft_db_find_with((db), &weft_schema_##Model, (WEFT_LIST(Model) *){ (out) }, WEFT__FIND(__VA_ARGS__))
int weft_db_find_with(weft_db *db, const weft_schema *schema, void *out, const weft_find_opts *opts) WEFT_NODISCARD;

/* How many rows there are that are .like this, into *out; .order, .limit and .offset are refused (WEFT_EINVAL). Waits: always. */
#define weft_db_count(db, Model, out, ...) weft_db_count_with((db), &weft_schema_##Model, (out), WEFT__FIND(__VA_ARGS__))
int weft_db_count_with(weft_db *db, const weft_schema *schema, int64_t *out, const weft_find_opts *opts) WEFT_NODISCARD;

/* ---- the table itself ---- */

/* The CREATE TABLE and CREATE INDEX of a model for this database's engine, into *out, which lives as what weft_alloc gives: the text of a first
 * migration (weft_db_migrate). `db` is asked for its engine alone. Waits: never. */
#define weft_db_table_sql(db, Model, out) weft_db_table_sql_with((db), &weft_schema_##Model, (out), WEFT__HERE)
int weft_db_table_sql_with(weft_db *db, const weft_schema *schema, weft_str *out, const char *place) WEFT_NODISCARD;

/* Create the table and its indexes where they are not there, those that are referred to first: for tests, and programs without migrations. A table of
 * this name is left as it is. Waits: always. */
#define weft_db_create_table(db, Model) weft_db_create_table_with((db), &weft_schema_##Model, WEFT__HERE)
int weft_db_create_table_with(weft_db *db, const weft_schema *schema, const char *place) WEFT_NODISCARD;

/* 0: the database has the table, with a column for each of the model's; else the failure that the first statement would have, WEFT_EDB with the name
 * of what is missing. For the start of a program, behind its migrations. Waits: always. */
#define weft_db_check_table(db, Model) weft_db_check_table_with((db), &weft_schema_##Model, WEFT__HERE)
int weft_db_check_table_with(weft_db *db, const weft_schema *schema, const char *place) WEFT_NODISCARD;
#endif
