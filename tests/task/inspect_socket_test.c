/* The list of tasks asked for from outside: who is answered, with what, and that nobody can hold the loop. */
#define _GNU_SOURCE
#include "scratch.h"
#include "task/inspect.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "world.h"

/* A client that is a task of the same loop. */
typedef struct line { weft__watch watch; weft__fiber *fiber; int fd; } line;

static void line_ready(weft__watch *w, uint32_t events)
{
    line *l = (line *)w;
    (void)events;
    if (l->fiber) weft__wake(l->fiber, 0);
}

static weft__os *os(void) { return world_now.os; }

static const char *address(void)
{
    static char at[64];
    snprintf(at, sizeof at, "unix:@weft-inspect-test/%d", world_now.virtual_time ? 1 : (int)getpid());
    return at;
}

static void dial(line *l)
{
    weft__addr at;
    *l = (line){ .watch = { line_ready } };
    WEFT_NEED(weft__addr_parse(weft_str_of(address()), 0, &at) == 0);
    l->fd = os()->ops->connect(os(), &at);
    WEFT_NEED(l->fd >= 0 && os()->ops->watch(os(), l->fd, &l->watch, WEFT__WATCH_BOTH) == 0);
}

static void hang_up(line *l)
{
    weft__loop_forget(world_now.loop, &l->watch);
    os()->ops->close(os(), l->fd);
}

static int wait_for_line(line *l)
{
    l->fiber = weft__self();
    int rc = weft__park("the inspector", weft_now_ns() + INT64_C(30000000000));
    l->fiber = NULL;
    return rc;
}

static int say(line *l, const char *words)
{
    size_t len = strlen(words);
    while (len) {
        ssize_t n = os()->ops->send(os(), l->fd, &(struct iovec){ (void *)words, len }, 1);
        if (n == -EAGAIN || n == -ENOTCONN) WEFT_TRY(wait_for_line(l));
        else if (n < 0) return (int)n;
        else words += n, len -= (size_t)n;
    }
    return 0;
}

enum { SAID_MOST = 4 << 20 };
static char *said;
/* All that comes until the end; < 0: it broke off. */
static ssize_t hear(line *l)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = os()->ops->recv(os(), l->fd, said + len, SAID_MOST - 1 - len);
        said[len + (n > 0 ? (size_t)n : 0)] = 0;
        if (n == 0) return (ssize_t)len;
        if (n > 0) len += (size_t)n;
        else if (n != -EAGAIN && n != -ENOTCONN) return n;
        else WEFT_TRY(wait_for_line(l));
    }
}

static const char *ask(const char *request)
{
    line l;
    dial(&l);
    WEFT_CHECK_EQ(say(&l, request), 0);
    WEFT_CHECK(hear(&l) >= 0);
    hang_up(&l);
    return said;
}

static weft__inspector *inspector;
static void open_it(void)
{
    if (!said) said = scratch(SAID_MOST);
    inspector = NULL;
    WEFT_NEED(weft__inspector_open(&inspector, world_now.loop, address()) == 0);
}
static void close_it(void) { weft__inspector_close(inspector); }

static int labelled(void)
{
    weft__task_label("GET /items/{item_id}");
    int rc = weft_sleep_ms(FOREVER);
    world_now.fifo |= rc == 77;                       /* so that the sleep is no tail call */
    return rc;
}

TASK_TEST(a_line_is_answered_with_the_list)
{
    open_it();
    WEFT_SCOPE(s);
    weft_spawn(s, labelled);
    world_turn();
    WEFT_CHECK(strstr(ask("tasks\n"), "weft: 2 tasks\n#1 ") == said);
    WEFT_CHECK(strstr(said, "\n#2 labelled \"GET /items/{item_id}\" (") != NULL);
    WEFT_CHECK(strstr(said, "scope at") == NULL);
    WEFT_CHECK(strstr(ask("tree\n"), "scope at") != NULL);
    WEFT_CHECK(strstr(ask("tasks 1\n"), "weft: and 1 more tasks\n") != NULL);
    WEFT_CHECK(strstr(ask("tasks json\n"), "{\"tasks\":2,\"shown\":2}\n{\"task\":1,") == said);
    WEFT_CHECK(strstr(ask("tasks json 1\n"), "{\"tasks\":2,\"shown\":1}\n") == said);
    close_it();
    return 0;
}

TASK_TEST(stacks_come_one_by_one_and_each_in_its_place)
{
    WORLD_NEEDS_LINES();
    open_it();
    WEFT_SCOPE(s);
    for (int i = 0; i < 3; i++) weft_spawn(s, labelled);
    world_turn();
    const char *at = ask("stacks\n");
    for (int i = 2; i <= 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "#%d labelled ", i);
        at = strstr(at, name);
        WEFT_NEED(at != NULL);
        const char *stack = strstr(at, "at labelled (inspect_socket_test.c:");
        WEFT_CHECK(stack && (!strstr(at + 1, "#") || stack < strstr(at + 1, "#")));
        at++;
    }
    WEFT_CHECK(strstr(ask("stacks json\n"), ",\"stack\":[\"weft_sleep_ms (") != NULL);
    WEFT_NEED(strlen(said) > 2);
    WEFT_CHECK(said[strlen(said) - 2] == '}');
    close_it();
    return 0;
}

TASK_TEST(what_is_no_request_is_told_how_to_ask)
{
    static const char *const wrong[] = { "\n", "task\n", "tasksjson\n", "tasks xml\n", "tasks 5 json\n", "tasks -1\n", "tree 7x\n", "GET / HTTP/1.1\r\n",
        "tasks tasks tasks tasks tasks tasks tasks tasks tasks tasks tasks" };
    open_it();
    for (size_t i = 0; i < weft_count(wrong); i++) {
        if (strstr(ask(wrong[i]), "weft: ask for tasks, tree or stacks") == said) continue;
        WEFT_CHECK(false);
        fprintf(stderr, "  '%s' was answered %.100s\n", wrong[i], said);
    }
    close_it();
    return 0;
}

TASK_TEST(a_request_may_come_byte_by_byte)
{
    open_it();
    line l;
    dial(&l);
    for (const char *c = "tree json\n"; *c; c++) {
        WEFT_CHECK_EQ(say(&l, (char[2]){ *c }), 0);
        WEFT_NEED(weft_sleep_ms(1) == 0);
    }
    WEFT_CHECK(hear(&l) > 0);
    WEFT_CHECK(strstr(said, "{\"tasks\":1,") == said);
    hang_up(&l);
    close_it();
    return 0;
}

TASK_TEST(who_says_nothing_or_leaves_costs_nothing)
{
    open_it();
    line l;
    dial(&l);
    WEFT_CHECK_EQ(say(&l, "tas"), 0);
    WEFT_NEED(weft_sleep_ms(1) == 0);
    hang_up(&l);
    WEFT_CHECK(strstr(ask("tasks\n"), "weft: 1 task\n") == said);
    close_it();
    return 0;
}

SIM_TEST(who_says_nothing_is_let_go_after_ten_seconds)
{
    open_it();
    line l;
    dial(&l);
    int64_t start = weft_now_ns();
    WEFT_CHECK_EQ(hear(&l), 0);
    WORLD_TOOK(start, 10000);
    hang_up(&l);
    close_it();
    return 0;
}

TASK_TEST(five_at_once_are_one_too_many)
{
    line l[5];
    open_it();
    for (int i = 0; i < 5; i++) {
        dial(&l[i]);
        WEFT_NEED(weft_sleep_ms(1) == 0);
    }
    WEFT_CHECK(hear(&l[4]) <= 0);                     /* closed at once */
    hang_up(&l[4]);
    for (int i = 0; i < 4; i++) {
        WEFT_CHECK_EQ(say(&l[i], "tasks\n"), 0);
        WEFT_CHECK(hear(&l[i]) > 0);
        hang_up(&l[i]);
    }
    WEFT_CHECK(strstr(ask("tasks\n"), "weft: 1 task\n") == said);
    close_it();
    return 0;
}

static int count_turns(int *const *turns)
{
    for (;;) {
        int rc = weft_sleep_ms(1);
        if (rc == WEFT_ECANCELED) return rc;
        WEFT_NEED(rc == 0);
        ++**turns;
    }
}

TASK_TEST(who_does_not_read_holds_nobody)
{
    int turns = 0, *at = &turns;
    open_it();
    WEFT_SCOPE(s);
    weft_spawn(s, count_turns, &at);
    for (int i = 0; i < 9000; i++) weft_spawn(s, sleep_for, &(int){ FOREVER });
    world_turn();
    line l;
    dial(&l);
    WEFT_CHECK_EQ(say(&l, "tree json 10000\n"), 0);
    WEFT_NEED(weft_sleep_ms(20) == 0);
    int before = turns;
    WEFT_NEED(weft_sleep_ms(100) == 0);
    WEFT_CHECK(turns > before);
    WEFT_CHECK(hear(&l) > 500000);
    WEFT_CHECK(strstr(said, "{\"task\":9002,") != NULL);
    hang_up(&l);
    close_it();
    return 0;
}

TASK_TEST(closing_the_inspector_ends_its_answers)
{
    open_it();
    WEFT_SCOPE(s);
    for (int i = 0; i < 9000; i++) weft_spawn(s, sleep_for, &(int){ FOREVER });
    world_turn();
    line l;
    dial(&l);
    WEFT_CHECK_EQ(say(&l, "stacks json 10000\n"), 0);
    WEFT_CHECK_EQ(weft_sleep_ms(5), 0);
    close_it();
    hear(&l);
    hang_up(&l);
    return 0;
}

static int ask_as_stranger(void)
{
    open_it();
    line l;
    dial(&l);
    if (say(&l, "tasks\n") == 0) WEFT_CHECK(hear(&l) <= 0);
    hang_up(&l);
    close_it();
    return 0;
}

WEFT_TEST(another_user_is_not_answered__sim)
{
    world_mem_watch();
    world_now = (world){ .os = weft__sim_new(&(weft__sim_opts){ .strangers = true }), .virtual_time = true, .fifo = true };
    WEFT_NEED(world_now.os != NULL);
    world_now.loop = weft__loop_new(world_now.os);
    WEFT_NEED(world_now.loop != NULL);
    WEFT_CHECK_EQ(world_run(weft_call(ask_as_stranger)), 0);
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
}

TASK_TEST(an_address_that_is_none_or_taken_is_refused)
{
    weft__inspector *second = NULL;
    open_it();
    WEFT_CHECK_EQ(weft__inspector_open(&second, world_now.loop, "127.0.0.1"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__inspector_open(&second, world_now.loop, "nonsense"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__inspector_open(&second, world_now.loop, address()), -EADDRINUSE);
    WEFT_CHECK(second == NULL);
    close_it();
    return 0;
}

/* ---- more than there is room for ---- */

enum { MANY = 100, LABEL_BYTES = 4000, LIST_BYTES = 256 * 1024 };
static char long_label[LABEL_BYTES + 1];

static int labelled_at_length(void)
{
    weft__task_label(long_label);
    return weft_sleep_ms(FOREVER);
}

/* The number behind `words` in the last lines, or -1. */
static long told_behind(const char *words)
{
    const char *at = strstr(said, words);
    return at ? strtol(at + strlen(words), NULL, 10) : -1;
}

TASK_TEST(a_list_beyond_its_limit_ends_with_how_many_tasks_were_left_out)
{
    weft__inspector_bytes_max = LIST_BYTES;          /* tests run in processes of their own */
    open_it();
    memset(long_label, 'x', LABEL_BYTES);
    WEFT_SCOPE(s);
    for (int i = 0; i < MANY; i++) weft_spawn(s, labelled_at_length);
    world_turn();
    ask("tasks 10000\n");
    int shown = world_count_in(said, "labelled_at_length");
    WEFT_CHECK(shown > 30 && shown < MANY);
    WEFT_CHECK_EQ(told_behind("\nweft: and "), MANY - shown);
    WEFT_CHECK(strstr(said, " more tasks, left out: the list has at most 262144 bytes\n") != NULL);
    ask("tasks json 10000\n");
    shown = world_count_in(said, "{\"task\":") - 1;
    WEFT_CHECK_EQ(told_behind("\n{\"left_out\":"), MANY - shown);
    ask("stacks 10000\n");
    shown = world_count_in(said, "labelled_at_length \"");
    WEFT_CHECK_EQ(told_behind("\nweft: and "), MANY - shown);
    close_it();
    return 0;
}

/* Each allocation of an answer fails in turn: the client hears less, the loop goes on. */
TASK_TEST(without_memory_nobody_is_answered_and_nothing_is_lost)
{
    open_it();
    WEFT_SCOPE(s);
    weft_spawn(s, labelled);
    world_turn();
    int broken_off = 0;
    for (int i = 0; i < 12; i++) {
        line l;
        dial(&l);
        world_mem.fail_after = i;
        *said = 0;
        if (say(&l, "stacks\n") == 0) hear(&l);
        world_mem.fail_after = -1;
        broken_off += strstr(said, "weft: the list breaks off here: no memory for the rest\n") != NULL;
        hang_up(&l);
    }
    WEFT_CHECK(broken_off > 0);
    WEFT_CHECK(strstr(ask("tasks\n"), "weft: 2 tasks\n") == said);
    close_it();
    return 0;
}
