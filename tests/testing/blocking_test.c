/* In the test kit a handler that holds the loop fails its test, and says where. */
#define _GNU_SOURCE
#include "os/unwind.h"
#include "subject.h"
#include "weft/check.h"

static outcome run(const char *args) { return run_subjects("WEFT_TEST_SLOWER=1", "weft-blocking-subjects", args); }

static bool names_are_known(void)
{
    weft__place p;
    weft__places_of((uintptr_t)names_are_known, &p, 1);
    return p.line > 0;
}

static void check_fails(const char *test, const char *route, const char *place)
{
    outcome o = run(test);
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "the loop was blocked "));
    WEFT_CHECK(says(&o, route));
    WEFT_CHECK(says(&o, "weft_test_allow_blocking("));
    if (names_are_known()) WEFT_CHECK(says(&o, place));
    WEFT_CHECK(says(&o, "0 passed, 1 failed"));
}

static void check_passes(const char *test)
{
    outcome o = run(test);
    if (!WEFT_CHECK_EQ(o.status, 0)) fputs(o.text, stderr);
    WEFT_CHECK(says(&o, "1 passed, 0 failed"));
}

WEFT_TEST(a_handler_that_sleeps_in_libc_fails_the_test)
{
    check_fails("a_handler_sleeps --without shortly", " ms: GET /sleeps in ", "sleeps_in_libc (blocking_subjects.c:");
}

WEFT_TEST(a_handler_that_computes_for_long_fails_the_test)
{
    check_fails("a_handler_computes", " ms: GET /computes", "computes (blocking_subjects.c:");
}

WEFT_TEST(many_short_blocks_do_not_fail_a_test) { check_passes("a_handler_sleeps_shortly"); }
WEFT_TEST(a_handler_that_waits_does_not_fail_the_test) { check_passes("a_handler_waits"); }
WEFT_TEST(a_test_may_allow_blocking) { check_passes("blocking_is_allowed --without for_"); }
WEFT_TEST(a_test_may_allow_blocking_up_to_a_limit) { check_passes("blocking_is_allowed_for_longer"); }
WEFT_TEST(a_block_past_what_a_test_allows_fails_it)
{
    check_fails("blocking_is_allowed_for_less", " ms: GET /sleeps", "sleeps_in_libc (blocking_subjects.c:");
}
WEFT_TEST(time_between_requests_is_the_tests_own) { check_passes("the_test_itself_takes_its_time"); }
