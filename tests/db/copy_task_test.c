/* COPY and rows that other tasks are at, close, or fail at halfway. */
#include <stdlib.h>
#include "copy_world.h"

enum { LINES = 1 << 20, LINE = 8, BYTES = LINES * LINE };

/* No variable: for leaks all of those are searched at the end of each test there is. */
static weft_str many_lines(void)
{
    static char *lines;
    if (!lines) lines = malloc(BYTES);
    WEFT_NEED(lines != NULL);
    for (size_t i = 0; i < BYTES; i += LINE) memcpy(lines + i, "Rome,77\n", LINE);
    return (weft_str){ lines, BYTES };
}

typedef struct shared { weft_db *db; weft_copy *copy; weft_rows *rows; int *rc; int64_t *seen; int64_t until; } shared;

static int close_it(const shared *in)
{
    weft_copy_close(in->copy);
    *in->rc = 0;
    return number(in->db, "SELECT 1") == 1 ? 0 : WEFT_EPROTO;
}

static int end_it(const shared *in)
{
    do *in->rc = weft_copy_end(in->copy, in->seen);
    while (*in->rc == WEFT_EBUSY && weft_sleep_ms(1) == 0);
    return 0;
}

/* The one connection goes to others behind the close, while the writer has much left. */
DB_POSTGRES_TEST(one_that_another_task_closes_in_the_middle_of_a_write_sends_nothing_more)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    for (int round = 0; round < 4; round++) {
        int rc = 1;
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
        {
            WEFT_SCOPE(s);
            for (int i = 0; i < 3; i++) weft_spawn(s, close_it, (&(shared){ .db = db, .copy = copy, .rc = &rc }));
            WEFT_CHECK_EQ(weft_copy_write(copy, many_lines()), WEFT_ECLOSED);
            WEFT_TRY(weft_join(s));
        }
        WEFT_CHECK_EQ(weft_copy_end(copy, NULL), WEFT_ECLOSED);
        WEFT_CHECK_EQ(stored(db), 0);
    }
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

DB_POSTGRES_TEST(no_other_task_makes_half_of_a_write_last)
{
    weft_db *db = COPY_WITH_ONE();
    int rc = 1;
    int64_t made = 0;
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, end_it, (&(shared){ .db = db, .copy = copy, .rc = &rc, .seen = &made }));
        WEFT_TRY(weft_copy_write(copy, (weft_str){ many_lines().ptr, BYTES / 16 }));
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(made, LINES / 16);
    WEFT_CHECK_EQ(stored(db), LINES / 16);
    return copy_closed(db);
}

DB_POSTGRES_TEST(what_a_deadline_has_cut_short_cannot_be_made_to_last)
{
    weft_db *db = COPY_WITH_ONE();
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
    {
        WEFT_SCOPE(s, .timeout_ms = 1);
        WEFT_CHECK_EQ(weft_sleep_ms(10000), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(weft_copy_write(copy, WEFT_S("Rome,1\n")), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(weft_copy_end(copy, NULL), WEFT_ECLOSED);
    WEFT_CHECK_EQ(stored(db), 0);
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_savepoint_that_is_rolled_back_ends_the_copy_of_its_outer_transaction_begun_since)
{
    weft_db *db = COPY_WITH_ONE();
    Price p = { .city = WEFT_S("Rome"), .cents = 1 };
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_copy(tx, Price, &p, 1), 1);
        WEFT_COPY(copy);
        {
            WEFT_TRANSACTION(part, tx);
            WEFT_CHECK_EQ(weft_db_execute(part, "UPDATE prices SET cents = 2"), 1);
            WEFT_TRY(weft_db_copy_in(&copy, tx, Price));
            WEFT_TRY(weft_copy_row(Price, copy, &p));
        }
        WEFT_CHECK_EQ(weft_copy_row(Price, copy, &p), WEFT_ECLOSED);
        WEFT_CHECK_EQ(weft_db_execute(tx, "UPDATE prices SET cents = cents + 10"), 1);
        WEFT_TRY(weft_db_commit(tx));
    }
    WEFT_CHECK_EQ(number(db, "SELECT sum(cents)::bigint FROM prices"), 11);
    return copy_closed(db);
}

static int slowly_both_ways(weft_db *db)
{
    weft_str bytes;
    int64_t n = 0, made = 0;
    WEFT_COPY(in);
    WEFT_ROWS(rows);
    WEFT_COPY(out);
    WEFT_TRY(weft_db_copy_text(&in, db, WEFT_CSV, "prices (city, cents)"));
    for (int i = 0; i < 2; i++) {
        WEFT_TRY(weft_copy_write(in, (weft_str){ many_lines().ptr, 64 * 1024 }));
        WEFT_TRY(weft_sleep_ms(1050));
    }
    WEFT_TRY(weft_copy_end(in, &made));
    WEFT_CHECK_EQ(made, 2 * 64 * 1024 / LINE);
    WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT generate_series(1, 3000000)::bigint"));
    WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &n), 1);
    WEFT_TRY(weft_sleep_ms(2100));
    while (n < 500000 && weft_rows_next(int64_t, rows, &n) == 1) continue;
    WEFT_CHECK_EQ(n, 500000);
    weft_rows_close(rows);
    WEFT_TRY(weft_db_copy_out(&out, db, WEFT_CSV, "SELECT 1"));
    WEFT_CHECK(weft_copy_read(out, &bytes) == 1 && weft_copy_read(out, &bytes) == 0);
    return 0;
}

static weft_str timeout_of(weft_db *db)
{
    weft_str s = { 0 };
    WEFT_CHECK_EQ(weft_db_value(db, weft_str, &s, "SELECT current_setting('statement_timeout')"), 0);
    return s;
}

/* To the server all of one is a statement, which it would end a little behind statement_ms. */
DB_POSTGRES_TEST(one_whose_other_side_is_slow_takes_longer_than_a_statement_may)
{
    weft_db *db = COPY_WITH(.connections_max = 1, .acquire_ms = 60000, .statement_ms = 1500);
    WEFT_TRY(slowly_both_ways(db));
    WEFT_CHECK_STR(timeout_of(db), "2s");
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_STR(timeout_of(tx), "2s");
        WEFT_TRY(slowly_both_ways(tx));
        WEFT_CHECK_STR(timeout_of(tx), "2s");
        WEFT_TRY(weft_db_commit(tx));
    }
    return copy_closed(db);
}

/* ---- rows ---- */

static int close_rows_later(const shared *in)
{
    while (*in->seen < in->until) WEFT_TRY(weft_yield());
    weft_rows_close(in->rows);
    return 0;
}

DB_TEST(rows_that_another_task_closes_give_none_that_is_not_there)
{
    weft_db *db = db_with_tables();
    for (int round = 0; round < 12; round++) {
        int64_t seen = 0, n = 0;
        int rc;
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n"));
        {
            WEFT_SCOPE(s);
            weft_spawn(s, close_rows_later, (&(shared){ .rows = rows, .seen = &seen, .until = 1 + round * 97 }));
            while ((rc = weft_rows_next(int64_t, rows, &n)) == 1 && n == seen + 1) seen++;
            WEFT_TRY(weft_join(s));
        }
        WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
        WEFT_CHECK_EQ(n, seen);
    }
    return weft_db_close(db, 0);
}
