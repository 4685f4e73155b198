/* Rows and COPYs whose block is left while other tasks are at them, close them, or wait to. */
#include "copy_world.h"

enum { LINES = 1 << 17, LINE = 8 };
static char lines[LINES * LINE];

static weft_str many_lines(void)
{
    for (size_t i = 0; i < sizeof lines; i += LINE) memcpy(lines + i, "Rome,77\n", LINE);
    return (weft_str){ lines, sizeof lines };
}

typedef struct shared { weft_rows *rows; weft_copy *copy; int *closed, *rc; } shared;

static int close_them(const shared *in)
{
    weft_rows_close(in->rows);
    weft_copy_close(in->copy);
    ++*in->closed;
    return 0;
}

/* ---- the block is left, and nobody has been joined ---- */

DB_POSTGRES_TEST(a_copy_whose_block_is_left_while_another_task_closes_it_is_there_until_that_is_through)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    for (int round = 0; round < 4; round++) {
        int closed = 0;
        WEFT_SCOPE(s);
        {
            WEFT_COPY(copy);
            WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
            for (int i = 0; i <= round; i++) weft_spawn(s, close_them, (&(shared){ .copy = copy, .closed = &closed }));
            WEFT_CHECK_EQ(weft_copy_write(copy, many_lines()), WEFT_ECLOSED);
        }
        WEFT_CHECK_EQ(closed, round + 1);
        WEFT_TRY(weft_join(s));
        WEFT_CHECK_EQ(stored(db), 0);
    }
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

DB_POSTGRES_TEST(what_is_copied_out_is_there_until_who_closes_it_is_through_when_its_block_is_left)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    for (int round = 0; round < 4; round++) {
        int closed = 0, rc;
        weft_str bytes;
        WEFT_SCOPE(s);
        {
            WEFT_COPY(copy);
            WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT generate_series(1, 100000000), repeat('x', 500)"));
            weft_spawn(s, close_them, (&(shared){ .copy = copy, .closed = &closed }));
            while ((rc = weft_copy_read(copy, &bytes)) == 1) WEFT_TRY(weft_yield());
            WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
        }
        WEFT_CHECK_EQ(closed, 1);
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

#define MANY "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"

DB_TEST(rows_whose_block_is_left_while_another_task_closes_them_are_there_until_that_is_through)
{
    weft_db *db = db_with_tables();
    for (int round = 0; round < 4; round++) {
        int closed = 0, rc;
        int64_t n;
        WEFT_SCOPE(s);
        {
            WEFT_ROWS(rows);
            WEFT_TRY(weft_db_rows(&rows, db, MANY, 100000));
            for (int i = 0; i <= round; i++) weft_spawn(s, close_them, (&(shared){ .rows = rows, .closed = &closed }));
            while ((rc = weft_rows_next(int64_t, rows, &n)) == 1) WEFT_TRY(weft_yield());
            WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
        }
        WEFT_CHECK_EQ(closed, round + 1);
        WEFT_TRY(weft_join(s));
    }
    return weft_db_close(db, 0);
}

static int write_in_time(const shared *in)
{
    WEFT_SCOPE(s, .timeout_ms = 1);
    *in->rc = weft_copy_write(in->copy, many_lines());
    return 0;
}

DB_POSTGRES_TEST(a_copy_that_a_deadline_of_another_task_ends_is_there_until_it_has_ended_when_its_block_is_left)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    for (int round = 0; round < 8; round++) {
        int rc = 1;
        WEFT_SCOPE(s);
        {
            WEFT_COPY(copy);
            WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
            weft_spawn(s, write_in_time, (&(shared){ .copy = copy, .rc = &rc }));
            if (round % 2) WEFT_TRY(weft_yield());
            else WEFT_TRY(weft_sleep_ms(1 + round / 2));
        }
        WEFT_CHECK(rc == WEFT_ETIMEDOUT || rc == WEFT_ECLOSED);
        WEFT_TRY(weft_join(s));
        WEFT_CHECK_EQ(stored(db), 0);
    }
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

static int read_all(const shared *in)
{
    int64_t n = 0;
    while ((*in->rc = weft_rows_next(int64_t, in->rows, &n)) == 1) continue;
    return 0;
}

/* All of them are here: to leave them takes no trip. */
DB_TEST(rows_that_another_task_reads_are_there_until_its_call_is_through_when_their_block_is_left)
{
    weft_db *db = db_with_tables();
    for (int round = 0; round < 4; round++) {
        int rc = 1;
        WEFT_SCOPE(s);
        {
            WEFT_ROWS(rows);
            WEFT_TRY(weft_db_rows(&rows, db, MANY, 1000 << round));
            weft_spawn(s, read_all, (&(shared){ .rows = rows, .rc = &rc }));
            WEFT_TRY(weft_yield());
        }
        WEFT_CHECK(rc == WEFT_ECLOSED || rc == 0);
        WEFT_TRY(weft_join(s));
    }
    return weft_db_close(db, 0);
}

/* ---- in the middle of a call ---- */

static int end_it(const shared *in)
{
    do *in->rc = weft_copy_end(in->copy, NULL);
    while (*in->rc == WEFT_EBUSY && weft_yield() == 0);
    return 0;
}

DB_POSTGRES_TEST(half_of_a_write_does_not_last_while_one_task_closes_it_and_others_end_it)
{
    weft_db *db = COPY_WITH_ONE();
    for (int round = 0; round < 8; round++) {
        int closed = 0, ended[3] = { 1, 1, 1 };
        WEFT_SCOPE(s);
        {
            WEFT_COPY(copy);
            WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
            for (int i = 0; i < 3; i++) {
                if (i == round % 3) weft_spawn(s, close_them, (&(shared){ .copy = copy, .closed = &closed }));
                weft_spawn(s, end_it, (&(shared){ .copy = copy, .rc = &ended[i] }));
            }
            WEFT_CHECK_EQ(weft_copy_write(copy, many_lines()), WEFT_ECLOSED);
            WEFT_TRY(weft_join(s));
        }
        for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(ended[i], WEFT_ECLOSED);
        WEFT_CHECK_EQ(stored(db), 0);
    }
    return copy_closed(db);
}

DB_POSTGRES_TEST(rows_of_a_transaction_are_closed_in_the_middle_of_its_copy_which_goes_on)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t n, pid = process(db);
    Price p = { .city = WEFT_S("Rome"), .cents = 1 };
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, tx, MANY, 100000));
        WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &n), 1);
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_in(&copy, tx, Price));
        WEFT_TRY(weft_copy_row(Price, copy, &p));
        weft_rows_close(rows);
        WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &n), WEFT_ECLOSED);
        WEFT_TRY(weft_copy_row(Price, copy, &p));
        WEFT_TRY(weft_copy_end(copy, &n));
        WEFT_CHECK_EQ(n, 2);
        WEFT_TRY(weft_db_commit(tx));
    }
    WEFT_CHECK_EQ(stored(db), 2);
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}
