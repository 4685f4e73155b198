/* Every allocation failed in turn through whole queries, weft's and SQLite's own: what fails says so, has changed nothing, can be done again, and leaves
 * no allocation behind. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "model/plan.h"
#include "os/sim.h"
#include "support/failing.h"
#include "task/loop.h"
#include "testing/folder.h"
#include "testing/verdict.h"
#include "weft/table.h"

WEFT_MODEL(Thing, table("things"), field(int64_t, id), field(weft_str, name), opt(int, n), list(int, sizes), field(weft_decimal, price), key(id), unique(name), index(n));
WEFT_MODEL(Change, opt(int, n));

static weft_db *db;
static int64_t there;                /* rows that must be */
static long round_now;
static bool of_sqlite;
static const char *url = "sqlite://:memory:";

/* ---- who fails ---- */

/* Those of SQLite are counted by themselves: it keeps some for as long as the process lives, and does without others. */
static struct { long made, fail_at, live; bool failed; } theirs;

static void *sql_alloc(int n)
{
    if (++theirs.made == theirs.fail_at) return theirs.failed = true, NULL;
    int64_t *p = malloc((size_t)n + 16);
    if (!p) return NULL;
    *p = n;
    theirs.live++;
    return p + 2;
}

static void sql_free(void *p)
{
    if (!p) return;
    theirs.live--;
    free((int64_t *)p - 2);
}

static int sql_size(void *p) { return p ? (int)((int64_t *)p)[-2] : 0; }
static int sql_round(int n) { return (n + 7) & ~7; }
static int sql_init(void *unused) { (void)unused; return SQLITE_OK; }
static void sql_shutdown(void *unused) { (void)unused; }

static void *sql_resize(void *p, int n)
{
    void *more = sql_alloc(n);
    if (!more) return NULL;
    memcpy(more, p, (size_t)(sql_size(p) < n ? sql_size(p) : n));
    sql_free(p);
    return more;
}

static const sqlite3_mem_methods methods = { sql_alloc, sql_free, sql_resize, sql_size, sql_round, sql_init, sql_shutdown, NULL };

static bool any_failed(void) { return fails.failed || theirs.failed; }

/* ---- what is done ---- */

/* Only a failed allocation makes it fail, and only once: the same again goes well. */
static int done(int rc, int again_at, const char *what)
{
    if (rc >= 0) return 0;
    if (rc == WEFT_ENOMEM && any_failed()) return 1;
    weft__check_fail(__FILE__, again_at, "%s: %d, %s", what, rc, weft_error_of(rc)->text);
    return -1;
}
#define DO(call) do { \
    int again_ = done((call), __LINE__, #call); \
    if (again_ > 0) again_ = done((call), __LINE__, "again: " #call) ? -1 : 0; \
    if (again_ < 0) return WEFT_EDB; } while (0)

/* Without memory to undo the savepoint that is left, all of the transaction is undone, which its commit says. */
static int in_a_transaction(void)
{
    WEFT_TRANSACTION(tx, db);
    Thing t = { .name = WEFT_S("in"), .price = { WEFT_S("1") } };
    WEFT_TRY(weft_db_insert(tx, Thing, &t));
    {
        WEFT_TRANSACTION(part, tx);
        int rc = weft_db_execute(part, "DELETE FROM things");
        WEFT_TRY(rc);
    }
    int rc = weft_db_commit(tx);
    return rc == WEFT_EDB && any_failed() && strstr(weft_error_of(rc)->text, "has rolled back") ? WEFT_ENOMEM : rc;
}

static int rows_one_by_one(void)
{
    Thing t;
    int n = 0;
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, "SELECT * FROM things WHERE id > {} ORDER BY id", 0));
    for (int rc; (rc = weft_rows_next(Thing, rows, &t)) != 0; n++) WEFT_TRY(rc);
    WEFT_CHECK_EQ(n, there);
    return 0;
}

static int batch(void)
{
    const Thing many[] = { { .name = WEFT_S("m1"), .price = { WEFT_S("1") } }, { .name = WEFT_S("m2"), .price = { WEFT_S("2") } } };
    int rc = weft_db_each(db, Thing, many, 2, "INSERT INTO things (name, sizes, price) VALUES (:name, :sizes, :price)");
    if (rc >= 0) WEFT_CHECK_EQ(rc, 2);
    return rc;
}

static int inserted(void)
{
    int sizes[] = { 1, 2 };
    Thing t = { .name = WEFT_S("it's one"), .sizes = { sizes, 2, 2 }, .price = { WEFT_S("12.50") } };
    WEFT_TRY(weft_db_insert(db, Thing, &t));
    return 0;
}

static int one(void)
{
    Thing t;
    WEFT_TRY(weft_db_get(db, Thing, &t, 1));
    WEFT_CHECK(t.sizes.count == 2 && t.n.null);
    WEFT_CHECK_STR(t.price.text, "12.50");
    return 0;
}

static int patched(void)
{
    Thing t;
    WEFT_TRY(weft_db_patch(db, Thing, &t, Change, &(Change){ .n = WEFT_SOME(7) }, 1));
    WEFT_CHECK_EQ(t.n.value, 7);
    return 0;
}

static int found(void)
{
    weft_list_Thing all;
    WEFT_TRY(weft_db_find(db, Thing, &all, .like = weft_fields(Change, &(Change){ .n = { .null = true } }), .order = "-name", .limit = 9));
    WEFT_CHECK_EQ(all.count, there - 1);
    return 0;
}

static int counted(void)
{
    int64_t n = -1;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM things"));
    WEFT_CHECK_EQ(n, there);
    return 0;
}

static int all_changed(void)
{
    int rc = weft_db_execute(db, "UPDATE things SET n = 1");
    if (rc >= 0) WEFT_CHECK_EQ(rc, there);
    return rc;
}

static int refused(void)
{
    int rc = weft_db_execute(db, "INSERT INTO things (name, sizes, price) VALUES ({}, '[]', '0')", "in");
    return rc == WEFT_EDB_UNIQUE ? 0 : rc;
}

static int steps(void)
{
    there = 0;
    DO(weft_db_create_table(db, Thing));
    DO(inserted());
    there++;
    DO(one());
    DO(patched());
    DO(in_a_transaction());
    there++;
    DO(batch());
    there += 2;
    DO(found());
    DO(rows_one_by_one());
    DO(refused());
    DO(all_changed());
    DO(counted());
    return 0;
}

static int body(void)
{
    if (of_sqlite) theirs.fail_at = theirs.made + round_now;
    else fails.fail_at = fails.made + round_now;
    db = NULL;
    DO(weft_db_connect(url, &db, .relaxed = true));
    int rc = steps();
    int closed = weft_db_close(db, 0);
    fails.fail_at = theirs.fail_at = 0;
    return rc < 0 ? rc : closed;
}

static const char *const files[] = { "test.db", "test.db-wal", "test.db-shm" };

/* True when another round is due. */
static bool a_round(void)
{
    for (size_t i = 0; i < weft_count(files); i++) unlink(files[i]);
    failing_from(0);
    theirs.failed = false;
    weft__os *os = weft__sim_new(&(weft__sim_opts){ 0 });
    weft__loop *loop = weft__loop_new(os);
    WEFT_NEED(loop != NULL);
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(body)), 0);
    weft__errors_clear();
    weft__loop_free(loop);
    os->ops->free(os);
    weft__model_forget();
    WEFT_CHECK_EQ(fails.live, 0);
    return any_failed();
}

static void all_rounds(bool sqlites)
{
    enum { ROUNDS_MAX = 20000 };
    unsigned before = weft__verdict_now->failed_checks;
    of_sqlite = sqlites;
    /* Those of SQLite's are many: all in a soak, else a third of them, another one in each run. */
    const char *soak = getenv("WEFT_SOAK");
    long step = sqlites && (!soak || *soak == '0') ? 3 : 1;
    for (round_now = 1 + getpid() % step; round_now < ROUNDS_MAX && a_round(); round_now += step) {
        if (weft__verdict_now->failed_checks == before) continue;
        fprintf(stderr, "  (the above with allocation %ld failing)\n", round_now);
        return;
    }
    WEFT_CHECK(round_now > 100 && round_now < ROUNDS_MAX);
    printf("allocations failed up to the %ldth, each %s\n", round_now - step, step == 1 ? "one" : "third");
}

WEFT_TEST(a_query_survives_each_allocation_of_its_own_that_fails) { all_rounds(false); }

static void in_a_file(void)
{
    WEFT_NEED(chdir(weft__test_folder(WEFT__IN_MEMORY)) == 0);
    url = "sqlite:///test.db";
}

static void fail_sqlites(void)
{
    WEFT_NEED(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
    WEFT_NEED(sqlite3_initialize() == SQLITE_OK);
    all_rounds(true);
}

WEFT_TEST(a_query_survives_allocations_of_sqlites_that_fail) { fail_sqlites(); }

WEFT_TEST(a_query_of_a_file_survives_each_allocation_of_its_own_that_fails)
{
    in_a_file();
    all_rounds(false);
}

WEFT_TEST(a_query_of_a_file_survives_allocations_of_sqlites_that_fail)
{
    in_a_file();
    fail_sqlites();
}
