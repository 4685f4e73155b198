#include "web/router.h"
#include <limits.h>
#include <string.h>
#include "wire/url.h"

const char *const weft__verb_names[WEFT__VERBS] = { [WEFT__GET] = "GET", [WEFT__HEAD] = "HEAD",
    [WEFT__POST] = "POST", [WEFT__PUT] = "PUT", [WEFT__PATCH] = "PATCH",
    [WEFT__DELETE] = "DELETE", [WEFT__OPTIONS] = "OPTIONS" };

weft__http_verb weft__verb_of(const char *method)
{
    for (int i = 0; method && i < WEFT__VERBS; i++)
        if (weft__verb_names[i] && strcmp(method, weft__verb_names[i]) == 0)
            return (weft__http_verb)i;
    return WEFT__OTHER_METHOD;
}

/* Where routes end: the lowest route of each method, INT_MAX for none. */
typedef struct ending { int route[WEFT__VERBS]; unsigned verbs; } ending;

/* A text by its length and first bytes: most differ in these, which two comparisons of numbers tell. */
typedef struct name { uint64_t first; weft_str text; } name;
typedef struct word { name name; weft__node *to; } word;
typedef struct param { weft_str before, after; weft__node *to; } param;

struct weft__node {
    struct { word *items; uint32_t count, room; } words;      /* sorted: name_order */
    struct { param *items; uint32_t count, room; } params;
    ending *here, *rest;             /* of paths that end here; of {name:path} */
    int first;                       /* the lowest route here and below */
};

static weft__node *node_new(weft_arena *arena)
{
    weft__node *n = weft__arena_zalloc(arena, sizeof *n);
    if (n) n->first = INT_MAX;
    return n;
}

int weft__trie_init(weft__trie *trie, weft_arena *arena)
{
    *trie = (weft__trie){ .arena = arena, .root = node_new(arena) };
    return trie->root ? 0 : WEFT_ENOMEM;
}

static name name_of(weft_str text)
{
    name made = { 0, text };
    if (text.len >= sizeof made.first) memcpy(&made.first, text.ptr, sizeof made.first);
    else for (size_t i = 0; i < text.len; i++) made.first |= (uint64_t)(unsigned char)text.ptr[i] << 8 * i;
    return made;
}

static int name_order(const name *a, const name *b)
{
    if (a->text.len != b->text.len) return a->text.len < b->text.len ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return a->text.len > sizeof a->first ? memcmp(a->text.ptr, b->text.ptr, a->text.len) : 0;
}

/* The place of a name among a node's words, or the place where it would stand. */
static uint32_t word_place(const weft__node *n, const name *text, bool *found)
{
    uint32_t low = 0, high = n->words.count;
    *found = false;
    while (low < high && !*found) {
        uint32_t mid = low + (high - low) / 2;
        int order = name_order(&n->words.items[mid].name, text);
        *found = order == 0;
        if (order < 0) low = mid + 1;
        else high = mid;
    }
    return high;
}

static weft__node *add_word(weft__trie *trie, weft__node *n, weft_str text)
{
    bool found;
    name made = name_of(text);
    uint32_t at = word_place(n, &made, &found);
    if (found) return n->words.items[at].to;
    weft__node *to = node_new(trie->arena);
    if (!to || !weft__list_slot(trie->arena, &n->words, sizeof(word))) return NULL;
    word *items = n->words.items;
    memmove(items + at + 1, items + at, (n->words.count - at - 1) * sizeof *items);
    items[at] = (word){ made, to };
    return to;
}

static weft__node *add_param(weft__trie *trie, weft__node *n, const weft__segment *s)
{
    for (uint32_t i = 0; i < n->params.count; i++) {
        const param *p = &n->params.items[i];
        if (weft_str_equal(p->before, s->before) && weft_str_equal(p->after, s->after))
            return p->to;
    }
    weft__node *to = node_new(trie->arena);
    param *slot = to ? weft__list_slot(trie->arena, &n->params, sizeof *slot) : NULL;
    if (!slot) return NULL;
    *slot = (param){ s->before, s->after, to };
    return to;
}

static void ending_offer(ending *e, weft__http_verb verb, int route)
{
    e->verbs |= 1u << verb;
    if (route < e->route[verb]) e->route[verb] = route;
    if (verb == WEFT__GET) ending_offer(e, WEFT__HEAD, route);
}

static int ending_add(weft__trie *trie, ending **place, weft__http_verb verb, int route)
{
    if (!*place) {
        *place = weft__arena_zalloc(trie->arena, sizeof **place);
        if (!*place) return WEFT_ENOMEM;
        for (int i = 0; i < WEFT__VERBS; i++) (*place)->route[i] = INT_MAX;
    }
    ending_offer(*place, verb, route);
    return 0;
}

int weft__trie_add(weft__trie *trie, const weft__pattern *pattern, weft__http_verb verb, int route)
{
    weft__node *n = trie->root;
    for (unsigned i = 0; n; i++) {
        const weft__segment *s = &pattern->segments[i];
        if (route < n->first) n->first = route;
        if (i == pattern->count) return ending_add(trie, &n->here, verb, route);
        if (s->kind == WEFT__REST) return ending_add(trie, &n->rest, verb, route);
        n = s->kind == WEFT__LITERAL ? add_word(trie, n, s->before) : add_param(trie, n, s);
    }
    return WEFT_ENOMEM;
}

/* ---- matching ---- */

typedef struct walk {
    const char *end;
    weft__http_verb verb;
    int best;                        /* the lowest route so far, INT_MAX for none */
    weft__match *out;
    weft_str params[WEFT__PARAMS_MAX];
} walk;

static const weft__node *find_word(const weft__node *n, weft_str segment)
{
    if (!n->words.count) return NULL;
    bool found;
    name sought = name_of(segment);
    uint32_t at = word_place(n, &sought, &found);
    return found ? n->words.items[at].to : NULL;
}

static const weft__node *find_encoded(const weft__node *n, weft_str segment)
{
    char plain[3 * WEFT__LITERAL_MAX];
    if (segment.len > sizeof plain) return NULL;
    int len = weft__url_decode(segment, 0, plain);
    return len < 0 ? NULL : find_word(n, (weft_str){ plain, (size_t)len });
}

static bool param_fits(const param *p, weft_str segment, weft_str *value)
{
    size_t around = p->before.len + p->after.len;
    if (segment.len <= around) return false;
    *value = (weft_str){ segment.ptr + p->before.len, segment.len - around };
    if (!around) return true;
    return memcmp(segment.ptr, p->before.ptr, p->before.len) == 0
        && memcmp(value->ptr + value->len, p->after.ptr, p->after.len) == 0;
}

static void arrive(walk *w, const ending *e, unsigned params)
{
    w->out->verbs |= e->verbs;
    if (e->route[w->verb] >= w->best) return;
    w->best = e->route[w->verb];
    w->out->count = params;
    for (unsigned i = 0; i < params; i++) w->out->params[i] = w->params[i];
}

/* `at` is where the next segment begins, NULL at the path's end. As deep as the longest pattern; a
 * tree's node has one way to it, so this visits no node twice. */
static void visit(walk *w, const weft__node *n, const char *at, unsigned params)
{
    if (n->first >= w->best) return;
    if (!at) {
        if (n->here) arrive(w, n->here, params);
        return;
    }
    const char *p = at;
    bool encoded = false;
    for (; p < w->end && *p != '/'; p++) encoded |= *p == '%';
    const char *next = p < w->end ? p + 1 : NULL;
    weft_str segment = { at, (size_t)(p - at) };
    const weft__node *word = encoded ? find_encoded(n, segment) : find_word(n, segment);
    if (word) visit(w, word, next, params);
    for (uint32_t i = 0; i < n->params.count; i++)
        if (param_fits(&n->params.items[i], segment, &w->params[params]))
            visit(w, n->params.items[i].to, next, params + 1);
    if (!n->rest) return;
    w->params[params] = (weft_str){ at, (size_t)(w->end - at) };
    arrive(w, n->rest, params + 1);
}

bool weft__trie_match(const weft__trie *trie, weft_str path, weft__http_verb verb, weft__match *out)
{
    walk w;
    w.end = path.ptr + path.len;
    w.verb = verb;
    w.best = INT_MAX;
    w.out = out;
    out->verbs = out->count = 0;
    if (path.len && path.ptr[0] == '/') visit(&w, trie->root, path.ptr + 1, 0);
    out->route = w.best == INT_MAX ? WEFT__NO_ROUTE : w.best;
    return w.best != INT_MAX;
}
