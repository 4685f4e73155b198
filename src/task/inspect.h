#ifndef WEFT_SRC_TASK_INSPECT_H
#define WEFT_SRC_TASK_INSPECT_H
/* What the tasks of a loop do, told to whoever asks. On the loop's thread only, between two switches. */
#include "os/unwind.h"
#include "task/fiber.h"
#include "weft/inspect.h"

/* ---- the tree ---- */

/* The scope after s in the tree below top, a scope before those in it, older ones first; NULL after the last. *depth
 * goes with it: 0 for top. */
weft_scope *weft__walk_next(const weft_scope *top, weft_scope *s, int *depth);

/* The task whose own scope this is, or NULL: it is a block of a task. */
static inline weft__fiber *weft__scope_task(const weft_scope *s)
{
    return s->owner && s == &s->owner->root ? s->owner : NULL;
}

/* ---- waiting for each other ---- */

/* The first task that f waits for and that must do something before f can go on, and the one after t; NULL: none. Only
 * where all of them must, or there is but one, so that a circle of them is a deadlock. */
weft_task *weft__waits_on(const weft__fiber *f);
weft_task *weft__waits_next(const weft__fiber *f, weft_task *t);

/* Tell of every circle: ring[0] waits for ring[1], ..., ring[n - 1] for ring[0]. Of circles that share tasks at least one
 * is told. WEFT_ENOMEM: not all were looked for. */
typedef void weft__ring_fn(void *ctx, weft__fiber *const *ring, size_t n);
int weft__rings(weft__loop *loop, weft__ring_fn *tell, void *ctx);

/* ---- in words ---- */

/* "#7 fetch (app.c:14)", with "GET /x" behind the name when it has a label. */
void weft__say_task(weft__buf *out, const weft_task *t);
/* "a timer"; "mutex stock held by #3 ship (shop.c:31)". */
void weft__say_wait(weft__buf *out, const weft__fiber *f);
size_t weft__ring_oldest(weft__fiber *const *ring, size_t n);     /* where it is best begun: the same in each dump */
/* "#2 pay (a.c:1) waits for mutex stock held by #3 ship (a.c:2), which waits for ...", without an end of line. */
void weft__say_ring(weft__buf *out, weft__fiber *const *ring, size_t n);
/* "12 ms", "1.25 s", "3 min 20 s", "2 h 5 min". */
void weft__say_time(weft__buf *out, int64_t ns);

/* ---- stacks ---- */

/* The stack of a task that does not run, as it is now; at most 64 KiB of it. False, and nothing to drop: it runs, has not
 * begun, or there is no memory. Takes microseconds; the words for it take milliseconds, and may come later. */
typedef struct weft__stack_kept { weft__context context; weft__stack_bytes bytes; } weft__stack_kept;
bool weft__stack_keep(weft__stack_kept *k, const weft__fiber *f);
void weft__stack_drop(weft__stack_kept *k);
/* Its calls, innermost first: "weft_sleep_ms (loop.c:271)". Without what is below the call that waits, and what calls
 * the task's function. */
typedef void weft__line_fn(void *ctx, const char *line);
void weft__stack_tell(const weft__stack_kept *k, weft__line_fn *fn, void *ctx);

/* ---- the list ---- */

/* The list, and the circles, with an end of line after each. When out's limit (64 KiB at least) is reached the list ends
 * with how many tasks were left out; out->failed: it breaks off, without memory or with circles beyond any room. With `stacks`, `kept` takes those and where in the text
 * they belong, WEFT__STACKS_MAX at most; NULL: they are put into the text at once. */
enum { WEFT__STACKS_MAX = 64 };
typedef struct weft__stacks { uint32_t count; struct { size_t at; int indent; weft__stack_kept kept; } of[WEFT__STACKS_MAX]; } weft__stacks;
void weft__inspect(weft__loop *loop, weft__buf *out, const weft_tasks_opts *opts, weft__stacks *kept);
weft_str weft__whole_lines(weft_str s);                           /* without what is behind the last end of line */
/* One kept stack, as it stands in the list: lines of text, or a member of a JSON object. */
void weft__say_stack(weft__buf *out, const weft__stack_kept *k, int indent, bool json);
/* The same to stderr. */
void weft__dump(weft__loop *loop, const weft_tasks_opts *opts);

/* ---- while a program runs ---- */

/* A socket at a unix address ("unix:@name") that answers with the list, until it is closed. A request is a line: "tasks",
 * "tree" or "stacks"; behind that, in this order, "json" and how many tasks at most. The answer ends with the
 * connection. Four clients at a time, 10 seconds each; only those of the same user, or root. 0, WEFT_EINVAL for another
 * kind of address, WEFT_ENOMEM, or a code of listen: -EADDRINUSE. Waits: never. */
typedef struct weft__inspector weft__inspector;
int weft__inspector_open(weft__inspector **out, weft__loop *loop, const char *address);
/* Of an answer; tests have less. */
extern size_t weft__inspector_bytes_max;
void weft__inspector_close(weft__inspector *in);                  /* before the loop is freed; NULL: nothing */

/* SIGQUIT writes the list with its stacks to stderr, unless that signal is used otherwise; with `inspect` or
 * WEFT_INSPECT=1 in the environment (0 there: not in any case) the socket @weft-inspect/PID is open, or .../PID.1 and so
 * on where the name is taken. What cannot be had is said on stderr. Between weft__loop_new and weft__loop_free. */
typedef struct weft__visible { weft__watch quit; weft__loop *loop; struct weft__door *door; weft__inspector *inspector; } weft__visible;
void weft__visible_start(weft__visible *v, weft__loop *loop, bool inspect);
void weft__visible_stop(weft__visible *v);

/* ---- at the end of a program ---- */

/* The root task leaves a scope with tasks that still run: keep their names, in case this is the end. */
void weft__left_note(weft__loop *loop, const weft_scope *s);
/* The root task has ended well: name what its last scopes were left with, if that was its end. */
void weft__left_say(weft__loop *loop, const char *program);

/* What this thread's loop works on now: the label of its work ("GET /items/{item_id}"), its task and where that began;
 * "" for what is not known. Returns what weft__work_here would. Async-signal-safe. */
void *weft__running_names(char *work, size_t work_room, char *task, size_t task_room);
#endif
