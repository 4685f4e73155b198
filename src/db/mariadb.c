/* MariaDB: a database opened and closed, and the way of a query. */
#include "db/mariadb.h"
#include <string.h>
#include "base/mem.h"

/* Threads beside those of connections, for kills and ends. */
enum { MORE_THREADS = 4, TRIES = 3 };
static const size_t STACK = (size_t)1 << 20;
/* For some seconds at a time: a server that says nothing for long is taken for dead. */
static const char lock[] = "SELECT GET_LOCK(LEFT(CONCAT('weft_migrations.', COALESCE(DATABASE(), '')), 64), 10)";

/* ---- a query ---- */

static bool in_transaction(const weft__query *q) { return q->lease && !q->lease->rows; }

static int refused(const weft__query *q)
{
    const weft__parsed *p = q->statement ? &q->statement->parsed : NULL;
    if (!p) return 0;
    if (!p->worded) return weft__fail(q->place, WEFT_EINVAL, "no statement: %.*s", WEFT__MARIA_SHOWN, q->text);
    if (p->kind == WEFT__SQL_SESSION && strcmp(q->text, lock) != 0)
        return weft__fail(q->place, WEFT_EDB, "what begins or ends transactions (WEFT_TRANSACTION is for that), or changes a connection that others have next "
            "(SET, USE, TEMPORARY, LOCK, GET_LOCK), is refused: %.*s", WEFT__MARIA_SHOWN, q->text);
    if (p->kind == WEFT__SQL_COMMITS && in_transaction(q))
        return weft__fail(q->place, WEFT_EDB, "MariaDB would commit the transaction begun at %s with it, so it is refused in one: %.*s", q->lease->place,
            WEFT__MARIA_SHOWN, q->text);
    return 0;
}

/* What a connection that had died was given is run on another one. */
static int on_a_connection(weft_db *root, weft__query *q)
{
    weft__maria_conn *c = q->lease && !q->takes ? q->lease->lane : NULL;
    for (int i = 0; i < TRIES; i++) {
        int rc = c ? 0 : weft__maria_take(root, q);
        if (rc < 0) return rc;
        if (!c) c = q->lane;
        weft__maria_trip(c, q);
        if (q->rc != WEFT__MARIA_STALE) break;
        weft__maria_give(c);
        c = NULL;
        weft__buf_clear(&q->fault);
    }
    if (q->rc == WEFT__MARIA_STALE) {
        weft__buf_printf(&q->fault, "the database cannot be reached: it closes each connection");
        q->rc = WEFT_EDB_AWAY;
    }
    if (c && q->lease && q->held) q->lease->lane = c;
    weft__lease_follows(root, q);
    if (c && (!q->lease || !q->lease->held)) weft__maria_give(c);
    return 0;
}

static bool at_work(const weft_db *root, const weft__query *q, const weft__query *waits)
{
    (void)root, (void)waits;
    return q->lane && !q->queue;
}

static int run_here(weft_db *root, weft__query *q)
{
    weft__waited w = weft__waited_of(root, q, weft__maria_holds_up);
    bool reads = q->statement && q->statement->parsed.reads && q->what <= WEFT__DO_EACH;
    int most = reads || (q->lease && q->lease->reads) ? root->opts.connections_max : 1;
    const weft__lease *own = weft__query_must_run(q) || (q->lease && !q->takes) ? NULL : weft__lease_own(&w, most);
    int rc = own ? weft__lease_own_failed(q, own) : refused(q);
    return rc < 0 ? rc : on_a_connection(root, q);
}

static int run(weft_db *root, weft__query *q)
{
    weft__maria_core *core = weft__maria_core_of(root);
    int rc = 0;
    q->fiber = weft__self();
    while (!weft__query_must_run(q) && rc == 0 && weft__scope_effective(q->fiber->scope)) rc = weft_yield();
    if (rc < 0) return rc;
    q->from_ns = weft__loop_now(root->loop);
    core->in_flight++;
    weft__query_runs(root, q);
    rc = run_here(root, q);
    weft__query_ran(root, q);
    core->in_flight--;
    if (!core->in_flight && core->closer) weft__wake(core->closer, 0);
    if (rc < 0) return rc;
    if (q->rc < 0) return weft__query_failed(root, q);
    weft__give_way();
    return q->rc;
}

/* ---- open ---- */

static void core_end(weft_db *root)
{
    weft__maria_core *c = weft__maria_core_of(root);
    weft__os *os = weft__loop_os(root->loop);
    c->closing = true;
    for (int i = 0; i < weft__maria_room(c); i++)
        if (c->conns[i]) weft__maria_close(c->conns[i]);
    weft__timer_stop(root->loop, &c->tick);
    weft__timer_stop(root->loop, &c->retry);
    if (c->pool) os->ops->jobs->pool_free(os, c->pool);
    weft__maria_settings_drop(c->settings);
    weft__free(c);
    root->core = NULL;
}

static int open_db(weft_db *root, weft_str rest, weft_str *fault)
{
    weft__os *os = weft__loop_os(root->loop);
    int room = root->opts.connections_max;
    *fault = WEFT_S("a server outside of it cannot be reached from the simulator");
    if (os->ops->virtual_time) return WEFT_EINVAL;
    weft__maria_core *c = weft__calloc(sizeof *c + (size_t)room * sizeof *c->conns);
    if (!c) return WEFT_ENOMEM;
    root->core = c;
    c->root = root;
    c->pool = os->ops->jobs->pool_new(os, &(weft__pool_opts){ .name = "mariadb", .threads_max = room + MORE_THREADS,
        .queue_max = 3 * room + MORE_THREADS, .stack_size = STACK });
    *fault = (weft_str){ 0 };
    int rc = c->pool ? weft__maria_settings_of(rest, &root->opts, &c->settings, fault) : WEFT_ENOMEM;
    weft__query q = { .what = WEFT__DO_OPEN, .text = root->url, .place = WEFT__HERE, .begin_to = -1 };
    weft__buf_init(&q.fault, 1024);
    if (rc == 0) rc = run(root, &q);
    weft__buf_free(&q.fault);
    if (rc < 0) core_end(root);
    return rc;
}

/* ---- close ---- */

static void await_all(weft__maria_core *c)
{
    c->closer = weft__self();
    while (c->in_flight) weft__park_through("what a database is at", NULL);
    c->closer = NULL;
}

static int close_db(weft_db *root)
{
    weft__maria_core *c = weft__maria_core_of(root);
    c->closing = true;
    weft__maria_refuse(&c->waiting, WEFT_ECLOSED);
    for (await_all(c); root->leases; await_all(c)) weft__lease_end_first(root);
    core_end(root);
    return 0;
}

/* The loop ends, and nobody has closed it. */
static void abandon(weft_db *root) { core_end(root); }

#define ENGINE(name) { .scheme = name, .dialect = WEFT__SQL_MARIADB, .open = open_db, .run = run, .at_work = at_work, .close = close_db, .abandon = abandon, .lock = lock, .lock_is_told = true, \
    .migrated = "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'weft_migrations'", \
    .migrations = "CREATE TABLE IF NOT EXISTS weft_migrations (number BIGINT PRIMARY KEY, name VARCHAR(255) NOT NULL, `sql` LONGTEXT NOT NULL," \
        " at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP)" }
const weft__engine weft__mariadb = ENGINE("mariadb"), weft__mariadb_mysql = ENGINE("mysql");
