/* The end of a COPY: what is not to end one, and what is looked at behind its last row. */
#include "copy_world.h"

typedef struct ending { const char *text; int rc; int64_t stored; } ending;

static int copied(weft_db *db, weft_copy_format format, const char *text, size_t step)
{
    WEFT_COPY(copy);
    weft_str all = weft_str_of(text);
    int rc = format == WEFT_COPY_TEXT ? weft_db_copy_text(&copy, db, format, "prices (cents, city)") : weft_db_copy_text(&copy, db, format, "prices (city, cents)");
    for (size_t at = 0; at < all.len && rc == 0; at += step) rc = weft_copy_write(copy, (weft_str){ all.ptr + at, all.len - at < step ? all.len - at : step });
    return rc < 0 ? rc : weft_copy_end(copy, NULL);
}

static int check_endings(weft_copy_format format, const ending *endings, size_t n)
{
    weft_db *db = COPY_WITH_ONE();
    for (size_t i = 0; i < n; i++)
        for (size_t step = 1; step < 9; step += 7) {
            if (!WEFT_CHECK_EQ(copied(db, format, endings[i].text, step), endings[i].rc)) fprintf(stderr, "  (of %s)\n", endings[i].text);
            if (!WEFT_CHECK_EQ(stored(db), endings[i].stored)) fprintf(stderr, "  (of %s)\n", endings[i].text);
            WEFT_TRY(weft_db_script(db, "DELETE FROM prices"));
        }
    return copy_closed(db);
}

/* Before PostgreSQL 18 the server takes it for the end: what is behind it would be lost, and all would be well. */
DB_POSTGRES_TEST(a_line_of_a_csv_that_would_end_a_copy_early_is_refused_and_nothing_is_kept)
{
    static const ending endings[] = {
        { "Rome,1\n\\.\nParis,2\n", WEFT_EINVAL, 0 }, { "\\.\r\n", WEFT_EINVAL, 0 }, { "Rome,1\n\\.", WEFT_EINVAL, 0 }, { "\"Rome\n\",1\n\\.\n", WEFT_EINVAL, 0 },
        { "\"\n\\.\n\",1\n", 0, 1 }, { "\"\"\"\n\\.\n\",1\n", 0, 1 }, { "\\.,1\n", 0, 1 }, { "\"\\.\",1\n", 0, 1 }, { "x\\.,1\n", 0, 1 }, { "x\\\\.,1\n", 0, 1 },
    };
    return check_endings(WEFT_CSV, endings, weft_count(endings));
}

DB_POSTGRES_TEST(a_line_of_text_that_would_end_a_copy_early_is_refused_wherever_in_it_the_mark_is)
{
    static const ending endings[] = {
        { "1\tRome\n\\.\n2\tParis\n", WEFT_EINVAL, 0 }, { "1\tRome\n2\tPar\\.\n3\tOslo\n", WEFT_EINVAL, 0 }, { "1\tC:\\.\r\n2\tOslo\r\n", WEFT_EINVAL, 0 }, { "1\t\\.\n", WEFT_EINVAL, 0 },
        { "1\tRome\\.", WEFT_EINVAL, 0 }, { "1\tx\\\\\\.\n2\tOslo\n", WEFT_EINVAL, 0 }, { "1\tx\\\n\\.\n2\tOslo\n", WEFT_EINVAL, 0 },
        { "1\tx\\\\.\n2\tOslo\n", 0, 2 }, { "1\tx\\\\\n2\t\\\\.\n", 0, 2 }, { "1\tx\\\n.\n2\tOslo\n", 0, 2 }, { "1\t\"\\\\.\n2\t\"\n", 0, 2 }, { "1\t\\.x\n", WEFT_EDB_CHECK, 0 },
    };
    return check_endings(WEFT_COPY_TEXT, endings, weft_count(endings));
}

DB_POSTGRES_TEST(a_copy_whose_rows_take_long_to_be_looked_at_in_the_end_says_what_bounds_that)
{
    weft_db *db = COPY_WITH(.connections_max = 1, .acquire_ms = 60000, .statement_ms = 1500);
    WEFT_TRY(weft_db_script(db, "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';"
        "CREATE TRIGGER looked AFTER INSERT ON prices FOR EACH STATEMENT EXECUTE PROCEDURE look()"));
    WEFT_CHECK_EQ(copied(db, WEFT_CSV, "Rome,1\n", 7), WEFT_ETIMEDOUT);
    WEFT_CHECK(db_says(WEFT_ETIMEDOUT, "statement_ms"));
    WEFT_CHECK_EQ(stored(db), 0);
    return copy_closed(db);
}

DB_POSTGRES_TEST(a_statement_that_changes_something_is_copied_by_nobody_who_is_told_what_does)
{
    weft_db *db = COPY_WITH_ONE();
    WEFT_COPY(copy);
    WEFT_CHECK_EQ(weft_db_copy_out(&copy, db, WEFT_CSV, "SELECT nextval('prices_id_seq')"), WEFT_EINVAL);
    WEFT_CHECK(db_says(WEFT_EINVAL, "weft_db_all"));
    return copy_closed(db);
}
