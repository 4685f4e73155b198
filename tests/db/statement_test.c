/* Where the places of values are in SQL, and where they are not. */
#include <stdio.h>
#include <string.h>
#include "db/statement.h"
#include "weft/check.h"
#include "weft/test.h"

static weft__dialect dialect;

static int parsed(const char *text, char *out, size_t room, int *positional)
{
    weft__parsed p;
    const char *fault = NULL;
    int rc = weft__sql_parse(weft_str_of(text), dialect, &p, &fault);
    snprintf(out, room, "%s", rc == 0 ? p.sql.ptr : fault);
    *positional = (int)p.positional;
    int count = (int)p.count;
    weft__parsed_free(&p);
    return rc < 0 ? rc : count;
}

static void becomes(const char *text, const char *sql, int places, int positional)
{
    char out[1200];
    int n;
    WEFT_CHECK_EQ(parsed(text, out, sizeof out, &n), places);
    WEFT_CHECK_STR(weft_str_of(out), sql);
    if (places >= 0) WEFT_CHECK_EQ(n, positional);
}

WEFT_TEST(each_place_outside_of_quotes_and_comments_is_a_value)
{
    becomes("SELECT {} + {}", "SELECT ?1 + ?2", 2, 2);
    becomes("{}{}", "?1?2", 2, 2);
    becomes("SELECT 1", "SELECT 1", 0, 0);
    becomes("", "", 0, 0);
    becomes("VALUES (:a, {}, :b_2, :a)", "VALUES (?1, ?2, ?3, ?1)", 3, 1);
}

WEFT_TEST(nothing_inside_of_quotes_and_comments_is_a_value)
{
    becomes("SELECT '{}', \"{}\", `{}`, [{}], {}", "SELECT '{}', \"{}\", `{}`, [{}], ?1", 1, 1);
    becomes("SELECT 'it''s {} :a ?', {}", "SELECT 'it''s {} :a ?', ?1", 1, 1);
    becomes("SELECT 1 -- {} :a ' \n, {}", "SELECT 1 -- {} :a ' \n, ?1", 1, 1);
    becomes("SELECT /* {} ' \" */ {} /* {}", "SELECT /* {} ' \" */ ?1 /* {}", 1, 1);
    becomes("SELECT '--', {} -- '", "SELECT '--', ?1 -- '", 1, 1);
    becomes("SELECT '/*', {}", "SELECT '/*', ?1", 1, 1);
    becomes("SELECT '\\', {}", "SELECT '\\', ?1", 1, 1);
}

WEFT_TEST(what_looks_like_a_place_and_is_none_stays)
{
    becomes("SELECT '{'||'}', { }, {x}", "SELECT '{'||'}', { }, {x}", 0, 0);
    becomes("SELECT a::text, x:y", "SELECT a::text, x?1", 1, 0);
    becomes("SELECT 12:30", "SELECT 12:30", 0, 0);
    becomes("SELECT a$1 FROM t$x", "SELECT a$1 FROM t$x", 0, 0);
    becomes("SELECT 1 - -1 / 2", "SELECT 1 - -1 / 2", 0, 0);
}

WEFT_TEST(places_of_other_kinds_are_refused)
{
    becomes("SELECT ?", "a '?': write {} for a value", WEFT_EINVAL, 0);
    becomes("LIMIT {}0", "a digit right behind a {}", WEFT_EINVAL, 0);
    becomes("SELECT ?1", "a '?': write {} for a value", WEFT_EINVAL, 0);
    becomes("SELECT @a", "a '@name' or '$name': write :name for the field of a model", WEFT_EINVAL, 0);
    becomes("SELECT $1", "a '@name' or '$name': write :name for the field of a model", WEFT_EINVAL, 0);
    becomes("SELECT 'a", "a quote that begins and does not end", WEFT_EINVAL, 0);
    becomes("SELECT [a", "a quote that begins and does not end", WEFT_EINVAL, 0);
    becomes("'", "a quote that begins and does not end", WEFT_EINVAL, 0);
}

WEFT_TEST(more_places_than_there_may_be_are_refused)
{
    static char text[2 * 1001 + 1];
    for (int i = 0; i < 1001; i++) memcpy(text + 2 * i, "{}", 3);
    becomes(text, "more than 1000 places for values", WEFT_EINVAL, 0);
}

/* ---- PostgreSQL's ---- */

WEFT_TEST(postgres_places_have_dollars_and_never_become_names)
{
    dialect = WEFT__SQL_POSTGRES;
    becomes("SELECT {} + :a, :a", "SELECT $1 + $2, $2", 2, 1);
    becomes("LIMIT{}", "LIMIT $1", 1, 1);
    becomes("a::text = {}::text AND b ? 'x' AND c[{}] AND d @> {}", "a::text = $1::text AND b ? 'x' AND c[$2] AND d @> $3", 3, 3);
    becomes("a$1b {}", "a$1b $1", 1, 1);
    becomes("SELECT $1", "a '$': write {} for a value, :name for the field of a model", WEFT_EINVAL, 0);
}

/* Each of these is one text for PostgreSQL; read otherwise, a value's place would be found in it, or text outside of it. */
WEFT_TEST(postgres_quotes_end_where_the_server_says)
{
    static const char *const whole[] = { "E'it\\'s {}'", "e'\\\\'", "E'a''{}'", "E'a'\n  'b\\'{}'", "E'a' -- x\n 'b\\'{}'", "$$ '{} $$", "$x$ $$ {} $y$ $x$", "/* /* {} */ {} */ 1",
        "'a\\'", "\"{}\"\"{}\"", "U&'\\0041{}'", "-- {} '\n1" };
    dialect = WEFT__SQL_POSTGRES;
    for (size_t i = 0; i < weft_count(whole); i++) {
        char sql[200], text[200];
        snprintf(text, sizeof text, "SELECT %s, {}", whole[i]);
        snprintf(sql, sizeof sql, "SELECT %s, $1", whole[i]);
        becomes(text, sql, 1, 1);
    }
    becomes("SELECT 'a' 'b\\', {}", "SELECT 'a' 'b\\', $1", 1, 1);
    static const char *const open[] = { "SELECT E'\\'", "SELECT $$ x", "SELECT $a$ x $b$", "/* /* */", "SELECT 'x", "SELECT E'a'\n'b\\'" };
    for (size_t i = 0; i < weft_count(open); i++) {
        char out[1200];
        int n;
        WEFT_CHECK_EQ(parsed(open[i], out, sizeof out, &n), WEFT_EINVAL);
    }
}

static weft__parsed look(const char *text)
{
    weft__parsed p;
    const char *fault;
    WEFT_CHECK_EQ(weft__sql_parse(weft_str_of(text), WEFT__SQL_POSTGRES, &p, &fault), 0);
    weft__parsed_free(&p);
    return p;
}

WEFT_TEST(postgres_statements_that_read_are_told_from_those_that_may_not)
{
    static const char *const read[] = { "SELECT 1", "/* x */ select 'delete'", "WITH a AS (SELECT 1) TABLE a", "VALUES (1)", "SELECT \"update\" FROM t" };
    static const char *const not[] = { "INSERT INTO a VALUES (1)", "WITH a AS (DELETE FROM b RETURNING 1) SELECT 1", "SELECT 1 FOR UPDATE", "SELECT 1 FOR KEY SHARE", "SELECT * INTO a FROM b",
        "SELECT nextval('s')", "EXPLAIN ANALYZE DELETE FROM a", "CALL f()", "" };
    for (size_t i = 0; i < weft_count(read); i++) WEFT_CHECK(look(read[i]).reads);
    for (size_t i = 0; i < weft_count(not); i++) WEFT_CHECK(!look(not[i]).reads);
    WEFT_CHECK(look("SELECT 1; SELECT 2").more && !look("SELECT 1; -- x\n ; /* y */").more);
    WEFT_CHECK_EQ(look("COMMIT").kind, WEFT__SQL_SESSION);
    WEFT_CHECK_EQ(look("CREATE TEMP TABLE a (b int)").kind, WEFT__SQL_SESSION);
    WEFT_CHECK_EQ(look("CREATE TABLE a (temp int)").kind, WEFT__SQL_PLAIN);
    WEFT_CHECK_EQ(look("SET LOCAL a = 1").kind, WEFT__SQL_PLAIN);
}

WEFT_TEST(a_script_of_postgres_is_cut_where_its_statements_end)
{
    weft_str rest = WEFT_S("SELECT ';'; CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; END; $$;$$ -- ;\n;last");
    static const size_t lengths[] = { 11, 93, 13, 4 };
    for (size_t i = 0; i < weft_count(lengths); i++) {
        weft__parsed p;
        const char *fault;
        size_t len = 0;
        WEFT_CHECK_EQ(weft__sql_first(rest, &p, &len, &fault), 0);
        WEFT_CHECK_EQ(len, lengths[i]);
        weft__parsed_free(&p);
        rest.ptr += len;
        rest.len -= len;
    }
    WEFT_CHECK_EQ(rest.len, 0);
}

WEFT_TEST(a_statement_is_written_with_other_sql_where_its_values_are)
{
    static const weft_str instead[] = { { " CAST(x AS y)", 13 }, { " NULL", 5 } };
    static const struct { const char *text, *sql; } all[] = {
        { "SELECT {} + {};", "SELECT  CAST(x AS y) +  NULL" },
        { "SELECT :a, :b, :a, ':a', \"{}\", $${}$$ /* :b {} */", "SELECT  CAST(x AS y),  NULL,  CAST(x AS y), ':a', \"{}\", $${}$$ /* :b {} */" },
        { "SELECT 1 ; -- {}", "SELECT 1 " },
        { "SELECT ';' -- {}", "SELECT ';' -- {}" },
        { "", "" },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft__buf out;
        weft__buf_init(&out, 4096);
        WEFT_CHECK_EQ(weft__sql_with(weft_str_of(all[i].text), instead, &out), 0);
        WEFT_CHECK_STR(weft__buf_str(&out), all[i].sql);
        weft__buf_free(&out);
    }
}
