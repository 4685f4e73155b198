#include "model/judge.h"
#include <string.h>
#include "base/author.h"
#include "model/text.h"
#include "model/text_number.h"

typedef const char *check_fn(void *value);

static int ask(const void *function, const weft__author *a, void *value, weft__finding *found)
{
    check_fn *check = (check_fn *)(uintptr_t)function;
    const weft__author *before = weft__author_begin(a);
    const char *why = check(value);
    weft__author_end(before);
    if (!why) return 0;
    *found = (weft__finding){ "value_error", "Value error, {0}",
        { { "error", WEFT__CTX_ERROR, .s = weft_str_of(why) } } };
    return WEFT_EINVAL;
}

int weft__judge_model(const void *function, const weft_schema *model, void *value, weft__finding *found)
{
    return ask(function, &(weft__author){ "a check of the model", model->name }, value, found);
}

/* ---- .unique ---- */

typedef struct items { const char *at; const weft_schema *type; uint32_t count, *order; } items;

static int compare(const items *l, uint32_t a, uint32_t b)
{
    const char *x = l->at + a * l->type->size, *y = l->at + b * l->type->size;
    if (l->type->scalar == WEFT__double) {
        double p = *(const double *)(const void *)x, q = *(const double *)(const void *)y;
        return (p > q) - (p < q);
    }
    if (l->type->scalar != WEFT__text) return memcmp(x, y, l->type->size);
    weft_str s = *(const weft_str *)(const void *)x, t = *(const weft_str *)(const void *)y;
    if (s.len != t.len) return s.len < t.len ? -1 : 1;
    return s.len ? memcmp(s.ptr, t.ptr, s.len) : 0;
}

static void sift(const items *l, uint32_t root, uint32_t count)
{
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(l, l->order[child], l->order[child + 1]) < 0) child++;
        if (compare(l, l->order[root], l->order[child]) >= 0) return;
        uint32_t swap = l->order[root];
        l->order[root] = l->order[child];
        l->order[child] = swap;
    }
}

/* Heapsort, as for the keys of a map: no input is slow. */
static void sort(const items *l)
{
    for (uint32_t i = 0; i < l->count; i++) l->order[i] = i;
    for (uint32_t i = l->count / 2; i-- > 0;) sift(l, i, l->count);
    for (uint32_t end = l->count; end-- > 1;) {
        uint32_t swap = l->order[0];
        l->order[0] = l->order[end];
        l->order[end] = swap;
        sift(l, 0, end);
    }
}

/* The first item that was there before; count when there is none. */
static uint32_t repeated(const items *l)
{
    uint32_t first = l->count;
    for (uint32_t i = 1; i < l->count; i++) {
        uint32_t a = l->order[i - 1], b = l->order[i], later = a > b ? a : b;
        if (later < first && compare(l, a, b) == 0) first = later;
    }
    return first;
}

static int check_unique(
    const weft_schema *type, const weft__any_list *list, weft_arena *arena, weft__finding *found)
{
    items l = { list->items, type->of, list->count, NULL };
    if (l.count < 2) return 0;
    l.order = weft__arena_alloc(arena, l.count * sizeof *l.order);
    if (!l.order) return weft__arena_error(arena);
    sort(&l);
    uint32_t again = repeated(&l);
    if (again == l.count) return 0;
    *found = (weft__finding){ "unique_list", "List should have unique items",
        { { "index", WEFT__CTX_INT, .i = again } } };
    return WEFT_EINVAL;
}

int weft__judge(const weft_field *field, void *value, weft_arena *arena, weft__finding *found)
{
    const weft_schema *type = field->type;
    int rc = 0;
    if (type->kind == WEFT__opt) {
        type = type->of;
        if (!((const bool *)value)[type->size]) return 0;
    }
    if (field->unique) rc = check_unique(type, value, arena, found);
    if (rc < 0 || !field->check) return rc;
    return ask(field->check, &(weft__author){ "the check of member", field->name }, value, found);
}

/* ---- .only ---- */

static const weft_schema *type_of(const weft_field *field)
{
    return field->type->kind == WEFT__opt ? field->type->of : field->type;
}

static bool is_true(const weft_field *field) { return strcmp(field->only, "true") == 0; }

bool weft__judge_is_only(const weft_field *field, const weft__token *token)
{
    const weft_schema *type = type_of(field);
    int64_t value, only;
    bool negative;
    if (type->kind == WEFT__enum || type->scalar == WEFT__text)
        return token->kind == WEFT__TOKEN_TEXT &&
               weft_str_equal(token->text, weft_str_of(field->only));
    if (type->scalar == WEFT__bool)
        return token->kind == (is_true(field) ? WEFT__TOKEN_TRUE : WEFT__TOKEN_FALSE);
    return token->kind == WEFT__TOKEN_NUMBER && weft__number_int64(&token->number, &value) == 0 &&
           weft__text_int64(weft_str_of(field->only), &only, &negative) == 0 && value == only;
}

int weft__judge_store_only(const weft_field *field, void *out)
{
    weft_arena none;                               /* no such value takes memory but text */
    weft__finding found;
    weft_str text = weft_str_of(field->only);
    if (type_of(field)->scalar == WEFT__text) {
        *(weft_str *)out = text;
        return 0;
    }
    weft__arena_init(&none, NULL, 0);
    weft__token token = { .kind = WEFT__TOKEN_TEXT, .text = text };
    return weft__coerce(type_of(field), NULL, &token, out, &none, &found);
}

weft__finding weft__judge_not_only(const weft_field *field)
{
    const weft_schema *type = type_of(field);
    bool text = type->kind == WEFT__enum || type->scalar == WEFT__text;
    weft__ctx expected = { "expected", text ? WEFT__CTX_QUOTED : WEFT__CTX_TEXT,
        .s = weft_str_of(field->only) };
    if (type->scalar == WEFT__bool) expected.s = is_true(field) ? WEFT_S("True") : WEFT_S("False");
    return (weft__finding){ "literal_error", "Input should be {0}", { expected } };
}
