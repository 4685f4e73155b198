/* Settings: what is set is put together as one JSON object, which is then read as any other is. So all that models know of
 * conversion, limits and faults holds here, too. */
#include "serve/settings.h"
#include <stdio.h>
#include <string.h>
#include "base/plain.h"
#include "model/json.h"
#include "model/plan.h"
#include "model/schema_check.h"
#include "wire/json.h"

enum { NAME_MAX_BYTES = 512 };

typedef struct reading {
    const weft_settings_opts *opts;
    const char *prefix, *dotenv;
    const char *const *environment;
    weft_arena *arena;
    weft__variables variables;       /* of .env */
    weft__buf *faults, *said, json;
    struct { weft_str *items; uint32_t count, room; } told;     /* variables whose fault was told already */
} reading;

static void no_memory(reading *r) { r->json.failed = WEFT_ENOMEM; }

/* ---- variables ---- */

typedef struct value { weft_str text; const char *from; int line; } value;

static bool environment_has(const reading *r, const char *name, weft_str *out)
{
    size_t n = strlen(name);
    for (const char *const *e = r->environment; *e; e++) {
        if (strncmp(*e, name, n) != 0 || (*e)[n] != '=') continue;
        *out = weft_str_of(*e + n + 1);
        return true;
    }
    return false;
}

/* An empty text of the environment hides what .env says only where an empty text is a value. */
static bool lookup(reading *r, const char *name, bool empty_counts, value *out)
{
    *out = (value){ .from = "environment" };
    bool found = environment_has(r, name, &out->text);
    for (uint32_t i = 0; i < r->variables.count; i++) {
        weft__variable *v = &r->variables.items[i];
        if (!weft_str_equal(v->name, weft_str_of(name))) continue;
        v->used = true;
        if (!found || (!empty_counts && !out->text.len)) *out = (value){ v->value, r->dotenv, v->line };
        return true;
    }
    return found;
}

/* The same, where an empty text that is no value counts as absent. */
static bool lookup_set(reading *r, const char *name, bool empty_counts, value *out)
{
    if (lookup(r, name, empty_counts, out) && (out->text.len || empty_counts)) return true;
    *out = (value){ .text = { NULL, 0 } };
    return false;
}

/* Is there any variable whose name begins so and goes on? */
static bool any_begins(const reading *r, const char *prefix)
{
    size_t n = strlen(prefix);
    for (const char *const *e = r->environment; *e; e++)
        if (strncmp(*e, prefix, n) == 0 && (*e)[n] != '=' && (*e)[n]) return true;
    for (uint32_t i = 0; i < r->variables.count; i++) {
        weft_str name = r->variables.items[i].name;
        if (name.len > n && memcmp(name.ptr, prefix, n) == 0) return true;
    }
    return false;
}

/* False: it is too long for a variable. */
static bool name_of(char out[NAME_MAX_BYTES], const char *prefix, weft_str member, const char *behind)
{
    int n = snprintf(out, NAME_MAX_BYTES, "%s%.*s%s", prefix, WEFT_FMT(member), behind);
    if (n < 0 || n >= NAME_MAX_BYTES) return false;
    for (char *c = out + strlen(prefix); *c; c++) {
        bool small = *c >= 'a' && *c <= 'z', plain = small || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        *c = (char)(small ? *c - 32 : plain ? *c : '_');
    }
    return true;
}

/* ---- what is shown ---- */

static bool is_secret(const weft__member *m) { return m->field->secret || weft__named_like_a_secret(m->name); }

static void say_from(weft__buf *out, const value *v)
{
    if (v->line) weft__buf_printf(out, "%s line %d", v->from, v->line);
    else weft__buf_printf(out, "%s", v->from ? v->from : "JSON");
}

/* Models are printed member by member; where one cannot be, in a list say, all of it is a secret when one of its members is. */
static void print_one(reading *r, const char *name, const weft__member *m, const value *v, bool secret)
{
    if (!r->opts->print || !v->text.ptr) return;
    weft__buf_printf(r->said, "  %s = ", name);
    if (secret || is_secret(m) || weft__holds_secrets(m->type)) weft__buf_lit(r->said, "***");
    else weft__shown_add(r->said, v->text);
    weft__buf_lit(r->said, " (");
    say_from(r->said, v);
    weft__buf_lit(r->said, ")\n");
}

/* ---- one value, as JSON ---- */

static const weft_schema *inside(const weft_schema *s) { return s->kind == WEFT__opt ? s->of : s; }

static bool is_text(const weft_schema *s) { return s->kind == WEFT__scalar && s->scalar != WEFT__json; }

/* Takes one value that is no text but is JSON: with a fault when it is not. */
static bool add_json(reading *r, const char *name, const value *v)
{
    weft__json_in in = weft__json_open(v->text);
    (void)weft__json_peek(&in);
    bool good = weft__json_skip(&in, 0);
    if (good && weft__json_peek(&in)) good = weft__json_fail(&in, "Extra data", in.at);
    if (good) {
        weft__buf_add_str(&r->json, v->text);
        return true;
    }
    weft_str *told = weft__list_slot(r->arena, &r->told, sizeof *told);
    if (told) *told = weft__arena_dup(r->arena, weft_str_of(name));
    else no_memory(r);
    weft__buf_printf(r->faults, "%s (", name);
    say_from(r->faults, v);
    weft__buf_printf(r->faults, "): expected JSON: %s at character %zu\n", in.error, weft__json_error_position(&in) + 1);
    return false;
}

static void add_text(reading *r, weft_str text) { weft__json_add_text_lossy(&r->json, text); }

static void add_split(reading *r, weft_str text)
{
    weft__buf_add_char(&r->json, '[');
    for (bool first = true; text.len; first = false) {
        const char *comma = memchr(text.ptr, ',', text.len);
        weft_str item = { text.ptr, comma ? (size_t)(comma - text.ptr) : text.len };
        text = comma ? (weft_str){ comma + 1, text.len - item.len - 1 } : (weft_str){ "", 0 };
        while (item.len && *item.ptr == ' ') item = (weft_str){ item.ptr + 1, item.len - 1 };
        while (item.len && item.ptr[item.len - 1] == ' ') item.len--;
        if (!first) weft__buf_add_char(&r->json, ',');
        add_text(r, item);
    }
    weft__buf_add_char(&r->json, ']');
}

static void add_variable(reading *r, const weft_schema *s, const char *name, const value *v)
{
    bool split = s->kind == WEFT__list && (is_text(s->of) || s->of->kind == WEFT__enum) && (!v->text.len || *v->text.ptr != '[');
    if (is_text(s) || s->kind == WEFT__enum) add_text(r, v->text);
    else if (split) add_split(r, v->text);
    else if (!add_json(r, name, v)) weft__buf_lit(&r->json, "null");
}

/* ---- a model ---- */

static bool is_str(const weft_schema *s) { return s->kind == WEFT__scalar && s->scalar == WEFT__text; }

static bool plan_of(reading *r, const weft_schema *schema, const weft__plan **plan)
{
    if (weft__plan_of(schema, plan) == 0) return true;
    no_memory(r);                                    /* it was made when the schema was checked, or could not be */
    return false;
}

/* Is any of its members set by a variable? */
static bool any_set(reading *r, const weft_schema *model, const char *below)
{
    const weft__plan *plan;
    if (!any_begins(r, below) || !plan_of(r, model, &plan)) return false;
    for (uint32_t i = 0; i < plan->count; i++) {
        char name[NAME_MAX_BYTES], further[NAME_MAX_BYTES];
        const weft_schema *s = inside(plan->members[i].type);
        value v;
        if (!name_of(name, below, plan->members[i].name, "")) continue;
        if (lookup_set(r, name, is_str(s), &v)) return true;
        if (s->kind == WEFT__model && name_of(further, below, plan->members[i].name, "__") && any_set(r, s, further)) return true;
    }
    return false;
}

static void add_model(reading *r, const weft_schema *schema, const value *object, const char *prefix, bool secret);

static void add_key(reading *r, weft_str name)
{
    if (r->json.failed) return;
    if (r->json.ptr[r->json.len - 1] != '{') weft__buf_add_char(&r->json, ',');
    add_text(r, name);
    weft__buf_add_char(&r->json, ':');
}

/* What the object says of the member; ptr NULL: nothing. */
static value member_of(reading *r, const value *object, weft_str name)
{
    weft_str key, text;
    value found = { .from = object->from, .line = object->line };
    int rc = 0;
    for (size_t at = 0; object->text.len && (rc = weft__object_next(object->text, &at, &key, &text, r->arena)) > 0;)
        if (weft_str_equal(key, name)) found.text = text;
    if (rc < 0) no_memory(r);
    return found;
}

static unsigned char first_of(weft_str json)
{
    weft__json_in in = weft__json_open(json);
    return weft__json_peek(&in);
}

/* Its parts may come from everywhere. One that must be there begins empty, so that what it lacks is named. */
static void add_nested(reading *r, const weft__member *m, const value *object, const char *name, bool required, bool secret)
{
    char below[NAME_MAX_BYTES];
    int n = snprintf(below, sizeof below, "%s__", name);
    bool fits = n > 0 && n < NAME_MAX_BYTES, parts = fits && any_set(r, inside(m->type), below);
    unsigned char first = first_of(object->text);
    if (!parts && !first && !required) return;
    add_key(r, m->name);
    bool is_object = first == '{', begins = !first || (parts && first == 'n');       /* null, and parts of it */
    if (is_object || begins) add_model(r, inside(m->type), is_object ? object : &(value){ .text = { NULL, 0 } }, fits ? below : NULL, secret);
    else weft__buf_add_str(&r->json, object->text);
}

/* Of a member that is a model: what its variable says in JSON comes before the file's. False: that is none. */
static bool object_of(reading *r, const char *name, const value *set, value *object)
{
    size_t at = r->json.len;
    if (!set->text.len) return true;
    bool good = add_json(r, name, set);
    if (!r->json.failed) r->json.len = at;
    *object = *set;
    return good;
}

static void add_member(reading *r, const weft__member *m, const value *object, const char *prefix, bool required, bool secret)
{
    char name[NAME_MAX_BYTES] = "";
    const weft_schema *s = inside(m->type);
    value from_file = member_of(r, object, m->name), v = { .text = { NULL, 0 } };
    bool set = prefix && name_of(name, prefix, m->name, "") && lookup_set(r, name, is_str(s), &v);
    secret |= is_secret(m);
    if (s->kind == WEFT__model) {
        if (object_of(r, name, &v, &from_file)) add_nested(r, m, &from_file, name, required, secret);
        else add_key(r, m->name), weft__buf_lit(&r->json, "null");
        return;
    }
    if (!set && !from_file.text.ptr) {
        print_one(r, name, m, &(value){ .text = m->field->initial ? weft_str_of(m->field->initial) : (weft_str){ 0 }, .from = "initial" }, secret);
        return;
    }
    add_key(r, m->name);
    if (set) add_variable(r, s, name, &v);
    else weft__buf_add_str(&r->json, from_file.text);
    print_one(r, name, m, set ? &v : &from_file, secret);
}

static bool declared(const weft__plan *plan, weft_str key)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (weft_str_equal(plan->members[i].name, key)) return true;
    return false;
}

static void add_others(reading *r, const weft__plan *plan, const value *object)
{
    weft_str key, text;
    char shown[128];
    int rc = 0;
    for (size_t at = 0; object->text.len && (rc = weft__object_next(object->text, &at, &key, &text, r->arena)) > 0;) {
        if (declared(plan, key)) continue;
        if (plan->extra) {
            add_key(r, key);
            weft__buf_add_str(&r->json, text);
            continue;
        }
        weft__plain(&key, shown, sizeof shown, false);
        say_from(r->faults, object);
        weft__buf_printf(r->faults, ": there is no setting \"%s\"\n", shown);
    }
    if (rc < 0) no_memory(r);
}

/* `prefix` of its variables; NULL: their names would be too long, and it has none. */
static void add_model(reading *r, const weft_schema *schema, const value *object, const char *prefix, bool secret)
{
    const weft__plan *plan;
    weft__buf_add_char(&r->json, '{');
    if (!plan_of(r, schema, &plan)) return;
    for (uint32_t i = 0; i < plan->count && !r->json.failed; i++)
        add_member(r, &plan->members[i], object, prefix, plan->required[i / 64] >> (i & 63) & 1, secret);
    add_others(r, plan, object);
    weft__buf_add_char(&r->json, '}');
}

/* ---- what does not fit ---- */

static const weft__member *member_named(const weft_schema *s, const weft__step *step)
{
    const weft__plan *plan;
    if (!step->name || s->kind != WEFT__model || weft__plan_of(s, &plan) < 0) return NULL;
    for (uint32_t i = 0; i < plan->count; i++)
        if (weft_str_equal(plan->members[i].name, (weft_str){ step->name, step->len })) return &plan->members[i];
    return NULL;
}

typedef struct found { char name[NAME_MAX_BYTES], path[NAME_MAX_BYTES]; bool set, plain, secret; value value; } found;

static bool is_plain(const weft_schema *s)
{
    return s->kind == WEFT__enum || (s->kind == WEFT__scalar && s->scalar != WEFT__text && s->scalar != WEFT__json && s->scalar != WEFT__bytes);
}

/* One step on in names of variables. False: too long for one, and f->name is as far as it goes. */
static bool lengthen(found *f, bool first, weft_str member)
{
    char below[NAME_MAX_BYTES], longer[NAME_MAX_BYTES];
    int n = snprintf(below, sizeof below, "%s%s", f->name, first ? "" : "__");
    if (n < 0 || n >= NAME_MAX_BYTES || !name_of(longer, below, member, "")) return false;
    memcpy(f->name, longer, sizeof longer);
    return true;
}

static void add_step(found *f, size_t *n, const weft__step *step)
{
    size_t room = sizeof f->path - *n;
    int added = step->name ? snprintf(f->path + *n, room, "%s%.*s", *n ? "." : "", (int)step->len, step->name)
                           : snprintf(f->path + *n, room, "[%u]", step->index);
    if (added > 0) *n += (size_t)added < room ? (size_t)added : room - 1;
}

/* The variable that the place of a problem has, and whether it, or one around it, is set. */
static void find(reading *r, const weft_schema *schema, const weft__problem *p, found *f)
{
    const weft_schema *s = schema;
    size_t n = 0;
    bool named = strlen(r->prefix) < sizeof f->name;
    snprintf(f->name, sizeof f->name, "%s", r->prefix);
    for (uint32_t i = 1; i < p->loc_count; i++) {
        const weft__step *step = &p->loc[i];
        const weft__member *m = s ? member_named(s, step) : NULL;
        value v;
        add_step(f, &n, step);
        f->secret |= m && is_secret(m);
        f->plain = m && is_plain(inside(m->type)) && !f->secret;
        s = m ? inside(m->type) : NULL;
        named = named && m && lengthen(f, i == 1, m->name);
        if (!named || !lookup_set(r, f->name, false, &v)) continue;
        f->set = true;
        f->value = v;
    }
}

static void add_problem(reading *r, const weft_schema *schema, const weft__problem *p)
{
    found f = { .value = { .from = r->opts->file } };
    find(r, schema, p, &f);
    for (uint32_t i = 0; i < r->told.count; i++)
        if (weft_str_equal(r->told.items[i], weft_str_of(f.name))) return;
    bool missing = strcmp(p->type, "missing") == 0;
    char shown[128] = "";
    weft_str came = p->input.bytes;
    weft__buf_printf(r->faults, "%s", f.name);
    if (!missing && (f.set || r->opts->file)) {
        weft__buf_lit(r->faults, " (");
        say_from(r->faults, &f.value);
        if (!f.set) weft__buf_printf(r->faults, ": %s", f.path);
        weft__buf_lit(r->faults, ")");
    }
    weft__buf_printf(r->faults, ": %.*s", WEFT_FMT(p->msg));
    if (f.plain && !missing && p->input.kind != WEFT__INPUT_NONE) {
        weft__plain(&came, shown, sizeof shown, false);
        weft__buf_printf(r->faults, ", not %s", shown);
    }
    if (missing && r->opts->file) weft__buf_printf(r->faults, " (or as \"%s\" in %s)", f.path, r->opts->file);
    weft__buf_lit(r->faults, "\n");
}

static void add_strangers(reading *r)
{
    size_t n = strlen(r->prefix);
    for (uint32_t i = 0; n && i < r->variables.count; i++) {
        const weft__variable *v = &r->variables.items[i];
        if (v->used || v->name.len <= n || memcmp(v->name.ptr, r->prefix, n) != 0) continue;
        weft__buf_printf(r->faults, "%.*s (%s line %d): there is no such setting\n", WEFT_FMT(v->name), r->dotenv, v->line);
    }
}

/* ---- all of it ---- */

static void report(void *ctx, const char *fault) { weft__buf_printf(ctx, "%s\n", fault); }

static int check(reading *r, const weft_schema *schema)
{
    weft__schema_book book = { 0 };
    int rc = weft__schema_check(&book, schema, report, r->faults);
    weft__schema_book_free(&book);
    if (rc > 0) return WEFT_EINVAL;
    if (rc < 0 || schema->kind == WEFT__model) return rc;
    report(r->faults, "weft_settings: settings are a model");
    return WEFT_EINVAL;
}

static int read_all(reading *r, const weft_schema *schema, weft_str file, void *out)
{
    static const weft__loc prefix = { .name = { "settings", 8 } };
    weft__problems problems;
    weft__problems_init(&problems, r->arena);
    add_model(r, schema, &(value){ .text = file, .from = r->opts->file }, r->prefix, false);
    add_strangers(r);
    if (r->json.failed) return WEFT_ENOMEM;
    void *to = weft__arena_zalloc(r->arena, schema->size);
    if (!to) return WEFT_ENOMEM;
    int rc = weft__json_read(schema, NULL, weft__buf_str(&r->json), to, r->arena, &problems, &prefix);
    for (uint32_t i = 0; i < problems.count; i++) add_problem(r, schema, &problems.items[i]);
    if (rc == 0 && r->faults->len) rc = WEFT_EINVAL;
    if (rc == 0 && (r->said->failed || r->arena->starved)) rc = WEFT_ENOMEM;
    if (rc == 0) memcpy(out, to, schema->size);
    return rc;
}

int weft__settings_read(const weft_schema *schema, void *out, const weft__settings_in *in)
{
    static const char *const none[] = { NULL };
    const weft_settings_opts *opts = in->opts;
    reading r = { .opts = opts, .prefix = opts->prefix ? opts->prefix : "", .dotenv = opts->dotenv ? opts->dotenv : ".env",
        .environment = opts->environment ? opts->environment : none, .arena = in->arena, .faults = in->faults, .said = in->said };
    weft__buf_init(&r.json, WEFT__SETTINGS_TEXT_MAX);
    int rc = check(&r, schema);
    if (rc == 0 && in->dotenv.ptr) rc = weft__dotenv_read(&r.variables, in->dotenv, r.dotenv, r.arena, r.faults);
    if (rc == 0) rc = read_all(&r, schema, in->file, out);
    weft__buf_free(&r.json);
    return rc;
}
