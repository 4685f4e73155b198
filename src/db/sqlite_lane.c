/* A lane's turn on a thread: queries in batches, until there are none. */
#include <string.h>
#include "base/mem.h"
#include "db/sqlite.h"
#include "model/text.h"
#include "os/os.h"

/* ---- taking ---- */

static weft__query *take(weft__sqlite_lane *lane, weft__query *q)
{
    weft__query_remove(q);
    q->state = WEFT__TAKEN;
    lane->taken++;
    return q;
}

static weft__query_queue *shared_of(weft__sqlite_lane *lane) { return lane->writer ? &lane->core->writes : &lane->core->reads; }

/* Who asks for the lane, what is long, and what no transaction may be around. */
static bool goes_alone(const weft__sqlite_lane *lane, const weft__query *q)
{
    if (q->takes || q->lease || q->what >= WEFT__DO_EACH) return true;
    return q->statement->parsed.kind || (lane->writer && __atomic_load_n(&q->statement->slow, __ATOMIC_RELAXED));
}

/* Under the lock: what a batch begins with. What waits behind it stays where others may have it until the lane is at it. */
static weft__query *first_of(weft__sqlite_lane *lane)
{
    weft__query *q = lane->own.first;
    if (!q && !lane->lease) q = shared_of(lane)->first;
    if (!q) return NULL;
    lane->alone = q->queue == &lane->own || goes_alone(lane, q);
    lane->late = lane->sharing = false;
    lane->ran = lane->taken = 0;
    lane->up_to = lane->core->queued;
    lane->since_ns = lane->core->steady ? 0 : weft__os_steady_ns();
    return take(lane, q);
}

/* Under the lock: another one for this batch; NULL: none. */
static weft__query *follower(weft__sqlite_lane *lane)
{
    weft__query *q = shared_of(lane)->first;
    return lane->alone || lane->taken == WEFT__BATCH || !q || q->seq > lane->up_to || goes_alone(lane, q) ? NULL : q;
}

static weft__query *next_of(weft__sqlite_lane *lane)
{
    pthread_mutex_lock(&lane->core->lock);
    weft__query *q = follower(lane);
    if (q) take(lane, q);
    pthread_mutex_unlock(&lane->core->lock);
    return q;
}

/* ---- telling ---- */

/* Under the lock: those that have run. True: the door is to be knocked at. */
static bool tell(weft__sqlite_lane *lane)
{
    bool first = !lane->core->done.first && lane->ran;
    for (int i = 0; i < lane->ran; i++) {
        lane->batch[i]->state = WEFT__TOLD;
        weft__query_add(&lane->core->done, lane->batch[i]);
    }
    lane->ran = 0;
    return first;
}

void weft__sqlite_lane_late(weft__sqlite_lane *lane)
{
    weft__sqlite_core *core = lane->core;
    bool tells = lane->ran && !lane->sharing && !lane->alone;
    if (core->steady || (lane->late && !tells) || weft__os_steady_ns() - lane->since_ns < WEFT__LATE_NS) return;
    pthread_mutex_lock(&core->lock);
    bool knock = !lane->late && !lane->writer && core->reads.first;
    lane->late = true;
    if (tells) knock |= tell(lane);
    pthread_mutex_unlock(&core->lock);
    if (knock) weft__door_knock(core->door);
}

/* ---- running ---- */

/* Reads that came together see the same moment: one look at the file's state for all of them. It is later than each of their calls. */
static bool together(weft__sqlite_lane *lane, weft__query *q)
{
    weft__query quiet = { 0 };
    if (lane->writer || lane->lease || weft__sqlite_open(lane, q) < 0) return false;
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
 * fails with is its own, since a statement that fails changes nothing; when that transaction ended or could not be committed, each runs again, alone. */
static bool may_share(const weft__sqlite_lane *lane)
{
    return lane->writer && !lane->lease && !lane->core->memory && !lane->core->opts.read_only;
}

static void run_one(weft__sqlite_lane *lane, weft__query *q)
{
    weft__sqlite_lane_run(lane, q);
    lane->batch[lane->ran++] = q;
}

static void run_again(weft__sqlite_lane *lane, weft__query *q)
{
    weft__buf_clear(&q->fault);
    if (q->what == WEFT__DO_ALL) memset(q->out, 0, sizeof(weft__any_list));
    weft__sqlite_lane_run(lane, q);
}

/* A transaction that nobody has any more is no place for the next one. False: it cannot be ended. */
static bool clean(weft__sqlite_lane *lane)
{
    weft__query quiet = { 0 };
    if (lane->lease || !lane->conn || sqlite3_get_autocommit(lane->conn)) return true;
    weft__buf_init(&quiet.fault, 256);
    weft__sqlite_command(lane, &quiet, &lane->rollback, "ROLLBACK");
    weft__buf_free(&quiet.fault);
    if (!sqlite3_get_autocommit(lane->conn) && !lane->core->memory) weft__sqlite_close(lane);    /* the next one opens it again */
    return !lane->conn || sqlite3_get_autocommit(lane->conn);
}

/* The first one waits for the lock of another program, and is told if that does not end. */
static bool share_begin(weft__sqlite_lane *lane, weft__query *q)
{
    lane->now = q;
    q->rc = weft__sqlite_open(lane, q);
    if (q->rc == 0) q->rc = weft__sqlite_command(lane, q, &lane->begin_write, "BEGIN IMMEDIATE");
    lane->now = NULL;
    if (q->rc < 0) lane->batch[lane->ran++] = q;
    return q->rc == 0;
}

static void share_commit(weft__sqlite_lane *lane, weft__query *q)
{
    weft__query quiet = { 0 };
    if (!share_begin(lane, q)) return;
    lane->sharing = true;
    for (; q; q = sqlite3_get_autocommit(lane->conn) ? NULL : next_of(lane)) run_one(lane, q);
    weft__buf_init(&quiet.fault, 256);
    bool kept = !sqlite3_get_autocommit(lane->conn) && weft__sqlite_command(lane, &quiet, &lane->commit, "COMMIT") == 0;
    if (!kept) clean(lane);
    for (int i = 0; i < lane->ran; i++)
        if (!kept || lane->batch[i]->rc == WEFT_EDB) run_again(lane, lane->batch[i]);    /* WEFT_EDB: some statements go alone only */
    weft__buf_free(&quiet.fault);
}

static void run_batch(weft__sqlite_lane *lane, weft__query *q, bool more)
{
    if (!clean(lane) && q->what != WEFT__DO_CLOSE) {
        q->rc = WEFT_ENOMEM;
        lane->batch[lane->ran++] = q;
    } else if (more && may_share(lane)) share_commit(lane, q);
    else {
        bool one = (more || q->what == WEFT__DO_EACH) && together(lane, q);
        for (; q; q = next_of(lane)) {
            run_one(lane, q);
            if (!lane->alone) weft__sqlite_lane_late(lane);
        }
        if (one) together_end(lane);
    }
}

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
    pthread_mutex_lock(&core->lock);
    for (weft__query *q; (q = first_of(lane));) {
        bool more = follower(lane);
        pthread_mutex_unlock(&core->lock);
        run_batch(lane, q, more);
        pthread_mutex_lock(&core->lock);
        for (int i = 0; i < lane->ran; i++) lease_moves(lane, lane->batch[i]);
        pthread_mutex_unlock(&core->lock);
        clean(lane);
        pthread_mutex_lock(&core->lock);
        if (!tell(lane)) continue;
        pthread_mutex_unlock(&core->lock);
        weft__door_knock(core->door);
        pthread_mutex_lock(&core->lock);
    }
    lane->late = false;
    lane->active = false;
    pthread_mutex_unlock(&core->lock);
    weft__sqlite_drop(core);
}

/* It never ran: the pool is gone. */
void weft__sqlite_lane_gone(weft__job *job)
{
    weft__sqlite_drop(((weft__sqlite_lane *)((char *)job - offsetof(weft__sqlite_lane, job)))->core);
}
