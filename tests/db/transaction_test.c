/* Transactions and savepoints: what stays, what is undone, who waits. */
#include "db_world.h"

static int64_t count(weft_db *db)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"), 0);
    return n;
}

static int add(weft_db *db, const char *name) { return weft_db_execute(db, "INSERT INTO users (name, email) VALUES ({}, {})", name, name); }

DB_TEST(a_commit_makes_it_last_and_leaving_undoes_it)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "a"), 1);
        WEFT_CHECK_EQ(add(tx, "b"), 1);
        WEFT_CHECK_EQ(count(tx), 2);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
        WEFT_CHECK_EQ(add(tx, "c"), WEFT_ECLOSED);
        WEFT_CHECK_EQ(weft_db_commit(tx), WEFT_ECLOSED);
        WEFT_CHECK_EQ(weft_db_rollback(tx), WEFT_ECLOSED);
    }
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "c"), 1);
    }
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "c"), 1);
        WEFT_CHECK_EQ(weft_db_rollback(tx), 0);
        WEFT_CHECK_EQ(count(db), 2);
    }
    {
        WEFT_TRANSACTION(unused, db);
        WEFT_CHECK_EQ(weft_db_commit(unused), 0);
    }
    WEFT_CHECK_EQ(count(db), 2);
    return weft_db_close(db, 0);
}

DB_TEST(a_failed_statement_changes_nothing_and_the_transaction_goes_on)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "a"), 1);
        WEFT_CHECK_EQ(add(tx, "a"), WEFT_EDB_UNIQUE);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name, email) VALUES ('b', 'b'), ('a', 'a')"), WEFT_EDB_UNIQUE);
        WEFT_CHECK_EQ(weft_db_script(tx, "INSERT INTO users (name) VALUES ('x'); SELECT * FROM nowhere"), WEFT_EDB);
        WEFT_CHECK_EQ(count(tx), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

DB_TEST(a_first_statement_that_fails_leaves_a_transaction_that_goes_on)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "SELECT * FROM nowhere"), WEFT_EDB);
        WEFT_CHECK_EQ(add(tx, "a"), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

DB_TEST(savepoints_are_undone_and_kept_by_themselves)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "a"), 1);
        {
            WEFT_TRANSACTION(part, tx);
            WEFT_CHECK_EQ(add(part, "b"), 1);
            WEFT_TRANSACTION(deeper, part);
            WEFT_CHECK_EQ(add(deeper, "c"), 1);
            WEFT_CHECK_EQ(weft_db_commit(deeper), 0);
            WEFT_CHECK_EQ(count(part), 3);
        }
        WEFT_CHECK_EQ(count(tx), 1);
        {
            WEFT_TRANSACTION(part, tx);
            WEFT_CHECK_EQ(add(part, "d"), 1);
            WEFT_CHECK_EQ(weft_db_commit(part), 0);
        }
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(count(db), 2);
    return weft_db_close(db, 0);
}

/* SAVEPOINT of the second lies within the first: the end of the first would take the second with it. */
DB_TEST(a_savepoint_beside_an_open_one_is_refused_and_begins_when_that_has_ended)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_TRANSACTION(one, tx);
        WEFT_TRANSACTION(other, tx);
        WEFT_TRANSACTION(deep_in_other, other);
        WEFT_CHECK_EQ(add(one, "a"), 1);
        WEFT_CHECK_EQ(add(other, "b"), WEFT_EBUSY);
        WEFT_CHECK(strstr(weft_error_of(WEFT_EBUSY)->text, "the savepoint begun at ") != NULL);
        WEFT_CHECK_EQ(add(deep_in_other, "b"), WEFT_EBUSY);
        WEFT_CHECK_EQ(weft_db_rollback(one), 0);
        WEFT_CHECK_EQ(add(deep_in_other, "b"), 1);
        WEFT_CHECK_EQ(weft_db_commit(deep_in_other), 0);
        WEFT_CHECK_EQ(weft_db_commit(other), 0);
        WEFT_TRANSACTION(third, tx);
        WEFT_CHECK_EQ(add(third, "c"), 1);
        WEFT_CHECK_EQ(weft_db_rollback(third), 0);
        WEFT_CHECK_EQ(count(tx), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

WEFT_MODEL(Numbered, field(int64_t, id));

DB_TEST(a_savepoint_that_is_refused_leaves_the_rows_of_the_open_one_alone)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "a"), 1);
        WEFT_CHECK_EQ(add(tx, "b"), 1);
        WEFT_TRANSACTION(one, tx);
        WEFT_ROWS(rows);
        Numbered row;
        WEFT_CHECK_EQ(weft_db_rows(&rows, one, "SELECT id FROM users ORDER BY id"), 0);
        WEFT_CHECK_EQ(weft_rows_next(Numbered, rows, &row), 1);
        {
            WEFT_TRANSACTION(other, tx);
            WEFT_CHECK_EQ(add(other, "c"), WEFT_EBUSY);
        }
        {
            WEFT_TRANSACTION(unused, tx);
            WEFT_CHECK_EQ(weft_db_commit(unused), 0);
        }
        WEFT_CHECK_EQ(weft_rows_next(Numbered, rows, &row), 1);
        WEFT_CHECK_EQ(weft_rows_next(Numbered, rows, &row), 0);
    }
    return weft_db_close(db, 0);
}

DB_TEST(both_begin_with_the_first_statement_of_the_inner_one)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        {
            WEFT_TRANSACTION(part, tx);
            WEFT_CHECK_EQ(add(part, "a"), 1);
            WEFT_CHECK_EQ(weft_db_commit(part), 0);
        }
        WEFT_CHECK_EQ(add(tx, "b"), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(count(db), 2);
    return weft_db_close(db, 0);
}

DB_NO_MARIA_TEST(a_deferred_reference_is_told_by_the_commit_which_can_be_tried_again)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "CREATE TABLE late (id INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)"), 0);
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO late VALUES (5)"), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), WEFT_EDB_REFERENCE);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (id, name) VALUES (5, 'a')"), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO late VALUES (6)"), WEFT_EDB_REFERENCE);
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

DB_TEST(the_database_itself_in_its_own_transaction_is_told_so)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(add(tx, "a"), 1);
        int rc = add(db, "b");
        if (rc == WEFT_EDEADLK) rc = add(db, "b");
        WEFT_CHECK_EQ(rc, WEFT_EDEADLK);
        WEFT_CHECK(db_says(WEFT_EDEADLK, "transaction_test.c"));
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    return weft_db_close(db, 0);
}

typedef struct in_vain_in { weft_db *db; bool *added; } in_vain_in;

static int in_vain(const in_vain_in *in)
{
    WEFT_TRANSACTION(tx, in->db);
    WEFT_CHECK_EQ(add(tx, "never"), 1);
    *in->added = true;
    return weft_sleep_ms(FOREVER);
}

DB_TEST(a_cancelled_transaction_is_rolled_back)
{
    weft_db *db = db_with_tables();
    {
        WEFT_SCOPE(s);
        bool added = false;
        weft_spawn(s, in_vain, (&(in_vain_in){ db, &added }));
        while (!added) WEFT_TRY(weft_sleep_ms(5));
    }
    WEFT_CHECK_EQ(count(db), 0);
    WEFT_CHECK_EQ(add(db, "b"), 1);
    return weft_db_close(db, 0);
}

DB_TEST(a_transaction_that_reads_alone_writes_nothing)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db, .read_only = true);
        WEFT_CHECK_EQ(count(tx), 0);
        if (!db_is_sqlite() || strstr(db_url, "test.db")) {
            WEFT_CHECK_EQ(add(db, "meanwhile"), 1);
            WEFT_CHECK_EQ(count(tx), 0);
            WEFT_CHECK_EQ(add(tx, "x"), WEFT_EDB_READ_ONLY);
        }
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    return weft_db_close(db, 0);
}

typedef struct turn { weft_db *db; int *order, *at, me; } turn;

static int takes_turn(const turn *in)
{
    WEFT_TRANSACTION(tx, in->db);
    WEFT_TRY(add(tx, (const char[]){ (char)('a' + in->me), 0 }) == 1 ? 0 : -1);
    in->order[(*in->at)++] = in->me;
    WEFT_TRY(weft_sleep_ms(2));
    return weft_db_commit(tx);
}

DB_SQLITE_TEST(transactions_take_turns_first_come_first_served)
{
    weft_db *db = db_with_tables();
    int order[10], at = 0;
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 10; i++) {
            weft_spawn(s, takes_turn, (&(turn){ db, order, &at, i }));
            world_turn();
            world_turn();
        }
        WEFT_TRY(weft_join(s));
    }
    if (world_now.fifo || !world_now.virtual_time) for (int i = 0; i < 10; i++) WEFT_CHECK_EQ(order[i], i);
    WEFT_CHECK_EQ(count(db), 10);
    return weft_db_close(db, 0);
}

static int use_it(weft_db *const *tx)
{
    int rc = add(*tx, "b");
    WEFT_CHECK(rc == 1 || rc == WEFT_EBUSY);
    return rc == WEFT_EBUSY ? 1 : 0;
}

DB_TEST(two_tasks_at_once_in_one_transaction_are_told_so)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        weft_db *same = tx;
        WEFT_SCOPE(s);
        weft_task *a = weft_spawn(s, use_it, &same), *b = weft_spawn(s, use_it, &same);
        WEFT_CHECK_EQ(weft_await(a) + weft_await(b), 1);
    }
    WEFT_CHECK_EQ(count(db), 0);
    return weft_db_close(db, 0);
}
