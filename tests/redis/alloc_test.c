/* Each allocation fails once through whole calls: what comes back is right or a failure, and nothing is lost. */
#include "redis_world.h"

WEFT_MODEL(Pair, field(int64_t, id), field(weft_str, name));

static int answer(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)count;
    if (weft_str_equal(words[0], WEFT_S("GET"))) return weft_conn_print(c, "$%zu\r\n%.*s\r\n", words[1].len, WEFT_FMT(words[1]));
    if (weft_str_equal(words[0], WEFT_S("HGETALL"))) return weft_conn_write(c, WEFT_S("%2\r\n$2\r\nid\r\n$1\r\n7\r\n$4\r\nname\r\n$3\r\nAda\r\n"));
    if (weft_str_equal(words[0], WEFT_S("EVALSHA"))) return weft_conn_write(c, WEFT_S("-NOSCRIPT No matching script\r\n"));
    if (weft_str_equal(words[0], WEFT_S("EVAL"))) return weft_conn_write(c, WEFT_S(":5\r\n"));
    if (weft_str_equal(words[0], WEFT_S("EXEC"))) return weft_conn_write(c, WEFT_S("*2\r\n+OK\r\n$1\r\nx\r\n"));
    if (weft_str_equal(words[0], WEFT_S("SUBSCRIBE"))) return weft_conn_write(c, WEFT_S(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"));
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

static int one_command(weft_redis *r)
{
    weft_str s;
    int rc = weft_redis_value(r, weft_str, &s, "GET {}", "some key of more than a few bytes, so that its reply is kept in the memory of the task");
    if (rc == 0) WEFT_CHECK_EQ(s.len, 86);
    return rc;
}

static int models(weft_redis *r)
{
    Pair pair = { .id = 7, .name = WEFT_S("Ada") }, got;
    int rc = weft_redis_do(r, "HSET k:{} {}", 7, weft_fields(Pair, &pair));
    if (rc >= 0) rc = weft_redis_do(r, "SET k {}", weft_as_json(Pair, &pair));
    if (rc >= 0) rc = weft_redis_value(r, Pair, &got, "HGETALL k");
    if (rc == 0) WEFT_CHECK(got.id == 7 && got.name.len == 3);
    return rc;
}

static int several(weft_redis *r)
{
    weft_str a, b;
    int64_t n;
    int rc = weft_redis_batch(r, weft_redis_step("SET a 1"), weft_redis_step_value(weft_str, &a, "GET {}", "x"));
    if (rc >= 0) rc = weft_redis_atomic(r, weft_redis_step("SET a 1"), weft_redis_step_value(weft_str, &b, "GETX {}", "x"));
    if (rc == 1) WEFT_CHECK(a.len == 1 && b.len == 1);
    if (rc >= 0) rc = weft_redis_value(r, int64_t, &n, "EVAL {} 1 {}", "return 5", "k");
    if (rc == 0) WEFT_CHECK_EQ(n, 5);
    return rc;
}

static int sessions(weft_redis *r)
{
    WEFT_REDIS_SESSION(s, r);
    int rc = weft_redis_do(s, "WATCH a");
    if (rc >= 0) rc = weft_redis_do(r, "BLPOP a 1");
    return rc;
}

static int messages(weft_redis *r)
{
    weft_redis_message m;
    WEFT_REDIS_SUB(sub);
    int rc = weft_redis_subscribe(r, &sub, "a");
    if (rc >= 0) rc = weft_redis_next(sub, &m);
    if (rc == 1 && !m.gap) WEFT_CHECK_EQ(m.text.len, 2);
    return rc < 0 ? rc : 0;
}

typedef int call(weft_redis *r);

static int whole(const char *url, call *fn)
{
    weft_redis *r;
    WEFT_TEMP;
    int rc = weft_redis_open(url, &r, .retry_ms = 1, .name = "test");
    return rc < 0 ? rc : weft_redis_close(r, fn(r));
}

/* The server is in the same world: its failures are lost connections. */
static int fail_each(call *fn)
{
    enum { ENOUGH = 3000 };
    FAKE(f, .answer = answer);
    WEFT_CHECK(whole(f.url, fn) >= 0);
    long n = 0, failures;
    do {
        failures = world_mem.failures;
        world_mem.fail_after = n++;
        int rc = whole(f.url, fn);
        world_mem.fail_after = -1;
        if (rc < 0 && world_mem.failures == failures) weft__check_fail(__FILE__, __LINE__, "allocation %ld: %d without a failure", n, rc);
        WEFT_CHECK(rc >= 0 || rc == WEFT_ENOMEM || rc == WEFT_ECONNRESET || rc == WEFT_EREDIS_DOWN || rc == WEFT_ELIMIT || rc == WEFT_EINVAL || rc == WEFT_ECANCELED);
    } while (world_mem.failures > failures && n < ENOUGH);
    WEFT_CHECK(n > 10 && n < ENOUGH);
    weft__model_forget();
    weft_cancel(f_scope);
    return 0;
}

SIM_TEST(each_allocation_fails_once_through_a_command) { return fail_each(one_command); }
SIM_TEST(each_allocation_fails_once_through_models) { return fail_each(models); }
SIM_TEST(each_allocation_fails_once_through_several_commands) { return fail_each(several); }
SIM_TEST(each_allocation_fails_once_through_a_session) { return fail_each(sessions); }
SIM_TEST(each_allocation_fails_once_through_messages) { return fail_each(messages); }
