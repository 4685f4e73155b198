/* Tests that pass, fail, crash, hang, leak and skip on purpose: what runner_test.c runs the runner on. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "weft/check.h"

WEFT_TEST(passes) { WEFT_CHECK(true); puts("said by the passing test"); }

WEFT_TEST(fails_twice)
{
    int one = 1;
    puts("said before the failure");
    WEFT_CHECK(one == 2);
    WEFT_CHECK_EQ(one + one, 3);
}

WEFT_TEST(compares_text) { WEFT_CHECK_STR(WEFT_S("alfa\n\0bravo"), "alfa\n"); }

WEFT_TEST(compares_long_text)
{
    WEFT_CHECK_STR(WEFT_S("0123456789012345678901234567890123456789012345678901234567890123456789X"),
        "0123456789012345678901234567890123456789012345678901234567890123456789Y");
}

WEFT_TEST(stops_at_need)
{
    bool wrong = false;
    WEFT_NEED(wrong);
    puts("not reached");
}

WEFT_TEST(skips) { WEFT_SKIP("no such thing here"); }

WEFT_TEST(crashes) { raise(SIGSEGV); }

WEFT_TEST(aborts) { abort(); }

WEFT_TEST(ends_the_process_with_success) { exit(0); }

WEFT_TEST(hangs)
{
    for (;;) pause();
}

WEFT_TEST(fails_in_a_child)
{
    pid_t child = fork();
    if (child == 0) {
        WEFT_CHECK_EQ(1 + 1, 3);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

/* The child that it leaves behind would hold the runner's pipe open for ever. */
WEFT_TEST(leaves_a_child)
{
    if (fork() == 0)
        for (;;) pause();
}

WEFT_TEST(closes_every_descriptor)
{
    for (int fd = 0; fd < 256; fd++) close(fd);
}

WEFT_TEST(fails_with_every_descriptor_closed)
{
    for (int fd = 0; fd < 256; fd++) close(fd);
    bool wrong = false;
    WEFT_CHECK(wrong);
}

WEFT_TEST(floods)
{
    for (int i = 0; i < 100000; i++) puts("0123456789012345678901234567890123456789");
    bool wrong = false;
    WEFT_CHECK(wrong);
}

static char *volatile lost;

WEFT_TEST(leaks)
{
    lost = malloc(4321);
    lost[0] = 1;
    lost = NULL;
}
