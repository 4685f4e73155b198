/* Bodies that a handler reads piece by piece. */
#include <string.h>
#include "http/server.h"
#include "model/json.h"
#include "weft/web.h"

enum { LINE_BYTES = 64 * 1024, PLACE_BYTES_MAX = 1024 };

int weft_body_read(const weft_body *b, weft_str *out) { return weft__intake_read(b->inside, out); }

int weft_body_line(const weft_body *b, weft_str *out)
{
    return weft__intake_line(b->inside, LINE_BYTES, out);
}

/* "order.lines.2.price" */
static void add_place(weft__buf *to, const weft__problem *p)
{
    for (uint32_t i = 0; i < p->loc_count; i++) {
        const weft__step *s = &p->loc[i];
        if (i) weft__buf_add_char(to, '.');
        if (s->name) weft__buf_add(to, s->name, s->len);
        else weft__buf_add_int(to, s->index);
    }
}

static int no_item(const weft__problems *problems, const weft_schema *schema, uint64_t line)
{
    const weft__problem *p = problems->items;
    weft__buf place;
    weft__buf_init(&place, PLACE_BYTES_MAX);
    add_place(&place, p);
    int rc = weft_fail(422, "line %llu of the body is no %s: %.*s: %.*s", (unsigned long long)line,
        schema->name, WEFT_FMT(weft__buf_str(&place)), WEFT_FMT(p->msg));
    weft__buf_free(&place);
    return rc;
}

static int read_item(const weft_schema *schema, weft_str text, void *out, uint64_t line)
{
    static const weft__loc body = { .name = { "body", 4 } };
    weft_arena *arena = weft__arena_here();
    weft__problems problems;
    weft__problems_init(&problems, arena);
    void *to = weft__arena_alloc(arena, schema->size);
    int rc = to ? weft__json_read(schema, NULL, text, to, arena, &problems, &body) : WEFT_ENOMEM;
    if (rc == 0) {
        memcpy(out, to, schema->size);
        return 1;
    }
    if (rc == WEFT_EINVAL && problems.count) return no_item(&problems, schema, line);
    return weft_fail(WEFT_ENOMEM, "no memory for line %llu of the body, or past request_bytes_max",
        (unsigned long long)line);
}

int weft_body_item_with(const weft_body *b, const weft_schema *schema, void *out)
{
    weft_str line;
    int rc;
    do {
        rc = weft_body_line(b, &line);
    } while (rc > 0 && !line.len);
    if (rc <= 0) return rc;
    weft_arena *before = weft__arena_swap(weft__intake_item(b->inside));
    rc = read_item(schema, line, out, weft__intake_lines(b->inside));
    weft__arena_swap(before);
    return rc;
}
