/* Rows of PostgreSQL one by one, whose statement goes on in the server while their reader is at something else. */
#include <unistd.h>
#include "db_server.h"
#include "db_world.h"
#include "peer.h"

WEFT_MODEL(SlowRow, field(int64_t, i), field(weft_str, text));

enum { SMALL = 100, ROWS = 250, STATEMENT_MS = 1500, PAUSE_MS = 2300, SHORT_MS = 500, TRIES = 20 };
/* Many are asked for at a time, as they are small; what comes then is more than lies between: it is taken halfway. */
#define GROWS "SELECT i AS i, repeat('x', CASE WHEN i > 100 THEN 40000 ELSE 1 END) AS text FROM generate_series(1, 250) i"

static weft_db *with_one(void)
{
    weft_db *db = NULL;
    WEFT_NEED(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = STATEMENT_MS) == 0);
    return db;
}

static int64_t process(weft_db *db)
{
    int64_t pid = -1;
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &pid, "SELECT pg_backend_pid()"), 0);
    return pid;
}

static weft_str timeout_of(weft_db *db)
{
    weft_str s = { 0 };
    WEFT_CHECK_EQ(weft_db_value(db, weft_str, &s, "SELECT current_setting('statement_timeout')"), 0);
    return s;
}

/* What the server says that the connection is at. */
static const char *state(void)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT string_agg(state, ', ') FROM pg_stat_activity WHERE application_name = 't%d'", (int)getpid());
    return db_server_ask(db_server_of_run(), sql);
}

/* Rows `from` to `to` come in their order. */
static int read_on(weft_rows *rows, int from, int to)
{
    SlowRow row;
    for (int i = from; i <= to; i++) {
        int rc = weft_rows_next(SlowRow, rows, &row);
        if (rc != 1) return rc < 0 ? rc : WEFT_EPROTO;
        if (!WEFT_CHECK(row.i == i && row.text.len == (i > SMALL ? 40000 : 1))) return WEFT_EPROTO;
    }
    return 0;
}

/* Rows that have been read as far as a large one, with more of the same FETCH behind it than lies between. On a machine that is slow just then one may end there. */
static int open_halfway(weft_rows **rows, weft_db *db)
{
    for (int i = 0; i < TRIES; i++) {
        weft__rows_leave(rows);
        WEFT_TRY(weft_db_rows(rows, db, GROWS));
        WEFT_TRY(read_on(*rows, 1, SMALL + 2));
        WEFT_TRY(weft_sleep_ms(20));
        if (strcmp(state(), "active") == 0) return 0;
    }
    return WEFT_EPROTO;
}

DB_POSTGRES_TEST(rows_that_do_not_come_in_time_are_ended_in_the_server_also_behind_a_pause)
{
    weft_db *db = with_one();
    int64_t pid = process(db);
    {
        SlowRow row;
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, GROWS " WHERE i < 240 OR pg_sleep(600) IS NOT NULL"));
        WEFT_TRY(read_on(rows, 1, 60));
        WEFT_TRY(weft_sleep_ms(SHORT_MS));
        int64_t since;
        int rc;
        do since = weft_now_ns();
        while ((rc = weft_rows_next(SlowRow, rows, &row)) == 1);
        WEFT_CHECK(rc == WEFT_ETIMEDOUT && db_says(rc, "1500 ms"));
        WEFT_CHECK(weft_now_ns() - since >= INT64_C(1000000) * STATEMENT_MS);
        WEFT_CHECK(row.i >= 60 && row.i < 240);
    }
    WEFT_CHECK_EQ(process(db), pid);
    WEFT_CHECK_STR(weft_str_of(state()), "idle");
    WEFT_CHECK_STR(timeout_of(db), "2s");
    return weft_db_close(db, 0);
}

/* To the server all of a FETCH is one statement, however long its reader is away. */
DB_POSTGRES_TEST(rows_whose_reader_pauses_for_longer_than_a_statement_may_take_go_on)
{
    weft_db *db = with_one();
    int64_t pid = process(db);
    for (int leaves = 0; leaves < 2; leaves++) {
        SlowRow row;
        WEFT_ROWS(rows);
        WEFT_TRY(open_halfway(&rows, db));
        if (!leaves) WEFT_TRY(weft_sleep_ms(PAUSE_MS));
        WEFT_CHECK_STR(weft_str_of(state()), "active");
        if (leaves) weft_rows_close(rows);
        else WEFT_CHECK(read_on(rows, SMALL + 3, ROWS) == 0 && weft_rows_next(SlowRow, rows, &row) == 0);
        WEFT_CHECK_STR(timeout_of(db), "2s");
    }
    WEFT_CHECK_EQ(process(db), pid);
    return weft_db_close(db, 0);
}

static int all_of_slow(weft_db *db)
{
    int64_t i = 0, n = 0;
    int rc;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, "SELECT i::bigint FROM generate_series(1, 90) i WHERE pg_sleep(0.025) IS NOT NULL"));
    while ((rc = weft_rows_next(int64_t, rows, &i)) == 1) n++;
    if (rc == 0) WEFT_CHECK_EQ(n, 90);
    return rc;
}

/* The server tells none of those that are asked for together before it has all: of slow ones there are few. */
DB_POSTGRES_TEST(rows_that_are_slow_to_come_take_longer_than_a_statement_may)
{
    weft_db *db = with_one();
    WEFT_CHECK_EQ(all_of_slow(db), 0);
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(all_of_slow(tx), 0);
        WEFT_TRY(weft_db_commit(tx));
    }
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(rows_of_a_transaction_leave_its_statements_their_bound)
{
    weft_db *db = with_one();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, tx, GROWS));
        WEFT_TRY(read_on(rows, 1, SMALL + 5));
        WEFT_CHECK_STR(weft_str_of(state()), "idle in transaction");     /* so nothing of theirs is bounded */
        WEFT_CHECK_STR(timeout_of(tx), "2s");
        WEFT_TRY(read_on(rows, SMALL + 6, ROWS));
        weft_rows_close(rows);
        WEFT_CHECK_STR(timeout_of(tx), "2s");
        WEFT_TRY(weft_db_commit(tx));
    }
    WEFT_CHECK_STR(timeout_of(db), "2s");
    return weft_db_close(db, 0);
}

/* A FETCH that lasts as long as one row's does is no slow one: fewer at a time would take as long each. */
DB_POSTGRES_TEST(rows_of_a_server_far_away_come_many_at_a_time)
{
    enum { FAR_MS = 210, MANY = 400, TRIPS = 9 };
    static peer p;
    char url[300];
    weft_db *db = NULL;
    int64_t n = 0;
    p = (peer){ .to = db_server_of_run()->port };
    peer_start(&p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=60", p.port);
    WEFT_TRY(weft_db_connect(url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000));
    (void)process(db);
    peer_delays(&p, FAR_MS);
    {
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, db, "SELECT i::bigint FROM generate_series(1, {}::integer) i", MANY));
        while (peer_delayed(&p) <= TRIPS && weft_rows_next(int64_t, rows, &n) == 1) continue;
        WEFT_CHECK(n == MANY && peer_delayed(&p) <= TRIPS);
    }
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}

static int all_of_slower(weft_db *db)
{
    int64_t n = 0, rows_read = 0;
    int rc;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, "SELECT i::bigint FROM generate_series(1, 8) i WHERE pg_sleep(0.2) IS NOT NULL"));
    while ((rc = weft_rows_next(int64_t, rows, &n)) == 1) rows_read++;
    if (rc == 0) WEFT_CHECK_EQ(rows_read, 8);
    return rc;
}

/* How slow they are is not known before the first one is here: it comes alone. */
DB_POSTGRES_TEST(the_first_rows_may_take_longer_together_than_a_statement_may)
{
    weft_db *db = with_one();
    WEFT_CHECK_EQ(all_of_slower(db), 0);
    return weft_db_close(db, 0);
}
