#include <stdio.h>
#include "model_check.h"
#include "model/plan.h"
#include "model/schema_check.h"
#include "model/view.h"

/* The first bytes make a schema: models with all kinds of members, lists, maps, options and unions of what was made
 * before. The rest is the text that is read as a value of it. Never a crash, a leak or a read outside; what is accepted is
 * written as JSON that is accepted again and written the same. */

enum { TYPES_MAX = 12, MEMBERS_MAX = 8, SIZE_MAX_ = 2048, PAD = 16 };

typedef struct input { const uint8_t *at, *end; } input;
static unsigned byte(input *in) { return in->at < in->end ? *in->at++ : 0; }

/* A type and its list, map and option; models come after all they hold. */
typedef struct made {
    weft_schema itself, list, map, opt;
    weft_field fields[MEMBERS_MAX + 2];
    struct weft__plan *plan;
    char name[4];
} made;

static made all[TYPES_MAX];
static unsigned count;
static const char *const names[] = { "a", "b", "type", "kind", "d\"e", "f\xC3\xA9", "g", "h", "i", "j" };

static size_t up(size_t n) { return (n + PAD - 1) / PAD * PAD; }

static void shapes(made *m)
{
    size_t entry = sizeof(weft_str) + up(m->itself.size);
    m->list = (weft_schema){ .name = m->name, .kind = WEFT__list, .size = sizeof(weft__any_list),
        .item_size = up(m->itself.size), .of = &m->itself };
    m->map = (weft_schema){ .name = m->name, .kind = WEFT__map, .size = sizeof(weft__any_list),
        .item_size = entry, .of = &m->itself };
    m->opt = (weft_schema){ .name = m->name, .kind = WEFT__opt, .size = m->itself.size + PAD,
        .of = &m->itself };
}

static const char *judged(void *value) { return ((const char *)value)[0] == 7 ? "seven" : NULL; }

static void scalar_options(input *in, weft_field *f)
{
    const weft_schema *leaf = weft__schema_leaf(f->type);
    unsigned bits = byte(in);
    bool number = leaf->scalar == WEFT__int32 || leaf->scalar == WEFT__int64 || leaf->scalar == WEFT__double;
    bool listed = f->type->kind == WEFT__list || f->type->kind == WEFT__map;
    if (number && bits & 1) f->range[0] = -1, f->range[1] = 20;
    if (leaf->scalar == WEFT__text && bits & 1) f->max_len = 5;
    if (leaf->scalar == WEFT__text && bits & 2) f->pattern = "^[a-c]*$";
    if (listed && bits & 4) f->max_items = 3;
    if (f->type->kind == WEFT__list && bits & 8 && (number || leaf->scalar == WEFT__text)) f->unique = true;
    if (f->type->kind == WEFT__map && bits & 8) f->int_keys = true;
    if (bits & 16 && leaf->kind == WEFT__scalar) f->check = (const void *)(uintptr_t)judged;
    if (f->type->kind == WEFT__opt && bits & 32) f->required = true;
    else if (f->type->kind == WEFT__opt && bits & 64 && leaf->scalar != WEFT__json) f->not_null = true;
    else if (bits & 128 && listed) f->initial = f->type->kind == WEFT__list ? "[]" : "{}";
    bool single = f->type->kind == WEFT__scalar || (f->type->kind == WEFT__opt && leaf->kind == WEFT__scalar);
    if (!single || !(bits & 64)) return;
    f->only = leaf->scalar == WEFT__text ? "ab" : leaf->scalar == WEFT__bool ? "true" : "3";
    if (leaf->scalar == WEFT__double || leaf->scalar == WEFT__json || f->pattern) f->only = NULL;
}

static const weft_schema *type_of(input *in, weft_place *place)
{
    static const weft_schema *const simple[] = { &weft_schema_int, &weft_schema_int64_t,
        &weft_schema_double, &weft_schema__Bool, &weft_schema_weft_str, &weft_schema_weft_json, &weft_schema_Level,
        &weft_schema_weft_list_int, &weft_schema_weft_list_weft_str, &weft_schema_weft_map_double,
        &weft_schema_weft_opt_int, &weft_schema_weft_opt_weft_str, &weft_schema_weft_list_double };
    unsigned which = byte(in) % 24;
    *place = WEFT__field;
    if (which < weft_count(simple) || count == 0) return simple[which % weft_count(simple)];
    made *m = &all[byte(in) % count];
    if (which == 23) *place = WEFT__ref;
    if (which == 22 && m->itself.kind == WEFT__model) *place = WEFT__embed;
    if (which == 21) *place = WEFT__hidden;
    return which < 16 ? &m->list : which < 18 ? &m->map : which < 20 ? &m->opt : &m->itself;
}

static bool add_member(input *in, made *m, unsigned which)
{
    weft_place place;
    const weft_schema *type = type_of(in, &place);
    weft_field *f = &m->fields[m->itself.count];
    size_t size = place == WEFT__ref ? sizeof(void *) : type->size;
    if (m->itself.size + up(size) > SIZE_MAX_) return false;
    *f = (weft_field){ .name = names[which], .name_len = (uint32_t)strlen(names[which]), .type = type,
        .offset = m->itself.size, .place = place };
    if (place == WEFT__field) scalar_options(in, f);
    m->itself.size += up(size);
    m->itself.count++;
    return true;
}

static void add_remark(input *in, made *m)
{
    unsigned what = byte(in) % 4;
    weft_field *f = &m->fields[m->itself.count];
    if (what > 1 || m->itself.size + PAD > SIZE_MAX_) return;
    *f = (weft_field){ .name = "", .place = WEFT__no_extra };
    if (what == 1)
        *f = (weft_field){ .name = "rest", .name_len = 4, .place = WEFT__extra,
            .type = byte(in) & 1 ? &weft_schema_weft_map_weft_json : &weft_schema_weft_map_int,
            .offset = m->itself.size };
    if (what == 1) m->itself.size += PAD;
    m->itself.count++;
}

static void make_model(input *in, made *m)
{
    m->itself = (weft_schema){ .name = m->name, .kind = WEFT__model, .fields = m->fields, .plan = &m->plan, .size = PAD };
    unsigned members = byte(in) % MEMBERS_MAX, first = byte(in);
    for (unsigned i = 0; i < members; i++)
        if (!add_member(in, m, (first + i) % weft_count(names))) break;
    add_remark(in, m);
    if (byte(in) % 4 == 0) m->fields[m->itself.count++] =
        (weft_field){ .name = "", .place = WEFT__check, .check = (const void *)(uintptr_t)judged };
}

static void make_union(input *in, made *m)
{
    m->itself = (weft_schema){ .name = m->name, .kind = WEFT__union, .fields = m->fields, .plan = &m->plan, .size = PAD };
    m->fields[0] = (weft_field){ .name = "kind", .name_len = 4, .place = WEFT__tag, .tag = 4 };
    m->itself.count = 1;
    for (unsigned i = 0, cases = byte(in) % 4; i < cases; i++) {
        const made *of = &all[byte(in) % count];
        if (of->itself.kind != WEFT__model) continue;
        m->fields[m->itself.count] = (weft_field){ .name = names[i], .name_len = (uint32_t)strlen(names[i]),
            .place = WEFT__when, .type = &of->itself, .offset = PAD, .tag = (long)m->itself.count };
        m->itself.count++;
        if (m->itself.size < PAD + up(of->itself.size)) m->itself.size = PAD + up(of->itself.size);
    }
}

static void ignore(void *ctx, const char *fault) { (void)ctx; (void)fault; }

/* A schema without faults, or NULL. */
static const weft_schema *make(input *in)
{
    weft__schema_book book = { 0 };
    unsigned wanted = 1 + byte(in) % TYPES_MAX;
    memset(all, 0, sizeof all);
    for (count = 0; count < wanted; count++) {
        made *m = &all[count];
        snprintf(m->name, sizeof m->name, "T%u", count);
        if (count && byte(in) % 4 == 0) make_union(in, m);
        else make_model(in, m);
        shapes(m);
        m->itself.declared = "fuzz";
    }
    const made *last = &all[count - 1];
    const weft_schema *roots[] = { &last->itself, &last->list, &last->map, &last->opt };
    const weft_schema *root = roots[byte(in) % 4];
    int faults = weft__schema_check(&book, root, ignore, NULL);
    weft__schema_book_free(&book);
    return faults == 0 ? root : NULL;
}

static int read_into(const weft_schema *schema, weft_str text, void *value, weft_arena *arena, weft__buf *detail)
{
    weft__problems problems;
    weft__problems_init(&problems, arena);
    int rc = weft__json_read(schema, NULL, text, value, arena, &problems, &FUZZ_BODY);
    if (rc != WEFT_EINVAL) return rc;
    MUST(problems.count > 0);
    MUST(weft__problems_write(&problems, detail) == 0);
    MUST(weft__json_valid(weft__buf_str(detail)));
    return rc;
}

static void write_views(const weft_schema *schema, const void *value, weft_arena *arena)
{
    static const char *const chosen[] = { "a", "a, kind", "b,", "" };
    for (unsigned i = 1; i < 12; i++) {
        weft__view_opts opts = { .exclude_unset = i & 1, .exclude_none = i & 2, .exclude_defaults = i & 4 };
        if (i >= 8) opts.include = chosen[i - 8];
        weft__view view;
        weft__fault fault;
        weft__buf out;
        weft__buf_init(&out, 4 << 20);
        int rc = weft__view_make(&view, &opts, schema, arena, &fault);
        MUST(rc == 0 || (rc == WEFT_EINVAL && opts.include && fault.text[0]));
        if (rc == 0) MUST(weft__json_write_view(schema, value, &view, &out, &fault) == 0);
        if (rc == 0) MUST(weft__json_valid(weft__buf_str(&out)));
        weft__buf_free(&out);
    }
}

static void run(const weft_schema *schema, weft_str text)
{
    static _Alignas(16) char value[SIZE_MAX_ + 4 * PAD], again[SIZE_MAX_ + 4 * PAD];
    weft_arena arena;
    weft__buf first, second;
    weft__arena_init(&arena, NULL, 32 << 20);
    weft__buf_init(&first, 4 << 20);
    weft__buf_init(&second, 4 << 20);
    if (read_into(schema, text, value, &arena, &first) == 0) {
        MUST(weft__json_write(schema, value, &first, NULL) == 0);
        MUST(weft__json_valid(weft__buf_str(&first)));
        MUST(read_into(schema, weft__buf_str(&first), again, &arena, &second) == 0);
        MUST(weft__json_write(schema, again, &second, NULL) == 0);
        MUST(weft_str_equal(weft__buf_str(&first), weft__buf_str(&second)));
        write_views(schema, value, &arena);
    }
    weft__buf_free(&first);
    weft__buf_free(&second);
    weft__arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *divide = size ? memchr(data, 0xFF, size) : NULL;
    if (!divide) return 0;
    input in = { data, divide };
    const weft_schema *schema = make(&in);
    if (schema) run(schema, (weft_str){ (const char *)divide + 1, size - (size_t)(divide + 1 - data) });
    weft__plan_forget();
    return 0;
}
