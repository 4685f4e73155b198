/* Allocations of weft's failed in turn through whole queries on MariaDB, on the loop and on its threads: what fails says so, can be done again, and leaves no allocation
 * behind. What is libmariadb's own comes from malloc, and is not failed. */
#include "db_world.h"
#include "model/plan.h"
#include "weft/table.h"

WEFT_MODEL(MariaThing, table("things"), field(int64_t, id), field(weft_str, name), opt(int, n), list(int, sizes), field(weft_decimal, price), key(id), unique(name), index(n));

static weft_db *db;
static int64_t there;                /* rows that must be */

/* Nothing else fails, and only once: the same again goes well, when there is a connection again. */
static int done(int rc, int line, const char *what, bool *again)
{
    bool no_memory = rc == WEFT_ENOMEM || (rc == WEFT_EDB_AWAY && strstr(weft_error_of(rc)->text, "memory"));
    if (rc >= 0) return 0;
    *again = no_memory && world_mem.failures;
    if (!*again) weft__check_fail(__FILE__, line, "%s: %d, %s", what, rc, weft_error_of(rc)->text);
    return rc;
}
#define DO(call) do { \
    bool again_ = true; \
    int rc_ = -1; \
    for (int i_ = 0; i_ < 400 && again_; i_++) { \
        again_ = false; \
        rc_ = done((call), __LINE__, #call, &again_); \
        if (again_) (void)!weft_sleep_ms(5); \
    } \
    if (rc_ < 0) return WEFT_EDB; } while (0)

static int inserted(void)
{
    int sizes[] = { 1, 2 };
    MariaThing t = { .name = WEFT_S("it's one"), .sizes = { sizes, 2, 2 }, .price = { WEFT_S("12.50") } };
    return weft_db_insert(db, MariaThing, &t);
}

static int one(void)
{
    MariaThing t;
    WEFT_TRY(weft_db_one(db, MariaThing, &t, "SELECT * FROM things WHERE name = {}", "it's one"));
    WEFT_CHECK(t.sizes.count == 2 && t.n.null);
    WEFT_CHECK_STR(t.price.text, "12.50");
    return 0;
}

static int in_a_transaction(void)
{
    WEFT_TRANSACTION(tx, db);
    MariaThing t = { .name = WEFT_S("in"), .price = { WEFT_S("1") } };
    WEFT_TRY(weft_db_insert(tx, MariaThing, &t));
    {
        WEFT_TRANSACTION(part, tx);
        int rc = weft_db_execute(part, "DELETE FROM things");
        WEFT_TRY(rc);
    }
    return weft_db_commit(tx);
}

static int batch(void)
{
    const MariaThing many[] = { { .name = WEFT_S("m1"), .price = { WEFT_S("1") } }, { .name = WEFT_S("m2"), .price = { WEFT_S("2") } } };
    int rc = weft_db_each(db, MariaThing, many, 2, "INSERT INTO things (name, sizes, price) VALUES (:name, :sizes, :price)");
    if (rc >= 0) WEFT_CHECK_EQ(rc, 2);
    return rc;
}

static int rows_one_by_one(void)
{
    MariaThing t;
    int n = 0;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, "SELECT * FROM things WHERE id > {} ORDER BY id", 0));
    for (int rc; (rc = weft_rows_next(MariaThing, rows, &t)) != 0; n++) WEFT_TRY(rc);
    WEFT_CHECK_EQ(n, there);
    return 0;
}

static int refused(void)
{
    int rc = weft_db_execute(db, "INSERT INTO things (name, sizes, price) VALUES ({}, '[]', '0')", "in");
    return rc == WEFT_EDB_UNIQUE ? 0 : rc;
}

static int counted(void)
{
    int64_t n = -1;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM things"));
    WEFT_CHECK_EQ(n, there);
    return 0;
}

static int steps(void)
{
    there = 0;
    DO(weft_db_script(db, "DROP TABLE IF EXISTS things"));
    DO(weft_db_create_table(db, MariaThing));
    DO(inserted());
    there++;
    DO(one());
    DO(in_a_transaction());
    there++;
    DO(batch());
    there += 2;
    DO(rows_one_by_one());
    DO(refused());
    DO(counted());
    return 0;
}

static int a_round(void)
{
    WEFT_TEMP;
    db = NULL;
    DO(weft_db_connect(db_url, &db, .connections_max = 2, .acquire_ms = 60000, .statement_ms = 60000));
    int rc = steps(), closed = weft_db_close(db, 0);
    weft__errors_clear();
    weft__model_forget();
    return rc < 0 ? rc : closed;
}

DB_MARIA_TEST(a_query_of_mariadb_survives_allocations_that_fail)
{
    enum { KEPT = 16 };                              /* rooms that have grown: of timers, of threads; what is lost is the sanitizer's to tell */
    const char *soak = getenv("WEFT_SOAK");
    long step = soak && *soak != '0' ? 1 : 29, round = 0;
    WEFT_TRY(a_round());
    long blocks = __atomic_load_n(&world_mem.blocks, __ATOMIC_RELAXED);
    for (int none = 0; none < 3 && round < 20000; round += step) {
        world_mem.failures = 0;
        world_mem.fail_after = round;
        int rc = a_round();
        world_mem.fail_after = -1;
        none = world_mem.failures ? 0 : none + 1;
        if (!WEFT_CHECK_EQ(rc, 0)) return fprintf(stderr, "  (the above with allocation %ld failing)\n", round), -1;
    }
    WEFT_CHECK(round > 100);
    for (int i = 0; i < 400 && __atomic_load_n(&world_mem.blocks, __ATOMIC_RELAXED) > blocks + KEPT; i++) WEFT_TRY(weft_sleep_ms(5));    /* threads end what was closed */
    WEFT_CHECK(__atomic_load_n(&world_mem.blocks, __ATOMIC_RELAXED) <= blocks + KEPT);
    return 0;
}
