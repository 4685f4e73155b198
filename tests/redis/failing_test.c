/* Whole calls, for tools/fail-each: with any allocation or system call failing, here or in the server, which is in the same process, they end in time, and
 * nothing is left behind. Each wait has a bound. */
#include "redis/inside.h"
#include "redis_world.h"

#define BOUNDED .connect_ms = 500, .command_ms = 500, .acquire_ms = 500, .retry_ms = 10

static int answer(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)count;
    if (weft_str_equal(words[0], WEFT_S("GET"))) return weft_conn_print(c, "$%zu\r\n%.*s\r\n", words[1].len, WEFT_FMT(words[1]));
    if (weft_str_equal(words[0], WEFT_S("HGETALL"))) return weft_conn_write(c, WEFT_S("%2\r\n$2\r\nid\r\n$1\r\n7\r\n$4\r\nname\r\n$3\r\nAda\r\n"));
    if (weft_str_equal(words[0], WEFT_S("EVALSHA"))) return weft_conn_write(c, WEFT_S("-NOSCRIPT No matching script\r\n"));
    if (weft_str_equal(words[0], WEFT_S("EXEC"))) return weft_conn_write(c, WEFT_S("*1\r\n:7\r\n"));
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

WEFT_MODEL(Person, field(int64_t, id), field(weft_str, name));

static int command(weft_redis *r)
{
    Person ada = { .id = 7, .name = WEFT_S("Ada") }, got;
    weft_str text = WEFT_S("");
    char *large = weft_alloc(9001);
    if (large) memset(large, 'x', 9000);
    int rc = weft_redis_do(r, "HSET user:{} {} at {}", 7, weft_fields(Person, &ada), 1.5);
    if (rc < 0) return rc;
    rc = weft_redis_value(r, Person, &got, "HGETALL user:{}", 7);
    if (rc == 0) WEFT_CHECK(got.id == 7 && got.name.len == 3);
    WEFT_TRY(weft_redis_value(r, weft_str, &text, "GET {}", large ? large : ""));
    WEFT_CHECK_EQ(text.len, large ? 9000 : 0);
    WEFT_TRY(weft_redis_do(r, "EVAL {} 1 k", "return 5"));
    return weft_redis_do(r, "BLPOP a 0.1");
}

static int session(weft_redis *r)
{
    int64_t n = 0;
    WEFT_REDIS_SESSION(s, r);
    WEFT_TRY(weft_redis_do(s, "WATCH a"));
    WEFT_TRY(weft_redis_batch(s, weft_redis_step("SET a 1"), weft_redis_step("SET b 1")));
    int rc = weft_redis_atomic(s, weft_redis_step_value(int64_t, &n, "INCR {}", "a"));
    if (rc == 1) WEFT_CHECK_EQ(n, 7);
    return rc;
}

static int through(int (*call)(weft_redis *))
{
    weft_redis *r;
    FAKE(f, .answer = answer);
    WEFT_TRY(weft_redis_open(f.url, &r, BOUNDED, .name = "test"));
    int rc = call(r);
    rc = weft_redis_close(r, rc);
    weft_cancel(f_scope);
    return rc < 0 ? rc : 0;
}

TASK_TEST(whole_commands_with_any_call_failing) { return through(command); }
TASK_TEST(a_whole_session_with_any_call_failing) { return through(session); }

/* ---- messages ---- */

/* The first connection ends behind its message. */
static int message(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (!weft_str_equal(words[0], WEFT_S("SUBSCRIBE"))) return answer(f, c, words, count);
    WEFT_TRY(weft_conn_write(c, WEFT_S(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n")));
    return f->connections == 1 ? WEFT_ECLOSED : 0;
}

static int read_three(weft_redis_sub *const *sub)
{
    weft_redis_message m;
    WEFT_SCOPE(s, .timeout_ms = 1000);
    for (int i = 0; i < 3; i++) {                    /* a message, a gap, a message */
        int rc = weft_redis_next(*sub, &m);
        if (rc <= 0) return rc;
        WEFT_CHECK_EQ(m.text.len, m.gap ? 0 : 2);
    }
    return weft_redis_next(*sub, &m);                /* until the block ends under it */
}

TASK_TEST(a_whole_subscription_with_any_call_failing)
{
    weft_redis *r;
    FAKE(f, .answer = message);
    WEFT_TRY(weft_redis_open(f.url, &r, BOUNDED));
    WEFT_SCOPE(s);
    int rc;
    {
        WEFT_REDIS_SUB(sub);
        rc = weft_redis_subscribe(r, &sub, "a");
        if (rc == 0) weft_spawn(s, read_three, &sub);
        if (rc == 0) rc = weft_sleep_ms(100);
    }
    int joined = weft_join(s);
    rc = weft_redis_close(r, rc < 0 ? rc : joined);
    weft_cancel(f_scope);
    return rc < 0 ? rc : 0;
}

/* ---- clusters and sentinels ---- */

/* Has what ends in 1; all else the other server has. */
static int half_away(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (count > 1 && words[1].ptr[words[1].len - 1] != '1') return weft_conn_print(c, "-%s\r\n", (const char *)f->ctx);
    return answer(f, c, words, count);
}

TASK_TEST(a_whole_trip_through_a_cluster_with_any_call_failing)
{
    weft_redis *r;
    char url[100], away[100];
    FAKE(a, .answer = half_away, .ctx = away);
    FAKE(b, .answer = answer);
    snprintf(url, sizeof url, "redis+cluster://%s", a.url + 8);
    WEFT_TRY(weft_redis_open(url, &r, BOUNDED));
    for (int asks = 1, rc = 0; asks >= 0 && rc >= 0; asks--) {
        snprintf(away, sizeof away, "%s %d %s", asks ? "ASK" : "MOVED", weft__slot_of(WEFT_S("k")), b.url + 8);
        rc = weft_redis_batch(r, weft_redis_step("SET {k}:1 1"), weft_redis_step("SET {k}:2 1"), weft_redis_step("SET {k}:3 1"));
        if (rc == 0) rc = weft_redis_do(r, "GET {k}:2");
        if (rc >= 0) {
            WEFT_REDIS_SESSION(s, r);
            rc = weft_redis_do(s, "WATCH {k}:2");
        }
        if (asks) rc = 0;                            /* a session is not asked for elsewhere */
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

static int names_itself(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (weft_str_equal(words[0], WEFT_S("SENTINEL"))) return weft_conn_print(c, "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05d\r\n", weft_listener_port(f->l));
    if (weft_str_equal(words[0], WEFT_S("ROLE"))) return weft_conn_write(c, WEFT_S("*1\r\n$6\r\nmaster\r\n"));
    return answer(f, c, words, count);
}

TASK_TEST(a_master_that_a_sentinel_names_is_found_with_any_call_failing)
{
    weft_redis *r;
    char url[100];
    FAKE(f, .answer = names_itself);
    snprintf(url, sizeof url, "redis+sentinel://%s/mymaster/2", f.url + 8);
    WEFT_TRY(weft_redis_open(url, &r, BOUNDED));
    int rc = weft_redis_do(r, "GET a");
    rc = weft_redis_close(r, rc);
    weft_cancel(f_scope);
    return rc < 0 ? rc : 0;
}
