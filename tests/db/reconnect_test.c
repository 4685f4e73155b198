/* A server that is gone is looked for again, at a growing pace; and one that was left alone for long, before it is used. */
#include "db/engine.h"
#include "db_server.h"
#include "db_world.h"
#include "maria_server.h"
#include "peer.h"

enum { MS = 1000000, FIRST_MS = 50, MOST_MS = 2000, DRAWS = 200 };

static int waits(void)
{
    weft__loop *loop = weft__self()->loop;
    int64_t full_ms = FIRST_MS;
    for (int failures = 0; failures < 40; failures++) {
        int64_t least = INT64_MAX, most = 0;
        for (int i = 0; i < DRAWS; i++) {
            int64_t ns = weft__db_backoff_ns(loop, failures);
            if (ns < least) least = ns;
            if (ns > most) most = ns;
        }
        WEFT_CHECK(least >= full_ms * MS / 2 && most <= full_ms * MS);
        WEFT_CHECK(most - least > full_ms * MS / 4); /* those who lost it at one moment do not all come back at one */
        full_ms = full_ms * 2 < MOST_MS ? full_ms * 2 : MOST_MS;
    }
    return 0;
}

WEFT_TEST(waits_for_a_server_double_up_to_two_seconds_and_are_spread) { world_sim(weft_call(waits)); }

static void url_of(const peer *p, char *url, size_t room)
{
    if (db_is_postgres()) snprintf(url, room, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable", p->port);
    else snprintf(url, room, "mysql://weft:sec%%2Fret@127.0.0.1:%d/?sslmode=disable", p->port);
}

static int server_port(void)
{
#if WEFT__HAS_MARIADB
    if (db_is_maria()) return maria_of_run()->port;
#endif
    return db_server_of_run()->port;
}

/* Who asks makes nobody dial more often. */
DB_SERVER_TEST(attempts_to_reconnect_grow_apart_however_many_ask)
{
    enum { ATTEMPTS = 7 };
    static peer p;
    char url[200];
    weft_db *db = NULL;
    int rc = 0, answered = 0;
    p = (peer){ .to = server_port() };
    peer_start(&p);
    url_of(&p, url, sizeof url);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000 }));
    WEFT_TRY(weft_db_execute(db, "SELECT 1"));
    int first = peer_accepted(&p);
    peer_cuts(&p, 1);                                /* each of them, with its first byte */
    while (peer_accepted(&p) < first + ATTEMPTS) {
        rc = weft_db_execute(db, "SELECT 1");
        answered += rc == 0;                         /* the one that is cut behind it */
        if (!WEFT_CHECK(answered < 2 && (rc == 0 || rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST))) return WEFT_EPROTO;
        WEFT_TRY(weft_sleep_ms(2));
    }
    for (int i = 1; i < ATTEMPTS; i++) {
        int64_t apart_ms = (p.accepted_ns[first + i] - p.accepted_ns[first + i - 1]) / MS;
        if (!WEFT_CHECK(apart_ms >= (FIRST_MS << (i - 1)) / 2 - 1)) fprintf(stderr, "  attempts %d and %d are %lld ms apart\n", i, i + 1, (long long)apart_ms);
    }
    peer_cuts(&p, 0);
    for (rc = -1; rc < 0;) {
        rc = weft_db_execute(db, "SELECT 1");
        WEFT_TRY(weft_sleep_ms(10));
    }
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}
