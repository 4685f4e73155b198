#include "model_check.h"

/* The first byte picks the type, the second bounds the memory, the rest is one text or several. */

static const char *short_text(weft_str *text) { return text->len > 3 ? "must be short" : NULL; }

static const weft_field fields[] = {
    { .type = &weft_schema_int, .range = { 0, 100 }, .multiple_of = 5 },
    { .type = &weft_schema_int64_t, .range = { -5, WEFT_NO_END }, .above = true },
    { .type = &weft_schema_int64_t, .multiple_of = 0.5L },
    { .type = &weft_schema_double, .range = { -WEFT_NO_END, 10.5L }, .below = true },
    { .type = &weft_schema_double, .multiple_of = 0.1L },
    { .type = &weft_schema__Bool },
    { .type = &weft_schema_weft_str, .min_len = 2, .max_len = 10 },
    { .type = &weft_schema_weft_str, .pattern = "^(a+)+$" },
    { .type = &weft_schema_weft_opt_int },
    { .type = &weft_schema_Level },
    { .type = &weft_schema_weft_json },
    { .type = &weft_schema_Node },
    { .type = &weft_schema_weft_map_int },
    { .type = &weft_schema_weft_list_weft_str, .min_items = 1, .max_items = 3, .max_len = 5 },
    { .type = &weft_schema_weft_list_int },
    { .type = &weft_schema_weft_str, .initial = "text" },
    { .type = &weft_schema_weft_list_int, .initial = "[1]" },
    { .type = &weft_schema_int, .initial = "7" },
    { .type = &weft_schema_int, .only = "7" },
    { .type = &weft_schema_weft_opt_weft_str, .only = "only" },
    { .type = &weft_schema_Level, .only = "low" },
    { .type = &weft_schema_weft_list_int, .unique = true },
    { .type = &weft_schema_weft_str, .check = (const void *)short_text },
};

static const weft__loc QUERY = { .name = WEFT_S("query") };

/* Texts between NUL bytes, appended one by one. */
static int read_list(
    const weft_field *f, weft_str all, void *out, weft_arena *arena, weft__problems *problems)
{
    int worst = 0;
    memset(out, 0, f->type->size);
    while (all.len) {
        const char *nul = memchr(all.ptr, 0, all.len);
        weft_str one = { all.ptr, nul ? (size_t)(nul - all.ptr) : all.len };
        int rc = weft__text_append(f->type, f, one, out, arena, problems, &QUERY);
        if (rc < worst || rc == WEFT_ELIMIT) worst = rc;
        if (rc == WEFT_ELIMIT) return rc;
        all.ptr += one.len + (nul != NULL);
        all.len -= one.len + (nul != NULL);
    }
    int rc = weft__text_items(f, out, problems, &QUERY);
    return rc < 0 ? rc : worst;
}

static int read_any(
    const weft_field *f, weft_str text, void *out, weft_arena *arena, weft__problems *problems)
{
    if (!text.len) return weft__absent_read(f, out, arena, problems, &QUERY);
    if (f->type->kind == WEFT__list) return read_list(f, text, out, arena, problems);
    return weft__text_read(f->type, f, text, out, arena, problems, &QUERY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) char value[512];
    if (size < 2) return 0;
    const weft_field *f = &fields[data[0] % weft_count(fields)];
    weft_arena arena;
    weft__problems problems;
    weft__buf out;
    weft__arena_init(&arena, NULL, data[1] < 64 ? (size_t)data[1] * 64 : 8 << 20);
    weft__problems_init(&problems, &arena);
    weft__buf_init(&out, 16 << 20);
    int rc = read_any(f, (weft_str){ (const char *)data + 2, size - 2 }, value, &arena, &problems);
    MUST(rc == 0 || rc == WEFT_EINVAL || (rc == WEFT_ELIMIT && arena.exceeded));
    if (rc == 0) MUST(weft__json_write(f->type, value, &out, NULL) == 0);
    if (rc == WEFT_EINVAL) MUST(problems.count > 0 && weft__problems_write(&problems, &out) == 0);
    if (rc != WEFT_ELIMIT) MUST(weft__json_valid(weft__buf_str(&out)));
    weft__buf_free(&out);
    weft__arena_free(&arena);
    return 0;
}
