/* SQLite on the loop's side: queries handed to lanes, waited for, told; opening and closing. */
#include "db/sqlite.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "wire/bytes.h"

enum { SHOWN = 300, MS = 1000000, HOLDERS_SHOWN = 4 };
static const size_t STACK = (size_t)2 << 20;

static weft__sqlite_core *core_of(const weft_db *root) { return root->core; }
static bool single(const weft__sqlite_core *c) { return c->lanes_count == 1; }

/* ---- handing over ---- */

static bool reads(const weft__sqlite_core *c, const weft__query *q)
{
    if (single(c)) return false;
    if (q->lease) return q->lease->reads;
    if (q->what >= WEFT__DO_SCRIPT) return false;
    return c->opts.read_only || __atomic_load_n(&q->statement->writes, __ATOMIC_RELAXED) != WEFT__WRITES;
}

/* Under the lock. */
static weft__query_queue *queue_of(weft__sqlite_core *c, const weft__query *q)
{
    if (q->lease && !q->takes) return &((weft__sqlite_lane *)q->lease->lane)->own;
    if (q->what == WEFT__DO_CLOSE) return &((weft__sqlite_lane *)q->out)->own;
    return reads(c, q) ? &c->reads : &c->writes;
}

/* Under the lock: how many lanes more there is work for. */
static bool wanted(const weft__sqlite_lane *l, int *readers)
{
    if (l->active) return false;
    if (l->own.first) return true;
    if (l->lease) return false;
    if (l->writer) return l->core->writes.first;
    return (*readers)-- > 0;
}

/* Under the lock. Readers that are at it already will look again, but for those that are long at what they have. */
static int readers_wanted(const weft__sqlite_core *c)
{
    int n = (c->reads.count + WEFT__BATCH - 1) / WEFT__BATCH;
    for (int i = 1; i < c->lanes_count; i++) n -= c->lanes[i].active && !c->lanes[i].lease && !c->lanes[i].late;
    return n;
}

static void tell_all(weft__sqlite_core *c, weft__query_queue *done)
{
    for (weft__query *q, *next = done->first; (q = next);) {
        next = q->next;
        q->told = true;
        weft__wake(q->fiber, 0);
    }
    (void)c;
}

/* Under the lock: what nobody will take, since there is no thread. */
static void refuse_queue(weft__query_queue *from, weft__query_queue *done, int rc)
{
    for (weft__query *q; (q = from->first);) {
        weft__query_remove(q);
        q->rc = rc;
        q->state = WEFT__TOLD;
        weft__query_add(done, q);
    }
}

/* The same for those that have a lane, but for what ends a transaction or rows: without that the lane would be lost. True: there
 * is such a one. */
static bool refuse_own(weft__sqlite_lane *lane, weft__query_queue *done, int rc)
{
    for (weft__query *q = lane->own.first, *next; q; q = next) {
        next = q->next;
        if (weft__query_must_run(q)) continue;
        weft__query_remove(q);
        q->rc = rc;
        q->state = WEFT__TOLD;
        weft__query_add(done, q);
    }
    return lane->own.first;
}

static void start(weft__sqlite_core *c, weft__sqlite_lane *lane)
{
    weft__os *os = weft__loop_os(c->root->loop);
    weft__query_queue none = { 0 };
    __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
    lane->job = (weft__job){ .run = weft__sqlite_lane_work, .gone = weft__sqlite_lane_gone };
    int rc = os->ops->jobs->submit(os, c->pool, &lane->job);
    if (rc == 0) return;
    pthread_mutex_lock(&c->lock);
    bool others = false, here = refuse_own(lane, &none, rc);
    lane->active = here;
    for (int i = 1; i < c->lanes_count; i++) others |= c->lanes[i].active && !c->lanes[i].lease && &c->lanes[i] != lane;
    if (lane->writer) refuse_queue(&c->writes, &none, rc);
    else if (!others) refuse_queue(&c->reads, &none, rc);
    pthread_mutex_unlock(&c->lock);
    tell_all(c, &none);
    if (here) weft__sqlite_lane_work(&lane->job);    /* rare and short: on the loop's own thread */
    else weft__sqlite_drop(c);
}

/* Lanes for what waits. */
static void start_wanted(weft__sqlite_core *c)
{
    weft__sqlite_lane *starting[WEFT__LANES_MAX];
    int n = 0;
    pthread_mutex_lock(&c->lock);
    for (weft__query *q; (q = c->gathered.first);) {
        weft__query_remove(q);
        q->state = WEFT__QUEUED;
        q->seq = ++c->queued;
        weft__query_add(queue_of(c, q), q);
    }
    int readers = readers_wanted(c);
    for (int i = 0; i < c->lanes_count; i++) {
        if (!wanted(&c->lanes[i], &readers)) continue;
        c->lanes[i].active = true;
        starting[n++] = &c->lanes[i];
    }
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < n; i++) start(c, starting[i]);
}

/* Before the loop polls: what all tasks of this turn have asked. */
static void on_turn(weft__hook *hook)
{
    weft__sqlite_core *c = (weft__sqlite_core *)((char *)hook - offsetof(weft__sqlite_core, hook));
    if (c->gathered.first) start_wanted(c);
}

/* ---- leases ---- */

static bool holds_up(const weft_db *root, const weft__lease *l, const weft__query *q)
{
    const weft__sqlite_core *c = core_of(root);
    return single(c) || l->reads == reads(c, q);
}

static bool at_work(const weft_db *root, const weft__query *q, const weft__query *waits)
{
    weft__sqlite_core *c = root->core;
    if (!single(c) && reads(c, q) != reads(c, waits)) return false;
    pthread_mutex_lock(&c->lock);
    bool taken = q->state == WEFT__TAKEN;
    pthread_mutex_unlock(&c->lock);
    return taken;
}

/* ---- waiting ---- */

static bool take_back(weft__sqlite_core *c, weft__query *q)
{
    pthread_mutex_lock(&c->lock);
    bool waits = q->state == WEFT__GATHERED || q->state == WEFT__QUEUED;
    if (waits) {
        weft__query_remove(q);
        q->state = WEFT__TOLD;
    }
    pthread_mutex_unlock(&c->lock);
    return waits;
}

static int64_t until(int64_t from, int ms) { return ms < 0 ? INT64_MAX : from + (int64_t)ms * MS; }

static void wait_through(weft__query *q, weft__waited *w)
{
    while (!q->told) weft__park_through("a database", &w->held);
}

/* What a thread is at is told to end, and waited for: it works on memory of this task. */
static int give_up(weft_db *root, weft__query *q, weft__waited *w, int code)
{
    __atomic_store_n(&q->stop, code, __ATOMIC_RELAXED);
    wait_through(q, w);
    (void)root;
    if (q->rc != code) return 0;
    return code == WEFT_ETIMEDOUT ? 1 : weft__deliver(q->fiber, WEFT_ECANCELED);
}

/* 0: there is word of it, q->rc. Else it never ran, or was stopped. */
static int wait_for(weft_db *root, weft__query *q)
{
    weft__waited w = weft__waited_of(root, q, holds_up);
    int64_t free_by = q->lease && !q->takes ? INT64_MAX : until(q->from_ns, root->opts.acquire_ms);
    int64_t done_by = until(q->from_ns, weft__query_ms(root, q));
    while (!q->told) {
        bool cancelled = weft__scope_effective(q->fiber->scope);     /* between two trips, say */
        int rc = cancelled ? WEFT_ECANCELED : weft__park_undelivered("a database", &w.held, free_by < done_by ? free_by : done_by);
        if (q->told) break;
        if (rc == WEFT_ENOMEM) {                     /* no timer: it goes on without a bound of its own */
            free_by = done_by = INT64_MAX;
            continue;
        }
        bool late = rc == WEFT__DEADLINE;
        if (take_back(core_of(root), q)) return late ? weft__lease_missed(&w, reads(core_of(root), q) ? "connection that reads" : "connection that writes") : weft__deliver(q->fiber, rc);
        if (late && free_by < done_by) {
            free_by = INT64_MAX;
            continue;
        }
        rc = give_up(root, q, &w, late ? WEFT_ETIMEDOUT : WEFT_ECANCELED);
        if (rc == 1) return weft__query_late(root, q);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- one query ---- */

static bool is_mine(const weft__lease *l, const weft__query *q) { return l->fiber == q->fiber && l->serial == q->fiber->serial; }

/* The task's own transaction would have to end first. */
static const weft__lease *own_lease(const weft_db *root, const weft__query *q)
{
    const weft__sqlite_core *c = core_of(root);
    weft__waited w = weft__waited_of(root, q, holds_up);
    return q->lease && !q->takes ? NULL : weft__lease_own(&w, reads(c, q) ? c->lanes_count - 1 : 1);
}

/* With one connection for all, what the task does while it reads rows goes through its rows' connection. */
static void through_rows(const weft_db *root, weft__query *q)
{
    if (q->lease || !single(core_of(root))) return;
    for (weft__lease *l = root->leases; l; l = l->next)
        if (l->rows && is_mine(l, q)) q->lease = l;
}

static int once(weft_db *root, weft__query *q)
{
    weft__sqlite_core *c = core_of(root);
    const weft__lease *own = weft__query_must_run(q) ? NULL : own_lease(root, q);
    if (own) return weft__lease_own_failed(q, own);
    q->told = false;
    q->state = WEFT__GATHERED;
    weft__query_add(&c->gathered, q);
    c->in_flight++;
    weft__query_runs(root, q);
    int rc = 0;
    if (weft__query_must_run(q)) {
        weft__waited w = weft__waited_of(root, q, holds_up);
        wait_through(q, &w);
    }
    else rc = wait_for(root, q);
    weft__query_ran(root, q);
    c->in_flight--;
    if (q->told) weft__lease_follows(root, q);
    if (!c->in_flight && c->closer) weft__wake(c->closer, 0);
    return rc;
}

static int run(weft_db *root, weft__query *q)
{
    int rc = 0;
    q->fiber = weft__self();
    while (!weft__query_must_run(q) && rc == 0 && weft__scope_effective(q->fiber->scope)) rc = weft_yield();
    if (rc < 0) return rc;
    through_rows(root, q);
    q->from_ns = weft__loop_now(root->loop);
    rc = once(root, q);
    if (rc == 0 && q->rc == WEFT__MOVED) {
        q->rc = q->stop;                             /* between two trips, too */
        rc = q->rc ? 0 : once(root, q);
    }
    if (rc < 0) return rc;
    if (q->rc < 0) return weft__query_failed(root, q);
    weft__give_way();
    return q->rc;
}

/* ---- word of threads ---- */

static void on_knock(weft__watch *watch, uint32_t events)
{
    weft__sqlite_core *c = (weft__sqlite_core *)((char *)watch - offsetof(weft__sqlite_core, watch));
    (void)events;
    pthread_mutex_lock(&c->lock);
    weft__query_queue done = c->done;
    c->done = (weft__query_queue){ 0 };
    bool more = c->reads.first || c->writes.first;   /* a lane is somebody's now, or at something long */
    pthread_mutex_unlock(&c->lock);
    tell_all(c, &done);
    if (more) start_wanted(c);
}

/* ---- open ---- */

static int path_of(weft_str rest, const weft_db_opts *o, char **path, bool *memory, weft_str *fault)
{
    (void)o;
    *memory = weft_str_equal(rest, WEFT_S(":memory:")) || weft_str_equal(rest, WEFT_S("/:memory:"));
    *fault = WEFT_S("after sqlite:// come :memory:, /file.db (below the working directory) or //var/file.db (from the root)");
    if (!*memory && (rest.len < 2 || rest.ptr[0] != '/' || memchr(rest.ptr, '?', rest.len))) return WEFT_EINVAL;
    if (!*memory) rest = (weft_str){ rest.ptr + 1, rest.len - 1 };
    else rest = WEFT_S(":memory:");
    char *to = weft__malloc(rest.len + 1);
    if (!to) return WEFT_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < rest.len; i++) {
        unsigned high = i + 2 < rest.len ? weft__hex_value(rest.ptr[i + 1]) : 16, low = high < 16 ? weft__hex_value(rest.ptr[i + 2]) : 16;
        bool coded = rest.ptr[i] == '%' && low < 16 && (high || low);
        to[n++] = coded ? (char)(high * 16 + low) : rest.ptr[i];
        i += coded ? 2 : 0;
    }
    to[n] = 0;
    *path = to;
    return 0;
}

static weft__sqlite_core *core_new(weft_db *root, char *path, bool memory)
{
    int lanes = memory ? 1 : 1 + root->opts.readers_max;
    weft__sqlite_core *c = weft__calloc(sizeof *c + (size_t)lanes * sizeof *c->lanes);
    if (!c) return NULL;
    weft__os *os = weft__loop_os(root->loop);
    c->refs = 1;
    c->root = root;
    c->opts = root->opts;
    c->path = path;
    c->memory = memory;
    c->steady = root->loop->traced;
    c->lanes_count = lanes;
    c->watch = (weft__watch){ on_knock };
    c->hook = (weft__hook){ .run = on_turn };
    for (int i = 0; i < lanes; i++) c->lanes[i] = (weft__sqlite_lane){ .core = c, .writer = i == 0 };
    pthread_mutex_init(&c->lock, NULL);
    c->pool = os->ops->jobs ? os->ops->jobs->pool_new(os, &(weft__pool_opts){ .name = "sqlite", .threads_max = lanes, .queue_max = 2 * lanes, .stack_size = STACK }) : NULL;
    c->door = c->pool ? os->ops->jobs->door_open(os, &c->watch) : NULL;
    if (c->door) {
        weft__door_keep(c->door);
        weft__loop_hook(root->loop, &c->hook);
        return c;
    }
    if (c->pool) os->ops->jobs->pool_free(os, c->pool);
    pthread_mutex_destroy(&c->lock);
    weft__free(c);
    return NULL;
}

static void core_end(weft_db *root)
{
    weft__sqlite_core *c = core_of(root);
    weft__os *os = weft__loop_os(root->loop);
    weft__loop_unhook(root->loop, &c->hook);
    weft__loop_forget(root->loop, &c->watch);
    os->ops->jobs->door_close(os, c->door);
    os->ops->jobs->pool_free(os, c->pool);
    root->core = NULL;
    weft__sqlite_drop(c);
}

static int open_db(weft_db *root, weft_str rest, weft_str *fault)
{
    char *path = NULL;
    bool memory;
    int rc = path_of(rest, &root->opts, &path, &memory, fault);
    if (rc < 0) return rc;
    root->core = core_new(root, path, memory);
    if (!root->core) return weft__free(path), WEFT_ENOMEM;
    weft__query q = { .what = WEFT__DO_OPEN, .text = root->url, .place = WEFT__HERE, .begin_to = -1 };
    weft__buf_init(&q.fault, 1024);
    rc = run(root, &q);
    weft__buf_free(&q.fault);
    if (rc < 0) core_end(root);
    return rc;
}

/* ---- close ---- */

/* What nobody has taken yet never will be. */
static void refuse_waiting(weft__sqlite_core *c)
{
    weft__query_queue none = { 0 };
    pthread_mutex_lock(&c->lock);
    for (weft__query *q = c->gathered.first, *next; q; q = next) {
        next = q->next;
        if (weft__query_must_run(q) || (q->lease && !q->takes)) continue;
        weft__query_remove(q);
        q->rc = WEFT_ECLOSED;
        q->state = WEFT__TOLD;
        weft__query_add(&none, q);
    }
    refuse_queue(&c->reads, &none, WEFT_ECLOSED);
    refuse_queue(&c->writes, &none, WEFT_ECLOSED);
    pthread_mutex_unlock(&c->lock);
    tell_all(c, &none);
}

static void await_all(weft__sqlite_core *c)
{
    c->closer = weft__self();
    while (c->in_flight) weft__park_through("what a database is at", NULL);
    c->closer = NULL;
}

static int lane_do(weft_db *root, weft__query *q)
{
    q->begin_to = -1;
    q->text = root->url;
    q->place = WEFT__HERE;
    weft__buf_init(&q->fault, 1024);
    int rc = run(root, q);
    weft__buf_free(&q->fault);
    return rc;
}

static int close_db(weft_db *root)
{
    weft__sqlite_core *c = core_of(root);
    int rc = 0;
    refuse_waiting(c);
    for (await_all(c); root->leases; await_all(c)) weft__lease_end_first(root);
    for (int i = c->lanes_count - 1; i >= 0; i--) {          /* the one that writes last: it leaves the file in one piece */
        int one = lane_do(root, &(weft__query){ .what = WEFT__DO_CLOSE, .out = &c->lanes[i] });
        if (one < 0 && rc == 0) rc = one;
    }
    core_end(root);
    return rc;
}

/* The loop ends, and nobody has closed it. */
static void abandon(weft_db *root) { core_end(root); }

const weft__engine weft__sqlite = { .scheme = "sqlite", .dialect = WEFT__SQL_SQLITE, .migrated = "SELECT count(*) FROM sqlite_schema WHERE name = 'weft_migrations'",
    .open = open_db, .run = run, .at_work = at_work, .close = close_db, .abandon = abandon };
