#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/poison.h"
#include "subject.h"
#include "testing/folder.h"
#include "weft/check.h"

static outcome run(const char *environment, const char *args)
{
    char all[512];
    snprintf(all, sizeof all, "WEFT_SKIPS=/dev/null %s", environment);
    return run_subjects(all, "weft-test-subjects", args);
}

WEFT_TEST(a_passing_test_is_counted_and_silent)
{
    outcome o = run("", "passes");
    WEFT_CHECK_EQ(o.status, 0);
    WEFT_CHECK_STR(weft_str_of(o.text), "1 passed, 0 failed, 0 skipped\n");
}

WEFT_TEST(with_v_a_passing_test_and_its_output_are_shown)
{
    outcome o = run("", "-v passes");
    WEFT_CHECK(says(&o, "ok   passes ("));
    WEFT_CHECK(says(&o, "    said by the passing test\n"));
}

WEFT_TEST(a_failed_check_says_where_what_was_expected_and_what_came)
{
    outcome o = run("", "fails_twice");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "FAIL fails_twice ("));
    WEFT_CHECK(says(&o, "subjects.c:"));
    WEFT_CHECK(says(&o, "2 failed checks\n"));
    WEFT_CHECK(says(&o, ": expected one == 2\n"));
    WEFT_CHECK(says(&o, ": expected one + one == 3, got 2 and 3\n"));
    WEFT_CHECK(says(&o, "    said before the failure\n"));
    WEFT_CHECK(says(&o, "0 passed, 1 failed, 0 skipped\n"));
}

WEFT_TEST(texts_that_differ_are_shown_with_what_cannot_be_printed_escaped)
{
    outcome o = run("", "compares_text");
    WEFT_CHECK(says(&o, "differs at byte 5"));
    WEFT_CHECK(says(&o, "expected \"alfa\\x0a\" (5 bytes)"));
    WEFT_CHECK(says(&o, "got      \"alfa\\x0a\\x00bravo\" (11 bytes)"));
    outcome longer = run("", "compares_long_text");
    WEFT_CHECK(says(&longer, "differs at byte 70"));
    WEFT_CHECK(says(&longer, "...\"01234567890123456789012345678901234567890123456789X\"") || says(&longer, "9X\""));
}

WEFT_TEST(need_ends_the_test_at_once)
{
    outcome o = run("", "stops_at_need");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "expected wrong"));
    WEFT_CHECK(!strstr(o.text, "not reached"));
}

WEFT_TEST(a_skip_is_counted_with_its_reason)
{
    outcome o = run("", "skips");
    WEFT_CHECK_EQ(o.status, 0);
    WEFT_CHECK(says(&o, "skip skips ("));
    WEFT_CHECK(says(&o, "no such thing here"));
    WEFT_CHECK(says(&o, "0 passed, 0 failed, 1 skipped\n"));
}

WEFT_TEST(in_ci_a_skip_fails_unless_it_is_listed)
{
    outcome o = run("CI=true", "skips");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "tests/skips does not list it"));

    char path[64], environment[100];
    snprintf(path, sizeof path, "%s/skips", weft__test_folder(WEFT__ON_DISK));
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    WEFT_NEED(fd >= 0);
    snprintf(environment, sizeof environment, "CI=true WEFT_SKIPS=%s", path);
    WEFT_NEED(write(fd, "skip: another\nskips:\nskipsy: x\n", 31) == 31);
    o = run(environment, "skips");
    WEFT_CHECK_EQ(o.status, 1);      /* a line without a reason lists nothing */
    WEFT_NEED(write(fd, "skips: this machine\n", 20) == 20);
    o = run(environment, "skips");
    WEFT_CHECK_EQ(o.status, 0);
    close(fd);
}

WEFT_TEST(a_crash_fails_by_the_name_of_its_signal)
{
    outcome o = run("", "aborts passes");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "FAIL aborts"));
    WEFT_CHECK(says(&o, "SIGABRT"));
    WEFT_CHECK(says(&o, "1 passed, 1 failed, 0 skipped\n"));
    o = run("", "crashes");
    WEFT_CHECK(says(&o, "SIGSEGV") || says(&o, "SEGV on"));    /* ASan reports it by itself */
}

WEFT_TEST(a_test_that_hangs_is_ended_at_its_time_limit)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    outcome o = run("", "--timeout-s 1 hangs");
    clock_gettime(CLOCK_MONOTONIC, &after);
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "took longer than 1 s"));
    WEFT_CHECK(after.tv_sec - before.tv_sec < 10);
}

WEFT_TEST(a_test_that_ends_its_process_has_not_passed)
{
    outcome o = run("", "ends_the_process");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "the process ended before the test did, with exit status 0"));
}

WEFT_TEST(a_check_that_fails_in_a_forked_process_fails_the_test)
{
    outcome o = run("", "fails_in_a_child");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "expected 1 + 1 == 3"));
}

WEFT_TEST(processes_left_behind_are_ended_and_do_not_hang_the_runner)
{
    outcome o = run("", "--timeout-s 10 leaves_a_child");
    WEFT_CHECK_EQ(o.status, 0);
}

WEFT_TEST(a_test_that_closes_every_descriptor_is_still_judged)
{
    outcome o = run("", "--jobs 1 closes_every_descriptor fails_with_every_descriptor_closed");
    WEFT_CHECK(says(&o, "1 passed, 1 failed, 0 skipped\n"));
}

WEFT_TEST(a_flood_of_output_is_cut)
{
    outcome o = run("", "floods");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "lines, all with -v)\n"));
    WEFT_CHECK(strlen(o.text) < 4096);
    o = run("", "-v floods | wc -c");
    WEFT_CHECK(atol(o.text) > 200 * 1024 && atol(o.text) < 400 * 1024);
}

/* ---- files ---- */

static char *told_in(void)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/told", weft__test_folder(WEFT__ON_DISK));
    return path;
}

static const char *telling(void)
{
    static char environment[100];
    snprintf(environment, sizeof environment, "WEFT_SUBJECTS_TELL=%s", told_in());
    return environment;
}

/* The folders that were told have been there, and are gone. */
static void nothing_is_left(void)
{
    char folder[64];
    int n = 0;
    FILE *f = fopen(told_in(), "re");
    WEFT_NEED(f != NULL);
    for (; fscanf(f, "%63s", folder) == 1; n++) WEFT_CHECK(access(folder, F_OK) < 0);
    fclose(f);
    WEFT_CHECK_EQ(n, WEFT__FOLDERS);
}

WEFT_TEST(the_folders_of_a_test_go_with_it_however_it_ends)
{
    static const char *const ways[] = { "leaves_files --without and_", "leaves_files_and_is_killed", "--timeout-s 1 leaves_files_and_waits",
        "--no-fork leaves_files --without and_" };
    for (size_t i = 0; i < weft_count(ways); i++) {
        outcome o = run(telling(), ways[i]);
        WEFT_CHECK(says(&o, i % 3 ? "0 passed, 1 failed" : "1 passed, 0 failed"));
        nothing_is_left();
    }
}

/* `steps`: what a shell does with $p, the runner of a test. */
static outcome run_and(const char *test, const char *steps)
{
    char command[1024];
    char self[512] = { 0 };
    WEFT_NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    *strrchr(self, '/') = 0;
    snprintf(command, sizeof command, "CI= %s %s/testing/weft-test-subjects %s 2>&1 & p=$!; %s; wait $p; echo status $?",
        telling(), self, test, steps);
    return said_by(command);
}

WEFT_TEST(a_runner_that_is_told_to_end_ends_its_tests_first)
{
    char steps[200];
    snprintf(steps, sizeof steps, "until [ -s %s ]; do sleep 0.01; done; kill -TERM $p", told_in());
    outcome o = run_and("leaves_files_and_waits", steps);
    WEFT_CHECK(says(&o, "status 143\n"));
    nothing_is_left();
}

WEFT_TEST(what_is_not_a_tests_own_is_not_removed)
{
    char others[64], environment[100];
    snprintf(others, sizeof others, "%s/o", weft__test_folder(WEFT__ON_DISK));
    WEFT_NEED(mkdir(others, 0700) == 0);
    snprintf(environment, sizeof environment, "WEFT_SUBJECTS_TELL=%s", others);
    outcome o = run(environment, "claims_what_is_not_its_own");
    WEFT_CHECK(says(&o, "1 passed, 0 failed"));
    WEFT_CHECK_EQ(rmdir(others), 0);
}

WEFT_TEST(while_the_runner_stands_still_its_tests_have_time)
{
    outcome o = run_and("--timeout-s 1 takes_its_time", "sleep 0.1; kill -STOP $p; sleep 1.5; kill -CONT $p");
    WEFT_CHECK(says(&o, "1 passed, 0 failed, 0 skipped\nstatus 0\n"));
}

WEFT_TEST(a_leak_fails_where_leaks_are_looked_for)
{
    outcome o = run("", "leaks");
#ifdef WEFT__ASAN
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "4321 byte"));
#else
    WEFT_CHECK_EQ(o.status, 0);
#endif
}

WEFT_TEST(words_choose_tests_by_name_and_by_file)
{
    outcome o = run("", "--list passes skips");
    WEFT_CHECK(says(&o, "passes ("));
    WEFT_CHECK(says(&o, "skips ("));
    WEFT_CHECK(!strstr(o.text, "hangs"));
    o = run("", "--list subjects.c");
    WEFT_CHECK(says(&o, "hangs ("));
    WEFT_CHECK(strstr(o.text, "passes (") < strstr(o.text, "leaks ("));
    o = run("", "--list subjects.c --without hangs --without=passes");
    WEFT_CHECK(says(&o, "leaks ("));
    WEFT_CHECK(!strstr(o.text, "hangs (") && !strstr(o.text, "passes ("));
    o = run("", "--without subjects.c");
    WEFT_CHECK_EQ(o.status, 1);
    o = run("", "no_such_test");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "no test has 'no_such_test'"));
}

WEFT_TEST(without_fork_tests_run_in_the_runner_itself)
{
    outcome o = run("", "--no-fork passes fails_twice");
    WEFT_CHECK_EQ(o.status, 1);
    WEFT_CHECK(says(&o, "run  passes"));
    WEFT_CHECK(says(&o, "1 passed, 1 failed, 0 skipped\n"));
}

WEFT_TEST(a_wrong_option_is_named_and_ends_with_2)
{
    static const struct { const char *args, *message; } wrong[] = {
        { "--frobnicate", "unknown option '--frobnicate'; --help lists them" },
        { "--jobs", "--jobs: expected a number from 1 to 64, got 'nothing'" },
        { "--jobs 0", "got '0'" }, { "--jobs=65", "got '65'" }, { "--jobs 2x", "got '2x'" },
        { "--jobs=", "got ''" }, { "--without", "--without: expected a word" }, { "--timeout-s -3", "got '-3'" }, { "--jobsy 3", "unknown option '--jobsy'" },
    };
    for (size_t i = 0; i < weft_count(wrong); i++) {
        outcome o = run("", wrong[i].args);
        WEFT_CHECK_EQ(o.status, 2);
        WEFT_CHECK(says(&o, wrong[i].message));
    }
}

WEFT_TEST(help_lists_every_option)
{
    outcome o = run("", "--help");
    WEFT_CHECK_EQ(o.status, 0);
    static const char *const options[] = { "--list", "-v", "--jobs", "--timeout-s", "--no-fork", "--without", "WEFT_SKIPS" };
    for (size_t i = 0; i < weft_count(options); i++) WEFT_CHECK(says(&o, options[i]));
}

WEFT_TEST(a_program_without_tests_says_how_to_write_one)
{
    char self[512] = { 0 }, command[600];
    WEFT_NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    WEFT_NEED(strrchr(self, '/') != NULL);
    *strrchr(self, '/') = 0;
    snprintf(command, sizeof command, "%s/testing/weft-no-tests 2>&1", self);
    outcome o = { 0 };
    FILE *f = popen(command, "r");
    WEFT_NEED(f != NULL);
    o.text[fread(o.text, 1, sizeof o.text - 1, f)] = 0;
    WEFT_CHECK_EQ(WEXITSTATUS(pclose(f)), 1);
    WEFT_CHECK(says(&o, "no tests are linked into this program"));
    WEFT_CHECK(says(&o, "WEFT_TEST(one_and_one_is_two)"));
}
