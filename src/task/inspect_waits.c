/* The tree of tasks, who waits for whom in it, and the words for both. */
#include <inttypes.h>
#include "base/mem.h"
#include "task/inspect.h"

enum { HOLDERS_SHOWN = 3 };

/* ---- the tree ---- */

/* A scope's list has its newest in front. */
static weft_scope *oldest(weft_scope *s)
{
    while (s && s->next) s = s->next;
    return s;
}

weft_scope *weft__walk_next(const weft_scope *top, weft_scope *s, int *depth)
{
    if (s->first_child) {
        ++*depth;
        return oldest(s->first_child);
    }
    while (s != top) {
        if (s->prev) return s->prev;
        s = s->parent;
        --*depth;
    }
    return NULL;
}

/* ---- waiting for each other ---- */

static const weft_scope *joins(const weft__fiber *f)
{
    return f->held->holder == weft__scope_holder ? ((const weft__joined *)f->held)->scope : NULL;
}

static bool is_task(const weft__held *on) { return on->kind && !strcmp(on->kind, "task"); }

static weft_task *that_runs(weft_task *t)
{
    while (t && t->done) t = t->next;
    return t;
}

weft_task *weft__waits_on(const weft__fiber *f)
{
    if (f->state != WEFT__PARKED || !f->held || !f->held->holder) return NULL;
    const weft_scope *s = joins(f);
    bool some_will_do = s && (s->wake_at || s->ended);
    if (s) return some_will_do ? NULL : that_runs(s->tasks);
    weft_task *t = f->held->holder(f->held, 0);
    return t && !t->done && !f->held->holder(f->held, 1) ? t : NULL;
}

weft_task *weft__waits_next(const weft__fiber *f, weft_task *t)
{
    return joins(f) ? that_runs(t->next) : NULL;
}

/* A depth-first search; its path is in memory of its own, because it may be as long as there are tasks. */
typedef struct path { weft__fiber **at; weft_task **next; size_t len, room; uint32_t on, done; } path;

static bool path_room(path *p)
{
    size_t room = p->room ? p->room * 2 : 64;
    weft__fiber **at = weft__realloc(p->at, room * sizeof *at);
    if (!at) return false;
    p->at = at;
    weft_task **next = weft__realloc(p->next, room * sizeof *next);
    if (!next) return false;
    p->next = next;
    p->room = room;
    return true;
}

static bool path_push(path *p, weft__fiber *f)
{
    if (p->len == p->room && !path_room(p)) return false;
    f->mark = p->on;
    p->at[p->len] = f;
    p->next[p->len++] = weft__waits_on(f);
    return true;
}

static void tell_ring(const path *p, const weft__fiber *from, weft__ring_fn *tell, void *ctx)
{
    size_t i = p->len;
    while (p->at[--i] != from) continue;
    tell(ctx, p->at + i, p->len - i);
}

static bool search(path *p, weft__fiber *from, weft__ring_fn *tell, void *ctx)
{
    if (!path_push(p, from)) return false;
    while (p->len) {
        weft__fiber *f = p->at[p->len - 1];
        weft_task *t = p->next[p->len - 1];
        if (!t) {
            f->mark = p->done;
            p->len--;
            continue;
        }
        p->next[p->len - 1] = weft__waits_next(f, t);
        if (t->fiber->mark == p->on) tell_ring(p, t->fiber, tell, ctx);
        else if (t->fiber->mark != p->done && !path_push(p, t->fiber)) return false;
    }
    return true;
}

int weft__rings(weft__loop *loop, weft__ring_fn *tell, void *ctx)
{
    path p = { .on = loop->marks + 1, .done = loop->marks + 2 };
    loop->marks += 2;
    bool whole = true;
    int depth = 0;
    for (weft_scope *s = &loop->top; s && whole; s = weft__walk_next(&loop->top, s, &depth)) {
        weft__fiber *f = weft__scope_task(s);
        if (f && f->mark != p.done) whole = search(&p, f, tell, ctx);
    }
    weft__free(p.at);
    weft__free(p.next);
    return whole ? 0 : WEFT_ENOMEM;
}

/* ---- in words ---- */

static void put(weft__buf *out, const char *text) { weft__buf_add(out, text, strlen(text)); }

static void put_number(weft__buf *out, const weft__fiber *f)
{
    weft__buf_add_char(out, '#');
    weft__buf_add_int(out, (int64_t)f->serial);
    weft__buf_add_char(out, ' ');
}

void weft__say_task(weft__buf *out, const weft_task *t)
{
    const weft__fiber *f = t->fiber;
    if (f) put_number(out, f);
    put(out, t->name);
    if (f && f->label) {
        weft__buf_lit(out, " \"");
        put(out, f->label);
        weft__buf_add_char(out, '"');
    }
    weft__buf_lit(out, " (");
    put(out, t->place);
    weft__buf_add_char(out, ')');
}

static bool starts_a(const char *what, const char *kind)
{
    return !strncmp(what, "a ", 2) && !strcmp(what + 2, kind);
}

static void say_what(weft__buf *out, const weft__fiber *f)
{
    const weft__held *on = f->held;
    bool named = on && on->name && on->kind && !joins(f) && !is_task(on), twice = named && starts_a(f->waits_for, on->kind);
    if (!twice) put(out, f->waits_for);
    if (named && !twice) weft__buf_lit(out, ", ");
    if (!named) return;
    put(out, on->kind);
    weft__buf_add_char(out, ' ');
    put(out, on->name);
}

/* What stands between the thing and who has it. */
static const char *link_of(const weft__fiber *f)
{
    return joins(f) || is_task(f->held) ? ": " : " held by ";
}

void weft__say_wait(weft__buf *out, const weft__fiber *f)
{
    say_what(out, f);
    if (!f->held || !f->held->holder) return;
    const weft_scope *s = joins(f);
    int shown = 0;
    for (const weft_task *t; shown < HOLDERS_SHOWN && (t = f->held->holder(f->held, shown)); shown++) {
        put(out, shown ? ", " : link_of(f));
        weft__say_task(out, t);
    }
    if (s && s->running > HOLDERS_SHOWN) weft__buf_printf(out, " and %" PRIu32 " more", s->running - HOLDERS_SHOWN);
    else if (!s && shown == HOLDERS_SHOWN && f->held->holder(f->held, shown)) weft__buf_lit(out, " and others");
}

size_t weft__ring_oldest(weft__fiber *const *ring, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++) {
        if (ring[i]->serial < ring[at]->serial) at = i;
    }
    return at;
}

void weft__say_ring(weft__buf *out, weft__fiber *const *ring, size_t n)
{
    size_t first = weft__ring_oldest(ring, n);
    weft__say_task(out, ring[first]->task);
    for (size_t i = 0; i < n; i++) {
        const weft__fiber *f = ring[(first + i) % n], *next = ring[(first + i + 1) % n];
        put(out, i ? ", which waits for " : " waits for ");
        say_what(out, f);
        put(out, joins(f) ? ", among them " : link_of(f));
        if (i + 1 < n) weft__say_task(out, next->task);
        else {
            put_number(out, next);
            put(out, next->task->name);
        }
    }
}

void weft__say_time(weft__buf *out, int64_t ns)
{
    int64_t ms = ns / 1000000, s = ms / 1000;
    if (ms < 1000) {
        weft__buf_add_int(out, ms);
        weft__buf_lit(out, " ms");
    } else if (s < 60) weft__buf_printf(out, "%" PRId64 ".%02" PRId64 " s", s, ms % 1000 / 10);
    else if (s < 3600) weft__buf_printf(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else weft__buf_printf(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
}
