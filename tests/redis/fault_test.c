/* Servers that are down, come back, or go in the middle: what has run is never said not to have, and nobody waits for nothing. */
#include "redis_world.h"

static int ok(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

/* Ends each connection behind its first answer. */
static int one_each(fake *f, weft_conn *c, const weft_str *words, int count)
{
    WEFT_TRY(ok(f, c, words, count));
    return WEFT_ECLOSED;
}

TASK_TEST(a_server_that_is_not_there_is_told_at_once_and_left_alone_for_a_while)
{
    weft_redis *r;
    char url[64];
    int port;
    {
        WEFT_LISTENER(l);
        WEFT_TRY(weft_listen(&l, "127.0.0.1", 0));
        port = weft_listener_port(l);
    }
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
    WEFT_TRY(weft_redis_open(url, &r, .retry_ms = 200));
    int rc = weft_redis_do(r, "GET a");
    WEFT_CHECK_EQ(rc, WEFT_EREDIS_DOWN);
    WEFT_CHECK(redis_says(rc, "refused") && redis_says(rc, "GET a") && redis_says(rc, "127.0.0.1"));
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 503);
    int64_t since = weft_now_ns();
    for (int i = 0; i < 50; i++) WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
    WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "attempt 1;"));
    if (world_now.virtual_time) WEFT_CHECK(weft_now_ns() - since < 1000000);
    WEFT_TRY(weft_sleep_ms(210));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
    WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "attempt 2;"));
    return weft_redis_close(r, 0);
}

SIM_TEST(attempts_at_a_server_that_has_gone_grow_apart)
{
    weft_redis *r;
    int attempts = 0;
    FAKE(f, .answer = one_each);
    WEFT_TRY(weft_redis_open(f.url, &r, .retry_ms = 1));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), 1);
    weft_listener_close(f.l);
    WEFT_TRY(weft_sleep_ms(10));
    for (int i = 0; i < 200; i++) {
        int rc = weft_redis_do(r, "GET a");
        WEFT_CHECK(rc == WEFT_EREDIS_DOWN || rc == WEFT_ECONNRESET);
        if (rc == WEFT_EREDIS_DOWN) attempts = atoi(strstr(weft_error_of(rc)->text, "(attempt ") + 9);
        WEFT_TRY(weft_sleep_ms(1));
    }
    WEFT_CHECK(attempts >= 4 && attempts <= 12);
    return weft_redis_close(r, 0);
}

static int silent_greeting(weft_conn *c, void *ctx)
{
    weft_str bytes;
    (void)ctx;
    while (weft_conn_read(c, &bytes) > 0) continue;
    return 0;
}
static int serve_silently(weft_listener *const *l) { return weft_listener_serve(*l, silent_greeting); }

TASK_TEST(a_server_that_does_not_greet_is_given_up_in_time)
{
    weft_redis *r;
    char url[64];
    WEFT_LISTENER(l);
    WEFT_TRY(weft_listen(&l, "127.0.0.1", 0));
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", weft_listener_port(l));
    WEFT_SCOPE(s);
    weft_spawn(s, serve_silently, &l);
    WEFT_TRY(weft_redis_open(url, &r, .connect_ms = 100));
    int64_t since = weft_now_ns();
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
    WORLD_TOOK(since, 100);
    WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "no answer in time"));
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(s);
    return 0;
}

static int order(fake *f, weft_conn *c, const weft_str *words, int count)
{
    char (*said)[64] = f->ctx;
    snprintf(said[f->commands - 1], 64, "%.*s %.*s", WEFT_FMT(words[0]), WEFT_FMT(words[count - 1]));
    return ok(f, c, words, count);
}

TASK_TEST(an_old_server_is_greeted_in_its_own_words)
{
    weft_redis *r;
    char url[100];
    char said[8][64] = { 0 };
    FAKE(f, .answer = order, .resp2 = true, .ctx = said);
    snprintf(url, sizeof url, "redis://:pw@%s/4", f.url + 8);
    WEFT_TRY(weft_redis_open(url, &r, .name = "me"));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), 1);
    WEFT_CHECK_EQ(f.commands, 4);
    WEFT_CHECK_STR(weft_str_of(said[0]), "AUTH pw");
    WEFT_CHECK_STR(weft_str_of(said[1]), "CLIENT me");
    WEFT_CHECK_STR(weft_str_of(said[2]), "SELECT 4");
    WEFT_CHECK_STR(weft_str_of(said[3]), "GET a");
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

TASK_TEST(a_connection_that_ended_while_idle_costs_no_command)
{
    weft_redis *r;
    FAKE(f, .answer = one_each);
    WEFT_TRY(weft_redis_open(f.url, &r));
    for (int i = 0; i < 10; i++) {
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), 1);
        WEFT_CHECK_EQ(weft_redis_do(r, "BLPOP a 1"), 1);
        WEFT_TRY(weft_sleep_ms(5));
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int never(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)c, (void)words, (void)count;
    return 0;
}
typedef struct asked { weft_redis *r; const char *text; int *rc; } asked;
static int ask(const asked *in)
{
    *in->rc = weft_redis_do_with(in->r, &(weft_redis_command){ .text = in->text, .place = WEFT__HERE });
    return 0;
}

TASK_TEST(closing_ends_whoever_waits)
{
    weft_redis *r;
    int rcs[4] = { 0 };
    FAKE(f, .answer = never);
    WEFT_TRY(weft_redis_open(f.url, &r, .own_max = 1));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, ask, (&(asked){ r, "GET a", &rcs[0] }));
        weft_spawn(s, ask, (&(asked){ r, "BLPOP a 0", &rcs[1] }));
        WEFT_TRY(weft_sleep_ms(20));
        weft_spawn(s, ask, (&(asked){ r, "BLPOP b 0", &rcs[2] }));
        weft_spawn(s, ask, (&(asked){ r, "GET b", &rcs[3] }));
        WEFT_TRY(weft_sleep_ms(20));
        WEFT_TRY(weft_redis_close(r, 0));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(rcs[i], WEFT_ECLOSED);
    weft_cancel(f_scope);
    return 0;
}

/* ---- a real one, restarted under load ---- */

typedef struct writer { weft_redis *r; int id; bool *stop; int *acknowledged, *failed, *downs; } writer;
static int keep_writing(const writer *in)
{
    for (int n = 1; !*in->stop; n++) {
        int rc = weft_redis_do(in->r, "SADD set:{} {}", in->id, n);
        if (rc == 1) in->acknowledged[in->id] = n;
        else if (rc == WEFT_EREDIS_DOWN || rc == WEFT_ECONNRESET) {
            ++*(rc == WEFT_EREDIS_DOWN ? in->downs : in->failed);
            WEFT_CHECK_EQ(weft_error_of(rc)->status, 503);
            WEFT_TRY(weft_sleep_ms(2));
            n--;                                     /* it may have run: a set does not mind */
        } else return rc;
        WEFT_TRY(weft_yield());
    }
    return 0;
}

REDIS_TEST(a_restart_under_load_is_told_as_such_and_loses_nothing_acknowledged)
{
    enum { WRITERS = 20 };
    weft_redis *r;
    bool stop = false;
    int acknowledged[WRITERS] = { 0 }, failed = 0, downs = 0;
    const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always", NULL };
    redis_server server WEFT_CLEANUP(redis_leave) = { 0 };
    redis_start(&server, durable);
    WEFT_TRY(weft_redis_open(server.url, &r, .retry_ms = 10));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < WRITERS; i++) weft_spawn(s, keep_writing, (&(writer){ r, i, &stop, acknowledged, &failed, &downs }));
        for (int round = 0; round < 3; round++) {
            WEFT_TRY(weft_sleep_ms(150));
            redis_stop(&server, round == 1 ? SIGTERM : SIGKILL);
            WEFT_TRY(weft_sleep_ms(50));
            redis_start(&server, durable);
        }
        int before = acknowledged[0];
        for (int i = 0; acknowledged[0] == before && i < 1000; i++) WEFT_TRY(weft_sleep_ms(10));
        WEFT_CHECK(acknowledged[0] > before);
        stop = true;
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK(downs > 0);
    for (int i = 0; i < WRITERS; i++) {
        int64_t n;
        WEFT_CHECK(acknowledged[i] > 0);
        WEFT_TRY(weft_redis_value(r, int64_t, &n, "SCARD set:{}", i));
        WEFT_CHECK(n >= acknowledged[i]);
    }
    return weft_redis_close(r, 0);
}
