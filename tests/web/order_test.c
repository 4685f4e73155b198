/* The contract of docs/order.md: what happens around a handler, in which order, in process and over sockets of the system. */
#include <stdio.h>
#include <string.h>
#include "http/client_world.h"
#include "http/features.h"
#include "web/app.h"
#include "weft.h"

static char steps[1024];
static void step(const char *what)
{
    strncat(steps, what, sizeof steps - strlen(steps) - 1);
    strncat(steps, " ", sizeof steps - strlen(steps) - 1);
}

/* A middleware says its name on the way in, and on the way out with what came of it. */
#define SAYS(name) \
    static void name##_head(weft_reply *reply, void *arg) { (void)reply; (void)arg; step(#name "!"); } \
    static int name(const weft_request *request, weft_reply *reply, weft_next *next) \
    { \
        char out[40]; \
        (void)request; \
        step(#name ">"); \
        WEFT_TRY(weft_reply_on_head(reply, name##_head, NULL)); \
        int rc = weft_next_run(next); \
        snprintf(out, sizeof out, "<" #name ":%d", weft_reply_status_of(reply)); \
        step(out); \
        return rc; \
    }
SAYS(app_one) SAYS(app_two) SAYS(outer) SAYS(inner) SAYS(route) SAYS(mounted)

WEFT_INPUT(id_in, path(int, id));
static int handler(const id_in *in, int *out)
{
    step("handler");
    *out = in->id;
    return in->id == 4 ? weft_fail(404, "none") : 0;
}
static int rows(const id_in *in, weft_stream *out)
{
    step("handler");
    for (int i = 0; i < in->id; i++) {
        WEFT_TRY(weft_write(out, WEFT_S("x")));
        step("part");
    }
    return 0;
}
static int answer_failure(const weft_failure *failure, weft_reply *out)
{
    (void)out;
    step("on_failure");
    return weft_reply_text(out, failure->text);
}

/* A provider says that it is opened, and closed with which failure. */
typedef struct thing { char unused; } thing;
static int opened(const char *what, thing **out)
{
    step(what);
    *out = weft_new(thing);
    return *out ? 0 : WEFT_ENOMEM;
}
static int closed(const char *what, int rc)
{
    char text[40];
    snprintf(text, sizeof text, "%s:%d", what, rc < 0 ? weft_error_of(rc)->status : 0);
    step(text);
    return rc;
}
static int guard_by(const weft_none *in) { (void)in; step("guard"); return 0; }
static int base_open(const weft_none *in, thing **out) { (void)in; return opened("[base", out); }
static int base_close(thing *t, int rc) { (void)t; return closed("base]", rc); }
static int behind_open(const weft_none *in, thing **out) { (void)in; return opened("[behind", out); }
static int behind_close(thing *t, int rc) { (void)t; return closed("behind]", rc); }
static const weft_provider guard = WEFT_GUARD(weft_none, guard_by);
static const weft_provider base = WEFT_PROVIDER(thing, weft_none, base_open, base_close);
static const weft_provider behind = WEFT_PROVIDER(thing, weft_none, behind_open, behind_close, .after_reply = true);
WEFT_INPUT(top_in, query(int, q, .initial = "0"), depends(thing, base, base));
static int top_open(const top_in *in, thing **out) { return in->q ? weft_fail(in->q, "no") : opened("[top", out); }
static int top_close(thing *t, int rc) { (void)t; return closed("top]", rc); }
static const weft_provider top = WEFT_PROVIDER(thing, top_in, top_open, top_close);
WEFT_INPUT(given_in, path(int, id), depends(thing, top, top), depends(thing, base, base));
static int given(const given_in *in, int *out) { return handler(&(id_in){ in->id }, out); }
static int given_rows(const given_in *in, weft_stream *out) { return rows(&(id_in){ in->id }, out); }
static const weft_router given_router = { .prefix = "/given", .depends = WEFT_DEPENDS(&guard, &behind), .routes = WEFT_ROUTES(
    WEFT_GET("/{id}", given, given_in, int, .middleware = WEFT_MIDDLEWARE(route), .depends = WEFT_DEPENDS(&base, &guard)),
    WEFT_GET("/rows/{id}", given_rows, given_in, weft_stream, .middleware = WEFT_MIDDLEWARE(route))) };

static const weft_router inner_router = { .prefix = "/inner", .middleware = WEFT_MIDDLEWARE(inner), .routes = WEFT_ROUTES(
    WEFT_GET("/{id}", handler, id_in, int, .middleware = WEFT_MIDDLEWARE(route)), WEFT_GET("/rows/{id}", rows, id_in, weft_stream, .middleware = WEFT_MIDDLEWARE(route))) };
static const weft_router outer_router = { .prefix = "/outer", .middleware = WEFT_MIDDLEWARE(outer), .routers = WEFT_ROUTERS(&inner_router) };
static const weft_app mount = { .middleware = WEFT_MIDDLEWARE(mounted), .routes = WEFT_ROUTES(WEFT_GET("/{id}", handler, id_in, int)) };
static const weft_app app = { .middleware = WEFT_MIDDLEWARE(app_one, app_two), .routers = WEFT_ROUTERS(&outer_router, &given_router), .mounts = WEFT_MOUNTS(WEFT_MOUNT("/mount", mount)),
    .on_failure = WEFT_ON_FAILURE({ WEFT_ANY_FAILURE, answer_failure }), .routes = WEFT_ROUTES(WEFT_GET("/{id}", handler, id_in, int)) };

static const struct { const char *path; int status; const char *steps; } facts[] = {
    { "/1", 200, "app_one> app_two> handler <app_two:200 <app_one:200 app_two! app_one! " },
    { "/outer/inner/2", 200, "app_one> app_two> outer> inner> route> handler <route:200 <inner:200 <outer:200 <app_two:200 <app_one:200 route! inner! outer! app_two! app_one! " },
    { "/outer/inner/4", 404, "app_one> app_two> outer> inner> route> handler on_failure <route:404 <inner:404 <outer:404 <app_two:404 <app_one:404 route! inner! outer! app_two! app_one! " },
    { "/outer/inner/x", 422, "app_one> app_two> outer> inner> route> on_failure <route:422 <inner:422 <outer:422 <app_two:422 <app_one:422 route! inner! outer! app_two! app_one! " },
    { "/outer/inner/rows/2", 200, "app_one> app_two> outer> inner> route> handler route! inner! outer! app_two! app_one! part part <route:200 <inner:200 <outer:200 <app_two:200 <app_one:200 " },
    { "/outer/none", 404, "app_one> app_two> on_failure <app_two:404 <app_one:404 app_two! app_one! " },
    { "/mount/3", 200, "app_one> app_two> mounted> handler <mounted:200 <app_two:200 <app_one:200 mounted! app_two! app_one! " },
    { "/mount/none/x", 404, "app_one> app_two> mounted> <mounted:404 <app_two:404 <app_one:404 mounted! app_two! app_one! " },
    { "/given/1", 200, "app_one> app_two> route> guard [behind [base [top handler top]:0 base]:0 <route:200 <app_two:200 <app_one:200 route! app_two! app_one! behind]:0 " },
    { "/given/4", 404, "app_one> app_two> route> guard [behind [base [top handler top]:404 base]:404 on_failure <route:404 <app_two:404 <app_one:404 route! app_two! app_one! behind]:404 " },
    { "/given/x?q=y", 422, "app_one> app_two> route> guard [behind [base base]:422 on_failure <route:422 <app_two:422 <app_one:422 route! app_two! app_one! behind]:422 " },
    { "/given/x?q=409", 409, "app_one> app_two> route> guard [behind [base base]:409 on_failure <route:409 <app_two:409 <app_one:409 route! app_two! app_one! behind]:409 " },
    { "/given/rows/1", 200, "app_one> app_two> route> guard [behind [base [top handler route! app_two! app_one! part top]:0 base]:0 <route:200 <app_two:200 <app_one:200 behind]:0 " },
    { "/openapi.json", 200, "app_one> app_two> <app_two:200 <app_one:200 app_two! app_one! " },
};

WEFT_TEST(what_happens_around_a_handler_has_one_order_in_process)
{
    for (size_t i = 0; i < weft_count(facts); i++) {
        steps[0] = 0;
        WEFT_CHECK_EQ(weft_test_get(&app, facts[i].path).status, facts[i].status);
        WEFT_CHECK_STR(weft_str_of(steps), facts[i].steps);
    }
}

/* ---- the same over HTTP ---- */

static int serve(weft__server *const *s) { return weft__server_run(*s); }

static weft_http2 version;
static int ask_all(weft__server *const *server)
{
    char base[64];
    weft_response r;
    snprintf(base, sizeof base, "http://127.0.0.1:%d", weft__server_port(*server));
    for (size_t i = 0; i < weft_count(facts); i++) {
        steps[0] = 0;
        WEFT_TRY(weft_exchange(&r, (.http2 = version), "{+}{+}", base, facts[i].path));
        WEFT_CHECK_EQ(r.status, facts[i].status);
        WEFT_CHECK_STR(weft_str_of(steps), facts[i].steps);
    }
    return 0;
}

static int over_http(void)
{
    char why[256];
    weft__app *compiled = NULL;
    weft__server *server = NULL;
    weft__buf faults;
    weft__buf_init(&faults, 4096);
    WEFT_TRY(weft__app_compile(&app, &compiled, &faults));
    WEFT_TRY(weft__server_open(&server, &(weft_serve_opts){ .port = -1 }, weft__app_handle, compiled, why));
    int rc;
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve, &server);
        rc = ask_all(&server);
        weft__server_stop(server);
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(server);
    weft__app_free(compiled);
    weft__buf_free(&faults);
    return rc;
}

WEFT_TEST(what_happens_around_a_handler_has_one_order_over_http) { net_epoll(weft_call(over_http)); }

#if WEFT__HAS_HTTP2
WEFT_TEST(what_happens_around_a_handler_has_one_order_over_http2)
{
    version = WEFT_HTTP2_ALWAYS;
    net_epoll(weft_call(over_http));
    version = WEFT_HTTP2_DEFAULT;
}
#endif
