/* What the small programs here print, and when: each runs as a whole, its main included, in virtual time. A line of the
 * expected text begins with the millisecond at which the program writes it. */
#include <string.h>
#include <weft.h>

int aggregator_main(int argc, char **argv);
int analogy_main(void);
int await_main(void);
int caught_main(void);
int channel_main(void);
int errors_main(void);
int executor_main(void);
int files_main(void);
int futures_main(void);
int gather_main(void);
int hello_main(void);
int local_main(void);
int lock_main(void);
int race_main(void);
int read_file_main(int argc, char **argv);
int tasks_main(void);
int value_main(void);
int with_main(void);
int yield_main(void);

#define CHECK_RUN(expected_ms, expected, ...) do { \
    weft_test_result r = weft_test_program(__VA_ARGS__); \
    WEFT_CHECK_EQ(r.status, 0); \
    WEFT_CHECK_STR(r.err, ""); \
    WEFT_CHECK_STR(r.timed, expected); \
    WEFT_CHECK_EQ(r.ms, expected_ms); \
} while (0)

WEFT_TEST(hello)
{
    CHECK_RUN(1000,
        "0 Hello\n"
        "1000 World!\n", hello_main);
}

WEFT_TEST(value)
{
    CHECK_RUN(2000,
        "0 Fetching data...\n"
        "2000 Data fetched!\n"
        "2000 Data received\n", value_main);
}

WEFT_TEST(await)
{
    CHECK_RUN(3000,
        "0 Before await\n"
        "1000 Another task, step 1\n"
        "2000 Another task, step 2\n"
        "3000 After await\n", await_main);
}

WEFT_TEST(gather)
{
    CHECK_RUN(5000,
        "2000 Task One Complete, Task Two Complete\n"
        "5000 Task A completed\n"
        "5000 Task B completed\n"
        "5000 Task C completed\n", gather_main);
}

WEFT_TEST(tasks)
{
    CHECK_RUN(2000,
        "1000 Task B completed\n"
        "2000 Task A completed\n"
        "2000 3000 ms of work\n", tasks_main);
}

WEFT_TEST(with)
{
    CHECK_RUN(870,
        "100 well: opened\n"
        "110 well: used\n"
        "160 well: closed\n"
        "260 badly: opened\n"
        "320 badly: closed\n"
        "320 this one fails\n"
        "420 late: opened\n"
        "870 late: closed\n"
        "870 this one is too late\n", with_main);
}

WEFT_TEST(caught)
{
    CHECK_RUN(1000,
        "1000 Caught exception: An error occurred\n"
        "1000 Done, either way\n", caught_main);
}

static int write_example(void) { return weft_file_save("example.txt", WEFT_S("one\ntwo\n")); }

WEFT_TEST(read_file)
{
    WEFT_CHECK_EQ(weft_test_run(write_example), 0);
    CHECK_RUN(0, "0 one\n0 two\n", read_file_main);
    CHECK_RUN(0, "0 one\n0 two\n", read_file_main, "/example.txt");
}

WEFT_TEST(read_file_that_is_not_there)
{
    weft_test_result r = weft_test_program(read_file_main);
    WEFT_CHECK_EQ(r.status, 1);
    WEFT_CHECK_STR(r.out, "");
}

WEFT_TEST(analogy)
{
    CHECK_RUN(5000,
        "0 Cooking: the stove is on, the water heats up\n"
        "0 Cooking: meanwhile, vegetable 1 is chopped\n"
        "0 Phone: dialled, it rings\n"
        "0 Phone: meanwhile, shirt 1 is folded\n"
        "1500 Cooking: meanwhile, vegetable 2 is chopped\n"
        "2000 Phone: meanwhile, shirt 2 is folded\n"
        "3000 Cooking: meanwhile, vegetable 3 is chopped\n"
        "4000 Phone: they answer, we talk\n"
        "5000 Cooking: the water boils, in go the vegetables\n", analogy_main);
}

WEFT_TEST(yield)
{
    CHECK_RUN(0,
        "0 low: 1\n"
        "0 high: 100\n"
        "0 low: 3\n"
        "0 high: 201\n"
        "0 low: 6\n"
        "0 high: 303\n"
        "0 309\n", yield_main);
}

/* ---- three services ---- */

WEFT_MODEL(WeatherNow, field(weft_str, city), field(double, celsius));
WEFT_MODEL(StockNow, field(weft_str, symbol), field(double, price));
WEFT_MODEL(UserNow, field(int64_t, id), field(weft_str, name));

static int weather_ms, stock_ms, user_ms;

static int weather(const weft_none *in, WeatherNow *out)
{
    (void)in;
    *out = (WeatherNow){ WEFT_S("Oslo"), -3.5 };
    return weft_sleep_ms(weather_ms);
}

static int stock(const weft_none *in, StockNow *out)
{
    (void)in;
    *out = (StockNow){ WEFT_S("WEFT"), 12.25 };
    return weft_sleep_ms(stock_ms);
}

static int user(const weft_none *in, UserNow *out)
{
    (void)in;
    if (user_ms < 0) return weft_fail(503, "closed today");
    *out = (UserNow){ 7, WEFT_S("Ada") };
    return weft_sleep_ms(user_ms);
}

static const weft_app api = { .routes = WEFT_ROUTES(
    WEFT_GET("/weather", weather, weft_none, WeatherNow),
    WEFT_GET("/stock", stock, weft_none, StockNow),
    WEFT_GET("/user", user, weft_none, UserNow)) };

static void take(int weather, int stock, int user)
{
    weather_ms = weather, stock_ms = stock, user_ms = user;
    weft_test_upstream("api.example", &api);
}

WEFT_TEST(aggregator_three_times_three_seconds_are_three)
{
    take(3000, 3000, 3000);
    weft_test_result r = weft_test_program(aggregator_main, "http://api.example");
    WEFT_CHECK_EQ(r.status, 0);
    WEFT_CHECK_EQ(r.ms, 3000);
    WEFT_CHECK(strstr(r.timed.ptr, "3000 Processing data...\n3000 Weather: Oslo, -3.5 degrees\n") != NULL);
}

WEFT_TEST(aggregator_tells_each_as_it_arrives)
{
    take(3000, 1000, 2000);
    CHECK_RUN(3000,
        "1000 Stock data fetched\n"
        "2000 User info fetched\n"
        "3000 Weather data fetched\n"
        "3000 Processing data...\n"
        "3000 Weather: Oslo, -3.5 degrees\n"
        "3000 Stock: WEFT at 12.25\n"
        "3000 User Info: Ada (7)\n", aggregator_main, "http://api.example");
}

WEFT_TEST(aggregator_ends_with_the_first_failure)
{
    take(3000, 1000, -1);
    weft_test_result r = weft_test_program(aggregator_main, "http://api.example");
    WEFT_CHECK_EQ(r.status, 1);
    WEFT_CHECK_EQ(r.ms, 0);
    WEFT_CHECK_STR(r.out, "");
    WEFT_CHECK(strstr(r.err.ptr, "503") != NULL && strstr(r.err.ptr, "fetching from http://api.example") != NULL);
}

/* ---- threads and files ---- */

WEFT_TEST(executor)
{
    weft_test_job_ms(900);
    weft_test_allow_blocking(-1);        /* its print_pages sleeps, on its thread, which is this one here */
    CHECK_RUN(1800,
        "250 tick 1\n"
        "500 tick 2\n"
        "750 tick 3\n"
        "900 3 pages printed: 120 lines\n"
        "1800 2000000 terms: 0.693147\n", executor_main);
}

WEFT_TEST(futures)
{
    weft_test_job_ms(100);               /* four calls, two at a time */
    CHECK_RUN(200,
        "0 4 calls for 2 threads\n"
        "100 5! = 120\n"
        "100 10! = 3628800\n"
        "200 -1 has no factorial\n"
        "200 20! = 2432902008176640000\n", futures_main);
}

WEFT_TEST(files)
{
    CHECK_RUN(0,
        "0 100 orders: 7575.00\n"
        "0 cannot open /nowhere/orders.csv for reading: No such file or directory\n", files_main);
}

/* ---- between tasks ---- */

WEFT_TEST(channel)
{
    CHECK_RUN(900,
        "100 Ada did job 1\n"
        "100 all jobs are handed out\n"
        "200 Ben did job 2\n"
        "300 Cleo did job 3\n"
        "500 Ada did job 4\n"
        "700 Ben did job 5\n"
        "900 Cleo did job 6\n", channel_main);
}

WEFT_TEST(lock)
{
    CHECK_RUN(120,
        "20 the bank is open\n"
        "120 200 in the account\n", lock_main);
}

WEFT_TEST(race)
{
    CHECK_RUN(550,
        "100 the page is from gamma\n"
        "200 stored on gamma\n"
        "400 stored on alfa\n"
        "500 gamma is ready\n"
        "550 beta is not: beta has no port\n", race_main);
}

WEFT_TEST(local)
{
    CHECK_RUN(300,
        "20 [Ada] reserved\n"
        "30 [Ada] charged\n"
        "30 [Ada] done\n"
        "200 [Ben] reserved\n"
        "300 [Ben] charged\n"
        "300 [Ben] done\n"
        "300 [nobody] all orders are handled\n", local_main);
}

WEFT_TEST(errors)
{
    weft_test_result r = weft_test_program(errors_main);
    WEFT_CHECK_EQ(r.status, 1);
    WEFT_CHECK_STR(r.timed, "50 soup: number 1\n50 fish: 404 no dish has number 13\n50 cake: too late\n");
    WEFT_CHECK(strncmp(r.err.ptr, "weft: program failed: no dish has number 13\nat ", 47) == 0);
}
