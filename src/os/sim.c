#include "os/sim.h"
#include <string.h>
#include "base/mem.h"
#include "os/sim_world.h"

/* Virtual time starts at one second: a real monotonic clock is never 0 either. */
static const int64_t START_NS = 1000000000, DAY_US = 86400 * (int64_t)1000000;
static const size_t WINDOW = 64 * 1024, WINDOW_MAX = (size_t)1 << 26;
static const size_t DISK = (size_t)1 << 26, DISK_MAX = (size_t)1 << 32;
enum { EVENTS_MAX = 512 };

static const char *const op_names[WEFT__SIM_OPS_FAILING] = {
    [WEFT__SIM_OP_SEND] = "send", [WEFT__SIM_OP_RECV] = "recv", [WEFT__SIM_OP_CONNECT] = "connect",
    [WEFT__SIM_OP_ACCEPT] = "accept", [WEFT__SIM_OP_LISTEN] = "listen", [WEFT__SIM_OP_WATCH] = "watch",
    [WEFT__SIM_OP_RESOLVE] = "resolve", [WEFT__SIM_OP_SUBMIT] = "submit",
    [WEFT__SIM_OP_PROCESS] = "process",
#define FILE_OP(kind, name) [WEFT__SIM_OP_FILE + WEFT__FILE_##kind] = name
    FILE_OP(OPEN, "open"), FILE_OP(CLOSE, "close"), FILE_OP(READ, "read"), FILE_OP(WRITE, "write"),
    FILE_OP(SYNC, "fsync"), FILE_OP(TRUNCATE, "truncate"), FILE_OP(STAT, "stat"), FILE_OP(RENAME, "rename"),
    FILE_OP(REMOVE, "remove"), FILE_OP(MKDIR, "mkdir"), FILE_OP(LIST, "list"), FILE_OP(TEMP, "temp"),
    FILE_OP(SYNC_PATH, "fsync_path"),
#undef FILE_OP
};

/* ---- randomness and the trace ---- */

/* SplitMix64's output function: every bit of the result depends on every bit of x. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static uint64_t next_random(uint64_t *state) { return mixed(*state += 0x9e3779b97f4a7c15); }

uint64_t weft__sim_draw(weft__sim *s) { return next_random(&s->world_random); }

bool weft__sim_chance(weft__sim *s, unsigned of, unsigned out_of)
{
    return of && weft__sim_draw(s) % out_of < of;
}

/* Times, numbers and bytes only: an address in memory would differ from run to run. */
void weft__sim_note(weft__sim *s, weft__sim_op op, int64_t a, int64_t b)
{
    s->trace = mixed(s->trace ^ (uint64_t)op) + (uint64_t)s->now_ns;
    s->trace = mixed(s->trace ^ (uint64_t)a);
    s->trace = mixed(s->trace + (uint64_t)b);
    s->events += op != WEFT__SIM_OP_CONTENT;
}

static uint64_t sim_random(weft__os *os)
{
    weft__sim *s = weft__sim_of(os);
    uint64_t r = next_random(&s->program_random);
    weft__sim_note(s, WEFT__SIM_OP_RANDOM, (int64_t)r, 0);
    return r;
}

static void sim_trace(weft__os *os, uint64_t what)
{
    weft__sim_note(weft__sim_of(os), WEFT__SIM_OP_TRACE, (int64_t)what, 0);
}

/* ---- what is on its way ---- */

static int64_t delay(weft__sim *s)
{
    uint64_t span = (uint64_t)(s->opts.delay_max_ns - s->opts.delay_min_ns);
    return s->opts.delay_min_ns + (span ? (int64_t)(weft__sim_draw(s) % (span + 1)) : 0);
}

static uint64_t tie(weft__sim *s) { return s->opts.seed ? weft__sim_draw(s) : 0; }

static int64_t after(int64_t now, int64_t ns)
{
    int64_t at;
    return __builtin_add_overflow(now, ns, &at) ? INT64_MAX : at;
}

/* With the time and the tie of the one before it, the serial decides: in the order of sending. */
void weft__sim_to(weft__sim *s, weft__sim_kind kind, int to, int from, uint64_t n)
{
    weft__sim_due due = { after(s->now_ns, delay(s)), tie(s), ++s->serial, kind, to, from, n };
    weft__sim_sock *sock = weft__sim_find(s, to);
    if (sock && kind != WEFT__SIM_ACK) {
        if (due.at <= sock->last_at) {
            due.at = sock->last_at;
            due.tie = sock->last_tie;
        }
        sock->last_at = due.at;
        sock->last_tie = due.tie;
    }
    weft__sim_queue_push(&s->queue, due);
}

void weft__sim_later(weft__sim *s, weft__sim_kind kind, int64_t after_ns, int from, uint64_t n)
{
    weft__sim_queue_push(&s->queue,
        (weft__sim_due){ after(s->now_ns, after_ns), tie(s), ++s->serial, kind, 0, from, n });
}

void weft__sim_overtaking(weft__sim *s, weft__sim_kind kind, uint64_t n)
{
    weft__sim_queue_push(&s->queue, (weft__sim_due){ after(s->now_ns, delay(s)), tie(s), ++s->serial, kind, 0, 0, n });
}

static void happen(weft__sim *s, const weft__sim_due *due)
{
    switch (due->kind) {
    case WEFT__SIM_SYN: weft__sim_on_syn(s, due->from, due->n); break;
    case WEFT__SIM_SYN_ACK: weft__sim_on_syn_ack(s, due->to); break;
    case WEFT__SIM_BYTES: weft__sim_on_bytes(s, due->to, due->from, due->n); break;
    case WEFT__SIM_ACK: weft__sim_on_ack(s, due->to, due->n); break;
    case WEFT__SIM_FIN: weft__sim_on_fin(s, due->to); break;
    case WEFT__SIM_RST: weft__sim_on_rst(s, due->to); break;
    case WEFT__SIM_RESOLVED: weft__sim_on_resolved(s, due->n); break;
    case WEFT__SIM_JOB_BEGIN: weft__sim_on_job_begin(s, due->from); break;
    case WEFT__SIM_JOB_RUN: weft__sim_on_job_run(s, due->from, due->n); break;
    case WEFT__SIM_JOB_END: weft__sim_on_job_end(s, due->from, due->n); break;
    case WEFT__SIM_WALL: s->wall_us += (int64_t)due->n; break;
    case WEFT__SIM_SIGNAL: weft__sim_on_signal(s, (int)due->n); break;
    case WEFT__SIM_MAIL: weft__sim_on_mail(s, due->n); break;
    }
}

/* ---- the clock ---- */

static int64_t sim_now_ns(weft__os *os) { return weft__sim_of(os)->now_ns; }

static int64_t sim_wall_us(weft__os *os)
{
    weft__sim *s = weft__sim_of(os);
    return s->wall_us + s->now_ns / 1000;
}

static int look(weft__sim *s, weft__event *events, int max, bool again)
{
    weft__sim_due due;
    while (weft__sim_queue_pop(&s->queue, s->now_ns, &due)) happen(s, &due);
    int n = weft__sim_ready(s, events, max, again);
    n += weft__sim_resolves_told(s, events + n, max - n);
    n += weft__sim_jobs_told(s, events + n, max - n);
    n += weft__sim_signals_told(s, events + n, max - n);
    for (int i = n - 1; i > 0 && s->opts.seed; i--) {
        int k = (int)(weft__sim_draw(s) % ((unsigned)i + 1));
        weft__event swap = events[i];
        events[i] = events[k];
        events[k] = swap;
    }
    return n;
}

/* A listener that is told of again and again must not stop the clock: that would be a world in which nothing
 * else ever happens. So it is told again when the time is up, not before. */
static int sim_wait(weft__os *os, weft__event *events, int max, int64_t timeout_ns)
{
    weft__sim *s = weft__sim_of(os);
    if (max < 1) return WEFT_EINVAL;
    if (max > EVENTS_MAX) max = EVENTS_MAX;
    if (weft__sim_chance(s, s->opts.wall_jump_permille, 1000))
        s->wall_us += (int64_t)(weft__sim_draw(s) % (uint64_t)(2 * DAY_US)) - DAY_US;
    int64_t until = timeout_ns < 0 ? INT64_MAX : after(s->now_ns, timeout_ns);
    for (;;) {
        int n = look(s, events, max, false);
        if (n) return n;
        if (!s->queue.count || s->queue.items[0].at > until) break;
        s->now_ns = s->queue.items[0].at;
    }
    if (timeout_ns < 0) return WEFT_EDEADLK;
    s->now_ns = until;
    weft__sim_note(s, WEFT__SIM_OP_PASSED, timeout_ns, 0);
    return look(s, events, max, true);
}

/* ---- what a test does to the world ---- */

int weft__sim_jump_wall(weft__os *sim, int64_t after_ns, int64_t by_us)
{
    weft__sim *s = weft__sim_of(sim);
    if (after_ns < 0) return WEFT_EINVAL;
    if (!weft__sim_queue_reserve(&s->queue, 1)) return WEFT_ENOMEM;
    weft__sim_later(s, WEFT__SIM_WALL, after_ns, 0, (uint64_t)by_us);
    return 0;
}

int weft__sim_fail(weft__os *sim, const char *op, unsigned nth, int code)
{
    weft__sim *s = weft__sim_of(sim);
    weft__sim_op found = 0;
    while (found < WEFT__SIM_OPS_FAILING && strcmp(op_names[found], op)) found++;
    if (found == WEFT__SIM_OPS_FAILING || !nth || code >= 0) return WEFT_EINVAL;
    if (s->failures_count == WEFT__SIM_FAULTS_MAX) return WEFT_ELIMIT;
    s->failures[s->failures_count++] = (weft__sim_failure){ found, nth, code };
    return 0;
}

int weft__sim_fault(weft__sim *s, weft__sim_op op)
{
    int code = 0, kept = 0;
    for (int i = 0; i < s->failures_count; i++) {
        weft__sim_failure f = s->failures[i];
        if (f.op == op && !--f.left) code = f.code;
        else s->failures[kept++] = f;
    }
    s->failures_count = kept;
    return code;
}

void weft__sim_work(weft__os *os, int64_t ns)
{
    weft__sim *s = weft__sim_of(os);
    s->now_ns = after(s->now_ns, ns);
}

void weft__sim_set_wall(weft__os *sim, int64_t wall_us)
{
    weft__sim *s = weft__sim_of(sim);
    s->wall_us = wall_us - s->now_ns / 1000;
}

void weft__sim_set_job(weft__os *sim, int64_t ns)
{
    weft__sim *s = weft__sim_of(sim);
    s->opts.job_min_ns = s->opts.job_max_ns = ns > 0 ? ns : 0;
}

uint64_t weft__sim_trace(const weft__os *sim) { return weft__sim_of(sim)->trace; }
uint64_t weft__sim_events(const weft__os *sim) { return weft__sim_of(sim)->events; }
int weft__sim_open_fds(const weft__os *sim) { return weft__sim_of(sim)->open_fds; }

/* ---- life ---- */

static void sim_free(weft__os *os)
{
    if (!os) return;
    weft__sim *s = weft__sim_of(os);
    weft__sim_jobs_free(s);
    weft__sim_disk_free(s);
    weft__sim_udp_free(s);
    weft__sim_socks_free(s);
    weft__sim_names_free(s);
    weft__sim_queue_free(&s->queue);
    weft__free(s);
}

static const weft__os_ops sim_ops = {
    .name = "sim", .virtual_time = true, .now_ns = sim_now_ns, .wall_us = sim_wall_us, .random = sim_random,
    .wait = sim_wait, .watch = weft__sim_watch, .unwatch = weft__sim_unwatch,
    .listen = weft__sim_listen, .accept = weft__sim_accept, .connect = weft__sim_connect,
    .connect_result = weft__sim_connect_result, .local = weft__sim_local, .peer_ours = weft__sim_peer_ours,
    .recv = weft__sim_recv, .send = weft__sim_send, .shutdown = weft__sim_shutdown, .close = weft__sim_close,
    .reset = weft__sim_reset,
    .resolve = weft__sim_resolve_start, .resolved = weft__sim_resolve_result,
    .resolve_free = weft__sim_resolve_end, .signals = weft__sim_signals, .jobs = &weft__sim_jobs,
    .files = &weft__sim_files, .net = &weft__sim_net, .takers = &weft__sim_takers,
    .process_fate = weft__sim_process_fate, .trace = sim_trace, .free = sim_free,
};

static weft__sim_opts checked(weft__sim_opts o)
{
    if (!o.window) o.window = WINDOW;
    if (o.window > WINDOW_MAX) o.window = WINDOW_MAX;
    if (o.delay_min_ns < 0) o.delay_min_ns = 0;
    if (o.delay_max_ns < o.delay_min_ns) o.delay_max_ns = o.delay_min_ns;
    if (o.resolve_ns < 0) o.resolve_ns = 0;
    if (!o.disk_bytes) o.disk_bytes = DISK;
    if (o.disk_bytes > DISK_MAX) o.disk_bytes = DISK_MAX;
    if (o.job_min_ns < 0) o.job_min_ns = 0;
    if (o.job_max_ns < o.job_min_ns) o.job_max_ns = o.job_min_ns;
    return o;
}

weft__os *weft__sim_new(const weft__sim_opts *opts)
{
    weft__sim *s = weft__calloc(sizeof *s);
    if (!s) return NULL;
    s->base = (weft__os){ .ops = &sim_ops, .shuffle = opts->seed != 0 };
    s->opts = checked(*opts);
    s->now_ns = START_NS;
    s->wall_us = opts->wall_us - START_NS / 1000;
    s->world_random = mixed(opts->seed);
    s->program_random = mixed(~opts->seed);
    s->free_slot = -1;
    weft__sim_disk_init(s);
    s->next_port = 32768;
    return &s->base;
}
