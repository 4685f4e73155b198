/* The formats of COPY: what a server sends is not believed, and what is written is read there as it was here. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db/postgres_type.h"
#include "weft/check.h"
#include "weft/db.h"

static const weft__pg_types none;

/* ---- binary, which comes ---- */

/* A message of exactly these bytes, in memory of their own; its columns are shown with a '|' between, NULL as '-'. < 0, 0, 1 as weft__pg_tuple_open. */
static int shown(const void *bytes, size_t n, bool first, int columns, char *to, size_t room)
{
    weft__pg_tuple t;
    weft__buf fault;
    char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    weft__buf_init(&fault, 512);
    *to = 0;
    int rc = weft__pg_tuple_open(&t, (weft_str){ copy, n }, first, columns, &fault);
    for (int i = 0; i < columns && rc == 1; i++) {
        const char *at;
        int len;
        rc = weft__pg_tuple_next(&t, &at, &len, &fault);
        size_t used = strlen(to);
        if (rc == 1) snprintf(to + used, room - used, "%s%.*s", i ? "|" : "", at ? len : 1, at ? at : "-");
    }
    WEFT_CHECK_EQ(rc < 0, fault.len > 0);
    weft__buf_free(&fault);
    free(copy);
    return rc;
}

#define HEAD "PGCOPY\n\377\r\n\0" "\0\0\0\0" "\0\0\0\0"
#define ROW "\0\3" "\0\0\0\1a" "\377\377\377\377" "\0\0\0\0"

WEFT_TEST(rows_of_a_binary_copy_are_read_and_its_end)
{
    char to[200];
    WEFT_CHECK_EQ(shown(ROW, sizeof ROW - 1, false, 3, to, sizeof to), 1);
    WEFT_CHECK_STR(weft_str_of(to), "a|-|");
    WEFT_CHECK_EQ(shown(HEAD ROW, sizeof HEAD ROW - 1, true, 3, to, sizeof to), 1);
    WEFT_CHECK_EQ(shown("PGCOPY\n\377\r\n\0" "\0\0\0\0" "\0\0\0\2xy" ROW, sizeof HEAD ROW + 1, true, 3, to, sizeof to), 1);      /* what a later version adds */
    WEFT_CHECK_STR(weft_str_of(to), "a|-|");
    WEFT_CHECK_EQ(shown("\377\377", 2, false, 3, to, sizeof to), 0);
    WEFT_CHECK_EQ(shown(HEAD "\377\377", sizeof HEAD + 1, true, 3, to, sizeof to), 0);
}

WEFT_TEST(a_binary_copy_that_is_cut_off_or_says_too_much_is_refused)
{
    char to[200], bytes[sizeof HEAD ROW];
    for (size_t n = 0; n < sizeof ROW - 1; n++) WEFT_CHECK_EQ(shown(ROW, n, false, 3, to, sizeof to), WEFT_EDB);
    for (size_t n = 0; n < sizeof HEAD ROW - 1; n++) WEFT_CHECK_EQ(shown(HEAD ROW, n, true, 3, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown(ROW "x", sizeof ROW, false, 3, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown(ROW, sizeof ROW - 1, false, 2, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown(ROW, sizeof ROW - 1, false, 4, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown("\377\377x", 3, false, 3, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown("\0\1\377\377\377\376", 6, false, 1, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown("\0\1\177\377\377\377", 6, false, 1, to, sizeof to), WEFT_EDB);
    WEFT_CHECK_EQ(shown("PGCOPY\n\377\r\n\0" "\0\1\0\0" "\0\0\0\0" ROW, sizeof HEAD ROW - 1, true, 3, to, sizeof to), WEFT_EDB);    /* with something that must be known */
    srand(4);
    for (int i = 0; i < 20000; i++) {                   /* ASan looks */
        size_t n = (size_t)rand() % sizeof bytes;
        memcpy(bytes, HEAD ROW, sizeof bytes);
        for (int k = rand() % 4; k; k--) bytes[rand() % (int)sizeof bytes] = (char)rand();
        (void)shown(bytes, n, rand() % 2, rand() % 5, to, sizeof to);
    }
}

/* ---- text, which is sent ---- */

static const char *text_of(uint32_t oid, weft_val v)
{
    static char to[300];
    weft_arena made;
    weft__cell c;
    weft_str s = { 0 };
    weft__buf fault, row;
    weft__arena_init(&made, NULL, 1 << 20);
    weft__buf_init(&fault, 512);
    weft__buf_init(&row, 4096);
    int rc = weft__cell_of_val(&v, &made, &c, &fault);
    if (rc == 0) rc = weft__pg_text_of(&none, oid, &c, &made, &s, &fault);
    if (rc == 0) weft__pg_copy_column(s, &row);
    snprintf(to, sizeof to, "%.*s", WEFT_FMT(weft__buf_str(rc == 0 ? &row : &fault)));
    weft__buf_free(&row);
    weft__buf_free(&fault);
    weft__arena_free(&made);
    return to;
}
#define WRITES(oid, value, as) WEFT_CHECK_STR(weft_str_of(text_of((oid), (value))), as)

WEFT_TEST(what_would_end_a_column_or_row_is_escaped)
{
    WRITES(WEFT__PG_TEXTS, weft_val_cstr("a\tb\nc\rd\\e\\N\\."), "a\\tb\\nc\\rd\\\\e\\\\N\\\\.");
    WRITES(WEFT__PG_TEXTS, weft_val_cstr(""), "");
    WRITES(WEFT__PG_TEXTS, weft_val_cstr("\\N"), "\\\\N");
    WRITES(WEFT__PG_TEXTS, weft_val_null(weft_null), "\\N");
    WRITES(WEFT__PG_JSON, weft_val_json((weft_json){ WEFT_S("{\"a\":\"\\n\"}") }), "{\"a\":\"\\\\n\"}");
}

WEFT_TEST(values_are_texts_of_their_columns_types)
{
    WRITES(WEFT__PG_INT2, weft_val_int(-7), "-7");
    WRITES(WEFT__PG_INT8, weft_val_int(INT64_MIN), "-9223372036854775808");
    WRITES(WEFT__PG_FLOAT8, weft_val_double(0.1), "0.1");
    WRITES(WEFT__PG_BOOL, weft_val_bool(true), "1");
    WRITES(WEFT__PG_BYTEA, weft_val_bytes((weft_bytes){ (const uint8_t *)"\0\xff\\", 3 }), "\\\\x00ff5c");
    WRITES(WEFT__PG_TEXTS, weft_val_bytes((weft_bytes){ (const uint8_t *)"ab", 2 }), "bytes, and the column is no bytea");
    WRITES(WEFT__PG_INTERVAL, weft_val_duration((weft_duration){ -3723000004 }), "-1:02:03.000004");
    WRITES(WEFT__PG_INTERVAL, weft_val_duration((weft_duration){ INT64_MAX }), "2562047788:00:54.775807");
    WRITES(1007, weft_val_json((weft_json){ WEFT_S("[1,null,3]") }), "{1,null,3}");
    WRITES(1009, weft_val_json((weft_json){ WEFT_S("[\"a\\\\\",\"\\\"\"]") }), "{\"a\\\\\\\\\",\"\\\\\"\"}");
}
