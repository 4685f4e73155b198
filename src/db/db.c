/* Databases: opened by URL, closed, and what of them is open on a loop. */
#include <string.h>
#include "base/mem.h"
#include "db/engine.h"
#include "db/features.h"
#include "db/table.h"
#include "db/url.h"
#include "task/job.h"

enum { READERS_MAX = 64, CONNECTIONS_MAX = 256, STATEMENTS_MAX = 4096, URL_MAX = 4096 };

static const weft__engine *const engines[] = {
#if WEFT__HAS_SQLITE
    &weft__sqlite,
#endif
#if WEFT__HAS_POSTGRES
    &weft__postgres, &weft__postgres_short,
#endif
#if WEFT__HAS_MARIADB
    &weft__mariadb, &weft__mariadb_mysql,
#endif
    NULL
};

/* ---- those of a loop ---- */

typedef struct dbs { weft__loop *loop; weft_db *first; } dbs;

static void root_free(weft_db *root)
{
    weft__statements_free(&root->statements);
    weft__tables_free(root);
    weft__free(root->url);
    weft__free(root);
}

static void abandon_all(void *arg)
{
    dbs *all = arg;
    for (weft_db *db; (db = all->first);) {
        all->first = db->next;
        db->engine->abandon(db);
        root_free(db);
    }
    *weft__loop_slot(all->loop, WEFT__SLOT_DB) = NULL;
    weft__free(all);
}

static dbs *dbs_here(weft__loop *loop)
{
    void **slot = weft__loop_slot(loop, WEFT__SLOT_DB);
    if (*slot) return *slot;
    dbs *all = weft__malloc(sizeof *all);
    if (!all) return NULL;
    *all = (dbs){ .loop = loop };
    if (weft__loop_on_free(loop, abandon_all, all) < 0) {
        weft__free(all);
        return NULL;
    }
    return *slot = all;
}

static void link_db(dbs *all, weft_db *db)
{
    db->next = all->first;
    if (db->next) db->next->prev = db;
    all->first = db;
}

static void unlink_db(weft_db *db)
{
    dbs *all = *weft__loop_slot(db->loop, WEFT__SLOT_DB);
    *(db->prev ? &db->prev->next : &all->first) = db->next;
    if (db->next) db->next->prev = db->prev;
}

void weft__db_keep(weft_db *root) { root->refs++; }

void weft__db_drop(weft_db *root)
{
    if (--root->refs == 0) root_free(root);
}

/* ---- connect ---- */

static int refuse(const char *what, int is, const char *range)
{
    return weft_fail(WEFT_EINVAL, "weft_db_connect: .%s is %d; it must be %s", what, is, range);
}

static int check(weft_db_opts *o)
{
    if (o->readers_max < 0 || o->readers_max > READERS_MAX) return refuse("readers_max", o->readers_max, "0 to 64");
    if (o->connections_max < 0 || o->connections_max > CONNECTIONS_MAX) return refuse("connections_max", o->connections_max, "0 to 256");
    if (o->lifetime_ms < -1) return refuse("lifetime_ms", o->lifetime_ms, "-1 (none) or more");
    if (o->idle_ms < -1) return refuse("idle_ms", o->idle_ms, "-1 (none) or more");
    if (o->statements_max < 0 || o->statements_max > STATEMENTS_MAX) return refuse("statements_max", o->statements_max, "0 to 4096");
    if (o->acquire_ms < -1) return refuse("acquire_ms", o->acquire_ms, "-1 (none) or more");
    if (o->statement_ms < -1) return refuse("statement_ms", o->statement_ms, "-1 (none) or more");
    if (o->busy_ms < -1) return refuse("busy_ms", o->busy_ms, "-1 (not at all) or more");
    if (o->bytes_max < 0) return refuse("bytes_max", -1, "0 (none) or more");
    if (!o->readers_max) o->readers_max = 4;
    if (!o->connections_max) o->connections_max = 8;
    if (!o->lifetime_ms) o->lifetime_ms = 30 * 60 * 1000;
    if (!o->idle_ms) o->idle_ms = 5 * 60 * 1000;
    if (!o->statements_max) o->statements_max = 256;
    if (!o->acquire_ms) o->acquire_ms = 5000;
    if (!o->statement_ms) o->statement_ms = 30000;
    if (!o->busy_ms) o->busy_ms = 5000;
    return 0;
}

static const weft__engine *engine_of(const char *url, weft_str *rest)
{
    for (size_t i = 0; engines[i]; i++) {
        size_t n = strlen(engines[i]->scheme);
        if (strncmp(url, engines[i]->scheme, n) || strncmp(url + n, "://", 3)) continue;
        *rest = weft_str_of(url + n + 3);
        return engines[i];
    }
    return NULL;
}

/* What is no URL may have a password in it, and is not shown. */
static int no_engine(const char *url)
{
    static const struct { const char *scheme, *database, *debian; } known[] = {
        { "sqlite", "SQLite", "libsqlite3-dev" }, { "postgresql", "PostgreSQL", "libpq-dev" }, { "postgres", "PostgreSQL", "libpq-dev" },
        { "mariadb", "MariaDB", "libmariadb-dev" }, { "mysql", "MariaDB", "libmariadb-dev" } };
    weft_str scheme = weft__db_url_scheme(url);
    if (strlen(url) >= URL_MAX) return weft_fail(WEFT_EINVAL, "weft_db_connect: the URL has %zu bytes, and %d are the most", strlen(url), URL_MAX - 1);
    if (!scheme.len) return weft_fail(WEFT_EINVAL, "weft_db_connect: what is given is no URL: sqlite:///file.db is one");
    for (size_t i = 0; i < weft_count(known); i++)
        if (weft_str_equal(scheme, weft_str_of(known[i].scheme)))
            return weft_fail(WEFT_EINVAL, "weft_db_connect: this weft was built without %s (Debian: %s)", known[i].database, known[i].debian);
    return weft_fail(WEFT_EINVAL, "weft_db_connect: there is no database for '%.*s://'; there are sqlite://, postgresql:// and mysql://", (int)(scheme.len < 40 ? scheme.len : 40), url);
}

static int connect_to(weft_db *db, const char *url, weft_str rest)
{
    weft_str fault = { 0 };
    size_t n = strlen(url);
    db->url = weft__malloc(n + 1);
    int rc = db->url ? weft__statements_init(&db->statements, db->opts.statements_max, db->engine->dialect) : WEFT_ENOMEM;
    if (rc == 0) {
        memcpy(db->url, url, n + 1);
        weft__db_url_hide(db->url);
        const char *why = db->engine->dialect == WEFT__SQL_SQLITE ? NULL : weft__db_url_fault(rest);
        fault = weft_str_of(why);
        rc = why ? WEFT_EINVAL : db->engine->open(db, rest, &fault);
    }
    if (rc == WEFT_EINVAL && fault.ptr) return weft_fail(rc, "weft_db_connect: '%.200s': %.*s", db->url, WEFT_FMT(fault));
    return rc;
}

int weft_db_connect_with(const char *url, weft_db **out, const weft_db_opts *opts)
{
    weft_str rest;
    weft__fiber *f = weft__self();
    if (!f) return weft__no_task("weft_db_connect");
    weft_db_opts o = *opts;
    int rc = check(&o);
    if (rc < 0) return rc;
    const weft__engine *engine = url && strlen(url) < URL_MAX ? engine_of(url, &rest) : NULL;
    if (!engine) return no_engine(url ? url : "");
    weft_db *db = weft__calloc(sizeof *db);
    if (!db) return weft_fail(WEFT_ENOMEM, "weft_db_connect: no memory for a database");
    *db = (weft_db){ .engine = engine, .root = db, .opts = o, .loop = f->loop, .refs = 1 };
    dbs *all = dbs_here(f->loop);
    rc = all ? 0 : WEFT_ENOMEM;
    if (rc == 0) rc = connect_to(db, url, rest);
    if (rc < 0) return weft__db_drop(db), rc;
    link_db(all, db);
    *out = db;
    return 0;
}

/* ---- close ---- */

int weft_db_close(weft_db *db, int rc)
{
    if (!db) return rc;
    if (db->root != db) return rc < 0 ? rc : weft_fail(WEFT_EINVAL, "weft_db_close of a transaction: its block ends it");
    weft__fiber *f = weft__self();
    if (!f || f->loop != db->loop) return rc < 0 ? rc : f ? weft_fail(WEFT_EINVAL, "weft_db_close of a database that another loop opened") : weft__no_task("weft_db_close");
    if (db->closing) return rc < 0 ? rc : WEFT_ECLOSED;
    db->closing = true;
    int closed = db->engine->close(db);
    db->closed = true;
    unlink_db(db);
    if (closed < 0 && rc >= 0) rc = weft__fail_as(WEFT__HERE, closed, 0, "closing %s: %s", db->url, weft_error_of(closed)->text);
    weft__db_drop(db);
    return rc;
}
