#include "model/plan.h"
#include <string.h>
#include "base/buf.h"
#include "base/mem.h"
#include "model/pattern.h"
#include "wire/json.h"

static weft__plan *all_plans;                      /* changed and read atomically */

static const weft_schema *embedded(const weft_field *field)
{
    return field->place == WEFT__embed ? field->type : NULL;
}

static bool is_member(const weft_field *field)
{
    return field->place != WEFT__hidden && field->place != WEFT__extra &&
           !weft__field_is_remark(field);
}

/* Behind the string whose opening quote stands at `p`. */
static const char *text_end(const char *p)
{
    for (p++; *p != '"'; p += *p == '\\' ? 2 : 1) {}
    return p + 1;
}

/* Where a key ends that starts at `key`: behind the colon that follows its closing quote. */
static const char *key_end(const char *key) { return text_end(key + 1) + 1; }

/* What is always the same stands behind its key, with a comma behind it. */
static weft_str constant_at(const char *p)
{
    const char *end = p;
    if (*p == '"') end = text_end(p);
    else while (*end != ',') end++;
    return (weft_str){ p, (size_t)(end - p) };
}

/* How many members and checks a model has, and the bytes of their keys. */
typedef struct measures { size_t members, checks; weft__buf keys; } measures;

/* Its key, and behind it what it says if that is always the same. */
static int measure_member(measures *m, const weft_field *field, weft_str name)
{
    const weft_schema *leaf = weft__schema_leaf(field->type);
    if (!field->type || name.len > WEFT__NAME_MAX || ++m->members > WEFT__MEMBERS_MAX)
        return WEFT_EINVAL;
    weft__buf_add_char(&m->keys, ',');
    if (!weft__json_add_text(&m->keys, name)) return WEFT_EINVAL;
    weft__buf_add_char(&m->keys, ':');
    if (!field->only) return 0;
    bool text = leaf->kind == WEFT__enum || leaf->scalar == WEFT__text;
    if (!text) weft__buf_add_str(&m->keys, weft_str_of(field->only));
    else if (!weft__json_add_text(&m->keys, weft_str_of(field->only))) return WEFT_EINVAL;
    weft__buf_add_char(&m->keys, ',');
    return 0;
}

/* WEFT_EINVAL past a limit. */
static int measure(measures *m, const weft_schema *schema, int depth)
{
    int rc = depth > WEFT__EMBED_DEPTH_MAX ? WEFT_EINVAL : 0;
    for (size_t i = 0; i < schema->count && rc == 0; i++) {
        const weft_field *field = &schema->fields[i];
        if (field->place == WEFT__check) m->checks++;
        if (!is_member(field)) continue;
        rc = embedded(field) ? measure(m, field->type, depth + 1)
                             : measure_member(m, field, weft__field_name(field));
    }
    return rc;
}

/* The key of a case is the tag's with the case's text: ,"type":"order.created" */
static int measure_cases(measures *m, const weft_schema *schema)
{
    for (size_t i = 1; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        weft_str name = { field->name, field->name_len };
        if (name.len > WEFT__NAME_MAX || ++m->members > WEFT__MEMBERS_MAX) return WEFT_EINVAL;
        weft__buf_add_char(&m->keys, ',');
        if (!weft__json_add_text(&m->keys, weft__field_name(&schema->fields[0])))
            return WEFT_EINVAL;
        weft__buf_add_char(&m->keys, ':');
        if (!weft__json_add_text(&m->keys, name)) return WEFT_EINVAL;
    }
    return 0;
}

static const char *member_fill(
    weft__plan *plan, const weft_field *field, size_t offset, const char *key)
{
    uint32_t index = plan->count++;
    weft__member *m = &plan->members[index];
    *m = (weft__member){
        .type = field->type,
        .field = field,
        .rules = weft__field_has_rules(field) ? field : NULL,
        .offset = offset,
        .name = weft__field_name(field),
        .key = key,
        .key_len = (uint32_t)(key_end(key) - key),
        .ref = field->place == WEFT__ref,
    };
    const char *behind = key + m->key_len;
    if (field->only) {
        m->constant = constant_at(behind);
        behind += m->constant.len + 1;
    }
    m->asks = m->ref || weft__field_is_judged(field);
    m->tells = m->ref || field->only || field->not_null;
    size_t head = m->key_len - 1 < 8 ? m->key_len - 1 : 8;
    memcpy(&m->head, key + 1, head);
    memset(&m->head_mask, 0xFF, head);
    uint64_t bit = 1ULL << (index & 63);
    if (field->initial) plan->initial[index / 64] |= bit;
    else if (!weft__field_may_lack(field)) plan->required[index / 64] |= bit;
    return behind;
}

static void remark_fill(weft__plan *plan, const weft_field *field, size_t offset)
{
    if (field->place == WEFT__no_extra) plan->no_extra = true;
    if (field->place == WEFT__check)
        plan->checks[plan->checks_count++] = (weft__plan_check){ field->check, offset };
    if (field->place != WEFT__extra) return;
    plan->extras++;
    plan->extra = field;
    plan->extra_offset = offset + field->offset;
}

static const char *fill(weft__plan *plan, const weft_schema *schema, size_t offset, const char *key)
{
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        remark_fill(plan, field, offset);
        if (!is_member(field)) continue;
        key = embedded(field) ? fill(plan, field->type, offset + field->offset, key)
                              : member_fill(plan, field, offset + field->offset, key);
    }
    return key;
}

static void fill_cases(weft__plan *plan, const weft_schema *schema, const char *key)
{
    plan->tag = &schema->fields[0];
    for (size_t i = 1; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        const char *end = text_end(key_end(key));
        plan->members[plan->count++] = (weft__member){
            .type = field->type,
            .field = field,
            .offset = field->offset,
            .name = { field->name, field->name_len },
            .key = key,
            .key_len = (uint32_t)(end - key),
        };
        key = end;
    }
}

static weft__plan *build(const weft_schema *schema, int *rc)
{
    measures m = { 0 };
    bool is_union = schema->kind == WEFT__union;
    weft__buf_init(&m.keys, WEFT__MEMBERS_MAX * (12 * WEFT__NAME_MAX + 8) + 64 * 1024);
    *rc = is_union ? measure_cases(&m, schema) : measure(&m, schema, 0);
    if (*rc == 0) *rc = m.keys.failed;
    size_t checks = sizeof(weft__plan) + m.members * sizeof(weft__member);
    size_t text = checks + m.checks * sizeof(weft__plan_check);
    weft__plan *plan = *rc < 0 ? NULL : weft__calloc(text + m.keys.len + WEFT__KEY_SPARE);
    if (*rc == 0 && !plan) *rc = WEFT_ENOMEM;
    if (plan) {
        char *key = (char *)plan + text;
        if (m.keys.len) memcpy(key, m.keys.ptr, m.keys.len);
        plan->slot = schema->plan;
        plan->checks = (weft__plan_check *)(void *)((char *)plan + checks);
        if (is_union) fill_cases(plan, schema, key);
        else fill(plan, schema, 0, key);
    }
    weft__buf_free(&m.keys);
    return plan;
}

static void remember(weft__plan *plan)
{
    plan->next = __atomic_load_n(&all_plans, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(
        &all_plans, &plan->next, plan, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {}
}

int weft__plan_make(const weft_schema *schema, const weft__plan **out)
{
    bool has_plan = schema->kind == WEFT__model || schema->kind == WEFT__union;
    if (!has_plan || !schema->plan) return WEFT_EINVAL;
    int rc = 0;
    weft__plan *made = build(schema, &rc), *there = NULL;
    if (!made) return rc;
    if (__atomic_compare_exchange_n(
            schema->plan, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        remember(made);
        *out = made;
    } else {
        weft__free(made);                          /* another thread was quicker */
        *out = there;
    }
    return 0;
}

void weft__plan_forget(void)
{
    while (all_plans) {
        weft__plan *plan = all_plans;
        all_plans = plan->next;
        *plan->slot = NULL;
        weft__free(plan);
    }
}

void weft__model_forget(void)
{
    weft__plan_forget();
    weft__pattern_forget();
}
