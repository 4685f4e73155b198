#ifndef WEFT_COPY_H
#define WEFT_COPY_H
/* Rows in bulk, into a table and out of it: PostgreSQL's COPY. Other engines have none (WEFT_EINVAL): weft_db_each and weft_db_rows do the same there, in more trips.
 *
 *     WEFT_TRY(weft_db_copy(db, Order, orders.items, orders.count));                      an array into the table of a model
 *
 *     WEFT_COPY(copy);                                                                    a file into some columns of a table
 *     WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV_HEADER, "prices (day, city, cents)"));
 *     for (int rc; (rc = weft_upload_read(&in->file, &bytes)) != 0;) {
 *         WEFT_TRY(rc);
 *         WEFT_TRY(weft_copy_write(copy, bytes));
 *     }
 *     return weft_copy_end(copy, &rows);
 *
 *     WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV_HEADER, "SELECT * FROM prices WHERE city = {}", in->city));      a query as a file
 *     for (int rc; (rc = weft_copy_read(copy, &bytes)) != 0;) {
 *         WEFT_TRY(rc);
 *         WEFT_TRY(weft_write(out, bytes));
 *     }
 *
 * All of it or nothing: what is not ended by weft_copy_end, that fails or is cancelled, has changed nothing, in a transaction too, which goes on. A
 * COPY has a connection of its own, and a transaction of its own on it, until its end, its close, or the end of the block. Of a transaction (WEFT_TRANSACTION) it has
 * the connection to itself: other calls of that are refused meanwhile (WEFT_EBUSY), a commit too; a rollback ends it.
 *
 * Memory: some 32 KiB in each direction, and the largest row (16 MiB at most: WEFT_ELIMIT, and a transaction goes on). One of more than 64 MiB is cut off while it comes, and costs its connection and
 * transaction. Who is slower sets the pace: a server that takes nothing makes writes wait, and what
 * nobody reads stays in the server. .statement_ms (weft_db_opts) bounds each wait for the server, not the whole.
 *
 * What the server refuses is told by the call that comes next, or by the last one, with its line and column: "invalid input syntax for type integer: "x"; COPY
 * prices, line 3, column cents: "x"". Rows of models are counted as lines, too. WEFT_EDB_CHECK (422): a value that its column does not take, whatever its
 * kind, a line with too many or too few; WEFT_EDB_UNIQUE and WEFT_EDB_REFERENCE as with statements; WEFT_EDB_LOST: the connection broke, and
 * nothing is kept, unless weft_copy_end says so: then it is not known. After any failure there is nothing more to do with it but to leave its block.
 *                                                                                  Example: examples/prices.c  */
#include "weft/table.h"

typedef struct weft_copy weft_copy;

/* A COPY that is given up at the end of the block, however that is left, unless it has ended; NULL until it is opened. */
#define WEFT_COPY(copy) weft_copy *copy __attribute__((cleanup(weft__copy_leave), unused)) = NULL
void weft__copy_leave(weft_copy **copy);

/* CSV: RFC 4180 with '\n' or "\r\n", in UTF-8; NULL is nothing between commas, an empty text "". With a header its first line is names, which are written, and
 * not looked at when it is read. TEXT: PostgreSQL's own, columns between tabs, \N for NULL. What servers before PostgreSQL 18 take for
 * the end, reading over all that is behind it, is refused (WEFT_EINVAL): in a CSV a line that is `\.` alone, outside of quotes; in text a line that ends in `\.`, whatever is before it, but
 * for one whose backslash is escaped (`C:\\.`). */
typedef enum { WEFT_CSV, WEFT_CSV_HEADER, WEFT_COPY_TEXT } weft_copy_format;

/* ---- into a table ---- */

/* 0 takes the default named here. */
typedef struct weft_copy_opts {
    weft__named_options_only _;
    const char *into;                /* the table as SQL names it, a text of one's own ("archive.prices"); without it the model's own, table("prices") */
    const char *columns;             /* "day, cents": the fields that are written; all of them, but for a key that the database gives, without it */
    const char *place;
} weft_copy_opts;

/* Copy rows of a model: weft_copy_row for each, then weft_copy_end. Columns are named as fields are, in double quotes. A key that the database gives (weft/table.h) is not written unless .columns names it.
 * An absent opt is NULL, as a null one: COPY knows no DEFAULT of a single row. *out is untouched on failure. WEFT_EINVAL: no PostgreSQL, no table, a field that is none. Waits: always. */
#define weft_db_copy_in(out, db, Model, ...) weft_db_copy_in_with((out), (db), &weft_schema_##Model, &(weft_copy_opts){ .place = WEFT__HERE, __VA_ARGS__ })
int weft_db_copy_in_with(weft_copy **out, weft_db *db, const weft_schema *schema, const weft_copy_opts *opts) WEFT_NODISCARD;

/* The next row: *row is not needed afterwards. 0; WEFT_EINVAL: a value that no database takes, or another model; the row is left out, and others may follow. WEFT_EBUSY: another task is at
 * it. Waits: every some hundred rows, while the server takes them. */
#define weft_copy_row(Model, copy, row) weft_copy_row_with((copy), &weft_schema_##Model, (const Model *){ (row) })
int weft_copy_row_with(weft_copy *copy, const weft_schema *schema, const void *row) WEFT_NODISCARD;

/* Copy a text in one of the formats, as it comes, in pieces of any size: weft_copy_write for each, then weft_copy_end. `into` is a literal, as SQL is: a table, and its
 * columns if they are not all, in their order: "prices (day, city, cents)". Nothing looks at the values but the database. *out is untouched on failure. Waits: always. */
#define weft_db_copy_text(out, db, format, into) weft_db_copy_text_with((out), (db), (format), "" into, WEFT__HERE)
int weft_db_copy_text_with(weft_copy **out, weft_db *db, weft_copy_format format, const char *into, const char *place) WEFT_NODISCARD;

/* The next bytes: 0, or a failure. They are not needed afterwards. Waits: while the server takes what came before. */
int weft_copy_write(weft_copy *copy, weft_str bytes) WEFT_NODISCARD;

/* All has been written: make it last, in a transaction with that. 0, and *rows (NULL: not wanted) is how many rows were copied; a failure: none was. Of what
 * comes out of a database: WEFT_EINVAL. WEFT_ETIMEDOUT: references and AFTER triggers of all rows are looked at here, in one wait, which .statement_ms bounds (30 s unless it says
 * more): some million rows with references want more. Waits: until it is on the disk, or as a statement in a transaction. */
int weft_copy_end(weft_copy *copy, int64_t *rows) WEFT_NODISCARD;

/* All of an array, in one call: how many rows there are now more (at most 2^31 - 1 count), or a failure, and then none. Waits: always.
 *
 *     int made = weft_db_copy(db, Order, orders.items, orders.count);
 *     int made = weft_db_copy(db, Price, prices, 1000, .into = "archive.prices");  */
#define weft_db_copy(db, Model, rows, n, ...) weft_db_copy_with((db), &weft_schema_##Model, (const Model *){ (rows) }, (n), &(weft_copy_opts){ .place = WEFT__HERE, __VA_ARGS__ })
int weft_db_copy_with(weft_db *db, const weft_schema *schema, const void *rows, size_t n, const weft_copy_opts *opts) WEFT_NODISCARD;

/* ---- out of a database ---- */

/* The rows of a statement that reads as a text in one of the formats; weft_copy_read takes it. Values are bound as in any statement. *out is untouched on failure. Waits: always. */
#define weft_db_copy_out(out, db, format, sql, ...) weft_db_copy_out_with((out), (db), (format), WEFT__SQL(sql, __VA_ARGS__))
int weft_db_copy_out_with(weft_copy **out, weft_db *db, weft_copy_format format, const weft_sql *sql) WEFT_NODISCARD;

/* The next bytes, whole lines, some 32 KiB: 1 with bytes, which live until the next step; 0 at the end; < 0 on failure. Waits: until some are here. */
int weft_copy_read(weft_copy *copy, weft_str *out) WEFT_NODISCARD;

/* The rows of a statement that reads as models, which weft_rows_next takes as those of weft_db_rows: it streams them without a trip for every some hundred, and keeps the connection of its
 * transaction to itself until they end. *out is untouched on failure. Waits: always.
 *
 *     WEFT_ROWS(rows);
 *     WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT * FROM orders WHERE day > {}", day));
 *     for (int rc; (rc = weft_rows_next(Order, rows, &order)) != 0;) { WEFT_TRY(rc); ... }  */
#define weft_db_copy_rows(out, db, sql, ...) weft_db_copy_rows_with((out), (db), WEFT__SQL(sql, __VA_ARGS__))
int weft_db_copy_rows_with(weft_rows **out, weft_db *db, const weft_sql *sql) WEFT_NODISCARD;

/* Give it up, unless it has ended: nothing of it is kept, and its connection serves others. Twice is once. NULL is none. A call of another task that is at it ends with WEFT_ECLOSED, as
 * it does when the block is left; a weft_copy_end that is under way goes on. The server is not told before what it waits for has come, or
 * .statement_ms has passed (-1: nothing bounds that). Waits: until that is through, and the connection has let go; no cancel ends that. */
void weft_copy_close(weft_copy *copy);
#endif
