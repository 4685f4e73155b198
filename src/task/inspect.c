/* The list of tasks: as text, and as JSON lines. */
#define _GNU_SOURCE
#include "task/inspect.h"
#include <inttypes.h>
#include "os/stderr.h"

enum { TASKS_SHOWN = 1000, TASKS_MAX = 10000, TEXT_BYTES_MAX = 4 << 20, HOLDERS_LISTED = 16, RINGS_MAX = 16, INDENT_MAX = 40, ENDING_BYTES = 64 * 1024 };

static const char BLANKS[INDENT_MAX + 1] = "                                        ";

typedef struct listing {
    weft__loop *loop;
    weft__buf *out;
    const weft_tasks_opts *opts;
    int64_t now_ns;
    uint32_t tasks_max, shown, rings, stacks_shown;
    bool full;                       /* there was no room for another task */
    weft__stacks *kept;
} listing;

static int64_t max0(int64_t ns) { return ns > 0 ? ns : 0; }

/* When the task will be told to end, by a deadline of its own or one around it; INT64_MAX: none. */
static int64_t deadline_of(const weft__fiber *f)
{
    int64_t at = f->timer.place ? f->timer.at_ns : INT64_MAX;
    for (const weft_scope *s = f->scope; s; s = s->opts.shield ? NULL : s->parent) {
        if (s->timer.place && s->timer.at_ns < at) at = s->timer.at_ns;
    }
    return f->uncancellable ? INT64_MAX : at;
}

static int64_t ring_deadline(weft__fiber *const *ring, size_t n)
{
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        int64_t one = deadline_of(ring[i]);
        if (one < at) at = one;
    }
    return at;
}

/* ---- stacks ---- */

typedef struct stack_lines { weft__buf *out; int indent, told; } stack_lines;

static void json_text(weft__buf *out, const char *text)
{
    weft__buf_add_char(out, '"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') weft__buf_add_char(out, '\\');
        if ((unsigned char)*c >= ' ') weft__buf_add_char(out, *c);
        else weft__buf_printf(out, "\\u%04x", (unsigned)*c);
    }
    weft__buf_add_char(out, '"');
}

static void text_line(void *ctx, const char *line)
{
    const stack_lines *s = ctx;
    weft__buf_printf(s->out, "%*sat %s\n", s->indent, "", line);
}

static void json_line(void *ctx, const char *line)
{
    stack_lines *s = ctx;
    if (s->told++) weft__buf_add_char(s->out, ',');
    json_text(s->out, line);
}

void weft__say_stack(weft__buf *out, const weft__stack_kept *k, int indent, bool json)
{
    stack_lines s = { out, indent, 0 };
    if (json) weft__buf_lit(out, ",\"stack\":[");
    weft__stack_tell(k, json ? json_line : text_line, &s);
    if (json) weft__buf_add_char(out, ']');
}

static void stack(listing *l, const weft__fiber *f, int indent)
{
    if (!l->opts->stacks || l->stacks_shown == WEFT__STACKS_MAX) return;
    weft__stack_kept now, *k = l->kept ? &l->kept->of[l->kept->count].kept : &now;
    if (!weft__stack_keep(k, f)) return;
    l->stacks_shown++;
    if (l->kept) {
        l->kept->of[l->kept->count].at = l->out->len;
        l->kept->of[l->kept->count++].indent = indent;
        return;
    }
    weft__say_stack(l->out, k, indent, l->opts->json);
    weft__stack_drop(k);
}

/* ---- the limit ---- */

/* A task that leaves no room for how the list ends is taken out again: it ends with who is missing, not in the middle. */
static bool had_room(listing *l, size_t before)
{
    if (l->out->failed == WEFT_ENOMEM) return false;
    l->full = l->out->failed || l->out->len > l->out->bytes_max - ENDING_BYTES;
    if (!l->full) return true;
    weft__stacks *k = l->kept;
    if (k && k->count && k->of[k->count - 1].at > before) weft__stack_drop(&k->of[--k->count].kept);
    l->out->len = before;
    l->out->failed = 0;
    return false;
}

/* ---- as text ---- */

static int columns(const listing *l, int depth)
{
    int n = l->opts->flat ? 0 : 2 * depth;
    return n < INDENT_MAX ? n : INDENT_MAX;
}

static void indent(const listing *l, int depth) { weft__buf_add(l->out, BLANKS, (size_t)columns(l, depth)); }

static void text_state(const listing *l, const weft__fiber *f)
{
    if (f->state == WEFT__RUNNING) weft__buf_lit(l->out, "runs");
    if (f->state == WEFT__READY) weft__buf_lit(l->out, "ready to run");
    if (f->state != WEFT__PARKED) return;
    weft__buf_lit(l->out, "waits ");
    weft__say_time(l->out, max0(l->now_ns - f->waits_since_ns));
    weft__buf_lit(l->out, " for ");
    weft__say_wait(l->out, f);
}

static void text_end(const listing *l, const weft_scope *s)
{
    if (s->timer.place) {
        weft__buf_lit(l->out, ", ");
        weft__say_time(l->out, max0(s->timer.at_ns - l->now_ns));
        weft__buf_lit(l->out, " left");
    }
    if (s->reason) weft__buf_lit(l->out, ", cancelled");
    else if (s->inherited) weft__buf_lit(l->out, ", cancelled from around it");
    weft__buf_add_char(l->out, '\n');
}

static void text_task(listing *l, const weft__fiber *f, int depth)
{
    indent(l, depth);
    weft__say_task(l->out, f->task);
    weft__buf_lit(l->out, ", ");
    weft__say_time(l->out, max0(l->now_ns - f->began_ns));
    weft__buf_lit(l->out, " old, ");
    text_state(l, f);
    text_end(l, &f->root);
    stack(l, f, columns(l, depth) + 4);
}

static void text_block(const listing *l, const weft_scope *s, int depth)
{
    indent(l, depth);
    weft__buf_printf(l->out, "scope at %s%s", s->place, s->opts.shield ? ", shielded" : "");
    text_end(l, s);
}

static void text_ring(void *ctx, weft__fiber *const *ring, size_t n)
{
    listing *l = ctx;
    if (l->rings++ >= RINGS_MAX) return;
    int64_t at = ring_deadline(ring, n);
    weft__buf_lit(l->out, "weft: deadlock: ");
    weft__say_ring(l->out, ring, n);
    if (at != INT64_MAX) {
        weft__buf_lit(l->out, " (a deadline ends it in ");
        weft__say_time(l->out, max0(at - l->now_ns));
        weft__buf_add_char(l->out, ')');
    }
    weft__buf_add_char(l->out, '\n');
}

static void text_left_out(const listing *l, uint32_t count)
{
    weft__buf_printf(l->out, "weft: and %" PRIu32 " more tasks", count);
    if (l->full) weft__buf_printf(l->out, ", left out: the list has at most %zu bytes", l->out->bytes_max);
    weft__buf_add_char(l->out, '\n');
}

static void text_list(listing *l)
{
    uint32_t all = l->loop->stacks.in_use;
    int depth = 0;
    weft__buf_printf(l->out, "weft: %" PRIu32 " task%s\n", all, all == 1 ? "" : "s");
    for (weft_scope *s = &l->loop->top; (s = weft__walk_next(&l->loop->top, s, &depth));) {
        const weft__fiber *f = weft__scope_task(s);
        size_t before = l->out->len;
        if (l->shown == l->tasks_max && f) break;
        if (f) text_task(l, f, depth - 1);
        else if (!l->opts->flat) text_block(l, s, depth - 1);
        if (!had_room(l, before)) break;
        l->shown += f != NULL;
    }
    if (l->shown < all) text_left_out(l, all - l->shown);
    if (weft__rings(l->loop, text_ring, l) < 0) weft__buf_lit(l->out, "weft: no memory to look for deadlocks\n");
}

/* ---- as JSON, an object a line ---- */

static void json_name(weft__buf *out, const char *name)
{
    weft__buf_lit(out, ",\"");
    weft__buf_add(out, name, strlen(name));
    weft__buf_lit(out, "\":");
}

static void json_member(weft__buf *out, const char *name, const char *text)
{
    json_name(out, name);
    json_text(out, text);
}

static void json_ms(weft__buf *out, const char *name, int64_t ns)
{
    json_name(out, name);
    weft__buf_add_int(out, max0(ns) / 1000000);
}

static void json_holders(weft__buf *out, const weft__fiber *f)
{
    int n = 0;
    weft__buf_lit(out, ",\"holders\":[");
    for (const weft_task *t; n < HOLDERS_LISTED && (t = f->held->holder(f->held, n)); n++) {
        weft__buf_printf(out, "%s%" PRIu64, n ? "," : "", t->fiber ? t->fiber->serial : 0);
    }
    weft__buf_add_char(out, ']');
}

static void json_wait(const listing *l, const weft__fiber *f)
{
    json_member(l->out, "for", f->waits_for);
    json_ms(l->out, "waits_ms", l->now_ns - f->waits_since_ns);
    if (!f->held) return;
    if (f->held->kind) json_member(l->out, "kind", f->held->kind);
    if (f->held->name) json_member(l->out, "of", f->held->name);
    if (f->held->holder) json_holders(l->out, f);
}

static void json_task(listing *l, const weft__fiber *f)
{
    static const char *const states[] = { [WEFT__RUNNING] = "runs", [WEFT__READY] = "ready", [WEFT__PARKED] = "waits" };
    const weft__fiber *parent = f->root.parent->owner;
    int64_t end = deadline_of(f);
    weft__buf_printf(l->out, "{\"task\":%" PRIu64, f->serial);
    json_member(l->out, "name", f->task->name);
    if (f->label) json_member(l->out, "label", f->label);
    json_member(l->out, "place", f->task->place);
    weft__buf_printf(l->out, ",\"parent\":%" PRIu64, parent ? parent->serial : 0);
    json_member(l->out, "scope", f->root.parent->place);
    json_ms(l->out, "age_ms", l->now_ns - f->began_ns);
    json_member(l->out, "state", states[f->state]);
    if (f->state == WEFT__PARKED) json_wait(l, f);
    if (end != INT64_MAX) json_ms(l->out, "deadline_ms", end - l->now_ns);
    if (weft__scope_effective(f->scope)) weft__buf_lit(l->out, ",\"cancelled\":true");
    stack(l, f, 0);
    weft__buf_lit(l->out, "}\n");
}

static void json_ring(void *ctx, weft__fiber *const *ring, size_t n)
{
    listing *l = ctx;
    if (l->rings++ >= RINGS_MAX) return;
    int64_t at = ring_deadline(ring, n);
    size_t first = weft__ring_oldest(ring, n);
    weft__buf_lit(l->out, "{\"deadlock\":[");
    for (size_t i = 0; i < n; i++) weft__buf_printf(l->out, "%s%" PRIu64, i ? "," : "", ring[(first + i) % n]->serial);
    weft__buf_add_char(l->out, ']');
    if (at != INT64_MAX) json_ms(l->out, "deadline_ms", at - l->now_ns);
    weft__buf_lit(l->out, "}\n");
}

static void json_list(listing *l)
{
    uint32_t all = l->loop->stacks.in_use;
    int depth = 0;
    weft__buf_printf(l->out, "{\"tasks\":%" PRIu32 ",\"shown\":%" PRIu32 "}\n", all, all < l->tasks_max ? all : l->tasks_max);
    for (weft_scope *s = &l->loop->top; l->shown < l->tasks_max && (s = weft__walk_next(&l->loop->top, s, &depth));) {
        const weft__fiber *f = weft__scope_task(s);
        size_t before = l->out->len;
        if (!f) continue;
        json_task(l, f);
        if (!had_room(l, before)) break;
        l->shown++;
    }
    if (l->full) weft__buf_printf(l->out, "{\"left_out\":%" PRIu32 ",\"bytes_max\":%zu}\n", all - l->shown, l->out->bytes_max);
    weft__rings(l->loop, json_ring, l);
}

weft_str weft__whole_lines(weft_str s)
{
    const char *end = memrchr(s.ptr, '\n', s.len);
    return (weft_str){ s.ptr, end ? (size_t)(end - s.ptr) + 1 : 0 };
}

/* ---- at the end of a program ---- */

void weft__left_note(weft__loop *loop, const weft_scope *s)
{
    if (loop->left_turn != loop->turns) weft__buf_clear(&loop->left);    /* of a scope that was not its last */
    for (const weft_task *t = s->tasks; t; t = t->next) {
        if (t->done) continue;
        weft__buf_lit(&loop->left, "weft:   ");
        weft__say_task(&loop->left, t);
        if (t->fiber->state == WEFT__PARKED) weft__buf_printf(&loop->left, ", which waited for %s", t->fiber->waits_for);
        weft__buf_add_char(&loop->left, '\n');
    }
}

void weft__left_say(weft__loop *loop, const char *program)
{
    weft_str lines = weft__whole_lines(weft__buf_str(&loop->left));
    if (!lines.len || loop->left_turn != loop->turns) return;
    weft__say("weft: tasks left over at the end of %s were cancelled (join their scope, or cancel it):\n%.*s%s",
        program, WEFT_FMT(lines), loop->left.failed ? "weft:   and more\n" : "");
}

/* ---- asked for ---- */

void weft__inspect(weft__loop *loop, weft__buf *out, const weft_tasks_opts *opts, weft__stacks *kept)
{
    listing l = { loop, out, opts, .kept = kept, .now_ns = loop->os->ops->now_ns(loop->os), .tasks_max = TASKS_SHOWN };
    if (opts->tasks_max > 0) l.tasks_max = opts->tasks_max < TASKS_MAX ? (uint32_t)opts->tasks_max : TASKS_MAX;
    if (opts->json) json_list(&l);
    else text_list(&l);
    if (l.stacks_shown && !kept) weft__unwind_forget();
}

/* Whole lines, as many at once as stderr takes without stalling. */
static void to_stderr(weft_str text)
{
    while (text.len) {
        size_t n = text.len < WEFT__STDERR_MAX ? text.len : WEFT__STDERR_MAX;
        const char *end = memrchr(text.ptr, '\n', n);
        if (end) n = (size_t)(end - text.ptr) + 1;
        if (!weft__os_stderr_try(text.ptr, n)) return;
        text.ptr += n;
        text.len -= n;
    }
}

void weft__dump(weft__loop *loop, const weft_tasks_opts *opts)
{
    weft__buf text;
    weft__buf_init(&text, TEXT_BYTES_MAX);
    weft__inspect(loop, &text, opts, NULL);
    to_stderr(weft__buf_str(&text));
    if (text.failed) weft__say("weft: the list is cut here: %s\n", text.failed == WEFT_ENOMEM ? "no memory" : "more than 4 MiB");
    weft__buf_free(&text);
}

void weft_dump_tasks_with(const weft_tasks_opts *opts)
{
    if (weft__loop_here()) weft__dump(weft__loop_here(), opts);
    else weft__say("weft: no loop runs on this thread, and so no task\n");
}

weft_str weft_tasks_text_with(const weft_tasks_opts *opts)
{
    weft_arena *arena = weft__self() ? weft__arena_here() : NULL;
    if (!arena) return (weft_str){ "", 0 };
    weft__buf text;
    weft__buf_init(&text, TEXT_BYTES_MAX);
    weft__inspect(weft__loop_here(), &text, opts, NULL);
    weft_str s = weft__arena_dup(arena, weft__whole_lines(weft__buf_str(&text)));
    if (!s.ptr) arena->lost = true;
    weft__buf_free(&text);
    return s.ptr ? s : (weft_str){ "", 0 };
}
