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

WEFT_MODEL(Told, field(int64_t, i), field(weft_str, text));
#define MANY_TOLD "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i, 'row' AS text FROM n"
typedef struct told { weft_rows *rows; weft_copy *copy; const bool *leaves; int *rc; size_t *sum; } told;

/* What came is this task's until its next call, so it may pause with it. */
static int looked_at(const told *in, weft_str text)
{
    for (int i = 0; i < 3 && *in->leaves; i++) WEFT_TRY(weft_yield());
    for (size_t i = 0; i < text.len; i++) *in->sum += (size_t)text.ptr[i];
    return 0;
}

static int read_while_there(const told *in)
{
    Told row;
    while ((*in->rc = weft_rows_next(Told, in->rows, &row)) == 1) {
        WEFT_TRY(looked_at(in, row.text));
        if (*in->leaves) return 0;
    }
    return 0;
}

static int copy_while_there(const told *in)
{
    weft_str bytes;
    while ((*in->rc = weft_copy_read(in->copy, &bytes)) == 1) {
        WEFT_TRY(looked_at(in, bytes));
        if (*in->leaves) return 0;
    }
    return 0;
}

/* The step that is under way when the block is left is the last one, for one of these numbers with each database. */
DB_TEST(the_last_rows_are_not_given_out_when_their_block_is_left)
{
    static const int many[] = { 5, 70, 2000 };
    weft_db *db = db_with_tables();
    for (size_t i = 0; i < weft_count(many); i++) {
        int rc = 1;
        size_t sum = 0;
        bool leaves = false;
        WEFT_SCOPE(s);
        {
            WEFT_ROWS(rows);
            WEFT_TRY(weft_db_rows(&rows, db, MANY_TOLD, many[i]));
            weft_spawn(s, read_while_there, (&(told){ .rows = rows, .leaves = &leaves, .rc = &rc, .sum = &sum }));
            WEFT_TRY(weft_yield());
            leaves = true;
        }
        WEFT_TRY(weft_join(s));
        WEFT_CHECK(rc == WEFT_ECLOSED || rc == 0);
    }
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(the_last_bytes_of_a_copy_are_not_given_out_when_its_block_is_left)
{
    weft_db *db = COPY_WITH_ONE();
    for (int round = 0; round < 4; round++) {
        int rc = 1;
        size_t sum = 0;
        bool leaves = false;
        WEFT_SCOPE(s);
        {
            WEFT_COPY(copy);
            WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT generate_series(1, 100)"));
            weft_spawn(s, copy_while_there, (&(told){ .copy = copy, .leaves = &leaves, .rc = &rc, .sum = &sum }));
            WEFT_TRY(weft_yield());
            leaves = true;
        }
        WEFT_TRY(weft_join(s));
        WEFT_CHECK(rc == WEFT_ECLOSED || rc == 0);
    }
    return copy_closed(db);
}

/* ---- their transaction is rolled back ---- */

typedef struct other { weft_db *tx; int *rc; } other;

static int roll_back(const other *in)
{
    *in->rc = weft_db_rollback(in->tx);
    return 0;
}

/* Who rolls it back waits for what is under way, not for all that would follow. */
DB_POSTGRES_TEST(a_rollback_ends_a_copy_of_its_transaction_whose_writer_has_much_at_hand)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    for (int outer = 0; outer < 2; outer++) {
        int rc = 1;
        WEFT_TRANSACTION(tx, db);
        WEFT_TRANSACTION(part, tx);
        if (outer) WEFT_CHECK_EQ(weft_db_execute(part, "UPDATE prices SET cents = 2"), 0);
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_text(&copy, tx, WEFT_CSV, "prices (city, cents)"));
        WEFT_SCOPE(s);
        weft_spawn(s, roll_back, (&(other){ outer ? part : tx, &rc }));
        WEFT_CHECK_EQ(weft_copy_write(copy, many_lines()), WEFT_ECLOSED);
        WEFT_CHECK_EQ(weft_copy_end(copy, NULL), WEFT_ECLOSED);
        if (!outer) WEFT_CHECK_EQ(weft_db_commit(tx), WEFT_ECLOSED);
        WEFT_TRY(weft_join(s));
        WEFT_CHECK_EQ(rc, 0);
        if (outer) WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(stored(db), 0);
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

DB_TEST(a_rollback_ends_a_transaction_whose_statements_follow_each_other)
{
    enum { MOST = 200 };
    weft_db *db = db_with_tables();
    int rc = 1, n = 0;
    int64_t users = -1;
    {
        int made = 1;
        WEFT_TRANSACTION(tx, db);
        WEFT_SCOPE(s);
        weft_spawn(s, roll_back, (&(other){ tx, &rc }));
        while (made == 1 && n++ < MOST) made = weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')");
        WEFT_CHECK_EQ(made, WEFT_ECLOSED);
        WEFT_CHECK_EQ(weft_db_commit(tx), WEFT_ECLOSED);
        WEFT_TRY(weft_join(s));
        WEFT_CHECK_EQ(rc, 0);
    }
    WEFT_TRY(weft_db_value(db, int64_t, &users, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(users, 0);
    return weft_db_close(db, 0);
}

static int write_once(const other *in)
{
    *in->rc = weft_db_execute(in->tx, "INSERT INTO users (name) VALUES ('a')");
    return 0;
}

DB_TEST(a_transaction_is_there_until_who_rolls_it_back_is_through_when_its_block_is_left)
{
    weft_db *db = db_with_tables();
    for (int round = 0; round < 4; round++) {
        int wrote = 0, rc = 1;
        WEFT_SCOPE(s);
        {
            WEFT_TRANSACTION(tx, db);
            weft_spawn(s, write_once, (&(other){ tx, &wrote }));
            weft_spawn(s, roll_back, (&(other){ tx, &rc }));
            WEFT_TRY(weft_yield());
        }
        WEFT_TRY(weft_join(s));
        WEFT_CHECK(wrote == 1 || wrote == WEFT_ECLOSED);
        WEFT_CHECK(rc == 0 || rc == WEFT_ECLOSED);
    }
    return weft_db_close(db, 0);
}

/* ---- the database is closed ---- */

static int close_database(weft_db *const *db) { return weft_db_close(*db, 0); }

DB_TEST(rows_whose_database_is_being_closed_say_so_before_it_is)
{
    weft_db *db = db_with_tables();
    Told row;
    int rc;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, MANY_TOLD, 100000));
    WEFT_SCOPE(s);
    weft_spawn(s, close_database, &db);
    do WEFT_TRY(weft_yield());
    while ((rc = weft_rows_next(Told, rows, &row)) == 1);
    WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
    return weft_join(s);
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
