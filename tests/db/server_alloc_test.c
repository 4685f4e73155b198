/* Allocations of weft's failed in turn through whole queries on servers, on the loop and on its threads: what fails says so, can be done again, and leaves no allocation
 * behind. What is their libraries' own comes from malloc, and is not failed here. */
#include <unistd.h>
#include "db_world.h"
#include "model/plan.h"
#include "weft/listen.h"
#include "weft/table.h"

WEFT_MODEL(ServerThing, table("things"), field(int64_t, id), field(weft_str, name), opt(int, n), list(int, sizes), field(weft_decimal, price), key(id), unique(name), index(n));

static weft_db *db;
static int64_t there;                /* rows that must be */

/* Nothing else fails, and only once: the same again goes well, when there is a connection again. */
static int done(int rc, int line, const char *what, bool *again)
{
    bool no_memory = rc == WEFT_ENOMEM || ((rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST) && strstr(weft_error_of(rc)->text, "memory"));
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
    ServerThing t = { .name = WEFT_S("it's one"), .sizes = { sizes, 2, 2 }, .price = { WEFT_S("12.50") } };
    return weft_db_insert(db, ServerThing, &t);
}

static int one(void)
{
    ServerThing t;
    WEFT_TRY(weft_db_one(db, ServerThing, &t, "SELECT * FROM things WHERE name = {}", "it's one"));
    WEFT_CHECK(t.sizes.count == 2 && t.n.null);
    WEFT_CHECK_STR(t.price.text, "12.50");
    return 0;
}

static int in_a_transaction(void)
{
    WEFT_TRANSACTION(tx, db);
    ServerThing t = { .name = WEFT_S("in"), .price = { WEFT_S("1") } };
    WEFT_TRY(weft_db_insert(tx, ServerThing, &t));
    {
        WEFT_TRANSACTION(part, tx);
        int rc = weft_db_execute(part, "DELETE FROM things");
        WEFT_TRY(rc);
    }
    return weft_db_commit(tx);
}

static int batch(void)
{
    const ServerThing many[] = { { .name = WEFT_S("m1"), .price = { WEFT_S("1") } }, { .name = WEFT_S("m2"), .price = { WEFT_S("2") } } };
    int rc = weft_db_each(db, ServerThing, many, 2, "INSERT INTO things (name, sizes, price) VALUES (:name, :sizes, :price)");
    if (rc >= 0) WEFT_CHECK_EQ(rc, 2);
    return rc;
}

static int rows_one_by_one(void)
{
    ServerThing t;
    int n = 0;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, "SELECT * FROM things WHERE id > {} ORDER BY id", 0));
    for (int rc; (rc = weft_rows_next(ServerThing, rows, &t)) != 0; n++) WEFT_TRY(rc);
    WEFT_CHECK_EQ(n, there);
    return 0;
}

static int refused(void)
{
    ServerThing t = { .name = WEFT_S("in"), .price = { WEFT_S("1") } };
    int rc = weft_db_insert(db, ServerThing, &t);
    return rc == WEFT_EDB_UNIQUE ? 0 : rc;
}

static const weft_str names[] = { { "it's one", 8 }, { "in", 2 }, { "m1", 2 }, { "m2", 2 } };

static int own_answer(const int *which)
{
    weft_str name;
    WEFT_TRY(weft_db_value(db, weft_str, &name, "SELECT name FROM things WHERE name = {}", names[*which]));
    WEFT_CHECK(weft_str_equal(name, names[*which]));
    return 0;
}

/* Those that go on when one fails are cancelled, at what they share. */
static int at_once(void)
{
    static const int n[] = { 0, 1, 2, 3 };
    return weft_gather(weft_call(own_answer, &n[0], NULL), weft_call(own_answer, &n[1], NULL), weft_call(own_answer, &n[2], NULL), weft_call(own_answer, &n[3], NULL),
        weft_call(own_answer, &n[2], NULL));
}

static int for_each(void)
{
    ServerThing out[4];
    weft_list_ServerThing all;
    WEFT_TRY(weft_db_one_each(db, ServerThing, out, weft_str, names, 4, "SELECT * FROM things WHERE name = {}"));
    for (int i = 0; i < 4; i++) WEFT_CHECK(weft_str_equal(out[i].name, names[i]));
    WEFT_TRY(weft_db_all_each(db, ServerThing, &all, weft_str, names, 4, "SELECT * FROM things WHERE name >= {} ORDER BY name DESC"));
    WEFT_CHECK(all.count == 9 || all.count == 10);       /* as its collation has it */
    return 0;
}

static int told(void)
{
    weft_db_message m;
    char channel[40];
    snprintf(channel, sizeof channel, "things-%d", (int)getpid());
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(db, &sub, channel, "other"));
    WEFT_TRY(weft_db_notify(db, channel, "17"));
    WEFT_TRY(weft_db_next(sub, &m));
    WEFT_CHECK(m.gap || weft_str_equal(m.text, WEFT_S("17")));
    return 0;
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
    DO(weft_db_create_table(db, ServerThing));           /* that makes it the first time: a new one for each round would be most of its time */
    DO(weft_db_script(db, "DELETE FROM things"));
    DO(inserted());
    there++;
    DO(one());
    DO(in_a_transaction());
    there++;
    DO(batch());
    there += 2;
    DO(rows_one_by_one());
    DO(refused());
    for (int i = 0; i < 3; i++) DO(at_once());           /* asked for, known, known to be quick */
    DO(for_each());
    if (db_is_postgres()) DO(told());
    DO(counted());
    return 0;
}

static int a_round(void)
{
    WEFT_TEMP;
    db = NULL;
    DO(weft_db_connect(db_url, &db, .connections_max = 2, .statements_max = 4, .acquire_ms = 60000, .statement_ms = 60000));
    int rc = steps(), closed = weft_db_close(db, 0);
    weft__errors_clear();
    weft__model_forget();
    return rc < 0 ? rc : closed;
}

DB_SERVER_TEST(a_query_of_a_server_survives_allocations_that_fail)
{
    enum { KEPT = 16 + 512 };                        /* rooms that have grown: of timers, of threads; blocks of tasks' memory. What is lost is the sanitizer's to tell */
    const char *soak = getenv("WEFT_SOAK");
    long step = soak && *soak != '0' ? 1 : 11, round = 0;
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
