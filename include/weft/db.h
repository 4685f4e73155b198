#ifndef WEFT_DB_H
#define WEFT_DB_H
/* Databases: SQL with bound values, rows into models, transactions as scopes.
 *
 *     WEFT_MODEL(User, field(int64_t, id), field(weft_str, name), opt(weft_str, email));
 *
 *     weft_db *db;
 *     WEFT_TRY(weft_db_connect("sqlite:///shop.db", &db));
 *     WEFT_TRY(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", name));
 *     WEFT_TRY(weft_db_one(db, User, &user, "SELECT * FROM users WHERE id = {}", id));
 *     WEFT_TRY(weft_db_all(db, User, &users, "SELECT * FROM users ORDER BY name LIMIT {}", 20));
 *
 * SQL is a literal, and a value is never a part of its text: each "{}" outside of quotes and comments is one value, bound by the
 * database; ":name" is the field of that name of a model that is given as a value (weft_fields). Another number of values than
 * places fails before anything is run. A statement at a time, and at most 16 values (a model counts as one).
 *
 * A weft_db belongs to the loop that opened it, and all its tasks use it at the same time. Nothing here holds up the loop.
 * What comes of a statement lives as long as what weft_alloc gives. A cancel or a deadline of the scope around interrupts the
 * statement in the database; what it had changed is undone, and its failure told when the database has let go of it.
 *
 * Failures have codes of their own (base.h). WEFT_EDB_UNIQUE: a value is there already (409 unless a handler says otherwise);
 * WEFT_EDB_REFERENCE: a row that is referred to is missing, or would be (409); WEFT_EDB_CHECK: a CHECK or NOT NULL (422);
 * WEFT_EDB_BUSY: no connection became free in time, another program holds the file, or another transaction was in the way (a deadlock, a
 * serialization failure: run it again) (503 with Retry-After); WEFT_EDB_AWAY: the server cannot be reached, and nothing was sent (503 with Retry-After);
 * WEFT_EDB_LOST: the connection broke while the statement ran, and whether it has changed something is not known (503 with Retry-After); WEFT_EDB: what
 * the database refused, or a row that does not fit its model; WEFT_EDB_FULL, WEFT_EDB_READ_ONLY, WEFT_EDB_CORRUPT, WEFT_EDB_IO.
 * weft_error_of(rc)->text names the SQL, the constraint or column, and what was expected; it is for the log, the trace has the
 * place of the call.
 *
 * What a value or a field becomes in SQLite, and is read from (anything else in the row fails with the column's name):
 *
 *     int, int32_t, int64_t     INTEGER; a number that does not fit is refused, never cut, as is a REAL
 *     bool                      INTEGER 0 or 1
 *     double                    REAL, read from an INTEGER too; no NaN, no infinity
 *     weft_str, char *          TEXT: UTF-8 without NUL; a NULL pointer is refused, weft_null is NULL
 *     weft_bytes                BLOB
 *     weft_decimal              TEXT, so give its column that type: a REAL is refused, as it is not exact
 *     weft_uuid                 TEXT with hyphens, read from a BLOB of 16 bytes too
 *     weft_date, weft_time      TEXT "2026-11-22", "12:30:00.000000"
 *     weft_datetime             TEXT "2026-11-22T12:30:00.000000Z", in UTC, without the Z if not .zoned; texts in the order of time
 *     weft_duration             TEXT "PT1H30M"
 *     weft_json, list, map, model, union    TEXT, JSON
 *     an enum's field           its TEXT; as a value of its own weft_enum(Status, STATUS_OPEN)
 *     opt, ref                  NULL or the value
 *
 * In PostgreSQL the column has a type, and takes what its text of that type would be: an int for any integer, a decimal for numeric, a datetime for
 * timestamptz or timestamp (at UTC), a duration for interval, a list for an array of what its items are (or for json, jsonb), a map or model for json or jsonb.
 * What comes back is read by its type, in binary, never by its looks:
 *
 *     int, int32_t, int64_t     smallint, integer, bigint, and numeric without a fraction (a sum)
 *     double                    real, double precision, integers, and numeric to the nearest double (an average)
 *     weft_decimal              numeric, exact; NaN and infinity are refused
 *     weft_bytes                bytea
 *     weft_uuid, weft_date, weft_time, weft_datetime    uuid, date, time and timetz, timestamptz and timestamp; infinity is refused
 *     weft_duration             interval, in days of 24 hours; one with months, which have no length, is refused
 *     weft_str, an enum         text, varchar, char, name, enums of the database; domains are what they stand on
 *     list                      an array (NULL in it: a list of options), json, jsonb
 *     weft_json, map, model     json, jsonb; weft_json an array, too
 *
 * Any other type (inet, ranges, rows) is refused by its name: select it as text, column::text. Where PostgreSQL cannot tell what a value is it takes it for
 * text: write SELECT {}::bigint.
 *
 * In MariaDB the column has a type, too, and what does not fit into it is refused, never cut (strict mode):
 *
 *     int, int32_t, int64_t     tinyint to bigint, year, bit, and decimal without a fraction (a sum); unsigned up to 2^63 - 1
 *     bool                      boolean (tinyint), 0 or 1
 *     double                    float, double, integers, and decimal to the nearest double (an average)
 *     weft_decimal              decimal, exact, with as many digits behind the point as the column has
 *     weft_str, an enum         char, varchar, text, enum, set
 *     weft_bytes                binary, varbinary, blob
 *     weft_uuid                 uuid, read from binary(16) too
 *     weft_date, weft_time      date; time(6), within a day
 *     weft_datetime             timestamp(6), in UTC; datetime(6) has no zone: it keeps the time in UTC, and is read without .zoned
 *     weft_duration             char or text, "PT1H30M"
 *     weft_json, list, map, model, union    json, text
 *
 * A row fits a model when each of its fields has a column of its name (in C, in any case of letters) that holds what the field
 * may be. An opt, a ref, or a field with .initial may lack its column; columns that no field has are left out. Members of an
 * embedded model are fields like others; hidden ones are read as well. Limits of fields (.range, .max_len) are not looked at.
 *                                                                                  Example: examples/database.c  */
#include "weft/bind.h"
#include "weft/model.h"
#include "weft/task.h"

/* ---- open and close ---- */

/* A database, or a transaction in one (WEFT_TRANSACTION): whatever takes the one takes the other. */
typedef struct weft_db weft_db;

/* 0 takes the default named here; what makes no sense is refused with WEFT_EINVAL. */
typedef struct weft_db_opts {
    weft__named_options_only _;
    int readers_max;                 /* of SQLite: 4 connections that read at the same time, 64 at most, opened when they are needed; one more writes.
                                        A database in memory has one connection for all */
    int connections_max;             /* of a server: 8 connections, 256 at most, opened when they are needed */
    int lifetime_ms;                 /* of a server: 1 800 000 after which a connection is replaced, give or take a tenth; -1: no bound */
    int idle_ms;                     /* of a server: 300 000 without work after which a connection is closed; -1: no bound */
    int acquire_ms;                  /* 5 000 that a statement or transaction waits for a connection; -1: no bound but that of its scope */
    int statement_ms;                /* 30 000 that a statement may take from its call to its end, of rows one by one each step of theirs; -1: no bound but that of
                                        its scope. Not of migrations */
    int busy_ms;                     /* of SQLite and MariaDB: 5 000 that it waits for a lock of another program; -1: not at all */
    int statements_max;              /* 256 prepared statements that each connection keeps; 4096 at most */
    int64_t bytes_max;               /* of SQLite; none: how large the database may become; WEFT_EDB_FULL beyond */
    bool read_only;                  /* nothing is written, and a file must be there */
    bool relaxed;                    /* of SQLite: a commit does not wait for the disk: the last ones may be lost when the power fails (not when the
                                        program does), the file stays whole */
} weft_db_opts;

/* Open a database; its scheme names the engine.
 *
 *     sqlite:///shop.db          a file below the working directory, made when it is not there
 *     sqlite:////var/lib/shop.db a file from the root; %20 is a space
 *     sqlite://:memory:          in memory, gone when it is closed
 *     postgresql://user:password@host:5432/shop?sslmode=verify-full     a server, as libpq reads its URLs; postgres:// is the same
 *
 * PostgreSQL 10 and later, over libpq (14 and later): passwords by SCRAM, and in clear to no server that takes no TLS, however it asks, unless sslmode=disable says so; from libpq 16 on
 * to none behind TLS either, unless sslmode=require or verify-full says that there is to be TLS: where a server asks for passwords so (LDAP, PAM), the URL names one of them; only
 * sslmode=verify-full tells the server from who poses as it; TLS, several hosts, unix sockets (?host=/run/postgresql). Statements are prepared once
 * a connection. Reads of many tasks that were quick when they last ran share connections without waiting for each other's answers; whatever else has one
 * alone while it runs. A SELECT counts as a read also where it calls a function that changes something: when the server ends or refuses one of those that it shares with, all that was changed is undone, and it is
 * run again; what a function does outside of the transaction (dblink, a counter of its own) may be done twice: give such a one a WEFT_TRANSACTION. A cancelled statement that has its connection alone is ended in the server; the answer of one that shares it is dropped. A server that goes
 * is looked for again, after 50 ms to 2 s; meanwhile statements fail at once with WEFT_EDB_AWAY. What would change a connection that others have next
 * is refused: BEGIN and COMMIT, SET, LISTEN (weft/listen.h), PREPARE, COPY (weft/copy.h), temporary tables, advisory locks of a session. There is always a savepoint before a statement
 * in a transaction, so that one that fails does not end it. In SQL '?' and '[' are PostgreSQL's own.
 *
 *     mysql://user:password@host:3306/shop?sslmode=verify-full    a server; mariadb:// is the same
 *
 * MariaDB 10.5 and later, and MySQL 8, over libmariadb, on threads. Behind the '?' come socket=/run/mysqld/mysqld.sock, connect_timeout (5 s), sslmode (disable, prefer, require,
 * verify-full; prefer unless it is said), sslrootcert, sslcert, sslkey; %2F is a '/' in a name or password. Each connection has its statements prepared, times in UTC,
 * utf8mb4, and the sql_mode of standard SQL, whatever the server's is: "name" in double quotes is a column, || puts texts together, what does not fit is
 * refused. busy_ms bounds the wait for a lock, in whole seconds. A cancelled statement is ended in the server (KILL QUERY), over a second connection.
 * MariaDB commits with each CREATE, ALTER, DROP and the like: such a statement is refused in a transaction, and a script of several is all or nothing only between
 * two of these. A deadlock (WEFT_EDB_BUSY) has ended the transaction. What would change a connection that others have next is refused: BEGIN and COMMIT, SET, USE,
 * LOCK, GET_LOCK, temporary tables, @variables. A server that goes is looked for again as with PostgreSQL. INSERT and DELETE have RETURNING, UPDATE has not.
 *
 * SQLite: files are in WAL mode: many read while one writes; writes that come at the same time share a trip to the disk. Foreign keys
 * are enforced. "name" in double quotes is a column, never a text. What would change a connection that others have
 * next is refused: statements that begin and end transactions (WEFT_TRANSACTION is for that), ATTACH, temporary tables, and PRAGMAs that set anything
 * but user_version and application_id.
 *
 * *out is yours until weft_db_close. WEFT_EINVAL: no such scheme, or one that this weft was built without, said by name;
 * WEFT_ENOENT (.read_only and no such file, or no such folder), WEFT_EDB_CORRUPT (a file that is no database), WEFT_EDB_IO (also a file that cannot be
 * in WAL mode: on a file system without shared memory), WEFT_EDB_AWAY (no server answered, or it refused: its text says why); *out is then untouched. Waits: yes.
 *
 *     WEFT_TRY(weft_db_connect("sqlite:///shop.db", &db, .readers_max = 2));  */
#define weft_db_connect(url, out, ...) weft_db_connect_with((url), (out), &(weft_db_opts){ __VA_ARGS__ })
int weft_db_connect_with(const char *url, weft_db **out, const weft_db_opts *opts) WEFT_NODISCARD;

/* Close it, when all that is under way has ended: statements that wait or come get WEFT_ECLOSED, those that run end as they
 * would, transactions that are open are rolled back, rows that are read end. Afterwards no task may use it, but a transaction's or
 * rows' block may still be left. Returns rc, or when that is not negative the failure of closing: the close of a provider. NULL is
 * none. Waits: always; no cancel ends it.
 *
 *     const weft_provider database = WEFT_PROVIDER(weft_db, weft_none, database_open, weft_db_close, .per = WEFT_PER_WORKER);  */
int weft_db_close(weft_db *db, int rc);

/* ---- values ---- */

/* SQL's NULL as a value: weft_db_execute(db, "UPDATE users SET email = {} WHERE id = {}", weft_null, id). */
typedef struct weft_null_value { char unused; } weft_null_value;
#define weft_null ((weft_null_value){ 0 })

/* A model as a value: its fields, by name, for each ":name" of the SQL. Hidden fields too, members of embedded models as its own. Of
 * several that have a field of the name the first counts. The value stays the caller's.
 *
 *     weft_db_one(db, User, out, "INSERT INTO users (name, email) VALUES (:name, :email) RETURNING *", weft_fields(NewUser, &in->user))  */
#define weft_fields(Model, value) weft_val_fields(&weft_schema_##Model, (const Model *){ (value) })

/* An enum's text as a value: weft_enum(Status, STATUS_OPEN). What is no constant of it is refused. */
#define weft_enum(Enum, value) weft_val_fields(&weft_schema_##Enum, &(const Enum){ (value) })

/* What the macros call; texts and bytes stay the caller's until the statement has run. An absent or null option is NULL. Wait: never. */
weft_val weft_val_fields(const weft_schema *schema, const void *value);
weft_val weft_val_same(weft_val value), weft_val_null(weft_null_value), weft_val_bytes(weft_bytes), weft_val_json(weft_json), weft_val_date(weft_date);
weft_val weft_val_time(weft_time), weft_val_datetime(weft_datetime), weft_val_duration(weft_duration), weft_val_uuid(weft_uuid), weft_val_decimal(weft_decimal);
weft_val weft_val_opt_int(weft_opt_int), weft_val_opt_int32(weft_opt_int32_t), weft_val_opt_int64(weft_opt_int64_t), weft_val_opt_double(weft_opt_double);
weft_val weft_val_opt_bool(WEFT_OPT(bool)), weft_val_opt_str(weft_opt_weft_str), weft_val_opt_bytes(weft_opt_weft_bytes), weft_val_opt_json(weft_opt_weft_json);
weft_val weft_val_opt_date(weft_opt_weft_date), weft_val_opt_time(weft_opt_weft_time), weft_val_opt_datetime(weft_opt_weft_datetime);
weft_val weft_val_opt_duration(weft_opt_weft_duration), weft_val_opt_uuid(weft_opt_weft_uuid), weft_val_opt_decimal(weft_opt_weft_decimal);
#define WEFT__DB_VAL(x) _Generic((x), int: weft_val_int, long: weft_val_int, long long: weft_val_int, unsigned: weft_val_int, \
    short: weft_val_int, unsigned short: weft_val_int, signed char: weft_val_int, unsigned char: weft_val_int, \
    unsigned long: weft_val_uint, unsigned long long: weft_val_uint, _Bool: weft_val_bool, double: weft_val_double, float: weft_val_double, \
    weft_str: weft_val_str, char *: weft_val_cstr, const char *: weft_val_cstr, weft_val: weft_val_same, weft_null_value: weft_val_null, \
    weft_bytes: weft_val_bytes, weft_json: weft_val_json, weft_date: weft_val_date, weft_time: weft_val_time, weft_datetime: weft_val_datetime, \
    weft_duration: weft_val_duration, weft_uuid: weft_val_uuid, weft_decimal: weft_val_decimal, weft_opt_int: weft_val_opt_int, \
    weft_opt_int32_t: weft_val_opt_int32, weft_opt_int64_t: weft_val_opt_int64, weft_opt_double: weft_val_opt_double, WEFT_OPT(bool): weft_val_opt_bool, \
    weft_opt_weft_str: weft_val_opt_str, weft_opt_weft_bytes: weft_val_opt_bytes, weft_opt_weft_json: weft_val_opt_json, \
    weft_opt_weft_date: weft_val_opt_date, weft_opt_weft_time: weft_val_opt_time, weft_opt_weft_datetime: weft_val_opt_datetime, \
    weft_opt_weft_duration: weft_val_opt_duration, weft_opt_weft_uuid: weft_val_opt_uuid, weft_opt_weft_decimal: weft_val_opt_decimal)(x)

/* ---- statements ---- */

/* What the macros make: the SQL, its values, and where it stands. For SQL that is no literal (a column to sort by, chosen from texts
 * of one's own) fill it yourself, with values made by weft_val_... or weft_values(...): what a client sent never belongs into .sql. */
typedef struct weft_sql { const char *sql; const weft_val *values; size_t count; const char *place; } weft_sql;
#define weft_values(...) .values = (const weft_val[]){ WEFT__LIST(WEFT__DB_VAL, __VA_ARGS__) }, .count = WEFT__COUNT(__VA_ARGS__)
#define WEFT__SQL(text, ...) &(const weft_sql){ .sql = "" text, .place = WEFT__HERE, __VA_OPT__(weft_values(__VA_ARGS__)) }
#define WEFT__SCHEMA_OF(T) WEFT__SCHEMA_OF_(T)
#define WEFT__SCHEMA_OF_(T) &weft_schema_##T

/* Run a statement: how many rows it inserted, changed or removed (0 for one that does none of that); < 0 on failure, and then nothing
 * has changed, but for what a trigger's RAISE(FAIL) leaves, and when what comes back of a RETURNING (weft_db_one, _all, _value) does not fit into the
 * memory of the request because another task of it took that meanwhile. Waits: always.
 *
 *     int removed = weft_db_execute(db, "DELETE FROM users WHERE id = {}", id);  */
#define weft_db_execute(db, sql, ...) weft_db_execute_with((db), WEFT__SQL(sql, __VA_ARGS__))
int weft_db_execute_with(weft_db *db, const weft_sql *sql) WEFT_NODISCARD;

/* The one row of a statement into *out: a model. WEFT_ENOENT: there is none; WEFT_EDB: there is more than one (say LIMIT 1), or it does
 * not fit, and what the statement changed is undone. *out is untouched on failure. Waits: always.
 *
 *     int rc = weft_db_one(db, User, out, "SELECT * FROM users WHERE id = {}", in->user_id);
 *     if (rc == WEFT_ENOENT) return weft_fail(404, "User not found");
 *     if (rc == WEFT_EDB_UNIQUE) return weft_fail(409, "the email address is taken");
 *     return rc;  */
#define weft_db_one(db, Model, out, sql, ...) weft_db_one_with((db), &weft_schema_##Model, (Model *){ (out) }, WEFT__SQL(sql, __VA_ARGS__))
int weft_db_one_with(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql) WEFT_NODISCARD;

/* All rows into a list of models, in their order; the list is replaced, and untouched on failure. WEFT_ELIMIT: they do not fit into the
 * memory of the request; read them one by one (weft_db_rows). Waits: always.
 *
 *     WEFT_TRY(weft_db_all(db, User, &users, "SELECT * FROM users ORDER BY id"));           users is a weft_list_User  */
#define weft_db_all(db, Model, out, sql, ...) weft_db_all_with((db), &weft_schema_##Model, (WEFT_LIST(Model) *){ (out) }, WEFT__SQL(sql, __VA_ARGS__))
int weft_db_all_with(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql) WEFT_NODISCARD;

/* The one value of one row with one column: any type that a field may have, opt types for what may be NULL. Else as weft_db_one. Waits:
 * always.
 *
 *     int64_t id;
 *     WEFT_TRY(weft_db_value(db, int64_t, &id, "INSERT INTO users (name) VALUES ({}) RETURNING id", name));  */
#define weft_db_value(db, T, out, sql, ...) weft_db_value_with((db), WEFT__SCHEMA_OF(T), (T *){ (out) }, WEFT__SQL(sql, __VA_ARGS__))
int weft_db_value_with(weft_db *db, const weft_schema *schema, void *out, const weft_sql *sql) WEFT_NODISCARD;

/* Run a statement once for each of n items: models, whose fields are its ":name"s, or anything else that a field may be, the value of its one "{}". All of
 * them in one transaction and one trip to the database, or none. How many rows changed in all; a failure says which item it was, counted from 0. At most
 * 1 000 000 items. Waits: always.
 *
 *     int made = weft_db_each(db, Row, rows.items, rows.count, "INSERT INTO rows (day, price) VALUES (:day, :price)");
 *     int gone = weft_db_each(db, int64_t, ids, 3, "DELETE FROM rows WHERE id = {}");  */
#define weft_db_each(db, T, items, n, sql) weft_db_each_with((db), WEFT__SCHEMA_OF(T), (const T *){ (items) }, (n), WEFT__SQL(sql))
int weft_db_each_with(weft_db *db, const weft_schema *schema, const void *items, size_t n, const weft_sql *sql) WEFT_NODISCARD;

/* The same for a statement that gives one row for each item: into out[0] to out[n - 1], in the order of the items. Many rows by key cost one call and one trip (of
 * PostgreSQL: all queries go out together, beside those of other tasks), and what is inserted may come back with its keys. An item without a row is
 * WEFT_ENOENT, one with more than one WEFT_EDB; a failure says which item it was, has changed nothing, and leaves `out` untouched. `Row` is a model, or the type of one
 * column. Reads of servers see what was committed when each of them ran: for one moment do them in a transaction with .read_only. Waits: always.
 *
 *     int ids[20]; User users[20];
 *     WEFT_TRY(weft_db_one_each(db, User, users, int, ids, 20, "SELECT * FROM users WHERE id = {}"));
 *     WEFT_TRY(weft_db_one_each(db, int64_t, made, NewUser, in->users.items, in->users.count, "INSERT INTO users (name) VALUES (:name) RETURNING id"));  */
#define weft_db_one_each(db, Row, out, T, items, n, sql) \
    weft_db_one_each_with((db), WEFT__SCHEMA_OF(Row), (Row *){ (out) }, WEFT__SCHEMA_OF(T), (const T *){ (items) }, (n), WEFT__SQL(sql))
int weft_db_one_each_with(weft_db *db, const weft_schema *row, void *out, const weft_schema *item, const void *items, size_t n, const weft_sql *sql) WEFT_NODISCARD;

/* The same, with any number of rows for each: all of them in one list of models, those of the first item first; the list is replaced, and untouched on failure.
 * Keys without a row are just not in it. WEFT_ELIMIT as with weft_db_all. Waits: always.
 *
 *     WEFT_TRY(weft_db_all_each(db, Order, &orders, int, ids, 20, "SELECT * FROM orders WHERE user_id = {} ORDER BY id"));  */
#define weft_db_all_each(db, Row, out, T, items, n, sql) \
    weft_db_all_each_with((db), &weft_schema_##Row, (WEFT_LIST(Row) *){ (out) }, WEFT__SCHEMA_OF(T), (const T *){ (items) }, (n), WEFT__SQL(sql))
int weft_db_all_each_with(weft_db *db, const weft_schema *row, void *out, const weft_schema *item, const void *items, size_t n, const weft_sql *sql) WEFT_NODISCARD;

/* Run a text of several statements, without values, as one transaction: all of it or nothing. For tables and tests: the text need not be a
 * literal. 0, or the failure of the statement that it names. Waits: always.
 *
 *     WEFT_TRY(weft_db_script(db, "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE INDEX ..."));  */
#define weft_db_script(db, text) weft_db_script_with((db), (text), WEFT__HERE)
int weft_db_script_with(weft_db *db, const char *text, const char *place) WEFT_NODISCARD;

/* ---- rows, one by one ---- */

/* The rows of a statement, however many, in bounded memory: some 32 KiB, and the largest row (16 MiB at most; in a transaction of PostgreSQL eight of these).
 *
 *     WEFT_ROWS(rows);
 *     WEFT_TRY(weft_db_rows(&rows, db, "SELECT * FROM orders WHERE day > {}", day));
 *     for (int rc; (rc = weft_rows_next(Order, rows, &order)) != 0;) { WEFT_TRY(rc); ... }
 *
 * All rows are of the moment when the first one was read; but in a transaction of SQLite's, and in a database in memory, what the same connection
 * changes meanwhile may be seen or not, a row that is moved in an index twice: read the rows into a list (weft_db_all) before changing their table. It has a connection of its own until its end, its close, or the end of the
 * block; so many tasks at a time can read rows as there are readers (of servers: connections; up to 256 rows of PostgreSQL and 64 of MariaDB come at a time). In a transaction it is the transaction's, and ends with that. In a
 * database in memory other statements of this task run on it meanwhile, those of others wait. Who reads them may take any time between two: .statement_ms (weft_db_opts) bounds
 * each wait for those that come at a time (WEFT_ETIMEDOUT), not the whole. Of PostgreSQL's the first comes alone, and of those that are slow to come fewer come at a time; MariaDB makes all of them before the first. */
typedef struct weft_rows weft_rows;

/* Rows that are freed at the end of the block, however it is left; NULL until they are opened. */
#define WEFT_ROWS(r) weft_rows *r __attribute__((cleanup(weft__rows_leave), unused)) = NULL
void weft__rows_leave(weft_rows **rows);

/* Run a statement that reads (WEFT_EINVAL for one that writes), up to its first rows. *out is untouched on failure. Waits: always. */
#define weft_db_rows(out, db, sql, ...) weft_db_rows_with((out), (db), WEFT__SQL(sql, __VA_ARGS__))
int weft_db_rows_with(weft_rows **out, weft_db *db, const weft_sql *sql) WEFT_NODISCARD;

/* The next row into *out, a model, or one column into any other type: 1 with a row, 0 at the end, < 0 on error. What it holds lives until the
 * next step. A row that does not fit leaves *out untouched, and the next step goes on behind it; after any other failure, a model
 * whose fields have no columns among them, there are no more rows (WEFT_ECLOSED). WEFT_EBUSY: another task is in it. Waits: every some hundred rows. */
#define weft_rows_next(Model, rows, out) weft_rows_next_with((rows), WEFT__SCHEMA_OF(Model), (Model *){ (out) })
int weft_rows_next_with(weft_rows *rows, const weft_schema *schema, void *out) WEFT_NODISCARD;

/* End it: its connection serves others. Twice is once. NULL is none. A call of another task that is at it ends with WEFT_ECLOSED, as it does when the block is left: when the rows that it
 * waits for are here, or .statement_ms has passed (-1: nothing bounds that). Waits: until that is through, and the connection has let go; no cancel ends that. */
void weft_rows_close(weft_rows *rows);

/* ---- transactions ---- */

/* A declaration: a transaction until the end of the block, as a weft_db of its own. What is to be part of it is done through it.
 *
 *     WEFT_TRANSACTION(tx, db);
 *     WEFT_TRY(weft_db_execute(tx, "UPDATE accounts SET cents = cents - {} WHERE id = {}", cents, from));
 *     WEFT_TRY(weft_db_execute(tx, "UPDATE accounts SET cents = cents + {} WHERE id = {}", cents, to));
 *     return weft_db_commit(tx);
 *
 * A block that is left without weft_db_commit is rolled back: by WEFT_TRY, by a cancel, by a return. It begins with its first statement, and
 * waits then for the one connection that writes (of servers: for one of all), in order, acquire_ms at most. A failed statement has changed nothing; the transaction
 * goes on, unless the database itself has ended it (a full disk), which is what each later statement then says. Its statements are
 * those of one task at a time (WEFT_EBUSY). A statement on `db` itself would wait for the end of its own task's transaction: WEFT_EDEADLK,
 * naming it. Inside a transaction WEFT_TRANSACTION(part, tx) is a savepoint: rolled back, or released by its commit.
 * Savepoints lie in each other: one that begins while another of the same transaction is open is refused (WEFT_EBUSY). What is done through `tx` while a savepoint of
 * it is open is undone with that.
 *
 * .read_only = true: it has a reader instead, sees the database as it was at its first statement, and holds up nobody. */
typedef struct weft_transaction_opts { weft__named_options_only _; bool read_only; } weft_transaction_opts;
#define WEFT_TRANSACTION(tx, db, ...) weft_db *const tx __attribute__((cleanup(weft__transaction_leave), unused)) = \
    weft__transaction_enter((db), &(weft_transaction_opts){ __VA_ARGS__ }, WEFT__HERE)
weft_db *weft__transaction_enter(weft_db *db, const weft_transaction_opts *opts, const char *place);
void weft__transaction_leave(weft_db *const *tx);

/* Make it last: 0, and it has ended. On failure nothing of it has changed, and it has ended too, but for WEFT_EDB_REFERENCE (a deferred
 * constraint), WEFT_EBUSY and WEFT_EINVAL (not a transaction). After its end WEFT_ECLOSED, as for its statements. Waits: until it is on the disk; no
 * cancel ends that. */
int weft_db_commit(weft_db *tx) WEFT_NODISCARD;

/* Undo it now: 0, and it has ended; WEFT_ECLOSED: it had ended. What leaving the block does by itself. A call of another task that is at it is waited for, those that would
 * follow are refused (WEFT_ECLOSED; of the transaction around a savepoint, until that is undone: WEFT_EBUSY). Waits: until it is undone. */
int weft_db_rollback(weft_db *tx);

/* ---- migrations ---- */

/* Bring the tables of a database up to date: run the files of a folder whose names are 0001_users.sql, 0002_orders.sql, ... (a number above 0, '_' or '-',
 * anything, ".sql"; others are left alone), in the order of their numbers, those that have not run yet. Each is a script, run in a transaction of its own with
 * the row that says that it ran, in the table weft_migrations, which also keeps its text. So two programs that start at once run each file
 * once, and what fails has changed nothing: mend the file and start again (in MariaDB, whose CREATE and
 * ALTER commit: what stood before the last of these stays, and is to be undone by hand; one of them a file is best).
 *
 * A file, and the wait for another program that is at one, may take as long as they do: neither statement_ms nor busy_ms bounds them, only the scope around; a COMMIT that is under way when that ends, by statement_ms from then on. (In
 * MariaDB a single statement that changes rows for longer than statement_ms and 30 s more is taken for a server that has died: give statement_ms = -1 there.)
 *
 * How many ran; < 0: the failure of the first that failed, whose name is in the trace. WEFT_EINVAL: a file has changed since it ran, or is
 * gone, two have the same number, one comes before another that has run, db is a transaction; then nothing is run. .dry_run = true: nothing is changed, and the result is how
 * many would run. .names: a list that is told their names. At most 10 000 files of 4 MiB. Waits: always.
 *
 *     WEFT_TRY(weft_db_migrate(db, "migrations"));  */
typedef struct weft_migrate_opts { weft__named_options_only _; bool dry_run; weft_list_weft_str *names; } weft_migrate_opts;
#define weft_db_migrate(db, folder, ...) weft_db_migrate_with((db), (folder), &(weft_migrate_opts){ __VA_ARGS__ })
int weft_db_migrate_with(weft_db *db, const char *folder, const weft_migrate_opts *opts) WEFT_NODISCARD;
#endif
