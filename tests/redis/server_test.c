/* Against Redis itself. */
#include "redis_world.h"
#include "testing/folder.h"
#include "testing/verdict.h"
#include "weft/file.h"
#include "weft/tls.h"

WEFT_ENUM(Size, value(SIZE_S, "small"), value(SIZE_L, "large"));
WEFT_MODEL(User, field(int64_t, id), field(weft_str, name), opt(double, score), opt(weft_str, email), field(Size, size), list(weft_str, tags), field(bool, admin, .initial = "false"));

REDIS_TEST(values_come_back_as_they_went)
{
    weft_redis *r;
    weft_str s;
    weft_bytes b;
    int64_t n;
    double d;
    bool yes;
    weft_opt_weft_str maybe;
    weft_uuid uuid, id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET {} {} EX {}", "key with space", "grüße \"x\"\r\n", 60), 1);
    WEFT_TRY(weft_redis_value(r, weft_str, &s, "GET {}", "key with space"));
    WEFT_CHECK_STR(s, "grüße \"x\"\r\n");
    WEFT_CHECK_EQ(weft_redis_do(r, "SET bin {}", ((weft_bytes){ (const uint8_t *)"\0\xff\r\n", 4 })), 1);
    WEFT_TRY(weft_redis_value(r, weft_bytes, &b, "GET bin"));
    WEFT_CHECK(b.len == 4 && memcmp(b.ptr, "\0\xff\r\n", 4) == 0);
    WEFT_CHECK_EQ(weft_redis_value(r, weft_str, &s, "GET bin"), WEFT_EREDIS);
    WEFT_TRY(weft_redis_value(r, int64_t, &n, "INCRBY n {}", INT64_MAX));
    WEFT_CHECK_EQ(n, INT64_MAX);
    WEFT_TRY(weft_redis_value(r, weft_str, &s, "GET n"));
    WEFT_CHECK_STR(s, "9223372036854775807");
    WEFT_TRY(weft_redis_value(r, double, &d, "INCRBYFLOAT f {}", 10.25));
    WEFT_CHECK(d == 10.25);
    WEFT_TRY(weft_redis_do(r, "ZADD z {} {}", 1.5, "m"));
    WEFT_TRY(weft_redis_value(r, double, &d, "ZSCORE z m"));
    WEFT_CHECK(d == 1.5);
    WEFT_TRY(weft_redis_value(r, bool, &yes, "EXISTS n"));
    WEFT_CHECK(yes);
    WEFT_TRY(weft_redis_value(r, weft_opt_weft_str, &maybe, "GET nobody"));
    WEFT_CHECK(!maybe.set && maybe.null);
    WEFT_CHECK_EQ(weft_redis_value(r, weft_str, &s, "GET nobody"), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_redis_do(r, "SET n 1 NX"), 0);
    WEFT_TRY(weft_redis_do(r, "SET id {}", id));
    WEFT_TRY(weft_redis_value(r, weft_uuid, &uuid, "GET id"));
    WEFT_CHECK(weft_uuid_equal(uuid, id));
    int rc = weft_redis_value(r, int64_t, &n, "GET id");
    WEFT_CHECK_EQ(rc, WEFT_EREDIS);
    WEFT_CHECK(redis_says(rc, "01020304-") && redis_says(rc, "an integer") && redis_says(rc, "GET id"));
    return weft_redis_close(r, 0);
}

REDIS_TEST(hashes_and_json_are_models_and_lists_are_lists)
{
    weft_redis *r;
    weft_str tags[] = { WEFT_S("a"), WEFT_S("b") };
    User user = { .id = 7, .name = WEFT_S("Ada"), .score = WEFT_SOME(1.5), .size = SIZE_L, .tags = { tags, 2, 2 }, .admin = true }, got = { 0 };
    weft_list_weft_str list;
    weft_map_int map;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    WEFT_TRY(weft_redis_do(r, "HSET user:{} {}", 7, weft_fields(User, &user)));
    WEFT_TRY(weft_redis_do(r, "HSET user:7 unknown 1"));
    WEFT_TRY(weft_redis_value(r, User, &got, "HGETALL user:{}", 7));
    WEFT_CHECK(got.id == 7 && got.score.set && got.score.value == 1.5 && !got.email.set && got.size == SIZE_L && got.tags.count == 2 && got.admin);
    WEFT_CHECK_STR(got.name, "Ada");
    WEFT_CHECK_EQ(weft_redis_value(r, User, &got, "HGETALL user:8"), WEFT_ENOENT);
    WEFT_TRY(weft_redis_do(r, "HDEL user:7 name"));
    int rc = weft_redis_value(r, User, &got, "HGETALL user:7");
    WEFT_CHECK_EQ(rc, WEFT_EREDIS);
    WEFT_CHECK(redis_says(rc, "User.name"));
    WEFT_TRY(weft_redis_do(r, "SET json {}", weft_as_json(User, &user)));
    WEFT_TRY(weft_redis_value(r, User, &got, "GET json"));
    WEFT_CHECK(got.id == 7 && got.tags.count == 2);
    WEFT_TRY(weft_redis_do(r, "RPUSH l {}", weft_fields(weft_list_weft_str, &user.tags)));
    WEFT_TRY(weft_redis_value(r, weft_list_weft_str, &list, "LRANGE l 0 -1"));
    WEFT_CHECK_EQ(list.count, 2);
    WEFT_CHECK_STR(list.items[1], "b");
    WEFT_TRY(weft_redis_do(r, "HSET counts x 1 y 2"));
    WEFT_TRY(weft_redis_value(r, weft_map_int, &map, "HGETALL counts"));
    WEFT_CHECK(map.count == 2 && map.items[1].value == 2);
    weft_redis_reply reply;
    WEFT_TRY(weft_redis_do(r, "XADD stream * a {} b {}", 1, "two"));
    WEFT_TRY(weft_redis_ask(r, &reply, "XRANGE stream - +"));
    WEFT_CHECK(reply.kind == WEFT_REDIS_LIST && reply.count == 1 && reply.items[0].items[1].count == 4);
    WEFT_CHECK_STR(reply.items[0].items[1].items[3].s, "two");
    weft__plan_forget();             /* what is kept of a model for good is no leak */
    return weft_redis_close(r, 0);
}

REDIS_TEST(a_script_goes_out_by_its_sum_and_whole_when_the_server_has_forgotten_it)
{
    weft_redis *r;
    weft_str stats;
    int64_t n;
    const char *script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    for (int i = 1; i <= 3; i++) {
        WEFT_TRY(weft_redis_value(r, int64_t, &n, "EVAL {} 1 {} {}", script, "n", 5));
        WEFT_CHECK_EQ(n, 5 * i);
    }
    WEFT_TRY(weft_redis_do(r, "SCRIPT FLUSH"));
    WEFT_TRY(weft_redis_value(r, int64_t, &n, "EVAL {} 1 {} {}", script, "n", 5));
    WEFT_CHECK_EQ(n, 20);
    WEFT_TRY(weft_redis_value(r, weft_str, &stats, "INFO commandstats"));
    WEFT_CHECK(strstr(stats.ptr, "cmdstat_eval:calls=2,") != NULL);
    WEFT_CHECK(strstr(stats.ptr, "cmdstat_evalsha:calls=4,") != NULL);
    int rc = weft_redis_do(r, "EVAL {} 0", "return redis.error_reply('MINE is this')");
    WEFT_CHECK(rc == WEFT_EREDIS && weft_redis_said(rc, "MINE"));
    return weft_redis_close(r, 0);
}

REDIS_TEST(several_commands_take_one_trip_and_a_transaction_is_all_or_nothing)
{
    weft_redis *r;
    int64_t a = -1, b = -1;
    weft_opt_weft_str gone;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    WEFT_TRY(weft_redis_batch(r, weft_redis_step("SET a 1"), weft_redis_step_value(int64_t, &a, "INCR a"), weft_redis_step_value(weft_opt_weft_str, &gone, "GET nobody")));
    WEFT_CHECK(a == 2 && gone.null);
    int rc = weft_redis_batch(r, weft_redis_step("LPUSH a x"), weft_redis_step_value(int64_t, &b, "INCR a"));
    WEFT_CHECK(rc == WEFT_EREDIS && weft_redis_said(rc, "WRONGTYPE"));
    WEFT_CHECK_EQ(b, 3);
    WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step_value(int64_t, &a, "INCR a"), weft_redis_step_value(int64_t, &b, "INCRBY a {}", 10)), 1);
    WEFT_CHECK(a == 4 && b == 14);
    rc = weft_redis_atomic(r, weft_redis_step("INCR a"), weft_redis_step("NOSUCH b"));
    WEFT_CHECK(rc == WEFT_EREDIS && redis_says(rc, "unknown command"));
    WEFT_TRY(weft_redis_value(r, int64_t, &a, "GET a"));
    WEFT_CHECK_EQ(a, 14);
    rc = weft_redis_atomic(r, weft_redis_step_value(int64_t, &b, "INCR a"), weft_redis_step("LPUSH a x"));
    WEFT_CHECK(rc == WEFT_EREDIS && weft_redis_said(rc, "WRONGTYPE"));
    WEFT_CHECK_EQ(b, 14);
    return weft_redis_close(r, 0);
}

REDIS_TEST(a_session_sees_that_what_it_watches_has_changed)
{
    weft_redis *r;
    int64_t n;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    WEFT_TRY(weft_redis_do(r, "SET n 1"));
    for (int changed = 1; changed >= 0; changed--) {
        WEFT_REDIS_SESSION(s, r);
        WEFT_TRY(weft_redis_do(s, "WATCH n"));
        WEFT_TRY(weft_redis_value(s, int64_t, &n, "GET n"));
        if (changed) WEFT_TRY(weft_redis_do(r, "INCR n"));
        WEFT_CHECK_EQ(weft_redis_atomic(s, weft_redis_step("SET n {}", n * 10)), !changed);
    }
    WEFT_TRY(weft_redis_value(r, int64_t, &n, "GET n"));
    WEFT_CHECK_EQ(n, 20);
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_TRY(weft_redis_do(s, "WATCH n"));
    }
    {                                                /* the same connection, and nothing is watched any more */
        WEFT_REDIS_SESSION(s, r);
        WEFT_TRY(weft_redis_do(s, "PING"));
        WEFT_TRY(weft_redis_do(r, "INCR n"));
        WEFT_CHECK_EQ(weft_redis_atomic(s, weft_redis_step("SET n 5")), 1);
    }
    weft_str clients;
    WEFT_TRY(weft_redis_value(r, weft_str, &clients, "INFO clients"));
    WEFT_CHECK(strstr(clients.ptr, "connected_clients:2\r\n") != NULL);
    return weft_redis_close(r, 0);
}

typedef struct popped { weft_redis *r; int rc; } popped;
static int pop(const weft_redis *const *in)
{
    weft_list_weft_str got;
    WEFT_TRY(weft_redis_value((weft_redis *)(uintptr_t)*in, weft_list_weft_str, &got, "BLPOP queue 0"));
    WEFT_CHECK_STR(got.items[1], "job");
    return 0;
}

REDIS_TEST(a_command_that_blocks_holds_up_nobody)
{
    weft_redis *r;
    weft_opt_weft_str none;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r, .own_max = 2, .acquire_ms = 200, .command_ms = 100));
    {
        WEFT_SCOPE(s);
        const weft_redis *in = r;
        weft_task *t = weft_spawn(s, pop, &in);
        weft_spawn(s, pop, &in);
        WEFT_TRY(weft_sleep_ms(150));
        WEFT_CHECK_EQ(weft_redis_do(r, "PING"), 1);
        int rc = weft_redis_do(r, "BRPOP other 1");
        WEFT_CHECK_EQ(rc, WEFT_EDB_BUSY);
        WEFT_CHECK(redis_says(rc, "own_max") && redis_says(rc, "pop") && redis_says(rc, "BLPOP queue 0"));
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
        WEFT_TRY(weft_redis_do(r, "RPUSH queue job"));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    int64_t since = weft_now_ns();
    WEFT_TRY(weft_redis_value(r, weft_opt_weft_str, &none, "BLMOVE queue other LEFT RIGHT 0.2"));
    WEFT_CHECK(none.null && weft_now_ns() - since >= 200 * 1000000);
    WEFT_CHECK_EQ(weft_redis_do(r, "XREAD COUNT 1 BLOCK 10 STREAMS s 0"), 0);
    return weft_redis_close(r, 0);
}

REDIS_TEST(a_password_a_user_and_a_database_are_of_the_url)
{
    weft_redis *r;
    weft_str who;
    char url[500];
    REDIS_SERVER(server, "--requirepass", "s3cret@", "--user", "ada", "on", ">pw:1", "~*", "+@all");
    WEFT_TRY(weft_redis_open(server.url, &r));
    int rc = weft_redis_do(r, "GET a");
    WEFT_CHECK(rc == WEFT_EREDIS_DOWN || (rc == WEFT_EREDIS && weft_redis_said(rc, "NOAUTH")));
    WEFT_CHECK(redis_says(rc, "NOAUTH"));
    WEFT_TRY(weft_redis_close(r, 0));
    snprintf(url, sizeof url, "unix://:s3cret%%40@%s?db=3", server.url + 7);
    WEFT_TRY(weft_redis_open(url, &r, .name = "shop"));
    WEFT_TRY(weft_redis_value(r, weft_str, &who, "CLIENT INFO"));
    WEFT_CHECK(strstr(who.ptr, " name=shop ") && strstr(who.ptr, " db=3 ") && strstr(who.ptr, " resp=3") && strstr(who.ptr, " user=default "));
    WEFT_TRY(weft_redis_close(r, 0));
    snprintf(url, sizeof url, "unix://ada:pw%%3A1@%s", server.url + 7);
    WEFT_TRY(weft_redis_open(url, &r));
    WEFT_TRY(weft_redis_value(r, weft_str, &who, "ACL WHOAMI"));
    WEFT_CHECK_STR(who, "ada");
    WEFT_TRY(weft_redis_close(r, 0));
    snprintf(url, sizeof url, "unix://:wrong@%s", server.url + 7);
    WEFT_TRY(weft_redis_open(url, &r));
    rc = weft_redis_do(r, "PING");
    WEFT_CHECK_EQ(rc, WEFT_EREDIS_DOWN);
    WEFT_CHECK(redis_says(rc, "WRONGPASS") && !strstr(weft_error_of(rc)->text, "wrong@"));
    return weft_redis_close(r, 0);
}

static int free_port(void)
{
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    return weft_listener_port(l);
}

REDIS_TEST(tls_is_spoken_and_a_certificate_for_others_is_refused)
{
    weft_redis *r;
    weft_tls_made made;
    char port[16], url[100], cert[300], key[300];
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    snprintf(port, sizeof port, "%d", free_port());
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    WEFT_TRY(weft_tls_self_signed(&made, "localhost", 2));
    WEFT_TRY(weft_file_save(cert, weft_str_of(made.cert)));
    WEFT_TRY(weft_file_save(key, weft_str_of(made.key)));
    REDIS_SERVER(server, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no");
    snprintf(url, sizeof url, "rediss://localhost:%s", port);
    WEFT_TRY(weft_redis_open(url, &r, .tls = { .ca_file = cert }));
    weft_str s;
    char *large = weft_alloc(300001);
    memset(large, 'x', 300000);
    WEFT_TRY(weft_redis_do(r, "SET large {}", large));
    WEFT_TRY(weft_redis_value(r, weft_str, &s, "GET large"));
    WEFT_CHECK_EQ(s.len, 300000);
    WEFT_TRY(weft_redis_close(r, 0));
    WEFT_TRY(weft_redis_open(url, &r));
    int rc = weft_redis_do(r, "PING");
    WEFT_CHECK_EQ(rc, WEFT_EREDIS_DOWN);
    WEFT_CHECK(redis_says(rc, "certificate"));
    WEFT_TRY(weft_redis_close(r, 0));
    snprintf(url, sizeof url, "rediss://127.0.0.1:%s", port);
    WEFT_TRY(weft_redis_open(url, &r, .tls = { .ca_file = cert }));
    WEFT_CHECK_EQ(weft_redis_do(r, "PING"), WEFT_EREDIS_DOWN);
    return weft_redis_close(r, 0);
}

typedef struct counting { weft_redis *r; int key; } counting;
static int count_up(const counting *in)
{
    for (int i = 0; i < 200; i++) {
        int64_t n;
        WEFT_TRY(weft_redis_value(in->r, int64_t, &n, "INCR key:{}", in->key));
        WEFT_CHECK_EQ(n, i + 1);
    }
    return 0;
}

REDIS_TEST(tasks_that_count_side_by_side_see_their_own_counts)
{
    weft_redis *r;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 50; i++) weft_spawn(s, count_up, (&(counting){ r, i }));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    weft_str clients;
    WEFT_TRY(weft_redis_value(r, weft_str, &clients, "INFO clients"));
    WEFT_CHECK(strstr(clients.ptr, "connected_clients:1\r\n") != NULL);
    return weft_redis_close(r, 0);
}
