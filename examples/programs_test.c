/* What the small programs here print, and when: each runs as a whole, its main included, in virtual time. A line of the
 * expected text begins with the millisecond at which the program writes it. */
#include <weft.h>

int analogy_main(void);
int await_main(void);
int caught_main(void);
int gather_main(void);
int hello_main(void);
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
        "2000 Task One completed, Task Two completed\n"
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
        "870 the deadline passed\n", with_main);
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
