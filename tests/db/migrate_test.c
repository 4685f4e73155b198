/* Migrations: each once, in order, all of it or nothing. */
#include <sys/stat.h>
#include <unistd.h>
#include "db_world.h"

static void put(const char *name, const char *sql)
{
    mkdir("m", 0755);
    char path[200];
    snprintf(path, sizeof path, "m/%s", name);
    FILE *f = fopen(path, "w");
    WEFT_NEED(f && fputs(sql, f) >= 0);
    fclose(f);
}

static int64_t number(weft_db *db, const char *sql)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value_with(db, &weft_schema_int64_t, &n, &(weft_sql){ .sql = sql, .place = WEFT__HERE }), 0);
    return n;
}

DB_FOLDER_TEST(migrations_run_once_and_in_the_order_of_their_numbers)
{
    weft_db *db;
    weft_list_weft_str names = { 0 };
    WEFT_TRY(weft_db_connect(db_url, &db));
    put("0010_more.sql", "INSERT INTO a VALUES (2); CREATE TABLE b (x INTEGER);");
    put("0009_first.sql", "CREATE TABLE a (x INTEGER); -- it's {} here :x ?\nINSERT INTO a VALUES (1);");
    put("notes.txt", "no SQL at all");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m", .dry_run = true, .names = &names), 2);
    WEFT_NEED(names.count == 2);
    WEFT_CHECK_STR(names.items[0], "0009_first.sql");
    int64_t none = 0;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &none, "SELECT count(*) FROM a"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &none, "SELECT count(*) FROM weft_migrations"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 2);
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 0);
    WEFT_CHECK_EQ(number(db, "SELECT sum(x) FROM a"), 3);
    put("11-last.sql", "INSERT INTO a VALUES (10)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 1);
    WEFT_CHECK_EQ(number(db, "SELECT sum(x) FROM a"), 13);
    return weft_db_close(db, 0);
}

DB_FOLDER_TEST(a_migration_that_fails_has_changed_nothing_and_those_behind_it_wait)
{
    weft_db *db;
    WEFT_TRY(weft_db_connect(db_url, &db));
    put("1_a.sql", "CREATE TABLE a (x INTEGER)");
    put("2_b.sql", "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)");
    put("3_c.sql", "INSERT INTO a VALUES (3)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "nowhere") && strstr(weft_error_of(WEFT_EDB)->trace, "2_b.sql") != NULL);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM a"), 0);
    put("2_b.sql", "INSERT INTO a VALUES (1)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 2);
    WEFT_CHECK_EQ(number(db, "SELECT sum(x) FROM a"), 4);
    put("4_d.sql", "COMMIT; DROP TABLE a");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EDB);
    WEFT_CHECK_EQ(number(db, "SELECT sum(x) FROM a"), 4);
    return weft_db_close(db, 0);
}

DB_FOLDER_TEST(migrations_that_do_not_fit_what_has_run_are_refused_by_name)
{
    weft_db *db;
    WEFT_TRY(weft_db_connect(db_url, &db));
    WEFT_CHECK_EQ(weft_db_migrate(db, "nowhere"), WEFT_ENOENT);
    put("5_a.sql", "CREATE TABLE a (x INTEGER)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 1);
    put("5_a.sql", "CREATE TABLE a (y INTEGER)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "5_a.sql has changed"));
    put("5_a.sql", "CREATE TABLE a (x INTEGER)");
    put("3_early.sql", "CREATE TABLE b (x INTEGER)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "3_early.sql comes before 5_a.sql"));
    unlink("m/3_early.sql");
    put("05_b.sql", "CREATE TABLE b (x INTEGER)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EINVAL);
    unlink("m/05_b.sql");
    put("users.sql", "CREATE TABLE b (x INTEGER)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EINVAL);
    unlink("m/users.sql");
    unlink("m/5_a.sql");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "not there any more"));
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM weft_migrations"), 1);
    return weft_db_close(db, 0);
}

/* About a second of work, or without an end. */
static const char *slow(bool ends)
{
    if (db_is_postgres()) return ends ? "SELECT pg_sleep(1)" : "SELECT pg_sleep(600)";
    if (db_is_maria()) return ends ? "SELECT sum(seq % 7) FROM seq_1_to_10000000" : "SELECT sum(seq % 7) FROM seq_1_to_1000000000000";
    return ends ? "CREATE TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT count(*) FROM n"
        : "CREATE TABLE o AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
}

static int migrate(weft_db *const *db);

DB_FOLDER_TEST(a_migration_and_the_wait_for_one_may_take_longer_than_other_statements)
{
    weft_db *dbs[2], *patient;                       /* the numbers are asked for by one whose statements may be late */
    WEFT_TRY(weft_db_connect(db_url, &patient, .statement_ms = -1, .acquire_ms = 60000));
    for (int i = 0; i < 2; i++) WEFT_TRY(weft_db_connect(db_url, &dbs[i], .statement_ms = 150, .busy_ms = 100, .acquire_ms = 60000));
    WEFT_CHECK_EQ(weft_db_script(dbs[0], slow(true)), WEFT_ETIMEDOUT);
    put("1_a.sql", "CREATE TABLE a (x INTEGER)");
    WEFT_CHECK_EQ(weft_db_migrate(dbs[0], "m"), 1);
    put("2_slow.sql", slow(true));
    put("3_b.sql", "INSERT INTO a VALUES (1)");
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 2; i++) weft_spawn(s, migrate, &dbs[i]);
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(number(patient, "SELECT sum(x) FROM a"), 1);
    WEFT_CHECK_EQ(weft_db_script(dbs[0], slow(false)), WEFT_ETIMEDOUT);      /* and what comes behind them no longer than before */
    put("4_endless.sql", slow(false));
    {
        WEFT_SCOPE(s, .timeout_ms = 500);
        WEFT_CHECK_EQ(weft_db_migrate(dbs[0], "m"), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(number(patient, "SELECT count(*) FROM weft_migrations"), 3);
    WEFT_TRY(weft_db_close(patient, 0));
    for (int i = 0; i < 2; i++) WEFT_TRY(weft_db_close(dbs[i], 0));
    return 0;
}

/* What is deferred is looked at in the COMMIT, which no cancel ends. */
DB_POSTGRES_TEST(the_commit_of_a_migration_may_take_as_long_and_is_bounded_when_its_scope_has_ended)
{
    weft_db *db, *patient;
    WEFT_TRY(weft_db_connect(db_url, &patient, .acquire_ms = 60000));
    WEFT_TRY(weft_db_connect(db_url, &db, .statement_ms = 200, .acquire_ms = 60000));
    put("1_a.sql", "CREATE TABLE a (x INTEGER); CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(NEW.x); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE late(); INSERT INTO a VALUES (1)");
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 1);
    WEFT_CHECK_EQ(number(patient, "SELECT sum(x) FROM a"), 1);
    WEFT_TRY(weft_db_close(patient, 0));
    put("2_b.sql", "INSERT INTO a VALUES (4)");
    {
        WEFT_SCOPE(s, .timeout_ms = 300);
        int rc = weft_db_migrate(db, "m");
        WEFT_CHECK(rc == WEFT_EDB_LOST || rc == WEFT_ETIMEDOUT);
    }
    return weft_db_close(db, 0);
}

static int migrate(weft_db *const *db)
{
    int rc = weft_db_migrate(*db, "m");
    return rc < 0 ? rc : 0;
}

DB_FOLDER_TEST(programs_that_start_at_once_run_each_migration_once)
{
    weft_db *dbs[4];
    put("1_a.sql", "CREATE TABLE a (x INTEGER)");
    put("2_b.sql", "INSERT INTO a VALUES (1)");
    put("3_c.sql", "INSERT INTO a VALUES (10)");
    for (int i = 0; i < 4; i++) WEFT_TRY(weft_db_connect(db_url, &dbs[i], .busy_ms = 20000));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 4; i++) weft_spawn(s, migrate, &dbs[i]);
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(number(dbs[0], "SELECT sum(x) FROM a"), 11);
    for (int i = 0; i < 4; i++) WEFT_TRY(weft_db_close(dbs[i], 0));
    return 0;
}

DB_FOLDER_TEST(a_transaction_is_refused_as_each_migration_is_one)
{
    weft_db *db;
    put("1_a.sql", "CREATE TABLE a (x INTEGER)");
    WEFT_TRY(weft_db_connect(db_url, &db, .acquire_ms = 60000));
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_migrate(tx, "m"), WEFT_EINVAL);
        WEFT_CHECK(db_says(WEFT_EINVAL, "transaction"));
    }
    WEFT_CHECK_EQ(weft_db_migrate(db, "m"), 1);
    return weft_db_close(db, 0);
}
