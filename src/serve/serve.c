/* weft_serve: an application on a socket, until a signal ends it. */
#include "weft/serve.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/file.h"
#include "io/log.h"
#include "io/tls.h"
#include "os/jobs.h"
#include "os/notify.h"
#include "serve/fleet.h"
#include "serve/worker.h"
#include "task/inspect.h"
#include "task/offload.h"
#include "task/process.h"
#include "task/preload.h"
#include "task/watchdog.h"
#include "web/app.h"
#include "web/background.h"

enum { FAULTS_BYTES_MAX = 1 << 20, EXIT_CANNOT_LISTEN = 1, EXIT_HUNG = 1, EXIT_NOT_CLOSED = 1, EXIT_FAULTY_ROUTES = 2, EXIT_CANNOT_START = 3 };

/* SIGUSR1 switches debug lines on, and the next one back. */
typedef struct louder { weft__watch watch; struct weft__door *door; weft_log_level before; bool on; } louder;

/* How far signals have brought the stop: each goes one step on. */
typedef enum stop { SERVES, UNREADY, STOPS, HURRIES } stop;

/* SIGHUP has certificates read again; of workers it is the supervisor's, which has others begin that read them. */
typedef struct renewal { weft__watch watch; struct weft__door *door; } renewal;

typedef struct serving {
    weft__watch signals;
    louder louder;
    renewal renewal;
    const weft_app *app;
    const weft_serve_opts *opts;
    weft__app *compiled;
    weft__loop *loop;
    bool begun;                      /* what fails from here on is said where it fails */
    weft__server *server;            /* NULL: not yet, or no longer */
    bool served;                     /* it has been there */
    weft__timer unready;             /* until the stop begins */
    weft__timer alive;               /* until a service manager is told so again */
    weft__backgrounds *backgrounds;  /* NULL: not open */
    stop stop;
    bool retires;                    /* it stops because it is replaced, and nobody is to notice */
    bool heard_late;                 /* that it was to: all stop already, for which another signal comes that is no step further */
    uint32_t signalled;              /* signals passed on so far */
    weft__timer overdue;             /* a start after its cancel, and the closes at the end: they end, whatever they ignore */
    weft__fleet *fleet;              /* NULL: this process serves alone */
    weft__serving_worker worker;     /* of it */
    bool trial;                      /* nothing is served: only whether it would start */
    int status;                      /* what the process ends with although nothing else failed */
} serving;

/* The server has said so: what hangs in a handler, or behind it, cannot be left. */
static _Noreturn void hung(const serving *s)
{
    weft__log_flush();
    weft__offload_say_stuck(s->loop, 0);
    weft__os_end(EXIT_HUNG);
}

/* ---- signals ---- */

static void begin_stop(serving *s)
{
    if (!s->fleet) weft__notify("STOPPING=1");
    s->stop = STOPS;
    weft__timer_stop(s->loop, &s->unready);
    weft__server_stop(s->server);
}

static void unready_over(weft__timer *t)
{
    serving *s = (serving *)((char *)t - offsetof(serving, unready));
    if (s->server) begin_stop(s);
}

static void unready(serving *s)
{
    s->stop = UNREADY;
    weft__server_unready(s->server);
    s->unready.fire = unready_over;
    int64_t at = weft__loop_clock(s->loop) + s->opts->unready_ms * INT64_C(1000000);
    if (weft__timer_start(s->loop, &s->unready, at) < 0) begin_stop(s);
}

/* Another worker serves in its place already. */
static void retire(serving *s)
{
    s->stop = STOPS;
    s->retires = true;
    weft__server_retire(s->server);
}

/* All are to stop now: what is left of it is an ordinary stop, with its grace. */
static void retire_no_more(serving *s)
{
    s->retires = false;
    weft__server_unretire(s->server);
}

static void hurry(serving *s)
{
    s->stop = HURRIES;
    if (s->server) weft__server_stop(s->server);
    if (s->backgrounds) weft__backgrounds_hurry(s->backgrounds);
}

static void overdue_over(weft__timer *t)
{
    serving *s = (serving *)((char *)t - offsetof(serving, overdue));
    const char *what, *name = weft__app_busy(s->compiled, &what);
    weft__log(WEFT_LOG_ERROR, "%s what %s opens still runs after its time and hard_ms; it ignores its cancel", what, name);
    hung(s);
}

/* From here on all that providers per worker still do has an end, by itself or by this. */
static void limit_the_rest(serving *s)
{
    int hard_ms = s->opts->hard_ms > 0 ? s->opts->hard_ms : WEFT__HARD_MS;
    s->overdue.fire = overdue_over;
    weft__timer_start_kept(s->loop, &s->overdue, weft__loop_clock(s->loop) + (weft__app_close_ms(s->compiled) + hard_ms) * INT64_C(1000000));
}

/* Before it listens there is nothing to be graceful to. Where it waits until it can listen, that has an end of its own. */
static void end_start(serving *s)
{
    if (s->stop == HURRIES) return;
    s->stop = HURRIES;
    weft__loop_stop(s->loop);
    if (!s->backgrounds) limit_the_rest(s);
}

static void signalled(weft__watch *w, uint32_t count)
{
    serving *s = (serving *)w;
    bool replaced = s->fleet && weft__serving_is_replaced(&s->worker), late = s->fleet && weft__serving_was_replaced(&s->worker);
    if (s->fleet) weft__serving_leaves(&s->worker);
    for (; s->signalled < count && s->stop != HURRIES; s->signalled++) {
        bool heard = s->heard_late, first = s->server && s->stop == SERVES;
        s->heard_late = first && late;
        if (heard) continue;
        if (!s->served) end_start(s);
        else if (first && replaced) retire(s);
        else if (first && s->opts->unready_ms) unready(s);
        else if (s->server && s->stop < STOPS) begin_stop(s);
        else if (s->server && s->retires) retire_no_more(s);
        else hurry(s);
    }
}

static void log_louder(weft__watch *w, uint32_t events)
{
    static const char *const names[] = { "off", "error", "warning", "info", "debug" };
    louder *l = (louder *)w;
    weft_log_level level = weft_log_get_level();
    (void)events;
    if (level == WEFT_LOG_DEBUG && !l->on) {
        weft__log(WEFT_LOG_WARNING, "SIGUSR1: the log is at debug already, by WEFT_LOG or the program, and stays there");
        return;
    }
    l->on = level != WEFT_LOG_DEBUG;                 /* else the program has set another level meanwhile */
    if (l->on) l->before = level;
    weft_log_set_level(WEFT_LOG_DEBUG);              /* before what is said of it, and until then: else nobody may see it */
    weft__log(WEFT_LOG_WARNING, "SIGUSR1: the log is %s %s", l->on ? "at debug; the next one brings back" : "again at", names[l->before + 1]);
    if (!l->on) weft_log_set_level(l->before);
}

static void louder_start(louder *l, weft__os *os)
{
    *l = (louder){ .watch = { log_louder }, .before = WEFT_LOG_INFO };
    l->door = os->ops->jobs ? os->ops->jobs->door_open(os, &l->watch) : NULL;
    if (!l->door || weft__signal_door_open(SIGUSR1, l->door) == 0) return;
    os->ops->jobs->door_close(os, l->door);          /* the program has a use for it */
    l->door = NULL;
}

static void louder_stop(louder *l, weft__loop *loop, weft__os *os)
{
    if (!l->door) return;
    weft__signal_door_close(SIGUSR1);
    weft__loop_forget(loop, &l->watch);
    os->ops->jobs->door_close(os, l->door);
}

static void certificates_again(weft__watch *w, uint32_t events)
{
    (void)w;
    (void)events;
    (void)weft_tls_reload();                         /* what is wrong is in the log */
}

/* Without TLS SIGHUP ends the process, as it always did. */
static void renewal_start(serving *s, weft__os *os)
{
    renewal *r = &s->renewal;
    if (!s->opts->tls.certs || s->fleet) return;
    *r = (renewal){ .watch = { certificates_again } };
    r->door = os->ops->jobs ? os->ops->jobs->door_open(os, &r->watch) : NULL;
    if (!r->door || weft__signal_door_open(SIGHUP, r->door) == 0) return;
    os->ops->jobs->door_close(os, r->door);          /* the program has a use for it */
    r->door = NULL;
}

static void renewal_stop(serving *s, weft__os *os)
{
    if (!s->renewal.door) return;
    weft__signal_door_close(SIGHUP);
    weft__loop_forget(s->loop, &s->renewal.watch);
    os->ops->jobs->door_close(os, s->renewal.door);
}

/* Who tries whether the program can be reloaded does not listen, but reads what the new workers will. */
static int try_certificates(const serving *s)
{
    char why[WEFT__TLS_WHY];
    weft__tls_server *server = NULL;
    int rc = s->opts->tls.certs ? weft__tls_server_open(&server, s->loop, &s->opts->tls, NULL, why) : 0;
    if (rc < 0) fprintf(stderr, "weft: TLS: %s\n", why);
    weft__tls_server_free(server);
    return rc;
}

static void say_listening(const serving *s)
{
    const char *title = s->app->title;
    char where[1024];
    if (s->opts->quiet || s->fleet) return;
    weft__server_where(s->server, where, sizeof where);
    printf("weft: %s%slistening on %s\n", title ? title : "", title ? " " : "", where);
    fflush(stdout);
}

/* A service manager wants to know that it is alive. */
static void alive(weft__timer *t)
{
    serving *s = (serving *)((char *)t - offsetof(serving, alive));
    int ms = weft__notify_watchdog_ms();
    weft__notify("WATCHDOG=1");
    if (ms) (void)weft__timer_start(s->loop, t, weft__loop_clock(s->loop) + ms * INT64_C(1000000));
}

static void tell_manager(serving *s)
{
    if (s->fleet) return;
    weft__notify("READY=1");
    s->alive.fire = alive;
    if (weft__notify_watchdog_ms()) alive(&s->alive);
}

static int listen_and_serve(serving *s)
{
    char why[256] = "";
    weft__server *server;
    weft__http_handler *handler = s->fleet ? weft__serving_handle : weft__app_handle;
    void *ctx = s->fleet ? (void *)&s->worker : s->compiled;
    int rc = weft__server_open_in(&server, s->opts, s->fleet, handler, ctx, why);
    if (s->stop != SERVES) {                         /* asked for meanwhile, which is no failure: nobody has been told that it listens */
        if (rc == 0) weft__server_free(server);
        return 0;
    }
    if (rc < 0) {
        fprintf(stderr, "weft: %s\n", why);
        return rc;
    }
    s->server = server;
    s->served = true;
    say_listening(s);
    tell_manager(s);
    if (s->fleet) weft__serving_ready(&s->worker);
    rc = weft__server_run(server);
    s->server = NULL;
    weft__timer_stop(s->loop, &s->unready);
    weft__timer_stop(s->loop, &s->alive);
    if (rc < 0 && rc != WEFT_ETIMEDOUT)
        fprintf(stderr, "weft: cannot watch its listening socket: %s\n", weft_error_of(rc)->text);
    if (rc == WEFT_ETIMEDOUT) hung(s);
    weft__server_free(server);
    return rc;
}

/* What requests leave behind ends before what they depended on. */
static int serve_with_backgrounds(serving *s)
{
    weft__backgrounds backgrounds;
    weft__backgrounds_open(&backgrounds, s->opts);
    s->backgrounds = &backgrounds;
    int rc = listen_and_serve(s);
    if (weft__backgrounds_close(&backgrounds) < 0) hung(s);
    s->backgrounds = NULL;
    s->stop = HURRIES;
    return rc;
}

static void say_lines(const weft__buf *why)
{
    weft_str rest = weft__buf_str(why);
    for (const char *end; rest.len && (end = memchr(rest.ptr, '\n', rest.len));) {
        size_t len = (size_t)(end - rest.ptr);
        fprintf(stderr, "weft: %.*s\n", (int)len, rest.ptr);
        rest = (weft_str){ end + 1, rest.len - len - 1 };
    }
}

/* What the application's providers per worker opened lives around the server. A stop that comes meanwhile is no failure. */
static int serve_task(serving *const *in)
{
    serving *s = *in;
    weft__buf why;
    s->begun = true;
    weft__buf_init(&why, FAULTS_BYTES_MAX);
    int rc = s->fleet ? weft__serving_begin(&s->worker, s->fleet, s->compiled, s->opts) : 0;
    if (rc < 0) weft__buf_printf(&why, "it cannot be a worker: %s\n", weft_error_of(rc)->text);
    if (rc == 0) rc = weft__app_start(s->compiled, &why);
    bool stopped = rc < 0 && weft__cancelled();
    weft__timer_stop(s->loop, &s->overdue);
    if (rc < 0 && !stopped) s->status = EXIT_CANNOT_START;
    else if (rc == 0) {
        rc = s->trial ? try_certificates(s) : serve_with_backgrounds(s);
        limit_the_rest(s);
        if (weft__app_stop(s->compiled, &why) < 0) s->status = EXIT_NOT_CLOSED;
    }
    weft__timer_stop(s->loop, &s->overdue);
    if (s->status) say_lines(&why);
    if (s->status == EXIT_CANNOT_START) fputs("weft: the application could not start\n", stderr);
    weft__buf_free(&why);
    if (s->fleet) weft__serving_end(&s->worker);
    return stopped ? 0 : rc;
}

static int serve_on(serving *s, weft__os *os)
{
    s->loop = weft__loop_new(os);
    if (!s->loop || weft__timer_keep(s->loop) < 0) {
        weft__loop_free(s->loop);
        return WEFT_ENOMEM;
    }
    if (os->ops->signals(os, &s->signals) < 0)
        fputs("weft: signals cannot be watched; SIGTERM ends the process at once\n", stderr);
    weft__visible visible;
    weft__visible_start(&visible, s->loop, s->opts->inspect);
    (void)weft_log_get_level();                      /* what the environment says of the log holds from here on */
    louder_start(&s->louder, os);
    renewal_start(s, os);
    int limit = weft__watchdog_limit(s->opts->watchdog_ms);
    weft__blocking_calls_watch();
    weft__watchdog *dog = weft__watchdog_start(s->loop, limit, NULL, NULL);
    int rc = weft__loop_run(s->loop, weft_call(serve_task, (&(serving *const){ s })));
    weft__watchdog_stop(dog);
    renewal_stop(s, os);
    louder_stop(&s->louder, s->loop, os);
    weft__visible_stop(&visible);
    os->ops->signals(os, NULL);
    weft__loop_free(s->loop);
    return rc;
}

/* It may come later; but mostly the program was started in another directory than its author had in mind. */
static void say_folders(const serving *s, weft__os *os)
{
    struct stat st;
    const char *folder;
    for (uint32_t i = 0; (folder = weft__app_folder_next(s->compiled, &i));) {
        weft__file_op look = { .kind = WEFT__FILE_STAT, .fd = -1, .path = folder, .stat = &st };
        os->ops->files->file_do(os, &look);
        if (look.result == 0 && S_ISDIR(st.st_mode)) continue;
        fprintf(stderr, "weft: WARNING: there is no folder '%s' here, which WEFT_STATIC serves: whatever is asked of it is answered 404\n", folder);
    }
}

static int serve(serving *s)
{
    weft__process_begin();                           /* before there is anything that a fork would copy */
    weft__os *os = weft__os_linux_new();
    if (os && !s->fleet) say_folders(s, os);
    int rc = os ? serve_on(s, os) : WEFT_ENOMEM;
    if (os) os->ops->free(os);
    weft__process_end();
    if (rc < 0 && !s->begun) fputs("weft: no memory for a loop, or no epoll\n", stderr);
    if (s->status) return s->status;
    return rc < 0 ? EXIT_CANNOT_LISTEN : 0;
}

/* Also of a quiet server: who started it has to know. */
static void say_debugs(const serving *s)
{
    if (weft__app_debugs(s->compiled))
        fputs("weft: WARNING: .debug is on: everybody who makes a request fail is shown errors, traces and headers; not for production\n", stderr);
}

static int refuse(weft__buf *faults, int rc)
{
    if (rc == WEFT_ENOMEM) {
        fputs("weft: no memory for the routes\n", stderr);
        return EXIT_CANNOT_LISTEN;
    }
    fprintf(
        stderr, "weft: the application cannot be served:\n%.*s", WEFT_FMT(weft__buf_str(faults)));
    return EXIT_FAULTY_ROUTES;
}

static int serve_in(void *ctx, weft__fleet *fleet)
{
    serving *s = ctx;
    s->fleet = fleet;
    return serve(s);
}

/* The status says more than that of a main which never came here would. */
static int serve_for_trial(serving *s)
{
    s->trial = true;
    int status = weft__fleet_try(&(weft__fleet_job){ s->opts, s->compiled, s->app->title, serve_in, s });
    if (status == 0) status = serve(s);
    return status ? status : WEFT__TRIAL_GOOD;
}

static int serve_somehow(serving *s)
{
    if (weft__fleet_wants_nonsense()) return EXIT_CANNOT_LISTEN;
    if (weft__fleet_is_trial()) {
        int status = serve_for_trial(s);
        fflush(NULL);
        weft__os_end(status);
    }
    if (!weft__fleet_wanted(s->opts)) {
        if (!s->opts->user && !s->opts->sandbox) return serve(s);
        fputs("weft: .user and .sandbox are for workers: set .workers to 2 or more\n", stderr);
        return EXIT_CANNOT_LISTEN;
    }
    return weft__fleet_run(&(weft__fleet_job){ s->opts, s->compiled, s->app->title, serve_in, s });
}

int weft_serve_with(const weft_app *app, const weft_serve_opts *opts)
{
    serving s = {
        .signals = { signalled }, .app = app, .opts = opts ? opts : &(weft_serve_opts){ 0 }
    };
    weft__buf faults;
    if (weft__loop_here()) {
        fputs("weft: weft_serve inside of a task; call it in main\n", stderr);
        return EXIT_CANNOT_LISTEN;
    }
    weft__buf_init(&faults, FAULTS_BYTES_MAX);
    int rc = weft__app_compile(app, &s.compiled, &faults);
    if (rc == 0) say_debugs(&s);
    int status = rc < 0 ? refuse(&faults, rc) : serve_somehow(&s);
    weft__buf_free(&faults);
    weft__app_free(s.compiled);
    return status;
}
