#include <stdio.h>
#include "model_check.h"
#include "model/plan.h"
#include "model/schema_check.h"
#include "model/view.h"
#include "model_text.h"

/* The first bytes, up to one of 0xFF, make a schema: models with all kinds of members, lists, maps, options and unions of what
 * was made before, and of themselves. The rest is the text that is read as a value of it; behind a byte of 0xFE, bytes of which
 * such a text is made (model_text.h). Never a crash, a leak or a read outside; what is accepted is written as JSON that is
 * accepted again and written the same. */

enum { TYPES_MAX = 12, MEMBERS_MAX = 8, SIZE_MAX_ = 2048, PAD = 16 };

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

/* Of a value without pointers, of one that is a text and its length, and of a model whose first member is an integer. */
static const char *judged(void *value) { return ((const char *)value)[0] == 7 ? "seven" : NULL; }
static const char *judged_text(void *value) { return ((const weft_str *)value)->len == 7 ? "seven" : NULL; }
static const char *judged_model(void *value) { return judged((char *)value + PAD); }

static bool is_text(const weft_schema *leaf)
{
    return leaf->scalar == WEFT__text || leaf->scalar == WEFT__json || leaf->scalar == WEFT__decimal || leaf->scalar == WEFT__bytes;
}

/* A value of it as text, which limits may refuse: the schema is then left out. */
static const char *initial_of(const weft_schema *leaf)
{
    static const char *const texts[] = { [WEFT__int32] = "3", [WEFT__int64] = "-1", [WEFT__double] = "2.5", [WEFT__bool] = "true",
        [WEFT__text] = "ab", [WEFT__json] = "{}", [WEFT__date] = "2024-02-29", [WEFT__time] = "12:30:00",
        [WEFT__datetime] = "2024-02-29T12:30:00+02:00", [WEFT__duration] = "PT1H", [WEFT__decimal] = "1.50", [WEFT__bytes] = "AAA=",
        [WEFT__uuid] = "f47ac10b-58cc-4372-a567-0e02b2c3d479" };
    if (leaf->kind == WEFT__enum) return "low";
    return leaf->kind == WEFT__scalar ? texts[leaf->scalar] : NULL;
}

/* What the first byte of options has no room for. */
static void more_options(input *in, weft_field *f, const weft_schema *leaf)
{
    unsigned bits = byte(in);
    bool ranged = weft__field_has_range(f);
    if (ranged && bits & 1) f->above = true;
    if (ranged && bits & 2) f->below = true;
    if (leaf->scalar == WEFT__double && bits & 4) f->multiple_of = 0.5L;
    if (leaf->scalar == WEFT__int64 && bits & 4) f->multiple_of = 3;
    if (leaf->scalar == WEFT__text && bits & 4) f->min_len = 1;
    if (leaf->scalar == WEFT__text && bits & 8) f->format = WEFT_EMAIL + bits / 32 % 5;
    if (bits & 16 && f->type->kind != WEFT__list && f->type->kind != WEFT__map) f->initial = initial_of(leaf);
    if (bits & 64) f->as = bits & 128 ? "a\"s" : "type";
}

static void value_options(weft_field *f, const weft_schema *leaf, unsigned bits)
{
    if (leaf->scalar == WEFT__duration && bits & 1) f->range[0] = -5.5, f->range[1] = 86400;
    if (leaf->scalar == WEFT__uuid && bits & 1) f->uuid_version = 4;
    if (leaf->scalar == WEFT__bytes && bits & 1) f->min_len = 1, f->max_len = 4;
    if (leaf->scalar != WEFT__decimal) return;
    if (bits & 1) f->max_digits = 6, f->decimal_places = 3;
    if (bits & 2) f->range[0] = -1, f->range[1] = 2000;
    if (bits & 4) f->multiple_of = 0.05L;
}

/* Of which .unique can be asked; a moment may be written with several offsets. */
static bool has_plain_bytes(const weft_schema *leaf)
{
    return leaf->scalar == WEFT__date || leaf->scalar == WEFT__time || leaf->scalar == WEFT__duration || leaf->scalar == WEFT__uuid;
}

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
    value_options(f, leaf, bits);
    if (f->type->kind == WEFT__list && bits & 8 && has_plain_bytes(leaf)) f->unique = true;
    if (bits & 16 && leaf->kind == WEFT__scalar) f->check = (const void *)(uintptr_t)(is_text(leaf) ? judged_text : judged);
    if (f->type->kind == WEFT__opt && bits & 32) f->required = true;
    else if (f->type->kind == WEFT__opt && bits & 64 && leaf->scalar != WEFT__json) f->not_null = true;
    else if (bits & 128 && listed) f->initial = f->type->kind == WEFT__list ? "[]" : "{}";
    else if (bits & 128 && f->type->kind != WEFT__model && f->type->kind != WEFT__union) more_options(in, f, leaf);
    bool single = f->type->kind == WEFT__scalar || (f->type->kind == WEFT__opt && leaf->kind == WEFT__scalar);
    if (!single || !(bits & 64)) return;
    f->only = leaf->scalar == WEFT__text ? "ab" : leaf->scalar == WEFT__bool ? "true" : "3";
    bool has_one = leaf->scalar == WEFT__text || leaf->scalar == WEFT__bool || leaf->scalar == WEFT__int32 || leaf->scalar == WEFT__int64;
    if (!has_one || f->pattern || f->format) f->only = NULL;
}

#define SHAPES_OF(T) &weft_schema_##T, &weft_schema_weft_list_##T, &weft_schema_weft_map_##T, &weft_schema_weft_opt_##T

/* Dates and the like, and the model that is being made itself: as a list, a map, or by ref. */
static const weft_schema *further_type_of(unsigned which, const made *m, weft_place *place)
{
    static const weft_schema *const valued[] = { SHAPES_OF(weft_date), SHAPES_OF(weft_time), SHAPES_OF(weft_datetime),
        SHAPES_OF(weft_duration), SHAPES_OF(weft_uuid), SHAPES_OF(weft_decimal), SHAPES_OF(weft_bytes) };
    which %= weft_count(valued) + 4;
    if (which < weft_count(valued)) return valued[which];
    if (which == weft_count(valued)) return &m->list;
    if (which == weft_count(valued) + 1) return &m->map;
    *place = WEFT__ref;
    return &m->itself;
}

static const weft_schema *type_of(input *in, const made *itself, weft_place *place)
{
    static const weft_schema *const simple[] = { &weft_schema_int, &weft_schema_int64_t,
        &weft_schema_double, &weft_schema__Bool, &weft_schema_weft_str, &weft_schema_weft_json, &weft_schema_Level,
        &weft_schema_weft_list_int, &weft_schema_weft_list_weft_str, &weft_schema_weft_map_double,
        &weft_schema_weft_opt_int, &weft_schema_weft_opt_weft_str, &weft_schema_weft_list_double };
    unsigned which = byte(in);
    *place = WEFT__field;
    if (which >= 128) return further_type_of(which, itself, place);
    which %= 24;
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
    const weft_schema *type = type_of(in, m, &place);
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
    shapes(m);                                           /* for members that are lists of it */
    unsigned members = byte(in) % MEMBERS_MAX, first = byte(in);
    for (unsigned i = 0; i < members; i++)
        if (!add_member(in, m, (first + i) % weft_count(names))) break;
    add_remark(in, m);
    if (byte(in) % 4) return;
    const weft_schema *head = m->itself.count ? m->fields[0].type : NULL;
    bool number = head == &weft_schema_int || head == &weft_schema_int64_t;
    m->fields[m->itself.count++] =
        (weft_field){ .name = "", .place = WEFT__check, .check = (const void *)(uintptr_t)(number ? judged_model : judged) };
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

static void run_rest(const weft_schema *schema, const uint8_t *at, const uint8_t *end)
{
    weft__buf text;
    if (at == end || *at != 0xFE) {
        run(schema, (weft_str){ (const char *)at, (size_t)(end - at) });
        return;
    }
    weft__buf_init(&text, 1 << 20);
    make_text(&(input){ at + 1, end }, schema, &text, 0);
    if (!text.failed) run(schema, weft__buf_str(&text));
    weft__buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *divide = size ? memchr(data, 0xFF, size) : NULL;
    if (!divide) return 0;
    input in = { data, divide };
    const weft_schema *schema = make(&in);
    if (schema) run_rest(schema, divide + 1, data + size);
    weft__plan_forget();
    return 0;
}
