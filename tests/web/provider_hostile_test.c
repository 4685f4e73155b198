/* Providers when things go wrong: cancels at each wait, opens and closes that hang, a crowd of them, no memory. */
#include "io/stream.h"
#include "model/plan.h"
#include "os/sim.h"
#include "support/failing.h"
#include "testing/client.h"
#include "told.h"
#include "web/app.h"

/* ---- cancels at each wait ---- */

typedef struct thing { int id; } thing;
static int opened, closed;

static int slow_open(int id, thing **out)
{
    WEFT_TRY(weft_sleep_ms(10));
    thing *t = weft_new(thing);
    if (!t) return WEFT_ENOMEM;
    t->id = id;
    opened++;
    *out = t;
    return weft_sleep_ms(0);
}
static int slow_close(thing *t, int rc)
{
    (void)t;
    WEFT_TRY(weft_sleep_ms(10));
    closed++;
    return rc;
}
/* One that fails behind its opening gives back what it holds itself. */
static int kept(int rc) { closed += rc < 0 && opened > closed; return rc; }

static int a_open(const weft_none *in, thing **out) { (void)in; int before = opened, rc = slow_open(1, out); return opened > before ? kept(rc) : rc; }
static const weft_provider a = WEFT_PROVIDER(thing, weft_none, a_open, slow_close);
WEFT_INPUT(c_in, depends(thing, a, a));
static int c_open(const c_in *in, thing **out) { (void)in; int before = opened, rc = slow_open(2, out); return opened > before ? kept(rc) : rc; }
static const weft_provider c = WEFT_PROVIDER(thing, c_in, c_open, slow_close);
static const weft_provider late = WEFT_PROVIDER(thing, weft_none, a_open, slow_close, .after_reply = true);
WEFT_INPUT(all_in, depends(thing, l, late), depends(thing, c, c), depends(thing, a, a));
static int handler(const all_in *in, int *out) { *out = in->c->id; return weft_sleep_ms(10); }
static int writer(const all_in *in, weft_stream *out) { (void)in; WEFT_TRY(weft_write(out, WEFT_S("one"))); return weft_sleep_ms(10); }
static const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/", handler, all_in, int), WEFT_GET("/stream", writer, all_in, weft_stream),
    WEFT_GET("/late", handler, all_in, int, .timeout_ms = 25)) };

static void leave_at_each_ms(const char *path)
{
    char bytes[100];
    int n = snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    for (int ms = 1; ms < 100; ms += 3) {
        opened = closed = 0;
        weft__shot shot = { .bytes = { bytes, (size_t)n }, .leave_ms = ms };
        WEFT_CHECK(weft__test_fire(&app, NULL, &shot, 1));
        WEFT_CHECK_EQ(opened, closed);
        if (ms > 80) WEFT_CHECK_EQ(opened, 3);
    }
}

WEFT_TEST(whenever_a_client_leaves_all_that_was_opened_is_closed)
{
    leave_at_each_ms("/");
    leave_at_each_ms("/stream");
}

WEFT_TEST(a_deadline_that_passes_while_they_open_is_the_routes)
{
    weft_response r = weft_test_get(&app, "/late");
    WEFT_CHECK_EQ(r.status, 504);
    WEFT_CHECK_JSON(r.body, { "detail": "no answer within 25 ms" });
    WEFT_CHECK_EQ(opened, closed);
}

WEFT_TEST(a_server_that_stops_closes_what_is_open)
{
    weft__shot shot = { .bytes = WEFT_S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), .leave_ms = 35 };
    WEFT_CHECK(weft__test_fire(&app, &(weft_serve_opts){ .grace_ms = 1, .hard_ms = 1000 }, &shot, 1));
    WEFT_CHECK_EQ(opened, closed);
}

/* ---- what hangs ---- */

static int plain_open(const weft_none *in, thing **out) { (void)in; *out = weft_new(thing); tell("open"); return *out ? 0 : WEFT_ENOMEM; }
static int never_open(const weft_none *in, thing **out) { (void)in; (void)out; return weft_sleep_ms(3600 * 1000); }
static int never_close(thing *t, int rc) { (void)t; (void)rc; tell("hang"); return weft_sleep_ms(3600 * 1000); }
static int careless_close(thing *t, int rc) { (void)t; tell("hang"); if (weft_sleep_ms(3600 * 1000) < 0) tell("cut"); return rc; }
static int plain_close(thing *t, int rc) { (void)t; tell("close %d", rc); return 0; }
static int odd_close(thing *t, int rc) { (void)t; (void)rc; return 7; }
static int forgetful_close(thing *t, int rc) { (void)t; for (int i = 0; i < 20 && rc < 0; i++) (void)weft_fail(599 - i, "noise"); return 0; }
static const weft_provider first = WEFT_PROVIDER(thing, weft_none, plain_open, plain_close);
static const weft_provider hangs = WEFT_PROVIDER(thing, weft_none, plain_open, never_close);
static const weft_provider careless = WEFT_PROVIDER(thing, weft_none, plain_open, careless_close, .close_timeout_ms = 100);
static const weft_provider hanging_open = WEFT_PROVIDER(thing, weft_none, never_open, plain_close, .open_timeout_ms = 200);
static const weft_provider odd = WEFT_PROVIDER(thing, weft_none, plain_open, odd_close);
static const weft_provider forgetful = WEFT_PROVIDER(thing, weft_none, plain_open, forgetful_close);
static const weft_provider hangs_behind = WEFT_PROVIDER(thing, weft_none, plain_open, never_close, .after_reply = true, .close_timeout_ms = 300);
WEFT_INPUT(status_in, query(int, status, .initial = "0"));
static int answer(const status_in *in, int *out) { *out = 1; return in->status ? weft_fail(in->status, "asked for") : 0; }
static const weft_app hanging = { .routes = WEFT_ROUTES(
    WEFT_GET("/close", answer, status_in, int, .depends = WEFT_DEPENDS(&first, &hangs)),
    WEFT_GET("/careless", answer, status_in, int, .depends = WEFT_DEPENDS(&first, &careless)),
    WEFT_GET("/open", answer, status_in, int, .depends = WEFT_DEPENDS(&first, &hanging_open)),
    WEFT_GET("/odd", answer, status_in, int, .depends = WEFT_DEPENDS(&first, &odd)),
    WEFT_GET("/forgetful", answer, status_in, int, .depends = WEFT_DEPENDS(&first, &forgetful)),
    WEFT_GET("/behind", answer, status_in, int, .depends = WEFT_DEPENDS(&first, &hangs_behind))) };

WEFT_TEST(a_close_that_hangs_is_cut_off_and_makes_success_a_failure)
{
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/close").status, 504);
    WEFT_CHECK_EQ(weft_test_ms(), 5000);
    TOLD("open, open, hang, close -110");
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/close?status=404").status, 404);
    TOLD("open, open, hang, close -10404");
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/careless").status, 200);
    TOLD("open, open, hang, cut, close 0");
    WEFT_CHECK_EQ(weft_test_ms(), 10100);
}

WEFT_TEST(an_open_that_hangs_ends_at_its_deadline)
{
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/open").status, 504);
    WEFT_CHECK_EQ(weft_test_ms(), 200);
    TOLD("open, close -110");
}

WEFT_TEST(closes_that_return_nonsense_or_record_much_hide_nothing)
{
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/odd").status, 500);
    TOLD("open, open, close -10500");
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/odd?status=404").status, 404);
    weft_response r = weft_test_get(&hanging, "/forgetful?status=404");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_JSON(r.body, { "detail": "asked for" });
}

WEFT_TEST(a_close_that_hangs_behind_the_answer_keeps_nobody_for_long)
{
    weft__shot shot = { .bytes = WEFT_S("GET /behind HTTP/1.1\r\nHost: a\r\n\r\n") };
    WEFT_CHECK(weft__test_fire(&hanging, NULL, &shot, 1));
    WEFT_CHECK_EQ(shot.answer.status, 200);
    WEFT_CHECK_EQ(shot.took_ms, 0);
    TOLD("open, open, close 0, hang");
    WEFT_CHECK_EQ(weft_test_get(&hanging, "/behind?status=400").status, 400);
    TOLD("open, open, close -10400, hang");
}

/* ---- a crowd ---- */

enum { CROWD = 200 };
static weft_provider crowd[CROWD];
static const weft_provider *all[CROWD + 1];
static int count_open(const weft_none *in, thing **out) { (void)in; *out = weft_new(thing); if (*out) (*out)->id = opened++; return *out ? 0 : WEFT_ENOMEM; }
static int count_close(thing *t, int rc) { closed++; WEFT_CHECK_EQ(t->id, opened - closed); return rc; }

WEFT_TEST(many_providers_are_closed_in_the_reverse_order)
{
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (weft_provider)WEFT_PROVIDER(thing, weft_none, count_open, count_close);
        all[i] = &crowd[i];
    }
    const weft_app crowded = { .depends = all, .routes = WEFT_ROUTES(WEFT_GET("/", answer, status_in, int)) };
    opened = closed = 0;
    WEFT_CHECK_EQ(weft_test_get(&crowded, "/").status, 200);
    WEFT_CHECK_EQ(opened, CROWD);
    WEFT_CHECK_EQ(closed, CROWD);
}

/* ---- memory ---- */

static int filling(const all_in *in, weft_str *out)
{
    (void)in;
    WEFT_LIST(int) list = { 0 };
    for (int i = 0; i < 1 << 13; i++) weft_push(&list, i);
    *out = WEFT_S("x");
    return 0;
}
static int large(const all_in *in, weft_str *out) { (void)in; *out = weft_format("%9000s", "x"); return 0; }
static const weft_app filled = { .routes = WEFT_ROUTES(WEFT_GET("/list", filling, all_in, weft_str), WEFT_GET("/large", large, all_in, weft_str)) };

WEFT_TEST(an_output_that_finds_no_room_is_a_failure_that_closes_are_told)
{
    weft__shot shots[] = { { .bytes = WEFT_S("GET /list HTTP/1.1\r\nHost: a\r\n\r\n") }, { .bytes = WEFT_S("GET /large HTTP/1.1\r\nHost: a\r\n\r\n") } };
    opened = closed = 0;
    WEFT_CHECK(weft__test_fire(&filled, &(weft_serve_opts){ .request_bytes_max = 16 * 1024 }, shots, 2));
    WEFT_CHECK_EQ(shots[0].answer.status, 500);
    WEFT_CHECK_EQ(shots[1].answer.status, 500);
    WEFT_CHECK_EQ(opened, 6);
    WEFT_CHECK_EQ(closed, 6);
}

/* ---- many at the same time ---- */

enum { CLIENTS = 40 };
WEFT_INPUT(number_in, query(int, n));
static int number_open(const number_in *in, thing **out)
{
    WEFT_TRY(weft_sleep_ms(in->n * 7 % 30));
    *out = weft_new(thing);
    if (*out) (*out)->id = in->n;
    opened++;
    return *out ? 0 : WEFT_ENOMEM;
}
static int number_close(thing *t, int rc)
{
    WEFT_TRY(weft_sleep_ms(t->id * 11 % 30));
    closed++;
    return t->id % 10 == 3 ? weft_fail(400 + t->id, "%d", t->id) : rc;
}
static const weft_provider number = WEFT_PROVIDER(thing, number_in, number_open, number_close);
WEFT_INPUT(same_in, query(int, n), depends(thing, t, number));
static int same(const same_in *in, int *out)
{
    WEFT_TRY(weft_sleep_ms(in->n * 13 % 30));
    *out = in->t->id;
    return in->t->id == in->n ? 0 : weft_fail(500, "another's");
}
static const weft_app numbers = { .routes = WEFT_ROUTES(WEFT_GET("/", same, same_in, int)) };

WEFT_TEST(requests_at_the_same_time_have_providers_of_their_own)
{
    static char bytes[CLIENTS][64];
    weft__shot shots[CLIENTS];
    opened = closed = 0;
    for (int i = 0; i < CLIENTS; i++) {
        int n = snprintf(bytes[i], sizeof bytes[i], "GET /?n=%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        shots[i] = (weft__shot){ .bytes = { bytes[i], (size_t)n }, .start_ms = i % 5, .leave_ms = i % 7 == 6 ? 20 : 0 };
    }
    WEFT_CHECK(weft__test_fire(&numbers, NULL, shots, CLIENTS));
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 7 == 6) continue;
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        WEFT_CHECK_EQ(shots[i].answer.status, i % 10 == 3 ? 400 + i : 200);
        if (i % 10 != 3) WEFT_CHECK_STR(shots[i].answer.body, text);
    }
    WEFT_CHECK_EQ(opened, closed);
}
