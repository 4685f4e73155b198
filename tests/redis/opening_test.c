/* Connections that are lost, or cannot be had, while a task opens one: nothing is left behind, and nobody pays who need not. */
#include "redis_world.h"

typedef struct asked { weft_redis *r; int n, *rc; } asked;
static int get(const asked *in)
{
    *in->rc = 0;
    *in->rc = weft_redis_do(in->r, "GET {}", in->n);
    return 0;
}

static int ok(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

TASK_TEST(a_close_while_a_connection_is_made_leaves_no_socket_behind)
{
    char url[100];
    FAKE(f, .answer = ok);
    snprintf(url, sizeof url, "redis://localhost:%d", weft_listener_port(f.l));
    for (int turns = 0; turns < 8; turns++) {
        weft_redis *r;
        int rc = -1;
        WEFT_TRY(weft_redis_open(url, &r));
        WEFT_SCOPE(s);
        weft_spawn(s, get, (&(asked){ r, 1, &rc }));
        while (rc == -1) WEFT_TRY(weft_yield());     /* it is in its call */
        for (int i = 0; i < turns; i++) WEFT_TRY(weft_yield());
        WEFT_TRY(weft_redis_close(r, 0));
        WEFT_CHECK_EQ(weft_join(s), 0);
        WEFT_CHECK(rc == 1 || rc == WEFT_ECLOSED);
        WEFT_TRY(weft_sleep_ms(2));                  /* what came for a socket that was forgotten would be told now */
    }
    weft_cancel(f_scope);
    return 0;
}

enum { BUSY = 64 };                                  /* replies to come, beyond which a second connection is opened */

typedef struct second { const char *first_says; int rc, held; } second;

/* The first connection answers when it has BUSY commands and a while has gone; the greeting of the second takes longer than that. */
static int slow_second(fake *f, weft_conn *c, const weft_str *words, int count)
{
    second *s = f->ctx;
    if (weft_str_equal(words[0], WEFT_S("AUTH"))) {
        if (f->connections == 2) {
            WEFT_TRY(weft_sleep_ms(100));
            if (s->rc < 0) return s->rc;
        }
        return ok(f, c, words, count);
    }
    if (f->connections > 1 && s->held >= BUSY) return ok(f, c, words, count);
    if (++s->held < BUSY) return 0;
    WEFT_TRY(weft_sleep_ms(20));
    for (int i = 0; i < BUSY; i++) WEFT_TRY(weft_conn_print(c, "%s\r\n", s->first_says));
    return 0;
}

static int ask_one_more_than_busy(second *s, int *last, int *connections)
{
    weft_redis *r;
    char url[100];
    int rcs[BUSY], rc = 0;
    FAKE(f, .answer = slow_second, .resp2 = true, .ctx = s);
    snprintf(url, sizeof url, "redis://:pw@%s", f.url + 8);
    WEFT_TRY(weft_redis_open(url, &r, .connections = 2, .retry_ms = 2000));
    {
        WEFT_SCOPE(scope);
        weft_error errors[BUSY + 1];
        for (int i = 0; i < BUSY; i++) weft_spawn(scope, get, (&(asked){ r, i, &rcs[i] }), NULL, .error = &errors[i]);
        WEFT_TRY(weft_sleep_ms(10));
        weft_spawn(scope, get, (&(asked){ r, BUSY, &rc }), NULL, .error = &errors[BUSY]);
        WEFT_CHECK_EQ(weft_join(scope), 0);
    }
    for (int i = 0; i < BUSY; i++) {                 /* the first that reads READONLY leaves the connection: those behind it may not have theirs yet */
        if (*s->first_says == '+') WEFT_CHECK_EQ(rcs[i], 1);
        else WEFT_CHECK(rcs[i] == WEFT_EREDIS_DOWN || rcs[i] == WEFT_ECONNRESET);
    }
    *last = rc;
    *connections = f.connections;
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

TASK_TEST(a_server_that_is_no_master_any_more_costs_no_connection_that_is_being_opened)
{
    int last, connections;
    WEFT_TRY(ask_one_more_than_busy(&(second){ .first_says = "-READONLY You can't write against a read only replica." }, &last, &connections));
    WEFT_CHECK_EQ(last, 1);
    WEFT_CHECK_EQ(connections, 2);
    return 0;
}

TASK_TEST(a_second_connection_that_cannot_be_had_costs_no_command_while_the_first_is_there)
{
    int last, connections;
    WEFT_TRY(ask_one_more_than_busy(&(second){ .first_says = "+OK", .rc = WEFT_ECLOSED }, &last, &connections));
    WEFT_CHECK_EQ(last, 1);
    WEFT_CHECK_EQ(connections, 2);
    return 0;
}

/* ---- scripts of tasks that wait for a connection ---- */

enum { SCRIPTS = 140 };
typedef struct shas { char of[SCRIPTS][41]; } shas;

static int keep_sha(fake *f, weft_conn *c, const weft_str *words, int count)
{
    shas *all = f->ctx;
    if (!weft_str_equal(words[0], WEFT_S("EVALSHA")) || count != 4) return WEFT_EPROTO;
    snprintf(all->of[atoi(words[3].ptr)], 41, "%.*s", WEFT_FMT(words[1]));
    return ok(f, c, words, count);
}

static int run_script(const asked *in)
{
    *in->rc = weft_redis_do(in->r, "EVAL {} 1 {}", weft_format("return %d", in->n), in->n);
    return 0;
}

TASK_TEST(a_script_that_waited_while_many_others_came_is_still_sent_as_itself)
{
    weft_redis *r;
    shas all = { 0 };
    int rcs[SCRIPTS];
    FAKE(f, .answer = keep_sha, .ctx = &all);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < SCRIPTS; i++) weft_spawn(s, run_script, (&(asked){ r, i, &rcs[i] }));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < SCRIPTS; i++) {
        WEFT_CHECK_EQ(rcs[i], 1);
        for (int j = 0; j < i; j++) WEFT_CHECK(strcmp(all.of[i], all.of[j]) != 0);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* ---- words that are values ---- */

TASK_TEST(the_second_word_of_a_command_that_could_change_the_connection_is_no_value)
{
    weft_redis *r;
    FAKE(f, .answer = ok);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "CLIENT {} SKIP", "REPLY"), WEFT_EINVAL);
    WEFT_CHECK(redis_says(WEFT_EINVAL, "second word"));
    WEFT_CHECK_EQ(weft_redis_do(r, "CLIENT RE{} SKIP", "PLY"), WEFT_EINVAL);
    WEFT_CHECK_EQ(f.commands, 0);
    WEFT_CHECK_EQ(weft_redis_do(r, "CLIENT ID"), 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* ---- subscriptions ---- */

/* The first connection is confirmed and ends; each further one is BUSY. */
static int busy_later(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)words, (void)count;
    if (f->connections > 1) return weft_conn_write(c, WEFT_S("-BUSY Redis is busy running a script.\r\n"));
    WEFT_TRY(weft_conn_write(c, WEFT_S(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")));
    return WEFT_ECLOSED;
}

TASK_TEST(a_server_that_takes_no_subscriptions_for_a_while_is_asked_again_with_pauses)
{
    weft_redis *r;
    weft_redis_message m;
    FAKE(f, .answer = busy_later);
    WEFT_TRY(weft_redis_open(f.url, &r, .retry_ms = 100));
    {
        WEFT_REDIS_SUB(sub);
        WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
        WEFT_SCOPE(s, .timeout_ms = 1000);
        WEFT_CHECK_EQ(weft_redis_next(sub, &m), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK(f.connections >= 5 && f.connections <= 25);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int readonly_at_first(fake *f, weft_conn *c, const weft_str *words, int count)
{
    return f->connections == 1 ? weft_conn_write(c, WEFT_S("-READONLY You can't write against a read only replica.\r\n")) : ok(f, c, words, count);
}

TASK_TEST(a_server_that_is_no_master_any_more_is_left_by_commands_that_block_too)
{
    weft_redis *r;
    FAKE(f, .answer = readonly_at_first);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "BLPOP a 1"), WEFT_EREDIS_DOWN);
    WEFT_CHECK_EQ(weft_redis_do(r, "BLPOP a 1"), 1);
    WEFT_CHECK_EQ(f.connections, 2);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}
