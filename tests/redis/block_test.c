/* Commands that block: on a connection of their own, for as long as they said, and not for ever at a server that is gone. */
#include "redis_world.h"

static int nil(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S("_\r\n"));
}

static int silent(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)c, (void)words, (void)count;
    return 0;
}

TASK_TEST(what_blocks_by_a_word_that_is_a_value_has_a_connection_of_its_own_too)
{
    static const struct { const char *text, *values[3]; bool blocks; } all[] = {
        { "XREAD {} {} STREAMS s 0", { "BLOCK", "10" }, true }, { "XREAD COUNT 1 {} 10 STREAMS s 0", { "block" }, true }, { "XREAD {} BLOCK {} {} STREAMS s 0", { "COUNT", "1", "10" }, false },
        { "XREADGROUP GROUP {} {} BLOCK 10 STREAMS s 0", { "BLOCK", "BLOCK" }, true }, { "XREADGROUP GROUP BLOCK BLOCK STREAMS s 0", { 0 }, false },
        { "XREAD STREAMS BLOCK {}", { "10" }, false }, { "XREAD BLO{} 10 STREAMS s 0", { "CK" }, true }, { "XREAD BLOCK", { 0 }, true },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft_redis *r;
        weft_val values[3] = { 0 };
        size_t n = 0;
        FAKE(f, .answer = nil);
        WEFT_TRY(weft_redis_open(f.url, &r));
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), 0);
        for (; n < 3 && all[i].values[n]; n++) values[n] = (weft_val){ .kind = WEFT__VAL_STR, .s = weft_str_of(all[i].values[n]) };
        WEFT_CHECK_EQ(weft_redis_do_with(r, &(weft_redis_command){ all[i].text, values, n, WEFT__HERE }), 0);
        if (f.connections != 1 + all[i].blocks) weft__check_fail(__FILE__, __LINE__, "%s: %d connections", all[i].text, f.connections);
        WEFT_TRY(weft_redis_close(r, 0));
        weft_cancel(f_scope);
    }
    return 0;
}

/* The time it may block and .command_ms, here 1 s, together. */
SIM_TEST(what_blocks_for_a_time_is_given_up_when_no_reply_has_come_a_while_behind_it)
{
    static const struct { const char *text; int ms; } all[] = {
        { "BLPOP a 5", 6000 }, { "BRPOP a b 0.25", 1250 }, { "BLMOVE a b LEFT RIGHT 2", 3000 }, { "BZPOPMIN a 3", 4000 }, { "BLMPOP 4 1 a LEFT COUNT 10", 5000 }, { "BZMPOP 1.5 1 a MIN", 2500 },
        { "XREAD BLOCK 2500 STREAMS s 0", 3500 }, { "WAIT 1 4000", 5000 }, { "GET a", 1000 },
    };
    weft_redis *r;
    FAKE(f, .answer = silent);
    WEFT_TRY(weft_redis_open(f.url, &r, .command_ms = 1000));
    for (size_t i = 0; i < weft_count(all); i++) {
        int64_t since = weft_now_ns();
        WEFT_REDIS_SESSION(s, r);
        WEFT_CHECK_EQ(weft_redis_do_with(strncmp(all[i].text, "WAIT", 4) == 0 ? s : r, &(weft_redis_command){ .text = all[i].text, .place = WEFT__HERE }), WEFT_ETIMEDOUT);
        WEFT_CHECK(redis_says(WEFT_ETIMEDOUT, "may have run"));
        int64_t took_ms = (weft_now_ns() - since) / 1000000;
        if (took_ms < all[i].ms || took_ms > all[i].ms + 2) weft__check_fail(__FILE__, __LINE__, "%s: %lld ms", all[i].text, (long long)took_ms);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

SIM_TEST(what_blocks_for_ever_is_not_given_up)
{
    static const char *const all[] = { "BLPOP a 0", "XREAD BLOCK 0 STREAMS s 0", "BLMPOP 0 1 a LEFT", "BLPOP a 1e30", "BLPOP a x" };
    weft_redis *r;
    FAKE(f, .answer = silent);
    WEFT_TRY(weft_redis_open(f.url, &r, .command_ms = 1000));
    for (size_t i = 0; i < weft_count(all); i++) {
        WEFT_SCOPE(s, .timeout_ms = 1000000);
        int64_t since = weft_now_ns();
        WEFT_CHECK_EQ(weft_redis_do_with(r, &(weft_redis_command){ .text = all[i], .place = WEFT__HERE }), WEFT_ETIMEDOUT);
        WORLD_TOOK(since, 1000000);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* In a line of /proc/net/tcp: "SL: local:PORT remote:PORT ST tx:rx TR:when ..."; 02 is a timer that keeps alive. */
static int kept_alive_to(int port)
{
    char line[300], remote[20];
    unsigned state, timer;
    int kept = 0;
    FILE *f = fopen("/proc/self/net/tcp", "r");
    WEFT_NEED(f != NULL);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, " %*d: %*s %19s %x %*x:%*x %x:", remote, &state, &timer) == 3 && strtol(strchr(remote, ':') + 1, NULL, 16) == port && state == 1) kept += timer == 2;
    fclose(f);
    return kept;
}

typedef struct asked { weft_redis *r; int *rc; } asked;
static int pop(const asked *in)
{
    *in->rc = weft_redis_do(in->r, "BLPOP a 0");
    return 0;
}

EPOLL_TEST(a_server_that_is_gone_without_a_word_is_noticed_by_what_blocks_for_ever)
{
    weft_redis *r;
    int rc = 0, port;
    FAKE(f, .answer = silent);
    port = weft_listener_port(f.l);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, pop, (&(asked){ r, &rc }));
        for (int i = 0; i < 2000 && !f.commands; i++) WEFT_TRY(weft_sleep_ms(5));
        for (int i = 0; i < 2000 && !kept_alive_to(port); i++) WEFT_TRY(weft_sleep_ms(5));     /* while what was sent is not acknowledged, another timer runs */
        WEFT_CHECK_EQ(kept_alive_to(port), 1);
        weft_cancel(s);
        world_ignore(weft_join(s));
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}
