/* In the test kit what outlives its cancel fails its test, which does not go on, and is named. */
#include "subject.h"

static void check_fails(const char *test, const char *what, const char *task)
{
    outcome o = run_subjects("WEFT_TEST_SLOWER=1", "weft-outliving-subjects", test);
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, what));
    WEFT_CHECK(says(&o, task));
    WEFT_CHECK(says(&o, "0 passed, 1 failed"));
    WEFT_CHECK(!strstr(o.text, "went on"));
    WEFT_CHECK(!strstr(o.text, "killed by"));
}

WEFT_TEST(a_background_task_that_ignores_its_cancel_fails_the_test_and_is_named)
{
    check_fails("a_background_task_shields", "a background task ignores its cancel, and the test cannot go on", "shielded");
    check_fails("a_background_task_ignores", "a background task ignores its cancel, and the test cannot go on", "never_ends");
}

WEFT_TEST(a_handler_that_ignores_its_cancel_fails_the_test_and_is_named)
{
    check_fails("a_handler_ignores_its_cancel --without others", "a handler ignores its cancel, and the test cannot go on", "GET /streams");
    check_fails("a_handler_ignores_its_cancel_while", "a handler ignores its cancel, and the test cannot go on", "GET /streams");
}

WEFT_TEST(a_close_that_ignores_its_cancel_fails_the_test_and_is_named)
{
    check_fails("a_close_per_worker", "a provider per worker ignores that the time for its close is over: thing_open, and the test cannot go on", "weft: 1 task");
}
