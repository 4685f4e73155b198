#define _GNU_SOURCE
/* MariaDB's own: cancels in the server, servers that go and come back, its commits, its types, who poses as a server. */
#include <unistd.h>
#include "db_world.h"
#include "maria_server.h"
#include "peer.h"
#include "weft/thread.h"

WEFT_MODEL(MariaName, field(weft_str, name));

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

/* ---- leaving ---- */

static int sleep_long(const asked *in)
{
    int64_t nothing;
    return *in->rc = weft_db_value(in->db, int64_t, &nothing, "SELECT SLEEP(60)");
}

DB_MARIA_TEST(who_leaves_a_long_query_of_mariadb_ends_it_in_the_server)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000);
    int64_t id = number(db, "SELECT CONNECTION_ID()"), best = INT64_MAX;
    for (int round = 0; round < 5; round++) {
        int rc = 0;
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, sleep_long, (&(asked){ .db = db, .rc = &rc }));
        for (int i = 0; i < 400 && !maria_running("%SLEEP(60)%"); i++) WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK_EQ(maria_running("%SLEEP(60)%"), 1);
        int64_t since = weft_now_ns();
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
        int64_t ms = (weft_now_ns() - since) / 1000000;
        if (ms < best) best = ms;
        /* The server answers before its list says so. */
        for (int i = 0; i < 400 && maria_running("%SLEEP(60)%"); i++) WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK_EQ(maria_running("%SLEEP(60)%"), 0);
        WEFT_CHECK_EQ(number(db, "SELECT 40 + 2"), 42);
        WEFT_CHECK_EQ(number(db, "SELECT CONNECTION_ID()"), id);
    }
    WEFT_CHECK(best < 1000);                             /* others may have the cores now and then, not each time */
    return weft_db_close(db, 0);
}

DB_MARIA_TEST(who_waits_too_long_for_mariadb_is_told_which_statements_have_the_connections)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 200);
    int rc = 0;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, sleep_long, (&(asked){ .db = db, .rc = &rc }));
    for (int i = 0; i < 400 && !maria_running("%SLEEP(60)%"); i++) WEFT_TRY(weft_sleep_ms(5));
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 2"), WEFT_EDB_BUSY);
    WEFT_CHECK(db_says(WEFT_EDB_BUSY, ": sleep_long has one for the statement at ") && db_says(WEFT_EDB_BUSY, "maria_test.c") && db_says(WEFT_EDB_BUSY, " ms (SELECT SLEEP(60))"));
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    return weft_db_close(db, 0);
}

static int sleep_a_while(const asked *in)
{
    int64_t ended = -1;
    WEFT_TRY(weft_db_value(in->db, int64_t, &ended, "SELECT SLEEP(4)"));
    return *in->rc = ended ? WEFT_EDB : 7;
}

/* One connection to `url`, of this server, that has this number there: each new one has the next, and those before it pass weft, as that is quicker. */
static weft_db *numbered(const maria_server *s, const char *url, int64_t id)
{
    weft_db *db = NULL;
    while (atoll(maria_ask(s, "SELECT CONNECTION_ID()")) < id - 1) continue;
    WEFT_NEED(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .statement_ms = 60000 }) == 0);
    return db;
}

/* The connection with this number is at that statement. */
static int until_it_runs(const maria_server *s, int64_t id, const char *what)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM information_schema.processlist WHERE id = %lld AND info LIKE '%%%s%%'", (long long)id, what);
    for (int i = 0; i < 2000 && atoi(maria_ask(s, sql)) == 0; i++) WEFT_TRY(weft_sleep_ms(5));
    return 0;
}

/* Behind a balancer the connection that is to end a statement may reach another server, where its number is somebody else's. */
DB_MARIA_TEST(who_leaves_ends_no_statement_of_another_server)
{
    static peer p;
    static maria_server other;
    char url[200];
    weft_db *db = NULL;
    int rc = 0, others = 0;
    maria_start(&other);
    p = (peer){ .to = other.port };
    peer_start(&p);
    maria_ask(&other, "CREATE USER weft@'127.0.0.1' IDENTIFIED BY 'sec/ret'");
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=disable", p.port);
    peer_leads(&p, maria_of_run()->port);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000 }));
    int64_t id = number(db, "SELECT CONNECTION_ID()");
    peer_leads(&p, other.port);
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=disable", other.port);      /* one's own may be ended without further rights */
    weft_db *theirs = numbered(&other, url, id);
    WEFT_CHECK_EQ(number(theirs, "SELECT CONNECTION_ID()"), id);
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, sleep_long, (&(asked){ .db = db, .rc = &rc }));
        weft_spawn(s, sleep_a_while, (&(asked){ .db = theirs, .rc = &others }));
        WEFT_TRY(until_it_runs(maria_of_run(), id, "SLEEP(60)"));
        WEFT_TRY(until_it_runs(&other, id, "SLEEP(4)"));
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
        for (int i = 0; i < 2000 && !others; i++) WEFT_TRY(weft_sleep_ms(5));
    }
    WEFT_CHECK_EQ(others, 7);
    WEFT_TRY(weft_db_close(theirs, 0));
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}

DB_MARIA_TEST(a_cancelled_statement_of_mariadb_leaves_its_transaction_whole)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        {
            WEFT_SCOPE(s, .timeout_ms = 100);
            WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) SELECT SLEEP(60)"), WEFT_ETIMEDOUT);
        }
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')"), 1);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 2);
    return weft_db_close(db, 0);
}

WEFT_MODEL(MariaPart, field(int64_t, n));

/* Undoing lasts longer than the next KILL QUERY takes to come. */
DB_MARIA_TEST(a_cancelled_list_of_items_is_undone_whole_before_its_transaction_goes_on)
{
    enum { ITEMS = 100 };
    weft_db *db = WITH(.acquire_ms = 60000, .statement_ms = 60000);
    MariaPart parts[ITEMS];
    for (int i = 0; i < ITEMS; i++) parts[i].n = INT64_C(1000000) * i;
    WEFT_CHECK_EQ(weft_db_execute(db, "CREATE TABLE many (n bigint PRIMARY KEY, t varchar(100))"), 0);
    WEFT_TRANSACTION(tx, db);
    WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO many (n) VALUES (-1)"), 1);
    {
        WEFT_SCOPE(s, .timeout_ms = 200);
        WEFT_CHECK_EQ(weft_db_each(tx, MariaPart, parts, ITEMS, "INSERT INTO many SELECT :n + seq, repeat('x', 90) FROM seq_1_to_5000"), WEFT_ETIMEDOUT);
    }
    int64_t n = -1;
    int rc = weft_db_value(tx, int64_t, &n, "SELECT count(*) FROM many");
    WEFT_CHECK((rc == 0 && n == 1) || rc == WEFT_EDB);      /* or the transaction is over */
    WEFT_CHECK((rc == 0) == (weft_db_commit(tx) == 0));
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM many"), rc == 0);
    return weft_db_close(db, 0);
}

DB_MARIA_TEST(a_statement_of_mariadb_has_a_deadline)
{
    weft_db *db = WITH(.statement_ms = 100, .acquire_ms = 60000);
    WEFT_CHECK_EQ(weft_db_execute(db, "DO SLEEP(60)"), WEFT_ETIMEDOUT);
    WEFT_CHECK(db_says(WEFT_ETIMEDOUT, "100 ms") && db_says(WEFT_ETIMEDOUT, "SLEEP"));
    for (int i = 0; i < 20 && maria_running("%SLEEP(60)%"); i++) WEFT_TRY(weft_sleep_ms(5));
    WEFT_CHECK_EQ(maria_running("%SLEEP(60)%"), 0);
    WEFT_TRY(weft_db_close(db, 0));
    db = WITH(.acquire_ms = 60000);
    WEFT_CHECK_EQ(number(db, "SELECT 1"), 1);
    return weft_db_close(db, 0);
}

/* Each in its own way, and many leave: whoever stays must have his own answer, and nobody another's end (KILL QUERY). */
static int ask_one(const asked *in)
{
    int64_t n = -1, there = in->n;
    int rc;
    if (in->n % 7 == 1) rc = weft_db_value(in->db, int64_t, &n, "SELECT {} + 0 * SLEEP(0.003)", there);
    else if (in->n % 7 == 2) {
        WEFT_TRANSACTION(tx, in->db);
        rc = weft_db_value(tx, int64_t, &n, "SELECT {} * 1", there);
        if (rc == 0) rc = weft_db_commit(tx);
    } else if (in->n % 7 == 3) {
        WEFT_ROWS(rows);
        rc = weft_db_rows(&rows, in->db, "SELECT seq + {} FROM seq_0_to_500", there);
        for (int64_t i = 0; rc >= 0 && (rc = weft_rows_next(int64_t, rows, &n)) == 1; i++) WEFT_CHECK_EQ(n, there + i);
        n = there;
    } else rc = weft_db_value(in->db, int64_t, &n, "SELECT {} + 0", there);
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

DB_MARIA_TEST(queries_of_mariadb_cancelled_at_any_time_cross_no_answers_and_leak_no_connection)
{
    const char *soak = getenv("WEFT_SOAK");
    int rounds = soak && *soak != '0' ? 2000 : 20;
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
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM information_schema.processlist WHERE db = 't%d'", (int)getpid());
    WEFT_CHECK(atoll(maria_ask(maria_of_run(), sql)) <= 5 + 4);      /* kills that are on their way */
    {
        WEFT_SCOPE(s);                                  /* all of them can be had alone */
        int held[5] = { 0 };
        for (int i = 0; i < 5; i++) weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held[i] }));
        for (int i = 0; i < 400 && !(held[0] && held[1] && held[2] && held[3] && held[4]); i++) WEFT_TRY(weft_sleep_ms(5));
        for (int i = 0; i < 5; i++) WEFT_CHECK(held[i]);
    }
    return weft_db_close(db, 0);
}

DB_MARIA_TEST(rows_that_nobody_reads_to_their_end_hold_up_nobody)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000);
    int64_t n = 0, since = weft_now_ns();
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT seq FROM seq_1_to_2000000000"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "more than one row"));
    WEFT_CHECK_EQ(number(db, "SELECT 7"), 7);
    WEFT_CHECK((weft_now_ns() - since) / 1000000000 < 20);
    return weft_db_close(db, 0);
}

/* ---- who has them ---- */

DB_MARIA_TEST(who_waits_too_long_for_mariadb_is_told_who_has_the_connection)
{
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 200);
    int held = 0;
    {
        WEFT_SCOPE(s);
        weft_spawn(s, hold, (&(asked){ .db = db, .rc = &held }));
        while (!held) WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK_EQ(weft_db_execute(db, "SELECT 2"), WEFT_EDB_BUSY);
        WEFT_CHECK(db_says(WEFT_EDB_BUSY, "hold") && db_says(WEFT_EDB_BUSY, "maria_test.c") && db_says(WEFT_EDB_BUSY, " ms"));
        WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_BUSY)->status, 503);
    }
    WEFT_CHECK_EQ(number(db, "SELECT 2"), 2);
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

DB_MARIA_TEST(who_comes_first_has_a_connection_of_mariadb_first)
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

DB_MARIA_TEST(closing_mariadb_refuses_who_waits_and_rolls_back_what_is_open)
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

DB_MARIA_TEST(a_connection_that_has_lived_long_is_replaced)
{
    weft_db *db = WITH(.connections_max = 1, .lifetime_ms = 300, .acquire_ms = 60000);
    int64_t id = number(db, "SELECT CONNECTION_ID()");
    WEFT_TRY(weft_sleep_ms(500));
    WEFT_CHECK(number(db, "SELECT 1") == 1 && number(db, "SELECT CONNECTION_ID()") != id);
    return weft_db_close(db, 0);
}

/* ---- what it commits by itself ---- */

DB_MARIA_TEST(what_would_commit_a_transaction_is_refused_in_it)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        WEFT_CHECK_EQ(weft_db_execute(tx, "CREATE TABLE t (a int)"), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "would commit") && db_says(WEFT_EDB, "maria_test.c"));
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')"), 1);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 0);
    return weft_db_close(db, 0);
}

DB_MARIA_TEST(a_script_that_commits_its_transaction_says_that_it_is_over)
{
    weft_db *db = db_with_tables();
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        WEFT_CHECK_EQ(weft_db_script(tx, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)"), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "has committed the transaction"));
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('b')"), WEFT_EDB);
        WEFT_CHECK(weft_db_commit(tx) < 0);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM users"), 1);
    return weft_db_close(db, 0);
}

typedef struct lock { weft_db *db; int n, *rc, *locked; } lock;

static int locks(const lock *in)
{
    WEFT_TRANSACTION(tx, in->db);
    WEFT_TRY(weft_db_execute(tx, "UPDATE users SET name = name WHERE id = {}", in->n));
    for (++*in->locked; *in->locked < 2;) WEFT_TRY(weft_sleep_ms(1));
    int rc = weft_db_execute(tx, "UPDATE users SET name = name WHERE id = {}", 3 - in->n);
    *in->rc = rc;
    if (rc < 0) {
        WEFT_CHECK_EQ(rc, WEFT_EDB_BUSY);
        WEFT_CHECK_EQ(weft_db_execute(tx, "UPDATE users SET name = 'x'"), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "rolled back"));
        return 0;
    }
    return weft_db_commit(tx);
}

DB_MARIA_TEST(a_deadlock_ends_one_transaction_and_the_other_goes_on)
{
    weft_db *db = db_with_tables();
    int rcs[2] = { 7, 7 }, locked = 0;
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('a'), ('b')"), 2);
    WEFT_TRY(weft_gather(weft_call(locks, (&(lock){ db, 1, &rcs[0], &locked }), NULL), weft_call(locks, (&(lock){ db, 2, &rcs[1], &locked }), NULL)));
    WEFT_CHECK((rcs[0] == 1 && rcs[1] == WEFT_EDB_BUSY) || (rcs[1] == 1 && rcs[0] == WEFT_EDB_BUSY));
    return weft_db_close(db, 0);
}

/* ---- servers that go ---- */

DB_MARIA_TEST(a_transaction_whose_connection_to_mariadb_breaks_says_so_and_others_go_on)
{
    weft_db *db = db_with_tables();
    {
        char sql[100];
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO users (name) VALUES ('a')"), 1);
        snprintf(sql, sizeof sql, "KILL %lld", (long long)number(tx, "SELECT CONNECTION_ID()"));
        maria_ask(maria_of_run(), sql);
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

static int kill_it(const maria_server *const *s) { return maria_kill(*s), 0; }
static int start_it(const maria_server *const *s) { return maria_again(*s), 0; }

static int restarts(const maria_server *const *server)
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
            WEFT_TRY(weft_in_thread(kill_it, server));
            WEFT_TRY(weft_sleep_ms(300));
            int before = away;
            WEFT_TRY(weft_sleep_ms(300));
            WEFT_CHECK(away > before);
            WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_AWAY)->status, 503);
            WEFT_TRY(weft_in_thread(start_it, server));
            uint32_t had = kept.count;
            for (int i = 0; i < 400 && kept.count < had + 20; i++) WEFT_TRY(weft_sleep_ms(50));
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

WEFT_TEST(a_mariadb_killed_under_load_is_found_again_and_nothing_acknowledged_is_lost)
{
    static char url[300];
    static maria_server own;
    const maria_server *server = &own;
    maria_start(&own);
    maria_ask(&own, "CREATE DATABASE own");
    snprintf(url, sizeof url, "mysql://root@/own?socket=%s/socket", own.folder);
    db_url = url;
    world_epoll(weft_call(restarts, &server, NULL));
}

DB_MARIA_TEST(a_mariadb_that_cannot_be_reached_is_told_at_the_start)
{
    weft_db *db = NULL;
    char url[400];
    const maria_server *s = maria_of_run();
    WEFT_CHECK_EQ(weft_db_connect("mysql://weft@127.0.0.1:1/x", &db), WEFT_EDB_AWAY);
    WEFT_CHECK(db_says(WEFT_EDB_AWAY, "cannot be reached"));
    snprintf(url, sizeof url, "mysql://weft:wrong@127.0.0.1:%d/", s->port);
    WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }), WEFT_EDB_AWAY);
    WEFT_CHECK(db_says(WEFT_EDB_AWAY, "Access denied"));
    WEFT_CHECK(strstr(weft_error_of(WEFT_EDB_AWAY)->text, "wrong") == NULL);
    static const char *const bad[] = { "mysql://", "mysql://localhost/x", "mysql://u@h:0/x", "mysql://u@h:70000/x", "mysql://u@h:x/x", "mysql://u@h/x/y", "mysql://u@[::1/x",
        "mysql://u@h/x?nonsense=1", "mysql://u@h/x?sslmode=maybe", "mysql://u@h/x?connect_timeout=0", "mysql://u@h/x?port=99999999999" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        int rc = weft_db_connect_with(bad[i], &db, &(weft_db_opts){ 0 });
        if (rc != WEFT_EINVAL) fprintf(stderr, "  %s: %d\n", bad[i], rc);
        WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    }
    WEFT_CHECK(db == NULL);
    return 0;
}

DB_MARIA_TEST(mariadb_is_spoken_to_in_tls_with_a_password_and_only_by_its_name)
{
    weft_db *db = NULL;
    char url[400];
    weft_str cipher;
    const maria_server *s = maria_of_run();
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@localhost:%d/?sslmode=verify-full&sslrootcert=%s/cert", s->port, s->folder);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }));
    WEFT_TRY(weft_db_value(db, weft_str, &cipher, "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'"));
    WEFT_CHECK(cipher.len > 0);
    WEFT_TRY(weft_db_close(db, 0));
    db = NULL;
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=disable", s->port);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }));
    WEFT_TRY(weft_db_value(db, weft_str, &cipher, "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'"));
    WEFT_CHECK_EQ(cipher.len, 0);
    WEFT_TRY(weft_db_close(db, 0));
    db = NULL;
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=verify-full", s->port);      /* nobody vouches for it */
    WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }), WEFT_EDB_AWAY);
    WEFT_CHECK(db == NULL);
    return 0;
}

/* ---- many items ---- */

WEFT_MODEL(MariaItem, field(int64_t, id), opt(weft_str, name), opt(double, share), field(weft_datetime, at), opt(weft_bytes, raw), field(weft_decimal, price), field(bool, fine));

static void make_items(MariaItem *items, int n)
{
    static const char *const names[] = { "", "a", "it's a \"name\" \\ with quotes", "\xc3\xa9\xf0\x9f\x98\x80" };
    for (int i = 0; i < n; i++) {
        items[i] = (MariaItem){ .id = i + 1, .at = { .us = INT64_C(1700000000000000) + i, .zoned = i % 2 }, .price = { weft_format("%d.%02d", i, i % 100) }, .fine = i % 3 == 0 };
        if (i % 5 && i > 600) items[i].name = (weft_opt_weft_str)WEFT_SOME(weft_str_of(names[i % 4]));
        if (i % 7 == 0) items[i].share = (weft_opt_double)WEFT_SOME(i / 4.0);
        if (i % 2) items[i].raw = (weft_opt_weft_bytes)WEFT_SOME(((weft_bytes){ (const uint8_t *)"\0\1\xff", (size_t)(i % 4) }));
    }
}

static int64_t messages(weft_db *db)
{
    return number(db, "SELECT sum(CAST(variable_value AS SIGNED)) FROM information_schema.session_status WHERE variable_name IN ('COM_STMT_EXECUTE', 'QUESTIONS')");
}

DB_MARIA_TEST(a_list_of_items_goes_to_mariadb_in_few_messages_and_comes_back_the_same)
{
    enum { ITEMS = 1700 };
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000);
    MariaItem *items = weft_alloc(ITEMS * sizeof *items);
    weft_list_MariaItem all = { 0 };
    WEFT_NEED(items != NULL);
    make_items(items, ITEMS);
    WEFT_TRY(weft_db_execute(db, "CREATE TABLE items (id bigint PRIMARY KEY, name text, share double, at datetime(6), raw varbinary(20), price decimal(12, 2), fine boolean)"));
    int64_t before = messages(db);
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, ITEMS, "INSERT INTO items VALUES (:id, :name, :share, :at, :raw, :price, :fine)"), ITEMS);
    WEFT_CHECK(messages(db) - before < 40);
    WEFT_TRY(weft_db_all(db, MariaItem, &all, "SELECT * FROM items ORDER BY id"));
    WEFT_NEED(all.count == ITEMS);
    for (int i = 0; i < ITEMS; i++) {
        const MariaItem *a = &items[i], *b = &all.items[i];
        bool same = a->id == b->id && a->name.set == b->name.set && a->share.set == b->share.set && a->raw.set == b->raw.set && a->at.us == b->at.us && a->fine == b->fine;
        same = same && (!a->name.set || weft_str_equal(a->name.value, b->name.value)) && (!a->share.set || a->share.value == b->share.value);
        same = same && (!a->raw.set || (a->raw.value.len == b->raw.value.len && memcmp(a->raw.value.ptr, b->raw.value.ptr, a->raw.value.len) == 0));
        if (!WEFT_CHECK(same && weft_str_equal(a->price.text, b->price.text))) return fprintf(stderr, "  item %d\n", i), -1;
    }
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, 1200, "UPDATE items SET price = price + 1 WHERE id = :id AND fine"), 400);
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, 1200, "DELETE FROM items WHERE id = :id AND NOT fine"), 800);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM items"), ITEMS - 800);
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, 3, "INSERT INTO items (id, fine) VALUES (:id + 200000, :fine) RETURNING id"), 3);
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, 3, "INSERT INTO items (id, fine) SELECT :id + 100000, :fine"), 3);
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, 3, "INSERT INTO items (id, fine) VALUES (:id, :fine) ON DUPLICATE KEY UPDATE fine = 1"), 3);
    return weft_db_close(db, 0);
}

/* What has run there cannot be undone, and must not run again. */
DB_MARIA_TEST(of_a_list_for_a_table_without_transactions_no_item_is_there_twice)
{
    weft_db *db = WITH(.connections_max = 1);
    int ids[10];
    for (int i = 0; i < 10; i++) ids[i] = i;
    WEFT_TRY(weft_db_execute(db, "CREATE TABLE plain (id int CHECK (id <> 5)) ENGINE=MyISAM"));
    WEFT_CHECK_EQ(weft_db_each(db, int, ids, 10, "INSERT INTO plain VALUES ({})"), WEFT_EDB_CHECK);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) - count(DISTINCT id) FROM plain"), 0);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM plain WHERE id >= 5"), 0);
    return weft_db_close(db, 0);
}

DB_MARIA_TEST(the_item_that_mariadb_refused_is_named_and_none_of_them_stays)
{
    enum { ITEMS = 1200, BAD = 777 };
    weft_db *db = WITH(.connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000);
    MariaItem *items = weft_alloc(ITEMS * sizeof *items);
    WEFT_NEED(items != NULL);
    make_items(items, ITEMS);
    items[BAD].id = 5;
    WEFT_TRY(weft_db_execute(db, "CREATE TABLE items (id bigint PRIMARY KEY, price decimal(12, 2) CHECK (price < 900))"));
    WEFT_CHECK_EQ(weft_db_each(db, MariaItem, items, ITEMS, "INSERT INTO items VALUES (:id, :price)"), WEFT_EDB_UNIQUE);
    WEFT_CHECK(db_says(WEFT_EDB_UNIQUE, "(item 777 of 1200)") && db_says(WEFT_EDB_UNIQUE, "PRIMARY"));
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM items"), 0);
    items[BAD].id = BAD + 1;
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO items VALUES (-1, 1)"), 1);
        WEFT_CHECK_EQ(weft_db_each(tx, MariaItem, items, ITEMS, "INSERT INTO items VALUES (:id, :price)"), WEFT_EDB_CHECK);
        WEFT_CHECK(db_says(WEFT_EDB_CHECK, "(item 900 of 1200)"));
        WEFT_CHECK_EQ(number(tx, "SELECT count(*) FROM items"), 1);
        WEFT_CHECK_EQ(weft_db_each(tx, MariaItem, items, 900, "INSERT INTO items VALUES (:id, :price)"), 900);
        WEFT_CHECK_EQ(weft_db_commit(tx), 0);
    }
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM items"), 901);
    return weft_db_close(db, 0);
}

/* ---- its types ---- */

WEFT_MODEL(MariaTypes, field(int64_t, big), field(int, tiny), field(bool, flag), field(weft_decimal, price), field(double, average), field(int64_t, total), field(weft_date, day),
    field(weft_time, at), field(weft_datetime, stamp), field(weft_datetime, naive), field(weft_uuid, packed), field(int, bits), field(weft_str, mood), field(int, year));

DB_MARIA_TEST(the_types_of_mariadb_are_read_as_what_they_are)
{
    weft_db *db = WITH(.acquire_ms = 60000);
    MariaTypes t;
    int64_t n;
    weft_decimal large;
    WEFT_TRY(weft_db_script(db, "CREATE TABLE t (big bigint, tiny tinyint, flag boolean, price decimal(12, 3), day date, at time(6), stamp timestamp(6), naive datetime(6),"
        " packed binary(16), bits bit(10), mood enum('sad', 'happy'), year year);"
        "INSERT INTO t VALUES (-9223372036854775808, -128, 1, 1234.5, '2024-02-29', '23:59:58.000007', '2024-02-29 12:30:00.5', '2024-02-29 12:30:00.5',"
        " x'000102030405060708090a0b0c0d0e0f', b'1000000001', 'happy', 2024)"));
    WEFT_TRY(weft_db_one(db, MariaTypes, &t, "SELECT t.*, (SELECT avg(tiny) FROM t) AS average, (SELECT sum(tiny) FROM t) AS total FROM t"));
    WEFT_CHECK(t.big == INT64_MIN && t.tiny == -128 && t.flag && t.average == -128 && t.total == -128);
    WEFT_CHECK_STR(t.price.text, "1234.500");
    WEFT_CHECK(t.day.day == 29 && t.at.second == 58 && t.at.us == 7);
    WEFT_CHECK(t.stamp.zoned && !t.naive.zoned && t.stamp.us == t.naive.us && t.stamp.us == INT64_C(1709209800500000));
    WEFT_CHECK(t.packed.bytes[15] == 15 && t.bits == 513 && t.year == 2024);
    WEFT_CHECK_STR(t.mood, "happy");
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT CAST(18446744073709551615 AS UNSIGNED)"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "18446744073709551615"));
    WEFT_TRY(weft_db_value(db, weft_decimal, &large, "SELECT CAST(18446744073709551615 AS UNSIGNED)"));
    WEFT_CHECK_STR(large.text, "18446744073709551615");
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO t (tiny) VALUES (128)"), WEFT_EDB_CHECK);         /* refused, never cut */
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO t (day) VALUES ('2023-02-30')"), WEFT_EDB);
    return weft_db_close(db, 0);
}

DB_MARIA_TEST(large_values_come_and_go_whole)
{
    weft_db *db = WITH(.acquire_ms = 60000);
    size_t n = 3 << 20;
    char *text = weft_alloc(n + 1);
    weft_str got;
    WEFT_NEED(text != NULL);
    for (size_t i = 0; i < n; i++) text[i] = (char)('a' + i % 23);
    text[n] = 0;
    WEFT_TRY(weft_db_execute(db, "CREATE TABLE large (id int, t longtext, u longtext)"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO large VALUES (1, {}, 'x'), (2, 'small', {})", ((weft_str){ text, n }), ((weft_str){ text, n - 1 })), 2);
    WEFT_TRY(weft_db_value(db, weft_str, &got, "SELECT t FROM large WHERE id = 1"));
    WEFT_CHECK(got.len == n && memcmp(got.ptr, text, n) == 0);
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_rows(&rows, db, "SELECT concat(t, u) FROM large ORDER BY id DESC"));
    WEFT_CHECK_EQ(weft_rows_next(weft_str, rows, &got), 1);
    WEFT_CHECK(got.len == n - 1 + 5 && memcmp(got.ptr + 5, text, n - 1) == 0);
    WEFT_CHECK_EQ(weft_rows_next(weft_str, rows, &got), 1);
    WEFT_CHECK(got.len == n + 1 && memcmp(got.ptr, text, n) == 0 && got.ptr[n] == 'x');
    WEFT_CHECK_EQ(weft_rows_next(weft_str, rows, &got), 0);
    weft_rows_close(rows);
    return weft_db_close(db, 0);
}

/* ---- who poses as a server, or stands between ---- */

/* Protocol 10, 8.0-like, without TLS: asks for mysql_native_password first. */
static const char greeting[] = "\x4a\0\0\0\x0a" "5.5.5-10.11\0" "\x01\0\0\0" "saltsalt\0" "\xff\xf7\x2d\x02\0\xff\x81\x15" "\0\0\0\0\0\0\0\0\0\0" "saltsaltsalt\0" "mysql_native_password";

static int posers(void)
{
    static const char huge[] = "\xff\xff\xff\0\x0a";
    static const char noise[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    static const char clear[] = "\x16\0\0\x02\xfemysql_clear_password";      /* 0xfe: go on with this method */
    static const char refuses[] = "\x17\0\0\0\xff\x10\x04Too many connections";
    struct { const char *says; size_t len; } all[] = { { "", 0 }, { huge, sizeof huge - 1 }, { noise, sizeof noise - 1 }, { refuses, sizeof refuses - 1 }, { greeting, sizeof greeting } };
    for (size_t i = 0; i < weft_count(all); i++) {
        static peer p;
        weft_db *db = NULL;
        char url[200];
        p = (peer){ .says = all[i].says, .says_len = all[i].len, .asks = clear, .asks_len = i == 4 ? sizeof clear : 0 };
        peer_start(&p);
        snprintf(url, sizeof url, "mysql://u:pass-word@127.0.0.1:%d/x?connect_timeout=1", p.port);
        int64_t since = weft_now_ns();
        WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ 0 }), WEFT_EDB_AWAY);
        WEFT_CHECK((weft_now_ns() - since) / 1000000 < 8000);
        peer_end(&p);
        WEFT_CHECK(memmem(p.heard, p.heard_len, "pass-word", 9) == NULL);
        WEFT_CHECK(i != 4 || p.heard_len > 20);
    }
    return 0;
}

WEFT_TEST(who_poses_as_mariadb_holds_up_nobody_and_is_told_no_password) { world_epoll(weft_call(posers)); }

DB_MARIA_TEST(answers_of_mariadb_may_come_a_byte_at_a_time)
{
    static peer p;
    char url[200];
    weft_db *db;
    weft_list_int64_t all = { 0 };
    p = (peer){ .to = maria_of_run()->port, .piece = 1 };
    peer_start(&p);
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=disable", p.port);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 2, .acquire_ms = 60000 }));
    WEFT_TRY(weft_db_all(db, int64_t, &all, "SELECT seq FROM mysql.seq_1_to_100"));
    WEFT_CHECK(all.count == 100 && all.items[99] == 100);
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}

DB_MARIA_TEST(connections_to_mariadb_that_are_cut_anywhere_are_told_and_replaced)
{
    static peer p;
    char url[200];
    weft_db *db = NULL;
    int fine = 0, broken = 0;
    for (int cut = 60; cut < 1500; cut += 57) {
        int64_t n = -1;
        p = (peer){ .to = maria_of_run()->port, .cut_after = cut };
        peer_start(&p);
        snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=disable", p.port);
        int rc = weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 2000 });
        WEFT_CHECK(rc == 0 || rc == WEFT_EDB_AWAY);
        for (int i = 0; rc == 0 && i < 10; i++) {
            int got = weft_db_value(db, int64_t, &n, "SELECT {} + 1", i);
            if (got == 0) WEFT_CHECK_EQ(n, i + 1);
            else WEFT_CHECK(got == WEFT_EDB_LOST || got == WEFT_EDB_AWAY || got == WEFT_EDB_BUSY);
            fine += got == 0;
            broken += got != 0;
            if (got == WEFT_EDB_AWAY) WEFT_TRY(weft_sleep_ms(10));
        }
        if (rc == 0) WEFT_TRY(weft_db_close(db, 0));
        peer_end(&p);
        WEFT_CHECK(peer_accepted(&p) <= 1 + 10 * 3);           /* nobody tries as fast as he can */
    }
    WEFT_CHECK(fine > 0 && broken > 0);
    return 0;
}
