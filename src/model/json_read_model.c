#include <string.h>
#include "model/judge.h"
#include "model/reader.h"
#include "model/text.h"
#include "wire/json_plain.h"

/* The keys of an object that its model does not declare: only some are kept to be compared. */
enum { UNKNOWN_MAX = 8, NO_MEMBER = WEFT__MEMBERS_MAX };
typedef struct unknown_keys {
    const weft_str *tag;             /* of a union: a key that is passed, once */
    bool tag_seen;
    uint32_t count, at[UNKNOWN_MAX], len[UNKNOWN_MAX];
} unknown_keys;

static inline bool is_set(const uint64_t *bits, uint32_t i) { return bits[i / 64] >> (i & 63) & 1; }

/* True, and past the colon, when the text goes on with exactly this key: most clients send the
 * members in the order of the declaration, and with nothing between key and colon. */
static inline bool key_expected(weft__json_in *in, const weft__member *m)
{
    size_t len = m->key_len - 1, left = (size_t)(in->end - in->at);
    if (left < 8 || left < len || (weft__load8(in->at) & m->head_mask) != m->head) return false;
    if (len > 8 && memcmp(in->at + 8, m->key + 1 + 8, len - 8)) return false;
    in->at += len;
    return true;
}

static uint32_t member_named(const weft__plan *plan, weft_str name, uint32_t from)
{
    for (uint32_t n = 0; n < plan->count; n++) {
        uint32_t i = from + n < plan->count ? from + n : from + n - plan->count;
        if (plan->members[i].name.len == name.len &&
            memcmp(plan->members[i].name.ptr, name.ptr, name.len) == 0)
            return i;
    }
    return NO_MEMBER;
}

/* An escaped key is spelled out first, unless it is too long for any name. A leaf, for its stack. */
static __attribute__((noinline)) uint32_t member_of_escaped(
    const weft__plan *plan, weft_str raw, uint32_t from)
{
    char spelled[6 * WEFT__NAME_MAX];
    bool nul = false;
    if (raw.len > sizeof spelled) return NO_MEMBER;
    return member_named(
        plan, (weft_str){ spelled, weft__json_unescape(raw, spelled, &nul) }, from);
}

/* The tag was read before: weft__read_union. */
static bool pass_tag(weft__reader *r, unknown_keys *unknown, const weft__json_string *key)
{
    if (unknown->tag_seen) return weft__read_twice(r, *unknown->tag, key->raw.ptr - 1);
    unknown->tag_seen = true;
    return weft__read_colon(r) && weft__json_skip(&r->in, r->depth);
}

static bool refuse_key(weft__reader *r, const weft__json_string *raw)
{
    static const weft__finding found = { .type = "extra_forbidden",
        .msg = "Extra inputs are not permitted" };
    weft_str key;
    bool nul;
    if (!weft__read_text_of(r, raw, &key, &nul) || !weft__read_colon(r)) return false;
    *weft__read_step(r) = (weft__step){ key.ptr, (uint32_t)key.len, 0 };
    weft__json_peek(&r->in);
    const char *begin = r->in.at;
    return weft__json_skip(&r->in, r->depth) && weft__read_problem(r, &found, begin);
}

static bool unknown_compared(weft__reader *r, unknown_keys *known, weft_str key)
{
    for (uint32_t i = 0; i < known->count; i++)
        if (known->len[i] == key.len && memcmp(r->in.start + known->at[i], key.ptr, key.len) == 0)
            return weft__read_twice(r, key, key.ptr - 1);
    if (known->count < UNKNOWN_MAX) {
        known->at[known->count] = (uint32_t)(key.ptr - r->in.start);
        known->len[known->count++] = (uint32_t)key.len;
    }
    return true;
}

/* A key that no member has: kept, refused or passed, with its value. Its problems come behind
 * those of all members. */
static bool unknown_member(weft__reader *r, const weft__plan *plan, unknown_keys *unknown,
    const weft__json_string *key, char *out)
{
    weft__problems_mark before = weft__problems_mark_now(r->problems);
    bool read;
    if (unknown->tag && weft__read_key_is(key, *unknown->tag)) return pass_tag(r, unknown, key);
    if (plan->extra)
        read = weft__read_entry(r, plan->extra->type,
            weft__field_has_rules(plan->extra) ? plan->extra : NULL, out + plan->extra_offset, key);
    else if (!unknown_compared(r, unknown, key->raw)) return false;
    else if (plan->no_extra) read = refuse_key(r, key);
    else return weft__read_colon(r) && weft__json_skip(&r->in, r->depth);
    weft__problems_rank(r->problems, before, plan->count);
    return read;
}

/* Past a key that is not the expected one, and its colon: `*index` is its member. An unknown one
 * is passed with its value. */
static __attribute__((noinline)) bool key_read(weft__reader *r, const weft__plan *plan,
    uint32_t from, unknown_keys *unknown, uint32_t *index, char *out)
{
    weft__json_string key;
    if (weft__json_peek(&r->in) != '"')
        return weft__json_fail(
            &r->in, "Expecting property name enclosed in double quotes", r->in.at);
    if (!weft__json_string_read(&r->in, &key)) return false;
    *index = key.escaped ? member_of_escaped(plan, key.raw, from)
                         : member_named(plan, key.raw, from);
    if (*index == NO_MEMBER) return unknown_member(r, plan, unknown, &key, out);
    return weft__read_colon(r);
}

static bool read_ref(weft__reader *r, const weft__member *m, void **out)
{
    if (weft__json_peek(&r->in) == 'n') return weft__json_literal(&r->in, "null", 4);
    *out = weft__arena_zalloc(r->arena, m->type->size);
    if (!*out) return weft__read_fail(r, weft__arena_error(r->arena));
    return weft__read_value(r, m->type, NULL, *out);
}

/* A member that is no plain value. */
static __attribute__((noinline)) bool read_asking(weft__reader *r, const weft__member *m, void *out)
{
    return m->ref ? read_ref(r, m, out) : weft__read_judged(r, m->type, m->field, m->rules, out);
}

static bool read_member(weft__reader *r, const weft__plan *plan, uint32_t index, char *out)
{
    const weft__member *m = &plan->members[index];
    weft__problems_mark before = weft__problems_mark_now(r->problems);
    *weft__read_step(r) = (weft__step){ m->name.ptr, (uint32_t)m->name.len, 0 };
    bool read = m->asks ? read_asking(r, m, out + m->offset)
                        : weft__read_value(r, m->type, m->rules, out + m->offset);
    if (__builtin_expect(r->problems->count != before.count, 0))
        weft__problems_rank(r->problems, before, index);
    return read;
}

/* For each member that was not there: its initial value, or the problem that it is missing. */
static __attribute__((noinline)) bool absent_members(
    weft__reader *r, const weft__plan *plan, const uint64_t *seen, const char *begin, char *out)
{
    static const weft__finding missing = { .type = "missing", .msg = "Field required" };
    for (uint32_t i = 0; i < plan->count; i++) {
        const weft__member *m = &plan->members[i];
        if (is_set(seen, i)) continue;
        if (is_set(plan->initial, i)) {
            int rc = weft__default_read(m->field, r->nested, out + m->offset, r->arena);
            if (rc < 0) return weft__read_fail(r, rc);
        } else if (is_set(plan->required, i)) {
            weft__problems_mark before = weft__problems_mark_now(r->problems);
            *weft__read_step(r) = (weft__step){ m->name.ptr, (uint32_t)m->name.len, 0 };
            if (!weft__read_problem(r, &missing, begin)) return false;
            weft__problems_rank(r->problems, before, i);
        }
    }
    return true;
}

static inline bool any_absent(const weft__plan *plan, const uint64_t *seen)
{
    uint64_t absent = 0;
    for (uint32_t i = 0; i < WEFT__MEMBER_WORDS; i++)
        absent |= (plan->required[i] | plan->initial[i]) & ~seen[i];
    return absent != 0;
}

static bool read_members(
    weft__reader *r, const weft__plan *plan, const weft_str *tag, uint64_t *seen, char *out)
{
    unknown_keys unknown;
    unknown.tag = tag;
    unknown.tag_seen = false;
    unknown.count = 0;
    uint32_t next = 0;
    do {
        uint32_t index = next;
        bool quoted = weft__json_peek(&r->in) == '"';
        const char *key = r->in.at;
        if (!quoted || next >= plan->count || !key_expected(&r->in, &plan->members[next])) {
            if (!key_read(r, plan, next < plan->count ? next : 0, &unknown, &index, out))
                return false;
            if (index == NO_MEMBER) continue;
        }
        if (is_set(seen, index)) return weft__read_twice(r, plan->members[index].name, key);
        seen[index / 64] |= 1ULL << (index & 63);
        if (!read_member(r, plan, index, out)) return false;
        next = index + 1;
    } while (weft__read_more(r, '}'));
    return !r->in.error;
}

/* What the author asks of the model as a whole; the first that finds something ends it. */
static __attribute__((noinline)) bool check_model(
    weft__reader *r, const weft_schema *schema, const weft__plan *plan, const char *begin, char *out)
{
    weft__finding found;
    for (uint32_t i = 0; i < plan->checks_count; i++) {
        const weft__plan_check *check = &plan->checks[i];
        if (weft__judge_model(check->function, schema, out + check->offset, &found) < 0)
            return weft__read_problem(r, &found, begin);
    }
    return true;
}

bool weft__read_model(
    weft__reader *r, const weft_schema *schema, const weft_str *tag, void *out)
{
    const weft__plan *plan;
    int rc = weft__plan_of(schema, &plan);
    if (rc < 0) return weft__read_fail(r, rc);
    const char *begin = r->in.at;
    if (begin == r->in.end || *begin != '{') return weft__read_wrong_kind(r, schema);
    if (!weft__read_enter(r)) return false;
    uint64_t seen[WEFT__MEMBER_WORDS] = { 0 };
    weft__problems_mark before = weft__problems_mark_now(r->problems);
    if (weft__json_peek(&r->in) == '}') r->in.at++;
    else if (!read_members(r, plan, tag, seen, out)) return false;
    if (plan->extra &&
        !weft__read_distinct(r, plan->extra->type, (char *)out + plan->extra_offset, begin, false))
        return false;
    if (any_absent(plan, seen) && !absent_members(r, plan, seen, begin, out)) return false;
    if (__builtin_expect(r->problems->count > before.count + 1, 0))
        weft__problems_sort(r->problems, before);
    r->depth--;
    if (plan->checks_count && r->problems->total == before.total)
        return check_model(r, schema, plan, begin, out);
    return true;
}
