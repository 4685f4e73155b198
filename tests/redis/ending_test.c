/* Subscriptions that end while somebody reads them or connects anew, and messages that take long to come. */
#include "redis_world.h"

static int confirm(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)count;
    if (weft_str_equal(words[0], WEFT_S("PING"))) return weft_conn_write(c, WEFT_S("+PONG\r\n"));
    return weft_conn_print(c, ">3\r\n$9\r\nsubscribe\r\n$%zu\r\n%.*s\r\n:1\r\n", words[1].len, WEFT_FMT(words[1]));
}

/* The first connection is confirmed and ends at once. With ctx the second is never greeted (it says that it knows no HELLO); without, each is refused. */
static int confirm_once(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (weft_str_equal(words[0], WEFT_S("AUTH"))) return f->connections == 1 ? weft_conn_write(c, WEFT_S("+OK\r\n")) : 0;
    WEFT_TRY(confirm(f, c, words, count));
    if (!f->ctx) weft_listener_close(f->l);
    return WEFT_ECLOSED;
}

typedef struct reader { weft_redis_sub *sub; int *rc; int64_t *at_ns; } reader;
static int read_to_its_end(const reader *in)
{
    weft_redis_message m;
    while ((*in->rc = weft_redis_next(in->sub, &m)) == 1) continue;
    *in->at_ns = weft_now_ns();
    return 0;
}

typedef enum { BLOCK_ENDS, UNSUBSCRIBED, REDIS_CLOSED, WAYS } way;

/* Another task reads; 30 ms later it ends. */
static int end_under_a_reader(way how, fake_answer *answer, bool greets)
{
    weft_redis *r;
    char url[100];
    int rc = -1;
    int64_t ended_ns = 0;
    FAKE(f, .answer = answer, .resp2 = true, .ctx = greets ? NULL : &f);
    snprintf(url, sizeof url, "redis://:pw@%s", f.url + 8);
    WEFT_TRY(weft_redis_open(url, &r, .retry_ms = 2000));
    int64_t since = weft_now_ns();
    {
        WEFT_SCOPE(s);
        {
            WEFT_REDIS_SUB(sub);
            WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
            weft_spawn(s, read_to_its_end, (&(reader){ sub, &rc, &ended_ns }));
            WEFT_TRY(weft_sleep_ms(30));
            WEFT_CHECK_EQ(rc, -1);
            if (how == UNSUBSCRIBED) weft_redis_unsubscribe(sub);
            if (how == REDIS_CLOSED) WEFT_TRY(weft_redis_close(r, 0));
            if (how != BLOCK_ENDS) WEFT_CHECK_EQ(weft_join(s), 0);
        }
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(rc, 0);
    if (world_now.virtual_time) WEFT_CHECK(ended_ns - since < 31 * 1000000);
    if (how != REDIS_CLOSED) WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int confirm_old(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (weft_str_equal(words[0], WEFT_S("AUTH"))) return weft_conn_write(c, WEFT_S("+OK\r\n"));
    return confirm(f, c, words, count);
}

TASK_TEST(who_waits_for_a_message_is_told_when_its_subscription_ends_in_any_way)
{
    for (way how = 0; how < WAYS; how++) WEFT_TRY(end_under_a_reader(how, confirm_old, true));
    return 0;
}

TASK_TEST(who_waits_until_a_lost_server_may_be_tried_again_is_told_at_once_when_its_subscription_ends)
{
    for (way how = 0; how < WAYS; how++) WEFT_TRY(end_under_a_reader(how, confirm_once, true));
    return 0;
}

TASK_TEST(who_waits_for_the_greeting_of_a_server_is_told_at_once_when_its_subscription_ends)
{
    for (way how = 0; how < WAYS; how++) WEFT_TRY(end_under_a_reader(how, confirm_once, false));
    return 0;
}

/* What ended the reader's wait was its own cancel, which is still told. */
TASK_TEST(a_cancel_while_a_subscription_connects_anew_is_the_readers_own)
{
    weft_redis *r;
    weft_redis_message m;
    char url[100];
    FAKE(f, .answer = confirm_once, .resp2 = true);
    snprintf(url, sizeof url, "redis://:pw@%s", f.url + 8);
    WEFT_TRY(weft_redis_open(url, &r, .retry_ms = 2000));
    {
        WEFT_REDIS_SUB(sub);
        WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
        WEFT_SCOPE(s, .timeout_ms = 30);
        WEFT_CHECK_EQ(weft_redis_next(sub, &m), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* ---- slow messages ---- */

enum { PIECES = 12 };

/* A message of PIECES bytes, one each ctx ms; whoever sends it answers nothing meanwhile. */
static int slowly(fake *f, weft_conn *c, const weft_str *words, int count)
{
    WEFT_TRY(confirm(f, c, words, count));
    if (!weft_str_equal(words[0], WEFT_S("SUBSCRIBE"))) return 0;
    WEFT_TRY(weft_conn_print(c, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$%d\r\n", PIECES));
    for (int i = 0; i < PIECES; i++) {
        WEFT_TRY(weft_sleep_ms(*(int *)f->ctx));
        WEFT_TRY(weft_conn_write(c, WEFT_S("x")));
    }
    return weft_conn_write(c, WEFT_S("\r\n"));
}

/* 15 s without a byte are a silence, which ends with the next byte, and not only with an answer. */
SIM_TEST(a_message_that_takes_long_to_come_is_no_silence)
{
    static const struct { int each_ms, asked; } all[] = { { 2000, 0 }, { 14000, 0 }, { 16000, PIECES }, { 19000, PIECES } };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft_redis *r;
        weft_redis_message m = { 0 };
        int each_ms = all[i].each_ms;
        FAKE(f, .answer = slowly, .ctx = &each_ms);
        WEFT_TRY(weft_redis_open(f.url, &r));
        {
            WEFT_REDIS_SUB(sub);
            WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
            WEFT_CHECK_EQ(weft_redis_next(sub, &m), 1);
            WEFT_CHECK(!m.gap);
            WEFT_CHECK_EQ(m.text.len, PIECES);
            WEFT_TRY(weft_sleep_ms(100));
        }
        WEFT_CHECK_EQ(f.connections, 1);
        WEFT_CHECK_EQ(f.commands - 1, all[i].asked);
        WEFT_TRY(weft_redis_close(r, 0));
        weft_cancel(f_scope);
    }
    return 0;
}

SIM_TEST(a_message_that_stops_in_the_middle_is_given_up_with_its_connection)
{
    weft_redis *r;
    weft_redis_message m = { 0 };
    int each_ms = 21000;
    FAKE(f, .answer = slowly, .ctx = &each_ms);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_REDIS_SUB(sub);
        WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
        int64_t since = weft_now_ns();
        WEFT_CHECK_EQ(weft_redis_next(sub, &m), 1);
        WEFT_CHECK(m.gap);
        WEFT_CHECK(weft_now_ns() - since >= INT64_C(20000000000) && weft_now_ns() - since < INT64_C(21000000000));
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}
