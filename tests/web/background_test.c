/* Background tasks: what runs when a request has been answered. */
#include <stdio.h>
#include <string.h>
#include "task/world.h"
#include "testing/client.h"
#include "weft.h"

enum { SEEN_MAX = 16 };
static struct { int value; int64_t ms; } seen[SEEN_MAX];
static int seen_count;
static char texts[SEEN_MAX][128];

static void see(int value, weft_str text)
{
    if (seen_count == SEEN_MAX) return;
    snprintf(texts[seen_count], sizeof texts[0], "%.*s", WEFT_FMT(text));
    seen[seen_count].value = value;
    seen[seen_count++].ms = weft_test_ms();
}

WEFT_DECLARE(Leaf);
WEFT_DEFINE(Leaf, field(weft_str, text), list(Leaf, below), ref(Leaf, other), opt(int, n), hidden(weft_str, secret));
WEFT_MODEL(Job, field(int, n), field(weft_str, text));
WEFT_INPUT(n_in, path(int, n));
static weft_local(int) who;

static int note(const Job *in)
{
    see(in->n, in->text);
    return 0;
}

static int later(const Job *in)
{
    WEFT_TRY(weft_sleep_ms(in->n));
    see(weft_local_get(&who, -1), in->text);
    return 0;
}

static int fails(const Job *in) { return weft_fail(WEFT_EPROTO, "no mail for %.*s", WEFT_FMT(in->text)); }
static int positive(const Job *in) { return in->n; }
static int for_ever(const Job *in) { return weft_sleep_ms(in->n * 1000000); }

/* ---- after the answer ---- */

static int sends(const n_in *in, int *out)
{
    Job job = { in->n, weft_format("job %d", in->n) };
    *out = in->n;
    WEFT_TRY(weft_local_set(&who, 7));
    WEFT_TRY(weft_background(Job, later, &job));
    char *text = (char *)(uintptr_t)job.text.ptr;
    memset(text, 'x', job.text.len);                 /* it has a copy of its own */
    job.n = -1;
    return weft_local_set(&who, 8);
}

static const weft_app app = { .routes = WEFT_ROUTES(WEFT_POST("/send/{n}", sends, n_in, int)) };

WEFT_TEST(it_runs_when_the_client_has_its_answer_with_a_copy_of_its_argument_and_the_values_of_who_asked)
{
    weft__shot shot = { .bytes = WEFT_S("POST /send/2000 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") };
    WEFT_NEED(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_EQ(shot.took_ms, 0);
    WEFT_CHECK_EQ(seen_count, 1);
    WEFT_CHECK_EQ(seen[0].value, 7);
    WEFT_CHECK_EQ(seen[0].ms, 2000);
    WEFT_CHECK_STR(weft_str_of(texts[0]), "job 2000");
}

WEFT_TEST(the_client_s_leaving_cancels_nothing_of_it)
{
    weft__shot shot = { .bytes = WEFT_S("POST /send/500 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), .leave_ms = 1 };
    WEFT_NEED(weft__test_fire(&app, NULL, &shot, 1));
    WEFT_CHECK_EQ(seen_count, 1);
}

static int count_leaf(const Leaf *in)
{
    const Leaf *below = in->below.items;
    see((int)in->below.count + below[1].n.value, in->other->secret);
    WEFT_CHECK(!in->n.set && in->n.null && !below[0].other && below[0].text.len == 0);
    return 0;
}

static int tree(const n_in *in, int *out)
{
    Leaf below[] = { { .text = WEFT_S("") }, { .text = WEFT_S("b"), .n = WEFT_SOME(40) } }, other = { .secret = weft_format("s%d", in->n) };
    Leaf top = { .text = WEFT_S("top"), .below = { below, 2, 2 }, .other = &other, .n.null = true };
    *out = 0;
    return weft_background(Leaf, count_leaf, &top);
}

static int ring(const n_in *in, int *out)
{
    Leaf top = { .text = WEFT_S("top") };
    top.other = &top;
    *out = in->n;
    return weft_background(Leaf, count_leaf, &top);
}

static const weft_app trees = { .routes = WEFT_ROUTES(WEFT_GET("/tree/{n}", tree, n_in, int), WEFT_GET("/ring/{n}", ring, n_in, int)) };

WEFT_TEST(the_copy_is_one_of_all_that_the_argument_holds)
{
    WEFT_CHECK_EQ(weft_test_get(&trees, "/tree/5").status, 200);
    WEFT_CHECK_EQ(seen_count, 1);
    WEFT_CHECK_EQ(seen[0].value, 42);
    WEFT_CHECK_STR(weft_str_of(texts[0]), "s5");
}

WEFT_TEST(what_cannot_be_copied_is_a_failure_of_who_asks)
{
    world_capture_begin();
    int status = weft_test_get(&trees, "/ring/5").status;
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(status, 500);
    WEFT_CHECK(strstr(log, "weft_background(count_leaf): its argument cannot be copied") != NULL);
}

/* ---- who asks, and what becomes of it ---- */

static int several(const n_in *in, int *out)
{
    *out = in->n;
    for (int i = 0; i < 3; i++) WEFT_TRY(weft_background(Job, note, (&(Job){ i, WEFT_S("in order") })));
    return in->n ? weft_fail(in->n, "not well") : 0;
}

static int some_fail(const n_in *in, int *out)
{
    *out = in->n;
    WEFT_TRY(weft_background(Job, fails, (&(Job){ 1, WEFT_S("ada\nerror forged") })));
    WEFT_TRY(weft_background(Job, positive, (&(Job){ 3, WEFT_S("") })));
    WEFT_TRY(weft_background(Job, for_ever, (&(Job){ 1, WEFT_S("") }), .timeout_ms = 100));
    return weft_background(Job, note, (&(Job){ 9, WEFT_S("well") }));
}

static int ask_deep(const n_in *in) { return weft_background(Job, note, (&(Job){ in->n, WEFT_S("deep") })); }

static int deep(const n_in *in, int *out)
{
    *out = in->n;
    WEFT_SCOPE(s);
    weft_spawn(s, ask_deep, in);
    return weft_join(s);
}

static int goes_on(const Job *in)
{
    see(in->n, in->text);
    WEFT_TRY(weft_sleep_ms(1000));
    if (in->n < 3) WEFT_TRY(weft_background(Job, goes_on, (&(Job){ in->n + 1, WEFT_S("chain") })));
    return in->n == 2 ? weft_fail(WEFT_EPROTO, "enough") : 0;
}

static int chain(const n_in *in, int *out)
{
    *out = in->n;
    return weft_background(Job, goes_on, (&(Job){ in->n, WEFT_S("chain") }));
}

static int on_a_thread(const n_in *in, int *out)
{
    *out = weft_background(Job, note, (&(Job){ in->n, WEFT_S("thread") }));
    return 0;
}

static int lists(const Job *in)
{
    weft_str tasks = weft_tasks_text(.flat = true);
    const char *line = strstr(tasks.ptr, "lists ");
    see(in->n, line ? (weft_str){ line, strcspn(line, ",\n") } : tasks);
    return 0;
}

static int listed(const n_in *in, int *out)
{
    *out = in->n;
    return weft_background(Job, lists, (&(Job){ in->n, WEFT_S("") }));
}

static int broken(const n_in *in, weft_stream *out)
{
    WEFT_TRY(weft_background(Job, note, (&(Job){ in->n, WEFT_S("stream") })));
    WEFT_TRY(weft_write(out, WEFT_S("a part")));
    return in->n ? weft_fail(500, "no more") : 0;
}

static int greedy(const Job *in)
{
    for (int i = 0; i < in->n; i++) (void)weft_format("%1000d", i);
    return 0;
}

static int takes_much(const n_in *in, int *out)
{
    *out = in->n;
    return weft_background(Job, greedy, (&(Job){ in->n, WEFT_S("") }));
}

static int own(const weft_failure *failure, weft_reply *out)
{
    WEFT_TRY(weft_background(Job, note, (&(Job){ failure->status, WEFT_S("of the failure") })));
    return weft_reply_text(out, failure->text);
}

#define ALL .routes = WEFT_ROUTES( \
    WEFT_GET("/several/{n}", several, n_in, int), WEFT_GET("/some-fail/{n}", some_fail, n_in, int), WEFT_GET("/deep/{n}", deep, n_in, int), \
    WEFT_GET("/chain/{n}", chain, n_in, int), WEFT_GET("/thread/{n}", on_a_thread, n_in, int, .run = WEFT_IN_THREAD), \
    WEFT_GET("/listed/{n}", listed, n_in, int), WEFT_GET("/stream/{n}", broken, n_in, weft_stream), WEFT_GET("/much/{n}", takes_much, n_in, int))
static const weft_app mixed = { ALL };
static const weft_app answered = { ALL, .on_failure = WEFT_ON_FAILURE({ WEFT_ANY_FAILURE, own }) };

static const char *log_of(const weft_app *of, const char *path, int status)
{
    world_capture_begin();
    weft_response r = weft_test_get(of, path);
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(r.status, status);
    return log;
}

WEFT_TEST(several_start_in_the_order_in_which_they_were_asked_for)
{
    WEFT_CHECK_EQ(weft_test_get(&mixed, "/several/0").status, 200);
    WEFT_CHECK_EQ(seen_count, 3);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(seen[i].value, i);
}

WEFT_TEST(a_handler_that_fails_has_asked_for_nothing)
{
    WEFT_CHECK_EQ(weft_test_get(&mixed, "/several/409").status, 409);
    WEFT_CHECK_EQ(seen_count, 0);
}

WEFT_TEST(what_answers_a_failure_may_ask_for_some_of_its_own)
{
    WEFT_CHECK_EQ(weft_test_get(&answered, "/several/409").status, 409);
    WEFT_CHECK_EQ(seen_count, 1);
    WEFT_CHECK_EQ(seen[0].value, 409);
}

WEFT_TEST(one_that_fails_is_logged_with_its_route_and_stops_nothing_else)
{
    const char *log = log_of(&mixed, "/some-fail/1", 200);
    WEFT_CHECK(strstr(log, "error background task fails of GET /some-fail/{n}: no mail for ada\\nerror forged") != NULL);
    WEFT_CHECK(strstr(log, "error background task positive of GET /some-fail/{n}: it returned 3; expected 0") != NULL);
    WEFT_CHECK(strstr(log, "error background task for_ever of GET /some-fail/{n}: ") != NULL);
    WEFT_CHECK_EQ(world_count_in(log, "error background"), 3);
    WEFT_CHECK_EQ(seen_count, 1);
    WEFT_CHECK_EQ(seen[0].value, 9);
}

WEFT_TEST(a_task_that_the_handler_spawned_may_ask)
{
    WEFT_CHECK_EQ(weft_test_get(&mixed, "/deep/4").status, 200);
    WEFT_CHECK_EQ(seen_count, 1);
}

WEFT_TEST(a_background_task_may_ask_for_the_next_which_starts_when_it_has_ended_well)
{
    const char *log = log_of(&mixed, "/chain/0", 200);
    WEFT_CHECK_EQ(seen_count, 3);
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(seen[i].ms, i * 1000);
    WEFT_CHECK(strstr(log, "goes_on of GET /chain/{n}: enough") != NULL);
}

WEFT_TEST(on_a_thread_and_outside_of_requests_it_is_refused)
{
    WEFT_CHECK_STR(weft_test_get(&mixed, "/thread/1").body, "-22");
    WEFT_CHECK_EQ(weft_test_run(ask_deep, (&(n_in){ 1 })), WEFT_EINVAL);
    WEFT_CHECK_EQ(seen_count, 0);
}

WEFT_TEST(the_list_of_tasks_has_its_name_and_route)
{
    WEFT_CHECK_EQ(weft_test_get(&mixed, "/listed/1").status, 200);
    WEFT_CHECK(strncmp(texts[0], "lists \"GET /listed/{n}\" (", 25) == 0);
    WEFT_CHECK(strstr(texts[0], "background_test.c:") != NULL);
}

WEFT_TEST(behind_a_stream_it_runs_when_that_is_whole)
{
    (void)log_of(&mixed, "/stream/0", 200);
    WEFT_CHECK_EQ(seen_count, 1);
    weft__shot shot = { .bytes = WEFT_S("GET /stream/1 HTTP/1.1\r\nHost: a\r\n\r\n") };
    WEFT_NEED(weft__test_fire(&mixed, NULL, &shot, 1));
    WEFT_CHECK_EQ(seen_count, 1);
}

WEFT_TEST(its_memory_has_the_bound_of_a_request)
{
    weft__shot shots[] = { { .bytes = WEFT_S("GET /much/10 HTTP/1.1\r\nHost: a\r\n\r\n") }, { .bytes = WEFT_S("GET /much/200 HTTP/1.1\r\nHost: a\r\n\r\n") } };
    world_capture_begin();
    bool fired = weft__test_fire(&mixed, &(weft_serve_opts){ .request_bytes_max = 100000 }, shots, 2);
    const char *log = world_capture_end();
    WEFT_CHECK(fired && shots[0].answer.status == 200 && shots[1].answer.status == 200);
    WEFT_CHECK_EQ(world_count_in(log, "background task greedy of GET /much/{n}: it needs more memory than request_bytes_max, 100000 bytes"), 1);
}

/* ---- bounds and the end ---- */

WEFT_TEST(beyond_background_max_who_asks_is_told_503)
{
    weft__shot shots[] = { { .bytes = WEFT_S("GET /several/0 HTTP/1.1\r\nHost: a\r\n\r\n") }, { .bytes = WEFT_S("GET /deep/0 HTTP/1.1\r\nHost: a\r\n\r\n"), .start_ms = 10 } };
    world_capture_begin();
    bool fired = weft__test_fire(&mixed, &(weft_serve_opts){ .background_max = 2 }, shots, 2);
    const char *log = world_capture_end();
    WEFT_CHECK(fired);
    WEFT_CHECK_EQ(shots[0].answer.status, 503);
    WEFT_CHECK_EQ(shots[1].answer.status, 200);
    WEFT_CHECK_EQ(seen_count, 1);
    WEFT_CHECK(strstr(log, "2 background tasks (background_max) wait or run") != NULL);
}

WEFT_TEST(one_that_still_runs_when_the_server_has_stopped_is_cancelled_after_background_ms_and_named)
{
    weft__shot shot = { .bytes = WEFT_S("POST /send/50000 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") };
    world_capture_begin();
    bool fired = weft__test_fire(&app, &(weft_serve_opts){ .background_ms = 3000 }, &shot, 1);
    const char *log = world_capture_end();
    WEFT_CHECK(fired);
    WEFT_CHECK_EQ(seen_count, 0);
    WEFT_CHECK(strstr(log, "warning background task later of POST /send/{n} is cancelled: the server stops, and background_ms is over") != NULL);
    WEFT_CHECK_EQ(world_count_in(log, "background task"), 1);
}
