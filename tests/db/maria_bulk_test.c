/* MariaDB: lists of items and large values against what a server takes in a message, and lists that somebody else ends. */
#include <unistd.h>
#include "db_world.h"
#include "maria_server.h"
#include "weft/thread.h"

WEFT_MODEL(BulkItem, field(int, n), field(weft_str, text), field(double, d));

enum { PACKET = 16384, MOST = 20000 };
static char text[MOST];

static int64_t number(weft_db *db, const char *sql)
{
    int64_t n = -1;
    WEFT_CHECK_EQ(weft_db_value_with(db, &weft_schema_int64_t, &n, &(weft_sql){ .sql = sql, .place = WEFT__HERE }), 0);
    return n;
}

static int each(weft_db *db, const BulkItem *items, size_t n)
{
    return weft_db_each(db, BulkItem, items, n, "INSERT INTO b (n, text, d) VALUES (:n, :text, :d)");
}

/* Lists whose messages come to just below, at, and above what the server takes: never one byte too much, which would cost the connection. */
static int lists(void)
{
    weft_db *db = NULL;
    BulkItem items[300];
    WEFT_TRY(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000));
    WEFT_TRY(weft_db_script(db, "CREATE TABLE b (n int, text mediumtext, d double)"));
    WEFT_CHECK_EQ(number(db, "SELECT @@max_allowed_packet"), PACKET);
    int64_t connection = number(db, "SELECT connection_id()"), there = 0;
    for (int len = 0; len < 200; len++) {
        for (int i = 0; i < 300; i++) items[i] = (BulkItem){ i, { text, (size_t)(len + i % 3) }, 0.5 };
        WEFT_CHECK_EQ(each(db, items, 300), 300);
        there += 300;
    }
    int refused = 0, fine = 0;
    for (int len = PACKET - 300; len < PACKET + 20; len++) {
        items[0] = (BulkItem){ 0, WEFT_S("small"), 1 };
        items[1] = (BulkItem){ 1, { text, (size_t)len }, 1 };
        items[2] = (BulkItem){ 2, { text, (size_t)len / 2 }, 1 };
        int rc = each(db, items, 3);
        WEFT_CHECK(rc == 3 || rc == WEFT_ELIMIT);
        if (rc == WEFT_ELIMIT) WEFT_CHECK(db_says(rc, ":text") && db_says(rc, "max_allowed_packet") && db_says(rc, "item 1 of 3"));
        int alone = weft_db_execute(db, "INSERT INTO b (n, text) VALUES (1, {})", ((weft_str){ text, (size_t)len }));
        WEFT_CHECK(alone == 1 || alone == WEFT_ELIMIT);
        if (alone == WEFT_ELIMIT) WEFT_CHECK(db_says(alone, "value 1") && db_says(alone, "max_allowed_packet"));
        there += (rc == 3 ? 3 : 0) + (alone == 1);
        fine += rc == 3;
        refused += rc == WEFT_ELIMIT;
    }
    WEFT_CHECK(fine > 100 && refused > 20);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM b"), there);
    WEFT_CHECK_EQ(number(db, "SELECT sum(length(text)) FROM b WHERE d = 0.5"), 300 * 19900 + 200 * 300);
    WEFT_CHECK_EQ(number(db, "SELECT connection_id()"), connection);
    return weft_db_close(db, 0);
}

WEFT_TEST(no_message_to_mariadb_is_larger_than_it_takes)
{
    static char url[300];
    maria_server own;
    memset(text, 'x', sizeof text);
    maria_start(&own);
    maria_ask(&own, "CREATE DATABASE own");
    maria_ask(&own, "SET GLOBAL max_allowed_packet = 16384");
    snprintf(url, sizeof url, "mysql://root@/own?socket=%s/socket", own.folder);
    db_url = url;
    world_epoll(weft_call(lists));
}

/* ---- ended by somebody else ---- */

typedef struct asked { weft_db *db; int *rc; } asked;

static int insert_slowly(const asked *in)
{
    const int n[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
    *in->rc = weft_db_each(in->db, int, n, 10, "INSERT INTO slow VALUES ({} + sleep(0.5))");
    if (*in->rc < 0) WEFT_CHECK(*in->rc == WEFT_EDB && db_says(WEFT_EDB, "KILL QUERY"));
    return 0;
}

static int kill_it(const int *unused)
{
    char sql[300];
    (void)unused;
    for (int i = 0; i < 400 && !maria_running("INSERT INTO slow%"); i++) (void)!usleep(10000);
    snprintf(sql, sizeof sql, "SELECT id FROM information_schema.processlist WHERE info LIKE 'INSERT INTO slow%%' AND db = 't%d'", (int)getpid());
    snprintf(sql, sizeof sql, "KILL QUERY %d", atoi(maria_ask(maria_of_run(), sql)));
    maria_ask(maria_of_run(), sql);
    return 0;
}

DB_MARIA_TEST(a_list_that_somebody_kills_is_not_run_once_more)
{
    weft_db *db = NULL;
    int rc = 0, unused = 0;
    WEFT_TRY(weft_db_connect(db_url, &db, .connections_max = 2, .acquire_ms = 60000, .statement_ms = 60000));
    WEFT_TRY(weft_db_script(db, "CREATE TABLE slow (n int)"));
    WEFT_SCOPE(s);
    weft_spawn(s, insert_slowly, (&(asked){ db, &rc }));
    WEFT_TRY(weft_in_thread(kill_it, &unused));
    WEFT_TRY(weft_join(s));
    WEFT_CHECK_EQ(rc, WEFT_EDB);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM slow"), 0);
    return weft_db_close(db, 0);
}
