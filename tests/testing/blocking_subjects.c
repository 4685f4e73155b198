/* Tests of an application whose handlers hold the loop on purpose: what blocking_test.c runs. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "weft/test.h"

static int64_t computed_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How long, in units that the environment makes longer, as it does the limit. */
static int64_t ms_of(int units)
{
    const char *slower = getenv("WEFT_TEST_SLOWER");
    return (int64_t)units * (slower ? atoi(slower) : 1);
}

WEFT_INPUT(waits_in, query(int, units));

static int sleeps_in_libc(const waits_in *in, int *out)
{
    *out = usleep((useconds_t)ms_of(in->units) * 1000);
    return 0;
}

static int computes(const waits_in *in, int *out)
{
    volatile int n = 0;
    for (int64_t end = computed_ms() + ms_of(in->units); computed_ms() < end;)
        for (int i = 0; i < 1000000; i++) n++;
    *out = n > 0;
    return 0;
}

static int waits(const waits_in *in, int *out)
{
    *out = 1;
    return weft_sleep_ms(ms_of(in->units));
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/sleeps", sleeps_in_libc, waits_in, int),
    WEFT_GET("/computes", computes, waits_in, int),
    WEFT_GET("/waits", waits, waits_in, int)) };

WEFT_TEST(a_handler_sleeps) { WEFT_CHECK_EQ(weft_test_get(&app, "/sleeps?units=600").status, 200); }
WEFT_TEST(a_handler_computes) { WEFT_CHECK_EQ(weft_test_get(&app, "/computes?units=900").status, 200); }
WEFT_TEST(a_handler_sleeps_shortly)
{
    for (int i = 0; i < 10; i++) WEFT_CHECK_EQ(weft_test_get(&app, "/sleeps?units=40").status, 200);
}
WEFT_TEST(a_handler_waits) { WEFT_CHECK_EQ(weft_test_get(&app, "/waits?units=10000").status, 200); }
WEFT_TEST(blocking_is_allowed)
{
    weft_test_allow_blocking(-1);
    WEFT_CHECK_EQ(weft_test_get(&app, "/sleeps?units=600").status, 200);
}
WEFT_TEST(blocking_is_allowed_for_longer)
{
    weft_test_allow_blocking((int)ms_of(2000));
    WEFT_CHECK_EQ(weft_test_get(&app, "/sleeps?units=600").status, 200);
}
WEFT_TEST(blocking_is_allowed_for_less)
{
    weft_test_allow_blocking((int)ms_of(150));
    WEFT_CHECK_EQ(weft_test_get(&app, "/sleeps?units=600").status, 200);
}
WEFT_TEST(the_test_itself_takes_its_time_between_requests)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/waits?units=1").status, 200);
    usleep((useconds_t)ms_of(300) * 1000);
    WEFT_CHECK_EQ(weft_test_get(&app, "/waits?units=1").status, 200);
}
