/* Requests over time: upstreams, deadlines, clients that leave, many at once. Time is virtual. */
#include <stdlib.h>
#include <unistd.h>
#include "os/sim.h"
#include "pairs.h"
#include "task/world.h"
#include "testing/client.h"

WEFT_MODEL(Flight, field(weft_str, number), field(double, price));
WEFT_MODEL(Hotel, field(weft_str, name), field(int, stars));
WEFT_MODEL(Trip, field(weft_str, destination), list(Flight, flights), list(Hotel, hotels));
WEFT_INPUT(search_in, query(weft_str, destination, .max_len = 64));
WEFT_INPUT(to_in, query(weft_str, to));
WEFT_INPUT(city_in, query(weft_str, city));

/* ---- two upstreams ---- */

static int fetch_flights(const search_in *in, weft_list_Flight *out)
{
    return weft_fetch(weft_list_Flight, out, "http://flights.example/flights?to={}", in->destination);
}

static int fetch_hotels(const search_in *in, weft_list_Hotel *out)
{
    return weft_fetch(weft_list_Hotel, out, "http://hotels.example:8080/hotels?city={}", in->destination);
}

static int search(const search_in *in, Trip *out)
{
    out->destination = in->destination;
    return weft_gather(weft_call(fetch_flights, in, &out->flights), weft_call(fetch_hotels, in, &out->hotels));
}

static int slow_flights(const to_in *in, weft_list_Flight *out)
{
    WEFT_TRY(weft_sleep_ms(2000));
    weft_push(out, (Flight){ weft_format("%.*s-1", WEFT_FMT(in->to)), 99.5 });
    return 0;
}

static int slow_hotels(const city_in *in, weft_list_Hotel *out)
{
    (void)in;
    WEFT_TRY(weft_sleep_ms(3000));
    weft_push(out, (Hotel){ WEFT_S("Ritz"), 5 });
    return 0;
}

static int no_hotels(const city_in *in, weft_list_Hotel *out)
{
    (void)in;
    (void)out;
    WEFT_TRY(weft_sleep_ms(100));
    return weft_fail(503, "closed");
}

static const weft_app travel = { .routes = WEFT_ROUTES(WEFT_GET("/search/", search, search_in, Trip)) };
static const weft_app flights = { .routes = WEFT_ROUTES(WEFT_GET("/flights", slow_flights, to_in, weft_list_Flight)) };
static const weft_app hotels = { .routes = WEFT_ROUTES(WEFT_GET("/hotels", slow_hotels, city_in, weft_list_Hotel)) };
static const weft_app closed = { .routes = WEFT_ROUTES(WEFT_GET("/hotels", no_hotels, city_in, weft_list_Hotel)) };

WEFT_TEST(two_upstreams_of_2_and_3_seconds_take_3)
{
    weft_test_upstream("flights.example", &flights);
    weft_test_upstream("hotels.example:8080", &hotels);
    weft_response r = weft_test_get(&travel, "/search/?destination=Nice%20%26c");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "destination": "Nice &c", "flights": [{ "number": "Nice &c-1", "price": 99.5 }], "hotels": [{ "name": "Ritz", "stars": 5 }] });
    WEFT_CHECK_EQ(weft_test_ms(), 3000);
    WEFT_CHECK_EQ(weft_test_get(&travel, "/search/?destination=Rome").status, 200);
    WEFT_CHECK_EQ(weft_test_ms(), 6000);
}

WEFT_TEST(an_upstream_that_fails_ends_its_sibling_and_is_a_502)
{
    weft_test_upstream("flights.example", &flights);
    weft_test_upstream("hotels.example:8080", &closed);
    weft_response r = weft_test_get(&travel, "/search/?destination=Rome");
    WEFT_CHECK_EQ(r.status, 502);
    WEFT_CHECK_EQ(weft_test_ms(), 100);
}

WEFT_TEST(an_upstream_that_is_not_there_is_a_502)
{
    weft_test_upstream("hotels.example:8080", &hotels);
    WEFT_CHECK_EQ(weft_test_get(&travel, "/search/?destination=Rome").status, 502);
}

WEFT_TEST(a_later_upstream_of_the_same_name_replaces_the_first)
{
    weft_test_upstream("flights.example", &flights);
    weft_test_upstream("hotels.example:8080", &closed);
    weft_test_upstream("hotels.example:8080", &hotels);
    WEFT_CHECK_EQ(weft_test_get(&travel, "/search/?destination=Rome").status, 200);
}

/* ---- passing an answer on ---- */

WEFT_INPUT(any_in, path(weft_str, id));
static int missing(const any_in *in, weft_reply *out)
{
    WEFT_TRY(weft_reply_header(out, "X-Secret", "kept to itself"));
    if (weft_str_equal(in->id, WEFT_S("text"))) return weft_reply_text(out, WEFT_S("some text"));
    return weft_fail(404, "no %.*s", WEFT_FMT(in->id));
}

static int proxy(const any_in *in, weft_reply *out)
{
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (), "http://inner.example/{}", in->id));
    return weft_reply_response(out, &r);
}

static const weft_app inner = { .routes = WEFT_ROUTES(WEFT_GET("/{id}", missing, any_in, weft_reply)) };
static const weft_app outer = { .routes = WEFT_ROUTES(WEFT_GET("/proxy/{id}", proxy, any_in, weft_reply)) };

WEFT_TEST(an_answer_is_passed_on_with_its_status_type_and_body)
{
    weft_test_upstream("inner.example", &inner);
    weft_response r = weft_test_get(&outer, "/proxy/a%2Fb");
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_JSON(r.body, { "detail": "no a/b" });
    r = weft_test_get(&outer, "/proxy/text");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(weft_response_header(&r, "Content-Type"), "text/plain; charset=utf-8");
    WEFT_CHECK_STR(r.body, "some text");
    WEFT_CHECK_EQ(weft_response_header(&r, "X-Secret").len, 0);
}

/* ---- clients that leave ---- */

static int began, ended, cancelled;

static int wait_long(void)
{
    began++;
    int rc = weft_sleep_ms(5000);
    if (rc == WEFT_ECANCELED) cancelled++;
    else ended++;
    return rc;
}

static int long_get(const weft_none *in, int *out) { (void)in; *out = 1; return wait_long(); }
static int long_post(const weft_none *in, int *out) { (void)in; *out = 1; return wait_long(); }
static int kept_get(const weft_none *in, int *out) { (void)in; *out = 1; return wait_long(); }
static int left_post(const weft_none *in, int *out) { (void)in; *out = 1; return wait_long(); }

static const weft_app waits = { .routes = WEFT_ROUTES(
    WEFT_GET("/get", long_get, weft_none, int),
    WEFT_POST("/post", long_post, weft_none, int),
    WEFT_GET("/kept", kept_get, weft_none, int, .keep_when_client_leaves = true),
    WEFT_POST("/left", left_post, weft_none, int, .cancel_when_client_leaves = true)) };

static const char *leave(const char *method, const char *path)
{
    char bytes[128];
    int n = snprintf(bytes, sizeof bytes, "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", method, path);
    weft__shot shot = { .bytes = { bytes, (size_t)n }, .leave_ms = 100 };
    world_capture_begin();
    WEFT_CHECK(weft__test_fire(&waits, NULL, &shot, 1));
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(shot.answer.status, 0);
    WEFT_CHECK_EQ(shot.took_ms, 100);
    WEFT_CHECK_EQ(began, 1);
    WEFT_CHECK_STR(weft_str_of(log), "");
    return log;
}

WEFT_TEST(a_get_handler_is_cancelled_when_its_client_leaves)
{
    leave("GET", "/get");
    WEFT_CHECK_EQ(cancelled, 1);
    WEFT_CHECK_EQ(weft_test_ms(), 100);
}

WEFT_TEST(a_head_request_is_cancelled_as_well)
{
    leave("HEAD", "/get");
    WEFT_CHECK_EQ(cancelled, 1);
}

WEFT_TEST(a_post_handler_runs_to_its_end_when_its_client_leaves)
{
    leave("POST", "/post");
    WEFT_CHECK_EQ(ended, 1);
}

WEFT_TEST(a_get_handler_that_is_to_be_kept_runs_to_its_end)
{
    leave("GET", "/kept");
    WEFT_CHECK_EQ(ended, 1);
}

WEFT_TEST(a_post_handler_that_opted_in_is_cancelled)
{
    leave("POST", "/left");
    WEFT_CHECK_EQ(cancelled, 1);
}

/* ---- many at once ---- */

WEFT_INPUT(nth_in, path(int, n));
WEFT_MODEL(Nth, field(int, n), field(weft_str, text), list(int, all));
static int running, most;

static int nth(const nth_in *in, Nth *out)
{
    if (++running > most) most = running;
    out->n = in->n;
    out->text = weft_format("number %d", in->n);
    for (int i = 0; i < in->n; i++) {
        weft_push(&out->all, i);
        if (i % 10 == 0) WEFT_TRY(weft_sleep_ms(1));
    }
    WEFT_TRY(weft_sleep_ms(200 - in->n));
    running--;
    return 0;
}

static const weft_app many = { .routes = WEFT_ROUTES(WEFT_GET("/nth/{n}", nth, nth_in, Nth)) };

static bool is_nth(weft_str body, int n)
{
    char want[2048];
    int len = snprintf(want, sizeof want, "{\"n\":%d,\"text\":\"number %d\",\"all\":[", n, n);
    for (int i = 0; i < n; i++) len += snprintf(want + len, sizeof want - (size_t)len, "%s%d", i ? "," : "", i);
    snprintf(want + len, sizeof want - (size_t)len, "]}");
    return weft__check_str(__FILE__, __LINE__, "body", body, want);
}

WEFT_TEST(a_hundred_requests_at_once_get_each_its_own_answer)
{
    enum { N = 100 };
    static weft__shot shots[N];
    static char bytes[N][64];
    for (int i = 0; i < N; i++) {
        int n = snprintf(bytes[i], sizeof bytes[i], "GET /nth/%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
        shots[i] = (weft__shot){ .bytes = { bytes[i], (size_t)n }, .start_ms = i % 7 };
    }
    WEFT_CHECK(weft__test_fire(&many, NULL, shots, N));
    WEFT_CHECK_EQ(most, N);
    for (int i = 0; i < N; i++) {
        WEFT_CHECK_EQ(shots[i].answer.status, 200);
        if (!is_nth(shots[i].answer.body, i)) break;
    }
    WEFT_CHECK(weft_test_ms() < 230);
}

/* ---- hostile bytes reach no handler ---- */

WEFT_TEST(what_is_no_request_is_refused_before_any_route)
{
    static const char *const bad[] = { "GET /nth/1 HTTP/1.1\r\n\r\n", "GET /nth/1\r\nHost: a\r\n\r\n", "GET nth/1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /nth/1 HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n", "GET /nth/\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /nth/1#x HTTP/1.1\r\nHost: a\r\n\r\n" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft__shot shot = { .bytes = weft_str_of(bad[i]) };
        WEFT_CHECK(weft__test_fire(&many, NULL, &shot, 1));
        WEFT_CHECK_EQ(shot.answer.status, 400);
    }
    WEFT_CHECK_EQ(most, 0);
}

WEFT_MODEL(Thing, field(weft_str, name), list(int, sizes), opt(double, price, .range = { 0, 9 }));
WEFT_INPUT(thing_in, path(weft_str, id), query(WEFT_OPT(int), n), query(WEFT_LIST(weft_str), tags, .initial = "[]"),
    header(WEFT_OPT(weft_str), x_token), body(Thing, thing));
static int thing(const thing_in *in, Thing *out) { *out = in->thing; return 0; }
static const weft_app things = { .routes = WEFT_ROUTES(
    WEFT_PUT("/things/{id}", thing, thing_in, Thing), WEFT_PUT("/v{id}/x", thing, thing_in, Thing)) };

/* Requests with some bytes changed, left out or doubled: each is answered, none with a fault of ours. */
WEFT_TEST(mangled_requests_are_answered_without_harm)
{
    enum { ROUNDS = 60, N = 16 };
    static const char good[] = "PUT /things/a%20b?n=3&tags=a&tags=%C3%BC HTTP/1.1\r\nHost: a\r\nX-Token: t\r\n"
        "Content-Type: application/json\r\nContent-Length: 59\r\nConnection: close\r\n\r\n"
        "{\"name\":\"\\u00fc\\n\",\"sizes\":[1,-2,3e0],\"price\":1.5,\"x\":[{}]}";
    static const char odd[] = "%{}[]\",:\\ \r\n0/?&=+\x01\xff";
    static char bytes[N][512];
    uint32_t seed = 11;
    int fine = 0;
    for (int round = 0; round < ROUNDS; round++) {
        weft__shot shots[N] = { 0 };
        for (int i = 0; i < N; i++) {
            size_t len = sizeof good - 1;
            memcpy(bytes[i], good, len);
            for (int changes = i % 4; changes; changes--) {
                seed = seed * 1664525u + 1013904223u;
                size_t at = (seed >> 8) % (len - 1);
                if (seed >> 30 == 0) memmove(bytes[i] + at, bytes[i] + at + 1, --len - at);
                else if (seed >> 30 == 1) memmove(bytes[i] + at + 1, bytes[i] + at, len++ - at);
                else bytes[i][at] = odd[(seed >> 4) % (sizeof odd - 1)];
            }
            shots[i].bytes = (weft_str){ bytes[i], len };
        }
        WEFT_NEED(weft__test_fire(&things, NULL, shots, N));
        for (int i = 0; i < N; i++) {
            int status = shots[i].answer.status;
            fine += status == 200;
            bool ours = status < 200 || (status >= 500 && status != 501 && status != 505);
            if (WEFT_CHECK(!ours)) continue;
            fprintf(stderr, "    status %d of: %.*s\n", status, WEFT_FMT(shots[i].bytes));
        }
    }
    WEFT_CHECK(fine >= ROUNDS * N / 4);
}

/* ---- the world of a test ---- */

static int sleepy(const weft_none *in, int *out) { (void)in; *out = 1; return weft_sleep_ms(365LL * 24 * 3600 * 1000); }
static const weft_app year = { .routes = WEFT_ROUTES(WEFT_GET("/", sleepy, weft_none, int, .timeout_ms = 0)) };

WEFT_TEST(a_year_of_waiting_costs_nothing)
{
    WEFT_CHECK_EQ(weft_test_get(&year, "/").status, 200);
    WEFT_CHECK_EQ(weft_test_ms(), 365LL * 24 * 3600 * 1000);
}

/* The first leaves upstreams and six seconds behind; the others would notice. */
WEFT_TEST(tests_that_share_a_process_have_worlds_of_their_own)
{
    char self[512] = { 0 }, command[800], said[4096] = { 0 };
    WEFT_NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(command, sizeof command, "%s --no-fork two_upstreams_of_2_and_3 an_upstream_that_is_not_there a_year_of_waiting 2>&1", self);
    FILE *f = popen(command, "r");
    WEFT_NEED(f != NULL);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    WEFT_CHECK_EQ(pclose(f), 0);
    if (!WEFT_CHECK(strstr(said, "3 passed, 0 failed, 0 skipped\n") != NULL)) puts(said);
}

WEFT_TEST(nothing_of_a_test_stays_open)
{
    weft_test_upstream("flights.example", &flights);
    weft_test_upstream("hotels.example:8080", &hotels);
    WEFT_CHECK_EQ(weft_test_get(&travel, "/search/?destination=Rome").status, 200);
    WEFT_CHECK_EQ(weft_test_get(&many, "/nth/3").status, 200);
    WEFT_CHECK(weft__sim_open_fds(weft__test_os()) <= 2);    /* the client's pooled connections end with the loop */
}
