/* Whole programs and task functions in a test's world. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "weft.h"

static int two_lines(void)
{
    printf("one\n");
    WEFT_TRY(weft_sleep_ms(1500));
    printf("two\n");
    return 0;
}

static int plain_main(void) { return weft_run(two_lines); }

WEFT_TEST(a_program_runs_in_virtual_time_and_each_line_has_its_own)
{
    weft_test_result r = weft_test_program(plain_main);
    WEFT_CHECK_EQ(r.status, 0);
    WEFT_CHECK_EQ(r.ms, 1500);
    WEFT_CHECK_STR(r.out, "one\ntwo\n");
    WEFT_CHECK_STR(r.timed, "0 one\n1500 two\n");
    WEFT_CHECK_STR(r.err, "");
}

WEFT_TEST(a_second_program_begins_at_0_in_the_same_world)
{
    WEFT_CHECK_EQ(weft_test_program(plain_main).ms, 1500);
    weft_test_result r = weft_test_program(plain_main);
    WEFT_CHECK_STR(r.timed, "0 one\n1500 two\n");
    WEFT_CHECK_EQ(r.ms, 1500);
    WEFT_CHECK_EQ(weft_test_ms(), 3000);
}

static int pieces(void)
{
    printf("no line yet");
    WEFT_TRY(weft_sleep_ms(10));
    printf(", now\nand none");
    WEFT_TRY(weft_sleep_ms(10));
    WEFT_CHECK_EQ(write(STDOUT_FILENO, " by write", 9), 9);
    return 0;
}

static int pieces_main(void)
{
    printf("before\n");
    int status = weft_run(pieces);
    printf("\nafter\n");
    return status + 7;
}

WEFT_TEST(a_line_is_as_old_as_its_end_and_main_writes_too)
{
    weft_test_result r = weft_test_program(pieces_main);
    WEFT_CHECK_EQ(r.status, 7);
    WEFT_CHECK_STR(r.timed, "0 before\n10 no line yet, now\n20 and none by write\n20 after\n");
}

static int fails(void) { return weft_fail(404, "no such thing"); }
static int failing_main(void) { return weft_run(fails); }

WEFT_TEST(a_program_that_fails_says_so_on_its_stderr)
{
    weft_test_result r = weft_test_program(failing_main);
    WEFT_CHECK_EQ(r.status, 1);
    WEFT_CHECK(strncmp(r.err.ptr, "weft: fails failed: no such thing\nat ", 37) == 0);
    WEFT_CHECK_STR(r.out, "");
    WEFT_CHECK_STR(r.timed, "");
}

static int day(void) { return weft_sleep_ms(24 * 3600 * 1000); }
static int leaves_a_task(void)
{
    WEFT_SCOPE(s);
    weft_spawn(s, day);
    return weft_sleep_ms(5);
}
static int leaving_main(void) { return weft_run(leaves_a_task); }

WEFT_TEST(a_program_that_leaves_a_task_is_told)
{
    weft_test_result r = weft_test_program(leaving_main);
    WEFT_CHECK_EQ(r.status, 0);
    WEFT_CHECK_EQ(r.ms, 5);
    WEFT_CHECK(strstr(r.err.ptr, "tasks left over at the end of leaves_a_task") != NULL);
    WEFT_CHECK(strstr(r.err.ptr, "day") != NULL);
}

static int said_by(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) printf("%s\n", argv[i]);
    WEFT_CHECK(argv[argc] == NULL);
    argv[argc - 1][0] = '!';
    return argc;
}

WEFT_TEST(a_program_has_its_arguments)
{
    weft_test_result r = weft_test_program(said_by, "a", "b c");
    WEFT_CHECK_EQ(r.status, 3);
    WEFT_CHECK_STR(r.out, "said_by\na\nb c\n");
    WEFT_CHECK_STR(weft_test_program(said_by).out, "said_by\n");
}

static int prints_much(void)
{
    for (int i = 0; i < 300000; i++) printf("%d\n", i);
    return 0;
}

WEFT_TEST(of_a_flood_the_first_mebibyte_is_kept)
{
    weft_test_result r = weft_test_program(prints_much);
    WEFT_CHECK_EQ(r.status, 0);
    WEFT_CHECK_EQ(r.out.len, 1 << 20);
    WEFT_CHECK(strncmp(r.timed.ptr, "0 0\n0 1\n0 2\n", 12) == 0);
}

/* ---- the world around it ---- */

static int answer(const weft_none *in, int *out)
{
    (void)in;
    WEFT_TRY(weft_sleep_ms(3000));
    *out = 42;
    return 0;
}
static const weft_app service = { .routes = WEFT_ROUTES(WEFT_GET("/answer", answer, weft_none, int)) };

static int asks(void)
{
    int got = 0;
    WEFT_TRY(weft_fetch(int, &got, "http://service.example/answer"));
    printf("%d\n", got);
    return 0;
}
static int asking_main(void) { return weft_run(asks); }

WEFT_TEST(a_program_asks_the_upstreams_of_its_test)
{
    weft_test_upstream("service.example", &service);
    weft_test_result r = weft_test_program(asking_main);
    WEFT_CHECK_STR(r.timed, "3000 42\n");
    WEFT_CHECK_EQ(r.ms, 3000);
    WEFT_CHECK_STR(r.err, "");
}

WEFT_TEST(a_program_that_asks_nobody_fails)
{
    weft_test_result r = weft_test_program(asking_main);
    WEFT_CHECK_EQ(r.status, 1);
    WEFT_CHECK(strstr(r.err.ptr, "service.example") != NULL);
}

static int double_it(const int *in, int *out)
{
    if (*in < 0) return weft_fail(422, "%d is too small", *in);
    *out = *in * 2;
    return weft_sleep_ms(*in);
}

WEFT_TEST(a_task_function_runs_in_the_world_of_the_test)
{
    int n = 300, twice = 0;
    WEFT_CHECK_EQ(weft_test_run(double_it, &n, &twice), 0);
    WEFT_CHECK_EQ(twice, 600);
    WEFT_CHECK_EQ(weft_test_ms(), 300);
    n = -1;
    int rc = weft_test_run(double_it, &n, &twice);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(422));
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "-1 is too small");
    weft_test_upstream("service.example", &service);
    WEFT_CHECK_EQ(weft_test_run(asks), 0);
}

static int save(void) { return weft_file_save("state", WEFT_S("kept")); }
static int load(void)
{
    weft_str text;
    WEFT_TRY(weft_file_text("state", 0, &text));
    WEFT_CHECK_STR(text, "kept");
    return 0;
}

WEFT_TEST(the_disk_of_a_world_is_its_own_and_is_kept)
{
    WEFT_CHECK_EQ(weft_test_run(load), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_test_run(save), 0);
    WEFT_CHECK_EQ(weft_test_run(load), 0);
    WEFT_CHECK_EQ(access("state", F_OK), -1);
}

static int nothing(void) { return 0; }
static int on_a_thread(void) { return weft_in_thread(nothing); }

WEFT_TEST(calls_on_threads_take_the_time_that_the_test_says)
{
    WEFT_CHECK_EQ(weft_test_run(on_a_thread), 0);
    WEFT_CHECK_EQ(weft_test_ms(), 0);
    weft_test_job_ms(70);
    WEFT_CHECK_EQ(weft_test_run(on_a_thread), 0);
    WEFT_CHECK_EQ(weft_test_ms(), 70);
}

/* ---- failures ---- */

/* weft-program-subjects lies in the folder testing beside this program. */
static bool fails_with(const char *test, const char *text)
{
    static char said[16384];
    char self[512] = { 0 }, command[1024];
    WEFT_NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    *strrchr(self, '/') = 0;
    snprintf(command, sizeof command, "CI= WEFT_TEST_SLOWER=1 %s/testing/weft-program-subjects %s 2>&1", self, test);
    FILE *f = popen(command, "r");
    WEFT_NEED(f != NULL);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    bool failed = pclose(f) != 0;
    if (failed && strstr(said, text)) return true;
    printf("no failure with '%s' in:\n%s\n", text, said);
    return false;
}

WEFT_TEST(a_check_that_fails_in_a_program_fails_the_test_and_is_shown)
{
    WEFT_CHECK(fails_with("checks_in_a_program", "expected 1 + 1 == 3"));
    WEFT_CHECK(fails_with("needs_in_a_program", "expected 1 > 2"));
}

WEFT_TEST(a_program_that_holds_the_loop_fails_its_test)
{
    WEFT_CHECK(fails_with("blocks_in_a_program", "the loop was blocked"));
}

WEFT_TEST(a_test_that_leaves_a_file_open_fails)
{
    WEFT_CHECK(fails_with("leaves_a_file_open", "1 descriptor is still open when the test ended"));
    WEFT_CHECK(!fails_with("closes_its_file", "still open"));
}

WEFT_TEST(a_test_that_waits_for_what_never_comes_fails_and_says_who_waits)
{
    WEFT_CHECK(fails_with("waits_for_what_never_comes", "nothing can wake what waits"));
    WEFT_CHECK(fails_with("waits_for_what_never_comes", "for flag never"));
}
