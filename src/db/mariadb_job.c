/* Jobs of connections: opened, a query run, closed, each on a thread; and what is at a query for too long is killed in the server. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "db/mariadb.h"

/* A kill may come before the server has begun with the statement, so it is sent again; what that does not end either is cut. */
enum { KILL_AGAIN_MS = 50, CUT_MS = 5000, END_MS = 30000 };

static weft__os *os_of(const weft__maria_conn *c) { return weft__loop_os(c->core->root->loop); }
static weft__maria_conn *of_job(weft__job *j) { return (weft__maria_conn *)((char *)j - offsetof(weft__maria_conn, job)); }
static weft__maria_conn *of_watch(weft__watch *w) { return (weft__maria_conn *)((char *)w - offsetof(weft__maria_conn, watch)); }

weft__maria_conn *weft__maria_conn_new(weft__maria_core *core, int at)
{
    weft__maria_conn *c = weft__calloc(sizeof *c);
    if (!c) return NULL;
    c->core = core;
    c->at = at;
    c->socket = -1;
    c->settings = core->settings;
    __atomic_fetch_add(&c->settings->refs, 1, __ATOMIC_RELAXED);
    return c;
}

/* ---- the end ---- */

/* On any thread. */
static void conn_free(weft__maria_conn *c)
{
    weft__maria_disconnect(c);
    if (c->socket >= 0) weft__borrowed_give(c->socket);
    weft__maria_settings_drop(c->settings);
    weft__free(c);
}

static void end_job(weft__job *j) { conn_free(of_job(j)); }

/* The server is told that it is over, which is no work for the loop. */
void weft__maria_end(weft__maria_conn *c)
{
    weft__maria_core *core = c->core;
    c->core = NULL;
    if (c->working) return;                          /* the end of its job ends it */
    c->job = (weft__job){ .run = end_job, .gone = end_job };
    weft__os *os = weft__loop_os(core->root->loop);
    if (!c->my || os->ops->jobs->submit(os, core->pool, &c->job) < 0) conn_free(c);
}

/* ---- opened ---- */

static void open_job(weft__job *j)
{
    weft__maria_conn *c = of_job(j);
    c->my = weft__maria_connect(c->settings, false, c->why);
    if (!c->my) return;
    c->packet_max = weft__maria_packet_max(c->my);
    if (!c->packet_max) {
        snprintf(c->why, sizeof c->why, "it does not tell its max_allowed_packet: %s", mysql_error(c->my));
        weft__maria_disconnect(c);
        return;
    }
    c->server = weft__maria_server(c->my);
    c->socket = weft__borrowed_take((int)mysql_get_socket(c->my));
    c->kept = weft__calloc((size_t)c->settings->statements_max * sizeof *c->kept);
    if (c->socket >= 0 && c->kept) return;
    snprintf(c->why, sizeof c->why, "no memory or no descriptor");
    weft__maria_disconnect(c);
}

static void on_opened(weft__watch *watch, uint32_t events)
{
    weft__maria_conn *c = of_watch(watch);
    (void)events;
    c->working = false;
    if (!c->core) {
        conn_free(c);
        return;
    }
    weft__timer_stop(c->core->root->loop, &c->limit);
    if (c->given_up) weft__maria_close(c);
    else if (c->my) weft__maria_opened(c);
    else weft__maria_unopened(c, c->why);
}

static void on_open_limit(weft__timer *t)
{
    weft__maria_conn *c = (weft__maria_conn *)((char *)t - offsetof(weft__maria_conn, limit));
    char why[100];
    snprintf(why, sizeof why, "connecting takes longer than %u s", c->settings->connect_s + 1);
    c->given_up = true;
    weft__maria_unopened(c, why);
}

int weft__maria_open(weft__maria_conn *c)
{
    weft__loop *loop = c->core->root->loop;
    c->opening = c->working = true;
    c->job = (weft__job){ .run = open_job, .gone = end_job, .cookie = &c->watch };
    c->watch.ready = on_opened;
    c->limit.fire = on_open_limit;
    int rc = os_of(c)->ops->jobs->submit(os_of(c), c->core->pool, &c->job);
    if (rc < 0) c->opening = c->working = false;
    else (void)weft__timer_start(loop, &c->limit, weft__loop_clock(loop) + (c->settings->connect_s + 1) * 1000 * WEFT__MARIA_MS);
    return rc;
}

/* ---- killed ---- */

struct weft__maria_kill {
    weft__job job;
    weft__watch watch;
    weft__maria_conn *conn;          /* NULL: it is gone */
    weft__maria_settings *settings;
    uint64_t server;
    unsigned long id;
};

static void kill_free(weft__maria_kill *k)
{
    weft__maria_settings_drop(k->settings);
    weft__free(k);
}

static void kill_job(weft__job *j)
{
    weft__maria_kill *k = (weft__maria_kill *)((char *)j - offsetof(weft__maria_kill, job));
    weft__maria_kill_query(k->settings, k->server, k->id);      /* one that fails changes nothing: what it was for is cut */
}

static void kill_gone(weft__job *j) { kill_free((weft__maria_kill *)((char *)j - offsetof(weft__maria_kill, job))); }

static void on_killed(weft__watch *watch, uint32_t events)
{
    weft__maria_kill *k = (weft__maria_kill *)((char *)watch - offsetof(weft__maria_kill, watch));
    weft__maria_conn *c = k->conn;
    (void)events;
    kill_free(k);
    if (!c) return;
    c->kill = NULL;
    if (c->reader) weft__wake(c->reader, 0);
    else if (!c->taken) weft__maria_give(c);
}

void weft__maria_forget_kill(weft__maria_conn *c)
{
    if (c->kill) c->kill->conn = NULL;
    c->kill = NULL;
}

static void kill_it(weft__maria_conn *c)
{
    weft__maria_kill *k = weft__malloc(sizeof *k);
    if (!k) return;
    *k = (weft__maria_kill){ .job = { .run = kill_job, .gone = kill_gone, .cookie = &k->watch }, .watch = { on_killed }, .conn = c, .settings = c->settings,
        .server = c->server, .id = mysql_thread_id(c->my) };
    __atomic_fetch_add(&k->settings->refs, 1, __ATOMIC_RELAXED);
    if (os_of(c)->ops->jobs->submit(os_of(c), c->core->pool, &k->job) == 0) c->kill = k;
    else kill_free(k);
}

/* ---- run ---- */

static void on_limit(weft__timer *t)
{
    weft__maria_conn *c = (weft__maria_conn *)((char *)t - offsetof(weft__maria_conn, limit));
    weft__loop *loop = c->core->root->loop;
    if (!c->working) return;
    if (weft__loop_clock(loop) >= c->cut_ns) {
        weft__borrowed_cut(c->socket);              /* a descriptor of our own: the thread may have closed its one, and the number be another's */
        return;
    }
    if (!c->kill) kill_it(c);
    (void)weft__timer_start(loop, t, weft__loop_clock(loop) + KILL_AGAIN_MS * WEFT__MARIA_MS);
}

static void bound(weft__maria_conn *c, int64_t first_ms, int64_t cut_ms)
{
    weft__loop *loop = c->core->root->loop;
    int64_t now = weft__loop_clock(loop);
    c->cut_ns = now + cut_ms * WEFT__MARIA_MS;
    c->limit.fire = on_limit;
    weft__timer_stop(loop, &c->limit);
    (void)weft__timer_start(loop, &c->limit, now + first_ms * WEFT__MARIA_MS);
}

static void run_job(weft__job *j)
{
    weft__maria_conn *c = of_job(j);
    weft__maria_run(c, c->q);
}

static void on_ran(weft__watch *watch, uint32_t events)
{
    weft__maria_conn *c = of_watch(watch);
    (void)events;
    c->working = false;
    weft__timer_stop(c->core->root->loop, &c->limit);
    c->q->told = true;
    weft__wake(c->reader, 0);
}

static void stop(weft__maria_conn *c, weft__query *q, int code)
{
    __atomic_store_n(&q->stop, code, __ATOMIC_RELAXED);
    if (!c->kill) kill_it(c);
    bound(c, KILL_AGAIN_MS, CUT_MS);
}

static int64_t until(int64_t from, int ms) { return ms < 0 ? INT64_MAX : from + (int64_t)ms * WEFT__MARIA_MS; }

/* The thread works on memory of this task, which therefore waits for its end whatever is cancelled. */
static void await(weft__maria_conn *c, weft__query *q)
{
    const weft_db *root = c->core->root;
    weft__waited w = weft__waited_of(root, q, weft__maria_holds_up);
    int64_t done_by = until(q->from_ns, weft__query_ms(root, q));
    bool must = weft__query_must_run(q);
    while (must && q->patient && !q->told && weft__scope_effective(q->fiber->scope) == 0) (void)weft__park_undelivered("a database", &w.held, INT64_MAX);
    if (must && !q->told) bound(c, root->opts.statement_ms > 0 ? root->opts.statement_ms : END_MS, 0);
    while (!q->told) {
        if (must || q->stop) {
            weft__park_through("a database", &w.held);
            continue;
        }
        int rc = weft__scope_effective(q->fiber->scope) ? WEFT_ECANCELED : weft__park_undelivered("a database", &w.held, done_by);
        if (q->told || rc == 0) continue;
        if (rc == WEFT_ENOMEM) done_by = INT64_MAX;  /* no timer: it goes on without a bound of its own */
        else stop(c, q, rc == WEFT__DEADLINE ? WEFT_ETIMEDOUT : WEFT_ECANCELED);
    }
}

/* What no thread takes: an end must come, and is short. */
static void not_taken(weft__maria_conn *c, weft__query *q, int rc)
{
    c->working = false;
    if (weft__query_must_run(q)) weft__maria_run(c, q);
    else q->rc = rc;
}

void weft__maria_trip(weft__maria_conn *c, weft__query *q)
{
    c->reader = q->fiber;
    while (c->kill) weft__park_through("the end of a statement that was cancelled", NULL);
    q->told = false;
    c->q = q;
    c->working = true;
    c->job = (weft__job){ .run = run_job, .gone = end_job, .cookie = &c->watch };
    c->watch.ready = on_ran;
    int rc = os_of(c)->ops->jobs->submit(os_of(c), c->core->pool, &c->job);
    if (rc < 0) not_taken(c, q, rc);
    else await(c, q);
    bool ours = q->stop || q->rc == WEFT_ELIMIT;     /* what we cut, or asked too much of, is no server that closes each connection */
    if (rc == 0 && q->what != WEFT__DO_OPEN && (!c->broken || ours)) {
        c->used = true;
        c->core->failures = 0;
    }
    c->reader = NULL;
    c->q = NULL;
}
