/* Clusters: each command where its key is, wherever that goes. */
#include <sys/stat.h>
#include "redis/inside.h"
#include "redis_world.h"
#include "testing/folder.h"
#include "testing/verdict.h"

enum { KEYS = 200, HALF = WEFT__SLOTS_ALL / 2 };

static int free_port(void)
{
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    return weft_listener_port(l);
}

typedef struct member { redis_server server; weft_redis *r; int port, bus; weft_str id; } member;

static void member_leave(member *m) { redis_leave(&m->server); }

static int member_start(member *m, const char *name, int from, int to)
{
    char port[16], bus[16];
    m->port = free_port();
    m->bus = free_port();
    snprintf(port, sizeof port, "%d", m->port);
    snprintf(bus, sizeof bus, "%d", m->bus);
    snprintf(m->server.folder, sizeof m->server.folder, "%s/%s", weft__test_folder(WEFT__ON_DISK), name);
    WEFT_NEED(mkdir(m->server.folder, 0700) == 0);
    redis_start(&m->server, (const char *const[]){ "--port", port, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000", NULL });
    WEFT_TRY(weft_redis_open(m->server.url, &m->r));
    WEFT_TRY(weft_redis_do(m->r, "CLUSTER ADDSLOTSRANGE {} {}", from, to));
    return weft_redis_value(m->r, weft_str, &m->id, "CLUSTER MYID");
}

static int wait_for_ok(weft_redis *r)
{
    for (int i = 0; i < 3000; i++) {
        weft_str info;
        WEFT_TRY(weft_redis_value(r, weft_str, &info, "CLUSTER INFO"));
        if (strstr(info.ptr, "cluster_state:ok") && strstr(info.ptr, "cluster_known_nodes:2") && strstr(info.ptr, "cluster_slots_assigned:16384")) return 0;
        WEFT_TRY(weft_sleep_ms(10));
    }
    return weft_fail(WEFT_ETIMEDOUT, "the cluster does not come up");
}

static int keys_are_where_they_belong(weft_redis *r, member *a, member *b)
{
    int64_t n, here, there;
    for (int i = 0; i < KEYS; i++) WEFT_CHECK_EQ(weft_redis_do(r, "SET key:{} {}", i, i), 1);
    for (int i = 0; i < KEYS; i++) {
        WEFT_TRY(weft_redis_value(r, int64_t, &n, "GET key:{}", i));
        WEFT_CHECK_EQ(n, i);
    }
    WEFT_TRY(weft_redis_value(a->r, int64_t, &here, "DBSIZE"));
    WEFT_TRY(weft_redis_value(b->r, int64_t, &there, "DBSIZE"));
    WEFT_CHECK(here + there == KEYS && here > KEYS / 4 && there > KEYS / 4);
    return 0;
}

static int several_keys_are_of_one_slot(weft_redis *r)
{
    int64_t n;
    WEFT_TRY(weft_redis_batch(r, weft_redis_step("SET {{}}:a 1", 7), weft_redis_step_value(int64_t, &n, "INCR {{}}:a", 7)));
    WEFT_CHECK_EQ(n, 2);
    for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step("SET {t{}}:a 1", i), weft_redis_step_value(int64_t, &n, "INCRBY {t{}}:a {}", i, i)), 1);
    WEFT_CHECK_EQ(n, 20);
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step("SET a 1"), weft_redis_step("SET b 1")), WEFT_EINVAL);
    WEFT_CHECK(redis_says(WEFT_EINVAL, "slots"));
    for (int i = 0; i < 20; i++) {
        WEFT_TRY(weft_redis_value(r, int64_t, &n, "EVAL {} 1 k{} {}", "return redis.call('INCRBY', KEYS[1], ARGV[1])", i, i));
        WEFT_CHECK_EQ(n, i);
    }
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(weft_redis_do(r, "BLPOP list{} 0.01", i), 0);
    return 0;
}

/* A slot of b's, on its way to a: what b has not is asked of a (ASK), and later all of it (MOVED). */
static int a_slot_moves(weft_redis *r, member *a, member *b)
{
    int slot = weft__slot_of(WEFT_S("{moving}"));
    member *from = slot < HALF ? a : b, *to = slot < HALF ? b : a;
    weft_str s, old;
    int64_t n;
    WEFT_CHECK_EQ(weft_redis_do(r, "SET {moving}:old {}", "here"), 1);
    WEFT_TRY(weft_redis_do(to->r, "CLUSTER SETSLOT {} IMPORTING {}", slot, from->id));
    WEFT_TRY(weft_redis_do(from->r, "CLUSTER SETSLOT {} MIGRATING {}", slot, to->id));
    WEFT_CHECK_EQ(weft_redis_value(r, weft_str, &s, "GET {moving}:x"), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_redis_do(r, "SET {moving}:x {}", "there"), 1);
    WEFT_TRY(weft_redis_value(r, weft_str, &s, "GET {moving}:x"));
    WEFT_CHECK_STR(s, "there");
    WEFT_TRY(weft_redis_batch(r, weft_redis_step_value(weft_str, &old, "GET {moving}:old"), weft_redis_step_value(weft_str, &s, "GET {moving}:x"), weft_redis_step("SET {moving}:y 1"),
        weft_redis_step_value(int64_t, &n, "INCR {moving}:y")));
    WEFT_CHECK_STR(old, "here");
    WEFT_CHECK_STR(s, "there");
    WEFT_CHECK_EQ(n, 2);
    WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step("SET {moving}:y 5"), weft_redis_step_value(int64_t, &n, "INCR {moving}:y")), 1);
    WEFT_CHECK_EQ(n, 6);
    {
        WEFT_REDIS_SESSION(session, r);
        WEFT_TRY(weft_redis_do(session, "WATCH {moving}:y"));
        WEFT_TRY(weft_redis_value(session, int64_t, &n, "GET {moving}:y"));
        WEFT_CHECK_EQ(weft_redis_atomic(session, weft_redis_step("SET {moving}:y {}", n)), 1);
        WEFT_CHECK_EQ(n, 6);
    }
    WEFT_TRY(weft_redis_do(from->r, "MIGRATE 127.0.0.1 {} {} 0 5000", to->port, "{moving}:old"));
    WEFT_TRY(weft_redis_do(to->r, "CLUSTER SETSLOT {} NODE {}", slot, to->id));
    WEFT_TRY(weft_redis_do(from->r, "CLUSTER SETSLOT {} NODE {}", slot, to->id));
    WEFT_TRY(weft_redis_value(r, weft_str, &s, "GET {moving}:x"));
    WEFT_CHECK_STR(s, "there");
    WEFT_TRY(weft_redis_value(r, int64_t, &n, "GET {moving}:y"));
    WEFT_CHECK_EQ(n, 6);
    WEFT_TRY(weft_redis_value(r, weft_str, &old, "GET {moving}:old"));
    WEFT_CHECK_STR(old, "here");
    return 0;
}

REDIS_TEST(each_command_of_a_cluster_goes_where_its_key_is)
{
    weft_redis *r;
    char url[100];
    static const char *const keys[] = { "", "a", "key:17", "{user:7}:name", "x{}y", "{", "a{b}{c}", "{}{a}", "foo{{bar}}zap", "\xff\x80" };
    member a WEFT_CLEANUP(member_leave) = { 0 }, b WEFT_CLEANUP(member_leave) = { 0 };
    WEFT_TRY(member_start(&a, "a", 0, HALF - 1));
    WEFT_TRY(member_start(&b, "b", HALF, WEFT__SLOTS_ALL - 1));
    WEFT_TRY(weft_redis_do(b.r, "CLUSTER MEET 127.0.0.1 {} {}", a.port, a.bus));
    WEFT_TRY(wait_for_ok(a.r));
    WEFT_TRY(wait_for_ok(b.r));
    for (size_t i = 0; i < weft_count(keys); i++) {
        int slot;
        WEFT_TRY(weft_redis_value(a.r, int, &slot, "CLUSTER KEYSLOT {}", keys[i]));
        WEFT_CHECK_EQ(weft__slot_of(weft_str_of(keys[i])), slot);
    }
    snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%d", a.port);
    WEFT_TRY(weft_redis_open(url, &r));
    WEFT_TRY(keys_are_where_they_belong(r, &a, &b));
    WEFT_TRY(several_keys_are_of_one_slot(r));
    WEFT_TRY(a_slot_moves(r, &a, &b));
    WEFT_TRY(weft_redis_close(r, 0));
    WEFT_TRY(weft_redis_close(a.r, 0));
    return weft_redis_close(b.r, 0);
}

static int sends_away(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)words, (void)count;
    return weft_conn_print(c, "-%s\r\n", (const char *)f->ctx);
}

TASK_TEST(servers_that_send_a_command_round_and_round_are_left_at_some_time)
{
    static const char *const nonsense[] = { "MOVED", "MOVED 1", "MOVED x 127.0.0.1:1", "MOVED 16384 127.0.0.1:1", "MOVED 1 127.0.0.1", "MOVED 1 127.0.0.1:0", "ASK 1 127.0.0.1:99999", "MOVED 1 127.0.0.1:1x" };
    weft_redis *r;
    char url[100], self[100];
    FAKE(f, .answer = sends_away, .ctx = self);
    snprintf(url, sizeof url, "redis+cluster://%s", f.url + 8);
    for (int ask = 0; ask < 2; ask++) {
        snprintf(self, sizeof self, "%s 1 %s", ask ? "ASK" : "MOVED", f.url + 8);
        WEFT_TRY(weft_redis_open(url, &r));
        int before = f.commands;
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
        WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "again and again") && redis_says(WEFT_EREDIS_DOWN, "has not run"));
        WEFT_CHECK_EQ(weft_error_of(WEFT_EREDIS_DOWN)->status, 503);
        WEFT_CHECK(f.commands - before >= 5 && f.commands - before <= 12);
        WEFT_TRY(weft_redis_close(r, 0));
    }
    for (size_t i = 0; i < weft_count(nonsense); i++) {
        snprintf(self, sizeof self, "%s", nonsense[i]);
        WEFT_TRY(weft_redis_open(url, &r));
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS);
        WEFT_TRY(weft_redis_close(r, 0));
    }
    weft_cancel(f_scope);
    return 0;
}

static int greets_and_sends_away(fake *f, weft_conn *c, const weft_str *words, int count)
{
    return weft_str_equal(words[0], WEFT_S("AUTH")) ? weft_conn_write(c, WEFT_S("+OK\r\n")) : sends_away(f, c, words, count);
}

static int refuses_the_first(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)words, (void)count;
    return f->connections == 1 ? WEFT_ECLOSED : weft_conn_write(c, WEFT_S("+OK\r\n"));
}

TASK_TEST(a_server_of_a_cluster_that_was_away_once_is_used_again)
{
    weft_redis *r;
    char url[100], other[100];
    FAKE(a, .answer = greets_and_sends_away, .resp2 = true, .ctx = other);
    FAKE(b, .answer = refuses_the_first, .resp2 = true);
    snprintf(other, sizeof other, "MOVED %d %s", weft__slot_of(WEFT_S("a")), b.url + 8);
    snprintf(url, sizeof url, "redis+cluster://:pw@%s", a.url + 8);
    WEFT_TRY(weft_redis_open(url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a 1"), WEFT_EREDIS_DOWN);
    WEFT_TRY(weft_sleep_ms(200));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_redis_do(r, "SET a 1"), 1);
    WEFT_CHECK_EQ(b.connections, 2);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

static int ok_or_published(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S(":1\r\n"));
}

/* Has no key; takes what needs none. */
static int sends_keys_away(fake *f, weft_conn *c, const weft_str *words, int count)
{
    return weft_str_equal(words[0], WEFT_S("PUBLISH")) ? weft_conn_write(c, WEFT_S(":1\r\n")) : sends_away(f, c, words, count);
}

TASK_TEST(a_session_begins_where_its_first_command_belongs_and_a_mixed_batch_learns_where_that_is)
{
    weft_redis *r;
    char url[100], other[100];
    FAKE(a, .answer = sends_keys_away, .ctx = other);
    FAKE(b, .answer = ok_or_published);
    snprintf(other, sizeof other, "MOVED %d %s", weft__slot_of(WEFT_S("a")), b.url + 8);
    snprintf(url, sizeof url, "redis+cluster://%s", a.url + 8);
    WEFT_TRY(weft_redis_open(url, &r));
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step("INCR a"), weft_redis_step("PUBLISH news x")), 0);
    WEFT_CHECK(a.commands == 2 && b.commands == 1);  /* what ran is not sent again */
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step("INCR a"), weft_redis_step("PUBLISH news x")), 0);
    WEFT_CHECK_EQ(a.commands, 2);
    WEFT_TRY(weft_redis_close(r, 0));
    WEFT_TRY(weft_redis_open(url, &r));
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_CHECK_EQ(weft_redis_do(s, "WATCH a"), 1);
        WEFT_CHECK_EQ(weft_redis_do(s, "GET a"), 1);
    }
    WEFT_CHECK_EQ(a.commands, 3);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}
