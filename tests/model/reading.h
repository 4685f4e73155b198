#ifndef WEFT_TESTS_READING_H
#define WEFT_TESTS_READING_H
/* Reading one value and what came of it, as text that can be compared. */
#include "model/json.h"
#include "model/text.h"
#include "weft/check.h"

typedef struct reading {
    weft_arena arena;
    weft__problems problems;
    weft__buf text;
    int rc;
} reading;

static inline reading reading_open(void)
{
    reading r = { .rc = 0 };
    weft__arena_init(&r.arena, NULL, 64 << 20);
    weft__buf_init(&r.text, 16 << 20);
    return r;
}

static inline void reading_close(reading *r)
{
    weft__arena_free(&r->arena);
    weft__buf_free(&r->text);
}

static inline int read_str(
    reading *r, const weft_schema *schema, const weft_field *field, weft_str json, void *out)
{
    weft__loc body = { .name = WEFT_S("body") };
    weft__problems_init(&r->problems, &r->arena);
    return r->rc = weft__json_read(schema, field, json, out, &r->arena, &r->problems, &body);
}

#define READ(r, Model, out, json) \
    read_str((r), &weft_schema_##Model, NULL, weft_str_of(json), (Model *){ (out) })

/* The problems, as the client sees them. */
static inline weft_str detail_of(reading *r)
{
    weft__buf_clear(&r->text);
    WEFT_CHECK_EQ(weft__problems_write(&r->problems, &r->text), 0);
    return weft__buf_str(&r->text);
}

static inline weft_str json_of(reading *r, const weft_schema *schema, const void *value)
{
    weft__fault fault;
    weft__buf_clear(&r->text);
    WEFT_CHECK_EQ(weft__json_write(schema, value, &r->text, &fault), 0);
    return weft__buf_str(&r->text);
}

/* The kind of the only problem. */
static inline const char *only_problem(const reading *r)
{
    return r->problems.count == 1 ? r->problems.items[0].type : "not one problem";
}

#define CHECK_DETAIL(r, items) WEFT_CHECK_STR(detail_of(r), "{\"detail\":[" items "]}")
#endif
