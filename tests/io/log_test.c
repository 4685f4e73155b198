/* The log: one line an event, and never a wait. */
#define _GNU_SOURCE
#include "io/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "os/sim.h"
#include "os/stderr.h"
#include "task/world.h"

WEFT_TEST(a_line_has_its_level_and_one_end)
{
    world_capture_begin();
    weft__log(WEFT__LOG_ERROR, "no %s for %d", "room", 3);
    weft__log(WEFT__LOG_WARN, "a\r\nb\x1b[31m\x7f");
    weft__log(WEFT__LOG_INFO, "%s", "");
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "error no room for 3\nwarn a\\x0d\\nb\\x1b[31m\\x7f\ninfo \n");
}

static int say(void)
{
    weft__log(WEFT__LOG_INFO, "hello");
    return 0;
}

WEFT_TEST(in_a_loop_a_line_has_the_time_of_its_wall_clock)
{
    weft__os *os = weft__sim_new(&(weft__sim_opts){ .wall_us = 1770087846789000 });
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    world_capture_begin();
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(say)), 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "2026-02-03T03:04:06.789Z info hello\n");
    weft__loop_free(loop);
    os->ops->free(os);
}

WEFT_TEST(a_long_line_is_cut_and_still_ends)
{
    char *text = malloc(10000);
    WEFT_NEED(text != NULL);
    memset(text, '\n', 9999);
    text[9999] = 0;
    world_capture_begin();
    weft__log(WEFT__LOG_INFO, "%s", text);
    const char *log = world_capture_end();
    size_t len = strlen(log);
    WEFT_CHECK(len > 3900 && len <= WEFT__STDERR_MAX);
    WEFT_CHECK(len > 4 && strcmp(log + len - 4, "...\n") == 0);
    WEFT_CHECK_EQ(world_count_in(log, "\n"), 1);
    free(text);
}

WEFT_TEST(a_full_stderr_stalls_nobody_and_the_lost_lines_are_counted)
{
    static char got[128 * 1024], filler[4096];
    int ends[2], keep = dup(2);
    WEFT_NEED(pipe(ends) == 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    memset(filler, '.', sizeof filler);
    dup2(ends[1], 2);
    while (weft__os_stderr_try(filler, sizeof filler)) continue;
    for (int i = 0; i < 1000; i++) weft__log(WEFT__LOG_INFO, "lost");
    while (read(ends[0], got, sizeof got) > 0) continue;
    weft__log(WEFT__LOG_INFO, "kept");
    weft__log(WEFT__LOG_INFO, "kept too");
    ssize_t n = read(ends[0], got, sizeof got);
    dup2(keep, 2);
    WEFT_NEED(n > 0);
    WEFT_CHECK_STR(((weft_str){ got, (size_t)n }), "info kept (1000 lines before this dropped: stderr was full)\ninfo kept too\n");
}

WEFT_TEST(a_broken_stderr_harms_nobody)
{
    int ends[2], keep = dup(2);
    WEFT_NEED(pipe(ends) == 0);
    close(ends[0]);
    dup2(ends[1], 2);
    weft__log(WEFT__LOG_INFO, "nobody reads this");
    close(2);
    close(ends[1]);
    weft__log(WEFT__LOG_INFO, "nor this");
    dup2(keep, 2);
    WEFT_CHECK(!weft__os_stderr_try("", WEFT__STDERR_MAX + 1));
}
