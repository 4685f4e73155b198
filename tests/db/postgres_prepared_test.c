/* PostgreSQL: prepared statements that are not what a connection was thought to have, and answers that libpq had no memory for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libpq-fe.h>
#include "db_server.h"
#include "db_world.h"

/* ---- libpq without memory ---- */

/* Which of the next results libpq is to have no memory for, counted from 1; 0: none. What it tells then is a failure without a code. */
static int without_memory;

PGresult *PQgetResult(PGconn *pg)
{
    PGresult *(*real)(PGconn *) = (PGresult *(*)(PGconn *))dlsym(RTLD_NEXT, "PQgetResult");
    PGresult *r = real(pg);
    if (!r || !without_memory || --without_memory) return r;
    PQclear(r);
    return PQmakeEmptyPGresult(pg, PGRES_FATAL_ERROR);
}

static int64_t counted(weft_db *db)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"), 0);
    return n;
}

/* Each answer in turn, of which some are of what comes before the statement itself. */
DB_POSTGRES_TEST(what_was_done_and_whose_answer_is_lost_is_not_told_as_refused)
{
    weft_db *db = db_with_tables();
    int lost = 0;
    int64_t there = 0;
    for (int nth = 1; nth < 12; nth++) {
        without_memory = nth;
        int rc = weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", "a");
        bool hit = without_memory == 0;
        without_memory = 0;
        int64_t now = counted(db);
        WEFT_CHECK(rc == 1 || (hit && rc == WEFT_EDB_LOST));
        WEFT_CHECK(rc != 1 || now == there + 1);
        lost += hit && rc == WEFT_EDB_LOST;
        there = now;
        for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", "b"), 1);      /* and goes on */
        there += 3;
    }
    WEFT_CHECK(lost >= 1);
    return weft_db_close(db, 0);
}

/* ---- names that are taken ---- */

#define TAKEN "DO $$ BEGIN FOR i IN 1..200 LOOP BEGIN EXECUTE 'PREPARE w' || i || ' AS SELECT 666::bigint'; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$"

static int value(weft_db *db, int64_t n)
{
    int64_t found = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &found, "SELECT {}::bigint + 1", n), 0);
    WEFT_CHECK_EQ(found, n + 1);
    return 0;
}

static int shared_value(const int64_t *n, weft_db *db)
{
    int64_t found = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &found, "SELECT {}::bigint + 2", *n), 0);
    WEFT_CHECK_EQ(found, *n + 2);
    return 0;
}

DB_POSTGRES_TEST(a_prepared_statement_that_is_there_already_is_replaced)
{
    weft_db *db = NULL;
    int64_t n = 5, i = 0;
    WEFT_NEED(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000) == 0);
    WEFT_CHECK_EQ(weft_db_execute(db, TAKEN), 0);
    for (i = 0; i < 3; i++) value(db, i);
    for (i = 0; i < 3; i++) shared_value(&i, db);
    {
        WEFT_ROWS(rows);
        WEFT_CHECK_EQ(weft_db_rows(&rows, db, "SELECT {}::bigint + 3", n), 0);
        WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &i), 1);
        WEFT_CHECK_EQ(i, 8);
    }
    WEFT_TRANSACTION(tx, db);
    WEFT_CHECK_EQ(weft_db_value(tx, int64_t, &i, "SELECT {}::bigint + 4", n), 0);
    WEFT_CHECK_EQ(i, 9);
    WEFT_CHECK_EQ(weft_db_value(tx, int64_t, &i, "SELECT {}::bigint + 5", n), 0);
    WEFT_CHECK_EQ(i, 10);
    WEFT_TRY(weft_db_commit(tx));
    return weft_db_close(db, 0);
}
