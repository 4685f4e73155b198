/* PostgreSQL: more comes than anybody asked for, or than there is room for. What passes a small proxy is what came: no more of it may have been held. */
#include "db_server.h"
#include "db_world.h"
#include "peer.h"

enum { MIB = 1 << 20 };
/* 400 MB of rows, of 1 000 bytes each. */
#define LARGE "SELECT i AS id, repeat('x', 1000) AS name FROM generate_series(1, 400000) i"
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
    WEFT_NEED(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = connections_max, .acquire_ms = 60000, .statement_ms = 60000 }) == 0);
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

DB_POSTGRES_TEST(a_row_that_is_larger_than_any_may_be_ends_its_connection)
{
    weft_db *db = NULL;
    weft_bytes row = { 0 };
    int64_t n = 0;
    WEFT_NEED(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000) == 0);
    WEFT_CHECK_EQ(weft_db_value(db, weft_bytes, &row, "SELECT convert_to(repeat('x', 300000000), 'UTF8')"), WEFT_ELIMIT);
    WEFT_CHECK(db_says(WEFT_ELIMIT, "64 MiB"));
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT 42"), 0);
    WEFT_CHECK_EQ(n, 42);
    WEFT_CHECK_EQ(weft_db_value(db, weft_bytes, &row, "SELECT convert_to(repeat('x', 30000000), 'UTF8')"), 0);
    WEFT_CHECK_EQ(row.len, 30000000);
    return weft_db_close(db, 0);
}
