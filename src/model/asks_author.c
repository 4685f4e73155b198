#include "model/plan.h"

enum { SCHEMAS_MAX = 64 };
typedef struct walk { const weft_schema *seen[SCHEMAS_MAX]; unsigned count; } walk;

/* True where it is not known: a model of very many. */
static bool found(walk *w, const weft_schema *schema)
{
    schema = weft__schema_leaf(schema);
    if (schema->kind != WEFT__model && schema->kind != WEFT__union) return false;
    for (unsigned i = 0; i < w->count; i++)
        if (w->seen[i] == schema) return false;
    if (w->count == SCHEMAS_MAX) return true;
    w->seen[w->count++] = schema;
    for (size_t i = 0; i < schema->count; i++) {
        const weft_field *field = &schema->fields[i];
        if (field->check || (field->type && found(w, field->type))) return true;
    }
    return false;
}

bool weft__schema_asks_author(const weft_schema *schema)
{
    enum { NOT_KNOWN, NO, YES };
    const weft_schema *leaf = weft__schema_leaf(schema);
    if (leaf->kind != WEFT__model && leaf->kind != WEFT__union) return false;
    const weft__plan *plan = leaf->plan ? __atomic_load_n(leaf->plan, __ATOMIC_ACQUIRE) : NULL;
    if (!plan) return true;
    uint8_t *kept = (uint8_t *)&plan->asks_author;
    uint8_t known = __atomic_load_n(kept, __ATOMIC_RELAXED);
    if (__builtin_expect(known != NOT_KNOWN, 1)) return known == YES;
    bool asks = found(&(walk){ .count = 0 }, leaf);
    __atomic_store_n(kept, asks ? YES : NO, __ATOMIC_RELAXED);
    return asks;
}
