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
#include "task/error.h"
#include "task/world.h"

WEFT_TEST(a_line_has_its_level_and_one_end)
{
    world_capture_begin();
    weft__log(WEFT_LOG_ERROR, "no %s for %d", "room", 3);
    weft__log(WEFT_LOG_WARNING, "a\r\nb\x1b[31m\x7f");
    weft__log(WEFT_LOG_INFO, "%s", "");
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "error no room for 3\nwarning a\\x0d\\nb\\x1b[31m\\x7f\ninfo \n");
}

static int say(void)
{
    weft__log(WEFT_LOG_INFO, "hello");
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
    weft__log(WEFT_LOG_INFO, "%s", text);
    const char *log = world_capture_end();
    size_t len = strlen(log);
    WEFT_CHECK(len > 3600 && len <= WEFT__STDERR_MAX);
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
    for (int i = 0; i < 1000; i++) weft__log(WEFT_LOG_INFO, "lost");
    while (read(ends[0], got, sizeof got) > 0) continue;
    weft__log(WEFT_LOG_INFO, "kept");
    weft__log(WEFT_LOG_INFO, "kept too");
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
    weft__log(WEFT_LOG_INFO, "nobody reads this");
    close(2);
    close(ends[1]);
    weft__log(WEFT_LOG_INFO, "nor this");
    dup2(keep, 2);
    WEFT_CHECK(!weft__os_stderr_try("", WEFT__STDERR_MAX + 1));
}

/* ---- levels, JSON, whose line it is ---- */

WEFT_TEST(what_is_not_wanted_is_not_written_and_the_level_may_change_at_any_time)
{
    world_capture_begin();
    weft_log_debug("one");
    weft_log_info("two");
    weft_log_set_level(WEFT_LOG_DEBUG);
    weft_log_debug("three");
    weft_log_set_level(WEFT_LOG_WARNING);
    weft_log_info("four");
    weft_log_warning("five");
    weft_log_set_level(WEFT_LOG_OFF);
    weft_log_error("six");
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "info two\ndebug three\nwarning five\n");
    WEFT_CHECK_EQ(weft_log_get_level(), WEFT_LOG_OFF);
}

WEFT_TEST(the_environment_says_level_and_form_at_first)
{
    setenv("WEFT_LOG", "debug", 1);
    setenv("WEFT_LOG_FORMAT", "json", 1);
    world_capture_begin();
    weft_log_debug("a \"b\"");
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "{\"level\":\"debug\",\"message\":\"a \\\"b\\\"\"}\n");
}

WEFT_TEST(fields_stand_behind_the_text_and_are_quoted_where_they_must_be)
{
    world_capture_begin();
    weft_log_event(WEFT_LOG_INFO, "sold", weft_log_text("who", WEFT_S("ada")), weft_log_text("what", WEFT_S("a \"loom\"\n")), weft_log_int("n", -3),
        weft_log_double("price", 4.5), weft_log_text("none", WEFT_S("")), weft_log_double("nan", 0.0 / 0.0));
    weft_log_event(WEFT_LOG_INFO, "alone");
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "info sold who=ada what=\"a \\\"loom\\\"\\\\n\" n=-3 price=4.5 none=\"\" nan=null\ninfo alone\n");
}

static int traced(void)
{
    weft__trace_ids ids = { .there = true };
    memset(ids.trace, 0xab, sizeof ids.trace);
    memset(ids.span, 0x01, sizeof ids.span);
    WEFT_TRY(weft_local_set(&weft__trace_here, ids));
    WEFT_TRY(weft_local_set(&weft__log_id_here, ((weft__log_id){ 3, "r-1" })));
    weft_log_event(WEFT_LOG_INFO, "x\x1b\xff", weft_log_text("path", WEFT_S("/\xc3\xa4\x85\"")));
    return 0;
}

WEFT_TEST(as_json_a_line_is_an_object_with_the_request_and_its_trace_whatever_bytes_are_in_it)
{
    weft__os *os = weft__sim_new(&(weft__sim_opts){ .wall_us = 1770087846789000 });
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    weft_log_set_json(true);
    world_capture_begin();
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(traced)), 0);
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "{\"time\":\"2026-02-03T03:04:06.789Z\",\"level\":\"info\",\"message\":\"x\\\\x1b\\\\xff\",\"request_id\":\"r-1\","
        "\"path\":\"/\xc3\xa4\\\\x85\\\"\",\"trace_id\":\"abababababababababababababababab\",\"span_id\":\"0101010101010101\"}\n");
    weft__loop_free(loop);
    os->ops->free(os);
}

WEFT_TEST(a_long_line_of_json_is_cut_and_still_an_object)
{
    char *text = malloc(10000);
    WEFT_NEED(text != NULL);
    memset(text, '"', 9999);
    text[9999] = 0;
    weft_log_set_json(true);
    world_capture_begin();
    weft_log_event(WEFT_LOG_INFO, text, weft_log_int("n", 1));
    weft_log_event(WEFT_LOG_INFO, "short", weft_log_text("long", weft_str_of(text)), weft_log_int("n", 1));
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(world_count_in(log, "\n"), 2);
    WEFT_CHECK_EQ(world_count_in(log, "...\"}\n"), 2);
    free(text);
}

/* ---- gathering ---- */

static size_t seen_bytes;

static int gathers(void)
{
    for (int i = 0; i < 10; i++) weft_log_info("line %d", i);
    seen_bytes = strlen(world_capture_end());
    world_capture_begin();
    weft_log_warning("now");
    return 0;
}

WEFT_TEST(info_is_gathered_and_goes_out_in_front_of_a_warning_and_at_the_end)
{
    world_open_epoll();
    world_capture_begin();
    WEFT_CHECK_EQ(world_run(weft_call(gathers)), 0);
    const char *log = world_capture_end();
    WEFT_CHECK_EQ(seen_bytes, 0);
    WEFT_CHECK_EQ(world_count_in(log, "info line"), 10);
    WEFT_CHECK(strstr(log, "info line 9\n") && strstr(log, "warning now\n") > strstr(log, "info line 9\n"));
    world_close();
}

static int gathers_for_the_end(void)
{
    weft_log_info("last words");
    return 0;
}

WEFT_TEST(what_was_gathered_goes_out_at_the_end_of_the_loop)
{
    world_open_epoll();
    world_capture_begin();
    WEFT_CHECK_EQ(world_run(weft_call(gathers_for_the_end)), 0);
    world_close();
    WEFT_CHECK(strstr(world_capture_end(), "info last words\n") != NULL);
}

static int gathers_for_a_second(void)
{
    weft_log_info("soon");
    WEFT_TRY(weft_sleep_ms(1100));
    seen_bytes = strlen(world_capture_end());
    world_capture_begin();
    return 0;
}

WEFT_TEST(info_waits_for_a_second_at_most)
{
    world_open_epoll();
    world_capture_begin();
    WEFT_CHECK_EQ(world_run(weft_call(gathers_for_a_second)), 0);
    (void)world_capture_end();
    WEFT_CHECK(seen_bytes > 0);
    world_close();
}

WEFT_TEST(as_json_what_the_runtime_says_is_an_object_too)
{
    weft_log_set_json(true);
    world_capture_begin();
    weft__say("weft: task %s failed: \"x\"\nmore\n", "a");
    weft_log_set_json(false);
    weft__say("weft: plain\n");
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "{\"level\":\"warning\",\"message\":\"task a failed: \\\"x\\\"\\\\nmore\"}\nweft: plain\n");
}

static int ends_the_program(void)
{
    weft_log_info("last words");
    exit(0);
}

static void run_to_its_exit(void)
{
    weft__os *os = weft__os_linux_new();
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    if (loop) (void)weft__loop_run(loop, weft_call(ends_the_program));
}

WEFT_TEST(a_task_that_ends_the_program_loses_no_line)
{
    char text[256];
    (void)world_last_words(run_to_its_exit, text, sizeof text);
    WEFT_CHECK(strstr(text, "info last words\n") != NULL);
}
