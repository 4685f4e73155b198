/* MariaDB's SQL as it is read: where places are, what quotes and comments are, what would change a connection, what ends a transaction in a script. */
#include "db/statement.h"
#include <stdio.h>
#include <string.h>
#include "weft/check.h"

static int parsed(const char *text, weft__parsed *p, char *out, size_t room)
{
    const char *fault = NULL;
    int rc = weft__sql_parse(weft_str_of(text), WEFT__SQL_MARIADB, p, &fault);
    snprintf(out, room, "%s", rc == 0 ? p->sql.ptr : fault);
    return rc;
}

WEFT_TEST(places_of_mariadb_have_no_numbers_and_a_name_that_comes_twice_is_two)
{
    static const struct { const char *text, *sql; unsigned count; } all[] = {
        { "SELECT {} + {}", "SELECT ? + ?", 2 }, { "SELECT :a + :b + :a", "SELECT ? + ? + ?", 3 },
        { "SELECT '{}', \"{}\", `{}`, {}", "SELECT '{}', \"{}\", `{}`, ?", 1 },
        { "SELECT 'it\\'s {}', {}", "SELECT 'it\\'s {}', ?", 1 }, { "SELECT 'it''s {}', {}", "SELECT 'it''s {}', ?", 1 }, { "SELECT 'a\\\\', {}", "SELECT 'a\\\\', ?", 1 },
        { "SELECT \"a\\\", {}", "SELECT \"a\\\", ?", 1 },        /* a name: a backslash is one */
        { "SELECT 5--{}", "SELECT 5--?", 1 }, { "SELECT 5 -- {}\n, {}", "SELECT 5 -- {}\n, ?", 1 }, { "SELECT 1 # {} '\n, {}", "SELECT 1 # {} '\n, ?", 1 },
        { "SELECT /* {} ' */ {}", "SELECT /* {} ' */ ?", 1 }, { "SELECT @@version, {}", "SELECT @@version, ?", 1 },
        { "GRANT ALL ON x TO 'u'@'h'", "GRANT ALL ON x TO 'u'@'h'", 0 },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft__parsed p;
        char out[200];
        WEFT_CHECK_EQ(parsed(all[i].text, &p, out, sizeof out), 0);
        WEFT_CHECK_STR(weft_str_of(out), all[i].sql);
        WEFT_CHECK_EQ(p.count, all[i].count);
        weft__parsed_free(&p);
    }
}

WEFT_TEST(what_is_no_statement_of_mariadb_is_refused)
{
    static const char *const all[] = { "SELECT 'a", "SELECT 'a\\'", "SELECT `a", "SELECT \"a", "SELECT ?", "SELECT @a", "SELECT @a := {}", "SELECT {}1", "SELECT /*! {} */ 1", "/*M! SELECT 1 */" };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft__parsed p;
        char out[200];
        WEFT_CHECK_EQ(parsed(all[i], &p, out, sizeof out), WEFT_EINVAL);
        WEFT_CHECK(*out);
        weft__parsed_free(&p);
    }
}

WEFT_TEST(the_words_of_mariadb_say_what_a_statement_does)
{
    static const struct { const char *text; int kind; bool reads, changes; } all[] = {
        { "SELECT 1", WEFT__SQL_PLAIN, true, false }, { "select * FROM t FOR UPDATE", WEFT__SQL_PLAIN, false, false }, { "SELECT REPLACE(a, 'x', INSERT(b, 1, 2, 'y')) FROM t", WEFT__SQL_PLAIN, true, false },
        { "SELECT 1 INTO OUTFILE 'x'", WEFT__SQL_PLAIN, false, false }, { "WITH n AS (SELECT 1) SELECT * FROM n", WEFT__SQL_PLAIN, true, false },
        { "INSERT INTO t VALUES (1) RETURNING a", WEFT__SQL_PLAIN, false, true }, { "REPLACE INTO t VALUES (1)", WEFT__SQL_PLAIN, false, true },
        { "SELECT GET_LOCK('a', 1)", WEFT__SQL_SESSION, false, false }, { "SET autocommit = 0", WEFT__SQL_SESSION, false, false }, { "SET STATEMENT max_statement_time = 1 FOR SELECT 1", WEFT__SQL_PLAIN, false, false },
        { "SET GLOBAL x = 1", WEFT__SQL_PLAIN, false, false }, { "/* x */ COMMIT", WEFT__SQL_SESSION, false, false }, { "# x\nbegin", WEFT__SQL_SESSION, false, false }, { "USE other", WEFT__SQL_SESSION, false, false },
        { "CREATE TABLE t (a int)", WEFT__SQL_COMMITS, false, false }, { "TRUNCATE t", WEFT__SQL_COMMITS, false, false }, { "CREATE TEMPORARY TABLE t (a int)", WEFT__SQL_SESSION, false, false },
        { "CREATE OR REPLACE TEMPORARY TABLE t (a int)", WEFT__SQL_SESSION, false, false }, { "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", WEFT__SQL_SESSION, false, false },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        weft__parsed p;
        char out[200];
        WEFT_CHECK_EQ(parsed(all[i].text, &p, out, sizeof out), 0);
        bool fine = p.kind == all[i].kind && p.reads == all[i].reads && p.changes == all[i].changes;
        if (!fine) fprintf(stderr, "  %s: %d %d %d\n", all[i].text, p.kind, p.reads, p.changes);
        WEFT_CHECK(fine);
        weft__parsed_free(&p);
    }
}

WEFT_TEST(what_ends_a_transaction_is_found_in_a_script_and_not_in_a_body)
{
    static const char *const ends[] = { "COMMIT", "INSERT INTO a VALUES (1); commit", "SELECT 'x\\'; y'; ROLLBACK", "-- BEGIN\nBEGIN; SELECT 1", "/* ; */ START TRANSACTION", "a; # ;\n LOCK TABLES a WRITE",
        "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; END; COMMIT", "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = CASE WHEN 1 THEN 2 END; COMMIT", "USE other", ";;XA START 'x'" };
    static const char *const fine[] = { "", ";", "SELECT 1; SET FOREIGN_KEY_CHECKS = 0; INSERT INTO a VALUES ('COMMIT; BEGIN')", "SELECT ? + @a; SELECT {}1", "UPDATE t SET begin = 1, commit = 2",
        "CREATE PROCEDURE p() BEGIN START TRANSACTION; INSERT INTO a VALUES (1); COMMIT; END; SELECT 1",
        "CREATE PROCEDURE p() BEGIN WHILE x DO CASE WHEN a THEN COMMIT; END CASE; IF b THEN ROLLBACK; END IF; END WHILE; COMMIT; END",
        "BEGIN NOT ATOMIC SELECT 1; COMMIT; END", "ALTER TABLE a ADD COLUMN savepoint INT; -- COMMIT", "SELECT \"; COMMIT\", `; COMMIT`", "/*!40101 SET NAMES utf8 */; SELECT 1" };
    weft_str found;
    for (size_t i = 0; i < weft_count(ends); i++) {
        int rc = weft__sql_script(weft_str_of(ends[i]), &found);
        if (rc != WEFT_EINVAL) fprintf(stderr, "  %s: %d\n", ends[i], rc);
        WEFT_CHECK(rc == WEFT_EINVAL && found.len > 1);
    }
    for (size_t i = 0; i < weft_count(fine); i++) {
        int rc = weft__sql_script(weft_str_of(fine[i]), &found);
        if (rc != 0) fprintf(stderr, "  %s: %d %.*s\n", fine[i], rc, WEFT_FMT(found));
        WEFT_CHECK_EQ(rc, 0);
    }
}
