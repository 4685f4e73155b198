#ifndef WEFT_TESTS_DB_WORLD_H
#define WEFT_TESTS_DB_WORLD_H
/* Tests of databases: each body on SQLite's files and in memory, on epoll with real threads, and in memory in the simulator; and on a PostgreSQL server of
 * this run's own, in a schema of the test's own; and on a MariaDB server, in a database of its own. What was opened must have been closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db/features.h"
#include "task/world.h"
#include "weft/db.h"
#include "weft/sync.h"

extern const char *db_url;                            /* of the running body */
void db_on_file(weft_call body);
void db_in_memory(weft_call body);
void db_in_sim(weft_call body);
void db_on_postgres(weft_call body);                  /* in a folder of the test's own */
static inline bool db_is_postgres(void) { return strncmp(db_url, "postgres", 8) == 0; }
void db_on_maria(weft_call body);
static inline bool db_is_maria(void) { return strncmp(db_url, "mysql", 5) == 0; }
static inline bool db_is_sqlite(void) { return !db_is_postgres() && !db_is_maria(); }

#define DB_TEST(name) \
    static int name(void); \
    DB__SQLITE(name) \
    WEFT_TEST(name##__postgres) { db_on_postgres(weft_call(name)); } \
    DB__MARIA(name) \
    static int name(void)
#if WEFT__HAS_MARIADB
#define DB__MARIA(name) WEFT_TEST(name##__maria) { db_on_maria(weft_call(name)); }
#else
#define DB__MARIA(name)
#endif
#define DB_MARIA_TEST(name) static int name(void); DB__MARIA(name) static int name(void)
/* What they have that are servers. */
#define DB_SERVER_TEST(name) static int name(void); WEFT_TEST(name##__postgres) { db_on_postgres(weft_call(name)); } DB__MARIA(name) static int name(void)
/* What MariaDB has not: tables made and unmade with a transaction, references that are looked at in its end. */
#define DB_NO_MARIA_TEST(name) static int name(void); DB__SQLITE(name) WEFT_TEST(name##__postgres) { db_on_postgres(weft_call(name)); } static int name(void)
#define DB__SQLITE(name) \
    WEFT_TEST(name##__file) { db_on_file(weft_call(name)); } \
    WEFT_TEST(name##__memory) { db_in_memory(weft_call(name)); } \
    WEFT_TEST(name##__sim) { db_in_sim(weft_call(name)); }
/* What is SQLite's alone: its SQL, its lanes. */
#define DB_SQLITE_TEST(name) static int name(void); DB__SQLITE(name) static int name(void)
#define DB_POSTGRES_TEST(name) static int name(void); WEFT_TEST(name##__postgres) { db_on_postgres(weft_call(name)); } static int name(void)
#define DB_FOLDER_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__file) { db_on_file(weft_call(name)); } \
    WEFT_TEST(name##__postgres) { db_on_postgres(weft_call(name)); } \
    DB__MARIA(name) \
    static int name(void)
/* What SQLite is at cannot be interrupted in the simulator, where its thread is the loop's. */
#define DB_REAL_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__file) { db_on_file(weft_call(name)); } \
    WEFT_TEST(name##__memory) { db_in_memory(weft_call(name)); } \
    static int name(void)
#define DB_FILE_TEST(name) static int name(void); WEFT_TEST(name##__file) { db_on_file(weft_call(name)); } static int name(void)

/* The text of this failure has the word in it. */
static inline bool db_says(int rc, const char *word)
{
    bool found = strstr(weft_error_of(rc)->text, word) != NULL;
    if (!found) fprintf(stderr, "  the text of %d is: %s\n", rc, weft_error_of(rc)->text);
    return found;
}
/* A database with the tables of these tests: users (id, name, email unique) and orders (id, user_id that refers to one, cents). */
weft_db *db_with_tables(void);
#endif
