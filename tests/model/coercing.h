#ifndef WEFT_TESTS_MODEL_COERCING_H
#define WEFT_TESTS_MODEL_COERCING_H
/* Tables of what values become, each asked as JSON and as the text of a query. */
#include <stdio.h>
#include <string.h>
#include "reading.h"

/* A JSON value, and either how what it becomes is written, or the kind of its problem. */
typedef struct row {
    const weft_schema *schema;
    const char *json, *value, *problem;
    weft_field rules;
} row;

typedef union scalar {
    int64_t i;
    double d;
    bool b;
    weft_str s;
    weft_date date;
    weft_time time;
    weft_datetime datetime;
    weft_duration duration;
    weft_uuid uuid;
    weft_decimal decimal;
    weft_bytes bytes;
} scalar;

static inline void row_came(const row *row, int rc, reading *r, const scalar *value)
{
    char text[256];
    const char *expected = row->value ? row->value : row->problem, *came = text;
    if (rc < 0) came = only_problem(r);
    else snprintf(text, sizeof text, "%.*s", WEFT_FMT(json_of(r, row->schema, value)));
    if (strcmp(came, expected) || (rc < 0) != !row->value)
        weft__check_fail(__FILE__, __LINE__, "%s: %s, not %s", row->json, came, expected);
}

static inline void rows_hold(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        scalar value;
        reading r = reading_open();
        int rc = read_str(&r, rows[i].schema, &rows[i].rules, weft_str_of(rows[i].json), &value);
        row_came(&rows[i], rc, &r, &value);
        reading_close(&r);
    }
}

/* A query value "12" is taken like the JSON string "12". */
static inline void rows_hold_in_texts(const row *rows, size_t count)
{
    weft__loc query = { .name = WEFT_S("query") };
    for (size_t i = 0; i < count; i++) {
        weft_str json = weft_str_of(rows[i].json);
        if (json.ptr[0] != '"' || strchr(json.ptr, '\\')) continue;
        scalar value;
        reading r = reading_open();
        weft__problems_init(&r.problems, &r.arena);
        int rc = weft__text_read(rows[i].schema, &rows[i].rules,
            (weft_str){ json.ptr + 1, json.len - 2 }, &value, &r.arena, &r.problems, &query);
        row_came(&rows[i], rc, &r, &value);
        reading_close(&r);
    }
}
#endif
