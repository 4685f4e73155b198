/* Handlers on a thread and in a process: same answers, other places. Time is virtual, and jobs take turns. */
#include <string.h>
#include "pairs.h"
#include "task/world.h"
#include "web/app.h"

WEFT_MODEL(Word, field(weft_str, text, .min_len = 1), list(int, sizes), hidden(int, secret));
WEFT_INPUT(word_in, path(int, n, .range = { 0, 45 }), query(weft_str, word, .initial = "weft"));
WEFT_INPUT(body_in, body(Word, word), header(weft_str, x_token, .initial = "none"));
WEFT_INPUT(seen_in, request(request), reply(reply), query(weft_str, word));

static int spell(const word_in *in, Word *out)
{
    for (int i = 0; i < in->n; i++) weft_push(&out->sizes, i * i);
    out->text = weft_format("%.*s-%d", WEFT_FMT(in->word), in->n);
    return 0;
}

static int measure(const body_in *in, int64_t *out)
{
    *out = (int64_t)(in->word.text.len + in->word.sizes.count + in->x_token.len);
    return 0;
}

static int fail(const word_in *in, Word *out)
{
    out->text = WEFT_S("never seen");
    if (in->n == 1) return weft_fail(409, "%.*s is taken", WEFT_FMT(in->word));
    if (in->n == 2) return weft_fail(WEFT_ELIMIT, "the disk of %.*s", WEFT_FMT(in->word));
    if (in->n == 3) WEFT_TRY(weft_sleep_ms(1), "while resting");
    return 7;
}

static int see(const seen_in *in, Word *out)
{
    out->text = weft_request_path(in->request);
    return weft_reply_header(in->reply, "X-Word", "%.*s", WEFT_FMT(in->word));
}

static const weft_threads two = { .name = "two", .threads_max = 2 };
static const weft_app places = { .routes = WEFT_ROUTES(
    WEFT_GET("/loop/{n}", spell, word_in, Word),
    WEFT_GET("/thread/{n}", spell, word_in, Word, .run = WEFT_IN_THREAD),
    WEFT_GET("/pair/{n}", spell, word_in, Word, .run = WEFT_IN_THREAD, .threads = &two),
    WEFT_GET("/process/{n}", spell, word_in, Word, .run = WEFT_IN_PROCESS),
    WEFT_POST("/thread", measure, body_in, int64_t, .run = WEFT_IN_THREAD),
    WEFT_POST("/process", measure, body_in, int64_t, .run = WEFT_IN_PROCESS),
    WEFT_GET("/fail/thread/{n}", fail, word_in, Word, .run = WEFT_IN_THREAD),
    WEFT_GET("/fail/process/{n}", fail, word_in, Word, .run = WEFT_IN_PROCESS),
    WEFT_GET("/see", see, seen_in, Word, .run = WEFT_IN_THREAD)) };

WEFT_TEST(a_handler_answers_the_same_wherever_it_runs)
{
    static const char *const paths[] = { "/loop/3", "/thread/3", "/pair/3", "/process/3" };
    for (size_t i = 0; i < weft_count(paths); i++) {
        weft_response r = weft_test_get(&places, paths[i]);
        WEFT_CHECK_EQ(r.status, 200);
        WEFT_CHECK_JSON(r.body, { "text": "weft-3", "sizes": [0, 1, 4] });
    }
}

WEFT_TEST(inputs_are_checked_before_a_handler_goes_anywhere)
{
    WEFT_CHECK_EQ(weft_test_get(&places, "/process/46").status, 422);
    WEFT_CHECK_EQ(weft_test_get(&places, "/thread/x").status, 422);
    WEFT_CHECK_EQ(weft_test_post(&places, "/process", "{\"text\":\"\",\"sizes\":[]}").status, 422);
}

WEFT_TEST(bodies_and_headers_go_along)
{
    const char *body = "{\"text\":\"four\",\"sizes\":[1,2,3]}";
    weft_header token = { WEFT_S("X-Token"), WEFT_S("0123456789") };
    WEFT_CHECK_STR(weft_test_send(&places, "POST", "/thread", &token, 1, body).body, "17");
    WEFT_CHECK_STR(weft_test_send(&places, "POST", "/process", &token, 1, body).body, "17");
    WEFT_CHECK_STR(weft_test_post(&places, "/process", body).body, "11");
}

WEFT_TEST(a_failure_comes_back_with_its_status_and_its_text)
{
    weft_response r = weft_test_get(&places, "/fail/thread/1?word=it");
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "detail": "it is taken" });
    r = weft_test_get(&places, "/fail/process/1?word=it");
    WEFT_CHECK_EQ(r.status, 409);
    WEFT_CHECK_JSON(r.body, { "detail": "it is taken" });
}

/* What the log says of a request that is answered 500. */
static const char *log_of(const char *path)
{
    world_capture_begin();
    int status = weft_test_get(&places, path).status;
    const char *said = world_capture_end();
    WEFT_CHECK_EQ(status, 500);
    return said;
}

WEFT_TEST(a_failure_with_a_code_is_in_the_log_with_its_route)
{
    const char *said = log_of("/fail/thread/2");
    WEFT_CHECK(strstr(said, "GET /fail/thread/{n}: 500: the disk of weft"));
    said = log_of("/fail/process/2");
    WEFT_CHECK(strstr(said, "GET /fail/process/{n}: 500: the disk of weft"));
}

WEFT_TEST(what_waits_where_nothing_can_is_told_by_its_route)
{
    const char *said = log_of("/fail/thread/3");
    WEFT_CHECK(strstr(said, "weft_sleep_ms"));
    WEFT_CHECK(strstr(said, "GET /fail/thread/{n}"));
    WEFT_CHECK(strstr(said, "while resting"));
    said = log_of("/fail/process/3");
    WEFT_CHECK(strstr(said, "weft_sleep_ms"));
    WEFT_CHECK(strstr(said, "GET /fail/process/{n}"));
}

WEFT_TEST(a_positive_return_is_a_mistake_wherever_it_comes_from)
{
    WEFT_CHECK(strstr(log_of("/fail/thread/4"), "returned 7"));
    WEFT_CHECK(strstr(log_of("/fail/process/4"), "returned 7"));
}

WEFT_TEST(a_handler_on_a_thread_may_look_at_the_request_and_set_headers)
{
    weft_response r = weft_test_get(&places, "/see?word=seen");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "text": "/see", "sizes": [] });
    WEFT_CHECK_STR(weft_response_header(&r, "X-Word"), "seen");
}

/* ---- what a route cannot have ---- */

static int page(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_text(out, WEFT_S("x")); }

static const weft_app odd = { .routes = WEFT_ROUTES(
    WEFT_GET("/a", see, seen_in, Word, .run = WEFT_IN_PROCESS),
    WEFT_GET("/b", page, weft_none, weft_reply, .run = WEFT_IN_PROCESS),
    WEFT_GET("/c/{n}", spell, word_in, Word, .threads = &two),
    WEFT_GET("/d/{n}", spell, word_in, Word, .run = (weft_run_in)9)) };

WEFT_TEST(what_stays_behind_is_told_when_the_program_starts)
{
    weft__app *app = NULL;
    weft__buf faults;
    weft__buf_init(&faults, 1 << 16);
    WEFT_CHECK_EQ(weft__app_compile(&odd, &app, &faults), WEFT_EINVAL);
    WEFT_CHECK_STR(weft__buf_str(&faults),
        "route GET /a: input seen_in: request(request) stays behind when a handler runs in a process; expected values alone\n"
        "route GET /b: a weft_reply stays behind when a handler runs in a process; expected a model, a list or a scalar as its output\n"
        "route GET /c/{n}: threads; expected .run = WEFT_IN_THREAD with it\n"
        "route GET /d/{n}: run 9; expected WEFT_ON_LOOP, WEFT_IN_THREAD or WEFT_IN_PROCESS\n");
    weft__buf_free(&faults);
    weft__app_free(app);
}
