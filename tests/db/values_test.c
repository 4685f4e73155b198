/* Values in and out: each type, and each that is no value of its type. Nothing of a value is ever read as SQL. */
#include <math.h>
#include "db_world.h"
#include "model/plan.h"

WEFT_ENUM(Colour, value(RED, "red"), value(BLUE, "blue'; DROP TABLE users; --"));
WEFT_MODEL(Point, field(int, x), field(int, y));
WEFT_MODEL(Inner, field(weft_str, city), hidden(weft_str, secret));
WEFT_MODEL(Everything,
    field(int, i), field(int64_t, i64), field(double, d), field(bool, b), field(weft_str, s), field(weft_bytes, bytes),
    field(weft_decimal, price), field(weft_uuid, u), field(weft_date, day), field(weft_time, at), field(weft_datetime, moment),
    field(weft_duration, length), field(weft_json, j), field(Colour, colour), list(int, numbers), map(double, rates),
    field(Point, point), ref(Point, maybe), opt(int, oi), opt(weft_str, os), embed(Inner, inner));

static Everything whole(void)
{
    static int numbers[] = { 1, -2, 3 };
    return (Everything){ .i = INT32_MIN, .i64 = INT64_MIN, .d = 0.1, .b = true, .s = WEFT_S("it's {} :x ? -- /* \" 🙂"), .bytes = { (const uint8_t *)"\0\x01\xff", 3 },
        .price = { WEFT_S("12345678901234567890.50") }, .u = { { 1, 2, 3, 15 } }, .day = { 2024, 2, 29 }, .at = { 23, 59, 58, .us = 7 },
        .moment = { INT64_C(1654646400123456), 7200, true }, .length = { INT64_C(5400000000) }, .j = { WEFT_S("{\"a\":[1,null]}") }, .colour = BLUE,
        .numbers = { numbers, 3, 3 }, .point = { 1, 2 }, .oi = WEFT_SOME(7), .inner = { WEFT_S("Köln"), WEFT_S("hidden") } };
}

DB_TEST(a_model_of_every_type_comes_back_as_it_was)
{
    weft_db *db = db_with_tables();
    Everything in = whole(), out = { 0 };
    if (db_is_postgres()) WEFT_TRY(weft_db_execute(db, "CREATE TABLE e (i int, i64 bigint, d double precision, b boolean, s text, bytes bytea, price numeric, u uuid, day date,"
        " at time, moment timestamptz, length interval, j json, colour text, numbers int[], rates jsonb, point jsonb, maybe jsonb, oi int, os text, city text, secret text)"));
    else if (db_is_maria()) WEFT_TRY(weft_db_execute(db, "CREATE TABLE e (i int, i64 bigint, d double, b boolean, s text, bytes blob, price decimal(30, 2), u uuid, day date,"
        " at time(6), moment timestamp(6), length text, j json, colour text, numbers json, rates json, point json, maybe json, oi int, os text, city text, secret text)"));
    else WEFT_TRY(weft_db_execute(db, "CREATE TABLE e (i, i64, d, b, s, bytes, price, u, day, at, moment, length, j, colour, numbers, rates, point, maybe, oi, os, city, secret)"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO e VALUES (:i, :i64, :d, :b, :s, :bytes, :price, :u, :day, :at, :moment, :length, :j, :colour, :numbers, :rates,"
        " :point, :maybe, :oi, :os, :city, :secret)", weft_fields(Everything, &in)), 1);
    WEFT_TRY(weft_db_one(db, Everything, &out, "SELECT * FROM e"));
    WEFT_CHECK(out.i == in.i && out.i64 == in.i64 && out.d == in.d && out.b);
    WEFT_CHECK_STR(out.s, in.s.ptr);
    WEFT_CHECK(out.bytes.len == 3 && memcmp(out.bytes.ptr, in.bytes.ptr, 3) == 0);
    WEFT_CHECK_STR(out.price.text, "12345678901234567890.50");
    WEFT_CHECK(weft_uuid_equal(out.u, in.u));
    WEFT_CHECK_EQ(weft_date_compare(out.day, in.day), 0);
    WEFT_CHECK(out.at.hour == 23 && out.at.second == 58 && out.at.us == 7 && !out.at.zoned);
    WEFT_CHECK_EQ(out.moment.us, in.moment.us);
    WEFT_CHECK(out.moment.zoned && out.moment.offset_s == 0);        /* UTC */
    WEFT_CHECK_EQ(out.length.us, in.length.us);
    WEFT_CHECK_STR(out.j.text, "{\"a\":[1,null]}");
    WEFT_CHECK_EQ(out.colour, BLUE);
    WEFT_CHECK(out.numbers.count == 3 && out.numbers.items[1] == -2 && out.rates.count == 0);
    WEFT_CHECK(out.point.y == 2 && out.maybe == NULL);
    WEFT_CHECK(out.oi.set && out.oi.value == 7 && !out.os.set && out.os.null);
    WEFT_CHECK_STR(out.inner.city, "Köln");
    WEFT_CHECK_STR(out.inner.secret, "hidden");
    WEFT_TRY(weft_db_close(db, 0));
    weft__model_forget();
    return 0;
}

DB_TEST(no_value_is_ever_read_as_sql)
{
    static const char *const texts[] = { "'; DROP TABLE users; --", "' OR '1'='1", "\\'; DELETE FROM users --", "{}", ":name", "?1", "\"; --", "/*", "a\xe2\x80\xa9z", "%00", "\xca\xbc" };
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('Ada')"), 1);
    for (size_t i = 0; i < weft_count(texts); i++) {
        weft_str back;
        int64_t n;
        WEFT_TRY(weft_db_value(db, weft_str, &back, "SELECT {}", texts[i]));
        WEFT_CHECK_STR(back, texts[i]);
        WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users WHERE name = {}", texts[i]));
        WEFT_CHECK_EQ(n, 0);
    }
    int64_t n;
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 1);
    return weft_db_close(db, 0);
}

DB_TEST(too_few_and_too_many_values_are_refused_before_anything_runs)
{
    weft_db *db = db_with_tables();
    int64_t n = 42;
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "1 {} for 0 values"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('{}')", "x"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "inside quotes"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ({})", 1, 2), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES (:name)"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "no model is given"));
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES (:name)", weft_fields(Point, (&(Point){ 1, 2 }))), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "INSERT INTO users (name) VALUES ('x')", weft_fields(Point, (&(Point){ 1, 2 }))), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_value(db, int64_t, &n, "SELECT {}"), WEFT_EINVAL);
    WEFT_CHECK_EQ(n, 42);
    WEFT_TRY(weft_db_value(db, int64_t, &n, "SELECT count(*) FROM users"));
    WEFT_CHECK_EQ(n, 0);
    return weft_db_close(db, 0);
}

DB_TEST(what_is_no_value_of_its_type_is_refused)
{
    weft_db *db = db_with_tables();
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", NAN), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", (double)INFINITY), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", UINT64_MAX), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", ((weft_str){ "a\0b", 3 })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", "\xff"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", ((weft_str){ 0 })), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "weft_null"));
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", ((weft_date){ 2023, 2, 29 })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", ((weft_time){ .hour = 24 })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", ((weft_decimal){ WEFT_S("1; DROP") })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", ((weft_json){ WEFT_S("{") })), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", weft_enum(Colour, 77)), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "value 1"));
    WEFT_CHECK_EQ(weft_db_execute(db, "SELECT {}", weft_null), 0);
    return weft_db_close(db, 0);
}

static int reads_int(weft_db *db, const char *sql)
{
    int out = 5, rc = weft_db_value_with(db, &weft_schema_int, &out, &(weft_sql){ .sql = sql, .place = WEFT__HERE });
    WEFT_CHECK(rc == 0 || out == 5);
    return rc;
}

static int reads_text(weft_db *db, const char *sql)
{
    weft_str out = WEFT_S("kept");
    int rc = weft_db_value_with(db, &weft_schema_weft_str, &out, &(weft_sql){ .sql = sql, .place = WEFT__HERE });
    WEFT_CHECK(rc == 0 || out.len == 4);
    return rc;
}

DB_TEST(wrong_types_in_rows_name_the_column_and_what_was_expected)
{
    weft_db *db = db_with_tables();
    Point p = { 8, 9 };
    WEFT_CHECK_EQ(reads_int(db, "SELECT 'x' AS age"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "column age is TEXT; expected is an INTEGER"));
    WEFT_CHECK_EQ(reads_int(db, "SELECT NULL"), WEFT_EDB);
    WEFT_CHECK_EQ(reads_int(db, "SELECT 1.0"), WEFT_EDB);
    WEFT_CHECK_EQ(reads_int(db, "SELECT 2147483648"), WEFT_EDB);
    WEFT_CHECK_EQ(reads_int(db, "SELECT -2147483648"), 0);
    WEFT_CHECK_EQ(reads_text(db, "SELECT 1"), WEFT_EDB);
    WEFT_CHECK_EQ(reads_text(db, "SELECT NULL"), WEFT_EDB);
    if (!db_is_postgres()) {
        WEFT_CHECK_EQ(reads_text(db, "SELECT CAST(x'ff' AS TEXT)"), WEFT_EDB);
        WEFT_CHECK_EQ(reads_text(db, "SELECT CAST(x'610062' AS TEXT)"), WEFT_EDB);
        WEFT_CHECK_EQ(reads_text(db, "SELECT x'61'"), WEFT_EDB);
    }
    WEFT_CHECK_EQ(weft_db_one(db, Point, &p, "SELECT 1 AS x"), WEFT_EDB);
    WEFT_CHECK(db_says(WEFT_EDB, "Point.y has no column"));
    WEFT_CHECK_EQ(weft_db_one(db, Point, &p, "SELECT 1 AS x, NULL AS y"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_one(db, Point, &p, "SELECT 1 AS x, 2 AS y UNION SELECT 3, 4"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_one(db, Point, &p, "SELECT 1 AS x, 2 AS y LIMIT 0"), WEFT_ENOENT);
    WEFT_CHECK(p.x == 8 && p.y == 9);
    WEFT_CHECK_EQ(weft_db_one(db, Point, &p, "SELECT 1 AS X, 2 AS Y, 'more' AS z"), 0);
    WEFT_CHECK(p.x == 1 && p.y == 2);
    WEFT_CHECK_EQ(reads_int(db, "SELECT 1, 2"), WEFT_EDB);
    WEFT_CHECK_EQ(reads_int(db, "CREATE TABLE no_rows (a INTEGER)"), WEFT_ENOENT);
    return weft_db_close(db, 0);
}

DB_TEST(values_of_many_types_are_read_alone)
{
    weft_db *db = db_with_tables();
    double d;
    bool b;
    weft_decimal price;
    weft_opt_int64_t none = WEFT_SOME(3);
    weft_uuid u;
    Colour c;
    weft_list_int numbers;
    WEFT_CHECK_EQ(weft_db_value(db, double, &d, "SELECT 3"), 0);
    WEFT_CHECK(d == 3);
    WEFT_CHECK_EQ(weft_db_value(db, double, &d, "SELECT 9007199254740993"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_value(db, double, &d, "SELECT 9e999"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_value(db, bool, &b, "SELECT 2 > 1"), 0);
    WEFT_CHECK(b);
    WEFT_CHECK_EQ(weft_db_value(db, bool, &b, "SELECT 2"), WEFT_EDB);
    if (db_is_sqlite()) {
        WEFT_CHECK_EQ(weft_db_value(db, weft_decimal, &price, "SELECT 1.5"), WEFT_EDB);
        WEFT_CHECK(db_says(WEFT_EDB, "not exact"));
    }
    WEFT_CHECK_EQ(weft_db_value(db, weft_decimal, &price, "SELECT 15"), 0);
    WEFT_CHECK_EQ(weft_db_value(db, weft_opt_int64_t, &none, "SELECT max(id) FROM users"), 0);
    WEFT_CHECK(!none.set && none.null);
    if (!db_is_postgres()) {
        WEFT_CHECK_EQ(weft_db_value(db, weft_uuid, &u, "SELECT x'000102030405060708090a0b0c0d0e0f'"), 0);
        WEFT_CHECK_EQ(u.bytes[15], 15);
        WEFT_CHECK_EQ(weft_db_value(db, weft_uuid, &u, "SELECT x'0001'"), WEFT_EDB);
    }
    WEFT_CHECK_EQ(weft_db_value(db, Colour, &c, "SELECT 'red'"), 0);
    WEFT_CHECK_EQ(weft_db_value(db, Colour, &c, "SELECT 'green'"), WEFT_EDB);
    WEFT_CHECK_EQ(weft_db_value(db, weft_list_int, &numbers, "SELECT '[1,2]'"), 0);
    WEFT_CHECK_EQ(numbers.count, 2);
    WEFT_CHECK_EQ(weft_db_value(db, weft_list_int, &numbers, "SELECT '[1,'"), WEFT_EDB);
    return weft_db_close(db, 0);
}
