#include "model/schema_check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "model/judge.h"
#include "model/pattern.h"
#include "model/plan.h"
#include "model/table.h"
#include "model/text.h"
#include "wire/json.h"
#include "wire/utf8.h"

typedef struct check {
    weft__schema_book *book;
    weft__report *report;
    void *ctx;
    const weft_schema *model;
    int faults, rc;
} check;

static WEFT_PRINTF(2, 3) void fault(check *c, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->faults++;
    c->report(c->ctx, text);
}

static WEFT_PRINTF(3, 4) void member_fault(check *c, const weft_field *f, const char *fmt, ...)
{
    char text[480];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fault(c, "%s, member '%s': %s", c->model->name, f->name, text);
}

/* Where values come as text; NULL for other places. */
static const char *text_place(weft_place place)
{
    switch (place) {
    case WEFT__path: return "path";
    case WEFT__query: return "query";
    case WEFT__header: return "header";
    case WEFT__cookie: return "cookie";
    case WEFT__form: return "form";
    default: return NULL;
    }
}

static bool is_number(const weft_schema *leaf)
{
    return leaf->scalar == WEFT__int32 || leaf->scalar == WEFT__int64 ||
           leaf->scalar == WEFT__double || leaf->scalar == WEFT__decimal;
}

/* The list or map of a member, seen through an option. */
static bool has_items(const weft_schema *type)
{
    if (type->kind == WEFT__opt) type = type->of;
    return type->kind == WEFT__list || type->kind == WEFT__map;
}

static void check_range(check *c, const weft_field *f, const weft_schema *leaf)
{
    long double low = f->range[0], high = f->range[1];
    if (!weft__field_has_range(f)) {
        if (f->above || f->below)
            member_fault(c, f, ".above and .below open an end of .range, and there is none");
        return;
    }
    if (!is_number(leaf) && leaf->scalar != WEFT__duration) {
        member_fault(c, f, ".range is for numbers and durations, and its type is %s", leaf->name);
        return;
    }
    bool ordered = low < high || (low == high && !f->above && !f->below);
    if (!ordered)
        member_fault(c, f, ".range must let a value through, and it goes from %Lg%s to %Lg%s", low,
            f->above ? " (not allowed itself)" : "", high, f->below ? " (not allowed itself)" : "");
}

static void check_multiple(check *c, const weft_field *f, const weft_schema *leaf)
{
    long double step = f->multiple_of;
    if (step == 0) return;
    if (!is_number(leaf))
        member_fault(c, f, ".multiple_of is for numbers, and its type is %s", leaf->name);
    else if (!(step > 0 && step < WEFT_NO_END))
        member_fault(c, f, ".multiple_of must be more than 0, and it is %Lg", step);
}

static void check_text_rules(check *c, const weft_field *f, const weft_schema *leaf)
{
    const char *option = f->pattern   ? ".pattern"
                         : f->max_len ? ".max_len"
                         : f->min_len ? ".min_len"
                                      : NULL;
    if (!option) return;
    bool bytes = leaf->scalar == WEFT__bytes && !f->pattern;
    if (leaf->scalar != WEFT__text && !bytes) {
        member_fault(c, f, "%s is for text, and its type is %s", option, leaf->name);
        return;
    }
    if (f->max_len && f->min_len > f->max_len)
        member_fault(c, f, ".min_len must not be more than .max_len, and they are %u and %u",
            f->min_len, f->max_len);
    char why[200];
    int rc = f->pattern ? weft__pattern_check(f->pattern, why, sizeof why) : 0;
    if (rc == WEFT_ENOMEM) c->rc = rc;
    else if (rc < 0)
        member_fault(c, f, ".pattern '%.160s' is no regular expression: %s", f->pattern, why);
}

/* The options of one type each. */
static void check_own_rules(check *c, const weft_field *f, const weft_schema *leaf)
{
    if (f->format && leaf->scalar != WEFT__text)
        member_fault(c, f, ".format is for text, and its type is %s", leaf->name);
    else if (f->format > WEFT_IPV6)
        member_fault(c, f, ".format is one of WEFT_EMAIL to WEFT_IPV6, and it is %d", (int)f->format);
    if ((f->max_digits || f->decimal_places) && leaf->scalar != WEFT__decimal)
        member_fault(c, f, "%s is for weft_decimal, and its type is %s",
            f->max_digits ? ".max_digits" : ".decimal_places", leaf->name);
    else if (f->max_digits && f->decimal_places > f->max_digits)
        member_fault(c, f, ".decimal_places must not be more than .max_digits, and they are %u and %u",
            f->decimal_places, f->max_digits);
    if (f->uuid_version && leaf->scalar != WEFT__uuid)
        member_fault(c, f, ".uuid_version is for weft_uuid, and its type is %s", leaf->name);
    else if (f->uuid_version < 0 || f->uuid_version > 8)
        member_fault(c, f, ".uuid_version is 1 to 8, and it is %d", f->uuid_version);
}

static void check_items(check *c, const weft_field *f)
{
    if (!f->min_items && !f->max_items) return;
    if (!has_items(f->type))
        member_fault(c, f, "%s is for lists and maps, and its type is %s",
            f->max_items ? ".max_items" : ".min_items", f->type->name);
    else if (f->max_items && f->min_items > f->max_items)
        member_fault(c, f, ".min_items must not be more than .max_items, and they are %u and %u",
            f->min_items, f->max_items);
}

static void check_keys(check *c, const weft_field *f)
{
    if (f->int_keys && f->type->kind != WEFT__map)
        member_fault(c, f, ".int_keys is for maps, and its type is %s", f->type->name);
}

static bool is_single(const weft_schema *type)
{
    return type->kind == WEFT__scalar || type->kind == WEFT__enum;
}

/* It stands in the text of the answer as it is, so 007 and +7 are none. */
static bool only_is_value(const weft_field *f, const weft_schema *type)
{
    weft__token token = { .kind = WEFT__TOKEN_TEXT, .text = weft_str_of(f->only) };
    if (type->kind == WEFT__enum) return weft__enum_value(type, token.text) != NULL;
    if (type->scalar == WEFT__text) return weft__utf8_valid(token.text.ptr, token.text.len);
    if (type->scalar == WEFT__bool) return !strcmp(f->only, "true") || !strcmp(f->only, "false");
    const char *end = weft__number_scan(token.text.ptr, token.text.ptr + token.text.len, &token.number);
    token.kind = WEFT__TOKEN_NUMBER;
    int64_t value;
    weft__finding found;
    return end == token.text.ptr + token.text.len && weft__judge_is_only(f, &token) &&
           weft__number_int64(&token.number, &value) == 0 &&
           weft__rules_int(f, type->scalar, value, &found) == 0;
}

static void check_only(check *c, const weft_field *f)
{
    const weft_schema *type = f->type->kind == WEFT__opt ? f->type->of : f->type;
    if (!f->only) return;
    bool has_one = type->kind == WEFT__enum || type->scalar == WEFT__text ||
                   type->scalar == WEFT__bool || type->scalar == WEFT__int32 ||
                   type->scalar == WEFT__int64;
    if (!is_single(type) || !has_one)
        member_fault(c, f, ".only is for one text, integer, bool or enum, and its type is %s%s",
            is_single(type) ? "" : "a list, map or model of ", f->type->name);
    else if (!only_is_value(f, type))
        member_fault(c, f, ".only is '%.160s', which is no value of it", f->only);
}

/* Those whose bytes are the same when their values are. */
static bool is_plain_value(const weft_schema *item)
{
    return item->scalar == WEFT__date || item->scalar == WEFT__time ||
           item->scalar == WEFT__duration || item->scalar == WEFT__uuid;
}

static void check_unique(check *c, const weft_field *f)
{
    const weft_schema *type = f->type->kind == WEFT__opt ? f->type->of : f->type;
    if (!f->unique) return;
    const weft_schema *item = type->kind == WEFT__list ? type->of : type;
    bool compared = item->kind == WEFT__enum || item->scalar == WEFT__text ||
                    item->scalar == WEFT__bool || is_number(item) || is_plain_value(item);
    if (item->scalar == WEFT__decimal) compared = false;
    if (type->kind != WEFT__list || !compared)
        member_fault(c, f,
            ".unique is for lists of text, numbers, bools, enums, dates or UUIDs, and its type is %s%s",
            type->kind == WEFT__list ? "a list of " : "", f->type->name);
}

static void check_presence(check *c, const weft_field *f)
{
    const char *option = f->required ? ".required" : ".not_null";
    if (!f->required && !f->not_null) return;
    if (f->type->kind != WEFT__opt)
        member_fault(c, f, "%s is for an opt, and its type is %s", option, f->type->name);
    else if (f->place != WEFT__field)
        member_fault(c, f, "%s is for members of models: what is no JSON cannot be null", option);
    else if (f->required && f->not_null)
        member_fault(c, f, ".required and .not_null: then it is no opt but a field");
    else if (f->required && f->initial)
        member_fault(c, f, ".required and .initial; expected one of them");
    else if (f->not_null && f->type->of->scalar == WEFT__json)
        member_fault(c, f, ".not_null: null is a value of a weft_json");
}

static void say_value(check *c, const weft_field *f, const char *option, int rc,
    const weft__problems *problems)
{
    const weft__problem *p = problems->count ? &problems->items[0] : NULL;
    bool json = p && strcmp(p->type, "json_invalid") == 0 && p->ctx[0].key;
    weft_str why = json              ? p->ctx[0].s
                   : p                ? p->msg
                   : rc == WEFT_EDEADLK ? WEFT_S("it holds initial values more than 8 levels deep")
                                        : WEFT_S("it cannot be read");
    member_fault(c, f, "%s is '%.160s', which is no value of it: %s%.*s", option, f->initial,
        json ? "as JSON, " : "", WEFT_FMT(why));
}

/* What f->initial says, which `option` gave. */
static void check_initial(check *c, const weft_field *f, const char *option)
{
    enum { INITIAL_BYTES_MAX = 1 << 20 };
    if (!f->initial) return;
    weft_arena arena;
    weft__problems problems;
    weft__arena_init(&arena, NULL, INITIAL_BYTES_MAX);
    weft__problems_init(&problems, &arena);
    void *value = weft__arena_alloc(&arena, f->type->size);
    int rc = value ? weft__default_check(f, value, &arena, &problems) : weft__arena_error(&arena);
    if (rc == WEFT_ENOMEM) c->rc = rc;
    else if (rc < 0) say_value(c, f, option, rc, &problems);
    weft__arena_free(&arena);
}

/* An example is read as an initial value is. */
static void check_example(check *c, const weft_field *f)
{
    weft_field example = *f;
    example.initial = f->example;
    check_initial(c, &example, ".example");
}

static void check_name(check *c, const weft_field *f)
{
    weft_str name = weft__field_name(f);
    if (name.len > WEFT__NAME_MAX)
        member_fault(c, f, "a name has at most %d bytes, and it has %zu", WEFT__NAME_MAX, name.len);
    if (!weft__utf8_valid(name.ptr, name.len)) member_fault(c, f, "a name is UTF-8, and it is not");
}

/* Members that are not values of their own: all an option could say would be lost. */
static void check_without_options(check *c, const weft_field *f, const char *keyword)
{
    if (f->initial || f->example || weft__field_has_rules(f) || f->above || f->below ||
        weft__field_is_judged(f) || f->required)
        member_fault(c, f,
            "%s takes no option that speaks of a value (.initial, .range, .max_len and so on)",
            keyword);
}

/* A model groups values of its place, each a text; which of them can be, the route's compiling tells. */
static void check_text_place(check *c, const weft_field *f)
{
    const weft_schema *leaf = weft__schema_leaf(f->type);
    bool group = f->type->kind == WEFT__model && f->place != WEFT__path;
    if (group) check_without_options(c, f, "a model of an input's values");
    else if (f->type->kind == WEFT__map || leaf->kind == WEFT__model || leaf->kind == WEFT__special ||
             leaf->kind == WEFT__union)
        member_fault(c, f, "a %s value is text, and its type is %s%s", text_place(f->place),
            f->type->kind == WEFT__map ? "a map of " : "", leaf->name);
    else if (f->place == WEFT__path && f->type->kind != WEFT__scalar && f->type->kind != WEFT__enum)
        member_fault(
            c, f, "a path value is always there, once: its type cannot be a list or an option");
}

static void check_value(check *c, const weft_field *f)
{
    const weft_schema *leaf = weft__schema_leaf(f->type);
    int before = c->faults;
    check_range(c, f, leaf);
    check_multiple(c, f, leaf);
    check_text_rules(c, f, leaf);
    check_own_rules(c, f, leaf);
    check_items(c, f);
    check_keys(c, f);
    check_only(c, f);
    check_unique(c, f);
    check_presence(c, f);
    if (text_place(f->place)) check_text_place(c, f);
    if (c->faults > before || c->rc < 0) return;
    check_initial(c, f, ".initial");
    check_example(c, f);
}

/* It is a map, so what speaks of one value cannot be said of it. */
static void check_extra(check *c, const weft_field *f)
{
    if (f->initial || f->as || f->check || f->int_keys)
        member_fault(c, f, "extra has no name and no value of its own, so %s means nothing",
            f->initial ? ".initial" : f->as ? ".as" : f->check ? ".check" : ".int_keys");
    else check_value(c, f);
}

static void check_case(check *c, const weft_field *f)
{
    const weft__plan *plan;
    weft_str tag = weft__field_name(&c->model->fields[0]);
    if (f->type->kind != WEFT__model) {
        fault(c, "%s, case '%s': when is for models, and its type is %s", c->model->name, f->name,
            f->type->name);
        return;
    }
    if (weft__plan_of(f->type, &plan) < 0) return; /* told of the model itself */
    for (uint32_t i = 0; i < plan->count; i++)
        if (weft_str_equal(plan->members[i].name, tag))
            fault(c, "%s, case '%s': model %s has a member '%.*s' of its own, which is the name of "
                "the union's tag", c->model->name, f->name, f->type->name, WEFT_FMT(tag));
}

static void check_field(check *c, const weft_field *f)
{
    if (weft__field_is_remark(f)) return;
    check_name(c, f);
    switch (f->place) {
    case WEFT__hidden: check_without_options(c, f, "hidden"); return;
    case WEFT__request: case WEFT__reply: case WEFT__depends: case WEFT__config: case WEFT__value: case WEFT__tag: return;
    default: break;
    }
    if (!f->type) {
        member_fault(c, f, "a member has a type, and this one has none");
        return;
    }
    switch (f->place) {
    case WEFT__ref: check_without_options(c, f, "ref"); return;
    case WEFT__when: check_case(c, f); return;
    case WEFT__extra: check_extra(c, f); return;
    case WEFT__embed:
        check_without_options(c, f, "embed");
        if (f->as) member_fault(c, f, "embed has no name of its own in JSON, so .as means nothing");
        if (f->type->kind != WEFT__model)
            member_fault(c, f, "embed is for models, and its type is %s", f->type->name);
        return;
    default: check_value(c, f);
    }
}

static void check_names_of_plan(check *c, const weft__plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (weft_str_equal(plan->members[i].name, plan->members[k].name))
                fault(c,
                    "%s: two members are named '%.*s' in JSON, those of embedded models included; "
                    "give one another name with .as",
                    c->model->name, WEFT_FMT(plan->members[i].name));
}

static void check_names_of_fields(check *c)
{
    const weft_schema *m = c->model;
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k < i; k++)
            if (!weft__field_is_remark(&m->fields[i]) &&
                m->fields[i].place == m->fields[k].place &&
                weft_str_equal(weft__field_name(&m->fields[i]), weft__field_name(&m->fields[k])))
                fault(c, "%s: '%.*s' is there twice", m->name,
                    WEFT_FMT(weft__field_name(&m->fields[i])));
}

static void table_fault(void *ctx, const char *text)
{
    check *c = ctx;
    c->faults++;
    c->report(c->ctx, text);
}

static void check_model(check *c)
{
    int before = c->faults;
    for (size_t i = 0; i < c->model->count && c->rc == 0; i++) check_field(c, &c->model->fields[i]);
    if (!c->model->plan || c->model->kind != WEFT__model) {
        check_names_of_fields(c);
        return;
    }
    const weft__plan *plan = NULL;
    int rc = c->faults == before ? weft__plan_of(c->model, &plan) : 0;
    if (rc == WEFT_ENOMEM) c->rc = rc;
    else if (rc < 0)
        fault(c,
            "%s: a model has at most %d members, those of embedded models included, and does not "
            "embed itself",
            c->model->name, WEFT__MEMBERS_MAX);
    if (plan) check_names_of_plan(c, plan);
    if (plan && plan->extras + plan->no_extra > 1)
        fault(c, "%s: extra and no_extra can be said once, those of embedded models included",
            c->model->name);
    if (plan) weft__table_check(c->model, table_fault, c);
}

static int book_add(weft__schema_book *book, const weft_schema *schema)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->seen[i] == schema) return 0;
    if (book->count == WEFT__SCHEMAS_MAX) return WEFT_ELIMIT;
    if (book->count == book->room) {
        size_t room = book->room ? book->room * 2 : 32;
        const weft_schema **seen = weft__realloc(book->seen, room * sizeof *seen);
        if (!seen) return WEFT_ENOMEM;
        book->seen = seen;
        book->room = room;
    }
    book->seen[book->count++] = schema;
    return 0;
}

/* Inputs have no place in documents, so two of one name harm nobody. */
static void check_twin(check *c, size_t index)
{
    const weft_schema *schema = c->book->seen[index];
    for (size_t i = 0; i < index && schema->plan; i++) {
        const weft_schema *other = c->book->seen[i];
        if (!other->plan || strcmp(other->name, schema->name) || weft__schema_same(other, schema))
            continue;
        fault(c, "two different types are named %s, at %s and at %s; rename one", schema->name,
            other->declared, schema->declared);
        return;
    }
}

int weft__schema_check(
    weft__schema_book *book, const weft_schema *schema, weft__report *report, void *ctx)
{
    check c = { .book = book, .report = report, .ctx = ctx };
    size_t next = book->count;
    int rc = book_add(book, weft__schema_leaf(schema));
    for (; rc == 0 && next < book->count; next++) {
        c.model = book->seen[next];
        if (c.model->kind != WEFT__model && c.model->kind != WEFT__enum &&
            c.model->kind != WEFT__union)
            continue;
        for (size_t i = 0; i < c.model->count && rc == 0; i++) {
            const weft_field *f = &c.model->fields[i];
            if (f->type || f->refers) rc = book_add(book, f->type ? weft__schema_leaf(f->type) : f->refers);
        }
        check_twin(&c, next);
        check_model(&c);
        if (rc == 0) rc = c.rc;
    }
    return rc < 0 ? rc : c.faults;
}

void weft__schema_book_free(weft__schema_book *book)
{
    weft__free(book->seen);
    *book = (weft__schema_book){ 0 };
}
