/* A worker, from the side of its pool: a socket, a job that goes out, an answer that comes in. In the simulator: a timer
 * for when the job runs, and one for when it has ended. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include "task/process.h"

enum { READ_BYTES = 16 * 1024, KEPT_BYTES_MAX = 1 << 20, AT_ONCE_BYTES_MAX = 1 << 20 };

/* In all loops: the zygote may still tell of a worker of a loop that has ended. */
static _Atomic uint32_t ids;

static bool simulated(const weft__worker *w) { return w->pool->os->ops->process_fate != NULL; }
static const weft__process_ops *zygote_of(const weft__worker *w) { return w->pool->os->ops->processes; }

static void close_socket(weft__worker *w)
{
    if (w->fd < 0) return;
    weft__loop_forget(w->pool->loop, &w->watch);
    w->pool->os->ops->close(w->pool->os, w->fd);
    w->fd = -1;
}

void weft__worker_free(weft__worker *w)
{
    close_socket(w);
    weft__timer_stop(w->pool->loop, &w->timer);
    weft__buf_free(&w->in);
    w->state = WEFT__NO_WORKER;
}

static void be_idle(weft__worker *w)
{
    w->state = WEFT__IDLE;
    w->idle_since_ns = weft__loop_now(w->pool->loop);
    if (w->jobs >= (unsigned)w->pool->opts.jobs_max) weft__worker_retire(w);
    weft__worker_changed(w);
}

static void done(weft__worker *w, weft__errand_end end, int status)
{
    weft__errand *e = w->errand;
    w->errand = NULL;
    if (e) weft__errand_done(e, end, status);
}

/* ---- the simulator's ---- */

static weft__worker *of_timer(weft__timer *t) { return (weft__worker *)((char *)t - offsetof(weft__worker, timer)); }

static void sim_killed(weft__timer *t) { weft__worker_ended(of_timer(t), 9); }

static void sim_ended(weft__timer *t)
{
    weft__worker *w = of_timer(t);
    bool sound = weft__errand_read(w->errand, weft__buf_str(&w->in), w->errand->caller->arena);
    done(w, sound ? WEFT__ANSWERED : WEFT__BROKEN, 0);
    be_idle(w);
}

/* Without memory for the second timer the job takes no more time. */
static void sim_runs(weft__timer *t)
{
    weft__worker *w = of_timer(t);
    weft__errand *e = w->errand;
    if (w->fate.signal) {
        weft__worker_ended(w, w->fate.signal);
        return;
    }
    size_t head = sizeof(weft__job_head);
    weft__process_work.run((weft_str){ e->job.ptr + head, e->job.len - head });
    weft__buf_clear(&w->in);
    weft__process_work.answer(&w->in);
    w->timer.fire = sim_ended;
    int64_t at = weft__loop_now(w->pool->loop) + w->fate.after_ns;
    if (weft__timer_start(w->pool->loop, t, at) < 0) sim_ended(t);
}

static bool sim_give(weft__worker *w)
{
    w->fate = w->pool->os->ops->process_fate(w->pool->os);
    w->timer.fire = sim_runs;
    if (weft__timer_start(w->pool->loop, &w->timer, weft__loop_now(w->pool->loop) + w->fate.before_ns) == 0) return true;
    w->errand = NULL;
    w->state = WEFT__ENDING;
    weft__worker_ended(w, 0);
    return false;
}

static void sim_kill(weft__worker *w)
{
    w->timer.fire = sim_killed;
    if (weft__timer_start(w->pool->loop, &w->timer, weft__loop_now(w->pool->loop)) < 0) sim_killed(&w->timer);
}

/* ---- the answer ---- */

/* What a worker says cannot be taken: the process goes, and then its caller is told why. */
static void refuse(weft__worker *w, weft__errand_end why)
{
    if (w->errand) w->errand->end = why;
    weft__worker_kill(w);
}

static void broken(weft__worker *w) { refuse(w, WEFT__BROKEN); }

/* It is read here, before anything else is given to a worker that may be broken. */
static void answered(weft__worker *w)
{
    size_t head = sizeof(weft__job_head);
    if (!weft__errand_read(w->errand, (weft_str){ w->in.ptr + head, w->in.len - head }, w->errand->caller->arena)) {
        broken(w);
        return;
    }
    if (w->in.room > KEPT_BYTES_MAX) weft__buf_free(&w->in);
    else weft__buf_clear(&w->in);
    done(w, WEFT__ANSWERED, 0);
    be_idle(w);
}

static void look_at_answer(weft__worker *w)
{
    weft__job_head head;
    if (!w->in.len) return;
    if (w->state != WEFT__BUSY || !w->errand || w->sent < w->errand->job.len) {
        broken(w);
        return;
    }
    if (w->in.len < sizeof head) return;
    memcpy(&head, w->in.ptr, sizeof head);
    bool sound = head.mark == WEFT__ANSWER_MARK && head.id == w->job_id && head.bytes <= WEFT__JOB_BYTES_MAX;
    if (!sound || w->in.len > sizeof head + head.bytes) broken(w);
    else if (w->in.len == sizeof head + head.bytes) answered(w);
}

static void read_on(weft__timer *t);

/* Nothing of what came can become an answer any more: a worker that writes without end must not be read without end. */
static bool too_much(const weft__worker *w)
{
    weft__job_head head;
    if (w->in.len < sizeof head) return false;
    memcpy(&head, w->in.ptr, sizeof head);
    return head.bytes > WEFT__JOB_BYTES_MAX || w->in.len > sizeof head + head.bytes;
}

/* A large answer is read in parts, so that others have their turn; no event tells of what is left, only of the end. */
static bool another_turn(weft__worker *w)
{
    w->timer.fire = read_on;
    return weft__timer_start(w->pool->loop, &w->timer, weft__loop_now(w->pool->loop)) == 0;
}

/* False: the socket has ended. `all`: past a short read too, since its end may have been told with the bytes. */
static bool receive(weft__worker *w, bool all)
{
    weft__os *os = w->pool->os;
    size_t before = w->in.len;
    while (!too_much(w)) {
        if (!all && w->in.len - before >= AT_ONCE_BYTES_MAX && another_turn(w)) return true;
        char *to = weft__buf_reserve(&w->in, READ_BYTES);
        if (!to) {
            refuse(w, WEFT__UNREAD);
            return false;
        }
        size_t room = w->in.room - w->in.len;
        ssize_t n = os->ops->recv(os, w->fd, to, room);
        if (n == -EAGAIN) return true;
        if (n <= 0) return false;
        w->in.len += (size_t)n;
        if ((size_t)n < room && !all) return true;
    }
    return true;
}

/* That a worker has read its job is no news, but for a job that did not fit in: each such event costs a turn of the loop. */
static bool watch_room(weft__worker *w, bool room)
{
    weft__os *os = w->pool->os;
    if (w->watches_room == room) return true;
    w->watches_room = room;
    return os->ops->watch(os, w->fd, &w->watch, room ? WEFT__WATCH_BOTH : WEFT__WATCH_INPUT) == 0;
}

static bool send_more(weft__worker *w)
{
    weft__os *os = w->pool->os;
    const weft__buf *job = &w->errand->job;
    while (w->sent < job->len) {
        struct iovec rest = { job->ptr + w->sent, job->len - w->sent };
        ssize_t n = os->ops->send(os, w->fd, &rest, 1);
        if (n == -EAGAIN) return watch_room(w, true);
        if (n < 0) return false;
        w->sent += (size_t)n;
    }
    return watch_room(w, false);
}

/* Its end is told by the zygote, with the reason; killed all the same, in case it is only the socket that is gone. */
static void socket_ended(weft__worker *w)
{
    if (!w->killed) zygote_of(w)->kill(w->pool->os, w->id);
    if (w->state != WEFT__BUSY) w->state = WEFT__ENDING;
    close_socket(w);
}

static void read_on(weft__timer *t)
{
    weft__worker *w = of_timer(t);
    if (w->fd < 0 || w->killed) return;
    bool lives = receive(w, false);
    look_at_answer(w);
    if (!lives && w->fd >= 0) socket_ended(w);
}

static void on_socket(weft__watch *watch, uint32_t ready)
{
    weft__worker *w = (weft__worker *)watch;
    bool busy = w->state == WEFT__BUSY;
    if (w->fd < 0 || w->killed) return;
    bool lives = !busy || send_more(w);
    lives = receive(w, ready & WEFT__HUP) && lives;
    look_at_answer(w);
    if (!lives && w->fd >= 0) socket_ended(w);
}

/* ---- its life ---- */

int weft__worker_start(weft__processes *p, weft__worker *w)
{
    *w = (weft__worker){ .watch = { on_socket }, .pool = p, .id = ++ids, .fd = -1, .state = WEFT__STARTING };
    weft__buf_init(&w->in, WEFT__JOB_BYTES_MAX + sizeof(weft__job_head) + READ_BYTES);
    int rc = simulated(w) ? 0 : zygote_of(w)->fork(p->os, w->id);
    if (rc < 0) w->state = WEFT__NO_WORKER;
    else if (simulated(w)) w->state = WEFT__IDLE;
    return rc;
}

int weft__worker_started(weft__worker *w, int fd)
{
    weft__os *os = w->pool->os;
    w->fd = fd;
    int rc = os->ops->watch(os, fd, &w->watch, WEFT__WATCH_INPUT);
    if (rc == 0) be_idle(w);
    return rc;
}

bool weft__worker_give(weft__worker *w, weft__errand *e)
{
    w->state = WEFT__BUSY;
    w->errand = e;
    w->sent = 0;
    w->jobs++;
    if (simulated(w)) return sim_give(w);
    w->job_id = ++w->pool->job_ids;
    memcpy(e->job.ptr + offsetof(weft__job_head, id), &w->job_id, sizeof w->job_id);
    if (send_more(w) || w->sent) return true;
    w->errand = NULL;                                /* it died while it had nothing to do: no fault of this job's */
    w->state = WEFT__ENDING;
    socket_ended(w);
    return false;
}

void weft__worker_kill(weft__worker *w)
{
    if (w->killed) return;
    w->killed = true;
    if (w->state != WEFT__BUSY) w->state = WEFT__ENDING;
    if (simulated(w)) sim_kill(w);
    else zygote_of(w)->kill(w->pool->os, w->id);
}

void weft__worker_retire(weft__worker *w)
{
    if (simulated(w)) weft__worker_free(w);
    else {
        w->state = WEFT__ENDING;
        close_socket(w);
    }
}

/* A whole answer may lie in the socket still. */
void weft__worker_ended(weft__worker *w, int status)
{
    if (w->fd >= 0 && w->state == WEFT__BUSY && !w->killed) {
        (void)receive(w, true);
        look_at_answer(w);
    }
    weft__errand *e = w->errand;
    w->errand = NULL;
    weft__worker_free(w);
    if (e) weft__errand_done(e, e->end == WEFT__ANSWERED ? WEFT__DIED : e->end, status);
    weft__worker_changed(w);
}
