/* The services are applications of this test, under the names and ports that practice.c asks; time is virtual. */
#include <string.h>
#include <weft.h>

extern const weft_app app;

WEFT_MODEL(Degrees, field(double, value));
WEFT_INPUT(city_in, query(weft_str, city));

static int warm(const city_in *in, Degrees *out) { out->value = in->city.ptr[0] == 'O' ? 10 : 99; return weft_sleep_ms(100); }
static int cold(const city_in *in, Degrees *out) { (void)in; out->value = 4; return weft_sleep_ms(200); }
static int never(const city_in *in, Degrees *out) { (void)in; (void)out; return weft_sleep_ms(3600 * 1000); }

static const weft_app warm_service = { .routes = WEFT_ROUTES(WEFT_GET("/temperature", warm, city_in, Degrees)) };
static const weft_app cold_service = { .routes = WEFT_ROUTES(WEFT_GET("/temperature", cold, city_in, Degrees)) };
static const weft_app hung_service = { .routes = WEFT_ROUTES(WEFT_GET("/temperature", never, city_in, Degrees)) };

static void services(void)
{
    weft_test_upstream("localhost:8001", &warm_service);
    weft_test_upstream("localhost:8002", &cold_service);
    weft_test_upstream("localhost:8003", &hung_service);
}

WEFT_TEST(without_any_service_nothing_is_kept)
{
    weft_response r = weft_test_post(&app, "/reports/?city=Oslo", NULL);
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_EQ(weft_test_get(&app, "/reports/1").status, 404);
    WEFT_CHECK_EQ(weft_test_ws_status(weft_test_ws_open(&app, "/reports/1/progress")), 404);
    WEFT_CHECK_EQ(weft_test_post(&app, "/reports/?city=", NULL).status, 422);
}

WEFT_TEST(services_are_asked_at_once_and_one_that_hangs_costs_the_deadline_alone)
{
    services();
    weft_response r = weft_test_post(&app, "/reports/?city=Oslo", NULL);
    WEFT_CHECK_EQ(r.status, 202);
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/reports/1");
    WEFT_CHECK_JSON(r.body, { "id": 1, "city": "Oslo", "state": "waiting", "percent": 0,
        "answers": [{ "source": "alfa", "value": 10 }, { "source": "beta", "value": 4 }], "failed": ["gama"], "mean": null });
    WEFT_CHECK(weft_test_ms() >= 2000 && weft_test_ms() < 2100);
}

WEFT_TEST(the_report_is_worked_on_behind_the_answer_and_kept)
{
    services();
    WEFT_CHECK_EQ(weft_test_post(&app, "/reports/?city=Oslo", NULL).status, 202);
    WEFT_CHECK_JSON(weft_test_get(&app, "/reports/1").body, { "id": 1, "city": "Oslo", "state": "done", "percent": 100,
        "answers": [{ "source": "alfa", "value": 10 }, { "source": "beta", "value": 4 }], "failed": ["gama"], "mean": 7 });
}

static void hear(weft_test_ws *w, const char *expected)
{
    weft_str msg = WEFT_S("");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg, .within_ms = 5000), 1);
    WEFT_CHECK_STR(msg, expected);
}

WEFT_TEST(who_listens_hears_how_far_it_is_as_it_happens_and_who_comes_late_what_it_is)
{
    services();
    weft_test_serve();
    WEFT_CHECK_EQ(weft_test_post(&app, "/reports/?city=Oslo", NULL).status, 202);
    int64_t from = weft_test_ms();
    weft_test_ws *early = weft_test_ws_open(&app, "/reports/1/progress");
    hear(early, "{\"state\":\"waiting\",\"percent\":0}");
    hear(early, "{\"state\":\"working\",\"percent\":33}");
    WEFT_CHECK(weft_test_ms() - from >= 1000 && weft_test_ms() - from < 1100);
    weft_test_ws *late = weft_test_ws_open(&app, "/reports/1/progress");
    hear(late, "{\"state\":\"working\",\"percent\":33}");
    hear(early, "{\"state\":\"working\",\"percent\":66}");
    hear(early, "{\"state\":\"done\",\"percent\":100}");
    hear(late, "{\"state\":\"working\",\"percent\":66}");
    hear(late, "{\"state\":\"done\",\"percent\":100}");
    WEFT_CHECK(weft_test_ms() - from >= 2000 && weft_test_ms() - from < 2100);
    weft_test_ws *after = weft_test_ws_open(&app, "/reports/1/progress");
    weft_str msg;
    hear(after, "{\"state\":\"done\",\"percent\":100}");
    WEFT_CHECK_EQ(weft_test_ws_recv(after, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(after), 1000);
    WEFT_CHECK_EQ(weft_test_ws_close(early, 1000), 1000);
}

WEFT_TEST(a_listener_that_leaves_stops_nothing)
{
    services();
    weft_test_serve();
    WEFT_CHECK_EQ(weft_test_post(&app, "/reports/?city=Oslo", NULL).status, 202);
    weft_test_ws *w = weft_test_ws_open(&app, "/reports/1/progress");
    hear(w, "{\"state\":\"waiting\",\"percent\":0}");
    weft_test_ws_leave(w);
    weft_test_sleep(3000);
    WEFT_CHECK(strstr(weft_test_get(&app, "/reports/1").body.ptr, "\"done\"") != NULL);
}
