/* Connections: who has them, who waits, what ends a wait, and what closing does. */
#include <fcntl.h>
#include <unistd.h>
#include "db_world.h"

#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

typedef struct asked { weft_db *db; int n; int *rc; } asked;

static int count_one(const asked *in)
{
    int64_t n;
    WEFT_TRY(weft_db_value(in->db, int64_t, &n, "SELECT {} + 1", in->n));
    WEFT_CHECK_EQ(n, in->n + 1);
    return 0;
}

DB_TEST(ten_thousand_tasks_share_a_pool_of_one)
{
    weft_db *db;
    enum { TASKS = WORLD_SANITIZED ? 1000 : 10000 };
    WEFT_TRY(weft_db_connect(db_url, &db, .readers_max = 1, .acquire_ms = 60000, .statement_ms = 60000));
    {
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < (world_now.virtual_time ? 500 : TASKS); i++) weft_spawn(s, count_one, (&(asked){ .db = db, .n = i }));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    return weft_db_close(db, 0);
}

static int endless(const asked *in)
{
    int64_t n;
    return *in->rc = weft_db_value(in->db, int64_t, &n, ENDLESS);
}

DB_REAL_TEST(a_cancel_interrupts_a_statement_that_runs_and_no_other)
{
    weft_db *db = db_with_tables();
    int rcs[3] = { 0 };
    for (int round = 0; round < 5; round++) {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, endless, (&(asked){ db, 0, &rcs[0] }));
        world_turn();
        weft_task *other = weft_spawn(s, count_one, (&(asked){ .db = db, .n = round }));
        WEFT_TRY(weft_sleep_ms(round * 3));
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_await(other), 0);
    }
    return weft_db_close(db, 0);
}

static int deadlines(void);
WEFT_TEST(a_statement_has_a_deadline)
{
    db_url = "sqlite://:memory:";
    world_epoll(weft_call(deadlines));
}

/* A statement that ends at once; its thread may be late itself, but not each time. */
static int one(weft_db *db)
{
    int64_t n;
    int rc = WEFT_ETIMEDOUT;
    for (int i = 0; i < 200 && rc == WEFT_ETIMEDOUT; i++) rc = weft_db_value(db, int64_t, &n, "SELECT 1");
    return rc;
}

static int deadlines(void)
{
    weft_db *db;
    int64_t n;
    WEFT_TRY(weft_db_connect(db_url, &db, .statement_ms = 30));
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, ENDLESS), WEFT_ETIMEDOUT);
    WEFT_CHECK(db_says(WEFT_ETIMEDOUT, "30 ms") && db_says(WEFT_ETIMEDOUT, "RECURSIVE"));
    WEFT_CHECK_EQ(one(db), 0);
    {
        WEFT_SCOPE(s, .timeout_ms = 10);
        WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, ENDLESS), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(one(db), 0);
    return weft_db_close(db, 0);
}

/* Beside a load of many times the cores even what waits for nobody may be late. */
static int patiently(weft_db *db, const char *sql)
{
    int rc;
    do rc = weft_db_execute_with(db, &(weft_sql){ .sql = sql, .place = WEFT__HERE });
    while (rc == WEFT_EDB_BUSY);
    return rc;
}

static int hold(const asked *in)
{
    WEFT_TRANSACTION(tx, in->db);
    WEFT_CHECK_EQ(patiently(tx, "INSERT INTO users (name) VALUES ('held')"), 1);
    if (in->rc) *in->rc = 1;
    return weft_sleep_ms(FOREVER);
}

DB_SQLITE_TEST(who_waits_too_long_is_told_who_has_the_connection)
{
    weft_db *db;
    int held = 0;
    WEFT_TRY(weft_db_connect(db_url, &db, .acquire_ms = 60));
    WEFT_TRY(patiently(db, "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)"));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held }));
        while (!held) WEFT_TRY(weft_sleep_ms(5));
        int64_t since = weft_now_ns();
        WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('x')"), WEFT_EDB_BUSY);
        WORLD_TOOK(since, 60);
        WEFT_CHECK(db_says(WEFT_EDB_BUSY, "hold") && db_says(WEFT_EDB_BUSY, "pool_test.c") && db_says(WEFT_EDB_BUSY, " ms"));
        WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_BUSY)->status, 503);
    }
    WEFT_CHECK_EQ(patiently(db, "INSERT INTO users (name) VALUES ('x')"), 1);
    return weft_db_close(db, 0);
}

/* Of those that read when it would read, of those that write when it would write; one connection for all in memory. */
DB_REAL_TEST(who_waits_too_long_is_told_which_statement_has_the_connection)
{
    weft_db *db;
    int rc = 0, busy = 0;
    int64_t n;
    WEFT_TRY(weft_db_connect(db_url, &db, .readers_max = 1, .acquire_ms = 200));
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, endless, (&(asked){ db, 0, &rc }));
    for (int i = 0; i < 100 && busy != WEFT_EDB_BUSY; i++) busy = weft_db_value(db, int64_t, &n, "SELECT 2");      /* one that came first */
    WEFT_CHECK_EQ(busy, WEFT_EDB_BUSY);
    WEFT_CHECK(db_says(WEFT_EDB_BUSY, ": endless has one for the statement at ") && db_says(WEFT_EDB_BUSY, "pool_test.c") && db_says(WEFT_EDB_BUSY, " ms (WITH RECURSIVE"));
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    return weft_db_close(db, 0);
}

static int wants(const asked *in)
{
    return *in->rc = weft_db_execute(in->db, "INSERT INTO users (name) VALUES ('y')");
}

DB_SQLITE_TEST(closing_waits_for_what_runs_and_refuses_what_waits)
{
    weft_db *db = db_with_tables();
    int rcs[4] = { 7, 7, 7, 7 };
    {
        WEFT_SCOPE(s);
        int held = 0;
        weft_task *holder = weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held }));
        while (!held) WEFT_TRY(weft_sleep_ms(5));
        weft_error alone;
        for (int i = 0; i < 4; i++) weft_spawn(s, wants, (&(asked){ db, i, &rcs[i] }), NULL, .error = &alone);
        world_turn();
        world_turn();
        weft_db *gone = db;
        WEFT_CHECK_EQ(weft_db_close(gone, 0), 0);
        for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(rcs[i], WEFT_ECLOSED);
        weft_task_cancel(holder);
    }
    return 0;
}

DB_TEST(a_database_that_is_not_closed_ends_with_its_loop)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('y')"), 1);
    return 0;
}

DB_FILE_TEST(urls_that_name_no_database_are_refused_by_name)
{
    static const char *const bad[] = { "", "file.db", "mongodb://localhost/shop", "sqlite:", "sqlite://", "sqlite://file.db", "sqlite:///", "sqlite:///a?b", "sqlite3:///a", "SQLITE:///a" };
    weft_db *db = NULL;
    for (size_t i = 0; i < weft_count(bad); i++) {
        WEFT_CHECK_EQ(weft_db_connect_with(bad[i], &db, &(weft_db_opts){ 0 }), WEFT_EINVAL);
        WEFT_CHECK(db_says(WEFT_EINVAL, "weft_db_connect"));
    }
    WEFT_CHECK_EQ(weft_db_connect("sqlite:///x.db", &db, .readers_max = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_connect("sqlite:///x.db", &db, .readers_max = 65), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_connect("sqlite:////nowhere/at/all.db", &db), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_db_connect("sqlite:///none.db", &db, .read_only = true), WEFT_ENOENT);
    WEFT_CHECK(db_says(WEFT_ENOENT, "none.db"));
    WEFT_CHECK(db == NULL && access("x.db", F_OK) != 0);
    WEFT_TRY(weft_db_connect("sqlite:///a%20b.db", &db));
    WEFT_CHECK_EQ(access("a b.db", F_OK), 0);
    return weft_db_close(db, 0);
}

DB_FILE_TEST(a_file_that_is_no_database_or_damaged_is_told)
{
    char junk[8192];
    weft_db *db = NULL;
    memset(junk, 'x', sizeof junk);
    int fd = open("junk.db", O_CREAT | O_WRONLY, 0644);
    WEFT_NEED(write(fd, junk, sizeof junk) == sizeof junk);
    WEFT_CHECK_EQ(weft_db_connect("sqlite:///junk.db", &db), WEFT_EDB_CORRUPT);
    close(fd);
    db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", "a"), 1);
    WEFT_TRY(weft_db_close(db, 0));
    fd = open("test.db", O_WRONLY);
    WEFT_NEED(pwrite(fd, junk, 4096, 4096) == 4096);         /* the root of a table */
    close(fd);
    WEFT_TRY(weft_db_connect(db_url, &db));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('b')"), WEFT_EDB_CORRUPT);
    return weft_db_close(db, 0);
}

DB_FILE_TEST(a_database_with_no_room_left_says_so_and_goes_on_when_there_is)
{
    weft_db *db = db_with_tables();
    int64_t n;
    WEFT_TRY(weft_db_close(db, 0));
    WEFT_TRY(weft_db_connect(db_url, &db, .bytes_max = 64 * 1024));
    WEFT_CHECK_EQ(weft_db_execute(db, "CREATE TABLE big (b)"), 0);
    int rc = 0;
    for (int i = 0; i < 100 && rc >= 0; i++) rc = weft_db_execute(db, "INSERT INTO big VALUES (zeroblob(3000))");
    WEFT_CHECK_EQ(rc, WEFT_EDB_FULL);
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "DELETE FROM big WHERE rowid < 3"), 2);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO big VALUES (zeroblob(300000))"), WEFT_EDB_FULL);
        int next = weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')");
        WEFT_CHECK(next == 1 || next == WEFT_EDB);
    }
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 0);
    WEFT_TRY(weft_db_close(db, 0));
    WEFT_TRY(weft_db_connect(db_url, &db));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO big VALUES (zeroblob(30000))"), 1);
    return weft_db_close(db, 0);
}

DB_SQLITE_TEST(settings_of_a_shared_connection_cannot_be_changed)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "PRAGMA foreign_keys = OFF"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_execute(db, "PRAGMA query_only = 0"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_script(db, "PRAGMA journal_mode = DELETE"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "PRAGMA"));
    WEFT_CHECK_EQ(weft_db_execute(db, "PRAGMA user_version = 7"), 0);
    int64_t n;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "PRAGMA user_version"));
    WEFT_CHECK_EQ(n, 7);
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM pragma_table_info('users')"));
    WEFT_CHECK_EQ(n, 3);
    return weft_db_close(db, 0);
}

DB_FILE_TEST(a_lock_of_another_connection_is_waited_for_and_then_told)
{
    weft_db *db = db_with_tables(), *other, *patient;
    WEFT_TRY(weft_db_connect(db_url, &other, .busy_ms = 40));
    WEFT_TRY(weft_db_connect(db_url, &patient, .busy_ms = 60000));
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        WEFT_CHECK_EQ(weft_db_execute(other, "INSERT INTO users (name) VALUES ('b')"), WEFT_EDB_BUSY);
        WEFT_CHECK(db_says(WEFT_EDB_BUSY, "locked"));
        {
            WEFT_SCOPE(s, .timeout_ms = 5);
            WEFT_CHECK_EQ(weft_db_execute(patient, "INSERT INTO users (name) VALUES ('b')"), WEFT_ETIMEDOUT);
        }
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(weft_db_execute(other, "INSERT INTO users (name) VALUES ('b')"), 1);
    WEFT_CHECK_EQ(weft_db_execute(patient, "INSERT INTO users (name) VALUES ('c')"), 1);
    WEFT_TRY(weft_db_close(patient, 0));
    WEFT_TRY(weft_db_close(other, 0));
    return weft_db_close(db, 0);
}
