/* A lane's turn on a thread: queries in batches, until there are none. */
#include <string.h>
#include "base/mem.h"
#include "db/sqlite.h"
#include "model/text.h"

/* ---- taking ---- */

static void take(weft__query_queue *from, weft__query *q, weft__query **batch, int *n)
{
    weft__query_remove(from, q);
    q->state = WEFT__TAKEN;
    batch[(*n)++] = q;
}

static weft__query_queue *shared_of(weft__sqlite_lane *lane) { return lane->writer ? &lane->core->writes : &lane->core->reads; }

/* Under the lock. Who asks for the lane is alone in his batch: behind him others have to wait. */
static int take_batch(weft__sqlite_lane *lane, weft__query **batch)
{
    int n = 0;
    if (lane->own.first) take(&lane->own, lane->own.first, batch, &n);
    weft__query_queue *shared = shared_of(lane);
    while (!lane->lease && n < WEFT__BATCH && shared->first) {
        if (shared->first->takes && n) break;
        take(shared, shared->first, batch, &n);
        if (batch[n - 1]->takes || batch[n - 1]->what >= WEFT__DO_COMMIT) break;
    }
    return n;
}

/* ---- running ---- */

/* Reads that came together see the same moment: one look at the file's state for all of them. It is later than each of their calls. */
static bool together(weft__sqlite_lane *lane, weft__query **batch, int n)
{
    weft__query quiet = { 0 };
    if (n < 2 || lane->writer || lane->lease || weft__sqlite_open(lane, batch[0]) < 0) return false;
    weft__buf_init(&quiet.fault, 256);
    int rc = weft__sqlite_command(lane, &quiet, &lane->begin, "BEGIN");
    weft__buf_free(&quiet.fault);
    return rc == 0;
}

static void together_end(weft__sqlite_lane *lane)
{
    weft__query quiet = { 0 };
    weft__buf_init(&quiet.fault, 256);
    if (!sqlite3_get_autocommit(lane->conn) && weft__sqlite_command(lane, &quiet, &lane->commit, "COMMIT") < 0)
        weft__sqlite_command(lane, &quiet, &lane->rollback, "ROLLBACK");
    weft__buf_free(&quiet.fault);
}

/* Writes that came together share a commit, and so a trip to the disk. Each is told only when that has succeeded. What one of them
 * fails with is its own, since a statement that fails changes nothing; what ends the transaction for all has the others run again, alone. */
static bool may_share(const weft__sqlite_lane *lane, weft__query **batch, int n)
{
    if (n < 2 || !lane->writer || lane->lease || lane->core->memory || lane->core->opts.read_only) return false;
    for (int i = 0; i < n; i++)
        if (batch[i]->what > WEFT__DO_SCRIPT || batch[i]->takes || batch[i]->lease) return false;
    return true;
}

static void run_again(weft__sqlite_lane *lane, weft__query *q)
{
    weft__buf_clear(&q->fault);
    if (q->what == WEFT__DO_ALL) memset(q->out, 0, sizeof(weft__any_list));
    weft__sqlite_lane_run(lane, q);
}

/* How many of them it got to. */
static int share(weft__sqlite_lane *lane, weft__query **batch, int n)
{
    for (int i = 0; i < n; i++) {
        weft__sqlite_lane_run(lane, batch[i]);
        if (sqlite3_get_autocommit(lane->conn)) return i + 1;
    }
    return n;
}

static void share_commit(weft__sqlite_lane *lane, weft__query **batch, int n)
{
    weft__query quiet = { 0 };
    weft__buf_init(&quiet.fault, 256);
    int got = weft__sqlite_open(lane, &quiet);
    if (got == 0) got = weft__sqlite_command(lane, &quiet, &lane->begin_write, "BEGIN IMMEDIATE");
    bool begun = got == 0;
    if (begun) got = share(lane, batch, n);
    bool kept = begun && !sqlite3_get_autocommit(lane->conn) && weft__sqlite_command(lane, &quiet, &lane->commit, "COMMIT") == 0;
    if (begun && !sqlite3_get_autocommit(lane->conn)) weft__sqlite_command(lane, &quiet, &lane->rollback, "ROLLBACK");
    for (int i = 0; i < n; i++) {
        bool of_its_own = begun && i < got && batch[i]->rc < 0 && batch[i]->rc != WEFT_EDB;
        bool done = kept && batch[i]->rc >= 0;
        if (!of_its_own && !done) run_again(lane, batch[i]);     /* WEFT_EDB: some statements (VACUUM) go alone only */
    }
    weft__buf_free(&quiet.fault);
}

static void run_batch(weft__sqlite_lane *lane, weft__query **batch, int n)
{
    if (may_share(lane, batch, n)) {
        share_commit(lane, batch, n);
        return;
    }
    bool one = together(lane, batch, n);
    for (int i = 0; i < n; i++) weft__sqlite_lane_run(lane, batch[i]);
    if (one) together_end(lane);
}

/* ---- telling ---- */

/* The lane is his as soon as what asked for it has begun; what ends it ends it whatever has become of it. */
static void lease_moves(weft__sqlite_lane *lane, weft__query *q)
{
    bool begun = q->takes && (q->begun || (q->rc >= 0 && q->what == WEFT__DO_ROWS && !q->rows->over));
    if (begun) {
        lane->lease = q->lease;
        q->lease->lane = lane;
        q->held = true;
    }
    if (q->ends && lane->lease == q->lease) lane->lease = NULL;
    if (q->what == WEFT__DO_MORE && (q->rows->over || q->rc < 0) && lane->lease == q->lease && q->lease->rows) lane->lease = NULL;
}

/* Under the lock. */
static void tell(weft__sqlite_lane *lane, weft__query **batch, int n)
{
    for (int i = 0; i < n; i++) {
        lease_moves(lane, batch[i]);
        batch[i]->state = WEFT__TOLD;
        weft__query_add(&lane->core->done, batch[i]);
    }
}

void weft__sqlite_drop(weft__sqlite_core *core)
{
    if (__atomic_sub_fetch(&core->refs, 1, __ATOMIC_ACQ_REL)) return;
    for (int i = 0; i < core->lanes_count; i++)
        if (core->lanes[i].conn) weft__sqlite_close(&core->lanes[i]);
    weft__door_drop(core->door);
    pthread_mutex_destroy(&core->lock);
    weft__free(core->path);
    weft__free(core);
}

void weft__sqlite_lane_work(weft__job *job)
{
    weft__sqlite_lane *lane = (weft__sqlite_lane *)((char *)job - offsetof(weft__sqlite_lane, job));
    weft__sqlite_core *core = lane->core;
    weft__query *batch[WEFT__BATCH];
    pthread_mutex_lock(&core->lock);
    for (int n; (n = take_batch(lane, batch)) > 0;) {
        pthread_mutex_unlock(&core->lock);
        run_batch(lane, batch, n);
        pthread_mutex_lock(&core->lock);
        bool first = !core->done.first;
        tell(lane, batch, n);
        if (!first) continue;
        pthread_mutex_unlock(&core->lock);
        weft__door_knock(core->door);
        pthread_mutex_lock(&core->lock);
    }
    lane->active = false;
    pthread_mutex_unlock(&core->lock);
    weft__sqlite_drop(core);
}

/* It never ran: the pool is gone. */
void weft__sqlite_lane_gone(weft__job *job)
{
    weft__sqlite_drop(((weft__sqlite_lane *)((char *)job - offsetof(weft__sqlite_lane, job)))->core);
}
