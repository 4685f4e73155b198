/* PostgreSQL: a database opened and closed, and which way a query goes. */
#include "db/postgres.h"
#include <string.h>
#include "base/mem.h"

enum { CANCELS_AT_ONCE = 4, CANCELS_WAITING = 256, MADE_MAX = 64 << 20 };

/* ---- which way ---- */

/* What changes nothing, is prepared under a name of its own and was quick when it last ran may follow others without waiting for them. What may
 * wait for a lock, or for long, would have others wait behind it. */
static bool is_short(const weft__query *q)
{
    return q->what < WEFT__DO_EACH || (q->what == WEFT__DO_EACH && q->schema && q->items->count <= WEFT__PG_ITEMS_MAX);
}

static bool shares(const weft__query *q)
{
    weft__statement *st = q->statement;
    if (q->lease || q->alone || !is_short(q) || !st->parsed.reads || !st->known || st->slot < 0 || !((weft__pg_known *)st->known)->rows) return false;
    bool tries = st->slow == WEFT__PG_SUSPECT;
    if (tries) st->slow = WEFT__PG_TRIED;
    return !tries && st->slow != WEFT__PG_SLOW;
}

static int on_its_own(weft_db *root, weft__query *q)
{
    int rc = 0;
    weft__pg_conn *c = q->lease && !q->takes ? q->lease->lane : NULL;
    while (!c) {
        if ((rc = weft__pg_take(root, q)) < 0) return rc;
        c = q->lane;
        if (!c->broken) break;
        weft__pg_give(c);                            /* between being given and being used: nothing was sent */
        c = NULL;
    }
    q->rc = weft__pg_run(c, q);
    if (q->lease && q->held) q->lease->lane = c;
    weft__lease_follows(root, q);
    if (!q->lease || !q->lease->held) weft__pg_give(c);
    return 0;
}

/* Before the loop polls: what all tasks of this turn have asked goes out. */
static void on_turn(weft__hook *hook)
{
    weft__pg_core *core = (weft__pg_core *)((char *)hook - offsetof(weft__pg_core, hook));
    if (!core->dirty) return;
    weft__pg_dispatch(core);
    while (core->dirty) {
        core->dirty = false;                         /* one that breaks has its queries sent elsewhere */
        for (int i = 0; i < weft__pg_room(core); i++)
            if (core->conns[i].this_turn) weft__pg_shared_sync(&core->conns[i]);
    }
}

static int refused(weft__query *q)
{
    const weft__statement *st = q->statement;
    if (st && st->parsed.kind == WEFT__SQL_SESSION)
        return weft__fail(q->place, WEFT_EDB, "what begins or ends transactions (WEFT_TRANSACTION is for that), or changes a connection that others have next "
            "(SET, LISTEN, TEMPORARY, locks of a session), is refused: %.*s", WEFT__PG_SHOWN, q->text);
    if (st && (st->parsed.more || !st->parsed.worded)) return weft__fail(q->place, WEFT_EINVAL, "%s: %.*s", st->parsed.more ? "more than one statement" : "no statement", WEFT__PG_SHOWN, q->text);
    return 0;
}

/* Also one that shares it, with answers to come: it is nobody's alone before. */
static bool at_work(const weft_db *root, const weft__query *q, const weft__query *waits)
{
    (void)root, (void)waits;
    return !q->queue && (q->state == WEFT__PG_GIVEN || q->state == WEFT__PG_SENT);
}

static int run_here(weft_db *root, weft__query *q)
{
    weft__waited w = weft__waited_of(root, q, weft__pg_holds_up);
    int most = weft__pg_reads(q) ? root->opts.connections_max : 1;
    const weft__lease *own = weft__query_must_run(q) || (q->lease && !q->takes) ? NULL : weft__lease_own(&w, most);
    int rc = own ? weft__lease_own_failed(q, own) : refused(q);
    if (rc == 0) rc = shares(q) ? weft__pg_share(root, q) : 1;
    return rc == 1 ? on_its_own(root, q) : rc;
}

static int run(weft_db *root, weft__query *q)
{
    weft__pg_core *core = weft__pg_core_of(root);
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
    weft__pg_core *c = weft__pg_core_of(root);
    weft__os *os = weft__loop_os(root->loop);
    c->closing = true;
    weft__pg_listen_end(c);
    for (int i = 0; i < weft__pg_room(c); i++) {
        weft__pg_open_end(&c->conns[i]);
        weft__pg_close(&c->conns[i]);
    }
    weft__timer_stop(root->loop, &c->tick);
    weft__timer_stop(root->loop, &c->retry);
    weft__loop_unhook(root->loop, &c->hook);
    if (c->pool) os->ops->jobs->pool_free(os, c->pool);
    PQconninfoFree(c->info);
    PQconninfoFree(c->defaults);
    weft__free(c->types.items);
    weft__free(c->cells);
    weft__free(c->part);
    weft__arena_free(&c->made);
    weft__buf_free(&c->why);
    weft__free(c);
    root->core = NULL;
}

static int open_db(weft_db *root, weft_str rest, weft_str *fault)
{
    weft__os *os = weft__loop_os(root->loop);
    *fault = WEFT_S("a server outside of it cannot be reached from the simulator");
    if (os->ops->virtual_time) return WEFT_EINVAL;
    weft__pg_core *c = weft__calloc(sizeof *c + (size_t)root->opts.connections_max * sizeof *c->conns);
    if (!c) return WEFT_ENOMEM;
    root->core = c;
    c->root = root;
    c->hook = (weft__hook){ .run = on_turn };
    for (int i = 0; i < root->opts.connections_max; i++) c->conns[i] = (weft__pg_conn){ .core = c, .fd = -1 };
    weft__arena_init(&c->made, weft__loop_blocks(root->loop), MADE_MAX);
    weft__buf_init(&c->why, 512);
    weft__loop_hook(root->loop, &c->hook);
    c->pool = os->ops->jobs->pool_new(os, &(weft__pool_opts){ .name = "postgres", .threads_max = CANCELS_AT_ONCE, .queue_max = CANCELS_WAITING });
    *fault = (weft_str){ 0 };
    int rc = c->pool ? weft__pg_settings(c, rest, fault) : WEFT_ENOMEM;
    weft__query q = { .what = WEFT__DO_OPEN, .text = root->url, .place = WEFT__HERE, .begin_to = -1 };
    weft__buf_init(&q.fault, 1024);
    if (rc == 0) rc = run(root, &q);
    weft__buf_free(&q.fault);
    if (rc < 0) core_end(root);
    return rc;
}

/* ---- close ---- */

static void await_all(weft__pg_core *c)
{
    c->closer = weft__self();
    while (c->in_flight) weft__park_through("what a database is at", NULL);
    c->closer = NULL;
}

static int close_db(weft_db *root)
{
    weft__pg_core *c = weft__pg_core_of(root);
    c->closing = true;
    weft__pg_listen_end(c);
    weft__pg_refuse(&c->shared, WEFT_ECLOSED);
    weft__pg_refuse(&c->alone, WEFT_ECLOSED);
    for (await_all(c); root->leases; await_all(c)) weft__lease_end_first(root);
    core_end(root);
    return 0;
}

/* The loop ends, and nobody has closed it. */
static void abandon(weft_db *root) { core_end(root); }

#define ENGINE(name) { .scheme = name, .dialect = WEFT__SQL_POSTGRES, .open = open_db, .run = run, .at_work = at_work, .close = close_db, .abandon = abandon, .listen = weft__pg_listen, .unlisten = weft__pg_unlisten, .copy_row = weft__pg_copy_row, \
    .migrated = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('weft_migrations')", .lock = "SELECT pg_advisory_xact_lock(7310308426115443302)" }
const weft__engine weft__postgres = ENGINE("postgresql"), weft__postgres_short = ENGINE("postgres");
