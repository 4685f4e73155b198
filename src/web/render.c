/* Pages made of compiled templates and models. */
#include <string.h>
#include "model/schema.h"
#include "web/failure.h"
#include "web/site.h"
#include "web/template.h"
#include "web/text_of.h"

typedef struct any_list { const char *items; uint32_t count, room; } any_list;

typedef struct rendering {
    const weft__template *t;
    weft__buf out, text;
    const void *frames[WEFT__TEMPLATE_SECTIONS_MAX + 1];
    weft__fault fault;
    const weft__tnode *failed;
} rendering;

/* ---- where values lie ---- */

/* NULL: an option or ref on the way is not there. */
static const void *locate(const rendering *r, const weft__tnode *n)
{
    const char *at = r->frames[n->frame];
    for (unsigned i = 0; i < n->hops && at; i++) {
        const weft__hop *hop = &n->hop[i];
        if (hop->kind == WEFT__HOP_OPTION) {
            const bool *flags = (const bool *)(at + hop->offset);    /* set, null */
            if (!flags[0] || flags[1]) return NULL;
            continue;
        }
        at += hop->offset;
        if (hop->kind == WEFT__HOP_REF) at = *(const char *const *)(const void *)at;
    }
    return at;
}

/* ---- values ---- */

/* "javascript:" and its like run in the page. What browsers leave out of a URL is left out here: RFC 3986, 3.1; WHATWG URL, 4.4. */
static bool is_tame(weft_str url)
{
    static const char *const good[] = { "http", "https", "mailto", "tel" };
    char scheme[8];
    size_t n = 0;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= ' ') continue;
        if (c == ':') {
            scheme[n < sizeof scheme ? n : sizeof scheme - 1] = 0;
            for (size_t k = 0; n < sizeof scheme && k < weft_count(good); k++)
                if (strcmp(scheme, good[k]) == 0) return true;
            return false;
        }
        if (c == '/' || c == '?' || c == '#') return true;
        if (n < sizeof scheme) scheme[n] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        n++;
    }
    return true;
}

static int add_value(rendering *r, const weft__tnode *n)
{
    const void *value = locate(r, n);
    weft_str text;
    if (!value) return 0;
    if (n->type->scalar == WEFT__text) text = *(const weft_str *)value;
    else {
        int rc = weft__text_of(n->type, value, &r->text, &text, &r->fault);
        if (rc < 0) r->failed = n;
        if (rc != 0) return rc < 0 ? rc : 0;
    }
    if (n->escape == WEFT__ESCAPE_URL && !is_tame(text)) text = WEFT_S("#");
    if (n->escape == WEFT__ESCAPE_NONE) weft__buf_add_str(&r->out, text);
    else weft__html_add(&r->out, text);
    return 0;
}

/* ---- sections ---- */

static bool is_zero(weft_decimal d)
{
    for (size_t i = 0; i < d.text.len && (d.text.ptr[i] | 0x20) != 'e'; i++)
        if (d.text.ptr[i] >= '1' && d.text.ptr[i] <= '9') return false;
    return true;
}

static bool is_true(const weft_schema *type, const void *value)
{
    if (type->kind == WEFT__list) return ((const any_list *)value)->count > 0;
    if (type->kind != WEFT__scalar) return true;
    switch (type->scalar) {
    case WEFT__bool: return *(const bool *)value;
    case WEFT__int32: return *(const int32_t *)value != 0;
    case WEFT__int64: return *(const int64_t *)value != 0;
    case WEFT__double: return *(const double *)value != 0;
    case WEFT__decimal: return !is_zero(*(const weft_decimal *)value);
    case WEFT__text: return ((const weft_str *)value)->len > 0;
    case WEFT__bytes: return ((const weft_bytes *)value)->len > 0;
    default: return true;
    }
}

static int add_nodes(rendering *r, uint32_t from, uint32_t to, unsigned depth);

/* Sections are as deep in each other as the template says: 16. */
static int add_items(rendering *r, const weft__tnode *n, uint32_t first, const any_list *list, unsigned depth)
{
    for (uint32_t i = 0; i < list->count && !r->out.failed; i++) {
        r->frames[depth + 1] = list->items + i * n->type->item_size;
        int rc = add_nodes(r, first, n->end, depth + 1);
        if (rc < 0) return rc;
    }
    return 0;
}

static int add_section(rendering *r, const weft__tnode *n, uint32_t first, unsigned depth)
{
    const void *value = locate(r, n);
    bool there = value && is_true(n->type, value);
    if (n->kind == WEFT__NODE_INVERTED) {
        r->frames[depth + 1] = r->frames[depth];
        return there ? 0 : add_nodes(r, first, n->end, depth + 1);
    }
    if (!there) return 0;
    if (n->type->kind == WEFT__list) return add_items(r, n, first, value, depth);
    r->frames[depth + 1] = value;
    return add_nodes(r, first, n->end, depth + 1);
}

static int add_nodes(rendering *r, uint32_t from, uint32_t to, unsigned depth)
{
    int rc = 0;
    for (uint32_t i = from; i < to && rc == 0;) {
        const weft__tnode *n = &r->t->nodes.items[i++];
        bool section = n->kind == WEFT__NODE_SECTION || n->kind == WEFT__NODE_INVERTED;
        if (n->kind == WEFT__NODE_TEXT) weft__buf_add_str(&r->out, n->text);
        else if (n->kind == WEFT__NODE_VALUE) rc = add_value(r, n);
        else rc = add_section(r, n, i, depth);
        if (section) i = n->end;
    }
    return rc;
}

/* ---- the whole ---- */

static const weft__template *find(const weft__site *site, const weft_template *t)
{
    for (; site; site = site->outside)
        for (uint32_t i = 0; i < site->templates.count; i++) {
            const weft__template *found = &site->templates.items[i];
            if (strcmp(found->source->name, t->name) == 0) return found;
        }
    return NULL;
}

static int render(const char *place, rendering *r, weft_reply *reply)
{
    const char *name = r->t->source->name;
    int rc = add_nodes(r, 0, r->t->nodes.count, 0);
    if (rc == 0) rc = r->out.failed;
    if (rc == WEFT_ELIMIT) return weft__fail(place, rc, "weft_render: %s: a page of more than %d MiB", name, WEFT__PAGE_BYTES_MAX >> 20);
    if (rc == WEFT_EINVAL)
        return weft__fail(place, rc, "weft_render: %s: '%.*s' cannot be written: %s", name, WEFT_FMT(r->failed->text), r->fault.text);
    if (rc < 0) return rc;
    weft_str page = weft__arena_dup(reply->arena, weft__buf_str(&r->out));
    if (!page.ptr && reply->arena->exceeded)
        return weft__fail(place, WEFT_ELIMIT, "weft_render: %s: a page of %zu bytes is more than request_bytes_max leaves", name, r->out.len);
    if (!page.ptr) return WEFT_ENOMEM;
    return r->t->plain ? weft_reply_text(reply, page) : weft_reply_html(reply, page);
}

int weft__render(const char *place, weft_reply *reply, const weft_template *t, const void *value)
{
    rendering r = { .t = find(reply->site, t), .frames = { value } };
    if (!r.t) return weft__fail(place, WEFT_EINVAL, "weft_render: %s is not among the .templates of the application", t->name);
    if (r.t->source->model != t->model && !weft__schema_same(r.t->source->model, t->model))
        return weft__fail(place, WEFT_EINVAL, "weft_render: %s is made of a %s, and here is a %s", t->name, r.t->source->model->name, t->model->name);
    if (!value) return weft__fail(place, WEFT_EINVAL, "weft_render: %s: no %s to make it of", t->name, t->model->name);
    weft__buf_init(&r.out, WEFT__PAGE_BYTES_MAX);
    weft__buf_init(&r.text, WEFT__PAGE_BYTES_MAX);
    int rc = render(place, &r, reply);
    weft__buf_free(&r.out);
    weft__buf_free(&r.text);
    return rc;
}
