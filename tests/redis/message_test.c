/* Messages: none crossed, lost ones told, and a subscription that outlives its server. */
#include "redis_world.h"

static int next_is(weft_redis_sub *sub, const char *channel, const char *text)
{
    weft_redis_message m = { 0 };
    int rc = weft_redis_next(sub, &m);
    WEFT_CHECK_EQ(rc, 1);
    if (rc != 1) return rc;
    WEFT_CHECK(!m.gap);
    WEFT_CHECK_STR(m.channel, channel);
    WEFT_CHECK_STR(m.text, text);
    return 0;
}

REDIS_TEST(messages_come_in_their_order_to_those_who_subscribed)
{
    weft_redis *r;
    weft_redis_message m;
    int64_t n;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    weft_str names[] = { WEFT_S("a"), WEFT_S("b") };
    weft_list_weft_str rooms = { names, 2, 2 };
    {
        WEFT_REDIS_SUB(sub);
        WEFT_REDIS_SUB(all);
        WEFT_TRY(weft_redis_subscribe(r, &sub, weft_fields(weft_list_weft_str, &rooms), "c"));
        WEFT_TRY(weft_redis_psubscribe(r, &all, "?"));
        WEFT_TRY(weft_redis_value(r, int64_t, &n, "PUBLISH {} {}", "b", "first"));
        WEFT_CHECK_EQ(n, 2);
        WEFT_TRY(weft_redis_do(r, "PUBLISH a {}", ""));
        WEFT_TRY(weft_redis_do(r, "PUBLISH d {}", "for all"));
        char *large = weft_alloc(200001);
        memset(large, 'y', 200000);
        WEFT_TRY(weft_redis_do(r, "PUBLISH c {}", large));
        WEFT_TRY(next_is(sub, "b", "first"));
        WEFT_TRY(next_is(sub, "a", ""));
        WEFT_TRY(next_is(sub, "c", large));
        WEFT_TRY(next_is(all, "b", "first"));
        WEFT_TRY(next_is(all, "a", ""));
        WEFT_CHECK_EQ(weft_redis_next(all, &m), 1);
        WEFT_CHECK_STR(m.channel, "d");
        WEFT_CHECK_STR(m.pattern, "?");
        WEFT_SCOPE(s, .timeout_ms = 30);
        WEFT_CHECK_EQ(weft_redis_next(sub, &m), WEFT_ETIMEDOUT);
        WEFT_CHECK(weft_scope_caught(s));
    }
    WEFT_TRY(weft_redis_value(r, int64_t, &n, "PUBLISH a x"));
    WEFT_CHECK_EQ(n, 0);
    return weft_redis_close(r, 0);
}

REDIS_TEST(a_subscription_outlives_its_server_and_tells_the_gap)
{
    weft_redis *r;
    weft_redis_message m;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r, .retry_ms = 5));
    WEFT_REDIS_SUB(sub);
    WEFT_TRY(weft_redis_subscribe(r, &sub, "news"));
    redis_stop(&server, SIGKILL);
    redis_start(&server, NULL);
    WEFT_CHECK_EQ(weft_redis_next(sub, &m), 1);
    WEFT_CHECK(m.gap && m.channel.len == 0);
    for (int rc; (rc = weft_redis_do(r, "PUBLISH news {}", "again")) < 0;) {
        WEFT_CHECK(rc == WEFT_EREDIS_DOWN || rc == WEFT_ECONNRESET);
        WEFT_TRY(weft_sleep_ms(5));
    }
    WEFT_TRY(next_is(sub, "news", "again"));
    return weft_redis_close(r, 0);
}

REDIS_TEST(who_may_not_subscribe_is_told_so)
{
    weft_redis *r;
    char url[400];
    REDIS_SERVER(server, "--user", "ada", "on", ">pw", "~*", "+@all", "resetchannels", "&mine");
    snprintf(url, sizeof url, "unix://ada:pw@%s", server.url + 7);
    WEFT_TRY(weft_redis_open(url, &r));
    WEFT_REDIS_SUB(sub);
    int rc = weft_redis_subscribe(r, &sub, "others");
    if (rc != WEFT_EREDIS) redis_says(rc, "?");
    WEFT_CHECK(rc == WEFT_EREDIS && weft_redis_said(rc, "NOPERM") && !sub);
    WEFT_TRY(weft_redis_subscribe(r, &sub, "mine"));
    WEFT_CHECK_EQ(weft_redis_do(r, "PUBLISH mine x"), 1);
    WEFT_TRY(next_is(sub, "mine", "x"));
    return weft_redis_close(r, 0);
}

/* A server of the test's own that confirms, and says then what is in ctx. */
static int confirm(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (weft_str_equal(words[0], WEFT_S("PING"))) return f->resp2 ? weft_conn_write(c, WEFT_S("*2\r\n$4\r\npong\r\n$0\r\n\r\n")) : weft_conn_write(c, WEFT_S("+PONG\r\n"));
    for (int i = 1; i < count; i++)
        WEFT_TRY(weft_conn_print(c, "%c3\r\n$9\r\nsubscribe\r\n$%zu\r\n%.*s\r\n:%d\r\n", f->resp2 ? '*' : '>', words[i].len, WEFT_FMT(words[i]), i));
    return f->ctx ? weft_conn_write(c, weft_str_of(f->ctx)) : 0;
}

TASK_TEST(messages_are_the_same_in_both_versions)
{
    static const char *const said[] = { ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n>4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nb\r\n$2\r\nho\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nb\r\n$2\r\nho\r\n" };
    for (int old = 0; old < 2; old++) {
        weft_redis *r;
        FAKE(f, .answer = confirm, .resp2 = old, .ctx = (void *)(uintptr_t)said[old]);
        WEFT_TRY(weft_redis_open(f.url, &r));
        {
            WEFT_REDIS_SUB(sub);
            WEFT_TRY(weft_redis_subscribe(r, &sub, "a", "b"));
            WEFT_TRY(next_is(sub, "a", "hi"));
            WEFT_TRY(next_is(sub, "b", "ho"));
        }
        WEFT_TRY(weft_redis_close(r, 0));
        weft_cancel(f_scope);
    }
    return 0;
}

static int mute(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (weft_str_equal(words[0], WEFT_S("PING")) && f->connections == 1) return 0;
    return confirm(f, c, words, count);
}

SIM_TEST(a_server_that_went_without_a_word_is_noticed)
{
    weft_redis *r;
    weft_redis_message m;
    FAKE(f, .answer = mute);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_REDIS_SUB(sub);
        WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
        int64_t since = weft_now_ns();
        WEFT_CHECK_EQ(weft_redis_next(sub, &m), 1);
        WEFT_CHECK(m.gap);
        WEFT_CHECK(weft_now_ns() - since >= INT64_C(20000000000) && weft_now_ns() - since < INT64_C(21000000000));
        WEFT_CHECK_EQ(f.connections, 2);
        WEFT_SCOPE(s, .timeout_ms = 100000);         /* the second one answers each PING: it is not left */
        WEFT_CHECK_EQ(weft_redis_next(sub, &m), WEFT_ETIMEDOUT);
        WEFT_CHECK_EQ(f.connections, 2);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int confirm_and_end(fake *f, weft_conn *c, const weft_str *words, int count)
{
    int rc = confirm(f, c, words, count);
    return rc < 0 ? rc : f->answer == confirm_and_end ? WEFT_ECLOSED : 0;
}

/* Also by a reader who never waits for long: what is waited for does not begin anew with each of his calls. */
SIM_TEST(a_server_that_confirms_and_closes_is_asked_again_at_a_pace)
{
    weft_redis *r;
    weft_redis_message m;
    int gaps = 0, rc = 0;
    FAKE(f, .answer = confirm_and_end);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_REDIS_SUB(sub);
        WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
        int64_t since = weft_now_ns();
        while (weft_now_ns() - since < INT64_C(20000000000) && f.connections < 1000) {
            WEFT_SCOPE(s, .timeout_ms = 70);
            rc = weft_redis_next(sub, &m);
            WEFT_CHECK(rc == WEFT_ETIMEDOUT || (rc == 1 && m.gap));
            gaps += rc == 1;
        }
        WEFT_CHECK(gaps >= 8 && f.connections <= 8 + 20);
        f.answer = confirm;
        for (int i = 0; i < 100 && rc != 1; i++) {
            WEFT_SCOPE(s, .timeout_ms = 70);
            rc = weft_redis_next(sub, &m);
        }
        int before = f.connections;
        WEFT_SCOPE(s, .timeout_ms = 100000);
        do rc = weft_redis_next(sub, &m);
        while (rc == 1);
        WEFT_CHECK(rc == WEFT_ETIMEDOUT && f.connections <= before + 1);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

typedef struct ending { weft_redis_sub *sub; weft_redis *r; } ending;
static int end_later(const ending *in)
{
    WEFT_TRY(weft_sleep_ms(20));
    if (in->sub) weft_redis_unsubscribe(in->sub);
    return in->r ? weft_redis_close(in->r, 0) : 0;
}

TASK_TEST(a_subscription_ends_when_it_or_its_redis_is_closed)
{
    weft_redis_message m;
    for (int closes = 0; closes < 2; closes++) {
        weft_redis *r;
        FAKE(f, .answer = confirm);
        WEFT_TRY(weft_redis_open(f.url, &r));
        {
            WEFT_REDIS_SUB(sub);
            WEFT_SCOPE(s);
            WEFT_TRY(weft_redis_subscribe(r, &sub, "a"));
            weft_spawn(s, end_later, (&(ending){ closes ? NULL : sub, closes ? r : NULL }));
            WEFT_CHECK_EQ(weft_redis_next(sub, &m), 0);
            WEFT_CHECK_EQ(weft_redis_next(sub, &m), 0);
            WEFT_TRY(weft_join(s));
        }
        if (!closes) WEFT_TRY(weft_redis_close(r, 0));
        weft_cancel(f_scope);
    }
    return 0;
}
