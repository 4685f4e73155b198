#include "model_check.h"

/* The first byte bounds the memory, the second picks the type, the rest is the text. */

enum { VALUE_MAX = 512 };
_Static_assert(sizeof(Node) <= VALUE_MAX, "the largest type that is read");

static void check_problems(const weft__problems *problems, weft__buf *out, bool is_json)
{
    MUST(problems->count > 0 && problems->count <= problems->total);
    weft__buf_clear(out);
    MUST(weft__problems_write(problems, out) == 0);
    MUST(weft__json_valid(weft__buf_str(out)));
    if (!is_json) MUST(problems->count == 1 && !strcmp(problems->items[0].type, "json_invalid"));
}

/* What was read is written, and reads back to what is written the same. */
static void check_value(const weft_schema *schema, const void *value, weft__buf *out, int depth)
{
    static _Alignas(16) char again[VALUE_MAX];
    weft_arena arena;
    weft__problems problems;
    weft__buf twice;
    weft__buf_clear(out);
    MUST(weft__json_write(schema, value, out, NULL) == 0);
    MUST(weft__json_valid(weft__buf_str(out)));
    if (!depth) return;
    weft__arena_init(&arena, NULL, 8 << 20);
    weft__problems_init(&problems, &arena);
    weft__buf_init(&twice, 16 << 20);
    MUST(weft__json_read(schema, NULL, weft__buf_str(out), again, &arena, &problems, &FUZZ_BODY) ==
         0);
    check_value(schema, again, &twice, 0);
    MUST(weft_str_equal(weft__buf_str(out), weft__buf_str(&twice)));
    weft__buf_free(&twice);
    weft__arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const weft_schema *const schemas[] = { &weft_schema_Node, &weft_schema_weft_map_double,
        &weft_schema_weft_list_int, &weft_schema_weft_opt_weft_str, &weft_schema_weft_json,
        &weft_schema_Point, &weft_schema_weft_none, &weft_schema_int64_t };
    static _Alignas(16) char value[VALUE_MAX];
    if (size < 2) return 0;
    const weft_schema *schema = schemas[data[1] % weft_count(schemas)];
    weft_str text = { (const char *)data + 2, size - 2 };
    weft_arena arena;
    weft__problems problems;
    weft__buf out;
    weft__arena_init(&arena, NULL, data[0] < 128 ? (size_t)data[0] * 128 : 8 << 20);
    weft__problems_init(&problems, &arena);
    weft__buf_init(&out, 16 << 20);
    int rc = weft__json_read(schema, NULL, text, value, &arena, &problems, &FUZZ_BODY);
    MUST(rc == 0 || rc == WEFT_EINVAL || (rc == WEFT_ELIMIT && arena.exceeded && data[0] < 128));
    if (rc == WEFT_EINVAL) check_problems(&problems, &out, weft__json_valid(text));
    if (rc == 0) {
        MUST(weft__json_valid(text));
        check_value(schema, value, &out, 1);
    }
    weft__buf_free(&out);
    weft__arena_free(&arena);
    return 0;
}
