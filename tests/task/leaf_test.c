/* Work on the loop's own stack: where it runs, what it returns, and that it never waits. */
#include "world.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

typedef struct looked { uintptr_t at; int depth, rc; } looked;

static int look(void *arg)
{
    looked *l = arg;
    l->at = (uintptr_t)__builtin_frame_address(0);
    return l->rc;
}

static uintptr_t far_from(uintptr_t a, uintptr_t b) { return a > b ? a - b : b - a; }

enum { STACK = 64 * 1024 };

TASK_TEST(a_leaf_runs_on_the_loops_stack_and_its_result_comes_back)
{
    looked l = { .rc = -7 };
    WEFT_CHECK_EQ(weft__leaf(look, &l), -7);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    WEFT_CHECK((far_from(l.at, here) > STACK) == !WORLD_SANITIZED);
    return 0;
}

static int look_inside(void *arg)
{
    looked *l = arg;
    return weft__leaf(look, l) + 1;
}

TASK_TEST(a_leaf_in_a_leaf_runs_below_it)
{
    looked outer = { 0 }, inner = { .rc = 4 };
    WEFT_CHECK_EQ(weft__leaf(look, &outer), 0);
    WEFT_CHECK_EQ(weft__leaf(look_inside, &inner), 5);
    WEFT_CHECK(inner.at < outer.at && outer.at - inner.at < STACK);
    return 0;
}

WEFT_TEST(outside_of_a_task_a_leaf_is_a_plain_call)
{
    looked l = { .rc = 3 };
    WEFT_CHECK_EQ(weft__leaf(look, &l), 3);
    WEFT_CHECK(far_from(l.at, (uintptr_t)__builtin_frame_address(0)) < STACK);
}

/* More than a task's stack has room for. */
static int go_deep(void *arg)
{
    looked *l = arg;
    volatile char room[4096];
    memset((char *)room, l->depth, sizeof room);
    if (--l->depth == 0) return 1;
    int rc = go_deep(l);
    return rc + (room[17] != 0);
}

TASK_TEST(a_leaf_has_the_room_of_the_threads_stack)
{
    if (WORLD_SANITIZED) return 0;
    looked l = { .depth = 100 };
    WEFT_CHECK_EQ(weft__leaf(go_deep, &l), 100);
    return 0;
}

static int leaf_between_waits(void)
{
    double kept = 1.5;
    for (int i = 0; i < 20; i++) {
        looked l = { .rc = i };
        WEFT_CHECK_EQ(weft__leaf(look, &l), i);
        kept *= 1.25;
        WEFT_TRY(weft_yield());
    }
    WEFT_CHECK(kept > 130 && kept < 131);
    return 0;
}

TASK_TEST(tasks_that_take_turns_each_have_their_leaves)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) weft_spawn(s, leaf_between_waits);
    return weft_join(s);
}

/* What a leaf does for its task is the task's: its memory, its records. */
static int fail_with_memory(void *arg)
{
    *(char **)arg = weft_alloc(100);
    return weft_fail(409, "taken");
}

TASK_TEST(a_leaf_fails_and_allocates_for_its_task)
{
    char *memory = NULL;
    int rc = weft__leaf(fail_with_memory, &memory);
    WEFT_NEED(memory != NULL);
    memset(memory, 1, 100);
    WEFT_CHECK(rc < 0);
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 409);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "taken");
    return 0;
}

static int wait_in_it(void *arg)
{
    (void)arg;
    return weft_sleep_ms(1);
}

static int leaf_that_waits(void) { return weft__leaf(wait_in_it, NULL); }

static void run_what_waits(void) { world_epoll(weft_call(leaf_that_waits)); }

WEFT_TEST(a_leaf_that_waits_ends_the_program_and_says_whose)
{
    char text[512];
    int status = world_last_words(run_what_waits, text, sizeof text);
    WEFT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    WEFT_CHECK(strstr(text, "waits in a function that must not wait") != NULL);
    WEFT_CHECK(strstr(text, "the program") != NULL);
}
