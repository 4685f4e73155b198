#include "model/problems.h"
#include <string.h>
#include "wire/json.h"
#include "wire/number.h"

void weft__problems_init(weft__problems *p, weft_arena *arena)
{
    *p = (weft__problems){ .arena = arena };
}

static void *take(weft__problems *p, size_t n)
{
    void *ptr = weft__arena_alloc(p->arena, n);
    if (!ptr && !p->failed) p->failed = p->arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
    return ptr;
}

static const weft_str WHOLE = WEFT_S(""), CUT = WEFT_S("\xE2\x80\xA6"); /* what is put behind */

static weft_str copy_joined(weft__problems *p, weft_str s, weft_str rest)
{
    char *to = take(p, s.len + rest.len + 1);
    if (!to) return (weft_str){ "", 0 };
    if (s.len) memcpy(to, s.ptr, s.len);
    memcpy(to + s.len, rest.ptr, rest.len);
    to[s.len + rest.len] = 0;
    return (weft_str){ to, s.len + rest.len };
}

static weft_str copy(weft__problems *p, weft_str s) { return copy_joined(p, s, WHOLE); }

/* The first `len` bytes of the text without their last character, which may be cut. */
static weft_str beginning(const char *text, size_t len)
{
    while (len && ((unsigned char)text[len - 1] & 0xC0) == 0x80) len--; /* back to a lead byte, */
    len -= len && (unsigned char)text[len - 1] >= 0xC0;                       /* and without it */
    return (weft_str){ text, len };
}

static bool is_joined(weft_str s, weft_str start, weft_str rest)
{
    if (!s.ptr || s.len != start.len + rest.len) return false;
    return weft_str_equal((weft_str){ s.ptr, start.len }, start) &&
           weft_str_equal((weft_str){ s.ptr + start.len, rest.len }, rest);
}

/* JSON that is too long to repeat would not be JSON when cut: its beginning is given as text
 * instead, that of a string without its quote. */
static weft__input copy_input(weft__problems *p, weft__input input)
{
    if (input.kind == WEFT__INPUT_NONE) return input;
    weft_str shown = input.bytes, rest = WHOLE;
    if (shown.len > WEFT__INPUT_ECHO_MAX) {
        bool quoted = input.kind == WEFT__INPUT_JSON && *shown.ptr == '"';
        shown = beginning(shown.ptr + quoted, WEFT__INPUT_ECHO_MAX);
        rest = CUT;
        input.kind = WEFT__INPUT_TEXT;
    }
    if (!is_joined(p->last_input, shown, rest)) p->last_input = copy_joined(p, shown, rest);
    return (weft__input){ input.kind, p->last_input };
}

static uint32_t loc_length(const weft__loc *loc)
{
    uint32_t n = 0;
    for (; loc; loc = loc->up) n++;
    return n;
}

static bool copy_name(weft__problems *p, weft__step *step)
{
    if (!step->name) return true;
    bool cut = step->len > WEFT__NAME_ECHO_MAX;
    weft_str name = cut ? copy_joined(p, beginning(step->name, WEFT__NAME_ECHO_MAX), CUT)
                        : copy(p, (weft_str){ step->name, step->len });
    step->name = name.ptr;
    step->len = (uint32_t)name.len;
    return !p->failed;
}

static void copy_loc(weft__problems *p, weft__problem *to, const weft__loc *loc,
    const weft__step *steps, size_t steps_count)
{
    uint32_t before = loc_length(loc), count = before + (uint32_t)steps_count;
    weft__step *all = take(p, count * sizeof *all);
    if (!all) return;
    for (uint32_t i = before; i-- > 0; loc = loc->up)
        all[i] = (weft__step){ loc->name.ptr, (uint32_t)loc->name.len, (uint32_t)loc->index };
    for (size_t i = 0; i < steps_count; i++) all[before + i] = steps[i];
    for (uint32_t i = 0; i < count; i++)
        if (!copy_name(p, &all[i])) return;
    to->loc = all;
    to->loc_count = count;
}

/* As Python's repr quotes it. */
static void add_quoted(weft__buf *out, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    weft__buf_add_char(out, quote);
    for (; *text; text++) {
        if (*text == quote || *text == '\\') weft__buf_add_char(out, '\\');
        weft__buf_add_char(out, *text);
    }
    weft__buf_add_char(out, quote);
}

static void add_values(weft__buf *out, const weft_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (i) weft__buf_add_str(out, i + 1 == schema->count ? WEFT_S(" or ") : WEFT_S(", "));
        add_quoted(out, schema->fields[i].name);
    }
}

/* The first row of a union is its tag. */
static void add_tags(weft__buf *out, const weft_schema *schema)
{
    for (size_t i = 1; i < schema->count; i++) {
        if (i > 1) weft__buf_lit(out, ", ");
        add_quoted(out, schema->fields[i].name);
    }
}

static void add_plainly(weft__buf *out, const weft__ctx *value)
{
    char digits[WEFT__DOUBLE_PLAIN_MAX];
    switch (value->kind) {
    case WEFT__CTX_INT: weft__buf_add_int(out, value->i); break;
    case WEFT__CTX_DOUBLE:
        weft__buf_add(out, digits, weft__double_write_plain(digits, value->d));
        break;
    case WEFT__CTX_TEXT: case WEFT__CTX_ERROR: weft__buf_add_str(out, value->s); break;
    case WEFT__CTX_ENUM: add_values(out, value->e); break;
    case WEFT__CTX_TAGS: add_tags(out, value->e); break;
    case WEFT__CTX_QUOTED: add_quoted(out, value->s.ptr); break;
    }
}

static void render(weft__buf *out, const weft__finding *f)
{
    for (const char *p = f->msg; *p; p++) {
        if (p[0] != '{') {
            weft__buf_add_char(out, *p);
        } else if (p[1] == 's') {
            if (f->ctx[p[2] - '0'].i != 1) weft__buf_add_char(out, 's');
            p += 3;
        } else {
            add_plainly(out, &f->ctx[p[1] - '0']);
            p += 2;
        }
    }
}

static weft_str message(weft__problems *p, const weft__finding *f)
{
    if (!strchr(f->msg, '{')) return weft_str_of(f->msg);
    weft__buf text;
    weft__buf_init(&text, 64 * 1024);
    render(&text, f);
    if (text.failed && !p->failed) p->failed = text.failed;
    weft_str msg = copy(p, weft__buf_str(&text));
    weft__buf_free(&text);
    return msg;
}

/* Texts that are made are spelled out once, for those problems that are kept. */
static void copy_ctx(weft__problems *p, weft__problem *problem, const weft__finding *f)
{
    memcpy(problem->ctx, f->ctx, sizeof f->ctx);
    for (unsigned i = 0; i < weft_count(f->ctx); i++) {
        const weft__ctx *c = &f->ctx[i];
        bool made = c->key && (c->kind == WEFT__CTX_ENUM || c->kind == WEFT__CTX_TAGS ||
                                  c->kind == WEFT__CTX_QUOTED);
        weft__finding text = { .msg = "{0}", .ctx = { *c } };
        if (made) problem->ctx[i] = (weft__ctx){ c->key, WEFT__CTX_TEXT, .s = message(p, &text) };
    }
}

static weft__problem *slot(weft__problems *p)
{
    p->total++;
    if (p->count == WEFT__PROBLEMS_MAX || p->failed) return NULL;
    if (p->count == p->room) {
        uint32_t room = p->room ? p->room * 2 : 4;
        weft__problem *items = take(p, room * sizeof *items);
        if (!items) return NULL;
        if (p->count) memcpy(items, p->items, p->count * sizeof *items);
        p->items = items;
        p->room = room;
    }
    return &p->items[p->count++];
}

void weft__problems_add_at(weft__problems *p, const weft__finding *f, const weft__loc *loc,
    const weft__step *steps, size_t steps_count, weft__input input)
{
    weft__problem *problem = slot(p);
    if (!problem) return;
    *problem = (weft__problem){ .type = f->type };
    copy_ctx(p, problem, f);
    problem->msg = message(p, f);
    problem->input = copy_input(p, input);
    copy_loc(p, problem, loc, steps, steps_count);
}

void weft__problems_missing(weft__problems *p, const weft__loc *loc)
{
    weft__problems_add(
        p, &(weft__finding){ "missing", "Field required", { { 0 } } }, loc, (weft__input){ 0 });
}

void weft__problems_syntax(
    weft__problems *p, const weft__loc *loc, size_t position, const char *error)
{
    p->count = p->total = 0;
    weft__finding f = { "json_invalid", "JSON decode error",
        { { "error", WEFT__CTX_TEXT, .s = weft_str_of(error) } } };
    weft__step at = { NULL, 0, (uint32_t)position };
    weft__problems_add_at(p, &f, loc, &at, 1, (weft__input){ WEFT__INPUT_JSON, WEFT_S("{}") });
}

void weft__problems_echo(weft__problems *p, uint32_t index, weft__input input)
{
    p->items[index].input = copy_input(p, input);
}

void weft__problems_back_to(weft__problems *p, weft__problems_mark mark)
{
    p->count = mark.count;
    p->total = mark.total;
}

static bool step_is(const weft__step *step, const weft__loc *loc)
{
    if (!step->name) return !loc->name.ptr && step->index == loc->index;
    return loc->name.ptr && weft_str_equal((weft_str){ step->name, step->len }, loc->name);
}

static bool is_right_below(const weft__problem *problem, const weft__loc *loc)
{
    uint32_t i = problem->loc_count;
    if (i-- != loc_length(loc) + 1) return false;
    for (; loc; loc = loc->up)
        if (!step_is(&problem->loc[--i], loc)) return false;
    return true;
}

weft__problems_mark weft__problems_before(const weft__problems *p, const weft__loc *loc)
{
    uint32_t count = p->count;
    while (count && is_right_below(&p->items[count - 1], loc)) count--;
    return (weft__problems_mark){ count, p->total - (p->count - count) };
}

void weft__problems_rank(weft__problems *p, weft__problems_mark mark, uint32_t rank)
{
    for (uint32_t i = mark.count; i < p->count; i++) p->items[i].rank = rank;
}

void weft__problems_sort(weft__problems *p, weft__problems_mark mark)
{
    for (uint32_t i = mark.count + 1; i < p->count; i++) {
        weft__problem moved = p->items[i];
        uint32_t to = i;
        for (; to > mark.count && p->items[to - 1].rank > moved.rank; to--)
            p->items[to] = p->items[to - 1];
        p->items[to] = moved;
    }
}

static void write_loc(const weft__problem *problem, weft__buf *out)
{
    weft__buf_lit(out, ",\"loc\":[");
    for (uint32_t i = 0; i < problem->loc_count; i++) {
        const weft__step *step = &problem->loc[i];
        if (i) weft__buf_add_char(out, ',');
        if (step->name) weft__json_add_text_lossy(out, (weft_str){ step->name, step->len });
        else weft__buf_add_int(out, step->index);
    }
    weft__buf_add_char(out, ']');
}

static void write_input(const weft__problem *problem, weft__buf *out)
{
    weft__buf_lit(out, ",\"input\":");
    switch (problem->input.kind) {
    case WEFT__INPUT_NONE: weft__buf_lit(out, "null"); break;
    case WEFT__INPUT_JSON: weft__buf_add_str(out, problem->input.bytes); break;
    case WEFT__INPUT_TEXT: weft__json_add_text_lossy(out, problem->input.bytes); break;
    }
}

static void write_ctx_value(const weft__ctx *value, weft__buf *out)
{
    char digits[WEFT__DOUBLE_MAX];
    switch (value->kind) {
    case WEFT__CTX_INT: weft__buf_add_int(out, value->i); break;
    case WEFT__CTX_DOUBLE: weft__buf_add(out, digits, weft__double_write(digits, value->d)); break;
    case WEFT__CTX_TEXT: weft__json_add_text_lossy(out, value->s); break;
    case WEFT__CTX_ERROR: weft__buf_lit(out, "{}"); break;
    case WEFT__CTX_ENUM: case WEFT__CTX_TAGS: case WEFT__CTX_QUOTED:
        break;                                     /* none is kept: see copy_ctx */
    }
}

static void write_ctx(const weft__problem *problem, weft__buf *out)
{
    for (unsigned i = 0; i < weft_count(problem->ctx) && problem->ctx[i].key; i++) {
        if (i) weft__buf_add_char(out, ',');
        else weft__buf_lit(out, ",\"ctx\":{");
        weft__json_add_text_lossy(out, weft_str_of(problem->ctx[i].key));
        weft__buf_add_char(out, ':');
        write_ctx_value(&problem->ctx[i], out);
    }
    if (problem->ctx[0].key) weft__buf_add_char(out, '}');
}

int weft__problems_write(const weft__problems *p, weft__buf *out)
{
    weft__buf_lit(out, "{\"detail\":[");
    for (uint32_t i = 0; i < p->count; i++) {
        const weft__problem *problem = &p->items[i];
        if (i) weft__buf_add_char(out, ',');
        weft__buf_lit(out, "{\"type\":");
        weft__json_add_text_lossy(out, weft_str_of(problem->type));
        write_loc(problem, out);
        weft__buf_lit(out, ",\"msg\":");
        weft__json_add_text_lossy(out, problem->msg);
        write_input(problem, out);
        write_ctx(problem, out);
        weft__buf_add_char(out, '}');
    }
    weft__buf_lit(out, "]}");
    return out->failed;
}
