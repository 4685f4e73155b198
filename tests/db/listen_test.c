/* Messages through PostgreSQL: LISTEN, NOTIFY, what is lost and told, a server that goes and comes back. */
#include <unistd.h>
#include "db_server.h"
#include "db_world.h"
#include "peer.h"
#include "weft/listen.h"
#include "weft/thread.h"

static weft_db *opened(void)
{
    weft_db *db = NULL;
    WEFT_NEED(weft_db_connect(db_url, &db, .acquire_ms = 60000, .statement_ms = 60000) == 0);
    return db;
}

/* Channels are all schemas': one of this test's own. */
static const char *own(const char *name)
{
    static char names[4][64];
    static int at;
    char *to = names[at++ % 4];
    snprintf(to, 64, "%s-%d", name, (int)getpid());
    return to;
}

/* The next one is this one. */
static void expect(weft_db_sub *sub, const char *channel, const char *text)
{
    weft_db_message m = { 0 };
    WEFT_NEED(weft_db_next(sub, &m) == 1);
    WEFT_CHECK(!m.gap && m.process > 0);
    WEFT_CHECK_STR(m.channel, channel);
    WEFT_CHECK_STR(m.text, text);
}

static void expect_gap(weft_db_sub *sub)
{
    weft_db_message m = { 0 };
    WEFT_NEED(weft_db_next(sub, &m) == 1);
    WEFT_CHECK(m.gap && !m.channel.len && !m.text.len);
}

static bool nothing_within(weft_db_sub *sub, int ms)
{
    weft_db_message m;
    WEFT_SCOPE(s, .timeout_ms = ms);
    return weft_db_next(sub, &m) == WEFT_ETIMEDOUT;
}

static int listening(void)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%LISTEN%%' AND application_name = 't%d'", (int)getpid());
    return atoi(db_server_ask(db_server_of_run(), sql));
}

/* ---- what is refused ---- */

DB_TEST(messages_are_postgresql_s_and_others_say_so)
{
    weft_db *db = opened();
    WEFT_DB_SUB(sub);
    char wide[9000];
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    if (!db_is_postgres()) {
        WEFT_CHECK_EQ(weft_db_listen(db, &sub, "orders"), WEFT_EINVAL);
        WEFT_CHECK(db_says(WEFT_EINVAL, "PostgreSQL"));
        WEFT_CHECK_EQ(weft_db_notify(db, "orders", "1"), WEFT_EINVAL);
        WEFT_CHECK(!sub);
        return weft_db_close(db, 0);
    }
    WEFT_CHECK_EQ(weft_db_listen(db, &sub, "orders", ""), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_listen(db, &sub, wide), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_listen_with(db, &sub, NULL, 0, &(weft_db_listen_opts){ 0 }), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_listen_with(db, &sub, &(const char *){ "a" }, 1, &(weft_db_listen_opts){ .messages_max = -1 }), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_notify(db, "", "1"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_notify(db, "orders", wide), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "8 000"));
    wide[7999] = 0;
    WEFT_CHECK_EQ(weft_db_notify(db, "orders", wide), 0);
    WEFT_TRANSACTION(tx, db);
    WEFT_CHECK_EQ(weft_db_listen(tx, &sub, "orders"), WEFT_EINVAL);
    WEFT_CHECK(!sub);
    WEFT_CHECK_EQ(weft_db_next(sub, &(weft_db_message){ 0 }), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_rollback(tx), 0);
    return weft_db_close(db, 0);
}

/* ---- in order ---- */

DB_POSTGRES_TEST(messages_come_in_order_to_all_who_listen_and_to_nobody_else)
{
    weft_db *db = opened();
    char text[16];
    WEFT_DB_SUB(a);
    WEFT_DB_SUB(b);
    WEFT_DB_SUB(odd);
    WEFT_TRY(weft_db_listen(db, &a, own("orders")));
    WEFT_TRY(weft_db_listen(db, &b, own("stock"), own("orders")));
    WEFT_TRY(weft_db_listen(db, &odd, "Sto\"ck; DROP -- 'ü"));
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%d", i);
        WEFT_TRY(weft_db_notify(db, own(i % 2 ? "stock" : "orders"), text));
    }
    WEFT_TRY(weft_db_notify(db, "Sto\"ck; DROP -- 'ü", "odd"));
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%d", i);
        if (i % 2 == 0) expect(a, own("orders"), text);
        expect(b, own(i % 2 ? "stock" : "orders"), text);
    }
    expect(odd, "Sto\"ck; DROP -- 'ü", "odd");
    WEFT_CHECK(nothing_within(a, 50) && nothing_within(odd, 20));
    WEFT_CHECK_EQ(listening(), 1);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_message_of_a_transaction_comes_with_its_commit_or_never)
{
    weft_db *db = opened();
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(db, &sub, own("orders")));
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_TRY(weft_db_notify(tx, own("orders"), "never"));
    }
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_TRY(weft_db_notify(tx, own("orders"), "kept"));
        WEFT_CHECK(nothing_within(sub, 50));
        WEFT_TRY(weft_db_commit(tx));
    }
    expect(sub, own("orders"), "kept");
    return weft_db_close(db, 0);
}

/* ---- what is not taken ---- */

DB_POSTGRES_TEST(who_takes_nothing_has_the_first_ones_and_is_told_that_others_were_lost)
{
    weft_db *db = opened();
    char text[16];
    WEFT_DB_SUB(slow);
    WEFT_DB_SUB(quick);
    WEFT_TRY(weft_db_listen_with(db, &slow, &(const char *){ own("orders") }, 1, &(weft_db_listen_opts){ .messages_max = 5 }));
    WEFT_TRY(weft_db_listen(db, &quick, own("orders")));
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "%d", i);
        WEFT_TRY(weft_db_notify(db, own("orders"), text));
        expect(quick, own("orders"), text);
    }
    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof text, "%d", i);
        expect(slow, own("orders"), text);
    }
    expect_gap(slow);
    WEFT_TRY(weft_db_notify(db, own("orders"), "later"));
    expect(slow, own("orders"), "later");
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(who_is_always_too_slow_is_told_of_what_it_loses)
{
    weft_db *db = opened();
    weft_db_message m;
    int gaps = 0;
    WEFT_DB_SUB(slow);
    WEFT_DB_SUB(quick);
    WEFT_TRY(weft_db_listen_with(db, &slow, &(const char *){ own("orders") }, 1, &(weft_db_listen_opts){ .messages_max = 5 }));
    WEFT_TRY(weft_db_listen(db, &quick, own("orders")));
    for (int i = 0; i < 30; i++) {
        for (int k = 0; k < 2; k++) {
            WEFT_TRY(weft_db_notify(db, own("orders"), "x"));
            expect(quick, own("orders"), "x");
        }
        WEFT_CHECK_EQ(weft_db_next(slow, &m), 1);
        gaps += m.gap;
    }
    WEFT_CHECK(gaps >= 3);
    WEFT_CHECK_EQ(weft_db_listen(db, &quick, "\xff"), WEFT_EINVAL);
    return weft_db_close(db, 0);
}

typedef struct asked { weft_db_sub *sub; weft_db *db; int *rc; weft_scope *scope; } asked;

static int read_one(const asked *in)
{
    weft_db_message m;
    return *in->rc = weft_db_next(in->sub, &m);
}

DB_POSTGRES_TEST(a_reader_that_is_cancelled_loses_nothing_and_one_that_is_closed_gets_0)
{
    weft_db *db = opened();
    int rc = -7;
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(db, &sub, own("orders")));
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, read_one, (&(asked){ .sub = sub, .rc = &rc }));
        WEFT_TRY(weft_sleep_ms(20));
        WEFT_CHECK_EQ(weft_db_next(sub, &(weft_db_message){ 0 }), WEFT_EBUSY);
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
        WEFT_TRY(weft_db_notify(db, own("orders"), "1"));
        expect(sub, own("orders"), "1");
        t = weft_spawn(s, read_one, (&(asked){ .sub = sub, .rc = &rc }));
        WEFT_TRY(weft_sleep_ms(20));
        weft_db_unlisten(sub);
        weft_db_unlisten(sub);
        WEFT_CHECK_EQ(weft_await(t), 0);
        WEFT_CHECK_EQ(rc, 0);
    }
    WEFT_CHECK_EQ(weft_db_next(sub, &(weft_db_message){ 0 }), 0);
    for (int i = 0; i < 1000 && listening(); i++) WEFT_TRY(weft_sleep_ms(5));
    WEFT_CHECK_EQ(listening(), 0);
    return weft_db_close(db, 0);
}

static int leave_block(const asked *in)
{
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(in->db, &sub, own("orders")));
    weft_spawn(in->scope, read_one, (&(asked){ .sub = sub, .rc = in->rc }));
    return weft_sleep_ms(20);
}

DB_POSTGRES_TEST(a_subscription_may_end_with_its_block_or_its_database_under_its_reader)
{
    weft_db *db = opened();
    int rc = -7, last = -7;
    {
        WEFT_SCOPE(s);
        WEFT_TRY(leave_block(&(asked){ .db = db, .rc = &rc, .scope = s }));
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_SCOPE(s);
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(db, &sub, own("orders")));
    weft_spawn(s, read_one, (&(asked){ .sub = sub, .rc = &last }));
    WEFT_TRY(weft_sleep_ms(20));
    WEFT_TRY(weft_db_close(db, 0));
    WEFT_TRY(weft_join(s));
    WEFT_CHECK_EQ(last, 0);
    WEFT_CHECK_EQ(weft_db_next(sub, &(weft_db_message){ 0 }), 0);
    return 0;
}

/* ---- what the server refuses ---- */

/* A name that its encoding has no letters for is refused by name: no other channel loses anything by it. */
static void latin(const char *verb, const char *name, const char *more)
{
    char sql[200];
    snprintf(sql, sizeof sql, "%s DATABASE %s%d%s", verb, name, (int)getpid(), more);
    db_server_ask(db_server_of_run(), sql);
}

static void make_databases(void)
{
    latin("CREATE", "latin", " ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    latin("CREATE", "wide", " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
}

static void drop_databases(void)
{
    latin("DROP", "latin", " WITH (FORCE)");
    latin("DROP", "wide", " WITH (FORCE)");
}

static weft_db *of_database(const char *name, int port)
{
    char url[300];
    weft_db *db = NULL;
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/%s%d?sslmode=disable&application_name=t%d", port, name, (int)getpid(), (int)getpid());
    WEFT_NEED(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 60000 }) == 0);
    return db;
}

#define ZHE "\xd0\x96"                               /* no letter of Latin 1 */

static int listens(const asked *in)
{
    WEFT_DB_SUB(sub);
    *in->rc = weft_db_listen(in->db, &sub, *in->rc ? ZHE : "b");
    if (*in->rc < 0) return 0;
    WEFT_TRY(weft_db_notify(in->db, "b", "hello"));
    expect(sub, "b", "hello");
    return 0;
}

static int refuses(void)
{
    weft_db *db = of_database("latin", db_server_of_run()->port);
    WEFT_DB_SUB(a);
    WEFT_DB_SUB(bad);
    WEFT_TRY(weft_db_listen(db, &a, "a"));
    WEFT_CHECK_EQ(weft_db_listen(db, &bad, "b", ZHE, "c"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "no equivalent") && db_says(WEFT_EDB, ZHE) && !bad);
    WEFT_TRY(weft_db_notify(db, "a", "1"));
    expect(a, "a", "1");
    {
        int rcs[8] = { 0, 1, 0, 1, 1, 0, 1, 0 };
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < 8; i++) weft_spawn(s, listens, (&(asked){ .db = db, .rc = &rcs[i] }));
        WEFT_TRY(weft_join(s));
        for (int i = 0; i < 8; i++) WEFT_CHECK_EQ(rcs[i], i == 1 || i == 3 || i == 4 || i == 6 ? WEFT_EDB : 0);
    }
    WEFT_TRY(weft_db_notify(db, "a", "2"));
    expect(a, "a", "2");
    WEFT_CHECK_EQ(listening(), 1);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_channel_that_is_refused_is_told_by_name_and_costs_no_other_anything)
{
    make_databases();
    int rc = refuses();
    drop_databases();
    return rc;
}

/* While all connections are cut. */
static void swap_databases(peer *p, const char *now, const char *then)
{
    char sql[200], to[40];
    peer_cuts(p, 1);
    snprintf(sql, sizeof sql, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname IN ('latin%d', 'wide%d')", (int)getpid(), (int)getpid());
    for (int i = 0; i < 200 && atoi(db_server_ask(db_server_of_run(), sql)); i++) (void)!weft_sleep_ms(10);
    snprintf(to, sizeof to, " RENAME TO other%d", (int)getpid());
    latin("ALTER", now, to);
    snprintf(to, sizeof to, " RENAME TO %s%d", now, (int)getpid());
    latin("ALTER", then, to);
    snprintf(to, sizeof to, " RENAME TO %s%d", then, (int)getpid());
    latin("ALTER", "other", to);
    peer_cuts(p, 0);
}

static int notified(weft_db *db, const char *channel, const char *text)
{
    int rc = WEFT_EDB_AWAY;
    for (int i = 0; i < 2000 && (rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST); i++) {
        rc = weft_db_notify(db, channel, text);
        if (rc < 0) WEFT_TRY(weft_sleep_ms(10));
    }
    return rc;
}

static int refuses_later(peer *p)
{
    weft_db *db = of_database("wide", p->port);
    WEFT_DB_SUB(a);
    WEFT_DB_SUB(zhe);
    WEFT_TRY(weft_db_listen(db, &a, "a"));
    WEFT_TRY(weft_db_listen(db, &zhe, ZHE, "a"));
    swap_databases(p, "wide", "latin");
    expect_gap(a);
    WEFT_TRY(notified(db, "a", "1"));
    expect(a, "a", "1");
    int accepted = peer_accepted(p);
    WEFT_CHECK(nothing_within(zhe, 300) && nothing_within(a, 300));
    WEFT_CHECK_EQ(peer_accepted(p), accepted);       /* it is asked for again where the others are */
    swap_databases(p, "wide", "latin");
    expect_gap(zhe);
    expect_gap(a);
    WEFT_TRY(notified(db, ZHE, "2"));
    expect(zhe, ZHE, "2");
    WEFT_CHECK(nothing_within(a, 20));
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_channel_that_is_refused_later_is_waited_for_and_costs_no_other_anything)
{
    static peer p;
    make_databases();
    p = (peer){ .to = db_server_of_run()->port };
    peer_start(&p);
    int rc = refuses_later(&p);
    peer_end(&p);
    drop_databases();
    return rc;
}

/* ---- a connection, a server that goes ---- */

DB_POSTGRES_TEST(a_connection_that_breaks_is_made_anew_and_told_as_a_gap)
{
    weft_db *db = opened();
    char sql[200];
    WEFT_DB_SUB(a);
    WEFT_DB_SUB(b);
    WEFT_TRY(weft_db_listen(db, &a, own("orders")));
    WEFT_TRY(weft_db_listen(db, &b, own("stock")));
    for (int round = 0; round < 3; round++) {
        WEFT_TRY(weft_db_notify(db, own("orders"), "before"));
        for (int i = 0; i < 1000 && !listening(); i++) WEFT_TRY(weft_sleep_ms(5));
        snprintf(sql, sizeof sql, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%%LISTEN%%' AND application_name = 't%d'", (int)getpid());
        WEFT_CHECK_EQ(atoi(db_server_ask(db_server_of_run(), sql)), 1);
        expect(a, own("orders"), "before");
        expect_gap(a);
        expect_gap(b);
        WEFT_TRY(weft_db_notify(db, own("stock"), "after"));
        expect(b, own("stock"), "after");
    }
    return weft_db_close(db, 0);
}

/* It confirms what is listened to, and closes. */
DB_POSTGRES_TEST(a_server_that_confirms_channels_and_closes_is_dialled_at_a_pace)
{
    static peer p;
    weft_db *db = NULL, *direct = opened();
    char url[300];
    weft_db_message m = { 0 };
    p = (peer){ .to = db_server_of_run()->port };
    peer_start(&p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable", p.port);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .acquire_ms = 60000 }));
    WEFT_DB_SUB(sub);
    WEFT_TRY(weft_db_listen(db, &sub, own("orders")));
    peer_cuts(&p, peer_passed(&p));
    WEFT_TRY(weft_db_notify(direct, own("orders"), "1"));
    expect(sub, own("orders"), "1");
    int64_t since = weft_now_ns();
    int gaps = 0, before = peer_accepted(&p);
    while (weft_now_ns() - since < INT64_C(1500000000)) {
        WEFT_SCOPE(s, .timeout_ms = 300);
        int rc = weft_db_next(sub, &m);
        WEFT_CHECK(rc == WEFT_ETIMEDOUT || (rc == 1 && m.gap));
        gaps += rc == 1;
    }
    WEFT_CHECK(gaps > 0);
    WEFT_CHECK(peer_accepted(&p) - before <= 10 + (int)((weft_now_ns() - since) / 1000000000));
    peer_cuts(&p, 0);
    for (int i = 0; i < 100; i++) {                  /* gaps may be there still, and it may be away for a moment */
        WEFT_SCOPE(s, .timeout_ms = 200);
        WEFT_TRY(weft_db_notify(direct, own("orders"), "2"));
        if (weft_db_next(sub, &m) == 1 && !m.gap) break;
    }
    WEFT_CHECK(!m.gap);
    WEFT_CHECK_STR(m.text, "2");
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return weft_db_close(direct, 0);
}

static int stop_it(const db_server *const *s) { return db_server_stop(*s, "immediate"), 0; }
static int start_it(const db_server *const *s) { return db_server_again(*s), 0; }

static int restarts(const db_server *const *server)
{
    weft_db *db = NULL;
    int rc = WEFT_EDB_AWAY;
    WEFT_TRY(weft_db_connect(db_url, &db, .acquire_ms = 60000));
    WEFT_DB_SUB(sub);
    WEFT_DB_SUB(late);
    WEFT_TRY(weft_db_listen(db, &sub, own("orders")));
    WEFT_TRY(weft_in_thread(stop_it, server));
    WEFT_CHECK(nothing_within(sub, 300));
    WEFT_CHECK_EQ(weft_db_listen(db, &late, own("orders")), WEFT_EDB_AWAY);
    WEFT_CHECK(!late);
    WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_AWAY)->status, 503);
    WEFT_TRY(weft_in_thread(start_it, server));
    expect_gap(sub);
    for (int i = 0; i < 1000 && rc == WEFT_EDB_AWAY; i++) {
        rc = weft_db_notify(db, own("orders"), "again");
        if (rc < 0) WEFT_TRY(weft_sleep_ms(10));
    }
    WEFT_CHECK_EQ(rc, 0);
    expect(sub, own("orders"), "again");
    return weft_db_close(db, 0);
}

WEFT_TEST(a_server_that_restarts_is_listened_to_again_and_one_that_is_away_is_told__postgres)
{
    static char url[400];
    db_server own;
    const db_server *server = &own;
    db_server_start(&own);
    snprintf(url, sizeof url, "postgresql://weft@/postgres?host=%s&port=%d", own.folder, own.port);
    db_url = url;
    world_epoll(weft_call(restarts, &server, NULL));
}
