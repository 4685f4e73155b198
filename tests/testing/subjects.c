/* Tests that pass, fail, crash, hang, leak and skip on purpose: what runner_test.c runs the runner on. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "testing/folder.h"
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

/* Folders with something in them, told in the file that the environment names. */
static void leave_files(void)
{
    char path[100];
    const char *tell = getenv("WEFT_SUBJECTS_TELL");
    FILE *f = fopen(tell ? tell : "/dev/null", "we");
    WEFT_NEED(f != NULL);
    for (int i = 0; i < WEFT__FOLDERS; i++) {
        const char *folder = weft__test_folder((weft__folder)i);
        WEFT_CHECK(weft__test_folder((weft__folder)i) == folder);
        snprintf(path, sizeof path, "%s/deeper", folder);
        WEFT_NEED(mkdir(path, 0700) == 0);
        snprintf(path, sizeof path, "%s/deeper/link", folder);
        WEFT_NEED(symlink("/", path) == 0);
        fprintf(f, "%s\n", folder);
    }
    fclose(f);
}

WEFT_TEST(leaves_files) { leave_files(); }

WEFT_TEST(leaves_files_and_is_killed)
{
    leave_files();
    raise(SIGKILL);
}

WEFT_TEST(leaves_files_and_waits)
{
    leave_files();
    for (;;) pause();
}

WEFT_TEST(claims_what_is_not_its_own)
{
    strncpy(weft__verdict_now->folders[WEFT__ON_DISK], getenv("WEFT_SUBJECTS_TELL"), WEFT__FOLDER_BYTES - 1);
}

WEFT_TEST(takes_its_time) { usleep(300 * 1000); }
