/* Servers that send what they should not, or nothing, or go away: nobody else pays for it, and nothing is left behind. */
#include "redis_world.h"

static int ok(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

/* What is in ctx, whatever was asked. */
static int bytes(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)words, (void)count;
    return weft_conn_write(c, weft_str_of(f->ctx));
}

TASK_TEST(what_is_no_resp_breaks_off_and_the_next_command_connects_anew)
{
    static const struct { const char *said, *why; } all[] = {
        { "HTTP/1.1 400 Bad Request\r\n\r\n", "begins no value" }, { "$-7\r\n", "length" }, { "*1\r\n*1\r\n$x\r\n", "length" }, { "+OK\r\n+twice\r\n", "" },
        { "$3\r\nabcd\r\n", "no end" },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft_redis *r;
        FAKE(f, .answer = bytes, .ctx = (void *)(uintptr_t)all[i].said);
        WEFT_TRY(weft_redis_open(f.url, &r));
        int rc = weft_redis_do(r, "GET a");
        if (*all[i].why) {
            WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
            WEFT_CHECK(redis_says(rc, all[i].why) && redis_says(rc, "may have run") && redis_says(rc, "GET a"));
            WEFT_CHECK_EQ(weft_error_of(rc)->status, 503);
        } else {
            WEFT_CHECK(rc == 1 || rc == WEFT_ECONNRESET);
        }
        f.answer = ok;
        world_turn();
        WEFT_TRY(weft_sleep_ms(20));
        WEFT_CHECK_EQ(weft_redis_do(r, "GET b"), 1);
        WEFT_CHECK_EQ(f.connections, 2);
        WEFT_TRY(weft_redis_close(r, 0));
        weft_cancel(f_scope);
    }
    return 0;
}

TASK_TEST(a_number_that_is_none_fails_its_call_alone)
{
    weft_redis *r;
    int64_t n = 7;
    FAKE(f, .answer = bytes, .ctx = (void *)":12x\r\n");
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_value(r, int64_t, &n, "INCR a"), WEFT_EPROTO);
    WEFT_CHECK_EQ(n, 7);
    f.answer = ok;
    WEFT_CHECK_EQ(weft_redis_do(r, "GET b"), 1);
    WEFT_CHECK_EQ(f.connections, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* A text of ctx bytes, in pieces. */
static int large(fake *f, weft_conn *c, const weft_str *words, int count)
{
    char piece[4096];
    size_t left = *(size_t *)f->ctx;
    (void)count;
    if (weft_str_equal(words[0], WEFT_S("PING"))) return weft_conn_write(c, WEFT_S("+PONG\r\n"));
    memset(piece, 'x', sizeof piece);
    WEFT_TRY(weft_conn_print(c, "$%zu\r\n", left));
    for (; left; left -= left < sizeof piece ? left : sizeof piece) WEFT_TRY(weft_conn_write(c, (weft_str){ piece, left < sizeof piece ? left : sizeof piece }));
    return weft_conn_write(c, WEFT_S("\r\n"));
}

TASK_TEST(a_reply_beyond_its_limit_is_read_past_and_fails_its_call_alone)
{
    weft_redis *r;
    weft_str got;
    size_t n = 1 << 20;
    FAKE(f, .answer = large, .ctx = &n);
    WEFT_TRY(weft_redis_open(f.url, &r, .reply_bytes_max = 100000));
    long before = world_mem.bytes;
    WEFT_CHECK_EQ(weft_redis_value(r, weft_str, &got, "GET a"), WEFT_ELIMIT);
    WEFT_CHECK(redis_says(WEFT_ELIMIT, "reply_bytes_max") && redis_says(WEFT_ELIMIT, "100000"));
    WEFT_CHECK(world_mem.bytes - before < 700000);
    WEFT_CHECK_EQ(weft_redis_do(r, "PING"), 1);
    n = 90000;
    WEFT_CHECK_EQ(weft_redis_value(r, weft_str, &got, "GET a"), 0);
    WEFT_CHECK_EQ(got.len, 90000);
    WEFT_CHECK_EQ(f.connections, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* Its answer comes a byte at a time. */
static int dribble(fake *f, weft_conn *c, const weft_str *words, int count)
{
    char text[200];
    (void)f, (void)count;
    int n = snprintf(text, sizeof text, "%%1\r\n$3\r\nkey\r\n*2\r\n$%zu\r\n%.*s\r\n_\r\n", words[1].len, WEFT_FMT(words[1]));
    for (int i = 0; i < n; i++) {
        WEFT_TRY(weft_conn_write(c, (weft_str){ text + i, 1 }));
        WEFT_TRY(weft_sleep_ms(i % 5 == 0));
    }
    return 0;
}

TASK_TEST(a_reply_that_comes_byte_by_byte_is_the_same)
{
    weft_redis *r;
    weft_redis_reply reply;
    FAKE(f, .answer = dribble);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_TRY(weft_redis_ask(r, &reply, "GET {}", "some key"));
    WEFT_CHECK_EQ(reply.kind, WEFT_REDIS_MAP);
    WEFT_CHECK_EQ(reply.count, 2);
    WEFT_CHECK_STR(reply.items[0].s, "key");
    WEFT_CHECK_EQ(reply.items[1].count, 2);
    WEFT_CHECK_STR(reply.items[1].items[0].s, "some key");
    WEFT_CHECK_EQ(reply.items[1].items[1].kind, WEFT_REDIS_NIL);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int silent(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)c, (void)words, (void)count;
    return 0;
}

TASK_TEST(a_server_that_says_nothing_times_out_and_is_left)
{
    weft_redis *r;
    FAKE(f, .answer = silent);
    WEFT_TRY(weft_redis_open(f.url, &r, .command_ms = 1000));      /* what is asked next must have its answer in that */
    int64_t since = weft_now_ns();
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a 1"), WEFT_ETIMEDOUT);
    WORLD_TOOK(since, 1000);
    WEFT_CHECK(redis_says(WEFT_ETIMEDOUT, "1000 ms") && redis_says(WEFT_ETIMEDOUT, "SET a 1") && redis_says(WEFT_ETIMEDOUT, "may have run"));
    f.answer = ok;
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a 1"), 1);
    WEFT_CHECK_EQ(f.connections, 2);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* The first command gets its answer late, and the others behind it. */
static int late_once(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)count;
    if (f->commands == 1) WEFT_TRY(weft_sleep_ms(150));
    return weft_conn_print(c, "$%zu\r\n%.*s\r\n", words[1].len, WEFT_FMT(words[1]));
}

typedef struct asked { weft_redis *r; int n, *rc; } asked;
static int get_own(const asked *in)
{
    int64_t n = -1;
    int rc = weft_redis_value(in->r, int64_t, &n, "GET {}", in->n);
    if (in->rc) *in->rc = rc;
    if (rc == 0) WEFT_CHECK_EQ(n, in->n);
    return rc;
}

TASK_TEST(a_call_that_gave_up_leaves_its_reply_to_nobody)
{
    weft_redis *r;
    FAKE(f, .answer = late_once);
    WEFT_TRY(weft_redis_open(f.url, &r, .command_ms = 5000));
    {
        WEFT_SCOPE(s, .timeout_ms = 30);
        WEFT_CHECK_EQ(get_own(&(asked){ .r = r, .n = 1 }), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_CHECK_EQ(get_own(&(asked){ .r = r, .n = 2 }), 0);
    WEFT_CHECK_EQ(get_own(&(asked){ .r = r, .n = 3 }), 0);
    WEFT_CHECK_EQ(f.connections, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* Ends the connection behind the first half of its answer. */
static int half(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    WEFT_TRY(weft_conn_write(c, WEFT_S("$10\r\nabc")));
    return WEFT_ECLOSED;
}

TASK_TEST(an_end_in_the_middle_fails_all_that_wait_and_nothing_later)
{
    weft_redis *r;
    int rcs[10];
    FAKE(f, .answer = half);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET first"), WEFT_ECONNRESET);
    {
        WEFT_SCOPE(s);
        weft_error errors[10];
        for (int i = 0; i < 10; i++) weft_spawn(s, get_own, (&(asked){ r, i, &rcs[i] }), NULL, .error = &errors[i]);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < 10; i++) WEFT_CHECK_EQ(rcs[i], WEFT_ECONNRESET);
    f.answer = ok;
    WEFT_CHECK_EQ(weft_redis_do(r, "GET b"), 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int refuses(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)words, (void)count;
    return weft_conn_print(c, "-%s\r\n", (const char *)f->ctx);
}

TASK_TEST(what_the_server_says_no_with_begins_the_text)
{
    weft_redis *r;
    FAKE(f, .answer = refuses, .ctx = (void *)"WRONGTYPE Operation against a key");
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "LPUSH {} {}", "k", "v"), WEFT_EREDIS);
    WEFT_CHECK(weft_redis_said(WEFT_EREDIS, "WRONGTYPE") && !weft_redis_said(WEFT_EREDIS, "WRONG") && redis_says(WEFT_EREDIS, "LPUSH {} {}"));
    WEFT_CHECK_EQ(weft_error_of(WEFT_EREDIS)->status, 500);
    f.ctx = (void *)"LOADING Redis is loading the dataset in memory";
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
    WEFT_CHECK_EQ(weft_error_of(WEFT_EREDIS_DOWN)->status, 503);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}
