/* PostgreSQL: reads that share a connection with one that holds them up. */
#include "db_server.h"
#include "db_world.h"
#include "peer.h"

enum { READERS = 5, ROUNDS = 30 };

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
    for (int i = 0; i < ROUNDS && n == 0; i++) {
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
    for (int i = 0; i < ROUNDS && runs != 2; i++) {      /* the second one is the same again, alone */
        WEFT_TRY(weft_db_script(db, "ALTER SEQUENCE runs RESTART"));
        warm(db, true);
        (void)all_at_once(db, 2300, 1);
        WEFT_TRY(weft_db_value(db, int64_t, &runs, "SELECT last_value FROM runs"));
    }
    WEFT_CHECK_EQ(runs, 2);
    return weft_db_close(db, 0);
}

static int let_go(peer *const *p)
{
    WEFT_TRY(weft_sleep_ms(50));
    peer_pieces(*p, 1);
    peer_cuts(*p, 1);
    peer_holds(*p, false);
    return 0;
}

/* What shared one that is lost, and was given up before, is run again: nowhere any more. */
DB_POSTGRES_TEST(reads_that_would_be_run_again_while_a_database_closes_are_told_so)
{
    static peer p, *const at = &p;
    char url[300];
    weft_db *db = NULL;
    bool asked_to_end = false;
    p = (peer){ .to = db_server_of_run()->port };
    peer_start(&p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=60", p.port);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 10000, .statement_ms = 60000 }));
    for (int i = 0; i < ROUNDS && !asked_to_end; i++) {
        int rcs[READERS] = { 0 };
        warm(db, false);
        WEFT_SCOPE(s);
        int accepted = peer_accepted(&p);
        peer_holds(&p, true);
        for (int k = 0; k < READERS; k++) weft_spawn(s, ask_quick, (&(asked){ db, k, 0, NULL, &rcs[k] }));
        for (int k = 0; k < 100 && peer_accepted(&p) == accepted; k++) WEFT_TRY(weft_sleep_ms(10));
        asked_to_end = peer_accepted(&p) > accepted;
        if (asked_to_end) {
            weft_spawn(s, let_go, &at);
            WEFT_TRY(weft_db_close(db, 0));
        } else peer_holds(&p, false);
        WEFT_TRY(weft_join(s));
        for (int k = 0; asked_to_end && k < READERS; k++) WEFT_CHECK_EQ(rcs[k], WEFT_ECLOSED);
    }
    WEFT_CHECK(asked_to_end);
    peer_end(&p);
    return 0;
}
