/* Providers per request: who is opened when, what a handler gets, how all of it ends. */
#include "testing/client.h"
#include "told.h"

/* ---- one that has everything ---- */

typedef struct session { int id; const char *user; } session;
WEFT_INPUT(session_in, header(WEFT_OPT(weft_str), x_user), query(int, fails, .initial = "0"), query(int, close_fails, .initial = "0"));

static int session_open(const session_in *in, session **out)
{
    tell("open session");
    WEFT_TRY(weft_sleep_ms(10));
    if (in->fails) return weft_fail(in->fails, "the session failed");
    session *s = weft_new(session);
    if (!s) return WEFT_ENOMEM;
    *s = (session){ 7, in->x_user.set ? in->x_user.value.ptr : "nobody" };
    *out = s;
    return 0;
}

static int session_close(session *s, int rc)
{
    tell("close session %d %d", s->id, rc);
    WEFT_TRY(weft_sleep_ms(10));
    return rc;
}
static const weft_provider db = WEFT_PROVIDER(session, session_in, session_open, session_close);

typedef struct user { const char *name; session *on; } user;
WEFT_INPUT(user_in, depends(session, s, db), query(int, close_fails, .initial = "0"));
static int user_open(const user_in *in, user **out)
{
    tell("open user");
    *out = weft_new(user);
    if (*out) **out = (user){ in->s->user, in->s };
    return *out ? 0 : WEFT_ENOMEM;
}
static int user_close(user *u, int rc)
{
    tell("close user %s %d", u->name, rc);
    return strcmp(u->name, "unlucky") == 0 ? weft_fail(409, "no luck") : 0;
}
static const weft_provider current_user = WEFT_PROVIDER(user, user_in, user_open, user_close);

WEFT_MODEL(Who, field(weft_str, name), field(bool, same), field(int, id));
WEFT_INPUT(who_in, path(int, id), depends(user, u, current_user), depends(session, s, db));

static int who(const who_in *in, Who *out)
{
    tell("handler");
    if (in->id == 404) return weft_fail(404, "no such one");
    if (in->id == 1) return 1;
    if (in->id == 5000) WEFT_TRY(weft_sleep_ms(5000));
    *out = (Who){ weft_str_of(in->u->name), in->u->on == in->s, in->id };
    return 0;
}
static int who_page(const who_in *in, weft_reply *out)
{
    tell("page");
    return weft_reply_text(out, weft_str_of(in->u->name));
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/who/{id}", who, who_in, Who, .timeout_ms = 1000),
    WEFT_POST("/who/{id}", who, who_in, Who, .run = WEFT_IN_THREAD),
    WEFT_GET("/page/{id}", who_page, who_in, weft_reply)) };

static weft_response get_as(const char *path, const char *name)
{
    return weft_test_send(&app, "GET", path, &(weft_header){ WEFT_S("X-User"), weft_str_of(name) }, 1, NULL);
}

WEFT_TEST(a_provider_is_opened_once_before_the_handler_and_closed_behind_it_in_reverse_order)
{
    weft_response r = get_as("/who/3", "ada");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "name": "ada", "same": true, "id": 3 });
    TOLD("open session, open user, handler, close user ada 0, close session 7 0");
    WEFT_CHECK_EQ(weft_test_ms(), 20);
    r = get_as("/page/3", "ada");
    WEFT_CHECK_STR(r.body, "ada");
    TOLD("open session, open user, page, close user ada 0, close session 7 0");
    r = weft_test_post(&app, "/who/3", "");
    WEFT_CHECK_JSON(r.body, { "name": "nobody", "same": true, "id": 3 });
    TOLD("open session, open user, handler, close user nobody 0, close session 7 0");
}

WEFT_TEST(a_failure_of_the_handler_is_told_to_closes_and_to_the_client)
{
    weft_response r = get_as("/who/404", "ada");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_JSON(r.body, { "detail": "no such one" });
    TOLD("open session, open user, handler, close user ada -10404, close session 7 -10404");
    WEFT_CHECK_EQ(get_as("/who/1", "ada").status, 500);
    TOLD("open session, open user, handler, close user ada -10500, close session 7 -10500");
}

WEFT_TEST(a_deadline_of_the_route_ends_the_handler_and_not_the_closes)
{
    weft_response r = get_as("/who/5000", "ada");
    WEFT_CHECK_EQ(r.status, 504);
    WEFT_CHECK_JSON(r.body, { "detail": "no answer within 1000 ms" });
    TOLD("open session, open user, handler, close user ada -10504, close session 7 -10504");
    WEFT_CHECK_EQ(weft_test_ms(), 1010);
}

WEFT_TEST(a_provider_that_fails_ends_the_request)
{
    weft_response r = weft_test_get(&app, "/who/3?fails=401");
    WEFT_CHECK_EQ(r.status, 401);
    WEFT_CHECK_JSON(r.body, { "detail": "the session failed" });
    TOLD("open session");
    WEFT_CHECK_EQ(weft_test_get(&app, "/page/3?fails=-5").status, 500);
    TOLD("open session");
}

WEFT_TEST(a_close_turns_success_into_failure_and_one_failure_into_another)
{
    weft_response r = get_as("/who/3", "unlucky");
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "detail": "no luck" });
    TOLD("open session, open user, handler, close user unlucky 0, close session 7 -10409");
    WEFT_CHECK_EQ(get_as("/who/404", "unlucky").status, 409);
    WEFT_CHECK_EQ(get_as("/page/1", "unlucky").status, 409);
}

/* ---- a client that leaves ---- */

static void leave_after(const char *request, int ms)
{
    weft__shot shot = { .bytes = weft_str_of(request), .leave_ms = ms };
    WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
}

WEFT_TEST(a_client_that_leaves_cancels_the_handler_and_not_the_closes)
{
    leave_after("GET /who/5000 HTTP/1.1\r\nHost: a\r\n\r\n", 100);
    TOLD("open session, open user, handler, close user nobody -125, close session 7 -125");
}

WEFT_TEST(a_client_that_leaves_cancels_an_open_and_no_handler_runs)
{
    leave_after("GET /who/3 HTTP/1.1\r\nHost: a\r\n\r\n", 5);
    TOLD("open session");
}

/* ---- inputs that do not fit ---- */

WEFT_INPUT(token_in, header(weft_str, x_token));
WEFT_INPUT(key_in, header(weft_str, x_key), query(int, n));
static int check_token(const token_in *in) { tell("token"); return weft_str_equal(in->x_token, WEFT_S("good")) ? 0 : weft_fail(400, "bad token"); }
static int check_key(const key_in *in) { tell("key %d", in->n); return 0; }
static const weft_provider token = WEFT_GUARD(token_in, check_token), key = WEFT_GUARD(key_in, check_key);
WEFT_MODEL(Item, field(weft_str, name));
WEFT_INPUT(item_in, path(int, id), query(int, n), body(Item, item), depends(session, s, db));
static int put_item(const item_in *in, Item *out) { tell("put"); *out = in->item; return 0; }
static const weft_router inner = { .prefix = "/inner", .depends = WEFT_DEPENDS(&key), .routes = WEFT_ROUTES(
    WEFT_PUT("/{id}", put_item, item_in, Item, .depends = WEFT_DEPENDS(&token, &key))) };
static const weft_router outer = { .prefix = "/outer", .routers = WEFT_ROUTERS(&inner) };
static const weft_app guarded = { .depends = WEFT_DEPENDS(&token), .routers = WEFT_ROUTERS(&outer) };

static weft_response put(const char *path, const char *token_of, const char *body)
{
    weft_header headers[] = { { WEFT_S("X-Token"), weft_str_of(token_of) }, { WEFT_S("X-Key"), WEFT_S("k") } };
    return weft_test_send(&guarded, "PUT", path, headers, 2, body);
}

WEFT_TEST(guards_run_in_the_order_of_application_router_and_route_each_once)
{
    weft_response r = put("/outer/inner/3?n=4", "good", "{\"name\":\"a\"}");
    WEFT_CHECK_EQ(r.status, 200);
    TOLD("token, key 4, open session, put, close session 7 0");
}

WEFT_TEST(faults_of_all_are_told_at_once_those_of_providers_first)
{
    weft_response r = weft_test_send(&guarded, "PUT", "/outer/inner/x?n=y", NULL, 0, "{}");
    WEFT_CHECK_EQ(r.status, 422);
    WEFT_CHECK_JSON(r.body, { "detail": [
        { "type": "missing", "loc": ["header", "x-token"], "msg": "Field required", "input": null },
        { "type": "int_parsing", "loc": ["query", "n"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "y" },
        { "type": "missing", "loc": ["header", "x-key"], "msg": "Field required", "input": null },
        { "type": "int_parsing", "loc": ["path", "id"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "x" },
        { "type": "int_parsing", "loc": ["query", "n"], "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "y" },
        { "type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": {} }] });
    TOLD("open session, close session 7 -10422");
}

WEFT_TEST(a_guard_refuses_whatever_else_is_wrong_and_before_the_body_is_read)
{
    weft_response r = put("/outer/inner/x?n=y", "bad", "{");
    WEFT_CHECK_EQ(r.status, 400);
    WEFT_CHECK_JSON(r.body, { "detail": "bad token" });
    TOLD("token");
    weft__shot shot = { .bytes = WEFT_S("PUT /outer/inner/3?n=4 HTTP/1.1\r\nHost: a\r\nX-Token: bad\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&guarded, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 400);
}

WEFT_TEST(what_has_to_be_closed_is_opened_when_the_body_is_there)
{
    weft__shot shots[] = { { .bytes = WEFT_S("PUT /outer/inner/3?n=4 HTTP/1.1\r\nHost: a\r\nX-Token: good\r\nX-Key: k\r\nContent-Length: 10\r\n\r\n{"), .leave_ms = 100 } };
    WEFT_CHECK(weft__test_fire(&guarded, NULL, shots, 1));
    TOLD("token, key 4");
    WEFT_CHECK_EQ(put("/outer/inner/3?n=4", "good", "{").status, 422);
    TOLD("token, key 4, open session, close session 7 -10422");
}

/* ---- behind the reply ---- */

WEFT_INPUT(audit_in, reply(reply), request(request));
typedef struct audit { weft_reply *reply; const weft_request *request; } audit;
static int audit_open(const audit_in *in, audit **out)
{
    *out = weft_new(audit);
    if (!*out) return WEFT_ENOMEM;
    **out = (audit){ in->reply, in->request };
    return weft_reply_header(in->reply, "X-Audit", "opened");
}
static int audit_close(audit *a, int rc)
{
    tell("audit closed %d %s", rc, weft_request_path(a->request).ptr);
    if (weft_reply_header(a->reply, "X-Late", "1") == WEFT_EINVAL) tell("too late for a header");
    return weft_sleep_ms(3000);
}
static int stamp_close(audit *a, int rc)
{
    WEFT_TRY(weft_reply_header(a->reply, "X-Stamp", "%d", rc));
    return rc;
}
static const weft_provider behind = WEFT_PROVIDER(audit, audit_in, audit_open, audit_close, .after_reply = true);
static const weft_provider stamp = WEFT_PROVIDER(audit, audit_in, audit_open, stamp_close);
WEFT_INPUT(audited_in, query(int, status, .initial = "0"), depends(audit, a, behind), depends(audit, s, stamp), depends(session, db, db));
static int audited(const audited_in *in, weft_str *out)
{
    *out = weft_str_of(in->db->user);
    return in->status ? weft_fail(in->status, "asked for") : 0;
}
static const weft_app audits = { .routes = WEFT_ROUTES(WEFT_GET("/audited", audited, audited_in, weft_str)) };

WEFT_TEST(one_that_is_closed_after_the_reply_does_not_keep_the_client)
{
    weft__shot shot = { .bytes = WEFT_S("GET /audited HTTP/1.1\r\nHost: a\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&audits, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_STR(shot.answer.body, "\"nobody\"");
    WEFT_CHECK_EQ(shot.took_ms, 20);
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "X-Audit"), "opened");
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "X-Stamp"), "0");
    WEFT_CHECK_STR(weft_response_header(&shot.answer, "X-Late"), "");
    TOLD("open session, close session 7 0, audit closed 0 /audited, too late for a header");
}

WEFT_TEST(headers_of_providers_go_out_with_failures)
{
    weft_response r = weft_test_get(&audits, "/audited?status=403");
    WEFT_CHECK_EQ(r.status, 403);
    WEFT_CHECK_STR(weft_response_header(&r, "X-Stamp"), "-10403");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Audit"), "opened");
}

/* ---- streams ---- */

WEFT_INPUT(lines_in, path(int, n), header(WEFT_OPT(weft_str), x_user), depends(user, u, current_user));
static int lines(const lines_in *in, weft_stream *out)
{
    for (int i = 0; i < in->n; i++) WEFT_TRY(weft_write(out, weft_format("%s %d\n", in->u->name, i)));
    return in->n > 3 ? weft_fail(400, "too many") : 0;
}
static int ticks(const lines_in *in, weft_events *out)
{
    for (int i = 0; i < in->n; i++) WEFT_TRY(weft_event(out, .data = weft_str_of(in->u->name)));
    return 0;
}
static const weft_app streams = { .routes = WEFT_ROUTES(WEFT_GET("/lines/{n}", lines, lines_in, weft_stream, .timeout_ms = 500),
    WEFT_GET("/ticks/{n}", ticks, lines_in, weft_events)) };

static weft_response stream_as(const char *path, const char *name)
{
    char bytes[300];
    weft__shot shot = { .bytes = { bytes, (size_t)snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: a\r\nX-User: %s\r\n\r\n", path, name) } };
    WEFT_CHECK(weft__test_fire(&streams, NULL, &shot, 1));
    return shot.answer;
}

WEFT_TEST(a_streams_providers_are_closed_at_its_end)
{
    weft_response r = stream_as("/lines/2", "ada");
    WEFT_CHECK_STR(r.body, "ada 0\nada 1\n");
    TOLD("open session, open user, close user ada 0, close session 7 0");
    r = stream_as("/ticks/1", "ada");
    WEFT_CHECK_STR(r.body, "data: ada\n\n");
}

WEFT_TEST(a_close_that_fails_breaks_a_stream_off_and_is_an_answer_when_nothing_was_written)
{
    WEFT_CHECK_EQ(stream_as("/lines/2", "unlucky").status, 0);
    TOLD("open session, open user, close user unlucky 0, close session 7 -10409");
    WEFT_CHECK_EQ(stream_as("/lines/0", "unlucky").status, 409);
    WEFT_CHECK_EQ(stream_as("/ticks/0", "unlucky").status, 409);
    WEFT_CHECK_EQ(stream_as("/ticks/1", "unlucky").status, 0);
}

WEFT_TEST(a_stream_that_fails_tells_its_providers)
{
    WEFT_CHECK_EQ(stream_as("/lines/4", "ada").status, 0);
    TOLD("open session, open user, close user ada -10400, close session 7 -10400");
}

/* ---- with background tasks ---- */

WEFT_MODEL(Note, field(weft_str, text));
static int write_note(const Note *in) { tell("note %s", in->text.ptr); return 0; }
WEFT_INPUT(noting_in, header(WEFT_OPT(weft_str), x_user), depends(audit, a, behind), depends(user, u, current_user));
static int ask_for_note(const noting_in *in) { return weft_background(Note, write_note, (&(Note){ weft_str_of(in->u->name) })); }
static int noting(const noting_in *in, int *out) { *out = 1; return ask_for_note(in); }
static int noting_lines(const noting_in *in, weft_stream *out) { WEFT_TRY(ask_for_note(in)); return weft_write(out, WEFT_S("x")); }
static const weft_app notes = { .routes = WEFT_ROUTES(WEFT_GET("/note", noting, noting_in, int), WEFT_GET("/lines", noting_lines, noting_in, weft_stream)) };

static int status_of(const char *path, const char *name)
{
    char bytes[300];
    weft__shot shot = { .bytes = { bytes, (size_t)snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: a\r\nX-User: %s\r\n\r\n", path, name) } };
    WEFT_CHECK(weft__test_fire(&notes, NULL, &shot, 1));
    return shot.answer.status;
}

WEFT_TEST(background_tasks_begin_when_all_is_closed_and_only_if_it_was_closed_well)
{
    WEFT_CHECK_EQ(status_of("/note", "ada"), 200);
    TOLD("open session, open user, close user ada 0, close session 7 0, audit closed 0 /note, too late for a header, note ada");
    WEFT_CHECK_EQ(status_of("/lines", "bob"), 200);
    TOLD("open session, open user, close user bob 0, close session 7 0, audit closed 0 /lines, too late for a header, note bob");
    WEFT_CHECK_EQ(status_of("/note", "unlucky"), 409);
    TOLD("open session, open user, close user unlucky 0, close session 7 -10409, audit closed -10409 /note, too late for a header");
    WEFT_CHECK_EQ(status_of("/lines", "unlucky"), 0);
    TOLD("open session, open user, close user unlucky 0, close session 7 -10409, audit closed -10409 /lines, too late for a header");
}

/* ---- one function, several providers ---- */

typedef struct needle { const char *text; int n; } needle;
WEFT_INPUT(look_in, query(weft_str, q, .initial = ""), config(needle, wanted));
static int look(const look_in *in, bool **out)
{
    *out = weft_new(bool);
    if (*out) **out = strstr(in->q.ptr, in->wanted->text) != NULL;
    return *out ? 0 : WEFT_ENOMEM;
}
static const weft_provider has_bar = WEFT_PROVIDER(bool, look_in, look, NULL, WEFT_CONFIG(needle, "bar", 1));
static const weft_provider has_foo = WEFT_PROVIDER(bool, look_in, look, NULL, WEFT_CONFIG(needle, .text = "foo"));
WEFT_INPUT(found_in, depends(bool, bar, has_bar), depends(bool, foo, has_foo));
WEFT_MODEL(Found, field(bool, bar), field(bool, foo));
static int found(const found_in *in, Found *out) { *out = (Found){ *in->bar, *in->foo }; return 0; }
static const weft_app finds = { .routes = WEFT_ROUTES(WEFT_GET("/find", found, found_in, Found)) };

WEFT_TEST(one_function_makes_several_providers)
{
    weft_response r = weft_test_get(&finds, "/find?q=a%20bar");
    WEFT_CHECK_JSON(r.body, { "bar": true, "foo": false });
}

/* ---- nothing provided ---- */

WEFT_INPUT(maybe_in, query(WEFT_OPT(weft_str), name));
static int maybe_open(const maybe_in *in, user **out)
{
    if (!in->name.set) return 0;
    *out = weft_new(user);
    if (*out) (*out)->name = in->name.value.ptr;
    return *out ? 0 : WEFT_ENOMEM;
}
static int maybe_close(user *u, int rc) { tell("close %s", u->name); return rc; }
static const weft_provider must = WEFT_PROVIDER(user, maybe_in, maybe_open, maybe_close);
static const weft_provider may = WEFT_PROVIDER(user, maybe_in, maybe_open, maybe_close, .may_be_null = true);
WEFT_INPUT(must_in, depends(user, u, must));
WEFT_INPUT(may_in, depends(user, u, may));
static int greet_must(const must_in *in, weft_str *out) { *out = weft_str_of(in->u->name); return 0; }
static int greet_may(const may_in *in, weft_str *out) { *out = weft_str_of(in->u ? in->u->name : "stranger"); return 0; }
static const weft_app greets = { .routes = WEFT_ROUTES(WEFT_GET("/must", greet_must, must_in, weft_str), WEFT_GET("/may", greet_may, may_in, weft_str)) };

WEFT_TEST(an_open_that_leaves_null_is_a_mistake_unless_it_says_so)
{
    WEFT_CHECK_EQ(weft_test_get(&greets, "/must").status, 500);
    WEFT_CHECK_EQ(weft_test_get(&greets, "/must?name=a").status, 200);
    TOLD("close a");
    WEFT_CHECK_STR(weft_test_get(&greets, "/may").body, "\"stranger\"");
    TOLD("");
    WEFT_CHECK_STR(weft_test_get(&greets, "/may?name=b").body, "\"b\"");
    TOLD("close b");
}

/* ---- instead of another ---- */

static int fake_open(const weft_none *in, session **out)
{
    (void)in;
    *out = weft_new(session);
    if (*out) **out = (session){ 9, "fake" };
    return *out ? 0 : WEFT_ENOMEM;
}
static const weft_provider fake_db = WEFT_PROVIDER(session, weft_none, fake_open, session_close);

WEFT_TEST(a_test_puts_another_provider_in_its_place)
{
    WEFT_CHECK_EQ(get_as("/who/3", "ada").status, 200);
    TOLD("open session, open user, handler, close user ada 0, close session 7 0");
    weft_test_override(&db, &fake_db);
    weft_response r = weft_test_get(&app, "/who/3");
    WEFT_CHECK_JSON(r.body, { "name": "fake", "same": true, "id": 3 });
    TOLD("open user, handler, close user fake 0, close session 9 0");
    weft_test_override(&db, NULL);
    WEFT_CHECK_EQ(get_as("/who/3", "ada").status, 200);
    TOLD("open session, open user, handler, close user ada 0, close session 7 0");
}

/* ---- routes of other kinds ---- */

WEFT_INPUT(by_id_in, path(int, id));
static int by_id_open(const by_id_in *in, session **out)
{
    *out = weft_new(session);
    if (*out) **out = (session){ in->id, "by id" };
    return *out ? 0 : WEFT_ENOMEM;
}
static const weft_provider by_id = WEFT_PROVIDER(session, by_id_in, by_id_open, NULL);
WEFT_INPUT(show_in, depends(session, s, by_id));
static int show(const show_in *in, int *out) { *out = in->s->id; return 0; }
WEFT_INPUT(link_in, request(request));
static int link_to(const link_in *in, weft_str *out) { return weft_url_for(in->request, "show", weft_none, NULL, out); }
static int in_process(const weft_none *in, int *out) { (void)in; *out = 5; return 0; }
static const weft_app others = { .depends = WEFT_DEPENDS(&token), .openapi_path = "", .routes = WEFT_ROUTES(WEFT_GET("/show/{id}", show, show_in, int),
    WEFT_GET("/link", link_to, link_in, weft_str), WEFT_GET("/process", in_process, weft_none, int, .run = WEFT_IN_PROCESS), WEFT_STATIC("/files", "files")) };

static weft_response get_other(const char *path)
{
    return weft_test_send(&others, "GET", path, &(weft_header){ WEFT_S("X-Token"), WEFT_S("good") }, 1, NULL);
}
static int save_file(void) { WEFT_TRY(weft_dir_make("files")); return weft_file_save("files/a.txt", WEFT_S("hello")); }

WEFT_TEST(a_parameter_of_the_path_may_be_a_providers_alone)
{
    WEFT_CHECK_STR(get_other("/show/7").body, "7");
    WEFT_CHECK_EQ(get_other("/show/x").status, 422);
    WEFT_CHECK_EQ(get_other("/link").status, 500);       /* who would say which one? */
}

WEFT_TEST(guards_of_an_application_are_in_front_of_processes_and_files)
{
    WEFT_CHECK_EQ(weft_test_run(save_file), 0);
    WEFT_CHECK_STR(get_other("/process").body, "5");
    WEFT_CHECK_STR(get_other("/files/a.txt").body, "hello");
    WEFT_CHECK_EQ(weft_test_get(&others, "/process").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&others, "/files/a.txt").status, 422);
}

/* ---- what the document tells ---- */

WEFT_TEST(parameters_of_providers_are_the_operations)
{
    weft_response r = weft_test_get(&guarded, "/openapi.json");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK(strstr(r.body.ptr, "{\"name\":\"x-token\",\"in\":\"header\",\"required\":true") != NULL);
    WEFT_CHECK(strstr(r.body.ptr, "{\"name\":\"x-user\",\"in\":\"header\",\"required\":false") != NULL);
    const char *n = strstr(r.body.ptr, "{\"name\":\"n\",\"in\":\"query\"");
    WEFT_CHECK(n && !strstr(n + 1, "{\"name\":\"n\",\"in\":\"query\""));
}
