/* COPY that is left, cancelled or cut in the middle, whose other side is slow, and for which there is no memory. */
#include <fcntl.h>
#include <sys/resource.h>
#include "copy_world.h"
#include "peer.h"

static const char *ask(const char *what, const char *where)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT %s FROM pg_stat_activity WHERE application_name = 't%d' AND query LIKE 'COPY%%' AND %s", what, (int)getpid(), where);
    return db_server_ask(db_server_of_run(), sql);
}

/* ---- left in the middle ---- */

DB_POSTGRES_TEST(one_that_is_left_in_the_middle_changes_nothing_and_its_connection_serves_on)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    Price p = { .city = WEFT_S("Rome"), .cents = 1 };
    for (int round = 0; round < 6; round++) {
        weft_str bytes;
        int64_t n;
        WEFT_COPY(in);
        WEFT_COPY(out);
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_copy_in(&in, db, Price));
        for (int i = 0; i < round * 1500; i++) WEFT_TRY(weft_copy_row(Price, in, &p));
        if (round % 2) weft_copy_close(in);
        else weft__copy_leave(&in);
        weft_copy_close(in);
        WEFT_CHECK_EQ(stored(db), 0);
        WEFT_TRY(weft_db_copy_out(&out, db, WEFT_CSV, "SELECT generate_series(1, 100000000), repeat('x', 500)"));
        for (int i = 0; i < round; i++) WEFT_CHECK_EQ(weft_copy_read(out, &bytes), 1);
        weft__copy_leave(&out);
        WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT generate_series(1, 100000000)::bigint"));
        for (int i = 0; i < round; i++) WEFT_CHECK_EQ(weft_rows_next(int64_t, rows, &n), 1);
        weft_rows_close(rows);
    }
    WEFT_CHECK_EQ(process(db), pid);
    WEFT_CHECK_STR(weft_str_of(ask("count(*)", "state <> 'idle'")), "0");
    return copy_closed(db);
}

/* In the test's own schema, over a peer that is as the caller has set it. */
static weft_db *by_way_of(peer *p)
{
    char url[300];
    weft_db *db = NULL;
    p->to = db_server_of_run()->port;
    peer_start(p);
    snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable&options=-csearch_path%%3Dt%d", p->port, (int)getpid());
    WEFT_NEED(weft_db_connect(url, &db, .connections_max = 1, .acquire_ms = 60000, .statement_ms = 60000) == 0);
    return db;
}

static int go_on_soon(peer *const *p)
{
    int rc = weft_sleep_ms(100);
    peer_holds_sent(*p, false);
    return rc;
}

/* The cancel comes before anything behind the COPY: what the server answers to that, later, is not taken for what it answers to others. */
DB_POSTGRES_TEST(one_that_is_left_before_the_server_reads_of_it_leaves_nothing_behind_on_its_connection)
{
    static peer p;
    weft_db *direct = COPY_WITH_ONE(), *db = by_way_of(&p);
    int64_t pid = process(db);
    Price price = { .city = WEFT_S("Rome"), .cents = 1 };
    WEFT_TRY(weft_db_script(direct, "CREATE FUNCTION rests() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'; "
        "CREATE TRIGGER rests BEFORE INSERT ON prices FOR EACH STATEMENT EXECUTE FUNCTION rests()"));
    for (int round = 0; round < 4; round++) {
        WEFT_SCOPE(s);
        WEFT_COPY(in);
        WEFT_TRY(weft_db_copy_in(&in, db, Price));
        peer_holds_sent(&p, true);
        if (round % 2) WEFT_TRY(weft_copy_row(Price, in, &price));
        weft_spawn(s, go_on_soon, (&(peer *){ &p }));
        if (round / 2) weft_copy_close(in);
        else weft__copy_leave(&in);
        WEFT_CHECK_EQ(process(db), pid);
        WEFT_TRY(weft_join(s));
    }
    WEFT_CHECK_EQ(stored(direct), 0);
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return copy_closed(direct);
}

typedef struct copied { weft_db *db; int *rc; int64_t *bytes; } copied;

/* For ever, or until something happens. */
static int write_on(const copied *in)
{
    static char lines[8192];
    WEFT_COPY(copy);
    for (size_t i = 0; i < sizeof lines; i += 8) memcpy(lines + i, "Rome,77\n", 8);
    int rc = weft_db_copy_text(&copy, in->db, WEFT_CSV, "prices (city, cents)");
    for (; rc == 0; *in->bytes += sizeof lines) rc = weft_copy_write(copy, (weft_str){ lines, sizeof lines });
    return *in->rc = rc;
}

static int read_on(const copied *in)
{
    weft_str bytes;
    WEFT_COPY(copy);
    int rc = weft_db_copy_out(&copy, in->db, WEFT_CSV, "SELECT generate_series(1, 1000000000), repeat('x', 500)");
    while (rc == 0 && (rc = weft_copy_read(copy, &bytes)) == 1) *in->bytes += (int64_t)bytes.len, rc = 0;
    return *in->rc = rc;
}

/* It waits for its first row, in the server. */
static int wait_on(const copied *in)
{
    weft_str bytes;
    WEFT_COPY(copy);
    int rc = weft_db_copy_out(&copy, in->db, WEFT_CSV, "SELECT pg_sleep(600)");
    return *in->rc = rc == 0 ? weft_copy_read(copy, &bytes) : rc;
}

static int cancelled(weft_db *db, int (*what)(const copied *), int ms)
{
    int rc = 1;
    int64_t bytes = 0;
    WEFT_SCOPE(s);
    weft_task *t = what == write_on ? weft_spawn(s, write_on, (&(copied){ db, &rc, &bytes })) : what == read_on ? weft_spawn(s, read_on, (&(copied){ db, &rc, &bytes }))
        : weft_spawn(s, wait_on, (&(copied){ db, &rc, &bytes }));
    WEFT_TRY(weft_sleep_ms(ms));
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    return 0;
}

DB_POSTGRES_TEST(one_that_is_cancelled_in_the_middle_ends_in_the_server_and_its_connection_serves_on)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    for (int ms = 0; ms <= 60; ms += 12) {
        WEFT_TRY(cancelled(db, write_on, ms));
        WEFT_CHECK_EQ(stored(db), 0);
        WEFT_TRY(cancelled(db, read_on, ms));
        WEFT_TRY(cancelled(db, wait_on, ms));
        WEFT_CHECK_STR(weft_str_of(ask("count(*)", "state <> 'idle'")), "0");
    }
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

DB_POSTGRES_TEST(waits_for_a_server_have_a_deadline)
{
    weft_db *db = COPY_WITH(.connections_max = 1, .acquire_ms = 60000, .statement_ms = 200);
    int rc = 0;
    int64_t bytes = 0;
    WEFT_CHECK_EQ(wait_on(&(copied){ db, &rc, &bytes }), WEFT_ETIMEDOUT);
    WEFT_CHECK(db_says(WEFT_ETIMEDOUT, "200 ms"));
    WEFT_CHECK_EQ(number(db, "SELECT 1"), 1);
    return copy_closed(db);
}

/* ---- who is slow sets the pace ---- */

/* The server is where it can send no more, and no more has come than sockets hold; the loop turns meanwhile. */
DB_POSTGRES_TEST(what_nobody_reads_stays_in_the_server)
{
    weft_db *db = COPY_WITH_ONE();
    weft_str bytes;
    int64_t sum = 0, n = 0;
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) n"));
    WEFT_CHECK_EQ(weft_copy_read(copy, &bytes), 1);
    WEFT_CHECK(bytes.len < 40000);
    sum += (int64_t)bytes.len;
    const char *at = "";
    for (int i = 0; i < 300 && strcmp(at, "ClientWrite") != 0; i++) {
        WEFT_TRY(weft_sleep_ms(20));
        at = ask("wait_event", "true");
    }
    WEFT_CHECK_STR(weft_str_of(at), "ClientWrite");
    WEFT_TRY(weft_sleep_ms(50));
    WEFT_CHECK_STR(weft_str_of(ask("wait_event", "true")), "ClientWrite");
    for (int rc; (rc = weft_copy_read(copy, &bytes)) != 0; sum += (int64_t)bytes.len) {
        WEFT_TRY(rc);
        for (const char *p = bytes.ptr; (p = memchr(p, '\n', (size_t)(bytes.ptr + bytes.len - p))); p++) n++;
        WEFT_CHECK(bytes.ptr[bytes.len - 1] == '\n');
    }
    WEFT_CHECK_EQ(sum, 20000 * 1002 + 9 + 90 * 2 + 900 * 3 + 9000 * 4 + 10001 * 5);
    return copy_closed(db);
}

/* A trigger waits for a lock that the test has. */
DB_POSTGRES_TEST(a_server_that_takes_nothing_makes_its_writer_wait_and_nobody_else)
{
    weft_db *db = COPY_WITH(.connections_max = 2, .acquire_ms = 60000, .statement_ms = 60000);
    int rc = 1;
    int64_t bytes = 0, before;
    WEFT_TRY(weft_db_script(db, "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NEW; END';"
        "CREATE TRIGGER held BEFORE INSERT ON prices FOR EACH ROW EXECUTE FUNCTION held()"));
    WEFT_SCOPE(s);
    WEFT_TRANSACTION(tx, db);
    WEFT_TRY(weft_db_execute(tx, "SELECT pg_advisory_xact_lock(77)"));
    weft_task *t = weft_spawn(s, write_on, (&(copied){ db, &rc, &bytes }));
    do {
        before = bytes;
        WEFT_TRY(weft_sleep_ms(200));
    } while (!bytes || bytes != before);
    WEFT_CHECK(bytes < 16 << 20);
    weft_task_cancel(t);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);      /* the lock is not given: what waits for it there has been ended */
    WEFT_TRY(weft_db_rollback(tx));
    WEFT_CHECK_EQ(stored(db), 0);
    return copy_closed(db);
}

/* ---- rows that are too large ---- */

/* What COPY gives at once, and as rows. */
static int given(weft_db *db, bool as_rows, int bytes)
{
    weft_str text;
    WEFT_COPY(copy);
    WEFT_ROWS(rows);
    if (as_rows) {
        int rc = weft_db_copy_rows(&rows, db, "SELECT repeat('x', {}::int)", bytes);
        while (rc == 0 && (rc = weft_rows_next(weft_str, rows, &text)) == 1) rc = text.len == (size_t)bytes ? 0 : WEFT_EPROTO;
        return rc;
    }
    int rc = weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT repeat('x', {}::int)", bytes);
    while (rc == 0 && (rc = weft_copy_read(copy, &text)) == 1) rc = text.len == (size_t)bytes + 1 ? 0 : WEFT_EPROTO;
    return rc;
}

DB_POSTGRES_TEST(a_row_that_is_larger_than_any_may_be_is_refused_and_its_room_given_back)
{
    weft_db *db = COPY_WITH(.connections_max = 1, .acquire_ms = -1, .statement_ms = -1);
    for (int as_rows = 0; as_rows < 2; as_rows++) {
        static const int too_large[] = { 17 << 20, 100 << 20 };
        int64_t pid = process(db);
        WEFT_CHECK_EQ(given(db, as_rows, 15 << 20), 0);
        WEFT_CHECK_EQ(process(db), pid);
        for (size_t i = 0; i < weft_count(too_large); i++) {
            long before = world_mem.bytes;
            WEFT_CHECK_EQ(given(db, as_rows, too_large[i]), WEFT_ELIMIT);
            WEFT_CHECK(db_says(WEFT_ELIMIT, "a row of more than 16 MiB") && db_says(WEFT_ELIMIT, "substr"));
            WEFT_CHECK(world_mem.bytes < before + (8 << 20));
            int64_t next = process(db);
            WEFT_CHECK(next != pid);                 /* libpq would keep the room of such a row for as long as it has its connection */
            pid = next;
        }
    }
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_row_that_is_too_large_leaves_its_transaction_usable)
{
    weft_db *db = COPY_WITH(.connections_max = 1, .acquire_ms = -1, .statement_ms = -1);
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_CHECK_EQ(weft_db_execute(tx, "INSERT INTO prices (city, cents) VALUES ('Rome', 1)"), 1);
        WEFT_CHECK_EQ(given(tx, false, 17 << 20), WEFT_ELIMIT);
        WEFT_CHECK_EQ(given(tx, true, 17 << 20), WEFT_ELIMIT);
        WEFT_CHECK_EQ(given(tx, true, 1 << 20), 0);
        WEFT_TRY(weft_db_commit(tx));
    }
    WEFT_CHECK_EQ(stored(db), 1);
    return copy_closed(db);
}

/* From now on the most is counted anew; false: the kernel cannot. */
static bool most_memory_begins(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    bool began = fd >= 0 && write(fd, "5", 1) == 1;
    if (fd >= 0) close(fd);
    return began;
}

static long most_memory(void)
{
    char line[128];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "re");
    WEFT_NEED(f != NULL);
    while (fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %ld kB", &kib) != 1) continue;
    fclose(f);
    WEFT_CHECK(kib > 0);
    return kib * 1024;
}

/* Nobody waits until all of such a row is there, however fast it comes: of 150 MiB 64 are read, and there is what lies between. */
static void cut_off(weft_db *db, peer *p)
{
    for (int as_rows = 0; as_rows < 2; as_rows++) {
        int passed = p ? peer_passed(p) : 0;
        bool counted = most_memory_begins();
        long before = most_memory();
        WEFT_CHECK_EQ(given(db, as_rows, 150 << 20), WEFT_ELIMIT);
        WEFT_CHECK(db_says(WEFT_ELIMIT, "a row of more than 16 MiB"));
        if (p) WEFT_CHECK(peer_passed(p) - passed < 96 << 20);
        WEFT_CHECK(!counted || most_memory() - before < 112 << 20);
        WEFT_CHECK_EQ(number(db, "SELECT 42"), 42);
    }
}

DB_POSTGRES_TEST(a_row_that_is_too_large_is_refused_where_no_descriptor_is_free)
{
    weft_db *db = COPY_WITH_ONE();
    struct rlimit usual, none;
    int64_t pid = process(db);
    WEFT_NEED(getrlimit(RLIMIT_NOFILE, &usual) == 0);
    none = (struct rlimit){ 3, usual.rlim_max };
    for (int as_rows = 0; as_rows < 2; as_rows++) {
        WEFT_NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
        WEFT_CHECK_EQ(given(db, as_rows, 1 << 20), 0);
        int rc = given(db, as_rows, 20 << 20);
        WEFT_NEED(setrlimit(RLIMIT_NOFILE, &usual) == 0);
        WEFT_CHECK_EQ(rc, WEFT_ELIMIT);
        WEFT_CHECK(number(db, "SELECT 42") == 42 && process(db) != pid);
        pid = process(db);
    }
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_row_that_is_too_large_is_cut_off_while_it_comes)
{
    static peer p;
    weft_db *db = by_way_of(&p), *direct = COPY_WITH_ONE();
    cut_off(db, &p);
    cut_off(direct, NULL);                           /* a unix socket */
    WEFT_TRY(weft_db_close(db, 0));
    peer_end(&p);
    return copy_closed(direct);
}

/* ---- a server that answers something else ---- */

/* It is asked for two columns, and hears a question for others. */
DB_POSTGRES_TEST(a_server_that_tells_of_more_or_fewer_columns_than_were_asked_for_is_refused)
{
    static const struct { const char *hears, *says; } all[] = {
        { "*, *, *, *, *  ", "asked for 2 columns, and the server tells of 15" }, { "city,cents,city", "asked for 2 columns, and the server tells of 3" },
        { "city           ", "asked for 2 columns, and the server tells of 1" }, { "               ", "asked for 2 columns, and the server tells of 0" } };
    weft_db *direct = COPY_WITH_ONE();
    for (size_t i = 0; i < weft_count(all); i++) {
        static peer p;
        Price price = { .city = WEFT_S("Rome"), .cents = 1 };
        p = (peer){ .instead_of = "\"city\", \"cents\"", .puts = all[i].hears };
        weft_db *db = by_way_of(&p);
        int rc = weft_db_copy(db, Price, &price, 1);
        WEFT_CHECK_EQ(rc, WEFT_EDB);
        WEFT_CHECK(db_says(rc, all[i].says));
        WEFT_CHECK_EQ(number(db, "SELECT 42"), 42);
        WEFT_TRY(weft_db_close(db, 0));
        peer_end(&p);
    }
    WEFT_CHECK_EQ(stored(direct), 0);
    return copy_closed(direct);
}

/* ---- connections that break ---- */

/* And it is gone behind this: by itself a signal says nothing of when. */
static void end_it(const char *what)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 't%d' AND query LIKE '%s%%'", (int)getpid(), what);
    db_server_ask(db_server_of_run(), sql);
}

DB_POSTGRES_TEST(a_server_that_goes_in_the_middle_is_told_and_nothing_is_kept)
{
    weft_db *db = COPY_WITH_ONE();
    for (int round = 0; round < 3; round++) {
        WEFT_COPY(copy);
        weft_str bytes;
        Price p = { .city = WEFT_S("Rome"), .cents = 1 };
        int rc = 0;
        WEFT_TRY(weft_db_copy_in(&copy, db, Price));
        WEFT_TRY(weft_copy_row(Price, copy, &p));
        end_it("COPY");
        for (int i = 0; rc == 0 && i < round * 100000; i++) rc = weft_copy_row(Price, copy, &p);
        if (rc == 0) rc = weft_copy_end(copy, NULL);
        WEFT_CHECK_EQ(rc, WEFT_EDB_LOST);
        WEFT_CHECK_EQ(weft_error_of(rc)->status, 503);
        weft__copy_leave(&copy);
        WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT n, repeat('x', 1000) FROM generate_series(1, 100000) n"));
        if (round) WEFT_TRY(weft_copy_read(copy, &bytes) == 1 ? 0 : WEFT_EPROTO);
        end_it("COPY");
        while ((rc = weft_copy_read(copy, &bytes)) == 1) continue;
        WEFT_CHECK_EQ(rc, WEFT_EDB_LOST);
        weft__copy_leave(&copy);
        WEFT_CHECK_EQ(stored(db), 0);
    }
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_execute(tx, "INSERT INTO prices (city, cents) VALUES ('Bonn', 3)"));
        WEFT_TRY(weft_db_copy_text(&copy, tx, WEFT_CSV, "prices (city, cents)"));
        end_it("COPY");
        WEFT_CHECK_EQ(weft_copy_end(copy, NULL), WEFT_EDB_LOST);
        WEFT_CHECK_EQ(weft_db_execute(tx, "SELECT 1"), WEFT_EDB);
    }
    WEFT_CHECK_EQ(stored(db), 0);
    return copy_closed(db);
}

static int copied_in(weft_db *db, int n)
{
    static Price rows[400];
    for (int i = 0; i < n; i++) rows[i] = (Price){ .city = WEFT_S("somewhere in the middle of nowhere"), .cents = i };
    return weft_db_copy(db, Price, rows, (size_t)n);
}

static int copied_out(weft_db *db)
{
    WEFT_ROWS(rows);
    int64_t n = 0, sum = 0;
    int rc;
    WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT * FROM generate_series(1, 1000)"));
    while ((rc = weft_rows_next(int64_t, rows, &n)) == 1) sum += n;
    if (rc == 0) WEFT_CHECK_EQ(sum, 500500);
    return rc;
}

DB_POSTGRES_TEST(connections_that_are_cut_anywhere_in_a_copy_keep_all_of_it_or_nothing)
{
    const char *soak = getenv("WEFT_SOAK");
    weft_db *direct = COPY_WITH_ONE();
    int fine = 0, broken = 0, step = soak && *soak != '0' ? 1009 : 3001, schema = (int)getpid();
    for (int round = 0, cut = soak ? 300 : 2000; cut < 40000; cut += step, round++) {
        static peer p;
        weft_db *db = NULL;
        char url[300];
        p = (peer){ .to = db_server_of_run()->port, .cut_after = round % 2 ? cut : 0, .cut_sent = round % 2 ? 0 : cut };
        peer_start(&p);
        snprintf(url, sizeof url, "postgresql://weft:secret@127.0.0.1:%d/postgres?sslmode=disable&options=-csearch_path%%3Dt%d", p.port, schema);
        int rc = weft_db_connect(url, &db, .connections_max = 1, .acquire_ms = 60000);
        WEFT_CHECK(rc == 0 || rc == WEFT_EDB_AWAY);
        for (int i = 0; rc == 0 && i < 3; i++) {
            int64_t before = stored(direct), behind;
            int got = copied_in(db, 400);
            while (number(direct, "SELECT count(*) FROM pg_stat_activity WHERE query IN ('COMMIT') AND state = 'active'")) WEFT_TRY(weft_sleep_ms(1));
            behind = stored(direct);
            if (got == 400) WEFT_CHECK_EQ(behind, before + 400);
            else WEFT_CHECK((got == WEFT_EDB_LOST || got == WEFT_EDB_AWAY) && (behind == before || behind == before + 400));
            fine += got == 400;
            broken += got != 400;
            got = copied_out(db);
            WEFT_CHECK(got == 0 || got == WEFT_EDB_LOST || got == WEFT_EDB_AWAY);
            broken += got < 0;
        }
        if (rc == 0) WEFT_TRY(weft_db_close(db, 0));
        peer_end(&p);
    }
    WEFT_CHECK(fine > 0 && broken > 0);
    return copy_closed(direct);
}

/* ---- memory that gives out ---- */

static int copy_both_ways(weft_db *db, int64_t *seen)
{
    WEFT_ROWS(rows);
    int64_t n = 0;
    Price p[3] = { { .city = WEFT_S("Rome"), .cents = 1 }, { .city = WEFT_S("Bonn"), .cents = 2 }, { .city = WEFT_S("Oslo"), .cents = 3 } };
    int rc = weft_db_copy(db, Price, p, 3);
    if (rc < 0) return rc;
    WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT cents::bigint FROM prices WHERE city = {} AND cents = {} LIMIT {}", WEFT_S("Bonn"), 2, 1));
    for (*seen = 0; (rc = weft_rows_next(int64_t, rows, &n)) == 1; ++*seen) continue;
    return rc;
}

/* Each allocation of weft's in turn, and all behind it: told, nothing kept by halves, nothing lost; libpq's own are not among them. */
DB_POSTGRES_TEST(memory_that_gives_out_in_a_copy_is_told_and_leaves_all_or_nothing)
{
    weft_db *db = COPY_WITH_ONE();
    long failed = 0;
    int64_t seen = 0;
    WEFT_TRY(copy_both_ways(db, &seen));
    for (long at = 0;; at++) {
        int64_t before = stored(db), behind;
        long failures = world_mem.failures;
        world_mem.fail_rest = at % 2;
        world_mem.fail_after = at;
        int rc = copy_both_ways(db, &seen);
        bool through = world_mem.failures == failures;
        world_mem.fail_after = -1;
        world_mem.fail_rest = false;
        if (through) break;
        failed += rc < 0;
        WEFT_CHECK(rc == 0 || rc == WEFT_ENOMEM || rc == WEFT_ELIMIT || rc == WEFT_EDB_LOST || rc == WEFT_EDB_AWAY || rc == WEFT_ETIMEDOUT);
        behind = stored(db);
        WEFT_CHECK(behind == before || behind == before + 3);
        if (rc == 0) WEFT_CHECK_EQ(seen, 1);
    }
    WEFT_CHECK(failed > 10);
    return copy_closed(db);
}

static int behind_a_statement(weft_db *db, long at, int *inserted, int *copied)
{
    Price p = { .city = WEFT_S("Rome"), .cents = 1 };
    WEFT_TRANSACTION(tx, db);
    *inserted = weft_db_execute(tx, "INSERT INTO prices (city, cents) VALUES ('Bonn', 3)");
    world_mem.fail_after = at;
    *copied = weft_db_copy(tx, Price, &p, 1);
    world_mem.fail_after = -1;
    return weft_db_commit(tx);
}

/* What was done before it in its transaction is there when that is. */
DB_POSTGRES_TEST(memory_that_gives_out_in_a_copy_undoes_no_statement_before_it)
{
    weft_db *db = COPY_WITH_ONE();
    int failed = 0, inserted, copied = -1;
    for (long at = 0; copied < 0 || at < 10; at++) {
        int64_t before = stored(db);
        long failures = world_mem.failures;
        int rc = behind_a_statement(db, at, &inserted, &copied);
        WEFT_CHECK(inserted == 1 && (copied == 1 || world_mem.failures > failures));
        WEFT_CHECK(rc == 0 || copied < 0);
        WEFT_CHECK_EQ(stored(db), before + (rc == 0 ? 1 + (copied == 1) : 0));
        failed += rc == 0 && copied < 0;
    }
    WEFT_CHECK(failed > 3);
    return copy_closed(db);
}
