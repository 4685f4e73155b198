/* Templates compiled: tags found, names looked up in models, and each value told where it may stand. */
#include "web/template.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "model/plan.h"
#include "model/schema.h"
#include "wire/bytes.h"

/* A text that is being read, and the one that has it as a partial. */
typedef struct source {
    const weft_template *t;
    struct source *outer;
    const char *at;
} source;

typedef struct section {
    weft_str name;
    uint32_t node;
    weft__html html;
    const char *at;
} section;

typedef struct making {
    weft_arena *arena;
    weft__buf *faults;
    const weft_template *const *list;
    weft__template *out;
    source *source;
    unsigned partials, depth;        /* depth: of sections */
    size_t bytes;
    section open[WEFT__TEMPLATE_SECTIONS_MAX];
    const weft_schema *frames[WEFT__TEMPLATE_SECTIONS_MAX + 1];      /* NULL: not known, a fault was told */
    weft__html html;
    bool full, out_of_memory;
} making;

/* "{{#name}}": kind is one of # ^ / > ! & { or 0. */
typedef struct tag {
    char kind;
    weft_str name;
    const char *begin, *end;
} tag;

/* ---- faults ---- */

static void add_place(making *m, const source *s)
{
    unsigned line = 1, column = 1;
    for (const char *p = s->t->text.ptr; p < s->at; p++) {
        column++;
        if (*p == '\n') line++, column = 1;
    }
    weft__buf_printf(m->faults, "%s%s:%u:%u", s == m->source ? "" : ", in ", s->t->name, line, column);
}

static void fault(making *m, const char *at, const char *fmt, ...) WEFT_PRINTF(3, 4);
static void fault(making *m, const char *at, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    m->source->at = at;
    weft__buf_lit(m->faults, "template ");
    for (const source *s = m->source; s; s = s->outer) add_place(m, s);
    weft__buf_printf(m->faults, ": %s\n", text);
}

/* ---- nodes ---- */

static weft__tnode *add_node(making *m, weft__node_kind kind, const char *at)
{
    if (m->out->nodes.count == WEFT__TEMPLATE_NODES_MAX) {
        if (!m->full) fault(m, at, "more than %d tags and pieces of text", WEFT__TEMPLATE_NODES_MAX);
        m->full = true;
        return NULL;
    }
    weft__tnode *n = weft__list_slot(m->arena, &m->out->nodes, sizeof *n);
    if (n) n->kind = kind;
    else m->out_of_memory = true;
    return n;
}

static void add_text(making *m, const char *from, const char *to)
{
    weft_str text = { from, (size_t)(to - from) };
    weft__tnode *n = text.len ? add_node(m, WEFT__NODE_TEXT, from) : NULL;
    if (n) n->text = text;
    if (m->out->plain) return;
    weft__html_read(&m->html, text);
    if (m->html.wrong) fault(m, from, "what stands here %s", m->html.wrong);
    m->html.wrong = NULL;
}

/* ---- names ---- */

static void list_members(const weft__plan *plan, char *out, size_t room)
{
    size_t n = 0;
    for (uint32_t i = 0; i < plan->count && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%.*s", n ? ", " : "", WEFT_FMT(plan->members[i].name));
}

static const weft__plan *plan_of(making *m, const weft_schema *type)
{
    const weft__plan *plan = NULL;
    if (!type || type->kind != WEFT__model) return NULL;
    if (weft__plan_of(type, &plan) == WEFT_ENOMEM) m->out_of_memory = true;
    return plan;
}

static const weft__member *member_of(const weft__plan *plan, weft_str name)
{
    for (uint32_t i = 0; plan && i < plan->count; i++)
        if (weft_str_equal(plan->members[i].name, name)) return &plan->members[i];
    return NULL;
}

static bool add_hop(making *m, weft__tnode *n, weft__hop hop)
{
    weft__hop *all = weft__arena_alloc(m->arena, (n->hops + 1) * sizeof hop);
    if (!all) {
        m->out_of_memory = true;
        return false;
    }
    if (n->hops) memcpy(all, n->hop, n->hops * sizeof hop);
    all[n->hops++] = hop;
    n->hop = all;
    return true;
}

/* Through an option: its flags stand behind its value. */
static bool unwrap(making *m, weft__tnode *n)
{
    if (n->type->kind != WEFT__opt) return true;
    n->type = n->type->of;
    return add_hop(m, n, (weft__hop){ WEFT__HOP_OPTION, n->type->size });
}

static bool take_member(making *m, weft__tnode *n, const weft__member *member)
{
    n->type = member->type;
    return add_hop(m, n, (weft__hop){ member->ref ? WEFT__HOP_REF : WEFT__HOP_MEMBER, member->offset });
}

/* The innermost model that has the name. */
static const weft__member *find(making *m, weft_str name, weft__tnode *n)
{
    for (unsigned i = m->depth + 1; i-- > 0;) {
        const weft__member *member = member_of(plan_of(m, m->frames[i]), name);
        n->frame = i;
        if (member) return member;
    }
    return NULL;
}

static void not_found(making *m, const tag *t, weft_str name, const weft_schema *in)
{
    char there[300] = "no members";
    const weft__plan *plan = plan_of(m, in);
    if (plan) list_members(plan, there, sizeof there);
    fault(m, t->begin, "no member '%.*s' in %s; it has %s", WEFT_FMT(name), in ? in->name : "the page", there);
}

static weft_str part_of(weft_str *rest)
{
    const char *dot = memchr(rest->ptr, '.', rest->len);
    weft_str part = { rest->ptr, dot ? (size_t)(dot - rest->ptr) : rest->len };
    *rest = dot ? (weft_str){ dot + 1, rest->len - part.len - 1 } : (weft_str){ NULL, 0 };
    return part;
}

/* The model that names are told of: the innermost. */
static const weft_schema *nearest(const making *m)
{
    for (unsigned i = m->depth + 1; i-- > 0;)
        if (m->frames[i] && m->frames[i]->kind == WEFT__model) return m->frames[i];
    return m->frames[0];
}

/* Where the value of a name lies; false when that is a fault, or hangs on one that was told. */
static bool resolve(making *m, const tag *t, weft__tnode *n)
{
    weft_str rest = t->name;
    n->text = t->name;
    n->frame = m->depth;
    n->type = m->frames[m->depth];
    if (!n->type) return false;
    if (weft_str_equal(rest, WEFT_S("."))) return unwrap(m, n);
    weft_str part = part_of(&rest);
    const weft__member *member = find(m, part, n);
    if (!member) {
        for (unsigned i = 0; i <= m->depth; i++)
            if (!m->frames[i]) return false;
        not_found(m, t, part, nearest(m));
        return false;
    }
    if (!take_member(m, n, member)) return false;
    for (unsigned parts = 1; rest.ptr; parts++) {
        part = part_of(&rest);
        if (!unwrap(m, n)) return false;
        member = member_of(plan_of(m, n->type), part);
        if (!member) not_found(m, t, part, n->type);
        if (parts == WEFT__TEMPLATE_PARTS_MAX) fault(m, t->begin, "a name of more than %d parts", WEFT__TEMPLATE_PARTS_MAX);
        if (!member || parts == WEFT__TEMPLATE_PARTS_MAX || !take_member(m, n, member)) return false;
    }
    return unwrap(m, n);
}

/* ---- values ---- */

static bool is_text(const weft_schema *type) { return type->kind == WEFT__scalar || type->kind == WEFT__enum; }

static void add_value(making *m, const tag *t)
{
    weft__tnode *n = add_node(m, WEFT__NODE_VALUE, t->begin);
    bool raw = t->kind == '{' || t->kind == '&';
    const char *why = m->out->plain ? NULL : weft__html_value(&m->html, raw, n ? &n->escape : &(weft__escape){ 0 });
    if (!n) return;
    if (why) fault(m, t->begin, "'%.*s' %s", WEFT_FMT(t->name), why);
    if (!resolve(m, t, n) || is_text(n->type)) return;
    if (n->type->kind == WEFT__list)
        fault(m, t->begin, "'%.*s' is a list: {{#%.*s}}{{.}}{{/%.*s}} shows each item", WEFT_FMT(t->name), WEFT_FMT(t->name), WEFT_FMT(t->name));
    else fault(m, t->begin, "'%.*s' is a %s, and no text; name one of its members", WEFT_FMT(t->name), n->type->name);
}

/* ---- sections ---- */

static void open_section(making *m, const tag *t)
{
    weft__tnode *n = add_node(m, t->kind == '#' ? WEFT__NODE_SECTION : WEFT__NODE_INVERTED, t->begin);
    if (!n) return;
    if (m->depth == WEFT__TEMPLATE_SECTIONS_MAX) {
        fault(m, t->begin, "more than %d sections in each other", WEFT__TEMPLATE_SECTIONS_MAX);
        return;
    }
    const weft_schema *type = resolve(m, t, n) ? n->type : NULL, *inside = type;
    if (type && (type->kind == WEFT__map || type->kind == WEFT__union || type->kind == WEFT__special)) {
        fault(m, t->begin, "'%.*s' is a %s, which no section can go through", WEFT_FMT(t->name), type->kind == WEFT__map ? "map" : "union");
        inside = NULL;
    }
    if (inside && inside->kind == WEFT__list) inside = inside->of;
    if (inside && inside->kind == WEFT__opt) {
        fault(m, t->begin, "'%.*s' is a list of options, which no section can go through", WEFT_FMT(t->name));
        inside = NULL;
    }
    m->open[m->depth] = (section){ t->name, m->out->nodes.count - 1, m->html, t->begin };
    m->depth++;
    m->frames[m->depth] = t->kind == '#' ? inside : m->frames[m->depth - 1];
}

static void close_section(making *m, const tag *t, unsigned floor)
{
    if (m->depth == floor) {
        fault(m, t->begin, "{{/%.*s}} closes a section that is not open", WEFT_FMT(t->name));
        return;
    }
    const section *s = &m->open[m->depth - 1];
    if (!weft_str_equal(s->name, t->name))
        fault(m, t->begin, "{{/%.*s}} stands where {{/%.*s}} is expected", WEFT_FMT(t->name), WEFT_FMT(s->name));
    weft__tnode *n = &m->out->nodes.items[s->node];
    bool repeats = n->kind == WEFT__NODE_SECTION && n->type && n->type->kind == WEFT__list;
    const char *why = m->out->plain ? NULL : weft__html_join(&s->html, &m->html, repeats);
    if (why) fault(m, t->begin, "the section '%.*s' %s", WEFT_FMT(s->name), why);
    n->end = m->out->nodes.count;
    m->depth--;
}

/* ---- tags ---- */

/* The tag that begins at `at`, "{{"; false when it has no end, or no name. */
static bool read_tag(making *m, const char *at, const char *end, tag *t)
{
    const char *name = at + 2, *shut;
    *t = (tag){ .begin = at };
    if (name < end && memchr("#^/>!&{=", *name, 8)) t->kind = *name++;
    for (shut = name; shut + 1 < end && !(shut[0] == '}' && shut[1] == '}'); shut++) {}
    if (shut + 1 >= end) {
        fault(m, at, "a tag without its end, }}");
        return false;
    }
    t->name = weft__trim((weft_str){ name, (size_t)(shut - name) });
    t->end = shut + 2;
    if (t->kind == '{') {
        if (t->end < end && *t->end == '}') t->end++;
        else fault(m, at, "a tag of three braces ends with three");
    }
    if (t->kind == '=') fault(m, at, "other delimiters than {{ and }} there are not");
    if (t->kind != '!' && !t->name.len) fault(m, at, "a tag without a name");
    return t->kind == '!' || (t->kind != '=' && t->name.len);
}

/* A tag alone on its line takes the line with it: the text before it ends at *before, that behind begins at *behind. */
static void take_line(const source *s, const tag *t, const char **before, const char **behind)
{
    const char *begin = s->t->text.ptr, *end = begin + s->t->text.len, *left = t->begin, *right = t->end;
    if (!t->kind || !memchr("#^/>!", t->kind, 5)) return;
    while (left > begin && (left[-1] == ' ' || left[-1] == '\t')) left--;
    while (right < end && (*right == ' ' || *right == '\t' || *right == '\r')) right++;
    if ((left > begin && left[-1] != '\n') || (right < end && *right != '\n')) return;
    *before = left;
    *behind = right < end ? right + 1 : right;
}

static void read_source(making *m, const weft_template *t);

static bool is_open(const source *s, const weft_template *t)
{
    do {
        if (s->t == t) return true;
    } while ((s = s->outer));
    return false;
}

static void add_partial(making *m, const tag *t)
{
    for (const weft_template *const *other = m->list; *other; other++) {
        if (!weft_str_equal(weft_str_of((*other)->name), t->name)) continue;
        if (is_open(m->source, *other)) {
            fault(m, t->begin, "%s is a part of itself", (*other)->name);
            return;
        }
        if (m->partials == WEFT__TEMPLATE_PARTIALS_MAX) {
            fault(m, t->begin, "more than %d partials in each other", WEFT__TEMPLATE_PARTIALS_MAX);
            return;
        }
        m->source->at = t->begin;
        read_source(m, *other);
        return;
    }
    fault(m, t->begin, "no template is named '%.*s' in the application", WEFT_FMT(t->name));
}

static void add_tag(making *m, const tag *t, unsigned floor)
{
    switch (t->kind) {
    case '!': return;
    case '>': add_partial(m, t); return;
    case '#':
    case '^': open_section(m, t); return;
    case '/': close_section(m, t, floor); return;
    default: add_value(m, t);
    }
}

/* Sections end in the text that they begin in. */
static void read_source(making *m, const weft_template *t)
{
    source here = { t, m->source, t->text.ptr };
    const char *at = t->text.ptr, *end = at + t->text.len;
    unsigned floor = m->depth;
    m->source = &here;
    m->partials++;
    m->bytes += t->text.len;
    if (m->bytes > WEFT__TEMPLATE_BYTES_MAX) fault(m, at, "more than 64 KiB with its partials");
    while (!m->out_of_memory && !m->full && m->bytes <= WEFT__TEMPLATE_BYTES_MAX) {
        const char *open = at;
        while (open + 1 < end && !(open[0] == '{' && open[1] == '{')) open++;
        tag found;
        if (open + 1 >= end || !read_tag(m, open, end, &found)) {
            add_text(m, at, end);
            break;
        }
        const char *before = open, *behind = found.end;
        take_line(&here, &found, &before, &behind);
        if (before > at) add_text(m, at, before);
        add_tag(m, &found, floor);
        at = behind;
    }
    for (; m->depth > floor; m->depth--)
        fault(m, m->open[m->depth - 1].at, "the section '%.*s' has no end", WEFT_FMT(m->open[m->depth - 1].name));
    const char *why = here.outer || m->out->plain ? NULL : weft__html_end(&m->html);
    if (why) fault(m, end, "the page %s", why);
    m->partials--;
    m->source = here.outer;
}

/* ---- the whole ---- */

static bool ends_in_txt(const char *name)
{
    size_t n = strlen(name);
    return n >= 4 && strcmp(name + n - 4, ".txt") == 0;
}

static bool check_name(const weft_template *const *list, const weft_template *const *t, weft__buf *faults)
{
    if (!(*t)->name || !*(*t)->name) {
        weft__buf_lit(faults, "template without a name\n");
        return false;
    }
    for (const weft_template *const *other = list; other < t; other++)
        if ((*other)->name && strcmp((*other)->name, (*t)->name) == 0) {
            weft__buf_printf(faults, "template %s: another one has its name\n", (*t)->name);
            return false;
        }
    return true;
}

int weft__templates_make(const weft_template *const *list, weft_arena *arena, weft__templates *out, weft__buf *faults)
{
    for (const weft_template *const *t = list; t && *t; t++) {
        if (!check_name(list, t, faults) || !(*t)->model) continue;
        making m = { .arena = arena, .faults = faults, .list = list, .frames = { (*t)->model } };
        m.out = weft__list_slot(arena, out, sizeof *m.out);
        if (!m.out) return WEFT_ENOMEM;
        *m.out = (weft__template){ .source = *t, .plain = ends_in_txt((*t)->name) };
        read_source(&m, *t);
        if (m.out_of_memory) return WEFT_ENOMEM;
    }
    return 0;
}
