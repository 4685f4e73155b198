#include <string.h>
#include "model/reader.h"
#include "model/text.h"
#include "wire/number.h"

static bool items_check(
    weft__reader *r, const weft_field *rules, const char *what, size_t count, const char *begin)
{
    weft__finding found;
    if (weft__rules_items(rules, what, count, &found) == 0) return true;
    return weft__read_problem(r, &found, begin);
}

/* The next item; its bytes are zero, but for a scalar in room that the list has: reading sets
 * all of that. */
static inline void *slot(weft__reader *r, const weft_schema *schema, weft__any_list *list)
{
    if (list->count < list->room && schema->of->kind == WEFT__scalar && schema->kind == WEFT__list)
        return list->items + list->count++ * schema->item_size;
    void *item = weft__list_slot(r->arena, list, schema->item_size);
    if (!item) weft__read_fail(r, weft__arena_error(r->arena));
    return item;
}

/* Items past max_items are counted and not kept, and none is judged once the problems are full:
 * many bad items cost no more than as many bytes that nobody asked for. */
static bool read_items(weft__reader *r, const weft_schema *schema, const weft_field *rules,
    weft__any_list *list, size_t *count)
{
    size_t keep = rules && rules->max_items ? rules->max_items : SIZE_MAX;
    do {
        if (*count < keep && !weft__problems_full(r->problems)) {
            void *item = slot(r, schema, list);
            if (!item) return false;
            *weft__read_step(r) = (weft__step){ NULL, 0, (uint32_t)*count };
            if (!weft__read_value(r, schema->of, rules, item)) return false;
        } else if (!weft__json_skip(&r->in, r->depth)) {
            return false;
        }
        ++*count;
    } while (weft__read_more(r, ']'));
    return !r->in.error;
}

/* A list that is too long has that one problem, and one with problems inside is not said to be
 * too short. */
bool weft__read_list(weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out)
{
    const char *begin = r->in.at;
    size_t count = 0;
    if (begin == r->in.end || *begin != '[') return weft__read_wrong_kind(r, schema);
    if (!weft__read_enter(r)) return false;
    weft__problems_mark before = weft__problems_mark_now(r->problems);
    if (weft__json_peek(&r->in) == ']') r->in.at++;
    else if (!read_items(r, schema, rules, out, &count)) return false;
    r->depth--;
    if (!rules) return true;
    if (rules->max_items && count > rules->max_items) weft__problems_back_to(r->problems, before);
    return r->problems->total > before.total || items_check(r, rules, "List", count, begin);
}

/* The keys of a map, as they lie in its entries. */
typedef struct keys { const char *entries; size_t entry_size; uint32_t count, *order; } keys;

static weft_str key_at(const keys *k, uint32_t i)
{
    return *(const weft_str *)(k->entries + i * k->entry_size);
}

static int key_compare(const keys *k, uint32_t a, uint32_t b)
{
    weft_str x = key_at(k, a), y = key_at(k, b);
    if (x.len != y.len) return x.len < y.len ? -1 : 1;
    return memcmp(x.ptr, y.ptr, x.len);
}

/* Heapsort: no stack, no memory, and no input that is slow. */
static void sift(const keys *k, uint32_t root, uint32_t count)
{
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && key_compare(k, k->order[child], k->order[child + 1]) < 0) child++;
        if (key_compare(k, k->order[root], k->order[child]) >= 0) return;
        uint32_t swap = k->order[root];
        k->order[root] = k->order[child];
        k->order[child] = swap;
    }
}

static void keys_sort(const keys *k)
{
    for (uint32_t i = k->count / 2; i-- > 0;) sift(k, i, k->count);
    for (uint32_t end = k->count; end-- > 1;) {
        uint32_t swap = k->order[0];
        k->order[0] = k->order[end];
        k->order[end] = swap;
        sift(k, 0, end);
    }
}

/* Where the key of the entry with that number stands, in an object that was read without error. */
static const char *key_place(weft__reader *r, const char *begin, uint32_t index)
{
    weft__json_in in = r->in;
    weft__json_string key;
    for (in.at = begin + 1;; index--) {
        weft__json_peek(&in);
        const char *place = in.at;
        if (index == 0 || !weft__json_string_read(&in, &key)) return place;
        weft__json_peek(&in);
        in.at++;
        if (!weft__json_skip(&in, r->depth)) return place;
        weft__json_peek(&in);
        in.at++;
    }
}

enum { FEW_KEYS = 16 };

/* Few keys are compared one by one as they come, many are sorted at the end. */
static bool few_keys_distinct(weft__reader *r, const keys *k, const char *place)
{
    for (uint32_t i = 0; i + 1 < k->count; i++)
        if (key_compare(k, i, k->count - 1) == 0) return weft__read_twice(r, key_at(k, i), place);
    return true;
}

static bool many_keys_distinct(weft__reader *r, keys *k, const char *begin, bool all)
{
    k->order = weft__arena_alloc(r->arena, k->count * sizeof *k->order);
    if (!k->order) return weft__read_fail(r, weft__arena_error(r->arena));
    for (uint32_t i = 0; i < k->count; i++) k->order[i] = i;
    keys_sort(k);
    for (uint32_t i = 1; i < k->count; i++) {
        uint32_t a = k->order[i - 1], b = k->order[i];
        if (key_compare(k, a, b) == 0)
            return weft__read_twice(
                r, key_at(k, a), all ? key_place(r, begin, a > b ? a : b) : begin);
    }
    return true;
}

bool weft__read_distinct(
    weft__reader *r, const weft_schema *schema, const void *map, const char *begin, bool all)
{
    const weft__any_list *m = map;
    keys k = { m->items, schema->item_size, m->count, NULL };
    return m->count <= FEW_KEYS || many_keys_distinct(r, &k, begin, all);
}

static __attribute__((noinline)) bool key_problem(
    weft__reader *r, const weft__finding *found, const weft__json_string *raw)
{
    weft__step steps[WEFT__STEPS_MAX + 1];
    uint32_t count = weft__read_steps(r, steps);
    steps[count++] = (weft__step){ "[key]", 5, 0 };
    weft__input input = { WEFT__INPUT_JSON, { raw->raw.ptr - 1, raw->raw.len + 2 } };
    weft__problems_add_at(r->problems, found, r->prefix, steps, count, input);
    return r->problems->failed ? weft__read_fail(r, r->problems->failed) : true;
}

/* The text becomes that of the number, so that what is equal has one key. */
static __attribute__((noinline)) bool number_key(
    weft__reader *r, const weft__json_string *raw, weft_str *key)
{
    const weft__token text = { .kind = WEFT__TOKEN_TEXT, .text = *key };
    weft__finding found;
    int64_t value;
    int rc = weft__coerce(&weft_schema_int64_t, NULL, &text, &value, r->arena, &found);
    if (rc == WEFT_EINVAL) return key_problem(r, &found, raw);
    if (rc < 0) return weft__read_fail(r, rc);
    char digits[32];
    weft_str written = { digits, weft__int64_write(digits, value) };
    return weft_str_equal(*key, written) || weft__read_text_copy(r, written, key);
}

static bool entry_key(
    weft__reader *r, const weft_field *rules, const weft__json_string *key, weft_str *out)
{
    static const weft__finding nul_found = WEFT__FOUND_NUL;
    bool nul;
    if (!weft__read_text_of(r, key, out, &nul)) return false;
    if (!key->escaped && !weft__read_text_copy(r, *out, out)) return false;
    *weft__read_step(r) = (weft__step){ out->ptr, (uint32_t)out->len, 0 };
    if (nul) return key_problem(r, &nul_found, key);
    return !rules || !rules->int_keys || number_key(r, key, out);
}

bool weft__read_entry(weft__reader *r, const weft_schema *schema, const weft_field *rules,
    void *into, const weft__json_string *key)
{
    weft__any_list *map = into;
    char *entry = slot(r, schema, map);
    if (!entry || !entry_key(r, rules, key, (weft_str *)(void *)entry)) return false;
    if (!weft__read_colon(r)) return false;
    keys k = { map->items, schema->item_size, map->count, NULL };
    if (map->count <= FEW_KEYS && !few_keys_distinct(r, &k, key->raw.ptr - 1)) return false;
    if (weft__problems_full(r->problems)) return weft__json_skip(&r->in, r->depth);
    return weft__read_value(r, schema->of, rules, entry + WEFT__ENTRY_VALUE);
}

static bool read_entries(
    weft__reader *r, const weft_schema *schema, const weft_field *rules, weft__any_list *map)
{
    do {
        weft__json_string key;
        if (weft__json_peek(&r->in) != '"')
            return weft__json_fail(
                &r->in, "Expecting property name enclosed in double quotes", r->in.at);
        if (!weft__json_string_read(&r->in, &key)) return false;
        if (!weft__read_entry(r, schema, rules, map, &key)) return false;
    } while (weft__read_more(r, '}'));
    return !r->in.error;
}

bool weft__read_map(weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out)
{
    weft__any_list *map = out;
    const char *begin = r->in.at;
    if (begin == r->in.end || *begin != '{') return weft__read_wrong_kind(r, schema);
    if (!weft__read_enter(r)) return false;
    weft__problems_mark before = weft__problems_mark_now(r->problems);
    if (weft__json_peek(&r->in) == '}') r->in.at++;
    else if (!read_entries(r, schema, rules, map)) return false;
    if (!weft__read_distinct(r, schema, map, begin, true)) return false;
    r->depth--;
    return r->problems->total > before.total ||
           items_check(r, rules, "Dictionary", map->count, begin);
}
