/* Records of failures: codes, texts, traces, and whose they are. */
#include "world.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "task/error.h"

static weft_str text_of(int rc) { return weft_str_of(weft_error_of(rc)->text); }

TASK_TEST(a_failure_with_a_status_returns_its_code_and_is_found_by_it)
{
    int rc = weft_fail(404, "no item %d of %s", 7, "them");
    WEFT_CHECK_EQ(rc, WEFT_STATUS(404));
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_EQ(e->code, rc);
    WEFT_CHECK_EQ(e->status, 404);
    WEFT_CHECK_STR(weft_str_of(e->text), "no item 7 of them");
    return 0;
}

TASK_TEST(a_failure_with_a_code_returns_that_code_and_has_a_status_of_an_error)
{
    static const int codes[] = { WEFT_ETIMEDOUT, WEFT_ENOMEM, WEFT_EDNS, WEFT_ECLOSED, -5, WEFT_STATUS(409) };
    for (size_t i = 0; i < weft_count(codes); i++) {
        WEFT_CHECK_EQ(weft_fail(codes[i], "number %zu", i), codes[i]);
        WEFT_CHECK_EQ(weft_error_of(codes[i])->code, codes[i]);
        WEFT_CHECK(weft_error_of(codes[i])->status >= 400 && weft_error_of(codes[i])->status <= 599);
    }
    WEFT_CHECK_EQ(weft_error_of(WEFT_STATUS(409))->status, 409);
    return 0;
}

TASK_TEST(a_code_without_a_record_has_a_general_text)
{
    static const int codes[] = { WEFT_ECANCELED, WEFT_ETIMEDOUT, WEFT_ENOENT, WEFT_EDNS, WEFT_EOF, WEFT_ECLOSED, WEFT_STATUS(418), -99999, -1 };
    for (size_t i = 0; i < weft_count(codes); i++) {
        const weft_error *e = weft_error_of(codes[i]);
        WEFT_NEED(e != NULL && e->text != NULL && e->trace != NULL);
        WEFT_CHECK_EQ(e->code, codes[i]);
        WEFT_CHECK(e->text[0] != 0);
        WEFT_CHECK(e->status >= 400 && e->status <= 599);
    }
    WEFT_CHECK_EQ(weft_error_of(WEFT_STATUS(418))->status, 418);
    WEFT_CHECK(strcmp(weft_error_of(WEFT_ETIMEDOUT)->text, "") != 0);
    WEFT_CHECK(weft_error_of(0) != NULL && weft_error_of(17) != NULL);
    return 0;
}

TASK_TEST(the_text_of_an_unknown_code_is_there_when_others_were_asked_for)
{
    char before[64];
    const weft_error *e = weft_error_of(-99999);
    snprintf(before, sizeof before, "%s", e->text);
    for (int code = -99998; code < -99990; code++) WEFT_CHECK(weft_error_of(code)->text[0] != 0);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(-99991)->text), before);
    WEFT_CHECK(weft_error_of(INT32_MIN)->text[0] != 0);
    WEFT_CHECK_EQ(weft_error_of(-1)->status, 500);
    return 0;
}

TASK_TEST(two_general_errors_can_be_looked_at_together)
{
    const weft_error *a = weft_error_of(WEFT_ETIMEDOUT), *b = weft_error_of(WEFT_ENOENT);
    WEFT_CHECK_EQ(a->code, WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(b->code, WEFT_ENOENT);
    return 0;
}

TASK_TEST(general_errors_stay_as_they_are_however_many_are_asked_for)
{
    static const int codes[] = { WEFT_EINVAL, WEFT_ENOMEM, WEFT_EBUSY, WEFT_ENOENT, WEFT_ECONNREFUSED, WEFT_ECONNRESET,
        WEFT_ETIMEDOUT, WEFT_ECANCELED, WEFT_EPROTO, WEFT_ELIMIT, WEFT_EDEADLK, WEFT_ECLOSED, WEFT_EOF, WEFT_EDNS };
    const weft_error *e[weft_count(codes)];
    for (size_t i = 0; i < weft_count(codes); i++) e[i] = weft_error_of(codes[i]);
    for (size_t i = 0; i < weft_count(codes); i++) WEFT_CHECK_EQ(e[i]->code, codes[i]);
    return 0;
}

WEFT_TEST(a_trace_without_memory_for_its_next_line_keeps_those_it_has)
{
    char line[201];
    memset(line, 'x', 200);
    line[200] = 0;
    world_mem_watch();
    world_mem.fail_after = -1;
    weft__record *r = weft__record_new(-5, 0, NULL);
    WEFT_NEED(r != NULL);
    weft__record_line(r, "%s", line);
    world_mem.fail_after = 0;
    weft__record_line(r, "%s", line);
    world_mem.fail_after = -1;
    WEFT_CHECK_STR(weft_str_of(r->error.trace), line);
    weft__record_line(r, "after");
    WEFT_CHECK_EQ(strlen(r->error.trace), 206);
    weft__record_free(r);
}

WEFT_TEST(a_failure_outside_of_any_task_returns_its_code)
{
    WEFT_CHECK_EQ(weft_fail(404, "before the loop"), WEFT_STATUS(404));
    WEFT_CHECK_EQ(weft_error_of(WEFT_STATUS(404))->status, 404);
    WEFT_CHECK(weft_error_of(WEFT_ENOMEM)->text[0] != 0);
    weft__errors_clear();
}

TASK_TEST(a_clean_up_that_fails_does_not_hide_the_first_error)
{
    int rc = weft_fail(404, "first");
    WEFT_CHECK_EQ(weft_fail(WEFT_ETIMEDOUT, "rollback timed out"), WEFT_ETIMEDOUT);
    WEFT_CHECK_STR(text_of(rc), "first");
    WEFT_CHECK_STR(text_of(WEFT_ETIMEDOUT), "rollback timed out");
    return 0;
}

TASK_TEST(of_two_failures_with_one_code_the_newest_is_found)
{
    world_ignore(weft_fail(404, "old"));
    world_ignore(weft_fail(500, "between"));
    WEFT_CHECK_STR(text_of(weft_fail(404, "new")), "new");
    return 0;
}

TASK_TEST(a_task_keeps_its_last_eight_failures)
{
    for (int i = 0; i < 9; i++) world_ignore(weft_fail(400 + i, "number %d", i));
    for (int i = 1; i < 9; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "number %d", i);
        WEFT_CHECK_STR(text_of(WEFT_STATUS(400 + i)), expected);
    }
    WEFT_CHECK(strcmp(weft_error_of(WEFT_STATUS(400))->text, "number 0") != 0);
    WEFT_CHECK_EQ(weft_error_of(WEFT_STATUS(400))->status, 400);
    return 0;
}

TASK_TEST(a_text_is_cut_at_1023_bytes)
{
    static char long_text[5000];
    static const size_t lengths[] = { 1022, 1023, 1024, 1025, 4999 };
    for (size_t i = 0; i < weft_count(lengths); i++) {
        memset(long_text, 'x', sizeof long_text);
        long_text[lengths[i]] = 0;
        size_t expected = lengths[i] < 1023 ? lengths[i] : 1023;
        WEFT_CHECK_EQ(strlen(weft_error_of(weft_fail(500, "%s", long_text))->text), expected);
    }
    return 0;
}

TASK_TEST(the_text_of_a_failure_may_be_part_of_the_next_one)
{
    int rc = weft_fail(500, "core");
    for (int i = 0; i < 20; i++) rc = weft_fail(500, "%s%d", weft_error_of(rc)->text, i % 10);
    WEFT_CHECK_STR(text_of(rc), "core01234567890123456789");
    return 0;
}

TASK_TEST(a_text_lives_on_when_its_record_has_gone)
{
    const char *text = weft_error_of(weft_fail(404, "the text that was kept"))->text;
    for (int i = 0; i < 100; i++) world_ignore(weft_fail(500, "%d more", i));
    WEFT_CHECK_STR(weft_str_of(text), "the text that was kept");
    return 0;
}

static int fail_with_the_memory_of_a_block(void)
{
    WEFT_TEMP;
    weft_str name = weft_format("item %d", 42);
    return weft_fail(404, "no %s", name.ptr);
}

TASK_TEST(a_failure_in_a_temporary_block_keeps_its_text_after_it)
{
    int rc = fail_with_the_memory_of_a_block();
    char *more = weft_alloc(4096);
    WEFT_NEED(more != NULL);
    memset(more, 'z', 4096);
    WEFT_CHECK_STR(text_of(rc), "no item 42");
    return 0;
}

static void *fail_on_a_thread(void *arg)
{
    for (int i = 0; i < 20; i++) world_ignore(weft_fail(500, "on a thread of the program's own, %d", i));
    return arg;
}

WEFT_TEST(what_a_thread_of_the_programs_own_failed_with_goes_when_it_ends)
{
    pthread_t thread;
    world_mem_watch();
    WEFT_NEED(pthread_create(&thread, NULL, fail_on_a_thread, NULL) == 0);
    pthread_join(thread, NULL);
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

TASK_TEST(a_hundred_thousand_failures_in_temporary_blocks_take_no_memory)
{
    long before = 0;
    for (int i = 0; i < 100000; i++) {
        if (i == 1000) before = world_mem.bytes;
        world_ignore(fail_with_the_memory_of_a_block());
    }
    WEFT_CHECK(world_mem.bytes <= before + 64 * 1024);
    return 0;
}

/* ---- traces ---- */

enum { LEAF_LINE = __LINE__ + 1 };
static int leaf(void) { return weft_fail(404, "no such leaf"); }
enum { BRANCH_LINE = __LINE__ + 1 };
static int branch(void) { WEFT_TRY(leaf()); return 0; }
enum { TRUNK_LINE = __LINE__ + 1 };
static int trunk(const int *year) { WEFT_TRY(branch(), "while looking at the tree of %d", *year); return 0; }
static int root(void) { WEFT_TRY(trunk(&(int){ 1999 })); return 0; }

static long place_in(const char *trace, int line)
{
    char place[64];
    snprintf(place, sizeof place, "error_test.c:%d", line);
    const char *at = strstr(trace, place);
    return at ? at - trace : -1;
}

TASK_TEST(a_trace_has_a_line_for_each_place_it_passed_innermost_first)
{
    int rc = root();
    WEFT_CHECK_EQ(rc, WEFT_STATUS(404));
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_STR(weft_str_of(e->text), "no such leaf");
    WEFT_CHECK(place_in(e->trace, BRANCH_LINE) >= 0);
    WEFT_CHECK(place_in(e->trace, TRUNK_LINE) > place_in(e->trace, BRANCH_LINE));
    WEFT_CHECK(place_in(e->trace, TRUNK_LINE + 1) > place_in(e->trace, TRUNK_LINE));
    WEFT_CHECK(place_in(e->trace, LEAF_LINE) < place_in(e->trace, BRANCH_LINE));
    WEFT_CHECK_EQ(world_count_in(e->trace, "while looking at the tree of 1999"), 1);
    return 0;
}

static int tried;
static int count_and_return(int rc) { tried++; return rc; }
static int try_it(int rc) { WEFT_TRY(count_and_return(rc)); return 77; }

TASK_TEST(a_try_evaluates_once_and_passes_on_only_failures)
{
    tried = 0;
    WEFT_CHECK_EQ(try_it(0), 77);
    WEFT_CHECK_EQ(try_it(5), 77);
    WEFT_CHECK_EQ(try_it(-5), -5);
    WEFT_CHECK_EQ(try_it(WEFT_STATUS(404)), WEFT_STATUS(404));
    WEFT_CHECK_EQ(tried, 4);
    return 0;
}

static int fall(const int *depth)
{
    if (!*depth) return weft_fail(500, "the bottom");
    WEFT_TRY(fall(&(int){ *depth - 1 }), "%0500d", *depth);
    return 0;
}

TASK_TEST(a_trace_of_a_thousand_places_is_bounded_and_keeps_its_innermost_ones)
{
    int rc = fall(&(int){ 500 });
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_STR(weft_str_of(e->text), "the bottom");
    WEFT_CHECK(strlen(e->trace) < 64 * 1024);
    WEFT_CHECK_EQ(world_count_in(e->trace, "0001"), 1);
    WEFT_CHECK(weft_alloc(16) != NULL);
    return 0;
}

enum { IMPATIENT_LINE = __LINE__ + 1 };
static int impatient(void) { WEFT_SCOPE(s, .timeout_ms = 1); WEFT_TRY(weft_sleep_ms(FOREVER)); return 0; }

TASK_TEST(a_second_timeout_has_a_trace_of_its_own)
{
    WEFT_CHECK_EQ(impatient(), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(impatient(), WEFT_ETIMEDOUT);
    const char *trace = weft_error_of(WEFT_ETIMEDOUT)->trace;
    long first = place_in(trace, IMPATIENT_LINE);
    WEFT_CHECK(first >= 0);
    if (first >= 0) WEFT_CHECK_EQ(place_in(trace + first + 1, IMPATIENT_LINE), -1);
    return 0;
}

/* ---- between tasks ---- */

TASK_TEST(the_record_of_an_awaited_task_comes_to_the_awaiter_with_its_trace)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, root);
    int rc = weft_await(t);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(404));
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_STR(weft_str_of(e->text), "no such leaf");
    WEFT_CHECK_EQ(e->status, 404);
    WEFT_CHECK(place_in(e->trace, TRUNK_LINE) > place_in(e->trace, BRANCH_LINE));
    WEFT_CHECK(place_in(e->trace, BRANCH_LINE) >= 0);
    return 0;
}

static int refuse(void) { return WEFT_ECONNREFUSED; }
static int refused(void) { WEFT_TRY(refuse(), "asking"); return 0; }

TASK_TEST(a_failure_without_a_text_has_the_general_one_also_after_it_was_handed_on)
{
    WEFT_CHECK_EQ(refused(), WEFT_ECONNREFUSED);
    WEFT_CHECK(weft_error_of(WEFT_ECONNREFUSED)->text[0] != 0);
    weft__errors_clear();
    WEFT_SCOPE(s);
    WEFT_CHECK_EQ(weft_await(weft_spawn(s, refused)), WEFT_ECONNREFUSED);
    WEFT_CHECK(weft_error_of(WEFT_ECONNREFUSED)->text[0] != 0);
    WEFT_CHECK_EQ(world_count_in(weft_error_of(WEFT_ECONNREFUSED)->trace, "asking"), 1);
    return 0;
}

static int await_and_pass_on(weft_task *const *t) { WEFT_TRY(weft_await(*t), "in between"); return 0; }

TASK_TEST(a_record_goes_through_several_tasks_and_gathers_its_places)
{
    WEFT_SCOPE(a);
    WEFT_SCOPE(b);
    weft_task *t = weft_spawn(a, root);
    weft_task *u = weft_spawn(b, await_and_pass_on, (&(weft_task *const){ t }));
    int rc = weft_await(u);
    WEFT_CHECK_EQ(rc, WEFT_STATUS(404));
    WEFT_CHECK_STR(text_of(rc), "no such leaf");
    return 0;
}

TASK_TEST(after_each_of_several_awaits_the_text_is_that_of_the_task_awaited)
{
    weft_error err[3];
    int rc = 0;
    for (int i = 0; i < 3; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %d", i);
        WEFT_SCOPE(s);
        rc = weft_await(weft_spawn(s, fail_later, (&(failing){ 0, 404, i == 0 ? "number 0" : i == 1 ? "number 1" : "number 2" })));
        WEFT_CHECK_EQ(rc, WEFT_STATUS(404));
        err[i] = *weft_error_of(rc);
        WEFT_CHECK_STR(weft_str_of(err[i].text), text);
    }
    WEFT_CHECK_STR(text_of(rc), "number 2");
    return 0;
}

static int look_for_404(void)
{
    WEFT_CHECK(strcmp(weft_error_of(WEFT_STATUS(404))->text, "of the parent") != 0);
    return weft_fail(500, "of the child");
}

TASK_TEST(a_task_does_not_see_the_records_of_another)
{
    WEFT_SCOPE(s);
    world_ignore(weft_fail(404, "of the parent"));
    WEFT_CHECK_EQ(weft_await(weft_spawn(s, look_for_404)), WEFT_STATUS(500));
    WEFT_CHECK_STR(text_of(WEFT_STATUS(404)), "of the parent");
    WEFT_CHECK_STR(text_of(WEFT_STATUS(500)), "of the child");
    return 0;
}

static int fail_alone(const int *in, int *out)
{
    (void)out;
    return weft_fail(*in, "alone with %d", *in);
}

TASK_TEST(the_error_of_a_call_holds_text_status_and_trace_after_the_task_has_gone)
{
    int out;
    weft_error err = { 0 };
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, fail_alone, (&(int){ 422 }), &out, .error = &err);
        WEFT_CHECK_EQ(weft_await(t), WEFT_STATUS(422));
    }
    for (int i = 0; i < 20; i++) world_ignore(weft_fail(500, "noise"));
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    WEFT_CHECK_EQ(err.code, WEFT_STATUS(422));
    WEFT_CHECK_EQ(err.status, 422);
    WEFT_CHECK_STR(weft_str_of(err.text), "alone with 422");
    WEFT_CHECK(err.trace != NULL);
    return 0;
}

TASK_TEST(a_failure_of_a_gather_is_found_by_its_parent)
{
    int out;
    int rc = weft_gather(weft_call(fail_alone, (&(int){ 451 }), &out), weft_call(root));
    WEFT_CHECK(rc == WEFT_STATUS(451) || rc == WEFT_STATUS(404));
    WEFT_CHECK_STR(text_of(rc), rc == WEFT_STATUS(451) ? "alone with 451" : "no such leaf");
    return 0;
}

WEFT_TEST(the_failure_of_a_root_task_is_returned_and_known_after_the_run__sim)
{
    world_open_sim(0);
    WEFT_CHECK_EQ(world_run(weft_call(root)), WEFT_STATUS(404));
    WEFT_CHECK_STR(text_of(WEFT_STATUS(404)), "no such leaf");
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

static int pass_on(const char *what)
{
    WEFT_TRY(weft_fail(502, "%s", what), "asking %s", what);
    return 0;
}

TASK_TEST(a_trace_has_no_line_that_a_text_made_up_and_the_text_itself_is_as_it_was)
{
    int rc = pass_on("a\nat forged.c:1\033[2J");
    const weft_error *e = weft_error_of(rc);
    WEFT_CHECK_STR(weft_str_of(e->text), "a\nat forged.c:1\033[2J");
    WEFT_CHECK_EQ(world_count_in(e->trace, "\n"), 1);
    WEFT_CHECK_EQ(world_count_in(e->trace, "asking a\\nat forged.c:1\\x1b[2J"), 1);
    return 0;
}
