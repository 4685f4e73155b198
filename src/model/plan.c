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

/* How many members a model has in JSON, and the bytes of their keys; WEFT_EINVAL past a limit. */
static int measure(const weft_schema *schema, int depth, size_t *count, weft__buf *keys)
{
    if (depth > WEFT__EMBED_DEPTH_MAX) return WEFT_EINVAL;
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        if (field->place == WEFT__hidden) continue;
        if (embedded(field)) {
            int rc = measure(field->type, depth + 1, count, keys);
            if (rc < 0) return rc;
            continue;
        }
        weft_str name = weft__field_name(field);
        if (!field->type || name.len > WEFT__NAME_MAX || ++*count > WEFT__MEMBERS_MAX)
            return WEFT_EINVAL;
        weft__buf_add_char(keys, ',');
        if (!weft__json_add_text(keys, name)) return WEFT_EINVAL;
        weft__buf_add_char(keys, ':');
    }
    return 0;
}

/* Where a key ends that starts at `key`: behind the colon that follows its closing quote. */
static const char *key_end(const char *key)
{
    const char *p = key + 2;
    while (*p != '"') p += *p == '\\' ? 2 : 1;
    return p + 2;
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
    size_t head = m->key_len - 1 < 8 ? m->key_len - 1 : 8;
    memcpy(&m->head, key + 1, head);
    memset(&m->head_mask, 0xFF, head);
    uint64_t bit = 1ULL << (index & 63);
    if (field->initial) plan->initial[index / 64] |= bit;
    else if (!weft__field_may_lack(field)) plan->required[index / 64] |= bit;
    return key + m->key_len;
}

static const char *fill(weft__plan *plan, const weft_schema *schema, size_t offset, const char *key)
{
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        if (field->place == WEFT__hidden) continue;
        key = embedded(field) ? fill(plan, field->type, offset + field->offset, key)
                              : member_fill(plan, field, offset + field->offset, key);
    }
    return key;
}

static weft__plan *build(const weft_schema *schema, int *rc)
{
    weft__buf keys;
    size_t count = 0;
    weft__buf_init(&keys, WEFT__MEMBERS_MAX * (6 * WEFT__NAME_MAX + 4));
    *rc = measure(schema, 0, &count, &keys);
    if (*rc == 0) *rc = keys.failed;
    size_t head = sizeof(weft__plan) + count * sizeof(weft__member);
    weft__plan *plan = *rc < 0 ? NULL : weft__calloc(head + keys.len + WEFT__KEY_SPARE);
    if (*rc == 0 && !plan) *rc = WEFT_ENOMEM;
    if (plan) {
        char *text = (char *)plan + head;
        if (keys.len) memcpy(text, keys.ptr, keys.len);
        plan->slot = schema->plan;
        fill(plan, schema, 0, text);
    }
    weft__buf_free(&keys);
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
    if (schema->kind != WEFT__model || !schema->plan) return WEFT_EINVAL;
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
