/* Several commands in one trip: each has its own reply, whatever became of the others, and of those sent away only these are sent again. */
#include <sys/stat.h>
#include "redis/inside.h"
#include "redis_world.h"
#include "testing/folder.h"
#include "testing/verdict.h"

static int large(weft_conn *c)
{
    char text[5000];
    memset(text, 'x', sizeof text);
    return weft_conn_print(c, "$%zu\r\n%.*s\r\n", sizeof text, (int)sizeof text, text);
}

static int large_or_number(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)count;
    if (weft_str_equal(words[0], WEFT_S("MULTI"))) return weft_conn_write(c, WEFT_S("+OK\r\n"));
    if (weft_str_equal(words[0], WEFT_S("EXEC"))) return large(c);
    return weft_str_equal(words[0], WEFT_S("GET")) ? large(c) : weft_conn_write(c, WEFT_S(":5\r\n"));
}

TASK_TEST(a_reply_of_a_batch_that_is_too_large_costs_none_of_the_others)
{
    weft_redis *r;
    weft_str text = WEFT_S("untouched");
    int64_t a = 0, b = 0;
    FAKE(f, .answer = large_or_number);
    WEFT_TRY(weft_redis_open(f.url, &r, .reply_bytes_max = 1000));
    int rc = weft_redis_batch(r, weft_redis_step_value(int64_t, &a, "INCR a"), weft_redis_step_value(weft_str, &text, "GET large"), weft_redis_step_value(int64_t, &b, "INCR b"));
    WEFT_CHECK_EQ(rc, WEFT_ELIMIT);
    WEFT_CHECK(redis_says(rc, "GET large") && redis_says(rc, "reply_bytes_max"));
    WEFT_CHECK(a == 5 && b == 5);
    WEFT_CHECK_STR(text, "untouched");
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step("GET large")), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step_value(int64_t, &a, "INCR a")), WEFT_ELIMIT);
    {
        WEFT_REDIS_SESSION(s, r);                    /* its connection has had all its replies */
        WEFT_CHECK_EQ(weft_redis_do(s, "GET large"), WEFT_ELIMIT);
        WEFT_CHECK_EQ(weft_redis_do(s, "INCR a"), 1);
    }
    WEFT_CHECK_EQ(f.connections, 2);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* ---- in a cluster ---- */

/* What came, as "INCR {a}:1|ASKING|..." */
typedef struct heard { char text[1000]; const char *away; } heard;

static void hear(heard *h, const weft_str *words, int count)
{
    size_t n = strlen(h->text);
    snprintf(h->text + n, sizeof h->text - n, "%s%.*s%s%.*s", n ? "|" : "", WEFT_FMT(words[0]), count > 1 ? " " : "", count > 1 ? (int)words[1].len : 0, count > 1 ? words[1].ptr : "");
}

/* Sends keys that end in 2 away, and gives for others what they end in. */
static int some_away(fake *f, weft_conn *c, const weft_str *words, int count)
{
    heard *h = f->ctx;
    hear(h, words, count);
    if (count < 2) return weft_conn_write(c, WEFT_S("+OK\r\n"));
    if (words[1].ptr[words[1].len - 1] == '2' && h->away) return weft_conn_print(c, "-%s\r\n", h->away);
    return weft_conn_print(c, ":%c\r\n", words[1].ptr[words[1].len - 1]);
}

static int open_cluster(weft_redis **r, const fake *f)
{
    char url[100];
    snprintf(url, sizeof url, "redis+cluster://%s", f->url + 8);
    return weft_redis_open(url, r);
}

static int two_of_three(bool ask, const char *elsewhere)
{
    weft_redis *r;
    char away[100];
    int64_t n[3] = { 0 };
    heard here = { .away = away }, there = { 0 };
    FAKE(a, .answer = some_away, .ctx = &here);
    FAKE(b, .answer = some_away, .ctx = &there);
    snprintf(away, sizeof away, "%s %d %s", ask ? "ASK" : "MOVED", weft__slot_of(WEFT_S("k")), b.url + 8);
    WEFT_TRY(open_cluster(&r, &a));
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step_value(int64_t, &n[0], "INCR {{}}:1", "k"), weft_redis_step_value(int64_t, &n[1], "INCR {{}}:2", "k"),
        weft_redis_step_value(int64_t, &n[2], "INCR {{}}:3", "k")), 0);
    WEFT_CHECK(n[0] == 1 && n[1] == 2 && n[2] == 3);
    WEFT_CHECK_STR(weft_str_of(here.text), "INCR {k}:1|INCR {k}:2|INCR {k}:3");
    WEFT_CHECK_STR(weft_str_of(there.text), elsewhere);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

TASK_TEST(of_a_batch_only_what_was_sent_away_is_sent_on)
{
    WEFT_TRY(two_of_three(false, "INCR {k}:2"));
    return two_of_three(true, "ASKING|INCR {k}:2");
}

TASK_TEST(of_a_batch_all_of_which_was_sent_away_each_is_asked_for)
{
    weft_redis *r;
    char away[100];
    int64_t n[2] = { 0 };
    heard here = { .away = away }, there = { 0 };
    FAKE(a, .answer = some_away, .ctx = &here);
    FAKE(b, .answer = some_away, .ctx = &there);
    snprintf(away, sizeof away, "ASK %d %s", weft__slot_of(WEFT_S("k")), b.url + 8);
    WEFT_TRY(open_cluster(&r, &a));
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step_value(int64_t, &n[0], "INCR {k}:12"), weft_redis_step_value(int64_t, &n[1], "DECR {k}:22")), 0);
    WEFT_CHECK(n[0] == 2 && n[1] == 2);
    WEFT_CHECK_STR(weft_str_of(there.text), "ASKING|INCR {k}:12|ASKING|DECR {k}:22");
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

typedef struct racing { heard heard; weft_scope *scope; int turns; } racing;
static int answer_and_cancel(fake *f, weft_conn *c, const weft_str *words, int count)
{
    racing *race = f->ctx;
    f->ctx = &race->heard;
    int rc = some_away(f, c, words, count);
    f->ctx = race;
    for (int i = 0; i < race->turns; i++) WEFT_TRY(weft_yield());
    weft_cancel(race->scope);
    return rc;
}

SIM_TEST(a_cancel_that_comes_with_the_last_reply_of_a_batch_mixes_none_of_them_up)
{
    weft_redis *r;
    char away[100];
    int whole = 0, cancelled = 0;
    for (int turns = 0; turns < 12; turns++) {
        int64_t n[2] = { 0 };
        heard here = { .away = away };
        racing race = { .turns = turns };
        FAKE(a, .answer = some_away, .ctx = &here);
        FAKE(b, .answer = answer_and_cancel, .ctx = &race);
        snprintf(away, sizeof away, "MOVED %d %s", weft__slot_of(WEFT_S("k")), b.url + 8);
        WEFT_TRY(open_cluster(&r, &a));
        {
            WEFT_SCOPE(s);
            race.scope = s;
            int rc = weft_redis_batch(r, weft_redis_step_value(int64_t, &n[0], "INCR {k}:1"), weft_redis_step_value(int64_t, &n[1], "INCR {k}:2"));
            WEFT_CHECK(rc == 0 ? n[0] == 1 && n[1] == 2 : rc == WEFT_ECANCELED);
            whole += rc == 0;
            cancelled += rc == 0 && weft_scope_cancelled(s);
        }
        WEFT_TRY(weft_redis_close(r, 0));
        weft_cancel(a_scope);
        weft_cancel(b_scope);
    }
    WEFT_CHECK(whole > 0);
    if (world_now.fifo) WEFT_CHECK(cancelled > 0);   /* at least once both came in one turn */
    return 0;
}

static int dies(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)c, (void)words, (void)count;
    return WEFT_ECLOSED;
}

TASK_TEST(what_ran_of_a_batch_is_told_when_the_server_of_the_rest_is_lost)
{
    weft_redis *r;
    char away[100];
    int64_t n[2] = { 0 };
    heard here = { .away = away };
    FAKE(a, .answer = some_away, .ctx = &here);
    FAKE(b, .answer = dies);
    snprintf(away, sizeof away, "MOVED %d %s", weft__slot_of(WEFT_S("k")), b.url + 8);
    WEFT_TRY(open_cluster(&r, &a));
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step_value(int64_t, &n[0], "INCR {k}:1"), weft_redis_step_value(int64_t, &n[1], "INCR {k}:2")), WEFT_ECONNRESET);
    WEFT_CHECK(redis_says(WEFT_ECONNRESET, "may have run"));
    WEFT_CHECK(n[0] == 1 && n[1] == 0);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

/* MULTI, and what is queued is sent away; so EXEC runs nothing. */
static int aborts(fake *f, weft_conn *c, const weft_str *words, int count)
{
    heard *h = f->ctx;
    hear(h, words, count);
    if (!weft_str_equal(words[0], WEFT_S("EXEC"))) return h->away && count > 1 ? weft_conn_print(c, "-%s\r\n", h->away) : weft_conn_write(c, WEFT_S("+OK\r\n"));
    return h->away ? weft_conn_write(c, WEFT_S("-EXECABORT Transaction discarded because of previous errors.\r\n")) : weft_conn_write(c, WEFT_S("*1\r\n:7\r\n"));
}

TASK_TEST(a_transaction_that_is_to_be_asked_for_elsewhere_is_once_for_all_of_it)
{
    weft_redis *r;
    char away[100];
    int64_t n = 0;
    heard here = { .away = away }, there = { 0 };
    FAKE(a, .answer = aborts, .ctx = &here);
    FAKE(b, .answer = aborts, .ctx = &there);
    snprintf(away, sizeof away, "ASK %d %s", weft__slot_of(WEFT_S("k")), b.url + 8);
    WEFT_TRY(open_cluster(&r, &a));
    WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step_value(int64_t, &n, "INCR k")), 1);
    WEFT_CHECK_EQ(n, 7);
    WEFT_CHECK_STR(weft_str_of(there.text), "ASKING|MULTI|INCR k|EXEC");
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

/* The slot is not the other server's yet: each command of the session asks for it. */
TASK_TEST(a_session_that_is_to_be_asked_for_elsewhere_asks_before_each_of_its_commands)
{
    weft_redis *r;
    char away[100];
    int64_t n = 0;
    heard here = { .away = away }, there = { 0 };
    FAKE(a, .answer = aborts, .ctx = &here);
    FAKE(b, .answer = aborts, .ctx = &there);
    snprintf(away, sizeof away, "ASK %d %s", weft__slot_of(WEFT_S("k")), b.url + 8);
    WEFT_TRY(open_cluster(&r, &a));
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_TRY(weft_redis_do(s, "WATCH k"));
        WEFT_TRY(weft_redis_batch(s, weft_redis_step("GET k"), weft_redis_step("GET {k}2")));
        WEFT_CHECK_EQ(weft_redis_atomic(s, weft_redis_step_value(int64_t, &n, "INCR k")), 1);
    }
    WEFT_CHECK_STR(weft_str_of(here.text), "WATCH k");
    WEFT_CHECK_STR(weft_str_of(there.text), "ASKING|WATCH k|ASKING|GET k|ASKING|GET {k}2|ASKING|MULTI|INCR k|EXEC");
    WEFT_CHECK_EQ(weft_redis_do(r, "GET k"), 1);
    WEFT_CHECK_STR(weft_str_of(here.text), "WATCH k|GET k");      /* others were told nothing for good */
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}

/* ---- addresses ---- */

static int send_away(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)words, (void)count;
    return weft_conn_print(c, "-%s\r\n", (const char *)f->ctx);
}

static int ok(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

TASK_TEST(a_server_of_a_cluster_sends_nobody_to_a_unix_socket)
{
    static const char *const hosts[] = { "unix:%s", "a b", "127.0.0.1/x", "user@127.0.0.1", "[::1]", "::1::" };
    weft_redis *r;
    char path[200], host[250], away[300];
    const char *folder = weft__test_folder(world_now.virtual_time ? WEFT__IN_MEMORY : WEFT__ON_DISK);
    snprintf(path, sizeof path, "%s/s", folder);
    FAKE(a, .answer = send_away, .ctx = away);
    fake b = { .answer = ok };
    WEFT_LISTENER(l);
    snprintf(host, sizeof host, "unix:%s", path);
    WEFT_TRY(weft_listen(&l, host, 0));
    b.l = l;
    fake *at = &b;
    WEFT_SCOPE(s);
    weft_spawn(s, fake_serve, &at);
    for (size_t i = 0; i < weft_count(hosts); i++) {
        snprintf(host, sizeof host, hosts[i], path);
        snprintf(away, sizeof away, "MOVED %d %s:1", weft__slot_of(WEFT_S("a")), host);
        WEFT_TRY(open_cluster(&r, &a));
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS);
        WEFT_CHECK(weft_redis_said(WEFT_EREDIS, "MOVED"));
        WEFT_TRY(weft_redis_close(r, 0));
    }
    WEFT_CHECK_EQ(b.connections, 0);
    weft_cancel(s);
    weft_cancel(a_scope);
    return 0;
}

/* Pods come and go, each with an address of its own: those that have no slot any more are forgotten. */
SIM_TEST(a_cluster_whose_servers_had_thousands_of_addresses_is_still_followed)
{
    enum { ADDRESSES = 1200 };
    weft_redis *r;
    char away[100];
    int slot = weft__slot_of(WEFT_S("a"));
    FAKE(a, .answer = send_away, .ctx = away);
    FAKE(b, .answer = ok);
    WEFT_TRY(open_cluster(&r, &a));
    for (int i = 0; i < ADDRESSES; i++) {
        snprintf(away, sizeof away, "MOVED %d 127.0.0.2:%d", slot, i + 1);
        WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), WEFT_EREDIS_DOWN);
    }
    int nodes = 0;
    for (const weft__rnode *n = r->nodes; n; n = n->next) nodes++;
    WEFT_CHECK_EQ(nodes, 1000);
    snprintf(away, sizeof away, "MOVED %d %s", slot, b.url + 8);
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(a_scope);
    weft_cancel(b_scope);
    return 0;
}
