/* What lanes and leases come to when calls are cancelled, blocks are left in any order, and statements last. */
#include "db_world.h"

#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
#define MANY "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n"

typedef struct asked { weft_db *db; int *rc; } asked;

static int endless(const asked *in)
{
    int64_t n;
    return *in->rc = weft_db_value(in->db, int64_t, &n, ENDLESS);
}

static int quick(const asked *in)
{
    int64_t n;
    return *in->rc = weft_db_value(in->db, int64_t, &n, "SELECT 1");
}

static int insert(const asked *in) { return *in->rc = weft_db_execute(in->db, "INSERT INTO users (name) VALUES ('a')"); }

static int64_t count(weft_db *db)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"), 0);
    return n;
}

static weft_db *with_readers(int readers)
{
    weft_db *db = db_with_tables();
    WEFT_NEED(weft_db_close(db, 0) == 0);
    WEFT_NEED(weft_db_connect(db_url, &db, .readers_max = readers, .acquire_ms = 20000, .statement_ms = 20000) == 0);
    return db;
}

/* ---- who waits behind what lasts ---- */

/* The first of them tells that the statement writes, when the others wait among those that read. */
DB_FILE_TEST(writes_that_wait_among_reads_are_taken_back_from_there)
{
    weft_db *db = with_readers(1);
    enum { N = 24 };
    int first = 7, slow = 7, rcs[N];
    {
        WEFT_SCOPE(s);
        weft_task *tasks[N];
        weft_task *told = weft_spawn(s, insert, (&(asked){ db, &first }));
        weft_task *t = weft_spawn(s, endless, (&(asked){ db, &slow }));
        for (int i = 0; i < N; i++) tasks[i] = weft_spawn(s, insert, (&(asked){ db, &rcs[i] }));
        WEFT_CHECK_EQ(weft_await(told), 1);
        for (int i = 0; i < N; i++) weft_task_cancel(tasks[i]);
        for (int i = 0; i < N; i++) WEFT_CHECK_EQ(weft_await(tasks[i]), WEFT_ECANCELED);
        WEFT_CHECK_EQ(slow, 7);
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    }
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('a')"), 1);
    WEFT_CHECK_EQ(count(db), 2);
    return weft_db_close(db, 0);
}

DB_FILE_TEST(a_read_that_lasts_keeps_no_other_from_free_readers)
{
    weft_db *db = with_readers(3);
    int slow[2] = { 7, 7 };
    {
        WEFT_SCOPE(s);
        weft_task *a = weft_spawn(s, endless, (&(asked){ db, &slow[0] })), *b = weft_spawn(s, endless, (&(asked){ db, &slow[1] }));
        WEFT_CHECK_EQ(count(db), 0);
        WEFT_TRY(weft_sleep_ms(20));
        WEFT_CHECK_EQ(count(db), 0);
        WEFT_CHECK(slow[0] == 7 && slow[1] == 7);
        weft_task_cancel(a);
        weft_task_cancel(b);
        WEFT_CHECK_EQ(weft_await(a), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_await(b), WEFT_ECANCELED);
    }
    return weft_db_close(db, 0);
}

DB_FILE_TEST(what_has_run_is_told_before_the_next_one_is_through)
{
    weft_db *db = with_readers(1);
    int before = 7, slow = 7, behind = 7;
    {
        WEFT_SCOPE(s);
        weft_task *a = weft_spawn(s, quick, (&(asked){ db, &before })), *b = weft_spawn(s, endless, (&(asked){ db, &slow }));
        weft_task *c = weft_spawn(s, quick, (&(asked){ db, &behind }));
        WEFT_CHECK_EQ(weft_await(a), 0);
        WEFT_TRY(weft_sleep_ms(20));
        weft_task_cancel(c);
        WEFT_CHECK_EQ(weft_await(c), WEFT_ECANCELED);
        WEFT_CHECK_EQ(slow, 7);
        weft_task_cancel(b);
        WEFT_CHECK_EQ(weft_await(b), WEFT_ECANCELED);
    }
    return weft_db_close(db, 0);
}

DB_FILE_TEST(rows_that_are_opened_take_a_reader_from_none_that_waits)
{
    weft_db *db = with_readers(2);
    int rc = 7;
    {
        WEFT_SCOPE(s);
        WEFT_ROWS(rows);
        weft_task *t = weft_spawn(s, quick, (&(asked){ db, &rc }));
        WEFT_TRY(weft_db_rows(&rows, db, MANY));
        WEFT_CHECK_EQ(weft_await(t), 0);
    }
    return weft_db_close(db, 0);
}

/* ---- blocks that are left ---- */

DB_TEST(rows_may_outlive_their_transaction)
{
    weft_db *db = db_with_tables();
    int64_t i;
    for (int read_all = 0; read_all < 2; read_all++) {
        WEFT_ROWS(rows);
        WEFT_TRANSACTION(tx, db);
        if (read_all) WEFT_TRY(weft_db_rows(&rows, tx, "SELECT 1"));
        else WEFT_TRY(weft_db_rows(&rows, tx, MANY));
        WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &i), 1);
        if (read_all) WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &i), 0);
    }
    {
        WEFT_ROWS(rows);
        {
            WEFT_TRANSACTION(tx, db);
            WEFT_TRANSACTION(part, tx);
            WEFT_TRY(weft_db_rows(&rows, part, MANY));
            WEFT_CHECK_EQ(weft_db_commit(tx), 0);
            WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &i), WEFT_ECLOSED);
        }
        WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &i), WEFT_ECLOSED);
    }
    WEFT_CHECK_EQ(count(db), 0);
    return weft_db_close(db, 0);
}

typedef struct held { weft_db *db; int *begun; } held;

static int hold_transaction(const held *in)
{
    int64_t i;
    WEFT_ROWS(rows);
    WEFT_TRANSACTION(tx, in->db);
    if (weft_db_execute(tx, "INSERT INTO users (name) VALUES ('held')") != 1) return -1;
    WEFT_TRY(weft_db_rows(&rows, tx, MANY));
    WEFT_TRY(weft_rows_next(int64_t, rows, &i) - 1);
    ++*in->begun;
    return weft_sleep_ms(FOREVER);
}

static int hold_rows(const held *in)
{
    int64_t i;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, in->db, MANY));
    WEFT_TRY(weft_rows_next(int64_t, rows, &i) - 1);
    ++*in->begun;
    return weft_sleep_ms(FOREVER);
}

static int close_it(weft_db *const *db) { return weft_db_close(*db, 0); }

DB_TEST(blocks_are_left_while_the_database_is_closed)
{
    bool file = strstr(db_url, "test.db") || db_is_postgres();
    for (int turns = 0; turns < 6; turns++) {
        weft_db *db;
        int begun = 0;
        WEFT_TRY(weft_db_connect(db_url, &db));
        WEFT_TRY(weft_db_script(db, "CREATE TABLE IF NOT EXISTS users (id INTEGER, name TEXT)"));
        WEFT_SCOPE(s);
        weft_task *a = weft_spawn(s, hold_transaction, (&(held){ db, &begun }));
        while (!begun) WEFT_TRY(weft_sleep_ms(1));
        weft_task *b = file ? weft_spawn(s, hold_rows, (&(held){ db, &begun })) : NULL;
        while (begun < 1 + file) WEFT_TRY(weft_sleep_ms(1));
        weft_task *closer = weft_spawn(s, close_it, &db);
        for (int i = 0; i < turns; i++) world_turn();
        weft_task_cancel(a);
        if (b) weft_task_cancel(b);
        WEFT_CHECK_EQ(weft_await(closer), 0);
        WEFT_CHECK_EQ(weft_await(a), WEFT_ECANCELED);
        if (b) WEFT_CHECK_EQ(weft_await(b), WEFT_ECANCELED);
    }
    return 0;
}

DB_TEST(a_savepoint_ends_with_its_transaction)
{
    weft_db *db = db_with_tables();
    for (int commits = 0; commits < 2; commits++) {
        WEFT_TRANSACTION(tx, db);
        WEFT_TRANSACTION(part, tx);
        WEFT_CHECK_EQ(weft_db_execute(part, "INSERT INTO users (name) VALUES ('a')"), 1);
        WEFT_CHECK_EQ(commits ? weft_db_commit(tx) : weft_db_rollback(tx), 0);
        WEFT_CHECK_EQ(weft_db_execute(part, "INSERT INTO users (name) VALUES ('b')"), WEFT_ECLOSED);
        WEFT_CHECK_EQ(weft_db_commit(part), WEFT_ECLOSED);
    }
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

static int begin_it(weft_db *const *tx) { return weft_db_execute(*tx, "INSERT INTO users (name) VALUES ('a')") == 1 ? 0 : -1; }

DB_TEST(a_transaction_that_a_child_has_begun_is_its_owners)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        weft_db *same = tx;
        {
            WEFT_SCOPE(s);
            weft_spawn(s, begin_it, &same);
            WEFT_TRY(weft_join(s));
        }
        WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('b')"), WEFT_EDEADLK);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

/* ---- a connection that was used ---- */

WEFT_MODEL(Name, field(weft_str, name));

static int run_text(weft_db *db, const char *sql) { return weft_db_execute_with(db, &(weft_sql){ .sql = sql, .place = WEFT__HERE }); }

/* SQLite prepares all statements of a connection again after a CREATE INDEX, those that end transactions too. */
DB_SQLITE_TEST(after_an_index_transactions_begin_and_end)
{
    weft_db *db = db_with_tables();
    Name names[] = { { WEFT_S("x") }, { WEFT_S("y") } };
    int64_t id;
    WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('a')"), 0);
    WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('b'); SELECT * FROM nowhere"), WEFT_EDB);
    for (int round = 0; round < 2; round++) {
        WEFT_CHECK_EQ(weft_db_script(db, round ? "ANALYZE" : "CREATE TABLE t (a); CREATE INDEX t_a ON t (a)"), 0);
        WEFT_CHECK_EQ(weft_db_value(db, int64_t, &id, "INSERT INTO users (name) VALUES ('c') RETURNING id"), 0);
        WEFT_CHECK_EQ(run_text(db, round ? "CREATE INDEX u_2 ON users (name)" : "CREATE INDEX u_1 ON users (name)"), 0);
        WEFT_CHECK_EQ(weft_db_each(db, Name, names, 2, "INSERT INTO users (name) VALUES (:name)"), 2);
        {
            WEFT_TRANSACTION(tx, db);
            WEFT_CHECK_EQ(run_text(tx, round ? "CREATE INDEX u_3 ON users (name, id)" : "CREATE INDEX u_4 ON users (id, name)"), 0);
            WEFT_CHECK_EQ(weft_db_commit(tx), 0);
        }
        {
            WEFT_TRANSACTION(tx, db);
            WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('undone')"), 1);
        }
        WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('d')"), 0);
    }
    WEFT_CHECK_EQ(count(db), 9);
    WEFT_TRY(weft_db_close(db, 0));
    return 0;
}

DB_SQLITE_TEST(a_parameter_of_another_kind_is_refused_and_never_null)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('a')"), 1);
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM users WHERE id IS NOT :1"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "NULL"));
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM users WHERE id IS NOT $::x"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM users WHERE id < {}0", 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_script(db, "DELETE FROM users WHERE id IS NOT :name"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_script(db, "DELETE FROM users WHERE id IS NOT ?"), WEFT_EINVAL);
    WEFT_CHECK_EQ(count(db), 1);
    return weft_db_close(db, 0);
}

DB_SQLITE_TEST(what_is_temporary_is_refused_and_what_goes_alone_goes)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "CREATE TEMP TABLE users (id)"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_script(db, "CREATE TEMP VIEW v AS SELECT 1"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "TEMPORARY"));
    WEFT_CHECK_EQ(weft_db_execute(db, "PRAGMA wal_checkpoint"), 0);
    WEFT_CHECK_EQ(weft_db_execute(db, " /* all */ VACUUM"), 0);
    return weft_db_close(db, 0);
}

DB_SQLITE_TEST(a_failure_that_leaves_what_it_changed_is_undone)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT OR FAIL INTO users (name, email) VALUES ('a', 'x'), ('b', 'x')"), WEFT_EDB_UNIQUE);
    WEFT_CHECK_EQ(count(db), 0);
    return weft_db_close(db, 0);
}

DB_TEST(rows_of_which_a_model_lacks_a_column_end)
{
    weft_db *db = db_with_tables();
    Name name;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, MANY));
    WEFT_CHECK_EQ(weft_rows_next(Name, rows, &name), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "Name.name"));
    WEFT_CHECK_EQ(weft_rows_next(Name, rows, &name), WEFT_ECLOSED);
    return weft_db_close(db, 0);
}
