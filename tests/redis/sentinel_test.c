/* Sentinels: the master is whom they name, also after that has become another. */
#include <sys/stat.h>
#include "redis_world.h"
#include "testing/folder.h"
#include "testing/verdict.h"
#include "weft/file.h"

static int free_port(void)
{
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    return weft_listener_port(l);
}

static int sentinel_start(weft_command **c, int port, int master)
{
    const char *folder = weft__test_folder(WEFT__ON_DISK);
    weft_str path = weft_format("%s/sentinel.conf", folder);
    WEFT_TRY(weft_file_save(path.ptr, weft_format("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor mymaster 127.0.0.1 %d 1\nsentinel down-after-milliseconds mymaster 1000\n"
        "sentinel failover-timeout mymaster 5000\n", port, folder, master)));
    return weft_command_start(c, weft_argv("redis-server", path.ptr, "--sentinel"), .in = WEFT_STDIO_NULL, .out = WEFT_STDIO_NULL, .err = WEFT_STDIO_NULL);
}

static int until_written(weft_redis *r, const char *value)
{
    int rc = -1;
    for (int i = 0; i < 3000; i++) {
        rc = weft_redis_do(r, "SET key {}", value);
        if (rc == 1) return 0;
        if (rc != WEFT_EREDIS_DOWN && rc != WEFT_ECONNRESET && rc != WEFT_ETIMEDOUT) return rc;
        WEFT_TRY(weft_sleep_ms(10));
    }
    return rc;
}

REDIS_TEST(the_master_is_whom_the_sentinels_name_also_after_a_failover)
{
    weft_redis *r;
    char url[300], first[16], second[16];
    int dead = free_port(), port = free_port(), ports[2] = { free_port(), free_port() };
    redis_server replica WEFT_CLEANUP(redis_leave) = { 0 };
    WEFT_COMMAND(sentinel);
    snprintf(first, sizeof first, "%d", ports[0]);
    snprintf(second, sizeof second, "%d", ports[1]);
    REDIS_SERVER(master, "--port", first, "--bind", "127.0.0.1");
    snprintf(replica.folder, sizeof replica.folder, "%s/replica", weft__test_folder(WEFT__ON_DISK));
    WEFT_NEED(mkdir(replica.folder, 0700) == 0);
    redis_start(&replica, (const char *const[]){ "--port", second, "--bind", "127.0.0.1", "--replicaof", "127.0.0.1", first, NULL });
    WEFT_TRY(sentinel_start(&sentinel, port, ports[0]));
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/mymaster", dead, port);
    WEFT_TRY(weft_redis_open(url, &r, .retry_ms = 5));
    WEFT_TRY(until_written(r, "before"));
    {
        weft_map_weft_str config;
        WEFT_TRY(weft_redis_value(r, weft_map_weft_str, &config, "CONFIG GET port"));
        WEFT_CHECK_STR(config.items[0].value, first);
    }
    weft_redis *s;
    snprintf(url, sizeof url, "unix://%s/redis.sock", replica.folder);
    WEFT_TRY(weft_redis_open(url, &s));
    for (int i = 0; i < 2000; i++) {                 /* the replica has what was written before */
        weft_opt_weft_str there;
        WEFT_TRY(weft_redis_value(s, weft_opt_weft_str, &there, "GET key"));
        if (there.set) break;
        WEFT_TRY(weft_sleep_ms(10));
    }
    WEFT_CHECK_EQ(weft_redis_do(s, "SET key x"), WEFT_EREDIS_DOWN);
    WEFT_CHECK(weft_redis_said(WEFT_EREDIS_DOWN, "READONLY"));
    WEFT_TRY(weft_redis_close(s, 0));
    redis_stop(&master, SIGKILL);
    WEFT_TRY(until_written(r, "behind"));
    weft_map_weft_str config;
    WEFT_TRY(weft_redis_value(r, weft_map_weft_str, &config, "CONFIG GET port"));
    WEFT_CHECK_STR(config.items[0].value, second);
    return weft_redis_close(r, 0);
}

REDIS_TEST(sentinels_that_know_no_such_master_are_named)
{
    weft_redis *r;
    char url[200];
    int port = free_port();
    WEFT_COMMAND(sentinel);
    WEFT_TRY(sentinel_start(&sentinel, port, free_port()));
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/other", port);
    WEFT_TRY(weft_redis_open(url, &r, .retry_ms = 1));
    for (int i = 0; i < 500; i++) {
        WEFT_CHECK_EQ(weft_redis_do(r, "PING"), WEFT_EREDIS_DOWN);
        if (strstr(weft_error_of(WEFT_EREDIS_DOWN)->text, "no master of the name")) break;
        WEFT_TRY(weft_sleep_ms(10));
    }
    WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "no master of the name other"));
    return weft_redis_close(r, 0);
}

static int claims(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)count;
    if (weft_str_equal(words[0], WEFT_S("SENTINEL"))) return weft_conn_write(c, weft_str_of(f->ctx));
    if (weft_str_equal(words[0], WEFT_S("ROLE"))) return weft_conn_write(c, WEFT_S("*2\r\n$5\r\nslave\r\n:0\r\n"));
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

TASK_TEST(who_is_named_and_is_no_master_is_not_used)
{
    static const char *const nonsense[] = { "*2\r\n$0\r\n\r\n$1\r\n1\r\n", "*1\r\n$1\r\na\r\n", "*-1\r\n", "*2\r\n$1\r\na\r\n$5\r\n99999\r\n", "*2\r\n$1\r\na\r\n$2\r\n1x\r\n", "*2\r\n:1\r\n:2\r\n", "-IDONTKNOW\r\n", "+OK\r\n" };
    weft_redis *r;
    char url[200], itself[100];
    FAKE(f, .answer = claims, .ctx = itself);
    snprintf(url, sizeof url, "redis+sentinel://%s/mymaster", f.url + 8);
    snprintf(itself, sizeof itself, "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05d\r\n", weft_listener_port(f.l));
    WEFT_TRY(weft_redis_open(url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
    WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "is no master"));
    WEFT_TRY(weft_redis_close(r, 0));
    for (size_t i = 0; i < weft_count(nonsense); i++) {
        snprintf(itself, sizeof itself, "%s", nonsense[i]);
        WEFT_TRY(weft_redis_open(url, &r));
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
        WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "sentinel"));
        WEFT_TRY(weft_redis_close(r, 0));
    }
    weft_cancel(f_scope);
    return 0;
}
