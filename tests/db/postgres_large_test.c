/* PostgreSQL: more comes than anybody asked for, or than there is room for. What passes a small proxy is what came: no more of it may have been held. */
#include "db_server.h"
#include "db_world.h"
#include "peer.h"

enum { MIB = 1 << 20 };
/* 100 MB of rows, of 1 000 bytes each. */
#define LARGE "SELECT i AS id, repeat('x', 1000) AS name FROM generate_series(1, 100000) i"
/* The server looks at no cancel while it tells these. */
#define RETURNING "INSERT INTO large SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i RETURNING *"

WEFT_MODEL(LargeRow, field(int64_t, id), field(weft_str, name));

static weft_db *through(peer *p, int connections_max)
{
    char url[300];
    weft_db *db = NULL;
    *p = (peer){ .to = db_server_of_run()->port };
    peer_start(p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable", p->port);
    WEFT_NEED(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = connections_max, .acquire_ms = -1, .statement_ms = -1 }) == 0);
    return db;
}

static int ended(weft_db *db, peer *p)
{
    int rc = weft_db_close(db, 0);
    peer_end(p);
    return rc;
}

static int one(weft_db *db, LargeRow *row) { return weft_db_one(db, LargeRow, row, LARGE); }

DB_POSTGRES_TEST(one_row_of_many_is_told_when_the_second_comes)
{
    static peer p;
    LargeRow row = { .id = 7 };
    weft_db *db = through(&p, 1);
    for (int i = 0; i < 3; i++) {
        int before = peer_passed(&p);
        WEFT_CHECK_EQ(one(db, &row), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "more than one row"));
        WEFT_CHECK(peer_passed(&p) - before < 40 * MIB);
        WEFT_CHECK_EQ(weft_db_value(db, int64_t, &row.id, "SELECT 40 + {}::bigint", (int64_t)i), 0);
        WEFT_CHECK_EQ(row.id, 40 + i);               /* on the same connection, which is in order */
    }
    WEFT_CHECK_EQ(peer_accepted(&p), 1 + 3);         /* and one for each cancel */
    return ended(db, &p);
}

/* What may be sent as well while nobody takes it: what lies between, in both directions. */
DB_POSTGRES_TEST(rows_past_the_memory_of_a_request_end_in_the_server)
{
    static peer p;
    weft_list_LargeRow all = { 0 };
    weft_db *db = through(&p, 1);
    weft_arena small, *before;
    for (int i = 0; i < 2; i++) {
        int passed = peer_passed(&p);
        weft__arena_init(&small, NULL, 4 * MIB);
        before = weft__arena_swap(&small);
        WEFT_CHECK_EQ(weft_db_all(db, LargeRow, &all, LARGE), WEFT_ELIMIT);
        WEFT_CHECK(db_says(WEFT_ELIMIT, "weft_db_rows"));
        weft__arena_swap(before);
        weft__arena_free(&small);
        WEFT_CHECK(all.count == 0 && peer_passed(&p) - passed < 40 * MIB);
    }
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 1"), 0);
    return ended(db, &p);
}

static int in_a_transaction(weft_db *db, peer *p)
{
    LargeRow row;
    WEFT_TRANSACTION(tx, db);
    WEFT_TRY(weft_db_execute(tx, "INSERT INTO large VALUES (1, 'one')"));
    int passed = peer_passed(p);
    WEFT_CHECK_EQ(one(tx, &row), WEFT_EDB);
    WEFT_CHECK(peer_passed(p) - passed < 40 * MIB);
    WEFT_CHECK_EQ(weft_db_one(tx, LargeRow, &row, RETURNING), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "more than one row"));
    WEFT_TRY(weft_db_one(tx, LargeRow, &row, "SELECT * FROM large"));
    WEFT_CHECK_STR(row.name, "one");
    return weft_db_commit(tx);
}

DB_POSTGRES_TEST(what_is_too_much_leaves_a_transaction_whole)
{
    static peer p;
    weft_db *db = through(&p, 1);
    int64_t n = 0;
    LargeRow row;
    WEFT_TRY(weft_db_script(db, "DROP TABLE IF EXISTS large; CREATE TABLE large (id bigint, name text)"));
    WEFT_TRY(in_a_transaction(db, &p));
    WEFT_CHECK_EQ(weft_db_one(db, LargeRow, &row, RETURNING), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM large"), 0);
    WEFT_CHECK_EQ(n, 1);
    WEFT_TRY(weft_db_execute(db, "DROP TABLE large"));
    return ended(db, &p);
}

/* A count is asked for, a script, a list for each of some: rows that nobody wants, or not so many of. */
DB_POSTGRES_TEST(rows_that_nobody_asks_for_are_not_held)
{
    static peer p;
    weft_db *db = through(&p, 1);
    weft_list_LargeRow all = { 0 };
    const int some[] = { 1, 2 };
    long before = world_mem.bytes;
    weft_arena small, *was;
    WEFT_CHECK_EQ(weft_db_execute(db, LARGE), 0);
    WEFT_CHECK_EQ(weft_db_script(db, "SELECT 1; " LARGE "; SELECT 2"), 0);
    WEFT_CHECK(world_mem.bytes - before < MIB);
    weft__arena_init(&small, NULL, 4 * MIB);
    was = weft__arena_swap(&small);
    int passed = peer_passed(&p);
    WEFT_CHECK_EQ(weft_db_all_each(db, LargeRow, &all, int, some, 2, LARGE " WHERE i > {}"), WEFT_ELIMIT);
    WEFT_CHECK(db_says(WEFT_ELIMIT, "item 0 of 2"));
    WEFT_CHECK(peer_passed(&p) - passed < 40 * MIB);
    weft__arena_swap(was);
    weft__arena_free(&small);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 1"), 0);
    return ended(db, &p);
}

DB_POSTGRES_TEST(a_row_that_is_larger_than_any_may_be_is_refused)
{
    weft_db *db = NULL;
    weft_bytes row = { 0 };
    int64_t n = 0;
    WEFT_NEED(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = -1, .statement_ms = -1) == 0);
    WEFT_CHECK_EQ(weft_db_value(db, weft_bytes, &row, "SELECT convert_to(repeat('x', 100000000), 'UTF8')"), WEFT_ELIMIT);
    WEFT_CHECK(db_says(WEFT_ELIMIT, "64 MiB"));
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT 42"), 0);
    WEFT_CHECK_EQ(n, 42);
    WEFT_CHECK_EQ(weft_db_value(db, weft_bytes, &row, "SELECT convert_to(repeat('x', 30000000), 'UTF8')"), 0);
    WEFT_CHECK_EQ(row.len, 30000000);
    return weft_db_close(db, 0);
}

/* ---- rows one by one ---- */

/* 3 000 small rows, and then 30 of 4 MB. */
#define JUMPS "SELECT i AS id, repeat('x', CASE WHEN i > 3000 THEN 4000000 ELSE 1 END) AS name FROM generate_series(1, 3030) i"

typedef struct walk { weft_db *db; const peer *p; long most_bytes; int until; } walk;

/* How much has come, and is held, beyond what was handed out. */
static int walk_on(const walk *in, int *most_ahead)
{
    LargeRow row;
    int64_t given = 0, n = 0, passed = peer_passed(in->p);
    long before = world_mem.bytes;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, in->db, JUMPS));
    for (int rc; n < in->until && (rc = weft_rows_next(LargeRow, rows, &row)) != 0;) {
        WEFT_TRY(rc);
        WEFT_CHECK_EQ(row.id, ++n);
        WEFT_CHECK_EQ((int64_t)row.name.len, n > 3000 ? 4000000 : 1);
        given += (int64_t)row.name.len;
        if (n % 10 == 0) WEFT_TRY(weft_sleep_ms(1));     /* a slow reader */
        int64_t ahead = peer_passed(in->p) - passed - given;
        if (ahead > *most_ahead) *most_ahead = (int)ahead;
        WEFT_CHECK(world_mem.bytes - before < in->most_bytes);
    }
    WEFT_CHECK_EQ(n, in->until);
    return 0;
}

DB_POSTGRES_TEST(rows_that_grow_come_no_faster_than_they_are_read)
{
    static peer p;
    int ahead = 0;
    int64_t n = 0;
    weft_db *db = through(&p, 1);
    WEFT_TRY(walk_on(&(walk){ db, &p, 24 * MIB, 3030 }, &ahead));
    WEFT_CHECK(ahead < 40 * MIB);                    /* of 120: a row, and what lies between */
    WEFT_TRY(walk_on(&(walk){ db, &p, 24 * MIB, 3005 }, &ahead));        /* and nobody wants the rest */
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT 42"), 0);
    WEFT_CHECK(n == 42 && ahead < 40 * MIB);
    return ended(db, &p);
}

DB_POSTGRES_TEST(rows_that_grow_in_a_transaction_leave_it_usable_meanwhile)
{
    static peer p;
    int ahead = 0;
    LargeRow row;
    int64_t n = 0;
    weft_db *db = through(&p, 1);
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_TRY(walk_on(&(walk){ tx, &p, 80 * MIB, 3030 }, &ahead));
        WEFT_CHECK(ahead < 80 * MIB);
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_rows(&rows, tx, JUMPS));
        for (int i = 1; i < 3005; i++) {
            WEFT_CHECK_EQ(weft_rows_next(LargeRow, rows, &row), 1);
            if (i % 100 == 0 || i > 3000) WEFT_TRY(weft_db_value(tx, int64_t, &n, "SELECT {}::bigint", (int64_t)i));
            if (i % 100 == 0 || i > 3000) WEFT_CHECK_EQ(n, i);
            WEFT_CHECK_EQ(row.id, i);
        }
        WEFT_TRY(weft_db_commit(tx));
    }
    return ended(db, &p);
}

static int read_slowly(weft_db *const *db)
{
    LargeRow row;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, *db, "SELECT i AS id, repeat('x', 1000) AS name FROM generate_series(1, 1000) i WHERE i < 500 OR pg_sleep(60) IS NOT NULL"));
    for (int rc; (rc = weft_rows_next(LargeRow, rows, &row)) != 0;) WEFT_TRY(rc);
    return 0;
}

DB_POSTGRES_TEST(a_cancel_of_rows_that_are_halfway_gives_their_connection_back)
{
    static peer p;
    int64_t n = 0;
    weft_db *db = through(&p, 1);
    for (int i = 0; i < 3; i++) {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, read_slowly, (&(weft_db *){ db }));
        WEFT_TRY(weft_sleep_ms(200));
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT {}::bigint", (int64_t)i), 0);
        WEFT_CHECK_EQ(n, i);
    }
    return ended(db, &p);
}

/* ---- beside others ---- */

typedef struct read { weft_db *db; int n; double seconds; int *rc; } read;

static int by_key(const read *in)
{
    int64_t n = -1;
    *in->rc = weft_db_value(in->db, int64_t, &n, "SELECT {}::bigint", (int64_t)in->n);
    WEFT_CHECK(*in->rc < 0 || n == in->n);
    return 0;
}

static int with_sleep(const read *in)
{
    int64_t n = -1;
    *in->rc = weft_db_value(in->db, int64_t, &n, "SELECT {}::bigint FROM pg_sleep({}::float8)", (int64_t)in->n, in->seconds);
    WEFT_CHECK(*in->rc < 0 || n == in->n);
    return *in->rc;
}

static int with_rows(const read *in)
{
    LargeRow row;
    *in->rc = weft_db_one(in->db, LargeRow, &row, "SELECT i AS id, repeat('x', 1000) AS name FROM generate_series(1, {}) i", in->n);
    return 0;
}

enum { READS = 30 };

/* Both texts are known as quick. */
static int made_quick(weft_db *db)
{
    int rc = 0;
    for (int i = 0; i < 4; i++) {
        WEFT_TRY(by_key(&(read){ db, i, 0, &rc }));
        WEFT_TRY(with_sleep(&(read){ db, i, 0, &rc }));
        WEFT_TRY(with_rows(&(read){ db, 1, 0, &rc }));
    }
    return 0;
}

static int all_fine(const int rcs[READS])
{
    for (int i = 0; i < READS; i++) WEFT_CHECK_EQ(rcs[i], 0);
    return 0;
}

DB_POSTGRES_TEST(a_read_that_is_slow_for_once_takes_no_others_with_it)
{
    weft_db *db = NULL;
    WEFT_NEED(weft_db_connect(db_url, &db, .connections_max = 2, .acquire_ms = 20000, .statement_ms = 20000) == 0);
    for (int leaves = 0; leaves < 2; leaves++) {
        int rcs[READS], rc = 1;
        for (int i = 0; i < READS; i++) rcs[i] = 1;
        WEFT_TRY(made_quick(db));
        WEFT_SCOPE(s, .forget = true);
        weft_task *slow = NULL;
        for (int i = 0; i < READS; i++) {
            if (i == READS / 2) slow = weft_spawn(s, with_sleep, (&(read){ db, 7, leaves ? 60 : 2, &rc }));
            weft_spawn(s, by_key, (&(read){ db, i, 0, &rcs[i] }));
        }
        WEFT_TRY(weft_sleep_ms(300));
        if (leaves) weft_task_cancel(slow);
        WEFT_CHECK_EQ(weft_await(slow), leaves ? WEFT_ECANCELED : 0);
        WEFT_CHECK_EQ(weft_join(s), 0);
        all_fine(rcs);
    }
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_read_that_gives_much_for_once_takes_no_others_with_it)
{
    static peer p;
    weft_db *db = through(&p, 2);
    int rcs[READS], rc = 1;
    WEFT_TRY(made_quick(db));
    int before = peer_passed(&p);
    WEFT_SCOPE(s, .forget = true);
    for (int i = 0; i < READS; i++) {
        if (i == READS / 2) weft_spawn(s, with_rows, (&(read){ db, 100000, 0, &rc }));
        weft_spawn(s, by_key, (&(read){ db, i, 0, &rcs[i] }));
    }
    WEFT_CHECK_EQ(weft_join(s), 0);
    all_fine(rcs);
    WEFT_CHECK_EQ(rc, WEFT_EDB);
    WEFT_CHECK(peer_passed(&p) - before < 30 * MIB);
    return ended(db, &p);
}

/* Its answers come while the cancel, which their being late has brought about, hangs. */
DB_POSTGRES_TEST(a_cancel_that_does_not_get_through_costs_nobody_an_answer_that_is_there)
{
    static peer p;
    weft_db *db = through(&p, 1);
    int rcs[READS];
    WEFT_TRY(made_quick(db));
    WEFT_SCOPE(s, .forget = true);
    peer_leads(&p, 0);                               /* to nobody, who says nothing */
    peer_delays(&p, 300);
    int64_t since = weft_now_ns();
    for (int i = 0; i < READS; i++) weft_spawn(s, by_key, (&(read){ db, i, 0, &rcs[i] }));
    WEFT_CHECK_EQ(weft_join(s), 0);
    WEFT_CHECK(weft_now_ns() - since < INT64_C(4000000000));
    all_fine(rcs);
    for (int i = 0; i < 1000 && peer_accepted(&p) < 2; i++) WEFT_TRY(weft_sleep_ms(5));
    WEFT_CHECK_EQ(peer_accepted(&p), 2);             /* it was on its way */
    peer_end(&p);
    return weft_db_close(db, 0);
}
