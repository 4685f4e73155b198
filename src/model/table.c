#include "model/table.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "model/plan.h"

/* ---- what is said ---- */

const weft_field *weft__table_remark(const weft_schema *schema, weft_place place, const weft_field *from)
{
    const weft_field *end = schema->fields + schema->count;
    if (schema->kind != WEFT__model) return NULL;
    for (const weft_field *f = from ? from : schema->fields; f < end; f++)
        if (f->place == place) return f;
    return NULL;
}

bool weft__table_next_path(const char **at, weft_str *path)
{
    const char *p = *at + strspn(*at, ", "), *end = p + strcspn(p, ", ");
    *at = end;
    *path = (weft_str){ p, (size_t)(end - p) };
    return path->len > 0;
}

bool weft__table_next_name(const char **at, weft_str *name)
{
    weft_str path;
    weft__table_next_path(at, &path);
    const char *p = path.ptr, *end = p + path.len;
    for (const char *dot; (dot = memchr(p, '.', (size_t)(end - p)));) p = dot + 1;
    *name = (weft_str){ p, (size_t)(end - p) };
    return name->len > 0;
}

static bool is_member(const weft_field *f) { return f->place == WEFT__field || f->place == WEFT__hidden || f->place == WEFT__ref; }
static bool has_name(const weft_field *f, weft_str name) { return weft_str_equal((weft_str){ f->name, f->name_len }, name); }

static const weft_field *column_in(const weft_schema *schema, weft_str name, int depth)
{
    const weft_field *found = NULL;
    for (size_t i = 0; i < schema->count && !found && depth <= WEFT__EMBED_DEPTH_MAX; i++) {
        const weft_field *f = &schema->fields[i];
        if (f->place == WEFT__embed) found = column_in(f->type, name, depth + 1);
        if (is_member(f) && has_name(f, name)) found = f;
    }
    return found;
}

const weft_field *weft__table_column(const weft_schema *schema, weft_str name) { return column_in(schema, name, 0); }

const weft_field *weft__table_at(const weft_schema *schema, weft_str path)
{
    if (!memchr(path.ptr, '.', path.len)) return weft__table_column(schema, path);
    for (;;) {
        const char *dot = memchr(path.ptr, '.', path.len);
        weft_str first = { path.ptr, dot ? (size_t)(dot - path.ptr) : path.len };
        const weft_field *f = schema->fields, *end = f + schema->count;
        while (f < end && !((dot ? f->place == WEFT__embed : is_member(f)) && has_name(f, first))) f++;
        if (f == end) return NULL;
        if (!dot) return f;
        path = (weft_str){ dot + 1, path.len - first.len - 1 };
        schema = f->type;
    }
}

const weft_schema *weft__table_type(const weft_field *column) { return column->type->kind == WEFT__opt ? column->type->of : column->type; }

bool weft__table_may_be_null(const weft_field *column) { return column->place == WEFT__ref || column->type->kind == WEFT__opt; }

static bool is_integer(const weft_schema *s) { return s->scalar == WEFT__int32 || s->scalar == WEFT__int64; }

bool weft__table_comparable(const weft_schema *a, const weft_schema *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind == WEFT__scalar) return a->scalar == b->scalar || (is_integer(a) && is_integer(b));
    return strcmp(a->name, b->name) == 0;
}

/* ---- what is wrong with it ---- */

typedef struct check { const weft_schema *model; weft__report *report; void *ctx; } check;

static WEFT_PRINTF(2, 3) void fault(check *c, const char *fmt, ...)
{
    char text[400], whole[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s: %s", c->model->name, text);
    c->report(c->ctx, whole);
}

static const char *keyword(weft_place place)
{
    return place == WEFT__key ? "key" : place == WEFT__unique ? "unique" : place == WEFT__index ? "index" : place == WEFT__table ? "table" : "reference";
}

static bool is_name(const char *s)
{
    size_t n = strlen(s);
    bool first = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_';
    return first && n <= WEFT__TABLE_NAME_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static void check_once(check *c, weft_place place)
{
    const weft_field *first = weft__table_remark(c->model, place, NULL);
    if (first && weft__table_remark(c->model, place, first + 1)) fault(c, "%s is said twice; a table has one", keyword(place));
}

/* A column that is looked for: one value, told apart by comparing. */
static void check_column(check *c, const weft_field *said, weft_str name)
{
    const weft_field *column = weft__table_column(c->model, name);
    if (!column) {
        fault(c, "%s(%s): '%.*s' is no column; a column is a field, opt, hidden or ref, also of an embedded model", keyword(said->place), said->as, WEFT_FMT(name));
        return;
    }
    const weft_schema *type = weft__table_type(column);
    bool one = type->kind == WEFT__enum || (type->kind == WEFT__scalar && type->scalar != WEFT__json);
    if (!one) fault(c, "%s(%s): '%.*s' is kept as JSON, and is not compared", keyword(said->place), said->as, WEFT_FMT(name));
    if (said->place == WEFT__key && weft__table_may_be_null(column))
        fault(c, "key(%s): '%.*s' may be NULL; a key is a field that is always there", said->as, WEFT_FMT(name));
}

static void check_columns(check *c, const weft_field *said)
{
    weft_str name, other;
    for (const char *at = said->as; weft__table_next_name(&at, &name);) {
        check_column(c, said, name);
        for (const char *behind = at; weft__table_next_name(&behind, &other);)
            if (weft_str_equal(name, other)) fault(c, "%s(%s): '%.*s' is there twice", keyword(said->place), said->as, WEFT_FMT(name));
    }
}

static const weft_field *only_key(const weft_schema *table)
{
    weft_str name, more;
    const weft_field *key = weft__table_remark(table, WEFT__key, NULL);
    const char *at = key ? key->as : "";
    return weft__table_next_name(&at, &name) && !weft__table_next_name(&at, &more) ? weft__table_column(table, name) : NULL;
}

static void check_reference(check *c, const weft_field *said)
{
    const char *at = said->as, *to = said->refers->name;
    weft_str name;
    const weft_field *column = weft__table_next_name(&at, &name) ? weft__table_column(c->model, name) : NULL;
    if (!column) return;                             /* told by check_column */
    if (!weft__table_remark(said->refers, WEFT__table, NULL)) {
        fault(c, "reference(%s, %s): %s is no table; say table(\"...\") and key(...) in it", said->as, to, to);
        return;
    }
    const weft_field *key = only_key(said->refers);
    if (!key) fault(c, "reference(%s, %s): the key of %s is not one column", said->as, to, to);
    else if (!weft__table_comparable(weft__table_type(column), key->type))
        fault(c, "reference(%s, %s): its type is %s, and that of %s.%s is %s", said->as, to, weft__table_type(column)->name, to, key->name, key->type->name);
    if (said->on_delete == WEFT_SET_NULL && !weft__table_may_be_null(column))
        fault(c, "reference(%s, %s): .on_delete = WEFT_SET_NULL, and '%s' cannot be NULL; make it an opt", said->as, to, column->name);
}

static bool is_about_columns(const weft_field *f) { return f->place >= WEFT__key && f->place <= WEFT__reference; }

/* The same columns in the same order, also when one is written with its embedded model and once without. */
static bool same_columns(const char *a, const char *b)
{
    weft_str one, other;
    for (;;) {
        bool more = weft__table_next_name(&a, &one), there = weft__table_next_name(&b, &other);
        if (!more || !there) return more == there;
        if (!weft_str_equal(one, other)) return false;
    }
}

static void check_twins(check *c, const weft_field *said)
{
    for (const weft_field *f = c->model->fields; f < said; f++)
        if (is_about_columns(f) && f->place == said->place && same_columns(f->as, said->as))
            fault(c, "%s(%s) is said twice", keyword(said->place), said->as);
}

static void check_table_name(check *c, const weft_field *table)
{
    if (!is_name(table->as))
        fault(c, "table(\"%.80s\"): a name has letters, digits and '_', begins with no digit, and at most %d characters", table->as, WEFT__TABLE_NAME_MAX);
}

/* Databases make no difference between "Name" and "name". */
static bool same_column(const char *a, const char *b) { return strcasecmp(a, b) == 0; }

typedef struct names { const char *items[WEFT__MEMBERS_MAX]; uint32_t count; } names;

static void check_member(check *c, names *n, const weft_field *f)
{
    /* What a row cannot keep would be lost in silence. */
    if (f->place == WEFT__extra) fault(c, "extra: a table has no column for keys that nobody knows; keep them in a map");
    if (f->place != WEFT__field && f->place != WEFT__hidden && f->place != WEFT__ref) return;
    if (f->name_len > WEFT__TABLE_NAME_MAX)
        fault(c, "member '%s': the name of a column has at most %d characters", f->name, WEFT__TABLE_NAME_MAX);
    for (uint32_t i = 0; i < n->count; i++)
        if (same_column(n->items[i], f->name)) fault(c, "two members are a column '%s', those of embedded models included", f->name);
    if (n->count < WEFT__MEMBERS_MAX) n->items[n->count++] = f->name;
}

static void check_members(check *c, names *n, const weft_schema *model, int depth)
{
    for (size_t i = 0; i < model->count && depth <= WEFT__EMBED_DEPTH_MAX; i++) {
        const weft_field *f = &model->fields[i];
        if (f->place == WEFT__embed) check_members(c, n, f->type, depth + 1);
        else check_member(c, n, f);
    }
}

void weft__table_check(const weft_schema *schema, weft__report *report, void *ctx)
{
    check c = { schema, report, ctx };
    const weft_field *table = weft__table_remark(schema, WEFT__table, NULL), *end = schema->fields + schema->count;
    if (schema->kind != WEFT__model) return;
    for (const weft_field *f = schema->fields; f < end; f++) {
        if (!is_about_columns(f)) continue;
        if (!table) {
            fault(&c, "%s(%s) speaks of a table, and there is no table(\"...\")", keyword(f->place), f->as);
            return;
        }
        check_columns(&c, f);
        if (f->place == WEFT__reference) check_reference(&c, f);
        check_twins(&c, f);
    }
    if (!table) return;
    check_table_name(&c, table);
    check_once(&c, WEFT__table);
    check_once(&c, WEFT__key);
    if (!weft__table_remark(schema, WEFT__key, NULL)) fault(&c, "a table has a key, by which its rows are found: key(id)");
    check_members(&c, &(names){ .count = 0 }, schema, 0);
}
