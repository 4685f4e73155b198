/* Values that were collected by name before they are read: cookies, fields and files of a form. */
#include <string.h>
#include "model/coerce.h"
#include "model/text.h"
#include "web/input.h"
#include "wire/json.h"

typedef weft__reading reading;

int weft__entries_add(reading *r, weft__entries *entries, weft__entry entry)
{
    weft__entry *slot = weft__list_slot(r->x->arena, entries, sizeof *slot);
    if (!slot) return weft__arena_error(r->x->arena);
    *slot = entry;
    return 0;
}

/* ---- files ---- */

static int file_problem(reading *r, const weft__finding *found, const weft__entry *e, const weft__loc *loc)
{
    weft__input input = { e->is_file ? WEFT__INPUT_NONE : WEFT__INPUT_TEXT, e->value };
    weft__problems_add(&r->problems, found, loc, input);
    return r->problems.failed ? r->problems.failed : WEFT_EINVAL;
}

/* One file to where one belongs; `type` is that of the value. */
static int file_store(reading *r, const weft__source *s, const weft__entry *e, void *out, const weft__loc *loc)
{
    static const weft__finding no_file = { .type = "value_error", .msg = "Value error, Expected a file, received a text" };
    if (s->file == WEFT__FILE_UPLOAD && !e->is_file) return file_problem(r, &no_file, e, loc);
    if (s->file == WEFT__FILE_UPLOAD) {
        *(weft_upload *)out = *e->upload;
        return 0;
    }
    weft_str bytes = e->is_file ? e->value : weft__arena_dup(r->x->arena, e->value);
    *(weft_str *)out = bytes;
    return bytes.ptr ? 0 : weft__arena_error(r->x->arena);
}

static int file_read(reading *r, const weft__source *s, const weft__entry *e, void *out, const weft__loc *loc)
{
    const weft_schema *type = s->field->type;
    if (type->kind == WEFT__opt) ((bool *)out)[type->of->size] = true;
    if (type->kind != WEFT__list) return file_store(r, s, e, out, loc);
    weft__loc at = { .up = loc, .index = ((weft__any_list *)out)->count };
    void *item = weft__list_slot(r->x->arena, out, type->item_size);
    return item ? file_store(r, s, e, item, &at) : weft__arena_error(r->x->arena);
}

/* ---- values ---- */

static int text_read(reading *r, const weft__source *s, const weft__entry *e, void *out, const weft__loc *loc)
{
    static const weft__finding no_text = { .type = "string_type", .msg = "Input should be a valid string" };
    const weft_field *f = s->field;
    if (e->is_file) return file_problem(r, &no_text, e, loc);
    return s->many ? weft__text_append(f->type, f, e->value, out, r->x->arena, &r->problems, loc)
                   : weft__text_read(f->type, f, e->value, out, r->x->arena, &r->problems, loc);
}

static int entry_read(reading *r, const weft__source *s, const weft__entry *e, void *out, const weft__loc *loc)
{
    return weft__go_on(s->file ? file_read(r, s, e, out, loc) : text_read(r, s, e, out, loc));
}

/* An empty field is one that was not filled in, a file without a name and a byte was not chosen. */
static bool counts(const weft__entry *e, const weft__source *s, bool form)
{
    if (!weft_str_equal(e->name, s->name)) return false;
    if (e->not_chosen) return false;
    return !form || s->many || e->is_file || e->value.len;
}

static int many_read(reading *r, const weft__source *s, const weft__entries *all, bool form, const weft__loc *loc)
{
    void *out = r->in + s->offset;
    for (uint32_t i = 0; i < all->count; i++) {
        if (!counts(&all->items[i], s, form)) continue;
        int rc = entry_read(r, s, &all->items[i], out, loc);
        if (rc < 0) return rc;
    }
    return weft__go_on(weft__text_items(s->field, out, &r->problems, loc));
}

int weft__entries_read(
    reading *r, const weft__sources *sources, const char *place, const weft__entries *all)
{
    const weft__loc above = { NULL, weft_str_of(place), 0 };
    weft__problems_mark mark = weft__problems_mark_now(&r->problems);
    bool form = sources == &r->e->forms;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < sources->count; i++) {
        const weft__source *s = &sources->items[i];
        const weft__loc loc = { &above, s->loc, 0 };
        const weft__entry *last = NULL;
        for (uint32_t k = 0; k < all->count; k++)
            if (weft_str_equal(all->items[k].name, s->name)) last = &all->items[k];
        bool there = last && (s->many || counts(last, s, form));
        if (!there)
            rc = weft__go_on(weft__absent_read(
                s->field, r->in + s->offset, r->x->arena, &r->problems, &loc));
        else if (s->many) rc = many_read(r, s, all, form, &loc);
        else rc = entry_read(r, s, last, r->in + s->offset, &loc);
    }
    if (weft__entries_wanted(r, sources, mark)) weft__entries_judge(r, sources, &above, all, mark);
    return rc;
}

/* ---- what a model's member that lacks is told ---- */

/* What is longer than WEFT__INPUT_ECHO_MAX is cut, so no more than that is written. */
enum { ECHO_BYTES_MAX = 64 * 1024 };

static bool is_enough(const weft__buf *to) { return to->failed || to->len > WEFT__INPUT_ECHO_MAX; }

static void echo_text(weft__buf *to, weft_str text)
{
    if (text.len > 2 * WEFT__INPUT_ECHO_MAX) text.len = 2 * WEFT__INPUT_ECHO_MAX;
    weft__json_add_text_lossy(to, text);
}

static void echo_name(weft__buf *to, weft_str name)
{
    if (to->len > 1) weft__buf_add_char(to, ',');
    echo_text(to, name);
    weft__buf_add_char(to, ':');
}

/* All values of one name, one as itself and several as a list; false without any. */
static bool echo_values(weft__buf *to, const weft__entries *all, weft_str name, bool many)
{
    uint32_t n = 0, written = 0;
    for (uint32_t i = 0; i < all->count; i++) n += weft_str_equal(all->items[i].name, name);
    if (!n) return false;
    bool list = many || n > 1;
    echo_name(to, name);
    if (list) weft__buf_add_char(to, '[');
    for (uint32_t i = 0; i < all->count && !is_enough(to); i++) {
        if (!weft_str_equal(all->items[i].name, name)) continue;
        if (written++) weft__buf_add_char(to, ',');
        echo_text(to, all->items[i].value);
    }
    if (list) weft__buf_add_char(to, ']');
    return true;
}

static bool seen_before(const weft__entries *all, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (weft_str_equal(all->items[i].name, all->items[at].name)) return true;
    return false;
}

static const weft__source *source_of(const weft__sources *sources, weft_str loc)
{
    for (uint32_t i = 0; i < sources->count; i++)
        if (weft_str_equal(sources->items[i].loc, loc)) return &sources->items[i];
    return NULL;
}

static void echo_write(reading *r, const weft__sources *sources, const weft__entries *all, weft__buf *to)
{
    weft__buf_add_char(to, '{');
    for (uint32_t i = 0; i < sources->count && !is_enough(to); i++) {
        const weft__source *s = &sources->items[i];
        if (echo_values(to, all, s->loc, s->many) || !s->field->initial) continue;
        echo_name(to, s->loc);
        if (weft__json_write(s->field->type, r->in + s->offset, to, NULL) < 0) weft__buf_lit(to, "null");
    }
    for (uint32_t i = 0; i < all->count && !is_enough(to); i++)
        if (!source_of(sources, all->items[i].name) && !seen_before(all, i))
            echo_values(to, all, all->items[i].name, false);
    weft__buf_add_char(to, '}');
}

static bool lacks(const weft__problem *p, const weft__sources *sources)
{
    if (strcmp(p->type, "missing") || p->loc_count != 2) return false;
    const weft__source *s = source_of(sources, (weft_str){ p->loc[1].name, p->loc[1].len });
    return s && s->in_model;
}

/* What no member is named after, for a model that says no_extra(). */
static void refuse_extra(reading *r, const weft__sources *sources, const weft__loc *place, const weft__entries *all)
{
    static const weft__finding extra = { .type = "extra_forbidden", .msg = "Extra inputs are not permitted" };
    for (uint32_t i = 0; i < all->count && !weft__problems_full(&r->problems); i++) {
        const weft__entry *e = &all->items[i];
        if (source_of(sources, e->name) || seen_before(all, i)) continue;
        weft__loc loc = { place, e->name, 0 };
        weft__problems_add(&r->problems, &extra, &loc, (weft__input){ WEFT__INPUT_TEXT, e->value });
    }
}

void weft__entries_judge(reading *r, const weft__sources *sources, const weft__loc *place,
    const weft__entries *all, weft__problems_mark mark)
{
    bool missing = r->problems.count != mark.count;
    if (sources->no_extra) refuse_extra(r, sources, place, all);
    if (!missing) return;
    weft__buf text;
    weft__buf_init(&text, ECHO_BYTES_MAX);
    echo_write(r, sources, all, &text);
    for (uint32_t i = mark.count; i < r->problems.count && !text.failed; i++)
        if (lacks(&r->problems.items[i], sources))
            weft__problems_echo(&r->problems, i, (weft__input){ WEFT__INPUT_JSON, weft__buf_str(&text) });
    weft__buf_free(&text);
}
