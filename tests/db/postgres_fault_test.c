#define _GNU_SOURCE
/* PostgreSQL behind a small proxy: what lies between, or poses as a server, and closes what it has accepted. */
#include "db_server.h"
#include "db_world.h"
#include "peer.h"

static weft_db *through(peer *p, int connections_max)
{
    char url[300];
    weft_db *db = NULL;
    *p = (peer){ .to = db_server_of_run()->port };
    peer_start(p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable", p->port);
    WEFT_NEED(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = connections_max, .acquire_ms = 60000, .statement_ms = 60000 }) == 0);
    return db;
}

typedef struct load { weft_db *db; int64_t until_ns; int n, *fine, *refused; } load;

/* Own answers or none. */
static int ask_on(const load *in)
{
    while (weft_now_ns() < in->until_ns) {
        int64_t n = -1;
        int rc = weft_db_value(in->db, int64_t, &n, "SELECT {}::bigint", (int64_t)in->n);
        if (rc == 0) WEFT_CHECK_EQ(n, in->n);
        else WEFT_CHECK(rc == WEFT_EDB_AWAY || rc == WEFT_EDB_LOST);
        ++*(rc == 0 ? in->fine : in->refused);
        WEFT_TRY(weft_sleep_ms(2));
    }
    return 0;
}

static int64_t asked_for(weft_db *db, int ms, int *fine, int *refused)
{
    int64_t since = weft_now_ns(), until = since + ms * INT64_C(1000000);
    *fine = *refused = 0;
    WEFT_SCOPE(s, .forget = true);
    for (int i = 0; i < 20; i++) weft_spawn(s, ask_on, (&(load){ db, until, i, fine, refused }));
    WEFT_NEED(weft_join(s) == 0);
    return (weft_now_ns() - since) / 1000000000;
}

DB_POSTGRES_TEST(a_pooler_that_takes_logins_and_closes_is_dialled_at_a_pace)
{
    static peer p;
    int fine, refused, tries = 0;
    for (int connections = 1; connections <= 4; connections += 3) {
        weft_db *db = through(&p, connections);
        peer_cuts(&p, peer_passed(&p));              /* one more byte, or as many of the next one: its login */
        int before = peer_accepted(&p);
        int64_t seconds = asked_for(db, 1500, &fine, &refused);
        WEFT_CHECK(refused > 20);
        WEFT_CHECK(peer_accepted(&p) - before <= connections * (10 + (int)seconds));
        int rc = 0;
        for (int i = 0; i < 500 && rc != WEFT_EDB_AWAY; i++) {
            rc = weft_db_execute(db, "SELECT 1");
            if (rc != WEFT_EDB_AWAY) WEFT_TRY(weft_sleep_ms(10));
        }
        WEFT_CHECK(rc == WEFT_EDB_AWAY && db_says(rc, "closes each connection"));
        peer_cuts(&p, 0);
        fine = 0;
        for (tries = 0; (fine <= 20 || refused) && tries < 100; tries++) (void)asked_for(db, 200, &fine, &refused);
        WEFT_CHECK(fine > 20 && refused == 0);
        WEFT_TRY(weft_db_close(db, 0));
        peer_end(&p);
    }
    return 0;
}

DB_POSTGRES_TEST(connections_to_postgres_that_are_cut_anywhere_are_told_and_replaced)
{
    static peer p;
    int fine, refused, all_fine = 0, all_refused = 0;
    weft_db *db = through(&p, 2);
    int login = peer_passed(&p);
    for (int cut = login - 60; cut < login + 400; cut += 23) {
        peer_cuts(&p, cut);
        (void)asked_for(db, 60, &fine, &refused);
        all_fine += fine;
        all_refused += refused;
    }
    WEFT_CHECK(all_fine > 0 && all_refused > 0);
    peer_cuts(&p, 0);
    for (int i = 0; i < 100 && refused; i++) (void)asked_for(db, 100, &fine, &refused);
    WEFT_CHECK(fine > 0 && refused == 0);
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}

DB_POSTGRES_TEST(answers_of_postgres_may_come_a_byte_at_a_time_and_late)
{
    static peer p;
    char url[200];
    weft_db *db = NULL;
    weft_list_int64_t all = { 0 };
    p = (peer){ .to = db_server_of_run()->port, .piece = 1 };
    peer_start(&p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable", p.port);
    WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 2, .acquire_ms = 60000, .statement_ms = 60000 }));
    for (int round = 0; round < 3; round++) {            /* alone, and shared when it is known */
        WEFT_TRY(weft_db_all(db, int64_t, &all, "SELECT i::bigint FROM generate_series(1, 100) AS i"));
        WEFT_CHECK(all.count == 100 && all.items[99] == 100);
    }
    {
        WEFT_SCOPE(s, .timeout_ms = 300);
        int64_t n = -1;
        peer_holds(&p, true);
        WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT 41"), WEFT_ETIMEDOUT);
    }
    peer_holds(&p, false);
    int64_t n = -1;
    for (int i = 0; i < 100 && n != 42; i++) (void)!weft_db_value(db, int64_t, &n, "SELECT 42");
    WEFT_CHECK_EQ(n, 42);
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}

/* ---- who poses ---- */

#define CLEAR "R\0\0\0\x08\0\0\0\x03"
#define SASL "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"

/* It takes no TLS, and asks: behind that, with it in one piece, behind a method that is none, or at once. */
static int posers(void)
{
    static const struct { const char *mode, *says; size_t says_len; const char *asks; size_t asks_len; bool told; } all[] = {
        { "", "N", 1, CLEAR, 9, false }, { "", "N" CLEAR, 10, "", 0, false }, { "", "N" CLEAR, 10, CLEAR, 9, false }, { "&sslmode=prefer", "N", 1, CLEAR, 9, false }, { "&sslmode=prefer", "N" SASL CLEAR, 34, CLEAR, 9, false },
        { "&sslmode=allow", "", 0, CLEAR, 9, false }, { "&sslmode=require", "N", 1, CLEAR, 9, false }, { "&sslmode=disable", "", 0, CLEAR, 9, true } };
    for (size_t i = 0; i < weft_count(all); i++) {
        static peer p;
        weft_db *db = NULL;
        char url[200];
        bool says_why = i < 4 && i != 2;
        p = (peer){ .says = all[i].says, .says_len = all[i].says_len, .asks = all[i].asks, .asks_len = all[i].asks_len };
        peer_start(&p);
        snprintf(url, sizeof url, "postgresql://u:hunter2@127.0.0.1:%d/x?connect_timeout=%d%s", p.port, says_why ? 20 : 2, all[i].mode);
        WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1 }), WEFT_EDB_AWAY);
        WEFT_CHECK(!says_why || db_says(WEFT_EDB_AWAY, "asks for the password in clear"));
        for (int k = 0; k < 1000 && !peer_from_clients(&p); k++) WEFT_TRY(weft_sleep_ms(5));
        WEFT_TRY(weft_sleep_ms(50));
        peer_end(&p);
        WEFT_CHECK(p.heard_len > 0);
        WEFT_CHECK_EQ(memmem(p.heard, p.heard_len, "hunter2", 7) != NULL, all[i].told);
    }
    return 0;
}

WEFT_TEST(who_poses_as_postgres_is_told_no_password_in_clear) { world_epoll(weft_call(posers)); }

/* libpq says it so from its version 16 on; here a server does. */
static int refused_by_libpq(void)
{
    static const char fields[] = "SFATAL\0C08P01\0Mauthentication method requirement \"!password\" failed: server requested a cleartext password\0";
    static const struct { const char *mode; bool hint; } all[] = { { "", true }, { "&sslmode=prefer", true }, { "&sslmode=disable", false } };
    char message[5 + sizeof fields] = { 'E', 0, 0, 0, (char)(4 + sizeof fields) };
    memcpy(message + 5, fields, sizeof fields);
    for (size_t i = 0; i < weft_count(all); i++) {
        static peer p;
        weft_db *db = NULL;
        char url[200];
        p = (peer){ .says = "N", .says_len = all[i].hint, .asks = message, .asks_len = sizeof message };
        peer_start(&p);
        snprintf(url, sizeof url, "postgresql://u:hunter2@127.0.0.1:%d/x?connect_timeout=20%s", p.port, all[i].mode);
        WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1 }), WEFT_EDB_AWAY);
        WEFT_CHECK(db_says(WEFT_EDB_AWAY, "requirement \"!password\" failed"));
        WEFT_CHECK_EQ(strstr(weft_error_of(WEFT_EDB_AWAY)->text, "sslmode=verify-full") != NULL, all[i].hint);
        peer_end(&p);
    }
    return 0;
}

WEFT_TEST(a_password_in_clear_that_libpq_refuses_is_told_with_a_way_out) { world_epoll(weft_call(refused_by_libpq)); }

/* The same wherever its words are split: what libpq has read of them by then was whole to nobody. */
static int posers_in_pieces(void)
{
    static const struct { const char *mode, *says, *asks; size_t asks_len; } all[] = {
        { "", "N", CLEAR, 9 }, { "&sslmode=allow", "", CLEAR, 9 }, { "", "", "N" CLEAR, 10 }, { "", "N", SASL CLEAR, 33 } };
    for (size_t i = 0; i < weft_count(all); i++)
        for (size_t first = i == 3 ? 20 : 1; first < all[i].asks_len; first += i == 3 ? 3 : 1) {
            static peer p;
            weft_db *db = NULL;
            char url[200];
            p = (peer){ .says = all[i].says, .says_len = strlen(all[i].says), .asks = all[i].asks, .asks_len = all[i].asks_len, .first = first };
            peer_start(&p);
            snprintf(url, sizeof url, "postgresql://u:hunter2@127.0.0.1:%d/x?connect_timeout=20%s", p.port, all[i].mode);
            WEFT_CHECK_EQ(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1 }), WEFT_EDB_AWAY);
            if (!WEFT_CHECK(strstr(weft_error_of(WEFT_EDB_AWAY)->text, "password in clear") || strstr(weft_error_of(WEFT_EDB_AWAY)->text, "cleartext password")))
                fprintf(stderr, "  %zu, %zu: %s\n", i, first, weft_error_of(WEFT_EDB_AWAY)->text);
            WEFT_TRY(weft_sleep_ms(20));
            peer_end(&p);
            WEFT_CHECK(p.heard_len > 0 && !memmem(p.heard, p.heard_len, "hunter2", 7));
        }
    return 0;
}

WEFT_TEST(who_poses_as_postgres_in_pieces_is_told_no_password_in_clear_either) { world_epoll(weft_call(posers_in_pieces)); }

/* What is looked at is what libpq reads, and nothing of it is lost: a byte at a time, and all at once. */
DB_POSTGRES_TEST(a_login_that_is_looked_at_goes_through)
{
    for (int piece = 0; piece < 2; piece++) {
        static peer p;
        char url[300];
        weft_db *db = NULL;
        int64_t n = -1;
        p = (peer){ .to = db_server_of_run()->port, .piece = piece };
        peer_start(&p);
        snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?connect_timeout=60&sslmode=%s", p.port, piece ? "allow" : "prefer");
        WEFT_TRY(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000 }));
        WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"));
        WEFT_CHECK_EQ(n, !piece);
        WEFT_TRY(weft_db_close(db, 0));
        peer_end(&p);
        snprintf(url, sizeof url, "postgresql://weft:wrong@127.0.0.1:%d/postgres?connect_timeout=60&sslmode=allow", db_server_of_run()->port);
        WEFT_CHECK(weft_db_connect_with(url, &db, &(weft_db_opts){ .connections_max = 1 }) == WEFT_EDB_AWAY && db_says(WEFT_EDB_AWAY, "authentication failed"));
    }
    return 0;
}

/* ---- what is under way ---- */

enum { ITEM = 64 * 1024, ITEMS = 200 };
typedef struct many { weft_db *db; const weft_str *items; int count; } many;

static int lengths(const many *in)
{
    int32_t *out = weft_alloc(ITEMS * sizeof *out);
    weft_str *back = weft_alloc(ITEMS * sizeof *back);
    WEFT_TRY(weft_db_one_each(in->db, int32_t, out, weft_str, in->items, in->count, "SELECT length({}::text)"));
    WEFT_TRY(weft_db_one_each(in->db, weft_str, back, weft_str, in->items, in->count, "SELECT {}::text"));
    for (int i = 0; i < in->count; i++) WEFT_CHECK(out[i] == (int)in->items[i].len && weft_str_equal(back[i], in->items[i]));
    return 0;
}

/* Until there is this much, and nothing more comes of them. */
static long said(const peer *p, long least)
{
    for (int i = 0; i < 2000 && peer_from_clients(p) <= least; i++) (void)!weft_sleep_ms(5);
    long before, now = peer_from_clients(p);
    do {
        before = now;
        (void)!weft_sleep_ms(300);
        now = peer_from_clients(p);
    } while (now != before);
    return now;
}

DB_POSTGRES_TEST(large_items_are_not_all_under_way_at_once)
{
    static peer p;
    static char text[ITEM + ITEMS];
    weft_str items[ITEMS];
    weft_db *db = through(&p, 1);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < ITEMS; i++) items[i] = (weft_str){ text + i, (size_t)(ITEM + ITEMS - i) };
    WEFT_TRY(lengths(&(many){ db, items, 3 }));
    for (int count = 100; count <= ITEMS; count += 100) {        /* few go with what others ask */
        long before = peer_from_clients(&p);
        peer_holds(&p, true);
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, lengths, (&(many){ db, items, count }));
        long under_way = said(&p, before + ITEM) - before;
        WEFT_CHECK(under_way > ITEM && under_way < 6 * ITEM);
        peer_holds(&p, false);
        WEFT_TRY(weft_await(t));
    }
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return 0;
}
