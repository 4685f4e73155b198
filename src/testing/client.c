/* The in-process client: a simulated world for each test, in which an application is served and
 * asked. */
#include "testing/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/stream.h"
#include "os/sim.h"
#include "task/fiber.h"
#include "testing/blocking.h"
#include "testing/ending.h"
#include "testing/verdict.h"
#include "web/app.h"
#include "web/background.h"
#include "web/provider.h"
#include "wire/bytes.h"
#include "wire/chunk.h"
#include "wire/http1.h"
#include "wire/url.h"

enum {
    ANSWER_BYTES_MAX = 64 << 20,
    ANSWER_HEADERS_MAX = 128,
    WORLD_BYTES_MAX = 256 << 20,
    FAULTS_BYTES_MAX = 1 << 20,
    HOST_MAX = 256,
    BACKGROUND_MS = 3600 * 1000
};

/* An application that this test asks for or that its handlers fetch from, compiled once. */
typedef struct served served;
struct served {
    served *next;
    const weft_app *app;
    weft__app *compiled;             /* NULL: it has to be, anew */
    bool upstream, started;
    weft_str why;                    /* what it last said when it was started or stopped */
    char host[HOST_MAX], address[HOST_MAX];
    int port;
    weft__server *server;            /* while a request is being made */
};

typedef struct firing firing;

/* The world of the running test; it ends with the test, or with the process that it runs in. */
static struct {
    weft__os *sim;
    weft__loop *loop;
    weft_arena arena;                /* of answers, and of what is served */
    served *all;
    struct { weft__override *items; uint32_t count, room; } overrides;
    int64_t began_ns, uncounted_ns;
    unsigned hosts;
    const firing *todo;              /* of the task that serves while the test goes on: what the test asks it to do */
    weft__fiber *live;
    int live_rc;
    unsigned holds;                  /* who wants it to go on; 0: it does not run */
    bool pause, live_over;
    bool broken;                     /* what was served was cancelled from outside, and may have left something open */
    void *jar;                       /* request.c: cookies */
} world;

static void fail(const char *what, const char *why)
{
    weft__check_fail("weft_test", 0, "%s: %s", what, why);
}

static int64_t world_now(void) { return world.sim->ops->now_ns(world.sim); }

static void stop_all(void);

/* Memory is for AddressSanitizer to tell; descriptors are counted here in every build. */
static void say_left_open(int n)
{
    if (n > 0)
        weft__check_fail("weft_test", 0, "%d descriptor%s still open when the test ended: a file, connection or listener that was opened and neither closed nor freed",
            n, n == 1 ? " is" : "s are");
}

static void world_close(void)
{
    if (!world.sim) return;
    if (!weft__loop_here()) weft__live_leave_all();
    if (world.holds > 1) world.holds = 1;
    if (!weft__loop_here()) weft__live_end();
    if (!weft__loop_here()) stop_all();
    for (served *s = world.all; s; s = s->next) weft__app_free(s->compiled);
    weft__loop_free(world.loop);
    if (!world.broken) say_left_open(weft__sim_open_fds(world.sim));
    world.sim->ops->free(world.sim);
    weft__arena_free(&world.arena);
    memset(&world, 0, sizeof world);
    weft__test_watch_reset();
}

static void world_open(void)
{
    if (world.sim) return;
    world.sim = weft__sim_new(&(weft__sim_opts){ .wall_us = 1700000000000000 });
    world.loop = world.sim ? weft__loop_new(world.sim) : NULL;
    WEFT_NEED(world.loop != NULL);
    weft__arena_init(&world.arena, NULL, WORLD_BYTES_MAX);
    world.began_ns = world_now();
    if (!weft__test_cleanup) atexit(world_close);
    weft__test_cleanup = world_close;
}

weft__os *weft__test_os(void)
{
    world_open();
    return world.sim;
}

/* ---- what is served ---- */

static bool compile(served *s)
{
    weft__overrides overrides = { world.overrides.items, world.overrides.count };
    weft__buf faults;
    if (s->compiled) return true;
    weft__buf_init(&faults, FAULTS_BYTES_MAX);
    int rc = weft__app_compile_with(s->app, &overrides, &s->compiled, &faults);
    if (rc < 0)
        weft__check_fail("weft_test", 0, "the application cannot be served:\n%.*s",
            WEFT_FMT(weft__buf_str(&faults)));
    weft__buf_free(&faults);
    return rc == 0;
}

static served *served_add(const weft_app *app, bool upstream)
{
    served *s = weft__arena_zalloc(&world.arena, sizeof *s);
    WEFT_NEED(s != NULL);
    s->app = app;
    s->upstream = upstream;
    if (!compile(s)) return NULL;
    strcpy(s->address, "127.0.0.1");
    s->port = -1;
    s->next = world.all;
    world.all = s;
    return s;
}

static served *served_find(const weft_app *app)
{
    for (served *s = world.all; s; s = s->next)
        if (s->app == app && !s->upstream) return compile(s) ? s : NULL;
    return served_add(app, false);
}

static served *upstream_find(const char *host, int port)
{
    for (served *s = world.all; s; s = s->next)
        if (s->upstream && strcmp(s->host, host) == 0 && (port < 0 || s->port == port)) return s;
    return NULL;
}

/* The address of a host name: the one it has from another port, or one of its own. */
static void upstream_address(served *s, const char *host)
{
    weft__addr literal;
    const served *other = upstream_find(host, -1);
    snprintf(s->host, sizeof s->host, "%s", host);
    if (other) memcpy(s->address, other->address, sizeof s->address);
    else if (weft__addr_parse(weft_str_of(host), 80, &literal) == 0)
        snprintf(s->address, sizeof s->address, "%s", host);
    else {
        unsigned n = ++world.hosts;
        snprintf(s->address, sizeof s->address, "10.0.%u.%u", n >> 8 & 255, n & 255);
        if (weft__sim_name(world.sim, host, s->address) < 0) fail(host, "cannot be a host name");
    }
}

void weft_test_upstream(const char *host, const weft_app *upstream)
{
    char url[HOST_MAX + 8], name[HOST_MAX];
    const char *fault = NULL;
    weft__url parsed;
    world_open();
    snprintf(url, sizeof url, "http://%s", host);
    if (weft__url_parse(weft_str_of(url), &parsed, &fault) < 0 || !parsed.bare) {
        fail(host, fault ? fault : "expected a host name, or name:port");
        return;
    }
    snprintf(name, sizeof name, "%.*s", WEFT_FMT(parsed.host));
    served *s = served_add(upstream, true), *before = upstream_find(name, parsed.port);
    if (!s) return;
    if (before) before->port = 0;    /* no longer served */
    upstream_address(s, name);
    s->port = parsed.port;
}

/* ---- the servers and their clients, as one task ---- */

/* Clients of an application, or a call instead: one of a program that tells how it ended. */
struct firing {
    served *app;
    const weft_serve_opts *opts;
    weft__shot *shots;
    size_t n;
    const weft_call *call;
    bool program;
};

static const char handler_ignores[] = "a handler ignores its cancel", background_ignores[] = "a background task ignores its cancel";

static int run_server(weft__server *const *s)
{
    int rc = weft__server_run(*s);
    if (rc == WEFT_ETIMEDOUT) weft__ending_failed(&(weft__ending){ .loop = world.loop, .what = handler_ignores });
    return rc;
}

static bool needed(const firing *f, const served *s)
{
    return s == f->app || (s->upstream && s->port > 0);
}

/* Before its first request, and until the test ends, or it is stopped. */
static int start_app(served *s)
{
    weft__buf why;
    if (s->started) return 0;
    weft__buf_init(&why, FAULTS_BYTES_MAX);
    int rc = compile(s) ? weft__app_start(s->compiled, &why) : WEFT_EINVAL;
    if (s->compiled) s->why = weft__arena_dup(&world.arena, weft__buf_str(&why));
    s->started = rc == 0;
    weft__buf_free(&why);
    return rc;
}

static const char *name_of_busy(const void *app)
{
    const char *what;
    return weft__app_busy(app, &what);
}

/* The closes have deadlines of their own. */
static int stop_app(served *s)
{
    weft__buf why;
    weft__ending e;
    if (!s->started) return 0;
    s->started = false;
    weft__buf_init(&why, FAULTS_BYTES_MAX);
    weft__ending_begin(&e, world.loop, "a provider per worker ignores that the time for its close is over");
    e.name = name_of_busy;
    e.of = s->compiled;
    weft__ending_limit(&e, weft__app_close_ms(s->compiled) + WEFT__HARD_MS);
    int rc = weft__app_stop(s->compiled, &why);
    weft__ending_end(&e);
    s->why = weft__arena_dup(&world.arena, weft__buf_str(&why));
    weft__buf_free(&why);
    return rc;
}

static int open_server(weft_scope *scope, const firing *f, served *s)
{
    weft_serve_opts opts = { 0 };
    char why[256] = "";
    if (s == f->app && f->opts) opts = *f->opts;
    opts.host = s->address;
    opts.port = s->port;
    int rc = weft__server_open(&s->server, &opts, weft__app_handle, s->compiled, why);
    if (rc < 0) {
        fail("cannot listen", why);
        s->server = NULL;
        return rc;
    }
    weft_spawn(scope, run_server, &s->server);
    return 0;
}

/* The upstreams before those that ask them while they start. */
static int open_servers(weft_scope *scope, const firing *f)
{
    int rc = 0;
    for (int upstream = 1; upstream >= 0; upstream--) {
        for (served *s = world.all; s && rc == 0; s = s->next) {
            if (s->upstream != upstream || !needed(f, s) || s->server) continue;
            rc = start_app(s);
            if (rc < 0) weft__check_fail("weft_test", 0, "the application could not start: %.*s", WEFT_FMT(s->why));
            else rc = open_server(scope, f, s);
        }
    }
    return rc;
}

static int shoot(const firing *f)
{
    weft_call *calls = weft_alloc(f->n * sizeof *calls);
    weft__going *goings = weft_alloc(f->n * sizeof *goings);
    if (!calls || !goings) return WEFT_ENOMEM;
    for (size_t i = 0; i < f->n; i++) {
        goings[i] = (weft__going){ &f->shots[i], weft__server_port(f->app->server) };
        calls[i] = weft_call(weft__shot_go, &goings[i]);
    }
    return weft_gather_n(calls, f->n);
}

static int call_it(const firing *f)
{
    const weft_call *c = f->call;
    if (f->program) return weft__run_tell(world.loop, c->name, weft__call(c->fn, c->arity, c->in, c->out));
    weft_arena *before = weft__arena_swap(&world.arena);
    int rc = weft__call(c->fn, c->arity, c->in, c->out);
    weft__arena_swap(before);
    if (rc < 0 || !world.arena.lost) return rc;
    return weft_fail(WEFT_ELIMIT, "the test's memory: more than %d bytes", WORLD_BYTES_MAX);
}

/* What requests left behind runs to its end, in time that weft_test_ms leaves out; one without an end is cancelled. */
static void background_options(const firing *f, weft_serve_opts *opts)
{
    if (f->opts) *opts = *f->opts;
    if (!opts->background_ms) opts->background_ms = BACKGROUND_MS;
}

static int do_it(weft_scope *servers, const firing *f)
{
    int rc = open_servers(servers, f);
    if (rc < 0) return rc;
    return f->call ? call_it(f) : f->shots ? shoot(f) : 0;
}

static int stop_servers(weft_scope *servers)
{
    int64_t answered = world_now();
    weft__ending e;
    weft__ending_begin(&e, world.loop, handler_ignores);
    for (served *s = world.all; s; s = s->next)
        if (s->server) weft__server_stop(s->server);
    int rc = weft_join(servers);
    weft__ending_end(&e);
    world.uncounted_ns += world_now() - answered;
    return rc;
}

static void free_servers(void)
{
    for (served *s = world.all; s; s = s->next) {
        weft__server_free(s->server);
        s->server = NULL;
    }
}

static int serve_and_fire(const firing *f)
{
    int rc = 0;
    {
        WEFT_SCOPE(servers);
        rc = do_it(servers, f);
        int stopped = stop_servers(servers);
        if (rc >= 0 && stopped < 0) rc = stopped;
    }
    free_servers();
    return rc;
}

static int with_backgrounds(int (*serve)(const firing *), const firing *f)
{
    weft_serve_opts opts = { 0 };
    weft__backgrounds backgrounds;
    weft__ending e;
    background_options(f, &opts);
    weft__backgrounds_open(&backgrounds, &opts);
    int rc = serve(f);
    int64_t answered = world_now();
    weft__ending_begin(&e, world.loop, background_ignores);
    if (weft__backgrounds_close(&backgrounds) < 0) weft__ending_failed(&e);
    weft__ending_end(&e);
    world.uncounted_ns += world_now() - answered;
    return rc;
}

static int fire(const firing *f) { return with_backgrounds(serve_and_fire, f); }

/* ---- servers that stay while the test goes on: one task does what the test asks for, and the loop rests in between ---- */

static int live_serve(const firing *f)
{
    (void)f;
    int rc = 0;
    {
        WEFT_SCOPE(servers);
        while (rc == 0 && !world.live_over) {
            const firing *todo = world.todo;
            world.todo = NULL;
            if (todo) world.live_rc = do_it(servers, todo);
            world.pause = true;
            rc = weft__park("the test", INT64_MAX);
        }
        int stopped = stop_servers(servers);
        if (rc >= 0 && stopped < 0) rc = stopped;
    }
    free_servers();
    return rc;
}

static int live_task(void)
{
    world.live = weft__self();
    return with_backgrounds(live_serve, &(firing){ .app = NULL });
}

/* Until it has done what there is to do; false: it has ended. */
static bool live_step(void)
{
    weft__watchdog *dog = weft__test_watch(world.loop);
    world.pause = false;
    if (world.live) weft__wake(world.live, 0);
    bool ended = weft__loop_until(world.loop, &world.pause);
    weft__watchdog_stop(dog);
    return !ended;
}

static void live_over(void)
{
    world.holds = 0;
    world.live = NULL;
    int rc = weft__loop_end(world.loop);
    world.broken |= rc < 0;
    if (rc < 0 && rc != WEFT_ECANCELED) fail("what was served ended badly", weft_error_of(rc)->text);
}

static int live_do(const firing *f)
{
    world.todo = f;
    world.live_rc = WEFT_ECANCELED;
    if (!live_step()) live_over();
    return world.live_rc;
}

void weft__live_begin(void)
{
    world_open();
    world.holds++;
    if (world.holds > 1) return;
    world.live_over = false;
    WEFT_NEED(weft__loop_begin(world.loop, weft_call(live_task)) == 0 && live_step());
}

void weft__live_end(void)
{
    if (!world.holds || --world.holds) return;
    world.live_over = true;
    while (live_step()) continue;
    live_over();
}

bool weft__live(void) { return world.holds > 0; }

static int in_world(const firing *f)
{
    if (world.holds) return live_do(f);
    weft__watchdog *dog = weft__test_watch(world.loop);
    int rc = weft__loop_run(world.loop, weft_call(fire, f));
    weft__watchdog_stop(dog);
    return rc;
}

int weft__live_call(const weft_app *app, const weft_call *call, int *port)
{
    served *s = world.holds ? served_find(app) : NULL;
    if (!s) return WEFT_EINVAL;
    int rc = in_world(&(firing){ .app = s });
    if (rc < 0 || !world.holds) return rc < 0 ? rc : WEFT_ECANCELED;
    *port = weft__server_port(s->server);
    return in_world(&(firing){ .call = call });
}

weft__loop *weft__test_loop(void)
{
    world_open();
    return world.loop;
}

weft_arena *weft__test_arena(void)
{
    world_open();
    return &world.arena;
}

int weft__test_program_run(weft_call call)
{
    world_open();
    int rc = in_world(&(firing){ .call = &call, .program = true });
    if (rc < 0) fail("the program could not be run", weft_error_of(rc)->text);
    return rc < 0 ? 1 : rc;
}

int weft__test_run(weft_call call)
{
    world_open();
    return in_world(&(firing){ .call = &call });
}

/* ---- starting and stopping ---- */

static int start_task(served *const *s) { return start_app(*s); }
static int stop_task(served *const *s) { return stop_app(*s); }

/* What weft_serve says then, on its stderr. */
static void say(const served *s)
{
    fprintf(stderr, "%.*s", WEFT_FMT(s->why));
}

int weft_test_start(const weft_app *app)
{
    enum { FAULTY_ROUTES = 2, CANNOT_START = 3 };
    world_open();
    served *s = served_find(app);
    if (!s) return FAULTY_ROUTES;
    if (in_world(&(firing){ .call = &weft_call(start_task, (&(served *const){ s })) }) == 0) return 0;
    say(s);
    return CANNOT_START;
}

int weft_test_stop(const weft_app *app)
{
    world_open();
    served *s = served_find(app);
    if (!s || in_world(&(firing){ .call = &weft_call(stop_task, (&(served *const){ s })) }) == 0) return 0;
    say(s);
    return 1;
}

static int stop_started(const bool *upstreams)
{
    for (served *s = world.all; s; s = s->next)
        if (s->upstream == *upstreams && stop_app(s) < 0)
            weft__check_fail("weft_test", 0, "the application was not stopped cleanly: %.*s", WEFT_FMT(s->why));
    return 0;
}

/* What nobody stopped: those that may ask an upstream while it is served. */
static void stop_all(void)
{
    bool any = false;
    for (served *s = world.all; s; s = s->next) any |= s->started;
    if (!any) return;
    int rc = in_world(&(firing){ .call = &weft_call(stop_started, (&(bool){ false })) });
    if (rc == 0 && world.holds) rc = in_world(&(firing){ .call = &weft_call(stop_started, (&(bool){ true })) });
    else if (rc == 0) rc = weft__loop_run(world.loop, weft_call(stop_started, (&(bool){ true })));
    if (rc < 0) fail("the applications could not be stopped", weft_error_of(rc)->text);
}

void weft_test_override(const weft_provider *of, const weft_provider *instead)
{
    world_open();
    if (instead && (!instead->type || !of->type || strcmp(instead->type, of->type) != 0 || instead->guard != of->guard)) {
        weft__check_fail("weft_test", 0, "%s cannot stand in for %s: it provides %s, expected %s", instead->name, of->name, instead->type, of->type);
        return;
    }
    if (world.holds) {
        weft__check_fail("weft_test", 0, "weft_test_override while a stream is open, or weft_test_serve holds: it would take away what is served");
        return;
    }
    stop_all();
    for (served *s = world.all; s; s = s->next) {
        weft__app_free(s->compiled);
        s->compiled = NULL;
    }
    weft__override *slot = NULL;
    for (uint32_t i = 0; i < world.overrides.count; i++)
        if (world.overrides.items[i].of == of) slot = &world.overrides.items[i];
    if (!slot) slot = weft__list_slot(&world.arena, &world.overrides, sizeof *slot);
    WEFT_NEED(slot != NULL);
    *slot = (weft__override){ of, instead ? instead : of };
}

bool weft__test_fire(const weft_app *app, const weft_serve_opts *opts, weft__shot *shots, size_t n)
{
    world_open();
    for (size_t i = 0; i < n; i++) shots[i].answer = (weft_response){ .body = { "", 0 } };
    served *s = served_find(app);
    if (!s) return false;
    int rc = in_world(&(firing){ .app = s, .opts = opts, .shots = shots, .n = n });
    if (rc < 0) fail("the request could not be made", weft_error_of(rc)->text);
    return rc == 0;
}

void **weft__test_jar(void)
{
    world_open();
    return &world.jar;
}

int64_t weft_test_ms(void)
{
    world_open();
    return (world_now() - world.began_ns - world.uncounted_ns) / 1000000;
}
