#include "model/view.h"
#include <stdio.h>
#include "model/coerce.h"
#include "model/text.h"

typedef struct making {
    weft__view *view;
    weft_arena *arena;
    weft__fault *fault;
} making;

#define REFUSE(m, ...) (snprintf((m)->fault->text, sizeof (m)->fault->text, __VA_ARGS__), WEFT_EINVAL)

bool weft__view_needed(const weft__view_opts *opts)
{
    return opts->exclude_unset || opts->exclude_none || opts->exclude_defaults || opts->include ||
           opts->exclude;
}

/* ---- names ---- */

/* The next name of a list with commas, without white space around; false at its end. */
static bool name_next(const char **at, weft_str *name)
{
    const char *p = *at;
    if (!*p) return false;
    while (*p == ' ') p++;
    *name = (weft_str){ p, 0 };
    while (*p && *p != ',') p++;
    *at = *p ? p + 1 : p;
    while (p > name->ptr && p[-1] == ' ') p--;
    name->len = (size_t)(p - name->ptr);
    return true;
}

static void list_members(const weft__plan *plan, char *out, size_t room)
{
    size_t n = 0;
    *out = 0;
    for (uint32_t i = 0; i < plan->count && n < room; i++)
        n += (size_t)snprintf(
            out + n, room - n, "%s'%.*s'", i ? ", " : "", WEFT_FMT(plan->members[i].name));
}

static int mark_name(making *m, const weft_schema *model, const weft__plan *plan,
    const char *option, weft_str name, uint64_t *marked)
{
    char there[120];
    for (uint32_t i = 0; i < plan->count; i++) {
        if (!weft_str_equal(plan->members[i].name, name)) continue;
        marked[i / 64] |= 1ULL << (i & 63);
        return 0;
    }
    list_members(plan, there, sizeof there);
    return REFUSE(m, ".%s names '%.*s', which is no member of %s; it has %s", option,
        name.len > 40 ? 40 : (int)name.len, name.ptr, model->name, there);
}

static int choose(making *m, const weft__view_opts *opts, const weft_schema *model)
{
    const char *names = opts->include ? opts->include : opts->exclude;
    const char *option = opts->include ? "include" : "exclude";
    const weft__plan *plan;
    uint64_t marked[WEFT__MEMBER_WORDS] = { 0 };
    weft_str name;
    if (opts->include && opts->exclude)
        return REFUSE(m, ".include and .exclude; expected one of them");
    if (model->kind != WEFT__model)
        return REFUSE(m, ".%s names members, and the output %s has none", option, model->name);
    int rc = weft__plan_of(model, &plan);
    while (rc == 0 && name_next(&names, &name))
        rc = mark_name(m, model, plan, option, name, marked);
    for (uint32_t i = 0; i < WEFT__MEMBER_WORDS; i++)
        m->view->omitted[i] = opts->include ? ~marked[i] : marked[i];
    return rc;
}

/* ---- defaults ---- */

static int initial_text(making *m, const weft__member *member, weft_str *out)
{
    weft_arena arena;
    weft__buf text;
    weft__arena_init(&arena, NULL, 4 << 20);
    weft__buf_init(&text, 1 << 20);
    void *value = weft__arena_zalloc(&arena, member->type->size);
    int rc = value ? weft__default_read(member->field, 0, value, &arena) : weft__arena_error(&arena);
    if (rc == 0) rc = weft__json_write(member->type, value, &text, m->fault);
    if (rc == 0) *out = weft__arena_dup(m->arena, weft__buf_str(&text));
    if (rc == 0 && !out->ptr) rc = weft__arena_error(m->arena);
    weft__buf_free(&text);
    weft__arena_free(&arena);
    return rc;
}

static int add_initials(making *m, const weft__plan *plan)
{
    weft_str *initial = weft__arena_zalloc(m->arena, (plan->count + 1) * sizeof *initial);
    weft__view_model *slot = weft__list_slot(m->arena, &m->view->models, sizeof *slot);
    if (!initial || !slot) return weft__arena_error(m->arena);
    *slot = (weft__view_model){ plan, initial };
    int rc = 0;
    for (uint32_t i = 0; i < plan->count && rc == 0; i++)
        if (plan->members[i].field->initial) rc = initial_text(m, &plan->members[i], &initial[i]);
    return rc;
}

/* All models that the output holds; a list of models to go through grows while it is gone through. */
typedef struct found { const weft_schema **items; uint32_t count, room; } found;

static int found_add(making *m, found *all, const weft_schema *type)
{
    const weft_schema *leaf = weft__schema_leaf(type);
    if (!leaf || (leaf->kind != WEFT__model && leaf->kind != WEFT__union)) return 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->items[i] == leaf) return 0;
    const weft_schema **slot = weft__list_slot(m->arena, all, sizeof *slot);
    if (slot) *slot = leaf;
    return slot ? 0 : weft__arena_error(m->arena);
}

static int find_initials(making *m, const weft_schema *output)
{
    found all = { 0 };
    const weft__plan *plan;
    int rc = found_add(m, &all, output);
    for (uint32_t i = 0; i < all.count && rc == 0; i++) {
        const weft_schema *type = all.items[i];
        rc = type->kind == WEFT__model ? weft__plan_of(type, &plan) : 0;
        if (rc == 0 && type->kind == WEFT__model) rc = add_initials(m, plan);
        for (size_t k = 0; k < type->count && rc == 0; k++)
            rc = found_add(m, &all, type->fields[k].type);
    }
    return rc;
}

int weft__view_make(weft__view *view, const weft__view_opts *opts, const weft_schema *output,
    weft_arena *arena, weft__fault *fault)
{
    making m = { view, arena, fault };
    *view = (weft__view){ .exclude_unset = opts->exclude_unset,
        .exclude_none = opts->exclude_none,
        .exclude_defaults = opts->exclude_defaults };
    int rc = 0;
    if (opts->include || opts->exclude) rc = choose(&m, opts, weft__schema_leaf(output));
    if (rc == 0 && opts->exclude_defaults) rc = find_initials(&m, output);
    return rc;
}

const weft_str *weft__view_initial(const weft__view *view, const weft__plan *plan)
{
    for (uint32_t i = 0; i < view->models.count; i++)
        if (view->models.items[i].plan == plan) return view->models.items[i].initial;
    return NULL;
}

bool weft__view_is_unset(const weft__member *m, const char *value)
{
    const weft_schema *type = m->type;
    if (m->ref) return !*(void *const *)(const void *)value;
    if (type->kind == WEFT__opt) return !value[type->of->size] && !value[type->of->size + 1];
    if (type->kind != WEFT__list && type->kind != WEFT__map) return false;
    return m->field->initial && !((const weft__any_list *)(const void *)value)->count;
}
