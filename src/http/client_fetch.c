#include <stdio.h>
#include "http/client.h"
#include "model/json.h"
#include "model/plan.h"

enum { SMALL = 256 };

static void add_place(weft__buf *b, const weft__problem *p)
{
    for (uint32_t i = 0; i < p->loc_count; i++) {
        const weft__step *s = &p->loc[i];
        if (i) weft__buf_add_char(b, '.');
        if (s->name) weft__buf_add(b, s->name, s->len);
        else weft__buf_add_int(b, s->index);
    }
}

static int fail_empty(const weft__call *c, const weft__answer *a)
{
    return weft__call_fail(c, WEFT_STATUS(502),
        "answered %d without a body where JSON was expected, after %lld ms", a->status,
        weft__call_ms(c));
}

/* A text that is no JSON has this one problem, whose last step counts characters. */
static int fail_syntax(const weft__call *c, const weft__answer *a, const weft__problem *p)
{
    char begins[80];
    int n = weft__call_excerpt(a->body, begins, sizeof begins);
    weft_str why = p->ctx[0].key ? p->ctx[0].s : p->msg;
    uint32_t at = p->loc_count ? p->loc[p->loc_count - 1].index : 0;
    return weft__call_fail(c, WEFT_STATUS(502),
        "answered what is no JSON after %lld ms: %.*s at character %u of \"%.*s\"%s",
        weft__call_ms(c), WEFT_FMT(why), at, n, begins, (size_t)n < a->body.len ? "..." : "");
}

static const char *shape_of(const weft_schema *schema)
{
    return schema->kind == WEFT__list ? "list of " : schema->kind == WEFT__map ? "map of " : "";
}

/* "answered JSON that is no Price after 3 ms: body.price: Field required (and 2 more)" */
static int fail_model(const weft__call *c, const weft__answer *a, const weft_schema *schema,
    const weft__problems *problems)
{
    const weft__problem *p = problems->items;
    if (!a->body.len) return fail_empty(c, a);
    if (strcmp(p->type, "json_invalid") == 0) return fail_syntax(c, a, p);
    char more[32] = "";
    if (problems->total > 1) snprintf(more, sizeof more, " (and %u more)", problems->total - 1);
    weft__buf place;
    weft__buf_init(&place, 4096);
    add_place(&place, p);
    weft__call_fail(c, WEFT_STATUS(502),
        "answered JSON that is no %s%s after %lld ms: %.*s: %.*s%s", shape_of(schema),
        schema->name, weft__call_ms(c), WEFT_FMT(weft__buf_str(&place)), WEFT_FMT(p->msg), more);
    weft__buf_free(&place);
    return WEFT_STATUS(502);
}

/* Into memory of its own first: *out is untouched when the answer is not what it should be. */
static inline int read_model(const weft__call *c, const weft__answer *a, const weft_schema *schema,
    void *out)
{
    static const weft__loc body = { .name = { "body", 4 } };
    _Alignas(16) char small[SMALL];
    weft_arena *arena = weft__arena_here();
    weft__problems problems;
    weft__problems_init(&problems, arena);
    void *to = schema->size <= SMALL ? small : weft__arena_alloc(arena, schema->size);
    int rc = to ? weft__json_read(schema, NULL, a->body, to, arena, &problems, &body) : WEFT_ENOMEM;
    if (__builtin_expect(rc == 0, 1)) {
        memcpy(out, to, schema->size);
        return 0;
    }
    if (rc == WEFT_EINVAL && problems.count) return fail_model(c, a, schema, &problems);
    return weft__call_fail(c, rc == WEFT_EINVAL ? rc : WEFT_ENOMEM,
        "no memory for the answer, or past the request's limit");
}

int weft__call_item(const weft__call *c, weft_str text, const weft_schema *schema, void *out)
{
    if (schema != &weft_schema_weft_str)
        return read_model(c, &(weft__answer){ .body = text }, schema, out);
    *(weft_str *)out = text;
    return 0;
}

/* A call whose answer has begun, and what its caller wants of it. */
typedef struct fetched { weft__call *call; const weft_schema *schema; void *out; } fetched;

static int take(const fetched *f, int rc, weft__answer *a)
{
    if (rc == 0 && (a->status < 200 || a->status > 299)) rc = weft__call_fail_status(f->call, a);
    if (rc == 0 && a->kept) *(weft_str *)f->out = a->body;
    else if (rc == 0) rc = read_model(f->call, a, f->schema, f->out);
    weft__answer_free(a);
    return rc;
}

/* On the loop's own stack. */
static int take_now(void *arg)
{
    const fetched *f = arg;
    weft__answer a = { .kept = f->schema == &weft_schema_weft_str };
    int rc = weft__call_answered_now(f->call, &a);
    return rc == WEFT__CALL_MORE ? rc : take(f, rc, &a);
}

static __attribute__((noinline)) int take_waiting(const fetched *f, int rc)
{
    weft__answer a = { .kept = f->schema == &weft_schema_weft_str };
    return take(f, weft__call_answered(f->call, rc, &a), &a);
}

int weft_fetch_with(const weft_schema *schema, void *out, const char *url, const weft_val *values,
    size_t count)
{
    static const weft_exchange_opts defaults = { .method = NULL };
    weft__call c = { .opts = &defaults, .method = "GET", .url = url, .values = values,
        .value_count = count };
    fetched f = { &c, schema, out };
    int rc = weft__call_ask(&c);
    if (rc == 0 && !weft__schema_asks_author(schema)) {
        rc = weft__leaf(take_now, &f);
        if (__builtin_expect(rc != WEFT__CALL_MORE, 1)) return rc;
        rc = 0;
    }
    return take_waiting(&f, rc);
}
