#define _GNU_SOURCE
/* Allocations of weft's failed in turn through whole queries on servers, on the loop and on its threads: what fails says so, can be done again, and leaves no allocation
 * behind. The same with those of libpq's own. */
#include <unistd.h>
#include "db_world.h"
#include "libpq_alloc.h"
#include "model/plan.h"
#include "weft/listen.h"
#include "weft/table.h"

WEFT_MODEL(ServerThing, table("things"), field(int64_t, id), field(weft_str, name), opt(int, n), list(int, sizes), field(weft_decimal, price), key(id), unique(name), index(n));

static weft_db *db;
static int64_t there;                /* rows that must be */

static bool lost;                    /* ... and whether a statement has changed something is not known: it may have, until it is run again */

static bool any_failed(void) { return world_mem.failures || libpq_mem.failed; }

/* Nothing else fails, and only once: the same again goes well, when there is a connection again. */
static int done(int rc, int line, const char *what, bool *again)
{
    if (rc >= 0) return 0;
    bool no_memory = rc == WEFT_ENOMEM || ((rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST) && strcasestr(weft_error_of(rc)->text, "memory"));
    lost |= rc == WEFT_EDB_LOST;
    /* What it has no memory for libpq may drop without a word: then it is as if the server had not answered. */
    no_memory |= libpq_mem.failed && (rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST || rc == WEFT_ETIMEDOUT);
    lost |= rc == WEFT_ETIMEDOUT;
    *again = (no_memory || (rc == WEFT_EDB_UNIQUE && lost)) && any_failed();
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
    if (lost) WEFT_TRY(weft_db_execute(db, "DELETE FROM things WHERE name = {}", "it's one"));
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
    if (lost) WEFT_TRY(weft_db_execute(tx, "DELETE FROM things WHERE name = {}", "in"));
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
    if (lost) WEFT_TRY(weft_db_execute(db, "DELETE FROM things WHERE name IN ({}, {})", "m1", "m2"));
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
    WEFT_SCOPE(s, .timeout_ms = libpq_mem.failed ? 300 : 60000);
    int rc = weft_db_next(sub, &m);
    if (rc == WEFT_ETIMEDOUT && libpq_mem.failed) return 0;         /* a message that it has no memory for libpq drops, and tells nobody */
    WEFT_TRY(rc);
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
    int bound_ms = libpq_mem.fail_at ? 4000 : 60000;       /* a server answers sooner, also beside other loads */
    DO(weft_db_connect(db_url, &db, .connections_max = 2, .statements_max = 4, .acquire_ms = bound_ms, .statement_ms = bound_ms));
    int rc = steps(), closed = weft_db_close(db, 0);
    weft__errors_clear();
    weft__model_forget();
    return rc < 0 ? rc : closed;
}

/* The n-th allocation of the round fails. */
static int failed_round(long n, bool of_libpq)
{
    world_mem.failures = 0;
    libpq_mem = (libpq_memory){ .fail_at = of_libpq ? n + 1 : 0 };
    lost = false;
    if (!of_libpq) world_mem.fail_after = n;
    int rc = a_round();
    world_mem.fail_after = -1;
    libpq_mem.fail_at = 0;
    if (!WEFT_CHECK_EQ(rc, 0)) fprintf(stderr, "  (the above with allocation %ld failing)\n", n);
    return rc;
}

DB_SERVER_TEST(a_query_of_a_server_survives_allocations_that_fail)
{
    enum { KEPT = 16 + 512 };                        /* rooms that have grown: of timers, of threads; blocks of tasks' memory. What is lost is the sanitizer's to tell */
    const char *soak = getenv("WEFT_SOAK");
    long step = soak && *soak != '0' ? 1 : 11, round = 0;
    WEFT_TRY(a_round());
    long blocks = __atomic_load_n(&world_mem.blocks, __ATOMIC_RELAXED);
    for (int none = 0; none < 3 && round < 20000; round += step) {
        WEFT_TRY(failed_round(round, false));
        none = any_failed() ? 0 : none + 1;
    }
    WEFT_CHECK(round > 100);
    for (int i = 0; i < 400 && __atomic_load_n(&world_mem.blocks, __ATOMIC_RELAXED) > blocks + KEPT; i++) WEFT_TRY(weft_sleep_ms(5));    /* threads end what was closed */
    WEFT_CHECK(__atomic_load_n(&world_mem.blocks, __ATOMIC_RELAXED) <= blocks + KEPT);
    return 0;
}

/* Some of them, others in each run, as many as there is time for: what libpq drops without a word is waited for some seconds each time. */
static int of_libpq(void)
{
    enum { MS = 3000, SOAK_MS = 120000, APART = 61 };
    static char url[500];
    const char *soak = getenv("WEFT_SOAK");
    int64_t until_ms = world_real_ms() + (soak && *soak != '0' ? SOAK_MS : MS);
    int failed = 0;
    snprintf(url, sizeof url, "%s&connect_timeout=4", db_url);
    db_url = url;
    libpq_mem = (libpq_memory){ 0 };
    WEFT_TRY(a_round());
    long count = libpq_mem.made, n = getpid() % count;
    WEFT_CHECK(count > 200);
    do {
        WEFT_TRY(failed_round(n, true));
        failed += libpq_mem.failed;
        n = (n + APART) % count;
    } while (world_real_ms() < until_ms);
    WEFT_CHECK(failed > 0);
    return 0;
}

WEFT_TEST(a_query_survives_allocations_of_libpqs_that_fail)
{
    if (!libpq_mem_watch()) WEFT_SKIP("libpq is no library by itself here");
    db_on_postgres(weft_call(of_libpq));
}
