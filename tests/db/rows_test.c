/* Rows one by one. */
#include "db_world.h"

WEFT_MODEL(Row, field(int64_t, i), field(weft_str, text));
#define MANY "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i, 'row ' || i AS text FROM n"

DB_TEST(many_rows_come_in_order_and_in_bounded_memory)
{
    weft_db *db = db_with_tables();
    Row row;
    int64_t sum = 0, n = 0;
    long most = 0;
    {
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, MANY, 20000));
        for (int rc; (rc = weft_rows_next(Row, rows, &row)) != 0;) {
            WEFT_TRY(rc);
            sum += row.i;
            n++;
            if (world_mem.bytes > most) most = world_mem.bytes;
        }
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 0);
    }
    WEFT_CHECK_EQ(n, 20000);
    WEFT_CHECK_EQ(sum, INT64_C(20000) * 20001 / 2);
    WEFT_CHECK(most < 2 << 20);
    return weft_db_close(db, 0);
}

DB_TEST(rows_left_early_give_their_connection_back)
{
    weft_db *db;
    Row row;
    WEFT_TRY(weft_db_connect(db_url, &db, .readers_max = 1, .acquire_ms = 1000));
    for (int i = 0; i < 20; i++) {
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, MANY, 100000));
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 1);
        if (i % 2) weft_rows_close(rows);
        if (i % 2) WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), WEFT_ECLOSED);
    }
    int64_t n;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT 1"));
    return weft_db_close(db, 0);
}

DB_SQLITE_TEST(a_row_that_does_not_fit_is_told_and_the_next_one_comes)
{
    weft_db *db = db_with_tables();
    {
        Row row = { .i = 9 };
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, "SELECT 1 AS i, 'a' AS text UNION ALL SELECT 'x', 'b' UNION ALL SELECT 3, 'c'"));
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 1);
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "column i is TEXT"));
        WEFT_CHECK_EQ(row.i, 1);
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 1);
        WEFT_CHECK_EQ(row.i, 3);
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 0);
    }
    WEFT_ROWS(none);
    WEFT_CHECK_EQ(weft_db_rows(&none, db, "DELETE FROM users"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_rows(&none, db, "SELECT * FROM nowhere"), WEFT_EDB);
    WEFT_CHECK(none == NULL);
    return weft_db_close(db, 0);
}

DB_TEST(statements_run_while_rows_are_read)
{
    weft_db *db = db_with_tables();
    Row row;
    int64_t n;
    {
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, MANY, 3000));
        for (int rc; (rc = weft_rows_next(Row, rows, &row)) != 0;) {
            WEFT_TRY(rc);
            if (row.i % 100 == 0) WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", row.text), 1);
        }
    }
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 30);
    return weft_db_close(db, 0);
}

DB_TEST(rows_of_a_transaction_end_with_it)
{
    weft_db *db = db_with_tables();
    {
        Row row;
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, tx, MANY, 100000));
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 1);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')"), 1);
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
        WEFT_CHECK_EQ(weft_rows_next(Row, rows, &row), WEFT_ECLOSED);
    }
    int64_t n;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 2);
    return weft_db_close(db, 0);
}

DB_TEST(rows_wait_for_a_reader_who_pauses_for_longer_than_a_statement_may_take)
{
    weft_db *db;
    WEFT_TRY(weft_db_connect(db_url, &db, .acquire_ms = 60000, .statement_ms = 1500));
    {
        Row row;
        int64_t n = 0;
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, MANY, 20000));
        for (int rc; (rc = weft_rows_next(Row, rows, &row)) != 0; n++) {
            WEFT_TRY(rc);
            if (row.i == 1000) WEFT_TRY(weft_sleep_ms(1600));
        }
        WEFT_CHECK_EQ(n, 20000);
    }
    return weft_db_close(db, 0);
}

static int read_slowly(weft_db *const *db)
{
    Row row;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, *db, MANY, 1000000));
    for (int rc; (rc = weft_rows_next(Row, rows, &row)) != 0;) WEFT_TRY(rc);
    return 0;
}

DB_REAL_TEST(a_cancel_ends_the_reading_of_rows)
{
    weft_db *db = db_with_tables();
    for (int i = 0; i < 8; i++) {
        WEFT_SCOPE(s, .timeout_ms = 5);
        weft_spawn(s, read_slowly, &db);
        int rc = weft_join(s);
        WEFT_CHECK(rc == WEFT_ETIMEDOUT || rc == 0);
    }
    int64_t n;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT 1"));
    return weft_db_close(db, 0);
}
