/* COPY, both ways: what is refused, every type, values, transactions, many rows. */
#include "base/arena.h"
#include "copy_world.h"

weft_arena *weft__arena_here(void);

/* ---- elsewhere ---- */

DB_TEST(copy_is_postgresql_s_and_others_say_so)
{
    weft_db *db = NULL;
    WEFT_COPY(copy);
    WEFT_ROWS(rows);
    Price p = { .city = WEFT_S("Rome") };
    WEFT_TRY(weft_db_connect(db_url, &db, .acquire_ms = 60000));
    WEFT_CHECK_EQ(weft_copy_row(Price, copy, &p), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_copy_end(copy, NULL), WEFT_EINVAL);
    if (!db_is_postgres()) {
        WEFT_CHECK_EQ(weft_db_copy(db, Price, &p, 1), WEFT_EINVAL);
        WEFT_CHECK(db_says(WEFT_EINVAL, "PostgreSQL") && db_says(WEFT_EINVAL, "weft_db_each"));
        WEFT_CHECK_EQ(weft_db_copy_text(&copy, db, WEFT_CSV, "prices"), WEFT_EINVAL);
        WEFT_CHECK_EQ(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT 1"), WEFT_EINVAL);
        WEFT_CHECK_EQ(weft_db_copy_rows(&rows, db, "SELECT 1"), WEFT_EINVAL);
    }
    WEFT_CHECK(!copy && !rows);
    return copy_closed(db);
}

/* ---- what is refused ---- */

DB_POSTGRES_TEST(a_bad_line_is_told_with_its_number_and_column_and_nothing_is_kept)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    static const struct { const char *text, *says, *where; int rc; } bad[] = {
        { "Rome,1\nParis,2\nBonn,x\n", "\"x\"", "line 3, column cents", WEFT_EDB_CHECK },
        { "Rome,1\nParis\n", "missing data", "line 2", WEFT_EDB_CHECK },
        { "Rome,1\nParis,2,3\n", "extra data", "line 2", WEFT_EDB_CHECK },
        { "Rome,1\n\"Paris,2\n", "unterminated", "line 3", WEFT_EDB_CHECK },
        { "Rome,1\nP\xff,2\n", "encoding", "line 2", WEFT_EDB_CHECK },
        { "Rome,1\nParis,99999999999\n", "out of range", "line 2, column cents", WEFT_EDB_CHECK },
        { "Rome,1\nParis,-5\n", "prices_cents_check", "line 2", WEFT_EDB_CHECK },
        { "Rome,1\n,2\n", "null value", "line 2", WEFT_EDB_CHECK },
    };
    for (size_t i = 0; i < weft_count(bad); i++) {
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
        WEFT_TRY(weft_copy_write(copy, weft_str_of(bad[i].text)));
        int rc = weft_copy_end(copy, NULL);
        WEFT_CHECK_EQ(rc, bad[i].rc);
        WEFT_CHECK(db_says(rc, bad[i].says) && db_says(rc, bad[i].where));
        WEFT_CHECK_EQ(weft_error_of(rc)->status, 422);
        WEFT_CHECK(weft_copy_end(copy, NULL) == WEFT_ECLOSED && weft_copy_write(copy, WEFT_S("a")) == WEFT_ECLOSED);
        WEFT_CHECK_EQ(stored(db), 0);
    }
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_failure_in_the_middle_is_told_long_before_the_end)
{
    weft_db *db = COPY_WITH_ONE();
    WEFT_COPY(copy);
    int rc = 0;
    int64_t written = 0;
    static char lines[8192];
    for (size_t i = 0; i < sizeof lines; i += 8) memcpy(lines + i, "Rome,77\n", 8);
    WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_CSV, "prices (city, cents)"));
    WEFT_TRY(weft_copy_write(copy, WEFT_S("Rome,x\n")));
    for (; rc == 0 && written < INT64_C(4) << 30; written += sizeof lines) {
        rc = weft_copy_write(copy, (weft_str){ lines, sizeof lines });
        if (rc == 0 && written % (1 << 20) == 0) rc = weft_sleep_ms(1);
    }
    WEFT_CHECK_EQ(rc, WEFT_EDB_CHECK);
    WEFT_CHECK(db_says(rc, "line 1, column cents"));
    WEFT_CHECK(written < 64 << 20);
    WEFT_CHECK_EQ(stored(db), 0);
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_constraint_that_the_last_row_violates_undoes_all_of_it)
{
    weft_db *db = COPY_WITH_ONE();
    static Price rows[3000];
    for (int i = 0; i < 3000; i++) rows[i] = (Price){ .id = i, .city = WEFT_S("Rome"), .cents = i };
    rows[2999].id = 5;
    WEFT_CHECK_EQ(weft_db_copy(db, Price, rows, 3000, .columns = "id, city, cents"), WEFT_EDB_UNIQUE);
    WEFT_CHECK(db_says(WEFT_EDB_UNIQUE, "prices_pkey") && db_says(WEFT_EDB_UNIQUE, "line 3000"));
    WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_UNIQUE)->status, 409);
    WEFT_CHECK_EQ(stored(db), 0);
    rows[2999].id = 2999;
    WEFT_TRY(weft_db_script(db, "CREATE TABLE sold (price_id bigint REFERENCES prices (id) DEFERRABLE INITIALLY DEFERRED)"));
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_text(&copy, db, WEFT_COPY_TEXT, "sold"));
    WEFT_TRY(weft_copy_write(copy, WEFT_S("17\n")));
    WEFT_CHECK_EQ(weft_copy_end(copy, NULL), WEFT_EDB_REFERENCE);                                 /* told by the commit */
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM sold"), 0);
    WEFT_CHECK_EQ(weft_db_copy(db, Price, rows, 3000, .columns = "id, city, cents"), 3000);
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_value_that_no_database_takes_is_refused_before_it_is_sent)
{
    weft_db *db = COPY_WITH_ONE();
    WEFT_COPY(copy);
    int64_t rows = -1;
    Price fine = { .city = WEFT_S("Rome"), .cents = 1 }, nul = { .city = { "a\0b", 3 } }, none = { .cents = 2 };
    WEFT_TRY(weft_db_copy_in(&copy, db, Price));
    WEFT_TRY(weft_copy_row(Price, copy, &fine));
    WEFT_CHECK_EQ(weft_copy_row(Price, copy, &nul), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "row 2") && db_says(WEFT_EINVAL, "city"));
    WEFT_CHECK_EQ(weft_copy_row(Price, copy, &none), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_copy_row_with(copy, &weft_schema_int64_t, &rows), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_copy_write(copy, WEFT_S("x")), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_copy_read(copy, &(weft_str){ 0 }), WEFT_EINVAL);
    WEFT_TRY(weft_copy_row(Price, copy, &fine));
    WEFT_TRY(weft_copy_end(copy, &rows));
    WEFT_CHECK_EQ(rows, 2);
    WEFT_CHECK_EQ(weft_copy_end(copy, &rows), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_db_copy(db, Price, &nul, 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(stored(db), 2);
    return copy_closed(db);
}

DB_POSTGRES_TEST(what_makes_no_sense_is_refused_and_the_connection_serves_on)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db);
    WEFT_COPY(copy);
    WEFT_ROWS(rows);
    Price p = { 0 };
    WEFT_CHECK_EQ(weft_db_copy_text(&copy, db, WEFT_CSV, "nowhere (a)"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_copy_text(&copy, db, WEFT_CSV, "prices FROM STDIN; DROP TABLE prices; --"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_copy_text(&copy, db, (weft_copy_format)9, "prices"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_text_with(&copy, db, WEFT_CSV, NULL, WEFT__HERE), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_in(&copy, db, Price, .columns = "city, nothing"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_in(&copy, db, Price, .columns = "city, city"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_in(&copy, db, Price, .columns = ""), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_in(&copy, db, Price, .into = "nowhere"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_copy(db, Price, (Price *)NULL, 2), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_out(&copy, db, WEFT_CSV, "DELETE FROM prices"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT 1; SELECT 2"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT {}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT nothing"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_copy_rows(&rows, db, "SELECT 1) TO PROGRAM 'true' --"), WEFT_EDB);
    WEFT_CHECK(!copy && !rows);
    WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT 1 AS other"));
    WEFT_CHECK_EQ(weft_rows_next(Price, rows, &p), WEFT_EDB);
    WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT {}::int", "x"));
    WEFT_CHECK_EQ(weft_copy_read(copy, &(weft_str){ 0 }), WEFT_EDB);
    WEFT_CHECK(stored(db) == 0 && process(db) == pid);
    return copy_closed(db);
}

/* A division by zero in the middle: rows that came before it are there, and it is told. */
DB_POSTGRES_TEST(a_failure_of_what_is_copied_out_is_told_behind_what_came)
{
    weft_db *db = COPY_WITH_ONE();
    int64_t pid = process(db), n = 0, seen = 0;
    int rc;
    weft_str bytes;
    WEFT_COPY(copy);
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT 100000 / (20000 - n) + n FROM generate_series(1, 100000) n"));
    for (; (rc = weft_rows_next(int64_t, rows, &n)) == 1; seen++) continue;
    WEFT_CHECK_EQ(rc, WEFT_EDB);
    WEFT_CHECK(db_says(rc, "division by zero"));
    WEFT_CHECK(seen > 10000 && seen < 20000);
    WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT 1 / (3 - n) FROM generate_series(1, 9) n"));
    while ((rc = weft_copy_read(copy, &bytes)) == 1) continue;
    WEFT_CHECK_EQ(rc, WEFT_EDB);
    WEFT_CHECK_EQ(weft_copy_read(copy, &bytes), WEFT_ECLOSED);
    WEFT_CHECK_EQ(process(db), pid);
    return copy_closed(db);
}

/* ---- what comes back is what was given ---- */

WEFT_ENUM(Mood, value(SAD, "sad"), value(FINE, "it's \\ \"fine\""));
WEFT_MODEL(All, field(int, small), field(int64_t, big), field(bool, yes), field(double, d), field(weft_str, t), field(weft_bytes, b), field(weft_decimal, n), field(weft_uuid, u),
    field(weft_date, day), field(weft_time, at), field(weft_datetime, moment), field(weft_datetime, local), field(weft_duration, span), field(weft_json, doc), field(weft_json, docb),
    list(int64_t, numbers), list(weft_str, words), field(Mood, mood), opt(int64_t, maybe), opt(weft_str, nothing), field(weft_decimal, price));

static All sample(int i)
{
    static int64_t numbers[] = { INT64_MIN, 0, 7 };
    static weft_str words[] = { { "a\tb\"{},\\", 8 }, { "", 0 }, { "NULL", 4 } };
    All a = { .small = -i, .big = INT64_MAX - i, .yes = i % 2, .d = 0.1 * i - 1e-300, .t = WEFT_S("tab\t line\n cr\r back\\slash \\N \\. quote\" ' ü comma, {} :name $1"),
        .b = { (const uint8_t *)"\0\1\xff\\x", 5 }, .n = { WEFT_S("-12345678901234567890.123456789000") }, .u = { { 1, 2, 3, 15 } }, .day = { 2026, 2, 28 }, .at = { 23, 59, 58, .us = 999999 },
        .moment = { INT64_C(1795000000123456) + i, .zoned = true }, .local = { INT64_C(-1795000000123456) - i, .zoned = false }, .span = { (i % 2 ? -1 : 1) * (INT64_C(90061000001) + i) },
        .doc = { WEFT_S("{\"a\": [1, \"x\\ny\"]}") }, .docb = { WEFT_S("[null, {\"b\": 2}]") }, .numbers = { numbers, (uint32_t)(i % 4), 3 }, .words = { words, (uint32_t)(i % 4), 3 },
        .mood = i % 2 ? SAD : FINE, .price = { i % 2 ? WEFT_S("0.00") : WEFT_S("99999999.99") } };
    if (i % 3) a.maybe = (weft_opt_int64_t)WEFT_SOME(i);
    return a;
}

static bool same_lists(const All *a, const All *b)
{
    bool same = a->numbers.count == b->numbers.count && a->words.count == b->words.count;
    for (uint32_t i = 0; same && i < a->numbers.count; i++) same &= a->numbers.items[i] == b->numbers.items[i];
    for (uint32_t i = 0; same && i < a->words.count; i++) same &= weft_str_equal(a->words.items[i], b->words.items[i]);
    return same;
}

static void check_same(const All *a, const All *b)
{
    WEFT_CHECK(a->small == b->small && a->big == b->big && a->yes == b->yes && a->d == b->d && a->mood == b->mood);
    WEFT_CHECK(weft_str_equal(a->t, b->t) && weft_str_equal(a->n.text, b->n.text) && weft_str_equal(a->price.text, b->price.text) && weft_str_equal(a->doc.text, b->doc.text)
        && weft_str_equal(a->docb.text, b->docb.text));
    WEFT_CHECK(a->b.len == b->b.len && memcmp(a->b.ptr, b->b.ptr, a->b.len) == 0 && weft_uuid_equal(a->u, b->u));
    WEFT_CHECK(a->day.year == b->day.year && a->day.day == b->day.day && a->at.second == b->at.second && a->at.us == b->at.us);
    WEFT_CHECK(a->moment.us == b->moment.us && a->moment.zoned && a->local.us == b->local.us && !a->local.zoned && a->span.us == b->span.us);
    WEFT_CHECK(a->maybe.set == b->maybe.set && a->maybe.value == b->maybe.value && !a->nothing.set && same_lists(a, b));
}

DB_POSTGRES_TEST(every_type_comes_back_as_it_was_copied_and_as_statements_write_it)
{
    weft_db *db = COPY_WITH_ONE();
    All given[12], a;
    int n = 0;
    WEFT_TRY(weft_db_script(db, "CREATE TYPE mood AS ENUM ('sad', E'it''s \\\\ \"fine\"'); CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0);"
        "CREATE TABLE everything (small integer, big bigint, yes boolean, d double precision, t text, b bytea, n numeric, u uuid, day date, at time, moment timestamptz, local timestamp, span interval,"
        " doc json, docb jsonb, numbers bigint[], words text[], mood mood, maybe bigint, nothing text, price price)"));
    for (int i = 0; i < 12; i++) given[i] = sample(i);
    WEFT_TRY(weft_db_each(db, All, given, 12, "INSERT INTO everything VALUES (:small, :big, :yes, :d, :t, :b, :n, :u, :day, :at, :moment, :local, :span, :doc, :docb, :numbers, :words, :mood, :maybe, :nothing, :price)") == 12 ? 0 : WEFT_EPROTO);
    WEFT_TRY(weft_db_script(db, "CREATE TABLE inserted AS SELECT * FROM everything; DELETE FROM everything"));
    WEFT_CHECK_EQ(weft_db_copy(db, All, given, 12, .into = "everything"), 12);
    WEFT_CHECK_EQ(number(db, "SELECT count(*) FROM (SELECT e::text FROM everything e EXCEPT ALL SELECT i::text FROM inserted i) x"), 0);
    WEFT_ROWS(rows);
    WEFT_TRY(weft_db_copy_rows(&rows, db, "SELECT * FROM everything ORDER BY small DESC; -- with a comment"));
    for (int rc; (rc = weft_rows_next(All, rows, &a)) != 0; n++) {
        WEFT_TRY(rc);
        check_same(&a, &given[n]);
    }
    WEFT_CHECK_EQ(n, 12);
    return copy_closed(db);
}

WEFT_MODEL(Asked, field(weft_str, city), list(int64_t, ids));

DB_POSTGRES_TEST(values_of_a_copy_are_bound_and_taken_for_their_types)
{
    weft_db *db = COPY_WITH_ONE();
    static int64_t ids[] = { 1, 3 };
    Asked asked = { .city = WEFT_S("'; DROP TABLE prices; --\\ $1 {}"), .ids = { ids, 2, 2 } };
    static Price given[3];
    for (int i = 0; i < 3; i++) given[i] = (Price){ .id = i + 1, .city = i < 2 ? WEFT_S("Rome") : asked.city, .cents = i * 10 };
    WEFT_CHECK_EQ(weft_db_copy(db, Price, given, 3, .columns = "id,city,cents"), 3);
    weft_str bytes;
    static const struct { const char *sql, *gives; } all[] = {
        { "SELECT id FROM prices WHERE id = ANY (:ids) AND city = :city AND city = :city", "id\n3\n" },
        { "SELECT 'a:city' AS x, ':ids' FROM prices WHERE :city <> city /* :ids */ LIMIT 1", "x,?column?\na:city,:ids\n" },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        WEFT_COPY(copy);
        weft_val fields = weft_fields(Asked, &asked);
        WEFT_TRY(weft_db_copy_out_with(&copy, db, WEFT_CSV_HEADER, &(weft_sql){ all[i].sql, &fields, 1, WEFT__HERE }));
        WEFT_CHECK_EQ(weft_copy_read(copy, &bytes), 1);
        WEFT_CHECK_STR(bytes, all[i].gives);
        WEFT_CHECK_EQ(weft_copy_read(copy, &bytes), 0);
    }
    {
        weft_datetime moment = { .us = 5, .zoned = true };
        weft_bytes two = { (const uint8_t *)"\1\2", 2 };
        weft_duration hour = { INT64_C(3600000000) };
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT {} + 1, {}::text IS NULL, {}::timestamptz = {}, {}::numeric, {}::bytea, {}::interval LIMIT {}", 41, weft_null,
            moment, moment, 1.5, two, hour, 1));
        WEFT_CHECK_EQ(weft_copy_read(copy, &bytes), 1);
        WEFT_CHECK_STR(bytes, "42,t,t,1.5,\\x0102,01:00:00\n");
    }
    WEFT_CHECK_EQ(stored(db), 3);
    return copy_closed(db);
}

DB_POSTGRES_TEST(nothing_is_copied_as_nothing)
{
    weft_db *db = COPY_WITH_ONE();
    weft_str bytes;
    int64_t rows = -1, n;
    WEFT_COPY(in);
    WEFT_COPY(out);
    WEFT_ROWS(none);
    WEFT_CHECK_EQ(weft_db_copy(db, Price, (Price *)NULL, 0), 0);
    WEFT_TRY(weft_db_copy_text(&in, db, WEFT_CSV_HEADER, "prices (city, cents)"));
    WEFT_TRY(weft_copy_write(in, (weft_str){ 0 }));
    WEFT_TRY(weft_copy_end(in, &rows));
    WEFT_CHECK_EQ(rows, 0);
    WEFT_TRY(weft_db_copy_out(&out, db, WEFT_CSV, "SELECT * FROM prices"));
    WEFT_CHECK(weft_copy_read(out, &bytes) == 0 && weft_copy_read(out, &bytes) == 0);
    WEFT_TRY(weft_db_copy_rows(&none, db, "SELECT cents::bigint FROM prices"));
    WEFT_CHECK(weft_rows_next(int64_t, none, &n) == 0 && weft_rows_next(int64_t, none, &n) == 0);
    return copy_closed(db);
}

/* ---- transactions ---- */

DB_POSTGRES_TEST(in_a_transaction_it_has_the_connection_until_it_ends_and_lasts_with_the_commit)
{
    weft_db *db = COPY_WITH(.connections_max = 2, .acquire_ms = 60000, .statement_ms = 60000);
    Price p = { .city = WEFT_S("Rome"), .cents = 1 };
    int64_t n = 0;
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_in(&copy, tx, Price));
        WEFT_TRY(weft_copy_row(Price, copy, &p));
        WEFT_CHECK_EQ(weft_db_execute(tx, "SELECT 1"), WEFT_EBUSY);
        WEFT_CHECK(db_says(WEFT_EBUSY, "COPY"));
        WEFT_CHECK_EQ(weft_db_commit(tx), WEFT_EBUSY);
        WEFT_CHECK_EQ(stored(db), 0);
        WEFT_TRY(weft_copy_row(Price, copy, &p));
        WEFT_TRY(weft_copy_end(copy, NULL));
        WEFT_CHECK_EQ(number(tx, "SELECT count(*) FROM prices"), 2);
        WEFT_CHECK_EQ(stored(db), 0);
        p.cents = -1;
        WEFT_CHECK_EQ(weft_db_copy(tx, Price, &p, 1), WEFT_EDB_CHECK);                           /* nothing of it, and the transaction goes on */
        WEFT_ROWS(rows);
        WEFT_TRY(weft_db_copy_rows(&rows, tx, "SELECT generate_series(1, 100000)::bigint FROM prices"));
        WEFT_CHECK(weft_rows_next(int64_t, rows, &n) == 1 && n == 1);
        WEFT_CHECK_EQ(weft_db_execute(tx, "SELECT 1"), WEFT_EBUSY);
        weft_rows_close(rows);
        WEFT_CHECK_EQ(weft_db_execute(tx, "UPDATE prices SET cents = 7"), 2);
        {
            WEFT_TRANSACTION(part, tx);
            p.cents = 3;
            WEFT_CHECK_EQ(weft_db_copy(part, Price, &p, 1), 1);
        }
        {
            WEFT_TRANSACTION(part, tx);
            WEFT_COPY(open);
            WEFT_TRY(weft_db_copy_in(&open, part, Price));
            WEFT_TRY(weft_copy_row(Price, open, &p));
            WEFT_CHECK_EQ(weft_db_rollback(part), 0);
            WEFT_CHECK_EQ(weft_copy_row(Price, open, &p), WEFT_ECLOSED);
        }
        WEFT_TRY(weft_db_commit(tx));
    }
    WEFT_CHECK_EQ(number(db, "SELECT sum(cents)::bigint FROM prices"), 14);
    {
        WEFT_TRANSACTION(tx, db);
        WEFT_COPY(copy);
        WEFT_TRY(weft_db_copy_in(&copy, tx, Price));     /* both are left as they are */
        WEFT_TRY(weft_copy_row(Price, copy, &p));
    }
    {
        WEFT_TRANSACTION(tx, db, .read_only = true);
        WEFT_CHECK_EQ(weft_db_copy(tx, Price, &p, 1), WEFT_EDB_READ_ONLY);
        WEFT_CHECK_EQ(number(tx, "SELECT count(*) FROM prices"), 2);
    }
    return copy_closed(db);
}

DB_POSTGRES_TEST(who_holds_the_connection_for_a_copy_is_named)
{
    weft_db *db = COPY_WITH(.connections_max = 1, .acquire_ms = 100);
    WEFT_COPY(copy);
    WEFT_TRY(weft_db_copy_in(&copy, db, Price));
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM prices"), WEFT_EDEADLK);
    WEFT_CHECK(db_says(WEFT_EDEADLK, "a COPY") && db_says(WEFT_EDEADLK, "copy_test.c"));
    weft_copy_close(copy);
    WEFT_CHECK_EQ(weft_db_execute(db, "DELETE FROM prices"), 0);
    return copy_closed(db);
}

typedef struct ended { weft_db *db; weft_copy *copy; int *rc; } ended;
static int end_copy(const ended *in) { return *in->rc = weft_copy_end(in->copy, NULL), 0; }

DB_POSTGRES_TEST(one_task_at_a_time_is_at_it_and_the_end_of_the_database_ends_it)
{
    weft_db *db = COPY_WITH(.connections_max = 2, .acquire_ms = 60000, .statement_ms = 60000);
    int rc = 1;
    Price p = { .city = WEFT_S("Rome"), .cents = 1 };
    WEFT_COPY(copy);
    WEFT_COPY(open);
    WEFT_TRY(weft_db_copy_in(&copy, db, Price));
    WEFT_TRY(weft_copy_row(Price, copy, &p));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, end_copy, (&(ended){ db, copy, &rc }));
        while (rc == 1) {
            int mine = weft_copy_row(Price, copy, &p);
            WEFT_CHECK(mine == 0 || mine == WEFT_EBUSY || mine == WEFT_ECLOSED);
            WEFT_TRY(weft_yield());
        }
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_TRY(weft_db_copy_in(&open, db, Price));
    WEFT_TRY(weft_copy_row(Price, open, &p));
    WEFT_TRY(copy_closed(db));
    WEFT_CHECK_EQ(weft_copy_row(Price, open, &p), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_copy_end(open, NULL), WEFT_ECLOSED);
    return 0;
}

/* ---- many ---- */

DB_POSTGRES_TEST(many_rows_go_both_ways_in_bounded_memory)
{
    const char *soak = getenv("WEFT_SOAK");
    int64_t count = soak && *soak != '0' ? 1000000 : 20000, rows = 0, sum = 0, seen = 0, bytes = 0;
    weft_db *db = COPY_WITH_ONE();
    weft_arena *mine = weft__arena_here();
    long start = world_mem.bytes, most = start;          /* what is gathered lies there, not in the task's memory */
    Price p = { .city = WEFT_S("a city with a name that is neither long nor short") };
    WEFT_COPY(in);
    WEFT_COPY(out);
    WEFT_ROWS(all);
    WEFT_TRY(weft_db_copy_in(&in, db, Price, .columns = "cents, city"));
    size_t before = mine->bytes;
    for (int64_t i = 0; i < count; i++) {
        p.cents = i;
        WEFT_TRY(weft_copy_row(Price, in, &p));
        if (world_mem.bytes > most) most = world_mem.bytes;
    }
    WEFT_TRY(weft_copy_end(in, &rows));
    WEFT_CHECK_EQ(rows, count);
    WEFT_TRY(weft_db_copy_rows(&all, db, "SELECT * FROM prices"));
    for (int rc; (rc = weft_rows_next(Price, all, &p)) != 0; seen++) {
        WEFT_TRY(rc);
        sum += p.cents;
        if (world_mem.bytes > most) most = world_mem.bytes;
    }
    WEFT_CHECK(seen == count && sum == count * (count - 1) / 2);
    WEFT_TRY(weft_db_copy_out(&out, db, WEFT_COPY_TEXT, "SELECT city FROM prices"));
    weft_str piece;
    for (int rc; (rc = weft_copy_read(out, &piece)) != 0; bytes += (int64_t)piece.len) {
        WEFT_TRY(rc);
        WEFT_CHECK(piece.len <= 64 * 1024);
        if (world_mem.bytes > most) most = world_mem.bytes;
    }
    WEFT_CHECK_EQ(bytes, count * 50);
    WEFT_CHECK(mine->bytes <= before + 64 * 1024);
    if (!WEFT_CHECK(most - start < 512 * 1024)) fprintf(stderr, "  %ld bytes\n", most - start);
    return copy_closed(db);
}

static int over_tls(void)
{
    weft_db *db = NULL;
    weft_str piece;
    int64_t bytes = 0;
    WEFT_COPY(out);
    WEFT_TRY(weft_db_connect(db_url, &db, .connections_max = 1, .acquire_ms = 60000));
    for (int n = 1000; n < 200000; n += 7777) {         /* and statements: no rest of a record is waited for */
        weft_str text;
        WEFT_TRY(weft_db_value(db, weft_str, &text, "SELECT repeat('x', {}::int)", n));
        WEFT_CHECK_EQ(text.len, n);
    }
    WEFT_TRY(weft_db_copy_out(&out, db, WEFT_CSV, "SELECT repeat('x', n % 40000) FROM generate_series(1, 400) n UNION ALL SELECT repeat('y', 3000000)"));
    for (int rc; (rc = weft_copy_read(out, &piece)) != 0; bytes += (int64_t)piece.len) WEFT_TRY(rc);
    WEFT_CHECK_EQ(bytes, 400 * 401 / 2 + 401 + 3000000);
    WEFT_COPY(in);
    static char text[100000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\n';
    WEFT_TRY(weft_db_execute(db, "CREATE TABLE wide (t text)"));
    WEFT_TRY(weft_db_copy_text(&in, db, WEFT_CSV, "wide"));
    for (int i = 0; i < 50; i++) WEFT_TRY(weft_copy_write(in, (weft_str){ text, sizeof text }));
    WEFT_TRY(weft_copy_end(in, &bytes));
    WEFT_CHECK_EQ(bytes, 50);
    return copy_closed(db);
}

DB_POSTGRES_TEST(it_goes_over_tls_too)
{
    static char url[400];
    const db_server *s = db_server_of_run();
    snprintf(url, sizeof url, "postgres://weft:secret@localhost:%d/postgres?sslmode=verify-full&sslrootcert=%s/ca.crt&options=-csearch_path%%3Dt%d", s->port, s->folder, (int)getpid());
    const char *before = db_url;
    db_url = url;
    int rc = over_tls();
    db_url = before;
    return rc;
}
