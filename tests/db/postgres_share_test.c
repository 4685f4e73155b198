/* PostgreSQL: reads that share a connection with one that holds them up. */
#include <unistd.h>
#include "db_server.h"
#include "db_world.h"
#include "peer.h"
#include "testing/verdict.h"

enum { READERS = 5, ROUNDS_MS = 12000 };

/* A round in which they did not share, since the machine had other things to do, shows nothing: there are more, as long as a test may last. */
static bool again(int64_t began) { return world_real_ms() - began < ROUNDS_MS * (int64_t)weft__test_slower(); }

/* It lasts for so many milliseconds, whoever asks it to end, and counts how often it was; every other time it fails by that, if it is to, and else takes no time. */
#define DEAF "CREATE SEQUENCE runs; CREATE FUNCTION deaf(ms bigint, fails bigint) RETURNS bigint LANGUAGE plpgsql AS 'DECLARE " \
    "n bigint DEFAULT 0; stop timestamptz DEFAULT clock_timestamp() + ms * interval ''1 ms''; BEGIN " \
    "IF fails > 0 AND nextval(''runs'') % 2 = 0 THEN RETURN 0; END IF; " \
    "WHILE clock_timestamp() < stop LOOP BEGIN PERFORM pg_sleep(0.02); EXCEPTION WHEN query_canceled THEN n = n + 1; END; END LOOP; " \
    "IF fails > 0 AND n > 0 THEN RAISE query_canceled; END IF; RETURN n; END'"

typedef struct asked { weft_db *db; int64_t n, fails, *out; int *rc; } asked;

static int ask_deaf(const asked *in)
{
    *in->rc = weft_db_value(in->db, int64_t, in->out, "SELECT deaf({}::bigint, {}::bigint)", in->n, in->fails);
    return 0;
}

static int ask_quick(const asked *in)
{
    int64_t n = -1;
    *in->rc = weft_db_value(in->db, int64_t, &n, "SELECT {}::bigint + 7", in->n);
    if (*in->rc == 0) WEFT_CHECK_EQ(n, in->n + 7);
    return 0;
}

/* Both are known to be quick, as far as that can be done on a machine with other things to do. */
static void warm(weft_db *db, bool deaf)
{
    int64_t n = 0;
    int rc = 0;
    for (int i = 0; i < 8; i++) {
        if (deaf) (void)ask_deaf(&(asked){ db, 0, 0, &n, &rc });
        (void)ask_quick(&(asked){ db, i, 0, NULL, &rc });
        WEFT_CHECK_EQ(rc, 0);
    }
}

/* The deaf one, and readers behind it; each of them has its answer. How often it was asked to end. */
static int64_t all_at_once(weft_db *db, int64_t ms, int64_t fails)
{
    int64_t n = -1;
    int rcs[1 + READERS] = { 0 };
    WEFT_SCOPE(s);
    weft_spawn(s, ask_deaf, (&(asked){ db, ms, fails, &n, &rcs[READERS] }));
    for (int i = 0; i < READERS; i++) weft_spawn(s, ask_quick, (&(asked){ db, i, 0, NULL, &rcs[i] }));
    WEFT_NEED(weft_join(s) == 0);
    for (int i = 0; i <= READERS; i++)
        if (!WEFT_CHECK_EQ(rcs[i], 0)) fprintf(stderr, "  %d: %s\n", i, weft_error_of(rcs[i])->text);
    return n;
}

DB_POSTGRES_TEST(one_that_holds_up_others_and_is_deaf_is_asked_to_end_once)
{
    weft_db *db = NULL;
    int64_t n = 0;
    WEFT_TRY(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000));
    WEFT_TRY(weft_db_script(db, DEAF));
    for (int64_t began = world_real_ms(); n == 0 && again(began);) {
        warm(db, true);
        n = all_at_once(db, 1000, 0);
    }
    WEFT_CHECK(n == 1 || n == 2);                        /* the server signals the process and its group, for one request */
    return weft_db_close(db, 0);
}

/* Longer than anybody waits for a connection: those behind it have waited for none. */
DB_POSTGRES_TEST(reads_that_are_run_again_have_all_their_time_to_wait_for_a_connection)
{
    weft_db *db = NULL;
    int64_t runs = 0;
    WEFT_TRY(weft_db_connect(db_url, &db, .connections_max = 2, .acquire_ms = 2000, .statement_ms = 60000));
    WEFT_TRY(weft_db_script(db, DEAF));
    for (int64_t began = world_real_ms(); runs != 2 && again(began);) {      /* the second one is the same again, alone */
        WEFT_TRY(weft_db_script(db, "ALTER SEQUENCE runs RESTART"));
        warm(db, true);
        (void)all_at_once(db, 2300, 1);
        WEFT_TRY(weft_db_value(db, int64_t, &runs, "SELECT last_value FROM runs"));
    }
    WEFT_CHECK_EQ(runs, 2);
    return weft_db_close(db, 0);
}

/* ---- behind somebody who holds back what the server says ---- */

static weft_db *through(peer *p)
{
    char url[300];
    weft_db *db = NULL;
    *p = (peer){ .to = db_server_of_run()->port };
    peer_start(p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=60&options=-csearch_path%%3Dt%d", p->port, (int)getpid());
    WEFT_NEED(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 10000, .statement_ms = 60000 }) == 0);
    return db;
}

/* The server is asked to end what they share: over a connection of its own. */
static bool asked_to_end(const peer *p, int accepted)
{
    for (int k = 0; k < 100 && peer_accepted(p) == accepted; k++) WEFT_NEED(weft_sleep_ms(10) == 0);
    return peer_accepted(p) > accepted;
}

/* Soon; and when it is cancelled. */
static int let_go(peer *const *p)
{
    int rc = weft_sleep_ms(50);
    peer_holds(*p, false);
    return rc;
}

static int ask_patient(const asked *in)
{
    *in->rc = weft_db_value(in->db, int64_t, in->out, "SELECT {}::bigint FROM pg_sleep({}::bigint)", in->fails, in->n);
    return 0;
}

/* The server has ended one of them, and undone all: they would be run again, and nowhere are any more. */
DB_POSTGRES_TEST(reads_that_would_be_run_again_while_a_database_closes_are_told_so)
{
    static peer p, *const at = &p;
    weft_db *db = through(&p);
    bool asked = false;
    int64_t n;
    for (int64_t began = world_real_ms(); !asked && again(began);) {
        int rcs[READERS + 1] = { 0 };
        for (int k = 0; k < 8; k++) (void)ask_patient(&(struct asked){ db, 0, 0, &n, &rcs[READERS] });
        warm(db, false);
        WEFT_SCOPE(s);
        int accepted = peer_accepted(&p);
        peer_holds(&p, true);
        weft_spawn(s, ask_patient, (&(struct asked){ db, 3600, 0, &n, &rcs[READERS] }));
        for (int k = 0; k < READERS; k++) weft_spawn(s, ask_quick, (&(struct asked){ db, k, 0, NULL, &rcs[k] }));
        asked = asked_to_end(&p, accepted);
        if (asked) {
            weft_spawn(s, let_go, &at);
            WEFT_TRY(weft_db_close(db, 0));
        } else {
            peer_holds(&p, false);
            weft_cancel(s);
        }
        int rc = weft_join(s);
        WEFT_CHECK(rc == 0 || !asked);
        for (int k = 0; asked && k <= READERS; k++) WEFT_CHECK_EQ(rcs[k], WEFT_ECLOSED);
    }
    WEFT_CHECK(asked);
    peer_end(&p);
    return 0;
}

/* To weft it is a read, as its words say. */
static int ask_order(const asked *in)
{
    int64_t n = 0;
    *in->rc = weft_db_value(in->db, int64_t, &n, "SELECT make_order({}::bigint)", in->n);
    return 0;
}

/* What it has said until then is lost, and the next ones have it as it is. */
static int cut_once(peer *const *p)
{
    WEFT_TRY(weft_sleep_ms(50));
    int cut = peer_cut(*p);
    peer_pieces(*p, 1);
    peer_cuts(*p, peer_passed(*p) + 1);              /* more than of a login alone */
    peer_holds(*p, false);
    for (int k = 0; k < 1000 && peer_cut(*p) == cut; k++) WEFT_TRY(weft_sleep_ms(10));
    peer_cuts(*p, 0);
    peer_pieces(*p, 0);
    return 0;
}

/* The server was done with all of them, and nobody has heard of it. */
DB_POSTGRES_TEST(what_was_given_up_and_then_lost_is_told_so_and_not_run_a_second_time)
{
    static peer p, *const at = &p;
    weft_db *db = through(&p);
    bool asked = false;
    int64_t most = -1;
    WEFT_TRY(weft_db_script(db, "CREATE TABLE made (n bigint); CREATE FUNCTION make_order(bigint) RETURNS bigint LANGUAGE sql AS 'INSERT INTO made VALUES ($1) RETURNING n'"));
    for (int64_t began = world_real_ms(); !asked && again(began);) {
        int rcs[READERS] = { 0 };
        WEFT_TRY(weft_db_script(db, "DELETE FROM made"));
        for (int k = 0; k < 8; k++) (void)ask_order(&(struct asked){ db, 100 + k, 0, NULL, &rcs[0] });
        WEFT_SCOPE(s);
        int accepted = peer_accepted(&p);
        peer_holds(&p, true);
        for (int k = 0; k < READERS; k++) weft_spawn(s, ask_order, (&(struct asked){ db, k, 0, NULL, &rcs[k] }));
        asked = asked_to_end(&p, accepted);
        weft_spawn(s, cut_once, &at);
        WEFT_TRY(weft_join(s));
        for (int k = 0; asked && k < READERS; k++) WEFT_CHECK_EQ(rcs[k], WEFT_EDB_LOST);
    }
    WEFT_CHECK(asked);
    WEFT_TRY(weft_db_value(db, int64_t, &most, "SELECT max(times) FROM (SELECT count(*) AS times FROM made GROUP BY n) AS orders"));
    WEFT_CHECK_EQ(most, 1);
    peer_holds(&p, false);
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}
