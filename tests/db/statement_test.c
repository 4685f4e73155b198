/* Where the places of values are in SQL, and where they are not. */
#include <stdio.h>
#include <string.h>
#include "db/statement.h"
#include "weft/check.h"
#include "weft/test.h"

static int parsed(const char *text, char *out, size_t room, int *positional)
{
    weft__parsed p;
    const char *fault = NULL;
    int rc = weft__sql_parse(weft_str_of(text), &p, &fault);
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
