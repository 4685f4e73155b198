#include "serve/fleet.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "http/connection.h"
#include "http/front.h"
#include "io/log.h"
#include "io/tls.h"
#include "os/crash.h"
#include "os/elders.h"
#include "os/held.h"
#include "os/notify.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "os/stderr.h"
#include "os/threads.h"
#include "serve/succession.h"
#include "serve/supervisor.h"
#include "task/error.h"
#include "web/endpoint.h"
#include "web/metrics.h"
#include "wire/bytes.h"

enum { EXIT_CANNOT = 1, MARGIN_MS = 3000, TRIAL_MS = 60000, STACK_TEXT = 16 * 1024, VARIABLE_BYTES = 8192, PROGRAMS_BEFORE = 1 };

typedef struct supervising {
    weft__supervisor s;
    const weft__fleet_job *job;
    weft_serve_opts opts;                /* with their defaults */
    weft__fleet *fleet;
    weft__os *os;
    weft__listened listened;
    bool given;                          /* by a service manager */
    int64_t alive_ms;                    /* when a service manager is told so next */
    pid_t trial;                         /* 0: none */
    int64_t trial_until_ms;
    bool again_wanted;                   /* asked for once more, while it was tried */
    int64_t room_until_ms;               /* a reload waits for slots, until then; 0: none does */
    bool supervised;                     /* it has come so far as to supervise */
} supervising;

/* ---- how many ---- */

enum { UNSET = -2, NONSENSE = -3 };

static int from_environment(void)
{
    const char *set = getenv("WEFT_WORKERS");
    if (!set || !*set) return UNSET;
    if (strcmp(set, "auto") == 0) return -1;
    int64_t n = weft__decimal(weft_str_of(set), WEFT__FLEET_MAX);
    return n < 0 ? NONSENSE : (int)n;
}

bool weft__fleet_wants_nonsense(void)
{
    if (from_environment() != NONSENSE) return false;
    fprintf(stderr, "weft: WEFT_WORKERS is '%.100s': expected 0 to %d, or auto\n", getenv("WEFT_WORKERS"), WEFT__FLEET_MAX);
    return true;
}

unsigned weft__fleet_wanted(const weft_serve_opts *opts)
{
    int n = from_environment();
    if (n < -1) n = opts->workers;
    if (n == -1) n = weft__os_cores();
    if (n > WEFT__FLEET_MAX) n = WEFT__FLEET_MAX;
    if (n < 2) n = weft__handed_kind() == WEFT__HANDED_OVER ? 1 : 0;
    return (unsigned)n;
}

bool weft__fleet_is_trial(void) { return weft__handed_kind() == WEFT__HANDED_TRIAL; }

/* ---- what the supervisor has done ---- */

static int cannot(const char *why)
{
    fprintf(stderr, "weft: %s\n", why);
    return EXIT_CANNOT;
}

/* Before there is anything that would be left out: threads, a zygote, a loop. */
static int give_up_rights(const supervising *v)
{
    char why[256];
    if (v->opts.user && weft__become_user(v->opts.user, why) < 0) return cannot(why);
    if (v->opts.sandbox && weft__sandbox(v->opts.sandbox_folders, why) < 0) return cannot(why);
    return 0;
}

static int work(void *ctx)
{
    supervising *v = ctx;
    int status = give_up_rights(v);
    return status ? status : v->job->work(v->job->ctx, v->fleet);
}

static pid_t start(void *ctx, unsigned slot)
{
    supervising *v = ctx;
    return weft__fleet_fork(v->fleet, slot, work, v);
}

static void send_signal(void *ctx, pid_t pid, int signal)
{
    (void)ctx;
    weft__fleet_kill(pid, signal);
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    weft__log(WEFT_LOG_WARNING, "%s", line);
}

/* Whoever reads stderr may have stopped, and a supervisor that waits for him hears nobody. */
static bool say_lines(const char *text, size_t n)
{
    while (n) {
        const char *end = memchr(text, '\n', n);
        size_t len = end ? (size_t)(end - text) + 1 : n;
        if (!weft__os_stderr_try(text, len < WEFT__STDERR_MAX ? len : WEFT__STDERR_MAX)) return false;
        text += len;
        n -= len;
    }
    return true;
}

static void tell_stack(void *ctx, unsigned number, pid_t pid, const weft__black_box *box)
{
    static char text[STACK_TEXT];
    (void)ctx;
    char first[256];
    size_t n = weft__crash_stack(box, text, sizeof text);
    int len = snprintf(first, sizeof first, "weft: worker %u (pid %d) crashed here, in %.*s:\n", number, (int)pid, (int)sizeof box->work - 1,
        box->work[0] ? box->work : "no request");
    bool went = weft__os_stderr_try(first, (size_t)len < sizeof first ? (size_t)len : sizeof first - 1);
    if (!went || !say_lines(text, n)) weft__log(WEFT_LOG_WARNING, "not all of a stack was told: stderr takes nothing");
}

static uint64_t draw(void *ctx)
{
    (void)ctx;
    return weft__fleet_random();
}

static void all_ready(void *ctx)
{
    const supervising *v = ctx;
    const char *title = v->job->title;
    char where[1024];
    weft__notify("READY=1");
    if (v->opts.quiet) return;
    weft__listened_text(&v->listened, &v->opts, where, sizeof where);
    printf("weft: %s%slistening on %s with %u worker%s\n", title ? title : "", title ? " " : "", where, v->fleet->workers, v->fleet->workers == 1 ? "" : "s");
    fflush(stdout);
}

/* Workers take whom they still want to; whoever comes when they have gone is refused, also by a program that is being tried, which has the listeners, too. Files of unix
 * sockets stay until then. */
static void ends(void *ctx)
{
    supervising *v = ctx;
    weft__notify("STOPPING=1");
    if (v->trial) weft__fleet_kill(v->trial, SIGKILL);
    for (int i = 0; i < v->listened.count; i++) {
        v->os->ops->close(v->os, v->listened.items[i].fd);
        v->listened.items[i].fd = -1;
    }
    v->fleet->listener_count = 0;
}

/* ---- the program anew ---- */

/* Whoever cannot be handed over would serve on for ever, and nobody would wait for it. */
static bool can_hand_over(const supervising *v)
{
    unsigned n = weft__succession_count(&v->s);
    if (n <= WEFT__FLEET_SLOTS_MAX) return true;
    weft__log(WEFT_LOG_ERROR, "not reloaded: %u workers have not ended yet, those of programs before among them, and %d can be waited for; ask again later", n, WEFT__FLEET_SLOTS_MAX);
    return false;
}

/* What workers keep together goes on in free slots alone, and reloads that come quickly must not pile programs up whose workers all take their time to end. Told to, these
 * have the time of a stop from then on, so that is how long there may be none. Behind that it is given up: a program that mends one which never starts must not wait for it. */
static bool has_room(supervising *v, int64_t now)
{
    if (weft__fleet_slots_free(v->fleet) >= v->fleet->workers && weft__succession_programs(&v->s) <= PROGRAMS_BEFORE) return true;
    if (!v->room_until_ms) {
        v->room_until_ms = now + v->s.end_ms + MARGIN_MS;
        weft__log(WEFT_LOG_INFO, "reloading: waiting for workers of the programs before to end (%u are there), at most %d s, so that what workers keep together goes on",
            v->s.elder_count, (int)((v->room_until_ms - now) / 1000));
    }
    return now >= v->room_until_ms;
}

/* What is put in the place of this program is tried first, as a child: whether its routes are good and its providers
 * can be opened. Only then it is run here, in the same process, with the listeners and the workers there are. */
static void reload(void *ctx)
{
    supervising *v = ctx;
    char variable[512], what[WEFT__EXEC_DESCRIBED];
    if (v->trial) {
        v->again_wanted = true;
        return;
    }
    if (!has_room(v, weft__fleet_now_ms())) return;
    v->room_until_ms = 0;
    if (!can_hand_over(v)) return;
    weft__handover h = { .fd_count = v->fleet->listener_count, .given = v->given };
    memcpy(h.fds, v->fleet->listeners, sizeof h.fds);
    pid_t pid = weft__handover_format(WEFT__TRIAL_NAME, &h, variable, sizeof variable) ? weft__exec_child(variable, h.fds, h.fd_count) : WEFT_ELIMIT;
    if (pid < 0) {
        weft__log(WEFT_LOG_ERROR, "not reloaded: %s cannot be run: %s", weft__exec_path(), weft__code_text(pid));
        return;
    }
    weft__exec_describe(what, sizeof what);
    weft__log(WEFT_LOG_INFO, "reloading: trying whether %s starts", what);
    v->trial = pid;
    weft__fleet_expect(v->fleet, pid);
    v->trial_until_ms = weft__fleet_now_ms() + TRIAL_MS;
}

/* Those of programs before, who may have a slot too, are patient already. */
static void be_patient(supervising *v, bool patient)
{
    for (unsigned i = 0; i < v->fleet->slots; i++)
        if (v->s.processes[i].pid && !v->s.processes[i].told) __atomic_store_n(&weft__fleet_slot(v->fleet, i)->patient, patient, __ATOMIC_RELEASE);
}

static void hand_over(supervising *v)
{
    weft__handover h = { .fd_count = v->fleet->listener_count, .given = v->given, .stop_ms = v->s.end_ms, .past = weft__fleet_past_of(v->fleet) };
    char variable[VARIABLE_BYTES];
    int fds[WEFT__HANDOVER_FDS_MAX];
    memcpy(h.fds, v->fleet->listeners, sizeof h.fds);
    if (!can_hand_over(v)) return;
    int rc = WEFT_ELIMIT;
    weft__succession_give(&v->s, &h);
    if (weft__handover_format(WEFT__HANDOVER_NAME, &h, variable, sizeof variable)) {
        be_patient(v, true);
        rc = weft__exec_here(variable, fds, weft__handover_fds(&h, fds));
        be_patient(v, false);
    }
    weft__log(WEFT_LOG_ERROR, "not reloaded: %s cannot be run: %s; the old workers serve on", weft__exec_path(), weft__code_text(rc));
}

static void tried(supervising *v, int status)
{
    char room[24];
    v->trial = 0;
    bool again = v->again_wanted;
    v->again_wanted = false;
    if (v->s.ending) return;
    if (again) reload(v);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == WEFT__TRIAL_GOOD) hand_over(v);
    else if (WIFEXITED(status)) weft__log(WEFT_LOG_ERROR, "not reloaded: the program as it is now does not start (status %d); the old workers serve on", WEXITSTATUS(status));
    else weft__log(WEFT_LOG_ERROR, "not reloaded: the program as it is now was ended by %s while it started; the old workers serve on", weft__signal_name(WTERMSIG(status), room));
}

/* ---- listening ---- */

/* What was handed over is inherited, what a service manager has opened is given; and what the program before this one was given is handed over. */
static int listen_on(supervising *v, weft__os *os, const weft__handover *h, char *why)
{
    int given[WEFT__FLEET_LISTENERS_MAX], n = 0;
    if (!h->given && !h->fd_count) n = weft__listeners_given(given, WEFT__FLEET_LISTENERS_MAX);
    v->given = h->given || n > 0;
    int rc = h->given ? weft__listen(os, &v->opts, NULL, 0, h->fds, h->fd_count, &v->listened, why)
                      : weft__listen(os, &v->opts, h->fds, h->fd_count, given, n, &v->listened, why);
    for (int i = 0; rc == 0 && i < v->listened.count; i++) rc = weft__fleet_add_listener(v->fleet, v->listened.items[i].fd);
    return rc;
}

static void adopt(supervising *v, const weft__handover *h)
{
    pid_t pids[WEFT__FLEET_SLOTS_MAX];
    weft__succession_take(&v->s, h, weft__fleet_now_ms());
    for (int i = 0; i < h->elder_count; i++) {
        pids[i] = h->elders[i].pid;
        weft__fleet_expect(v->fleet, h->elders[i].pid);
    }
    weft__fleet_welcome(v->fleet, pids, v->s.elder_count);
}

/* ---- the whole ---- */

static const weft__supervisor_ops ops = {
    .start = start, .signal = send_signal, .say = say, .tell_stack = tell_stack, .random = draw, .all_ready = all_ready, .ends = ends,
    .reload = reload,
};

static void trial_look(supervising *v, int64_t now)
{
    if (!v->trial || now < v->trial_until_ms) return;
    v->trial_until_ms = now + TRIAL_MS;
    weft__log(WEFT_LOG_ERROR, "the program as it is now has not started within %d s", TRIAL_MS / 1000);
    weft__fleet_kill(v->trial, SIGKILL);
}

static int room_look(supervising *v, int64_t now, int wait)
{
    if (!v->room_until_ms || v->trial || v->s.ending) return wait;
    if (has_room(v, now)) {
        reload(v);
        return wait;
    }
    return wait >= 0 && wait < v->room_until_ms - now ? wait : (int)(v->room_until_ms - now);
}

static void tell_alive(supervising *v, int64_t now)
{
    int ms = weft__notify_watchdog_ms();
    if (!ms || now < v->alive_ms) return;
    v->alive_ms = now + ms;
    weft__notify("WATCHDOG=1");
}

static int supervise(supervising *v)
{
    v->supervised = true;
    weft__supervisor_begin(&v->s, weft__fleet_now_ms());
    while (!v->s.over) {
        int64_t now = weft__fleet_now_ms();
        int wait = weft__supervisor_look(&v->s, now);
        trial_look(v, now);
        tell_alive(v, now);
        if (v->s.over) break;
        wait = room_look(v, now, wait);
        weft__fleet_word w = weft__fleet_hear(v->fleet, wait);
        if (w.kind == WEFT__FLEET_ENDED && w.pid == v->trial) tried(v, w.status);
        else weft__supervisor_heard(&v->s, &w, weft__fleet_now_ms());
    }
    if (v->trial) weft__fleet_kill(v->trial, SIGKILL);
    return v->s.status;
}

/* Listeners of *h are in it only as long as they are not taken. */
static int run_on(supervising *v, weft__handover *h)
{
    char why[256] = "no memory for a supervisor";
    if (!v->os) return cannot(why);
    int rc = listen_on(v, v->os, h, why);
    h->fd_count = 0;
    if (rc == 0 && (rc = weft__fleet_begin(v->fleet)) < 0) snprintf(why, sizeof why, "cannot supervise workers: %s", weft__code_text(rc));
    if (rc < 0) {
        weft__listened_end(v->os, &v->listened);
        return cannot(why);
    }
    adopt(v, h);
    v->s.stop_came_ms = weft__held_stop_ms();
    int status = supervise(v);
    weft__listened_end(v->os, &v->listened);
    weft__fleet_end(v->fleet);
    return status;
}

static void options_for(supervising *v, const weft_serve_opts *o)
{
    v->s.ops = &ops;
    v->s.ctx = v;
    v->s.fleet = v->fleet;
    v->s.stuck_ms = o->stuck_ms > 0 ? o->stuck_ms : 0;
    /* What serve.h adds up, with hard_ms for a close of a request and one per worker that ignore the end of their time. */
    v->s.end_ms = (int64_t)o->unready_ms + o->grace_ms + o->background_ms + 4 * (int64_t)o->hard_ms + weft__app_stop_ms(v->job->app) + MARGIN_MS;
    if (!v->fleet->adopted) v->fleet->head->began_s = weft__os_wall_us() / 1000000;
}

static int check_threads(void)
{
    char why[256];
    int threads = weft__os_threads();
    if (threads <= 1) return 0;
    snprintf(why, sizeof why, "workers are forked, and a process with threads must not be: this one had %d when weft_serve was called; "
        "start threads later, in what it calls", threads - 1);
    return cannot(why);
}

/* All that there must be before anything is listened on. 0, or a status. */
static int make(supervising *v, const weft__fleet_job *job, unsigned workers, const weft__fleet_past *past)
{
    char why[256];
    weft__fleet_shape shape = { .workers = workers, .part_bytes = {
        [WEFT__PART_REGION] = job->app->metrics ? weft__region_bytes(job->app->endpoints.count) : 0,
        [WEFT__PART_SERIES] = weft__series_bytes(),
    } };
    *v = (supervising){ .job = job };
    if (weft__server_options(&v->opts, job->opts, why) < 0 || weft__front_check(&v->opts, why) < 0) return cannot(why);
    int status = check_threads();
    if (status) return status;
    if (job->opts->tls.certs) weft__tls_share_tickets();
    shape.common_bytes = weft__app_shared_bytes(job->app, weft__fleet_slots_of(workers, past));
    shape.program = weft__exec_identity();
    shape.layout = weft__app_layout(job->app);
    if (weft__fleet_new(&v->fleet, &shape, past) < 0) return cannot("no memory for workers to share, or no descriptors");
    options_for(v, &v->opts);
    v->os = weft__os_linux_new();
    return 0;
}

static void unmake(supervising *v)
{
    if (v->os) v->os->ops->free(v->os);
    weft__fleet_free(v->fleet);
}

static void say_what_is_anew(const weft__fleet *c)
{
    if (*c->why_anew) weft__log(WEFT_LOG_INFO, "numbers, rate limits and idempotency keys begin anew: %s", c->why_anew);
    if (*c->why_apart) weft__log(WEFT_LOG_WARNING, "people in rooms on the old workers and on the new ones do not hear each other: %s", c->why_apart);
}

static supervising the_one;              /* too large for a stack */

int weft__fleet_run(const weft__fleet_job *job)
{
    supervising *v = &the_one;
    weft__handover h = { .fd_count = 0 };
    unsigned workers = weft__fleet_wanted(job->opts);
    (void)weft__handed_take(WEFT__HANDED_OVER, &h);
    int status = make(v, job, workers, &h.past);
    if (status == 0) say_what_is_anew(v->fleet);
    if (status == 0) weft__app_share(job->app, v->fleet);
    if (status == 0) status = run_on(v, &h);
    /* What was tried may fail all the same, a moment later: the workers there are end as they would at a stop, not with this process. */
    if (status && h.elder_count && !v->supervised) weft__elders_end(&h);
    unmake(v);
    return status;
}

int weft__fleet_try(const weft__fleet_job *job)
{
    supervising *v = &the_one;
    weft__handover h = { .fd_count = 0 };
    char why[256] = "no memory for a supervisor";
    unsigned workers = weft__fleet_wanted(job->opts);
    if (!weft__handed_take(WEFT__HANDED_TRIAL, &h)) return cannot("WEFT__TRIAL is for supervisors");
    int status = make(v, job, workers ? workers : 1, NULL);
    if (status == 0 && (!v->os || listen_on(v, v->os, &h, why) < 0)) status = cannot(why);
    if (status == 0) v->fleet->listener_count = 0;
    weft__listened_leave(&v->listened, h.fds, h.fd_count);
    if (v->os) weft__listened_end(v->os, &v->listened);
    if (status == 0) status = give_up_rights(v);
    unmake(v);
    return status;
}
