/* Every allocation failed in turn: of compiling an application, and of answering requests. */
#include <stdio.h>
#include <string.h>
#include "io/stream.h"
#include "base/mem.h"
#include "model/plan.h"
#include "os/sim.h"
#include "support/failing.h"
#include "weft.h"
#include "web/app.h"

WEFT_MODEL(Part, field(weft_str, name), list(int, sizes));
WEFT_MODEL(Order, field(int, id), field(weft_str, query), list(Part, parts));
WEFT_INPUT(order_in, path(int, id), query(weft_str, q), header(weft_str, x_token), body(Order, order), request(request), reply(reply));
WEFT_INPUT(id_in, path(weft_str, id));
WEFT_MODEL(Fields, field(weft_str, title), field(weft_str, note));
WEFT_INPUT(form_in, cookie(weft_str, session), form(Fields, fields), file(weft_upload, file), file(weft_str, bytes));
WEFT_INPUT(several_in, body(Order, order), body(WEFT_LIST(weft_str), names));

static int order(const order_in *in, Order *out)
{
    *out = in->order;
    out->query = weft_format("%.*s %.*s", WEFT_FMT(in->q), WEFT_FMT(weft_request_path(in->request)));
    for (int i = 0; i < 300; i++) weft_push(&out->parts, (Part){ .name = in->x_token });
    return weft_reply_header(in->reply, "X-Order", "%d", in->id);
}

static int fail(const id_in *in, Order *out)
{
    (void)out;
    return weft_fail(404, "no order %.*s", WEFT_FMT(in->id));
}

static int form(const form_in *in, Order *out)
{
    weft_str bytes;
    int rc = weft_upload_read(&in->file, &bytes);
    out->id = rc == 1 ? (int)bytes.len : 0;
    return rc < 0 ? rc : 0;
}

static int lines(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, weft_format("%20000s\n", "x")));
    for (int i = 0; i < 300; i++) WEFT_TRY(weft_write_item(Part, out, (&(Part){ .name = WEFT_S("a long enough name for a line") })));
    return 0;
}

static int events(const weft_none *in, weft_events *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(weft_events_reply(out), "X-Last", "%s", weft_events_last_id(out).ptr));
    WEFT_TRY(weft_event_item(Part, out, (&(Part){ .name = WEFT_S("a") }), .id = WEFT_S("1")));
    return weft_event(out, .data = WEFT_S("b"));
}

static int file_of(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_file(out, "sub/a.txt", .beneath = "files", .filename = "\xc3\xa4.txt");
}

static int several(const several_in *in, Order *out) { *out = in->order; return 0; }

static int own_answer(const weft_failure *f, weft_reply *out) { return weft_reply_text(out, weft_format("%.*s %s", WEFT_FMT(f->detail.text), f->inside)); }
static int file_answer(const weft_failure *f, weft_reply *out) { (void)f; return weft_reply_file(out, "files/sub/a.txt"); }
static int fail_json(const id_in *in, Order *out)
{
    (void)out;
    return weft_fail_header(weft_fail_json(409, Part, &(Part){ .name = in->id }), "X-Id", "%.*s", WEFT_FMT(in->id));
}
static int fail_inside(const id_in *in, Order *out) { (void)in; (void)out; return weft_fail(WEFT_EPROTO, "nonsense"); }

WEFT_INPUT(link_in, path(weft_str, id), query(WEFT_OPT(weft_str), q, .initial = "x"), request(request));
static int link_to(const link_in *in, weft_str *out)
{
    link_in to = *in;
    to.q = (weft_opt_weft_str)WEFT_SOME(WEFT_S("a b"));
    return weft_url_for(in->request, "link_to", link_in, &to, out);
}

WEFT_TEMPLATE(order_page, Order, "order.html", "<h1>{{id}}</h1>{{#parts}}{{> part.html}}{{/parts}}<a href=\"{{query}}\">{{query}}</a>");
WEFT_PARTIAL(part_part, "part.html", "<p>{{name}} of {{id}}{{#sizes}} {{.}}{{/sizes}}\n");
static int page(const id_in *in, weft_reply *out)
{
    Part parts[] = { { .name = in->id }, { .name = WEFT_S("<x>") } };
    return weft_render(out, order_page, (&(Order){ .id = 7, .query = in->id, .parts = { parts, 2, 0 } }));
}

typedef struct holder { weft_str id; void *held; } holder;
WEFT_INPUT(holder_in, path(weft_str, id), header(WEFT_OPT(weft_str), x_a), request(request), reply(reply));
static int holder_open(const holder_in *in, holder **out)
{
    holder *h = weft_new(holder);
    if (!h) return WEFT_ENOMEM;
    WEFT_TRY(weft_reply_header(in->reply, "X-Holder", "%s", weft_request_path(in->request).ptr));
    h->id = in->id;
    h->held = weft__malloc(10);
    *out = h;
    return h->held ? 0 : weft_fail(WEFT_ENOMEM, "nothing to hold");
}
static int holder_close(holder *h, int rc)
{
    weft__free(h->held);
    return weft_str_equal(h->id, WEFT_S("odd")) ? weft_fail(409, "odd, after %s", weft_error_of(rc)->text) : rc;
}
static const weft_provider held = WEFT_PROVIDER(holder, holder_in, holder_open, holder_close);
static const weft_provider held_behind = WEFT_PROVIDER(holder, holder_in, holder_open, holder_close, .after_reply = true);
static int look(const id_in *in) { return weft_format("%.*s", WEFT_FMT(in->id)).len ? 0 : weft_fail(400, "empty"); }
static const weft_provider looked = WEFT_GUARD(id_in, look);
WEFT_INPUT(held_in, depends(holder, behind, held_behind), depends(holder, h, held), query(WEFT_OPT(int), n));
static int hold(const held_in *in, Order *out)
{
    out->query = in->h->id;
    return in->n.set ? weft_fail(in->n.value, "asked for") : 0;
}
static int hold_lines(const held_in *in, weft_stream *out) { return weft_write(out, in->h->id); }

static const weft_app problems = { .problems = true, .routes = WEFT_ROUTES(WEFT_GET("/{id}", fail_json, id_in, Order)) };
static const weft_app answers = { .on_failure = WEFT_ON_FAILURE({ 409, own_answer }, { 405, file_answer }, { WEFT_ANY_FAILURE, own_answer }),
    .routes = WEFT_ROUTES(WEFT_GET("/{id}", fail_json, id_in, Order)), .openapi_path = "" };
static const weft_app debugged = { .debug = true, .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/", fail_inside, id_in, Order)) };

/* Middleware of every kind, around answers in one piece and in parts. */
WEFT_MODEL(Visits, field(int, count, .initial = "0"));
WEFT_INPUT(visits_in, request(request));
static weft_secrets secrets = { .keys = { { "a secret of thirty-two bytes, more", 33 } } };
static void at_head(weft_reply *reply, void *arg) { (void)arg; (void)!weft_reply_header(reply, "X-Head", "1"); }
static int own_layer(const weft_request *request, weft_reply *reply, weft_next *next)
{
    WEFT_TRY(weft_reply_on_head(reply, at_head, NULL));
    int rc = weft_next_run(next);
    if (!weft_reply_begun(reply)) WEFT_TRY(weft_reply_header(reply, "X-Client", "%s %s", weft_request_client(request).ptr, weft_request_path(request).ptr));
    return rc;
}
static int visit(const visits_in *in, weft_str *out)
{
    Visits *visits;
    WEFT_TRY(weft_session(Visits, in->request, &visits));
    visits->count++;
    *out = weft_format("%600d %s", visits->count, weft_request_id().ptr);
    return 0;
}
static int many(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/plain"));
    for (int i = 0; i < 100; i++) WEFT_TRY(weft_write(out, WEFT_S("a line of some length\n")));
    return 0;
}
static const weft_app layered = { .openapi_path = "", .middleware = WEFT_MIDDLEWARE(weft_access_log(.path = "log"), weft_request_ids(), weft_timing(), weft_cors(.origins = "https://a.example"),
        weft_security_headers(.hsts_s = 60), weft_trusted_hosts(.hosts = "a"), weft_compression(), weft_conditional(), weft_rate_limit(.limit = 9, .keys_max = 8),
        weft_sessions(.model = WEFT_SCHEMA(Visits), .secrets = &secrets), weft_csrf(.token = true, .secrets = &secrets), weft_idempotency(), own_layer),
    .routes = WEFT_ROUTES(WEFT_GET("/visit", visit, visits_in, weft_str), WEFT_POST("/visit", visit, visits_in, weft_str), WEFT_GET("/many", many, weft_none, weft_stream)) };

/* Security schemes, tokens, signed values. */
WEFT_MODEL(Login, field(weft_str, sub), field(weft_str, scope));
static weft_jwt_key *token_key;
static const weft_provider basic = WEFT_HTTP_BASIC(), digest = WEFT_HTTP_DIGEST(.realm = "r", .secrets = &secrets), keyed = WEFT_KEY_IN_QUERY("key"),
    bearer = WEFT_OAUTH2_PASSWORD("https://a.example/token", .scope_docs = WEFT_SCOPE_DOCS({ "me", "Read." }));
WEFT_INPUT(basic_in, depends(weft_basic, given, basic), depends(weft_api_key, key, keyed));
WEFT_INPUT(digest_in, depends(weft_digest, given, digest));
WEFT_INPUT(bearer_in, depends(weft_bearer, given, bearer), request(request));
static int issue(const basic_in *in, weft_str *out)
{
    Login claims = { in->given->username, WEFT_S("me") }, again;
    weft_str text, value;
    WEFT_TRY(weft_jwt_write(Login, &claims, out, .key = token_key, .expires_in_s = 60));
    WEFT_TRY(weft_jwt_read(Login, *out, &again, .key = token_key));
    WEFT_TRY(weft_sign(&secrets, in->key->key, &text, .purpose = WEFT_S("p")));
    return weft_unsign(&secrets, text, &value, .purpose = WEFT_S("p"));
}
static int checked(const digest_in *in, weft_str *out) { (void)out; return weft_digest_check(in->given, WEFT_S("")); }
static int bearer_look(const bearer_in *in)
{
    Login claims;
    WEFT_TRY(weft_grant(in->request, in->given->token));
    return weft_str_equal(in->given->token, WEFT_S("me")) ? 0 : weft_jwt_read(Login, in->given->token, &claims, .key = token_key);
}
static const weft_provider guarded = WEFT_GUARD(bearer_in, bearer_look);
static int name_scopes(const bearer_in *in, weft_str *out) { *out = weft_scopes_within(WEFT_S("me you"), weft_request_scopes(in->request)); return 0; }
static const weft_app secured = { .routes = WEFT_ROUTES(WEFT_GET("/token", issue, basic_in, weft_str), WEFT_GET("/digest", checked, digest_in, weft_str),
    WEFT_GET("/me", name_scopes, bearer_in, weft_str, .scopes = WEFT_SCOPES("me"), .depends = WEFT_DEPENDS(&guarded)),
    WEFT_GET("/any", name_scopes, bearer_in, weft_str, .depends = WEFT_DEPENDS(&guarded))) };

static const weft_router under = { .prefix = "/orders/{id}", .routes = WEFT_ROUTES(
    WEFT_PUT("", order, order_in, Order), WEFT_GET("", fail, id_in, Order), WEFT_GET("/v{id2}", fail, id_in, Order)) };
static const weft_router whole = { .prefix = "/orders/{id}", .routes = WEFT_ROUTES(WEFT_PUT("", order, order_in, Order), WEFT_GET("", fail, id_in, Order)) };
static const weft_app sound = { .templates = WEFT_TEMPLATES(order_page, part_part), .routers = WEFT_ROUTERS(&whole), .mounts = WEFT_MOUNTS(WEFT_MOUNT("/problems", problems),
        WEFT_MOUNT("/answers", answers, .name = "answers"), WEFT_MOUNT("/debug", debugged, .host = "{id}.example"), WEFT_MOUNT("/layered", layered), WEFT_MOUNT("/secured", secured)),
    .routes = WEFT_ROUTES(WEFT_POST("/forms", form, form_in, Order), WEFT_POST("/several", several, several_in, Order),
        WEFT_GET("/pages/{id}", page, id_in, weft_reply), WEFT_GET("/links/{id}", link_to, link_in, weft_str),
        WEFT_STATIC("/static", "static", .fallback = "none.html"), WEFT_GET("/lines", lines, weft_none, weft_stream), WEFT_GET("/events", events, weft_none, weft_events),
        WEFT_GET("/held/{id}", hold, held_in, Order, .depends = WEFT_DEPENDS(&looked), .timeout_ms = 1000), WEFT_GET("/lines-held/{id}", hold_lines, held_in, weft_stream),
        WEFT_GET("/file", file_of, weft_none, weft_reply), WEFT_STATIC("/folder", "files", .fallback = "sub/a.txt")) };
static const weft_app faulty = { .routers = WEFT_ROUTERS(&under) };

WEFT_TEST(compiling_without_memory_fails_cleanly)
{
    FAIL_EACH_IN_TURN(i) {
        weft__app *app = NULL;
        weft__buf faults;
        weft__buf_init(&faults, 4096);
        int rc = weft__app_compile(&sound, &app, &faults);
        WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
        weft__app_free(app);
        weft__buf_free(&faults);
        weft__model_forget();
    }
}

WEFT_TEST(a_faulty_application_without_memory_never_compiles)
{
    FAIL_EACH_IN_TURN(i) {
        weft__app *app = NULL;
        weft__buf faults;
        weft__buf_init(&faults, 4096);
        WEFT_CHECK(weft__app_compile(&faulty, &app, &faults) < 0);
        WEFT_CHECK(app == NULL);
        weft__buf_free(&faults);
        weft__model_forget();
    }
}

/* ---- requests ---- */

/* Allocations fail while a request is being answered, and at no other time. */
static struct { weft__app *app; weft__server *server; long fail_at; bool failed; int status; weft_str request; } now;

static void answer(void *ctx, weft__exchange *x)
{
    (void)ctx;
    weft_set_allocator(failing_resize, &fails);
    fails.made = 0;
    fails.fail_at = now.fail_at;
    weft__app_handle(now.app, x);
    fails.fail_at = 0;
    WEFT_CHECK(x->replied);
}

static int serve(void) { return weft__server_run(now.server); }

static int ask(void)
{
    static char in[64 * 1024];
    weft__stream s;
    weft__addr to;
    char why[256];
    WEFT_TRY(weft_dir_make("files/sub", .parents = true));
    WEFT_TRY(weft_file_save("files/sub/a.txt", WEFT_S("hello")));
    WEFT_TRY(weft_dir_make("static"));
    WEFT_TRY(weft_file_save("static/index.html", WEFT_S("hello")));
    WEFT_TRY(weft__server_open(&now.server, &(weft_serve_opts){ .port = -1 }, answer, NULL, why));
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve);
        WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), weft__server_port(now.server), &to));
        WEFT_TRY(weft__stream_connect(&s, weft__loop_here(), &to, INT64_MAX));
        struct iovec iov = { (void *)(uintptr_t)now.request.ptr, now.request.len };
        WEFT_TRY(weft__stream_send(&s, &iov, 1, INT64_MAX));
        ssize_t n = weft__stream_recv(&s, in, sizeof in, INT64_MAX);
        now.status = n > 12 ? atoi(in + 9) : 0;
        weft__stream_close(&s);
        weft__server_stop(now.server);
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(now.server);
    return 0;
}

static weft_str raw;                 /* of a request with a NUL in it */

static void round_of(const char *request, int status)
{
    weft__buf faults;
    weft__os *os = weft__sim_new(&(weft__sim_opts){ 0 });
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    weft__buf_init(&faults, 4096);
    WEFT_NEED(weft__app_compile(&sound, &now.app, &faults) == 0);
    now.request = request ? weft_str_of(request) : raw;
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(ask)), 0);
    if (!fails.failed) WEFT_CHECK_EQ(now.status, status);
    else if (now.status && now.status != status) WEFT_CHECK(now.status == 500 || now.status == 503 || now.status == 413 || now.status == 422);
    weft__app_free(now.app);
    weft__loop_free(loop);
    os->ops->free(os);
    weft__buf_free(&faults);
    weft__model_forget();
}

static void each_in_turn(const char *request, int status)
{
    for (now.fail_at = 1; now.fail_at < 1000; now.fail_at++) {
        failing_from(0);
        round_of(request, status);
        WEFT_CHECK_EQ(fails.live, 0);
        if (!fails.failed) break;
    }
    WEFT_CHECK(now.fail_at > 1 && now.fail_at < 1000);
}

#define BODY "{\"id\":1,\"query\":\"q\",\"parts\":[{\"name\":\"a\",\"sizes\":[1,2,3]},{\"name\":\"\\u00e9\",\"sizes\":[]}]}"

WEFT_TEST(an_answer_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("PUT /orders/7?q=a%20b HTTP/1.1\r\nHost: a\r\nX-Token: t\r\nContent-Type: application/json\r\nContent-Length: 88\r\n\r\n" BODY, 200);
}

WEFT_TEST(faults_without_memory_are_an_error_and_nothing_is_lost)
{
    each_in_turn("PUT /orders/x?q=a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 422);
}

WEFT_TEST(a_failure_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("GET /orders/%C3%A9 HTTP/1.1\r\nHost: a\r\n\r\n", 404);
}

WEFT_TEST(a_failure_in_each_of_its_forms_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("GET /problems/7 HTTP/1.1\r\nHost: a\r\n\r\n", 409);
    each_in_turn("GET /problems/7/8 HTTP/1.1\r\nHost: a\r\n\r\n", 404);
    each_in_turn("GET /answers/7 HTTP/1.1\r\nHost: a\r\n\r\n", 409);
    each_in_turn("POST /answers/7 HTTP/1.1\r\nHost: a\r\n\r\n", 405);
    each_in_turn("GET /answers/7/8 HTTP/1.1\r\nHost: a\r\n\r\n", 404);
}

WEFT_TEST(a_page_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("GET /pages/7 HTTP/1.1\r\nHost: a\r\n\r\n", 200);
}

WEFT_TEST(a_url_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("GET /links/7%20x HTTP/1.1\r\nHost: a\r\n\r\n", 200);
}

WEFT_TEST(a_file_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("GET /static/ HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n", 206);
    each_in_turn("GET /static/index.html HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n\r\n", 412);
    each_in_turn("GET /static/none HTTP/1.1\r\nHost: a\r\n\r\n", 404);
}

WEFT_TEST(a_debug_page_without_memory_is_an_error_and_nothing_is_lost)
{
    static char long_head[8000];
    each_in_turn("GET /debug/ HTTP/1.1\r\nHost: a.example\r\nAccept: text/html\r\n\r\n", 502);
    /* There is no room to keep the head. */
    snprintf(long_head, sizeof long_head, "GET /debug/ HTTP/1.1\r\nHost: a.example\r\nX-Long: %06000d\r\nAccept: text/html\r\n\r\n", 7);
    each_in_turn(long_head, 502);
}

WEFT_TEST(middleware_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn("GET /layered/visit HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nAccept-Encoding: gzip\r\n\r\n", 200);
    each_in_turn("GET /layered/many HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nAccept-Encoding: gzip\r\n\r\n", 200);
    each_in_turn("GET /layered/none HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n", 404);
    each_in_turn("POST /layered/visit HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\n\r\n", 403);
    each_in_turn("OPTIONS /layered/visit HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n", 400);
}

WEFT_TEST(requests_without_a_route_need_little_memory)
{
    each_in_turn("PATCH /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n", 405);
    each_in_turn("GET /orders/1/ HTTP/1.1\r\nHost: a\r\n\r\n", 307);
    each_in_turn("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404);
}

#define FORM_HEAD "POST /forms HTTP/1.1\r\nHost: a\r\nCookie: session=\"a b\"\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: "
#define FORM_PART(of) "--b\r\nContent-Disposition: form-data; name=" of "\r\n"

static int life_open(const weft_none *in, holder **out)
{
    (void)in;
    holder *h = weft_new(holder);
    if (!h) return WEFT_ENOMEM;
    h->held = weft__malloc(10);
    *out = h;
    return h->held ? 0 : weft_fail(WEFT_ENOMEM, "nothing to hold");
}
static const weft_provider life = WEFT_PROVIDER(holder, weft_none, life_open, holder_close, .per = WEFT_PER_WORKER);
WEFT_INPUT(life_in, depends(holder, h, life));
static int second_open(const life_in *in, holder **out) { return in->h ? life_open(NULL, out) : weft_fail(500, "nothing"); }
static const weft_provider second_life = WEFT_PROVIDER(holder, life_in, second_open, holder_close, .per = WEFT_PER_WORKER);
static const weft_app living = { .starts = WEFT_STARTS(&second_life), .openapi_path = "" };

static int start_and_stop(weft__app *const *app)
{
    weft__buf why;
    weft__buf_init(&why, 4096);
    weft_set_allocator(failing_resize, &fails);
    fails.made = 0;
    fails.fail_at = now.fail_at;
    int rc = weft__app_start(*app, &why);
    if (rc == 0) rc = weft__app_stop(*app, &why);
    fails.fail_at = 0;
    if (!fails.failed) WEFT_CHECK_EQ(rc, 0);
    weft__buf_free(&why);
    return 0;
}

WEFT_TEST(a_start_without_memory_closes_what_was_opened)
{
    for (now.fail_at = 1; now.fail_at < 100; now.fail_at++) {
        weft__buf faults;
        failing_from(0);
        weft__os *os = weft__sim_new(&(weft__sim_opts){ 0 });
        weft__loop *loop = os ? weft__loop_new(os) : NULL;
        WEFT_NEED(loop != NULL);
        weft__buf_init(&faults, 4096);
        WEFT_NEED(weft__app_compile(&living, &now.app, &faults) == 0);
        WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(start_and_stop, (&(weft__app *const){ now.app }))), 0);
        weft__app_free(now.app);
        weft__loop_free(loop);
        os->ops->free(os);
        weft__buf_free(&faults);
        weft__model_forget();
        WEFT_CHECK_EQ(fails.live, 0);
        if (!fails.failed) break;
    }
    WEFT_CHECK(now.fail_at > 1 && now.fail_at < 100);
}

WEFT_TEST(providers_without_memory_are_closed_and_nothing_is_lost)
{
    each_in_turn("GET /held/even HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n", 200);
    each_in_turn("GET /held/odd HTTP/1.1\r\nHost: a\r\n\r\n", 409);
    each_in_turn("GET /held/odd?n=404 HTTP/1.1\r\nHost: a\r\n\r\n", 409);
    each_in_turn("GET /held/even?n=x HTTP/1.1\r\nHost: a\r\n\r\n", 422);
    each_in_turn("GET /lines-held/even HTTP/1.1\r\nHost: a\r\n\r\n", 200);
}

WEFT_TEST(a_form_without_memory_is_an_error_and_nothing_is_lost)
{
    static char request[4000];
    static const char body[] = FORM_PART("title") "\r\nx\r\n" FORM_PART("\"n\\\"o\"") "\r\nx\r\n" FORM_PART("note") "\r\ny\r\n"
        FORM_PART("file; filename*=UTF-8''%C3%A4") "Content-Type: text/plain\r\n\r\nhello\r\n" FORM_PART("bytes; filename=x") "\r\n\0\1\r\n--b--";
    size_t n = (size_t)sprintf(request, FORM_HEAD "%zu\r\n\r\n", sizeof body - 1);
    memcpy(request + n, body, sizeof body - 1);
    raw = (weft_str){ request, n + sizeof body - 1 };
    each_in_turn(NULL, 200);
}

WEFT_TEST(a_form_with_faults_without_memory_is_an_error_and_nothing_is_lost)
{
    each_in_turn(FORM_HEAD "59\r\n\r\n" FORM_PART("title") "\r\nx\r\n--b--", 422);
    each_in_turn("POST /forms HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\ntitle=%61&x=%62", 422);
}

WEFT_TEST(several_bodies_without_memory_are_an_error_and_nothing_is_lost)
{
    each_in_turn("POST /several HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 110\r\n\r\n{\"order\":" BODY ",\"names\":[1]}", 422);
}

WEFT_TEST(a_written_answer_without_memory_is_an_error_or_breaks_off_and_nothing_is_lost)
{
    each_in_turn("GET /lines HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    each_in_turn("GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n", 200);
}

WEFT_TEST(a_file_without_memory_is_an_error_or_breaks_off_and_nothing_is_lost)
{
    each_in_turn("GET /file HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\nIf-None-Match: \"x\"\r\n\r\n", 206);
    each_in_turn("GET /folder/sub HTTP/1.1\r\nHost: a\r\n\r\n", 307);
    each_in_turn("GET /folder/none HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", 200);
}

WEFT_TEST(credentials_without_memory_are_an_error_and_nothing_is_lost)
{
    WEFT_NEED(weft_jwt_key_open(WEFT_JWT_HS256, WEFT_S("a secret of thirty-two bytes, more"), &token_key) == 0);
    each_in_turn("GET /secured/token?key=k%20 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n\r\n", 200);
    each_in_turn("GET /secured/token HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n\r\n", 401);
    each_in_turn("GET /secured/digest HTTP/1.1\r\nHost: a\r\n\r\n", 401);
    each_in_turn("GET /secured/digest HTTP/1.1\r\nHost: a\r\nAuthorization: Digest username=a, realm=r, nonce=x, uri=\"/\", qop=auth\r\n\r\n", 401);
    each_in_turn("GET /secured/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer me\r\n\r\n", 200);
    each_in_turn("GET /secured/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer you\r\n\r\n", 403);
    each_in_turn("GET /secured/any HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer e30.e30.x\r\n\r\n", 401);
    weft_set_allocator(NULL, NULL);
    weft_jwt_key_close(token_key);
}
