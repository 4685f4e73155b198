/* The watchdog: looks at a loop from a thread of its own, and says what holds it. */
#include "task/watchdog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "os/peek.h"
#include "os/sampler.h"
#include "os/stderr.h"
#include "task/blocked.h"
#include "task/fiber.h"

enum { LIMIT_MS = 100, LIMIT_LEAST_MS = 10, PERIOD_MAX_MS = 50, LOOKS_PER_LIMIT = 5, GROWTH = 3, STARVED_LIMITS = 10, FRAMES_MAX = 48 };
enum { NAME_BYTES = 96, SPAWNED_BYTES = 160, PLACE_BYTES = 300, STACK_BYTES = 3500 };
static const int64_t MS = 1000000, FORGET_AFTER_NS = 30000000000, LATE_NS = 1000000000;

/* What the loop published at one look. */
typedef struct sight { weft__fiber *current; uint64_t turns; bool polling; } sight;

struct weft__watchdog {
    weft__loop *loop;
    weft__sampler *started, *sampler;    /* the same: written by the thread that started it, and by its own */
    weft__told_fn *told;
    void *ctx;
    int limit_ms, period_ms;
    /* the turn that goes on */
    uint64_t turns;
    int64_t since_ns, looked_ns;         /* it began at or after this; the last look */
    int64_t cpu_ns;                      /* processor time of the thread at a look of this turn; -1: not yet */
    int64_t asleep_ns;                   /* seen asleep in a call, since then */
    int64_t next_ms;                     /* how long it is when it is told next */
    bool reported, named, starved;       /* told at all; told with what holds it */
    const weft__fiber *runs;             /* who ran at the last look, and since which one */
    int64_t runs_since_ns;
    int64_t unwound_ns;                  /* when stacks were last read; 0: their files are closed */
    /* what holds it, of the last report */
    weft__block block;
    char work[NAME_BYTES + 32], task[NAME_BYTES], spawned[SPAWNED_BYTES], place[PLACE_BYTES], function[PLACE_BYTES], stack[STACK_BYTES];
};

/* ---- what another thread may see ---- */

static sight look_at(const weft__loop *loop)
{
    sight s;
    s.turns = __atomic_load_n(&loop->turns, __ATOMIC_ACQUIRE);
    s.polling = __atomic_load_n(&loop->polling, __ATOMIC_ACQUIRE);
    s.current = __atomic_load_n(&loop->current, __ATOMIC_ACQUIRE);
    return s;
}

static bool has_moved(const weft__watchdog *w, const sight *before)
{
    sight now = look_at(w->loop);
    return now.turns != before->turns || now.polling || now.current != before->current;
}

/* A text that another thread owns: cut where it cannot be read. */
static void copy_text(const char *from, char *to, size_t room)
{
    size_t n = from ? weft__os_peek((uintptr_t)from, to, room - 1) : 0;
    to[n] = 0;
}

/* Who runs. The task may end meanwhile and its memory be another's: the copies are good when nothing has moved. */
static void who_runs(weft__watchdog *w, const sight *s, int64_t now)
{
    weft__fiber f;
    weft_task t;
    char label[NAME_BYTES] = "";
    bool alone = now - w->runs_since_ns >= (now - w->since_ns) / 2;
    w->task[0] = w->spawned[0] = 0;
    strcpy(w->work, "the loop");
    if (!s->current || weft__os_peek((uintptr_t)s->current, &f, sizeof f) != sizeof f) return;
    if (weft__os_peek((uintptr_t)f.task, &t, sizeof t) != sizeof t) return;
    copy_text(t.name, w->task, sizeof w->task);
    copy_text(t.place, w->spawned, sizeof w->spawned);
    copy_text(f.label, label, sizeof label);
    snprintf(w->work, sizeof w->work, "%s%s%s", alone ? "" : "several tasks, now ", label[0] ? "" : "task ", label[0] ? label : w->task);
}

/* ---- its stack ---- */

typedef struct text { char *to; size_t room, len; } text;

static void add_line(text *t, const char *line, int times)
{
    char full[PLACE_BYTES + 40];
    int n = times > 1 ? snprintf(full, sizeof full, "%s, %d times\n", line, times) : snprintf(full, sizeof full, "%s\n", line);
    if (n < 0 || (size_t)n >= t->room - t->len) return;
    memcpy(t->to + t->len, full, (size_t)n + 1);
    t->len += (size_t)n;
}

/* The innermost of the user's with a line, or else any of the user's, or of weft's. */
static int rank(const weft__place *p)
{
    if (p->owner == WEFT__OWNER_USER && p->line) return 3;
    if (p->owner == WEFT__OWNER_USER) return 2;
    return p->owner == WEFT__OWNER_WEFT;
}

typedef struct telling { text stack; char line[PLACE_BYTES]; int times, rank; } telling;

static void tell_place(weft__watchdog *w, telling *t, const weft__place *p)
{
    char line[PLACE_BYTES];
    weft__place_format(p, line, sizeof line);
    if (!w->place[0] || rank(p) > t->rank) {
        t->rank = rank(p);
        strcpy(w->place, line);
        snprintf(w->function, sizeof w->function, "%.95s (%.159s)", p->function, p->file[0] ? p->file : p->module);
    }
    if (t->times && strcmp(line, t->line) == 0) {
        t->times++;
        return;
    }
    if (t->times) add_line(&t->stack, t->line, t->times);
    strcpy(t->line, line);
    t->times = 1;
}

static void tell_stack(weft__watchdog *w, const weft__sample *sample)
{
    uintptr_t pcs[FRAMES_MAX];
    weft__place places[8];
    telling t = { .stack = { w->stack, sizeof w->stack, 0 } };
    int n = weft__unwind(&sample->regs, &sample->stack, pcs, FRAMES_MAX);
    for (int i = 0; i < n; i++) {
        int found = weft__places_of(pcs[i], places, 8);
        for (int k = 0; k < found; k++) tell_place(w, &t, &places[k]);
    }
    if (t.times) add_line(&t.stack, t.line, t.times);
    w->unwound_ns = weft__sampler_now_ns();
}

/* ---- reports ---- */

static void tell(weft__watchdog *w, int64_t ms, bool last)
{
    w->block.ms = ms;
    w->block.busy_ms = w->block.busy_ms > ms ? ms : w->block.busy_ms;
    w->block.first = !w->named;
    w->block.last = last;
    w->block.starved = w->starved;
    w->block.work = w->work;
    w->block.task = w->task;
    w->block.spawned = w->spawned;
    w->block.place = w->place;
    w->block.function = w->function;
    w->block.stack = w->stack;
    w->reported = true;
    w->named = w->named || !w->starved;
    if (last && !w->starved) weft__blocked_add(w->work, w->function, ms);
    w->told(w->ctx, &w->block);
}

/* A machine that has no processor for the loop makes it late too, and soon has one. */
static void keep_busy(weft__watchdog *w)
{
    int64_t busy = weft__sampler_cpu_ns(w->sampler) - w->cpu_ns + w->asleep_ns;
    w->block.busy_ms = busy / MS;
    w->starved = w->block.busy_ms < w->limit_ms / 2;
}

static void report(weft__watchdog *w, const sight *s, int64_t now)
{
    weft__sample sample;
    keep_busy(w);
    if (w->starved && (w->reported || now - w->since_ns < STARVED_LIMITS * w->limit_ms * MS)) return;
    who_runs(w, s, now);
    if (has_moved(w, s)) return;
    w->place[0] = w->function[0] = w->stack[0] = 0;
    if (!w->starved && weft__sampler_take(w->sampler, &sample) && !has_moved(w, s)) tell_stack(w, &sample);
    tell(w, (now - w->since_ns) / MS, false);
    while (w->next_ms <= w->block.ms) w->next_ms *= GROWTH;
}

static void turned(weft__watchdog *w, uint64_t turns, int64_t now)
{
    if (w->reported) {
        keep_busy(w);
        w->starved = !w->named;
        tell(w, (now - w->since_ns) / MS, true);
    }
    w->turns = turns;
    w->since_ns = now;
    w->next_ms = w->limit_ms;
    w->cpu_ns = w->sampler ? weft__sampler_cpu_ns(w->sampler) : -1;
    w->asleep_ns = 0;
    w->reported = w->named = false;
    if (w->unwound_ns && now - w->unwound_ns > FORGET_AFTER_NS) {
        weft__unwind_forget();
        w->unwound_ns = 0;
    }
}

/* The same turn as at the look before. When the watchdog itself was late by a second, the process stood (stopped, or
 * in a debugger). */
static void goes_on(weft__watchdog *w, const sight *s, int64_t now)
{
    int64_t gap = now - w->looked_ns, late = gap - LATE_NS;
    if (late > 0) w->since_ns += late;
    if (w->cpu_ns < 0) w->cpu_ns = weft__sampler_cpu_ns(w->sampler);
    else if (weft__sampler_asleep(w->sampler)) w->asleep_ns += late > 0 ? LATE_NS : gap;
    if (s->current != w->runs || w->runs_since_ns < w->since_ns) {
        w->runs = s->current;
        w->runs_since_ns = now;
    }
    if (now - w->since_ns >= w->next_ms * MS) report(w, s, now);
}

static void look(weft__sampler *sampler, void *ctx)
{
    weft__watchdog *w = ctx;
    int64_t now = weft__sampler_now_ns();
    sight s = look_at(w->loop);
    w->sampler = sampler;
    if (s.polling || s.turns != w->turns) turned(w, s.turns, now);
    else goes_on(w, &s, now);
    w->looked_ns = weft__sampler_now_ns();
}

/* ---- start and stop ---- */

int weft__watchdog_limit(int wanted_ms)
{
    const char *set = getenv("WEFT_WATCHDOG_MS");
    char *end = NULL;
    long ms = set && *set ? strtol(set, &end, 10) : 0;
    bool is_number = end && !*end && ms >= 0 && ms <= INT32_MAX;
    if (!is_number) ms = wanted_ms ? wanted_ms : LIMIT_MS;
    if (ms <= 0) return 0;
    return ms < LIMIT_LEAST_MS ? LIMIT_LEAST_MS : (int)ms;
}

weft__watchdog *weft__watchdog_start(weft__loop *loop, int limit_ms, weft__told_fn *told, void *ctx)
{
    weft__watchdog *w = limit_ms > 0 ? weft__calloc(sizeof *w) : NULL;
    if (!w) return NULL;
    w->loop = loop;
    w->told = told ? told : weft__watchdog_log;
    w->ctx = ctx;
    w->limit_ms = limit_ms;
    w->period_ms = limit_ms / LOOKS_PER_LIMIT < PERIOD_MAX_MS ? limit_ms / LOOKS_PER_LIMIT : PERIOD_MAX_MS;
    w->looked_ns = weft__sampler_now_ns();
    turned(w, look_at(loop).turns, w->looked_ns);
    w->started = weft__sampler_start(w->period_ms, look, w);
    if (w->started) return w;
    weft__free(w);
    return NULL;
}

void weft__watchdog_stop(weft__watchdog *w)
{
    if (!w) return;
    weft__sampler_stop(w->started);
    w->sampler = w->started;
    if (w->reported) turned(w, w->turns, weft__sampler_now_ns());
    weft__sampler_free(w->started);
    if (w->unwound_ns) weft__unwind_forget();
    weft__free(w);
}
