/* Connections to MariaDB that were idle for long: a firewall may have forgotten them, and then nobody tells. */
#include "db/mariadb.h"
#include "db_world.h"
#include "maria_server.h"
#include "peer.h"

static int64_t number(weft_db *db, const char *sql)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value_with(db, &weft_schema_int64_t, &n, &(weft_sql){ .sql = sql, .place = WEFT__HERE }), 0);
    return n;
}

/* The same text: it is prepared, and goes to the server at once. */
static int insert(weft_db *db, int n) { return weft_db_execute(db, "INSERT INTO seen VALUES ({})", n); }

/* The one connection, as if nobody had used it for so long. */
static void idle_since(weft_db *db, int seconds)
{
    weft__maria_conn *c = weft__maria_core_of(db)->conns[0];
    WEFT_NEED(c && c->open && !c->taken);
    c->free_ns = weft__loop_now(db->loop) - seconds * INT64_C(1000000000);
}

/* What it says next is the last that it says. What has been said on it before is more than a new one says in all. */
static int forgotten(weft_db *db, peer *p, long said_before)
{
    static char text[8192];
    weft_str filler = { text, sizeof text };
    memset(text, 'x', sizeof text);
    WEFT_TRY(weft_db_execute(db, "SELECT {}", filler));
    peer_cuts_sent(p, (int)(peer_from_clients(p) - said_before) + 1);
    return 0;
}

DB_MARIA_TEST(a_connection_that_was_idle_for_thirty_seconds_is_looked_at_before_it_is_used)
{
    static peer p;
    char url[300];
    weft_db *direct = NULL, *db = NULL;
    weft_str name = { 0 };
    WEFT_TRY(weft_db_connect(db_url, &direct, .acquire_ms = 60000, .statement_ms = 60000));
    WEFT_TRY(weft_db_execute(direct, "CREATE TABLE seen (n int)"));
    WEFT_TRY(weft_db_value(direct, weft_str, &name, "SELECT DATABASE()"));
    p = (peer){ .to = maria_of_run()->port };
    peer_start(&p);
    snprintf(url, sizeof url, "mysql://weft:sec%%2Fret@127.0.0.1:%d/%.*s?sslmode=disable", p.port, WEFT_FMT(name));
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000 }));
    WEFT_CHECK_EQ(insert(db, 1), 1);
    WEFT_TRY(forgotten(db, &p, 0));
    long said = peer_from_clients(&p);
    idle_since(db, 31);
    WEFT_CHECK_EQ(insert(db, 2), 1);                 /* on another one */
    WEFT_CHECK_EQ(peer_accepted(&p), 2);
    WEFT_CHECK_EQ(number(direct, "SELECT count(*) FROM seen"), 2);
    peer_cuts_sent(&p, 0);
    WEFT_TRY(forgotten(db, &p, said + 5));           /* its ping has 5 bytes */
    idle_since(db, 20);
    WEFT_CHECK_EQ(insert(db, 3), WEFT_EDB_LOST);
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return weft_db_close(direct, 0);
}
