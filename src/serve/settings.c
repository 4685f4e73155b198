/* Settings: what is set is put together as one JSON object, which is then read as any other is. So all that models know of
 * conversion, limits and faults holds here, too. */
#define _GNU_SOURCE
#include "serve/settings.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/plain.h"
#include "model/json.h"
#include "model/plan.h"
#include "model/schema_check.h"
#include "os/file.h"
#include "wire/json.h"

enum { FILE_BYTES_MAX = 1 << 20, TEXT_BYTES_MAX = 16 << 20, ARENA_BYTES_MAX = 64 << 20, NAME_MAX_BYTES = 512 };

extern char **environ;

typedef struct reading {
    const weft_settings_opts *opts;
    const char *prefix, *dotenv;
    const char *const *environment;
    weft_arena *arena;
    weft__variables variables;       /* of .env */
    weft_str file;                   /* an object; "{}" */
    weft__buf faults, said, json;
    struct { weft_str *items; uint32_t count, room; } told;     /* variables whose fault was told already */
} reading;

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

/* Is any variable set whose name begins so and goes on? */
static bool any_below(const reading *r, const char *prefix)
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
    for (char *c = out + strlen(prefix); *c; c++) *c = (char)(isalnum((unsigned char)*c) ? toupper((unsigned char)*c) : '_');
    return true;
}

/* ---- what is shown, and what is not ---- */

static bool named_like_a_secret(weft_str name)
{
    static const char *const parts[] = { "password", "passwd", "pwd", "passphrase", "secret", "token", "key", "credential", "auth" };
    char lower[64];
    size_t n = name.len < sizeof lower - 1 ? name.len : sizeof lower - 1;
    for (size_t i = 0; i < n; i++) lower[i] = (char)tolower((unsigned char)name.ptr[i]);
    lower[n] = 0;
    for (size_t i = 0; i < weft_count(parts); i++)
        if (strstr(lower, parts[i])) return true;
    return false;
}

static bool is_secret(const weft__member *m) { return m->field->secret || named_like_a_secret(m->name); }

/* Behind a scheme may stand who asks, with a password: postgresql://ada:***@host. */
static void add_without_password(weft__buf *out, weft_str text)
{
    const char *scheme = memmem(text.ptr, text.len, "://", 3), *end = text.ptr + text.len;
    const char *at = scheme ? memchr(scheme + 3, '@', (size_t)(end - scheme - 3)) : NULL;
    const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;
    char room[256];
    weft_str head = colon ? (weft_str){ text.ptr, (size_t)(colon + 1 - text.ptr) } : text, tail = { at, colon ? (size_t)(end - at) : 0 };
    weft__buf_add(out, room, weft__plain(&head, room, sizeof room, false));
    if (!colon) return;
    weft__buf_lit(out, "***");
    weft__buf_add(out, room, weft__plain(&tail, room, sizeof room, false));
}

static void say_from(weft__buf *out, const value *v)
{
    if (v->line) weft__buf_printf(out, "%s line %d", v->from, v->line);
    else weft__buf_printf(out, "%s", v->from);
}

static void print_one(reading *r, const char *name, const weft__member *m, const value *v)
{
    if (!r->opts->print || !v->text.ptr) return;
    weft__buf_printf(&r->said, "  %s = ", name);
    if (is_secret(m)) weft__buf_lit(&r->said, "***");
    else add_without_password(&r->said, v->text);
    weft__buf_lit(&r->said, " (");
    say_from(&r->said, v);
    weft__buf_lit(&r->said, ")\n");
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
    weft__buf_printf(&r->faults, "%s (", name);
    say_from(&r->faults, v);
    weft__buf_printf(&r->faults, "): expected JSON: %s at character %zu\n", in.error, weft__json_error_position(&in) + 1);
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

static void add_model(reading *r, const weft_schema *schema, weft_str object, const char *prefix);

static void add_key(reading *r, weft_str name)
{
    if (r->json.failed) return;
    if (r->json.ptr[r->json.len - 1] != '{') weft__buf_add_char(&r->json, ',');
    add_text(r, name);
    weft__buf_add_char(&r->json, ':');
}

static weft_str member_of(const reading *r, weft_str object, weft_str name)
{
    weft_str key, value, found = { NULL, 0 };
    for (size_t at = 0; weft__object_next(object, &at, &key, &value, r->arena);)
        if (weft_str_equal(key, name)) found = value;
    return found;
}

/* Its parts may come from everywhere. One that must be there begins empty, so that what it lacks is named. */
static void add_nested(reading *r, const weft__member *m, weft_str from_file, const value *v, const char *name, bool required)
{
    char below[NAME_MAX_BYTES];
    bool fits = strlen(name) + 3 <= sizeof below;
    if (fits) strcat(strcpy(below, name), "__");
    weft_str object = v->text.len ? v->text : from_file;
    bool parts = fits && any_below(r, below);
    if (!parts && !object.len && !required) return;
    add_key(r, m->name);
    size_t at = r->json.len;
    if (v->text.len && !add_json(r, name, &(value){ .text = v->text, .from = v->from, .line = v->line })) {
        weft__buf_lit(&r->json, "null");
        return;
    }
    if (r->json.failed) return;                      /* what was to be added is not there to be taken away */
    r->json.len = at;
    if (!fits && !object.len) weft__buf_lit(&r->json, "{}");
    else if (!fits || (object.len && *object.ptr != '{' && !parts)) weft__buf_add_str(&r->json, object);
    else add_model(r, inside(m->type), object, below);
}

static void add_member(reading *r, const weft__member *m, weft_str object, const char *prefix, bool required)
{
    char name[NAME_MAX_BYTES];
    const weft_schema *s = inside(m->type);
    weft_str from_file = object.len ? member_of(r, object, m->name) : object;
    value v = { .text = { NULL, 0 } };
    bool is_text = s->kind == WEFT__scalar && s->scalar == WEFT__text;
    bool set = name_of(name, prefix, m->name, "") && lookup(r, name, is_text, &v);
    if (set && !v.text.len && !is_text) set = false;
    if (!set) v.text = (weft_str){ NULL, 0 };
    if (s->kind == WEFT__model) {
        add_nested(r, m, from_file, &v, name, required);
        return;
    }
    if (!set && !from_file.ptr) {
        print_one(r, name, m, &(value){ .text = m->field->initial ? weft_str_of(m->field->initial) : (weft_str){ 0 }, .from = "initial" });
        return;
    }
    add_key(r, m->name);
    if (set) add_variable(r, s, name, &v);
    else weft__buf_add_str(&r->json, from_file);
    print_one(r, name, m, set ? &v : &(value){ .text = from_file, .from = r->opts->file });
}

static bool declared(const weft__plan *plan, weft_str key)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (weft_str_equal(plan->members[i].name, key)) return true;
    return false;
}

static void add_others(reading *r, const weft__plan *plan, weft_str object)
{
    weft_str key, value;
    char shown[128];
    for (size_t at = 0; weft__object_next(object, &at, &key, &value, r->arena);) {
        if (declared(plan, key)) continue;
        if (plan->extra) {
            add_key(r, key);
            weft__buf_add_str(&r->json, value);
            continue;
        }
        weft__plain(&key, shown, sizeof shown, false);
        weft__buf_printf(&r->faults, "%s: there is no setting \"%s\"\n", r->opts->file ? r->opts->file : "JSON", shown);
    }
}

static void add_model(reading *r, const weft_schema *schema, weft_str object, const char *prefix)
{
    const weft__plan *plan;
    weft__buf_add_char(&r->json, '{');
    if (weft__plan_of(schema, &plan) == 0) {
        for (uint32_t i = 0; i < plan->count && !r->json.failed; i++)
            add_member(r, &plan->members[i], object, prefix, plan->required[i / 64] >> (i & 63) & 1);
        if (object.len) add_others(r, plan, object);
    }
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

typedef struct found { char name[NAME_MAX_BYTES + 4], path[NAME_MAX_BYTES]; bool set, plain; value value; } found;

static bool is_plain(const weft_schema *s)
{
    return s->kind == WEFT__enum || (s->kind == WEFT__scalar && s->scalar != WEFT__text && s->scalar != WEFT__json && s->scalar != WEFT__bytes);
}

/* The variable that the place of a problem has, and whether it, or one around it, is set. */
static void find(reading *r, const weft_schema *schema, const weft__problem *p, found *f)
{
    const weft_schema *s = schema;
    size_t n = 0;
    snprintf(f->name, sizeof f->name, "%s", r->prefix);
    for (uint32_t i = 1; i < p->loc_count; i++) {
        const weft__step *step = &p->loc[i];
        const weft__member *m = s ? member_named(s, step) : NULL;
        char longer[NAME_MAX_BYTES];
        value v;
        if (step->name) n += (size_t)snprintf(f->path + n, sizeof f->path - n, "%s%.*s", n ? "." : "", (int)step->len, step->name);
        else n += (size_t)snprintf(f->path + n, sizeof f->path - n, "[%u]", step->index);
        if (n >= sizeof f->path) n = sizeof f->path - 1;
        f->plain = m && is_plain(inside(m->type)) && !is_secret(m);
        s = m ? inside(m->type) : NULL;
        if (!m || !name_of(longer, i > 1 ? strcat(f->name, "__") : f->name, m->name, "")) continue;
        memcpy(f->name, longer, strlen(longer) + 1);
        if (!lookup(r, f->name, false, &v)) continue;
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
    weft__buf_printf(&r->faults, "%s", f.name);
    if (!missing && (f.set || r->opts->file)) {
        weft__buf_lit(&r->faults, " (");
        say_from(&r->faults, &f.value);
        if (!f.set) weft__buf_printf(&r->faults, ": %s", f.path);
        weft__buf_lit(&r->faults, ")");
    }
    weft__buf_printf(&r->faults, ": %.*s", WEFT_FMT(p->msg));
    if (f.plain && !missing && p->input.kind != WEFT__INPUT_NONE) {
        weft__plain(&came, shown, sizeof shown, false);
        weft__buf_printf(&r->faults, ", not %s", shown);
    }
    if (missing && r->opts->file) weft__buf_printf(&r->faults, " (or as \"%s\" in %s)", f.path, r->opts->file);
    weft__buf_lit(&r->faults, "\n");
}

static void add_strangers(reading *r)
{
    size_t n = strlen(r->prefix);
    for (uint32_t i = 0; n && i < r->variables.count; i++) {
        const weft__variable *v = &r->variables.items[i];
        if (v->used || v->name.len <= n || memcmp(v->name.ptr, r->prefix, n) != 0) continue;
        weft__buf_printf(&r->faults, "%.*s (%s line %d): there is no such setting\n", WEFT_FMT(v->name), r->dotenv, v->line);
    }
}

/* ---- files ---- */

/* The whole of it; ptr NULL: it is not there. < 0: a fault was added. */
static int read_file(reading *r, weft__os *os, const char *path, weft_str *out)
{
    const weft__file_ops *files = os->ops->files;
    char *bytes = weft__arena_alloc(r->arena, FILE_BYTES_MAX + 1);
    struct iovec iov = { bytes, FILE_BYTES_MAX };
    weft__file_op open = { .kind = WEFT__FILE_OPEN, .path = path, .flags = O_RDONLY };
    *out = (weft_str){ NULL, 0 };
    if (!bytes) return WEFT_ENOMEM;
    files->file_do(os, &open);
    if (open.result == -ENOENT) return 0;
    int64_t got = open.result;
    while (got >= 0 && iov.iov_len) {
        weft__file_op read = { .kind = WEFT__FILE_READ, .fd = (int)open.result, .iov = &iov, .iov_count = 1, .offset = -1 };
        files->file_do(os, &read);
        got = read.result;
        if (got <= 0) break;
        iov = (struct iovec){ (char *)iov.iov_base + got, iov.iov_len - (size_t)got };
    }
    if (open.result >= 0) files->file_do(os, &(weft__file_op){ .kind = WEFT__FILE_CLOSE, .fd = (int)open.result });
    if (got < 0) weft__buf_printf(&r->faults, "%s: cannot be read: %s\n", path, strerror((int)-got));
    else if (!iov.iov_len) weft__buf_printf(&r->faults, "%s: larger than 1 MiB\n", path);
    else *out = (weft_str){ bytes, FILE_BYTES_MAX - iov.iov_len };
    if (out->ptr) bytes[out->len] = 0;
    return 0;
}

static int read_json_file(reading *r, weft__os *os)
{
    weft_str text;
    const char *path = r->opts->file;
    size_t faults = r->faults.len;
    int rc = read_file(r, os, path, &text);
    if (rc < 0 || r->faults.len != faults) return rc;
    if (!text.ptr) {
        weft__buf_printf(&r->faults, "%s: there is no such file\n", path);
        return 0;
    }
    weft__json_in in = weft__json_open(text);
    bool object = weft__json_peek(&in) == '{', good = weft__json_skip(&in, 0);
    if (good && weft__json_peek(&in)) good = weft__json_fail(&in, "Extra data", in.at);
    if (!good) weft__buf_printf(&r->faults, "%s: no JSON: %s at character %zu\n", path, in.error, weft__json_error_position(&in) + 1);
    else if (!object) weft__buf_printf(&r->faults, "%s: expected a JSON object\n", path);
    else r->file = text;
    return 0;
}

static int read_files(reading *r)
{
    weft_str text;
    weft__os *os = weft__os_linux_new();
    if (!os) return WEFT_ENOMEM;
    int rc = *r->dotenv ? read_file(r, os, r->dotenv, &text) : 0;
    if (rc == 0 && *r->dotenv && text.ptr) rc = weft__dotenv_read(&r->variables, text, r->dotenv, r->arena, &r->faults);
    if (rc == 0 && r->opts->file) rc = read_json_file(r, os);
    os->ops->free(os);
    return rc;
}

/* ---- all of it ---- */

static void report(void *ctx, const char *fault) { weft__buf_printf(ctx, "%s\n", fault); }

static int check(reading *r, const weft_schema *schema)
{
    weft__schema_book book = { 0 };
    int rc = weft__schema_check(&book, schema, report, &r->faults);
    weft__schema_book_free(&book);
    if (rc > 0) return WEFT_EINVAL;
    if (rc < 0 || schema->kind == WEFT__model) return rc;
    report(&r->faults, "weft_settings: settings are a model");
    return WEFT_EINVAL;
}

static int read_all(reading *r, const weft_schema *schema, void *out)
{
    static const weft__loc prefix = { .name = { "settings", 8 } };
    weft__problems problems;
    weft__problems_init(&problems, r->arena);
    int rc = check(r, schema);
    if (rc == 0) rc = read_files(r);
    if (rc < 0) return rc;
    add_model(r, schema, r->file, r->prefix);
    add_strangers(r);
    if (r->json.failed) return WEFT_ENOMEM;
    void *to = weft__arena_zalloc(r->arena, schema->size);
    if (!to) return WEFT_ENOMEM;
    rc = weft__json_read(schema, NULL, weft__buf_str(&r->json), to, r->arena, &problems, &prefix);
    for (uint32_t i = 0; i < problems.count; i++) add_problem(r, schema, &problems.items[i]);
    if (rc == 0 && r->faults.len) rc = WEFT_EINVAL;
    if (rc == 0) memcpy(out, to, schema->size);
    return rc;
}

/* What settings hold lives as long as the process. */
typedef struct kept { struct kept *next; weft_arena arena; } kept;
static kept *all_kept;

void weft__settings_forget(void)
{
    while (all_kept) {
        kept *k = all_kept;
        all_kept = k->next;
        weft__arena_free(&k->arena);
        weft__free(k);
    }
}

static void say(const reading *r, int rc)
{
    if (rc == WEFT_EINVAL) fprintf(stderr, "weft: the settings have faults:\n%.*s", WEFT_FMT(weft__buf_str(&r->faults)));
    else if (rc < 0) fputs("weft: no memory for the settings\n", stderr);
    else if (r->said.len) fprintf(stderr, "weft: settings:\n%.*s", WEFT_FMT(weft__buf_str(&r->said)));
}

int weft_settings_with(const weft_schema *schema, void *out, const weft_settings_opts *opts)
{
    kept *k = weft__calloc(sizeof *k);
    reading r = { .opts = opts, .prefix = opts->prefix ? opts->prefix : "", .dotenv = opts->dotenv ? opts->dotenv : ".env",
        .environment = opts->environment ? opts->environment : (const char *const *)environ };
    int rc = WEFT_ENOMEM;
    weft__buf_init(&r.faults, TEXT_BYTES_MAX);
    weft__buf_init(&r.said, TEXT_BYTES_MAX);
    weft__buf_init(&r.json, TEXT_BYTES_MAX);
    if (k) {
        weft__arena_init(&k->arena, NULL, ARENA_BYTES_MAX);
        r.arena = &k->arena;
        rc = read_all(&r, schema, out);
    }
    say(&r, rc);
    weft__buf_free(&r.faults);
    weft__buf_free(&r.said);
    weft__buf_free(&r.json);
    if (rc == 0) {
        k->next = all_kept;
        all_kept = k;
    } else if (k) {
        weft__arena_free(&k->arena);
        weft__free(k);
    }
    return rc;
}
