/* PostgreSQL's own: connections that are shared, cancels in the server, servers that go and come back, its types. */
#include <unistd.h>
#include "db_server.h"
#include "db_world.h"
#include "weft/thread.h"

WEFT_MODEL(Name, field(weft_str, name));

static weft_db *with_opts(const weft_db_opts *o)
{
    weft_db *db = NULL;
    WEFT_NEED(weft_db_connect_with(db_url, &db, o) == 0);
    return db;
}
#define WITH(...) with_opts(&(weft_db_opts){ __VA_ARGS__ })

static int64_t number(weft_db *db, const char *sql)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value_with(db, &weft_schema_int64_t, &n, &(weft_sql){ .sql = sql, .place = WEFT__HERE }), 0);
    return n;
}

typedef struct asked { weft_db *db; int n, *rc; } asked;

static int hold(const asked *in)
{
    WEFT_TRANSACTION(tx, in->db);
    WEFT_CHECK_EQ(weft_db_execute(tx, "SELECT 1"), 0);
    *in->rc = 1;
    return weft_sleep_ms(FOREVER);
}

/* ---- at once ---- */

static int sleep_there(const asked *in)
{
    weft_str nothing;
    return weft_db_value(in->db, weft_str, &nothing, "SELECT pg_sleep(1)::text");
}

DB_POSTGRES_TEST(three_that_sleep_for_a_second_take_about_one)
{
    weft_db *db = WITH(.acquire_ms = 60000);
    int64_t since = weft_now_ns();
    asked in = { .db = db };
    for (int round = 0; round < 2; round++)             /* not known yet, and known to be slow */
        WEFT_TRY(weft_gather(weft_call(sleep_there, &in, NULL), weft_call(sleep_there, &in, NULL), weft_call(sleep_there, &in, NULL)));
    int64_t ms = (weft_now_ns() - since) / 1000000;
    WEFT_CHECK(ms >= 2000 && ms < 4000 + 2000 * WORLD_SANITIZED);
    return weft_db_close(db, 0);
}

static int divide(const asked *in)
{
    int64_t n = -7;
    *in->rc = weft_db_value(in->db, int64_t, &n, "SELECT 1000 / {}", in->n);
    WEFT_CHECK_EQ(n, in->n ? 1000 / in->n : -7);
    return 0;
}

DB_POSTGRES_TEST(one_that_fails_fails_none_of_those_that_went_with_it)
{
    weft_db *db = WITH(.connections_max = 2, .acquire_ms = 60000);
    int rcs[200];
    for (int round = 0; round < 4; round++) {
        WEFT_SCOPE(s);
        for (int i = 0; i < 200; i++) weft_spawn(s, divide, (&(asked){ db, i % 13, &rcs[i] }));
        WEFT_TRY(weft_join(s));
        for (int i = 0; i < 200; i++) WEFT_CHECK_EQ(rcs[i], i % 13 ? 0 : WEFT_EDB);
    }
    return weft_db_close(db, 0);
}

/* ---- leaving ---- */

static int sleep_long(const asked *in)
{
    weft_str nothing;
    return *in->rc = weft_db_value(in->db, weft_str, &nothing, "SELECT pg_sleep(60)::text");
}

static const char *at_sleep(void)
{
    static char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 't%d'", (int)getpid());
    return sql;
}

static int64_t at_work(void)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND query LIKE '%%pg_sleep(60)%%' AND application_name = 't%d'", (int)getpid());
    return atoll(db_server_ask(db_server_of_run(), sql));
}

static int64_t at_rows(void)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND query LIKE '%%LATERAL%%' AND application_name = 't%d'", (int)getpid());
    return atoll(db_server_ask(db_server_of_run(), sql));
}

DB_POSTGRES_TEST(who_leaves_a_long_query_ends_it_in_the_server)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000);
    int64_t pid = number(db, "SELECT pg_backend_pid()"), best = INT64_MAX;
    for (int round = 0; round < 8; round++) {
        int rc = 0;
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, sleep_long, (&(asked){ .db = db, .rc = &rc }));
        for (int i = 0; i < 1000 && at_work() != 1; i++) WEFT_TRY(weft_sleep_ms(10));
        WEFT_CHECK_EQ(at_work(), 1);
        int64_t since = weft_now_ns();
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);        /* which is told when the server has let go of it */
        int64_t ms = (weft_now_ns() - since) / 1000000;
        if (ms < best) best = ms;
        WEFT_CHECK_EQ(at_work(), 0);
        WEFT_CHECK_EQ(number(db, "SELECT 40 + 2"), 42);
        WEFT_CHECK_EQ(number(db, "SELECT pg_backend_pid()"), pid);
    }
    WEFT_CHECK(best < 3000);                             /* not by the bound of 5 s; others may have the cores now and then, not each time */
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(who_leaves_in_the_middle_of_rows_leaves_their_connection_to_others)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000);
    int64_t pid = number(db, "SELECT pg_backend_pid()"), n = 0;
    for (int round = 0; round < 4; round++) {
        int rc = 1;
        {
            WEFT_SCOPE(s, .timeout_ms = 300);
            WEFT_ROWS(rows);
            rc = weft_db_rows(&rows, db, "SELECT i FROM generate_series(1, 100000) AS i, LATERAL (SELECT pg_sleep(CASE WHEN i > 300 THEN 60 ELSE 0 END)) AS later");
            for (int64_t i = 1; rc >= 0 && (rc = weft_rows_next(int64_t, rows, &n)) == 1; i++) WEFT_CHECK_EQ(n, i);
            WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
        }
        WEFT_CHECK_EQ(at_rows(), 0);
        WEFT_CHECK_EQ(number(db, "SELECT pg_backend_pid()"), pid);
    }
    return weft_db_close(db, 0);
}

/* ---- what is kept, and shared ---- */

static int64_t backends(void)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 't%d'", (int)getpid());
    return atoll(db_server_ask(db_server_of_run(), sql));
}

DB_POSTGRES_TEST(a_statement_is_prepared_once_a_connection_and_the_oldest_gives_way)
{
    weft_db *db = WITH(.connections_max = 1, .statements_max = 3, .acquire_ms = 60000);
    for (int i = 0; i < 20; i++) {
        int64_t n = 0;
        WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT 40 + {}::bigint", (int64_t)i));
        WEFT_CHECK_EQ(n, 40 + i);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 40%'"), 1);
    WEFT_CHECK_EQ(number(db, "SELECT 1"), 1);
    WEFT_CHECK_EQ(number(db, "SELECT 2"), 2);
    WEFT_CHECK_EQ(number(db, "SELECT 3"), 3);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 40%'"), 0);
    WEFT_CHECK(number(db, "SELECT count(*) FROM pg_prepared_statements") <= 4);
    return weft_db_close(db, 0);
}

typedef struct where { weft_db *db; int64_t *pid; } where;
static int where_am_i(const where *in) { return weft_db_value(in->db, int64_t, in->pid, "SELECT pg_backend_pid()::bigint"); }

DB_POSTGRES_TEST(quick_reads_of_one_turn_share_a_connection)
{
    enum { TASKS = 30 };
    weft_db *db = WITH(.connections_max = 8, .acquire_ms = 60000);
    int64_t pids[TASKS];
    int together = 0;
    for (int round = 0; round < 20; round++) {           /* one that was slow beside others is tried alone the next time */
        WEFT_SCOPE(s);
        for (int i = 0; i < TASKS; i++) weft_spawn(s, where_am_i, (&(where){ db, &pids[i] }));
        WEFT_TRY(weft_join(s));
        int different = 0;
        for (int i = 1; i < TASKS; i++) different += pids[i] != pids[0];
        together += different == 0;
    }
    WEFT_CHECK(together > 0);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(connections_that_have_lived_long_or_done_nothing_for_long_are_closed)
{
    weft_db *db = WITH(.connections_max = 1, .lifetime_ms = 300, .acquire_ms = 60000);
    int64_t pid = number(db, "SELECT pg_backend_pid()");
    WEFT_TRY(weft_sleep_ms(500));
    WEFT_CHECK_EQ(number(db, "SELECT 1"), 1);
    WEFT_CHECK(number(db, "SELECT pg_backend_pid()") != pid);
    WEFT_TRY(weft_db_close(db, 0));
    db = WITH(.connections_max = 4, .idle_ms = 200, .lifetime_ms = -1, .acquire_ms = 60000);
    asked in = { .db = db };
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 3; i++) weft_spawn(s, sleep_there, &in);
        for (int i = 0; i < 1000 && backends() < 3; i++) WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK(backends() >= 3);
        WEFT_TRY(weft_join(s));
    }
    for (int i = 0; i < 1000 && backends() > 1; i++) WEFT_TRY(weft_sleep_ms(20));
    WEFT_CHECK_EQ(backends(), 1);
    WEFT_CHECK_EQ(number(db, "SELECT 1"), 1);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_cancelled_statement_leaves_its_transaction_whole)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        {
            WEFT_SCOPE(s, .timeout_ms = 100);
            WEFT_CHECK_EQ(weft_db_execute(tx, "SELECT pg_sleep(60)"), WEFT_ETIMEDOUT);
        }
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')"), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 2);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_statement_of_a_server_has_a_deadline)
{
    weft_db *db = WITH(.statement_ms = 100, .acquire_ms = 60000);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT pg_sleep(60)"), WEFT_ETIMEDOUT);
    WEFT_CHECK(db_says(WEFT_ETIMEDOUT, "100 ms") && db_says(WEFT_ETIMEDOUT, "pg_sleep"));
    int rc = WEFT_ETIMEDOUT;
    int64_t n = 0;
    for (int i = 0; i < 100 && rc == WEFT_ETIMEDOUT; i++) rc = weft_db_value(db, int64_t, &n, "SELECT 1");      /* the server may be late, but not each time */
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(n, 1);
    return weft_db_close(db, 0);
}

/* Each in its own way, and many leave: whoever stays must have his own answer, and nobody another's end (57014). */
static int ask_one(const asked *in)
{
    int64_t n = -1, there = in->n;
    int rc;
    if (in->n % 7 == 1) rc = weft_db_value(in->db, int64_t, &n, "SELECT {}::bigint FROM pg_sleep(0.003)", there);
    else if (in->n % 7 == 2) {
        WEFT_TRANSACTION(tx, in->db);
        rc = weft_db_value(tx, int64_t, &n, "SELECT {}::bigint * 1", there);
        if (rc == 0) rc = weft_db_commit(tx);
    } else rc = weft_db_value(in->db, int64_t, &n, "SELECT {}::bigint + 0", there);
    if (rc == 0) WEFT_CHECK_EQ(n, there);
    *in->rc = rc;
    return 0;
}

static int leave_early(const asked *in)
{
    WEFT_SCOPE(s, .timeout_ms = 1 + in->n % 5);
    int rc = 0;
    ask_one(&(asked){ in->db, in->n, &rc });
    WEFT_CHECK(rc == 0 || rc == WEFT_ETIMEDOUT);
    return 0;
}

static int stay(const asked *in)
{
    int rc = -1;
    ask_one(&(asked){ in->db, in->n, &rc });
    if (rc < 0) fprintf(stderr, "  %d: %s\n", rc, weft_error_of(rc)->text);
    WEFT_CHECK_EQ(rc, 0);
    return 0;
}

DB_POSTGRES_TEST(queries_cancelled_at_any_time_cross_no_answers_and_leak_no_connection)
{
    const char *soak = getenv("WEFT_SOAK");
    int rounds = soak && *soak != '0' ? 2000 : WORLD_SANITIZED ? 20 : 60;
    char sql[200];
    weft_db *db = WITH(.connections_max = 5, .acquire_ms = 60000, .statement_ms = 60000);
    for (int round = 0; round < rounds; round++) {
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < 50; i++) {
            int n = round * 50 + i;
            if (i % 2) weft_spawn(s, leave_early, (&(asked){ .db = db, .n = n }));
            else weft_spawn(s, stay, (&(asked){ .db = db, .n = n }));
            if (i % 10 == 9) WEFT_TRY(weft_yield());
        }
        WEFT_TRY(weft_join(s));
    }
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 't%d'", (int)getpid());
    WEFT_CHECK(atoll(db_server_ask(db_server_of_run(), sql)) <= 5);
    {
        WEFT_SCOPE(s);                                  /* all of them can be had alone */
        int held[5] = { 0 };
        for (int i = 0; i < 5; i++) weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held[i] }));
        for (int i = 0; i < 400 && !(held[0] && held[1] && held[2] && held[3] && held[4]); i++) WEFT_TRY(weft_sleep_ms(5));
        for (int i = 0; i < 5; i++) WEFT_CHECK(held[i]);
    }
    return weft_db_close(db, 0);
}

/* ---- who has them ---- */

DB_POSTGRES_TEST(who_waits_too_long_for_a_server_is_told_who_has_the_connection)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 200);
    int held = 0;
    {
        WEFT_SCOPE(s);
        weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held }));
        while (!held) WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 2"), WEFT_EDB_BUSY);
        WEFT_CHECK(db_says(WEFT_EDB_BUSY, "hold") && db_says(WEFT_EDB_BUSY, "postgres_test.c") && db_says(WEFT_EDB_BUSY, " ms"));
        WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_BUSY)->status, 503);
    }
    WEFT_CHECK_EQ(number(db, "SELECT 2"), 2);
    return weft_db_close(db, 0);
}

static int sleeps(const asked *in)
{
    weft_str nothing;
    return weft_db_value(in->db, weft_str, &nothing, "SELECT pg_sleep({}::int)::text", in->n);
}

/* The usual case: nobody holds anything, and the statements are slow; one has its connection alone, another shares it as it was quick before. */
DB_POSTGRES_TEST(who_waits_too_long_is_told_which_statements_have_the_connections)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 200);
    for (int quick = 0; quick < 2; quick++) {
        for (int i = 0; i < 3 * quick; i++) {
            int rc = WEFT_EDB_BUSY;
            while (rc == WEFT_EDB_BUSY) rc = sleeps(&(asked){ .db = db });
            WEFT_TRY(rc);
        }
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, sleeps, (&(asked){ .db = db, .n = 60 }));
        for (int i = 0; i < 2000 && !atoll(db_server_ask(db_server_of_run(), at_sleep())); i++) WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 2"), WEFT_EDB_BUSY);
        WEFT_CHECK(db_says(WEFT_EDB_BUSY, ": sleeps has one for the statement at ") && db_says(WEFT_EDB_BUSY, "postgres_test.c") && db_says(WEFT_EDB_BUSY, " ms (SELECT pg_sleep("));
        WEFT_CHECK(!strstr(weft_error_of(WEFT_EDB_BUSY)->text, "SELECT 2)"));
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    }
    return weft_db_close(db, 0);
}

typedef struct turn { weft_db *db; int *order, *at, me; } turn;

static int takes_turn(const turn *in)
{
    WEFT_TRANSACTION(tx, in->db);
    WEFT_TRY(weft_db_execute(tx, "SELECT 1"));
    in->order[(*in->at)++] = in->me;
    return weft_db_commit(tx);
}

DB_POSTGRES_TEST(who_comes_first_has_a_connection_first)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000);
    int order[20], at = 0;
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 20; i++) weft_spawn(s, takes_turn, (&(turn){ db, order, &at, i }));
        WEFT_TRY(weft_join(s));
    }
    for (int i = 0; i < 20; i++) WEFT_CHECK_EQ(order[i], i);
    return weft_db_close(db, 0);
}

static int wants(const asked *in) { return *in->rc = weft_db_execute(in->db, "SELECT 3"); }

DB_POSTGRES_TEST(closing_refuses_who_waits_and_rolls_back_what_is_open)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000);
    int held = 0, rcs[4] = { 7, 7, 7, 7 };
    WEFT_SCOPE(s);
    weft_task *holder = weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held }));
    while (!held) WEFT_TRY(weft_sleep_ms(5));
    weft_error alone;
    for (int i = 0; i < 4; i++) weft_spawn(s, wants, (&(asked){ db, i, &rcs[i] }), NULL, .error = &alone);
    world_turn();
    WEFT_CHECK_EQ(weft_db_close(db, 0), 0);
    for (int i = 0; i < 4; i++) WEFT_CHECK_EQ(rcs[i], WEFT_ECLOSED);
    weft_task_cancel(holder);
    return 0;
}

/* ---- servers that go ---- */

DB_POSTGRES_TEST(a_transaction_whose_connection_breaks_says_so_and_others_go_on)
{
    weft_db *db = db_with_tables();
    {
        char sql[100];
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld, 10000)", (long long)number(tx, "SELECT pg_backend_pid()"));
        db_server_ask(db_server_of_run(), sql);
        int rc = weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')");
        WEFT_CHECK_EQ(rc, WEFT_EDB_LOST);
        WEFT_CHECK_EQ(weft_error_of(rc)->status, 503);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')"), WEFT_EDB);
        WEFT_CHECK(weft_db_commit(tx) < 0);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 0);
    return weft_db_close(db, 0);
}

typedef struct load { weft_db *db; bool *stop; int64_t *next; int *lost, *away, *strange; weft_list_int64_t *kept; } load;

static int write_on(const load *in)
{
    while (!*in->stop) {
        int64_t id = ++*in->next;
        int rc = weft_db_execute(in->db, "INSERT INTO kept (id) VALUES ({})", id);
        if (rc == 1) weft_push(in->kept, id);
        else if (rc == WEFT_EDB_LOST) ++*in->lost;
        else if (rc == WEFT_EDB_AWAY) ++*in->away;
        else ++*in->strange, fprintf(stderr, "  %d: %s\n", rc, weft_error_of(rc)->text);
        WEFT_TRY(weft_sleep_ms(rc == 1 ? 0 : 5));
    }
    return 0;
}

typedef struct stopping { const db_server *server; const char *how; } stopping;
static int stop_it(const stopping *in) { return db_server_stop(in->server, in->how), 0; }
static int start_it(const stopping *in) { return db_server_again(in->server), 0; }

static int restarts(const db_server *const *server)
{
    weft_db *db;
    bool stop = false;
    int lost = 0, away = 0, strange = 0;
    int64_t next = 0;
    weft_list_int64_t kept = { 0 };
    WEFT_TRY(weft_db_connect(db_url, &db, .connections_max = 4));
    WEFT_TRY(weft_db_execute(db, "CREATE TABLE kept (id bigint PRIMARY KEY)"));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 8; i++) weft_spawn(s, write_on, (&(load){ db, &stop, &next, &lost, &away, &strange, &kept }));
        WEFT_TRY(weft_sleep_ms(300));
        for (int round = 0; round < 2; round++) {
            stopping how = { *server, round ? "fast" : "immediate" };
            WEFT_TRY(weft_in_thread(stop_it, &how));
            int before = away;
            WEFT_TRY(weft_sleep_ms(300));
            WEFT_CHECK(away > before);
            WEFT_TRY(weft_in_thread(start_it, &how));
            uint32_t had = kept.count;
            for (int i = 0; i < 200 && kept.count < had + 20; i++) WEFT_TRY(weft_sleep_ms(50));
            WEFT_CHECK(kept.count >= had + 20);
        }
        stop = true;
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(strange, 0);
    for (uint32_t i = 0; i < kept.count; i++) {
        int64_t there = 0;
        WEFT_TRY(weft_db_value(db, int64_t, &there, "SELECT count(*) FROM kept WHERE id = {}", kept.items[i]));
        WEFT_CHECK_EQ(there, 1);
    }
    return weft_db_close(db, 0);
}

WEFT_TEST(a_server_restarted_under_load_is_found_again_and_nothing_acknowledged_is_lost)
{
    static char url[300];
    static db_server own;
    const db_server *server = &own;
    db_server_start(&own);
    snprintf(url, sizeof url, "postgresql://weft@/postgres?host=%s&port=%d", own.folder, own.port);
    db_url = url;
    world_epoll(weft_call(restarts, &server, NULL));
}

DB_POSTGRES_TEST(what_cannot_be_reached_is_told_at_the_start)
{
    weft_db *db = NULL;
    char url[400];
    const db_server *s = db_server_of_run();
    WEFT_CHECK_EQ(weft_db_connect("postgresql://weft@127.0.0.1:1/x", &db), WEFT_EDB_AWAY);
    WEFT_CHECK(db_says(WEFT_EDB_AWAY, "refused"));
    snprintf(url, sizeof url, "postgresql://weft:wrong@127.0.0.1:%d/postgres", s->port);
    WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }), WEFT_EDB_AWAY);
    WEFT_CHECK(db_says(WEFT_EDB_AWAY, "password authentication failed"));
    WEFT_CHECK(strstr(weft_error_of(WEFT_EDB_AWAY)->text, "wrong") == NULL);
    WEFT_CHECK_EQ(weft_db_connect("postgresql://[::1", &db), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_connect("postgresql://localhost/?nonsense=1", &db), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "nonsense"));
    WEFT_CHECK_EQ(weft_db_connect("postgresql://no-such-host.invalid/x", &db), WEFT_EDB_AWAY);
    WEFT_CHECK(db_says(WEFT_EDB_AWAY, "no-such-host.invalid"));
    WEFT_CHECK(db == NULL);
    return 0;
}

DB_POSTGRES_TEST(a_server_is_spoken_to_in_tls_and_with_a_password_that_is_not_sent)
{
    weft_db *db;
    char url[400];
    bool tls;
    const db_server *s = db_server_of_run();
    snprintf(url, sizeof url, "postgres://weft:secret@localhost:%d/postgres?sslmode=verify-full&sslrootcert=%s/ca.crt", s->port, s->folder);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }));
    WEFT_TRY(weft_db_value(db, bool, &tls, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"));
    WEFT_CHECK(tls);
    WEFT_TRY(weft_db_close(db, 0));
    snprintf(url, sizeof url, "postgres://weft:secret@127.0.0.2:%d/postgres?sslmode=verify-full&sslrootcert=%s/ca.crt&hostaddr=127.0.0.1", s->port, s->folder);
    WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }), WEFT_EDB_AWAY);
    return 0;
}

/* ---- its types ---- */

WEFT_ENUM(Mood, value(SAD, "sad"), value(HAPPY, "it's \"happy\""));
WEFT_MODEL(Arrays, list(int64_t, numbers), list(weft_str, texts), list(bool, flags), list(double, reals), list(weft_decimal, prices), list(weft_uuid, ids), list(Mood, moods));

static int64_t numbers[] = { INT64_MIN, 0, INT64_MAX };
static bool flags[] = { true, false };
static double reals[] = { 0.1, -1e300, 5 };
static weft_decimal prices[] = { { { "1.50", 4 } }, { { "-123456789012345678901234567890.000001", 38 } } };
static weft_uuid ids[] = { { { 1, 2, 3 } }, { { 0 } } };
static Mood moods[] = { HAPPY, SAD };

WEFT_MODEL(Blobs, list(weft_bytes, all));

DB_POSTGRES_TEST(an_array_of_bytes_comes_back_as_it_was)
{
    weft_db *db = WITH(.acquire_ms = 60000);
    weft_bytes items[] = { { (const uint8_t *)"\0\\\"\xff{,}", 7 }, { (const uint8_t *)"", 0 }, { (const uint8_t *)"abcd", 4 } };
    Blobs in = { .all = { items, 3, 3 } }, out;
    weft_json other;
    WEFT_TRY(weft_db_script(db, "CREATE TABLE b (all_ bytea[])"));
    for (int i = 0; i < 3; i++) WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO b VALUES (:all)", weft_fields(Blobs, &in)), 1);
    WEFT_TRY(weft_db_one(db, Blobs, &out, "SELECT all_ AS \"all\" FROM b LIMIT 1"));
    WEFT_NEED(out.all.count == 3);
    for (int i = 0; i < 3; i++) WEFT_CHECK(out.all.items[i].len == items[i].len && memcmp(out.all.items[i].ptr, items[i].ptr, items[i].len) == 0);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM b WHERE all_[3] = 'abcd'::bytea AND length(all_[1]) = 7 AND array_length(all_, 1) = 3"), 3);
    WEFT_TRY(weft_db_value(db, weft_json, &other, "SELECT {}::bytea[]", ((weft_json){ WEFT_S("[\"YQ==\", null]") })));
    WEFT_CHECK_STR(other.text, "[\"YQ==\",null]");
    WEFT_CHECK_EQ(weft_db_value(db, weft_json, &other, "SELECT {}::bytea[]", ((weft_json){ WEFT_S("[\"not base64!\"]") })), WEFT_EINVAL);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(arrays_come_back_as_the_lists_they_were)
{
    static weft_str texts[] = { { "", 0 }, { "NULL", 4 }, { "a,b{}\\\"'", 8 }, { "K\xc3\xb6ln", 5 }, { " ", 1 } };
    weft_db *db = WITH(.acquire_ms = 60000);
    Arrays in = { .numbers = { numbers, 3, 3 }, .texts = { texts, 5, 5 }, .flags = { flags, 2, 2 }, .reals = { reals, 3, 3 }, .prices = { prices, 2, 2 }, .ids = { ids, 2, 2 },
        .moods = { moods, 2, 2 } }, out;
    WEFT_TRY(weft_db_script(db, "CREATE TYPE mood AS ENUM ('sad', 'it''s \"happy\"');"
        "CREATE TABLE a (numbers bigint[], texts text[], flags boolean[], reals float8[], prices numeric[], ids uuid[], moods mood[])"));
    for (int i = 0; i < 3; i++) {
        WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO a VALUES (:numbers, :texts, :flags, :reals, :prices, :ids, :moods)", weft_fields(Arrays, &in)), 1);
        WEFT_TRY(weft_db_one(db, Arrays, &out, "SELECT * FROM a LIMIT 1"));
        WEFT_NEED(out.numbers.count == 3 && out.texts.count == 5 && out.flags.count == 2 && out.reals.count == 3 && out.prices.count == 2 && out.ids.count == 2 && out.moods.count == 2);
        for (int k = 0; k < 3; k++) WEFT_CHECK_EQ(out.numbers.items[k], numbers[k]);
        for (int k = 0; k < 3; k++) WEFT_CHECK(out.reals.items[k] == reals[k]);
        for (int k = 0; k < 5; k++) WEFT_CHECK(weft_str_equal(out.texts.items[k], texts[k]));
        WEFT_CHECK_STR(out.prices.items[1].text, "-123456789012345678901234567890.000001");
        WEFT_CHECK(weft_uuid_equal(out.ids.items[0], ids[0]) && out.moods.items[0] == HAPPY && out.flags.items[0] && !out.flags.items[1]);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM a WHERE numbers[2] = 0 AND texts[2] = 'NULL' AND array_length(prices, 1) = 2"), 3);
    weft_json other;
    WEFT_TRY(weft_db_value(db, weft_json, &other, "SELECT '{{1,2},{3,NULL}}'::int[]"));
    WEFT_CHECK_STR(other.text, "[[1,2],[3,null]]");
    WEFT_TRY(weft_db_value(db, weft_json, &other, "SELECT {}::int[]", ((weft_json){ WEFT_S("[[1, 2], [3, null]]") })));
    WEFT_CHECK_STR(other.text, "[[1,2],[3,null]]");
    WEFT_TRY(weft_db_value(db, weft_json, &other, "SELECT {}::jsonb[]", ((weft_json){ WEFT_S("[{\"a\": [1]}, \"x\", null]") })));
    WEFT_CHECK_STR(other.text, "[{\"a\": [1]},\"x\",null]");
    WEFT_TRY(weft_db_value(db, weft_json, &other, "SELECT '{}'::int[]"));
    WEFT_CHECK_STR(other.text, "[]");
    WEFT_CHECK_EQ(weft_db_value(db, weft_json, &other, "SELECT {}::int[]", ((weft_json){ WEFT_S("[{}]") })), WEFT_EINVAL);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM a WHERE 5 = ANY ('{5}'::int[])"), 3);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(types_of_the_database_s_own_are_read_or_named)
{
    weft_db *db = WITH(.acquire_ms = 60000);
    Mood m;
    weft_str s;
    weft_decimal d;
    int64_t n;
    double average;
    weft_duration length;
    WEFT_TRY(weft_db_script(db, "CREATE TYPE mood AS ENUM ('sad', 'it''s \"happy\"'); CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0); CREATE TYPE pair AS (a int, b int);"
        "CREATE TABLE t (m mood, c cents)"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO t VALUES ({}, {})", weft_enum(Mood, HAPPY), 12), 1);
    WEFT_TRY(weft_db_value(db, Mood, &m, "SELECT m FROM t"));
    WEFT_CHECK_EQ(m, HAPPY);
    WEFT_CHECK_EQ(number(db, "SELECT c FROM t"), 12);
    WEFT_CHECK_EQ(number(db, "SELECT sum(c) FROM t"), 12);
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT 1.5"), WEFT_EDB);
    WEFT_TRY(weft_db_value(db, double, &average, "SELECT avg(c) FROM t"));
    WEFT_CHECK(average == 12);
    WEFT_TRY(weft_db_value(db, weft_decimal, &d, "SELECT 0.0001::numeric(20, 10)"));
    WEFT_CHECK_STR(d.text, "0.0001000000");
    WEFT_TRY(weft_db_value(db, weft_decimal, &d, "SELECT -1000000000000::numeric"));
    WEFT_CHECK_STR(d.text, "-1000000000000");
    WEFT_CHECK_EQ(weft_db_value(db, weft_decimal, &d, "SELECT 'NaN'::numeric"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO t VALUES (NULL, -1)"), WEFT_EDB_CHECK);
    WEFT_CHECK_EQ(weft_db_value(db, weft_str, &s, "SELECT '127.0.0.1'::inet"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "inet") && db_says(WEFT_EDB, "::text"));
    WEFT_CHECK_EQ(weft_db_value(db, weft_str, &s, "SELECT ROW(1, 2)::pair"), WEFT_EDB);
    WEFT_TRY(weft_db_value(db, weft_duration, &length, "SELECT {}::interval + '1 day'::interval", ((weft_duration){ INT64_C(400) * 86400 * 1000000 })));
    WEFT_CHECK_EQ(length.us, INT64_C(401) * 86400 * 1000000);
    WEFT_CHECK_EQ(weft_db_value(db, weft_duration, &length, "SELECT '1 month'::interval"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_value(db, weft_str, &s, "SELECT 'infinity'::timestamptz"), WEFT_EDB);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(a_value_that_changes_things_and_does_not_fit_changes_nothing)
{
    weft_db *db = db_with_tables();
    Name n;
    WEFT_CHECK_EQ(weft_db_one(db, Name, &n, "INSERT INTO users (name) VALUES ('a') RETURNING id"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_one(db, Name, &n, "INSERT INTO users (name) VALUES ('a'), ('b') RETURNING name"), WEFT_EDB);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 0);
    WEFT_CHECK_EQ(weft_db_one(db, Name, &n, "INSERT INTO users (name) VALUES ('a') RETURNING name"), 0);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 1);
    return weft_db_close(db, 0);
}

DB_POSTGRES_TEST(what_would_change_a_connection_is_refused_by_postgres_too)
{
    static const char *const refused[] = { "SET work_mem = '1MB'", "CREATE TEMP TABLE x (a int)", "SELECT pg_advisory_lock(1)", "LISTEN x", "PREPARE p AS SELECT 1",
        "DEALLOCATE ALL", "DISCARD ALL", "SELECT set_config('a.b', 'c', false)", "COPY users TO STDOUT", "/* x */ commit",
        "CREATE OR REPLACE TEMP VIEW users AS SELECT 666 AS id", "CREATE OR REPLACE TEMPORARY VIEW users AS SELECT 666 AS id", "CREATE OR REPLACE LOCAL TEMP VIEW users AS SELECT 666 AS id",
        "SELECT 1 AS a INTO TEMP users", "SELECT 1 AS a INTO TEMPORARY TABLE users", "SELECT 1 AS a INTO LOCAL TEMP users", "WITH x AS (SELECT 1 AS a) SELECT a INTO temp users FROM x",
        "EXPLAIN (ANALYZE) CREATE TEMP TABLE users AS SELECT 1 AS a", "EXPLAIN ANALYZE CREATE TEMPORARY TABLE users AS SELECT 1 AS a", "CREATE TEMP SEQUENCE users", "CREATE /* or */ GLOBAL -- x\n TEMP TABLE users (id int)",
        "CREATE TABLE pg_temp.users (id int)", "CREATE TABLE \"pg_temp\".users (id int)", "SELECT \"set_config\"('search_path', 'x', false)", "SELECT pg_catalog.\"pg_advisory_lock\"(1)" };
    static const char *const run[] = { "CREATE TABLE temp (temp text, local text)", "INSERT INTO temp (temp) VALUES ('a')", "INSERT INTO temp SELECT 'b' AS temp", "WITH x AS (SELECT 'c' AS t) INSERT INTO temp SELECT t FROM x",
        "SELECT replace(temp, 'a', 'b') AS temp FROM temp WHERE temp = 'x' OR replace(temp, 'b', '') = ''", "CREATE OR REPLACE VIEW temporary AS SELECT temp FROM temp", "DROP VIEW temporary", "DROP TABLE temp",
        "SELECT 'CREATE TEMP TABLE x' AS \"INTO TEMP\"" };
    weft_db *db = db_with_tables();
    for (size_t i = 0; i < weft_count(refused); i++) WEFT_CHECK_EQ(weft_db_execute_with(db, &(weft_sql){ .sql = refused[i], .place = WEFT__HERE }), WEFT_EDB);
    for (size_t i = 0; i < weft_count(run); i++) WEFT_CHECK(weft_db_execute_with(db, &(weft_sql){ .sql = run[i], .place = WEFT__HERE }) >= 0);
    WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('a'); CREATE OR REPLACE TEMP VIEW users AS SELECT 1"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_script(db, "INSERT INTO users (name) VALUES ('a'); COMMIT; SELECT 1 / 0"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_script(db, "CREATE FUNCTION f() RETURNS int LANGUAGE SQL BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; INSERT INTO users (name) VALUES ('a;{}:b')"), 0);
    WEFT_CHECK_EQ(weft_db_script(db, "DO $x$ BEGIN PERFORM 1; END $x$; SELECT 1"), 0);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 1);
    return weft_db_close(db, 0);
}
